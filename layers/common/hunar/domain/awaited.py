"""Until when the settlement of what was delivered is awaited, before somebody asks the marketplace for it."""

from __future__ import annotations

from datetime import timedelta

from hunar.domain.facts import instant, moment
from hunar.domain.order import Line


def awaited_until(line: Line | None, days: int) -> str | None:
    """So many days after the delivery; None of a line that did not arrive, or of which nothing stayed sold."""
    if line is None or line.delivered_at is None or line.kept <= 0:
        return None
    return instant(moment(line.delivered_at) + timedelta(days=days))
