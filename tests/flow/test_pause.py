"""A person stops the telling of stock to a channel, and lets it go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hunar import tables
from hunar.messages import PublishStock
from hunar.ports import QueueName, Retryable
from hunar.use_cases import channels
from hunar.use_cases.operate import By, Desk
from hunar.use_cases.publish import Outcome, publish
from tests.shop import DEMO, Market

FEED = QueueName.STOCK_FEED
ACT = By("farzana", "counting the whole store", "act-1")


@pytest.fixture
def market() -> Market:
    made = Market(DEMO, ("shop", "second"))
    made.listing("STOLE-1", "STOLE")
    made.listing("STOLE-2", "STOLE", account="second")
    made.shelf("STOLE", 5)
    return made


def desk(market: Market) -> Desk:
    return Desk(market.store, market.queues, market.now, lambda action: action())


def tell(market: Market) -> Outcome:
    return publish(market.desk(), PublishStock(sku="STOLE"))


def test_a_paused_channel_keeps_its_number_and_the_others_go_on(market: Market) -> None:
    tell(market)
    assert channels.pause(desk(market), *DEMO, ACT) is None
    market.shelf("STOLE", 2)
    tell(market)
    assert market.server.stock == {"STOLE-1": 5, "STOLE-2": 2}
    [first, second] = channels.told(desk(market), market.accounts)
    assert (first["listing"], first["quantity"], first["paused_at"]) == ("STOLE-1", 5, market.now)
    assert (second["listing"], second["quantity"], second["paused_at"]) == ("STOLE-2", 2, None)


def test_pausing_twice_keeps_who_did_it_first(market: Market) -> None:
    channels.pause(desk(market), *DEMO, ACT)
    began = market.now
    market.later(hours=1)
    there = channels.pause(desk(market), *DEMO, By("jhuma", "again", "act-2"))
    assert there is not None
    assert (there["at"], there["person"], there["reason"]) == (began, "farzana", ACT.reason)


def test_a_channel_that_goes_on_is_told_what_holds_now_of_every_product_that_it_sells(market: Market) -> None:
    for number in range(25):
        market.listing(f"MANY-{number}", f"MANY-{number}")
        market.shelf(f"MANY-{number}", 1)
    # Mapped to another product since, and one of the other channel's: neither is this channel's to tell.
    market.listing("OLD", "BEFORE")
    market.listing("OLD", "STOLE", since="2026-11-01")
    market.listing("ONLY-2", "ONLY", account="second")
    tell(market)
    channels.pause(desk(market), *DEMO, ACT)
    market.shelf("STOLE", 2)
    tell(market)
    assert channels.resume(desk(market), *DEMO) == (True, 26)
    messages = []
    for body in market.waiting(FEED, market.time + timedelta(minutes=5)):
        messages.append(PublishStock.model_validate_json(body))
        publish(market.desk(), messages[-1])
    assert {message.sku for message in messages if message.full} == {"STOLE", *(f"MANY-{n}" for n in range(25))}
    assert market.server.stock["STOLE-1"] == market.server.stock["OLD"] == 2
    assert market.server.stock["MANY-24"] == 1


def test_a_resuming_that_the_queue_did_not_take_is_done_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(market)
    channels.pause(desk(market), *DEMO, ACT)
    market.shelf("STOLE", 1)

    def down(*_: object, **__: object) -> None:
        raise Retryable("SQS stock-feed: down")

    with monkeypatch.context() as patch, pytest.raises(Retryable):
        patch.setattr(market.queues, "send", down)
        channels.resume(desk(market), *DEMO)
    assert channels.resume(desk(market), *DEMO) == (False, 1)
    for body in market.waiting(FEED, market.time):
        publish(market.desk(), PublishStock.model_validate_json(body))
    assert market.server.stock["STOLE-1"] == 1


def test_a_channel_that_was_never_told_anything_is_shown_without_a_number(market: Market) -> None:
    market.listing("NEW", "STOLE")
    [new, *_] = channels.told(desk(market), [DEMO])
    assert new == {
        "marketplace": "shop",
        "account": "demo",
        "listing": "NEW",
        "sku": "STOLE",
        "quantity": None,
        "at": None,
        "verdict": None,
        "message": None,
        "shown": None,
        "shown_at": None,
        "paused_at": None,
    }
    assert tables.pause(*DEMO) not in market.store.everything()
