"""What becomes of a difference: kept, shown, said anew, acknowledged, over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import worklist
from hunar.domain.differences import Difference, expected
from hunar.domain.settlement import SettlementLine
from hunar.ports import Conflict, Put
from hunar.tables import Item, Table
from hunar.use_cases import note_differences
from hunar.use_cases.list_differences import listed, totals
from hunar.use_cases.note_differences import SETTLEMENT_DIFFERS
from tests.settled_lines import REF, TERMS, order_of, settled, usual

NOW, LATER = "2024-06-21T03:00:00Z", "2024-07-01T03:00:00Z"
ORDER, LINE = order_of()
USUAL = usual()


def more(**changes: int) -> Mapping[str, int]:
    return USUAL | {f"fee:{code}": USUAL.get(f"fee:{code}", 0) + paise for code, paise in changes.items()}


def note(store: MemoryStore, *lines: SettlementLine, now: str = NOW, **given: Any) -> tuple[Difference, ...]:
    usually = {"expected": expected("mela", ORDER, LINE, lines, TERMS), "files": {"k1": "sha-1"}}
    return note_differences.note(store, order_ref=REF, line=LINE, lines=lines, now=now, **usually | given)


def kept(store: MemoryStore) -> Item | None:
    key = tables.difference(REF, "L1")
    return store.read([key]).get(key)


def exception(store: MemoryStore) -> Item:
    key = tables.exception(worklist.exception_id(SETTLEMENT_DIFFERS, REF, "L1"))
    return store.read([key])[key]


HEAVY = settled(more(shipping_fee=-2_000))


def test_a_difference_is_kept_and_shown_with_amount_and_row() -> None:
    store = MemoryStore()
    note(store, HEAVY)
    item = kept(store)
    assert item
    assert {name: item[name] for name in item if name not in ("heads", "version")} == {
        "order_ref": REF,
        "line_id": "L1",
        "marketplace": "mela",
        "account": "demo",
        "order_id": "OD-1",
        "item_id": "OI-1",
        "settlement_ids": ["NEFT1"],
        "group_id": "G03",
        "sku": "KLU-STOLE",
        "at": NOW,
        "settled_at": "2024-06-19T18:30:00Z",
        "rows": [{"settlement_id": "NEFT1", "row": 14, "file": "sha-1"}],
        "lines": 1,
        "compensated_paise": 0,
        "total_paise": -2_000,
    }
    [head] = item["heads"]
    assert (head["head"], head["difference_paise"], head["rate_row"]) == ("fee:shipping_fee", -2_000, None)
    shown = exception(store)
    assert shown["closed_at"] is None
    assert shown["message"] == (
        "line L1: shipping_fee: nothing expected, 20.00 taken (settlement NEFT1 row 14): 20.00 too much"
    )
    assert (shown["order_ref"], shown["sku"], shown["group_id"]) == (REF, "KLU-STOLE", "G03")
    assert shown["subject"] == {"line_id": "L1"}


def test_noting_the_same_again_writes_nothing() -> None:
    store = MemoryStore()
    assert note(store, HEAVY) == note(store, HEAVY, now=LATER)
    before = len(store.changes)
    note(store, HEAVY, HEAVY, now=LATER)
    assert len(store.changes) == before == 2
    quiet = MemoryStore()
    note(quiet, settled(USUAL))
    note(quiet, settled(USUAL), expected=None)
    assert quiet.changes == []


def test_a_later_settlement_says_it_anew_and_the_last_one_ends_it() -> None:
    store = MemoryStore()
    note(store, HEAVY)
    half = settled({"fee:shipping_fee": 500}, "k2", settlement_id="NEFT2", row=3)
    note(store, HEAVY, half, now=LATER)
    assert exception(store)["message"].endswith(
        "15.00 taken (settlement NEFT1 row 14, settlement NEFT2 row 3): 15.00 too much"
    )
    assert exception(store)["opened_at"] == NOW, "it keeps its place"
    rest = settled({"fee:shipping_fee": 1_500}, "k3", settlement_id="NEFT3", row=9)
    assert note(store, HEAVY, half, rest, now=LATER) == ()
    assert kept(store) is None
    assert exception(store)["closed_at"] == LATER


def test_a_compensation_is_said_and_ends_it_when_it_is_enough() -> None:
    store = MemoryStore()
    note(store, HEAVY)
    part = settled({"protection_fund": 1_200}, "k2")
    note(store, HEAVY, part)
    item = kept(store)
    assert item and (item["compensated_paise"], item["total_paise"]) == (1_200, -800)
    assert exception(store)["message"].endswith("; 12.00 were paid as compensation; in all 8.00 too little")
    assert note(store, HEAVY, part, settled({"reimbursement": 800}, "k3"), now=LATER) == ()
    assert kept(store) is None
    assert exception(store)["closed_at"] == LATER


def test_what_a_person_acknowledged_opens_again_only_when_it_says_something_else() -> None:
    store = MemoryStore()
    note(store, HEAVY)
    there = exception(store)
    done = worklist.closed(there, at=LATER, by="farzana", note="disputed by mail")
    store.commit([Put(tables.exception(there["exception_id"]), done, there["version"])])
    note(store, HEAVY, now=LATER)
    assert exception(store)["closed_at"] == LATER
    assert kept(store), "it is still to be disputed"
    note(store, HEAVY, settled({"fee:late_fee": -300}, "k2"), now=LATER)
    assert exception(store)["closed_at"] is None


def test_whoever_knows_of_fewer_settlement_lines_does_not_write() -> None:
    store = MemoryStore()
    note(store, HEAVY, settled({"fee:late_fee": -300}, "k2"))
    with pytest.raises(Conflict, match="more was settled"):
        note(store, HEAVY)


def test_two_at_a_time_leave_one_item_and_the_second_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    there = store.read(note_differences.keys(REF, LINE.line_id))
    note(store, HEAVY)
    given = {"expected": expected("mela", ORDER, LINE, [HEAVY], TERMS), "files": {}}
    _, late = note_differences.puts(there, order_ref=REF, line=LINE, lines=[HEAVY], now=LATER, **given)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        store.commit(late)


def test_without_a_rate_nothing_differs_any_more() -> None:
    store = MemoryStore()
    note(store, HEAVY)
    assert note(store, HEAVY, expected=None, now=LATER) == ()
    assert kept(store) is None
    assert exception(store)["closed_at"] == LATER


def test_they_are_listed_by_account_and_day_with_the_names_of_their_files() -> None:
    store = MemoryStore()
    note(store, HEAVY, settled({"protection_fund": 500}, "k2", settlement_id="NEFT2"))
    header = {"files": [{"sha256": "sha-1", "name": "june.xlsx"}], "version": 1}
    store.commit([Put(tables.settlement("mela", "demo", "NEFT1"), header)])
    [item] = listed(store)
    assert item["heads"][0]["rows"] == [
        {"settlement_id": "NEFT1", "row": 14, "file": "sha-1", "file_name": "june.xlsx"}
    ]
    assert totals([item]) == {
        "compensation": {"lines": 1, "expected_paise": 0, "settled_paise": 500, "difference_paise": 500},
        "fee:shipping_fee": {"lines": 1, "expected_paise": 0, "settled_paise": -2000, "difference_paise": -2000},
    }
    assert item["total_paise"] == -1_500
    for asked, found in (
        ({"marketplace": "mela", "account": "demo"}, 1),
        ({"marketplace": "flipkart"}, 0),
        ({"account": "other"}, 0),
        ({"since": "2024-06-19T18:30:00Z"}, 1),
        ({"since": "2024-06-19T18:30:01Z"}, 0),
        ({"until": "2024-06-19T18:30:01Z"}, 1),
        ({"until": "2024-06-19T18:30:00Z"}, 0),
    ):
        assert len(listed(store, **asked)) == found, asked


def test_all_pages_are_listed() -> None:
    store = MemoryStore()
    note(store, HEAVY)
    item = kept(store)
    assert item
    for number in range(250):
        ref = f"mela:demo:S-{number:03}"
        store.commit([Put(tables.difference(ref, "L1"), item | {"order_ref": ref})])
    assert len(listed(store)) == 251
    assert tables.difference(REF, "L1").table is Table.LEDGER
