"""The deployed entry of make_statement on API Gateway events, over real tables."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pypdfium2
import pytest
import yaml
from moto import mock_aws
from openpyxl import load_workbook

from functions.make_statement import handler
from hunar import tables, wiring
from hunar.domain.statement import BALANCES
from hunar.ports import Conflict, Put, Retryable, Store
from tests.deployed import deploy, event, log_lines
from tests.statements import demo_book, stored

ROOT = Path(__file__).parents[2]
DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
ROUTE = DOCUMENT["paths"]["/api/groups/{group_id}/statement"]["get"]
BOOK = demo_book()
LAST = BOOK.heads["G03"].seq


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with mock_aws():
        made = deploy(monkeypatch).store
        made.commit([Put(tables.group("G03"), {"group_id": "G03", "name": "Roshni", "locale": "bn"})])
        made.commit([Put(tables.agency(), {"name": "Demo City Livelihood Centre"})])
        stored(BOOK, made)
        yield made
    wiring.application.cache_clear()


def asked(group_id: str = "G03", **query: str) -> dict[str, Any]:
    made = event("make_statement") | {"pathParameters": {"group_id": group_id}}
    return made | ({"queryStringParameters": query} if query else {})


def told(answer: dict[str, Any]) -> tuple[int, Any]:
    """Status and body. Each body is what docs/openapi.yaml says of this status."""
    assert "isBase64Encoded" not in answer
    said = ROUTE["responses"][str(answer["statusCode"])]
    if "$ref" in said:
        said = DOCUMENT["components"]["responses"][said["$ref"].rpartition("/")[2]]
    schema = said["content"][answer["headers"]["content-type"]]["schema"]
    content = json.loads(answer["body"])
    checked = {**schema, "components": DOCUMENT["components"]}
    jsonschema.validate(content, checked, cls=jsonschema.Draft202012Validator)
    return answer["statusCode"], content


def file(answer: dict[str, Any]) -> bytes:
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    return base64.b64decode(answer["body"], validate=True)


def given_out_to(store: Store) -> int:
    [*found] = store.read([tables.last_statement("G03")]).values()
    return int(found[0]["seq"]) if found else 0


def test_it_is_looked_at_as_json_and_nothing_is_noted(store: Store) -> None:
    status, content = told(handler.handle(event("make_statement"), None))
    assert (status, content["number"], content["given_out_to"]) == (200, f"G03-1-{LAST}", 0)
    assert (content["group"], content["agency"]) == ("Roshni", "Demo City Livelihood Centre")
    assert content["closing"]["balances"].keys() == set(BALANCES.values())
    assert {line["kind"] for line in content["payments"]} == {"PAID_OUT", "ARRIVED", "SENT_BACK"}
    assert content["orders"] and content["debts"] and content["released"]
    assert given_out_to(store) == 0


def test_a_pdf_is_given_out_and_the_next_one_begins_behind_it(store: Store) -> None:
    answer = handler.handle(event("make_statement_pdf") | {"queryStringParameters": {"format": "pdf", "to": "5"}}, None)
    assert answer["headers"]["content-type"] == "application/pdf"
    assert answer["headers"]["content-disposition"] == 'attachment; filename="G03-1-5.pdf"'
    assert len(pypdfium2.PdfDocument(file(answer))) >= 1
    assert given_out_to(store) == 5
    second = handler.handle(event("make_statement_pdf"), None)
    assert second["headers"]["content-disposition"] == f'attachment; filename="G03-6-{LAST}.pdf"'
    third = handler.handle(event("make_statement_pdf"), None)
    assert third == second, "nothing was booked since: the same sheet, byte for byte"


def test_a_workbook_is_in_the_groups_language_or_in_the_one_that_is_asked_for(store: Store) -> None:
    titles = {}
    for locale in (None, "en"):
        query = {"format": "xlsx"} | ({"locale": locale} if locale else {})
        book = load_workbook(io.BytesIO(file(handler.handle(asked(**query), None))))
        titles[locale] = [row[0].value for row in book.worksheets[0].iter_rows()][:2]
    assert titles["en"][1] == "Group" and titles[None] != titles["en"]
    named = file(handler.handle(event("make_statement_xlsx"), None))
    assert load_workbook(io.BytesIO(named)).sheetnames == ["G03-1-5"]


@pytest.mark.parametrize(
    ("query", "status", "wrong"),
    [
        ({"from": "x"}, 400, "from: not the number of an entry"),
        ({"from": "-1"}, 400, "from: not the number of an entry"),
        ({"to": "1e9"}, 400, "to: not the number of an entry"),
        ({"to": "9" * 10}, 400, "to: not the number of an entry"),
        ({"to": "٣"}, 400, "to: not the number of an entry"),
        ({"to": str(LAST + 1)}, 400, f"to: the book of G03 ends with entry {LAST}"),
        ({"from": "5", "to": "5"}, 400, "from: there is no entry behind 5 up to 5"),
        ({"format": "docx"}, 400, "format: not one of json, xlsx, pdf"),
        ({"locale": "fr"}, 400, "locale: not one of en, "),
        ({"since": "2026-11-01"}, 400, "since: is an unknown parameter"),
    ],
)
def test_what_cannot_be_is_refused_by_name(store: Store, query: dict[str, str], status: int, wrong: str) -> None:
    for form in ({}, {"format": "pdf"}):
        found, problem = told(handler.handle(asked(**form | query), None))
        assert (found, problem["detail"][: len(wrong)]) == (status, wrong)
    assert given_out_to(store) == 0


@pytest.mark.parametrize("group_id", ["G99", "", "x" * 3000, "../G03", "G03#HEAD"])
def test_a_group_that_is_not_there_is_404(store: Store, group_id: str) -> None:
    status, problem = told(handler.handle(asked(group_id), None))
    assert (status, problem["detail"][-22:]) == (404, "there is no such group")


def test_more_than_an_answer_can_hold_is_refused_with_what_would_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "MOST", 4)
    status, problem = told(handler.handle(asked(format="pdf"), None))
    assert (status, problem["detail"].rpartition(" ")[2]) == (413, "to=4")
    file(handler.handle(asked(format="pdf", to="4"), None))
    # The next part takes up there: numbered, and without a gap.
    status, problem = told(handler.handle(asked(format="pdf"), None))
    assert (status, problem["detail"].rpartition(" ")[2]) == (413, "to=8")
    again = handler.handle(asked(format="pdf", to="8"), None)
    assert again["headers"]["content-disposition"] == 'attachment; filename="G03-5-8.pdf"'


def test_a_book_that_is_not_as_it_was_posted_gives_nothing_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log_lines(monkeypatch)
    store.commit([Put(tables.book_entry("G03", 3), None)])
    for form in ("json", "pdf"):
        status, problem = told(handler.handle(asked(format=form), None))
        assert (status, problem["detail"][:36]) == (500, "entry 3 is missing in the book of G0")
    assert given_out_to(store) == 0
    assert {line["reason"] for line in lines() if line["message"] == "book_broken"} == {
        "entry 3 is missing in the book of G03"
    }


def test_somebody_else_who_gives_one_out_meanwhile_is_not_overlapped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try loses; the second finds where the other one ended."""
    real, lost = handler.keep, []

    def late(*arguments: Any, **named: Any) -> bool:
        if not lost:
            lost.append(1)
            file(handler.handle(asked(format="xlsx", to="7"), None))
        return real(*arguments, **named)

    monkeypatch.setattr(handler, "keep", late)
    answer = handler.handle(asked(format="xlsx"), None)
    assert answer["headers"]["content-disposition"] == f'attachment; filename="G03-8-{LAST}.xlsx"'


