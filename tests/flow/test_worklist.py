"""Each cause stands once on the worklist, and what waits for a mapping is found whatever comes between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest

from hunar import tables
from hunar.domain import worklist
from hunar.domain.facts import Placed, Remapped, Voided
from hunar.messages import ListingMapped
from hunar.ports import Conflict, Put, QueueName, Retryable
from hunar.tables import Item, Key, Table
from hunar.use_cases.worklist import close_exception, open_exception
from tests.everything import fact_of, state
from tests.flipkart_messages import cancelled, created, item
from tests.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.group("G22")
    world.product("TOTE", "G22", "Tote", stock=1)
    world.product("MAT", "G22", "Mat", listed=False, stock=9)
    world.settle()
    return world


def work(world: World) -> None:
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)


def test_two_lines_with_the_same_trouble_are_two_exceptions(world: World) -> None:
    unclear = {"sellingPrice": "x"}
    world.post(created("S1", *(item("TOTE", 2, line_id=line, priceComponents=unclear) for line in "12")))
    world.settle()
    assert world.exceptions() == ["PRICE_UNCLEAR"] * 2 + ["SHORT"] * 2
    world.post(cancelled("S1", 2, "2"))
    world.settle()
    assert world.exceptions() == ["PRICE_UNCLEAR"] * 2 + ["SHORT"]


def test_a_second_order_that_waits_for_a_listing_leaves_its_exception_as_it_is(world: World) -> None:
    world.post(created("S1", item("MAT", 2)))
    work(world)
    [opened] = world.items(Table.EXCEPTIONS)
    world.time += timedelta(hours=1)
    world.post(created("S2", item("MAT", 2)))
    work(world)
    assert world.items(Table.EXCEPTIONS) == [opened]


def test_a_sale_before_the_first_mapping_takes_the_first_mapping(world: World) -> None:
    world.post(created("S1", item("TOTE", 1, orderDate="2025-06-01T10:00:00+05:30")))
    world.settle()
    assert world.stock("TOTE")["reserved"] == 1


def test_a_mapping_that_comes_between_two_readings_is_seen(world: World) -> None:
    """One call reads the listing before, the pointer after a mapping was written and announced."""
    world.post(created("S1", item("MAT", 2)))
    [(order, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    read = world.store.read

    def torn(keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(keys)
        world.store.read = read  # type: ignore[method-assign]
        found = read([key for key in wanted if key.sk != "POINTER"])
        world.map_listing("MAT", "G22")
        work(world)
        return found | read([key for key in wanted if key.sk == "POINTER"])

    world.store.read = torn  # type: ignore[method-assign,assignment]
    world.work(QueueName.ORDER_EVENTS, order)
    world.settle()
    assert world.order("S1")["waiting"] == {}
    assert world.stock("MAT")["reserved"] == 2


def test_an_order_that_is_parked_at_a_pointer_which_waited_for_nobody_is_not_lost(world: World) -> None:
    early = ListingMapped(marketplace="flipkart", account="demo", listing="MAT", at=world.now)
    world.queues.send(QueueName.ORDER_EVENTS, [early.model_dump_json()])
    world.settle()
    world.post(created("S1", item("MAT", 2)))
    [(order, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    commit = world.store.commit

    def mapped_first(puts: Sequence[Put]) -> None:
        if any(put.key.sk == "POINTER" for put in puts):
            world.store.commit = commit  # type: ignore[method-assign]
            world.map_listing("MAT", "G22")
            work(world)
        commit(puts)

    world.store.commit = mapped_first  # type: ignore[method-assign,assignment]
    world.work(QueueName.ORDER_EVENTS, order)
    world.settle()
    assert world.order("S1")["waiting"] == {}
    assert world.stock("MAT")["reserved"] == 2


def test_a_delivery_whose_exceptions_meet_another_transaction_comes_again(world: World) -> None:
    world.post(created("S1", item("TOTE", 0)))
    [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    commit = world.store.commit

    def busy(puts: Sequence[Put]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        raise Conflict("TransactionConflict")

    world.store.commit = busy  # type: ignore[method-assign,assignment]
    with pytest.raises(Retryable):
        world.work(QueueName.ORDER_EVENTS, body)
    world.work(QueueName.ORDER_EVENTS, body)
    assert world.exceptions() == ["BAD_LINE"]


def test_an_exception_opens_closes_and_opens_again_each_time_with_a_higher_version(world: World) -> None:
    key = tables.exception(worklist.exception_id("RATE_GAP", "S1", "1"))
    cause, seen = ("S1", "1"), []
    for number in range(2):
        open_exception(world.store, "RATE_GAP", cause, at=f"2026-11-25T0{number}:00:00Z", message="first")
        open_exception(world.store, "RATE_GAP", cause, at=f"2026-11-25T0{number}:10:00Z", message="again")
        there = world.store.read([key])[key]
        seen.append((there["opened_at"], there["message"], there["closed_at"], there["version"]))
        for minute in (30, 40):
            close_exception(world.store, "RATE_GAP", cause, at=f"2026-11-25T0{number}:{minute}:00Z")
        there = world.store.read([key])[key]
        seen.append((there["opened_at"], there["worklist_pk"], there["closed_at"], there["version"]))
    assert seen == [
        ("2026-11-25T00:00:00Z", "first", None, 1),
        ("2026-11-25T00:00:00Z", "CLOSED", "2026-11-25T00:30:00Z", 2),
        ("2026-11-25T01:00:00Z", "first", None, 3),
        ("2026-11-25T01:00:00Z", "CLOSED", "2026-11-25T01:30:00Z", 4),
    ]


@pytest.mark.parametrize("there_before", [False, True])
def test_two_who_open_the_same_exception_at_once_open_it_once(world: World, there_before: bool) -> None:
    cause, at = ("S1", "1"), "2026-11-25T00:00:00Z"
    if there_before:
        open_exception(world.store, "RATE_GAP", cause, at=at, message="before")
        close_exception(world.store, "RATE_GAP", cause, at=at)
    commit = world.store.commit

    def rival_first(puts: Sequence[Put]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        open_exception(world.store, "RATE_GAP", cause, at=at, message="the rival's")
        commit(puts)

    world.store.commit = rival_first  # type: ignore[method-assign,assignment]
    open_exception(world.store, "RATE_GAP", cause, at=at, message="ours")
    assert [shown["message"] for shown in world.items(Table.EXCEPTIONS)] == ["the rival's"]


def test_who_closes_what_was_opened_again_meanwhile_must_decide_again(world: World) -> None:
    cause, at = ("S1", "1"), "2026-11-25T00:00:00Z"
    open_exception(world.store, "RATE_GAP", cause, at=at, message="first")
    commit = world.store.commit

    def rival_first(puts: Sequence[Put]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        close_exception(world.store, "RATE_GAP", cause, at=at)
        open_exception(world.store, "RATE_GAP", cause, at=at, message="second")
        commit(puts)

    world.store.commit = rival_first  # type: ignore[method-assign,assignment]
    with pytest.raises(Conflict):
        close_exception(world.store, "RATE_GAP", cause, at=at)
    assert world.exceptions() == ["RATE_GAP"]


def test_a_mapping_that_was_announced_and_is_not_there_leaves_the_order_waiting_and_shown(world: World) -> None:
    world.post(created("S1", item("MAT", 2)))
    world.settle()
    mapped = ListingMapped(marketplace="flipkart", account="demo", listing="MAT", at=world.now)
    world.queues.send(QueueName.ORDER_EVENTS, [mapped.model_dump_json()])
    world.settle()
    assert world.order("S1")["waiting"] == {"1 MAT": "MAT"}
    assert world.exceptions() == ["UNKNOWN_LISTING"]


def test_a_line_that_is_announced_again_under_a_known_listing_goes_on(world: World) -> None:
    world.post(created("S1", item("MAT", 1)))
    world.settle()
    world.post(created("S1", item("TOTE", 1), at="2026-11-24T11:00:00+05:30"))
    world.settle()
    assert nobody_need_map(world)
    assert world.exceptions() == []
    assert world.stock("TOTE")["reserved"] == 1


def nobody_need_map(world: World) -> bool:
    key = tables.listing_pointer("flipkart", "demo", "MAT")
    return bool(world.store.read([key])[key]["wanting"] == [])


def test_a_line_whose_product_a_person_states_waits_no_more_for_its_listing(world: World) -> None:
    world.post(created("S1", item("MAT", 1)))
    world.settle()
    said = Remapped("m1", "1", world.now, "TOTE", "G22", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None, "Asha", "a tote")
    state(world, "flipkart:demo:S1", said, "m1")
    world.settle()
    assert nobody_need_map(world)
    assert world.exceptions(closed=True) == ["UNKNOWN_LISTING"]
    assert world.stock("TOTE")["reserved"] == 1


def test_a_line_that_was_never_sold_waits_no_more_and_leaves_another_order_waiting(world: World) -> None:
    world.post(created("S1", item("MAT", 1)))
    world.post(created("S2", item("MAT", 1)))
    world.settle()
    for shipment in ("S1", "S2"):
        void = Voided("v1", fact_of(world, shipment, Placed), world.now, "Asha", "never sold")
        state(world, f"flipkart:demo:{shipment}", void, "v1")
        world.settle()
        assert world.exceptions().count("UNKNOWN_LISTING") == (shipment == "S1")
    assert nobody_need_map(world)
