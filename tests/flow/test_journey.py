"""From the marketplace's message to the group's phone and the ledger, on the real use cases."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from hunar.domain.order import knowledge, read
from hunar.messages import ListingMapped
from hunar.ports import Put, QueueName
from hunar.tables import Table, listing_pointer
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import START, World


@pytest.fixture
def world() -> World:
    world = World()
    for group, locale in (("G11", "hi"), ("G22", "bn"), ("G33", "ta")):
        world.group(group, locale)
    world.product("STOLE", "G11", "तसर स्टोल", stock=8)
    world.product("TOTE", "G22", "পাটের ব্যাগ", stock=25)
    world.product("MANGO", "G33", "மாங்காய்", stock=30)
    world.settle()
    return world


def test_an_order_reserves_stock_and_tells_the_group_in_its_language(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    stock = world.stock("STOLE")
    assert (stock["on_hand"], stock["available"], stock["reserved"], stock["short"]) == (8, 5, 3, 0)
    [(kind, text)] = world.phones.to("G11")
    assert kind == "NEW_ORDER"
    assert "3 तसर स्टोल" in text
    assert world.exceptions() == []


def test_fault_1_the_same_message_three_times_is_one_order_and_one_text(world: World) -> None:
    for _ in range(3):
        world.post(created("S1", item("STOLE", 3)))
        world.settle()
    assert world.stock("STOLE")["reserved"] == 3
    assert len(world.phones.texts) == 1
    assert len([kept for kept in world.items(Table.DELIVERIES) if kept.get("event_type")]) == 1


def test_a_new_order_costs_four_calls_and_a_duplicate_two(world: World) -> None:
    for expected in (
        ["PutItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems"],
        ["PutItem", "BatchGetItem"],
    ):
        world.post(created("S1", item("STOLE", 3)))
        [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
        world.store.calls.clear()
        world.work(QueueName.ORDER_EVENTS, body)
        assert world.store.calls == expected


def test_two_groups_in_one_order_each_get_their_own_part(world: World) -> None:
    world.post(created("S1", item("TOTE", 2, line_id="1"), item("MANGO", 4, line_id="2"), item("TOTE", 1, line_id="3")))
    world.settle()
    [(_, bengali)] = world.phones.to("G22")
    [(_, tamil)] = world.phones.to("G33")
    assert "3 পাটের ব্যাগ" in bengali
    assert "4 மாங்காய்" in tamil


def test_fault_6_delivered_before_created_waits_as_unknown_and_is_never_texted(world: World) -> None:
    world.post(step("S1", "delivered"))
    world.settle()
    assert read(knowledge(world.order("S1"))).state == "UNKNOWN"
    assert world.exceptions() == ["UNKNOWN_SHIPMENT"]
    world.post(created("S1", item("STOLE", 2)))
    world.settle()
    assert read(knowledge(world.order("S1"))).state == "DELIVERED"
    assert (world.stock("STOLE")["on_hand"], world.stock("STOLE")["reserved"]) == (6, 0)
    assert world.phones.texts == []
    assert "UNKNOWN_SHIPMENT" in world.exceptions(closed=True)


def test_fault_5_cancelled_before_created_reserves_only_what_is_left(world: World) -> None:
    world.post(cancelled("S1", 2))
    world.settle()
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert world.stock("STOLE")["reserved"] == 1
    [(kind, text)] = world.phones.to("G11")
    assert (kind, "1 तसर" in text) == ("NEW_ORDER", True)


def test_an_order_that_was_cancelled_before_anyone_heard_of_it_stays_silent(world: World) -> None:
    world.post(cancelled("S1", 3))
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert world.stock("STOLE")["available"] == 8
    assert world.phones.texts == []


def test_a_cancellation_after_the_text_tells_how_many_are_left(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(cancelled("S1", 1))
    world.settle()
    world.post(cancelled("S1", 2, at="2026-11-24T15:00:00+05:30"))
    world.settle()
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "CANCELLED", "CANCELLED"]
    _, (_, some), (_, none) = world.phones.to("G11")
    assert "2" in some
    assert "0" in none
    assert world.stock("STOLE")["available"] == 8


def test_a_full_cancellation_that_overtakes_the_text_means_no_text_at_all(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(cancelled("S1", 3))
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)
    world.settle()
    assert world.phones.texts == []
    assert {item["status"] for item in world.notifications()} == {"SUPPRESSED"}


def test_more_than_the_shelf_has_is_short_shown_and_the_group_is_told_all_the_same(world: World) -> None:
    world.post(created("S1", item("STOLE", 11)))
    world.settle()
    stock = world.stock("STOLE")
    assert (stock["reserved"], stock["available"], stock["short"]) == (8, 0, 3)
    assert world.exceptions() == ["SHORT"]
    assert "11 तसर" in world.phones.to("G11")[0][1]
    world.post(cancelled("S1", 4))
    world.settle()
    assert (world.stock("STOLE")["reserved"], world.stock("STOLE")["short"]) == (7, 0)
    assert world.exceptions() == []
    assert world.exceptions(closed=True) == ["SHORT"]


def test_units_that_arrive_go_to_the_oldest_sale_first_and_nobody_jumps_the_queue(world: World) -> None:
    late = item("STOLE", 4, orderDate="2026-11-24T11:00:00.000+05:30")
    early = item("STOLE", 4, orderDate="2026-11-24T09:00:00.000+05:30")
    world.post(created("FIRST", item("STOLE", 8)))
    world.settle()
    world.post(created("LATE", late))
    world.settle()
    world.post(created("EARLY", early))
    world.settle()
    assert (world.stock("STOLE")["reserved"], world.stock("STOLE")["short"]) == (8, 8)
    world.count_in("STOLE", 5, "later")
    world.settle()

    def held(shipment: str) -> tuple[int, int]:
        line = world.order(shipment)["applied"]["1"]
        return line["reserved"], line["short"]

    assert (held("FIRST"), held("EARLY"), held("LATE")) == ((8, 0), (4, 0), (1, 3))
    world.post(created("NEW", item("STOLE", 1, orderDate="2026-11-24T12:00:00.000+05:30")))
    world.settle()
    assert held("NEW") == (0, 1)
    world.post(cancelled("FIRST", 4))
    world.settle()
    assert (held("FIRST"), held("LATE"), held("NEW")) == ((4, 0), (4, 0), (1, 0))
    assert world.exceptions() == []
    told = Counter(kind for kind, _ in world.phones.to("G11"))
    # Each of the three that waited hears that its missing units are there.
    assert told == {"NEW_ORDER": 4, "CANCELLED": 1, "SERVED": 3}


def test_an_order_that_comes_before_the_first_count_gets_its_units_when_they_are_counted() -> None:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "तसर स्टोल")
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert world.exceptions() == ["SHORT"]
    world.count_in("STOLE", 8)
    world.settle()
    stock = world.stock("STOLE")
    assert (stock["available"], stock["reserved"], stock["short"]) == (5, 3, 0)
    assert world.exceptions() == []


def test_forty_orders_that_wait_are_all_served_though_one_message_serves_twenty() -> None:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "तसर स्टोल")
    for number in range(45):
        world.post(created(f"S{number}", item("STOLE", 1)))
    world.settle()
    world.count_in("STOLE", 44)
    world.settle()
    stock = world.stock("STOLE")
    assert (stock["available"], stock["reserved"], stock["short"]) == (0, 44, 1)


def test_what_left_the_shelf_uncounted_is_asked_about_until_it_is_counted_in(world: World) -> None:
    world.post(created("S1", item("STOLE", 11)))
    world.post(step("S1", "pickup_complete"))
    world.settle()
    assert (world.stock("STOLE")["on_hand"], world.stock("STOLE")["uncounted"]) == (0, 3)
    assert world.exceptions() == ["UNCOUNTED"]
    world.count_in("STOLE", 5, "later")
    world.settle()
    assert (world.stock("STOLE")["on_hand"], world.stock("STOLE")["uncounted"]) == (2, 0)
    assert world.exceptions() == []


def test_the_same_count_imported_twice_adds_once_and_an_unknown_sku_is_parked(world: World) -> None:
    world.count_in("STOLE", 5, "second")
    world.count_in("STOLE", 5, "second")
    world.count_in("NOBODYS", 5)
    world.settle()
    assert world.stock("STOLE")["on_hand"] == 13
    [parked] = [kept for kept in world.items(Table.DELIVERIES) if kept["verdict"] == "UNKNOWN_MESSAGE"]
    assert "NOBODYS" in parked["body"]
    assert world.exceptions() == ["UNKNOWN_MESSAGE"]


@pytest.mark.parametrize("seed", range(5))
def test_fault_23_an_unmapped_listing_waits_and_goes_on_by_itself_when_it_is_mapped(world: World, seed: int) -> None:
    world.product("MAT", "G22", "চট", listed=False, stock=9)
    world.post(created("S1", item("MAT", 2, line_id="1"), item("TOTE", 1, line_id="2")))
    world.post(created("S2", item("MAT", 3)))
    world.settle()
    assert world.exceptions() == ["UNKNOWN_LISTING"]
    assert world.stock("MAT")["reserved"] == 0
    assert [kind for kind, _ in world.phones.to("G22")] == ["NEW_ORDER"]
    world.map_listing("MAT", "G22")
    world.settle()
    assert world.stock("MAT")["reserved"] == 5
    assert world.exceptions() == []
    assert "3 চট" in world.phones.to("G22")[-1][1] or "2 চট" in world.phones.to("G22")[-1][1]
    assert [order["waiting"] for order in (world.order("S1"), world.order("S2"))] == [{}, {}]


def test_an_order_that_is_parked_while_its_listing_is_mapped_is_not_lost(world: World) -> None:
    """The mapping is written and announced between the order's reading and its transaction."""
    world.product("MAT", "G22", "চট", listed=False, stock=9)
    world.settle()
    world.post(created("S1", item("MAT", 2)))
    [(order, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    commit, met = world.store.commit, []

    def commit_late(puts: list[Put]) -> None:
        if any(put.key.sk == "POINTER" for put in puts) and not met:
            met.append(True)
            world.map_listing("MAT", "G22")
            for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
                world.work(QueueName.ORDER_EVENTS, body)
        commit(puts)

    world.store.commit = commit_late  # type: ignore[method-assign,assignment]
    world.work(QueueName.ORDER_EVENTS, order)
    world.settle()
    assert met
    assert world.order("S1")["waiting"] == {}
    assert world.stock("MAT")["reserved"] == 2
    assert world.exceptions() == []


def test_a_mapping_announced_before_any_order_leaves_a_pointer_that_waits_for_nobody(world: World) -> None:
    mapped = ListingMapped(marketplace="flipkart", account="demo", listing="GHOST", at=world.now)
    world.queues.send(QueueName.ORDER_EVENTS, [mapped.model_dump_json()])
    world.settle()
    assert world.store.read([listing_pointer("flipkart", "demo", "GHOST")]).popitem()[1]["waiting"] == []


def test_fault_30_a_crash_after_keeping_the_delivery_is_healed_by_the_same_message(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    commit = world.store.commit

    def crash(puts: list[Put]) -> None:
        if len(puts) > 1:
            raise ConnectionError("the function was stopped")
        commit(puts)

    world.store.commit = crash  # type: ignore[method-assign,assignment]
    with pytest.raises(ConnectionError):
        world.work(QueueName.ORDER_EVENTS, body)
    world.store.commit = commit  # type: ignore[method-assign]
    assert world.work(QueueName.ORDER_EVENTS, body) == "repaired"
    world.settle()
    assert world.stock("STOLE")["reserved"] == 3
    assert len(world.phones.texts) == 1


def test_fault_34_an_order_of_fifty_lines_is_applied_in_slices_and_told_once() -> None:
    world = World(shuffle=random.Random(3), twice=True)
    world.group("G11")
    for number in range(50):
        world.product(f"P{number:02}", "G11", f"Craft {number}", stock=2)
    world.settle()
    world.post(created("S1", *(item(f"P{number:02}", 2, line_id=f"L{number:02}") for number in range(50))))
    world.settle()
    assert all(world.stock(f"P{number:02}")["reserved"] == 2 for number in range(50))
    assert len(world.phones.texts) == 1
    assert not world.order("S1")["unfinished"]
    world.post(step("S1", "shipped"))
    world.settle()
    assert all(world.stock(f"P{number:02}")["on_hand"] == 0 for number in range(50))


def test_an_order_in_which_everything_is_wrong_stays_within_a_transaction() -> None:
    """120 lines: half of them unmapped, all without a clear price, all short or gone uncounted."""
    world = World()
    world.group("G11")
    for number in range(0, 120, 2):
        world.product(f"P{number:03}", "G11", f"Craft {number}")
    world.settle()
    unclear = {"sellingPrice": "1,499", "totalPrice": "1,499"}
    lines = [item(f"P{number:03}", 2, line_id=f"L{number:03}", priceComponents=unclear) for number in range(120)]
    world.post(created("S1", *lines))
    world.settle()
    kinds = Counter(world.exceptions())
    assert kinds == {"PRICE_UNCLEAR": 120, "SHORT": 60, "UNKNOWN_LISTING": 60}
    assert len(world.phones.texts) == 1
    world.post(step("S1", "shipped"))
    for number in range(1, 120, 2):
        world.product(f"P{number:03}", "G11", f"Craft {number}")
    world.settle()
    assert Counter(world.exceptions()) == {"PRICE_UNCLEAR": 120, "UNCOUNTED": 120}
    assert not world.order("S1")["unfinished"]


def test_a_replay_long_after_the_order_sends_no_text(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    world.time = START.replace(year=2027)
    world.work(QueueName.ORDER_EVENTS, body)
    world.settle()
    assert world.stock("STOLE")["reserved"] == 3
    assert world.phones.texts == []
    assert [item["status"] for item in world.notifications()] == ["EXPIRED"]


def test_fault_24_an_unknown_event_is_kept_whole_and_shown(world: World) -> None:
    """An event type that nobody knows yet."""
    world.post(step("S1", "teleported") | {"buyer": "kept whole, for thirty days"})
    world.post(step("S1", "teleported") | {"buyer": "kept whole, for thirty days"})
    world.settle()
    [kept] = [kept for kept in world.items(Table.DELIVERIES) if kept.get("verdict") == "UNKNOWN_EVENT"]
    assert kept["body_b64"]
    assert kept["expires_at"] == int(START.timestamp()) + 30 * 86400
    assert world.exceptions() == ["UNKNOWN_EVENT"]


def test_what_nobody_can_read_is_kept_as_it_came_and_shown(world: World) -> None:
    world.post(b"\xff\xfe not json", readable=False)
    world.settle()
    assert world.exceptions() == ["UNREADABLE"]
    [kept] = [kept for kept in world.items(Table.DELIVERIES) if kept.get("verdict") == "UNREADABLE"]
    assert kept["body_b64"]


def test_a_bad_line_does_not_lose_the_good_one(world: World) -> None:
    """Zero and negative quantities, and a text that is no number."""
    world.post(
        created(
            "S1",
            item("STOLE", 2, line_id="1"),
            item("TOTE", 0, line_id="2"),
            item("MANGO", -1, line_id="3"),
            item("TOTE", "many", line_id="4"),
        )
    )
    world.settle()
    assert world.stock("STOLE")["reserved"] == 2
    assert world.exceptions() == ["BAD_LINE"] * 3
    assert {entry["order_ref"] for entry in world.items(Table.EXCEPTIONS)} == {"flipkart:demo:S1"}


@pytest.mark.parametrize(
    "prices",
    [
        {"sellingPrice": "1,499", "totalPrice": 1499.0},
        {"sellingPrice": 1499.0, "totalPrice": 12.0},
        {"sellingPrice": 1499.001, "totalPrice": 1499.001},
    ],
)
def test_fault_26_an_unclear_price_is_shown_and_stops_money_but_not_the_order(
    world: World, prices: dict[str, object]
) -> None:
    world.post(created("S1", item("STOLE", 2, priceComponents=prices)))
    world.post(step("S1", "delivered"))
    world.settle()
    assert world.stock("STOLE")["on_hand"] == 6
    assert world.exceptions() == ["PRICE_UNCLEAR"]
    assert world.items(Table.LEDGER) == []


def test_a_cancellation_of_a_line_that_was_not_announced_is_shown_until_the_line_comes(world: World) -> None:
    world.post(created("S1", item("STOLE", 2)))
    world.post(cancelled("S1", 1, line_id="9"))
    world.settle()
    assert world.exceptions() == ["WAITING_FACT"]
    assert world.stock("STOLE")["reserved"] == 2
    both = (item("STOLE", 2), item("TOTE", 3, line_id="9"))
    world.post(created("S1", *both, at="2026-11-24T11:00:00+05:30"))
    world.settle()
    assert world.exceptions() == []
    assert world.stock("TOTE")["reserved"] == 2


def test_what_happened_in_one_second_is_told_in_its_natural_order(world: World) -> None:
    at = "2026-11-24T10:05:00+05:30"
    for event in ("shipped", "delivered", "pickup_complete", "packed", "ready_to_dispatch"):
        world.post(step("S1", event, at))
    world.post(cancelled("S1", 1, at=at))
    world.post(created("S1", item("STOLE", 2), at=at))
    world.settle()
    told = [row["what"] for row in read(knowledge(world.order("S1"))).history]
    assert told == ["placed", "cancelled", "packed", "ready", "picked_up", "shipped", "delivered"]


def test_the_deliveries_of_an_order_say_what_it_was_resolved_to(world: World) -> None:
    world.post(created("S1", item("STOLE", 2)))
    world.settle()
    [resolved] = [kept for kept in world.items(Table.DELIVERIES) if kept["verdict"] == "RESOLVED"]
    assert '"sku":"STOLE"' in resolved["facts"][0]
    assert resolved["facts"][0] in world.order("S1")["knowledge"]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_line_that_is_announced_under_two_listings_belongs_to_the_later_one_on_every_way(
    turn: int, at_once: bool
) -> None:
    known = []
    for order in (turn, 1):
        world = World()
        for group, sku in (("G11", "STOLE"), ("G22", "HORSE")):
            world.group(group)
            world.product(sku, group, sku.title(), stock=9)
        world.settle()
        first = created("S1", item("STOLE", 2), at="2026-11-24T10:00:00+05:30")
        later = created("S1", item("HORSE", 2), at="2026-11-24T10:05:00+05:30")
        for message in (first, later)[::order]:
            world.post(message)
            if not at_once:
                world.settle()
        world.settle()
        assert (world.stock("STOLE")["reserved"], world.stock("HORSE")["reserved"]) == (0, 2)
        assert world.exceptions() == []
        known.append((world.order("S1")["knowledge"], world.order("S1")["applied"]))
    assert known[0] == known[1]
