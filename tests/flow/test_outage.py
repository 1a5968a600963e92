"""1,000 orders wait when an outage is over: none is lost, no marketplace is asked more often than it allows, and all is
known after the time that the rates compute."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from hunar.domain.channel import Rate
from hunar.domain.order import knowledge, read
from hunar.ports import QueueName
from hunar.tables import Table
from tests.played import APPLICATION, CHANNELS, SELLER, SUBSCRIPTION
from tests.selling import SellingWorld

ORDERS = 1_000


@pytest.fixture
def world() -> SellingWorld:
    return SellingWorld(STOLE=2 * ORDERS)


def least(rate: Rate, calls: int) -> timedelta:
    """How long so many calls take at least: a burst at once, then one after the other."""
    return timedelta(milliseconds=rate.every_ms * max(0, calls - rate.burst))


def times(world: SellingWorld, marketplace: str, operation: str) -> list[datetime]:
    return [at for at, whom, call in world.played.calls if (whom, call.operation) == (marketplace, operation)]


def assert_within(rate: Rate, asked: list[datetime]) -> None:
    """In no stretch of time more than a burst and what came anew meanwhile."""
    every = timedelta(milliseconds=rate.every_ms)
    for number, at in enumerate(asked):
        # Of calls that stand further apart than a burst, each must have had its own turn.
        if number >= rate.burst:
            earlier = asked[number - rate.burst]
            assert at - earlier >= every, (number, earlier, at)
    assert asked[-1] - asked[0] >= least(rate, len(asked)) - every


def states(world: SellingWorld) -> list[str]:
    return [read(knowledge(item)).state for item in world.items(Table.ORDERS) if "knowledge" in item]


def notification(order_id: str, number: int, at: str) -> str:
    line = {
        "OrderItemId": f"9{number:07}", "SellerSKU": "STOLE", "OrderItemStatus": "Unshipped", "Quantity": 1,
        "QuantityShipped": 0, "IsBuyerRequestedCancel": False,
    }  # fmt: skip
    summary = {
        "MarketplaceId": "A21TJRUUN4KGV", "OrderStatus": "Unshipped", "PurchaseDate": at, "FulfillmentType": "MFN",
        "LatestShipDate": "2026-12-20T10:00:00Z", "OrderItems": [line],
    }  # fmt: skip
    change = {
        "NotificationLevel": "OrderLevel", "SellerId": SELLER, "AmazonOrderId": order_id,
        "OrderChangeType": "OrderStatusChange", "OrderChangeTrigger": {"TimeOfOrderChange": at}, "Summary": summary,
    }  # fmt: skip
    metadata = {"ApplicationId": APPLICATION, "SubscriptionId": SUBSCRIPTION, "NotificationId": order_id}
    envelope = {"NotificationType": "ORDER_CHANGE", "EventTime": at, "NotificationMetadata": metadata}
    return json.dumps(envelope | {"Payload": {"OrderChangeNotification": change}})


def test_a_thousand_pushes_of_flipkart_are_confirmed_as_fast_as_it_may_be_asked(world: SellingWorld) -> None:
    for number in range(ORDERS):
        world.sell_at_flipkart(f"S{number:04}", "STOLE")
    rate = CHANNELS["flipkart"].RATES["shipments"]
    began, allowed = world.time, least(rate, ORDERS)
    world.settle(patience=allowed + timedelta(minutes=5))
    asked = times(world, "flipkart", "shipments")
    assert len(asked) == ORDERS
    assert_within(rate, asked)
    # What waits for its turn looks again at most so much later than its turn comes.
    assert allowed <= asked[-1] - began <= allowed + timedelta(minutes=1)
    assert states(world) == ["PLACED"] * ORDERS
    assert not [item for item in world.items(Table.ORDERS) if "knowledge" in item and read(knowledge(item)).pending]
    assert world.stock("STOLE")["reserved"] == ORDERS
    assert (len(world.phones.texts), world.exceptions()) == (ORDERS, [])


def test_a_thousand_notifications_of_amazon_are_priced_as_fast_as_it_may_be_asked(world: SellingWorld) -> None:
    for number in range(ORDERS):
        order_id = world.sell_at_amazon(number, "STOLE")
        world.queues.send(QueueName.AMAZON_NOTIFICATIONS, [notification(order_id, number, world.now)])
    rate = CHANNELS["amazon"].RATES["getOrder"]
    began, allowed = world.time, least(rate, ORDERS)
    world.settle(patience=timedelta(seconds=0))
    # Neither stock nor texts wait for a price.
    assert (world.stock("STOLE")["reserved"], len(world.phones.texts)) == (ORDERS, ORDERS)
    world.settle(patience=allowed + timedelta(minutes=5))
    asked = times(world, "amazon", "getOrder")
    assert len(asked) == ORDERS
    assert_within(rate, asked)
    assert allowed <= asked[-1] - began <= allowed + timedelta(minutes=1)
    prices = {line.unit_price_paise for item in world.items(Table.ORDERS) if "knowledge" in item
              for line in read(knowledge(item)).lines}  # fmt: skip
    assert prices == {50_000}
    assert (len(world.phones.texts), world.exceptions()) == (ORDERS, [])
