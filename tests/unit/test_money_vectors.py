"""Published worked examples, computed from a rates.csv of their own through the real import and use case."""

from __future__ import annotations

import csv
import io

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import rate_card
from hunar.domain.facts import Fact, Placed, Resolved, Step
from hunar.domain.order import knowledge_text
from hunar.messages import ComputePayout
from hunar.ports import Put
from hunar.use_cases.compute_payout import Outcome, compute
from tests.book import POLICY

HEAD = "row_id,scope,code,from,to,basis,value,hsn,price_from,price_to,source,note\n"


def books(
    rates: str, *, price: int, sold_at: str, marketplace: str = "flipkart"
) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Paise per account for one delivered unit under these rates, and the rate rows that each account names."""
    store = MemoryStore()
    records = csv.DictReader(io.StringIO(HEAD + rates.strip()))
    rows = [(number, rate_card.row_from_csv(record)) for number, record in enumerate(records, 2)]
    assert rate_card.check(rows) == []
    store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for _, item in rows])
    policy = POLICY | {"agency_fee": 0, "fund_ppm": 0}
    store.commit([Put(tables.group("G01"), {"group_id": "G01", "policies": [policy]})])
    reference = f"{marketplace}:demo:V"
    known: list[Fact] = [
        Placed("L1", sold_at, "LISTING", 1, price, None, sold_at, None),
        Resolved("L1", "SKU", "G01", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None),
        Step("delivered", sold_at),
    ]
    item = {"order_ref": reference, "marketplace": marketplace, "knowledge": knowledge_text(known), "version": 1}
    store.commit([Put(tables.order(reference), item)])
    assert compute(store, ComputePayout(order_ref=reference, line_id="L1"), now=sold_at) is Outcome.POSTED
    (entry,) = [item for key, item in store.everything().items() if key.sk.startswith("ENTRY#")]
    totals: dict[str, int] = {}
    named: dict[str, set[str]] = {}
    for posting in entry["postings"]:
        account = posting["account"].removeprefix("expected:")
        totals[account] = totals.get(account, 0) + posting["amount_paise"]
        named.setdefault(account, set()).add(posting["rate_row"])
    assert sum(totals.values()) == 0
    return totals, named


FLIPKART_2022 = """
v1-commission,flipkart,commission,2022-11-01,2023-01-01,ppm_of_price,20000,,,,settlement of 2022-12-07,
v1-fixed,flipkart,fixed_fee,2022-11-01,2023-01-01,fixed_per_line,5000,,,,settlement of 2022-12-07,
v1-collection,flipkart,collection_fee,2022-11-01,2023-01-01,fixed_per_line,2198,,,,settlement of 2022-12-07,
v1-pick,flipkart,pick_and_pack_fee,2022-11-01,2023-01-01,fixed_per_unit,1400,,,,settlement of 2022-12-07,
v1-shipping,flipkart,shipping_fee,2022-11-01,2023-01-01,fixed_per_line,5800,,,,settlement of 2022-12-07,to 0.5 kg
v1-gst,government,output_gst,2022-11-01,2023-01-01,ppm_of_taxable,180000,,,,settlement of 2022-12-07,
v1-gst-fees,government,gst_on_fees,2022-11-01,2023-01-01,ppm_of_fees,180000,,,,settlement of 2022-12-07,
v1-tcs,government,tcs,2022-11-01,2023-01-01,ppm_of_taxable,10000,,,,settlement of 2022-12-07,
v1-tds,government,tds,2022-11-01,2023-01-01,ppm_of_taxable,3000,,,,settlement of 2022-12-07,not the general rate
"""


def test_a_real_flipkart_settlement_row_comes_out_to_the_paisa() -> None:
    amounts, rows = books(FLIPKART_2022, price=109900, sold_at="2022-11-20T10:00:00Z")
    fees = {account: paise for account, paise in amounts.items() if account.startswith("fee:")}
    assert fees == {
        "fee:commission": 2198,
        "fee:fixed_fee": 5000,
        "fee:collection_fee": 2198,
        "fee:pick_and_pack_fee": 1400,
        "fee:shipping_fee": 5800,
    }
    assert sum(fees.values()) == 16596
    assert amounts["gst_input_fees"] == 2987
    assert amounts["output_gst"] == -(109900 - 93136)
    assert amounts["tcs_receivable"] == 931
    assert amounts["tds_receivable"] == 279
    assert amounts["marketplace_receivable:flipkart"] == 89107
    assert amounts["gst_input_fees"] + amounts["tcs_receivable"] == 3918, "the report's GST + TCS credits"
    assert amounts["group:G01"] == -(93136 - 16596)
    assert rows["gst_input_fees"] == {"v1-gst-fees"}
    assert rows["fee:commission"] == {"v1-commission"}
    assert rows["tds_receivable"] == {"v1-tds"}
    assert rows["output_gst"] == {"v1-gst"}


def plain(*, commission: str, gst: int, fees_gst: int, tcs: int, tds: int, marketplace: str = "flipkart") -> str:
    return f"""
