"""The deployed doors for settlement files: the inbox's function, the operators' API and the command."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from functions.import_file import handler as import_file
from hunar import tables, wiring
from hunar.cli import application as command
from hunar.cli import settle
from hunar.ports import QueueName, Retryable
from hunar.tables import Table
from hunar.wiring import Application
from tests.bad_settlements import BAD, UPLOADABLE, Bad
from tests.deployed import deploy, event, log_lines, open_exceptions, waiting
from tests.handing_in import notification, prepare
from tests.settlement_files import flipkart, sold
from tests.unit.test_operator_api_handler import answered

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
BUCKET = "hunar-dev-inboxbucket-1"
PLAIN = base64.b64decode(event("operator_api_hand_in")["body"])


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        monkeypatch.setenv("INBOX_BUCKET", BUCKET)
        made = deploy(monkeypatch)
        prepare(made.store)
        yield made
        wiring.application.cache_clear()


def put(key: str, raw: bytes) -> str:
    return str(boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=raw)["VersionId"])


def message(body: str) -> dict[str, Any]:
    [first, _] = event("import_file")["Records"]
    return {"Records": [first | {"body": body}]}


def headers(application: Application) -> list[dict[str, Any]]:
    return application.store.page(Table.LEDGER, tables.SETTLEMENTS).items


def hand_in(raw: bytes, marketplace: str = "standard", **changed: Any) -> dict[str, Any]:
    asked = event("operator_api_hand_in") | {"body": base64.b64encode(raw).decode()} | changed
    asked["queryStringParameters"] = asked["queryStringParameters"] | {"marketplace": marketplace}
    return asked


# --- the inbox


def test_a_file_in_the_bucket_is_kept_and_commanded(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    put("settlements/standard/demo/fair november.csv", PLAIN)
    lines = log_lines(monkeypatch)
    assert import_file.handle(event("import_file"), None) == NOTHING_FAILED
    [header] = headers(application)
    assert (header["settlement_id"], header["total_paise"], header["lines"]) == ("F-1", 9000, 1)
    assert header["files"][0]["name"] == "fair november.csv"
    assert [told["subject"] for told in waiting(application, QueueName.PAYOUTS)] == ["WHOLE#standard#demo#O1"]
    assert [line["outcome"] for line in lines()] == [["taken"], []]
    assert open_exceptions(application) == []


def test_of_two_files_of_one_name_both_are_taken(application: Application) -> None:
    key = "settlements/flipkart/demo/nov.xlsx"
    versions = [put(key, flipkart(sold(neft=f"N{n}"))) for n in range(2)]
    for version in versions:
        import_file.handle(message(notification(key, version)), None)
    assert [header["settlement_id"] for header in headers(application)] == ["N0", "N1"]


def test_what_is_gone_is_shown_and_acknowledged(application: Application) -> None:
    key = "settlements/flipkart/demo/gone.xlsx"
    assert import_file.handle(message(notification(key)), None) == NOTHING_FAILED
    [shown] = open_exceptions(application)
    assert (shown["kind"], "was gone" in shown["message"]) == ("SETTLEMENT_REFUSED", True)


def test_a_bucket_that_does_not_answer_brings_the_message_again(application: Application) -> None:
    class Down:
        def look(self, key: str, version: str | None) -> None:
            raise Retryable("S3 head_object: 503")

    vars(application)["inbox"] = Down()
    answer = import_file.handle(message(notification("settlements/flipkart/demo/nov.xlsx")), None)
    assert len(answer["batchItemFailures"]) == 1


# --- the operators' API


def test_a_file_that_is_handed_in_lies_in_the_inbox_and_is_taken_from_there(application: Application) -> None:
    status, content = answered(hand_in(PLAIN))
    assert status == 202
    assert [(one["settlement_id"], one["total_paise"]) for one in content["settlements"]] == [("F-1", 9000)]
    assert headers(application) == []
    [stored] = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert stored["Key"] == f"settlements/standard/demo/{content['sha256'][:16]}-fair-november.csv"
    import_file.handle(message(notification(stored["Key"])), None)
    [header] = headers(application)
    assert (header["files"][0]["name"], header["files"][0]["by"]) == ("fair-november.csv", "user/operator")
    status, page = answered(event("operator_api_settlements"))
    assert status == 200
    assert [item["total_paise"] for item in page["items"]] == [9000]


@pytest.mark.parametrize("bad", UPLOADABLE.values(), ids=UPLOADABLE)
def test_a_wrong_file_is_answered_with_each_place_and_does_not_come_in(application: Application, bad: Bad) -> None:
    status, problem = answered(hand_in(bad.raw, bad.marketplace))
    assert status == 400
    first = problem["errors"][0]
    assert (first["row"], first["column"]) == (bad.row, bad.column)
    assert bad.said in first["message"]
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    assert headers(application) == []
    assert open_exceptions(application) == []


def test_a_file_that_is_too_large_is_told_the_other_ways(application: Application) -> None:
    status, problem = answered(hand_in(b" " * (4 * 1024 * 1024 + 1)))
    assert status == 413
    assert "inbox bucket" in problem["detail"]
    assert "hunar settle" in problem["detail"]


@pytest.mark.parametrize("name", ["marketplace", "account", "file"])
def test_a_file_says_whose_it_is(application: Application, name: str) -> None:
    asked = hand_in(PLAIN)
    del asked["queryStringParameters"][name]
    status, problem = answered(asked)
    assert (status, problem["detail"].partition(":")[0]) == (400, name)


# --- the command


class Stage:
    def __init__(self, application: Application) -> None:
        self.store, self.queues, self.person = application.store, application.queues, "arn:aws:iam::1:user/meena"


@pytest.fixture
def stage(application: Application, monkeypatch: pytest.MonkeyPatch) -> Application:
    monkeypatch.setattr(settle.Deployed, "find", lambda name: Stage(application))
    return application


def run(path: Path, *options: str, marketplace: str = "standard") -> Any:
    return CliRunner().invoke(
        command, ["settle", str(path), "--marketplace", marketplace, "--account", "demo", *options]
    )


def test_the_command_prints_totals_that_tie_to_the_bank(stage: Application, tmp_path: Path) -> None:
    path = tmp_path / "nov.xlsx"
    path.write_bytes(flipkart(sold(), sold(item="2"), sold(neft="N2")))
    said = run(path, marketplace="flipkart")
    assert said.exit_code == 0
    assert "1782.14" in said.stdout
    assert "2673.21 in all. New lines: 3; taken before: 0." in said.stdout
    again = json.loads(run(path, "--json", marketplace="flipkart").stdout)
    assert (again["taken"], again["total_paise"], again["new_lines"], again["old_lines"]) == (True, 267321, 0, 3)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_the_command_names_each_place_and_keeps_nothing(stage: Application, tmp_path: Path, bad: Bad) -> None:
    path = tmp_path / "wrong.x"
    path.write_bytes(bad.raw)
    said = run(path, marketplace=bad.marketplace)
    assert said.exit_code == 1
    assert "wrong.x" in said.stderr
    assert bad.said in said.stderr
    assert headers(stage) == []


def test_the_command_does_not_read_200_mb(stage: Application, tmp_path: Path) -> None:
    path = tmp_path / "huge.xlsx"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    said = run(path)
    assert (said.exit_code, "has 200 MB; 20 MB are read at most" in said.stderr) == (1, True)
    assert run(tmp_path / "nothing").exit_code == 1
