"""What becomes of a batch's rows after it was closed: taken out, cancelled, or answered by the bank.

Each row's step is one transaction: the row, its group's head and entry, and the batch's header, whose version goes
on with every row. So whoever cancels, approves or gives out a batch meanwhile decides again, on what is true then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from hunar import tables
from hunar.domain import accounts, payout, worklist
from hunar.domain import batch as batches
from hunar.domain.bank_file import Result, Status
from hunar.domain.batch import Answer, Batch, Move, Row, RowState, State
from hunar.domain.head import Head, after
from hunar.domain.ledger import Entry
from hunar.domain.money import rupees
from hunar.messages import PullRow, TakeAnswer, TellApproved, UndoBatch
from hunar.ports import ABSENT, Conflict, Put, QueueName, Rejected
from hunar.tables import Item, Table
from hunar.use_cases import payout_texts
from hunar.use_cases.close_period import ENOUGH_SECONDS, PAGE, STOPS, Desk, entry_put, header_put, rows_of
from hunar.use_cases.go_on import go_on, gone_on_to
from hunar.use_cases.leave_batches import leave
from hunar.use_cases.worklist import closing, opening

REFUSED: Final = "BOOK_REFUSED"
TOO_LATE: Final = "PULLED_TOO_LATE"
CAME_BACK: Final = "PAYOUT_CAME_BACK"


class Seen(NamedTuple):
    """A row with its batch and its group's head, as they were read."""

    batch: Batch
    item: Item | None
    head: Head
    too_late: Item | None
    """The exception that this row should not be paid."""
    came_back: Item | None = None
    """The exception that a bank did not take a payout of the group, or sent it back."""

    @property
    def row(self) -> Row | None:
        return Row.of(self.item) if self.item else None


def pull(desk: Desk, message: PullRow) -> bool:
    """One row leaves its batch. False when that cannot be, or was so before. Raises Retryable."""
    return bool(desk.again(lambda: _pull(desk, message)))


def undo(desk: Desk, message: UndoBatch) -> int:
    """The rows of a cancelled batch are payable again. Returns how many were not yet. Raises Retryable."""
    batch, rows = _batch(desk, message.batch_id), _rows(desk, message.batch_id)
    if batch.state is not State.CANCELLED:
        return 0
    back = [one for one in rows if one.state is RowState.IN_TRANSIT]
    for one in back:
        if _hands_on(desk, message):
            break
        desk.again(partial(_undo, desk, message.batch_id, one.payout_id))
    return len(back)


def take_answer(desk: Desk, message: TakeAnswer) -> list[str]:
    """What a bank said is booked, result by result; what moves nothing is shown to a person. Raises Retryable."""
    key = tables.bank_answer(message.batch_id, message.answer, message.part)
    kept = desk.store.read([key]).get(key)
    if kept is None:
        raise Rejected(f"{message.batch_id}: the bank's answer {message.answer} is not kept")
    return book(
        desk,
        message.batch_id,
        [result_of(item) for item in kept["results"]],
        at=kept["at"],
        by=kept["by"],
        begin=message.booked,
        over=lambda booked: _hands_on(desk, message.model_copy(update={"booked": booked})),
    )


def book(
    desk: Desk,
    batch_id: str,
    said: Sequence[Result],
    *,
    at: str,
    by: str = "",
    begin: int = 0,
    over: Callable[[int], bool] = lambda booked: False,
) -> list[str]:
    """Books what was said of a batch's payouts ``at`` a time, and tells their groups. Raises Rejected, Retryable.

    ``by`` is the person who said it; empty when a rail itself did.

    The same again books nothing twice, and whoever was stopped in between is completed by it. The first ``begin`` were
    booked before. ``over`` is told how many are booked, and says whether the others are left to another invocation;
    that one tells all groups, too.
    """
    if _batch(desk, batch_id).state is State.CANCELLED:
        # Its rows are pulled before the bank is heard: what it paid all the same is told apart from what waits.
        undo(desk, UndoBatch(batch_id=batch_id))
    outcomes: list[str] = []
    for number, result in enumerate(said[begin:], begin):
        if over(number):
            return outcomes
        outcomes.append(desk.again(partial(_answer, desk, batch_id, result, at, by)))
    desk.again(lambda: _progress(desk, batch_id))
    keys = [tables.batch_row(batch_id, name) for name in sorted({result.payout_id for result in said})]
    # Also when all was booked before: whoever was stopped here has told nobody.
    payout_texts.tell_news(desk.queues, desk.store.read(keys).values(), at=at)
    return outcomes


