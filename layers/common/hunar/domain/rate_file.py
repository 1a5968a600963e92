"""A line of ``rates.csv`` as a registry item. ``docs/rates.md`` explains each column with a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final

from hunar.domain.rate_row import (
    AGENCY,
    GOVERNMENT,
    GST_ON_FEES,
    NARROWING,
    OUTPUT_GST,
    PAYMENTS,
    TAX_STATUSES,
    TCS,
    TDS,
    Basis,
    DateBasis,
    Item,
    Outcome,
    RefundRatio,
    RoundAt,
)

REQUIRED: Final = ("row_id", "scope", "code", "from", "basis", "value", "source")
OPTIONAL: Final = (
    *("to", "hsn", *NARROWING, "price_from", "price_to", "price_gt", "price_lte", "weight_gt", "weight_lte"),
    *("extra_grams", "extra_paise", "cap", "of_fee", "date_basis", "round_at", "charged_on", "refund_ratio"),
    *("entered_by", "approved_by"),
)
"""The columns that the file must have and may have."""

_FIXED: Final = frozenset({Basis.FIXED_PER_UNIT, Basis.FIXED_PER_LINE})
_FEE: Final = _FIXED | {Basis.PPM_OF_PRICE, Basis.PPM_OF_UNIT_PRICE, Basis.PPM_OF_TAXABLE}
_MARKETPLACE_FEE: Final = _FEE | {Basis.PPM_OF_ORDER_ITEM_VALUE, Basis.PPM_OF_FEE}
_WITHHELD: Final = frozenset({Basis.PPM_OF_TAXABLE, Basis.PPM_OF_PRICE})
_BASES: Final[Mapping[str, Mapping[str, frozenset[Basis]]]] = {
    GOVERNMENT: {
        OUTPUT_GST: frozenset({Basis.PPM_OF_TAXABLE}),
        GST_ON_FEES: frozenset({Basis.PPM_OF_FEES}),
        TCS: _WITHHELD,
        TDS: _WITHHELD,
    },
}
"""The codes of the scope that the program itself knows. In a marketplace's scope every code is a fee."""
_RESOLVED: Final[Mapping[str, str]] = {
    "agency_fee": "agency_fee_basis and agency_fee of resolutions.csv",
    "credits_owner": "itc, tcs and tds of resolutions.csv",
    "piece_share": "payout_basis of resolutions.csv: a piece price is the group's whole",
}
"""The agency's own codes of former times, and the clauses that say it now."""


