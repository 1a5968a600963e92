"""An in-memory store and queues with the behaviour of the real ones, their races and failures included.

The same contract suite runs over these and over DynamoDB and SQS. They carry the flow and property
tests and the simulation, where thousands of histories are played.

Three hooks let a test be the rest of the world. ``turn`` is called wherever another worker could act
meanwhile; it may let that worker act, or raise: then the calling worker is dead. ``fault`` is asked
once per AWS call how that call fails. No lock is held while a hook runs.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any, Final

from hunar.adapters.sqs import batches
from hunar.adapters.write_units import Used, Write
from hunar.ports import ABSENT, ANY, Conflict, Page, Put, QueueName, Rejected, Retryable
from hunar.tables import INDEXES, Item, Key, Table

Turn = Callable[[str], None]
"""Told what comes next or what was just done, for a person who reads a history."""


class Fault(Enum):
    """How one AWS call fails."""

    THROTTLED = auto()
    """Nothing was done. The caller sees Retryable."""
    ANSWER_LOST = auto()
    """All was done, but the answer did not come. The caller sees Retryable."""
    REPEATED = auto()
    """All was done, the answer did not come, and the SDK sent the same request again.

    A put meets its own condition or is written twice, a transaction carries a token and is not done
    twice, messages stand in the queue twice.
    """
    HALF_TAKEN = auto()
    """A queue took the first half of a batch; the caller sees Retryable. Of a store it means THROTTLED."""


FaultOf = Callable[[str], Fault | None]
"""Told the name of the AWS call."""

_SCANNED: Final = 1000
"""Items that one Scan answers here; DynamoDB answers a mebibyte."""


def _nobody(moment: str) -> None:
    """Nobody else works."""


def _none(call: str) -> None:
    """Nothing fails."""


class _Forgotten(list[Any]):
    """Always empty."""

    def append(self, entry: Any) -> None:
        """Nobody asks for it."""


class MemoryStore:
    """All tables in one dictionary; every item is copied on its way in and out."""

    def __init__(self, *, turn: Turn = _nobody, fault: FaultOf = _none, remembers: bool = True) -> None:
        """Without ``remembers`` it keeps what stands and no account of how it came: for a rebuild of a whole year."""
        self.turn = turn
        self.fault = fault
        noted = list if remembers else _Forgotten
        self.changes: list[tuple[Key, Item]] = noted()
        """Every item that was changed, oldest first: the streams. What was removed has no new image."""
        self.calls: list[str] = noted()
        """The AWS call that the real store would make, one name each."""
        self.writes: list[Write] = noted()
        """Every item written, oldest first. The store's own items: not to be changed."""
        self.refused: list[Write] = noted()
        """Every item whose condition was not met. DynamoDB charges for the look at what stands there."""
        self.used: dict[str, Used] = {}
        """What each named operation used."""
        self._items: dict[Key, Item] = {}
        self._places: dict[tuple[Table, str | None, str], list[tuple[str, str, str]]] = defaultdict(list)
        """Per partition of a table or index, in order: sort key there, and pk and sk of the item."""
        self._in_flight: set[Key] = set()
        """What a transaction has checked and not yet written: nobody else can write it."""
        self._lock = threading.Lock()

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """What is called and written meanwhile, by whomever, is added to ``used[name]``."""
        calls, writes, refused = len(self.calls), len(self.writes), len(self.refused)
        try:
            yield
        finally:
            used = self.used.setdefault(name, Used())
            used.calls.update(self.calls[calls:])
            used.write_units += sum(write.units for write in [*self.writes[writes:], *self.refused[refused:]])

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        for number, key in enumerate(wanted):
            # A batch is no transaction: each of its keys is read at a moment of its own.
            self.turn(f"before read of {key.table} {key.pk} {key.sk}")
            if number % 100 == 0:
                self._asked("BatchGetItem")
            with self._lock:
                item = self._items.get(key)
            if item is not None:
                # An item that stands is never changed in place, so it can be copied outside the lock.
                found[key] = copied(item)
        return found

    def commit(self, puts: Sequence[Put]) -> None:
        if not puts:
            return
        if len(puts) > 100:
            raise ValueError("a transaction has at most 100 items")
        if len({put.key for put in puts}) < len(puts):
            raise ValueError("an item stands twice in one transaction")
        puts = [put if put.item is None else put._replace(item=_fitting(put.key, put.item)) for put in puts]
        single = "DeleteItem" if puts[0].item is None else "PutItem"
        call = single if len(puts) == 1 else "TransactWriteItems"
        what = f"{call} {puts[0].key.table} {puts[0].key.pk} {puts[0].key.sk}"
        self.turn(f"before {what}")
        fault = self._called(call)
        if fault in (Fault.THROTTLED, Fault.HALF_TAKEN):
            raise Retryable(f"{call}: throttled")
        if len(puts) == 1:
            self._write(puts[0])
        else:
            self._transact(puts, what)
        self.turn(f"after {what}")
        if fault is Fault.ANSWER_LOST:
            raise Retryable(f"{call}: no answer")
        if fault is Fault.REPEATED and len(puts) == 1:
            self._write(puts[0])
            self.turn(f"after a second {what}")

    def page(
        self,
        table: Table,
        partition: str,
        *,
        index: str | None = None,
        prefix: str = "",
        up_to: str | None = None,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        if prefix and up_to is not None:
            raise ValueError("prefix and up_to: DynamoDB takes one condition on a sort key")
        last = None if after is None else _last_place(after, partition if index is None else None, prefix)
        self.turn(f"before Query {table} {partition}")
        self._asked("Query")
        with self._lock:
            places = self._places.get((table, index, partition), [])

            def beginning(place: tuple[str, str, str]) -> str:
                return place[0][: len(prefix)]

            start, end = bisect_left(places, prefix, key=beginning), bisect_right(places, prefix, key=beginning)
            if up_to:
                end = bisect_right(places, up_to, key=lambda place: place[0])
            if newest_first:
                end = end if last is None else bisect_left(places, last)
                chosen, more = places[max(start, end - limit) : end][::-1], end - limit > start
            else:
                start = start if last is None else bisect_right(places, last)
                chosen, more = places[start : min(end, start + limit)], start + limit < end
            keys = [Key(table, pk, sk) for _, pk, sk in chosen]
            here = [self._items[key] for key in keys] if index is None else []
        token = json.dumps(chosen[-1]) if chosen and more else None
        if index is None:
            return Page([copied(item) for item in here], token)
        # An index has keys only. What stands behind them is read afterwards, and may have moved meanwhile.
        found = self.read(keys)
        return Page([found[key] for key in keys if key in found], token)

    def scan(self, table: Table) -> Iterator[tuple[Key, Item]]:
        with self._lock:
            keys = sorted(key for key in self._items if key.table is table)
        for number, key in enumerate(keys or [None]):
            self.turn(f"before Scan of {table}")
            if number % _SCANNED == 0:
                self._asked("Scan")
            with self._lock:
                item = None if key is None else self._items.get(key)
            if key is not None and item is not None:
                yield key, copied(item)

    def everything(self) -> dict[Key, Item]:
        """A copy of all that is stored. No AWS call: for a test that looks from outside."""
        with self._lock:
            return {key: copied(item) for key, item in self._items.items()}

    def load(self, items: Iterable[tuple[Key, Item]]) -> None:
        """Items that stand from the beginning: no call, no write, in no stream.

        They are kept as they are, without a copy, and may share what is in them: a hundred thousand
        orders fit into a test. Nobody may change them afterwards.
        """
        with self._lock:
            for key, item in items:
                self._place(key, self._items.get(key), item)
                self._items[key] = item

    def _called(self, call: str) -> Fault | None:
        self.calls.append(call)
        return self.fault(call)

    def _asked(self, call: str) -> None:
        """A call that only reads: whatever failed, nothing was done; the SDK's second request was answered."""
        if self._called(call) not in (None, Fault.REPEATED):
            raise Retryable(f"{call}: no answer")

    def _write(self, put: Put) -> None:
        with self._lock:
            self._check(put, transaction=False)
            self._set(put, transaction=False)

    def _transact(self, puts: Sequence[Put], what: str) -> None:
        keys = {put.key for put in puts}
        with self._lock:
            for put in puts:
                self._check(put, transaction=True)
            self._in_flight |= keys
        try:
            # Whoever dies here has written nothing.
            self.turn(f"in flight: {what}")
            with self._lock:
                for put in puts:
                    self._set(put, transaction=True)
        finally:
            with self._lock:
                self._in_flight -= keys

    def _check(self, put: Put, *, transaction: bool) -> None:
        if put.key in self._in_flight:
            raise Conflict(f"{put.key.table}: {put.key.pk} {put.key.sk} is in another transaction")
        if put.expect == ANY:
            return
        there = self._items.get(put.key)
        if there is not None if put.expect == ABSENT else there is None or there.get("version") != put.expect:
            self.refused.append(Write(put.key, there, there, transaction))
            raise Conflict(f"{put.key.table}: {put.key.pk} {put.key.sk}")

    def _set(self, put: Put, *, transaction: bool) -> None:
        key, before, after = put.key, self._items.get(put.key), put.item
        self._place(key, before, after)
        self.writes.append(Write(key, before, after, transaction))
        if after is None:
            self._items.pop(key, None)
            return
        self._items[key] = after
        # A stream tells of changes: a write that changed nothing is not in it.
        if after != before:
            self.changes.append((key, after))

    def _place(self, key: Key, before: Item | None, after: Item | None) -> None:
        old, new = _standings(key, before), _standings(key, after)
        if old != new:
            for partition, place in old - new:
                places = self._places[partition]
                del places[bisect_left(places, place)]
                if not places:
                    del self._places[partition]
            for partition, place in new - old:
                insort(self._places[partition], place)


def copied(value: Any) -> Any:
    """A copy that shares nothing with the value, in the types that DynamoDB gives back.

    Raises TypeError for what no item may hold, a float first of all.
    """
    kind = type(value)
    if kind is dict:
        return {
            name if type(name) is str else _name(name): inner if type(inner) in _PLAIN else copied(inner)
            for name, inner in value.items()
        }
    if kind is list:
        return [inner if type(inner) in _PLAIN else copied(inner) for inner in value]
    if kind in _PLAIN:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, tuple):
        return [copied(inner) for inner in value]
    raise TypeError(f"{kind.__name__} cannot be stored")


