"""What a group's bookkeeper copies by hand from a statement: cash book, general ledger, the members' passbooks.

Only money that really moved is in the cash book: what the bank carried out, and what it returned later. Days are those
of India.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hunar.domain.ledger import ARRIVED
from hunar.domain.rate_card import day_of_sale
from hunar.domain.split import Shares
from hunar.domain.statement import (
    ADJUSTED,
    AGENCY_FEE,
    AGENCY_SALE,
    COMPENSATED,
    DEBT,
    FUND,
    LOST,
    MARKETPLACE_FEE,
    MOVED,
    OTHER,
    OUTPUT_GST,
    PIECES,
    PRICE,
    WAITS,
    Statement,
)

SALES: Final = "sales"
"""What the goods brought, without GST; by the piece, what the agency paid for them."""
MARKETPLACE_FEES: Final = "marketplace_fees"
AGENCY_FEES: Final = "agency_fees"
TAXES_KEPT: Final = "taxes_kept"
"""GST on fees, TCS and TDS that the agency keeps, by the group's resolution."""
OTHER_INCOME: Final = "other_income"
"""What marketplaces or the agency made good, and adjustments."""
OWED_BY_AGENCY: Final = "owed_by_agency"
"""What the agency owes the group, less the group's debt: held, payable, on the way, the fund, and what waits."""
BANK: Final = "bank"
HEADS: Final = (SALES, MARKETPLACE_FEES, AGENCY_FEES, TAXES_KEPT, OTHER_INCOME, OWED_BY_AGENCY, BANK)

_HEAD_OF: Final[Mapping[str, str]] = {
    PRICE: SALES,
    OUTPUT_GST: SALES,
    AGENCY_SALE: SALES,
    PIECES: SALES,
    MARKETPLACE_FEE: MARKETPLACE_FEES,
    "gst_on_fees": TAXES_KEPT,
    "tcs": TAXES_KEPT,
    "tds": TAXES_KEPT,
    COMPENSATED: OTHER_INCOME,
    ADJUSTED: OTHER_INCOME,
    LOST: OTHER_INCOME,
    AGENCY_FEE: AGENCY_FEES,
    MOVED: OTHER_INCOME,
    OTHER: OTHER_INCOME,
}
"""FUND is not here: it stays the group's and moves no head."""


@dataclass(frozen=True)
class CashLine:
    """One line of the cash book. Paise; one of the two is 0."""

    day: str
    reference: str
    """The UTR, or the bank's reference of what it returned."""
    last_four: str
    received_paise: int
    paid_paise: int


@dataclass(frozen=True)
class HeadLine:
    """One head of the general ledger with the sum of the statement. Paise; at most one of the two is above 0."""

    head: str
    debit_paise: int
    credit_paise: int


@dataclass(frozen=True)
class PassbookLine:
    member: str
    day: str
    amount_paise: int


def cash_book(statement: Statement) -> tuple[CashLine, ...]:
    return tuple(
        CashLine(
            day_of_sale(line.occurred_at),
            line.reference,
            line.last_four,
            line.amount_paise if line.kind == ARRIVED else 0,
            line.amount_paise if line.had_arrived else 0,
        )
        for line in statement.payments
        if line.kind == ARRIVED or line.had_arrived
    )


def ledger_heads(statement: Statement) -> tuple[HeadLine, ...]:
    """The heads with what moved on them, in the order of HEADS. Debits and credits are equal."""
    sums = dict.fromkeys(HEADS, 0)
    for line in statement.orders:
        for step in line.steps:
            # What waits for the state, or goes into the fund, is still the group's: only where it stands changes.
            if step.kind != FUND and step.bears != WAITS:
                sums[_HEAD_OF[step.kind]] -= step.amount_paise
    opening, closing = (owed(point.standing) for point in (statement.opening, statement.closing))
    sums[OWED_BY_AGENCY] = closing - opening
    sums[BANK] = statement.arrived_paise
    return tuple(HeadLine(head, max(paise, 0), max(-paise, 0)) for head, paise in sums.items() if paise)


def owed(standing: Mapping[str, int]) -> int:
    """Paise that the agency owes the group in all, less what the group owes."""
    return sum(-paise if name == DEBT else paise for name, paise in standing.items())


def passbook(shares: Shares, day: str) -> tuple[PassbookLine, ...]:
    """A line for each member who gets something, in the order of their ids."""
    return tuple(PassbookLine(member, day, paise) for member, paise in sorted(shares.items()) if paise)
