"""An in-memory store and queues with the behaviour of the real ones.

The same contract suite runs over these and over DynamoDB and SQS. They carry the flow and property
tests and the simulation, where thousands of histories are played.
"""

from __future__ import annotations

import copy
import itertools
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence

from hunar.ports import ABSENT, ANY, Conflict, Page, Put, QueueName, Rejected
from hunar.tables import Item, Key, Table


class MemoryStore:
    """All tables in one dictionary; every item is copied on its way in and out."""

    def __init__(self) -> None:
        self._items: dict[Key, Item] = {}
        self._lock = threading.Lock()
        self.changes: list[tuple[Key, Item]] = []
        """Every item written, oldest first: the streams. What was removed has no new image."""
        self.calls: list[str] = []
        """The AWS call that the real store would make, one name each."""

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(keys))
        self.calls += ["BatchGetItem"] * (-(-len(wanted) // 100))
        with self._lock:
            return {key: copy.deepcopy(self._items[key]) for key in wanted if key in self._items}

    def commit(self, puts: Sequence[Put]) -> None:
        if not puts:
            return
        if len(puts) > 100:
            raise ValueError("a transaction has at most 100 items")
        if len({put.key for put in puts}) < len(puts):
            raise ValueError("an item stands twice in one transaction")
        single = "DeleteItem" if puts[0].item is None else "PutItem"
        self.calls.append(single if len(puts) == 1 else "TransactWriteItems")
        with self._lock:
            for put in puts:
                if not self._as_expected(put):
                    raise Conflict(f"{put.key.table}: {put.key.pk} {put.key.sk}")
            for put in puts:
                if put.item is None:
                    self._items.pop(put.key, None)
                    continue
                item = copy.deepcopy(put.item)
                self._items[put.key] = item
                self.changes.append((put.key, item))

    def page(
        self,
        table: Table,
        partition: str,
        *,
        index: str | None = None,
        prefix: str = "",
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        self.calls.append("Query")
        with self._lock:
            sorts = ((_sort(key, item, table, partition, index), key) for key, item in self._items.items())
            rows = sorted(
                ((sort, key) for sort, key in sorts if sort is not None and sort.startswith(prefix)),
                reverse=newest_first,
            )
            texts = ["\n".join((sort, key.pk, key.sk)) for sort, key in rows]
            start = 0
            if after is not None:
                if after not in texts:
                    raise Rejected("next: not a token of this list")
                start = texts.index(after) + 1
            chosen = rows[start : start + limit]
            end = start + len(chosen)
            return Page(
                [copy.deepcopy(self._items[key]) for _, key in chosen],
                texts[end - 1] if chosen and end < len(rows) else None,
            )

    def everything(self) -> dict[Key, Item]:
        """A copy of all that is stored."""
        with self._lock:
            return copy.deepcopy(self._items)

    def _as_expected(self, put: Put) -> bool:
        if put.expect == ANY:
            return True
        there = self._items.get(put.key)
        if put.expect == ABSENT:
            return there is None
        return there is not None and there.get("version") == put.expect


def _sort(key: Key, item: Item, table: Table, partition: str, index: str | None) -> str | None:
    """The sort key under which the item stands in the asked partition, if it stands there."""
    if key.table is not table:
        return None
    if index is None:
        return key.sk if key.pk == partition else None
    return item.get(f"{index}_sk") if item.get(f"{index}_pk") == partition else None


class MemoryQueues:
    """Queues that keep what was sent until it is taken."""

    def __init__(self) -> None:
        self._bodies: dict[QueueName, list[tuple[str, int]]] = defaultdict(list)
        self._lock = threading.Lock()

    def send(self, queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        with self._lock:
            self._bodies[queue] += zip(bodies, itertools.repeat(delay_seconds), strict=False)

    def taken(self, queue: QueueName) -> list[tuple[str, int]]:
        """Everything that waits in the queue with its delay in seconds, taken out of it."""
        with self._lock:
            return self._bodies.pop(queue, [])

    @property
    def empty(self) -> bool:
        with self._lock:
            return not any(self._bodies.values())
