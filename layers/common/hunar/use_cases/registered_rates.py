"""The agency's registered rate cards, and what its groups resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hunar import tables
from hunar.domain.order import Line
from hunar.domain.rate_card import RateCard
from hunar.domain.resolution import Resolution, Unresolved, frozen
from hunar.ports import Store
from hunar.tables import Item, Table
from hunar.use_cases.paging import pages


def card_of(store: Store, scopes: Iterable[str]) -> RateCard:
    """The card of some scopes: a marketplace's name, or ``government``. Each is a partition of rows."""
    return RateCard(registered(store, scopes))


def registered(store: Store, scopes: Iterable[str]) -> Iterator[Item]:
    """All registered rows of these scopes."""
    for scope in scopes:
        yield from pages(store, Table.REGISTRY, tables.rate(scope, "").pk)


def resolution_of(store: Store, line: Line) -> Resolution:
    """The version that the line froze at its sale. Raises Unresolved: a clause is missing, or whose line it is."""
    if line.resolved is None:
        raise Unresolved(f"nobody has said whose {line.listing} is")
    key = tables.group(line.resolved.group_id)
    policies = store.read([key]).get(key, {}).get("policies", ())
    return frozen(line.resolved.group_id, policies, line.resolved.policy_version)
