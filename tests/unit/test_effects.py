"""What an order owes, decided on its facts alone: which texts to which group, and which payouts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hunar.domain import facts
from hunar.domain.effects import (
    CANCELLED,
    FETCH,
    HOLD,
    NEW_ORDER,
    PAYOUT,
    RELEASED,
    SERVED,
    TEXTS,
    good_until,
    group_lines,
    hand_over_by,
    kept,
    new_effects,
    units_held,
    units_to_send,
)
from hunar.domain.facts import (
    MARKETPLACE,
    Cancelled,
    DatesChanged,
    Fact,
    Held,
    Placed,
    Priced,
    Released,
    Remapped,
    Resolved,
    ReturnRequested,
    ReturnStep,
    Step,
    Voided,
)
from hunar.domain.order import Order, read
from hunar.domain.stock import Applied
from hunar.domain.text_kinds import RETURN
from hunar.domain.text_kinds import SHIP_BY as SHIP_BY_TEXT

D1, D2, D3, D4, D5 = (f"2026-11-{day}T06:00:00Z" for day in range(21, 26))
SHIP_BY = "2026-11-27T10:00:00Z"
REF = "flipkart:demo:S1"
NOW = "2026-11-25T09:00:00Z"


def placed(line_id: str = "1", *, at: str = D1, quantity: int = 3, **other: Any) -> Placed:
    said = {"listing": "L", "unit_price_paise": 149900, "price_problem": None, "sold_at": D1, "ship_by": SHIP_BY}
    return Placed(line_id, at, quantity=quantity, **(said | other))


def of(line_id: str, sku: str, group_id: str) -> Resolved:
    return Resolved(line_id, sku, group_id, "GROUP_PACKS", "SALE_SHARE", 1, "6214", None)


def corrected(line_id: str, sku: str, group_id: str, at: str, act: str = "a") -> Remapped:
    return Remapped(act, line_id, at, sku, group_id, "GROUP_PACKS", "SALE_SHARE", 1, "6214", None, "Rukhsana", "wrong")


def cancel(quantity: int, at: str, line_id: str = "1") -> Cancelled:
    return Cancelled(line_id, at, quantity, "buyer", "")


def void(fact: Fact, act: str = "v") -> Voided:
    return Voided(act, facts.fact_id(fact), D5, "Rukhsana", "not true")


STOLE = (placed(), of("1", "STOLE", "G11"))


class Story:
    """An order that learns one thing after another and remembers what it owed."""

    def __init__(self, *known: Fact) -> None:
        self.known: set[Fact] = set(known)
        self.owed: dict[str, dict[str, Any]] = {}
        self.applied: dict[str, Applied] = {}

    def owes(self, *news: Fact, **applied: Applied) -> list[tuple[str, str, dict[str, int]]]:
        """Kind, group and units of the new texts, in the order in which they are to be read."""
        return [(e["kind"], e["group_id"], e["units"]) for e in self._new(*news, **applied) if e["kind"] in TEXTS]

    def texts(self, name: str) -> list[Any]:
        """An attribute of all texts that were owed so far."""
        return [effect[name] for effect in self.owed.values() if effect["kind"] in TEXTS]

    def pays(self, *news: Fact) -> list[str]:
        """The lines whose payout is to be computed."""
        return [effect["line_id"] for effect in self._new(*news) if effect["kind"] == PAYOUT]

    def tells(self, *news: Fact) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, group and words of the new texts that no other text counts."""
        return [(e["kind"], e["group_id"], e["says"]) for e in self._new(*news) if "says" in e]

    def asks(self, *news: Fact) -> int:
        """How often the marketplace is to be asked because of these news."""
        return sum(effect["kind"] == FETCH for effect in self._new(*news))

    def _new(self, *news: Fact, **applied: Applied) -> list[dict[str, Any]]:
        self.known |= set(news)
        self.applied |= {name.removeprefix("line"): line for name, line in applied.items()}
        found = new_effects(REF, self.order, self.owed, self.applied, NOW)
        assert not new_effects(REF, self.order, self.owed | found, self.applied, NOW), "the same reason owes twice"
        # As the order keeps them: stored and read again.
        self.owed |= json.loads(json.dumps(found))
        return sorted(found.values(), key=lambda effect: effect.get("n", 0))

    @property
    def order(self) -> Order:
        return read(self.known)


