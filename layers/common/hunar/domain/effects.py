"""What an order owes: texts to its groups and payouts to compute.

An effect's id is the hash of what it means, so the same reason never owes twice. The order keeps
all that it ever owed in ``owed`` and what its present version adds in ``effects``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.facts import LEFT, SALE_SHARE, Resolved
from hunar.domain.identity import derived_id
from hunar.domain.manners import day as day_in_india
from hunar.domain.order import LOST, Line, Order
from hunar.domain.returns import CANCELLED as RETURN_CANCELLED
from hunar.domain.returns import Return
from hunar.domain.stock import Applied
from hunar.domain.text_kinds import RETURN, SHIP_BY

LEADER: Final = "leader"
"""The contact who is told about orders."""

NEW_ORDER: Final = "NEW_ORDER"
CANCELLED: Final = "CANCELLED"
HOLD: Final = "HOLD"
RELEASED: Final = "RELEASED"
SERVED: Final = "SERVED"
"""Units that were missing are there now."""
TEXTS: Final = (NEW_ORDER, CANCELLED, HOLD, RELEASED, SERVED)
"""Texts about the units that a group has to send. Each is decided against those before it."""
TOLD_APART: Final = (RETURN, SHIP_BY)
"""Texts that say what they say whatever else the group was told, and that no other text counts."""
PAYOUT: Final = "PAYOUT"
FETCH: Final = "FETCH"
"""The marketplace must be asked about the order: something is only claimed, or a price is missing."""
ALLOCATE: Final = "ALLOCATE"
"""Owed by a stock item, not by an order: free units and lines that wait for them."""
PUBLISH: Final = "PUBLISH"
"""Owed by a stock item: channels may sell another number of units than before."""

PATIENCE: Final = timedelta(minutes=10)
"""So long a group is not told of what is only claimed, in case the marketplace still says whether it is true."""

_AFTER_SHIP_BY: Final = timedelta(hours=48)
_AFTER_SALE: Final = timedelta(days=7)
_AFTER_REQUEST: Final = timedelta(days=14)
_SAYS_WHEN: Final = (NEW_ORDER, RELEASED, SERVED)
"""Texts that name the time until which the goods must be handed over."""


def new_effects(
    order_ref: str, order: Order, owed: Mapping[str, Any], applied: Mapping[str, Applied], now: str
) -> dict[str, dict[str, Any]]:
    """What the order owes at ``now`` and never owed before, by id.

    ``applied`` is what each line has taken of the stock. While something is only claimed no text is owed.
    """
    found = _payouts(order_ref, order, owed) | _fetches(order_ref, order, owed)
    if not waits_for_truth(order, owed, now):
        texts = _texts(order_ref, order, owed, applied)
        found |= texts | _earlier(order_ref, order, {**owed, **texts}) | _returns(order_ref, order, owed)
    return {effect_id: effect for effect_id, effect in found.items() if effect_id not in owed}


def waits_for_truth(order: Order, owed: Mapping[str, Any], now: str) -> bool:
    """Whether texts must wait: the marketplace has not said yet what is true, and was asked less than PATIENCE ago."""
    since = facts.instant(facts.moment(now) - PATIENCE)
    asked = {claim for effect in _asked(owed) if effect.get("at", now) <= since for claim in effect["claims"]}
    return not asked.issuperset(order.pending)


def patience_ends(order: Order, owed: Mapping[str, Any]) -> list[str]:
    """When texts need not wait any more, for each time that the marketplace was asked about what is still open."""
    return [
        facts.instant(facts.moment(effect["at"]) + PATIENCE)
        for effect in _asked(owed)
        if "at" in effect and not set(order.pending).isdisjoint(effect["claims"])
    ]


def _asked(owed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [effect for effect in owed.values() if effect.get("kind") == FETCH]


def _fetches(order_ref: str, order: Order, owed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """One question for all that is open at a time. A new claim, or a new line without a price, is another one."""
    asked = _asked(owed)
    claims = set(order.pending).difference(*(effect["claims"] for effect in asked))
    # While an order is held its marketplace may not know the price itself, so it is asked again when it goes on.
    lines = {f"{line.line_id}{' held' if line.held else ''}" for line in order.lines if line.unpriced}
    lines.difference_update(*(effect["prices"] for effect in asked))
    if not claims and not lines:
        return {}
    effect = {"kind": FETCH, "claims": sorted(claims), "prices": sorted(lines), "n": len(asked) + 1}
    return {derived_id(FETCH, order_ref, effect["claims"], effect["prices"]): effect}


def units_to_send(order: Order, group_id: str) -> dict[str, int]:
    """Units of each SKU that a group still has to send, held ones among them."""
    return _per_sku((line, line.open) for line in group_lines(order, group_id))


def units_held(order: Order, group_id: str) -> dict[str, int]:
    """Units of each SKU that a group may not hand over yet."""
    return _per_sku((line, line.held) for line in group_lines(order, group_id))


def kept(told: Mapping[str, int], to_send: Mapping[str, int]) -> dict[str, int]:
    """Units of each SKU that the group was told of and still has to send."""
    return {sku: units for sku in told if (units := min(told[sku], to_send.get(sku, 0)))}


def good_until(order: Order, group_id: str) -> str:
    """After this a text about the order only confuses: a replay or an old redrive stays silent.

    Empty when the order has no lines.
    """
    lines = group_lines(order, group_id) or order.lines
    if not lines:
        return ""
    ship_by = [line.ship_by for line in lines if line.ship_by]
    if ship_by:
        return facts.instant(facts.moment(max(ship_by)) + _AFTER_SHIP_BY)
    return facts.instant(facts.moment(max(line.sold_at for line in lines)) + _AFTER_SALE)


def group_lines(order: Order, group_id: str) -> list[Line]:
    """The lines that a group fulfils."""
    return [
        line for line in order.lines if line.ours and line.resolved is not None and line.resolved.group_id == group_id
    ]


def hand_over_by(order: Order, group_id: str) -> str | None:
    """Until when a group must hand over what it sends first, None when nobody said."""
    return min((line.ship_by for line in group_lines(order, group_id) if line.ship_by and line.open), default=None)


def _per_sku(lines: Iterable[tuple[Line, int]]) -> dict[str, int]:
    units: dict[str, int] = defaultdict(int)
    for line, count in lines:
        if line.resolved is not None and count:
            units[line.resolved.sku] += count
    return dict(sorted(units.items()))


def _texts(
    order_ref: str, order: Order, owed: Mapping[str, Any], applied: Mapping[str, Applied]
) -> dict[str, dict[str, Any]]:
    """One text per group and reason, whatever the number of its lines.

    A group that was told of units is told again when they change: fewer of a product are a
    CANCELLED, more are a NEW_ORDER, and a change from one product to another is both. One that was
    never told and has nothing to send hears nothing, and one whose units are all held from the
    beginning hears of them when they are released. A hold of units that a group was told of is a
    HOLD, its end a RELEASED. When the last missing units of a group come, it is SERVED.
    """
    found = {}
    of_groups = {line.resolved.group_id for line in order.lines if line.resolved is not None and line.ours}
    # A group whose line was given to another group was told of it, and must be told that it is gone.
    of_groups |= {effect["group_id"] for effect in owed.values() if effect["kind"] in TEXTS}
    for group_id in sorted(of_groups):
        told = _texts_to(owed, group_id)
        last: Mapping[str, Any] = max(told, key=lambda effect: int(effect["n"]), default={})
        taken = [applied[line.line_id] for line in group_lines(order, group_id) if line.line_id in applied]
        short = any(line.short for line in taken)
        n = len(told)
        reserved = [[line.sku, line.reserved] for line in taken]
        for text in _owed_to(order, group_id, told, short, reserved):
            effect_id = derived_id(text.kind, order_ref, group_id, LEADER, text.revision)
            if effect_id in owed:
                continue
            n += 1
            found[effect_id] = {
                "kind": text.kind,
                "group_id": group_id,
                "contact": LEADER,
                "good_until": good_until(order, group_id) or last["good_until"],
                "units": dict(text.units),
                "held": text.held,
                "short": short,
                "n": n,
            }
            found[effect_id] |= {"left_voided": len(order.left_voided)} if order.left_voided else {}
            found[effect_id] |= {"hold": text.hold} if text.hold else {}
            if text.kind in _SAYS_WHEN and (by := hand_over_by(order, group_id)):
                found[effect_id]["by"] = by
    return found


def _losses(told: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How often, by its texts, a group had nothing of a product left to hand over."""
    losses: dict[str, int] = defaultdict(int)
    before: Mapping[str, int] = {}
    for effect in sorted(told, key=lambda effect: int(effect["n"])):
        for sku in before.keys() - effect["units"].keys():
            losses[sku] += 1
        before = effect["units"]
    return losses


