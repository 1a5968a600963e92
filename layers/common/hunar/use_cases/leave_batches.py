"""A group's payouts leave every batch that the bank does not have, because its account or what it is owed changed."""

from __future__ import annotations

from typing import Final

from hunar import tables
from hunar.domain import batch as batches
from hunar.domain.batch import RowState, State
from hunar.messages import PullRow
from hunar.ports import QueueName, Queues, Store
from hunar.tables import Table

NEWEST: Final = 100
"""Batches that are looked through: what is older than two years of weeks is answered or was cancelled."""
_OPEN: Final = (State.DRAFT, State.CLOSED, State.APPROVED, State.FILED)


def leave(store: Store, queues: Queues, group_id: str, why: str) -> None:
    """Commands it of each row that is on its way. What the bank has already is shown to a person instead.

    A batch that is being collected is found too; what slips in behind is refused at the approval. Raises Retryable.
    """
    page = store.page(Table.BATCHES, "ALL", index=tables.FEED, limit=NEWEST, newest_first=True)
    waiting = [header["batch_id"] for header in page.items if header["state"] in _OPEN]
    keys = [tables.batch_row(batch_id, batches.payout_id(batch_id, group_id)) for batch_id in waiting]
    rows = store.read(keys).values() if keys else ()
    bodies = [
        PullRow(batch_id=row["batch_id"], payout_id=row["payout_id"], reason=why).model_dump_json()
        for row in rows
        if row["state"] == RowState.IN_TRANSIT
    ]
    if bodies:
        queues.send(QueueName.PAYOUT_BATCHES, bodies)
