"""A batch from its rows to the bank's last word: who may do what, and what is refused with nothing half-done."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from hunar.domain import batch, payout
from hunar.domain.bank_file import Status
from hunar.domain.batch import Batch, Move, Refused, ResultsRefused, Row, RowState, State, Trouble
from hunar.domain.beneficiary import LookedUp, close, confirm, propose
from hunar.domain.head import Head, after
from tests.payees import APPROVED, BATCH, CHECKER, CLOSED, MAKER, Payouts, details, registered, said

AMOUNTS = {"G01": 123_456, "G02": 20_000_001, "G03": 7}


def closed() -> Payouts:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    payouts.close()
    return payouts


def approved() -> Payouts:
    payouts = closed()
    payouts.approve()
    return payouts


def row_of(payouts: Payouts, group: str = "G01") -> Row:
    return payouts.rows[batch.payout_id(BATCH, group)]


# --- making and approving


def test_a_batch_is_closed_approved_filed_paid_and_completed() -> None:
    payouts = closed()
    assert (payouts.batch.count, payouts.batch.control_total) == (3, 20_123_464)
    assert row_of(payouts).seq_from == 0
    assert row_of(payouts).seq_to == 2
    payouts.approve()
    payouts.submit()
    found = payouts.answer(*(said(row, Status.EXECUTED) for row in payouts.rows.values()))
    assert [answer.move for answer in found] == [Move.ARRIVED] * 3
    assert payouts.batch.state is State.COMPLETED
    assert payouts.faults() == []


def test_closing_again_after_a_crash_changes_nothing() -> None:
    payouts = closed()
    before = payouts.batch
    payouts.close()
    assert payouts.batch == before


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(Refused, match="is empty"):
        batch.close(batch.draft(BATCH, by=MAKER, at=CLOSED), [], by=MAKER, at=CLOSED)


@pytest.mark.parametrize("paise", [0, -1])
def test_a_negative_or_empty_row_is_refused(paise: int) -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    rows = [replace(row, amount_paise=paise) if row.group_id == "G02" else row for row in payouts.rows.values()]
    with pytest.raises(Refused, match="is not above zero"):
        batch.close(payouts.batch, rows, by=MAKER, at=CLOSED)


def test_a_group_twice_and_a_strangers_row_are_refused() -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    rows = list(payouts.rows.values())
    with pytest.raises(Refused, match="pays a group twice"):
        batch.close(payouts.batch, [*rows, rows[0]], by=MAKER, at=CLOSED)
    for stranger in (replace(rows[0], batch_id="B0"), replace(rows[0], payout_id="PAAAAAAAAAAAAAA")):
        with pytest.raises(Refused, match="is not a payout of"):
            batch.close(payouts.batch, [*rows[1:], stranger], by=MAKER, at=CLOSED)


def test_a_payout_id_fits_the_shortest_reference_field_and_is_no_number() -> None:
    ids = {batch.payout_id(BATCH, f"G{number}") for number in range(10_000)}
    assert len(ids) == 10_000
    assert all(len(one) == 15 and one.isalnum() and one.isascii() and one[0] == "P" for one in ids)
    assert batch.payout_id("another", "G01") != batch.payout_id(BATCH, "G01")


def test_a_group_without_a_usable_account_has_no_row() -> None:
    payouts = Payouts(AMOUNTS)
    account = close(payouts.beneficiaries["G02"], by=MAKER, at=CLOSED, because="closed at the bank")
    payouts.beneficiaries["G02"] = account
    with pytest.raises(Refused, match="G02: the account was closed"):
        payouts.collect()


@pytest.mark.parametrize("who", [MAKER, MAKER.upper(), f" {MAKER} "])
def test_who_made_a_batch_cannot_approve_it(who: str) -> None:
    payouts = closed()
    with pytest.raises(Refused, match="another person must approve"):
        payouts.approve(who)
    assert payouts.batch.state is State.CLOSED


def test_who_closed_a_batch_that_another_began_cannot_approve_it_either() -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    payouts.batch = batch.close(payouts.batch, list(payouts.rows.values()), by=CHECKER, at=CLOSED)
    for who in (MAKER, CHECKER):
        with pytest.raises(Refused, match="another person must approve"):
            payouts.approve(who)
    payouts.approve("asha")


@pytest.mark.parametrize("field", ["amount_paise", "beneficiary_version", "head_version", "seq_to"])
def test_a_row_that_was_edited_is_neither_approved_nor_filed(field: str) -> None:
    payouts = closed()
    one = row_of(payouts)
    payouts.rows[one.payout_id] = edited = replace(one, **{field: getattr(one, field) + 1})  # type: ignore[arg-type]
    with pytest.raises(Refused, match=r"not those that were closed|account is missing"):
        payouts.approve()
    payouts.rows[one.payout_id] = one
    payouts.approve()
    file = payouts.file()
    payouts.rows[one.payout_id] = edited
    with pytest.raises(Refused, match="not those that were closed"):
        batch.submit(payouts.batch, list(payouts.rows.values()), file, payouts.beneficiaries, by=CHECKER, at=APPROVED)


def test_a_row_less_or_more_is_seen() -> None:
    payouts = closed()
    rows = list(payouts.rows.values())
    for changed in (rows[1:], [*rows, replace(rows[0], group_id="G09", payout_id=batch.payout_id(BATCH, "G09"))]):
        with pytest.raises(Refused, match="not those that were closed"):
            batch.check(payouts.batch, changed)


def test_a_checker_approves_what_she_saw() -> None:
    payouts = closed()
    seen, file = payouts.batch.digest, payouts.file()
    payouts.pull(row_of(payouts).payout_id)
    with pytest.raises(Refused, match="was changed since it was looked at"):
        batch.approve(
            payouts.batch,
            list(payouts.rows.values()),
            file,
            payouts.beneficiaries,
            seen=seen,
            by=CHECKER,
            at=APPROVED,
        )


def test_a_file_that_pays_something_else_is_not_approved() -> None:
    payouts = closed()
    file = payouts.file()
    payouts.pull(row_of(payouts).payout_id)
    with pytest.raises(Refused, match=r"the file pays 3 rows of 201234\.64, the batch has 2 of 200000\.08"):
        batch.approve(
            payouts.batch,
            list(payouts.rows.values()),
            file,
            payouts.beneficiaries,
            seen=payouts.batch.digest,
            by=CHECKER,
            at=APPROVED,
        )


def test_a_file_that_is_not_the_approved_one_is_not_given_out() -> None:
    payouts = approved()
    stale = replace(payouts.file(), content=payouts.file().content.replace(b"1234.56", b"1234.57"))
    rows = list(payouts.rows.values())
    with pytest.raises(Refused, match="is not the file of"):
        batch.submit(payouts.batch, rows, stale, payouts.beneficiaries, by=CHECKER, at=APPROVED)
    payouts.submit()
    before = payouts.batch
    payouts.submit()
    assert payouts.batch == before
    with pytest.raises(Refused, match="is not the file of"):
        batch.submit(payouts.batch, rows, stale, payouts.beneficiaries, by=CHECKER, at=APPROVED)


def test_the_file_is_the_same_whenever_it_is_made() -> None:
    payouts = approved()
    assert payouts.file().sha256 == payouts.batch.file_sha256
    payouts.rows = dict(reversed(payouts.rows.items()))
    assert payouts.file().sha256 == payouts.batch.file_sha256


def test_a_withdrawn_approval_leaves_nothing_behind() -> None:
    payouts = approved()
    payouts.batch = batch.withdraw(payouts.batch)
    known = (payouts.batch.state, payouts.batch.approved_by, payouts.batch.file_sha256)
    assert known == (State.CLOSED, None, None)
    assert batch.withdraw(payouts.batch) == payouts.batch
    with pytest.raises(Refused, match="cannot be given to the bank"):
        payouts.submit()
    payouts.approve()
    payouts.submit()
    with pytest.raises(Refused, match="cannot have its approval taken back"):
        batch.withdraw(payouts.batch)


# --- an account that changes (case 23)


def changed_account(payouts: Payouts, group: str) -> None:
    proposed = propose(
        payouts.beneficiaries[group], group, details(9), by=MAKER, at=CLOSED, cooling_days=0, states={"10"}
    ).beneficiary
    seen = LookedUp(details(9).name, CLOSED, CHECKER)
    payouts.beneficiaries[group] = confirm(proposed, by=CHECKER, at=CLOSED, looked_up=seen)


def test_a_row_whose_account_changed_is_pulled_and_payable_again() -> None:
    payouts = approved()
    file = payouts.file()
    changed_account(payouts, "G01")
    with pytest.raises(Refused, match="version 1 of G01's account is missing"):
        payouts.file()
    with pytest.raises(Refused, match="rows must be pulled first: G01: the account was changed"):
        batch.submit(payouts.batch, list(payouts.rows.values()), file, payouts.beneficiaries, by=CHECKER, at=APPROVED)
    payouts.pull(row_of(payouts).payout_id)
    assert (payouts.batch.state, payouts.batch.count, payouts.batch.approved_by) == (State.CLOSED, 2, None)
    assert payouts.heads["G01"].payable == AMOUNTS["G01"]
    payouts.approve()
    assert b"G01" not in payouts.submit().content
    assert payouts.faults() == []


def test_an_account_that_was_closed_in_between_stops_the_approval() -> None:
    payouts = closed()
    payouts.beneficiaries["G02"] = close(payouts.beneficiaries["G02"], by=MAKER, at=CLOSED, because="moved")
    with pytest.raises(Refused, match="rows must be pulled first: G02: the account was closed"):
        payouts.approve()


def test_a_row_that_is_with_the_bank_cannot_be_pulled() -> None:
    payouts = Payouts(AMOUNTS).filed()
    with pytest.raises(Refused, match="is with the bank; ask the bank to stop it"):
        payouts.pull(row_of(payouts).payout_id)


def test_pulling_twice_moves_once_and_all_pulled_is_an_empty_batch() -> None:
    payouts = closed()
    for one in [*payouts.rows, *payouts.rows]:
        payouts.pull(one)
    assert payouts.batch.control_total == 0
    with pytest.raises(Refused, match="no rows|is empty"):
        batch.approve(
            payouts.batch,
            list(payouts.rows.values()),
            Payouts(AMOUNTS).filed().file(),
            payouts.beneficiaries,
            seen=payouts.batch.digest,
            by=CHECKER,
            at=APPROVED,
        )
    assert {group: head.payable for group, head in payouts.heads.items()} == AMOUNTS


# --- cancelling


def test_a_cancelled_batch_gives_everything_back_and_a_crash_is_completed() -> None:
    payouts = approved()
    payouts.batch, rows = batch.cancel(payouts.batch, payouts.rows.values(), by=MAKER, at=CLOSED, because="wrong day")
    assert len(rows) == 3
    payouts._move(rows[0], Move.SENT_BACK, "cancelled")
    payouts.cancel()
    assert {group: head.payable for group, head in payouts.heads.items()} == AMOUNTS
    assert all(row.state is RowState.PULLED for row in payouts.rows.values())
    assert payouts.faults() == []


def test_a_batch_that_was_given_out_is_cancelled_by_two_and_only_unanswered() -> None:
    payouts = Payouts(AMOUNTS).filed()
    for second in (None, MAKER.upper()):
        with pytest.raises(Refused, match="a second person must confirm"):
            payouts.cancel(second)
    answered = Payouts(AMOUNTS).filed()
    answered.answer(said(row_of(answered), Status.EXECUTED))
    with pytest.raises(Refused, match="it has the file"):
        answered.cancel(CHECKER)
    payouts.cancel(CHECKER)
    assert payouts.batch.state is State.CANCELLED


def test_a_cancellation_has_a_reason_and_a_completed_batch_has_none() -> None:
    payouts = Payouts(AMOUNTS).filed()
    with pytest.raises(Refused, match="say why"):
        batch.cancel(payouts.batch, payouts.rows.values(), by=MAKER, at=CLOSED, because=" ", confirmed_by=CHECKER)
    payouts.answer(*(said(row, Status.REJECTED) for row in payouts.rows.values()))
    with pytest.raises(Refused, match="cannot be cancelled"):
        payouts.cancel(CHECKER)


def test_a_bank_reference_for_a_cancelled_batch_is_an_exception() -> None:
    payouts = Payouts(AMOUNTS).filed()
    payouts.cancel(CHECKER)
    heads = dict(payouts.heads)
    [answer] = payouts.answer(said(row_of(payouts), Status.EXECUTED))
    assert (answer.trouble, answer.move) == (Trouble.PAID_THOUGH_CANCELLED, None)
    [silent] = payouts.answer(said(row_of(payouts), Status.REJECTED))
    assert (silent.trouble, silent.move) == (None, None)
    assert payouts.heads == heads


# --- what the bank says (case 24)


def test_a_rejected_payout_is_payable_again_to_the_paisa() -> None:
    payouts = Payouts(AMOUNTS).filed()
    [answer] = payouts.answer(said(row_of(payouts), Status.REJECTED))
    assert answer.row and (answer.row.state, answer.row.reason) == (RowState.REJECTED, "ACCOUNT CLOSED")
    assert payouts.heads["G01"].payable == AMOUNTS["G01"]
    assert payouts.batch.state is State.FILED


@pytest.mark.parametrize("news", [Status.REJECTED, Status.RETURNED])
def test_a_payout_that_comes_back_days_after_success_is_payable_again(news: Status) -> None:
    payouts = Payouts(AMOUNTS).filed()
    payouts.answer(*(said(row, Status.EXECUTED) for row in payouts.rows.values()))
    assert payouts.batch.state is State.COMPLETED
    [answer] = payouts.answer(said(row_of(payouts), news))
    assert answer.move is Move.CAME_BACK
    assert answer.row and (answer.row.state, answer.row.utr) == (RowState.RETURNED, f"UTR{row_of(payouts).payout_id}")
    assert payouts.heads["G01"].payable == AMOUNTS["G01"]
    assert payouts.faults() == []


def test_a_return_that_is_read_before_the_success_ends_the_same() -> None:
    payouts = Payouts(AMOUNTS).filed()
    payouts.answer(said(row_of(payouts), Status.RETURNED))
    [late] = payouts.answer(said(row_of(payouts), Status.EXECUTED))
    assert (late.move, late.trouble, row_of(payouts).state) == (None, None, RowState.RETURNED)
    assert row_of(payouts).utr == f"UTR{row_of(payouts).payout_id}"
    assert payouts.heads["G01"].payable == AMOUNTS["G01"]


def test_the_same_results_again_move_nothing() -> None:
    payouts = Payouts(AMOUNTS).filed()
    results = [
        said(row, status)
        for row, status in zip(payouts.rows.values(), [Status.EXECUTED, Status.REJECTED, Status.RETURNED], strict=True)
    ]
    payouts.answer(*results)
    rows = dict(payouts.rows)
    assert {(answer.move, answer.trouble) for answer in payouts.answer(*results)} == {(None, None)}
    assert payouts.rows == rows


def test_an_unknown_reference_is_nobodys_payout() -> None:
    payouts = Payouts(AMOUNTS).filed()
    stranger = replace(said(row_of(payouts), Status.EXECUTED), payout_id="SOMETHINGELSE")
    known = said(row_of(payouts), Status.EXECUTED)
    unknown, answer = payouts.answer(stranger, known)
    assert (unknown.row, unknown.trouble) == (None, Trouble.UNKNOWN_REFERENCE)
    assert answer.move is Move.ARRIVED


@pytest.mark.parametrize("off", [-1, 1])
def test_an_amount_that_differs_by_a_paisa_refuses_the_whole_file(off: int) -> None:
    payouts = Payouts(AMOUNTS).filed()
    one, two = row_of(payouts), row_of(payouts, "G02")
    with pytest.raises(ResultsRefused, match=r"row 1 column amount: \w+ is 1234\.56, the bank says"):
        payouts.answer(said(two, Status.EXECUTED), said(one, Status.EXECUTED, paise=one.amount_paise + off))
    assert row_of(payouts, "G02").state is RowState.IN_TRANSIT


def test_one_bank_reference_for_two_payouts_refuses_the_whole_file() -> None:
    payouts = Payouts(AMOUNTS).filed()
    one, two = row_of(payouts), row_of(payouts, "G02")
    with pytest.raises(ResultsRefused, match="U1 stands for"):
        payouts.answer(said(one, Status.EXECUTED, "U1"), said(two, Status.EXECUTED, "U1"))
    payouts.answer(said(one, Status.EXECUTED, "U1"))
    with pytest.raises(ResultsRefused, match="U1 stands for"):
        payouts.answer(said(two, Status.EXECUTED, "U1"))
    with pytest.raises(ResultsRefused, match="U9 stands for POTHER"):
        batch.answers(payouts.batch, payouts.rows.values(), [said(two, Status.EXECUTED, "U9")], used={"U9": "POTHER"})
    assert row_of(payouts, "G02").state is RowState.IN_TRANSIT


def test_a_payout_under_a_second_bank_reference_may_have_been_paid_twice() -> None:
    payouts = Payouts(AMOUNTS).filed()
    payouts.answer(said(row_of(payouts), Status.EXECUTED, "U1"))
    [earlier] = payouts.answer(said(row_of(payouts), Status.EXECUTED, "U0"))
    assert (earlier.trouble, row_of(payouts).utr) == (Trouble.PAID_TWICE, "U1")
    [answer] = payouts.answer(said(row_of(payouts), Status.EXECUTED, "U2"))
    assert (answer.trouble, answer.move, row_of(payouts).utr) == (Trouble.PAID_TWICE, None, "U1")
    payouts.answer(said(row_of(payouts), Status.RETURNED))
    for utr in ("U0", "U2"):
        [again] = payouts.answer(said(row_of(payouts), Status.EXECUTED, utr))
        assert (again.trouble, row_of(payouts).state) == (Trouble.PAID_TWICE, RowState.RETURNED)


def test_a_payout_that_was_rejected_and_is_then_paid_needs_a_person() -> None:
    payouts = Payouts(AMOUNTS).filed()
    payouts.answer(said(row_of(payouts), Status.REJECTED))
    [answer] = payouts.answer(said(row_of(payouts), Status.EXECUTED))
    assert (answer.trouble, row_of(payouts).state) == (Trouble.PAID_THOUGH_REJECTED, RowState.REJECTED)


def test_a_bank_that_knows_of_a_file_that_nobody_gave_out_needs_a_person() -> None:
    payouts = approved()
    [answer] = payouts.answer(said(row_of(payouts), Status.EXECUTED))
    assert (answer.trouble, row_of(payouts).state) == (Trouble.NOT_FILED, RowState.IN_TRANSIT)


# --- kept


def test_what_goes_against_a_debt_alone_makes_no_row() -> None:
    owes = Head("G01", balances={"group_payable:G01": -100, "group_debt:G01": 100})
    entry = payout.pay_out(owes, BATCH, cap_ppm=1_000_000, minimum_paise=0, at=CLOSED)
    assert entry is not None
    [sealed] = after(owes, entry)[1]
    assert batch.row(BATCH, owes, sealed, registered("G01"), at=CLOSED) is None


def test_a_row_survives_its_table() -> None:
    one = row_of(Payouts(AMOUNTS).filed())
    assert Row.of(json.loads(json.dumps(one.item()))) == one


def test_a_batch_survives_its_table() -> None:
    payouts = Payouts(AMOUNTS).filed()
    assert Batch.of(json.loads(json.dumps(payouts.batch.item()))) == payouts.batch


def test_no_row_shows_an_account() -> None:
    payouts = Payouts(AMOUNTS).filed()
    file, made = payouts.file(), batch.instructions(payouts.rows.values(), payouts.beneficiaries)
    shown = f"{payouts.batch} {payouts.rows} {file} {made} {payouts.batch.item()}"
    assert "0000000177" not in shown
    assert "SAHAYATA" not in shown


def test_each_step_is_the_next_version() -> None:
    """What is written with the version that was read: a step that gave the same one would overwrite another's."""
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    seen = [payouts.batch.version]

    def step(act: Callable[[], object]) -> None:
        act()
        seen.append(payouts.batch.version)

    def withdraw() -> None:
        payouts.batch = batch.withdraw(payouts.batch)

    step(payouts.close)
    step(payouts.approve)
    step(withdraw)
    step(payouts.approve)
    step(payouts.submit)
    step(lambda: payouts.answer(*(said(row, Status.EXECUTED) for row in payouts.rows.values())))
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    other = approved()
    before = other.batch.version
    other.pull(row_of(other).payout_id)
    other.cancel()
    assert other.batch.version > before
    assert Payouts(AMOUNTS).filed().batch.version + 1 == cancelled().batch.version


