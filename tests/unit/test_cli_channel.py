"""``hunar channel``: what channels were told, and the switch that stops it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from hunar import tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.ports import Put, QueueName
from tests.unit.test_cli import Stack, create_stack, document, hunar, one_line

DEV = ("--stage", "dev")
PAUSE = ("channel", "pause", "flipkart", "demo", "--reason", "counting", "--person", "farzana", *DEV)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        made = create_stack()
        store = DynamoDBStore(boto3.client("dynamodb"), made.tables)
        listing = {"marketplace": "flipkart", "account": "demo", "listing": "CAP-1", "resolutions": []}
        listing["mappings"] = [{"from": "2026-01-01", "sku": "KLU-CAP"}]
        told = {"quantity": 4, "at": "2026-11-25T04:00:00Z", "verdict": "taken", "message": "", "shown": 3}
        store.commit(
            [
                Put(tables.listing("flipkart", "demo", "CAP-1"), listing),
                Put(tables.told("KLU-CAP", "flipkart", "demo", "CAP-1"), told),
            ]
        )
        yield made


def sent(stack: Stack) -> list[dict[str, object]]:
    client, url = boto3.client("sqs"), stack.queues[QueueName.STOCK_FEED]
    found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_the_list_shows_what_was_told_and_what_is_shown(stack: Stack, tmp_path: Path) -> None:
    [one] = document("channel", "list", *DEV)
    assert (one["listing"], one["sku"], one["quantity"], one["shown"]) == ("CAP-1", "KLU-CAP", 4, 3)
    said = " ".join(hunar("channel", "list", *DEV).stdout.split())
    assert "flipkart/demo" in said
    assert "taken" in said
    path = tmp_path / "told.csv"
    assert "1 listings are in" in " ".join(hunar("channel", "list", "--csv", str(path), *DEV).stdout.split())
    [row] = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    assert (row["listing"], row["told"], row["shows"]) == ("CAP-1", "4", "3")


def test_a_channel_is_paused_with_a_name_and_a_reason_and_goes_on(stack: Stack) -> None:
    assert "paused until: hunar channel resume flipkart demo" in hunar(*PAUSE).stdout
    assert "by farzana: counting" in hunar(*PAUSE).stdout
    assert document("channel", "list", *DEV)[0]["paused_at"]
    assert "paused since" in " ".join(hunar("channel", "list", *DEV).stdout.split())
    assert sent(stack) == []
    told = document("channel", "resume", "flipkart", "demo", *DEV)
    assert told == {"account": "flipkart/demo", "was_paused": True, "products": 1}
    [message] = sent(stack)
    assert (message["kind"], message["sku"], message["full"]) == ("publish_stock", "KLU-CAP", True)
    assert "was not paused" in hunar("channel", "resume", "flipkart", "demo", *DEV).stdout
    assert document(*PAUSE)["since"] is None


def test_an_account_that_is_told_nothing_anyway_is_no_channel(stack: Stack) -> None:
    for command in ("pause", "resume"):
        more = ("--reason", "r") if command == "pause" else ()
        said = one_line(hunar("channel", command, "standard", "shop", *more, *DEV, code=1))
        assert said == "hunar: standard/shop is told nothing about stock; told are flipkart/demo (ApiAccounts)"


def test_a_stack_that_tells_nobody_says_so() -> None:
    with mock_aws():
        create_stack(ApiAccounts=" ")
        assert document("channel", "list", *DEV) == []
        assert "none is in ApiAccounts" in hunar("channel", "list", *DEV).stdout


def test_every_command_takes_json_and_stage() -> None:
    for command in ("list", "pause", "resume"):
        assert {"--json", "--stage"} <= set(hunar("channel", command, "--help").stdout.split())
