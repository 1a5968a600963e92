"""Where a settlement differs from the rate card: the published row, and the nasty cases by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hunar.domain import order
from hunar.domain.differences import Difference, Tolerance, compensation, differences, expected, made_good
from hunar.domain.facts import Placed, Resolved, Step
from hunar.domain.rate_card import RateCard, RateGap
from hunar.domain.settlement import SettlementLine
from hunar.marketplaces import amazon_settlement, flipkart_settlement
from hunar.rate_cards import CARDS, published, read, tolerances
from tests.priced import FOLDER, card, rows
from tests.settled_lines import PAID, TERMS, order_of, settled, usual
from tests.settlement_files import SALE_ROWS, date_range, flat_file, flipkart, range_row, sold

ALLOWED = tolerances()


def compared(of: tuple[Any, Any], *lines: SettlementLine, rates: RateCard = TERMS) -> tuple[Difference, ...]:
    found = expected("mela", *of, lines, rates)
    return differences(found, lines, ALLOWED) if found else ()


def amounts(found: tuple[Difference, ...]) -> dict[str, int]:
    return {one.head: one.difference_paise for one in found}


def one(found: tuple[Difference, ...]) -> Difference:
    [only] = found
    return only


def more(heads: Mapping[str, int], **changes: int) -> dict[str, int]:
    """The heads with more or less of some of them; a fee's name is its code."""
    changed = dict(heads)
    for name, paise in changes.items():
        head = name if name in ("sale", "refund", "gst_on_fees", "tcs", "tds") or name[0].isupper() else f"fee:{name}"
        changed[head] = changed.get(head, 0) + paise
    return changed


# --- the published row


def published_order() -> tuple[Any, Any]:
    known = [
        Placed("L1", "2022-11-20T09:00:00Z", "JUTE-BAG-01", 1, 109_900, None, "2022-11-20T09:00:00Z", None),
        Resolved("L1", "JUTE-BAG-01", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None),
        Step("shipped", "2022-11-22T09:00:00Z"),
        Step("delivered", "2022-11-27T09:00:00Z"),
    ]
    found = order.read(known)
    return found, found.lines[0]


def test_v1_a_real_row_differs_in_its_income_tax_alone() -> None:
    """Its TDS is 0.3 % where the general rate was 1 %. Its TCS, 9.31, is a paisa less than its two halves, 9.32."""
    [line] = flipkart_settlement.read(flipkart(sold()), "demo").lines
    # The zone of a sale is not kept with an order: a card for every zone.
    everywhere = RateCard(item | {"zone": ""} for _, item in rows("v01"))
    found = expected("flipkart", *published_order(), [line], everywhere)
    assert found
    tds = one(differences(found, [line], ALLOWED))
    assert (tds.head, tds.expected_paise, tds.settled_paise, tds.difference_paise) == ("tds", -931, -279, 652)
    assert tds.rate_row == "tds"
    assert tds.sentence == (
        "tds: 9.31 expected by row tds (1 % of 931.36), 2.79 taken (settlement AXISN00000000001 row 4): 6.52 too little"
    )
    assert tds.item()["rows"] == [{"settlement_id": "AXISN00000000001", "row": 4}]
    certificate = RateCard(item | {"zone": "", "seller_id": ""} for _, item in rows("v01") if item["row_id"] != "tds")
    assert not differences(expected("flipkart", *published_order(), [line], certificate), [line], ALLOWED)  # type: ignore[arg-type]


# --- fees


def test_a_line_that_was_settled_as_the_card_says_differs_in_nothing() -> None:
    assert compared(order_of(), settled(usual())) == ()


def test_a_commission_of_another_slab_is_told_with_its_row_and_amount() -> None:
    """12 % were taken where the card has 10 %, and the GST on it too."""
    found = compared(order_of(), settled(more(usual(), commission=-800, gst_on_fees=-144)))
    assert amounts(found) == {"fee:commission": -800, "gst_on_fees": -144}
    assert found[0].sentence == (
        "commission: 40.00 expected by row commission (10 % of 400.00), 48.00 taken (settlement NEFT1 row 14):"
        " 8.00 too much"
    )
    assert found[0].source == "a card with every behaviour"


