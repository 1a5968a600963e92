"""Rate cards: dated rows of data that say what a marketplace and the state take.

A row holds from its first day, inclusive, to its last, exclusive; which day of a sale counts, the row
says. A product code (HSN), slabs of price and weight, and what is known of sale and seller narrow a
row down, and the narrowest wins. There is exactly one such row or there is an error: a gap or an
overlap never becomes a zero. A fee that is not charged is a row with the value 0.

One row is in ``rate_row``, its file in ``rate_file``, what is wrong with a whole card in
``rate_checks``, and what a card makes of a sale in ``fees``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from typing import Any, Final

from hunar.domain.facts import moment
from hunar.domain.money import rupees
from hunar.domain.rate_checks import check
from hunar.domain.rate_file import FieldError, row_from_csv
from hunar.domain.rate_row import (
    GOVERNMENT,
    GST_ON_FEES,
    NARROWING,
    OUTPUT_GST,
    TCS,
    TDS,
    Basis,
    DateBasis,
    Item,
    Row,
    Traits,
)

__all__ = [
    "GOVERNMENT",
    "GST_ON_FEES",
    "IST",
    "OUTPUT_GST",
    "TCS",
    "TDS",
    "Basis",
    "Dates",
    "DateUnknown",
    "FieldError",
    "Item",
    "RateCard",
    "RateGap",
    "RateOverlap",
    "Row",
    "Traits",
    "Unpriced",
    "check",
    "day_of_sale",
    "row_from_csv",
]

IST: Final = timezone(timedelta(hours=5, minutes=30))


class Unpriced(Exception):
    """What a line should bring cannot be worked out. The text is for an operator."""


class RateGap(Unpriced):
    """No row holds on that day for that product, price and weight."""


class RateOverlap(Unpriced):
    """Several rows hold and none is narrower than the others."""


class DateUnknown(Unpriced):
    """The day by which the rate goes has not come, or nobody has told it."""


@dataclass(frozen=True)
class Dates:
    """The days of a sale, ISO days in India. None: not known."""

    order: str | None = None
    dispatch: str | None = None
    delivery: str | None = None
    credit: str | None = None

    @classmethod
    def on(cls, day: str) -> Dates:
        """A sale all of whose days are one, as a preview takes it."""
        return cls(day, day, day, day)

    @classmethod
    def of(
        cls, *, ordered: str, dispatched: str | None = None, delivered: str | None = None, credited: str | None = None
    ) -> Dates:
        """The days in India of moments (RFC 3339)."""
        days = [day_of_sale(at) if at else None for at in (ordered, dispatched, delivered, credited)]
        return cls(*days)

    def expected(self) -> Dates:
        """What has not come yet is taken to come on the latest day that is known: for a preview, not for money."""
        filled, latest = self, self.order
        for name in (DateBasis.DISPATCH, DateBasis.DELIVERY, DateBasis.CREDIT):
            latest = getattr(self, name) or latest
            filled = replace(filled, **{name: latest})
        return filled

    def day(self, basis: DateBasis) -> str:
        """The day by which a row goes. Raises DateUnknown."""
        name = DateBasis.DISPATCH if basis is DateBasis.MONTH else basis
        day: str | None = getattr(self, name)
        if day is None:
            raise DateUnknown(f"the day of {name} is not known, by which the rate goes")
        return f"{day[:8]}01" if basis is DateBasis.MONTH else day


class RateCard:
    """The rows of some scopes, asked by the days of a sale."""

    def __init__(self, items: Iterable[Mapping[str, Any]]) -> None:
        self._rows: dict[tuple[str, str], list[Row]] = {}
        for row in map(Row.of, items):
            self._rows.setdefault((row.scope, row.code), []).append(row)

    def codes(self, scope: str) -> tuple[str, ...]:
        """Every code that a scope has ever used, sorted. All of them are asked for on every day."""
        return tuple(sorted(code for known, code in self._rows if known == scope))

    def rows(self, scope: str, code: str) -> tuple[Row, ...]:
        return tuple(self._rows.get((scope, code), ()))

    def row(self, scope: str, code: str, *, day: str, hsn: str, unit_price_paise: int) -> Row:
        """The one row that decides about a sale of which no more is known. Raises RateGap or RateOverlap."""
        return self.resolve(scope, code, Traits(hsn), Dates.on(day), unit_price_paise)

    def resolve(self, scope: str, code: str, traits: Traits, dates: Dates, unit_price_paise: int) -> Row:
        """The one row that decides. Raises RateGap, RateOverlap or DateUnknown."""
        rows = self.rows(scope, code)
        fitting = [row for row in rows if row.fits(traits)]
        found = [row for row in fitting if row.covers(dates.day(row.date_basis), unit_price_paise, traits.weight_grams)]
        top = max((row.rank for row in found), default=None)
        equal = [row for row in found if row.rank == top]
        # Of rows that are narrowed by the same columns the longer HSN decides.
        longest: dict[tuple[str, ...], int] = {}
        for row in equal:
            longest[row.narrowed_by] = max(len(row.hsn), longest.get(row.narrowed_by, 0))
        narrowest = [row for row in equal if len(row.hsn) == longest[row.narrowed_by]]
        if len(narrowest) == 1:
            return narrowest[0]
        day = dates.day(rows[0].date_basis if rows else DateBasis.ORDER)
        weighed = any(row.weighed for row in fitting)
        known = _known(traits, weighed=weighed)
        asked = f"{scope} {code} on {day} for HSN {traits.hsn} at {rupees(unit_price_paise)}{known}"
        if not narrowest:
            raise RateGap(f"no rate: {asked}")
        raise RateOverlap(f"several rates ({', '.join(sorted(row.row_id for row in narrowest))}): {asked}")


def _known(traits: Traits, *, weighed: bool) -> str:
    told = []
    if weighed:
        told.append("weight not known" if traits.weight_grams is None else f"{traits.weight_grams} g")
    told += [f"{name} {getattr(traits, name)}" for name in NARROWING if name != "seller_id" and getattr(traits, name)]
    return "".join(f", {words}" for words in told)


def day_of_sale(sold_at: str) -> str:
    """The day in India of a moment. Unless a row says otherwise, the day of sale decides its rate."""
    return moment(sold_at).astimezone(IST).date().isoformat()
