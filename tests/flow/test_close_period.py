"""Closing a period: what goes into a batch, what stays, and what a crash or a second closer changes: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import batch
from hunar.domain.batch import RowState, State
from hunar.messages import BATCH_COMMAND, ClosePeriod
from hunar.ports import QueueName
from hunar.tables import Table
from hunar.use_cases import close_period, mergers
from hunar.use_cases.close_period import Closing
from tests.paydesk import BATCH, CHECKER, MAKER, PayDesk, by
from tests.world import Crash


def desk_of(amounts: dict[str, int], store: MemoryStore | None = None) -> PayDesk:
    desk = PayDesk(store=store)
    for number, (group, paise) in enumerate(amounts.items(), 1):
        desk.group(group, paise=paise, number=number)
    return desk


def test_all_that_is_payable_goes_into_one_batch_with_its_control_total() -> None:
    desk = desk_of({"G01": 1_00_000, "G02": 2_50_050, "G03": 0})

    assert desk.close() == Closing.CLOSED

    made = desk.batch()
    assert (made.state, made.made_by, made.closed_by) == (State.CLOSED, MAKER, MAKER)
    assert (made.count, made.control_total) == (2, 3_50_050)
    assert {group: row.amount_paise for group, row in desk.rows().items()} == {"G01": 1_00_000, "G02": 2_50_050}
    assert [desk.head(group).payable for group in ("G01", "G02")] == [0, 0]
    assert desk.sound()


def test_closing_again_changes_nothing() -> None:
    desk = desk_of({"G01": 1_000})
    desk.close()
    before = desk.store.everything()

    assert desk.close() == Closing.OVER

    assert desk.store.everything() == before


def test_a_period_in_which_nothing_is_payable_has_no_batch() -> None:
    desk = desk_of({"G01": 0})

    assert desk.close() == Closing.EMPTY

    assert not [key for key in desk.store.everything() if key.sk == "BATCH"]


def test_a_batch_in_which_nobody_can_be_paid_is_cancelled_and_says_why() -> None:
    desk = PayDesk()
    desk.group("G01", paise=500, account=False)

    assert desk.close() == Closing.EMPTY

    assert (desk.batch().state, desk.batch().cancelled_because) == (State.CANCELLED, close_period.NOBODY)
    assert desk.head("G01").payable == 500


def test_what_is_below_the_minimum_is_carried_into_the_next_period() -> None:
    desk = desk_of({"G01": 9_999, "G02": 10_000})
    desk.minimum_paise = 10_000

    desk.close()

    assert list(desk.rows()) == ["G02"]
    desk.earn("G01", 1)
    desk.close("2026-12-22-S")
    assert desk.rows("2026-12-22-S")["G01"].amount_paise == 10_000
    assert not desk.open("PAYOUT_LEFT_OUT")
    assert desk.sound()


def test_a_period_with_more_returns_than_sales_pays_nothing_and_the_debt_goes_on() -> None:
    desk = desk_of({"G01": 0, "G02": 1_000})
    desk.earn("G01", -700)

    desk.close()

    assert list(desk.rows()) == ["G02"]
    assert desk.head("G01").debt == 700


def test_of_a_debt_goes_what_the_resolution_in_force_allows_and_no_more() -> None:
    desk = PayDesk()
    desk.group("G01", paise=10_000, recovery_ppm=300_000)
    desk.earn("G01", -8_000)

    desk.close()

    assert desk.rows()["G01"].amount_paise == 7_000
    assert desk.head("G01").debt == 5_000
    assert desk.sound()


def test_a_payout_that_goes_against_a_debt_as_a_whole_has_no_row_and_is_not_taken_twice() -> None:
    desk = desk_of({"G02": 1_000})
    desk.group("G01", paise=600, recovery_ppm=1_000_000)
    desk.earn("G01", -1_000)
    crash_after_each_group(desk, "G01")

    desk.close()

    assert list(desk.rows()) == ["G02"]
    assert (desk.head("G01").debt, desk.head("G01").payable) == (400, 50)
    assert desk.sound()


def crash_after_each_group(desk: PayDesk, group: str) -> None:
    """The worker ends behind the group's turn, and the group earns more before the closing goes on."""
    turns: list[str] = []

    def turn(moment: str) -> None:
        if moment.startswith("after TransactWriteItems"):
            turns.append(moment)
            if desk.head(group).seq == 3:
                desk.store.turn = lambda moment: None
                raise Crash

    desk.store.turn = turn
    with pytest.raises(Crash):
        desk.close()
    desk.earn(group, 50)


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda desk: None, "no bank account is registered"),
        (lambda desk: desk.account("G01", confirmed=False), "waits for a second person"),
        (lambda desk: (desk.account("G01"), desk.account("G01", 2)), "it can be paid from 2026-12-22"),
        (lambda desk: (desk.account("G01"), close_account(desk)), "the account was closed on 2026-12-15"),
    ],
    ids=["none", "unconfirmed", "cooling off", "closed"],
)
def test_a_group_that_cannot_be_paid_is_left_out_and_a_person_sees_why(prepare: object, why: str) -> None:
    desk = desk_of({"G02": 1_000})
    desk.group("G01", paise=500, account=False)
    prepare(desk)  # type: ignore[operator]
    desk.work()

    desk.close()

    assert list(desk.rows()) == ["G02"]
    [shown] = desk.open("PAYOUT_LEFT_OUT")
    assert (shown["group_id"], desk.head("G01").payable) == ("G01", 500)
    assert why in shown["message"]


