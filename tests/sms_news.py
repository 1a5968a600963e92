"""A provider of texts that speaks our own words: what it says is a receipt or a reply, field by field.

How real providers say it is tested where their messages are read.
"""

from __future__ import annotations

import json
from typing import Any

from hunar.domain.receipt import Receipt, Reply
from hunar.ports import Rejected


def report(notification_id: str | None, state: str, **said: Any) -> str:
    """A report as it stands on the queue."""
    words = {"provider_id": None, "code": state, "final": True, "reason": ""} | said
    return json.dumps({"eventType": state, "receipts": [{"notification_id": notification_id, "state": state} | words]})


def answer(phone: str, text: str, *, at: str, reply_id: str) -> str:
    return json.dumps({"replies": [{"phone": phone, "text": text, "at": at, "reply_id": reply_id}]})


def read(provider: str, body: bytes, received_at: str) -> list[Receipt | Reply]:
    """What ``report`` and ``answer`` wrote. They always say when. Raises Rejected."""
    try:
        said = json.loads(body)
    except ValueError:
        raise Rejected("body: not JSON") from None
    if not isinstance(said, dict) or not {"receipts", "replies"} & said.keys():
        raise Rejected("receipts: is missing")
    receipts = [Receipt(provider=provider, **one) for one in said.get("receipts", ())]
    return [*receipts, *(Reply(provider=provider, **one) for one in said.get("replies", ()))]
