"""Flipkart's published messages, and its published structures filled with fictional values.

Every message can be turned to one order, ``about``, or left to be about one of its own.
"""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.marketplaces.messages import BUYER

SAMPLES = Path(__file__).parent / "samples" / "flipkart"
SHAPES: dict[str, dict[str, Any]] = json.loads((SAMPLES / "return_event_shapes.json").read_text())["events"]

SKU = "LKA041150"
"""The seller's code in the published creation."""

_FILLED: dict[str, Any] = {
    "returnId": "12300000000000001",
    "source": "flipkart",
    "timestamp": "2017-04-20T10:00:00+05:30",
    "locationId": "LOC1234",
    "orderItemId": "1883380307363600",
    "action": "refund",
    "quantity": 1,
    "orderDate": "2017-04-06T18:15:57.000+05:30",
    "createdDate": "2017-04-19T10:00:00.000+05:30",
    "updatedDate": "2017-04-19T11:00:00.000+05:30",
    "courierName": "Ekart",
    "reason": "item_damaged",
    "subReason": "torn",
    "trackingId": "FMPR0000000001",
    "shipmentId": "d133588f-b0ac-443b-99b4-7ac8648a0f89",
    "comments": f"This is {BUYER[0]}, call {BUYER[1]} or come to {BUYER[2]}",
    "completionDate": "2017-04-25T10:00:00.000+05:30",
    "replacementOrderItemId": "1883380307363699",
    "productId": "DIAE777EDCWNZSPZ",
    "listingId": "LSTDIAE777EDCWNZSPZQMLAT0",
    "expectedDate": "2017-04-24T00:00:00.000+05:30",
}
_IN_ENTRY = {"source": "customer_return"}
"""The same name says something else in an entry."""
_LATER = {"return_item_tracking_id_update": 1, "return_completed": 5, "return_cancelled": 2}
"""Days after the return was created."""


def published(event: str) -> dict[str, Any]:
    """The message as it was published, or its published structure with every field filled."""
    if event not in SHAPES:
        message: dict[str, Any] = json.loads((SAMPLES / f"{event}.json").read_text(), parse_float=Decimal)
        return message
    shape = SHAPES[event]
    entry = {name: _IN_ENTRY.get(name, _FILLED[name]) for name in shape["attributes.returnItems[]"]}
    top = {name: _FILLED.get(name) for name in shape["top"]}
    day = 20 + _LATER.get(event, 0)
    top |= {"eventType": event, "timestamp": f"2017-04-{day}T10:00:00+05:30", "attributes": {"returnItems": [entry]}}
    if "attributes.status" in shape:
        top["attributes"]["status"] = shape["attributes.status"]
    return top


EVENTS = [*sorted(path.stem for path in SAMPLES.glob("shipment_*.json")), *SHAPES]


def about(message: dict[str, Any], shipment: str, line_id: str) -> dict[str, Any]:
    """The same message about this shipment and this line."""
    message = copy.deepcopy(message)
    if "shipmentId" in message:
        message["shipmentId"] = shipment
    for entry in lines(message):
        entry["orderItemId"] = line_id
        if "shipmentId" in entry:
            entry["shipmentId"] = shipment
    return message


def lines(message: dict[str, Any]) -> list[dict[str, Any]]:
    attributes = message["attributes"]
    found: list[dict[str, Any]] = [*attributes.get("orderItems", []), *attributes.get("returnItems", [])]
    return found
