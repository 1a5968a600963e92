"""Where a group is paid: entered by one, confirmed by another, told to the numbers that it had before."""

from __future__ import annotations

import pytest

from hunar import tables
from hunar.messages import LookAtPayables
from hunar.ports import Put, QueueName, Rejected
from hunar.tables import Table
from hunar.use_cases import payees
from hunar.use_cases.operate import NotNow, NotThere
from tests.paydesk import CHECKER, MAKER, PayDesk, by
from tests.payees import details


def desk_of(*groups: str) -> PayDesk:
    desk = PayDesk()
    for number, group in enumerate(groups, 1):
        desk.group(group, number=number)
    return desk


def test_an_account_is_shown_by_its_last_four_and_by_who_entered_and_confirmed_it() -> None:
    desk = desk_of("G01")

    shown = payees.show(desk.store, "G01")

    assert shown is not None
    assert (shown["account"], shown["changed_by"], shown["confirmed_by"]) == ("XXXX0177", MAKER, CHECKER)
    assert (shown["closed_at"], shown["usable_from"]) == (None, desk.now)
    assert "0000000177" not in str(shown)
    assert payees.show(desk.store, "G02") is None


def test_the_account_stands_in_the_table_of_beneficiaries_alone() -> None:
    desk = desk_of("G01")
    desk.account("G01", 2)

    where = {key.table for key, item in desk.store.everything().items() if "0000000277" in str(item)}

    assert where == {Table.BENEFICIARIES}


def test_whoever_entered_an_account_cannot_confirm_it() -> None:
    desk = desk_of()
    desk.group("G01", account=False)
    desk.account("G01", confirmed=False)
    with pytest.raises(NotNow, match="another person must confirm it"):
        payees.confirm(desk.operator, "G01", 1, by("Meera "), looked_up="X", name_note=None)


def test_an_account_that_was_changed_since_it_was_looked_at_is_not_confirmed() -> None:
    desk = desk_of("G01")
    desk.account("G01", 2, confirmed=False)
    desk.account("G01", 3, confirmed=False)
    with pytest.raises(NotNow, match="2 is not the newest, which is 3"):
        payees.confirm(desk.operator, "G01", 2, by(CHECKER), looked_up=details(2).name, name_note=None)


def test_what_cannot_be_right_is_refused_by_field_and_nothing_is_written() -> None:
    desk = desk_of("G01")
    before = desk.store.everything()
    with pytest.raises(Rejected, match=r"ifsc: .*; pan: ") as refused:
        desk.account("G01", 2, ifsc="SBIN1001234", pan="ABCDE1234F")
    assert "ABCDE1234F" not in str(refused.value)
    assert desk.store.everything() == before
    with pytest.raises(NotThere, match="G99"):
        desk.account("G99")


def test_the_group_is_told_of_a_change_on_all_its_numbers_and_on_those_it_had_lately() -> None:
    desk = desk_of("G01")
    second = {"group_id": "G01", "slot": "second", "phone": "+919999910001", "previous_phone": "+919999910009"}
    second["number_changes"] = [  # type: ignore[assignment]
        {"notification_id": "long-ago", "at": "2026-08-01T00:00:00Z", "previous_phone": "+919999910007"},
        {"notification_id": "hers", "at": "2026-12-01T00:00:00Z", "previous_phone": "+919999910008"},
        {"notification_id": "to-hide-it", "at": "2026-12-01T00:05:00Z", "previous_phone": "+919999910009"},
    ]
    desk.store.commit([Put(tables.contact("G01", "second"), second)])
    assert not desk.texts

    desk.account("G01", 2, confirmed=False)
    desk.work()

    told = {(one.contact, one.says.given_up, one.says.account) for one in desk.told("ACCOUNT_CHANGED")}
    former = {("second", change, "0277") for change in ("hers", "to-hide-it")}
    assert told == {("leader", None, "0277"), ("second", None, "0277"), *former}