def tell_approved(desk: Desk, message: TellApproved) -> int:
    """The groups of an approved batch are told what they will be paid. Returns how many rows were told of."""
    batch = _batch(desk, message.batch_id)
    if batch.state not in (State.APPROVED, State.FILED) or batch.approved_at is None:
        return 0
    told, after_ = 0, message.after
    rows = _rows_after(desk, message)
    while page := list(islice(rows, PAGE)):
        if _hands_on(desk, message.model_copy(update={"after": after_})):
            break
        payout_texts.tell_computed(desk.store, desk.queues, page, at=batch.approved_at)
        told, after_ = told + len(page), page[-1]["payout_id"]
    return told


def _rows_after(desk: Desk, message: TellApproved) -> Iterator[Item]:
    for item in rows_of(desk.store, message.batch_id):
        if item["state"] != RowState.PULLED and item["payout_id"] > message.after:
            yield item


def _hands_on(desk: Desk, message: UndoBatch | TakeAnswer | TellApproved) -> bool:
    """Whether the time is over; then the message was sent again, and goes on from there."""
    if desk.time_left() >= ENOUGH_SECONDS:
        return False
    desk.queues.send(QueueName.PAYOUT_BATCHES, [message.model_dump_json()])
    return True


def result_item(result: Result) -> Item:
    """A result as it is kept until it is booked."""
    return dict(vars(result)) | {"status": str(result.status)}


def result_of(item: Item) -> Result:
    return Result(
        **item | {name: int(item[name]) for name in ("amount_paise", "row")} | {"status": Status(item["status"])}
    )


# ── a row ────────────────────────────────────────────────────────────────────────────────────────


def _pull(desk: Desk, message: PullRow) -> bool:
    # The header first: a row that changed since has moved its version on.
    batch = _batch(desk, message.batch_id)
    rows = _rows(desk, message.batch_id)
    try:
        now, pulled = batches.pull(batch, rows, message.payout_id, reason=message.reason)
    except batches.Refused:
        _tell_too_late(desk, batch, rows, message)
        return False
    seen = see(desk, message.batch_id, message.payout_id)
    if seen.item is None or seen.row == pulled:
        return False
    if batch.state is not State.DRAFT and batches.live(rows) == [seen.row]:
        # A batch that pays nobody is no batch.
        now, _ = batches.cancel(now, [], by=batch.made_by, at=desk.now, because=f"its last row left: {message.reason}")
    # However many steps were taken at once, it is one writing.
    now = replace(now, version=batch.version + 1)
    book_row(desk, seen, now, pulled, Move.SENT_BACK, reference=payout.PULLED, at=desk.now)
    return True


def _undo(desk: Desk, batch_id: str, payout_id: str) -> None:
    seen = see(desk, batch_id, payout_id)
    if seen.row is None or seen.row.state is not RowState.IN_TRANSIT:
        return
    pulled = replace(seen.row, state=RowState.PULLED, reason=seen.batch.cancelled_because)
    now = replace(seen.batch, version=seen.batch.version + 1)
    book_row(desk, seen, now, pulled, Move.SENT_BACK, reference=payout.CANCELLED, at=desk.now)


def _answer(desk: Desk, batch_id: str, result: Result, at: str, by: str) -> str:
    """Books one result, or shows it. Raises Conflict."""
    seen = see(desk, batch_id, result.payout_id)
    pointer = tables.utr(result.utr) if result.utr else None
    owner = desk.store.read([pointer]).get(pointer) if pointer else None
    used = {result.utr: owner["payout_id"]} if owner else {}
    try:
        [answer] = batches.answers(seen.batch, [seen.row] if seen.row else [], [result], used=used)
    except batches.ResultsRefused as problem:
        # It was sound when it was taken in: something else was booked since.
        _show(desk, seen, REFUSED, result, str(problem))
        return REFUSED
    if answer.trouble is not None:
        _show(desk, seen, str(answer.trouble), result, _WORDS[answer.trouble])
        return str(answer.trouble)
    if answer.row is None or answer.row == seen.row:
        return "KNOWN"
    now = replace(seen.batch, version=seen.batch.version + 1)
    more = []
    if result.status is Status.EXECUTED and pointer is not None and owner is None:
        more.append(Put(pointer, {"payout_id": result.payout_id, "batch_id": batch_id}, ABSENT))
    told_by = [by] if by else []
    book_row(desk, seen, now, answer.row, answer.move, reference=_reference(answer), at=at, more=more, told_by=told_by)
    return str(answer.row.state)


def _reference(answer: Answer) -> str:
    return answer.result.utr or answer.result.payout_id


