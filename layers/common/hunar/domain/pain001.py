"""A batch as an ISO 20022 credit transfer (pain.001.001.03), for a bank that takes it instead of a file of its own.

What is Indian about it: accounts have no IBAN but a number (``Othr/Id``), branches no BIC but an IFSC
(``ClrSysMmbId`` with the clearing system INFSC), and the system is told by the service level: NURG for
NEFT, URGP for RTGS, each a payment block of its own. Which of the optional parts a bank wants differs; its
own guide decides before the first file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from hunar.domain.bank_file import NEFT, RTGS, BankFile, FileRefused, Instruction, mode, reference, whole
from hunar.domain.facts import moment
from hunar.domain.money import rupees
from hunar.domain.spreadsheet import Problem

LAYOUT: Final = "pain.001.001.03"
NAMESPACE: Final = f"urn:iso:std:iso:20022:tech:xsd:{LAYOUT}"
MOST_NAME: Final = 140

_LEVELS: Final[Mapping[str, str]] = {NEFT: "NURG", RTGS: "URGP"}
_ACCOUNTS: Final[Mapping[str, str]] = {"SAVINGS": "SVGS", "CURRENT": "CACC"}


@dataclass(frozen=True)
class Debtor:
    """Who pays, and from which account. Not shown."""

    name: str
    account: str
    ifsc: str

    def __repr__(self) -> str:
        return f"Debtor({self.ifsc})"


def write(
    debtor: Debtor, batch_id: str, value_date: str, instructions: Iterable[Instruction], *, made_at: str
) -> BankFile:
    """The message of a batch. ``made_at`` is the batch's own moment: the same batch gives the same bytes.

    FileRefused names row and field of what the message cannot say.
    """
    ordered = whole(instructions, LAYOUT)
    problems = [
        Problem(LAYOUT, row, "Nm", f"must be 1 to {MOST_NAME} ASCII characters")
        for row, name in enumerate([debtor.name, *(one.name for one in ordered)])
        if not (name.isascii() and name.isprintable() and 0 < len(name) <= MOST_NAME)
    ]
    if problems:
        raise FileRefused(problems)
    message = reference("message", batch_id, most=15)
    root = Element("Document", {"xmlns": NAMESPACE})
    initiation = SubElement(root, "CstmrCdtTrfInitn")
    header = SubElement(initiation, "GrpHdr")
    _text(header, "MsgId", message)
    _text(header, "CreDtTm", moment(made_at).astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat())
    _totals(header, ordered)
    _text(SubElement(header, "InitgPty"), "Nm", debtor.name)
    for way, level in _LEVELS.items():
        if some := [one for one in ordered if mode(one.amount_paise, one.ifsc) == way]:
            _block(initiation, debtor, f"{message}{way}", level, value_date, some)
    ElementTree.indent(root)
    content = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
    total = sum(one.amount_paise for one in ordered)
    return BankFile(f"{message}.xml", content, LAYOUT, value_date, len(ordered), total)


def _block(
    initiation: Element, debtor: Debtor, name: str, level: str, value_date: str, some: list[Instruction]
) -> None:
    block = SubElement(initiation, "PmtInf")
    _text(block, "PmtInfId", name)
    _text(block, "PmtMtd", "TRF")
    _totals(block, some)
    _text(SubElement(SubElement(block, "PmtTpInf"), "SvcLvl"), "Cd", level)
    _text(block, "ReqdExctnDt", value_date)
    _text(SubElement(block, "Dbtr"), "Nm", debtor.name)
    _text(_account(block, "DbtrAcct", debtor.account), "Ccy", "INR")
    _agent(block, "DbtrAgt", debtor.ifsc)
    for one in some:
        transfer = SubElement(block, "CdtTrfTxInf")
        _text(SubElement(transfer, "PmtId"), "EndToEndId", one.payout_id)
        amount = SubElement(SubElement(transfer, "Amt"), "InstdAmt", {"Ccy": "INR"})
        amount.text = rupees(one.amount_paise)
        _agent(transfer, "CdtrAgt", one.ifsc)
        _text(SubElement(transfer, "Cdtr"), "Nm", one.name)
        account = _account(transfer, "CdtrAcct", one.account)
        if code := _ACCOUNTS.get(one.account_type):
            _text(SubElement(account, "Tp"), "Cd", code)
        _text(SubElement(transfer, "RmtInf"), "Ustrd", one.payout_id)


def _totals(parent: Element, some: list[Instruction]) -> None:
    _text(parent, "NbOfTxs", str(len(some)))
    _text(parent, "CtrlSum", rupees(sum(one.amount_paise for one in some)))


def _account(parent: Element, tag: str, number: str) -> Element:
    account = SubElement(parent, tag)
    _text(SubElement(SubElement(account, "Id"), "Othr"), "Id", number)
    return account


def _agent(parent: Element, tag: str, ifsc: str) -> None:
    member = SubElement(SubElement(SubElement(parent, tag), "FinInstnId"), "ClrSysMmbId")
    _text(SubElement(member, "ClrSysId"), "Cd", "INFSC")
    _text(member, "MmbId", ifsc)


def _text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
