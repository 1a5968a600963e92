"""The storm: what may go wrong at once, on the deployed stack. Nothing may be lost, and nothing happen twice.

Eight clients tell the whole life of one order, each in an order of its own. A shelf that everybody buys
from is filled while they buy. Workers are ended in the middle of their work, by their own process id.
The function behind the streams fails for a minute. After each of these the stack is asked what is true.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.messages import created
from bench.stack import TOLD, Running
from local import messages

CLIENTS = 8
QUIET_SECONDS = 420
FAILING_SECONDS = 60
SOON_VISIBLE = 10
"""Seconds in flight during the storm: what a dead worker held comes again soon. It also makes living ones meet."""
ROUNDS = 4
"""How often each client tells the one order's life."""


class Findings:
    """What was expected and what was seen, printed as it comes."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def expect(self, what: str, expected: Any, seen: Any) -> None:
        good = expected == seen
        print(f"  {what:54} {seen}" + ("" if good else f"   expected {expected}"), flush=True)
        if not good:
            self.wrong.append(f"{what}: {seen}, not {expected}")


def storm(stack: Running) -> list[str]:
    """All of it. Returns what is wrong."""
    found = Findings()
    with _soon_visible(stack):
        _one_order_by_eight(stack, found)
        _filled_while_they_buy(stack, found)
        _workers_ended(stack, found)
    _streams_failing(stack, found)
    _everywhere(stack, found)
    return found.wrong


def _one_order_by_eight(stack: Running, found: Findings) -> None:
    sku, shipment = "BGP-KHD-STOLE", _name("one")
    print(
        f"\nOne order by {CLIENTS} clients, its whole life {ROUNDS} times each, every time in another order", flush=True
    )
    _fill(stack, sku, 20)
    before = stack.get(f"/api/stock/{sku}")
    at = datetime.now(UTC) - timedelta(hours=3)
    item = messages.order_item_id(shipment)
    life = [messages.created(shipment, [messages.Item(7, sku=sku)], at)]
    life += [
        messages.cancelled(shipment, [messages.Item(units, order_item_id=item)], at + timedelta(minutes=units))
        for units in (1, 2)
    ]
    life += [messages.step(shipment, name, at + timedelta(minutes=10 + n)) for n, name in enumerate(messages.STEPS)]
    began = time.time()

    def tell(client: int) -> int:
        draw = random.Random(client)
        told = 0
        for _ in range(ROUNDS):
            for message in draw.sample(life, len(life)):
                told += stack.post(message) == 200
        return told

    with ThreadPoolExecutor(CLIENTS) as clients:
        accepted = sum(clients.map(tell, range(CLIENTS)))
    stack.calm(QUIET_SECONDS)
    order = stack.get(f"/api/orders/flipkart:demo:{shipment}")
    [line] = order["lines"]
    after = stack.get(f"/api/stock/{sku}")
    entries = stack.all("/api/ledger/entries", order_ref=order["order_ref"])
    moved: Counter[str] = Counter()
    for entry in entries:
        for posting in entry["postings"]:
            moved[posting["account"]] += posting["amount_paise"]
    found.expect("messages accepted", CLIENTS * ROUNDS * len(life), accepted)
    found.expect("the order", ("DELIVERED", 7, 3), (order["state"], line["quantity"], line["cancelled"]))
    found.expect("units that left the shelf", 4, before["on_hand"] - after["on_hand"])
    found.expect("units reserved by it", 0, after["reserved"] - before["reserved"])
    found.expect("what it should bring is booked", True, bool(entries) and bool(moved["expected:group:G01"]))
    found.expect("every entry sums to zero", 0, sum(moved.values()))
    found.expect("texts about it, at most one announcement", True, _kinds(stack, {shipment})["NEW_ORDER"] <= 1)
    found.expect("workers met", True, _conflicts(stack, began) > 0)


def _filled_while_they_buy(stack: Running, found: Findings) -> None:
    sku, orders, acts, each = "GKP-TER-HORSE", 120, 6, 10
    print(f"\n{orders} orders of one unit of {sku} by {CLIENTS} clients while {acts} x {each} units arrive", flush=True)
    _empty(stack, sku)
    before = stack.get(f"/api/stock/{sku}")
    shipments = [_name(f"hot-{number:03}") for number in range(orders)]
    began = time.time()
    with ThreadPoolExecutor(CLIENTS) as clients:
        posted = [clients.submit(stack.post, created(shipment, sku)) for shipment in shipments]
        for number in range(acts):
            posted[(number + 1) * orders // (acts + 1)].result()
            stack.adjust(sku, each)
        statuses = Counter(one.result() for one in posted)
    stack.calm(QUIET_SECONDS)
    shelf = stack.get(f"/api/stock/{sku}")
    lines = [line for order in _orders(stack, shipments) for line in order["lines"]]
    found.expect("answers of 200", orders, statuses[200])
    found.expect("orders stored", orders, len(lines))
    found.expect("units reserved by them", acts * each, sum(line["reserved"] for line in lines))
    found.expect("units short", orders - acts * each, sum(line["short"] for line in lines))
    found.expect(
        "the shelf has none free", (0, before["reserved"] + acts * each), (shelf["available"], shelf["reserved"])
    )
    found.expect("announced once each", orders, _kinds(stack, set(shipments))["NEW_ORDER"])
    found.expect("served texts at most one each", True, _kinds(stack, set(shipments))["SERVED"] <= acts * each)
    found.expect("workers met", True, _conflicts(stack, began) > 0)


def _workers_ended(stack: Running, found: Findings) -> None:
    sku, orders = "GKP-DIYA-12", 80
    print(f"\n{orders} orders while workers are ended by their process ids", flush=True)
    _fill(stack, sku, orders)
    before = stack.get(f"/api/stock/{sku}")
    shipments = [_name(f"end-{number:03}") for number in range(orders)]
    ended: list[int] = []
    over = threading.Event()

    def end_some() -> None:
        draw = random.Random(7)
        while not over.wait(0.25):
            workers = stack.workers()
            if workers:
                victim = draw.choice(workers)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    ended.append(victim)

    reaper = threading.Thread(target=end_some)
    reaper.start()
    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = list(clients.map(lambda shipment: _insist(stack, created(shipment, sku)), shipments))
    time.sleep(2)
    over.set()
    reaper.join()
    stack.calm(QUIET_SECONDS)
    shelf = stack.get(f"/api/stock/{sku}")
    lines = [line for order in _orders(stack, shipments) for line in order["lines"]]
    texts = [text for text in stack.all("/api/notifications") if _shipment(text) in set(shipments)]
    statuses_of = Counter(text["status"] for text in texts)
    print(f"  {len(ended)} workers ended; texts {dict(statuses_of)}", flush=True)
    found.expect("workers were ended", True, len(ended) > 3)
    found.expect("every order was taken at last", orders, statuses.count(200))
    found.expect("orders stored", orders, len(lines))
    found.expect("of which have their unit", orders, sum((line["reserved"], line["short"]) == (1, 0) for line in lines))
    found.expect("the shelf gave each once", orders, shelf["reserved"] - before["reserved"])
    # A worker that ended between claim and answer leaves a claim that nobody repeats: a person hears of it.
    silent = statuses_of["CLAIMED"] + statuses_of["UNKNOWN"]
    found.expect("told, or known not to be known", orders, sum(statuses_of[told] for told in TOLD) + silent)


def _streams_failing(stack: Running, found: Findings) -> None:
    sku, orders = "KLU-CAP", 20
    print(f"\n{orders} orders while the function behind the streams fails for {FAILING_SECONDS} s", flush=True)
    _fill(stack, sku, orders)
    shipments = [_name(f"mute-{number:03}") for number in range(orders)]
    with stack.without("RelayEffects", "NOTIFICATIONS_QUEUE_URL"):
        statuses = [stack.post(created(shipment, sku)) for shipment in shipments]
        time.sleep(FAILING_SECONDS)
        told = _kinds(stack, set(shipments))["NEW_ORDER"]
    found.expect("texts while it failed", 0, told)
    stack.calm(QUIET_SECONDS)
    found.expect("answers of 200", orders, statuses.count(200))
    found.expect("announced once each afterwards", orders, _kinds(stack, set(shipments))["NEW_ORDER"])


def _everywhere(stack: Running, found: Findings) -> None:
    print("\nAfter the storm", flush=True)
    stock = stack.all("/api/stock")
    counters = ("on_hand", "available", "reserved", "short", "uncounted")
    phones = Counter(text["notification_id"] for text in stack.get("/local/phones"))
    found.expect("negative counters", [], [s["sku"] for s in stock if min(s[name] for name in counters) < 0])
    found.expect(
        "on_hand = available + reserved",
        [],
        [s["sku"] for s in stock if s["on_hand"] != s["available"] + s["reserved"]],
    )
    found.expect("free and short at once", [], [s["sku"] for s in stock if s["available"] and s["short"]])
    found.expect("texts that came twice", [], [identity for identity, times in phones.items() if times > 1])
    dead = [item for item in stack.all("/api/exceptions", state="open") if item["kind"] == "DEAD_LETTER"]
    found.expect("messages that failed five times", [], [item["message"] for item in dead])


def _insist(stack: Running, message: dict[str, Any]) -> int:
    """Post as a marketplace does: what was not taken comes again."""
    for _ in range(30):
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            if (status := stack.post(message)) == 200:
                return status
        time.sleep(0.5)
    return 0


@contextlib.contextmanager
def _soon_visible(stack: Running) -> Iterator[None]:
    before = stack.visibility(SOON_VISIBLE)
    try:
        yield
    finally:
        stack.visibility(before)


def _fill(stack: Running, sku: str, units: int) -> None:
    """Bring the free units of a shelf up to a number."""
    shelf = stack.get(f"/api/stock/{sku}")
    missing = units - shelf["available"] + shelf["short"] + shelf["uncounted"]
    if missing > 0:
        stack.adjust(sku, missing)
        stack.calm(QUIET_SECONDS)


def _empty(stack: Running, sku: str) -> None:
    free = stack.get(f"/api/stock/{sku}")["available"]
    if free:
        stack.adjust(sku, -free)
        stack.calm(QUIET_SECONDS)


def _name(what: str) -> str:
    return f"storm-{datetime.now(UTC):%H%M%S%f}-{what}"


def _orders(stack: Running, shipments: list[str]) -> list[dict[str, Any]]:
    wanted = set(shipments)
    return [order for order in stack.all("/api/orders") if _shipment(order) in wanted]


def _shipment(item: dict[str, Any]) -> str:
    return str(item["order_ref"]).rsplit(":", maxsplit=1)[-1]


def _kinds(stack: Running, shipments: set[str]) -> Counter[str]:
    """Texts that phones received about these orders, by kind."""
    received = {text["notification_id"] for text in stack.get("/local/phones")}
    texts = stack.all("/api/notifications")
    return Counter(t["kind"] for t in texts if _shipment(t) in shipments and t["notification_id"] in received)


def _conflicts(stack: Running, since: float) -> int:
    return sum(line["conflicts"] for line in stack.logged("ApplyOrderEvents", "conflicts_retried", since=since))
