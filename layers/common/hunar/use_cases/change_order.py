"""One order and the shelves it stands on: one reading, one decision, one transaction.

``OrderChange.take`` adds facts to what is known, takes from the registry what the order needs, moves
what it now asks for, and owes what follows. An order that asks for more than one transaction holds is
``unfinished`` and taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

from hunar import tables
from hunar.domain import effects, facts, worklist
from hunar.domain.demand import Demand, demand
from hunar.domain.due import next_look
from hunar.domain.facts import Fact, Placed, Remapped, Resolved, Voided
from hunar.domain.identity import derived_id, order_ref
from hunar.domain.order import ENDED, Order, knowledge, knowledge_text, read
from hunar.domain.stock import Applied, Stock, applied_to, moves
from hunar.ports import ABSENT, ANY, Put, Store
from hunar.tables import Item, Key
from hunar.use_cases.count_stock import stock_puts

SLICE: Final = 13
"""Lines that one transaction resolves (three items each) and lines that it moves (three), at most."""
SHOWN: Final = 15
"""Exceptions that one transaction opens or closes at most. With the order itself that is 94 items;
DynamoDB takes 100."""
MOVES: Final = 100
"""Moves of stock that an order remembers, the last ones: for a person who asks what happened."""


@dataclass(frozen=True)
class Desk:
    """What every act needs: the store, the time, and a way to decide again after a conflict."""

    store: Store
    now: str
    again: Callable[[Callable[[], Any]], Any]
    """Calls the action again while it raises Conflict; raises Retryable when that does not help."""
    api_accounts: frozenset[tuple[str, str]] = frozenset()
    """(marketplace, account) pairs whose marketplace can be asked, so that an unsigned body is only a claim."""


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
        """ValueError when it is no order's key."""
        marketplace, account, marketplace_id = text.split(":", 2)
        return cls(marketplace, account, marketplace_id)


@dataclass(frozen=True)
class Cause:
    """Why an order is looked at."""

    name: str
    """What its moves of stock say for the reason: a delivery, an act, ``allocate``, ``mapped`` or ``look``."""
    facts: frozenset[Fact] = frozenset()
    mapped: str | None = None
    """A listing that the registry now knows."""
    serve: str | None = None
    """A SKU of which the order may have free units: it has the oldest short line."""
    look: bool = False
    """Time has passed: what is due is decided."""

    @property
    def wakes(self) -> bool:
        """Whether there may be something to do though no fact is new."""
        return self.look or self.mapped is not None or self.serve is not None


def change_order(desk: Desk, reference: Reference, cause: Cause) -> bool:
    """Take the order as far as the cause leads. False when nothing changed; raises Retryable."""

    def step() -> tuple[bool, bool]:
        one = OrderChange(desk, reference, cause)
        return one.take(), one.changed

    changed = False
    while True:
        unfinished, wrote = desk.again(step)
        changed = changed or wrote
        if not unfinished:
            return changed


class Sold(NamedTuple):
    """A line under one of the listings under which it was announced. Most lines have but one."""

    line_id: str
    listing: str
    sold_at: str

    @property
    def name(self) -> str:
        """Under this name it waits. Ids have no spaces."""
        return f"{self.line_id} {self.listing}"


