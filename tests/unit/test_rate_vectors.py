"""The published worked examples V1 to V15, exact, and the published errors E1 to E3, shown to be wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hunar.domain.fees import Breakdown, breakdown, fees
from hunar.domain.fees_explained import explain
from hunar.domain.money import share
from hunar.domain.rate_card import TCS, TDS, Dates, RateCard, Traits
from hunar.domain.rate_row import GST_ON_FEES, OUTPUT_GST
from hunar.rate_cards import published
from tests.priced import card, rows, sale


def paid(found: Breakdown) -> dict[str, int]:
    return {code: charge.paise for code, charge in (found.fees | found.levies).items()}


def test_v1_a_real_flipkart_settlement_row() -> None:
    sold = sale(
        "flipkart",
        109900,
        traits=Traits("6214", weight_grams=500, zone="national", seller_id="CERT1"),
        intra_state=False,
    )
    found = breakdown(sold, card("v01"), Dates("2022-11-20", "2022-11-22", "2022-11-27", "2022-12-07"))
    assert paid(found) == {
        "commission": 2198,
        "fixed_fee": 5000,
        "collection_fee": 2198,
        "pick_and_pack_fee": 1400,
        "shipping_fee": 5800,
        OUTPUT_GST: 109900 - 93136,
        GST_ON_FEES: 2987,
        TCS: 931,
        TDS: 279,
    }
    assert found.fees_paise == 16596
    assert found.taxable_paise == 93136
    assert found.bank_paise == 89107
    assert paid(found)[GST_ON_FEES] + paid(found)[TCS] == 3918
    assert found.levies[TDS].row.row_id == "tds-certificate"
    lines = explain(found)
    assert sum(line["effect_paise"] for line in lines) == 89107
    told = {line["head"]: line["how"] for line in lines}
    assert told["sale"] == "1 of 1 at 1099.00"
    assert told["commission"] == "2 % of 1099.00"
    assert told["pick_and_pack_fee"] == "14.00 for each of 1"
    assert told[GST_ON_FEES] == "18 % of 165.96"
    assert told[TDS] == "0.3 % of 931.36"


def test_v1_rounded_elsewhere_misses_the_settlement_by_a_paisa() -> None:
    sold = sale("flipkart", 109900, traits=Traits("6214", weight_grams=500, zone="national", seller_id="CERT1"))
    dates = Dates("2022-11-20", "2022-11-22", "2022-11-27", "2022-12-07")
    found = breakdown(replace(sold, intra_state=True), card("v01"), dates)
    assert found.levies[TCS].parts == (466, 466), "as CGST and SGST it is 9.32"
    by_fee = [item | {"round_at": "line"} if item["code"] == GST_ON_FEES else item for _, item in rows("v01")]
    assert breakdown(sold, RateCard(by_fee), dates).levies[GST_ON_FEES].paise == 2988


def test_v2_income_tax_of_one_per_cent_and_a_commission_of_six() -> None:
    found = breakdown(sale("example", 61000000), card("plain", "v02", state=(TDS,)), Dates.on("2022-11-20"))
    assert (found.levies[TDS].paise, found.fees_paise, found.bank_paise) == (610000, 3660000, 56730000)
    assert found.levies[TDS].row.row_id == "tds-2021"


def test_v3_tcs_is_taken_of_the_value_without_gst_and_before_the_commission() -> None:
    found = breakdown(sale("example", 105000000), card("plain", "v03", state=(TCS, TDS)), Dates.on("2018-12-03"))
    assert paid(found) == {
        "commission": 2000000, OUTPUT_GST: 5000000, GST_ON_FEES: 360000, TCS: 1000000, TDS: 0,
    }  # fmt: skip
    assert found.bank_paise == 101640000


def test_v4_tcs_of_a_month_is_taken_of_sales_less_returns() -> None:
    month = sale("example", 10000000, quantity=10, customer_returned=3)
    found = breakdown(month, card("plain", state=(TCS,)), Dates.on("2018-12-03"))
    assert (found.taxable_paise, found.levies[TCS].paise) == (70000000, 700000)


def test_v5_tcs_of_a_month_as_two_halves() -> None:
    month = sale("example", 1000000, quantity=10, customer_returned=1, intra_state=True)
    found = breakdown(month, card("plain", state=(TCS,)), Dates.on("2023-06-30"))
    assert (found.taxable_paise, found.levies[TCS].parts) == (9000000, (45000, 45000))


@pytest.mark.parametrize(("day", "cgst"), [("2024-07-09", 50000), ("2024-07-10", 25000)])
def test_v6_the_cgst_part_before_and_from_10_july_2024(day: str, cgst: int) -> None:
    sold = sale("example", 10000000, intra_state=True)
    assert breakdown(sold, card("plain", state=(TCS,)), Dates.on(day)).levies[TCS].parts == (cgst, cgst)


def test_v7_of_a_composition_seller_tcs_is_collected() -> None:
    sold = sale("example", 5000000, traits=Traits("9999", tax_status="composition"), intra_state=True)
    found = breakdown(sold, card("plain", state=(TCS,)), Dates.on("2023-11-01"))
    assert found.levies[TCS].paise == 50000
    enrolled = replace(sold, traits=Traits("9999", tax_status="unregistered"))
    assert breakdown(enrolled, card("plain", state=(TCS,)), Dates.on("2023-11-01")).levies[TCS].paise == 0


def test_v8_an_amazon_book() -> None:
    sold = sale("amazon", 45000, traits=Traits("4901", category="books"))
    assert fees(sold, card("v08"), Dates.on("2025-01-14"))["commission"].paise == 2025


def test_v9_gst_on_the_sum_of_amazon_fees_rounds_half_a_paisa_up() -> None:
    found = breakdown(sale("amazon", 125000), card("plain", "v09"), Dates.on("2025-01-14"))
    assert found.fees["commission"].paise == 10625
    assert found.fees_paise == 31125
    assert found.fees_paise + found.levies[GST_ON_FEES].paise == 36728, "367.275 exactly"


@pytest.mark.parametrize(
    ("grams", "paise"), [(1, 15750), (3000, 15750), (3001, 17190), (4000, 17190), (4001, 18630), (5000, 18630)]
)
def test_v10_each_kilogram_that_is_begun_above_three(grams: int, paise: int) -> None:
    sold = sale("flipkart", 99900, traits=Traits("6912", weight_grams=grams, zone="national"))
    assert fees(sold, card("v10"), Dates.on("2021-06-01"))["shipping_fee"].paise == paise


def test_v10_by_the_published_card() -> None:
    items = [item for _, item in published("flipkart") if item["code"] == "shipping_fee"]
    sold = sale("flipkart", 99900, traits=Traits("6912", weight_grams=5000, zone="national"))
    assert fees(sold, RateCard(items), Dates.on("2021-06-01"))["shipping_fee"].paise == 18630


def test_v11_a_fee_of_a_fee_has_a_cap() -> None:
    back = sale("amazon-ae", 64000, customer_returned=1)
    found = fees(back, card("v11"), Dates.on("2024-06-01"))
    assert "commission" not in found, "it went back"
    fee = found["refund_commission"]
    assert (fee.base_paise, share(fee.base_paise, fee.row.value), fee.paise, fee.capped) == (9600, 1920, 1500, True)
    assert list(fees(sale("amazon-ae", 64000), card("v11"), Dates.on("2024-06-01"))) == ["commission"]


@pytest.mark.parametrize(("day", "paise"), [("2024-09-08", 4037), ("2024-09-09", 598)])
def test_v12_a_t_shirt_before_and_after_a_cut(day: str, paise: int) -> None:
    sold = sale("amazon", 29900, traits=Traits("6109", category="t-shirts"))
    assert fees(sold, card("v12"), Dates.on(day))["commission"].paise == paise


def test_v13_a_credit_note_lowers_the_base_of_tds() -> None:
    found = breakdown(sale("example", 11000, refunded_paise=1000), card("plain", "v13"), Dates.on("2024-06-01"))
    assert (found.levies[TDS].base_paise, found.levies[TDS].paise) == (10000, 200)


@pytest.mark.parametrize(("marketplace", "back"), [("amazon-uk", 81), ("exact", 82)])
def test_v14_a_refund_takes_its_part_of_the_commission_by_the_ratio_that_the_row_names(
    marketplace: str, back: int
) -> None:
    charge = fees(sale(marketplace, 3275, refunded_paise=600), card("v14"), Dates.on("2024-06-01"))["commission"]
    assert (sum(charge.parts), charge.refunded_paise, charge.paise) == (450, back, 450 - back)


def test_v15_the_tax_inside_an_invoiced_price_is_the_price_less_the_value() -> None:
    found = breakdown(sale("example", 323900, intra_state=True), card("plain", "v15"), Dates.on("2024-11-06"))
    assert found.taxable_paise == 274492
    assert found.levies[OUTPUT_GST].parts == (24704, 24704)
    assert found.taxable_paise + found.levies[OUTPUT_GST].paise == 323900


def test_e1_gst_on_fees_of_255_is_not_45_09() -> None:
    found = breakdown(sale("example", 150000), card("plain", "e1"), Dates.on("2025-01-14"))
    assert found.fees_paise == 25500
    assert found.levies[GST_ON_FEES].paise == 4590 != 4509
    assert found.bank_paise == 119910 != 119991


def test_e2_the_referral_fee_of_55_is_8_25_and_a_fifth_of_it_1_65() -> None:
    charge = fees(sale("amazon-ae", 5500, customer_returned=1), card("v11"), Dates.on("2024-06-01"))
    assert charge["refund_commission"].base_paise == 825 != 165
    assert charge["refund_commission"].paise == 165


def test_e3_tcs_is_not_taken_of_the_price_less_the_commission() -> None:
    rates = card("plain", "v03", "e3", state=(TCS,))
    found = breakdown(sale("example", 200000, intra_state=False), rates, Dates.on("2018-12-03"))
    assert found.fees["commission"].paise == 20000
    assert found.levies[TCS].base_paise == 190476, "2000 less GST"
    assert found.levies[TCS].paise == 1905 != 1800
