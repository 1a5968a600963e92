"""Counting on one shelf, move by move."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from hunar.domain.demand import Demand
from hunar.domain.stock import Applied, Stock, adjusted, applied_to, moves, owes_allocation, recounted


def want(hold: int = 0, gone: int = 0) -> Demand:
    return Demand("STOLE", "G11", hold, gone)


def shelf(**units: int) -> Stock:
    return Stock("STOLE", "G11", **units)


def test_more_units_counted_out_than_there_are_show_that_the_shelf_must_be_counted() -> None:
    after = adjusted(shelf(on_hand=7, available=4, reserved=3), -6)
    assert after == shelf(on_hand=3, available=0, reserved=3, uncounted=2)


def test_a_cancellation_takes_the_short_units_first_and_of_the_reserved_ones_only_the_rest() -> None:
    """Units that left uncounted would swallow every reserved unit that is let go for a moment."""
    before = shelf(on_hand=8, reserved=8, short=3, uncounted=5)
    after, lines = applied_to({"STOLE": before}, {"1": Applied("STOLE", reserved=8, short=3)}, {"1": want(hold=7)})
    assert lines == {"1": Applied("STOLE", reserved=7)}
    assert after == {"STOLE": shelf(on_hand=7, reserved=7, uncounted=4)}


def test_units_that_a_line_lacked_before_wait_their_turn_when_it_grows() -> None:
    before = shelf(on_hand=13, available=5, reserved=8, short=3)
    after, lines = applied_to({"STOLE": before}, {"1": Applied("STOLE", reserved=8, short=3)}, {"1": want(hold=12)})
    assert lines == {"1": Applied("STOLE", reserved=8, short=4)}
    assert after == {"STOLE": shelf(on_hand=13, available=5, reserved=8, short=4)}


def test_fault_27_of_two_lines_of_one_order_the_first_is_served_first() -> None:
    nothing = Applied("STOLE")
    before = {"STOLE": shelf(on_hand=3, available=3)}
    _, lines = applied_to(before, {"1": nothing, "2": nothing}, {"2": want(hold=2), "1": want(hold=2)})
    assert lines == {"1": Applied("STOLE", reserved=2), "2": Applied("STOLE", reserved=1, short=1)}


def test_what_a_line_moved_is_told_in_words() -> None:
    before = Applied("STOLE", reserved=1, short=2, consumed=3, restocked=4)
    assert moves(before, before) == ""
    assert moves(before, Applied("STOLE", 3, 1, 3, 4)) == "reserved +2, short -1"
    assert moves(before, Applied("STOLE", 1, 2, 4, 3)) == "consumed +1, restocked -1"


def test_the_oldest_must_be_served_while_there_are_free_units_and_lines_that_wait() -> None:
    assert owes_allocation(shelf(on_hand=1, available=1, short=1))
    assert not owes_allocation(shelf(on_hand=1, reserved=1, short=1))
    assert not owes_allocation(shelf(on_hand=1, available=1))


def test_a_count_of_the_shelf_adds_what_it_shows_and_what_left_uncounted() -> None:
    assert recounted(shelf(on_hand=4, reserved=4, uncounted=3), 4) == 3
    assert recounted(shelf(on_hand=7, available=7), 5) == -2


def test_a_shelf_is_read_from_its_item_and_written_back() -> None:
    counters = {"on_hand": 5, "available": 3, "reserved": 2, "buffer": 1, "short": 0, "uncounted": 0}
    content = {"sku": "STOLE", "group_id": "G11", **counters}
    assert Stock.of(content | {"version": 7, "effects": []}) == shelf(**counters)
    assert shelf(**counters).content() == content


def test_a_shelf_that_was_read_is_not_changed_in_place() -> None:
    for counted in (shelf(on_hand=1, available=1), Applied("STOLE"), want()):
        with pytest.raises(FrozenInstanceError):
            counted.sku = "SHAWL"  # type: ignore[misc]
