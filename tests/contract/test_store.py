"""What every store promises: conditions, all or nothing, pages, and items as they were put."""

from __future__ import annotations

from typing import Any

import pytest

from hunar import tables
from hunar.ports import ABSENT, ANY, Conflict, Put, Rejected, Retryable, Store
from hunar.tables import Key, Table

ITEM: dict[str, Any] = {
    "sku": "GKP-TER-HORSE",
    "names": {"hi": "मिट्टी का घोड़ा", "en": "Clay horse"},
    "steps": [1, 2, {"deep": -3}],
    "closed_at": None,
    "demo": True,
    "empty": "",
    "big": 10**30,
    "version": 1,
}


def test_an_item_comes_back_as_it_was_put(store: Store) -> None:
    key = tables.product("GKP-TER-HORSE")
    store.commit([Put(key, ITEM)])
    assert store.read([key]) == {key: ITEM}
    assert type(store.read([key])[key]["version"]) is int


def test_what_is_not_there_is_not_in_the_answer_and_asking_twice_is_asking_once(store: Store) -> None:
    there, missing = tables.stock("A"), tables.stock("B")
    store.commit([Put(there, {"version": 1})])
    assert store.read([there, missing, there]) == {there: {"version": 1}}
    assert store.read([]) == {}


def test_more_than_a_hundred_keys_are_read(store: Store) -> None:
    keys = [tables.stock(f"S{number:03}") for number in range(130)]
    for start in (0, 65):
        store.commit([Put(key, {"version": 1}) for key in keys[start : start + 65]])
    assert set(store.read(keys)) == set(keys)


def test_a_changed_answer_does_not_change_the_store(store: Store) -> None:
    key = tables.stock("A")
    given = {"list": [1], "version": 1}
    store.commit([Put(key, given)])
    given["list"].append(2)  # type: ignore[attr-defined]
    store.read([key])[key]["list"].append(3)
    assert store.read([key])[key]["list"] == [1]


def test_absent_and_version_are_conditions(store: Store) -> None:
    key = tables.stock("A")
    store.commit([Put(key, {"version": 1}, ABSENT)])
    with pytest.raises(Conflict):
        store.commit([Put(key, {"version": 1}, ABSENT)])
    store.commit([Put(key, {"version": 2}, 1)])
    with pytest.raises(Conflict):
        store.commit([Put(key, {"version": 2}, 1)])
    with pytest.raises(Conflict):
        store.commit([Put(tables.stock("B"), {"version": 2}, 1)])
    store.commit([Put(key, {"version": 9}, ANY)])
    assert store.read([key])[key] == {"version": 9}


def test_a_transaction_over_tables_writes_all_or_nothing(store: Store) -> None:
    stock, order = tables.stock("A"), tables.order("flipkart:demo:1")
    store.commit([Put(stock, {"version": 1}, ABSENT)])
    with pytest.raises(Conflict):
        store.commit([Put(order, {"version": 1}, ABSENT), Put(stock, {"version": 1}, ABSENT)])
    assert store.read([order]) == {}
    store.commit([Put(order, {"version": 1}, ABSENT), Put(stock, {"version": 2}, 1)])
    assert store.read([order, stock]) == {order: {"version": 1}, stock: {"version": 2}}


def test_an_item_is_removed_alone_and_within_a_transaction(store: Store) -> None:
    first, second = tables.stock("A"), tables.stock("B")
    store.commit([Put(first, {"version": 1}), Put(second, {"version": 1})])
    store.commit([Put(first, None)])
    store.commit([Put(first, None)])
    assert store.read([first, second]) == {second: {"version": 1}}
    with pytest.raises(Conflict):
        store.commit([Put(first, {"version": 1}, ABSENT), Put(second, None, 7)])
    assert store.read([first, second]) == {second: {"version": 1}}
    store.commit([Put(first, {"version": 1}, ABSENT), Put(second, None, 1)])
    assert store.read([first, second]) == {first: {"version": 1}}


