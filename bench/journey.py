"""How long a group waits for its text, and what a delivery costs in AWS calls, on the deployed stack."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from datetime import UTC, datetime

from bench.messages import created
from bench.stack import Running

ORDERS = 100
WARM_UP = 8
SKU = "GKP-DIYA-12"
TEXT_SECONDS = 60


def journey(stack: Running) -> None:
    """Post orders one after the other, each until its text is on the phone. Prints the figures."""
    run = datetime.now(UTC).strftime("%H%M%S")
    for number in range(WARM_UP):
        _to_text(stack, f"warm-{run}-{number}")
    began = time.time()
    # A refused call goes the same way to the same function and ends there: what the emulator itself costs.
    refusals = [_refused(stack) for _ in range(ORDERS)]
    times = [_to_text(stack, f"time-{run}-{number:03}") for number in range(ORDERS)]
    stack.quiet()
    reference = statistics.median(refusals)
    print(f"\nPOST to text on the phone, {ORDERS} orders one by one, warm")
    for name, seconds in (("median", statistics.median(times)), ("99th percentile", _percentile(times, 99))):
        print(f"  {name:16} {seconds * 1000:7.0f} ms   {seconds / reference:6.1f} x a refused call")
    print(f"  {'a refused call':16} {reference * 1000:7.0f} ms   (median of {ORDERS})")
    _calls(stack, run, began)


def _calls(stack: Running, run: str, began: float) -> None:
    message = created(f"twice-{run}", SKU)
    for _ in range(2):
        stack.post(message)
        stack.quiet()
    accepted = stack.logged("ReceiveWebhook", "webhook_answered", since=began)
    applied = stack.logged("ApplyOrderEvents", "delivery_applied", since=began)
    print("\nAWS calls per delivery, counted in the deployed functions")
    for name, lines in (
        ("accepted", [line for line in accepted if line["outcome"] == "accepted"]),
        ("new", [line for line in applied if line["outcome"] == "new"]),
        ("duplicate", [line for line in applied if line["outcome"] == "duplicate"]),
    ):
        for calls, number in Counter(tuple(line["aws_calls"]) for line in lines).most_common():
            print(f"  {name:10} {len(calls)} calls in {number:4} deliveries: {', '.join(calls)}")


def _to_text(stack: Running, shipment: str) -> float:
    """Seconds from the first byte of the POST until the fake phone shows one text more."""
    before = len(stack.get("/local/phones"))
    began = time.perf_counter()
    status = stack.post(created(shipment, SKU))
    if status != 200:
        raise RuntimeError(f"{shipment}: {status}")
    while len(stack.get("/local/phones")) == before:
        if time.perf_counter() - began > TEXT_SECONDS:
            raise RuntimeError(f"{shipment}: no text after {TEXT_SECONDS} s")
        time.sleep(0.005)
    return time.perf_counter() - began


def _refused(stack: Running) -> float:
    began = time.perf_counter()
    status = stack.post(created("refused", SKU), signed=False)
    if status != 401:
        raise RuntimeError(f"an unsigned call is answered {status}")
    return time.perf_counter() - began


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
