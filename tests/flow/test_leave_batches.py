"""Rows that should not be paid any more: they leave what the bank does not have, and are shown where it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hunar.domain.bank_file import Status
from hunar.domain.batch import RowState, State
from hunar.messages import BATCH_COMMAND
from hunar.ports import QueueName
from hunar.use_cases import payees, payouts
from hunar.use_cases.operate import NotNow
from tests.paydesk import BATCH, CHECKER, MAKER, PayDesk, answer, by

NEXT = "NEXT"


@pytest.fixture
def desk() -> PayDesk:
    desk = PayDesk()
    for number, group in enumerate(("G01", "G02"), start=1):
        desk.group(group, paise=10_000 * number, number=number)
    return desk


def rejected_and_closed_anew(desk: PayDesk) -> PayDesk:
    """The bank rejected G01's payout, and the next batch has it again."""
    desk.filed()
    desk.bank(answer(desk.rows()["G01"], Status.REJECTED))
    desk.close(NEXT)
    assert desk.rows(NEXT)["G01"].amount_paise == 10_000
    return desk


def test_a_payment_that_the_bank_made_after_all_takes_the_group_out_of_the_next_batch(desk: PayDesk) -> None:
    rejected_and_closed_anew(desk).earn("G02", 500)
    desk.close("LATER")
    desk.approve(NEXT)

    desk.bank(answer(desk.rows()["G01"]))

    assert desk.rows(NEXT)["G01"].state is RowState.PULLED
    assert desk.batch(NEXT).state is State.CANCELLED
    assert desk.head("G01").payable == 10_000, "it is owed until two persons have said what the bank did"
    assert desk.rows("LATER")["G02"].state is RowState.IN_TRANSIT
    assert desk.sound()


def test_a_batch_is_not_approved_nor_given_out_while_it_pays_who_may_have_the_money(desk: PayDesk) -> None:
    rejected_and_closed_anew(desk)
    desk.approve(NEXT)
    payouts.paid(desk.operator, BATCH, [answer(desk.rows()["G01"])], by(MAKER))
    [command] = [body for body, _ in desk.queues.taken(QueueName.PAYOUT_BATCHES)]
    desk.obey(BATCH_COMMAND.validate_json(command))
    # The row is still there: the command that takes it out is late.
    with pytest.raises(NotNow, match="rows must be pulled first: G01: PAID_THOUGH_REJECTED"):
        desk.submit(NEXT)
    payouts.withdraw(desk.operator, NEXT, by(MAKER))
    with pytest.raises(NotNow, match="rows must be pulled first: G01: PAID_THOUGH_REJECTED"):
        payouts.approve(desk.operator, NEXT, by(CHECKER), seen=desk.batch(NEXT).digest)
    assert desk.batch(NEXT).state is State.CLOSED


def test_a_payment_that_the_bank_has_already_is_shown_until_it_answers(desk: PayDesk) -> None:
    rejected_and_closed_anew(desk)
    desk.approve(NEXT)
    desk.submit(NEXT)

    desk.bank(answer(desk.rows()["G01"]))

    row = desk.rows(NEXT)["G01"]
    [shown] = desk.open("PULLED_TOO_LATE")
    assert shown["message"] == (
        f"batch NEXT: {row.payout_id} to G01, 100.00, is with the bank and should not be paid: PAID_THOUGH_REJECTED of "
        "G01 is not resolved"
    )
    desk.bank(answer(row, Status.REJECTED), batch_id=NEXT)
    assert not desk.open("PULLED_TOO_LATE")
    assert desk.head("G01").payable == 10_000
    assert desk.sound()


def test_an_account_that_is_changed_while_the_bank_has_the_file_is_shown_until_it_answers(desk: PayDesk) -> None:
    desk.filed()

    desk.account("G01", 5, confirmed=False)
    desk.work()

    [shown] = desk.open("PULLED_TOO_LATE")
    assert (shown["group_id"], "the account was changed" in shown["message"]) == ("G01", True)
    assert desk.rows()["G01"].state is RowState.IN_TRANSIT
    desk.bank(answer(desk.rows()["G01"]), answer(desk.rows()["G02"]))
    assert not desk.open("PULLED_TOO_LATE")


def test_an_account_that_is_closed_while_the_bank_has_the_file_is_shown(desk: PayDesk) -> None:
    desk.filed()

    payees.close(desk.operator, "G02", by(CHECKER, "the leader left"))
    desk.work()

    [shown] = desk.open("PULLED_TOO_LATE")
    assert shown["message"].endswith("to G02, 200.00, is with the bank and should not be paid: the account was closed")


def test_what_the_bank_has_answered_is_not_shown_as_too_late(desk: PayDesk) -> None:
    desk.filed()
    desk.bank(answer(desk.rows()["G01"]))

    desk.account("G01", 5, confirmed=False)
    desk.work()

    assert not desk.open("PULLED_TOO_LATE")


@pytest.mark.parametrize(("day", "state"), [("2026-12-15", RowState.PAID), ("2026-12-16", RowState.RETURNED)])
def test_a_rejection_that_is_older_than_the_payment_takes_nothing_back(
    desk: PayDesk, day: str, state: RowState
) -> None:
    desk.filed()
    desk.bank(answer(desk.rows()["G01"]))

    desk.bank(replace(answer(desk.rows()["G01"], Status.REJECTED), day=day))

    assert desk.rows()["G01"].state is state
    assert desk.head("G01").payable == (10_000 if state is RowState.RETURNED else 0)
    assert desk.sound()


def test_a_file_whose_day_has_passed_is_not_given_out_and_goes_out_with_another_day(desk: PayDesk) -> None:
    desk.close()
    desk.approve(value_date="2026-12-16")
    desk.now = "2026-12-16T18:30:00Z"

    with pytest.raises(NotNow, match="its day of payment, 2026-12-16, has passed; withdraw the approval"):
        desk.submit()

    payouts.withdraw(desk.operator, BATCH, by(MAKER))
    desk.approve()
    assert desk.submit().value_date == "2026-12-17"


def test_a_file_that_was_given_out_is_had_again_on_any_day(desk: PayDesk) -> None:
    desk.filed()
    desk.now = "2026-12-25T06:00:00Z"

    assert desk.submit().state is State.FILED
