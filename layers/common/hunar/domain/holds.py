"""How long settled money is held before it is payable: until it can hardly be taken back any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hunar.domain.facts import instant, moment

UNTIL_FURTHER_NOTICE: Final = "9999-12-31T23:59:59Z"
"""The end of an operator's hold that has none yet."""


def window_end(came_at: str, days: int) -> str:
    """When the buyer can no longer send it back: so many days after it was delivered.

    A delivery that nobody ever reported counts from the day of settlement: the marketplace settles what it
    delivered.
    """
    return instant(moment(came_at) + timedelta(days=days))


def release_at(*, window_ends: str, earned_at: str | None, operator_hold: str | None) -> str | None:
    """When held money becomes payable: the last of the three. None while it was not earned.

    ``earned_at`` is the time of the line's last settlement; for a group that is paid by the piece, of the fact that
    its resolution names. ``operator_hold`` is the end of a hold by a person, None without one.
    """
    if earned_at is None:
        return None
    return max(window_ends, earned_at, operator_hold or "")