_PLAIN: Final = frozenset({str, int, bool, type(None)})


def _name(name: Any) -> str:
    if isinstance(name, str):
        return str(name)
    raise TypeError(f"{type(name).__name__} cannot name an attribute")


def _fitting(key: Key, item: Item) -> Item:
    """A copy to keep. Raises TypeError, before anything is written, for what DynamoDB would refuse for ever."""
    kept: Item = copied(item)
    for index in INDEXES.get(key.table, ()):
        for name in (f"{index}_pk", f"{index}_sk"):
            if name in kept and not (isinstance(kept[name], str) and kept[name]):
                raise TypeError(f"{name}: an index takes a text that is not empty, or no attribute at all")
    return kept


def _standings(key: Key, item: Item | None) -> set[tuple[tuple[Table, str | None, str], tuple[str, str, str]]]:
    """Where the item stands: in its partition, and in each index whose keys it carries."""
    if item is None:
        return set()
    found: set[tuple[tuple[Table, str | None, str], tuple[str, str, str]]]
    found = {((key.table, None, key.pk), (key.sk, key.pk, key.sk))}
    for index in INDEXES.get(key.table, ()):
        partition, sort = item.get(f"{index}_pk"), item.get(f"{index}_sk")
        if partition is not None and sort is not None:
            found.add(((key.table, index, partition), (sort, key.pk, key.sk)))
    return found


