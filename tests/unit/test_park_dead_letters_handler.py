"""park_dead_letters on its Lambda events: faults 28, 29, 38 and 41 of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.park_dead_letters import handler as park_dead_letters
from hunar import tables, telemetry, wiring
from hunar.ports import QueueName, Retryable
from hunar.tables import Item, Table
from hunar.wiring import Application
from tests.deployed import deploy, event, log_lines, open_exceptions

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
GIVEN_UP = "aws/lambda/9f3b/shardId-00000001795500000000-0a1b2c3d/2026/11/25/2026-11-25T04:00.00 kept-5a5a"
MESSAGE = 256 * 1024
"""Bytes: what the queues take (MaximumMessageSize in the template)."""


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        yield deploy(monkeypatch)
        wiring.application.cache_clear()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the function counts, by metric."""
    found: dict[str, int] = {}

    def add(name: str, unit: Any, value: int) -> None:
        found[name] = found.get(name, 0) + value

    monkeypatch.setattr(telemetry.metrics, "add_metric", add)
    return found


def parked(application: Application, queue: QueueName) -> list[Item]:
    return application.store.page(Table.DELIVERIES, tables.parked_in(queue.value)).items


def records(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = event(f"park_dead_letters_{name}")["Records"]
    return found


@pytest.mark.parametrize(
    ("name", "queue", "orders"),
    [
        ("order_events", QueueName.ORDER_EVENTS, {"flipkart:demo:S1", None}),
        ("notifications", QueueName.NOTIFICATIONS, {"flipkart:demo:S1"}),
        ("payouts", QueueName.PAYOUTS, {"flipkart:demo:S-1"}),
        ("fetches", QueueName.FETCHES, {"flipkart:demo-api:S1"}),
        ("stock_feed", QueueName.STOCK_FEED, {None}),
        ("amazon_notifications", QueueName.AMAZON_NOTIFICATIONS, {None}),
        ("sms_receipts", QueueName.SMS_RECEIPTS, {None}),
        ("inbox", QueueName.INBOX, {None}),
        ("payout_batches", QueueName.PAYOUT_BATCHES, {None}),
    ],
)
def test_fault_41_dead_letters_are_copied_whole_to_the_table_and_shown(
    application: Application, counted: dict[str, int], name: str, queue: QueueName, orders: set[str | None]
) -> None:
    came = records(name)
    assert park_dead_letters.handle({"Records": came}, None) == NOTHING_FAILED
    kept = parked(application, queue)
    assert {item["body"] for item in kept} == {record["body"] for record in came}
    assert {item["order_ref"] for item in kept} == orders
    assert {(item["verdict"], item["queue"], item["received"]) for item in kept} == {("FAILED", queue.value, 6)}
    assert {i for item in kept for i in item["message_ids"]} == {record["messageId"] for record in came}
    assert all(item["parked_at"] for item in kept)
    # A parked message has no end: nothing that was accepted may be forgotten.
    assert not any("expires_at" in item for item in kept)
    shown = open_exceptions(application)
    assert {(one["kind"], one["order_ref"]) for one in shown} == {("DEAD_LETTER", order) for order in orders}
    assert all(queue.value in one["message"] and "hunar redrive" in one["action"] for one in shown)
    assert counted == {"DeadLettersParked": len(came)}


def test_a_dead_letter_that_comes_twice_is_parked_and_counted_once(
    application: Application, counted: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = log_lines(monkeypatch)
    for _ in range(2):
        park_dead_letters.handle({"Records": records("payouts")}, None)
    [twin] = records("payouts")
    park_dead_letters.handle({"Records": [twin | {"messageId": "another-message-that-says-the-same"}]}, None)
    [item] = parked(application, QueueName.PAYOUTS)
    assert len(item["message_ids"]) == 2
    assert len(open_exceptions(application)) == counted["DeadLettersParked"] == 1
    assert [line["outcome"] for line in lines()] == ["parked", "duplicate", "duplicate"]
    assert lines()[0]["aws_calls"] == ["BatchGetItem", "TransactWriteItems"]


def test_fault_28_what_cannot_be_parked_stays_in_its_queue_and_is_counted_the_others_go(
    application: Application, counted: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = log_lines(monkeypatch)
    good, other = records("order_events")
    stranger = other | {"messageId": "of-no-queue-of-ours", "eventSourceARN": "arn:aws:sqs:ap-south-1:1:stranger"}
    answer = park_dead_letters.handle({"Records": [stranger, good]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "of-no-queue-of-ours"}]}
    assert [item["body"] for item in parked(application, QueueName.ORDER_EVENTS)] == [good["body"]]
    assert counted == {"DeadLettersNotParked": 1, "DeadLettersParked": 1}
    assert [(line["message"], line.get("reason")) for line in lines()] == [
        ("message_failed", "KeyError"),
        ("dead_letter_parked", None),
    ]


def test_fault_29_when_nothing_can_be_stored_every_message_comes_back(
    application: Application, counted: dict[str, int]
) -> None:
    boto3.client("dynamodb").delete_table(TableName=application.settings.tables[Table.DELIVERIES])
    came = records("order_events")
    answer = park_dead_letters.handle({"Records": came}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in came]}
    assert open_exceptions(application) == []
    assert counted == {"DeadLettersNotParked": 2}


@pytest.mark.parametrize("letter", ["x", "क"])
def test_fault_41_the_largest_message_that_a_queue_takes_fits(application: Application, letter: str) -> None:
    [record] = records("payouts")
    body = letter * (MESSAGE // len(letter.encode()))
    assert park_dead_letters.handle({"Records": [record | {"body": body}]}, None) == NOTHING_FAILED
    assert [item["body"] for item in parked(application, QueueName.PAYOUTS)] == [body]


def test_a_message_that_fits_into_no_item_stays_in_its_queue(application: Application, counted: dict[str, int]) -> None:
    [record] = records("payouts")
    answer = park_dead_letters.handle({"Records": [record | {"body": "x" * 410_000}]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert parked(application, QueueName.PAYOUTS) == open_exceptions(application) == []
    assert counted == {"DeadLettersNotParked": 1}


def test_nothing_of_a_message_is_logged(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log_lines(monkeypatch)
    [record] = records("payouts")
    park_dead_letters.handle({"Records": [record | {"body": "+919999900011 bought"}]}, None)
    park_dead_letters.handle({"Records": [record | {"body": "+919999900011 sold", "eventSourceARN": "none"}]}, None)
    assert len(lines()) == 2
    assert "9999900011" not in json.dumps(lines())


def test_fault_38_what_a_stream_gave_up_is_shown_once_with_the_name_of_its_object(application: Application) -> None:
    for _ in range(2):
        assert park_dead_letters.handle(event("park_dead_letters_given_up"), None) is None
    [shown] = open_exceptions(application)
    assert shown["kind"] == "UNDELIVERABLE_EFFECT"
    assert GIVEN_UP in shown["message"]
    assert "hunar redrive" in shown["action"]


def test_fault_38_an_object_that_cannot_be_shown_is_told_of_again(application: Application) -> None:
    boto3.client("dynamodb").delete_table(TableName=application.settings.tables[Table.EXCEPTIONS])
    with pytest.raises(Retryable):
        park_dead_letters.handle(event("park_dead_letters_given_up"), None)


def test_no_messages_are_no_work(application: Application) -> None:
    assert park_dead_letters.handle({"Records": []}, None) == NOTHING_FAILED
