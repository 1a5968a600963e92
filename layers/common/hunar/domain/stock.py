"""Counting: what a shelf has, what is promised, and what an order moves.

For every SKU, at every moment: ``on_hand = available + reserved``, nothing is negative, and
``available - short - uncounted`` equals everything counted in, less what left and did not come
back, less what open orders ask for. That last sum does not depend on the order in which messages came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from hunar.domain.demand import Demand


@dataclass(frozen=True)
class Stock:
    """One SKU's counters, in units."""

    sku: str
    group_id: str
    on_hand: int = 0
    """On the shelf: available and reserved."""
    available: int = 0
    """On the shelf and promised to nobody."""
    reserved: int = 0
    """On the shelf and promised to an order."""
    buffer: int = 0
    """Held back from what channels are told."""
    short: int = 0
    """Sold, and not there."""
    uncounted: int = 0
    """Left the shelf though the counters had none: somebody must count this shelf."""

    @property
    def offered(self) -> int:
        """Units that channels are told they may sell."""
        return max(0, self.available - self.buffer)

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Stock:
        return cls(**{name: item[name] for name in cls.__dataclass_fields__})

    def content(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Applied:
    """What one line has taken of its SKU so far, in units."""

    sku: str
    reserved: int = 0
    short: int = 0
    consumed: int = 0
    restocked: int = 0
    """Units that came back and were put on the shelf again."""
    since: str | None = None
    """While units are missing: the time of sale by which the line waits for them."""


def owes_allocation(stock: Stock) -> bool:
    """Free units and lines that wait for them at the same time: the oldest must be served."""
    return stock.available > 0 and stock.short > 0


def recounted(stock: Stock, counted: int) -> int:
    """Units that a count of the shelf adds (or takes) to what these counters show.

    Units that left uncounted were on the shelf before, so the counters owe them: a shelf that shows
    4 on hand and 3 uncounted and is counted as 4 had 3 more than anybody knew.
    """
    return counted - stock.on_hand + stock.uncounted


def adjusted(stock: Stock, quantity: int) -> Stock:
    """Units were counted in, or out when negative. What is promised stays promised."""
    if quantity >= 0:
        return _settled(replace(stock, on_hand=stock.on_hand + quantity, available=stock.available + quantity))
    return _taken(stock, -quantity)


def applied_to(
    stocks: Mapping[str, Stock], applied: Mapping[str, Applied], demands: Mapping[str, Demand], serve: str | None = None
) -> tuple[dict[str, Stock], dict[str, Applied]]:
    """Stock and order after the order's demand is met as far as the shelf allows.

    It is the turn of this order to get free units of the SKU ``serve``: it has the oldest short line.

    ``stocks`` holds every SKU and ``applied`` every line that is asked for. Releases come first, over
    all lines, so that what one line gives back another line of the same order can have.
    """
    shelf = dict(stocks)
    lines = {line_id: applied[line_id] for line_id in demands}
    for move in (_release, _consume):
        for line_id, want in sorted(demands.items()):
            shelf[want.sku], lines[line_id] = move(shelf[want.sku], lines[line_id], want)
    for line_id, want in sorted(demands.items()):
        if want.sku == serve:
            shelf[want.sku], lines[line_id] = _serve(shelf[want.sku], lines[line_id])
    # Lines of one SKU in one order are one buyer: the second does not wait behind the first.
    queued = {sku for sku, stock in shelf.items() if stock.short}
    for line_id, want in sorted(demands.items()):
        shelf[want.sku], lines[line_id] = _reserve(shelf[want.sku], lines[line_id], want, want.sku in queued)
    return shelf, {**applied, **lines}


def moves(before: Applied, after: Applied) -> str:
    """What a line moved, in words for a person: ``reserved +2, short -1``. Empty when it moved nothing."""
    names = ("reserved", "short", "consumed", "restocked")
    changed = [(name, getattr(after, name) - getattr(before, name)) for name in names]
    return ", ".join(f"{name} {units:+d}" for name, units in changed if units)


def _release(stock: Stock, line: Applied, want: Demand) -> tuple[Stock, Applied]:
    """Give back what is no longer asked for: short units first, they cost nobody anything."""
    if (back := line.consumed - want.gone) > 0:
        # It never left after all: by its own time, a cancellation came before the goods went.
        stock = _settled(replace(stock, on_hand=stock.on_hand + back, available=stock.available + back))
        line = replace(line, consumed=line.consumed - back)
    if (back := want.back - line.restocked) > 0:
        stock = _settled(replace(stock, on_hand=stock.on_hand + back, available=stock.available + back))
        line = replace(line, restocked=want.back)
    surplus = line.reserved + line.short + line.consumed - want.hold - want.gone
    if (short := min(max(surplus, 0), line.short)) > 0:
        stock = replace(stock, short=stock.short - short)
        line = replace(line, short=line.short - short)
    if (freed := min(max(surplus - short, 0), line.reserved)) > 0:
        stock = _settled(replace(stock, reserved=stock.reserved - freed, available=stock.available + freed))
        line = replace(line, reserved=line.reserved - freed)
    return stock, line


def _consume(stock: Stock, line: Applied, want: Demand) -> tuple[Stock, Applied]:
    """The goods left: take them from the line's own reservation, then from the shelf, then count them as missing."""
    if (wrong := line.restocked - want.back) > 0:
        # An inspection was corrected: these units did not come back after all.
        stock, line = _taken(stock, wrong), replace(line, restocked=want.back)
    need = want.gone - line.consumed
    if need <= 0:
        return stock, line
    own = min(need, line.reserved)
    stock = replace(stock, reserved=stock.reserved - own, on_hand=stock.on_hand - own, short=stock.short - line.short)
    stock = _taken(stock, need - own)
    return stock, replace(line, reserved=line.reserved - own, short=0, consumed=want.gone)


def _serve(stock: Stock, line: Applied) -> tuple[Stock, Applied]:
    """What was short gets units that came or became free."""
    there = min(line.short, stock.available)
    stock = replace(
        stock, available=stock.available - there, reserved=stock.reserved + there, short=stock.short - there
    )
    return stock, replace(line, reserved=line.reserved + there, short=line.short - there)


def _reserve(stock: Stock, line: Applied, want: Demand, queued: bool) -> tuple[Stock, Applied]:
    """Promise what is there; the rest is short. While lines wait for the SKU, a new one waits behind them."""
    need = want.hold - line.reserved - line.short
    if need <= 0:
        return stock, line
    there = 0 if queued else min(need, stock.available)
    stock = replace(
        stock,
        available=stock.available - there,
        reserved=stock.reserved + there,
        short=stock.short + need - there,
    )
    return stock, replace(line, reserved=line.reserved + there, short=line.short + need - there)


def _taken(stock: Stock, units: int) -> Stock:
    """Units that left without a reservation."""
    there = min(units, stock.available)
    return replace(
        stock,
        available=stock.available - there,
        on_hand=stock.on_hand - there,
        uncounted=stock.uncounted + units - there,
    )


def _settled(stock: Stock) -> Stock:
    """Units that came or became free first pay for those that left uncounted."""
    paid = min(stock.uncounted, stock.available)
    return replace(
        stock,
        available=stock.available - paid,
        on_hand=stock.on_hand - paid,
        uncounted=stock.uncounted - paid,
    )
