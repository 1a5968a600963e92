"""What a provider reports of a text: late, twice, in any order, before its own answer, of things that never were."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from hunar import tables
from hunar.domain.facts import instant
from hunar.domain.notification import UNHEARD
from hunar.ports import Conflict, Put, QueueName, Throttled, Unanswered
from hunar.tables import Item, Table
from hunar.use_cases.acknowledge import heard
from hunar.use_cases.texts import commit_with_members, members_of
from hunar.use_cases.worklist import closing
from tests.flipkart_messages import created, item
from tests.world import World, phone


class Stopped(Exception):
    """The function was stopped while the provider had the text."""


def opened(manners: dict[str, Any] | None = None) -> World:
    world = World()
    world.receipts = True
    world.group("G11", manners=manners)
    world.product("STOLE", "G11", "तसर स्टोल", stock=80)
    world.settle()
    return world


@pytest.fixture
def world() -> World:
    return opened()


def owed(world: World, shipment: str = "S1") -> str:
    """The message of the text that a new order owes, after the order is applied."""
    world.post(created(shipment, item("STOLE", 1)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    [body] = [body for body, _ in world.queues.taken(QueueName.NOTIFICATIONS)]
    return body


def sent(world: World, shipment: str = "S1") -> str:
    """A text that the provider took, alone: whatever waits longer than the window is not told together."""
    body = owed(world, shipment)
    assert world.work(QueueName.NOTIFICATIONS, body) == "ACCEPTED"
    return str(newest(world)["notification_id"])


def newest(world: World) -> Item:
    return max(world.notifications(), key=lambda found: (found["claimed_at"], found["order_ref"]))


def read(world: World, key: tables.Key) -> Item:
    return world.store.read([key])[key]


def talk(world: World, slot: str = "leader") -> Item:
    return read(world, tables.talk("G11", slot))


def rate(world: World) -> Item:
    return read(world, tables.template_rate(newest(world)["template_id"]))


def second_contact(world: World) -> None:
    contact = {"group_id": "G11", "slot": "second", "name": "Second", "phone": phone("G11", "second")}
    world.store.commit([Put(tables.contact("G11", "second"), contact)])


def shown(world: World, kind: str) -> Item:
    [found] = [found for found in world.items(Table.EXCEPTIONS) if found["kind"] == kind]
    return found


def tick(world: World, name: str) -> bool:
    return heard(world.store, name, "heard", how="tick", by="farzana", at=world.now, again=lambda action: action())


def kept(world: World) -> Item:
    """The one message that nobody understood."""
    [found] = world.store.page(Table.DELIVERIES, "UNREAD#queue#sms-receipts").items
    return found


def hear(world: World) -> list[str]:
    return world.work_off(QueueName.SMS_RECEIPTS)


SAID: dict[str, dict[str, Any]] = {
    "SENT": {"state": "SENT", "at": "2026-11-25T04:00:02Z", "parts": 2, "price_millionths": 4_000, "currency": "USD"},
    "DELIVERED": {"state": "DELIVERED", "at": "2026-11-25T04:00:09Z"},
    "FAILED": {"state": "FAILED", "at": "2026-11-25T04:00:08Z", "code": "UNREACHABLE", "reason": "the phone is off"},
}


@pytest.mark.parametrize("answer", ["accepted", "unanswered", "stopped"])
@pytest.mark.parametrize("steps", sorted(set(permutations(["answer", "SENT", "DELIVERED", "FAILED", "again"]))))
def test_whatever_comes_first_the_first_outcome_stays_and_all_is_counted_once(
    steps: tuple[str, ...], answer: str
) -> None:
    """``again`` is all that was said so far, once more."""
    world = opened()
    body = owed(world)
    before, after = steps[: steps.index("answer")], steps[steps.index("answer") + 1 :]
    told: list[str] = []

    def report(names: tuple[str, ...]) -> None:
        for name in names:
            for one in tuple(told) if name == "again" else (name,):
                world.receipt(newest(world)["notification_id"], **SAID[one])
                hear(world)
            told.extend([name] if name in SAID else [])

    def meanwhile() -> None:
        report(before)
        if answer == "stopped":
            raise Stopped

    world.phones.before_answer = meanwhile
    world.phones.answers = iter([Unanswered("ReadTimeoutError")] if answer == "unanswered" else [])
    if answer == "stopped":
        with pytest.raises(Stopped):
            world.work(QueueName.NOTIFICATIONS, body)
        world.phones.before_answer = lambda: None
        world.time += timedelta(minutes=16)
        world.work(QueueName.NOTIFICATIONS, body)
    else:
        world.work(QueueName.NOTIFICATIONS, body)
    report(after)
    outcomes = [name for name in steps if name in ("DELIVERED", "FAILED")]
    text = newest(world)
    assert text["status"] == outcomes[0]
    assert text["receipt"]["state"] == outcomes[0]
    assert [also["state"] for also in text["receipt"]["also"]] == outcomes[1:]
    assert (text["receipt"]["parts"], text["receipt"]["price_millionths"]) == (2, 4_000)
    assert text["provider_id"] == ("sms-0" if answer == "accepted" else None)
    failed = outcomes[0] == "FAILED"
    if failed and answer == "stopped" and "FAILED" in before:
        # Its own message came again, and there was nobody else to tell.
        assert world.exceptions() == ["SMS_NOT_DELIVERED"]
    else:
        assert ("due_sk" in text) is failed
    assert talk(world)["failed_in_row"] == failed
    assert rate(world)["outcomes"] == outcomes[0][0]
    assert len(world.phones.texts) == (answer != "unanswered")


@pytest.mark.parametrize("state", ["SENT", "DELIVERED"])
def test_a_report_settles_what_nobody_knew_and_nobody_need_ask(world: World, state: str) -> None:
    body = owed(world)
    world.phones.answers = iter([Unanswered("ReadTimeoutError")])
    assert world.work(QueueName.NOTIFICATIONS, body) == "UNKNOWN"
    assert world.exceptions() == ["SMS_UNKNOWN"]
    world.receipt(newest(world)["notification_id"], state)
    assert hear(world) == ["ACCEPTED" if state == "SENT" else "DELIVERED"]
    assert world.exceptions() == []
    assert world.exceptions(closed=True) == ["SMS_UNKNOWN"]
    # What may go twice does not: somebody knows that it went.
    world.settle(patience=timedelta(minutes=50), sweeping=True)
    assert world.phones.texts == []


def test_a_failure_of_what_nobody_knew_answers_the_question_and_somebody_else_is_told(world: World) -> None:
    body = owed(world)
    world.phones.answers = iter([Unanswered("ReadTimeoutError")])
    world.work(QueueName.NOTIFICATIONS, body)
    world.receipt(newest(world)["notification_id"], "FAILED", code="UNREACHABLE")
    assert hear(world) == ["FAILED"]
    assert world.exceptions(closed=True) == ["SMS_UNKNOWN"]
    world.settle(patience=timedelta(minutes=6), sweeping=True)
    assert world.exceptions() == ["SMS_NOT_DELIVERED"], "the group has no other contact"


def test_a_report_that_comes_after_72_hours_counts(world: World) -> None:
    name = sent(world)
    world.time += timedelta(hours=72)
    world.receipt(name, "DELIVERED")
    assert hear(world) == ["DELIVERED"]
    assert talk(world)["delivered_at"] == world.now


def test_the_last_delivery_is_the_last_one_though_an_older_one_is_reported_after_it(world: World) -> None:
    first = sent(world, "S1")
    world.time += timedelta(minutes=10)
    second = sent(world, "S2")
    delivered = world.now
    world.receipt(second, "DELIVERED")
    world.receipt(first, "DELIVERED", at="2026-11-25T04:00:05Z")
    hear(world)
    assert talk(world)["delivered_at"] == delivered


def test_nobody_need_be_called_when_it_arrives_after_all(world: World) -> None:
    name = sent(world)
    world.settle(patience=timedelta(minutes=90), sweeping=True)
    assert world.exceptions() == ["SMS_NOT_DELIVERED"]
    world.receipt(name, "DELIVERED")
    assert hear(world) == ["DELIVERED"]
    assert world.exceptions() == []


def test_on_its_way_it_still_must_arrive_in_time(world: World) -> None:
    """The phone network is quicker than the answer, which never comes: the ladder's clock runs all the same."""
    body = owed(world)

    def meanwhile() -> None:
        world.receipt(newest(world)["notification_id"], "SENT")
        hear(world)
        raise Stopped

    world.phones.before_answer = meanwhile
    with pytest.raises(Stopped):
        world.work(QueueName.NOTIFICATIONS, body)
    text = newest(world)
    assert text["status"] == "ACCEPTED"
    assert text["due_sk"] == f"{instant(world.time + UNHEARD)}#{text['notification_id']}"


