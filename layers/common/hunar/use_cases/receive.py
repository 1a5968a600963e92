"""Prove who sent a webhook and put it on the queue, as it came.

Account, method, size, proof, text, in that order: each is cheaper than the next, and nothing of a
body is read before its sender is proved. What a message means is not asked here: an event that we
do not know is our problem, and Flipkart stops a group of events behind one failure.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from hunar.domain.facts import instant
from hunar.domain.identity import delivery_id
from hunar.domain.proof import Proof
from hunar.ports import QueueName, Queues, Retryable, WebhookSecret, WebhookSecrets

MOST_BYTES: Final = 180 * 1024
"""Of a raw body. In base64 with its envelope it stays far below what a queue takes."""

_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    503: "Service Unavailable",
}
COUNTED: Final = {
    "accepted": "WebhookAccepted",
    "unreadable": "WebhookUnreadable",
    "no_account": "WebhookNoAccount",
    "method": "WebhookMethod",
    "oversize": "WebhookOversize",
    "unsigned": "WebhookUnsigned",
    "forged": "WebhookForged",
    "stale": "WebhookStale",
    "not_stored": "WebhookNotStored",
}
"""Each request is counted once, under its outcome."""


class Door(Protocol):
    """What receiving asks of a marketplace's module."""

    def prove(self, headers: Mapping[str, str], raw: bytes, secret: WebhookSecret, now: datetime) -> Proof: ...

    def readable(self, raw: bytes) -> bool: ...


@dataclass(frozen=True)
class Request:
    """A webhook call as the gateway hands it on. ``repr`` shows neither headers nor body nor query."""

    method: str
    marketplace: str
    account: str
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)
    is_base64: bool = False
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def raw(self) -> tuple[bytes, bool]:
        """The bytes that were sent, and whether they could be unpacked.

        A gateway never makes base64 that does not decode, but nobody else's mistake may lose a
        proved message: then the text itself is what came.
        """
        if self.is_base64:
            try:
                return base64.b64decode(self.body, validate=True), True
            except ValueError:
                return self.body.encode("utf-8", "surrogatepass"), False
        return self.body.encode("utf-8", "surrogatepass"), True


@dataclass(frozen=True)
class Answer:
    """``outcome`` is one word for logs; ``delivery_id`` is None unless the body was authentic."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    outcome: str
    delivery_id: str | None = None
    reason: str | None = None
    """Why nothing could be stored, for the log."""


class HandOver(Protocol):
    """What a proved call puts on which queue: the body as it came, or a part of it. It may be nothing."""

    def __call__(
        self, request: Request, identity: str, raw: bytes, readable: bool, now: datetime
    ) -> tuple[QueueName, Sequence[str]]: ...


def as_it_came(
    request: Request, identity: str, raw: bytes, readable: bool, now: datetime
) -> tuple[QueueName, Sequence[str]]:
    """A marketplace's message, whole."""
    return QueueName.ORDER_EVENTS, [_message(request, identity, raw, readable, now)]


def receive(
    request: Request,
    *,
    doors: Mapping[str, Door],
    accounts: Collection[tuple[str, str]],
    secrets: WebhookSecrets,
    queues: Queues,
    now: datetime,
    count: Callable[[str], None],
    hand_over: HandOver = as_it_came,
) -> Answer:
    """Answer one webhook call. Raises nothing that a caller could cause.

    ``accounts`` are the (marketplace, account) pairs that may post; ``count`` is told the name of
    one metric per call.
    """
    answer = _answer(request, doors, accounts, secrets, queues, now, hand_over)
    count(COUNTED[answer.outcome])
    return answer


def _answer(
    request: Request,
    doors: Mapping[str, Door],
    accounts: Collection[tuple[str, str]],
    secrets: WebhookSecrets,
    queues: Queues,
    now: datetime,
    hand_over: HandOver,
) -> Answer:
    door = doors.get(request.marketplace)
    if door is None or (request.marketplace, request.account) not in accounts:
        return problem(404, "no_account")
    if request.method != "POST":
        return problem(405, "method", {"allow": "POST"})
    raw, unpacked = request.raw()
    if len(raw) > MOST_BYTES:
        return problem(413, "oversize", detail=f"at most {MOST_BYTES} bytes")
    identity = delivery_id(request.marketplace, request.account, raw)
    try:
        proof = _proof(door, request, raw, secrets, now)
        if proof is not Proof.PROVED:
            return problem(401, proof.value)
        readable = unpacked and door.readable(raw)
        queue, messages = hand_over(request, identity, raw, readable, now)
        if messages:
            queues.send(queue, messages)
    except Retryable as error:
        return replace(problem(503, "not_stored"), reason=str(error))
    if not readable:
        refused = problem(400, "unreadable", detail="the body is not one unambiguous JSON object in UTF-8; it is kept")
        return replace(refused, body={**refused.body, "delivery_id": identity}, delivery_id=identity)
    body = {"status": "accepted", "delivery_id": identity}
    return Answer(200, body, {"content-type": "application/json"}, "accepted", identity)


def _proof(door: Door, request: Request, raw: bytes, secrets: WebhookSecrets, now: datetime) -> Proof:
    """A secret may have been rotated since it was read: before a proof is called forged, ask again."""
    secret = secrets.get(request.marketplace, request.account)
    proof = door.prove(request.headers, raw, secret, now)
    if proof is Proof.FORGED and (newer := secrets.refetch(request.marketplace, request.account)):
        proof = door.prove(request.headers, raw, newer, now)
    return proof


def _message(request: Request, identity: str, raw: bytes, readable: bool, now: datetime) -> str:
    """``messages.WebhookDelivery`` as JSON, by hand: this function starts without loading pydantic."""
    return json.dumps(
        {
            "version": 1,
            "kind": "webhook",
            "marketplace": request.marketplace,
            "account": request.account,
            "delivery_id": identity,
            "received_at": instant(now),
            "body_b64": base64.b64encode(raw).decode(),
            "readable": readable,
        }
    )


def problem(status: int, outcome: str, headers: Mapping[str, str] | None = None, detail: str | None = None) -> Answer:
    """RFC 9457. A refused proof gets no detail: it would help to guess."""
    body = {"type": "about:blank", "title": _TITLES[status], "status": status}
    if detail:
        body["detail"] = detail
    return Answer(status, body, {"content-type": "application/problem+json", **(headers or {})}, outcome)
