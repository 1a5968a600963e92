"""Whether a text that is owed is still worth sending, and what the group was told before.

A notification reads the order after it claimed its own record. So whoever sees an unclaimed earlier
one may rely on it: it will speak from an order that is at least as new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from hunar.domain.effects import CANCELLED, HOLD, NEW_ORDER, RELEASED
from hunar.domain.facts import moment
from hunar.domain.text_kinds import KINDS


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
"""A claim whose text was written down and that has no answer for longer is Unknown: it may or may not have gone."""
RECEIPT_WAIT: Final = timedelta(minutes=15)
"""So long a receipt may still settle what is Unknown, before a kind that may go twice is sent once more."""
UNHEARD: Final = timedelta(minutes=60)
"""A text that has not reached its phone for longer is told to the next contact."""
SLOTS: Final = ("leader", "second", "third")
"""The contacts of a group in the order in which they are told."""

TOLD: Final = frozenset({Status.ACCEPTED, Status.DELIVERED, Status.UNKNOWN})
"""The contact may have read it."""


@dataclass(frozen=True)
class Sibling:
    """Another notification about the same order to the same group. ``n`` counts in the order they were owed."""

    n: int
    kind: str
    status: Status | None
    """None while nobody claimed it."""
    stated: Mapping[str, int]
    """Units of each SKU that its text said, or would have said."""
    hold: str | None = None
    """Of a HOLD: which one."""

    @property
    def tells(self) -> bool:
        """Whether the group may have read it."""
        return self.status in TOLD


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


def observed(item: Mapping[str, Any], now: str) -> Status:
    """How a notification stands as of ``now``. An old claim without an answer is Unknown if its text was written down,
    and waits for anybody if not: then it was surely not sent."""
    if item["status"] == Status.CLAIMED and moment(now) - moment(item["claimed_at"]) >= IN_FLIGHT:
        return Status.UNKNOWN if item["text"] is not None else Status.WAITING
    return Status(item["status"])


def goes_again(item: Mapping[str, Any]) -> bool:
    """Whether a text that is Unknown may be sent once more."""
    return KINDS[item["kind"]].resend and not item["resent"] and item["receipt"] is None


def is_due(item: Mapping[str, Any], now: str) -> bool:
    """Whether the moment has come for which a notification stands in the index of what is due."""
    return "due_sk" in item and str(item["due_sk"]).partition("#")[0] <= now


def decide(
    kind: str,
    n: int,
    siblings: Iterable[Sibling],
    *,
    units: Mapping[str, int],
    held: Mapping[str, int],
    left: bool,
    good_until: str,
    now: str,
    hold: str | None = None,
) -> Decision:
    """Decide about the n-th notification, from the order as it is.

    ``units`` of each SKU are to send, ``held`` of them not yet; ``left`` says that the goods are gone. ``hold`` says
    which hold a HOLD is about.
    """
    if now > good_until:
        return Decision(Verdict.EXPIRE, f"was good until {good_until}")
    earlier = sorted((sibling for sibling in siblings if sibling.n < n), key=lambda sibling: sibling.n)
    texts = [sibling.stated for sibling in earlier if sibling.tells]
    told = texts[-1] if texts else {}
    more = any(there > told.get(sku, 0) for sku, there in units.items())
    fewer = any(units.get(sku, 0) < there for sku, there in told.items())
    if any(sibling.status is Status.CLAIMED for sibling in earlier):
        return Decision(Verdict.WAIT, "an earlier text is on its way")
    if unsettled := [sibling for sibling in earlier if sibling.status in (None, Status.WAITING)]:
        says_it = kind not in (HOLD, RELEASED) and not texts
        if says_it and any(sibling.kind == NEW_ORDER for sibling in unsettled):
            return Decision(Verdict.SUPPRESS, "the group's first text is not sent yet and will say this")
        return Decision(Verdict.WAIT, "an earlier text comes first")
    if kind == NEW_ORDER:
        if left:
            return Decision(Verdict.SUPPRESS, "the goods have left")
        if more:
            return Decision(Verdict.SEND, "units to send", told)
        return Decision(Verdict.SUPPRESS, "nothing to send that the group was not told")
    if kind == CANCELLED:
        if fewer:
            return Decision(Verdict.SEND, "fewer units than the group was told", told)
        return Decision(Verdict.SUPPRESS, "the group knows, or was never told")
    if left or not told or not any(min(there, units.get(sku, 0)) for sku, there in told.items()):
        return Decision(Verdict.SUPPRESS, "the group has nothing of it to hand over")
    if hold is not None and hold in _heard_of(earlier):
        return Decision(Verdict.SUPPRESS, "the group was told of this hold")
    return _about_a_hold(kind, earlier, told, all_held=held == units, held=bool(held))


def _heard_of(earlier: Iterable[Sibling]) -> set[str]:
    """The holds that the group was told of and not that they are over."""
    holds: set[str] = set()
    for sibling in earlier:
        if sibling.tells and sibling.kind == RELEASED:
            holds = set()
        elif sibling.tells and sibling.hold is not None:
            holds.add(sibling.hold)
    return holds


def _about_a_hold(
    kind: str, earlier: Iterable[Sibling], told: Mapping[str, int], *, all_held: bool, held: bool
) -> Decision:
    """A hold, its end, or missing units that came: each only while it is true."""
    heard = [sibling.kind for sibling in earlier if sibling.tells and sibling.kind in (HOLD, RELEASED)]
    if kind == HOLD:
        if held:
            return Decision(Verdict.SEND, "units to keep back", told)
        return Decision(Verdict.SUPPRESS, "released meanwhile")
    if kind == RELEASED:
        if held or heard[-1:] != [HOLD]:
            return Decision(Verdict.SUPPRESS, "held again, or the group was never told of a hold")
        return Decision(Verdict.SEND, "the hold is over", told)
    if all_held:
        return Decision(Verdict.SUPPRESS, "held meanwhile")
    return Decision(Verdict.SEND, "the missing units came", told)
