"""Marketplace messages for the page and the check: the published shapes with the demo's products in them.

Shapes: Flipkart's notification documentation, v3, and Amazon's schema of ORDER_CHANGE and model of the Orders API,
2026-01-01 (``tests/samples`` holds their examples). What an API would show of an order is here, too. All dates are made
relative to the moment of the event, so that a message is never out of date.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final
from uuid import UUID

IST: Final = timezone(timedelta(hours=5, minutes=30))
LOCATION: Final = "LOC1234"


@dataclass(frozen=True)
class Product:
    """A product of the demo agency as the marketplace knows it."""

    sku: str
    title: str
    price: int
    """What the buyer pays for one, in whole rupees."""


PRODUCTS: Final = (
    Product("BGP-TSR-STOLE", "Bhagalpuri tussar silk stole", 1499),
    Product("BGP-KHD-STOLE", "Handspun khadi cotton stole", 649),
    Product("GKP-TER-HORSE", "Gorakhpur terracotta horse", 799),
    Product("GKP-DIYA-12", "Set of 12 clay diyas", 249),
    Product("KOL-JUTE-TOTE", "Jute tote bag", 399),
    Product("KOL-JUTE-LUNCH", "Jute lunch bag", 299),
    Product("MDU-MANGO-400", "Mango pickle 400 g", 189),
    Product("MDU-SUNGUDI", "Madurai sungudi cotton stole", 599),
    Product("KLU-SHAWL-W", "Kullu wool shawl", 2899),
    Product("KLU-CAP", "Kullu cap", 449),
)

UNMAPPED: Final = Product("SunChiraya-Tote", "Jute tote bag, sparrow print", 429)
"""A listing that the registry does not know until ``local/demo-later`` is imported."""

_BY_SKU: Final = {product.sku: product for product in (*PRODUCTS, UNMAPPED)}

STEPS: Final = {
    "packed": ("shipment_packed", "PACKED"),
    "ready": ("shipment_ready_to_dispatch", "READY_TO_DISPATCH"),
    "picked_up": ("shipment_pickup_complete", "PICKUP_COMPLETE"),
    "shipped": ("shipment_shipped", "SHIPPED"),
    "delivered": ("shipment_delivered", "DELIVERED"),
}


@dataclass(frozen=True)
class Item:
    """Units of one line. A line is named by what is sold (new orders) or by its order item id (the rest)."""

    quantity: int
    sku: str = ""
    order_item_id: str = ""


def created(shipment: str, items: Sequence[Item], at: datetime) -> dict[str, Any]:
    """``shipment_created``. The lines' order item ids follow from the shipment: see ``order_item_id``."""
    order_id = f"OD{_digits(shipment, 18)}"
    return {
        "eventType": "shipment_created",
        "source": "flipkart",
        "version": "v3",
        "locationId": LOCATION,
        "timestamp": _stamp(at),
        "attributes": {
            "dispatchByDate": _date(at + timedelta(days=2)),
            "dispatchAfterDate": _date(at),
            "updatedAt": _date(at),
            "hold": False,
            "mps": False,
            "subShipments": [{"subShipmentId": "SS-1", "packages": []}],
            "packagingPolicy": "DEFAULT",
            "orderItems": [_order_item(shipment, order_id, n, item, at) for n, item in enumerate(items, 1)],
            "forms": [],
            "dispatchLocation": None,
        },
        "shipmentId": shipment,
    }


def step(shipment: str, name: str, at: datetime) -> dict[str, Any]:
    """``shipment_packed`` and its sisters. KeyError for a step that is not in STEPS."""
    event, status = STEPS[name]
    return {
        "eventType": event,
        "source": "flipkart",
        "version": "v3",
        "timestamp": _stamp(at),
        "attributes": {"status": status},
        "shipmentId": shipment,
    }


def cancelled(shipment: str, items: Sequence[Item], at: datetime, reason: str = "buyer_cancellation") -> dict[str, Any]:
    """``shipment_cancelled`` of some units of some lines."""
    return {
        "eventType": "shipment_cancelled",
        "source": "flipkart",
        "version": "v3",
        "timestamp": _stamp(at),
        "locationId": LOCATION,
        "attributes": {
            "status": "CANCELLED",
            "orderItems": [
                {
                    "orderItemId": item.order_item_id,
                    "quantity": item.quantity,
                    "reason": reason,
                    "subReason": "order_cancelled",
                }
                for item in items
            ],
        },
        "shipmentId": shipment,
    }


