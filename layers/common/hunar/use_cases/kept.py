"""What is kept of an order: every delivery that said something of it, under its own name and under its items'."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hunar import tables
from hunar.domain.facts import Fact
from hunar.domain.order import knowledge
from hunar.ports import Rejected, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases.change_order import Reference
from hunar.use_cases.paging import pages

NO_DELIVERIES: Final = frozenset({"FAILED", "REDRIVEN", "UNKNOWN_MESSAGE", "OTHER_SELLER"})
"""Verdicts of kept queue messages that were never understood: no delivery of anybody."""
NEVER_READ: Final = frozenset({"UNKNOWN_MESSAGE", "SMS_NEWS_UNREADABLE"})
"""Exceptions about such messages. They outlive the message."""

_SHOWN: Final = (
    "delivery_id", "order_ref", "marketplace", "account", "received_at", "event_type", "verdict", "findings",
)  # fmt: skip


def of_order(store: Store, order_ref: str) -> list[tuple[Key, Item]]:
    """All that is kept of an order, oldest first. Raises Rejected for what is no order's key.

    News of several items in one message is kept with one of them.
    """
    order = _order(order_ref)
    key = tables.order(order_ref)
    stored = store.read([key]).get(key)
    lines = line_ids(stored, knowledge(stored)) if stored else []
    partitions = [order_ref]
    partitions += [tables.item_delivery(order.marketplace, order.account, line_id, "").pk for line_id in lines]
    found = [(key_of(name, kept), kept) for name in partitions for kept in pages(store, Table.DELIVERIES, name)]
    return sorted(found, key=lambda entry: (entry[1].get("received_at", ""), entry[0]))


def line_ids(stored: Item, known: Iterable[Fact]) -> list[str]:
    """Every line that anything was ever said of, also one whose announcement is void."""
    found = {line_id for fact in known if (line_id := getattr(fact, "line_id", None)) is not None}
    found |= {name.split(" ")[0] for name in stored["applied"]}
    found |= {effect["line_id"] for effect in stored["owed"].values() if effect.get("line_id")}
    return sorted(found)


def key_of(partition: str, kept: Item) -> Key:
    """Where a delivery stands in a partition of orders or items."""
    if kept["verdict"] == "RESOLVED":
        return Key(Table.DELIVERIES, partition, kept["delivery_id"])
    if "marketplace" not in kept:
        return tables.act(partition, kept["delivery_id"])
    return Key(Table.DELIVERIES, partition, kept["delivery_id"])


def shown(kept: Item) -> Item:
    """What a person sees of a delivery. Its body stays where it is."""
    seen = {name: kept.get(name) for name in _SHOWN} | {"findings": kept.get("findings", [])}
    if kept["verdict"] == "RESOLVED":
        seen |= {"event_type": "resolved"}
    if seen["marketplace"] is None and kept.get("order_ref"):
        order = Reference.of(kept["order_ref"])
        seen |= {"marketplace": order.marketplace, "account": order.account}
    return seen


def _order(order_ref: str) -> Reference:
    try:
        return Reference.of(order_ref)
    except ValueError:
        raise Rejected(f"order_ref: {order_ref} is not marketplace:account:id") from None
