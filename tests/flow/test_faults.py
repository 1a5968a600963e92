"""Faults of the catalogue that only a whole history shows. The number of each stands in the name of its test.

``tests/faults.yaml`` lists all of them, wherever their tests are.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hunar import tables
from hunar.adapters.memory import Fault
from hunar.domain import facts
from hunar.domain.effects import PAYOUT
from hunar.domain.facts import Inspected
from hunar.domain.order import knowledge, read
from hunar.messages import OperatorAct
from hunar.ports import Conflict, Put, QueueName, Retryable
from hunar.tables import Item, Key, Table
from tests.flipkart_messages import cancelled, created, item, step
from tests.flow.test_compute_payout import RATES, keep_rates, rate_items
from tests.histories import LIFE, played
from tests.world import Crash, World

LONG = timedelta(minutes=45)
"""A claim that a crash left is called Unknown by then."""


def shop(stock: int = 10) -> World:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=stock)
    keep_rates(world.store, rate_items(RATES))
    world.settle()
    return world


def returned(what: str, shipment: str | None = None, quantity: int = 1, at: str = "2026-11-29T10:00:00+05:30") -> Any:
    entry: dict[str, Any] = {"orderItemId": "1"}
    if what == "created":
        entry |= {"returnId": "R1", "quantity": quantity, "shipmentId": shipment, "source": "customer_return"}
    return {
        "eventType": f"return_{what}",
        "source": "flipkart",
        "timestamp": at,
        "returnId": "R1",
        "attributes": {"returnItems": [entry]},
    }


def truth(world: World) -> dict[str, Any]:
    """What may depend neither on the way there nor on what failed: without versions, times and texts."""
    orders = {
        order["order_ref"]: {
            name: order[name] for name in ("knowledge", "applied", "board_pk", "waiting", "unfinished")
        }
        for order in world.items(Table.ORDERS)
        if "order_ref" in order
    }
    shelves = {
        shelf["sku"]: {name: shelf[name] for name in ("on_hand", "available", "reserved", "short", "uncounted")}
        for shelf in world.items(Table.STOCK)
        if "on_hand" in shelf
    }
    waiting = [key for key in world.store.everything() if key.table is Table.STOCK and key.sk.startswith("SHORT")]
    return {
        "orders": orders,
        "shelves": shelves,
        "queue": sorted(waiting),
        "ledger": balances(world),
        "open": [kind for kind in world.exceptions() if kind != "SMS_UNKNOWN"],
        "kept": sorted(key for key in world.store.everything() if key.table is Table.DELIVERIES),
    }


def balances(world: World) -> dict[str, int]:
    """Paise of each account. Every entry by itself sums to zero."""
    totals: Counter[str] = Counter()
    for entry in world.items(Table.LEDGER):
        if "postings" in entry:
            assert sum(posting["amount_paise"] for posting in entry["postings"]) == 0
            for posting in entry["postings"]:
                totals[posting["account"]] += posting["amount_paise"]
    return {account: paise for account, paise in totals.items() if paise}


def payouts(world: World) -> list[Item]:
    images = [image for key, image in world.store.changes if key.table is Table.ORDERS and image.get("outbox")]
    return [effect for image in images for effect in image["effects"] if effect["kind"] == PAYOUT]


def no_text_twice(world: World) -> None:
    sent = Counter(text.notification_id for text in world.phones.texts)
    assert [identity for identity, times in sent.items() if times > 1] == []


# duplicates


@given(history=st.lists(st.sampled_from(LIFE), min_size=1, max_size=14), seed=st.integers(0, 2**32))
@settings(max_examples=max(1, settings.default.max_examples // 4))
def test_fault_1_after_every_message_came_once_more_not_one_item_differs(history: list[Any], seed: int) -> None:
    world = played(history, seed=seed, twice=False, at_once=True, units=4)
    before, texts = world.store.everything(), len(world.phones.texts)
    again = list(history)
    random.Random(seed).shuffle(again)
    for message in again:
        world.post(message)
    world.settle()
    assert world.store.everything() == before
    assert len(world.phones.texts) == texts


@pytest.mark.parametrize("later", [timedelta(hours=25), timedelta(days=30), timedelta(days=399)])
def test_fault_2_a_duplicate_is_one_however_late_it_comes(later: timedelta) -> None:
    """Nothing hangs on a marker that expires: what is known is known."""
    world = played(LIFE, seed=1, twice=False, at_once=False, units=4)
    before, texts = world.store.everything(), len(world.phones.texts)
    world.time += later
    for message in LIFE:
        world.post(message)
    world.settle()
    assert world.store.everything() == before
    assert len(world.phones.texts) == texts


def test_fault_3_one_event_that_comes_with_two_contents_is_kept_twice_and_a_person_is_told() -> None:
    """Flipkart gives no id to an event: shipment, kind and time are all that it could be."""
    ends = []
    for quantities in ((2, 3), (3, 2)):
        world = shop()
        for quantity in quantities:
            world.post(created("S1", item("STOLE", quantity)))
            world.settle()
        kept = [delivery for delivery in world.items(Table.DELIVERIES) if "body" in delivery]
        assert {delivery["verdict"] for delivery in kept} == {"APPLIED"}
        assert len(kept) == 2
        assert world.exceptions() == ["CONTRADICTION"]
        ends.append(truth(world))
    assert ends[0] == ends[1]


# out of order


def in_every_order(messages: Sequence[Any], stock: int = 10) -> Iterator[World]:
    for way in itertools.permutations(messages):
        world = shop(stock)
        for message in way:
            world.post(message)
            world.settle()
        yield world


def test_fault_5_a_cancellation_is_remembered_until_its_order_comes_in_every_order() -> None:
    messages = [
        created("S1", item("STOLE", 3)),
        cancelled("S1", 1),
        cancelled("S1", 2, at="2026-11-24T13:00:00+05:30"),
        step("S1", "packed"),
    ]
    worlds = list(in_every_order(messages))
    assert all(truth(world) == truth(worlds[0]) for world in worlds)
    for world in worlds:
        assert world.stock("STOLE")["available"] == 10
        assert read(knowledge(world.order("S1"))).state == "CANCELLED"
        assert world.exceptions() == []
        # Who was never told of the order need not hear that it is gone.
        kinds = [kind for kind, _ in world.phones.to("G11")]
        assert not kinds or kinds[0] == "NEW_ORDER"
        assert kinds[-1:] in ([], ["CANCELLED"])


def test_fault_6_a_delivery_that_is_heard_of_before_the_shipping_is_credited_once() -> None:
    messages = [
        created("S1", item("STOLE", 3)),
        step("S1", "shipped", "2026-11-25T12:00:00+05:30"),
        step("S1", "delivered", "2026-11-27T12:00:00+05:30"),
        step("S1", "packed", "2026-11-25T09:00:00+05:30"),
    ]
    worlds = list(in_every_order(messages))
    assert all(truth(world) == truth(worlds[0]) for world in worlds)
    assert balances(worlds[0])
    for world in worlds:
        # Heard of later, the day of dispatch may name another rate, so it is looked at again.
        assert len(payouts(world)) <= 2
        assert sum("postings" in entry for entry in world.items(Table.LEDGER)) == 1
        assert world.stock("STOLE")["on_hand"] == 7


def test_fault_7_a_return_before_the_delivery_or_after_the_payout_takes_back_what_was_credited() -> None:
    """120 orders of arrival: what was expected of two units of three stays, whether it ever was three or not."""
    messages = [
        created("S1", item("STOLE", 3)),
        step("S1", "shipped", "2026-11-25T12:00:00+05:30"),
        step("S1", "delivered", "2026-11-27T12:00:00+05:30"),
        returned("created", "S1"),
        returned("completed", at="2026-12-02T10:00:00+05:30"),
    ]
    two = shop()
    two.post(created("S1", item("STOLE", 2)))
    two.post(step("S1", "delivered", "2026-11-27T12:00:00+05:30"))
    two.settle()
    worlds = list(in_every_order(messages))
    assert all(truth(world) == truth(worlds[0]) for world in worlds)
    for world in worlds:
        assert balances(world) == balances(two)
        assert world.exceptions() == ["TO_INSPECT"]
        # Back is not yet good: nobody has looked into the parcel.
        assert world.stock("STOLE")["on_hand"] == 7
    assert {sum("postings" in entry for entry in world.items(Table.LEDGER)) for world in worlds} == {1, 2}


def test_fault_8_an_older_announcement_that_comes_late_overwrites_nothing() -> None:
    old, new = (created("S1", item("STOLE", n), at=f"2026-11-24T1{n}:00:00+05:30") for n in (1, 4))
    worlds = list(in_every_order([old, new, step("S1", "packed")]))
    assert all(truth(world) == truth(worlds[0]) for world in worlds)
    assert {world.stock("STOLE")["reserved"] for world in worlds} == {4}
    assert [world.exceptions() for world in worlds] == [[]] * 6


# one product on several lines


@given(lines=st.lists(st.integers(1, 4), min_size=2, max_size=6), stock=st.integers(0, 12))
@settings(max_examples=max(1, settings.default.max_examples // 4))
def test_fault_27_lines_of_one_product_are_summed_before_the_shelf_is_asked(lines: list[int], stock: int) -> None:
    world = shop(stock)
    world.post(created("S1", *(item("STOLE", units, line_id=str(n)) for n, units in enumerate(lines))))
    world.settle()
    applied = world.order("S1")["applied"].values()
    assert sum(line["reserved"] for line in applied) == min(sum(lines), stock)
    assert sum(line["short"] for line in applied) == max(sum(lines) - stock, 0)
    left = {"available": max(stock - sum(lines), 0), "reserved": min(sum(lines), stock)}
    shelf = world.store.everything().get(tables.stock("STOLE"), left)
    assert {name: shelf[name] for name in left} == left


# what fails in the middle


def story(world: World, after: Callable[[World], None] = World.settle) -> None:
    """A sale of more than there is, a cancellation, a return, its inspection and units that arrive."""
    for message in (
        created("S1", item("STOLE", 3), item("MUFFLER", 1, line_id="2")),
        created("S2", item("STOLE", 2, line_id="9")),
        cancelled("S1", 1),
        step("S1", "shipped", "2026-11-25T12:00:00+05:30"),
        step("S1", "delivered", "2026-11-27T12:00:00+05:30"),
        returned("completed", at="2026-12-02T10:00:00+05:30"),
        returned("created", "S1"),
    ):
        world.post(message)
        after(world)
    looked = Inspected("a1", "R1", "1", "2026-12-03T06:00:00Z", 1, 0, 0, "Rukhsana", "opened")
    act = OperatorAct(act_id="a1", order_ref="flipkart:demo:S1", fact=facts.to_text(looked))
    world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
    after(world)
    world.count_in("STOLE", 1, "more")
    world.map_listing("MUFFLER", "G11")
    after(world)
    world.settle(patience=LONG)


@cache
def _stands() -> dict[Key, Item]:
    world = shop(stock=3)
    world.product("MUFFLER", "G11", "Muffler", listed=False, stock=1)
    world.settle()
    return world.store.everything()


def story_shop() -> World:
    world = World()
    world.store.load(_stands().items())
    return world


@pytest.fixture(scope="module")
def calm() -> World:
    world = story_shop()
    story(world)
    assert world.stock("STOLE")["on_hand"] == 3 + 1 - 2 + 1
    assert world.stock("STOLE")["short"] == 0
    return world


def failing(fails: Callable[[int], Fault | None]) -> World:
    """The story in a world whose database fails the numbered calls of its workers that are asked for."""
    world = story_shop()
    numbers = itertools.count()
    world.store.fault = lambda call: fails(next(numbers)) if world._working else None
    story(world)
    world.store.fault = lambda call: None
    return world


@pytest.fixture(scope="module")
def calls() -> range:
    """The numbers of all calls that the story's workers make of the database."""
    made: list[int] = []
    failing(made.append)
    return range(len(made))


