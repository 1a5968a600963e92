"""What a provider says later about a text that it took, and what that settles.

Reports come out of order, twice, before the provider's own answer, up to three days late, or never:
silence says nothing. So each report is held against what is known already, and the result is the
same however often it comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from hunar.domain.notification import Status


@dataclass(frozen=True)
class Receipt:
    """One report about one text. Reports come out of order, twice, up to three days late, or never."""

    provider: str
    notification_id: str | None
    """Ours, where the provider gives it back."""
    provider_id: str | None
    state: str
    """``SENT``, ``DELIVERED``, ``FAILED`` or ``EXPIRED``: what it means to us."""
    final: bool
    at: str
    code: str
    """The provider's own word or number for it."""
    reason: str = ""
    """The code in plain words; empty where nothing went wrong."""
    parts: int | None = None
    price_millionths: int | None = None
    """Of all parts together, in millionths of ``currency``."""
    currency: str | None = None


@dataclass(frozen=True)
class Reply:
    """A missed call (empty text) or a text from a phone to a number of ours. ``repr`` shows neither number nor text."""

    provider: str
    reply_id: str
    phone: str
    """E.164."""
    text: str
    at: str

    def __repr__(self) -> str:
        return f"Reply({self.provider!r}, {self.reply_id!r})"


Kept = dict[str, Any]
"""A report as a notification keeps it. ``also`` holds those that say something else, at most ALSO."""

DELIVERED: Final = "DELIVERED"
ALSO: Final = 10

_ON_ITS_WAY: Final = frozenset({Status.WAITING, Status.CLAIMED, Status.UNKNOWN})
_SENT: Final = frozenset({Status.CLAIMED, Status.ACCEPTED, Status.UNKNOWN})
_COSTS: Final = ("parts", "price_millionths", "currency")


def outcome(kept: Kept | None) -> str | None:
    """``DELIVERED`` or ``FAILED`` once a report said how it ended, else None."""
    if kept is None:
        return None
    if kept["state"] == DELIVERED:
        return DELIVERED
    return "FAILED" if kept["final"] and kept["state"] in ("FAILED", "EXPIRED") else None


def settled(item: Mapping[str, Any], receipt: Receipt) -> tuple[Status, Kept]:
    """Where a notification stands after a report, and the report that it keeps.

    The first outcome stays; one that contradicts it is kept beside it. A text that was sent twice has an outcome for
    each sending: there a delivery outweighs a failure, for the group has read it.
    """
    status, there = Status(item["status"]), item.get("receipt")
    said = _kept(receipt)
    if there is None:
        return _status(status, said), said
    bare = {name: value for name, value in there.items() if name != "also"}
    also = there.get("also", [])
    if said == bare or said in also:
        return status, there
    winner, other = (said, bare) if _replaces(item, bare, said) else (bare, said)
    if _one_sending(bare, said):
        winner = winner | {name: other[name] for name in _COSTS if winner[name] is None}
        beside = outcome(other) not in (None, outcome(winner))
    else:
        beside = True
    also = [*also, other][-ALSO:] if beside else also
    return _status(status, winner), winner | ({"also": also} if also else {})


def _kept(receipt: Receipt) -> Kept:
    kept = asdict(receipt)
    del kept["provider"], kept["notification_id"]
    return kept


def _status(status: Status, said: Kept) -> Status:
    match outcome(said):
        case "DELIVERED":
            return Status.DELIVERED
        case "FAILED":
            # One that waits is going to be sent again, and one that was never sent cannot fail.
            return Status.FAILED if status in _SENT else status
    return Status.ACCEPTED if said["state"] == "SENT" and status in _ON_ITS_WAY else status


def _one_sending(one: Kept, other: Kept) -> bool:
    names = {one["provider_id"], other["provider_id"]}
    return len(names) == 1 or None in names


def _replaces(item: Mapping[str, Any], there: Kept, said: Kept) -> bool:
    """Whether the newcomer is what the notification goes by from now on."""
    if _one_sending(there, said):
        rank, other = _rank(said), _rank(there)
        newer = bool((said["at"], said["code"]) > (there["at"], there["code"]))
        return rank > other or (rank == other < _ENDED and newer)
    if DELIVERED in (there["state"], said["state"]):
        return bool(there["state"] != DELIVERED)
    named = item.get("provider_id")
    if named in (there["provider_id"], said["provider_id"]):
        return bool(named == said["provider_id"])
    return bool(said["at"] > there["at"])


_ENDED: Final = 2


def _rank(said: Kept) -> int:
    """Progress, then the last that the provider knows, then how it ended."""
    return _ENDED if outcome(said) else int(said["final"])


# --- the phone

STALE_AFTER: Final = 3
"""Failures in a row after which somebody asks whether the number is still hers."""

_SCRUBBED: Final = re.compile(
    r"(?<![0-9])6[0-7][0-9](?![0-9])|ENTITY|TELEMARKETER|PE_TM|HEADER|TEMPLATE|SPAM|INVALID_MESSAGE|"
    r"(CARRIER|PROTECT)_BLOCKED"
)
"""The text, its sender or its registration was refused before it came near the phone."""


def failed_in_row(before: int, kept: Kept) -> int:
    """How many texts in a row did not reach the phone. What was refused on the way there says nothing of it."""
    if outcome(kept) == DELIVERED:
        return 0
    return before if _SCRUBBED.search(kept["code"]) else before + 1


# --- the registered text

REMEMBERED: Final = 40
"""Outcomes that are kept of one registered text."""
LAST: Final = 8
LEAST: Final = 10
"""Fewer outcomes say nothing."""
REFUSALS: Final = 3

_TEMPLATE_REFUSED: Final = re.compile(
    r"(?<![0-9])63[012367](?![0-9])|TEMPLATE_(NOT_FOUND|INACTIVE|BLACKLISTED|NOT_MATCHED)|"
    r"ERROR_IDENTIFYING_TEMPLATE|INVALID_TEMPLATE_ID"
)
"""Scrub codes that say that the operators do not know the text as it was sent, by number and by name."""


def letter(kept: Kept) -> str:
    """How a text ended, as ``outcomes`` holds it: D delivered, T its registered text was refused, F else."""
    if outcome(kept) == DELIVERED:
        return "D"
    return "T" if _TEMPLATE_REFUSED.search(kept["code"]) else "F"


def failing(outcomes: str) -> bool | None:
    """Whether a registered text stopped arriving; False when it arrives; None when nothing can be said.

    It stopped when of the last 8 at most a quarter arrived while of those before at least three quarters did, or when
    the operators refused the text itself three times in a row. It arrives when of the last 8 at least three quarters
    did.
    """
    if outcomes.endswith("T" * REFUSALS):
        return True
    before, last = outcomes[:-LAST], outcomes[-LAST:]
    if len(last) == LAST and 4 * last.count("D") >= 3 * LAST:
        return False
    sank = 4 * last.count("D") <= LAST and 4 * before.count("D") >= 3 * len(before)
    return True if len(outcomes) >= LEAST and sank else None
