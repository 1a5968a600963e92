"""What nobody signed, and what the marketplace itself says of it: told as histories, read in any order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from hunar.domain import claims, facts
from hunar.domain.demand import Demand, demand
from hunar.domain.facts import (
    COURIER,
    Cancelled,
    CancelRequested,
    Claim,
    DatesChanged,
    Denied,
    Fact,
    Held,
    Lost,
    Placed,
    Priced,
    Released,
    Resolved,
    ReturnRequested,
    ReturnStep,
    Snapshot,
    Stated,
    Step,
    as_claim,
)
from hunar.domain.order import Line, Order, counting, read
from hunar.domain.reasons import reasons

D1, D2, D3, D4, D5 = (f"2026-11-{day}T06:00:00Z" for day in range(21, 26))


def placed(at: str = D1, quantity: int = 3, **other: object) -> Placed:
    said: dict[str, object] = {
        "listing": "STOLE", "unit_price_paise": 149900, "price_problem": None, "sold_at": D1, "ship_by": None
    }  # fmt: skip
    return Placed("1", at, quantity=quantity, **(said | other))  # type: ignore[arg-type]


def claim(fact: Claim) -> Claim:
    claimed = as_claim(fact)
    assert isinstance(claimed, Claim)
    assert claimed.claimed
    return claimed


def told(at: str, *, still: int = 3, quantity: int = 3, step: str = "", held: bool = False) -> list[Fact]:
    """The marketplace's own answer about the order."""
    steps: list[Fact] = [Step(step, at)] if step else []
    return [placed(at, quantity), Stated("1", at, still), Snapshot(at, step, held, "1"), *steps]


OURS = Resolved("1", "STOLE", "G11", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None)


def order(*known: Fact | list[Fact]) -> Order:
    """The same whatever came first."""
    flat = [fact for one in known for fact in (one if isinstance(one, list) else [one])]
    found = read(flat)
    for other in list(permutations(flat))[:50]:
        assert read(other) == found
    return found


def line(*known: Fact | list[Fact]) -> Line:
    [found] = order(*known).lines
    return found


def kinds(*known: Fact | list[Fact]) -> list[str]:
    return [problem.kind for problem in order(*known).problems]


def wants(*known: Fact | list[Fact]) -> Demand:
    [found] = demand(order(OURS, *known)).values()
    return found


def test_a_fact_that_was_kept_before_claims_were_known_keeps_its_hash() -> None:
    assert '"claimed"' not in facts.to_text(placed())
    assert facts.from_text(facts.to_text(claim(placed()))) == claim(placed())
    assert facts.fact_id(claim(placed())) != facts.fact_id(placed())


def test_what_moves_nothing_is_no_claim() -> None:
    noted = facts.ReturnNoted("R1", "1", D1, "tracking", "T1")
    assert as_claim(noted) == noted


def test_a_claimed_placing_asks_for_its_units_and_stays_pending_until_the_marketplace_agrees() -> None:
    said = claim(placed())
    assert wants(said).hold == 3
    assert order(said).pending == (facts.fact_id(said),)
    assert claims.wanted([said]) == claims.Wanted(True, (), {facts.fact_id(said): D1})
    assert order(said, told(D1)).pending == ()
    assert kinds(said, told(D1)) == []


@pytest.mark.parametrize("other", [{"quantity": 9}, {"listing": "MAT"}, {"unit_price_paise": 100}])
def test_a_placing_of_which_the_marketplace_says_otherwise_is_nothing_and_a_person_hears_of_it(
    other: dict[str, object],
) -> None:
    said = claim(placed(**other))  # type: ignore[arg-type]
    known = [said, *told(D2)]
    assert (line(*known).quantity, line(*known).listing, line(*known).unit_price_paise) == (3, "STOLE", 149900)
    assert kinds(*known) == ["CLAIM_DENIED"]
    assert order(*known).pending == ()


def test_a_line_that_a_whole_order_does_not_have_was_never_sold() -> None:
    said = claim(replace(placed(), line_id="2"))
    found = order(said, told(D2))
    assert [line.line_id for line in found.lines] == ["1"]
    assert [problem.kind for problem in found.problems] == ["CLAIM_DENIED"]
    # Absence from an answer that may lack lines says nothing.
    assert order(said, placed(D2), Snapshot(D2, "", False, "")).pending == (facts.fact_id(said),)


def test_a_placing_that_nobody_can_confirm_is_denied_and_frees_what_it_held() -> None:
    said = claim(placed())
    found = order(said, Denied(facts.fact_id(said), D1))
    assert found.lines == ()
    assert [problem.kind for problem in found.problems] == ["UNKNOWN_SHIPMENT", "CLAIM_DENIED"]


