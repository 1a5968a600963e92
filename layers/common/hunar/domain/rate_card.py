"""Rate cards: dated rows of data that say what a marketplace, the state and the agency take.

A row holds from its first day, inclusive, to its last, exclusive. The day of sale in India (IST)
decides every rate of a line. A product code (HSN) and a price can narrow a row down; the row with
the longest matching HSN prefix wins. There is exactly one such row or there is an error: a gap or
an overlap never becomes a zero. A fee that is not charged is a row with the value 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta, timezone
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from hunar.domain.facts import moment
from hunar.domain.money import rupees

Item = dict[str, Any]

GOVERNMENT: Final = "government"
AGENCY: Final = "agency"

OUTPUT_GST: Final = "output_gst"
GST_ON_FEES: Final = "gst_on_fees"
TCS: Final = "tcs"
TDS: Final = "tds"
AGENCY_FEE: Final = "agency_fee"
PIECE_SHARE: Final = "piece_share"
CREDITS_OWNER: Final = "credits_owner"

IST: Final = timezone(timedelta(hours=5, minutes=30))
_NEVER: Final = "9999-99-99"
_ANY_PRICE: Final = 10**15


class Basis(StrEnum):
    """What a row's value is taken of. ``ppm_…`` values are parts per million, ``fixed_…`` values paise."""

    PPM_OF_PRICE = "ppm_of_price"
    """The price of all units of the line with tax, rounded once."""
    PPM_OF_UNIT_PRICE = "ppm_of_unit_price"
    """The price of one unit with tax, rounded for each unit."""
    PPM_OF_TAXABLE = "ppm_of_taxable"
    """The price of all units less output GST."""
    PPM_OF_FEES = "ppm_of_fees"
    """The sum of the marketplace's fees, rounded once (not fee by fee)."""
    PPM_OF_NET = "ppm_of_net"
    """The taxable value less the marketplace's fees; nothing when that is negative."""
    PPM_OF_PIECE_PRICE = "ppm_of_piece_price"
    """The group's piece price times units."""
    PPM_OF_CREDITS = "ppm_of_credits"
    """GST on fees, TCS and TDS together: what the seller of record gets back from the state."""
    FIXED_PER_UNIT = "fixed_per_unit"
    FIXED_PER_LINE = "fixed_per_line"


_FEE: Final = frozenset(
    {Basis.PPM_OF_PRICE, Basis.PPM_OF_UNIT_PRICE, Basis.PPM_OF_TAXABLE, Basis.FIXED_PER_UNIT, Basis.FIXED_PER_LINE}
)
_WITHHELD: Final = frozenset({Basis.PPM_OF_TAXABLE, Basis.PPM_OF_PRICE})
_BASES: Final[Mapping[str, Mapping[str, frozenset[Basis]]]] = {
    GOVERNMENT: {
        OUTPUT_GST: frozenset({Basis.PPM_OF_TAXABLE}),
        GST_ON_FEES: frozenset({Basis.PPM_OF_FEES}),
        TCS: _WITHHELD,
        TDS: _WITHHELD,
    },
    AGENCY: {
        AGENCY_FEE: _FEE | {Basis.PPM_OF_NET},
        PIECE_SHARE: frozenset({Basis.PPM_OF_PIECE_PRICE}),
        CREDITS_OWNER: frozenset({Basis.PPM_OF_CREDITS}),
    },
}
"""The codes of the two scopes that the program itself knows. In a marketplace's scope every code is a fee."""


