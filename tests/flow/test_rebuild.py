"""Live tables against tables that are made anew from what was kept: equal, or each damage is found and named."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import facts
from hunar.domain.facts import Step
from hunar.domain.order import knowledge, knowledge_text
from hunar.ports import Put
from hunar.tables import Item, Key, Table
from hunar.use_cases import check_stock, rebuild
from hunar.use_cases.rebuild import Report
from tests.everything import lived
from tests.flipkart_messages import created, item, step
from tests.histories import LIFE, played
from tests.world import MARKETPLACES, World

S1 = "flipkart:demo:S1"


def rebuilt(world: World) -> Report:
    return rebuild.check(world.store, MemoryStore(remembers=False), MARKETPLACES, now=world.now)


@pytest.fixture
def world() -> World:
    return lived(World())


def changed(world: World, key: Key, **fields: Any) -> None:
    """Somebody's hand in the table."""
    [there] = world.store.read([key]).values()
    world.store.commit([Put(key, there | fields)])


def removed(world: World, key: Key) -> None:
    assert world.store.read([key])
    world.store.commit([Put(key, None)])


def found(world: World) -> set[tuple[str, str, str]]:
    """Where, whose and what: all that a rebuild and a count of the shelves find, without their messages."""
    every = [*rebuilt(world).differences, *check_stock.check(world.store).differences]
    assert all(difference.message for difference in every)
    return {(difference.where, difference.name, difference.what) for difference in every}


def test_a_shop_in_which_everything_happened_is_equal_when_made_anew(world: World) -> None:
    report = rebuilt(world)
    assert report.differences == []
    assert report.equal
    assert report.orders == sum(key.sk == "ORDER" for key, _ in world.store.scan(Table.ORDERS)) == 9
    assert report.skus == 4
    assert report.acts == 10
    assert report.whole == 3
    assert report.expired == report.without_rate == []
    assert report.lines >= 3
    assert check_stock.check(world.store).differences == []


def test_it_writes_nothing_live(world: World) -> None:
    before, writes = world.store.everything(), len(world.store.writes)
    rebuilt(world)
    check_stock.check(world.store)
    assert (world.store.everything(), len(world.store.writes)) == (before, writes)


@pytest.mark.parametrize("seed", range(6))
def test_histories_that_were_shuffled_repeated_short_and_crossed_by_rivals_are_equal(seed: int) -> None:
    chance = random.Random(seed)
    history = chance.choices(LIFE, k=20)
    world = played(history, seed=seed, twice=True, at_once=True, rivals=True, units=chance.randint(1, 9))
    report = rebuilt(world)
    assert (report.differences, report.moving) == ([], [])
    assert report.orders == 2
    assert check_stock.check(world.store).differences == []


def test_the_registry_is_never_asked(world: World) -> None:
    for key, known in list(world.store.scan(Table.REGISTRY)):
        if key.pk in ("LISTING", "SKU", "GROUP"):
            world.store.commit([Put(key, known | {"resolutions": [], "group_id": "G99"})])
    assert rebuilt(world).equal


def test_a_counter_that_is_off_by_one_is_the_counters_own_fault(world: World) -> None:
    shelf = world.stock("STOLE")
    changed(world, tables.stock("STOLE"), available=shelf["available"] + 1, on_hand=shelf["on_hand"] + 1)
    assert found(world) == {
        ("shelf", "STOLE", "available"),
        ("shelf", "STOLE", "on_hand"),
        ("shelf", "STOLE", "available - short - uncounted"),
    }
    differences = {difference.what: difference for difference in rebuilt(world).differences}
    assert differences["available"].stands == differences["available"].should + 1
    assert "the counter itself was changed" in differences["available"].message
    [counted] = check_stock.check(world.store).differences
    assert "counted in" in counted.message
    assert {line.get("order_ref") for line in counted.stands_on} >= {S1, "flipkart:demo:S10", None}
    assert {line["act_id"] for line in counted.stands_on if "act_id" in line} >= {"to-the-stall", "first"}


def test_a_fact_that_the_order_lost_is_named_with_the_delivery_that_says_it(world: World) -> None:
    lost = Step("packed", "2026-11-25T03:30:00Z")
    known = knowledge(world.order("S1"))
    assert lost in known
    changed(world, tables.order(S1), knowledge=knowledge_text(known - {lost}))
    [difference] = rebuilt(world).differences
    assert (difference.where, difference.name, difference.what) == ("order", S1, f"fact {facts.fact_id(lost)}")
    assert [kept["event_type"] for kept in difference.stands_on] == ["shipment_packed"]
    assert "replay" in difference.message


def test_a_fact_that_came_with_the_marketplaces_item_is_named_too(world: World) -> None:
    known = knowledge(world.order("S1"))
    lost = {fact for fact in known if isinstance(fact, facts.ReturnStep) and fact.step == "picked_up"}
    changed(world, tables.order(S1), knowledge=knowledge_text(known - lost))
    [difference] = rebuilt(world).differences
    assert [kept["event_type"] for kept in difference.stands_on] == ["return_picked_up"]


