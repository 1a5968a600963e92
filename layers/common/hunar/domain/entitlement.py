"""What a delivered line should bring, and to whom, by the rate card of its day of sale.

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
from hunar.domain.fees import Charge, Sale, amount, breakdown
from hunar.domain.ledger import Amounts
from hunar.domain.money import share
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
        "group_id": terms.group_id,
        "payout_basis": terms.payout_basis,
        "policy_version": terms.policy_version,
        "hsn": terms.hsn,
        "piece_price_paise": terms.piece_price_paise,
    }


def entitlement(marketplace: str, line: Line | None, card: RateCard) -> Entitlement:
    """The target of a line's expected accounts. Raises Unpriced: a gap or an overlap, or terms that do not say."""
    if line is None or line.resolved is None or line.unit_price_paise is None or not due(line):
        return NOTHING
    terms = line.resolved
    if terms.payout_basis not in (SALE_SHARE, FIXED_PER_PIECE, BOUGHT_OUTRIGHT):
        raise TermsMissing(f"payout basis {terms.payout_basis!r} is unknown")
    day, kept = rate_card.day_of_sale(line.sold_at), line.kept
    sums = _Sums(card, day, terms.hsn, kept, line.unit_price_paise)
    receivable, group = receivable_account(marketplace), group_account(terms.group_id)
    bearer = group if terms.payout_basis == SALE_SHARE else AGENCY_MARGIN

    sale = Sale(marketplace, quantity=kept, unit_price_paise=line.unit_price_paise, traits=Traits(terms.hsn))
    found = breakdown(sale, card, Dates.on(day))
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
        row = sums.row(AGENCY, rate_card.AGENCY_FEE)
        sums.move(group, AGENCY_FEE, sums.amount(row), row)
        # What the agency does not own is the group's, but only when the state has given it back.
        row = sums.row(AGENCY, rate_card.CREDITS_OWNER)
        sums.move(group, group_credits_account(terms.group_id), credits - share(credits, row.value), row)
    else:
        if terms.piece_price_paise is None:
            raise TermsMissing(f"{terms.payout_basis} of {terms.sku} without a piece price")
        row = sums.row(AGENCY, rate_card.PIECE_SHARE)
        sums.of[Basis.PPM_OF_PIECE_PRICE] = line.kept * terms.piece_price_paise
        sums.move(AGENCY_MARGIN, group, sums.amount(row), row)
    return sums.total()


class _Sums:
    """The moves of one line, and the amounts that rows are taken of, as they become known."""

    def __init__(self, card: RateCard, day: str, hsn: str, units: int, unit_price_paise: int) -> None:
        self._card = card
        self._day, self._hsn = day, hsn
        self._units, self._unit_price = units, unit_price_paise
        self.of = dict.fromkeys((Basis.FIXED_PER_LINE, Basis.FIXED_PER_UNIT, Basis.PPM_OF_UNIT_PRICE), 0)
        self._amounts: dict[tuple[str, str], int] = {}
        self._rows: dict[str, Row] = {}

    def row(self, scope: str, code: str) -> Row:
        row = self._card.row(scope, code, day=self._day, hsn=self._hsn, unit_price_paise=self._unit_price)
        self._rows[row.row_id] = row
        return row

    def kept(self, charge: Charge) -> Row:
        """The row of a charge, which counts as asked."""
        self._rows[charge.row.row_id] = charge.row
        return charge.row

    def amount(self, row: Row) -> int:
        return sum(amount(row, base_paise=self.of[row.basis], units=self._units, unit_price_paise=self._unit_price))

    def move(self, debit: str, credit: str, paise: int, row: Row) -> None:
        for account, signed in ((debit, paise), (credit, -paise)):
            key = (account, row.row_id)
            self._amounts[key] = self._amounts.get(key, 0) + signed

    def total(self) -> Entitlement:
        amounts = {key: paise for key, paise in self._amounts.items() if paise}
        return Entitlement(amounts, tuple(row for _, row in sorted(self._rows.items())))
