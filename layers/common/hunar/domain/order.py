"""What is known about an order, read into its state.

Everything that decides is here: who writes last, which cancellation counts, what shows. The reading
depends on the set of facts alone, never on the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from hunar.domain import claims, facts
from hunar.domain.facts import (
    LEFT,
    MARKETPLACE,
    STEPS,
    Cancelled,
    CancelRequested,
    Claim,
    DatesChanged,
    Fact,
    FormFailed,
    Held,
    Lost,
    Placed,
    Priced,
    Released,
    Remapped,
    Resolved,
    Snapshot,
    Stated,
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

L = TypeVar("L", Placed, Stated, Cancelled)


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
    unconfirmed: int = 0
    """Units that were sold and that a message claims are not, any more, or never were: cancelled, or announced anew
    with fewer. Until the marketplace confirms it they stay reserved."""
    fulfilled_by: str = ""
    """MARKETPLACE when it ships from the marketplace's own warehouse."""
    unpriced: bool = False
    """No message has said the price yet; the marketplace is asked."""
    left_at: str | None = None
    """When the goods left, the order's ``left_at``."""

    @property
    def ours(self) -> bool:
        """Whether a group sends it from its own shelf."""
        return self.fulfilled_by != MARKETPLACE

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
    """The ids of the acts by which persons took holds and releases back, or such an act, and of the claims of them
    that the marketplace denied: what they lead to is told each time."""
    left_voided: tuple[str, ...] = field(default=())
    """The same of the news that the goods had left."""
    left_at: str | None = None
    """When the goods left the group's shelf: the earliest of picked up, shipped, delivered that is not a mere claim."""
    pending: tuple[str, ...] = field(default=())
    """The ids of the claims that the marketplace did not confirm or contradict yet."""
    acts: tuple[str, ...] = field(default=())
    """The ids of persons' acts that say otherwise than the news, and of what the marketplace denied."""
    gone: tuple[str, ...] = field(default=())
    """Lines that were announced and are none: it was taken back by a person, or denied."""

    @property
    def said_to_have_left(self) -> bool:
        """Whether anybody, also a mere claim, says that the goods are gone. Then no work on them is begun."""
        return self.left_at is not None or any(step in self.steps for step in LEFT)


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
    valid = [fact for fact in every if facts.fact_id(fact) not in void] if void else every
    judged = claims.judge(valid)
    out = judged.out
    # Sorted only where something is left out: of the usual order, the set's own order decides nothing.
    known = sorted((fact for fact in valid if fact not in out), key=facts.to_text) if void or out else every
    steps = _steps(known)
    firm = _steps(fact for fact in known if fact not in judged.pending)
    lost = _lost(known, firm)
    left_at = _left_at(firm) or (lost.at if lost else None)
    furthest = max(steps, key=STEPS.index, default=None)
    shown = SHOWS[furthest] if furthest else "PLACED"
    problems: list[Problem] = []
    placings = _placed(known, problems)
    opened: dict[str, tuple[Placed, _Cancellations]] = {}
    for line_id, placed in sorted(placings.items()):
        # Also an announcement that does not count says how many there may have been before some were cancelled.
        ordered = max(fact.quantity for fact in _of_line(valid, Placed, placed))
        opened[line_id] = placed, _cancelled(known, placed, ordered, left_at, judged.pending, problems)
    gone = {
        line_id: placed.quantity - cancelled.units if left_at else 0 for line_id, (placed, cancelled) in opened.items()
    }
    returns = read_returns(known, gone, problems)
    # What was denied counted for a while, and what it led to may have been told.
    acts = tuple(
        sorted(
            facts.fact_id(fact)
            for fact in every
            if isinstance(fact, Voided | Remapped) or (isinstance(fact, Placed | Cancelled) and fact in judged.denied)
        )
    )
    unpriced = claims.unpriced(known)
    lines = []
    for line_id, (placed, cancelled) in opened.items():
        still = placed.quantity - cancelled.units
        of_line = [entry for entry in returns if entry.line_id == line_id]
        returned, missing = sum(entry.units for entry in of_line), sum(entry.lost for entry in of_line)
        if lost:
            # What did not come back before it was lost never will.
            returned, missing = still, missing + still - returned
        held, held_at = (0, None) if left_at else _held(known, line_id, still, problems)
        price, price_problem = _price(known, placed)
        if line_id in unpriced and still and "delivered" in firm:
            # By then the marketplace should long have been asked: nobody may wait for money that is never worked out.
            problems.append(Problem("PRICE_UNCLEAR", line_id, "it is delivered, and nobody has said its price"))
        if price_problem:
            problems.append(Problem("PRICE_UNCLEAR", line_id, price_problem))
        if still and left_at is None and (asks := _asks_to_cancel(known, line_id)):
            text = f"the buyer asked at {asks} to cancel it; until somebody does, it is sold"
            problems.append(Problem("CANCEL_REQUESTED", line_id, text))
        lines.append(
            Line(
                line_id=line_id,
                listing=placed.listing,
                quantity=placed.quantity,
                cancelled=cancelled.units,
                held=held,
                held_at=held_at,
                returned=returned,
                good=sum(entry.good for entry in of_line),
                lost=missing,
                unit_price_paise=price,
                price_problem=price_problem,
                replacement=placed.replacement,
                sold_at=placed.sold_at,
                ship_by=_ship_by(known, placed),
                resolved=_resolved(known, line_id, placed.listing),
                state=_line_state(still, held, returned, missing, shown),
                delivered_at=firm.get("delivered") if still else None,
                revision=_revision(placed, cancelled, left_at, acts),
                unconfirmed=cancelled.unconfirmed + _claimed_away(known, placed, judged.pending),
                fulfilled_by=placed.fulfilled_by,
                unpriced=line_id in unpriced,
                left_at=left_at if still else None,
            )
        )
    problems += _of_the_whole(known, lines, steps, left_at)
    problems += _denied(judged.denied)
    return Order(
        state=_order_state(lines, shown),
        ship_by=min((line.ship_by for line in lines if line.ship_by and line.open and line.ours), default=None),
        lines=tuple(lines),
        steps=steps,
        history=history(every, _remarks(void, judged)),
        problems=tuple(problems),
        returns=returns,
        released_at=max(_releases(known), default=None),
        holds_voided=_taken_back(every, judged.denied, lambda fact: isinstance(fact, Held | Released)),
        left_voided=_taken_back(every, judged.denied, lambda fact: isinstance(fact, Step) and fact.step in LEFT),
        left_at=left_at,
        pending=tuple(sorted(map(facts.fact_id, judged.pending))),
        acts=acts,
        gone=tuple(sorted({fact.line_id for fact in every if isinstance(fact, Placed)} - opened.keys()))
        if acts
        else (),
    )


