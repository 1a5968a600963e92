"""What is known about an order, read into its state.

Everything that decides is here: who writes last, which cancellation counts, what shows. The reading
depends on the set of facts alone, never on the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.facts import LEFT, STEPS, Cancelled, Fact, Placed, Resolved, Step
from hunar.domain.identity import derived_id

SHOWS: Final = {
    "packed": "PACKED",
    "ready": "READY",
    "picked_up": "PICKED_UP",
    "shipped": "SHIPPED",
    "delivered": "DELIVERED",
}
ENDED: Final = frozenset({"CANCELLED", "DELIVERED"})
"""States after which the operators' board has nothing to ship."""
_NEVER: Final = "9999"
_NATURAL: Final = ("placed", "cancelled", *STEPS)


@dataclass(frozen=True)
class Problem:
    """Something in the facts that only a person can judge."""

    kind: str
    line_id: str | None
    message: str


@dataclass(frozen=True)
class Line:
    """One line of an order as its facts state it. Quantities are units, prices paise."""

    line_id: str
    listing: str
    quantity: int
    cancelled: int
    unit_price_paise: int | None
    price_problem: str | None
    sold_at: str
    ship_by: str | None
    resolved: Resolved | None
    state: str
    delivered_at: str | None
    revision: str
    """Hash of the facts that count for this line. It never comes back once another took its place."""

    @property
    def open(self) -> int:
        """Units that are still sold."""
        return self.quantity - self.cancelled


@dataclass(frozen=True)
class Order:
    """The state of an order. ``lines`` stand in the order of their ids."""

    state: str
    ship_by: str | None
    lines: tuple[Line, ...]
    steps: Mapping[str, str]
    """Each step that is known, with the earliest time given for it."""
    history: tuple[dict[str, Any], ...]
    problems: tuple[Problem, ...] = field(default=())

    @property
    def left_at(self) -> str | None:
        """When the goods left the group's shelf: the earliest of picked up, shipped, delivered."""
        return min((self.steps[step] for step in LEFT if step in self.steps), default=None)


def knowledge(item: Mapping[str, Any]) -> frozenset[Fact]:
    """The facts that a stored order holds."""
    return frozenset(facts.from_content(content) for content in json.loads(item["knowledge"]))


def knowledge_text(known: Iterable[Fact]) -> str:
    """The one text of a set of facts: a JSON array, sorted, so that equal knowledge is equal byte for byte."""
    return f"[{','.join(sorted(map(facts.to_text, known)))}]"


def read(known: Iterable[Fact]) -> Order:
    """The state that a set of facts amounts to."""
    known = list(known)
    steps = _steps(known)
    problems: list[Problem] = []
    furthest = max((step for step in steps), key=STEPS.index, default=None)
    shown = SHOWS[furthest] if furthest else "PLACED"
    left_at = min((steps[step] for step in LEFT if step in steps), default=None)
    lines = []
    for line_id, placed in sorted(_placed(known).items()):
        counted = _cancelled(known, placed, left_at, problems)
        cancelled = sum(fact.quantity for fact in counted)
        if placed.price_problem:
            problems.append(Problem("PRICE_UNCLEAR", line_id, placed.price_problem))
        gone = cancelled == placed.quantity
        lines.append(
            Line(
                line_id=line_id,
                listing=placed.listing,
                quantity=placed.quantity,
                cancelled=cancelled,
                unit_price_paise=placed.unit_price_paise,
                price_problem=placed.price_problem,
                sold_at=placed.sold_at,
                ship_by=placed.ship_by,
                resolved=_resolved(known, line_id),
                state="CANCELLED" if gone else shown,
                delivered_at=None if gone else steps.get("delivered"),
                revision=derived_id(facts.to_text(placed), [facts.to_text(fact) for fact in counted], left_at),
            )
        )
    if not lines:
        state = "UNKNOWN"
        problems.append(Problem("UNKNOWN_SHIPMENT", None, "news of an order that was never announced"))
    else:
        problems += _of_no_line(known, {line.line_id for line in lines})
        state = "CANCELLED" if all(line.open == 0 for line in lines) else shown
    return Order(
        state=state,
        ship_by=min((line.ship_by for line in lines if line.ship_by and line.open), default=None),
        lines=tuple(lines),
        steps=steps,
        history=_history(known),
        problems=tuple(problems),
    )


