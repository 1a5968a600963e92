"""The agency's bank on the local stack: it takes what the program writes, and the program reads what it answers."""

from __future__ import annotations

import ast
import csv
import sys
from pathlib import Path
from typing import Any

import pytest

from hunar import bank_files
from hunar.domain.bank_file import BankFile, Instruction, Result, Status, Terms, read_results, reference, write
from hunar.domain.beneficiary import Details, propose
from local import bank
from local.bank import Answer, Bank, Refused

LAYOUT = bank_files.layout("hdfc_enet")
TERMS = Terms("2026-11-26-S", "2026-11-27", settings={"client_code": "HUNR"})
PAYEES = Path(bank.__file__).with_name("demo-payees.csv")
REJECTED, BACK = "INVALID ACCOUNT NUMBER", "ACCOUNT CLOSED"


def payees() -> list[dict[str, str]]:
    with PAYEES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def given_out() -> BankFile:
    """A file with all groups of the demo in it."""
    return write(
        LAYOUT,
        TERMS,
        [
            Instruction(
                reference("payout", TERMS.batch_id, row["group_id"], most=15),
                paise,
                *(row[name] for name in ("name", "account", "ifsc", "account_type")),
            )
            for paise, row in zip((1, 99, 12_345_678, 70_000, 1_00), payees(), strict=True)
        ],
    )


FILE = given_out()
TEXT = FILE.content.decode("ascii")
REFERENCES = [line.split(",")[0] for line in TEXT.splitlines()]


def read(answer: Answer) -> dict[str, Result]:
    return {one.payout_id: one for one in read_results(LAYOUT, answer.name, answer.content.encode("ascii"))}


def took(**said: Any) -> tuple[Bank, Answer]:
    to = Bank()
    return to, to.take(FILE.name, TEXT, count=FILE.count, total_paise=FILE.control_total, **said)


