"""What every store promises: conditions, all or nothing, pages, and items as they were put."""

from __future__ import annotations

from typing import Any

import pytest

from hunar import tables
from hunar.ports import ABSENT, ANY, Conflict, Put, Rejected, Store
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


@pytest.mark.parametrize("token", ["", "nonsense", "e30=", "eyJwayI6IDF9"])
def test_a_token_of_another_list_is_refused(store: Store, token: str) -> None:
    store.commit([Put(tables.product("A"), {"sku": "A"})])
    with pytest.raises(Rejected, match="next"):
        store.page(Table.REGISTRY, "SKU", after=token)
