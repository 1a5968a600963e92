"""Amazon's notifications, as they come through the agency's own queue.

Nobody signs them: the queue's policy lets only Amazon send, and ``seller`` says for whom. So what they state is no
claim. ORDER_CHANGE states an order, or at OrderItemLevel one item of it, and says nothing of the others then:

===================  =======  =========================================================================
OrderStatus          shows    what it states of the order, and why
===================  =======  =========================================================================
PendingAvailability  held     Held: a pre-order before its release, nothing may be packed yet
Pending              held     Held: the payment is not authorized, the order may still vanish
Unshipped                     Released: pack and hand over
PartiallyShipped              Released, and no Step: a step is of the whole order, and QuantityShipped of
                              one line must not count the rest as gone. Shipped comes when all left
Shipped              shipped  Released and Step shipped
InvoiceUnconfirmed   shipped  the same: all was shipped, and only the seller's invoice is missing
Canceled                      every item named is Stated with nothing sold
Unfulfillable        held     Held: by Amazon's words only of what its own warehouses send for sales made
                              elsewhere. Of a group's order nobody packs, and a person looks
===================  =======  =========================================================================

Beside it each item is Placed, without a price, and Stated with its Quantity; an item that is Canceled is Stated with
nothing sold. IsBuyerRequestedCancel is a request. EasyShipShipmentStatus speaks of the order's one parcel; its 16
words mean what the table of ``amazon_orders`` says.

The time of all facts is TimeOfOrderChange; where that is null, EventTime; never PublishTime. Without a PurchaseDate
the order was sold by then at the latest.

Other types that Amazon documents and that move no order are kept, redacted, as NOTED. All else is kept whole and shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hunar.domain.facts import MARKETPLACE, CancelRequested, Fact, Lost, Stated, Step
from hunar.domain.reading import Finding, Reading
from hunar.marketplaces import fields
from hunar.marketplaces.amazon_orders import (
    EASY_SHIP,
    STANDINGS,
    Parcel,
    Placing,
    Standing,
    each_line,
    elsewhere,
    identity,
    leaves,
    no_units,
    of_return,
    of_standing,
    optional_time,
    read_answer,
    unknown,
)
from hunar.marketplaces.body import Shape, Unreadable, read_object, redacted, written

__all__ = ["BODY_SIGNED", "Sender", "read", "read_answer", "seller"]

BODY_SIGNED: Final = True
"""Nobody but Amazon may send to the queue."""

_STATUS: Final[Mapping[str, str]] = {
    "PendingAvailability": "PENDING_AVAILABILITY",
    "Pending": "PENDING",
    "Unshipped": "UNSHIPPED",
    "PartiallyShipped": "PARTIALLY_SHIPPED",
    "Shipped": "SHIPPED",
    "InvoiceUnconfirmed": "SHIPPED",
    "Canceled": "CANCELLED",
    "Unfulfillable": "UNFULFILLABLE",
}
_EASY_SHIP: Final[Mapping[str, str]] = {
    "PendingSchedule": "PENDING_SCHEDULE",
    "PendingPickUp": "PENDING_PICK_UP",
    "PendingDropOff": "PENDING_DROP_OFF",
    "LabelCanceled": "LABEL_CANCELLED",
    "PickedUp": "PICKED_UP",
    "DroppedOff": "DROPPED_OFF",
    "AtOriginFC": "AT_ORIGIN_FC",
    "AtDestinationFC": "AT_DESTINATION_FC",
    "OutForDelivery": "OUT_FOR_DELIVERY",
    "Delivered": "DELIVERED",
    "RejectedByBuyer": "REJECTED_BY_BUYER",
    "Undeliverable": "UNDELIVERABLE",
    "ReturningToSeller": "RETURNING_TO_SELLER",
    "ReturnedToSeller": "RETURNED_TO_SELLER",
    "Lost": "LOST",
    "Damaged": "DAMAGED",
}
"""The words of notifications, in those of the API: both state the same facts."""
_LEVELS: Final = ("OrderLevel", "OrderItemLevel")
_CHANGES: Final = ("BuyerRequestedChange", "DeliveryTipChange", "OrderStatusChange")

_ENVELOPE: Final = leaves("NotificationVersion NotificationType PayloadVersion EventTime") | {
    "NotificationMetadata": leaves("ApplicationId SubscriptionId PublishTime NotificationId")
}
_ITEM: Final = leaves("OrderItemId SellerSKU OrderItemStatus Quantity QuantityShipped IsBuyerRequestedCancel")
_SUMMARY: Final = leaves(
    "MarketplaceId OrderStatus PurchaseDate FulfillmentType OrderType EarliestShipDate LatestShipDate"
    " EasyShipShipmentStatus"
) | {"OrderPrograms": [None], "ShippingPrograms": [None], "OrderItems": [_ITEM]}
_ORDER_CHANGE: Final = leaves("NotificationLevel SellerId AmazonOrderId OrderChangeType") | {
    "OrderChangeTrigger": leaves("TimeOfOrderChange"),
    "Summary": _SUMMARY,
}
_TRANSACTION: Final = leaves("TransactionType PostedDate") | {
    "SellingPartnerMetadata": leaves("SellingPartnerId MarketplaceId AccountType"),
    "RelatedIdentifiers": [leaves("RelatedIdentifierName RelatedIdentifierValue")],
    "TotalAmount": leaves("CurrencyAmount CurrencyCode"),
}
_REPORT: Final = leaves("SellerId AccountId ReportId ReportType ProcessingStatus ReportDocumentId")
_FEED: Final = leaves("SellerId FeedId FeedType ProcessingStatus ResultFeedDocumentId")

KEPT: Final[Mapping[str, Mapping[str, Any]]] = {
    "ORDER_CHANGE": _ENVELOPE | {"Payload": {"OrderChangeNotification": _ORDER_CHANGE}},
    "TRANSACTION_UPDATE": _ENVELOPE | {"Payload": {"TransactionUpdateNotification": _TRANSACTION}},
    "LISTINGS_ITEM_MFN_QUANTITY_CHANGE": _ENVELOPE
    | {"Payload": leaves("SellerId FulfillmentChannelCode Sku Quantity")},
    "REPORT_PROCESSING_FINISHED": _ENVELOPE | {"Payload": {"ReportProcessingFinishedNotification": _REPORT}},
    "FEED_PROCESSING_FINISHED": _ENVELOPE | {"Payload": {"FeedProcessingFinishedNotification": _FEED}},
}
"""What is kept of each type. Names are read in any case: some types write theirs in camelCase."""

_CHANGE: Final = "Payload.OrderChangeNotification"
_S: Final = f"{_CHANGE}.Summary"


@dataclass(frozen=True)
class Sender:
    """For whom a notification says that it is."""

    seller_id: str
    application_id: str
    subscription_id: str


def seller(raw: bytes) -> Sender | None:
    """For whom a notification of any type is. None when it does not say so, or says two things."""
    try:
        message = read_object(raw)
    except Unreadable:
        return None
    metadata, payload = _named(message, "NotificationMetadata"), _named(message, "Payload")
    # Each type wraps its payload in an object of its own, but for some that have none.
    inside = [payload, *(payload.values() if isinstance(payload, dict) else ())]
    sellers = [
        *(_named(each, "SellerId") for each in inside),
        *(_named(_named(each, "SellingPartnerMetadata"), "SellingPartnerId") for each in inside),
    ]
    named = {fields.identity(each) for each in sellers if each is not None}
    seller_id = named.pop() if len(named) == 1 else None
    application = fields.identity(_named(metadata, "ApplicationId"))
    subscription = fields.identity(_named(metadata, "SubscriptionId"))
    if seller_id is None or application is None or subscription is None:
        return None
    return Sender(seller_id, application, subscription)


def read(raw: bytes, account: str) -> Reading:
    """What a notification states. Never raises: what cannot be read is a finding that names the field."""
    del account  # ``seller`` says whose it is.
    kind = None
    try:
        message = read_object(raw)
        kind = fields.words(_cased(message, _ENVELOPE).get("NotificationType"))
        # Redaction comes before reading: nothing below can take what is not kept.
        shape = KEPT.get(kind or "", {})
        kept = redacted(_cased(message, shape), shape)
    except Unreadable as error:
        return Reading(None, kind, "UNREADABLE", findings=(Finding("UNREADABLE", "body", str(error)),))
    if kind is None:
        finding = Finding("UNREADABLE", "NotificationType", "is missing or not a name")
        return Reading(None, None, "UNREADABLE", findings=(finding,))
    if kind not in KEPT:
        finding = Finding("UNKNOWN_EVENT", "NotificationType", f"{kind} is not a type that is read here")
        return Reading(None, kind, "UNKNOWN_EVENT", findings=(finding,))
    text = written(kept)
    if kind != "ORDER_CHANGE":
        return Reading(_named_order(kept), kind, "NOTED", redacted=text)
    change = (kept.get("Payload") or {}).get("OrderChangeNotification") or {}
    order_id = identity(change.get("AmazonOrderId"))
    try:
        if order_id is None:
            raise fields.Wrong(f"{_CHANGE}.AmazonOrderId", "is missing or not an id")
        foreign = elsewhere((change.get("Summary") or {}).get("MarketplaceId"), f"{_S}.MarketplaceId")
        if foreign:
            return Reading(order_id, kind, "REJECTED", findings=(foreign,), redacted=text)
        findings: list[Finding] = []
        facts = tuple(dict.fromkeys(_changed(order_id, change, _time(kept, change), findings)))
    except fields.Wrong as wrong:
        return Reading(order_id, kind, "REJECTED", findings=(wrong.finding("UNREADABLE"),), redacted=text)
    return Reading(order_id, kind, "APPLIED" if facts else "REJECTED", facts, tuple(findings), text)


def _changed(order_id: str, change: Mapping[str, Any], at: str, findings: list[Finding]) -> list[Fact]:
    summary = change.get("Summary") or {}
    if change.get("NotificationLevel") not in _LEVELS:
        findings.append(unknown(change.get("NotificationLevel"), f"{_CHANGE}.NotificationLevel", "a level"))
    if change.get("OrderChangeType") not in _CHANGES:
        findings.append(unknown(change.get("OrderChangeType"), f"{_CHANGE}.OrderChangeType", "a change"))
    status, fulfilled = summary.get("OrderStatus"), summary.get("FulfillmentType")
    standing = STANDINGS.get(_STATUS.get(str(status), ""))
    if standing is None or (status == "Unfulfillable" and fulfilled != "AFN"):
        findings.append(unknown(status, f"{_S}.OrderStatus", "a status of such an order"))
    if fulfilled not in ("AFN", "MFN"):
        findings.append(unknown(fulfilled, f"{_S}.FulfillmentType", "a party"))
    given = summary.get("EasyShipShipmentStatus")
    shipment = _EASY_SHIP.get(str(given), "")
    parcel = EASY_SHIP.get(shipment, Parcel())
    if given is not None and not shipment:
        findings.append(unknown(given, f"{_S}.EasyShipShipmentStatus", "a status of a parcel"))
    placing = Placing(
        at=at,
        sold_at=optional_time(summary.get("PurchaseDate"), f"{_S}.PurchaseDate", findings) or at,
        ship_by=optional_time(summary.get("LatestShipDate"), f"{_S}.LatestShipDate", findings),
        fulfilled_by=MARKETPLACE if fulfilled == "AFN" else "",
        replacement="Replacement" in (summary.get("OrderPrograms") or []),
    )

    def line(line_id: str, item: Mapping[str, Any], where: str) -> list[Fact]:
        facts = _line(line_id, item, where, placing, standing or Standing(), findings)
        if parcel.back and not no_units(item.get("Quantity")):
            quantity = fields.quantity(item, where, "Quantity")
            facts += of_return(order_id, line_id, at, quantity, shipment, parcel.back)
        return facts

    facts = each_line(summary.get("OrderItems"), f"{_S}.OrderItems", "OrderItemId", line, findings)
    facts += of_standing(standing, at) if standing else []
    if parcel.step:
        facts.append(Step(parcel.step, at))
    if parcel.lost:
        facts.append(Lost(at, shipment))
    return facts


def _line(
    line_id: str,
    item: Mapping[str, Any],
    where: str,
    placing: Placing,
    standing: Standing,
    findings: list[Finding],
) -> list[Fact]:
    status, requested = item.get("OrderItemStatus"), item.get("IsBuyerRequestedCancel")
    cancelled = standing.cancelled or status == "Canceled"
    if status is not None and status not in _STATUS:
        findings.append(unknown(status, f"{where}.OrderItemStatus", "a status of an item"))
    if cancelled and no_units(item.get("Quantity")):
        return [Stated(line_id, placing.at, 0)]
    quantity = fields.quantity(item, where, "Quantity")
    listing = fields.words(item.get("SellerSKU"))
    if listing is None:
        raise fields.Wrong(f"{where}.SellerSKU", "is missing or not a name")
    facts: list[Fact] = [
        placing.of(line_id, listing, quantity),
        Stated(line_id, placing.at, 0 if cancelled else quantity),
    ]
    if requested is True and not cancelled:
        facts.append(CancelRequested(line_id, placing.at))
    elif requested is not None and not isinstance(requested, bool):
        findings.append(unknown(requested, f"{where}.IsBuyerRequestedCancel", "an answer"))
    return facts


def _time(message: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    """The line's own time. Raises Wrong for one that cannot be read: another clock would be a guess."""
    changed = (change.get("OrderChangeTrigger") or {}).get("TimeOfOrderChange")
    if changed is not None:
        return fields.time(changed, f"{_CHANGE}.OrderChangeTrigger.TimeOfOrderChange")
    return fields.time(message.get("EventTime"), "EventTime")


