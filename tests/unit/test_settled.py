"""What a settled line brings, and to whom, under every clause that a group can resolve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hunar.domain.facts import Inspected, Lost, Placed, Resolved, ReturnRequested, ReturnStep, Step
from hunar.domain.order import read
from hunar.domain.settled import LineFacts, digest, in_suspense, target, total, unassigned
from tests.book import GST, REFUND, SALE, Row, line_facts, resolved


def by_account(amounts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (account, row), paise in amounts.items():
        assert row
        found[account] = found.get(account, 0) + paise
    assert sum(found.values()) == 0
    return {account: paise for account, paise in found.items() if paise}


def brings(*heads: Mapping[str, int], known: Mapping[str, Any] | None = None, **clauses: Any) -> dict[str, int]:
    rows = [Row(f"s{n}", dict(each)) for n, each in enumerate(heads)]
    return by_account(target(line_facts(**known or {}), rows, resolved(**clauses), GST))


def test_a_published_row_of_a_sale_to_the_paisa() -> None:
    assert brings(SALE, agency_fee=0, fund_ppm=0) == {
        "marketplace_receivable:flipkart": 89_107,
        "fee:commission": 2_198,
        "fee:fixed_fee": 5_000,
        "fee:collection_fee": 2_198,
        "fee:pick_and_pack_fee": 1_400,
        "fee:shipping_fee": 5_800,
        "fees_recovered": -16_596,
        "gst_input_fees": 2_987,
        "tcs_receivable": 931,
        "tds_receivable": 279,
        "output_gst": -16_764,
        "group_held:G03": -76_540,
    }


@pytest.mark.parametrize(
    ("clauses", "held", "others"),
    [
        ({}, 65_442, {"agency_fee": -7_654, "group_fund:G03": -3_444}),
        ({"agency_fee_basis": "ppm_of_taxable", "fund_ppm": 0}, 67_226, {"agency_fee": -9_314}),
        ({"agency_fee_basis": "fixed_per_unit", "agency_fee": 2_500, "fund_ppm": 0}, 74_040, {"agency_fee": -2_500}),
        ({"agency_fee": 0, "fund_ppm": 0, "itc": "AGENCY"}, 73_553, {"agency_margin": -2_987}),
        ({"agency_fee": 0, "fund_ppm": 0, "tcs": "AGENCY", "tds": "AGENCY"}, 75_330, {"agency_margin": -1_210}),
        ({"agency_fee": 0, "fund_ppm": 0, "tds": "GROUP_LATER"}, 76_261, {"group_credits:G03": -279}),
        ({"agency_fee": 0, "fund_ppm": 1_000_000}, 0, {"group_fund:G03": -76_540}),
    ],
)
def test_fee_fund_and_credits_go_where_the_minutes_say(
    clauses: dict[str, Any], held: int, others: dict[str, int]
) -> None:
    found = brings(SALE, **clauses)
    assert found.get("group_held:G03", 0) == -held
    assert {account: paise for account, paise in found.items() if account in others} == others
    # Whoever gets the credits, what the marketplace withheld stands with the state.
    assert (found["gst_input_fees"], found["tcs_receivable"], found["tds_receivable"]) == (2_987, 931, 279)


@pytest.mark.parametrize(("returns", "held", "margin"), [("GROUP", 18_200, 0), ("AGENCY", 0, 18_200)])
def test_what_a_return_costs_is_borne_by_whom_the_group_resolved(returns: str, held: int, margin: int) -> None:
    found = brings(SALE, REFUND, known={"returned": 1}, returns=returns)
    assert found.get("group_held:G03", 0) == held, "fixed fee, pick and pack, shipping there and back"
    assert found.get("agency_margin", 0) == margin
    assert "output_gst" not in found and "agency_fee" not in found and "group_fund:G03" not in found
    assert "tcs_receivable" not in found and "tds_receivable" not in found


def test_of_a_partial_return_only_the_fees_of_returns_are_its_cost() -> None:
    known = {"units": 2, "returned": 1}
    two = {head: 2 * paise for head, paise in SALE.items()}
    group, agency = (
        brings(two, REFUND, known=known, returns=who, agency_fee=0, fund_ppm=0) for who in ("GROUP", "AGENCY")
    )
    assert agency["agency_margin"] == 6_000
    assert agency["group_held:G03"] == group["group_held:G03"] - 6_000


@pytest.mark.parametrize(("penalties", "margin"), [("AGENCY", 4_000), ("GROUP", 0)])
def test_a_penalty_is_borne_by_whom_the_group_resolved(penalties: str, margin: int) -> None:
    found = brings({"fee:product_cancellation_fee": -2_500, "adjustment": -1_500}, penalties=penalties)
    assert found.get("agency_margin", 0) == margin
    assert found.get("group_held:G03", 0) == 4_000 - margin


@pytest.mark.parametrize(
    ("lost", "held", "margin"),
    # The agency answers for the parcel with the value of the goods, whatever the marketplace reimburses.
    [("AGENCY", -93_136, 93_136 - 60_000 + 5_000), ("GROUP", -55_000, 0)],
)
def test_case_32_a_lost_parcel_is_borne_by_whom_the_group_resolved(lost: str, held: int, margin: int) -> None:
    rows = ({"sale": 109_900, "fee:fixed_fee": -5_000}, {"refund": -109_900, "reimbursement": 60_000})
    found = brings(*rows, known={"lost": 1}, lost=lost, agency_fee=0, fund_ppm=0)
    assert found.get("group_held:G03", 0) == held
    assert found.get("agency_margin", 0) == margin
    assert "output_gst" not in found, "a compensation is no supply"


def test_a_lost_parcel_that_was_paid_in_full_leaves_nothing_to_answer_for() -> None:
    rows = ({"sale": 109_900, "shipping_paid_by_buyer": 5_900},)
    found = brings(*rows, known={"lost": 1}, lost="AGENCY", agency_fee=0, fund_ppm=0)
    assert found["group_held:G03"] == -98_136
    assert "agency_margin" not in found


def test_a_lost_parcel_brings_nothing_before_the_marketplace_settles_it() -> None:
    assert brings(known={"lost": 1}, lost="AGENCY") == {}


def test_a_fee_by_the_unit_is_taken_of_a_sale_only() -> None:
    fixed = {"agency_fee_basis": "fixed_per_unit", "agency_fee": 2_500}
    assert "agency_fee" not in brings({"fee:fixed_fee": -500}, **fixed)
    assert brings(SALE, known={"units": 4, "returned": 1, "lost": 1}, **fixed)["agency_fee"] == -5_000


def test_case_13_what_is_made_good_weeks_later_goes_to_the_group_that_was_charged() -> None:
    before = brings(SALE, agency_fee=0, fund_ppm=0)
    after = brings(SALE, {"reimbursement": 2_900}, {"protection_fund": 100}, agency_fee=0, fund_ppm=0)
    assert after["group_held:G03"] == before["group_held:G03"] - 3_000
    assert after["marketplace_receivable:flipkart"] == before["marketplace_receivable:flipkart"] + 3_000


def test_case_14_a_charge_without_an_order_stays_with_the_agency() -> None:
    rows = [Row("a", {"fee:ads": -50_000, "gst_on_fees": -9_000}), Row("b", {"transfer": -891_070, "reserve": -100})]
    assert by_account(unassigned("flipkart", rows)) == {
        "fee:ads": 50_000,
        "fees_recovered": -50_000,
        "agency_margin": 50_000,
        "gst_input_fees": 9_000,
        "bank": 891_070,
        "marketplace_reserve:flipkart": 100,
        "marketplace_receivable:flipkart": -59_000 - 891_070 - 100,
    }
    # A buyer's money without an order is somebody's, and nobody says whose.
    found = by_account(unassigned("flipkart", [Row("c", {"sale": 109_900, "reimbursement": 500, "adjustment": 7})]))
    assert (found["suspense"], found["agency_margin"]) == (-110_400, -7)
    # Of what has no meaning yet the agency bears a charge; nobody gets a credit before somebody knows what it is.
    found = by_account(unassigned("flipkart", [Row("d", {"other:Ads": -29_500, "other:festival bonus": 777})]))
    assert found == {"agency_margin": 29_500, "suspense": -777, "marketplace_receivable:flipkart": -28_723}


def test_case_15_the_shares_of_one_shipping_fee_add_up_over_both_groups() -> None:
    rows = {"L1": {"sale": 109_900, "fee:shipping_fee": -4_733}, "L2": {"sale": 54_950, "fee:shipping_fee": -2_367}}
    found = {
        line: by_account(target(line_facts(group, line_id=line), [Row(line, rows[line])], resolved(group), GST))
        for line, group in (("L1", "G01"), ("L2", "G03"))
    }
    assert sum(each["fee:shipping_fee"] for each in found.values()) == 7_100
    assert "group_held:G03" not in found["L1"] and "group_held:G01" not in found["L2"]


PIECE = {"payout_basis": "FIXED_PER_PIECE"}


@pytest.mark.parametrize(
    ("rows", "known", "clauses", "held"),
    [
        ([], {}, {}, 57_000),
        ([], {"steps": ("picked_up", "shipped")}, {}, 0),
        ([], {"steps": ("picked_up", "shipped")}, {"paid_on": "shipped"}, 57_000),
        ([], {"steps": ("delivered",)}, {"paid_on": "picked_up"}, 57_000),
        ([SALE], {"steps": ()}, {}, 57_000),
        ([{"fee:product_cancellation_fee": -100}], {"steps": ()}, {}, 0),
        ([SALE], {"units": 3}, {}, 171_000),
        ([SALE, REFUND], {"units": 3, "returned": 1}, {}, 114_000),
        ([SALE, REFUND], {"units": 3, "returned": 1}, {"returns": "AGENCY"}, 171_000),
        ([SALE], {"units": 3, "lost": 1}, {}, 171_000),
        ([SALE], {"units": 3, "lost": 1}, {"lost": "GROUP"}, 114_000),
        ([SALE, REFUND], {"units": 3, "returned": 1, "lost": 1}, {"payout_basis": "BOUGHT_OUTRIGHT"}, 171_000),
        ([SALE], {}, {"payout_basis": "BOUGHT_OUTRIGHT", "paid_on": "purchase"}, 0),
    ],
)
def test_by_the_piece(rows: list[Any], known: dict[str, Any], clauses: dict[str, Any], held: int) -> None:
    found = brings(*rows, known=known, **PIECE | clauses)
    assert found.get("group_held:G03", 0) == -held, "600.00 a piece less 5 % for the fund"
    assert "agency_fee" not in found


def test_by_the_piece_the_agency_has_the_margin_and_bears_the_fees() -> None:
    found = brings(SALE, fund_ppm=0, **PIECE)
    assert found["group_held:G03"] == -60_000
    assert found["agency_margin"] == -(93_136 - 16_596 - 60_000)


@pytest.mark.parametrize(("basis", "held"), [("FIXED_PER_PIECE", -60_000 + 4_000), ("BOUGHT_OUTRIGHT", -60_000)])
def test_by_the_piece_a_group_bears_penalties_if_it_said_so_and_the_goods_are_still_its_own(
    basis: str, held: int
) -> None:
    rows = (SALE, {"fee:product_cancellation_fee": -2_500, "adjustment": -1_500})
    found = brings(*rows, payout_basis=basis, penalties="GROUP", fund_ppm=0)
    assert found["group_held:G03"] == held


def test_a_piece_without_a_price_is_an_error() -> None:
    with pytest.raises(ValueError, match="line L1: FIXED_PER_PIECE without a piece price"):
        brings(SALE, known={"piece_price_paise": None}, **PIECE)


def test_what_no_rule_explains_stays_in_suspense() -> None:
    found = brings({"other:festival bonus": 4_200})
    assert found == {"marketplace_receivable:flipkart": 4_200, "suspense": -4_200}
    known = target(line_facts(), [Row("s", {"other:festival bonus": 4_200})], resolved(), GST)
    assert ("suspense", "settlement:other:festival bonus") in known


def test_an_unknown_order_waits_in_suspense_whole() -> None:
    found = by_account(in_suspense("flipkart", [Row("s1", SALE)]))
    assert found == {"marketplace_receivable:flipkart": 89_107, "suspense": -89_107}


@pytest.mark.parametrize(("head", "paise"), [("sales", 5), ("sale", 5.0), ("sale", "5"), ("tcs", True)])
def test_an_unknown_head_or_an_inexact_amount_is_refused(head: str, paise: Any) -> None:
    with pytest.raises(ValueError, match=head):
        brings({head: paise})


def test_a_settlement_line_counts_once() -> None:
    assert total([Row("s1", SALE), Row("s1", SALE)]) == SALE
    assert total([Row("s1", SALE), Row("s2", SALE)])["sale"] == 219_800


def test_the_digest_is_of_news_and_not_of_decisions() -> None:
    one = digest(line_facts(), [Row("s1", SALE), Row("s2", REFUND)])
    assert one == digest(line_facts("G01", piece_price_paise=1), [Row("s2", REFUND), Row("s1", SALE)])
    news = [{"units": 2}, {"returned": 1}, {"lost": 1}, {"unit_price_paise": 5}, {"steps": ()}]
    assert len({one, *(digest(line_facts(**each), [Row("s1", SALE), Row("s2", REFUND)]) for each in news)}) == 6
    assert digest(line_facts(), [Row("s1", SALE)]) != one


SOLD = "2026-11-20T10:00:00Z"
PLACED = [
    Placed("L1", SOLD, "X", 3, 109_900, None, SOLD, None),
    Resolved("L1", "BAG", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None),
]
RETURN = ReturnRequested("R1", "L1", SOLD, "customer", 2, None, "", "")


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        ([], {"units": 3, "steps": ()}),
        ([Step("shipped", SOLD)], {"steps": ("shipped",)}),
        ([Step("shipped", SOLD), Step("delivered", SOLD)], {"steps": ("shipped", "delivered")}),
        ([Step("shipped", SOLD, claimed=True)], {"steps": ()}),
        ([Step("shipped", SOLD), Step("delivered", SOLD, claimed=True)], {"steps": ()}),
        ([Step("shipped", SOLD), RETURN, ReturnStep("R1", "L1", SOLD, "received")], {"returned": 2, "lost": 0}),
        (
            [Step("shipped", SOLD), RETURN, ReturnStep("R1", "L1", SOLD, "received")]
            + [Inspected("ACT1", "R1", "L1", SOLD, 1, 0, 1, "meera", "one is missing")],
            {"returned": 1, "lost": 1},
        ),
        ([Step("shipped", SOLD), Lost(SOLD, "fire")], {"units": 3, "lost": 3, "returned": 0}),
    ],
)
def test_the_facts_of_a_line_are_read_from_what_is_known_of_its_order(facts: list[Any], known: dict[str, Any]) -> None:
    order = read([*PLACED, *facts])
    found = LineFacts.of("flipkart:demo:S-1", "flipkart", order, order.lines[0])
    assert {name: getattr(found, name) for name in known} == known
    assert (found.group_id, found.unit_price_paise) == ("G03", 109_900)


def test_a_line_without_a_group_has_no_facts_of_money() -> None:
    order = read(PLACED[:1])
    with pytest.raises(ValueError, match="line L1 has no group"):
        LineFacts.of("flipkart:demo:S-1", "flipkart", order, order.lines[0])
