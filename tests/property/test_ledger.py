"""Whatever the price, the units, the rates and the order of messages: entries balance and end where they should."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import ledger
from hunar.domain.entitlement import entitlement
from hunar.domain.facts import Cancelled, Fact, Placed, Resolved, Step
from hunar.domain.identity import canonical
from hunar.domain.ledger import Posting, amounts, difference, expected
from hunar.domain.order import Line, knowledge_text, read
from hunar.domain.rate_card import RateCard, row_from_csv
from hunar.domain.resolution import Resolution, frozen
from hunar.messages import ComputePayout
from hunar.ports import Put
from hunar.tables import Item
from hunar.use_cases.compute_payout import Outcome, compute
from tests.book import POLICY

REF = "flipkart:demo:S-1"
NOW = "2026-11-25T06:00:00Z"
SOLD = "2026-11-20T10:00:00Z"
PPM = st.integers(0, 1_000_000)
PAISE = st.integers(0, 10**7)
FEE = st.tuples(st.sampled_from(["ppm_of_price", "ppm_of_unit_price", "ppm_of_taxable"]), PPM) | st.tuples(
    st.sampled_from(["fixed_per_unit", "fixed_per_line"]), PAISE
)


@st.composite
def rate_items(draw: st.DrawFn) -> list[Item]:
    """A whole card: any fees and any rates, through the import."""
    rows = [("flipkart", f"fee_{n}", *draw(FEE)) for n in range(draw(st.integers(1, 6)))]
    rows += [
        ("government", "output_gst", "ppm_of_taxable", draw(PPM)),
        ("government", "gst_on_fees", "ppm_of_fees", draw(PPM)),
        ("government", "tcs", draw(st.sampled_from(["ppm_of_taxable", "ppm_of_price"])), draw(PPM)),
        ("government", "tds", draw(st.sampled_from(["ppm_of_taxable", "ppm_of_price"])), draw(PPM)),
    ]
    return [
        row_from_csv(
            {"row_id": code, "scope": scope, "code": code, "basis": basis, "value": str(value)}
            | {"from": "2026-01-01", "source": "drawn"}
        )
        for scope, code, basis, value in rows
    ]


BASES = ("SALE_SHARE", "FIXED_PER_PIECE", "BOUGHT_OUTRIGHT")
KEEPER = st.sampled_from(["GROUP_NOW", "GROUP_LATER", "AGENCY"])


@dataclass(frozen=True)
class Agreed:
    """A whole card, and what every group resolved: a version of it for each basis."""

    rates: list[Item]
    clauses: dict[str, Any]

    def policies(self) -> list[Item]:
        return [POLICY | self.clauses | {"version": n, "payout_basis": basis} for n, basis in enumerate(BASES, 1)]

    def resolution(self, line: Line) -> Resolution | None:
        if line.resolved is None:
            return None
        return frozen(line.resolved.group_id, self.policies(), line.resolved.policy_version)


@st.composite
def agreed(draw: st.DrawFn) -> Agreed:
    fee = draw(
        st.tuples(st.sampled_from(["ppm_of_net", "ppm_of_taxable"]), PPM) | st.tuples(st.just("fixed_per_unit"), PAISE)
    )
    clauses: dict[str, Any] = {"agency_fee_basis": fee[0], "agency_fee": fee[1], "fund_ppm": draw(PPM)}
    clauses |= {name: draw(KEEPER) for name in ("itc", "tcs", "tds")}
    clauses |= {"penalties": draw(st.sampled_from(["GROUP", "AGENCY"])), "penalty_fees": ["fee_1"]}
    clauses |= {"returns": draw(st.sampled_from(["GROUP", "AGENCY"])), "return_fees": ["fee_2"]}
    return Agreed(draw(rate_items()), clauses)


@dataclass(frozen=True)
class Known:
    """What is known of one line at one moment."""

    units: int
    cancelled: int
    price: int | None
    basis: str | None
    piece_price: int
    group_id: str
    delivered: bool

    def facts(self) -> list[Fact]:
        known: list[Fact] = [
            Placed("L1", SOLD, "X", self.units, self.price, None if self.price is not None else "unclear", SOLD, None)
        ]
        if self.cancelled:
            known.append(Cancelled("L1", SOLD, self.cancelled, "", ""))
        if self.basis:
            version = BASES.index(self.basis) + 1
            known.append(
                Resolved("L1", "X", self.group_id, "GROUP_PACKS", self.basis, version, "4202", self.piece_price)
            )
        if self.delivered:
            known.append(Step("delivered", "2026-11-24T10:00:00Z"))
        return known


@st.composite
def known(draw: st.DrawFn) -> Known:
    units = draw(st.integers(1, 50))
    return Known(
        units=units,
        cancelled=draw(st.integers(0, units)),
        price=draw(st.none() | st.integers(0, 10**8)),
        basis=draw(st.none() | st.sampled_from(BASES)),
        piece_price=draw(PAISE),
        group_id=draw(st.sampled_from(["G01", "G03"])),
        delivered=draw(st.booleans()),
    )


def target(moment: Known, terms: Agreed) -> dict[tuple[str, str], int]:
    line = read(moment.facts()).lines[0]
    return dict(entitlement("flipkart", line, RateCard(terms.rates), terms.resolution(line)).amounts)


def floats_in(value: Any) -> list[Any]:
    """Everything in a stored item that is neither text nor an exact whole number."""
    if isinstance(value, dict):
        return [found for inner in value.values() for found in floats_in(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in floats_in(inner)]
    return [] if type(value) in (int, str) else [value]


def store_with(terms: Agreed) -> MemoryStore:
    store = MemoryStore()
    store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in terms.rates])
    for group_id in ("G01", "G03"):
        store.commit([Put(tables.group(group_id), {"group_id": group_id, "policies": terms.policies()})])
    return store


def know(store: MemoryStore, moment: Known) -> None:
    item = {"order_ref": REF, "marketplace": "flipkart", "knowledge": knowledge_text(moment.facts()), "version": 1}
    store.commit([Put(tables.order(REF), item)])


def booked(store: MemoryStore) -> list[Item]:
    return [item for key, item in store.changes if key.sk.startswith("ENTRY#")]


MESSAGE = ComputePayout(order_ref=REF, line_id="L1")


@given(known().map(lambda one: replace(one, delivered=True)), agreed())
def test_any_line_at_any_rates_sums_to_zero_in_whole_paise(moment: Known, terms: Agreed) -> None:
    amounts_of_line = target(moment, terms)
    assert sum(amounts_of_line.values()) == 0
    assert all(type(paise) is int and paise for paise in amounts_of_line.values())
    assert all(account.startswith("expected:") and row for account, row in amounts_of_line)


@given(
    known().map(lambda one: replace(one, delivered=True, cancelled=0, price=one.price or 1, basis="SALE_SHARE")),
    agreed(),
)
def test_the_price_is_what_the_bank_the_fees_and_the_state_get(moment: Known, terms: Agreed) -> None:
    totals: dict[str, int] = {}
    for (account, _), paise in target(moment, terms).items():
        name = ":".join(account.split(":")[1:2])
        totals[name] = totals.get(name, 0) + paise
    taken = ("marketplace_receivable", "fee", "gst_input_fees", "tcs_receivable", "tds_receivable")
    assert sum(totals.get(name, 0) for name in taken) == moment.units * (moment.price or 1)
    assert totals.get("fee", 0) == -totals.get("fees_recovered", 0)


@given(st.lists(st.tuples(known(), st.integers(0, 3)), min_size=1, max_size=6), known(), agreed())
def test_after_any_sequence_of_changes_the_entries_sum_to_the_last_target(
    history: list[tuple[Known, int]], last: Known, terms: Agreed
) -> None:
    store = store_with(terms)
    for moment, messages in [*history, (last, 1)]:
        know(store, moment)
        for _ in range(messages):
            compute(store, MESSAGE, now=NOW)
    entries = booked(store)
    assert amounts(posting for entry in entries for posting in entry["postings"]) == target(last, terms)
    for entry in entries:
        assert sum(posting["amount_paise"] for posting in entry["postings"]) == 0
        assert floats_in(entry) == []
    assert len({entry["entry_id"] for entry in entries}) == len(entries)
    head = store.read([tables.ledger_head(REF, "L1")]).get(tables.ledger_head(REF, "L1"))
    assert amounts(head["amounts"] if head else []) == target(last, terms)

    assert compute(store, MESSAGE, now=NOW) is Outcome.UNCHANGED
    assert booked(store) == entries


@given(known(), agreed(), st.randoms(use_true_random=False))
def test_lines_computed_in_any_order_with_repetitions_have_the_same_ledger(
    moment: Known, terms: Agreed, random: Any
) -> None:
    lines = [f"L{n}" for n in range(1, 4)]
    facts: list[Fact] = [
        replace(fact, line_id=line_id)
        for line_id in lines
        for fact in moment.facts()
        if isinstance(fact, Placed | Resolved | Cancelled)
    ]
    facts += [fact for fact in moment.facts() if isinstance(fact, Step)]
    shuffled = lines * 2
    random.shuffle(shuffled)
    ledgers = []
    for order in (lines, shuffled):
        store = store_with(terms)
        item = {"order_ref": REF, "marketplace": "flipkart", "knowledge": knowledge_text(facts), "version": 1}
        store.commit([Put(tables.order(REF), item)])
        for line_id in order:
            compute(store, ComputePayout(order_ref=REF, line_id=line_id), now=NOW)
        ledgers.append(
            canonical([[*key, item] for key, item in sorted(store.everything().items()) if key.table == "ledger"])
        )
    assert ledgers[0] == ledgers[1]


AMOUNTS = st.dictionaries(
    st.tuples(st.sampled_from(["expected:a", "expected:b", "expected:c"]), st.sampled_from(["r1", "r2"])),
    st.integers(-(10**12), 10**12).filter(bool),
)


@given(AMOUNTS, AMOUNTS)
def test_what_is_posted_and_the_difference_make_the_target(posted: Any, wanted: Any) -> None:
    moved = difference(wanted, posted)
    both = [*difference(posted, {}), *moved]
    assert amounts(posting.item() for posting in both) == wanted
    assert difference(wanted, wanted) == ()


@pytest.mark.parametrize(
    ("postings", "says"),
    [
        ([("expected:a", "r", 5), ("expected:b", "r", -4)], "out of balance by 1"),
        ([("expected:a", "r", 0.5), ("expected:b", "r", -0.5)], "not an amount in whole paise"),
        ([("expected:a", "r", True), ("expected:b", "r", -1)], "not an amount in whole paise"),
        ([("expected:a", "r", 0)], "not an amount in whole paise"),
        ([("expected:a", "r", 10**15), ("expected:b", "r", -(10**15))], "not an amount in whole paise"),
        ([("group_payable:G01", "r", 5), ("expected:b", "r", -5)], "expected accounts only"),
        ([("expected:a", "", 5), ("expected:b", "r", -5)], "names its rate row"),
        ([], "has postings"),
    ],
)
def test_an_entry_cannot_be_made_that(postings: list[tuple[str, str, Any]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        expected(
            REF,
            "L1",
            occurred_at=NOW,
            after=0,
            digest="digest",
            postings=[Posting(*posting) for posting in postings],
        )


@given(st.integers(0, 9), st.integers(0, 9), st.text("ab", max_size=2), st.text("ab", max_size=2))
def test_an_entry_id_is_the_same_exactly_when_head_and_input_are(v1: int, v2: int, d1: str, d2: str) -> None:
    postings = (Posting("expected:a", "r", 5), Posting("expected:b", "r", -5))
    one, other = (
        ledger.expected(REF, "L1", occurred_at=NOW, after=after, digest=digest, postings=postings)
        for after, digest in ((v1, d1), (v2, d2))
    )
    assert (one.entry_id == other.entry_id) == ((v1, d1) == (v2, d2))
