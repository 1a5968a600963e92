"""SMS by Exotel, which takes the whole text.

=====================================================  ===========================================================
Rule                                                   Source
=====================================================  ===========================================================
POST /v1/Accounts/SID/Sms/send, ``.json`` for JSON;    developer.exotel.com/api/sms,
a host for each cluster                                developer.exotel.com/docs/sms-api/quickstart
From, To, Body (2000), EncodingType, DltEntityId,      developer.exotel.com/docs/sms-api/api-reference/send-sms
DltTemplateId, SmsType, StatusCallback, CustomField
transactional: one-time codes and service implicit     developer.exotel.com/api-console/send-bulk-sms-with-
                                                       dynamic-content-api-console
statuses 202, 400-429 and 5xx, ``RestException``       developer.exotel.com/docs/sms-support/sms-api-errors,
                                                       developer.exotel.com/docs/references/error-codes
``SMSMessage`` with ``Sid`` and ``Status``             developer.exotel.com/api/sms,
                                                       developer.exotel.com/docs/sms-support/sms-status-codes
=====================================================  ===========================================================

There is no time to live: a text may arrive when its time is over.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from hunar.adapters.secrets import SmsSecret, SmsSecrets
from hunar.adapters.sms.provider_api import Post, ProviderApi, coded
from hunar.domain.sms_text import encoding
from hunar.ports import Accepted, Refused, SmsAnswer, SmsRequest, Stopped, Unanswered

HOSTS: Final = {"mumbai": "https://api.in.exotel.com", "singapore": "https://api.exotel.com"}
_SID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_NEVER: Final = frozenset({"failed", "failed_dnd", "undelivered", "expired"})


class Exotel(ProviderApi):
    NAME = "exotel"
    LONGEST_TEXT = 2000

    def __init__(self, secrets: SmsSecrets, *, hosts: Mapping[str, str] = HOSTS) -> None:
        super().__init__(secrets)
        self._hosts = hosts

    def _post(self, request: SmsRequest, secret: SmsSecret) -> Post | Stopped:
        base = self._hosts.get(secret.fields["cluster"])
        if base is None:
            return Stopped("InvalidCluster")
        content = {
            "From": request.sender_id,
            "To": request.to,
            "Body": request.text,
            "EncodingType": "plain" if encoding(request.text) == "GSM-7" else "unicode",
            "DltEntityId": request.entity_id,
            "DltTemplateId": request.template_id,
            "SmsType": "transactional",
            "CustomField": request.notification_id,
        }
        callback = secret.fields.get("status_callback")
        if callback:
            content["StatusCallback"] = callback
        key = f"{secret.fields['api_key']}:{secret.fields['api_token']}"
        headers = {
            "Authorization": f"Basic {b64encode(key.encode()).decode()}",
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        path = f"/v1/Accounts/{quote(secret.fields['account_sid'], safe='')}/Sms/send.json"
        return Post(base, path, headers, urlencode(content).encode())

    def _read(self, status: int, content: Mapping[str, Any]) -> SmsAnswer | None:
        message = content.get("SMSMessage")
        if 200 <= status < 300 and isinstance(message, dict):
            if message.get("Status") in _NEVER:
                return Refused(coded("Exotel", message.get("DetailedStatus") or message["Status"]))
            sid = message.get("Sid")
            found = isinstance(sid, str) and _SID.fullmatch(sid)
            return Accepted(str(sid)) if found else Unanswered("NoSid")
        error = content.get("RestException")
        if status == 400 and isinstance(error, dict):
            return Refused(coded("Exotel", error.get("Code")) if error.get("Code") else "HTTP400")
        return None
