"""The deployed entries of apply_order_events, relay_effects and notify_group, on their Lambda events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws

from functions.apply_order_events import handler as apply_order_events
from functions.notify_group import handler as notify_group
from functions.relay_effects import handler as relay_effects
from hunar import tables, wiring
from hunar.ports import Accepted, Put, QueueName, Rejected, SmsAnswer, SmsRequest
from hunar.tables import Table
from hunar.use_cases import apply
from hunar.wiring import Application
from tests.deployed import deploy, event, log_lines, open_exceptions, waiting
from tests.world import World

ORDER = tables.order("flipkart:demo:S1")
STOCK = tables.stock("STOLE")
_WRITE = TypeSerializer()
NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        made = deploy(monkeypatch)
        # The catalogue is that of the flow tests, written into the real tables.
        world = World()
        world.store = made.store  # type: ignore[assignment]
        world.group("G11")
        world.product("STOLE", "G11", "तसर स्टोल")
        yield made
        wiring.application.cache_clear()


def test_stock_is_counted_in_once_and_an_order_reserves_it(application: Application) -> None:
    for name in ("adjust", "adjust", "webhook", "webhook"):
        assert apply_order_events.handle(event(f"apply_order_events_{name}"), None) == NOTHING_FAILED
    found = application.store.read([ORDER, STOCK])
    assert (found[STOCK]["on_hand"], found[STOCK]["reserved"]) == (8, 3)
    assert found[ORDER]["outbox"] == "effects"


def test_the_log_counts_the_calls_of_a_delivery(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log_lines(monkeypatch)
    apply_order_events.handle(event("apply_order_events_adjust"), None)
    apply_order_events.handle(event("apply_order_events_webhook"), None)
    apply_order_events.handle(event("apply_order_events_webhook"), None)
    assert [(line["outcome"], line["aws_calls"]) for line in lines()[1:]] == [
        ("new", ["PutItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems"]),
        ("duplicate", ["PutItem", "BatchGetItem"]),
    ]


def test_a_mapping_wakes_the_orders_that_wait(application: Application) -> None:
    listing = tables.listing("flipkart", "demo", "STOLE")
    key = {"pk": {"S": listing.pk}, "sk": {"S": listing.sk}}
    boto3.client("dynamodb").delete_item(TableName=application.settings.tables[listing.table], Key=key)
    apply_order_events.handle(event("apply_order_events_webhook"), None)
    assert [entry["kind"] for entry in open_exceptions(application)] == ["UNKNOWN_LISTING"]
    World.map_listing(_on(application), "STOLE", "G11")
    apply_order_events.handle(event("apply_order_events_mapped"), None)
    assert application.store.read([STOCK])[STOCK]["short"] == 3
    assert [entry["kind"] for entry in open_exceptions(application)] == ["SHORT"]


def test_units_that_come_after_the_order_are_allocated_to_it(application: Application) -> None:
    for name in ("webhook", "adjust", "allocate", "allocate"):
        assert apply_order_events.handle(event(f"apply_order_events_{name}"), None) == NOTHING_FAILED
    found = application.store.read([ORDER, STOCK])
    assert (found[STOCK]["available"], found[STOCK]["reserved"], found[STOCK]["short"]) == (5, 3, 0)
    assert found[ORDER]["applied"]["1"]["reserved"] == 3
    assert open_exceptions(application) == []
    assert application.store.page(Table.STOCK, "STOLE", prefix=tables.SHORT_LINES).items == []


def test_amazons_queue_is_a_second_door_and_a_message_of_another_seller_does_not_pass(application: Application) -> None:
    of = {"marketplace": "amazon", "account": "demo-api"}
    [listing] = application.store.read([tables.listing("flipkart", "demo", "STOLE")]).values()
    application.store.commit(
        [
            Put(tables.account("amazon", "demo-api"), of | {"seller_id": "A1HUNARDEMO0"}),
            Put(tables.listing("amazon", "demo-api", "STOLE"), listing | of),
        ]
    )
    assert apply_order_events.handle(event("apply_order_events_amazon"), None) == NOTHING_FAILED
    found = application.store.read([tables.order("amazon:demo-api:903-8868176-2219830"), STOCK])
    assert len(found) == 2
    assert found[STOCK]["short"] == 2
    assert [entry["kind"] for entry in open_exceptions(application)] == ["SHORT", "OTHER_SELLER"]


def test_messages_that_nobody_understands_are_kept_and_shown_once(application: Application) -> None:
    for _ in range(2):
        assert apply_order_events.handle(event("apply_order_events_unknown"), None) == NOTHING_FAILED
    assert [entry["kind"] for entry in open_exceptions(application)] == ["UNKNOWN_MESSAGE"] * 3
    kept = application.store.page(Table.DELIVERIES, "UNREAD#queue#order-events").items
    assert {"no json"} < {delivery["body"] for delivery in kept}


def test_fault_28_a_message_that_fails_comes_back_alone_and_the_log_says_why(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = log_lines(monkeypatch)
    good = event("apply_order_events_adjust")["Records"][0]
    bad = event("apply_order_events_webhook")["Records"][0] | {"messageId": "comes-back"}
    boto3.client("dynamodb").delete_table(TableName=application.settings.tables[Table.ORDERS])
    answer = apply_order_events.handle({"Records": [good, bad]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "comes-back"}]}
    assert application.store.read([STOCK])[STOCK]["on_hand"] == 8
    [said] = [line for line in lines() if line["message"] == "message_failed"]
    assert said["reason"].startswith("Retryable: DynamoDB batch_get_item: ")
    assert any("apply.py" in frame for frame in said["where"])


def test_fault_29_when_all_messages_of_a_batch_fail_all_come_back(application: Application) -> None:
    """Five receives later the queue gives them up; how often is a promise of the template."""
    boto3.client("dynamodb").delete_table(TableName=application.settings.tables[Table.DELIVERIES])
    came = [event("apply_order_events_webhook")["Records"][0] | {"messageId": f"m-{number}"} for number in range(3)]
    answer = apply_order_events.handle({"Records": came}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in came]}


def test_an_error_that_is_not_ours_is_named_but_not_quoted(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> str:
        raise ValueError("+919999900011 cannot be read")

    monkeypatch.setattr(apply, "apply", broken)
    lines = log_lines(monkeypatch)
    [failed] = apply_order_events.handle(event("apply_order_events_webhook"), None)["batchItemFailures"]
    assert failed
    [said] = lines()
    assert said["reason"] == "ValueError"
    assert "9999900011" not in json.dumps(said)


def test_no_messages_are_no_work(application: Application) -> None:
    for function in (apply_order_events, notify_group):
        assert function.handle({"Records": []}, None) == NOTHING_FAILED
    relay_effects.handle({"Records": []}, None)


def test_what_an_order_owes_goes_to_its_queues(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log_lines(monkeypatch)
    relay_effects.handle(event("relay_effects"), None)
    [text] = waiting(application, QueueName.NOTIFICATIONS)
    assert (text["notification_kind"], text["order_ref"], text["contact"]) == (
        "NEW_ORDER",
        "flipkart:demo:S1",
        "leader",
    )
    [payout] = waiting(application, QueueName.PAYOUTS)
    assert (payout["order_ref"], payout["line_id"]) == ("flipkart:demo:S1", "1")
    [allocation] = waiting(application, QueueName.ORDER_EVENTS)
    assert (allocation["kind"], allocation["sku"]) == ("allocate", "STOLE")
    assert {line["table"]: line["sequence_number"] for line in lines()} == {"orders": "100", "stock": "200"}


def test_a_return_that_a_group_must_hear_of_goes_with_what_it_says(application: Application) -> None:
    effect = {
        "effect_id": "r" * 32,
        "kind": "RETURN",
        "group_id": "G11",
        "contact": "leader",
        "good_until": "2026-12-30T00:00:00Z",
        "says": {"units": {"STOLE": 2}},
    }
    image = {"order_ref": "flipkart:demo:S1", "outbox": "effects", "effects": [effect]}
    stream = event("relay_effects")
    stream["Records"][0]["dynamodb"]["NewImage"] = {name: _WRITE.serialize(value) for name, value in image.items()}
    relay_effects.handle({"Records": stream["Records"][:1]}, None)
    [tell] = waiting(application, QueueName.NOTIFICATIONS)
    assert (tell["kind"], tell["notification_kind"], tell["says"]["units"]) == ("tell", "RETURN", {"STOLE": 2})


def test_an_effect_of_an_unknown_kind_goes_to_the_failure_bucket(application: Application) -> None:
    with pytest.raises(Rejected, match="POEM"):
        relay_effects.handle(event("relay_effects_unknown"), None)


class _Phones:
    def __init__(self) -> None:
        self.texts: list[SmsRequest] = []

    def send(self, request: SmsRequest) -> SmsAnswer:
        self.texts.append(request)
        return Accepted("sms-1")


def test_a_text_is_sent_once_and_nothing_of_it_is_logged(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_order_events.handle(event("apply_order_events_adjust"), None)
    apply_order_events.handle(event("apply_order_events_webhook"), None)
    lines = log_lines(monkeypatch)
    [identity] = application.store.read([ORDER])[ORDER]["owed"]
    phones = _Phones()
    application.__dict__["sms"] = phones
    asked = event("notify_group")
    asked["Records"][0]["body"] = asked["Records"][0]["body"].replace("REPLACED", identity)
    for _ in range(2):
        assert notify_group.handle(asked, None) == NOTHING_FAILED
    [text] = phones.texts
    assert "3 तसर स्टोल" in text.text
    logged = json.dumps(lines(), ensure_ascii=False)
    assert "notification_settled" in logged
    assert text.to not in logged
    assert "तसर" not in logged


def test_a_notification_that_nobody_understands_is_shown(application: Application) -> None:
    assert notify_group.handle(event("notify_group_unknown"), None) == NOTHING_FAILED
    [shown] = open_exceptions(application)
    assert (shown["kind"], "notification_kind" in shown["message"]) == ("UNKNOWN_MESSAGE", True)


def _on(application: Application) -> World:
    world = World()
    world.store = application.store  # type: ignore[assignment]
    return world
