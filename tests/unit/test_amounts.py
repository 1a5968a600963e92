"""Amounts and days as marketplaces and spreadsheets write them: read exactly, or refused in words."""

from __future__ import annotations

import pytest

from hunar.domain.amounts import (
    Order,
    Unreadable,
    moment,
    paise,
    shown_order,
    stated_order,
    stored_moment,
    stored_paise,
    stored_whole,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,09,900.00", 10990000),
        ("109,900.00", 10990000),
        ("12,34,56,789.01", 12345678901),
        ("(12.50)", -1250),
        ("( ₹ 12.50 )", -1250),
        ("₹12", 1200),
        ("₹ 1,099", 109900),
        ("Rs. 12.5", 1250),
        ("12.5 INR", 1250),
        ("-12.5", -1250),
        ("-₹12.50", -1250),
        ("₹-12.50", -1250),
        ("−12.50", -1250),
        ("+12.50", 1250),
        ("12.", 1200),
        (".5", 50),
        ("0", 0),
        ("0.00", 0),
        ("-0.00", 0),
        ("12.3400", 1234),
        (" 12.34\u00a0", 1234),
        ("0.01", 1),
    ],
)
def test_an_amount_is_read_to_the_paisa(text: str, value: int) -> None:
    assert paise(text) == value


@pytest.mark.parametrize("text", ["", "  ", "\u00a0"])
def test_a_blank_is_not_a_zero(text: str) -> None:
    assert paise(text) is None
    assert stored_paise(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.2E+17", "shortened"),
        ("9e2", "shortened"),
        ("12.345", "parts of a paisa"),
        ("0.001", "parts of a paisa"),
        ("abc", "is not an amount"),
        ("12 34", "is not an amount"),
        ("1,0,9", "is not an amount"),
        ("1099,50", "is not an amount"),
        ("10,99", "is not an amount"),
        ("1,099,00.00", "is not an amount"),
        ("1.099.00", "is not an amount"),
        ("१२", "is not an amount"),
        ("₹", "is not an amount"),
        (".", "is not an amount"),
        ("$12", "is not an amount"),
        ("12%", "is not an amount"),
        ("nan", "is not an amount"),
        ("inf", "is not an amount"),
        ("0x10", "is not an amount"),
        ("1_000", "is not an amount"),
        ("-", "nothing or zero"),
        ("=A1+B1", "formula"),
        ("#REF!", "error of the spreadsheet"),
        ("#N/A", "error of the spreadsheet"),
        ("(-12)", "more than one sign"),
        ("--12", "more than one sign"),
        ("-₹-12", "more than one sign"),
        ("(12", "half a pair"),
        ("12)", "half a pair"),
        ("100000000000.00", "too large"),
        ("1" * 100_000, "too large"),
        ("(" + " " * 100_000 + "x", "not an amount"),
    ],
)
def test_what_is_not_plainly_an_amount_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said.replace("(", r"\(")):
        paise(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("891.07", 89107),
        ("891.07000000000005", 89107),
        ("29.869999999999997", 2987),
        ("-29.870000000000001", -2987),
        ("8.9107E2", 89107),
        ("1.23456789E7", 1234567890),
        ("1.0000000000000001E-2", 1),
        ("0.99999999999999989", 100),
        ("99999999999.99", 9999999999999),
        ("5", 500),
        ("0", 0),
        ("-0", 0),
        ("1.0E0", 100),
    ],
)
def test_a_stored_number_is_what_a_spreadsheet_shows_of_it(text: str, value: int) -> None:
    assert stored_paise(text) == value


@pytest.mark.parametrize("text", ["367.275", "1E-3", "1E+17", "1E300", "1E-300", "abc", "1,5", "1E9999", "--1", "."])
def test_a_stored_number_with_parts_of_a_paisa_or_no_number_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        stored_paise(text)


def test_an_id_in_a_number_cell_is_read_while_all_of_its_digits_are_there() -> None:
    assert stored_whole("123456789012345") == "123456789012345"
    assert stored_whole("1.23456789E8") == "123456789"
    for lost in ("1.2E+17", "12345678901234567", "12.5", "-12"):
        with pytest.raises(Unreadable):
            stored_whole(lost)


