"""The in-memory store and queues race, fail and forget as the real ones do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import Fault, MemoryQueues, MemoryStore
from hunar.adapters.write_units import Used
from hunar.ports import ABSENT, ANY, Conflict, Put, QueueName, Rejected, Retryable
from hunar.tables import Key, Table

ORDER, SHELF, OTHER = tables.order("flipkart:demo:1"), tables.stock("A"), tables.stock("B")


class Crash(Exception):
    """The worker is gone."""


def when(store: MemoryStore, beginning: str, act: Callable[[], Any]) -> list[str]:
    """Another worker acts once, at the first moment whose description begins so. Returns all moments."""
    seen: list[str] = []

    def turn(moment: str) -> None:
        first = moment.startswith(beginning) and not any(text.startswith(beginning) for text in seen)
        seen.append(moment)
        if first:
            act()

    store.turn = turn
    return seen


def failing(*faults: Fault | None) -> Callable[[str], Fault | None]:
    """The next calls fail so, the later ones do not."""
    left: Iterator[Fault | None] = iter(faults)
    return lambda call: next(left, None)


def crash() -> None:
    raise Crash


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.commit([Put(ORDER, {"version": 1}), Put(SHELF, {"version": 1, "free": 5})])
    return made


BOTH = [Put(ORDER, {"version": 2}, 1), Put(SHELF, {"version": 2, "free": 4}, 1)]


@pytest.mark.parametrize(
    "rival",
    [
        [Put(SHELF, {"version": 2, "free": 9}, 1)],
        [Put(SHELF, {"version": 9, "free": 9}, ANY)],
        [Put(SHELF, None)],
        [Put(OTHER, {"version": 1}, ABSENT), Put(ORDER, {"version": 2}, 1)],
    ],
    ids=["put", "put whatever stands there", "delete", "transaction"],
)
def test_nobody_else_writes_what_a_transaction_holds(store: MemoryStore, rival: list[Put]) -> None:
    def act() -> None:
        with pytest.raises(Conflict):
            store.commit(rival)

    when(store, "in flight", act)
    store.commit(BOTH)
    assert store.everything() == {ORDER: {"version": 2}, SHELF: {"version": 2, "free": 4}}
    store.commit([Put(SHELF, {"version": 3, "free": 3}, 2)])


def test_what_a_transaction_does_not_hold_is_written_meanwhile(store: MemoryStore) -> None:
    when(store, "in flight", lambda: store.commit([Put(OTHER, {"version": 1}, ABSENT)]))
    store.commit(BOTH)
    assert len(store.everything()) == 3


def test_readers_are_not_held_up_and_see_the_old_items(store: MemoryStore) -> None:
    seen: list[Any] = []
    when(store, "in flight", lambda: seen.append(store.read([ORDER, SHELF])))
    store.commit(BOTH)
    assert seen == [{ORDER: {"version": 1}, SHELF: {"version": 1, "free": 5}}]


def test_each_key_of_a_batch_is_read_at_a_moment_of_its_own(store: MemoryStore) -> None:
    """So a reader can see half of somebody else's transaction, as with BatchGetItem."""
    when(store, "before read of stock", lambda: store.commit(BOTH))
    assert store.read([ORDER, SHELF]) == {ORDER: {"version": 1}, SHELF: {"version": 2, "free": 4}}


def test_what_moves_between_an_index_and_its_items_is_read_as_it_is_then(store: MemoryStore) -> None:
    for text in ("flipkart:demo:2", "flipkart:demo:3"):
        store.commit([Put(tables.order(text), {"board_pk": "OPEN", "board_sk": text, "name": text})])
    when(store, "before read of orders", lambda: store.commit([Put(tables.order("flipkart:demo:2"), None)]))
    page = store.page(Table.ORDERS, "OPEN", index=tables.BOARD)
    assert [item["name"] for item in page.items] == ["flipkart:demo:3"]


def test_a_worker_that_dies_in_flight_has_written_nothing_and_holds_nothing(store: MemoryStore) -> None:
    before = store.everything()
    when(store, "in flight", crash)
    with pytest.raises(Crash):
        store.commit(BOTH)
    assert store.everything() == before
    store.commit(BOTH)
    assert store.everything()[SHELF]["free"] == 4


