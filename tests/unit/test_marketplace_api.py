"""The APIs of marketplaces, asked over real sockets: what a server may do wrong, and what no answer may cause."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hunar.adapters import marketplace_api
from hunar.adapters.marketplace_api import REAL, Hosts, HttpMarketplaceApis, hosts
from hunar.adapters.secrets import SecretsManagerApiSecrets
from hunar.domain.channel import MOST_ANSWER_BYTES, BadAnswer, Call, TokenCall
from hunar.ports import HttpAnswer, Rejected, Retryable

SECRET, REFRESH = "s3cret-of-the-app", "grant-of-the-seller"
ASK = Call("getThing", "GET", "/things/7?full=yes")
NAME = "hunar/test/api/shop/demo"

Answer = Callable[["Server", BaseHTTPRequestHandler], None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path.startswith("/token"):
            self.server.give_token(self, body)
            return
        self.server.answer(self.server, self)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""

    def say(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """A marketplace: tokens under ``/token``, and one answer for everything else."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: Answer = lambda server, call: say(call, 200, b'{"thing": 7}')
        self.tokens = 0
        self.lives = 3600
        self.token_status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def give_token(self, call: Handler, body: str) -> None:
        if self.token_status != 200 or SECRET not in body:
            call.say(self.token_status if SECRET in body else 401, b'{"error": "invalid_client", "hint": "s3cret"}')
            return
        self.tokens += 1
        call.say(200, json.dumps({"access_token": f"token-{self.tokens}", "expires_in": self.lives}).encode())

    @property
    def used(self) -> list[str]:
        """The tokens of the calls, in their order."""
        return [headers["X-Token"] for _, path, headers, _ in self.seen if not path.startswith("/token")]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up before the end is no news."""


def say(call: BaseHTTPRequestHandler, status: int, body: bytes = b"{}", **headers: str) -> None:
    assert isinstance(call, Handler)
    call.say(status, body, **headers)


class Shop:
    """What of a channel the calls need."""

    def token_call(self, client_id: str, client_secret: str, refresh_token: str | None) -> TokenCall:
        if not refresh_token:
            raise ValueError("refresh_token: is missing")
        content = json.dumps({"client_id": client_id, "client_secret": client_secret, "grant": refresh_token})
        return TokenCall("POST", "/token", {"X-Client": client_id}, content)

    def token(self, raw: bytes) -> tuple[str, int]:
        try:
            content = json.loads(raw)
            return content["access_token"], content["expires_in"]
        except (ValueError, KeyError) as error:
            raise BadAnswer("access_token: is missing") from error

    def authorization(self, token: str) -> Mapping[str, str]:
        return {"X-Token": token}


class World:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
        self.client: Any = boto3.client("secretsmanager")
        self.store(SECRET)
        self.secrets = SecretsManagerApiSecrets(self.client, "hunar/test/api", lambda: self.now)
        self.apis = self.process()

    def process(self, base: str | None = None) -> HttpMarketplaceApis:
        hosts = {"shop": Hosts(base or self.server.url, self.server.url)}
        shop: Any = Shop()
        return HttpMarketplaceApis(hosts, {"shop": shop}, self.secrets, lambda: self.now)

    def store(self, secret: str) -> None:
        text = json.dumps({"client_id": "app", "client_secret": secret, "refresh_token": REFRESH})
        try:
            self.client.create_secret(Name=NAME, SecretString=text)
        except self.client.exceptions.ResourceExistsException:
            self.client.put_secret_value(SecretId=NAME, SecretString=text)

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def ask(self, call: Call = ASK) -> HttpAnswer:
        return self.apis.call("shop", "demo", call)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    with mock_aws():
        yield World(server)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of a test, not of a marketplace."""
    monkeypatch.setattr(marketplace_api, "CALL_SECONDS", 0.3)


def test_a_call_goes_out_once_with_the_accounts_token(world: World, server: Server) -> None:
    assert world.ask() == HttpAnswer(200, b'{"thing": 7}')
    post = Call("postThing", "POST", "/things", '{"quantity": 3}')
    world.ask(post)
    assert [(method, path, body) for method, path, _, body in server.seen[1:]] == [
        ("GET", "/things/7?full=yes", ""),
        ("POST", "/things", '{"quantity": 3}'),
    ]
    assert server.seen[2][2]["Content-Type"] == "application/json"
    assert (server.tokens, server.used) == (1, ["token-1", "token-1"])


def test_a_prefix_of_the_fakes_stands_before_every_path(world: World, server: Server) -> None:
    world.process(f"{server.url}/flipkart").call("shop", "demo", ASK)
    assert server.seen[-1][1] == "/flipkart/things/7?full=yes"


