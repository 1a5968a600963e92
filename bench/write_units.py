"""The write units of one order's ordinary life, each write named with its reason.

Sizes are those of DynamoDB's rules over the items that the real use cases write into the in-memory
store. A transaction costs double, an index costs what its projected keys cost whenever they change.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain.rate_card import row_from_csv
from hunar.ports import Put
from hunar.tables import INDEXES, Item, Key, Table
from tests.flipkart_messages import created, item, step
from tests.world import World

KILOBYTE: Final = 1024
HISTORY: Final = (
    ("created", created("S1", item("KOL-JUTE-TOTE", 2, 399.0))),
    ("packed", step("S1", "packed")),
    ("ready", step("S1", "ready_to_dispatch", "2026-11-25T10:00:00+05:30")),
    ("picked up", step("S1", "pickup_complete", "2026-11-25T11:00:00+05:30")),
    ("delivered", step("S1", "delivered", "2026-11-26T11:00:00+05:30")),
)
REASONS: Final = {
    "ORDER": "what is known about the order, and what it owes",
    "STOCK": "the shelf's counters move with the order",
    "RESOLVED": "whose product it is, kept so that a rebuild never asks again",
    "DELIVERY": "the message itself, so that nothing accepted is unfindable",
    "NOTIFICATION": "the claim before the text, then the provider's answer",
    "EXCEPTION": "a person must look",
    "EXPECTED": "what is posted for the line so far",
    "ENTRY": "the balanced entry",
    "SHORT": "a line's place in the queue for its SKU",
    "POINTER": "which orders wait for a listing",
}


@dataclass(frozen=True)
class Write:
    """One item written. ``units`` are DynamoDB write units, index and transaction included."""

    key: Key
    size: int
    transaction: bool
    units: int

    @property
    def reason(self) -> str:
        kind = self.key.sk.split("#")[0]
        return REASONS["DELIVERY" if self.key.table is Table.DELIVERIES and kind not in REASONS else kind]


class CountingStore(MemoryStore):
    """Remembers the size of every write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Write] = []

    def commit(self, puts: Sequence[Put]) -> None:
        before = self.read([put.key for put in puts])
        super().commit(puts)
        for put in puts:
            # Removing costs what stood there.
            size = item_size(put.key, put.item or before.get(put.key, {}))
            units = -(-size // KILOBYTE) * (2 if len(puts) > 1 else 1)
            units += index_units(put.key, before.get(put.key, {}), put.item or {})
            self.writes.append(Write(put.key, size, len(puts) > 1, units))


def item_size(key: Key, item: Item) -> int:
    """Bytes of a stored item: names and values in UTF-8, as DynamoDB counts them."""
    return sum(len(name.encode()) + value_size(value) for name, value in {"pk": key.pk, "sk": key.sk, **item}.items())


def value_size(value: Any) -> int:
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return -(-len(str(abs(value))) // 2) + 1
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return 3 + sum(1 + value_size(inner) for inner in value)
    return 3 + sum(1 + len(name.encode()) + value_size(inner) for name, inner in value.items())


def index_units(key: Key, before: Item, after: Item) -> int:
    """A new or vanished place in an index is one write, a moved one is two."""
    units = 0
    for index in INDEXES.get(key.table, ()):
        names = (f"{index}_pk", f"{index}_sk")
        old, new = tuple(map(before.get, names)), tuple(map(after.get, names))
        if old != new:
            units += sum(None not in place for place in (old, new))
    return units


def life() -> list[tuple[str, list[Write]]]:
    """The writes of each step of the history."""
    world = World()
    store = CountingStore()
    world.store = store
    world.group("G03", "bn")
    world.product("KOL-JUTE-TOTE", "G03", "পাটের ব্যাগ", stock=25)
    _demo_rates(world)
    world.settle()
    steps = []
    for name, message in HISTORY:
        store.writes.clear()
        world.post(message)
        world.settle()
        steps.append((name, list(store.writes)))
    return steps


def _demo_rates(world: World) -> None:
    path = Path(__file__).parents[1] / "local/demo/rates.csv"
    with path.open(encoding="utf-8", newline="") as file:
        items = [row_from_csv(record) for record in csv.DictReader(file)]
    world.store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in items])


def report() -> str:
    lines = ["Write units of a one-line order (sizes in bytes; T: in a transaction, double)", ""]
    total = 0
    for name, writes in life():
        lines.append(f"{name}: {sum(write.units for write in writes)}")
        for write in writes:
            mark = "T" if write.transaction else " "
            place = f"{write.key.table.value} {write.key.sk.split('#')[0][:12]}"
            lines.append(f"  {write.units:3} {mark} {write.size:5}  {place:28} {write.reason}")
        total += sum(write.units for write in writes)
    return "\n".join([*lines, "", f"total: {total} write units"])


def main() -> None:
    print(report())
    print(json.dumps({"write_units": sum(write.units for _, writes in life() for write in writes)}))


if __name__ == "__main__":
    main()
