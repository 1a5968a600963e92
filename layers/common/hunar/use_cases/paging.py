"""Reading on: all of a partition, or as many as one call takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from hunar.ports import Store
from hunar.tables import Item, Table

T = TypeVar("T")


def batches(entries: Iterable[T], size: int = 100) -> Iterator[list[T]]:
    """As many at a time as one reading of the store takes."""
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch


def pages(store: Store, table: Table, partition: str, *, prefix: str = "", index: str | None = None) -> Iterator[Item]:
    """Every item of a partition, or of an index's partition, in the order of its keys."""
    after = None
    while True:
        page = store.page(table, partition, prefix=prefix, index=index, after=after)
        yield from page.items
        after = page.next
        if after is None:
            return
