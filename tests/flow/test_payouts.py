"""A batch from its closing to the bank and back: who may do what, and what each of the bank's answers books."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from hunar import tables
from hunar.domain.bank_file import Status
from hunar.domain.batch import RowState, State
from hunar.messages import PullRow, TakeAnswer, UndoBatch
from hunar.ports import Put, QueueName, Rejected
from hunar.use_cases import payees, payouts, resolve
from hunar.use_cases.operate import NotNow, NotThere
from hunar.use_cases.show import Asked
from hunar.use_cases.worklist import closing
from tests.paydesk import BATCH, CHECKER, MAKER, PayDesk, answer, by
from tests.world import Crash

NEXT = "2026-12-22-S"
HDFC = {"client_code": "HUNR"}


def closed(groups: int = 3, **said: Any) -> PayDesk:
    desk = PayDesk(**said)
    for number in range(1, groups + 1):
        desk.group(f"G{number:02}", paise=number * 1_000, number=number)
    desk.close()
    return desk


# ── approval and the file ────────────────────────────────────────────────────────────────────────


def test_another_person_approves_and_the_file_is_kept_with_what_proves_it() -> None:
    desk = closed(layout="hdfc_enet", **HDFC)

    approved = desk.approve(value_date="2026-12-16")

    assert (approved.state, approved.approved_by, approved.value_date) == (State.APPROVED, CHECKER, "2026-12-16")
    assert (approved.file_layout, approved.file_name, approved.file_serial) == ("hdfc_enet", "HUNR1612.001", 1)
    [name] = desk.files.objects
    assert name == f"batches/{BATCH}/{approved.file_sha256}.001"
    with pytest.raises(NotNow, match="was not given out"):
        payouts.file_of(desk.operator, BATCH)

    desk.submit()

    assert payouts.file_of(desk.operator, BATCH) == ("HUNR1612.001", desk.files.objects[name])
    assert desk.submit().state is State.FILED


@pytest.mark.parametrize("person", [MAKER, MAKER.upper(), f" {MAKER}"])
def test_whoever_made_a_batch_cannot_approve_it(person: str) -> None:
    desk = closed()
    with pytest.raises(NotNow, match="another person must approve it"):
        desk.approve(person=person)
    assert not desk.files.objects


def test_a_batch_that_changed_since_it_was_looked_at_is_not_approved() -> None:
    desk = closed()
    seen = desk.batch().digest
    payouts.pull(desk.operator, BATCH, desk.rows()["G02"].payout_id, by(CHECKER, "the group asked"))
    desk.work()

    with pytest.raises(NotNow, match="look at it again"):
        desk.approve(seen=seen)

    assert desk.head("G02").payable == 2_000
    assert desk.approve().count == 2
    assert desk.sound()


def test_a_row_that_was_edited_in_the_table_is_found_at_the_approval_and_at_the_giving_out() -> None:
    desk = closed()
    key = tables.batch_row(BATCH, desk.rows()["G01"].payout_id)
    stored = desk.store.read([key])[key]
    desk.store.commit([Put(key, stored | {"amount_paise": 9_000})])
    with pytest.raises(NotNow, match="not those that were closed"):
        desk.approve()

    desk.store.commit([Put(key, stored)])
    desk.approve()
    desk.store.commit([Put(key, stored | {"amount_paise": 9_000})])
    with pytest.raises(NotNow, match="not the file"):
        desk.submit()


def test_a_file_that_is_not_what_was_approved_is_not_given_out() -> None:
    desk = closed(layout="hdfc_enet", **HDFC)
    desk.approve()
    [name] = desk.files.objects
    content = desk.files.objects[name]
    desk.files.objects[name] = content.replace(b"10.00", b"99.00")
    with pytest.raises(NotNow, match="is not what was approved"):
        desk.submit()

    desk.files.objects[name] = content
    desk.terms = replace(desk.terms, bank={"client_code": "OTHR"})
    desk.submit()
    assert payouts.file_of(desk.operator, BATCH)[1] == content


def test_the_second_file_of_a_day_has_the_next_serial() -> None:
    desk = closed(layout="hdfc_enet", **HDFC)
    desk.approve()
    payouts.withdraw(desk.operator, BATCH, by(MAKER))
    assert desk.batch().file_sha256 is None

    assert desk.approve().file_name == "HUNR1512.002"


def test_approving_again_after_a_lost_answer_is_the_same_approval() -> None:
    desk = closed()
    first = desk.approve()
    payouts.approve(desk.operator, BATCH, by(CHECKER), seen=first.digest)
    desk.work()

    assert desk.batch() == first
    assert len(desk.told("PAYOUT_COMPUTED")) == 3


def test_who_was_stopped_before_the_groups_were_told_tells_them_also_when_the_file_was_given_out_meanwhile() -> None:
    desk = closed()
    first = payouts.approve(desk.operator, BATCH, by(CHECKER), seen=desk.batch().digest)
    desk.queues.taken(QueueName.PAYOUT_BATCHES)  # It is lost.
    filed = desk.submit()

    assert payouts.approve(desk.operator, BATCH, by(CHECKER), seen=first.digest) == filed
    desk.work()

    assert len(desk.told("PAYOUT_COMPUTED")) == 3
    with pytest.raises(NotNow, match="is FILED"):
        payouts.approve(desk.operator, BATCH, by("asha"), seen=first.digest)


@pytest.mark.parametrize("day", ["2026-12-14", "2027-02-01", "soon"])
def test_a_day_of_payment_that_cannot_be_is_refused(day: str) -> None:
    with pytest.raises(Rejected, match="value_date"):
        closed().approve(value_date=day)


def test_an_account_that_the_layout_cannot_say_is_refused_before_anything_is_approved() -> None:
    desk = closed()
    desk.group("G09", paise=5, account=False)
    desk.account("G09", 9, name="SITA (WOMEN) 'GROUP'")
    desk.close(NEXT)
    assert desk.approve(NEXT).count == 1


# ── an account that changes (case 23) ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("approved", [False, True])
def test_when_a_groups_account_changes_its_row_leaves_the_batch_and_the_approval_is_gone(approved: bool) -> None:
    desk = closed()
    if approved:
        desk.approve()

    desk.account("G02", 8, confirmed=False)
    desk.work()

    assert desk.batch().state is State.CLOSED
    assert desk.rows()["G02"].state is RowState.PULLED
    assert (desk.batch().count, desk.batch().control_total) == (2, 4_000)
    assert desk.head("G02").payable == 2_000
    assert desk.approve().count == 2
    assert desk.sound()


def test_an_account_that_changes_behind_everybodys_back_stops_the_approval_and_the_giving_out() -> None:
    desk = closed()
    desk.account("G02", 8, confirmed=False)
    desk.queues.taken(QueueName.PAYOUT_BATCHES)  # The command is lost.
    with pytest.raises(NotNow, match="G02: the account that meera entered waits"):
        desk.approve()

    desk = closed()
    desk.approve()
    payees.close(desk.operator, "G02", by(CHECKER, "the bank said so"))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    with pytest.raises(NotNow, match="G02: the account was closed"):
        desk.submit()


def test_once_the_bank_has_the_file_an_account_that_changes_moves_nothing() -> None:
    desk = closed()
    desk.approve()
    desk.submit()

    desk.account("G02", 8, confirmed=False)
    desk.work()

    assert desk.rows()["G02"].state is RowState.IN_TRANSIT


def test_the_last_row_that_leaves_ends_the_batch() -> None:
    desk = closed(1)

    desk.account("G01", 8, confirmed=False)
    desk.work()

    assert desk.batch().state is State.CANCELLED
    assert desk.head("G01").payable == 1_000
    assert desk.sound()


# ── withdrawing and cancelling ───────────────────────────────────────────────────────────────────


def test_a_cancelled_batch_pays_nobody_and_all_is_payable_again() -> None:
    desk = closed()
    desk.approve()

    payouts.cancel(desk.operator, BATCH, by(MAKER, "wrong day"))
    desk.work()

    assert desk.batch().state is State.CANCELLED
    assert [desk.head(group).payable for group in ("G01", "G02", "G03")] == [1_000, 2_000, 3_000]
    desk.close(NEXT)
    assert desk.batch(NEXT).control_total == 6_000
    assert desk.sound()


def test_a_batch_whose_file_was_given_out_is_cancelled_by_two_persons() -> None:
    desk = closed()
    desk.approve()
    desk.submit()

    assert payouts.cancel(desk.operator, BATCH, by(MAKER, "the bank lost it")).state is State.FILED
    assert payouts.cancel(desk.operator, BATCH, by(MAKER, "the bank lost it")).state is State.FILED
    done = payouts.cancel(desk.operator, BATCH, by(CHECKER, "the bank lost it"))
    desk.work()

    assert (done.state, done.cancelled_by) == (State.CANCELLED, MAKER)
    assert desk.head("G03").payable == 3_000


def test_a_batch_that_the_bank_has_answered_for_is_not_cancelled() -> None:
    desk = closed()
    desk.approve()
    desk.submit()
    desk.bank(answer(desk.rows()["G01"]))
    with pytest.raises(NotNow, match="it has the file"):
        payouts.cancel(desk.operator, BATCH, by(MAKER, "the bank lost it"))


@pytest.mark.parametrize("at", range(40))
def test_a_crash_while_a_batch_is_undone_is_completed_by_the_same_message(at: int) -> None:
    desk = closed()
    payouts.cancel(desk.operator, BATCH, by(MAKER, "wrong day"))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    crashing(desk, at, lambda: desk.obey(UndoBatch(batch_id=BATCH)))

    desk.obey(UndoBatch(batch_id=BATCH))

    assert [desk.head(group).payable for group in ("G01", "G02", "G03")] == [1_000, 2_000, 3_000]
    assert desk.sound()


# ── what the bank says ───────────────────────────────────────────────────────────────────────────


def filed(groups: int = 3) -> PayDesk:
    desk = closed(groups)
    desk.approve()
    desk.submit()
    return desk


def test_what_the_bank_paid_is_booked_with_its_reference_and_the_group_is_told() -> None:
    desk = filed()
    rows = desk.rows()

    desk.bank(answer(rows["G01"]), answer(rows["G02"]))

    assert desk.rows()["G01"].state is RowState.PAID
    assert desk.batch().state is State.FILED
    desk.bank(answer(rows["G03"]))
    assert desk.batch().state is State.COMPLETED
    assert {one.group_id for one in desk.told("PAYOUT_PAID")} == {"G01", "G02", "G03"}
    says = next(one.says for one in desk.told("PAYOUT_PAID") if one.group_id == "G02")
    assert (says.amount_paise, says.account, says.utr) == (2_000, "0277", f"UTR{rows['G02'].payout_id}")
    assert desk.sound()


def test_what_the_bank_says_twice_is_booked_once() -> None:
    desk = filed()
    said = answer(desk.rows()["G01"])
    desk.bank(said)
    before = [desk.head(group) for group in ("G01", "G02", "G03")]

    assert desk.bank(said) == ["KNOWN:1"]

    assert [desk.head(group) for group in ("G01", "G02", "G03")] == before
    assert len(desk.told("PAYOUT_PAID")) == 1


def test_what_the_bank_rejects_is_payable_again_to_the_paisa_and_goes_into_the_next_batch() -> None:
    desk = filed()

    desk.bank(answer(desk.rows()["G02"], Status.REJECTED))

    assert (desk.rows()["G02"].state, desk.rows()["G02"].reason) == (RowState.REJECTED, "ACCOUNT CLOSED")
    assert desk.head("G02").payable == 2_000
    assert [one.group_id for one in desk.told("PAYOUT_FAILED")] == ["G02"]
    # The text says that the centre calls.
    [shown] = desk.open("PAYOUT_CAME_BACK")
    assert shown["group_id"] == "G02" and "rejected" in shown["message"] and "CLOSED" not in shown["message"]
    desk.close(NEXT)
    assert desk.rows(NEXT)["G02"].amount_paise == 2_000
    assert desk.sound()


def test_a_group_that_must_be_called_is_on_the_worklist_until_it_is_paid() -> None:
    desk = filed()
    rejected = answer(desk.rows()["G02"], Status.REJECTED)
    desk.bank(rejected, answer(desk.rows()["G01"]), answer(desk.rows()["G03"]))
    [shown] = desk.open("PAYOUT_CAME_BACK")
    resolve.resolve(desk.operator, shown["exception_id"], None, {}, by(CHECKER, "called her"))
    desk.bank(rejected)
    assert desk.open("PAYOUT_CAME_BACK") == []

    desk.filed(NEXT)
    desk.bank(answer(desk.rows(NEXT)["G02"], Status.REJECTED), batch_id=NEXT)
    [shown] = desk.open("PAYOUT_CAME_BACK")
    assert NEXT in shown["message"]
    desk.filed("2026-12-29-S")
    desk.bank(answer(desk.rows("2026-12-29-S")["G02"]), batch_id="2026-12-29-S")

    assert desk.open("PAYOUT_CAME_BACK") == []
    assert desk.sound()


def test_what_comes_back_days_after_it_was_paid_is_payable_again_and_the_group_hears_why() -> None:
    desk = filed()
    for group in ("G01", "G02", "G03"):
        desk.bank(answer(desk.rows()[group]))
    desk.now = "2026-12-19T06:00:00Z"

    desk.bank(answer(desk.rows()["G02"], Status.RETURNED))
    desk.bank(answer(desk.rows()["G02"], Status.RETURNED))

    assert desk.rows()["G02"].state is RowState.RETURNED
    assert desk.head("G02").payable == 2_000
    assert desk.batch().state is State.COMPLETED
    assert [one.group_id for one in desk.told("PAYOUT_FAILED")] == ["G02"]
    assert desk.sound()


def test_a_return_that_is_read_before_the_success_ends_as_the_two_in_their_order_do() -> None:
    desk = filed()
    row = desk.rows()["G02"]

    desk.bank(answer(row, Status.RETURNED))
    desk.bank(answer(row))

    assert (desk.rows()["G02"].state, desk.rows()["G02"].utr) == (RowState.RETURNED, f"UTR{row.payout_id}")
    assert desk.head("G02").payable == 2_000
    assert [one["kind"] for one in desk.open()] == ["PAYOUT_CAME_BACK"]
    assert desk.sound()


@pytest.mark.parametrize("order", range(6))
def test_in_whatever_order_the_messages_of_three_answers_are_obeyed_the_books_end_the_same(order: int) -> None:
    desk = filed()
    rows = desk.rows()
    for said in (answer(rows["G01"]), answer(rows["G02"], Status.REJECTED), answer(rows["G03"])):
        payouts.paid(desk.operator, BATCH, [said], by(MAKER))

    desk.work(random.Random(order))

    assert [desk.rows()[group].state for group in sorted(rows)] == [RowState.PAID, RowState.REJECTED, RowState.PAID]
    assert desk.batch().state is State.COMPLETED
    assert desk.sound()


def test_another_amount_even_by_a_paisa_is_refused_and_nothing_of_the_file_is_taken() -> None:
    desk = filed()
    rows = desk.rows()
    before = desk.store.everything()

    with pytest.raises(payouts.ResultsRefused, match=r"is 20\.00, the bank says 20\.01") as refused:
        desk.bank(answer(rows["G01"]), answer(rows["G02"], paise=2_001))

    assert [problem.column for problem in refused.value.problems] == ["amount"]
    assert desk.store.everything() == before


def test_one_bank_reference_is_never_two_payouts() -> None:
    desk = filed()
    rows = desk.rows()
    with pytest.raises(payouts.ResultsRefused, match="stands for"):
        desk.bank(answer(rows["G01"], utr="SAME0001"), answer(rows["G02"], utr="SAME0001"))

    desk.bank(answer(rows["G01"], utr="SAME0001"))
    with pytest.raises(payouts.ResultsRefused, match="stands for"):
        desk.bank(answer(rows["G02"], utr="SAME0001"))

    for group in ("G01", "G02"):
        desk.earn(group, 500)
    desk.filed(NEXT)
    with pytest.raises(payouts.ResultsRefused, match="stands for"):
        desk.bank(answer(desk.rows(NEXT)["G02"], utr="SAME0001"), batch_id=NEXT)


def test_two_answers_with_one_reference_that_were_taken_at_once_book_one_and_show_the_other() -> None:
    desk = filed()
    rows = desk.rows()
    for group in ("G01", "G02"):
        payouts.paid(desk.operator, BATCH, [answer(rows[group], utr="SAME0001")], by(MAKER))

    desk.work()

    assert [desk.rows()[group].state for group in ("G01", "G02")] == [RowState.PAID, RowState.IN_TRANSIT]
    [shown] = desk.open("BOOK_REFUSED")
    assert "SAME0001" in shown["message"]


@pytest.mark.parametrize("utr", ["", "12345", "A" * 23, "AB-12345", "=1+1234"])
def test_what_is_no_bank_reference_is_refused(utr: str) -> None:
    desk = filed()
    payout_id = desk.rows()["G01"].payout_id
    with pytest.raises(Rejected, match="utr"):
        said = payouts.result(desk.operator, BATCH, payout_id, status="EXECUTED", utr=utr)
        payouts.paid(desk.operator, BATCH, [said], by(MAKER))


def test_an_unknown_reference_is_shown_and_moves_nothing() -> None:
    desk = filed()
    before = [desk.head(group) for group in ("G01", "G02", "G03")]
    said = replace(answer(desk.rows()["G01"]), payout_id="PNOBODYKNOWSIT")

    desk.bank(said)
    desk.bank(said)

    [shown] = desk.open("UNKNOWN_REFERENCE")
    assert "PNOBODYKNOWSIT" in shown["message"]
    assert [desk.head(group) for group in ("G01", "G02", "G03")] == before


def test_a_payout_under_two_bank_references_is_shown() -> None:
    desk = filed()
    desk.bank(answer(desk.rows()["G01"]))
    desk.bank(answer(desk.rows()["G01"], utr="ANOTHER01"))

    assert len(desk.open("PAID_TWICE")) == 1
    assert desk.rows()["G01"].utr == f"UTR{desk.rows()['G01'].payout_id}"


def test_a_bank_that_has_a_file_which_was_never_given_out_is_shown() -> None:
    desk = closed()
    desk.approve()

    desk.bank(answer(desk.rows()["G01"]))

    assert len(desk.open("NOT_FILED")) == 1
    assert desk.rows()["G01"].state is RowState.IN_TRANSIT


@pytest.mark.parametrize("kind", ["PAID_THOUGH_CANCELLED", "PAID_THOUGH_REJECTED"])
def test_a_group_that_has_its_money_though_it_should_not_is_paid_again_only_after_a_person_resolved_it(
    kind: str,
) -> None:
    desk = filed()
    row = desk.rows()["G02"]
    if kind == "PAID_THOUGH_REJECTED":
        desk.bank(answer(row, Status.REJECTED))
    else:
        for person in (MAKER, CHECKER):
            payouts.cancel(desk.operator, BATCH, by(person, "the bank lost it"))
    desk.bank(answer(row))
    [shown] = desk.open(kind)

    desk.earn("G04", 1)
    desk.close(NEXT)

    assert "G02" not in (desk.rows(NEXT) if kind == "PAID_THOUGH_CANCELLED" else {})
    [left_out] = [one for one in desk.open("PAYOUT_LEFT_OUT") if one["group_id"] == "G02"]
    assert kind in left_out["message"]
    assert desk.head("G02").payable == 2_000

    desk.store.commit(closing(shown, at=desk.now, by=CHECKER, note="the bank has taken it back"))
    desk.close("2026-12-29-S")
    assert desk.rows("2026-12-29-S")["G02"].amount_paise == 2_000
    assert not [one for one in desk.open("PAYOUT_LEFT_OUT") if one["group_id"] == "G02"]

    # The same news once more opens nothing that was resolved.
    desk.bank(answer(row))
    assert not desk.open(kind)
    assert desk.sound()


def test_what_is_heard_of_a_batch_that_is_just_being_cancelled_is_heard_after_its_rows_left() -> None:
    desk = filed()
    for person in (MAKER, CHECKER):
        payouts.cancel(desk.operator, BATCH, by(person, "the bank lost it"))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)  # Nothing is undone yet.

    desk.bank(answer(desk.rows()["G02"]))

    assert len(desk.open("PAID_THOUGH_CANCELLED")) == 1
    assert desk.head("G02").payable == 2_000


def crashing(desk: PayDesk, at: int, action: Any) -> None:
    """The worker ends at that moment of what it does, if it comes that far."""
    left = [at]

    def turn(moment: str) -> None:
        if left[0] == 0:
            desk.store.turn = desk.queues.turn = lambda moment: None
            raise Crash(moment)
        left[0] -= 1

    desk.store.turn = desk.queues.turn = turn
    try:
        action()
    except Crash:
        pass
    finally:
        desk.store.turn = desk.queues.turn = lambda moment: None


@pytest.mark.parametrize("at", range(60))
def test_a_crash_while_answers_are_booked_is_completed_by_the_same_message_and_everybody_is_told(at: int) -> None:
    desk = filed()
    rows = desk.rows()
    said = [answer(rows["G01"]), answer(rows["G02"], Status.REJECTED), answer(rows["G03"])]
    name = payouts.paid(desk.operator, BATCH, said, by(MAKER))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    command = TakeAnswer(batch_id=BATCH, answer=name, part=0)
    crashing(desk, at, lambda: desk.obey(command))

    desk.obey(command)
    desk.work()

    assert desk.batch().state is State.COMPLETED
    assert len(desk.told("PAYOUT_PAID")) == 2
    assert len(desk.told("PAYOUT_FAILED")) == 1
    assert desk.head("G02").payable == 2_000
    assert desk.sound()


@pytest.mark.parametrize("at", range(40))
def test_two_who_book_the_same_answer_at_once_book_it_once(at: int) -> None:
    desk = filed()
    rows = desk.rows()
    name = payouts.paid(desk.operator, BATCH, [answer(row) for row in rows.values()], by(MAKER))
    desk.queues.taken(QueueName.PAYOUT_BATCHES)
    command = TakeAnswer(batch_id=BATCH, answer=name, part=0)
    left = [at]

    def turn(moment: str) -> None:
        if left[0] == 0:
            desk.store.turn = lambda moment: None
            desk.obey(command)
        left[0] -= 1

    desk.store.turn = lambda moment: None if moment.startswith("in flight") else turn(moment)
    desk.obey(command)
    desk.store.turn = lambda moment: None
    desk.work()

    assert desk.batch().state is State.COMPLETED
    assert not desk.open()
    assert len(desk.told("PAYOUT_PAID")) == 3
    assert desk.sound()


@pytest.mark.parametrize("at", range(20))
@pytest.mark.parametrize("step", ["pull", "undo"])
def test_two_who_take_a_row_back_at_once_take_it_back_once(step: str, at: int) -> None:
    desk = closed()
    row = desk.rows()["G02"]
    command: PullRow | UndoBatch = PullRow(batch_id=BATCH, payout_id=row.payout_id, reason="the account was changed")
    if step == "undo":
        payouts.cancel(desk.operator, BATCH, by(MAKER, "wrong day"))
        desk.queues.taken(QueueName.PAYOUT_BATCHES)
        command = UndoBatch(batch_id=BATCH)
    left = [at]

    def turn(moment: str) -> None:
        if left[0] == 0:
            desk.store.turn = lambda moment: None
            desk.obey(command)
        left[0] -= 1

    desk.store.turn = lambda moment: None if moment.startswith("in flight") else turn(moment)
    desk.obey(command)
    desk.store.turn = lambda moment: None

    assert (desk.rows()["G02"].state, desk.head("G02").payable) == (RowState.PULLED, 2_000)
    assert desk.sound()


# ── texts ────────────────────────────────────────────────────────────────────────────────────────


def test_groups_are_told_at_the_approval_what_they_will_be_paid_and_for_how_many_orders() -> None:
    desk = PayDesk()
    desk.group("G01", paise=1_000)
    for order in ("flipkart:demo:A", "flipkart:demo:A", "flipkart:demo:B"):
        desk.earn("G01", 500, order_ref=order)
    desk.close()
    assert not desk.texts

    desk.approve()

    [text] = desk.told("PAYOUT_COMPUTED")
    assert (text.says.count, text.says.amount_paise) == (3, 2_500)
    desk.submit()
    desk.bank(answer(desk.rows()["G01"]))
    desk.earn("G01", 700)
    desk.close(NEXT)
    desk.approve(NEXT)
    assert [text.says.count for text in desk.told("PAYOUT_COMPUTED")] == [3, 1]


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def test_batches_are_shown_newest_first_and_a_batch_with_its_rows_and_no_account() -> None:
    desk = closed()
    desk.now = "2026-12-22T06:00:00Z"
    desk.earn("G01", 5)
    desk.close(NEXT)

    shown = payouts.show_batches(desk.store, Asked())
    assert [one["batch_id"] for one in shown["items"]] == [NEXT, BATCH]
    one = payouts.show_batch(desk.store, BATCH, Asked(limit=2))
    assert one is not None
    assert (one["control_total"], len(one["rows"]["items"])) == (6_000, 2)
    assert one["rows"]["next"]
    assert "0000000177" not in str(one)
    assert payouts.show_batch(desk.store, "NONE", Asked()) is None
    with pytest.raises(NotThere):
        payouts.withdraw(desk.operator, "NONE", by(CHECKER))