class OrderChange:
    """One reading, one decision, one transaction about one order.

    ``shelves`` are stock items that were read before and that the decision stands on.
    """

    def __init__(
        self, desk: Desk, reference: Reference, cause: Cause, shelves: Mapping[Key, Item] | None = None
    ) -> None:
        self._desk = desk
        self._order = reference
        self._cause = cause
        self._found: dict[Key, Item] = dict(shelves or {})
        self._asked: set[Key] = set()
        self._puts: list[Put] = []
        self.changed = False

    def take(self) -> bool:
        """True when the order has more lines to move. Raises Conflict, then nothing was written."""
        key = tables.order(str(self._order))
        self._read([key, *self._keys_of_placings()])
        before = self._found.get(key)
        old = knowledge(before) if before else frozenset()
        known = old | self._cause.facts
        if before and known == old and not before["unfinished"] and not self._cause.wakes:
            return False
        waiting: dict[str, str] = dict(before["waiting"]) if before else {}
        sold, unresolved = self._sold_to_resolve(known, waiting)
        led, unled = self._items_to_point(sold)
        known |= self._point_items(led)
        if sold or waiting:
            known |= self._resolve(read(known), sold, waiting)
        order = read(known)
        taken = {name: Applied(**line) for name, line in before["applied"].items()} if before else {}
        applied, unmoved = self._move(order, taken)
        raised, unraised = self._worklist(order, applied, before["raised"] if before else {})
        unfinished = unresolved or unled or unmoved or unraised
        owed: dict[str, Any] = before["owed"] if before else {}
        # Half an order would tell the group half the truth: texts wait for the last slice.
        added = {} if unfinished else self._new_effects(order, owed, applied)
        owed = owed | {identity: _remembered(effect, self._desk.now) for identity, effect in added.items()}
        item: Item = {
            "order_ref": str(self._order),
            "marketplace": self._order.marketplace,
            "account": self._order.account,
            "knowledge": knowledge_text(known),
            "applied": {name: asdict(line) for name, line in applied.items()},
            "moves": self._moves(before, taken, applied),
            "owed": owed,
            "effects": [{"effect_id": effect_id, **effect} for effect_id, effect in added.items()],
            "raised": raised,
            "waiting": waiting,
            "unfinished": unfinished,
            "version": before["version"] + 1 if before else 1,
            "board_pk": "ENDED" if order.state in ENDED else "OPEN",
            "board_sk": f"{order.ship_by or '9999'}#{self._order}",
        }
        look_at = next_look(order, owed, self._desk.now, stuck=self._stuck(raised), unfinished=unfinished)
        if look_at is not None:
            item |= tables.due(look_at, str(self._order))
        if added:
            # The stream's filter can only ask whether a text is there.
            item["outbox"] = "effects"
        self._puts.insert(0, Put(key, item, before["version"] if before else ABSENT))
        if before is None or len(self._puts) > 1 or _content(item) != _content(before):
            self._desk.store.commit(self._puts)
            self.changed = True
        return unfinished

    def _new_effects(self, order: Order, owed: Item, applied: Mapping[str, Applied]) -> dict[str, Item]:
        return effects.new_effects(str(self._order), order, owed, applied, self._desk.now)

    def _read(self, keys: Iterable[Key]) -> None:
        """Read them consistently, now; what was read before is read again."""
        keys = list(keys)
        if keys:
            self._asked.update(keys)
            self._found |= self._desk.store.read(keys)

    def _keys_of_placings(self) -> list[Key]:
        """What an announcement needs, read together with the order: most orders come with one reading."""
        placed = [fact for fact in self._cause.facts if isinstance(fact, Placed)]
        listings = {fact.listing for fact in placed} | ({self._cause.mapped} if self._cause.mapped else set())
        return [*self._listing_keys(listings), *(self._pointer_key(fact.line_id) for fact in placed)]

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

    def _pointer_key(self, line_id: str) -> Key:
        return tables.item_pointer(self._order.marketplace, self._order.account, line_id)

    def _sold_to_resolve(self, known: Iterable[Fact], waiting: Mapping[str, str]) -> tuple[list[Sold], bool]:
        """Announcements for which the registry was not asked, or knows by now, and whether more are left.

        It is asked for every listing under which a line was ever announced, also for a line that a person
        corrected or voided: which of these came first must not matter.
        """
        whose = (self._order.marketplace, self._order.account)
        awake: set[str] = set()
        if self._cause.mapped:
            # Whatever else the registry knows by now goes on with it, so that a group hears of its order once. A
            # mapping that was announced and is not there wakes nobody: the same lines would be looked at for ever.
            awaited = {*waiting.values(), self._cause.mapped}
            self._read(key for key in self._listing_keys(awaited) if key not in self._found)
            awake = {listing for listing in awaited if tables.listing(*whose, listing) in self._found}
        resolved = {(fact.line_id, fact.listing) for fact in known if isinstance(fact, Resolved)}
        placed = sorted((fact.line_id, fact.listing, fact.sold_at) for fact in known if isinstance(fact, Placed))
        sold = {(line_id, listing): Sold(line_id, listing, sold_at) for line_id, listing, sold_at in reversed(placed)}
        asked = [
            one
            for one in sold.values()
            # Terms without a listing were taken when a line had but one.
            if (one.line_id, one.listing) not in resolved and (one.line_id, "") not in resolved
            if one.name not in waiting or one.listing in awake
        ]
        return sorted(asked)[:SLICE], len(asked) > SLICE

    def _items_to_point(self, sold: Iterable[Sold]) -> tuple[list[str], bool]:
        """Line ids whose items must lead here, and whether more are left for the next transaction.

        Beside the lines that are resolved now, every announced one: its product may have been known before it was
        announced, when kept deliveries come again in another order.
        """
        ids = sorted({one.line_id for one in sold})
        placed = {fact.line_id for fact in self._cause.facts if isinstance(fact, Placed)} - set(ids)
        more = [line_id for line_id in sorted(placed) if not self._leads_here(line_id)]
        room = SLICE - len(ids)
        return [*ids, *more[:room]], len(more) > room

    def _leads_here(self, line_id: str) -> bool:
        pointer = self._found.get(self._pointer_key(line_id))
        return pointer is not None and str(self._order) in pointer["orders"]

    def _point_items(self, line_ids: Iterable[str]) -> frozenset[Fact]:
        """Let the marketplace's item lead to this order, and take what was said of it before anybody knew the order.

        Both in one item and under its version: what is said meanwhile finds the order, or makes this fail.
        """
        keys = {line_id: self._pointer_key(line_id) for line_id in line_ids}
        self._read(key for key in keys.values() if key not in self._asked)
        found: set[Fact] = set()
        for line_id, key in sorted(keys.items()):
            pointer = self._found.get(key)
            if pointer and str(self._order) in pointer["orders"]:
                continue
            orders = sorted({*(pointer["orders"] if pointer else []), str(self._order)})
            said = pointer["facts"] if pointer else []
            self._puts.append(item_pointer_put(key, orders, said, pointer))
            found |= {facts.from_text(text) for text in said}
            if said and pointer and not pointer["orders"]:
                cause = (self._order.marketplace, self._order.account, line_id)
                self._close("WAITING_FACT", cause)
        return frozenset(found)

    def _resolve(self, order: Order, sold: Iterable[Sold], waiting: dict[str, str]) -> frozenset[Fact]:
        """Take each line's product and terms from the registry, once; park what has no mapping yet.

        ``waiting`` (``Sold.name`` to listing) is brought up to date.
        """
        marketplace, account = self._order.marketplace, self._order.account
        sold = list(sold)
        names = {one.listing for one in sold}
        if any(isinstance(fact, Placed | Remapped | Voided) for fact in self._cause.facts):
            # A line that waits may have become another product, or a person may have settled it, or taken that back.
            names |= set(waiting.values())
        pointers = {name: tables.listing_pointer(marketplace, account, name) for name in names}
        listings = {name: tables.listing(marketplace, account, name) for name in names}
        asked = {fact.listing for fact in self._cause.facts if isinstance(fact, Placed)} | {self._cause.mapped}
        if unasked := names - asked:
            self._read(self._listing_keys(unasked))
        if unmapped := [name for name in names if listings[name] not in self._found]:
            # The pointer was read first, the listing is read again now. If a mapping is written after
            # this moment, the pointer's version rises after it too, and our transaction fails.
            self._read([listings[name] for name in unmapped])
        found = set()
        for one in sold:
            if listing := self._found.get(listings[one.listing]):
                found.add(resolution(one, listing))
                waiting.pop(one.name, None)
            else:
                waiting[one.name] = one.listing
        terms = {(fact.line_id, fact.listing) for fact in found}
        lines = [line for line in order.lines if line.resolved is None]
        wanted = {line.listing for line in lines if (line.line_id, line.listing) not in terms}
        for name in sorted(names):
            self._point_listing(pointers[name], name, name in waiting.values(), name in wanted)
        for fact in sorted(found, key=facts.to_text):
            kept: Item = {"order_ref": str(self._order), "verdict": "RESOLVED", "received_at": self._desk.now}
            key = tables.resolution(str(self._order), fact.line_id, facts.fact_id(fact))
            kept |= {"delivery_id": key.sk, "line_id": fact.line_id, "facts": [facts.to_text(fact)]}
            self._puts.append(Put(key, kept, ANY))
        return frozenset(found)

    def _point_listing(self, key: Key, listing: str, waits: bool, wanted: bool) -> None:
        """An order that ``waits`` goes on when the listing is mapped; a person is asked while one is ``wanted``.

        A line that a person remapped or voided still takes its terms when they are known, but nobody need map for it.
        """
        pointer = self._found.get(key)
        before: list[str] = pointer["waiting"] if pointer else []
        wanting: list[str] = pointer.get("wanting", before) if pointer else []
        me = {str(self._order)}
        after = sorted({*before} | me if waits else {*before} - me)
        want = sorted({*wanting} | me if wanted else {*wanting} - me)
        if (after, want) == (before, wanting):
            return
        whose = (self._order.marketplace, self._order.account, listing)
        self._puts.append(listing_pointer_put(*whose, after, want, pointer, now=self._desk.now))
        if not want:
            self._close("UNKNOWN_LISTING", whose)
        elif not wanting:
            opened = worklist.opened(
                "UNKNOWN_LISTING",
                whose,
                at=self._desk.now,
                message=f"{self._order.marketplace} sells {listing}, which belongs to no group here",
                order_ref=str(self._order),
                listing=listing,
                marketplace=self._order.marketplace,
                account=self._order.account,
            )
            self._open(opened)

    def _open(self, opened: Item) -> None:
        key = tables.exception(opened["exception_id"])
        there = self._desk.store.read([key]).get(key)
        self._puts.append(_exception_put(key, there, opened))

    def _close(self, kind: str, cause: tuple[Any, ...]) -> None:
        key = tables.exception(worklist.exception_id(kind, *cause))
        there = self._desk.store.read([key]).get(key)
        if there and there["closed_at"] is None:
            self._puts.append(Put(key, worklist.closed(there, at=self._desk.now), there["version"]))

    def _move(self, order: Order, taken: dict[str, Applied]) -> tuple[dict[str, Applied], bool]:
        """Meet the demand on the shelf. Returns what each line has, and whether lines are left.

        ``taken`` is brought under the names that hold now: what a line has of a product that it is not
        (after a correction), or a line that is no more (after a void), is given back under a name of its own.
        """
        wants = demand(order)
        renamed = {_name_of(name, line, wants): line for name, line in taken.items()}
        taken.clear()
        taken |= renamed
        # Every line of a known product stands in the order, also one that never moved anything.
        taken |= {line_id: Applied(want.sku) for line_id, want in wants.items() if line_id not in taken}
        every = {name: wants.get(name) or Demand(line.sku, "", hold=0, gone=0) for name, line in taken.items()}
        serve = self._cause.serve
        wanted = {
            name: want
            for name, want in every.items()
            if not _met(taken[name], want) or (want.sku == serve and taken[name].short)
        }
        now = dict(sorted(wanted.items())[:SLICE])
        if not now:
            # What has given back all that it had of a product is not kept, also when it never had anything.
            return {name: line for name, line in taken.items() if name in wants}, False
        keys = {want.sku: tables.stock(want.sku) for want in now.values()}
        self._read(key for key in keys.values() if key not in self._found)
        items = {sku: self._found.get(key) for sku, key in keys.items()}
        shelf = {want.sku: Stock(want.sku, want.group_id) for want in now.values()}
        shelf |= {sku: Stock.of(item) for sku, item in items.items() if item}
        after, applied = applied_to(shelf, taken, now, serve)
        sold_at = {line.line_id: line.sold_at for line in order.lines}
        for name in now:
            applied[name] = self._queue(name, taken[name], applied[name], sold_at.get(name, self._desk.now))
        puts = partial(stock_puts, self._desk.store, now=self._desk.now)
        for sku, stock in sorted(after.items()):
            self._puts += puts(shelf[sku], stock, items[sku])
        return {name: line for name, line in applied.items() if name in wants or not _met(line, every[name])}, (
            len(wanted) > len(now)
        )

    def _queue(self, name: str, before: Applied, after: Applied, sold_at: str) -> Applied:
        """Stand in the SKU's queue while units are missing, in the place that the line was given first."""
        since = before.since or sold_at
        if after.short == before.short:
            return after
        line_id = name.split(" ")[0]
        key = tables.short_line(after.sku, since, str(self._order), line_id)
        waits = {"sku": after.sku, "order_ref": str(self._order), "line_id": line_id, "short": after.short}
        self._puts.append(Put(key, waits if after.short else None))
        return replace(after, since=since if after.short else None)

    def _moves(self, before: Item | None, taken: Mapping[str, Applied], applied: Mapping[str, Applied]) -> list[Any]:
        """What moved on which shelf, when and why, oldest first."""
        now: list[Any] = []
        for name in sorted(taken.keys() | applied.keys()):
            was = taken.get(name) or Applied(applied[name].sku)
            if what := moves(was, applied.get(name) or Applied(was.sku)):
                now.append([self._desk.now, name.split(" ")[0], was.sku, what, self._cause.name])
        return [*(before.get("moves", []) if before else []), *now][-MOVES:]

    def _stuck(self, raised: Mapping[str, str]) -> bool:
        return worklist.exception_id("STUCK", str(self._order)) in raised

    def _worklist(
        self, order: Order, applied: Mapping[str, Applied], raised: Mapping[str, str]
    ) -> tuple[dict[str, str], bool]:
        """The exceptions that this order has open after this transaction, and whether more are to come.

        The order remembers the id of each and a hash of what it says, so that a hundred lines in trouble
        still fit into one item. Only the clock finds that the time is over; any news can end it.
        """
        overdue = (self._cause.look or self._stuck(raised)) and worklist.stuck(order, self._desk.now)
        wanted = worklist.of_order(str(self._order), order, applied, at=self._desk.now, overdue=overdue)
        says = {identity: derived_id(item["message"], item["sku"])[:8] for identity, item in wanted.items()}
        changed = [identity for identity in says if raised.get(identity) != says[identity]]
        changed += [identity for identity in raised if identity not in wanted]
        now = changed[:SHOWN]
        keys = {identity: tables.exception(identity) for identity in now}
        self._read(keys.values())
        still = dict(raised)
        for identity, key in keys.items():
            there = self._found.get(key)
            if identity in wanted:
                item = wanted[identity]
                still[identity] = says[identity]
                self._puts.append(_exception_put(key, there, item))
                continue
            del still[identity]
            if there and there["closed_at"] is None:
                self._puts.append(Put(key, worklist.closed(there, at=self._desk.now), there["version"]))
        return still, len(changed) > SHOWN


