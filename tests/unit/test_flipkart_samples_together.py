"""Every published message with every other, in every order: about one order, and each about its own."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable
from typing import Any

import pytest

from hunar.adapters.memory import MemoryStore
from hunar.domain.identity import delivery_id
from hunar.domain.order import knowledge, read
from hunar.marketplaces import flipkart
from hunar.marketplaces.body import written
from hunar.messages import WebhookDelivery
from hunar.tables import Item, Table
from hunar.use_cases import apply
from tests.flipkart_samples import EVENTS, SHAPES, SKU, about, published
from tests.on_paper import Desk
from tests.world import World

STOCK = 20
RAW = {event: written(published(event)).encode() for event in EVENTS}
ONE_ORDER = {event: written(about(published(event), "S1", "1")).encode() for event in EVENTS}
OWN_ORDERS = {
    event: written(about(published(event), f"S{number}", str(number))).encode() for number, event in enumerate(EVENTS)
}


@pytest.fixture(scope="module")
def shop() -> World:
    world = World()
    world.group("G11")
    world.product(SKU, "G11", "Journal", stock=STOCK)
    world.settle()
    return world


def arrived(shop: World, messages: Iterable[bytes]) -> dict[str, Any]:
    """What is true after the messages came in this order, apart from the way there."""
    store = MemoryStore()
    store.load(shop.store.everything().items())
    desk = apply.Desk(store, shop.now, shop._again)
    for raw in messages:
        apply.apply(desk, webhook(raw, shop.now), {"flipkart": flipkart})
    standing = store.everything()
    orders = {key.pk: item for key, item in standing.items() if "knowledge" in item}
    shelves = [item for key, item in standing.items() if key.table is Table.STOCK and "available" in item]
    for item in orders.values():
        check(item)
    return {
        "orders": {
            name: {field: item[field] for field in ("knowledge", "applied", "raised", "board_pk", "waiting")}
            for name, item in orders.items()
        },
        "shelves": [{field: units for field, units in item.items() if type(units) is int and field != "version"}
                    for item in shelves],
        "open": sorted(item["exception_id"] for item in standing.values()
                       if "exception_id" in item and item["closed_at"] is None),
        "kept": sorted(key for key in standing if key.table is Table.DELIVERIES and "body" in standing[key]),
    }  # fmt: skip


def webhook(raw: bytes, at: str) -> WebhookDelivery:
    return WebhookDelivery(
        marketplace="flipkart",
        account="demo",
        delivery_id=delivery_id("flipkart", "demo", raw),
        received_at=at,
        body_b64=base64.b64encode(raw).decode(),
        readable=True,
    )


def check(order: Item) -> None:
    """The order asks of the shelf what a person with the papers would ask, and its lines have got it."""
    desk = Desk(json.loads(order["knowledge"]))
    asked = {line_id: (hold, gone, good) for line_id, (_, _, hold, gone, good) in desk.asked_of_shelf().items()}
    taken = {
        line_id: (line["reserved"] + line["short"], line["consumed"], line["restocked"])
        for line_id, line in order["applied"].items()
    }
    assert taken == asked
    assert read(knowledge(order)).state == desk.state


@pytest.mark.parametrize("count", [1, 2, 3])
def test_about_one_order_they_end_the_same_in_every_order(shop: World, count: int) -> None:
    for events in itertools.combinations(EVENTS, count):
        ways = [arrived(shop, [ONE_ORDER[event] for event in way]) for way in itertools.permutations(events)]
        assert all(way == ways[0] for way in ways), events
        assert len(ways[0]["kept"]) == count
        assert set(ways[0]["orders"]) <= {"flipkart:demo:S1"}


@pytest.mark.parametrize("count", [2, 3])
def test_each_about_its_own_order_they_do_not_touch_each_other(shop: World, count: int) -> None:
    alone = {event: arrived(shop, [OWN_ORDERS[event]]) for event in EVENTS}
    for events in itertools.permutations(EVENTS, count):
        together = arrived(shop, [OWN_ORDERS[event] for event in events])
        assert together["orders"] == {n: order for event in events for n, order in alone[event]["orders"].items()}
        assert together["open"] == sorted(name for event in events for name in alone[event]["open"])
        assert together["kept"] == sorted(name for event in events for name in alone[event]["kept"])


def test_all_of_them_as_they_were_published_are_read_and_kept(shop: World) -> None:
    """The published examples name three different lines of one shipment; only the creation's is announced."""
    ended = arrived(shop, RAW.values())
    assert arrived(shop, reversed(RAW.values())) == ended
    assert len(ended["kept"]) == len(EVENTS) == 11
    [(name, order)] = ended["orders"].items()
    state = read(knowledge(order))
    assert name.endswith("d133588f-b0ac-443b-99b4-7ac8648a0f89")
    assert [(line.line_id, line.quantity, line.cancelled) for line in state.lines] == [("1883380307363600", 1, 0)]
    # Two lines that nobody announced: one cancelled, one held. A return that was received and cancelled.
    kinds = sorted(problem.kind for problem in state.problems)
    assert kinds == ["CONTRADICTION", "TO_INSPECT", "WAITING_FACT", "WAITING_FACT"]
    assert (state.state, state.returns[0].status, state.lines[0].returned) == ("RETURNED", "RECEIVED", 1)


def test_every_order_of_all_published_messages_is_read_alike() -> None:
    """5,040 orders of the seven filled examples; before, among and after them the returns in each of their 24."""
    stated = {event: flipkart.read(raw, "demo").facts for event, raw in ONE_ORDER.items()}
    filled, returns = [event for event in EVENTS if event not in SHAPES], list(SHAPES)

    def state(events: Iterable[str]) -> Any:
        return read(fact for event in events for fact in stated[event])

    ended = state(filled)
    assert all(state(way) == ended for way in itertools.permutations(filled))
    whole = state(EVENTS)
    for way in itertools.permutations(returns):
        for place in range(len(filled) + 1):
            assert state([*filled[:place], *way, *filled[place:]]) == whole
            mixed = itertools.chain.from_iterable(itertools.zip_longest(filled[place:] + filled[:place], way))
            assert state(event for event in mixed if event) == whole
    # By their own times the cancellation came after the goods left, and the return was received after all.
    assert whole.state == "RETURNED"
    assert "LATE_CANCELLATION" in {problem.kind for problem in whole.problems}
