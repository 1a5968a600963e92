"""/api/… → what operators see and do; the gateway's IAM authorizer has let the caller in."""

from __future__ import annotations

from typing import Any

from hunar import wiring
from hunar.domain.facts import instant
from hunar.operator_api import files
from hunar.operator_api.answers import answer as as_json
from hunar.operator_api.answers import download, problem
from hunar.operator_api.payouts import MOST_BYTES, PAYOUT_FILE, PAYOUT_WRITES
from hunar.operator_api.refusals import REFUSALS, refusal
from hunar.operator_api.request import Call
from hunar.operator_api.routes import HAND_IN, READS, WRITES
from hunar.ports import Retryable
from hunar.telemetry import aws_calls, logger, reset_aws_calls
from hunar.use_cases import payouts


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    answer = _answer(event)
    logger.info("answered", kind=event["routeKey"], status=answer["statusCode"], aws_calls=aws_calls())
    return answer


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    route = event["routeKey"]
    try:
        if route in WRITES or route in PAYOUT_WRITES:
            return _act(event)
        if route == HAND_IN:
            return _take(event)
        if route == PAYOUT_FILE:
            return _file(event)
        if route in READS:
            return _show(event)
        return problem(404, "there is no such route")
    except REFUSALS as error:
        return refusal(error)
    except Retryable as error:
        logger.warning("not_answered", kind=route, reason=str(error))
        return problem(503, "the data could not be reached; ask again")


def _show(event: dict[str, Any]) -> dict[str, Any]:
    path, query = event.get("pathParameters") or {}, event.get("queryStringParameters") or {}
    found = READS[event["routeKey"]](wiring.application().store, path, query)
    if found is None:
        return problem(404, f"there is nothing of this name: {', '.join(path.values())[:100]}")
    return as_json(200, "application/json", found)


def _act(event: dict[str, Any]) -> dict[str, Any]:
    app = wiring.application()
    emulated, route = app.settings.emulated, event["routeKey"]
    desk, more = app.paying(instant(app.clock())), dict[str, Any]()
    if route in PAYOUT_WRITES:
        by, more = PAYOUT_WRITES[route](desk, Call.of(event, emulated=emulated, most=MOST_BYTES))
    else:
        by = WRITES[route](desk, Call.of(event, emulated=emulated))
    return as_json(202, "application/json", {"status": "accepted", "act_id": by.act_id, **more})


def _take(event: dict[str, Any]) -> dict[str, Any]:
    app = wiring.application()
    call = Call.of(event, emulated=app.settings.emulated, most=files.MOST_BYTES, larger=files.LARGER)
    return as_json(202, "application/json", files.hand_in(app.settling(), app.inbox, call))


def _file(event: dict[str, Any]) -> dict[str, Any]:
    app = wiring.application()
    name, content = payouts.file_of(app.paying(instant(app.clock())), event["pathParameters"]["batch"])
    return download(name, content)
