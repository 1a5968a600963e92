"""What a line brought, and to whom: from its settlements, its facts and the resolution that was frozen at its sale.

A target, worked out anew from everything each time. ``entitlement`` asks it too, of what the rate card expects. All
amounts are moves between two accounts that name what decided them, so the whole balances by construction:

* ``marketplace_receivable:…`` the sum of the line's settlements: what reaches the bank
* ``fee:…`` each fee without GST, and ``fees_recovered`` against them: their bearer is charged there
* ``gst_input_fees``, ``tcs_receivable``, ``tds_receivable`` withheld, but no cost: the state gives it back
* ``output_gst`` the tax inside the buyer's price: the price less its taxable value, one residual
* ``group_held:…`` what the group gets (credit); where it then stands is no matter of the target
* ``group_credits:…``, ``group_fund:…`` parts of it that wait for the state, or that the group puts aside
* ``agency_fee``, ``agency_margin`` what the agency keeps, and what it bears
* ``suspense`` what no rule explains
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from hunar.domain import accounts
from hunar.domain.facts import LEFT, SALE_SHARE
from hunar.domain.identity import derived_id
from hunar.domain.ledger import Amounts
from hunar.domain.money import share, without_tax
from hunar.domain.order import LOST, Line, Order
from hunar.domain.resolution import AT_PURCHASE, BOUGHT_OUTRIGHT, Bearer, FeeBasis, Keeper, Resolution

SETTLEMENT: Final = "settlement"
"""The rate row of an amount that the marketplace stated."""

GROSS: Final = frozenset({"sale", "offer", "shipping_paid_by_buyer", "refund"})
"""Heads of what buyers pay and get back, tax included."""
WITHHELD: Final[Mapping[str, str]] = {
    "gst_on_fees": accounts.GST_INPUT_FEES,
    "tcs": accounts.TCS_RECEIVABLE,
    "tds": accounts.TDS_RECEIVABLE,
}
COMPENSATION: Final = frozenset({"reimbursement", "protection_fund"})
FEE: Final = "fee:"
OTHER: Final = "other:"


class Settlement(Protocol):
    """What is needed of a line of a settlement."""

    @property
    def key(self) -> str: ...

    @property
    def heads(self) -> Mapping[str, int]:
        """Paise by head, signs as the money moves to the agency: a deduction is negative."""


class Tax(NamedTuple):
    """The output GST of a line, by the rate card of its day of sale."""

    row_id: str
    ppm: int


@dataclass(frozen=True)
class LineFacts:
    """What of an order line its money hangs on. Quantities are units, prices paise."""

    order_ref: str
    line_id: str
    marketplace: str
    group_id: str
    units: int
    """Sold and not cancelled."""
    returned: int
    """Came back, from a buyer or by the courier."""
    lost: int
    """Never arrived, and never came back."""
    unit_price_paise: int | None
    """With tax."""
    piece_price_paise: int | None
    steps: tuple[str, ...]
    """The steps by which the goods left that nobody merely claims."""

    @classmethod
    def of(cls, order_ref: str, marketplace: str, order: Order, line: Line) -> LineFacts:
        """The facts of a line whose group is known. While a claim of the order waits for the marketplace no step of
        it is sure. ValueError for a line without a group."""
        if line.resolved is None:
            raise ValueError(f"line {line.line_id} has no group")
        sure = order.left_at is not None and not order.pending
        return cls(
            order_ref=order_ref,
            line_id=line.line_id,
            marketplace=marketplace,
            group_id=line.resolved.group_id,
            units=line.open,
            returned=line.returned - line.lost,
            lost=line.lost + (line.kept if line.state == LOST else 0),
            unit_price_paise=line.unit_price_paise,
            piece_price_paise=line.resolved.piece_price_paise,
            steps=tuple(step for step in LEFT if sure and step in order.steps),
        )

    def unproven(self) -> LineFacts:
        """The same where nobody can be asked whether the goods really left: settlements alone tell."""
        return replace(self, steps=())

    @property
    def gone(self) -> bool:
        """Whether no unit stayed sold."""
        return self.returned + self.lost >= self.units

    def earned(self, paid_on: str) -> bool:
        """Whether a piece is owed from this step on: it or a later one is known."""
        return any(step in self.steps for step in LEFT[LEFT.index(paid_on) :])


def digest(facts: LineFacts, lines: Iterable[Settlement]) -> str:
    """Of the news that money may move by: what happened to the goods, and what was settled.

    Not of what a person or a program decides (whose product it is, on which terms, at which rate): such a change
    alone is a proposal.
    """
    news = [facts.units, facts.returned, facts.lost, facts.unit_price_paise, list(facts.steps)]
    return derived_id(news, sorted(line.key for line in lines))


def total(lines: Iterable[Settlement]) -> dict[str, int]:
    """The heads of several settlement lines together; each line counts once, by its key.

    ValueError for an amount that is not whole paise.
    """
    summed: dict[str, int] = {}
    for line in {line.key: line for line in lines}.values():
        for head, paise in line.heads.items():
            if type(paise) is not int:
                raise ValueError(f"{head}: {paise!r} is not an amount in whole paise")
            summed[head] = summed.get(head, 0) + paise
    return {head: paise for head, paise in summed.items() if paise}


def target(facts: LineFacts, lines: Iterable[Settlement], resolution: Resolution, gst: Tax) -> Amounts:
    """What the accounts of a line amount to. ValueError for a head that is unknown, or a piece without a price."""
    heads = total(lines)
    moves = _Moves(facts.marketplace, heads)
    if resolution.payout_basis == SALE_SHARE:
        _sale_share(moves, facts, heads, resolution, gst)
    else:
        _by_piece(moves, facts, heads, resolution, gst)
    group = accounts.group_held(facts.group_id)
    fund = share(max(-moves.balance(group), 0), resolution.fund_ppm)
    moves.move(group, accounts.group_fund(facts.group_id), fund, resolution.clause("fund"))
    return moves.amounts()


def unassigned(marketplace: str, lines: Iterable[Settlement]) -> Amounts:
    """What settlement lines without an order amount to, as for advertising or storage: the agency's, never spread.

    What buyers paid, or what compensates for goods, is somebody's, and nobody can say whose: suspense. Of what has no
    meaning yet a charge is the agency's, too, and a credit waits.
    """
    heads = total(lines)
    moves = _Moves(marketplace, heads)
    moves.receive(accounts.SUSPENSE, GROSS | COMPENSATION)
    moves.receive(accounts.AGENCY_MARGIN, {"adjustment"})
    for code in moves.fees():
        moves.pay_fee(code, accounts.AGENCY_MARGIN)
    for head, paise in heads.items():
        if head.startswith(OTHER) and paise < 0:
            moves.move(accounts.AGENCY_MARGIN, accounts.SUSPENSE, -paise, f"{SETTLEMENT}:{head}")
    return moves.amounts()


def in_suspense(marketplace: str, lines: Iterable[Settlement]) -> Amounts:
    """What settlement lines of an order that nobody knows amount to: all of it waits, none of it is guessed."""
    moves = _Moves(marketplace, {})
    for head, paise in total(lines).items():
        moves.move(accounts.marketplace_receivable(marketplace), accounts.SUSPENSE, paise, f"{SETTLEMENT}:{head}")
    return moves.amounts()


def _sale_share(moves: _Moves, facts: LineFacts, heads: Mapping[str, int], resolution: Resolution, gst: Tax) -> None:
    group = accounts.group_held(facts.group_id)
    bearer = {Bearer.GROUP: group, Bearer.AGENCY: accounts.AGENCY_MARGIN}
    taxable = moves.sell(group, gst)
    # A fee that no clause speaks of is the group's: it is what selling there costs.
    borne = 0
    for code in moves.fees():
        by = bearer[_bearer(code, facts, resolution)]
        moves.pay_fee(code, by)
        borne += heads[FEE + code] if by == group else 0
    # Without a lost parcel it makes good a fee or a weight that the group was charged for.
    moves.receive(bearer[resolution.lost] if facts.lost else group, COMPENSATION)
    moves.receive(bearer[resolution.penalties], {"adjustment"})
    for head, keeper in (("gst_on_fees", resolution.itc), ("tcs", resolution.tcs), ("tds", resolution.tds)):
        clause, withheld = resolution.clause("itc" if head == "gst_on_fees" else head), -heads.get(head, 0)
        if keeper is Keeper.GROUP_LATER:
            moves.move(group, accounts.group_credits(facts.group_id), withheld, clause)
        elif keeper is Keeper.AGENCY:
            moves.move(group, accounts.AGENCY_MARGIN, withheld, clause)
    fee = _agency_fee(facts, resolution, taxable, borne)
    moves.move(group, accounts.AGENCY_FEE, fee, resolution.clause("agency_fee"))
    if facts.lost and heads and resolution.lost is Bearer.AGENCY and facts.unit_price_paise is not None:
        # The agency answers for the parcel: the group gets the value of all that did not come back.
        sold = without_tax(facts.unit_price_paise * (facts.units - facts.returned), gst.ppm)
        moves.move(accounts.AGENCY_MARGIN, group, max(sold - taxable, 0), resolution.clause("lost"))


def _bearer(code: str, facts: LineFacts, resolution: Resolution) -> Bearer:
    """Who bears a fee of a SALE_SHARE. What a marketplace keeps though nothing stayed sold is the cost of that."""
    if code in resolution.penalty_fees:
        return resolution.penalties
    if code in resolution.return_fees or (facts.returned and facts.gone):
        return resolution.returns
    if facts.lost and facts.gone:
        return resolution.lost
    return Bearer.GROUP


def _agency_fee(facts: LineFacts, resolution: Resolution, taxable: int, borne: int) -> int:
    match resolution.agency_fee_basis:
        case FeeBasis.PPM_OF_NET:
            return share(max(taxable + borne, 0), resolution.agency_fee)
        case FeeBasis.PPM_OF_TAXABLE:
            return share(max(taxable, 0), resolution.agency_fee)
    return resolution.agency_fee * max(facts.units - facts.returned - facts.lost, 0) if taxable > 0 else 0


def _by_piece(moves: _Moves, facts: LineFacts, heads: Mapping[str, int], resolution: Resolution, gst: Tax) -> None:
    """The sale is the agency's; the group gets its price for each piece that it is owed for."""
    own = resolution.payout_basis == BOUGHT_OUTRIGHT
    group = accounts.group_held(facts.group_id)
    moves.sell(accounts.AGENCY_MARGIN, gst)
    at_fault = group if resolution.penalties is Bearer.GROUP and not own else accounts.AGENCY_MARGIN
    for code in moves.fees():
        moves.pay_fee(code, at_fault if code in resolution.penalty_fees else accounts.AGENCY_MARGIN)
    moves.receive(accounts.AGENCY_MARGIN, COMPENSATION)
    moves.receive(at_fault, {"adjustment"})
    # The marketplace settles what was delivered, also when nobody said so.
    if resolution.paid_on == AT_PURCHASE or not (heads.get("sale", 0) > 0 or facts.earned(resolution.paid_on)):
        return
    if facts.piece_price_paise is None:
        raise ValueError(f"line {facts.line_id}: {resolution.payout_basis} without a piece price")
    pieces = facts.units
    if not own:
        # Goods that the agency bought are its own, wherever they end.
        pieces -= facts.returned if resolution.returns is Bearer.GROUP else 0
        pieces -= facts.lost if resolution.lost is Bearer.GROUP else 0
    moves.move(accounts.AGENCY_MARGIN, group, pieces * facts.piece_price_paise, resolution.clause("piece"))


