"""The head of a group's book: what it refuses, and what the audit finds, to one paisa."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from hunar.domain.head import NO_ENTRY, Fault, Head, Refused, after, audit, rebuild
from hunar.domain.ledger import Entry, Posting
from tests.book import REFUND, SALE, Book, Known, Row, line_facts

AT = "2026-12-04T00:00:00Z"


def entry(n: int, *postings: tuple[str, int], kind: str = "SETTLED", **more: Any) -> Entry:
    made = tuple(Posting(account, "r", paise) for account, paise in postings)
    return Entry(kind=kind, cause=(n,), occurred_at=AT, postings=made, **{"group_id": "G03", **more})


def test_each_entry_gets_the_next_number_and_the_hash_of_the_one_before() -> None:
    head, (first,) = after(Head("G03"), entry(1, ("bank", 500), ("group_held:G03", -500)))
    assert (head.seq, head.version, head.held, head.payable, head.debt) == (1, 1, 500, 0, 0)
    assert (first.seq, first.prev, first.hash) == (1, NO_ENTRY, head.chain)
    moved = entry(2, ("group_held:G03", 500), ("group_payable:G03", -500), kind="RELEASED")
    head, (second,) = after(head, moved)
    assert (second.seq, second.prev) == (2, first.hash)
    assert head.balances == {"group_payable:G03": -500}, "nothing stands there as zero"
    assert Head.of(head.item()) == head


def test_when_an_entry_was_recorded_is_not_in_the_chain() -> None:
    _, (sealed,) = after(Head("G03"), entry(1, ("bank", 500), ("group_held:G03", -500)))
    first, again = (sealed.item(recorded_at=at) for at in (AT, "2026-12-05T00:00:00Z"))
    assert first["hash"] == again["hash"] and first != again


START = after(
    Head("G03"),
    entry(1, ("bank", 400), ("group_held:G03", -100), ("group_payable:G03", -300)),
    entry(2, ("bank", -200), ("group_debt:G03", 200)),
)[0]


def paid(kept: int, sent: int, cap: int | None = 500_000) -> Entry:
    postings = [("group_payable:G03", kept + sent), ("group_debt:G03", -kept), ("payout_in_transit:B1:G03", -sent)]
    source = () if cap is None else (("recovery_ppm", cap),)
    return entry(3, *(one for one in postings if one[1]), kind="".join(["PAID", "_OUT"]), source=source)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (entry(3, ("group_held:G03", 101), ("bank", -101)), "group_held:G03 would be 0.01 below nothing"),
        (entry(3, ("group_payable:G03", 301), ("bank", -301)), "group_payable:G03 would be 0.01 below nothing"),
        (entry(3, ("payout_in_transit:B1:G03", 1), ("bank", -1)), "payout_in_transit:B1:G03 would be 0.01 below"),
        (entry(3, ("member_payable:G03:M1", 1), ("bank", -1)), "member_payable:G03:M1 would be 0.01 below"),
        (entry(3, ("group_debt:G03", -201), ("bank", 201)), "G03 would have given back 0.01 more than it owes"),
        (paid(0, 300), "recovers 1.50 of its debt"),
        (paid(149, 151), "recovers 1.50 of its debt"),
        (paid(151, 149), "recovers 1.50 of its debt"),
        (paid(150, 149), "takes all that is payable"),
        (paid(150, 150, cap=None), "says how much of it may go against a debt"),
    ],
)
def test_what_would_leave_a_group_wronged_is_refused(wrong: Entry, says: str) -> None:
    with pytest.raises(Refused, match=says):
        after(START, wrong)


def test_a_payout_recovers_as_much_of_a_debt_as_is_resolved() -> None:
    head, _ = after(START, paid(150, 150))
    assert (head.payable, head.debt, head.owed("payout_in_transit:B1:G03"), head.closed) == (0, 50, 150, 3)


def test_an_entry_of_another_group_is_refused() -> None:
    with pytest.raises(ValueError, match="an entry of G04 in the book of G03"):
        after(START, entry(3, ("bank", 1), ("group_held:G04", -1), group_id="G04"))
    with pytest.raises(ValueError, match="an entry of no group"):
        after(START, entry(3, ("bank", 1), ("suspense", -1), group_id=None))


def test_entries_of_one_transaction_share_a_version_and_have_numbers_of_their_own() -> None:
    before = Head("G03", seq=4, version=9, closed=2, chain="x", into="G07")
    one = entry(1, ("bank", 500), ("group_held:G03", -500))
    two = entry(2, ("group_held:G03", 500), ("group_payable:G03", -500), kind="RELEASED")
    head, (first, second) = after(before, one, two)
    assert (first.seq, second.seq, first.prev, second.prev) == (5, 6, "x", first.hash)
    assert (head.seq, head.version, head.closed, head.into) == (6, 10, 2, "G07")
    assert second.item(recorded_at=AT) == two.item(recorded_at=AT) | {"seq": 6, "prev": first.hash, "hash": head.chain}
    assert after(before) == (before, ())


def payable(n: int, paise: int, at: str, kind: str = "RELEASED", **source: str) -> Entry:
    return Entry(
        kind="".join([*kind]),
        cause=("payable", n),
        occurred_at=at,
        postings=(Posting("bank", "r", paise), Posting("group_payable:G03", "r", -paise)),
        group_id="G03",
        source=tuple(source.items()),
    )


def test_something_is_payable_since_it_began_without_a_break() -> None:
    days = [f"2026-12-{day:02}T00:00:00Z" for day in range(1, 10)]
    steps = [
        (payable(1, 100, days[1]), days[1]),
        (payable(2, 50, days[0]), days[1]),
        (payable(21, 50, days[0], "CORRECTED"), days[1]),
        (payable(22, -50, days[0], "ARRIVED"), days[1]),
        (payable(3, 50, days[2]), days[1]),
        (payable(4, -200, days[3]), ""),
        (payable(5, 20, days[4]), days[4]),
        # What another group brings is as old as it was there, and makes nothing younger.
        (payable(6, 20, days[6], "MERGED", **{"from": "G04", "since": days[5]}), days[4]),
        (payable(7, 20, days[6], "MERGED", **{"from": "G04", "since": days[2]}), days[2]),
        (payable(8, 20, days[8], "MERGED", **{"from": "G04"}), days[2]),
    ]
    head, items = Head("G03"), []
    for one, since in steps:
        head, (sealed,) = after(head, one)
        items.append(json.loads(json.dumps(sealed.item(recorded_at=AT))))
        assert head.payable_since == since
        assert rebuild("G03", items, version=head.version) == head
    assert head.closed == 0


def test_what_stands_in_a_book_that_joined_another_waits_until_it_can_go_on() -> None:
    head = Head("G03", balances={"group_held:G03": -1, "payout_in_transit:B1:G03": -1}, version=3)
    assert not head.joined("G07").waits
    assert head.joined("G07").version == 4 and head.joined("G07").into == "G07"
    owes = Head("G03", balances={"group_held:G03": -1, "group_debt:G03": 1})
    assert not owes.waits and owes.joined("G07").waits
    assert Head.of(owes.joined("G07").item()) == owes.joined("G07")
    assert "into" not in owes.item()
    early = {name: value for name, value in owes.item().items() if name != "payable_since"}
    assert Head.of(early) == owes
    assert (
        list(Head("G03", balances={"group_held:G03": -1, "group_debt:G03": 1}).item()["balances"])[0]
        == "group_debt:G03"
    )
    assert rebuild("G03", [], version=2, into="G07") == Head("G03", version=2, into="G07")


@pytest.fixture(scope="module")
def book() -> Book:
    """Settled, released, paid, and given back: five entries."""
    book = Book()
    key = book.learn(Known(line_facts(), [Row("s1", SALE)]))
    book.settle(key), book.release(key), book.close("G03", "B1")
    book.learn(Known(line_facts(returned=1), [Row("s1", SALE), Row("s2", REFUND)]))
    book.settle(key)
    other = book.learn(Known(line_facts(ref="flipkart:demo:S-2"), [Row("s3", SALE)]))
    book.settle(other)
    return book


def test_a_sound_book_has_no_fault_and_gives_back_its_head(book: Book) -> None:
    head = book.heads["G03"]
    assert audit(head.item(), reversed(book.of("G03"))) == ()
    assert rebuild("G03", reversed(book.of("G03")), version=head.version) == head
    assert rebuild("G09", [], version=0) == Head("G09")
    assert head.seq == 5 and head.closed == 3


def one_paisa(items: list[Any]) -> None:
    items[1]["postings"][0]["amount_paise"] += 1


def one_paisa_on_both_sides(items: list[Any]) -> None:
    items[1]["postings"][0]["amount_paise"] += 1
    items[1]["postings"][1]["amount_paise"] -= 1


def a_float(items: list[Any]) -> None:
    items[1]["postings"][0]["amount_paise"] = 0.5


def another_time(items: list[Any]) -> None:
    items[3]["occurred_at"] = "2026-01-01T00:00:00Z"


def another_groups(items: list[Any]) -> None:
    items[4]["group_id"] = "G04"


def one_removed(items: list[Any]) -> None:
    del items[2]


def last_removed(items: list[Any]) -> None:
    del items[4]


def one_twice(items: list[Any]) -> None:
    items.append(copy.deepcopy(items[1]))


def two_exchanged(items: list[Any]) -> None:
    items[0]["seq"], items[1]["seq"] = 2, 1


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (one_paisa, {"SUM", "CONTENT", "BALANCE"}),
        (one_paisa_on_both_sides, {"CONTENT", "BALANCE"}),
        (a_float, {"FLOAT", "BALANCE"}),
        (another_time, {"CONTENT"}),
        (another_groups, {"CONTENT"}),
        (one_removed, {"SEQUENCE", "CHAIN", "BALANCE"}),
        (last_removed, {"SEQUENCE", "CHAIN", "BALANCE"}),
        (one_twice, {"SEQUENCE", "CHAIN", "BALANCE"}),
        (two_exchanged, {"CHAIN", "CONTENT"}),
    ],
)
def test_the_audit_finds_and_names_every_harm_to_the_entries(
    book: Book, harm: Callable[[list[Any]], None], found: set[str]
) -> None:
    items = copy.deepcopy(book.of("G03"))
    harm(items)
    faults = audit(book.heads["G03"].item(), items)
    assert found <= {fault.what for fault in faults}
    assert all(fault.text for fault in faults)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"balances": {"group_held:G03": -65_441, "group_debt:G03": 83_642, "group_fund:G03": -3_444}},
            "group_held:G03 is -654.41 in the head and -654.42 by the entries: 0.01",
        ),
        ({"seq": 6}, "the head says seq 6, the entries 5"),
        ({"closed": 0}, "the head says closed 0, the entries 3"),
        ({"chain": "x"}, "the head does not follow the last entry"),
        ({"chain": ""}, "the head does not follow the last entry"),
        ({"seq": 4}, "the head says seq 4, the entries 5"),
        ({"closed": 4}, "the head says closed 4, the entries 3"),
    ],
)
def test_the_audit_finds_and_names_every_harm_to_the_head(book: Book, change: dict[str, Any], says: str) -> None:
    faults = audit(book.heads["G03"].item() | change, book.of("G03"))
    texts = [fault.text for fault in faults]
    assert any(says in text for text in texts), texts
    assert all(fault.seq == 0 for fault in faults)


def test_a_gap_and_a_broken_sum_name_their_entry(book: Book) -> None:
    items = copy.deepcopy(book.of("G03"))
    items[1]["postings"][0]["amount_paise"] -= 1
    del items[3]
    faults = audit(book.heads["G03"].item(), items)
    assert Fault(5, "SEQUENCE", "1 missing after entry 3") in faults
    assert Fault(2, "SUM", f"entry {items[1]['entry_id']} is out of balance by -0.01") in faults


def test_posting_a_line_costs_the_same_after_a_thousand_entries() -> None:
    costs = []
    book = Book()
    for n in range(1_000):
        key = book.learn(Known(line_facts(ref=f"flipkart:demo:S-{n}"), [Row(f"s{n}", SALE)]))
        before = book.reads
        book.settle(key)
        costs.append((book.reads - before, len(book.heads["G03"].item()["balances"])))
    assert set(costs) == {(2, 2)}, "the head and the line's own item are read, and neither grows"
    kept, head = json.loads(json.dumps([book.of("G03"), book.heads["G03"].item()]))
    assert audit(head, kept) == ()
    assert rebuild("G03", kept, version=1_000) == book.heads["G03"]
    again = json.loads(json.dumps(kept[-1]))
    assert "entry 1000 stands twice" in [fault.text for fault in audit(head, [*kept, again])]


def test_the_audit_tells_what_is_wrong_in_order_and_by_how_much(book: Book) -> None:
    head, items = book.heads["G03"], copy.deepcopy(book.of("G03"))
    assert audit(Head("G03").item(), []) == ()
    del items[1:3]
    faults = audit(head.item(), items)
    assert [(fault.seq, fault.what) for fault in faults[:2]] == [(4, "SEQUENCE"), (4, "CHAIN")]
    assert faults[0].text == "2 missing after entry 1"
    assert (0, "SEQUENCE", "the head says closed 3, the entries 0") in [(one.seq, one.what, one.text) for one in faults]

    assert {fault.paise for fault in faults if fault.what in ("SEQUENCE", "CHAIN")} == {0}
    for day in range(10, 30):
        moved = json.loads(json.dumps(book.of("G03")))
        moved[3]["occurred_at"] = f"2026-01-{day}T00:00:00Z"
        assert [(fault.seq, fault.what) for fault in audit(head.item(), moved)] == [(4, "CONTENT")]
        follows = json.loads(json.dumps(book.of("G03")))
        follows[3]["prev"] = f"{day}{follows[3]['prev'][2:]}"
        assert {(4, "CHAIN"), (4, "CONTENT")} <= {(fault.seq, fault.what) for fault in audit(head.item(), follows)}

    twice = [*book.of("G03"), copy.deepcopy(book.of("G03")[4])]
    assert "entry 5 stands twice" in [fault.text for fault in audit(head.item(), twice)]

    wrong = copy.deepcopy(book.of("G03"))
    wrong[1]["postings"][0]["amount_paise"] += 250
    account = wrong[1]["postings"][0]["account"]
    by_what = {fault.what: fault for fault in audit(head.item(), wrong)}
    assert by_what["SUM"].paise == 250 and by_what["SUM"].seq == 2
    assert by_what["BALANCE"].paise == -250 and by_what["BALANCE"].text.startswith(account)
    assert by_what["BALANCE"].text.endswith("by the entries: -2.50")

    for group in ("G01", "G04"):
        moved = copy.deepcopy(book.of("G03"))
        moved[4]["group_id"] = group
        assert [(fault.seq, fault.what) for fault in audit(head.item(), moved)] == [(5, "CONTENT")]
    assert [fault.seq for fault in sorted(faults)][-1] == 4, "they are told by the place in the book"

    floated = copy.deepcopy(book.of("G03"))
    floated[4]["postings"][0]["amount_paise"] = 0.5
    assert [fault.what for fault in audit(head.item(), floated) if fault.seq] == ["FLOAT"]

    more = head.item() | {"balances": dict(head.balances) | {"group_credits:G03": -3}}
    [only] = audit(more, book.of("G03"))
    assert (only.what, only.paise) == ("BALANCE", -3)
    less = head.item() | {"balances": {}}
    assert sum(fault.paise for fault in audit(less, book.of("G03"))) == -sum(head.balances.values())


def test_a_payout_of_all_against_a_debt_and_one_that_takes_none_are_as_they_are_resolved() -> None:
    head, _ = after(START, paid(200, 100, cap=1_000_000))
    assert (head.payable, head.debt) == (0, 0)
    head, _ = after(START, paid(0, 300, cap=0))
    assert (head.payable, head.debt) == (0, 200)
    # To the last paisa: nothing is owed, or owes, less than nothing.
    head, _ = after(START, entry(3, ("group_held:G03", 100), ("bank", -100)))
    assert head.held == 0 and "group_held:G03" not in head.balances
    head, _ = after(START, entry(3, ("group_debt:G03", -200), ("bank", 200)))
    assert head.debt == 0
    # What a group's fund or its credits lack is its own.
    head, _ = after(START, entry(3, ("group_fund:G03", 7), ("group_credits:G03", 5), ("bank", -12)))
    assert head.balances["group_fund:G03"] == 7


@pytest.mark.parametrize("group", ["G01", "G04"])
def test_an_entry_that_was_posted_in_another_book_is_found(group: str) -> None:
    other = entry(1, ("bank", 500), (f"group_held:{group}", -500), group_id=group)
    head, (sealed,) = after(Head(group), other)
    assert audit(head.item(), [sealed.item(recorded_at=AT)]) == ()
    moved = head.item() | {"group_id": "G03", "balances": {}}
    [fault] = audit(moved, [sealed.item(recorded_at=AT)])
    assert (fault.seq, fault.what) == (1, "CONTENT")
