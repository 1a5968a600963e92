"""What came in becomes order and stock, in one transaction.

A delivery is kept first, then its facts are added to what is known about the order, and what the
order now asks for is moved on the shelf. A crash between the two is healed by the same message: the
delivery is there, its facts are not yet known, so they are applied.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from hunar import tables
from hunar.domain import facts, worklist
from hunar.domain.facts import Fact, ReturnNoted, ReturnRequested, ReturnStep
from hunar.domain.identity import derived_id
from hunar.domain.reading import Finding, Reading
from hunar.messages import (
    Allocate,
    ListingMapped,
    Look,
    OperatorAct,
    OrderEvent,
    Replay,
    StockAct,
    WebhookDelivery,
)
from hunar.ports import ABSENT, Conflict, Put, Rejected, Retryable
from hunar.tables import Item, Key, Table
from hunar.use_cases.change_order import (
    Cause,
    Desk,
    OrderChange,
    Reference,
    change_order,
    item_pointer_put,
    listing_pointer_put,
)
from hunar.use_cases.count_stock import count
from hunar.use_cases.worklist import close_exception, opening

__all__ = ["Desk", "apply", "unknown_message"]

SERVED: Final = 20
"""Orders that one message serves; what is left is owed again by the stock item."""

MOST_FINDINGS: Final = 15
"""Exceptions that one delivery opens at most; the kept delivery names them all."""

KEPT_WHOLE: Final = timedelta(days=30)
"""How long a message is kept that nobody could redact, because nobody knows its fields."""


class Marketplace(Protocol):
    """What ``apply`` asks of a marketplace's module."""

    def read(self, raw: bytes, account: str) -> Reading: ...


Marketplaces = Mapping[str, Marketplace]


def apply(desk: Desk, message: OrderEvent, marketplaces: Marketplaces) -> str:
    """One message of the order-events queue. Returns the outcome for the log; raises Retryable."""
    try:
        match message:
            case WebhookDelivery():
                return _delivery(desk, message, marketplaces)
            case StockAct():
                outcome: str = desk.again(lambda: count(desk.store, message, now=desk.now))
                return outcome
            case ListingMapped():
                return _listing_mapped(desk, message)
            case Allocate():
                return _allocate(desk, message)
            case OperatorAct():
                return _act(desk, message)
            case Look():
                changed = change_order(desk, Reference.of(message.order_ref), Cause("look", look=True))
                return "changed" if changed else "unchanged"
            case Replay():
                return _replay(desk, message, marketplaces)
    except Rejected as error:
        return unknown_message(desk, message.model_dump_json(), str(error))


def unknown_message(desk: Desk, body: str, reason: str) -> str:
    """Keep a queue message that cannot be understood, and show it."""
    identity = derived_id("message", body)
    key = tables.unread_delivery("queue", "order-events", identity)
    message = f"{reason} (delivery {identity})"
    opened = worklist.opened("UNKNOWN_MESSAGE", (identity,), at=desk.now, message=message, delivery_id=identity)
    kept = {
        "delivery_id": identity,
        "received_at": desk.now,
        "verdict": "UNKNOWN_MESSAGE",
        "body": body,
        "expires_at": _expiry(desk.now),
    }
    try:
        desk.store.commit(
            [
                Put(key, kept, ABSENT),
                Put(tables.exception(opened["exception_id"]), opened),
            ]
        )
    except Conflict:
        # Another transaction may have been under way over the exception: then nothing was kept.
        if key not in desk.store.read([key]):
            raise Retryable("the message met another transaction") from None
        return "duplicate"
    return "unknown_message"


def _delivery(desk: Desk, message: WebhookDelivery, marketplaces: Marketplaces) -> str:
    marketplace = marketplaces.get(message.marketplace)
    if marketplace is None:
        raise Rejected(f"marketplace: {message.marketplace} is not known")
    try:
        raw = base64.b64decode(message.body_b64, validate=True)
    except ValueError:
        raise Rejected("body_b64: not base64") from None
    reading = marketplace.read(raw, message.account)
    kept = _keep(desk, message, reading, _home(message, reading))
    if not reading.facts:
        return reading.verdict.lower()
    changed = know(desk, message.marketplace, message.account, reading, message.delivery_id)
    return "new" if kept else "repaired" if changed else "duplicate"


