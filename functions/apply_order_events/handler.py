"""order-events and amazon-notifications queues → orders and stock. What fails comes back alone."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.facts import instant
from hunar.messages import ORDER_EVENT, wrong_field
from hunar.ports import QueueName
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases import apply

processor = MessageBatch()


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    with processor(event["Records"], _record, context):
        processor.process()
    return processor.response()


def _record(record: SQSRecord) -> None:
    reset_aws_calls()
    application = wiring.application()
    settings = application.settings
    desk = apply.Desk(application.store, instant(application.clock()), application.again, settings.api_accounts)
    if settings.is_from(record.event_source_arn, QueueName.AMAZON_NOTIFICATIONS):
        outcome = apply.notification(desk, record.body, "amazon", application.notifier)
        logger.info("delivery_applied", kind="notification", outcome=outcome, aws_calls=aws_calls())
        return
    try:
        message = ORDER_EVENT.validate_json(record.body)
    except ValidationError as error:
        outcome = apply.unknown_message(desk, record.body, wrong_field(error))
        logger.warning("message_parked", outcome=outcome, queue="order-events")
        return
    outcome = apply.apply(desk, message, application.marketplaces)
    logger.info(
        "delivery_applied",
        kind=message.kind,
        outcome=outcome,
        delivery_id=getattr(message, "delivery_id", None),
        aws_calls=aws_calls(),
    )