def test_a_new_order_is_one_text_per_group_with_all_that_the_group_sends() -> None:
    story = Story(*STOLE, placed("2", quantity=2), of("2", "STOLE", "G11"), placed("3"), of("3", "HORSE", "G22"))
    assert sorted(story.owes()) == [(NEW_ORDER, "G11", {"STOLE": 5}), (NEW_ORDER, "G22", {"HORSE": 3})]
    [first, second] = sorted(story.owed.values(), key=lambda effect: str(effect["group_id"]))
    assert first == {
        "kind": NEW_ORDER, "group_id": "G11", "contact": "leader", "good_until": "2026-11-29T10:00:00Z",
        "units": {"STOLE": 5}, "held": False, "short": False, "n": 1, "by": SHIP_BY,
    }  # fmt: skip
    assert second["n"] == 1
    assert story.owes() == []


def test_a_line_that_belongs_to_nobody_yet_owes_nothing() -> None:
    story = Story(placed())
    assert story.owes() == []
    assert group_lines(story.order, "G11") == []
    assert story.owes(of("1", "STOLE", "G11")) == [(NEW_ORDER, "G11", {"STOLE": 3})]


def test_what_the_marketplace_sends_from_its_own_warehouse_is_told_to_nobody() -> None:
    theirs, terms = placed("2", fulfilled_by=MARKETPLACE), of("2", "STOLE", "G11")
    assert Story(theirs, terms).owes() == []
    both = Story(*STOLE, theirs, terms)
    assert [line.line_id for line in group_lines(both.order, "G11")] == ["1"]
    assert both.owes() == [(NEW_ORDER, "G11", {"STOLE": 3})]
    assert both.owes(cancel(2, D2, "2")) == []


def test_fewer_units_are_a_cancellation_more_are_a_new_order_another_product_is_both() -> None:
    story = Story(*STOLE)
    story.owes()
    assert story.owes(cancel(1, D2)) == [(CANCELLED, "G11", {"STOLE": 2})]
    assert story.owes(placed(at=D3, quantity=4)) == [(NEW_ORDER, "G11", {"STOLE": 3})]
    both = story.owes(corrected("1", "SHAWL", "G11", D4))
    assert both == [(CANCELLED, "G11", {}), (NEW_ORDER, "G11", {"SHAWL": 3})]
    assert story.texts("n") == [1, 2, 3, 4, 5]


def test_a_group_whose_line_was_given_to_another_group_hears_that_it_is_gone() -> None:
    story = Story(*STOLE)
    story.owes()
    until = story.texts("good_until")
    moved = story.owes(corrected("1", "HORSE", "G22", D2))
    assert sorted(moved) == [(CANCELLED, "G11", {}), (NEW_ORDER, "G22", {"HORSE": 3})]
    assert set(story.texts("good_until")) == set(until)


def test_a_text_about_an_order_that_was_no_order_is_good_as_long_as_the_one_before() -> None:
    story = Story(*STOLE)
    story.owes()
    assert story.owes(void(placed())) == [(CANCELLED, "G11", {})]
    assert set(story.texts("good_until")) == {"2026-11-29T10:00:00Z"}
    assert good_until(story.order, "G11") == ""


def test_who_was_never_told_and_has_nothing_to_send_hears_nothing() -> None:
    assert Story(*STOLE, cancel(3, D2)).owes() == []
    assert Story(*STOLE, Step("shipped", D2)).owes() == []


def test_once_the_goods_are_gone_a_correction_is_owed_only_to_who_was_told() -> None:
    story = Story(*STOLE)
    story.owes()
    assert story.owes(Step("shipped", D4)) == []
    assert story.owes(cancel(1, D2)) == [(CANCELLED, "G11", {"STOLE": 2})]
    assert story.owes(placed(at=D3, quantity=5)) == [(NEW_ORDER, "G11", {"STOLE": 4})]


def test_a_hold_and_its_end_are_told_to_who_knows_of_the_units() -> None:
    story = Story(*STOLE)
    story.owes()
    assert story.owes(Held(None, D2, None)) == [(HOLD, "G11", {"STOLE": 3})]
    assert [effect["held"] for effect in story.owed.values()] == [False, True]
    assert story.owes(Released(D3)) == [(RELEASED, "G11", {"STOLE": 3})]
    assert story.owes(Held(None, D4, 1)) == [(HOLD, "G11", {"STOLE": 3})]
    assert [effect["held"] for effect in story.owed.values()] == [False, True, False, True]


