"""Histories of a line's expected entries: what came, in which order, and what stands in the ledger."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import ledger, rate_card
from hunar.domain.facts import Cancelled, Fact, Placed, Resolved, Step
from hunar.domain.order import knowledge_text
from hunar.messages import ComputePayout
from hunar.ports import Conflict, Put
from hunar.tables import Item, Key
from hunar.use_cases.compute_payout import Outcome, compute
from hunar.use_cases.retry import retried
from tests.book import POLICY

REF = "flipkart:demo:S-1"
MESSAGE = ComputePayout(order_ref=REF, line_id="L1")
NOW = "2026-11-25T06:00:00Z"
HEAD = "row_id,scope,code,from,to,basis,value,hsn,price_from,price_to,source,note\n"
RATES = """
commission,flipkart,commission,2026-01-01,,ppm_of_price,100000,,,,card,
shipping,flipkart,shipping_fee,2026-01-01,,fixed_per_line,5000,,,,card,
gst,government,output_gst,2026-01-01,,ppm_of_taxable,50000,,,,law,
gst-fees,government,gst_on_fees,2026-01-01,,ppm_of_fees,180000,,,,law,
tcs,government,tcs,2026-01-01,,ppm_of_taxable,5000,,,,law,
tds,government,tds,2026-01-01,,ppm_of_taxable,1000,,,,law,
"""
FEE = {"agency_fee": 50_000, "fund_ppm": 0}
PLACED = Placed("L1", "2026-11-20T10:00:00Z", "TOTE", 2, 105000, None, "2026-11-20T10:00:00Z", None)
RESOLVED = Resolved("L1", "KOL-JUTE-TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None)
DELIVERED = Step("delivered", "2026-11-24T10:00:00Z")
CANCELLED = Cancelled("L1", "2026-11-21T10:00:00Z", 1, "buyer", "")
WHOLE_LINE_CANCELLED = Cancelled("L1", "2026-11-21T11:00:00Z", 2, "buyer", "")


def rate_items(text: str) -> list[Item]:
    return [rate_card.row_from_csv(record) for record in csv.DictReader(io.StringIO(HEAD + text.strip()))]


def keep_rates(store: MemoryStore, items: Iterable[Item]) -> None:
    store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in items])


def furnish(store: MemoryStore, rates: Iterable[Item] = ()) -> None:
    """Rates, and groups that resolved: versions 1 and 2 share the sale, 3 is paid by the piece."""
    keep_rates(store, rates or rate_items(RATES))
    for group_id in ("G01", "G03", "G05"):
        bases = enumerate(("SALE_SHARE", "SALE_SHARE", "FIXED_PER_PIECE"), 1)
        policies = [POLICY | FEE | {"version": version, "payout_basis": basis} for version, basis in bases]
        store.commit([Put(tables.group(group_id), {"group_id": group_id, "policies": policies})])


def know(store: MemoryStore, *known: Fact) -> None:
    """The order as apply_order_events leaves it."""
    item = {"order_ref": REF, "marketplace": "flipkart", "account": "demo", "knowledge": knowledge_text(known)}
    store.commit([Put(tables.order(REF), item | {"version": 1})])


def entries(store: MemoryStore) -> list[Item]:
    return [item for key, item in store.changes if key.sk.startswith("ENTRY#")]


def balances(store: MemoryStore) -> dict[str, int]:
    totals: dict[str, int] = {}
    for entry in entries(store):
        assert sum(posting["amount_paise"] for posting in entry["postings"]) == 0
        for posting in entry["postings"]:
            totals[posting["account"]] = totals.get(posting["account"], 0) + posting["amount_paise"]
    return {account: paise for account, paise in totals.items() if paise}


def exceptions(store: MemoryStore) -> list[Item]:
    return [item for key, item in store.everything().items() if key.table is tables.Table.EXCEPTIONS]


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    furnish(made)
    return made


def test_a_delivered_line_is_booked_once_however_often_the_message_comes(store: MemoryStore) -> None:
    know(store, PLACED, RESOLVED, DELIVERED)
    assert [compute(store, MESSAGE, now=NOW) for _ in range(3)] == [
        Outcome.POSTED,
        Outcome.UNCHANGED,
        Outcome.UNCHANGED,
    ]
    (entry,) = entries(store)
    assert {key: entry[key] for key in ("kind", "order_ref", "line_id", "occurred_at", "recorded_at")} == {
        "kind": "EXPECTED",
        "order_ref": REF,
        "line_id": "L1",
        "occurred_at": "2026-11-24T10:00:00Z",
        "recorded_at": NOW,
    }
    assert all(posting["rate_row"] for posting in entry["postings"])
    assert all(posting["account"].startswith("expected:") for posting in entry["postings"])
    head = store.everything()[tables.ledger_head(REF, "L1")]
    assert head["version"] == 1
    assert ledger.amounts(head["amounts"]) == ledger.amounts(entry["postings"])
    assert exceptions(store) == []


def test_the_same_history_in_another_store_has_the_same_entry_byte_for_byte(store: MemoryStore) -> None:
    other = MemoryStore()
    furnish(other, reversed(rate_items(RATES)))
    for one in (store, other):
        know(one, PLACED, RESOLVED, DELIVERED)
        compute(one, MESSAGE, now=NOW)
    assert entries(store) == entries(other)


@pytest.mark.parametrize(
    "known",
    [
        [],
        [PLACED, RESOLVED],
        [PLACED, DELIVERED],
        [Placed("L1", PLACED.at, "TOTE", 2, None, "two prices", PLACED.sold_at, None), RESOLVED, DELIVERED],
        [PLACED, RESOLVED, DELIVERED, WHOLE_LINE_CANCELLED],
    ],
    ids=["nothing is known", "not delivered", "not mapped", "no clear price", "cancelled"],
)
def test_nothing_is_written_while(store: MemoryStore, known: list[Fact]) -> None:
    know(store, *known)
    before = store.everything()
    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED
    assert store.everything() == before


def test_a_message_about_an_order_that_is_not_there_writes_nothing(store: MemoryStore) -> None:
    before = store.everything()
    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED
    assert store.everything() == before


def test_a_cancellation_that_becomes_known_after_the_delivery_books_only_the_difference(store: MemoryStore) -> None:
    know(store, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    know(store, PLACED, RESOLVED, DELIVERED, CANCELLED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED

    straight = MemoryStore()
    furnish(straight)
    know(straight, PLACED, RESOLVED, DELIVERED, CANCELLED)
    compute(straight, MESSAGE, now=NOW)
    assert balances(store) == balances(straight)
    second = entries(store)[1]
    assert {posting["rate_row"] for posting in second["postings"]} == {
        "gst", "commission", "gst-fees", "tcs", "tds", "resolution:G03:1:agency_fee",
    }, "the shipping fee of the line did not change"  # fmt: skip


def test_a_price_that_becomes_clear_is_booked_then(store: MemoryStore) -> None:
    know(store, Placed("L1", PLACED.at, "TOTE", 2, None, "two prices", PLACED.sold_at, None), RESOLVED, DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED
    know(store, PLACED, RESOLVED, DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED


def test_a_line_that_turns_out_wholly_cancelled_is_taken_back_to_zero_and_can_come_again(store: MemoryStore) -> None:
    know(store, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    first = balances(store)
    know(store, PLACED, RESOLVED, DELIVERED, WHOLE_LINE_CANCELLED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED
    assert balances(store) == {}
    assert entries(store)[1]["occurred_at"] == NOW
    know(store, PLACED, RESOLVED, DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED
    assert balances(store) == first
    assert len({entry["entry_id"] for entry in entries(store)}) == 3


def test_facts_that_change_no_amount_renew_the_digest_and_book_nothing(store: MemoryStore) -> None:
    know(store, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    know(store, PLACED, RESOLVED, Step("shipped", "2026-11-23T10:00:00Z"), DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED
    assert store.everything()[tables.ledger_head(REF, "L1")]["version"] == 2
    assert len(entries(store)) == 1


def test_terms_of_a_later_version_share_what_the_first_shared(store: MemoryStore) -> None:
    know(store, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    before = balances(store)
    know(store, PLACED, replace(RESOLVED, policy_version=2), DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED
    assert balances(store) == before
    assert {posting["rate_row"] for posting in entries(store)[1]["postings"]} == {
        "resolution:G03:1:agency_fee",
        "resolution:G03:2:agency_fee",
    }


def test_a_line_that_was_mapped_to_the_wrong_group_moves_from_one_group_to_the_other(store: MemoryStore) -> None:
    know(store, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    before = balances(store)
    know(store, PLACED, Resolved(*{**vars(RESOLVED), "group_id": "G01"}.values()), DELIVERED)
    compute(store, MESSAGE, now=NOW)
    after = balances(store)
    assert after.pop("expected:group:G01") == before.pop("expected:group:G03")
    assert after == before


def test_two_lines_of_an_order_have_entries_and_heads_of_their_own(store: MemoryStore) -> None:
    second = (
        Placed("L2", PLACED.at, "CAP", 1, 44900, None, PLACED.sold_at, None),
        Resolved(*{**vars(RESOLVED), "line_id": "L2", "group_id": "G05"}.values()),
    )
    know(store, PLACED, RESOLVED, *second, DELIVERED)
    for line_id in ("L2", "L1"):
        compute(store, ComputePayout(order_ref=REF, line_id=line_id), now=NOW)
    assert {entry["line_id"] for entry in entries(store)} == {"L1", "L2"}
    assert {"expected:group:G03", "expected:group:G05"} <= balances(store).keys()


def test_a_missing_rate_is_an_exception_and_no_zero_and_closes_when_the_rate_came(store: MemoryStore) -> None:
    gst = next(item for item in rate_items(RATES) if item["row_id"] == "gst")
    keep_rates(store, [gst | {"hsn": "6214"}])
    know(store, PLACED, RESOLVED, DELIVERED)
    for _ in range(2):
        assert compute(store, MESSAGE, now=NOW) is Outcome.RATE_GAP
    assert entries(store) == []
    (opened,) = exceptions(store)
    assert opened["kind"] == "RATE_GAP"
    assert opened["closed_at"] is None
    assert (opened["order_ref"], opened["group_id"], opened["sku"]) == (REF, "G03", "KOL-JUTE-TOTE")
    assert "output_gst on 2026-11-20 for HSN 4202" in opened["message"]

    keep_rates(store, [gst])
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED
    assert exceptions(store)[0]["closed_at"] == NOW


def test_two_rates_of_equal_right_and_missing_terms_are_exceptions_too(store: MemoryStore) -> None:
    know(store, PLACED, replace(RESOLVED, payout_basis="FIXED_PER_PIECE", policy_version=3), DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.RATE_GAP
    assert "without a piece price" in exceptions(store)[0]["message"]
    know(store, PLACED, RESOLVED, DELIVERED)
    keep_rates(store, [item | {"row_id": "twice"} for item in rate_items(RATES) if item["row_id"] == "tcs"])
    assert compute(store, MESSAGE, now=NOW) is Outcome.RATE_GAP
    assert entries(store) == []


def test_an_exception_is_closed_when_the_line_no_longer_brings_anything(store: MemoryStore) -> None:
    know(store, PLACED, replace(RESOLVED, payout_basis="FIXED_PER_PIECE", policy_version=3), DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.RATE_GAP
    know(store, PLACED, RESOLVED, DELIVERED, WHOLE_LINE_CANCELLED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED
    assert exceptions(store)[0]["closed_at"] == NOW


def test_a_group_that_resolved_nothing_is_an_exception_and_no_zero(store: MemoryStore) -> None:
    bare = {name: POLICY[name] for name in ("from", "version", "payout_basis", "fulfilment_mode")}
    store.commit([Put(tables.group("G03"), {"group_id": "G03", "policies": [bare]})])
    know(store, PLACED, RESOLVED, DELIVERED)
    for _ in range(2):
        assert compute(store, MESSAGE, now=NOW) is Outcome.UNRESOLVED
    (opened,) = exceptions(store)
    assert (opened["kind"], opened["group_id"], opened["closed_at"]) == ("UNRESOLVED", "G03", None)
    assert opened["subject"] == {"line_id": "L1"}, "by which an import of resolutions.csv finds it"
    assert "G03, policy version 1: minutes_ref is missing" in opened["message"]
    assert entries(store) == []


def test_a_later_rate_never_changes_an_earlier_sale(store: MemoryStore) -> None:
    know(store, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    before = balances(store)
    for item in rate_items(RATES):
        if item["row_id"] == "commission":
            keep_rates(store, [item | {"to": "2026-11-22"}])
            keep_rates(store, [item | {"row_id": "commission-2", "from": "2026-11-22", "value": 500000}])
    compute(store, MESSAGE, now=NOW)
    assert balances(store) == before


def test_a_corrected_rate_is_shown_and_booked_only_with_a_new_fact(store: MemoryStore) -> None:
    """A difference without a new fact is a proposal for a person."""
    know(store, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    commission = next(item for item in rate_items(RATES) if item["row_id"] == "commission")
    keep_rates(store, [commission | {"to": "2026-02-01"}])
    keep_rates(store, [commission | {"row_id": "corrected", "from": "2026-02-01", "value": 50000}])
    assert [compute(store, MESSAGE, now=NOW) for _ in range(2)] == [Outcome.PROPOSED] * 2
    assert len(entries(store)) == 1
    [shown] = store.page(tables.Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST).items
    assert (shown["kind"], shown["order_ref"]) == ("RATE_CHANGED", REF)
    know(store, PLACED, RESOLVED, DELIVERED, CANCELLED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED
    rows = {
        posting["rate_row"]
        for posting in entries(store)[1]["postings"]
        if posting["account"] == "expected:fee:commission"
    }
    assert rows == {"commission", "corrected"}
    assert store.page(tables.Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST).items == []


class Interrupted(MemoryStore):
    """Lets somebody else act between two reads: the ``at``-th read is followed by ``then``."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0
        self.then: Callable[[], Any] = list

    def interrupt(self, at: int, then: Callable[[], Any]) -> None:
        self.at, self.then = at, then

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        found = super().read(keys)
        self.at -= 1
        if self.at == 0:
            self.then()
        return found


