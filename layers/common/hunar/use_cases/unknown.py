"""A message that nobody understands is kept whole for a while, and a person is shown where."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.facts import moment
from hunar.domain.identity import derived_id
from hunar.ports import ABSENT, Conflict, Put, Retryable, Store

KEPT_WHOLE: Final = timedelta(days=30)
"""How long a message is kept that nobody could redact, because nobody knows its fields."""


def expiry(at: str) -> int:
    """Epoch seconds after which DynamoDB drops what came in at this time."""
    return int((moment(at) + KEPT_WHOLE).timestamp())


def keep_unknown(store: Store, queue: str, body: str, reason: str, *, at: str, kind: str = "UNKNOWN_MESSAGE") -> str:
    """Keep a queue's message and open an exception of ``kind``, once for the same text. Returns the outcome.

    ``reason`` must not quote the message. Raises Retryable when another transaction was under way.
    """
    identity = derived_id("message", body)
    key = tables.unread_delivery("queue", queue, identity)
    message = f"{reason} (delivery {identity})"
    opened = worklist.opened(kind, (identity,), at=at, message=message, delivery_id=identity)
    kept = {
        "delivery_id": identity,
        "received_at": at,
        "verdict": "UNKNOWN_MESSAGE",
        "body": body,
        "expires_at": expiry(at),
    }
    try:
        store.commit([Put(key, kept, ABSENT), Put(tables.exception(opened["exception_id"]), opened)])
    except Conflict:
        # Another transaction may have been under way over the exception: then nothing was kept.
        if key not in store.read([key]):
            raise Retryable("the message met another transaction") from None
        return "duplicate"
    return kind.lower()