def test_one_hold_owes_one_text_whatever_is_cancelled_meanwhile() -> None:
    story = Story(*STOLE)
    story.owes()
    story.owes(Held(None, D2, None))
    assert story.owes(cancel(1, D3)) == [(CANCELLED, "G11", {"STOLE": 2})]
    assert [effect["held"] for effect in story.owed.values()] == [False, True, True]
    assert story.owes(Held(None, D4, None)) == [(HOLD, "G11", {"STOLE": 2})]


def test_units_that_are_held_from_the_beginning_are_told_when_they_are_released() -> None:
    story = Story(*STOLE, Held(None, D1, None))
    assert story.owes() == []
    assert story.owes(Released(D2)) == [(NEW_ORDER, "G11", {"STOLE": 3})]
    assert [effect["held"] for effect in story.owed.values()] == [False]


def test_a_new_order_of_which_some_is_held_says_both() -> None:
    story = Story(*STOLE, placed("2"), of("2", "SHAWL", "G11"), Held("2", D1, None))
    assert story.owes() == [(NEW_ORDER, "G11", {"SHAWL": 3, "STOLE": 3}), (HOLD, "G11", {"SHAWL": 3, "STOLE": 3})]
    assert [effect["held"] for effect in story.owed.values()] == [False, True]
    assert units_held(story.order, "G11") == {"SHAWL": 3}
    assert units_to_send(story.order, "G11") == {"SHAWL": 3, "STOLE": 3}
    assert story.owes(Released(D2)) == [(RELEASED, "G11", {"SHAWL": 3, "STOLE": 3})]


def test_more_units_while_some_are_held_tell_nothing_twice() -> None:
    story = Story(*STOLE, placed("2"), of("2", "SHAWL", "G11"), Held("2", D1, None))
    story.owes()
    more = story.owes(placed(at=D2, quantity=5))
    assert more == [(NEW_ORDER, "G11", {"SHAWL": 3, "STOLE": 5})]
    assert story.owed[max(story.owed, key=lambda name: story.owed[name]["n"])]["held"] is True


def test_more_units_that_come_with_the_release_are_one_text() -> None:
    story = Story(*STOLE)
    story.owes()
    story.owes(Held(None, D2, None))
    assert story.owes(Released(D3), placed(at=D3, quantity=4)) == [(NEW_ORDER, "G11", {"STOLE": 4})]
    assert [effect["held"] for effect in story.owed.values()] == [False, True, False]
    assert story.owes() == []


def test_a_hold_that_a_person_took_back_and_put_back_is_told_each_time() -> None:
    hold = Held(None, D2, None)
    story = Story(*STOLE)
    story.owes()
    kinds = [story.owes(fact)[0][0] for fact in (hold, void(hold), void(void(hold), "w"), void(void(void(hold), "w")))]
    assert kinds == [HOLD, RELEASED, HOLD, RELEASED]


def test_a_hold_that_was_kept_from_a_group_because_the_goods_had_left_is_told_when_they_had_not() -> None:
    gone = Step("picked_up", D3)
    story = Story(*STOLE)
    story.owes()
    assert story.owes(Held("1", D2, 2)) == [(HOLD, "G11", {"STOLE": 3})]
    assert story.owes(gone) == []
    assert [kind for kind, _, _ in story.owes(void(gone))] == [NEW_ORDER, HOLD]


def test_nobody_is_told_of_a_release_after_the_goods_left_or_of_nothing() -> None:
    for end in (Step("shipped", D3), cancel(3, D3)):
        story = Story(*STOLE)
        story.owes()
        story.owes(Held(None, D2, None))
        assert RELEASED not in [kind for kind, *_ in story.owes(end)]


def test_a_group_hears_once_when_its_last_missing_units_are_there() -> None:
    story = Story(*STOLE, placed("2"), of("2", "STOLE", "G11"))
    missing, there = Applied("STOLE", reserved=1, short=2), Applied("STOLE", reserved=3)
    assert story.owes(line1=missing, line2=missing) == [(NEW_ORDER, "G11", {"STOLE": 6})]
    assert [effect["short"] for effect in story.owed.values()] == [True]
    assert story.owes(line1=there) == []
    assert story.owes(line2=there) == [(SERVED, "G11", {"STOLE": 6})]
    assert [effect["short"] for effect in story.owed.values()] == [True, False]
    assert story.owes(line1=there, line2=there) == []


