"""One dated rate: what it is taken of, when and for whom it holds, and how narrow it is.

Every edge of a slab is a whole number of paise or grams, so "above 300 and up to 500" and "from 300.01
and below 500.01" are the same slab. A row keeps the second form: from inclusive, to exclusive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Any, Final

Item = dict[str, Any]

GOVERNMENT: Final = "government"
AGENCY: Final = "agency"
"""A scope of former times: what the agency takes is what each group resolved, and rows of it are refused."""

OUTPUT_GST: Final = "output_gst"
GST_ON_FEES: Final = "gst_on_fees"
TCS: Final = "tcs"
TDS: Final = "tds"

NEVER: Final = "9999-99-99"
ANY_PRICE: Final = 10**15
ANY_WEIGHT: Final = 10**9


class Basis(StrEnum):
    """What a row's value is taken of. ``ppm_…`` values are parts per million, ``fixed_…`` values paise."""

    PPM_OF_PRICE = "ppm_of_price"
    """The price of all units of the line with tax, rounded once."""
    PPM_OF_UNIT_PRICE = "ppm_of_unit_price"
    """The price of one unit with tax, rounded for each unit."""
    PPM_OF_ORDER_ITEM_VALUE = "ppm_of_order_item_value"
    """The price of all units and the shipping that the buyer paid, less the seller's own discount."""
    PPM_OF_TAXABLE = "ppm_of_taxable"
    """The price of all units less output GST."""
    PPM_OF_FEES = "ppm_of_fees"
    """The sum of the marketplace's fees, rounded once (not fee by fee)."""
    PPM_OF_FEE = "ppm_of_fee"
    """One other fee of the marketplace, which the row's ``of_fee`` names."""
    FIXED_PER_UNIT = "fixed_per_unit"
    FIXED_PER_LINE = "fixed_per_line"


class DateBasis(StrEnum):
    """The day that decides whether a row holds, in India."""

    ORDER = "order"
    DISPATCH = "dispatch"
    DELIVERY = "delivery"
    CREDIT = "credit"
    """The day on which the marketplace credits or pays the seller, whichever is earlier."""
    MONTH = "month"
    """The first day of the month of dispatch: for what a month has as a whole, such as a seller's tier."""


class RoundAt(StrEnum):
    """Where an amount becomes whole paise."""

    LINE = "line"
    """Once for each line; of GST on fees: for each fee."""
    SUM = "sum"
    """Once, on the sum of the fees."""
    HALF = "half"
    """As CGST and SGST, each rounded; once when the sale is known to cross a State's border (IGST)."""


class Outcome(StrEnum):
    """What became of a unit that was ordered. A row says on which of them it is charged."""

    SALE = "sale"
    """It was sold and kept."""
    CANCELLATION = "cancellation"
    """It was cancelled before it left."""
    COURIER_RETURN = "courier_return"
    """It came back without having reached the buyer (RTO)."""
    CUSTOMER_RETURN = "customer_return"
    """The buyer sent it back."""


class RefundRatio(StrEnum):
    """How a fee follows when a part of the money is given back and the goods stay with the buyer."""

    EXACT = "exact"
    WHOLE_PERCENT = "whole_percent"
    """The refunded part of the price cut to whole per cent, as some marketplaces print it."""


TAX_STATUSES: Final = ("no_pan", "composition", "unregistered")
"""What the seller of record can be for the state besides a registered seller with a PAN."""
PAYMENTS: Final = ("prepaid", "postpaid")


@dataclass(frozen=True)
class Traits:
    """What of a sale can narrow a rate down, besides day and price. Empty: not known or none."""

    hsn: str
    weight_grams: int | None = None
    """As the marketplace weighs it: the larger of actual and volumetric weight."""
    category: str = ""
    fulfilment: str = ""
    tier: str = ""
    zone: str = ""
    payment: str = ""
    seller_program: str = ""
    seller_id: str = ""
    tax_status: str = ""


NARROWING: Final = ("category", "fulfilment", "tier", "zone", "payment", "seller_program", "seller_id", "tax_status")
"""Columns that, when they are not empty, must equal the sale's own. ``hsn`` narrows too, by its prefix."""
_WHO: Final = ("seller_program", "tax_status")