def test_a_fact_that_nothing_kept_says_is_named(world: World) -> None:
    delivery = next(item for item in world.items(Table.DELIVERIES) if item.get("event_type") == "shipment_shipped")
    removed(world, tables.delivery(S1, delivery["delivery_id"]))
    [difference] = rebuilt(world).differences
    assert difference.what == f"fact {fact_id_of(delivery)}"
    assert "no kept delivery says it" in difference.message


def fact_id_of(delivery: Item) -> str:
    [text] = delivery["facts"]
    return facts.fact_id(facts.from_text(text))


def test_an_order_that_is_gone_and_one_of_which_nothing_is_kept(world: World) -> None:
    removed(world, tables.order(S1))
    for key, _ in list(world.store.scan(Table.DELIVERIES)):
        if key.pk == "flipkart:demo:S2":
            removed(world, key)
    assert found(world) >= {
        ("order", S1, "order"),
        ("order", "flipkart:demo:S2", "order"),
        ("shelf", "STOLE", "available - short - uncounted"),
    }
    told = {difference.what: difference for difference in rebuilt(world).differences if difference.name == "TOTE"}
    assert all("orders and acts that differ" in difference.message for difference in told.values())


def test_an_adjustment_whose_delivery_is_missing(world: World) -> None:
    removed(world, tables.stock_delivery("TOTE", "made"))
    assert ("act", "TOTE", "made") in found(world)
    shelf = [difference for difference in rebuilt(world).differences if difference.where == "shelf"]
    assert {difference.name for difference in shelf} == {"TOTE"}
    assert shelf[0].stands_on == ({"act_id": "made", "units": 3},)


def test_an_adjustment_that_was_kept_and_never_counted(world: World) -> None:
    removed(world, tables.adjustment("HORSE", "one-broke"))
    assert found(world) == {("act", "HORSE", "one-broke"), ("shelf", "HORSE", "available - short - uncounted")}


def test_what_a_line_has_taken_was_changed(world: World) -> None:
    line = world.order("S5")["applied"]["52"]
    assert line["reserved"] == 1
    applied = world.order("S5")["applied"] | {"52": line | {"reserved": 0}}
    changed(world, tables.order("flipkart:demo:S5"), applied=applied)
    assert found(world) == {
        ("order", "flipkart:demo:S5", "line 52"),
        ("shelf", "STOLE", "reserved"),
        ("shelf", "STOLE", "available - short - uncounted"),
    }


def test_reserved_units_that_are_called_short_keep_the_sum_and_are_found_on_the_shelf(world: World) -> None:
    line = world.order("S5")["applied"]["52"]
    applied = world.order("S5")["applied"] | {"52": line | {"reserved": 0, "short": 1, "since": "2026-11-24T04:30:00Z"}}
    changed(world, tables.order("flipkart:demo:S5"), applied=applied)
    assert rebuilt(world).differences == []
    assert found(world) == {
        ("shelf", "STOLE", "reserved"),
        ("shelf", "STOLE", "short"),
        ("queue", "STOLE", "line 52 of flipkart:demo:S5"),
    }


def waiting(world: World) -> tuple[Key, Item]:
    return next((key, item) for key, item in world.store.scan(Table.STOCK) if key.sk.startswith(tables.SHORT_LINES))


def test_a_line_that_vanished_from_the_queue_would_never_be_served(world: World) -> None:
    key, line = waiting(world)
    removed(world, key)
    assert found(world) == {("queue", "TOTE", f"line {line['line_id']} of {line['order_ref']}")}
    [difference] = check_stock.check(world.store).differences
    assert "nothing serves it" in difference.message
    assert difference.stands_on == ({"order_ref": line["order_ref"], "line_id": line["line_id"]},)


def test_a_line_in_the_queue_that_lacks_nothing_or_stands_in_a_wrong_place(world: World) -> None:
    key, line = waiting(world)
    changed(world, key, short=line["short"] + 1)
    assert found(world) == {("queue", "TOTE", f"line {line['line_id']} of {line['order_ref']}")}
    changed(world, key, short=line["short"])
    world.store.commit([Put(tables.short_line("TOTE", "2026-01-01T00:00:00Z", line["order_ref"], "zz"), line)])
    assert found(world) == {("queue", "TOTE", f"line {line['line_id']} of {line['order_ref']}")}


def test_a_changed_entry_is_found_in_balance_or_out_of_it(world: World) -> None:
    key, entry = next((key, item) for key, item in world.store.scan(Table.LEDGER) if "postings" in item)
    first, second = (dict(posting) for posting in entry["postings"][:2])
    first["amount_paise"] += 100
    changed(world, key, postings=[first, *entry["postings"][1:]])
    assert found(world) == {
        ("ledger", entry["order_ref"], f"entry {entry['entry_id']}"),
        ("ledger", entry["order_ref"], f"{first['account']} of line {entry['line_id']}"),
    }
    second["amount_paise"] -= 100
    changed(world, key, postings=[first, second, *entry["postings"][2:]])
    differences = rebuilt(world).differences
    assert {difference.what for difference in differences} == {
        f"{posting['account']} of line {entry['line_id']}" for posting in (first, second)
    }
    assert {kept["entry_id"] for difference in differences for kept in difference.stands_on} >= {entry["entry_id"]}


