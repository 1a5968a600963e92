"""What MSG91 and Exotel document as answers, and what they do not: each has its place, none shows more than a code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws

from hunar.adapters.secrets import SmsSecrets
from hunar.adapters.sms.exotel import HOSTS, Exotel
from hunar.adapters.sms.msg91 import BASE, Msg91
from hunar.ports import Accepted, Refused, SmsAnswer, SmsProvider, SmsRequest, Stopped, Throttled, Unanswered

NUMBER, ITEM = "+919999900011", "2 Jute tote"
REQUEST = SmsRequest(
    notification_id="n1",
    to=NUMBER,
    text=f"Ready: {ITEM} now. Hunar",
    kind="NEW_ORDER",
    locale="en",
    values={"item": ITEM, "mobiles": "none of ours"},
    entity_id="1101000000000000001",
    template_id="1107000000000000101",
    provider_template="flow1",
    sender_id="HUNARS",
    time_to_live_seconds=3600,
)
SAID = f"{NUMBER} {REQUEST.text}"


class Server(ThreadingHTTPServer):
    """Answers whatever it is told, and keeps what it was asked."""

    status, content = 200, ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, Mapping[str, str], str]] = []

    def will(self, status: int, content: object) -> None:
        self.status, self.content = status, content if isinstance(content, str) else json.dumps(content)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, dict(self.headers), body))
        content = self.server.content.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


class Agency:
    def __init__(self, server: Server) -> None:
        client: Any = boto3.client("secretsmanager")
        account = {"account_sid": "hunar 1/x", "api_key": "k", "api_token": "t", "cluster": "mumbai"}
        client.create_secret(Name="p/msg91/main", SecretString=json.dumps({"auth_key": "key"}))
        client.create_secret(Name="p/exotel/main", SecretString=json.dumps(account))
        secrets = SmsSecrets(client, "p", lambda: datetime(2026, 11, 24, tzinfo=UTC))
        url = f"http://127.0.0.1:{server.server_address[1]}"
        self.msg91: SmsProvider = Msg91(secrets, base=url)
        self.exotel: SmsProvider = Exotel(secrets, hosts={"mumbai": url})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    thread = Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture(scope="module")
def agency(server: Server) -> Iterator[Agency]:
    with mock_aws():
        yield Agency(server)


def error(code: str) -> dict[str, str]:
    return {"type": "error", "code": code, "message": SAID}


MSG91: list[tuple[int, object, SmsAnswer]] = [
    (200, {"type": "success", "message": "5e1e93cad6fc054d8e759a5b"}, Accepted("5e1e93cad6fc054d8e759a5b")),
    (200, {"type": "success", "message": SAID}, Unanswered("NoRequestId")),
    (200, {"type": "success"}, Unanswered("NoRequestId")),
    (200, {}, Unanswered("HTTP200")),
    (200, [], Unanswered("HTTP200")),
    (200, "<html>", Unanswered("HTTP200")),
    (200, "[" * 60_000, Unanswered("HTTP200")),
    (302, "", Unanswered("HTTP302")),
    *((200, error(code), Refused(f"MSG91:{code}")) for code in ("101", "102", "202", "307", "310")),
    *((400, error(code), Stopped(f"MSG91:{code}")) for code in ("106", "203", "207", "208", "418")),
    *((200, error(code), Stopped(f"MSG91:{code}")) for code in ("205", "209", "210", "301", "302", "303", "505")),
    *((200, error(code), Throttled(f"MSG91:{code}")) for code in ("306", "311", "506")),
    *((200, error(code), Unanswered(f"MSG91:{code}")) for code in ("001", "002", "601")),
    (200, error(SAID), Refused("MSG91:HTTP200")),
    (400, {"type": "error", "message": SAID}, Refused("HTTP400")),
    (401, {"type": "error", "message": "Unauthorized"}, Stopped("HTTP401")),
    (418, {"type": "error", "message": "IP not whitelisted"}, Stopped("HTTP418")),
    (429, {"type": "error", "message": SAID}, Throttled("HTTP429")),
    (503, error("207"), Unanswered("HTTP503")),
]


def refused(status: int, code: object = "") -> dict[str, Any]:
    return {"RestException": {"Status": status, "Message": SAID, "Code": code}}


def taken(**fields: object) -> dict[str, Any]:
    return {"SMSMessage": {"Sid": "0b6c6a98f32682862ce6edf1bdab3526", "Status": "queued", "To": NUMBER} | fields}


EXOTEL: list[tuple[int, object, SmsAnswer]] = [
    (200, taken(), Accepted("0b6c6a98f32682862ce6edf1bdab3526")),
    (202, taken(Status="submitted"), Accepted("0b6c6a98f32682862ce6edf1bdab3526")),
    (200, taken(Sid=SAID), Unanswered("NoSid")),
    (200, taken(Sid=None), Unanswered("NoSid")),
    (200, taken(Status="failed_dnd", DetailedStatus="FAILED_DND"), Refused("Exotel:FAILED_DND")),
    (200, taken(Status="failed", DetailedStatus=SAID), Refused("Exotel")),
    (200, {}, Unanswered("HTTP200")),
    (200, "<html>", Unanswered("HTTP200")),
    (400, refused(400, "INVALID_NUMBER"), Refused("Exotel:INVALID_NUMBER")),
    (400, refused(400, 34001), Refused("Exotel:34001")),
    (400, refused(400, SAID), Refused("Exotel")),
    (400, refused(400), Refused("HTTP400")),
    (400, "<html>", Refused("HTTP400")),
    *((status, refused(status), Stopped(f"HTTP{status}")) for status in (401, 402, 403, 404, 405)),
    (429, refused(429), Throttled("HTTP429")),
    *((status, refused(status), Unanswered(f"HTTP{status}")) for status in (408, 409, 500, 502, 503)),
]


def test_each_answer_of_msg91_has_its_place_and_costs_one_request(server: Server, agency: Agency) -> None:
    for status, content, answer in MSG91:
        server.will(status, content)
        before = len(server.asked)
        assert agency.msg91.send(REQUEST) == answer, (status, content)
        assert len(server.asked) == before + 1


def test_each_answer_of_exotel_has_its_place_and_costs_one_request(server: Server, agency: Agency) -> None:
    for status, content, answer in EXOTEL:
        server.will(status, content)
        before = len(server.asked)
        assert agency.exotel.send(REQUEST) == answer, (status, content)
        assert len(server.asked) == before + 1


def test_what_msg91_is_asked(server: Server, agency: Agency) -> None:
    agency.msg91.send(REQUEST)
    path, headers, body = server.asked[-1]
    assert (path, headers["authkey"]) == ("/api/v5/flow", "key")
    assert json.loads(body) == {
        "template_id": "flow1",
        "short_url": "0",
        "CRQID": "n1",
        "recipients": [{"item": ITEM, "mobiles": "919999900011"}],
    }


def test_a_text_without_msg91s_own_id_of_it_asks_nobody(server: Server, agency: Agency) -> None:
    before = len(server.asked)
    for wrong in (None, "", "a b"):
        request = SmsRequest(**{**vars(REQUEST), "provider_template": wrong})
        assert agency.msg91.send(request) == Refused("InvalidProviderTemplate")
    assert len(server.asked) == before


def test_what_exotel_is_asked(server: Server, agency: Agency) -> None:
    agency.exotel.send(REQUEST)
    path, headers, body = server.asked[-1]
    assert path == "/v1/Accounts/hunar%201%2Fx/Sms/send.json"
    assert headers["Authorization"] == "Basic azp0"
    assert {name: value for name, (value,) in parse_qs(body).items()} == {
        "From": "HUNARS",
        "To": NUMBER,
        "Body": REQUEST.text,
        "EncodingType": "plain",
        "DltEntityId": "1101000000000000001",
        "DltTemplateId": "1107000000000000101",
        "SmsType": "transactional",
        "CustomField": "n1",
    }


def test_real_hosts_are_asked_by_tls() -> None:
    assert all(host.startswith("https://") for host in (BASE, *HOSTS.values()))
