"""sms-receipts queue → what providers of texts report, and what phones answer, stands in the notifications."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.facts import instant
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.record_receipt import Desk, record_news

processor = MessageBatch()


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    with processor(event["Records"], _record, context):
        processor.process()
    return processor.response()


def _record(record: SQSRecord) -> None:
    reset_aws_calls()
    application = wiring.application()
    desk = Desk(application.store, instant(application.clock()), application.again, application.sms_news)
    outcomes = record_news(desk, record.body)
    if strangers := outcomes.count("unknown_number"):
        metrics.add_metric(name="SmsFromUnknownNumber", unit=MetricUnit.Count, value=strangers)
    logger.info("sms_news_recorded", outcome=outcomes, aws_calls=aws_calls())
