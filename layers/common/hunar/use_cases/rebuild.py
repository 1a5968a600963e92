"""Orders and shelves made anew from the kept deliveries, and compared with the live tables.

Nothing live is written. An order depends on its own deliveries alone, so each is made by the real use
cases in an empty store, compared, and forgotten; its shelves stay, and at the end what is free and what
is missing on each does not depend on the order in which the deliveries came. What a line took from the
registry is a delivery too, so the registry is never asked: it may have changed since.

What is compared is what is promised: the knowledge of each order and what it has taken, byte for byte;
the free and the missing units of each shelf; and the balance of each account per order line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from hunar import tables
from hunar.domain import facts, ledger, worklist
from hunar.domain.effects import PAYOUT
from hunar.domain.entitlement import due, facts_of
from hunar.domain.facts import Fact
from hunar.domain.identity import derived_id
from hunar.domain.order import Order, knowledge, read
from hunar.domain.reading import Reading
from hunar.domain.stock import Stock
from hunar.ports import Put, Rejected, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases.apply import Marketplaces, know, reading_of, stock_act_of
from hunar.use_cases.change_order import Cause, Desk, Reference, change_order
from hunar.use_cases.check_stock import Difference, units_in
from hunar.use_cases.count_stock import count
from hunar.use_cases.kept import NEVER_READ, NO_DELIVERIES
from hunar.use_cases.paging import batches, pages

_SHELF: Final = "STOCK#"
_ITEM: Final = "ITEM#"
_UNREAD: Final = "UNREAD#"


@dataclass
class Report:
    """What was rebuilt, what could not be, and what differs."""

    deliveries: int = 0
    orders: int = 0
    skus: int = 0
    acts: int = 0
    lines: int = 0
    """Order lines with expected amounts."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Kept messages that are no deliveries, by verdict."""
    whole: int = 0
    """Deliveries that nobody can read yet; DynamoDB drops them 30 days after they came."""
    expired: list[Item] = field(default_factory=list)
    """Deliveries that an exception names and that are not kept any more."""
    without_rate: list[str] = field(default_factory=list)
    """Order lines that no rate decides, so that nothing is booked yet."""
    moving: list[str] = field(default_factory=list)
    """SKUs that moved while this ran, and were not compared."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.differences and not self.moving


def check(live: Store, scratch: Store, marketplaces: Marketplaces, *, now: str) -> Report:
    """Rebuild into ``scratch``, an empty store in memory, and compare. Raises Retryable."""
    return _Rebuild(live, scratch, marketplaces, now).run()


class _Rebuild:
    def __init__(self, live: Store, scratch: Store, marketplaces: Marketplaces, now: str) -> None:
        self._live = live
        self._scratch = scratch
        self._marketplaces = marketplaces
        self._desk = Desk(scratch, now, lambda action: action())
        self._report = Report()
        self._done: set[str] = set()
        """Partitions of orders that were rebuilt. One text for each order: the most that this keeps in memory."""
        self._wrong_lines: dict[str, list[Item]] = defaultdict(list)
        """Per SKU, the orders and acts with a difference of their own: they explain the shelf's."""
        self._explained: set[str] = set()
        """Ids of deliveries with something wrong in them, to tell which exceptions name one that is gone."""

    def run(self) -> Report:
        before = {key.pk: item for key, item in self._live.scan(Table.STOCK) if key == tables.stock(key.pk)}
        self._acts_and_items()
        for batch in batches(self._orders(), 50):
            self._compare_orders(batch)
        self._orders_without_deliveries()
        self._items()
        self._acts_without_deliveries()
        self._shelves(before)
        self._ledger()
        self._gone()
        return self._report

    # what is kept

    def _kept(self) -> Iterator[tuple[str, Iterator[tuple[Key, Item]]]]:
        """A table hands out a partition's items one after the other."""
        return groupby(self._live.scan(Table.DELIVERIES), key=lambda entry: entry[0].pk)

    def _acts_and_items(self) -> None:
        """First what names no order: acts on shelves, and news of a marketplace's item, which then lead to orders."""
        for partition, entries in self._kept():
            for batch in batches(entries):
                for key, kept in batch:
                    self._take_note(key, kept)
                if partition.startswith(_SHELF):
                    self._count(partition.removeprefix(_SHELF), batch)
                elif partition.startswith((_ITEM, _UNREAD)):
                    for _, kept in batch:
                        reading = self._reading(kept)
                        if reading and reading.facts:
                            know(self._desk, kept["marketplace"], kept["account"], reading, kept["delivery_id"])

    def _take_note(self, key: Key, kept: Item) -> None:
        if kept["verdict"] in NO_DELIVERIES:
            self._report.skipped[kept["verdict"]] += 1
            return
        self._report.deliveries += 1
        self._report.whole += "expires_at" in kept
        if kept.get("findings") or kept.get("settled"):
            self._explained.add(kept["delivery_id"])

    def _reading(self, kept: Item) -> Reading | None:
        return None if kept["verdict"] in NO_DELIVERIES else reading_of(kept, self._marketplaces)

    def _count(self, sku: str, entries: list[tuple[Key, Item]]) -> None:
        """Count the kept acts of a shelf, and look whether the live shelf counted them."""
        product = tables.product(sku)
        if product not in self._scratch.read([product]):
            # Whose the shelf is moves no unit.
            self._scratch.commit([Put(product, {"sku": sku, "group_id": ""})])
        proofs = {key: tables.adjustment(sku, kept["act_id"]) for key, kept in entries}
        there = self._live.read(proofs.values())
        for key, kept in entries:
            self._report.acts += 1
            act = stock_act_of(kept)
            try:
                count(self._scratch, act, now=self._desk.now)
            except Rejected as error:
                self._differs("act", sku, act.act_id, None, act.quantity, f"cannot be counted: {error}", [_named(kept)])
            live = there.get(proofs[key])
            if live is None or stock_act_of(live) != act:
                text = f"{act.act} {act.quantity} is kept and was {'never' if live is None else 'otherwise'} counted"
                self._differs("act", sku, act.act_id, live and live["quantity"], act.quantity, text, [_named(kept)])
                self._wrong_lines[sku].append({"act_id": act.act_id, "units": units_in(kept)})

    def _orders(self) -> Iterator[str]:
        """Each order, made from all that is kept of it."""
        for partition, entries in self._kept():
            if partition.startswith((_SHELF, _ITEM, _UNREAD)) or partition in self._done:
                continue
            found = {fact for _, kept in entries for fact in self._facts(kept)}
            if found:
                self._done.add(partition)
                change_order(self._desk, Reference.of(partition), Cause("rebuild", frozenset(found)))
                yield partition

    def _facts(self, kept: Item) -> tuple[Fact, ...]:
        reading = self._reading(kept)
        return reading.facts if reading else ()

    # orders

    def _compare_orders(self, order_refs: list[str]) -> None:
        keys = [tables.order(order_ref) for order_ref in order_refs]
        made, live = self._scratch.read(keys), self._live.read(keys)
        suspects = [key for key in keys if key in live and _differ(live[key], made[key])]
        for key in suspects:
            # It may have gone on since its deliveries were read, so all of them are read again.
            kept = [fact for item in pages(self._live, Table.DELIVERIES, key.pk) for fact in self._facts(item)]
            change_order(self._desk, Reference.of(key.pk), Cause("rebuild", frozenset(kept)))
        made |= self._scratch.read(suspects)
        live |= self._live.read(suspects)
        for key in keys:
            self._report.orders += 1
            self._compare_order(key.pk, live.get(key), made[key])
        self._compare_booked({key.pk: live[key] for key in keys if key in live})
        self._forget(made.values())

    def _compare_order(self, order_ref: str, live: Item | None, made: Item) -> None:
        if live is None:
            self._order_differs(made, "order", None, "is there", "its deliveries are kept and the order is not there")
            for line, sku in _taken(made):
                self._wrong_lines[sku].append({"order_ref": order_ref, "line_id": line})
            return
        if live["unfinished"]:
            text = "asks for more than one transaction and is between two: the sweep takes it on"
            self._order_differs(live, "unfinished", True, False, text, stands_on=[])
        is_now, should = knowledge(live), knowledge(made)
        for fact in sorted(is_now - should, key=facts.to_text):
            text = f"knows {_said(fact)}, and no kept delivery says it"
            self._order_differs(live, f"fact {facts.fact_id(fact)}", facts.to_text(fact), None, text, stands_on=[])
        for fact in sorted(should - is_now, key=facts.to_text):
            text = f"does not know {_said(fact)}: replay what says it"
            what = f"fact {facts.fact_id(fact)}"
            self._order_differs(made, what, None, facts.to_text(fact), text, stands_on=self._sayings(order_ref, fact))
        if is_now == should and live["knowledge"] != made["knowledge"]:
            text = "knows the same in another writing"
            self._order_differs(live, "knowledge", live["knowledge"], made["knowledge"], text)
        taken, takes = _taken(live), _taken(made)
        for line, sku in sorted(taken.keys() | takes.keys()):
            now, then = taken.get((line, sku), [0, 0, 0]), takes.get((line, sku), [0, 0, 0])
            if now != then:
                text = f"line {line}: has taken held, gone, back {now} of {sku}; from its deliveries it is {then}"
                self._order_differs(live, f"line {line}", now, then, text)
                self._wrong_lines[sku].append({"order_ref": order_ref, "line_id": line})
        for name in ("board_pk", "board_sk"):
            if live[name] != made[name]:
                text = f"stands on the board as {live[name]}; from its deliveries it is {made[name]}"
                self._order_differs(live, name, live[name], made[name], text)

    def _order_differs(
        self, item: Item, what: str, stands: Any, should: Any, text: str, stands_on: list[Item] | None = None
    ) -> None:
        """An order's difference stands on all that is kept of it, unless the caller knows better."""
        order_ref = item["order_ref"]
        behind = self._sayings(order_ref) if stands_on is None else stands_on
        self._differs("order", order_ref, what, stands, should, text, behind)

    def _sayings(self, order_ref: str, fact: Fact | None = None) -> list[Item]:
        """The kept deliveries of an order, or those that say one fact."""
        found = [kept for kept in pages(self._live, Table.DELIVERIES, order_ref) if fact in (None, *self._facts(kept))]
        if fact is not None and not found and (line_id := getattr(fact, "line_id", None)):
            order = Reference.of(order_ref)
            partition = tables.item_delivery(order.marketplace, order.account, line_id, "").pk
            found = [kept for kept in pages(self._live, Table.DELIVERIES, partition) if fact in self._facts(kept)]
        return [_named(kept) for kept in found]

    def _forget(self, made: Iterable[Item]) -> None:
        """The order was compared. What it took stays on its shelves; nothing else is needed of it any more."""
        keys: list[Key] = []
        for item in made:
            order = Reference.of(item["order_ref"])
            keys.append(tables.order(item["order_ref"]))
            keys += map(tables.exception, item["raised"])
            state = read(knowledge(item))
            keys += (tables.item_pointer(order.marketplace, order.account, line.line_id) for line in state.lines)
            for name, line in item["applied"].items():
                if line["short"]:
                    line_id = name.split(" ")[0]
                    keys.append(tables.short_line(line["sku"], line["since"], item["order_ref"], line_id))
        there = self._scratch.read(keys)
        gone = [Put(key, None) for key in there if not there[key].get("facts")]
        for batch in batches(gone):
            self._scratch.commit(batch)

    def _orders_without_deliveries(self) -> None:
        for key, item in self._live.scan(Table.ORDERS):
            if key.sk != "ORDER" or key.pk in self._done:
                continue
            made = self._scratch.read([key]).get(key)
            # All that is known of it may have come with the marketplace's item.
            if made is None:
                # Or it came while this ran.
                found = frozenset(
                    fact for kept in pages(self._live, Table.DELIVERIES, key.pk) for fact in self._facts(kept)
                )
                if found:
                    change_order(self._desk, Reference.of(key.pk), Cause("rebuild", found))
                    made = self._scratch.read([key])[key]
                    item = self._live.read([key]).get(key, item)
            self._report.orders += 1
            self._done.add(key.pk)
            if made is None:
                text = "is there, and nothing is kept that says any of it"
                self._order_differs(item, "order", "is there", None, text, stands_on=[])
                for name, line in item["applied"].items():
                    self._wrong_lines[line["sku"]].append({"order_ref": key.pk, "line_id": name.split(" ")[0]})
            else:
                self._compare_order(key.pk, item, made)
                self._compare_booked({key.pk: item})
                self._forget([made])
        for key, made in list(self._scratch.scan(Table.ORDERS)):
            if key.sk == "ORDER" and key.pk not in self._done:
                self._report.orders += 1
                self._compare_order(key.pk, self._live.read([key]).get(key), made)

    def _items(self) -> None:
        """What is said of a marketplace's item stands with the item, also while no order has it."""
        for batch in batches(self._live.scan(Table.ORDERS)):
            live = {key: item["facts"] for key, item in batch if key.pk.startswith(_ITEM) and item["facts"]}
            self._compare_items(live, {key: item["facts"] for key, item in self._scratch.read(live).items()})
        for batch in batches(self._scratch.scan(Table.ORDERS)):
            made = {key: item["facts"] for key, item in batch if key.pk.startswith(_ITEM) and item["facts"]}
            there = self._live.read(made)
            lost = {key: said for key, said in made.items() if not there.get(key, {}).get("facts")}
            self._compare_items({}, lost)

    def _compare_items(self, live: Mapping[Key, list[str]], made: Mapping[Key, list[str]]) -> None:
        for key in sorted(live.keys() | made.keys()):
            is_now, should = set(live.get(key, [])), set(made.get(key, []))
            if is_now == should:
                continue
            kept = [_named(item) for item in pages(self._live, Table.DELIVERIES, key.pk)]
            text = (
                f"news of the item: {len(is_now - should)} that nothing kept says, {len(should - is_now)} are missing"
            )
            self._differs("item", key.pk.removeprefix(_ITEM), "facts", sorted(is_now), sorted(should), text, kept)

    # shelves

    def _acts_without_deliveries(self) -> None:
        counted = ((key, item) for key, item in self._live.scan(Table.STOCK) if "act_id" in item)
        for batch in batches(counted):
            kept = {key: tables.stock_delivery(key.pk, item["act_id"]) for key, item in batch}
            there = self._live.read(kept.values())
            for key, item in batch:
                if kept[key] not in there:
                    text = f"{item['act']} {item['quantity']} was counted, and its delivery is not kept"
                    self._differs("act", key.pk, item["act_id"], item["quantity"], None, text, [])
                    self._wrong_lines[key.pk].append({"act_id": item["act_id"], "units": units_in(item)})

    def _shelves(self, before: Mapping[str, Item]) -> None:
        """Free and missing units of each SKU, after what is free went to who waits for it."""
        now = {key.pk: item for key, item in self._live.scan(Table.STOCK) if key == tables.stock(key.pk)}
        made = {key.pk: item for key, item in self._scratch.scan(Table.STOCK) if key == tables.stock(key.pk)}
        self._report.skus = len(now.keys() | made.keys())
        for sku in sorted(now.keys() | made.keys()):
            if before.get(sku, {}).get("version") != now.get(sku, {}).get("version"):
                self._report.moving.append(sku)
                continue
            nothing = Stock(sku, "")
            stands = _allocated(Stock.of(now[sku]) if sku in now else nothing)
            should = _allocated(Stock.of(made[sku]) if sku in made else nothing)
            compared = [
                ("available", stands.available, should.available),
                ("short + uncounted", stands.short + stands.uncounted, should.short + should.uncounted),
            ]
            if stands.uncounted == should.uncounted:
                # Which of two missing units was short and which left uncounted depends on what came first.
                compared.append(("on_hand", stands.on_hand, should.on_hand))
            wrong = self._wrong_lines.get(sku, [])
            for what, units, wanted in compared:
                if units != wanted:
                    why = (
                        "see the orders and acts that differ"
                        if wrong
                        else "no order and no act differs, so the counter itself was changed"
                    )
                    text = f"{what} is {units}; from what is kept it is {wanted}: {why}"
                    self._differs("shelf", sku, what, units, wanted, text, wrong)

    # money

    def _compare_booked(self, orders: Mapping[str, Item]) -> None:
        """The expected amounts of a line stand on the facts that the order knows."""
        wanted: dict[Key, tuple[str, str, Order]] = {}
        for order_ref, item in orders.items():
            state = read(knowledge(item))
            lines = {effect["line_id"] for effect in item["owed"].values() if effect["kind"] == PAYOUT}
            for line_id in sorted(lines | {line.line_id for line in state.lines if due(line)}):
                wanted[tables.ledger_head(order_ref, line_id)] = (order_ref, line_id, state)
        if not wanted:
            return
        heads = self._live.read(wanted)
        stale: dict[Key, str] = {}
        for key, (order_ref, line_id, state) in wanted.items():
            self._report.lines += 1
            line = next((line for line in state.lines if line.line_id == line_id), None)
            head = heads.get(key)
            if (head["facts"] if head else derived_id(None)) != derived_id(facts_of(line)):
                stale[key] = worklist.exception_id("RATE_GAP", order_ref, line_id)
        excused = self._live.read(map(tables.exception, stale.values())) if stale else {}
        for key, gap in stale.items():
            order_ref, line_id, _ = wanted[key]
            shown = excused.get(tables.exception(gap))
            if shown and shown["closed_at"] is None:
                self._report.without_rate.append(f"{order_ref} line {line_id}")
                continue
            head = heads.get(key)
            text = f"line {line_id}: what is booked stands on other facts, or its payout command still waits in a queue"
            stands = head["facts"] if head else None
            self._differs("ledger", order_ref, f"line {line_id}", stands, "the facts known now", text, [])

    def _ledger(self) -> None:
        """Per order line, the entries sum to what the line's head says, and each entry to zero."""
        for partition, entries in groupby(self._live.scan(Table.LEDGER), key=lambda entry: entry[0].pk):
            items = [item for _, item in entries]
            if _unbalanced(items):
                # It may have been booked while this looked, so it is looked at once more.
                items = list(pages(self._live, Table.LEDGER, partition))
            order_ref = partition.removeprefix("ORDER#")
            for what, stands, should, text, entry in _unbalanced(items):
                self._differs("ledger", order_ref, what, stands, should, text, entry)

    # what is gone

    def _gone(self) -> None:
        """Exceptions that name a delivery which is not kept any more: it expired before anybody could read it."""
        for _, item in self._live.scan(Table.EXCEPTIONS):
            identity = item.get("subject", {}).get("delivery_id")
            if identity and item["kind"] not in NEVER_READ and identity not in self._explained:
                named = {name: item[name] for name in ("exception_id", "kind", "order_ref", "opened_at")}
                self._report.expired.append({"delivery_id": identity} | named)

    def _differs(
        self, where: str, name: str, what: str, stands: Any, should: Any, text: str, stands_on: Iterable[Item]
    ) -> None:
        self._report.differences.append(Difference(where, name, what, stands, should, text, tuple(stands_on)))


