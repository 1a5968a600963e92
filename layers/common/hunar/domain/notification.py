"""Whether a text that is owed is still worth sending, and what the group was told before.

A notification reads the order after it claimed its own record. So whoever sees an unclaimed earlier
one may rely on it: it will speak from an order that is at least as new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from hunar.domain.effects import CANCELLED, NEW_ORDER
from hunar.domain.facts import moment


class Status(StrEnum):
    """Where a notification stands."""

    WAITING = "WAITING"
    CLAIMED = "CLAIMED"
    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    EXPIRED = "EXPIRED"
    SUPPRESSED = "SUPPRESSED"


IN_FLIGHT: Final = timedelta(minutes=15)
"""A claim without an answer for longer is Unknown: the text may or may not have gone."""

_TOLD: Final = frozenset({Status.ACCEPTED, Status.DELIVERED, Status.UNKNOWN})


@dataclass(frozen=True)
class Sibling:
    """Another notification about the same order to the same group. ``n`` counts in the order they were owed."""

    n: int
    kind: str
    status: Status | None
    """None while nobody claimed it."""
    stated: Mapping[str, int]
    """Units of each SKU that its text said, or would have said."""


class Verdict(StrEnum):
    """What to do with the notification."""

    SEND = "SEND"
    WAIT = "WAIT"
    EXPIRE = "EXPIRE"
    SUPPRESS = "SUPPRESS"


@dataclass(frozen=True)
class Decision:
    """The verdict with its reason in plain words, and what the group was ``told`` last: units of each SKU."""

    verdict: Verdict
    reason: str
    told: Mapping[str, int] = field(default_factory=dict)


def observed(status: str, claimed_at: str | None, now: str) -> Status:
    """The status as of ``now``: an old claim without an answer is Unknown."""
    if status == Status.CLAIMED and claimed_at and moment(now) - moment(claimed_at) >= IN_FLIGHT:
        return Status.UNKNOWN
    return Status(status)


def decide(
    kind: str,
    n: int,
    siblings: Iterable[Sibling],
    *,
    units: Mapping[str, int],
    left: bool,
    good_until: str,
    now: str,
) -> Decision:
    """Decide about the n-th notification, from the order as it is.

    ``units`` of each SKU are to send; ``left`` says that the goods are gone.
    """
    if now > good_until:
        return Decision(Verdict.EXPIRE, f"was good until {good_until}")
    earlier = sorted((sibling for sibling in siblings if sibling.n < n), key=lambda sibling: sibling.n)
    texts = [sibling.stated for sibling in earlier if sibling.status in _TOLD]
    told = texts[-1] if texts else {}
    more = any(there > told.get(sku, 0) for sku, there in units.items())
    fewer = any(units.get(sku, 0) < there for sku, there in told.items())
    if any(sibling.status is Status.CLAIMED for sibling in earlier):
        return Decision(Verdict.WAIT, "an earlier text is on its way")
    if unsettled := [sibling for sibling in earlier if sibling.status in (None, Status.WAITING)]:
        if not texts and any(sibling.kind == NEW_ORDER for sibling in unsettled):
            return Decision(Verdict.SUPPRESS, "the group's first text is not sent yet and will say this")
        return Decision(Verdict.WAIT, "an earlier text comes first")
    if kind == NEW_ORDER:
        if left:
            return Decision(Verdict.SUPPRESS, "the goods have left")
        if more:
            return Decision(Verdict.SEND, "units to send", told)
        return Decision(Verdict.SUPPRESS, "nothing to send that the group was not told")
    if kind == CANCELLED and fewer:
        return Decision(Verdict.SEND, "fewer units than the group was told", told)
    return Decision(Verdict.SUPPRESS, "the group knows, or was never told")