def test_nothing_to_write_writes_nothing(store: Store) -> None:
    store.commit([])


def test_a_partition_is_paged_in_the_order_of_its_sort_keys_both_ways(store: Store) -> None:
    keys = [Key(Table.LEDGER, "ORDER#1", f"ENTRY#{number:02}") for number in range(7)]
    head = Key(Table.LEDGER, "ORDER#1", "EXPECTED#1")
    store.commit([Put(key, {"n": number}) for number, key in enumerate(keys)] + [Put(head, {"n": 99})])
    seen: list[int] = []
    after = None
    while True:
        page = store.page(Table.LEDGER, "ORDER#1", prefix="ENTRY#", limit=3, after=after)
        seen += [item["n"] for item in page.items]
        after = page.next
        if after is None:
            break
    assert seen == list(range(7))
    newest = store.page(Table.LEDGER, "ORDER#1", prefix="ENTRY#", limit=2, newest_first=True)
    assert [item["n"] for item in newest.items] == [6, 5]


def test_an_index_holds_whole_items_only_while_they_carry_its_keys(store: Store) -> None:
    first, second = tables.exception("a"), tables.exception("b")
    store.commit(
        [
            Put(first, {"worklist_pk": "OPEN", "worklist_sk": "2026-11-02", "message": "later"}),
            Put(second, {"worklist_pk": "OPEN", "worklist_sk": "2026-11-01", "message": "earlier"}),
        ]
    )
    page = store.page(Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST)
    assert [item["message"] for item in page.items] == ["earlier", "later"]
    store.commit([Put(first, {"message": "hidden"})])
    page = store.page(Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST)
    assert [item["message"] for item in page.items] == ["earlier"]


@pytest.mark.parametrize("value", [None, ""])
def test_an_index_takes_a_text_or_no_attribute_at_all(store: Store, value: Any) -> None:
    key = tables.exception("a")
    with pytest.raises((TypeError, Retryable)):
        store.commit([Put(key, {"worklist_pk": value, "worklist_sk": "2026-11-01"})])
    assert store.read([key]) == {}


@pytest.mark.parametrize("value", [0.5, [{"rate": 0.5}]])
def test_no_float_is_stored(store: Store, value: Any) -> None:
    key = tables.exception("a")
    with pytest.raises(TypeError):
        store.commit([Put(key, {"value": value})])
    assert store.read([key]) == {}


def test_an_index_is_paged_both_ways_and_shows_items_as_they_are_now(store: Store) -> None:
    keys = [tables.exception(f"e{number}") for number in range(7)]
    days = {"worklist_pk": "OPEN"}
    store.commit([Put(key, days | {"worklist_sk": f"2026-11-0{n + 1}", "n": n}) for n, key in enumerate(keys)])
    # A change that keeps the place, one that takes another place, and one that leaves the partition.
    store.commit([Put(keys[1], days | {"worklist_sk": "2026-11-02", "n": 100})])
    store.commit([Put(keys[2], days | {"worklist_sk": "2026-11-09", "n": 2})])
    store.commit([Put(keys[4], {"worklist_pk": "CLOSED", "worklist_sk": "2026-11-05", "n": 4})])
    for newest_first, expected in ((False, [0, 100, 3, 5, 6, 2]), (True, [2, 6, 5, 3, 100, 0])):
        seen: list[int] = []
        after = None
        while True:
            page = store.page(
                Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST, limit=4, after=after, newest_first=newest_first
            )
            seen += [item["n"] for item in page.items]
            after = page.next
            if after is None:
                break
        assert seen == expected
    november = store.page(Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST, prefix="2026-11-0", limit=2)
    assert [item["n"] for item in november.items] == [0, 100]


