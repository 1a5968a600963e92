"""What is known about an order, read into its state.

Everything that decides is here: who writes last, which cancellation counts, what shows. The reading
depends on the set of facts alone, never on the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from hunar.domain import facts
from hunar.domain.facts import (
    LEFT,
    STEPS,
    Cancelled,
    DatesChanged,
    Fact,
    FormFailed,
    Held,
    Placed,
    Released,
    Remapped,
    Resolved,
    Step,
    Voided,
)
from hunar.domain.history import history
from hunar.domain.identity import derived_id
from hunar.domain.problem import Problem
from hunar.domain.returns import Return, read_returns

SHOWS: Final = {
    "packed": "PACKED",
    "ready": "READY",
    "picked_up": "PICKED_UP",
    "shipped": "SHIPPED",
    "delivered": "DELIVERED",
}
CANCELLED: Final = "CANCELLED"
RETURNED: Final = "RETURNED"
LOST: Final = "LOST"
HELD: Final = "HELD"
ENDED: Final = frozenset({CANCELLED, "DELIVERED", RETURNED, LOST})
"""States after which the operators' board has nothing to ship."""
CAME_BACK: Final = (RETURNED, LOST)
"""What an order shows of which all that was not cancelled came back or was lost on the way: the first of these."""
_NEVER: Final = "9999"

F = TypeVar("F")


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
    held: int = 0
    """Open units that may not be handed over yet. 0 once the goods have left."""
    held_at: str | None = None
    """The time of the hold that holds."""
    returned: int = 0
    """Units that left and are back, or are said to be back."""
    good: int = 0
    """Returned units that an inspection put back on the shelf."""
    lost: int = 0
    """Returned units that never came, by inspection."""
    replacement: bool = False

    @property
    def open(self) -> int:
        """Units that are still sold."""
        return self.quantity - self.cancelled

    @property
    def kept(self) -> int:
        """Units that are sold and did not come back."""
        return self.open - self.returned


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
    returns: tuple[Return, ...] = field(default=())
    released_at: str | None = None
    """The last time that the marketplace let the order go on after a hold."""
    holds_voided: tuple[str, ...] = field(default=())
    """The ids of the acts by which persons took holds and releases back, or such an act. There are never fewer of
    them, so what they lead to is told each time."""
    left_voided: tuple[str, ...] = field(default=())
    """The same of the news that the goods had left."""

    @property
    def left_at(self) -> str | None:
        """When the goods left the group's shelf: the earliest of picked up, shipped, delivered."""
        return _left_at(self.steps)


def knowledge(item: Mapping[str, Any]) -> frozenset[Fact]:
    """The facts that a stored order holds."""
    return frozenset(facts.from_content(content) for content in json.loads(item["knowledge"]))


def knowledge_text(known: Iterable[Fact]) -> str:
    """The one text of a set of facts: a JSON array, sorted, so that equal knowledge is equal byte for byte."""
    return f"[{','.join(sorted(map(facts.to_text, known)))}]"


def read(known: Iterable[Fact]) -> Order:
    """The state that a set of facts amounts to."""
    every = frozenset(known)
    void = voided(every)
    known = sorted((fact for fact in every if facts.fact_id(fact) not in void), key=facts.to_text) if void else every
    steps = _steps(known)
    left_at = _left_at(steps)
    furthest = max(steps, key=STEPS.index, default=None)
    shown = SHOWS[furthest] if furthest else "PLACED"
    problems: list[Problem] = []
    placings = _placed(known, problems)
    opened: dict[str, tuple[Placed, list[Cancelled]]] = {}
    for line_id, placed in sorted(placings.items()):
        opened[line_id] = placed, _cancelled(known, placed, left_at, problems)
    gone = {
        line_id: placed.quantity - sum(fact.quantity for fact in counted) if left_at else 0
        for line_id, (placed, counted) in opened.items()
    }
    returns = read_returns(known, gone, problems)
    acts = tuple(sorted(facts.fact_id(fact) for fact in every if isinstance(fact, Voided | Remapped)))
    lines = []
    for line_id, (placed, counted) in opened.items():
        cancelled = sum(fact.quantity for fact in counted)
        still = placed.quantity - cancelled
        of_line = [entry for entry in returns if entry.line_id == line_id]
        returned, lost = sum(entry.units for entry in of_line), sum(entry.lost for entry in of_line)
        held, held_at = (0, None) if left_at else _held(known, line_id, still, problems)
        if placed.price_problem:
            problems.append(Problem("PRICE_UNCLEAR", line_id, placed.price_problem))
        lines.append(
            Line(
                line_id=line_id,
                listing=placed.listing,
                quantity=placed.quantity,
                cancelled=cancelled,
                held=held,
                held_at=held_at,
                returned=returned,
                good=sum(entry.good for entry in of_line),
                lost=lost,
                unit_price_paise=placed.unit_price_paise,
                price_problem=placed.price_problem,
                replacement=placed.replacement,
                sold_at=placed.sold_at,
                ship_by=_ship_by(known, placed),
                resolved=_resolved(known, line_id, placed.listing),
                state=_line_state(still, held, returned, lost, shown),
                delivered_at=steps.get("delivered") if still else None,
                revision=_revision(placed, counted, left_at, acts),
            )
        )
    problems += _of_the_whole(known, lines, steps)
    return Order(
        state=_order_state(lines, shown),
        ship_by=min((line.ship_by for line in lines if line.ship_by and line.open), default=None),
        lines=tuple(lines),
        steps=steps,
        history=history(every, void),
        problems=tuple(problems),
        returns=returns,
        released_at=max((fact.at for fact in known if isinstance(fact, Released)), default=None),
        holds_voided=_voids_of(every, lambda fact: isinstance(fact, Held | Released)),
        left_voided=_voids_of(every, lambda fact: isinstance(fact, Step) and fact.step in LEFT),
    )


