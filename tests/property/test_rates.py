"""Whatever rows a card has and whatever became of a sale: one row or an error, and every paisa has its place."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain.facts import Cancelled, Fact, Placed, Resolved, Step
from hunar.domain.fees import Breakdown, Sale, breakdown, fees
from hunar.domain.fees_explained import explain
from hunar.domain.order import knowledge_text
from hunar.domain.rate_card import (
    Dates,
    RateCard,
    RateGap,
    RateOverlap,
    Row,
    Traits,
    Unpriced,
    check,
    row_from_csv,
)
from hunar.domain.rate_checks import clashes
from hunar.messages import ComputePayout
from hunar.ports import Put
from hunar.tables import Item
from hunar.use_cases.compute_payout import Outcome, compute
from hunar.use_cases.rates import explain as explain_order
from tests.book import POLICY

# ── I17 ──────────────────────────────────────────────────────────────────────────────────────────

DAYS = ("2026-01-01", "2026-02-01", "2026-03-01")
PLACES = st.fixed_dictionaries(
    {
        "from": st.sampled_from(DAYS[:2]),
        "to": st.sampled_from(("", DAYS[2])),
        "hsn": st.sampled_from(("", "62", "6214")),
        "zone": st.sampled_from(("", "local")),
        "category": st.sampled_from(("", "shawls")),
        "seller_program": st.sampled_from(("", "samarth")),
        "seller_id": st.sampled_from(("", "S1")),
        "price_gt": st.sampled_from(("", "100")),
        "price_lte": st.sampled_from(("", "200")),
        "weight_gt": st.sampled_from(("", "500")),
        "weight_lte": st.sampled_from(("", "1000")),
    }
)
ASKED = list(
    itertools.product(
        ("2025-12-31", *DAYS),
        (
            Traits(hsn, weight_grams=grams, zone=zone, category=category, seller_program=program, seller_id=seller)
            for hsn, grams, zone, category, program, seller in itertools.product(
                ("62", "6214", "42"), (None, 500, 501, 1001), ("", "local"), ("", "shawls"), ("", "samarth"), ("", "S1")
            )
        ),
        (100, 101, 201),
    )
)


def fee_rows(drawn: list[dict[str, str]]) -> list[Item]:
    fixed = {"scope": "flipkart", "code": "fee", "basis": "fixed_per_line", "value": "1", "source": "drawn"}
    return [row_from_csv(fixed | row | {"row_id": f"r{number}"}) for number, row in enumerate(drawn)]


@given(st.lists(PLACES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_i17_a_card_that_passes_has_one_row_for_each_question_or_an_error_in_whatever_order_it_stands(
    drawn: list[dict[str, str]], random: Any
) -> None:
    items = fee_rows(drawn)
    passes = not clashes(list(enumerate(items)))
    card = RateCard(items)
    shuffled = RateCard(random.sample(items, len(items)))
    rows = [Row.of(item) for item in items]
    for day, traits, price in random.sample(ASKED, 60):
        able = [row for row in rows if row.fits(traits) and row.covers(day, price, traits.weight_grams)]
        try:
            found = card.resolve("flipkart", "fee", traits, Dates.on(day), price)
        except RateOverlap:
            assert not passes
            assert len(able) > 1
        except RateGap:
            assert able == []
        else:
            assert found in able
            assert found.rank == max(row.rank for row in able)
            assert shuffled.resolve("flipkart", "fee", traits, Dates.on(day), price) == found


@given(st.lists(PLACES, min_size=1, max_size=4))
def test_i17_a_card_without_gaps_prices_every_sale_of_its_days_that_some_general_row_is_for(
    drawn: list[dict[str, str]],
) -> None:
    items = fee_rows(drawn)
    if check(list(enumerate(items))) or not any(not Row.of(item).narrowed_by for item in items):
        return
    card, first = RateCard(items), min(item["from"] for item in items)
    last = max(item["to"] or "9999" for item in items)
    for day, traits, price in ASKED[::7]:
        if traits.weight_grams is not None and first <= day < last:
            assert card.resolve("flipkart", "fee", traits, Dates.on(day), price)


# ── what became of a sale ────────────────────────────────────────────────────────────────────────

PPM = st.integers(0, 1_000_000)
PAISE = st.integers(0, 10**6)
OUTCOMES = ("sale", "cancellation", "courier_return", "customer_return")
CHARGED = st.sets(st.sampled_from(OUTCOMES), min_size=1).map(lambda names: " ".join(sorted(names)))
OF_THE_PRICE = ("ppm_of_price", "ppm_of_unit_price", "ppm_of_order_item_value", "ppm_of_taxable")
FEE = st.fixed_dictionaries({"charged_on": CHARGED, "cap": st.sampled_from(("", "0", "5000"))}).flatmap(
    lambda row: st.one_of(
        st.builds(lambda basis, ppm: row | {"basis": basis, "value": str(ppm)}, st.sampled_from(OF_THE_PRICE), PPM),
        st.builds(
            lambda basis, paise: row | {"basis": basis, "value": str(paise)},
            st.sampled_from(("fixed_per_line", "fixed_per_unit")),
            PAISE,
        ),
    )
)


@st.composite
def cards(draw: st.DrawFn) -> list[Item]:
    fees_drawn = draw(st.lists(FEE, min_size=1, max_size=4))
    rows = [row | {"scope": "mela", "code": f"fee_{number}"} for number, row in enumerate(fees_drawn)]
    rows += [
        {"scope": "government", "code": "output_gst", "basis": "ppm_of_taxable", "value": str(draw(PPM))},
        {"scope": "government", "code": "gst_on_fees", "basis": "ppm_of_fees", "value": str(draw(PPM))}
        | {"round_at": draw(st.sampled_from(("line", "sum", "half")))},
        {"scope": "government", "code": "tcs", "basis": "ppm_of_taxable", "value": str(draw(PPM))}
        | {"round_at": draw(st.sampled_from(("line", "half")))},
        {"scope": "government", "code": "tds", "basis": "ppm_of_taxable", "value": str(draw(PPM))},
    ]
    return [
        row_from_csv({"row_id": f"{row['scope']}-{row['code']}", "from": "2026-01-01", "source": "drawn"} | row)
        for row in rows
    ]


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    quantity = draw(st.integers(1, 8))
    became = [draw(st.sampled_from(OUTCOMES)) for _ in range(quantity)]
    price = draw(PAISE)
    sold = Sale(
        "mela",
        quantity,
        price,
        Traits("6214"),
        cancelled=became.count("cancellation"),
        courier_returned=became.count("courier_return"),
        customer_returned=became.count("customer_return"),
        seller_discount_paise=draw(st.integers(0, quantity * price)),
        platform_discount_paise=draw(PAISE),
        shipping_paise=draw(PAISE),
        intra_state=draw(st.sampled_from((None, True, False))),
    )
    return replace(sold, refunded_paise=draw(st.integers(0, sold.value(sold.kept))))


DAY = Dates.on("2026-05-01")


def paise(found: Breakdown) -> dict[str, int]:
    return {code: charge.paise for code, charge in (found.fees | found.levies).items()}


@given(sales(), cards())
def test_i3_the_value_is_what_is_taken_and_what_is_paid_and_no_paisa_besides(sold: Sale, items: list[Item]) -> None:
    found = breakdown(sold, RateCard(items), DAY)
    gst = found.levies.get("output_gst")
    assert found.value_paise == found.taxable_paise + (gst.paise if gst else 0)
    assert found.value_paise == found.bank_paise + sum(charge.paise for charge in found.taken)
    lines = explain(found)
    assert sum(line["effect_paise"] for line in lines) == found.bank_paise
    assert {line["row_id"] for line in lines[1:]} <= {item["row_id"] for item in items}
    for charge in found.taken:
        assert charge.paise >= 0
        assert charge.row.cap is None or charge.paise <= charge.row.cap


@given(sales(), cards())
def test_i20_every_amount_is_an_int(sold: Sale, items: list[Item]) -> None:
    found = breakdown(sold, RateCard(items), DAY)
    amounts = [found.value_paise, found.taxable_paise, found.fees_paise, found.bank_paise, sold.buyer_paise]
    for charge in (*found.fees.values(), *found.levies.values()):
        amounts += [charge.paise, charge.base_paise, charge.refunded_paise, *charge.parts]
    assert {type(amount) for amount in amounts} == {int}
    assert all(abs(amount) < 10**15 for amount in amounts)


@given(sales(), cards(), st.integers(0, 30), st.sampled_from(["value", "cap"]))
def test_i20_a_float_anywhere_in_a_card_raises(sold: Sale, items: list[Item], place: int, field: str) -> None:
    place %= len(items)
    spoilt = [item | {field: 0.5} if number == place else item for number, item in enumerate(items)]
    with pytest.raises(TypeError):
        breakdown(sold, RateCard(spoilt), DAY)


@given(sales(), cards())
def test_a_sale_of_which_everything_was_sent_back_costs_what_it_costs_at_once(sold: Sale, items: list[Item]) -> None:
    """I10: what became of the units counts, not the way there; units of different outcomes do not touch each other."""
    card = RateCard(items)
    for code, charge in fees(sold, card, DAY).items():
        if charge.row.charged_on == ("customer_return",) and charge.row.basis == "fixed_per_unit" and not charge.capped:
            assert charge.paise == charge.row.value * sold.customer_returned, code
    whole = replace(sold, cancelled=0, courier_returned=0, customer_returned=sold.quantity, refunded_paise=0)
    found = breakdown(whole, card, DAY)
    assert found.value_paise == 0
    assert all(charge.paise == 0 for charge in found.fees.values() if "customer_return" not in charge.row.charged_on)


# ── I18, I19 ─────────────────────────────────────────────────────────────────────────────────────


@given(sales(), cards(), cards(), st.integers(0, 30))
def test_i18_a_later_rate_never_changes_an_earlier_sale(
    sold: Sale, items: list[Item], later: list[Item], place: int
) -> None:
    before = breakdown(sold, RateCard(items), DAY)
    change = later[place % len(later)]
    changed = [
        item | {"to": "2026-06-01"} if (item["scope"], item["code"]) == (change["scope"], change["code"]) else item
        for item in items
    ]
    known = {(item["scope"], item["code"]) for item in items}
    if (change["scope"], change["code"]) not in known:
        return
    card = RateCard([*changed, change | {"row_id": "later", "from": "2026-06-01"}])
    after = breakdown(sold, card, DAY)
    assert paise(after) == paise(before)
    assert explain(after) == explain(before)


REF = "flipkart:demo:S-1"
NOW = "2026-11-25T06:00:00Z"
SOLD = "2026-11-20T10:00:00Z"


def resolve(store: MemoryStore, basis: str = "SALE_SHARE", **clauses: Any) -> None:
    policy = POLICY | {"payout_basis": basis} | clauses
    store.commit([Put(tables.group("G01"), {"group_id": "G01", "policies": [policy]})])


@given(cards(), st.integers(0, 30), PPM, st.integers(1, 10**6))
def test_i19_a_corrected_rate_of_the_past_moves_nothing_and_is_proposed(
    items: list[Item], place: int, value: int, price: int
) -> None:
    items = [item | {"scope": "flipkart"} if item["scope"] == "mela" else item for item in items]
    store = MemoryStore()
    store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in items])
    resolve(store)
    known: list[Fact] = [
        Placed("L1", SOLD, "LISTING", 1, price, None, SOLD, None),
        Resolved("L1", "SKU", "G01", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None),
        Step("delivered", SOLD),
    ]
    order = {"order_ref": REF, "marketplace": "flipkart", "knowledge": knowledge_text(known), "version": 1}
    store.commit([Put(tables.order(REF), order)])
    message = ComputePayout(order_ref=REF, line_id="L1")
    booked = compute(store, message, now=NOW)

    def entries() -> list[Item]:
        return [item for key, item in store.everything().items() if key.sk.startswith("ENTRY#")]

    before = entries()
    wrong = items[place % len(items)]
    store.commit([Put(tables.rate(wrong["scope"], wrong["row_id"]), wrong | {"value": value})])
    assert entries() == before
    assert compute(store, message, now=NOW) in (Outcome.PROPOSED, Outcome.UNCHANGED)
    assert booked is Outcome.POSTED
    assert entries() == before
    assert all(posting["account"].startswith("expected:") for item in before for posting in item["postings"])


@given(
    cards(),
    st.integers(1, 5),
    st.integers(0, 10**6),
    st.sampled_from(("SALE_SHARE", "FIXED_PER_PIECE", "BOUGHT_OUTRIGHT")),
    st.integers(0, 4),
)
def test_what_is_explained_of_a_line_is_what_was_booked_to_the_paisa(
    items: list[Item], units: int, price: int, basis: str, returned: int
) -> None:
    items = [item | {"scope": "flipkart"} if item["scope"] == "mela" else item for item in items]
    store = MemoryStore()
    store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in items])
    resolve(store, basis, itc="AGENCY", tcs="GROUP_LATER")
    known: list[Fact] = [
        Placed("L1", SOLD, "LISTING", units, price, None, SOLD, None),
        Resolved("L1", "SKU", "G01", "GROUP_PACKS", basis, 1, "6214", 777),
        Step("delivered", SOLD),
    ]
    if 0 < returned < units:
        known.append(Cancelled("L1", SOLD, returned, "buyer", ""))
    order = {"order_ref": REF, "marketplace": "flipkart", "knowledge": knowledge_text(known), "version": 1}
    store.commit([Put(tables.order(REF), order)])
    before = explain_order(store, REF)
    assert before and before["lines"][0]["booked"] == "not_yet"
    compute(store, ComputePayout(order_ref=REF, line_id="L1"), now=NOW)
    entries = [item for key, item in store.everything().items() if key.sk.startswith("ENTRY#")]
    after = explain_order(store, REF, "L1")
    assert after
    [line] = after["lines"]
    told = sorted(
        (posting["account"], row["row_id"], posting["amount_paise"])
        for row in line["rows"]
        for posting in row["postings"]
    )
    assert told == sorted((p["account"], p["rate_row"], p["amount_paise"]) for e in entries for p in e["postings"])
    assert line["rows"] == before["lines"][0]["rows"]
    for row in line["rows"]:
        paid = sum(p["amount_paise"] for p in row["postings"] if p["account"] == f"expected:fee:{row['head']}")
        assert not paid or paid == row["paise"]
    assert line["booked"] == "yes"


# ── I28 ──────────────────────────────────────────────────────────────────────────────────────────


@given(sales(), cards(), PPM)
def test_i28_a_missing_pan_or_a_certificate_changes_what_is_withheld_and_nothing_else(
    sold: Sale, items: list[Item], ppm: int
) -> None:
    tds = next(item for item in items if item["code"] == "tds")
    card = RateCard(
        [
            *items,
            tds | {"row_id": "no-pan", "tax_status": "no_pan", "value": 50000},
            tds | {"row_id": "certificate", "seller_id": "S1", "value": ppm},
        ]
    )
    usual = breakdown(sold, card, DAY)
    for traits, row_id in (
        (replace(sold.traits, tax_status="no_pan"), "no-pan"),
        (replace(sold.traits, seller_id="S1"), "certificate"),
    ):
        found = breakdown(replace(sold, traits=traits), card, DAY)
        assert {code: amount for code, amount in paise(found).items() if code != "tds"} == {
            code: amount for code, amount in paise(usual).items() if code != "tds"
        }
        if sold.kept:
            assert found.levies["tds"].row.row_id == row_id
            assert found.bank_paise + found.levies["tds"].paise == usual.bank_paise + usual.levies["tds"].paise
        else:
            assert found.bank_paise == usual.bank_paise


def test_a_marketplace_without_a_card_is_no_free_marketplace() -> None:
    with pytest.raises(Unpriced, match="no rate card of mela"):
        fees(Sale("mela", 1, 100, Traits("")), RateCard([]), DAY)
