"""One order through three doors at once, and a sale that must be seen on the other channel; on the deployed stack.

Each of some orders comes by webhook, by polling and by fetch at the same time from 8 clients: afterwards it is one
order with one reservation, and its group got one text. Then units are sold on Amazon one after the other, and each time
it is measured how long Flipkart's buyers still see them.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.stack import TOLD, Running
from hunar.messages import Fetch
from local import messages
from local.check import channels_of_the_demo
from local.messages import Item

CLIENTS = 8
ORDERS = 12
SALES = 100
SKU = "KOL-JUTE-TOTE"
AGO = timedelta(minutes=6)
"""Polling ends its windows a little before now, so what it shall find happened earlier."""
UNSEEN_SECONDS = 30.0


def doors(stack: Running) -> list[str]:
    """Run both. Returns what is wrong, and prints what happened."""
    return [*_three_doors(stack), *_seen(stack)]


def _three_doors(stack: Running) -> list[str]:
    flipkart = channels_of_the_demo().flipkart
    at = datetime.now(UTC) - AGO
    before = stack.get(f"/api/stock/{SKU}")
    stack.adjust(SKU, ORDERS + before["short"])
    shipments = [str(uuid.uuid4()) for _ in range(ORDERS)]
    refs = [f"flipkart:demo-api:{shipment}" for shipment in shipments]
    for shipment in shipments:
        stack.put(f"/local/flipkart/shipments/{shipment}", _truth(shipment, at))
    stack.quiet()
    before = stack.get(f"/api/stock/{SKU}")

    def push(shipment: str) -> Callable[[], Any]:
        return lambda: stack.post(messages.created(shipment, [Item(1, sku=SKU)], at), account=flipkart)

    def ask(ref: str) -> Callable[[], Any]:
        return lambda: stack.put_on("FetchesQueueUrl", Fetch(order_ref=ref).model_dump_json())

    came: list[Callable[[], Any]] = []
    for shipment, ref in zip(shipments, refs, strict=True):
        came += [push(shipment), ask(ref), lambda: stack.act("/local/catch-up"), push(shipment), ask(ref)]
    began = time.time()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda one: one(), came))
    stack.quiet(300)
    settled = time.time() - began
    orders = [order for order in stack.all("/api/orders") if order["order_ref"] in set(refs)]
    texts = [text for text in stack.all("/api/notifications") if text["order_ref"] in set(refs)]
    shelf = stack.get(f"/api/stock/{SKU}")
    doors_of = [
        {kept["event_type"] for kept in stack.all("/api/deliveries", order_ref=ref) if kept["verdict"] == "APPLIED"}
        for ref in refs
    ]
    seen = {
        "orders stored": (ORDERS, len(orders)),
        "lines in them": (ORDERS, sum(len(order["lines"]) for order in orders)),
        "units reserved": (ORDERS, shelf["reserved"] - before["reserved"]),
        "units taken": (ORDERS, before["available"] - shelf["available"]),
        "groups told": (ORDERS, sum(text["status"] in TOLD for text in texts)),
        "texts": (ORDERS, len(texts)),
        "unconfirmed": (0, sum(order["unconfirmed"] for order in orders)),
        "by two doors": (ORDERS, sum(len(doors) > 1 for doors in doors_of)),
    }
    print(f"\nDoors: {CLIENTS} clients, {ORDERS} orders, each pushed twice, fetched twice and polled {ORDERS} times")
    wrong = _compared(seen)
    print(f"  settled after {settled:.1f} s")
    return wrong


def _seen(stack: Running) -> list[str]:
    """How long after a sale on Amazon Flipkart's buyers still see the unit."""
    amazon = channels_of_the_demo().amazon
    stack.adjust(SKU, SALES)
    stack.quiet()
    seconds = []
    for _ in range(SALES):
        order_id, at = messages.amazon_order_id(str(uuid.uuid4())), datetime.now(UTC)
        items = [Item(1, sku=SKU)]
        stack.put(f"/local/amazon/orders/{order_id}", messages.amazon_order(order_id, items, at))
        shown = _shown(stack)
        notification = messages.amazon_notification(amazon, order_id, items, at)
        began = time.monotonic()
        stack.act("/local/amazon/notifications", notification)
        while _shown(stack) >= shown:
            if time.monotonic() - began > UNSEEN_SECONDS:
                return [f"a sale on Amazon is not seen on Flipkart after {UNSEEN_SECONDS:.0f} s"]
            time.sleep(0.01)
        seconds.append(time.monotonic() - began)
    stack.quiet(300)
    slowest = sorted(seconds)[-(-len(seconds) * 99 // 100) - 1]
    print(f"\nSold on Amazon until told to Flipkart, {SALES} sales one after the other:")
    print(f"  median {statistics.median(seconds):.2f} s, 99th percentile {slowest:.2f} s")
    offered = stack.get(f"/api/stock/{SKU}")
    free = max(0, offered["available"] - offered["buffer"])
    return _compared({"shown in the end": (free, _shown(stack))})


def _shown(stack: Running) -> int:
    """Units that Flipkart shows of the product."""
    [listing] = [
        listing
        for listing in stack.get("/local/channels")
        if (listing["marketplace"], listing["account"], listing["listing"]) == ("flipkart", "demo-api", SKU)
    ]
    return int(listing["quantity"])


def _truth(shipment: str, at: datetime) -> dict[str, Any]:
    updated = messages.instant(at + timedelta(seconds=30))
    return messages.flipkart_shipment(shipment, [Item(1, sku=SKU)], at, updatedAt=updated)


def _compared(seen: dict[str, tuple[int, int]]) -> list[str]:
    for what, (expected, found) in seen.items():
        print(f"  {what:20} {found:>5}" + ("" if found == expected else f"   expected {expected}"))
    return [f"{what}: {found}, not {expected}" for what, (expected, found) in seen.items() if found != expected]
