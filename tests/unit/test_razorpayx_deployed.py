"""Paying by RazorpayX on the deployed entries: the office's command, the API, the webhook, the function that books."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.close_period import handler as close_period
from functions.receive_webhook import handler as receive_webhook
from hunar import wiring
from hunar.cli.deployed import Deployed
from hunar.cli.operators_api import OperatorsApi
from hunar.messages import PayoutNews
from hunar.ports import QueueName
from hunar.telemetry import aws_calls
from hunar.wiring import Application
from local.fake_razorpayx import FakeRazorpayX
from tests.deployed import deploy, event, log_lines, open_exceptions, waiting
from tests.rail_office import Wire
from tests.unit.test_cli_payouts import done, hunar, refused, with_accounts
from tests.unit.test_cli_payouts import stack as stack  # noqa: PLC0414  (the fixture)
from tests.unit.test_payout_handlers import BUCKET, CONTEXT, NOTHING_FAILED, work

SECRET = "text-beside-the-webhook"
KEYS = {"RAZORPAYX_KEY_ID": "rzp_test_key", "RAZORPAYX_KEY_SECRET": "secret-of-the-merchant"}


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
        monkeypatch.setenv("PAYOUT_FILES_BUCKET", BUCKET)
        monkeypatch.setenv("PAYOUT_LAYOUT", "razorpayx")
        monkeypatch.setenv("PAYOUT_BANK", "account_number=7878780080316316,mode=IMPS,narration=HUNAR DEMO")
        monkeypatch.setenv("WEBHOOK_ACCOUNTS", "razorpayx/main")
        monkeypatch.setenv("SECRET_PREFIX", "hunar/test/webhooks")
        boto3.client("secretsmanager").create_secret(
            Name="hunar/test/webhooks/razorpayx/main", SecretString=json.dumps({"secret": SECRET})
        )
        yield deploy(monkeypatch)
        wiring.application.cache_clear()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    made = Wire(FakeRazorpayX(), lambda: datetime.now(UTC))
    monkeypatch.setenv("RAZORPAYX_API_URL", made.url)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


def posted(raw: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    asked = copy.deepcopy(event("receive_webhook_razorpayx"))
    if raw is not None:
        asked |= {"body": raw.decode(), "headers": headers}
    given = receive_webhook.handle(asked, SimpleNamespace(function_name="receive_webhook"))
    return given["statusCode"], json.loads(given["body"])


def submitted(stack: Application, *words: str) -> str:
    with_accounts(stack)
    batch: str = json.loads(done("close", "--json"))["batch_id"]
    work(stack)
    done("approve", batch, *words, typed="y\n")
    done("payouts", "submit", batch, "--to", ".")
    return batch


def test_a_batch_goes_from_the_terminal_to_razorpayx_and_its_webhooks_book_it(
    stack: Application, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = log_lines(monkeypatch)
    batch = submitted(stack)

    said = done("payouts", "send", batch)
    assert said.count("SENT") == 2 and "1234.50" in said
    assert done("payouts", "send", batch).count("THERE") == 2
    for number, payout in enumerate(list(wire.fake.payouts.values())):
        wire.fake.move(payout["id"], "processed", wire.now(), utr=f"00000000000{number}")
    first, second = [raw for raw in wire.fake.webhooks if b"payout.processed" in raw]
    assert posted(first, wire.fake.signed(first, SECRET))[0] == 200
    assert posted(first, wire.fake.signed(first, SECRET))[0] == 200
    assert posted(second, wire.fake.signed(second, "guess"))[0] == 401
    work(stack)
    states = [row["state"] for row in json.loads(done("payouts", "show", batch, "--json"))["rows"]]
    assert sorted(states) == ["IN_TRANSIT", "PAID"]

    assert "1 results are being booked" in done("payouts", "ask", batch)
    work(stack)
    assert "0 results are being booked" in done("payouts", "ask", batch)
    shown = json.loads(done("payouts", "show", batch, "--json"))
    assert (shown["state"], {row["state"] for row in shown["rows"]}) == ("COMPLETED", {"PAID"})
    logged = json.dumps(lines())
    assert "batch_handled" in logged and "webhook_answered" in logged
    secrets = ("0000000177", "SAMUH", "SBIN0001234", SECRET, *KEYS.values())
    assert not [secret for secret in secrets if secret in logged or secret in said]


def test_what_goes_wrong_is_one_line_and_another_code(
    stack: Application, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    batch = submitted(stack)
    wire.fake.inactive = {"0000000177"}
    failed = hunar("payouts", "send", batch)
    assert failed.exit_code == 1
    assert "REFUSED" in failed.stdout and "0177" not in failed.stdout

    wire.fault = lambda call: "after"
    assert refused("payouts", "send", batch).startswith("hunar: after 0 of 2: RazorpayX did not answer")
    monkeypatch.setenv("RAZORPAYX_API_URL", "https://api.razorpay.com")
    assert "a demo pays nobody" in refused("payouts", "send", batch)
    monkeypatch.setenv("RAZORPAYX_API_URL", wire.url)
    monkeypatch.setattr(Deployed, "api_secret_name", lambda self, *names: "hunar/test/api/" + "/".join(names))
    monkeypatch.delenv("RAZORPAYX_KEY_SECRET")
    assert "hunar account credentials razorpayx main" in refused("payouts", "send", batch)
    boto3.client("secretsmanager").create_secret(
        Name="hunar/test/api/razorpayx/main",
        SecretString=json.dumps({"key_id": "rzp_test_key", "key_secret": "secret-of-the-merchant"}),
    )
    wire.fault = lambda call: ""
    assert "THERE" in hunar("payouts", "send", batch).stdout


def test_a_file_that_was_changed_on_the_way_is_not_sent(
    stack: Application, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    batch = submitted(stack)
    real = OperatorsApi.download
    changed = lambda api, path: (real(api, path)[0], real(api, path)[1].replace(b"123450", b"999950"))  # noqa: E731
    monkeypatch.setattr(OperatorsApi, "download", changed)
    assert "its SHA-256 differs. Nothing was sent" in refused("payouts", "send", batch)
    assert wire.calls == 0


def test_nothing_is_sent_before_its_day(
    stack: Application, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    batch = submitted(stack, "--value-date", day)
    assert f"is to be paid on {day}" in refused("payouts", "send", batch)
    assert wire.calls == 0


def test_a_batch_of_a_banks_layout_is_not_sent(
    stack: Application, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYOUT_LAYOUT", "generic_csv")
    wiring.application.cache_clear()
    batch = submitted(stack)
    assert "its layout is generic_csv" in refused("payouts", "send", batch)


# ── the two functions ────────────────────────────────────────────────────────────────────────────


def test_a_webhook_stands_on_the_queue_without_the_account_that_was_paid(application: Application) -> None:
    assert "00000000177" in event("receive_webhook_razorpayx")["body"]
    status, told = posted()
    assert (status, told["status"]) == (200, "accepted")
    assert aws_calls() == ["GetSecretValue", "SendMessage"]
    [message] = waiting(application, QueueName.PAYOUT_BATCHES)
    news = PayoutNews.model_validate_json(json.dumps(message))
    assert (news.payout_id, news.batch_id, news.amount_paise) == ("PABCDEFGH234567", "B000000000000", 123_450)
    assert not [secret for secret in ("00000000177", "SAMUH", "SBIN0001234") if secret in json.dumps(message)]


def test_a_stranger_is_refused_and_an_unknown_account_costs_no_call(application: Application) -> None:
    asked = event("receive_webhook_razorpayx")
    asked["headers"] |= {"x-razorpay-signature": "0" * 64}
    given = receive_webhook.handle(asked, SimpleNamespace(function_name="receive_webhook"))
    assert (given["statusCode"], json.loads(given["body"]).keys() & {"detail"}) == (401, set())
    asked["pathParameters"]["account"] = "other"
    given = receive_webhook.handle(asked, SimpleNamespace(function_name="receive_webhook"))
    assert (given["statusCode"], aws_calls()) == (404, [])
    assert waiting(application, QueueName.PAYOUT_BATCHES) == []


def test_news_of_a_payout_that_is_none_of_ours_are_shown(application: Application) -> None:
    asked = event("close_period_payout_news")
    assert close_period.handle(asked, CONTEXT) == NOTHING_FAILED
    assert close_period.handle(asked, CONTEXT) == NOTHING_FAILED
    [shown] = open_exceptions(application)
    assert (shown["kind"], "HDFCN00000000001" in shown["message"]) == ("UNKNOWN_REFERENCE", True)


def test_a_marketplaces_order_does_not_wait_for_what_a_rail_needs(application: Application) -> None:
    assert application.payout_rails.keys() == wiring.PAYOUT_RAILS
    asked = json.dumps(event("receive_webhook"))
    code = (
        "import json, os, sys; sys.path[:0] = ['layers/common', '.']; os.environ |= {'WEBHOOK_ACCOUNTS': 'flipkart/x'};"
        "from types import SimpleNamespace; from functions.receive_webhook import handler;"
        "handler.handle(json.loads(sys.stdin.read()), SimpleNamespace(function_name='receive_webhook'));"
        "from hunar import wiring; wiring.application().doors;"
        "print([name for name in sys.modules if 'razorpayx' in name])"
    )
    ran = subprocess.run([sys.executable, "-c", code], input=asked, capture_output=True, text=True, check=True)
    assert ran.stdout.strip().splitlines()[-1] == "[]"
