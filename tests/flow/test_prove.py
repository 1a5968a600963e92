"""The nightly proof: sound books are proved, and whatever a hand changes in them is found, named and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hunar import tables
from hunar.domain.accounts import group_of
from hunar.domain.facts import Placed, Resolved, Step
from hunar.domain.head import Head, Sealed
from hunar.domain.ledger import CORRECTED, PAID_OUT, RELEASED, SENT_BACK, Entry, Posting
from hunar.domain.proof_of_books import Fault
from hunar.domain.settlement import Kind
from hunar.ports import Put
from hunar.tables import Item, Table
from hunar.use_cases import prove
from hunar.use_cases.prove import Report
from tests.book import REFUND, SALE
from tests.proving import alarms, change, commanded, desk, head, night, pay, release, remove, take
from tests.till import SOLD, Till, ref

V1 = 89_107
NAME = "flipkart#demo#NEFT-1"


@pytest.fixture
def till() -> Till:
    """Two groups. An order that was settled, released and paid, came back; a second one that is held; advertising, an
    unknown order, and shipping of an order of both groups."""
    till = Till()
    till.group("G03")
    till.group("G04")
    till.sell("S-1", "I-1")
    till.settle(till.line(SALE, "I-1"))
    release(till, ref("S-1"))
    pay(till, "B-1")
    till.settle(till.line(REFUND, "I-1", settlement_id="NEFT-2"))
    till.sell("S-2", "I-2", group_id="G04", delivered="2026-12-18T10:00:00Z")
    till.settle(till.line(SALE, "I-2"))
    till.settle(till.line(SALE, "I-9"))
    till.settle(till.line({"fee:advertising": -5_000, "gst_on_fees": -900}, None, order_id=None))
    till.know(ref("OD-3"), *placed("I-3", "G03"), *placed("I-4", "G04"), Step("delivered", "2026-12-18T10:00:00Z"))
    till.settle(till.line({"shipping_paid_by_buyer": 10_001}, None, order_id="OD-3", settlement_id="NEFT-2"))
    take(till)
    return till


def placed(line_id: str, group_id: str) -> tuple[Placed, Resolved]:
    resolved = Resolved(line_id, "TOTE", group_id, "GROUP_PACKS", "SALE_SHARE", 1, "4202", None)
    return Placed(line_id, SOLD, "LISTING", 1, 50_000, None, SOLD, None), resolved


def named(faults: list[Fault]) -> set[tuple[str, str, str]]:
    return {(fault.where, fault.name, fault.what) for fault in faults}


def test_sound_books_are_proved_and_every_paisa_of_the_settlements_is_somewhere(till: Till) -> None:
    report = night(till)
    assert report.proved and report.faults == [] and report.unbooked == []
    first, second = report.settlements[NAME], report.settlements["flipkart#demo#NEFT-2"]
    assert (first.matched, first.agency, first.suspense, first.open) == (2 * V1, -5_900, V1, 0)
    assert first.total == 3 * V1 - 5_900
    assert (second.matched, second.total) == (10_001 + sum(REFUND.values()),) * 2
    assert report.agencys["suspense"] == -V1
    assert report.agencys["marketplace_receivable:flipkart"] == first.total + second.total
    assert sum(report.balances.values()) == 0
    assert {book.group_id: book.entries for book in report.books} == {"G03": 6, "G04": 2}
    assert {book.debt for book in report.books} == {head(till).debt, 0}
    assert commanded(till) == [] and alarms(till) == []


def test_it_writes_nothing_where_all_is_sound_and_never_to_the_ledger(till: Till) -> None:
    writes = len(till.store.writes)
    night(till)
    once = [write.key for write in till.store.writes[writes:]]
    assert once == [tables.watched()], "that no order of former times is left to look at"
    night(till)
    assert len(till.store.writes) == writes + 1
    change(till, tables.book("G03"), lambda item: item.update(seq=item["seq"] + 1))
    writes = len(till.store.writes)
    night(till)
    assert {write.key.table for write in till.store.writes[writes:]} == {Table.EXCEPTIONS}


def posting(item: Item, paise: int, number: int = 0) -> None:
    item["postings"][number]["amount_paise"] += paise


def swap(till: Till) -> None:
    first, second = tables.book_entry("G03", 1), tables.book_entry("G03", 2)
    items = till.store.read([first, second])
    till.store.commit([Put(first, items[second]), Put(second, items[first])])


def add_to(account: str, paise: int) -> Callable[[Item], None]:
    def how(item: Item) -> None:
        [one] = [one for one in item["amounts"] if one["account"] == account]
        one["amount_paise"] += paise

    return how


def both_sides(item: Item) -> None:
    """A paisa from one account to another, so that the entry stays in balance."""
    posting(item, 1, 0)
    posting(item, -1, 1)


def to_memo(item: Item) -> None:
    item["postings"][0]["account"] = "expected:agency_fee"


def of_g03(*names: str) -> set[tuple[str, str, str]]:
    return {("group", "G03", name) for name in names}


SUBJECT = "ITEM#flipkart#demo#I-9"
SUM = {("books", "all", "SUM")}
HANDS: list[tuple[str, Callable[[Till], Any], set[tuple[str, str, str]], str]] = [
    (
        "a paisa in an entry",
        lambda till: change(till, tables.book_entry("G03", 1), posting_by(1)),
        of_g03("SUM", "CONTENT", "LINE") | SUM,
        "0.01",
    ),
    (
        "a paisa from one account to another",
        lambda till: change(till, tables.book_entry("G03", 1), both_sides),
        of_g03("CONTENT", "LINE"),
        "0.01",
    ),
    (
        "an entry is gone",
        lambda till: remove(till, tables.book_entry("G03", 1)),
        of_g03("SEQUENCE", "CHAIN", "BALANCE", "LINE", "BELOW") | {("books", "all", "RECEIVED")},
        "654.42",
    ),
    (
        "the last entry is gone",
        lambda till: remove(till, tables.book_entry("G04", 2)),
        {("group", "G04", what) for what in ("SEQUENCE", "CHAIN", "BALANCE", "LINE")},
        "by the entries",
    ),
    ("two are swapped", swap, of_g03("SEQUENCE"), "entry 1 stands behind entry 2"),
    (
        "the head has a paisa more",
        lambda till: change(till, tables.book("G03"), lambda item: item["balances"].update({"group_fund:G03": -1})),
        of_g03("BALANCE"),
        "0.01",
    ),
    (
        "the head holds a paisa that no line holds",
        lambda till: change(till, tables.book("G03"), lambda item: item["balances"].update({"group_held:G03": -10**6})),
        of_g03("BALANCE", "HELD"),
        "10000.00",
    ),
    ("the head is gone", lambda till: remove(till, tables.book("G03")), of_g03("SEQUENCE", "CHAIN", "BALANCE"), "head"),
    (
        "a paisa in what is posted",
        lambda till: change(till, tables.posted(ref("S-2"), "I-2"), add_to("agency_fee", 1)),
        {("group", "G04", "LINE")},
        "agency_fee",
    ),
    (
        "what is posted is gone",
        lambda till: remove(till, tables.posted(ref("S-2"), "I-2")),
        {("group", "G04", "LINE"), ("group", "G04", "HELD")},
        "nothing says what is posted",
    ),
    (
        "a line holds a paisa more than its book",
        lambda till: change(
            till, tables.posted(ref("S-2"), "I-2"), lambda item: item["standings"]["G04"].update(held=65_443)
        ),
        {("group", "G04", "HELD")},
        "0.01",
    ),
    (
        "the total of a settlement",
        lambda till: change(
            till,
            tables.settlement("flipkart", "demo", "NEFT-1"),
            lambda item: item.update(total_paise=item["total_paise"] - 1),
        ),
        {("settlement", NAME, "TOTAL")},
        "0.01",
    ),
    (
        "a settlement is forgotten",
        lambda till: remove(till, tables.settlement("flipkart", "demo", "NEFT-2")),
        {("settlement", "flipkart#demo#NEFT-2", "HEADER")},
        "nothing says that it was taken",
    ),
    (
        "a paisa in suspense",
        lambda till: change(
            till,
            tables.subject_entry(SUBJECT, till.store.page(Table.LEDGER, SUBJECT, prefix="ENTRY#").items[0]["entry_id"]),
            lambda item: posting(item, 1),
        ),
        {("settlement", NAME, "SUM"), ("settlement", NAME, "LINE")} | SUM,
        "0.01",
    ),
    (
        "a memo account in a book",
        lambda till: change(till, tables.book_entry("G04", 1), to_memo),
        {("group", "G04", what) for what in ("ACCOUNT", "CONTENT", "SUM", "LINE")} | SUM,
        "memo",
    ),
    (
        "another kind of entry",
        lambda till: change(till, tables.book_entry("G04", 2), lambda item: item.update(kind="GIFT")),
        {("group", "G04", what) for what in ("KIND", "CONTENT", "LINE")},
        "GIFT",
    ),
    (
        "an item that cannot be read",
        lambda till: change(till, tables.book_entry("G04", 1), lambda item: item.pop("postings")),
        {("group", "G04", "UNREADABLE")},
        "postings",
    ),
]  # fmt: skip


def posting_by(paise: int) -> Callable[[Item], None]:
    return lambda item: posting(item, paise)


@pytest.mark.parametrize(("tampered", "found", "said"), [hand[1:] for hand in HANDS], ids=[hand[0] for hand in HANDS])
def test_whatever_a_hand_changes_is_found_and_named_and_the_rest_is_not(
    till: Till, tampered: Callable[[Till], Any], found: set[tuple[str, str, str]], said: str
) -> None:
    before = till.store.everything()
    tampered(till)
    report = night(till)
    assert named(report.faults) >= found
    elsewhere = {fault[:2] for fault in named(report.faults)} - {fault[:2] for fault in found}
    assert elsewhere <= {("books", "all")}
    shown = alarms(till)
    assert any(said in message for message in shown)
    assert not report.proved

    restored = [Put(key, item) for key, item in before.items() if key.table is Table.LEDGER]
    for one in restored:
        till.store.commit([one])
    assert night(till, days=1).proved
    assert alarms(till) == []


# ── hands that can forge a chain ─────────────────────────────────────────────────────────────────


def forge(till: Till, *entries: Entry, group_id: str = "G03") -> None:
    """Entries with a right chain and a right head, past every rule of posting."""
    before = head(till, group_id)
    balances, chain, seq, closed = dict(before.balances), before.chain, before.seq, before.closed
    for one in entries:
        place = Sealed(one, seq + 1, chain)
        seq, chain = place.seq, place.hash
        closed = seq if one.kind == PAID_OUT else closed
        for each in one.postings:
            if group_of(each.account) == group_id:
                balances[each.account] = balances.get(each.account, 0) + each.amount_paise
        till.store.commit([Put(tables.book_entry(group_id, seq), place.item(recorded_at=till.now))])
    stands = {account: paise for account, paise in balances.items() if paise}
    after = Head(group_id, seq, stands, chain, before.version + 1, closed)
    till.store.commit([Put(tables.book(group_id), after.item())])


def forged(kind: str, *postings: tuple[str, int], **said: Any) -> Entry:
    rows = tuple(Posting(account, "by_hand", paise) for account, paise in postings)
    return Entry(kind, ("forged",), "2026-12-19T00:00:00Z", rows, **{"group_id": "G03"} | said)


OF_S1 = {"order_ref": ref("S-1"), "line_id": "I-1"}
UNKNOWN = {"order_ref": ref("S-0"), "line_id": "I-0"}


@pytest.mark.parametrize(
    ("made", "found", "said"),
    [
        (
            forged(PAID_OUT, ("group_payable:G03", 5_000), ("payout_in_transit:B-9:G03", -5_000)),
            of_g03("PAID", "BELOW", "NETTED"),
            "pays 50.00 that were never released",
        ),
        (
            forged(SENT_BACK, ("payout_in_transit:B-9:G03", 100), ("group_payable:G03", -100)),
            of_g03("BELOW"),
            "payout_in_transit:B-9:G03 1.00 out",
        ),
        (
            forged(CORRECTED, ("rounding", 1), ("agency_fee", -1), **OF_S1),
            of_g03("LINE") | {("books", "all", "ROUNDING")},
            "0.01 stand on rounding",
        ),
        (
            forged(CORRECTED, ("clearing:x", 300), ("agency_fee", -300), **OF_S1),
            of_g03("LINE") | {("books", "all", "CLEARING")},
            "3.00 are left on clearing:x about flipkart:demo:S-1",
        ),
        (
            forged(CORRECTED, ("marketplace_receivable:flipkart", 1), ("agency_fee", -1), **UNKNOWN),
            of_g03("LINE") | {("books", "all", "RECEIVED")},
            "0.01 on marketplace_receivable:flipkart that stand in no settlement",
        ),
        (
            forged(RELEASED, ("group_held:G03", 100), ("group_payable:G03", -100)),
            of_g03("HELD"),
            "its lines hold",
        ),
    ],
    ids=["paid unreleased", "sent back twice", "rounding", "clearing", "of no settlement", "released from nothing"],
)
def test_a_forged_chain_does_not_hide_what_cannot_be(
    till: Till, made: Entry, found: set[tuple[str, str, str]], said: str
) -> None:
    forge(till, made)
    report = night(till)
    assert named(report.faults) >= found
    assert any(said in message for message in alarms(till))


def test_a_debt_that_a_payout_leaves_is_found(till: Till) -> None:
    """The group owes, something is payable, and all of it leaves."""
    forge(till, forged(RELEASED, ("group_held:G03", -9), ("group_payable:G03", 9)))
    debt = head(till).debt
    assert debt > 0
    forge(
        till,
        forged(RELEASED, ("group_held:G03", 1_009), ("group_payable:G03", -1_009)),
        forged(
            PAID_OUT,
            ("group_payable:G03", 1_000),
            ("payout_in_transit:B-9:G03", -1_000),
            source=(("batch", "B-9"), ("recovery_ppm", 500_000)),
        ),
    )
    assert ("group", "G03", "NETTED") in named(night(till).faults)


# ── what is not booked ───────────────────────────────────────────────────────────────────────────


def test_a_line_that_was_stored_and_never_commanded_is_commanded_and_then_booked(till: Till) -> None:
    till.keep(till.line({"fee:shipping_fee": -1_000}, "I-2", settlement_id="NEFT-3"))
    take(till)
    report = night(till)
    assert report.proved
    assert report.settlements["flipkart#demo#NEFT-3"].open == -1_000
    commands = commanded(till)
    assert commands == ['{"version":1,"kind":"settle","subject":"ITEM#flipkart#demo#I-2"}']
    till.obey(*commands)
    report = night(till, days=1)
    assert report.unbooked == [] and report.settlements["flipkart#demo#NEFT-3"].matched == -1_000
    assert commanded(till) == [] and alarms(till) == []


def test_what_is_still_not_booked_the_night_after_is_a_fault_and_closes_when_it_is(till: Till) -> None:
    till.keep(till.line(SALE, "I-77", settlement_id="NEFT-3"), till.line({"fee:shipping_fee": -1_000}, "I-2"))
    take(till)
    assert night(till).proved
    first = commanded(till)
    assert len(first) == 2
    assert night(till).faults == [], "the same night again is no second night"
    report = night(till, days=1)
    assert named(report.faults) == {
        ("settlement", NAME, "UNBOOKED"),
        ("settlement", "flipkart#demo#NEFT-3", "UNBOOKED"),
    }
    assert report.paise == V1 + 1_000
    assert commanded(till)[-2:] == first
    assert len(alarms(till)) == 2 and any("fee:shipping_fee 10.00" in message for message in alarms(till))
    till.obey(*first)
    assert night(till, days=1).proved
    assert alarms(till) == []


def test_other_news_of_the_same_line_is_given_a_night_of_its_own(till: Till) -> None:
    till.keep(till.line({"fee:shipping_fee": -1_000}, "I-2"))
    take(till)
    night(till)
    till.keep(till.line({"fee:shipping_fee": -1_001}, "I-2"))
    take(till)
    assert night(till, days=1).faults == []
    assert night(till, days=1).paise == 2_001


def test_what_a_person_is_asked_about_already_is_no_fault() -> None:
    till = Till()
    till.group("G03", recovery_ppm=None)
    till.sell()
    till.settle(till.line(SALE, "I-1"))
    take(till)
    assert [item["kind"] for item in till.open()] == ["UNRESOLVED"]
    for days in (0, 1, 1):
        report = night(till, days=days)
        assert report.proved and [one.explained for one in report.unbooked] == [True]
    till.group("G03")
    till.obey(*commanded(till))
    assert night(till, days=1).unbooked == []


def test_amounts_on_the_wrong_heads_are_not_booked_though_their_sum_is_nothing(till: Till) -> None:
    till.keep(till.line({"fee:shipping_fee": -1_000, "reimbursement": 1_000}, "I-2"))
    take(till)
    [one] = night(till).unbooked
    assert "fee:shipping_fee 10.00" in one.text


# ── while books move ─────────────────────────────────────────────────────────────────────────────


def booked_meanwhile(number: int) -> tuple[Report, int]:
    """A settlement of both groups is booked before one call of the proof. Its report, and how many calls it made."""
    till = Till()
    till.group("G03")
    till.group("G04")
    till.know(ref("OD-3"), *placed("I-3", "G03"), *placed("I-4", "G04"), Step("delivered", SOLD))
    till.settle(till.line({"shipping_paid_by_buyer": 10_001}, None, order_id="OD-3"))
    commands = till.keep(till.line(SALE, "I-3"), till.line(SALE, None, order_id="OD-3"), till.line(SALE, "I-8"))
    take(till)
    calls = 0

    def turn(what: str) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            till.store.turn = lambda what: None
            till.obey(*commands)
            till.store.turn = turn

    till.store.turn = turn
    return prove.prove(desk(till)), calls


def test_whatever_is_booked_between_any_two_calls_is_no_fault() -> None:
    _, calls = booked_meanwhile(0)
    assert calls > 20
    for number in range(1, calls + 10):
        report, _ = booked_meanwhile(number)
        assert report.faults == [], number


def test_a_book_that_never_stands_still_is_not_judged(till: Till) -> None:
    change(till, tables.book_entry("G03", 1), both_sides)
    reads = 0

    def turn(what: str) -> None:
        nonlocal reads
        if what == "before read of ledger GROUP#G03 HEAD":
            reads += 1
            change_head(till, reads)

    till.store.turn = turn
    report = night(till)
    till.store.turn = lambda what: None
    assert report.moving == ["G03"] and not report.proved
    assert [fault for fault in report.faults if fault.name == "G03"] == []
    assert alarms(till) == []
    assert not night(till).proved and len(alarms(till)) == 1


def change_head(till: Till, number: int) -> None:
    turn, till.store.turn = till.store.turn, lambda what: None
    change(till, tables.book("G03"), lambda item: item.update(version=item["version"] + number))
    till.store.turn = turn


# ── how far it comes ─────────────────────────────────────────────────────────────────────────────


def test_what_was_not_proved_in_time_is_counted_and_closes_nothing(till: Till) -> None:
    change(till, tables.settlement("flipkart", "demo", "NEFT-1"), lambda item: item.update(total_paise=0))
    night(till)
    assert len(alarms(till)) == 1
    report = prove.nightly(desk(till, time_left=10))
    assert report.left == 4 and not report.proved and report.faults == []
    assert len(alarms(till)) == 1


def test_a_group_that_is_not_registered_any_more_is_found_by_its_lines(till: Till) -> None:
    remove(till, tables.group("G04"))
    report = night(till)
    assert report.proved
    assert {(book.group_id, book.registered) for book in report.books} == {("G03", True), ("G04", False)}
    change(till, tables.book_entry("G04", 1), both_sides)
    assert ("group", "G04", "CONTENT") in named(night(till).faults)


def test_one_group_is_proved_alone(till: Till) -> None:
    change(till, tables.book_entry("G04", 1), both_sides)
    assert prove.prove(desk(till), "G03").faults == []
    report = prove.prove(desk(till), "G04")
    assert {fault.name for fault in report.faults} == {"G04"}
    assert report.settlements == {}


# ── any books ────────────────────────────────────────────────────────────────────────────────────

PAISE = st.integers(-(10**6), 10**6).filter(bool)
HEADS = st.dictionaries(
    st.sampled_from(
        ["sale", "refund", "fee:commission", "fee:shipping_fee", "gst_on_fees", "tcs", "tds", "reserve", "transfer"]
        + ["reimbursement", "adjustment", "other:bonus", "shipping_paid_by_buyer", "protection_fund"]
    ),
    PAISE,
    min_size=1,
    max_size=5,
) | st.just(SALE)
ABOUT = st.sampled_from(["I-1", "I-2", "I-3", "I-9", "OD-2", "account", "payout"])
ACTS = st.lists(
    st.tuples(st.just("line"), ABOUT, HEADS, st.integers(1, 3)) | st.tuples(st.sampled_from(["release", "pay"])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=120)
@given(ACTS, st.sampled_from(["SALE_SHARE", "FIXED_PER_PIECE", "BOUGHT_OUTRIGHT"]))
def test_any_books_that_were_booked_by_the_rules_are_proved(acts: list[tuple[Any, ...]], basis: str) -> None:
    till = Till()
    till.group("G03", payout_basis=basis)
    till.group("G04")
    terms = {"payout_basis": basis, "piece_price_paise": 60_000}
    lines = [till.sell("S-1", "I-1", terms=terms)]
    till.know(ref("OD-2"), *placed("I-2", "G03"), *placed("I-3", "G04"), Step("delivered", "2026-11-24T10:00:00Z"))
    for number, act in enumerate(acts):
        match act:
            case ("line", about, heads, settlement):
                till.settle(row(till, about, heads, f"NEFT-{settlement}"))
            case ("release",):
                for order_ref, line_id in ((lines[0], "I-1"), (ref("OD-2"), "I-2"), (ref("OD-2"), "I-3")):
                    release(till, order_ref, line_id)
            case _:
                for group in ("G03", "G04"):
                    if tables.book(group) in till.store.everything():
                        pay(till, f"B-{number}", group, arrives=bool(number % 2))
    take(till)
    report = night(till)
    assert report.faults == [] and report.moving == [] and report.left == 0
    assert all(one.explained for one in report.unbooked)
    for one in report.settlements.values():
        assert one.matched + one.agency + one.suspense + one.open == one.total
    assert sum(report.balances.values()) == 0


def row(till: Till, about: str, heads: dict[str, int], settlement: str) -> Any:
    match about:
        case "account":
            return till.line(heads, None, order_id=None, settlement_id=settlement)
        case "payout":
            return till.line({"transfer": -1}, None, order_id=None, settlement_id=settlement, kind=Kind.PAYOUT)
        case "OD-2":
            return till.line(heads, None, order_id="OD-2", settlement_id=settlement)
    return till.line(heads, about, settlement_id=settlement)