def _home(message: WebhookDelivery, reading: Reading) -> Key:
    """Where the delivery is kept: with its order, else with the item that it names, else with what was not read."""
    whose = (message.marketplace, message.account)
    if reading.marketplace_id is not None:
        return tables.delivery(str(Reference(*whose, reading.marketplace_id)), message.delivery_id)
    items = sorted(fact.line_id for fact in reading.facts if isinstance(fact, facts.OfReturn))
    if items:
        return tables.item_delivery(*whose, items[0], message.delivery_id)
    return tables.unread_delivery(*whose, message.delivery_id)


def know(desk: Desk, marketplace: str, account: str, reading: Reading, name: str) -> bool:
    """Add the facts to the orders that they are about. False when all knew them.

    A return's later news name the marketplace's item and no order: they are kept in the item's pointer
    and go to every order that the item leads to, now or later.
    """
    if reading.marketplace_id is not None:
        order = Reference(marketplace, account, reading.marketplace_id)
        return change_order(desk, order, Cause(name, frozenset(reading.facts)))
    orders: dict[str, set[Fact]] = defaultdict(set)
    items: dict[str, set[Fact]] = defaultdict(set)
    for fact in reading.facts:
        if isinstance(fact, ReturnRequested) and fact.shipment_id:
            orders[str(Reference(marketplace, account, fact.shipment_id))].add(fact)
        elif isinstance(fact, ReturnRequested | ReturnStep | ReturnNoted):
            items[fact.line_id].add(fact)
    waits = False
    for line_id, said in sorted(items.items()):
        found, is_new = desk.again(partial(_say, desk, marketplace, account, line_id, said))
        waits = waits or (is_new and not found)
        for order_ref in found:
            orders[order_ref] |= said
    changed = [
        change_order(desk, Reference.of(order_ref), Cause(name, frozenset(known)))
        for order_ref, known in sorted(orders.items())
    ]
    return waits or any(changed)


def _say(desk: Desk, marketplace: str, account: str, line_id: str, said: Iterable[Fact]) -> tuple[list[str], bool]:
    """Keep what is said of an item in its pointer. Returns the orders it leads to, and whether it was new."""
    key = tables.item_pointer(marketplace, account, line_id)
    pointer = desk.store.read([key]).get(key)
    orders: list[str] = pointer["orders"] if pointer else []
    before: list[str] = pointer["facts"] if pointer else []
    after = sorted({*before, *map(facts.to_text, said)})
    if after == before:
        return orders, False
    puts = [item_pointer_put(key, orders, after, pointer)]
    if not orders and not before:
        opened = worklist.opened(
            "WAITING_FACT",
            (marketplace, account, line_id),
            at=desk.now,
            message=f"news of a return of {marketplace}'s item {line_id}, which no order here has",
            line_id=line_id,
        )
        puts.append(Put(tables.exception(opened["exception_id"]), opened))
    desk.store.commit(puts)
    return orders, True


def _listing_mapped(desk: Desk, message: ListingMapped) -> str:
    """Orders that wait for the listing go on.

    The pointer's version rises first: an order that is being parked at this moment was decided
    without the mapping, and its transaction now fails and is decided again.
    """
    whose = (message.marketplace, message.account, message.listing)
    key = tables.listing_pointer(*whose)

    def bump() -> list[str]:
        pointer = desk.store.read([key]).get(key)
        waiting: list[str] = pointer["waiting"] if pointer else []
        wanting: list[str] = pointer.get("wanting", waiting) if pointer else []
        desk.store.commit([listing_pointer_put(*whose, waiting, wanting, pointer, now=desk.now)])
        return waiting

    waiting = desk.again(bump)
    for text in waiting:
        change_order(desk, Reference.of(text), Cause("mapped", mapped=message.listing))
    left = desk.store.read([key])[key]["waiting"]
    if not left:
        desk.again(lambda: close_exception(desk.store, "UNKNOWN_LISTING", whose, at=desk.now))
    return f"{len(waiting) - len(left)} orders went on"


def _allocate(desk: Desk, message: Allocate) -> str:
    """Give free units to the lines that wait for them, the oldest sale first, one order per transaction."""
    served = 0
    while served < SERVED and desk.again(partial(_serve_oldest, desk, message.sku)):
        served += 1
    return f"{served} orders served"