def test_the_local_stack_asks_its_fakes_and_every_other_the_marketplaces_by_tls() -> None:
    at = "http://127.0.0.1:9"
    assert hosts(at, emulated=True)["amazon"] == Hosts(f"{at}/amazon", f"{at}/amazon-token")
    assert hosts(at, emulated=True)["flipkart"] == Hosts(f"{at}/flipkart", f"{at}/flipkart")
    assert hosts("", emulated=False) == REAL
    assert REAL["amazon"] == Hosts("https://sellingpartnerapi-eu.amazon.com", "https://api.amazon.com")
    assert REAL["flipkart"] == Hosts("https://api.flipkart.net", "https://api.flipkart.net")


@pytest.mark.parametrize(
    ("url", "emulated"), [("", True), ("https://api.flipkart.net", True), ("http://127.0.0.1:9", False)]
)
def test_no_stack_sends_its_tokens_elsewhere(url: str, emulated: bool) -> None:
    with pytest.raises(RuntimeError):
        hosts(url, emulated=emulated)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_every_status_is_an_answer_and_nothing_is_asked_twice(world: World, server: Server, status: int) -> None:
    server.answer = lambda _, call: say(call, status, b'{"errors": []}')
    assert world.ask() == HttpAnswer(status, b'{"errors": []}')
    assert len(server.used) == 1


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("Tue, 24 Nov 2026 09:31:05 GMT", 65),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0),
        ("Tue, 24 Nov 2026 09:31:05 -0000", 65),
        ("Thu, 24 Nov 2039 09:31:05 GMT", 3600),
        ("999999", 3600),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_the_wait_that_a_marketplace_asks_for_is_read_in_both_ways(
    world: World, server: Server, told: str, seconds: int | None
) -> None:
    server.answer = lambda _, call: say(call, 429, b"{}", Retry_After=told)
    assert world.ask().retry_after == seconds


def test_a_token_is_kept_until_shortly_before_it_expires(world: World, server: Server) -> None:
    world.ask()
    world.later(minutes=57, seconds=59)
    world.ask()
    assert server.tokens == 1
    world.later(seconds=1)
    world.ask()
    assert server.used == ["token-1", "token-1", "token-2"]


