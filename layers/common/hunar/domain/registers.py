"""What the agency's accountant asks for: taxes by month, how old unpaid money is, and whom it is owed to.

Read from the stored entries of all books. A month is one of India, and an entry is in the month in which what it books
happened; a correction is in its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hunar.domain import accounts
from hunar.domain.ledger import EXPECTED, PAID_OUT, SENT_BACK, payable_from
from hunar.domain.rate_card import day_of_sale

GONE_15_DAYS: Final = 15
"""Days after which money that is payable or on its way should have reached the group."""
BUCKETS: Final = ((0, 7), (8, 15), (16, 30), (31, 60), (61, None))
"""Ages in days, first and last; None without an end."""


# ── taxes ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, order=True)
class TaxRow:
    """One month of one marketplace and one rate row of output GST. Paise; below zero where more came back than went.

    What was withheld has no rate row and stands in a row whose ``rate_row`` is empty.
    """

    month: str
    marketplace: str
    rate_row: str
    gross_paise: int = 0
    """What buyers paid, with tax."""
    output_gst_paise: int = 0
    gst_on_fees_paise: int = 0
    tcs_paise: int = 0
    tds_paise: int = 0

    @property
    def taxable_paise(self) -> int:
        return self.gross_paise - self.output_gst_paise


_COLUMNS: Final = ("gross_paise", "output_gst_paise", "gst_on_fees_paise", "tcs_paise", "tds_paise")
_WITHHELD: Final = {
    accounts.GST_INPUT_FEES: "gst_on_fees_paise",
    accounts.TCS_RECEIVABLE: "tcs_paise",
    accounts.TDS_RECEIVABLE: "tds_paise",
}


def tax_register(entries: Iterable[Mapping[str, Any]]) -> tuple[TaxRow, ...]:
    """GST, TCS and TDS by month, marketplace and rate, sorted. Memo entries are left out."""
    sums: dict[tuple[str, str, str], dict[str, int]] = {}

    def add(key: tuple[str, str, str], column: str, paise: int) -> None:
        of = sums.setdefault(key, {})
        of[column] = of.get(column, 0) + paise

    for entry in entries:
        if entry["kind"] == EXPECTED:
            continue
        month, marketplace = day_of_sale(entry["occurred_at"])[:7], _marketplace(entry)
        for posting in entry["postings"]:
            account, row, paise = posting["account"], posting["rate_row"], int(posting["amount_paise"])
            if account in _WITHHELD:
                add((month, marketplace, ""), _WITHHELD[account], paise)
            elif account == accounts.OUTPUT_GST:
                add((month, marketplace, row), "output_gst_paise", -paise)
            elif account.startswith("marketplace_receivable:") and not row.startswith("settlement"):
                add((month, marketplace, row), "gross_paise", paise)
    rows = (
        TaxRow(*key, *(columns.get(name, 0) for name in _COLUMNS))
        for key, columns in sums.items()
        if any(columns.values())
    )
    return tuple(sorted(rows))


def _marketplace(entry: Mapping[str, Any]) -> str:
    """Of the entry's money; of a part of a larger entry that has none on a marketplace's account, of its order."""
    for posting in entry["postings"]:
        name, *parts = posting["account"].split(":")
        if name == "marketplace_receivable":
            return str(parts[0])
    return str(entry["order_ref"] or "").partition(":")[0]


# ── how old money is ─────────────────────────────────────────────────────────────────────────────

HELD: Final = "held"
PAYABLE: Final = "payable"
ON_THE_WAY: Final = "on_the_way"


@dataclass(frozen=True, order=True)
class Lot:
    """Money of one group that stands somewhere since a day of India. What the bank sent back keeps its first day."""

    group_id: str
    where: str
    """HELD, PAYABLE or ON_THE_WAY."""
    since: str
    order_ref: str
    line_id: str
    amount_paise: int


@dataclass(frozen=True)
class Aged:
    """What of one group stands in one place, by age."""

    group_id: str
    where: str
    paise: tuple[int, ...]
    """By BUCKETS."""

    @property
    def total_paise(self) -> int:
        return sum(self.paise)


class _Pile:
    """Money in one place, oldest first."""

    def __init__(self) -> None:
        self._lots: deque[tuple[str, str, str, int]] = deque()

    def put(self, since: str, order_ref: str, line_id: str, paise: int) -> None:
        self._lots.append((since, order_ref, line_id, paise))
        self._lots = deque(sorted(self._lots))

    def take(self, paise: int, of: tuple[str, str] | None = None) -> list[tuple[str, str, str, int]]:
        """The oldest first, of one order line only if it is given and has so much. What is not there is not taken."""
        taken: list[tuple[str, str, str, int]] = []
        kept: list[tuple[str, str, str, int]] = []
        for since, order_ref, line_id, there in self._lots:
            part = min(paise, there) if of in (None, (order_ref, line_id)) else 0
            paise -= part
            if part:
                taken.append((since, order_ref, line_id, part))
            if there > part:
                kept.append((since, order_ref, line_id, there - part))
        self._lots = deque(kept)
        return taken if not (paise and of) else taken + self.take(paise)

    def lots(self, group_id: str, where: str) -> Iterable[Lot]:
        return (Lot(group_id, where, *lot) for lot in self._lots)


def lots(entries: Iterable[Mapping[str, Any]]) -> tuple[Lot, ...]:
    """What is held, payable and on its way now, and since when, from the entries of one or more books.

    A line's money is taken from its own; a payout takes all, and what recovers a debt is the oldest.
    """
    found: list[Lot] = []
    books: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        if entry["kind"] != EXPECTED and entry["group_id"]:
            books.setdefault(entry["group_id"], []).append(entry)
    for group_id, book in sorted(books.items()):
        found += _lots(group_id, sorted(book, key=lambda one: int(one["seq"])))
    return tuple(sorted(found))


def _lots(group_id: str, book: Iterable[Mapping[str, Any]]) -> Iterable[Lot]:
    held, payable = _Pile(), _Pile()
    on_the_way: dict[str, _Pile] = {}
    arrived: dict[str, list[tuple[str, str, str, int]]] = {}
    for entry in book:
        day = day_of_sale(payable_from(entry["kind"], entry["source"], entry["occurred_at"]))
        batch = str(entry["source"].get("batch", ""))
        line = (entry["order_ref"] or "", entry["line_id"] or "")
        moved: dict[str, int] = {}
        for posting in entry["postings"]:
            if accounts.group_of(posting["account"]) == group_id:
                name = accounts.parse(posting["account"]).name
                moved[name] = moved.get(name, 0) - int(posting["amount_paise"])
        transit = on_the_way.setdefault(batch, _Pile())
        if entry["kind"] == PAID_OUT:
            sent = moved.get("payout_in_transit", 0)
            payable.take(-moved.get("group_payable", 0) - sent)
            for lot in payable.take(sent):
                transit.put(*lot)
        elif entry["kind"] == SENT_BACK:
            back = moved.get("group_payable", 0)
            taken = transit.take(-moved.get("payout_in_transit", 0)) or arrived.pop(batch, [])
            # What the bank had paid twice was a debt, and none of it is payable now.
            of_its_own = sum(lot[-1] for lot in taken) == back
            for lot in taken if of_its_own else [(day, "", "", back)] if back else []:
                payable.put(*lot)
        elif moved.get("payout_in_transit", 0) < 0:
            arrived[batch] = transit.take(-moved["payout_in_transit"])
        else:
            for pile, name in ((held, "group_held"), (payable, "group_payable")):
                paise = moved.get(name, 0)
                if paise > 0:
                    pile.put(day, *line, paise)
                elif paise < 0:
                    pile.take(-paise, line)
    yield from held.lots(group_id, HELD)
    yield from payable.lots(group_id, PAYABLE)
    for _, pile in sorted(on_the_way.items()):
        yield from pile.lots(group_id, ON_THE_WAY)


def days_old(lot: Lot, today: str) -> int:
    """Days since the money stands where it stands; 0 for what is dated later than ``today``."""
    return max((date.fromisoformat(today) - date.fromisoformat(lot.since)).days, 0)


def ageing(found: Iterable[Lot], today: str) -> tuple[Aged, ...]:
    """By group and place, sorted. ``today`` is a day of India."""
    sums: dict[tuple[str, str], list[int]] = {}
    for lot in found:
        of = sums.setdefault((lot.group_id, lot.where), [0] * len(BUCKETS))
        age = days_old(lot, today)
        of[next(n for n, (_, last) in enumerate(BUCKETS) if last is None or age <= last)] += lot.amount_paise
    return tuple(Aged(*key, tuple(paise)) for key, paise in sorted(sums.items()))


def unpaid_over(found: Iterable[Lot], today: str, days: int = GONE_15_DAYS) -> tuple[Lot, ...]:
    """What is payable or on its way and has not arrived after so many days, the oldest first."""
    late = (lot for lot in found if lot.where != HELD and days_old(lot, today) > days)
    return tuple(sorted(late, key=lambda lot: (lot.since, lot)))
