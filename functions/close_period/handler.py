"""payout-batches queue, and two schedules → batches of payouts: closed, undone, answered by the bank."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.batch import of_day
from hunar.domain.facts import instant
from hunar.domain.rate_card import day_of_sale
from hunar.messages import BATCH_COMMAND, BatchCommand, ClosePeriod, LookAtPayables, wrong_field
from hunar.ports import QueueName
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.obey_batches import obey
from hunar.use_cases.worklist import open_unknown_message

SCHEDULE = "schedule"
"""Who made a batch that no person closed: any person may approve it, and nobody signs in under this name."""

processor = MessageBatch()


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    if "Records" not in event:
        return _scheduled(event)
    with processor(event["Records"], lambda record: _record(record, context), context):
        processor.process()
    return processor.response()


def _scheduled(event: dict[str, Any]) -> dict[str, Any]:
    """The day's schedule says what it is for. The closing's own time names the batch, so that fired twice it is one."""
    command: BatchCommand = LookAtPayables()
    if event.get("kind") != command.kind:
        command = ClosePeriod(batch_id=of_day(day_of_sale(event["time"])), by=SCHEDULE)
    wiring.application().queues.send(QueueName.PAYOUT_BATCHES, [command.model_dump_json()])
    return {"sent": command.kind}


def _record(record: SQSRecord, context: Any) -> None:
    reset_aws_calls()
    application = wiring.application()
    now = instant(application.clock())
    try:
        command = BATCH_COMMAND.validate_json(record.body)
    except ValidationError as error:
        open_unknown_message(application.store, "payout-batches", record.body, wrong_field(error), at=now)
        metrics.add_metric(name="UnknownMessages", unit=MetricUnit.Count, value=1)
        logger.warning("message_parked", queue="payout-batches")
        return
    outcome = obey(application.closing(now, lambda: context.get_remaining_time_in_millis() // 1000), command)
    logger.info("batch_handled", kind=command.kind, outcome=outcome, aws_calls=aws_calls())
