"""payouts queue → what a line is expected to bring, and what it brought, booked in the ledger."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.facts import instant
from hunar.messages import PAYOUT_COMMAND, wrong_field
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.book import obey
from hunar.use_cases.compute_payout import Outcome
from hunar.use_cases.worklist import open_unknown_message

processor = MessageBatch()


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    with processor(event["Records"], _record, context):
        processor.process()
    return processor.response()


def _record(record: SQSRecord) -> None:
    reset_aws_calls()
    application = wiring.application()
    now = instant(application.clock())
    try:
        command = PAYOUT_COMMAND.validate_json(record.body)
    except ValidationError as error:
        open_unknown_message(application.store, "payouts", record.body, wrong_field(error), at=now)
        metrics.add_metric(name="UnknownMessages", unit=MetricUnit.Count, value=1)
        logger.warning("message_parked", queue="payouts")
        return
    outcomes = obey(application.booking(now), command, application.again)
    metrics.add_metric(name="RateGaps", unit=MetricUnit.Count, value=int(Outcome.RATE_GAP in outcomes))
    logger.info(
        "payout_computed",
        kind=command.kind,
        order_ref=getattr(command, "order_ref", None),
        line_id=getattr(command, "line_id", None),
        outcome=" ".join(outcomes),
        aws_calls=aws_calls(),
    )
