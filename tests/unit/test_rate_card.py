"""Rate cards: what an import refuses, and which row decides."""

from __future__ import annotations

import csv
import io
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.rate_card import (
    GOVERNMENT,
    FieldError,
    Item,
    RateCard,
    RateGap,
    RateOverlap,
    check,
    day_of_sale,
    row_from_csv,
)

DEMO = Path(__file__).parents[2] / "local/demo/rates.csv"
HEAD = "row_id,scope,code,from,to,basis,value,hsn,price_from,price_to,source,note\n"
GOOD = {
    "row_id": "fk-commission",
    "scope": "flipkart",
    "code": "commission",
    "from": "2026-04-01",
    "to": "",
    "basis": "ppm_of_price",
    "value": "20000",
    "hsn": "",
    "price_from": "",
    "price_to": "",
    "source": "Flipkart rate card 2026-04",
    "note": "",
}


def loaded(lines: str) -> list[tuple[int, Item]]:
    """The rows of a rates.csv with the numbers a spreadsheet shows: the first one under the heading is 2."""
    text = HEAD + "\n".join(line.strip() for line in lines.strip().splitlines())
    return [(number, row_from_csv(record)) for number, record in enumerate(csv.DictReader(io.StringIO(text)), 2)]


def card(lines: str) -> RateCard:
    return RateCard(item for _, item in loaded(lines))


def test_a_row_becomes_a_registry_item_of_whole_numbers() -> None:
    assert row_from_csv(GOOD | {"to": "2026-10-01", "hsn": "4202", "price_to": "50000", "note": " bags "}) == {
        "row_id": "fk-commission",
        "scope": "flipkart",
        "code": "commission",
        "from": "2026-04-01",
        "to": "2026-10-01",
        "basis": "ppm_of_price",
        "value": 20000,
        "hsn": "4202",
        "price_from": 0,
        "price_to": 50000,
        "source": "Flipkart rate card 2026-04",
        "note": "bags",
    }


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("row_id", "", "is missing"),
        ("row_id", "a row", "is not letters"),
        ("scope", "Flipkart", "marketplace's name"),
        ("code", "Fixed Fee", "fixed_fee"),
        ("from", "", "is missing"),
        ("from", "01-04-2026", "a day like"),
        ("from", "2026-02-30", "no day of the calendar"),
        ("to", "2026-04-01", "must be after"),
        ("basis", "percent", "can be fixed_per_line"),
        ("basis", "ppm_of_fees", "does not fit flipkart commission"),
        ("value", "", "is missing"),
        ("value", "2%", "20000"),
        ("value", "2.5", "whole number"),
        ("value", "-100", "whole number"),
        ("value", "٢٠", "whole number"),
        ("value", "2000000", "more than the whole"),
        ("hsn", "4202.22", "2 to 8 digits"),
        ("price_from", "ten", "whole paise"),
        ("price_to", "0", "must be above 0"),
        ("source", " ", "is missing"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_with_what_is_wanted(field: str, value: str, says: str) -> None:
    with pytest.raises(FieldError, match=says) as refused:
        row_from_csv(GOOD | {field: value})
    assert refused.value.field == field
    assert refused.value.message in str(refused.value)


@pytest.mark.parametrize(("scope", "code"), [("government", "gst")])
def test_a_code_that_the_program_would_never_ask_for_is_refused(scope: str, code: str) -> None:
    with pytest.raises(FieldError, match="is unknown in"):
        row_from_csv(GOOD | {"scope": scope, "code": code})


def test_a_short_line_of_a_file_is_missing_its_fields_and_no_crash() -> None:
    (record,) = csv.DictReader(io.StringIO(HEAD + "fk-commission,flipkart,commission,2026-04-01"))
    with pytest.raises(FieldError, match="basis"):
        row_from_csv(record)


def test_a_whole_card_has_nothing_to_report_in_whatever_order_it_is_written() -> None:
    rows = loaded("""
            c1,flipkart,commission,2026-01-01,2026-04-01,ppm_of_price,20000,,,,card,
            c2,flipkart,commission,2026-04-01,,ppm_of_price,30000,,,,card,
            c3,flipkart,commission,2026-06-01,,ppm_of_price,10000,42,,,card,
            f1,flipkart,fixed_fee,2026-01-01,,fixed_per_line,1500,,,50000,card,
            f2,flipkart,fixed_fee,2026-01-01,,fixed_per_line,5000,,50000,,card,
    """)
    assert check(rows) == []
    assert check(rows[::-1]) == []


def test_a_rate_of_one_product_may_end_where_the_rate_of_all_products_goes_on() -> None:
    assert not check(
        loaded("""
            c1,flipkart,commission,2026-01-01,,ppm_of_price,20000,,,,card,
            c2,flipkart,commission,2026-03-01,2026-06-01,ppm_of_price,10000,42,,,card,
        """)
    )


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        pytest.param(
            """c1,flipkart,commission,2026-01-01,2026-04-01,ppm_of_price,20000,,,,card,
               c2,flipkart,commission,2026-04-02,,ppm_of_price,30000,,,,card,""",
            (2, "to", "gap: no commission from 2026-04-01 until 2026-04-02"),
            id="a day between two rows",
        ),
        pytest.param(
            """c1,flipkart,commission,2026-01-01,2026-04-02,ppm_of_price,20000,,,,card,
               c2,flipkart,commission,2026-04-01,,ppm_of_price,30000,,,,card,""",
            (3, "from", "overlaps c1 in row 2"),
            id="a day in two rows",
        ),
        pytest.param(
            """f1,flipkart,fixed_fee,2026-01-01,,fixed_per_line,1500,,,30000,card,
               f2,flipkart,fixed_fee,2026-01-01,,fixed_per_line,5000,,30001,,card,""",
            (2, "price_to", "from 300.00 below 300.01"),
            id="a price between two slabs",
        ),
        pytest.param(
            """f1,flipkart,fixed_fee,2026-01-01,,fixed_per_line,1500,,,30001,card,
               f2,flipkart,fixed_fee,2026-01-01,,fixed_per_line,5000,,30000,,card,""",
            (3, "price_from", "overlaps f1 in row 2"),
            id="a price in two slabs",
        ),
        pytest.param(
            "f1,flipkart,fixed_fee,2026-01-01,,fixed_per_line,1500,,10000,,card,",
            (2, "price_from", "below 100.00"),
            id="no slab for the cheapest goods",
        ),
        pytest.param(
            "f1,flipkart,fixed_fee,2026-01-01,,fixed_per_line,1500,,,10000,card,",
            (2, "price_to", "from 100.00"),
            id="no slab for the dearest goods",
        ),
        pytest.param(
            """c1,flipkart,commission,2026-01-01,,ppm_of_price,20000,,,,card,
               f1,flipkart,fixed_fee,2026-06-01,,fixed_per_line,1500,,,,card,""",
            (3, "from", "no fixed_fee from 2026-01-01 until 2026-06-01; a fee that is not charged is a row with"),
            id="a fee that begins after its card",
        ),
        pytest.param(
            """c1,flipkart,commission,2026-01-01,,ppm_of_price,20000,,,,card,
               f1,flipkart,fixed_fee,2026-01-01,2026-06-01,fixed_per_line,0,,,,card,""",
            (3, "to", "no fixed_fee from 2026-06-01;"),
            id="a promotion that ends with nothing after it",
        ),
        pytest.param(
            """g1,government,output_gst,2026-01-01,2026-06-01,ppm_of_taxable,50000,42,,,law,
               g2,government,output_gst,2026-01-01,,ppm_of_taxable,50000,62,,,law,""",
            (2, "to", "no output_gst from 2026-06-01"),
            id="a tax rate of one product that ends",
        ),
        pytest.param(
            """c1,flipkart,commission,2026-01-01,2026-02-01,ppm_of_price,20000,,,,card,
               c1,flipkart,commission,2026-02-01,,ppm_of_price,20000,,,,card,""",
            (3, "row_id", "c1 stands in row 2 already"),
            id="a row id twice",
        ),
    ],
)
def test_an_import_names_row_and_column_of(lines: str, problem: tuple[int, str, str]) -> None:
    ((number, column, message),) = check(loaded(lines))
    assert (number, column) == problem[:2]
    assert problem[2] in message


