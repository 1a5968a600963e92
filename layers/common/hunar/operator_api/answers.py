"""What a function answers API Gateway with: JSON, a problem, or the bytes of a file."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import Any


def problem(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """RFC 9457."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return answer(status, "application/problem+json", body)


def answer(status: int, content_type: str, body: Any) -> dict[str, Any]:
    headers = {"content-type": content_type, "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}


def download(name: str, content: bytes) -> dict[str, Any]:
    """A file as it is, under its name."""
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    return {"statusCode": 200, "headers": headers, "body": base64.b64encode(content).decode(), "isBase64Encoded": True}
