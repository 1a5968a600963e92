"""What persons do: each act is checked as things stand, and sent. apply_order_events alone writes orders and stock.

An act has an id. Whoever made the id can repeat the act with it, after a lost answer for example, and
it counts once; another act under the same id is refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError

from hunar import tables
from hunar.domain import catalogue, facts, worklist
from hunar.domain.facts import Fact, Inspected, Remapped, Resolved, Voided
from hunar.domain.order import Order, knowledge, read, voided
from hunar.domain.stock import Stock, recounted
from hunar.messages import HoldMoney, OperatorAct, StockAct, wrong_field
from hunar.ports import Put, QueueName, Queues, Rejected, Store
from hunar.tables import Item
from hunar.use_cases import import_catalogue
from hunar.use_cases.change_order import Sold, resolution
from hunar.use_cases.count_stock import FAIR, says_the_same

AtFair = Literal["taken", "sold", "back"]
_FAIR_ACTS: Final = {count: act for act, count in FAIR.items()}


class NotThere(Rejected):
    """There is nothing of this name."""


class NotNow(Rejected):
    """As things stand it cannot be done: it was done before, or something else was done under this id."""


@dataclass(frozen=True)
class Desk:
    """What acting needs from outside."""

    store: Store
    queues: Queues
    now: str
    again: Callable[[Callable[[], Any]], Any]


@dataclass(frozen=True)
class By:
    """Who acts, why, and the id of the act."""

    person: str
    reason: str
    act_id: str


# shelves


def adjust(desk: Desk, sku: str, quantity: int, by: By) -> None:
    """Count units in, or out when negative."""
    if quantity == 0:
        raise Rejected("quantity: 0 changes nothing")
    _send_stock_act(desk, by, act="adjust", sku=sku, quantity=quantity)


def recount(desk: Desk, sku: str, counted: int, by: By) -> None:
    """The shelf was counted. What that adds to the counters, or takes, is settled now: what moves later moves on it."""
    _, shelf, _ = _shelf(desk, sku, by.act_id)
    _send_stock_act(desk, by, act="recount", sku=sku, quantity=recounted(shelf, counted), counted=counted)


def hold_back(desk: Desk, sku: str, units: int, by: By) -> None:
    """So many units are not offered to channels."""
    _send_stock_act(desk, by, act="buffer", sku=sku, quantity=units)


def at_fair(desk: Desk, sku: str, fair: str, what: AtFair, units: int, by: By) -> None:
    """Units were taken to the stall of a fair, sold there, or brought back; a negative number corrects."""
    if units == 0:
        raise Rejected(f"{what}: 0 changes nothing")
    stall = shown_fair(desk.store, sku, fair)
    if stall[what] + units < 0:
        raise Rejected(f"{what}: {stall[what]} were {_WORDS[what]} so far, so {-units} cannot be taken off")
    _send_stock_act(desk, by, act=_FAIR_ACTS[what], sku=sku, quantity=units, fair=fair)


_WORDS: Final = {"taken": "taken there", "sold": "sold", "back": "brought back"}


def shown_fair(store: Store, sku: str, fair: str) -> Item:
    """What was taken to a fair's stall, sold there and brought back: units, zeros when nobody was there."""
    key = tables.fair(sku, fair)
    found = store.read([key]).get(key, {}) if possible(sku, fair) else {}
    return {"sku": sku, "fair": fair} | {name: found.get(name, 0) for name in _FAIR_ACTS}


def _send_stock_act(desk: Desk, by: By, *, sku: str, **said: Any) -> None:
    product, _, counted = _shelf(desk, sku, by.act_id)
    if product is None:
        raise NotThere(f"sku: {sku[:100]} is not registered")
    try:
        act = StockAct(sku=sku, act_id=by.act_id, reason=by.reason, person=by.person, at=desk.now, **said)
    except ValidationError as error:
        raise Rejected(wrong_field(error)) from None
    if counted is None:
        desk.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
    elif not says_the_same(counted, act):
        raise NotNow(f"act_id: {by.act_id} was used before for {_words(counted)}; another act needs an id of its own")


