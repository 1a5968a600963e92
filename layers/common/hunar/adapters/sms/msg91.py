"""SMS by MSG91's flow API, which fills the slots itself.

=====================================================  ===========================================================
Rule                                                   Source
=====================================================  ===========================================================
POST /api/v5/flow, header ``authkey``                  api.msg91.com/apidoc/textsms/send-sms-flow.php
``recipients``: ``mobiles`` with country code and no   as above; variables are case-sensitive:
plus, beside it the variables by their names           msg91.com/help/api
``template_id`` is MSG91's own, made in its panel      msg91.com/help/template/how-to-create-flow-id-to-send-
from DLT template, entity and sender                   sms-via-api
``{"type": "success", "message": request id}``         npmjs.com/package/sms-msg91
codes 101, 102, 202, 203, 207, 301, 311, 418           msg91.com/help/how-to-update-contact-details-for-billing-
                                                       and-tech-alerts; 418 also msg91.com/help/api
the other codes                                        as MSG91's clients list them (github.com/tesark/msg91-php)
``CRQID`` comes back in the report                     msg91.com/help/webhook-new/how-to-receive-otp-delivery-
                                                       reports-via-webhook
=====================================================  ===========================================================

Entity, DLT template and sender stand in MSG91's panel, so those of the request are checked and not sent. There is no
time to live: a text may arrive when its time is over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from hunar.adapters.secrets import SmsSecret, SmsSecrets
from hunar.adapters.sms.provider_api import Post, ProviderApi, coded
from hunar.ports import Accepted, Refused, SmsAnswer, SmsRequest, Stopped, Throttled, Unanswered

BASE: Final = "https://control.msg91.com"
_TEMPLATE: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")

_STOPS: Final = frozenset(
    {
        "106", "207", "208", "418",  # no key, a wrong one, or from an address that is not allowed
        "203",  # no sender or no DLT entity stands in the panel
        "205", "209", "210", "107",  # no route
        "301", "302", "303", "505",  # no balance, or an account that expired, is banned or for trying only
    }
)  # fmt: skip
_LATER: Final = frozenset(
    {
        "306",  # a route of the day
        "311",  # the same words to the same number within ten seconds: the first went, this one did not
        "506",  # too many small requests in a day
    }
)
_UNKNOWN: Final = frozenset({"001", "002", "601"})
"""MSG91 failed within."""


class Msg91(ProviderApi):
    NAME = "msg91"
    LONGEST_TEXT = 1600

    def __init__(self, secrets: SmsSecrets, *, base: str = BASE) -> None:
        super().__init__(secrets)
        self._base = base

    def _wrong(self, request: SmsRequest) -> str | None:
        return None if _TEMPLATE.fullmatch(request.provider_template or "") else "InvalidProviderTemplate"

    def _post(self, request: SmsRequest, secret: SmsSecret) -> Post:
        content = {
            "template_id": request.provider_template,
            "short_url": "0",
            "CRQID": request.notification_id,
            "recipients": [{**request.values, "mobiles": request.to.removeprefix("+")}],
        }
        headers = {
            "authkey": secret.fields["auth_key"],
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        return Post(self._base, "/api/v5/flow", headers, json.dumps(content).encode())

    def _read(self, status: int, content: Mapping[str, Any]) -> SmsAnswer | None:
        if content.get("type") == "success" and 200 <= status < 300:
            request_id = content.get("message")
            found = isinstance(request_id, str) and _REQUEST_ID.fullmatch(request_id)
            return Accepted(str(request_id)) if found else Unanswered("NoRequestId")
        if content.get("type") != "error":
            return None
        code = str(content.get("code") or "")
        reason = f"MSG91:{coded(code) or f'HTTP{status}'}"
        if code in _UNKNOWN:
            return Unanswered(reason)
        if code in _LATER:
            return Throttled(reason)
        if code in _STOPS:
            return Stopped(reason)
        # An error that says nothing else is one of the request, if its status does not blame the account.
        return Refused(reason) if 200 <= status < 300 else None