def test_rows_of_different_products_and_scopes_do_not_overlap() -> None:
    assert not check(
        loaded("""
            c1,flipkart,commission,2026-01-01,,ppm_of_price,20000,42,,,card,
            c2,flipkart,commission,2026-01-01,,ppm_of_price,20000,62,,,card,
            c3,amazon,commission,2026-01-01,,ppm_of_price,20000,42,,,card,
        """)
    )


def test_taxes_have_histories_of_their_own_so_they_need_not_begin_on_one_day() -> None:
    assert not check(
        loaded("""
            t1,government,tcs,2018-10-01,,ppm_of_taxable,10000,,,,law,
            t2,government,tds,2020-10-01,,ppm_of_taxable,7500,,,,law,
        """)
    )


@pytest.mark.parametrize(
    ("sold_at", "day"),
    [
        ("2026-03-31T18:29:59Z", "2026-03-31"),
        ("2026-03-31T18:30:00Z", "2026-04-01"),
        ("2026-03-31T23:59:59+05:30", "2026-03-31"),
    ],
)
def test_the_day_of_sale_is_the_day_in_india(sold_at: str, day: str) -> None:
    assert day_of_sale(sold_at) == day


CARD = """
    c1,flipkart,commission,2026-01-01,2026-04-01,ppm_of_price,20000,,,,card,
    c2,flipkart,commission,2026-04-01,,ppm_of_price,30000,,,,card,
    c3,flipkart,commission,2026-01-01,,ppm_of_price,10000,42,,,card,
    c4,flipkart,commission,2026-01-01,,ppm_of_price,15000,4202,,30001,card,
    c5,flipkart,commission,2026-01-01,,ppm_of_price,16000,4202,30001,,card,
"""


