"""Amazon's published notifications and answers.

Amazon publishes none of its marketplace in India. ``in_india`` rewrites the marketplace's id and the currency, and
nothing else: all that is applied in tests is such a copy.
"""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hunar.domain.channel import Account
from hunar.marketplaces import amazon_api
from hunar.marketplaces.amazon_orders import CURRENCY, MARKETPLACE_ID
from hunar.marketplaces.body import written

SAMPLES = Path(__file__).parent / "samples" / "amazon"
NOTIFICATIONS = (
    "order_change",
    "listings_item_mfn_quantity_change",
    "transaction_update",
    "report_processing_finished",
)
ORDERS = ("get_order_2026_028", "get_order_2026_171")
ACCOUNT = Account("amazon", "demo-api", seller_id="A3TH9S8BH6GOGM")


def published(name: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(), parse_float=Decimal)
    return message


def in_india(message: dict[str, Any]) -> dict[str, Any]:
    """The same, sold on Amazon's marketplace in India for rupees."""
    changed: dict[str, Any] = _in_india(copy.deepcopy(message))
    return changed


def _in_india(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_india(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    here = {"MarketplaceId": MARKETPLACE_ID, "marketplaceId": MARKETPLACE_ID, "currencyCode": CURRENCY}
    return {name: here.get(name) or _in_india(inner) for name, inner in value.items()}


def order(name: str = ORDERS[0], **changes: Any) -> dict[str, Any]:
    """The order of a published answer, in India. None takes a field away."""
    found: dict[str, Any] = in_india(published(name))["order"]
    return {name: value for name, value in (found | changes).items() if value is not None}


def part_of(order: dict[str, Any]) -> bytes:
    """The order as the channel takes it out of the answer to the question for it."""
    call = amazon_api.fetch(ACCOUNT, order["orderId"])
    (part,) = amazon_api.answered(call, written({"order": order}).encode()).parts
    return part.body
