"""The nasty cases of money, by number, that are decided by rate cards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hunar.domain.fees import breakdown, fees
from hunar.domain.fees_explained import explain
from hunar.domain.rate_card import (
    TCS,
    TDS,
    Dates,
    DateUnknown,
    RateCard,
    RateGap,
    RateOverlap,
    Traits,
    Unpriced,
    check,
)
from hunar.domain.rate_row import OUTPUT_GST
from hunar.rate_cards import published
from tests.priced import card, rows, sale

NATIONAL = Traits("6214", zone="national")
THREE = sale("mela", 40000, quantity=3, traits=NATIONAL)
DAY = Dates.on("2024-06-01")
TERMS = card("terms")


def charged(**became: int) -> dict[str, int]:
    """The fees of three units at Rs 400, by what became of them."""
    return {code: charge.paise for code, charge in fees(replace(THREE, **became), TERMS, DAY).items() if charge.paise}


def test_case_01_units_cancelled_before_dispatch_shrink_the_expected_and_cost_nothing() -> None:
    assert charged() == {"commission": 12000, "fixed_fee": 1500, "collection_fee": 2400, "pick_and_pack_fee": 2100}
    assert charged(cancelled=1) == {
        "commission": 8000, "fixed_fee": 1500, "collection_fee": 1600, "pick_and_pack_fee": 1400,
    }  # fmt: skip
    assert breakdown(replace(THREE, cancelled=1), TERMS, DAY).value_paise == 80000


def test_case_01_a_line_that_is_cancelled_whole_brings_and_costs_nothing_and_needs_no_day_of_dispatch() -> None:
    items = [item for _, item in published("government")] + [
        item for _, item in rows("terms") if item["scope"] == "mela"
    ]
    found = breakdown(replace(THREE, cancelled=3), RateCard(items), Dates(order="2025-10-01", dispatch="2025-10-01"))
    assert (found.value_paise, found.bank_paise, found.fees_paise) == (0, 0, 0)
    assert TCS not in found.levies


def test_case_03_a_return_by_the_courier_costs_reverse_shipping_by_the_card_and_neither_commission_nor_fixed_fee() -> (
    None
):
    assert charged(courier_returned=3) == {"reverse_shipping_fee": 6500}
    found = breakdown(replace(THREE, courier_returned=3), TERMS, DAY)
    assert (found.value_paise, found.bank_paise) == (0, -(6500 + 1170))


def test_case_04_the_fixed_fee_stays_on_a_return_by_the_customer_and_the_commission_goes_back() -> None:
    assert charged(customer_returned=3) == {"fixed_fee": 1500, "reverse_shipping_fee": 6500}
    assert charged(customer_returned=1) == {
        "commission": 8000,
        "fixed_fee": 1500,
        "collection_fee": 1600,
        "pick_and_pack_fee": 1400,
        "reverse_shipping_fee": 6500,
    }


def test_case_04_reverse_shipping_whose_zone_nobody_knows_is_an_error_and_no_zero() -> None:
    somewhere = replace(THREE, traits=Traits("6214"), customer_returned=3)
    with pytest.raises(RateGap, match="mela reverse_shipping_fee"):
        fees(somewhere, TERMS, DAY)
    assert fees(replace(somewhere, customer_returned=0), TERMS, DAY)


@pytest.mark.parametrize(("discount", "left"), [(9999, [110001, 73334, 36667]), (10000, [110000, 73333, 36667])])
def test_case_17_a_discount_over_three_units_leaves_no_paisa_over(discount: int, left: list[int]) -> None:
    sold = replace(THREE, seller_discount_paise=discount)
    kept = [breakdown(replace(sold, customer_returned=back), TERMS, DAY).value_paise for back in (0, 1, 2)]
    assert kept == left
    assert breakdown(replace(sold, customer_returned=3), TERMS, DAY).value_paise == 0


def test_case_18_the_sellers_discount_lowers_fees_and_taxes_and_the_marketplaces_does_not() -> None:
    usual = breakdown(THREE, TERMS, DAY)
    sellers = breakdown(replace(THREE, seller_discount_paise=12000), TERMS, DAY)
    platform = breakdown(replace(THREE, platform_discount_paise=12000), TERMS, DAY)
    assert platform.bank_paise == usual.bank_paise
    assert platform.sale.buyer_paise == sellers.sale.buyer_paise == 108000
    assert sellers.fees["commission"].paise == 10800
    assert sellers.taxable_paise < usual.taxable_paise == platform.taxable_paise


@pytest.mark.parametrize(
    ("price", "discount", "ppm"),
    [(262500, 0, 50000), (262501, 0, 180000), (270000, 7500, 50000), (270000, 7499, 180000)],
)
def test_case_19_a_discount_takes_a_piece_into_the_lower_gst_slab(price: int, discount: int, ppm: int) -> None:
    items = [item for _, item in published("government")] + [
        item for _, item in rows("plain") if item["scope"] == "example"
    ]
    coat = sale("example", price, traits=Traits("6204"), seller_discount_paise=discount)
    assert breakdown(coat, RateCard(items), Dates.on("2025-10-01")).levies[OUTPUT_GST].row.value == ppm


def test_case_19_a_paisa_that_lies_on_one_piece_only_counts_for_the_slab() -> None:
    two = sale("example", 262501, quantity=2, traits=Traits("6204"), seller_discount_paise=1)
    assert two.dearest_piece == 262501
    assert replace(two, seller_discount_paise=2).dearest_piece == 262500


STATE = [item for _, item in published("government")]
EXAMPLE = [item for _, item in rows("plain") if item["scope"] == "example"]


@pytest.mark.parametrize(
    ("day", "taken_by", "code", "row_id"),
    [
        ("2024-07-09", "dispatch", TCS, "tcs-2018"),
        ("2024-07-10", "dispatch", TCS, "tcs-2024"),
        ("2024-09-30", "credit", TDS, "tds-2021"),
        ("2024-10-01", "credit", TDS, "tds-2024"),
        ("2026-03-31", "credit", TDS, "tds-2024"),
        ("2026-04-01", "credit", TDS, "tds-2026"),
        ("2025-09-21", "dispatch", OUTPUT_GST, "gst-6912-2018"),
        ("2025-09-22", "dispatch", OUTPUT_GST, "gst-6912-2025"),
    ],
)
def test_case_20_the_day_that_the_row_names_decides(day: str, taken_by: str, code: str, row_id: str) -> None:
    around = {"order": "2024-01-01", "dispatch": "2024-01-02", "delivery": "2024-01-05", "credit": "2026-06-01"}
    dates = Dates(**(around | {taken_by: day}))
    found = breakdown(sale("example", 50000, traits=Traits("6912")), RateCard(STATE + EXAMPLE), dates)
    assert found.levies[code].row.row_id == row_id


@pytest.mark.parametrize(("day", "paise"), [("2026-03-15", 10485), ("2026-03-16", 0)])
def test_case_20_amazons_referral_fee_of_16_march_2026_goes_by_the_day_of_the_order(day: str, paise: int) -> None:
    commission = [item for _, item in published("amazon") if item["code"] == "commission"]
    shirt = sale("amazon", 69900, traits=Traits("6205", category="apparel-other"))
    dates = Dates(order=day, dispatch="2026-03-20")
    assert fees(shirt, RateCard(commission), dates)["commission"].paise == paise


@pytest.mark.parametrize(
    ("at", "row_id"),
    [
        ("2026-03-31T23:59:59+05:30", "tds-2024"),
        ("2026-03-31T18:29:59Z", "tds-2024"),
        ("2026-03-31T18:30:00Z", "tds-2026"),
        ("2026-04-01T00:00:00+05:30", "tds-2026"),
    ],
)
def test_case_20_the_financial_year_ends_at_midnight_in_india(at: str, row_id: str) -> None:
    dates = Dates.of(ordered="2026-03-01T06:00:00Z", dispatched="2026-03-02T06:00:00Z", credited=at)
    found = breakdown(sale("example", 50000, traits=Traits("6912")), RateCard(STATE + EXAMPLE), dates)
    assert found.levies[TDS].row.row_id == row_id


def test_case_20_a_day_that_has_not_come_is_no_day_unless_a_preview_asks() -> None:
    pot, rates = sale("example", 50000, traits=Traits("6912")), RateCard(STATE + EXAMPLE)
    ordered = Dates(order="2026-03-31")
    with pytest.raises(DateUnknown, match="dispatch"):
        breakdown(pot, rates, ordered)
    found = breakdown(pot, rates, replace(ordered, dispatch="2026-04-01").expected())
    assert found.levies[TDS].row.row_id == "tds-2026"


def test_case_20_a_rate_of_the_month_is_that_of_its_first_day() -> None:
    by_month = [item | {"date_basis": "month"} for _, item in published("government") if item["code"] == TCS]
    chosen = RateCard(by_month).resolve("government", TCS, Traits("6912"), Dates(dispatch="2024-07-31"), 100)
    assert chosen.row_id == "tcs-2018"


def test_case_38_a_gap_names_the_rows_on_both_sides_and_an_overlap_both_rows() -> None:
    (_, one), (_, other) = rows("v12")
    gap = [(2, one | {"to": "2024-09-08"}), (3, other)]
    assert check(gap) == [
        (
            2,
            "to",
            "gap: no commission from 2024-09-08 until 2024-09-09; a fee that is not charged is a row with the value 0 "
            "(after t-shirts-before, before t-shirts)",
        )
    ]
    assert check([(2, one | {"to": "2024-09-10"}), (3, other)]) == [(3, "from", "overlaps t-shirts-before in row 2")]
    shirt = Traits("6109", category="t-shirts")
    with pytest.raises(RateGap, match="no rate: amazon commission on 2024-09-08 .* category t-shirts"):
        RateCard(item for _, item in gap).resolve("amazon", "commission", shirt, Dates.on("2024-09-08"), 29900)
    with pytest.raises(RateOverlap, match="t-shirts, t-shirts-before"):
        RateCard([one | {"to": None}, other]).resolve("amazon", "commission", shirt, Dates.on("2024-09-09"), 29900)


def mela(*changes: dict[str, object]) -> RateCard:
    """The card of every behaviour with further rows of its own commission, each changed."""
    items = [item for _, item in rows("terms")]
    commission = next(item for item in items if item["row_id"] == "commission")
    return RateCard([*items, *(commission | change for change in changes)])


def test_case_20_what_a_fee_will_be_charged_on_later_says_nothing_about_today() -> None:
    later = [item | {"to": "2024-07-01"} for _, item in rows("terms") if item["row_id"] == "reverse"]
    later += [item | {"row_id": "new", "from": "2024-07-01", "charged_on": ["sale"]} for item in later]
    later[1]["to"] = None
    rest = [item for _, item in rows("terms") if item["row_id"] != "reverse"]
    nowhere = replace(THREE, traits=Traits("6214"))
    assert "reverse_shipping_fee" not in fees(nowhere, RateCard(rest + later), DAY)
    with pytest.raises(RateGap, match="reverse_shipping_fee"):
        fees(nowhere, RateCard(rest + later), Dates.on("2024-07-01"))


def test_a_fee_that_is_not_charged_on_what_became_of_the_line_needs_no_day() -> None:
    rates = mela({"row_id": "back", "code": "back_fee", "charged_on": ["courier_return"], "date_basis": "delivery"})
    assert "back_fee" not in fees(THREE, rates, Dates(order="2024-06-01"))
    with pytest.raises(DateUnknown, match="delivery"):
        fees(replace(THREE, courier_returned=1), rates, Dates(order="2024-06-01"))


def test_a_refund_of_money_takes_back_its_part_of_a_commission_but_nothing_of_a_fee_that_stays() -> None:
    stays = {"row_id": "stays", "code": "stays_fee", "charged_on": ["sale", "customer_return"]}
    cut = {"row_id": "cut", "code": "cut_fee", "refund_ratio": "whole_percent"}
    found = fees(replace(THREE, refunded_paise=22500), mela(stays, cut), DAY)
    back = {code: charge.refunded_paise for code, charge in found.items() if charge.refunded_paise}
    assert back == {"commission": 2250, "collection_fee": 450, "cut_fee": 2160}, "18.75 % is cut to 18 %"


def test_tax_that_is_withheld_of_the_price_counts_the_gst_in_it() -> None:
    items = [item | {"basis": "ppm_of_price"} if item["code"] == TDS else item for _, item in rows("terms")]
    tds = breakdown(THREE, RateCard(items), DAY).levies[TDS]
    assert (tds.base_paise, tds.paise) == (120000, 120)


def test_a_fee_of_a_fee_of_a_fee_is_an_error_and_no_endless_question() -> None:
    part = {"basis": "ppm_of_fee", "value": 1000}
    rates = mela(
        part | {"row_id": "a", "code": "a_fee", "of_fee": "b_fee"},
        part | {"row_id": "b", "code": "b_fee", "of_fee": "a_fee"},
    )
    with pytest.raises(Unpriced, match="a is a part of b, which is a part of a fee itself"):
        fees(THREE, rates, DAY)


def test_an_odd_paisa_of_gst_is_not_lost_between_cgst_and_sgst() -> None:
    found = breakdown(sale("mela", 333, traits=NATIONAL, intra_state=True), TERMS, DAY).levies[OUTPUT_GST]
    assert (found.parts, found.base_paise + sum(found.parts)) == ((8, 8), 333)
    found = breakdown(sale("mela", 315, traits=NATIONAL, intra_state=True), TERMS, DAY).levies[OUTPUT_GST]
    assert (found.parts, found.base_paise + sum(found.parts)) == ((8, 7), 315)


def test_explained_lines_sum_to_the_bank_and_name_row_and_source() -> None:
    sold = replace(
        THREE,
        customer_returned=1,
        seller_discount_paise=3000,
        shipping_paise=4000,
        refunded_paise=5000,
    )
    found = breakdown(sold, TERMS, DAY)
    lines = explain(found)
    assert sum(line["effect_paise"] for line in lines) == found.bank_paise
    assert lines[0]["how"] == (
        "2 of 3 at 400.00, less the seller's discount of 30.00, with shipping of 40.00, less a refund of 50.00"
    )
    assert all(line["row_id"] and line["source"] for line in lines[1:])
    told = {line["head"]: line["how"] for line in lines}
    assert told["commission"] == "10 % of 806.67, of which went back 5.00"
    assert told["reverse_shipping_fee"] == "65.00"


def test_explained_fees_say_what_they_were_not_charged_for_and_how_weight_cap_and_halves_counted() -> None:
    returned = explain(breakdown(replace(THREE, customer_returned=3), TERMS, DAY))
    assert [line["row_id"] for line in returned[1:]] == ["fixed-low", "reverse", "gst-fees"]
    low = [item | {"charged_on": ["sale"]} for _, item in rows("terms") if item["row_id"] == "fixed-low"]
    others = [item for _, item in rows("terms") if item["row_id"] != "fixed-low"]
    free = explain(breakdown(replace(THREE, customer_returned=3), RateCard(low + others), DAY))
    assert (free[1]["how"], free[1]["paise"]) == ("not charged: only on sale", 0)
    parcel = sale("flipkart", 99900, traits=Traits("6912", weight_grams=5000, zone="national"))
    assert [line["how"] for line in explain(breakdown(parcel, card("plain", "v10"), DAY))[2:3]] == [
        "157.50 and 14.40 for each 1000 g begun above 3000 g"
    ]
    back = explain(breakdown(sale("amazon-ae", 64000, customer_returned=1), card("plain", "v11"), DAY))
    assert back[1]["how"] == "20 % of 96.00, at most 15.00"
    found = breakdown(sale("example", 10000000, intra_state=True), card("plain", state=(TCS,)), Dates.on("2024-07-10"))
    (tcs,) = [line for line in explain(found) if line["head"] == TCS]
    assert (tcs["how"], tcs["parts_paise"]) == ("0.5 % of 100000.00 in two halves", [25000, 25000])
    assert (tcs["from"], tcs["date_basis"], tcs["approved_by"]) == ("2024-07-10", "dispatch", None)
