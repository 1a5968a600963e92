"""A rush of orders, a night, a day's fill, a provider that takes no more: what the group's phone gets, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.domain import sms_text
from hunar.domain.facts import instant
from hunar.domain.sms_text import LOCALES
from hunar.ports import Put, Refused, Retryable, Stopped, Throttled, Unanswered
from tests.flipkart_messages import cancelled, created, item
from tests.world import Crash, World

USUAL: dict[str, Any] = {"quiet": "21:00-07:00", "digest_minutes": 30, "texts_a_day": 20, "amounts": True}


def world_of(**manners: Any) -> World:
    world = World()
    world.group("G11", "en", manners=USUAL | manners)
    world.product("STOLE", "G11", "Tussar stole", stock=500)
    world.settle()
    return world


@pytest.fixture
def world() -> World:
    return world_of()


def order(world: World, name: str, quantity: int = 1, *, ship_by: str = "2026-11-28T10:00:00Z") -> None:
    message = created(name, item("STOLE", quantity))
    message["attributes"]["dispatchByDate"] = ship_by
    world.post(message)
    world.settle(patience=timedelta(seconds=30))


def kinds(world: World) -> list[str]:
    return [text.kind for text in world.phones.texts]


def by_status(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for notification in world.notifications():
        found[notification["status"]] = found.get(notification["status"], 0) + 1
    return found


def test_the_first_order_is_told_at_once_and_those_of_the_next_half_hour_together(world: World) -> None:
    order(world, "S1")
    assert kinds(world) == ["NEW_ORDER"]
    for number in range(2, 11):
        order(world, f"S{number}", number)
    assert kinds(world) == ["NEW_ORDER"]
    world.settle(patience=timedelta(minutes=36), sweeping=True)
    assert kinds(world) == ["NEW_ORDER", "NEW_ORDERS"]
    assert "54 Tussar stole" in world.phones.texts[1].text
    assert by_status(world) == {"ACCEPTED": 11}
    members = [found for found in world.notifications() if found["digest"]]
    assert len(members) == 9 and {found["text"] for found in members} == {world.phones.texts[1].text}
    assert sum(found["parts"] for found in world.notifications()) <= 5, "half a part for each order of a burst of ten"


@pytest.mark.parametrize("locale", LOCALES)
def test_an_order_costs_two_parts_in_her_language_and_one_in_english_and_less_than_half_of_one_in_a_rush(
    locale: str,
) -> None:
    world = World()
    world.group("G11", locale, manners=USUAL)
    world.product("STOLE", "G11", "Stole", stock=500)
    world.settle()
    order(world, "S0")
    assert sms_text.parts(world.phones.texts[0].text) == (1 if locale == "en" else 2)
    for number in range(1, 10):
        order(world, f"S{number}")
    world.settle(patience=timedelta(minutes=36), sweeping=True)
    assert 2 * sum(sms_text.parts(text.text) for text in world.phones.texts) <= 10


def test_a_burst_of_two_hundred_orders_is_a_handful_of_texts(world: World) -> None:
    for number in range(200):
        world.post(created(f"S{number}", item("STOLE", 1)))
    world.settle(patience=timedelta(minutes=36), sweeping=True)
    assert kinds(world)[0] == "NEW_ORDER" and len(kinds(world)) <= 5
    said = sum(int(text.values["item"].split()[0]) for text in world.phones.texts)
    assert said == 200
    assert by_status(world) == {"ACCEPTED": 200 + len(kinds(world)) - 1}


def test_an_order_that_is_cancelled_while_it_waits_is_not_told_at_all(world: World) -> None:
    for name in ("S1", "S2", "S3"):
        order(world, name)
    world.post(cancelled("S2", 1))
    world.settle(patience=timedelta(minutes=40), sweeping=True)
    # One is left, so it is an ordinary text.
    assert kinds(world) == ["NEW_ORDER", "NEW_ORDER"]
    assert by_status(world)["SUPPRESSED"] == 2, "the new order and its cancellation"


def test_a_cancellation_after_the_digest_is_told(world: World) -> None:
    for name in ("S1", "S2", "S3"):
        order(world, name)
    world.settle(patience=timedelta(minutes=36), sweeping=True)
    world.post(cancelled("S2", 1))
    world.settle()
    assert kinds(world) == ["NEW_ORDER", "NEW_ORDERS", "CANCELLED"]


def test_fault_42_a_digest_that_the_provider_throttles_goes_apart_and_together_again(world: World) -> None:
    for name in ("S1", "S2", "S3"):
        order(world, name)
    world.phones.answers = iter([Throttled("ThrottlingException")])
    world.settle(patience=timedelta(minutes=90), sweeping=True)
    assert kinds(world) == ["NEW_ORDER", "NEW_ORDERS"]
    assert world.exceptions() == []


def test_a_digest_whose_worker_ends_while_it_goes_apart_is_over_and_its_orders_are_told(world: World) -> None:
    for name in ("S1", "S2", "S3"):
        order(world, name)
    world.phones.answers = iter([Throttled("ThrottlingException")])
    commit = world.store.commit

    def dies_before_it_is_over(puts: list[Put]) -> None:
        if any(
            put.item and put.item.get("kind") == "NEW_ORDERS" and put.item["status"] == "SUPPRESSED" for put in puts
        ):
            world.store.commit = commit  # type: ignore[method-assign]
            raise Crash("while it went apart")
        commit(puts)

    world.store.commit = dies_before_it_is_over  # type: ignore[method-assign,assignment]
    world.settle(patience=timedelta(minutes=90), sweeping=True)
    assert kinds(world) == ["NEW_ORDER", "NEW_ORDERS"]
    assert by_status(world) == {"ACCEPTED": 4, "SUPPRESSED": 1}
    assert world.exceptions() == []


def test_a_digest_nobody_knows_of_is_sent_once_more_and_listed(world: World) -> None:
    for name in ("S1", "S2", "S3"):
        order(world, name)
    world.phones.answers = iter([Unanswered("ReadTimeoutError")])
    world.settle(patience=timedelta(minutes=36), sweeping=True)
    assert kinds(world) == ["NEW_ORDER"]
    assert world.exceptions() == ["SMS_UNKNOWN"]
    assert by_status(world) == {"ACCEPTED": 1, "UNKNOWN": 3}
    world.settle(patience=timedelta(minutes=25), sweeping=True)
    assert kinds(world) == ["NEW_ORDER", "NEW_ORDERS"]
    assert by_status(world) == {"ACCEPTED": 4}
    assert world.exceptions() == []


def test_a_refused_digest_is_one_exception(world: World) -> None:
    for name in ("S1", "S2", "S3"):
        order(world, name)
    world.phones.answers = iter([Refused("ConflictException")])
    world.settle(patience=timedelta(minutes=50), sweeping=True)
    assert world.exceptions() == ["SMS_REJECTED"]
    assert by_status(world) == {"ACCEPTED": 1, "FAILED": 3}


def test_at_night_orders_wait_and_are_told_together_in_the_morning(world: World) -> None:
    world.time = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)  # half past ten in the evening
    for name in ("S1", "S2", "S3"):
        order(world, name)
    assert kinds(world) == []
    world.settle(patience=timedelta(hours=8, minutes=20), sweeping=True)
    assert kinds(world) == []
    world.settle(patience=timedelta(minutes=20), sweeping=True)
    assert kinds(world) == ["NEW_ORDERS"]
    assert world.exceptions() == []


def test_an_order_that_must_be_handed_over_in_the_morning_is_told_at_night(world: World) -> None:
    world.time = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
    order(world, "S1", ship_by="2026-11-26T05:00:00Z")
    assert kinds(world) == ["NEW_ORDER"]


def test_after_the_days_fill_a_person_is_told_and_the_rest_comes_next_morning() -> None:
    world = world_of(digest_minutes=0, texts_a_day=3)
    for number in range(5):
        order(world, f"S{number}")
    assert kinds(world) == ["NEW_ORDER"] * 3
    assert world.exceptions() == ["SMS_CAP"]
    world.settle(patience=timedelta(hours=24), sweeping=True)
    assert kinds(world) == ["NEW_ORDER"] * 3 + ["NEW_ORDERS"]


def test_fault_44_when_the_days_parts_are_used_up_texts_wait_for_the_next_day(world: World) -> None:
    world.parts_a_day = 2
    for number in range(4):
        world.group(f"G2{number}", "en", manners=USUAL)
        world.product(f"P{number}", f"G2{number}", "Jute tote", stock=5)
        world.settle()
        world.post(created(f"T{number}", item(f"P{number}", 1)))
    world.settle(patience=timedelta(hours=1), sweeping=True)
    assert kinds(world) == ["NEW_ORDER"] * 2
    assert world.exceptions() == ["SMS_BUDGET"]
    world.settle(patience=timedelta(hours=24), sweeping=True)
    assert kinds(world) == ["NEW_ORDER"] * 4


def test_fault_44_a_provider_that_takes_no_texts_is_asked_once_in_a_while_and_all_go_when_it_does(world: World) -> None:
    for number in range(4):
        world.group(f"G2{number}", "en", manners=USUAL)
        world.product(f"P{number}", f"G2{number}", "Jute tote", stock=5)
    world.settle()
    asked: list[int] = []
    world.phones.before_answer = lambda: asked.append(1)
    world.phones.answers = iter([Stopped("MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")] * 3)
    for number in range(4):
        world.post(created(f"T{number}", item(f"P{number}", 1)))
    world.settle(patience=timedelta(minutes=29), sweeping=True)
    assert len(asked) <= 3, "each text by itself would have asked again and again"
    assert world.exceptions() == ["SMS_STOPPED"]
    world.settle(patience=timedelta(hours=2), sweeping=True)
    assert kinds(world) == ["NEW_ORDER"] * 4
    assert world.exceptions() == []
    assert world.exceptions(closed=True) == ["SMS_STOPPED"]


def test_what_was_sent_is_counted_once_for_the_contact_and_for_the_day(world: World) -> None:
    world.phones.answers = iter([Throttled("ThrottlingException")] * 3)
    order(world, "S1")
    world.settle(patience=timedelta(minutes=10))
    parts = sms_text.parts(world.phones.texts[0].text)
    day = world.store.read([tables.sms_day("2026-11-25")])[tables.sms_day("2026-11-25")]
    assert day["parts"] == parts
    talk = world.store.read([tables.talk("G11", "leader")])[tables.talk("G11", "leader")]
    assert list(talk["sent"].values()) == [parts]
    assert [said["kind"] for said in talk["recent"]] == ["NEW_ORDER"]
    assert talk["recent"][0]["at"] == instant(world.time)


def test_who_was_told_with_others_waits_no_more(world: World) -> None:
    order(world, "S1")
    for number in range(2, 5):
        order(world, f"S{number}", number)
    assert len(waiting(world)) == 3
    world.settle(patience=timedelta(minutes=36), sweeping=True)
    assert kinds(world) == ["NEW_ORDER", "NEW_ORDERS"]
    assert waiting(world) == []


def waiting(world: World) -> list[str]:
    """The new orders that are to be told together."""
    return list(world.store.read([tables.talk("G11", "leader")])[tables.talk("G11", "leader")]["waiting"])


def test_nobody_is_asked_about_a_provider_that_takes_texts_again(world: World) -> None:
    """Whoever finds that it does is stopped at once."""
    world.phones.answers = iter([Stopped("MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")])
    order(world, "S1")
    commit = world.store.commit

    def dies_when_it_is_open(puts: list[Put]) -> None:
        commit(puts)
        if any(put.key == tables.sms_breaker() for put in puts):
            world.store.commit = commit  # type: ignore[method-assign]
            raise Retryable("the function was stopped")

    world.store.commit = dies_when_it_is_open  # type: ignore[method-assign,assignment]
    world.settle(patience=timedelta(minutes=40), sweeping=True)
    assert kinds(world) == ["NEW_ORDER"]
    assert world.store.read([tables.sms_breaker()])[tables.sms_breaker()]["until"] == ""
    assert "SMS_STOPPED" not in world.exceptions()
