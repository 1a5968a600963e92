"""What contacts.csv, groups.csv and skus.csv say of the people whom texts reach, and of how they want them."""

from __future__ import annotations

from typing import Any

import pytest

from hunar.domain.catalogue import Plan
from tests.unit.test_catalogue import GOOD, only, planned, problems

WITH_MANNERS = (
    "group_id,name,city,locale,policy_from,fulfilment_mode,payout_basis,quiet,digest_minutes,texts_a_day,amounts"
)
G01 = "G01,गंगा समूह,Bhagalpur,hi,{day},GROUP_PACKS,{basis}"
G02 = "G02,আশার আলো,Kolkata,bn,2026-01-01,HUB_PACKS,FIXED_PER_PIECE,,,,"


def groups(*wishes: str, registered: Plan | None = None, columns: str = WITH_MANNERS) -> Plan:
    """A row of G01 for each of the wishes, the later ones with a policy of a later day."""
    days = [("2026-01-01", "SALE_SHARE"), ("2026-12-01", "BOUGHT_OUTRIGHT")]
    rows = [f"{G01.format(day=day, basis=basis)},{said}" for (day, basis), said in zip(days, wishes, strict=False)]
    skus = GOOD["skus.csv"].replace("STOLE,G01,6214,Stole,स्टोल,,,", "STOLE,G01,6214,Stole,स्टोल,,,200")
    return planned({**GOOD, "groups.csv": "\n".join([columns, *rows, G02, ""]), "skus.csv": skus}, registered)


def manners(made: Plan) -> Any:
    assert made.problems == []
    return made.items["groups"]["G01"]["manners"]


def test_a_group_says_how_it_wants_its_texts() -> None:
    assert manners(groups("22:00-6:30,0,12,no")) == {
        "quiet": "22:00-06:30",
        "digest_minutes": 0,
        "texts_a_day": 12,
        "amounts": False,
    }
    assert manners(groups("None,,,yes")) == {"quiet": "", "amounts": True}
    assert manners(groups("21:00 \u2013 07:00,,,")) == {"quiet": "21:00-07:00"}
    assert manners(groups(",,,")) == {}


def test_a_column_that_is_left_out_leaves_what_was_said_and_an_empty_cell_takes_it_back() -> None:
    before = groups("none,0,,no")
    plain = planned(dict(GOOD), before)
    assert manners(plain) == {"quiet": "", "digest_minutes": 0, "amounts": False}
    assert manners(groups(",5,,", registered=before)) == {"digest_minutes": 5}


def test_a_row_for_one_more_policy_need_not_repeat_them_and_may_not_contradict_them() -> None:
    assert manners(groups("none,0,,", ",,,")) == {"quiet": "", "digest_minutes": 0}
    assert manners(groups("none,,,", ",0,,")) == {"quiet": "", "digest_minutes": 0}
    assert problems(groups("none,0,,yes", "21:00-07:00,0,,no")) == [
        "groups.csv row 3 column amounts: no differs from an earlier row of the group: yes",
        "groups.csv row 3 column quiet: 21:00-07:00 differs from an earlier row of the group: none",
    ]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ("9 to 5,,,", "quiet: '9 to 5' is not two times of day like 21:00-07:00, and not the word none"),
        ("24:00-07:00,,,", "quiet: '24:00-07:00' is not two times of day"),
        ("21:00-21:00,,,", "quiet: '21:00-21:00' is not two times of day"),
        ("21:00,,,", "quiet: '21:00' is not two times of day"),
        (",241,,", "digest_minutes: '241' is not a whole number from 0 to 240"),
        (",-1,,", "digest_minutes: '-1' is not a whole number from 0 to 240"),
        (",half,,", "digest_minutes: 'half' is not a whole number from 0 to 240"),
        (",30.0,,", "digest_minutes: '30.0' is not a whole number from 0 to 240"),
        (",,0,", "texts_a_day: '0' is not a whole number from 1 to 1000"),
        (",,1001,", "texts_a_day: '1001' is not a whole number from 1 to 1000"),
        (",,2E+01,", "texts_a_day: 2E+01 is a long number that the spreadsheet has shortened"),
        (",,,maybe", "amounts: 'maybe' is not yes or no"),
    ],
)
def test_a_wish_that_cannot_be_is_named(wishes: str, said: str) -> None:
    assert only(groups(wishes)).startswith(f"groups.csv row 2 column {said}")


def contacts(*rows: str, columns: str = "group_id,slot,name,phone,role,locale", **how: Any) -> Plan:
    there = ["G01,leader,सावित्री,9999900011", "G02,leader,মালতী,9999900021", "G02,second,রুমা,9999900022"]
    more = "," * (columns.count(",") - 3)
    return planned({**GOOD, "contacts.csv": "\n".join([columns, *(row + more for row in there), *rows, ""])}, **how)


