"""What a person is told of an order: its problems, the fact to void, its returns and its history, word for word."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from hunar.domain import facts
from hunar.domain.facts import (
    Cancelled,
    DatesChanged,
    Fact,
    FormFailed,
    Held,
    Inspected,
    Placed,
    Released,
    Remapped,
    Resolved,
    ReturnNoted,
    ReturnRequested,
    ReturnStep,
    Step,
    Voided,
)
from hunar.domain.order import Line, Order, knowledge, knowledge_text, read
from hunar.domain.problem import Problem

D1, D2, D3, D4, D5, D6 = (f"2026-11-{day}T06:00:00Z" for day in range(21, 27))
SHIP_BY = "2026-11-27T10:00:00Z"


def placed(line_id: str = "1", *, at: str = D1, quantity: int = 3, **other: object) -> Placed:
    said: dict[str, object] = {
        "listing": "STOLE", "unit_price_paise": 149900, "price_problem": None, "sold_at": D1, "ship_by": SHIP_BY
    }  # fmt: skip
    return Placed(line_id, at, quantity=quantity, **(said | other))  # type: ignore[arg-type]


def cancel(quantity: int, at: str, line_id: str = "1") -> Cancelled:
    return Cancelled(line_id, at, quantity, "buyer", "")


def asked_back(quantity: int, at: str = D4, return_id: str = "R1", line_id: str = "1", source: str = "") -> Fact:
    return ReturnRequested(return_id, line_id, at, source, quantity, None, "torn", "at the edge")


def back(step: str, at: str = D5, return_id: str = "R1", line_id: str = "1") -> ReturnStep:
    return ReturnStep(return_id, line_id, at, step)


def opened(good: int, damaged: int, lost: int, at: str = D6, act: str = "a", return_id: str = "R1") -> Inspected:
    return Inspected(act, return_id, "1", at, good, damaged, lost, "Rukhsana", "opened")


def void(fact: Fact, act: str = "v", at: str = D6) -> Voided:
    return Voided(act, facts.fact_id(fact), at, "Rukhsana", "not true")


def line(order: Order, line_id: str = "1") -> Line:
    [found] = [line for line in order.lines if line.line_id == line_id]
    return found


def problem(known: list[Fact], kind: str) -> Problem:
    """The one problem of this kind."""
    [found] = [problem for problem in read(known).problems if problem.kind == kind]
    return found


def kinds(*known: Fact) -> list[str]:
    return [problem.kind for problem in read(known).problems]


def test_an_excess_and_a_late_cancellation_name_the_fact_to_void() -> None:
    excess = cancel(2, D3)
    assert problem([placed(), cancel(2, D2), excess], "EXCESS_CANCELLATION") == Problem(
        "EXCESS_CANCELLATION", "1", f"2 cancelled at {D3}, but 1 of 3 are left to cancel", facts.fact_id(excess)
    )
    late = cancel(1, D3)
    assert problem([placed(), Step("shipped", D2), late], "LATE_CANCELLATION") == Problem(
        "LATE_CANCELLATION", "1", f"1 cancelled at {D3}, after the goods left at {D2}", facts.fact_id(late)
    )
    assert kinds(placed(), cancel(3, D2)) == []


def test_a_smaller_cancellation_after_one_that_was_too_much_still_counts() -> None:
    order = read([placed(), cancel(2, D2), cancel(2, D3), cancel(1, D4)])
    assert line(order).cancelled == 3


def test_a_price_that_is_unclear_is_told_in_the_words_of_the_reading() -> None:
    unclear = placed(unit_price_paise=None, price_problem="sellingPrice is missing or 0")
    assert problem([unclear], "PRICE_UNCLEAR") == Problem("PRICE_UNCLEAR", "1", "sellingPrice is missing or 0")
    assert line(read([unclear])).price_problem == "sellingPrice is missing or 0"


def test_two_announcements_of_one_second_are_a_contradiction_older_ones_are_not() -> None:
    assert problem([placed(quantity=2), placed(quantity=3)], "CONTRADICTION") == Problem(
        "CONTRADICTION", "1", f"announced in two ways at the same time, {D1}"
    )
    assert kinds(placed(quantity=2), placed(quantity=3), placed(at=D2)) == []


def test_a_hold_and_a_release_of_one_second_are_a_contradiction_and_the_hold_holds() -> None:
    known: list[Fact] = [placed(), Held("1", D2, 2), Released(D2)]
    assert problem(known, "CONTRADICTION") == Problem("CONTRADICTION", "1", f"held and released at the same time, {D2}")
    assert (line(read(known)).held, line(read(known)).held_at, read(known).state) == (2, D2, "HELD")
    assert read([*known, Released(D3)]).state == "PLACED"
    assert line(read([*known, Held(None, D3, None)])).held == 3
    # Of two holds of one second the larger one is the cautious one.
    assert line(read([placed(), Held("1", D2, 1), Held(None, D2, 2)])).held == 2


def test_of_holds_and_deadlines_the_last_ones_hold_however_they_are_written() -> None:
    """Eight times over, and read from their texts: two times that are equal need not be the same object."""
    for number in range(8):
        at = f"2026-11-22T06:00:0{number}Z"
        news = [Held("1", D1, 3), Held("1", at, 1), Held(None, at, 2)]
        news += [DatesChanged(D1, D4), DatesChanged(at, D6), DatesChanged(at, D5)]
        known = [placed(), *(facts.from_text(facts.to_text(fact)) for fact in news)]
        assert (line(read(known)).held, read(known).ship_by) == (2, D5)
        assert line(read([placed(), Held("1", D1, 3), Held("1", at, 1)])).held == 1


def test_news_of_an_order_that_was_never_announced() -> None:
    order = read([Step("packed", D1), cancel(1, D2)])
    assert order.state == "UNKNOWN"
    assert order.problems == (Problem("UNKNOWN_SHIPMENT", None, "news of an order that was never announced"),)


def test_what_is_said_of_a_line_that_was_not_announced_waits() -> None:
    cut, hold = cancel(1, D2, "2"), Held("3", D3, 2)
    found = read([placed(), cut, hold, Held(None, D2, None)]).problems
    assert set(found) == {
        Problem("WAITING_FACT", "2", f"1 cancelled at {D2} of a line not announced", facts.fact_id(cut)),
        Problem("WAITING_FACT", "3", f"2 held at {D3} of a line not announced", facts.fact_id(hold)),
    }
    assert kinds(placed(), placed("2"), placed("3"), cut, hold) == []


def test_goods_that_left_though_all_were_cancelled_are_a_contradiction() -> None:
    known: list[Fact] = [placed(), cancel(3, D2), Step("shipped", D3)]
    text = f"the goods left at {D3}, though all units were cancelled before"
    assert problem(known, "CONTRADICTION") == Problem("CONTRADICTION", None, text)
    assert kinds(placed(), placed("2"), cancel(3, D2), Step("shipped", D3)) == []


def test_papers_that_failed_are_shown_until_the_order_goes_on_or_ends() -> None:
    first, last = FormFailed(D2, "label"), FormFailed(D3, "invoice")
    text = f"the marketplace could not make invoice at {D3}"
    for known in ([placed(), first, last], [placed(), last, first, Step("packed", D3)]):
        assert problem(known, "FORM_FAILED") == Problem("FORM_FAILED", None, text, facts.fact_id(last))
    # What was done before they failed does not make them.
    assert kinds(placed(), Step("packed", D2), last) == ["FORM_FAILED"]
    assert "the papers" in problem([placed(), FormFailed(D3, "")], "FORM_FAILED").message
    assert kinds(placed(), last, Step("packed", D4)) == []
    assert kinds(placed(), last, cancel(3, D4)) == []


def test_the_last_deadline_holds_and_of_two_of_one_second_the_earlier_one() -> None:
    later, earlier = DatesChanged(D2, "2026-11-29T10:00:00Z"), DatesChanged(D2, "2026-11-28T10:00:00Z")
    assert read([placed(), later]).ship_by == "2026-11-29T10:00:00Z"
    assert read([placed(), later, earlier]).ship_by == "2026-11-28T10:00:00Z"
    assert read([placed(at=D3), later]).ship_by == SHIP_BY
    assert read([placed(at=D3, ship_by=None), later]).ship_by == "2026-11-29T10:00:00Z"
    assert read([placed(ship_by=None)]).ship_by is None


def test_a_return_that_was_never_announced_waits() -> None:
    for news in (back("received"), opened(1, 0, 0)):
        text = "news of the return R1, which was never announced"
        assert problem([placed(), news], "WAITING_FACT") == Problem("WAITING_FACT", "1", text, of="R1")
    assert kinds(placed(), ReturnNoted("R1", "1", D4, "tracking", "T1")) == []


def test_a_return_goes_on_from_request_to_inspection() -> None:
    known: list[Fact] = [placed(), Step("shipped", D2), asked_back(2, source="customer")]
    known += [ReturnNoted("R1", "1", D4, "tracking", "T1"), ReturnNoted("R1", "1", D5, "tracking", "T2")]
    known += [ReturnNoted("R1", "1", D4, "expected", D6)]
    [entry] = read(known).returns
    assert (entry.status, entry.units, entry.requested, entry.source) == ("REQUESTED", 0, 2, "customer")
    assert (entry.tracking, entry.expected, entry.reason, entry.requested_at) == ("T2", D6, "torn", D4)
    known.append(back("picked_up", D4))
    assert read(known).returns[0].status == "PICKED_UP"
    known.append(back("received"))
    order = read(known)
    assert (order.returns[0].status, order.returns[0].units, line(order).returned) == ("RECEIVED", 2, 2)
    assert problem(known, "TO_INSPECT") == Problem(
        "TO_INSPECT", "1", "2 of the return R1 are back and were not looked at", of="R1"
    )
    known.append(opened(1, 0, 0))
    assert read(known).returns[0].status == "RECEIVED"
    assert read(known).returns[0].to_inspect == 1
    known.append(opened(0, 1, 0, act="b"))
    order = read(known)
    assert (order.returns[0].status, order.problems, order.state) == ("INSPECTED", (), "SHIPPED")
    with pytest.raises(FrozenInstanceError):
        order.returns[0].units = 3  # type: ignore[misc]
    assert (line(order).good, line(order).lost, line(order).kept) == (1, 0, 1)


def test_an_order_of_which_all_came_back_is_returned_and_of_which_all_was_lost_is_lost() -> None:
    known: list[Fact] = [placed(), cancel(1, D1), Step("shipped", D2), asked_back(2)]
    assert read([*known, back("received")]).state == "RETURNED"
    assert read([*known, opened(0, 0, 2)]).state == "LOST"
    assert read([*known, opened(1, 0, 1)]).state == "RETURNED"
    # One line of two came back: the order shows what the other one shows.
    assert read([*known, placed("2"), back("received")]).state == "SHIPPED"
    both = [*known, placed("2"), opened(0, 0, 2), asked_back(3, line_id="2"), back("received", line_id="2")]
    assert [entry.state for entry in read(both).lines] == ["LOST", "RETURNED"]
    assert read(both).state == "RETURNED"


def test_large_orders_are_counted_like_small_ones() -> None:
    known: list[Fact] = [placed(quantity=1000), cancel(300, D1), Held(None, D1, None)]
    assert (line(read(known)).open, line(read(known)).held) == (700, 700)
    known += [Step("shipped", D2), asked_back(700)]
    assert read([*known, back("received")]).state == "RETURNED"
    assert read([*known, opened(0, 0, 700)]).state == "LOST"
    assert read([*known, opened(0, 0, 699)]).state == "RETURNED"
    # Of what was cancelled nothing left, so none of it can come back.
    more = [*known, asked_back(300, D5, "R2"), back("received"), back("received", return_id="R2")]
    assert [entry.units for entry in read(more).returns] == [700, 0]


def test_a_line_of_which_nothing_came_back_says_so_by_itself() -> None:
    bare = Line("1", "STOLE", 3, 1, 149900, None, D1, None, None, "PLACED", None, "r")
    assert (bare.held, bare.held_at, bare.returned, bare.good, bare.lost, bare.replacement) == (0, None, 0, 0, 0, False)
    assert (bare.open, bare.kept) == (2, 2)
    empty = Order("UNKNOWN", None, (), {}, ())
    assert (empty.problems, empty.returns, empty.released_at, empty.holds_voided) == ((), (), None, ())
    for counted in (bare, empty):
        with pytest.raises(FrozenInstanceError):
            counted.state = "LOST"  # type: ignore[misc]


def test_of_received_and_cancelled_the_later_holds_and_a_person_is_told() -> None:
    known: list[Fact] = [placed(), Step("shipped", D2), asked_back(2)]
    text = f"the return R1 was received at {D5} and cancelled at {D4}"
    took_back = [*known, back("cancelled", D4), back("received", D5)]
    assert problem(took_back, "CONTRADICTION") == Problem("CONTRADICTION", "1", text, of="R1")
    assert read(took_back).returns[0].units == 2
    assert read([*known, back("cancelled", D5), back("received", D5)]).returns[0].units == 2
    stopped = read([*known, back("received", D4), back("cancelled", D5), back("received", D3)])
    assert (stopped.returns[0].status, stopped.returns[0].units) == ("CANCELLED", 0)
    assert read([*known, back("cancelled", D5), opened(2, 0, 0)]).returns[0].good == 2


def test_never_more_comes_back_than_left() -> None:
    early: list[Fact] = [placed(), asked_back(2), back("received")]
    assert problem(early, "WAITING_FACT") == Problem(
        "WAITING_FACT", "1", "the return R1 is back before anything left", of="R1"
    )
    request = asked_back(2, at=D5, return_id="R2")
    known: list[Fact] = [placed(), Step("shipped", D2), asked_back(2), back("received"), request]
    known.append(back("received", return_id="R2"))
    text = "2 of the return R2 are back, but only 1 left and are not back"
    assert problem(known, "EXCESS_RETURN") == Problem("EXCESS_RETURN", "1", text, facts.fact_id(request), of="R2")
    assert [(entry.return_id, entry.units) for entry in read(known).returns] == [("R1", 2), ("R2", 1)]


def test_many_units_that_come_back_in_several_parcels_are_counted_exactly() -> None:
    """Numbers with many bits: a wrong operation on small ones is often right."""
    known: list[Fact] = [placed(quantity=25), Step("shipped", D2), asked_back(14), back("received"), opened(3, 2, 5)]
    [entry] = read(known).returns
    assert (entry.good, entry.damaged, entry.lost, entry.to_inspect) == (3, 2, 5, 4)
    assert line(read(known)).kept == 11
    assert kinds(*known, opened(4, 3, 3, act="b")) == ["EXCESS_RETURN", "TO_INSPECT"]
    known += [opened(1, 2, 1, act="b"), asked_back(20, D5, "R2"), back("received", return_id="R2")]
    first, second = read(known).returns
    assert (first.good, first.damaged, first.lost, first.to_inspect, first.units) == (4, 4, 6, 0, 14)
    assert (second.units, second.to_inspect) == (11, 11)
    assert (line(read(known)).returned, line(read(known)).kept, line(read(known)).lost) == (25, 0, 6)


def test_of_27_units_that_are_back_21_and_7_more_are_one_too_many() -> None:
    known: list[Fact] = [placed(quantity=40), Step("shipped", D2), asked_back(27), back("received"), opened(7, 7, 7)]
    assert kinds(*known, opened(7, 0, 0, act="b")) == ["EXCESS_RETURN", "TO_INSPECT"]
    assert kinds(*known, opened(0, 0, 7, act="b")) == ["EXCESS_RETURN", "TO_INSPECT"]
    assert kinds(*known, opened(6, 0, 0, act="b")) == []


def test_returns_that_were_asked_for_in_the_same_second_stand_in_the_order_of_their_lines() -> None:
    known: list[Fact] = [placed(), placed("2"), Step("shipped", D2), asked_back(1, return_id="R2")]
    known.append(asked_back(1, return_id="R1", line_id="2"))
    assert [(entry.line_id, entry.return_id) for entry in read(known).returns] == [("1", "R2"), ("2", "R1")]


def test_an_inspection_that_counts_too_much_counts_for_nothing() -> None:
    known: list[Fact] = [placed(), Step("shipped", D2), asked_back(2), back("received")]
    first, wrong = opened(1, 0, 0, at=D5), opened(1, 1, 0, act="b")
    text = "2 of the return R1 were looked at, but only 2 are back"
    assert problem([*known, first, wrong], "EXCESS_RETURN") == Problem(
        "EXCESS_RETURN", "1", text, facts.fact_id(wrong), of="b"
    )
    [entry] = read([*known, first, wrong, opened(0, 1, 0, act="c")]).returns
    assert (entry.good, entry.damaged, entry.lost, entry.to_inspect) == (1, 1, 0, 0)


def test_of_several_sayings_of_one_return_the_last_holds_and_the_oldest_request_comes_first() -> None:
    known: list[Fact] = [placed(), Step("shipped", D1), asked_back(1, D2), asked_back(2, D4)]
    known += [asked_back(1, D3, "R2")]
    assert [(entry.return_id, entry.requested) for entry in read(known).returns] == [("R2", 1), ("R1", 2)]


def test_terms_come_from_the_registry_until_a_person_corrects_them() -> None:
    terms = ("G11", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None)
    of_registry = Resolved("1", "STOLE", *terms)
    first = Remapped("a", "1", D2, "SHAWL", *terms, "Rukhsana", "wrong shelf")
    last = Remapped("b", "1", D3, "HORSE", *terms, "Rukhsana", "wrong again")
    of_other_line = Remapped("c", "2", D4, "MAT", *terms, "Rukhsana", "")

    def sku(*more: Fact) -> str | None:
        resolved = line(read([placed(), *more])).resolved
        return resolved and resolved.sku

    assert sku() is None
    assert sku(of_registry, of_other_line) == "STOLE"
    assert sku(of_registry, last, first) == "HORSE"
    # The registry was asked twice at the same moment: every reader takes the same answer.
    assert sku(of_registry, Resolved("1", "SHAWL", *terms)) == "SHAWL"


def test_a_void_is_undone_by_a_void_and_by_a_third_done_again() -> None:
    cut = cancel(1, D2)
    first = void(cut)
    second = void(first, "w")
    third = void(second, "x")
    totals = [line(read([placed(), cut, *voids])).cancelled for voids in ([], [first], [first, second])]
    assert totals == [1, 0, 1]
    assert line(read([placed(), cut, first, second, third])).cancelled == 0
    # Two persons voided it; one of them took that back.
    assert line(read([placed(), cut, first, void(cut, "y"), second])).cancelled == 0


def test_a_revision_never_comes_back_so_that_a_group_is_told_again() -> None:
    """A person's acts can bring a line back to what it was. Then it is not what the group was told."""
    cut = cancel(1, D2)
    seen = [
        line(read(known)).revision
        for known in (
            [placed()],
            [placed(), cut],
            [placed(), cut, void(cut)],
            [placed(), cut, void(cut), void(void(cut), "w")],
            [placed(), cut, void(cut), void(void(cut), "w"), void(void(void(cut), "w"), "x")],
            [placed(), cut, Step("shipped", D3)],
            [placed(at=D2)],
        )
    ]
    assert len(set(seen)) == len(seen)
    same = [placed(), cut, Step("packed", D3), Held(None, D3, None), cancel(9, D4)]
    assert line(read(same)).revision == seen[1]