def test_typing_the_same_again_after_a_lost_answer_tells_what_was_not_told_and_changes_nothing() -> None:
    desk = desk_of("G01")
    desk.account("G01", 2, confirmed=False)
    desk.queues.taken(QueueName.NOTIFICATIONS)  # They are lost.
    before = desk.store.everything()

    desk.account("G01", 2, confirmed=False)
    desk.work()

    assert desk.store.everything() == before
    assert len(desk.told("ACCOUNT_CHANGED")) == 1


def test_an_account_is_put_into_use_only_after_the_group_was_told_of_it() -> None:
    desk = desk_of("G01")
    desk.account("G01", 2, confirmed=False)
    desk.queues.taken(QueueName.NOTIFICATIONS)  # Whoever changed it was stopped before the group was told.
    desk.now = "2026-12-20T06:00:00Z"

    for person in (CHECKER, CHECKER):
        payees.confirm(desk.operator, "G01", 2, by(person), looked_up=details(2).name, name_note=None)
    desk.work()

    [text] = desk.told("ACCOUNT_CHANGED")
    assert text.good_until > desk.now


def test_two_who_change_an_account_at_once_leave_two_versions() -> None:
    desk = desk_of("G01")
    done: list[str] = []

    def turn(moment: str) -> None:
        if moment.startswith("before TransactWriteItems beneficiaries") and not done:
            done.append(moment)
            payees.propose(desk.operator, "G01", details(7), by("sita"), cooling_days=7)

    desk.store.turn = turn
    desk.account("G01", 8, confirmed=False)

    versions = [key.sk for key in desk.store.everything() if key.pk == "GROUP#G01" and key.sk.startswith("V#")]
    assert sorted(versions) == ["V#000001", "V#000002", "V#000003"]


# ── money that waits for too long (cases 22 and 40) ──────────────────────────────────────────────


def test_money_that_nobody_closed_for_fifteen_days_is_shown_until_it_is_closed() -> None:
    desk = desk_of("G01", "G02")
    desk.earn("G01", 1_000, at="2026-11-29T00:00:00Z")
    desk.earn("G02", 2_000, at="2026-12-10T00:00:00Z")

    assert desk.obey(LookAtPayables()) == "WAITING:1 STANDING:0"

    [shown] = desk.open("UNPAID_TOO_LONG")
    assert shown["message"] == "1 group waits for 10.00 for more than 15 days, since 2026-11-29"
    assert not desk.open("PAYOUT_LEFT_OUT")

    desk.close()
    assert desk.obey(LookAtPayables()) == "WAITING:0 STANDING:0"
    assert not desk.open("UNPAID_TOO_LONG")


def test_a_group_without_a_bank_account_is_reminded_of_and_its_money_never_expires() -> None:
    desk = desk_of()
    desk.group("G01", paise=0, account=False)
    desk.earn("G01", 1_000, at="2026-11-29T00:00:00Z")
    desk.close()
    from hunar.use_cases.worklist import closing

    desk.store.commit(closing(desk.open("PAYOUT_LEFT_OUT")[0], at=desk.now, by=CHECKER))

    desk.now = "2027-12-15T06:00:00Z"
    desk.obey(LookAtPayables())

    [shown] = desk.open("PAYOUT_LEFT_OUT")
    assert "no bank account is registered" in shown["message"]
    assert desk.head("G01").payable == 1_000


def test_what_was_payable_starts_to_wait_anew_only_when_it_was_paid_in_between() -> None:
    desk = desk_of("G01")
    desk.earn("G01", 1_000, at="2026-11-29T00:00:00Z")
    desk.earn("G01", 1_000, at="2026-12-10T00:00:00Z")
    assert desk.head("G01").payable_since == "2026-11-29T00:00:00Z"
    desk.close()
    assert desk.head("G01").payable_since == ""
    desk.earn("G01", 5, at="2026-12-16T00:00:00Z")
    assert desk.head("G01").payable_since == "2026-12-16T00:00:00Z"
