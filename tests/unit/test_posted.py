"""One line's life in the books: each history as a table of what stands where after each step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hunar.domain import payout
from hunar.domain.debt import Standing
from hunar.domain.head import Head
from hunar.domain.posted import Booked, Posted, approve, release, seen_again, settle
from tests.book import NOW, REFUND, SALE, Book, Known, Row, line_facts, resolved

KEY = ("flipkart:demo:S-1", "L1")
SOLD = [Row("s1", SALE)]
BACK = [*SOLD, Row("s2", REFUND, "2026-12-22T00:00:00Z")]


def known(rows: list[Row], ref: str = KEY[0], **facts: Any) -> Known:
    return Known(line_facts(ref=ref, **facts), rows)


def test_the_whole_life_of_an_order_and_of_the_debt_it_leaves() -> None:
    book = Book()
    second = ("flipkart:demo:S-2", "L1")
    steps: list[tuple[str, Any, dict[str, int]]] = [
        ("delivered, nothing settled", lambda: book.learn(known([])) and book.settle(KEY), {}),
        (
            "settled",
            lambda: book.learn(known(SOLD)) and book.settle(KEY),
            {"group_fund": -3_444, "group_held": -65_442},
        ),
        (
            "the return window is open",
            lambda: book.release(KEY, "2026-12-08T08:59:59Z"),
            {"group_fund": -3_444, "group_held": -65_442},
        ),
        (
            "the return window is over",
            lambda: book.release(KEY, "2026-12-08T09:00:00Z"),
            {"group_fund": -3_444, "group_payable": -65_442},
        ),
        (
            "the period is closed",
            lambda: book.close("G03", "B1"),
            {"group_fund": -3_444, "payout_in_transit:B1": -65_442},
        ),
        (
            "the bank sends it back",
            lambda: book.put(payout.sent_back(book.head("G03"), "B1", reference="R17", at=NOW)),
            {"group_fund": -3_444, "group_payable": -65_442},
        ),
        (
            "closed again",
            lambda: book.close("G03", "B2"),
            {"group_fund": -3_444, "payout_in_transit:B2": -65_442},
        ),
        (
            "the bank pays",
            lambda: book.put(payout.arrived(book.head("G03"), "B2", utr="UTR1", at=NOW)),
            {"group_fund": -3_444},
        ),
        (
            "it comes back after it was paid",
            lambda: book.learn(known(BACK, returned=1)) and book.settle(KEY),
            {"group_debt": 83_642},
        ),
        ("nothing to close", lambda: book.close("G03", "B3"), {"group_debt": 83_642}),
        (
            "another order is settled",
            lambda: book.learn(known([Row("s3", SALE)], second[0])) and book.settle(second),
            {"group_debt": 83_642, "group_fund": -3_444, "group_held": -65_442},
        ),
        (
            "and released",
            lambda: book.release(second),
            {"group_debt": 83_642, "group_fund": -3_444, "group_payable": -65_442},
        ),
        (
            "half of it recovers the debt",
            lambda: book.close("G03", "B4"),
            {"group_debt": 50_921, "group_fund": -3_444, "payout_in_transit:B4": -32_721},
        ),
    ]
    for what, act, stands in steps:
        act()
        assert book.own("G03") == stands, what
        assert sum(book.balances().values()) == 0, what
        assert book.faults() == [], what
    assert [entry["kind"] for entry in book.of("G03")] == [
        *("SETTLED", "RELEASED", "PAID_OUT", "SENT_BACK", "PAID_OUT", "ARRIVED", "SETTLED", "SETTLED", "RELEASED"),
        "PAID_OUT",
    ]


def test_case_05_a_return_after_the_payout_is_a_debt_that_is_recovered_with_a_cap() -> None:
    book = Book({"G03": resolved(recovery_ppm=100_000)})
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY), book.close("G03", "B0")
    book.learn(known(BACK, returned=1)), book.settle(KEY)
    owed = [book.heads["G03"].debt]
    for n in range(1, 15):
        key = book.learn(known([Row(f"t{n}", SALE)], f"flipkart:demo:T-{n}"))
        book.settle(key), book.release(key)
        assert book.close("G03", f"B{n}")
        paid = book.heads["G03"].owed(f"payout_in_transit:B{n}:G03")
        assert paid >= 58_898, "nine tenths of every payout reach the group"
        assert paid + owed[-1] - book.heads["G03"].debt == 65_442
        owed.append(book.heads["G03"].debt)
    assert owed == [83_642 - 6_544 * n for n in range(13)] + [0, 0]


def test_a_return_within_the_window_takes_only_what_is_held_and_the_rest_is_a_debt_of_its_fees() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    book.learn(known(BACK, returned=1)), book.settle(KEY)
    assert book.own("G03") == {"group_debt": 18_200}


def test_a_return_after_the_release_takes_what_was_not_paid_yet() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY)
    book.learn(known(BACK, returned=1)), book.settle(KEY)
    assert book.own("G03") == {"group_debt": 18_200}


def test_a_return_never_takes_what_other_lines_brought() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY), book.close("G03", "B1")
    second = book.learn(known([Row("s3", SALE)], "flipkart:demo:S-2"))
    book.settle(second), book.release(second)
    book.learn(known(BACK, returned=1)), book.settle(KEY)
    assert book.own("G03") == {
        "group_debt": 83_642,
        "group_fund": -3_444,
        "group_payable": -65_442,
        "payout_in_transit:B1": -65_442,
    }


def test_a_refund_that_is_settled_before_its_sale_ends_where_it_should() -> None:
    book = Book()
    refund_first = [Row("s2", REFUND)]
    book.learn(known(refund_first)), book.settle(KEY)
    assert book.heads["G03"].debt > 0
    book.learn(known(BACK)), book.settle(KEY)
    straight = Book()
    straight.learn(known(BACK)), straight.settle(KEY)
    assert book.balances() == straight.balances()


def test_case_11_two_settlement_files_of_one_item_add_up_and_the_same_file_twice_is_nothing() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    assert book.learn(known([*SOLD, *SOLD])) and book.settle(KEY) == []
    book.learn(known([*SOLD, Row("s2", {"fee:shipping_fee": -1_000, "gst_on_fees": -180})]))
    (more,) = book.settle(KEY)
    assert {(p["account"], p["amount_paise"]) for p in more["postings"] if p["account"].startswith("fee")} == {
        ("fee:shipping_fee", 1_000),
        ("fees_recovered", -1_000),
    }
    assert book.balances()["marketplace_receivable:flipkart"] == 89_107 - 1_180
    assert book.balances()["fee:shipping_fee"] == 6_800
    assert book.settle(KEY) == [] and book.proposals == []


def test_case_12_a_correction_of_the_marketplace_is_one_more_entry_and_changes_no_earlier_one() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    first = dict(book.of("G03")[0])
    book.learn(known([*SOLD, Row("s2", {"fee:commission": 1_099, "gst_on_fees": 198}, "2027-01-05T00:00:00Z")]))
    (correction,) = book.settle(KEY)
    assert book.of("G03")[0] == first
    assert correction["occurred_at"] == "2027-01-05T00:00:00Z"
    assert book.own("G03")["group_held"] == -66_381, "10.99 more, less the agency's tenth and the fund's twentieth"


def test_case_13_a_reimbursement_after_the_payout_is_held_and_released_in_its_turn() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY), book.close("G03", "B1")
    book.learn(known([*SOLD, Row("s2", {"protection_fund": 10_000}, "2027-01-20T00:00:00Z")]))
    book.settle(KEY)
    assert book.release(KEY, "2027-01-19T23:59:59Z") == []
    (released,) = book.release(KEY, "2027-01-20T00:00:00Z")
    assert released["occurred_at"] == "2027-01-20T00:00:00Z"
    assert book.heads["G03"].payable == 9_500
    assert book.release(KEY) == []


def test_what_is_released_after_a_payout_is_all_that_a_return_finds_unpaid() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY)
    more = [*SOLD, Row("s9", {"protection_fund": 10_000}, "2027-01-20T00:00:00Z")]
    book.learn(known(more)), book.settle(KEY), book.close("G03", "B1")
    book.release(KEY)
    assert book.posted[KEY].standings["G03"].unpaid == book.heads["G03"].payable == 9_500
    book.learn(known([*more, *BACK], returned=1)), book.settle(KEY)
    assert (book.heads["G03"].payable, book.heads["G03"].debt) == (0, 73_642)


def test_case_06_a_debt_stands_with_the_group_whoever_left_it() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY), book.close("G03", "B1")
    book.learn(known(BACK, returned=1)), book.settle(KEY)
    assert not [account for account in book.balances() if account.startswith("member_payable")]
    assert book.heads["G03"].debt == 83_642


@pytest.mark.parametrize(
    "clauses",
    [{"fund_ppm": 0}, {"agency_fee": 50_000}, {"tds": "AGENCY"}],
    ids=lambda clauses: str(next(iter(clauses))),
)
def test_another_resolution_alone_moves_nothing_and_is_a_proposal(clauses: dict[str, Any]) -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    before = book.balances()
    book.resolutions["G03"] = resolved(**clauses)
    assert book.settle(KEY) == [] and book.balances() == before
    (proposal,) = book.proposals
    assert sum(posting.amount_paise for posting in proposal.postings) == 0
    (entry,) = book.approve(proposal)
    assert entry["kind"] == "CORRECTED" and entry["source"]["by"] == "meera"
    fresh = Book({"G03": resolved(**clauses)})
    fresh.learn(known(SOLD)), fresh.settle(KEY)
    assert book.balances() == fresh.balances() != before
    assert book.settle(KEY) == [] and len(book.proposals) == 1, "approved and done"


def test_another_mapping_is_a_proposal_and_moves_the_money_by_two_entries() -> None:
    book = Book({"G01": resolved("G01"), "G03": resolved()})
    book.learn(known(SOLD)), book.settle(KEY)
    book.learn(known(SOLD, group_id="G01"))
    assert book.settle(KEY) == []
    made = book.approve(book.proposals[0])
    assert [entry["group_id"] for entry in made] == ["G01", "G03"]
    assert book.own("G03") == {}
    assert book.own("G01") == {"group_fund": -3_444, "group_held": -65_442}
    assert book.faults() == [] and not any(account.startswith("clearing") for account in book.balances())
    # What was paid to the wrong group already is its debt.
    book.release(KEY), book.close("G01", "B1")
    book.learn(known(SOLD)), book.settle(KEY)
    book.approve(book.proposals[-1])
    assert book.own("G01") == {"group_debt": 65_442, "payout_in_transit:B1": -65_442}
    assert book.own("G03") == {"group_fund": -3_444, "group_held": -65_442}


def test_a_proposal_about_what_was_posted_since_is_void() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    book.resolutions["G03"] = resolved(fund_ppm=0)
    book.settle(KEY)
    (proposal,) = book.proposals
    book.learn(known(BACK, returned=1)), book.settle(KEY)
    with pytest.raises(ValueError, match="posted since"):
        book.approve(proposal)
    other = replace(proposal, line_id="L2")
    with pytest.raises(ValueError, match="posted since"):
        approve(other, book.posted[KEY], {}, group_id="G03", by="meera", reason="", at=NOW)


def test_a_proposal_has_the_id_of_what_it_moves() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    book.resolutions["G03"] = resolved(fund_ppm=0)
    book.settle(KEY), book.settle(KEY)
    book.resolutions["G03"] = resolved(fund_ppm=1_000)
    book.settle(KEY)
    first, again, other = (proposal.proposal_id for proposal in book.proposals)
    assert first == again != other


def test_news_that_move_nothing_renew_the_digest_so_that_later_changes_stay_proposals() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    digest = book.posted[KEY].digest
    book.learn(known([*SOLD, Row("s2", {"sale": 0})]))
    assert book.settle(KEY) == [] and book.posted[KEY].digest != digest
    assert book.posted[KEY].version == 2 and len(book.entries) == 1
    book.resolutions["G03"] = resolved(fund_ppm=0)
    assert book.settle(KEY) == [] and len(book.proposals) == 1


def test_an_operators_hold_is_longer_than_the_window() -> None:
    book = Book()
    book.learn(replace(known(SOLD), operator_hold="2027-02-28T00:00:00Z"))
    book.settle(KEY)
    assert book.release(KEY, "2027-02-27T23:59:59Z") == []
    assert book.release(KEY, "2027-02-28T00:00:00Z") != []


def test_what_is_posted_is_stored_and_read_back() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY)
    posted = book.posted[KEY]
    assert Posted.of(posted.item()) == posted
    assert posted.standings["G03"].item() == {"held": 0, "unpaid": 65_442, "debt": 0, "seq": 2}
    assert posted.groups == {"G03"}


@pytest.mark.parametrize("version", [4, 5])
def test_whatever_is_written_of_a_line_is_its_next_version(version: int) -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY)
    posted, heads = replace(book.posted[KEY], version=version), {"G03": book.heads["G03"]}
    assert seen_again(posted) == replace(posted, version=version + 1)
    released = release(posted, heads["G03"], "2026-12-08T09:00:00Z", now=NOW)
    assert released is not None and released.posted.version == version + 1
    before = posted.standings["G03"]
    some = replace(posted, standings={"G03": replace(before, unpaid=before.held - 1, debt=3)})
    added = release(some, heads["G03"], "2026-12-08T09:00:00Z", now=NOW)
    assert added is not None and added.posted.standings["G03"] == Standing(0, 2 * before.held - 1, 3, 2)
    assert released.posted.digest == posted.digest and released.posted.amounts == posted.amounts
    [entry] = [sealed.entry for sealed in released.entries]
    assert (entry.order_ref, entry.line_id, entry.occurred_at) == (*KEY, "2026-12-08T09:00:00Z")
    assert entry.cause == (*KEY, "2026-12-08T09:00:00Z", version)
    more = settle(posted, {}, "new", heads, group_id="G03", occurred_at=NOW, source=())
    assert isinstance(more, Booked) and more.posted.version == version + 1
    assert (more.posted.digest, dict(more.posted.amounts)) == ("new", {})


def test_below_the_minimum_a_payout_is_carried_and_a_debt_with_it() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY)
    assert book.close("G03", "B1", minimum=65_443) is None
    assert book.close("G03", "B2", minimum=65_442) is not None
    assert book.close("G03", "B3") is None, "nothing is left"


def test_a_debt_that_takes_all_is_recovered_without_a_payout() -> None:
    book = Book({"G03": resolved(recovery_ppm=1_000_000)})
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY), book.close("G03", "B1")
    book.learn(known(BACK, returned=1)), book.settle(KEY)
    second = book.learn(known([Row("s3", SALE)], "flipkart:demo:S-2"))
    book.settle(second), book.release(second)
    assert book.close("G03", "B2", minimum=10_000)
    assert (book.heads["G03"].payable, book.heads["G03"].debt) == (0, 83_642 - 65_442)
    assert "payout_in_transit:B2" not in book.own("G03")


def test_the_bank_cannot_pay_or_send_back_what_is_not_on_its_way() -> None:
    for act in (
        lambda: payout.arrived(Head("G03"), "B1", utr="U", at=NOW),
        lambda: payout.sent_back(Head("G03"), "B1", reference="R", at=NOW),
    ):
        with pytest.raises(ValueError, match="nothing of batch B1 is on its way to G03"):
            act()


def test_what_the_bank_returns_days_after_it_paid_is_payable_again_exactly_and_once() -> None:
    book = Book()
    book.learn(known(SOLD)), book.settle(KEY), book.release(KEY)
    before = book.own("G03")
    book.close("G03", "B1")
    paid = payout.arrived(book.head("G03"), "B1", utr="U", at=NOW)
    book.put(paid)
    returned = payout.came_back(book.head("G03"), paid, reference="R", at=NOW)
    book.put(returned)
    assert book.own("G03") == before
    assert "bank" not in book.balances()
    again = payout.came_back(book.head("G03"), paid, reference="R-2", at=NOW)
    assert again.entry_id == returned.entry_id, "an entry is put once"
