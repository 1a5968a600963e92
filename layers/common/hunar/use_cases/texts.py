"""A text that was sent, and of a digest the notifications that went with it: what befalls one befalls all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hunar import tables
from hunar.ports import Put, Store
from hunar.tables import Item

_MOST: Final = 100
"""Items that one transaction takes."""


def read_text(store: Store, notification_id: str) -> Item | None:
    """The notification as it stands; None for an id that is none of ours, also one that could be no key."""
    key = tables.notification(notification_id)
    return store.read([key]).get(key) if 0 < len(notification_id) <= 100 else None


def changed(item: Item, **attributes: Any) -> list[Put]:
    """The put that gives a notification these attributes, and takes those away that are None of the index of what is
    due; nothing when it has them already."""
    after = item | attributes
    if after.get("due_pk") is None:
        after = {name: value for name, value in after.items() if name not in ("due_pk", "due_sk")}
    if after == item:
        return []
    key = tables.notification(item["notification_id"])
    return [Put(key, after | {"version": item["version"] + 1}, item["version"])]


NOT_DUE: Final[Item] = {"due_pk": None, "due_sk": None}
"""The attributes of ``changed`` after which the sweep looks at a text no more."""


def members_of(store: Store, item: Item) -> list[Item]:
    """The notifications that went with a digest; none for a text that went alone."""
    found = store.read(map(tables.notification, item.get("members") or ()))
    return [member for member in found.values() if member.get("digest") == item["notification_id"]]


def commit_with_members(store: Store, of_members: Iterable[Put], puts: Iterable[Put]) -> None:
    """Write ``puts``, and those of a digest's members, in one transaction.

    Of more members than it holds, those that are too many are written before it: whoever is stopped between finds them
    written and goes on. Raises Conflict.
    """
    before, together = list(of_members), list(puts)
    while len(before) + len(together) > _MOST:
        store.commit(before[:_MOST])
        before = before[_MOST:]
    store.commit([*before, *together])
