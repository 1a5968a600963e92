"""What comes back: returns as their facts state them, and what an inspection found in the parcels.

A return never brings back more units than left. What is back is money that is not earned; only what
a person found to be good is stock again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from hunar.domain import facts
from hunar.domain.facts import Fact, Inspected, ReturnNoted, ReturnRequested, ReturnStep
from hunar.domain.problem import Problem

REQUESTED: Final = "REQUESTED"
PICKED_UP: Final = "PICKED_UP"
RECEIVED: Final = "RECEIVED"
INSPECTED: Final = "INSPECTED"
CANCELLED: Final = "CANCELLED"


@dataclass(frozen=True)
class Return:
    """One return of one line. Quantities are units."""

    return_id: str
    line_id: str
    source: str
    """``customer``, ``courier`` or empty."""
    requested: int
    units: int
    """Units that are back: 0 until the return is received, and never more than left."""
    good: int
    damaged: int
    lost: int
    status: str
    requested_at: str
    reason: str
    tracking: str | None
    expected: str | None

    @property
    def open(self) -> bool:
        """Whether goods are still to come back with it."""
        return self.status in (REQUESTED, PICKED_UP)

    @property
    def to_inspect(self) -> int:
        """Units that are back and that nobody has looked at."""
        return self.units - self.good - self.damaged - self.lost


def read_returns(known: Iterable[Fact], gone: Mapping[str, int], problems: list[Problem]) -> tuple[Return, ...]:
    """All returns, oldest request first. ``gone`` says how many units of each line have left."""
    requested: dict[tuple[str, str], list[ReturnRequested]] = defaultdict(list)
    steps: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    notes: dict[tuple[str, str], list[ReturnNoted]] = defaultdict(list)
    inspected: dict[tuple[str, str], list[Inspected]] = defaultdict(list)
    for fact in known:
        match fact:
            case ReturnRequested():
                requested[fact.line_id, fact.return_id].append(fact)
            case ReturnStep():
                of_return = steps[fact.line_id, fact.return_id]
                # Of one step said twice the later saying holds: it may take back a cancellation.
                of_return[fact.step] = max(fact.at, of_return.get(fact.step, ""))
            case ReturnNoted():
                notes[fact.line_id, fact.return_id].append(fact)
            case Inspected():
                inspected[fact.line_id, fact.return_id].append(fact)
            case _:
                continue
    for key in sorted((steps.keys() | inspected.keys()) - requested.keys()):
        text = f"news of the return {key[1]}, which was never announced"
        problems.append(Problem("WAITING_FACT", key[0], text, of=key[1]))
    left = dict(gone)
    found = []
    holding = {key: max(given, key=lambda fact: (fact.at, facts.to_text(fact))) for key, given in requested.items()}
    for key, request in sorted(holding.items(), key=lambda entry: (entry[1].at, entry[0])):
        made = _return(request, steps[key], notes[key], inspected[key], left.get(key[0], 0), problems)
        left[key[0]] = left.get(key[0], 0) - made.units
        found.append(made)
    return tuple(found)


def _return(
    request: ReturnRequested,
    steps: Mapping[str, str],
    notes: list[ReturnNoted],
    inspected: list[Inspected],
    left: int,
    problems: list[Problem],
) -> Return:
    back = _is_back(request, steps, bool(inspected), problems)
    units = min(request.quantity, left) if back else 0
    if back and not left:
        text = f"the return {request.return_id} is back before anything left"
        problems.append(Problem("WAITING_FACT", request.line_id, text, of=request.return_id))
    elif back and units < request.quantity:
        text = f"{request.quantity} of the return {request.return_id} are back, but only {left} left and are not back"
        problems.append(Problem("EXCESS_RETURN", request.line_id, text, facts.fact_id(request), of=request.return_id))
    good, damaged, lost = _counted(request, inspected, units, problems)
    made = Return(
        return_id=request.return_id,
        line_id=request.line_id,
        source=request.source,
        requested=request.quantity,
        units=units,
        good=good,
        damaged=damaged,
        lost=lost,
        status=REQUESTED,
        requested_at=request.at,
        reason=request.reason,
        tracking=_last(notes, "tracking"),
        expected=_last(notes, "expected"),
    )
    if made.to_inspect:
        text = f"{made.to_inspect} of the return {request.return_id} are back and were not looked at"
        problems.append(Problem("TO_INSPECT", request.line_id, text, of=request.return_id))
    return replace(made, status=_status(made, steps, back))


def _is_back(request: ReturnRequested, steps: Mapping[str, str], looked_at: bool, problems: list[Problem]) -> bool:
    """A parcel that somebody opened is back, whatever else is said. Else the later of received and cancelled holds."""
    received, cancelled = steps.get("received"), steps.get("cancelled")
    if received and cancelled:
        text = f"the return {request.return_id} was received at {received} and cancelled at {cancelled}"
        problems.append(Problem("CONTRADICTION", request.line_id, text, of=request.return_id))
    return looked_at or (received is not None and received >= (cancelled or ""))


def _status(made: Return, steps: Mapping[str, str], back: bool) -> str:
    if back:
        return RECEIVED if made.to_inspect or not made.units else INSPECTED
    if "cancelled" in steps:
        return CANCELLED
    return PICKED_UP if "picked_up" in steps else REQUESTED


def _counted(
    request: ReturnRequested, inspected: list[Inspected], units: int, problems: list[Problem]
) -> tuple[int, int, int]:
    """Good, damaged and lost units. An inspection that counts more than are left to look at counts for nothing."""
    good = damaged = lost = 0
    for fact in sorted(inspected, key=lambda fact: (fact.at, facts.to_text(fact))):
        counted = fact.good + fact.damaged + fact.lost
        if good + damaged + lost + counted > units:
            text = f"{counted} of the return {request.return_id} were looked at, but only {units} are back"
            problems.append(Problem("EXCESS_RETURN", request.line_id, text, facts.fact_id(fact), of=fact.act_id))
            continue
        good, damaged, lost = good + fact.good, damaged + fact.damaged, lost + fact.lost
    return good, damaged, lost


def _last(notes: Iterable[ReturnNoted], what: str) -> str | None:
    given = [fact for fact in notes if fact.what == what]
    return max(given, key=lambda fact: (fact.at, fact.value)).value if given else None