def test_a_failure_is_looked_at_at_once_and_the_next_contact_is_told(world: World) -> None:
    second_contact(world)
    name = sent(world)
    world.receipt(name, "FAILED", code="633", reason="the operators know another text under this template")
    hear(world)
    text = newest(world)
    assert (text["status"], text["due_sk"]) == ("FAILED", f"{world.now}#{name}")
    assert text["receipt"]["reason"] == "the operators know another text under this template"
    world.sweep()
    world.settle()
    assert [request.to for request in world.phones.texts] == [phone("G11"), phone("G11", "second")]


def test_a_text_of_its_time_that_ran_out_was_not_delivered(world: World) -> None:
    world.receipt(sent(world), "EXPIRED", code="TEXT_TTL_EXPIRED", reason="its time to live ran out")
    assert hear(world) == ["FAILED"]
    assert newest(world)["receipt"]["state"] == "EXPIRED"


def test_a_failure_that_is_not_the_last_word_changes_nothing_yet(world: World) -> None:
    name = sent(world)
    world.receipt(name, "FAILED", final=False, code="UNREACHABLE")
    assert hear(world) == ["ACCEPTED"]
    assert talk(world)["failed_in_row"] == 0
    world.receipt(name, "DELIVERED")
    assert hear(world) == ["DELIVERED"]


