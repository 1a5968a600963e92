"""Dead letter queues → Deliveries, and objects of the failure bucket → worklist. What fails stays where it is."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from hunar import wiring
from hunar.domain.facts import instant
from hunar.ports import Retryable
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.park import DeadLetter, Desk, given_up, park

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    records = event["Records"]
    if records and records[0]["eventSource"] == "aws:s3":
        for record in records:
            _given_up(record)
        return None
    with processor(records, _record, context):
        processor.process()
    return processor.response()


def _record(record: SQSRecord) -> None:
    reset_aws_calls()
    application = wiring.application()
    received = record.raw_event.get("attributes", {}).get("ApproximateReceiveCount")
    queue = None
    try:
        sources = {arn: queue for queue, arn in application.settings.dead_letters.items()}
        queue = sources[record.event_source_arn]
        letter = DeadLetter(queue, record.message_id, record.body, int(received) if received else None)
        now = instant(application.clock())
        outcome = park(Desk(application.store, now, application.again, application.marketplaces), letter)
    except Exception as error:
        metrics.add_metric(name="DeadLettersNotParked", unit=MetricUnit.Count, value=1)
        logger.warning("dead_letter_left", queue=queue, reason=_reason(error))
        raise
    if outcome != "duplicate":
        metrics.add_metric(name="DeadLettersParked", unit=MetricUnit.Count, value=1)
    logger.warning("dead_letter_parked", queue=queue, outcome=outcome, aws_calls=aws_calls())


def _given_up(record: dict[str, Any]) -> None:
    reset_aws_calls()
    application = wiring.application()
    key = unquote_plus(record["s3"]["object"]["key"])
    given_up(application.store, key, now=instant(application.clock()))
    logger.warning("effects_given_up", object=key, aws_calls=aws_calls())


def _reason(error: Exception) -> str:
    """An error's text may hold what the message says, ours does not."""
    return str(error) if isinstance(error, Retryable) else type(error).__name__
