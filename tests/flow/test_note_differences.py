"""What becomes of a difference: kept, shown, said anew, acknowledged, over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import worklist
from hunar.domain.claimants import Part
from hunar.domain.differences import Difference
from hunar.domain.settlement import SettlementLine
from hunar.ports import Conflict, Put
from hunar.tables import Item
from hunar.use_cases import note_differences
from hunar.use_cases.list_differences import listed, not_compared, totals
from hunar.use_cases.note_differences import SETTLEMENT_DIFFERS
from tests.priced import rows
from tests.settled_lines import REF, order_of, settled, usual

NOW, LATER = "2024-06-21T03:00:00Z", "2024-07-01T03:00:00Z"
ORDER, LINE = order_of()
USUAL = usual()


def shop() -> MemoryStore:
    """A store with the card of Mela."""
    store = MemoryStore()
    store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for _, item in rows("terms")])
    store.changes.clear()
    return store


def more(**changes: int) -> Mapping[str, int]:
    return USUAL | {f"fee:{code}": USUAL.get(f"fee:{code}", 0) + paise for code, paise in changes.items()}


def note(store: MemoryStore, *lines: SettlementLine, now: str = NOW, **given: Any) -> tuple[Difference, ...]:
    parts = [Part(line.key, line.heads, line) for line in lines]
    usually = {"order_ref": REF, "order": ORDER, "line": LINE, "parts": parts, "seen": 1, "now": now}
    return note_differences.note(store, **usually | given)  # type: ignore[arg-type]


def kept(store: MemoryStore) -> Item | None:
    key = tables.difference(REF, "L1")
    return store.read([key]).get(key)


def nothing_left(store: MemoryStore) -> bool:
    item = kept(store)
    return item is not None and (item["heads"], item["total_paise"]) == ([], 0) and listed(store) == []


def exception(store: MemoryStore) -> Item:
    key = tables.exception(worklist.exception_id(SETTLEMENT_DIFFERS, REF, "L1"))
    return store.read([key])[key]


HEAVY = settled(more(shipping_fee=-2_000))


def test_a_difference_is_kept_and_shown_with_amount_and_row() -> None:
    store = shop()
    note(store, HEAVY)
    item = kept(store)
    assert item
    assert {name: item[name] for name in item if name not in ("heads", "version", "seen")} == {
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
        "rows": [{"settlement_id": "NEFT1", "row": 14}],
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
    store = shop()
    assert note(store, HEAVY) == note(store, HEAVY, now=LATER)
    before = len(store.changes)
    note(store, HEAVY, HEAVY, now=LATER)
    assert len(store.changes) == before == 2
    quiet = shop()
    note(quiet, settled(USUAL))
    note(quiet)
    assert quiet.changes == []


def test_a_later_settlement_says_it_anew_and_the_last_one_ends_it() -> None:
    store = shop()
    note(store, HEAVY)
    half = settled({"fee:shipping_fee": 500}, "k2", settlement_id="NEFT2", row=3)
    note(store, HEAVY, half, now=LATER)
    assert exception(store)["message"].endswith(
        "15.00 taken (settlement NEFT1 row 14, settlement NEFT2 row 3): 15.00 too much"
    )
    assert exception(store)["opened_at"] == NOW, "it keeps its place"
    rest = settled({"fee:shipping_fee": 1_500}, "k3", settlement_id="NEFT3", row=9)
    assert note(store, HEAVY, half, rest, now=LATER) == ()
    assert nothing_left(store)
    assert exception(store)["closed_at"] == LATER


def test_a_compensation_is_said_and_ends_it_when_it_is_enough() -> None:
    store = shop()
    note(store, HEAVY)
    part = settled({"protection_fund": 1_200}, "k2")
    note(store, HEAVY, part)
    item = kept(store)
    assert item and (item["compensated_paise"], item["total_paise"]) == (1_200, -800)
    assert exception(store)["message"].endswith("; 12.00 were paid as compensation; in all 8.00 too little")
    assert note(store, HEAVY, part, settled({"reimbursement": 800}, "k3"), now=LATER) == ()
    assert nothing_left(store)
    assert exception(store)["closed_at"] == LATER


def test_what_a_person_acknowledged_opens_again_only_when_it_says_something_else() -> None:
    store = shop()
    note(store, HEAVY)
    there = exception(store)
    done = worklist.closed(there, at=LATER, by="farzana", note="disputed by mail")
    store.commit([Put(tables.exception(there["exception_id"]), done, there["version"])])
    note(store, HEAVY, now=LATER)
    assert exception(store)["closed_at"] == LATER
    assert kept(store), "it is still to be disputed"
    note(store, HEAVY, settled({"fee:late_fee": -300}, "k2"), now=LATER)
    assert exception(store)["closed_at"] is None


def test_a_difference_that_is_over_can_come_again() -> None:
    store = shop()
    note(store, HEAVY)
    back = settled({"fee:shipping_fee": 2_000}, "k2")
    note(store, HEAVY, back, now=LATER)
    assert nothing_left(store)
    before = len(store.changes)
    note(store, HEAVY, back, now=LATER)
    assert len(store.changes) == before
    note(store, HEAVY, back, settled({"fee:shipping_fee": -700}, "k3"), now=LATER)
    assert [item["total_paise"] for item in listed(store)] == [-700]
    assert exception(store)["closed_at"] is None


def test_whoever_read_before_somebody_who_knew_more_does_not_write() -> None:
    store = shop()
    back = settled({"fee:shipping_fee": 2_000}, "k2")
    note(store, HEAVY, seen=1)
    note(store, HEAVY, back, seen=2)
    with pytest.raises(Conflict, match="more is known"):
        note(store, HEAVY, seen=1)
    assert nothing_left(store)
    note(store, HEAVY, back, seen=2)


def test_two_at_a_time_leave_one_item_and_the_second_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = shop()
    there = store.read(note_differences.keys(REF, LINE.line_id))
    note(store, HEAVY)
    real = store.read
    monkeypatch.setattr(store, "read", lambda keys: {})
    with pytest.raises(Conflict):
        note(store, HEAVY, settled({"fee:late_fee": -300}, "k2"))
    monkeypatch.setattr(store, "read", real)
    assert there == {}
    assert len(listed(store)) == 1


def test_without_a_rate_nothing_differs() -> None:
    """A return needs a row for what is sent back, and the card's is for a zone that no order states yet."""
    store = shop()
    note(store, HEAVY)
    order, line = order_of(source="customer", back=1)
    assert note(store, HEAVY, settled({"refund": -40_000}, "k2"), order=order, line=line, now=LATER) == ()
    assert nothing_left(store)
    assert exception(store)["closed_at"] == LATER
    [told] = not_compared(store)
    assert "reverse_shipping_fee" in told["not_compared"], "and a person can read why it was not compared"