def test_what_is_missing_and_then_cancelled_was_not_served() -> None:
    story = Story(*STOLE)
    story.owes(line1=Applied("STOLE", reserved=1, short=2))
    assert story.owes(cancel(2, D2), line1=Applied("STOLE", reserved=1)) == [(CANCELLED, "G11", {"STOLE": 1})]
    gone = Story(*STOLE)
    gone.owes(line1=Applied("STOLE", reserved=1, short=2))
    assert gone.owes(Step("shipped", D2), line1=Applied("STOLE", consumed=3)) == []


def test_missing_units_that_come_while_the_order_is_held() -> None:
    story = Story(*STOLE)
    story.owes(line1=Applied("STOLE", short=3))
    assert story.owes(Held("1", D2, 1)) == [(HOLD, "G11", {"STOLE": 3})]
    assert story.owes(Released(D3), line1=Applied("STOLE", reserved=3)) == [(RELEASED, "G11", {"STOLE": 3})]
    # The release names everything that is to be done; who reads it need not hear that it is there.
    assert story.owes() == []


def test_a_text_is_good_until_48_hours_after_the_last_deadline_else_a_week_after_the_sale() -> None:
    order = Story(*STOLE, placed("2", ship_by="2026-11-28T10:00:00Z"), of("2", "MAT", "G11")).order
    assert good_until(order, "G11") == "2026-11-30T10:00:00Z"
    # A group of another line, and one that has none: the order's own deadlines hold.
    assert good_until(order, "G99") == "2026-11-30T10:00:00Z"
    late = placed("2", ship_by=None, sold_at=D2)
    order = Story(placed(ship_by=None), of("1", "STOLE", "G11"), late, of("2", "MAT", "G11")).order
    assert good_until(order, "G11") == "2026-11-29T06:00:00Z"
    moved = Story(*STOLE, DatesChanged(D2, "2026-12-01T10:00:00Z")).order
    assert good_until(moved, "G11") == "2026-12-03T10:00:00Z"
    assert good_until(read([]), "G11") == ""


def test_of_what_a_group_was_told_only_what_it_still_sends_is_kept() -> None:
    assert kept({"STOLE": 3, "SHAWL": 1, "MAT": 2}, {"STOLE": 2, "MAT": 5, "HORSE": 4}) == {"STOLE": 2, "MAT": 2}


def test_a_delivered_line_is_computed_and_again_when_what_it_hangs_on_changes() -> None:
    story = Story(*STOLE)
    assert story.pays() == []
    assert story.pays(Step("delivered", D3)) == ["1"]
    assert story.pays(Step("packed", D1)) == []
    assert story.pays(placed(at=D2, unit_price_paise=139900)) == ["1"]
    assert story.pays(cancel(1, D2)) == ["1"]
    assert story.pays(corrected("1", "SHAWL", "G11", D4)) == ["1"]
    assert story.pays(corrected("1", "SHAWL", "G22", D5, "b")) == ["1"]
    payouts = [effect for effect in story.owed.values() if effect["kind"] == PAYOUT]
    assert [effect["n"] for effect in payouts] == [1, 2, 3, 4, 5]
    assert len({effect["revision"] for effect in payouts}) == 5


def test_a_line_without_product_price_or_units_earns_nothing() -> None:
    delivered = Step("delivered", D3)
    assert Story(placed(), delivered).pays() == []
    assert Story(placed(unit_price_paise=None), of("1", "STOLE", "G11"), delivered).pays() == []
    assert Story(*STOLE, cancel(3, D2), delivered).pays() == []


def test_a_line_that_loses_its_reason_to_be_paid_is_computed_once_more() -> None:
    delivered = Step("delivered", D3)
    story = Story(*STOLE, delivered)
    story.pays()
    assert story.pays(void(delivered)) == ["1"]
    assert story.pays(void(void(delivered), "w")) == ["1"]
    assert story.pays(void(placed(), "x")) == ["1"]
    assert story.pays() == []


def test_two_lines_are_computed_each_for_itself() -> None:
    story = Story(placed("L1"), of("L1", "STOLE", "G11"), placed("L2"), of("L2", "HORSE", "G22"), Step("delivered", D3))
    assert story.pays() == ["L1", "L2"]
    assert story.pays(cancel(1, D2, "L2")) == ["L2"]
    assert [effect["n"] for effect in story.owed.values() if effect.get("line_id") == "L2"] == [1, 2]
    assert story.pays() == []


