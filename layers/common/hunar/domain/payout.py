"""Paying a group: all that is payable goes into a batch, less what recovers a debt; the bank says what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hunar.domain import accounts
from hunar.domain.debt import recovered
from hunar.domain.head import RECOVERY, Head
from hunar.domain.ledger import ARRIVED, PAID_OUT, SENT_BACK, Entry, Posting

PAYOUT: Final = "payout"
DEBT_RECOVERED: Final = "debt_recovered"
PULLED: Final = "pulled"
CANCELLED: Final = "cancelled"
TAKEN_BACK: Final = (PULLED, CANCELLED)
"""The references of what the agency took back itself: no bank had it."""


def pay_out(head: Head, batch: str, *, cap_ppm: int, minimum_paise: int, at: str) -> Entry | None:
    """The closing of a period for one group, None when there is nothing to pay or it stays below the minimum.

    ``cap_ppm`` is the part of the payable money that may go against a debt. What stays below the minimum is carried
    into the next period, and so is the debt.
    """
    kept = recovered(head.payable, head.debt, cap_ppm)
    paid = head.payable - kept
    if head.payable <= 0 or 0 < paid < minimum_paise:
        return None
    payable = accounts.group_payable(head.group_id)
    postings = [
        Posting(payable, PAYOUT, paid),
        Posting(accounts.payout_in_transit(batch, head.group_id), PAYOUT, -paid),
        Posting(payable, DEBT_RECOVERED, kept),
        Posting(accounts.group_debt(head.group_id), DEBT_RECOVERED, -kept),
    ]
    return Entry(
        kind=PAID_OUT,
        cause=(batch, head.group_id),
        occurred_at=at,
        postings=tuple(posting for posting in postings if posting.amount_paise),
        group_id=head.group_id,
        source=(("batch", batch), (RECOVERY, cap_ppm)),
    )


def arrived(head: Head, batch: str, *, utr: str, at: str) -> Entry:
    """The bank paid it. ``utr`` is the bank's reference. ValueError when nothing of the batch is on its way."""
    return _leaves(ARRIVED, head, batch, accounts.BANK, utr, at)


def sent_back(head: Head, batch: str, *, reference: str, at: str) -> Entry:
    """The bank rejected it, or it came back: payable again, exactly. ``reference`` is the bank's for this news."""
    return _leaves(SENT_BACK, head, batch, accounts.group_payable(head.group_id), reference, at)


def arrival(group_id: str, batch: str, paise: int, *, utr: str, at: str) -> Entry:
    """The entry by which a payout arrived, from what its row says: ``came_back`` and the entry itself share its id."""
    transit = accounts.payout_in_transit(batch, group_id)
    return arrived(Head(group_id, balances={transit: -paise}), batch, utr=utr, at=at)


def paid_after_all(head: Head, batch: str, paise: int, *, payable: bool, utr: str, at: str, by: str) -> Entry:
    """The bank had paid what was taken out of its batch or rejected. It is the entry that ``arrived`` would be.

    ``payable``: it is payable again since, and was not paid anew; then that falls. Else the group has it twice, and it
    becomes its debt. What other lines brought is never touched. ``by`` are the two persons.
    """
    where = accounts.group_payable(head.group_id) if payable else accounts.group_debt(head.group_id)
    return _entry(ARRIVED, head, batch, where, accounts.BANK, paise, utr, at, more=(("by", by),))


def unknown(batch: str, payout_id: str, paise: int, *, reference: str, came: bool, at: str, by: str) -> Entry:
    """The bank paid something that is no payout of ours: it waits in suspense. ``came``: it came back instead.

    It is one entry, with whichever batch's answers it was told.
    """
    amount = -paise if came else paise
    return Entry(
        kind=SENT_BACK if came else ARRIVED,
        cause=("unknown", payout_id, reference),
        occurred_at=at,
        postings=(Posting(accounts.SUSPENSE, PAYOUT, amount), Posting(accounts.BANK, PAYOUT, -amount)),
        source=(("batch", batch), ("by", by), ("payout", payout_id), ("reference", reference)),
    )


def came_back(head: Head, paid: Entry, *, reference: str, at: str, twice: bool = False) -> Entry:
    """The bank returned a payout days after it had paid it: payable again, exactly, and only once for each payout.

    ``paid`` is the ARRIVED entry. ``twice``: it had become a debt, which ends with it as far as it still stands.
    """
    batch = str(dict(paid.source)["batch"])
    amount = sum(posting.amount_paise for posting in paid.postings if posting.account != accounts.BANK)
    payable = accounts.group_payable(head.group_id)
    ended = min(head.debt, amount) if twice else 0
    made = _entry(SENT_BACK, head, batch, accounts.BANK, payable, amount, reference, at, cause=paid.entry_id)
    if not ended:
        return made
    back = [(payable, amount - ended), (accounts.group_debt(head.group_id), ended)]
    credits = tuple(Posting(account, PAYOUT, -paise) for account, paise in back if paise)
    return replace(made, postings=(Posting(accounts.BANK, PAYOUT, amount), *credits))


def _leaves(kind: str, head: Head, batch: str, to: str, reference: str, at: str) -> Entry:
    transit = accounts.payout_in_transit(batch, head.group_id)
    paise = head.owed(transit)
    if not paise:
        raise ValueError(f"nothing of batch {batch} is on its way to {head.group_id}")
    return _entry(kind, head, batch, transit, to, paise, reference, at)


def _entry(
    kind: str,
    head: Head,
    batch: str,
    debit: str,
    credit: str,
    paise: int,
    reference: str,
    at: str,
    *,
    cause: str | None = None,
    more: tuple[tuple[str, str], ...] = (),
) -> Entry:
    return Entry(
        kind=kind,
        cause=(batch, head.group_id, cause or reference),
        occurred_at=at,
        postings=(Posting(debit, PAYOUT, paise), Posting(credit, PAYOUT, -paise)),
        group_id=head.group_id,
        source=(("batch", batch), ("reference", reference), *more),
    )
