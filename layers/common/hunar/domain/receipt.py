"""What a provider says later about a text that it took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Receipt:
    """One report about one text. Reports come out of order, twice, up to three days late, or never."""

    provider: str
    notification_id: str | None
    """Ours, where the provider gives it back."""
    provider_id: str | None
    state: str
    """``SENT``, ``DELIVERED``, ``FAILED`` or ``EXPIRED``: what it means to us."""
    final: bool
    at: str
    code: str
    """The provider's own word or number for it."""
    reason: str = ""
    """The code in plain words; empty where nothing went wrong."""
    parts: int | None = None
    price_millionths: int | None = None
    """Of all parts together, in millionths of ``currency``."""
    currency: str | None = None


@dataclass(frozen=True)
class Reply:
    """A missed call (empty text) or a text from a phone to a number of ours. ``repr`` shows neither number nor text."""

    provider: str
    reply_id: str
    phone: str
    """E.164."""
    text: str
    at: str

    def __repr__(self) -> str:
        return f"Reply({self.provider!r}, {self.reply_id!r})"
