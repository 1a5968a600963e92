"""Ledger entries: balanced, immutable, with an id that is derived from what they mean.

Debits are above zero, credits below, and an entry sums to zero. What stands on the accounts of a
line is kept per (account, rate row), so that every paisa names what moved it: a row of the rate card,
a line of a settlement, a clause of the group's resolution. A change of rates shows as one row leaving
and another coming.

An entry is either a memo, on ``expected:…`` accounts only, or real, on the chart's; never both. A real
entry touches one group at most, because it goes with that group's head; between groups there are two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hunar.domain import accounts
from hunar.domain.identity import canonical, derived_id
from hunar.domain.money import whole

EXPECTED: Final = "EXPECTED"
"""The kind of an entry that says what a line should bring. Nobody is paid from it."""
SETTLED: Final = "SETTLED"
"""What a line brought, by its settlements; or by its facts where a group is paid by the piece."""
CORRECTED: Final = "CORRECTED"
"""A difference without a new fact, which a person approved."""
RELEASED: Final = "RELEASED"
"""The end of a hold: held becomes payable."""
PAID_OUT: Final = "PAID_OUT"
"""The closing of a period for one group: all that is payable goes into a batch, less what recovers a debt."""
ARRIVED: Final = "ARRIVED"
"""The bank carried out a payout."""
SENT_BACK: Final = "SENT_BACK"
"""The bank rejected or returned a payout: it is payable again, to the paisa."""
MERGED: Final = "MERGED"
"""A group joined another: what stood in its book goes on to the other one's, by their minutes."""
KINDS: Final = (EXPECTED, SETTLED, CORRECTED, RELEASED, PAID_OUT, ARRIVED, SENT_BACK, MERGED)

JOINED: Final = "joined"
"""The rate row of what goes on to another group: the minutes, in the entry's source, decided it."""
FROM: Final = "from"
"""In the source of a MERGED entry: the group that joined the other."""
SINCE: Final = "since"
"""In the source of a MERGED entry: since when its money is payable. It does not get younger by going on."""