def hold(shipment: str, items: Sequence[Item], at: datetime) -> dict[str, Any]:
    """``shipment_hold`` of some units of some lines."""
    return {
        "eventType": "shipment_hold",
        "source": "flipkart",
        "version": "v3",
        "timestamp": _stamp(at),
        "attributes": {
            "orderItems": [{"orderItemId": item.order_item_id, "holdQuantity": item.quantity} for item in items]
        },
        "shipmentId": shipment,
    }


def unhold(shipment: str, at: datetime) -> dict[str, Any]:
    """``shipment_unhold``: the whole shipment goes on."""
    return step(shipment, "packed", at) | {"eventType": "shipment_unhold", "attributes": {"status": "APPROVED"}}


def weighed(shipment: str, at: datetime) -> dict[str, Any]:
    """``shipment_weighed``: Flipkart has no such event, so Hunar cannot know it and a person must see it."""
    return step(shipment, "packed", at) | {"eventType": "shipment_weighed", "attributes": {"grams": 250}}


RETURNS: Final = {
    "return_picked_up": ("return_picked_up", "RETURN_PICKED_UP"),
    "return_completed": ("return_completed", "RETURN_COMPLETED"),
    "return_cancelled": ("return_cancelled", "RETURN_CANCELLED"),
}
"""Each step of a return with its event type and status."""


def return_created(
    shipment: str, items: Sequence[Item], at: datetime, source: str = "customer_return"
) -> dict[str, Any]:
    """``return_created``: units of some lines are to come back. One return for each shipment, see ``return_id``."""
    entries = [
        {
            "returnId": return_id(shipment),
            "orderItemId": item.order_item_id,
            "source": source,
            "action": "refund",
            "quantity": item.quantity,
            "orderDate": _date(at),
            "createdDate": _date(at),
            "updatedDate": _date(at),
            "courierName": "Demo Courier",
            "reason": "SIZE_ISSUE",
            "subReason": "TOO_LARGE",
            "trackingId": _digits(f"{shipment}/tracking", 12),
            "shipmentId": shipment,
            "comments": None,
            "expectedDate": _date(at + timedelta(days=4)),
        }
        for item in items
    ]
    return _of_return("return_created", shipment, "RETURN_CREATED", entries, at)


def return_step(shipment: str, name: str, items: Sequence[Item], at: datetime) -> dict[str, Any]:
    """The later news of the return. They name the order items and no shipment. KeyError for one not in RETURNS."""
    event, status = RETURNS[name]
    return _of_return(event, shipment, status, [{"orderItemId": item.order_item_id} for item in items], at)


def _of_return(event: str, shipment: str, status: str, entries: list[dict[str, Any]], at: datetime) -> dict[str, Any]:
    return {
        "eventType": event,
        "source": "flipkart",
        "version": "v3",
        "timestamp": _stamp(at),
        "locationId": LOCATION,
        "returnId": return_id(shipment),
        "attributes": {"status": status, "returnItems": entries},
    }


def return_id(shipment: str) -> str:
    """The id of a shipment's return."""
    return _digits(f"{shipment}/return", 17)


def order_item_id(shipment: str, number: int = 1) -> str:
    """The id of the ``number``-th line of a shipment that ``created`` made."""
    return _digits(f"{shipment}/{number}", 16)


def flipkart_shipment(shipment: str, items: Sequence[Item], at: datetime, **changes: Any) -> dict[str, Any]:
    """What Flipkart's API shows of the shipment that ``created`` announces.

    Without ``updatedAt``: whoever keeps it says when it changed.
    """
    attributes = created(shipment, items, at)["attributes"]
    unsaid = {"updatedAt", "dispatchLocation"}
    shown = {name: value for name, value in attributes.items() if name not in unsaid}
    return {"shipmentId": shipment, "locationId": LOCATION, **shown, "shipmentType": "NORMAL"} | changes


# --- Amazon -------------------------------------------------------------------------------------------------------

INDIA: Final = "A21TJRUUN4KGV"
"""Amazon's id of its Indian marketplace."""

BUYER: Final = "Not To Be Kept"
"""The name of every buyer of the demo: nobody who asks right ever hears it."""


def amazon_order_id(seed: str) -> str:
    """An order id that follows from a text: 3, 7 and 7 digits."""
    digits = _digits(f"{seed}/amazon", 17)
    return f"{digits[:3]}-{digits[3:10]}-{digits[10:]}"


def amazon_item_id(order_id: str, number: int = 1) -> str:
    """The id of the ``number``-th item of an Amazon order."""
    return _digits(f"{order_id}/{number}", 14)