def cancelled() -> Payouts:
    payouts = Payouts(AMOUNTS).filed()
    payouts.cancel(CHECKER)
    return payouts


@pytest.mark.parametrize(("count", "paise"), [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_file_of_more_or_less_is_not_approved(count: int, paise: int) -> None:
    payouts = closed()
    file = payouts.file()
    other = replace(file, count=file.count + count, control_total=file.control_total + paise)
    with pytest.raises(Refused, match="the batch has 3 of"):
        batch.approve(
            payouts.batch,
            list(payouts.rows.values()),
            other,
            payouts.beneficiaries,
            seen=payouts.batch.digest,
            by=CHECKER,
            at=APPROVED,
        )


@pytest.mark.parametrize("wrong", ["1AAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA", "ZZZZZZZZZZZZZZZ"])
def test_a_payout_by_another_name_is_refused(wrong: str) -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    first, *rest = payouts.rows.values()
    for stranger in (replace(first, payout_id=wrong), replace(first, batch_id=wrong)):
        with pytest.raises(Refused, match="is not a payout of"):
            batch.close(payouts.batch, [*rest, stranger], by=MAKER, at=CLOSED)


def test_a_row_may_leave_while_the_batch_is_still_collected() -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    payouts.pull(row_of(payouts).payout_id)
    assert (payouts.batch.state, row_of(payouts).state) == (State.DRAFT, RowState.PULLED)
    payouts.close()
    assert (payouts.batch.count, payouts.heads["G01"].payable) == (2, AMOUNTS["G01"])


# --- names


def test_a_batch_is_named_by_its_day_or_its_act_and_one_that_is_full_is_followed_by_the_next_number() -> None:
    assert batch.of_day("2026-12-14") == "2026-12-14-S"
    assert len(batch.of_act("act-1")) == 12 and batch.of_act("act-1")[0] == "B"
    assert batch.of_act("act-1") == batch.of_act("act-1") != batch.of_act("act-2")
    names = ["2026-12-14-S"]
    for _ in range(10):
        names.append(batch.following(names[-1]))
    assert names[1:4] == ["2026-12-14-S.2", "2026-12-14-S.3", "2026-12-14-S.4"]
    assert names[8:] == ["2026-12-14-S.9", "2026-12-14-S.10", "2026-12-14-S.11"]
    assert batch.following("B.X") == "B.X.2"
    assert batch.following("12") == "12.2"


# --- what was paid although it had been taken out or rejected


@pytest.mark.parametrize(
    ("back_seq", "closed", "twice"), [(None, 0, True), (5, 4, False), (5, 5, False), (5, 6, True), (5, 7, True)]
)
def test_what_the_bank_paid_all_the_same_is_paid_twice_once_a_later_payout_took_it(
    back_seq: int | None, closed: int, twice: bool
) -> None:
    one = row_of(Payouts(AMOUNTS).filed())
    for state in (RowState.PULLED, RowState.REJECTED):
        back = replace(one, state=state, back_seq=back_seq)
        paid = batch.paid_after_all(back, utr="UTR1", day="2026-12-20", closed=closed)
        assert (paid.state, paid.was, paid.twice) == (RowState.PAID, state, twice)
        assert (paid.utr, paid.answered_on) == ("UTR1", "2026-12-20")
        assert Row.of(json.loads(json.dumps(paid.item()))) == paid
        # It stays out of the batch that it was taken out of.
        assert bool(batch.live([paid])) == (state is RowState.REJECTED)


@pytest.mark.parametrize("state", [RowState.IN_TRANSIT, RowState.PAID, RowState.RETURNED])
def test_what_was_not_taken_out_or_rejected_is_not_booked_as_paid_all_the_same(state: RowState) -> None:
    one = replace(row_of(Payouts(AMOUNTS).filed()), state=state)
    with pytest.raises(Refused, match=f"is {state}; what the bank paid besides cannot be booked here"):
        batch.paid_after_all(one, utr="UTR1", day="2026-12-20", closed=9)


def test_a_rejection_that_is_older_than_the_payment_is_what_the_bank_said_before() -> None:
    payouts = Payouts(AMOUNTS).filed()
    payouts.answer(said(row_of(payouts), Status.EXECUTED))
    paid = row_of(payouts)
    for day, state in [("2026-12-15", RowState.PAID), ("2026-12-16", RowState.RETURNED), ("2026-12-17", None)]:
        rejected = replace(said(paid, Status.REJECTED), day=day)
        [answer] = batch.answers(payouts.batch, [paid], [rejected])
        assert answer.trouble is None and answer.row is not None
        assert answer.row.state is (state or RowState.RETURNED)
        assert answer.move is (None if state is RowState.PAID else Move.CAME_BACK)
    # What was booked as paid by two persons had been rejected before, whenever that is told again; it may come back.
    after_all = replace(paid, was=RowState.REJECTED)
    [again] = batch.answers(payouts.batch, [after_all], [replace(said(paid, Status.REJECTED), day="2026-12-17")])
    assert (again.row, again.move) == (after_all, None)
    [back] = batch.answers(payouts.batch, [after_all], [replace(said(paid, Status.RETURNED), day="2026-12-15")])
    assert back.move is Move.CAME_BACK


# --- told in one file


def test_what_a_file_says_first_counts_for_what_it_says_next() -> None:
    payouts = Payouts(AMOUNTS).filed()
    one = row_of(payouts)
    found = payouts.answer(
        said(one, Status.EXECUTED, "U1"), said(one, Status.EXECUTED, "U1"), said(one, Status.RETURNED)
    )
    assert [answer.move for answer in found] == [Move.ARRIVED, None, Move.CAME_BACK]
    assert row_of(payouts).answered_on == "2026-12-16" and row_of(payouts).reason == "ACCOUNT CLOSED"
    assert payouts.faults() == []


def test_no_more_than_fifty_problems_of_a_file_are_told() -> None:
    payouts = Payouts(AMOUNTS).filed()
    one = row_of(payouts)
    wrong = [replace(said(one, Status.EXECUTED, paise=1), row=number) for number in range(1, 61)]
    with pytest.raises(ResultsRefused) as refused:
        batch.answers(payouts.batch, payouts.rows.values(), wrong, file="back.csv")
    assert [problem.row for problem in refused.value.problems] == list(range(1, 51))
    assert str(refused.value).count("the bank says") == 50 and "back.csv" in str(refused.value)


def test_a_bank_answers_for_a_row_of_a_batch_that_counts_as_answered() -> None:
    """A row that was read before its batch was written anew."""
    payouts = Payouts(AMOUNTS).filed()
    completed = replace(payouts.batch, state=State.COMPLETED)
    [answer] = batch.answers(completed, payouts.rows.values(), [said(row_of(payouts), Status.EXECUTED)])
    assert answer.move is Move.ARRIVED


def test_a_batch_is_completed_with_its_last_answer_and_only_if_the_bank_has_it() -> None:
    payouts = Payouts(AMOUNTS).filed()
    first, second, third = payouts.rows.values()
    assert batch.in_transit(payouts.rows.values()) == sum(AMOUNTS.values())
    payouts.answer(said(first, Status.EXECUTED), said(second, Status.REJECTED))
    assert payouts.batch.state is State.FILED
    assert batch.in_transit(payouts.rows.values()) == third.amount_paise
    version = payouts.batch.version
    payouts.answer(said(third, Status.RETURNED))
    assert (payouts.batch.state, payouts.batch.version) == (State.COMPLETED, version + 1)
    assert batch.in_transit(payouts.rows.values()) == 0
    assert batch.progress(payouts.batch, payouts.rows.values()) == payouts.batch
    for number in (6, 7):
        answered = replace(payouts.batch, state=State.FILED, version=number)
        assert batch.progress(answered, payouts.rows.values()).version == number + 1
    unfiled = replace(payouts.batch, state=State.APPROVED)
    assert batch.progress(unfiled, payouts.rows.values()) == unfiled


# --- who said that money came back


def test_who_said_that_money_came_back_does_not_approve_it_once_more() -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    one = row_of(payouts)
    payouts.rows[one.payout_id] = replace(one, told_by=("asha", "Usha"))
    assert batch.digest(BATCH, payouts.rows.values()) != batch.digest(BATCH, [one, *list(payouts.rows.values())[1:]])
    payouts.close()
    for who in ("asha", "usha"):
        with pytest.raises(Refused, match=f"{who} said that money of {one.payout_id} to G01 came back from the bank"):
            payouts.approve(who)
    others = [replace(other, told_by=("asha",)) for other in payouts.rows.values()]
    assert batch.digest(BATCH, others) != payouts.batch.digest
    assert batch.digest(BATCH, others) != batch.digest(BATCH, [replace(other, told_by=("usha",)) for other in others])
    payouts.approve(CHECKER)
    assert Row.of(json.loads(json.dumps(payouts.rows[one.payout_id].item()))).told_by == ("asha", "Usha")


def test_a_row_and_a_batch_of_before_a_field_was_kept_are_read() -> None:
    payouts = closed()
    one = row_of(payouts)
    later = ("utr", "reason", "answered_on", "back_seq", "was", "twice", "told_by")
    assert Row.of({name: value for name, value in one.item().items() if name not in later}) == one
    assert Batch.of({name: value for name, value in payouts.batch.item().items() if value is not None}) == payouts.batch
    numbered = replace(one, back_seq=8)
    assert Row.of(numbered.item() | {"back_seq": Decimal(8)}) == numbered
    filed = replace(payouts.batch, file_serial=2)
    assert Batch.of(filed.item() | {"file_serial": Decimal(2)}) == filed


# --- closing


@pytest.mark.parametrize("state", [RowState.PAID, RowState.REJECTED, RowState.RETURNED])
def test_a_row_that_was_answered_before_its_batch_was_closed_is_refused(state: RowState) -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    rows = [replace(one, state=state) if one.group_id == "G02" else one for one in payouts.rows.values()]
    with pytest.raises(Refused, match=f"to G02 is {state} before its batch was closed"):
        batch.close(payouts.batch, rows, by=MAKER, at=CLOSED)


def test_who_did_each_step_and_when_is_kept() -> None:
    payouts = Payouts(AMOUNTS).filed()
    made = payouts.batch
    assert (made.made_by, made.closed_by, made.closed_at) == (MAKER, MAKER, CLOSED)
    assert (made.approved_by, made.approved_at, made.filed_by, made.filed_at) == (CHECKER, APPROVED, CHECKER, APPROVED)
    file = payouts.file()
    assert (made.file_name, made.file_layout, made.value_date) == (file.name, file.layout, file.value_date)
    assert made.file_serial == 1
    payouts.cancel(CHECKER)
    gone = payouts.batch
    assert (gone.cancelled_by, gone.cancelled_at, gone.cancelled_because) == (MAKER, APPROVED, "wrong day")
    assert {row.reason for row in payouts.rows.values()} == {"wrong day"}


def test_a_group_without_an_account_stops_the_approval() -> None:
    payouts = closed()
    assert batch.stale(row_of(payouts), None, APPROVED) == "no bank account is registered"
    file = payouts.file()
    del payouts.beneficiaries["G02"]
    with pytest.raises(Refused, match="version 1 of G02's account is missing"):
        payouts.file()
    with pytest.raises(Refused, match="rows must be pulled first: G02: no bank account is registered"):
        batch.approve(
            payouts.batch,
            list(payouts.rows.values()),
            file,
            payouts.beneficiaries,
            seen=payouts.batch.digest,
            by=CHECKER,
            at=APPROVED,
        )


def test_no_payout_of_the_batch_cannot_be_pulled_from_it() -> None:
    payouts = closed()
    with pytest.raises(Refused, match=f"NOBODYS is no payout of {BATCH}"):
        payouts.pull("NOBODYS")
    for status in Status:
        done = Payouts(AMOUNTS).filed()
        done.answer(*(said(row, status) for row in done.rows.values()))
        with pytest.raises(Refused, match="is with the bank"):
            done.pull(row_of(done).payout_id)
    payouts.cancel()
    before = payouts.batch
    payouts.pull(row_of(payouts).payout_id)
    assert payouts.batch == before


# --- each step where a batch stands


def steps(payouts: Payouts) -> dict[str, Callable[[Batch], Batch]]:
    rows, file = list(payouts.rows.values()), payouts.file()
    at: dict[str, str] = {"by": CHECKER, "at": APPROVED}
    accounts = payouts.beneficiaries
    return {
        "close": lambda one: batch.close(one, rows, **at),
        "approve": lambda one: batch.approve(one, rows, file, accounts, seen=one.digest, **at),
        "withdraw": batch.withdraw,
        "submit": lambda one: batch.submit(one, rows, file, accounts, **at),
        "pull": lambda one: batch.pull(one, rows, rows[1].payout_id, reason="changed")[0],
        "cancel": lambda one: batch.cancel(one, rows, because="wrong day", confirmed_by=MAKER, **at)[0],
    }


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        ("close", {"DRAFT": "CLOSED", "CLOSED": "CLOSED"}),
        ("approve", {"CLOSED": "APPROVED"}),
        ("withdraw", {"CLOSED": "CLOSED", "APPROVED": "CLOSED"}),
        ("submit", {"APPROVED": "FILED", "FILED": "FILED"}),
        ("pull", {"DRAFT": "DRAFT", "CLOSED": "CLOSED", "APPROVED": "CLOSED"}),
        ("cancel", dict.fromkeys(["DRAFT", "CLOSED", "APPROVED", "FILED", "CANCELLED"], "CANCELLED")),
    ],
)
def test_a_step_is_taken_only_from_where_it_may_be(step: str, ends: dict[str, str]) -> None:
    payouts = approved()
    same = {
        ("close", "CLOSED"),
        ("withdraw", "CLOSED"),
        ("submit", "FILED"),
        ("cancel", "CANCELLED"),
        ("pull", "DRAFT"),
    }
    for state, version in itertools.product(State, (3, 4)):
        before = replace(payouts.batch, state=state, version=version)
        if state not in ends:
            with pytest.raises(Refused):
                steps(payouts)[step](before)
            continue
        then = steps(payouts)[step](before)
        more = 0 if (step, state) in same else 2 if step == "pull" else 1
        assert (then.state, then.version) == (ends[state], version + more)


