"""``hunar statement`` and ``hunar export``: what is shown, what a file holds, and what is refused before it is made."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from beancount import loader
from moto import mock_aws
from openpyxl import load_workbook

from hunar import tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.cli.export import AGES, REGISTER, UNPAID
from hunar.domain.money import rupees
from hunar.domain.registers import lots
from hunar.ports import Put
from tests.statements import demo_book, stored
from tests.unit.test_cli import create_stack, document, hunar, one_line

DEV = ("--stage", "dev")
BOOK = demo_book()
LAST = BOOK.heads["G03"].seq


@pytest.fixture
def store() -> Iterator[DynamoDBStore]:
    with mock_aws():
        made = DynamoDBStore(boto3.client("dynamodb"), create_stack().tables)
        group = {"group_id": "G03", "name": "Roshni", "city": "Kolkata", "locale": "bn", "women": 15}
        made.commit([Put(tables.group("G03"), group), Put(tables.agency(), {"name": "Demo City Livelihood Centre"})])
        stored(BOOK, made)
        yield made


def cells(path: Path, sheet: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in load_workbook(path)[sheet].iter_rows(values_only=True)]


# statements


def test_a_statement_is_shown_and_shown_again(store: DynamoDBStore) -> None:
    told = hunar("statement", "G03", *DEV).stdout
    assert told.startswith(f"Statement G03-1-{LAST} of Roshni: entries 1 to {LAST}\n")
    for needle in ("her share", "ARRIVED", "N351260001234", "fund"):
        assert needle in told
    assert hunar("statement", "G03", *DEV).stdout == told, "looking gives nothing out"
    assert document("statement", "G03", *DEV)["given_out_to"] == 0


def test_files_follow_each_other(store: DynamoDBStore, tmp_path: Path) -> None:
    first, second = tmp_path / "first.pdf", tmp_path / "second.XLSX"
    assert hunar("statement", "G03", "--to", "4", "--out", str(first), *DEV).stdout == (
        f"Statement G03-1-4 is in {first}\n"
    )
    assert first.read_bytes().startswith(b"%PDF-")
    told = document("statement", "G03", "--out", str(second), "--locale", "en", *DEV)
    assert (told["number"], told["from"], told["file"]) == (f"G03-5-{LAST}", 4, str(second))
    rows = cells(second, f"G03-5-{LAST}")
    assert rows[0][1] == "Demo City Livelihood Centre" and rows[1][:2] == ("Group", "Roshni (G03)")


def test_a_statement_is_in_the_groups_language_unless_another_is_named(store: DynamoDBStore, tmp_path: Path) -> None:
    found = {}
    for locale in ("bn", "hi"):
        path = tmp_path / f"{locale}.xlsx"
        options = ("--locale", locale) if locale != "bn" else ()
        hunar("statement", "G03", "--from", "0", "--out", str(path), *options, *DEV)
        found[locale] = str(cells(path, f"G03-1-{LAST}"))
    assert "গোষ্ঠী" in found["bn"] or "দল" in found["bn"]
    assert found["bn"] != found["hi"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("G03", "--out", "a.docx"), "ends neither in .pdf nor in .xlsx"),
        (("G03", "--locale", "fr"), "--locale: fr is none of"),
        (("G99",), "G99: there is no such group"),
        (("G03", "--to", str(LAST + 1)), f"to: the book of G03 ends with entry {LAST}"),
        (("G03", "--out", "/nowhere/a.pdf"), "/nowhere/a.pdf: No such file or directory"),
    ],
)
def test_a_statement_that_cannot_be_is_refused_in_one_line(
    store: DynamoDBStore, asked: tuple[str, ...], told: str
) -> None:
    assert told in one_line(hunar("statement", *asked, *DEV, code=1))
    assert tables.last_statement("G03") not in store.read([tables.last_statement("G03")]), "it was not given out"


def test_a_broken_book_is_told(store: DynamoDBStore) -> None:
    store.commit([Put(tables.book_entry("G03", 2), None)])
    assert "entry 2 is missing in the book of G03" in one_line(hunar("statement", "G03", *DEV, code=1))


# registers


def test_the_registers_of_a_month(store: DynamoDBStore, tmp_path: Path) -> None:
    told = document("export", "registers", "--month", "2027-01", *DEV)["items"]
    assert [row["tcs_paise"] for row in told] == [931, 0]
    assert (told[1]["gross_paise"], told[1]["taxable_paise"]) == (109_900, 93_136)
    path = tmp_path / "taxes.xlsx"
    assert (
        hunar("export", "registers", "--month", "2027-01", "--out", str(path), *DEV).stdout == f"2 rows are in {path}\n"
    )
    heading, *rows = cells(path, "Registers")
    assert heading == REGISTER
    assert rows[1] == ("2027-01", "flipkart", "gst_18", 1099, 167.64, 931.36, 0, 0, 0)
    assert "931.36" in hunar("export", "registers", "--month", "2027-01", *DEV).stdout


def test_money_by_age_and_what_is_unpaid(store: DynamoDBStore, tmp_path: Path) -> None:
    there = list(lots(BOOK.of("G03")))
    aged = document("export", "ageing", *DEV)["items"]
    assert sum(row["total_paise"] for row in aged) == sum(lot.amount_paise for lot in there)
    path = tmp_path / "unpaid.csv"
    told = document("export", "unpaid", "--out", str(path), *DEV)
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert len(rows) == len(told["items"]) and tuple(rows[0] if rows else UNPAID) == UNPAID
    assert [row["amount"] for row in rows] == [rupees(item["amount_paise"]) for item in told["items"]]
    ages = tmp_path / "ages.xlsx"
    hunar("export", "ageing", "--out", str(ages), *DEV)
    assert cells(ages, "Ageing")[0] == AGES


def test_nothing_unpaid_is_said_in_words() -> None:
    with mock_aws():
        create_stack()
        assert hunar("export", "unpaid", *DEV).stdout == "Nothing is unpaid for more than 15 days.\n"
        assert document("export", "unpaid", *DEV) == {"items": [], "file": None}


def test_the_books_as_text(store: DynamoDBStore, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    shown = hunar("export", "ledger", *DEV).stdout
    assert (
        hunar("export", "ledger", "--format", "beancount", "--out", str(path), *DEV).stdout
        == f"The books are in {path}\n"
    )
    assert path.read_text() == shown == document("export", "ledger", *DEV)["text"]
    entries, errors, _ = loader.load_string(shown)
    assert entries and errors == []
    assert "Demo City Livelihood Centre" in shown
    assert hunar("export", "ledger", "--format", "excel", *DEV, code=2)


def test_the_missions_sheet(store: DynamoDBStore, tmp_path: Path) -> None:
    path = tmp_path / "mission.xlsx"
    days = ("--from", "2026-12-01", "--to", "2026-12-31")
    assert hunar("export", "mission", *days, "--out", str(path), *DEV).stdout == (
        f"The sheet from 2026-12-01 to 2026-12-31 is in {path}\n"
    )
    assert ("Women in groups that were paid", 15) in cells(path, "Summary")
    group = store.read([tables.group("G03")])[tables.group("G03")]
    store.commit([Put(tables.group("G03"), {name: group[name] for name in group if name != "women"})])
    assert (
        "for want of the column women in groups.csv: G03"
        in hunar("export", "mission", *days, "--out", str(path), *DEV).stdout
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("registers", "--month", "2026-13"), "--month: 2026-13 is no month like 2026-11"),
        (("registers", "--month", "2026-11", "--out", "a.pdf"), "ends neither in .xlsx nor in .csv"),
        (("ageing", "--out", "a.ods"), "ends neither in .xlsx nor in .csv"),
        (("unpaid", "--out", "a"), "ends neither in .xlsx nor in .csv"),
        (("mission", "--from", "1 Nov", "--to", "2026-11-30", "--out", "a.xlsx"), "--from: 1 Nov is no day"),
        (("mission", "--from", "2026-11-30", "--to", "2026-11-01", "--out", "a.xlsx"), "--to: 2026-11-01 is before"),
        (("mission", "--from", "2026-11-01", "--to", "2026-11-30", "--out", "a.csv"), "does not end in .xlsx"),
        (("ledger", "--out", "/nowhere/books"), "/nowhere/books: No such file or directory"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(
    store: DynamoDBStore, asked: tuple[str, ...], told: str
) -> None:
    assert told in one_line(hunar("export", *asked, *DEV, code=1))
