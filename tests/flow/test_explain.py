"""What an order's life looks like to the person who asks, and that nothing of it is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hunar.domain import facts
from hunar.domain.order import knowledge
from hunar.messages import Notify
from hunar.ports import QueueName
from hunar.tables import Item, Table
from hunar.use_cases.explain import explain, explain_item
from hunar.use_cases.park import DeadLetter, park
from hunar.use_cases.park import Desk as ParkingDesk
from tests.everything import lived
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import MARKETPLACES, World, phone

S1 = "flipkart:demo:S1"


@pytest.fixture(scope="module")
def world() -> World:
    return lived(World())


def explained(world: World, order_ref: str = S1) -> Item:
    found = explain(world.store, order_ref)
    assert found is not None
    return found


def rows(found: Item, what: str) -> list[Item]:
    return [row for row in found["timeline"] if row["what"] == what]


def test_every_exception_that_an_order_had_is_found_without_the_worklist(world: World) -> None:
    shown: dict[str, str] = {}
    for order in world.items(Table.ORDERS):
        if "order_ref" in order:
            found = explained(world, order["order_ref"])
            shown |= {entry["exception_id"]: order["order_ref"] for entry in found["exceptions"]}
    every = world.items(Table.EXCEPTIONS)
    about_orders = {entry["exception_id"]: entry["order_ref"] for entry in every if entry["order_ref"]}
    assert len(about_orders) >= 7
    assert about_orders.items() <= shown.items()
    left = {entry["kind"] for entry in every if entry["exception_id"] not in shown}
    # The unread message, the one that cannot be read, and the item that no order has.
    assert left == {"UNKNOWN_EVENT", "UNREADABLE", "WAITING_FACT"}
    assert {entry["closed_at"] is None for entry in every if entry["exception_id"] in shown} == {True, False}


def test_an_effect_that_failed_too_often_is_found_too(world: World) -> None:
    stored = world.order("S2")
    [identity] = [name for name, effect in stored["owed"].items() if effect["kind"] == "NEW_ORDER"]
    effect = stored["owed"][identity]
    message = Notify(
        notification_id=identity,
        notification_kind="NEW_ORDER",
        order_ref="flipkart:demo:S2",
        group_id=effect["group_id"],
        contact=effect["contact"],
        good_until=effect["good_until"],
    )
    desk = ParkingDesk(world.store, world.now, lambda action: action(), MARKETPLACES)
    park(desk, DeadLetter(QueueName.NOTIFICATIONS, "m1", message.model_dump_json(), 5))
    assert "DEAD_LETTER" in {entry["kind"] for entry in explained(world, "flipkart:demo:S2")["exceptions"]}


def test_the_life_stands_in_order_of_time_with_its_sources(world: World) -> None:
    found = explained(world)
    times = [row["at"] for row in found["timeline"]]
    assert times == sorted(times)
    assert all(row["at"] and row["source"] for row in found["timeline"])
    assert [row["detail"].split()[0] for row in rows(found, "received")] == [
        "shipment_created", "shipment_cancelled", "shipment_hold", "shipment_unhold", "shipment_packed",
        "shipment_shipped", "shipment_delivered", "return_created", "return_picked_up", "return_completed",
        "inspected", "shipment_blessed", "return_created",
    ]  # fmt: skip
    assert {row["detail"] for row in rows(found, "stock")} >= {"STOLE: reserved +3", "STOLE: restocked +1"}
    assert [row["line_id"] for row in rows(found, "booked")].count("11") == 2
    owed, sent = ([row["detail"].split()[0] for row in rows(found, what)] for what in ("text owed", "text ACCEPTED"))
    assert (len(owed), owed.count("RETURN")) == (7, 2)
    assert len([kind for kind in sent if kind != "RETURN"]) == 5
    assert [row["detail"] for row in rows(found, "exception closed")] == ["TO_INSPECT"]


def test_every_fact_names_its_id_and_who_said_it(world: World) -> None:
    found = explained(world)
    known = knowledge(world.order("S1"))
    assert {row["fact_id"] for row in found["facts"]} == {facts.fact_id(fact) for fact in known}
    kept = {entry["delivery_id"] for entry in found["deliveries"]}
    assert all(row["said_by"] and set(row["said_by"]) <= kept for row in found["facts"])


@pytest.mark.parametrize(
    "order_ref, state, because",
    [
        (S1, "DELIVERED", ["delivered"]),
        ("flipkart:demo:S3", "PICKED_UP", ["picked_up"]),
        ("flipkart:demo:S2", "PLACED", ["placed"]),
        ("flipkart:demo:S7", "UNKNOWN", []),
        ("flipkart:demo:S10", "RETURNED", ["return received"]),
    ],
)
def test_the_state_has_a_reason(world: World, order_ref: str, state: str, because: list[str]) -> None:
    found = explained(world, order_ref)
    assert (found["state"], [entry["what"] for entry in found["because"]]) == (state, because)
    ids = {row["fact_id"] for row in found["facts"] if "state of the order" in row["decides"]}
    assert ids == {entry["fact_id"] for entry in found["because"]}


def decides(found: Item, what: str) -> list[str]:
    return [row["detail"] for row in found["facts"] if what in row["decides"]]


def test_of_two_announcements_the_one_that_holds_is_named_and_so_are_hold_and_cancellation() -> None:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=9)
    world.post(created("S1", item("STOLE", 2)))
    world.post(created("S1", item("STOLE", 3), at="2026-11-24T10:30:00+05:30"))
    world.post(step("S1", "hold", "2026-11-24T11:00:00+05:30") | {
        "attributes": {"orderItems": [{"orderItemId": "1", "holdQuantity": 1}]}
    })  # fmt: skip
    world.settle()
    found = explained(world)
    assert decides(found, "announcement of line 1") == ["3 of STOLE"]
    assert (found["state"], decides(found, "state of line 1")) == ("HELD", ["1"])
    world.post(cancelled("S1", 3))
    world.post(cancelled("S1", 1, at="2026-11-24T13:00:00+05:30"))
    world.settle()
    found = explained(world)
    assert (found["state"], decides(found, "state of the order")) == ("CANCELLED", ["3: buyer"])
    assert "EXCESS_CANCELLATION" in {entry["kind"] for entry in found["exceptions"]}


def test_a_corrected_product_and_a_void_say_who_decided(world: World) -> None:
    found = explained(world, "flipkart:demo:S5")
    assert decides(found, "terms of line 51") == ["to HORSE, by Asha: a horse"]
    found = explained(world, "flipkart:demo:S7")
    [placed] = [row for row in found["facts"] if row["what"] == "placed"]
    [voided] = [row for row in found["facts"] if row["what"] == "voided"]
    assert (placed["void"], placed["void_by"]) == (True, voided["fact_id"])
    assert "(void)" in rows(found, "placed")[0]["detail"]


def test_no_phone_number_and_no_body_leave_the_tables(world: World) -> None:
    said = json.dumps([explained(world), explained(world, "flipkart:demo:S2")], ensure_ascii=False)
    assert phone("G11")[-4:] in said
    assert phone("G11")[-5:] not in said
    assert "body" not in said
    assert {text["to"] for text in explained(world)["notifications"] if text["to"]} == {"…0011", "…0022"}


def test_a_text_that_nobody_claimed_yet_is_shown_as_owed() -> None:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=9)
    world.settle()
    world.post(created("S1", item("STOLE", 2)))
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)
    [text] = explained(world)["notifications"]
    assert (text["status"], text["to"], text["owed_at"]) == (None, None, world.now)
    assert rows(explained(world), "text owed")


def test_news_without_an_order_is_shown_with_its_item(world: World) -> None:
    found = explain_item(world.store, "flipkart", "demo", "91")
    assert found is not None
    assert (found["orders"], found["waits"]) == ([], True)
    assert [row["what"] for row in found["facts"]] == ["return picked up"]
    assert [entry["kind"] for entry in found["exceptions"]] == ["WAITING_FACT"]
    assert [entry["event_type"] for entry in found["deliveries"]] == ["return_picked_up"]
    joined = explain_item(world.store, "flipkart", "demo", "101")
    assert joined is not None
    assert (joined["orders"], joined["waits"]) == (["flipkart:demo:S10"], False)


def test_what_is_not_there_is_nothing(world: World) -> None:
    assert explain(world.store, "flipkart:demo:NOPE") is None
    assert explain_item(world.store, "flipkart", "demo", "NOPE") is None


def test_it_reads_only_and_asks_for_little(world: World) -> None:
    calls, writes = len(world.store.calls), len(world.store.writes)
    explained(world, "flipkart:demo:S2")
    assert len(world.store.writes) == writes
    used: list[Any] = world.store.calls[calls:]
    assert "Scan" not in used
    assert len(used) <= 10
