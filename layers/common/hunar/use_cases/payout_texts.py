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
from hunar.domain.ledger import CLEARING, FROM, MERGED, SENT_BACK, closes
from hunar.domain.text_kinds import PAYOUT_COMPUTED, PAYOUT_FAILED, PAYOUT_PAID
from hunar.messages import Says, Tell
from hunar.ports import QueueName, Queues, Store
from hunar.tables import Item

GOOD_FOR: Final = timedelta(days=7)
"""Older news of money only confuses: the next statement says it."""
AT_ONCE: Final = 100
"""Entries of a book that are read together."""


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
    of an earlier batch is of that batch's orders; what a group brought that joined this one is of that one's."""
    found: set[str] = set()
    spans, known = [(row["group_id"], row["seq_from"], row["seq_to"])], {(row["group_id"], row["batch_id"])}
    while spans:
        group_id, behind, until = spans.pop()
        payable = accounts.group_payable(group_id)
        entries = _entries(store, group_id, behind, until)
        moving = [entry for entry in entries if _moves(entry, payable)]
        found |= {entry["order_ref"] for entry in moving if entry["order_ref"]}
        earlier = {(group_id, entry["source"]["batch"]) for entry in entries if entry["kind"] == SENT_BACK} - known
        known |= earlier
        keys = [tables.batch_row(batch, payout_id(batch, group_id)) for _, batch in sorted(earlier)]
        spans += [(group_id, one["seq_from"], one["seq_to"]) for one in (store.read(keys).values() if keys else ())]
        came = [entry for entry in moving if entry["kind"] == MERGED and entry["source"][FROM] != group_id]
        spans += [span for entry in came if (span := _brought(store, entry)) is not None]
    return found


def _entries(store: Store, group_id: str, behind: int, until: int) -> list[Item]:
    places = [tables.book_entry(group_id, seq) for seq in range(behind + 1, until + 1)]
    return sorted(store.read(places).values(), key=lambda entry: int(entry["seq"])) if places else []


def _brought(store: Store, merged: Item) -> tuple[str, int, int] | None:
    """Which entries of the other group's book made payable what came with ``merged``, as a row says it of a batch."""
    other = str(merged["source"][FROM])
    [clearing] = [each["account"] for each in merged["postings"] if each["rate_row"] == CLEARING]
    head = tables.book(other)
    until, went = int(store.read([head])[head]["seq"]), 0
    while until:
        behind = max(0, until - AT_ONCE)
        for entry in reversed(_entries(store, other, behind, until)):
            if went and closes(entry["kind"], entry["source"], other):
                return other, int(entry["seq"]), went
            if _moves(entry, clearing):
                went = int(entry["seq"])
        until = behind
    return (other, 0, went) if went else None


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
