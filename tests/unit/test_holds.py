"""Settled money is held until return window, settlement and operator let it go: the last of the three decides."""

from __future__ import annotations

import pytest

from hunar.domain.debt import Standing, place, recovered
from hunar.domain.holds import UNTIL_FURTHER_NOTICE, release_at, window_end

WINDOW = "2026-12-08T09:00:00Z"
EARLIER, LATER = "2026-12-04T00:00:00Z", "2026-12-20T00:00:00Z"


def test_the_return_window_counts_from_the_delivery() -> None:
    assert window_end("2026-11-28T09:00:00Z", 10) == WINDOW
    assert window_end("2026-11-28T14:30:00+05:30", 10) == WINDOW
    assert window_end("2026-11-28T09:00:00Z", 0) == "2026-11-28T09:00:00Z"


@pytest.mark.parametrize(
    ("earned", "operator", "ends"),
    [
        (EARLIER, None, WINDOW),
        (LATER, None, LATER),
        (EARLIER, LATER, LATER),
        (EARLIER, EARLIER, WINDOW),
        (EARLIER, UNTIL_FURTHER_NOTICE, UNTIL_FURTHER_NOTICE),
        (None, None, None),
        (None, LATER, None),
    ],
)
def test_the_last_of_the_three_decides(earned: str | None, operator: str | None, ends: str | None) -> None:
    assert release_at(window_ends=WINDOW, earned_at=earned, operator_hold=operator) == ends


@pytest.mark.parametrize(
    ("standing", "change", "moves", "after"),
    [
        (Standing(), 500, {}, Standing(held=500)),
        (Standing(held=500), 0, {}, Standing(held=500)),
        (Standing(held=500), -1, {}, Standing(held=499)),
        (Standing(), 1, {}, Standing(held=1)),
        (Standing(held=500), -200, {}, Standing(held=300)),
        (Standing(held=500), -500, {}, Standing()),
        (Standing(held=100, unpaid=300), -250, {"held": -150, "payable": 150}, Standing(unpaid=150)),
        (Standing(held=100, unpaid=300), -450, {"held": -350, "payable": 300, "debt": 50}, Standing(debt=50)),
        (Standing(), -50, {"held": -50, "debt": 50}, Standing(debt=50)),
        (Standing(debt=50), 20, {"held": 20, "debt": -20}, Standing(debt=30)),
        (Standing(debt=50), 90, {"held": 50, "debt": -50}, Standing(held=40)),
        (Standing(100, 7, 50, 3), 90, {"held": 50, "debt": -50}, Standing(140, 7, 0, 3)),
        (Standing(100, 7, 50, 3), -110, {"held": -10, "payable": 7, "debt": 3}, Standing(0, 0, 53, 3)),
        (Standing(100, 7, 50, 3), -103, {"held": -3, "payable": 3}, Standing(0, 4, 50, 3)),
    ],
)
def test_where_a_change_goes(standing: Standing, change: int, moves: dict[str, int], after: Standing) -> None:
    postings, found = place(change, standing, "G03")
    assert {posting.account.split(":")[0].removeprefix("group_"): posting.amount_paise for posting in postings} == moves
    assert found == after
    assert sum(posting.amount_paise for posting in postings) == 0


def test_after_a_payout_nothing_is_unpaid_and_no_debt_is_fresh_but_what_is_held_is() -> None:
    standing = Standing(held=100, unpaid=300, debt=0, seq=7)
    assert standing.since(6) == standing
    assert standing.since(7) == Standing(held=100)
    assert standing.since(7_000) == Standing(held=100)
    assert Standing.of(standing.item()) == standing
    assert Standing().item() == {"held": 0, "unpaid": 0, "debt": 0, "seq": 0}
    assert standing.since(8) == Standing(held=100)


@pytest.mark.parametrize(
    ("payable", "debt", "cap", "kept"),
    [(100, 80, 500_000, 50), (100, 30, 500_000, 30), (101, 80, 500_000, 50), (1, 80, 500_000, 0), (100, 80, 0, 0)],
)
def test_a_recovery_stays_below_its_cap(payable: int, debt: int, cap: int, kept: int) -> None:
    assert recovered(payable, debt, cap) == kept