def test_a_draft_counts_nothing_and_a_row_is_as_its_entry_paid_it() -> None:
    empty = batch.draft(BATCH, by=MAKER, at=CLOSED)
    assert (empty.count, empty.control_total, empty.version, empty.digest) == (0, 0, 1, "")
    payouts = Payouts(AMOUNTS)
    payouts.collect()
    one = row_of(payouts, "G02")
    assert (one.batch_id, one.group_id, one.amount_paise) == (BATCH, "G02", AMOUNTS["G02"])
    assert (one.beneficiary_version, one.head_version, one.seq_from, one.seq_to) == (1, 1, 0, 2)
    assert (one.state, one.told_by, one.twice, one.back_seq) == (RowState.IN_TRANSIT, (), False, None)


def test_a_pulled_row_takes_no_other_with_it() -> None:
    payouts = closed()
    rows = list(payouts.rows.values())
    for one in rows:
        made, pulled = batch.pull(payouts.batch, rows, "".join([*one.payout_id]), reason="changed")
        assert (pulled.payout_id, pulled.state, pulled.reason) == (one.payout_id, RowState.PULLED, "changed")
        assert (made.count, made.control_total) == (2, sum(AMOUNTS.values()) - one.amount_paise)
        assert made.digest == batch.digest(BATCH, [other for other in rows if other.payout_id not in one.payout_id])
    with pytest.raises(Refused, match="not those that were closed"):
        batch.pull(payouts.batch, rows[:2], rows[0].payout_id, reason="changed")


