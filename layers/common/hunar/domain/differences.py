"""Where a marketplace settled another amount than the rate card says, head by head, for the dispute with it.

All amounts are paise as money moves to the seller, as on a settlement: deductions are below zero, and so is a
difference by which the seller got less than expected. What a line brought is the sum of all its settlement lines, so a
correction in a later file makes the comparison anew.

A line is compared once its sale is settled. Units that came back, or were lost, count as sold until the settlement
speaks of them: a refund that is still to come is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.facts import moment
from hunar.domain.fees import Breakdown, Sale, breakdown
from hunar.domain.fees_explained import explain
from hunar.domain.money import half_up, rupees, share
from hunar.domain.order import Line, Order
from hunar.domain.rate_card import Dates, RateCard, Traits
from hunar.domain.settled import COMPENSATION, GROSS, WITHHELD, total
from hunar.domain.settlement import ADJUSTMENT, FEE, OFFER, OTHER, SALE, SHIPPING_PAID_BY_BUYER, SettlementLine

PRICE: Final = "price"
"""What buyers paid for the units that they kept, with shipping and less discounts."""
LOST_PARCEL: Final = "lost_parcel"
"""What the marketplace pays for units that were lost on the way."""
FEES: Final = "fees"
"""All fees together, where a report does not say which is which."""
COMPENSATED: Final = "compensation"
"""What a marketplace paid for a line and took back again, with more than it had paid."""

SUMS_OF_FEES: Final = frozenset({f"{FEE}selling_fees", f"{FEE}fba_fees", f"{FEE}other_transaction_fees"})
"""Columns of Amazon's date-range report. Which fees of the card are in which of them nobody says, so a line that has
one is compared by the sum of its fees. All other codes of the readers are those of the card."""


@dataclass(frozen=True)
class Tolerance:
    """By how much a head may differ: ``paise`` for each line, unit or stated fee, and ``ppm`` of what is expected."""

    paise: int
    per: str
    ppm: int
    reason: str

    def allows(self, difference_paise: int, expected_paise: int, *, units: int, fees: int, shares: int = 0) -> bool:
        count = {"line": 1, "unit": units, "fee": fees}[self.per]
        most = self.paise * max(count, 1) + share(abs(expected_paise), self.ppm) + shares
        return abs(difference_paise) <= most


Tolerances = Mapping[str, Tolerance]
"""By ``price``, ``fee`` (each of them), ``fees``, ``gst_on_fees``, ``tcs``, ``tds``, ``lost_parcel``, or
``unexpected``."""


@dataclass(frozen=True)
class Expected:
    """What a line should have brought."""

    breakdown: Breakdown
    lost_paise: int = 0
    """The price of the units that were lost, for which the marketplace answers."""


@dataclass(frozen=True, order=True)
class Place:
    """A row of a settlement that stated something of a head."""

    settlement_id: str
    row: int

    def item(self) -> dict[str, Any]:
        return {"settlement_id": self.settlement_id, "row": self.row}


@dataclass(frozen=True)
class Difference:
    """One head that brought another amount than expected."""

    head: str
    expected_paise: int
    settled_paise: int
    rate_row: str | None
    """The row of the rate card, more of them with commas; None where nothing was expected, and of a price."""
    how: str
    """How the row comes to its amount, for a person."""
    source: str
    """Who says so: the source of the row."""
    places: tuple[Place, ...] = ()

    @property
    def difference_paise(self) -> int:
        return self.settled_paise - self.expected_paise

    @property
    def sentence(self) -> str:
        by = f" by row {self.rate_row}" if self.rate_row else ""
        how = f" ({self.how})" if self.how else ""
        expected = f"{rupees(abs(self.expected_paise))} expected{by}{how}"
        if not self.expected_paise and not self.rate_row:
            expected = f"nothing expected{how}"
        where = ", ".join(f"settlement {place.settlement_id} row {place.row}" for place in self.places)
        settled = _settled(self.head, self.settled_paise) + (f" ({where})" if where else "")
        return f"{self.head.removeprefix(FEE)}: {expected}, {settled}: {self._verdict}"

    @property
    def _verdict(self) -> str:
        taken = _deducted(self.head, self.settled_paise)
        much = (self.difference_paise < 0) == taken
        return f"{rupees(abs(self.difference_paise))} too {'much' if much else 'little'}"

    def item(self) -> dict[str, Any]:
        return {
            "head": self.head,
            "expected_paise": self.expected_paise,
            "settled_paise": self.settled_paise,
            "difference_paise": self.difference_paise,
            "rate_row": self.rate_row,
            "how": self.how,
            "source": self.source,
            "rows": [place.item() for place in self.places],
        }


def _deducted(head: str, settled_paise: int) -> bool:
    """Whether the head is one that is taken: a fee, a tax, or an unexpected amount that was."""
    if head in WITHHELD or head == FEES or head.startswith(FEE):
        return True
    return head not in (PRICE, LOST_PARCEL) and settled_paise < 0


def _settled(head: str, paise: int) -> str:
    if _deducted(head, paise):
        return f"{rupees(-paise)} taken" if paise < 0 else f"{rupees(paise)} given back" if paise else "nothing taken"
    return f"{rupees(paise)} paid" if paise > 0 else f"{rupees(-paise)} taken back" if paise else "nothing paid"


# --- what is expected


def expected(
    marketplace: str, order: Order, line: Line, lines: Iterable[SettlementLine], card: RateCard
) -> Expected | None:
    """What the card says of a line with the outcome that its settlement speaks of. Raises Unpriced.

    None while there is nothing to compare: no sale is settled, the price is not known, or the product is nobody's.
    ``lines`` are all settlement lines of the order line.
    """
    lines = list(lines)
    if line.resolved is None or line.unit_price_paise is None:
        return None
    heads = total(lines)
    whole = Sale(
        marketplace,
        quantity=line.quantity,
        unit_price_paise=line.unit_price_paise,
        traits=_traits(line.resolved.hsn, lines),
        cancelled=line.cancelled,
        shipping_paise=_shipping(line, heads),
    )
    spoken = _spoken_of(whole, line.returned, heads)
    # What was lost on the way is in no return; it did not reach the buyer.
    by_buyer = sum(
        entry.units for entry in order.returns if entry.line_id == line.line_id and entry.source != facts.COURIER
    )
    customer = min(spoken, by_buyer)
    lost = max(spoken - (line.returned - line.lost), 0)
    sold = replace(whole, courier_returned=spoken - customer, customer_returned=customer)
    if not _is_settled(lines, sold, lost=lost > 0):
        return None
    dates = _dates(order, line, lines).expected()
    return Expected(_priced(sold, lost, card, dates), whole.value(line.open) - whole.value(line.open - lost))


def _traits(hsn: str, lines: Sequence[SettlementLine]) -> Traits:
    """What the settlement says of the sale, where its rows agree. No order keeps zone, weight, tier or payment."""
    said: dict[str, set[str | int]] = {}
    for entry in lines:
        for name, value in entry.traits.items():
            said.setdefault(name, set()).add(value)
    known: dict[str, Any] = {name: next(iter(values)) for name, values in said.items() if len(values) == 1}
    return Traits(hsn, **known)


def _priced(sold: Sale, lost: int, card: RateCard, dates: Dates) -> Breakdown:
    """What is taken of the units that were not lost: a card says nothing of those, neither sold nor come back."""
    if lost == sold.quantity:
        return Breakdown(replace(sold, cancelled=lost, courier_returned=0, customer_returned=0), 0, {}, {})
    by_courier = min(lost, sold.courier_returned)
    rest = replace(
        sold,
        quantity=sold.quantity - lost,
        courier_returned=sold.courier_returned - by_courier,
        customer_returned=sold.customer_returned - (lost - by_courier),
        shipping_paise=half_up(sold.shipping_paise * (sold.quantity - lost), sold.quantity),
    )
    return breakdown(rest, card, dates)


def _shipping(line: Line, heads: Mapping[str, int]) -> int:
    """What buyers paid for shipping all ordered units, less the discounts on it. Only the settlement says it, of those
    that were not cancelled: where shipping is free, marketplaces state it and take it back as an offer."""
    paid = max(heads.get(SHIPPING_PAID_BY_BUYER, 0) + min(heads.get(OFFER, 0), 0), 0)
    return half_up(paid * line.quantity, line.open) if line.open else 0


def _spoken_of(whole: Sale, back: int, heads: Mapping[str, int]) -> int:
    """Of how many of the units that are back or lost the settlement took the price: all, when no number fits."""
    gross = sum(paise for head, paise in heads.items() if head in GROSS)
    fitting = (units for units in range(back, -1, -1) if whole.value(whole.kept - units) == gross)
    return next(fitting, back)


def _is_settled(lines: Sequence[SettlementLine], sold: Sale, *, lost: bool) -> bool:
    if sold.value(sold.kept):
        return any(line.heads.get(SALE) for line in lines)
    # Of a line that brings nothing (a free replacement, all came back) there may be fees alone.
    compared = GROSS | WITHHELD.keys() | (COMPENSATION if lost else frozenset())
    return any(head in compared or head.startswith(FEE) for line in lines for head in line.heads)


def _dates(order: Order, line: Line, lines: Sequence[SettlementLine]) -> Dates:
    """The day of the credit is that on which the marketplace credited or paid, whichever was earlier."""
    credited = min((at for entry in lines for at in (entry.posted_at, entry.paid_at) if at), key=moment, default=None)
    return Dates.of(ordered=line.sold_at, dispatched=order.left_at, delivered=line.delivered_at, credited=credited)


# --- what differs


def differences(
    found: Expected,
    lines: Iterable[SettlementLine],
    tolerances: Tolerances,
    *,
    shares: int = 0,
) -> tuple[Difference, ...]:
    """The heads that differ by more than they may, the largest first.

    ``shares`` of the lines are parts of one that several order lines share: each part was rounded by up to a paisa.
    """
    unique = {line.key: line for line in lines}
    heads = total(unique.values())
    together = any(head in SUMS_OF_FEES for head in heads)
    should = _should(found, together=together)
    lost, left = _compensation(found, heads)
    settled = {PRICE: 0, LOST_PARCEL: lost, COMPENSATED: min(left, 0)}
    for head, paise in heads.items():
        if name := _compared_as(head, together=together):
            settled[name] = settled.get(name, 0) + paise
    sale = found.breakdown.sale
    stated = sum(head.startswith(FEE) for line in unique.values() for head in line.heads)
    fees = max(stated, sum(charge.paise != 0 for charge in found.breakdown.fees.values()))
    differ = []
    for head in should.keys() | settled.keys():
        line = should.get(head, _Should(0))
        places = _places(head, unique.values(), together=together)
        one = Difference(head, line.paise, settled.get(head, 0), line.row, line.how, line.source, places)
        allowed = tolerances[_tolerance(head, known=head in should)]
        if not allowed.allows(
            one.difference_paise, line.paise, units=sale.quantity - sale.cancelled, fees=fees, shares=shares
        ):
            differ.append(one)
    return tuple(sorted(differ, key=lambda one: (-abs(one.difference_paise), one.head)))


def compensation(found: Expected, lines: Iterable[SettlementLine]) -> int:
    """What the marketplace paid for the line besides what it owes for lost units: it makes good what differs."""
    return max(_compensation(found, total(lines))[1], 0)


def made_good(found: Sequence[Difference], compensated_paise: int) -> bool:
    """Whether what the marketplace paid covers all that was too little, so that nothing is left to dispute."""
    short = -sum(one.difference_paise for one in found)
    return 0 < short <= compensated_paise


@dataclass(frozen=True)
class _Should:
    paise: int
    row: str | None = None
    how: str = ""
    source: str = ""


def _should(found: Expected, *, together: bool) -> dict[str, _Should]:
    told = {line["head"]: line for line in explain(found.breakdown)}
    should = {PRICE: _Should(told["sale"]["effect_paise"], how=told["sale"]["how"])}
    fees = {code: told[code] for code in found.breakdown.fees}
    if together:
        charged = [line for _, line in sorted(fees.items()) if line["paise"]]
        rows, sources = (", ".join(dict.fromkeys(line[name] for line in charged)) for name in ("row_id", "source"))
        should[FEES] = _Should(sum(line["effect_paise"] for line in charged), rows or None, "all fees", sources)
    else:
        should |= {FEE + code: _of_row(line) for code, line in fees.items()}
    should |= {code: _of_row(told[code]) for code in found.breakdown.levies if code in WITHHELD}
    if found.lost_paise:
        should[LOST_PARCEL] = _Should(found.lost_paise, how="the price of what was lost")
    return should


def _of_row(line: Mapping[str, Any]) -> _Should:
    return _Should(line["effect_paise"], line["row_id"], line["how"], line["source"])


def _compensation(found: Expected, heads: Mapping[str, int]) -> tuple[int, int]:
    """What was paid for lost units, and what else: each paisa is counted once."""
    paid = sum(heads.get(head, 0) for head in COMPENSATION)
    lost = min(max(paid, 0), found.lost_paise)
    return lost, paid - lost


def _compared_as(head: str, *, together: bool) -> str | None:
    """The head with which a settlement's head is compared; None for what is no difference, or told apart."""
    if head in GROSS:
        return PRICE
    if head.startswith(FEE):
        return FEES if together else head
    return head if head in WITHHELD or head == ADJUSTMENT or head.startswith(OTHER) else None


def _tolerance(head: str, *, known: bool) -> str:
    if head.startswith(FEE) and known:
        return "fee"
    return head if head in (PRICE, LOST_PARCEL, FEES) or head in WITHHELD else "unexpected"


def _places(head: str, lines: Iterable[SettlementLine], *, together: bool) -> tuple[Place, ...]:
    def speaks(line: SettlementLine) -> bool:
        if head in (LOST_PARCEL, COMPENSATED):
            return bool(COMPENSATION & line.heads.keys())
        return any(_compared_as(name, together=together) == head for name in line.heads)

    return tuple(sorted({Place(line.settlement_id, line.row) for line in lines if speaks(line)}))
