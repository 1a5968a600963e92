"""Amazon's notifications, from the queue that only Amazon writes to: ours, somebody else's, and unreadable ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hunar import tables
from hunar.domain.order import knowledge, read
from hunar.messages import Replay
from hunar.ports import Put, QueueName
from hunar.tables import Item, Table
from hunar.use_cases import show
from tests.amazon_samples import in_india, published
from tests.played import ACCOUNT, SELLER
from tests.selling import SellingWorld

AMAZON = QueueName.AMAZON_NOTIFICATIONS


@pytest.fixture
def world() -> SellingWorld:
    return SellingWorld(STOLE=8)


def notification(order_id: str = "402-1234567-0000001", seller: str = SELLER, **metadata: str) -> dict[str, Any]:
    """Amazon's published one, turned into an order of two stoles that is to be sent."""
    message = in_india(published("order_change"))
    change = message["Payload"]["OrderChangeNotification"]
    change |= {"SellerId": seller, "AmazonOrderId": order_id}
    change["OrderChangeTrigger"]["TimeOfOrderChange"] = "2026-11-24T09:30:00Z"
    change["Summary"] |= {"PurchaseDate": "2026-11-24T09:00:00Z", "LatestShipDate": "2026-11-28T10:00:00Z"}
    del change["Summary"]["EasyShipShipmentStatus"]
    [line] = change["Summary"]["OrderItems"]
    line |= {"SellerSKU": "STOLE", "Quantity": 2, "IsBuyerRequestedCancel": False}
    ours = {"ApplicationId": "amzn1.sp.solution.00000000", "SubscriptionId": "00000000-0000-4000-8000-000000000002"}
    message["NotificationMetadata"] |= ours | metadata
    return message


def send(world: SellingWorld, message: Any) -> None:
    body = message if isinstance(message, str) else json.dumps(message)
    world.queues.send(AMAZON, [body])
    world.settle()


def orders(world: SellingWorld) -> list[str]:
    return [item["order_ref"] for item in world.items(Table.ORDERS) if "knowledge" in item]


def register(world: SellingWorld, **said: str) -> None:
    key = tables.account("amazon", ACCOUNT)
    world.store.commit([Put(key, world.store.read([key])[key] | said)])


def kept(world: SellingWorld) -> Item:
    [found] = [item for item in world.items(Table.DELIVERIES) if item["verdict"] == "OTHER_SELLER"]
    return found


def test_a_notification_reserves_and_tells_before_anybody_knows_the_price(world: SellingWorld) -> None:
    send(world, notification())
    [order_ref] = orders(world)
    order = world.store.read([tables.order(order_ref)])[tables.order(order_ref)]
    assert [(line.quantity, line.unpriced) for line in read(knowledge(order)).lines] == [(2, True)]
    assert world.stock("STOLE")["reserved"] == 2
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (notification(seller="A9SOMEBODYELSE"), "SellerId"),
        (notification(ApplicationId="amzn1.sp.solution.other"), "ApplicationId"),
        (notification(SubscriptionId="another"), "SubscriptionId"),
    ],
)
def test_a_message_that_is_not_for_us_is_kept_shown_and_applied_to_nobody(
    world: SellingWorld, message: dict[str, Any], field: str
) -> None:
    send(world, message)
    assert orders(world) == []
    [opened] = [item for item in world.items(Table.EXCEPTIONS) if item["kind"] == "OTHER_SELLER"]
    assert opened["message"].startswith(f"{field}: ")
    assert kept(world)["facts"] == []


def test_a_message_that_was_not_for_us_by_mistake_is_applied_when_it_is_read_again(world: SellingWorld) -> None:
    register(world, subscription_id="the one before")
    send(world, notification())
    assert world.exceptions() == ["OTHER_SELLER"]
    register(world, subscription_id="00000000-0000-4000-8000-000000000002")
    pk = f"UNREAD#amazon#{ACCOUNT}"
    world.queues.send(QueueName.ORDER_EVENTS, [Replay(pk=pk, sk=kept(world)["delivery_id"]).model_dump_json()])
    world.settle()
    assert len(orders(world)) == 1
    assert world.exceptions() == []
    assert world.stock("STOLE")["reserved"] == 2


@pytest.mark.parametrize("body", ["<html>", "{}", '{"Payload": 7}', "[]"])
def test_what_names_no_seller_is_kept_and_shown(world: SellingWorld, body: str) -> None:
    send(world, body)
    assert world.exceptions() == ["UNKNOWN_MESSAGE"]
    [found] = [item for item in world.items(Table.DELIVERIES) if item["verdict"] == "UNKNOWN_MESSAGE"]
    assert found["body"] == body


def test_the_same_notification_in_another_envelope_moves_nothing_twice(world: SellingWorld) -> None:
    send(world, notification())
    again = notification()
    again["NotificationMetadata"]["PublishTime"] = "2026-11-25T09:00:00Z"
    send(world, again)
    assert world.stock("STOLE")["reserved"] == 2
    assert len(world.phones.texts) == 1


def test_an_order_is_shown_without_a_price_until_amazon_was_asked(world: SellingWorld) -> None:
    order_id = world.sell_at_amazon(1, "STOLE", 2)
    message = notification(order_id)
    [line] = message["Payload"]["OrderChangeNotification"]["Summary"]["OrderItems"]
    line["OrderItemId"] = "90000001"
    world.queues.send(AMAZON, [json.dumps(message)])
    world.work_off(AMAZON)
    [order_ref] = orders(world)
    shown = show.order(world.store, order_ref)
    assert shown and shown["unpriced"]
    world.settle()
    shown = show.order(world.store, order_ref)
    assert shown and not shown["unpriced"]


def test_what_ships_from_amazons_warehouse_tells_no_group_and_takes_nothing_from_its_shelf(world: SellingWorld) -> None:
    message = notification()
    message["Payload"]["OrderChangeNotification"]["Summary"]["FulfillmentType"] = "AFN"
    send(world, message)
    assert len(orders(world)) == 1
    assert (world.stock("STOLE")["available"], world.phones.texts) == (8, [])
