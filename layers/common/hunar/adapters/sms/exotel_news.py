"""What Exotel tells us: what became of a text, an answer by text, and a missed call.

===================================================  =============================================================
What                                                 Source
===================================================  =============================================================
StatusCallback: a form, posted                       developer.exotel.com/api-console/send-sms-api-console
its statuses and detailed statuses                   support.exotel.com/support/solutions/articles/3000112255,
                                                     developer.exotel.com/docs/sms-support/sms-status-codes
an incoming text: JSON, posted; before, a query      support.exotel.com/support/solutions/articles/3000121074,
with SmsSid, From, Date, Body                        .../articles/45270
a call, by the Passthru applet: a query (GET)        support.exotel.com/support/solutions/articles/48283
===================================================  =============================================================

The numbers of detailed statuses differ between these pages, so their words count. Times have no zone and are India's:
the start of Unix time stands there as 1970-01-01 05:30:00.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hunar.adapters.sms.news_fields import (
    body_of,
    count_of,
    failure_code,
    id_of,
    indian_time,
    needed,
    object_of,
    phone_of,
    text_of,
    word_of,
)
from hunar.domain.receipt import Receipt, Reply
from hunar.ports import Rejected

_STATUSES: Final[Mapping[str, tuple[str, bool]]] = {
    "queued": ("SENT", False),
    "sending": ("SENT", False),
    "submitted": ("SENT", False),
    "sent": ("SENT", False),
    "delivered": ("DELIVERED", True),
    "failed": ("FAILED", True),
    "failed_dnd": ("FAILED", True),
    "undelivered": ("FAILED", True),
    "expired": ("EXPIRED", True),
}
"""Status → state, and whether it is the last. ``sent`` alone says that the operator has it."""


def read(raw: bytes, received_at: str) -> list[Receipt | Reply]:
    """A posted body, or the query of a GET. Raises Rejected naming the field."""
    fields = object_of(body_of(raw), "body")
    if "CallSid" in fields:
        return [_call(fields, received_at)]
    if "MessageBody" in fields or "Body" in fields:
        return [_answer(fields, received_at)]
    return [_receipt(fields, received_at)]


def _receipt(fields: Mapping[str, Any], received_at: str) -> Receipt:
    status, detail = text_of(fields, "Status").lower(), text_of(fields, "DetailedStatus")
    if status not in _STATUSES:
        raise Rejected("Status: is none that is known" if status else "Status: is missing")
    state, final = _STATUSES[status]
    if state == "SENT" and detail == "DELIVERED_TO_HANDSET":
        state, final = "DELIVERED", True
    if state == "FAILED" and "EXPIRED" in detail.upper():
        state = "EXPIRED"
    word = word_of(detail, status.upper())
    failed = state in ("FAILED", "EXPIRED")
    code, reason = failure_code(word, said=detail) if failed else (word, "")
    return Receipt(
        provider="exotel",
        notification_id=id_of(fields, "CustomField"),
        provider_id=needed(fields, "SmsSid"),
        state=state,
        final=final,
        at=indian_time(fields, "DateSent", received_at),
        code=code,
        reason=reason,
        parts=count_of(fields, "SmsUnits") if text_of(fields, "SmsUnits") != "0" else None,
    )


def _answer(fields: Mapping[str, Any], received_at: str) -> Reply:
    _must_be_incoming(fields)
    new = "MessageBody" in fields
    return Reply(
        provider="exotel",
        reply_id=needed(fields, "SmsSid"),
        phone=phone_of(fields, "Sender" if new else "From"),
        text=text_of(fields, "MessageBody" if new else "Body"),
        at=indian_time(fields, "ReceivedTime" if new else "Date", received_at),
    )


def _call(fields: Mapping[str, Any], received_at: str) -> Reply:
    """A missed call says nothing; one that a menu took says the key that was pressed, which stands in quotes."""
    _must_be_incoming(fields)
    return Reply(
        provider="exotel",
        reply_id=needed(fields, "CallSid"),
        phone=phone_of(fields, "CallFrom" if "CallFrom" in fields else "From"),
        text=text_of(fields, "digits").strip('"'),
        at=indian_time(fields, "StartTime" if "StartTime" in fields else "CurrentTime", received_at),
    )


def _must_be_incoming(fields: Mapping[str, Any]) -> None:
    if text_of(fields, "Direction").lower() not in ("", "incoming", "inbound"):
        raise Rejected("Direction: is not incoming")
