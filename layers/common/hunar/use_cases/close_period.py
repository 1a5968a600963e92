"""Closing a period: the batch first, then each group that something is payable to, in a transaction of its own.

Nothing is chosen by date: what is payable when a group's turn comes goes into the batch, and what comes later falls
into the next one. Each transaction holds the group's head at the version that was read, its entry, its row, and the
batch's header, so that no row comes in behind a batch that was closed or cancelled meanwhile. So a crash between any
two calls is completed by closing the same batch again, and two who close at once share the groups between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final

from hunar import tables
from hunar.domain import batch as batches
from hunar.domain import payout, worklist
from hunar.domain.batch import Batch, Row, State
from hunar.domain.beneficiary import Standing, usable
from hunar.domain.head import Head, Refused, Sealed, after
from hunar.domain.rate_card import day_of_sale
from hunar.domain.resolution import Unresolved, in_force
from hunar.messages import ClosePeriod
from hunar.ports import ABSENT, Put, QueueName, Queues, Store
from hunar.tables import Item, Table
from hunar.use_cases.go_on import go_on
from hunar.use_cases.worklist import closing, opening

LEFT_OUT: Final = "PAYOUT_LEFT_OUT"
NOBODY: Final = "no group could be paid: too little is payable, or the worklist says why"
STOPS: Final = ("PAID_THOUGH_CANCELLED", "PAID_THOUGH_REJECTED")
"""Kinds of exceptions that hold a group's next payout until a person resolves them."""
PAGE: Final = 100
ENOUGH_SECONDS: Final = 20
"""What is left of an invocation when it stops taking groups; the same message goes on from there."""


class Outcome(StrEnum):
    """What became of one group in a closing."""

    PAID_OUT = "PAID_OUT"
    RECOVERED = "RECOVERED"
    """All that was payable went against its debt."""
    CARRIED = "CARRIED"
    """Below the minimum, or all was taken back meanwhile: it stays payable."""
    WENT_ON = "WENT_ON"
    """It joined another group; its money is that one's now."""
    LEFT_OUT = "LEFT_OUT"
    """It cannot be paid; a person was told why."""
    NEXT_BATCH = "NEXT_BATCH"
    """It is in this batch already; what became payable since is the next one's."""
    FULL = "FULL"
    """The bank's file takes no more rows: the group is paid with the batch that follows."""


class Closing(StrEnum):
    """Where a batch stands after its closing was tried."""

    CLOSED = "CLOSED"
    EMPTY = "EMPTY"
    """Nothing was to be paid: there is no batch."""
    UNFINISHED = "UNFINISHED"
    """The time was over; the message was sent again."""
    OVER = "OVER"
    """It was closed, or cancelled, before."""


@dataclass(frozen=True)
class Desk:
    """What batches need from outside. ``minimum_paise`` is the smallest payout, ``patience_days`` how long money may
    be payable before a person is told."""

    store: Store
    queues: Queues
    now: str
    again: Callable[[Callable[[], Any]], Any]
    minimum_paise: int = 0
    patience_days: int = 15
    most_rows: int | None = None
    """What one file of the agency's bank takes."""
    time_left: Callable[[], int] = lambda: ENOUGH_SECONDS
    """Seconds that are left of the invocation."""


def close_period(desk: Desk, message: ClosePeriod) -> Closing:
    """Closes a batch, or completes its closing. Raises Retryable."""
    if not _payable(desk.store, limit=1).items and not _there(desk.store, message.batch_id):
        return Closing.EMPTY
    if desk.again(lambda: _begin(desk, message)).state is not State.DRAFT:
        return Closing.OVER
    for group_id, before in _groups(desk.store, message.after):
        if desk.time_left() < ENOUGH_SECONDS:
            # From there on: those before are done, also those that cannot be paid and stay payable.
            desk.queues.send(QueueName.PAYOUT_BATCHES, [message.model_copy(update={"after": before}).model_dump_json()])
            return Closing.UNFINISHED
        outcome = desk.again(partial(_pay_out, desk, message.batch_id, group_id))
        if outcome is None:
            return Closing.OVER
        if outcome is Outcome.FULL:
            # Sent first: whoever is stopped here closes this batch again, and the other one is the same.
            rest = ClosePeriod(batch_id=batches.following(message.batch_id), by=message.by)
            desk.queues.send(QueueName.PAYOUT_BATCHES, [rest.model_dump_json()])
            break
    return Closing(desk.again(lambda: _finish(desk, message)))