def _texts_to(owed: Mapping[str, Any], group_id: str) -> list[Mapping[str, Any]]:
    return [effect for effect in owed.values() if effect["kind"] in TEXTS and effect["group_id"] == group_id]


def _earlier(order_ref: str, order: Order, owed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A group that was told a time and must now be ready sooner hears of it. Later does no harm: it need not know.

    ``owed`` has the texts of this very moment too: they name the time as it is.
    """
    found: dict[str, dict[str, Any]] = {}
    if order.said_to_have_left:
        return found
    for group_id in sorted({effect["group_id"] for effect in owed.values() if effect["kind"] in _SAYS_WHEN}):
        named = [effect for effect in _texts_to(owed, group_id) if "by" in effect]
        to_send, by = units_to_send(order, group_id), hand_over_by(order, group_id)
        if not named or by is None or to_send == units_held(order, group_id):
            continue
        text = max(named, key=lambda effect: int(effect["n"]))
        sooner = [effect for effect in owed.values() if effect["kind"] == SHIP_BY and effect["group_id"] == group_id]
        told = min([text["by"], *(effect["says"]["by"] for effect in sooner if effect["n"] == text["n"])])
        if by < told:
            found[derived_id(SHIP_BY, order_ref, group_id, LEADER, told, by)] = {
                "kind": SHIP_BY,
                "group_id": group_id,
                "contact": LEADER,
                # Once that time is past, the reminder of the morning counts the order.
                "good_until": by,
                "says": {"count": 1, "by": by},
                "n": text["n"],
            }
    return found


def _returns(order_ref: str, order: Order, owed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """One text for each return and group, with all of its lines; one more for lines that are added to it later."""
    lines = {line.line_id: line for line in order.lines if line.ours}
    told = {
        (effect["return_id"], effect["group_id"], line_id)
        for effect in owed.values()
        if effect["kind"] == RETURN
        for line_id in effect["lines"]
    }
    coming: dict[tuple[str, str], list[Return]] = defaultdict(list)
    for entry in order.returns:
        line = lines.get(entry.line_id)
        if line is None or line.resolved is None or entry.status == RETURN_CANCELLED:
            continue
        if (entry.return_id, line.resolved.group_id, entry.line_id) not in told:
            coming[entry.return_id, line.resolved.group_id].append(entry)
    found = {}
    for (return_id, group_id), entries in sorted(coming.items()):
        line_ids = sorted(entry.line_id for entry in entries)
        requested = facts.moment(max(entry.requested_at for entry in entries))
        found[derived_id(RETURN, order_ref, group_id, return_id, line_ids)] = {
            "kind": RETURN,
            "group_id": group_id,
            "contact": LEADER,
            "good_until": facts.instant(requested + _AFTER_REQUEST),
            "says": {"units": _per_sku((lines[entry.line_id], entry.requested) for entry in entries)},
            "return_id": return_id,
            "lines": line_ids,
        }
    return found


@dataclass(frozen=True)
class _Text:
    """One text that is owed: afterwards the group knows of these ``units``, and whether some are ``held``."""

    kind: str
    units: Mapping[str, int]
    held: bool
    revision: Any
    """What the text means. Never a version: the same meaning owes nothing twice."""
    hold: str = ""
    """Of a HOLD: which one. A group that heard of it is not told again."""


def _owed_to(order: Order, group_id: str, told: list[Mapping[str, Any]], short: bool, reserved: Any) -> Iterator[_Text]:
    """``told`` are the texts that the group was owed; what it knows is what the last of them says."""
    last: Mapping[str, Any] = max(told, key=lambda effect: int(effect["n"]), default={})
    losses = _losses(told)
    emptied = sum(effect["units"] == {} for effect in told)
    before: Mapping[str, int] = last.get("units", {})
    knows_hold = bool(last.get("held"))
    lines = group_lines(order, group_id)
    # A group can lose all its lines more than once.
    revision: list[Any] = [[line.line_id, line.revision] for line in lines] or [emptied]
    to_send, held = units_to_send(order, group_id), units_held(order, group_id)
    left, all_held = order.said_to_have_left, held == to_send
    still = kept(before, to_send)
    # What was kept from her because the goods had left, which was not so, is told now.
    came_back = len(order.left_voided) > last.get("left_voided", 0)
    again = [["left", list(order.left_voided)]] if order.left_voided else []
    if still != before:
        emptied += not still
        for sku in before.keys() - still.keys():
            losses[sku] += 1
        yield _Text(CANCELLED, still, knows_hold, revision)
    # Once the goods are gone no new order is sent; it is owed all the same, so that what comes after knows of it.
    if to_send != still and (not left or last) and not all_held:
        # It names everything that is to be done now, so nothing else need be said about these facts.
        yield _Text(NEW_ORDER, to_send, knows_hold and bool(held), revision)
        if not held:
            return
        still, knows_hold = to_send, knows_hold and bool(held)
    elif came_back and to_send == still and not left and not all_held:
        # Her first text may have been kept from her because the goods had left. Who heard it is not told again.
        yield _Text(NEW_ORDER, to_send, knows_hold, ["left", list(order.left_voided)])
    if held and still:
        # The revision is the time of the hold that holds: one hold owes one text, whatever is cancelled meanwhile,
        # unless everything was, or all of a product, or a held line went to another group and came back: by her texts
        # nothing of hers was held in between.
        since = max(line.held_at or "" for line in lines if line.held)
        forgotten = emptied + sum(losses[sku] for sku in held) + sum(effect["kind"] == RELEASED for effect in told)
        hold = [since, list(order.holds_voided), *([forgotten] if forgotten else [])]
        yield _Text(HOLD, still, True, [*hold, *again], derived_id(hold))
    elif (knows_hold or (came_back and order.released_at)) and still and not left:
        # Who never heard of the hold does not hear of its end.
        yield _Text(RELEASED, still, False, [order.released_at, list(order.holds_voided), *again])
    elif last.get("short") and not short and still == before and not left:
        yield _Text(SERVED, still, knows_hold, reserved)


def _payouts(order_ref: str, order: Order, owed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A line is worth computing when it is delivered, lost or back, and whenever what its amount hangs on changes.

    A line can be settled though nobody said that it was delivered. That its order does not know, so what changes whose
    it is, or on which terms, is told in any case: a person's act, a denied claim, a return that is on its way. An act
    is told to all lines of the order, because they may share what was settled.

    The command only says "look again", so its number may stand in its id.
    """
    found = {}
    lines = {line.line_id: line for line in order.lines}
    # A line that is no more, because its announcement was not true, must lose what was computed for it.
    gone = {effect["line_id"] for effect in owed.values() if effect.get("line_id")} | set(order.gone)
    acted = [list(order.acts)] if order.acts else []
    for line_id in sorted(lines.keys() | gone):
        line = lines.get(line_id)
        terms = line.resolved if line else None
        due = line is not None and terms is not None and _moves_money(order, line, terms)
        hangs_on = (line.kept, line.unit_price_paise, line.sold_at, *_fate(order, line, terms)) if line else ()
        # Rates may go by the day of the dispatch or of the delivery; the hour is no matter.
        days = [day_in_india(at) for at in (line.left_at, line.delivered_at) if at] if line and due else []
        named = [terms.sku, terms.group_id] if terms else None
        revision = derived_id(due, *hangs_on, named, *([days] if days else []), *acted)
        computed = [effect for effect in owed.values() if effect.get("line_id") == line_id]
        last = max(computed, key=lambda effect: int(effect["n"]), default=None)
        told_anyway = bool(acted) or _coming_back(order, line_id)
        if (due or last or told_anyway) and revision != (last and last["revision"]):
            n = len(computed) + 1
            effect = {"kind": PAYOUT, "line_id": line_id, "revision": revision, "n": n}
            found[derived_id(PAYOUT, order_ref, line_id, revision, n)] = effect
    return found


def _moves_money(order: Order, line: Line, terms: Resolved) -> bool:
    if line.unit_price_paise is None:
        return False
    return bool(line.delivered_at or line.returned or line.state == LOST or _left(order, terms))


def _left(order: Order, terms: Resolved) -> list[str]:
    """The steps by which the goods left, where a group is owed for pieces from such a step on."""
    return [] if terms.payout_basis == SALE_SHARE else [step for step in LEFT if step in order.steps]


def _fate(order: Order, line: Line, terms: Resolved | None) -> tuple[Any, ...]:
    """What became of the goods besides their number. Nothing for the usual sale, so that its revision stays short."""
    fate = [line.returned, line.lost, line.state == LOST, _left(order, terms) if terms else []]
    found: tuple[Any, ...] = (fate, bool(line.delivered_at)) if any(fate) else ()
    # What is held for it waits for what comes back, and must be looked at again when nothing does any more.
    return (*found, "coming back") if _coming_back(order, line.line_id) else found


def _coming_back(order: Order, line_id: str) -> bool:
    return any(one.line_id == line_id and one.open for one in order.returns)
