"""What one person alone tries with money: to be two, to say both words, to lift a stop from behind."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from hunar import tables
from hunar.domain import accounts
from hunar.domain.bank_file import Status
from hunar.messages import BATCH_COMMAND
from hunar.ports import Put, QueueName, Rejected
from hunar.use_cases import payout_corrections, payouts
from hunar.use_cases.operate import NotNow
from tests.paydesk import CHECKER, MAKER, PayDesk, answer, by
from tests.wholeway import SHARE, WholeWay

B1, B2, B3 = "2026-12-20-S", "2026-12-27-S", "2027-01-03-S"

ROLE = "assumed-role/Accounts"
SSO = "assumed-role/AWSReservedSSO_"


def desk_with_money() -> PayDesk:
    desk = PayDesk()
    desk.group("G01", paise=65_442)
    return desk


@pytest.mark.parametrize(
    ("maker", "checker"),
    [
        (f"{ROLE}/meera", f"{ROLE}/rekha"),
        (f"{ROLE}/meera", "Assumed-Role/ACCOUNTS/rekha"),
        (f"assumed-role/{'R' * 64}/a", f"assumed-role/{'R' * 64}/{'s' * 64}"),
        ("federated-user/meera", "federated-user/rekha"),
        (f"{SSO}Maker_0123456789abcdef/meera@example.org", f"{SSO}Checker_fedcba9876543210/Meera@example.org"),
    ],
)
def test_a_name_that_she_chooses_herself_makes_nobody_a_second_person(maker: str, checker: str) -> None:
    desk = desk_with_money()
    desk.close(person=maker)
    with pytest.raises(NotNow, match="another person must approve it"):
        desk.approve(person=checker)


@pytest.mark.parametrize(
    ("maker", "checker"),
    [
        ("user/meera", "user/rekha"),
        ("assumed-role/Makers/any", "assumed-role/Checkers/any"),
        (f"{SSO}Accounts_0123456789abcdef/meera@example.org", f"{SSO}Accounts_0123456789abcdef/rekha@example.org"),
    ],
)
def test_two_whom_iam_tells_apart_are_two(maker: str, checker: str) -> None:
    desk = desk_with_money()
    desk.close(person=maker)
    assert desk.approve(person=checker).approved_by == checker


def test_what_two_have_said_and_cannot_be_booked_any_more_two_may_say_otherwise() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.desk.filed(B1)
    row = way.desk.rows(B1)["G03"]
    way.desk.bank(answer(row, Status.REJECTED), batch_id=B1)
    way.desk.bank(answer(row, utr="UTRFIRST01"), answer(row, utr="UTRSECOND2"), batch_id=B1)
    first, second = sorted(way.desk.open("PAID_THOUGH_REJECTED"), key=lambda one: one["subject"]["utr"])
    for shown in (first, second):
        for person in (MAKER, CHECKER):
            said = by(person, "asked the bank")
            payout_corrections.correct(way.desk.operator, B1, shown["exception_id"], said, paid=True)
    for body, _ in way.desk.queues.taken(QueueName.PAYOUT_BATCHES):
        with contextlib.suppress(Rejected):
            way.desk.obey(BATCH_COMMAND.validate_json(body))
    assert way.desk.open("PAID_THOUGH_REJECTED") == [second], "that a row is paid once"
    way.earn("S-2")
    way.desk.close(B2)
    assert not way.desk.rows(B2)

    with pytest.raises(NotNow, match="is PAID; what the bank paid besides cannot be booked here"):
        way.correct(second, paid=True)
    assert way.correct(second, paid=False, persons=(CHECKER,)) == []
    assert way.correct(second, paid=False, persons=(MAKER,)) == ["NOTHING_MOVED"]

    way.paid(B3)
    assert way.desk.rows(B3)["G03"].amount_paise == SHARE
    assert way.gone() == 2 * SHARE
    assert way.sound()


def test_an_unknown_payment_that_is_told_with_two_batches_is_in_suspense_once() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.paid(B1)
    way.earn("S-7", "G07")
    way.desk.filed(B2)
    unknown = replace(answer(way.desk.rows(B2)["G07"]), payout_id="PNOBODYKNOWSIT", amount_paise=12_345)
    way.desk.bank(unknown, batch_id=B1)
    way.desk.bank(unknown, batch_id=B2)
    one, two = way.desk.open("UNKNOWN_REFERENCE")
    way.correct(one, paid=True)
    assert way.balances()[accounts.SUSPENSE] == 12_345

    with pytest.raises(NotNow, match="is in suspense already"):
        way.correct(two, paid=True)

    assert way.correct(two, paid=False) == ["NOTHING_MOVED"]
    assert (way.balances()[accounts.SUSPENSE], way.gone()) == (12_345, SHARE + 12_345)
    # Its reference is no payout's from now on.
    with pytest.raises(payouts.ResultsRefused, match=f"{unknown.utr} stands for suspense PNOBODYKNOWSIT"):
        way.desk.bank(answer(way.desk.rows(B2)["G07"], utr=unknown.utr), batch_id=B2)
    assert way.sound()


def test_an_answer_that_is_brought_to_another_batch_is_no_unknown_payment() -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.paid(B1)
    way.earn("S-7", "G07")
    way.desk.filed(B2)
    said = answer(way.desk.rows(B2)["G07"])
    way.desk.bank(said, batch_id=B1)
    [shown] = way.desk.open("UNKNOWN_REFERENCE")

    with pytest.raises(NotNow, match=f"is a payout of {B2}: enter there what the bank says of it"):
        way.correct(shown, paid=True)

    way.desk.bank(said, batch_id=B2)
    assert way.gone() == 2 * SHARE
    assert accounts.SUSPENSE not in way.balances()
    assert way.sound()


@pytest.mark.parametrize("status", [Status.REJECTED, Status.RETURNED])
def test_whoever_says_that_money_came_back_does_not_alone_have_it_paid_once_more(status: Status) -> None:
    way = WholeWay("G03", "G07")
    way.earn("S-1")
    way.earn("S-7", "G07")
    way.desk.close(B1, person="schedule")
    way.desk.approve(B1)
    way.desk.submit(B1)
    rows = way.desk.rows(B1)
    if status is Status.RETURNED:
        way.desk.bank(answer(rows["G03"]), batch_id=B1)
    payouts.paid(way.desk.operator, B1, [answer(rows["G03"], status)], by(CHECKER))
    way.desk.work()
    way.desk.bank(answer(rows["G07"]), batch_id=B1)
    way.desk.close(B2, person="schedule")
    row = way.desk.rows(B2)["G03"]
    assert row.told_by == (CHECKER,)

    for person in (CHECKER, CHECKER.upper()):
        with pytest.raises(NotNow, match=f"said that money of {row.payout_id} to G03 came back"):
            way.desk.approve(B2, person=person)
    # Not by taking it out and into another batch either.
    payouts.pull(way.desk.operator, B2, row.payout_id, by(CHECKER, "try again"))
    way.desk.work()
    way.earn("S-2")
    way.desk.close(B3, person="schedule")
    with pytest.raises(NotNow, match="came back from the bank; another person must approve the batch"):
        way.desk.approve(B3)

    way.desk.approve(B3, person=MAKER)
    way.desk.submit(B3)
    way.desk.bank(answer(way.desk.rows(B3)["G03"]), batch_id=B3)
    assert way.desk.rows(B3)["G03"].amount_paise == 2 * SHARE
    # What it earns next has nothing to do with it.
    way.at("2027-01-10T06:00:00Z")
    way.earn("S-4")
    way.desk.close("2027-01-10-S", person="schedule")
    assert way.desk.rows("2027-01-10-S")["G03"].told_by == ()
    way.desk.approve("2027-01-10-S")
    assert way.sound()


def test_who_said_it_cannot_be_struck_from_the_row() -> None:
    way = WholeWay("G03")
    way.earn("S-1")
    way.desk.filed(B1)
    payouts.paid(way.desk.operator, B1, [answer(way.desk.rows(B1)["G03"], Status.REJECTED)], by(CHECKER))
    way.desk.work()
    way.desk.close(B2, person="schedule")
    key = tables.batch_row(B2, way.desk.rows(B2)["G03"].payout_id)
    item = way.desk.store.read([key])[key]
    way.desk.store.commit([Put(key, item | {"told_by": [], "version": item["version"] + 1}, item["version"])])

    with pytest.raises(NotNow, match="are not those that were closed"):
        way.desk.approve(B2)