@pytest.mark.parametrize(("moment", "stands"), [("before TransactWriteItems", 5), ("after TransactWriteItems", 4)])
def test_a_worker_dies_before_or_after_its_write(store: MemoryStore, moment: str, stands: int) -> None:
    when(store, moment, crash)
    with pytest.raises(Crash):
        store.commit(BOTH)
    assert store.everything()[SHELF]["free"] == stands


def test_every_moment_is_told_to_a_person_who_reads(store: MemoryStore) -> None:
    moments = when(store, "", lambda: None)
    store.read([ORDER, SHELF])
    store.commit(BOTH)
    store.commit([Put(OTHER, None)])
    assert moments == [
        "before read of orders flipkart:demo:1 ORDER",
        "before read of stock A STOCK",
        "before TransactWriteItems orders flipkart:demo:1 ORDER",
        "in flight: TransactWriteItems orders flipkart:demo:1 ORDER",
        "after TransactWriteItems orders flipkart:demo:1 ORDER",
        "before DeleteItem stock B STOCK",
        "after DeleteItem stock B STOCK",
    ]


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.ANSWER_LOST, Fault.HALF_TAKEN])
def test_a_read_that_fails_is_retryable(store: MemoryStore, fault: Fault) -> None:
    for ask in (
        lambda: store.read([ORDER]),
        lambda: store.page(Table.STOCK, "A"),
        lambda: list(store.scan(Table.STOCK)),
    ):
        store.fault = failing(fault)
        with pytest.raises(Retryable):
            ask()
        assert ask()


def test_a_throttled_write_did_nothing(store: MemoryStore) -> None:
    store.fault = failing(Fault.THROTTLED)
    with pytest.raises(Retryable):
        store.commit(BOTH)
    store.commit(BOTH)


def test_a_write_whose_answer_was_lost_stands(store: MemoryStore) -> None:
    store.fault = failing(Fault.ANSWER_LOST)
    with pytest.raises(Retryable):
        store.commit(BOTH)
    assert store.everything()[SHELF]["free"] == 4
    with pytest.raises(Conflict):
        store.commit(BOTH)


def test_a_put_that_the_sdk_repeats_meets_its_own_condition(store: MemoryStore) -> None:
    store.fault = failing(Fault.REPEATED)
    with pytest.raises(Conflict):
        store.commit([Put(OTHER, {"version": 1}, ABSENT)])
    assert store.everything()[OTHER] == {"version": 1}


def test_a_put_without_condition_that_the_sdk_repeats_wipes_out_who_wrote_meanwhile(store: MemoryStore) -> None:
    store.fault = failing(Fault.REPEATED)
    when(store, "after PutItem", lambda: store.commit([Put(OTHER, {"by": "rival"})]))
    store.commit([Put(OTHER, {"by": "me"})])
    assert store.everything()[OTHER] == {"by": "me"}


def test_a_transaction_that_the_sdk_repeats_is_done_once(store: MemoryStore) -> None:
    store.fault = failing(Fault.REPEATED)
    store.commit(BOTH)
    assert store.everything()[SHELF] == {"version": 2, "free": 4}


def test_a_write_that_changes_nothing_is_in_no_stream(store: MemoryStore) -> None:
    before = len(store.changes)
    store.commit([Put(SHELF, {"version": 1, "free": 5})])
    store.commit([Put(SHELF, None)])
    assert len(store.changes) == before
    store.commit([Put(SHELF, {"version": 1, "free": 5})])
    assert store.changes[before:] == [(SHELF, {"version": 1, "free": 5})]


@pytest.mark.parametrize("value", [0.5, [1, {"rate": 0.5}], {1: "one"}, b"bytes", {"a", "b"}])
def test_what_dynamodb_does_not_take_is_not_stored(store: MemoryStore, value: Any) -> None:
    with pytest.raises(TypeError):
        store.commit([Put(OTHER, {"value": value})])
    assert OTHER not in store.everything()


def test_an_index_takes_no_number(store: MemoryStore) -> None:
    with pytest.raises(TypeError, match="board_sk"):
        store.commit([Put(ORDER, {"board_pk": "OPEN", "board_sk": 5})])
    assert store.everything()[ORDER] == {"version": 1}


