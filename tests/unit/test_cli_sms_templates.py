"""``hunar sms templates``: from our texts to the portal's sheet, and from what it approved into the registry."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import boto3
import pytest
from moto import mock_aws

from hunar import sms_templates, tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.domain.catalogue import read_folder
from hunar.domain.dlt_portal import TYPES_BESIDE, Portal, difference, filed_name, filed_text
from hunar.domain.sms_text import LOCALES, Template
from hunar.domain.text_kinds import FORMS
from hunar.ports import Put
from hunar.sms_templates import language
from tests.unit.test_cli import create_stack, document, hunar, one_line

DEV = ("--stage", "dev")
HINDI = ("--language", "hi")
AGENCY = {"name": "Centre", "dlt_entity_id": "1101000000000000019", "sender_id": "CENTRE", "demo": False}
TEXTS = language("hi").templates
NEW = language("hi").text("NEW_ORDER")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def store() -> Iterator[DynamoDBStore]:
    with mock_aws():
        made = DynamoDBStore(boto3.client("dynamodb"), create_stack().tables)
        made.commit([Put(tables.agency(), AGENCY)])
        yield made


def number(template: Template) -> str:
    return f"110700000000000{list(FORMS).index(template.form) + 1:03}{template.version}"


def row(template: Template, **changed: str) -> dict[str, str]:
    """What a portal says of an approved text, under headings and with a column of its own."""
    cells = {
        "Template ID": number(template),
        "Name": filed_name(template),
        "Text": filed_text(template, tags=True),
        "Status": "Approved",
        "Registered On": "01/11/2026",
    }
    return cells | {name.replace("_", " ").title().replace(" Id", " ID"): value for name, value in changed.items()}


def portal(folder: Path, rows: list[dict[str, str]]) -> str:
    path = folder / "portal.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def approved(**changed: dict[str, str]) -> list[dict[str, str]]:
    """All Hindi texts approved, but for what is changed of one form."""
    return [row(template, **changed.get(template.form, {})) for template in TEXTS]


def registered(store: DynamoDBStore, form: str, locale: str = "hi") -> dict[str, Any] | None:
    key = tables.dlt_template(form, locale)
    return store.read([key]).get(key)


def states(path: str) -> dict[str, str]:
    told = document("sms", "templates", "compare", path, *HINDI, *DEV)
    return {text["form"]: text["state"] for text in told["texts"] if text["state"] != "approved"}


# check


def test_the_texts_are_checked_and_production_takes_no_draft() -> None:
    told = document("sms", "templates", "check", *HINDI)
    assert told["errors"] == []
    assert [text["text"] for text in told["texts"]] == [f"{form} hi version 1" for form in sorted(FORMS)]
    assert max(text["parts"] for text in told["texts"]) == 2
    assert "NEW_ORDER hi version 1" in hunar("sms", "templates", "check", *HINDI).stdout
    refused = hunar("sms", "templates", "check", *HINDI, "--stage", "prod", code=1)
    assert "hi: NEW_ORDER hi version 1: is a draft, which production does not send" in refused.stderr
    assert refused.stderr.splitlines()[-1] == "hunar: 18 errors"


def test_a_text_that_operators_would_refuse_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    hindi = language("hi")
    bad = tuple(replace(text, text=text.text.replace("Hunar", "")) if text.form == "HOLD" else text for text in TEXTS)
    monkeypatch.setattr(sms_templates, "language", lambda locale: replace(hindi, templates=bad))
    told = hunar("sms", "templates", "check", *HINDI, code=1)
    assert "hi: HOLD version 1: text: does not name Hunar" in told.stderr


def test_a_language_that_there_is_not_is_refused() -> None:
    assert "--language: 'fr' is not one of en, hi" in one_line(
        hunar("sms", "templates", "check", "--language", "fr", code=1)
    )


# export


def sheets(path: Path) -> dict[str, list[list[str]]]:
    """A workbook's texts by sheet, read from its XML."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        names = [sheet.attrib["name"] for sheet in book.iter(f"{MAIN}sheet")]
        for place, name in enumerate(names, 1):
            table = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{place}.xml"))
            found[name] = [["".join(cell.itertext()) for cell in line] for line in table.iter(f"{MAIN}row")]
    return found


