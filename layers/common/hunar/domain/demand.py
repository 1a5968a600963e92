"""What an order asks of the stock: per line, units to hold, units that are gone and units that are back."""

from __future__ import annotations

from dataclasses import dataclass

from hunar.domain.order import Order


@dataclass(frozen=True)
class Demand:
    """Units of one SKU that a line wants held on the shelf, or that have left it. One of the two is 0."""

    sku: str
    group_id: str
    hold: int
    gone: int
    back: int = 0
    """Units of those that left which an inspection put back on the shelf."""


def demand(order: Order) -> dict[str, Demand]:
    """The demand of each line whose product is known and that a group sends. Nothing else may touch stock."""
    left = order.left_at is not None
    return {
        line.line_id: Demand(
            sku=line.resolved.sku,
            group_id=line.resolved.group_id,
            # What is only claimed to be cancelled stays reserved: nobody may free a shelf with a forged message.
            hold=0 if left else line.open + line.unconfirmed,
            gone=line.open + line.unconfirmed if left else 0,
            back=line.good,
        )
        for line in order.lines
        if line.resolved is not None and line.ours
    }
