"""When an order must be looked at again though nothing comes in about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.effects import patience_ends
from hunar.domain.order import ENDED, HELD, Order

AGAIN: Final = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12), timedelta(hours=36))
"""After so long an effect is sent again, in case a stream or a queue lost it. Everything behind is idempotent."""
WITHIN: Final = timedelta(hours=48)
"""Older effects are not sent again by themselves."""


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


def _next(owed_at: str | None, now: str) -> str | None:
    if owed_at is None:
        return None
    moments = (facts.instant(facts.moment(owed_at) + delay) for delay in AGAIN)
    return next((moment for moment in moments if moment > now), None)
