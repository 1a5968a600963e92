"""What a person does about channels: stop telling one of the stock, let it go on, and see what each was told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from hunar import tables
from hunar.domain.catalogue import mapped_now
from hunar.messages import PublishStock
from hunar.ports import Put, QueueName
from hunar.tables import Item, Table
from hunar.use_cases.operate import By, Desk
from hunar.use_cases.paging import batches, pages

SPREAD: Final = 10
"""Products that a channel is told of every ten seconds after a pause: its rates are for sales, too."""
LONGEST: Final = 900
"""Seconds; SQS delays a message no longer."""

_TOLD: Final = ("quantity", "at", "verdict", "message", "shown", "shown_at")


def pause(desk: Desk, marketplace: str, account: str, act: By) -> Item | None:
    """From now on the channel is not told about stock. Returns the pause that there was, which stands."""
    key = tables.pause(marketplace, account)

    def once() -> Item | None:
        there = desk.store.read([key]).get(key)
        if there is None:
            item = {"marketplace": marketplace, "account": account, "at": desk.now}
            desk.store.commit([Put(key, item | {"person": act.person, "reason": act.reason})])
        return there

    found: Item | None = desk.again(once)
    return found


def resume(desk: Desk, marketplace: str, account: str) -> tuple[bool, int]:
    """The channel is told again, of every product that it sells.

    Returns whether it was paused, and how many products are on their way. What a queue did not take is sent by resuming
    once more: a channel that is not paused is told as well.
    """
    key = tables.pause(marketplace, account)

    def lift() -> bool:
        there = key in desk.store.read([key])
        if there:
            desk.store.commit([Put(key, None)])
        return there

    paused: bool = desk.again(lift)
    # After the pause is over: a message that is quick would find it and leave the channel out.
    skus = sorted({sku for sku, _ in _listings(desk, marketplace, account)})
    for number, batch in enumerate(batches(skus, SPREAD)):
        bodies = [PublishStock(sku=sku, full=True).model_dump_json() for sku in batch]
        desk.queues.send(QueueName.STOCK_FEED, bodies, delay_seconds=min(LONGEST, SPREAD * number))
    return paused, len(skus)


def told(desk: Desk, accounts: Collection[tuple[str, str]]) -> list[dict[str, Any]]:
    """Every listing of these accounts with what its channel was told last and what it showed, in units."""
    found = []
    for whose in sorted(accounts):
        listed = list(_listings(desk, *whose))
        keys = {entry: tables.told(entry[0], *whose, entry[1]) for entry in listed}
        pause_key = tables.pause(*whose)
        there = desk.store.read([pause_key, *keys.values()])
        paused = there.get(pause_key)
        for (sku, listing), key in keys.items():
            item: Mapping[str, Any] = there.get(key, {})
            found.append(
                {
                    "marketplace": whose[0],
                    "account": whose[1],
                    "listing": listing,
                    "sku": sku,
                    **{name: item.get(name) for name in _TOLD},
                    "paused_at": paused["at"] if paused else None,
                }
            )
    return found


def _listings(desk: Desk, marketplace: str, account: str) -> Iterator[tuple[str, str]]:
    """SKU and listing of all that the account sells now."""
    prefix = tables.listing(marketplace, account, "").sk
    for listing in pages(desk.store, Table.REGISTRY, tables.listing("", "", "").pk, prefix=prefix):
        yield mapped_now(listing, desk.now)["sku"], listing["listing"]
