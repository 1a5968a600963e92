"""Times as a person at the terminal writes and reads them: India's."""

from __future__ import annotations

from datetime import date, datetime

from hunar.cli.output import Failed
from hunar.domain.facts import instant, moment
from hunar.domain.rate_card import IST


def given(text: str, option: str) -> str:
    """A moment from RFC 3339 with its offset, or the beginning of a day in India. Raises Failed."""
    try:
        if "T" in text.upper():
            return instant(moment(text))
        return instant(datetime.combine(date.fromisoformat(text), datetime.min.time(), IST))
    except ValueError:
        raise Failed(
            f"{option}: {text} is neither a day like 2026-11-25 nor a time like 2026-11-25T10:00:00+05:30"
        ) from None


def shown(text: str | None) -> str:
    """A stored moment as the clock in India shows it."""
    return moment(text).astimezone(IST).strftime("%Y-%m-%d %H:%M:%S") if text else ""
