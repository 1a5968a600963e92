"""Rate rows with all their columns: what a file may say, which row is the narrowest, and what a card must not hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hunar.domain.fees import Sale
from hunar.domain.money import half_up, share
from hunar.domain.rate_card import (
    Dates,
    FieldError,
    RateCard,
    RateGap,
    RateOverlap,
    Row,
    Traits,
    check,
    row_from_csv,
)
from hunar.domain.rate_checks import drafts
from hunar.domain.rate_row import NARROWING, DateBasis, Item

GOOD = {
    "row_id": "fk-shipping",
    "scope": "flipkart",
    "code": "shipping_fee",
    "from": "2026-04-01",
    "basis": "fixed_per_line",
    "value": "5800",
    "source": "Flipkart rate card 2026-04",
}
FULL = GOOD | {
    "category": "shawls",
    "fulfilment": "self-ship",
    "tier": "gold",
    "zone": "national",
    "payment": "prepaid",
    "seller_program": "samarth",
    "seller_id": "a1B2",
    "price_gt": "30000",
    "price_lte": "50000",
    "weight_gt": "500",
    "weight_lte": "1000",
    "extra_grams": "500",
    "extra_paise": "1600",
    "cap": "9000",
    "date_basis": "dispatch",
    "round_at": "line",
    "charged_on": "customer_return sale",
    "refund_ratio": "whole_percent",
    "entered_by": "Asha Devi",
    "approved_by": "Meena Kumari",
}
OLD: Item = {
    "row_id": "fk-commission",
    "scope": "flipkart",
    "code": "commission",
    "from": "2026-04-01",
    "to": None,
    "basis": "ppm_of_price",
    "value": 20000,
    "hsn": "",
    "price_from": 0,
    "price_to": None,
    "source": "card",
    "note": "",
}
"""An item as the registry has held it from the beginning."""


def test_a_full_row_becomes_an_item_and_a_row_whose_edges_are_one_kind() -> None:
    item = row_from_csv(FULL)
    assert {name: item[name] for name in NARROWING if name != "tax_status"} == {
        name: FULL[name] for name in NARROWING if name != "tax_status"
    }
    assert (item["price_from"], item["price_to"]) == (30001, 50001)
    assert (item["weight_from"], item["weight_to"]) == (501, 1001)
    assert item["charged_on"] == ["sale", "customer_return"]
    row = Row.of(item)
    assert (row.extra_grams, row.extra_paise, row.cap, row.date_basis) == (500, 1600, 9000, DateBasis.DISPATCH)
    assert (row.source, row.entered_by, row.approved_by) == (FULL["source"], "Asha Devi", "Meena Kumari")


def test_slabs_whose_edges_are_given_in_both_ways_meet_without_gap_and_overlap() -> None:
    lower, upper = ({"row_id": "lower", "price_lte": "30000"}, {"row_id": "upper", "price_from": "30001"})
    assert check([(2, row_from_csv(GOOD | lower)), (3, row_from_csv(GOOD | upper))]) == []
    lower, upper = ({"row_id": "lower", "price_to": "30000"}, {"row_id": "upper", "price_gt": "29999"})
    assert check([(2, row_from_csv(GOOD | lower)), (3, row_from_csv(GOOD | upper))]) == []


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"category": "Shawls & stoles"}, "category", "small letters"),
        ({"seller_id": "a-1"}, "seller_id", "the marketplace's id"),
        ({"tax_status": "regular"}, "tax_status", "no_pan, composition, unregistered"),
        ({"payment": "cod"}, "payment", "prepaid, postpaid"),
        ({"price_from": "1", "price_gt": "1"}, "price_gt", "one of the two"),
        ({"price_to": "9", "price_lte": "9"}, "price_lte", "one of the two"),
        ({"price_gt": "500", "price_lte": "500"}, "price_lte", "must be above"),
        ({"price_gt": "3.50"}, "price_gt", "whole paise"),
        ({"weight_gt": "0.5"}, "weight_gt", "whole grams"),
        ({"weight_gt": "500", "weight_lte": "500"}, "weight_lte", "must be above"),
        ({"extra_paise": "100"}, "extra_grams", "is missing"),
        ({"extra_grams": "500"}, "extra_paise", "is missing"),
        ({"extra_grams": "0", "extra_paise": "100", "weight_gt": "1"}, "extra_grams", "above 0"),
        ({"extra_grams": "500", "extra_paise": "100"}, "weight_gt", "is missing"),
        (
            {"basis": "ppm_of_price", "value": "1", "extra_grams": "500", "extra_paise": "1", "weight_gt": "1"},
            "extra_paise",
            "does not fit ppm_of_price",
        ),
        ({"cap": "15 rupees"}, "cap", "whole paise"),
        ({"of_fee": "commission"}, "of_fee", "is for ppm_of_fee only"),
        ({"basis": "ppm_of_fee", "value": "1"}, "of_fee", "is missing"),
        ({"basis": "ppm_of_fee", "value": "1", "of_fee": "shipping_fee"}, "of_fee", "part of itself"),
        ({"date_basis": "payment"}, "date_basis", "order, dispatch, delivery, credit, month"),
        ({"round_at": "half"}, "round_at", "can be line"),
        ({"charged_on": "sale return"}, "charged_on", "'return' is not one of"),
        ({"refund_ratio": "truncated"}, "refund_ratio", "exact, whole_percent"),
        ({"entered_by": "Asha Devi", "approved_by": "Asha Devi"}, "approved_by", "another person"),
    ],
)
def test_a_column_that_cannot_be_read_is_named(changed: dict[str, str], field: str, says: str) -> None:
    with pytest.raises(FieldError, match=says) as refused:
        row_from_csv(GOOD | changed)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"code": "tcs", "basis": "ppm_of_taxable", "charged_on": "customer_return"}, "charged_on"),
        ({"code": "output_gst", "basis": "ppm_of_taxable", "cap": "100"}, "cap"),
        ({"code": "tds", "basis": "ppm_of_taxable", "round_at": "half"}, "round_at"),
        ({"code": "tcs", "basis": "ppm_of_order_item_value"}, "basis"),
    ],
)
def test_what_would_be_without_meaning_for_the_state_is_refused(changed: dict[str, str], field: str) -> None:
    with pytest.raises(FieldError) as refused:
        row_from_csv(GOOD | {"scope": "government", "value": "1"} | changed)
    assert refused.value.field == field


def test_an_item_of_the_first_shape_still_loads_and_what_was_booked_by_it_has_the_digest_of_then() -> None:
    row = Row.of(OLD)
    assert row.content() == {
        "row_id": "fk-commission",
        "scope": "flipkart",
        "code": "commission",
        "first_day": "2026-04-01",
        "end_day": "9999-99-99",
        "basis": "ppm_of_price",
        "value": 20000,
        "hsn": "",
        "price_from": 0,
        "price_to": 10**15,
    }
    fees = OLD | {"scope": "government", "code": "gst_on_fees", "basis": "ppm_of_fees"}
    assert "round_at" not in Row.of(fees).content()
    assert Row.of(fees | {"round_at": "line"}).content()["round_at"] == "line"
    assert Row.of(OLD | {"cap": 100}).content()["cap"] == 100
    assert Row.of(OLD | {"approved_by": "Meena Kumari"}).content() == row.content(), "an approval moves no money"


@pytest.mark.parametrize("field", ["value", "price_from", "price_to", "weight_from", "weight_to", "cap", "extra_paise"])
@pytest.mark.parametrize("wrong", [1.0, 20000.5, Decimal(1), True, "20000"], ids=repr)
def test_a_number_in_a_row_that_is_no_int_is_an_error(field: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match="whole number"):
        RateCard([OLD | {field: wrong}])


@pytest.mark.parametrize("wrong", [1.0, 0.5, Decimal(1), True], ids=repr)
def test_an_amount_that_is_no_int_is_an_error_wherever_it_comes_in(wrong: Any) -> None:
    for name in ("quantity", "unit_price_paise", "cancelled", "seller_discount_paise", "shipping_paise"):
        with pytest.raises(TypeError, match=name):
            Sale(**({"marketplace": "x", "quantity": 2, "unit_price_paise": 100, "traits": Traits("")} | {name: wrong}))
    with pytest.raises(TypeError):
        half_up(wrong, 2)
    with pytest.raises(TypeError):
        half_up(2, wrong)
    with pytest.raises(TypeError):
        share(0.1, 100000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "became",
    [
        {"quantity": 0},
        {"cancelled": 2, "customer_returned": 1},
        {"cancelled": -1},
        {"seller_discount_paise": 201},
        {"refunded_paise": 201},
        {"refunded_paise": 101, "customer_returned": 1},
    ],
)
def test_a_sale_that_cannot_be_is_refused(became: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Sale(**({"marketplace": "x", "quantity": 2, "unit_price_paise": 100, "traits": Traits("")} | became))  # type: ignore[arg-type]


def ranked(*changes: dict[str, str]) -> list[tuple[int, Item]]:
    return [
        (number, row_from_csv(GOOD | {"row_id": f"r{number}"} | change)) for number, change in enumerate(changes, 2)
    ]


@pytest.mark.parametrize(
    ("changes", "traits", "row_id"),
    [
        (({}, {"zone": "local"}), Traits("6214", zone="local"), "r3"),
        (({}, {"zone": "local"}), Traits("6214", zone="national"), "r2"),
        (({}, {"zone": "local"}), Traits("6214"), "r2"),
        (({"zone": "local"}, {"zone": "local", "tier": "gold"}), Traits("6214", zone="local", tier="gold"), "r3"),
        (({"hsn": "62"}, {"hsn": "6214"}, {"hsn": "62", "zone": "local"}), Traits("6214", zone="local"), "r4"),
        (({"hsn": "62"}, {"hsn": "6214"}), Traits("62149000"), "r3"),
        (
            ({"hsn": "6214", "zone": "local", "tier": "gold"}, {"seller_program": "samarth"}),
            Traits("6214", zone="local", tier="gold", seller_program="samarth"),
            "r3",
        ),
        (
            ({"seller_program": "samarth", "zone": "local"}, {"seller_id": "S1"}),
            Traits("6214", zone="local", seller_program="samarth", seller_id="S1"),
            "r3",
        ),
    ],
)
def test_the_narrowest_row_decides(changes: tuple[dict[str, str], ...], traits: Traits, row_id: str) -> None:
    found = ranked(*changes)
    assert check(found) == []
    for order in (found, found[::-1]):
        card = RateCard(item for _, item in order)
        assert card.resolve("flipkart", "shipping_fee", traits, Dates.on("2026-05-01"), 100).row_id == row_id


def test_rows_that_are_narrow_in_different_ways_and_can_meet_are_refused_by_name() -> None:
    found = ranked({}, {"zone": "local"}, {"category": "shawls"})
    assert check(found) == [(4, "category", "overlaps r3 in row 3")]
    with pytest.raises(RateOverlap, match="r3, r4"):
        RateCard(item for _, item in found).resolve(
            "flipkart", "shipping_fee", Traits("", zone="local", category="shawls"), Dates.on("2026-05-01"), 100
        )
    assert check(ranked({}, {"zone": "local", "tier": "gold"}, {"category": "shawls", "zone": "national"})) == []


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({"hsn": "62", "zone": "local"}, {"hsn": "6214", "tier": "gold"}, True),
        ({"hsn": "42", "zone": "local"}, {"hsn": "6214", "tier": "gold"}, False),
        ({"hsn": "62", "zone": "local"}, {"hsn": "6214", "zone": "local"}, False),
        ({"hsn": "62", "zone": "local"}, {"hsn": "62", "zone": "national"}, False),
        ({"seller_program": "samarth"}, {"tax_status": "no_pan"}, True),
    ],
)
def test_rows_meet_when_some_sale_is_for_both_and_none_is_narrower(
    one: dict[str, str], other: dict[str, str], meet: bool
) -> None:
    assert [message for _, _, message in check(ranked({}, one, other))] == ["overlaps r3 in row 3"] * meet


def test_weights_have_gaps_and_overlaps_like_prices() -> None:
    ((number, column, message),) = check(ranked({"weight_lte": "500"}, {"weight_gt": "501"}))
    assert (number, column) == (2, "weight_lte")
    assert "above 500 g up to 501 g" in message
    assert message.endswith("(after r2, before r3)")
    ((number, column, message),) = check(ranked({"weight_lte": "501"}, {"weight_gt": "500"}))
    assert (number, column, message) == (3, "weight_gt", "overlaps r2 in row 2")
    assert check(ranked({"weight_lte": "500"}, {"weight_gt": "500"})) == []


def test_a_weight_that_nobody_knows_finds_no_weight_slab() -> None:
    card = RateCard(item for _, item in ranked({"weight_lte": "500"}, {"weight_gt": "500"}))
    with pytest.raises(RateGap, match="weight not known"):
        card.resolve("flipkart", "shipping_fee", Traits(""), Dates.on("2026-05-01"), 100)
    with pytest.raises(RateGap, match="weight not known"):
        card.row("flipkart", "shipping_fee", day="2026-05-01", hsn="", unit_price_paise=100)
    assert card.resolve("flipkart", "shipping_fee", Traits("", 501), Dates.on("2026-05-01"), 100).row_id == "r3"


def test_one_code_goes_by_one_day() -> None:
    found = ranked({"to": "2026-06-01"}, {"from": "2026-06-01", "date_basis": "dispatch"})
    assert check(found) == [(3, "date_basis", "shipping_fee of r2 goes by order: one code goes by one day")]


@pytest.mark.parametrize(
    "other", [{"code": "commission"}, {"code": "commission", "of_fee": "x", "basis": "ppm_of_fee"}]
)
def test_a_part_of_a_fee_needs_a_fee_with_an_amount_of_its_own(other: dict[str, str]) -> None:
    part = {"code": "refund_fee", "basis": "ppm_of_fee", "value": "1000"}
    good = ranked({"code": "commission"}, part | {"of_fee": "commission"})
    assert check(good) == []
    wrong = ranked({"code": "x"}, other | {"value": "1"}, part | {"of_fee": "commission" if "of_fee" in other else "y"})
    assert (4, "of_fee") in [problem[:2] for problem in check(wrong)]


def test_rows_that_nobody_approved_are_named_by_row_and_column() -> None:
    found = drafts([(2, row_from_csv(FULL)), (3, row_from_csv(GOOD)), (5, OLD)])
    assert [draft[:2] for draft in found] == [(3, "approved_by"), (5, "approved_by")]
    assert "production takes no rate that nobody has approved" in found[0][2]
