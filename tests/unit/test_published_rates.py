"""The published rates that come with the program: every row whole, with a source, and a draft."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from hunar.domain.rate_card import Dates, RateCard, Row, Traits, check
from hunar.domain.rate_checks import clashes, drafts
from hunar.domain.rate_file import OPTIONAL, REQUIRED
from hunar.rate_cards import CARDS, published, read


@pytest.mark.parametrize("name", CARDS)
def test_every_row_is_of_its_card_with_a_source_and_approved_by_nobody(name: str) -> None:
    found = published(name)
    assert found
    assert {item["scope"] for _, item in found} == {name}
    assert all(item["source"] and item["note"] for _, item in found)
    assert [row for row, _, _ in drafts(found)] == [row for row, _ in found]


@pytest.mark.parametrize("name", CARDS)
def test_no_rows_of_a_card_meet(name: str) -> None:
    assert clashes(published(name)) == []


def test_the_states_rates_have_no_gap() -> None:
    assert check(published("government")) == []


def test_what_no_public_source_says_of_a_marketplace_is_a_gap_that_an_import_names() -> None:
    messages = [message for _, _, message in check(published("flipkart"))]
    assert any("no commission from 2025-11-01 from 1000.00" in message for message in messages)
    assert all(message.startswith("gap: ") for message in messages)


@pytest.mark.parametrize(
    ("code", "day", "tax_status", "ppm"),
    [
        ("tcs", "2018-09-30", "", 0),
        ("tcs", "2018-10-01", "", 10000),
        ("tcs", "2024-07-09", "", 10000),
        ("tcs", "2024-07-10", "", 5000),
        ("tcs", "2023-09-30", "unregistered", 10000),
        ("tcs", "2023-10-01", "unregistered", 0),
        ("tcs", "2023-10-01", "composition", 10000),
        ("tds", "2020-09-30", "", 0),
        ("tds", "2020-10-01", "", 7500),
        ("tds", "2021-03-31", "", 7500),
        ("tds", "2021-04-01", "", 10000),
        ("tds", "2024-09-30", "", 10000),
        ("tds", "2024-10-01", "", 1000),
        ("tds", "2026-04-01", "", 1000),
        ("tds", "2020-10-01", "no_pan", 50000),
        ("tds", "2026-04-01", "no_pan", 50000),
        ("gst_on_fees", "2017-07-01", "", 180000),
    ],
)
def test_a_rate_of_the_state_by_day_and_seller(code: str, day: str, tax_status: str, ppm: int) -> None:
    card = RateCard(item for _, item in published("government"))
    assert card.resolve("government", code, Traits("6912", tax_status=tax_status), Dates.on(day), 100).value == ppm


@pytest.mark.parametrize(
    ("hsn", "price", "before", "after"),
    [
        *((hsn, 99900, 120000, 50000) for hsn in ("34060090", "420222", "4420", "4802", "5609", "5702", "580430")),
        *((hsn, 99900, 120000, 50000) for hsn in ("5805", "691200", "6913", "7020")),
        ("71131110", 99900, 30000, 30000),
        ("7117", 99900, 30000, 30000),
        ("6214", 105000, 50000, 50000),
        ("6214", 105001, 120000, 50000),
        ("6214", 300000, 120000, 50000),
        ("6204", 105000, 50000, 50000),
        ("6204", 105001, 120000, 50000),
        ("6109", 262500, 120000, 50000),
        ("6304", 262501, 120000, 180000),
    ],
)
def test_gst_on_what_groups_make_before_and_from_22_september_2025(
    hsn: str, price: int, before: int, after: int
) -> None:
    card = RateCard(item for _, item in published("government"))
    found = [
        card.resolve("government", "output_gst", Traits(hsn), Dates.on(day), price).value
        for day in ("2025-09-21", "2025-09-22")
    ]
    assert found == [before, after]


def test_tcs_is_rounded_as_halves_and_gst_on_fees_on_the_sum() -> None:
    found = {row.row_id: str(row.round_at) for row in (Row.of(item) for _, item in published("government"))}
    assert (found["tcs-2018"], found["tcs-2024"], found["gst-on-fees"]) == ("half", "half", "sum")


HEAD = b"row_id,scope,code,from,basis,value,source\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (HEAD + b"a,flipkart,commission,2026-01-01,ppm_of_price,2.5,card\n", "x.csv row 2 column value: '2.5' is not"),
        (b"row_id,scope\na,flipkart\n", "x.csv row 1 column code: is missing in the heading"),
        (HEAD.replace(b"source", b"rate"), "x.csv row 1 column rate: is an unknown column"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_row_and_column(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read("x.csv", data)


def test_there_is_no_card_of_another_marketplace() -> None:
    with pytest.raises(ValueError, match="government, flipkart, amazon"):
        published("mela")


DOCUMENTED = re.findall(r"```csv\n(.*?)```", (Path(__file__).parents[2] / "docs/rates.md").read_text("utf-8"), re.S)


@pytest.mark.parametrize("block", DOCUMENTED, ids=range(len(DOCUMENTED)))
def test_the_rows_of_the_documentation_can_be_imported(block: str) -> None:
    rows = read("rates.csv", block.encode())
    assert clashes(rows) == []


def test_the_documentation_has_a_row_with_each_column() -> None:
    used = {
        name for block in DOCUMENTED for record in csv.DictReader(io.StringIO(block)) for name in record if record[name]
    }
    assert used >= {*REQUIRED, *OPTIONAL} - {"to"}