def test_the_acts_by_which_holds_were_taken_back_are_named_and_never_become_fewer() -> None:
    hold, release, cut = Held(None, D2, None), Released(D3), cancel(1, D2)
    assert read([placed(), hold, release, cut, void(cut, "x")]).holds_voided == ()
    acts: list[Fact] = [void(hold), void(release, "w")]
    assert read([placed(), hold, release, *acts]).holds_voided == tuple(sorted(map(facts.fact_id, acts)))
    assert read([placed(), hold, release, *acts]).released_at is None
    again = void(acts[0], "y")
    once_more = void(again, "z")
    for more in ([again], [again, once_more]):
        order = read([placed(), hold, release, *acts, *more])
        assert order.holds_voided == tuple(sorted(map(facts.fact_id, [*acts, *more])))
    # A void of a hold that nobody told us of aims at nothing yet.
    assert read([placed(), *acts]).holds_voided == ()
    assert read([placed(), release, Released(D2)]).released_at == D3


def test_a_line_that_was_delivered_says_when_and_a_cancelled_one_does_not() -> None:
    known: list[Fact] = [placed(), placed("2"), cancel(3, D2, "2"), Step("delivered", D4), Step("delivered", D3)]
    assert [entry.delivered_at for entry in read(known).lines] == [D3, None]