def _shelf(desk: Desk, sku: str, act_id: str) -> tuple[Item | None, Stock, Item | None]:
    """The product, its counters as they show now, and what was counted under the act's id before."""
    keys = [tables.product(sku), tables.stock(sku), tables.adjustment(sku, act_id)]
    found = desk.store.read(keys) if possible(sku, act_id) else {}
    product, stock, counted = map(found.get, keys)
    return product, Stock.of(stock) if stock else Stock(sku, product["group_id"] if product else ""), counted


def _words(counted: Item) -> str:
    units = counted.get("counted", counted["quantity"])
    return f"{str(counted.get('act', 'adjust')).replace('_', ' ')} {units} of {counted['sku']}"


# listings


def map_listing(
    desk: Desk, marketplace: str, account: str, listing: str, sku: str, since: str | None, by: By
) -> list[str]:
    """The marketplace's name for a product leads to a SKU, as a row of listings.csv would say it.

    Orders that wait for it go on. Returns what a person should look at; raises Rejected naming the field.
    """
    table = io.StringIO()
    csv.writer(table).writerows(
        [("marketplace", "account", "listing", "sku", "from"), (marketplace, account, listing, sku, since or "")]
    )
    awaited = _exception(desk, worklist.exception_id("UNKNOWN_LISTING", marketplace, account, listing))
    door = import_catalogue.Desk(desk.store, desk.queues, desk.now, demo=False, again=desk.again)
    report = import_catalogue.import_catalogue(door, {"listings.csv": table.getvalue().encode()}, dry_run=False)
    if report.problems:
        raise Rejected("; ".join(f"{problem.column or 'listing'}: {problem.message}" for problem in report.problems))
    if awaited is not None and awaited["closed_at"] is None:
        note(desk, awaited["exception_id"], "map", by, f"to {sku}")
    return [f"{problem.column}: {problem.message}" for problem in report.warnings]


# orders


def inspect(
    desk: Desk, order_ref: str, return_id: str, line_id: str | None, good: int, damaged: int, lost: int, by: By
) -> None:
    """A returned parcel was opened. Raises Rejected with the numbers when more was counted than is back."""
    known, order = _order(desk, order_ref)
    lines = [
        entry.line_id for entry in order.returns if entry.return_id == return_id and line_id in (None, entry.line_id)
    ]
    if not lines:
        of_line = f" of line {line_id}" if line_id else ""
        raise NotThere(f"return_id: the order has no return {return_id}{of_line}")
    if len(lines) > 1:
        raise Rejected(f"line_id: is missing: the return {return_id} is of the lines {', '.join(lines)}")
    if min(good, damaged, lost) < 0:
        raise Rejected("good, damaged, lost: units are not below 0")
    if good + damaged + lost == 0:
        raise Rejected("good, damaged, lost: nothing was counted")
    fact = Inspected(by.act_id, return_id, lines[0], desk.now, good, damaged, lost, person=by.person, reason=by.reason)
    if _stated(known, fact):
        return
    already = {(problem.kind, problem.line_id, problem.of) for problem in order.problems}
    for problem in read({*known, fact}).problems:
        new = (problem.kind, problem.line_id, problem.of) not in already
        if new and (problem.of == by.act_id or problem.kind == "WAITING_FACT"):
            raise Rejected(f"good, damaged, lost: {problem.message}")
    _send_act(desk, order_ref, fact)


def void(desk: Desk, order_ref: str, fact_id: str, by: By) -> None:
    """A fact that the order knows is not true. A void can be voided: then the fact counts again."""
    known, _ = _order(desk, order_ref)
    fact = Voided(by.act_id, fact_id, desk.now, person=by.person, reason=by.reason)
    if _stated(known, fact):
        return
    target = next((one for one in known if facts.fact_id(one) == fact_id), None)
    if target is None:
        raise NotThere(f"fact_id: the order knows no fact {fact_id}")
    if isinstance(target, Resolved):
        raise Rejected("fact_id: this is what the line took from the registry; remap the line instead")
    if fact_id in voided(known):
        raise NotNow(f"fact_id: {fact_id} is void already")
    _send_act(desk, order_ref, fact)


