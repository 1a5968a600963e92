"""What persons do with shelves: count in and out, count anew, hold a buffer back, take goods to a fair.

Each act has an id that its maker chose, and is counted once: the proof is an item of its own, put in
the transaction that changes the counters. Sums do not depend on the order in which acts come.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hunar import tables
from hunar.domain import effects, worklist
from hunar.domain.identity import derived_id
from hunar.domain.stock import Stock, adjusted, owes_allocation
from hunar.messages import StockAct
from hunar.ports import ABSENT, ANY, Put, Rejected, Store
from hunar.tables import Item

FAIR: Final = {"fair_take": "taken", "fair_sold": "sold", "fair_back": "back"}


def count(store: Store, act: StockAct, *, now: str) -> str:
    """Count the act. Returns the outcome for the log.

    Raises Conflict, and Rejected for a product that nobody knows or another act under the same id.
    """
    stock_key, done_key = tables.stock(act.sku), tables.adjustment(act.sku, act.act_id)
    product_key = tables.product(act.sku)
    fair_key = tables.fair(act.sku, act.fair) if act.fair else None
    found = store.read([stock_key, done_key, product_key, *([fair_key] if fair_key else [])])
    if done_key in found:
        if not says_the_same(found[done_key], act):
            raise Rejected(f"act_id: {act.act_id} was counted before and said something else")
        return "duplicate"
    if product_key not in found:
        raise Rejected(f"sku: {act.sku} is not in the registry")
    item = found.get(stock_key)
    before = Stock.of(item) if item else Stock(act.sku, found[product_key]["group_id"])
    kept = act.model_dump(exclude={"kind", "version"}, exclude_none=True)
    after, said = _after(before, item, act), _buffer_said(item, act)
    puts = stock_puts(store, before, after, item, now=now, said=said, note=_note(act))
    if fair_key:
        puts += _fair_puts(store, act, found.get(fair_key), now=now)
    puts += [
        Put(done_key, kept, ABSENT),
        Put(tables.stock_delivery(act.sku, act.act_id), kept | {"verdict": "APPLIED", "received_at": now}, ANY),
    ]
    store.commit(puts)
    return "new"


def says_the_same(counted: Item, act: StockAct) -> bool:
    """Whether ``counted``, which was counted under the act's id, is this act.

    It may be repeated later and by somebody else, and a recount then finds other counters.
    """
    names = ("act", "sku", "fair", "reason", "quantity" if act.counted is None else "counted")
    return all(counted.get(name) == getattr(act, name) for name in names)


def stock_puts(
    store: Store,
    before: Stock,
    after: Stock,
    item: Item | None,
    *,
    now: str,
    said: Item | None = None,
    note: str | None = None,
) -> list[Put]:
    """The writes that turn one SKU's counters into others, with the exception that they open or close.

    ``said`` is what the item keeps beside its counters; None leaves it as it is. ``note`` says in the
    exception's history who closed it.
    """
    version = item["version"] if item else 0
    beside = said if said is not None else _beside(item)
    if item and after == before and beside == _beside(item):
        return []
    content: Item = after.content() | beside | {"version": version + 1}
    owed = [effects.ALLOCATE] if owes_allocation(after) else []
    if owed:
        content |= tables.due(now, after.sku)
    if item is None or after.offered != before.offered:
        owed.append(effects.PUBLISH)
    if owed:
        said_once = [{"effect_id": derived_id(kind, after.sku, version + 1), "kind": kind} for kind in owed]
        content |= {"outbox": "effects", "effects": said_once}
    puts = [Put(tables.stock(after.sku), content, version or ABSENT)]
    if before.uncounted == after.uncounted:
        return puts
    message = f"{after.uncounted} {after.sku} left the shelf though none were counted there"
    opened = worklist.opened("UNCOUNTED", (after.sku,), at=now, message=message, sku=after.sku, group_id=after.group_id)
    return puts + _exception_puts(store, opened, bool(after.uncounted), now=now, note=note)


def _note(act: StockAct) -> str | None:
    """What a person's act says in the history of an exception that it closes."""
    if not act.person:
        return None
    did = f"counted {act.counted}" if act.counted is not None else f"{act.act.replace('_', ' ')} {act.quantity:+d}"
    return f"{act.person}: {did}, {act.reason}".rstrip(", ")


def _after(before: Stock, item: Item | None, act: StockAct) -> Stock:
    match act.act:
        case "buffer":
            # The buffer that was set last holds, by the person's time and not by arrival.
            return replace(before, buffer=act.quantity) if _is_later(item, act) else before
        case "fair_take":
            return adjusted(before, -act.quantity)
        case "fair_sold":
            return before
        case _:
            return adjusted(before, act.quantity)


def _is_later(item: Item | None, act: StockAct) -> bool:
    return (act.at, act.act_id) > tuple((item or {}).get("buffer_set", ("", "")))


def _beside(item: Item | None) -> Item:
    return {"buffer_set": item["buffer_set"]} if item and "buffer_set" in item else {}


def _buffer_said(item: Item | None, act: StockAct) -> Item | None:
    return {"buffer_set": [act.at, act.act_id]} if act.act == "buffer" and _is_later(item, act) else None


def _fair_puts(store: Store, act: StockAct, there: Item | None, *, now: str) -> list[Put]:
    """The stall's own count: what was taken is sold, brought back, or still there."""
    before: Item = there or {"fair": act.fair, "sku": act.sku, "taken": 0, "sold": 0, "back": 0, "version": 0}
    after = before | {"version": before["version"] + 1}
    name = FAIR[act.act]
    after[name] += act.quantity
    puts = [Put(tables.fair(act.sku, str(act.fair)), after, before["version"] or ABSENT)]
    if _excess(before) == _excess(after):
        return puts
    message = f"{_excess(after)} {act.sku} more were sold or brought back than were taken to {act.fair}"
    cause = (act.sku, act.fair)
    opened = worklist.opened("FAIR_MISCOUNT", cause, at=now, message=message, sku=act.sku, fair=act.fair)
    return puts + _exception_puts(store, opened, _excess(after) > 0, now=now, note=_note(act))


def _excess(fair: Item) -> int:
    """Units that the stall gave away and never had."""
    return max(0, int(fair["sold"] + fair["back"] - fair["taken"]))


def _exception_puts(store: Store, opened: Item, wanted: bool, *, now: str, note: str | None) -> list[Put]:
    """Opens the exception, says it anew, or closes it, in the caller's transaction."""
    key = tables.exception(opened["exception_id"])
    there = store.read([key]).get(key)
    if wanted:
        return [Put(key, worklist.opened_again(there, opened), there["version"]) if there else Put(key, opened, ABSENT)]
    if there is None or there["closed_at"] is not None:
        return []
    return [Put(key, worklist.closed(there, at=now, note=note), there["version"])]