@dataclass(frozen=True)
class Row:
    """One dated rate. Dates are ISO days in India, prices paise, weights grams."""

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
    weight_from: int = 0
    weight_to: int = ANY_WEIGHT
    extra_grams: int = 0
    """For each so many grams begun above the slab's lower edge ``extra_paise`` come to the value; 0: nothing does."""
    extra_paise: int = 0
    cap: int | None = None
    """The most that the row can come to, in paise."""
    of_fee: str = ""
    category: str = ""
    fulfilment: str = ""
    tier: str = ""
    zone: str = ""
    payment: str = ""
    seller_program: str = ""
    seller_id: str = ""
    tax_status: str = ""
    date_basis: DateBasis = DateBasis.ORDER
    round_at: RoundAt = RoundAt.LINE
    charged_on: tuple[Outcome, ...] = (Outcome.SALE,)
    refund_ratio: RefundRatio = RefundRatio.EXACT
    source: str = ""
    entered_by: str = ""
    approved_by: str = ""
    """Who answers for the row. Empty: a draft, which production refuses."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Row:
        """The row of a registry item, as ``row_from_csv`` makes them. Raises TypeError for a number that is no int."""
        basis = Basis(item["basis"])
        usual = RoundAt.SUM if basis is Basis.PPM_OF_FEES else RoundAt.LINE
        weight_to, cap = item.get("weight_to"), item.get("cap")
        return cls(
            row_id=item["row_id"],
            scope=item["scope"],
            code=item["code"],
            first_day=item["from"],
            end_day=item["to"] or NEVER,
            basis=basis,
            value=_whole(item["value"]),
            hsn=item["hsn"],
            price_from=_whole(item["price_from"]),
            price_to=ANY_PRICE if item["price_to"] is None else _whole(item["price_to"]),
            weight_from=_whole(item.get("weight_from", 0)),
            weight_to=ANY_WEIGHT if weight_to is None else _whole(weight_to),
            extra_grams=_whole(item.get("extra_grams", 0)),
            extra_paise=_whole(item.get("extra_paise", 0)),
            cap=None if cap is None else _whole(cap),
            of_fee=item.get("of_fee", ""),
            **{name: item.get(name, "") for name in NARROWING},
            date_basis=DateBasis(item.get("date_basis", DateBasis.ORDER)),
            round_at=RoundAt(item.get("round_at", usual)),
            charged_on=tuple(Outcome(name) for name in item.get("charged_on", (Outcome.SALE,))),
            refund_ratio=RefundRatio(item.get("refund_ratio", RefundRatio.EXACT)),
            source=item.get("source", ""),
            entered_by=item.get("entered_by", ""),
            approved_by=item.get("approved_by", ""),
        )

    @property
    def narrowed_by(self) -> tuple[str, ...]:
        """The columns that narrow the row down."""
        return tuple(name for name in ("hsn", *NARROWING) if getattr(self, name))

    @property
    def weighed(self) -> bool:
        """Whether it is for some weights only."""
        return self.weight_from > 0 or self.weight_to < ANY_WEIGHT

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """How narrow it is: a seller's own row before a programme's, then by the number of narrowing columns."""
        names = self.narrowed_by
        return "seller_id" in names, any(name in names for name in _WHO), len(names)

    def covers(self, day: str, unit_price_paise: int, weight_grams: int | None) -> bool:
        """Whether day, price and weight are in its dates and slabs. An unknown weight is in no weight slab."""
        if weight_grams is None and self.weighed:
            return False
        return (
            self.first_day <= day < self.end_day
            and self.price_from <= unit_price_paise < self.price_to
            and self.weight_from <= (weight_grams or 0) < self.weight_to
        )

    def fits(self, traits: Traits) -> bool:
        """Whether the sale is among those that the row is for."""
        return traits.hsn.startswith(self.hsn) and all(
            getattr(self, name) in ("", getattr(traits, name)) for name in NARROWING
        )

    def meets(self, other: Row) -> bool:
        """Whether some sale would find both with equal right."""
        if (self.scope, self.code, self.rank) != (other.scope, other.code, other.rank):
            return False
        if self.narrowed_by == other.narrowed_by and self.hsn != other.hsn:
            # Of rows that are narrowed by the same columns the longer HSN decides.
            return False
        return (
            self.first_day < other.end_day
            and other.first_day < self.end_day
            and self.price_from < other.price_to
            and other.price_from < self.price_to
            and self.weight_from < other.weight_to
            and other.weight_from < self.weight_to
            and (self.hsn.startswith(other.hsn) or other.hsn.startswith(self.hsn))
            and all(
                "" in (one, two) or one == two
                for one, two in ((getattr(self, name), getattr(other, name)) for name in NARROWING)
            )
        )

    def content(self) -> dict[str, Any]:
        """What the amounts of a line hang on. A field at its default is left out: it was not there once, and lines
        that were booked then must not look as if their rates had changed."""
        usual = {"round_at": RoundAt.SUM} if self.basis is Basis.PPM_OF_FEES else {}
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("source", "entered_by", "approved_by")
            and (field.default is MISSING or getattr(self, field.name) != usual.get(field.name, field.default))
        }


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number: amounts are paise, rates parts per million")
    return value
