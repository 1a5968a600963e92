"""The agency's registered rate cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hunar import tables
from hunar.domain.rate_card import RateCard
from hunar.ports import Store
from hunar.tables import Item


def card_of(store: Store, scopes: Iterable[str]) -> RateCard:
    """The card of some scopes: a marketplace's name, ``government``, ``agency``. Each is a partition of rows."""
    return RateCard(row for scope in scopes for row in _rows(store, scope))


def _rows(store: Store, scope: str) -> Iterator[Item]:
    partition, after = tables.rate(scope, "").pk, None
    while True:
        page = store.page(tables.Table.REGISTRY, partition, limit=500, after=after)
        yield from page.items
        after = page.next
        if after is None:
            return
