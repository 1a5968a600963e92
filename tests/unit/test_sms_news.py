"""What providers of texts post, as they document it, and all that may be wrong with it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from hunar.adapters.sms.dlt import dlt_reason, scrub_code
from hunar.adapters.sms.news import read
from hunar.domain.receipt import Receipt, Reply
from hunar.ports import Rejected

NOW, NUMBER, TEXT = "2026-11-24T09:30:00Z", "+919999900011", "Ready: 2 Jute tote now. Hunar"

EVENT: dict[str, Any] = {
    "eventType": "TEXT_DELIVERED",
    "eventVersion": "1.0",
    "eventTimestamp": 1795512600470,
    "isFinal": True,
    "originationPhoneNumber": "HUNARS",
    "destinationPhoneNumber": NUMBER,
    "isoCountryCode": "IN",
    "messageId": "862a8790-60c0-4430-9b2b-658bdexample",
    "messageStatus": "DELIVERED",
    "messageStatusDescription": "Message has been accepted by phone carrier",
    "context": {"notification_id": "n1"},
    "totalMessageParts": 2,
    "totalMessagePrice": 0.00556,
    "totalCarrierFee": 0.0,
}


def read_json(provider: str, content: object) -> list[Receipt | Reply]:
    return read(provider, json.dumps(content).encode(), NOW)


def event(**changes: object) -> Receipt:
    changed = {name: value for name, value in (EVENT | changes).items() if value != "absent"}
    (receipt,) = read_json("aws", changed)
    assert isinstance(receipt, Receipt)
    return receipt


# --- End User Messaging


def test_an_event_of_aws_is_a_receipt_with_its_parts_and_its_price() -> None:
    assert event() == Receipt(
        provider="aws",
        notification_id="n1",
        provider_id="862a8790-60c0-4430-9b2b-658bdexample",
        state="DELIVERED",
        final=True,
        at="2026-11-24T09:30:00Z",
        code="DELIVERED",
        reason="",
        parts=2,
        price_millionths=5560,
        currency="USD",
    )


def test_an_event_in_the_envelope_of_sns_says_the_same() -> None:
    envelope = {"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": json.dumps(EVENT)}
    assert read_json("aws", envelope) == [event()]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("QUEUED", "SENT"),
        ("PENDING", "SENT"),
        ("SENT", "SENT"),
        ("SUCCESSFUL", "SENT"),
        ("UNKNOWN", "SENT"),
        ("DELIVERED", "DELIVERED"),
        ("TTL_EXPIRED", "EXPIRED"),
        ("INVALID", "FAILED"),
        ("INVALID_MESSAGE", "FAILED"),
        ("UNREACHABLE", "FAILED"),
        ("CARRIER_UNREACHABLE", "FAILED"),
        ("BLOCKED", "FAILED"),
        ("CARRIER_BLOCKED", "FAILED"),
        ("SPAM", "FAILED"),
        ("PROTECT_BLOCKED", "FAILED"),
    ],
)
def test_every_event_of_a_text_has_its_state_and_only_what_went_wrong_a_reason(kind: str, state: str) -> None:
    receipt = event(eventType=f"TEXT_{kind}", isFinal=False)
    assert (receipt.state, receipt.final, receipt.code) == (state, False, kind)
    assert bool(receipt.reason) == (state in ("FAILED", "EXPIRED") or kind == "UNKNOWN")


def test_silence_for_72_hours_is_the_last_word_and_no_failure() -> None:
    receipt = event(eventType="TEXT_UNKNOWN", isFinal=True)
    assert (receipt.state, receipt.final, receipt.code) == ("SENT", True, "UNKNOWN")


def test_an_operators_scrub_code_is_said_in_words() -> None:
    said = f"DLT error 633 for {NUMBER}: {TEXT}"
    receipt = event(eventType="TEXT_CARRIER_BLOCKED", messageStatusDescription=said)
    assert receipt.code == "CARRIER_BLOCKED:633"
    assert receipt.reason == "The text differs from the one that is registered under its template id."
    assert event(messageStatusDescription=said).code == "DELIVERED"


@pytest.mark.parametrize(
    ("price", "fee", "millionths"),
    [
        ("0.09582", "0.0", 95_820),
        ("0.00278", "0.00001", 2_790),
        ("1", "0", 1_000_000),
        ("0.1", "null", 100_000),
        ("0.0000001", "0", 1),
        ("0.1234567", "0", 123_457),
        ("3e-3", "0", 3_000),
        ("0", "0", 0),
    ],
)
def test_a_price_is_exact_and_never_rounded_down(price: str, fee: str, millionths: int) -> None:
    body = json.dumps(EVENT | {"totalMessagePrice": "PRICE", "totalCarrierFee": "FEE"})
    (receipt,) = read("aws", body.replace('"PRICE"', price).replace('"FEE"', fee).encode(), NOW)
    assert isinstance(receipt, Receipt)
    assert (receipt.price_millionths, receipt.currency) == (millionths, "USD")


def test_what_an_event_leaves_out_is_not_known() -> None:
    receipt = event(totalMessagePrice="absent", totalMessageParts="absent", context="absent")
    assert (receipt.price_millionths, receipt.currency, receipt.parts) == (None, None, None)
    assert (receipt.notification_id, receipt.provider_id) == (None, EVENT["messageId"])
    assert event(messageId="absent").notification_id == "n1"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"eventType": "VOICE_ANSWERED"}, "eventType"),
        ({"eventType": TEXT}, "eventType"),
        ({"eventType": "absent"}, "eventType"),
        ({"eventType": ["TEXT_SENT"]}, "eventType"),
        ({"isFinal": "true"}, "isFinal"),
        ({"isFinal": "absent"}, "isFinal"),
        ({"eventTimestamp": "absent"}, "eventTimestamp"),
        ({"eventTimestamp": "1795512600470"}, "eventTimestamp"),
        ({"eventTimestamp": True}, "eventTimestamp"),
        ({"eventTimestamp": 10**15}, "eventTimestamp"),
        ({"eventTimestamp": -1}, "eventTimestamp"),
        ({"messageId": "absent", "context": {}}, "messageId"),
        ({"messageId": TEXT}, "messageId"),
        ({"context": [NUMBER]}, "context"),
        ({"context": {"notification_id": 1.5}}, "notification_id"),
        ({"context": {"notification_id": TEXT}}, "notification_id"),
        ({"totalMessageParts": 0}, "totalMessageParts"),
        ({"totalMessageParts": NUMBER}, "totalMessageParts"),
        ({"totalMessagePrice": "0.1"}, "totalMessagePrice"),
        ({"totalMessagePrice": -0.1}, "totalMessagePrice"),
        ({"totalMessagePrice": 1e300}, "totalMessagePrice"),
        ({"totalMessagePrice": True}, "totalMessagePrice"),
        ({"totalCarrierFee": "x"}, "totalCarrierFee"),
    ],
)
def test_a_wrong_event_names_its_field_and_shows_nothing_of_it(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Rejected, match=f"^{named}: ") as refused:
        event(**changes)
    assert NUMBER not in str(refused.value)
    assert "Ready" not in str(refused.value)


@pytest.mark.parametrize("provider", ["aws", "msg91", "exotel"])
@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"hello", b"{", b"[", b"[]", b"[1]", b'{"a": NaN}', b"[" * 100_000, b"a=1&" * 300 + b"b=2"],
)
def test_a_body_that_is_nothing_is_rejected_as_such(provider: str, body: bytes) -> None:
    with pytest.raises(Rejected, match="^body: "):
        read(provider, body, NOW)


@pytest.mark.parametrize("provider", ["sns", "pigeon"])
def test_a_provider_that_tells_nothing_is_rejected(provider: str) -> None:
    with pytest.raises(Rejected, match="^provider: "):
        read(provider, b"{}", NOW)


@pytest.mark.parametrize("message", ["absent", "", "hello", "[]"])
def test_an_envelope_without_an_event_names_the_message(message: str) -> None:
    envelope = {"Type": "Notification"} | ({} if message == "absent" else {"Message": message})
    with pytest.raises(Rejected, match="^Message: "):
        read_json("aws", envelope)


# --- MSG91

REPORT = {
    "date": "2026-11-24 15:00:00",
    "amount": "0.01",
    "clientid": "",
    "INMSID": "0",
    "CRQID": "n1",
    "number": NUMBER[1:],
    "credit": "1",
    "status": "1",
    "desc": "DELIVERED",
    "failedReason": "",
}
REQUEST_ID = "346a6f6e5f6d736739313130"
DELIVERED = Receipt("msg91", "n1", REQUEST_ID, "DELIVERED", True, "2026-11-24T09:30:00Z", "DELIVERED")


def second(*reports: object, **request: object) -> bytes:
    """Version 2 of the webhook."""
    requests = [{"senderId": "HUNARS", "requestId": REQUEST_ID, "report": list(reports)} | request]
    return urlencode({"data": json.dumps(requests)}).encode()


def third(**changes: object) -> bytes:
    """Version 3: one report."""
    return json.dumps(REPORT | {"requestId": REQUEST_ID, "senderId": "HUNARS"} | changes).encode()


def test_the_versions_of_msg91s_webhook_say_the_same() -> None:
    as_json = json.dumps({"data": json.dumps([{"requestId": REQUEST_ID, "report": [REPORT]}])}).encode()
    new = {
        "requestId": REQUEST_ID,
        "requestedAt": "2026-11-24 14:59:58",
        "deliveryTime": "2026-11-24 15:00:00",
        "status": "Delivered",
        "telNum": NUMBER[1:],
        "CRQID": "n1",
        "failureReason": "",
        "smsLength": "1",
    }
    for body in (second(REPORT), as_json, third(), json.dumps(new).encode()):
        assert read("msg91", body, NOW) == [DELIVERED]


def test_several_reports_come_in_one_post() -> None:
    other = REPORT | {"CRQID": "n2", "status": "2", "desc": "FAILED"}
    receipts = read("msg91", second(REPORT, other), NOW)
    assert [(receipt.notification_id, receipt.state) for receipt in receipts if isinstance(receipt, Receipt)] == [
        ("n1", "DELIVERED"),
        ("n2", "FAILED"),
    ]
    assert read("msg91", second(), NOW) == []


@pytest.mark.parametrize(
    ("status", "code"), [("2", "FAILED"), ("9", "NDNC"), ("16", "REJECTED"), ("25", "REJECTED"), ("17", "BLOCKED")]
)
def test_every_status_of_msg91_is_known(status: str, code: str) -> None:
    for written in (status, int(status), code.title()):
        (receipt,) = read("msg91", third(status=written, desc="", failedReason=f"for {NUMBER}"), NOW)
        assert isinstance(receipt, Receipt)
        assert (receipt.state, receipt.final, receipt.code) == ("FAILED", True, code)
        assert receipt.reason == f"The provider says: {code.lower()}."


def test_a_scrub_code_in_msg91s_reason_is_said_in_words() -> None:
    (receipt,) = read("msg91", third(status="16", failedReason=f"TEMPLATE_NOT_FOUND {TEXT}"), NOW)
    assert isinstance(receipt, Receipt)
    assert (receipt.code, receipt.reason) == ("REJECTED:630", "The template id is not on file at the operators.")


def test_a_report_without_our_id_goes_by_the_requests() -> None:
    for none in ("0", "", None):
        (receipt,) = read("msg91", third(CRQID=none), NOW)
        assert isinstance(receipt, Receipt)
        assert (receipt.notification_id, receipt.provider_id) == (None, REQUEST_ID)


def test_a_report_without_a_time_is_of_when_it_came() -> None:
    (receipt,) = read("msg91", third(date=""), "2026-11-24T10:00:00Z")
    assert isinstance(receipt, Receipt)
    assert receipt.at == "2026-11-24T10:00:00Z"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (third(status=""), "status"),
        (third(status="99"), "status"),
        (third(status=[1]), "status"),
        (third(requestId="", CRQID="0"), "requestId"),
        (third(requestId=TEXT), "requestId"),
        (third(CRQID=TEXT), "CRQID"),
        (third(date=TEXT), "date"),
        (third(deliveryTime=NUMBER), "deliveryTime"),
        (second(TEXT), "report"),
        (second(report=TEXT), "report"),
        (b"data=", "data"),
        (b"data=%7B%7D", "data"),
        (b'{"data": 7}', "data"),
        (b'{"data": [7]}', "data"),
    ],
)
def test_a_wrong_report_of_msg91_names_its_field(body: bytes, named: str) -> None:
    with pytest.raises(Rejected, match=f"^{named}: ") as refused:
        read("msg91", body, NOW)
    assert NUMBER not in str(refused.value)
    assert "Ready" not in str(refused.value)


# --- Exotel

CALLBACK = {
    "SmsSid": "0b6c6a98f32682862ce6edf1bdab3526",
    "To": "09999900011",
    "Status": "sent",
    "SmsUnits": "2",
    "DetailedStatus": "DELIVERED_TO_HANDSET",
    "DetailedStatusCode": "20005",
    "DateSent": "2026-11-24 15:00:00",
    "CustomField": "n1",
}


def callback(**changes: str) -> Receipt:
    (receipt,) = read("exotel", urlencode(CALLBACK | changes).encode(), NOW)
    assert isinstance(receipt, Receipt)
    return receipt


def test_exotels_callback_is_a_receipt_as_a_form_and_as_json() -> None:
    expected = Receipt(
        provider="exotel",
        notification_id="n1",
        provider_id="0b6c6a98f32682862ce6edf1bdab3526",
        state="DELIVERED",
        final=True,
        at="2026-11-24T09:30:00Z",
        code="DELIVERED_TO_HANDSET",
        parts=2,
    )
    assert callback() == expected
    assert read_json("exotel", CALLBACK | {"SmsUnits": 2}) == [expected]


@pytest.mark.parametrize(
    ("status", "detail", "state", "final", "code"),
    [
        ("queued", "PENDING_TO_OPERATOR", "SENT", False, "PENDING_TO_OPERATOR"),
        ("sending", "", "SENT", False, "SENDING"),
        ("submitted", "PENDING_ON_OPERATOR", "SENT", False, "PENDING_ON_OPERATOR"),
        ("sent", "DELIVERED_TO_OPERATOR", "SENT", False, "DELIVERED_TO_OPERATOR"),
        ("sent", TEXT, "SENT", False, "SENT"),
        ("delivered", "DELIVERED_TO_HANDSET", "DELIVERED", True, "DELIVERED_TO_HANDSET"),
        ("failed", "FAILED_SUBSCRIBER_ERROR", "FAILED", True, "FAILED_SUBSCRIBER_ERROR"),
        ("failed", TEXT, "FAILED", True, "FAILED"),
        ("failed", "FAILED_EXPIRED", "EXPIRED", True, "FAILED_EXPIRED"),
        ("expired", "", "EXPIRED", True, "EXPIRED"),
        ("undelivered", "", "FAILED", True, "UNDELIVERED"),
        ("failed_dnd", "FAILED_DND", "FAILED", True, "FAILED_DND:650"),
        ("failed", "DLT_TEMPLATE_DOES_NOT_MATCH", "FAILED", True, "DLT_TEMPLATE_DOES_NOT_MATCH:633"),
        ("failed", "DLT_TEMPLATE_ID_INACTIVE", "FAILED", True, "DLT_TEMPLATE_ID_INACTIVE:631"),
        ("failed", "FAILED_INVALID_SENDER", "FAILED", True, "FAILED_INVALID_SENDER:620"),
    ],
)
def test_every_status_of_exotel_has_its_state(status: str, detail: str, state: str, final: bool, code: str) -> None:
    receipt = callback(Status=status, DetailedStatus=detail)
    assert (receipt.state, receipt.final, receipt.code) == (state, final, code)
    assert bool(receipt.reason) == (state in ("FAILED", "EXPIRED"))
    assert "Ready" not in receipt.reason


def test_a_text_that_was_never_sent_has_the_time_of_its_news_and_no_parts() -> None:
    receipt = callback(Status="failed", DateSent="1970-01-01 05:30:00", SmsUnits="0")
    assert (receipt.at, receipt.parts) == (NOW, None)


def test_an_answer_by_text_is_a_reply_in_either_form() -> None:
    posted = {
        "SmsSid": "2Q08orixl5wTp8Z8upk9Hb3sDcl",
        "Direction": "incoming",
        "Sender": NUMBER,
        "ReceivedOn": "12345",
        "MessageBody": " 1 ",
        "ReceivedTime": "2026-11-24T09:30:00Z",
    }
    query = {
        "SmsSid": posted["SmsSid"],
        "From": "9999900011",
        "To": "56070",
        "Date": "2026-11-24 15:00:00",
        "Body": "1",
    }
    expected = Reply("exotel", "2Q08orixl5wTp8Z8upk9Hb3sDcl", NUMBER, "1", "2026-11-24T09:30:00Z")
    assert read_json("exotel", posted) == [expected]
    assert read("exotel", urlencode(query).encode(), NOW) == [expected]


def test_a_missed_call_is_a_reply_without_words_and_a_key_that_was_pressed_one_with_it() -> None:
    call = {
        "CallSid": "56b1234567abcdef89abcdef12345678",
        "CallFrom": "09999900011",
        "CallTo": "08000000000",
        "Direction": "incoming",
        "StartTime": "2026-11-24 15:00:00",
        "CurrentTime": "2026-11-24 15:00:02",
    }
    missed = Reply("exotel", call["CallSid"], NUMBER, "", "2026-11-24T09:30:00Z")
    assert read("exotel", urlencode(call).encode(), NOW) == [missed]
    (pressed,) = read("exotel", urlencode(call | {"digits": '"2"'}).encode(), NOW)
    assert isinstance(pressed, Reply)
    assert pressed.text == "2"
    assert NUMBER not in repr(pressed)


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("+919999900011", NUMBER),
        ("919999900011", NUMBER),
        ("09999900011", NUMBER),
        ("9999900011", NUMBER),
        ("+91 99999-00011", NUMBER),
        ("+12065550152", "+12065550152"),
    ],
)
def test_a_callers_number_is_written_one_way(written: str, phone: str) -> None:
    (reply,) = read_json("exotel", {"CallSid": "c1", "From": written})
    assert isinstance(reply, Reply)
    assert reply.phone == phone


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (CALLBACK | {"Status": ""}, "Status"),
        (CALLBACK | {"Status": TEXT}, "Status"),
        (CALLBACK | {"SmsSid": ""}, "SmsSid"),
        (CALLBACK | {"SmsSid": TEXT}, "SmsSid"),
        (CALLBACK | {"CustomField": TEXT}, "CustomField"),
        (CALLBACK | {"SmsUnits": NUMBER}, "SmsUnits"),
        (CALLBACK | {"DateSent": TEXT}, "DateSent"),
        ({"SmsSid": "s1", "Sender": NUMBER, "MessageBody": "1", "Direction": "outbound"}, "Direction"),
        ({"SmsSid": "s1", "Sender": "Private", "MessageBody": "1"}, "Sender"),
        ({"Sender": NUMBER, "MessageBody": "1"}, "SmsSid"),
        ({"SmsSid": "s1", "Body": "1"}, "From"),
        ({"SmsSid": "s1", "From": NUMBER, "Body": ["1"]}, "Body"),
        ({"CallSid": "c1", "From": "+9199999000111234567"}, "From"),
        ({"CallSid": "c1", "CallFrom": NUMBER, "Direction": "outbound-dial"}, "Direction"),
        ({"CallSid": "c1", "CallFrom": NUMBER, "StartTime": "noon"}, "StartTime"),
    ],
)
def test_wrong_news_of_exotel_name_their_field(content: dict[str, object], named: str) -> None:
    with pytest.raises(Rejected, match=f"^{named}: ") as refused:
        read_json("exotel", content)
    assert NUMBER not in str(refused.value)
    assert "Ready" not in str(refused.value)


# --- scrub codes


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("633", "The text differs from the one that is registered under its template id."),
        ("TEMPLATE_NOT_MATCHED", "The text differs from the one that is registered under its template id."),
        ("DLT_TEMPLATE_DOES_NOT_MATCH", "The text differs from the one that is registered under its template id."),
        ("613", "The provider may not send for the agency; bind the two on the DLT portal."),
        ("699", "699"),
        ("SOMETHING_NEW", "SOMETHING_NEW"),
        ("", ""),
    ],
)
def test_a_scrub_code_is_said_in_words_and_one_that_is_unknown_as_it_is(code: str, reason: str) -> None:
    assert dlt_reason(code) == reason


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("633", "633"),
        ("DLT:633:TEMPLATE_NOT_MATCHED", "633"),
        ("failed with TEMPLATE_NOT_FOUND", "630"),
        ("error 699", None),
        ("16331", None),
        ("9996330001", None),
        ("Message has been accepted by phone carrier", None),
        ("", None),
    ],
)
def test_a_scrub_code_is_found_in_a_providers_words_and_not_in_a_number(text: str, code: str | None) -> None:
    assert scrub_code(text) == code


def test_every_reason_is_one_sentence() -> None:
    numbers = [str(number) for number in range(600, 680) if dlt_reason(str(number)) != str(number)]
    assert len(numbers) > 30
    for number in numbers:
        reason = dlt_reason(number)
        assert reason[0].isupper()
        assert reason.endswith(".")
        assert scrub_code(number) == number
