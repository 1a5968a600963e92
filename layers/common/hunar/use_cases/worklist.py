"""Opening and closing an exception that no order owns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hunar.domain import worklist
from hunar.domain.identity import derived_id
from hunar.ports import ABSENT, Conflict, Put, Store
from hunar.tables import Item, exception


def opening(item: Item, there: Item | None, *, renew: bool = False) -> list[Put]:
    """What a transaction must put so that the exception stands open; nothing if ``there`` is open already.

    ``renew``: one that stands open and says something else gets the new words.
    """
    key = exception(item["exception_id"])
    if there is None:
        return [Put(key, item, ABSENT)]
    if there["closed_at"] is None and not (renew and there["message"] != item["message"]):
        return []
    return [Put(key, worklist.opened_again(there, item), there["version"])]


def closing(there: Item | None, *, at: str, by: str | None = None, note: str | None = None) -> list[Put]:
    """What a transaction must put so that the exception stands closed; nothing if it does not stand open."""
    if there is None or there["closed_at"] is not None:
        return []
    return [Put(exception(there["exception_id"]), worklist.closed(there, at=at, by=by, note=note), there["version"])]


def open_exception(
    store: Store,
    kind: str,
    cause: tuple[Any, ...],
    *,
    at: str,
    message: str,
    order_ref: str | None = None,
    sku: str | None = None,
    listing: str | None = None,
    group_id: str | None = None,
    **subject: str | None,
) -> None:
    """Opens it, opens it again after it was closed, or leaves it as it stands open."""
    item = worklist.opened(
        kind,
        cause,
        at=at,
        message=message,
        order_ref=order_ref,
        sku=sku,
        listing=listing,
        group_id=group_id,
        **subject,
    )
    key = exception(item["exception_id"])
    puts = opening(item, store.read([key]).get(key))
    if not puts:
        return
    try:
        store.commit(puts)
    except Conflict:
        # Somebody opened the same cause at the same moment: that is what we wanted.
        return


def open_unknown_message(store: Store, queue: str, body: str, reason: str, *, at: str) -> None:
    """A queue message that nobody understands, with as much of it as helps to find out."""
    text = f"{queue}: {reason}: {body[:1000]}"
    open_exception(store, "UNKNOWN_MESSAGE", (queue, derived_id(body)), at=at, message=text)


def close_exception(store: Store, kind: str, cause: tuple[Any, ...], *, at: str) -> None:
    """Closes it if it stands open. Raises Conflict when somebody writes it at the same moment."""
    close_exceptions(store, (kind,), cause, at=at)


def close_exceptions(store: Store, kinds: Iterable[str], cause: tuple[Any, ...], *, at: str) -> None:
    """Closes those of one cause that stand open, with one reading. Raises Conflict as ``close_exception``."""
    found = store.read(exception(worklist.exception_id(kind, *cause)) for kind in kinds)
    if puts := [put for there in found.values() for put in closing(there, at=at)]:
        store.commit(puts)