@pytest.mark.parametrize(
    ("text", "order", "read"),
    [
        ("2026-11-24", None, "2026-11-24T00:00:00+05:30"),
        ("2026-11-24 10:22", None, "2026-11-24T10:22:00+05:30"),
        ("2026-11-24T10:22:33Z", None, "2026-11-24T10:22:33+00:00"),
        ("2026-11-24T10:22:33.123+05:30", None, "2026-11-24T10:22:33+05:30"),
        ("2026-11-03 05:12:33 UTC", None, "2026-11-03T05:12:33+00:00"),
        ("24/11/2026", None, "2026-11-24T00:00:00+05:30"),
        ("11/24/2026", None, "2026-11-24T00:00:00+05:30"),
        ("11/11/2026", None, "2026-11-11T00:00:00+05:30"),
        ("03.11.2026 05:12:33 UTC", None, "2026-11-03T05:12:33+00:00"),
        ("03/11/2026", Order.DAY_FIRST, "2026-11-03T00:00:00+05:30"),
        ("03-11-2026", Order.MONTH_FIRST, "2026-03-11T00:00:00+05:30"),
        ("3 Nov 2026 10:42:33 am UTC", None, "2026-11-03T10:42:33+00:00"),
        ("3 Nov 2026 12:42:33 am UTC", None, "2026-11-03T00:42:33+00:00"),
        ("3-Nov-2026", None, "2026-11-03T00:00:00+05:30"),
        ("Nov 3, 2026 3:41:32 PM PST", None, "2026-11-03T15:41:32-08:00"),
        ("3 November 2026 10:42:33 GMT+05:30", None, "2026-11-03T10:42:33+05:30"),
        ("", None, None),
    ],
)
def test_a_moment_is_read_with_its_zone(text: str, order: Order | None, read: str | None) -> None:
    assert moment(text, order) == read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("03/04/2026", "can be two days"),
        ("31/02/2026", "calendar"),
        ("2026-02-30", "calendar"),
        ("2026-11-24 25:00", "calendar"),
        ("24/11/26", "is not a day"),
        ("soon", "is not a day"),
        ("3 Foo 2026", "is not a month"),
        ("2026-11-24 10:22 XYZ", "time zone"),
        ("2026-11-24 10:22 +99:00", "time zone"),
        ("2026-11-24 13:22 pm", "no readable time"),
        ("2026-11-24 half past ten", "no readable time"),
    ],
)
def test_a_day_that_could_be_another_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        moment(text)


def test_a_stated_order_that_a_day_contradicts_is_no_day() -> None:
    with pytest.raises(Unreadable, match="calendar"):
        moment("24/11/2026", Order.MONTH_FIRST)


def test_the_order_of_day_and_month_is_stated_by_a_heading_or_shown_by_a_column() -> None:
    assert stated_order("paid_at (DD/MM/YYYY)") is Order.DAY_FIRST
    assert stated_order("Paid at mm-dd-yyyy") is Order.MONTH_FIRST
    assert stated_order("paid_at") is None
    assert stated_order("added_my_yyy") is None
    assert shown_order(["03/04/2026", "24/11/2026 10:00"]) is Order.DAY_FIRST
    assert shown_order(["03/04/2026", "11-24-2026"]) is Order.MONTH_FIRST
    assert shown_order(["03/04/2026", "", "2026-11-24"]) is None
    with pytest.raises(Unreadable, match="two orders"):
        shown_order(["24/11/2026", "11/24/2026"])


def test_a_stored_day_counts_from_1900_or_1904() -> None:
    assert stored_moment("44902") == "2022-12-07T00:00:00+05:30"
    assert stored_moment("43440", since_1904=True) == "2022-12-07T00:00:00+05:30"
    assert stored_moment("44902.5") == "2022-12-07T12:00:00+05:30"
    assert stored_moment("44902.4462152778") == "2022-12-07T10:42:33+05:30"
    assert stored_moment("") is None
    for text in ("7", "-44902", "1E9"):
        with pytest.raises(Unreadable):
            stored_moment(text)
