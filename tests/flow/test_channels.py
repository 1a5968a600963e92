"""Both marketplaces as the local stack plays them, with our real modules: sold on one, gone from the other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hunar import tables
from hunar.domain.order import knowledge, read
from tests.flipkart_messages import created, item
from tests.played import ACCOUNT
from tests.selling import SellingWorld

SOON = timedelta(minutes=1)


@pytest.fixture
def world() -> SellingWorld:
    return SellingWorld(STOLE=8, HORSE=3)


def shown(world: SellingWorld, sku: str = "STOLE") -> tuple[int, int]:
    """What a buyer sees at Flipkart and at Amazon."""
    world.time += timedelta(seconds=2)
    return world.played.shown("flipkart")[sku], world.played.shown("amazon")[sku]


def test_what_was_counted_in_stands_at_both_marketplaces(world: SellingWorld) -> None:
    assert (shown(world), shown(world, "HORSE")) == ((8, 8), (3, 3))
    assert world.played.refused == []


def test_what_flipkart_sold_amazon_sells_no_more_and_the_group_hears_once(world: SellingWorld) -> None:
    world.sell_at_flipkart("S1", "STOLE", 3)
    world.settle(patience=SOON)
    assert shown(world) == (5, 5)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    assert (world.exceptions(), world.played.refused) == ([], [])


def test_what_amazon_sold_is_found_without_a_message_of_theirs(world: SellingWorld) -> None:
    order_id = world.sell_at_amazon(1, "STOLE", 2)
    world.time += timedelta(minutes=5)
    world.catch_up()
    world.settle(patience=SOON)
    key = tables.order(f"amazon:{ACCOUNT}:{order_id}")
    [line] = read(knowledge(world.store.read([key])[key])).lines
    assert line.resolved is not None
    assert (line.resolved.sku, line.open, line.unit_price_paise) == ("STOLE", 2, 50_000)
    assert shown(world) == (6, 6)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    assert (world.exceptions(), world.played.refused) == ([], [])


def test_one_sale_by_push_poll_and_question_at_once_is_one_order(world: SellingWorld) -> None:
    world.sell_at_flipkart("S1", "STOLE", 3)
    world.time += timedelta(minutes=3)
    world.catch_up()
    world.settle(patience=SOON)
    world.time += timedelta(minutes=5)
    world.catch_up()
    world.settle(patience=SOON)
    assert (world.stock("STOLE")["reserved"], shown(world)) == (3, (5, 5))
    assert len(world.phones.texts) == 1
    assert world.exceptions() == []


def test_a_message_with_another_body_than_the_marketplace_knows_sells_nothing(world: SellingWorld) -> None:
    world.sell_at_flipkart("S1", "STOLE", 3, push=False)
    world.post(created("S1", item("STOLE", 7)), ACCOUNT)
    world.settle(patience=timedelta(minutes=15), sweeping=True)
    assert (world.stock("STOLE")["reserved"], shown(world)) == (3, (5, 5))
    assert "CLAIM_DENIED" in world.exceptions()
    [text] = world.phones.texts
    assert "3 STOLE" in text.text


def test_a_month_without_any_push_is_caught_up_and_told_to_the_other_channel(world: SellingWorld) -> None:
    world.count_in("STOLE", 200, "a truck")
    world.catch_up()
    world.settle(patience=SOON)
    for number in range(31):
        world.time += timedelta(days=1)
        world.sell_at_flipkart(f"S{number}", "STOLE", 1, push=False)
        world.sell_at_amazon(number, "STOLE", 2)
    for _ in range(60):
        world.time += timedelta(minutes=5)
        world.catch_up()
    world.settle(patience=timedelta(minutes=20))
    assert world.stock("STOLE")["reserved"] == 31 * 3
    assert shown(world) == (208 - 93, 208 - 93)
    assert (world.exceptions(), world.played.refused) == ([], [])


def test_at_night_a_number_that_somebody_set_by_hand_is_named_and_set_right(world: SellingWorld) -> None:
    world.played.flipkart._listings["STOLE"].quantity = 50
    world.time += timedelta(hours=16)
    assert world.tell_all() == 2
    world.settle(patience=timedelta(minutes=2))
    assert world.exceptions() == ["CHANNEL_DIFFERS"]
    assert shown(world) == (8, 8)
    world.settle(patience=timedelta(minutes=20))
    assert world.exceptions() == []
    assert world.played.refused == []


def test_a_rush_at_one_marketplace_never_leaves_the_other_with_what_is_gone(world: SellingWorld) -> None:
    world.count_in("STOLE", 40, "more")
    world.settle(patience=SOON)
    for number in range(40):
        world.sell_at_flipkart(f"R{number}", "STOLE", 1)
    world.settle(patience=timedelta(minutes=12))
    assert world.stock("STOLE")["reserved"] == 40
    assert shown(world) == (8, 8)
    assert (world.exceptions(), world.played.refused) == ([], [])


@pytest.mark.parametrize("fault", ["429", "500", "hang", "html", "expired_token", "revoked", "stale", "late"])
def test_a_marketplace_that_errs_for_a_while_delays_and_loses_nothing(world: SellingWorld, fault: str) -> None:
    world.played.flipkart.faults.set({"fault": fault, "times": 6})
    world.played.amazon.faults.set({"fault": fault, "times": 6})
    world.sell_at_flipkart("S1", "STOLE", 3)
    world.settle(patience=timedelta(hours=1), sweeping=True)
    for _ in range(40):
        world.time += timedelta(minutes=5)
        world.catch_up()
        world.settle(patience=SOON)
    world.settle(patience=timedelta(hours=1), sweeping=True)
    assert (world.stock("STOLE")["reserved"], shown(world)) == (3, (5, 5))
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    assert world.exceptions() == []
