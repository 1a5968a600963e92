"""A Hunar in memory whose account ``demo-api`` sells at both marketplaces, as the local stack plays them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hunar import tables
from hunar.domain.facts import instant
from hunar.marketplaces import amazon, flipkart
from hunar.marketplaces.body import written
from hunar.messages import ORDER_EVENT, Fetch, PublishStock
from hunar.ports import Put, QueueName
from hunar.use_cases import apply
from hunar.use_cases.asking import Desk
from hunar.use_cases.catch_up import Kind, catch_up
from hunar.use_cases.fetch import fetch
from hunar.use_cases.publish import publish, publish_all
from tests import flipkart_answers
from tests.flipkart_messages import created, item
from tests.played import ACCOUNT, APPLICATION, CHANNELS, LOCATION, SELLER, SUBSCRIPTION, Played, fsn
from tests.world import World

READERS: Mapping[str, apply.Marketplace] = {"amazon": amazon, "flipkart": flipkart}
AMAZON_ORDER = "402-1234567-{:07}"
LAG = timedelta(minutes=2)
"""As deployed, unless somebody says otherwise."""


class SellingWorld(World):
    """One group, some products of its own, each listed at both marketplaces."""

    def __init__(self, **stock: int) -> None:
        super().__init__(api_accounts=[ACCOUNT])
        self._api_accounts |= {("amazon", ACCOUNT)}
        self.open(**stock)

    def open(self, **stock: int) -> None:
        """The group, its products and their shelves."""
        self.played = Played(lambda: self.time, *stock)
        self.group("G11")
        at_amazon = {"seller_id": SELLER, "application_id": APPLICATION, "subscription_id": SUBSCRIPTION}
        for marketplace, known in (("flipkart", {"location_id": LOCATION}), ("amazon", at_amazon)):
            of = {"marketplace": marketplace, "account": ACCOUNT}
            self.store.commit([Put(tables.account(marketplace, ACCOUNT), of | known)])
        for sku, units in stock.items():
            self.product(sku, "G11", sku, stock=units)
            self.list_everywhere(sku)
        self.settle()

    def list_everywhere(self, sku: str) -> None:
        there = self.store.read([tables.listing("flipkart", "demo", sku)])
        [known] = there.values()
        for marketplace, said in (("flipkart", {"product_id": fsn(sku)}), ("amazon", {"product_type": "SCARF"})):
            of = {"marketplace": marketplace, "account": ACCOUNT}
            self.store.commit([Put(tables.listing(marketplace, ACCOUNT, sku), {**known, **of, **said})])

    # what happens at the marketplaces

    def sell_at_flipkart(self, shipment: str, sku: str, quantity: int = 1, *, push: bool = True) -> None:
        """A sale, as the API tells it from now on; with ``push`` the webhook comes, too."""
        sold = item(sku, quantity)
        message = created(shipment, sold)
        line = flipkart_answers.item(status="APPROVED") | sold | {"status": "APPROVED"}
        of = flipkart_answers.shipment(line, shipmentId=shipment, updatedAt=self._in_the_marketplaces_words())
        self.played.flipkart.put_shipment(shipment, json.loads(written(of)), self.time)
        if push:
            self.post(message, ACCOUNT)

    def sell_at_amazon(self, number: int, sku: str, quantity: int = 1) -> str:
        """A sale, as the API tells it from now on. Returns the order's id."""
        order_id = AMAZON_ORDER.format(number)
        line = {
            "orderItemId": f"9{number:07}",
            "quantityOrdered": quantity,
            "product": {"sellerSku": sku, "asin": "B0EXAMPLE1", "title": sku, "price": {"unitPrice": _rupees(500)}},
            "proceeds": {"breakdowns": [{"type": "ITEM", "subtotal": _rupees(500 * quantity)}]},
        }
        order: dict[str, Any] = {
            "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
            "orderItems": [line],
        }
        self.played.amazon.put_order(order_id, order, self.time)
        return order_id

    def _in_the_marketplaces_words(self) -> str:
        return instant(self.time).replace("Z", ".000+00:00")

    # what we do

    def asking_desk(self) -> Desk:
        return Desk(
            store=self.store,
            queues=self.queues,
            apis=self.played,
            channels=CHANNELS,
            accounts=self._api_accounts,
            clock=self.clock,
            time_left=lambda: 60.0,
            pause=self._pass,
            claimant=f"worker-{next(self._numbers)}",
            again=self._again,
            lag=LAG,
        )

    def clock(self) -> datetime:
        return self.time

    def _pass(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def work(self, queue: QueueName, body: str) -> str:
        if queue is QueueName.FETCHES:
            return fetch(self.asking_desk(), Fetch.model_validate_json(body)).value
        if queue is QueueName.STOCK_FEED:
            return publish(self.asking_desk(), PublishStock.model_validate_json(body)).value
        desk = apply.Desk(self.store, self.now, self._again, self._api_accounts)
        if queue is QueueName.AMAZON_NOTIFICATIONS:
            return apply.notification(desk, body, "amazon", amazon)
        if queue is QueueName.ORDER_EVENTS:
            return apply.apply(desk, ORDER_EVENT.validate_json(body), READERS)
        return super().work(queue, body)

    def catch_up(self) -> list[Kind]:
        return catch_up(self.asking_desk())

    def tell_all(self) -> int:
        return publish_all(self.asking_desk())


def _rupees(amount: int) -> dict[str, str]:
    return {"amount": f"{amount}.00", "currencyCode": "INR"}
