"""Something was delivered and the marketplace never settled it: a person is told, by the clock, until that is over."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.domain.facts import CUSTOMER, Cancelled, Fact, ReturnRequested, ReturnStep, instant, moment
from hunar.messages import ComputePayout
from hunar.ports import Put, QueueName
from hunar.tables import Table
from hunar.use_cases import prove, sweep
from hunar.use_cases.watch_settlements import watch_old
from tests.till import SOLD, Till

DELIVERED = "2026-11-24T10:00:00Z"
DAY = timedelta(days=1)
OVERDUE = "SETTLEMENT_OVERDUE"
SALE = {"sale": 109_900}


def at(days: float, since: str = DELIVERED) -> str:
    return instant(moment(since) + days * DAY)


@pytest.fixture
def till() -> Till:
    made = Till(proven=False)
    made.group("G03")
    made.now = at(0.1)
    return made


def look(till: Till, now: str | None = None) -> int:
    """A sweep, and all that it sends is done. Returns how many messages about money it sent."""
    till.now = now or till.now
    sweep.sweep(sweep.Desk(till.store, till.queues), till.now)
    bodies = [body for body, _ in till.queues.taken(QueueName.PAYOUTS)]
    till.obey(*bodies)
    return len(bodies)


def shown(till: Till) -> list[str]:
    return [item["subject"]["line_id"] for item in till.open(OVERDUE)]


def test_a_line_that_nobody_settles_is_shown_thirty_days_after_its_delivery_and_not_before(till: Till) -> None:
    order_ref = till.sell()
    till.compute(order_ref)
    assert look(till, at(29.99)) == 0
    assert shown(till) == []
    assert look(till, at(30)) == 1
    [item] = till.open(OVERDUE)
    assert (item["order_ref"], item["group_id"], item["subject"]) == (order_ref, "G03", {"line_id": "I-1"})
    assert item["message"] == "line I-1: delivered on 2026-11-24, and no settlement has spoken of it in 30 days"
    assert "reports" in item["action"]


def test_the_days_are_a_setting(till: Till) -> None:
    till.patience_days = 45
    till.compute(till.sell())
    assert (look(till, at(44)), shown(till)) == (0, [])
    assert (look(till, at(45)), shown(till)) == (1, ["I-1"])


def test_sweeps_that_repeat_and_come_late_show_it_once_and_then_leave_it_alone(till: Till) -> None:
    order_ref = till.sell()
    till.compute(order_ref)
    till.now = at(55)
    for _ in range(3):
        sweep.sweep(sweep.Desk(till.store, till.queues), till.now)
    bodies = [body for body, _ in till.queues.taken(QueueName.PAYOUTS)]
    assert len(bodies) == 3
    till.obey(*bodies)
    assert (shown(till), look(till), look(till, at(80))) == (["I-1"], 0, 0)
    [item] = till.open(OVERDUE)
    assert [event["what"] for event in item["history"]] == ["opened"]


def test_a_command_that_comes_late_by_itself_shows_it_without_a_sweep(till: Till) -> None:
    till.now = at(31)
    till.compute(till.sell())
    assert shown(till) == ["I-1"]
    assert look(till) == 0


def test_what_was_settled_in_time_is_looked_at_once_and_not_shown(till: Till) -> None:
    till.compute(till.sell())
    till.settle(till.line(SALE))
    assert look(till, at(30)) >= 1
    assert (shown(till), look(till, at(60))) == ([], 0)


def gives_nothing(units: int = 1) -> Cancelled:
    return Cancelled("I-1", "2026-11-21T10:00:00Z", units, "buyer", "")


def comes_back() -> tuple[Fact, ...]:
    asked = ReturnRequested("R-1", "I-1", "2026-12-01T10:00:00Z", CUSTOMER, 1, None, "", "")
    return asked, ReturnStep("R-1", "I-1", "2026-12-02T10:00:00Z", "received")


@pytest.mark.parametrize(
    "ends",
    [
        lambda till: till.settle(till.line(SALE)),
        lambda till: till.compute(till.sell("S-1", "I-1", gives_nothing())),
        lambda till: till.compute(till.sell("S-1", "I-1", *comes_back())),
    ],
    ids=["settled", "cancelled", "came back"],
)
def test_it_closes_by_itself_when_it_is_over(till: Till, ends: Callable[[Till], Any]) -> None:
    till.compute(till.sell())
    look(till, at(31))
    assert shown(till) == ["I-1"]
    ends(till)
    assert shown(till) == []
    look(till, at(90))
    assert shown(till) == []


def test_pieces_that_are_paid_by_facts_wait_for_the_marketplace_all_the_same() -> None:
    till = Till()
    till.group("G03", payout_basis="FIXED_PER_PIECE")
    till.now = at(0.1)
    order_ref = till.sell(terms={"payout_basis": "FIXED_PER_PIECE", "piece_price_paise": 40_000})
    till.compute(order_ref)
    assert till.balances()["group_held:G03"] < 0
    look(till, at(31))
    assert shown(till) == ["I-1"]
    assert till.balances()["group_payable:G03"] < 0, "the group does not wait for it"
    till.settle(till.line(SALE))
    assert shown(till) == []


def test_a_delivery_that_is_corrected_moves_the_day(till: Till) -> None:
    till.compute(till.sell())
    till.compute(till.sell(delivered=at(5)))
    assert (look(till, at(30)), shown(till)) == (0, [])
    assert (look(till, at(35)), shown(till)) == (1, ["I-1"])


def test_what_has_no_rate_stays_on_the_worklist_and_is_looked_at_no_longer_than_that(till: Till) -> None:
    till.compute(till.sell())
    gst = tables.rate("government", "gst")
    rate = till.store.read([gst])[gst]
    till.store.commit([Put(gst, rate | {"to": "2026-02-01"})])
    assert (look(till, at(30)), look(till, at(31))) == (1, 0)
    assert {item["kind"] for item in till.open()} == {OVERDUE, "RATE_GAP"}


# ── what was delivered before anybody watched ────────────────────────────────────────────────────


def of_former_times(till: Till, *names: str) -> None:
    """Orders as an older version left them: ended, and with a head that nothing makes due."""
    for name in names:
        order_ref = till.sell(name, f"I-{name}")
        till.compute(order_ref, f"I-{name}")
        head = tables.ledger_head(order_ref, f"I-{name}")
        item = till.store.read([head])[head]
        bare = {key: value for key, value in item.items() if not key.startswith("due_")}
        order = till.store.read([tables.order(order_ref)])[tables.order(order_ref)]
        ended = {"board_pk": "ENDED", "board_sk": f"{SOLD}#{order_ref}"}
        till.store.commit([Put(head, bare), Put(tables.order(order_ref), order | ended)])


def by_night(till: Till, seconds: Callable[[], float] = lambda: 900.0) -> int:
    return watch_old(till.store, till.queues, now=till.now, time_left=seconds)


def test_lines_of_former_times_are_found_by_night_once(till: Till) -> None:
    of_former_times(till, *(f"S-{n}" for n in range(250)))
    till.settle(till.line(SALE, "I-S-7"))
    till.now = at(40)
    assert look(till) <= 1, "nothing is due but what is held for the one that was settled"
    assert by_night(till) == 249
    till.obey(*[body for body, _ in till.queues.taken(QueueName.PAYOUTS)])
    assert len(shown(till)) == 249
    assert "I-S-7" not in shown(till)
    of_former_times(till, "S-new")
    assert by_night(till) == 0, "what comes now is marked by its own command"


def test_lines_of_former_times_that_are_still_in_time_are_due_from_then_on(till: Till) -> None:
    of_former_times(till, "S-1")
    till.now = at(10)
    assert by_night(till) == 1
    till.obey(*[body for body, _ in till.queues.taken(QueueName.PAYOUTS)])
    assert shown(till) == []
    look(till, at(30))
    assert shown(till) == ["I-S-1"]


def test_a_night_that_has_too_little_time_is_gone_on_with(till: Till) -> None:
    of_former_times(till, *(f"S-{n}" for n in range(250)))
    till.now = at(40)
    found = []
    for _ in range(5):
        seconds = iter([100.0, 10.0])
        found.append(by_night(till, lambda seconds=seconds: next(seconds)))  # type: ignore[misc]
    assert found == [100, 100, 50, 0, 0]


def test_the_nightly_proof_does_it(till: Till) -> None:
    of_former_times(till, "S-1")
    till.now = at(40)
    prove.nightly(prove.Desk(till.store, till.queues, till.now, lambda: 900.0, till.again))
    [(body, _)] = till.queues.taken(QueueName.PAYOUTS)
    assert body == ComputePayout(order_ref="flipkart:demo:S-1", line_id="I-S-1").model_dump_json()


# ── in any order ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(30))
def test_commands_in_any_order_and_number_end_with_what_is_true(seed: int) -> None:
    draw = random.Random(seed)
    till = Till(proven=False)
    till.group("G03")
    till.now = at(draw.choice([1, 31]))
    settled, gone = draw.random() < 0.4, draw.random() < 0.3
    facts: list[Fact] = [gives_nothing()] if gone else []
    commands = [ComputePayout(order_ref=till.sell(), line_id="I-1").model_dump_json()] * 2
    till.obey(*commands, shuffle=draw)
    till.sell("S-1", "I-1", *facts)
    commands += till.keep(till.line(SALE)) * 2 if settled else []
    till.obey(*commands, shuffle=draw)
    for day in sorted(draw.sample(range(31, 60), 3)):
        till.now = at(day)
        sweep.sweep(sweep.Desk(till.store, till.queues), till.now)
        bodies = [body for body, _ in till.queues.taken(QueueName.PAYOUTS)]
        till.obey(*bodies, *draw.choices(commands, k=2), shuffle=draw)
    assert shown(till) == ([] if settled or gone else ["I-1"])
    due = [key for key, item in till.store.scan(Table.LEDGER) if item.get("due_sk", "~") <= till.now]
    assert due == []
