"""A message that nobody signed, from the door to the phone: what it may do before the marketplace confirms it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hunar.adapters.memory import MemoryStore
from hunar.domain import claims
from hunar.domain.order import knowledge, read
from hunar.messages import Replay
from hunar.ports import QueueName
from hunar.tables import Table
from hunar.use_cases import rebuild, show
from hunar.use_cases.explain import explain, possible_exceptions
from tests import flipkart_answers
from tests.flipkart_messages import cancelled, created, item, step
from tests.simulation.news import hold
from tests.world import MARKETPLACES, World

TEN_MINUTES = timedelta(minutes=10)
RUN = timedelta(minutes=5)


@pytest.fixture
def world() -> World:
    world = World(api_accounts=["demo"])
    world.group("G11")
    world.product("STOLE", "G11", "तसर स्टोल", stock=8)
    world.settle()
    return world


def told(shipment: str, quantity: int, status: str = "APPROVED") -> bytes:
    """What Flipkart's API tells of the shipment."""
    updated = "2026-11-24T12:00:00+05:30" if status == "CANCELLED" else "2026-11-24T10:05:00+05:30"
    line = flipkart_answers.item(status=status) | item("STOLE", quantity) | {"status": status}
    return flipkart_answers.part(shipment=flipkart_answers.shipment(line, shipmentId=shipment, updatedAt=updated))


def agree(world: World, name: str, quantity: int, status: str = "APPROVED") -> None:
    """The marketplace was asked and says the same."""
    world.answer(told(name, quantity, status))
    world.settle()


def deny(world: World, shipment: str) -> None:
    """The marketplace was asked for long enough and says nothing of what was claimed."""
    open_claims = claims.wanted(knowledge(world.order(shipment))).claims
    world.answer(claims.denial(shipment, open_claims))
    world.settle()


def test_a_claimed_order_reserves_at_once_and_asks_and_tells_nobody_yet(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=TEN_MINUTES - timedelta(seconds=1), sweeping=True)
    assert world.stock("STOLE")["reserved"] == 3
    assert set(world.asked) == {"flipkart:demo:S1"}
    assert world.phones.texts == []


def test_a_group_is_told_after_ten_minutes_in_which_the_marketplace_did_not_answer(world: World) -> None:
    world.remind_nobody(days=3)
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=TEN_MINUTES + RUN, sweeping=True)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    world.settle(patience=timedelta(days=2), sweeping=True)
    assert len(world.phones.texts) == 1


def test_an_order_that_the_marketplace_does_not_know_gives_its_units_back_and_nobody_ever_hears_of_it(
    world: World,
) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    deny(world, "S1")
    world.settle(patience=timedelta(days=1), sweeping=True)
    assert (world.stock("STOLE")["available"], world.stock("STOLE")["reserved"]) == (8, 0)
    assert world.phones.texts == []
    assert world.exceptions() == ["CLAIM_DENIED", "UNKNOWN_SHIPMENT"]


def test_a_claimed_cancellation_frees_nothing_and_a_text_that_is_on_its_way_waits_for_the_truth(world: World) -> None:
    world.post(created("S2", item("STOLE", 2)))
    world.settle()
    agree(world, "S2", 2)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    world.post(cancelled("S2", 2))
    world.settle()
    assert world.stock("STOLE")["reserved"] == 2
    deny(world, "S2")
    assert world.stock("STOLE")["reserved"] == 2
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    assert world.exceptions() == ["CLAIM_DENIED"]


def test_a_cancellation_that_is_confirmed_frees_its_units_and_tells_the_group_once(world: World) -> None:
    world.post(created("S2", item("STOLE", 2)))
    world.settle()
    agree(world, "S2", 2)
    world.post(cancelled("S2", 2))
    world.settle()
    agree(world, "S2", 2, "CANCELLED")
    world.settle(patience=TEN_MINUTES + RUN, sweeping=True)
    assert (world.stock("STOLE")["reserved"], world.stock("STOLE")["available"]) == (0, 8)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "CANCELLED"]
    assert world.exceptions() == []


def test_a_text_that_was_owed_waits_while_something_new_is_claimed(world: World) -> None:
    world.post(created("S2", item("STOLE", 2)))
    world.settle()
    world.answer(told("S2", 2))
    world.work_off(QueueName.ORDER_EVENTS)
    # The text is owed; before it is sent, somebody claims that the order is cancelled.
    world.relay()
    world.post(cancelled("S2", 2))
    world.work_off(QueueName.ORDER_EVENTS)
    world.settle()
    assert world.phones.texts == []
    deny(world, "S2")
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]


def test_a_group_that_was_told_of_a_cancellation_which_is_not_true_is_told_of_its_units_again(world: World) -> None:
    world.post(created("S2", item("STOLE", 3)))
    world.settle()
    agree(world, "S2", 3)
    for number in (1, 2):
        world.post(cancelled("S2", 2, at=f"2026-11-24T12:00:0{number}+05:30"))
        # The marketplace says nothing for ten minutes.
        world.settle(patience=TEN_MINUTES + RUN, sweeping=True)
        deny(world, "S2")
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "CANCELLED", "NEW_ORDER"] + [
        "CANCELLED",
        "NEW_ORDER",
    ]


