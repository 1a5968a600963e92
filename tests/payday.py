"""Closing a period for one group, and what the bank answers, over the real books of a till."""

from __future__ import annotations

from hunar import tables
from hunar.domain import payout
from hunar.domain.head import Head, after
from hunar.domain.ledger import Entry
from hunar.ports import ABSENT, Put
from tests.till import Till


def head_of(till: Till, group_id: str) -> Head:
    key = tables.book(group_id)
    found = till.store.read([key]).get(key)
    return Head.of(found) if found else Head(group_id)


def put(till: Till, *entries: Entry) -> None:
    """Entries at the end of their groups' books, in one transaction."""
    puts = []
    for group_id in sorted({str(entry.group_id) for entry in entries}):
        before = head_of(till, group_id)
        moved, places = after(before, *(entry for entry in entries if entry.group_id == group_id))
        puts.append(Put(tables.book(group_id), moved.item(), before.version))
        for place in places:
            puts.append(Put(tables.book_entry(group_id, place.seq), place.item(recorded_at=till.now), ABSENT))
    till.store.commit(puts)


def close(
    till: Till, batch: str, group_id: str = "G03", *, cap_ppm: int = 500_000, minimum_paise: int = 0
) -> Entry | None:
    """All that is payable goes into a batch, less what recovers a debt. None when nothing is paid."""
    entry = payout.pay_out(head_of(till, group_id), batch, cap_ppm=cap_ppm, minimum_paise=minimum_paise, at=till.now)
    if entry:
        put(till, entry)
    return entry


def arrive(till: Till, batch: str, group_id: str = "G03") -> None:
    put(till, payout.arrived(head_of(till, group_id), batch, utr=f"UTR{batch}", at=till.now))


def send_back(till: Till, batch: str, group_id: str = "G03") -> None:
    put(till, payout.sent_back(head_of(till, group_id), batch, reference=f"REJ{batch}", at=till.now))
