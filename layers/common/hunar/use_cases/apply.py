"""What came in becomes order and stock, in one transaction.

A delivery is kept first, then its facts are added to what is known about the order, and what the
order now asks for is moved on the shelf. A crash between the two is healed by the same message: the
delivery is there, its facts are not yet known, so they are applied.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from hunar import tables
from hunar.domain import effects, facts, worklist
from hunar.domain.demand import Demand, demand
from hunar.domain.facts import Fact, Placed, Resolved
from hunar.domain.identity import derived_id, order_ref
from hunar.domain.order import ENDED, Line, Order, knowledge, knowledge_text, read
from hunar.domain.reading import Finding, Reading
from hunar.domain.stock import Applied, Stock, adjusted, applied_to, owes_allocation
from hunar.messages import AdjustStock, Allocate, ListingMapped, WebhookDelivery
from hunar.ports import ABSENT, ANY, Conflict, Put, Retryable, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases.worklist import close_exception

SLICE: Final = 16
"""Lines that one transaction resolves (two items each) and lines that it moves (three), at most."""
SHOWN: Final = 15
"""Exceptions that one transaction opens or closes at most. With the order itself that is 96 items;
DynamoDB takes 100."""
SERVED: Final = 20
"""Orders that one message serves; what is left is owed again by the stock item."""

KEPT_WHOLE: Final = timedelta(days=30)
"""How long a message is kept that nobody could redact, because nobody knows its fields."""


class Marketplace(Protocol):
    """What ``apply`` asks of a marketplace's module."""

    def read(self, raw: bytes, account: str) -> Reading: ...


@dataclass(frozen=True)
class Desk:
    """What every act below needs: the store, the time, and a way to decide again after a conflict."""

    store: Store
    now: str
    again: Callable[[Callable[[], Any]], Any]
    """Calls the action again while it raises Conflict; raises Retryable when that does not help."""


@dataclass(frozen=True)
class Reference:
    """Whose order it is. The text of it is ``order_ref``."""

    marketplace: str
    account: str
    marketplace_id: str

    def __str__(self) -> str:
        return order_ref(self.marketplace, self.account, self.marketplace_id)

    @classmethod
    def of(cls, text: str) -> Reference:
        return cls(*text.split(":", 2))


def delivery(desk: Desk, message: WebhookDelivery, marketplaces: Mapping[str, Marketplace]) -> str:
    """Keep a webhook and apply what it says. Returns the outcome for the log; raises Retryable."""
    marketplace = marketplaces.get(message.marketplace)
    if marketplace is None:
        return unknown_message(desk, message.model_dump_json(), f"marketplace: {message.marketplace} is not known")
    try:
        raw = base64.b64decode(message.body_b64, validate=True)
    except ValueError:
        return unknown_message(desk, message.model_dump_json(), "body_b64: not base64")
    reading = marketplace.read(raw, message.account)
    if reading.marketplace_id is None:
        _keep(desk, message, reading, tables.unread_delivery(message.marketplace, message.account, message.delivery_id))
        return reading.verdict.lower()
    order = Reference(message.marketplace, message.account, reading.marketplace_id)
    kept = _keep(desk, message, reading, tables.delivery(str(order), message.delivery_id), str(order))
    if not reading.facts:
        return reading.verdict.lower()
    changed = desk.again(lambda: _add(desk, order, frozenset(reading.facts)))
    return "new" if kept else "repaired" if changed else "duplicate"


def listing_mapped(desk: Desk, message: ListingMapped) -> str:
    """Orders that wait for the listing go on. Returns the outcome for the log; raises Retryable.

    The pointer's version rises first: an order that is being parked at this moment was decided
    without the mapping, and its transaction now fails and is decided again.
    """
    key = tables.listing_pointer(message.marketplace, message.account, message.listing)

    def bump() -> list[str]:
        pointer = desk.store.read([key]).get(key)
        waiting: list[str] = pointer["waiting"] if pointer else []
        desk.store.commit([_pointer_put(key, message.listing, waiting, pointer)])
        return waiting

    waiting = desk.again(bump)
    for text in waiting:
        desk.again(partial(_add, desk, Reference.of(text), frozenset(), message.listing))
    left = desk.store.read([key])[key]["waiting"]
    if not left:
        cause = (message.marketplace, message.account, message.listing)
        desk.again(lambda: close_exception(desk.store, "UNKNOWN_LISTING", cause, at=desk.now))
    return f"{len(waiting) - len(left)} orders went on"


