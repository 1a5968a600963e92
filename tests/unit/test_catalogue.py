"""What an import says to the person who typed the files, and what it makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.catalogue import Plan, account_of, plan, read_folder, resolutions
from hunar.domain.channel import Account
from hunar.domain.facts import instant, moment
from hunar.domain.spreadsheet import damage, read_table
from hunar.domain.text_kinds import FORMS
from hunar.sms_templates import language

NOW = "2026-11-25T04:00:00Z"
TODAY = "2026-11-25"

GOOD = {
    "agency.csv": "name,dlt_entity_id,sender_id,demo\nThe Centre,1101000000000000019,CENTRE,yes\n",
    "accounts.csv": "marketplace,account\nflipkart,demo\n",
    "groups.csv": (
        "group_id,name,city,locale,policy_from,fulfilment_mode,payout_basis\n"
        "G01,गंगा समूह,Bhagalpur,hi,2026-01-01,GROUP_PACKS,SALE_SHARE\n"
        "G02,আশার আলো,Kolkata,bn,2026-01-01,HUB_PACKS,FIXED_PER_PIECE\n"
    ),
    "resolutions.csv": (
        "group_id,from,minutes_ref,minutes_date,agency_fee_basis,agency_fee,fund,itc,tcs,tds,penalties,returns,lost,"
        "penalty_fees,return_fees,paid_on,return_window_days,recovery,approved_by\n"
        '"G01",2026-01-01,"Book 2, page 14",2025-12-20,ppm_of_net,8.5%,5%,AGENCY,GROUP_LATER,GROUP_NOW,AGENCY,GROUP,'
        "AGENCY,product_cancellation_fee,reverse_shipping_fee;rto_fee,delivered,7,50%,सावित्री; रेखा\n"
        'G02,2026-01-01,Book 1,2025-12-21,fixed_per_unit,"1,012.50",0%,AGENCY,AGENCY,AGENCY,AGENCY,AGENCY,AGENCY,'
        ",,shipped,0,100%,মালতী;রুমা\n"
    ),
    "contacts.csv": (
        "group_id,slot,name,phone\n"
        "G01,leader,सावित्री,+919999900011\nG01,second,रेखा,99999 00012\n"
        "G02,leader,মালতী,09999900021\nG02,second,রুমা,91-99999-00022\n"
    ),
    "skus.csv": (
        "sku,group_id,hsn,name_en,name_hi,name_bn,name_ta,piece_price\n"
        "STOLE,G01,6214,Stole,स्टोल,,,\n"
        'TOTE,G02,4202,Tote,,ব্যাগ,,"1,190.50"\n'
    ),
    "listings.csv": "marketplace,account,listing,sku,from\nflipkart,demo,STOLE,STOLE,2026-01-01\n",
    "dlt_templates.csv": "kind,locale,template_id\n"
    + "".join(
        f"{kind},{locale},110700000000000{number:04}\n"
        for number, (kind, locale) in enumerate([(kind, locale) for locale in ("hi", "bn") for kind in FORMS], 1)
    ),
    "stock.csv": "sku,quantity,act_id\nSTOLE,8,opening-1\nTOTE,-2,broken-1\n",
}


def planned(files: dict[str, str | bytes], registered: Plan | None = None, now: str = NOW, **counted: int) -> Plan:
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    acts = {("STOLE", act.replace("_", "-")): quantity for act, quantity in counted.items()}
    known = registered.items if registered else {}
    return plan(read_folder(data), known, acts, now=now, words=lambda locale: language(locale).words)


def good(**changed: str) -> Plan:
    """The good folder with some files changed, which must be without problems."""
    made = planned(GOOD | {f"{name}.csv": text for name, text in changed.items()})
    assert made.problems == []
    return made


def problems(made: Plan) -> list[str]:
    return sorted(map(str, made.problems))


def only(made: Plan) -> str:
    [problem] = problems(made)
    return problem


def with_row(name: str, row: str) -> dict[str, str | bytes]:
    return {**GOOD, f"{name}.csv": GOOD[f"{name}.csv"] + row + "\n"}


# what becomes of good files


def test_a_folder_becomes_registry_items() -> None:
    made = good()
    assert made.warnings == []
    assert made.items["agency"] == {
        "agency": {"name": "The Centre", "dlt_entity_id": "1101000000000000019", "sender_id": "CENTRE", "demo": True}
    }
    assert made.items["groups"]["G02"] == {
        "group_id": "G02",
        "name": "আশার আলো",
        "city": "Kolkata",
        "locale": "bn",
        "manners": {},
        "policies": [
            {
                "from": "2026-01-01",
                "fulfilment_mode": "HUB_PACKS",
                "payout_basis": "FIXED_PER_PIECE",
                "version": 1,
                "resolved": "2026-01-01",
                "minutes_ref": "Book 1",
                "minutes_date": "2025-12-21",
                "agency_fee_basis": "fixed_per_unit",
                "agency_fee": 101_250,
                "fund_ppm": 0,
                "itc": "AGENCY",
                "tcs": "AGENCY",
                "tds": "AGENCY",
                "penalties": "AGENCY",
                "returns": "AGENCY",
                "lost": "AGENCY",
                "penalty_fees": [],
                "return_fees": [],
                "paid_on": "shipped",
                "return_window_days": 0,
                "recovery_ppm": 1_000_000,
                "approved_by": ["মালতী", "রুমা"],
            }
        ],
    }
    assert made.items["skus"]["TOTE"] == {
        "sku": "TOTE",
        "group_id": "G02",
        "hsn": "4202",
        "names": {"en": "Tote", "bn": "ব্যাগ"},
        "piece_price_paise": 119050,
        "low_at": None,
    }
    assert made.items["contacts"]["G02 second"] == {
        "group_id": "G02",
        "slot": "second",
        "name": "রুমা",
        "role": "literate_member",
        "locale": None,
        "phone": "+919999900022",
        "previous_phone": None,
    }
    assert made.items["listings"]["flipkart/demo/STOLE"]["mappings"] == [{"from": "2026-01-01", "sku": "STOLE"}]
    assert [(act.sku, act.quantity, act.act_id) for act in made.acts] == [
        ("STOLE", 8, "opening-1"),
        ("TOTE", -2, "broken-1"),
    ]


WOMEN = (
    "group_id,name,city,locale,policy_from,fulfilment_mode,payout_basis,women\n"
    "G01,गंगा समूह,Bhagalpur,hi,2026-01-01,GROUP_PACKS,SALE_SHARE,{}\n"
    "G02,আশার আলো,Kolkata,bn,2026-01-01,HUB_PACKS,FIXED_PER_PIECE,\n"
)


def women(made: Plan) -> dict[str, int | None]:
    assert made.problems == []
    return {key: group.get("women") for key, group in made.items["groups"].items()}


def test_how_many_women_a_group_has_may_be_said_and_stays_until_it_is_said_anew() -> None:
    counted = good(groups=WOMEN.format(12))
    assert women(counted) == {"G01": 12, "G02": None}
    assert "women" not in counted.items["groups"]["G02"], "what was never said changes no group"
    assert women(planned(GOOD, counted)) == {"G01": 12, "G02": None}, "the column was left out"
    assert women(planned({**GOOD, "groups.csv": WOMEN.format("")}, counted)) == {"G01": None, "G02": None}
    later = "G01,गंगा समूह,Bhagalpur,hi,2027-01-01,GROUP_PACKS,SALE_SHARE,{}\n"
    assert women(good(groups=WOMEN.format(12) + later.format(""))) == {"G01": 12, "G02": None}
    wrong = planned({**GOOD, "groups.csv": WOMEN.format(12) + later.format(13)})
    assert only(wrong) == "groups.csv row 4 column women: 13 differs from an earlier row of the group: 12"


@pytest.mark.parametrize("said", ["0", "-3", "12.5", "a dozen", "10001"])
def test_a_number_of_women_that_cannot_be_is_refused(said: str) -> None:
    wrong = only(planned({**GOOD, "groups.csv": WOMEN.format(said)}))
    assert wrong.startswith("groups.csv row 2 column women: ") and "a whole number from 1 to 10000" in wrong


def test_phones_become_plus_91_and_ten_digits_however_they_are_written() -> None:
    phones = [contact["phone"] for contact in good().items["contacts"].values()]
    assert phones == ["+919999900011", "+919999900012", "+919999900021", "+919999900022"]


@pytest.mark.parametrize("phone", ["5999900011", "99999000", "+449999900011", "9999900011.0", "9.99E+09", "phone", ""])
def test_what_is_no_indian_mobile_number_is_refused(phone: str) -> None:
    rows = GOOD["contacts.csv"].replace("99999 00012", phone)
    assert only(planned({**GOOD, "contacts.csv": rows})).startswith("contacts.csv row 3 column phone: ")


def test_a_file_that_excel_saved_is_read() -> None:
    saved = "\ufeffsep=,\r\n" + GOOD["skus.csv"].replace("\n", "\r\n") + ",,,,,,,\r\n\r\n"
    assert good(skus=saved).items["skus"] == good().items["skus"]


def test_letters_come_in_one_form_without_what_was_copied_along() -> None:
    made = good(contacts=GOOD["contacts.csv"].replace("+919999900011", "\u202a+91 99999\u00a000011\u202c"))
    assert made.items["contacts"]["G01 leader"]["phone"] == "+919999900011"
    composed = good(groups=GOOD["groups.csv"].replace("Bhagalpur", "Cafe\u0301  town"))
    assert composed.items["groups"]["G01"]["city"] == "Caf\u00e9 town"


def test_ids_keep_their_leading_zeros() -> None:
    files = {name: text.replace("G01", "007").replace("STOLE", "0012") for name, text in GOOD.items()}
    made = planned(dict(files))
    assert made.problems == []
    assert made.items["skus"]["0012"]["group_id"] == "007"


# what a spreadsheet does to files


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD["skus.csv"].encode("utf-16"), "is not UTF-8 text"),
        (b"PK\x03\x04workbook", "is a workbook"),
        (GOOD["skus.csv"].replace(",", ";"), "is separated by semicolons"),
        (GOOD["skus.csv"].replace(",", "\t"), "is separated by tabs"),
        ("sep=;\n" + GOOD["skus.csv"].replace(",", ";"), "is separated by ';'"),
        ("", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        ('sku,group_id\n"STOLE,G01\n', "cannot be read as CSV"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_to_do(data: str | bytes, said: str) -> None:
    assert only(planned({**GOOD, "skus.csv": data})).startswith("skus.csv")
    assert said in only(planned({**GOOD, "skus.csv": data}))


def test_the_row_that_is_not_utf_8_is_named() -> None:
    data = GOOD["skus.csv"].encode() + "TOTÉ,G02,4202,Tote,,,,1\n".encode("latin-1")
    assert only(planned({**GOOD, "skus.csv": data})).startswith("skus.csv row 4: is not UTF-8 text here")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1.23E+11", "shortened"),
        ("1,23E+11", "shortened"),
        ("1E+05", "shortened"),
        ("12345.0", "turned into a number"),
        ("#NAME?", "error of the spreadsheet"),
        ("#REF!", "error of the spreadsheet"),
        ("#N/A", "error of the spreadsheet"),
        ("????? ??", "letters were lost"),
    ],
)
def test_what_a_spreadsheet_did_to_a_cell_is_named(cell: str, said: str) -> None:
    rows = GOOD["skus.csv"].replace("STOLE", f'"{cell}"')
    listings = GOOD["listings.csv"].replace("STOLE,2026", "TOTE,2026")
    stock = "sku,quantity,act_id\n"
    told = problems(planned({**GOOD, "skus.csv": rows, "listings.csv": listings, "stock.csv": stock}))
    assert len(told) == 1
    assert told[0].startswith("skus.csv row 2 column sku: ")
    assert said in told[0]


@given(st.from_regex(r"[A-Z]{2,4}-[A-Z]{3}-[0-9]{1,4}", fullmatch=True) | st.from_regex(r"[0-9]{1,19}", fullmatch=True))
def test_an_ordinary_id_is_never_taken_for_damage(code: str) -> None:
    assert damage(code) is None


def test_an_id_that_lost_its_last_digits_is_pointed_at() -> None:
    made = good(dlt_templates=GOOD["dlt_templates.csv"].replace("1107000000000000001", "1107000000000000000"))
    assert [str(warning)[:45] for warning in made.warnings] == ["dlt_templates.csv row 2 column template_id: 1"]


def test_a_name_that_a_text_must_cut_is_pointed_at_as_it_will_read() -> None:
    text = GOOD["skus.csv"].replace("Stole,स्टोल", "Embroidered cotton shawl,हाथ से बुना हुआ टसर स्टोल")
    assert [str(warning) for warning in good(skus=text).warnings] == [
        'skus.csv row 2 column name_en: is 24 long, more than 14: a text says "2 Embroidered cotton", '
        'and with another product "2 Embroidere and 1 other"',
        'skus.csv row 2 column name_hi: is 25 long, more than 14: a text says "2 हाथ से बुना हुआ टसर", '
        'and with another product "2 हाथ से बुना और 1 दूसरे"',
    ]
    assert good(skus=GOOD["skus.csv"].replace("Stole,स", "Jute lunch bag,स")).warnings == []


def test_columns_that_are_unknown_missing_or_double_are_named() -> None:
    text = GOOD["skus.csv"].replace("hsn", "hsn_code", 1).replace("name_ta", "name_hi", 1)
    assert problems(planned({**GOOD, "skus.csv": text})) == [
        "skus.csv row 1 column hsn: is missing in the heading",
        "skus.csv row 1 column hsn_code: is an unknown column; known are sku, group_id, hsn, name_en, low_at, name_as, "
        "name_bn, name_gu, name_hi, name_kn, name_ml, name_mr, name_or, name_pa, name_ta, name_te, name_ur, note, "
        "piece_price",
        "skus.csv row 1 column name_hi: stands twice in the heading",
    ]


def test_a_comma_without_quotes_is_found() -> None:
    told = only(planned(with_row("accounts", "flipkart,second,extra")))
    assert told.startswith("accounts.csv row 3: 'extra' stands in cell 3, which has no column")


def test_a_file_with_a_slip_in_its_name_is_not_overlooked() -> None:
    told = only(planned({**GOOD, "sku.csv": GOOD["skus.csv"]}))
    assert told.startswith("sku.csv: is none of the files that are imported: agency.csv, ")
    assert only(planned({})) == "there is no CSV file in the folder"


def test_a_workbook_beside_csv_files_is_only_pointed_at() -> None:
    made = planned({**GOOD, "Agency.XLSX": b"PK\x03\x04"})
    assert made.problems == []
    assert [str(warning) for warning in made.warnings] == [
        "Agency.XLSX: is a workbook, which is not read; save it as 'CSV UTF-8 (Comma delimited)'"
    ]
    assert only(planned({"agency.ods": b"PK\x03\x04"})).startswith("agency.ods: is a workbook")


def test_two_files_of_one_kind_are_refused() -> None:
    """Whichever is meant: nothing is said about what refers to the one that was not read."""
    one = "STOLE,G01,6214,Stole,स्टोल,,,\n"
    only_stole = GOOD["skus.csv"].partition("\n")[0] + "\n" + one
    assert only(planned({**GOOD, "SKUS.csv": only_stole})) == "skus.csv: is skus.csv a second time, beside SKUS.csv"
    told = only(planned({**GOOD, "Stock.CSV": GOOD["stock.csv"]}))
    assert told == "stock.csv: is stock.csv a second time, beside Stock.CSV"
    head = "row_id,scope,code,from,to,basis,value,source\n"
    earlier = "a,flipkart,fee,2026-01-01,2026-04-01,ppm_of_price,1,card\n"
    later = "c,flipkart,fee,2026-05-01,,ppm_of_price,1,card\n"
    between = "b,flipkart,fee,2026-04-01,2026-05-01,ppm_of_price,1,card\n"
    files = {**GOOD, "Rates.csv": head + earlier + later, "rates.csv": head + between}
    assert only(planned(files)) == "rates.csv: is rates.csv a second time, beside Rates.csv"


def test_rows_are_numbered_as_the_spreadsheet_shows_them() -> None:
    records, told = read_table("x.csv", b'sep=,\r\na,b\r\n1,2\r\n\r\n3,"4\r\n5"\r\n6,7\r\n', ("a", "b"), ())
    assert told == []
    assert [(record.row, record.cells["b"]) for record in records] == [(2, "2"), (4, "4 5"), (5, "7")]


# what is wrong in a row


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        (
            "agency",
            "Another,1101000000000000018,OTHERS,no",
            "agency.csv row 3 column name: agency stands in row 2 already",
        ),
        ("accounts", "Flipkart,x", "accounts.csv row 3 column marketplace: 'Flipkart' is not"),
        ("accounts", "flipkart,demo", "accounts.csv row 3 column marketplace: flipkart/demo stands in row 2 already"),
        (
            "groups",
            "G03,N,C,fr,2026-01-01,GROUP_PACKS,SALE_SHARE",
            "groups.csv row 4 column locale: 'fr' is not one of",
        ),
        ("groups", "G03,N,C,hi,01-04-2026,GROUP_PACKS,SALE_SHARE", "groups.csv row 4 column policy_from: '01-04-2026'"),
        ("groups", "G03,N,C,hi,2026-02-30,GROUP_PACKS,SALE_SHARE", "groups.csv row 4 column policy_from: '2026-02-30'"),
        (
            "groups",
            "G03,N,C,hi,2026-01-01,GROUP_PACKS,SALE_SHARE",
            "groups.csv row 4 column group_id: G03 has no leader",
        ),
        (
            "contacts",
            "G01,leader,X,9999900099",
            "contacts.csv row 6 column group_id: G01 leader stands in row 2 already",
        ),
        ("contacts", "G09,second,X,9999900099", "contacts.csv row 6 column group_id: G09 is neither in groups.csv nor"),
        (
            "contacts",
            "G01,fourth,X,9999900099",
            "contacts.csv row 6 column slot: 'fourth' is not one of leader, second, third",
        ),
        ("skus", "MAT,G09,4602,Mat,,,,", "skus.csv row 4 column group_id: G09 is neither in groups.csv nor registered"),
        ("skus", "MAT,G02,4602,Mat,,চট,,", "skus.csv row 4 column piece_price: is missing: G02 is paid by the piece"),
        ("skus", "MAT,G02,4602,Mat,,চট,,12.345", "skus.csv row 4 column piece_price: '12.345' is not an amount"),
        ("skus", 'MAT,G02,4602,Mat,,চট,,"1,4,99"', "skus.csv row 4 column piece_price: '1,4,99' is not an amount"),
        ("skus", "MAT,G02,4602,Mat,,চট,,-5", "skus.csv row 4 column piece_price: '-5' is not an amount"),
        ("skus", "MAT,G02,4602,Mat,,চট,,0", "skus.csv row 4 column piece_price: 0 is not an amount from 0.01"),
        ("skus", "MAT,G01,902,Tea,चाय,,,", "skus.csv row 4 column hsn: '902' is not an HSN code of 4, 6 or 8 digits"),
        ("skus", "A/B,G01,4602,Mat,चटाई,,,", "skus.csv row 4 column sku: 'A/B' is not a code"),
        ("skus", "MAT,G01,4602,,चटाई,,,", "skus.csv row 4 column name_en: is missing"),
        (
            "listings",
            "flipkart,demo,X,NONE,",
            "listings.csv row 3 column sku: NONE is neither in skus.csv nor registered",
        ),
        (
            "listings",
            "flipkart,none,X,TOTE,",
            "listings.csv row 3 column account: flipkart/none is neither in accounts",
        ),
        (
            "listings",
            "flipkart,demo,STOLE,TOTE,",
            "listings.csv row 3 column from: is missing: the listing stands in row 2",
        ),
        (
            "listings",
            "flipkart,demo,STOLE,TOTE,2026-01-01",
            "listings.csv row 3 column from: the listing stands in row 2",
        ),
        ("dlt_templates", "NEW_ORDER,en,12345", "dlt_templates.csv row 38 column template_id: '12345' is not a DLT id"),
        ("dlt_templates", "POEM,en,1107000000000000009", "dlt_templates.csv row 38 column kind: 'POEM' is not one of"),
        ("stock", "STOLE,8,opening-1", "stock.csv row 4 column act_id: opening-1 stands in row 2 already"),
        ("stock", "NONE,8,x", "stock.csv row 4 column sku: NONE is neither in skus.csv nor registered"),
        ("stock", "STOLE,8.5,x", "stock.csv row 4 column quantity: '8.5' is not a whole number"),
        ("stock", "STOLE,1E+03,x", "stock.csv row 4 column quantity: 1E+03 is a long number that the spreadsheet"),
        ("stock", "STOLE,,x", "stock.csv row 4 column quantity: is missing: a whole number"),
        ("stock", "STOLE,8,two words", "stock.csv row 4 column act_id: 'two words' is not an id"),
    ],
)
def test_a_wrong_row_is_named_with_its_column(name: str, row: str, said: str) -> None:
    assert only(planned(with_row(name, row))).startswith(said)


def test_a_time_without_an_offset_is_refused() -> None:
    text = "sku,quantity,act_id,at\nSTOLE,8,a,2026-11-24T10:00:00\nSTOLE,8,b,2026-11-24T10:00:00+05:30\n"
    made = planned({**GOOD, "stock.csv": text})
    assert only(made).startswith("stock.csv row 2 column at: '2026-11-24T10:00:00' is not a time with an offset")
    assert [act.at for act in made.acts] == ["2026-11-24T04:30:00Z"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    made = planned(with_row("skus", "A B,,12,,,,,x"))
    assert [problem.column for problem in made.problems] == ["sku", "group_id", "name_en", "piece_price", "hsn"]


def test_a_file_that_cannot_be_read_does_not_make_the_others_wrong() -> None:
    assert len(problems(planned({**GOOD, "skus.csv": "nonsense,heading\n"}))) == 6
    assert all(problem.startswith("skus.csv") for problem in problems(planned({**GOOD, "skus.csv": "x,y\n"})))


def test_a_gap_in_the_rates_is_named_with_its_row() -> None:
    head = "row_id,scope,code,from,to,basis,value,hsn,price_from,price_to,source,note\n"
    rows = (
        "a,flipkart,fee,2026-01-01,2026-04-01,ppm_of_price,1,,,,card,\n"
        "b,flipkart,fee,2026-05-01,,ppm_of_price,1,,,,card,\n"
    )
    told = only(planned({**GOOD, "rates.csv": head + rows}))
    assert told.startswith("rates.csv row 2 column to: gap: no fee from 2026-04-01 until 2026-05-01")
    double = rows.replace("2026-05-01", "2026-04-01").replace("b,", "a,")
    assert only(planned({**GOOD, "rates.csv": head + double})) == (
        "rates.csv row 3 column row_id: flipkart/a stands in row 2 already"
    )


def test_a_new_rate_is_checked_against_those_that_are_registered() -> None:
    head = "row_id,scope,code,from,to,basis,value,source\n"
    card = good(rates=head + "a,flipkart,fee,2026-01-01,,ppm_of_price,1,card\n")
    later = head + "b,flipkart,fee,2027-01-01,,ppm_of_price,2,card\n"
    assert only(planned({"rates.csv": later}, card)) == (
        "rates.csv column from: the registered row a: overlaps b in row 2"
    )
    both = later + "a,flipkart,fee,2026-01-01,2027-01-01,ppm_of_price,1,card\n"
    made = planned({"rates.csv": both}, card)
    assert made.problems == []
    assert made.items["rates"]["flipkart/a"]["to"] == "2027-01-01"


# what is dated


def groups(*policies: str, locale: str = "hi") -> dict[str, str | bytes]:
    rows = "".join(f"G01,गंगा समूह,Bhagalpur,{locale},{policy}\n" for policy in policies)
    return {"groups.csv": GOOD["groups.csv"].partition("\n")[0] + "\n" + rows}


def policies(made: Plan) -> list[tuple[str, str, int]]:
    return [
        (policy["from"], policy["payout_basis"], policy["version"])
        for policy in made.items["groups"]["G01"]["policies"]
    ]


def test_a_policy_that_begins_later_becomes_a_version() -> None:
    made = planned(groups("2027-01-01,HUB_PACKS,SALE_SHARE"), good())
    assert made.problems == []
    assert policies(made) == [("2026-01-01", "SALE_SHARE", 1), ("2027-01-01", "SALE_SHARE", 2)]


@pytest.mark.parametrize(
    "policy",
    [
        "2026-01-01,HUB_PACKS,SALE_SHARE",
        "2025-06-01,HUB_PACKS,SALE_SHARE",
        "2026-11-24,HUB_PACKS,SALE_SHARE",
    ],
)
def test_a_policy_of_the_past_is_never_rewritten(policy: str) -> None:
    told = only(planned(groups(policy), good()))
    assert told.startswith(
        f"groups.csv row 2 column policy_from: for {policy[:10]} GROUP_PACKS and SALE_SHARE are registered"
    )
    assert "begins 2026-11-25 or later" in told


def test_a_policy_may_begin_today_once_and_one_of_the_future_may_change() -> None:
    today = planned(groups(f"{TODAY},HUB_PACKS,SALE_SHARE", "2027-01-01,GROUP_PACKS,SALE_SHARE"), good())
    assert today.problems == []
    assert "are registered" in only(planned(groups(f"{TODAY},GROUP_PACKS,SALE_SHARE"), today))
    changed = planned(groups("2027-01-01,HUB_PACKS,SALE_SHARE"), today)
    assert changed.problems == []
    assert policies(changed)[1:] == [(TODAY, "SALE_SHARE", 2), ("2027-01-01", "SALE_SHARE", 4)]


def test_the_first_policy_holds_for_all_earlier_sales_and_so_is_never_rewritten_either() -> None:
    first = planned({**GOOD, "groups.csv": GOOD["groups.csv"].replace("2026-01-01", "2027-01-01")})
    assert "are registered" in only(planned(groups("2027-01-01,HUB_PACKS,SALE_SHARE"), first))
    assert "are registered" in only(planned(groups("2026-12-01,HUB_PACKS,SALE_SHARE"), first))


def test_the_day_is_that_of_india() -> None:
    """At 19:00 in London it is the next day in India."""
    late = "2026-11-25T19:00:00Z"
    assert planned(groups("2026-11-26,HUB_PACKS,SALE_SHARE"), good(), late).problems == []
    assert "are registered" in only(planned(groups(f"{TODAY},HUB_PACKS,SALE_SHARE"), good(), late))


def test_a_group_may_come_with_its_history_in_several_rows() -> None:
    made = planned({**GOOD, **groups("2026-04-01,HUB_PACKS,SALE_SHARE", "2026-01-01,GROUP_PACKS,SALE_SHARE")})
    assert [problem.message for problem in made.problems if problem.file == "groups.csv"] == []
    assert [policy["from"] for policy in made.items["groups"]["G01"]["policies"]] == ["2026-01-01", "2026-04-01"]
    two = groups("2026-04-01,HUB_PACKS,SALE_SHARE", "2026-04-01,HUB_PACKS,SALE_SHARE")
    assert "groups.csv row 3 column policy_from: G01 has a policy from 2026-04-01 in another row already" in problems(
        planned({**GOOD, **two})
    )


def test_two_rows_of_a_group_agree_in_what_is_not_dated() -> None:
    text = groups("2026-01-01,GROUP_PACKS,SALE_SHARE")["groups.csv"]
    assert isinstance(text, str)
    text += "G01,गंगा समूह,Patna,hi,2027-01-01,HUB_PACKS,SALE_SHARE\n"
    assert only(planned({"groups.csv": text}, good())) == (
        "groups.csv row 3 column city: Patna differs from row 2: Bhagalpur"
    )


def listing(*rows: str) -> dict[str, str | bytes]:
    return {
        "listings.csv": "marketplace,account,listing,sku,from\n" + "".join(f"flipkart,demo,{row}\n" for row in rows)
    }


def test_a_new_listing_without_a_day_holds_from_today_and_comes_again_unchanged() -> None:
    made = planned(listing("BAG,TOTE,"), good())
    assert made.items["listings"]["flipkart/demo/BAG"]["mappings"] == [{"from": TODAY, "sku": "TOTE"}]
    again = planned(listing("BAG,TOTE,"), made, "2026-12-24T00:00:00Z")
    assert again.items["listings"] == made.items["listings"]


def test_a_listing_that_becomes_another_product_needs_the_day() -> None:
    assert only(planned(listing("STOLE,TOTE,"), good())) == (
        "listings.csv row 2 column from: is missing: since 2026-01-01 the listing is STOLE; from which day is it TOTE?"
    )
    made = planned(listing("STOLE,TOTE,2026-12-01"), good())
    assert made.problems == []
    assert made.items["listings"]["flipkart/demo/STOLE"]["mappings"] == [
        {"from": "2026-01-01", "sku": "STOLE"},
        {"from": "2026-12-01", "sku": "TOTE"},
    ]


def test_a_mapping_may_be_corrected_and_the_operator_is_told_what_stays() -> None:
    made = planned(listing("STOLE,TOTE,2026-01-01"), good())
    assert made.problems == []
    assert [warning.message for warning in made.warnings] == [
        "was STOLE from 2026-01-01; orders that have come in stay STOLE"
    ]


def test_a_product_stays_with_its_group() -> None:
    skus = GOOD["skus.csv"].replace("STOLE,G01,6214,Stole,स्टोल,,,", "STOLE,G02,6214,Stole,,স্টোল,,5")
    assert "STOLE belongs to G01, which has its units on the shelf" in only(planned({"skus.csv": skus}, good()))


def test_a_count_with_a_known_id_is_left_out_and_one_with_another_number_refused() -> None:
    made = planned(GOOD | {}, None, NOW, opening_1=8)
    assert ([act.act_id for act in made.acts], made.counted) == (["broken-1"], 1)
    assert only(planned(dict(GOOD), None, NOW, opening_1=9)) == (
        "stock.csv row 2 column act_id: opening-1 was counted with 9 before; another count needs a new act_id"
    )


def test_what_is_missing_for_a_text_is_pointed_at() -> None:
    contacts = "".join(line for line in GOOD["contacts.csv"].splitlines(True) if "G01,second" not in line)
    templates = GOOD["dlt_templates.csv"].replace("CANCELLED,hi", "CANCELLED,ta")
    skus = GOOD["skus.csv"].replace("स्टोल", "")
    made = good(contacts=contacts, dlt_templates=templates, skus=skus)
    assert sorted(map(str, made.warnings)) == [
        "groups.csv row 2 column group_id: G01 has no second contact in contacts.csv",
        "groups.csv row 2 column locale: no DLT template in hi for CANCELLED: not told",
        "skus.csv row 2 column name_hi: is empty: texts to G01 will say Stole",
    ]


def test_an_approved_text_has_a_version_and_perhaps_the_providers_own_id() -> None:
    heading = "kind,locale,template_id,version,provider_template\n"
    rows = "PAYOUT_PAID_PLAIN,ur,1107000000000000009,2,65f0c1\nSHIP_BY,or,1107000000000000010,,\n"
    made = planned({"dlt_templates.csv": heading + rows})
    assert made.problems == []
    assert made.items["dlt_templates"] == {
        "PAYOUT_PAID_PLAIN ur": {
            "kind": "PAYOUT_PAID_PLAIN",
            "locale": "ur",
            "template_id": "1107000000000000009",
            "version": 2,
            "provider_template": "65f0c1",
        },
        "SHIP_BY or": {
            "kind": "SHIP_BY",
            "locale": "or",
            "template_id": "1107000000000000010",
            "version": 1,
            "provider_template": None,
        },
    }


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("HOLD,fr,1107000000000000009,,", "row 2 column locale: 'fr' is not one of en, hi, bn, ta, te, mr, gu, kn"),
        ("HOLD,hi,1107000000000000009,0,", "row 2 column version: '0' is not the number of a text's version, from 1"),
        (
            "HOLD,hi,1107000000000000009,1,two words",
            "row 2 column provider_template: 'two words' is not the provider's",
        ),
    ],
)
def test_a_row_about_an_approved_text_that_is_wrong_is_named(row: str, said: str) -> None:
    made = planned({"dlt_templates.csv": f"kind,locale,template_id,version,provider_template\n{row}\n"})
    assert only(made).startswith(f"dlt_templates.csv {said}")


def test_a_product_has_a_name_in_each_of_thirteen_languages() -> None:
    skus = "sku,group_id,hsn,name_en,name_hi,name_or,name_ur\nSTOLE,G01,6214,Stole,स्टोल,ଷ୍ଟୋଲ,اسٹول\n"
    made = good(skus=skus, stock="sku,quantity,act_id\n")
    assert made.items["skus"]["STOLE"]["names"] == {"en": "Stole", "hi": "स्टोल", "or": "ଷ୍ଟୋଲ", "ur": "اسٹول"}


def test_a_group_that_will_be_paid_by_the_piece_needs_prices_of_its_registered_products() -> None:
    told = only(planned(groups("2027-01-01,GROUP_PACKS,FIXED_PER_PIECE"), good()))
    assert told == (
        "groups.csv row 2 column payout_basis: G01 is paid by the piece, and STOLE is registered without a piece_price"
    )


# resolutions


def policy(day: str, version: int, basis: str = "SALE_SHARE") -> dict[str, Any]:
    return {"from": day, "fulfilment_mode": "GROUP_PACKS", "payout_basis": basis, "version": version}


SKUS: dict[str, dict[str, Any]] = {
    "A": {"sku": "A", "group_id": "GA", "hsn": "6214", "piece_price_paise": 5000},
    "B": {"sku": "B", "group_id": "GB", "hsn": "4202", "piece_price_paise": None},
}


def terms_at(found: list[dict[str, Any]], sold_at: str) -> tuple[str, int]:
    """As an order reads them."""
    held = [terms for terms in found if terms["from"] <= sold_at] or found[:1]
    return held[-1]["sku"], held[-1]["policy_version"]


def test_every_combination_of_mapping_and_policy_has_its_time() -> None:
    groups = {
        "GA": {"policies": [policy("2026-01-01", 1), policy("2026-03-01", 2, "FIXED_PER_PIECE")]},
        "GB": {"policies": [policy("2026-02-01", 1), policy("2026-06-01", 2)]},
    }
    found = resolutions([{"from": "2026-02-01", "sku": "A"}, {"from": "2026-04-01", "sku": "B"}], groups, SKUS)
    assert [(terms["from"], terms["sku"], terms["policy_version"], terms["piece_price_paise"]) for terms in found] == [
        ("2025-12-31T18:30:00Z", "A", 1, None),
        ("2026-02-28T18:30:00Z", "A", 2, 5000),
        ("2026-03-31T18:30:00Z", "B", 1, None),
        ("2026-05-31T18:30:00Z", "B", 2, None),
    ]


def test_a_day_begins_at_midnight_in_india() -> None:
    groups = {"GA": {"policies": [policy("2026-01-01", 1), policy("2026-04-01", 2)]}}
    found = resolutions([{"from": "2026-01-01", "sku": "A"}], groups, SKUS)
    assert terms_at(found, instant(moment("2026-03-31T23:59:59+05:30"))) == ("A", 1)
    assert terms_at(found, instant(moment("2026-04-01T00:00:00+05:30"))) == ("A", 2)
    assert terms_at(found, "2020-01-01T00:00:00Z") == ("A", 1)


DAYS = st.lists(
    st.dates(moment(NOW).date().replace(year=2025), moment(NOW).date()), min_size=1, max_size=4, unique=True
)


@given(DAYS, DAYS, DAYS, st.dates(moment(NOW).date().replace(year=2024), moment(NOW).date().replace(year=2027)))
def test_at_every_moment_the_mapping_and_the_policy_of_that_day_hold(
    mapped: list[Any], of_a: list[Any], of_b: list[Any], day: Any
) -> None:
    def dated(days: list[Any]) -> list[str]:
        return sorted(entry.isoformat() for entry in days)

    mappings = [{"from": begins, "sku": "AB"[place % 2]} for place, begins in enumerate(dated(mapped))]
    groups = {
        group: {"policies": [policy(begins, version) for version, begins in enumerate(dated(days), 1)]}
        for group, days in (("GA", of_a), ("GB", of_b))
    }
    found = resolutions(mappings, groups, SKUS)
    assert [terms["from"] for terms in found] == sorted({terms["from"] for terms in found})

    def held(entries: list[dict[str, Any]]) -> dict[str, Any]:
        return ([entry for entry in entries if entry["from"] <= day.isoformat()] or entries[:1])[-1]

    sku = held(mappings)["sku"]
    expected = (sku, held(groups[f"G{sku}"]["policies"])["version"])
    assert terms_at(found, instant(moment(f"{day.isoformat()}T12:00:00+05:30"))) == expected


# what an API needs besides

ACCOUNTS = "marketplace,account,seller_id,application_id,subscription_id,location_id\n"
LISTINGS = "marketplace,account,listing,sku,from,product_id,product_type\n"


def test_accounts_and_listings_may_say_what_their_marketplaces_api_needs() -> None:
    made = good(
        accounts=ACCOUNTS + "flipkart,demo,FS01,,,LOC0123456789\namazon,shop,A2EXAMPLE,amzn1.app.7,5b0a-1,\n",
        listings=LISTINGS + "flipkart,demo,STOLE,STOLE,2026-01-01,STLFDKCKZSGYHPFX,\namazon,shop,S-1,STOLE,,,SCARF\n",
    )
    accounts, listings = made.items["accounts"], made.items["listings"]
    assert account_of(accounts["flipkart/demo"]) == Account("flipkart", "demo", "FS01", location_id="LOC0123456789")
    assert account_of(accounts["amazon/shop"]) == Account("amazon", "shop", "A2EXAMPLE", "amzn1.app.7", "5b0a-1")
    assert listings["flipkart/demo/STOLE"]["product_id"] == "STLFDKCKZSGYHPFX"
    assert "product_type" not in listings["flipkart/demo/STOLE"]
    assert listings["amazon/shop/S-1"]["product_type"] == "SCARF"


def test_a_file_without_these_columns_takes_nothing_away_and_a_new_value_replaces_the_old_one() -> None:
    first = good(
        accounts=ACCOUNTS + "flipkart,demo,FS01,,,LOC1\n",
        listings=LISTINGS + "flipkart,demo,STOLE,STOLE,2026-01-01,STLFDKCKZSGYHPFX,\n",
    )
    again = planned(GOOD, first)
    assert again.problems == []
    assert (again.items["accounts"], again.items["listings"]) == (first.items["accounts"], first.items["listings"])
    moved = planned({**GOOD, "accounts.csv": ACCOUNTS + "flipkart,demo,,,,LOC2\n"}, first)
    assert moved.items["accounts"]["flipkart/demo"] == {
        "marketplace": "flipkart",
        "account": "demo",
        "seller_id": "FS01",
        "location_id": "LOC2",
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("accounts", ACCOUNTS + "flipkart,demo,FS 01,,,\n", "row 2 column seller_id: 'FS 01' is not"),
        ("accounts", ACCOUNTS + "flipkart,demo,,,,LOC 1\n", "row 2 column location_id: 'LOC 1' is not"),
        ("accounts", ACCOUNTS + "flipkart,demo,1.23E+11,,,\n", "row 2 column seller_id: 1.23E+11 is a long number"),
        (
            "accounts",
            ACCOUNTS + "flipkart,demo,S1,,,\nflipkart,other,S1,,,\n",
            "row 3 column seller_id: S1 is both flipkart/demo and flipkart/other",
        ),
        (
            "listings",
            LISTINGS + "flipkart,demo,STOLE,STOLE,,stlfdkckzsgyhpfx,\n",
            "row 2 column product_id: 'stlfdkckzsgyhpfx' is not",
        ),
        ("listings", LISTINGS + "flipkart,demo,STOLE,STOLE,,,Scarf\n", "row 2 column product_type: 'Scarf' is not"),
        (
            "listings",
            LISTINGS + "flipkart,demo,X,STOLE,2026-01-01,STLFDKCKZSGYHPFX,\n"
            "flipkart,demo,X,TOTE,2026-05-01,BAGFDKCKZSGYHPFX,\n",
            "row 3 column product_id: BAGFDKCKZSGYHPFX differs from row 2: STLFDKCKZSGYHPFX",
        ),
    ],
)
def test_what_an_api_would_refuse_is_refused_here(name: str, text: str, said: str) -> None:
    assert only(planned({**GOOD, f"{name}.csv": text})).startswith(f"{name}.csv {said}")


def test_one_seller_may_have_an_account_at_each_marketplace() -> None:
    assert good(accounts=ACCOUNTS + "flipkart,demo,S1,,,\namazon,demo,S1,,,\n").problems == []


# members


MEMBERS = "group_id,member,weight,from,to\n"


def test_members_are_what_the_group_calls_them_with_weights_and_days() -> None:
    made = good(members=MEMBERS + "G01,Asha,12,2026-04-01,\nG01,M-2,7,2026-11-06,2026-12-31\nG02,মালতী,1,2026-04-01,\n")
    assert made.items["members"]["G01"] == {
        "group_id": "G01",
        "members": [
            {"member": "Asha", "weight": 12, "from": "2026-04-01", "to": ""},
            {"member": "M-2", "weight": 7, "from": "2026-11-06", "to": "2026-12-31"},
        ],
    }
    assert made.items["members"]["G02"]["members"][0]["member"] == "মালতী"


def test_who_leaves_gets_an_end_and_the_others_stay() -> None:
    first = good(members=MEMBERS + "G01,Asha,12,2026-04-01,\nG01,Meena,7,2026-04-01,\n")
    second = planned({"members.csv": MEMBERS + "G01,Meena,7,2026-04-01,2026-11-30\nG01,Asha,10,2026-12-01,\n"}, first)
    assert second.problems == []
    weights = [tuple(one.values()) for one in second.items["members"]["G01"]["members"]]
    assert weights == [
        ("Asha", 12, "2026-04-01", ""),
        ("Asha", 10, "2026-12-01", ""),
        ("Meena", 7, "2026-04-01", "2026-11-30"),
    ]
    third = planned({"members.csv": MEMBERS + "G01,Meena,9,2026-11-01,\n"}, second)
    assert "Meena has the weight 7 from 2026-04-01 to 2026-11-30: give that an earlier end" in only(third)
    fourth = planned({"members.csv": MEMBERS + "G01,Meena,9,2025-11-01,2026-04-01\n"}, second)
    assert only(fourth).endswith("Meena has another weight from 2026-04-01 on")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("G09,Asha,1,2026-04-01,", "group_id: G09 is neither in groups.csv nor registered"),
        ("G01,,1,2026-04-01,", "member: is missing: the member's code or first name"),
        ("G01,Asha 99999 00011,1,2026-04-01,", "member: has more than 4 digits: no phone and no account belongs here"),
        ("G01,asha@upi,1,2026-04-01,", "member: 'asha@upi' is not the member's code or first name"),
        ("G01,Asha,1.5,2026-04-01,", "weight: '1.5' is not a whole number from 0 to 1000000"),
        ("G01,Asha,-1,2026-04-01,", "weight: '-1' is not a whole number from 0 to 1000000"),
        ("G01,Asha,,2026-04-01,", "weight: '' is not a whole number from 0 to 1000000"),
        ("G01,Asha,1,01-04-2026,", "from: '01-04-2026' is not a day"),
        ("G01,Asha,1,2026-04-01,2026-03-31", "to: 2026-03-31 is before 2026-04-01"),
        ("G01,Meena,2,2026-01-01,", "from: Meena has a weight from 2026-01-01 in row 2 already"),
        (
            "G01,Meena,2,2026-03-01,",
            "from: Meena has the weight 1 from 2026-01-01 to 2026-06-30: give that an earlier end",
        ),
    ],
)
def test_a_member_that_cannot_be_is_named_by_its_row(row: str, said: str) -> None:
    made = planned(GOOD | {"members.csv": f"{MEMBERS}G01,Meena,1,2026-01-01,2026-06-30\n{row}\n"})
    assert only(made).startswith(f"members.csv row 3 column {said}")


def test_a_group_has_not_more_weights_than_one_item_holds() -> None:
    rows = "".join(f"G01,M{number // 300}-{number % 300},1,2026-01-01,\n" for number in range(1_001))
    made = planned(GOOD | {"members.csv": MEMBERS + rows})
    assert only(made).endswith("G01 has 1001 weights, and at most 1000 are kept")
