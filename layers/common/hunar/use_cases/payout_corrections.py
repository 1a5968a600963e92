"""What a bank really did, where it is not what was told to it: two persons say so, and it is booked.

A payout that was taken out or rejected and that the bank paid all the same holds its group's next one. One person asks
the bank and says what it did, another confirms it. If it paid, what the group is owed falls by just that; if not,
nothing moves. Either way the group's next payout goes on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hunar import tables
from hunar.domain import batch as batches
from hunar.domain import payout
from hunar.domain.bank_file import Status
from hunar.domain.batch import Move, Row
from hunar.domain.beneficiary import same_person
from hunar.domain.ledger import Entry
from hunar.messages import CorrectPayout
from hunar.ports import ABSENT, Put, QueueName, Rejected, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases import close_period, operate, payout_texts
from hunar.use_cases.operate import By, NotNow
from hunar.use_cases.payout_rows import book_row, see
from hunar.use_cases.resolve import shown
from hunar.use_cases.worklist import closing

UNKNOWN: Final = str(batches.Trouble.UNKNOWN_REFERENCE)
NO_BATCH: Final = "none"
"""The batch of a payment that a rail made for nobody's."""
SUSPENDED: Final = "suspense"
"""How the owner of a bank's reference begins whose payment is in suspense. No payout is called so."""
CORRECTED: Final = ("PAID_THOUGH_CANCELLED", "PAID_THOUGH_REJECTED", UNKNOWN)


def correct(desk: operate.Desk, batch_id: str, exception_id: str, by: By, *, paid: bool) -> Item:
    """One of the two persons says whether money really moved as the bank wrote. The first only asks.

    Who says otherwise than the one before begins anew, also when two have said what then could not be booked. Returns
    who asked and who confirmed.
    """
    said: Item = desk.again(lambda: _say(desk, batch_id, exception_id, by, paid))
    if said["confirmed_by"] is not None:
        # Also when it was confirmed before: whoever was stopped here has commanded nothing.
        desk.queues.send(QueueName.PAYOUT_BATCHES, [CorrectPayout(exception_id=exception_id).model_dump_json()])
    return said


def _say(desk: operate.Desk, batch_id: str, exception_id: str, by: By, paid: bool) -> Item:
    exception = shown(desk, exception_id)
    if exception["kind"] not in CORRECTED:
        raise Rejected(f"exception_id: {exception['kind']} is no payment that a bank made otherwise")
    of = exception["subject"].get("batch_id") or NO_BATCH
    if of != batch_id:
        raise Rejected(f"exception_id: is of the batch {of}")
    if exception["closed_at"] is not None:
        raise NotNow(f"the exception is closed since {exception['closed_at']}")
    if paid:
        _can_be_booked(desk, exception)
    key = tables.correction(exception_id)
    there = desk.store.read([key]).get(key)
    if there is not None and _said_before(there, by, paid):
        return there
    item = {
        "exception_id": exception_id,
        "paid": paid,
        "asked_by": by.person,
        "asked_at": desk.now,
        "asked_because": by.reason,
        "confirmed_by": None,
        "confirmed_at": None,
        "confirmed_because": None,
        "version": there["version"] + 1 if there else 1,
    }
    if there is not None and there["paid"] == paid:
        first = {name: there[name] for name in ("asked_by", "asked_at", "asked_because")}
        item |= first | {"confirmed_by": by.person, "confirmed_at": desk.now, "confirmed_because": by.reason}
    desk.store.commit([Put(key, item, there["version"] if there else ABSENT)])
    return item


def _said_before(there: Item, by: By, paid: bool) -> bool:
    over = there["confirmed_by"] is not None or same_person(there["asked_by"], by.person)
    return there["paid"] == paid and over


def _can_be_booked(desk: operate.Desk, exception: Item) -> None:
    subject = exception["subject"]
    if exception["kind"] == UNKNOWN:
        if subject["status"] == Status.REJECTED:
            raise NotNow("the bank rejected it: no money moved, and there is nothing to book")
        if (batch_id := _batch_of(desk, subject["payout_id"])) is not None:
            raise NotNow(f"{subject['payout_id']} is a payout of {batch_id}: enter there what the bank says of it")
        if (booked := _booked(desk.store, exception)) is not None:
            raise NotNow(booked)
        return
    row, pointer = tables.batch_row(subject["batch_id"], subject["payout_id"]), tables.utr(subject["utr"])
    found = desk.store.read([row, pointer])
    if pointer in found:
        raise NotNow(f"{subject['utr']} is booked for {found[pointer]['payout_id']} already")
    try:
        batches.paid_after_all(Row.of(found[row]), utr=subject["utr"], day=subject["day"], closed=0)
    except batches.Refused as problem:
        raise NotNow(str(problem)) from None