@pytest.mark.parametrize("reads", [1, 2, 3, 4])
@pytest.mark.parametrize("before", [True, False], ids=["booked before", "never booked"])
def test_a_slow_computing_never_undoes_what_a_newer_one_booked(reads: int, before: bool) -> None:
    store = Interrupted()
    furnish(store)
    know(store, PLACED, RESOLVED, DELIVERED)
    if before:
        compute(store, MESSAGE, now=NOW)

    def newer() -> None:
        know(store, PLACED, RESOLVED, DELIVERED, CANCELLED)
        compute(store, MESSAGE, now=NOW)

    store.interrupt(reads, newer)
    retried(lambda: compute(store, MESSAGE, now=NOW), pause=lambda _: None, random=lambda: 0)

    straight = MemoryStore()
    furnish(straight)
    know(straight, PLACED, RESOLVED, DELIVERED, CANCELLED)
    compute(straight, MESSAGE, now=NOW)
    assert balances(store) == balances(straight)
    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED


def test_the_slower_of_two_equal_computings_meets_a_conflict_and_then_finds_nothing_to_do() -> None:
    store = Interrupted()
    furnish(store)
    know(store, PLACED, RESOLVED, DELIVERED)
    store.interrupt(2, lambda: compute(store, MESSAGE, now=NOW))
    with pytest.raises(Conflict):
        compute(store, MESSAGE, now=NOW)
    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED
    assert len(entries(store)) == 1


def test_an_entry_that_stands_is_never_written_over(store: MemoryStore) -> None:
    other = MemoryStore()
    furnish(other)
    for one in (store, other):
        know(one, PLACED, RESOLVED, DELIVERED)
    compute(store, MESSAGE, now=NOW)
    key = tables.ledger_entry(REF, "L1", entries(store)[0]["entry_id"])
    other.commit([Put(key, {"entry_id": "of somebody else"})])
    with pytest.raises(Conflict):
        compute(other, MESSAGE, now=NOW)
    assert other.everything()[key] == {"entry_id": "of somebody else"}
    assert tables.ledger_head(REF, "L1") not in other.everything()


def test_a_card_longer_than_one_page_is_read_to_its_end(store: MemoryStore) -> None:
    old = rate_items(RATES)[0]
    many = [old | {"row_id": f"a-{n:04}", "from": f"{1000 + n}-01-01", "to": f"{1001 + n}-01-01"} for n in range(600)]
    for start in range(0, len(many), 100):
        keep_rates(store, many[start : start + 100])
    know(store, PLACED, RESOLVED, DELIVERED)
    assert compute(store, MESSAGE, now=NOW) is Outcome.POSTED
