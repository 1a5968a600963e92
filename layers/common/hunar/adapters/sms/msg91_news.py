"""What MSG91 posts of a text that it took: its webhook in version 2 or 3, or the new one.

Fields and statuses: msg91.com/help/how-can-i-get-the-delivery-reports-on-my-webhook-url and
msg91.com/help/webhook-new/how-to-receive-sms-delivery-reports-via-webhook-new. Version 4 names no text, so it cannot be
used. ``CRQID`` is our notification's id (``0`` where a request had none); a request is one text, so ``requestId`` names
it, too. Times have no zone: they are taken for India's. What ``credit`` and ``amount`` count is not said, so neither
parts nor a price are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hunar.adapters.sms.news_fields import body_of, failure_code, id_of, indian_time, json_of, object_of, text_of
from hunar.domain.receipt import Receipt
from hunar.ports import Rejected

_STATUSES: Final = {
    "1": "DELIVERED",
    "2": "FAILED",
    "9": "NDNC",
    "16": "REJECTED",
    "25": "REJECTED",
    "17": "BLOCKED",
}
_WORDS: Final = frozenset(_STATUSES.values())


def read(raw: bytes, received_at: str) -> list[Receipt]:
    """Reports of one or several texts. Raises Rejected naming the field."""
    return [_receipt(report, received_at) for report in _reports(object_of(body_of(raw), "body"))]


def _reports(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each report with the id of its request: alone, or in version 2 a list of requests with a list each."""
    if "data" not in content:
        yield content
        return
    data = content["data"]
    requests = json_of(data, "data") if isinstance(data, str) else data
    if not isinstance(requests, list):
        raise Rejected("data: is no list")
    for request in requests:
        reports = object_of(request, "data").get("report")
        if not isinstance(reports, list):
            raise Rejected("report: is no list")
        for report in reports:
            yield {**object_of(report, "report"), "requestId": request.get("requestId")}


def _receipt(report: Mapping[str, Any], received_at: str) -> Receipt:
    status = text_of(report, "status")
    word = _STATUSES.get(status, status.upper())
    if word not in _WORDS:
        raise Rejected("status: is none that is known" if status else "status: is missing")
    notification_id, request_id = id_of(report, "CRQID"), id_of(report, "requestId")
    notification_id = None if notification_id == "0" else notification_id
    if notification_id is None and request_id is None:
        raise Rejected("requestId: is missing")
    why = " ".join(text_of(report, name) for name in ("failedReason", "failureReason", "desc"))
    delivered = word == "DELIVERED"
    code, reason = (word, "") if delivered else failure_code(word, said=why)
    return Receipt(
        provider="msg91",
        notification_id=notification_id,
        provider_id=request_id,
        state="DELIVERED" if delivered else "FAILED",
        final=True,
        at=indian_time(report, "deliveryTime" if "deliveryTime" in report else "date", received_at),
        code=code,
        reason=reason,
    )