def test_a_fee_that_no_row_explains_is_a_difference_from_the_first_paisa() -> None:
    fee = one(compared(order_of(), settled(more(usual(), shopsy_marketing_fee=-1))))
    assert (fee.head, fee.rate_row, fee.difference_paise) == ("fee:shopsy_marketing_fee", None, -1)
    assert fee.sentence == (
        "shopsy_marketing_fee: nothing expected, 0.01 taken (settlement NEFT1 row 14): 0.01 too much"
    )


def test_a_fee_that_was_not_taken_is_told_too() -> None:
    fee = one(compared(order_of(), settled(more(usual(), fixed_fee=1_500))))
    assert fee.sentence == "fixed_fee: 15.00 expected by row fixed-low (15.00), nothing taken: 15.00 too little"


@pytest.mark.parametrize("head", ["adjustment", "other:Order: goodwill"])
def test_money_that_nobody_expected_is_a_difference(head: str) -> None:
    assert amounts(compared(order_of(), settled(usual() | {head: -1_200}))) == {head: -1_200}
    found = one(compared(order_of(), settled(usual() | {head: 1_200})))
    assert found.sentence == f"{head}: nothing expected, 12.00 paid (settlement NEFT1 row 14): 12.00 too much"


def test_what_is_kept_back_or_sent_on_is_no_difference() -> None:
    assert compared(order_of(), settled(usual() | {"reserve": -10_000, "transfer": -5_000})) == ()


def test_a_price_that_was_not_paid_whole_is_told() -> None:
    price = one(compared(order_of(), settled(usual() | {"offer": -5_000})))
    assert price.sentence == (
        "price: 400.00 expected (1 of 1 at 400.00), 350.00 paid (settlement NEFT1 row 14): 50.00 too little"
    )


def test_shipping_that_the_buyer_paid_is_part_of_what_fees_and_taxes_are_taken_of() -> None:
    found = expected("mela", *order_of(), [settled({"sale": 40_000, "shipping_paid_by_buyer": 5_000})], TERMS)
    assert found
    assert found.breakdown.value_paise == 45_000
    assert found.breakdown.fees["commission"].paise == 4_500
    free = [settled(usual() | {"shipping_paid_by_buyer": 4_000, "offer": -4_000})]
    assert compared(order_of(), *free) == (), "stated and taken back: it was free"


# --- returns


def test_a_refund_that_is_still_to_come_is_no_difference() -> None:
    assert compared(order_of(source="customer", back=1), settled(usual())) == ()


def returned(source: str, **kept: int) -> tuple[Difference, ...]:
    """The sale was settled, and then its return: everything goes back but the fees that are kept."""
    back = {head: -paise for head, paise in usual().items() if head != "sale"} | {"refund": -40_000}
    heads = more(back, **{code: -paise for code, paise in kept.items() if code != "gst"})
    heads["gst_on_fees"] -= kept.get("gst", 0)
    later = settled(heads, "k2", settlement_id="NEFT2", row=3)
    # The card's row for what is sent back is for a zone that no order states yet.
    everywhere = RateCard(item | {"zone": ""} for _, item in rows("terms"))
    return compared(order_of(source=source, back=1), settled(usual()), later, rates=everywhere)


def test_case_03_a_return_by_the_courier_costs_neither_commission_nor_fixed_fee() -> None:
    assert returned("courier", reverse_shipping_fee=6_500, gst=1_170) == ()
    wrong = returned("courier", reverse_shipping_fee=6_500, fixed_fee=1_500, gst=1_170 + 270)
    assert amounts(wrong) == {"fee:fixed_fee": -1_500, "gst_on_fees": -270}
    assert wrong[0].sentence == ("fixed_fee: nothing expected, 15.00 taken (settlement NEFT1 row 14): 15.00 too much")


