"""Money that has to come back: where it is taken from, and how fast a debt is recovered.

What a line takes back is taken from what that line brought: first from what is still held, then from what was
released and not yet paid out. Only what was paid already becomes the group's debt. It is never taken from what
other lines brought, except by the recovery: when a period is closed, at most the part of the payable money that
the group resolved goes against its debt, so that no group is left with nothing without having agreed to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hunar.domain import accounts
from hunar.domain.ledger import Posting
from hunar.domain.money import PPM, whole

GIVE_BACK: Final = "give_back"
"""The rate row of what a line gives back beyond what is held for it."""
DEBT_UNDONE: Final = "debt_undone"
"""The rate row of a debt that the line itself takes away again, because its news came in another order."""


@dataclass(frozen=True)
class Standing:
    """Where the money of one line stands for one group. Paise, none below nothing."""

    held: int = 0
    unpaid: int = 0
    """Released since the group was last paid."""
    debt: int = 0
    """Became a debt since the group was last paid: none of it was recovered yet."""
    seq: int = 0
    """The number of the group's entry that last moved it."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Standing:
        return cls(*(whole(item[name]) for name in ("held", "unpaid", "debt", "seq")))

    def item(self) -> dict[str, Any]:
        return {"held": self.held, "unpaid": self.unpaid, "debt": self.debt, "seq": self.seq}

    def since(self, closed: int) -> Standing:
        """The same after the payout with the number ``closed``: what was payable before it went into the batch."""
        return self if closed < self.seq else Standing(self.held)


def place(change: int, standing: Standing, group_id: str) -> tuple[tuple[Posting, ...], Standing]:
    """Where a change of what a group gets for a line goes, in paise, above zero when it gets more.

    The change itself is posted on the held account; the postings given here move on what does not belong there.
    ``standing`` is as it is after the last payout (``Standing.since``).
    """
    held, payable, debt = (
        account(group_id) for account in (accounts.group_held, accounts.group_payable, accounts.group_debt)
    )
    if change >= 0:
        undone = min(change, standing.debt)
        moves = [Posting(held, DEBT_UNDONE, undone), Posting(debt, DEBT_UNDONE, -undone)]
        after = Standing(standing.held + change - undone, standing.unpaid, standing.debt - undone, standing.seq)
    else:
        back = -change
        of_held = min(back, standing.held)
        of_unpaid = min(back - of_held, standing.unpaid)
        owed = back - of_held - of_unpaid
        moves = [
            Posting(held, GIVE_BACK, -(of_unpaid + owed)),
            Posting(payable, GIVE_BACK, of_unpaid),
            Posting(debt, GIVE_BACK, owed),
        ]
        after = Standing(standing.held - of_held, standing.unpaid - of_unpaid, standing.debt + owed, standing.seq)
    return tuple(move for move in moves if move.amount_paise), after


def recovered(payable: int, debt: int, cap_ppm: int) -> int:
    """Paise of a debt that one payout recovers: at most so many parts per million of what is payable, rounded down."""
    return min(debt, payable * cap_ppm // PPM)