def remarks(known: Iterable[Fact]) -> dict[str, str]:
    """What a person reads beside facts that do not count, or not yet, by their ids."""
    every = frozenset(known)
    void = voided(every)
    return _remarks(void, claims.judge([fact for fact in every if facts.fact_id(fact) not in void]))


def counting(known: Iterable[Fact]) -> list[Fact]:
    """The facts that are read: neither taken back by a person nor contradicted by the marketplace. Sorted."""
    every = frozenset(known)
    void = voided(every)
    valid = [fact for fact in every if facts.fact_id(fact) not in void]
    return sorted(set(valid) - claims.judge(valid).out, key=facts.to_text)


def _remarks(void: frozenset[str], judged: claims.Judgement) -> dict[str, str]:
    pending = {facts.fact_id(claim): "not confirmed yet" for claim in judged.pending}
    denied = {facts.fact_id(claim): "the marketplace says otherwise" for claim in judged.denied}
    return pending | denied | dict.fromkeys(void, "void")


def _denied(denied: Iterable[Claim]) -> list[Problem]:
    """One thing to look at for each claim: somebody may know the webhook's secret, or the marketplace erred."""
    found = []
    for claim in sorted(denied, key=facts.to_text):
        identity = facts.fact_id(claim)
        text = f"a message said {history([claim], {})[0]['what']} at {claim.at}; the marketplace itself says otherwise"
        found.append(Problem("CLAIM_DENIED", getattr(claim, "line_id", None), text, identity, of=identity))
    return found


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


