"""What texts cost: how many went, in how many parts, and what their receipts say of the price."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from hunar import tables
from hunar.domain.catalogue import day_in_india
from hunar.domain.facts import instant, moment
from hunar.domain.notification import Status
from hunar.ports import Store
from hunar.tables import Item, Table

By = Literal["kind", "language", "group", "template", "day"]

WAITED: Final = timedelta(days=31)
"""A text is listed under the time when it was first looked at. It may wait for so long: for stock, for a provider."""

_GONE: Final = (Status.CLAIMED, Status.ACCEPTED, Status.DELIVERED, Status.UNKNOWN)


@dataclass
class Spent:
    """What went under one heading."""

    texts: int = 0
    parts: int = 0
    prices: dict[str, int] = field(default_factory=dict)
    """Millionths of each currency, as far as receipts say."""
    unpriced: int = 0
    """Texts whose price nobody said. They may cost as much as the others."""

    def count(self, item: Item) -> None:
        times = 1 + (item.get("resent") or 0)
        receipt = item.get("receipt") or {}
        self.texts += times
        self.parts += times * (receipt.get("parts") or item["parts"])
        price = receipt.get("price_millionths")
        if price is not None:
            currency = receipt.get("currency") or ""
            self.prices[currency] = self.prices.get(currency, 0) + price
        # A receipt is of one text: of the one that went again nobody hears what it cost.
        self.unpriced += times if price is None else times - 1


_HEADINGS: Final[Mapping[str, Callable[[Item], str]]] = {
    "kind": lambda item: str(item["kind"]),
    "language": lambda item: str(item["locale"]),
    "group": lambda item: str(item["group_id"]),
    "template": lambda item: f"{item.get('form') or item['kind']} {item['locale']} {item['template_id']}",
    "day": lambda item: day_in_india(item["claimed_at"]),
}


def spent(store: Store, since: str, until: str, by: By) -> dict[str, Spent]:
    """What went from ``since`` until before ``until``, by heading, sorted.

    A text counts when it may have gone: also one of which nobody knows, and not one that the provider refused.
    """
    found: dict[str, Spent] = {}
    for item in _texts(store, since, until):
        if _went(item) and since <= item["claimed_at"] < until:
            found.setdefault(_HEADINGS[by](item), Spent()).count(item)
    return dict(sorted(found.items()))


def total(found: Mapping[str, Spent]) -> Spent:
    """All headings together."""
    whole = Spent()
    for one in found.values():
        whole.texts, whole.parts = whole.texts + one.texts, whole.parts + one.parts
        whole.unpriced += one.unpriced
        for currency, price in one.prices.items():
            whole.prices[currency] = whole.prices.get(currency, 0) + price
    return whole


def _went(item: Item) -> bool:
    """One that went along in a digest, or has no parts, was no text of its own."""
    may_have_gone = item["status"] in _GONE or item["provider_id"] is not None or bool(item.get("receipt"))
    return bool(item["parts"]) and not item.get("digest") and may_have_gone


def _texts(store: Store, since: str, until: str) -> Iterator[Item]:
    first, after = instant(moment(since) - WAITED), None
    while True:
        page = store.page(Table.NOTIFICATIONS, "ALL", index=tables.FEED, up_to=until, after=after, newest_first=True)
        for item in page.items:
            if item["feed_sk"] < first:
                return
            yield item
        after = page.next
        if after is None:
            return