def same_in_the_end(world: World, calm: World) -> None:
    assert truth(world) == truth(calm)
    no_text_twice(world)


def test_fault_30_a_worker_that_dies_at_any_moment_is_followed_by_one_that_finishes(calm: World, calls: range) -> None:
    """Before every call, after every write, while a transaction is under way. The queue brings the message again."""
    for number in itertools.count():
        world, passed, died = story_shop(), itertools.count(), False

        def die(moment: str, world: World = world, passed: Iterator[int] = passed, number: int = number) -> None:
            nonlocal died
            if world._working and next(passed) == number:
                died = True
                raise Crash(moment)

        world.store.turn = die
        story(world)
        same_in_the_end(world, calm)
        if not died:
            break
    # A call that only reads has the moment before it: the one after it is the next call's.
    assert number > 1.5 * len(calls), "there are moments before each call, and after each that writes"


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.REPEATED])
def test_fault_31_a_transaction_whose_answer_is_lost_is_read_again_and_not_done_twice(
    calm: World, calls: range, fault: Fault
) -> None:
    for number in calls:
        same_in_the_end(failing({number: fault}.get), calm)


def test_fault_32_a_throttled_call_did_nothing_and_the_message_comes_again(calm: World, calls: range) -> None:
    for number in calls:
        same_in_the_end(failing({number: Fault.THROTTLED}.get), calm)
    # And every fifth call, all day.
    draw = random.Random(5)
    same_in_the_end(failing(lambda call: Fault.THROTTLED if draw.random() < 0.2 else None), calm)