def test_a_token_of_a_minute_is_used_for_one_call_each(world: World, server: Server) -> None:
    server.lives = 60
    world.ask()
    world.ask()
    assert server.used == ["token-1", "token-2"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_revoked_token_is_fetched_anew_once(world: World, server: Server, status: int) -> None:
    world.ask()
    world.later(minutes=5)

    def refuse_the_first(_: Server, call: BaseHTTPRequestHandler) -> None:
        say(call, status if call.headers["X-Token"] == "token-1" else 200)

    server.answer = refuse_the_first
    assert world.ask().status == 200
    assert server.used == ["token-1", "token-1", "token-2"]


def test_an_account_that_is_refused_costs_a_new_token_a_minute_and_not_one_a_call(world: World, server: Server) -> None:
    server.answer = lambda _, call: say(call, 403)
    for _ in range(20):
        assert world.ask().status == 403
        world.later(seconds=6)
    assert server.tokens == 2


def test_no_token_is_retryable_and_says_only_oauths_own_word(world: World, server: Server) -> None:
    server.token_status = 400
    with pytest.raises(Retryable) as refused:
        world.ask()
    assert str(refused.value) == "shop gives no token: 400 invalid_client"
    server.token_status = 503
    with pytest.raises(Retryable, match="503"):
        world.ask()
    assert server.used == []


def test_a_token_answer_that_is_no_token_is_retryable(world: World, server: Server) -> None:
    server.give_token = lambda call, body: call.say(200, b"<html>")  # type: ignore[method-assign]
    with pytest.raises(Retryable, match="access_token: is missing"):
        world.ask()


def test_new_credentials_are_read_when_the_old_ones_are_refused(world: World, server: Server) -> None:
    world.store("an old one")
    with pytest.raises(Retryable, match="401 invalid_client"):
        world.ask()
    world.store(SECRET)
    world.later(minutes=1)
    assert world.ask().status == 200


def test_an_account_without_credentials_is_rejected_and_asks_nobody(world: World, server: Server) -> None:
    with pytest.raises(Rejected, match="hunar/test/api/shop/other is not in Secrets Manager"):
        world.apis.call("shop", "other", ASK)
    world.client.put_secret_value(SecretId=NAME, SecretString='{"client_id": "app"}')
    with pytest.raises(Rejected, match="is not JSON with client_id, client_secret"):
        world.ask()
    world.client.put_secret_value(SecretId=NAME, SecretString='{"client_id": "app", "client_secret": "s"}')
    world.later(minutes=1)
    with pytest.raises(Rejected, match="shop credentials: refresh_token: is missing"):
        world.ask()
    assert server.seen == []


@pytest.mark.parametrize("where", ["before the status", "in the body", "drop by drop"])
def test_a_server_that_hangs_costs_a_deadline(world: World, server: Server, where: str, impatient: None) -> None:
    ended = threading.Event()

    def hang(_: Server, call: BaseHTTPRequestHandler) -> None:
        if where != "before the status":
            call.send_response(200)
            call.send_header("Content-Length", "1000")
            call.end_headers()
        while not ended.wait(0.05 if where == "drop by drop" else 2):
            call.wfile.write(b" ")
            call.wfile.flush()

    server.answer = hang
    began = time.monotonic()
    with pytest.raises(Retryable, match="shop getThing: TimeoutError"):
        world.ask()
    ended.set()
    assert time.monotonic() - began < 1.5


def test_nobody_listens(world: World) -> None:
    world.ask()
    with pytest.raises(Retryable, match="shop getThing: ConnectionRefusedError"):
        _on_port_of_nobody(world)


def _on_port_of_nobody(world: World) -> None:
    closed = Server()
    url = closed.url
    closed.server_close()
    world.process(url).call("shop", "demo", ASK)


@pytest.mark.parametrize("length", [True, False])
def test_an_answer_of_20_mb_is_rejected_before_it_is_here(world: World, server: Server, length: bool) -> None:
    sent = 0

    def endless(_: Server, call: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        call.send_response(200)
        if length:
            call.send_header("Content-Length", str(20 * 1024 * 1024))
        call.end_headers()
        for _ in range(20 * 1024):
            call.wfile.write(b"x" * 1024)
            sent += 1024

    server.answer = endless
    with pytest.raises(Rejected, match=f"larger than {MOST_ANSWER_BYTES} bytes"):
        world.ask()
    assert sent < 19 * 1024 * 1024


def test_the_largest_answer_is_whole(world: World, server: Server) -> None:
    server.answer = lambda _, call: say(call, 200, b"x" * MOST_ANSWER_BYTES)
    assert len(world.ask().body) == MOST_ANSWER_BYTES


def test_an_answer_that_breaks_off_is_none(world: World, server: Server) -> None:
    server.answer = lambda _, call: say(call, 200, b'{"thing": 7', Content_Length="100", Connection="close")
    with pytest.raises(Retryable, match="broke off 89 bytes before its end"):
        world.ask()


def test_chunks_that_break_off_are_no_answer(world: World, server: Server) -> None:
    def half(_: Server, call: BaseHTTPRequestHandler) -> None:
        call.send_response(200)
        call.send_header("Transfer-Encoding", "chunked")
        call.send_header("Connection", "close")
        call.end_headers()
        call.wfile.write(b"40\r\n{}")
        call.close_connection = True

    server.answer = half
    call = world.ask
    with pytest.raises(Retryable, match="IncompleteRead"):
        call()


def test_html_is_an_answer_for_whoever_reads_it(world: World, server: Server) -> None:
    server.answer = lambda _, call: say(call, 200, b"<html>We will be back soon", Content_Type="text/html")
    assert world.ask().body.startswith(b"<html>")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_the_token_goes_nowhere(world: World, server: Server, status: int) -> None:
    elsewhere = Server()
    thread = threading.Thread(target=elsewhere.serve_forever, args=(0.01,))
    thread.start()
    server.answer = lambda _, call: say(call, status, b"", Location=f"{elsewhere.url}/things/7")
    assert world.ask().status == status
    elsewhere.shutdown()
    elsewhere.server_close()
    thread.join()
    assert elsewhere.seen == []


@pytest.mark.parametrize("path", ["//evil.example/x", "/a b", "/a\r\nX-Evil: 1", "/ü"])
def test_a_path_of_a_marketplace_cannot_leave_its_host(world: World, server: Server, path: str) -> None:
    if path.startswith("//"):
        # It is a path of the same host, whatever it looks like.
        assert world.ask(Call("getThing", "GET", path)).status == 200
        assert server.seen[-1][1].endswith("evil.example/x")
        return
    with pytest.raises(Rejected, match="no request may have"):
        world.ask(Call("getThing", "GET", path))
    assert server.used == []


@pytest.mark.parametrize("path", ["http://evil.example/x", "things/7", ""])
def test_an_address_in_place_of_a_path_is_rejected(world: World, server: Server, path: str) -> None:
    with pytest.raises(Rejected, match="a path begins with a slash"):
        world.ask(Call("getThing", "GET", path))
    assert server.used == []


def test_a_token_that_no_header_takes_does_not_show(world: World, server: Server) -> None:
    server.give_token = lambda call, body: call.say(  # type: ignore[method-assign]
        200, json.dumps({"access_token": "tok\r\nen", "expires_in": 60}).encode()
    )
    with pytest.raises(Rejected) as refused:
        world.ask()
    assert "tok" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_nothing_secret_shows(world: World, server: Server) -> None:
    world.ask()
    world.later(minutes=5)
    shown = [repr(world.apis), repr(world.secrets), repr(world.secrets.get("shop", "demo"))]
    shown += [repr(value) for value in vars(world.apis).values()]
    server.answer = lambda _, call: call.connection.close()
    with pytest.raises(Retryable) as failed:
        world.ask()
    shown += [str(failed.value), repr(failed.value)]
    for secret in (SECRET, REFRESH, "token-1"):
        assert not [text for text in shown if secret in text]
