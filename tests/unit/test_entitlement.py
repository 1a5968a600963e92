"""Who gets what of a delivered line, on each basis."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from hunar.domain.entitlement import NOTHING, TermsMissing, due, entitlement, facts_of
from hunar.domain.facts import Resolved
from hunar.domain.order import Line
from hunar.domain.rate_card import RateCard, RateGap, row_from_csv
from hunar.domain.resolution import Resolution
from hunar.domain.settled import LineFacts, Tax, target
from tests.book import Row, resolved

HEAD = "row_id,scope,code,from,to,basis,value,hsn,price_from,price_to,source,note\n"
RATES = """
commission,flipkart,commission,2026-01-01,,ppm_of_price,100000,,,,card,
shipping,flipkart,shipping_fee,2026-01-01,,fixed_per_line,5000,,,,card,
packing,flipkart,pick_and_pack_fee,2026-01-01,,fixed_per_unit,1000,,,,card,
gst,government,output_gst,2026-01-01,,ppm_of_taxable,50000,,,,law,
gst-fees,government,gst_on_fees,2026-01-01,,ppm_of_fees,180000,,,,law,
tcs,government,tcs,2026-01-01,,ppm_of_taxable,5000,,,,law,
tds,government,tds,2026-01-01,,ppm_of_taxable,1000,,,,law,
"""
SHARED = {"agency_fee": 50_000, "fund_ppm": 0}
"""5 % of the net for the agency; the group has the credits with the sale."""
TERMS = Resolved("L1", "KOL-JUTE-TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None)
LINE = Line(
    line_id="L1",
    listing="KOL-JUTE-TOTE",
    quantity=2,
    cancelled=0,
    unit_price_paise=105000,
    price_problem=None,
    sold_at="2026-11-20T10:00:00Z",
    ship_by=None,
    resolved=TERMS,
    state="DELIVERED",
    delivered_at="2026-11-24T10:00:00Z",
    revision="r1",
)


def card(**changed: str) -> RateCard:
    """The rates above, with the value of some rows changed (``row-id=value``, dashes as underscores)."""
    records = list(csv.DictReader(io.StringIO(HEAD + RATES.strip())))
    for record in records:
        record["value"] = changed.get(record["row_id"].replace("-", "_"), record["value"])
    return RateCard(row_from_csv(record) for record in records)


def terms(**clauses: Any) -> Resolution:
    return resolved(**SHARED | clauses)


def balances(line: Line, rates: RateCard, **clauses: Any) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (account, _), paise in entitlement("flipkart", line, rates, terms(**clauses)).amounts.items():
        totals[account] = totals.get(account, 0) + paise
    assert sum(totals.values()) == 0
    return {account.removeprefix("expected:"): paise for account, paise in totals.items() if paise}


def test_a_sale_share_is_the_value_less_fees_less_the_agencys_fee() -> None:
    # Two at 1,050: value 2,000, fees 210 + 50 + 20 = 280, net 1,720, agency 5 % of it.
    assert balances(LINE, card()) == {
        "marketplace_receivable:flipkart": 210000 - 28000 - 5040 - 1000 - 200,
        "fee:commission": 21000,
        "fee:shipping_fee": 5000,
        "fee:pick_and_pack_fee": 2000,
        "fees_recovered": -28000,
        "gst_input_fees": 5040,
        "tcs_receivable": 1000,
        "tds_receivable": 200,
        "output_gst": -10000,
        "agency_fee": -8600,
        "group:G03": -(172000 - 8600),
    }


@pytest.mark.parametrize("basis", ["FIXED_PER_PIECE", "BOUGHT_OUTRIGHT"])
def test_a_piece_price_is_the_groups_whatever_the_sale_brings_and_the_agency_keeps_the_rest(basis: str) -> None:
    line = replace(LINE, resolved=replace(TERMS, payout_basis=basis, piece_price_paise=60000))
    amounts = balances(line, card(), payout_basis=basis)
    assert amounts["group:G03"] == -120000
    assert amounts["agency_margin"] == -(200000 - 28000 - 120000)
    assert amounts["fees_recovered"] == -28000
    assert "agency_fee" not in amounts


def test_goods_that_were_paid_at_purchase_bring_the_group_nothing_more() -> None:
    line = replace(LINE, resolved=replace(TERMS, payout_basis="BOUGHT_OUTRIGHT", piece_price_paise=60000))
    amounts = balances(line, card(), payout_basis="BOUGHT_OUTRIGHT", paid_on="purchase")
    assert "group:G03" not in amounts
    assert amounts["agency_margin"] == -(200000 - 28000)


@pytest.mark.parametrize(
    ("clauses", "agency_fee"),
    [
        ({"agency_fee": 80_000}, 13_760),
        ({"agency_fee_basis": "ppm_of_taxable", "agency_fee": 60_000}, 12_000),
        ({"agency_fee_basis": "fixed_per_unit", "agency_fee": 1_250}, 2_500),
        ({"agency_fee": 0}, 0),
    ],
)
def test_the_agencys_fee_is_what_the_group_resolved(clauses: dict[str, Any], agency_fee: int) -> None:
    amounts = balances(LINE, card(), **clauses)
    assert amounts.get("agency_fee", 0) == -agency_fee
    assert amounts["group:G03"] == -(172000 - agency_fee)


def test_what_the_group_puts_aside_stands_apart() -> None:
    amounts = balances(LINE, card(), fund_ppm=100_000)
    assert amounts["group_fund:G03"] == -16_340
    assert amounts["group:G03"] == -(172000 - 8600 - 16_340)


def test_a_settlement_that_keeps_to_the_card_brings_what_was_expected() -> None:
    clauses = {"agency_fee": 85_000, "fund_ppm": 50_000, "itc": "AGENCY", "tcs": "GROUP_LATER", "tds": "GROUP_NOW"}
    expected = balances(LINE, card(), **clauses)
    heads = {"sale": 210000, "fee:commission": -21000, "fee:shipping_fee": -5000, "fee:pick_and_pack_fee": -2000}
    heads |= {"gst_on_fees": -5040, "tcs": -1000, "tds": -200}
    facts = LineFacts("flipkart:demo:S", "L1", "flipkart", "G03", 2, 0, 0, 105000, None, ("delivered",))
    brought: dict[str, int] = {}
    for (account, _), paise in target(facts, [Row("k", heads)], terms(**clauses), Tax("gst", 50_000)).items():
        name = account.replace("group_held", "group")
        brought[name] = brought.get(name, 0) + paise
    assert {account: paise for account, paise in brought.items() if paise} == expected


def test_the_state_withholds_but_a_group_that_has_the_credits_with_the_sale_loses_nothing_by_it() -> None:
    taxed, untaxed = balances(LINE, card()), balances(LINE, card(gst_fees="0", tcs="0", tds="0"))
    assert taxed["group:G03"] == untaxed["group:G03"]
    assert taxed["marketplace_receivable:flipkart"] == untaxed["marketplace_receivable:flipkart"] - 6240


def test_a_group_that_owns_the_credits_waits_for_them_on_an_account_of_their_own() -> None:
    amounts = balances(LINE, card(), itc="GROUP_LATER", tcs="GROUP_LATER", tds="GROUP_LATER")
    assert amounts["group_credits:G03"] == -6240
    assert amounts["group:G03"] == -(172000 - 8600 - 6240)


def test_fees_above_the_value_are_a_debt_of_the_group_and_the_agency_takes_no_fee_of_a_loss() -> None:
    amounts = balances(replace(LINE, quantity=1, unit_price_paise=2100), card())
    assert amounts["fee:commission"] + amounts["fee:shipping_fee"] + amounts["fee:pick_and_pack_fee"] == 6210
    assert amounts["group:G03"] == 4210
    assert "agency_fee" not in amounts


def test_cancelled_units_bring_nothing_and_a_fee_of_the_line_stays() -> None:
    amounts = balances(replace(LINE, cancelled=1), card())
    assert amounts["fee:pick_and_pack_fee"] == 1000
    assert amounts["fee:shipping_fee"] == 5000
    assert amounts["output_gst"] == -5000


def test_a_fee_by_unit_is_rounded_for_each_unit_and_a_fee_by_line_once() -> None:
    line = replace(LINE, quantity=3, unit_price_paise=3333)
    by_line, by_unit = (
        RateCard(
            row_from_csv(record | {"basis": basis} if record["row_id"] == "commission" else record)
            for record in csv.DictReader(io.StringIO(HEAD + RATES.strip()))
        )
        for basis in ("ppm_of_price", "ppm_of_unit_price")
    )
    assert balances(line, by_line)["fee:commission"] == 1000
    assert balances(line, by_unit)["fee:commission"] == 999


def test_every_posting_names_the_row_that_decided_it() -> None:
    amounts = entitlement("flipkart", LINE, card(), terms()).amounts
    rows: dict[str, set[str]] = {}
    for account, row in amounts:
        rows.setdefault(account.removeprefix("expected:"), set()).add(row)
    assert rows == {
        "marketplace_receivable:flipkart": {"gst", "commission", "shipping", "packing", "gst-fees", "tcs", "tds"},
        "fee:commission": {"commission"},
        "fee:shipping_fee": {"shipping"},
        "fee:pick_and_pack_fee": {"packing"},
        "fees_recovered": {"commission", "shipping", "packing"},
        "gst_input_fees": {"gst-fees"},
        "tcs_receivable": {"tcs"},
        "tds_receivable": {"tds"},
        "output_gst": {"gst"},
        "agency_fee": {"resolution:G03:1:agency_fee"},
        "group:G03": {"gst", "commission", "shipping", "packing", "resolution:G03:1:agency_fee"},
    }


def test_the_rows_that_were_asked_are_kept_even_when_they_move_nothing() -> None:
    assert {row.row_id for row in entitlement("flipkart", LINE, card(commission="0"), terms()).rows} == {
        "commission", "shipping", "packing", "gst", "gst-fees", "tcs", "tds",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        None,
        replace(LINE, delivered_at=None, state="SHIPPED"),
        replace(LINE, unit_price_paise=None, price_problem="two prices"),
        replace(LINE, resolved=None),
        replace(LINE, cancelled=2),
    ],
    ids=["no line", "on its way", "no clear price", "nobody's product", "cancelled"],
)
def test_nothing_is_due_for(line: Line | None) -> None:
    assert not due(line)
    assert entitlement("flipkart", line, RateCard([]), terms()) == NOTHING
    assert facts_of(line) is None


def test_a_free_replacement_still_costs_its_fees() -> None:
    amounts = balances(replace(LINE, unit_price_paise=0), card())
    assert amounts["marketplace_receivable:flipkart"] == -(7000 + 1260)
    assert amounts["group:G03"] == 7000


@pytest.mark.parametrize("basis", ["FIXED_PER_PIECE", "BOUGHT_OUTRIGHT"])
def test_a_piece_basis_without_a_piece_price_is_no_zero(basis: str) -> None:
    with pytest.raises(TermsMissing, match="without a piece price"):
        entitlement("flipkart", LINE, card(), terms(payout_basis=basis))


def test_a_marketplace_without_a_card_is_no_free_marketplace() -> None:
    with pytest.raises(RateGap, match="no rate card of amazon"):
        entitlement("amazon", LINE, card(), terms())


def test_a_sale_before_the_card_is_a_gap() -> None:
    with pytest.raises(RateGap, match="2025-12-31"):
        entitlement("flipkart", replace(LINE, sold_at="2025-12-31T10:00:00Z"), card(), terms())
