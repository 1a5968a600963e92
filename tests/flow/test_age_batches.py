"""Batches that stand still: shown to a person, or taken up again, and never for nothing."""

from __future__ import annotations

import pytest

from hunar.domain.batch import State
from hunar.messages import ClosePeriod, LookAtPayables
from hunar.ports import QueueName
from hunar.use_cases import payouts
from tests.paydesk import BATCH, CHECKER, MAKER, PayDesk, answer, by

FRIDAY, MONDAY, LATER = "2026-12-18T05:59:59Z", "2026-12-18T06:00:00Z", "2026-12-22T06:00:00Z"


@pytest.fixture
def desk() -> PayDesk:
    desk = PayDesk()
    for number, group in enumerate(("G01", "G02"), start=1):
        desk.group(group, paise=10_000 * number, number=number)
    return desk


def look(desk: PayDesk, at: str) -> list[str]:
    desk.now = at
    desk.obey(LookAtPayables())
    return [one["message"] for one in desk.open("BATCH_WAITS")]


def test_a_batch_that_nobody_approves_is_shown_after_three_days_until_it_goes_on(desk: PayDesk) -> None:
    desk.close()

    assert look(desk, FRIDAY) == []
    assert look(desk, MONDAY) == [
        f"batch {BATCH} of 2 payouts, 300.00, is CLOSED since 2026-12-15: another person must approve it"
    ]
    assert len(look(desk, LATER)) == 1

    desk.approve()
    assert look(desk, LATER) == []


def test_a_file_that_nobody_gives_out_and_a_bank_that_says_nothing_are_shown(desk: PayDesk) -> None:
    desk.close()
    desk.approve()
    [shown] = look(desk, MONDAY)
    assert "is APPROVED since 2026-12-15: its file must be given out" in shown

    payouts.withdraw(desk.operator, BATCH, by(MAKER))
    desk.approve()
    desk.submit()
    assert look(desk, MONDAY) == []
    desk.bank(answer(desk.rows()["G01"]))
    [shown] = look(desk, LATER)
    assert "is FILED since 2026-12-18: the bank has not answered for all of it" in shown

    desk.bank(answer(desk.rows()["G02"]))
    assert desk.batch().state is State.COMPLETED
    assert look(desk, "2027-12-22T06:00:00Z") == []


def test_a_closing_whose_command_was_lost_is_completed_by_the_daily_look(desk: PayDesk) -> None:
    desk.time_left = lambda: 0
    desk.obey(ClosePeriod(batch_id=BATCH, by=MAKER))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    desk.time_left = lambda: 60
    assert desk.batch().state is State.DRAFT

    look(desk, "2026-12-15T06:59:59Z")
    desk.work()
    assert desk.batch().state is State.DRAFT, "it may still be on its way"

    look(desk, "2026-12-15T07:00:00Z")
    desk.work()
    assert desk.batch().state is State.CLOSED
    assert desk.batch().made_by == MAKER
    assert desk.batch().count == 2


def test_a_cancellation_whose_command_was_lost_gives_the_money_back_all_the_same(desk: PayDesk) -> None:
    desk.close()
    payouts.cancel(desk.operator, BATCH, by(CHECKER, "wrong day"))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    assert desk.head("G01").payable == 0

    look(desk, MONDAY)
    desk.work()

    assert (desk.head("G01").payable, desk.head("G02").payable) == (10_000, 20_000)
    assert desk.open("BATCH_WAITS") == []
    assert desk.sound()