def test_nobody_is_told_again_of_what_was_heard(world: World) -> None:
    second_contact(world)
    name = sent(world)
    assert tick(world, name)
    world.receipt(name, "FAILED", code="UNREACHABLE")
    hear(world)
    assert "due_sk" not in newest(world)
    world.settle(patience=timedelta(hours=2), sweeping=True)
    assert len(world.phones.texts) == 1


def test_what_was_sent_twice_arrived_if_one_of_the_two_did(world: World) -> None:
    """Each sending has an outcome of its own, and the failed one comes first."""
    name = sent(world)
    world.receipt(name, "FAILED", provider_id="first", code="UNREACHABLE", price_millionths=2_000)
    world.receipt(name, "DELIVERED", provider_id="second", price_millionths=2_000)
    world.receipt(name, "FAILED", provider_id="first", code="UNREACHABLE", price_millionths=2_000)
    assert hear(world) == ["FAILED", "DELIVERED", "unchanged"]
    text = newest(world)
    assert [also["provider_id"] for also in text["receipt"]["also"]] == ["first"]
    assert talk(world)["failed_in_row"] == 0
    assert rate(world)["outcomes"] == "F"
    assert "due_sk" not in text


def test_a_late_failure_of_the_first_sending_does_not_speak_for_the_second(world: World) -> None:
    name = sent(world)
    world.receipt(name, "SENT", provider_id="sms-0")
    world.receipt(name, "FAILED", provider_id="lost", code="UNREACHABLE")
    hear(world)
    assert newest(world)["status"] == "ACCEPTED"
    assert newest(world)["receipt"]["provider_id"] == "sms-0"


def test_a_text_that_waits_to_be_sent_again_is_not_failed_by_the_first_try(world: World) -> None:
    body = owed(world)
    world.phones.answers = iter([Throttled("ThrottlingException")])
    assert world.work(QueueName.NOTIFICATIONS, body) == "WAITING"
    world.receipt(newest(world)["notification_id"], "FAILED", code="UNREACHABLE")
    assert hear(world) == ["WAITING"]
    world.settle()
    assert newest(world)["status"] == "ACCEPTED"


def test_a_digest_settles_what_went_with_it() -> None:
    world = opened(manners={"quiet": ""})
    sent(world, "S0")
    for shipment in ("S1", "S2", "S3"):
        world.post(created(shipment, item("STOLE", 1)))
    world.settle(patience=timedelta(minutes=40), sweeping=True)
    [digest] = [found for found in world.notifications() if found["kind"] == "NEW_ORDERS"]
    assert len(digest["members"]) == 3
    world.receipt(digest["notification_id"], "FAILED", code="UNREACHABLE")
    assert hear(world) == ["FAILED"]
    found = world.store.read(map(tables.notification, digest["members"]))
    assert {member["status"] for member in found.values()} == {"FAILED"}
    # The digest speaks for all of them, so it alone is due.
    assert not any("due_sk" in member for member in found.values())
    assert "due_sk" in read(world, tables.notification(digest["notification_id"]))
    assert talk(world)["failed_in_row"] == 1