# ── the batch ────────────────────────────────────────────────────────────────────────────────────


def header_item(batch: Batch) -> Item:
    """A batch's header as it is stored, with its place in the list of batches."""
    return batch.item() | {"feed_pk": "ALL", "feed_sk": f"{batch.made_at}#{batch.batch_id}"}


def header_put(before: Batch, now: Batch) -> Put:
    return Put(tables.batch(now.batch_id), header_item(now), before.version)


def rows_of(store: Store, batch_id: str) -> Iterator[Item]:
    """The rows of a batch as they are stored, read consistently, by payout id."""
    after_ = None
    while True:
        page = store.page(Table.BATCHES, tables.batch_of(batch_id), prefix=tables.BATCH_ROWS, limit=1_000, after=after_)
        yield from page.items
        after_ = page.next
        if after_ is None:
            return


def _there(store: Store, batch_id: str) -> bool:
    return bool(store.read([tables.batch(batch_id)]))


def _begin(desk: Desk, message: ClosePeriod) -> Batch:
    key = tables.batch(message.batch_id)
    if (there := desk.store.read([key]).get(key)) is not None:
        return Batch.of(there)
    made = batches.draft(message.batch_id, by=message.by, at=desk.now)
    desk.store.commit([Put(key, header_item(made), ABSENT)])
    return made


def _finish(desk: Desk, message: ClosePeriod) -> Closing:
    key = tables.batch(message.batch_id)
    # The header is read first: a row that came in since has moved its version on.
    before = Batch.of(desk.store.read([key])[key])
    rows = [Row.of(item) for item in rows_of(desk.store, message.batch_id)]
    if before.state is not State.DRAFT:
        return Closing.OVER
    if not batches.live(rows):
        empty, _ = batches.cancel(before, rows, by=message.by, at=desk.now, because=NOBODY)
        desk.store.commit([header_put(before, empty)])
        return Closing.EMPTY
    desk.store.commit([header_put(before, batches.close(before, rows, by=before.made_by, at=desk.now))])
    return Closing.CLOSED


# ── a group ──────────────────────────────────────────────────────────────────────────────────────


def _payable(store: Store, *, limit: int, after: str | None = None) -> Any:
    return store.page(Table.LEDGER, "PAYABLE", index=tables.PAYABLE, limit=limit, after=after)


def _groups(store: Store, after_: str | None) -> Iterator[tuple[str, str | None]]:
    """Groups that something is payable to, the longest waiting first, each with where its page begins. The others cost
    nothing."""
    while True:
        page = _payable(store, limit=PAGE, after=after_)
        for item in page.items:
            yield item["group_id"], after_
        after_ = page.next
        if after_ is None:
            return


