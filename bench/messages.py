"""A Flipkart announcement with today's dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any


def created(shipment: str, sku: str, quantity: int = 1, price: float = 399.0) -> dict[str, Any]:
    now = datetime.now(UTC)

    def at(delta: timedelta) -> str:
        return (now + delta).isoformat(timespec="milliseconds")

    prices = {"sellingPrice": price, "totalPrice": price * quantity, "shippingCharge": 0.0}
    line = {
        "orderItemId": "1",
        "orderId": f"OD-{shipment}",
        "orderDate": at(timedelta(minutes=-5)),
        "paymentType": "PREPAID",
        "status": "APPROVED",
        "quantity": quantity,
        "sku": sku,
        "listingId": f"LST-{sku}",
        "priceComponents": prices,
    }
    return {
        "eventType": "shipment_created",
        "source": "flipkart",
        "version": "v3",
        "locationId": "LOC1234",
        "timestamp": at(timedelta()),
        "attributes": {"dispatchByDate": at(timedelta(days=2)), "hold": False, "orderItems": [line]},
        "shipmentId": shipment,
    }
