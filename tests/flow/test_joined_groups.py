"""Groups that joined others, when a worker ends between two writings, or the bank speaks of what was long ago."""

from __future__ import annotations

import pytest

from hunar import tables
from hunar.domain.bank_file import Status
from hunar.domain.batch import RowState
from hunar.messages import LookAtPayables
from hunar.ports import QueueName
from hunar.use_cases import mergers
from hunar.use_cases.operate import NotNow
from tests.flow.test_payouts import crashing
from tests.paydesk import CHECKER, MAKER, answer, by
from tests.wholeway import SHARE, WholeWay

B1, B2, B3 = "2026-12-20-S", "2026-12-27-S", "2027-01-03-S"


@pytest.mark.parametrize("at", range(0, 24))
def test_a_debt_whose_worker_ended_before_it_went_on_goes_on_with_the_daily_look(at: int) -> None:
    way = WholeWay("G03", "G07", "G09")
    way.earn("S-1")
    way.paid(B1)
    way.join("G07", "G09")
    way.join("G03", "G07")
    crashing(way.desk, at, lambda: way.refund("S-1"))

    way.desk.obey(LookAtPayables())

    assert not way.desk.head("G03").balances
    way.refund("S-1")
    assert (way.desk.head("G03").debt, way.desk.head("G07").debt) == (0, 0)
    assert way.desk.head("G09").debt > SHARE
    assert way.sound()


@pytest.mark.parametrize("at", range(20, 36))
def test_who_joined_another_group_goes_on_before_that_ones_turn_comes(at: int) -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-3", "G03")
    way.at("2026-12-21T06:00:00Z")
    way.earn("S-1", "G07")
    crashing(way.desk, at, lambda: way.join("G07", "G03"))
    way.desk.queues.taken(QueueName.PAYOUT_BATCHES)

    way.paid(B1)

    joined = bool(way.desk.head("G07").into)
    assert way.desk.rows(B1)["G03"].amount_paise == (2 * SHARE if joined else SHARE)
    assert ("G07" in way.desk.rows(B1)) is not joined
    assert way.sound()


def test_where_a_group_is_paid_is_asked_no_more_once_it_joined_another() -> None:
    way = WholeWay("G07")
    way.desk.group("G03", account=False)
    way.earn("S-1")
    way.desk.close(B1)
    assert [one["group_id"] for one in way.desk.open("PAYOUT_LEFT_OUT")] == ["G03"]

    way.join("G03", "G07")

    assert not way.desk.open("PAYOUT_LEFT_OUT")
    way.paid(B2)
    assert way.desk.rows(B2)["G07"].amount_paise == SHARE
    assert way.sound()


@pytest.mark.parametrize("paid", [True, False])
def test_what_the_bank_paid_all_the_same_stops_the_group_that_the_money_went_on_to(paid: bool) -> None:
    way = WholeWay("G03", "G07", "G09")
    way.earn("S-1")
    way.desk.filed(B1)
    row = way.desk.rows(B1)["G03"]
    way.desk.bank(answer(row, Status.REJECTED), batch_id=B1)
    way.join("G07", "G09")
    way.join("G03", "G07")
    assert way.desk.head("G09").payable == SHARE

    way.desk.bank(answer(row), batch_id=B1)
    [shown] = way.desk.open("PAID_THOUGH_REJECTED")
    way.desk.close(B2)

    assert (way.desk.rows(B2), way.desk.head("G09").payable) == ({}, SHARE)
    assert [one["group_id"] for one in way.desk.open("PAYOUT_LEFT_OUT")] == ["G09"]
    way.correct(shown, paid=paid)
    way.paid(B3)
    # What it has already is its debt now, and is recovered as it resolved: half of each payout.
    assert way.desk.rows(B3)["G09"].amount_paise == (SHARE // 2 if paid else SHARE)
    assert way.sound()


def test_what_the_bank_paid_all_the_same_takes_the_other_groups_payout_out_of_its_batch() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.desk.filed(B1)
    row = way.desk.rows(B1)["G03"]
    way.desk.bank(answer(row, Status.REJECTED), batch_id=B1)
    way.join("G03", "G07")
    way.desk.close(B2)
    way.desk.approve(B2)

    way.desk.bank(answer(row), batch_id=B1)

    assert way.desk.rows(B2)["G07"].state is RowState.PULLED
    assert way.desk.head("G07").payable == SHARE
    assert way.sound()


def test_who_joins_another_group_hears_to_which_account_its_money_goes_before_anybody_confirms_it() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    desk = way.desk
    payee = desk.store.read([tables.payee("G07")])[tables.payee("G07")]

    mergers.merge(desk.operator, "G03", "G07", by(MAKER, "book 3"))
    desk.work()

    [told] = desk.told("ACCOUNT_CHANGED")
    assert (told.group_id, told.contact, told.says.account) == ("G03", "leader", payee["last_four"])
    mergers.merge(desk.operator, "G03", "G07", by(CHECKER, "book 3"))
    desk.work()
    assert len(desk.told("ACCOUNT_CHANGED")) == 1, "said again it is the same text"
    assert desk.head("G07").payable == SHARE


def test_no_group_joins_one_that_cannot_be_paid() -> None:
    """Its first account would have no cooling-off: the way around a change of the other one's."""
    way = WholeWay("G03")
    way.desk.group("G07", account=False)
    way.earn("S-1")
    before = way.desk.store.everything()

    with pytest.raises(NotNow, match="into: G07 cannot be paid: no bank account is registered"):
        mergers.merge(way.desk.operator, "G03", "G07", by(MAKER, "book 3"))

    assert way.desk.store.everything() == before
    way.desk.account("G07", 4)
    way.desk.account("G07", 5)
    with pytest.raises(NotNow, match="into: G07 cannot be paid: the account was changed; it can be paid from"):
        mergers.merge(way.desk.operator, "G03", "G07", by(MAKER, "book 3"))
