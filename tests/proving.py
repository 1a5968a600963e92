"""The proof over a till: settlements with headers, payouts, nights that pass, and hands that change what is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hunar import tables
from hunar.domain import payout
from hunar.domain.facts import instant, moment
from hunar.domain.head import Head, after
from hunar.domain.ledger import Entry
from hunar.domain.settlement import SettlementLine
from hunar.messages import ReleaseHold
from hunar.ports import Put, QueueName
from hunar.tables import Item, Key, Table
from hunar.use_cases import prove
from hunar.use_cases.prove import Report
from tests.till import Till, received


def desk(till: Till, *, time_left: float = 900) -> prove.Desk:
    return prove.Desk(till.store, till.queues, till.now, lambda: time_left, till.again)


def take(till: Till) -> None:
    """Headers for all lines that are kept, as the taking of their files leaves them."""
    by_settlement: dict[Key, list[SettlementLine]] = {}
    for item in till.items(tables.SUBJECT_LINES):
        line = SettlementLine.of_item(item)
        key = tables.settlement(line.marketplace, line.account, line.settlement_id)
        by_settlement.setdefault(key, []).append(line)
    for key, lines in by_settlement.items():
        first = lines[0]
        header = {
            "marketplace": first.marketplace, "account": first.account, "settlement_id": first.settlement_id,
            "shape": "test", "files": [], "total_paise": received(lines), "lines": len(lines), "taken_at": till.now,
            "version": len(lines),
        }  # fmt: skip
        till.store.commit([Put(key, header)])


def night(till: Till, *, days: int = 0) -> Report:
    """The proof of one night, so many days later. What it commands stays in the queue."""
    till.now = instant(moment(till.now) + timedelta(days=days))
    return prove.nightly(desk(till))


def commanded(till: Till) -> list[str]:
    return [body for body, _ in till.queues.taken(QueueName.PAYOUTS)]


def alarms(till: Till) -> list[str]:
    """What stands on the worklist about the books."""
    page = till.store.page(Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST)
    return [item["message"] for item in page.items if item["kind"] == prove.FAULT]


def change(till: Till, key: Key, how: Callable[[Item], Any]) -> None:
    """A hand in the table."""
    item = till.store.read([key])[key]
    how(item)
    till.store.commit([Put(key, item)])


def remove(till: Till, key: Key) -> None:
    till.store.commit([Put(key, None)])


def entry(till: Till, group_id: str = "G03", seq: int = 1) -> Item:
    key = tables.book_entry(group_id, seq)
    return till.store.read([key])[key]


def release(till: Till, order_ref: str, line_id: str = "I-1") -> None:
    till.obey(ReleaseHold(order_ref=order_ref, line_id=line_id))


def put(till: Till, made: Entry) -> None:
    """An entry that is about no line: the closing of a period, the bank's news."""
    group_id = str(made.group_id)
    key = tables.book(group_id)
    there = till.store.read([key])[key]
    head, places = after(Head.of(there), made)
    puts = [Put(key, head.item(), there["version"])]
    puts += [Put(tables.book_entry(group_id, one.seq), one.item(recorded_at=till.now), 0) for one in places]
    till.store.commit(puts)


def head(till: Till, group_id: str = "G03") -> Head:
    key = tables.book(group_id)
    return Head.of(till.store.read([key])[key])


def pay(till: Till, batch: str, group_id: str = "G03", *, arrives: bool = True) -> bool:
    """A payout, as far as the bank."""
    made = payout.pay_out(head(till, group_id), batch, cap_ppm=500_000, minimum_paise=0, at=till.now)
    if made is None:
        return False
    put(till, made)
    on_its_way = head(till, group_id).owed(f"payout_in_transit:{batch}:{group_id}")
    if arrives and on_its_way:
        put(till, payout.arrived(head(till, group_id), batch, utr=f"UTR-{batch}", at=till.now))
    return True
