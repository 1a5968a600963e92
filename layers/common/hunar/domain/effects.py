"""What an order owes: texts to its groups and payouts to compute.

An effect's id is the hash of what it means, so the same reason never owes twice. The order keeps
all that it ever owed in ``owed`` and what its present version adds in ``effects``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.identity import derived_id
from hunar.domain.order import Line, Order

LEADER: Final = "leader"
"""The contact who is told about orders."""

NEW_ORDER: Final = "NEW_ORDER"
CANCELLED: Final = "CANCELLED"
PAYOUT: Final = "PAYOUT"
ALLOCATE: Final = "ALLOCATE"
"""Owed by a stock item, not by an order: free units and lines that wait for them."""

_AFTER_SHIP_BY: Final = timedelta(hours=48)
_AFTER_SALE: Final = timedelta(days=7)


def new_effects(order_ref: str, order: Order, owed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the order owes now and never owed before, by id."""
    found = _texts(order_ref, order, owed) | _payouts(order_ref, order, owed)
    return {effect_id: effect for effect_id, effect in found.items() if effect_id not in owed}


def units_to_send(order: Order, group_id: str) -> dict[str, int]:
    """Units of each SKU that a group still has to send."""
    units: dict[str, int] = defaultdict(int)
    for line in group_lines(order, group_id):
        if line.resolved is not None and line.open:
            units[line.resolved.sku] += line.open
    return dict(sorted(units.items()))


def kept(told: Mapping[str, int], to_send: Mapping[str, int]) -> dict[str, int]:
    """Units of each SKU that the group was told of and still has to send."""
    return {sku: units for sku in told if (units := min(told[sku], to_send.get(sku, 0)))}


def good_until(order: Order, group_id: str) -> str:
    """After this a text about the order only confuses: a replay or an old redrive stays silent."""
    lines = group_lines(order, group_id)
    ship_by = [line.ship_by for line in lines if line.ship_by]
    if ship_by:
        return facts.instant(facts.moment(max(ship_by)) + _AFTER_SHIP_BY)
    return facts.instant(facts.moment(max(line.sold_at for line in lines)) + _AFTER_SALE)


def group_lines(order: Order, group_id: str) -> list[Line]:
    """The lines that a group fulfils."""
    return [line for line in order.lines if line.resolved is not None and line.resolved.group_id == group_id]


def _texts(order_ref: str, order: Order, owed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """One text per group and reason, whatever the number of its lines.

    A group that was told of units is told again when they change: fewer of a product are a
    CANCELLED, more are a NEW_ORDER, and a change from one product to another is both. One that was
    never told and has nothing to send hears nothing.
    """
    found = {}
    groups = sorted({line.resolved.group_id for line in order.lines if line.resolved is not None})
    for group_id in groups:
        told = [effect for effect in owed.values() if effect.get("group_id") == group_id]
        last = max(told, key=lambda effect: int(effect["n"]), default=None)
        to_send = units_to_send(order, group_id)
        before: Mapping[str, int] = last["units"] if last else {}
        still = kept(before, to_send)
        owes = [(CANCELLED, still)] if still != before else []
        owes += [(NEW_ORDER, to_send)] if to_send != still and order.left_at is None else []
        revision = [[line.line_id, line.revision] for line in group_lines(order, group_id)]
        for n, (kind, units) in enumerate(owes, len(told) + 1):
            found[derived_id(kind, order_ref, group_id, LEADER, revision)] = {
                "kind": kind,
                "group_id": group_id,
                "contact": LEADER,
                "good_until": good_until(order, group_id),
                "units": units,
                "n": n,
            }
    return found


def _payouts(order_ref: str, order: Order, owed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A delivered line is worth computing, and again whenever what its amount hangs on changes.

    The command only says "look again", so its number may stand in its id.
    """
    found = {}
    for line in order.lines:
        due = line.delivered_at is not None and line.unit_price_paise is not None and line.resolved is not None
        computed = [effect for effect in owed.values() if effect.get("line_id") == line.line_id]
        last = max(computed, key=lambda effect: int(effect["n"]), default=None)
        revision = derived_id(due, line.open, line.unit_price_paise, line.sold_at)
        if (due or last) and revision != (last and last["revision"]):
            n = len(computed) + 1
            effect = {"kind": PAYOUT, "line_id": line.line_id, "revision": revision, "n": n}
            found[derived_id(PAYOUT, order_ref, line.line_id, revision, n)] = effect
    return found
