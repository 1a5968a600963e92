"""The messages of the page and the check look like the marketplace's own."""

from __future__ import annotations

import base64
import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import messages
from local.messages import Item

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples" / "flipkart"
AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
LINE = Item(1, order_item_id="1883380307363600")


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text("utf-8"))


def shape(value: Any) -> Any:
    """Names and kinds of everything in a message. Lists by their first element, empty ones like any."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shipment_cancelled.json", messages.cancelled("s", [LINE], AT)),
        ("shipment_hold.json", messages.hold("s", [LINE], AT)),
        ("shipment_packed.json", messages.step("s", "packed", AT)),
        ("shipment_ready_to_dispatch.json", messages.step("s", "ready", AT)),
        ("shipment_shipped.json", messages.step("s", "shipped", AT)),
        ("shipment_delivered.json", messages.step("s", "delivered", AT)),
    ],
)
def test_a_message_has_exactly_the_fields_of_the_published_example(name: str, message: Any) -> None:
    assert shape(message) == shape(sample(name))
    assert message["eventType"] == sample(name)["eventType"]
    assert message["attributes"].get("status") == sample(name)["attributes"].get("status")


def test_a_new_order_has_exactly_the_fields_of_the_published_example() -> None:
    published, message = sample("shipment_created.json"), messages.created("s", [Item(1, sku="KLU-CAP")], AT)
    published["attributes"]["forms"] = []  # tax forms that some states asked for before GST
    assert shape(message) == shape(published)


def test_ids_look_like_the_marketplaces() -> None:
    item = messages.created("s", [Item(1, sku="KLU-CAP")], AT)["attributes"]["orderItems"][0]
    published = sample("shipment_created.json")["attributes"]["orderItems"][0]
    for name in ("orderItemId", "orderId", "fsn"):
        assert len(item[name]) == len(published[name])
    assert item["listingId"].startswith(f"LST{item['fsn']}")


def test_the_signature_is_the_published_one() -> None:
    vector = sample("signature_vector.json")
    account = {"app_id": vector["app_id"], "secret": vector["app_secret"], "url": vector["url"]}
    headers = messages.signed_headers(account, datetime.fromtimestamp(vector["epoch_seconds_signed"], UTC))
    assert headers["X_Date"] == vector["x_date"]
    assert headers["X_Authorization"] == vector["x_authorization"]
    assert messages.parsedate(headers["X_Date"]).timestamp() == vector["epoch_seconds_signed"]


def test_the_signature_is_of_the_second_in_the_header_and_of_the_method() -> None:
    account = {"app_id": "a", "secret": "b", "url": "http://127.0.0.1:8080/webhooks/flipkart/demo"}
    exact, later = (messages.signed_headers(account, AT + timedelta(microseconds=us)) for us in (0, 999_999))
    assert exact == later
    assert messages.signed_headers(account, AT, method="GET")["X_Authorization"] != exact["X_Authorization"]
    assert base64.b64decode(exact["X_Authorization"].split()[1]).startswith(b"a:")


def test_dates_follow_the_moment_of_the_event_and_are_indian() -> None:
    message = messages.created("s", [Item(1, sku="KLU-CAP")], AT)
    assert message["timestamp"] == "2026-11-24T15:00:00+05:30"
    assert message["attributes"]["dispatchByDate"] == "2026-11-26T15:00:00.000+05:30"
    assert message["attributes"]["orderItems"][0]["orderDate"] == "2026-11-24T14:58:00.000+05:30"


def test_a_lines_id_follows_from_its_shipment_and_place() -> None:
    items = messages.created("s", [Item(1, sku="KLU-CAP"), Item(2, sku="KLU-SHAWL-W")], AT)["attributes"]["orderItems"]
    assert [item["orderItemId"] for item in items] == [messages.order_item_id("s", 1), messages.order_item_id("s", 2)]
    assert messages.order_item_id("s") != messages.order_item_id("t")


def test_every_product_is_a_listing_of_the_demos_registry() -> None:
    with (ROOT / "local" / "demo" / "listings.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["listing"] for row in csv.DictReader(file)}
    assert {product.sku for product in messages.PRODUCTS} <= listed
    assert messages.UNMAPPED.sku not in listed


def test_the_listing_that_comes_later_is_in_the_later_files() -> None:
    with (ROOT / "local" / "demo-later" / "listings.csv").open(encoding="utf-8", newline="") as file:
        assert messages.UNMAPPED.sku in {row["listing"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("offer", messages.offered(), ids=lambda offer: offer["id"])
def test_every_offered_message_can_be_built(offer: dict[str, Any]) -> None:
    if offer["kind"] == "again":
        return
    edits: dict[str, Any] = {"shipment": "s-1"}
    if offer["kind"] == "lines":
        edits["items"] = [{"order_item_id": "1", "quantity": 2}]
    body = json.loads(messages.build(offer["id"], edits, AT, fresh="fresh"))
    if offer["id"] in messages.RETURNS:
        # A return's later news name the return and its items, as Flipkart does.
        assert body["returnId"] == messages.return_id("s-1")
        return
    named = body["attributes"]["returnItems"][0] if offer["id"] == "return_created" else body
    assert named["shipmentId"] == "s-1"
    if offer["kind"] == "created":
        assert body["attributes"]["orderItems"][0]["sku"] == offer.get("sku", messages.PRODUCTS[0].sku)


def test_a_new_order_is_offered_once_and_the_product_is_chosen_beside_it() -> None:
    offers = [offer for offer in messages.offered() if offer["title"] == "New order"]
    assert [offer["id"] for offer in offers] == ["created"]
    assert not any(product.sku in offer["title"] for product in messages.PRODUCTS for offer in messages.offered())


def test_a_new_order_without_a_shipment_gets_a_fresh_one_and_takes_the_edits() -> None:
    edits = {"shipment": " ", "items": [{"sku": "KLU-CAP", "quantity": 4}]}
    body = json.loads(messages.build("created", edits, AT, fresh="fresh"))
    item = body["attributes"]["orderItems"][0]
    assert (body["shipmentId"], item["sku"], item["quantity"]) == ("fresh", "KLU-CAP", 4)


@pytest.mark.parametrize(
    ("message_id", "edits", "words"),
    [
        ("packed", {}, "choose the order"),
        ("made-up", {"shipment": "s"}, "no message is called made-up"),
        ("cancelled", {"shipment": "s"}, "choose the lines"),
        ("cancelled", {"shipment": "s", "items": [{"quantity": 1}]}, "choose the lines"),
        (
            "cancelled",
            {"shipment": "s", "items": [{"order_item_id": "1", "quantity": 0}]},
            r"items\[0\].quantity .* at least 1",
        ),
        ("created", {"items": [{"quantity": 1}]}, "needs a sku"),
        ("created", {"items": ["KLU-CAP"]}, r"edits.items\[0\] is not"),
        ("created", {"items": {"sku": "KLU-CAP"}}, "edits.items is not a list"),
        ("created", {"items": 3}, "edits.items is not a list"),
        (
            "created",
            {"items": [{"sku": "KLU-CAP", "quantity": 1}, {"sku": 7, "quantity": 1}]},
            r"items\[1\].sku is not",
        ),
        ("created", {"items": [{"sku": "KLU-CAP", "quantity": 1.5}]}, r"items\[0\].quantity is not"),
        ("created", {"items": [{"sku": "KLU-CAP", "quantity": True}]}, r"items\[0\].quantity is not"),
        ("created", {"shipment": ["s"]}, "edits.shipment is not a text"),
        ("created", {"shipment": "half a \ud83d"}, "edits.shipment is not a text"),
        ("created", {"items": [{"sku": "KLU-CAP", "quantity": "many"}]}, r"items\[0\].quantity is not"),
    ],
)
def test_what_is_missing_is_said_in_words(message_id: str, edits: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        messages.build(message_id, edits, AT, fresh="fresh")


SELLER = {"seller_id": "A1SELLER", "application_id": "an-application", "subscription_id": "a-subscription"}


def amazon_sample(name: str) -> Any:
    return json.loads((ROOT / "tests" / "samples" / "amazon" / name).read_text("utf-8"))


def test_an_amazon_order_has_only_fields_of_the_published_examples() -> None:
    order_id = messages.amazon_order_id("seed")
    order = messages.amazon_order(order_id, [Item(2, sku="KLU-CAP")], AT)
    published = [amazon_sample(f"get_order_2026_{number}.json")["order"] for number in ("171", "028")]
    known = published[0] | published[1]
    assert order.keys() <= known.keys()
    items = published[0]["orderItems"][0] | published[1]["orderItems"][0]
    [item] = order["orderItems"]
    assert item.keys() <= items.keys()
    assert shape(item["product"]) == shape(items["product"])
    assert shape(item["proceeds"]) == shape(items["proceeds"])
    assert order["fulfillment"].keys() <= known["fulfillment"].keys()
    assert item["proceeds"]["proceedsTotal"] == {"amount": "898.00", "currencyCode": "INR"}
    assert order["orderItems"][0]["product"]["price"]["unitPrice"]["amount"] == "449.00"
    # The buyer is there, so that it would be seen if somebody asked for it.
    assert messages.BUYER in json.dumps(order)


def test_an_amazon_notification_names_the_seller_the_order_and_no_price() -> None:
    order_id = messages.amazon_order_id("seed")
    notification = messages.amazon_notification(
        SELLER, order_id, [Item(2, sku="KLU-CAP"), Item(1, sku="KLU-SHAWL-W")], AT
    )
    published = amazon_sample("order_change.json")
    published["Payload"]["OrderChangeNotification"]["Summary"]["OrderPrograms"] = []  # no business order
    assert shape(notification) == shape(published)
    change = notification["Payload"]["OrderChangeNotification"]
    assert (change["SellerId"], change["AmazonOrderId"]) == ("A1SELLER", order_id)
    assert notification["NotificationMetadata"]["ApplicationId"] == "an-application"
    assert [item["OrderItemId"] for item in change["Summary"]["OrderItems"]] == [
        item["orderItemId"] for item in messages.amazon_order(order_id, [Item(2), Item(1)], AT)["orderItems"]
    ]
    assert "449" not in json.dumps(notification)
    again = messages.amazon_notification(SELLER, order_id, [Item(2, sku="KLU-CAP")], AT)
    assert again["NotificationMetadata"] == notification["NotificationMetadata"]


def test_flipkarts_api_shows_the_shipment_that_the_webhook_announces() -> None:
    announced = messages.created("s", [Item(2, sku="KLU-CAP")], AT)
    shown = messages.flipkart_shipment("s", [Item(2, sku="KLU-CAP")], AT)
    assert (shown["shipmentId"], shown["locationId"]) == (announced["shipmentId"], announced["locationId"])
    assert shown["orderItems"] == announced["attributes"]["orderItems"]
    assert "updatedAt" not in shown
    assert messages.flipkart_shipment("s", [Item(2)], AT, hold=True)["hold"] is True


def test_the_listings_of_the_demo_say_what_the_channels_know_of_them() -> None:
    with (ROOT / "local" / "demo" / "listings.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["account"] == "demo-api"]
    skus = sorted(product.sku for product in messages.PRODUCTS)
    for marketplace in ("flipkart", "amazon"):
        assert sorted(row["listing"] for row in rows if row["marketplace"] == marketplace) == skus
    for row in rows:
        assert row["product_id"] == (messages.fsn_of(row["listing"]) if row["marketplace"] == "flipkart" else "")
        assert bool(row["product_type"]) is (row["marketplace"] == "amazon")
