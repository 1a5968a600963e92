"""notifications queue → one text to one contact."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from hunar import wiring
from hunar.domain.facts import instant
from hunar.domain.identity import derived_id
from hunar.messages import Notify
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.notify import Desk, notify
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
        message = Notify.model_validate_json(record.body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        reason = f"notifications: {'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}: {record.body[:1000]}"
        cause = ("notifications", derived_id(record.body))
        open_exception(application.store, "UNKNOWN_MESSAGE", cause, at=now, message=reason)
        logger.warning("message_parked", queue="notifications")
        return
    desk = Desk(
        store=application.store,
        queues=application.queues,
        sms=application.sms,
        templates=application.templates,
        production=application.settings.production,
        now=now,
        again=application.again,
    )
    status = notify(desk, message)
    if status == "FAILED":
        metrics.add_metric(name="SmsRejected", unit=MetricUnit.Count, value=1)
    logger.info(
        "notification_settled",
        notification_id=message.notification_id,
        kind=message.notification_kind,
        order_ref=message.order_ref,
        group_id=message.group_id,
        status=status.value,
        aws_calls=aws_calls(),
    )
