"""Deciding again after somebody else wrote first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from hunar.ports import Conflict, Pause, Retryable

T = TypeVar("T")

TRIES: Final = 24
"""Of four workers on one shelf, one may lose a dozen times in a row: the others do not pause when they win. A message
that gives up comes again only when its time in flight is over, after three minutes."""
FIRST_PAUSE: Final = 0.02
"""Seconds. Doubles up to LONGEST_PAUSE; the pause is drawn evenly from nothing to that (full jitter)."""
LONGEST_PAUSE: Final = 0.8

Conflicts = Callable[[int], None]
"""Told how many conflicts one action met, when it met any."""


def retried(action: Callable[[], T], *, pause: Pause, random: Callable[[], float], met: Conflicts | None = None) -> T:
    """What ``action`` returns, called again while it raises Conflict; it must read anew each time.

    botocore does not retry transaction conflicts, so we do. Raises Retryable after 24 tries: the
    queue brings the message again later.
    """
    for conflicts in range(TRIES):
        try:
            result = action()
        except Conflict:
            pause(random() * min(LONGEST_PAUSE, FIRST_PAUSE * 2**conflicts))
        else:
            if conflicts and met:
                met(conflicts)
            return result
    if met:
        met(TRIES)
    raise Retryable(f"{TRIES} writes in a row met somebody else's")
