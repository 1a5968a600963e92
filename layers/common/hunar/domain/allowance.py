"""How many calls a marketplace allows: a token bucket, kept as one number.

A bucket holds ``burst`` tokens and gets one more every ``every_ms``. All that need be remembered is when it would be
full again: each call moves that moment on by ``every_ms``, and a call is allowed as long as the moment lies at most
``burst × every_ms`` ahead. Whole milliseconds, so nothing is lost by rounding: over any window no more calls go out
than ``burst + window / every_ms``.

Beside it stands whose turn it is: everybody who finds no token is told another moment to come back, one token apart. If
all were told the same one, a thousand who wait would come together each time, and all but one in vain. It is only an
advice: whether there is a token, the bucket says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from hunar.domain.channel import Rate

FARTHEST_TURN_MS: Final = 900_000
"""A queue delays no message longer. Who would have to wait longer gets no turn yet: it would come too early and take
another one."""


class Taken(NamedTuple):
    """What taking came to."""

    item: dict[str, Any] | None
    """What must be written, with its next version, before the call is made; None when nothing changes."""
    wait: int
    """Seconds until the caller should come again; 0 when a token was taken."""


def take(rate: Rate, item: Mapping[str, Any] | None, now_ms: int, *, in_line: bool = True) -> Taken:
    """One call, at ``now_ms`` (milliseconds since 1970). ``item`` is what stands in the table, None for nothing.

    Who is not ``in_line`` comes again when it likes, so it gets no turn, only the time of the next token.
    """
    full_at = max(_full_at(item), now_ms) + rate.every_ms
    early = full_at - rate.burst * rate.every_ms - now_ms
    if early <= 0:
        return Taken(_item(item, full_at), 0)
    if not in_line:
        return Taken(None, _seconds(early))
    last = _turn_at(item)
    turn_at = max(now_ms + early, last + rate.every_ms if last >= now_ms else 0)
    if turn_at > now_ms + FARTHEST_TURN_MS:
        return Taken(None, _seconds(max(early, FARTHEST_TURN_MS)))
    return Taken(_item(item, _full_at(item), turn_at), _seconds(turn_at - now_ms))


def used_up(rate: Rate, item: Mapping[str, Any] | None, now_ms: int, retry_after: int | None) -> dict[str, Any]:
    """The bucket after the marketplace itself said that it is empty: others used tokens that we did not count.

    ``retry_after`` is in seconds; without it the next call waits as long as one token takes.
    """
    wait_ms = rate.every_ms if retry_after is None else retry_after * 1000
    return _item(item, max(_full_at(item), now_ms + (rate.burst - 1) * rate.every_ms + wait_ms))


def _full_at(item: Mapping[str, Any] | None) -> int:
    return int(item["full_at"]) if item else 0


def _turn_at(item: Mapping[str, Any] | None) -> int:
    return int(item["turn_at"]) if item else 0


def _item(item: Mapping[str, Any] | None, full_at: int, turn_at: int | None = None) -> dict[str, Any]:
    return {
        "full_at": full_at,
        "turn_at": _turn_at(item) if turn_at is None else turn_at,
        "version": int(item["version"]) + 1 if item else 1,
    }


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