def test_the_zone_that_the_settlement_states_is_compared_with() -> None:
    store = shop()
    order, line = order_of(source="customer", back=1)
    refund = settled({"refund": -40_000}, "k2")
    assert note(store, HEAVY, refund, order=order, line=line) == ()
    assert not_compared(store)
    zoned = replace(refund, traits={"zone": "national", "weight_grams": 400})
    found = note(store, HEAVY, zoned, order=order, line=line, now=LATER)
    assert found, "the card has a row for that zone"
    assert not_compared(store) == []


def test_a_share_of_a_row_that_several_lines_share_may_be_a_paisa_more_or_less() -> None:
    store = shop()
    for off, told in ((-1, []), (-2, [-2])):
        whole = settled(USUAL)
        part = Part("a share of k1", USUAL | {"sale": 40_000 + off}, whole)
        assert [one.difference_paise for one in note(store, parts=[part])] == told
    [item] = listed(store)
    assert item["heads"][0]["rows"] == [{"settlement_id": "NEFT1", "row": 14, "file": None}]


def test_they_are_listed_by_account_and_day_with_the_names_of_their_files() -> None:
    store = shop()
    note(store, HEAVY, settled({"protection_fund": 500}, "k2", settlement_id="NEFT2"))
    header = {"files": [{"sha256": "sha-1", "name": "june.xlsx"}], "version": 1}
    store.commit([Put(tables.settlement("mela", "demo", "NEFT1"), header)])
    [item] = listed(store)
    assert item["heads"][0]["rows"] == [{"settlement_id": "NEFT1", "row": 14, "file": "june.xlsx"}]
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
    store = shop()
    note(store, HEAVY)
    item = kept(store)
    assert item
    for number in range(250):
        ref = f"mela:demo:S-{number:03}"
        store.commit([Put(tables.difference(ref, "L1"), item | {"order_ref": ref})])
    assert len(listed(store)) == 251