def close_account(desk: PayDesk) -> None:
    from hunar.use_cases import payees

    payees.close(desk.operator, "G01", by(CHECKER, "the bank said so"))


def test_a_group_that_was_left_out_is_paid_once_its_account_can_be_and_nobody_need_look_any_more() -> None:
    desk = desk_of({"G02": 1_000})
    desk.group("G01", paise=500, account=False)
    desk.close()
    desk.account("G01")

    desk.close("2026-12-22-S")

    assert list(desk.rows("2026-12-22-S")) == ["G01"]
    assert not desk.open("PAYOUT_LEFT_OUT")


def test_a_group_that_was_left_out_and_then_joined_another_waits_for_nothing_any_more() -> None:
    desk = desk_of({"G02": 1_000})
    desk.group("G01", paise=500, account=False)
    desk.close()
    assert desk.open("PAYOUT_LEFT_OUT")
    for person in (MAKER, CHECKER):
        mergers.merge(desk.operator, "G01", "G02", by(person, "book 3"))

    desk.work()

    assert (desk.head("G01").payable, desk.head("G02").payable) == (0, 500)
    assert not desk.open("PAYOUT_LEFT_OUT")


def test_a_group_whose_resolution_does_not_say_what_a_debt_recovers_is_left_out() -> None:
    desk = PayDesk()
    desk.group("G01", paise=500, recovery_ppm=None)

    desk.close()

    [shown] = desk.open("PAYOUT_LEFT_OUT")
    assert "recovery_ppm is missing" in shown["message"]


def test_what_is_released_while_a_batch_is_closed_falls_into_the_next_one() -> None:
    desk = desk_of({"G01": 1_000, "G02": 2_000})
    earned = []

    def turn(moment: str) -> None:
        if moment.startswith("after TransactWriteItems") and not earned:
            earned.append(moment)
            for group in ("G01", "G02"):
                desk.earn(group, 7)

    desk.store.turn = turn
    desk.close()
    desk.store.turn = lambda moment: None

    first = {group: row.amount_paise for group, row in desk.rows().items()}
    desk.close("2026-12-22-S")
    second = {group: row.amount_paise for group, row in desk.rows("2026-12-22-S").items()}
    assert sum(first.values()) + sum(second.values()) == 3_014
    assert first == {"G01": 1_000, "G02": 2_007}
    assert desk.sound()


def calls_of_closing() -> int:
    desk = desk_of({"G01": 1_000, "G02": 2_000, "G03": 3_000})
    moments: list[str] = []
    desk.store.turn = moments.append
    desk.close()
    return len(moments)


@pytest.mark.parametrize("at", range(calls_of_closing()))
def test_a_crash_anywhere_is_completed_by_closing_the_same_batch_again(at: int) -> None:
    whole = desk_of({"G01": 1_000, "G02": 2_000, "G03": 3_000})
    whole.close()
    desk = desk_of({"G01": 1_000, "G02": 2_000, "G03": 3_000})
    left = [at]

    def turn(moment: str) -> None:
        if left[0] == 0:
            desk.store.turn = lambda moment: None
            raise Crash(moment)
        left[0] -= 1

    desk.store.turn = turn
    with pytest.raises(Crash):
        desk.close()

    desk.close()

    assert desk.rows() == whole.rows()
    assert desk.batch().digest == whole.batch().digest
    assert desk.sound()


