"""A buyer's data is nowhere: not in a table, not in what a table once held, and not in a text."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

from hunar import tables
from hunar.marketplaces import amazon
from hunar.marketplaces.body import written
from hunar.ports import Put
from hunar.tables import Table
from hunar.use_cases import apply
from tests.amazon_samples import NOTIFICATIONS
from tests.flipkart_samples import EVENTS, SKU, about, lines, published
from tests.marketplaces.case import Case
from tests.marketplaces.messages import BUYER, marked
from tests.marketplaces.registered import CASES, every_api
from tests.world import World


def test_a_buyers_data_is_nowhere_afterwards() -> None:
    """In the published comments of a return, and in fields that the marketplace might add anywhere."""
    world = World()
    world.group("G11")
    world.product(SKU, "G11", "Journal", stock=3)
    world.settle()
    buyer = {"name": BUYER[0], "phone": BUYER[1], "address": BUYER[2]}
    for event in EVENTS:
        message = about(published(event), "S1", "1")
        message |= {"buyer": buyer}
        message["attributes"] |= {"deliveryAddress": buyer, "buyerName": BUYER[0]}
        for line in lines(message):
            line |= {"buyerPhone": BUYER[1], "deliveredTo": buyer}
        assert all(mark in written(message) for mark in BUYER)
        world.post(written(message).encode())
    world.settle(patience=timedelta(days=2))
    everything = list(world.store.everything().items())
    assert sum(item.get("order_ref") == "flipkart:demo:S1" for _, item in everything) > len(EVENTS)
    for mark in BUYER:
        for key, item in everything:
            assert mark not in repr((key, item)), key
        assert not [text for text in world.phones.texts if mark in text.text]
        assert not [key for key, item in world.store.changes if mark in repr(item)]


@every_api
def test_a_buyer_in_an_answer_reaches_neither_queue_nor_table(case: Case) -> None:
    """What an API answers is taken apart before it is sent anywhere, so no queue of ours ever holds a buyer."""
    world = World()
    assert case.api
    channel, account = case.api.channel, case.api.account
    answer = written(marked(json.loads(case.api.order, parse_float=Decimal), case.hers)).encode()
    assert all(mark.encode() in answer for mark in BUYER)
    for part in channel.answered(channel.fetch(account, case.api.order_id), answer).parts:
        assert not [mark for mark in BUYER if mark.encode() in part.body]
        world.answer(part.body, account.name, case.name)
    world.settle()
    assert [key.pk for key, _ in world.store.changes if key.table is Table.ORDERS and key.sk == "ORDER"]
    assert not [key for key, item in world.store.changes for mark in BUYER if mark in repr(item)]


def test_a_buyer_in_a_notification_of_amazon_is_nowhere_afterwards() -> None:
    world = World()
    registered = {"marketplace": "amazon", "account": "demo-api", "seller_id": "A3TH9S8BH6GOGM"}
    world.store.commit([Put(tables.account("amazon", "demo-api"), registered)])
    [case] = [case for case in CASES if case.name == "amazon"]
    desk = apply.Desk(world.store, world.now, lambda action: action())
    for name in NOTIFICATIONS:
        message = marked(case.samples[name].message, case.hers)
        assert all(mark in written(message) for mark in BUYER)
        apply.notification(desk, written(message), "amazon", amazon)
    assert [key.pk for key, _ in world.store.changes if key.table is Table.ORDERS and key.sk == "ORDER"]
    assert not [key for key, item in world.store.changes for mark in BUYER if mark in repr(item)]
