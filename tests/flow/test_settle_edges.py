"""Single rules of booking that nothing else would notice, each with the history in which it counts."""

from __future__ import annotations

from typing import Any

import pytest

from hunar import tables
from hunar.domain.facts import Cancelled, Inspected, Placed, Resolved, ReturnRequested, ReturnStep, Step
from hunar.messages import ComputePayout, HoldMoney, ReleaseHold
from hunar.use_cases.settle import Outcome
from tests.book import POLICY, SALE
from tests.till import SOLD, Till, ref

V1 = 89_107
BY_PIECE: dict[str, Any] = {"payout_basis": "FIXED_PER_PIECE", "piece_price_paise": 40_000}
ASKED = ReturnRequested("R-1", "I-1", "2026-12-01T10:00:00Z", "customer", 1, "S-1", "", "")


@pytest.fixture
def till() -> Till:
    till = Till()
    till.group("G03")
    return till


def sound(till: Till) -> None:
    assert till.faults() == []
    assert sum(till.balances().values()) == 0


def test_an_order_that_goes_on_while_it_is_booked_is_booked_anew() -> None:
    """Who knew more may have looked before this was posted, and found nothing to do."""
    till = Till()
    till.group("G03", payout_basis="FIXED_PER_PIECE")
    order_ref = till.sell(terms=BY_PIECE)
    commit, gone_on = till.store.commit, []

    def meanwhile(puts: Any) -> None:
        if not gone_on and any(put.key == tables.posted(order_ref, "I-1") for put in puts):
            gone_on.append(True)
            back = ReturnStep("R-1", "I-1", "2026-12-03T10:00:00Z", "received")
            till.sell("S-1", "I-1", ASKED, back, terms=BY_PIECE)
        commit(puts)

    till.store.commit = meanwhile  # type: ignore[method-assign]
    till.compute(order_ref)
    assert gone_on
    assert till.balances() == {}
    sound(till)


def test_a_share_that_nothing_was_settled_for_leaves_no_item(till: Till) -> None:
    order_ref = till.sell()
    assert till.compute(order_ref)[-1] == Outcome.NOTHING
    assert till.items("POSTED") == []


def test_a_line_that_nobody_claims_yet_is_not_asked_about(till: Till) -> None:
    till.know(ref("S-1"), Placed("I-1", SOLD, "LISTING", 1, 109_900, None, SOLD, None))
    till.settle(till.line(SALE))
    assert till.items("POSTED#") == []
    assert till.balances()["suspense"] == -V1