def hold_money(desk: Desk, order_ref: str, line_id: str, until: str | None, by: By) -> None:
    """What a line brings is not payable before ``until`` (RFC 3339, UTC); None lifts that."""
    _, order = _order(desk, order_ref)
    if line_id not in {line.line_id for line in order.lines}:
        raise NotThere(f"line_id: the order has no line {line_id}")
    held = HoldMoney(order_ref=order_ref, line_id=line_id, until=until, by=by.person, reason=by.reason, at=desk.now)
    desk.queues.send(QueueName.PAYOUTS, [held.model_dump_json()])


def remap(desk: Desk, order_ref: str, line_id: str, sku: str, by: By) -> None:
    """A line of an order is another product than its listing said, on the terms that held at the time of sale."""
    known, order = _order(desk, order_ref)
    line = next((line for line in order.lines if line.line_id == line_id), None)
    if line is None:
        raise NotThere(f"line_id: the order has no line {line_id}")
    product_key = tables.product(sku)
    product = desk.store.read([product_key]).get(product_key) if possible(sku) else None
    group_key = tables.group(product["group_id"]) if product else None
    group = desk.store.read([group_key]).get(group_key) if group_key else None
    if product is None or group is None:
        raise Rejected(f"sku: {sku} is not registered")
    mapping = {"from": line.sold_at[:10], "sku": sku}
    dated = catalogue.resolutions([mapping], {group["group_id"]: group}, {sku: product})
    terms = asdict(resolution(Sold(line.line_id, line.listing, line.sold_at), {"resolutions": dated}))
    # A remap holds whatever the line's listing is.
    del terms["listing"]
    fact = Remapped(act_id=by.act_id, at=desk.now, person=by.person, reason=by.reason, **terms)
    if _stated(known, fact):
        return
    if line.resolved is not None and line.resolved.sku == sku:
        raise NotNow(f"sku: the line is {sku} already")
    _send_act(desk, order_ref, fact)


def _order(desk: Desk, order_ref: str) -> tuple[frozenset[Fact], Order]:
    key = tables.order(order_ref)
    stored = desk.store.read([key]).get(key) if possible(order_ref) else None
    if stored is None:
        raise NotThere(f"order_ref: there is no order {order_ref}")
    known = knowledge(stored)
    return known, read(known)


def _stated(known: frozenset[Fact], fact: facts.Act) -> bool:
    """Whether the order knows this act already. Raises NotNow when it knows another one under its id."""
    earlier = next((one for one in known if isinstance(one, facts.Act) and one.act_id == fact.act_id), None)
    if earlier is not None and not facts.same_act(earlier, fact):
        raise NotNow(f"act_id: {fact.act_id} was used before for something else; another act needs an id of its own")
    return earlier is not None


def _send_act(desk: Desk, order_ref: str, fact: facts.Act) -> None:
    try:
        act = OperatorAct(act_id=fact.act_id, order_ref=order_ref, fact=facts.to_text(fact))
    except ValidationError as error:
        raise Rejected(wrong_field(error)) from None
    desk.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])


# exceptions


def note(desk: Desk, exception_id: str, what: str, by: By, more: str = "") -> None:
    """Write into an exception's history what a person did about its cause. Raises Retryable."""

    def write() -> None:
        there = _exception(desk, exception_id)
        if there is not None:
            said = ", ".join(filter(None, (more, by.reason)))
            after = worklist.noted(there, at=desk.now, what=what, by=by.person, note=said or None)
            desk.store.commit([Put(tables.exception(exception_id), after, there["version"])])

    desk.again(write)


def _exception(desk: Desk, exception_id: str) -> Item | None:
    key = tables.exception(exception_id)
    return desk.store.read([key]).get(key)


def possible(*names: str) -> bool:
    """Whether an item can stand under these names: a key of DynamoDB holds at most 1,024 bytes."""
    return all(names) and sum(len(name.encode(errors="replace")) for name in names) <= 1000