def test_a_member_that_went_another_way_is_not_settled_by_the_digest(world: World) -> None:
    name = sent(world)
    digest = {"notification_id": "D", "members": [name]}
    assert members_of(world.store, digest) == []


def test_more_members_than_a_transaction_holds_are_settled_before_their_digest(world: World) -> None:
    ids = [f"M{number}" for number in range(230)]
    puts = [Put(tables.notification(name), {"notification_id": name, "version": 1}) for name in ids]
    sizes: list[int] = []
    commit = world.store.commit

    def counting(some: list[Put]) -> None:
        sizes.append(len(some))
        commit(some)

    world.store.commit = counting  # type: ignore[method-assign,assignment]
    commit_with_members(world.store, puts, [Put(tables.notification("D"), {"notification_id": "D", "version": 1})])
    assert sizes == [100, 100, 31]
    assert len(world.store.read(map(tables.notification, [*ids, "D"]))) == 231


def fail(world: World, times: int, **said: Any) -> None:
    for _ in range(times):
        world.time += timedelta(hours=1)
        name = sent(world, f"F{world.now}")
        world.receipt(name, "FAILED", **({"code": "UNREACHABLE", "reason": "the phone is off"} | said))
        hear(world)


def deliver(world: World, times: int) -> None:
    for _ in range(times):
        world.time += timedelta(hours=1)
        world.receipt(sent(world, f"D{world.now}"), "DELIVERED")
        hear(world)


def test_fault_43_three_texts_in_a_row_that_did_not_reach_the_phone_are_shown_once(world: World) -> None:
    fail(world, 2)
    assert "CONTACT_STALE" not in world.exceptions()
    deliver(world, 1)
    fail(world, 2)
    assert "CONTACT_STALE" not in world.exceptions()
    fail(world, 1)
    stale = shown(world, "CONTACT_STALE")
    assert stale["message"] == "the last 3 texts to the leader of G11 did not reach the phone"
    world.store.commit(closing(stale, at=world.now, by="farzana"))
    fail(world, 2)
    # Whoever dealt with it is not asked again by each text that follows.
    assert "CONTACT_STALE" not in world.exceptions()


@pytest.mark.parametrize("code", ["INVALID", "BLOCKED", "NDNC"])
def test_fault_43_a_number_that_takes_no_texts_is_not_tried_again_and_a_person_hears_of_it(
    world: World, code: str
) -> None:
    """No such number, a phone that blocks texts, one on the register of those who want none: all say no for good."""
    name = sent(world)
    world.receipt(name, "FAILED", code=code, reason="the phone takes no texts")
    hear(world)
    world.settle(patience=timedelta(hours=3), sweeping=True)
    assert [request.to for request in world.phones.texts] == [phone("G11")]
    assert world.exceptions() == ["SMS_NOT_DELIVERED"]


def test_a_delivery_shows_that_the_number_is_good(world: World) -> None:
    fail(world, 3)
    assert "CONTACT_STALE" in world.exceptions()
    deliver(world, 1)
    assert "CONTACT_STALE" not in world.exceptions()
    assert talk(world)["failed_in_row"] == 0


@pytest.mark.parametrize("code", ["620", "HEADER_NOT_FOUND", "602 ENTITY_INACTIVE", "TEXT_CARRIER_BLOCKED", "633"])
def test_a_text_that_was_refused_on_the_way_says_nothing_of_the_phone(world: World, code: str) -> None:
    fail(world, 4, code=code)
    assert talk(world)["failed_in_row"] == 0
    assert "CONTACT_STALE" not in world.exceptions()


def test_a_registered_text_that_stops_arriving_is_named(world: World) -> None:
    deliver(world, 6)
    fail(world, 5)
    assert "SMS_TEMPLATE_FAILING" not in world.exceptions()
    fail(world, 1)
    assert rate(world)["outcomes"] == "DDDDDDFFFFFF"
    message, template = shown(world, "SMS_TEMPLATE_FAILING")["message"], newest(world)["template_id"]
    assert f"NEW_ORDER in hi (template {template}): 2 of the last 8 arrived" in message
    assert "the phone is off" in message
    deliver(world, 5)
    assert "SMS_TEMPLATE_FAILING" in world.exceptions()
    deliver(world, 1)
    assert "SMS_TEMPLATE_FAILING" in world.exceptions(closed=True)