@pytest.mark.parametrize("by", ["settlement", "order"])
def test_a_line_that_is_announced_anew_under_an_unknown_listing_is_in_suspense_and_not_there_twice(
    till: Till, by: str
) -> None:
    order_ref = till.sell(terms={"listing": "LISTING"})
    till.settle(till.line(SALE))
    shares = till.balances()
    again = Placed("I-1", "2026-11-21T10:00:00Z", "OTHER", 1, 109_900, None, SOLD, None)
    till.sell("S-1", "I-1", again, terms={"listing": "LISTING"})
    (till.settle(till.line(SALE)) if by == "settlement" else till.compute(order_ref))
    assert till.balances() == {"marketplace_receivable:flipkart": V1, "suspense": -V1}
    assert len(till.open("SUSPENSE")) == 1
    sound(till)
    other = Resolved("I-1", "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None, "OTHER")
    till.sell("S-1", "I-1", again, other, terms={"listing": "LISTING"})
    till.compute(order_ref)
    assert till.balances() == shares
    sound(till)


def test_an_announcement_that_was_not_true_leaves_its_money_in_suspense_at_once(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    till.know(order_ref)
    till.compute(order_ref)
    assert till.balances() == {"marketplace_receivable:flipkart": V1, "suspense": -V1}
    sound(till)


def test_the_share_of_a_second_parcel_whose_group_nobody_knows_is_in_suspense(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    till.know(ref("S-2"), Placed("I-1", SOLD, "LISTING", 1, 109_900, None, SOLD, None))
    till.compute(order_ref)
    assert till.balances()["marketplace_receivable:flipkart"] == V1
    # Half of it, the odd paise where the remainders lie.
    assert abs(till.balances()["suspense"] + V1 // 2) <= len(SALE)
    sound(till)


def test_what_was_settled_and_not_delivered_stays_shown_however_often_it_is_looked_at(till: Till) -> None:
    order_ref = till.sell(delivered=None)
    till.settle(till.line(SALE))
    till.settle(till.line(SALE))
    till.compute(order_ref)
    assert len(till.open("SETTLED_NOT_DELIVERED")) == 1


def test_a_hold_that_is_said_again_writes_nothing(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line(SALE))
    held = HoldMoney(
        order_ref=order_ref, line_id="I-1", until="2027-01-31T00:00:00Z", by="asha", at="2026-11-25T00:00:00Z"
    )
    till.obey(held)
    before = till.posted(order_ref)
    till.obey(held)
    assert till.posted(order_ref) == before
    # And it stands while news come that move the money.
    till.settle(till.line({"reimbursement": 100}, settlement_id="NEFT-2"))
    assert till.posted(order_ref)["operator_hold"]["until"] == "2027-01-31T00:00:00Z"
    assert till.posted(order_ref)["hold_end"] == "2027-01-31T00:00:00Z"


def test_the_hold_of_a_line_follows_its_own_returns_only(till: Till) -> None:
    """A return of another line of the order, one that was called off and one that is over hold nothing back."""
    placed = [Placed(line, SOLD, "LISTING", 1, 109_900, None, SOLD, None) for line in ("I-1", "I-2")]
    known: list[Any] = [*placed, Step("delivered", "2026-11-24T10:00:00Z")]
    known += [Resolved(one.line_id, "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None) for one in placed]
    order_ref = ref("S-1")
    till.know(order_ref, *known, ASKED)
    till.settle(till.line(SALE), till.line(SALE, "I-2"))
    assert till.posted(order_ref, "I-1")["hold_end"] == "9999-12-31T23:59:59Z"
    assert "due_pk" not in till.posted(order_ref, "I-1")
    assert till.posted(order_ref, "I-2")["hold_end"] == "2026-12-04T10:00:00Z"
    over: list[Any] = [ReturnStep("R-1", "I-1", "2026-12-03T10:00:00Z", step) for step in ("cancelled", "received")]
    over.append(Inspected("act", "R-1", "I-1", "2026-12-03T10:00:00Z", 1, 0, 0, "asha", ""))
    for end in over:
        till.know(order_ref, *known, ASKED, end)
        till.compute(order_ref)
        assert till.posted(order_ref, "I-1")["hold_end"] == "2026-12-04T10:00:00Z"


@pytest.mark.parametrize(
    ("paid_on", "hold_end"), [("picked_up", "2026-11-30T10:00:00Z"), ("shipped", "2026-12-01T10:00:00Z")]
)
def test_the_hold_of_a_piece_that_is_not_delivered_counts_from_the_step_that_earned_it(
    paid_on: str, hold_end: str
) -> None:
    till = Till()
    till.group("G03", payout_basis="FIXED_PER_PIECE", paid_on=paid_on)
    steps = Step("picked_up", "2026-11-20T10:00:00Z"), Step("shipped", "2026-11-21T10:00:00Z")
    order_ref = till.sell("S-1", "I-1", *steps, terms=BY_PIECE, delivered=None)
    till.compute(order_ref)
    assert till.posted(order_ref)["hold_end"] == hold_end
    [entry] = [item for item in till.items(tables.BOOK_ENTRIES) if item["kind"] == "SETTLED"]
    assert entry["occurred_at"] == "2026-11-21T10:00:00Z"


def test_goods_that_were_paid_for_at_the_purchase_bring_the_group_nothing_and_hold_nothing() -> None:
    till = Till()
    till.group("G03", payout_basis="BOUGHT_OUTRIGHT", paid_on="purchase")
    order_ref = till.sell(terms={"payout_basis": "BOUGHT_OUTRIGHT", "piece_price_paise": 40_000})
    till.compute(order_ref)
    assert till.balances() == {}
    till.settle(till.line(SALE))
    assert till.balances()["marketplace_receivable:flipkart"] == V1
    assert not [account for account in till.balances() if account.startswith("group")]
    assert till.obey(ReleaseHold(order_ref=order_ref, line_id="I-1")) == ["UNCHANGED"]
    sound(till)


def test_the_newest_settlement_decides_when_it_is_payable_and_when_it_happened(till: Till) -> None:
    order_ref = till.sell()
    late = till.line({"adjustment": 500}, settlement_id="NEFT-2", posted_at="2027-01-10T00:00:00+05:30")
    till.settle(till.line(SALE), late)
    assert till.posted(order_ref)["hold_end"] == "2027-01-09T18:30:00Z"
    entries = [item for item in till.items(tables.BOOK_ENTRIES) if item["kind"] == "SETTLED"]
    assert {entry["occurred_at"] for entry in entries} == {"2027-01-09T18:30:00Z"}


def test_what_is_not_to_be_booked_says_so_and_is_booked_when_it_can_be(till: Till) -> None:
    """An amount beyond all sense is refused by the entry; a piece without a price by the target."""
    big = till.line({"sale": 10**15 - 1}), till.line({"sale": 10**15 - 1}, settlement_id="NEFT-2")
    till.sell()
    assert till.settle(*big) == ["WAITS"]
    assert [item["kind"] for item in till.open("BOOK_REFUSED")] == ["BOOK_REFUSED"]
    other = Till()
    other.group("G03", payout_basis="FIXED_PER_PIECE")
    order_ref = other.sell(terms={"payout_basis": "FIXED_PER_PIECE", "piece_price_paise": None})
    assert other.compute(order_ref)[-1] == "WAITS"
    assert "without a piece price" in other.open("BOOK_REFUSED")[0]["message"]
    other.sell(terms=BY_PIECE)
    known = [Placed("I-1", SOLD, "LISTING", 1, 109_900, None, SOLD, None), Step("delivered", "2026-11-24T10:00:00Z")]
    terms = Resolved("I-1", "TOTE", "G03", "GROUP_PACKS", "FIXED_PER_PIECE", 1, "4202", 40_000, "LISTING")
    other.know(order_ref, *known, terms)
    assert other.compute(order_ref)[-1] == "BOOKED"
    assert other.open("BOOK_REFUSED") == []


def test_two_parcels_of_a_free_item_share_by_their_pieces_and_cancelled_ones_count(till: Till) -> None:
    """What is cancelled later does not move the others' shares."""
    terms = {"A": (3, 0), "B": (1, 0)}
    facts: list[Any] = [Step("delivered", "2026-11-24T10:00:00Z")]
    for line_id, (units, price) in terms.items():
        facts.append(Placed(line_id, SOLD, f"L{line_id}", units, price, None, SOLD, None))
        facts.append(Resolved(line_id, "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None))
    till.know(ref("S-2"), *facts, Cancelled("A", "2026-11-21T10:00:00Z", 2, "buyer", ""))
    till.settle(till.line({"fee:shipping_fee": -1_000}, None, order_id="S-2"))
    assert [fee_of(till, line) for line in ("A", "B")] == [750, 250]


def fee_of(till: Till, line_id: str) -> int:
    amounts = till.posted(ref("S-2"), line_id)["amounts"]
    return sum(one["amount_paise"] for one in amounts if one["account"] == "fee:shipping_fee")


def test_a_row_that_names_a_listing_and_an_item_goes_by_its_item(till: Till) -> None:
    till.sell()
    till.settle(till.line(SALE, listing="ANOTHER NAME"))
    assert "suspense" not in till.balances()


def test_a_charge_of_the_account_has_its_entry_with_the_time_of_the_newest_row(till: Till) -> None:
    one = till.line({"fee:ads": -500}, None, order_id=None, posted_at="2026-12-01T00:00:00+05:30")
    two = till.line({"fee:ads": -700}, None, order_id=None, posted_at="2026-12-09T00:00:00+05:30")
    till.settle(one, two)
    [entry] = till.items(tables.BOOK_ENTRIES)
    assert entry["occurred_at"] == "2026-12-08T18:30:00Z"
    assert till.open() == []
    before = till.items("POSTED")
    till.settle(two, one)
    assert till.items(tables.BOOK_ENTRIES) == [entry]
    assert till.items("POSTED") == before


def test_suspense_that_comes_back_has_an_entry_of_its_own(till: Till) -> None:
    """In suspense, claimed, and in suspense again: three moves and three entries."""
    order_ref = till.sell()
    till.know(order_ref)
    till.settle(till.line(SALE))
    till.sell()
    till.settle(till.line(SALE))
    assert "suspense" not in till.balances()
    till.know(order_ref)
    till.settle(till.line(SALE))
    till.obey(ComputePayout(order_ref=order_ref, line_id="I-1"))
    assert till.balances() == {"marketplace_receivable:flipkart": V1, "suspense": -V1}
    more = till.line({"sale": 100}, settlement_id="NEFT-2")
    till.settle(more)
    assert "892.07" in till.open("SUSPENSE")[0]["message"]
    sound(till)


def test_what_waits_with_a_hundred_heads_is_kept_in_several_entries(till: Till) -> None:
    heads = {f"fee:kind_{number:03}": -(number + 1) for number in range(120)}
    row = till.line(heads, "I-nobody", order_id="S-nobody")
    till.settle(row)
    entries = till.items(tables.BOOK_ENTRIES)
    assert len(entries) == 3
    assert max(len(entry["postings"]) for entry in entries) <= 90
    assert till.balances()["suspense"] == -row.amount
    sound(till)


def test_an_account_is_claimed_by_no_line_that_is_named_like_its_settlement(till: Till) -> None:
    till.sell("S-1", "NEFT-1")
    till.settle(till.line({"fee:ads": -500}, None, order_id=None))
    assert till.balances()["agency_margin"] == 500
    assert till.items("POSTED#") == []


def test_an_item_is_claimed_by_its_own_line_of_an_order_only(till: Till) -> None:
    known: list[Any] = [Step("delivered", "2026-11-24T10:00:00Z")]
    for line_id in ("I-1", "I-2"):
        known.append(Placed(line_id, SOLD, "LISTING", 1, 109_900, None, SOLD, None))
        known.append(Resolved(line_id, "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None))
    till.know(ref("S-1"), *known)
    till.settle(till.line(SALE))
    assert [item["line_id"] for item in till.items("POSTED#")] == ["I-1"]
    assert till.balances()["marketplace_receivable:flipkart"] == V1


def test_where_nobody_can_be_asked_a_fee_alone_earns_no_piece() -> None:
    till = Till(proven=False)
    till.group("G03", payout_basis="FIXED_PER_PIECE")
    till.sell(terms=BY_PIECE)
    till.settle(till.line({"fee:shipping_fee": -100}))
    assert till.balances()["agency_margin"] == 100
    assert not [account for account in till.balances() if account.startswith("group")]


def test_while_a_claim_waits_for_the_marketplace_the_window_counts_from_the_settlement(till: Till) -> None:
    claim = Cancelled("I-1", "2026-11-30T10:00:00Z", 1, "buyer", "", claimed=True)
    order_ref = till.sell("S-1", "I-1", claim)
    till.settle(till.line(SALE))
    assert till.posted(order_ref)["hold_end"] == "2026-12-13T18:30:00Z"


def test_only_a_sale_of_what_neither_arrived_nor_came_back_is_shown_as_not_delivered(till: Till) -> None:
    received = ReturnStep("R-1", "I-1", "2026-12-03T10:00:00Z", "received")
    till.sell("S-1", "I-1", Step("shipped", "2026-11-22T10:00:00Z"), ASKED, received, delivered=None)
    till.settle(till.line(SALE))
    till.sell("S-2", "I-2", delivered=None)
    till.settle(till.line({"fee:product_cancellation_fee": -100}, "I-2"))
    assert till.open("SETTLED_NOT_DELIVERED") == []


def test_what_is_missing_is_said_anew_when_something_else_is_missing(till: Till) -> None:
    policy = {clause: value for clause, value in POLICY.items() if clause not in ("minutes_ref", "recovery_ppm")}
    till.group("G03", policy)
    till.sell()
    till.settle(till.line(SALE))
    assert "minutes_ref" in till.open("UNRESOLVED")[0]["message"]
    till.group("G03", policy | {"minutes_ref": "book 2"})
    till.settle(till.line(SALE))
    assert "recovery_ppm" in till.open("UNRESOLVED")[0]["message"]


def test_a_row_of_an_item_that_names_a_product_too_is_claimed_by_every_parcel_of_the_item(till: Till) -> None:
    till.sell("S-1")
    till.sell("S-2")
    till.settle(till.line({"fee:shipping_fee": -1_000}, listing="NOBODYS"))
    assert [len(till.items("POSTED#")), till.balances().get("suspense", 0)] == [2, 0]


def test_the_goods_as_they_were_sold_decide_the_shares_and_no_cancellation(till: Till) -> None:
    facts: list[Any] = [Step("delivered", "2026-11-24T10:00:00Z")]
    for line_id, units in (("A", 3), ("B", 1)):
        facts.append(Placed(line_id, SOLD, f"L{line_id}", units, 10_000, None, SOLD, None))
        facts.append(Resolved(line_id, "TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None))
    till.know(ref("S-2"), *facts, Cancelled("A", "2026-11-21T10:00:00Z", 2, "buyer", ""))
    till.settle(till.line({"fee:shipping_fee": -1_000}, None, order_id="S-2"))
    assert [fee_of(till, line) for line in ("A", "B")] == [750, 250]


def test_another_share_of_the_same_row_is_news_and_no_proposal(till: Till) -> None:
    order_ref = till.sell()
    till.settle(till.line({"fee:shipping_fee": -1_000}))
    for number in (2, 3):
        till.sell(f"S-{number}")
        till.settle(till.line({"fee:shipping_fee": -1_000}))
    amounts = till.posted(order_ref)["amounts"]
    assert sum(one["amount_paise"] for one in amounts if one["account"] == "fee:shipping_fee") in (333, 334)
    assert till.balances()["fee:shipping_fee"] == 1_000
    assert till.open("MONEY_PROPOSED") == []


def test_two_who_book_one_subject_at_once_write_it_once(till: Till) -> None:
    [command] = till.keep(till.line(SALE))
    commit, raced = till.store.commit, []

    def rival(puts: Any) -> None:
        if not raced:
            raced.append(True)
            till.keep(till.line({"sale": 100}, settlement_id="NEFT-2"))
            till.obey(command)
        commit(puts)

    till.store.commit = rival  # type: ignore[method-assign]
    till.obey(command)
    assert till.balances() == {"marketplace_receivable:flipkart": V1 + 100, "suspense": -V1 - 100}
    sound(till)


def test_what_goes_in_and_out_of_suspense_twice_has_four_entries(till: Till) -> None:
    """The same rows, the same news: only the version tells the moves apart."""
    order_ref = till.sell()
    till.know(order_ref)
    for _ in range(2):
        till.settle(till.line(SALE))
        assert till.balances()["suspense"] == -V1
        till.sell()
        till.compute(order_ref)
        assert "suspense" not in till.balances()
        till.know(order_ref)
        till.compute(order_ref)
    entries = [item for item in till.items(tables.BOOK_ENTRIES) if "subject" in item.get("source", {})]
    assert len(entries) == 5
    sound(till)


def test_suspense_is_of_the_day_of_its_newest_row_whoever_comes_first(till: Till) -> None:
    late = till.line({"sale": 100}, settlement_id="NEFT-2", posted_at="2026-12-09T00:00:00+05:30")
    till.settle(till.line(SALE), late)
    assert {item["occurred_at"] for item in till.items(tables.BOOK_ENTRIES)} == {"2026-12-08T18:30:00Z"}


def test_a_second_unknown_type_of_money_is_said_too(till: Till) -> None:
    till.sell()
    till.settle(till.line({"other:first": 1}))
    till.settle(till.line({"other:second": 2}, settlement_id="NEFT-2"))
    assert "first, second" in till.open("UNKNOWN_MONEY")[0]["message"]
