"""One request over HTTP, by the standard library alone.

``http.client`` and not urllib3: Lambda's runtimes bring different ones of that, each with another idea of retries,
redirects and short bodies. Here one call is one request, or it says why not: no retry, no redirect (a token goes to no
other host), no proxy, and a deadline over all of it, so that a server which sends a byte now and then holds nobody.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection, InvalidURL
from typing import Final
from urllib.parse import urlsplit

CONNECT_SECONDS: Final = 3.0
_CHUNK: Final = 64 * 1024


class Unsendable(Exception):
    """A path or a header holds what no request may. Its text shows neither."""


class TooLarge(Exception):
    """The answer is larger than the caller wants to hold. The request was sent."""


class NoAnswer(Exception):
    """There is no whole answer. ``sent`` is False when surely nothing of the request left this machine."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


@dataclass(frozen=True)
class Answer:
    """Any status. ``repr`` shows neither headers nor body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Their names in lower case."""
    body: bytes = field(repr=False)


def ask(
    base: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, seconds: float, most: int
) -> Answer:
    """Send one request to the server at ``base`` and read its answer, at most ``most`` bytes of it.

    ``seconds`` are for all of it. Raises NoAnswer, TooLarge and Unsendable.
    """
    deadline = time.monotonic() + seconds
    if not path.startswith("/"):
        raise Unsendable("a path begins with a slash")
    connection = _connection(base)
    try:
        try:
            connection.connect()
            connection.sock.settimeout(_left(deadline))
        except (OSError, UnicodeError) as error:
            raise NoAnswer(type(error).__name__, sent=False) from error
        # A reference of our own: the connection lets go of its socket when the answer is the last one.
        sock = connection.sock
        try:
            connection.putrequest(method, urlsplit(base).path + path)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None or method != "GET":
                connection.putheader("Content-Length", str(len(body or b"")))
        except (InvalidURL, ValueError):
            # Its text would show the path or the token that holds the wrong character.
            raise Unsendable("a path or header that no request may have") from None
        try:
            connection.endheaders(body)
            with connection.getresponse() as response:
                content = bytearray()
                while not response.isclosed() and (chunk := response.read1(_CHUNK)):
                    content += chunk
                    if len(content) > most:
                        raise TooLarge(f"the answer is larger than {most} bytes")
                    if not response.isclosed():
                        sock.settimeout(_left(deadline))
                if response.length:
                    raise NoAnswer(f"the answer broke off {response.length} bytes before its end", sent=True)
                told = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, told, bytes(content))
        except (OSError, HTTPException) as error:
            raise NoAnswer(type(error).__name__, sent=True) from error
    finally:
        connection.close()


def _connection(base: str) -> HTTPConnection:
    parts = urlsplit(base)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return HTTPSConnection(host, parts.port, timeout=CONNECT_SECONDS, context=_tls())
    return HTTPConnection(host, parts.port, timeout=CONNECT_SECONDS)


@cache
def _tls() -> ssl.SSLContext:
    """Reading the system's certificates takes a while."""
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    """Seconds. Raises TimeoutError at the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
