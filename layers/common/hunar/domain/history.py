"""What happened to an order, oldest first, in words for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.facts import (
    STEPS,
    Cancelled,
    CancelRequested,
    DatesChanged,
    Denied,
    Fact,
    FormFailed,
    Held,
    Inspected,
    Lost,
    Placed,
    Priced,
    Released,
    Remapped,
    Resolved,
    ReturnNoted,
    ReturnRequested,
    ReturnStep,
    Snapshot,
    Stated,
    Step,
    Voided,
)

HAPPENINGS: Final = (
    "placed", "held", "released", "dates changed", "form failed", "cancelled", *STEPS,
    "return requested", "return noted", "return picked up", "return received", "return cancelled", "inspected",
    "remapped", "voided", "cancel requested", "lost", "price told", "seen", "stated", "claim denied",
)  # fmt: skip
"""What happened in one second stands in this order."""


def history(known: Iterable[Fact], remarks: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """``at``, ``what``, ``line_id`` and ``detail`` of every fact. ``remarks`` say by a fact's id that it does not
    count, or not yet."""
    rows = []
    for fact in known:
        row = _row(fact)
        if row is not None:
            at, what, line_id, detail = row
            if remark := remarks.get(facts.fact_id(fact)):
                detail = f"{detail} ({remark})".strip()
            rows.append((at, what, line_id or "", detail))
    return tuple(
        {"at": at, "what": what, "line_id": line_id or None, "detail": detail or None}
        for at, what, line_id, detail in sorted(rows, key=lambda row: (row[0], HAPPENINGS.index(row[1]), *row[2:]))
    )


def _row(fact: Fact) -> tuple[str, str, str | None, str] | None:  # noqa: PLR0911  (one line for each kind of fact)
    match fact:
        case Placed():
            instead = ", a replacement" if fact.replacement else ""
            return fact.at, "placed", fact.line_id, f"{fact.quantity} of {fact.listing}{instead}"
        case Step():
            return fact.at, fact.step, None, ""
        case Cancelled():
            return fact.at, "cancelled", fact.line_id, f"{fact.quantity}: {fact.reason}".rstrip(": ")
        case Resolved():
            return None
        case Held():
            return fact.at, "held", fact.line_id, "" if fact.quantity is None else str(fact.quantity)
        case Released():
            return fact.at, "released", None, ""
        case DatesChanged():
            return fact.at, "dates changed", None, f"ship by {fact.ship_by}"
        case FormFailed():
            return fact.at, "form failed", None, fact.forms
        case ReturnRequested():
            who = f" by {fact.source}" if fact.source else ""
            why = f": {fact.reason}" if fact.reason else ""
            return fact.at, "return requested", fact.line_id, f"{fact.return_id}: {fact.quantity}{who}{why}"
        case ReturnStep():
            return fact.at, f"return {fact.step.replace('_', ' ')}", fact.line_id, fact.return_id
        case ReturnNoted():
            return fact.at, "return noted", fact.line_id, f"{fact.return_id}: {fact.what} {fact.value}"
        case Inspected():
            found = f"{fact.good} good, {fact.damaged} damaged, {fact.lost} lost"
            return fact.at, "inspected", fact.line_id, _by(f"{fact.return_id}: {found}", fact.person, fact.reason)
        case Remapped():
            return fact.at, "remapped", fact.line_id, _by(f"to {fact.sku}", fact.person, fact.reason)
        case Voided():
            return fact.at, "voided", None, _by(f"fact {fact.fact_id}", fact.person, fact.reason)
        case CancelRequested():
            return fact.at, "cancel requested", fact.line_id, ""
        case Lost():
            return fact.at, "lost", None, fact.reason
        case Priced():
            return fact.at, "price told", fact.line_id, fact.price_problem or ""
        case Snapshot():
            return fact.at, "seen", None, f"{fact.step or 'nothing done'}{', held' if fact.held else ''}"
        case Stated():
            return fact.at, "stated", fact.line_id, f"{fact.still} still sold"
        case Denied():
            return fact.at, "claim denied", None, f"fact {fact.fact_id}"


def _by(detail: str, person: str, reason: str) -> str:
    return f"{detail}, by {person}: {reason}".rstrip(": ")
