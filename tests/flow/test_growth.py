"""What one event costs does not depend on how many orders there are.

The same events are played among 1,000 and among 100,000 orders, half of them delivered and half of
them open and waiting for units of one SKU. Calls and write units are compared name by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from hunar import tables
from hunar.adapters.write_units import Used
from hunar.tables import BOARD, WORKLIST, Item, Key, Table
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import World

FEW, MANY = 1_000, 100_000
FIRST = "-000000"
"""Ends the shipments that were really played; the others are numbered after them."""
OF_ONE_ORDER = (Table.DELIVERIES, Table.LEDGER)
"""Their partitions are one order's own and nothing looks at several, so they are not multiplied."""

EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("created", created("Z-1", item("POT", 3, line_id="1"), item("MAT", 2, line_id="2"))),
    ("duplicate", created("Z-1", item("POT", 3, line_id="1"), item("MAT", 2, line_id="2"))),
    ("packed", step("Z-1", "packed")),
    ("cancelled", cancelled("Z-1", 1, "2")),
    ("delivered", step("Z-1", "delivered", "2026-11-27T12:00:00+05:30")),
)


def among(orders: int) -> World:
    """A world with so many orders. Two are played by the use cases, the others are like them."""
    world = World()
    world.group("G11")
    world.product("POT", "G11", "Pot", stock=50)
    world.product("MAT", "G11", "Mat", stock=0)
    world.settle()
    world.post(created(f"OPEN{FIRST}", item("POT", 2, line_id="1"), item("MAT", 2, line_id="2")))
    world.settle()
    world.post(created(f"DONE{FIRST}", item("POT", 1)))
    world.settle()
    world.post(step(f"DONE{FIRST}", "delivered"))
    world.settle()
    played = {key: kept for key, kept in world.store.everything().items() if key.table not in OF_ONE_ORDER}
    copies = orders // 2 - 1
    world.store.load(like(played, copies))
    for sku in ("POT", "MAT"):
        shelf, line = world.stock(sku), open_line(world, sku)
        more = {"on_hand": line["reserved"], "reserved": line["reserved"], "short": line["short"]}
        shelf |= {name: shelf[name] + units * copies for name, units in more.items()}
        world.store.load([(tables.stock(sku), shelf)])
    return world


def like(played: dict[Key, Item], copies: int) -> Iterator[tuple[Key, Item]]:
    """Everything that belongs to one of the played orders, once more for each number."""
    for key, kept in played.items():
        texts = {name: text for name, text in kept.items() if isinstance(text, str)}
        if not any(FIRST in text for text in (key.pk, key.sk, *texts.values())):
            continue
        # An exception or a notification stands under an id of its own, which says nothing of the order.
        named = key.pk if key.table in (Table.EXCEPTIONS, Table.NOTIFICATIONS) else FIRST
        texts = {name: text for name, text in texts.items() if FIRST in text or named in text}
        for number in range(1, copies + 1):
            numbered, name_of_copy = f"-{number:06}", named[:-6] + f"{number:06}"

            def copy(text: str, numbered: str = numbered, named: str = named, other: str = name_of_copy) -> str:
                return text.replace(FIRST, numbered).replace(named, other)

            copied = {name: copy(text) for name, text in texts.items()}
            yield Key(key.table, copy(key.pk), copy(key.sk)), kept | copied


def open_line(world: World, sku: str) -> Item:
    lines: list[Item] = list(world.order(f"OPEN{FIRST}")["applied"].values())
    (line,) = [line for line in lines if line["sku"] == sku]
    return line


def used(world: World) -> dict[str, Used]:
    """The events, each with all that it brings about, and then the units for which the oldest order waits."""
    store = world.store
    for name, message in EVENTS:
        with store.operation(name):
            world.post(message)
            world.settle()
    with store.operation("units arrived"):
        # One left the shelf uncounted with the delivery; two are for whoever waits.
        world.count_in("MAT", 3, "arrived")
        world.settle()
    with store.operation("first page of the board"):
        assert len(store.page(Table.ORDERS, "OPEN", index=BOARD, limit=50).items) == 50
    return store.used


def test_an_event_costs_the_same_among_1000_and_among_100000_orders() -> None:
    worlds = {orders: among(orders) for orders in (FEW, MANY)}
    for orders, world in worlds.items():
        assert sum(key.sk == "ORDER" for key, _ in world.store.scan(Table.ORDERS)) == orders
        assert world.stock("MAT")["short"] == orders
        waiting = world.store.page(Table.STOCK, "MAT", prefix=tables.SHORT_LINES, limit=orders).items
        assert sum(line["short"] for line in waiting) == orders
        assert {line["sku"] for line in waiting} == {"MAT"}
        assert len(world.store.page(Table.EXCEPTIONS, "OPEN", index=WORKLIST, limit=orders).items) >= orders // 2
    few, many = (used(world) for world in worlds.values())
    assert few == many
    assert list(few) == [*(name for name, _ in EVENTS), "units arrived", "first page of the board"]
    assert few["duplicate"].calls == Counter({"PutItem": 1, "BatchGetItem": 1})
    assert all(cost.write_units > 0 for name, cost in few.items() if name != "first page of the board")
    # The units went to the oldest of all who wait.
    assert {world.order(f"OPEN{FIRST}")["applied"]["2"]["reserved"] for world in worlds.values()} == {2}
    assert {world.order("Z-1")["board_pk"] for world in worlds.values()} == {"ENDED"}
