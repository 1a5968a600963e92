"""What operators see: orders, stock, texts, exceptions and ledger entries, in the shapes of docs/openapi.yaml.

Only reads. A list is a page ``{"items", "next"}``; ``next`` goes back as it came, and None ends the list.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hunar import tables
from hunar.domain import accounts
from hunar.domain.facts import instant, moment
from hunar.domain.head import Head
from hunar.domain.order import knowledge, read
from hunar.domain.stock import Stock
from hunar.ports import Rejected, Store
from hunar.tables import Item, Table
from hunar.use_cases import kept

_FOLLOWED_WITHIN: Final = timedelta(days=7)

MOST: Final = 100
"""Items of a page, also when nobody asks for a number."""

_NOTIFICATION: Final = ("notification_id", "kind", "order_ref", "group_id", "to", "locale", "text", "parts", "status")
_BESIDES: Final = ("form", "digest", "members", "escalated")
"""What texts that were claimed by an older program do not have."""
_RECEIPT: Final = ("state", "code", "reason", "at", "final", "parts", "price_millionths", "currency")
_HEARD: Final = ("what", "how", "by", "at")
_EXCEPTION: Final = (
    "exception_id",
    "kind",
    "order_ref",
    "sku",
    "listing",
    "group_id",
    "opened_at",
    "closed_at",
    "message",
    "action",
)
_ENTRY: Final = ("entry_id", "kind", "order_ref", "line_id", "occurred_at", "postings")


@dataclass(frozen=True)
class Asked:
    """Which page of a list: at most ``limit`` items (1 to 100) after the token of the page before."""

    limit: int = MOST
    after: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """The query parameters ``limit`` and ``next``. Raises Rejected."""
        text = query.get("limit", str(MOST))
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST):
            raise Rejected(f"limit: not a whole number from 1 to {MOST}")
        return cls(int(text), query.get("next"))


def order(store: Store, order_ref: str) -> Item | None:
    """One order as its facts state it, or None."""
    key = tables.order(order_ref)
    stored = store.read([key]).get(key) if _possible(order_ref) else None
    return _order(stored) if stored else None


def orders(store: Store, asked: Asked, *, state: str | None = None) -> Item:
    """Orders by ship-by time, most urgent first; then those that ended. ``state`` is ``open``, ``ended`` or None."""
    sections = _sections(state, {"open": ("OPEN", False), "ended": ("ENDED", True)})
    return _list(store, Table.ORDERS, tables.BOARD, sections, asked, _order)


def exceptions(store: Store, asked: Asked, *, state: str | None = None) -> Item:
    """The worklist, newest first; then what was closed. ``state`` is ``open``, ``closed`` or None."""
    sections = _sections(state, {"open": ("OPEN", True), "closed": ("CLOSED", True)})
    return _list(store, Table.EXCEPTIONS, tables.WORKLIST, sections, asked, lambda item: _part(item, _EXCEPTION))


def notifications(store: Store, asked: Asked) -> Item:
    """Every text that was claimed, newest first. A text that was never written has null in ``to`` and ``text``."""
    return _list(store, Table.NOTIFICATIONS, tables.FEED, [("ALL", True)], asked, _notification)


def texts(store: Store, order_ref: str) -> list[Item] | None:
    """Every text about one order, the first first, also what was told of it together with others; None for no order.

    ``contact`` is the slot, ``claimed_at`` when it was last taken up, ``reason`` why it stands as it does.
    """
    key = tables.order(order_ref)
    stored = store.read([key]).get(key) if _possible(order_ref) else None
    if stored is None:
        return None
    owed = set(stored["owed"])
    claimed = store.read(map(tables.notification, owed)).values() if owed else ()
    if not claimed:
        return []
    times = [item["feed_sk"] for item in claimed]
    # A digest, and the text to the next contact, have ids of their own and come soon after.
    until = instant(moment(max(times).partition("#")[0]) + _FOLLOWED_WITHIN)
    found: dict[str, Item] = {item["notification_id"]: item for item in claimed}
    after = None
    while True:
        page = store.page(Table.NOTIFICATIONS, "ALL", index=tables.FEED, up_to=until, after=after, newest_first=True)
        for item in page.items:
            if item.get("order_ref") == order_ref or owed & set(item.get("members") or ()):
                found[item["notification_id"]] = item
        after = page.next
        if after is None or (page.items and page.items[-1]["feed_sk"] < min(times)):
            break
    besides = ("contact", "claimed_at", "reason")
    told = sorted(found.values(), key=lambda item: str(item["feed_sk"]))
    return [_notification(item) | {name: item.get(name) for name in besides} for item in told]


def stock(store: Store, sku: str) -> Item | None:
    """One product's counters in units: zeros when nothing was ever counted; None for an unknown product."""
    keys = [tables.product(sku), tables.stock(sku)]
    found = store.read(keys) if _possible(sku) else {}
    product = found.get(keys[0])
    return _shelf(product, found.get(keys[1])) if product else None


def stocks(store: Store, asked: Asked) -> Item:
    """Every product of the registry with its counters, by SKU."""
    page = store.page(Table.REGISTRY, tables.product("").pk, limit=asked.limit, after=asked.after)
    found = store.read([tables.stock(product["sku"]) for product in page.items]) if page.items else {}
    return {
        "items": [_shelf(product, found.get(tables.stock(product["sku"]))) for product in page.items],
        "next": page.next,
    }


def deliveries(store: Store, order_ref: str, asked: Asked) -> Item:
    """What is kept under an order's name, never with its body. News of a return is kept with the marketplace's item."""
    if not _possible(order_ref):
        raise Rejected("order_ref: is no order's key")
    page = store.page(Table.DELIVERIES, tables.delivery(order_ref, "").pk, limit=asked.limit, after=asked.after)
    return {"items": [kept.shown(item) for item in page.items], "next": page.next}