def test_a_contact_has_a_role_and_may_have_a_language_of_her_own() -> None:
    made = contacts("G01,second,रेखा,9999900012,resource_person,en", "G01,third,Asha,9999900013,,")
    assert made.problems == []
    people = made.items["contacts"]
    assert (people["G01 leader"]["role"], people["G01 leader"]["locale"]) == ("leader", None)
    assert (people["G01 second"]["role"], people["G01 second"]["locale"]) == ("resource_person", "en")
    assert (people["G01 third"]["role"], people["G01 third"]["locale"]) == ("resource_person", None)


def test_what_is_registered_of_a_contact_stays_where_the_file_has_no_column_for_it() -> None:
    before = contacts("G01,second,रेखा,9999900012,resource_person,en")
    after = contacts("G01,second,रेखा,9999900012", columns="group_id,slot,name,phone", registered=before)
    assert after.items["contacts"] == before.items["contacts"]
    taken_back = contacts("G01,second,रेखा,9999900012,,", registered=before)
    second = taken_back.items["contacts"]["G01 second"]
    assert (second["role"], second["locale"]) == ("literate_member", None)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("G01,second,रेखा,9999900012,boss,", "role: 'boss' is not one of leader, literate_member, resource_person"),
        ("G01,second,रेखा,9999900012,,fr", "locale: 'fr' is not one of "),
        ("G01,,रेखा,9999900012,,", "slot: is missing: leader, second, third"),
    ],
)
def test_a_contact_who_cannot_be_is_named(row: str, said: str) -> None:
    assert only(contacts(row)).startswith(f"contacts.csv row 5 column {said}")


def test_a_number_that_changes_keeps_the_one_before_and_an_id_for_its_warning() -> None:
    first = contacts("G01,second,रेखा,9999900012,,")
    second = contacts("G01,second,रेखा,9999900013,,", registered=first).items["contacts"]["G01 second"]
    assert (second["phone"], second["previous_phone"]) == ("+919999900013", "+919999900012")
    [change] = second["number_changes"]
    assert (change["previous_phone"], change["ending"]) == ("+919999900012", "13")
    assert change["notification_id"]
    assert "9999900" not in change["notification_id"]


def test_a_second_change_does_not_hide_the_first() -> None:
    made = contacts("G01,second,रेखा,9999900012,,")
    for number in (13, 14, 12, 13):
        made = contacts(f"G01,second,रेखा,99999000{number},,", registered=made)
    changes = made.items["contacts"]["G01 second"]["number_changes"]
    assert [change["previous_phone"][-2:] for change in changes] == ["12", "13", "14", "12"]
    assert [change["ending"] for change in changes] == ["13", "14", "12", "13"]
    for number in (14, 15) * 10:
        made = contacts(f"G01,second,रेखा,99999000{number},,", registered=made)
    assert len(made.items["contacts"]["G01 second"]["number_changes"]) == 10


def skus(*rows: str, columns: str, registered: Plan | None = None) -> Plan:
    tote = {"sku": "TOTE", "group_id": "G02", "hsn": "4202", "name_en": "Tote", "name_bn": "ব্যাগ", "piece_price": "9"}
    named = columns.split(",")
    lines = [columns, *rows, ",".join(tote.get(name, "") for name in named)]
    return planned({**GOOD, "skus.csv": "\n".join([*lines, ""])}, registered)


COLUMNS = "sku,group_id,hsn,name_en,name_hi,name_bn,piece_price"


def test_a_product_may_have_a_number_at_which_its_group_is_told() -> None:
    made = skus("STOLE,G01,6214,Stole,स्टोल,,,3", columns=f"{COLUMNS},low_at")
    assert made.problems == []
    assert (made.items["skus"]["STOLE"]["low_at"], made.items["skus"]["TOTE"]["low_at"]) == (3, None)
    kept = skus("STOLE,G01,6214,Stole,स्टोल,,", columns=COLUMNS, registered=made)
    assert kept.items["skus"]["STOLE"]["low_at"] == 3
    taken_back = skus("STOLE,G01,6214,Stole,स्टोल,,,", columns=f"{COLUMNS},low_at", registered=made)
    assert taken_back.items["skus"]["STOLE"]["low_at"] is None


@pytest.mark.parametrize("cell", ["-1", "few", "2.5", "1000001"])
def test_a_number_of_units_that_cannot_be_is_named(cell: str) -> None:
    made = skus(f"STOLE,G01,6214,Stole,स्टोल,,,{cell}", columns=f"{COLUMNS},low_at")
    assert only(made) == f"skus.csv row 2 column low_at: {cell!r} is not a whole number from 0 to 1000000"
