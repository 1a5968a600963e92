"""Largest remainder: nothing lost, nothing made, and the same for everybody in whatever order they are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.split import by_value, largest_remainder, still_due, without_clawback

MEMBERS = [f"M{n:02}" for n in range(1, 21)]
WEIGHTS = st.dictionaries(st.sampled_from(MEMBERS), st.integers(0, 10**6), min_size=1).filter(
    lambda weights: any(weights.values())
)
PAISE = st.integers(-(10**12), 10**12)


def test_a_published_fight_over_the_last_paisa() -> None:
    # moneyphp/money 492, brick/money 111: who gives the rest to the first one takes it from the others.
    assert largest_remainder(22_000, {"a": 4_455, "b": 91, "c": 5_454}) == {"a": 9_801, "b": 200, "c": 11_999}
    assert largest_remainder(100, {"c": 1, "a": 1, "b": 1}) == {"a": 34, "b": 33, "c": 33}


def test_case_06_a_member_who_left_gives_nothing_back_and_the_group_bears_it() -> None:
    weights = {"M01": 2, "M02": 1, "M03": 1}
    given_so_far = largest_remainder(80_000, weights)
    due = still_due(40_000, weights, given_so_far)
    assert due == {"M01": -20_000, "M02": -10_000, "M03": -10_000}
    assert without_clawback(due, {"M02"}) == ({"M01": -20_000, "M03": -10_000}, -10_000)
    assert without_clawback({"M02": 500, "M01": 100}, {"M02"}) == ({"M02": 500, "M01": 100}, 0)
    assert without_clawback(due, ()) == (due, 0)
    assert without_clawback({"M02": -5}, {"M02"}) == ({}, -5)
    assert without_clawback({"M02": 1}, {"M02"}) == ({"M02": 1}, 0)
    # Who has no weight any more gives all of it back.
    assert still_due(100, {"M01": 1}, {"M02": 30}) == {"M01": 100, "M02": -30}
    assert without_clawback({"M02": 0, "M01": -1}, {"M02"}) == ({"M01": -1}, 0)


def test_case_15_one_shipping_fee_of_an_order_goes_by_the_value_of_the_goods() -> None:
    fee = by_value(-7_100, {"L1": 109_900, "L2": 54_950})
    assert fee == {"L1": -4_733, "L2": -2_367}
    assert by_value(-7_100, {"L1": 109_900, "L2": 0}) == {"L1": -7_100, "L2": 0}
    with pytest.raises(ValueError, match="nobody has a weight"):
        by_value(-7_100, {"L1": 0, "L2": 0})


def test_case_27_a_member_without_units_gets_nothing_and_all_without_units_is_for_a_person() -> None:
    assert largest_remainder(1_001, {"M01": 3, "M02": 0, "M03": 1}) == {"M01": 751, "M02": 0, "M03": 250}
    for weights in ({"M01": 0, "M02": 0}, {}):
        with pytest.raises(ValueError, match="nobody has a weight"):
            largest_remainder(1_001, weights)


def test_case_28_one_paisa_among_twenty_goes_to_the_first_of_the_equal_ones() -> None:
    equal = dict.fromkeys(reversed(MEMBERS), 1)
    assert {name: paise for name, paise in largest_remainder(1, equal).items() if paise} == {"M01": 1}
    assert {name: paise for name, paise in largest_remainder(-1, equal).items() if paise} == {"M01": -1}
    assert largest_remainder(1, equal | {"M07": 2})["M07"] == 1


@pytest.mark.parametrize("weight", [-1, 0.5, True, "1"])
def test_what_is_no_weight_is_refused(weight: Any) -> None:
    with pytest.raises(ValueError, match="M01: .* is not a weight"):
        largest_remainder(100, {"M01": weight, "M02": 1})


# The single histories stand first: they are quick.


@given(PAISE, WEIGHTS)
def test_i4_the_shares_are_the_amount(total: int, weights: dict[str, int]) -> None:
    assert sum(largest_remainder(total, weights).values()) == total


@given(PAISE, WEIGHTS)
def test_i5_each_share_is_within_a_paisa_of_its_quota_and_equal_weights_within_one(
    total: int, weights: dict[str, int]
) -> None:
    whole = sum(weights.values())
    shares = largest_remainder(total, weights)
    for name, weight in weights.items():
        assert abs(shares[name] * whole - total * weight) < whole
        assert weight or shares[name] == 0
        for other, its in weights.items():
            assert its != weight or abs(shares[name] - shares[other]) <= 1


@given(PAISE, WEIGHTS, st.randoms(use_true_random=False))
def test_i25_the_order_of_members_changes_nothing(total: int, weights: dict[str, int], random: Any) -> None:
    names = list(weights)
    random.shuffle(names)
    assert largest_remainder(total, {name: weights[name] for name in names}) == largest_remainder(total, weights)


@given(PAISE, WEIGHTS)
def test_a_negative_total_is_the_mirror_image(total: int, weights: dict[str, int]) -> None:
    mirrored = {name: -paise for name, paise in largest_remainder(total, weights).items()}
    assert largest_remainder(-total, weights) == mirrored


@given(st.lists(PAISE, min_size=1, max_size=8), WEIGHTS)
def test_whatever_is_divided_in_parts_ends_where_the_whole_would(parts: list[int], weights: dict[str, int]) -> None:
    given_so_far: dict[str, int] = {}
    total = 0
    for part in parts:
        total += part
        due = still_due(total, weights, given_so_far)
        assert sum(due.values()) == part
        given_so_far = {name: given_so_far.get(name, 0) + due.get(name, 0) for name in weights}
    assert given_so_far == largest_remainder(total, weights)
