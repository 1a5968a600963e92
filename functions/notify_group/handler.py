"""notifications queue → one text to one contact."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from hunar.use_cases.remind import Desk as RemindDesk
from hunar.use_cases.remind import remind
from pydantic import ValidationError

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.facts import instant
from hunar.domain.identity import derived_id
from hunar.messages import NOTIFICATION, Digest, Notify, Remind, Tell, wrong_field
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.notify import look_again, notify
from hunar.use_cases.tell import tell
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
        message = NOTIFICATION.validate_json(record.body)
    except ValidationError as error:
        open_unknown_message(application.store, "notifications", record.body, wrong_field(error), at=now)
        logger.warning("message_parked", queue="notifications")
        return
    if isinstance(message, Remind):
        remind(RemindDesk(application.store, application.queues, now), message)
        return
    desk = application.sending(derived_id(record.receipt_handle), now)
    match message:
        case Notify():
            status = notify(desk, message)
        case Tell():
            status = tell(desk, message)
        case Digest():
            status = look_again(desk, message)
    if status == "FAILED":
        metrics.add_metric(name="SmsRejected", unit=MetricUnit.Count, value=1)
    logger.info(
        "notification_settled",
        notification_id=message.notification_id,
        kind=getattr(message, "notification_kind", "NEW_ORDERS"),
        order_ref=getattr(message, "order_ref", None),
        group_id=getattr(message, "group_id", None),
        status=status.value,
        aws_calls=aws_calls(),
    )
