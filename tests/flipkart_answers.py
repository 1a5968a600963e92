"""Answers of Flipkart's API: its published structures filled with fictional values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hunar.domain.channel import Account
from hunar.marketplaces.body import written
from tests.flipkart_samples import SAMPLES
from tests.marketplaces.messages import BUYER

SHAPES: dict[str, dict[str, list[str]]] = json.loads((SAMPLES / "api_shapes.json").read_text())["answers"]
ACCOUNT = Account("flipkart", "demo-api", seller_id="S1234", location_id="LOC1234")
AT = "2026-11-24T09:30:00Z"

_SHIPMENT: dict[str, Any] = {
    "shipmentId": "S1",
    "dispatchByDate": "2026-11-27T15:30:00.000+05:30",
    "dispatchAfterDate": "2026-11-25T09:00:00.000+05:30",
    "updatedAt": "2026-11-24T15:00:00.000+05:30",
    "locationId": "LOC1234",
    "hold": False,
    "mps": False,
    "packagingPolicy": "DEFAULT",
    "subShipments": [{"subShipmentId": "SS-1", "packages": []}],
    "orderItems": [],
    "forms": [{"name": "INVOICE", "link": "https://forms.example/1", "automated": True}],
}
_ITEM: dict[str, Any] = {
    "orderItemId": "1",
    "orderId": "OD1",
    "cancellationGroupId": "grp1",
    "orderDate": "2026-11-24T10:00:00.000+05:30",
    "cancellationDate": None,
    "paymentType": "COD",
    "status": "APPROVED",
    "cancellationReason": None,
    "cancellationSubReason": None,
    "courierReturn": False,
    "quantity": 1,
    "fsn": "FSN1",
    "sku": "KLU-CAP",
    "listingId": "LST1",
    "hsn": None,
    "title": "Woollen cap",
    "packageIds": [],
    "priceComponents": {
        "sellingPrice": Decimal("295.0"),
        "totalPrice": Decimal("295.0"),
        "shippingCharge": Decimal("0.0"),
        "customerPrice": Decimal("295.0"),
        "flipkartDiscount": Decimal("0.0"),
    },
    "serviceProfile": "NON_FBF",
    "is_replacement": False,
}
_RETURN: dict[str, Any] = {
    "orderItemId": "1",
    "locationId": "LOC1234",
    "orderId": "OD1",
    "quantity": 1,
    "orderDate": "2026-11-24T10:00:00.000+05:30",
    "createdDate": "2026-12-01T10:00:00.000+05:30",
    "courierName": "Ekart",
    "sellerId": "S1234",
    "returnId": "R1",
    "status": "RETURN_CREATED",
    "type": "customer_return",
    "reason": "item_damaged",
    "subReason": "torn",
    "trackingId": "FMPR0000000001",
    "shipmentStatus": "in_transit",
    "shipmentId": "S1",
    "comments": f"This is {BUYER[0]}, call {BUYER[1]} or come to {BUYER[2]}",
    "updatedDate": "2026-11-24T15:00:00.000+05:30",
    "approvedOn": None,
    "expectedDate": "2026-12-05T00:00:00.000+05:30",
    "serviceProfile": "NON_FBF",
    "services": [{"serviceFulfilmentId": "1", "description": "", "serviceByDate": None, "createdAt": None}],
}


def item(line_id: str = "1", **other: Any) -> dict[str, Any]:
    """One entry of a shipment."""
    return {**_ITEM, "orderItemId": line_id, **other}


def shipment(*items: Any, **other: Any) -> dict[str, Any]:
    return {**_SHIPMENT, "orderItems": list(items or (item(),)), **other}


def returned(**other: Any) -> dict[str, Any]:
    return {**_RETURN, **other}


def page(*shipments: Any, **other: Any) -> bytes:
    """A page of found shipments, the last one unless it says otherwise."""
    return written({"hasMore": False, "nextPageUrl": None, "shipments": list(shipments), **other}).encode()


def returns_page(*returns: Any, **other: Any) -> bytes:
    return written({"hasMore": False, "nextUrl": None, "returnItems": list(returns), **other}).encode()


def part(**of: Any) -> bytes:
    """A part with a shipment or a ``return`` as the marketplace sent it."""
    return written(of).encode()