def test_who_is_denied_and_confirmed_later_after_all_counts() -> None:
    said = claim(placed())
    found = order(said, Denied(facts.fact_id(said), D1), told(D2))
    assert [line.quantity for line in found.lines] == [3]
    assert found.problems == ()


def test_a_claimed_cancellation_shows_at_once_but_frees_nothing_until_it_is_confirmed() -> None:
    cancel = claim(Cancelled("1", D2, 2, "buyer", ""))
    assert line(placed(), cancel).open == 1
    assert wants(placed(), cancel).hold == 3
    assert wants(placed(), cancel, told(D2, still=1)).hold == 1
    assert order(placed(), cancel, told(D2, still=1)).pending == ()


def test_a_forged_cancellation_gives_the_units_back_to_nobody() -> None:
    cancel = claim(Cancelled("1", D2, 3, "buyer", ""))
    known = [placed(), cancel, *told(D3)]
    assert wants(*known).hold == 3
    assert line(*known).cancelled == 0
    assert kinds(*known) == ["CLAIM_DENIED"]


def test_an_old_copy_of_the_order_settles_nothing_and_erases_no_cancellation() -> None:
    cancel = claim(Cancelled("1", D3, 3, "buyer", ""))
    known = [placed(), cancel, *told(D2)]
    assert line(*known).cancelled == 3
    assert order(*known).pending == (facts.fact_id(cancel),)
    plain = Cancelled("1", D3, 3, "buyer", "")
    assert line(placed(), plain, *told(D2)).cancelled == 3


def test_what_a_snapshot_states_is_not_counted_twice() -> None:
    first, second = Cancelled("1", D2, 1, "buyer", ""), Cancelled("1", D4, 1, "buyer", "")
    assert line(placed(), first, told(D3, still=2)).cancelled == 1
    # In the very second of the snapshot: once, whether it stands in it or not.
    assert line(placed(), first, told(D2, still=2)).cancelled == 1
    assert line(placed(), first, told(D2, still=3)).cancelled == 1
    assert line(placed(), first, told(D3, still=2), second).cancelled == 2


def test_a_snapshot_may_count_what_is_cancelled_among_what_was_ordered_or_not() -> None:
    cancel = claim(Cancelled("1", D2, 1, "buyer", ""))
    assert kinds(claim(placed()), cancel, told(D3, still=2, quantity=3)) == []
    assert kinds(claim(placed()), cancel, told(D3, still=2, quantity=2)) == []
    assert line(claim(placed()), cancel, told(D3, still=2, quantity=2)).open == 2


def test_claimed_steps_move_neither_stock_nor_money_until_they_are_confirmed() -> None:
    steps = [claim(Step("shipped", D2)), claim(Step("delivered", D3))]
    known = [placed(), *steps]
    assert wants(*known) == Demand("STOLE", "G11", hold=3, gone=0)
    assert line(*known).delivered_at is None
    assert order(*known).state == "DELIVERED"
    assert order(*known).said_to_have_left
    sure = [*known, *told(D4, step="delivered")]
    assert wants(*sure) == Demand("STOLE", "G11", hold=0, gone=3)
    assert line(*sure).delivered_at == D3
    half = [*known, *told(D2, step="shipped")]
    assert wants(*half).gone == 3
    assert line(*half).delivered_at is None
    assert order(*half).pending == (facts.fact_id(steps[1]),)


def test_a_delivery_that_the_marketplace_does_not_know_is_denied() -> None:
    known = [placed(), claim(Step("delivered", D2)), *told(D3, step="packed")]
    assert order(*known).state == "PACKED"
    assert kinds(*known) == ["CLAIM_DENIED"]


def test_of_a_cancelled_order_nobody_asks_how_far_it_had_come() -> None:
    assert kinds(placed(), claim(Step("packed", D2)), told(D3, still=0)) == []
    assert kinds(placed(), claim(Step("shipped", D2)), told(D3, still=0)) == ["CLAIM_DENIED"]


def test_a_claimed_return_stops_money_and_its_cancellation_brings_it_back_only_when_confirmed() -> None:
    gone = [placed(), Step("shipped", D2)]
    request = ReturnRequested("R1", "1", D3, COURIER, 3, None, "", "")
    known = [*gone, claim(request), claim(ReturnStep("R1", "1", D4, "received"))]
    assert line(*known).kept == 0
    assert claims.wanted(known).returns == ("R1",)
    assert not claims.wanted(known).order
    undone = claim(ReturnStep("R1", "1", D5, "cancelled"))
    assert line(*known, undone).kept == 0
    assert line(*known, undone, request, ReturnStep("R1", "1", D5, "cancelled")).kept == 3


