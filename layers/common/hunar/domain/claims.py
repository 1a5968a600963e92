"""Claims: what a message stated whose body nobody signed, and whether the marketplace itself says so.

A claim is *confirmed* when a snapshot agrees, *denied* when one contradicts it or when the marketplace was asked for
long enough and says nothing of it, and *pending* until then. A snapshot can only speak of what happened by its own
time: an old copy settles nothing that is younger.

Like every reading this depends on the set of facts alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.facts import (
    LEFT,
    STEPS,
    Cancelled,
    Claim,
    DatesChanged,
    Denied,
    Fact,
    Held,
    Placed,
    Priced,
    Released,
    ReturnRequested,
    ReturnStep,
    Snapshot,
    Stated,
    Step,
)
from hunar.domain.identity import canonical
from hunar.domain.reading import Reading

DENIED: Final = "claims_denied"
"""The ``event_type`` of the answer that denies claims."""


@dataclass(frozen=True)
class Judgement:
    """The claims among the facts of an order, by what became of them. Confirmed ones are plain facts."""

    pending: frozenset[Claim] = frozenset()
    denied: frozenset[Claim] = frozenset()
    replaced: frozenset[Claim] = frozenset()
    """Announcements in whose place the marketplace's own stand."""

    @property
    def out(self) -> frozenset[Claim]:
        """What reading skips. A pending cancellation of a return would bring back money: it waits."""
        waits = {fact for fact in self.pending if isinstance(fact, ReturnStep) and fact.step == "cancelled"}
        return self.denied | self.replaced | waits


@dataclass(frozen=True)
class Wanted:
    """What a marketplace must be asked about an order."""

    order: bool = False
    returns: tuple[str, ...] = ()
    """Ids of returns."""
    claims: Mapping[str, str] = field(default_factory=dict)
    """The pending claims: id of the fact and its time."""

    def __bool__(self) -> bool:
        return self.order or bool(self.returns)


def judge(known: Collection[Fact]) -> Judgement:
    """``known`` are the facts that no person voided."""
    claims = [fact for fact in known if isinstance(fact, Claim) and fact.claimed]
    if not claims:
        return Judgement()
    bench = _Bench([fact for fact in known if not (isinstance(fact, Claim) and fact.claimed)], claims)
    verdicts = {claim: bench.verdict(claim) for claim in claims}
    return Judgement(
        frozenset(claim for claim, verdict in verdicts.items() if verdict is None),
        frozenset(claim for claim, verdict in verdicts.items() if verdict is False),
        frozenset(claim for claim in claims if verdicts[claim] is not False and bench.has_own(claim)),
    )