def test_three_refusals_of_the_registered_text_itself_are_shown_at_once(world: World) -> None:
    fail(world, 2, code="631", reason="the registered text is inactive")
    assert "SMS_TEMPLATE_FAILING" not in world.exceptions()
    fail(world, 1, code="TEMPLATE_NOT_FOUND", reason="the registered text is not known")
    assert "SMS_TEMPLATE_FAILING" in world.exceptions()
    assert rate(world)["outcomes"] == "TTT"


def test_a_rate_remembers_forty_outcomes(world: World) -> None:
    deliver(world, 42)
    assert rate(world)["outcomes"] == "D" * 40


def test_a_report_about_a_text_that_was_never_sent_is_shown_once(world: World) -> None:
    for _ in range(2):
        world.receipt("ffffffffffffffffffffffffffffffff", "DELIVERED")
    assert hear(world) == ["unknown_text"] * 2
    message = shown(world, "SMS_NEWS_UNREADABLE")["message"]
    assert message == "aws: a receipt about a text that was never sent from here"


@pytest.mark.parametrize("name", ["", "x" * 3000])
def test_an_id_that_can_be_none_of_ours_is_no_key(world: World, name: str) -> None:
    world.receipt(name, "DELIVERED")
    assert hear(world) == ["unknown_text"]


def test_a_report_that_names_no_text_is_kept(world: World) -> None:
    world.receipt(None, "DELIVERED")
    assert hear(world) == ["sms_news_unreadable"]
    message = shown(world, "SMS_NEWS_UNREADABLE")["message"]
    assert message == f"aws: a receipt that does not name the text it is about (delivery {kept(world)['delivery_id']})"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("no json", "the message is not JSON"),
        ("[1]", "receipts: is missing"),
        ('{"eventType": "TEXT_SENT"}', "receipts: is missing"),
        ('{"kind": "sms_news", "version": 7}', "version: Input should be 1"),
        (
            '{"kind":"sms_news","version":1,"provider":"exotel","account":"main",'
            '"received_at":"2026-11-25T04:00:00Z","body_b64":"*"}',
            "body_b64: not base64",
        ),
    ],
)
def test_news_that_nobody_can_read_are_kept_whole_and_shown_without_what_they_say(
    world: World, body: str, reason: str
) -> None:
    for _ in range(2):
        world.queues.send(QueueName.SMS_RECEIPTS, [body])
    assert hear(world) == ["sms_news_unreadable", "duplicate"]
    there = kept(world)
    assert there["body"] == body
    assert shown(world, "SMS_NEWS_UNREADABLE")["message"] == f"{reason} (delivery {there['delivery_id']})"
    assert there["expires_at"] > world.time.timestamp()


def test_several_reports_in_one_message_are_all_heard(world: World) -> None:
    name = sent(world)
    for named, state in ((name, "SENT"), ("f" * 32, "SENT"), (name, "DELIVERED")):
        world.receipt(named, state)
    reports = [one for body, _ in world.queues.taken(QueueName.SMS_RECEIPTS) for one in json.loads(body)["receipts"]]
    world.queues.send(QueueName.SMS_RECEIPTS, [json.dumps({"receipts": reports})])
    assert hear(world) == ["ACCEPTED unknown_text DELIVERED"]


def test_a_report_that_meets_another_writer_reads_again(world: World) -> None:
    name = sent(world)
    commit = world.store.commit
    rivals: list[Callable[[], object]] = [lambda: tick(world, name)]

    def rival_first(puts: list[Put]) -> None:
        if rivals:
            rivals.pop()()
        commit(puts)

    world.receipt(name, "DELIVERED")
    world.store.commit = rival_first  # type: ignore[method-assign,assignment]
    assert hear(world) == ["DELIVERED"]
    assert (newest(world)["status"], newest(world)["heard"]["by"]) == ("DELIVERED", "farzana")


def test_a_report_is_all_or_nothing(world: World) -> None:
    """The talk conflicts for ever: then the notification is not settled either, and the message comes again."""
    name = sent(world)
    commit = world.store.commit

    def conflicting(puts: list[Put]) -> None:
        if any(put.key == tables.talk("G11", "leader") for put in puts):
            raise Conflict
        commit(puts)

    world.receipt(name, "DELIVERED")
    world.store.commit = conflicting  # type: ignore[method-assign,assignment]
    with pytest.raises(Exception, match="writes in a row"):
        hear(world)
    assert newest(world)["status"] == "ACCEPTED"