@pytest.mark.parametrize("error", [Retryable("DynamoDB batch_get_item: timeout"), Conflict("always another")])
def test_data_that_cannot_be_reached_is_503(store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(handler, "make", fails)
    monkeypatch.setattr(wiring.Application, "pause", lambda self, seconds: None)
    assert told(handler.handle(asked(), None))[0] == 503


def test_a_log_names_neither_group_nor_amount(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log_lines(monkeypatch)
    file(handler.handle(asked(format="xlsx"), None))
    [line] = [line for line in lines() if line["message"] == "answered"]
    assert (line["kind"], line["status"]) == ("GET /api/groups/{group_id}/statement", 200)
    assert line["aws_calls"] == ["BatchGetItem"] * line["aws_calls"].count("BatchGetItem") + ["TransactWriteItems"]
    assert "Roshni" not in json.dumps(line)


def loaded(module: str) -> set[str]:
    code = f"import sys, {module}; print(' '.join(name.partition('.')[0] for name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_looking_waits_for_nothing_that_draws() -> None:
    there = loaded("functions.make_statement.handler")
    assert there.isdisjoint({"fpdf", "uharfbuzz", "PIL", "fontTools", "pydantic"})
    assert {"fpdf", "uharfbuzz"} <= loaded("hunar.statement_files.pdf")
