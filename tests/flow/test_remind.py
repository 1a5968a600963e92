"""Once a day each group is told what it has to hand over, and which shelves run low."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import Fault, MemoryQueues
from hunar.domain.facts import instant
from hunar.messages import Remind, Tell
from hunar.ports import Put, QueueName, Rejected, Throttled
from hunar.tables import Key
from hunar.use_cases.remind import Desk, remind
from tests.flipkart_messages import cancelled, created, item, step
from tests.simulation.news import dates_changed, hold
from tests.world import START, World

TODAY = START.date().isoformat()
NOON, EVENING, TOMORROW = "12:00", "18:00", "2026-11-26T10:00:00+05:30"


@pytest.fixture
def world() -> World:
    world = World()
    for group_id, sku in (("G11", "STOLE"), ("G22", "HORSE")):
        world.group(group_id)
        world.product(sku, group_id, sku.title(), stock=500)
    world.settle()
    return world


def sell(world: World, shipment: str, ship_by: str, *sold: dict[str, Any]) -> None:
    """``ship_by`` is a time of today in India, or a moment."""
    message = created(shipment, *(sold or [item("STOLE", 1)]))
    message["attributes"]["dispatchByDate"] = ship_by if "T" in ship_by else f"{TODAY}T{ship_by}:00+05:30"
    world.post(message)
    world.settle()


def texts(world: World, shipment: str) -> list[Key]:
    """The notifications of an order."""
    return [tables.notification(identity) for identity in world.order(shipment)["owed"]]


def says_packed(world: World, key: Key) -> None:
    [text] = world.store.read([key]).values()
    heard = {"what": "packed", "how": "tick", "by": "farzana", "at": world.now}
    world.store.commit([Put(key, text | {"heard": heard})])


def told(world: World, kind: str = "SHIP_BY") -> list[Tell]:
    """What was told since the last time, by group."""
    found = sorted((tell for tell in world.tells if tell.notification_kind == kind), key=lambda tell: tell.group_id)
    world.tells.clear()
    return found


def run(world: World, day: str = TODAY) -> int:
    count = remind(Desk(world.store, world.queues, world.now), Remind(day=day))
    world.settle(patience=timedelta(0))
    return count


def at(world: World, day: int, hour: int = 4) -> str:
    """The clock goes to this hour (UTC) of November. Returns the day in India."""
    world.time = datetime(2026, 11, day, hour, tzinfo=UTC)
    return world.time.date().isoformat()


# What must be handed over


def test_a_group_is_told_once_how_many_orders_go_out_today_and_by_when_the_first(world: World) -> None:
    for shipment, ship_by in (("S1", EVENING), ("S2", NOON), ("S3", "23:59")):
        sell(world, shipment, ship_by)
    sell(world, "S4", "14:00")
    says_packed(world, texts(world, "S4")[0])
    sell(world, "S5", "14:00")
    world.post(hold("S5", "1", 1, "2026-11-24T11:00:00+05:30"))
    sell(world, "S6", "14:00")
    world.post(cancelled("S6", 1))
    sell(world, "S7", TOMORROW)
    for number, event in enumerate(("packed", "ready_to_dispatch", "pickup_complete", "delivered"), start=8):
        sell(world, f"S{number}", "14:00")
        world.post(step(f"S{number}", event))
    world.settle()
    world.tells.clear()
    world.sweep()
    world.settle()
    [tell] = told(world)
    assert (tell.group_id, tell.contact, tell.order_ref) == ("G11", "leader", None)
    assert (tell.says.count, tell.says.by) == (3, "2026-11-25T06:30:00Z")
    assert tell.good_until == "2026-11-25T18:30:00Z"


def test_midnight_in_india_ends_the_day(world: World) -> None:
    sell(world, "S1", "23:59")
    sell(world, "S2", "2026-11-26T00:00:00+05:30")
    assert run(world) == 1
    assert [tell.says.count for tell in told(world)] == [1]


def test_each_group_hears_of_its_own_lines(world: World) -> None:
    sell(world, "S1", EVENING, item("STOLE", 1, line_id="1"), item("HORSE", 2, line_id="2"))
    sell(world, "S2", NOON, item("HORSE", 1))
    run(world)
    assert [(tell.group_id, tell.says.count, tell.says.by) for tell in told(world)] == [
        ("G11", 1, "2026-11-25T12:30:00Z"),
        ("G22", 2, "2026-11-25T06:30:00Z"),
    ]


def test_what_is_late_is_counted_for_a_week_and_has_no_time_any_more(world: World) -> None:
    sell(world, "S1", "2026-11-18T00:00:00+05:30")
    sell(world, "S2", "2026-11-17T23:59:00+05:30")
    run(world)
    assert [(tell.says.count, tell.says.by) for tell in told(world)] == [(1, None)]
    sell(world, "S3", EVENING)
    world.store.commit([Put(tables.reminded(TODAY), None)])
    run(world)
    assert [(tell.says.count, tell.says.by) for tell in told(world)] == [(2, "2026-11-25T12:30:00Z")]


def test_packed_is_what_was_said_of_the_last_text_that_reached_the_group(world: World) -> None:
    sell(world, "S1", EVENING)
    first = texts(world, "S1")[0]
    says_packed(world, first)
    more = created("S1", item("STOLE", 3), at="2026-11-24T11:00:00+05:30")
    more["attributes"]["dispatchByDate"] = f"{TODAY}T{EVENING}:00+05:30"
    world.post(more)
    world.settle()
    [second] = [key for key in texts(world, "S1") if key != first]
    run(world)
    assert [tell.says.count for tell in told(world)] == [1]
    # One that was never sent says nothing against it.
    [text] = world.store.read([second]).values()
    world.store.commit([Put(second, text | {"status": "SUPPRESSED"}), Put(tables.reminded(TODAY), None)])
    assert run(world) == 0


def test_who_said_packed_of_a_digest_said_it_of_all_its_orders(world: World) -> None:
    digest = tables.notification("digest")
    for shipment in ("S1", "S2"):
        sell(world, shipment, EVENING)
        [key] = texts(world, shipment)
        [text] = world.store.read([key]).values()
        world.store.commit([Put(key, text | {"status": "SUPPRESSED", "digest": "digest"}), Put(digest, text)])
    assert run(world) == 1
    says_packed(world, digest)
    world.store.commit([Put(tables.reminded(TODAY), None)])
    assert run(world) == 0


def test_nobody_is_reminded_of_what_is_only_claimed() -> None:
    world = World(api_accounts=["demo"])
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=5)
    world.settle()
    sell(world, "S1", EVENING)
    assert world.order("S1")["owed"] and world.phones.texts == []
    assert run(world) == 0
    world.time += timedelta(minutes=15)
    world.sweep()
    world.settle()
    world.store.commit([Put(tables.reminded(TODAY), None)])
    assert run(world) == 1


def test_a_thousand_orders_are_read_in_pages_and_what_is_late_for_long_is_not(world: World) -> None:
    sell(world, "S", EVENING)
    played = world.order("S")
    now, long_ago = "2026-11-25T12:30:00Z", "2026-10-25T12:30:00Z"
    for number in range(1500):
        ship_by, name = now if number < 999 else long_ago, f"{played['order_ref']}{number}"
        copy = {"order_ref": name, "board_sk": f"{ship_by}#{name}"}
        copy["knowledge"] = played["knowledge"].replace(now, ship_by)
        world.store.load([(tables.order(name), played | copy)])
    world.store.calls.clear()
    run(world)
    assert [tell.says.count for tell in told(world)] == [1000]
    assert world.store.calls.count("Query") <= 12


# When


def test_groups_are_reminded_by_day_and_once(world: World) -> None:
    sell(world, "S1", TOMORROW)
    at(world, 25, 19)
    world.settle(patience=timedelta(hours=7, minutes=25), sweeping=True)
    assert (instant(world.time), world.tells) == ("2026-11-26T02:25:00Z", [])
    world.settle(patience=timedelta(hours=14), sweeping=True)
    assert [tell.says.count for tell in told(world)] == [1]


def test_a_day_that_began_without_a_sweep_is_made_up_for_until_the_evening(world: World) -> None:
    assert world.sweep(datetime(2026, 11, 25, 14, 29, 59, tzinfo=UTC)).sent == {"notifications": 1}
    assert world.sweep(datetime(2026, 11, 25, 14, 30, tzinfo=UTC)).sent == {}


def test_a_message_that_comes_after_its_day_tells_nothing(world: World) -> None:
    sell(world, "S1", EVENING)
    at(world, 25, 18)
    world.time += timedelta(minutes=30)
    assert run(world) == 0
    assert not world.store.read([tables.reminded(TODAY)])


def test_a_day_that_is_no_date_is_refused(world: World) -> None:
    with pytest.raises(Rejected, match="day: "):
        run(world, "2026-13-45")


# Again and again


def test_a_run_that_comes_twice_tells_once(world: World) -> None:
    sell(world, "S1", EVENING)
    assert (run(world), run(world)) == (1, 0)
    assert len(told(world)) == 1


def test_a_run_that_was_stopped_in_the_middle_is_made_again_with_the_same_ids(world: World) -> None:
    sell(world, "S1", EVENING, item("STOLE", 1, line_id="1"), item("HORSE", 1, line_id="2"))
    faults = iter([Fault.HALF_TAKEN])
    world.queues = MemoryQueues(fault=lambda call: next(faults, None) if call == "SendMessageBatch" else None)
    world.sweep()
    world.settle(patience=timedelta(minutes=10), sweeping=True)
    heard = told(world)
    assert [tell.group_id for tell in heard] == ["G11", "G11", "G22"]
    assert len({tell.notification_id for tell in heard}) == 2
    assert world.queues.empty


def test_two_that_work_on_the_same_day_at_once_tell_the_same(world: World) -> None:
    sell(world, "S1", EVENING)
    commit = world.store.commit

    def late(puts: Any) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        assert run(world) == 1
        commit(puts)

    world.store.commit = late  # type: ignore[method-assign]
    assert run(world) == 0
    assert len({tell.notification_id for tell in told(world)}) == 1


# Shelves


@pytest.fixture
def shelves(world: World) -> World:
    """A shelf that is low, one that is not, and one of which nobody wants to hear."""
    for sku, low_at, stock in (("CAP", 3, 3), ("MAT", 3, 4), ("POT", None, 0)):
        world.product(sku, "G11", sku.title(), stock=stock, low_at=low_at)
    world.settle()
    return world


def sold(world: World, sku: str, units: int) -> None:
    world.post(created(f"S-{sku}-{world.now}", item(sku, units, line_id=f"{sku}{world.now}")))
    world.settle()


def test_a_low_shelf_is_told_once_a_week_and_a_newly_low_one_on_the_next_day(shelves: World) -> None:
    # The 25th is a Wednesday.
    run(shelves)
    [tell] = told(shelves, "LOW_STOCK")
    assert (tell.group_id, tell.contact, tell.says.units) == ("G11", "leader", {"CAP": 3})
    assert tell.good_until == "2026-11-27T18:30:00Z"
    sold(shelves, "MAT", 2)
    sold(shelves, "CAP", 1)
    run(shelves, at(shelves, 26))
    assert [tell.says.units for tell in told(shelves, "LOW_STOCK")] == [{"MAT": 2}]
    for day in (27, 28, 29):
        run(shelves, at(shelves, day))
    assert told(shelves, "LOW_STOCK") == []
    run(shelves, at(shelves, 30))
    assert [tell.says.units for tell in told(shelves, "LOW_STOCK")] == [{"CAP": 2, "MAT": 2}]


def test_an_empty_shelf_and_one_that_was_never_counted_have_no_units(shelves: World) -> None:
    shelves.product("TOY", "G22", "Toy", low_at=0)
    sold(shelves, "CAP", 9)
    assert shelves.stock("CAP")["short"] == 6
    run(shelves)
    assert [(tell.group_id, tell.says.units) for tell in told(shelves, "LOW_STOCK")] == [
        ("G11", {"CAP": 0}),
        ("G22", {"TOY": 0}),
    ]


def test_a_low_shelf_of_another_week_has_another_id(shelves: World) -> None:
    ids = set()
    for day in (25, 30):
        run(shelves, at(shelves, day))
        ids |= {tell.notification_id for tell in told(shelves, "LOW_STOCK")}
    assert len(ids) == 2


def test_many_products_are_read_in_pages(world: World) -> None:
    for number in range(250):
        world.product(f"P{number:03}", "G22", "Thing", listed=False, low_at=1)
    run(world)
    [tell] = told(world, "LOW_STOCK")
    assert len(tell.says.units) == 250


# A time that comes nearer


def test_a_group_that_was_told_a_time_hears_when_it_comes_nearer_and_not_when_it_goes_away(world: World) -> None:
    sell(world, "S1", "2026-11-28T15:30:00+05:30")
    world.post(dates_changed("S1", "2026-11-27T15:30:00+05:30", "2026-11-25T09:00:00+05:30"))
    world.settle()
    [tell] = told(world)
    assert (tell.group_id, tell.order_ref, tell.says.count) == ("G11", "flipkart:demo:S1", 1)
    assert (tell.says.by, tell.good_until) == ("2026-11-27T10:00:00Z", "2026-11-27T10:00:00Z")
    world.post(dates_changed("S1", "2026-11-29T15:30:00+05:30", "2026-11-25T10:00:00+05:30"))
    world.post(step("S1", "packed"))
    world.settle()
    assert told(world) == []


def test_a_nearer_time_of_an_order_that_is_over_meanwhile_is_told_to_nobody(world: World) -> None:
    """The text waits behind a busy provider; when its turn comes, nothing of its order is left to hand over."""
    sell(world, "S1", "2026-11-28T15:30:00+05:30")
    world.phones.answers = iter([Throttled("ThrottlingException")])
    world.post(dates_changed("S1", "2026-11-27T15:30:00+05:30", "2026-11-25T09:00:00+05:30"))
    world.settle(patience=timedelta(0))
    [(identity, _)] = [(name, owed) for name, owed in world.order("S1")["owed"].items() if owed["kind"] == "SHIP_BY"]
    world.post(cancelled("S1", 1))
    world.settle(patience=timedelta(minutes=5))
    key = tables.notification(identity)
    nearer = world.store.read([key])[key]
    assert (nearer["status"], nearer["reason"]) == ("SUPPRESSED", "the group has nothing of it to hand over")
    assert "SHIP_BY" not in [text.kind for text in world.phones.texts]


def test_what_a_group_is_told_apart_waits_for_the_sweep_like_every_text(world: World) -> None:
    sell(world, "S1", "2026-11-28T15:30:00+05:30")
    world.post(dates_changed("S1", "2026-11-27T15:30:00+05:30", "2026-11-25T09:00:00+05:30"))
    world.work_off(QueueName.ORDER_EVENTS)
    world.lose_stream()
    world.remind_nobody()
    world.settle(patience=timedelta(minutes=25), sweeping=True)
    assert [tell.order_ref for tell in told(world)] == ["flipkart:demo:S1"]


def test_a_text_that_waits_is_sent_with_the_same_words_though_its_message_was_lost(shelves: World) -> None:
    shelves.phones.answers = iter([Throttled("ThrottlingException")])
    run(shelves)
    [first] = told(shelves, "LOW_STOCK")
    assert shelves.lose_messages() == 1
    shelves.settle(patience=timedelta(minutes=10), sweeping=True)
    assert told(shelves, "LOW_STOCK") == [first]
    assert [kind for kind, _ in shelves.phones.to("G11")] == ["LOW_STOCK"]
    assert shelves.exceptions() == []
