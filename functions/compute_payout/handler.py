"""payouts queue → what a line is expected to bring, booked in the ledger."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from hunar import wiring
from hunar.domain.facts import instant
from hunar.domain.identity import derived_id
from hunar.messages import ComputePayout
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.compute_payout import Outcome, compute
from hunar.use_cases.worklist import open_exception

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    return process_partial_response(event, record_handler=_record, processor=processor, context=context)


def _record(record: SQSRecord) -> None:
    reset_aws_calls()
    application = wiring.application()
    now = instant(application.clock())
    try:
        message = ComputePayout.model_validate_json(record.body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        reason = f"payouts: {'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}: {record.body[:1000]}"
        cause = ("payouts", derived_id(record.body))
        open_exception(application.store, "UNKNOWN_MESSAGE", cause, at=now, message=reason)
        metrics.add_metric(name="UnknownMessages", unit=MetricUnit.Count, value=1)
        logger.warning("message_parked", queue="payouts")
        return
    outcome = application.again(lambda: compute(application.store, message, now=now))
    metrics.add_metric(name="RateGaps", unit=MetricUnit.Count, value=int(outcome is Outcome.RATE_GAP))
    logger.info(
        "payout_computed",
        order_ref=message.order_ref,
        line_id=message.line_id,
        outcome=outcome.value,
        aws_calls=aws_calls(),
    )