def voided(known: Iterable[Fact]) -> frozenset[str]:
    """The ids of the facts that do not count. A void that is itself voided takes nothing away.

    A fact's id is the hash of its content, so a chain of voids always has an end.
    """
    aimed: dict[str, list[Voided]] = {}
    for fact in known:
        if isinstance(fact, Voided):
            aimed.setdefault(fact.fact_id, []).append(fact)

    def holds(void: Voided) -> bool:
        return not any(holds(other) for other in aimed.get(facts.fact_id(void), ()))

    return frozenset(target for target, voids in aimed.items() if any(map(holds, voids)))


def _voids_of(known: Iterable[Fact], these: Callable[[Fact], bool]) -> tuple[str, ...]:
    """The ids of voids that aim at one of ``these`` facts, and of those that aim at such a void."""
    aims = {facts.fact_id(fact): fact.fact_id for fact in known if isinstance(fact, Voided)}
    if not aims:
        return ()
    targets = {facts.fact_id(fact) for fact in known if these(fact)}
    found: set[str] = set()
    while more := {void for void, target in aims.items() if target in targets | found} - found:
        found |= more
    return tuple(sorted(found))


def _left_at(steps: Mapping[str, str]) -> str | None:
    return min((steps[step] for step in LEFT if step in steps), default=None)


def _line_state(still: int, held: int, returned: int, lost: int, shown: str) -> str:
    if still == 0:
        return CANCELLED
    if returned == still:
        return LOST if lost == still else RETURNED
    return HELD if held else shown


def _order_state(lines: list[Line], shown: str) -> str:
    if not lines:
        return "UNKNOWN"
    states = {line.state for line in lines if line.open}
    if not states:
        return CANCELLED
    if HELD in states:
        return HELD
    return next((state for state in CAME_BACK if state in states), shown) if states <= set(CAME_BACK) else shown


def _steps(known: Iterable[Fact]) -> dict[str, str]:
    earliest: dict[str, str] = {}
    for fact in known:
        if isinstance(fact, Step):
            earliest[fact.step] = min(fact.at, earliest.get(fact.step, _NEVER))
    return {step: earliest[step] for step in STEPS if step in earliest}


def _placed(known: Iterable[Fact], problems: list[Problem]) -> dict[str, Placed]:
    """The placing that holds for each line: the last writer by the event's own time.

    Of two with the same time the more cautious one holds, the earlier ship-by; then the content
    decides, so that every reader decides alike. A person is told of the two.
    """
    lines: dict[str, list[Placed]] = {}
    for fact in known:
        if isinstance(fact, Placed):
            lines.setdefault(fact.line_id, []).append(fact)
    holds = {line_id: min(sorted(given, key=facts.to_text), key=_last_writer) for line_id, given in lines.items()}
    for line_id, given in sorted(lines.items()):
        at = holds[line_id].at
        if sum(fact.at == at for fact in given) > 1:
            problems.append(Problem("CONTRADICTION", line_id, f"announced in two ways at the same time, {at}"))
    return holds


def _last_writer(placed: Placed) -> tuple[int, str]:
    return (-int(facts.moment(placed.at).timestamp()), placed.ship_by or _NEVER)


def _ship_by(known: Iterable[Fact], placed: Placed) -> str | None:
    """The deadline that was said last. Of two that were said at the same time the earlier one is the cautious one."""
    said = [(fact.at, fact.ship_by) for fact in known if isinstance(fact, DatesChanged)]
    said += [(placed.at, placed.ship_by)] if placed.ship_by else []
    last = max((at for at, _ in said), default=None)
    return min((ship_by for at, ship_by in said if at == last), default=None)


