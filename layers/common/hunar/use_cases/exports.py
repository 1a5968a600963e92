"""What accountants and the mission take away: the books read to their end, page by page, one group's at a time.

Only reads, and for the command line alone: each reads whole books. What moves meanwhile is in it or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hunar import tables
from hunar.domain import accounts
from hunar.domain.ledger import ARRIVED, SENT_BACK
from hunar.domain.mission_sheet import GroupRecord, HandoverRecord, PaidRecord, SaleRecord, mission_sheet
from hunar.domain.order import Order, knowledge, read
from hunar.domain.rate_card import day_of_sale
from hunar.domain.registers import Lot, TaxRow, lots, tax_register
from hunar.domain.settlement import SettlementLine, subject_of
from hunar.domain.text_ledger import beancount
from hunar.domain.workbook_file import Cell
from hunar.ports import Store
from hunar.tables import Item, Table
from hunar.use_cases.paging import pages

_BOARDS: Final = ("OPEN", "ENDED")


def registers(store: Store, month: str) -> tuple[TaxRow, ...]:
    """GST, TCS and TDS of one month of India, ``2026-11``, by marketplace and rate."""
    return tuple(row for row in tax_register(_every_entry(store)) if row.month == month)


def text_of_books(store: Store, title: str) -> str:
    """All entries of money in Beancount's format, with an assertion of every balance behind them."""
    return beancount(_every_entry(store), title=title)


def lots_now(store: Store) -> list[Lot]:
    """What is held, payable and on its way, and since when."""
    return [lot for group in _groups(store) for lot in lots(_book(store, group["group_id"]))]


@dataclass(frozen=True)
class Mission:
    """The mission officer's sheets, and what they could not know."""

    sheets: Mapping[str, Sequence[Sequence[Cell]]]
    uncounted: tuple[str, ...]
    """Groups that were paid, and nobody said how many women they are."""
    unpriced: int
    """Units that were sold, and nobody has said their price yet: they count with 0."""


def mission(store: Store, from_day: str, to_day: str) -> Mission:
    """From the first to the last day of India. ``Unknown`` when an order names a group that is not registered."""
    groups = list(_groups(store))
    paid: list[PaidRecord] = []
    late: list[Lot] = []
    for group in groups:
        book = [entry for entry in _book(store, group["group_id"]) if day_of_sale(entry["occurred_at"]) <= to_day]
        late += lots(book)
        paid += [
            PaidRecord(group["group_id"], _arrived(entry))
            for entry in book
            if entry["kind"] in (ARRIVED, SENT_BACK) and day_of_sale(entry["occurred_at"]) >= from_day
        ]
    found = _Orders(from_day, to_day)
    seen: set[str] = set()
    for state in _BOARDS:
        for item in pages(store, Table.ORDERS, state, index=tables.BOARD):
            # An order that ends while the open ones are read stands in both lists.
            if item["order_ref"] not in seen:
                seen.add(item["order_ref"])
                found.add(read(knowledge(item)))
    known = [GroupRecord(group["group_id"], group["name"], group["city"], group.get("women", 0)) for group in groups]
    sheets = mission_sheet(
        known,
        sales=found.sales,
        handovers=found.handovers,
        paid=paid,
        lots=late,
        from_day=from_day,
        to_day=to_day,
    )
    reached = {record.group_id for record in paid if record.amount_paise > 0}
    uncounted = tuple(sorted(group.group_id for group in known if not group.women and group.group_id in reached))
    return Mission(sheets, uncounted, found.unpriced)


def _arrived(entry: Item) -> int:
    """What reached the group's account, below zero what its bank returned later; 0 for what the bank rejected."""
    return -sum(int(one["amount_paise"]) for one in entry["postings"] if one["account"] == accounts.BANK)


class _Orders:
    """What orders say of sales and of punctuality in a period."""

    def __init__(self, from_day: str, to_day: str) -> None:
        self._days = from_day, to_day
        self.sales: list[SaleRecord] = []
        self.handovers: list[HandoverRecord] = []
        self.unpriced = 0

    def add(self, order: Order) -> None:
        due: dict[str, str] = {}
        for line in order.lines:
            if line.resolved is None:
                continue
            group_id = line.resolved.group_id
            if self._covers(line.sold_at):
                self.sales.append(SaleRecord(group_id, line.kept, line.kept * (line.unit_price_paise or 0)))
                self.unpriced += line.kept if line.unit_price_paise is None else 0
            # What the marketplace ships itself, and what may not be handed over yet, is late through no group's fault.
            if line.ours and line.open > line.held and line.ship_by:
                due[group_id] = min(due.get(group_id, line.ship_by), line.ship_by)
        self.handovers += [
            HandoverRecord(group_id, ship_by, order.left_at)
            for group_id, ship_by in due.items()
            if self._covers(ship_by)
        ]

    def _covers(self, at: str) -> bool:
        first, last = self._days
        return first <= day_of_sale(at) <= last


def _groups(store: Store) -> Iterator[Item]:
    return pages(store, Table.REGISTRY, tables.group("").pk)


def _book(store: Store, group_id: str) -> Iterator[Item]:
    return pages(store, Table.LEDGER, tables.book_of(group_id), prefix=tables.BOOK_ENTRIES)


def _every_entry(store: Store) -> Iterator[Item]:
    """Of all groups' books, and of what concerns the agency alone: it stands with what a settlement was about."""
    for group in _groups(store):
        yield from _book(store, group["group_id"])
    subjects: set[str] = set()
    for header in pages(store, Table.LEDGER, tables.SETTLEMENTS):
        partition = tables.settlement_partition(header["marketplace"], header["account"], header["settlement_id"])
        for line in pages(store, Table.LEDGER, partition, index=tables.SETTLED):
            subjects.add(subject_of(SettlementLine.of_item(line)))
    subjects.add(tables.BANK)
    for subject in sorted(subjects):
        yield from pages(store, Table.LEDGER, subject, prefix=tables.BOOK_ENTRIES)
