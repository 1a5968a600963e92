"""inbox queue → files that somebody put into the inbox bucket are taken, or shown to be none that can be."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from hunar import wiring
from hunar.batch import MessageBatch
from hunar.telemetry import logger, reset_aws_calls
from hunar.use_cases.import_file import import_files

processor = MessageBatch()


def handle(event: dict[str, Any], context: Any) -> Any:
    with processor(event["Records"], _import, context):
        processor.process()
    return processor.response()


def _import(record: SQSRecord) -> None:
    reset_aws_calls()
    application = wiring.application()
    outcomes = import_files(application.settling(), application.inbox, record.body)
    logger.info("files_imported", outcome=outcomes)
