"""fetches queue → a marketplace is asked about one order, and its answer goes to order-events."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.facts import instant
from hunar.messages import Fetch, wrong_field
from hunar.ports import Rejected
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.fetch import fetch
from hunar.use_cases.worklist import open_unknown_message

processor = MessageBatch()


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    with processor(event["Records"], _record, context):
        processor.process()
    return processor.response()


def _record(record: SQSRecord, lambda_context: Any = None) -> None:
    reset_aws_calls()
    application = wiring.application()
    try:
        message = Fetch.model_validate_json(record.body)
    except ValidationError as error:
        _parked(record, wrong_field(error))
        return
    try:
        outcome = fetch(application.asking(lambda_context), message)
    except Rejected as error:
        _parked(record, str(error))
        return
    logger.info("order_fetched", order_ref=message.order_ref, outcome=outcome.value, aws_calls=aws_calls())


def _parked(record: SQSRecord, reason: str) -> None:
    application = wiring.application()
    open_unknown_message(application.store, "fetches", record.body, reason, at=instant(application.clock()))
    logger.warning("message_parked", queue="fetches")
