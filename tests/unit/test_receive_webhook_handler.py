"""The webhook door, from the gateway's event to what stands on the queue."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from functions.receive_webhook import handler
from hunar import wiring
from hunar.domain.identity import delivery_id
from hunar.marketplaces import standard
from hunar.marketplaces.flipkart import signature
from hunar.messages import ORDER_EVENT, WebhookDelivery
from hunar.ports import WebhookSecret
from hunar.telemetry import aws_calls

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
URL = "https://hunar.example/webhooks/flipkart/demo"
SECRET = "hunar/test/webhooks/flipkart/demo"
MOST = 184_320
BODY = b'{"eventType":"shipment_packed","shipmentId":"S1"}'


def published(case: str = "") -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"receive_webhook{case}.json").read_text())
    return event


def call(raw: bytes = BODY, *, as_base64: bool = False) -> dict[str, Any]:
    """A call with this body, as the gateway hands it on."""
    body = base64.b64encode(raw).decode() if as_base64 else raw.decode()
    return published() | {"body": body, "isBase64Encoded": as_base64}


class Door:
    """The deployed function with its queue, its secret and a clock that is moved by hand."""

    def __init__(self, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.sqs: Any = boto3.client("sqs")
        self.secretsmanager: Any = boto3.client("secretsmanager")
        self.queue = self.sqs.create_queue(QueueName="order-events")["QueueUrl"]
        self.secretsmanager.create_secret(Name=SECRET, SecretString=self.content("first", None))
        patch.setenv("WEBHOOK_ACCOUNTS", "flipkart/demo,flipkart/second,meesho/demo,standard/shop")
        patch.setenv("SECRET_PREFIX", "hunar/test/webhooks")
        patch.setenv("ORDER_EVENTS_QUEUE_URL", self.queue)
        wiring.application.cache_clear()
        self.now = NOW
        patch.setattr(wiring.application(), "clock", lambda: self.now)
        self._output = output

    def content(self, secret: str, previous: str | None) -> str:
        return json.dumps({"app_id": "app", "secret": secret, "previous_secret": previous, "url": URL})

    def rotate(self, secret: str, previous: str | None) -> None:
        self.secretsmanager.put_secret_value(SecretId=SECRET, SecretString=self.content(secret, previous))

    def signed(self, event: dict[str, Any], secret: str = "first", at: datetime | None = None) -> dict[str, Any]:
        at = at or self.now
        event = copy.deepcopy(event)
        event["headers"] |= {
            "x_date": format_datetime(at, usegmt=True),
            "x_authorization": signature("app", secret, URL, int(at.timestamp())),
        }
        return event

    def answer(self, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        given = handler.handle(event, SimpleNamespace(function_name="receive_webhook"))
        body = json.loads(given["body"])
        problem = given["statusCode"] != 200
        assert given["headers"]["content-type"] == ("application/problem+json" if problem else "application/json")
        if problem:
            assert body["status"] == given["statusCode"]
            assert body["type"] == "about:blank"
        return given["statusCode"], body

    def status(self, event: dict[str, Any]) -> int:
        return self.answer(event)[0]

    def counted(self) -> list[str]:
        """The metrics that were printed since this was asked last."""
        lines = [json.loads(line) for line in self._output.readouterr().out.splitlines()]
        return [name for line in lines if "_aws" in line for name in line if name.startswith("Webhook")]

    def queued(self) -> list[WebhookDelivery]:
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                delivery = ORDER_EVENT.validate_json(message["Body"])
                assert isinstance(delivery, WebhookDelivery)
                found.append(delivery)
        return found


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Door]:
    with mock_aws():
        yield Door(monkeypatch, capsys)
    wiring.application.cache_clear()


def test_a_proved_webhook_stands_on_the_queue_as_it_came(door: Door) -> None:
    event = door.signed(published())
    raw = event["body"].encode()
    identity = delivery_id("flipkart", "demo", raw)
    assert door.answer(event) == (200, {"status": "accepted", "delivery_id": identity})
    (delivery,) = door.queued()
    assert base64.b64decode(delivery.body_b64) == raw
    assert delivery == WebhookDelivery(
        marketplace="flipkart",
        account="demo",
        delivery_id=identity,
        received_at="2026-11-24T09:30:00Z",
        body_b64=delivery.body_b64,
        readable=True,
    )
    assert door.counted() == ["WebhookAccepted"]


def test_a_call_costs_one_aws_call_once_the_secret_is_known(door: Door) -> None:
    door.status(door.signed(published()))
    assert aws_calls() == ["GetSecretValue", "SendMessage"]
    door.status(door.signed(published()))
    assert aws_calls() == ["SendMessage"]


def test_fault_1_the_same_call_twice_is_accepted_twice_under_one_id(door: Door) -> None:
    event = door.signed(published())
    assert door.answer(event) == door.answer(event)
    assert len({delivery.delivery_id for delivery in door.queued()}) == 1


def test_each_marketplace_proves_itself_in_its_own_way(door: Door) -> None:
    """The door says whose scheme it is: a message of one is not accepted at the other's, whatever its headers are."""
    key = WebhookSecret("", "whsec_" + "YWFh" * 8, None, "")
    content = json.dumps({"secret": key.secret})
    door.secretsmanager.create_secret(Name="hunar/test/webhooks/standard/shop", SecretString=content)
    raw = b'{"type":"order.released","data":{"order_id":"S1"}}'
    event = call(raw)
    event["headers"] |= standard.sign(raw, key, NOW)
    assert door.status(event) == 401
    event["pathParameters"] = {"marketplace": "standard", "account": "shop"}
    assert door.answer(event) == (200, {"status": "accepted", "delivery_id": delivery_id("standard", "shop", raw)})
    other = event | {"body": raw.decode().replace("S1", "S2")}
    assert door.status(other) == 401
    assert door.status(door.signed(published()) | {"pathParameters": event["pathParameters"]}) == 401
    [delivery] = door.queued()
    assert (delivery.marketplace, delivery.account, base64.b64decode(delivery.body_b64)) == ("standard", "shop", raw)
    assert door.counted() == ["WebhookForged", "WebhookAccepted", "WebhookForged", "WebhookUnsigned"]