def _steps(known: Iterable[Fact]) -> dict[str, str]:
    earliest: dict[str, str] = {}
    for fact in known:
        if isinstance(fact, Step):
            earliest[fact.step] = min(fact.at, earliest.get(fact.step, _NEVER))
    return {step: earliest[step] for step in STEPS if step in earliest}


def _placed(known: Iterable[Fact]) -> dict[str, Placed]:
    """The placing that holds for each line: the last writer by the event's own time.

    Of two with the same time the more cautious one holds, the earlier ship-by; then the content
    decides, so that every reader decides alike.
    """
    lines: dict[str, list[Placed]] = {}
    for fact in known:
        if isinstance(fact, Placed):
            lines.setdefault(fact.line_id, []).append(fact)
    return {line_id: min(sorted(given, key=facts.to_text), key=_last_writer) for line_id, given in lines.items()}


def _last_writer(placed: Placed) -> tuple[int, str]:
    return (-int(facts.moment(placed.at).timestamp()), placed.ship_by or _NEVER)


def _resolved(known: Iterable[Fact], line_id: str) -> Resolved | None:
    found = [fact for fact in known if isinstance(fact, Resolved) and fact.line_id == line_id]
    return min(found, key=facts.to_text, default=None)


def _cancelled(known: Iterable[Fact], placed: Placed, left_at: str | None, problems: list[Problem]) -> list[Cancelled]:
    """The cancellations of the line that count: in time, and never of more units than were ordered.

    A cancellation after the goods left, by the event's own time, and one that asks for more units
    than the line still has, move nothing and are shown to an operator.
    """
    counted: list[Cancelled] = []
    left = placed.quantity
    given = [fact for fact in known if isinstance(fact, Cancelled) and fact.line_id == placed.line_id]
    for fact in sorted(given, key=lambda fact: (fact.at, facts.to_text(fact))):
        asks = f"{fact.quantity} cancelled at {fact.at}"
        if left_at is not None and fact.at > left_at:
            text = f"{asks}, after the goods left at {left_at}"
            problems.append(Problem("LATE_CANCELLATION", placed.line_id, text))
        elif fact.quantity > left:
            text = f"{asks}, but {left} of {placed.quantity} are left to cancel"
            problems.append(Problem("EXCESS_CANCELLATION", placed.line_id, text))
        else:
            counted.append(fact)
            left -= fact.quantity
    return counted


def _of_no_line(known: Iterable[Fact], lines: set[str]) -> list[Problem]:
    """Cancellations of lines that the announced order does not have. They count when the line is announced."""
    given = [fact for fact in known if isinstance(fact, Cancelled) and fact.line_id not in lines]
    return [
        Problem("EXCESS_CANCELLATION", fact.line_id, f"{fact.quantity} cancelled at {fact.at} of a line not announced")
        for fact in sorted(given, key=facts.to_text)
    ]


def _history(known: Iterable[Fact]) -> tuple[dict[str, Any], ...]:
    """What happened, oldest first, in words for a person; what happened in one second, in its natural order."""
    rows = []
    for fact in known:
        match fact:
            case Placed():
                row = (fact.at, "placed", fact.line_id, f"{fact.quantity} of {fact.listing}")
            case Step():
                row = (fact.at, fact.step, "", "")
            case Cancelled():
                row = (fact.at, "cancelled", fact.line_id, f"{fact.quantity}: {fact.reason}".rstrip(": "))
            case Resolved():
                continue
        rows.append(row)
    return tuple(
        {"at": at, "what": what, "line_id": line_id or None, "detail": detail or None}
        for at, what, line_id, detail in sorted(rows, key=lambda row: (row[0], _NATURAL.index(row[1]), *row[2:]))
    )