def _taken_back(known: Iterable[Fact], denied: Iterable[Claim], these: Callable[[Fact], bool]) -> tuple[str, ...]:
    """The ids of voids that aim at one of ``these`` facts, of those that aim at such a void, and of the claims among
    them that were ``denied``."""
    found = {facts.fact_id(claim) for claim in denied if these(claim)}
    aims = {facts.fact_id(fact): fact.fact_id for fact in known if isinstance(fact, Voided)}
    if not aims:
        return tuple(sorted(found))
    targets = {facts.fact_id(fact) for fact in known if these(fact)}
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
        if _differ([fact for fact in given if fact.at == at]):
            problems.append(Problem("CONTRADICTION", line_id, f"announced in two ways at the same time, {at}"))
    return holds


def _differ(told: Sequence[Placed]) -> bool:
    """Whether announcements say different things, and not merely one of them less than the other.

    Two doors of one marketplace may give the time of a sale differently by a little; nothing hangs on that.
    """
    what = {(fact.listing, fact.quantity, fact.replacement, fact.fulfilled_by, fact.price_problem) for fact in told}
    prices, deadlines = {fact.unit_price_paise for fact in told}, {fact.ship_by for fact in told}
    return len(what) > 1 or len(prices - {None}) > 1 or len(deadlines - {None}) > 1


def _last_writer(placed: Placed) -> tuple[int, str]:
    return (-int(facts.moment(placed.at).timestamp()), placed.ship_by or _NEVER)


def _ship_by(known: Iterable[Fact], placed: Placed) -> str | None:
    """The deadline that was said last. Of two that were said at the same time the earlier one is the cautious one."""
    said = [(fact.at, fact.ship_by) for fact in known if isinstance(fact, DatesChanged)]
    said += [(placed.at, placed.ship_by)] if placed.ship_by else []
    last = max((at for at, _ in said), default=None)
    return min((ship_by for at, ship_by in said if at == last), default=None)


def _releases(known: Iterable[Fact]) -> list[str]:
    """The times at which the marketplace let the order go on, or was seen not to hold it."""
    return [fact.at for fact in known if isinstance(fact, Released) or (isinstance(fact, Snapshot) and not fact.held)]


def _held(known: Iterable[Fact], line_id: str, still: int, problems: list[Problem]) -> tuple[int, str | None]:
    """Open units that are held and since when: by the last hold, unless a release is later.

    Of a hold and a release at the same time the hold is the cautious one. A snapshot that finds the order held, though
    no hold in force was told of, holds all of it since the first that did.
    """
    released = max(_releases(known), default="")
    holds = [fact for fact in known if isinstance(fact, Held) and fact.line_id in (None, line_id)]
    last = max((fact.at for fact in holds), default=None)
    if last is None or last < released:
        seen = [fact.at for fact in known if isinstance(fact, Snapshot) and fact.held and fact.at > released]
        return (still, min(seen)) if seen and still else (0, None)
    if not still:
        return 0, None
    if last == released:
        problems.append(Problem("CONTRADICTION", line_id, f"held and released at the same time, {last}"))
    # The marketplace's own answer says that an order is held and not how much of it: of what is only claimed the most
    # is the cautious one.
    counts = [fact for fact in holds if fact.at == last or (fact.claimed and fact.at > released)]
    units = max(still if fact.quantity is None else min(still, fact.quantity) for fact in counts)
    return units, last


def _lost(known: Iterable[Fact], firm: Mapping[str, str]) -> Lost | None:
    """The news that the parcel is lost, unless it was delivered after that."""
    lost = max(
        (fact for fact in known if isinstance(fact, Lost)), default=None, key=lambda fact: (fact.at, fact.reason)
    )
    return lost if lost and firm.get("delivered", "") < lost.at else None


def _price(known: Iterable[Fact], placed: Placed) -> tuple[int | None, str | None]:
    """Paise for a unit, or why there is no price: the announcement's own, else what was learnt last."""
    if placed.unit_price_paise is not None or placed.price_problem is not None:
        return placed.unit_price_paise, placed.price_problem
    said = [fact for fact in known if isinstance(fact, Placed | Priced) and fact.line_id == placed.line_id]
    known_prices = [fact for fact in said if fact.unit_price_paise is not None or fact.price_problem is not None]
    last = max(known_prices, key=lambda fact: (fact.at, facts.to_text(fact)), default=None)
    return (last.unit_price_paise, last.price_problem) if last else (None, None)


def _asks_to_cancel(known: Iterable[Fact], line_id: str) -> str | None:
    return max(
        (fact.at for fact in known if isinstance(fact, CancelRequested) and fact.line_id == line_id), default=None
    )