def test_case_04_the_fixed_fee_stays_on_a_return_by_the_customer() -> None:
    assert returned("customer", reverse_shipping_fee=6_500, fixed_fee=1_500, gst=1_440) == ()
    assert amounts(returned("customer", reverse_shipping_fee=6_500, fixed_fee=1_500, commission=4_000, gst=2_160)) == {
        "fee:commission": -4_000,
        "gst_on_fees": -720,
    }


def test_a_part_of_a_line_that_came_back_is_compared_with_what_was_kept() -> None:
    of = order_of(quantity=3, source="customer", back=1)
    rates = RateCard(item | {"zone": ""} for _, item in rows("terms"))
    sale = settled(usual(quantity=3))
    assert compared(of, sale, rates=rates) == (), "the refund is still to come"
    more_came = order_of(quantity=3, source="customer", back=2)
    for back in (of, more_came):
        one_refunded = expected("mela", *back, [sale, settled({"refund": -40_000}, "k2")], rates)
        assert one_refunded
        assert one_refunded.breakdown.sale.customer_returned == 1, "a second refund is still to come"
    two = expected("mela", *of, [sale, settled({"refund": -40_000}, "k2")], rates)
    assert two
    assert (two.breakdown.sale.kept, two.breakdown.sale.customer_returned) == (2, 1)


def test_a_refund_for_goods_that_nobody_sent_back_is_told() -> None:
    assert amounts(compared(order_of(), settled(usual()), settled({"refund": -40_000}, "k2"))) == {"price": -40_000}


def test_case_31_a_free_replacement_pays_fees_by_the_card_and_no_price() -> None:
    of = order_of(price=0, replacement=True)
    by_card = {"fee:fixed_fee": -1_500, "fee:pick_and_pack_fee": -700, "gst_on_fees": -396}
    assert compared(of, settled(by_card)) == ()
    assert amounts(compared(of, settled(more(by_card, commission=-4_000)))) == {"fee:commission": -4_000}


REFUNDED = {head: -paise for head, paise in usual().items() if head != "sale"} | {"refund": -40_000}


def test_case_32_a_lost_parcel_that_is_paid_below_its_price_is_told() -> None:
    taken_back = [settled(usual()), settled(REFUNDED, "k2")]
    lost = one(compared(order_of(lost=True), *taken_back, settled({"reimbursement": 25_000}, "k3", row=20)))
    assert (lost.head, lost.expected_paise, lost.settled_paise) == ("lost_parcel", 40_000, 25_000)
    assert lost.sentence == (
        "lost_parcel: 400.00 expected (the price of what was lost), 250.00 paid (settlement NEFT1 row 20):"
        " 150.00 too little"
    )
    assert compared(order_of(lost=True), *taken_back, settled({"protection_fund": 40_000}, "k3")) == ()
    assert amounts(compared(order_of(lost=True), *taken_back)) == {"lost_parcel": -40_000}, "nothing was paid yet"
    assert amounts(compared(order_of(lost=True), settled({"reimbursement": 25_000}))) == {"lost_parcel": -15_000}
    assert compared(order_of(lost=True), settled(usual())) == (), "it was settled as if it had arrived"


def test_of_a_line_of_which_some_are_lost_the_others_are_compared_by_the_card() -> None:
    """Of three one came back by the courier and two never will; the settlement took back the price of two so far."""
    of = order_of(quantity=3, source="courier", back=1, lost=True)
    rates = RateCard(item | {"zone": ""} for _, item in rows("terms"))
    sale = settled({"sale": 120_000, "shipping_paid_by_buyer": 3_000})
    two = expected("mela", *of, [sale, settled({"refund": -82_000}, "k2")], rates)
    assert two
    assert (two.breakdown.value_paise, two.lost_paise) == (41_000, 41_000)
    assert two.breakdown.fees["reverse_shipping_fee"].paise == 6_500
    every = expected("mela", *of, [sale, settled({"refund": -123_000}, "k2")], rates)
    assert every
    assert (every.breakdown.value_paise, every.lost_paise) == (0, 82_000)
    assert every.breakdown.fees_paise == 6_500


