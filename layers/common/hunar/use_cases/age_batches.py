"""A look once a day at batches that stand still: money that is on its way to nobody while a step is forgotten.

What a lost command left half done is commanded again; what waits for a person or for the bank is shown until it goes
on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.batch import Batch, State
from hunar.domain.facts import instant, moment
from hunar.domain.money import rupees
from hunar.messages import ClosePeriod, UndoBatch
from hunar.ports import QueueName
from hunar.tables import Table
from hunar.use_cases.close_period import Desk
from hunar.use_cases.worklist import closing, opening

WAITS: Final = "BATCH_WAITS"
A_STEP: Final = timedelta(days=3)
"""So long may a step be left undone: a weekend and a day."""
AN_ANSWER_TO_COMMANDS: Final = timedelta(hours=1)
"""A closing or an undoing of ten thousand groups takes minutes; after an hour its command is lost."""
PAGE: Final = 100
NEXT: Final = {
    State.CLOSED: "another person must approve it",
    State.APPROVED: "its file must be given out and taken to the bank",
    State.FILED: "the bank has not answered for all of it",
}


def age_batches(desk: Desk) -> int:
    """Returns how many batches wait for a person or for the bank for too long. Raises Retryable."""
    waiting = 0
    for batch in _batches(desk):
        _again(desk, batch)
        since = {State.CLOSED: batch.closed_at, State.APPROVED: batch.approved_at, State.FILED: batch.filed_at}
        begun = since.get(batch.state)
        late = begun is not None and moment(begun) + A_STEP <= moment(desk.now)
        waiting += late
        desk.again(partial(_show, desk, batch, begun if late else None))
    return waiting


def _batches(desk: Desk) -> Iterator[Batch]:
    after = None
    while True:
        page = desk.store.page(Table.BATCHES, "ALL", index=tables.FEED, limit=PAGE, after=after, newest_first=True)
        yield from map(Batch.of, page.items)
        after = page.next
        if after is None:
            return


def _again(desk: Desk, batch: Batch) -> None:
    """A closing or an undoing whose command got lost goes on: both do what is left, and nothing where all is done."""
    over = instant(moment(desk.now) - AN_ANSWER_TO_COMMANDS)
    if batch.state is State.DRAFT and batch.made_at <= over:
        command: ClosePeriod | UndoBatch = ClosePeriod(batch_id=batch.batch_id, by=batch.made_by)
    elif batch.state is State.CANCELLED and batch.count and over >= str(batch.cancelled_at) > _month(desk):
        command = UndoBatch(batch_id=batch.batch_id)
    else:
        return
    desk.queues.send(QueueName.PAYOUT_BATCHES, [command.model_dump_json()])


def _month(desk: Desk) -> str:
    return instant(moment(desk.now) - timedelta(days=30))


def _show(desk: Desk, batch: Batch, since: str | None) -> None:
    message = ""
    if since is not None:
        message = (
            f"batch {batch.batch_id} of {batch.count} payouts, {rupees(batch.control_total)}, is {batch.state} since "
            f"{since[:10]}: {NEXT[batch.state]}"
        )
    item = worklist.opened(WAITS, (batch.batch_id,), at=desk.now, message=message, batch_id=batch.batch_id)
    key = tables.exception(item["exception_id"])
    there = desk.store.read([key]).get(key)
    if puts := opening(item, there, renew=True) if since else closing(there, at=desk.now):
        desk.store.commit(puts)
