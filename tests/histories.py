"""Two orders' whole lives, played in any way, and what must be true afterwards."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

from hunar.domain.order import knowledge, read
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
    messages: list[dict[str, Any]],
    *,
    seed: int,
    twice: bool,
    at_once: bool,
    rivals: bool = False,
    units: int = ENOUGH,
    arriving: tuple[int, int] = (0, 0),
    crashes: bool = False,
) -> World:
    """The messages in this order, or ``at_once``.

    ``units`` of each SKU stand on the shelf before; ``arriving`` says after how many messages how many more come.
    """
    when, more = arriving
    world = World(
        shuffle=random.Random(seed),
        twice=twice,
        rivals=random.Random(seed) if rivals else None,
        crashes=random.Random(seed) if crashes else None,
    )
    for sku, group in SKUS.items():
        world.group(group)
        world.product(sku, group, sku.title(), stock=units)
    world.settle()
    for number, message in enumerate(messages):
        if more and number == min(when, len(messages) - 1):
            for sku in SKUS:
                world.count_in(sku, more, "arriving")
        world.post(message)
        if not at_once:
            world.settle()
    # Long enough for a claim that a crash left to be called Unknown.
    world.settle(patience=timedelta(minutes=45))
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
        # Everything has settled, so nobody waits for what is there.
        assert not (stock["available"] and stock["short"])
        waiting = [item for item in world.items(Table.STOCK) if "line_id" in item and item["sku"] == sku]
        assert sum(item["short"] for item in waiting) == stock["short"]
        assert stock["reserved"] == sum(line["reserved"] for line in lines)
        assert stock["short"] == sum(line["short"] for line in lines)
        gone = sum(line["consumed"] for line in lines)
        wanted = sum(line["reserved"] + line["short"] for line in lines)
        assert stock["available"] - stock["short"] - stock["uncounted"] == units - gone - wanted


def check_texts(world: World) -> None:
    """Each text changes what its group knows, as its kind says, and the last one states what is left to send."""
    for order in world.items(Table.ORDERS):
        if "order_ref" not in order:
            continue
        state = read(knowledge(order))
        for group in SKUS.values():
            lines = [line for line in state.lines if line.resolved and line.resolved.group_id == group]
            told = [
                notification
                for notification in world.notifications()
                if notification["order_ref"] == order["order_ref"]
                and notification["group_id"] == group
                and notification["status"] == "ACCEPTED"
            ]
            told.sort(key=lambda notification: order["owed"][notification["notification_id"]]["n"])
            stated = [0, *(sum(notification["stated"].values()) for notification in told)]
            for notification, before, after in zip(told, stated, stated[1:], strict=False):
                assert (after > before) == (notification["kind"] == "NEW_ORDER")
                assert after != before
            units = sum(line.open for line in lines)
            if state.left_at is None:
                assert stated[-1] == units
            elif told:
                # More than the group was told cannot be asked of it once the goods are gone.
                assert stated[-1] <= units


def shelves(world: World) -> dict[str, tuple[int, int]]:
    """What must not depend on the way there even under shortage: free units, and units that are missing."""
    found = {sku: world.stock(sku) for sku in SKUS}
    return {sku: (stock["available"], stock["short"] + stock["uncounted"]) for sku, stock in found.items()}


Counted = dict[str, dict[str, tuple[int, int]]]


def as_counted(world: World) -> Counted:
    """Per shipment and line: units held or asked for, and units gone."""
    return {
        order["order_ref"].split(":")[-1]: {
            line_id: (line["reserved"] + line["short"], line["consumed"]) for line_id, line in order["applied"].items()
        }
        for order in world.items(Table.ORDERS)
        if "order_ref" in order
    }


def by_hand(history: list[dict[str, Any]]) -> Counted:
    """The same, as a shopkeeper with the messages on paper would count it, without any code of Hunar."""
    counted: Counted = {}
    for shipment in {message["shipmentId"] for message in history}:
        papers = sorted((m for m in history if m["shipmentId"] == shipment), key=lambda m: str(m["timestamp"]))
        gone = [
            m["timestamp"]
            for m in papers
            if m["eventType"] in ("shipment_pickup_complete", "shipment_shipped", "shipment_delivered")
        ]
        latest = [m for m in papers if m["eventType"] == "shipment_created"][-1:]
        counted[shipment] = {}
        for sold in latest[0]["attributes"]["orderItems"] if latest else []:
            left, seen = sold["quantity"], []
            for paper in papers:
                if paper["eventType"] != "shipment_cancelled" or paper in seen:
                    continue
                seen.append(paper)
                [cut] = paper["attributes"]["orderItems"]
                in_time = not gone or paper["timestamp"] <= gone[0]
                if cut["orderItemId"] == sold["orderItemId"] and in_time and cut["quantity"] <= left:
                    left -= cut["quantity"]
            counted[shipment][sold["orderItemId"]] = (0, left) if gone else (left, 0)
    return counted