def _last_place(token: str, partition: str | None, prefix: str) -> tuple[str, str, str]:
    """The place after which a page begins. It need not be taken any more, but it must lie in what is asked for."""
    try:
        sort, pk, sk = json.loads(token)
    except (ValueError, TypeError) as error:
        raise Rejected("next: not a token of this list") from error
    texts = all(isinstance(part, str) for part in (sort, pk, sk))
    if not texts or not sort.startswith(prefix) or (partition is not None and (pk, sk) != (partition, sort)):
        raise Rejected("next: not a token of this list")
    return sort, pk, sk


class MemoryQueues:
    """Queues that keep what was sent until it is taken. Ten bodies go in one call, as with SQS."""

    def __init__(self, *, turn: Turn = _nobody, fault: FaultOf = _none) -> None:
        self.turn = turn
        self.fault = fault
        self._bodies: dict[QueueName, list[tuple[str, int]]] = defaultdict(list)
        self._lock = threading.Lock()

    def send(self, queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        for batch in batches(bodies):
            call = "SendMessage" if len(bodies) == 1 else "SendMessageBatch"
            what = f"{call} {queue} {batch[0]}"
            self.turn(f"before {what}")
            fault = self.fault(call)
            if fault is Fault.THROTTLED:
                raise Retryable(f"{call}: throttled")
            taken = batch[: len(batch) // 2] if fault is Fault.HALF_TAKEN else batch
            with self._lock:
                for _ in range(2 if fault is Fault.REPEATED else 1):
                    self._bodies[queue] += [(body, delay_seconds) for body in taken]
            self.turn(f"after {what}")
            if fault is Fault.ANSWER_LOST or len(taken) < len(batch):
                raise Retryable(f"{call}: {len(taken)} of {len(batch)} messages were taken")

    def taken(self, queue: QueueName) -> list[tuple[str, int]]:
        """Everything that waits in the queue with its delay in seconds, taken out of it."""
        with self._lock:
            return self._bodies.pop(queue, [])

    @property
    def empty(self) -> bool:
        with self._lock:
            return not any(self._bodies.values())


class MemoryPayoutFiles:
    """The bucket of files for banks."""

    def __init__(self, *, turn: Turn = _nobody) -> None:
        self.turn = turn
        self.objects: dict[str, bytes] = {}

    def put(self, name: str, content: bytes) -> None:
        self.turn(f"before PutObject {name}")
        self.objects[name] = content
        self.turn(f"after PutObject {name}")

    def get(self, name: str) -> bytes | None:
        return self.objects.get(name)


class MemoryFailedRelays:
    """The failure bucket: the new items of each batch that a stream gave up, by the object's name."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Item]] = {}

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def images(self, key: str) -> list[Item]:
        return [copied(image) for image in self.objects.get(key, ()) if "outbox" in image]

    def move(self, key: str, to: str) -> None:
        if key in self.objects:
            self.objects[to] = self.objects.pop(key)
