"""record_sms_receipt on its Lambda events: what it writes, what it says, and what it keeps to itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws

from functions.record_sms_receipt import handler as record_sms_receipt
from hunar import tables, telemetry, wiring
from hunar.domain.receipt import Receipt, Reply
from hunar.ports import Put, Rejected
from hunar.tables import Item, Table
from hunar.wiring import Application
from tests.deployed import deploy, event, log_lines, open_exceptions
from tests.world import World, phone

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
NAME = "0123456789abcdef0123456789abcdef"
TOLD_AT = "2026-11-25T04:05:00Z"


def read(provider: str, body: bytes, received_at: str) -> list[Receipt | Reply]:
    """As much of AWS's events and of Exotel's calls as these tests say: reading them has tests of its own."""
    if provider == "exotel":
        fields = parse_qs(body.decode())
        return [Reply(provider, fields["CallSid"][0], "+91" + fields["CallFrom"][0][-10:], "", received_at)]
    said = json.loads(body)
    if "context" not in said:
        raise Rejected("context: is missing")
    state = said["eventType"].removeprefix("TEXT_")
    named = said["context"]["notification_id"]
    at = "2026-11-25T04:00:09Z"
    return [Receipt(provider, named, said["messageId"], state, said["isFinal"], at, state, parts=2)]


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        made = deploy(monkeypatch)
        vars(made)["sms_news"] = read
        world = World()
        world.store = made.store  # type: ignore[assignment]
        world.group("G11")
        yield made
        wiring.application.cache_clear()


def sent(application: Application) -> tables.Key:
    """A text that the provider took a moment ago, and what its contact was told."""
    key = tables.notification(NAME)
    told = {"notification_id": NAME, "kind": "NEW_ORDER", "order_refs": ["flipkart:demo:S1"], "at": TOLD_AT}
    item = {
        "notification_id": NAME, "kind": "NEW_ORDER", "order_ref": "flipkart:demo:S1", "group_id": "G11",
        "contact": "leader", "status": "ACCEPTED", "template_id": "1007000000000001", "locale": "hi", "version": 2,
        "receipt": None, "heard": None, "digest": None, "members": None, "provider_id": None,
    }  # fmt: skip
    talk = {"group_id": "G11", "slot": "leader", "day": "", "sent": {}, "waiting": [], "recent": [told]}
    talk |= {"failed_in_row": 1, "delivered_at": None, "version": 4}
    application.store.commit([Put(key, item), Put(tables.talk("G11", "leader"), talk)])
    return key


def published(case: str = "") -> dict[str, Any]:
    text = json.dumps(event(f"record_sms_receipt{case}")).replace("REPLACED", NAME)
    found: dict[str, Any] = json.loads(text)
    return found


def one(application: Application, key: tables.Key) -> Item:
    return application.store.read([key])[key]


def test_events_of_aws_settle_the_text_and_count_for_its_phone_and_its_template(application: Application) -> None:
    key = sent(application)
    for _ in range(2):
        assert record_sms_receipt.handle(published(), None) == NOTHING_FAILED
    item = one(application, key)
    assert (item["status"], item["receipt"]["parts"]) == ("DELIVERED", 2)
    assert one(application, tables.talk("G11", "leader"))["failed_in_row"] == 0
    assert one(application, tables.template_rate("1007000000000001"))["outcomes"] == "D"
    assert open_exceptions(application) == []


def test_a_report_costs_three_calls_and_a_second_one_a_single_call(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(application)
    lines = log_lines(monkeypatch)
    record_sms_receipt.handle(published(), None)
    record_sms_receipt.handle(published(), None)
    told = [(line["outcome"], line["aws_calls"]) for line in lines() if line["message"] == "sms_news_recorded"]
    assert told == [
        (["ACCEPTED"], ["BatchGetItem", "PutItem"]),
        (["DELIVERED"], ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]),
        (["unchanged"], ["BatchGetItem"]),
        (["unchanged"], ["BatchGetItem"]),
    ]


def test_a_missed_call_is_heard(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    key = sent(application)
    lines = log_lines(monkeypatch)
    assert record_sms_receipt.handle(published("_reply"), None) == NOTHING_FAILED
    assert one(application, key)["heard"] == {
        "what": "heard",
        "how": "missed_call",
        "by": "leader",
        "at": "2026-11-25T04:06:00Z",
    }
    assert "99999" not in json.dumps(lines())


def test_a_call_of_a_stranger_is_counted_and_stored_nowhere(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: dict[str, int] = {}
    monkeypatch.setattr(telemetry.metrics, "add_metric", lambda name, unit, value: counted.update({name: value}))
    contact = {"group_id": "G11", "slot": "leader", "name": "Leader", "phone": phone("G12")}
    application.store.commit([Put(tables.contact("G11", "leader"), contact)])
    lines = log_lines(monkeypatch)
    assert record_sms_receipt.handle(published("_reply"), None) == NOTHING_FAILED
    assert counted == {"SmsFromUnknownNumber": 1}
    [shown] = open_exceptions(application)
    assert shown["kind"] == "SMS_NEWS_UNREADABLE"
    assert "99999" not in json.dumps([shown, *lines()])
    assert list(application.store.scan(Table.NOTIFICATIONS)) == []


def test_news_that_nobody_understands_are_kept_and_shown_once_and_acknowledged(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = log_lines(monkeypatch)
    for _ in range(2):
        assert record_sms_receipt.handle(published("_unreadable"), None) == NOTHING_FAILED
    shown = open_exceptions(application)
    assert sorted(one["message"].partition(" (")[0] for one in shown) == [
        "context: is missing",
        "the message is not JSON",
        "version: Input should be 1",
    ]
    kept = application.store.page(Table.DELIVERIES, "UNREAD#queue#sms-receipts").items
    assert {one["body"] for one in kept} == {record["body"] for record in published("_unreadable")["Records"]}
    assert [line["outcome"] for line in lines()] == [["sms_news_unreadable"]] * 3 + [["duplicate"]] * 3


def test_fault_28_a_report_that_fails_comes_back_alone_and_the_log_quotes_nothing(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(application)
    lines = log_lines(monkeypatch)
    came = [*published()["Records"], *published("_unreadable")["Records"][:1]]
    came = [record | {"messageId": f"m-{number}"} for number, record in enumerate(came)]
    boto3.client("dynamodb").delete_table(TableName=application.settings.tables[Table.NOTIFICATIONS])
    answer = record_sms_receipt.handle({"Records": came}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}, {"itemIdentifier": "m-1"}]}
    assert "99999" not in json.dumps(lines())


def test_no_messages_are_no_work(application: Application) -> None:
    assert record_sms_receipt.handle({"Records": []}, None) == NOTHING_FAILED