def adjust(desk: Desk, message: AdjustStock) -> str:
    """Count units in or out, once per act. Returns the outcome for the log; raises Retryable."""
    outcome: str = desk.again(lambda: _adjust(desk, message))
    return outcome


def allocate(desk: Desk, message: Allocate) -> str:
    """Give free units to the lines that wait for them, the oldest sale first, one order per transaction.

    Returns the outcome for the log; raises Retryable.
    """
    served = 0
    for _ in range(SERVED):
        oldest = desk.store.page(Table.STOCK, message.sku, prefix=tables.SHORT_LINES, limit=1).items
        if not oldest:
            break
        order = Reference.of(oldest[0]["order_ref"])
        if not desk.again(partial(_add, desk, order, frozenset(), serve=message.sku)):
            break
        served += 1
    return f"{served} orders served"


def unknown_message(desk: Desk, body: str, reason: str) -> str:
    """Keep a queue message that cannot be understood, and show it."""
    identity = derived_id("message", body)
    key = tables.unread_delivery("queue", "order-events", identity)
    message = f"{reason} (delivery {identity})"
    opened = worklist.opened("UNKNOWN_MESSAGE", (identity,), at=desk.now, message=message)
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


def _keep(desk: Desk, message: WebhookDelivery, reading: Reading, key: Key, order: str | None = None) -> bool:
    """Keep the delivery with its verdict, and open its exceptions. False when it was kept before."""
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
    puts += [_finding_put(desk, message, finding, order) for finding in reading.findings[:SLICE]]
    try:
        desk.store.commit(puts)
    except Conflict:
        # A single put conflicts only with the same delivery; a transaction also with its exceptions.
        if len(puts) > 1 and key not in desk.store.read([key]):
            raise Retryable("the delivery met another transaction") from None
        return False
    return True


def _finding_put(desk: Desk, message: WebhookDelivery, finding: Finding, order: str | None) -> Put:
    opened = worklist.opened(
        finding.kind,
        (message.delivery_id, finding.field),
        at=desk.now,
        message=f"{finding.field}: {finding.message} (delivery {message.delivery_id})",
        order_ref=order,
    )
    return Put(tables.exception(opened["exception_id"]), opened)


def _expiry(text: str) -> int:
    """Epoch seconds after which DynamoDB drops the item."""
    return int((facts.moment(text) + KEPT_WHOLE).timestamp())


def _add(
    desk: Desk, reference: Reference, new: frozenset[Fact], mapped: str | None = None, serve: str | None = None
) -> bool:
    """Add facts to an order until all its lines are resolved and moved. False when nothing changed.

    ``mapped`` is a listing that the registry now knows, ``serve`` a SKU of which the order may have free units.
    """
    changed = False
    while True:
        step = _Step(desk, reference, new, mapped, serve)
        more = step.take()
        changed = changed or step.changed
        if not more:
            return changed