def _batch_of(desk: operate.Desk, payout_id: str) -> str | None:
    """A payout of ours whose bank's answer was brought to another batch, for example by the wrong file's name."""
    after = None
    while True:
        page = desk.store.page(Table.BATCHES, "ALL", index=tables.FEED, limit=100, after=after, newest_first=True)
        keys = [tables.batch_row(header["batch_id"], payout_id) for header in page.items]
        for row in desk.store.read(keys).values() if keys else ():
            return str(row["batch_id"])
        after = page.next
        if after is None:
            return None


def _booked(store: Store, exception: Item) -> str | None:
    """What of a payment that nobody knows is booked already: it may be told with the answers for several batches."""
    entry, pointer = _unknown(exception, at="", by=""), _pointer(exception)
    place = tables.subject_entry(tables.BANK, entry.entry_id)
    found = store.read([place, *([pointer] if pointer else [])])
    if place in found:
        return f"{exception['subject']['payout_id']} is in suspense already"
    owner = found[pointer]["payout_id"] if pointer in found and pointer else ""
    # What came back of a payment in suspense has that one's reference.
    if owner and not (exception["subject"]["status"] == Status.RETURNED and owner.startswith(SUSPENDED)):
        return f"{exception['subject']['utr']} is booked for {owner} already"
    return None


def _pointer(exception: Item) -> Key | None:
    utr = exception["subject"].get("utr")
    return tables.utr(utr) if utr else None


def _unknown(exception: Item, *, at: str, by: str) -> Entry:
    subject = exception["subject"]
    return payout.unknown(
        subject.get("batch_id") or NO_BATCH,
        subject["payout_id"],
        int(subject["amount_paise"]),
        reference=subject.get("utr") or str(exception["exception_id"]),
        came=subject["status"] == Status.RETURNED,
        at=at,
        by=by,
    )


# ── booking it ───────────────────────────────────────────────────────────────────────────────────


def book_correction(desk: close_period.Desk, message: CorrectPayout) -> str:
    """Books what two persons said, and closes the exception with it. Raises Retryable, Rejected."""
    done: str = desk.again(lambda: _book(desk, message.exception_id))
    return done


def _book(desk: close_period.Desk, exception_id: str) -> str:
    keys = tables.exception(exception_id), tables.correction(exception_id)
    found = desk.store.read(keys)
    exception, said = map(found.get, keys)
    if exception is None or said is None or said["confirmed_by"] is None:
        raise Rejected(f"{exception_id}: two persons have not said what the bank did")
    subject = exception["subject"]
    if exception["closed_at"] is not None:
        _follow(desk, exception, said)
        return "OVER"
    words = "the bank paid it; it is booked" if said["paid"] else "the bank moved nothing after all"
    note = (
        f"{words}: {said['asked_by']} ({said['asked_because']}), {said['confirmed_by']} ({said['confirmed_because']})"
    )
    over = closing(exception, at=desk.now, by=said["confirmed_by"], note=note)
    by = f"{said['asked_by']}, {said['confirmed_by']}"
    if not said["paid"]:
        desk.store.commit(over)
        return "NOTHING_MOVED"
    if exception["kind"] == UNKNOWN:
        if (booked := _booked(desk.store, exception)) is not None:
            raise Rejected(booked)
        puts = [_suspended(_unknown(exception, at=desk.now, by=by), desk.now), *over]
        if (reference := _pointer(exception)) is not None and subject["status"] == Status.EXECUTED:
            owner = f"{SUSPENDED} {subject['payout_id']}"
            of = subject.get("batch_id") or NO_BATCH
            puts.append(Put(reference, {"payout_id": owner, "batch_id": of}, ABSENT))
        desk.store.commit(puts)
        return "IN_SUSPENSE"
    seen = see(desk, subject["batch_id"], subject["payout_id"])
    pointer = tables.utr(subject["utr"])
    if seen.row is None or pointer in desk.store.read([pointer]):
        raise Rejected(f"{subject['payout_id']}: its bank reference is booked already")
    try:
        row = batches.paid_after_all(seen.row, utr=subject["utr"], day=subject["day"], closed=seen.head.closed)
    except batches.Refused as problem:
        raise Rejected(str(problem)) from None
    now = replace(seen.batch, version=seen.batch.version + 1)
    more = [*over, Put(pointer, {"payout_id": row.payout_id, "batch_id": row.batch_id}, ABSENT)]
    book_row(desk, seen, now, row, Move.PAID_AFTER_ALL, reference=subject["utr"], at=desk.now, more=more, by=by)
    _follow(desk, exception, said)
    return "BOOKED"


def _suspended(entry: Entry, now: str) -> Put:
    return Put(tables.subject_entry(tables.BANK, entry.entry_id), entry.item(recorded_at=now), ABSENT)


def _follow(desk: close_period.Desk, exception: Item, said: Item) -> None:
    """The group hears that it was paid, once, and waits for nothing any more, however often this comes."""
    if said["paid"] and exception["kind"] != UNKNOWN:
        subject: Any = exception["subject"]
        close_period.waits_no_more(desk, exception["group_id"])
        key = tables.batch_row(subject["batch_id"], subject["payout_id"])
        payout_texts.tell_news(desk.queues, desk.store.read([key]).values(), at=said["confirmed_at"])