def test_fault_32_a_table_that_is_throttled_all_the_time_loses_nothing_when_it_recovers() -> None:
    world = shop()
    world.store.fault = lambda call: Fault.THROTTLED
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.store.fault = lambda call: None
    assert not any("knowledge" in order for order in world.items(Table.ORDERS))
    world.settle()
    assert world.stock("STOLE")["reserved"] == 3


@pytest.mark.parametrize("conflicts", [1, 23, 24, 60])
def test_fault_33_a_storm_of_conflicts_on_one_shelf_is_borne_or_goes_back_to_the_queue(conflicts: int) -> None:
    world = shop()
    world.post(created("S1", item("STOLE", 3)))
    [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    left, tries = [conflicts], [0]
    commit = world.store.commit

    def stormy(puts: Sequence[Put]) -> None:
        if any(put.key == tables.stock("STOLE") for put in puts):
            tries[0] += 1
            if left[0]:
                left[0] -= 1
                raise Conflict("TransactionConflict")
        commit(puts)

    world.store.commit = stormy  # type: ignore[method-assign]
    went_back = 0
    while True:
        try:
            world.work(QueueName.ORDER_EVENTS, body)
        except Retryable:
            went_back += 1
            continue
        break
    assert went_back == conflicts // 24
    assert tries[0] == conflicts + 1
    assert world.stock("STOLE")["reserved"] == 3


# one shelf, many buyers


def test_fault_48_of_200_who_want_one_of_50_units_at_once_50_get_one_and_150_wait() -> None:
    world = shop(stock=50)
    for number in range(200):
        world.post(created(f"S{number:03}", item("STOLE", 1, line_id=f"{number:03}")))
    bodies = [body for body, _ in world.queues.taken(QueueName.ORDER_EVENTS)]
    lock, gate = threading.Lock(), threading.Barrier(8)
    went_back: list[str] = []
    # Whoever is at a call lets the others go first.
    world.store.turn = lambda moment: time.sleep(0)

    def worker() -> None:
        gate.wait(30)
        while True:
            with lock:
                if not bodies:
                    return
                body = bodies.pop()
            try:
                world.work(QueueName.ORDER_EVENTS, body)
            except Retryable:
                with lock:
                    went_back.append(body)
                    bodies.insert(0, body)

    workers = [threading.Thread(target=worker) for _ in range(8)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(120)
    shelf = world.stock("STOLE")
    assert {name: shelf[name] for name in ("on_hand", "available", "reserved", "short", "uncounted")} == {
        "on_hand": 50, "available": 0, "reserved": 50, "short": 150, "uncounted": 0
    }  # fmt: skip
    lines = [line for order in orders(world) for line in order["applied"].values()]
    assert Counter((line["reserved"], line["short"]) for line in lines) == {(1, 0): 50, (0, 1): 150}
    waiting = world.store.page(Table.STOCK, "STOLE", prefix=tables.SHORT_LINES, limit=200).items
    assert len(waiting) == 150
    assert world.store.refused, "nobody met anybody: the race was none"


def orders(world: World) -> Iterable[Item]:
    found: dict[Key, Item] = world.store.everything()
    return (item for key, item in found.items() if key.table is Table.ORDERS and "order_ref" in item)
