"""What End User Messaging tells of a text that it took: one event for each thing that happens to it.

Fields and types: docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html and
configuration-sets-event-types.html there. The last event of a text can take 72 hours; then AWS says UNKNOWN, which says
nothing of the text: silence is no failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from hunar.adapters.sms.dlt import dlt_reason, scrub_code
from hunar.adapters.sms.news_fields import body_of, count_of, id_of, json_of, object_of, text_of
from hunar.domain.facts import instant
from hunar.domain.receipt import Receipt
from hunar.ports import Rejected

_SAYS: Final[Mapping[str, tuple[str, str]]] = {
    "TEXT_QUEUED": ("SENT", ""),
    "TEXT_PENDING": ("SENT", ""),
    "TEXT_SENT": ("SENT", ""),
    "TEXT_SUCCESSFUL": ("SENT", ""),
    "TEXT_DELIVERED": ("DELIVERED", ""),
    "TEXT_UNKNOWN": ("SENT", "No operator said within 72 hours whether the text arrived."),
    "TEXT_TTL_EXPIRED": ("EXPIRED", "The text's time was over before the operator took it."),
    "TEXT_INVALID": ("FAILED", "The number is no valid phone number."),
    "TEXT_INVALID_MESSAGE": ("FAILED", "The text is not valid, so it was not sent."),
    "TEXT_UNREACHABLE": ("FAILED", "The phone cannot be reached: switched off, or without a network."),
    "TEXT_CARRIER_UNREACHABLE": ("FAILED", "The operator's network could not be reached."),
    "TEXT_BLOCKED": ("FAILED", "The phone blocks texts."),
    "TEXT_CARRIER_BLOCKED": ("FAILED", "The operator blocked the text."),
    "TEXT_SPAM": ("FAILED", "The operator took the text for spam."),
    "TEXT_PROTECT_BLOCKED": ("FAILED", "The account's protect configuration allows no text to this number or country."),
}
"""Event type → what it means to us, and why in words."""


def read(raw: bytes, received_at: str) -> list[Receipt]:
    """An event as SNS delivers it: raw, or in its envelope. Raises Rejected naming the field."""
    content = object_of(body_of(raw), "body")
    if content.get("Type") == "Notification":
        content = object_of(json_of(text_of(content, "Message"), "Message"), "Message")
    return [receipt(content)]


def receipt(event: Mapping[str, Any]) -> Receipt:
    """What one event says. Its numbers are ints and Decimals, no floats. Raises Rejected naming the field."""
    kind = text_of(event, "eventType")
    if kind not in _SAYS:
        raise Rejected("eventType: is none of a text")
    final = event.get("isFinal")
    if not isinstance(final, bool):
        raise Rejected("isFinal: is neither true nor false")
    context = object_of(event.get("context") or {}, "context")
    notification_id, message_id = id_of(context, "notification_id"), id_of(event, "messageId")
    if notification_id is None and message_id is None:
        raise Rejected("messageId: is missing")
    (state, reason), code = _SAYS[kind], kind.removeprefix("TEXT_")
    if state == "FAILED" and (scrub := scrub_code(text_of(event, "messageStatusDescription"))):
        code, reason = f"{code}:{scrub}", dlt_reason(scrub)
    price = _millionths(event, "totalMessagePrice")
    return Receipt(
        provider="aws",
        notification_id=notification_id,
        provider_id=message_id,
        state=state,
        final=final,
        at=_time(event),
        code=code,
        reason=reason,
        parts=count_of(event, "totalMessageParts"),
        # What the operator takes on top of AWS's own price is paid, too.
        price_millionths=None if price is None else price + (_millionths(event, "totalCarrierFee") or 0),
        currency=None if price is None else "USD",
    )


def _time(event: Mapping[str, Any]) -> str:
    """Milliseconds of Unix time."""
    value = event.get("eventTimestamp")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**13:
        raise Rejected("eventTimestamp: is no time in milliseconds")
    return instant(datetime.fromtimestamp(value // 1000, UTC))


def _millionths(event: Mapping[str, Any], name: str) -> int | None:
    """US dollars as millionths of one, rounded up: what was spent is never shown as less."""
    value = event.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value < 1_000_000:
        raise Rejected(f"{name}: is no price")
    return int((Decimal(value) * 1_000_000).to_integral_value(ROUND_CEILING))
