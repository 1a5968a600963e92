"""What lay in the dead letters and is sent again: faults 38, 40 and 41 of the catalogue."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryFailedRelays
from hunar.ports import Conflict, Put, QueueName, Retryable
from hunar.tables import Item, Table
from hunar.use_cases import park, redrive
from hunar.use_cases.park import DeadLetter, given_up
from hunar.use_cases.redrive import GIVEN_UP, RELAYED, Left, Report
from hunar.use_cases.retry import retried
from tests import flipkart_answers
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import MARKETPLACES, World

DAYS_LATER = timedelta(days=13)
OBJECT = f"{GIVEN_UP}9f3b/shardId-1/2026/11/25/2026-11-25T04.00.00-5a5a"


def again(action: Callable[[], Any]) -> Any:
    return retried(action, pause=lambda _: None, random=lambda: 0.5)


class Agency(World):
    """A world with dead letters, a failure bucket, and somebody who redrives."""

    def __init__(self) -> None:
        super().__init__()
        self.relays = MemoryFailedRelays()
        self._received = 0
        self.group("G11", "en")
        for sku in ("STOLE", "SHAWL"):
            self.product(sku, "G11", sku.title(), stock=8)
        self.settle()

    def park(self, queue: QueueName, body: str, message_id: str | None = None) -> str:
        """The message failed five times; its dead letter is taken."""
        self._received += 1
        letter = DeadLetter(queue, message_id or f"message-{self._received}", body, 6)
        return park.park(park.Desk(self.store, self.now, again, MARKETPLACES), letter)

    def fail(self, queue: QueueName) -> list[str]:
        """Everything that waits in a queue ends in the dead letters."""
        bodies = [body for body, _ in self.queues.taken(queue)]
        assert [self.park(queue, body) for body in bodies] == ["parked"] * len(bodies)
        return bodies

    def redrive(self, **how: Any) -> Report:
        desk = redrive.Desk(self.store, self.queues, self.relays, self.now, "asha", again)
        return redrive.redrive(desk, **how)

    def parked(self, verdict: str | None = None) -> list[Item]:
        kept = [one for one in self.items(Table.DELIVERIES) if "parked_at" in one]
        return [one for one in kept if verdict in (None, one["verdict"])]

    def known(self) -> dict[str, Any]:
        """What must not depend on the way that messages took."""
        orders = {
            one["order_ref"]: (one["knowledge"], one["applied"])
            for one in self.items(Table.ORDERS)
            if "knowledge" in one
        }
        shelves = {
            sku: (self.stock(sku)["available"], self.stock(sku)["short"] + self.stock(sku)["uncounted"])
            for sku in ("STOLE", "SHAWL")
        }
        return {"orders": orders, "shelves": shelves}

    def owe(self, body: str) -> None:
        """Work an order event, up to what its order owes."""
        self.work(QueueName.ORDER_EVENTS, body)
        self.relay()


@pytest.fixture
def agency() -> Agency:
    return Agency()


def fresh(*messages: dict[str, Any]) -> Agency:
    """The same messages without a fault."""
    world = Agency()
    for message in messages:
        world.post(message)
    world.settle()
    return world


# fault 40: redrive of an old dead letter queue


def test_fault_40_an_order_that_lay_there_past_its_time_is_the_same_order_and_nobody_is_texted(agency: Agency) -> None:
    message = created("S1", item("STOLE", 3))
    agency.post(message)
    agency.fail(QueueName.ORDER_EVENTS)
    assert agency.exceptions() == ["DEAD_LETTER"]
    agency.time += DAYS_LATER
    [sent] = agency.redrive().messages
    agency.settle()
    assert sent.order_ref == "flipkart:demo:S1"
    assert agency.known() == fresh(message).known()
    assert agency.phones.texts == []
    assert [text["status"] for text in agency.notifications()] == ["EXPIRED"]
    assert agency.exceptions() == []


@pytest.mark.parametrize(("later", "texts"), [(timedelta(hours=1), 1), (DAYS_LATER, 0)])
def test_fault_40_a_text_is_sent_once_while_it_is_good_and_never_after(
    agency: Agency, later: timedelta, texts: int
) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [(body, _)] = agency.queues.taken(QueueName.ORDER_EVENTS)
    agency.owe(body)
    agency.fail(QueueName.NOTIFICATIONS)
    agency.time += later
    for _ in range(2):
        agency.redrive()
        agency.settle()
    assert len(agency.phones.texts) == texts
    assert agency.exceptions() == []


def test_fault_40_a_text_about_what_was_cancelled_meanwhile_is_suppressed(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [(body, _)] = agency.queues.taken(QueueName.ORDER_EVENTS)
    agency.owe(body)
    agency.fail(QueueName.NOTIFICATIONS)
    agency.post(cancelled("S1", 3))
    agency.settle()
    agency.redrive()
    agency.settle()
    assert agency.phones.texts == []
    assert {text["status"] for text in agency.notifications()} == {"SUPPRESSED"}


def test_fault_40_what_was_done_before_it_failed_is_not_done_again(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [(body, _)] = agency.queues.taken(QueueName.ORDER_EVENTS)
    agency.work(QueueName.ORDER_EVENTS, body)
    agency.settle()
    before = agency.known(), len(agency.phones.texts)
    agency.park(QueueName.ORDER_EVENTS, body)
    agency.redrive()
    agency.settle()
    assert (agency.known(), len(agency.phones.texts)) == before


@pytest.mark.parametrize("seed", range(30))
def test_fault_40_whatever_part_of_a_history_dies_and_comes_back_the_end_is_the_same(seed: int) -> None:
    messages = [
        created("S1", item("STOLE", 3), item("SHAWL", 2, line_id="2")),
        created("S2", item("STOLE", 7)),
        cancelled("S1", 1),
        created("S3", item("SHAWL", 1)),
        step("S3", "shipped"),
        step("S1", "packed"),
    ]
    chance = random.Random(seed)
    world = Agency()
    for message in chance.sample(messages, len(messages)):
        world.post(message)
        world.time += timedelta(minutes=chance.randrange(600))
        for queue in QueueName:
            for body, _ in world.queues.taken(queue):
                if chance.random() < 0.5:
                    world.park(queue, body)
                else:
                    world.work(queue, body)
        world.relay()
        if chance.random() < 0.3:
            world.redrive(limit=chance.randrange(1, 4))
    world.redrive()
    world.settle()
    # A text dies, comes back, and finds that its order is the same; an allocation may be owed late.
    world.redrive()
    world.settle()
    assert world.known()["shelves"] == fresh(*messages).known()["shelves"]
    knowledge = {ref: known for ref, (known, _) in world.known()["orders"].items()}
    assert knowledge == {ref: known for ref, (known, _) in fresh(*messages).known()["orders"].items()}
    assert world.parked("FAILED") == []
    assert "DEAD_LETTER" not in world.exceptions()


# fault 41: the copy in the table


def test_fault_41_a_message_that_was_sent_again_says_when_and_by_whom_and_is_kept_for_30_days(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [body] = agency.fail(QueueName.ORDER_EVENTS)
    agency.time += timedelta(hours=1)
    agency.redrive()
    [kept] = agency.parked()
    assert (kept["verdict"], kept["redriven_by"], kept["redriven_at"]) == ("REDRIVEN", "asha", agency.now)
    assert kept["body"] == body
    [shown] = agency.items(Table.EXCEPTIONS)
    assert shown["subject"] == {"queue": "order-events", "delivery": kept["delivery_id"]}
    assert [(event["what"], event["by"]) for event in shown["history"]] == [("opened", None), ("resolved", "asha")]
    assert kept["expires_at"] == int((agency.time + timedelta(days=30)).timestamp())


def test_a_second_redrive_finds_nothing(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    agency.fail(QueueName.ORDER_EVENTS)
    assert agency.redrive().taken == 1
    assert len(agency.queues.taken(QueueName.ORDER_EVENTS)) == 1
    assert agency.redrive() == Report()
    assert agency.queues.empty


def test_a_message_that_fails_again_is_parked_again_and_its_exception_opens_again(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [body] = agency.fail(QueueName.ORDER_EVENTS)
    agency.redrive()
    assert agency.exceptions() == []
    agency.time += timedelta(hours=1)
    agency.queues.taken(QueueName.ORDER_EVENTS)
    assert agency.park(QueueName.ORDER_EVENTS, body) == "parked_again"
    [kept] = agency.parked()
    assert (kept["verdict"], kept["parked_at"], "expires_at" in kept) == ("FAILED", agency.now, False)
    assert agency.exceptions() == ["DEAD_LETTER"]
    assert agency.redrive().taken == 1
    assert agency.exceptions(closed=True) == ["DEAD_LETTER"]


def test_a_dead_letter_that_comes_late_for_a_second_time_is_not_parked_again(agency: Agency) -> None:
    body = '{"kind": "notify", "order_ref": "flipkart:demo:S1"}'
    agency.park(QueueName.NOTIFICATIONS, body, "first")
    first = agency.now
    agency.time += timedelta(hours=1)
    assert agency.park(QueueName.NOTIFICATIONS, body, "its twin") == "duplicate"
    assert [kept["parked_at"] for kept in agency.parked()] == [first]
    agency.redrive()
    for late in ("first", "its twin"):
        assert agency.park(QueueName.NOTIFICATIONS, body, late) == "duplicate"
    assert agency.exceptions() == []
    assert [kept["verdict"] for kept in agency.parked()] == ["REDRIVEN"]


def test_the_same_words_in_two_queues_are_two_messages(agency: Agency) -> None:
    for queue in QueueName:
        assert agency.park(queue, "{}") == "parked"
    assert agency.exceptions() == ["DEAD_LETTER"] * len(QueueName)
    assert [sent.queue for sent in agency.redrive(queue=QueueName.PAYOUTS).messages] == ["payouts"]
    assert agency.queues.taken(QueueName.PAYOUTS) == [("{}", 0)]
    assert agency.exceptions() == ["DEAD_LETTER"] * (len(QueueName) - 1)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "7",
        '{"order_ref": 7}',
        '{"kind": "webhook"}',
        '{"kind": "webhook", "marketplace": "bazaar"}',
    ],
)
def test_a_message_that_nobody_can_read_is_parked_without_an_order(agency: Agency, body: str) -> None:
    assert agency.park(QueueName.ORDER_EVENTS, body) == "parked"
    [kept] = agency.parked()
    assert (kept["body"], kept["order_ref"]) == (body, None)


def test_an_answer_of_an_api_that_nobody_could_take_is_parked_with_the_order_that_it_tells_of(agency: Agency) -> None:
    line = flipkart_answers.item(sku="STOLE")
    agency.answer(flipkart_answers.part(shipment=flipkart_answers.shipment(line, shipmentId="S1")))
    agency.fail(QueueName.ORDER_EVENTS)
    assert [kept["order_ref"] for kept in agency.parked()] == ["flipkart:demo:S1"]


def test_a_redrive_that_was_stopped_before_it_could_mark_sends_again_and_nothing_happens_twice(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    agency.fail(QueueName.ORDER_EVENTS)
    commit = agency.store.commit

    def stopped(puts: Sequence[Put]) -> None:
        raise Retryable("DynamoDB is away")

    agency.store.commit = stopped  # type: ignore[method-assign]
    with pytest.raises(Retryable):
        agency.redrive()
    agency.store.commit = commit  # type: ignore[method-assign]
    assert agency.exceptions() == ["DEAD_LETTER"]
    assert agency.redrive().taken == 1
    agency.settle()
    assert agency.stock("STOLE")["reserved"] == 3
    assert len(agency.phones.texts) == 1


def test_a_message_that_failed_again_before_it_was_marked_stays_parked(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [body] = agency.fail(QueueName.ORDER_EVENTS)
    send = agency.queues.send

    def send_and_fail(queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        agency.park(queue, bodies[0])

    agency.queues.send = send_and_fail  # type: ignore[method-assign]
    [left] = agency.redrive().left
    agency.queues.send = send  # type: ignore[method-assign]
    assert "again" in left.reason
    assert [kept["verdict"] for kept in agency.parked()] == ["FAILED"]
    assert agency.exceptions() == ["DEAD_LETTER"]
    assert agency.redrive().taken == 1
    assert agency.queues.taken(QueueName.ORDER_EVENTS) == [(body, 0)]


def test_two_who_redrive_at_once_send_twice_and_mark_once(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    agency.fail(QueueName.ORDER_EVENTS)
    commit = agency.store.commit

    def rival_first(puts: Sequence[Put]) -> None:
        agency.store.commit = commit  # type: ignore[method-assign]
        agency.redrive()
        commit(puts)

    agency.store.commit = rival_first  # type: ignore[method-assign]
    assert agency.redrive().left == []
    [kept] = agency.parked()
    assert (kept["verdict"], kept["version"]) == ("REDRIVEN", 2)
    agency.settle()
    assert len(agency.phones.texts) == 1


def test_parking_decides_again_when_somebody_writes_first(agency: Agency) -> None:
    commit = agency.store.commit

    def busy(puts: Sequence[Put]) -> None:
        agency.store.commit = commit  # type: ignore[method-assign]
        raise Conflict("TransactionConflict")

    agency.store.commit = busy  # type: ignore[method-assign]
    assert agency.park(QueueName.PAYOUTS, "{}") == "parked"
    assert len(agency.parked()) == 1


def test_a_dry_run_shows_what_would_be_sent_and_changes_nothing(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    agency.fail(QueueName.ORDER_EVENTS)
    agency.relays.objects[OBJECT] = [_order("PAYOUT", line_id="1")]
    before = agency.store.everything()
    report = agency.redrive(dry_run=True)
    assert [sent.order_ref for sent in report.messages] == ["flipkart:demo:S1"]
    assert [(batch.key, batch.sent) for batch in report.batches] == [(OBJECT, {"payouts": 1})]
    assert agency.store.everything() == before
    assert agency.queues.empty
    assert agency.relays.keys("") == [OBJECT]


def test_a_limit_counts_messages_and_objects_together(agency: Agency) -> None:
    for number in range(3):
        agency.park(QueueName.PAYOUTS, f'{{"n": {number}}}')
    for number in range(2):
        agency.relays.objects[f"{OBJECT}{number}"] = []
    assert agency.redrive(limit=2).taken == 2
    report = agency.redrive(limit=2)
    assert (len(report.messages), len(report.batches)) == (1, 1)
    assert agency.redrive().taken == 1


def test_more_than_a_page_of_messages_is_sent(agency: Agency) -> None:
    for number in range(250):
        agency.park(QueueName.PAYOUTS, f'{{"n": {number}}}')
    assert len(agency.redrive(queue=QueueName.PAYOUTS).messages) == 250
    assert len(agency.queues.taken(QueueName.PAYOUTS)) == 250
    assert agency.exceptions() == []


# fault 38: what a stream gave up


def _order(kind: str, **effect: Any) -> Item:
    return {
        "order_ref": "flipkart:demo:S1",
        "outbox": "effects",
        "effects": [{"effect_id": "e1", "kind": kind, **effect}],
    }


def give_up(agency: Agency, key: str = OBJECT) -> None:
    """The stream goes on without what it should relay now; Lambda writes an object and S3 tells of it."""
    images = [
        image for where, image in agency.store.changes[agency._relayed :] if where.table in (Table.ORDERS, Table.STOCK)
    ]
    agency._relayed = len(agency.store.changes)
    agency.relays.objects[key] = images
    given_up(agency.store, key, now=agency.now)


def test_fault_38_what_a_stream_gave_up_is_passed_on_and_its_exception_closes(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [(body, _)] = agency.queues.taken(QueueName.ORDER_EVENTS)
    agency.work(QueueName.ORDER_EVENTS, body)
    give_up(agency)
    agency.settle()
    assert (agency.phones.texts, agency.exceptions()) == ([], ["UNDELIVERABLE_EFFECT"])
    [batch] = agency.redrive().batches
    agency.settle()
    assert batch.sent == {"notifications": 1, "stock-feed": 1}
    assert len(agency.phones.texts) == 1
    assert agency.exceptions() == []
    assert agency.relays.keys("") == [RELAYED + OBJECT]
    assert agency.redrive() == Report()


def test_fault_40_what_a_stream_gave_up_long_ago_stays_silent(agency: Agency) -> None:
    agency.post(created("S1", item("STOLE", 3)))
    [(body, _)] = agency.queues.taken(QueueName.ORDER_EVENTS)
    agency.work(QueueName.ORDER_EVENTS, body)
    give_up(agency)
    agency.time += DAYS_LATER
    agency.redrive()
    agency.settle()
    assert agency.phones.texts == []
    assert [text["status"] for text in agency.notifications()] == ["EXPIRED"]


def test_only_what_owes_something_is_passed_on(agency: Agency) -> None:
    silent = _order("PAYOUT", line_id="1")
    del silent["outbox"]
    agency.relays.objects[OBJECT] = [silent]
    assert [batch.sent for batch in agency.redrive().batches] == [{}]
    assert agency.queues.empty


def test_fault_38_an_object_that_nobody_can_pass_on_stays_and_the_others_go(agency: Agency) -> None:
    bad, good = f"{OBJECT}-1", f"{OBJECT}-2"
    agency.relays.objects = {bad: [_order("POEM")], good: [_order("PAYOUT", line_id="1")]}
    for key in (bad, good):
        given_up(agency.store, key, now=agency.now)
    report = agency.redrive()
    assert [batch.key for batch in report.batches] == [good]
    assert report.left == [Left(bad, "effect e1: nobody handles the kind POEM")]
    assert agency.relays.keys(GIVEN_UP) == [bad]
    assert agency.exceptions() == ["UNDELIVERABLE_EFFECT"]


def test_an_object_that_is_told_of_after_it_was_passed_on_is_closed_by_the_next_redrive(agency: Agency) -> None:
    agency.relays.objects[OBJECT] = [_order("PAYOUT", line_id="1")]
    agency.redrive()
    given_up(agency.store, OBJECT, now=agency.now)
    assert agency.exceptions() == ["UNDELIVERABLE_EFFECT"]
    agency.redrive(queue=QueueName.PAYOUTS)
    assert agency.exceptions() == ["UNDELIVERABLE_EFFECT"]
    agency.redrive()
    assert agency.exceptions() == []


def test_an_object_that_is_told_of_twice_is_one_exception(agency: Agency) -> None:
    for _ in range(2):
        given_up(agency.store, OBJECT, now=agency.now)
    [shown] = agency.items(Table.EXCEPTIONS)
    assert OBJECT in shown["message"]
    assert shown["subject"] == {"object": OBJECT}


def test_a_parked_message_is_found_by_its_queue_and_what_it_says(agency: Agency) -> None:
    agency.park(QueueName.PAYOUTS, "{}")
    identity = park.parked_id(QueueName.PAYOUTS, "{}")
    key = tables.parked("payouts", identity)
    assert agency.store.read([key])[key]["body"] == "{}"
    [shown] = agency.items(Table.EXCEPTIONS)
    assert shown["message"].endswith(f"(message {identity})")
