"""The ISO 20022 message is valid by its published schema, says what it pays, and is the same whenever it is made."""

from __future__ import annotations

from importlib import resources
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema

from hunar.domain.bank_file import FileRefused, Instruction
from hunar.domain.pain001 import LAYOUT, NAMESPACE, BankFile, Debtor, write
from tests.payees import BATCH, CLOSED
from tests.unit.test_bank_files import PAYMENTS, instruction

NAMES = {"": NAMESPACE}
DEBTOR = Debtor("Hunar Demo Federation", "000451009999", "HDFC0000001")
SCHEMA = xmlschema.XMLSchema(str(resources.files("sepaxml") / f"schemas/{LAYOUT}.xsd"))
"""The schema as ISO publishes it; a package for European payments carries it."""


def made(*payments: Instruction, debtor: Debtor = DEBTOR, **said: Any) -> BankFile:
    usual: dict[str, Any] = {"made_at": CLOSED}
    return write(debtor, BATCH, "2026-12-16", payments or PAYMENTS, **usual | said)


def texts(file: BankFile, path: str) -> list[str | None]:
    return [found.text for found in ElementTree.fromstring(file.content).iterfind(path, NAMES)]


def test_the_message_is_valid_and_the_schema_would_notice() -> None:
    file = made()
    SCHEMA.validate(file.content.decode())
    for wrong in (
        file.content.replace(b"EndToEndId", b"EndToEnd"),
        file.content.replace(b"<NbOfTxs>4</NbOfTxs>", b"<NbOfTxs>four</NbOfTxs>"),
        file.content.replace(b"1234.56", b"1234.567891"),
    ):
        assert not SCHEMA.is_valid(wrong.decode())


def test_totals_stand_in_the_header_and_in_each_block() -> None:
    file = made()
    assert texts(file, ".//GrpHdr/NbOfTxs") == ["4"]
    assert texts(file, ".//GrpHdr/CtrlSum") == ["401234.62"]
    assert texts(file, ".//PmtInf/PmtTpInf/SvcLvl/Cd") == ["NURG", "URGP"]
    assert texts(file, ".//PmtInf/NbOfTxs") == ["3", "1"]
    assert texts(file, ".//PmtInf/CtrlSum") == ["201234.62", "200000.00"]
    assert (file.count, file.control_total) == (4, 40_123_462)


def test_each_payment_says_whom_where_and_how_much() -> None:
    file = made(instruction("G01"))
    payout = instruction("G01").payout_id
    assert texts(file, ".//CdtTrfTxInf/PmtId/EndToEndId") == [payout]
    assert texts(file, ".//CdtTrfTxInf/RmtInf/Ustrd") == [payout]
    assert texts(file, ".//CdtrAcct/Id/Othr/Id") == ["000123456789"]
    assert texts(file, ".//CdtrAcct/Tp/Cd") == ["SVGS"]
    assert texts(file, ".//CdtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd") == ["INFSC"]
    assert texts(file, ".//CdtrAgt/FinInstnId/ClrSysMmbId/MmbId") == ["SBIN0001234"]
    assert texts(file, ".//DbtrAcct/Id/Othr/Id") == ["000451009999"]
    assert texts(file, ".//ReqdExctnDt") == ["2026-12-16"]
    assert texts(file, ".//CreDtTm") == ["2026-12-15T06:00:00"]
    amount = ElementTree.fromstring(file.content).find(".//InstdAmt", NAMES)
    assert amount is not None
    assert (amount.text, amount.attrib) == ("1234.56", {"Ccy": "INR"})


def test_the_message_is_the_same_whenever_it_is_made() -> None:
    assert made(*reversed(PAYMENTS)).content == made().content


def test_a_name_with_marks_of_xml_stays_a_name() -> None:
    file = made(instruction("G01", name="MAA & CO </Nm>"))
    SCHEMA.validate(file.content.decode())
    assert texts(file, ".//Cdtr/Nm") == ["MAA & CO </Nm>"]


@pytest.mark.parametrize("name", ["", "जय माँ", "A\x00B", "N" * 141])
def test_a_name_that_the_message_cannot_carry_is_refused_with_its_row(name: str) -> None:
    with pytest.raises(FileRefused, match=r"row 1 column Nm: must be 1 to 140 ASCII characters"):
        made(instruction("G01", name=name))
    with pytest.raises(FileRefused, match="column Nm"):
        made(debtor=Debtor(name, "000451009999", "HDFC0000001"))


def test_an_empty_message_is_refused_and_a_debtor_is_not_shown() -> None:
    with pytest.raises(FileRefused, match="has no rows"):
        write(DEBTOR, BATCH, "2026-12-16", [], made_at=CLOSED)
    assert "9999" not in f"{DEBTOR!r} {DEBTOR}"
