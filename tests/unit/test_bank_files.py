"""Files for banks, byte for byte, and what banks send back: by the exact layout, or refused with row and column."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from hunar import bank_files
from hunar.domain import bank_file
from hunar.domain.bank_file import (
    RTGS_MINIMUM_PAISE,
    BankFile,
    FileRefused,
    Instruction,
    Result,
    Status,
    Terms,
    parse,
    read_results,
    reference,
    write,
)
from tests.payees import BATCH, TERMS

SAMPLES = Path(__file__).parents[1] / "samples/bank_files"


def instruction(group: str = "G01", **said: Any) -> Instruction:
    usual: dict[str, Any] = {
        "payout_id": reference("payout", BATCH, group, most=15),
        "amount_paise": 123_456,
        "name": "JAI MAA SWAYAM SAHAYATA SAMUH",
        "account": "000123456789",
        "ifsc": "SBIN0001234",
        "account_type": "SAVINGS",
    }
    return Instruction(**usual | said)


PAYMENTS = [
    instruction("G01"),
    instruction("G02", amount_paise=RTGS_MINIMUM_PAISE, name="Maa Durga S.H.G. (Women's) & Co", ifsc="ICIC0000104"),
    instruction("G03", amount_paise=7, account="AB00012345", account_type="CURRENT", ifsc="HDFC0CBLAXY"),
    instruction("G04", amount_paise=RTGS_MINIMUM_PAISE - 1, name="N" * 45, ifsc="BARB0BHAGAL"),
]


def made(layout: str, *payments: Instruction, **said: Any) -> BankFile:
    return write(bank_files.layout(layout), replace(TERMS, **said), payments or PAYMENTS)


def refused(act: Callable[[], object]) -> list[str]:
    with pytest.raises(FileRefused) as error:
        act()
    return [str(problem) for problem in error.value.problems]


# --- written


@pytest.mark.parametrize("layout", bank_files.LAYOUTS)
def test_a_file_is_what_its_layout_says_byte_for_byte(layout: str) -> None:
    file = made(layout)
    assert file.content.decode() == (SAMPLES / f"{layout}.txt").read_bytes().decode()
    assert (file.count, file.control_total) == (4, sum(one.amount_paise for one in PAYMENTS))


@pytest.mark.parametrize("layout", bank_files.LAYOUTS)
def test_a_file_that_is_made_again_is_the_same(layout: str) -> None:
    once = made(layout)
    again = made(layout, *reversed(PAYMENTS))
    assert (again, again.sha256) == (once, once.sha256)
    assert made(layout, *PAYMENTS[1:]).sha256 != once.sha256


def test_files_are_named_as_their_banks_want_it() -> None:
    names = {layout: made(layout).name for layout in bank_files.LAYOUTS}
    ref = reference("batch", BATCH, most=10)
    assert names == {
        "hdfc_enet": "HUNR1612.001",
        "icici_adhoc": f"{ref}.txt",
        "union_txt": f"{ref}.txt",
        "generic_csv": f"{ref}.csv",
    }


@pytest.mark.parametrize(
    ("paise", "ifsc", "own_bank", "way"),
    [
        (RTGS_MINIMUM_PAISE - 1, "SBIN0001234", None, "NEFT"),
        (RTGS_MINIMUM_PAISE, "SBIN0001234", None, "RTGS"),
        (RTGS_MINIMUM_PAISE + 1, "SBIN0001234", None, "RTGS"),
        (99 * RTGS_MINIMUM_PAISE, "SBIN0001234", "ICIC", "RTGS"),
        (RTGS_MINIMUM_PAISE, "ICIC0000104", "ICIC", "OWN_BANK"),
        (1, "SBIN0001234", "ICIC", "NEFT"),
    ],
)
def test_a_payment_goes_by_the_way_that_takes_it(paise: int, ifsc: str, own_bank: str | None, way: str) -> None:
    assert bank_file.mode(paise, ifsc, own_bank) == way


@pytest.mark.parametrize("layout", bank_files.LAYOUTS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SITA, DEVI", "has characters that the layout does not take"),
        ("SITA|DEVI", "has characters that the layout does not take"),
        ("SITA^DEVI", "has characters that the layout does not take"),
        ("SITA\r\nDEVI", "has characters that the layout does not take"),
        ('SITA "DEVI"', "has characters that the layout does not take"),
        ("जय माँ", "has characters that the layout does not take"),
        ("=cmd()", "begins like a formula"),
        ("+91", "begins like a formula"),
        ("-1", "begins like a formula"),
        (" @SUM(A1)", "begins like a formula"),
        ("\tSITA", "begins like a formula"),
        ("...", "is empty"),
    ],
)
def test_a_name_that_a_file_cannot_carry_is_refused_with_its_row(layout: str, name: str, message: str) -> None:
    problems = refused(lambda: made(layout, instruction("G01"), instruction("G02", name=name)))
    row = sorted([instruction("G01").payout_id, instruction("G02").payout_id]).index(instruction("G02").payout_id) + 1
    assert len(problems) == 1
    assert problems[0].startswith(f"{layout} row {row} column ")
    assert problems[0].endswith(message)
    assert name not in problems[0]


@pytest.mark.parametrize("field", ["account", "ifsc", "payout_id"])
@pytest.mark.parametrize("value", ["", "12,34567", "12 34567", "=1234567", "१२३४५६७"])
def test_a_number_or_code_is_written_as_it_is_or_refused(field: str, value: str) -> None:
    [problem] = refused(lambda: made("hdfc_enet", instruction(**{field: value})))
    assert "row 1 column" in problem
    assert "1234567" not in problem


def test_what_is_too_long_is_refused_and_only_a_name_is_cut() -> None:
    assert (
        "has 31 characters; the layout takes 30" in refused(lambda: made("hdfc_enet", instruction(account="1" * 31)))[0]
    )
    assert (
        "has 25 characters; the layout takes 24" in refused(lambda: made("union_txt", instruction(account="1" * 25)))[0]
    )
    assert "column Transaction Amount" in refused(lambda: made("union_txt", instruction(amount_paise=10**13)))[0]
    assert b"|" + b"N" * 40 + b"|" in made("union_txt").content
    assert "column name: has 121" in refused(lambda: made("generic_csv", instruction(name="N" * 121)))[0]


@pytest.mark.parametrize("paise", [0, -1])
def test_nothing_and_less_than_nothing_cannot_be_paid(paise: int) -> None:
    assert "column amount" in refused(lambda: made("hdfc_enet", instruction(amount_paise=paise)))[0]


@pytest.mark.parametrize("paise", [1.5, 100.0, True])
def test_an_amount_that_is_no_whole_number_is_an_error(paise: Any) -> None:
    with pytest.raises(TypeError, match="whole paise"):
        made("hdfc_enet", instruction(amount_paise=paise))


def test_an_empty_file_and_a_payout_twice_are_refused() -> None:
    assert "has no rows" in refused(lambda: write(bank_files.layout("hdfc_enet"), TERMS, []))[0]
    assert "stands twice" in refused(lambda: made("hdfc_enet", instruction(), instruction()))[0]


def test_a_setting_that_is_missing_or_wrong_is_named() -> None:
    assert refused(lambda: made("hdfc_enet", settings={})) == [
        "hdfc_enet column client_code: is a setting that is missing or wrong"
    ]
    wrong = dict(TERMS.settings) | {"email": "=a@b"}
    assert "column email" in refused(lambda: made("union_txt", settings=wrong))[0]


@pytest.mark.parametrize(
    ("value", "says"),
    [(value, "has characters that no bank takes") for value in ("जय", "a\x07b", "a\tb", "é", "=é")]
    + [(value, "begins like a formula") for value in ("=1+1", "@a", "-a|b")]
    + [("a|b", "has a character that separates fields"), ("a" * 81, "has 81 characters; the layout takes 80")],
)
def test_a_setting_is_what_a_file_can_carry_whatever_its_pattern_takes(value: str, says: str) -> None:
    layout = bank_files.layout("union_txt")
    loose = replace(layout, settings=dict.fromkeys(layout.settings, ".*"))
    settings = dict(TERMS.settings) | {"email": value}
    problems = refused(lambda: write(loose, replace(TERMS, settings=settings), PAYMENTS))
    assert problems and all("column User Email ID" in one for one in problems)
    assert all(one.endswith(says) for one in problems)


def test_an_account_type_without_a_word_is_refused() -> None:
    assert "column Account Type" in refused(lambda: made("hdfc_enet", instruction(account_type="NRE")))[0]


# --- read


REVERSE = ["PAAAAAAAAAAAAAA", "JAI MAA", "000123456789", "SBIN0001234", "10", "1234.56", "20261217", "UTR1", "E", ""]


def reverse(**said: str) -> bytes:
    columns = [column.name for column in results_of("hdfc_enet").columns]
    cells = [said.get(name.replace(" ", "_"), cell) for name, cell in zip(columns, REVERSE, strict=True)]
    return ",".join(cells).encode() + b"\r\n"


def results_of(layout: str) -> bank_file.Results:
    found = bank_files.layout(layout).results
    assert found is not None
    return found


def read(data: bytes, layout: str = "hdfc_enet") -> tuple[Result, ...]:
    return read_results(bank_files.layout(layout), "back.r001", data)


def test_a_reverse_file_says_what_was_executed_and_rejected() -> None:
    data = reverse() + reverse(Transaction_Status="R", Bank_Ref_No="", Reject_Reason="ACCOUNT CLOSED", Amount="0.07")
    assert read(data) == (
        Result("PAAAAAAAAAAAAAA", 123_456, Status.EXECUTED, "UTR1", "", "2026-12-17", 1),
        Result("PAAAAAAAAAAAAAA", 7, Status.REJECTED, "", "ACCOUNT CLOSED", "2026-12-17", 2),
    )
    assert read(data.replace(b"\r\n", b"\n")) == read(data) == read(data.rstrip())
    assert Result("PAAAAAAAAAAAAAA", 7, Status.REJECTED, "", "", "2026-12-17").row == 0


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"Customer_Reference_No": ""}, "column Customer Reference No: is empty"),
        ({"Customer_Reference_No": "P" * 16}, "column Customer Reference No: has 16 characters; the layout has 15"),
        ({"Amount": "1234.5"}, "column Amount: '1234.5' is not an amount like 1234.50"),
        ({"Amount": "-1.00"}, "column Amount: '-1.00' is not an amount like 1234.50"),
        ({"Amount": "1.2E+05"}, "column Amount: '1.2E+05' is not an amount like 1234.50"),
        ({"Value_date": "20261317"}, "column Value date: '20261317' is not a day as YYYYMMDD"),
        ({"Value_date": "17122026"}, "column Value date: '17122026' is not a day as YYYYMMDD"),
        ({"Transaction_Status": "P"}, "column Transaction Status: 'P' is not one of E, R"),
        ({"Bank_Ref_No": ""}, "column Bank Ref No: is empty, but the payment was executed"),
        ({"Reject_Reason": "A,B"}, ": has 11 fields, not 10"),
        ({"Bene_Name": "X\x07"}, "column Bene Name: has characters that cannot be printed"),
    ],
)
def test_a_row_that_is_not_as_the_layout_has_it_refuses_the_file(said: dict[str, str], message: str) -> None:
    [problem] = refused(lambda: read(reverse() + reverse(**said)))
    assert problem.removeprefix("back.r001 row 2").strip() == message


def test_columns_in_another_order_are_not_guessed() -> None:
    swapped = ",".join([*REVERSE[:5], REVERSE[6], REVERSE[5], *REVERSE[7:]]).encode()
    assert [problem.partition(" column ")[2][:6] for problem in refused(lambda: read(swapped))] == ["Amount", "Value "]


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n"])
def test_an_empty_reverse_file_is_refused(data: bytes) -> None:
    assert refused(lambda: read(data)) == ["back.r001: is empty"]


def test_what_is_no_plain_text_and_what_is_too_large_is_refused() -> None:
    assert refused(lambda: read(reverse() + "जय".encode())) == [
        "back.r001 row 2: is not plain text as the bank writes it"
    ]
    for rows in (0, 2, 3):
        [problem] = refused(lambda rows=rows: read(reverse() * rows + "जय".encode()))  # type: ignore[misc]
        assert problem == f"back.r001 row {rows + 1}: is not plain text as the bank writes it"
    assert "more than 5 MB" not in refused(lambda: read(b"x" * (5 * 2**20)))[0]
    assert "more than 5 MB" in refused(lambda: read(b"x" * (5 * 2**20 + 1)))[0]


def test_no_more_than_fifty_problems_are_told() -> None:
    assert len(refused(lambda: read(reverse(Amount="x") * 200))) == 50


def test_results_of_any_other_bank_are_entered_as_a_plain_csv() -> None:
    heading = b"payout_id,amount,date,state,utr,reason\n"
    row = b"PAAAAAAAAAAAAAA,10.00,2026-12-20,RETURNED,UTR1,account closed\n"
    [result] = read(heading + row, "generic_csv")
    assert (result.status, result.row, result.day) == (Status.RETURNED, 2, "2026-12-20")
    assert read(b"\xef\xbb\xbf" + heading + row, "generic_csv") == (result,)
    assert refused(lambda: read(row, "generic_csv"))[0].startswith(
        "back.r001 row 1: the heading must be payout_id,amount"
    )
    assert refused(lambda: read(heading, "generic_csv")) == ["back.r001: is empty"]
    for wrong in (b"utr,amount,date,state,payout_id,reason\n", heading[:-1] + b",more\n", heading[:-8] + b"\n"):
        assert "the heading must be" in refused(lambda wrong=wrong: read(wrong + row, "generic_csv"))[0]  # type: ignore[misc]


def test_a_layout_without_a_reverse_file_says_where_results_go() -> None:
    assert "enter the results as generic_csv has them" in refused(lambda: read(reverse(), "union_txt"))[0]


# --- layouts are data


def content(name: str = "hdfc_enet", **said: Any) -> dict[str, Any]:
    text = resources.files(bank_files).joinpath(f"{name}.json").read_text(encoding="utf-8")
    known: dict[str, Any] = json.loads(text)
    return known | said


def test_every_layout_in_the_folder_is_known_and_has_a_source() -> None:
    folder = Path(str(resources.files(bank_files)))
    assert sorted(path.stem for path in folder.glob("*.json")) == list(bank_files.LAYOUTS)
    assert all(bank_files.layout(name).source and bank_files.layout(name).title for name in bank_files.LAYOUTS)
    assert not any(bank_file.VALUES & bank_files.layout(name).settings.keys() for name in bank_files.LAYOUTS)
    with pytest.raises(ValueError, match="there is no layout 'sbi'"):
        bank_files.layout("sbi")


ROW = content()["row"]
RESULTS = content()["results"]


def test_a_row_of_what_the_banks_answer_is_known_by_is_enough() -> None:
    needed = [part for part in ROW if part.get("value") in ("payout_id", "account", "amount")]
    least = parse(content(row=needed, heading=False))
    record = write(least, TERMS, [instruction()]).content.decode().strip().split(least.separator)
    assert {instruction().payout_id, "000123456789", "1234.56"} == set(record)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"separater": ","}, "unexpected keyword argument 'separater'"),
        ({"row": [*ROW, {"name": "X", "value": "colour"}]}, "X: 'colour' is no value"),
        ({"row": [*ROW, {"name": "X"}]}, "X needs a value or a fixed text"),
        ({"row": [*ROW, {"name": "X", "value": "serial", "fixed": "1"}]}, "X needs a value or a fixed text"),
        ({"row": [*ROW, {"name": "X", "value": "value_date", "kind": "date"}]}, "X has no kind, or a date no format"),
        ({"row": [*ROW, {"name": "X", "value": "serial", "kind": "number"}]}, "X has no kind"),
        (
            {"row": [*ROW, {"name": "X", "value": "serial", "kind": "count", "format": "DDMM"}]},
            "X has no kind, or a date",
        ),
        (
            {"row": [*ROW, {"name": "X", "value": "value_date", "kind": "date", "format": "DD"}]},
            "X has no kind, or a date",
        ),
        ({"file_name": [{"name": "X", "value": "mode"}]}, "X: mode is a row's, not the file's"),
        ({"end": [{"name": "X", "value": "name"}]}, "X: name is a row's, not the file's"),
        ({"row": [part for part in ROW if part.get("value") != "amount"]}, "a row needs payout_id, account and amount"),
        (
            {"row": [part for part in ROW if part.get("value") != "account"]},
            "a row needs payout_id, account and amount",
        ),
        ({"instead": {"&": "और"}}, "no bank takes others"),
        ({"end": [{"name": "X", "fixed": "€"}]}, "no bank takes others"),
        ({"modes": {"NEFT": "N"}, "row": [*ROW, {"name": "X", "value": "mode"}]}, "modes need words for NEFT and RTGS"),
        ({"row": ROW[1:]}, "a row needs payout_id, account and amount"),
        ({"row": [*ROW, {"name": "X", "value": "mode"}]}, "modes need words for NEFT and RTGS"),
        ({"own_bank": "HDFC"}, "own_bank needs a word OWN_BANK"),
        ({"begin": [{"name": "X", "value": "account"}]}, "X: account is a row's, not the file's"),
        ({"results": RESULTS | {"columns": RESULTS["columns"][1:]}}, "results need payout_id"),
        ({"results": RESULTS | {"columns": [*RESULTS["columns"], RESULTS["columns"][0]]}}, "results need payout_id"),
        ({"results": RESULTS | {"columns": [*RESULTS["columns"], RESULTS["columns"][5]]}}, "results need payout_id"),
        (
            {"results": json.loads(json.dumps(RESULTS).replace('"E": "EXECUTED"', '"E": "DONE"'))},
            "Transaction Status has words for EXECUTED",
        ),
        ({"results": json.loads(json.dumps(RESULTS).replace("YYYYMMDD", "DDMM"))}, "Value date has no format of a day"),
        ({"letters": "z-a"}, "bad character range"),
        ({"letters": "A-Zअ-ह"}, "no bank takes others"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_by_its_key(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(content(**said))


def test_neither_accounts_nor_names_nor_settings_can_be_printed() -> None:
    shown = f"{TERMS!r} {PAYMENTS!r} {made('hdfc_enet')!r}"
    for secret in ("000451009999", "HUNARDEMO", "000123456789", "SAHAYATA"):
        assert secret not in shown


# --- one record alone


def test_a_record_is_told_by_its_values_with_all_that_its_layout_cannot_say() -> None:
    whole = bank_files.layout("generic_csv")
    layout = replace(whole, row=tuple(part for part in whole.row if part.value != "value_date"))
    said, problems = bank_file.fields(layout, instruction(), 7)
    assert (said["payout_id"], said["name"], said["amount"], said["mode"]) == (
        instruction().payout_id,
        "JAI MAA SWAYAM SAHAYATA SAMUH",
        "1234.56",
        "NEFT",
    )
    assert (said["currency"], problems) == ("INR", [])
    _, wrong = bank_file.fields(layout, instruction(account="1" * 31, name="जय माँ"), 7)
    assert [str(problem).partition(":")[0] for problem in wrong] == [
        "generic_csv row 7 column name",
        "generic_csv row 7 column account",
    ]


def test_a_file_has_its_name_before_it_is_written() -> None:
    for name in bank_files.LAYOUTS:
        assert bank_file.named(bank_files.layout(name), TERMS, PAYMENTS) == made(name).name
    with pytest.raises(FileRefused, match="column file_name: may have letters and digits only"):
        settings = dict(TERMS.settings) | {"client_code": "HUN\x07"}
        bank_file.named(bank_files.layout("hdfc_enet"), replace(TERMS, settings=settings), PAYMENTS)


def test_what_fits_to_the_last_character_is_written() -> None:
    for layout, most in [("hdfc_enet", 30), ("union_txt", 24)]:
        assert b"1" * most in made(layout, instruction(account="1" * most)).content
    assert b"N" * 120 in made("generic_csv", instruction(name="N" * 120)).content
    assert Terms(BATCH, "2026-12-16").serial == 1
    assert made("hdfc_enet", serial=12).name == "HUNR1612.012"


def test_a_payout_twice_is_named_by_its_row() -> None:
    low, high = sorted([instruction("G01").payout_id, instruction("G02").payout_id])
    ordered = bank_file.whole([instruction(payout_id=high), instruction(payout_id=low)], "f")
    assert [one.payout_id for one in ordered] == [low, high]
    twice = [instruction(payout_id=high), instruction(payout_id=low), instruction(payout_id=high, amount_paise=-5)]
    assert refused(lambda: bank_file.whole(twice, "f")) == [
        f"f row 3 column payout_id: {high} stands twice",
        "f row 3 column amount: -0.05 cannot be paid",
    ]
    assert bank_file.whole([instruction(amount_paise=1)], "f")


def test_a_name_is_fitted_into_the_letters_of_its_layout_and_never_loses_what_has_no_stand_in() -> None:
    fitted = made("icici_adhoc", instruction(name="  MAA  (DURGA) & CO./SHG-1  "))
    assert b"|MAA DURGA AND CO SHG 1|" in fitted.content
    # Cut where the layout cuts it, and no space is left at the end.
    cut = made("icici_adhoc", instruction(name="N" * 31 + " SAMUH"))
    assert b"|" + b"N" * 31 + b"|" in cut.content


@pytest.mark.parametrize("fields", [9, 11])
def test_a_row_with_a_field_less_or_more_is_refused_and_the_others_are_told_too(fields: int) -> None:
    row = ",".join([*REVERSE, "MORE"][:fields]).encode() + b"\r\n"
    assert refused(lambda: read(reverse() + row + reverse(Amount="x") + reverse())) == [
        f"back.r001 row 2: has {fields} fields, not 10",
        "back.r001 row 3 column Amount: 'x' is not an amount like 1234.50",
    ]


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    assert refused(lambda: read(reverse(Amount="x", Value_date="20260230", Transaction_Status="P"))) == [
        "back.r001 row 1 column Amount: 'x' is not an amount like 1234.50",
        "back.r001 row 1 column Value date: '20260230' is not a day as YYYYMMDD",
        "back.r001 row 1 column Transaction Status: 'P' is not one of E, R",
    ]
    [padded] = read(reverse(Amount=" 1234.56 ", Bank_Ref_No=" UTR1 "))
    assert (padded.amount_paise, padded.utr) == (123_456, "UTR1")


def test_a_reference_is_as_long_as_it_may_be_and_begins_with_a_letter() -> None:
    assert reference("payout", "B", "G", most=15).startswith("P") and len(reference("payout", "B", "G", most=15)) == 15
    assert reference("payout", "B", "G", most=4) == reference("payout", "B", "G", most=15)[:4]
    assert reference("payout", "B", "G", most=15) != reference("payout", "G", "B", most=15)
    assert reference("batch", "B", "G", most=15)[1:] != reference("payout", "B", "G", most=15)[1:]


# --- large files, last because they take long


def test_too_many_rows_and_too_many_bytes_are_refused() -> None:
    many = [instruction(f"G{number}") for number in range(5_001)]
    assert refused(lambda: made("icici_adhoc", *many)) == ["icici_adhoc: has 5001 rows; 5000 at most"]
    assert made("icici_adhoc", *many[1:]).count == 5_000
    layout, size = bank_files.layout("union_txt"), len(made("union_txt").content)
    assert write(replace(layout, most_bytes=size), TERMS, PAYMENTS).count == 4
    with pytest.raises(FileRefused, match=f"has {size} bytes; {size - 1} at most"):
        write(replace(layout, most_bytes=size - 1), TERMS, PAYMENTS)
    more = [instruction(f"G{number}") for number in range(14_000)]
    assert refused(lambda: made("union_txt", *more))[0].endswith("2097152 at most")


def test_ten_thousand_groups_fit_one_file() -> None:
    file = made("hdfc_enet", *(instruction(f"G{number}", amount_paise=number + 1) for number in range(10_000)))
    assert (file.count, file.control_total) == (10_000, 50_005_000)
