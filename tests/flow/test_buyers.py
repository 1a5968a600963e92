"""A buyer's data is nowhere: not in a table, not in what a table once held, and not in a text."""

from __future__ import annotations

from datetime import timedelta

from hunar.marketplaces.body import written
from tests.flipkart_samples import EVENTS, SKU, about, lines, published
from tests.marketplaces.messages import BUYER
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