def amazon_order(order_id: str, items: Sequence[Item], at: datetime) -> dict[str, Any]:
    """What Amazon's API shows of a new order that the seller is to send, with all its datasets.

    Without ``lastUpdatedTime``: whoever keeps it says when it changed.
    """
    return {
        "orderId": order_id,
        "createdTime": instant(at),
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": INDIA, "marketplaceName": "Amazon.in"},
        "buyer": {"buyerName": BUYER, "buyerEmail": "not-to-be-kept@marketplace.amazon.in"},
        "recipient": {
            "deliveryAddress": {"name": BUYER, "addressLine1": "1 Not To Be Kept", "phone": "+919999900099"},
        },
        "proceeds": {"grandTotal": _rupees(sum(item.quantity * _product(item.sku).price for item in items))},
        "fulfillment": {
            "fulfillmentStatus": "UNSHIPPED",
            "fulfilledBy": "MERCHANT",
            "fulfillmentServiceLevel": "STANDARD",
            "shipByWindow": _window(at, 0, 2),
            "deliverByWindow": _window(at, 3, 7),
        },
        "orderItems": [_amazon_item(order_id, number, item) for number, item in enumerate(items, 1)],
    }


def amazon_notification(
    seller: Mapping[str, str], order_id: str, items: Sequence[Item], at: datetime, status: str = "Unshipped"
) -> dict[str, Any]:
    """ORDER_CHANGE of a whole order. It says no price.

    ``seller`` is ``{"seller_id", "application_id", "subscription_id", …}``, as the account is registered.
    """
    units = sum(item.quantity for item in items)
    return {
        "NotificationVersion": "1.0",
        "NotificationType": "ORDER_CHANGE",
        "PayloadVersion": "1.0",
        "EventTime": zulu(at),
        "Payload": {
            "OrderChangeNotification": {
                "NotificationLevel": "OrderLevel",
                "SellerId": seller["seller_id"],
                "AmazonOrderId": order_id,
                "OrderChangeType": "OrderStatusChange",
                "OrderChangeTrigger": {"TimeOfOrderChange": zulu(at), "ChangeReason": "Order placed"},
                "Summary": {
                    "MarketplaceId": INDIA,
                    "OrderStatus": status,
                    "PurchaseDate": zulu(at),
                    "DestinationPostalCode": "110001",
                    "FulfillmentType": "MFN",
                    "OrderType": "StandardOrder",
                    "NumberOfItemsShipped": 0,
                    "NumberOfItemsUnshipped": units,
                    "EarliestDeliveryDate": zulu(at + timedelta(days=3)),
                    "LatestDeliveryDate": zulu(at + timedelta(days=7)),
                    "EarliestShipDate": zulu(at),
                    "LatestShipDate": zulu(at + timedelta(days=2)),
                    "CancelNotifyDate": zulu(at),
                    "OrderPrograms": [],
                    "ShippingPrograms": ["EasyShip"],
                    "EasyShipShipmentStatus": "PendingSchedule",
                    "ElectronicInvoiceStatus": "NotFound",
                    "OrderItems": [
                        {
                            "OrderItemId": amazon_item_id(order_id, number),
                            "SellerSKU": item.sku,
                            "SupplySourceId": "00000000-0000-4000-8000-000000000003",
                            "OrderItemStatus": status,
                            "Quantity": item.quantity,
                            "QuantityShipped": 0,
                            "IsBuyerRequestedCancel": False,
                            "ItemEarliestDeliveryDate": zulu(at + timedelta(days=3)),
                            "ItemLatestDeliveryDate": zulu(at + timedelta(days=7)),
                        }
                        for number, item in enumerate(items, 1)
                    ],
                },
            }
        },
        "NotificationMetadata": {
            "ApplicationId": seller["application_id"],
            "SubscriptionId": seller["subscription_id"],
            "PublishTime": zulu(at + timedelta(seconds=2)),
            "NotificationId": _uuid(f"{order_id}/{status}/{zulu(at)}"),
        },
    }


def _amazon_item(order_id: str, number: int, item: Item) -> dict[str, Any]:
    product = _product(item.sku)
    total = _rupees(item.quantity * product.price)
    return {
        "orderItemId": amazon_item_id(order_id, number),
        "quantityOrdered": item.quantity,
        "product": {
            "asin": f"B0{_letters(item.sku, 8)}",
            "title": product.title,
            "sellerSku": item.sku,
            "condition": {"conditionType": "NEW", "conditionSubtype": "NEW", "conditionNote": ""},
            "price": {"unitPrice": _rupees(product.price)},
        },
        "proceeds": {"proceedsTotal": total, "breakdowns": [{"type": "ITEM", "subtotal": total}]},
        "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": item.quantity},
    }