@pytest.mark.parametrize(
    ("day", "hsn", "price", "row_id"),
    [
        ("2026-03-31", "6214", 10000, "c1"),
        ("2026-04-01", "6214", 10000, "c2"),
        ("2026-04-01", "4203", 10000, "c3"),
        ("2026-04-01", "420222", 30000, "c4"),
        ("2026-04-01", "420222", 30001, "c5"),
    ],
)
def test_day_then_narrowest_product_then_slab_decide(day: str, hsn: str, price: int, row_id: str) -> None:
    assert not check(loaded(CARD))
    assert card(CARD).row("flipkart", "commission", day=day, hsn=hsn, unit_price_paise=price).row_id == row_id


def test_a_day_without_a_row_is_an_error_that_says_what_was_asked() -> None:
    with pytest.raises(RateGap, match=r"flipkart commission on 2025-12-31 for HSN 6214 at 100\.00"):
        card(CARD).row("flipkart", "commission", day="2025-12-31", hsn="6214", unit_price_paise=10000)


def test_two_rows_of_equal_right_are_an_error_that_names_both() -> None:
    twice = CARD + "    c9,flipkart,commission,2026-05-01,,ppm_of_price,99,,,,card,"
    with pytest.raises(RateOverlap, match="c2, c9"):
        card(twice).row("flipkart", "commission", day="2026-05-01", hsn="6214", unit_price_paise=10000)


DAYS = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]
PRICES = ["", "100", "200"]
ROW = st.tuples(
    st.sampled_from(["commission", "fixed_fee"]),
    st.sampled_from(["", "42", "4202"]),
    st.sampled_from(DAYS[:3]),
    st.sampled_from(["", *DAYS[1:]]),
    st.sampled_from(PRICES),
    st.sampled_from(PRICES),
).filter(lambda row: (not row[3] or row[3] > row[2]) and (not row[5] or int(row[5]) > int(row[4] or 0)))


@given(st.lists(ROW, min_size=1, max_size=7))
def test_what_passes_the_import_prices_every_sale_and_an_overlap_never_passes(drawn: list[tuple[str, ...]]) -> None:
    items = [
        row_from_csv(
            GOOD
            | dict(zip(("code", "hsn", "from", "to", "price_from", "price_to"), row, strict=True))
            | {"row_id": f"r{number}"}
        )
        for number, row in enumerate(drawn)
    ]
    rates, problems = RateCard(items), check(list(enumerate(items)))
    first = min(item["from"] for item in items)
    last = max(item["to"] or "9999" for item in items)
    general = {item["code"] for item in items if not item["hsn"]}
    for day, hsn, price in itertools.product(DAYS, ["62", "42", "4202"], [0, 99, 100, 199, 200]):
        for code in rates.codes("flipkart"):
            try:
                rates.row("flipkart", code, day=day, hsn=hsn, unit_price_paise=price)
            except RateOverlap:
                assert problems
            except RateGap:
                assert problems or not first <= day < last or code not in general


def test_the_demo_rates_are_whole_and_price_every_product_of_the_demo_on_any_day_of_its_card() -> None:
    with DEMO.open(encoding="utf-8", newline="") as file:
        rows = [(number, row_from_csv(record)) for number, record in enumerate(csv.DictReader(file), 2)]
    assert check(rows) == []
    rates = RateCard(item for _, item in rows)
    first = datetime(2025, 9, 22, tzinfo=UTC)
    for days in range(0, 1000, 7):
        day = (first + timedelta(days=days)).date().isoformat()
        for hsn in ("6214", "6912", "6913", "4202", "2001", "6505"):
            for scope in ("flipkart", GOVERNMENT):
                for code in rates.codes(scope):
                    for price in (18900, 49900, 59900, 289900):
                        found = rates.row(scope, code, day=day, hsn=hsn, unit_price_paise=price)
                        assert found.first_day <= day


def test_rates_that_the_demo_made_up_say_so() -> None:
    with DEMO.open(encoding="utf-8", newline="") as file:
        sources = {
            record["row_id"]: record["source"] for record in csv.DictReader(file) if record["scope"] != GOVERNMENT
        }
    assert sources
    assert all(source.startswith("Fictional") for source in sources.values())


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("agency_fee", "in agency_fee_basis and agency_fee of resolutions.csv"),
        ("credits_owner", "in itc, tcs and tds of resolutions.csv"),
        ("piece_share", "in payout_basis of resolutions.csv: a piece price is the group's whole"),
        ("commission", "in the clauses of resolutions.csv"),
    ],
)
def test_what_the_agency_takes_is_no_rate_any_more_and_the_refusal_says_where_it_goes(code: str, says: str) -> None:
    with pytest.raises(FieldError) as refused:
        row_from_csv(GOOD | {"scope": "agency", "code": code, "basis": "ppm_of_net"})
    assert refused.value.field == "scope"
    assert says in refused.value.message