def test_a_return_of_which_the_marketplace_names_another_quantity_counts_as_the_marketplace_says() -> None:
    said = ReturnRequested("R1", "1", D3, COURIER, 3, None, "", "")
    known = [
        placed(),
        Step("shipped", D2),
        claim(said),
        replace(said, quantity=1),
        ReturnStep("R1", "1", D4, "received"),
    ]
    assert line(*known).returned == 1
    assert "CLAIM_DENIED" in kinds(*known)


def test_a_hold_a_release_and_a_deadline_are_settled_by_what_is_seen_later() -> None:
    hold = claim(Held(None, D2, None))
    assert line(placed(), hold).held == 3
    assert order(placed(), hold).pending == (facts.fact_id(hold),)
    assert line(placed(), hold, told(D3)).held == 0
    assert line(placed(), hold, told(D3, held=True)).held == 3
    release = claim(Released(D3))
    assert line(placed(), hold, release, told(D4, held=True)).held == 3
    dates = claim(DatesChanged(D2, "2026-12-01T06:00:00Z"))
    assert order(placed(), dates, told(D3)).pending == ()


def test_an_order_that_is_seen_held_is_held_since_it_was_seen_first() -> None:
    seen = [told(D2, held=True), told(D3, held=True)]
    assert (line(placed(), *seen).held, line(placed(), *seen).held_at) == (3, D2)
    assert line(placed(), *seen, told(D4)).held == 0


@pytest.mark.parametrize("announced", [placed(D1), claim(placed(D1))])
def test_a_cancellation_that_a_snapshot_counts_among_nothing_any_more_is_not_counted_a_second_time(
    announced: Placed,
) -> None:
    """Sold were 3; the marketplace's own answer of the same second knows only the 2 that are left."""
    said = claim(Cancelled("1", D2, 1, "buyer", ""))
    seen = told(D2, still=2, quantity=2)
    assert line(announced, said, seen).open == 2
    assert wants(announced, said, seen).hold == 2


def test_an_announcement_of_fewer_units_frees_none_while_it_is_only_claimed() -> None:
    first, fewer = claim(placed()), claim(placed(D2, quantity=1))
    assert (line(first, fewer).quantity, wants(first, fewer).hold) == (1, 3)
    assert wants(first, fewer, told(D1)).hold == 3
    assert wants(first, fewer, told(D3, quantity=1, still=1)).hold == 1
    assert wants(first, claim(placed(D2, quantity=5))).hold == 5


@pytest.mark.parametrize(
    ("said", "otherwise", "agrees"),
    [
        (Held("1", D2, 2), {"held": False}, {"held": True}),
        (Released(D2), {"held": True}, {"held": False}),
        (DatesChanged(D2, D4), {"ship_by": D5}, {"ship_by": D4}),
    ],
)
def test_a_message_that_was_given_the_time_of_a_true_one_is_settled_only_by_what_the_marketplace_says(
    said: Claim, otherwise: dict[str, object], agrees: dict[str, object]
) -> None:
    def seen(at: str, *, held: bool = False, ship_by: str | None = None) -> list[Fact]:
        return [placed(at, ship_by=ship_by), Stated("1", at, 3), Snapshot(at, "", held, "1")]

    forged = claim(said)
    assert order(forged, seen(D2, **otherwise)).pending == (facts.fact_id(forged),)  # type: ignore[arg-type]
    denied = order(forged, seen(D2, **otherwise), Denied(facts.fact_id(forged), D2))  # type: ignore[arg-type]
    plain = order(seen(D2, **otherwise))  # type: ignore[arg-type]
    assert (denied.state, denied.ship_by) == (plain.state, plain.ship_by)
    assert order(forged, seen(D2, **otherwise), seen(D3, **otherwise)).pending == ()  # type: ignore[arg-type]
    assert order(forged, seen(D2, **agrees)).pending == ()  # type: ignore[arg-type]


def test_a_hold_of_fewer_units_that_nobody_signed_lets_none_go() -> None:
    whole, fewer = claim(Held("1", D2, 3)), claim(Held("1", D3, 1))
    assert line(placed(), whole, fewer).held == 3
    assert line(placed(), whole, fewer, told(D4, held=True)).held == 3
    # One that was released in between is over.
    assert line(placed(), claim(Held("1", D1, 3)), told(D2), fewer, told(D4, held=True)).held == 1


def test_a_price_that_comes_later_is_the_price_and_a_later_announcement_without_one_does_not_take_it_away() -> None:
    silent = placed(unit_price_paise=None)
    assert (line(silent).unpriced, claims.wanted([silent]).order) == (True, True)
    price = Priced("1", D2, 149900, None)
    later = placed(D3, unit_price_paise=None)
    found = line(silent, later, price)
    assert (found.unit_price_paise, found.unpriced) == (149900, False)
    assert not claims.wanted([silent, later, price])
    unclear = [silent, Priced("1", D2, None, "another currency")]
    assert (line(*unclear).unpriced, kinds(*unclear)) == (False, ["PRICE_UNCLEAR"])