class FieldError(Exception):
    """A field of a rate row cannot be read. ``field`` is its column, ``message`` is for the person who typed it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def row_from_csv(record: Mapping[str, Any]) -> Item:
    """A line of ``rates.csv`` as registry item; columns that are empty and did not use to exist leave no key.

    Raises FieldError.
    """
    text = {name: str(value).strip() for name, value in record.items() if value is not None}
    scope = _matching(text, "scope", r"[a-z][a-z0-9_-]{0,39}", "a marketplace's name, government or agency")
    code = _matching(text, "code", r"[a-z][a-z0-9_]{0,39}", "small letters and underscores, e.g. fixed_fee")
    if scope == AGENCY:
        clauses = _RESOLVED.get(code, "the clauses of resolutions.csv")
        message = f"what the agency takes is no rate: each group resolves it, in {clauses}"
        raise FieldError("scope", f"{message}; leave this row out")
    basis = _basis(text, scope, code)
    value = _whole(text, "value", "a whole number: parts per million (2 % is 20000) or paise")
    if basis.startswith("ppm_") and value > 1_000_000:
        raise FieldError("value", f"{value} parts per million are more than the whole; 2 % is 20000")
    first_day, end_day = _day(text, "from"), _day(text, "to") if text.get("to") else None
    if end_day is not None and end_day <= first_day:
        raise FieldError("to", f"must be after {first_day}: it is the first day on which the row no longer holds")
    price_from, price_to = _prices(text)
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
        **_for_whom(text),
        **_weights(text, basis),
        **_rules(text, scope, code, basis),
        **_signed(text),
    }


def _for_whom(text: Mapping[str, str]) -> Item:
    known: Item = {}
    for name in NARROWING:
        if not text.get(name):
            continue
        match name:
            case "tax_status":
                known[name] = _one_of(text, name, TAX_STATUSES)
            case "payment":
                known[name] = _one_of(text, name, PAYMENTS)
            case "seller_id":
                known[name] = _matching(text, name, r"[A-Za-z0-9]{1,40}", "the marketplace's id of the seller")
            case _:
                wanted = "small letters, digits, dots and dashes, e.g. apparel-other"
                known[name] = _matching(text, name, r"[a-z0-9][a-z0-9._-]{0,59}", wanted)
    return known


def _prices(text: Mapping[str, str]) -> tuple[int, int | None]:
    """The slab of prices, from inclusive, to exclusive. Each edge is given as one of two columns."""
    for one, other in (("price_from", "price_gt"), ("price_to", "price_lte")):
        if text.get(one) and text.get(other):
            raise FieldError(other, f"{one} says where the slab ends already: an edge has one of the two columns")
    price_from = _edge(text, "price_from", 0) or _edge(text, "price_gt", 1) or 0
    price_to = _edge(text, "price_to", 0)
    if price_to is None:
        price_to = _edge(text, "price_lte", 1)
    if price_to is not None and price_to <= price_from:
        column = "price_lte" if text.get("price_lte") else "price_to"
        raise FieldError(column, f"must be above {price_from}: it is the first price outside of the slab")
    return price_from, price_to


def _edge(text: Mapping[str, str], field: str, beyond: int, unit: str = "paise") -> int | None:
    return _whole(text, field, f"whole {unit}") + beyond if text.get(field) else None


def _weights(text: Mapping[str, str], basis: Basis) -> Item:
    known: Item = {}
    begins, ends = _edge(text, "weight_gt", 1, "grams"), _edge(text, "weight_lte", 1, "grams")
    if begins is not None:
        known["weight_from"] = begins
    if ends is not None:
        known["weight_to"] = ends
        if ends <= (begins or 0):
            raise FieldError("weight_lte", "must be above weight_gt")
    if text.get("extra_grams") or text.get("extra_paise"):
        known["extra_grams"] = _whole(
            text, "extra_grams", "whole grams: for each so many of them extra_paise come to it"
        )
        known["extra_paise"] = _whole(text, "extra_paise", "whole paise for each extra_grams begun")
        if not known["extra_grams"]:
            raise FieldError("extra_grams", "must be above 0")
        if begins is None:
            raise FieldError("weight_gt", "is missing: the weight above which the extra grams are counted")
        if basis not in _FIXED:
            raise FieldError("extra_paise", f"does not fit {basis}; only a fixed amount grows with the weight")
    return known


def _rules(text: Mapping[str, str], scope: str, code: str, basis: Basis) -> Item:
    known: Item = {}
    if text.get("cap"):
        if code == OUTPUT_GST:
            raise FieldError("cap", "does not fit output_gst: the tax inside a price has no limit")
        known["cap"] = _whole(text, "cap", "the most that it can come to, in whole paise")
    if basis is Basis.PPM_OF_FEE:
        wanted = "the code of the fee that a part is taken of"
        known["of_fee"] = _matching(text, "of_fee", r"[a-z][a-z0-9_]{0,39}", wanted)
        if known["of_fee"] == code:
            raise FieldError("of_fee", f"{code} cannot be a part of itself")
    elif text.get("of_fee"):
        raise FieldError("of_fee", f"is for {Basis.PPM_OF_FEE} only")
    if text.get("date_basis"):
        known["date_basis"] = _one_of(text, "date_basis", DateBasis)
    if text.get("round_at"):
        known["round_at"] = _one_of(text, "round_at", _roundings(code, basis))
    if text.get("charged_on"):
        names = text["charged_on"].split()
        if wrong := [name for name in names if name not in set(Outcome)]:
            raise FieldError("charged_on", f"{wrong[0]!r} is not one of {', '.join(Outcome)}")
        if scope in _BASES and names != [Outcome.SALE]:
            raise FieldError("charged_on", f"{scope} rates are taken of what was sold and kept")
        known["charged_on"] = [str(outcome) for outcome in Outcome if outcome in names]
    if text.get("refund_ratio"):
        known["refund_ratio"] = _one_of(text, "refund_ratio", RefundRatio)
    return known


def _roundings(code: str, basis: Basis) -> tuple[RoundAt, ...]:
    if basis is Basis.PPM_OF_FEES:
        return RoundAt.SUM, RoundAt.LINE, RoundAt.HALF
    return (RoundAt.LINE, RoundAt.HALF) if code == TCS else (RoundAt.LINE,)


def _signed(text: Mapping[str, str]) -> Item:
    known: Item = {}
    for name in ("entered_by", "approved_by"):
        if text.get(name):
            known[name] = _matching(text, name, r".{1,80}", "a person's name")
    if known.get("approved_by") and known.get("approved_by") == known.get("entered_by"):
        raise FieldError("approved_by", "must be another person than the one who entered the row")
    return known


def _matching(text: Mapping[str, str], field: str, pattern: str, wanted: str) -> str:
    value = text.get(field, "")
    if not re.fullmatch(pattern, value):
        raise FieldError(field, f"{value!r} is not {wanted}" if value else f"is missing: {wanted}")
    return value


def _one_of(text: Mapping[str, str], field: str, allowed: type[StrEnum] | tuple[str, ...]) -> str:
    value = text[field]
    if value not in set(allowed):
        raise FieldError(field, f"{value!r} does not fit here; it can be {', '.join(allowed)}")
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
    allowed = codes[code] if codes is not None else _MARKETPLACE_FEE
    value = text.get("basis", "")
    if value not in set(allowed):
        raise FieldError("basis", f"{value!r} does not fit {scope} {code}; it can be {', '.join(sorted(allowed))}")
    return Basis(value)
