"""What was said before decides what is said now."""

from __future__ import annotations

import pytest

from hunar.domain.notification import Decision, Sibling, Status, Verdict, decide, observed

GOOD, NOW = "2026-11-27T00:00:00Z", "2026-11-25T00:00:00Z"
THREE, ONE = {"STOLE": 3}, {"STOLE": 1}


def decided(kind: str, siblings: list[Sibling], units: int, *, now: str = NOW) -> Decision:
    return decide(kind, 3, siblings, units={"STOLE": units}, held={}, left=False, good_until=GOOD, now=now)


def test_a_text_is_still_good_in_its_last_second() -> None:
    assert decided("NEW_ORDER", [], 3, now=GOOD).verdict is Verdict.SEND
    assert decided("NEW_ORDER", [], 3, now="2026-11-27T00:00:01Z").verdict is Verdict.EXPIRE


@pytest.mark.parametrize("turn", [1, -1])
def test_the_text_that_was_owed_last_is_what_the_group_was_told(turn: int) -> None:
    told = [Sibling(1, "NEW_ORDER", Status.ACCEPTED, THREE), Sibling(2, "CANCELLED", Status.DELIVERED, ONE)]
    assert decided("CANCELLED", told[::turn], 0).told == ONE
    assert decided("CANCELLED", told[::turn], 1).verdict is Verdict.SUPPRESS
    assert decided("NEW_ORDER", told[::turn], 2).verdict is Verdict.SEND


def test_a_first_text_that_the_provider_will_take_later_says_what_a_second_one_would() -> None:
    waiting = [Sibling(1, "NEW_ORDER", Status.WAITING, THREE)]
    assert decided("NEW_ORDER", waiting, 5).verdict is Verdict.SUPPRESS


def test_after_a_first_text_a_later_one_waits_for_all_that_come_before_it() -> None:
    siblings = [Sibling(1, "NEW_ORDER", Status.ACCEPTED, ONE), Sibling(2, "NEW_ORDER", None, THREE)]
    assert decided("CANCELLED", siblings, 2).verdict is Verdict.WAIT


def test_a_cancellation_that_is_not_settled_will_not_announce_new_units() -> None:
    assert decided("NEW_ORDER", [Sibling(2, "CANCELLED", None, {})], 3).verdict is Verdict.WAIT


def test_a_claim_is_unknown_after_fifteen_minutes_to_the_second_if_its_text_was_written_down() -> None:
    claim = {"status": "CLAIMED", "claimed_at": "2026-11-25T00:00:00Z", "text": "Make ready"}
    assert observed(claim, "2026-11-25T00:14:59Z") is Status.CLAIMED
    assert observed(claim, "2026-11-25T00:15:00Z") is Status.UNKNOWN
    # Without a text it was surely not sent.
    assert observed({**claim, "text": None}, "2026-11-25T00:14:59Z") is Status.CLAIMED
    assert observed({**claim, "text": None}, "2026-11-25T00:15:00Z") is Status.WAITING
    assert observed({**claim, "status": "WAITING"}, "2026-11-26T00:00:00Z") is Status.WAITING