def test_a_bank_reference_that_is_known_of_the_same_payout_is_no_trouble() -> None:
    payouts = Payouts(AMOUNTS).filed()
    one = row_of(payouts)
    used = {"U1": "".join([*one.payout_id]), "U2": "POTHER"}
    [answer] = batch.answers(payouts.batch, payouts.rows.values(), [said(one, Status.EXECUTED, "U1")], used=used)
    assert (answer.move, answer.trouble) == (Move.ARRIVED, None)
    # A reference is the payment's: what was rejected has none.
    [back] = batch.answers(payouts.batch, payouts.rows.values(), [said(one, Status.REJECTED, "U2")], used=used)
    assert back.move is Move.SENT_BACK


def test_what_a_cancelled_batch_leaves_is_what_no_bank_has_answered() -> None:
    payouts = approved()
    payouts.pull(row_of(payouts).payout_id)
    gone, rows = batch.cancel(payouts.batch, payouts.rows.values(), by=MAKER, at=APPROVED, because="wrong day")
    assert gone.state is State.CANCELLED and {row.group_id for row in rows} == {"G02", "G03"}
    assert {(row.state, row.reason) for row in rows} == {(RowState.PULLED, "wrong day")}
    again, rest = batch.cancel(gone, [*rows[1:], row_of(payouts, "G02")], by=CHECKER, at=CLOSED, because="other")
    assert again == gone
    assert [row.reason for row in rest] == ["wrong day"]
    for state in (RowState.PAID, RowState.REJECTED, RowState.RETURNED):
        assert batch.cancel(gone, [replace(rows[0], state=state)], by=CHECKER, at=CLOSED, because="other") == (gone, [])