def test_a_payout_that_was_never_computed_or_not_since(world: World) -> None:
    key = tables.ledger_head(S1, "12")
    changed(world, key, facts="of another day")
    assert found(world) == {("ledger", S1, "line 12")}
    removed(world, key)
    for key, booked in list(world.store.scan(Table.LEDGER)):
        if booked["line_id"] == "12":
            removed(world, key)
    assert found(world) == {("ledger", S1, "line 12")}


def test_a_line_that_no_rate_decides_is_counted_and_named() -> None:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=2)
    world.post(created("S1", item("STOLE", 1)))
    world.post(step("S1", "delivered"))
    world.settle()
    report = rebuilt(world)
    assert report.equal
    assert report.without_rate == [f"{S1} line 1"]


def test_a_fair_and_a_buffer_against_their_acts(world: World) -> None:
    changed(world, tables.fair("STOLE", "utsav"), sold=2)
    changed(world, tables.stock("STOLE"), buffer=0)
    assert found(world) == {("fair", "STOLE", "utsav: sold"), ("shelf", "STOLE", "buffer")}
    told = {difference.where: difference for difference in check_stock.check(world.store).differences}
    assert [act["act_id"] for act in told["fair"].stands_on] == ["home-again", "sold-there", "to-the-stall"]


def test_news_of_an_item_that_its_pointer_lost(world: World) -> None:
    key = tables.item_pointer("flipkart", "demo", "91")
    changed(world, key, facts=[])
    assert found(world) == {("item", "flipkart#demo#91", "facts")}
    removed(world, key)
    assert found(world) == {("item", "flipkart#demo#91", "facts")}


def test_a_delivery_that_expired_unread_is_counted_and_named(world: World) -> None:
    gone = next(item for item in world.items(Table.DELIVERIES) if item.get("event_type") == "shipment_blessed")
    removed(world, tables.delivery(S1, gone["delivery_id"]))
    report = rebuilt(world)
    assert report.equal
    assert [(entry["delivery_id"], entry["kind"], entry["order_ref"]) for entry in report.expired] == [
        (gone["delivery_id"], "UNKNOWN_EVENT", S1)
    ]


def test_parked_messages_are_no_deliveries(world: World) -> None:
    parked = {"delivery_id": "x", "verdict": "FAILED", "body": "{}", "parked_at": world.now, "order_ref": None}
    world.store.commit([Put(tables.parked("order-events", "x"), parked)])
    world.store.commit([Put(tables.parked("payouts", "y"), parked | {"verdict": "REDRIVEN"})])
    report = rebuilt(world)
    assert report.equal
    assert report.skipped == {"FAILED": 1, "REDRIVEN": 1}


def between(world: World, table: Table, meanwhile: Callable[[], None]) -> None:
    """Somebody works while the table is read for the first time."""
    scan, done = world.store.scan, []

    def scanned(asked: Table) -> Any:
        yield from scan(asked)
        if asked is table and not done:
            done.append(True)
            meanwhile()

    world.store.scan = scanned  # type: ignore[method-assign]


def test_an_order_that_goes_on_while_it_is_compared_is_no_difference(world: World) -> None:
    def meanwhile() -> None:
        world.post(step("S5", "packed"))
        world.post(created("S11", item("HORSE", 1, line_id="111")))
        world.settle()

    between(world, Table.DELIVERIES, meanwhile)
    report = rebuilt(world)
    assert report.differences == []
    assert report.moving == ["HORSE"]
    assert not report.equal
    assert rebuilt(world).equal


def test_a_shelf_that_moves_while_it_is_counted_is_counted_again(world: World) -> None:
    between(world, Table.STOCK, lambda: (world.count_in("HORSE", 5, "meanwhile"), world.settle())[0])
    report = check_stock.check(world.store)
    assert (report.differences, report.moving) == ([], [])


def left_over(orders: int) -> int:
    """What a rebuild of so many orders still holds at its end."""
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=orders)
    world.settle()
    for number in range(orders):
        world.post(created(f"S{number}", item("STOLE", 2, line_id=f"L{number}")))
        world.post(step(f"S{number}", "packed"))
    world.settle()
    scratch = MemoryStore(remembers=False)
    report = rebuild.check(world.store, scratch, MARKETPLACES, now=world.now)
    assert (report.equal, report.orders) == (True, orders)
    assert scratch.changes == scratch.calls == scratch.writes == []
    return len(scratch.everything())


def test_an_order_that_was_compared_is_forgotten_so_that_a_year_fits() -> None:
    assert left_over(3) == left_over(9)