def test_a_missing_price_is_asked_for_once_while_the_order_is_held_and_once_when_it_goes_on() -> None:
    story = Story(placed(unit_price_paise=None), of("1", "STOLE", "G11"), Held(None, D1, None))
    assert story.asks() == 1
    assert story.asks(replace(placed(unit_price_paise=None), at=D2)) == 0
    assert story.asks(Released(D3)) == 1
    assert story.asks(Priced("1", D3, 149900, None)) == 0


def asks_back(line_id: str = "1", quantity: int = 2, of: str = "R1", at: str = D4, **other: Any) -> ReturnRequested:
    return ReturnRequested(of, line_id, at, "customer", quantity, None, "", "", **other)


def test_a_return_is_told_once_to_the_group_whose_goods_come_back() -> None:
    story = Story(*STOLE, Step("shipped", D3))
    assert story.tells() == []
    assert story.tells(asks_back()) == [(RETURN, "G11", {"units": {"STOLE": 2}})]
    assert story.tells(asks_back(at=D5, quantity=3), ReturnStep("R1", "1", D5, "received")) == []
    assert story.tells(asks_back(of="R2", quantity=1)) == [(RETURN, "G11", {"units": {"STOLE": 1}})]
    [effect] = [effect for effect in story.owed.values() if effect.get("return_id") == "R1"]
    assert effect == {
        "kind": RETURN, "group_id": "G11", "contact": "leader", "good_until": "2026-12-08T06:00:00Z",
        "says": {"units": {"STOLE": 2}}, "return_id": "R1", "lines": ["1"],
    }  # fmt: skip


def test_a_return_of_several_lines_is_one_text_for_each_group_and_one_for_what_is_added_later() -> None:
    lines = ("1", "STOLE", "G11"), ("2", "SHAWL", "G11"), ("3", "HORSE", "G22"), ("4", "STOLE", "G11")
    known = [fact for line_id, *terms in lines for fact in (placed(line_id), of(line_id, *terms))]
    story = Story(*known, Step("shipped", D3))
    story.owes()
    assert story.tells(*(asks_back(line_id) for line_id in "123")) == [
        (RETURN, "G11", {"units": {"SHAWL": 2, "STOLE": 2}}),
        (RETURN, "G22", {"units": {"HORSE": 2}}),
    ]
    assert story.tells(asks_back("4", 1)) == [(RETURN, "G11", {"units": {"STOLE": 1}})]


def test_a_return_that_was_called_off_before_anybody_heard_of_it_is_not_told() -> None:
    gone = Step("shipped", D3)
    assert Story(*STOLE, gone, asks_back(), ReturnStep("R1", "1", D5, "cancelled")).tells() == []
    # It came all the same.
    back = ReturnStep("R1", "1", D5, "cancelled"), ReturnStep("R1", "1", D5, "received")
    assert len(Story(*STOLE, gone, asks_back(), *back).tells()) == 1


def test_a_return_of_what_is_nobodys_or_the_marketplaces_own_is_told_to_nobody() -> None:
    theirs = placed(fulfilled_by=MARKETPLACE), of("1", "STOLE", "G11")
    assert Story(*theirs, Step("shipped", D3), asks_back()).tells() == []
    assert Story(Step("shipped", D3), asks_back()).tells() == []
    story = Story(placed(), Step("shipped", D3), asks_back())
    assert story.tells() == []
    assert story.tells(of("1", "STOLE", "G11")) == [(RETURN, "G11", {"units": {"STOLE": 2}})]


def test_a_return_that_is_only_claimed_is_told_when_the_marketplace_says_so() -> None:
    story = Story(*STOLE, Step("shipped", D3))
    story.tells()
    assert story.tells(asks_back(claimed=True)) == []
    assert len(story.tells(asks_back())) == 1


def test_a_return_changes_nothing_in_what_else_a_group_is_told() -> None:
    story, other = Story(*STOLE), Story(*STOLE)
    for each in (story, other):
        each.owes()
    story.tells(asks_back())
    cut = cancel(1, D2)
    assert story.owes(cut) == other.owes(cut) == [(CANCELLED, "G11", {"STOLE": 2})]
    assert [e["n"] for e in story.owed.values() if e["kind"] in TEXTS] == [1, 2]
    # A line that went to another group is told as gone once, whatever is to come back of it.
    moved = corrected("1", "HORSE", "G22", D4)
    assert sorted(story.owes(moved)) == [(CANCELLED, "G11", {}), (NEW_ORDER, "G22", {"HORSE": 2})]
    assert story.tells() == []