def _window(at: datetime, first: int, last: int) -> dict[str, str]:
    """Days after the sale."""
    return {
        "earliestDateTime": instant(at + timedelta(days=first)),
        "latestDateTime": instant(at + timedelta(days=last)),
    }


def _rupees(whole: int) -> dict[str, str]:
    return {"amount": f"{whole}.00", "currencyCode": "INR"}


MOST_UNITS: Final = 999
"""Of one line that somebody buys on the page."""


def as_body(message: Any) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def signed_headers(account: Mapping[str, Any], at: datetime, method: str = "POST") -> dict[str, str]:
    """Flipkart's proof: SHA-1 over the epoch seconds of X_Date, the registered URL, the method and the secret.

    ``account`` is ``{"app_id", "secret", "url", …}``, ``at`` the moment of sending. The body is not signed.
    """
    at = at.astimezone(UTC).replace(microsecond=0)
    text = f"{int(at.timestamp())}{account['url']}{method}{account['secret']}"
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    proof = base64.b64encode(f"{account['app_id']}:{digest}".encode()).decode()
    return {
        "X_Date": format_datetime(at, usegmt=True),
        "X_Authorization": f"FKLOGIN {proof}",
        "Content-Type": "application/json",
    }


def parsedate(text: str) -> datetime:
    """The moment of an ``X_Date``. ValueError if it is none."""
    return parsedate_to_datetime(text).astimezone(UTC)


# --- what the page offers -------------------------------------------------------------------------------------------

FORGED: Final = "forged"
DUPLICATE: Final = "duplicate"
NEW_ORDERS: Final = ("created", "created-two-groups", "created-unmapped", FORGED)


def offered() -> list[dict[str, Any]]:
    """The messages of the page, in the order of the story: id, title, section and what can be edited.

    ``kind`` tells the page which fields to show: ``created`` takes a product (unless the offer has its own ``sku``),
    a quantity and, if wished, a shipment; ``two`` a shipment; ``lines`` an order and units of its lines; ``step`` an
    order; ``again`` nothing.
    """
    return [
        _offer("created", "New order", "New", "created"),
        _offer("created-two-groups", "New order for two groups: jute totes, mango pickle", "New", "two"),
        _offer("created-unmapped", "New order of a listing nobody mapped", "New", "created", sku=UNMAPPED.sku),
        *(_offer(name, name.replace("_", " ").capitalize(), "On its way", "step") for name in STEPS),
        _offer("cancelled-partly", "Some units cancelled", "Cancellation", "lines"),
        _offer("cancelled", "All units cancelled", "Cancellation", "lines", all_units=True),
        _offer("hold", "Units put on hold", "Hold", "lines"),
        _offer("unhold", "The hold is over", "Hold", "step"),
        _offer("return_created", "A buyer sends units back", "Return", "lines"),
        _offer("return_picked_up", "The return was picked up", "Return", "lines"),
        _offer("return_completed", "The return has arrived", "Return", "lines"),
        _offer("return_cancelled", "The return is cancelled", "Return", "lines"),
        _offer(DUPLICATE, "The last message once more", "Odd", "again"),
        _offer(FORGED, "An order with a forged signature", "Odd", "created"),
        _offer("weighed", "An event that nobody knows", "Odd", "step"),
    ]


