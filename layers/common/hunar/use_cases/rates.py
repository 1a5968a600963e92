"""The agency's registered rate cards."""

from __future__ import annotations

from collections.abc import Iterable

from hunar import tables
from hunar.domain.rate_card import RateCard
from hunar.ports import Store
from hunar.tables import Table
from hunar.use_cases.paging import pages


def card_of(store: Store, scopes: Iterable[str]) -> RateCard:
    """The card of some scopes: a marketplace's name, ``government``, ``agency``. Each is a partition of rows."""
    return RateCard(row for scope in scopes for row in pages(store, Table.REGISTRY, tables.rate(scope, "").pk))