def test_fault_4_two_events_of_one_second_carry_one_signature_and_are_both_accepted(door: Door) -> None:
    """The signature is over the second, the address and the secret: it says nothing about which event this is."""
    first, second = (door.signed(call(b'{"eventType":"shipment_packed","shipmentId":"S%d"}' % n)) for n in (1, 2))
    assert first["headers"]["x_authorization"] == second["headers"]["x_authorization"]
    assert (door.status(first), door.status(second)) == (200, 200)
    assert len({delivery.delivery_id for delivery in door.queued()}) == 2


def test_fault_24_an_unknown_event_type_is_our_problem_and_accepted(door: Door) -> None:
    assert door.status(door.signed(call(b'{"eventType":"shipment_blessed"}'))) == 200


def test_fault_15_a_base64_body_is_unpacked_exactly_once(door: Door) -> None:
    event = door.signed(published("_base64"))
    assert door.status(event) == 200
    (delivery,) = door.queued()
    assert base64.b64decode(delivery.body_b64) == base64.b64decode(event["body"])
    assert delivery.readable
    twice = base64.b64encode(BODY)
    assert door.status(door.signed(call(twice, as_base64=True))) == 400
    assert base64.b64decode(door.queued()[0].body_b64) == twice


def test_fault_15_a_gzip_body_is_unreadable(door: Door) -> None:
    raw = gzip.compress(BODY)
    status, body = door.answer(door.signed(call(raw, as_base64=True)))
    assert (status, body["status"], body["title"]) == (400, 400, "Bad Request")
    (delivery,) = door.queued()
    assert (base64.b64decode(delivery.body_b64), delivery.readable) == (raw, False)


