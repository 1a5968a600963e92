"""What a delivered line should bring, and to whom, by the rate card of the days by which its rows go.

The day on which the marketplace will credit it is not known then: rows that go by it are asked by the day of the
delivery. A dispatch that nobody has told is taken to be then, too.

Every amount is a move from one account to another that names the rate row which decided it, so
the whole balances by construction. Debits are above zero:

* ``expected:marketplace_receivable:…`` what the marketplace should pay into the bank
* ``expected:fee:…`` each fee of the marketplace, and ``expected:fees_recovered`` against them: who
  bears the fees (the group for SALE_SHARE, the agency's margin otherwise) is charged for them there
* ``expected:gst_input_fees``, ``expected:tcs_receivable``, ``expected:tds_receivable`` what the
  seller of record gets back from the state: withheld, but no cost
* ``expected:output_gst`` the tax inside the buyer's price (credit)
* ``expected:group:…`` the group's entitlement (credit), ``expected:group_credits:…`` the part of it
  that waits for the state when the group owns the credits
* ``expected:agency_fee`` and ``expected:agency_margin`` what the agency keeps (credit)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hunar.domain import rate_card
from hunar.domain.facts import SALE_SHARE as SALE_SHARE
from hunar.domain.fees import Breakdown, Charge, Sale, amount, breakdown
from hunar.domain.ledger import Amounts
from hunar.domain.order import Line
from hunar.domain.rate_card import AGENCY, Basis, Dates, RateCard, Row, Traits, Unpriced

FIXED_PER_PIECE: Final = "FIXED_PER_PIECE"
"""The group gets its piece price; the agency bears the fees and keeps the rest."""
BOUGHT_OUTRIGHT: Final = "BOUGHT_OUTRIGHT"
"""As FIXED_PER_PIECE, but the group was paid when the agency bought: the entry is there for the agency's margin."""

OUTPUT_GST: Final = "expected:output_gst"
GST_INPUT_FEES: Final = "expected:gst_input_fees"
TCS_RECEIVABLE: Final = "expected:tcs_receivable"
TDS_RECEIVABLE: Final = "expected:tds_receivable"
FEES_RECOVERED: Final = "expected:fees_recovered"
AGENCY_FEE: Final = "expected:agency_fee"
AGENCY_MARGIN: Final = "expected:agency_margin"


class TermsMissing(Unpriced):
    """The group's terms on the order do not say what it gets."""


def receivable_account(marketplace: str) -> str:
    return f"expected:marketplace_receivable:{marketplace}"


def fee_account(code: str) -> str:
    return f"expected:fee:{code}"


def group_account(group_id: str) -> str:
    return f"expected:group:{group_id}"


def group_credits_account(group_id: str) -> str:
    return f"expected:group_credits:{group_id}"


@dataclass(frozen=True)
class Entitlement:
    """The amounts of a line, and the rows that decided them."""

    amounts: Amounts
    rows: tuple[Row, ...]
    breakdown: Breakdown | None = None
    """What the marketplace and the state take of it, fee by fee."""
    agency: tuple[Charge, ...] = ()
    """What the agency's own rows say: its fee and its part of the credits, or the group's price."""


NOTHING: Final = Entitlement({}, ())


def due(line: Line | None) -> bool:
    """Whether a line brings anything yet: delivered, with units, a clear price and a known group."""
    return line is not None and bool(
        line.delivered_at and line.kept > 0 and line.unit_price_paise is not None and line.resolved
    )


def facts_of(line: Line | None) -> dict[str, Any] | None:
    """What of a line the amounts hang on, None when it brings nothing."""
    if line is None or line.resolved is None or not due(line):
        return None
    terms = line.resolved
    return {
        "units": line.kept,
        "unit_price_paise": line.unit_price_paise,
        "day_of_sale": rate_card.day_of_sale(line.sold_at),
        "day_of_dispatch": rate_card.day_of_sale(line.left_at) if line.left_at else None,
        "day_of_delivery": rate_card.day_of_sale(line.delivered_at) if line.delivered_at else None,
        "group_id": terms.group_id,
        "payout_basis": terms.payout_basis,
        "policy_version": terms.policy_version,
        "hsn": terms.hsn,
        "piece_price_paise": terms.piece_price_paise,
    }


def days_of(line: Line) -> Dates:
    """The days of a line by which rates go, those that have not come yet by the latest that is known."""
    return Dates.of(ordered=line.sold_at, dispatched=line.left_at, delivered=line.delivered_at).expected()


def entitlement(marketplace: str, line: Line | None, card: RateCard) -> Entitlement:
    """The target of a line's expected accounts. Raises Unpriced: a gap or an overlap, or terms that do not say."""
    return preview(marketplace, line, card) if line is not None and due(line) else NOTHING