def _resolved(known: Iterable[Fact], line_id: str, listing: str) -> Resolved | None:
    """The terms of the line: what a person corrected last, else what the registry said of its listing."""
    corrected = [fact for fact in known if isinstance(fact, Remapped) and fact.line_id == line_id]
    if corrected:
        return max(corrected, key=lambda fact: (fact.at, facts.to_text(fact))).resolved()
    of_line = [fact for fact in known if isinstance(fact, Resolved) and fact.line_id == line_id]
    # Terms without a listing were taken when a line had but one.
    return min((fact for fact in of_line if fact.listing in (listing, "")), key=facts.to_text, default=None)


class _Cancellations(NamedTuple):
    """What is cancelled of a line, in units."""

    units: int
    unconfirmed: int
    """Units among them that are only claimed."""
    said: list[str]
    """What says so: it is a part of what the line means."""


def _cancelled(
    known: Iterable[Fact],
    placed: Placed,
    ordered: int,
    left_at: str | None,
    pending: frozenset[Claim],
    problems: list[Problem],
) -> _Cancellations:
    """The cancellations of the line that count: in time, and never of more units than were ordered.

    A snapshot states the line up to its own time; of what was told apart only what came later is added. A cancellation
    after the goods left, by the event's own time, and one that asks for more units than the line still has, move
    nothing and are shown to an operator. ``ordered`` are the most units that anybody ever said were sold.
    """
    stated = max(_of_line(known, Stated, placed), key=lambda fact: (fact.at, fact.still), default=None)
    units = max(0, placed.quantity - stated.still) if stated else 0
    said = [facts.to_text(stated)] if stated and units else []
    # What happened in the very second of the snapshot may stand in it or not: it counts once. A snapshot that counts
    # only what is left has it in its quantity.
    stated_now = max(0, ordered - stated.still) if stated else 0
    unconfirmed = 0
    left = placed.quantity - units
    for fact in sorted(_of_line(known, Cancelled, placed), key=lambda fact: (fact.at, facts.to_text(fact))):
        asks, identity = f"{fact.quantity} cancelled at {fact.at}", facts.fact_id(fact)
        if stated and fact.at < stated.at:
            continue
        more = fact.quantity
        if stated and fact.at == stated.at:
            more, stated_now = max(0, fact.quantity - stated_now), max(0, stated_now - fact.quantity)
        if not more:
            continue
        if left_at is not None and fact.at > left_at:
            text = f"{asks}, after the goods left at {left_at}"
            problems.append(Problem("LATE_CANCELLATION", placed.line_id, text, identity))
        elif more > left:
            text = f"{asks}, but {left} of {placed.quantity} are left to cancel"
            problems.append(Problem("EXCESS_CANCELLATION", placed.line_id, text, identity))
        else:
            said.append(facts.to_text(fact))
            units, left = units + more, left - more
            unconfirmed += more if fact in pending else 0
    return _Cancellations(units, unconfirmed, said)


def _claimed_away(known: Iterable[Fact], placed: Placed, pending: frozenset[Claim]) -> int:
    """Units by which an announcement that is only claimed falls short of another one of the same line."""
    if placed not in pending:
        return 0
    said = (fact.quantity for fact in _of_line(known, Placed, placed) if fact.listing == placed.listing)
    return max(said) - placed.quantity


def _of_line(known: Iterable[Fact], kind: type[L], placed: Placed) -> list[L]:
    return [fact for fact in known if isinstance(fact, kind) and fact.line_id == placed.line_id]


def _revision(placed: Placed, cancelled: _Cancellations, left_at: str | None, acts: tuple[str, ...]) -> str:
    """A person's act can take the line back to what it was; then the group must be told again, so it counts too."""
    return derived_id(facts.to_text(placed), cancelled.said, left_at, *([list(acts)] if acts else []))


def _of_the_whole(
    known: Iterable[Fact], lines: list[Line], steps: Mapping[str, str], left_at: str | None
) -> list[Problem]:
    """What is wrong with the order rather than with one of its lines."""
    if not lines:
        stated = [fact.still for fact in known if isinstance(fact, Stated)]
        if stated and not any(stated):
            # All of it was cancelled before it was ever announced here: there is nothing to do.
            return []
        return [Problem("UNKNOWN_SHIPMENT", None, "news of an order that was never announced")]
    found = _of_no_line(known, {line.line_id for line in lines})
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
