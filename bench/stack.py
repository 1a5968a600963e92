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
from collections.abc import Iterator, Mapping
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
STOP_SECONDS = 300
"""Each worker unpacked more than a thousand files, and some file systems take their time to remove them."""
_SILENT = "notifications: 0 waiting, 0 in flight, "

TOLD = ("ACCEPTED", "DELIVERED")
"""Of a text: the provider took it, and the phone has it."""


@dataclass
class Running:
    """A running stack. Each thread has a connection of its own to the gateway."""

    port: int
    program: int = 0
    """The process id of ``make run``'s program, whose processes these are."""
    _local: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        self.account = json.loads(hunar("sign", "--show", "--json"))
        self.description = json.loads((ROOT / ".local/stack.json").read_text(encoding="utf-8"))

    def post(self, message: dict[str, Any], *, signed: bool = True, account: Mapping[str, Any] | None = None) -> int:
        """Send a Flipkart message to an account, else to the first one. Returns the status."""
        now = datetime.now(UTC)
        headers = {"Content-Type": "application/json", "X_Date": format_datetime(now, usegmt=True)}
        account = account or self.account
        if signed:
            epoch = int(now.timestamp())
            headers["X_Authorization"] = signature(account["app_id"], account["secret"], account["url"], epoch)
        path = f"/webhooks/flipkart/{account['account']}"
        return self._ask("POST", path, json.dumps(message).encode(), headers)[0]

    def act(self, path: str, body: Any = None) -> Any:
        """Move the local stack."""
        return self._told("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        """Set what a marketplace tells."""
        return self._told("PUT", path, body)

    def put_on(self, queue: str, body: str) -> None:
        """A message on one of the stack's queues, by the name of its output."""
        self._client("sqs").send_message(QueueUrl=self.description["outputs"][queue], MessageBody=body)

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

    def adjust(self, sku: str, quantity: int) -> None:
        """Count units in (or out), as an operator does."""
        act = {"quantity": quantity, "reason": "the storm", "act_id": f"storm-{time.time_ns()}"}
        headers = {"Content-Type": "application/json", "X-Local-User": "maker"}
        status, body = self._ask("POST", f"/api/stock/{sku}/adjust", json.dumps(act).encode(), headers)
        if status != 202:
            raise RuntimeError(f"adjust {sku} answers {status}: {body[:300]!r}")

    def workers(self) -> list[int]:
        """The process ids of the functions' workers: what the emulator of this run has started."""
        parents = _parents()
        emulators = [pid for pid, parent in parents.items() if parent == self.program and "ministack" in _command(pid)]
        return [pid for pid, parent in parents.items() if parent in emulators]

    def visibility(self, seconds: int | Mapping[str, str]) -> dict[str, str]:
        """Set how long messages stay in flight, for all queues or each. Returns what it was."""
        queues = self._client("sqs")
        before = {}
        for name, url in self.description["outputs"].items():
            if name.endswith("QueueUrl") and not name.endswith("DeadLetterQueueUrl"):
                known = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
                before[name] = known["Attributes"]["VisibilityTimeout"]
                wanted = seconds[name] if isinstance(seconds, Mapping) else str(seconds)
                queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": wanted})
        return before

    @contextlib.contextmanager
    def without(self, function: str, variable: str) -> Iterator[None]:
        """A function that misses one of its settings, and so fails at all it does."""
        name = self.description["outputs"][f"{function}FunctionName"]
        functions = self._client("lambda")
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        crippled = {key: value for key, value in before.items() if key != variable}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": crippled})
        try:
            yield
        finally:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})

    def quiet(self, seconds: int = 120) -> None:
        self.get("/local/quiet", timeout=seconds)

    def calm(self, seconds: int) -> None:
        """As quiet, but for texts whose claim fell silent: they are looked at again a quarter of an hour later."""
        until = time.monotonic() + seconds
        while True:
            status, body = self._ask("GET", "/local/quiet?timeout=5", None, {})
            busy = json.loads(body).get("busy", []) if status in (200, 504) else [body.decode(errors="replace")[:300]]
            if all(entry.startswith(_SILENT) for entry in busy):
                return
            if time.monotonic() > until:
                raise RuntimeError(f"not calm after {seconds} s: {busy}")

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

    def _told(self, method: str, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json", "X-Local-User": "maker"}
        status, answer = self._ask(method, path, json.dumps(body if body is not None else {}).encode(), headers)
        if status != 200:
            raise RuntimeError(f"{method} {path} answers {status}: {answer[:300]!r}")
        return json.loads(answer)

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
        yield Running(port, program.pid)
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(STOP_SECONDS)


def _parents() -> dict[int, int]:
    """Every process of this machine with its parent."""
    found = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in the second field may hold spaces and brackets; the parent is the second after it.
            found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def _command(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


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