LIMIT: Final = 10**15
"""Paise. An amount that large is a mistake, not a sale."""
MOST_POSTINGS: Final = 90
"""More go into linked entries, so that an item stays small and a transaction below its hundred actions."""
CLEARING: Final = "clearing"
"""The rate row of a posting that only ties entries together."""

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
    """One balanced entry. There is no other way to make one, and ValueError says what is wrong with it."""

    kind: str
    cause: tuple[str | int, ...]
    """What makes it this entry and no other. Never a version of the program: a replay gives the same ids."""
    occurred_at: str
    """When what it books happened: the time of the news or of the settlement, not of the booking."""
    postings: tuple[Posting, ...]
    """Sorted, whatever order they were given in, so that equal entries are equal byte for byte."""
    group_id: str | None = None
    """In whose head it is counted; None for a memo and for what concerns the agency alone."""
    order_ref: str | None = None
    line_id: str | None = None
    digest: str = ""
    """Of everything that the amounts hang on."""
    source: tuple[tuple[str, str | int], ...] = ()
    """What a person looks up: the settlement, the minutes, the batch. By name, sorted."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of entry")
        if not self.postings:
            raise ValueError("an entry has postings")
        if len(self.postings) > MOST_POSTINGS:
            raise ValueError(f"{len(self.postings)} postings; an entry has {MOST_POSTINGS} at most")
        for posting in self.postings:
            if type(posting.amount_paise) is not int or not 0 < abs(posting.amount_paise) < LIMIT:
                raise ValueError(f"{posting.account}: {posting.amount_paise!r} is not an amount in whole paise")
            if not posting.rate_row:
                raise ValueError(f"{posting.account}: a posting names its rate row")
            self._belongs(posting.account)
        if len({(posting.account, posting.rate_row) for posting in self.postings}) < len(self.postings):
            raise ValueError("two postings of one account and rate row")
        total = sum(posting.amount_paise for posting in self.postings)
        if total:
            raise ValueError(f"the entry is out of balance by {total} paise")
        canonical([list(self.cause), list(map(list, self.source))])  # ValueError for a float
        object.__setattr__(self, "postings", tuple(sorted(self.postings)))
        object.__setattr__(self, "source", tuple(sorted(self.source)))

    def _belongs(self, account: str) -> None:
        if self.kind == EXPECTED:
            if not accounts.is_memo(account):
                raise ValueError(f"{account}: an expected entry uses expected accounts only")
            return
        if accounts.is_memo(account):
            raise ValueError(f"{account}: a memo account is in no entry of money")
        owner = accounts.group_of(account)
        if owner not in (None, self.group_id):
            raise ValueError(f"{account}: the entry is of {self.group_id or 'no group'}")

    @property
    def entry_id(self) -> str:
        """The same for the same cause, whoever works it out."""
        return derived_id(self.kind, *self.cause)

    def content(self) -> dict[str, Any]:
        """All that it says. The hash chain covers this."""
        content: dict[str, Any] = {
            "entry_id": self.entry_id,
            "kind": self.kind,
            "order_ref": self.order_ref,
            "line_id": self.line_id,
            "occurred_at": self.occurred_at,
            "postings": [posting.item() for posting in self.postings],
            "digest": self.digest,
        }
        if self.kind != EXPECTED:
            content |= {"group_id": self.group_id, "source": dict(self.source)}
        return content

    @property
    def closes(self) -> bool:
        """Whether all that was payable to the group left with it."""
        return closes(self.kind, dict(self.source), str(self.group_id))

    def item(self, *, recorded_at: str) -> dict[str, Any]:
        return self.content() | {"recorded_at": recorded_at}


def closes(kind: str, source: Mapping[str, str | int], group_id: str) -> bool:
    """Whether all that was payable to a group left its book with an entry: into a batch, or to the group it joined."""
    return kind == PAID_OUT or (kind == MERGED and source[FROM] == group_id)


def payable_from(kind: str, source: Mapping[str, str | int], occurred_at: str) -> str:
    """Since when what an entry makes payable is payable."""
    return str(source.get(SINCE, occurred_at)) if kind == MERGED else occurred_at


def expected(
    order_ref: str, line_id: str, *, occurred_at: str, after: int, digest: str, postings: Sequence[Posting]
) -> Entry:
    """What a line should bring, as a memo.

    ``occurred_at`` is when the line was delivered; for a line that is not (any more), when that was worked out.
    ``after`` is the version of the line's head on which the entry stands, 0 for the first one.
    """
    return Entry(
        kind=EXPECTED,
        cause=(order_ref, line_id, after, digest),
        occurred_at=occurred_at,
        postings=tuple(postings),
        order_ref=order_ref,
        line_id=line_id,
        digest=digest,
    )


def entries(
    kind: str,
    cause: tuple[str | int, ...],
    postings: Iterable[Posting],
    *,
    group_id: str,
    occurred_at: str,
    order_ref: str | None = None,
    line_id: str | None = None,
    digest: str = "",
    source: Iterable[tuple[str, str | int]] = (),
) -> tuple[Entry, ...]:
    """The entries for some balanced postings: one if it can be, else linked ones through a clearing account.

    The agency's accounts go with ``group_id``; each other group gets its own entry. All belong into one
    transaction: alone, an entry leaves its amount on the clearing account, and the audit finds it there.
    """
    by_group: dict[str, list[Posting]] = {group_id: []}
    for posting in sorted(postings, key=lambda one: (one.amount_paise, one)):
        by_group.setdefault(accounts.group_of(posting.account) or group_id, []).append(posting)
    clearing = accounts.clearing(derived_id(kind, *cause))
    several = len(by_group) > 1
    parts = [(group, part) for group in sorted(by_group) for part in _parts(by_group[group], several=several)]
    made = []
    for number, (group, part) in enumerate(parts):
        balance = sum(posting.amount_paise for posting in part)
        made.append(
            Entry(
                kind=kind,
                cause=cause if len(parts) == 1 else (*cause, group, number),
                occurred_at=occurred_at,
                postings=(*part, Posting(clearing, CLEARING, -balance)) if balance and len(parts) > 1 else tuple(part),
                group_id=group,
                order_ref=order_ref,
                line_id=line_id,
                digest=digest,
                source=tuple(source),
            )
        )
    if sum(posting.amount_paise for entry in made for posting in entry.postings if posting.account == clearing):
        raise ValueError("the linked entries are out of balance")
    return tuple(made)


def _parts(postings: Sequence[Posting], *, several: bool) -> Iterator[Sequence[Posting]]:
    """Credits come first, so that no account of a group falls below nothing between two parts."""
    several = several or len(postings) > MOST_POSTINGS
    size = MOST_POSTINGS - several
    for start in range(0, len(postings), size):
        yield postings[start : start + size]


def difference(target: Amounts, posted: Amounts) -> tuple[Posting, ...]:
    """The postings that bring the accounts from what is posted to the target, sorted."""
    moved = {key: target.get(key, 0) - posted.get(key, 0) for key in target.keys() | posted.keys()}
    return tuple(sorted(Posting(account, row, paise) for (account, row), paise in moved.items() if paise))


def amounts(postings: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """What some postings amount to per account and rate row. Reads a head's ``amounts`` as well as entries."""
    total: dict[tuple[str, str], int] = {}
    for posting in postings:
        key = (posting["account"], posting["rate_row"])
        total[key] = total.get(key, 0) + whole(posting["amount_paise"])
    return {key: paise for key, paise in total.items() if paise}