def _serve_oldest(desk: Desk, sku: str) -> bool:
    """Give the oldest line that waits what there is. False when nobody waits or nothing is free.

    The shelf is read before its queue: whoever joins or leaves the queue after that changes the shelf too, so
    that this transaction fails and the oldest is looked up again.
    """
    shelf = desk.store.read([tables.stock(sku)])
    oldest = desk.store.page(Table.STOCK, sku, prefix=tables.SHORT_LINES, limit=1).items
    if not oldest:
        return False
    order = Reference.of(oldest[0]["order_ref"])
    change = OrderChange(desk, order, Cause("allocate", serve=sku), shelf)
    if change.take():
        change_order(desk, order, Cause("allocate"))
    return change.changed


def _act(desk: Desk, message: OperatorAct) -> str:
    """What a person states about an order is kept like any delivery, and is one more fact."""
    try:
        order = Reference.of(message.order_ref)
        fact = facts.from_text(message.fact)
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected(f"fact: {type(error).__name__}: cannot be read") from None
    if not isinstance(fact, facts.Act):
        raise Rejected(f"fact: {fact.FACT} is not for a person to state")
    fact = desk.again(partial(_keep_act, desk, message, fact))
    return "new" if change_order(desk, order, Cause(f"act {message.act_id}", frozenset({fact}))) else "duplicate"


def _keep_act(desk: Desk, message: OperatorAct, fact: facts.Act) -> facts.Act:
    """Keep the act under its id. An act that is repeated is the one that was kept, whatever the time on it."""
    order_key, key = tables.order(message.order_ref), tables.act(message.order_ref, message.act_id)
    found = desk.store.read([order_key, key])
    if order_key not in found:
        raise Rejected(f"order_ref: there is no order {message.order_ref}")
    if key in found:
        [earlier] = map(facts.from_text, found[key]["facts"])
        if not isinstance(earlier, facts.Act) or not facts.same_act(earlier, fact):
            raise Rejected(f"act_id: {message.act_id} was kept before and said something else")
        return earlier
    kept: Item = {
        "delivery_id": message.act_id,
        "order_ref": message.order_ref,
        "received_at": desk.now,
        "event_type": fact.FACT,
        "verdict": "APPLIED",
        "facts": [facts.to_text(fact)],
        "findings": [],
    }
    desk.store.commit([Put(key, kept, ABSENT)])
    return fact


def _replay(desk: Desk, message: Replay, marketplaces: Marketplaces) -> str:
    """Read a kept delivery again, as it would be read today, and apply it: stock follows, nothing is sent twice.

    What an earlier reading understood stays known; what today's reading cannot use any more it does not lose.
    """
    key = Key(Table.DELIVERIES, message.pk, message.sk)
    kept = desk.store.read([key]).get(key)
    if kept is None:
        raise Rejected("sk: the kept delivery is gone")
    if kept.get("act"):
        outcome: str = desk.again(lambda: count(desk.store, stock_act_of(kept), now=desk.now))
        return outcome
    reading = reading_of(kept, marketplaces)
    if reading is None:
        return "no_delivery"
    if "marketplace" in kept:
        _keep_again(desk, key, kept, reading)
    if not reading.facts:
        return reading.verdict.lower()
    marketplace, account = kept.get("marketplace"), kept.get("account")
    if marketplace is None or account is None:
        order = Reference.of(message.pk)
        changed = change_order(desk, order, Cause("replay", frozenset(reading.facts)))
    else:
        changed = know(desk, marketplace, account, reading, kept["delivery_id"])
    return "repaired" if changed else "duplicate"


def reading_of(kept: Item, marketplaces: Marketplaces) -> Reading | None:
    """A kept delivery as it is read today, with all that was understood of it before. None when it is no delivery."""
    said = tuple(facts.from_text(text) for text in kept.get("facts", ()))
    if kept["verdict"] in ("RESOLVED", "APPLIED") and "marketplace" not in kept:
        order = Reference.of(kept["order_ref"])
        return Reading(order.marketplace_id, kept.get("event_type"), kept["verdict"], said)
    marketplace = marketplaces.get(kept.get("marketplace", ""))
    if marketplace is None:
        return None
    raw = kept["body"].encode() if "body" in kept else base64.b64decode(kept["body_b64"])
    now = marketplace.read(raw, kept["account"])
    both = (*now.facts, *(fact for fact in said if fact not in now.facts))
    named = now.marketplace_id
    if named is None and kept.get("order_ref"):
        named = Reference.of(kept["order_ref"]).marketplace_id
    return Reading(named, now.event_type, now.verdict, both, now.findings, now.redacted)


