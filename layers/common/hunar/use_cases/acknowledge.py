"""Somebody in the group has heard of a text: a person says so, or she rang or answered herself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from hunar import tables
from hunar.ports import Put, Store


def heard(
    store: Store,
    notification_id: str,
    what: Literal["heard", "packed", "no_stock"],
    *,
    how: Literal["tick", "missed_call", "reply"],
    by: str,
    at: str,
    again: Callable[[Callable[[], Any]], Any],
) -> bool:
    """Write down who heard of a text. False when there is no such text."""
    key = tables.notification(notification_id)

    def write() -> bool:
        there = store.read([key]).get(key)
        if there is not None and (there.get("heard") or {}).get("what") != what:
            said = {"what": what, "how": how, "by": by, "at": at}
            store.commit([Put(key, there | {"heard": said, "version": there["version"] + 1}, there["version"])])
        return there is not None

    return bool(again(write))