_WORDS: Final = {
    batches.Trouble.UNKNOWN_REFERENCE: "this is no payout of the batch",
    batches.Trouble.PAID_THOUGH_CANCELLED: "it was taken out of its batch before",
    batches.Trouble.PAID_THOUGH_REJECTED: "the bank had rejected it before",
    batches.Trouble.PAID_TWICE: "it has another bank reference already",
    batches.Trouble.NOT_FILED: "its file was never given out",
}


def said_of(result: Result) -> dict[str, str | None]:
    """What two persons need of a result that was not booked: ``payout_corrections``."""
    said = {"status": str(result.status), "amount_paise": str(result.amount_paise), "day": result.day}
    return {"utr": result.utr or None, **said}


def _show(desk: Desk, seen: Seen, kind: str, result: Result, why: str) -> None:
    """Shows a person what a bank said and was not booked. Where a group may have money twice, its next payout waits."""
    group_id = seen.row.group_id if seen.row else None
    cause = (seen.batch.batch_id, result.payout_id, result.utr, str(result.status))
    message = (
        f"batch {seen.batch.batch_id}: the bank says {result.status} of {result.payout_id}"
        f"{f' to {group_id}' if group_id else ''}, {rupees(result.amount_paise)}, "
        f"reference {result.utr or 'none'}: {why}"
    )
    item = worklist.opened(
        kind,
        cause,
        at=desk.now,
        message=message,
        group_id=group_id,
        batch_id=seen.batch.batch_id,
        payout_id=result.payout_id,
        **said_of(result),
    )
    key = tables.exception(item["exception_id"])
    there = desk.store.read([key]).get(key)
    # Read again, it opens nothing that a person has resolved.
    puts = [] if there is not None else opening(item, None)
    # Where it joined another group, what it is owed is paid with that one's next payout.
    owed = gone_on_to(desk.store, seen.head) if kind in STOPS and group_id is not None else []
    if owed:
        stops = [tables.payout_stop(group) for group in owed]
        stopped = desk.store.read(stops)
        for stop_key in stops:
            stop: Item = stopped.get(stop_key) or {"exceptions": [], "version": 0}
            if item["exception_id"] not in stop["exceptions"]:
                named = [*stop["exceptions"], item["exception_id"]]
                told = stop | {"exceptions": named, "version": stop["version"] + 1}
                puts.append(Put(stop_key, told, stop["version"]))
    if puts:
        desk.store.commit(puts)
    if there is None or there["closed_at"] is None:
        for group in owed:
            leave(desk.store, desk.queues, group, f"{kind} of {group_id} is not resolved")


def _tell_too_late(desk: Desk, batch: Batch, rows: Iterable[Row], message: PullRow) -> None:
    """A row that is to leave a batch whose file the bank has: only the bank can stop it, and a person must ask."""
    row = next((one for one in rows if one.payout_id == message.payout_id), None)
    if row is None or row.state is not RowState.IN_TRANSIT or batch.state is not State.FILED:
        return
    said = (
        f"batch {batch.batch_id}: {row.payout_id} to {row.group_id}, {rupees(row.amount_paise)}, is with the bank and "
        f"should not be paid: {message.reason}"
    )
    about = {"group_id": row.group_id, "batch_id": batch.batch_id, "payout_id": row.payout_id}
    item = worklist.opened(TOO_LATE, (row.payout_id,), at=desk.now, message=said, **about)
    key = tables.exception(item["exception_id"])
    if puts := opening(item, desk.store.read([key]).get(key), renew=True):
        desk.store.commit(puts)


def book_row(
    desk: Desk,
    seen: Seen,
    now: Batch,
    row: Row,
    move: Move | None,
    *,
    reference: str,
    at: str,
    more: Iterable[Put] = (),
    by: str = "",
    told_by: Sequence[str] = (),
) -> None:
    """Writes a row with all that goes with it. ``told_by``: whoever says that money of it came back from the bank."""
    item = seen.item or {}
    version = int(item["version"])
    puts = [header_put(replace(now, version=now.version - 1), now), *more, *closing(seen.too_late, at=desk.now)]
    puts += _to_call(seen, row, at=desk.now)
    if move is not None:
        if move in (Move.ARRIVED, Move.SENT_BACK) and seen.head.owed(_transit(row)) != row.amount_paise:
            # The book was read after the row: somebody has moved both on meanwhile.
            raise Conflict(f"what {row.payout_id} has in transit is not what its row says")
        moved, (sealed,) = after(seen.head, _entry(seen, row, move, reference, at, by))
        puts += [
            Put(tables.book(row.group_id), tables.book_item(moved), seen.head.version),
            entry_put(sealed, at=desk.now),
        ]
        if move in (Move.SENT_BACK, Move.CAME_BACK):
            # A row that is taken out takes with it who said so before.
            puts += _noted(desk, seen.head, sealed.seq, told_by or row.told_by)
            row = replace(row, back_seq=sealed.seq)
    stored = item | row.item() | {"version": version + 1}
    desk.store.commit([*puts, Put(tables.batch_row(row.batch_id, row.payout_id), stored, version)])
    go_on(desk.store, [seen.head], at=desk.now)


