"""When an order must be looked at again though nothing comes in about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.effects import group_lines, patience_ends
from hunar.domain.order import ENDED, HELD, Order

AGAIN: Final = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12), timedelta(hours=36))
"""After so long an effect is sent again, in case a stream or a queue lost it. Everything behind is idempotent."""
WITHIN: Final = timedelta(hours=48)
"""Older effects are not sent again by themselves."""
REMINDS: Final = (time(8), time(20))
"""From when until when groups are reminded, Indian Standard Time: not at night, and in time for the day's pick-up."""
OVERDUE: Final = timedelta(days=7)
"""An order that is late for longer is a person's to look at; its group was reminded often enough."""
_IST: Final = timezone(timedelta(hours=5, minutes=30))
_PACKED: Final = frozenset({"packed", "ready"})


def next_look(order: Order, owed: Mapping[str, Any], now: str, *, stuck: bool, unfinished: bool = False) -> str | None:
    """The time from which the sweep must look, None when nothing can become due. ``stuck`` says it was told of that.

    ``unfinished`` has lines that the next transaction moves. Whoever wrote this one goes on at once; if it
    was stopped and its message never comes again, the sweep does.
    """
    if unfinished:
        return now
    moments = [moment for moment in patience_ends(order, owed) if moment > now]
    moments += [moment for effect in owed.values() if (moment := _next(effect.get("at"), now)) is not None]
    if order.ship_by and not stuck and order.state not in ENDED and order.state != HELD and order.left_at is None:
        moments.append(order.ship_by)
    return min(moments, default=None)


def to_send_again(owed: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The effects of the last 48 hours, by id."""
    since = facts.instant(facts.moment(now) - WITHIN)
    return {identity: effect for identity, effect in owed.items() if effect.get("at", "") >= since}


def day_to_remind(now: str) -> str | None:
    """The date in India of which groups are to be reminded at ``now``, None outside the hours of REMINDS."""
    there = facts.moment(now).astimezone(_IST)
    begin, end = REMINDS
    return there.date().isoformat() if begin <= there.time() < end else None


def day_ends(day: str) -> str:
    """The moment at which a day in India is over. ValueError when it is no date."""
    return facts.instant(datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), _IST))


def week_of(day: str) -> tuple[str, list[str]]:
    """The ISO week of a day, e.g. ``2026-W48``, and its days before this one."""
    this = date.fromisoformat(day)
    year, week, weekday = this.isocalendar()
    return f"{year}-W{week:02}", [(this - timedelta(days=back)).isoformat() for back in range(weekday - 1, 0, -1)]


def to_hand_over(order: Order, ends: str) -> dict[str, list[str]]:
    """The groups that have something of the order to hand over before ``ends``, each with the times until when.

    Nobody is reminded of what is held, packed or gone, or late for longer than OVERDUE.
    """
    found: dict[str, list[str]] = {}
    if order.said_to_have_left or not _PACKED.isdisjoint(order.steps):
        return found
    since = facts.instant(facts.moment(ends) - timedelta(days=1) - OVERDUE)
    for group_id in sorted({line.resolved.group_id for line in order.lines if line.resolved is not None}):
        open_lines = [line for line in group_lines(order, group_id) if line.open > line.held]
        if times := sorted(line.ship_by for line in open_lines if line.ship_by and since <= line.ship_by < ends):
            found[group_id] = times
    return found


def _next(owed_at: str | None, now: str) -> str | None:
    if owed_at is None:
        return None
    moments = (facts.instant(facts.moment(owed_at) + delay) for delay in AGAIN)
    return next((moment for moment in moments if moment > now), None)
