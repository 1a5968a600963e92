"""What the stand-in for the SMS network tells of a text after it took it, and how it fails, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, web

from local.phones import DELIVERED, Phones, count_parts, part_ends, sms_service

ENTITY, SENDER, TEMPLATE = "1101000000000000001", "HUNARS", "1107000000000000101"
LEADER = "+919999900011"
HEADERS = {
    "X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage",
    "Authorization": "AWS4-HMAC-SHA256 Credential=K/20261125/ap-south-1/sms-voice/aws4_request",
}


class Network:
    """Phones whose events are kept, with the moment's number of answers that were given before each."""

    def __init__(self, **faults: float) -> None:
        self.phones = Phones(sent_after=0.01, ends_after=0.03, tell=self._tell)
        self.phones.register(ENTITY, SENDER, TEMPLATE, "Ready: {item}. Hunar (demo)")
        self.phones.faults.set(faults)
        self.events: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.answered_before: list[int] = []

    def _tell(self, event: str) -> None:
        self.events.append(json.loads(event))
        self.answered_before.append(len(self.answers))

    def send(self, *messages: Mapping[str, Any], wait: float = 0.1) -> Network:
        """Posts each message, and looks so long at what is told."""
        asyncio.run(self._send(messages, wait))
        return self

    async def _send(self, messages: tuple[Mapping[str, Any], ...], wait: float) -> None:
        runner = web.AppRunner(sms_service(self.phones))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            async with ClientSession() as session:
                for message in messages:
                    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
                    async with session.post(url, json=dict(message), headers=HEADERS) as answer:
                        self.answers.append((answer.status, await answer.json(content_type=None)))
            await asyncio.sleep(wait)
        finally:
            await runner.cleanup()

    @property
    def told(self) -> list[str]:
        return [event["messageStatus"] for event in self.events]


def message(**changes: Any) -> dict[str, Any]:
    return {
        "DestinationPhoneNumber": LEADER,
        "OriginationIdentity": SENDER,
        "MessageBody": "Ready: 2 totes. Hunar (demo)",
        "MessageType": "TRANSACTIONAL",
        "MaxPrice": "0.01",
        "Context": {"notification_id": "n1"},
        "ConfigurationSetName": "receipts",
        "DestinationCountryParameters": {"IN_ENTITY_ID": ENTITY, "IN_TEMPLATE_ID": TEMPLATE},
    } | changes


def test_a_text_is_told_to_be_sent_and_then_to_have_arrived() -> None:
    network = Network().send(message())
    sent, ended = network.events
    assert (sent["eventType"], sent["isFinal"]) == ("TEXT_SENT", False)
    assert (ended["eventType"], ended["isFinal"]) == ("TEXT_DELIVERED", True)
    assert {event["messageId"] for event in network.events} == {network.answers[0][1]["MessageId"]}
    assert ended["context"] == {"notification_id": "n1"}
    assert (ended["totalMessageParts"], ended["totalMessagePrice"], ended["isoCountryCode"]) == (1, 0.00278, "IN")
    assert sent["eventTimestamp"] < ended["eventTimestamp"]
    [shown] = network.phones.texts()
    assert (shown["receipt"], shown["reached"], shown["to"]) == ("DELIVERED", True, LEADER)
    assert network.phones.receipts_on_their_way() == 0


def test_the_documented_fields_of_an_event_are_all_there_and_no_other() -> None:
    [event, _] = Network().send(message()).events
    assert event.keys() == {
        "eventType", "eventVersion", "eventTimestamp", "isFinal", "originationPhoneNumber", "destinationPhoneNumber",
        "isoCountryCode", "mcc", "mnc", "carrierName", "messageId", "messageRequestTimestamp", "messageEncoding",
        "messageType", "messageStatus", "messageStatusDescription", "context", "totalMessageParts",
        "totalMessagePrice", "totalCarrierFee",
    }  # fmt: skip


