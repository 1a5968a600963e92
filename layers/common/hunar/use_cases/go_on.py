"""What stands in the book of a group that joined another goes on to that one's."""

from __future__ import annotations

from collections.abc import Iterable

from hunar import tables
from hunar.domain.head import Head, after
from hunar.domain.merger import goes_on
from hunar.ports import ABSENT, Put, Store


def go_on(store: Store, heads: Iterable[Head], *, at: str) -> None:
    """Brings on what can, of those among ``heads`` that joined another group. Where whoever booked it is stopped before
    this, the next closing does it and the daily look: the head stands first among those that they read. Raises
    Conflict."""
    for group_id in sorted(head.group_id for head in heads if head.into):
        waiting: str = group_id
        while waiting:
            waiting = _one(store, waiting, at)


def gone_on_to(store: Store, head: Head) -> list[str]:
    """The group itself and those that its money goes on to, one behind the other."""
    groups = [head.group_id]
    while head.into:
        head = _head(store, head.into)
        groups.append(head.group_id)
    return groups


def _one(store: Store, group_id: str, at: str) -> str:
    """Returns the group that it joined, for that one may have joined a third; nothing at the end."""
    head = _head(store, group_id)
    if not head.into:
        return ""
    minutes = store.read([tables.joined(group_id)])[tables.joined(group_id)]["minutes"]
    entries = goes_on(head, minutes=minutes, at=at)
    if entries:
        before = {group_id: head, head.into: _head(store, head.into)}
        puts = []
        for group, there in before.items():
            moved, places = after(there, *(entry for entry in entries if entry.group_id == group))
            puts.append(Put(tables.book(group), tables.book_item(moved), there.version or ABSENT))
            for place in places:
                puts.append(Put(tables.book_entry(group, place.seq), place.item(recorded_at=at), ABSENT))
        store.commit(puts)
    return head.into


def _head(store: Store, group_id: str) -> Head:
    key = tables.book(group_id)
    found = store.read([key]).get(key)
    return Head.of(found) if found else Head(group_id)
