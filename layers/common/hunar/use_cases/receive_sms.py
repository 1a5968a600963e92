"""Prove which provider of texts posted, and put what it said on the queue, as it came.

Receipts and replies: the order of the checks and the answers are those of a webhook. A provider signs
nothing, so the proof is a token that only it was given. Many can call a URL and set no header, so the
token may stand in the query too, which nobody logs. Some tell of a missed call by a GET: then the query is
what they say.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from hunar.domain.facts import instant
from hunar.domain.identity import delivery_id
from hunar.domain.proof import Proof
from hunar.ports import QueueName, Queues, Retryable, WebhookSecret, WebhookSecrets
from hunar.use_cases.receive import COUNTED, MOST_BYTES, Answer, Request, problem

IN_HEADER: Final = "x-hunar-token"
IN_QUERY: Final = "token"


def receive_sms(
    request: Request,
    *,
    accounts: Collection[tuple[str, str]],
    tokens: WebhookSecrets,
    queues: Queues,
    now: datetime,
    count: Callable[[str], None],
) -> Answer:
    """Answer one call of a provider; ``request.marketplace`` is its name. Raises nothing that a caller could cause.

    ``accounts`` are the (provider, account) pairs that may post. Counted like a webhook, under the same names.
    """
    answer = _answer(request, accounts, tokens, queues, now)
    count(COUNTED[answer.outcome])
    return answer


def _answer(
    request: Request,
    accounts: Collection[tuple[str, str]],
    tokens: WebhookSecrets,
    queues: Queues,
    now: datetime,
) -> Answer:
    provider, account = request.marketplace, request.account
    if (provider, account) not in accounts:
        return problem(404, "no_account")
    if request.method not in ("GET", "POST"):
        return problem(405, "method", {"allow": "GET, POST"})
    raw, unpacked = _query(request) if request.method == "GET" else request.raw()
    if len(raw) > MOST_BYTES:
        return problem(413, "oversize", detail=f"at most {MOST_BYTES} bytes")
    identity = delivery_id(provider, account, raw)
    try:
        proof = _proof(request, tokens)
        if proof is not Proof.PROVED:
            return problem(401, proof.value)
        queues.send(QueueName.SMS_RECEIPTS, [_message(request, raw, now)])
    except Retryable as error:
        return replace(problem(503, "not_stored"), reason=str(error))
    if not (unpacked and _is_text(raw)):
        refused = problem(400, "unreadable", detail="what was sent is empty or not UTF-8; it is kept")
        return replace(refused, body={**refused.body, "delivery_id": identity}, delivery_id=identity)
    body = {"status": "accepted", "delivery_id": identity}
    return Answer(200, body, {"content-type": "application/json"}, "accepted", identity)


def _query(request: Request) -> tuple[bytes, bool]:
    """What a GET says, as a form, without the token: no secret goes on."""
    said = [(name, value) for name, value in request.query.items() if name != IN_QUERY]
    return urlencode(said).encode(), True


def _proof(request: Request, tokens: WebhookSecrets) -> Proof:
    """The token may have been rotated since it was read: before one is called forged, ask again."""
    given = request.headers.get(IN_HEADER) or request.query.get(IN_QUERY)
    if not given:
        return Proof.UNSIGNED
    known: WebhookSecret | None = tokens.get(request.marketplace, request.account)
    if not _is_one_of(given, known):
        known = tokens.refetch(request.marketplace, request.account)
    return Proof.PROVED if _is_one_of(given, known) else Proof.FORGED


def _is_one_of(given: str, known: WebhookSecret | None) -> bool:
    """In constant time: both are compared to the end."""
    if known is None:
        return False
    found = [
        hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())
        for token in (known.secret, known.previous_secret or known.secret)
    ]
    return any(found)


def _is_text(raw: bytes) -> bool:
    try:
        return bool(raw.decode().strip())
    except UnicodeDecodeError:
        return False


def _message(request: Request, raw: bytes, now: datetime) -> str:
    """``messages.SmsNews`` as JSON, by hand: this function starts without loading pydantic."""
    return json.dumps(
        {
            "version": 1,
            "kind": "sms_news",
            "provider": request.marketplace,
            "account": request.account,
            "received_at": instant(now),
            "body_b64": base64.b64encode(raw).decode(),
        }
    )