def test_two_doors_that_say_the_same_in_one_second_and_one_of_them_less_do_not_contradict_each_other() -> None:
    less = placed(unit_price_paise=None, sold_at=D2)
    more = placed(ship_by=D5)
    assert kinds(less, more) == []
    assert (line(less, more).unit_price_paise, line(less, more).ship_by) == (149900, D5)
    assert kinds(placed(ship_by=D4), placed(ship_by=D5)) == ["CONTRADICTION"]
    assert kinds(placed(quantity=2), placed(quantity=3)) == ["CONTRADICTION"]


def test_a_line_that_is_delivered_and_still_without_a_price_is_shown_to_a_person() -> None:
    silent = placed(unit_price_paise=None)
    assert kinds(silent, Step("shipped", D2)) == []
    assert kinds(silent, Step("delivered", D2)) == ["PRICE_UNCLEAR"]
    assert kinds(silent, Step("delivered", D2), Priced("1", D3, 149900, None)) == []


def test_goods_of_the_marketplaces_own_warehouse_never_touch_a_shelf() -> None:
    theirs = placed(fulfilled_by=facts.MARKETPLACE, ship_by=D5)
    assert demand(order(OURS, theirs)) == {}
    assert order(OURS, theirs).ship_by is None


def test_a_parcel_that_is_lost_earns_nothing_and_never_comes_back_unless_it_is_delivered_after_all() -> None:
    lost = [placed(), Step("picked_up", D2), Lost(D3, "Lost")]
    assert (order(*lost).state, line(*lost).kept) == ("LOST", 0)
    assert wants(*lost).gone == 3
    # Nobody need have seen it go.
    assert wants(placed(), Lost(D3, "Damaged")).gone == 3
    found = [*lost, Step("delivered", D4)]
    assert (order(*found).state, line(*found).kept) == ("DELIVERED", 3)


def test_a_buyer_who_asks_to_cancel_has_not_cancelled() -> None:
    asks = CancelRequested("1", D2)
    assert (line(placed(), asks).cancelled, kinds(placed(), asks)) == (0, ["CANCEL_REQUESTED"])
    assert kinds(placed(), asks, told(D3, still=0)) == []
    assert kinds(placed(), asks, Step("shipped", D3)) == []


def test_an_order_that_was_cancelled_before_it_was_announced_asks_for_nobody() -> None:
    assert kinds(Stated("1", D2, 0)) == []
    assert kinds(Stated("1", D2, 1)) == ["UNKNOWN_SHIPMENT"]


def test_the_history_says_what_is_not_confirmed_and_what_is_not_true() -> None:
    cancel = claim(Cancelled("1", D2, 3, "buyer", ""))
    [row] = [row for row in order(placed(), cancel).history if row["what"] == "cancelled"]
    assert row["detail"] == "3: buyer (not confirmed yet)"
    [row] = [row for row in order(placed(), cancel, told(D3)).history if row["what"] == "cancelled"]
    assert row["detail"] == "3: buyer (the marketplace says otherwise)"


def test_a_denial_is_kept_and_read_as_what_it_denies() -> None:
    said = claim(placed())
    raw = claims.denial("S1", claims.wanted([said]).claims)
    reading = claims.denials(raw)
    assert reading is not None
    assert (reading.marketplace_id, reading.facts) == ("S1", (Denied(facts.fact_id(said), D1),))
    assert claims.denials(b'{"shipment": {}}') is None
    assert claims.denials(b"<html>") is None


def because(*known: Fact) -> list[Fact]:
    """The facts that make the order what it shows."""
    return list(reasons(counting(known), read(known))[0].because)


def test_the_state_has_its_reason_also_when_only_the_marketplace_says_it() -> None:
    none_left = Stated("1", D3, 0)
    assert because(placed(), Stated("1", D2, 3), none_left) == [none_left]
    lost = Lost(D3, "Lost")
    assert because(placed(), Step("picked_up", D2), lost) == [lost]
    held = Snapshot(D2, "", True, "1")
    assert because(placed(), held, Snapshot(D3, "", True, "1")) == [held]
    # What the marketplace contradicts decides nothing.
    forged = claim(placed(D1, quantity=9))
    announced = [one for one in reasons(counting([forged, placed(D2)]), read([forged, placed(D2)]))
                 if one.what == "announcement"]  # fmt: skip
    assert [one.because for one in announced] == [(placed(D2),)]
