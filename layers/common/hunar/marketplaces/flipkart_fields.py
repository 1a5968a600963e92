"""What Flipkart's messages and the answers of its API have in common: an order item is the same object in both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hunar.domain.facts import COURIER, CUSTOMER, Placed
from hunar.marketplaces import fields

MOST_LINES: Final = 300
"""Of one shipment: its facts must fit into one item of the database."""

SOURCES: Final = {"customer_return": CUSTOMER, "courier_return": COURIER}


def leaves(names: str) -> dict[str, Any]:
    """The part of an allow-list that keeps these texts, numbers and booleans."""
    return dict.fromkeys(names.split())


PRICES: Final = leaves("sellingPrice totalPrice shippingCharge customerPrice flipkartDiscount")
SOLD: Final = leaves(
    "orderItemId orderId cancellationGroupId orderDate paymentType status quantity fsn sku listingId hsn title"
    " isReplacement is_replacement"
) | {"priceComponents": PRICES}
"""What is kept of an order item."""


def item_id(item: Mapping[str, Any], field: str) -> str:
    found = fields.identity(item.get("orderItemId"))
    if found is None:
        raise fields.Wrong(f"{field}.orderItemId", "is missing or not an id")
    return found


def read_item(item: Mapping[str, Any], field: str, at: str, ship_by: str | None) -> Placed:
    """An order item as a line that was sold. Raises Wrong."""
    line_id = item_id(item, field)
    quantity = fields.quantity(item, field)
    listing = fields.words(item.get("sku")) or fields.words(item.get("listingId")) or fields.words(item.get("fsn"))
    if not listing:
        raise fields.Wrong(f"{field}.sku", "is missing, and so are listingId and fsn")
    sold_at = fields.time(item.get("orderDate"), f"{field}.orderDate")
    price, problem = _unit_price(item.get("priceComponents"), quantity)
    # The table of the documentation says is_replacement, its example isReplacement.
    replacement = item.get("isReplacement") is True or item.get("is_replacement") is True
    return Placed(line_id, at, listing, quantity, price, problem, sold_at, ship_by, replacement)


def _unit_price(given: Any, quantity: int) -> tuple[int | None, str | None]:
    """``sellingPrice`` in paise, or why there is none.

    Flipkart does not say whether ``totalPrice`` is of a unit or a line, nor whether shipping is in
    it: every one of these readings is consistent. A total that agrees with none shows that the
    selling price is not what we take it for.
    """
    prices = given if isinstance(given, dict) else {}
    try:
        selling = fields.paise(prices, "sellingPrice")
        shipping = fields.paise(prices, "shippingCharge")
        total = fields.paise(prices, "totalPrice")
    except fields.Wrong as wrong:
        return None, str(wrong)
    if not selling:
        return None, "sellingPrice is missing or 0"
    extra = shipping or 0
    agreeing = {
        selling,
        selling * quantity,
        selling + extra,
        (selling + extra) * quantity,
        selling * quantity + extra,
    }
    if total is not None and total not in agreeing:
        return None, (
            f"totalPrice {fields.rupees(total)} agrees neither with sellingPrice {fields.rupees(selling)} nor with "
            f"{quantity} of it, with or without shippingCharge {fields.rupees(extra)}"
        )
    return selling, None
