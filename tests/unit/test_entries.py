"""An entry is made one way, and refuses whatever could make a book wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hunar.domain import ledger
from hunar.domain.head import Head, after
from hunar.domain.ledger import CLEARING, Entry, Posting

AT, NOW = "2026-12-04T00:00:00Z", "2026-12-05T00:00:00Z"
HELD, PAYABLE, BANK = "group_held:G03", "group_payable:G03", "bank"


def entry(*postings: tuple[str, str, Any], kind: str = "SETTLED", cause: Any = ("S-1", "L1", 0), **more: Any) -> Entry:
    made = tuple(Posting(*posting) for posting in postings)
    return Entry(kind=kind, cause=cause, occurred_at=AT, postings=made, **{"group_id": "G03", **more})


@pytest.mark.parametrize(
    ("postings", "more", "says"),
    [
        ([(BANK, "r", 5), (HELD, "r", -4)], {}, "out of balance by 1 paise"),
        ([(BANK, "r", 0.5), (HELD, "r", -0.5)], {}, "0.5 is not an amount in whole paise"),
        ([(BANK, "r", 5.0), (HELD, "r", -5.0)], {}, "5.0 is not an amount in whole paise"),
        ([(BANK, "r", True), (HELD, "r", -1)], {}, "True is not an amount"),
        ([(BANK, "r", "5"), (HELD, "r", -5)], {}, "'5' is not an amount"),
        ([(BANK, "r", 0), (HELD, "r", 0)], {}, "0 is not an amount"),
        ([(BANK, "r", 10**15), (HELD, "r", -(10**15))], {}, "is not an amount in whole paise"),
        ([(BANK, "r", 10**15 + 1), (HELD, "r", -(10**15) - 1)], {}, "is not an amount in whole paise"),
        ([("expected:group:G03", "r", 5), (HELD, "r", -5)], {}, "a memo account is in no entry of money"),
        ([("expected:a", "r", 5), (HELD, "r", -5)], {"kind": "EXPECTED"}, "uses expected accounts only"),
        ([(BANK, "r", 5), ("group_held:G04", "r", -5)], {}, "group_held:G04: the entry is of G03"),
        ([("group_held:G04", "r", 5), (HELD, "r", -5)], {}, "the entry is of G03"),
        ([(BANK, "r", 5), (HELD, "r", -5)], {"group_id": None}, "the entry is of no group"),
        ([("bnak", "r", 5), (HELD, "r", -5)], {}, "'bnak' is no account"),
        ([(BANK, "", 5), (HELD, "r", -5)], {}, "a posting names its rate row"),
        ([(BANK, "r", 5), (HELD, "r", -2), (HELD, "r", -3)], {}, "two postings of one account and rate row"),
        ([(BANK, f"r{n}", 1) for n in range(90)] + [(HELD, "r", -90)], {}, "91 postings; an entry has 90 at most"),
        ([], {}, "has postings"),
        ([(BANK, "r", 5), (HELD, "r", -5)], {"kind": "GUESS"}, "'GUESS' is no kind"),
        ([(BANK, "r", 5), (HELD, "r", -5)], {"cause": ("S-1", 0.5)}, "float"),
        ([(BANK, "r", 5), (HELD, "r", -5)], {"source": (("ppm", 0.5),)}, "float"),
    ],
)
def test_an_entry_cannot_be_made_that(postings: list[tuple[str, str, Any]], more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        entry(*postings, **more)


def test_the_largest_entry_and_the_largest_amount_can_be_made() -> None:
    many = [(BANK, f"r{n}", 1) for n in range(89)]
    assert len(entry(*many, (HELD, "r", -89)).postings) == 90
    assert entry((BANK, "r", 10**15 - 1), (HELD, "r", 1 - 10**15)).postings


def test_an_entry_is_the_same_in_whatever_order_its_postings_come() -> None:
    one = entry((BANK, "r", 5), (HELD, "r", -5), source=(("utr", "U"), ("batch", "B")))
    other = entry((HELD, "r", -5), (BANK, "r", 5), source=(("batch", "B"), ("utr", "U")))
    assert one == other
    assert one.item(recorded_at=AT) == other.item(recorded_at=AT)


def test_an_id_comes_from_kind_and_cause_and_from_nothing_else() -> None:
    one = entry((BANK, "r", 5), (HELD, "r", -5))
    assert one.entry_id == entry((BANK, "r", 7), (PAYABLE, "r", -7)).entry_id
    others = [{"kind": "RELEASED"}, {"cause": ("S-1", "L1", 1)}, {"cause": ("S-1", "L2", 0)}]
    ids = {entry((BANK, "r", 5), (HELD, "r", -5), **other).entry_id for other in others}
    assert len(ids | {one.entry_id}) == 4
    # Known by heart: a change of the program must not give what is posted another id.
    assert one.entry_id == "f1d0513bd3b5b4de003453d2cc3b0eaf"


def linked(postings: list[Posting]) -> tuple[Entry, ...]:
    return ledger.entries("CORRECTED", ("P1",), postings, group_id="G03", occurred_at=AT)


def test_between_two_groups_there_are_two_entries_through_a_clearing_account() -> None:
    made = linked([Posting("group_held:G01", "r", 700), Posting(HELD, "r", -690), Posting("agency_fee", "r", -10)])
    assert [found.group_id for found in made] == ["G01", "G03"]
    assert len({found.entry_id for found in made}) == 2
    first, second = ({posting.account: posting.amount_paise for posting in found.postings} for found in made)
    clearing = next(account for account in first if account.startswith("clearing:"))
    assert first == {"group_held:G01": 700, clearing: -700}
    assert second == {HELD: -690, "agency_fee": -10, clearing: 700}
    assert {posting.rate_row for posting in made[0].postings if posting.account == clearing} == {CLEARING}


def test_what_fits_into_one_entry_needs_no_clearing() -> None:
    (only,) = linked([Posting(HELD, "r", -690), Posting(BANK, "r", 690)])
    assert only.cause == ("P1",)
    assert len(only.postings) == 2


def test_linked_entries_that_do_not_balance_together_are_refused() -> None:
    with pytest.raises(ValueError, match="out of balance"):
        linked([Posting("group_held:G01", "r", 700), Posting(HELD, "r", -690)])
    with pytest.raises(ValueError, match="out of balance by 1 "):
        linked([Posting(HELD, "r", -690), Posting(BANK, "r", 691)])


def test_case_36_more_postings_than_an_entry_has_go_into_linked_entries() -> None:
    members = [Posting(f"member_payable:G03:M{n:03}", "split", -(n + 1)) for n in range(120)]
    due = -sum(posting.amount_paise for posting in members)
    opening = entry((BANK, "r", due), (PAYABLE, "r", -due))
    head, _ = after(Head("G03"), opening)
    made = linked([*members, Posting(PAYABLE, "split", due)])
    assert [len(found.postings) for found in made] == [90, 33]
    head, sealed = after(head, *made)
    assert head.seq == 3 and head.version == 2
    assert head.payable == 0
    assert sum(head.balances.values()) == -due
    assert (
        sum(posting.amount_paise for found in made for posting in found.postings if "clearing" in posting.account) == 0
    )
    two_groups = [*members[:90], Posting("group_held:G01", "split", -sum(one.amount_paise for one in members[:90]))]
    assert max(len(found.postings) for found in linked(two_groups)) <= 90


def test_no_account_of_a_group_falls_below_nothing_between_linked_entries() -> None:
    moved = [Posting(HELD, f"r{n:03}", 100 if n < 60 else -100) for n in range(120)]
    head, sealed = after(Head("G03"), *linked(moved))
    assert len(sealed) == 2 and head.balances == {}


def test_an_entry_says_all_that_it_is_and_a_memo_says_no_group() -> None:
    made = entry((BANK, "r", 5), (HELD, "r", -5), order_ref="S-1", line_id="L1", digest="d", source=(("utr", "U"),))
    postings = [
        {"account": BANK, "amount_paise": 5, "rate_row": "r"},
        {"account": HELD, "amount_paise": -5, "rate_row": "r"},
    ]
    said = {
        "entry_id": made.entry_id,
        "kind": "SETTLED",
        "order_ref": "S-1",
        "line_id": "L1",
        "occurred_at": AT,
        "postings": postings,
        "digest": "d",
        "group_id": "G03",
        "source": {"utr": "U"},
    }
    assert made.content() == said
    assert made.item(recorded_at=NOW) == said | {"recorded_at": NOW}
    due = [Posting("expected:group:G03", "r", -5), Posting("expected:marketplace:flipkart", "r", 5)]
    for kind in ("ARRIVED", "CORRECTED"):
        assert entry((BANK, "r", 5), (HELD, "r", -5), kind=kind).content()["group_id"] == "G03"
    memo = ledger.expected("S-1", "L1", occurred_at=AT, after=0, digest="d", postings=due)
    assert (memo.kind, memo.cause, memo.group_id) == ("EXPECTED", ("S-1", "L1", 0, "d"), None)
    assert (memo.order_ref, memo.line_id, memo.digest, memo.occurred_at) == ("S-1", "L1", "d", AT)
    assert set(said) - set(memo.content()) == {"group_id", "source"}
    assert replace(memo, kind="".join([*memo.kind])) == memo
    assert replace(memo, kind="".join([*memo.kind])).content() == memo.content()


@pytest.mark.parametrize(
    ("kind", "source", "closed"),
    [
        ("PAID_OUT", {}, True),
        ("MERGED", {"from": "G03", "since": NOW}, True),
        ("MERGED", {"from": "G01", "since": NOW}, False),
        ("MERGED", {"from": "G07", "since": NOW}, False),
        ("RELEASED", {"from": "G03", "since": NOW}, False),
        ("CORRECTED", {"from": "G03", "since": NOW}, False),
        ("SETTLED", {}, False),
        ("SENT_BACK", {}, False),
    ],
)
def test_a_payout_and_a_joining_take_all_that_was_payable(kind: str, source: dict[str, str], closed: bool) -> None:
    made = entry((BANK, "r", 5), (PAYABLE, "r", -5), kind=kind, source=tuple(source.items()))
    kind = "".join([*kind])  # as it is read from the table
    assert made.closes is closed is ledger.closes(kind, source, "".join(["G", "03"]))
    since = NOW if kind == "MERGED" else AT
    assert ledger.payable_from(kind, source, AT) == since
    assert ledger.payable_from(kind, {"from": "G03"}, AT) == AT


def test_what_is_posted_is_brought_to_its_target_by_differences() -> None:
    target = {(HELD, "a"): -700, (BANK, "b"): 650, ("agency_fee", "c"): 50}
    posted = {(HELD, "a"): -700, (BANK, "b"): 600, ("suspense", "d"): 100}
    moved = ledger.difference(target, posted)
    assert moved == (Posting("agency_fee", "c", 50), Posting(BANK, "b", 50), Posting("suspense", "d", -100))
    assert ledger.difference(target, target) == ()
    items = [one.item() for one in (*ledger.difference(posted, {}), *moved)]
    assert ledger.amounts(items) == target
    assert ledger.amounts([]) == {}


@pytest.mark.parametrize(("count", "sizes"), [(90, [90]), (91, [90, 3]), (178, [90, 90]), (179, [90, 90, 2])])
def test_each_linked_entry_is_as_full_as_can_be(count: int, sizes: list[int]) -> None:
    """All but the last have 89 postings and the clearing; the last has what is left."""
    members = [Posting(f"member_payable:G03:M{n:03}", "split", -1) for n in range(count - 1)]
    made = linked([*members, Posting(PAYABLE, "split", count - 1)])
    assert [len(found.postings) for found in made] == sizes
    assert [found.cause for found in made] == (
        [("P1",)] if len(made) == 1 else [("P1", "G03", number) for number in range(len(made))]
    )
    for found in made:
        assert (found.occurred_at, found.group_id, sum(one.amount_paise for one in found.postings)) == (AT, "G03", 0)


def test_a_part_that_balances_alone_needs_no_clearing_and_details_are_those_of_every_part() -> None:
    moved = [Posting("group_held:G01", "r", 5), Posting("group_payable:G01", "r", -5)]
    moved += [Posting(HELD, "r", 5), Posting(PAYABLE, "r", -5)]
    made = ledger.entries(
        "CORRECTED",
        ("P1",),
        moved,
        group_id="G03",
        occurred_at=AT,
        order_ref="S-1",
        line_id="L1",
        digest="d",
        source=(("by", "asha"),),
    )
    assert [(found.group_id, found.cause, len(found.postings)) for found in made] == [
        ("G01", ("P1", "G01", 0), 2),
        ("G03", ("P1", "G03", 1), 2),
    ]
    for found in made:
        assert (found.order_ref, found.line_id, found.digest, found.source) == ("S-1", "L1", "d", (("by", "asha"),))
