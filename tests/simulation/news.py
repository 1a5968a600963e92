"""Flipkart's later news in the shape of the published samples: holds, deadlines, papers and returns."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]


def _of_shipment(shipment: str, event: str, at: str, **attributes: Any) -> Message:
    return {
        "eventType": event,
        "source": "flipkart",
        "version": "v3",
        "timestamp": at,
        "attributes": attributes,
        "shipmentId": shipment,
    }


def hold(shipment: str, line_id: str, quantity: int | str, at: str) -> Message:
    return _of_shipment(shipment, "shipment_hold", at, orderItems=[{"orderItemId": line_id, "holdQuantity": quantity}])


def unhold(shipment: str, at: str) -> Message:
    return _of_shipment(shipment, "shipment_unhold", at, status="APPROVED")


def dates_changed(shipment: str, ship_by: str, at: str) -> Message:
    return _of_shipment(shipment, "shipment_dispatch_dates_changed", at, dispatchByDate=ship_by)


def form_failed(shipment: str, at: str) -> Message:
    return _of_shipment(shipment, "shipment_form_failed", at, status="FORM_FAILED", forms=["FORM_38"])


def returned(event: str, return_id: str, line_id: str, at: str, **item: Any) -> Message:
    """``event`` is created, picked_up, completed, cancelled, item_tracking_id_update or expected_date_changed."""
    return {
        "eventType": f"return_{event}",
        "source": "flipkart",
        "version": "v3",
        "timestamp": at,
        "returnId": return_id,
        "attributes": {"returnItems": [{"orderItemId": line_id, **item}]},
    }
