"""One request over a real socket: whether it can have arrived is told of every way in which it can fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hunar.adapters.http import Answer, NoAnswer, TooLarge, Unsendable, ask

SECRET = "s3cret-of-the-account"


@contextmanager
def server(answer: bytes, *, after: bytes = b"text") -> Iterator[tuple[str, bytearray]]:
    """Answers one connection with ``answer`` once it has sent ``after`` or hung up, then hangs up itself."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while piece := connection.recv(65536):
                    heard.extend(piece)
                    if heard.endswith(after):
                        break
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join(5)


def post(base: str, *, path: str = "/x", token: str = SECRET, most: int = 1000) -> Answer:
    return ask(base, "POST", path, {"Token": token}, b"text", seconds=0.5, most=most)


def test_a_request_says_its_length_and_takes_no_packed_answer() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: v\r\n\r\nok") as (base, heard):
        answer = post(f"{base}/under")
    assert (answer.status, answer.body, answer.headers["x-name"]) == (200, b"ok", "v")
    head = heard.decode()
    assert head.startswith("POST /under/x HTTP/1.1\r\n")
    assert {"Content-Length: 4", "Accept-Encoding: identity", f"Token: {SECRET}"} <= set(head.split("\r\n"))
    assert "ok" not in repr(answer)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_without_a_connection_nothing_was_sent(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoAnswer, match="ConnectionRefusedError") as failed:
        post(f"{scheme}://127.0.0.1:{port}")
    assert not failed.value.sent


def test_a_server_that_proves_nothing_gets_nothing() -> None:
    with server(b"HTTP/1.1 400 Bad Request\r\n\r\n", after=b"") as (base, heard):
        with pytest.raises(NoAnswer, match="SSL") as failed:
            post(base.replace("http:", "https:"))
        assert not failed.value.sent
    assert SECRET.encode() not in heard


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "RemoteDisconnected"),
        (b"hello\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "broke off 7 bytes before its end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "IncompleteRead"),
    ],
)
def test_without_a_whole_answer_it_may_have_arrived(answer: bytes, why: str) -> None:
    with server(answer) as (base, _), pytest.raises(NoAnswer, match=why) as failed:
        post(base)
    assert failed.value.sent


def test_silence_ends_at_the_deadline_and_says_nothing_of_the_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(NoAnswer, match="TimeoutError") as failed:
            post(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert failed.value.sent


def test_a_large_answer_is_not_held() -> None:
    body = b"x" * 1001
    with (
        server(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + body) as (base, _),
        pytest.raises(TooLarge, match="larger than 1000 bytes"),
    ):
        post(base)


@pytest.mark.parametrize(("path", "token"), [("/a b", SECRET), ("/x", f"{SECRET}\r\nX-Evil: 1")])
def test_what_no_request_may_hold_is_not_sent_and_not_shown(path: str, token: str) -> None:
    with server(b"") as (base, heard), pytest.raises(Unsendable) as failed:
        post(base, path=path, token=token)
    assert SECRET not in str(failed.value)
    assert heard == b""


def test_an_address_in_place_of_a_path_asks_nobody() -> None:
    with pytest.raises(Unsendable, match="a path begins with a slash"):
        post("http://127.0.0.1:9", path="http://evil.example/x")
