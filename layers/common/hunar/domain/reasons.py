"""Why an order is what it is: for its state and for each line, the facts that decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hunar.domain import facts
from hunar.domain.facts import Cancelled, Fact, Held, Inspected, Lost, ReturnStep, Snapshot, Stated, Step
from hunar.domain.order import CAME_BACK, CANCELLED, HELD, SHOWS, Line, Order, placings, terms


@dataclass(frozen=True)
class Reason:
    """``what`` is as it is because of these facts."""

    what: str
    """``state``, ``announcement`` or ``terms``."""
    line_id: str | None
    """None for the state of the whole order."""
    shows: str
    because: tuple[Fact, ...]


def reasons(known: Iterable[Fact], order: Order) -> tuple[Reason, ...]:
    """Of the facts that are not void. The order's own state comes first.

    An order without an announced line is UNKNOWN because of nothing.
    """
    known = sorted(known, key=facts.to_text)
    announced = placings(known)
    found = []
    for line in order.lines:
        placed = announced[line.line_id]
        found.append(Reason("state", line.line_id, line.state, _decided(known, order, line) or (placed,)))
        shown = f"{placed.quantity} of {placed.listing}"
        found.append(Reason("announcement", line.line_id, shown, (placed,)))
        of_whom = terms(known, line.line_id)
        if of_whom:
            found.append(Reason("terms", line.line_id, f"{of_whom.sku} of {of_whom.group_id}", (of_whom,)))
    whole = {
        fact for reason in found if reason.what == "state" and reason.shows == order.state for fact in reason.because
    }
    return (Reason("state", None, order.state, tuple(sorted(whole, key=facts.to_text))), *found)


def _decided(known: Iterable[Fact], order: Order, line: Line) -> tuple[Fact, ...]:
    """What made the line more than announced."""
    return tuple(fact for fact in known if _decides(fact, order, line))


def _decides(fact: Fact, order: Order, line: Line) -> bool:  # noqa: PLR0911  (one answer for each state)
    if line.state == CANCELLED:
        wrong = {problem.fact_id for problem in order.problems}
        if isinstance(fact, Stated):
            return fact.line_id == line.line_id and not fact.still
        return isinstance(fact, Cancelled) and fact.line_id == line.line_id and facts.fact_id(fact) not in wrong
    if line.state in CAME_BACK:
        back = {entry.return_id for entry in order.returns if entry.line_id == line.line_id and entry.units}
        if isinstance(fact, Lost):
            return bool(line.lost)
        came = isinstance(fact, Inspected) or (isinstance(fact, ReturnStep) and fact.step == "received")
        return (
            came
            and isinstance(fact, Inspected | ReturnStep)
            and (fact.line_id, fact.return_id in back)
            == (
                line.line_id,
                True,
            )
        )
    if line.state == HELD:
        if isinstance(fact, Snapshot):
            return fact.held and fact.at == line.held_at
        return isinstance(fact, Held) and fact.line_id in (None, line.line_id) and fact.at == line.held_at
    return isinstance(fact, Step) and SHOWS[fact.step] == line.state and order.steps[fact.step] == fact.at