def _pay_out(desk: Desk, batch_id: str, group_id: str) -> Outcome | None:
    """One group's turn; None when the batch takes no more groups. Raises Conflict."""
    payout_id = batches.payout_id(batch_id, group_id)
    header, book = tables.batch(batch_id), tables.book(group_id)
    row, recovered = tables.batch_row(batch_id, payout_id), tables.batch_recovered(batch_id, payout_id)
    shown = tables.exception(worklist.exception_id(LEFT_OUT, group_id))
    whose = (tables.group(group_id), tables.payee(group_id), tables.payout_stop(group_id))
    found = desk.store.read([header, book, row, recovered, shown, *whose])
    batch = Batch.of(found[header])
    if batch.state is not State.DRAFT:
        return None
    head = Head.of(found[book]) if book in found else Head(group_id)
    if head.into:
        go_on(desk.store, [head], at=desk.now)
        waits_no_more(desk, group_id)
        return Outcome.WENT_ON
    if row in found or recovered in found:
        return Outcome.NEXT_BATCH
    if head.payable <= 0:
        return Outcome.CARRIED
    standing = Standing.of(found[whose[1]]) if whose[1] in found else None
    try:
        resolution = in_force(group_id, found.get(whose[0], {}).get("policies", ()), day_of_sale(desk.now))
        reason = usable(standing, desk.now) or stopped(desk.store, found.get(whose[2]))
    except Unresolved as problem:
        reason = str(problem)
    if reason is not None or standing is None:
        desk.store.commit(left_out(group_id, reason or "", found.get(shown), at=desk.now))
        return Outcome.LEFT_OUT
    entry = payout.pay_out(
        head, batch_id, cap_ppm=resolution.recovery_ppm, minimum_paise=desk.minimum_paise, at=desk.now
    )
    if entry is None:
        return Outcome.CARRIED
    # The header goes on with every row, and with payouts that have none: a batch is never fuller than it says.
    if desk.most_rows is not None and batch.version > desk.most_rows:
        return Outcome.FULL
    try:
        moved, (sealed,) = after(head, entry)
    except Refused as problem:
        desk.store.commit(left_out(group_id, str(problem), found.get(shown), at=desk.now))
        return Outcome.LEFT_OUT
    made = batches.row(batch_id, head, sealed, standing, at=desk.now, told_by=_told_by(head, found.get(whose[2])))
    puts = [
        header_put(batch, replace(batch, version=batch.version + 1)),
        Put(book, tables.book_item(moved), head.version),
        entry_put(sealed, at=desk.now),
        *closing(found.get(shown), at=desk.now),
    ]
    if made is not None:
        puts.append(Put(row, made.item() | {"last_four": standing.last_four, "version": 1}, ABSENT))
    else:
        puts.append(Put(recovered, {"batch_id": batch_id, "group_id": group_id, "entry_id": entry.entry_id}, ABSENT))
    desk.store.commit(puts)
    return Outcome.PAID_OUT if made is not None else Outcome.RECOVERED


def _told_by(head: Head, stop: Item | None) -> list[str]:
    """Who said of what is payable now that it had come back from the bank."""
    return sorted({one["by"] for one in (stop or {}).get("told", ()) if int(one["seq"]) > head.closed})


def entry_put(sealed: Sealed, *, at: str) -> Put:
    """An entry that is about no order at its place in its group's book."""
    return Put(tables.book_entry(str(sealed.entry.group_id), sealed.seq), sealed.item(recorded_at=at), ABSENT)


def left_out(group_id: str, reason: str, there: Item | None, *, at: str) -> list[Put]:
    """What opens the exception that a group's money is payable and cannot be paid."""
    message = f"{group_id} has money that is payable and cannot be paid: {reason}"
    return opening(worklist.opened(LEFT_OUT, (group_id,), at=at, message=message, group_id=group_id), there, renew=True)


def waits_no_more(desk: Desk, group_id: str) -> None:
    """Closes the exception that a group was left out, once its money went another way. Raises Conflict."""
    book, shown = tables.book(group_id), tables.exception(worklist.exception_id(LEFT_OUT, group_id))
    found = desk.store.read([book, shown])
    if (book not in found or Head.of(found[book]).payable <= 0) and (puts := closing(found.get(shown), at=desk.now)):
        desk.store.commit(puts)


def stopped(store: Store, stop: Item | None) -> str | None:
    """Why the next payout waits: the bank paid something that was not to be paid, and nobody has resolved it."""
    if stop is None or not stop["exceptions"]:
        return None
    keys = [tables.exception(identity) for identity in stop["exceptions"]]
    waiting = [item for item in store.read(keys).values() if item["closed_at"] is None]
    if not waiting:
        return None
    return f"{waiting[0]['kind']} of it is not resolved ({waiting[0]['message']})"