def test_what_comes_back_are_plain_types(store: MemoryStore) -> None:
    class Kind(StrEnum):
        HOLD = "HOLD"

    store.commit([Put(OTHER, {"kind": Kind.HOLD, Kind.HOLD: (1, 2)})])
    item = store.read([OTHER])[OTHER]
    assert item == {"kind": "HOLD", "HOLD": [1, 2]}
    assert [type(text) for text in (item["kind"], *item)] == [str, str, str]


def test_a_page_goes_on_after_an_item_that_is_gone(store: MemoryStore) -> None:
    keys = [Key(Table.LEDGER, "ORDER#1", f"ENTRY#{number}") for number in range(4)]
    store.commit([Put(key, {"n": number}) for number, key in enumerate(keys)])
    first = store.page(Table.LEDGER, "ORDER#1", limit=2)
    store.commit([Put(keys[1], None)])
    assert [item["n"] for item in store.page(Table.LEDGER, "ORDER#1", after=first.next).items] == [2, 3]
    with pytest.raises(Rejected):
        store.page(Table.LEDGER, "ORDER#1", prefix="EXPECTED#", after=first.next)
    with pytest.raises(Rejected):
        store.page(Table.LEDGER, "ORDER#2", after=first.next)


def test_an_operation_is_charged_with_its_calls_and_write_units(store: MemoryStore) -> None:
    order = tables.order("flipkart:demo:2")
    for text in ("OPEN", "ENDED"):
        with store.operation(text):
            store.read([order])
            store.commit([Put(order, {"board_pk": text, "board_sk": "1", "what": "x" * 1100}), Put(OTHER, {"n": 1})])
    # Two units and one, double in a transaction; the index gets a place, then loses it and gets another.
    calls = Counter({"BatchGetItem": 1, "TransactWriteItems": 1})
    assert store.used == {"OPEN": Used(calls, 7), "ENDED": Used(calls, 8)}


def test_a_refused_put_is_charged_for_the_look(store: MemoryStore) -> None:
    store.commit([Put(OTHER, {"what": "x" * 1100})])
    with store.operation("kept again"), pytest.raises(Conflict):
        store.commit([Put(OTHER, {"what": "y"}, ABSENT)])
    assert store.used == {"kept again": Used(Counter({"PutItem": 1}), 2)}


def test_items_that_stand_from_the_beginning_cost_nothing_and_are_found(store: MemoryStore) -> None:
    changes, writes = len(store.changes), len(store.writes)
    with store.operation("load"):
        store.load((tables.exception(f"e{n}"), {"worklist_pk": "OPEN", "worklist_sk": f"{n}"}) for n in range(3))
    assert (store.used, len(store.changes), len(store.writes)) == ({"load": Used()}, changes, writes)
    page = store.page(Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST, newest_first=True, limit=1)
    assert page.items == [{"worklist_pk": "OPEN", "worklist_sk": "2"}]


BODIES = [f'{{"n":{number}}}' for number in range(25)]


def sent(queues: MemoryQueues) -> list[str]:
    return [body for body, _ in queues.taken(QueueName.PAYOUTS)]


def test_a_worker_that_dies_between_two_batches_has_sent_the_first() -> None:
    moments: list[str] = []

    def turn(moment: str) -> None:
        moments.append(moment)
        if len(moments) == 3:
            crash()

    queues = MemoryQueues(turn=turn)
    with pytest.raises(Crash):
        queues.send(QueueName.PAYOUTS, BODIES)
    assert sent(queues) == BODIES[:10]
    assert moments[-1] == 'before SendMessageBatch payouts {"n":10}'


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [(Fault.THROTTLED, BODIES[:10]), (Fault.HALF_TAKEN, BODIES[:15]), (Fault.ANSWER_LOST, BODIES[:20])],
    ids=["throttled", "half taken", "answer lost"],
)
def test_a_batch_that_was_not_wholly_answered_is_retryable(fault: Fault, arrived: list[str]) -> None:
    queues = MemoryQueues(fault=failing(None, fault))
    with pytest.raises(Retryable):
        queues.send(QueueName.PAYOUTS, BODIES)
    assert sent(queues) == arrived


def test_a_batch_that_the_sdk_repeats_arrives_twice() -> None:
    queues = MemoryQueues(fault=failing(Fault.REPEATED))
    queues.send(QueueName.PAYOUTS, BODIES[:2])
    assert sent(queues) == BODIES[:2] * 2
