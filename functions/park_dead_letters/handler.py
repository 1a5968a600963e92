"""Dead letter queues → Deliveries, and objects of the failure bucket → worklist. What fails stays where it is."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.facts import instant
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.park import DeadLetter, Desk, given_up, park

processor = MessageBatch()


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    records = event["Records"]
    if records and records[0]["eventSource"] == "aws:s3":
        for record in records:
            _given_up(record)
        return None
    with processor(records, _record, context):
        processor.process()
    response = processor.response()
    if left := len(response["batchItemFailures"]):
        metrics.add_metric(name="DeadLettersNotParked", unit=MetricUnit.Count, value=left)
    return response


def _record(record: SQSRecord) -> None:
    reset_aws_calls()
    application = wiring.application()
    # A queue that nobody told us of is an error: its message stays where it is.
    queue = {arn: name for name, arn in application.settings.dead_letters.items()}[record.event_source_arn]
    received = record.raw_event.get("attributes", {}).get("ApproximateReceiveCount")
    desk = Desk(application.store, instant(application.clock()), application.again, application.marketplaces)
    outcome = park(desk, DeadLetter(queue, record.message_id, record.body, int(received) if received else None))
    if outcome != "duplicate":
        metrics.add_metric(name="DeadLettersParked", unit=MetricUnit.Count, value=1)
    logger.warning("dead_letter_parked", queue=queue, outcome=outcome, aws_calls=aws_calls())


def _given_up(record: dict[str, Any]) -> None:
    reset_aws_calls()
    application = wiring.application()
    key = unquote_plus(record["s3"]["object"]["key"])
    given_up(application.store, key, now=instant(application.clock()))
    logger.warning("effects_given_up", object=key, aws_calls=aws_calls())
