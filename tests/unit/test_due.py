"""When an order must be looked at again though nothing comes in about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hunar.domain.due import day_ends, day_to_remind, next_look, to_hand_over, to_send_again, week_of
from hunar.domain.facts import MARKETPLACE, Cancelled, Fact, Held, Placed, Resolved, Step
from hunar.domain.order import Order, read

NOON = "2026-11-24T12:00:00Z"
SHIP_BY = "2026-11-27T10:00:00Z"


def order(*more: Fact, ship_by: str | None = SHIP_BY) -> Order:
    return read([Placed("1", NOON, "STOLE", 3, 149900, None, NOON, ship_by), *more])


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-24T12:00:00Z", "2026-11-24T12:15:00Z"),
        ("2026-11-24T12:14:59Z", "2026-11-24T12:15:00Z"),
        # What was due at this very moment was just done.
        ("2026-11-24T12:15:00Z", "2026-11-24T14:00:00Z"),
        ("2026-11-24T14:00:00Z", "2026-11-25T00:00:00Z"),
        ("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
        ("2026-11-26T00:00:00Z", None),
    ],
)
def test_what_is_owed_is_sent_again_four_times_and_then_no_more(now: str, then: str | None) -> None:
    assert next_look(order(ship_by=None), {"e": {"kind": "PAYOUT", "at": NOON}}, now, stuck=False) == then


def test_the_first_of_all_that_is_owed_is_looked_at_first() -> None:
    owed = {"late": {"at": "2026-11-24T13:00:00Z"}, "early": {"at": NOON}, "kept before times were": {}}
    assert next_look(order(), owed, NOON, stuck=False) == "2026-11-24T12:15:00Z"


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (NOON, "2026-11-24T12:10:00Z"),
        ("2026-11-24T12:09:59Z", "2026-11-24T12:10:00Z"),
        # Its texts wait no more; what was asked is asked once more a little later.
        ("2026-11-24T12:10:00Z", "2026-11-24T12:15:00Z"),
        ("2026-11-24T12:10:01Z", "2026-11-24T12:15:00Z"),
    ],
)
def test_an_order_is_looked_at_when_its_texts_need_not_wait_for_the_marketplace_any_more(now: str, then: str) -> None:
    asked = {"asked": {"kind": "FETCH", "at": NOON, "claims": ["placed"]}}
    waiting = replace(order(ship_by=None), pending=("placed",))

    assert next_look(waiting, asked, now, stuck=False) == then
    assert next_look(order(ship_by=None), asked, NOON, stuck=False) == "2026-11-24T12:15:00Z", "it was answered"


def test_an_order_is_looked_at_when_its_time_to_hand_over_is_past() -> None:
    assert next_look(order(), {}, NOON, stuck=False) == SHIP_BY
    assert next_look(order(Step("packed", NOON)), {}, NOON, stuck=False) == SHIP_BY


@pytest.mark.parametrize(
    "more",
    [
        (Step("picked_up", NOON),),
        (Step("delivered", NOON),),
        (Cancelled("1", NOON, 3, "", ""),),
        (Held(None, NOON, None),),
    ],
)
def test_nobody_waits_for_what_left_ended_or_is_held(more: tuple[Fact, ...]) -> None:
    assert next_look(order(*more), {}, NOON, stuck=False) is None


def test_once_it_was_told_that_it_is_stuck_it_need_not_be_looked_at_for_that() -> None:
    assert next_look(order(), {}, NOON, stuck=True) is None
    assert next_look(order(ship_by=None), {}, NOON, stuck=False) is None


def test_effects_of_the_last_48_hours_are_sent_again() -> None:
    owed = {
        "now": {"at": "2026-11-26T12:00:00Z"},
        "just in time": {"at": "2026-11-24T12:00:00Z"},
        "too old": {"at": "2026-11-24T11:59:59Z"},
        "kept before times were": {},
    }
    assert set(to_send_again(owed, "2026-11-26T12:00:00Z")) == {"now", "just in time"}


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-24T02:29:59Z", None),
        ("2026-11-24T02:30:00Z", "2026-11-24"),
        ("2026-11-24T14:29:59Z", "2026-11-24"),
        ("2026-11-24T14:30:00Z", None),
        # In India it is the next day already, and night.
        ("2026-11-24T19:00:00Z", None),
        ("2026-11-25T08:00:00+05:30", "2026-11-25"),
    ],
)
def test_groups_are_reminded_from_eight_in_the_morning_to_eight_in_the_evening(now: str, day: str | None) -> None:
    assert day_to_remind(now) == day


def test_a_day_in_india_ends_at_half_past_six_in_the_evening_utc() -> None:
    assert day_ends("2026-11-24") == "2026-11-24T18:30:00Z"
    assert day_ends("2026-12-31") == "2026-12-31T18:30:00Z"
    with pytest.raises(ValueError, match="month"):
        day_ends("2026-13-01")


def test_a_week_begins_on_monday_and_belongs_to_the_year_of_its_thursday() -> None:
    assert week_of("2026-11-23") == ("2026-W48", [])
    assert week_of("2026-11-25") == ("2026-W48", ["2026-11-23", "2026-11-24"])
    assert week_of("2027-01-01") == ("2026-W53", [f"2026-12-{day}" for day in range(28, 32)])


ENDS = "2026-11-27T18:30:00Z"
TERMS = Resolved("1", "STOLE", "G11", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None)
HORSE = replace(TERMS, line_id="2", sku="HORSE", group_id="G22")


def test_a_group_hands_over_what_is_due_before_the_day_ends_and_what_is_late_for_a_week() -> None:
    assert to_hand_over(order(TERMS), ENDS) == {"G11": [SHIP_BY]}
    assert to_hand_over(order(), ENDS) == {}
    times = {"2026-11-19T18:29:59Z": False, "2026-11-19T18:30:00Z": True, "2026-11-27T18:29:59Z": True, ENDS: False}
    assert {time: bool(to_hand_over(order(TERMS, ship_by=time), ENDS)) for time in times} == times
    assert to_hand_over(order(TERMS, ship_by=None), ENDS) == {}


def test_each_group_hands_over_its_own_lines_by_their_own_times() -> None:
    early, late = "2026-11-27T08:00:00Z", "2026-11-28T08:00:00Z"
    second = Placed("2", NOON, "HORSE", 1, 149900, None, NOON, early)
    third = Placed("3", NOON, "STOLE", 1, 149900, None, NOON, late)
    fourth = Placed("4", NOON, "STOLE", 1, 149900, None, NOON, early)
    known = order(TERMS, second, HORSE, third, replace(TERMS, line_id="3"), fourth, replace(TERMS, line_id="4"))
    assert to_hand_over(known, ENDS) == {"G11": [early, SHIP_BY], "G22": [early]}


@pytest.mark.parametrize("step", ["packed", "ready", "picked_up", "shipped", "delivered"])
def test_what_is_packed_or_gone_is_not_handed_over_again(step: str) -> None:
    assert to_hand_over(order(TERMS, Step(step, NOON)), ENDS) == {}
    assert to_hand_over(order(TERMS, Step(step, NOON, claimed=True)), ENDS) == {}


def test_what_is_held_cancelled_or_shipped_by_the_marketplace_is_not_handed_over() -> None:
    assert to_hand_over(order(TERMS, Held(None, NOON, None)), ENDS) == {}
    assert to_hand_over(order(TERMS, Held("1", NOON, 2)), ENDS) == {"G11": [SHIP_BY]}
    assert to_hand_over(order(TERMS, Cancelled("1", NOON, 3, "", "")), ENDS) == {}
    theirs = Placed("1", NOON, "STOLE", 3, 149900, None, NOON, SHIP_BY, fulfilled_by=MARKETPLACE)
    assert to_hand_over(read([theirs, TERMS]), ENDS) == {}