class _Bench:
    """What the marketplace itself says, against which claims are held. A verdict of None means: not known yet."""

    def __init__(self, said: Collection[Fact], claims: Collection[Claim]) -> None:
        self._placed: dict[str, list[Placed]] = defaultdict(list)
        self._stated: dict[str, list[Stated]] = defaultdict(list)
        self._returns: dict[tuple[str, str], list[ReturnRequested]] = defaultdict(list)
        self._return_steps: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._snapshots: list[Snapshot] = []
        self._steps: set[str] = set()
        self._denied: set[str] = set()
        self._cancels = sorted((c for c in claims if isinstance(c, Cancelled)), key=lambda c: (c.at, facts.to_text(c)))
        self._claimed_placed = [claim for claim in claims if isinstance(claim, Placed)]
        for fact in said:
            match fact:
                case Placed():
                    self._placed[fact.line_id].append(fact)
                case Stated():
                    self._stated[fact.line_id].append(fact)
                case Snapshot():
                    self._snapshots.append(fact)
                    self._steps |= {fact.step} - {""}
                case Step():
                    self._steps.add(fact.step)
                case ReturnRequested():
                    self._returns[fact.line_id, fact.return_id].append(fact)
                case ReturnStep():
                    self._return_steps[fact.line_id, fact.return_id].add(fact.step)
                case Denied():
                    self._denied.add(fact.fact_id)
                case _:
                    continue

    def has_own(self, claim: Claim) -> bool:
        """Whether the marketplace itself announced the same thing, in these words or others."""
        if isinstance(claim, Placed):
            return claim.line_id in self._placed
        return isinstance(claim, ReturnRequested) and (claim.line_id, claim.return_id) in self._returns

    def verdict(self, claim: Claim) -> bool | None:
        match claim:
            case Placed():
                found = self._placing(claim)
            case Step():
                found = self._step(claim)
            case Cancelled():
                found = self._cancel(claim)
            case ReturnRequested():
                own = self._returns.get((claim.line_id, claim.return_id))
                found = any(one.quantity == claim.quantity for one in own) if own else None
            case ReturnStep():
                found = claim.step in self._return_steps[claim.line_id, claim.return_id] or None
            case _:
                found = self._said_anew(claim)
        return False if found is None and facts.fact_id(claim) in self._denied else found

    def _snapshot_since(self, at: str) -> Snapshot | None:
        """The last snapshot, when it is not older than ``at``."""
        last = max(self._snapshots, key=lambda one: (one.at, facts.to_text(one)), default=None)
        return last if last is not None and last.at >= at else None

    def _said_anew(self, claim: Claim) -> bool | None:
        """Whether it is held, until when it must be handed over: a later snapshot says it anew, so it may stand.

        One of the same second settles it only when it agrees. The time of a message is easily copied into another.
        """
        since = self._snapshot_since(claim.at)
        if since is None:
            return None
        if since.at > claim.at:
            return True
        match claim:
            case Held() | Released():
                held = isinstance(claim, Held)
                return any(one.at == claim.at and one.held is held for one in self._snapshots) or None
            case DatesChanged():
                own = (one for placed in self._placed.values() for one in placed if one.at == claim.at)
                return any(one.ship_by == claim.ship_by for one in own) or None
            case _:
                return True

    def _placing(self, claim: Placed) -> bool | None:
        own = self._placed.get(claim.line_id, ())
        if any(self._agrees(claim, one) for one in own):
            return True
        if any(one.at >= claim.at for one in own):
            return False
        since = self._snapshot_since(claim.at)
        return False if since and since.line_ids and claim.line_id not in since.line_ids.split(" ") else None

    def _agrees(self, claim: Placed, own: Placed) -> bool:
        """The marketplace may count what is cancelled among what was ordered, or not."""
        cancelled = sum(c.quantity for c in self._cancels if c.line_id == claim.line_id and c.at <= own.at)
        still = {stated.still for stated in self._stated.get(claim.line_id, ()) if stated.at == own.at}
        same_quantity = claim.quantity == own.quantity or claim.quantity - cancelled in still
        prices = {claim.unit_price_paise, own.unit_price_paise} - {None}
        return claim.listing == own.listing and same_quantity and len(prices) <= 1

    def _step(self, claim: Step) -> bool | None:
        if any(STEPS.index(step) >= STEPS.index(claim.step) for step in self._steps):
            return True
        since = self._snapshot_since(claim.at)
        if since is None:
            return None
        # Of what was cancelled as a whole the marketplace does not say how far it had come.
        return self._all_cancelled(since) and claim.step not in LEFT

    def _all_cancelled(self, snapshot: Snapshot) -> bool:
        lines = snapshot.line_ids.split(" ") if snapshot.line_ids else []
        still = {
            stated.still for line_id in lines for stated in self._stated.get(line_id, ()) if stated.at == snapshot.at
        }
        return still == {0}

    def _cancel(self, claim: Cancelled) -> bool | None:
        last = max(self._stated.get(claim.line_id, ()), key=lambda one: (one.at, one.still), default=None)
        if last is None or last.at < claim.at:
            return None
        ordered = [one.quantity for one in (*self._placed[claim.line_id], *self._claimed_placed)
                   if one.line_id == claim.line_id]  # fmt: skip
        left = max(ordered, default=0) - last.still
        for cancel in self._cancels:
            if cancel.line_id != claim.line_id or cancel.at > last.at:
                continue
            fits = cancel.quantity <= left
            if cancel == claim:
                return fits
            left -= cancel.quantity if fits else 0
        return None


def wanted(known: Collection[Fact], void: frozenset[str] = frozenset()) -> Wanted:
    """What must be asked about an order: its pending claims, and prices that no announcement had.

    ``void`` are the ids of the facts that a person took back.
    """
    holds = [fact for fact in known if facts.fact_id(fact) not in void]
    pending = judge(holds).pending
    of_returns = {fact for fact in pending if isinstance(fact, ReturnRequested | ReturnStep)}
    return Wanted(
        order=bool(pending - of_returns) or bool(unpriced(holds)),
        returns=tuple(sorted({fact.return_id for fact in of_returns})),
        claims={facts.fact_id(claim): claim.at for claim in sorted(pending, key=facts.to_text)},
    )


def open_after(known: Collection[Fact], said: Iterable[Fact], void: frozenset[str] = frozenset()) -> Mapping[str, str]:
    """The claims that are still pending when an answer that states ``said`` is added."""
    return wanted({*known, *said}, void).claims


def unpriced(known: Iterable[Fact]) -> frozenset[str]:
    """Lines whose price nobody said, and nobody said why."""
    known = list(known)
    priced = {fact.line_id for fact in known if isinstance(fact, Priced)}
    said = {
        fact.line_id
        for fact in known
        if isinstance(fact, Placed) and (fact.unit_price_paise is not None or fact.price_problem is not None)
    }
    return frozenset(fact.line_id for fact in known if isinstance(fact, Placed)) - priced - said


def denial(marketplace_id: str, claims: Mapping[str, str]) -> bytes:
    """The answer that denies claims about an order, as it is kept: the marketplace was asked for long enough and states
    none of them. ``claims`` are ids of facts with their times."""
    denied = [{"fact_id": fact_id, "at": at} for fact_id, at in sorted(claims.items())]
    return canonical({"order_id": marketplace_id, "denied": denied}).encode()


def denials(raw: bytes) -> Reading | None:
    """What a ``denial`` states; None when it is another answer."""
    try:
        said: Any = json.loads(raw)
        denied = tuple(Denied(str(entry["fact_id"]), str(entry["at"])) for entry in said["denied"])
        return Reading(str(said["order_id"]), DENIED, "APPLIED", denied, (), raw.decode())
    except (ValueError, KeyError, TypeError):
        return None
