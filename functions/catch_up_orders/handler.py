"""Every five minutes → all that changed at the marketplaces since they were asked last goes to order-events."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from hunar import wiring
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.catch_up import catch_up


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    ran = catch_up(wiring.application().asking(context))
    for kind in ran:
        logger.info(
            "caught_up",
            marketplace=kind.marketplace,
            account=kind.account,
            kind=kind.kind,
            outcome=kind.outcome.value,
            reason=kind.reason,
            sent=kind.sent,
        )
    # Only a run that came to its end counts: an alarm waits for its silence.
    metrics.add_metric(name="CatchUpRan", unit=MetricUnit.Count, value=1)
    logger.info("catching_up_ended", aws_calls=aws_calls())
    return {"sent": sum(kind.sent for kind in ran)}
