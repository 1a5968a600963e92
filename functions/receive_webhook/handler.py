"""POST /webhooks/{marketplace}/{account} → order-events queue, what a payout rail posts there → payout-batches queue,
and what is posted to /sms/{provider}/{account} → sms-receipts queue.

One AWS call once the secret is known.
"""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from hunar import wiring
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.receive import Answer, Request, receive
from hunar.use_cases.receive_payout_news import receive_payout_news
from hunar.use_cases.receive_sms import receive_sms


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    path = event.get("pathParameters") or {}
    # The route decides what a call is, and nothing that stands in it.
    of_sms = "provider" in path
    request = _request(event, path)
    answer = _receive(request, of_sms=of_sms)
    # Names of an unknown account are a stranger's text and stay out of the log.
    known = answer.status != 404
    logger.info(
        "webhook_answered",
        marketplace=request.marketplace if known and not of_sms else None,
        provider=request.marketplace if known and of_sms else None,
        account=request.account if known else None,
        delivery_id=answer.delivery_id,
        outcome=answer.outcome,
        status=answer.status,
        reason=answer.reason,
        aws_calls=aws_calls(),
    )
    return {"statusCode": answer.status, "headers": dict(answer.headers), "body": json.dumps(answer.body)}


def _receive(request: Request, *, of_sms: bool) -> Answer:
    application = wiring.application()
    accounts = application.settings.sms_accounts if of_sms else application.settings.webhook_accounts
    queues, now = application.queues, application.clock()
    if of_sms:
        tokens = application.sms_tokens
        return receive_sms(request, accounts=accounts, tokens=tokens, queues=queues, now=now, count=_count)
    if request.marketplace in wiring.PAYOUT_RAILS:
        rails, secrets = application.payout_rails, application.rail_secrets
        return receive_payout_news(
            request, rails=rails, accounts=accounts, secrets=secrets, queues=queues, now=now, count=_count
        )
    doors, secrets = application.doors, application.secrets
    return receive(request, doors=doors, accounts=accounts, secrets=secrets, queues=queues, now=now, count=_count)


def _count(name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)


def _request(event: dict[str, Any], path: dict[str, str]) -> Request:
    """The call in an API Gateway HTTP API event, payload format 2.0: header names are in lower case."""
    return Request(
        method=event["requestContext"]["http"]["method"],
        marketplace=path.get("provider") or path.get("marketplace", ""),
        account=path.get("account", ""),
        headers=event.get("headers") or {},
        body=event.get("body") or "",
        is_base64=bool(event.get("isBase64Encoded")),
        query=event.get("queryStringParameters") or {},
    )
