"""What a text says and how long it lives at its edges, and what a late answer may overwrite."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from hunar.ports import Put, QueueName, Refused, Retryable, SmsRequest, Throttled
from hunar.tables import Item, Table
from tests.flipkart_messages import cancelled, created, item
from tests.world import START, World


@pytest.fixture
def world() -> World:
    world = World()
    world.group("G11", "en")
    for sku in ("STOLE", "SHAWL"):
        world.product(sku, "G11", sku.title(), stock=8)
    world.settle()
    return world


def owed(world: World) -> list[str]:
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)
    world.relay()
    return [body for body, _ in world.queues.taken(QueueName.NOTIFICATIONS)]


def only(world: World) -> Item:
    [notification] = world.notifications()
    return notification


def sent(world: World) -> SmsRequest:
    [request] = world.phones.texts
    return request


@pytest.mark.parametrize(
    ("before_the_end", "seconds"),
    [(timedelta(days=9), 259_200), (timedelta(hours=1), 3600), (timedelta(seconds=2), 5), (timedelta(0), 5)],
)
def test_the_provider_tries_as_long_as_the_text_is_good_within_what_it_allows(
    world: World, before_the_end: timedelta, seconds: int
) -> None:
    message = created("S1", item("STOLE", 3))
    message["attributes"]["dispatchByDate"] = "2026-12-04T09:30:00+05:30"
    world.post(message)
    [body] = owed(world)
    world.time = START + timedelta(days=11) - before_the_end
    world.work(QueueName.NOTIFICATIONS, body)
    assert sent(world).time_to_live_seconds == seconds


def test_a_busy_provider_is_asked_again_later_and_later_but_never_later_than_the_queue_can_wait(world: World) -> None:
    world.phones.answers = iter([Throttled("ThrottlingException")] * 8)
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    pauses = []
    for _ in range(8):
        assert world.work(QueueName.NOTIFICATIONS, body) == "WAITING"
        [(_, pause)] = world.queues.taken(QueueName.NOTIFICATIONS)
        pauses.append(pause)
    assert pauses == [15, 30, 60, 120, 240, 480, 900, 900]


def test_a_cancellation_names_only_the_products_that_are_less(world: World) -> None:
    world.post(created("S1", item("STOLE", 3, line_id="1"), item("SHAWL", 2, line_id="2")))
    world.settle()
    world.post(cancelled("S1", 2, "2"))
    world.settle()
    _, (kind, text) = world.phones.to("G11")
    assert (kind, "2 Shawl" in text, "Stole" in text) == ("CANCELLED", True, False)


def test_a_text_names_the_time_to_ship_of_what_is_still_sold(world: World) -> None:
    soon = created("S1", item("SHAWL", 2, line_id="2"))
    soon["attributes"]["dispatchByDate"] = "2026-11-26T15:30:00+05:30"
    world.post(created("S1", item("STOLE", 3, line_id="1")))
    world.post(soon)
    world.post(cancelled("S1", 2, "2"))
    for body in owed(world):
        world.queues.send(QueueName.NOTIFICATIONS, [body])
    world.settle()
    other = World()
    other.group("G11", "en")
    other.product("STOLE", "G11", "Stole", stock=8)
    other.post(created("S1", item("STOLE", 3, line_id="1")))
    other.settle()
    assert sent(world).values == sent(other).values


def test_after_a_claim_that_fell_silent_a_cancellation_is_sent_because_the_text_may_have_gone(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)

    def stopped() -> None:
        world.phones.before_answer = lambda: None
        world.phones.texts.clear()
        raise Retryable("the function was stopped")

    world.phones.before_answer = stopped
    with pytest.raises(Retryable):
        world.work(QueueName.NOTIFICATIONS, body)
    world.time += timedelta(minutes=16)
    world.post(cancelled("S1", 3))
    world.settle()
    assert [kind for kind, _ in world.phones.to("G11")] == ["CANCELLED"]
    world.queues.send(QueueName.NOTIFICATIONS, [body])
    world.settle()
    assert world.exceptions() == ["SMS_UNKNOWN"]


def test_an_answer_is_not_overwritten_by_a_worker_who_thought_that_there_was_none(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)
    commit = world.store.commit
    answer: list[Sequence[Put]] = []

    def hold_the_answer(puts: Sequence[Put]) -> None:
        if puts[0].item.get("status") == "ACCEPTED":
            answer.append(puts)
        else:
            commit(puts)

    def answer_first(puts: Sequence[Put]) -> None:
        if puts[0].item.get("status") == "UNKNOWN" and answer:
            commit(answer.pop())
        commit(puts)

    world.store.commit = hold_the_answer  # type: ignore[method-assign,assignment]
    world.work(QueueName.NOTIFICATIONS, body)
    world.time += timedelta(minutes=16)
    world.store.commit = answer_first  # type: ignore[method-assign,assignment]
    world.work(QueueName.NOTIFICATIONS, body)
    assert only(world)["status"] == "ACCEPTED"
    assert len(world.phones.texts) == 1


def test_an_exception_of_a_line_names_its_product_as_soon_as_it_is_known(world: World) -> None:
    world.product("MAT", "G11", "Mat", listed=False, stock=2)
    world.post(created("S1", item("MAT", 2, priceComponents={"sellingPrice": "x"})))
    world.settle()
    world.map_listing("MAT", "G11")
    world.settle()
    [shown] = [shown for shown in world.items(Table.EXCEPTIONS) if shown["kind"] == "PRICE_UNCLEAR"]
    assert (shown["sku"], shown["group_id"]) == ("MAT", "G11")


def test_a_shelf_that_was_counted_empty_is_a_shelf(world: World) -> None:
    world.product("MAT", "G11", "Mat", listed=False)
    world.count_in("MAT", 0)
    world.settle()
    assert world.stock("MAT")["on_hand"] == 0


def test_a_claim_is_looked_at_again_when_its_fifteen_minutes_are_over(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [body] = owed(world)

    def meanwhile() -> None:
        world.phones.before_answer = lambda: None
        world.time += timedelta(minutes=4)
        assert world.work(QueueName.NOTIFICATIONS, body) == "CLAIMED"

    world.phones.before_answer = meanwhile
    world.work(QueueName.NOTIFICATIONS, body)
    assert [pause for _, pause in world.queues.taken(QueueName.NOTIFICATIONS)] == [11 * 60]


def test_a_refused_text_is_kept_so_that_it_can_be_read_out_on_the_telephone(world: World) -> None:
    world.phones.answers = iter([Refused("ValidationException")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert (only(world)["status"], only(world)["to"]) == ("FAILED", "+919999900011")
    assert "3 Stole" in only(world)["text"]
