"""``hunar account list`` and ``credentials``: what an account has and lacks, and never a secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import Result

from tests.unit.test_cli import GIVEN, Stack, create_stack, document, hunar, one_line

AMAZON = {"client_id": "amzn1.application-oa2-client.demo", "client_secret": "s3cr3t", "refresh_token": "Atzr|demo"}
FLIPKART = {"client_id": "app", "client_secret": "s3cr3t"}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        yield create_stack(WebhookAccounts="flipkart/demo,standard/shop", ApiAccounts="amazon/demo-api")


def give(marketplace: str, account: str, stdin: Any, code: int = 0) -> Result:
    return hunar("account", "credentials", marketplace, account, "--stage", "dev", stdin=stdin, code=code)


def register(tmp_path: Path, *rows: str) -> None:
    heading = "marketplace,account,seller_id,application_id,subscription_id,location_id"
    (tmp_path / "accounts.csv").write_text("\n".join([heading, *rows, ""]))
    hunar("import", str(tmp_path), "--stage", "dev")


def test_credentials_are_kept_under_the_name_that_the_functions_read(stack: Stack) -> None:
    name = "hunar/dev/api/amazon/demo-api"
    padded = {field: f" {value}\n" for field, value in AMAZON.items()}
    assert "are created" in give("amazon", "demo-api", padded).stdout
    assert stack.secrets == {name: AMAZON}
    assert "are unchanged" in give("amazon", "demo-api", AMAZON).stdout
    assert "are replaced" in give("amazon", "demo-api", AMAZON | {"refresh_token": "Atzr|other"}).stdout
    assert stack.secrets[name]["refresh_token"] == "Atzr|other"


def test_an_account_that_the_stack_does_not_ask_is_pointed_at(stack: Stack) -> None:
    said = give("flipkart", "demo", FLIPKART).stdout
    assert "deploy it with ApiAccounts=amazon/demo-api,flipkart/demo" in said
    assert "s3cr3t" not in said
    told = document("account", "credentials", "flipkart", "demo", "--stage", "dev", stdin=FLIPKART)
    assert told == {"account": "flipkart/demo", "credentials": "unchanged", "listed": False}


WRONG: list[tuple[str, Any, str]] = [
    ("amazon", "", 'standard input must be JSON in UTF-8: {"client_id": …, "client_secret": …, "refresh_token": …}'),
    ("amazon", FLIPKART, "refresh_token is missing or empty"),
    ("amazon", AMAZON | {"refresh_token": None}, "refresh_token is missing or empty"),
    ("amazon", AMAZON | {"client_secret": " \n"}, "client_secret is missing or empty"),
    ("amazon", AMAZON | {"client_secret": "s3cr3t two"}, "client_secret has signs that no credential has"),
    ("amazon", AMAZON | {"client_secret": 7}, "client_secret is missing or empty"),
    ("flipkart", AMAZON, "unknown field refresh_token; known are client_id, client_secret"),
    ("standard", FLIPKART, "standard has no API that is asked here; known: amazon, flipkart, razorpayx"),
    ("../flipkart", FLIPKART, "'../flipkart' is not a name of letters, digits, dashes and underscores"),
]


@pytest.mark.parametrize(("marketplace", "given", "said"), WRONG)
def test_wrong_credentials_are_refused_without_being_repeated(
    stack: Stack, marketplace: str, given: Any, said: str
) -> None:
    result = give(marketplace, "demo-api", given, code=1)
    assert one_line(result) == f"hunar: {said}"
    assert "s3cr3t" not in result.output
    assert stack.secrets == {}


def test_the_list_has_what_is_registered_and_what_is_deployed_and_says_what_each_lacks(
    stack: Stack, tmp_path: Path
) -> None:
    register(tmp_path, "amazon,demo-api,A1DEMO,amzn1.sp.solution.demo,sub-1,", "flipkart,demo,,,,LOC-1")
    hunar("account", "add", "flipkart", "demo", "--stage", "dev", stdin=GIVEN)
    give("amazon", "demo-api", AMAZON)
    told = document("account", "list", "--stage", "dev")
    nothing = dict.fromkeys(("seller_id", "application_id", "subscription_id", "location_id", "gstin"))
    assert told == [
        {
            **nothing,
            "marketplace": "amazon",
            "account": "demo-api",
            "seller_id": "A1DEMO",
            "application_id": "amzn1.sp.solution.demo",
            "subscription_id": "sub-1",
            "registered": True,
            "webhook_url": None,
            "takes_webhooks": False,
            "webhook_secret": False,
            "asks_api": True,
            "api_credentials": True,
        },
        {
            **nothing,
            "marketplace": "flipkart",
            "account": "demo",
            "location_id": "LOC-1",
            "registered": True,
            "webhook_url": "https://api.example/webhooks/flipkart/demo",
            "takes_webhooks": True,
            "webhook_secret": True,
            "asks_api": False,
            "api_credentials": False,
        },
        {
            **nothing,
            "marketplace": "standard",
            "account": "shop",
            "registered": False,
            "webhook_url": "https://api.example/webhooks/standard/shop",
            "takes_webhooks": True,
            "webhook_secret": False,
            "asks_api": False,
            "api_credentials": False,
        },
    ]
    hunar("account", "credentials", "flipkart", "demo", "--stage", "dev", stdin=FLIPKART)
    said = hunar("account", "list", "--stage", "dev").stdout
    for text in (
        "A1DEMO",
        "not in ApiAccounts",
        "no secret",
        "has none",
        "ready",
        "standard/shop webhook_url https://",
    ):
        assert text in " ".join(said.split())
    everything = f"{said}{told}"
    for secret in ("s3cr3t", "Atzr", "first"):
        assert secret not in everything


def test_a_secret_that_is_being_deleted_is_none(stack: Stack) -> None:
    give("amazon", "demo-api", AMAZON)
    boto3.client("secretsmanager").delete_secret(SecretId="hunar/dev/api/amazon/demo-api")
    [amazon, *_] = document("account", "list", "--stage", "dev")
    assert amazon["api_credentials"] is False


def test_a_stack_without_accounts_lists_none() -> None:
    with mock_aws():
        create_stack(WebhookAccounts=" ", ApiAccounts=" ")
        assert document("account", "list", "--stage", "dev") == []
