"""Claim, read, send, answer: what the group hears when things go wrong in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from hunar import tables
from hunar.domain.notification import Sibling, Status, Verdict, decide
from hunar.ports import Put, QueueName, Refused, Throttled, Unanswered
from hunar.tables import Item, Table
from hunar.use_cases.notify import notify
from tests.flipkart_messages import cancelled, created, item
from tests.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "तसर स्टोल", stock=8)
    world.settle()
    return world


def owed(world: World) -> list[str]:
    """The messages that wait for notify_group, after all orders are applied."""
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)
    world.relay()
    return [body for body, _ in world.queues.taken(QueueName.NOTIFICATIONS)]


def only(world: World) -> Item:
    [notification] = world.notifications()
    return notification


def test_what_was_sent_is_written_down_with_its_parts(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    sent = only(world)
    assert (sent["status"], sent["locale"], sent["to"]) == ("ACCEPTED", "hi", "+919999900011")
    assert sent["text"] == world.phones.texts[0].text
    assert 1 <= sent["parts"] <= 2
    assert sent["stated"] == {"STOLE": 3}


def test_a_second_message_about_a_sent_text_sends_nothing(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    assert [world.work(QueueName.NOTIFICATIONS, body) for _ in range(3)] == ["ACCEPTED"] * 3
    assert len(world.phones.texts) == 1


def test_a_crash_while_sending_is_unknown_after_fifteen_minutes_and_a_person_asks(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)

    def crash() -> None:
        raise ConnectionError("the function was stopped")

    world.phones.before_answer = crash
    with pytest.raises(ConnectionError):
        world.work(QueueName.NOTIFICATIONS, body)
    world.phones.before_answer = lambda: None
    assert world.work(QueueName.NOTIFICATIONS, body) == "CLAIMED"
    world.settle(patience=timedelta(minutes=20))
    assert only(world)["status"] == "UNKNOWN"
    assert world.exceptions() == ["SMS_UNKNOWN"]
    assert len(world.phones.texts) == 1


def test_fault_42_a_throttled_text_waits_and_goes(world: World) -> None:
    world.phones.answers = iter([Throttled("ThrottlingException"), Throttled("ThrottlingException")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(minutes=5))
    assert len(world.phones.texts) == 1
    assert only(world)["status"] == "ACCEPTED"
    assert only(world)["attempts"] == 3
    assert world.exceptions() == []


def test_a_text_that_is_throttled_until_its_time_is_over_is_an_exception(world: World) -> None:
    """A disabled SMS account answers like a busy one, and must not stay quiet."""
    world.phones.answers = iter([Throttled("AccessDeniedException")] * 1000)
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(days=8))
    assert only(world)["status"] == "FAILED"
    assert "AccessDenied" in only(world)["reason"]
    assert world.exceptions() == ["SMS_REJECTED"]


def test_a_refused_text_is_an_exception_without_number_or_text(world: World) -> None:
    world.phones.answers = iter([Refused("ValidationException/INVALID_PARAMETER")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert only(world)["status"] == "FAILED"
    [exception] = world.items(Table.EXCEPTIONS)
    assert exception["kind"] == "SMS_REJECTED"
    assert "INVALID_PARAMETER" in exception["message"]
    assert "99999" not in exception["message"]


def test_an_unanswered_text_is_unknown_at_once_and_never_sent_again(world: World) -> None:
    world.phones.answers = iter([Unanswered("ReadTimeoutError")])
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    assert [world.work(QueueName.NOTIFICATIONS, body) for _ in range(2)] == ["UNKNOWN"] * 2
    assert world.phones.texts == []
    assert world.exceptions() == ["SMS_UNKNOWN"]


def test_after_an_unknown_text_a_cancellation_is_sent_because_the_group_may_be_packing(world: World) -> None:
    world.phones.answers = iter([Unanswered("ReadTimeoutError")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(cancelled("S1", 3))
    world.settle()
    assert [text.kind for text in world.phones.texts] == ["CANCELLED"]


def test_a_cancellation_after_a_refused_text_stays_silent(world: World) -> None:
    world.phones.answers = iter([Refused("ValidationException")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(cancelled("S1", 3))
    world.settle()
    assert world.phones.texts == []


def test_a_cancellation_waits_for_the_text_that_is_on_its_way(world: World) -> None:
    """The cancellation comes in and is worked on while the first text is with the provider."""
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)

    def meanwhile() -> None:
        world.phones.before_answer = lambda: None
        world.post(cancelled("S1", 1))
        [other] = owed(world)
        assert world.work(QueueName.NOTIFICATIONS, other) == "WAITING"

    world.phones.before_answer = meanwhile
    world.work(QueueName.NOTIFICATIONS, body)
    world.settle()
    assert [text.kind for text in world.phones.texts] == ["NEW_ORDER", "CANCELLED"]
    assert "2" in world.phones.texts[-1].text


def test_a_text_that_is_on_its_way_is_over_in_seconds_whatever_the_clocks_say(world: World) -> None:
    """Whoever claimed the first text did so a moment later than the other worker looked at its clock."""
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)

    def meanwhile() -> None:
        world.phones.before_answer = lambda: None
        world.time -= timedelta(seconds=2)
        world.post(cancelled("S1", 1))
        [other] = owed(world)
        assert world.work(QueueName.NOTIFICATIONS, other) == "WAITING"
        world.time += timedelta(seconds=2)

    world.phones.before_answer = meanwhile
    world.work(QueueName.NOTIFICATIONS, body)
    world.settle(patience=timedelta(seconds=10))
    assert [text.kind for text in world.phones.texts] == ["NEW_ORDER", "CANCELLED"]


def test_a_cancellation_before_the_first_text_is_in_it(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [first] = owed(world)
    world.post(cancelled("S1", 1))
    [second] = owed(world)
    assert world.work(QueueName.NOTIFICATIONS, second) == "SUPPRESSED"
    assert world.work(QueueName.NOTIFICATIONS, first) == "ACCEPTED"
    [text] = world.phones.texts
    assert "2 तसर" in text.text


@pytest.mark.parametrize(
    ("missing", "kind"),
    [
        (tables.contact("G11", "leader"), "NO_CONTACT"),
        (tables.group("G11"), "NO_CONTACT"),
        (tables.dlt_template("NEW_ORDER", "hi"), "SMS_REJECTED"),
        (tables.agency(), "SMS_REJECTED"),
    ],
)
def test_what_is_missing_for_a_text_is_an_exception(missing: tables.Key, kind: str) -> None:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "तसर", stock=8)
    world.settle()
    del world.store._items[missing]
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert world.exceptions() == [kind]
    assert only(world)["status"] == "FAILED"


def test_production_refuses_a_draft(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    desk = replace(world.sending_desk(), production=True)
    from hunar.messages import Notify

    assert notify(desk, Notify.model_validate_json(body)) is Status.FAILED
    assert world.phones.texts == []
    assert "draft" in only(world)["reason"]


def test_two_workers_with_the_same_message_send_one_text(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    again: list[Callable[[], None]] = [lambda: world.work(QueueName.NOTIFICATIONS, body) and None]

    def meanwhile() -> None:
        if again:
            again.pop()()

    world.phones.before_answer = meanwhile
    world.work(QueueName.NOTIFICATIONS, body)
    world.settle(patience=timedelta(minutes=20))
    assert len(world.phones.texts) == 1
    assert only(world)["status"] == "ACCEPTED"
    assert world.exceptions() == []


def test_an_answer_that_comes_after_the_claim_was_called_unknown_is_kept(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)

    def much_later() -> None:
        world.phones.before_answer = lambda: None
        world.time += timedelta(minutes=16)
        assert world.work(QueueName.NOTIFICATIONS, body) == "UNKNOWN"

    world.phones.before_answer = much_later
    assert world.work(QueueName.NOTIFICATIONS, body) == "ACCEPTED"
    assert only(world)["status"] == "ACCEPTED"


def test_nobody_is_asked_about_a_text_that_went_the_second_time(world: World) -> None:
    """Whoever wrote that it went is stopped at once."""
    world.phones.answers = iter([Unanswered("ReadTimeoutError")])
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    commit = world.store.commit

    def dies_when_it_went(puts: list[Put]) -> None:
        commit(puts)
        if any(put.item and put.item.get("status") == "ACCEPTED" for put in puts):
            world.store.commit = commit  # type: ignore[method-assign]
            raise ConnectionError("the function was stopped")

    assert world.work(QueueName.NOTIFICATIONS, body) == "UNKNOWN"
    assert world.exceptions() == ["SMS_UNKNOWN"]
    world.time += timedelta(minutes=16)
    world.store.commit = dies_when_it_went  # type: ignore[method-assign,assignment]
    with pytest.raises(ConnectionError):
        world.work(QueueName.NOTIFICATIONS, body)
    assert only(world)["status"] == "ACCEPTED"
    assert world.exceptions() == []


GOOD, NOW = "2026-11-27T00:00:00Z", "2026-11-25T00:00:00Z"


@pytest.mark.parametrize(
    ("kind", "siblings", "units", "left", "verdict"),
    [
        ("NEW_ORDER", [], 3, False, Verdict.SEND),
        ("NEW_ORDER", [], 0, False, Verdict.SUPPRESS),
        ("NEW_ORDER", [], 3, True, Verdict.SUPPRESS),
        ("CANCELLED", [], 1, False, Verdict.SUPPRESS),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", None, {"STOLE": 3})], 1, False, Verdict.SUPPRESS),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", Status.WAITING, {"STOLE": 3})], 1, False, Verdict.SUPPRESS),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", Status.CLAIMED, {"STOLE": 3})], 1, False, Verdict.WAIT),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", Status.ACCEPTED, {"STOLE": 3})], 1, False, Verdict.SEND),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", Status.ACCEPTED, {"STOLE": 1})], 1, False, Verdict.SUPPRESS),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", Status.UNKNOWN, {"STOLE": 3})], 0, True, Verdict.SEND),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", Status.FAILED, {"STOLE": 3})], 1, False, Verdict.SUPPRESS),
        ("CANCELLED", [Sibling(1, "NEW_ORDER", Status.EXPIRED, {"STOLE": 3})], 1, False, Verdict.SUPPRESS),
        (
            "CANCELLED",
            [Sibling(1, "NEW_ORDER", Status.ACCEPTED, {"STOLE": 5}), Sibling(2, "CANCELLED", None, {"STOLE": 3})],
            1,
            False,
            Verdict.WAIT,
        ),
        ("NEW_ORDER", [Sibling(9, "CANCELLED", None, {"STOLE": 1})], 3, False, Verdict.SEND),
    ],
)
def test_what_was_said_before_decides(
    kind: str, siblings: list[Sibling], units: int, left: bool, verdict: Verdict
) -> None:
    found = decide(kind, 3, siblings, units={"STOLE": units}, held={}, left=left, good_until=GOOD, now=NOW)
    assert found.verdict is verdict


def test_a_text_past_its_time_is_recorded_as_expired() -> None:
    late = decide("NEW_ORDER", 1, [], units={"STOLE": 3}, held={}, left=False, good_until=NOW, now=GOOD)
    assert late.verdict is Verdict.EXPIRE


def test_a_waiting_record_is_claimed_by_one_worker_only(world: World) -> None:
    world.phones.answers = iter([Throttled("ThrottlingException")])
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    assert world.work(QueueName.NOTIFICATIONS, body) == "WAITING"
    commit = world.store.commit

    def rival_first(puts: list[Put]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        assert world.work(QueueName.NOTIFICATIONS, body) == "ACCEPTED"
        commit(puts)

    # The claim of a record that stands there is the second commit: the first finds it standing.
    def first_fails(puts: list[Put]) -> None:
        world.store.commit = rival_first  # type: ignore[method-assign,assignment]
        commit(puts)

    world.store.commit = first_fails  # type: ignore[method-assign,assignment]
    with pytest.raises(Exception, match="same moment"):
        world.work(QueueName.NOTIFICATIONS, body)
    assert len(world.phones.texts) == 1