def _offer(message_id: str, title: str, section: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": message_id, "title": title, "section": section, "kind": kind, **more}


def build(message_id: str, edits: Mapping[str, Any], at: datetime, fresh: str) -> bytes:
    """The body of an offered message.

    ``edits`` may hold ``shipment`` (default ``fresh`` for new orders) and ``items``
    ``[{"sku" | "order_item_id", "quantity"}]``. ValueError, in words for the page and with the field's name, if
    something is missing or odd.
    """
    shipment = _text(edits, "shipment", "edits.shipment").strip()
    given = edits.get("items")
    if not isinstance(given, list | None):
        raise ValueError("edits.items is not a list")
    items = [_item(item, f"edits.items[{number}]") for number, item in enumerate(given or [])]
    if message_id in NEW_ORDERS:
        if not items and message_id == "created-two-groups":
            items = [Item(2, sku="KOL-JUTE-TOTE"), Item(3, sku="MDU-MANGO-400")]
        elif not items:
            items = [Item(1, sku=(UNMAPPED if message_id == "created-unmapped" else PRODUCTS[0]).sku)]
        if any(not item.sku for item in items):
            raise ValueError("each item of a new order needs a sku")
        return as_body(created(shipment or fresh, items, at))
    if not shipment:
        raise ValueError("choose the order that the message is about")
    if message_id in STEPS:
        return as_body(step(shipment, message_id, at))
    if message_id in _OF_AN_ORDER:
        return as_body(_OF_AN_ORDER[message_id](shipment, at))
    if message_id not in _OF_LINES and message_id not in RETURNS:
        raise ValueError(f"no message is called {message_id}")
    if not items or any(not item.order_item_id for item in items):
        raise ValueError("choose the lines and the units that the message is about")
    if message_id in RETURNS:
        return as_body(return_step(shipment, message_id, items, at))
    return as_body(_OF_LINES[message_id](shipment, items, at))


_OF_AN_ORDER: Final[Mapping[str, Callable[[str, datetime], dict[str, Any]]]] = {"unhold": unhold, "weighed": weighed}
_OF_LINES: Final[Mapping[str, Callable[[str, Sequence[Item], datetime], dict[str, Any]]]] = {
    "cancelled-partly": cancelled,
    "cancelled": cancelled,
    "hold": hold,
    "return_created": return_created,
}


def sold(given: Mapping[str, Any]) -> Item:
    """Units of a product of the demo, as somebody asks for them. ValueError names the field that is wrong."""
    item = _item(given, "sale")
    if item.sku not in {product.sku for product in PRODUCTS}:
        raise ValueError("sale.sku is no product of the demo")
    if item.quantity > MOST_UNITS:
        raise ValueError(f"sale.quantity is more than {MOST_UNITS}")
    return item


def _item(given: Any, where: str) -> Item:
    if not isinstance(given, dict):
        raise ValueError(f'{where} is not {{"sku" or "order_item_id", "quantity"}}')
    quantity = given.get("quantity")
    if type(quantity) is not int or quantity < 1:
        raise ValueError(f"{where}.quantity is not a whole number of at least 1")
    sku, line = (_text(given, name, f"{where}.{name}") for name in ("sku", "order_item_id"))
    return Item(quantity, sku=sku, order_item_id=line)


def _text(values: Mapping[str, Any], name: str, where: str) -> str:
    """A text that may be missing. ValueError for anything else, and for half characters, which no UTF-8 can say."""
    text = values.get(name)
    if not isinstance(text, str | None) or any("\ud800" <= letter <= "\udfff" for letter in text or ""):
        raise ValueError(f"{where} is not a text")
    return text or ""


def _order_item(shipment: str, order_id: str, number: int, item: Item, at: datetime) -> dict[str, Any]:
    product, fsn = _product(item.sku), fsn_of(item.sku)
    identity = order_item_id(shipment, number)
    return {
        "orderItemId": identity,
        "orderId": order_id,
        "cancellationGroupId": f"grp{identity}",
        "orderDate": _date(at - timedelta(minutes=2)),
        "paymentType": "PREPAID",
        "status": "APPROVED",
        "quantity": item.quantity,
        "fsn": fsn,
        "sku": item.sku,
        "listingId": f"LST{fsn}{_letters(item.sku + '/listing', 6)}",
        "hsn": None,
        "title": product.title,
        "packageIds": [],
        "priceComponents": {
            "sellingPrice": float(product.price),
            "totalPrice": float(product.price),
            "shippingCharge": 0.0,
            "customerPrice": float(product.price),
            "flipkartDiscount": 0.0,
        },
        "is_replacement": False,
    }


def fsn_of(sku: str) -> str:
    """Flipkart's id of a product of the demo."""
    return _letters(sku, 16)


def _product(sku: str) -> Product:
    return _BY_SKU.get(sku) or Product(sku, sku, 100)


def zulu(at: datetime) -> str:
    """A time as Amazon's notifications write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(at: datetime) -> str:
    """A time as queue messages write it."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _stamp(at: datetime) -> str:
    return at.astimezone(IST).replace(microsecond=0).isoformat()


def _date(at: datetime) -> str:
    return at.astimezone(IST).isoformat(timespec="milliseconds")


def _digits(seed: str, count: int) -> str:
    """Digits that follow from a text; the first is not 0."""
    number = int(hashlib.sha256(seed.encode()).hexdigest(), 16)
    return str(10 ** (count - 1) + number % (9 * 10 ** (count - 1)))


def _uuid(seed: str) -> str:
    return str(UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4))


def _letters(seed: str, count: int) -> str:
    digest = hashlib.sha256(seed.encode()).digest()
    return "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[byte % 26] for byte in digest[:count])
