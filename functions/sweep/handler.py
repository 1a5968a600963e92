"""Every five minutes → messages for whatever is due. It sends and writes nothing."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from hunar import wiring
from hunar.domain.facts import instant, moment
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.sweep import Desk, sweep


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    reset_aws_calls()
    application = wiring.application()
    at = instant(application.clock())
    if event.get("at") is not None:
        if application.settings.emulated:
            at = instant(moment(event["at"]))
        else:
            # Time is real here: who could shift it could have every text asked for again.
            logger.warning("time_not_taken", reason="only an emulated local stack is swept as of another time")
    swept = sweep(Desk(application.store, application.queues), at)
    # Only a run that came to its end counts: an alarm waits for its silence.
    metrics.add_metric(name="SweepRan", unit=MetricUnit.Count, value=1)
    logger.info("swept", sent=swept.sent, outcome="more is due" if swept.left else "done", aws_calls=_counted())
    return {"at": at, "sent": swept.sent, "left": swept.left}


def _counted() -> dict[str, int]:
    """How often each call was made: a run may make hundreds."""
    calls = aws_calls()
    return {name: calls.count(name) for name in sorted(set(calls))}
