"""Ledger entries: balanced, immutable, with an id that is derived from what they mean.

Debits are above zero, credits below, and an entry sums to zero. What stands on the accounts of a
line is kept per (account, rate row), so that every paisa names the row of the rate card that moved
it and a change of rates shows as one row leaving and another coming.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hunar.domain.identity import derived_id

EXPECTED: Final = "EXPECTED"
"""The kind of an entry that says what a line should bring. Nobody is paid from it."""

_PREFIX: Final = "expected:"
_LIMIT: Final = 10**15
"""Paise. An amount that large is a mistake, not a sale."""

Amounts = Mapping[tuple[str, str], int]
"""Paise by (account, rate row); nothing stands there as zero."""


@dataclass(frozen=True, order=True)
class Posting:
    """One line of an entry: paise on an account, debit above zero, and the rate row that decided it."""

    account: str
    rate_row: str
    amount_paise: int

    def item(self) -> dict[str, Any]:
        return {"account": self.account, "amount_paise": self.amount_paise, "rate_row": self.rate_row}


@dataclass(frozen=True)
class Entry:
    """One balanced entry of a line. ValueError if it does not balance or could reach a real account."""

    order_ref: str
    line_id: str
    occurred_at: str
    """When the line was delivered; for a line that is not (any more) when that was worked out."""
    after: int
    """The version of the line's head on which the entry stands; 0 for the first one."""
    digest: str
    """Of everything that the amounts hang on: the line's facts and the rate rows."""
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if not self.postings:
            raise ValueError("an entry has postings")
        for posting in self.postings:
            if type(posting.amount_paise) is not int or not 0 < abs(posting.amount_paise) < _LIMIT:
                raise ValueError(f"{posting.account}: {posting.amount_paise!r} is not an amount in whole paise")
            if not posting.account.startswith(_PREFIX):
                raise ValueError(f"{posting.account}: an expected entry uses expected accounts only")
            if not posting.rate_row:
                raise ValueError(f"{posting.account}: a posting names its rate row")
        total = sum(posting.amount_paise for posting in self.postings)
        if total:
            raise ValueError(f"the entry is out of balance by {total} paise")

    @property
    def entry_id(self) -> str:
        """The same for the same difference on the same head, whoever works it out."""
        return derived_id(EXPECTED, self.order_ref, self.line_id, self.after, self.digest)

    def item(self, *, recorded_at: str) -> dict[str, Any]:
        return {
            "entry_id": self.entry_id,
            "kind": EXPECTED,
            "order_ref": self.order_ref,
            "line_id": self.line_id,
            "occurred_at": self.occurred_at,
            "recorded_at": recorded_at,
            "postings": [posting.item() for posting in self.postings],
            "digest": self.digest,
        }


def difference(target: Amounts, posted: Amounts) -> tuple[Posting, ...]:
    """The postings that bring the accounts from what is posted to the target, sorted."""
    moved = {key: target.get(key, 0) - posted.get(key, 0) for key in target.keys() | posted.keys()}
    return tuple(sorted(Posting(account, row, paise) for (account, row), paise in moved.items() if paise))


def amounts(postings: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """What some postings amount to per account and rate row. Reads a head's ``amounts`` as well as entries."""
    total: dict[tuple[str, str], int] = {}
    for posting in postings:
        key = (posting["account"], posting["rate_row"])
        total[key] = total.get(key, 0) + int(posting["amount_paise"])
    return {key: paise for key, paise in total.items() if paise}