def _held(known: Iterable[Fact], line_id: str, still: int, problems: list[Problem]) -> tuple[int, str | None]:
    """Open units that are held and since when: by the last hold, unless a release is later.

    Of a hold and a release at the same time the hold is the cautious one.
    """
    released = max((fact.at for fact in known if isinstance(fact, Released)), default="")
    holds = [fact for fact in known if isinstance(fact, Held) and fact.line_id in (None, line_id)]
    last = max((fact.at for fact in holds), default=None)
    if last is None or last < released or not still:
        return 0, None
    if last == released:
        problems.append(Problem("CONTRADICTION", line_id, f"held and released at the same time, {last}"))
    units = max(still if fact.quantity is None else min(still, fact.quantity) for fact in holds if fact.at == last)
    return units, last


def _resolved(known: Iterable[Fact], line_id: str, listing: str) -> Resolved | None:
    """The terms of the line: what a person corrected last, else what the registry said of its listing."""
    corrected = [fact for fact in known if isinstance(fact, Remapped) and fact.line_id == line_id]
    if corrected:
        return max(corrected, key=lambda fact: (fact.at, facts.to_text(fact))).resolved()
    of_line = [fact for fact in known if isinstance(fact, Resolved) and fact.line_id == line_id]
    # Terms without a listing were taken when a line had but one.
    return min((fact for fact in of_line if fact.listing in (listing, "")), key=facts.to_text, default=None)


def _cancelled(known: Iterable[Fact], placed: Placed, left_at: str | None, problems: list[Problem]) -> list[Cancelled]:
    """The cancellations of the line that count: in time, and never of more units than were ordered.

    A cancellation after the goods left, by the event's own time, and one that asks for more units
    than the line still has, move nothing and are shown to an operator.
    """
    counted: list[Cancelled] = []
    left = placed.quantity
    given = [fact for fact in known if isinstance(fact, Cancelled) and fact.line_id == placed.line_id]
    for fact in sorted(given, key=lambda fact: (fact.at, facts.to_text(fact))):
        asks, identity = f"{fact.quantity} cancelled at {fact.at}", facts.fact_id(fact)
        if left_at is not None and fact.at > left_at:
            text = f"{asks}, after the goods left at {left_at}"
            problems.append(Problem("LATE_CANCELLATION", placed.line_id, text, identity))
        elif fact.quantity > left:
            text = f"{asks}, but {left} of {placed.quantity} are left to cancel"
            problems.append(Problem("EXCESS_CANCELLATION", placed.line_id, text, identity))
        else:
            counted.append(fact)
            left -= fact.quantity
    return counted


def _revision(placed: Placed, counted: Iterable[Cancelled], left_at: str | None, acts: tuple[str, ...]) -> str:
    """A person's act can take the line back to what it was; then the group must be told again, so it counts too."""
    said = [facts.to_text(fact) for fact in counted]
    return derived_id(facts.to_text(placed), said, left_at, *([list(acts)] if acts else []))


def _of_the_whole(known: Iterable[Fact], lines: list[Line], steps: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the order rather than with one of its lines."""
    if not lines:
        return [Problem("UNKNOWN_SHIPMENT", None, "news of an order that was never announced")]
    found = _of_no_line(known, {line.line_id for line in lines})
    left_at = _left_at(steps)
    if left_at and not any(line.open for line in lines):
        text = f"the goods left at {left_at}, though all units were cancelled before"
        found.append(Problem("CONTRADICTION", None, text))
    failed = max((fact for fact in known if isinstance(fact, FormFailed)), default=None)
    if failed and any(line.open for line in lines) and not any(at > failed.at for at in steps.values()):
        text = f"the marketplace could not make {failed.forms or 'the papers'} at {failed.at}"
        found.append(Problem("FORM_FAILED", None, text, facts.fact_id(failed)))
    return found


def _of_no_line(known: Iterable[Fact], lines: set[str]) -> list[Problem]:
    """What is said of lines that the announced order does not have. It counts when the line is announced."""
    found = []
    for fact in sorted(known, key=facts.to_text):
        if isinstance(fact, Cancelled | Held) and fact.line_id is not None and fact.line_id not in lines:
            word = "cancelled" if isinstance(fact, Cancelled) else "held"
            text = f"{fact.quantity} {word} at {fact.at} of a line not announced"
            found.append(Problem("WAITING_FACT", fact.line_id, text, facts.fact_id(fact)))
    return found


def placings(known: Iterable[Fact]) -> dict[str, Placed]:
    """The announcement that holds for each line, of facts that are not void."""
    return _placed(known, [])


def terms(known: Iterable[Fact], line_id: str) -> Resolved | Remapped | None:
    """The fact that says whose product a line is, of facts that are not void."""
    known = list(known)
    placed = placings(known).get(line_id)
    holds = _resolved(known, line_id, placed.listing if placed else "")
    said = [fact for fact in known if isinstance(fact, Resolved | Remapped) and fact.line_id == line_id]
    said = [fact for fact in said if (fact.resolved() if isinstance(fact, Remapped) else fact) == holds]
    return max(said, key=lambda fact: (isinstance(fact, Remapped), facts.to_text(fact)), default=None)