x-commission,{marketplace},commission,2015-01-01,,{commission},,,,example,
x-gst,government,output_gst,2015-01-01,,ppm_of_taxable,{gst},,,,example,
x-fees-gst,government,gst_on_fees,2015-01-01,,ppm_of_fees,{fees_gst},,,,example,
x-tcs,government,tcs,2015-01-01,,ppm_of_taxable,{tcs},,,,example,
x-tds,government,tds,2015-01-01,,ppm_of_taxable,{tds},,,,example,
"""


def test_income_tax_of_one_per_cent_and_a_commission_of_six_leave_567300_of_610000() -> None:
    rates = plain(commission="ppm_of_taxable,60000", gst=0, fees_gst=0, tcs=0, tds=10000)
    amounts, _ = books(rates, price=61000000, sold_at="2022-11-20T10:00:00Z")
    assert amounts["tds_receivable"] == 610000
    assert amounts["fee:commission"] == 3660000
    assert amounts["marketplace_receivable:flipkart"] == 56730000


def test_tcs_is_taken_of_the_value_without_tax_and_before_the_commission() -> None:
    rates = plain(commission="ppm_of_taxable,20000", gst=50000, fees_gst=180000, tcs=10000, tds=0)
    amounts, _ = books(rates, price=105000000, sold_at="2018-12-03T10:00:00Z")
    assert amounts["output_gst"] == -5000000
    assert amounts["gst_input_fees"] == 360000
    assert amounts["tcs_receivable"] == 1000000
    assert amounts["marketplace_receivable:flipkart"] == 101640000


def test_gst_on_the_sum_of_amazon_fees_rounds_half_a_paisa_up() -> None:
    rates = plain(commission="ppm_of_price,85000", gst=0, fees_gst=180000, tcs=0, tds=0, marketplace="amazon") + (
        "x-closing,amazon,closing_fee,2015-01-01,,fixed_per_line,6100,,,,example,\n"
        "x-weight,amazon,weight_handling,2015-01-01,,fixed_per_line,14400,,,,example,"
    )
    amounts, _ = books(rates, price=125000, sold_at="2025-01-14T10:00:00Z", marketplace="amazon")
    assert amounts["fee:commission"] == 10625
    assert -amounts["fees_recovered"] == 31125
    assert -amounts["fees_recovered"] + amounts["gst_input_fees"] == 36728


def test_gst_on_fees_of_255_is_45_90_and_not_the_45_09_that_was_published() -> None:
    rates = plain(commission="fixed_per_line,25500", gst=0, fees_gst=180000, tcs=0, tds=0)
    amounts, _ = books(rates, price=150000, sold_at="2025-01-14T10:00:00Z")
    assert amounts["gst_input_fees"] == 4590
    assert amounts["marketplace_receivable:flipkart"] == 119910


@pytest.mark.parametrize(
    ("price", "ppm", "fee"),
    [(45000, 45000, 2025), (29900, 20000, 598), (29900, 135000, 4037)],
    ids=["a book at 4.5 %", "a T-shirt at 2 %", "a T-shirt at 13.5 %"],
)
def test_a_published_commission_comes_out(price: int, ppm: int, fee: int) -> None:
    rates = plain(commission=f"ppm_of_price,{ppm}", gst=0, fees_gst=0, tcs=0, tds=0)
    assert books(rates, price=price, sold_at="2024-09-12T10:00:00Z")[0]["fee:commission"] == fee


def test_the_tax_inside_an_invoiced_price_is_the_price_less_the_value() -> None:
    rates = plain(commission="fixed_per_line,0", gst=180000, fees_gst=0, tcs=0, tds=0)
    amounts, _ = books(rates, price=323900, sold_at="2024-11-06T10:00:00Z")
    assert amounts["output_gst"] == -(24704 + 24704)
    assert amounts["group:G01"] == -274492


@pytest.mark.parametrize(
    ("sold_at", "cgst_and_sgst"), [("2024-07-09T18:00:00Z", 100000), ("2024-07-09T19:00:00Z", 50000)]
)
def test_tcs_was_halved_at_midnight_in_india_before_10_july_2024(sold_at: str, cgst_and_sgst: int) -> None:
    rates = plain(commission="fixed_per_line,0", gst=0, fees_gst=0, tcs=0, tds=0).replace(
        "x-tcs,government,tcs,2015-01-01,,ppm_of_taxable,0,,,,example,",
        "x-tcs-1,government,tcs,2018-10-01,2024-07-10,ppm_of_taxable,10000,,,,Notification 52/2018-CT,\n"
        "x-tcs-2,government,tcs,2024-07-10,,ppm_of_taxable,5000,,,,Notification 15/2024-CT,",
    )
    assert books(rates, price=10000000, sold_at=sold_at)[0]["tcs_receivable"] == cgst_and_sgst