@pytest.mark.parametrize("second", [BATCH, "BOTHER"], ids=["same batch", "another batch"])
@pytest.mark.parametrize("at", range(0, calls_of_closing(), 2))
def test_two_who_close_at_once_pay_every_group_once(at: int, second: str) -> None:
    desk = desk_of({"G01": 1_000, "G02": 2_000, "G03": 3_000})
    left = [at]

    def turn(moment: str) -> None:
        if left[0] == 0:
            desk.store.turn = lambda moment: None
            desk.close(second, "sita")
        left[0] -= 1

    # Not while a transaction is in flight: the other one would wait for it, here for ever.
    desk.store.turn = lambda moment: None if moment.startswith("in flight") else turn(moment)
    desk.close()

    paid = [row for name in {BATCH, second} if has_batch(desk, name) for row in desk.rows(name).values()]
    assert sorted((row.group_id, row.amount_paise) for row in paid) == [("G01", 1_000), ("G02", 2_000), ("G03", 3_000)]
    assert desk.sound()


def has_batch(desk: PayDesk, batch_id: str) -> bool:
    from hunar import tables

    return bool(desk.store.read([tables.batch(batch_id)]))


def test_a_row_that_comes_late_never_stands_in_a_batch_that_was_closed_meanwhile() -> None:
    """The slower of two workers is stopped before its second group; the other one, which did not see it, closes."""
    desk = desk_of({"G01": 1_000, "G02": 2_000})
    transactions: list[str] = []

    def turn(moment: str) -> None:
        if moment.startswith("before TransactWriteItems"):
            transactions.append(moment)
            if len(transactions) == 2:
                assert close_period._finish(desk.desk, ClosePeriod(batch_id=BATCH, by=MAKER)) == Closing.CLOSED

    desk.store.turn = turn
    assert desk.close() == Closing.OVER

    batch.check(desk.batch(), list(desk.rows().values()))
    assert (list(desk.rows()), desk.head("G02").payable) == (["G01"], 2_000)
    assert desk.sound()


def test_a_batch_that_goes_on_after_another_one_leaves_the_groups_that_it_has() -> None:
    desk = desk_of({"G01": 1_000, "G02": 2_000})
    times = iter([100.0, 1.0])
    desk.time_left = lambda: next(times, 100)
    unfinished = ClosePeriod(batch_id=BATCH, by=MAKER)
    assert desk.obey(unfinished) == Closing.UNFINISHED
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    desk.earn("G01", 10)
    desk.close("BOTHER")
    desk.earn("G01", 5)
    desk.earn("G02", 7)

    assert desk.obey(unfinished) == Closing.CLOSED

    assert {group: row.amount_paise for group, row in desk.rows().items()} == {"G01": 1_000, "G02": 7}
    assert desk.head("G01").payable == 5
    assert desk.sound()


def test_a_batch_that_took_all_against_a_debt_does_so_once_also_when_another_one_paid_the_group_since() -> None:
    desk = desk_of({"G02": 2_000, "G03": 3_000})
    desk.group("G01", paise=600, recovery_ppm=1_000_000)
    desk.earn("G01", -600)
    times = iter([100.0, 100.0, 1.0])
    desk.time_left = lambda: next(times, 100.0)
    unfinished = ClosePeriod(batch_id=BATCH, by=MAKER)
    assert desk.obey(unfinished) == Closing.UNFINISHED
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    assert (desk.head("G01").payable, desk.head("G01").debt) == (0, 0)
    desk.earn("G01", 10)
    desk.close("BOTHER")
    desk.earn("G01", 5)

    desk.close()

    assert desk.rows("BOTHER")["G01"].amount_paise == 10
    assert (list(desk.rows()), desk.head("G01").payable) == (["G02"], 5)
    assert desk.sound()


def test_a_closing_that_runs_out_of_time_goes_on_with_its_next_message() -> None:
    desk = desk_of({"G01": 1_000, "G02": 2_000})
    times = iter([100.0, 1.0])
    desk.time_left = lambda: next(times, 100)

    said = desk.obey(ClosePeriod(batch_id=BATCH, by=MAKER))

    assert (said, desk.batch().state, len(desk.rows())) == (Closing.UNFINISHED, State.DRAFT, 1)
    assert desk.work() == ["CLOSED"]
    assert desk.batch().count == 2


