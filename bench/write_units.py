"""The write units of one order's ordinary life, each write named with its reason.

Sizes are those of DynamoDB's rules over the items that the real use cases write into the in-memory
store, which counts them (``adapters/write_units.py``).
"""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Final

from hunar import tables
from hunar.adapters.write_units import Write
from hunar.domain.rate_card import row_from_csv
from hunar.ports import Put
from hunar.tables import Table
from tests.flipkart_messages import created, item, step
from tests.world import World

HISTORY: Final = (
    ("created", 0, created("S1", item("KOL-JUTE-TOTE", 2, 399.0))),
    ("packed", 2, step("S1", "packed")),
    ("ready", 1, step("S1", "ready_to_dispatch", "2026-11-25T10:00:00+05:30")),
    ("picked up", 1, step("S1", "pickup_complete", "2026-11-25T11:00:00+05:30")),
    ("delivered", 24, step("S1", "delivered", "2026-11-26T11:00:00+05:30")),
)
"""What came in, hours after what came before."""
LOOKS: Final = "the sweep's looks"
REASONS: Final = {
    "ORDER": "what is known about the order, and what it owes",
    "STOCK": "the shelf's counters move with the order",
    "RESOLVED": "whose product it is, kept so that a rebuild never asks again",
    "DELIVERY": "the message itself, so that nothing accepted is unfindable",
    "NOTIFICATION": "the claim, the text before it is sent, then the provider's answer",
    "TALK": "what the contact was told lately, so that a rush is a handful of texts",
    "SMS_DAY": "the parts of the day, so that a mistake cannot spend without end",
    "EXCEPTION": "a person must look",
    "EXPECTED": "what is posted for the line so far",
    "ENTRY": "the balanced entry",
    "SHORT": "a line's place in the queue for its SKU",
    "POINTER": "which orders wait for a listing",
}


def reason(write: Write) -> str:
    kind = write.key.sk.split("#")[0]
    return REASONS["DELIVERY" if write.key.table is Table.DELIVERIES and kind not in REASONS else kind]


def life() -> list[tuple[str, list[Write]]]:
    """The writes of each step of the history."""
    world = World()
    world.group("G03", "bn")
    world.product("KOL-JUTE-TOTE", "G03", "পাটের ব্যাগ", stock=25)
    _demo_rates(world)
    world.settle()
    steps = []
    looks: list[Write] = []
    for name, hours, message in HISTORY:
        looks += _swept(world, hours)
        world.post(message)
        world.settle()
        steps.append((name, _written(world)))
    return [*steps, (LOOKS, looks + _swept(world, 48))]


def _swept(world: World, hours: int) -> list[Write]:
    """What is written while nothing comes in and the sweep runs every five minutes."""
    _written(world)
    world.settle(patience=timedelta(hours=hours), sweeping=True)
    return _written(world)


def _written(world: World) -> list[Write]:
    """The writes since the last time, those that met their condition and those that did not: both are paid.

    That the groups were reminded is one small write a day for all orders together, and not one of this order.
    """
    written = [write for write in (*world.store.writes, *world.store.refused) if write.key.sk != "REMINDED"]
    world.store.writes.clear()
    world.store.refused.clear()
    return written


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
            lines.append(f"  {write.units:3} {mark} {write.size:5}  {place:28} {reason(write)}")
        total += sum(write.units for write in writes)
    looks = sum(write.units for name, writes in life() if name == LOOKS for write in writes)
    return "\n".join([*lines, "", f"total: {total} write units, {looks} of them for {LOOKS}"])


def main() -> None:
    print(report())
    print(json.dumps({"write_units": sum(write.units for _, writes in life() for write in writes)}))


if __name__ == "__main__":
    main()
