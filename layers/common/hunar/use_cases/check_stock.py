"""Every shelf counted anew from the orders, the acts and the fairs, and each difference explained.

Reads only, over whole tables, one item at a time: what stays in memory is a few numbers for each SKU. An
item is read at a moment of its own, so a difference is believed only when it is found again while the
shelf's version stood still; every move of a shelf raises it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hunar import tables
from hunar.domain.demand import Demand, demand
from hunar.domain.order import knowledge, read
from hunar.domain.stock import Applied, Stock
from hunar.ports import Store
from hunar.tables import Item, Key, Table
from hunar.use_cases.paging import batches

MOST_NAMED: Final = 200
"""Orders and acts that one difference names; the message says how many there are."""
PASSES: Final = 3
"""How often shelves that move meanwhile are counted again."""


@dataclass(frozen=True)
class Difference:
    """Something that does not stand as it should, and what it stands on."""

    where: str
    """``shelf``, ``queue``, ``fair``, ``act``, ``order``, ``item`` or ``ledger``."""
    name: str
    """The SKU, the order or the marketplace's item."""
    what: str
    """The counter, line, fact or account."""
    stands: Any
    should: Any
    message: str
    stands_on: tuple[Item, ...] = ()
    """The orders, acts or deliveries behind it."""


@dataclass
class Report:
    """What was counted, and what differs. Empty ``differences`` and ``moving`` mean that every shelf is right."""

    skus: int = 0
    orders: int = 0
    acts: int = 0
    waiting: int = 0
    """Lines that wait for units."""
    differences: list[Difference] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)
    """SKUs that seemed wrong and moved each time they were counted: count again when it is quiet."""
    in_hand: list[str] = field(default_factory=list)
    """Orders that ask for more than one transaction and are between two."""


@dataclass
class _Sums:
    """One SKU, counted from everything but its counters."""

    item: Item | None = None
    reserved: int = 0
    short: int = 0
    consumed: int = 0
    restocked: int = 0
    counted_in: int = 0
    buffer: tuple[str, str, int] = ("", "", 0)
    fairs: dict[str, dict[str, int]] = field(default_factory=dict)
    """As the acts say."""
    stalls: dict[str, Item] = field(default_factory=dict)
    """As the stalls' items say."""
    queue: list[Difference] = field(default_factory=list)
    lines: list[Item] = field(default_factory=list)
    acts: list[Item] = field(default_factory=list)


_FAIR: Final = {"fair_take": "taken", "fair_sold": "sold", "fair_back": "back"}


def check(store: Store) -> Report:
    """Count every shelf. Raises Retryable when a table cannot be read."""
    report = Report()
    sums = _counted(store, report, None)
    suspects = sorted(sku for sku, counted in sums.items() if _differences(sku, counted))
    report.skus = sum(counted.item is not None for counted in sums.values())
    for _ in range(PASSES):
        if not suspects:
            break
        before = _versions(store, suspects)
        sums = _counted(store, Report(), suspects)
        after = _versions(store, suspects)
        still = [sku for sku in suspects if before.get(sku) == after.get(sku)]
        for sku in still:
            report.differences += _differences(sku, sums[sku])
        suspects = sorted(set(suspects) - set(still))
    report.moving = suspects
    return report


def units_in(act: Item) -> int:
    """Units that an act brought to the shelf; below zero when it took them away."""
    kind: str = act["act"]
    if kind in ("buffer", "fair_sold"):
        return 0
    return int(-act["quantity"] if kind == "fair_take" else act["quantity"])


def unmet(item: Item) -> Iterator[tuple[str, Applied, Demand]]:
    """The lines of an order that have taken something else than they ask for: name, taken, asked."""
    wants = demand(read(knowledge(item)))
    taken = {name: Applied(**line) for name, line in item["applied"].items()}
    for name in sorted(wants.keys() | taken.keys()):
        line = taken.get(name) or Applied(wants[name].sku)
        want = wants.get(name) or Demand(line.sku, "", hold=0, gone=0)
        if (line.sku, line.consumed, line.reserved + line.short, line.restocked) != (
            want.sku, want.gone, want.hold, want.back,
        ):  # fmt: skip
            yield name, line, want


