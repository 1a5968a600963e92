"""Deciding again after a conflict: how often, how long between, and what is counted."""

from __future__ import annotations

import pytest

from hunar.ports import Conflict, Retryable
from hunar.use_cases.retry import retried


def meets(conflicts: int) -> tuple[list[float], list[int], str]:
    """The pauses and the counts of an action that meets so many conflicts, and how it ended."""
    left, pauses, met = [conflicts], [], []

    def action() -> str:
        if left[0]:
            left[0] -= 1
            raise Conflict("somebody else")
        return "done"

    try:
        end = retried(action, pause=pauses.append, random=lambda: 0.5, met=met.append)
    except Retryable as error:
        end = str(error)
    return pauses, met, end


def test_an_action_that_meets_nobody_is_called_once_and_not_counted() -> None:
    assert meets(0) == ([], [], "done")


def test_the_pauses_double_up_to_the_longest() -> None:
    pauses, met, end = meets(8)
    assert pauses == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.4, 0.4])
    assert (met, end) == ([8], "done")


def test_fault_33_a_streak_of_conflicts_is_borne_and_the_24th_goes_back_to_the_queue() -> None:
    assert meets(23)[1:] == ([23], "done")
    assert meets(24)[1:] == ([24], "24 writes in a row met somebody else's")
    # Far below the 30 seconds that apply_order_events may take.
    assert sum(meets(24)[0]) < 8
