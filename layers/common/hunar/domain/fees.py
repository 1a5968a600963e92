"""What a marketplace and the state take of a sale by the rate card, and which row took which paisa.

These are expected amounts: they preview, and they show where a settlement differs. Everything is
worked out from what became of the line's units in all, never from one change to the next, so that
returns one by one end at the same paise as all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from hunar.domain import rate_card
from hunar.domain.money import PPM, half_up, share, without_tax
from hunar.domain.rate_card import GOVERNMENT, Dates, RateCard, RateGap, Row, Traits, Unpriced
from hunar.domain.rate_row import Basis, Outcome, RefundRatio, RoundAt

_OF_THE_PRICE: Final = frozenset(
    {Basis.PPM_OF_PRICE, Basis.PPM_OF_UNIT_PRICE, Basis.PPM_OF_ORDER_ITEM_VALUE, Basis.PPM_OF_TAXABLE}
)


@dataclass(frozen=True)
class Sale:
    """One line of an order and what became of its units. Amounts are paise with tax.

    ValueError for quantities that cannot be, TypeError for an amount that is not whole.
    """

    marketplace: str
    quantity: int
    """Units that were ordered."""
    unit_price_paise: int
    """The price of one unit before any discount."""
    traits: Traits
    cancelled: int = 0
    """Units that were cancelled before they left."""
    courier_returned: int = 0
    """Units that came back without having reached the buyer."""
    customer_returned: int = 0
    seller_discount_paise: int = 0
    """Discount on all units together that the seller bears. It lowers price, fees and taxes."""
    platform_discount_paise: int = 0
    """Discount that the marketplace bears: the buyer pays less, the seller does not get less."""
    shipping_paise: int = 0
    """Shipping that the buyer paid for all units together."""
    refunded_paise: int = 0
    """Money that was given back for units that the buyer kept."""
    intra_state: bool | None = None
    """Whether seller and buyer are in one State. None: not known."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("marketplace", "traits", "intra_state"):
                continue
            if type(value) is not int:
                raise TypeError(f"{field.name}: {value!r} is no whole number")
            if value < 0:
                raise ValueError(f"{field.name}: {value} is below zero")
        if self.quantity == 0 or self.kept < 0:
            raise ValueError(f"{self.quantity} were ordered, and more were cancelled or came back")
        if self.seller_discount_paise > self.quantity * self.unit_price_paise:
            raise ValueError("the discount is above the price")
        if self.refunded_paise > self.value(self.kept):
            raise ValueError("the refund is above the price of what was kept")

    @property
    def kept(self) -> int:
        return self.quantity - self.cancelled - self.courier_returned - self.customer_returned

    def units(self, row: Row) -> int:
        """Units on which the row is charged."""
        return sum(self._became[outcome] for outcome in row.charged_on)

    @property
    def outcomes(self) -> frozenset[Outcome]:
        return frozenset(outcome for outcome, units in self._became.items() if units)

    @property
    def _became(self) -> dict[Outcome, int]:
        return {
            Outcome.SALE: self.kept,
            Outcome.CANCELLATION: self.cancelled,
            Outcome.COURIER_RETURN: self.courier_returned,
            Outcome.CUSTOMER_RETURN: self.customer_returned,
        }

    def price(self, units: int) -> int:
        """The price of so many units, less the seller's discount on them."""
        return units * self.unit_price_paise - half_up(self.seller_discount_paise * units, self.quantity)

    def value(self, units: int) -> int:
        """Price and shipping of so many units: what the seller supplies, and what is taxed."""
        return self.price(units) + half_up(self.shipping_paise * units, self.quantity)

    @property
    def dearest_piece(self) -> int:
        """The price of one unit less its part of the seller's discount; a paisa that is left over lies on some of the
        pieces. Slabs go by it."""
        return -(-self.price(self.quantity) // self.quantity)

    @property
    def buyer_paise(self) -> int:
        """What the buyer pays for what was kept."""
        platform = half_up(self.platform_discount_paise * self.kept, self.quantity)
        return self.value(self.kept) - self.refunded_paise - platform


@dataclass(frozen=True)
class Charge:
    """What one row takes, in paise. ``parts`` are CGST and SGST when it is rounded as halves, else one."""

    code: str
    row: Row
    units: int
    base_paise: int
    """What a rate was taken of; 0 for a fixed amount."""
    parts: tuple[int, ...]
    capped: bool = False
    refunded_paise: int = 0
    """The part of a fee that went back with a refund of money."""

    @property
    def paise(self) -> int:
        return sum(self.parts) - self.refunded_paise


@dataclass(frozen=True)
class Breakdown:
    """Where the money of a line goes."""

    sale: Sale
    value_paise: int
    """What the line brought, with tax, after cancellations, returns and refunds."""
    fees: dict[str, Charge]
    """By fee code."""
    levies: dict[str, Charge]
    """What the state takes, by code: GST inside the value, GST on the fees, TCS, TDS. Of a line of which nothing was
    kept only GST on fees, if there are any."""

    @property
    def taxable_paise(self) -> int:
        gst = self.levies.get(rate_card.OUTPUT_GST)
        return self.value_paise - (gst.paise if gst else 0)

    @property
    def fees_paise(self) -> int:
        return sum(charge.paise for charge in self.fees.values())

    @property
    def taken(self) -> tuple[Charge, ...]:
        """Everything that is kept back from the payment."""
        held = (charge for code, charge in self.levies.items() if code != rate_card.OUTPUT_GST)
        return (*self.fees.values(), *held)

    @property
    def bank_paise(self) -> int:
        """What should arrive in the bank. Below zero when a return costs more than the line brought."""
        return self.value_paise - sum(charge.paise for charge in self.taken)


def fees(sale: Sale, card: RateCard, dates: Dates) -> dict[str, Charge]:
    """What each fee of the marketplace comes to, by its code. Raises Unpriced."""
    return _Pricing(sale, card, dates).fees()


def breakdown(sale: Sale, card: RateCard, dates: Dates) -> Breakdown:
    """All that is taken of a line. Raises Unpriced."""
    pricing = _Pricing(sale, card, dates)
    value = sale.value(sale.kept) - sale.refunded_paise
    levies: dict[str, Charge] = {}
    if sale.kept:
        levies[rate_card.OUTPUT_GST] = pricing.output_gst(value)
    taken = pricing.fees()
    if sale.kept or taken:
        levies[rate_card.GST_ON_FEES] = pricing.gst_on_fees(taken)
    if sale.kept:
        taxable = value - levies[rate_card.OUTPUT_GST].paise
        for code in (rate_card.TCS, rate_card.TDS):
            levies[code] = pricing.withheld(code, value, taxable)
    return Breakdown(sale, value, taken, levies)


def amount(
    row: Row,
    *,
    base_paise: int,
    units: int,
    unit_price_paise: int,
    weight_grams: int | None = None,
    intra_state: bool | None = None,
    each: Sequence[int] = (),
) -> tuple[int, ...]:
    """What a row comes to, in paise: one rounding per row, or one per half, unit or fee where the row says so.

    ``each`` are the fees that ``base_paise`` is the sum of.
    """
    match row.basis:
        case Basis.FIXED_PER_LINE:
            parts: tuple[int, ...] = ((row.value + _extra(row, weight_grams)) * min(units, 1),)
        case Basis.FIXED_PER_UNIT:
            parts = ((row.value + _extra(row, weight_grams)) * units,)
        case Basis.PPM_OF_UNIT_PRICE:
            parts = (share(unit_price_paise, row.value) * units,)
        case _ if row.round_at is RoundAt.HALF and intra_state is not False:
            parts = (half_up(base_paise * row.value, 2 * PPM),) * 2
        case Basis.PPM_OF_FEES if row.round_at is RoundAt.LINE:
            parts = (sum(share(fee, row.value) for fee in each),)
        case _:
            parts = (share(base_paise, row.value),)
    return parts if row.cap is None or sum(parts) <= row.cap else (row.cap,)


def _extra(row: Row, weight_grams: int | None) -> int:
    """What the weight above the slab's lower edge adds, in paise: each part that is begun counts."""
    if not row.extra_grams or weight_grams is None:
        return 0
    above = weight_grams - (row.weight_from - 1)
    return -(-above // row.extra_grams) * row.extra_paise


def refund_of(fee_paise: int, refunded_paise: int, price_paise: int, ratio: RefundRatio) -> int:
    """The part of a fee that goes back with a part of the price, in paise."""
    if ratio is RefundRatio.WHOLE_PERCENT:
        return half_up(fee_paise * (refunded_paise * 100 // price_paise), 100)
    return half_up(fee_paise * refunded_paise, price_paise)


class _Pricing:
    """One sale asked of one card."""

    def __init__(self, sale: Sale, card: RateCard, dates: Dates) -> None:
        self._sale, self._card, self._dates = sale, card, dates

    def _row(self, scope: str, code: str) -> Row:
        return self._card.resolve(scope, code, self._sale.traits, self._dates, self._sale.dearest_piece)

    def _charge(self, row: Row, units: int, base: int, each: Sequence[int] = ()) -> Charge:
        sale = self._sale
        parts = amount(
            row,
            base_paise=base,
            units=units,
            unit_price_paise=sale.dearest_piece,
            weight_grams=sale.traits.weight_grams,
            intra_state=sale.intra_state,
            each=each,
        )
        return Charge(row.code, row, units, base, parts, capped=row.cap is not None and sum(parts) == row.cap)

    def fees(self) -> dict[str, Charge]:
        sale = self._sale
        codes = self._card.codes(sale.marketplace)
        if not codes:
            raise RateGap(f"no rate card of {sale.marketplace}")
        charges = {}
        for code in codes:
            if self._may_be_charged(code):
                row = self._row(sale.marketplace, code)
                charges[code] = self._fee(row, sale.units(row))
        return charges

    def _may_be_charged(self, code: str) -> bool:
        """Whether the fee is asked for. One that is for other outcomes, such as reverse shipping of what was kept, is
        not: its weight or its day may not be known. Rows of other days say nothing about this one."""
        outcomes = self._sale.outcomes
        rows = self._card.rows(self._sale.marketplace, code)
        if not any(outcomes & set(row.charged_on) for row in rows):
            return False
        today = [row for row in rows if row.first_day <= self._dates.day(row.date_basis) < row.end_day]
        return not today or any(outcomes & set(row.charged_on) for row in today)

    def _fee(self, row: Row, units: int) -> Charge:
        sale = self._sale
        charge = self._charge(row, units, self._base(row, units))
        stays = Outcome.CUSTOMER_RETURN in row.charged_on
        if not sale.refunded_paise or stays or Outcome.SALE not in row.charged_on or row.basis not in _OF_THE_PRICE:
            return charge
        # Money that goes back takes its part of the fee with it.
        back = refund_of(charge.paise, sale.refunded_paise, sale.value(units), row.refund_ratio)
        return Charge(row.code, row, units, charge.base_paise, charge.parts, charge.capped, back)

    def _base(self, row: Row, units: int) -> int:
        sale = self._sale
        match row.basis:
            case Basis.PPM_OF_PRICE | Basis.PPM_OF_UNIT_PRICE:
                return sale.price(units)
            case Basis.PPM_OF_ORDER_ITEM_VALUE:
                return sale.value(units)
            case Basis.PPM_OF_TAXABLE:
                return without_tax(sale.value(units), self._row(GOVERNMENT, rate_card.OUTPUT_GST).value)
            case Basis.PPM_OF_FEE:
                other = self._row(sale.marketplace, row.of_fee)
                if other.basis is Basis.PPM_OF_FEE:
                    raise Unpriced(f"{row.row_id} is a part of {other.row_id}, which is a part of a fee itself")
                # Of the fee as it is on these units, although it may have gone back with them.
                return self._charge(other, units, self._base(other, units)).paise
        return 0

    def output_gst(self, value: int) -> Charge:
        """The tax inside the price is the price less the taxable value: one residual, in one place."""
        row = self._row(GOVERNMENT, rate_card.OUTPUT_GST)
        taxable = without_tax(value, row.value)
        tax = value - taxable
        parts = (tax - tax // 2, tax // 2) if self._sale.intra_state else (tax,)
        return Charge(row.code, row, self._sale.kept, taxable, parts)

    def gst_on_fees(self, charges: dict[str, Charge]) -> Charge:
        each = [charge.paise for charge in charges.values()]
        return self._charge(self._row(GOVERNMENT, rate_card.GST_ON_FEES), self._sale.kept, sum(each), each)

    def withheld(self, code: str, value: int, taxable: int) -> Charge:
        row = self._row(GOVERNMENT, code)
        return self._charge(row, self._sale.kept, value if row.basis is Basis.PPM_OF_PRICE else taxable)