def _to_call(seen: Seen, row: Row, *, at: str) -> list[Put]:
    """The group's text says that it is called: somebody must do that, until it is paid.

    What the bank wrote as its reason may name an account, so it stands with the row only.
    """
    if row.state is RowState.PAID:
        return closing(seen.came_back, at=at)
    if row.state not in (RowState.REJECTED, RowState.RETURNED):
        return []
    what = "rejected" if row.state is RowState.REJECTED else "sent back"
    said = (
        f"batch {row.batch_id}: the bank {what} {row.payout_id} to {row.group_id}, {rupees(row.amount_paise)}; "
        f"its reason is in hunar payouts show {row.batch_id}"
    )
    about = {"group_id": row.group_id, "batch_id": row.batch_id, "payout_id": row.payout_id}
    return opening(
        worklist.opened(CAME_BACK, (row.group_id,), at=at, message=said, **about), seen.came_back, renew=True
    )


def _noted(desk: Desk, head: Head, seq: int, told_by: Sequence[str]) -> list[Put]:
    """Keeps who said that money came back, until it is paid once more: whoever said it does not approve that."""
    if not told_by:
        return []
    key = tables.payout_stop(head.group_id)
    stop: Item = desk.store.read([key]).get(key) or {"exceptions": [], "version": 0}
    told = [one for one in stop.get("told", ()) if int(one["seq"]) > head.closed]
    told += [{"seq": seq, "by": person} for person in told_by]
    return [Put(key, stop | {"told": told, "version": stop["version"] + 1}, stop["version"])]


def _transit(row: Row) -> str:
    return accounts.payout_in_transit(row.batch_id, row.group_id)


def _entry(seen: Seen, row: Row, move: Move, reference: str, at: str, by: str) -> Entry:
    match move:
        case Move.PAID_AFTER_ALL:
            return payout.paid_after_all(
                seen.head, row.batch_id, row.amount_paise, payable=not row.twice, utr=reference, at=at, by=by
            )
        case Move.ARRIVED:
            return payout.arrived(seen.head, row.batch_id, utr=reference, at=at)
        case Move.SENT_BACK:
            return payout.sent_back(seen.head, row.batch_id, reference=reference, at=at)
        case Move.CAME_BACK:
            paid = payout.arrival(row.group_id, row.batch_id, row.amount_paise, utr=str(row.utr), at=at)
            return payout.came_back(seen.head, paid, reference=reference, at=at, twice=row.twice)


def _progress(desk: Desk, batch_id: str) -> None:
    before = _batch(desk, batch_id)
    if before.state is not State.FILED or _waits(desk, batch_id):
        return
    now = batches.progress(before, _rows(desk, batch_id))
    if now is not before:
        desk.store.commit([header_put(before, now)])


def _waits(desk: Desk, batch_id: str) -> bool:
    """Whether the bank has not spoken of a row at either end. Banks answer in the order of the file: so nobody reads
    ten thousand rows after each part of an answer."""
    for newest_first in (True, False):
        page = desk.store.page(
            *(Table.BATCHES, tables.batch_of(batch_id)),
            prefix=tables.BATCH_ROWS,
            limit=PAGE,
            newest_first=newest_first,
        )
        if any(item["state"] == RowState.IN_TRANSIT for item in page.items):
            return True
    return False


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def see(desk: Desk, batch_id: str, payout_id: str) -> Seen:
    header, row = tables.batch(batch_id), tables.batch_row(batch_id, payout_id)
    shown = tables.exception(worklist.exception_id(TOO_LATE, payout_id))
    found = desk.store.read([header, row, shown])
    item = found.get(row)
    group_id: Any = item["group_id"] if item else ""
    book, called = tables.book(group_id), tables.exception(worklist.exception_id(CAME_BACK, group_id))
    there = desk.store.read([book, called]) if item else {}
    head = Head.of(there[book]) if book in there else Head(group_id)
    return Seen(Batch.of(found[header]), item, head, found.get(shown), there.get(called))


def _batch(desk: Desk, batch_id: str) -> Batch:
    key = tables.batch(batch_id)
    found = desk.store.read([key]).get(key)
    if found is None:
        raise Rejected(f"there is no batch {batch_id}")
    return Batch.of(found)


def _rows(desk: Desk, batch_id: str) -> list[Row]:
    return [Row.of(item) for item in rows_of(desk.store, batch_id)]