def test_a_portal_that_wants_the_types_in_the_text_gets_them_there(store: DynamoDBStore, tmp_path: Path) -> None:
    path = tmp_path / "texts.xlsx"
    told = hunar("sms", "templates", "export", "--account", "jio", "--to", str(path), *HINDI, *DEV)
    assert "18 texts for jio are in" in told.stdout
    [heading, *rows] = sheets(path)["Texts"]
    assert set(sheets(path)) == {"Texts"}
    by_name = {line[0]: dict(zip(heading, line, strict=True)) for line in rows}
    paid = by_name["PAYOUT_PAID_hi_1"]
    assert paid["text"] == (
        "आपके पैसे भेजे गए: {#numeric#} रुपये, खाते के आखिरी अंक {#numeric#}। बैंक का नंबर {#alphanumeric#} है। यह Hunar का संदेश है।"
    )
    assert paid["variables"] == "amount: numeric, at most 9; account: numeric, at most 4; utr: alphanumeric, at most 22"
    assert "passbook" in paid["reason for a third variable"]
    assert (paid["category"], paid["header"], paid["entity id"]) == (
        "Service Implicit",
        "CENTRE",
        "1101000000000000019",
    )
    assert by_name["NEW_ORDER_hi_1"]["sample"] == "तैयार करें: 2 सामान। फिर 26 नवंबर शाम 5 तक दे दें। यह Hunar का नया ऑर्डर है।"
    assert by_name["NEW_ORDER_hi_1"]["reason for a third variable"] == ""


def test_a_portal_with_a_table_of_types_gets_one(store: DynamoDBStore, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    told = document("sms", "templates", "export", "--account", "tata", "--to", str(path), *HINDI, *DEV)
    assert told["files"] == [str(path), str(tmp_path / "texts-variables.csv")]
    texts = {line["name"]: line for line in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))}
    assert texts["CANCELLED_hi_1"]["text"] == ("रद्द हुआ: {#var#}। इस ऑर्डर में अब कुल देना है: {#var#}। यह Hunar का संदेश है।")
    beside = list(csv.DictReader(io.StringIO((tmp_path / "texts-variables.csv").read_text(encoding="utf-8-sig"))))
    assert [line for line in beside if line["name"] == "CANCELLED_hi_1"] == [
        {"name": "CANCELLED_hi_1", "variable": "1", "stands for": "item", "tag": "alphanumeric", "longest": "24"}
        | {"sample": "2 सामान"},
        {"name": "CANCELLED_hi_1", "variable": "2", "stands for": "left", "tag": "numeric", "longest": "4"}
        | {"sample": "'3"},
    ]
    book = tmp_path / "texts.xlsx"
    hunar("sms", "templates", "export", "--account", "smartping", "--to", str(book), *DEV)
    assert {name: len(rows) for name, rows in sheets(book).items()} == {
        "Texts": 1 + 18 * len(LOCALES),
        "Variables": 1 + sum(len(slots) for slots in FORMS.values()) * len(LOCALES),
    }
    assert set(get_args(Portal)) > TYPES_BESIDE


def test_what_is_exported_and_approved_as_it_is_compares_equal(store: DynamoDBStore, tmp_path: Path) -> None:
    """By both kinds of portals: the sheet's own words are what the comparison wants."""
    for account in ("airtel", "tata"):
        to = ("--account", account, "--to", str(tmp_path / "x.csv"))
        told = document("sms", "templates", "export", *to, *HINDI, *DEV)
        texts = {one["name"]: one["text"] for one in told["texts"]}
        rows = [row(template, text=texts[filed_name(template)]) for template in TEXTS]
        assert states(portal(tmp_path, rows)) == {}


def test_nothing_is_exported_where_it_cannot_be(store: DynamoDBStore, tmp_path: Path) -> None:
    export = ("sms", "templates", "export", "--account", "vi", *DEV)
    assert "neither in .xlsx nor in .csv" in one_line(hunar(*export, "--to", str(tmp_path / "x.ods"), code=1))
    assert "No such file" in one_line(hunar(*export, "--to", str(tmp_path / "no" / "x.xlsx"), code=1))
    store.commit([Put(tables.agency(), None)])
    assert "agency: not imported" in one_line(hunar(*export, "--to", str(tmp_path / "x.csv"), code=1))


# compare


