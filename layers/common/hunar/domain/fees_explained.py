"""Which row of the rate card, and which clause of a resolution, gave which paisa of a line, for a person to read."""

from __future__ import annotations

from typing import Any

from hunar.domain import rate_card
from hunar.domain.entitlement import Entitlement
from hunar.domain.fees import Breakdown, Charge
from hunar.domain.money import rupees
from hunar.domain.rate_row import NEVER, Basis, RoundAt
from hunar.domain.resolution import FeeBasis, Resolution


def explain(found: Breakdown) -> list[dict[str, Any]]:
    """Which row gave which paisa. ``effect_paise`` of all lines sums to what should arrive in the bank."""
    sale = found.sale
    lines: list[dict[str, Any]] = [
        {
            "head": "sale",
            "paise": found.value_paise,
            "effect_paise": found.value_paise,
            "how": f"{sale.kept} of {sale.quantity} at {rupees(sale.unit_price_paise)}"
            + _and("less the seller's discount of", sale.seller_discount_paise)
            + _and("with shipping of", sale.shipping_paise)
            + _and("less a refund of", sale.refunded_paise),
        }
    ]
    if gst := found.levies.get(rate_card.OUTPUT_GST):
        lines.append(_line(gst, 0))
    return lines + [_line(charge, -charge.paise) for charge in found.taken]


def explain_line(target: Entitlement) -> list[dict[str, Any]]:
    """As ``explain``, then the clauses by which it is shared; each row with the postings that it decided.

    All postings of the lines together are those of the line's expected entry.
    """
    if target.breakdown is None or target.resolution is None:
        return []
    lines = explain(target.breakdown) + _clauses(target, target.resolution)
    ends = {row.row_id: row.end_day for row in target.rows}
    for line in lines:
        end = ends.get(line.get("row_id", ""), NEVER)
        line["to"] = None if end == NEVER else end
        line["postings"] = [
            {"account": account, "amount_paise": paise}
            for (account, row_id), paise in sorted(target.amounts.items())
            if row_id == line.get("row_id")
        ]
    return lines


def _clauses(target: Entitlement, resolution: Resolution) -> list[dict[str, Any]]:
    """The clauses that move something, as they stand in the minutes."""
    moved: dict[str, int] = {}
    for (_, row_id), paise in target.amounts.items():
        moved[row_id] = moved.get(row_id, 0) + max(paise, 0)
    return [
        {
            "head": name,
            "paise": moved[resolution.clause(name)],
            "effect_paise": 0,
            "row_id": resolution.clause(name),
            "scope": "resolution",
            "from": resolution.from_day,
            "date_basis": "order",
            "round_at": str(RoundAt.LINE),
            "source": f"minutes of {resolution.minutes_date}, {resolution.minutes_ref}",
            "entered_by": None,
            "approved_by": resolution.group_id,
            "how": how,
        }
        for name, how in _in_words(resolution).items()
        if resolution.clause(name) in moved
    ]


def _in_words(resolution: Resolution) -> dict[str, str]:
    rate = percent(resolution.agency_fee)
    fee = {
        FeeBasis.PPM_OF_NET: f"{rate} % of the value without tax less the fees that the group bears",
        FeeBasis.PPM_OF_TAXABLE: f"{rate} % of the value without tax",
        FeeBasis.FIXED_PER_UNIT: f"{rupees(resolution.agency_fee)} for each unit",
    }[resolution.agency_fee_basis]
    return {
        "itc": f"GST on fees: {resolution.itc}",
        "tcs": f"TCS: {resolution.tcs}",
        "tds": f"TDS: {resolution.tds}",
        "agency_fee": fee,
        "piece": "the group's price for each piece",
        "fund": f"{percent(resolution.fund_ppm)} % of what the group gets",
    }


def _and(words: str, paise: int) -> str:
    return f", {words} {rupees(paise)}" if paise else ""


def _line(charge: Charge, effect: int) -> dict[str, Any]:
    row = charge.row
    return {
        "head": charge.code,
        "paise": charge.paise,
        "effect_paise": effect,
        "parts_paise": list(charge.parts),
        "row_id": row.row_id,
        "scope": row.scope,
        "from": row.first_day,
        "date_basis": str(row.date_basis),
        "round_at": str(row.round_at),
        "source": row.source,
        "entered_by": row.entered_by or None,
        "approved_by": row.approved_by or None,
        "how": _how(charge),
    }


def _how(charge: Charge) -> str:
    row = charge.row
    if not charge.units and row.basis is not Basis.PPM_OF_FEES:
        return f"not charged: only on {', '.join(row.charged_on)}"
    if row.basis in (Basis.FIXED_PER_UNIT, Basis.FIXED_PER_LINE):
        told = rupees(row.value) + (f" for each of {charge.units}" if row.basis is Basis.FIXED_PER_UNIT else "")
        if row.extra_grams:
            told += f" and {rupees(row.extra_paise)} for each {row.extra_grams} g begun above {row.weight_from - 1} g"
    else:
        told = f"{percent(row.value)} % of {rupees(charge.base_paise)}"
    if row.round_at is RoundAt.HALF and len(charge.parts) > 1:
        told += " in two halves"
    if charge.capped:
        told += f", at most {rupees(row.cap or 0)}"
    return told + _and("of which went back", charge.refunded_paise)


def percent(ppm: int) -> str:
    """A rate for a person to read: 85000 parts per million is ``8.5``."""
    whole, rest = divmod(ppm, 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")
