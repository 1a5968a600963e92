"""The race: more buyers than goods, all at once, on the deployed stack.

200 orders of one unit arrive from 8 clients at the same time; 60 units are on the shelf. Afterwards
60 are reserved and 140 short, nothing is negative and nothing is lost. A run in which no two workers
ever met proves nothing and fails.
"""

from __future__ import annotations

import csv
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.messages import created
from bench.stack import TOLD, Running, hunar

CLIENTS = 8
ORDERS = 200
UNITS = 60
SKU = "KOL-JUTE-TOTE"


def race(stack: Running) -> list[str]:
    """Run it. Returns what is wrong, and prints what happened."""
    _fill_shelf(stack)
    began = time.time()
    run = datetime.now(UTC).strftime("%H%M%S")
    shipments = [f"race-{run}-{number:03}" for number in range(ORDERS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = list(clients.map(lambda shipment: stack.post(created(shipment, SKU)), shipments))
    posted = time.time() - began
    stack.quiet(300)
    settled = time.time() - began
    shelf = stack.get(f"/api/stock/{SKU}")
    orders = [order for order in stack.all("/api/orders") if order["order_ref"].split(":")[-1] in set(shipments)]
    lines = [line for order in orders for line in order["lines"]]
    conflicts = sum(line["conflicts"] for line in stack.logged("ApplyOrderEvents", "conflicts_retried", since=began))
    texts = [
        text for text in stack.all("/api/notifications") if str(text["order_ref"]).split(":")[-1] in set(shipments)
    ]
    seen: dict[str, tuple[Any, Any]] = {
        "answers of 200": (ORDERS, statuses.count(200)),
        "orders stored": (ORDERS, len(orders)),
        "units reserved": (UNITS, shelf["reserved"]),
        "units short": (ORDERS - UNITS, shelf["short"]),
        "units available": (0, shelf["available"]),
        "units on the shelf": (UNITS, shelf["on_hand"]),
        "reserved by orders": (UNITS, sum(line["reserved"] for line in lines)),
        "short in orders": (ORDERS - UNITS, sum(line["short"] for line in lines)),
        "groups told": (ORDERS, sum(text["status"] in TOLD for text in texts)),
    }
    print(f"\nRace: {CLIENTS} clients, {ORDERS} orders of one unit, {UNITS} units of {SKU}")
    for what, (expected, found) in seen.items():
        print(f"  {what:20} {found:>5}" + ("" if found == expected else f"   expected {expected}"))
    print(f"  {'conflicts retried':20} {conflicts:>5}")
    print(f"  posted in {posted:.1f} s, settled after {settled:.1f} s")
    wrong = [f"{what}: {found}, not {expected}" for what, (expected, found) in seen.items() if found != expected]
    if min(shelf[name] for name in ("on_hand", "available", "reserved", "short", "uncounted")) < 0:
        wrong.append("a counter is negative")
    if not conflicts:
        wrong.append("no two workers met: this was no race")
    return wrong


def _fill_shelf(stack: Running) -> None:
    """Bring the shelf to the units of the race, the way an operator does."""
    missing = UNITS - int(stack.get(f"/api/stock/{SKU}")["on_hand"])
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "stock.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("sku", "quantity", "act_id"), (SKU, missing, f"race-{time.time_ns()}")])
        hunar("import", folder)
    stack.quiet()
