"""Texts about a group's payout: worked out, paid, come back. Each once, whatever comes twice.

They go out after what they say is booked, and again whenever the same news is met again: the id of a text is what it
means, so the second is known and not sent. Of the account there are the last four digits and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from hunar import tables
from hunar.domain import accounts
from hunar.domain.batch import RowState, payout_id
from hunar.domain.effects import LEADER
from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.ledger import SENT_BACK
from hunar.domain.text_kinds import PAYOUT_COMPUTED, PAYOUT_FAILED, PAYOUT_PAID
from hunar.messages import Says, Tell
from hunar.ports import QueueName, Queues, Store
from hunar.tables import Item

GOOD_FOR: Final = timedelta(days=7)
"""Older news of money only confuses: the next statement says it."""


def tell_computed(store: Store, queues: Queues, rows: Sequence[Item], *, at: str) -> None:
    """At the approval: before it nobody can say yet that just this will be paid."""
    texts = []
    for row in rows:
        says = Says(count=len(_orders(store, row)), amount_paise=row["amount_paise"])
        texts.append(_text(PAYOUT_COMPUTED, row, says, at))
    queues.send(QueueName.NOTIFICATIONS, texts)


def tell_news(queues: Queues, rows: Iterable[Item], *, at: str) -> None:
    """What the bank's answer made of each row. What came back after it was paid gets a text of its own."""
    texts = []
    for row in rows:
        if row["state"] == RowState.PAID:
            says = Says(amount_paise=row["amount_paise"], account=row["last_four"], utr=row["utr"])
            texts.append(_text(PAYOUT_PAID, row, says, at))
        elif row["state"] in (RowState.REJECTED, RowState.RETURNED):
            texts.append(_text(PAYOUT_FAILED, row, Says(account=row["last_four"]), at))
    if texts:
        queues.send(QueueName.NOTIFICATIONS, texts)


def _orders(store: Store, row: Item) -> set[str]:
    """The orders that brought the money of a row. What is still held of others is none of it; what the bank sent back
    of an earlier batch is of that batch's orders."""
    group_id, payable = row["group_id"], accounts.group_payable(row["group_id"])
    found: set[str] = set()
    rows, known = [row], {row["batch_id"]}
    while rows:
        one = rows.pop()
        places = [tables.book_entry(group_id, seq) for seq in range(one["seq_from"] + 1, one["seq_to"] + 1)]
        entries = list(store.read(places).values())
        found |= {entry["order_ref"] for entry in entries if entry["order_ref"] and _moves(entry, payable)}
        earlier = {entry["source"]["batch"] for entry in entries if entry["kind"] == SENT_BACK} - known
        known |= earlier
        keys = [tables.batch_row(batch, payout_id(batch, group_id)) for batch in sorted(earlier)]
        rows += store.read(keys).values() if keys else ()
    return found


def _moves(entry: Item, account: str) -> bool:
    return any(posting["account"] == account for posting in entry["postings"])


def _text(kind: Any, row: Item, says: Says, at: str) -> str:
    return Tell(
        notification_id=derived_id(kind, row["payout_id"], LEADER),
        notification_kind=kind,
        group_id=row["group_id"],
        contact=LEADER,
        good_until=instant(moment(at) + GOOD_FOR),
        says=says,
    ).model_dump_json()