def test_base64_that_does_not_decode_is_queued_as_text_and_answered_400(door: Door) -> None:
    for text in ('{"a":1}', "YQ", "é", "\ud800"):
        event = door.signed(published() | {"body": text, "isBase64Encoded": True})
        assert door.status(event) == 400
        (delivery,) = door.queued()
        assert base64.b64decode(delivery.body_b64) == text.encode("utf-8", "surrogatepass")
        assert not delivery.readable


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a":"\xff"}', id="fault 16: invalid UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", id="fault 16: BOM"),
        pytest.param('{"a":1}'.encode("utf-16"), id="fault 16: UTF-16"),
        pytest.param(b'{"a":1,"a":2}', id="fault 17: duplicate key"),
        pytest.param(b"hello", id="not JSON"),
        pytest.param(b"[" * 50_000, id="nested"),
        pytest.param(b"[{}]", id="array"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_an_authentic_body_that_is_unreadable_is_queued_as_it_came_and_answered_400(door: Door, raw: bytes) -> None:
    answer = door.answer(door.signed(call(raw, as_base64=True)))
    status, problem = answer
    assert (status, problem["status"], problem["delivery_id"]) == (400, 400, delivery_id("flipkart", "demo", raw))
    (delivery,) = door.queued()
    assert (base64.b64decode(delivery.body_b64), delivery.readable) == (raw, False)
    assert door.counted() == ["WebhookUnreadable"]


def test_a_body_that_was_cut_off_is_unreadable(door: Door) -> None:
    assert door.status(door.signed(published("_unreadable"))) == 400


def test_a_call_without_a_body_is_unreadable(door: Door) -> None:
    event = door.signed(published())
    del event["body"]
    assert door.status(event) == 400


def test_fault_11_a_forged_call_learns_nothing_and_stores_nothing(door: Door) -> None:
    answer = door.answer(door.signed(published(), secret="guess"))
    assert answer == (401, {"type": "about:blank", "title": "Unauthorized", "status": 401})
    assert door.counted() == ["WebhookForged"]
    assert door.queued() == []


def test_a_call_without_signature_headers_gets_the_same_answer_and_its_own_metric(door: Door) -> None:
    forged = door.answer(door.signed(published(), secret="guess"))
    assert door.answer(published("_unsigned")) == forged
    assert door.counted() == ["WebhookForged", "WebhookUnsigned"]
    assert door.answer(published("_unsigned") | {"headers": None}) == forged


def test_fault_9_a_replayed_call_is_refused_when_the_window_has_closed(door: Door) -> None:
    event = door.signed(published())
    door.now += timedelta(minutes=15)
    assert door.status(event) == 200
    door.now += timedelta(seconds=1)
    forged = door.answer(door.signed(published(), secret="guess"))
    assert door.answer(event) == forged
    assert door.counted() == ["WebhookAccepted", "WebhookForged", "WebhookStale"]


def test_fault_10_a_call_from_the_future_is_refused(door: Door) -> None:
    assert door.status(door.signed(published(), at=NOW + timedelta(minutes=5))) == 200
    assert door.status(door.signed(published(), at=NOW + timedelta(minutes=5, seconds=1))) == 401
    assert door.counted() == ["WebhookAccepted", "WebhookStale"]


def test_the_published_vector_opens_no_door(door: Door) -> None:
    assert door.status(published()) == 401


def test_fault_13_duplicated_headers_are_forged_even_when_each_is_true(door: Door) -> None:
    event = door.signed(published())
    for case in ("x_date", "x_authorization"):
        doubled = copy.deepcopy(event)
        doubled["headers"][case] = f"{event['headers'][case]},{event['headers'][case]}"
        assert door.status(doubled) == 401
    assert door.status(published("_duplicated_header")) == 401
    assert door.counted() == ["WebhookForged"] * 3


def sized(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


def test_fault_14_exactly_180_kib_passes(door: Door) -> None:
    raw = sized(MOST)
    assert len(raw) == MOST
    assert door.status(door.signed(call(raw))) == 200
    assert door.status(door.signed(call(raw, as_base64=True))) == 200
    assert {base64.b64decode(delivery.body_b64) for delivery in door.queued()} == {raw}


@pytest.mark.parametrize("size", [MOST + 1, 300 * 1024])
def test_fault_14_a_larger_body_is_refused_before_its_proof(door: Door, size: int) -> None:
    for event in (call(sized(size)), door.signed(call(sized(size), as_base64=True))):
        status, body = door.answer(event)
        assert (status, body["detail"]) == (413, "at most 184320 bytes")
    assert door.counted() == ["WebhookOversize"] * 2
    assert aws_calls() == []
    assert door.queued() == []


def test_fault_14_bytes_count_not_letters(door: Door) -> None:
    raw = json.dumps({"a": "न" * 70_000}, ensure_ascii=False).encode()
    assert len(raw) > MOST > 70_100
    assert door.status(door.signed(call(raw))) == 413


@pytest.mark.parametrize(
    "path",
    [
        {"marketplace": "flipkart", "account": "nobody"},
        {"marketplace": "amazon", "account": "demo"},
        {"marketplace": "meesho", "account": "demo"},
        {"marketplace": "", "account": ""},
        {},
        None,
    ],
)
def test_fault_24_an_unknown_marketplace_or_account_costs_no_call(door: Door, path: dict[str, str] | None) -> None:
    answer = door.answer(door.signed(published() | {"pathParameters": path}))
    assert answer == (404, {"type": "about:blank", "title": "Not Found", "status": 404})
    assert aws_calls() == []
    assert door.counted() == ["WebhookNoAccount"]


def test_the_published_unknown_account_is_not_found(door: Door) -> None:
    assert door.status(door.signed(published("_unknown_account"))) == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"])
def test_other_methods_are_refused_and_told_which_is_allowed(door: Door, method: str) -> None:
    event = published("_get")
    event["requestContext"]["http"]["method"] = method
    given = handler.handle(event, SimpleNamespace(function_name="receive_webhook"))
    assert (given["statusCode"], given["headers"]["allow"]) == (405, "POST")
    assert aws_calls() == []


def test_fault_45_a_secret_rotated_in_mid_flight_loses_no_message(door: Door) -> None:
    assert door.status(door.signed(published())) == 200
    door.rotate("second", "first")
    # The cache still has the old one alone: the new one is found by asking again.
    assert door.status(door.signed(published(), secret="second")) == 200
    assert aws_calls() == ["GetSecretValue", "SendMessage"]
    # What Flipkart signed before it switched still arrives.
    assert door.status(door.signed(published(), secret="first")) == 200
    assert aws_calls() == ["SendMessage"]
    door.rotate("second", None)
    door.now += timedelta(minutes=5)
    assert door.status(door.signed(published(), secret="first")) == 401
    assert door.status(door.signed(published(), secret="second")) == 200
    assert len(door.queued()) == 4


def test_fault_45_forged_calls_refetch_the_secret_once_a_minute(door: Door) -> None:
    for _ in range(20):
        assert door.status(door.signed(published(), secret="guess")) == 401
    assert aws_calls() == []
    door.rotate("second", "first")
    # A stranger's guesses have used up this minute; the new secret is found in the next one.
    assert door.status(door.signed(published(), secret="second")) == 401
    door.now += timedelta(minutes=1)
    assert door.status(door.signed(published(), secret="second")) == 200


def test_a_queue_that_is_down_is_answered_503(door: Door) -> None:
    door.sqs.delete_queue(QueueUrl=door.queue)
    status, _ = door.answer(door.signed(published()))
    assert status == 503
    assert door.counted() == ["WebhookNotStored"]


def test_a_secret_that_cannot_be_read_is_answered_503_and_then_found(door: Door) -> None:
    door.secretsmanager.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    assert door.status(door.signed(published())) == 503
    assert door.status(published("_unsigned")) == 503
    assert aws_calls() == []
    assert door.counted() == ["WebhookNotStored"] * 2
    door.secretsmanager.create_secret(Name=SECRET, SecretString=door.content("first", None))
    door.now += timedelta(minutes=1)
    assert door.status(door.signed(published())) == 200


def test_a_malformed_secret_is_answered_503(door: Door) -> None:
    door.secretsmanager.put_secret_value(SecretId=SECRET, SecretString="{")
    assert door.status(door.signed(published())) == 503


def test_no_body_of_a_sender_makes_an_error_of_ours(door: Door) -> None:
    @given(raw=st.binary(max_size=60), text=st.text(st.characters(), max_size=60), as_base64=st.booleans())
    def any_body(raw: bytes, text: str, as_base64: bool) -> None:
        assert door.status(door.signed(call(raw, as_base64=True))) in (200, 400)
        assert door.status(door.signed(published() | {"body": text, "isBase64Encoded": as_base64})) in (200, 400)
        assert len(door.queued()) == 2

    any_body()


PROGRAM = """
import json, sys
from botocore.stub import ANY, Stubber
from functions.receive_webhook import handler
from hunar import wiring
from hunar.adapters.secrets import SecretsManagerSecrets
from hunar.adapters.sqs import SqsQueues
from hunar.telemetry import client

application = wiring.application()
sqs, secretsmanager = client("sqs"), client("secretsmanager")
application.queues = SqsQueues(sqs, application.settings.queues)
application.secrets = SecretsManagerSecrets(
    secretsmanager,
    application.settings.secret_prefix,
    {name: door.NEEDS for name, door in application.doors.items()},
    application.clock,
)
queue, secret = Stubber(sqs), Stubber(secretsmanager)
secret.add_response("get_secret_value", {"SecretString": sys.argv[1]})
queue.add_response("send_message", {}, {"QueueUrl": ANY, "MessageBody": ANY, "DelaySeconds": 0})
with queue, secret:
    class Context:
        function_name = "receive_webhook"

    answer = handler.handle(json.loads(sys.argv[2]), Context())
needless = ("pydantic", "hunar.marketplaces.amazon", "hunar.marketplaces.flipkart_api", "hunar.domain.channel")
loaded = [name for name in needless if name in sys.modules]
print(json.dumps({"status": answer["statusCode"], "loaded": loaded}))
"""


def test_the_function_starts_without_what_it_does_not_need_and_logs_neither_headers_nor_body() -> None:
    now = datetime.now(UTC)
    content = json.dumps({"app_id": "app", "secret": "s3cr3t", "previous_secret": None, "url": URL})
    event = published()
    event["headers"] |= {
        "x_date": format_datetime(now, usegmt=True),
        "x_authorization": signature("app", "s3cr3t", URL, int(now.timestamp())),
    }
    environment = {
        "PYTHONPATH": f"{ROOT / 'layers' / 'common'}:{ROOT}",
        "WEBHOOK_ACCOUNTS": "flipkart/demo",
        "SECRET_PREFIX": "hunar/test/webhooks",
        "ORDER_EVENTS_QUEUE_URL": "https://sqs.example/order-events",
        "AWS_DEFAULT_REGION": "ap-south-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_SERVICE_NAME": "receive_webhook",
        "POWERTOOLS_METRICS_NAMESPACE": "Hunar",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, content, json.dumps(event)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    log, metric, result = map(json.loads, done.stdout.splitlines())
    assert result == {"status": 200, "loaded": []}
    assert (log["marketplace"], log["account"], log["outcome"]) == ("flipkart", "demo", "accepted")
    assert log["delivery_id"] == delivery_id("flipkart", "demo", event["body"].encode())
    assert metric["WebhookAccepted"] == [1.0]
    for private in ("s3cr3t", "FKLOGIN", event["headers"]["x_date"], "orderItems", "LKA041150"):
        assert private not in done.stdout + done.stderr