def test_without_a_configuration_set_nobody_is_told() -> None:
    without = message()
    del without["ConfigurationSetName"]
    network = Network().send(without)
    assert (network.events, len(network.phones.received())) == ([], 1)


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [("undelivered", "UNREACHABLE", "unreachable"), ("scrub", "CARRIER_BLOCKED", "633 TEMPLATE_NOT_MATCHED")],
)
def test_a_text_that_was_taken_may_still_reach_no_phone(fault: str, status: str, words: str) -> None:
    network = Network(**{fault: 1}).send(message(), message(Context={"notification_id": "n2"}))
    assert [code for code, _ in network.answers] == [200, 200]
    ended = {event["context"]["notification_id"]: event for event in network.events if event["isFinal"]}
    assert (ended["n1"]["messageStatus"], ended["n2"]["messageStatus"]) == (status, "DELIVERED")
    assert words in ended["n1"]["messageStatusDescription"]
    assert [text["notification_id"] for text in network.phones.received()] == ["n2"]
    assert [(text["notification_id"], text["reached"]) for text in network.phones.texts()] == [
        ("n1", False),
        ("n2", True),
    ]


def test_receipts_can_be_missing_early_or_twice() -> None:
    assert Network(no_receipt=1).send(message()).told == []
    early = Network(early_receipt=1).send(message())
    assert (early.told, early.answered_before) == (["DELIVERED", "SENT"], [0, 1])
    assert [text["receipt"] for text in early.phones.texts()] == ["DELIVERED"]
    assert sorted(Network(duplicate_receipts=1).send(message()).told) == ["DELIVERED"] * 2 + ["SENT"] * 2
    assert Network(lose=0).send(message()).answered_before == [1, 1]


def test_receipts_that_are_kept_back_are_nobodys_to_wait_for() -> None:
    network = Network(delay_receipts=30).send(message())
    assert (network.told, network.phones.receipts_on_their_way()) == ([], 0)
    assert [text["receipt"] for text in network.phones.texts()] == [None]


def test_what_comes_soon_is_waited_for() -> None:
    phones = Phones(tell=lambda event: None)
    phones.register(ENTITY, SENDER, TEMPLATE, "Ready: {item}. Hunar (demo)")

    async def play() -> list[int]:
        message_id = phones.deliver(message())
        report = asyncio.create_task(phones.report(phones.events(message(), message_id, DELIVERED)[1], after=0.01))
        await asyncio.sleep(0)
        counts = [phones.receipts_on_their_way()]
        await report
        return [*counts, phones.receipts_on_their_way()]

    assert asyncio.run(play()) == [1, 0]


def test_the_spend_limit_and_the_international_route_stop_texts_before_any_phone() -> None:
    network = Network(stop=1).send(message(), message())
    (status, refused), (_, taken) = network.answers
    assert (status, refused["__type"]) == (400, "ServiceQuotaExceededException")
    assert refused["Reason"] == "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"
    assert "MessageId" in taken
    assert len(network.phones.received()) == 1
    dear = Network(ildo=1).send(message())
    assert dear.answers[0][1]["Reason"] == "PRICE_OVER_THRESHOLD"
    assert dear.phones.received() == []
    # Who sets no limit pays the price of that route.
    unlimited = message()
    del unlimited["MaxPrice"]
    assert Network(ildo=1).send(unlimited).events[-1]["totalMessagePrice"] == 0.02171


def test_a_text_that_is_refused_is_told_by_its_answer_alone() -> None:
    network = Network(undelivered=1).send(message(MessageBody="Something else"))
    assert (network.answers[0][0], network.events, network.phones.texts()) == (400, [], [])
    assert [entry["notification_id"] for entry in network.phones.refused()] == ["n1"]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("", [0]),
        ("w" * 160, [160]),
        ("w" * 161, [153, 161]),
        ("w" * 152 + "€" + "w" * 10, [152, 163]),
        ("क" * 70, [70]),
        ("क" * 71, [67, 71]),
        ("क" * 66 + "😀" + "क" * 10, [66, 78]),
        ("क" * 200, [67, 134, 200]),
    ],
)
def test_a_part_ends_where_its_octets_end_and_never_within_a_character(text: str, ends: list[int]) -> None:
    assert part_ends(text) == ends
    assert count_parts(text) == len(ends)
