"""Who shares what a group gets: weights that the group gave, each for days of its production.

The agency does not see who made which piece. What a payout pays is taken as made between the payout before it and this
one; a member counts in it with her weight, for as many of its days as the weight holds. So who joins or leaves between
two payouts shares in the days on which she was there. It is a suggestion, and the group decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from hunar.domain.split import Shares, largest_remainder, without_clawback

STILL: Final = "9999-12-31"
"""The end of what has none."""


@dataclass(frozen=True, order=True)
class Weight:
    """What a member's part is from one day in India to another, both included."""

    member: str
    """The code or first name by which the group calls her."""
    from_day: str
    to_day: str
    """Empty: until her next weight begins, or still."""
    weight: int

    def item(self) -> dict[str, Any]:
        return {"member": self.member, "weight": self.weight, "from": self.from_day, "to": self.to_day}

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Weight:
        return cls(item["member"], item["from"], item["to"], int(item["weight"]))


@dataclass(frozen=True)
class Part:
    """Paise of one payment, below zero when the bank took them back, and the first and last day of what it pays."""

    paise: int
    first_day: str
    last_day: str


@dataclass(frozen=True)
class Suggested:
    """How a group could divide what it was paid."""

    shares: Shares
    """Paise by member, in the order of what they are called; who gets nothing is not there."""
    group_paise: int
    """What the group bears (not above zero), because members who left give nothing back."""
    undivided_paise: int
    """Of payments in whose days nobody had a weight: then the members say whose it is."""


def held(weights: Iterable[Weight]) -> list[Weight]:
    """The weights with the days on which they end, by member and day."""
    known = sorted(weights)
    ended = []
    for place, one in enumerate(known):
        following = known[place + 1] if place + 1 < len(known) else None
        end = one.to_day or STILL
        if following is not None and following.member == one.member:
            before = date.fromisoformat(following.from_day) - timedelta(days=1)
            end = min(end, before.isoformat())
        ended.append(Weight(one.member, one.from_day, end, one.weight))
    return ended


def suggested(parts: Sequence[Part], weights: Iterable[Weight]) -> Suggested:
    """How members could share the parts. What it says adds up to them, to the paisa."""
    known = held(weights)
    shares: dict[str, int] = {}
    undivided = 0
    for part in parts:
        counted = _counted(known, part)
        if not any(counted.values()):
            undivided += part.paise
            continue
        for member, paise in largest_remainder(part.paise, counted).items():
            shares[member] = shares.get(member, 0) + paise
    there = {one.member for one in known if parts and one.to_day >= max(part.last_day for part in parts)}
    kept, borne = without_clawback(shares, shares.keys() - there)
    return Suggested({member: paise for member, paise in sorted(kept.items()) if paise}, borne, undivided)


def _counted(known: Iterable[Weight], part: Part) -> dict[str, int]:
    """Weight times days within the part."""
    counted: dict[str, int] = {}
    for one in known:
        first, last = max(one.from_day, part.first_day), min(one.to_day, part.last_day)
        if first <= last:
            days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
            counted[one.member] = counted.get(one.member, 0) + one.weight * days
    return counted
