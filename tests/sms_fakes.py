"""Stand-ins for the APIs of the providers of texts: real HTTP on the loopback address.

They share no code with what they check. Each refuses what the real one refuses, in the provider's own form, and can be
told what goes wrong. What a phone received stands in ``phones``, every request in ``requests``.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

ENTITY, SENDER, TEMPLATE = "1101000000000000001", "HUNARS", "1107000000000000101"
PATTERN = re.compile(r"Ready: (?P<item>[^.]{1,30}) now\. Hunar")
FLOW, FLOW_TEXT = "66f0a1b2c3d4e5f601234567", "Ready: ##item## now. Hunar"

FAULTS = ("throttle", "stop", "hang", "break", "html", "large", "fail")
"""Not taken: throttle (too many requests), stop (no money). Taken by the phone, and then: no answer in time, the
connection breaks, a page in HTML, an answer of 20 MB, a server error."""


@dataclass(frozen=True)
class Reply:
    status: int
    content: str
    kind: str = "application/json"


@dataclass(frozen=True)
class Text:
    """What a provider read in a request; ``refusal`` when it does not take it."""

    to: str = ""
    text: str = ""
    template: str = ""
    notification_id: str | None = None
    refusal: Reply | None = None


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: str
    fields: Mapping[str, Any] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    server: Fake

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.requests.append(request)
        fault, let_go = self.server.fault, self.server.let_go
        if fault == "throttle":
            return self.say(self.server.too_many())
        if fault == "stop":
            return self.say(self.server.stopped())
        text = self.server.read(request)
        if text.refusal is not None:
            return self.say(text.refusal)
        self.server.phones.append(text)
        if fault == "hang":
            let_go.wait(10)
        if fault in ("hang", "break"):
            self.close_connection = True
            return None
        if fault == "html":
            return self.say(Reply(200, "<html><body>We will be back soon</body></html>", "text/html"))
        if fault == "fail":
            return self.say(self.server.failed())
        if fault == "large":
            return self.say(Reply(200, "x" * 20 * 1024 * 1024))
        return self.say(self.server.accepted(str(uuid.uuid4())))

    def say(self, reply: Reply) -> None:
        content = reply.content.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


class Fake(ThreadingHTTPServer):
    """A provider and the phones behind it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.phones: list[Text] = []
        self.opted_out: set[str] = set()
        self.fault: str | None = None
        self.let_go = threading.Event()

    def forget(self) -> None:
        """As on the first day."""
        self.let_go.set()
        self.let_go = threading.Event()
        self.requests, self.phones, self.opted_out, self.fault = [], [], set(), None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up before the end is no news."""

    @abstractmethod
    def read(self, request: Request) -> Text: ...

    @abstractmethod
    def accepted(self, identity: str) -> Reply: ...

    @abstractmethod
    def too_many(self) -> Reply: ...

    @abstractmethod
    def stopped(self) -> Reply: ...

    @abstractmethod
    def failed(self) -> Reply: ...


F = TypeVar("F", bound=Fake)


@contextmanager
def serving(fake: F) -> Iterator[F]:
    """Runs it in a thread of its own until the end."""
    thread = threading.Thread(target=fake.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield fake
    finally:
        fake.let_go.set()
        fake.shutdown()
        fake.server_close()
        thread.join()


def _mobile(number: str) -> bool:
    return re.fullmatch(r"\+91[6-9][0-9]{9}", number) is not None


class FakeEndUserMessaging(Fake):
    """AWS JSON 1.0: SendTextMessage."""

    def read(self, request: Request) -> Text:
        if request.headers.get("x-amz-target") != "PinpointSMSVoiceV2.SendTextMessage":
            return Text(refusal=self._error("UnknownOperationException"))
        if "/sms-voice/aws4_request" not in request.headers.get("authorization", ""):
            return Text(refusal=self._error("MissingAuthenticationTokenException", status=403))
        said = json.loads(request.body)
        ids = said.get("DestinationCountryParameters", {})
        if not _mobile(said["DestinationPhoneNumber"]) or not re.fullmatch(r"\d{0,2}\.\d{1,5}", said["MaxPrice"]):
            return Text(refusal=self._error("ValidationException", "INVALID_PARAMETER"))
        if said["OriginationIdentity"] != SENDER:
            return Text(refusal=self._error("ValidationException", "SENDER_ID_NOT_REGISTERED"))
        if said["DestinationPhoneNumber"] in self.opted_out:
            return Text(refusal=self._error("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"))
        if (ids.get("IN_ENTITY_ID"), ids.get("IN_TEMPLATE_ID")) != (ENTITY, TEMPLATE):
            return Text(refusal=self._error("ValidationException", "INVALID_REGISTRATION_ASSOCIATION"))
        if not PATTERN.fullmatch(said["MessageBody"]):
            return Text(refusal=self._error("ValidationException", "INVALID_PARAMETER"))
        return Text(said["DestinationPhoneNumber"], said["MessageBody"], TEMPLATE, said["Context"]["notification_id"])

    def accepted(self, identity: str) -> Reply:
        return Reply(200, json.dumps({"MessageId": identity}), "application/x-amz-json-1.0")

    def too_many(self) -> Reply:
        return self._error("ThrottlingException")

    def stopped(self) -> Reply:
        return self._error("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")

    def failed(self) -> Reply:
        return self._error("InternalServerException", status=500)

    def _error(self, kind: str, reason: str = "", status: int = 400) -> Reply:
        content = {"__type": kind, "Message": "+919999900011 Ready"} | ({"Reason": reason} if reason else {})
        return Reply(status, json.dumps(content), "application/x-amz-json-1.0")


class FakeSns(Fake):
    """AWS query protocol: Publish to a phone number."""

    def read(self, request: Request) -> Text:
        said = {name: values[-1] for name, values in parse_qs(request.body).items()}
        if said.get("Action") != "Publish":
            return Text(refusal=self._error("InvalidAction"))
        if "/sns/aws4_request" not in request.headers.get("authorization", ""):
            return Text(refusal=self._error("MissingAuthenticationToken", 403))
        told = {
            said[f"MessageAttributes.entry.{number}.Name"]: (
                said[f"MessageAttributes.entry.{number}.Value.DataType"],
                said[f"MessageAttributes.entry.{number}.Value.StringValue"],
            )
            for number in range(1, 10)
            if f"MessageAttributes.entry.{number}.Name" in said
        }
        must = {
            "AWS.SNS.SMS.SMSType": ("String", "Transactional"),
            "AWS.SNS.SMS.SenderID": ("String", SENDER),
            "AWS.MM.SMS.EntityId": ("String", ENTITY),
            "AWS.MM.SMS.TemplateId": ("String", TEMPLATE),
        }
        if not _mobile(said["PhoneNumber"]) or said["PhoneNumber"] in self.opted_out:
            return Text(refusal=self._error("InvalidParameter"))
        if not must.items() <= told.items() or told.get("AWS.SNS.SMS.MaxPrice", ("", ""))[0] != "Number":
            return Text(refusal=self._error("InvalidParameter"))
        if not PATTERN.fullmatch(said["Message"]):
            return Text(refusal=self._error("InvalidParameter"))
        return Text(said["PhoneNumber"], said["Message"], TEMPLATE)

    def accepted(self, identity: str) -> Reply:
        result = f"<PublishResult><MessageId>{identity}</MessageId></PublishResult>"
        meta = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
        names = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'
        return Reply(200, f"<PublishResponse {names}>{result}{meta}</PublishResponse>", "text/xml")

    def too_many(self) -> Reply:
        return self._error("Throttling")

    def stopped(self) -> Reply:
        return self._error("AuthorizationError", 403)

    def failed(self) -> Reply:
        return self._error("InternalError", 500)

    def _error(self, code: str, status: int = 400) -> Reply:
        said = escape("Invalid: +919999900011 Ready")
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{said}</Message></Error>"
        names = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'
        return Reply(status, f"<ErrorResponse {names}>{inner}<RequestId>r</RequestId></ErrorResponse>", "text/xml")


class FakeMsg91(Fake):
    """POST /api/v5/flow: fills the slots itself."""

    key = "authkey-of-the-agency"

    def read(self, request: Request) -> Text:
        if request.path != "/api/v5/flow":
            return Text(refusal=Reply(404, "Not Found", "text/plain"))
        if request.headers.get("authkey") != self.key:
            return Text(refusal=self._error("207"))
        said = json.loads(request.body)
        if said.get("template_id") != FLOW:
            return Text(refusal=Reply(400, json.dumps({"type": "error", "message": "Template not found"})))
        (recipient,) = said["recipients"]
        if not re.fullmatch(r"91[6-9][0-9]{9}", recipient.get("mobiles", "")):
            return Text(refusal=self._error("202"))
        if f"+{recipient['mobiles']}" in self.opted_out:
            return Text(refusal=self._error("202"))
        needs = set(re.findall("##([a-z]+)##", FLOW_TEXT))
        if missing := needs - recipient.keys():
            return Text(refusal=Reply(400, json.dumps({"type": "error", "message": f"{missing} missing"})))
        text = re.sub("##([a-z]+)##", lambda found: recipient[found[1]], FLOW_TEXT)
        return Text(f"+{recipient['mobiles']}", text, FLOW, said.get("CRQID"))

    def accepted(self, identity: str) -> Reply:
        return Reply(200, json.dumps({"type": "success", "message": identity.replace("-", "")[:24]}))

    def too_many(self) -> Reply:
        return Reply(429, json.dumps({"type": "error", "message": "Too many requests"}))

    def stopped(self) -> Reply:
        return self._error("301")

    def failed(self) -> Reply:
        return Reply(500, json.dumps({"type": "error", "message": "+919999900011 Ready"}))

    def _error(self, code: str) -> Reply:
        return Reply(200, json.dumps({"type": "error", "code": code, "message": "+919999900011 Ready"}))


class FakeExotel(Fake):
    """POST /v1/Accounts/SID/Sms/send.json: takes the whole text."""

    sid, key, token = "hunar1", "key-of-the-agency", "token-of-the-agency"
    callback = "https://hunar.example/sms/exotel/main?token=t"

    def read(self, request: Request) -> Text:
        proof = base64.b64encode(f"{self.key}:{self.token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {proof}":
            return Text(refusal=self._error(401, "UNAUTHORIZED"))
        if request.path != f"/v1/Accounts/{self.sid}/Sms/send.json":
            return Text(refusal=self._error(404, "NOT_FOUND"))
        said = {name: values[-1] for name, values in parse_qs(request.body).items()}
        number, text = said.get("To", ""), said.get("Body", "")
        if not _mobile(number) or number in self.opted_out:
            return Text(refusal=self._error(400, "INVALID_NUMBER"))
        if said.get("From") != SENDER or said.get("DltEntityId") != ENTITY or said.get("DltTemplateId") != TEMPLATE:
            return Text(refusal=self._error(400, "INVALID_SENDER"))
        if said.get("SmsType") != "transactional" or said.get("StatusCallback") != self.callback:
            return Text(refusal=self._error(400, "INVALID_PARAMETER"))
        if said.get("EncodingType") != ("plain" if text.isascii() else "unicode") or not PATTERN.fullmatch(text):
            return Text(refusal=self._error(400, "INVALID_BODY"))
        return Text(number, text, TEMPLATE, said.get("CustomField"))

    def accepted(self, identity: str) -> Reply:
        message = {"Sid": identity.replace("-", ""), "Status": "queued", "DetailedStatus": "PENDING_TO_OPERATOR"}
        return Reply(200, json.dumps({"SMSMessage": message}))

    def too_many(self) -> Reply:
        return self._error(429, "TOO_MANY_REQUESTS")

    def stopped(self) -> Reply:
        return self._error(402, "PAYMENT_REQUIRED")

    def failed(self) -> Reply:
        return self._error(500, "INTERNAL")

    def _error(self, status: int, code: str) -> Reply:
        said = {"Status": status, "Message": "+919999900011 Ready", "Code": code}
        return Reply(status, json.dumps({"RestException": said}))
