"""What no consumer could take is put away whole, shown to a person, and can be sent again from there.

A dead letter queue forgets after 14 days; the table does not. The message leaves the queue only after
it stands in the table, together with its exception, so whatever breaks here breaks nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.identity import derived_id, order_ref
from hunar.ports import ABSENT, Put, QueueName, Store
from hunar.tables import Item
from hunar.use_cases.apply import Marketplace
from hunar.use_cases.worklist import open_exception, opening

FAILED: Final = "FAILED"
"""The verdict of a message that is put away."""
REDRIVEN: Final = "REDRIVEN"
"""The verdict of one that was sent again."""

REMEMBERED: Final = 20
"""Message ids by which a message that comes twice from the same dead letter queue is known."""


@dataclass(frozen=True)
class DeadLetter:
    """A message as it lay in the dead letter queue of ``queue``."""

    queue: QueueName
    message_id: str
    body: str
    received: int | None
    """How often it was received in all, if the queue says so."""


@dataclass(frozen=True)
class Desk:
    """What parking needs from outside."""

    store: Store
    now: str
    again: Callable[[Callable[[], Any]], Any]
    marketplaces: Mapping[str, Marketplace]
    """To find out which order a webhook is about."""


def park(desk: Desk, letter: DeadLetter) -> str:
    """Put the message away and open its exception, both or none. Raises Retryable: it stays in its queue.

    Returns the outcome for the log: ``parked``, ``parked_again`` after it was sent again, or
    ``duplicate``. Two messages that say the same are one: everything behind the queues is idempotent.
    """
    outcome: str = desk.again(lambda: _park(desk, letter))
    return outcome


def given_up(store: Store, key: str, *, now: str) -> None:
    """The stream went on without the records that this object of the failure bucket holds: show it."""
    message = f"What orders or shelves owed could not be passed on and is kept in the object {key}"
    open_exception(store, "UNDELIVERABLE_EFFECT", (key,), at=now, message=message, object=key)


def parked_id(queue: QueueName, body: str) -> str:
    """The id of a parked message, from what it says and where it was said."""
    return derived_id("parked", queue.value, body)


def _park(desk: Desk, letter: DeadLetter) -> str:
    identity = parked_id(letter.queue, letter.body)
    about = _order_of(letter.body, desk.marketplaces)
    opened = worklist.opened(
        "DEAD_LETTER",
        (letter.queue.value, identity),
        at=desk.now,
        message=f"A message of the queue {letter.queue.value} failed too often and is parked (message {identity})",
        order_ref=about,
        queue=letter.queue.value,
        delivery=identity,
    )
    key, shown = tables.parked(letter.queue.value, identity), tables.exception(opened["exception_id"])
    found = desk.store.read([key, shown])
    there = found.get(key)
    seen: list[str] = there["message_ids"] if there else []
    if letter.message_id in seen:
        # The queue brings a message twice, also late, when what it became has been sent again long since.
        return "duplicate"
    item: Item = {
        "delivery_id": identity,
        "order_ref": about,
        "queue": letter.queue.value,
        "message_ids": [*seen, letter.message_id][-REMEMBERED:],
        "received": letter.received,
        "verdict": FAILED,
        "body": letter.body,
        "parked_at": desk.now,
        "version": there["version"] + 1 if there else 1,
    }
    if there is not None and there["verdict"] == FAILED:
        # Its twin. The new version tells a redrive that is under way that one of the two came back.
        item["parked_at"] = there["parked_at"]
    desk.store.commit([Put(key, item, there["version"] if there else ABSENT), *opening(opened, found.get(shown))])
    if there is None:
        return "parked"
    return "parked_again" if there["verdict"] == REDRIVEN else "duplicate"


def _order_of(body: str, marketplaces: Mapping[str, Marketplace]) -> str | None:
    """The order that a message names, if it can be read at all."""
    try:
        message = json.loads(body)
        if message.get("kind") not in ("webhook", "answer"):
            named = message.get("order_ref")
            return named if isinstance(named, str) else None
        marketplace, account = message["marketplace"], message["account"]
        raw = base64.b64decode(message["body_b64"], validate=True)
        module = marketplaces[marketplace]
        reading = module.read(raw, account) if message["kind"] == "webhook" else module.read_answer(raw, account)
        return None if reading.marketplace_id is None else order_ref(marketplace, account, reading.marketplace_id)
    except Exception:
        # What broke the consumer may break this reading too. Then the message is put away without a name.
        return None
