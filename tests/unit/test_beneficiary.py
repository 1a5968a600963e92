"""No single person puts a bank account into use, and whoever changes one is seen before money has gone there."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from hunar import bank_files
from hunar.domain.beneficiary import (
    Beneficiary,
    Details,
    LookedUp,
    Proposed,
    Refused,
    Standing,
    close,
    confirm,
    last_four,
    payee_name,
    propose,
    same_person,
    usable,
)
from tests.payees import CHECKER, MAKER, REGISTERED, details, registered

CHANGED = "2026-12-01T06:00:00Z"
NEW = details(2)
LOOKED_UP = LookedUp(NEW.name, CHANGED, CHECKER)


def change(before: Beneficiary | None, typed: Details = NEW, *, by: str = MAKER, at: str = CHANGED) -> Proposed:
    return propose(before, "G03", typed, by=by, at=at, cooling_days=7, states=bank_files.states())


def test_a_first_account_pays_as_soon_as_a_second_person_has_confirmed_it() -> None:
    proposed = change(None)
    assert proposed.told is None
    assert usable(proposed.beneficiary, CHANGED) == f"the account that {MAKER} entered waits for a second person"
    assert usable(confirm(proposed.beneficiary, by=CHECKER, at=CHANGED, looked_up=LOOKED_UP), CHANGED) is None


@pytest.mark.parametrize("who", [MAKER, "MEERA", " Meera "])
def test_who_entered_an_account_cannot_confirm_it(who: str) -> None:
    with pytest.raises(Refused, match="another person must confirm"):
        confirm(change(None).beneficiary, by=who, at=CHANGED, looked_up=LOOKED_UP)


def test_a_change_freezes_the_payouts_and_is_told_at_once() -> None:
    proposed = change(registered("G03"))
    assert proposed.told is not None
    assert (proposed.told.group_id, proposed.told.account) == ("G03", "0277")
    assert proposed.told.good_until == "2026-12-04T06:00:00Z"
    changed = confirm(proposed.beneficiary, by=CHECKER, at=CHANGED, looked_up=LOOKED_UP)
    assert (changed.version, changed.usable_from) == (2, "2026-12-08T06:00:00Z")
    assert "can be paid from" in (usable(changed, "2026-12-08T05:59:59Z") or "")
    assert usable(changed, "2026-12-08T06:00:00Z") is None
    assert usable(changed, "2027-06-01T00:00:00Z") is None


def test_confirming_late_does_not_pay_early_and_waiting_alone_does_not_pay() -> None:
    waiting = change(registered("G03")).beneficiary
    assert "second person" in (usable(waiting, "2027-06-01T00:00:00Z") or "")


def test_each_change_begins_its_own_cooling_off_even_before_the_last_was_confirmed() -> None:
    first = change(registered("G03")).beneficiary
    again = change(first, details(3), at="2026-12-07T06:00:00Z")
    assert again.beneficiary.version == 3
    assert again.beneficiary.usable_from == "2026-12-14T06:00:00Z"
    assert again.told and again.told.notification_id != getattr(change(registered("G03")).told, "notification_id", "")


def test_closing_an_account_first_does_not_save_the_cooling_off() -> None:
    closed = close(registered("G03"), by=MAKER, at=CHANGED, because="the branch merged")
    assert usable(closed, CHANGED) == "the account was closed on 2026-12-01"
    again = change(closed)
    assert again.told is not None
    assert again.beneficiary.usable_from == "2026-12-08T06:00:00Z"


def test_the_same_account_again_is_no_change() -> None:
    with pytest.raises(Refused, match="nothing changes"):
        change(registered("G03"), details(1))


def test_the_bank_is_asked_for_the_name_before_anybody_is_paid() -> None:
    proposed = change(None).beneficiary
    with pytest.raises(Refused, match="look the account's name up"):
        confirm(proposed, by=CHECKER, at=CHANGED)
    another = replace(LOOKED_UP, name="SUSPICIOUS TRADERS")
    for name in (another.name, "TRADER 1"):
        with pytest.raises(Refused, match="the bank has another name"):
            confirm(proposed, by=CHECKER, at=CHANGED, looked_up=replace(another, name=name))
    kept = confirm(proposed, by=CHECKER, at=CHANGED, looked_up=another, name_note="renamed, minutes book 2 page 9")
    assert payee_name(kept) == "SUSPICIOUS TRADERS"


def test_letters_order_and_points_make_no_other_name() -> None:
    looked = replace(LOOKED_UP, name="Swayam Sahayata Samuh 2 (Jai Maa).")
    assert confirm(change(None).beneficiary, by=CHECKER, at=CHANGED, looked_up=looked).confirmed_by == CHECKER


def test_a_confirmation_again_changes_nothing_and_a_closed_account_stays_closed() -> None:
    confirmed = registered("G03")
    assert confirm(confirmed, by=CHECKER, at=CHANGED) == confirmed
    with pytest.raises(Refused, match="was confirmed by rekha"):
        confirm(confirmed, by="asha", at=CHANGED)
    closed = close(confirmed, by=MAKER, at=CHANGED, because="closed at the bank")
    assert close(closed, by=CHECKER, at=REGISTERED, because="again") == closed
    with pytest.raises(Refused, match="is closed"):
        confirm(closed, by=CHECKER, at=CHANGED)
    with pytest.raises(Refused, match="say why"):
        close(confirmed, by=MAKER, at=CHANGED, because=" ")


def test_every_wrong_field_is_named_at_once() -> None:
    typed = Details("Sita, Devi", "12", "SBIN1", "POST", pan="AAAZB1234C", gstin="10AAAAB1234C1Z5")
    with pytest.raises(Refused) as error:
        change(None, typed)
    assert str(error.value).startswith("name: has a comma")
    with pytest.raises(Refused, match="^this is the account"):
        change(registered("G03"), details(1))
    assert [field for field, _ in error.value.reasons] == ["name", "account", "ifsc", "pan", "gstin", "account_type"]


def test_an_ifsc_that_is_not_in_the_supplied_list_is_refused() -> None:
    with pytest.raises(Refused, match="not in the list"):
        propose(
            None,
            "G03",
            NEW,
            by=MAKER,
            at=CHANGED,
            cooling_days=7,
            states=bank_files.states(),
            existing={"SBIN0009999"},
        )


def test_a_gstin_must_belong_to_the_pan() -> None:
    with pytest.raises(Refused, match="contains another PAN"):
        change(None, replace(NEW, pan="AAAAB1234C", gstin="27AAPFU0939F1ZV"))


def test_no_group_is_paid_without_an_account() -> None:
    assert usable(None, CHANGED) == "no bank account is registered"


def test_neither_account_nor_pan_nor_name_can_be_printed() -> None:
    typed = replace(NEW, account="000123456789", pan="AAPFU0939F", gstin="27AAPFU0939F1ZV", name="SITA DEVI")
    proposed = change(registered("G03"), typed)
    kept = confirm(proposed.beneficiary, by=CHECKER, at=CHANGED, looked_up=replace(LOOKED_UP, name="SITA DEVI"))
    shown = " ".join(f"{one} {one!r}" for one in (typed, proposed, kept, kept.looked_up, kept.details, [kept]))
    for secret in ("000123456789", "12345", "AAPFU0939F", "SITA"):
        assert secret not in shown
    assert "XXXX6789" in shown


def test_an_account_survives_its_table() -> None:
    kept = registered("G03", pan="AAPFU0939F")
    assert Beneficiary.of(json.loads(json.dumps(kept.item()))) == kept
    waiting = change(kept).beneficiary
    assert Beneficiary.of(json.loads(json.dumps(waiting.item()))) == waiting


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("meera", " Meera ", True),
        ("meera", "rekha", False),
        ("user/meera", "user/rekha", False),
        ("user/meera", "user/meera", True),
        ("agency/asha", "agency/rekha", False),
        ("agency/accounts/asha", "agency/accounts/rekha", False),
        # Whoever assumes a role names the session as she likes.
        ("assumed-role/Pay/meera", "assumed-role/Pay/rekha", True),
        ("assumed-role/Pay/meera", "assumed-role/Look/meera", False),
        ("federated-user/meera", "federated-user/rekha", True),
        # IAM Identity Center names it by who signed in.
        ("assumed-role/AWSReservedSSO_Pay_1/meera", "assumed-role/AWSReservedSSO_Look_2/Meera", True),
        ("assumed-role/AWSReservedSSO_Pay_1/meera", "assumed-role/AWSReservedSSO_Pay_1/rekha", False),
        ("federated-user", "assumed-role/federated-user/x", False),
    ],
)
def test_one_person_under_two_names_is_no_second_person(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same is same_person(other, one)


@pytest.mark.parametrize(
    ("account", "digits"),
    [("000123456789", "6789"), ("AB00012C345", "2345"), ("ABCDEF1", "0001"), ("1234", "1234"), ("ABCD12345", "2345")],
)
def test_a_text_names_an_account_by_four_digits(account: str, digits: str) -> None:
    assert last_four(account) == digits


def test_who_may_not_see_an_account_knows_whether_it_can_be_paid() -> None:
    waiting = change(registered("G03")).beneficiary
    confirmed = confirm(waiting, by=CHECKER, at=CHANGED, looked_up=LOOKED_UP)
    closed = close(confirmed, by=MAKER, at=CHANGED, because="the branch merged")
    for kept in (waiting, confirmed, closed):
        standing = kept.standing
        assert Standing.of(json.loads(json.dumps(standing.item()))) == standing
        assert Standing.of(standing.item() | {"version": Decimal(2)}) == standing
        assert (standing.group_id, standing.version, standing.changed_by, standing.last_four) == (
            "G03",
            2,
            MAKER,
            "0277",
        )
        for at in (CHANGED, "2026-12-08T05:59:59Z", "2026-12-08T06:00:00Z"):
            assert usable(standing, at) == usable(kept, at)
    assert usable(confirmed.standing, "2026-12-08T11:30:00+05:30") is None
    assert (closed.closed_by, closed.closed_at, closed.closed_because) == (MAKER, CHANGED, "the branch merged")


def test_a_new_version_says_who_changed_what_and_when() -> None:
    first = change(None)
    assert (first.beneficiary.version, first.beneficiary.usable_from) == (1, CHANGED)
    made = change(registered("G03", gstin="27AAPFU0939F1ZV", pan=" aapfu0939f "), replace(NEW, gstin="", pan=""))
    kept = made.beneficiary
    assert (kept.group_id, kept.version, kept.changed_by, kept.changed_at) == ("G03", 2, MAKER, CHANGED)
    assert kept.details == NEW
    assert (kept.confirmed_by, kept.confirmed_at, kept.closed_at, kept.looked_up) == (None, None, None, None)
    assert made.told is not None and made.told.kind == "ACCOUNT_CHANGED"
    sure = confirm(kept, by=CHECKER, at="2026-12-02T06:00:00Z", looked_up=LOOKED_UP, name_note="as in the passbook")
    assert (sure.confirmed_by, sure.confirmed_at, sure.name_note) == (
        CHECKER,
        "2026-12-02T06:00:00Z",
        "as in the passbook",
    )
    # The account that it closed may be entered once more.
    closed = close(sure, by=MAKER, at=CHANGED, because="the branch merged")
    assert change(closed, kept.details).beneficiary.version == 3


def test_a_name_that_no_bank_has_is_refused_and_a_blank_note_is_none() -> None:
    waiting = change(None).beneficiary
    with pytest.raises(Refused, match="^looked_up: has a comma"):
        confirm(waiting, by=CHECKER, at=CHANGED, looked_up=replace(LOOKED_UP, name="Sita, Devi"))
    for note in (None, "", "  "):
        with pytest.raises(Refused, match="the bank has another name"):
            confirm(waiting, by=CHECKER, at=CHANGED, looked_up=replace(LOOKED_UP, name="SITA DEVI"), name_note=note)
    spaced = confirm(waiting, by=CHECKER, at=CHANGED, looked_up=replace(LOOKED_UP, name=f"  {NEW.name} "))
    assert payee_name(spaced) == NEW.name
    assert payee_name(waiting) == NEW.name
    # What was looked up before is kept.
    known = replace(waiting, looked_up=LOOKED_UP)
    assert confirm(known, by=CHECKER, at=CHANGED).looked_up == LOOKED_UP


def test_a_gstin_is_checked_by_the_pan_that_is_right() -> None:
    with pytest.raises(Refused) as error:
        change(None, replace(NEW, pan="AAAZB1234C", gstin="27AAPFU0939F1ZV"))
    assert [field for field, _ in error.value.reasons] == ["pan"]
    kept = change(None, replace(NEW, pan=" aapfu0939f ", gstin=" 27aapfu0939f1zv ")).beneficiary
    assert (kept.pan, kept.gstin) == ("AAPFU0939F", "27AAPFU0939F1ZV")
    assert change(None, replace(NEW, gstin="27AAPFU0939F1ZV")).beneficiary.pan is None
    with pytest.raises(Refused, match="^account_type: can be SAVINGS, CURRENT, CASH_CREDIT$"):
        change(None, replace(NEW, account_type="savings"))
    with pytest.raises(Refused) as both:
        change(None, replace(NEW, account="12", pan="AAAAB1234C", gstin="27AAPFU0939F1ZV"))
    assert [field for field, _ in both.value.reasons] == ["account", "gstin"]