def test_a_list_ends_at_the_last_sort_key_that_is_asked_for(store: Store) -> None:
    waits = {f"2026-11-0{day}": tables.order(f"flipkart:demo:{day}") for day in (3, 1, 4, 2)}
    store.commit([Put(key, {"day": day} | tables.due(day, key.pk)) for day, key in waits.items()])
    until, seen, after = "2026-11-03#~", [], None
    while True:
        page = store.page(Table.ORDERS, "DUE", index=tables.DUE, up_to=until, limit=2, after=after)
        seen += [item["day"] for item in page.items]
        after = page.next
        if after is None:
            break
    assert seen == ["2026-11-01", "2026-11-02", "2026-11-03"]
    last = store.page(Table.ORDERS, "DUE", index=tables.DUE, up_to=until, limit=1, newest_first=True)
    assert [item["day"] for item in last.items] == ["2026-11-03"]
    assert store.page(Table.ORDERS, "DUE", index=tables.DUE, up_to="2026-11-01").items == []
    with pytest.raises(ValueError, match="one condition"):
        store.page(Table.ORDERS, "DUE", index=tables.DUE, up_to=until, prefix="2026")


def test_two_writers_of_one_version_are_told_apart(store: Store) -> None:
    """Both have read version 1 and decided on it; the later one must decide again."""
    key = tables.stock("A")
    store.commit([Put(key, {"free": 5, "version": 1}, ABSENT)])
    store.commit([Put(key, {"free": 3, "version": 2}, 1)])
    with pytest.raises(Conflict):
        store.commit([Put(key, {"free": 4, "version": 2}, 1)])
    with pytest.raises(Conflict):
        store.commit([Put(key, {"free": 4, "version": 2}, 1), Put(tables.stock("B"), {"version": 1}, ABSENT)])
    assert store.read([key, tables.stock("B")]) == {key: {"free": 3, "version": 2}}


def test_an_act_that_is_repeated_counts_once(store: Store) -> None:
    """The proof that it was counted is put with the counter, so that no repetition can pass."""
    shelf, act = tables.stock("A"), tables.adjustment("A", "act-1")

    def count(units: int) -> None:
        item = store.read([shelf]).get(shelf, {"free": 0, "version": 0})
        item = {"free": item["free"] + units, "version": item["version"] + 1}
        store.commit([Put(shelf, item, item["version"] - 1), Put(act, {"units": units}, ABSENT)])

    count(5)
    for _ in range(2):
        with pytest.raises(Conflict):
            count(5)
    assert store.read([shelf])[shelf] == {"free": 5, "version": 1}


def test_a_repeated_put_and_a_repeated_removal_leave_the_same(store: Store) -> None:
    key = tables.exception("a")
    for _ in range(2):
        store.commit([Put(key, {"message": "twice"})])
    assert store.read([key]) == {key: {"message": "twice"}}
    for _ in range(2):
        store.commit([Put(key, None)])
    assert store.read([key]) == {}


def test_a_scan_brings_every_item_of_its_table_and_no_other(store: Store) -> None:
    assert list(store.scan(Table.LEDGER)) == []
    # More than DynamoDB answers at once, which is a mebibyte.
    items = {Key(Table.LEDGER, f"ORDER#{n}", "ENTRY#1"): {"n": n, "long": "x" * 300_000} for n in range(5)}
    for key, item in items.items():
        store.commit([Put(key, item)])
    store.commit([Put(tables.stock("A"), {"version": 1})])
    found = list(store.scan(Table.LEDGER))
    assert len(found) == len(items)
    assert dict(found) == items
    found[0][1]["n"] = 99
    assert dict(store.scan(Table.LEDGER)) == items


@pytest.mark.parametrize("token", ["", "nonsense", "e30=", "eyJwayI6IDF9"])
def test_a_token_of_another_list_is_refused(store: Store, token: str) -> None:
    store.commit([Put(tables.product("A"), {"sku": "A"})])
    with pytest.raises(Rejected, match="next"):
        store.page(Table.REGISTRY, "SKU", after=token)