def test_case_01_units_that_were_cancelled_are_neither_paid_nor_charged() -> None:
    of = order_of(quantity=3, cancelled=1)
    assert compared(of, settled(usual(quantity=2))) == ()
    with_shipping = expected("mela", *of, [settled({"sale": 80_000, "shipping_paid_by_buyer": 3_333})], TERMS)
    assert with_shipping
    assert with_shipping.breakdown.value_paise == 83_333


def test_case_02_a_fee_for_a_cancellation_that_the_card_has_at_nothing_is_told() -> None:
    of = order_of(cancelled=1)
    assert compared(of) == ()
    assert amounts(compared(of, settled({"fee:product_cancellation_fee": -3_000}))) == {
        "fee:product_cancellation_fee": -3_000
    }


STATE = card("terms", state=("tcs", "tds"))


@pytest.mark.parametrize(("shipped", "row"), [("2024-07-09", "tcs-2018"), ("2024-07-10", "tcs-2024")])
def test_case_20_the_day_of_dispatch_decides_the_tcs(shipped: str, row: str) -> None:
    at = "2024-07-08T09:00:00Z"
    known = [
        Placed("L1", at, "STOLE", 1, 40_000, None, at, None),
        Resolved("L1", "KLU-STOLE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None),
        Step("shipped", f"{shipped}T09:00:00Z"),
    ]
    found = order.read(known)
    due = expected("mela", found, found.lines[0], [settled(usual())], STATE)
    assert due
    assert due.breakdown.levies["tcs"].row.row_id == row


def test_case_20_the_earlier_of_credit_and_payment_decides_the_tds_whatever_their_clocks() -> None:
    credited, paid = "2024-09-30T23:30:00+05:30", "2024-09-30T20:00:00Z"
    assert paid < credited, "as texts; in India the payment is of the first of October"
    line = settled(usual(), posted_at=credited, paid_at=paid)
    due = expected("mela", *order_of(), [line], STATE)
    assert due
    assert due.breakdown.levies["tds"].row.row_id == "tds-2021"


# --- later money


def test_case_13_a_weight_dispute_is_over_when_the_marketplace_paid_it_back() -> None:
    heavy = settled(more(usual(), shipping_fee=-2_000, gst_on_fees=-360))
    found = expected("mela", *order_of(), [heavy], TERMS)
    assert found
    dispute = differences(found, [heavy], ALLOWED)
    assert amounts(dispute) == {"fee:shipping_fee": -2_000, "gst_on_fees": -360}
    for paid, over in ((2_359, False), (2_360, True), (5_000, True)):
        lines = [heavy, settled({"protection_fund": paid}, "k2", settlement_id="NEFT9")]
        assert differences(found, lines, ALLOWED) == dispute, "compensation is told apart, and is no difference"
        assert compensation(found, lines) == paid
        assert made_good(dispute, paid) is over
    assert not made_good(compared(order_of(), settled(more(usual(), fixed_fee=500))), 0), (
        "too much is no less a difference"
    )
    # Or the fee itself is given back.
    assert compared(order_of(), heavy, settled({"fee:shipping_fee": 2_000, "gst_on_fees": 360}, "k2")) == ()


def test_a_compensation_that_is_taken_back_twice_is_a_difference() -> None:
    lines = [settled({"reimbursement": 1_000}, "k2"), settled({"reimbursement": -1_500}, "k3")]
    assert amounts(compared(order_of(), settled(usual()), *lines)) == {"compensation": -500}


def test_case_11_two_settlements_of_one_item_are_summed_and_the_same_row_counts_once() -> None:
    whole = usual()
    sale = settled({head: paise for head, paise in whole.items() if head != "fee:commission"})
    late = settled({"fee:commission": whole["fee:commission"]}, "k2", settlement_id="NEFT2", row=7)
    assert amounts(compared(order_of(), sale)) == {"fee:commission": 4_000}
    assert compared(order_of(), sale, late) == ()
    assert compared(order_of(), sale, late, late, sale) == ()


# --- nothing to compare


def test_before_the_sale_is_settled_nothing_differs() -> None:
    assert compared(order_of()) == ()
    assert compared(order_of(), settled({"fee:commission": -4_000})) == ()
    assert compared(order_of(), settled({"reimbursement": 100})) == ()


def test_a_line_without_price_or_product_is_not_compared() -> None:
    known = [Placed("L1", PAID, "STOLE", 1, None, "two prices", "2024-06-01T09:00:00Z", None)]
    found = order.read(known)
    assert expected("mela", found, found.lines[0], [settled(usual())], TERMS) is None


def test_a_gap_of_the_card_is_an_error_and_no_zero() -> None:
    with pytest.raises(RateGap):
        expected("mela", *order_of(source="customer", back=1), [settled(usual()), settled(REFUNDED, "k2")], TERMS)


# --- tolerances


@pytest.mark.parametrize(
    ("head", "quantity", "most"),
    [
        ("sale", 1, 0), ("fee:commission", 1, 0), ("fee:commission", 3, 0), ("gst_on_fees", 1, 4),
        ("tcs", 1, 1), ("tcs", 3, 3), ("tds", 1, 1), ("tds", 3, 3), ("fee:unknown", 3, 0), ("adjustment", 1, 0),
    ],
)  # fmt: skip
def test_a_head_may_differ_by_so_many_paise_and_not_by_one_more(head: str, quantity: int, most: int) -> None:
    whole = usual(quantity=quantity)
    for sign in (1, -1):
        for paise in {1, most} if most else ():
            changed = whole | {head: whole.get(head, 0) + sign * paise}
            assert compared(order_of(quantity=quantity), settled(changed)) == ()
        over = whole | {head: whole.get(head, 0) + sign * (most + 1)}
        name = "price" if head == "sale" else head
        assert amounts(compared(order_of(quantity=quantity), settled(over))) == {name: sign * (most + 1)}


def test_a_row_that_comes_twice_does_not_widen_what_is_allowed() -> None:
    over = settled(more(usual(), gst_on_fees=-5))
    assert amounts(compared(order_of(), over, over)) == {"gst_on_fees": -5}


def test_fees_that_are_summed_may_differ_by_a_paisa_for_each_fee_of_the_card() -> None:
    whole = usual()
    fees = sum(paise for head, paise in whole.items() if head.startswith("fee:"))
    summed = {head: paise for head, paise in whole.items() if not head.startswith("fee:")}
    for paise, told in ((4, {}), (5, {"fees": -5, "gst_on_fees": -5})):
        line = settled(more(summed, selling_fees=fees - paise, gst_on_fees=-paise))
        assert amounts(compared(order_of(), line)) == told


def test_a_part_of_what_is_expected_can_be_allowed_and_nothing_of_what_is_not() -> None:
    loose = {**ALLOWED, "fee": Tolerance(1, "line", 10_000, "a paisa and 1 %")}
    found = expected("mela", *order_of(), [settled(usual())], TERMS)
    assert found
    for by, told in ((41, {}), (42, {"fee:commission": 42})):
        assert amounts(differences(found, [settled(more(usual(), commission=by))], loose)) == told
    assert amounts(differences(found, [settled(more(usual(), late_fee=-1))], loose)) == {"fee:late_fee": -1}


def test_the_largest_difference_stands_first() -> None:
    found = compared(order_of(), settled(more(usual(), commission=-100, fixed_fee=200, late_fee=-100)))
    assert [entry.head for entry in found] == ["fee:fixed_fee", "fee:commission", "fee:late_fee"]


def test_every_tolerance_has_a_reason_and_a_known_measure() -> None:
    heads = {"price", "fee", "fees", "gst_on_fees", "tcs", "tds", "lost_parcel", "unexpected"}
    assert set(ALLOWED) == heads
    for allowed in ALLOWED.values():
        assert allowed.reason
        assert allowed.allows(0, 0, units=0, fees=0)


# --- names of fees


def test_every_fee_of_our_cards_has_the_name_that_a_reader_gives_it() -> None:
    known = {
        "flipkart": {head.removeprefix("fee:") for head in flipkart_settlement._FEES.values()},
        "amazon": set(amazon_settlement._FEES.values()),
    }
    demo = read("rates.csv", (FOLDER.parents[1] / "local/demo/rates.csv").read_bytes())
    for _, item in [*demo, *(row for name in CARDS for row in published(name))]:
        if item["scope"] in known:
            assert item["code"] in known[item["scope"]], item["row_id"]


AMAZON = RateCard(
    item
    for _, item in read(
        "amazon.csv",
        b"row_id,scope,code,from,basis,value,source\n"
        b"referral,amazon,commission,2026-01-01,ppm_of_price,85000,card\n"
        b"closing,amazon,closing_fee,2026-01-01,fixed_per_line,6100,card\n"
        b"technology,amazon,technology_fee,2026-01-01,fixed_per_line,0,card\n"
        b"weight,amazon,easy_ship,2026-01-01,fixed_per_line,14400,card\n"
        b"gst,government,output_gst,2026-01-01,ppm_of_taxable,50000,law\n"
        b"fees,government,gst_on_fees,2026-01-01,ppm_of_fees,180000,law\n"
        b"tcs,government,tcs,2026-01-01,ppm_of_taxable,5000,law\n"
        b"tds,government,tds,2026-01-01,ppm_of_taxable,1000,law\n",
    )
)


def amazon_order() -> tuple[Any, Any]:
    at = "2026-10-28T09:00:00Z"
    known = [
        Placed("L1", at, "DHOKRA-HORSE", 1, 125_000, None, at, None),
        Resolved("L1", "DHOKRA-HORSE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "8306", None),
        Step("delivered", "2026-11-01T09:00:00Z"),
    ]
    found = order.read(known)
    return found, found.lines[0]


def test_a_report_that_sums_the_fees_is_compared_by_their_sum() -> None:
    lines = amazon_settlement.read(date_range(range_row()), "demo").lines
    found = expected("amazon", *amazon_order(), lines, AMAZON)
    assert found
    # Selling fees 197.36 and other fees 169.92 with their GST are 167.25 and 144.00, and the GST on both.
    assert differences(found, lines, ALLOWED) == ()
    dearer = amazon_settlement.read(
        date_range(range_row(**{"selling fees": "-209.16", "total": "863.78"})), "demo"
    ).lines
    by_sum = differences(found, dearer, ALLOWED)
    assert amounts(by_sum) == {"fees": -1_000, "gst_on_fees": -180}
    assert by_sum[0].rate_row == "closing, referral, weight"
    assert by_sum[0].sentence == (
        "fees: 311.25 expected by row closing, referral, weight (all fees), 321.25 taken"
        f" (settlement 99900002 row {dearer[0].row}): 10.00 too much"
    )


def test_a_report_that_names_the_fees_is_compared_fee_by_fee() -> None:
    lines = amazon_settlement.read(flat_file(*SALE_ROWS, total="896.51"), "demo").lines
    found = expected("amazon", *amazon_order(), lines, AMAZON)
    assert found
    # The file's rows are made up: a technology fee of 5.00, and GST on two of four fees alone.
    assert amounts(differences(found, lines, ALLOWED)) == {"gst_on_fees": 5_603 - 3_010, "fee:technology_fee": -500}