def test_groups_that_cannot_be_paid_do_not_keep_a_closing_from_its_end_however_short_its_time_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(close_period, "PAGE", 2)
    desk = desk_of({"G08": 1_000, "G09": 2_000})
    for number in range(1, 8):
        desk.group(f"G{number:02}", paise=number, account=False)

    def times() -> Iterator[float]:
        while True:
            yield from (100.0, 100.0, 1.0)

    left = times()
    desk.time_left = lambda: next(left)
    desk.obey(ClosePeriod(batch_id=BATCH, by=MAKER))

    for _ in range(5):
        for body, _receipt in desk.queues.taken(QueueName.PAYOUT_BATCHES):
            desk.obey(BATCH_COMMAND.validate_json(body))

    assert (desk.batch().state, desk.batch().control_total) == (State.CLOSED, 3_000)
    assert len(desk.open("PAYOUT_LEFT_OUT")) == 7


def test_groups_that_one_file_of_the_bank_does_not_take_are_in_the_batches_that_follow() -> None:
    desk = desk_of({f"G{number:02}": 1_000 + number for number in range(7)})
    desk.most_rows = 3
    desk.close()
    made = [desk.batch(name) for name in (BATCH, f"{BATCH}.2", f"{BATCH}.3")]
    assert [(one.state, one.count, one.made_by) for one in made] == [
        (State.CLOSED, 3, MAKER),
        (State.CLOSED, 3, MAKER),
        (State.CLOSED, 1, MAKER),
    ]
    assert sum(one.control_total for one in made) == 7 * 1_000 + 21
    before = desk.store.everything()
    desk.close()
    assert desk.store.everything() == before, "closed again, they are the same batches"
    assert desk.sound()


def test_who_is_carried_forward_needs_no_batch_behind_a_full_one() -> None:
    desk = desk_of({"G01": 5_000, "G02": 6_000, "G03": 40})
    desk.most_rows, desk.minimum_paise = 2, 1_000
    desk.close()
    assert (desk.batch().count, len(desk.store.page(Table.BATCHES, "ALL", index=tables.FEED).items)) == (2, 1)


def test_a_batch_that_was_cancelled_while_it_was_collected_takes_no_more_groups() -> None:
    from hunar.use_cases import payouts

    desk = desk_of({"G01": 1_000, "G02": 2_000})
    done: list[str] = []

    def turn(moment: str) -> None:
        if moment.startswith("after TransactWriteItems") and not done:
            done.append(moment)
            payouts.cancel(desk.operator, BATCH, by(MAKER, "wrong day"))

    desk.store.turn = turn
    assert desk.obey(ClosePeriod(batch_id=BATCH, by=MAKER)) == Closing.OVER
    desk.store.turn = lambda moment: None
    desk.work()

    assert [row.state for row in desk.rows().values()] == [RowState.PULLED]
    assert [desk.head(group).payable for group in ("G01", "G02")] == [1_000, 2_000]
    assert desk.sound()


def test_closing_costs_work_for_groups_with_something_payable_only() -> None:
    def calls(idle: int) -> int:
        desk = desk_of({"G01": 1_000, "G02": 2_000})
        for number in range(idle):
            desk.group(f"N{number:03}", account=False)
            desk.earn(f"N{number:03}", -5)
        before = len(desk.store.calls)
        desk.close()
        return len(desk.store.calls) - before

    assert calls(300) == calls(0)


def test_the_schedule_and_a_person_name_their_batches_by_what_they_are() -> None:
    assert batch.of_day("2026-12-15") == batch.of_day("2026-12-15") == "2026-12-15-S"
    assert batch.of_act("act-1") == batch.of_act("act-1") != batch.of_act("act-2")


def test_nothing_of_an_account_is_in_a_queue() -> None:
    desk = desk_of({"G01": 1_000})
    desk.account("G01", 2)
    bodies = [body for queue in QueueName for body, _ in desk.queues.taken(queue)]

    assert bodies
    assert not [body for body in bodies if "0000000277" in body or "0000000177" in body or "SAMUH" in body]
