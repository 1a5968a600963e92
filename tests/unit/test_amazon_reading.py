"""What Amazon's notifications state: the published samples, every word of them, and every field going wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import facts
from hunar.domain.facts import (
    MARKETPLACE,
    CancelRequested,
    Fact,
    Held,
    Lost,
    Placed,
    Released,
    ReturnRequested,
    ReturnStep,
    Stated,
    Step,
)
from hunar.domain.reading import Reading
from hunar.domain.worklist import ACTIONS
from hunar.marketplaces import amazon
from hunar.marketplaces.amazon import KEPT, Sender, read, seller
from hunar.marketplaces.amazon_orders import EASY_SHIP
from hunar.marketplaces.body import written
from tests.amazon_samples import NOTIFICATIONS, SAMPLES, in_india, published

ORDER = "903-8868176-2219830"
LINE = "OIID34853450"
AT = "2022-11-29T19:42:04Z"
EVENT_AT = "2020-01-11T00:09:53Z"
CHANGE = "Payload.OrderChangeNotification"
SUMMARY = f"{CHANGE}.Summary"
ITEM = f"{SUMMARY}.OrderItems[0]"
RETURN = f"EASYSHIP-{ORDER}"


def message(
    *items: dict[str, Any],
    top: dict[str, Any] | None = None,
    change: dict[str, Any] | None = None,
    trigger: dict[str, Any] | None = None,
    **summary: Any,
) -> dict[str, Any]:
    """The published ORDER_CHANGE, in India, with one item per mapping of changes. None removes a field.

    Its contradictions are taken away: it is Unshipped and Delivered, and the buyer asks to cancel.
    """
    found = in_india(published("order_change")) | (top or {})
    inside = found["Payload"]["OrderChangeNotification"]
    inside["OrderChangeTrigger"] = without_none(inside["OrderChangeTrigger"] | (trigger or {}))
    (item,) = inside["Summary"]["OrderItems"]
    quiet = item | {"OrderItemStatus": None, "IsBuyerRequestedCancel": False}
    inside["Summary"]["OrderItems"] = [without_none(quiet | changes) for changes in items or ({},)]
    inside["Summary"] = without_none(inside["Summary"] | {"EasyShipShipmentStatus": None} | summary)
    found["Payload"]["OrderChangeNotification"] = without_none(inside | (change or {}))
    return without_none(found)


def reading(*items: dict[str, Any], **changes: Any) -> Reading:
    return read(written(message(*items, **changes)).encode(), "demo-api")


def without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def fields(found: Reading) -> list[tuple[str, str]]:
    return [(finding.kind, finding.field) for finding in found.findings]


def placed(line_id: str = LINE, at: str = AT, **changes: Any) -> Placed:
    given = {"listing": "SellerSKUID1", "quantity": 10, "unit_price_paise": None, "price_problem": None}
    given |= {"sold_at": "2022-07-13T19:42:04Z", "ship_by": "2022-12-07T19:42:04Z"}
    return Placed(line_id=line_id, at=at, **given | changes)


def test_the_published_change_states_its_item_and_its_parcel() -> None:
    found = read(written(in_india(published("order_change"))).encode(), "demo-api")
    assert found.facts == (
        placed(),
        Stated(LINE, AT, 10),
        CancelRequested(LINE, AT),
        Released(AT),
        Step("delivered", AT),
    )
    assert (found.marketplace_id, found.event_type, found.verdict) == (ORDER, "ORDER_CHANGE", "APPLIED")
    assert found.findings == ()


def test_the_published_change_as_it_is_belongs_to_another_marketplace_and_applies_nothing() -> None:
    found = read((SAMPLES / "order_change.json").read_bytes(), "demo-api")
    assert (found.marketplace_id, found.verdict, found.facts) == (ORDER, "REJECTED", ())
    assert fields(found) == [("UNKNOWN_EVENT", f"{SUMMARY}.MarketplaceId")]
    assert found.findings[0].message == "'ATVPDKIKX0DER' is another marketplace than A21TJRUUN4KGV"
    assert found.redacted is not None and "ATVPDKIKX0DER" in found.redacted


@pytest.mark.parametrize("marketplace", [None, "", "a21tjruun4kgv", ["A21TJRUUN4KGV"], 1])
def test_an_order_that_does_not_say_that_it_is_from_here_is_not_applied(marketplace: Any) -> None:
    found = reading(MarketplaceId=marketplace)
    assert (found.verdict, found.facts) == ("REJECTED", ())
    assert fields(found) == [("UNKNOWN_EVENT", f"{SUMMARY}.MarketplaceId")]


HELD: list[Fact] = [Held(None, AT, None)]
GOES: list[Fact] = [Released(AT)]
SHIPPED: list[Fact] = [Released(AT), Step("shipped", AT)]


@pytest.mark.parametrize(
    ("status", "of_the_order"),
    [
        ("PendingAvailability", HELD),
        ("Pending", HELD),
        ("Unshipped", GOES),
        ("PartiallyShipped", GOES),
        ("Shipped", SHIPPED),
        ("InvoiceUnconfirmed", SHIPPED),
    ],
)
@pytest.mark.parametrize("level", ["OrderLevel", "OrderItemLevel"])
def test_a_status_speaks_of_the_order_and_of_every_item_that_is_named(
    status: str, of_the_order: list[Fact], level: str
) -> None:
    found = reading(OrderStatus=status, change={"NotificationLevel": level})
    assert list(found.facts) == [placed(), Stated(LINE, AT, 10), *of_the_order]
    assert (found.verdict, found.findings) == ("APPLIED", ())


def test_a_cancelled_order_has_nothing_sold_in_any_item() -> None:
    found = reading({}, {"OrderItemId": "2", "Quantity": 3}, OrderStatus="Canceled")
    assert list(found.facts) == [placed(), Stated(LINE, AT, 0), placed("2", quantity=3), Stated("2", AT, 0)]


def test_an_order_that_cannot_be_fulfilled_is_amazons_own_or_a_person_looks() -> None:
    theirs = reading(OrderStatus="Unfulfillable", FulfillmentType="AFN")
    assert list(theirs.facts) == [placed(fulfilled_by=MARKETPLACE), Stated(LINE, AT, 10), *HELD]
    assert theirs.findings == ()
    ours = reading(OrderStatus="Unfulfillable")
    assert list(ours.facts) == [placed(), Stated(LINE, AT, 10), *HELD]
    assert fields(ours) == [("UNKNOWN_EVENT", f"{SUMMARY}.OrderStatus")]


def test_one_cancelled_item_of_a_living_order_leaves_the_others() -> None:
    found = reading({"OrderItemStatus": "Canceled"}, {"OrderItemId": "2", "OrderItemStatus": "Unshipped"})
    assert [fact for fact in found.facts if isinstance(fact, Stated)] == [Stated(LINE, AT, 0), Stated("2", AT, 10)]
    assert found.findings == ()


def test_a_message_about_one_item_says_nothing_of_the_others() -> None:
    whole = reading({}, {"OrderItemId": "2"})
    one = reading({"OrderItemStatus": "Canceled"}, change={"NotificationLevel": "OrderItemLevel"})
    assert {fact.line_id for fact in whole.facts if isinstance(fact, Stated)} == {LINE, "2"}
    assert [fact for fact in one.facts if isinstance(fact, Placed | Stated)] == [placed(), Stated(LINE, AT, 0)]


@pytest.mark.parametrize("quantity", [0, "0"])
def test_an_item_that_is_cancelled_may_have_no_units(quantity: Any) -> None:
    gone = reading({"Quantity": quantity, "OrderItemStatus": "Canceled"})
    assert list(gone.facts) == [Stated(LINE, AT, 0), *GOES]
    assert list(reading({"Quantity": quantity}, OrderStatus="Canceled").facts) == [Stated(LINE, AT, 0)]
    assert gone.findings == ()


@pytest.mark.parametrize("quantity", [0, -1, True, False, None, 1.0, 1.5, 10_001, 10**19, "", "0", "1.0", "٣", [1]])
def test_an_item_without_a_usable_quantity_is_not_placed_and_the_others_are(quantity: Any) -> None:
    raw = json.dumps(message({"Quantity": 1}, {"OrderItemId": "2"}), default=float)
    changed = json.loads(raw)
    changed["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"][0]["Quantity"] = quantity
    found = read(json.dumps(changed).encode(), "demo-api")
    assert list(found.facts) == [placed("2"), Stated("2", AT, 10), *GOES]
    assert fields(found) == [("BAD_LINE", f"{ITEM}.Quantity")]
    assert found.verdict == "APPLIED"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"OrderItemId": None}, ".OrderItemId"),
        ({"OrderItemId": "two words"}, ".OrderItemId"),
        ({"SellerSKU": None}, ".SellerSKU"),
        ({"SellerSKU": " \u200b "}, ".SellerSKU"),
    ],
)
def test_an_item_without_an_id_or_a_name_is_shown_and_the_order_goes_on(change: dict[str, Any], field: str) -> None:
    found = reading(change)
    assert (found.verdict, list(found.facts)) == ("APPLIED", GOES)
    assert fields(found) == [("BAD_LINE", ITEM + field)]


@pytest.mark.parametrize("items", [None, [], {}, "none"])
def test_an_order_without_a_usable_list_of_items_still_says_how_far_it_is(items: Any) -> None:
    found = reading(OrderStatus="Shipped", OrderItems=items)
    assert list(found.facts) == SHIPPED
    assert fields(found) == [("UNREADABLE", f"{SUMMARY}.OrderItems")]


def test_more_items_than_can_be_stored_are_refused() -> None:
    many = [{"OrderItemId": str(number)} for number in range(101)]
    assert len([fact for fact in reading(*many[:100]).facts if isinstance(fact, Placed)]) == 100
    found = reading(*many)
    assert (found.verdict, found.facts, fields(found)) == (
        "REJECTED",
        (),
        [("UNREADABLE", f"{SUMMARY}.OrderItems")],
    )


def test_an_item_that_is_no_object_keeps_the_numbers_of_the_others() -> None:
    changed = message()
    items = changed["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"]
    items[:] = ["item", *items, {"OrderItemId": "3"}]
    found = read(written(changed).encode(), "demo-api")
    assert [fact.line_id for fact in found.facts if isinstance(fact, Placed)] == [LINE]
    assert fields(found) == [("BAD_LINE", ITEM), ("BAD_LINE", f"{SUMMARY}.OrderItems[2].Quantity")]


def test_a_repeated_item_is_one_and_two_under_one_id_are_shown() -> None:
    found = reading({}, {}, {"Quantity": 2})
    assert [fact for fact in found.facts if isinstance(fact, Placed)] == [placed()]
    assert fields(found) == [("BAD_LINE", f"{SUMMARY}.OrderItems[2].OrderItemId")]


def test_a_buyers_wish_to_cancel_cancels_nothing() -> None:
    asked = reading({"IsBuyerRequestedCancel": True})
    assert list(asked.facts) == [placed(), Stated(LINE, AT, 10), CancelRequested(LINE, AT), *GOES]
    done = reading({"IsBuyerRequestedCancel": True, "OrderItemStatus": "Canceled"})
    assert list(done.facts) == [placed(), Stated(LINE, AT, 0), *GOES]
    odd = reading({"IsBuyerRequestedCancel": "maybe"})
    assert list(odd.facts) == [placed(), Stated(LINE, AT, 10), *GOES]
    assert fields(odd) == [("UNKNOWN_EVENT", f"{ITEM}.IsBuyerRequestedCancel")]


def test_what_amazon_ships_from_its_own_warehouse_is_marked_so() -> None:
    assert reading(FulfillmentType="AFN").facts[0] == placed(fulfilled_by=MARKETPLACE)
    assert reading(FulfillmentType="MFN").facts[0] == placed(fulfilled_by="")


def test_a_replacement_says_so() -> None:
    assert reading(OrderPrograms=["Prime", "Replacement"]).facts[0] == placed(replacement=True)
    assert reading(OrderPrograms=None).facts[0] == placed(replacement=False)


def came_back(reason: str, line_id: str = LINE, quantity: int = 10) -> ReturnRequested:
    return ReturnRequested(RETURN, line_id, AT, facts.COURIER, quantity, ORDER, reason, "")


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("PendingSchedule", []),
        ("PendingPickUp", []),
        ("PendingDropOff", []),
        ("LabelCanceled", []),
        ("PickedUp", [Step("picked_up", AT)]),
        ("DroppedOff", [Step("picked_up", AT)]),
        ("AtOriginFC", [Step("shipped", AT)]),
        ("AtDestinationFC", [Step("shipped", AT)]),
        ("OutForDelivery", [Step("shipped", AT)]),
        ("Delivered", [Step("delivered", AT)]),
        ("RejectedByBuyer", [came_back("REJECTED_BY_BUYER"), Step("shipped", AT)]),
        ("Undeliverable", [came_back("UNDELIVERABLE"), Step("shipped", AT)]),
        ("ReturningToSeller", [came_back("RETURNING_TO_SELLER"), Step("shipped", AT)]),
        (
            "ReturnedToSeller",
            [
                came_back("RETURNED_TO_SELLER"),
                ReturnStep(RETURN, LINE, AT, "received"),
                Step("shipped", AT),
            ],
        ),
        ("Lost", [Step("shipped", AT), Lost(AT, "LOST")]),
        ("Damaged", [Step("shipped", AT), Lost(AT, "DAMAGED")]),
    ],
)
def test_each_of_easy_ships_words(status: str, states: list[Fact]) -> None:
    found = reading(EasyShipShipmentStatus=status)
    assert set(found.facts) == {placed(), Stated(LINE, AT, 10), Released(AT), *states}
    assert found.findings == ()


def test_easy_ships_words_are_all_known_and_mean_what_the_api_says() -> None:
    assert len(amazon._EASY_SHIP) == len(EASY_SHIP) == 16
    assert set(amazon._EASY_SHIP.values()) == set(EASY_SHIP)


def test_a_parcel_that_comes_back_brings_every_item_back() -> None:
    found = reading({}, {"OrderItemId": "2", "Quantity": 1}, EasyShipShipmentStatus="RejectedByBuyer")
    assert [fact for fact in found.facts if isinstance(fact, ReturnRequested)] == [
        came_back("REJECTED_BY_BUYER"),
        came_back("REJECTED_BY_BUYER", "2", 1),
    ]


@pytest.mark.parametrize(
    ("changes", "field", "states"),
    [
        ({"OrderStatus": "Teleported"}, f"{SUMMARY}.OrderStatus", []),
        ({"OrderStatus": None}, f"{SUMMARY}.OrderStatus", []),
        ({"EasyShipShipmentStatus": "OnTheMoon"}, f"{SUMMARY}.EasyShipShipmentStatus", GOES),
        ({"EasyShipShipmentStatus": 5}, f"{SUMMARY}.EasyShipShipmentStatus", GOES),
        ({"FulfillmentType": "XFN"}, f"{SUMMARY}.FulfillmentType", GOES),
        ({"FulfillmentType": None}, f"{SUMMARY}.FulfillmentType", GOES),
        ({"change": {"OrderChangeType": "MoodChange"}}, f"{CHANGE}.OrderChangeType", GOES),
        ({"change": {"NotificationLevel": "GalaxyLevel"}}, f"{CHANGE}.NotificationLevel", GOES),
    ],
)
def test_a_word_that_nobody_knows_is_shown_and_the_rest_is_applied(
    changes: dict[str, Any], field: str, states: list[Fact]
) -> None:
    found = reading(**changes)
    assert list(found.facts) == [placed(), Stated(LINE, AT, 10), *states]
    assert (found.verdict, fields(found)) == ("APPLIED", [("UNKNOWN_EVENT", field)])


def test_an_items_status_that_nobody_knows_is_shown_and_the_item_applied() -> None:
    found = reading({"OrderItemStatus": "Dreaming"})
    assert list(found.facts) == [placed(), Stated(LINE, AT, 10), *GOES]
    assert fields(found) == [("UNKNOWN_EVENT", f"{ITEM}.OrderItemStatus")]


def test_of_the_three_clocks_the_change_comes_first_then_the_event_and_never_the_sending() -> None:
    early, late = "2022-11-29T18:42:04Z", "2022-11-29T20:42:04Z"
    metadata = in_india(published("order_change"))["NotificationMetadata"]
    plain = reading()
    for event in (early, late, None, "soon"):
        for sent in (early, late, None, "soon"):
            top = {"EventTime": event, "NotificationMetadata": metadata | {"PublishTime": sent}}
            assert reading(top=top).facts == plain.facts
            if event in (early, late):
                told = reading(top=top, trigger={"TimeOfOrderChange": None})
                assert {fact.at for fact in told.facts if isinstance(fact, Placed | Stated | Released)} == {event}
    unnamed = reading(trigger={"TimeOfOrderChange": None})
    assert unnamed.facts == (placed(at=EVENT_AT), Stated(LINE, EVENT_AT, 10), Released(EVENT_AT))


def test_a_null_time_of_change_is_none() -> None:
    changed = message()
    changed["Payload"]["OrderChangeNotification"]["OrderChangeTrigger"]["TimeOfOrderChange"] = None
    assert read(written(changed).encode(), "demo-api").facts[0] == placed(at=EVENT_AT)


@pytest.mark.parametrize("time", ["2022-11-29T19:42:04", "29/11/2022", 1669750924, "", "2022-11-29T19:42:04+99:99"])
def test_a_time_that_cannot_be_read_is_no_reason_to_take_another_clock(time: Any) -> None:
    found = reading(trigger={"TimeOfOrderChange": time})
    assert (found.marketplace_id, found.verdict, found.facts) == (ORDER, "REJECTED", ())
    assert fields(found) == [("UNREADABLE", f"{CHANGE}.OrderChangeTrigger.TimeOfOrderChange")]


def test_without_any_time_nothing_is_stated() -> None:
    found = reading(top={"EventTime": None}, trigger={"TimeOfOrderChange": None})
    assert (found.verdict, found.facts, fields(found)) == ("REJECTED", (), [("UNREADABLE", "EventTime")])


def test_an_order_without_its_dates_is_still_an_order() -> None:
    found = reading(PurchaseDate=None, LatestShipDate=None)
    assert found.facts[0] == placed(sold_at=AT, ship_by=None)
    assert found.findings == ()
    wrong = reading(PurchaseDate="yesterday", LatestShipDate="soon")
    assert wrong.facts[0] == placed(sold_at=AT, ship_by=None)
    assert fields(wrong) == [("UNREADABLE", f"{SUMMARY}.PurchaseDate"), ("UNREADABLE", f"{SUMMARY}.LatestShipDate")]


@pytest.mark.parametrize("order", [None, "", "   ", "a b", "é", True, 1.5, {"id": 1}, "x" * 101, "\ud800"])
def test_a_change_without_a_usable_order_is_rejected_and_kept(order: Any) -> None:
    changed = message()
    changed["Payload"]["OrderChangeNotification"]["AmazonOrderId"] = order
    found = read(json.dumps(changed, default=float).encode(), "demo-api")
    assert (found.marketplace_id, found.verdict, found.facts) == (None, "REJECTED", ())
    assert fields(found) == [("UNREADABLE", f"{CHANGE}.AmazonOrderId")]
    assert found.redacted is not None


@pytest.mark.parametrize("payload", [None, {}, [], "x", {"OrderChangeNotification": None}])
def test_a_change_without_its_payload_is_rejected(payload: Any) -> None:
    found = read(written(message() | {"Payload": payload}).encode(), "demo-api")
    assert (found.verdict, fields(found)) == ("REJECTED", [("UNREADABLE", f"{CHANGE}.AmazonOrderId")])


# Envelopes.


def camel(value: Any) -> Any:
    if isinstance(value, list):
        return [camel(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {name[0].lower() + name[1:]: camel(inner) for name, inner in value.items()}


def test_names_may_begin_with_capitals_or_not() -> None:
    changed = message({"IsBuyerRequestedCancel": True}, EasyShipShipmentStatus="PickedUp")
    one, other = written(changed).encode(), written(camel(changed)).encode()
    assert read(one, "demo-api") == read(other, "demo-api")
    assert seller(one) == seller(other) is not None


@pytest.mark.parametrize("name", ["NotificationType", "EventTime", "Payload", "NotificationMetadata"])
def test_a_name_that_stands_twice_in_different_case_is_unreadable(name: str) -> None:
    changed = message()
    both = changed | {name[0].lower() + name[1:]: changed[name]}
    found = read(written(both).encode(), "demo-api")
    assert (found.verdict, found.facts, found.redacted) == ("UNREADABLE", (), None)
    assert fields(found) == [("UNREADABLE", "body")]
    assert f"the name {name} stands twice" in found.findings[0].message


def test_a_name_that_stands_twice_deep_inside_is_unreadable_too() -> None:
    changed = message()
    changed["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"][0]["quantity"] = 2
    found = read(written(changed).encode(), "demo-api")
    assert (found.event_type, found.verdict, found.facts) == ("ORDER_CHANGE", "UNREADABLE", ())


@pytest.mark.parametrize("kind", [None, 7.5, "", {}, "x" * 201, "ORDER\ud800", "ORDER_\u200bCHANGE"])
def test_a_message_without_a_type_is_unreadable(kind: Any) -> None:
    raw = json.dumps(message() | {"NotificationType": kind}).encode()
    found = read(raw, "demo-api")
    assert (found.verdict, fields(found), found.redacted) == ("UNREADABLE", [("UNREADABLE", "NotificationType")], None)


@pytest.mark.parametrize("raw", [b"", b"[1]", b"<html>503</html>", b"\xff", b'{"a":1,"a":2}', b"{" * 100_000])
def test_a_body_that_is_no_json_object_is_unreadable(raw: bytes) -> None:
    found = read(raw, "demo-api")
    assert (found.verdict, found.event_type, fields(found)) == ("UNREADABLE", None, [("UNREADABLE", "body")])
    assert seller(raw) is None


@pytest.mark.parametrize("kind", ["ACCOUNT_STATUS_CHANGED", "ANY_OFFER_CHANGED", "order_change", "SOMETHING_NEW"])
def test_a_type_that_is_not_read_is_kept_whole_and_shown(kind: str) -> None:
    found = read(written(message() | {"NotificationType": kind}).encode(), "demo-api")
    assert (found.marketplace_id, found.event_type, found.verdict) == (None, kind, "UNKNOWN_EVENT")
    assert (found.facts, found.redacted) == ((), None)
    assert fields(found) == [("UNKNOWN_EVENT", "NotificationType")]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("transaction_update", "8129762527551"),
        ("listings_item_mfn_quantity_change", None),
        ("report_processing_finished", None),
    ],
)
def test_a_published_type_that_moves_no_order_is_noted_and_opens_nothing(name: str, order: str | None) -> None:
    found = read((SAMPLES / f"{name}.json").read_bytes(), "demo-api")
    assert (found.event_type, found.verdict, found.marketplace_id) == (name.upper(), "NOTED", order)
    assert (found.facts, found.findings) == ((), ())
    assert found.redacted is not None


def test_a_payment_about_two_orders_or_none_is_kept_with_none() -> None:
    payment = published("transaction_update")
    related = payment["Payload"]["TransactionUpdateNotification"]["RelatedIdentifiers"]
    related.append({"RelatedIdentifierName": "OrderId", "RelatedIdentifierValue": "2"})
    assert read(written(payment).encode(), "demo-api").marketplace_id is None
    related[:] = [{"RelatedIdentifierName": "ShipmentId", "RelatedIdentifierValue": "2"}]
    assert read(written(payment).encode(), "demo-api").marketplace_id is None


def test_a_finished_feed_is_noted() -> None:
    feed = published("report_processing_finished") | {"notificationType": "FEED_PROCESSING_FINISHED"}
    feed["payload"] = {"feedProcessingFinishedNotification": {"sellerId": "A1", "feedId": "5", "note": "Asha"}}
    found = read(written(feed).encode(), "demo-api")
    assert (found.verdict, found.findings) == ("NOTED", ())
    assert '"FeedId":"5"' in (found.redacted or "") and "Asha" not in (found.redacted or "")
    assert seller(written(feed).encode()) == Sender(
        "A1",
        "amzn1.sellerapps.app.aacccfff-4455-4b7c-4422-664ecacdd336",
        "subscription-id-d0e9e693-c3ad-4373-979f-ed4ec98dd746",
    )


# Whose it is.


def test_every_published_notification_says_for_whom_it_is() -> None:
    found = {name: seller((SAMPLES / f"{name}.json").read_bytes()) for name in NOTIFICATIONS}
    assert {name: sender and sender.seller_id for name, sender in found.items()} == {
        "order_change": "A3TH9S8BH6GOGM",
        "listings_item_mfn_quantity_change": "AXXXXXXXXXXXXX",
        "transaction_update": "A3TH9S8BH6GOGM",
        "report_processing_finished": "A3TH9S8BH6GOGM",
    }
    assert found["order_change"] == Sender(
        "A3TH9S8BH6GOGM",
        "app-id-d0e9e693-c3ad-4373-979f-ed4ec98dd746",
        "subscription-id-d0e9e693-c3ad-4373-979f-ed4ec98dd746",
    )


def test_the_sender_is_read_without_trusting_anything_else() -> None:
    bare = {
        "NotificationType": 7,
        "Payload": {"Anything": {"SellerId": "A1"}},
        "NotificationMetadata": {"ApplicationId": "app", "SubscriptionId": "sub"},
    }
    assert seller(written(bare).encode()) == Sender("A1", "app", "sub")


@pytest.mark.parametrize(
    "change",
    [
        {"Payload": None},
        {"Payload": "A1"},
        {"Payload": {"Anything": {}}},
        {"Payload": {"Anything": {"SellerId": "two words"}}},
        {"Payload": {"SellerId": "A1", "Anything": {"SellerId": "A2"}}},
        {"Payload": {"Anything": {"SellerId": "A1", "sellerId": "A2"}}},
        {"Payload": {"Anything": [{"SellerId": "A1"}]}},
        {"NotificationMetadata": None},
        {"NotificationMetadata": {"ApplicationId": "app"}},
        {"NotificationMetadata": {"SubscriptionId": "sub"}},
        {"NotificationMetadata": {"ApplicationId": "app", "SubscriptionId": "sub", "subscriptionId": "other"}},
        {"notificationMetadata": {"ApplicationId": "app", "SubscriptionId": "other"}},
    ],
)
def test_who_does_not_say_it_clearly_is_nobody(change: dict[str, Any]) -> None:
    bare = {
        "Payload": {"Anything": {"SellerId": "A1"}},
        "NotificationMetadata": {"ApplicationId": "app", "SubscriptionId": "sub"},
    }
    assert seller(written(bare).encode()) is not None
    assert seller(written(bare | change).encode()) is None


# Whatever comes.


def test_what_is_kept_is_read_again_as_the_same() -> None:
    samples = [in_india(published(name)) for name in NOTIFICATIONS]
    odd = message({"Quantity": 0}, {"OrderItemStatus": "Dreaming", "OrderItemId": "2"}, OrderStatus="Teleported")
    for each in [*samples, odd, camel(odd)]:
        found = read(written(each).encode(), "demo-api")
        assert found.redacted is not None
        assert read(found.redacted.encode(), "demo-api") == found


ITEMS = st.fixed_dictionaries(
    {
        "OrderItemId": st.sampled_from(["1", "2", "3"]),
        "Quantity": st.sampled_from([0, 1, 5]),
        "OrderItemStatus": st.sampled_from([None, "Unshipped", "Canceled", "Dreaming"]),
        "IsBuyerRequestedCancel": st.booleans(),
    }
)


@given(
    items=st.lists(ITEMS, min_size=1, max_size=3, unique_by=lambda item: item["OrderItemId"]),
    status=st.sampled_from(sorted(amazon._STATUS)),
    shipment=st.sampled_from([None, *amazon._EASY_SHIP]),
    data=st.data(),
)
def test_order_and_repetition_of_the_items_change_nothing(
    items: list[dict[str, Any]], status: str, shipment: str | None, data: st.DataObject
) -> None:
    again = data.draw(st.permutations([*items, *data.draw(st.lists(st.sampled_from(items), max_size=3))]))
    one = reading(*items, OrderStatus=status, EasyShipShipmentStatus=shipment)
    other = reading(*again, OrderStatus=status, EasyShipShipmentStatus=shipment)
    assert set(one.facts) == set(other.facts)
    assert {finding.kind for finding in one.findings} == {finding.kind for finding in other.findings}


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**19), 10**19),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    st.text(st.characters(), max_size=40),
    st.sampled_from(["2026-11-24T15:00:00+05:30", "1", "Canceled", "Lost", "٣", "\ud800", "\x00", "x" * 300]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a message."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        found += places(inner, (*path, name))
    return found


def spoiled(value: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """Up to three values of a message replaced by anything."""
    changed = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(changed)))
        target: Any = changed
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = data.draw(VALUES)
    return changed


def ascii_json(value: dict[str, Any]) -> bytes:
    """JSON that writes what is not ASCII as escapes: half a surrogate pair can be said so."""
    return "".join(letter if letter.isascii() else json.dumps(letter)[1:-1] for letter in written(value)).encode()


@given(st.data())
def test_whatever_stands_in_a_field_it_is_stated_or_shown_and_can_be_stored(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([in_india(published(name)) for name in NOTIFICATIONS]))
    raw = ascii_json(spoiled(base, data))
    found = read(raw, "demo-api")
    seller(raw)
    assert found.facts or found.findings or found.verdict == "NOTED"
    assert (found.verdict == "APPLIED") == bool(found.facts)
    assert len({finding.field for finding in found.findings}) == len(found.findings)
    assert {finding.kind for finding in found.findings} <= set(ACTIONS)
    assert found.event_type is None or found.event_type in KEPT or found.verdict == "UNKNOWN_EVENT"
    stored = [found.redacted or "", *(finding.message for finding in found.findings), *map(facts.to_text, found.facts)]
    assert "\ud800" not in "".join(stored).encode().decode()
    assert [facts.from_text(facts.to_text(fact)) for fact in found.facts] == list(found.facts)
    if found.redacted is not None:
        assert read(found.redacted.encode(), "demo-api") == found


def test_prices_are_not_in_a_notification_and_no_problem() -> None:
    (line,) = [fact for fact in reading().facts if isinstance(fact, Placed)]
    assert (line.unit_price_paise, line.price_problem) == (None, None)