def _named_order(message: Mapping[str, Any]) -> str | None:
    """The order that a payment is about, so that it is kept with it."""
    update = (message.get("Payload") or {}).get("TransactionUpdateNotification") or {}
    related = [each or {} for each in update.get("RelatedIdentifiers") or []]
    orders = {
        identity(each.get("RelatedIdentifierValue"))
        for each in related
        if each.get("RelatedIdentifierName") == "OrderId"
    }
    return orders.pop() if len(orders) == 1 else None


def _named(value: Any, name: str) -> Any:
    """The one value of this name in any case; None when there is none, or when there are two."""
    if not isinstance(value, dict):
        return None
    found = [inner for given, inner in value.items() if given.lower() == name.lower()]
    return found[0] if len(found) == 1 else None


def _cased(value: Any, shape: Shape) -> Any:
    """The value with the names of its shape as the shape writes them, without all others.

    Raises Unreadable for a name that stands twice: another reader might take the other one.
    """
    if isinstance(shape, list):
        return [_cased(inner, shape[0]) for inner in value] if isinstance(value, list) else value
    if shape is None or not isinstance(value, dict):
        return value
    names = {name.lower(): name for name in shape}
    found: dict[str, Any] = {}
    for given, inner in value.items():
        name = names.get(given.lower())
        if name in found:
            raise Unreadable(f"the name {name} stands twice in one object, in different case")
        if name is not None:
            found[name] = _cased(inner, shape[name])
    return found
