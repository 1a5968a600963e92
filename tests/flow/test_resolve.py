"""What resolves each kind of exception, and what closes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hunar import tables
from hunar.domain import facts, worklist
from hunar.domain.facts import Cancelled
from hunar.domain.order import knowledge
from hunar.domain.worklist import ACTIONS, RESOLVED_BY
from hunar.messages import Replay
from hunar.ports import Conflict, Put, QueueName, Refused, Rejected
from hunar.tables import Item
from hunar.use_cases import operate
from hunar.use_cases.operate import Desk, NotNow, NotThere
from hunar.use_cases.resolve import TAKES, resolve
from tests.flipkart_messages import cancelled, created, item, step
from tests.flow.test_operate import bring_rates, by, desk, exception, owed_to, returned, shelf, state_return
from tests.flow.test_operate import world as _world
from tests.world import World

world = _world


def do(
    world: World, kind: str, act: str | None = None, *, note: str = "", person: str = "farzana", **given: Any
) -> str:
    """A person resolves the one exception of the kind, and all follows."""
    act_id = f"X{len(world.store.changes)}"
    identity = exception(world, kind)["exception_id"]
    done = resolve(desk(world), identity, act, given, by(act_id, note, person))
    world.settle()
    return done


def events(found: Item) -> list[tuple[str, str | None]]:
    return [(event["what"], event["by"]) for event in found["history"]]


def test_every_kind_has_one_resolving_act_and_every_act_says_what_it_takes() -> None:
    assert set(RESOLVED_BY) == set(ACTIONS)
    assert set(RESOLVED_BY.values()) <= set(TAKES)


def test_who_acknowledges_closes_it_with_a_name_and_a_note(world: World) -> None:
    world.phones.answers = iter([Refused("opted out")])
    world.post(created("S1", item("STOLE", 1)))
    world.settle()
    assert do(world, "SMS_REJECTED", note="told her by telephone") == "acknowledge"
    closed = exception(world, "SMS_REJECTED")
    assert closed["closed_at"] == world.now
    assert closed["history"][-1] == {
        "at": world.now,
        "what": "resolved",
        "by": "farzana",
        "note": "told her by telephone",
    }
    with pytest.raises(NotNow, match="the exception is closed since"):
        do(world, "SMS_REJECTED")


def test_what_was_acknowledged_opens_again_when_it_says_something_else_and_only_then(world: World) -> None:
    """More is cancelled than was ordered; the same message again changes nothing, another excess does."""
    world.post(created("S1", item("STOLE", 1)))
    too_many = cancelled("S1", 3)
    world.post(too_many)
    world.settle()
    do(world, "EXCESS_CANCELLATION", note="the portal shows one")
    world.post(too_many)
    world.post(step("S1", "packed"))
    world.settle()
    assert world.exceptions() == []
    world.post(cancelled("S1", 4, at="2026-11-24T13:00:00+05:30"))
    world.settle()
    again = exception(world, "EXCESS_CANCELLATION")
    assert again["closed_at"] is None
    assert events(again) == [("opened", None), ("resolved", "farzana"), ("opened again", None)]


def test_who_saw_something_else_than_what_it_became_does_not_close_it(world: World) -> None:
    """Between the reading and the closing another message changed what the exception says."""
    world.post(created("S1", item("STOLE", 1)))
    world.post(cancelled("S1", 3))
    world.settle()
    seen = exception(world, "EXCESS_CANCELLATION")
    commit = world.store.commit

    def changed_first(puts: list[Put]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        world.post(cancelled("S1", 4, at="2026-11-24T13:00:00+05:30"))
        world.settle()
        commit(puts)

    def twice(action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Conflict:
            return action()

    world.store.commit = changed_first  # type: ignore[method-assign,assignment]
    acting = Desk(world.store, world.queues, world.now, twice)
    with pytest.raises(NotNow, match="the exception changed meanwhile: line 1: 4 cancelled"):
        resolve(acting, seen["exception_id"], None, {}, by("A1"))
    assert world.exceptions() == ["EXCESS_CANCELLATION"]


def test_a_fact_that_an_exception_names_can_be_voided_instead(world: World) -> None:
    world.post(created("S1", item("STOLE", 1)))
    world.post(cancelled("S1", 3))
    world.settle()
    assert worklist.offered(exception(world, "EXCESS_CANCELLATION")) == ("acknowledge", "void", "remap")
    assert do(world, "EXCESS_CANCELLATION", "void", note="not ours") == "void"
    closed = exception(world, "EXCESS_CANCELLATION")
    assert {("void", "farzana"), ("closed", None)} == set(events(closed)[1:])


def test_a_contradiction_is_resolved_by_naming_what_is_not_true(world: World) -> None:
    at = "2026-11-24T10:05:00+05:30"
    world.post(created("S1", item("STOLE", 1), at=at))
    world.post(created("S1", item("STOLE", 2), at=at))
    world.settle()
    assert world.exceptions() == ["CONTRADICTION"]
    with pytest.raises(Rejected, match="fact_id: is missing"):
        do(world, "CONTRADICTION")
    known = knowledge(world.order("S1"))
    [wrong] = [facts.fact_id(fact) for fact in known if isinstance(fact, facts.Placed) and fact.quantity == 2]
    do(world, "CONTRADICTION", fact_id=wrong)
    assert world.exceptions() == []
    assert shelf(world) == (10, 9, 0)


def test_an_unknown_listing_is_mapped_from_the_worklist(world: World) -> None:
    world.post(created("S1", item("LSTMAT", 2)))
    world.settle()
    with pytest.raises(Rejected, match="sku: is missing; map needs it"):
        do(world, "UNKNOWN_LISTING")
    with pytest.raises(Rejected, match="sku: NOTHING is neither"):
        do(world, "UNKNOWN_LISTING", sku="NOTHING")
    assert events(exception(world, "UNKNOWN_LISTING")) == [("opened", None)]
    do(world, "UNKNOWN_LISTING", sku="MAT", note="the new mat")
    assert shelf(world, "MAT") == (9, 7, 0)
    closed = exception(world, "UNKNOWN_LISTING")
    assert closed["closed_at"] is not None
    assert [(event["by"], event["note"]) for event in closed["history"] if event["what"] == "map"] == [
        ("farzana", "to MAT, the new mat")
    ]


def test_a_return_is_inspected_from_the_worklist(world: World) -> None:
    state_return(world, 2)
    with pytest.raises(Rejected, match="nothing was counted"):
        do(world, "TO_INSPECT")
    do(world, "TO_INSPECT", good=1)
    still = exception(world, "TO_INSPECT")
    assert (still["closed_at"], still["message"]) == (
        None,
        "line 1: 1 of the return R1 are back and were not looked at",
    )
    do(world, "TO_INSPECT", damaged=1, note="torn")
    assert world.exceptions() == []
    notes = [event["note"] for event in exception(world, "TO_INSPECT")["history"] if event["what"] == "inspect"]
    assert notes == ["1 good, 0 damaged, 0 lost", "0 good, 1 damaged, 0 lost, torn"]


def test_a_shelf_is_counted_from_the_worklist(world: World) -> None:
    operate.adjust(desk(world), "STOLE", -12, by("A1"))
    world.settle()
    do(world, "UNCOUNTED", counted=0)
    assert shelf(world) == (0, 0, 0)
    closed = exception(world, "UNCOUNTED")
    assert ("recount", "farzana") in events(closed)
    assert any(event["note"] == "farzana: counted 0" for event in closed["history"])


def test_missing_units_that_came_are_entered_from_the_worklist(world: World) -> None:
    world.post(created("S1", item("STOLE", 12)))
    world.settle()
    for given in ({}, {"taken": 2}, {"quantity": 2, "taken": 1}):
        with pytest.raises(Rejected, match="quantity: is missing; adjust needs it, and nothing else"):
            do(world, "SHORT", **given)
    do(world, "SHORT", quantity=2, note="she made two more")
    assert world.exceptions() == []
    assert shelf(world) == (12, 0, 0)
    assert ("adjust", "farzana") in events(exception(world, "SHORT"))


def test_a_short_line_of_the_wrong_product_is_remapped_from_the_worklist(world: World) -> None:
    world.post(created("S1", item("STOLE", 12)))
    world.settle()
    do(world, "SHORT", "remap", sku="TOTE")
    assert shelf(world) == (10, 10, 0)
    assert world.stock("TOTE")["short"] == 7


def test_a_fair_is_set_right_from_the_worklist(world: World) -> None:
    operate.at_fair(desk(world), "STOLE", "Utsav", "taken", 4, by("F1"))
    operate.at_fair(desk(world), "STOLE", "Utsav", "sold", 60, by("F2"))
    world.settle()
    for given in ({}, {"quantity": 2}, {"sold": -54, "taken": 2}):
        with pytest.raises(Rejected, match="exactly one of them"):
            do(world, "FAIR_MISCOUNT", **given)
    do(world, "FAIR_MISCOUNT", sold=-56, note="a zero too many")
    assert world.exceptions() == []
    assert operate.shown_fair(world.store, "STOLE", "Utsav")["sold"] == 4


def test_a_line_without_a_rate_is_computed_again_from_the_worklist(world: World) -> None:
    world.post(created("S1", item("STOLE", 2)))
    world.post(step("S1", "delivered"))
    world.settle()
    do(world, "RATE_GAP")
    assert world.exceptions() == ["RATE_GAP"]
    bring_rates(world)
    do(world, "RATE_GAP", person="iyer")
    assert world.exceptions() == []
    assert owed_to(world) == {"G11"}
    assert [who for what, who in events(exception(world, "RATE_GAP")) if what == "replay"] == ["farzana", "iyer"]


def test_a_kept_message_can_be_read_again_from_the_worklist(world: World) -> None:
    """With an order, and without one: the exception names where the message is kept."""
    named = world.post(created("S1", item("STOLE", 0)))
    nameless = world.post(b"{nothing", readable=False)
    world.settle()
    for kind, pk, identity in (
        ("BAD_LINE", "flipkart:demo:S1", named),
        ("UNREADABLE", "UNREAD#flipkart#demo", nameless),
    ):
        found = exception(world, kind)
        assert worklist.offered(found) == ("acknowledge", "replay")
        resolve(desk(world), found["exception_id"], "replay", {}, by("A1"))
        [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
        again = Replay.model_validate_json(body)
        assert (again.pk, again.sk) == (pk, identity)
        assert tables.Key(tables.Table.DELIVERIES, again.pk, again.sk) in world.store.everything()
        # The same reading says the same, so it stays open.
        world.queues.send(QueueName.ORDER_EVENTS, [body])
        world.settle()
        assert exception(world, kind)["closed_at"] is None


def test_what_is_sent_again_at_the_command_line_says_so(world: World) -> None:
    opened = worklist.opened("DEAD_LETTER", ("x",), at=world.now, message="five times in vain")
    world.store.commit([Put(tables.exception(opened["exception_id"]), opened)])
    with pytest.raises(Rejected, match="hunar redrive"):
        do(world, "DEAD_LETTER")


def test_an_act_that_does_not_resolve_it_and_a_field_that_it_does_not_take_are_named(world: World) -> None:
    operate.adjust(desk(world), "STOLE", -12, by("A1"))
    world.settle()
    before = exception(world, "UNCOUNTED")
    with pytest.raises(Rejected, match="act: UNCOUNTED is resolved by recount, not by acknowledge"):
        do(world, "UNCOUNTED", "acknowledge")
    with pytest.raises(Rejected, match="sku: recount takes no such field"):
        do(world, "UNCOUNTED", counted=1, sku="STOLE")
    for identity in ("0" * 32, "", "x" * 3000):
        with pytest.raises(NotThere, match="there is no exception of this id"):
            resolve(desk(world), identity, None, {}, by("A1"))
    assert exception(world, "UNCOUNTED") == before


def test_an_act_that_was_refused_leaves_no_note(world: World) -> None:
    state_return(world, 2)
    with pytest.raises(Rejected, match="only 2 are back"):
        do(world, "TO_INSPECT", good=3)
    assert events(exception(world, "TO_INSPECT")) == [("opened", None)]


def test_a_late_cancellation_that_is_void_no_longer_troubles(world: World) -> None:
    for message in (created("S1", item("STOLE", 2)), step("S1", "shipped")):
        world.post(message)
    world.post(cancelled("S1", 1, at="2026-11-26T09:00:00+05:30"))
    world.settle()
    [late] = [facts.fact_id(fact) for fact in knowledge(world.order("S1")) if isinstance(fact, Cancelled)]
    assert exception(world, "LATE_CANCELLATION")["subject"]["fact_id"] == late
    do(world, "LATE_CANCELLATION", "void")
    assert world.exceptions() == []


def test_news_of_a_return_that_nobody_knows_can_be_acknowledged(world: World) -> None:
    world.post(returned("completed", "2026-11-29T10:00:00+05:30"))
    world.settle()
    do(world, "WAITING_FACT", note="belongs to the old account")
    assert world.exceptions() == []


def test_what_a_person_wrote_into_the_history_while_it_closed_is_not_lost(world: World) -> None:
    """The note is written between the reading and the transaction that closes the exception."""
    operate.adjust(desk(world), "STOLE", -12, by("A1"))
    world.settle()
    operate.recount(desk(world), "STOLE", 0, by("C1"))
    identity = exception(world, "UNCOUNTED")["exception_id"]
    commit = world.store.commit

    def noted_first(puts: list[Put]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        operate.note(desk(world), identity, "recount", by("C1", "by lamplight"))
        commit(puts)

    world.store.commit = noted_first  # type: ignore[method-assign,assignment]
    world.settle()
    closed = exception(world, "UNCOUNTED")
    assert closed["closed_at"] is not None
    assert events(closed) == [("opened", None), ("recount", "farzana"), ("closed", None)]
