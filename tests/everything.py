"""One shop in which everything happens that can: what explains, replays and rebuilds is tested on it.

Orders are held, returned, inspected, remapped and voided, listings are unmapped, news comes before its
order, shelves are counted, counted anew and taken to a fair.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from hunar import tables
from hunar.domain import facts, rate_card
from hunar.domain.facts import Fact, Inspected, Placed, Remapped, Voided
from hunar.domain.order import knowledge
from hunar.messages import OperatorAct, StockAct
from hunar.ports import Put, QueueName
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import World

RATES = Path(__file__).parents[1] / "local" / "demo" / "rates.csv"


def returned(
    event: str, return_id: str, *items: Mapping[str, Any], at: str, shipment: str | None = None
) -> dict[str, Any]:
    """A return's message: ``created``, ``picked_up``, ``completed``, ``cancelled``."""
    message = {
        "eventType": f"return_{event}",
        "source": "flipkart",
        "version": "v3",
        "timestamp": at,
        "returnId": return_id,
        "attributes": {"status": f"RETURN_{event.upper()}", "returnItems": [dict(entry) for entry in items]},
    }
    return message | ({"shipmentId": shipment} if shipment else {})


def came_back(line_id: str, quantity: int = 1, **other: Any) -> dict[str, Any]:
    said = {"orderItemId": line_id, "quantity": quantity, "source": "customer_return", "reason": "too small"}
    return said | other


def held(shipment: str, line_id: str, quantity: Any, at: str) -> dict[str, Any]:
    entry = {"orderItemId": line_id, "holdQuantity": quantity}
    return step(shipment, "hold", at) | {"attributes": {"status": "ON_HOLD", "orderItems": [entry]}}


def released(shipment: str, at: str) -> dict[str, Any]:
    return step(shipment, "unhold", at) | {"attributes": {"status": "APPROVED"}}


def state(world: World, order_ref: str, fact: Fact, act_id: str) -> None:
    """A person states it."""
    act = OperatorAct(act_id=act_id, order_ref=order_ref, fact=facts.to_text(fact))
    world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])


def act(world: World, kind: Any, sku: str, quantity: int, act_id: str, fair: str | None = None) -> None:
    """A person does it with a shelf."""
    done = StockAct(act=kind, act_id=act_id, sku=sku, quantity=quantity, at=world.now, person="Asha", fair=fair)
    world.queues.send(QueueName.ORDER_EVENTS, [done.model_dump_json()])


def load_rates(world: World) -> None:
    with RATES.open(encoding="utf-8", newline="") as file:
        for row in map(rate_card.row_from_csv, csv.DictReader(file)):
            world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row)])


def fact_of(world: World, shipment: str, kind: type[Fact], line_id: str = "1") -> str:
    """The id of a fact that the order knows."""
    known = knowledge(world.order(shipment))
    [found] = [fact for fact in known if isinstance(fact, kind) and getattr(fact, "line_id", line_id) == line_id]
    return facts.fact_id(found)


def opened(world: World) -> World:
    """The shop before the first order: two groups, shelves with goods, rates."""
    load_rates(world)
    world.group("G11")
    world.group("G22", "bn")
    world.product("STOLE", "G11", "Stole", stock=9)
    world.product("HORSE", "G22", "Horse", stock=4)
    world.product("TOTE", "G22", "Tote", stock=2)
    world.product("MAT", "G22", "Mat", listed=False, stock=5)
    world.settle()
    return world


def lived(world: World) -> World:
    """The shop after all of it."""
    opened(world)

    def post(*messages: dict[str, Any]) -> None:
        for message in messages:
            world.post(message)
        world.settle()
        world.time += timedelta(minutes=7)

    # Two groups in one order, partly cancelled, held and released, delivered.
    post(created("S1", item("STOLE", 3, line_id="11"), item("HORSE", 2, line_id="12")))
    post(held("S1", "11", "2", "2026-11-24T11:00:00+05:30"), cancelled("S1", 1, "11"))
    post(released("S1", "2026-11-24T12:30:00+05:30"))
    post(step("S1", "packed"), step("S1", "shipped", "2026-11-25T10:00:00+05:30"))
    post(step("S1", "delivered", "2026-11-25T11:00:00+05:30"))
    # The buyer sends one back; the later news name only the item. Half of it is good.
    post(returned("created", "R1", came_back("11", 2), at="2026-11-26T10:00:00+05:30", shipment="S1"))
    post(returned("picked_up", "R1", came_back("11"), at="2026-11-27T10:00:00+05:30"))
    post(returned("completed", "R1", came_back("11"), at="2026-11-28T10:00:00+05:30"))
    looked = Inspected("look-1", "R1", "11", "2026-11-28T06:00:00Z", 1, 1, 0, "Asha", "one torn")
    state(world, "flipkart:demo:S1", looked, "look-1")
    world.settle()
    # More sold than there is; goods arrive; another leaves uncounted.
    post(created("S2", item("TOTE", 4, line_id="21")))
    post(created("S3", item("TOTE", 3, line_id="31")))
    act(world, "adjust", "TOTE", 3, "made")
    world.settle()
    post(step("S3", "pickup_complete"))
    post(created("S6", item("TOTE", 2, line_id="61")))
    # A listing that nobody mapped, and one that is mapped later.
    post(created("S4", item("NOBODYS", 1, line_id="41")))
    post(created("S5", item("MAT", 2, line_id="51"), item("STOLE", 1, line_id="52")))
    world.map_listing("MAT", "G22")
    world.settle()
    # A wrong mapping is corrected on the order; an announcement that was never true is taken back.
    remapped = Remapped(
        "map-1", "51", world.now, "HORSE", "G22", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None, "Asha", "a horse"
    )
    state(world, "flipkart:demo:S5", remapped, "map-1")
    world.settle()
    post(created("S7", item("STOLE", 2, line_id="71")))
    void = Voided("void-1", fact_of(world, "S7", Placed, "71"), world.now, "Asha", "a test of theirs")
    state(world, "flipkart:demo:S7", void, "void-1")
    world.settle()
    # News before their order, of a return that nobody has, of a kind that nobody reads, and what cannot be read.
    post(step("S8", "packed"), cancelled("S8", 1, "81"))
    post(returned("picked_up", "R9", came_back("91"), at="2026-11-27T10:00:00+05:30"))
    post(step("S1", "blessed"), {"eventType": "account_note", "timestamp": "2026-11-25T09:00:00+05:30"})
    world.post(b"\xff\xfe", readable=False)
    world.settle()
    # News of a return that come before the order, and then the order.
    post(returned("completed", "R2", came_back("101"), at="2026-11-27T10:00:00+05:30"))
    post(created("S10", item("STOLE", 1, line_id="101")), step("S10", "delivered", "2026-11-25T12:00:00+05:30"))
    post(returned("created", "R2", came_back("101", 1), at="2026-11-26T10:00:00+05:30", shipment="S10"))
    # A return over two orders in one message.
    both = (came_back("12", 1, shipmentId="S1"), came_back("31", 1, shipmentId="S3", source="courier_return"))
    post(returned("created", "R3", *both, at="2026-11-27T11:00:00+05:30"))
    # What persons do with shelves.
    act(world, "fair_take", "STOLE", 3, "to-the-stall", fair="utsav")
    act(world, "fair_sold", "STOLE", 1, "sold-there", fair="utsav")
    act(world, "fair_back", "STOLE", 1, "home-again", fair="utsav")
    act(world, "recount", "HORSE", -1, "one-broke")
    act(world, "buffer", "STOLE", 2, "for-the-stall")
    world.settle()
    return world
