"""The mission officer's sheet: who sold, who did not, who was paid, who waits; and nothing of a person."""

from __future__ import annotations

import io

import pytest
from openpyxl import load_workbook

from hunar.domain.mission_sheet import GroupRecord, HandoverRecord, PaidRecord, SaleRecord, Unknown, mission_sheet
from hunar.domain.money import Rupees
from hunar.domain.registers import HELD, ON_THE_WAY, PAYABLE, Lot
from hunar.domain.workbook_file import workbook

GROUPS = (
    GroupRecord("G02", "Jagriti", "Gorakhpur", 10),
    GroupRecord("G01", "Roshni", "Bhagalpur", 12),
    GroupRecord("G03", "=Asha", "Bhagalpur", 11),
)


def sheets() -> dict[str, list[list[object]]]:
    made = mission_sheet(
        GROUPS,
        sales=[SaleRecord("G01", 2, 219_800), SaleRecord("G02", 1, 10_001), SaleRecord("G01", 1, 99)],
        handovers=[
            HandoverRecord("G01", "2026-11-05T12:00:00Z", "2026-11-05T12:00:00Z"),
            HandoverRecord("G01", "2026-11-06T12:00:00Z", "2026-11-06T12:00:01Z"),
            HandoverRecord("G02", "2026-11-07T12:00:00Z", None),
        ],
        paid=[PaidRecord("G01", 65_442)],
        lots=[
            Lot("G02", PAYABLE, "2026-11-01", "o", "l", 500),
            Lot("G02", ON_THE_WAY, "2026-11-10", "o", "l", 70),
            Lot("G02", PAYABLE, "2026-11-15", "o", "l", 9_999),
            Lot("G02", HELD, "2026-01-01", "o", "l", 9_999),
        ],
        from_day="2026-11-01",
        to_day="2026-11-30",
    )
    return {name: [list(row) for row in rows] for name, rows in made.items()}


def test_the_summary_and_the_cities() -> None:
    made = sheets()
    told = {str(row[0]): row[1] for row in made["Summary"][1:]}
    assert told == {
        "From": "2026-11-01",
        "To": "2026-11-30",
        "Groups": 3,
        "Groups without sales": 1,
        "Units sold": 4,
        "Sales with tax, Rs": Rupees(229_900),
        "Women in groups that were paid": 12,
        "Paid into groups' accounts, Rs": Rupees(65_442),
        "Unpaid for more than 15 days, Rs": Rupees(570),
        "Orders due": 3,
        "Handed over on time": 1,
        "On time, %": 33,
    }
    assert [row[:4] for row in made["Cities"][1:]] == [
        ["Bhagalpur", 2, 3, Rupees(219_899)],
        ["Gorakhpur", 1, 1, Rupees(10_001)],
        ["all cities", 3, 4, Rupees(229_900)],
    ]
    assert [row[-1] for row in made["Groups"][1:]] == [50, None, 0], "nothing was due of G03, so it has no share"
    assert made["Without sales"][1:] == [["Bhagalpur", "G03", "=Asha"]]
    assert made["Unpaid"][1:] == [["Gorakhpur", "G02", "Jagriti", Rupees(570), 29]]


def test_as_a_workbook_a_name_that_looks_like_a_formula_is_a_text() -> None:
    book = load_workbook(io.BytesIO(workbook(sheets())))  # type: ignore[arg-type]
    assert book.sheetnames == ["Summary", "Cities", "Groups", "Without sales", "Unpaid"]
    cell = book["Without sales"]["C2"]
    assert (cell.value, cell.data_type) == ("=Asha", "s")


def test_a_record_of_a_group_that_is_none_is_refused() -> None:
    with pytest.raises(Unknown, match="G09 is not among the groups"):
        mission_sheet(
            GROUPS, sales=[SaleRecord("G09", 1, 1)], handovers=[], paid=[], lots=[], from_day="a", to_day="2026-11-30"
        )