def _versions(store: Store, skus: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for batch in batches(skus):
        found |= {key.pk: item["version"] for key, item in store.read(map(tables.stock, batch)).items()}
    return found


def _counted(store: Store, report: Report, only: Collection[str] | None) -> dict[str, _Sums]:
    """One counting. ``only`` some SKUs are counted with the names of all that they stand on."""
    sums: dict[str, _Sums] = defaultdict(_Sums)
    if only is not None:
        sums |= {sku: _Sums() for sku in only}
    for batch in batches(_of_shelves(store, only)):
        waiting = [(key, item) for key, item in batch if key.sk.startswith(tables.SHORT_LINES)]
        for key, item in batch:
            _add_of_shelf(report, sums[key.pk], key, item, named=only is not None)
        report.waiting += len(waiting)
        orders = store.read({tables.order(item["order_ref"]) for _, item in waiting}) if waiting else {}
        for key, item in waiting:
            if difference := _out_of_place(key, item, orders.get(tables.order(item["order_ref"]))):
                sums[key.pk].queue.append(difference)
    orders_in_hand = (item for key, item in store.scan(Table.ORDERS) if key.sk == "ORDER")
    for batch_of_orders in batches(orders_in_hand):
        _add_orders(store, report, sums, batch_of_orders, only)
    return sums


def _of_shelves(store: Store, only: Collection[str] | None) -> Iterator[tuple[Key, Item]]:
    return ((key, item) for key, item in store.scan(Table.STOCK) if only is None or key.pk in only)


def _add_of_shelf(report: Report, counted: _Sums, key: Key, item: Item, *, named: bool) -> None:
    if key == tables.stock(key.pk):
        counted.item = item
    elif "act_id" in item:
        report.acts += 1
        counted.counted_in += units_in(item)
        if item["act"] == "buffer":
            counted.buffer = max(counted.buffer, (item["at"], item["act_id"], item["quantity"]))
        if item["act"] in _FAIR:
            fair = counted.fairs.setdefault(item["fair"], dict.fromkeys(_FAIR.values(), 0))
            fair[_FAIR[item["act"]]] += item["quantity"]
        if named:
            _name(
                counted.acts, {name: item.get(name) for name in ("act_id", "act", "quantity", "fair", "at", "person")}
            )
    elif "taken" in item:
        counted.stalls[item["fair"]] = item


def _name(named: list[Item], entry: Item) -> None:
    if len(named) < MOST_NAMED:
        named.append(entry)


def _out_of_place(key: Key, item: Item, order: Item | None) -> Difference | None:
    """A line in the queue that its order does not ask for, or not for so much, or not in this place."""
    order_ref, line_id, sku = item["order_ref"], item["line_id"], key.pk
    line = order["applied"].get(line_id) if order else None
    if order and (line is None or line["sku"] != sku):
        line = order["applied"].get(f"{line_id} {sku}")
    short = line["short"] if line else 0
    if line and short == item["short"] and key == tables.short_line(sku, str(line["since"]), order_ref, line_id):
        return None
    text = f"line {line_id} of {order_ref} stands in the queue with {item['short']}, and its order lacks {short}"
    named = {"order_ref": order_ref, "line_id": line_id}
    return Difference("queue", sku, f"line {line_id} of {order_ref}", item["short"], short, text, (named,))


def _add_orders(
    store: Store, report: Report, sums: dict[str, _Sums], orders: list[Item], only: Collection[str] | None
) -> None:
    places: dict[Key, tuple[str, str, int]] = {}
    for item in orders:
        report.orders += 1
        if item["unfinished"]:
            report.in_hand.append(item["order_ref"])
        elif only is None:
            report.differences += (_as_difference(item["order_ref"], found) for found in unmet(item))
        for name, line in item["applied"].items():
            if only is not None and line["sku"] not in only:
                continue
            counted, line_id = sums[line["sku"]], name.split(" ")[0]
            for counter in ("reserved", "short", "consumed", "restocked"):
                setattr(counted, counter, getattr(counted, counter) + line[counter])
            if only is not None and any(line[counter] for counter in ("reserved", "short", "consumed", "restocked")):
                _name(counted.lines, {"order_ref": item["order_ref"], "line_id": line_id} | line)
            if line["short"]:
                key = tables.short_line(line["sku"], str(line["since"]), item["order_ref"], line_id)
                places[key] = (item["order_ref"], line_id, line["short"])
    for keys in batches(places):
        there = store.read(keys)
        for key in keys:
            order_ref, line_id, short = places[key]
            # One that stands there with another number was found from the queue's side.
            if key not in there:
                text = f"line {line_id} of {order_ref} lacks {short} and does not stand in the queue: nothing serves it"
                named = {"order_ref": order_ref, "line_id": line_id}
                sums[key.pk].queue.append(
                    Difference("queue", key.pk, f"line {line_id} of {order_ref}", 0, short, text, (named,))
                )


def _as_difference(order_ref: str, found: tuple[str, Applied, Demand]) -> Difference:
    name, line, want = found
    stands = [line.consumed, line.reserved + line.short, line.restocked]
    should = [want.gone, want.hold, want.back]
    text = (
        f"line {name}: has taken gone, held, back {stands} of {line.sku} and its facts ask for {should} of {want.sku}"
    )
    return Difference("order", order_ref, f"line {name}", stands, should, text)


def _differences(sku: str, counted: _Sums) -> list[Difference]:
    stands = Stock.of(counted.item) if counted.item else Stock(sku, "")
    lines, acts = tuple(counted.lines), tuple(counted.acts)
    found = list(counted.queue)

    def compare(what: str, is_now: int, should: int, why: str, behind: tuple[Item, ...]) -> None:
        if is_now != should:
            found.append(Difference("shelf", sku, what, is_now, should, f"{what} is {is_now}: {why}", behind))

    total = stands.available + stands.reserved
    compare("on_hand", stands.on_hand, total, f"available and reserved are {total} together", ())
    for counter in ("reserved", "short"):
        of_orders = getattr(counted, counter)
        why = f"the orders have {of_orders} {counter}"
        behind = tuple(line for line in lines if line[counter])
        compare(counter, getattr(stands, counter), of_orders, why, behind)
    held = counted.reserved + counted.short
    left = counted.counted_in - counted.consumed + counted.restocked - held
    free = stands.available - stands.short - stands.uncounted
    why = (
        f"{counted.counted_in} counted in, {counted.consumed} gone, {counted.restocked} put back and {held} held"
        f" leave {left}"
    )
    compare("available - short - uncounted", free, left, why, (*lines, *acts))
    compare("buffer", stands.buffer, counted.buffer[2], f"{counted.buffer[2]} was set last", acts)
    for name in ("on_hand", "available", "reserved", "short", "uncounted", "buffer"):
        if (units := getattr(stands, name)) < 0:
            compare(name, units, 0, "nothing can be below 0", ())
    if stands.available and stands.uncounted:
        compare(
            "uncounted", stands.uncounted, 0, f"{stands.available} are free, which pay for uncounted ones first", ()
        )
    for fair in sorted(counted.fairs.keys() | counted.stalls.keys()):
        of_acts = counted.fairs.get(fair, dict.fromkeys(_FAIR.values(), 0))
        stall = counted.stalls.get(fair, {})
        behind = tuple(act for act in acts if act["fair"] == fair)
        for name, units in of_acts.items():
            if stall.get(name, 0) != units:
                text = f"{fair}: the stall has {stall.get(name, 0)} {name}, the acts say {units}"
                found.append(Difference("fair", sku, f"{fair}: {name}", stall.get(name, 0), units, text, behind))
    return found
