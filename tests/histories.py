"""Two orders' whole lives, played in any way, and what must be true afterwards."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hunar.domain.stock import Stock
from hunar.tables import Table
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import World

ENOUGH = 50
SKUS = {"STOLE": "G11", "HORSE": "G22"}

LIFE: list[dict[str, Any]] = [
    # Two groups; the stole stands on two lines.
    created("S1", item("STOLE", 5, line_id="1"), item("HORSE", 3, line_id="2"), item("STOLE", 2, line_id="3")),
    cancelled("S1", 1, "1", at="2026-11-24T12:00:00+05:30"),
    cancelled("S1", 2, "1", at="2026-11-24T13:00:00+05:30"),
    cancelled("S1", 3, "2", at="2026-11-24T14:00:00+05:30"),
    step("S1", "packed", "2026-11-25T09:00:00+05:30"),
    step("S1", "ready_to_dispatch", "2026-11-25T10:00:00+05:30"),
    step("S1", "pickup_complete", "2026-11-25T11:00:00+05:30"),
    step("S1", "shipped", "2026-11-25T12:00:00+05:30"),
    step("S1", "delivered", "2026-11-27T12:00:00+05:30"),
    # By its own time after the pick-up: moves nothing, whenever it arrives.
    cancelled("S1", 1, "3", at="2026-11-25T11:30:00+05:30"),
    # More than the line has left, whenever it arrives.
    cancelled("S1", 4, "1", at="2026-11-24T15:00:00+05:30"),
    # A second order of the same shelf, announced again with other quantities: the later one holds.
    created("S2", item("STOLE", 6), item("HORSE", 1, line_id="2"), at="2026-11-24T10:01:00+05:30"),
    created("S2", item("STOLE", 4), item("HORSE", 2, line_id="2")),
    cancelled("S2", 4, "1", at="2026-11-24T16:00:00+05:30"),
    cancelled("S2", 2, "2", at="2026-11-24T16:00:00+05:30"),
]


def played(
    messages: list[dict[str, Any]], *, seed: int, twice: bool, at_once: bool, rivals: bool = False, units: int = ENOUGH
) -> World:
    """The messages in this order, or ``at_once``; ``units`` of each SKU stand on the shelf before."""
    world = World(shuffle=random.Random(seed), twice=twice, rivals=random.Random(seed) if rivals else None)
    for sku, group in SKUS.items():
        world.group(group)
        world.product(sku, group, sku.title(), stock=units)
    world.settle()
    for message in messages:
        world.post(message)
        if not at_once:
            world.settle()
    world.settle()
    return world


def truth(world: World) -> dict[str, Any]:
    """What must not depend on the way there: knowledge, what each line has, and the shelves."""
    orders = {
        order["order_ref"]: {name: order[name] for name in ("knowledge", "applied", "board_pk", "waiting")}
        for order in world.items(Table.ORDERS)
        if "order_ref" in order
    }
    shelves = {sku: Stock.of(world.stock(sku)) for sku in SKUS}
    open_now = Counter(item["exception_id"] for item in world.items(Table.EXCEPTIONS) if item["closed_at"] is None)
    entries = sorted(
        (entry["order_ref"], entry["line_id"]) for entry in world.items(Table.LEDGER) if "postings" in entry
    )
    return {"orders": orders, "shelves": shelves, "exceptions": open_now, "entries": sorted(set(entries))}


def check_invariants(world: World, units: int = ENOUGH) -> None:
    """What holds under any history, also when the shelf has too little."""
    orders = [order for order in world.items(Table.ORDERS) if "order_ref" in order]
    for sku in SKUS:
        stock = world.stock(sku)
        lines = [line for order in orders for line in order["applied"].values() if line["sku"] == sku]
        assert stock["on_hand"] == stock["available"] + stock["reserved"]
        assert min(stock[name] for name in ("on_hand", "available", "reserved", "short", "uncounted")) >= 0
        assert not (stock["available"] and stock["uncounted"])
        assert stock["reserved"] == sum(line["reserved"] for line in lines)
        assert stock["short"] == sum(line["short"] for line in lines)
        gone = sum(line["consumed"] for line in lines)
        wanted = sum(line["reserved"] + line["short"] for line in lines)
        assert stock["available"] - stock["short"] - stock["uncounted"] == units - gone - wanted
