"""``hunar differences``: what an operator sees, and the files that go to the marketplace."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from openpyxl import load_workbook

from hunar import tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.cli.differences import COLUMNS
from hunar.domain.claimants import Part
from hunar.domain.money import Rupees
from hunar.domain.workbook_file import workbook
from hunar.ports import Put
from hunar.use_cases.note_differences import note
from tests.priced import rows
from tests.settled_lines import order_of, settled, usual
from tests.unit.test_cli import create_stack, document, hunar, one_line

DEV = ("--stage", "dev")
LONG_ID = "12345678901234567890"


@pytest.fixture
def store() -> Iterator[DynamoDBStore]:
    """Two lines that differ: a shipping fee too much with a part paid back, and a corrected price with odd words."""
    with mock_aws():
        made = DynamoDBStore(boto3.client("dynamodb"), create_stack().tables)
        header = {"files": [{"sha256": "sha-1", "name": "=june.xlsx"}], "version": 1}
        made.commit([Put(tables.settlement("mela", "demo", "NEFT1"), header)])
        made.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for _, item in rows("terms")])
        order, line = order_of()
        first = [
            settled(usual() | {"fee:shipping_fee": -2_050}, item_id=LONG_ID, order_id="=1+2"),
            settled({"protection_fund": 1_000}, "k2"),
        ]
        second = [
            settled(usual() | {"sale": 39_995, "other:=cmd|' /C calc'!A0": 305}, posted_at="2024-07-02T10:00:00+05:30")
        ]
        for ref, lines in (("mela:demo:S-1", first), ("mela:other:S-2", second)):
            parts = [Part(one.key, one.heads, one) for one in lines]
            note(made, order_ref=ref, order=order, line=line, parts=parts, seen=1, now="2024-07-03T00:00:00Z")
        yield made


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def test_they_are_shown_with_totals_by_head(store: DynamoDBStore) -> None:
    told = document("differences", *DEV)
    assert told["total_paise"] == -2_050 + 1_000 - 5 + 305
    assert {head: sums["difference_paise"] for head, sums in told["totals"].items()} == {
        "compensation": 1_000, "fee:shipping_fee": -2_050, "other:=cmd|' /C calc'!A0": 305, "price": -5,
    }  # fmt: skip
    assert [item["order_ref"] for item in told["items"]] == ["mela:demo:S-1", "mela:other:S-2"]
    assert told["items"][0]["heads"][0]["rows"][0]["file"] == "=june.xlsx"
    for needle in ("shipping_fee", "-20.50", "in all", "-7.50"):
        assert needle in hunar("differences", *DEV).stdout


def test_of_one_account_and_some_days(store: DynamoDBStore) -> None:
    def found(*options: str) -> list[str]:
        return [item["order_ref"] for item in document("differences", *options, *DEV)["items"]]

    assert found("--account", "other") == ["mela:other:S-2"]
    assert found("--marketplace", "flipkart") == []
    assert found("--from", "2024-07-02") == found("--from", "2024-07-02", "--to", "2024-07-02") == ["mela:other:S-2"]
    assert found("--to", "2024-07-01") == ["mela:demo:S-1"]
    assert found("--to", "2024-07-02T10:00:00+05:30") == ["mela:demo:S-1"]
    nothing = hunar("differences", "--marketplace", "flipkart", *DEV).stdout
    assert nothing.startswith("Everything was settled as expected")
    assert "--to: 2 July is neither" in one_line(hunar("differences", "--to", "2 July", *DEV, code=1))


def test_a_workbook_has_amounts_as_numbers_ids_as_texts_and_filters(store: DynamoDBStore, tmp_path: Path) -> None:
    path = tmp_path / "dispute.xlsx"
    assert hunar("differences", "--export", str(path), *DEV).stdout == f"2 lines, -7.50 in all, are in {path}\n"
    book = load_workbook(path)
    sheet = book["Differences"]
    assert (sheet.auto_filter.ref, sheet.freeze_panes) == ("A1:P5", "A2")
    [heading, *rows] = sheet.iter_rows()
    assert tuple(cell.value for cell in heading) == COLUMNS
    first = dict(zip(COLUMNS, rows[0], strict=True))
    assert {name: first[name].value for name in ("order id", "item id", "file", "row of the file", "settled on")} == {
        "order id": "=1+2", "item id": LONG_ID, "file": "=june.xlsx", "row of the file": "14",
        "settled on": "2024-06-20",
    }  # fmt: skip
    assert first["order id"].data_type == "s", "a formula that was in a file does not run"
    assert first["item id"].data_type == "s"
    assert (first["expected"].value, first["settled"].value, first["difference"].value) == (0, -20.5, -20.5)
    assert {first[name].data_type for name in ("expected", "settled", "difference")} == {"n"}
    assert first["difference"].number_format.endswith("#,##0.00")
    by_head = {row[COLUMNS.index("head")].value: dict(zip(COLUMNS, row, strict=True)) for row in rows}
    assert by_head["price"]["difference"].value == -0.05
    assert by_head["price"]["why"].value == "1 of 1 at 400.00"
    assert by_head["compensation"]["difference"].value == 10
    assert "=cmd" in by_head["other:=cmd|' /C calc'!A0"]["head"].value
    totals = [[cell.value for cell in row] for row in book["Totals"].iter_rows()]
    assert totals[0] == ["head", "lines", "expected", "settled", "difference"]
    assert totals[-1] == ["in all", 2, 400, 392.5, -7.5]


def test_the_digits_of_a_workbook_are_exact(tmp_path: Path) -> None:
    amounts = [0, 1, -1, 10, -99, 100, 109_900, -(10**15 - 1)]
    path = tmp_path / "amounts.xlsx"
    path.write_bytes(workbook({"A & B": [["amount\x01"], *([Rupees(paise)] for paise in amounts)]}))
    text = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    digits = [part.partition("</v>")[0] for part in text.split("<v>")[1:]]
    assert digits == ["0.00", "0.01", "-0.01", "0.10", "-0.99", "1.00", "1099.00", "-9999999999999.99"]
    assert load_workbook(path)["A & B"]["A1"].value == "amount"


def test_csv_files_run_nothing_and_keep_numbers(store: DynamoDBStore, tmp_path: Path) -> None:
    path = tmp_path / "dispute.csv"
    told = document("differences", "--export", str(path), *DEV)
    assert told["files"] == [str(path), str(tmp_path / "dispute-totals.csv")]
    rows = table(path)
    assert (rows[0]["order id"], rows[0]["item id"], rows[0]["file"]) == ("'=1+2", f"'{LONG_ID}", "'=june.xlsx")
    assert (rows[0]["expected"], rows[0]["settled"], rows[0]["difference"]) == ("0.00", "-20.50", "-20.50")
    for row in rows:
        for name, cell in row.items():
            if name not in ("expected", "settled", "difference"):
                assert not cell.startswith(("=", "+", "-", "@"))
    assert table(tmp_path / "dispute-totals.csv")[-1] == {
        "head": "in all", "lines": "2", "expected": "400.00", "settled": "392.50", "difference": "-7.50",
    }  # fmt: skip


def test_another_kind_of_file_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    told = one_line(hunar("differences", "--export", str(tmp_path / "a.pdf"), *DEV, code=1))
    assert "ends neither in .xlsx nor in .csv" in told
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(store: DynamoDBStore, tmp_path: Path) -> None:
    for name in ("a.csv", "a.xlsx"):
        told = one_line(hunar("differences", "--export", str(tmp_path / "nowhere" / name), *DEV, code=1))
        assert "No such file or directory" in told
