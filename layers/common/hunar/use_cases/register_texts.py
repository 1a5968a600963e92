"""What a DLT portal approved becomes what texts are sent with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hunar import tables
from hunar.domain.dlt_portal import Compared, Taken, taken
from hunar.ports import Put, Rejected, Store
from hunar.tables import Item
from hunar.use_cases.paging import batches, pages


def agency(store: Store) -> Item:
    """Whose texts they are. Raises Rejected when the agency was not imported."""
    key = tables.agency()
    found = store.read([key]).get(key)
    if found is None:
        raise Rejected("agency: not imported, so there is no header and no entity id; hunar import brings agency.csv")
    return found


def registered(store: Store) -> dict[tuple[str, str], Item]:
    """The approved texts that are sent, by form and locale."""
    key = tables.dlt_template("", "")
    return {(item["kind"], item["locale"]): item for item in pages(store, key.table, key.pk)}


def reload(
    store: Store,
    again: Callable[[Callable[[], Any]], Any],
    file: str,
    compared: Sequence[Compared],
    *,
    dry_run: bool,
) -> tuple[Taken, list[Item]]:
    """Take the approved ids into the registry, all or, with a problem, none. Returns also what changed or would.

    A repetition goes on where it broke.
    """
    there = registered(store)
    wanted = taken(file, compared, there)
    changed = [item for item in wanted.items if there.get((item["kind"], item["locale"])) != item]
    if wanted.problems:
        return wanted, []
    if not dry_run:
        for batch in batches(changed):
            puts = [Put(tables.dlt_template(item["kind"], item["locale"]), item) for item in batch]
            again(partial(store.commit, puts))
    return wanted, changed