def test_each_text_is_approved_missing_different_or_revoked(tmp_path: Path) -> None:
    changed = {
        "NEW_ORDER": {"text": filed_text(NEW, tags=True).replace("नया", "नई")},
        "HOLD": {"status": "Blacklisted"},
        "RETURN": {"status": "Pending", "template_id": ""},
        "LOW_STOCK": {"status": "rejected"},
        "SERVED": {"name": "something else"},
    }
    rows = [line for line in approved(**changed) if line["Name"] != "SHIP_BY_hi_1"]
    rows.append(row(NEW, name="of another agency", text="Buy now", template_id="1107000000000009999"))
    path = portal(tmp_path, rows)
    assert states(path) == {
        "NEW_ORDER": "differs",
        "HOLD": "revoked",
        "RETURN": "waiting",
        "LOW_STOCK": "rejected",
        "SHIP_BY": "missing",
    }
    told = document("sms", "templates", "compare", path, *HINDI, *DEV)
    [differs] = [text for text in told["texts"] if text["state"] == "differs"]
    assert differs["difference"] == "from character 47: 'नई ऑर्डर है।' instead of 'नया ऑर्डर है।'"
    said = hunar("sms", "templates", "compare", path, *HINDI, *DEV).stdout
    assert "13 approved, 1 differs, 1 missing, 1 rejected, 1 revoked, 1 waiting." in " ".join(said.split())


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (filed_text(NEW, tags=True), ""),
        (filed_text(NEW, tags=False), ""),
        (NEW.text.replace("{item}", "{# Alphanumeric #}").replace("{by}", "{#var#}"), ""),
        (filed_text(NEW, tags=True).replace("तैयार", " तैयार"), "from character 1: ' तैयार"),
        (filed_text(NEW, tags=True) + " ", "from character 57: 'है। ' instead of 'है।'"),
        (filed_text(NEW, tags=True).replace("ऑर्डर", "ऑर्डर\u200b"), r"\u200b"),
        (filed_text(NEW, tags=True).replace("{#alphanumeric#}", "{#numeric#}", 1), "variable 1 is numeric instead of"),
        (filed_text(NEW, tags=True).replace("{#alphanumeric#}", "{#url#}", 1), "variable 1 is url instead of"),
        (filed_text(NEW, tags=True).replace("{#alphanumeric#}", "{}", 1), "has 1 variables instead of 2"),
        (filed_text(NEW, tags=True).replace("{#alphanumeric#}", "2 totes", 1), "'2 totes"),
    ],
)
def test_where_a_text_differs_is_shown(text: str, where: str) -> None:
    said = difference(NEW, text)
    assert where in said
    assert bool(said) == bool(where)