_OF_MONEY: Final = "money."
"""Begins the token of a page of entries of money; those of what is expected come first."""


def entries(store: Store, order_ref: str, asked: Asked) -> Item:
    """The ledger entries of an order's lines, first what is expected, then what moved; each sums to zero paise."""
    if not _possible(order_ref):
        raise Rejected("order_ref: is no order's key")
    after, items = asked.after, []
    if after is None or not after.startswith(_OF_MONEY):
        key = tables.ledger_entry(order_ref, "", "")
        page = store.page(Table.LEDGER, key.pk, prefix=tables.BOOK_ENTRIES, limit=asked.limit, after=after)
        items, after = page.items, None
        if page.next is not None or len(items) >= asked.limit:
            token = page.next or _OF_MONEY
            return {"items": [_part(item, _ENTRY) for item in items], "next": token}
    rest, after = asked.limit - len(items), after and after.removeprefix(_OF_MONEY) or None
    page = store.page(Table.LEDGER, order_ref, index=tables.ORDER_ENTRIES, limit=rest, after=after)
    going_on = _OF_MONEY + page.next if page.next else None
    return {"items": [_part(item, _ENTRY) for item in [*items, *page.items]], "next": going_on}


def groups(store: Store, asked: Asked) -> Item:
    """The groups, each with what its book says: paise that are held, payable, put aside, and owed by it."""
    page = store.page(Table.REGISTRY, tables.group("").pk, limit=asked.limit, after=asked.after)
    books = store.read([tables.book(item["group_id"]) for item in page.items]) if page.items else {}
    return {"items": [_group(item, books.get(tables.book(item["group_id"]))) for item in page.items], "next": page.next}


def _group(item: Item, book: Item | None) -> Item:
    head = Head.of(book) if book else Head(item["group_id"])
    shown = {name: item[name] for name in ("group_id", "name", "city", "locale")}
    fund, credits = accounts.group_fund(head.group_id), accounts.group_credits(head.group_id)
    return shown | {
        "entries": head.seq,
        "held_paise": head.held,
        "payable_paise": head.payable,
        "debt_paise": head.debt,
        "fund_paise": head.owed(fund),
        "credits_paise": head.owed(credits),
    }


def _notification(item: Item) -> Item:
    shown = _part(item, _NOTIFICATION) | {name: item.get(name) for name in _BESIDES}
    shown |= {"resent": item.get("resent", 0)}
    for field, names in (("receipt", _RECEIPT), ("heard", _HEARD)):
        said = item.get(field)
        shown[field] = {name: said.get(name) for name in names} if said else None
    return shown


def _possible(name: str) -> bool:
    """Whether an item can stand under this name: a key of DynamoDB holds at most 1,024 bytes."""
    return 0 < len(name.encode(errors="replace")) <= 1000


def _part(item: Item, names: Sequence[str]) -> Item:
    return {name: item[name] for name in names}


def _shelf(product: Item, counted: Item | None) -> Item:
    return (Stock.of(counted) if counted else Stock(product["sku"], product["group_id"])).content()


def _order(item: Item) -> Item:
    state = read(knowledge(item))
    lines = []
    for line in state.lines:
        applied = item["applied"].get(line.line_id, {})
        lines.append(
            {
                "line_id": line.line_id,
                "listing": line.listing,
                "sku": line.resolved.sku if line.resolved else None,
                "group_id": line.resolved.group_id if line.resolved else None,
                "quantity": line.quantity,
                "cancelled": line.cancelled,
                "reserved": applied.get("reserved", 0),
                "short": applied.get("short", 0),
                "returned": line.returned,
                "state": line.state,
                "unit_price_paise": line.unit_price_paise,
            }
        )
    named = _part(item, ("order_ref", "marketplace", "account"))
    return named | {
        "state": state.state,
        "unpriced": any(line.unpriced for line in state.lines),
        "unconfirmed": bool(state.pending),
        "ship_by": state.ship_by,
        "lines": lines,
        "history": list(state.history),
    }


_Section = tuple[str, bool]
"""A partition of an index, and whether its newest items come first."""


def _sections(state: str | None, known: Mapping[str, _Section]) -> list[_Section]:
    if state is None:
        return list(known.values())
    if state not in known:
        raise Rejected(f"state: not one of {', '.join(known)}")
    return [known[state]]


def _list(
    store: Store,
    table: Table,
    index: str,
    sections: Sequence[_Section],
    asked: Asked,
    shown: Callable[[Item], Item],
) -> Item:
    """A page that goes on from one section to the next."""
    names = [name for name, _ in sections]
    first, after = _opened(asked.after) if asked.after else (names[0], None)
    if first not in names:
        raise Rejected("next: not a token of this list")
    items: list[Item] = []
    for name, newest_first in sections[names.index(first) :]:
        if len(items) == asked.limit:
            return {"items": items, "next": _token(name, None)}
        rest = asked.limit - len(items)
        page = store.page(table, name, index=index, limit=rest, after=after, newest_first=newest_first)
        items += map(shown, page.items)
        if page.next:
            return {"items": items, "next": _token(name, page.next)}
        after = None
    return {"items": items, "next": None}


def _token(section: str, after: str | None) -> str:
    return base64.urlsafe_b64encode(json.dumps([section, after]).encode()).decode()


def _opened(token: str) -> tuple[str, str | None]:
    try:
        section, after = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if not isinstance(section, str) or not (after is None or isinstance(after, str)):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise Rejected("next: not a token of this list") from error
    return section, after
