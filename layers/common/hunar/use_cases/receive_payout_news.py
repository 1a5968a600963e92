"""Prove that a payout rail posted, and put what it said of a payout on the queue: without account, name or body.

The checks, their order and the answers are those of any webhook. A rail's body may have the account of whoever was
paid, and no account number travels on a queue; so the body is read here, and what the books need goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from hunar.domain.facts import instant
from hunar.ports import QueueName, Queues, WebhookSecret, WebhookSecrets
from hunar.use_cases.receive import Answer, Door, Request, receive


class Rail(Door, Protocol):
    """What receiving asks of a rail's module."""

    @property
    def NEEDS(self) -> Sequence[str]:
        """The fields that an account's secret must have."""

    def sign(self, raw: bytes, secret: WebhookSecret, now: datetime) -> Mapping[str, str]:
        """The headers that the rail sends along. ValueError when the secret is none."""

    def news(self, raw: bytes, now: datetime) -> Mapping[str, Any] | None:
        """The fields of ``messages.PayoutNews``; None for news that are about no payout."""


def receive_payout_news(
    request: Request,
    *,
    rails: Mapping[str, Rail],
    accounts: Collection[tuple[str, str]],
    secrets: WebhookSecrets,
    queues: Queues,
    now: datetime,
    count: Callable[[str], None],
) -> Answer:
    """Answer one call of a rail; ``request.marketplace`` is its name. Raises nothing that a caller could cause."""

    def hand_over(
        request: Request, identity: str, raw: bytes, readable: bool, now: datetime
    ) -> tuple[QueueName, Sequence[str]]:
        found = rails[request.marketplace].news(raw, now)
        return QueueName.PAYOUT_BATCHES, [] if found is None else [_message(request, identity, found, now)]

    return receive(
        request,
        doors=rails,
        accounts=accounts,
        secrets=secrets,
        queues=queues,
        now=now,
        count=count,
        hand_over=hand_over,
    )


def _message(request: Request, identity: str, found: Mapping[str, Any], now: datetime) -> str:
    """``messages.PayoutNews`` as JSON, by hand: this function starts without loading pydantic."""
    said = {
        "version": 1,
        "kind": "payout_news",
        "rail": request.marketplace,
        "account": request.account,
        "delivery_id": identity,
        "received_at": instant(now),
    }
    return json.dumps(said | dict(found))
