"""What is wrong with the rows of a rate card taken together: ids that stand twice, overlaps and gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from hunar.domain.money import rupees
from hunar.domain.rate_row import ANY_PRICE, ANY_WEIGHT, GOVERNMENT, NARROWING, NEVER, Basis, Item, Row, Traits

Found = tuple[int, str, str]
"""Row number, column, message."""


def check(rows: Sequence[tuple[int, Item]]) -> list[Found]:
    """What is wrong with the rows of a file taken together: (row number, column, message), by row number.

    Looks for row ids that stand twice, overlaps, and gaps: between the days, the prices and the weights
    that a code's rows span, up to the last day that its scope spans; and in a marketplace's card from the
    first day of the card, because every fee of a card is asked for every day.
    """
    return sorted(clashes(rows) + gaps(rows))


def drafts(rows: Iterable[tuple[int, Item]]) -> list[Found]:
    """Rows that nobody has approved. Production takes none, because somebody must answer for what groups are shown."""
    return [
        (number, "approved_by", "is empty: production takes no rate that nobody has approved")
        for number, item in rows
        if not Row.of(item).approved_by
    ]


def clashes(rows: Sequence[tuple[int, Item]]) -> list[Found]:
    """Rows that cannot stand beside each other, whatever rows come to them."""
    read = [(number, Row.of(item)) for number, item in rows]
    problems: list[Found] = []
    first_with: dict[str, int] = {}
    dated_by: dict[tuple[str, str], Row] = {}
    for place, (number, row) in enumerate(read):
        if row.row_id in first_with:
            problems.append((number, "row_id", f"{row.row_id} stands in row {first_with[row.row_id]} already"))
        first_with.setdefault(row.row_id, number)
        first = dated_by.setdefault((row.scope, row.code), row)
        if row.date_basis is not first.date_basis:
            message = f"{row.code} of {first.row_id} goes by {first.date_basis}: one code goes by one day"
            problems.append((number, "date_basis", message))
        for other_number, other in read[:place]:
            if row.meets(other):
                problems.append((number, _shared(row, other), f"overlaps {other.row_id} in row {other_number}"))
    named = {(row.scope, row.code): row for _, row in read}
    for number, row in read:
        if row.basis is Basis.PPM_OF_FEE:
            other_row = named.get((row.scope, row.of_fee))
            if other_row is None or other_row.basis is Basis.PPM_OF_FEE:
                problems.append((number, "of_fee", f"{row.of_fee} is no fee of {row.scope} with an amount of its own"))
    return problems


def _shared(row: Row, other: Row) -> str:
    """The column of a row in which it should differ from one that it overlaps."""
    if row.narrowed_by != other.narrowed_by:
        return row.narrowed_by[0]
    if (row.first_day, row.end_day) != (other.first_day, other.end_day):
        return "from"
    same_price = (row.price_from, row.price_to) == (other.price_from, other.price_to)
    return "weight_gt" if same_price and row.weighed else "price_from"


def gaps(rows: Sequence[tuple[int, Item]]) -> list[Found]:
    """Days, prices and weights for which some product finds no row."""
    read = [(number, Row.of(item)) for number, item in rows]
    problems: list[Found] = []
    for scope, code, traits in sorted({(row.scope, row.code, _traits(row)) for _, row in read}, key=repr):
        problems += _gaps([(number, row) for number, row in read if row.scope == scope], code, traits)
    return problems


def _traits(row: Row) -> Traits:
    """The widest sales that a row is for."""
    return Traits(row.hsn, **{name: getattr(row, name) for name in NARROWING})


def _gaps(scope: Sequence[tuple[int, Row]], code: str, traits: Traits) -> list[Found]:
    """The days, prices and weights for which these sales find no row, one problem per row that should reach them."""
    own = [(number, row) for number, row in scope if row.code == code and _traits(row) == traits]
    able = [row for _, row in scope if row.code == code and row.fits(traits)]
    whole_card = not own[0][1].narrowed_by and own[0][1].scope != GOVERNMENT
    first = min(row.first_day for _, row in (scope if whole_card else own))
    last = max(row.end_day for _, row in scope)
    days = sorted({first, last} | {day for row in able for day in (row.first_day, row.end_day) if first < day < last})
    prices = sorted({0, ANY_PRICE} | {price for row in able for price in (row.price_from, row.price_to)})
    weights = sorted({0, ANY_WEIGHT} | {weight for row in able for weight in (row.weight_from, row.weight_to)})
    found: dict[tuple[int, str], Found] = {}
    for day, next_day in pairwise(days):
        for price, next_price in pairwise(prices):
            for weight, next_weight in pairwise(weights):
                # A cell between neighbouring edges is covered wholly or not at all, so its corner speaks for it.
                if any(row.covers(day, price, weight) for row in able):
                    continue
                number, column = _beside(own, day, next_day, price, weight)
                beside = _between(able, (day, price, weight), (next_day, next_price, next_weight))
                until = "" if next_day == NEVER else f" until {next_day}"
                slab = _slab(price, next_price) + _weights(weight, next_weight)
                message = f"gap: no {code} from {day}{until}{slab}; a fee that is not charged is a row with the value 0"
                message += beside
                found.setdefault((number, column), (number, column, message))
    return list(found.values())


def _between(able: Sequence[Row], low: Sequence[Any], high: Sequence[Any]) -> str:
    """The rows on both sides of a gap from ``low`` to ``high`` (day, price, weight), by their ids."""
    after: set[str] = set()
    before: set[str] = set()
    for row in able:
        spans: list[tuple[Any, Any]] = [
            (row.first_day, row.end_day),
            (row.price_from, row.price_to),
            (row.weight_from, row.weight_to),
        ]
        for axis, (begins, ends) in enumerate(spans):
            # A neighbour reaches over the gap in every direction but the one in which it ends or begins there.
            if all(spans[other][0] <= low[other] < spans[other][1] for other in range(3) if other != axis):
                if ends == low[axis]:
                    after.add(row.row_id)
                if begins == high[axis]:
                    before.add(row.row_id)
    told = [f"{word} {', '.join(sorted(ids))}" for word, ids in (("after", after), ("before", before)) if ids]
    return f" ({', '.join(told)})" if told else ""


def _slab(price: int, next_price: int) -> str:
    above = f" from {rupees(price)}" if price else ""
    return above + (f" below {rupees(next_price)}" if next_price != ANY_PRICE else "")


def _weights(weight: int, next_weight: int) -> str:
    above = f" above {weight - 1} g" if weight else ""
    return above + (f" up to {next_weight - 1} g" if next_weight != ANY_WEIGHT else "")


def _beside(own: Sequence[tuple[int, Row]], day: str, next_day: str, price: int, weight: int) -> tuple[int, str]:
    """The row next to a gap and its column that does not reach far enough."""
    today = [(number, row) for number, row in own if row.first_day <= day < row.end_day]
    for number, row in today:
        if row.price_from <= price < row.price_to:
            return number, "weight_lte" if row.weight_to <= weight else "weight_gt"
    for number, row in today:
        return number, "price_to" if row.price_to <= price else "price_from"
    for number, row in own:
        if row.end_day == day:
            return number, "to"
    return next(((number, "from") for number, row in own if row.first_day == next_day), (own[0][0], "to"))
