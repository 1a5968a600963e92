"""What a set of facts amounts to where two of them disagree."""

from __future__ import annotations

from hunar.domain.facts import Cancelled, Fact, Placed, Step
from hunar.domain.order import read


def placed(
    line_id: str = "1",
    *,
    at: str = "2026-11-24T04:35:00Z",
    quantity: int = 3,
    ship_by: str | None = "2026-11-27T10:00:00Z",
) -> Placed:
    return Placed(line_id, at, "STOLE", quantity, 149900, None, "2026-11-24T04:30:00Z", ship_by)


def cancel(quantity: int, at: str, line_id: str = "1") -> Cancelled:
    return Cancelled(line_id, at, quantity, "buyer", "")


def test_a_step_that_is_told_twice_happened_the_first_time() -> None:
    early, late = Step("picked_up", "2026-11-25T05:00:00Z"), Step("picked_up", "2026-11-25T08:00:00Z")
    for told in ([early, late], [late, early]):
        order = read([placed(), *told, cancel(1, "2026-11-25T06:00:00Z")])
        assert order.steps == {"picked_up": "2026-11-25T05:00:00Z"}
        assert [problem.kind for problem in order.problems] == ["LATE_CANCELLATION"]
        assert order.lines[0].open == 3


def test_the_goods_left_at_the_earliest_step_that_says_so() -> None:
    known: list[Fact] = [placed(), Step("delivered", "2026-11-27T05:00:00Z"), Step("shipped", "2026-11-25T05:00:00Z")]
    assert read(known).left_at == "2026-11-25T05:00:00Z"
    assert read([placed(), Step("packed", "2026-11-25T05:00:00Z")]).left_at is None


def test_a_cancellation_of_the_same_second_as_the_pick_up_came_in_time() -> None:
    order = read([placed(), Step("picked_up", "2026-11-25T05:00:00Z"), cancel(1, "2026-11-25T05:00:00Z")])
    assert (order.lines[0].open, order.problems) == (2, ())


def test_an_order_is_cancelled_only_when_all_its_lines_are() -> None:
    known: list[Fact] = [placed("1"), placed("2"), cancel(3, "2026-11-24T06:00:00Z", "1")]
    order = read(known)
    assert (order.state, [line.state for line in order.lines]) == ("PLACED", ["CANCELLED", "PLACED"])
    assert read([*known, cancel(3, "2026-11-24T06:00:00Z", "2")]).state == "CANCELLED"


def test_the_order_must_leave_before_the_earliest_time_of_a_line_that_is_still_sold() -> None:
    known: list[Fact] = [placed("1", ship_by="2026-11-26T10:00:00Z"), placed("2"), placed("3", ship_by=None)]
    assert read(known).ship_by == "2026-11-26T10:00:00Z"
    assert read([*known, cancel(3, "2026-11-24T06:00:00Z", "1")]).ship_by == "2026-11-27T10:00:00Z"


def test_of_two_announcements_of_one_second_the_earlier_ship_by_holds() -> None:
    # The content of the later ship-by sorts first: it has fewer units.
    early, late = placed(quantity=4, ship_by="2026-11-26T10:00:00Z"), placed(quantity=3)
    for told in ([early, late], [late, early]):
        assert read(told).lines[0].ship_by == "2026-11-26T10:00:00Z"
    unknown = placed(quantity=2, ship_by=None)
    assert read([unknown, early]).lines[0].ship_by == "2026-11-26T10:00:00Z"


def test_of_two_announcements_alike_in_time_and_ship_by_every_reader_takes_the_same() -> None:
    assert read([placed(quantity=4), placed(quantity=3)]) == read([placed(quantity=3), placed(quantity=4)])
