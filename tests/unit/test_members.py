"""How members could share what their group was paid: nothing is lost, and who was not there gets nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.members import Part, Suggested, Weight, held, suggested

DAYS = [f"2026-11-{day:02}" for day in range(1, 31)]
NOVEMBER = Part(300_000, "2026-11-01", "2026-11-30")


def share(paise: int, *weights: Weight, first: str = "2026-11-01", last: str = "2026-11-30") -> Suggested:
    return suggested([Part(paise, first, last)], weights)


def test_the_last_paisa_goes_to_the_largest_remainder() -> None:
    asha, meena, usha = Weight("Asha", DAYS[0], "", 1), Weight("Meena", DAYS[0], "", 2), Weight("Usha", DAYS[0], "", 0)
    assert share(10_000, asha, meena, usha) == Suggested({"Asha": 3_333, "Meena": 6_667}, 0, 0)
    assert share(1, asha, Weight("Meena", DAYS[0], "", 1)).shares == {"Asha": 1}


def test_case_29_who_joins_or_leaves_between_two_payouts_shares_in_her_days() -> None:
    stays = Weight("Asha", "2026-04-01", "", 1)
    joins = Weight("Meena", "2026-11-16", "", 1)
    leaves = Weight("Usha", "2026-04-01", "2026-11-15", 1)
    assert share(300_000, stays, joins).shares == {"Asha": 200_000, "Meena": 100_000}
    assert share(300_000, stays, leaves).shares == {"Asha": 200_000, "Usha": 100_000}
    assert share(300_000, stays, joins, leaves).shares == {"Asha": 150_000, "Meena": 75_000, "Usha": 75_000}
    # Before she came and after she went there is nothing of hers.
    assert share(5_000, stays, joins, last="2026-11-15").shares == {"Asha": 5_000}
    assert share(5_000, stays, leaves, first="2026-11-16").shares == {"Asha": 5_000}


def test_a_weight_holds_until_the_next_one_of_the_same_member() -> None:
    first, second = Weight("Asha", "2026-11-01", "", 1), Weight("Asha", "2026-11-21", "", 4)
    other = Weight("Meena", "2026-11-01", "", 2)
    assert [one.to_day for one in held([second, other, first])] == ["2026-11-20", "9999-12-31", "9999-12-31"]
    # Twenty days of 1 and ten of 4 are as much as thirty of 2.
    assert share(300_000, first, second, other).shares == {"Asha": 150_000, "Meena": 150_000}


def test_two_weights_of_one_member_add_up_and_the_last_of_many_holds_on() -> None:
    first, second = Weight("Asha", "2026-11-01", "", 1), Weight("Asha", "2026-11-21", "", 2)
    read = [Weight.of(json.loads(json.dumps(one.item()))) for one in (second, first)]
    assert [one.to_day for one in held(read)] == ["2026-11-20", "9999-12-31"]
    # Twenty days of 1 and ten of 2.
    assert share(70_000, first, second, Weight("Meena", "2026-11-01", "", 1)).shares == {
        "Asha": 40_000,
        "Meena": 30_000,
    }
    one_day = share(900, first, second, first="2026-11-21", last="2026-11-21")
    assert one_day == Suggested({"Asha": 900}, 0, 0)
    many = [Weight(f"M{n:03}", "2026-11-01", "", 1) for n in range(300)]
    assert {one.to_day for one in held(many)} == {"9999-12-31"}


def test_a_weight_survives_its_table() -> None:
    one = Weight("Asha", "2026-11-01", "2026-11-20", 3)
    assert one.item() == {"member": "Asha", "weight": 3, "from": "2026-11-01", "to": "2026-11-20"}
    assert Weight.of(one.item() | {"weight": Decimal(3)}) == one


def test_who_left_gives_nothing_back_and_the_group_bears_it() -> None:
    weights = [Weight("Asha", "2026-04-01", "", 1), Weight("Usha", "2026-04-01", "2026-11-30", 1)]
    paid = suggested([NOVEMBER], weights)
    assert paid == Suggested({"Asha": 150_000, "Usha": 150_000}, 0, 0)
    taken = Part(-300_000, "2026-11-01", "2026-11-30")
    # She was still there on the last day of what it pays.
    assert suggested([taken], weights) == Suggested({"Asha": -150_000, "Usha": -150_000}, 0, 0)
    later = Part(10_000, "2026-12-01", "2026-12-07")
    assert suggested([taken, later], weights) == Suggested({"Asha": -140_000}, -150_000, 0)


@pytest.mark.parametrize(
    "weights",
    [
        [],
        [Weight("Asha", DAYS[0], "", 0)],
        [Weight("Asha", "2026-12-01", "", 3)],
        [Weight("Asha", "2026-04-01", "2026-10-31", 3)],
    ],
)
def test_where_nobody_has_a_weight_the_members_decide(weights: list[Weight]) -> None:
    assert suggested([NOVEMBER], weights) == Suggested({}, 0, 300_000)


_WEIGHTS = st.lists(
    st.builds(
        Weight,
        member=st.sampled_from(["Asha", "Meena", "Usha", "M4"]),
        from_day=st.sampled_from(DAYS),
        to_day=st.sampled_from(["", *DAYS]),
        weight=st.integers(0, 50),
    ),
    max_size=8,
    unique_by=lambda one: (one.member, one.from_day),
)
_PARTS = st.lists(
    st.builds(
        lambda paise, days: Part(paise, min(days), max(days)),
        st.integers(-1_000_000, 1_000_000),
        st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)),
    ),
    max_size=5,
)


@given(_PARTS, _WEIGHTS, st.randoms(use_true_random=False))
def test_i4_shares_and_what_the_group_keeps_are_what_arrived(
    parts: list[Part], weights: list[Weight], shuffle: object
) -> None:
    made = suggested(parts, weights)
    assert sum(made.shares.values()) + made.group_paise + made.undivided_paise == sum(part.paise for part in parts)
    assert made.group_paise <= 0 and 0 not in made.shares.values()
    mixed = list(weights)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert suggested(parts, mixed) == made