def read(one: Row) -> Row:
    return Row.of(json.loads(json.dumps(one.item())))


def test_what_was_read_from_the_table_goes_the_same_way() -> None:
    payouts = Payouts(AMOUNTS)
    payouts.collect()

    def again() -> None:
        payouts.rows = {name: read(one) for name, one in payouts.rows.items()}
        payouts.batch = Batch.of(json.loads(json.dumps(payouts.batch.item())))

    for step in (again, payouts.close, payouts.close, again, payouts.approve, again, payouts.submit, payouts.submit):
        step()
    for _ in range(2):
        again()
        amounts = {row.payout_id: int(str(row.amount_paise)) for row in payouts.rows.values()}
        payouts.answer(*(said(row, Status.EXECUTED, paise=amounts[name]) for name, row in payouts.rows.items()))
    assert {row.state for row in payouts.rows.values()} == {RowState.PAID}
    again()
    assert [one.trouble for one in payouts.answer(said(row_of(payouts), Status.EXECUTED))] == [None]
    payouts.answer(said(row_of(payouts), Status.RETURNED))
    again()
    assert [one.trouble for one in payouts.answer(said(row_of(payouts), Status.EXECUTED))] == [None]
    assert payouts.batch.state is State.COMPLETED and payouts.faults() == []