def test_a_text_that_only_looks_alike_is_found() -> None:
    told = next(text for text in TEXTS if text.form == "ONBOARDING_CODE")
    composed = filed_text(told, tags=True).replace("\u0922\u093c", "\u095d")
    assert composed != filed_text(told, tags=True)
    assert "not in Unicode normal form C" in difference(told, composed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"status": "maybe"}, "portal.csv row 3 column status: 'maybe' is not one of approved, active"),
        ({"status": ""}, "portal.csv row 3 column status: is missing: one of"),
        ({"template_id": ""}, "portal.csv row 3 column template_id: is missing: a DLT id of 19 digits"),
        ({"template_id": "12345"}, "portal.csv row 3 column template_id: '12345' is not a DLT id of 19 digits"),
        ({"template_id": "1.107E+18"}, "row 3 column template_id: 1.107E+18 is a long number that the spreadsheet"),
        ({"template_id": number(TEXTS[0])}, f"column template_id: {number(TEXTS[0])} stands in row 2 already"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_nothing_is_taken(
    store: DynamoDBStore, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    path = portal(tmp_path, [row(TEXTS[0]), row(TEXTS[1], **changed)])
    assert said in hunar("sms", "templates", "compare", path, *HINDI, *DEV, code=1).stderr
    refused = hunar("sms", "templates", "reload", path, *HINDI, *DEV, code=1)
    assert said in refused.stderr
    assert refused.stderr.splitlines()[-1] == "hunar: 1 error; nothing was written"
    assert registered(store, TEXTS[0].form) is None


def test_a_file_of_another_kind_is_refused(store: DynamoDBStore, tmp_path: Path) -> None:
    path = tmp_path / "portal.csv"
    path.write_text("Template ID,Name,Content,Status\n", encoding="utf-8")
    compare = ("sms", "templates", "compare", str(path), *HINDI, *DEV)
    assert "portal.csv row 1 column text: is missing in the heading" in hunar(*compare, code=1).stderr
    path.write_text("template_id,name,text,text,status\n", encoding="utf-8")
    assert "column text: stands twice in the heading" in hunar(*compare, code=1).stderr
    path.write_bytes(b"PK\x03\x04")
    assert "is a workbook; save it as 'CSV UTF-8" in hunar(*compare, code=1).stderr
    path.write_bytes(b"")
    assert "is empty" in hunar(*compare, code=1).stderr
    path.unlink()
    assert "No such file" in one_line(hunar(*compare, code=1))


def test_two_approved_rows_leave_open_which_id_is_meant(tmp_path: Path) -> None:
    twice = [row(TEXTS[0]), row(TEXTS[0], template_id="1107000000000009999")]
    told = hunar("sms", "templates", "compare", portal(tmp_path, twice), *HINDI, code=1)
    assert f"portal.csv row 3 column name: {filed_name(TEXTS[0])} is approved in row 2 too" in told.stderr
    renewed = [row(TEXTS[0], status="revoked"), row(TEXTS[0], template_id="1107000000000009999")]
    assert TEXTS[0].form not in states(portal(tmp_path, renewed))


# reload


def test_approved_ids_come_into_the_registry_once(store: DynamoDBStore, tmp_path: Path) -> None:
    path = portal(tmp_path, approved(RETURN={"status": "pending"}))
    reload = ("sms", "templates", "reload", path, *HINDI, *DEV)
    tried = hunar(*reload, "--dry-run")
    assert "17 of them would be written into the registry." in tried.stdout
    assert registered(store, "HOLD") is None
    assert "17 of them written into the registry." in hunar(*reload).stdout
    assert registered(store, "HOLD") == {
        "kind": "HOLD",
        "locale": "hi",
        "template_id": number(next(text for text in TEXTS if text.form == "HOLD")),
        "version": 1,
        "provider_template": None,
    }
    assert registered(store, "RETURN") is None
    assert document(*reload)["changes"] == []


def test_an_id_whose_text_is_not_ours_is_refused_and_all_with_it(store: DynamoDBStore, tmp_path: Path) -> None:
    path = portal(tmp_path, approved(HOLD={"text": "अभी रोकें: {#alphanumeric#}। यह Hunar का संदेश है।"}))
    refused = hunar("sms", "templates", "reload", path, *HINDI, *DEV, "--csv", str(tmp_path / "out.csv"), code=1)
    [line, last] = refused.stderr.splitlines()
    assert line.startswith("portal.csv row ")
    assert "column text: HOLD_hi_1 differs from character" in line
    assert last == "hunar: 1 error; nothing was written"
    assert registered(store, "NEW_ORDER") is None
    assert not (tmp_path / "out.csv").exists()


def test_what_was_taken_can_be_kept_with_the_agencys_files(store: DynamoDBStore, tmp_path: Path) -> None:
    """The file is one that the import reads, and importing it changes nothing."""
    path = portal(tmp_path, approved())
    kept = tmp_path / "dlt_templates.csv"
    hunar("sms", "templates", "reload", path, *HINDI, *DEV, "--csv", str(kept))
    folder = read_folder({kept.name: kept.read_bytes()})
    assert folder.problems == []
    assert len(folder.records["dlt_templates"]) == 18
    inside = tmp_path / "agency"
    inside.mkdir()
    kept.rename(inside / kept.name)
    assert "Nothing changes" in hunar("import", str(inside), *DEV).stdout


def test_the_newest_approved_version_is_sent_and_the_old_one_until_then(
    store: DynamoDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hindi = language("hi")
    second = replace(NEW, version=2, text=NEW.text.replace("तैयार करें", "बना कर रखें"))
    both = replace(hindi, templates=(*TEXTS, second))
    monkeypatch.setattr(sms_templates, "language", lambda locale: both)

    def reload(*rows: dict[str, str]) -> str:
        hunar("sms", "templates", "reload", portal(tmp_path, list(rows)), *HINDI, *DEV)
        item = registered(store, "NEW_ORDER")
        assert item is not None
        return str(item["template_id"])

    assert reload(row(NEW), row(second, status="pending")) == number(NEW)
    key = tables.dlt_template("NEW_ORDER", "hi")
    there = registered(store, "NEW_ORDER")
    assert there is not None
    store.commit([Put(key, there | {"provider_template": "65f0c1"})])
    assert reload(row(NEW)) == number(NEW)
    assert (registered(store, "NEW_ORDER") or {})["provider_template"] == "65f0c1", "the provider's own id stays"
    assert reload(row(NEW), row(second)) == number(second)
    assert (registered(store, "NEW_ORDER") or {})["provider_template"] is None, "it was that of the old text"
    assert reload(row(NEW)) == number(second), "the file says nothing of the newer one"
    assert reload(row(NEW), row(second, status="revoked")) == number(NEW)


def test_a_registered_text_that_was_revoked_is_pointed_at(store: DynamoDBStore, tmp_path: Path) -> None:
    hunar("sms", "templates", "reload", portal(tmp_path, approved()), *HINDI, *DEV)
    told = hunar("sms", "templates", "reload", portal(tmp_path, approved(HOLD={"status": "revoked"})), *HINDI, *DEV)
    assert "look at portal.csv row" in told.stderr
    assert "HOLD_hi_1 is revoked and registered: operators will refuse what is sent with it" in told.stderr
