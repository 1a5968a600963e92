"""Rounding, against the decimal module's own half-up."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.money import grouped, half_up, rupees, share, without_tax


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (49, 100, 0), (50, 100, 1), (-49, 100, 0), (0, 7, 0), (7, 7, 1)],
)
def test_a_half_is_rounded_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_rounding_agrees_with_decimal_and_a_reversal_is_its_exact_opposite(numerator: int, denominator: int) -> None:
    exact = Decimal(numerator) / Decimal(denominator)
    assert half_up(numerator, denominator) == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert half_up(-numerator, denominator) == -half_up(numerator, denominator)


@pytest.mark.parametrize("denominator", [0, -3])
def test_a_denominator_that_is_not_above_zero_is_refused(denominator: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        half_up(1, denominator)


def test_a_share_is_rounded_once_on_the_sum_and_not_part_by_part() -> None:
    fees = [2198, 5000, 2198, 1400, 5800]
    assert share(sum(fees), 180_000) == 2987
    assert sum(share(fee, 180_000) for fee in fees) == 2988, "why one rule on the sum is written down"


@given(st.integers(0, 10**12), st.integers(0, 1_000_000))
def test_value_and_tax_always_make_the_price_again(price: int, tax_ppm: int) -> None:
    taxable = without_tax(price, tax_ppm)
    assert 0 <= taxable <= price
    assert abs(share(taxable, tax_ppm) - (price - taxable)) <= 1


@pytest.mark.parametrize(("paise", "text"), [(109900, "1099.00"), (5, "0.05"), (-120, "-1.20"), (0, "0.00")])
def test_paise_are_shown_as_rupees(paise: int, text: str) -> None:
    assert rupees(paise) == text


@pytest.mark.parametrize(
    ("paise", "written"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (99_999, "999.99"),
        (100_000, "1,000.00"),
        (9_999_999, "99,999.99"),
        (12_345_678, "1,23,456.78"),
        (-12_345_678, "-1,23,456.78"),
        (123_456_789_012, "1,23,45,67,890.12"),
    ],
)
def test_an_amount_is_written_as_india_writes_it(paise: int, written: str) -> None:
    assert grouped(paise) == written


@given(st.integers(-(10**18), 10**18))
def test_grouping_puts_commas_where_three_digits_and_then_pairs_follow_and_changes_nothing_else(paise: int) -> None:
    assert grouped(paise) == re.sub(r"(?<=[0-9])(?=([0-9]{2})*[0-9]{3}\.)", ",", rupees(paise))