def test_a_batch_of_many_rows_and_an_account_of_many_versions_are_as_any_other() -> None:
    one = row_of(closed())
    one = replace(one, amount_paise=1)
    groups = [f"G{number:03}" for number in range(300)]
    rows = [replace(one, group_id=group, payout_id=batch.payout_id(BATCH, group)) for group in groups]
    made = batch.close(batch.draft(BATCH, by=MAKER, at=CLOSED), rows, by=MAKER, at=CLOSED)
    assert (made.count, made.control_total) == (300, 300 * one.amount_paise)
    often = {one.group_id: replace(registered("G01"), version=int("1000"))}
    [paid] = batch.instructions([replace(one, beneficiary_version=int("1000"))], often)
    assert (paid.payout_id, paid.account, paid.name) == (one.payout_id, details(1).account, details(1).name)
    for version in (999, 1001):
        with pytest.raises(Refused, match=f"version {version} of G01's account is missing"):
            batch.instructions([replace(one, beneficiary_version=version)], often)
        assert batch.stale(replace(one, beneficiary_version=version), often["G01"], APPROVED)
    assert batch.stale(replace(one, beneficiary_version=int("1000")), often["G01"], APPROVED) is None


def test_what_was_seen_is_compared_letter_by_letter() -> None:
    payouts = closed()
    rows, file = list(payouts.rows.values()), payouts.file()
    kept = payouts.batch.digest

    def approve(seen: str) -> Batch:
        return batch.approve(payouts.batch, rows, file, payouts.beneficiaries, seen=seen, by=CHECKER, at=APPROVED)

    assert approve("".join([*kept])).state is State.APPROVED
    for seen in ("", "0" * 64, "f" * 65):
        with pytest.raises(Refused, match="was changed since it was looked at"):
            approve(seen)
    # What the file pays is compared with the batch, whatever numbers they are.
    large = replace(payouts.batch, control_total=int("20123464"))
    assert batch.approve(large, rows, file, payouts.beneficiaries, seen=kept, by=CHECKER, at=APPROVED)
