"""A group joins another: what it had, and what still comes to its book, goes on to the other one's.

Two linked entries, one in each book, to the paisa, with the minutes. What is held, or on its way to the bank, stays
until it is released or answered, and goes on then. So a refund of what the group was paid before it joined becomes a
debt in its own book, where the line stands, and goes on to the group that it joined.
"""

from __future__ import annotations

from hunar.domain import accounts, ledger
from hunar.domain.head import STAYS, Head
from hunar.domain.ledger import JOINED, MERGED, Entry, Posting


def goes_on(head: Head, *, minutes: str, at: str) -> tuple[Entry, ...]:
    """The linked entries that bring all that can go on from a book to that of ``head.into``; none when nothing can."""
    moves = []
    for account, paise in sorted(head.balances.items()):
        name, *parts = account.split(":")
        if name not in STAYS:
            there = ":".join([name, *(head.into if part == head.group_id else part for part in parts)])
            moves += [Posting(account, JOINED, -paise), Posting(there, JOINED, paise)]
    if not moves:
        return ()
    since = ((ledger.SINCE, head.payable_since),) if accounts.group_payable(head.group_id) in head.balances else ()
    return ledger.entries(
        MERGED,
        ("merged", head.group_id, head.into, head.seq),
        moves,
        group_id=head.group_id,
        occurred_at=at,
        source=((ledger.FROM, head.group_id), ("into", head.into), ("minutes", minutes), *since),
    )
