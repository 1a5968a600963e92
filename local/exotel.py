"""What a phone answers, as Exotel tells it: it has the number that can be called and written to.

A text comes as JSON (support.exotel.com/support/solutions/articles/3000121074), a call as the fields of a call flow's
Passthru applet (articles/48283), whose times are India's and say no zone. Here those fields are posted as a form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

PROVIDER: Final = "exotel"
ACCOUNT: Final = "demo"
NUMBER: Final = "+918000000001"
"""What a group calls or writes to; a fictional one."""
_INDIA: Final = timezone(timedelta(hours=5, minutes=30))


class Post(NamedTuple):
    """What Exotel posts."""

    content_type: str
    body: bytes


def text(phone: str, said: str, at: datetime, sid: str) -> Post:
    """A text from a phone (E.164) to the number."""
    fields: Mapping[str, Any] = {
        "SmsSid": sid,
        "Direction": "incoming",
        "Sender": phone,
        "ReceivedOn": NUMBER.removeprefix("+91"),
        "MessageBody": said,
        "ReceivedTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return Post("application/json", json.dumps(fields, ensure_ascii=False).encode())


def missed_call(phone: str, at: datetime, sid: str) -> Post:
    """A call from a phone (E.164) to the number, which nobody takes: it costs the caller nothing."""
    time = at.astimezone(_INDIA).strftime("%Y-%m-%d %H:%M:%S")
    # Exotel writes Indian numbers with a zero in front.
    caller, called = (f"0{number.removeprefix('+91')}" for number in (phone, NUMBER))
    fields = {
        "CallSid": sid,
        "CallFrom": caller,
        "CallTo": called,
        "Direction": "incoming",
        "Created": time,
        "DialCallDuration": "0",
        "StartTime": time,
        "EndTime": "1970-01-01 05:30:00",
        "CallType": "call-attempt",
        "From": caller,
        "To": called,
        "CurrentTime": time,
    }
    return Post("application/x-www-form-urlencoded", urlencode(fields).encode())