def _differ(live: Item, made: Item) -> bool:
    return live["knowledge"] != made["knowledge"] or _taken(live) != _taken(made)


def _taken(item: Item) -> dict[tuple[str, str], list[int]]:
    """What each line has of each product: held, gone and put back. Which held units are there depends on others."""
    found = {}
    for name, line in item["applied"].items():
        units = [line["reserved"] + line["short"], line["consumed"], line["restocked"]]
        if any(units):
            found[name.split(" ")[0], line["sku"]] = units
    return found


def _allocated(stock: Stock) -> Stock:
    """The counters after free units went to the lines that wait for them: what ``allocate`` ends at."""
    served = min(stock.available, stock.short)
    return Stock(
        stock.sku,
        stock.group_id,
        on_hand=stock.on_hand,
        available=stock.available - served,
        reserved=stock.reserved + served,
        short=stock.short - served,
        uncounted=stock.uncounted,
    )


_Unbalanced = tuple[str, Any, Any, str, list[Item]]


def _unbalanced(items: Iterable[Item]) -> list[_Unbalanced]:
    found: list[_Unbalanced] = []
    booked: dict[str, list[Item]] = defaultdict(list)
    entries: dict[str, list[Item]] = defaultdict(list)
    heads: dict[str, Item] = {}
    for item in items:
        if "postings" not in item:
            heads[item["line_id"]] = item
            continue
        entry = {name: item[name] for name in ("entry_id", "line_id", "recorded_at")}
        entries[item["line_id"]].append(entry)
        booked[item["line_id"]] += item["postings"]
        if total := sum(posting["amount_paise"] for posting in item["postings"]):
            text = f"line {item['line_id']}: entry {item['entry_id']} is out of balance by {total} paise"
            found.append((f"entry {item['entry_id']}", total, 0, text, [entry]))
    for line_id in sorted(heads.keys() | booked.keys()):
        said = ledger.amounts(heads[line_id]["amounts"]) if line_id in heads else {}
        sums = ledger.amounts(booked.get(line_id, []))
        for account, row in sorted(said.keys() | sums.keys()):
            stands, should = sums.get((account, row), 0), said.get((account, row), 0)
            if stands != should:
                text = f"line {line_id}: the entries sum to {stands} paise by {row}, the line's head says {should}"
                found.append((f"{account} of line {line_id}", stands, should, text, entries[line_id]))
    return found


def _said(fact: Fact) -> str:
    return facts.to_text(fact)


def _named(kept: Item) -> Item:
    """What a person finds a delivery by; never its body."""
    names = ("delivery_id", "act_id", "line_id", "received_at", "event_type", "verdict", "person")
    return {name: kept[name] for name in names if kept.get(name) is not None}
