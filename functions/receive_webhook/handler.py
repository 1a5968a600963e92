"""POST /webhooks/{marketplace}/{account} → order-events queue. One AWS call once the secret is known."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from hunar import wiring
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.receive import Request, receive


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    application = wiring.application()
    request = _request(event)
    answer = receive(
        request,
        doors=application.doors,
        accounts=application.settings.webhook_accounts,
        secrets=application.secrets,
        queues=application.queues,
        now=application.clock(),
        count=lambda name: metrics.add_metric(name=name, unit=MetricUnit.Count, value=1),
    )
    # Names of an unknown account are a stranger's text and stay out of the log.
    known = answer.status != 404
    logger.info(
        "webhook_answered",
        marketplace=request.marketplace if known else None,
        account=request.account if known else None,
        delivery_id=answer.delivery_id,
        outcome=answer.outcome,
        status=answer.status,
        reason=answer.reason,
        aws_calls=aws_calls(),
    )
    return {"statusCode": answer.status, "headers": dict(answer.headers), "body": json.dumps(answer.body)}


def _request(event: dict[str, Any]) -> Request:
    """The call in an API Gateway HTTP API event, payload format 2.0: header names are in lower case."""
    path = event.get("pathParameters") or {}
    return Request(
        method=event["requestContext"]["http"]["method"],
        marketplace=path.get("marketplace", ""),
        account=path.get("account", ""),
        headers=event.get("headers") or {},
        body=event.get("body") or "",
        is_base64=bool(event.get("isBase64Encoded")),
    )
