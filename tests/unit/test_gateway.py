"""The local gateway against a real upstream on loopback that keeps what it was sent."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from botocore.exceptions import ClientError, EndpointConnectionError

from hunar.marketplaces import flipkart_settlement
from hunar.sms_templates import LOCALES
from local import gateway, messages
from local.marketplace_apis import Amazon, Flipkart, MarketplaceApis
from local.phones import DELIVERED, Faults, Phones
from local.quiet import Verdict

ACCOUNT = {"app_id": "an-app", "secret": "a-secret", "url": "http://127.0.0.1:8080/webhooks/flipkart/demo"}
API_ACCOUNT = ACCOUNT | {"app_id": "api-app", "secret": "api-secret", "url": f"{ACCOUNT['url']}-api"}
SELLER = {"account": "demo-api", "seller_id": "A1", "application_id": "app-1", "subscription_id": "sub-1"}
PAGE = Path(gateway.__file__).parent / "page"


class Upstream:
    """Reads raw requests from a socket, so that nothing between the wire and the assertion tidies them up."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nX-Told: yes\r\n\r\n{}"
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                seen = b""
                while b"\r\n\r\n" not in seen:
                    seen += connection.recv(65536)
                head, _, body = seen.partition(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                while len(body) < length:
                    body += connection.recv(65536)
                self.requests.append(head + b"\r\n\r\n" + body)
                connection.sendall(self.answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    @property
    def last(self) -> tuple[bytes, list[bytes], bytes]:
        head, _, body = self.requests[-1].partition(b"\r\n\r\n")
        first, *headers = head.split(b"\r\n")
        return first, headers, body


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


def marketplaces() -> MarketplaceApis:
    flipkart = Flipkart("demo-api", "id", "secret", messages.LOCATION, {"KLU-CAP": "FSN00001"})
    return MarketplaceApis(flipkart, Amazon("demo-api", "id", "secret", "grant", "A1", {"KLU-CAP": "HAT"}))


def behind(upstream: Upstream, **changes: Any) -> gateway.Behind:
    return replace(
        gateway.Behind(
            endpoint_url=upstream.url,
            api_id="abc123",
            region="ap-south-1",
            phones=Phones(),
            account=ACCOUNT,
            quiet=lambda timeout: Verdict(quiet=True, looks=2),
            functions=lambda: {"ReceiveWebhookFunction": 3},
            map_listing=lambda: "1 listing",
            redeploy=lambda: None,
            dead_letter=lambda queue, text: None,
            redrive=lambda: "{}",
            sweep=lambda at: {"at": at, "sent": {}, "left": False},
            channels=marketplaces(),
            api_account=API_ACCOUNT,
            seller=SELLER,
            notify_amazon=lambda text: None,
            catch_up=lambda: {"asked": 2},
            publish=lambda: {"told": 3},
            sms_token="a token/with=signs",
            import_files=lambda files: f"{len(files)} files",
            set_clock=lambda seconds: None,
            prove=lambda: {"proved": True},
            audit=lambda: '{"proved": true}',
        ),
        **changes,
    )


@asynccontextmanager
async def serving(what: gateway.Behind) -> AsyncIterator[int]:
    runner = gateway.runner(gateway.application(what))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def exchange(port: int, request: bytes) -> tuple[int, bytes, bytes]:
    """Sends exactly these bytes; returns status, head and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def http_request(
    method: str, target: str, body: bytes = b"", *, host: str = "127.0.0.1:8080", headers: tuple[bytes, ...] = ()
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1".encode(), f"Host: {host}".encode(), b"Connection: close", *headers]
    if body or method == "POST":
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(what: gateway.Behind, *requests: bytes) -> list[tuple[int, bytes, bytes]]:
    async def play() -> list[tuple[int, bytes, bytes]]:
        async with serving(what) as port:
            return [await exchange(port, request) for request in requests]

    return asyncio.run(play())


def ask_json(what: gateway.Behind, method: str, target: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    raw = b"" if body is None else json.dumps(body).encode()
    status, _, answer = ask(what, http_request(method, target, raw, **more))[0]
    return status, json.loads(answer)


LOCAL = b"X-Local-User: maker"
LEADER = "+919999900021"
CHANGES = [
    "/local/send", "/local/map", "/local/redeploy", "/local/dead-letters/payouts", "/local/redrive", "/local/sweep",
    "/local/catch-up", "/local/publish", "/local/sell", "/local/amazon/notifications", "/local/phones/reply",
    "/local/phones/missed-call", "/local/import", "/local/clock", "/local/prove", "/local/settlements",
    "/local/bank",
]  # fmt: skip


def test_a_webhook_passes_with_its_underscored_and_repeated_headers_as_they_came(upstream: Upstream) -> None:
    sent = (b"X_Date: Tue, 19 May 2015 09:02:15 GMT", b"X_Authorization: FKLOGIN abc=", b"x-twice: 1", b"X-Twice: 2")
    ask(behind(upstream), http_request("POST", "/webhooks/flipkart/demo", b'{"a": 1}', headers=sent))
    first, headers, body = upstream.last
    assert first == b"POST /_aws/execute-api/abc123/$default/webhooks/flipkart/demo HTTP/1.1"
    assert [line for line in headers if line.lower().startswith(b"x")] == list(sent)
    assert b"Host: 127.0.0.1:8080" in headers
    assert body == b'{"a": 1}'


def test_header_values_that_are_not_ascii_pass_byte_for_byte(upstream: Upstream) -> None:
    ask(behind(upstream), http_request("POST", "/webhooks/flipkart/demo", b"{}", headers=(b"X_Note: \xe9t\xe9",)))
    assert b"X_Note: \xe9t\xe9" in upstream.last[1]


def test_the_target_is_not_tidied_up(upstream: Upstream) -> None:
    ask(behind(upstream), http_request("POST", "/webhooks/flipkart/de%2Fmo//x/./y?a=%20&a=+", b"{}"))
    assert (
        upstream.last[0].split()[1] == b"/_aws/execute-api/abc123/$default/webhooks/flipkart/de%2Fmo//x/./y?a=%20&a=+"
    )


@pytest.mark.parametrize(
    "body", [b"", b'\xef\xbb\xbf{"a": "\xe0\xa4\xb9"}', b'{ "a":1.50 }\n', b"\x00", b"a" * 300_000]
)
def test_a_text_body_keeps_every_byte_and_its_type(upstream: Upstream, body: bytes) -> None:
    typed = (b"Content-Type: application/json; charset=utf-8",)
    ask(behind(upstream), http_request("POST", "/webhooks/flipkart/demo", body, headers=typed))
    _, headers, arrived = upstream.last
    assert arrived == body
    assert typed[0] in headers


@pytest.mark.parametrize("text_type", [b"application/json", b"text/plain; charset=utf-8", b"Application/JSON"])
def test_a_body_that_is_not_utf8_keeps_its_bytes_and_travels_as_binary(upstream: Upstream, text_type: bytes) -> None:
    body = b'{"a": "\xff\xfe"}'
    ask(behind(upstream), http_request("POST", "/webhooks/f/d", body, headers=(b"Content-Type: " + text_type,)))
    _, headers, arrived = upstream.last
    assert arrived == body
    assert [line for line in headers if line.lower().startswith(b"content-type")] == [
        b"Content-Type: application/octet-stream"
    ]


def test_a_binary_type_stays_as_it_came(upstream: Upstream) -> None:
    ask(behind(upstream), http_request("POST", "/webhooks/f/d", b"\x89PNG\xff", headers=(b"Content-Type: image/png",)))
    assert b"Content-Type: image/png" in upstream.last[1]


def test_a_compressed_body_stays_compressed(upstream: Upstream) -> None:
    body = b"\x1f\x8b\x08 not really gzip"
    ask(behind(upstream), http_request("POST", "/webhooks/f/d", body, headers=(b"Content-Encoding: gzip",)))
    assert upstream.last[2] == body
    assert b"Content-Encoding: gzip" in upstream.last[1]


def test_a_chunked_body_arrives_whole_and_with_a_length(upstream: Upstream) -> None:
    request = (
        b"POST /webhooks/f/d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'
    )
    ask(behind(upstream), request)
    _, headers, arrived = upstream.last
    assert arrived == b'{"a":1}'
    assert b"Content-Length: 7" in headers
    assert not any(line.lower().startswith((b"transfer-encoding", b"connection")) for line in headers)


def test_the_answer_comes_back_with_its_status_headers_and_body(upstream: Upstream) -> None:
    upstream.answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nX-Told: a\r\nX-Told: b\r\n\r\n\xffabcd"
    status, head, body = ask(behind(upstream), http_request("POST", "/webhooks/f/d", b"{}"))[0]
    assert (status, body) == (413, b"\xffabcd")
    assert head.count(b"X-Told:") == 2


def test_an_upstream_that_is_gone_is_a_502(upstream: Upstream) -> None:
    nobody = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    nobody.close()
    status, answer = ask_json(behind(upstream, endpoint_url=address), "POST", "/webhooks/f/d", {})
    assert (status, answer["title"]) == (502, "No answer")


def test_the_api_is_signed_by_the_local_user_and_of_the_caller_only_type_and_id_pass(upstream: Upstream) -> None:
    what = behind(upstream)
    noise = (b"Cookie: a=b", b"Authorization: Bearer x", b"X-Amz-Security-Token: t", b"Accept: application/json")
    noise += (b"Idempotency-Key: act-1",)
    ask(
        what,
        http_request("GET", "/api/orders?limit=5", headers=noise),
        http_request("GET", "/api/orders", headers=(b"X-Local-User: checker",)),
    )
    maker, checker = upstream.requests
    assert maker.startswith(b"GET /_aws/execute-api/abc123/$default/api/orders?limit=5 HTTP/1.1\r\n")
    assert b"Credential=LOCALMAKERKEY/" in maker
    assert b"/ap-south-1/execute-api/aws4_request" in maker
    assert b"Accept: application/json" in maker
    assert b"Idempotency-Key: act-1" in maker
    assert not any(word in maker for word in (b"Cookie", b"Bearer", b"Security-Token"))
    assert b"Credential=LOCALCHECKERKEY/" in checker


def test_an_unknown_local_user_is_refused(upstream: Upstream) -> None:
    status, answer = ask_json(behind(upstream), "GET", "/api/orders", headers=(b"X-Local-User: root",))
    assert (status, answer["detail"]) == (400, "Local users are checker, maker.")
    assert upstream.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:9", "[::1]:8080"])
def test_loopback_names_are_served(upstream: Upstream, host: str) -> None:
    assert ask(behind(upstream), http_request("GET", "/local/phones", host=host))[0][0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "[", "", "x@y"]
)
@pytest.mark.parametrize("target", ["/", "/local/phones", "/api/orders", "/webhooks/flipkart/demo", "/nowhere"])
def test_other_names_are_refused_on_every_route(upstream: Upstream, host: str, target: str) -> None:
    status, _, _ = ask(behind(upstream), http_request("GET", target, host=host))[0]
    assert status in (400, 403)
    assert upstream.requests == []


def test_a_second_host_header_is_refused(upstream: Upstream) -> None:
    request = http_request("GET", "/local/phones", headers=(b"Host: evil.example",))
    assert ask(behind(upstream), request)[0][0] in (400, 403)


def test_no_answer_allows_another_origin(upstream: Upstream) -> None:
    foreign = (b"Origin: http://evil.example", b"Access-Control-Request-Method: POST")
    for method in ("GET", "OPTIONS"):
        _, head, _ = ask(behind(upstream), http_request(method, "/local/phones", headers=foreign))[0]
        assert b"access-control" not in head.lower()


@pytest.mark.parametrize("target", [*CHANGES, "/api/stock/X/adjust"])
def test_another_page_cannot_change_anything(upstream: Upstream, target: str) -> None:
    done: list[str] = []
    what = behind(
        upstream,
        map_listing=lambda: done.append("map") or "",
        redeploy=lambda: done.append("redeploy"),
        dead_letter=lambda queue, text: done.append("dead"),
        redrive=lambda: done.append("redrive") or "",
        sweep=lambda at: done.append("sweep") or {},
        catch_up=lambda: done.append("catch up") or {},
        publish=lambda: done.append("publish") or {},
        notify_amazon=lambda text: done.append("notify"),
    )
    foreign = (b"Origin: http://127.0.0.1:9999", LOCAL)
    assert ask(what, http_request("POST", target, b"{}", headers=foreign))[0][0] == 403
    assert (done, upstream.requests) == ([], [])


@pytest.mark.parametrize("target", CHANGES)
def test_a_post_without_the_local_header_changes_nothing(upstream: Upstream, target: str) -> None:
    done: list[str] = []
    what = behind(
        upstream,
        map_listing=lambda: done.append("map") or "",
        redeploy=lambda: done.append("redeploy"),
        dead_letter=lambda queue, text: done.append("dead"),
        redrive=lambda: done.append("redrive") or "",
        sweep=lambda at: done.append("sweep") or {},
        catch_up=lambda: done.append("catch up") or {},
        publish=lambda: done.append("publish") or {},
        notify_amazon=lambda text: done.append("notify"),
    )
    body = {"message": "created", "sku": "KLU-CAP", "quantity": 1, "to": LEADER, "text": "1", "ahead_seconds": 1}
    status, answer = ask_json(what, "POST", target, body)
    assert (status, answer["title"]) == (403, "X-Local-User is missing")
    assert (done, upstream.requests) == ([], [])


def test_the_page_may_map_and_redeploy(upstream: Upstream) -> None:
    done: list[str] = []
    what = behind(upstream, map_listing=lambda: "1 listing", redeploy=lambda: done.append("redeploy"))
    own = (b"Origin: http://127.0.0.1:8080", LOCAL)
    status, answer = ask_json(what, "POST", "/local/map", {}, headers=own)
    assert (status, answer["said"]) == (200, "1 listing")
    assert ask_json(what, "POST", "/local/redeploy", {}, headers=own)[0] == 200
    assert done == ["redeploy"]


def test_a_text_is_put_into_the_dead_letters_as_it_came_and_what_is_parked_is_sent_again(upstream: Upstream) -> None:
    dead: list[tuple[str, str]] = []

    def dead_letter(queue: str, text: str) -> None:
        if queue == "bazaar":
            raise KeyError(queue)
        dead.append((queue, text))

    what = behind(upstream, dead_letter=dead_letter, redrive=lambda: '{"messages": []}')
    request = http_request("POST", "/local/dead-letters/payouts", "no json, तसर".encode(), headers=(LOCAL,))
    assert ask(what, request)[0][0] == 200
    assert dead == [("payouts", "no json, तसर")]
    assert ask_json(what, "POST", "/local/dead-letters/bazaar", {}, headers=(LOCAL,))[0] == 404
    status, answer = ask_json(what, "POST", "/local/redrive", {}, headers=(LOCAL,))
    assert (status, answer["said"]) == (200, '{"messages": []}')


def test_a_change_that_fails_says_why(upstream: Upstream) -> None:
    def fails() -> str:
        raise RuntimeError("listings.csv, row 3: unknown SKU")

    status, answer = ask_json(behind(upstream, map_listing=fails), "POST", "/local/map", {}, headers=(LOCAL,))
    assert (status, answer["detail"]) == (500, "RuntimeError: listings.csv, row 3: unknown SKU")


def test_sms_faults_are_set_for_the_phones_and_a_wrong_one_is_refused(upstream: Upstream) -> None:
    phones = Phones()
    what = behind(upstream, phones=phones)
    assert ask_json(what, "POST", "/local/faults", {"throttle": 2}, headers=(LOCAL,))[0] == 200
    assert phones.faults.throttle == 2
    assert ask_json(what, "POST", "/local/faults", {"explode": 1}, headers=(LOCAL,))[0] == 400
    assert ask_json(what, "GET", "/local/phones/refused") == (200, [])


def test_a_phone_answers_through_the_providers_door_as_the_provider_would_say_it(upstream: Upstream) -> None:
    what = behind(upstream)
    status, told = ask_json(what, "POST", "/local/phones/reply", {"to": LEADER, "text": "1"}, headers=(LOCAL,))
    assert (status, told) == (200, {"status": 200, "answer": "{}"})
    first, headers, body = upstream.last
    target = b"/_aws/execute-api/abc123/$default/sms/exotel/demo?token=a+token%2Fwith%3Dsigns"
    assert first == b"POST %b HTTP/1.1" % target
    assert b"Content-Type: application/json" in headers
    said = json.loads(body)
    assert (said["Sender"], said["MessageBody"], said["Direction"]) == (LEADER, "1", "incoming")
    assert datetime.fromisoformat(said["ReceivedTime"]).tzinfo is not None
    for target, asked in (("missed-call", {"to": LEADER}), ("reply", {"to": LEADER, "text": ""})):
        assert ask_json(what, "POST", f"/local/phones/{target}", asked, headers=(LOCAL,))[0] == 200
        _, headers, body = upstream.last
        call = dict(parse_qsl(body.decode()))
        assert b"Content-Type: application/x-www-form-urlencoded" in headers
        assert (call["CallFrom"], call["CallType"]) == ("09999900021", "call-attempt")
        assert call["CallSid"] != said["SmsSid"]


def test_what_the_provider_is_answered_is_told(upstream: Upstream) -> None:
    upstream.answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"
    asked = {"to": LEADER, "text": "2"}
    assert ask_json(behind(upstream), "POST", "/local/phones/reply", asked, headers=(LOCAL,)) == (
        200,
        {"status": 401, "answer": "no"},
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "1"}, "to"),
        ({"to": "9999900021", "text": "1"}, "to"),
        ({"to": 919999900021, "text": "1"}, "to"),
        ({"to": LEADER}, "text"),
        ({"to": LEADER, "text": 1}, "text"),
        ({"to": LEADER, "text": "w" * 1601}, "text"),
    ],
)
def test_an_answer_that_no_phone_could_give_names_the_field(
    upstream: Upstream, body: dict[str, Any], field: str
) -> None:
    status, answer = ask_json(behind(upstream), "POST", "/local/phones/reply", body, headers=(LOCAL,))
    assert (status, answer["detail"].split()[0]) == (400, field)
    assert upstream.requests == []


def test_a_provider_posts_to_the_stack_as_to_the_deployed_one(upstream: Upstream) -> None:
    foreign = (b"Origin: http://provider.example", b"X-Hunar-Token: t", b"Content-Type: application/json")
    assert ask(behind(upstream), http_request("POST", "/sms/exotel/demo?a=b", b'{"a":1}', headers=foreign))[0][0] == 200
    first, headers, body = upstream.last
    assert first.startswith(b"POST /_aws/execute-api/abc123/$default/sms/exotel/demo?a=b ")
    assert (b"X-Hunar-Token: t" in headers, body) == (True, b'{"a":1}')


def test_registry_files_are_imported_and_what_is_none_is_refused(upstream: Upstream) -> None:
    imported: list[Any] = []
    what = behind(upstream, import_files=lambda files: imported.append(dict(files)) or "1 group")
    status, answer = ask_json(what, "POST", "/local/import", {"groups.csv": "group_id\nG01"}, headers=(LOCAL,))
    assert (status, answer["said"], imported) == (200, "1 group", [{"groups.csv": "group_id\nG01"}])
    for wrong in ({}, {"../x.csv": ""}, {"groups.csv": 1}, {"groups.xlsx": ""}):
        assert ask_json(what, "POST", "/local/import", wrong, headers=(LOCAL,))[0] == 400
    assert len(imported) == 1


def test_the_clocks_are_put_ahead_and_no_further_than_anything_waits(upstream: Upstream) -> None:
    ahead: list[int] = []
    what = behind(upstream, set_clock=ahead.append)
    for seconds in (960, 0):
        assert ask_json(what, "POST", "/local/clock", {"ahead_seconds": seconds}, headers=(LOCAL,))[0] == 200
    for wrong in (-1, 1.5, True, None, "960", gateway.MOST_AHEAD + 1):
        status, answer = ask_json(what, "POST", "/local/clock", {"ahead_seconds": wrong}, headers=(LOCAL,))
        assert (status, answer["detail"].split()[0]) == (400, "ahead_seconds")
    assert ahead == [960, 0]


def test_the_bank_takes_a_file_once_and_says_what_became_of_it(upstream: Upstream) -> None:
    row = "P24DN6LQQUI2XG4,ASHAR ALO GOSTHI,0990010003571,UTBI0BHG903,10,190.00,20261127\r\n"
    file = {"file": "HUNR2711.001", "content": row}
    asked = (
        file | {"count": 2},
        file | {"count": 1, "total_paise": 19_000},
        {"file": "HUNR2711.001", "unknown": True},
        {"file": "HUNR2711.001", "send_back": {"P24DN6LQQUI2XG4": "ACCOUNT CLOSED"}, "days": 3},
        {"file": "HUNR2711.001", "send_back": {"P24DN6LQQUI2XG4": 1}},
        file | {"count": "1"},
        file | {"reject": ["P24DN6LQQUI2XG4"]},
        {"file": 1},
        {"file": "HUNR2711.001", "wrong": 1},
    )
    requests = [http_request("POST", "/local/bank", json.dumps(one).encode(), headers=(LOCAL,)) for one in asked]
    answers = [(status, json.loads(body)) for status, _, body in ask(behind(upstream), *requests)]
    assert [status for status, _ in answers] == [400, 200, 200, 200, 400, 400, 400, 400, 400]
    _, paid, strange, back, *refused = (answer for _, answer in answers)
    assert paid["content"].startswith(row.removesuffix("\r\n")) and paid["paid_paise"] == 19_000
    assert len(strange["rows"]) == 2
    assert (back["rows"][0]["state"], back["paid_paise"]) == ("R", 0)
    assert all(one["detail"] for one in refused)


def test_a_marketplace_settles_what_it_told_and_was_believed(upstream: Upstream) -> None:
    created, delivered = (
        messages.as_body(body)
        for body in (
            messages.created("S1", [messages.Item(2, sku="KLU-CAP")], datetime.now(UTC)),
            messages.step("S1", "delivered", datetime.now(UTC)),
        )
    )
    forged = messages.as_body(messages.created("S2", [messages.Item(1, sku="KLU-CAP")], datetime.now(UTC)))

    def settle(**asked: Any) -> bytes:
        return http_request("POST", "/local/settlements", json.dumps(asked).encode(), headers=(LOCAL,))

    def says(body: bytes) -> bytes:
        return http_request("POST", "/webhooks/flipkart/demo", body)

    async def play() -> list[tuple[int, Any]]:
        async with serving(behind(upstream)) as port:
            found = [await exchange(port, settle())]
            for body in (created, delivered):
                await exchange(port, says(body))
            upstream.answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
            await exchange(port, says(forged))
            await exchange(port, says(messages.as_body(messages.step("S2", "delivered", datetime.now(UTC)))))
            found += [await exchange(port, settle(day="2026-11-26"))]
            wrong = [{"day": "26/11/2026"}, {"day": 1}, {"orders": "S1"}, {"marketplace": "ebay"}, {"spoil": "yes"}]
            found += [await exchange(port, settle(**asked)) for asked in wrong]
        return [(status, json.loads(body)) for status, _, body in found]

    nothing, made, *refused = asyncio.run(play())
    assert (nothing[0], nothing[1]["detail"]) == (400, "orders: nothing is owed; have one delivered first")
    assert made[0] == 200
    assert [row["order"] for row in made[1]["rows"] if row["what"] == "sale"] == ["S1"]
    file = flipkart_settlement.read(base64.b64decode(made[1]["content"]), "demo", file=made[1]["file"])
    assert (file.findings, file.totals) == ((), {made[1]["settlement_id"]: made[1]["bank_paise"]})
    assert [(status, said["detail"].split()[0].rstrip(":")) for status, said in refused] == [
        (400, name) for name in ("day", "day", "orders", "marketplace", "spoil")
    ]


def test_the_books_are_proved_at_once_and_by_the_real_command(upstream: Upstream) -> None:
    what = behind(upstream, prove=lambda: {"faults": 0}, audit=lambda: '{"proved": false}')
    assert ask_json(what, "POST", "/local/prove", headers=(LOCAL,)) == (200, {"faults": 0})
    assert ask_json(what, "GET", "/local/audit") == (200, {"proved": False})

    def fails() -> NoReturn:
        raise RuntimeError("no stack")

    for method, target in (("POST", "/local/prove"), ("GET", "/local/audit")):
        status, answer = ask_json(behind(upstream, prove=fails, audit=fails), method, target, headers=(LOCAL,))
        assert (status, answer["detail"]) == (500, "no stack")


def test_faults_of_a_marketplace_are_set_there(upstream: Upstream) -> None:
    what = behind(upstream)
    fault = {"marketplace": "amazon", "operation": "fetch", "fault": "429", "times": 1}
    assert ask_json(what, "POST", "/local/faults", fault, headers=(LOCAL,)) == (200, {"set": True})
    path = "/amazon/orders/2026-01-01/orders/402-0000000-0000001"
    assert [what.channels.answer("GET", path, {}, b"").status for _ in range(2)] == [429, 403]  # type: ignore[attr-defined]
    status, answer = ask_json(what, "POST", "/local/faults", fault | {"fault": "explode"}, headers=(LOCAL,))
    assert (status, answer["detail"].partition(":")[0]) == (400, "fault")


def shown(what: gateway.Behind) -> dict[str, int]:
    status, channels = ask_json(what, "GET", "/local/channels")
    assert status == 200
    return {entry["marketplace"]: entry["quantity"] for entry in channels}


def stocked(what: gateway.Behind, units: int) -> gateway.Behind:
    for played in (what.channels.flipkart, what.channels.amazon):  # type: ignore[attr-defined]
        played._listings["KLU-CAP"].quantity = units
    return what


def test_what_is_true_is_set_by_address_and_shown_and_a_new_order_is_a_sale(upstream: Upstream) -> None:
    what = stocked(behind(upstream), 5)
    now = datetime.now(UTC)
    shipment = messages.flipkart_shipment("S 1", [messages.Item(2, sku="KLU-CAP")], now)
    status, told = ask_json(what, "PUT", "/local/flipkart/shipments/S%201", shipment, headers=(LOCAL,))
    assert (status, told["shipmentId"], "updatedAt" in told) == (200, "S 1", True)
    assert shown(what) == {"flipkart": 3, "amazon": 5}
    order_id = messages.amazon_order_id("seed")
    order = messages.amazon_order(order_id, [messages.Item(1, sku="KLU-CAP")], now)
    status, told = ask_json(what, "PUT", f"/local/amazon/orders/{order_id}", order, headers=(LOCAL,))
    assert (status, told["orderId"]) == (200, order_id)
    assert shown(what) == {"flipkart": 3, "amazon": 4}
    entry = {"type": "customer_return", "orderItemId": "1", "shipmentId": "S 1", "quantity": 1, "status": "created"}
    status, told = ask_json(what, "PUT", "/local/flipkart/returns/R1", entry, headers=(LOCAL,))
    assert (status, told["returnId"]) == (200, "R1")
    _, channels = ask_json(what, "GET", "/local/channels")
    assert all(entry.keys() == {"marketplace", "account", "listing", "quantity", "updated_at"} for entry in channels)


@pytest.mark.parametrize(
    ("target", "body", "words"),
    [
        ("/local/flipkart/shipments/S1", {"orderItems": []}, "orderItems: "),
        ("/local/flipkart/shipments/S1", [], "the body is not a JSON object"),
        ("/local/flipkart/returns/R1", {"quantity": 0}, "type: "),
        ("/local/amazon/orders/12345", {"orderItems": []}, "orderId: "),
    ],
)
def test_what_a_marketplace_could_not_show_is_a_400_with_the_field(
    upstream: Upstream, target: str, body: Any, words: str
) -> None:
    status, answer = ask_json(behind(upstream), "PUT", target, body, headers=(LOCAL,))
    assert (status, answer["title"]) == (400, "The marketplace could not show that")
    assert answer["detail"].startswith(words)


def test_nothing_that_is_true_is_set_without_the_local_header(upstream: Upstream) -> None:
    what = stocked(behind(upstream), 5)
    shipment = messages.flipkart_shipment("S1", [messages.Item(2, sku="KLU-CAP")], datetime.now(UTC))
    status, answer = ask_json(what, "PUT", "/local/flipkart/shipments/S1", shipment)
    assert (status, answer["detail"]) == (403, "PUT to /local needs the header X-Local-User.")
    assert shown(what) == {"flipkart": 5, "amazon": 5}


def test_a_text_goes_to_amazons_queue_as_it_came(upstream: Upstream) -> None:
    sent: list[str] = []
    what = behind(upstream, notify_amazon=sent.append)
    request = http_request("POST", "/local/amazon/notifications", "no json, तसर".encode(), headers=(LOCAL,))
    assert ask(what, request)[0][0] == 200
    assert sent == ["no json, तसर"]
    for body in (b"", b"\xff"):
        assert ask(what, http_request("POST", "/local/amazon/notifications", body, headers=(LOCAL,)))[0][0] == 400
    assert len(sent) == 1

    def refuses(text: str) -> NoReturn:
        raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "too long"}}, "SendMessage")

    refusing = behind(upstream, notify_amazon=refuses)
    status, answer = ask_json(refusing, "POST", "/local/amazon/notifications", {}, headers=(LOCAL,))
    assert (status, answer["detail"]) == (400, "too long")


def test_the_marketplaces_are_asked_and_told_at_once(upstream: Upstream) -> None:
    what = behind(upstream)
    assert ask_json(what, "POST", "/local/catch-up", {}, headers=(LOCAL,)) == (200, {"asked": 2})
    assert ask_json(what, "POST", "/local/publish", {}, headers=(LOCAL,)) == (200, {"told": 3})

    def fails() -> NoReturn:
        raise RuntimeError("Retryable: DynamoDB")

    broken = behind(upstream, catch_up=fails, publish=fails)
    for target in ("/local/catch-up", "/local/publish"):
        status, answer = ask_json(broken, "POST", target, {}, headers=(LOCAL,))
        assert (status, answer["detail"]) == (500, "Retryable: DynamoDB")


def test_who_sells_on_amazon_is_known_there_and_notified_of_it(upstream: Upstream) -> None:
    sent: list[str] = []
    what = stocked(behind(upstream, notify_amazon=sent.append), 5)
    sale = {"marketplace": "amazon", "sku": "KLU-CAP", "quantity": 2}
    status, answer = ask_json(what, "POST", "/local/sell", sale, headers=(LOCAL,))
    assert (status, answer["status"]) == (200, 200)
    change = json.loads(sent[0])["Payload"]["OrderChangeNotification"]
    assert answer["order_ref"] == f"amazon:demo-api:{change['AmazonOrderId']}"
    assert (change["SellerId"], change["Summary"]["OrderItems"][0]["Quantity"]) == ("A1", 2)
    assert shown(what) == {"flipkart": 5, "amazon": 3}
    assert upstream.requests == []


def test_who_sells_on_flipkart_is_known_there_and_posts_a_webhook_of_the_account_with_an_api(
    upstream: Upstream,
) -> None:
    what = stocked(behind(upstream), 5)
    sale = {"marketplace": "flipkart", "sku": "KLU-CAP", "quantity": 1}
    _, answer = ask_json(what, "POST", "/local/sell", sale, headers=(LOCAL,))
    first, headers, body = upstream.last
    assert first.split()[1].endswith(b"/$default/webhooks/flipkart/demo-api")
    shipment = json.loads(body)["shipmentId"]
    assert answer == {"order_ref": f"flipkart:demo-api:{shipment}", "status": 200}
    sent = dict(line.decode().split(": ", 1) for line in headers)
    at = messages.parsedate(sent["X_Date"])
    assert sent["X_Authorization"] == messages.signed_headers(API_ACCOUNT, at)["X_Authorization"]
    assert shown(what) == {"flipkart": 4, "amazon": 5}


@pytest.mark.parametrize(
    ("sale", "words"),
    [
        ({"marketplace": "ebay", "sku": "KLU-CAP", "quantity": 1}, "marketplace: known are flipkart and amazon"),
        ({"marketplace": ["amazon"], "sku": "KLU-CAP", "quantity": 1}, "marketplace: known are flipkart and amazon"),
        ({"marketplace": "amazon", "sku": "NOTHING", "quantity": 1}, "sale.sku is no product of the demo"),
        ({"marketplace": "amazon", "quantity": 1}, "sale.sku is no product of the demo"),
        ({"marketplace": "amazon", "sku": "KLU-CAP", "quantity": 0}, "sale.quantity is not a whole number"),
        ({"marketplace": "amazon", "sku": "KLU-CAP", "quantity": 1000}, "sale.quantity is more than 999"),
    ],
)
def test_a_sale_that_cannot_be_is_a_400_and_nobody_hears_of_it(
    upstream: Upstream, sale: dict[str, Any], words: str
) -> None:
    sent: list[str] = []
    what = stocked(behind(upstream, notify_amazon=sent.append), 5)
    status, answer = ask_json(what, "POST", "/local/sell", sale, headers=(LOCAL,))
    assert status == 400
    assert answer["detail"].startswith(words)
    assert (sent, upstream.requests, shown(what)) == ([], [], {"flipkart": 5, "amazon": 5})


def test_quiet_answers_200_or_504_with_what_is_busy(upstream: Upstream) -> None:
    asked: list[float] = []

    def busy(timeout: float) -> Verdict:
        asked.append(timeout)
        return Verdict(quiet=False, busy=["payouts: 1 waiting, 0 in flight, 0 delayed"])

    assert ask_json(behind(upstream), "GET", "/local/quiet")[0] == 200
    status, answer = ask_json(behind(upstream, quiet=busy), "GET", "/local/quiet?timeout=2.5")
    assert (status, asked) == (504, [2.5])
    assert answer["busy"] == ["payouts: 1 waiting, 0 in flight, 0 delayed"]


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("", None),
        ("?at=2026-11-25T10:00:00Z", "2026-11-25T10:00:00Z"),
        ("?at=2026-11-25T10:00:00%2B05:30", "2026-11-25T10:00:00+05:30"),
        ("?at=2026-11-25T10:00:00+05:30", "2026-11-25T10:00:00+05:30"),
    ],
)
def test_the_deployed_sweep_runs_at_once_and_as_of_a_time(upstream: Upstream, query: str, at: str | None) -> None:
    status, answer = ask_json(behind(upstream), "POST", f"/local/sweep{query}", {}, headers=(LOCAL,))
    assert (status, answer) == (200, {"at": at, "sent": {}, "left": False})


@pytest.mark.parametrize("at", ["", "now", "2026-11-25T10:00:00", "2026-13-25T10:00:00Z"])
def test_a_sweep_as_of_no_time_is_refused(upstream: Upstream, at: str) -> None:
    ran: list[str | None] = []
    what = behind(upstream, sweep=lambda at: ran.append(at) or {})
    assert ask_json(what, "POST", f"/local/sweep?at={at}", {}, headers=(LOCAL,))[0] == 400
    assert ran == []


def test_a_sweep_that_fails_says_why(upstream: Upstream) -> None:
    def fails(at: str | None) -> NoReturn:
        raise RuntimeError("Retryable: SQS payouts: ClientError")

    status, answer = ask_json(behind(upstream, sweep=fails), "POST", "/local/sweep", {}, headers=(LOCAL,))
    assert (status, answer["detail"]) == (500, "Retryable: SQS payouts: ClientError")


@pytest.mark.parametrize("timeout", ["soon", "-1", "nan", "inf", "601", ""])
def test_quiet_refuses_a_timeout_that_is_no_sensible_number(upstream: Upstream, timeout: str) -> None:
    assert ask_json(behind(upstream), "GET", f"/local/quiet?timeout={timeout}")[0] == 400


def test_a_message_from_the_page_is_signed_and_goes_through_the_webhook_route(upstream: Upstream) -> None:
    edits = {"shipment": "s-1", "items": [{"sku": "KOL-JUTE-TOTE", "quantity": 2}]}
    what = {"message": "created", "edits": edits}
    status, answer = ask_json(behind(upstream), "POST", "/local/send", what, headers=(LOCAL,))
    assert (status, answer["status"]) == (200, 200)
    first, headers, body = upstream.last
    assert first.split()[1].endswith(b"/$default/webhooks/flipkart/demo")
    assert json.loads(body)["attributes"]["orderItems"][0]["quantity"] == 2
    assert f"X_Authorization: {answer['sent']['headers']['X_Authorization']}".encode() in headers
    assert b"a-secret" not in upstream.requests[-1]


def test_the_last_message_can_come_once_more_byte_for_byte(upstream: Upstream) -> None:
    def post(name: str) -> bytes:
        return http_request("POST", "/local/send", json.dumps({"message": name}).encode(), headers=(LOCAL,))

    answers = ask(behind(upstream), post("duplicate"), post("created"), post("forged"), post("duplicate"))
    assert [status for status, _, _ in answers] == [400, 200, 200, 200]
    original, forged, again = (request.partition(b"\r\n\r\n")[2] for request in upstream.requests)
    assert again == original != forged


def test_a_forged_message_is_signed_with_another_secret(upstream: Upstream) -> None:
    _, answer = ask_json(behind(upstream), "POST", "/local/send", {"message": "forged"}, headers=(LOCAL,))
    sent = answer["sent"]["headers"]
    at = messages.parsedate(sent["X_Date"])
    assert sent["X_Authorization"] != messages.signed_headers(ACCOUNT, at)["X_Authorization"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "the body is not a JSON object"),
        (b'"x"', "the body is not a JSON object"),
        (b"{}", "message is not a text"),
        (b'{"message": 7}', "message is not a text"),
        (b'{"message": "made-up", "edits": {"shipment": "s"}}', "no message is called made-up"),
        (b'{"message": "packed"}', "choose the order that the message is about"),
        (b'{"message": "created", "edits": 3}', "edits is not an object"),
        (b'{"message": "created", "edits": []}', "edits is not an object"),
        (b'{"message": "created", "edits": {"items": 3}}', "edits.items is not a list"),
    ],
)
def test_a_message_that_cannot_be_built_is_a_400_in_words_and_nothing_is_sent(
    upstream: Upstream, body: bytes, words: str
) -> None:
    status, head, answer = ask(behind(upstream), http_request("POST", "/local/send", body, headers=(LOCAL,)))[0]
    assert (status, json.loads(answer)["detail"]) == (400, words)
    assert b"Content-Type: application/problem+json" in head
    assert upstream.requests == []


def test_what_the_server_itself_refuses_is_a_problem_too(upstream: Upstream) -> None:
    too_large = b"POST /local/send HTTP/1.1\r\nHost: localhost\r\nX-Local-User: maker\r\nConnection: close\r\n"
    too_large += b"Content-Length: %d\r\n\r\n" % (gateway.MAX_BODY + 1) + b"a" * (gateway.MAX_BODY + 1)
    wrong_method = http_request("DELETE", "/local/send", headers=(LOCAL,))
    answers = ask(behind(upstream), http_request("GET", "/nowhere"), wrong_method, too_large)
    for (status, head, body), expected in zip(answers, (404, 405, 413), strict=True):
        assert (status, json.loads(body)["status"]) == (expected, expected)
        assert b"Content-Type: application/problem+json" in head
    assert b"Allow: POST" in answers[1][1]


def test_who_asks_while_the_stack_stops_gets_an_answer_and_no_traceback_is_logged(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: object) -> NoReturn:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    what = behind(upstream, quiet=gone, functions=gone, sweep=gone, catch_up=gone, publish=gone, notify_amazon=gone)
    posts = [("POST", f"/local/{target}") for target in ("sweep", "catch-up", "publish", "amazon/notifications")]
    for method, target in (("GET", "/local/quiet"), ("GET", "/local/functions"), *posts):
        body = {} if method == "POST" else None
        status, answer = ask_json(what, method, target, body, headers=(LOCAL,))
        assert (status, answer["title"]) == (503, "The stack is stopping")
    assert caplog.records == []


def test_what_is_no_http_is_refused_without_a_traceback(upstream: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    twice = b"POST /webhooks/flipkart/demo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
    twice += b"Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n{}"
    assert ask(behind(upstream), twice)[0][0] == 400
    assert caplog.records == []


def test_the_icon_that_browsers_ask_for_is_no_error(upstream: Upstream) -> None:
    assert ask(behind(upstream), http_request("GET", "/favicon.ico"))[0][0] == 204


def test_a_text_on_a_phone_and_its_receipt_are_told_to_the_page_at_once(upstream: Upstream) -> None:
    phones = Phones()
    phones.register("entity", "HUNARX", "template", "Ready {item}")
    text = {
        "DestinationPhoneNumber": "+919999900011",
        "OriginationIdentity": "HUNARX",
        "MessageBody": "Ready 2 totes",
        "DestinationCountryParameters": {"IN_ENTITY_ID": "entity", "IN_TEMPLATE_ID": "template"},
    }

    async def play() -> list[bytes]:
        async with serving(behind(upstream, phones=phones)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(http_request("GET", "/local/events"))
            told = [await _until(reader.readline, b"data:")]
            message_id = phones.deliver(text)
            told.append(await _until(reader.readline, b"data:"))
            await phones.report(phones.events(text, message_id, DELIVERED)[1])
            told.append(await _until(reader.readline, b"data:"))
            writer.close()
            return told

    numbers = [int(line.split()[1]) for line in asyncio.run(play())]
    assert numbers == sorted(set(numbers))
    status, [shown] = ask_json(behind(upstream, phones=phones), "GET", "/local/phones/texts")
    assert (status, shown["text"], shown["receipt"], shown["part_ends"]) == (200, "Ready 2 totes", "DELIVERED", [13])


async def _until(readline: Callable[[], Awaitable[bytes]], start: bytes) -> bytes:
    while True:
        line = await asyncio.wait_for(readline(), 5)
        assert line, "the stream ended"
        if line.startswith(start):
            return line


def test_stopping_ends_open_event_streams_quickly(upstream: Upstream) -> None:
    async def play() -> float:
        async with serving(behind(upstream)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(http_request("GET", "/local/events"))
            await _until(reader.readline, b"data:")
            stopping = asyncio.get_running_loop().time()
        writer.close()
        return asyncio.get_running_loop().time() - stopping

    assert asyncio.run(play()) < 5


def test_the_page_comes_with_a_policy_that_allows_its_own_files_only(upstream: Upstream) -> None:
    for path in gateway.PAGE_FILES:
        status, head, _ = ask(behind(upstream), http_request("GET", path))[0]
        assert status == 200
        assert b"Content-Security-Policy: default-src 'none'; script-src 'self';" in head
    assert ask(behind(upstream), http_request("GET", "/page/../gateway.py"))[0][0] == 404


def test_the_page_loads_nothing_from_the_network_and_writes_no_markup_from_data() -> None:
    page = (PAGE / "index.html").read_text("utf-8")
    script = (PAGE / "page.js").read_text("utf-8")
    style = (PAGE / "page.css").read_text("utf-8")
    for text in (page, script, style):
        assert not any(word in text for word in ("http://", "https://", 'src="//', "@import", "url("))
    assert not any(
        word in script for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
    )
    assert not any(word in page for word in (" style=", "onclick=", "<style", "javascript:"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:4566/_aws/execute-api/ab12/$default", "ab12"),
        ("https://ab12.execute-api.ap-south-1.amazonaws.com", "ab12"),
        ("http://ab12.execute-api.localhost:4566/", "ab12"),
    ],
)
def test_the_api_id_is_read_from_the_stacks_api_url(url: str, expected: str) -> None:
    assert gateway.api_id(url) == expected


def test_the_page_shows_what_each_channel_believes_and_sells_there(upstream: Upstream) -> None:
    page, script = (PAGE / "index.html").read_text("utf-8"), (PAGE / "page.js").read_text("utf-8")
    named = set(re.findall(r'\$\("([\w-]+)"\)', script))
    assert named <= set(re.findall(r'id="([\w-]+)"', page))
    assert {"channels", "sold"} <= named
    asked = set(re.findall(r'"(/local/[\w/-]+)"', script))
    routes = gateway.application(behind(upstream)).router.routes()
    served = {route.resource.canonical for route in routes if route.resource is not None}
    assert asked <= served
    assert {"/local/channels", "/local/sell", "/local/phones/texts", "/local/phones/reply"} <= asked
    assert 'id="sold" class="soft" role="status"' in page


def test_the_page_shows_money_and_lets_the_marketplace_pay() -> None:
    page, script = (PAGE / "index.html").read_text("utf-8"), (PAGE / "page.js").read_text("utf-8")
    asked = set(re.findall(r'"((?:/local|/api)/[\w/-]+)"', script))
    assert {"/api/groups", "/api/settlements", "/local/settlements", "/local/clock", "/local/audit"} <= asked
    assert 'id="money-answer" class="soft" role="status"' in page
    assert all(f'type="button" id="{name}"' in page for name in ("pay", "end-holds", "prove"))


def test_the_page_pays_the_groups_as_the_person_who_is_chosen() -> None:
    page, script = (PAGE / "index.html").read_text("utf-8"), (PAGE / "page.js").read_text("utf-8")
    asked = set(re.findall(r'"((?:/local|/api)/[\w/-]+)"', script))
    assert {"/api/payouts", "/api/payouts/close", "/local/bank"} <= asked
    assert set(re.findall(r'stepOf\(batch, "(\w+)"', script)) == {"approve", "withdraw", "submit", "paid", "file"}
    steps = ("close-period", "approve", "withdraw", "submit", "bank-answers", "enter-answer")
    assert all(f'type="button" id="{name}"' in page for name in steps)
    assert '"X-Local-User": $("person").value' in script
    persons = page.partition('<select id="person"')[2].partition("</select>")[0]
    assert set(re.findall(r'<option value="(\w+)">', persons)) == set(gateway.LOCAL_USERS)
    assert 'id="payouts-answer" class="soft" role="status"' in page
    assert all(f'link("{kind}"' in script for kind in ("pdf", "xlsx"))


def test_the_page_offers_every_fault_of_the_sms_service_that_one_text_can_have() -> None:
    page = (PAGE / "index.html").read_text("utf-8")
    of_one_text = {entry.name for entry in fields(Faults) if entry.type == "int"}
    offered = page.partition('<select id="fault"')[2].partition("</select>")[0]
    assert set(re.findall(r'<option value="(\w+)">', offered)) == of_one_text
    assert 'id="phone-answer" class="soft" role="status"' in page


def test_the_page_says_of_each_text_in_which_language_it_is() -> None:
    script = (PAGE / "page.js").read_text("utf-8")
    named = set(re.findall(r"\b(\w\w): \"", script.partition("const LANGUAGES")[2].partition("};")[0]))
    assert named == set(LOCALES)
    assert "lang: text.locale" in script
