"""Keeping where a line was settled otherwise than expected, and showing it to a person until it is over.

What differs is an item of its own, which ``hunar differences`` lists, and one exception, whose cause is the line. The
item remembers what the exception said: when a person acknowledged it, it opens again only when that changes. An item of
which nothing is left stays without heads: nothing is ever removed from the Ledger table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hunar import tables
from hunar.domain import differences, worklist
from hunar.domain.claimants import Part
from hunar.domain.differences import Difference
from hunar.domain.facts import instant, moment
from hunar.domain.money import rupees
from hunar.domain.order import Line, Order
from hunar.domain.rate_card import GOVERNMENT, Unpriced
from hunar.domain.settlement import SettlementLine
from hunar.ports import ABSENT, Conflict, Put, Store
from hunar.rate_cards import tolerances
from hunar.tables import Item, Key
from hunar.use_cases.registered_rates import card_of
from hunar.use_cases.worklist import closing, opening

SETTLEMENT_DIFFERS: Final = "SETTLEMENT_DIFFERS"
_SHOWN: Final = 200
"""Rows that an item names. A line that was settled in more of them has all of them in its subject's partition."""


def note(
    store: Store, *, order_ref: str, order: Order, line: Line, parts: Sequence[Part], seen: int, now: str
) -> tuple[Difference, ...]:
    """Compares a line with the registered card; opens, says anew or closes its exception, and keeps what differs.

    ``parts`` are all that was settled of the line, ``seen`` the version of its ``posted`` item that they were read
    after (ABSENT without one). Doing it again changes nothing. A line for which a rate is missing, or what a rate asks
    for (zone, weight), is not compared: nothing of it differs, and the item says why. Raises Conflict when somebody
    wrote meanwhile or knew of more: read again.
    """
    marketplace = order_ref.split(":", 2)[0]
    lines = [replace(part.of, key=part.key, heads=part.heads) for part in parts]
    shares = sum(part.key != part.of.key for part in parts)
    found: tuple[Difference, ...] = ()
    compensated, why = 0, None
    try:
        card = card_of(store, (marketplace, GOVERNMENT)) if lines else None
        expected = differences.expected(marketplace, order, line, lines, card) if card else None
    except Unpriced as problem:
        expected, why = None, str(problem)
    if expected:
        found = differences.differences(expected, lines, tolerances(), shares=shares)
        compensated = differences.compensation(expected, lines)
    if differences.made_good(found, compensated):
        found = ()
    there = store.read(keys(order_ref, line.line_id))
    if written := _puts(there, order_ref, line, lines, found, compensated, why, seen=seen, now=now):
        store.commit(written)
    return found


def keys(order_ref: str, line_id: str) -> tuple[Key, Key]:
    """Where the difference of a line and its exception stand."""
    identity = worklist.exception_id(SETTLEMENT_DIFFERS, order_ref, line_id)
    return tables.difference(order_ref, line_id), tables.exception(identity)


def _puts(
    there: Mapping[Key, Item],
    order_ref: str,
    line: Line,
    lines: Sequence[SettlementLine],
    found: Sequence[Difference],
    compensated_paise: int,
    not_compared: str | None,
    *,
    seen: int,
    now: str,
) -> list[Put]:
    key, exception_key = keys(order_ref, line.line_id)
    kept, shown = there.get(key), there.get(exception_key)
    version = int(kept["version"]) if kept else ABSENT
    if kept and int(kept["seen"]) > seen:
        raise Conflict("more is known of the line meanwhile")
    if not_compared:
        item = _item(order_ref, line, lines, (), 0) | {"not_compared": not_compared}
        if kept and {name: kept.get(name) for name in item} == item:
            return closing(shown, at=now)
        written = Put(key, item | {"at": now, "seen": seen, "version": version + 1}, version)
        return [written, *closing(shown, at=now)]
    if not found:
        if not (kept and (kept["heads"] or kept.get("not_compared"))):
            return closing(shown, at=now)
        nothing = {"heads": [], "compensated_paise": 0, "total_paise": 0, "seen": seen, "at": now, "not_compared": None}
        return [Put(key, kept | nothing | {"version": version + 1}, version), *closing(shown, at=now)]
    item = _item(order_ref, line, lines, found, compensated_paise)
    if kept and {name: kept.get(name) for name in item} == item:
        return []
    opened = worklist.opened(
        SETTLEMENT_DIFFERS,
        (order_ref, line.line_id),
        at=now,
        message=_message(line.line_id, found, compensated_paise),
        order_ref=order_ref,
        sku=item["sku"],
        listing=line.listing,
        group_id=item["group_id"],
        line_id=line.line_id,
    )
    written = Put(key, item | {"at": now, "seen": seen, "version": version + 1}, version)
    return [written, *opening(opened, shown, renew=True)]


def _item(
    order_ref: str,
    line: Line,
    lines: Sequence[SettlementLine],
    found: Sequence[Difference],
    compensated_paise: int,
) -> Item:
    marketplace, account, order_id = order_ref.split(":", 2)
    unique = sorted({entry.key: entry for entry in lines}.values(), key=lambda entry: (entry.settlement_id, entry.row))
    rows: list[dict[str, Any]] = [{"settlement_id": entry.settlement_id, "row": entry.row} for entry in unique]
    return {
        "order_ref": order_ref,
        "line_id": line.line_id,
        "marketplace": marketplace,
        "account": account,
        "order_id": next((entry.order_id for entry in unique if entry.order_id), order_id),
        "item_id": next((entry.item_id for entry in unique if entry.item_id), None),
        "settlement_ids": sorted({entry.settlement_id for entry in unique}),
        "group_id": line.resolved.group_id if line.resolved else None,
        "sku": line.resolved.sku if line.resolved else None,
        "settled_at": instant(max(moment(entry.posted_at) for entry in unique)),
        "heads": [one.item() for one in found],
        "rows": rows[:_SHOWN],
        "compensated_paise": compensated_paise,
        "total_paise": sum(one.difference_paise for one in found) + compensated_paise,
    }


def _message(line_id: str, found: Sequence[Difference], compensated_paise: int) -> str:
    told = "; ".join(one.sentence for one in found)
    net = sum(one.difference_paise for one in found) + compensated_paise
    paid = f"; {rupees(compensated_paise)} were paid as compensation" if compensated_paise else ""
    in_all = f"; in all {rupees(abs(net))} too {'little' if net < 0 else 'much'}" if len(found) > 1 or paid else ""
    return f"line {line_id}: {told}{paid}{in_all}"