def test_a_text_states_no_claim_of_which_its_order_owes_nothing_yet(world: World) -> None:
    world.post(created("S2", item("STOLE", 3)))
    world.settle()
    world.answer(told("S2", 3))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    world.post(cancelled("S2", 2))
    world.work_off(QueueName.ORDER_EVENTS)
    # The sweep is late: ten minutes are over, and nobody has looked at the order.
    world.settle(patience=TEN_MINUTES + RUN)
    assert world.phones.texts == []
    world.settle(patience=RUN, sweeping=True)
    assert [text.values["item"] for text in world.phones.texts] == ["1 तसर स्टोल"]
    deny(world, "S2")
    assert [text.values["item"] for text in world.phones.texts] == ["1 तसर स्टोल", "3 तसर स्टोल"]


def test_a_group_hears_of_its_order_when_it_was_not_true_that_the_goods_had_left(world: World) -> None:
    world.post(created("S2", item("STOLE", 3)))
    world.settle()
    world.answer(told("S2", 3))
    world.work_off(QueueName.ORDER_EVENTS)
    # The text is owed; before it is sent, somebody claims that there is nothing to send any more.
    world.relay()
    world.post(step("S2", "pickup_complete"))
    world.work_off(QueueName.ORDER_EVENTS)
    world.settle(patience=TEN_MINUTES + RUN, sweeping=True)
    assert world.phones.texts == []
    deny(world, "S2")
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    # Somebody says it once more, and she has heard it.
    world.post(step("S2", "pickup_complete", "2026-11-25T09:30:00+05:30"))
    world.settle(patience=TEN_MINUTES + RUN, sweeping=True)
    deny(world, "S2")
    assert len(world.phones.texts) == 1


def test_a_hold_that_is_not_true_is_taken_back_each_time(world: World) -> None:
    world.post(created("S2", item("STOLE", 3)))
    world.settle()
    agree(world, "S2", 3)
    for at in ("2026-11-25T09:30:00+05:30", "2026-11-25T09:31:00+05:30"):
        world.post(hold("S2", "1", 2, at))
        world.settle(patience=TEN_MINUTES + RUN, sweeping=True)
        deny(world, "S2")
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "HOLD", "RELEASED", "HOLD", "RELEASED"]


def test_claimed_steps_pay_nobody(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(step("S1", "delivered"))
    world.settle()
    assert read(knowledge(world.order("S1"))).state == "DELIVERED"
    assert world.items(Table.LEDGER) == []
    assert world.stock("STOLE")["on_hand"] == 8


def test_an_account_without_credentials_takes_messages_for_what_they_say() -> None:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "तसर स्टोल", stock=8)
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    assert not any(fact.claimed for fact in knowledge(world.order("S1")) if hasattr(fact, "claimed"))


def test_credentials_that_come_later_change_nothing_that_is_past(world: World) -> None:
    before = World()
    before.group("G11")
    before.product("STOLE", "G11", "तसर स्टोल", stock=8)
    before.post(created("S1", item("STOLE", 3)))
    before.settle()
    known = before.order("S1")["knowledge"]
    before._api_accounts = frozenset({("flipkart", "demo")})
    [kept] = [item for item in before.items(Table.DELIVERIES) if item.get("event_type") == "shipment_created"]
    assert "claimed" not in kept
    replay = Replay(pk="flipkart:demo:S1", sk=kept["delivery_id"])
    before.queues.send(QueueName.ORDER_EVENTS, [replay.model_dump_json()])
    before.settle()
    assert before.order("S1")["knowledge"] == known


def test_a_group_that_was_told_while_the_marketplace_was_silent_hears_that_the_order_is_none(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=TEN_MINUTES + RUN, sweeping=True)
    deny(world, "S1")
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "CANCELLED"]
    assert world.stock("STOLE")["available"] == 8


def test_a_claim_that_is_read_again_is_still_a_claim(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    known = world.order("S1")["knowledge"]
    [kept] = [item for item in world.items(Table.DELIVERIES) if item.get("event_type") == "shipment_created"]
    world.queues.send(QueueName.ORDER_EVENTS, [Replay(pk="flipkart:demo:S1", sk=kept["delivery_id"]).model_dump_json()])
    world.settle()
    assert world.order("S1")["knowledge"] == known
    assert read(knowledge(world.order("S1"))).pending
    assert rebuild.check(world.store, MemoryStore(remembers=False), MARKETPLACES, now=world.now).differences == []


def test_a_person_sees_what_is_only_claimed_and_afterwards_that_it_was_not_so(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    agree(world, "S1", 3)
    shown = show.order(world.store, "flipkart:demo:S1")
    assert shown and not shown["unconfirmed"]
    world.post(cancelled("S1", 3))
    world.settle()
    shown = show.order(world.store, "flipkart:demo:S1")
    assert shown and shown["unconfirmed"]
    deny(world, "S1")
    found = explain(world.store, "flipkart:demo:S1")
    assert found and not found["unconfirmed"]
    assert [fact["detail"] for fact in found["facts"] if fact["what"] == "cancelled"] == [
        "3: buyer (the marketplace says otherwise)"
    ]
    # What decides is never a claim that was denied, and its exception is found though a person closed the matter.
    assert not [fact for fact in found["facts"] if fact["what"] == "cancelled" and fact["decides"]]
    identity = next(one["exception_id"] for one in found["exceptions"] if one["kind"] == "CLAIM_DENIED")
    known = knowledge(world.order("S1"))
    assert identity in possible_exceptions({**world.order("S1"), "raised": {}}, known, [])
