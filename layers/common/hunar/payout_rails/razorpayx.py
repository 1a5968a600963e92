"""Webhooks of RazorpayX: proved by their signature, and reduced to what may travel on a queue.

The signature is HMAC-SHA256 over the raw body, in hex, with the webhook's own secret. It covers no time, and RazorpayX
sends the same body again for a day when nobody answers; so there is no time window here, and an old message that
somebody repeats changes nothing, because what it says was booked. The event's id in the headers is not signed: it
decides nothing.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hunar.domain import razorpayx
from hunar.domain.facts import instant
from hunar.domain.proof import Proof
from hunar.marketplaces.body import Unreadable, read_object, readable
from hunar.ports import WebhookSecret

__all__ = ["NEEDS", "news", "prove", "readable", "sign"]

NEEDS: Final = ("secret",)
"""What an account's secret must have: the text that was entered beside the webhook on the dashboard."""
HEADER: Final = "x-razorpay-signature"
SHORTEST: Final = 16
"""Characters. RazorpayX takes any text as a secret; a short one can be guessed from one signed body."""

_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_EPOCHS: Final = range(1_500_000_000, 5_000_000_000)


def sign(raw: bytes, secret: WebhookSecret, now: datetime) -> dict[str, str]:
    """The headers that RazorpayX sends along. ValueError when the secret is none."""
    del now  # Nothing of the time is signed.
    if len(secret.secret) < SHORTEST:
        raise ValueError(f"secret has fewer than {SHORTEST} characters; it could be guessed")
    return {"X-Razorpay-Signature": _signature(secret.secret, raw)}


def prove(headers: Mapping[str, str], raw: bytes, secret: WebhookSecret, now: datetime) -> Proof:
    """Whether somebody sent this who has the account's secret. Whatever stands in the headers, it raises nothing."""
    del now
    given = {value for name, value in headers.items() if name.lower() == HEADER and value}
    if not given:
        return Proof.UNSIGNED
    if len(given) > 1 or not _SIGNATURE.fullmatch(signature := given.pop()):
        return Proof.FORGED
    # Both are compared, whichever fits.
    fits = [
        hmac.compare_digest(signature, _signature(text, raw))
        for text in (secret.secret, secret.previous_secret or secret.secret)
    ]
    return Proof.PROVED if any(fits) else Proof.FORGED


def news(raw: bytes, now: datetime) -> dict[str, Any] | None:
    """What a proved body says of a payout, in the fields of ``messages.PayoutNews``; None when it is about none.

    No account, name or other text of the body goes along. What cannot be read is told as ``problem``.
    """
    at = instant(now)
    try:
        event = read_object(raw)
    except Unreadable as error:
        return {"problem": str(error), "event_at": at}
    payload = event.get("payload")
    about = payload.get("payout") if isinstance(payload, dict) else None
    named = event.get("event")
    if about is None and not (isinstance(named, str) and named.startswith("payout.")):
        return None
    entity = about.get("entity") if isinstance(about, dict) else None
    if not isinstance(entity, dict):
        # News of banks that are down carry no payout.
        return None if about is None else {"problem": "payload.payout.entity: is missing", "event_at": at}
    try:
        payout = razorpayx.told(entity)
    except ValueError as error:
        return {"problem": f"payload.payout.entity.{error}", "event_at": at}
    created = event.get("created_at")
    if type(created) is int and created in _EPOCHS:
        at = instant(datetime.fromtimestamp(created, UTC))
    return {
        "event_at": at,
        "rail_id": payout.id,
        "payout_id": payout.reference,
        "batch_id": payout.batch_id,
        "amount_paise": payout.amount_paise,
        "status": payout.status,
        "utr": payout.utr,
        "reason": payout.reason,
    }


def _signature(secret: str, raw: bytes) -> str:
    return hmac.digest(secret.encode(), raw, "sha256").hex()