def test_knowledge_is_one_text_whatever_the_order() -> None:
    known = [placed(), cancel(1, D2), Step("packed", D3)]
    assert (
        knowledge_text(known) == knowledge_text(reversed(known)) == f"[{','.join(sorted(map(facts.to_text, known)))}]"
    )
    assert knowledge({"knowledge": knowledge_text(known)}) == frozenset(known)


TERMS = ("SHAWL", "G11", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None)


@pytest.mark.parametrize(
    ("fact", "row"),
    [
        (placed(), (D1, "placed", "1", "3 of STOLE")),
        (placed(replacement=True), (D1, "placed", "1", "3 of STOLE, a replacement")),
        (Step("picked_up", D2), (D2, "picked_up", None, None)),
        (cancel(2, D2), (D2, "cancelled", "1", "2: buyer")),
        (Cancelled("1", D2, 2, "", ""), (D2, "cancelled", "1", "2")),
        (Held("1", D2, 2), (D2, "held", "1", "2")),
        (Held(None, D2, None), (D2, "held", None, None)),
        (Released(D2), (D2, "released", None, None)),
        (DatesChanged(D2, SHIP_BY), (D2, "dates changed", None, f"ship by {SHIP_BY}")),
        (FormFailed(D2, "invoice"), (D2, "form failed", None, "invoice")),
        (asked_back(2, source="customer"), (D4, "return requested", "1", "R1: 2 by customer: torn")),
        (ReturnRequested("R1", "1", D4, "", 2, None, "", ""), (D4, "return requested", "1", "R1: 2")),
        (back("picked_up"), (D5, "return picked up", "1", "R1")),
        (ReturnNoted("R1", "1", D4, "tracking", "T1"), (D4, "return noted", "1", "R1: tracking T1")),
        (opened(1, 2, 3), (D6, "inspected", "1", "R1: 1 good, 2 damaged, 3 lost, by Rukhsana: opened")),
        (Remapped("a", "1", D2, *TERMS, "Rukhsana", ""), (D2, "remapped", "1", "to SHAWL, by Rukhsana")),
        (Voided("a", "f1", D2, "Rukhsana", "not true"), (D2, "voided", None, "fact f1, by Rukhsana: not true")),
    ],
)
def test_every_fact_stands_in_the_history_in_words(fact: Fact, row: tuple[str, str, str | None, str | None]) -> None:
    at, what, line_id, detail = row
    told = {"at": at, "what": what, "line_id": line_id, "detail": detail}
    assert read([fact]).history == (told,)
    if not isinstance(fact, Voided):
        first, *_ = [entry for entry in read([fact, void(fact, at=D6)]).history if entry["what"] == what]
        assert first["detail"] == f"{detail or ''} (void)".strip()


def test_what_the_registry_said_is_no_event_of_the_order() -> None:
    assert read([Resolved("1", *TERMS)]).history == ()


def test_history_is_oldest_first_and_of_one_second_natural_first() -> None:
    known = [Step("shipped", D2), void(Released(D2), at=D2), cancel(1, D2, "2"), cancel(1, D2), placed(at=D2)]
    known += [Released(D2), Held(None, D2, None), Step("packed", D1)]
    assert [(row["what"], row["line_id"]) for row in read(known).history] == [
        ("packed", None), ("placed", "1"), ("held", None), ("released", None), ("cancelled", "1"), ("cancelled", "2"),
        ("shipped", None), ("voided", None),
    ]  # fmt: skip
