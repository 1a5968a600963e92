"""The clock: ordinary messages for whatever is due.

Nothing is decided here, only sent: whoever gets the message reads anew and decides. So a sweep may
run twice, late, beside another one or now; what it sends for nothing does nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from hunar import tables
from hunar.domain.due import day_to_remind, to_send_again
from hunar.messages import Allocate, ComputePayout, ListingMapped, Look, ReleaseHold, Remind
from hunar.ports import QueueName, Queues, Rejected, Retryable, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases.owed_text import message_of as message_of_text
from hunar.use_cases.relay import message_of

BATCH: Final = 100
"""Items that are read at a time."""
MOST: Final = 2_000
"""Messages about one table after which a run stops. What is left stays due, and is older than the rest next time."""

Message = tuple[QueueName, str]
_ALL_OF_A_MOMENT: Final = "#\U0010ffff"
"""Ends a sort key behind all that are due at one moment."""


@dataclass(frozen=True)
class Desk:
    """What sweeping needs from outside."""

    store: Store
    queues: Queues


@dataclass(frozen=True)
class Swept:
    """What a run sent, by queue and kind of message, and whether it stopped before the end."""

    sent: dict[str, int]
    left: bool


def sweep(desk: Desk, now: str) -> Swept:
    """Send what is due at ``now`` (RFC 3339, UTC). Raises Retryable when a part of it could not be sent.

    What one table or queue refuses does not hold up the others; it stays due.
    """
    sent: Counter[str] = Counter()
    left = False
    failed: Retryable | None = None
    for table, messages_of in _LOOKS.items():
        try:
            left = _sweep(desk, table, now, messages_of, sent) or left
        except Retryable as error:
            failed = error
    try:
        _send(desk.queues, _of_the_day(desk, now), sent)
    except Retryable as error:
        failed = error
    if failed is not None:
        raise failed
    return Swept(dict(sorted(sent.items())), left)


Messages = Callable[[Desk, list[Item], str], Iterable[Message]]


def _sweep(desk: Desk, table: Table, now: str, messages_of: Messages, sent: Counter[str]) -> bool:
    """One table, the longest due first. True when something is left for the next run."""
    before, after = sent.total(), None
    while True:
        page = desk.store.page(table, "DUE", index=tables.DUE, up_to=now + _ALL_OF_A_MOMENT, limit=BATCH, after=after)
        # An index is a little behind: what is settled or put off meanwhile is not due any more.
        due = [item for item in page.items if item.get("due_sk", "~") <= now + _ALL_OF_A_MOMENT]
        _send(desk.queues, messages_of(desk, due, now), sent)
        after = page.next
        if after is None:
            return False
        if sent.total() - before >= MOST:
            return True


def _send(queues: Queues, messages: Iterable[Message], sent: Counter[str]) -> None:
    bodies: dict[QueueName, list[str]] = defaultdict(list)
    for queue, body in messages:
        bodies[queue].append(body)
    # A look moves an order's time on, so it comes last: as long as its effects are not sent, the order stays due.
    for queue in sorted(bodies, key=lambda queue: queue is QueueName.ORDER_EVENTS):
        queues.send(queue, bodies[queue])
        sent[queue.value] += len(bodies[queue])


def _of_orders(desk: Desk, due: list[Item], now: str) -> Iterator[Message]:
    """Effects of the last 48 hours and a look for an order; orders that wait for a listing, if it is known by now."""
    yield from _of_listings(desk, [item for item in due if "waiting" in item and "listing" in item], now)
    for order in due:
        if "owed" not in order:
            continue
        for identity, effect in to_send_again(order["owed"], now).items():
            yield from _again(order, effect | {"effect_id": identity})
        yield QueueName.ORDER_EVENTS, Look(order_ref=order["order_ref"]).model_dump_json()


def _of_listings(desk: Desk, pointers: list[Item], now: str) -> Iterator[Message]:
    whose = [(item["marketplace"], item["account"], item["listing"]) for item in pointers]
    known: dict[Key, Any] = desk.store.read([tables.listing(*names) for names in whose]) if whose else {}
    for marketplace, account, listing in whose:
        if tables.listing(marketplace, account, listing) in known:
            mapped = ListingMapped(marketplace=marketplace, account=account, listing=listing, at=now)
            yield QueueName.ORDER_EVENTS, mapped.model_dump_json()


def _of_shelves(desk: Desk, due: list[Item], now: str) -> Iterator[Message]:
    """Free units, and lines that wait for them."""
    for shelf in due:
        yield QueueName.ORDER_EVENTS, Allocate(sku=shelf["sku"]).model_dump_json()


def _of_texts(desk: Desk, due: list[Item], now: str) -> Iterator[Message]:
    """A text that waits or whose own message was lost, a claim without an answer, and one nobody heard."""
    for text in due:
        if (body := message_of_text(text)) is not None:
            yield QueueName.NOTIFICATIONS, body


def _of_money(desk: Desk, due: list[Item], now: str) -> Iterator[Message]:
    """Lines whose money was held until now, and those whose settlement should have come by now."""
    for line in due:
        command = ReleaseHold if "hold_end" in line else ComputePayout
        yield QueueName.PAYOUTS, command(order_ref=line["order_ref"], line_id=line["line_id"]).model_dump_json()


def _of_the_day(desk: Desk, now: str) -> Iterator[Message]:
    """The reminders of today, until they are written down as sent."""
    day = day_to_remind(now)
    if day is not None and not desk.store.read([tables.reminded(day)]):
        yield QueueName.NOTIFICATIONS, Remind(day=day).model_dump_json()


def _again(owner: Item, effect: Item) -> Iterator[Message]:
    """The message of an effect. One of a kind that a newer version owes is left to that version."""
    try:
        yield message_of(owner, effect)
    except Rejected:
        return


_LOOKS: Final[dict[Table, Messages]] = {
    Table.ORDERS: _of_orders,
    Table.STOCK: _of_shelves,
    Table.NOTIFICATIONS: _of_texts,
    Table.LEDGER: _of_money,
}
