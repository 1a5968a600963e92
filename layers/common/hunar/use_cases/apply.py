"""What came in becomes order and stock, in one transaction.

A delivery is kept first, then its facts are added to what is known about the order, and what the
order now asks for is moved on the shelf. A crash between the two is healed by the same message: the
delivery is there, its facts are not yet known, so they are applied.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final, Protocol, cast

from hunar import tables
from hunar.domain import claims, facts, worklist
from hunar.domain.facts import Fact, ReturnNoted, ReturnRequested, ReturnStep
from hunar.domain.identity import delivery_id
from hunar.domain.reading import Finding, Reading
from hunar.messages import (
    Allocate,
    ApiAnswer,
    Delivery,
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
from hunar.use_cases.paging import pages
from hunar.use_cases.unknown import expiry, keep_unknown
from hunar.use_cases.worklist import close_exception, opening

__all__ = ["Desk", "apply", "notification", "unknown_message"]

SERVED: Final = 20
"""Orders that one message serves; what is left is owed again by the stock item."""

MOST_FINDINGS: Final = 15
"""Exceptions that one delivery opens at most; the kept delivery names them all."""


ANSWER: Final = "answer"
"""The door of what a marketplace's API answered. A kept delivery without a door was sent to us."""
OTHER_SELLER: Final = "OTHER_SELLER"


class Sender(Protocol):
    """Who a message on our queue says that it is for. Texts are empty when they are not said."""

    @property
    def seller_id(self) -> str: ...
    @property
    def application_id(self) -> str: ...
    @property
    def subscription_id(self) -> str: ...


class Marketplace(Protocol):
    """What ``apply`` asks of a marketplace's module."""

    BODY_SIGNED: bool
    """Whether the sender's proof covers the body. Else what it says is a claim, if anybody can be asked."""

    def read(self, raw: bytes, account: str) -> Reading: ...

    def read_answer(self, raw: bytes, account: str) -> Reading: ...


class Notifier(Marketplace, Protocol):
    """A marketplace that puts its messages on a queue of ours."""

    def seller(self, raw: bytes) -> Sender | None: ...


Marketplaces = Mapping[str, Marketplace]


def apply(desk: Desk, message: OrderEvent, marketplaces: Marketplaces) -> str:
    """One message of the order-events queue. Returns the outcome for the log; raises Retryable."""
    try:
        match message:
            case WebhookDelivery() | ApiAnswer():
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


def unknown_message(desk: Desk, body: str, reason: str, *, queue: str = "order-events") -> str:
    """Keep a queue message that cannot be understood, and show it."""
    return keep_unknown(desk.store, queue, body, reason, at=desk.now)


def notification(desk: Desk, body: str, name: str, notifier: Notifier) -> str:
    """A message that the marketplace ``name`` put on our queue. Returns the outcome for the log; raises Retryable.

    Whoever may write to the queue is the marketplace, but not every message of it need be ours: the seller must be one
    of our accounts, and its application and subscription those that the account has, if it names them.
    """
    raw = body.encode("utf-8", "surrogatepass")
    sender = notifier.seller(raw)
    if sender is None:
        return unknown_message(desk, body, f"{name}: the message names no seller", queue=f"{name}-notifications")
    accounts = list(pages(desk.store, Table.REGISTRY, tables.account("", "").pk, prefix=f"{name}:"))
    ours = next((item for item in accounts if item.get("seller_id") == sender.seller_id), None)
    account = ours["account"] if ours else ""
    delivery = ApiAnswer(
        marketplace=name,
        account=account,
        delivery_id=delivery_id(name, account, raw),
        received_at=desk.now,
        body_b64=base64.b64encode(raw).decode(),
    )
    reading = notifier.read(raw, account)
    wrong = _not_ours(ours, sender)
    if wrong is None:
        return _apply(desk, delivery, reading)
    finding = Finding(OTHER_SELLER, *wrong)
    refused = Reading(None, reading.event_type, OTHER_SELLER, (), (finding,), reading.redacted)
    _keep(desk, delivery, refused, tables.unread_delivery(name, account, delivery.delivery_id))
    return OTHER_SELLER.lower()


