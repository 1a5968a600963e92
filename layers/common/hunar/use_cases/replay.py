"""Kept deliveries are read and applied again, over the same queue and the same idempotent path as when they came.

What was applied before changes nothing: stock follows the facts, texts that were owed before are not owed
again, and money is only proposed. What nobody could read when it came counts now, if today's code reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from hunar import tables
from hunar.domain import worklist
from hunar.messages import Replay
from hunar.ports import QueueName, Queues, Rejected, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases import kept
from hunar.use_cases.change_order import Reference
from hunar.use_cases.kept import NO_DELIVERIES
from hunar.use_cases.paging import batches, pages

_FINDINGS: Final = (("UNKNOWN_EVENT", "eventType"), ("UNREADABLE", "body"), ("UNREADABLE", "eventType"))
"""What is wrong with a message that is delivery without its order's name, as its exception has it."""


@dataclass(frozen=True)
class Window:
    """Deliveries received from ``since`` on and before ``until``, of one marketplace or account."""

    since: str | None = None
    until: str | None = None
    marketplace: str | None = None
    account: str | None = None

    def holds(self, delivery: Item) -> bool:
        received = delivery.get("received_at") or delivery.get("parked_at")
        if received is None or (self.since and received < self.since) or (self.until and received >= self.until):
            return False
        wanted = (self.marketplace, self.account)
        return all(want in (None, is_now) for want, is_now in zip(wanted, _whose(delivery), strict=True))


@dataclass
class Report:
    """How many deliveries were sent again (or would be), by what they are, and what was left out."""

    sent: Counter[str] = field(default_factory=Counter)
    """By event type, with ``act`` for what persons did and ``resolved`` for what was taken from the registry."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Kept messages that are no deliveries, by verdict: those go again with hunar redrive."""


def replay(queues: Queues, deliveries: Iterable[tuple[Key, Item]], *, dry_run: bool = False) -> Report:
    """Send each delivery to the order-events queue again. Raises Retryable; whatever was sent does no harm twice."""
    report = Report()
    for batch in batches(deliveries):
        bodies = []
        for key, delivery in batch:
            if delivery["verdict"] in NO_DELIVERIES:
                report.skipped[delivery["verdict"]] += 1
                continue
            report.sent[_what(delivery)] += 1
            bodies.append(Replay(pk=key.pk, sk=key.sk).model_dump_json())
        if bodies and not dry_run:
            queues.send(QueueName.ORDER_EVENTS, bodies)
    return report


def of_window(store: Store, window: Window) -> Iterator[tuple[Key, Item]]:
    """Every kept delivery of a window. Reads the whole table: for the command line."""
    return ((key, delivery) for key, delivery in store.scan(Table.DELIVERIES) if window.holds(delivery))


def of_order(store: Store, order_ref: str) -> Iterator[tuple[Key, Item]]:
    """All that is kept of an order, also under its lines' items."""
    return iter(kept.of_order(store, order_ref))


def of_id(store: Store, delivery_id: str) -> Iterator[tuple[Key, Item]]:
    """A delivery, or a person's act, by its id alone. Reads the whole table: for the command line."""
    return (
        (key, delivery)
        for key, delivery in store.scan(Table.DELIVERIES)
        if delivery_id in (delivery.get("delivery_id"), delivery.get("act_id"))
    )


def one(store: Store, queues: Queues, delivery_id: str, order_ref: str | None) -> str | None:
    """Send one delivery again without reading a whole table. Returns the partition that keeps it, None if not found.

    Without ``order_ref`` those are found whose exception names the order, and those that name none. Raises Rejected
    when it is no delivery, or ``order_ref`` no order's key.
    """
    found = _find(store, delivery_id, order_ref)
    if found is None:
        return None
    key, delivery = found
    if delivery["verdict"] in NO_DELIVERIES:
        raise Rejected(f"{delivery_id}: {delivery['verdict']} is no delivery; send it again with hunar redrive")
    replay(queues, [found])
    return key.pk


def _find(store: Store, delivery_id: str, order_ref: str | None) -> tuple[Key, Item] | None:
    """With its order's name, or else by what its exception names, or among what was never read."""
    orders = [order_ref] if order_ref else _named_by_exceptions(store, delivery_id)
    for ref in orders:
        for key, delivery in kept.of_order(store, ref):
            if delivery_id in (delivery.get("delivery_id"), key.sk):
                return key, delivery
    if order_ref:
        return None
    accounts = pages(store, Table.REGISTRY, tables.account("", "").pk)
    keys = [tables.unread_delivery(item["marketplace"], item["account"], delivery_id) for item in accounts]
    return next(iter(store.read(keys).items()), None) if keys else None


def _named_by_exceptions(store: Store, delivery_id: str) -> list[str]:
    ids = [worklist.exception_id(kind, delivery_id, wrong) for kind, wrong in _FINDINGS]
    found = store.read(map(tables.exception, ids)).values()
    return sorted({item["order_ref"] for item in found if item["order_ref"]})


def _whose(delivery: Item) -> tuple[str | None, str | None]:
    """Marketplace and account. What persons did with a shelf is nobody's."""
    if "marketplace" in delivery:
        return delivery["marketplace"], delivery["account"]
    if not delivery.get("order_ref"):
        return None, None
    order = Reference.of(delivery["order_ref"])
    return order.marketplace, order.account


def _what(delivery: Item) -> str:
    if delivery["verdict"] == "RESOLVED":
        return "resolved"
    if "marketplace" not in delivery:
        return "act"
    return delivery["event_type"] or "unreadable"
