"""The agency's office with RazorpayX behind real HTTP, and whatever may break between the two."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hunar.adapters.razorpayx import RazorpayX
from hunar.domain.facts import moment
from hunar.domain.razorpayx import Line, read
from hunar.messages import BATCH_COMMAND, PayoutNews
from hunar.payout_rails import razorpayx
from hunar.ports import ApiSecret, QueueName, WebhookSecret
from hunar.use_cases import payouts, send_payouts
from hunar.use_cases.receive import Answer, Request
from hunar.use_cases.receive_payout_news import receive_payout_news
from hunar.use_cases.send_payouts import Outcome
from local.fake_razorpayx import FakeRazorpayX
from tests.paydesk import BATCH, MAKER, PayDesk, by

BANK = {"account_number": "7878780080316316", "mode": "NEFT", "narration": "HUNAR DEMO"}
ACCOUNTS = frozenset({("razorpayx", "main"), ("razorpayx", "other")})


class Caller(BaseHTTPRequestHandler):
    """Hands each request to the fake; the connection may break before it is read, or before it is answered."""

    server: Wire

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls += 1
        fault = self.server.fault(self.server.calls)
        if fault == "before":
            self.close_connection = True
            return
        answer = self.server.fake.answer(self.command, self.path, dict(self.headers), body, self.server.now())
        if fault == "after":
            self.close_connection = True
            return
        status, content = (503, b"<html>") if fault == "503" else (answer.status, answer.body)
        self.send_response(status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _any

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


class Wire(ThreadingHTTPServer):
    """The fake on a loopback address. ``fault`` is told the how-manieth call it is."""

    daemon_threads = True

    def __init__(self, fake: FakeRazorpayX, now: Callable[[], datetime]) -> None:
        super().__init__(("127.0.0.1", 0), Caller)
        self.fake, self.now, self.calls = fake, now, 0
        self.fault: Callable[[int], str] = lambda call: ""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Office:
    """A pay desk whose bank is RazorpayX. Its clock goes on by what the sender sleeps."""

    def __init__(self, **bank: str) -> None:
        self.desk = PayDesk(layout="razorpayx", **(BANK | bank))
        self.fake = FakeRazorpayX()
        self.passed = 0.0
        self.wire = Wire(self.fake, self.now)
        self.answers: list[Answer] = []
        self.counted: list[str] = []
        self.secrets = {"main": self.fake.webhook_secret, "other": "secret-of-another-webhook"}
        self.previous: dict[str, str] = {}

    def now(self) -> datetime:
        return moment(self.desk.now).astimezone(UTC) + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def rail(self, **said: str) -> RazorpayX:
        usual = {"key_id": self.fake.key_id, "key_secret": self.fake.key_secret} | said
        secret = ApiSecret(usual["key_id"], usual["key_secret"], None)
        return RazorpayX(self.wire.url, secret, lambda: self.passed, self.sleep)

    def filed(self, *groups: tuple[str, int]) -> Office:
        for number, (group, paise) in enumerate(groups or (("G01", 1_000), ("G02", 2_000), ("G03", 3_000)), 1):
            self.desk.group(group, paise=paise, number=number)
        self.desk.filed()
        return self

    def lines(self, batch_id: str = BATCH) -> tuple[Line, ...]:
        return read(*payouts.file_of(self.desk.operator, batch_id))

    def rows(self, batch_id: str = BATCH) -> dict[str, dict[str, Any]]:
        return {row.payout_id: row.item() for row in self.desk.rows(batch_id).values()}

    def send(self, batch_id: str = BATCH) -> list[Outcome]:
        return list(send_payouts.send(self.rail(), self.lines(batch_id), self.rows(batch_id)))

    def ask(self, batch_id: str = BATCH) -> list[Outcome]:
        done = list(send_payouts.ask(self.rail(), self.lines(batch_id), self.rows(batch_id), self.desk.now[:10]))
        results = [one.result for one in done if one.result]
        if results:
            payouts.paid(self.desk.operator, batch_id, results, by(MAKER))
            self.desk.work()
        return done

    def move(self, group: str, status: str, batch_id: str = BATCH, **said: str) -> None:
        [one] = self.fake.of(self.desk.rows(batch_id)[group].payout_id)
        self.fake.move(one["id"], status, self.now(), **said)

    # webhooks

    def get(self, marketplace: str, account: str) -> WebhookSecret:
        return WebhookSecret("", self.secrets[account], self.previous.get(account), "")

    def refetch(self, marketplace: str, account: str) -> WebhookSecret | None:
        return None

    def post(self, raw: bytes, *, account: str = "main", headers: dict[str, str] | None = None) -> int:
        """One call of the webhook. What it put on the queue waits."""
        answer = receive_payout_news(
            Request(
                "POST",
                "razorpayx",
                account,
                headers or self.fake.signed(raw),
                base64.b64encode(raw).decode(),
                is_base64=True,
            ),
            rails={"razorpayx": razorpayx},
            accounts=ACCOUNTS,
            secrets=self,
            queues=self.desk.queues,
            now=self.now(),
            count=self.counted.append,
        )
        self.answers.append(answer)
        return answer.status

    def queued(self) -> list[PayoutNews]:
        found = [BATCH_COMMAND.validate_json(body) for body, _ in self.desk.queues.taken(QueueName.PAYOUT_BATCHES)]
        assert all(isinstance(one, PayoutNews) for one in found)
        return [one for one in found if isinstance(one, PayoutNews)]

    def news(self, *raws: bytes) -> list[str]:
        """Webhooks that come in this order, and what became of each."""
        done = []
        for raw in raws:
            assert self.post(raw) == 200
            done += self.desk.work()
        return done
