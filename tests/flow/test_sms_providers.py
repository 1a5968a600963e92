"""From what a provider really posts to what stands of the text: the true readers, through the queue's use case."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest

from hunar.adapters.sms import news
from hunar.domain.receipt import failed_in_row, letter
from hunar.messages import SmsNews
from hunar.ports import QueueName
from hunar.use_cases.record_receipt import Desk, record_news
from tests.flipkart_messages import created, item
from tests.world import World, phone


@pytest.fixture
def world() -> World:
    made = World()
    made.receipts = True
    made.group("G11")
    made.product("STOLE", "G11", "तसर स्टोल", stock=80)
    made.settle()
    return made


def sent(world: World) -> str:
    """A text that the provider took."""
    world.post(created("S1", item("STOLE", 1)))
    world.work_off(QueueName.ORDER_EVENTS)
    world.relay()
    assert world.work_off(QueueName.NOTIFICATIONS) == ["ACCEPTED"]
    return str(world.notifications()[0]["notification_id"])


def told(world: World, body: str) -> list[str]:
    return record_news(Desk(world.store, world.now, lambda action: action(), news.read), body)


def posted(world: World, provider: str, form: dict[str, str]) -> str:
    raw = base64.b64encode(urlencode(form).encode()).decode()
    return SmsNews(provider=provider, account="main", received_at=world.now, body_b64=raw).model_dump_json()


def aws(name: str, **changes: object) -> str:
    event = {
        "eventType": "TEXT_DELIVERED",
        "eventTimestamp": 1795579209000,
        "isFinal": True,
        "destinationPhoneNumber": phone("G11", "leader"),
        "messageId": "m1",
        "context": {"notification_id": name},
        "totalMessageParts": 2,
        "totalMessagePrice": 0.00556,
    }
    return json.dumps(event | changes)


def test_a_text_of_aws_is_on_its_way_then_delivered_with_its_price(world: World) -> None:
    name = sent(world)
    assert told(world, aws(name, eventType="TEXT_SENT", isFinal=False)) == ["ACCEPTED"]
    assert told(world, aws(name)) == ["DELIVERED"]
    assert told(world, aws(name)) == ["unchanged"]
    receipt = world.notifications()[0]["receipt"]
    assert (receipt["parts"], receipt["price_millionths"], receipt["currency"]) == (2, 5560, "USD")


def test_silence_for_72_hours_fails_no_text(world: World) -> None:
    assert told(world, aws(sent(world), eventType="TEXT_UNKNOWN")) == ["ACCEPTED"]


@pytest.mark.parametrize("provider", ["aws", "msg91", "exotel"])
def test_a_text_that_no_operator_knows_is_its_templates_fault_and_not_the_phones(world: World, provider: str) -> None:
    name = sent(world)
    reports = [{"status": "16", "CRQID": name, "date": "2026-11-26 10:00:00", "failedReason": "633"}]
    said = {
        "aws": aws(name, eventType="TEXT_CARRIER_BLOCKED", messageStatusDescription="DLT 633"),
        "msg91": posted(world, "msg91", {"data": json.dumps([{"requestId": "3466", "report": reports}])}),
        "exotel": posted(
            world,
            "exotel",
            {"SmsSid": "s1", "Status": "failed", "DetailedStatus": "DLT_TEMPLATE_DOES_NOT_MATCH", "CustomField": name},
        ),
    }
    assert told(world, said[provider]) == ["FAILED"]
    text = world.notifications()[0]
    assert letter(text["receipt"]) == "T"
    assert failed_in_row(0, text["receipt"]) == 0
    assert text["receipt"]["reason"] == "The text differs from the one that is registered under its template id."


def test_a_missed_call_says_that_the_text_was_heard(world: World) -> None:
    sent(world)
    call = {"CallSid": "c1", "CallFrom": phone("G11", "leader").replace("+91", "0"), "Direction": "incoming"}
    told(world, posted(world, "exotel", call))
    assert world.notifications()[0]["heard"]["how"] == "missed_call"


def test_a_reply_says_that_there_is_none_in_stock(world: World) -> None:
    sent(world)
    answer = {"SmsSid": "s2", "From": phone("G11", "leader"), "Date": "", "Body": " 2 "}
    told(world, posted(world, "exotel", answer))
    assert world.notifications()[0]["heard"]["what"] == "no_stock"
