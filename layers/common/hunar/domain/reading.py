"""What a marketplace's module made of one message."""

from __future__ import annotations

from dataclasses import dataclass

from hunar.domain.facts import Fact


@dataclass(frozen=True)
class Finding:
    """Something wrong with a message, for an operator: which kind of exception, which field, what."""

    kind: str
    field: str
    message: str


@dataclass(frozen=True)
class Reading:
    """``facts`` may stand beside findings: one bad line does not lose the good ones."""

    marketplace_id: str | None
    """The marketplace's id of the order; None when the message names none."""
    event_type: str | None
    verdict: str
    """APPLIED, UNKNOWN_EVENT, REJECTED or UNREADABLE; NOTED for what is understood and moves nothing here."""
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    redacted: str | None = None
    """The message as JSON text with the fields that we know and need; None when nobody could tell which."""
