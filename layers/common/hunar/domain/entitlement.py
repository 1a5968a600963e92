"""What a delivered line should bring, and to whom, by the rate card of the days by which its rows go and by what its
group resolved.

The day on which the marketplace will credit it is not known then: rows that go by it are asked by the day of the
delivery. A dispatch that nobody has told is taken to be then, too.

The card says what the marketplace should settle of the units that stayed sold. Who gets what of that says ``settled``,
as of a settlement that came: the version of the resolution that was frozen at the sale. So what a group is told to
expect and what it gets differ by what the marketplace does otherwise, and by nothing else.

Every amount is a move from one account to another that names the rate row or the clause which decided it, so the whole
balances by construction. The accounts are those of money with ``expected:`` before them, but for the group's: what is
held for it then is ``expected:group:…`` here (credit).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hunar.domain import accounts, rate_card, settled
from hunar.domain.facts import LEFT, SALE_SHARE
from hunar.domain.fees import Breakdown, Sale, breakdown
from hunar.domain.ledger import Amounts
from hunar.domain.order import Line
from hunar.domain.rate_card import Dates, RateCard, Row, Traits, Unpriced
from hunar.domain.resolution import AT_PURCHASE, Resolution
from hunar.domain.settled import FEE, SETTLEMENT, WITHHELD, LineFacts, Tax

_MEMO: Final = "expected:"


class TermsMissing(Unpriced):
    """The group's terms on the order do not say what it gets."""


def group_account(group_id: str) -> str:
    return f"{_MEMO}group:{group_id}"


@dataclass(frozen=True)
class Entitlement:
    """The amounts of a line, and the rows that decided them."""

    amounts: Amounts
    rows: tuple[Row, ...]
    breakdown: Breakdown | None = None
    """What the marketplace and the state take of it, fee by fee."""
    resolution: Resolution | None = None
    """Whose clauses share what is left."""


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


def entitlement(marketplace: str, line: Line | None, card: RateCard, resolution: Resolution | None) -> Entitlement:
    """The target of a line's expected accounts; ``resolution`` is the one frozen at its sale, None of a line that is
    not due. Raises Unpriced: a gap or an overlap, or terms that do not say."""
    if line is None or resolution is None or not due(line):
        return NOTHING
    return preview(marketplace, line, card, resolution)


def preview(marketplace: str, line: Line, card: RateCard, resolution: Resolution) -> Entitlement:
    """What a line will bring when it is delivered, or brought: nothing of units that did not stay sold.

    Raises Unpriced.
    """
    if line.resolved is None or line.unit_price_paise is None or line.kept <= 0:
        return NOTHING
    terms, kept = line.resolved, line.kept
    paid_later = resolution.payout_basis != SALE_SHARE and resolution.paid_on != AT_PURCHASE
    if paid_later and terms.piece_price_paise is None:
        raise TermsMissing(f"{resolution.payout_basis} of {terms.sku} without a piece price")
    sale = Sale(marketplace, quantity=kept, unit_price_paise=line.unit_price_paise, traits=Traits(terms.hsn))
    found = breakdown(sale, card, days_of(line))
    facts = LineFacts(
        order_ref="",
        line_id=line.line_id,
        marketplace=marketplace,
        group_id=terms.group_id,
        units=kept,
        returned=0,
        lost=0,
        unit_price_paise=line.unit_price_paise,
        piece_price_paise=terms.piece_price_paise,
        steps=LEFT,
    )
    gst = found.levies[rate_card.OUTPUT_GST].row
    moved = settled.target(facts, [_Settlement(found)], resolution, Tax(gst.row_id, gst.value))
    charges = [*found.fees.values(), *found.levies.values()]
    rows = tuple(sorted({charge.row.row_id: charge.row for charge in charges}.values(), key=lambda row: row.row_id))
    return Entitlement(_named(moved, found), rows, found, resolution)


class _Settlement:
    """What a marketplace that keeps to its card settles."""

    key = "expected"

    def __init__(self, found: Breakdown) -> None:
        taken = {FEE + code: charge for code, charge in found.fees.items()}
        taken |= {code: found.levies[code] for code in WITHHELD}
        self.heads: Mapping[str, int] = {
            "sale": found.value_paise,
            **{head: -charge.paise for head, charge in taken.items()},
        }


def _named(moved: Amounts, found: Breakdown) -> Amounts:
    """The amounts on the memo accounts, each by the row of the card that decided it instead of by a settlement."""
    receivable = accounts.marketplace_receivable(found.sale.marketplace)
    rows = {f"{SETTLEMENT}:{FEE}{code}": charge.row.row_id for code, charge in found.fees.items()}
    stated = {accounts.fee(code): charge.row.row_id for code, charge in found.fees.items()}
    stated |= {account: found.levies[code].row.row_id for code, account in WITHHELD.items()}
    amounts: dict[tuple[str, str], int] = {}

    def add(account: str, row: str, paise: int) -> None:
        kind, _, group_id = account.partition(":")
        name = group_account(group_id) if kind == "group_held" else _MEMO + account
        amounts[name, row] = amounts.get((name, row), 0) + paise

    for (account, row), paise in moved.items():
        if row != SETTLEMENT:
            add(account, rows.get(row, row), paise)
        elif account != receivable:
            add(account, stated[account], paise)
            # A settlement deducts all of them in one sum; the card says each.
            add(receivable, stated[account], -paise)
    return {key: paise for key, paise in amounts.items() if paise}
