"""What waits is woken: each line of docs/waiting.md on a clock that the test moves, and how the sweep behaves."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryQueues
from hunar.domain import facts, rate_card
from hunar.domain.facts import Inspected, instant, moment
from hunar.domain.notification import Status
from hunar.domain.worklist import ACTIONS
from hunar.messages import OperatorAct
from hunar.ports import Put, QueueName, Retryable, Stopped, Throttled
from hunar.tables import INDEXES, Item, Table
from hunar.use_cases import operate, park
from hunar.use_cases import sweep as the_sweep
from hunar.use_cases.change_order import SLICE
from hunar.use_cases.resolve import resolve
from hunar.use_cases.retry import retried
from hunar.use_cases.sweep import BATCH, Swept, sweep
from tests.flipkart_messages import SHIP_BY, cancelled, created, item, step
from tests.flow import test_age_batches, test_close_period, test_payout_cases, test_payouts, test_settlement_overdue
from tests.played import ACCOUNT
from tests.selling import SellingWorld
from tests.till import keep, settlement_line
from tests.world import MARKETPLACES, START, Crash, World

ROOT = Path(__file__).parents[2]
QUARTER = timedelta(minutes=15)
RUN = timedelta(minutes=5)
DAY = timedelta(days=1)


def agency() -> World:
    world = World()
    world.group("G11", "en")
    world.product("STOLE", "G11", "Stole", stock=8)
    world.product("MAT", "G11", "Mat", listed=False)
    world.settle()
    # They have tests of their own.
    world.remind_nobody()
    return world


@pytest.fixture
def world() -> World:
    return agency()


def event(name: str, shipment: str, at: str, **attributes: Any) -> dict[str, Any]:
    return step(shipment, "packed", at) | {"eventType": name, "attributes": attributes}


def hold(shipment: str, at: str = "2026-11-25T09:00:00+05:30") -> dict[str, Any]:
    return event("shipment_hold", shipment, at, orderItems=[{"orderItemId": "1", "holdQuantity": 3}])


def returned(name: str, at: str, **line: Any) -> dict[str, Any]:
    message = event(f"return_{name}", "", at, returnItems=[{"orderItemId": "1", **line}]) | {"returnId": "R1"}
    del message["shipmentId"]
    return message


def wait(world: World, time: timedelta) -> None:
    """Nothing comes in, and the sweep runs every five minutes."""
    world.settle(patience=time, sweeping=True)


def opened(world: World, kind: str) -> datetime:
    """When the one exception of a kind was opened. It was opened once."""
    [shown] = [shown for shown in world.items(Table.EXCEPTIONS) if shown["kind"] == kind]
    assert [said["what"] for said in shown["history"] if said["what"] != "closed"] == ["opened"]
    return moment(shown["opened_at"])


def notification(world: World) -> Item:
    [only] = world.notifications()
    return only


def due_at(world: World) -> datetime:
    """When the only notification is due."""
    return moment(notification(world)["due_sk"].partition("#")[0])


def kinds(world: World) -> list[str]:
    return [kind for kind, _ in world.phones.to("G11")]


def rates(world: World) -> None:
    with (ROOT / "local/demo/rates.csv").open(encoding="utf-8", newline="") as file:
        rows = [rate_card.row_from_csv(record) for record in csv.DictReader(file)]
    world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row) for row in rows])


def entries(world: World) -> list[Item]:
    return [entry for entry in world.items(Table.LEDGER) if "postings" in entry]


def quiet_for(world: World, time: timedelta) -> list[str]:
    """What the sweep sends in that time, by kind; the queues are worked off meanwhile."""
    sent: list[str] = []
    send = world.queues.send

    def listened(queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        sent.extend(match[1] for body in bodies if (match := re.search(r'"kind":"(\w+)"', body)))
        send(queue, bodies, delay_seconds=delay_seconds)

    world.queues.send = listened  # type: ignore[method-assign]
    wait(world, time)
    world.queues.send = send  # type: ignore[method-assign]
    return sent


# Notifications


def test_a_text_that_waits_is_sent_though_its_message_was_lost(world: World) -> None:
    world.phones.answers = iter([Throttled("ThrottlingException")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(0))
    assert notification(world)["status"] == "WAITING"
    assert world.lose_messages() == 1
    wait(world, timedelta(minutes=4))
    assert kinds(world) == []
    wait(world, timedelta(seconds=15) + RUN)
    assert (notification(world)["status"], kinds(world)) == ("ACCEPTED", ["NEW_ORDER"])
    assert "due_pk" not in notification(world)
    assert world.exceptions() == []


def test_a_text_whose_order_could_not_be_read_is_sent_though_its_message_never_came_back(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    read = world.store.read

    def fails(keys: Any) -> Any:
        keys = list(keys)
        if any(key.table is Table.ORDERS for key in keys):
            raise Retryable("no answer")
        return read(keys)

    world.store.read = fails  # type: ignore[method-assign]
    with pytest.raises(Retryable):
        world.work_off(QueueName.NOTIFICATIONS)
    world.store.read = read  # type: ignore[method-assign]
    assert notification(world)["status"] == "WAITING"
    # The queue brings its message again after six minutes; five more, and it is lost.
    assert due_at(world) == START + timedelta(minutes=11)
    wait(world, timedelta(minutes=10))
    assert kinds(world) == []
    wait(world, timedelta(minutes=5))
    assert kinds(world) == ["NEW_ORDER"]


def test_a_text_waits_for_the_morning_and_goes_with_the_others() -> None:
    world = World()
    world.group("G11", "en", manners={"quiet": "21:00-07:00", "digest_minutes": 30, "texts_a_day": 20})
    world.product("STOLE", "G11", "Stole", stock=8)
    world.settle()
    world.remind_nobody()
    world.time = START + timedelta(hours=13)  # half past ten in the evening
    world.post(created("S1", item("STOLE", 1)))
    world.post(created("S2", item("STOLE", 2)))
    world.settle(patience=timedelta(0))
    assert {found["due_sk"].partition("#")[0] for found in world.notifications()} == {"2026-11-26T01:30:00Z"}
    wait(world, timedelta(hours=8, minutes=29))
    assert kinds(world) == []
    wait(world, timedelta(minutes=6))
    assert kinds(world) == ["NEW_ORDERS"]


def test_every_text_waits_for_a_provider_that_takes_none(world: World) -> None:
    world.phones.answers = iter([Stopped("MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(0))
    assert (due_at(world), world.exceptions()) == (START + QUARTER, ["SMS_STOPPED"])
    wait(world, QUARTER - timedelta(seconds=1))
    assert kinds(world) == []
    wait(world, RUN)
    assert (kinds(world), world.exceptions()) == (["NEW_ORDER"], [])


def test_a_text_that_no_phone_has_is_told_to_the_next_contact() -> None:
    world = World()
    world.receipts = True
    world.group("G11", "en", slots=("leader", "second"))
    world.product("STOLE", "G11", "Stole", stock=8)
    world.settle()
    world.remind_nobody()
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(0))
    assert due_at(world) == START + timedelta(hours=1)
    wait(world, timedelta(hours=1, minutes=6))
    assert [text.kind for text in world.phones.texts] == ["NEW_ORDER", "NEW_ORDER"]
    assert len({text.to for text in world.phones.texts}) == 2
    wait(world, timedelta(hours=1, minutes=6))
    assert world.exceptions() == ["SMS_NOT_DELIVERED"]


def test_a_claim_that_fell_silent_is_told_after_fifteen_minutes_and_a_new_order_is_sent_once_more(world: World) -> None:
    def stopped() -> None:
        world.phones.before_answer = lambda: None
        raise Crash("while the text was under way")

    world.phones.before_answer = stopped
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(0))
    world.lose_messages()
    wait(world, QUARTER - timedelta(seconds=1))
    assert (notification(world)["status"], world.exceptions()) == ("CLAIMED", [])
    wait(world, QUARTER)
    assert (notification(world)["status"], kinds(world)) == ("UNKNOWN", ["NEW_ORDER"])
    assert QUARTER <= opened(world, "SMS_UNKNOWN") - START < QUARTER + 2 * RUN
    # Nobody knows whether it arrived. Read twice it does no harm; never read, the order would be late.
    wait(world, 2 * DAY)
    assert (notification(world)["status"], kinds(world)) == ("ACCEPTED", ["NEW_ORDER", "NEW_ORDER"])
    assert world.exceptions() == []
    assert "due_pk" not in notification(world)


def test_a_text_that_waited_and_is_claimed_again_falls_silent_fifteen_minutes_later(world: World) -> None:
    world.phones.answers = iter([Throttled("ThrottlingException")])
    world.post(created("S1", item("STOLE", 3)))
    world.settle(patience=timedelta(0))
    assert due_at(world) == START + timedelta(seconds=15) + RUN

    def stopped() -> None:
        world.phones.before_answer = lambda: None
        raise Crash("while the text was under way")

    world.phones.before_answer = stopped
    world.settle(patience=timedelta(seconds=15))
    claimed = START + timedelta(seconds=15)
    assert (notification(world)["status"], due_at(world)) == ("CLAIMED", claimed + QUARTER)


def test_an_answer_that_comes_late_takes_the_claim_out_of_what_is_due(world: World) -> None:
    def much_later() -> None:
        world.phones.before_answer = lambda: None
        world.time += timedelta(minutes=20)
        world.sweep()
        assert world.work_off(QueueName.NOTIFICATIONS) == ["UNKNOWN"] * 2

    world.phones.before_answer = much_later
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert (notification(world)["status"], world.exceptions()) == ("ACCEPTED", [])
    assert "due_pk" not in notification(world)


# What orders owe


def test_a_text_whose_message_was_lost_is_sent_a_quarter_of_an_hour_later(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    # The text, and what channels are to be told of the shelf.
    assert world.lose_messages() == 2
    wait(world, QUARTER - timedelta(seconds=1))
    assert kinds(world) == []
    wait(world, RUN)
    assert kinds(world) == ["NEW_ORDER"]
    assert world.exceptions() == []


@pytest.mark.parametrize(
    ("after", "times"), [(timedelta(hours=1), 1), (timedelta(hours=3), 2), (timedelta(hours=13), 3), (2 * DAY, 4)]
)
def test_what_is_lost_again_and_again_is_sent_four_times_and_each_time_later(
    world: World, after: timedelta, times: int
) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.lose_stream()
    lost = 0
    until = world.time + after
    while world.time < until:
        world.time += RUN
        world.sweep()
        world.work_off(QueueName.ORDER_EVENTS)
        lost += len(world.queues.taken(QueueName.NOTIFICATIONS))
    assert lost == times


def test_a_payout_command_that_was_lost_is_sent_again(world: World) -> None:
    rates(world)
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(step("S1", "delivered"))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    assert world.lose_messages() == 1
    wait(world, QUARTER - timedelta(seconds=1))
    assert entries(world) == []
    wait(world, 2 * DAY)
    assert len(entries(world)) == 1


LIFE = (
    created("S1", item("STOLE", 3)),
    cancelled("S1", 1),
    created("S2", item("STOLE", 9, line_id="2")),
    hold("S1"),
    event("shipment_unhold", "S1", "2026-11-25T10:00:00+05:30"),
    step("S1", "delivered", "2026-11-25T12:00:00+05:30"),
)
"""A text, one about fewer units, a shelf that runs short, a hold and its end, a payout."""


def lived(world: World, hours: float) -> None:
    rates(world)
    for number, message in enumerate(LIFE):
        world.post(message)
        world.settle(patience=timedelta(hours=hours), sweeping=bool(hours))
        if number == 2:
            world.count_in("STOLE", 9, "more")


def outcome(world: World) -> dict[str, Any]:
    """What the agency and its groups have in the end."""
    shelf = world.stock("STOLE")
    told = {(note["kind"], note["order_ref"], note["status"]) for note in world.notifications()}
    return {
        "shelf": {name: shelf[name] for name in ("on_hand", "available", "reserved", "short")},
        "told": {entry for entry in told if entry[2] != "SUPPRESSED"},
        "entries": [(entry["order_ref"], entry["postings"]) for entry in entries(world)],
        "exceptions": world.exceptions(),
    }


def test_fault_39_a_stream_that_stands_still_for_25_hours_loses_nothing(world: World) -> None:
    calm = agency()
    lived(calm, 5)
    wait(calm, timedelta(hours=25))
    # Each record is lost, for 30 hours and 25 more.
    world.relay = world.lose_stream  # type: ignore[method-assign]
    lived(world, 5)
    wait(world, timedelta(hours=25))
    assert outcome(world)["shelf"] == outcome(calm)["shelf"]
    assert outcome(world) == outcome(calm)
    assert kinds(world)[:2] == kinds(calm)[:2] == ["NEW_ORDER", "CANCELLED"]


def test_fault_39_one_sweep_after_25_hours_brings_everything(world: World) -> None:
    """Stream and sweep stood still; what was owed meanwhile is younger than 48 hours."""
    rates(world)
    relay = world.relay
    world.relay = world.lose_stream  # type: ignore[method-assign]
    for message in LIFE[:3]:
        world.post(message)
        world.settle()
    world.count_in("STOLE", 9, "more")
    world.post(step("S2", "delivered", "2026-11-25T12:00:00+05:30"))
    world.settle()
    world.time += timedelta(hours=25)
    world.relay = relay  # type: ignore[method-assign]
    world.lose_stream()
    assert kinds(world) == []
    world.sweep()
    world.settle()
    told = {(note["order_ref"][-2:], note["kind"], note["status"]) for note in world.notifications()}
    # The first text of S1 states its two units; S2 has left, so nobody need send it any more.
    assert ("S1", "NEW_ORDER", "ACCEPTED") in told
    assert ("S1", "CANCELLED", "SUPPRESSED") in told
    assert [entry["order_ref"][-2:] for entry in entries(world)] == ["S2"]


# Stock


def test_a_short_line_waits_until_units_come(world: World) -> None:
    world.post(created("S1", item("STOLE", 9)))
    world.settle()
    assert opened(world, "SHORT") == START
    assert set(quiet_for(world, 3 * DAY)) == {"notify", "look"}
    assert world.stock("STOLE")["short"] == 1
    world.count_in("STOLE", 1, "one more")
    world.settle()
    assert (world.stock("STOLE")["short"], world.exceptions()) == (0, ["STUCK"])


def test_an_allocation_that_was_lost_serves_the_oldest_sale(world: World) -> None:
    world.post(created("S1", item("STOLE", 9, orderDate="2026-11-24T08:00:00+05:30")))
    world.post(created("S2", item("STOLE", 2)))
    world.settle()
    world.count_in("STOLE", 2, "two more")
    world.work_off(QueueName.ORDER_EVENTS)
    world.lose_stream()
    assert (world.stock("STOLE")["available"], world.stock("STOLE")["short"]) == (2, 3)
    wait(world, RUN)
    assert (world.stock("STOLE")["available"], world.stock("STOLE")["short"]) == (0, 1)
    assert [world.order(name)["applied"]["1"]["short"] for name in ("S1", "S2")] == [0, 1]
    assert "due_pk" not in world.stock("STOLE")


def test_a_shelf_waits_to_be_counted(world: World) -> None:
    world.post(created("S1", item("STOLE", 9)))
    world.post(step("S1", "shipped"))
    world.settle()
    assert opened(world, "UNCOUNTED") == START
    wait(world, DAY)
    assert world.stock("STOLE")["uncounted"] == 1
    world.count_in("STOLE", 1, "counted")
    world.settle()
    assert world.exceptions() == []


# Orders


def test_an_order_goes_on_when_its_listing_is_mapped_though_the_message_was_lost(world: World) -> None:
    world.count_in("MAT", 4)
    world.post(created("S1", item("MAT", 2)))
    world.settle()
    assert opened(world, "UNKNOWN_LISTING") == START
    assert quiet_for(world, timedelta(hours=5)) == []
    world.map_listing("MAT", "G11")
    assert world.lose_messages() == 1
    wait(world, RUN)
    assert (world.stock("MAT")["reserved"], kinds(world), world.exceptions()) == (2, ["NEW_ORDER"], [])
    assert "mapped" not in quiet_for(world, DAY)


def test_an_order_past_its_time_is_shown_once_until_it_is_picked_up(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    late = moment(SHIP_BY)
    wait(world, late - world.time)
    assert world.exceptions() == []
    wait(world, 5 * DAY)
    assert late <= opened(world, "STUCK") <= late + 2 * RUN
    assert world.exceptions() == ["STUCK"]
    world.post(step("S1", "pickup_complete", instant(world.time)))
    world.settle()
    wait(world, DAY)
    assert world.exceptions() == []
    opened(world, "STUCK")


def test_an_order_that_is_late_again_under_a_new_time_is_shown_again(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    wait(world, moment(SHIP_BY) + DAY - world.time)
    assert world.exceptions() == ["STUCK"]
    later = instant(world.time + DAY)
    world.post(event("shipment_dispatch_dates_changed", "S1", instant(world.time), dispatchByDate=later))
    world.settle()
    wait(world, DAY - RUN)
    assert world.exceptions() == []
    wait(world, 3 * RUN)
    assert world.exceptions() == ["STUCK"]


def test_a_held_order_is_not_late_before_it_is_released(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(hold("S1"))
    world.settle()
    wait(world, moment(SHIP_BY) + 3 * DAY - world.time)
    assert world.exceptions() == []
    world.post(event("shipment_unhold", "S1", instant(world.time)))
    wait(world, 2 * RUN)
    assert world.exceptions() == ["STUCK"]


def test_an_order_that_was_left_unfinished_is_finished(world: World) -> None:
    many = 3 * SLICE
    world.product("BEAD", "G11", "Bead", stock=many)
    world.settle()
    world.post(created("S1", *(item("BEAD", 1, line_id=f"L{n:02}") for n in range(many))))
    commit = world.store.commit
    written: list[int] = []

    def stopped_after_two(puts: Sequence[Put]) -> None:
        written.append(len(puts))
        if len(written) > 2:
            raise Crash("between two slices")
        commit(puts)

    world.store.commit = stopped_after_two  # type: ignore[method-assign]
    [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    with pytest.raises(Crash):
        world.work(QueueName.ORDER_EVENTS, body)
    world.store.commit = commit  # type: ignore[method-assign]
    assert world.order("S1")["unfinished"] is True
    # The message is gone, and nothing of it is owed yet.
    assert (kinds(world), world.stock("BEAD")["reserved"] < many) == ([], True)
    wait(world, RUN)
    assert (world.stock("BEAD")["reserved"], kinds(world)) == (many, ["NEW_ORDER"])
    assert world.order("S1")["unfinished"] is False


def test_news_of_an_order_wait_for_its_announcement(world: World) -> None:
    world.post(cancelled("S1", 1))
    world.settle()
    assert opened(world, "UNKNOWN_SHIPMENT") == START
    assert quiet_for(world, 3 * DAY) == []
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    assert (world.stock("STOLE")["reserved"], "UNKNOWN_SHIPMENT" in world.exceptions()) == (2, False)


def test_news_of_a_line_wait_for_its_announcement(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(cancelled("S1", 1, "2"))
    world.settle()
    assert opened(world, "WAITING_FACT") == START
    wait(world, DAY)
    assert (world.exceptions(), kinds(world)) == (["WAITING_FACT"], ["NEW_ORDER"])
    world.post(created("S1", item("STOLE", 3), item("STOLE", 2, line_id="2"), at="2026-11-24T10:06:00+05:30"))
    world.settle()
    assert (world.stock("STOLE")["reserved"], world.exceptions()) == (4, [])


def test_news_of_a_return_wait_for_the_order_of_its_item(world: World) -> None:
    world.post(returned("completed", "2026-11-26T10:00:00+05:30"))
    world.settle()
    assert opened(world, "WAITING_FACT") == START
    assert quiet_for(world, 3 * DAY) == []
    for message in (created("S1", item("STOLE", 3)), step("S1", "delivered")):
        world.post(message)
    line = {"quantity": 1, "shipmentId": "S1", "source": "customer_return"}
    world.post(returned("created", "2026-11-25T18:00:00+05:30", **line))
    world.settle()
    assert "WAITING_FACT" not in world.exceptions()
    assert "TO_INSPECT" in world.exceptions()


def test_a_parcel_that_came_back_waits_for_a_person(world: World) -> None:
    rates(world)
    line = {"quantity": 1, "shipmentId": "S1", "source": "customer_return"}
    for message in (
        created("S1", item("STOLE", 3)),
        step("S1", "delivered", "2026-11-25T09:00:00+05:30"),
        returned("created", "2026-11-25T09:10:00+05:30", **line),
        returned("completed", "2026-11-25T09:20:00+05:30"),
    ):
        world.post(message)
    world.settle()
    assert opened(world, "TO_INSPECT") == START
    wait(world, 3 * DAY)
    assert (world.exceptions(), world.stock("STOLE")["available"]) == (["TO_INSPECT"], 5)
    looked = Inspected("act-1", "R1", "1", world.now, good=1, damaged=0, lost=0, person="asha", reason="opened")
    act = OperatorAct(act_id="act-1", order_ref="flipkart:demo:S1", fact=facts.to_text(looked))
    world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
    world.settle()
    assert (world.exceptions(), world.stock("STOLE")["available"]) == ([], 6)


# Payouts and dead letters


@pytest.mark.parametrize(("after", "computed"), [(timedelta(hours=30), True), (timedelta(hours=40), False)])
def test_a_line_without_a_rate_is_computed_when_the_rate_is_imported(
    world: World, after: timedelta, computed: bool
) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(step("S1", "delivered"))
    world.settle()
    assert opened(world, "RATE_GAP") == START
    wait(world, after)
    assert (world.exceptions(), entries(world)) == (["RATE_GAP"], [])
    rates(world)
    wait(world, DAY)
    assert (world.exceptions() == [], len(entries(world)) == 1) == (computed, computed)


def settled(world: World, **heads: int) -> None:
    """The marketplace settles the item, and what is commanded is done."""
    line = settlement_line(heads or {"sale": 300_000}, "1", order_id="OD-1")
    world.queues.send(QueueName.PAYOUTS, keep(world.store, line))
    world.settle()


def balances(world: World) -> dict[str, int]:
    [head] = world.store.read([tables.book("G11")]).values()
    return dict(head["balances"])


def sold(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.post(step("S1", "delivered"))
    world.settle()


def test_money_is_held_until_its_moment_and_no_longer(world: World) -> None:
    rates(world)
    sold(world)
    settled(world)
    held = balances(world)["group_held:G11"]
    [posted] = [found for found in world.items(Table.LEDGER) if found.get("hold_end")]
    wait(world, moment(posted["hold_end"]) - world.time - RUN)
    assert balances(world)["group_held:G11"] == held < 0
    wait(world, RUN)
    assert balances(world)["group_payable:G11"] == held
    assert "group_held:G11" not in balances(world)


def undisputed(world: World) -> list[str]:
    """What stands open besides that the sale was settled without its fees."""
    return [kind for kind in world.exceptions() if kind != "SETTLEMENT_DIFFERS"]


def test_money_that_waited_for_a_return_goes_on_when_it_is_called_off(world: World) -> None:
    """Nothing comes back and no unit changed: the line must be looked at all the same, or it is held for ever."""
    rates(world)
    sold(world)
    settled(world)
    held = balances(world)["group_held:G11"]

    def back(what: str, at: str) -> dict[str, Any]:
        items = {"orderItemId": "1", "returnId": "R1", "quantity": 1, "shipmentId": "S1", "source": "customer_return"}
        asked = {"eventType": f"return_{what}", "source": "flipkart", "timestamp": at, "returnId": "R1"}
        return asked | {"attributes": {"returnItems": [items]}}

    world.post(back("created", "2026-11-29T10:00:00+05:30"))
    world.settle()
    wait(world, 30 * DAY)
    assert balances(world)["group_held:G11"] == held
    world.post(back("cancelled", "2026-12-26T10:00:00+05:30"))
    world.settle()
    wait(world, DAY)
    assert balances(world)["group_payable:G11"] == held


def test_money_waits_for_a_resolution(world: World) -> None:
    rates(world)
    group = world.store.read([tables.group("G11")])[tables.group("G11")]
    bare = [{name: group["policies"][0][name] for name in ("from", "version", "payout_basis", "fulfilment_mode")}]
    world.store.commit([Put(tables.group("G11"), group | {"policies": bare})])
    sold(world)
    settled(world)
    assert opened(world, "UNRESOLVED") == START
    wait(world, DAY)
    assert undisputed(world) == ["UNRESOLVED"]
    world.store.commit([Put(tables.group("G11"), group)])
    settled(world)
    assert (undisputed(world), balances(world)["group_held:G11"] < 0) == ([], True)


def test_money_waits_in_suspense_for_its_order(world: World) -> None:
    rates(world)
    settled(world)
    assert opened(world, "SUSPENSE") == START
    wait(world, DAY)
    assert undisputed(world) == ["SUSPENSE"]
    sold(world)
    settled(world)
    assert (undisputed(world), balances(world)["group_held:G11"] < 0) == ([], True)


def test_a_proposal_waits_for_a_person(world: World) -> None:
    rates(world)
    sold(world)
    settled(world)
    booked = balances(world)
    group = world.store.read([tables.group("G11")])[tables.group("G11")]
    corrected = [group["policies"][0] | {"agency_fee": 0}]
    world.store.commit([Put(tables.group("G11"), group | {"policies": corrected})])
    settled(world)
    wait(world, DAY)
    assert (undisputed(world), balances(world)) == (["MONEY_PROPOSED", "RATE_CHANGED"], booked)
    [proposed] = [found for found in world.items(Table.EXCEPTIONS) if found["kind"] == "MONEY_PROPOSED"]
    again: Callable[[Callable[[], Any]], Any] = lambda action: action()  # noqa: E731
    desk = operate.Desk(world.store, world.queues, world.now, again)
    asha = operate.By("asha", "minutes 12", "A1")
    with pytest.raises(operate.NotNow, match="another one"):
        resolve(desk, proposed["exception_id"], "approve", {"proposal_id": "an older one"}, asha)
    resolve(desk, proposed["exception_id"], "approve", {"proposal_id": proposed["subject"]["proposal_id"]}, asha)
    world.settle()
    assert undisputed(world) == ["RATE_CHANGED"], "of what was expected nothing is booked by a person's word"
    assert balances(world) != booked


def test_a_message_in_the_dead_letters_waits_for_a_person_and_its_order_does_not(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    [(body, _)] = world.queues.taken(QueueName.NOTIFICATIONS)

    def again(action: Callable[[], Any]) -> Any:
        return retried(action, pause=lambda _: None, random=lambda: 0.5)

    desk = park.Desk(world.store, world.now, again, MARKETPLACES)
    park.park(desk, park.DeadLetter(QueueName.NOTIFICATIONS, "message-1", body, 6))
    assert opened(world, "DEAD_LETTER") == START
    wait(world, DAY)
    # The order owed the text, so it went; the dead letter itself nobody touched.
    assert (kinds(world), world.exceptions()) == (["NEW_ORDER"], ["DEAD_LETTER"])


# The sweep itself


def test_a_sweep_may_run_three_times_at_once_and_late(world: World) -> None:
    calm = agency()
    lived(calm, 0)
    for number, message in enumerate(LIFE):
        world.post(message)
        if number == 0:
            rates(world)
        world.work_off(QueueName.ORDER_EVENTS)
        world.lose_stream()
        if number == 2:
            world.count_in("STOLE", 9, "more")
        for _ in range(3):
            world.sweep()
        world.settle()
    world.time += timedelta(hours=20)
    for _ in range(3):
        world.sweep()
    world.settle()
    assert outcome(world)["shelf"] == outcome(calm)["shelf"]
    assert outcome(world)["entries"] == outcome(calm)["entries"]
    sent = [text.notification_id for text in world.phones.texts]
    assert len(sent) == len(set(sent))
    assert world.sweep() == Swept({}, left=False)


def test_a_sweep_as_of_a_later_time_finds_more_and_decides_nothing_by_it(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    before = world.store.everything()
    found = world.sweep(moment(SHIP_BY) + timedelta(hours=1))
    assert found == Swept({"order-events": 1}, left=False)
    assert world.sweep(world.time + QUARTER) == Swept({"notifications": 1, "order-events": 1}, left=False)
    world.settle()
    assert world.store.everything() == before
    assert kinds(world) == ["NEW_ORDER"]


def test_a_run_ends_and_the_next_one_goes_on_with_what_is_due_longest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_sweep, "MOST", 2 * BATCH)
    orders = [f"S{number:03}" for number in range(3 * BATCH)]
    for shipment in orders:
        world.post(created(shipment, item("STOLE", 1)))
        world.work_off(QueueName.ORDER_EVENTS)
        world.time += timedelta(seconds=1)
    world.lose_stream()
    world.time += timedelta(minutes=30)
    assert world.sweep() == Swept({"notifications": BATCH, "order-events": BATCH}, left=True)
    world.settle()
    assert len(kinds(world)) == BATCH
    runs = 0
    while world.sweep().left:
        world.settle()
        runs += 1
    world.settle()
    assert (runs, len(kinds(world))) == (1, len(orders))


def test_listings_that_nobody_maps_do_not_hold_up_what_is_due_behind_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_sweep, "MOST", 1)
    for number in range(BATCH + 5):
        world.post(created(f"U{number}", item(f"NOBODYS-{number}", 1)))
    world.settle()
    world.time += timedelta(minutes=1)
    world.post(created("S1", item("STOLE", 1)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.lose_stream()
    world.time += QUARTER
    assert world.sweep().sent["notifications"] == 1


@pytest.mark.parametrize("broken", [QueueName.ORDER_EVENTS, QueueName.NOTIFICATIONS, QueueName.PAYOUTS])
def test_a_queue_that_takes_nothing_does_not_hold_up_the_others(world: World, broken: QueueName) -> None:
    rates(world)
    world.post(created("S1", item("STOLE", 9)))
    world.post(step("S1", "delivered"))
    world.post(created("S3", item("MAT", 2)))
    world.settle(patience=timedelta(0))
    world.phones.answers = iter([Throttled("ThrottlingException")])
    world.post(created("S2", item("STOLE", 2)))
    world.settle(patience=timedelta(0))
    # What goes on by a mapping is found first.
    world.map_listing("MAT", "G11")
    world.lose_messages()
    world.time += timedelta(hours=1)
    before = world.order("S1")["due_sk"]
    queues = MemoryQueues()
    whole = world.queues
    world.queues = _Deaf(queues, broken)  # type: ignore[assignment]
    with pytest.raises(Retryable):
        world.sweep()
    world.queues = whole
    # A waiting text is asked for although nothing about orders could be sent, and the other way round.
    assert bool(queues.taken(QueueName.NOTIFICATIONS)) is (broken is not QueueName.NOTIFICATIONS)
    # The order stays due until its effects are sent: its look comes last.
    assert not queues.taken(QueueName.ORDER_EVENTS)
    assert world.order("S1")["due_sk"] == before
    wait(world, RUN)
    assert world.order("S1")["due_sk"] > before


class _Deaf:
    """Queues of which one takes nothing."""

    def __init__(self, queues: MemoryQueues, broken: QueueName) -> None:
        self._queues, self._broken = queues, broken

    def send(self, queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        if queue is self._broken:
            raise Retryable(f"SQS {queue}: no answer")
        self._queues.send(queue, bodies, delay_seconds=delay_seconds)


def test_what_a_newer_version_owes_is_left_to_it_and_the_rest_goes_on(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.lose_stream()
    key = tables.order("flipkart:demo:S1")
    order = world.order("S1")
    order["owed"]["poem"] = {"kind": "POEM", "at": world.now}
    world.store.commit([Put(key, order)])
    poem = {"notification_id": "n2", "kind": "POEM", "order_ref": "flipkart:demo:S1", "status": "WAITING", "version": 1}
    world.store.commit([Put(tables.notification("n2"), poem | tables.due(world.now, "n2"))])
    world.time += QUARTER
    assert world.sweep() == Swept({"notifications": 1, "order-events": 1}, left=False)


def test_what_was_settled_while_the_index_was_read_is_not_due_any_more(world: World) -> None:
    """An index is a little behind: the keys were read before the item left it."""
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.time += QUARTER
    page = world.store.page

    def behind(table: Table, partition: str, **how: Any) -> Any:
        found = page(table, partition, **how)
        if table is Table.ORDERS:
            for order in found.items:
                order.pop("due_pk"), order.pop("due_sk")
        return found

    world.store.page = behind  # type: ignore[method-assign]
    assert world.sweep() == Swept({}, left=False)


def test_nothing_due_costs_four_queries_and_by_day_one_reading(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    desk = the_sweep.Desk(world.store, world.queues)
    world.store.calls.clear()
    assert sweep(desk, world.now) == Swept({}, left=False)
    assert world.store.calls == ["Query"] * 4 + ["BatchGetItem"]
    world.store.calls.clear()
    assert sweep(desk, "2026-11-24T22:00:00Z") == Swept({}, left=False)
    assert world.store.calls == ["Query"] * 4


# The table


# marketplaces


@pytest.fixture
def selling() -> SellingWorld:
    return SellingWorld(STOLE=8)


def shown(world: SellingWorld) -> int:
    """What a buyer sees at Flipkart."""
    return world.played.shown("flipkart")["STOLE"]


def fail(world: SellingWorld, times: int = 100_000) -> None:
    world.played.flipkart.faults.set({"fault": "500", "times": times})


def test_a_claim_waits_for_the_marketplace_and_the_group_for_ten_minutes(selling: SellingWorld) -> None:
    fail(selling)
    selling.sell_at_flipkart("S1", "STOLE", 3)
    wait(selling, 2 * RUN - timedelta(seconds=1))
    assert (selling.stock("STOLE")["reserved"], kinds(selling)) == (3, [])
    wait(selling, 2 * RUN)
    assert kinds(selling) == ["NEW_ORDER"]
    # Its word decides, whenever it comes: it knows no such shipment.
    fail(selling, 0)
    selling.played.flipkart.clear()
    wait(selling, timedelta(hours=3))
    assert selling.stock("STOLE")["reserved"] == 0
    assert opened(selling, "CLAIM_DENIED") > START


def test_a_question_that_was_lost_is_asked_again(selling: SellingWorld) -> None:
    selling.sell_at_flipkart("S1", "STOLE", 3)
    selling.work_off(QueueName.ORDER_EVENTS)
    selling.lose_stream()
    wait(selling, 2 * RUN - timedelta(seconds=1))
    assert selling.played.made("flipkart", "shipments") == 0
    wait(selling, RUN)
    assert selling.played.made("flipkart", "shipments") == 1
    wait(selling, DAY)
    assert selling.played.made("flipkart", "shipments") == 1


def test_a_question_waits_for_a_marketplace_that_is_down(selling: SellingWorld) -> None:
    selling.sell_at_flipkart("S1", "STOLE", 3)
    fail(selling)
    wait(selling, 2 * DAY - timedelta(hours=1))
    assert "FETCH_FAILED" not in selling.exceptions()
    wait(selling, timedelta(hours=3))
    assert opened(selling, "FETCH_FAILED") - START >= 2 * DAY - RUN


def test_what_nobody_told_us_waits_for_the_next_run(selling: SellingWorld) -> None:
    selling.catch_up()
    selling.sell_at_flipkart("S1", "STOLE", 3, push=False)
    fail(selling)
    for _ in range(11):
        selling.time += RUN
        selling.catch_up()
    assert selling.exceptions() == []
    for number in range(40):
        selling.time += RUN
        selling.catch_up()
        if number == 20:
            assert "CATCH_UP_FAILED" in selling.exceptions()
            fail(selling, 0)
    wait(selling, RUN)
    assert (selling.exceptions(), selling.stock("STOLE")["reserved"]) == ([], 3)


def test_a_number_waits_for_a_channel_that_is_down(selling: SellingWorld) -> None:
    fail(selling)
    selling.count_in("STOLE", 4, "more")
    wait(selling, timedelta(hours=2) - QUARTER)
    assert selling.exceptions() == []
    wait(selling, timedelta(hours=1))
    assert timedelta(hours=2) <= opened(selling, "STOCK_REFUSED") - START <= timedelta(hours=2) + QUARTER
    fail(selling, 0)
    wait(selling, QUARTER)
    assert (selling.exceptions(), shown(selling)) == ([], 12)


def test_a_number_that_was_lost_is_told_at_night(selling: SellingWorld) -> None:
    selling.count_in("STOLE", 4, "more")
    selling.work_off(QueueName.ORDER_EVENTS)
    selling.lose_stream()
    wait(selling, DAY)
    assert shown(selling) == 8
    selling.tell_all()
    wait(selling, RUN)
    assert shown(selling) == 12


def test_a_listing_waits_for_what_its_channel_needs(selling: SellingWorld) -> None:
    key = tables.listing("flipkart", ACCOUNT, "STOLE")
    listing = selling.store.read([key])[key]
    selling.store.commit([Put(key, listing | {"product_id": ""})])
    selling.count_in("STOLE", 4, "more")
    wait(selling, RUN)
    assert opened(selling, "NOT_PUBLISHABLE") == START
    selling.store.commit([Put(key, listing)])
    selling.tell_all()
    wait(selling, RUN)
    assert (selling.exceptions(), shown(selling)) == ([], 12)


def test_the_reminders_of_a_day_are_sent_though_their_message_was_lost() -> None:
    world = World()
    world.group("G11", "en")
    world.product("STOLE", "G11", "Stole", stock=8, low_at=9)
    world.settle()
    world.sweep()
    assert world.lose_messages() == 1
    wait(world, RUN)
    assert kinds(world) == ["LOW_STOCK"]
    assert quiet_for(world, timedelta(hours=12)) == []


def test_a_paused_channel_waits_for_a_person(selling: SellingWorld) -> None:
    paused = tables.pause("flipkart", ACCOUNT)
    selling.store.commit([Put(paused, {"by": "farzana", "version": 1})])
    selling.count_in("STOLE", 4, "more")
    wait(selling, DAY)
    selling.tell_all()
    wait(selling, RUN)
    assert (shown(selling), selling.exceptions()) == (8, [])
    selling.store.commit([Put(paused, None)])
    selling.tell_all()
    wait(selling, RUN)
    assert shown(selling) == 12


# the table

BESIDE = (test_age_batches, test_close_period, test_payout_cases, test_payouts, test_settlement_overdue)
"""Where the lines about payouts have their tests."""


def rows() -> list[list[str]]:
    lines = (ROOT / "docs/waiting.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return cells[2:]


def test_each_line_of_the_table_has_its_test_and_says_all_of_it() -> None:
    assert len(rows()) >= 15
    names = [row[-1] for row in rows()]
    where = (globals(), *(vars(module) for module in BESIDE))
    assert [name for name in names if not any(callable(there.get(f"test_{name}")) for there in where)] == []
    assert len(set(names)) == len(names)
    assert [row for row in rows() if len(row) != 6 or not all(row)] == []


def test_the_table_knows_every_index_every_status_that_waits_and_only_real_exceptions() -> None:
    where = " ".join(row[1] for row in rows())
    due = {table.value.capitalize() for table, indexes in INDEXES.items() if tables.DUE in indexes}
    assert {name for name in due if name not in where} == set()
    assert {status for status in (Status.WAITING, Status.CLAIMED) if status not in where} == set()
    told = {kind for row in rows() for kind in re.findall(r"`([A-Z_]+)`", row[4])}
    assert told <= ACTIONS.keys()
    # Whoever waits for a person or for news that may never come is told.
    assert {"WAITING_FACT", "UNKNOWN_SHIPMENT", "UNKNOWN_LISTING", "SHORT", "STUCK", "SMS_UNKNOWN"} <= told