class _Step:
    """One reading, one decision, one transaction about one order."""

    def __init__(
        self, desk: Desk, reference: Reference, new: frozenset[Fact], mapped: str | None, serve: str | None
    ) -> None:
        self._desk = desk
        self._order = reference
        self._new = new
        self._mapped = mapped
        self._serve = serve
        self._found: dict[Key, Item] = {}
        self._puts: list[Put] = []
        self.changed = False

    def take(self) -> bool:
        """True when the order has more lines to move. Raises Conflict, then nothing was written."""
        key = tables.order(str(self._order))
        self._read([key, *self._listing_keys(self._asked())])
        before = self._found.get(key)
        old = knowledge(before) if before else frozenset()
        known = old | self._new
        woken = self._mapped is not None or self._serve is not None
        if before and known == old and not before["unfinished"] and not woken:
            return False
        waiting: dict[str, str] = dict(before["waiting"]) if before else {}
        resolved, unresolved = self._resolve(read(known), waiting)
        known |= resolved
        order = read(known)
        taken = {line_id: Applied(**line) for line_id, line in before["applied"].items()} if before else {}
        applied, unmoved = self._move(order, taken)
        raised, unraised = self._worklist(order, applied, before["raised"] if before else {})
        unfinished = unresolved or unmoved or unraised
        owed: dict[str, Any] = before["owed"] if before else {}
        # Half an order would tell the group half the truth: texts wait for the last slice.
        added = {} if unfinished else effects.new_effects(str(self._order), order, owed)
        item: Item = {
            "order_ref": str(self._order),
            "marketplace": self._order.marketplace,
            "account": self._order.account,
            "knowledge": knowledge_text(known),
            "applied": {line_id: asdict(line) for line_id, line in applied.items()},
            "owed": owed | {effect_id: _remembered(effect) for effect_id, effect in added.items()},
            "effects": [{"effect_id": effect_id, **effect} for effect_id, effect in added.items()],
            "raised": raised,
            "waiting": waiting,
            "unfinished": unfinished,
            "version": before["version"] + 1 if before else 1,
            "board_pk": "ENDED" if order.state in ENDED else "OPEN",
            "board_sk": f"{order.ship_by or '9999'}#{self._order}",
        }
        if added:
            # The stream's filter can only ask whether a text is there.
            item["outbox"] = "effects"
        self._puts.insert(0, Put(key, item, before["version"] if before else ABSENT))
        if before is None or len(self._puts) > 1 or _content(item) != _content(before):
            self._desk.store.commit(self._puts)
            self.changed = True
        return unfinished

    def _read(self, keys: Iterable[Key]) -> None:
        self._found |= self._desk.store.read(keys)

    def _asked(self) -> set[str]:
        """Listings that are read together with the order."""
        placed = {fact.listing for fact in self._new if isinstance(fact, Placed)}
        return placed | {self._mapped} if self._mapped else placed

    def _listing_keys(self, listings: Iterable[str]) -> list[Key]:
        marketplace, account = self._order.marketplace, self._order.account
        return [
            key
            for listing in sorted(listings)
            for key in (
                tables.listing_pointer(marketplace, account, listing),
                tables.listing(marketplace, account, listing),
            )
        ]

    def _resolve(self, order: Order, waiting: dict[str, str]) -> tuple[frozenset[Fact], bool]:
        """Take each line's product and terms from the registry, once; park what has no mapping yet.

        Returns the new facts and whether lines are left for the next transaction. ``waiting`` (line
        to listing) is brought up to date.
        """
        marketplace, account = self._order.marketplace, self._order.account
        # A mapping that was announced and is not there wakes nobody: the same lines would be looked at for ever.
        there = self._mapped and tables.listing(marketplace, account, self._mapped) in self._found
        awake = self._mapped if there else None
        lines = [
            line
            for line in order.lines
            if line.resolved is None and (waiting.get(line.line_id) != line.listing or line.listing == awake)
        ]
        lines, rest = lines[:SLICE], lines[SLICE:]
        names = {line.listing for line in lines}
        # A line that was announced again under another listing waits no more for the first one.
        names |= {waiting[line.line_id] for line in lines if line.line_id in waiting}
        pointers = {name: tables.listing_pointer(marketplace, account, name) for name in names}
        listings = {name: tables.listing(marketplace, account, name) for name in names}
        if unasked := names - self._asked():
            self._read(self._listing_keys(unasked))
        if unmapped := [name for name in names if listings[name] not in self._found]:
            # The pointer was read first, the listing is read again now. If a mapping is written after
            # this moment, the pointer's version rises after it too, and our transaction fails.
            self._read([listings[name] for name in unmapped])
        found = set()
        for line in lines:
            if listing := self._found.get(listings[line.listing]):
                found.add(_resolution(line, listing))
                waiting.pop(line.line_id, None)
            else:
                waiting[line.line_id] = line.listing
        for name in sorted(names):
            self._point(pointers[name], name, name in waiting.values())
        for fact in sorted(found, key=facts.to_text):
            kept: Item = {"order_ref": str(self._order), "verdict": "RESOLVED", "received_at": self._desk.now}
            kept |= {"line_id": fact.line_id, "facts": [facts.to_text(fact)]}
            self._puts.append(Put(tables.resolution(str(self._order), fact.line_id), kept, ANY))
        return frozenset(found), bool(rest)

    def _point(self, key: Key, listing: str, waits: bool) -> None:
        pointer = self._found.get(key)
        before: list[str] = pointer["waiting"] if pointer else []
        after = sorted({*before, str(self._order)} if waits else {*before} - {str(self._order)})
        if after == before:
            return
        self._puts.append(_pointer_put(key, listing, after, pointer))
        if not before:
            opened = worklist.opened(
                "UNKNOWN_LISTING",
                (self._order.marketplace, self._order.account, listing),
                at=self._desk.now,
                message=f"{self._order.marketplace} sells {listing}, which belongs to no group here",
                order_ref=str(self._order),
                listing=listing,
            )
            self._puts.append(Put(tables.exception(opened["exception_id"]), opened))

    def _move(self, order: Order, taken: Mapping[str, Applied]) -> tuple[dict[str, Applied], bool]:
        """Meet the demand on the shelf. Returns what each line has, and whether lines are left."""
        wants = demand(order)
        # Every line of a known product stands in the order, also one that never moved anything.
        taken = {line_id: taken.get(line_id, Applied(want.sku)) for line_id, want in wants.items()}
        wanted = {
            line_id: want
            for line_id, want in wants.items()
            if not _met(taken[line_id], want) or (want.sku == self._serve and taken[line_id].short)
        }
        now = dict(sorted(wanted.items())[:SLICE])
        if not now:
            return taken, False
        keys = {want.sku: tables.stock(want.sku) for want in now.values()}
        self._read(keys.values())
        items = {sku: self._found.get(key) for sku, key in keys.items()}
        shelf = {want.sku: Stock(want.sku, want.group_id) for want in now.values()}
        shelf |= {sku: Stock.of(item) for sku, item in items.items() if item}
        after, applied = applied_to(shelf, taken, now, self._serve)
        sold_at = {line.line_id: line.sold_at for line in order.lines}
        for line_id in now:
            applied[line_id] = self._queue(line_id, taken[line_id], applied[line_id], sold_at[line_id])
        for sku, stock in sorted(after.items()):
            self._puts += stock_puts(self._desk, shelf[sku], stock, items[sku])
        return applied, len(wanted) > len(now)

    def _queue(self, line_id: str, before: Applied, after: Applied, sold_at: str) -> Applied:
        """Stand in the SKU's queue while units are missing, in the place that the line was given first."""
        since = before.since or sold_at
        if after.short == before.short:
            return after
        key = tables.short_line(after.sku, since, str(self._order), line_id)
        waits = {"sku": after.sku, "order_ref": str(self._order), "line_id": line_id, "short": after.short}
        self._puts.append(Put(key, waits if after.short else None))
        return replace(after, since=since if after.short else None)

    def _worklist(
        self, order: Order, applied: Mapping[str, Applied], raised: Mapping[str, str]
    ) -> tuple[dict[str, str], bool]:
        """The exceptions that this order has open after this transaction, and whether more are to come.

        The order remembers the id of each and a hash of what it says, so that a hundred lines in trouble
        still fit into one item.
        """
        wanted = worklist.of_order(str(self._order), order, applied, at=self._desk.now)
        says = {identity: derived_id(item["message"], item["sku"])[:8] for identity, item in wanted.items()}
        changed = [identity for identity in says if raised.get(identity) != says[identity]]
        changed += [identity for identity in raised if identity not in wanted]
        now = changed[:SHOWN]
        keys = {identity: tables.exception(identity) for identity in now}
        self._read(keys[identity] for identity in now if identity in raised)
        still = dict(raised)
        for identity, key in keys.items():
            there = self._found.get(key) if identity in raised else None
            if identity not in wanted:
                del still[identity]
                if there:
                    self._puts.append(Put(key, worklist.closed(there, at=self._desk.now)))
                continue
            item = wanted[identity]
            still[identity] = says[identity]
            said = {name: item[name] for name in ("message", "sku", "group_id")}
            self._puts.append(Put(key, there | said if there else item))
        return still, len(changed) > SHOWN


