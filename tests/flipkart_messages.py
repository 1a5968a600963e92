"""Flipkart messages in the shape of the published samples, with what a test wants in them."""

from __future__ import annotations

from typing import Any

SOLD_AT = "2026-11-24T10:00:00.000+05:30"
SHIP_BY = "2026-11-27T15:30:00.000+05:30"


def item(sku: str, quantity: Any = 1, price: Any = 1499.0, line_id: str = "1", **other: Any) -> dict[str, Any]:
    """One order item as it is announced."""
    total = price * quantity if isinstance(price, (int, float)) and isinstance(quantity, int) else price
    return {
        "orderItemId": line_id,
        "orderId": "OD1",
        "orderDate": SOLD_AT,
        "paymentType": "COD",
        "status": "APPROVED",
        "quantity": quantity,
        "fsn": f"FSN{sku}",
        "sku": sku,
        "listingId": f"LST{sku}",
        "title": sku,
        "priceComponents": {"sellingPrice": price, "totalPrice": total, "shippingCharge": 0.0, "customerPrice": total},
        **other,
    }


def created(shipment: str, *items: dict[str, Any], at: str = "2026-11-24T10:05:00+05:30") -> dict[str, Any]:
    return {
        "eventType": "shipment_created",
        "source": "flipkart",
        "version": "v3",
        "locationId": "LOC1234",
        "timestamp": at,
        "attributes": {"dispatchByDate": SHIP_BY, "updatedAt": at, "hold": False, "orderItems": list(items)},
        "shipmentId": shipment,
    }


def step(shipment: str, event: str, at: str = "2026-11-25T09:00:00+05:30") -> dict[str, Any]:
    """``event`` is packed, ready_to_dispatch, pickup_complete, shipped or delivered."""
    return {
        "eventType": f"shipment_{event}",
        "source": "flipkart",
        "version": "v3",
        "timestamp": at,
        "attributes": {"status": event.upper()},
        "shipmentId": shipment,
    }


def cancelled(
    shipment: str, quantity: Any = 1, line_id: str = "1", at: str = "2026-11-24T12:00:00+05:30", **other: Any
) -> dict[str, Any]:
    line = {"orderItemId": line_id, "quantity": quantity, "reason": "buyer", "subReason": "changed_mind", **other}
    return {
        "eventType": "shipment_cancelled",
        "source": "flipkart",
        "version": "v3",
        "timestamp": at,
        "locationId": "LOC1234",
        "attributes": {"status": "CANCELLED", "orderItems": [line]},
        "shipmentId": shipment,
    }
