"""Lines that were delivered before anybody watched for their settlement are watched from now on.

A line's own payout command marks when it must be looked at (``compute_payout``), and the sweep looks then. Lines whose
last command came before there was a mark have none: each order that has ended is looked at once, by night, as far as
the time reaches, and the next night goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from hunar import tables
from hunar.domain.order import knowledge, read
from hunar.messages import ComputePayout
from hunar.ports import Put, QueueName, Queues, Store
from hunar.tables import Item, Table

PAGE: Final = 100
RESERVE: Final = 30
"""Seconds in which a page of orders is looked at."""


def watch_old(store: Store, queues: Queues, *, now: str, time_left: Callable[[], float]) -> int:
    """Commands each delivered line that nothing was settled of and that nobody watches. Returns how many.

    Once all orders were looked at it does nothing any more. Raises Retryable; it goes on where it broke.
    """
    key = tables.watched()
    mark = store.read([key]).get(key, {"after": None, "done": False})
    sent = 0
    while not mark["done"] and time_left() > RESERVE:
        page = store.page(Table.ORDERS, "ENDED", index=tables.BOARD, limit=PAGE, after=mark["after"])
        commands = list(_unwatched(store, page.items))
        if commands:
            queues.send(QueueName.PAYOUTS, [command.model_dump_json() for command in commands])
        sent += len(commands)
        mark = {"after": page.next, "done": page.next is None, "closed_at": now}
        store.commit([Put(key, mark)])
    return sent


def _unwatched(store: Store, orders: Iterable[Item]) -> Iterator[ComputePayout]:
    lines = [
        (item["order_ref"], line.line_id)
        for item in orders
        for line in read(knowledge(item)).lines
        if line.delivered_at and line.kept > 0 and line.resolved
    ]
    there = store.read([key(*line) for line in lines for key in (tables.ledger_head, tables.posted)]) if lines else {}
    for order_ref, line_id in lines:
        head = there.get(tables.ledger_head(order_ref, line_id), {})
        if "due_sk" not in head and tables.posted(order_ref, line_id) not in there:
            yield ComputePayout(order_ref=order_ref, line_id=line_id)
