"""Once a day each group is told what it has to hand over by the end of the day, and which of its shelves run low.

The ids of the texts say which day, week and shelves they are about, and that the day is done is written
last. So a run that was stopped in the middle is simply made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from hunar import tables
from hunar.domain.due import OVERDUE, day_ends, to_hand_over, week_of
from hunar.domain.effects import LEADER, NEW_ORDER
from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.notification import Status
from hunar.domain.order import knowledge, read
from hunar.domain.stock import Stock
from hunar.domain.text_kinds import LOW_STOCK, SHIP_BY
from hunar.messages import Remind, Says, Tell
from hunar.ports import ABSENT, Conflict, Put, QueueName, Queues, Rejected, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases.paging import batches, pages

LOW_FOR: Final = timedelta(days=2)
"""After the end of the day a text about shelves is good for so long: until then nobody need have filled them."""
_NOT_TOLD: Final = frozenset({Status.SUPPRESSED, Status.EXPIRED})


@dataclass(frozen=True)
class Desk:
    """What reminding needs from outside."""

    store: Store
    queues: Queues
    now: str


@dataclass
class _Due:
    """What one group has to hand over."""

    orders: int = 0
    ahead: list[str] = field(default_factory=list)
    """Times that are not past yet."""


def remind(desk: Desk, message: Remind) -> int:
    """Send what the groups must be told on a day. Returns how many texts that are: none when the day is done or over.

    Raises Retryable, and Rejected for a day that is no date.
    """
    try:
        ends = day_ends(message.day)
    except ValueError as error:
        raise Rejected(f"day: {error}") from error
    marker = tables.reminded(message.day)
    week, before = week_of(message.day)
    days = desk.store.read([marker, *map(tables.reminded, before)])
    if marker in days or desk.now >= ends:
        return 0
    told: dict[str, set[str]] = defaultdict(set)
    for day in days.values():
        for group_id, skus in day["low_stock"].items():
            told[group_id].update(skus)
    low = {
        group_id: newly
        for group_id, units in _low_stock(desk.store).items()
        if (newly := {sku: count for sku, count in units.items() if sku not in told[group_id]})
    }
    tells = [
        _tell(SHIP_BY, group_id, message.day, ends, Says(count=due.orders, by=min(due.ahead, default=None)))
        for group_id, due in sorted(_to_hand_over(desk, ends).items())
    ]
    low_until = instant(moment(ends) + LOW_FOR)
    for group_id, units in sorted(low.items()):
        tells.append(_tell(LOW_STOCK, group_id, week, low_until, Says(units=units), sorted(units)))
    desk.queues.send(QueueName.NOTIFICATIONS, [tell.model_dump_json() for tell in tells])
    done = {
        "day": message.day,
        "at": desk.now,
        "low_stock": {group_id: sorted(units) for group_id, units in low.items()},
    }
    try:
        desk.store.commit([Put(marker, done, ABSENT)])
    except Conflict:
        # The message came twice, and the other one was done first.
        return 0
    return len(tells)


def _tell(kind: str, group_id: str, period: str, good_until: str, says: Says, *about: list[str]) -> Tell:
    identity = derived_id(kind, group_id, LEADER, period, *about)
    return Tell.model_validate(
        {
            "notification_id": identity,
            "notification_kind": kind,
            "group_id": group_id,
            "contact": LEADER,
            "good_until": good_until,
            "says": says,
        }
    )


def _to_hand_over(desk: Desk, ends: str) -> dict[str, _Due]:
    """Per group the orders that it was told of and did not say that they are packed."""
    found: dict[str, _Due] = defaultdict(_Due)
    for orders in _urgent(desk.store, ends):
        due = [(item, to_hand_over(read(knowledge(item)), ends)) for item in orders]
        owed = {
            (item["order_ref"], group_id): _new_orders(item, group_id) for item, groups in due for group_id in groups
        }
        texts = _with_digests(desk.store, [identity for ids in owed.values() for identity in ids])
        for item, groups in due:
            for group_id, times in groups.items():
                ids = owed[item["order_ref"], group_id]
                # Who was not told of an order yet, because it is only claimed, is not reminded of it.
                if not ids or _packed(ids, texts):
                    continue
                found[group_id].orders += 1
                found[group_id].ahead += [by for by in times if by > desk.now]
    return found


def _urgent(store: Store, ends: str) -> Iterator[list[Item]]:
    """Open orders whose time is before ``ends``, page by page, from the latest back to what is overdue for too long."""
    since, after = instant(moment(ends) - timedelta(days=1) - OVERDUE), None
    while True:
        page = store.page(Table.ORDERS, "OPEN", index=tables.BOARD, up_to=ends, after=after, newest_first=True)
        recent = [item for item in page.items if item["board_sk"] >= since]
        yield recent
        after = page.next
        if after is None or len(recent) < len(page.items):
            return


def _new_orders(item: Item, group_id: str) -> list[str]:
    """The ids of the texts by which a group was told what to send, the last one first."""
    owed = [
        (effect["n"], identity)
        for identity, effect in item["owed"].items()
        if effect["kind"] == NEW_ORDER and effect["group_id"] == group_id
    ]
    return [identity for _, identity in sorted(owed, reverse=True)]


def _with_digests(store: Store, ids: Iterable[str]) -> Mapping[Key, Item]:
    """Notifications, and those that spoke for several of them."""
    keys = [tables.notification(identity) for identity in ids]
    found = store.read(keys) if keys else {}
    digests = {tables.notification(item["digest"]) for item in found.values() if item.get("digest")}
    return found | (store.read(sorted(digests)) if digests else {})


def _packed(ids: Iterable[str], texts: Mapping[Key, Item]) -> bool:
    """Whether the group answered the last of these texts that reached it, alone or with others, by: it is packed."""
    for identity in ids:
        text = texts.get(tables.notification(identity))
        if text is None or (text["status"] in _NOT_TOLD and not text.get("digest")):
            continue
        heard = [text.get("heard")]
        if text.get("digest"):
            heard.append(texts.get(tables.notification(text["digest"]), {}).get("heard"))
        return any(said is not None and said["what"] == "packed" for said in heard)
    return False


def _low_stock(store: Store) -> dict[str, dict[str, int]]:
    """Per group the free units of each of its products of which no more are there than it wants to be told of."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    products = (product for product in pages(store, Table.REGISTRY, tables.product("").pk) if _watched(product))
    for some in batches(products):
        shelves = store.read([tables.stock(product["sku"]) for product in some])
        for product in some:
            shelf = shelves.get(tables.stock(product["sku"]))
            available = Stock.of(shelf).available if shelf else 0
            if available <= product["low_at"]:
                found[product["group_id"]][product["sku"]] = available
    return found


def _watched(product: Item) -> bool:
    return product.get("low_at") is not None
