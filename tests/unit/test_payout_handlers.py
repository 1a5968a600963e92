"""Payouts on the deployed entries: the operators' API, the function that books, the bucket, over moto."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.close_period import handler as close_period
from functions.operator_api import handler as operator_api
from hunar import wiring
from hunar.ports import QueueName
from hunar.wiring import Application
from tests.deployed import deploy, event, log_lines, open_exceptions, waiting
from tests.paydesk import PayDesk
from tests.unit.test_operator_api_handler import answered

BUCKET = "hunar-dev-payoutfilesbucket-1"
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
        monkeypatch.setenv("PAYOUT_FILES_BUCKET", BUCKET)
        monkeypatch.setenv("PAYOUT_LAYOUT", "hdfc_enet")
        monkeypatch.setenv("PAYOUT_BANK", "client_code=HUNR")
        yield deploy(monkeypatch)
        wiring.application.cache_clear()


def prepared(application: Application) -> PayDesk:
    """Two groups that something is payable to, without accounts yet."""
    desk = PayDesk(store=application.store)  # type: ignore[arg-type]
    for group, paise in (("G11", 1_23_450), ("G12", 99_999)):
        desk.group(group, paise=paise, account=False)
    return desk


def called(name: str, *, batch: str | None = None, person: str | None = None, **body: Any) -> tuple[int, Any]:
    asked = event(f"operator_api_{name}")
    if batch:
        asked["pathParameters"]["batch"] = batch
    if person:
        asked["requestContext"]["authorizer"]["iam"]["userArn"] = f"arn:aws:iam::123456789012:user/{person}"
    if body:
        asked["body"] = json.dumps(json.loads(asked["body"]) | body)
    return answered(asked)


def work(application: Application) -> None:
    """What waits on the queue, as Lambda hands it to the function."""
    while bodies := waiting(application, QueueName.PAYOUT_BATCHES):
        asked = event("close_period")
        [record] = asked["Records"]
        asked["Records"] = [record | {"body": json.dumps(body), "messageId": str(n)} for n, body in enumerate(bodies)]
        assert close_period.handle(asked, CONTEXT) == NOTHING_FAILED


def account(group: str, number: int) -> None:
    for name, body in (("payee_propose", {"account": f"0000000{number:04}"}), ("payee_confirm", {})):
        asked = event(f"operator_api_{name}")
        asked["pathParameters"]["group_id"] = group
        asked["body"] = json.dumps(json.loads(asked["body"]) | body)
        status, answer = answered(asked)
        assert (status, answer["version"], answer["account"]) == (202, 1, f"XXXX{number:04}")


def test_a_period_is_closed_approved_given_out_and_paid_through_the_api(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = log_lines(monkeypatch)
    prepared(application)
    account("G11", 177)
    account("G12", 277)
    assert called("payee")[1]["confirmed_by"] == "user/checker"

    status, made = called("payout_close")
    batch = made["batch_id"]
    assert (status, called("payout_close")[1]["batch_id"]) == (202, batch)
    work(application)

    [listed] = called("payouts")[1]["items"]
    assert (listed["batch_id"], listed["state"], listed["made_by"]) == (batch, "CLOSED", "user/maker")
    _, shown = called("payout_batch", batch=batch)
    assert (shown["count"], shown["control_total"]) == (2, 2_23_449)
    assert {row["last_four"] for row in shown["rows"]["items"]} == {"0177", "0277"}
    assert called("payout_file", batch=batch)[0] == 409

    status, problem = called("payout_approve", batch=batch, person="maker", digest=shown["digest"])
    assert (status, "another person must approve it" in problem["detail"]) == (409, True)
    status, approved = called("payout_approve", batch=batch, digest=shown["digest"])
    assert (status, approved["state"], approved["file_name"][:4]) == (202, "APPROVED", "HUNR")
    assert called("payout_withdraw", batch=batch)[1]["state"] == "CLOSED"
    _, approved = called("payout_approve", batch=batch, digest=shown["digest"])
    assert called("payout_submit", batch=batch)[1]["state"] == "FILED"

    asked = event("operator_api_payout_file")
    asked["pathParameters"]["batch"] = batch
    file = operator_api.handle(asked, None)
    content = base64.b64decode(file["body"])
    assert (file["isBase64Encoded"], file["headers"]["content-disposition"]) == (
        True,
        f'attachment; filename="{approved["file_name"]}"',
    )
    assert hashlib.sha256(content).hexdigest() == approved["file_sha256"]

    reverse = "".join(f"{line},UTR{n:06},E,\r\n" for n, line in enumerate(content.decode().splitlines()))
    said = {"layout": "hdfc_enet", "file": "HUNR.R01", "content": reverse, "results": None}
    status, problem = called("payout_paid", batch=batch, **said | {"content": reverse.replace("1234.50", "1234.51")})
    assert (status, [one["column"] for one in problem["errors"]]) == (400, ["amount"])
    assert called("payout_paid", batch=batch, **said)[1]["results"] == 2
    assert called("payout_paid", batch=batch, **said)[0] == 202
    work(application)

    _, shown = called("payout_batch", batch=batch)
    assert (shown["state"], {row["state"] for row in shown["rows"]["items"]}) == ("COMPLETED", {"PAID"})
    first = shown["rows"]["items"][0]
    row = {"payout_id": first["payout_id"], "status": "RETURNED", "reason": "ACCOUNT CLOSED"}
    assert called("payout_paid", batch=batch, results=[row])[0] == 202
    work(application)
    assert called("payout_batch", batch=batch)[1]["rows"]["items"][0]["state"] == "RETURNED"

    kinds = {text["notification_kind"] for text in every(application, QueueName.NOTIFICATIONS)}
    assert kinds == {"PAYOUT_COMPUTED", "PAYOUT_PAID", "PAYOUT_FAILED"}
    logged = json.dumps(lines())
    assert "batch_handled" in logged
    assert not [secret for secret in ("00000000177", "SAMUH", "SBIN0001234") if secret in logged]


def every(application: Application, queue: QueueName) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while bodies := waiting(application, queue):
        found += bodies
    return found


def test_a_batch_is_cancelled_and_a_row_pulled_through_the_api(application: Application) -> None:
    prepared(application)
    account("G11", 177)
    account("G12", 277)
    batch = called("payout_close")[1]["batch_id"]
    work(application)
    row = called("payout_batch", batch=batch)[1]["rows"]["items"][0]
    assert called("payout_pull", batch=batch, payout_id=row["payout_id"])[0] == 202
    assert called("payout_pull", batch=batch, payout_id="NONE")[0] == 409
    work(application)
    assert called("payout_batch", batch=batch)[1]["count"] == 1

    assert called("payout_cancel", batch=batch)[1]["state"] == "CANCELLED"
    work(application)
    assert {one["state"] for one in called("payout_batch", batch=batch)[1]["rows"]["items"]} == {"PULLED"}
    assert called("payout_cancel", batch="NONE")[0] == 404
    assert called("payout_batch")[0] == 404


def test_two_persons_say_what_the_bank_did_with_a_cancelled_batch(application: Application) -> None:
    prepared(application)
    account("G11", 177)
    account("G12", 277)
    batch = called("payout_close")[1]["batch_id"]
    work(application)
    row = called("payout_batch", batch=batch)[1]["rows"]["items"][0]
    called("payout_cancel", batch=batch)
    work(application)
    called("payout_paid", batch=batch, results=[{"payout_id": row["payout_id"], "utr": "SBIN426350000001"}])
    work(application)
    [shown] = open_exceptions(application)
    assert shown["kind"] == "PAID_THOUGH_CANCELLED"

    said = {"exception_id": shown["exception_id"], "paid": True}
    assert called("payout_correct", batch=batch)[0] == 404
    assert called("payout_correct", batch=batch, **said | {"paid": "yes"})[0] == 400
    assert called("payout_correct", batch="OTHER", **said)[0] == 400
    status, first = called("payout_correct", batch=batch, person="maker", **said)
    assert (status, first["asked_by"], first["confirmed_by"]) == (202, "user/maker", None)
    assert called("payout_correct", batch=batch, person="maker", **said)[1]["confirmed_by"] is None
    assert called("payout_correct", batch=batch, person="checker", **said)[1]["confirmed_by"] == "user/checker"
    work(application)

    assert not open_exceptions(application)
    paid = next(one for one in called("payout_batch", batch=batch)[1]["rows"]["items"] if one["utr"])
    assert (paid["payout_id"], paid["state"], paid["utr"]) == (row["payout_id"], "PAID", "SBIN426350000001")
    assert set(paid) == set(row)
    assert called("payout_correct", batch=batch, person="maker", **said)[0] == 409


def test_two_persons_say_that_a_group_joins_another(application: Application) -> None:
    desk = prepared(application)
    assert called("group_merge", into="G99")[0] == 404
    assert called("group_merge", into="G11")[0] == 400
    assert called("group_merge", minutes="")[0] == 400
    assert called("group_merge", person="maker")[0] == 409
    account("G12", 277)
    assert called("group_merge", person="maker")[1]["confirmed_by"] is None
    status, answer = called("group_merge", person="checker")
    assert (status, answer["asked_by"], answer["confirmed_by"]) == (202, "user/maker", "user/checker")
    work(application)
    assert (desk.head("G11").payable, desk.head("G12").payable) == (0, 1_23_450 + 99_999)
    assert desk.head("G11").into == "G12"


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("payout_paid", {"results": []}, 400, "results"),
        ("payout_paid", {"results": [{"payout_id": "P", "status": "GONE"}]}, 400, "results.0.status"),
        ("payout_paid", {"content": "x"}, 400, "either results, or content with its layout"),
        ("payout_paid", {"layout": "none", "content": "x", "results": None}, 400, "layout"),
        ("payout_approve", {"digest": "short"}, 400, "digest"),
        ("payout_approve", {"by": "somebody"}, 400, "by"),
        ("payout_cancel", {"reason": ""}, 400, "reason"),
        ("payee_propose", {"ifsc": "SBIN1001234"}, 400, "ifsc"),
        ("payee_confirm", {"version": 0}, 400, "version"),
        ("payee_confirm", {}, 404, "G11 has no bank account"),
        ("payee_close", {}, 404, "G11 has no bank account"),
        ("payee", None, 404, "nothing of this name"),
        ("payout_close", None, 409, "nothing is payable"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    application: Application, name: str, body: Any, status: int, said: str
) -> None:
    PayDesk(store=application.store).group("G11", account=False)  # type: ignore[arg-type]
    got, problem = called(name, **(body or {}))
    assert (got, said in problem["detail"]) == (status, True), problem


def test_a_person_whom_nobody_knows_moves_nothing(application: Application) -> None:
    asked = event("operator_api_payout_close")
    asked["requestContext"]["authorizer"] = {}
    assert answered(asked)[0] == 403


def test_the_schedule_closes_a_batch_named_by_its_day_however_often_it_fires(application: Application) -> None:
    prepared(application)
    account("G11", 177)
    for _ in range(2):
        assert close_period.handle(event("close_period_weekly"), CONTEXT) == {"sent": "close_period"}
    work(application)

    [batch] = called("payouts")[1]["items"]
    assert (batch["batch_id"], batch["state"], batch["made_by"]) == ("2026-12-14-S", "CLOSED", "schedule")
    assert [one["kind"] for one in open_exceptions(application)] == ["PAYOUT_LEFT_OUT"]


def test_once_a_day_it_is_looked_whether_money_is_payable_for_too_long(application: Application) -> None:
    desk = prepared(application)
    desk.group("G13", account=False)
    desk.earn("G13", 1, at="2026-01-10T00:00:00Z")

    assert close_period.handle(event("close_period_daily"), CONTEXT) == {"sent": "look_at_payables"}
    work(application)

    assert {one["kind"] for one in open_exceptions(application)} == {"UNPAID_TOO_LONG", "PAYOUT_LEFT_OUT"}


def test_a_message_that_nobody_understands_is_kept_and_one_that_cannot_be_comes_again(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = log_lines(monkeypatch)

    answer = close_period.handle(event("close_period_unknown"), CONTEXT)

    [unknown, missing] = event("close_period_unknown")["Records"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": missing["messageId"]}]}
    assert [one["kind"] for one in open_exceptions(application)] == ["UNKNOWN_MESSAGE"]
    assert any(line.get("reason") == "Rejected: there is no batch NONE" for line in lines())


def test_the_store_of_files_says_what_is_not_there_and_what_cannot_be_reached(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hunar.ports import Retryable

    files = application.paying("2026-12-15T06:00:00Z").files
    files.put("batches/B/1.csv", b"content")
    assert (files.get("batches/B/1.csv"), files.get("batches/B/2.csv")) == (b"content", None)
    boto3.client("s3").delete_object(Bucket=BUCKET, Key="batches/B/1.csv")
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    for action in (lambda: files.get("batches/B/1.csv"), lambda: files.put("batches/B/1.csv", b"")):
        refused: Callable[[], Any] = action
        with pytest.raises(Retryable, match="S3"):
            refused()


def test_the_bank_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from hunar.settings import Settings

    made = Settings.from_environment({"PAYOUT_BANK": "client_code=HUNR, email=a@example.org"})
    assert made.payout_bank == {"client_code": "HUNR", "email": "a@example.org"}
    with pytest.raises(ValueError, match="PAYOUT_BANK"):
        Settings.from_environment({"PAYOUT_BANK": "client_code"})


@pytest.mark.parametrize(
    ("layout", "most"), [("icici_adhoc", 5_000), ("hdfc_enet", None), ("generic_csv", None), ("razorpayx", None)]
)
def test_a_closing_knows_how_many_rows_the_agencys_bank_takes(
    application: Application, monkeypatch: pytest.MonkeyPatch, layout: str, most: int | None
) -> None:
    monkeypatch.setenv("PAYOUT_LAYOUT", layout)
    wiring.application.cache_clear()
    assert wiring.application().closing("2026-12-15T06:00:00Z", lambda: 60).most_rows == most
