"""Webhook secrets: read once in five minutes, and never as often as a stranger likes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws

from hunar.adapters.secrets import SecretsManagerSecrets, SmsSecrets
from hunar.ports import Rejected, Retryable, WebhookSecret

NAME = "hunar/test/webhooks/flipkart/demo"
NEEDS = {"flipkart": ("app_id", "secret", "url"), "standard": ("secret",)}
CONTENT = {"app_id": "app", "secret": "first", "previous_secret": None, "url": "https://hunar.example/w"}


class World:
    """Secrets Manager, a clock that is moved by hand, and the calls that were made."""

    def __init__(self) -> None:
        self.client: Any = boto3.client("secretsmanager", config=Config(retries={"total_max_attempts": 1}))
        self.now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
        self.calls = 0
        self.client.meta.events.register("before-call.secretsmanager.GetSecretValue", self._count)
        self.secrets = SecretsManagerSecrets(self.client, "hunar/test/webhooks", NEEDS, lambda: self.now)

    def _count(self, **_: Any) -> None:
        self.calls += 1

    def store(self, text: str) -> None:
        try:
            self.client.create_secret(Name=NAME, SecretString=text)
        except self.client.exceptions.ResourceExistsException:
            self.client.put_secret_value(SecretId=NAME, SecretString=text)

    def rotate(self, secret: str, previous: str | None) -> None:
        self.store(json.dumps(CONTENT | {"secret": secret, "previous_secret": previous}))

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def get(self) -> str:
        return self.secrets.get("flipkart", "demo").secret

    def refetch(self) -> str | None:
        found = self.secrets.refetch("flipkart", "demo")
        return found.secret if found else None


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        made = World()
        made.rotate("first", None)
        yield made


def test_a_secret_is_read_once_in_five_minutes(world: World) -> None:
    assert [world.get() for _ in range(50)] == ["first"] * 50
    world.later(minutes=4, seconds=59)
    world.get()
    assert world.calls == 1
    world.rotate("second", "first")
    world.later(seconds=1)
    assert world.get() == "second"
    assert world.calls == 2


def test_fault_45_a_refetch_reads_past_the_cache_at_most_once_a_minute(world: World) -> None:
    assert world.get() == "first"
    world.rotate("second", "first")
    assert world.refetch() == "second"
    assert world.get() == "second"
    assert [world.refetch() for _ in range(50)] == [None] * 50
    world.later(seconds=59)
    assert world.refetch() is None
    world.later(seconds=1)
    assert world.refetch() == "second"
    assert world.calls == 3


def test_a_missing_secret_is_asked_for_once_a_minute(world: World) -> None:
    world.client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    for _ in range(50):
        with pytest.raises(Retryable, match=f"{NAME} is not in Secrets Manager"):
            world.get()
    assert world.calls == 1
    world.rotate("late", None)
    world.later(minutes=1)
    assert world.get() == "late"


def test_two_accounts_do_not_share_a_secret_or_a_minute(world: World) -> None:
    other = json.dumps(CONTENT | {"secret": "other"})
    world.client.create_secret(Name="hunar/test/webhooks/flipkart/second", SecretString=other)
    assert world.refetch() == "first"
    found = world.secrets.refetch("flipkart", "second")
    assert found is not None
    assert found.secret == "other"
    assert world.get() == "first"


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        '"secret"',
        "{}",
        json.dumps(CONTENT | {"secret": ""}),
        json.dumps(CONTENT | {"secret": " \n"}),
        json.dumps(CONTENT | {"secret": 7}),
        json.dumps(CONTENT | {"url": None}),
        json.dumps(CONTENT | {"app_id": ""}),
    ],
)
def test_a_malformed_secret_is_retryable_and_says_nothing_of_its_content(world: World, text: str) -> None:
    world.store(text)
    with pytest.raises(Retryable) as refused:
        world.get()
    assert str(refused.value) == f"{NAME} is not JSON with app_id, secret, url"
    with pytest.raises(Retryable):
        world.refetch()


def test_what_a_marketplace_does_not_need_may_be_missing_from_its_secret(world: World) -> None:
    name = "hunar/test/webhooks/standard/shop"
    world.client.create_secret(Name=name, SecretString=json.dumps({"secret": "first\n", "url": None}))
    assert world.secrets.get("standard", "shop") == WebhookSecret("", "first", None, "")
    world.client.put_secret_value(SecretId=name, SecretString=json.dumps({"app_id": "app", "url": "https://x"}))
    with pytest.raises(Retryable, match=f"{name} is not JSON with secret"):
        world.secrets.refetch("standard", "shop")


def test_a_binary_secret_is_malformed(world: World) -> None:
    world.client.put_secret_value(SecretId=NAME, SecretBinary=b"\xff")
    with pytest.raises(Retryable, match="not JSON"):
        world.get()


def test_a_newline_that_an_editor_left_is_no_part_of_the_secret(world: World) -> None:
    content = {name: f"{value}\n" for name, value in (CONTENT | {"previous_secret": "old"}).items()}
    world.store(json.dumps(content) + "\n")
    secret = world.secrets.get("flipkart", "demo")
    assert (secret.app_id, secret.secret, secret.previous_secret) == ("app", "first", "old")
    assert secret.url == "https://hunar.example/w"


@pytest.mark.parametrize("previous", [None, "", " \n"])
def test_an_empty_previous_secret_is_none(world: World, previous: str | None) -> None:
    world.rotate("first", previous)
    assert world.secrets.get("flipkart", "demo").previous_secret is None


def test_secrets_manager_down_is_retryable_and_not_remembered(world: World) -> None:
    def down(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 500, HTTPHeaders(), _Empty())

    world.client.meta.events.register_first("before-send.secretsmanager.GetSecretValue", down)
    with pytest.raises(Retryable, match="Secrets Manager: 500"):
        world.get()
    world.client.meta.events.unregister("before-send.secretsmanager.GetSecretValue", down)
    assert world.get() == "first"


def test_a_secret_that_is_known_survives_an_outage_until_it_is_five_minutes_old(world: World) -> None:
    def unreachable(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="https://secretsmanager.example")

    assert world.get() == "first"
    world.client.meta.events.register_first("before-send.secretsmanager.GetSecretValue", unreachable)
    world.later(minutes=4)
    assert world.get() == "first"
    world.later(minutes=1)
    with pytest.raises(Retryable, match="Secrets Manager: ConnectTimeoutError"):
        world.get()


def test_nothing_of_a_secret_shows(world: World) -> None:
    shown = f"{world.secrets!r} {world.secrets.get('flipkart', 'demo')!r}"
    assert "first" not in shown
    assert "app" not in shown


class _Empty:
    """A response body without a byte."""

    def stream(self) -> Iterator[bytes]:
        yield b""


def test_an_sms_providers_secret_holds_what_it_needs_and_shows_nothing(world: World) -> None:
    secrets = SmsSecrets(world.client, "hunar/test/sms", lambda: world.now)
    with pytest.raises(Rejected, match="hunar/test/sms/msg91/main is not in Secrets Manager"):
        secrets.get("msg91", "main")
    world.client.create_secret(Name="hunar/test/sms/msg91/main", SecretString=json.dumps({"auth_key": "first\n"}))
    world.client.create_secret(Name="hunar/test/sms/exotel/main", SecretString=json.dumps({"api_key": "first"}))
    world.later(minutes=1)
    found = secrets.get("msg91", "main")
    assert found.fields == {"auth_key": "first"}
    assert "first" not in f"{found!r} {secrets!r}"
    with pytest.raises(Rejected, match="exotel/main is not JSON with account_sid, api_key, api_token, cluster"):
        secrets.get("exotel", "main")


def test_an_sms_providers_secret_is_kept_for_five_minutes(world: World) -> None:
    secrets, name = SmsSecrets(world.client, "hunar/test/sms", lambda: world.now), "hunar/test/sms/msg91/main"
    world.client.create_secret(Name=name, SecretString=json.dumps({"auth_key": "first"}))
    assert secrets.get("msg91", "main").fields["auth_key"] == "first"
    world.client.put_secret_value(SecretId=name, SecretString=json.dumps({"auth_key": "second"}))
    world.later(minutes=4, seconds=59)
    assert secrets.get("msg91", "main").fields["auth_key"] == "first"
    world.later(seconds=1)
    assert secrets.get("msg91", "main").fields["auth_key"] == "second"
