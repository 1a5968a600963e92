"""What was put away is sent again: parked messages to their queues, given up stream records through the relay.

Everything behind the queues is idempotent, so a message that is sent twice does no harm and one that
is marked before it was sent would be lost: the sending comes first. A text that is past its time is
recorded as expired by whoever would have sent it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.facts import moment
from hunar.ports import FailedRelays, Put, QueueName, Queues, Rejected, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases.park import FAILED, REDRIVEN
from hunar.use_cases.relay import relay
from hunar.use_cases.worklist import closing

GIVEN_UP: Final = "aws/lambda/"
"""How Lambda's own names of objects begin."""
RELAYED: Final = "redriven/"
"""What is put before the name of an object whose records were passed on."""

KEPT: Final = timedelta(days=30)
"""How long a message that was sent again is still kept: it may name a buyer."""


@dataclass(frozen=True)
class Desk:
    """What redriving needs from outside."""

    store: Store
    queues: Queues
    relays: FailedRelays
    now: str
    person: str
    """Who does it."""
    again: Callable[[Callable[[], Any]], Any]


@dataclass(frozen=True)
class Message:
    """A parked message that was (or would be) sent again."""

    queue: str
    delivery_id: str
    order_ref: str | None
    parked_at: str


@dataclass(frozen=True)
class Batch:
    """An object of the failure bucket whose records were (or would be) passed on."""

    key: str
    sent: dict[str, int]
    """Messages per queue."""


@dataclass(frozen=True)
class Left:
    """What stays where it is."""

    what: str
    reason: str


@dataclass
class Report:
    """What a redrive did, or would do."""

    messages: list[Message] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return len(self.messages) + len(self.batches)


def redrive(desk: Desk, *, queue: QueueName | None = None, dry_run: bool = False, limit: int | None = None) -> Report:
    """Send again what is parked, of one queue or of all, and what the streams gave up unless a queue is named.

    ``limit`` is the most messages and objects taken together. Running it twice is harmless. Raises
    Retryable when AWS is not reached; what was sent until then is marked.
    """
    report = Report()
    for one in [queue] if queue else QueueName:
        for item in _parked(desk.store, one):
            if report.taken == limit:
                return report
            _send(desk, one, item, report, dry_run=dry_run)
    if queue is None:
        for key in desk.relays.keys(GIVEN_UP):
            if report.taken == limit:
                return report
            _relay(desk, key, report, dry_run=dry_run)
        if not dry_run:
            _close_all(desk, desk.relays.keys(RELAYED))
    return report


def _parked(store: Store, queue: QueueName) -> Iterator[Item]:
    after: str | None = None
    while True:
        page = store.page(Table.DELIVERIES, tables.parked_in(queue.value), after=after)
        yield from (item for item in page.items if item["verdict"] == FAILED)
        after = page.next
        if after is None:
            return


def _send(desk: Desk, queue: QueueName, item: Item, report: Report, *, dry_run: bool) -> None:
    if not dry_run:
        desk.queues.send(queue, [item["body"]])
        if not desk.again(lambda: _marked(desk, queue, item)):
            report.left.append(Left(item["delivery_id"], "it was parked again in the meantime"))
            return
    report.messages.append(Message(queue.value, item["delivery_id"], item["order_ref"], item["parked_at"]))


def _marked(desk: Desk, queue: QueueName, sent: Item) -> bool:
    """Mark the message and close its exception, both or none. False when it stands parked anew."""
    identity = sent["delivery_id"]
    key = tables.parked(queue.value, identity)
    shown = tables.exception(worklist.exception_id("DEAD_LETTER", queue.value, identity))
    found = desk.store.read([key, shown])
    there = found.get(key)
    if there is None or there["version"] != sent["version"]:
        # Either somebody else has sent it, too, or it failed again before it could be marked.
        return there is None or there["verdict"] != FAILED
    marked = there | {
        "verdict": REDRIVEN,
        "redriven_at": desk.now,
        "redriven_by": desk.person,
        "expires_at": int((moment(desk.now) + KEPT).timestamp()),
        "version": there["version"] + 1,
    }
    desk.store.commit([Put(key, marked, there["version"]), *closing(found.get(shown), at=desk.now, by=desk.person)])
    return True


def _relay(desk: Desk, key: str, report: Report, *, dry_run: bool) -> None:
    try:
        sent = relay(desk.relays.images(key), _Nowhere() if dry_run else desk.queues)
    except Rejected as error:
        report.left.append(Left(key, str(error)))
        return
    if not dry_run:
        desk.relays.move(key, RELAYED + key)
    report.batches.append(Batch(key, sent))


def _close_all(desk: Desk, relayed: Sequence[str]) -> None:
    """Close the exceptions of all objects that were passed on, now or before.

    Before, too: the bucket tells of an object late or twice, and a redrive may have been stopped half-way.
    """
    names = [name.removeprefix(RELAYED) for name in relayed]
    shown = [tables.exception(worklist.exception_id("UNDELIVERABLE_EFFECT", name)) for name in names]
    for key in desk.store.read(shown):
        desk.again(partial(_close, desk, key))


def _close(desk: Desk, key: Key) -> None:
    if puts := closing(desk.store.read([key]).get(key), at=desk.now, by=desk.person):
        desk.store.commit(puts)


class _Nowhere:
    """Queues of a dry run."""

    def send(self, queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Takes everything and does nothing."""
