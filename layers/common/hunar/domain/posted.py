"""What of a line is in the books, and what has to be booked now.

The target (``settled``) less what is posted, when there is news of the goods or a settlement; the digest of the news
stands with what is posted. Another amount without news (a corrected mapping, resolution, rate or program) books
nothing: it is a proposal, and a person decides. All functions here are pure: what they return is written in one
transaction, with the versions that were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hunar.domain import accounts, debt, head, ledger
from hunar.domain.debt import Standing
from hunar.domain.head import Head, Sealed
from hunar.domain.identity import derived_id
from hunar.domain.ledger import CORRECTED, RELEASED, SETTLED, Amounts, Entry, Posting

HOLD_OVER: Final = "hold_over"
PROPOSAL: Final = "PROPOSAL"


@dataclass(frozen=True)
class Posted:
    """What is posted of one order line."""

    order_ref: str
    line_id: str
    amounts: Amounts = field(default_factory=dict)
    """The target as it was posted last. What a group gets is all on its held account here."""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    """Where it really stands, by group: more than one after the line was given to another group."""
    digest: str = ""
    version: int = 0

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Posted:
        return cls(
            item["order_ref"],
            item["line_id"],
            ledger.amounts(item["amounts"]),
            {group: Standing.of(standing) for group, standing in item["standings"].items()},
            item["digest"],
            int(item["version"]),
        )

    def item(self) -> dict[str, Any]:
        return {
            "order_ref": self.order_ref,
            "line_id": self.line_id,
            "amounts": [posting.item() for posting in ledger.difference(self.amounts, {})],
            "standings": {group: standing.item() for group, standing in sorted(self.standings.items())},
            "digest": self.digest,
            "version": self.version,
        }

    @property
    def groups(self) -> frozenset[str]:
        """Whose heads must be read before this line is posted, besides that of its group."""
        return frozenset(self.standings)


@dataclass(frozen=True)
class Booked:
    """What one transaction writes."""

    posted: Posted
    heads: Mapping[str, Head] = field(default_factory=dict)
    """The heads that changed, by group."""
    entries: tuple[Sealed, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A difference that nothing new explains. Nothing moves until a person approves it."""

    order_ref: str
    line_id: str
    after: int
    """The version of what is posted. A proposal for an older one is void."""
    target: tuple[Posting, ...]
    """All amounts as they would be."""
    postings: tuple[Posting, ...]
    """The difference."""

    @property
    def proposal_id(self) -> str:
        moved = [posting.item() for posting in self.postings]
        return derived_id(PROPOSAL, self.order_ref, self.line_id, self.after, moved)


def settle(
    posted: Posted,
    target: Amounts,
    digest: str,
    heads: Mapping[str, Head],
    *,
    group_id: str,
    occurred_at: str,
    source: Iterable[tuple[str, str | int]],
) -> Booked | Proposal | None:
    """What is to be booked of a line, None when it is all there.

    ``heads`` are those of the line's group and of ``posted.groups``. ``occurred_at`` is the time of the news.
    ``source`` is what a person looks up: the minutes, the settlements.
    """
    moved = ledger.difference(target, posted.amounts)
    if digest == posted.digest:
        if not moved:
            return None
        wanted = ledger.difference(target, {})
        return Proposal(posted.order_ref, posted.line_id, posted.version, wanted, moved)
    return _book(
        SETTLED,
        (posted.order_ref, posted.line_id, posted.version, digest),
        replace(posted, digest=digest, amounts=target),
        moved,
        heads,
        group_id=group_id,
        occurred_at=occurred_at,
        source=source,
    )


def approve(
    proposal: Proposal,
    posted: Posted,
    heads: Mapping[str, Head],
    *,
    group_id: str,
    by: str,
    reason: str,
    at: str,
) -> Booked:
    """Books a proposal. ValueError when the line was posted since: the proposal is about what no longer stands."""
    if (proposal.order_ref, proposal.line_id, proposal.after) != (posted.order_ref, posted.line_id, posted.version):
        raise ValueError("the line was posted since this was proposed")
    target = {(posting.account, posting.rate_row): posting.amount_paise for posting in proposal.target}
    return _book(
        CORRECTED,
        (proposal.proposal_id,),
        replace(posted, amounts=target),
        proposal.postings,
        heads,
        group_id=group_id,
        occurred_at=at,
        source=(("by", by), ("reason", reason)),
    )


def seen_again(posted: Posted) -> Posted:
    """The same amounts, written again because something beside them changed, as the end of a hold."""
    return replace(posted, version=posted.version + 1)


def release(posted: Posted, head_of: Head, hold_end: str, *, now: str) -> Booked | None:
    """The end of a line's hold for one group: what is held becomes payable. None when nothing is held, or not yet.

    The id comes from line and hold end, and from the version of what is posted: what is settled after the end of
    the hold, as a reimbursement weeks later, is released in its turn.
    """
    group = head_of.group_id
    standing = posted.standings.get(group, Standing()).since(head_of.closed)
    if now < hold_end or not standing.held:
        return None
    entry = Entry(
        kind=RELEASED,
        cause=(posted.order_ref, posted.line_id, hold_end, posted.version),
        occurred_at=hold_end,
        postings=(
            Posting(accounts.group_held(group), HOLD_OVER, standing.held),
            Posting(accounts.group_payable(group), HOLD_OVER, -standing.held),
        ),
        group_id=group,
        order_ref=posted.order_ref,
        line_id=posted.line_id,
    )
    moved_head, sealed = head.after(head_of, entry)
    after = Standing(0, standing.unpaid + standing.held, standing.debt, moved_head.seq)
    moved = replace(posted, standings={**posted.standings, group: after}, version=posted.version + 1)
    return Booked(moved, {group: moved_head}, sealed)


def _book(
    kind: str,
    cause: tuple[str | int, ...],
    posted: Posted,
    moved: Iterable[Posting],
    heads: Mapping[str, Head],
    *,
    group_id: str,
    occurred_at: str,
    source: Iterable[tuple[str, str | int]],
) -> Booked:
    postings = list(moved)
    changed: dict[str, int] = {}
    for posting in postings:
        owner = accounts.group_of(posting.account)
        if owner and posting.account == accounts.group_held(owner):
            changed[owner] = changed.get(owner, 0) - posting.amount_paise
    standings = dict(posted.standings)
    for group, change in sorted(changed.items()):
        before = standings.get(group, Standing()).since(heads[group].closed)
        more, standings[group] = debt.place(change, before, group)
        postings += more
    sealed: list[Sealed] = []
    after: dict[str, Head] = {}
    if postings:
        made = ledger.entries(
            kind,
            cause,
            postings,
            group_id=group_id,
            occurred_at=occurred_at,
            order_ref=posted.order_ref,
            line_id=posted.line_id,
            digest=posted.digest,
            source=source,
        )
        for group in sorted({entry.group_id for entry in made if entry.group_id}):
            after[group], places = head.after(heads[group], *(entry for entry in made if entry.group_id == group))
            sealed += places
            if group in changed:
                standings[group] = replace(standings[group], seq=after[group].seq)
    return Booked(replace(posted, standings=standings, version=posted.version + 1), after, tuple(sealed))
