"""What an order owes, when, and until when it is worth saying."""

from __future__ import annotations

from typing import Any

import pytest

from hunar.domain.effects import NEW_ORDER, PAYOUT
from hunar.domain.facts import Step, Voided, fact_id, to_text
from hunar.messages import OperatorAct
from hunar.ports import QueueName
from hunar.tables import Table
from tests.flipkart_messages import cancelled, created, item, step
from tests.simulation.news import hold, unhold
from tests.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=50)
    world.settle()
    return world


def owed(world: World, kind: str) -> list[dict[str, Any]]:
    """All effects of this kind that the stream of orders ever carried, oldest first."""
    images = [image for key, image in world.store.changes if key.table is Table.ORDERS and image.get("outbox")]
    return [effect for image in images for effect in image["effects"] if effect["kind"] == kind]


def test_a_text_is_good_until_two_days_after_the_time_to_ship(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert [effect["good_until"] for effect in owed(world, NEW_ORDER)] == ["2026-11-29T10:00:00Z"]


def test_two_parts_with_different_times_to_ship_keep_the_text_good_for_the_later_one(world: World) -> None:
    later = created("S1", item("STOLE", 1, line_id="2"))
    later["attributes"]["dispatchByDate"] = "2026-12-01T15:30:00+05:30"
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(later)
    world.settle()
    assert owed(world, NEW_ORDER)[-1]["good_until"] == "2026-12-03T10:00:00Z"


def test_without_a_time_to_ship_a_text_is_good_for_a_week_after_the_sale(world: World) -> None:
    message = created("S1", item("STOLE", 3))
    del message["attributes"]["dispatchByDate"]
    world.post(message)
    world.settle()
    assert [effect["good_until"] for effect in owed(world, NEW_ORDER)] == ["2026-12-01T04:30:00Z"]
    assert len(world.phones.texts) == 1


def test_a_sale_that_is_announced_after_the_goods_left_owes_no_text(world: World) -> None:
    world.post(step("S1", "shipped"))
    world.settle()
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert owed(world, NEW_ORDER) == []
    assert world.notifications() == []


def test_what_is_owed_is_carried_once_whatever_happens_to_the_order_later(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(step("S1", "delivered"))
    world.settle()
    [first] = owed(world, PAYOUT)
    world.post(step("S1", "packed"))
    world.settle()
    assert owed(world, PAYOUT) == [first]
    assert "outbox" not in world.order("S1")
    assert world.order("S1")["effects"] == []


def test_a_corrected_price_is_computed_again(world: World) -> None:
    world.post(step("S1", "delivered"))
    world.post(created("S1", item("STOLE", 3, 1499.0)))
    world.settle()
    world.post(created("S1", item("STOLE", 3, 1399.0), at="2026-11-24T11:00:00+05:30"))
    world.settle()
    assert len(owed(world, PAYOUT)) == 2


def test_every_change_of_the_number_is_told_against_the_number_told_last(world: World) -> None:
    """5 sold, 1 cancelled, 1 more sold, 1 cancelled: 5, 4, 5, 4."""
    world.post(created("S1", item("STOLE", 5)))
    world.settle()
    world.post(cancelled("S1", 1))
    world.settle()
    world.post(created("S1", item("STOLE", 6), at="2026-11-24T12:30:00+05:30"))
    world.settle()
    world.post(cancelled("S1", 1, at="2026-11-24T13:00:00+05:30"))
    world.settle()
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "CANCELLED", "NEW_ORDER", "CANCELLED"]


def test_a_second_cancellation_names_only_what_is_new_in_it(world: World) -> None:
    world.post(created("S1", item("STOLE", 9)))
    world.settle()
    for units, hour in ((1, 12), (3, 13)):
        world.post(cancelled("S1", units, at=f"2026-11-24T{hour}:00:00+05:30"))
        world.settle()
    _, (_, first), (_, second) = world.phones.to("G11")
    assert "1 Stole" in first
    assert "3 Stole" in second


def test_an_order_of_many_lines_owes_one_text_not_one_per_slice() -> None:
    world = World()
    world.group("G11")
    for number in range(45):
        world.product(f"P{number:02}", "G11", f"Craft {number}", stock=2)
    world.settle()
    world.post(created("S1", *(item(f"P{number:02}", 1, line_id=f"L{number:02}") for number in range(45))))
    world.settle()
    [effect] = owed(world, NEW_ORDER)
    assert sum(effect["units"].values()) == 45


def test_an_order_leaves_the_board_of_what_must_be_shipped_when_it_is_delivered_or_cancelled(world: World) -> None:
    for shipment, end in (("S1", step("S1", "delivered")), ("S2", cancelled("S2", 3)), ("S3", step("S3", "packed"))):
        world.post(created(shipment, item("STOLE", 3)))
        world.post(end)
    world.settle()
    assert [world.order(name)["board_pk"] for name in ("S1", "S2", "S3")] == ["ENDED", "ENDED", "OPEN"]
    assert world.order("S3")["board_sk"] == "2026-11-27T10:00:00Z#flipkart:demo:S3"


HELD_AT, GONE_AT = "2026-11-24T12:00:00+05:30", "2026-11-24T13:00:00+05:30"


def never_left(world: World) -> None:
    """A person takes the news back that the goods had left."""
    fact = Voided("V", fact_id(Step("picked_up", "2026-11-24T07:30:00Z")), world.now, "Farzana", "another parcel")
    act = OperatorAct(act_id="V", order_ref="flipkart:demo:S1", fact=to_text(fact))
    world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
    world.settle()


def test_a_hold_that_was_kept_from_a_group_because_the_goods_had_left_is_told_when_they_had_not(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(hold("S1", "1", 1, HELD_AT))
    world.post(step("S1", "pickup_complete", GONE_AT))
    # Texts come late: by then the goods are gone.
    world.work_off(QueueName.ORDER_EVENTS)
    world.settle()
    assert world.phones.texts == []
    never_left(world)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "HOLD"]


def test_a_group_that_heard_of_a_hold_is_not_told_again_when_the_goods_had_not_left(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(hold("S1", "1", 1, HELD_AT))
    world.settle()
    world.post(step("S1", "pickup_complete", GONE_AT))
    world.settle()
    never_left(world)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "HOLD"]


def test_the_end_of_a_hold_that_was_kept_from_a_group_because_the_goods_had_left_is_told_when_they_had_not(
    world: World,
) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(hold("S1", "1", 1, HELD_AT))
    world.settle()
    world.post(unhold("S1", "2026-11-24T12:30:00+05:30"))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    # The text that the hold is over comes late: by then the goods are gone.
    world.post(step("S1", "pickup_complete", GONE_AT))
    world.work_off(QueueName.ORDER_EVENTS)
    world.settle()
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "HOLD"]
    never_left(world)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "HOLD", "RELEASED"]


def test_a_group_that_heard_of_neither_a_hold_nor_its_end_hears_of_no_end_when_the_goods_had_not_left(
    world: World,
) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    for message in (hold("S1", "1", 1, HELD_AT), unhold("S1", "2026-11-24T12:30:00+05:30")):
        world.post(message)
    world.post(step("S1", "pickup_complete", GONE_AT))
    world.work_off(QueueName.ORDER_EVENTS)
    world.settle()
    never_left(world)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