def test_it_has_nothing_of_the_program_that_it_is_to_check() -> None:
    names = set()
    for node in ast.walk(ast.parse(Path(bank.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names <= sys.stdlib_module_names


def test_the_demos_accounts_are_ones_that_a_person_may_enter() -> None:
    for row in payees():
        details = Details(*(row[name] for name in ("name", "account", "ifsc", "account_type")))
        made = propose(
            None,
            row["group_id"],
            details,
            by="a",
            at="2026-11-26T00:00:00Z",
            cooling_days=7,
            states=bank_files.states(),
        )
        assert made.beneficiary.account == row["account"]


def test_what_it_pays_and_what_it_rejects_is_read_as_it_says() -> None:
    to, answer = took(reject={REFERENCES[1]: REJECTED})
    said = read(answer)
    assert list(said) == REFERENCES
    assert sum(one.amount_paise for one in said.values()) == FILE.control_total
    no = said.pop(REFERENCES[1])
    assert (no.status, no.utr, no.reason) == (Status.REJECTED, "", REJECTED)
    assert {one.status for one in said.values()} == {Status.EXECUTED}
    assert len({one.utr for one in said.values()}) == len(said)
    assert {one.day for one in said.values()} == {TERMS.value_date}
    assert to.paid_paise == FILE.control_total - no.amount_paise


def test_the_same_file_again_is_paid_once_and_answered_as_before() -> None:
    to, first = took()
    assert to.take(FILE.name, TEXT) == first
    assert to.paid_paise == FILE.control_total
    with pytest.raises(Refused, match="was paid already"):
        to.take(FILE.name, TEXT, reject={REFERENCES[1]: REJECTED})
    with pytest.raises(Refused, match="with another content"):
        to.take(FILE.name, TEXT.replace("0.01", "0.02", 1))
    with pytest.raises(Refused, match="was paid from another file"):
        to.take(FILE.name.replace(".001", ".002"), TEXT)


def test_what_it_sends_back_days_later_names_the_payments_own_reference() -> None:
    to, first = took()
    back = to.sends_back(FILE.name, {REFERENCES[0]: BACK}, days=3)
    [said] = read(back).values()
    assert (said.payout_id, said.status, said.reason, said.day) == (REFERENCES[0], Status.REJECTED, BACK, "2026-11-30")
    assert said.utr == read(first)[REFERENCES[0]].utr
    assert back.name != first.name
    assert to.paid_paise == FILE.control_total - said.amount_paise
    for again in ({REFERENCES[0]: BACK}, {"PNOBODY": BACK}, {}):
        with pytest.raises(Refused, match="send_back"):
            to.sends_back(FILE.name, again, days=3)
    with pytest.raises(Refused, match="days"):
        to.sends_back(FILE.name, {REFERENCES[2]: BACK}, days=0)


def test_its_mistakes_are_a_paisa_in_one_row_or_a_payment_that_nobody_ordered() -> None:
    to, first = took()
    right, wrong = read(first), read(to.errs(FILE.name, wrong=REFERENCES[2]))
    off = {name: wrong[name].amount_paise - right[name].amount_paise for name in right}
    assert off == dict.fromkeys(REFERENCES, 0) | {REFERENCES[2]: 1}
    strange = read(to.errs(FILE.name, unknown=True))
    assert {name: strange[name] for name in right} == right
    assert len(strange) == len(right) + 1
    assert to.paid_paise == FILE.control_total
    for refused in ({"name": "HUNR0101.001"}, {"name": FILE.name, "wrong": "PNOBODY"}):
        with pytest.raises(Refused):
            to.errs(**refused)


ROW = TEXT.splitlines()[0]
FIELDS = ROW.split(",")


def spoilt(column: int, text: str) -> str:
    return TEXT.replace(ROW, ",".join([*FIELDS[:column], text, *FIELDS[column + 1 :]]), 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (spoilt(1, "SAMUH, GANGA"), "row 1: has 8 columns"),
        (spoilt(1, "समूह"), "not plain Latin"),
        (spoilt(1, "=SAMUH"), "row 1, name"),
        (spoilt(1, ""), "row 1, name"),
        (spoilt(0, "P" * 16), "row 1, reference"),
        (spoilt(0, REFERENCES[1]), "stands there twice"),
        (spoilt(2, "12"), "row 1, account:"),
        (spoilt(3, "SBIN1099101"), "row 1, IFSC"),
        (spoilt(4, "SAVINGS"), "row 1, account type"),
        (spoilt(5, "1,234.50"), "columns"),
        (spoilt(5, "1234.5"), "row 1, amount"),
        (spoilt(5, "01.50"), "row 1, amount"),
        (spoilt(5, "-1.50"), "row 1, amount"),
        (spoilt(5, "0.00"), "nothing is to be paid"),
        (spoilt(6, "20261128"), "one day"),
        (TEXT.replace("20261127", "20261332"), "is no day"),
        (TEXT.replace("20261127", "20261128"), "another day than its rows"),
        (TEXT.replace("\r\n", "\n"), "CR LF"),
        (TEXT.rstrip(), "CR LF"),
        ("", "CR LF"),
        ("\r\n", "columns"),
    ],
)
def test_it_refuses_what_a_bank_refuses_and_pays_nothing(content: str, said: str) -> None:
    to = Bank()
    with pytest.raises(Refused, match=said):
        to.take(FILE.name, content)
    assert to.paid_paise == 0
    assert to.take(FILE.name, TEXT).payments


@pytest.mark.parametrize("more", [{"count": 4}, {"total_paise": 1}, {"reject": {"PNOBODY": REJECTED}}])
def test_what_is_typed_beside_the_file_must_be_true(more: dict[str, Any]) -> None:
    to = Bank()
    with pytest.raises(Refused, match=next(iter(more))):
        to.take(FILE.name, TEXT, **more)
    assert to.paid_paise == 0


@pytest.mark.parametrize("name", ["payments.csv", "hunr2711.001", "HUNR2711.1", "HUNR27111.001"])
def test_its_name_is_the_clients_code_and_the_day(name: str) -> None:
    with pytest.raises(Refused, match="file"):
        Bank().take(name, TEXT)
