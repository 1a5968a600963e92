"""A marketplace is never asked more often than it allows, whoever asks and however the calls fall."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.allowance import take, used_up
from hunar.domain.channel import Rate

SEARCH = Rate(every_ms=180_000, burst=20)
"""Amazon's searchOrders: one call in three minutes, twenty at once."""


def calls(rate: Rate, moments: list[int], item: dict[str, Any] | None = None) -> list[int]:
    """The moments at which a call went out, of those at which somebody wanted to make one."""
    made = []
    for now in moments:
        taken = take(rate, item, now)
        item = taken.item or item
        if not taken.wait:
            made.append(now)
    return made


def test_a_full_bucket_gives_its_burst_at_once_and_then_one_token_at_a_time() -> None:
    assert len(calls(SEARCH, [1_000] * 50)) == 20
    item = None
    for _ in range(20):
        item = take(SEARCH, item, 1_000).item
    assert take(SEARCH, item, 1_000).wait == 180
    assert take(SEARCH, item, 180_999).wait == 1
    assert take(SEARCH, item, 181_000).wait == 0


def test_a_bucket_that_rests_is_full_again_and_never_fuller() -> None:
    first = calls(SEARCH, [0] * 30)
    year = 365 * 24 * 60 * 60 * 1000
    assert len(calls(SEARCH, [0] * 30 + [year] * 30)) == len(first) + 20


@given(
    every=st.integers(1, 5_000),
    burst=st.integers(1, 30),
    steps=st.lists(st.integers(0, 3_000), min_size=1, max_size=200),
)
def test_over_any_window_no_more_calls_than_the_burst_and_what_was_refilled(
    every: int, burst: int, steps: list[int]
) -> None:
    moments = [sum(steps[: place + 1]) for place in range(len(steps))]
    made = calls(Rate(every, burst), moments)
    for first in range(len(made)):
        for last in range(first, len(made)):
            assert last - first + 1 <= burst + (made[last] - made[first]) / every


@given(every=st.integers(1, 500_000), burst=st.integers(1, 30), now=st.integers(0, 10**13))
def test_who_waits_as_long_as_it_says_gets_a_token(every: int, burst: int, now: int) -> None:
    rate, item = Rate(every, burst), None
    while not (taken := take(rate, item, now)).wait:
        item = taken.item
    assert taken.wait >= 1
    assert take(rate, item, now + taken.wait * 1000).wait == 0
    # Not longer than it must: a whole second earlier there is none, unless a second is less than that.
    assert taken.wait == 1 or take(rate, item, now + (taken.wait - 1) * 1000).wait


def test_those_who_wait_come_back_one_after_the_other_and_each_finds_its_token() -> None:
    rate, item = Rate(2_000, 30), None
    waits = []
    for _ in range(1_030):
        taken = take(rate, item, 0)
        item = taken.item or item
        waits += [taken.wait] if taken.wait else []
    # A queue delays no message for more than a quarter of an hour; the rest gets its turn then.
    assert waits == [2 * number for number in range(1, 451)] + [900] * 550
    for wait in waits[:450]:
        taken = take(rate, item, wait * 1000)
        item = taken.item
        assert taken.wait == 0


def test_who_is_not_in_line_takes_nobodys_turn() -> None:
    item = None
    while not (taken := take(SEARCH, item, 0, in_line=False)).wait:
        item = taken.item
    assert [take(SEARCH, item, 0, in_line=False) for _ in range(3)] == [(None, 180)] * 3
    assert take(SEARCH, item, 0).wait == 180


def test_who_was_told_to_come_back_and_did_not_holds_up_nobody() -> None:
    rate, item = Rate(2_000, 1), None
    for _ in range(100):
        item = take(rate, item, 0).item or item
    assert take(rate, item, 2_000).wait == 0


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    item = None
    for _ in range(20):
        item = take(SEARCH, item, 1_000_000).item
    assert take(SEARCH, item, 900_000).wait


@pytest.mark.parametrize(("retry_after", "wait"), [(7, 7), (None, 180), (3600, 3600)])
def test_after_the_marketplace_said_no_everybody_waits(retry_after: int | None, wait: int) -> None:
    item = used_up(SEARCH, None, 5_000, retry_after)
    assert take(SEARCH, item, 5_000).wait == wait
    assert take(SEARCH, item, 5_000 + wait * 1000).wait == 0


def test_what_the_marketplace_said_takes_no_waiting_away() -> None:
    item = None
    for _ in range(20):
        item = take(SEARCH, item, 0).item
    item = used_up(SEARCH, item, 0, 1)
    assert take(SEARCH, item, 0).wait == 180
    assert item["version"] == 21
