"""Who watches that no bank account, PAN or GSTIN gets out: whatever a test types for a group is looked for in every log
line, queue body, exception of the worklist and text, over the memory's adapters and the real ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.adapters.sqs import SqsQueues
from hunar.domain.beneficiary import Details
from hunar.ports import Put
from hunar.tables import Table

SHORTEST: Final = 6
"""Digits of an account: what is shorter is none, and stands everywhere."""
_RUNS: Final = (re.compile("[0-9]{6,}"), re.compile("[0-9A-Z]{6,}"))
_SEEN_BY_ALL: Final = (Table.EXCEPTIONS, Table.NOTIFICATIONS)
secrets: set[str] = set()
found: list[str] = []


def typed(details: Any) -> None:
    secrets.update(one for one in (details.account, details.pan, details.gstin) if one and len(one) >= SHORTEST)


def look(where: str, text: str) -> None:
    """Notes where something was said, and never what."""
    if secrets and any(run in secrets for shape in _RUNS for run in shape.findall(text)):
        found.append(where)


def begin() -> None:
    secrets.clear()
    found.clear()


def install() -> None:
    """From now on, whoever types, sends or writes is watched."""
    _before(Details, "__init__", after=typed)
    for queues in (MemoryQueues, SqsQueues):
        _before(queues, "send", before=_bodies)
    for store in (MemoryStore, DynamoDBStore):
        _before(store, "commit", before=_items)


def _bodies(queue: Any, bodies: Iterable[str], **how: Any) -> None:
    for body in bodies:
        look(f"queue {queue}", body)


def _items(puts: Sequence[Put]) -> None:
    if secrets:
        for put in puts:
            if put.key.table in _SEEN_BY_ALL and put.item is not None:
                look(f"table {put.key.table}", repr(put.item))


def _before(
    kind: type, name: str, *, before: Callable[..., None] | None = None, after: Callable[[Any], None] | None = None
) -> None:
    real = getattr(kind, name)

    def watched(self: Any, *arguments: Any, **named: Any) -> Any:
        if before is not None:
            before(*arguments, **named)
        answer = real(self, *arguments, **named)
        if after is not None:
            after(self)
        return answer

    setattr(kind, name, watched)