def _exception_put(key: Key, there: Item | None, opened: Item) -> Put:
    """Opens it, or says it anew. By version, so that nothing is lost that a person wrote into it meanwhile."""
    return Put(key, worklist.opened_again(there, opened), there["version"]) if there else Put(key, opened, ABSENT)


def item_pointer_put(key: Key, orders: list[str], said: list[str], before: Item | None) -> Put:
    """The marketplace's item leads to ``orders``; ``said`` are the facts about it that named no order."""
    version = before["version"] if before else 0
    return Put(key, {"orders": orders, "facts": said, "version": version + 1}, version or ABSENT)


def listing_pointer_put(
    marketplace: str,
    account: str,
    listing: str,
    waiting: list[str],
    wanting: list[str],
    before: Item | None,
    *,
    now: str,
) -> Put:
    """``waiting`` are the orders that go on when the listing is mapped, ``wanting`` those for which it must be mapped.

    While any wait, the sweep looks too.
    """
    version = before["version"] if before else 0
    item: Item = {"marketplace": marketplace, "account": account, "listing": listing}
    item |= {"waiting": waiting, "wanting": wanting}
    if waiting:
        item |= tables.due(now, f"LISTING#{marketplace}#{account}#{listing}")
    key = tables.listing_pointer(marketplace, account, listing)
    return Put(key, item | {"version": version + 1}, version or ABSENT)


def _name_of(name: str, line: Applied, wants: Mapping[str, Demand]) -> str:
    """A line's own id while it is of this product; else the id and the product. Ids have no spaces."""
    line_id = name.split(" ")[0]
    want = wants.get(line_id)
    return line_id if want is not None and want.sku == line.sku else f"{line_id} {line.sku}"


def _met(line: Applied, want: Demand) -> bool:
    return (line.consumed, line.reserved + line.short, line.restocked) == (want.gone, want.hold, want.back)


def _remembered(effect: Mapping[str, Any], now: str) -> Item:
    """What later decisions need of an effect that was owed, and what sending it again needs."""
    return dict(effect) | {"at": now}


def _content(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("version", "effects", "outbox")}


def resolution(sold: Sold, listing: Item) -> Resolved:
    """The terms at the time of sale. The first mapping and policy hold for all earlier sales."""
    dated: list[Item] = listing["resolutions"]
    held = [terms for terms in dated if terms["from"] <= sold.sold_at] or dated[:1]
    terms = {name: value for name, value in held[-1].items() if name != "from"}
    return Resolved(line_id=sold.line_id, listing=sold.listing, **terms)
