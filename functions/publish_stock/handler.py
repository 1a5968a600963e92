"""stock-feed queue → channels are told what they may sell of one product; every night → all products once more."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.domain.facts import instant
from hunar.messages import PublishStock, wrong_field
from hunar.telemetry import aws_calls, logger, metrics, reset_aws_calls
from hunar.use_cases.publish import publish, publish_all
from hunar.use_cases.worklist import open_unknown_message

processor = MessageBatch()


@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> Any:
    if "Records" not in event:
        return _nightly(context)
    with processor(event["Records"], _record, context):
        processor.process()
    return processor.response()


def _nightly(context: Any) -> dict[str, int]:
    reset_aws_calls()
    sent = publish_all(wiring.application().asking(context))
    logger.info("all_products_sent", sent=sent, aws_calls=aws_calls())
    return {"sent": sent}


def _record(record: SQSRecord, lambda_context: Any = None) -> None:
    reset_aws_calls()
    application = wiring.application()
    try:
        message = PublishStock.model_validate_json(record.body)
    except ValidationError as error:
        now = instant(application.clock())
        open_unknown_message(application.store, "stock-feed", record.body, wrong_field(error), at=now)
        logger.warning("message_parked", queue="stock-feed")
        return
    application.require_publishable()
    outcome = publish(application.asking(lambda_context), message)
    logger.info("stock_published", sku=message.sku, outcome=outcome.value, aws_calls=aws_calls())