def _not_ours(account: Item | None, sender: Sender) -> tuple[str, str] | None:
    """The field by which a message is not ours, and why."""
    if account is None:
        return "SellerId", f"{sender.seller_id} is the seller id of no account in accounts.csv"
    for field, name in (("ApplicationId", "application_id"), ("SubscriptionId", "subscription_id")):
        wanted = account.get(name)
        if wanted and getattr(sender, name) != wanted:
            return field, f"{getattr(sender, name)} is not the {name} of {account['account']} in accounts.csv"
    return None


def _delivery(desk: Desk, message: WebhookDelivery | ApiAnswer, marketplaces: Marketplaces) -> str:
    marketplace = marketplaces.get(message.marketplace)
    if marketplace is None:
        raise Rejected(f"marketplace: {message.marketplace} is not known")
    try:
        raw = base64.b64decode(message.body_b64, validate=True)
    except ValueError:
        raise Rejected("body_b64: not base64") from None
    if isinstance(message, ApiAnswer):
        return _apply(desk, message, _read_answer(marketplace, raw, message.account), door=ANSWER)
    reading = marketplace.read(raw, message.account)
    claimed = not marketplace.BODY_SIGNED and (message.marketplace, message.account) in desk.api_accounts
    return _apply(desk, message, _as_claims(reading) if claimed else reading, claimed=claimed)


def _read_answer(marketplace: Marketplace, raw: bytes, account: str) -> Reading:
    return claims.denials(raw) or marketplace.read_answer(raw, account)


def _as_claims(reading: Reading) -> Reading:
    return replace(reading, facts=tuple(map(facts.as_claim, reading.facts)))


def _apply(desk: Desk, message: Delivery, reading: Reading, **said: Any) -> str:
    """Keep the delivery, then add what it states. ``said`` is what its reading hangs on besides its body."""
    kept = _keep(desk, message, reading, _home(message, reading), **said)
    if not reading.facts:
        return reading.verdict.lower()
    changed = know(desk, message.marketplace, message.account, reading, message.delivery_id)
    return "new" if kept else "repaired" if changed else "duplicate"


def _home(message: Delivery, reading: Reading) -> Key:
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
    if kept["verdict"] == OTHER_SELLER:
        return _once_more(desk, kept, marketplaces)
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


def _once_more(desk: Desk, kept: Item, marketplaces: Marketplaces) -> str:
    """A message that was not ours, after accounts.csv was corrected."""
    name = kept["marketplace"]
    outcome = notification(desk, _raw_of(kept).decode("utf-8", "replace"), name, cast("Notifier", marketplaces[name]))
    if outcome != OTHER_SELLER.lower():
        for finding in kept["findings"]:
            cause = (kept["delivery_id"], finding["field"])
            desk.again(partial(close_exception, desk.store, finding["kind"], cause, at=desk.now))
    return outcome


def reading_of(kept: Item, marketplaces: Marketplaces) -> Reading | None:
    """A kept delivery as it is read today, with all that was understood of it before. None when it is no delivery."""
    said = tuple(facts.from_text(text) for text in kept.get("facts", ()))
    if kept["verdict"] in ("RESOLVED", "APPLIED") and "marketplace" not in kept:
        order = Reference.of(kept["order_ref"])
        return Reading(order.marketplace_id, kept.get("event_type"), kept["verdict"], said)
    marketplace = marketplaces.get(kept.get("marketplace", ""))
    if marketplace is None:
        return None
    raw = _raw_of(kept)
    if kept.get("door") == ANSWER:
        now = _read_answer(marketplace, raw, kept["account"])
    else:
        now = marketplace.read(raw, kept["account"])
        # What was a claim when it came stays one, and what was none never becomes one.
        now = _as_claims(now) if kept.get("claimed") else now
    both = (*now.facts, *(fact for fact in said if fact not in now.facts))
    named = now.marketplace_id
    if named is None and kept.get("order_ref"):
        named = Reference.of(kept["order_ref"]).marketplace_id
    return Reading(named, now.event_type, now.verdict, both, now.findings, now.redacted)


def _raw_of(kept: Item) -> bytes:
    return kept["body"].encode() if "body" in kept else base64.b64decode(kept["body_b64"])


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


def _keep(desk: Desk, message: Delivery, reading: Reading, key: Key, **said: Any) -> bool:
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
    kept |= {name: value for name, value in said.items() if value}
    if reading.redacted is not None:
        kept["body"] = reading.redacted
    else:
        kept |= {"body_b64": message.body_b64, "expires_at": expiry(message.received_at)}
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