def stock_act_of(kept: Item) -> StockAct:
    """The act that a kept delivery of a shelf is."""
    return StockAct(**{name: value for name, value in kept.items() if name in StockAct.model_fields})


def _keep_again(desk: Desk, key: Key, kept: Item, reading: Reading) -> None:
    """What was read anew stands beside the kept body; exceptions whose cause is gone close.

    A message that nobody could redact and that is read now is redacted now, and stays: its facts stand on it.
    """
    findings = [asdict(finding) for finding in reading.findings]
    settled = kept.get("settled", []) + [finding for finding in kept["findings"] if finding not in findings]
    after = kept | {
        "verdict": reading.verdict,
        "event_type": reading.event_type,
        "facts": [facts.to_text(fact) for fact in reading.facts],
        "findings": findings,
    }
    if settled:
        # Their exceptions are closed; whoever explains the order finds them by these.
        after["settled"] = settled
    if reading.redacted is not None:
        after["body"] = reading.redacted
        after = {name: value for name, value in after.items() if name not in ("body_b64", "expires_at")}
    for finding in kept["findings"]:
        if finding not in findings:
            cause = (kept["delivery_id"], finding["field"])
            desk.again(partial(close_exception, desk.store, finding["kind"], cause, at=desk.now))
    order = (
        str(Reference(kept["marketplace"], kept["account"], reading.marketplace_id)) if reading.marketplace_id else None
    )
    for found in reading.findings[:MOST_FINDINGS]:
        if asdict(found) not in kept["findings"]:
            opened = _finding(key, found, order, at=desk.now)
            desk.again(partial(_open_again, desk, opened))
    # Last: whoever dies before it finds the same work again.
    if after != kept:
        desk.store.commit([Put(key, after)])


def _open_again(desk: Desk, opened: Item) -> None:
    key = tables.exception(opened["exception_id"])
    desk.store.commit(opening(opened, desk.store.read([key]).get(key)))


def _keep(desk: Desk, message: WebhookDelivery, reading: Reading, key: Key) -> bool:
    """Keep the delivery with its verdict, and open its exceptions. False when it was kept before."""
    order = None if reading.marketplace_id is None else key.pk
    kept: Item = {
        "delivery_id": message.delivery_id,
        "order_ref": order,
        "marketplace": message.marketplace,
        "account": message.account,
        "received_at": message.received_at,
        "event_type": reading.event_type,
        "verdict": reading.verdict,
        "facts": [facts.to_text(fact) for fact in reading.facts],
        "findings": [asdict(finding) for finding in reading.findings],
    }
    if reading.redacted is not None:
        kept["body"] = reading.redacted
    else:
        kept |= {"body_b64": message.body_b64, "expires_at": _expiry(message.received_at)}
    puts = [Put(key, kept, ABSENT)]
    for finding in reading.findings[:MOST_FINDINGS]:
        opened = _finding(key, finding, order, at=desk.now)
        puts.append(Put(tables.exception(opened["exception_id"]), opened))
    try:
        desk.store.commit(puts)
    except Conflict:
        # A single put conflicts only with the same delivery; a transaction also with its exceptions.
        if len(puts) > 1 and key not in desk.store.read([key]):
            raise Retryable("the delivery met another transaction") from None
        return False
    return True


def _finding(kept: Key, finding: Finding, order: str | None, *, at: str) -> Item:
    """The exception about a delivery; the delivery's id is its sort key."""
    return worklist.opened(
        finding.kind,
        (kept.sk, finding.field),
        at=at,
        message=f"{finding.field}: {finding.message} (delivery {kept.sk})",
        order_ref=order,
        delivery_id=kept.sk,
        delivery_pk=kept.pk,
    )


def _expiry(text: str) -> int:
    """Epoch seconds after which DynamoDB drops the item."""
    return int((facts.moment(text) + KEPT_WHOLE).timestamp())