class _Moves:
    """The moves of one line. What every line has in common is made at once: what is withheld, kept back or sent."""

    def __init__(self, marketplace: str, heads: Mapping[str, int]) -> None:
        self._heads = heads
        self._receivable = accounts.marketplace_receivable(marketplace)
        self._amounts: dict[tuple[str, str], int] = {}
        known = GROSS | WITHHELD.keys() | COMPENSATION | {"adjustment", "reserve", "transfer"}
        for head, paise in heads.items():
            if head in WITHHELD:
                self.move(WITHHELD[head], self._receivable, -paise, SETTLEMENT)
            elif head == "reserve":
                self.move(accounts.marketplace_reserve(marketplace), self._receivable, -paise, SETTLEMENT)
            elif head == "transfer":
                self.move(accounts.BANK, self._receivable, -paise, SETTLEMENT)
            elif head.startswith(OTHER):
                self.move(self._receivable, accounts.SUSPENSE, paise, f"{SETTLEMENT}:{head}")
            elif head not in known and not head.startswith(FEE):
                raise ValueError(f"{head!r} is no head of a settlement")

    def fees(self) -> list[str]:
        return sorted(head.removeprefix(FEE) for head in self._heads if head.startswith(FEE))

    def sell(self, seller: str, gst: Tax) -> int:
        """Splits what buyers paid and got back into tax and taxable value, which is returned."""
        gross = sum(paise for head, paise in self._heads.items() if head in GROSS)
        taxable = without_tax(gross, gst.ppm)
        self.move(self._receivable, accounts.OUTPUT_GST, gross - taxable, gst.row_id)
        self.move(self._receivable, seller, taxable, gst.row_id)
        return taxable

    def pay_fee(self, code: str, bearer: str) -> None:
        paise = -self._heads[FEE + code]
        self.move(accounts.fee(code), self._receivable, paise, SETTLEMENT)
        self.move(bearer, accounts.FEES_RECOVERED, paise, f"{SETTLEMENT}:{FEE}{code}")

    def receive(self, whose: str, heads: Iterable[str]) -> None:
        for head in sorted(heads):
            self.move(self._receivable, whose, self._heads.get(head, 0), f"{SETTLEMENT}:{head}")

    def move(self, debit: str, credit: str, paise: int, row: str) -> None:
        for account, signed in ((debit, paise), (credit, -paise)):
            key = (account, row)
            self._amounts[key] = self._amounts.get(key, 0) + signed

    def balance(self, account: str) -> int:
        return sum(paise for (name, _), paise in self._amounts.items() if name == account)

    def amounts(self) -> Amounts:
        return {key: paise for key, paise in self._amounts.items() if paise}
