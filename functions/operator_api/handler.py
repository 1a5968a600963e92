"""GET /api/… → what operators see. Only reads; the gateway's IAM authorizer has let the caller in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from hunar import wiring
from hunar.ports import Rejected, Retryable, Store
from hunar.telemetry import aws_calls, logger, reset_aws_calls
from hunar.use_cases import show
from hunar.use_cases.show import Asked

Texts = Mapping[str, str]


def _entries(store: Store, path: Texts, query: Texts) -> Any:
    if not query.get("order_ref"):
        raise Rejected("order_ref: is missing; it names the order whose entries are asked for")
    return show.entries(store, query["order_ref"], Asked.of(query))


ROUTES: dict[str, Callable[[Store, Texts, Texts], Any]] = {
    "GET /api/orders": lambda store, path, query: show.orders(store, Asked.of(query), state=query.get("state")),
    "GET /api/orders/{order_ref}": lambda store, path, query: show.order(store, path["order_ref"]),
    "GET /api/stock": lambda store, path, query: show.stocks(store, Asked.of(query)),
    "GET /api/stock/{sku}": lambda store, path, query: show.stock(store, path["sku"]),
    "GET /api/notifications": lambda store, path, query: show.notifications(store, Asked.of(query)),
    "GET /api/exceptions": lambda store, path, query: show.exceptions(store, Asked.of(query), state=query.get("state")),
    "GET /api/ledger/entries": _entries,
}


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    answer = _answer(event["routeKey"], event.get("pathParameters") or {}, event.get("queryStringParameters") or {})
    logger.info("read_answered", kind=event["routeKey"], status=answer["statusCode"], aws_calls=aws_calls())
    return answer


def _answer(route: str, path: Texts, query: Texts) -> dict[str, Any]:
    if route not in ROUTES:
        return _problem(404, "there is no such route")
    try:
        found = ROUTES[route](wiring.application().store, path, query)
    except Rejected as error:
        return _problem(400, str(error))
    except Retryable as error:
        logger.warning("read_failed", kind=route, reason=str(error))
        return _problem(503, "the data could not be read; ask again")
    return _problem(404, "there is nothing of this name") if found is None else _json(200, "application/json", found)


def _problem(status: int, detail: str) -> dict[str, Any]:
    """RFC 9457."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return _json(status, "application/problem+json", body)


def _json(status: int, content_type: str, body: Any) -> dict[str, Any]:
    headers = {"content-type": content_type, "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}