SOON, SOONER, LATER = "2026-11-26T10:00:00Z", "2026-11-26T06:00:00Z", "2026-11-30T10:00:00Z"


def test_a_time_that_comes_nearer_is_told_to_who_knows_a_later_one() -> None:
    story = Story(*STOLE)
    story.owes()
    assert story.tells(DatesChanged(D2, LATER)) == []
    assert story.tells(DatesChanged(D3, SOON)) == [(SHIP_BY_TEXT, "G11", {"count": 1, "by": SOON})]
    assert story.tells(DatesChanged(D4, SOONER)) == [(SHIP_BY_TEXT, "G11", {"count": 1, "by": SOONER})]
    assert story.tells(DatesChanged(D5, SOON)) == []
    assert [e["good_until"] for e in story.owed.values() if e["kind"] == SHIP_BY_TEXT] == [SOON, SOONER]


def test_a_text_that_names_the_new_time_itself_is_enough() -> None:
    story = Story(*STOLE)
    story.owes()
    assert story.tells(DatesChanged(D3, SOON), placed(at=D2, quantity=5)) == []
    assert [e["by"] for e in story.owed.values()] == [SHIP_BY, SOON]
    # A cancellation names none.
    both = story.tells(DatesChanged(D4, SOONER), cancel(1, D4))
    assert both == [(SHIP_BY_TEXT, "G11", {"count": 1, "by": SOONER})]
    assert ["by" in e for e in story.owed.values() if e["kind"] == CANCELLED] == [False]


def test_a_time_that_went_away_was_told_and_comes_back_is_told_again() -> None:
    story = Story(*STOLE)
    story.owes()
    assert len(story.tells(DatesChanged(D2, SOON))) == 1
    story.owes(Held(None, D2, None))
    assert story.owes(Released(D3), DatesChanged(D3, LATER)) == [(RELEASED, "G11", {"STOLE": 3})]
    assert len(story.tells(DatesChanged(D4, SOON))) == 1


def test_nobody_hears_of_a_nearer_time_for_what_is_held_gone_cancelled_or_was_never_told() -> None:
    for news in (Held(None, D2, None), Step("shipped", D2), Step("picked_up", D2, claimed=True), cancel(3, D2)):
        story = Story(*STOLE)
        story.owes()
        story.owes(news)
        assert story.tells(DatesChanged(D3, SOON)) == []
    assert Story(*STOLE, Held(None, D1, None), DatesChanged(D3, SOON)).tells() == []
    partly = Story(*STOLE)
    partly.owes()
    partly.owes(Held("1", D2, 1))
    assert len(partly.tells(DatesChanged(D3, SOON))) == 1


def test_a_group_hears_of_its_own_lines_time_alone() -> None:
    later = placed("2", ship_by=LATER)
    story = Story(*STOLE, later, of("2", "HORSE", "G22"))
    story.owes()
    assert (hand_over_by(story.order, "G11"), hand_over_by(story.order, "G22")) == (SHIP_BY, LATER)
    nearer = replace(later, at=D2, ship_by=SOON)
    assert story.tells(nearer) == [(SHIP_BY_TEXT, "G22", {"count": 1, "by": SOON})]
    undated = Story(placed(ship_by=None), of("1", "STOLE", "G11"))
    undated.owes()
    assert hand_over_by(undated.order, "G11") is None
    assert undated.tells(DatesChanged(D2, SOON)) == []


def test_a_persons_act_is_told_to_the_money_of_every_line_whatever_became_of_the_goods() -> None:
    """The order does not know whether it was settled, nor which lines share what was."""
    two = (placed(), of("1", "STOLE", "G11"), placed("2"), of("2", "STOLE", "G11"))
    story = Story(*two)
    assert story.pays() == []
    assert sorted(story.pays(corrected("1", "SHAWL", "G11", D2))) == ["1", "2"]
    assert story.pays(cancel(1, D2)) == ["1"]
    assert sorted(story.pays(void(placed("2"), "w"))) == ["1", "2"], "one that is none is told, too"
    assert sorted(story.pays(void(void(placed("2"), "w"), "x"))) == ["1", "2"]
    assert story.pays() == []