def preview(marketplace: str, line: Line, card: RateCard) -> Entitlement:
    """What a line will bring when it is delivered, or brought: nothing of units that did not stay sold.

    Raises Unpriced.
    """
    if line.resolved is None or line.unit_price_paise is None or line.kept <= 0:
        return NOTHING
    terms = line.resolved
    if terms.payout_basis not in (SALE_SHARE, FIXED_PER_PIECE, BOUGHT_OUTRIGHT):
        raise TermsMissing(f"payout basis {terms.payout_basis!r} is unknown")
    days, traits, kept = days_of(line), Traits(terms.hsn), line.kept
    sums = _Sums(card, days, traits, kept, line.unit_price_paise)
    receivable, group = receivable_account(marketplace), group_account(terms.group_id)
    bearer = group if terms.payout_basis == SALE_SHARE else AGENCY_MARGIN

    sale = Sale(marketplace, quantity=kept, unit_price_paise=line.unit_price_paise, traits=traits)
    found = breakdown(sale, card, days)
    price, taxable, fees = found.value_paise, found.taxable_paise, found.fees_paise
    gst = sums.kept(found.levies[rate_card.OUTPUT_GST])
    sums.move(receivable, OUTPUT_GST, price - taxable, gst)
    sums.move(receivable, bearer, taxable, gst)
    for code, charge in found.fees.items():
        row = sums.kept(charge)
        sums.move(fee_account(code), receivable, charge.paise, row)
        sums.move(bearer, FEES_RECOVERED, charge.paise, row)

    credits = 0
    for code, account in (
        (rate_card.GST_ON_FEES, GST_INPUT_FEES),
        (rate_card.TCS, TCS_RECEIVABLE),
        (rate_card.TDS, TDS_RECEIVABLE),
    ):
        withheld = found.levies[code]
        sums.move(account, receivable, withheld.paise, sums.kept(withheld))
        credits += withheld.paise
    sums.of |= {Basis.PPM_OF_PRICE: price, Basis.PPM_OF_TAXABLE: taxable, Basis.PPM_OF_NET: max(taxable - fees, 0)}

    if terms.payout_basis == SALE_SHARE:
        fee = sums.charge(rate_card.AGENCY_FEE)
        sums.move(group, AGENCY_FEE, fee.paise, fee.row)
        # What the agency does not own is the group's, but only when the state has given it back.
        sums.of[Basis.PPM_OF_CREDITS] = credits
        owned = sums.charge(rate_card.CREDITS_OWNER)
        sums.move(group, group_credits_account(terms.group_id), credits - owned.paise, owned.row)
    else:
        if terms.piece_price_paise is None:
            raise TermsMissing(f"{terms.payout_basis} of {terms.sku} without a piece price")
        sums.of[Basis.PPM_OF_PIECE_PRICE] = line.kept * terms.piece_price_paise
        piece = sums.charge(rate_card.PIECE_SHARE)
        sums.move(AGENCY_MARGIN, group, piece.paise, piece.row)
    return sums.total(found)


class _Sums:
    """The moves of one line, and the amounts that rows are taken of, as they become known."""

    def __init__(self, card: RateCard, days: Dates, traits: Traits, units: int, unit_price_paise: int) -> None:
        self._card = card
        self._days, self._traits = days, traits
        self._units, self._unit_price = units, unit_price_paise
        self.of = dict.fromkeys((Basis.FIXED_PER_LINE, Basis.FIXED_PER_UNIT, Basis.PPM_OF_UNIT_PRICE), 0)
        self._amounts: dict[tuple[str, str], int] = {}
        self._rows: dict[str, Row] = {}
        self._agency: list[Charge] = []

    def charge(self, code: str) -> Charge:
        """What the agency's row for a code comes to."""
        row = self._card.resolve(AGENCY, code, self._traits, self._days, self._unit_price)
        base = self.of[row.basis]
        parts = amount(row, base_paise=base, units=self._units, unit_price_paise=self._unit_price)
        self._agency.append(Charge(code, row, self._units, base, parts, row.cap is not None and sum(parts) == row.cap))
        self._rows[row.row_id] = row
        return self._agency[-1]

    def kept(self, charge: Charge) -> Row:
        """The row of a charge, which counts as asked."""
        self._rows[charge.row.row_id] = charge.row
        return charge.row

    def move(self, debit: str, credit: str, paise: int, row: Row) -> None:
        for account, signed in ((debit, paise), (credit, -paise)):
            key = (account, row.row_id)
            self._amounts[key] = self._amounts.get(key, 0) + signed

    def total(self, found: Breakdown) -> Entitlement:
        amounts = {key: paise for key, paise in self._amounts.items() if paise}
        rows = tuple(row for _, row in sorted(self._rows.items()))
        return Entitlement(amounts, rows, found, tuple(self._agency))
