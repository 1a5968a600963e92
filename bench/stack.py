"""The local stack as a user starts it, and signed messages into it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import boto3

from hunar.marketplaces.flipkart import signature
from local.quiet import log_events, log_group
from local.stack import KEYS, free_port

ROOT = Path(__file__).parents[1]
READY_SECONDS = 600


@dataclass
class Running:
    """A running stack. Each thread has a connection of its own to the gateway."""

    port: int
    _local: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        self.account = json.loads(hunar("sign", "--show", "--json"))
        self.description = json.loads((ROOT / ".local/stack.json").read_text(encoding="utf-8"))

    def post(self, message: dict[str, Any], *, signed: bool = True) -> int:
        """Send a Flipkart message. Returns the status."""
        now = datetime.now(UTC)
        headers = {"Content-Type": "application/json", "X_Date": format_datetime(now, usegmt=True)}
        if signed:
            account = self.account
            epoch = int(now.timestamp())
            headers["X_Authorization"] = signature(account["app_id"], account["secret"], account["url"], epoch)
        return self._ask("POST", "/webhooks/flipkart/demo", json.dumps(message).encode(), headers)[0]

    def get(self, path: str, **query: Any) -> Any:
        """A JSON answer of the API or of /local."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        status, body = self._ask("GET", path, None, {})
        if status != 200:
            raise RuntimeError(f"GET {path} answers {status}: {body[:300]!r}")
        return json.loads(body)

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list."""
        items: list[dict[str, Any]] = []
        page = self.get(path, limit=100, **query)
        while True:
            items += page["items"]
            if page["next"] is None:
                return items
            page = self.get(path, limit=100, next=page["next"], **query)

    def quiet(self, seconds: int = 120) -> None:
        self.get("/local/quiet", timeout=seconds)

    def logged(self, function: str, word: str, *, since: float = 0.0) -> list[dict[str, Any]]:
        """The JSON log lines of a function with a word in them, since an epoch time in seconds."""
        group = log_group(self._client("lambda"), self.description["outputs"][f"{function}FunctionName"])
        events = log_events(self._client("logs"), group, word, since=int(since * 1000))
        lines = [line for event in events for line in event["message"].splitlines() if word in line]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.description["endpoint_url"],
            region_name=self.description["region"],
            aws_access_key_id=KEYS.access_key,
            aws_secret_access_key=KEYS.secret_key,
        )

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=330)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def hunar(*arguments: str) -> str:
    """The command line, as an operator runs it."""
    return subprocess.run(
        [str(ROOT / ".venv/bin/hunar"), *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """Start ``make run``'s program on a free port, and stop it by its own process id."""
    port = free_port()
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    program = subprocess.Popen([sys.executable, "-m", "local.run", "--port", str(port)], cwd=ROOT, env=environment)
    try:
        _await(program, port)
        yield Running(port)
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(60)


def _await(program: subprocess.Popen[bytes], port: int) -> None:
    """The port opens only when all is ready."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if program.poll() is not None:
            raise RuntimeError(f"the local stack ended with {program.returncode}")
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/local/phones")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the local stack is not ready after {READY_SECONDS} s")
