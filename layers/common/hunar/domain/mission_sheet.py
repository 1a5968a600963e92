"""The mission officer's sheet: what her groups sold, who sold nothing, who was paid, and who waits too long.

From plain records to the rows of a workbook. Nothing of a person is in it: no member, no contact, no account, no buyer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hunar.domain.money import Rupees, half_up
from hunar.domain.registers import GONE_15_DAYS, Lot, days_old, unpaid_over
from hunar.domain.workbook_file import Cell

ALL_CITIES: Final = "all cities"


@dataclass(frozen=True)
class GroupRecord:
    """A group as the mission knows it."""

    group_id: str
    name: str
    city: str
    women: int
    """Its members. Not below 0."""


@dataclass(frozen=True)
class SaleRecord:
    """Units of one order line that stayed sold in the period, and what buyers paid for them, with tax."""

    group_id: str
    units: int
    amount_paise: int


@dataclass(frozen=True)
class HandoverRecord:
    """An order of a group that was due in the period, and when it was handed over; None while it was not."""

    group_id: str
    due_at: str
    handed_over_at: str | None
    """Both in UTC, as facts write them."""

    @property
    def on_time(self) -> bool:
        return self.handed_over_at is not None and self.handed_over_at <= self.due_at


@dataclass(frozen=True)
class PaidRecord:
    """What arrived in a group's account in the period."""

    group_id: str
    amount_paise: int


class Unknown(ValueError):
    """A record of a group that is not among the groups."""


def mission_sheet(
    groups: Iterable[GroupRecord],
    *,
    sales: Iterable[SaleRecord],
    handovers: Iterable[HandoverRecord],
    paid: Iterable[PaidRecord],
    lots: Iterable[Lot],
    from_day: str,
    to_day: str,
) -> Mapping[str, Sequence[Sequence[Cell]]]:
    """The sheets by name. ``from_day`` and ``to_day`` are the first and the last day of India that the records cover;
    unpaid money is as old as it is on the last one. Raises Unknown."""
    known = {group.group_id: group for group in groups}
    ordered = sorted(known.values(), key=lambda group: (group.city, group.group_id))
    sums = {group.group_id: _Sums() for group in ordered}

    def of(group_id: str) -> _Sums:
        if group_id not in sums:
            raise Unknown(f"{group_id} is not among the groups")
        return sums[group_id]

    for sale in sales:
        of(sale.group_id).units += sale.units
        of(sale.group_id).sold += sale.amount_paise
    for handover in handovers:
        of(handover.group_id).due += 1
        of(handover.group_id).on_time += handover.on_time
    for payment in paid:
        of(payment.group_id).paid += payment.amount_paise
    late = unpaid_over(lots, to_day)
    for lot in late:
        of(lot.group_id).late += lot.amount_paise
        of(lot.group_id).oldest = max(of(lot.group_id).oldest, days_old(lot, to_day))
    for group in ordered:
        sums[group.group_id].women = group.women if sums[group.group_id].paid > 0 else 0

    cities: dict[str, list[GroupRecord]] = {}
    for group in ordered:
        cities.setdefault(group.city, []).append(group)
    by_city = {city: _added(sums[group.group_id] for group in of_city) for city, of_city in cities.items()}
    whole = _added(by_city.values())
    silent = [group for group in ordered if sums[group.group_id].units <= 0]
    return {
        "Summary": [
            ["What", "Value"],
            ["From", from_day],
            ["To", to_day],
            ["Groups", len(ordered)],
            ["Groups without sales", len(silent)],
            ["Units sold", whole.units],
            ["Sales with tax, Rs", Rupees(whole.sold)],
            ["Women in groups that were paid", whole.women],
            ["Paid into groups' accounts, Rs", Rupees(whole.paid)],
            [f"Unpaid for more than {GONE_15_DAYS} days, Rs", Rupees(whole.late)],
            ["Orders due", whole.due],
            ["Handed over on time", whole.on_time],
            ["On time, %", _percent(whole)],
        ],
        "Cities": [
            ["City", "Groups", *_COLUMNS],
            *(_row(city, len(cities[city]), *_cells(by_city[city])) for city in cities),
            [ALL_CITIES, len(ordered), *_cells(whole)],
        ],
        "Groups": [
            ["City", "Group", "Name", *_COLUMNS],
            *(_row(group.city, group.group_id, group.name, *_cells(sums[group.group_id])) for group in ordered),
        ],
        "Without sales": [
            ["City", "Group", "Name"],
            *(_row(group.city, group.group_id, group.name) for group in silent),
        ],
        "Unpaid": [
            ["City", "Group", "Name", f"Unpaid for more than {GONE_15_DAYS} days, Rs", "Oldest, days"],
            *(
                _row(group.city, group.group_id, group.name, Rupees(of(group.group_id).late), of(group.group_id).oldest)
                for group in ordered
                if of(group.group_id).late
            ),
        ],
    }


_COLUMNS: Final = (
    *("Units sold", "Sales with tax, Rs", "Women paid", "Paid, Rs", f"Unpaid over {GONE_15_DAYS} days, Rs"),
    *("Orders due", "On time", "On time, %"),
)


@dataclass
class _Sums:
    units: int = 0
    sold: int = 0
    due: int = 0
    on_time: int = 0
    paid: int = 0
    late: int = 0
    oldest: int = 0
    women: int = 0


def _added(parts: Iterable[_Sums]) -> _Sums:
    whole = _Sums()
    for part in parts:
        whole.units += part.units
        whole.sold += part.sold
        whole.due += part.due
        whole.on_time += part.on_time
        whole.paid += part.paid
        whole.late += part.late
        whole.women += part.women
        whole.oldest = max(whole.oldest, part.oldest)
    return whole


def _row(*cells: Cell) -> list[Cell]:
    return list(cells)


def _cells(sums: _Sums) -> list[Cell]:
    amounts = (Rupees(sums.paid), Rupees(sums.late))
    return [sums.units, Rupees(sums.sold), sums.women, *amounts, sums.due, sums.on_time, _percent(sums)]


def _percent(sums: _Sums) -> int | None:
    """Whole per cent; nothing where nothing was due."""
    return half_up(100 * sums.on_time, sums.due) if sums.due else None
