"""What every provider is asked only with: a request that it could take."""

from __future__ import annotations

import re
from typing import Final

from hunar.ports import SmsRequest

_NUMBER: Final = re.compile(r"\+91[6-9][0-9]{9}")
_DLT_ID: Final = re.compile(r"[0-9]{1,64}")
_SENDER: Final = re.compile(r"[A-Za-z]{3,6}")
"""A header for service texts: three to six letters."""


def wrong_field(request: SmsRequest, *, too_long: bool) -> str | None:
    """The first field that no provider takes, as a code that never shows the number or the text.

    Checked here because providers accept more and fail later: botocore checks neither patterns nor the greatest
    lengths, and an operator drops a text without a DLT id after it was taken.
    """
    checks = {
        "InvalidPhoneNumber": _NUMBER.fullmatch(request.to),
        "InvalidSenderId": _SENDER.fullmatch(request.sender_id),
        "InvalidText": request.text.strip() and not too_long,
        "InvalidEntityId": _DLT_ID.fullmatch(request.entity_id),
        "InvalidTemplateId": _DLT_ID.fullmatch(request.template_id),
        "InvalidTimeToLive": 5 <= request.time_to_live_seconds <= 259_200,
    }
    return next((code for code, good in checks.items() if not good), None)
