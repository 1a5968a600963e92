"""The leader does not hear of it: the second contact is told, the third, and in the end a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from hunar import tables
from hunar.domain.notification import SLOTS
from hunar.ports import Put, Refused, Unanswered
from tests.flipkart_messages import cancelled, created, item
from tests.simulation.news import hold
from tests.world import Crash, World, phone

HOUR = timedelta(minutes=60)
RUN = timedelta(minutes=5)


def world_of(slots: Sequence[str] = SLOTS) -> World:
    world = World()
    world.receipts = True
    world.group("G11", "en", slots=slots)
    world.product("STOLE", "G11", "Tussar stole", stock=50)
    world.settle()
    return world


@pytest.fixture
def world() -> World:
    return world_of()


def told(world: World) -> list[tuple[str, str]]:
    """Who was told what, in its order."""
    slots = {phone("G11", slot): slot for slot in SLOTS}
    return [(slots[text.to], text.kind) for text in world.phones.texts]


def newest(world: World) -> str:
    return world.phones.texts[-1].notification_id


def test_who_does_not_get_it_within_an_hour_is_not_the_only_one_told(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=HOUR - RUN, sweeping=True)
    assert told(world) == [("leader", "NEW_ORDER")]
    world.settle(patience=2 * RUN + RUN, sweeping=True)
    assert told(world) == [("leader", "NEW_ORDER"), ("second", "NEW_ORDER")]
    world.settle(patience=HOUR + 2 * RUN, sweeping=True)
    assert told(world)[2:] == [("third", "NEW_ORDER")]
    assert world.exceptions() == []
    world.settle(patience=HOUR + 2 * RUN, sweeping=True)
    assert world.exceptions() == ["SMS_NOT_DELIVERED"]
    world.settle(patience=timedelta(days=1), sweeping=True)
    assert len(told(world)) == 3, "nobody is told twice"


def test_a_delivery_ends_it_at_whoever_it_reached(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.receipt(newest(world), "DELIVERED")
    world.settle(patience=timedelta(days=1), sweeping=True)
    assert told(world) == [("leader", "NEW_ORDER")]
    assert world.exceptions() == []


def test_a_failure_is_told_to_the_next_contact_within_minutes(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.receipt(newest(world), "FAILED")
    world.settle(patience=2 * RUN, sweeping=True)
    assert told(world) == [("leader", "NEW_ORDER"), ("second", "NEW_ORDER")]
    world.receipt(newest(world), "DELIVERED")
    world.settle(patience=timedelta(days=1), sweeping=True)
    assert len(told(world)) == 2
    assert world.exceptions() == []


def test_a_refusal_is_told_to_the_next_contact_and_a_person_looks_at_the_number(world: World) -> None:
    world.phones.answers = iter([Refused("ConflictException:DESTINATION_PHONE_NUMBER_OPTED_OUT")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=2 * RUN, sweeping=True)
    assert told(world) == [("second", "NEW_ORDER")]
    assert world.exceptions() == ["SMS_REJECTED"]


def test_who_was_told_in_her_place_hears_what_follows(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.receipt(newest(world), "FAILED")
    world.settle(patience=2 * RUN, sweeping=True)
    world.post(cancelled("S1", 3))
    world.settle()
    assert told(world)[2:] == [("leader", "CANCELLED"), ("second", "CANCELLED")]


def test_who_is_told_late_hears_that_the_goods_are_held_though_the_leader_knows(world: World) -> None:
    """The leader's phone got the hold and not the order before it."""
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(hold("S1", "1", 3, "2026-11-25T10:00:00+05:30"))
    world.settle()
    assert told(world) == [("leader", "NEW_ORDER"), ("leader", "HOLD")]
    world.receipt(newest(world), "DELIVERED")
    world.settle(patience=HOUR + 2 * RUN, sweeping=True)
    assert told(world)[2:] == [("second", "NEW_ORDER"), ("second", "HOLD")]


def test_who_was_told_in_her_place_hears_what_follows_whoever_is_stopped(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.receipt(newest(world), "FAILED")
    world.settle(patience=2 * RUN, sweeping=True)

    def crash() -> None:
        world.phones.before_answer = lambda: None
        raise Crash("the text went, and nobody heard the answer")

    world.phones.before_answer = crash
    world.post(cancelled("S1", 3))
    world.settle()
    assert told(world)[2:] == [("leader", "CANCELLED"), ("second", "CANCELLED")]


def test_what_is_told_in_her_place_counts_before_it_is_written_down_that_it_is(world: World) -> None:
    """A hold comes in just when the second contact has been told of the order."""
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.receipt(newest(world), "FAILED")
    commit = world.store.commit

    def meanwhile(puts: Sequence[Put]) -> None:
        if any(put.item and put.item.get("escalated") for put in puts):
            world.store.commit = commit  # type: ignore[method-assign]
            world.settle()
            world.post(hold("S1", "1", 3, "2026-11-25T10:00:00+05:30"))
            world.settle()
        commit(puts)

    world.store.commit = meanwhile  # type: ignore[method-assign]
    world.settle(patience=2 * RUN, sweeping=True)
    assert told(world)[:2] == [("leader", "NEW_ORDER"), ("second", "NEW_ORDER")]
    assert ("second", "HOLD") in told(world)


def test_an_order_that_is_over_is_told_to_nobody_else(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(cancelled("S1", 3))
    world.settle()
    world.receipt(newest(world), "DELIVERED")
    world.settle(patience=HOUR + 2 * RUN, sweeping=True)
    # The new order was not heard of, but nothing of it is left to say.
    assert told(world) == [("leader", "NEW_ORDER"), ("leader", "CANCELLED")]


def test_a_contact_who_wants_no_such_texts_is_passed_over(world: World) -> None:
    kinds = {"NEW_ORDER": {"by": "Rukhsana", "at": world.now, "reason": "her eyes"}}
    wants = {"group_id": "G11", "slot": "leader", "kinds": kinds}
    world.store.commit([Put(tables.opt_out("G11", "leader"), wants)])
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=2 * RUN, sweeping=True)
    assert told(world) == [("second", "NEW_ORDER")]
    world.receipt(newest(world), "DELIVERED")
    world.settle(patience=timedelta(days=1), sweeping=True)
    assert world.exceptions() == []


def test_a_group_with_one_contact_has_a_person_after_an_hour() -> None:
    world = world_of(("leader",))
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=HOUR + 2 * RUN, sweeping=True)
    assert world.exceptions() == ["SMS_NOT_DELIVERED"]
    world.receipt(newest(world), "DELIVERED")
    world.settle()
    assert world.exceptions() == [], "it came in the end"


def test_what_nobody_knows_of_goes_once_more_and_then_to_the_next_contact(world: World) -> None:
    world.phones.answers = iter([Unanswered("ReadTimeoutError"), Unanswered("ReadTimeoutError")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(hours=3), sweeping=True)
    assert told(world)[0] == ("second", "NEW_ORDER")
    assert world.exceptions() == ["SMS_UNKNOWN"], "every unknown text is listed"


def test_where_no_receipts_come_silence_means_nothing(world: World) -> None:
    world.receipts = False
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(days=1), sweeping=True)
    assert told(world) == [("leader", "NEW_ORDER")]
    assert world.exceptions() == []