def _met(line: Applied, want: Demand) -> bool:
    return line.consumed == want.gone and line.reserved + line.short == want.hold


def _remembered(effect: Mapping[str, Any]) -> Item:
    """What later decisions need of an effect that was owed."""
    return {name: effect[name] for name in ("kind", "group_id", "line_id", "units", "revision", "n") if name in effect}


def _content(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("version", "effects", "outbox")}


def _resolution(line: Line, listing: Item) -> Resolved:
    """The terms at the time of sale. The first mapping and policy hold for all earlier sales."""
    dated: list[Item] = listing["resolutions"]
    held = [terms for terms in dated if terms["from"] <= line.sold_at] or dated[:1]
    return Resolved(line_id=line.line_id, **{name: value for name, value in held[-1].items() if name != "from"})


def _pointer_put(key: Key, listing: str, waiting: list[str], before: Item | None) -> Put:
    version = before["version"] if before else 0
    return Put(key, {"listing": listing, "waiting": waiting, "version": version + 1}, version or ABSENT)


def stock_puts(desk: Desk, before: Stock, after: Stock, item: Item | None) -> list[Put]:
    """The writes that turn one SKU's counters into others, with the exception that they open or close."""
    if after == before and item:
        return []
    version = item["version"] if item else 0
    content: Item = after.content() | {"version": version + 1}
    if owes_allocation(after):
        effect_id = derived_id(effects.ALLOCATE, after.sku, version + 1)
        content |= {"outbox": "effects", "effects": [{"effect_id": effect_id, "kind": effects.ALLOCATE}]}
    puts = [Put(tables.stock(after.sku), content, version or ABSENT)]
    if before.uncounted == after.uncounted:
        return puts
    key = tables.exception(worklist.exception_id("UNCOUNTED", after.sku))
    there = desk.store.read([key]).get(key) if before.uncounted else None
    if after.uncounted:
        message = f"{after.uncounted} {after.sku} left the shelf though none were counted there"
        group_id = after.group_id
        opened = worklist.opened(
            "UNCOUNTED", (after.sku,), at=desk.now, message=message, sku=after.sku, group_id=group_id
        )
        return [*puts, Put(key, there | {"message": message} if there else opened)]
    if there:
        puts.append(Put(key, worklist.closed(there, at=desk.now)))
    return puts


def _adjust(desk: Desk, message: AdjustStock) -> str:
    stock, act = tables.stock(message.sku), tables.adjustment(message.sku, message.act_id)
    product = tables.product(message.sku)
    found = desk.store.read([stock, act, product])
    if act in found:
        return "duplicate"
    if product not in found:
        return unknown_message(desk, message.model_dump_json(), f"sku: {message.sku} is not in the registry")
    item = found.get(stock)
    before = Stock.of(item) if item else Stock(message.sku, found[product]["group_id"])
    after = adjusted(before, message.quantity)
    kept = {"act_id": message.act_id, "sku": message.sku, "quantity": message.quantity, "at": message.at}
    desk.store.commit(
        [
            *stock_puts(desk, before, after, item),
            Put(act, kept, ABSENT),
            Put(tables.stock_delivery(message.sku, message.act_id), kept | {"verdict": "APPLIED"}, ANY),
        ]
    )
    return "new"
