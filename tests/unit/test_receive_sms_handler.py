"""The door for providers of texts, from the gateway's event to what stands on the queue."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws

from functions.receive_webhook import handler
from hunar import wiring
from hunar.domain.identity import delivery_id
from hunar.messages import SmsNews
from hunar.telemetry import aws_calls
from tests.deployed import event, log_lines

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


class Door:
    """The deployed function with its queue, a provider's secret and a clock that is moved by hand."""

    def __init__(self, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.sqs: Any = boto3.client("sqs")
        self.secretsmanager: Any = boto3.client("secretsmanager")
        self.queue = self.sqs.create_queue(QueueName="sms-receipts")["QueueUrl"]
        for provider in ("msg91", "exotel"):
            content = json.dumps({"webhook_token": "first", "authkey": "theirs"})
            self.secretsmanager.create_secret(Name=f"hunar/test/sms/{provider}/main", SecretString=content)
        patch.setenv("SMS_ACCOUNTS", "msg91/main,exotel/main,msg91/bare")
        patch.setenv("SMS_SECRET_PREFIX", "hunar/test/sms")
        patch.setenv("SMS_RECEIPTS_QUEUE_URL", self.queue)
        wiring.application.cache_clear()
        self.now = NOW
        patch.setattr(wiring.application(), "clock", lambda: self.now)
        self._output = output

    def rotate(self, token: str, previous: str | None) -> None:
        content = json.dumps({"webhook_token": token, "previous_webhook_token": previous})
        self.secretsmanager.put_secret_value(SecretId="hunar/test/sms/msg91/main", SecretString=content)

    def answer(self, call: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        given = handler.handle(call, SimpleNamespace(function_name="receive_webhook"))
        return given["statusCode"], json.loads(given["body"])

    def status(self, call: dict[str, Any]) -> int:
        return self.answer(call)[0]

    def counted(self) -> list[str]:
        lines = [json.loads(line) for line in self._output.readouterr().out.splitlines()]
        return [name for line in lines if "_aws" in line for name in line if name.startswith("Webhook")]

    def queued(self) -> list[SmsNews]:
        answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [SmsNews.model_validate_json(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Door]:
    with mock_aws():
        yield Door(monkeypatch, capsys)
    wiring.application.cache_clear()


def call(case: str = "", **changes: Any) -> dict[str, Any]:
    return event(f"receive_webhook_sms{case}") | changes


def by(method: str) -> dict[str, Any]:
    return {"requestContext": {"http": {"method": method}}}


def test_what_a_provider_posts_stands_on_the_queue_as_it_came(door: Door) -> None:
    raw = call()["body"].encode()
    identity = delivery_id("msg91", "main", raw)
    assert door.answer(call()) == (200, {"status": "accepted", "delivery_id": identity})
    [news] = door.queued()
    assert news == SmsNews(
        provider="msg91",
        account="main",
        received_at="2026-11-24T09:30:00Z",
        body_b64=base64.b64encode(raw).decode(),
    )
    assert door.counted() == ["WebhookAccepted"]


def test_it_costs_one_aws_call_once_the_token_is_known(door: Door) -> None:
    door.status(call())
    assert aws_calls() == ["GetSecretValue", "SendMessage"]
    door.status(call())
    assert aws_calls() == ["SendMessage"]


def test_a_provider_that_can_only_call_a_url_carries_its_token_there(door: Door) -> None:
    assert door.status(call("_by_url")) == 200
    [news] = door.queued()
    assert (news.provider, base64.b64decode(news.body_b64).decode()) == ("exotel", call("_by_url")["body"])


def test_a_missed_call_is_told_by_a_get_and_its_token_goes_no_further(door: Door) -> None:
    assert door.status(call("_missed_call")) == 200
    [news] = door.queued()
    said = parse_qs(base64.b64decode(news.body_b64).decode())
    assert said == {
        "CallSid": ["c1"],
        "CallFrom": ["09999900011"],
        "CallType": ["missed-call"],
        "StartTime": ["2026-11-25 09:35:00"],
    }


def test_a_body_in_base64_is_unpacked(door: Door) -> None:
    packed = base64.b64encode(call()["body"].encode()).decode()
    assert door.status(call(body=packed, isBase64Encoded=True)) == 200
    assert base64.b64decode(door.queued()[0].body_b64) == call()["body"].encode()


@pytest.mark.parametrize(
    ("headers", "query", "counted"),
    [
        ({}, None, "WebhookUnsigned"),
        ({"x-hunar-token": ""}, {"token": ""}, "WebhookUnsigned"),
        ({"x-hunar-token": "firs"}, None, "WebhookForged"),
        ({"x-hunar-token": "first "}, None, "WebhookForged"),
        ({"x-hunar-token": "first, first"}, None, "WebhookForged"),
        ({"x-hunar-token": "पहला"}, None, "WebhookForged"),
        ({"x-hunar-token": "\udce9"}, None, "WebhookForged"),
        ({"x-hunar-token": "none"}, {"token": "first"}, "WebhookForged"),
        ({}, {"token": "theirs"}, "WebhookForged"),
    ],
)
def test_a_stranger_learns_nothing_and_stores_nothing(
    door: Door, headers: dict[str, str], query: dict[str, str] | None, counted: str
) -> None:
    asked = call(headers=headers, **({"queryStringParameters": query} if query else {}))
    assert door.answer(asked) == (401, {"type": "about:blank", "title": "Unauthorized", "status": 401})
    assert door.queued() == []
    assert door.counted() == [counted]


def test_the_token_of_one_provider_opens_no_door_of_another(door: Door) -> None:
    """Each has a secret of its own, and an account without one takes nothing until it is stored."""
    bare = call(pathParameters={"provider": "msg91", "account": "bare"})
    assert door.status(bare) == 503
    content = json.dumps({"webhook_token": "other"})
    door.secretsmanager.create_secret(Name="hunar/test/sms/msg91/bare", SecretString=content)
    door.now += timedelta(minutes=1)
    assert door.status(bare) == 401
    assert door.counted() == ["WebhookNotStored", "WebhookForged"]


@pytest.mark.parametrize(("provider", "account"), [("msg91", "other"), ("nobody", "main"), ("", "")])
def test_an_unknown_provider_or_account_costs_no_call_and_is_not_named(
    door: Door, monkeypatch: pytest.MonkeyPatch, provider: str, account: str
) -> None:
    lines = log_lines(monkeypatch)
    assert door.status(call(pathParameters={"provider": provider, "account": account})) == 404
    assert aws_calls() == []
    [said] = lines()
    assert said["outcome"] == "no_account"
    assert not {"provider", "account"} & said.keys()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(door: Door, method: str) -> None:
    given = handler.handle(call(**by(method)), SimpleNamespace(function_name="receive_webhook"))
    assert (given["statusCode"], given["headers"]["allow"]) == (405, "GET, POST")
    assert aws_calls() == []


def test_a_larger_body_is_refused_before_its_proof(door: Door) -> None:
    assert door.status(call(body="x" * 184_321)) == 413
    assert aws_calls() == []
    assert door.status(call(body="x" * 184_320)) == 200


@pytest.mark.parametrize(
    ("body", "packed"), [("", False), (" \n", False), (base64.b64encode(b"\xff\xfe").decode(), True), ("*", True)]
)
def test_what_is_no_text_is_kept_all_the_same_and_answered_400(door: Door, body: str, packed: bool) -> None:
    status, told = door.answer(call(body=body, isBase64Encoded=packed))
    assert (status, told["detail"]) == (400, "what was sent is empty or not UTF-8; it is kept")
    assert len(door.queued()) == 1
    assert door.counted() == ["WebhookUnreadable"]


def test_what_the_queue_does_not_take_is_to_be_sent_again(door: Door) -> None:
    door.sqs.delete_queue(QueueUrl=door.queue)
    assert door.status(call()) == 503
    assert door.counted() == ["WebhookNotStored"]


def test_fault_45_a_token_that_is_changed_loses_no_call(door: Door) -> None:
    """The provider's console knows the new one first, then both are good, then the old one is not."""
    assert door.status(call()) == 200
    door.rotate("second", "first")
    second = call(headers={"x-hunar-token": "second"})
    assert [door.status(second), door.status(call())] == [200, 200]
    door.rotate("second", None)
    door.now += timedelta(minutes=5)
    assert [door.status(second), door.status(call())] == [200, 401]


def test_fault_45_strangers_make_us_ask_for_the_token_once_a_minute(door: Door) -> None:
    door.status(call())
    calls = []
    for _ in range(20):
        door.status(call(headers={"x-hunar-token": "guess"}))
        calls += aws_calls()
    assert calls == ["GetSecretValue"]


def test_the_log_shows_neither_token_nor_number_nor_text(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log_lines(monkeypatch)
    for asked in (call(), call("_by_url"), call("_missed_call"), call(headers={"x-hunar-token": "guess"})):
        door.status(asked)
    said = json.dumps(lines())
    assert not any(secret in said for secret in ("first", "guess", "99999", "DELIVERED", "token"))
    assert [line["provider"] for line in lines()] == ["msg91", "exotel", "exotel", "msg91"]
    assert not any("marketplace" in line for line in lines())


def test_the_door_starts_without_what_it_never_uses() -> None:
    code = (
        "import sys; sys.path[:0] = ['layers/common', '.']; import functions.receive_webhook.handler;"
        "print([name for name in ('pydantic', 'boto3', 'hunar.use_cases.record_receipt') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
