"""A group's resolution is read from its policy whole, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from hunar.domain.resolution import Keeper, Resolution, Unresolved, frozen
from tests.book import POLICY, resolved


def test_a_policy_is_read_and_written_back() -> None:
    resolution = Resolution.of("G03", POLICY)
    assert resolution.item() | {"fulfilment_mode": "GROUP_PACKS"} == POLICY
    assert resolution.itc is Keeper.GROUP_NOW
    assert resolution.clause("fund") == "resolution:G03:1:fund"
    assert dict(resolution.source) == {"minutes_ref": "book 2, page 14", "minutes_date": "2026-03-22", "policy": 1}


@pytest.mark.parametrize("clause", sorted(set(POLICY) - {"fulfilment_mode"}))
def test_a_missing_clause_is_named(clause: str) -> None:
    with pytest.raises(Unresolved, match=rf"G03, policy version .*: {clause} is missing"):
        Resolution.of("G03", {name: value for name, value in POLICY.items() if name != clause})


def test_a_policy_from_before_there_was_money_moves_none() -> None:
    old = {"from": "2026-04-01", "fulfilment_mode": "GROUP_PACKS", "payout_basis": "SALE_SHARE", "version": 1}
    with pytest.raises(Unresolved, match="G03, policy version 1: minutes_ref is missing"):
        Resolution.of("G03", old)


@pytest.mark.parametrize(
    ("clause", "value", "says"),
    [
        ("payout_basis", "BARTER", "payout_basis 'BARTER' is not one of SALE_SHARE, FIXED_PER_PIECE, BOUGHT_OUTRIGHT"),
        ("minutes_date", "22-03-2026", "is not a day like 2026-04-01"),
        ("agency_fee", 0.1, "agency_fee 0.1 is not a whole number"),
        ("agency_fee", -1, "is not a whole number, not below 0"),
        ("agency_fee", True, "is not a whole number"),
        ("fund_ppm", 1_000_001, "fund_ppm 1000001 is not parts per million"),
        ("recovery_ppm", 5_000_000, "is not parts per million"),
        ("tcs", "STATE", "tcs 'STATE' is not one of GROUP_NOW, GROUP_LATER, AGENCY"),
        ("returns", "BUYER", "returns 'BUYER' is not one of GROUP, AGENCY"),
        ("paid_on", "packed", "paid_on 'packed' is not one of picked_up, shipped, delivered, purchase"),
        ("penalty_fees", "cancellation_fee", "penalty_fees is missing; a list of fee codes"),
        ("agency_fee_basis", "ppm_of_luck", "is not one of ppm_of_net"),
    ],
)
def test_an_unclear_clause_is_named_with_what_stands_there(clause: str, value: Any, says: str) -> None:
    with pytest.raises(Unresolved, match=says):
        Resolution.of("G03", POLICY | {clause: value})


def test_a_clause_may_be_nothing_when_it_says_so() -> None:
    resolution = resolved(fund_ppm=0, penalty_fees=[], recovery_ppm=0)
    assert (resolution.fund_ppm, resolution.penalty_fees, resolution.recovery_ppm) == (0, (), 0)


def test_the_version_that_an_order_froze_is_found() -> None:
    later = POLICY | {"version": 2, "from": "2027-04-01", "fund_ppm": 0}
    assert frozen("G03", [POLICY, later], 1).fund_ppm == 50_000
    assert frozen("G03", [POLICY, later], 2).fund_ppm == 0
    with pytest.raises(Unresolved, match="G03 has no policy version 3"):
        frozen("G03", [POLICY, later], 3)