class FieldError(Exception):
    """A field of a rate row cannot be read. ``field`` is its column, ``message`` is for the person who typed it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Unpriced(Exception):
    """What a line should bring cannot be worked out. The text is for an operator."""


class RateGap(Unpriced):
    """No row holds on that day for that product and price."""


class RateOverlap(Unpriced):
    """Several rows hold and none is narrower than the others."""


@dataclass(frozen=True)
class Row:
    """One dated rate. Dates are ISO days in India, prices paise."""

    row_id: str
    scope: str
    code: str
    first_day: str
    end_day: str
    """The first day on which the row no longer holds."""
    basis: Basis
    value: int
    """Parts per million or paise, as the basis says."""
    hsn: str
    """A prefix of the product's tax code; empty for every product."""
    price_from: int
    price_to: int
    """The price of one unit with tax is in the row's slab from ``price_from``, inclusive, to this, exclusive."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Row:
        """The row of a registry item, as ``row_from_csv`` makes them."""
        return cls(
            row_id=item["row_id"],
            scope=item["scope"],
            code=item["code"],
            first_day=item["from"],
            end_day=item["to"] or _NEVER,
            basis=Basis(item["basis"]),
            value=int(item["value"]),
            hsn=item["hsn"],
            price_from=int(item["price_from"]),
            price_to=_ANY_PRICE if item["price_to"] is None else int(item["price_to"]),
        )

    def holds(self, day: str, hsn: str, unit_price_paise: int) -> bool:
        return (
            self.first_day <= day < self.end_day
            and hsn.startswith(self.hsn)
            and self.price_from <= unit_price_paise < self.price_to
        )

    def meets(self, other: Row) -> bool:
        """Whether some sale would find both with equal right."""
        return (
            (self.scope, self.code, self.hsn) == (other.scope, other.code, other.hsn)
            and self.first_day < other.end_day
            and other.first_day < self.end_day
            and self.price_from < other.price_to
            and other.price_from < self.price_to
        )

    def content(self) -> dict[str, Any]:
        """What the amounts of a line hang on."""
        return asdict(self)


class RateCard:
    """The rows of some scopes, asked by the day of sale."""

    def __init__(self, items: Iterable[Mapping[str, Any]]) -> None:
        self._rows = [Row.of(item) for item in items]

    def codes(self, scope: str) -> tuple[str, ...]:
        """Every code that a scope has ever used, sorted. All of them are asked for on every day."""
        return tuple(sorted({row.code for row in self._rows if row.scope == scope}))

    def row(self, scope: str, code: str, *, day: str, hsn: str, unit_price_paise: int) -> Row:
        """The one row that decides. Raises RateGap or RateOverlap."""
        found = [
            row
            for row in self._rows
            if (row.scope, row.code) == (scope, code) and row.holds(day, hsn, unit_price_paise)
        ]
        longest = max((len(row.hsn) for row in found), default=0)
        narrowest = [row for row in found if len(row.hsn) == longest]
        asked = f"{scope} {code} on {day} for HSN {hsn} at {rupees(unit_price_paise)}"
        if not narrowest:
            raise RateGap(f"no rate: {asked}")
        if len(narrowest) > 1:
            raise RateOverlap(f"several rates ({', '.join(sorted(row.row_id for row in narrowest))}): {asked}")
        return narrowest[0]


def day_of_sale(sold_at: str) -> str:
    """The day in India on which something was sold: it decides every rate of the line."""
    return moment(sold_at).astimezone(IST).date().isoformat()


# ── import ───────────────────────────────────────────────────────────────────────────────────────


def row_from_csv(record: Mapping[str, Any]) -> Item:
    """A line of ``rates.csv`` as registry item. Raises FieldError.

    Columns: row_id, scope, code, from, to, basis, value, hsn, price_from, price_to, source, note.
    """
    text = {name: str(value).strip() for name, value in record.items() if value is not None}
    scope = _matching(text, "scope", r"[a-z][a-z0-9_-]{0,39}", "a marketplace's name, government or agency")
    code = _matching(text, "code", r"[a-z][a-z0-9_]{0,39}", "small letters and underscores, e.g. fixed_fee")
    basis = _basis(text, scope, code)
    value = _whole(text, "value", "a whole number: parts per million (2 % is 20000) or paise")
    if basis.startswith("ppm_") and value > 1_000_000:
        raise FieldError("value", f"{value} parts per million are more than the whole; 2 % is 20000")
    first_day, end_day = _day(text, "from"), _day(text, "to") if text.get("to") else None
    if end_day is not None and end_day <= first_day:
        raise FieldError("to", f"must be after {first_day}: it is the first day on which the row no longer holds")
    price_from = _whole(text, "price_from", "whole paise") if text.get("price_from") else 0
    price_to = _whole(text, "price_to", "whole paise") if text.get("price_to") else None
    if price_to is not None and price_to <= price_from:
        raise FieldError("price_to", f"must be above {price_from}: it is the first price outside of the slab")
    return {
        "row_id": _matching(text, "row_id", r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", "letters, digits, dot and dash"),
        "scope": scope,
        "code": code,
        "from": first_day,
        "to": end_day,
        "basis": str(basis),
        "value": value,
        "hsn": _matching(text, "hsn", r"[0-9]{2,8}", "2 to 8 digits, or empty") if text.get("hsn") else "",
        "price_from": price_from,
        "price_to": price_to,
        "source": _matching(text, "source", r".{1,200}", "who says so, e.g. Notification 13/2025-CT(R)"),
        "note": text.get("note", ""),
    }


def _matching(text: Mapping[str, str], field: str, pattern: str, wanted: str) -> str:
    value = text.get(field, "")
    if not re.fullmatch(pattern, value):
        raise FieldError(field, f"{value!r} is not {wanted}" if value else f"is missing: {wanted}")
    return value


def _whole(text: Mapping[str, str], field: str, wanted: str) -> int:
    return int(_matching(text, field, r"[0-9]{1,12}", wanted))


def _day(text: Mapping[str, str], field: str) -> str:
    value = _matching(text, field, r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day like 2026-04-01")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise FieldError(field, f"{value} is no day of the calendar") from None


def _basis(text: Mapping[str, str], scope: str, code: str) -> Basis:
    codes = _BASES.get(scope)
    if codes is not None and code not in codes:
        raise FieldError("code", f"{code!r} is unknown in {scope}; known are {', '.join(sorted(codes))}")
    allowed = codes[code] if codes is not None else _FEE
    value = text.get("basis", "")
    if value not in set(allowed):
        raise FieldError("basis", f"{value!r} does not fit {scope} {code}; it can be {', '.join(sorted(allowed))}")
    return Basis(value)


def check(rows: Sequence[tuple[int, Item]]) -> list[tuple[int, str, str]]:
    """What is wrong with the rows of a file taken together: (row number, column, message), by row number.

    Looks for row ids that stand twice, overlaps, and gaps: between the days and between the prices
    that a code's rows span, up to the last day that its scope spans; and in a marketplace's or the
    agency's card from the first day of the card, because every fee of a card is asked for every day.
    """
    read = [(number, Row.of(item)) for number, item in rows]
    problems = []
    first_with: dict[str, int] = {}
    for place, (number, row) in enumerate(read):
        if row.row_id in first_with:
            problems.append((number, "row_id", f"{row.row_id} stands in row {first_with[row.row_id]} already"))
        first_with.setdefault(row.row_id, number)
        for other_number, other in read[:place]:
            if row.meets(other):
                column = "price_from" if row.first_day == other.first_day and row.end_day == other.end_day else "from"
                problems.append((number, column, f"overlaps {other.row_id} in row {other_number}"))
    for scope, code, hsn in sorted({(row.scope, row.code, row.hsn) for _, row in read}):
        problems += _gaps([(number, row) for number, row in read if row.scope == scope], code, hsn)
    return sorted(problems)


def _gaps(scope: Sequence[tuple[int, Row]], code: str, hsn: str) -> list[tuple[int, str, str]]:
    """The days and prices for which a product of this HSN finds no row, one problem per row that should reach them."""
    own = [(number, row) for number, row in scope if (row.code, row.hsn) == (code, hsn)]
    able = [row for _, row in scope if row.code == code and hsn.startswith(row.hsn)]
    whole_card = not hsn and own[0][1].scope != GOVERNMENT
    first = min(row.first_day for _, row in (scope if whole_card else own))
    last = max(row.end_day for _, row in scope)
    days = sorted({first, last} | {day for row in able for day in (row.first_day, row.end_day) if first < day < last})
    prices = sorted({0, _ANY_PRICE} | {price for row in able for price in (row.price_from, row.price_to)})
    found: dict[tuple[int, str], tuple[int, str, str]] = {}
    for day, next_day in pairwise(days):
        for price, next_price in pairwise(prices):
            # A cell between neighbouring edges is covered wholly or not at all, so its corner speaks for it.
            if any(row.holds(day, hsn, price) for row in able):
                continue
            number, column = _beside(own, day, next_day, price)
            until = "" if next_day == _NEVER else f" until {next_day}"
            found.setdefault(
                (number, column),
                (
                    number,
                    column,
                    f"gap: no {code} from {day}{until}{_slab(price, next_price)}; "
                    "a fee that is not charged is a row with the value 0",
                ),
            )
    return list(found.values())


def _slab(price: int, next_price: int) -> str:
    above = f" from {rupees(price)}" if price else ""
    return above + (f" below {rupees(next_price)}" if next_price != _ANY_PRICE else "")


def _beside(own: Sequence[tuple[int, Row]], day: str, next_day: str, price: int) -> tuple[int, str]:
    """The row next to a gap and its column that does not reach far enough."""
    for number, row in own:
        if row.first_day <= day < row.end_day:
            return number, "price_to" if row.price_to <= price else "price_from"
    for number, row in own:
        if row.end_day == day:
            return number, "to"
    return next(((number, "from") for number, row in own if row.first_day == next_day), (own[0][0], "to"))
