"""When an order must be looked at again though nothing comes in about it."""

from __future__ import annotations

import pytest

from hunar.domain.due import next_look, to_send_again
from hunar.domain.facts import Cancelled, Fact, Held, Placed, Step
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
