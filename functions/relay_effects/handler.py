"""Streams of Orders and Stock → queues. It only raises on failure: the stream then brings the batch again."""

from __future__ import annotations

from typing import Any

from hunar import wiring
from hunar.telemetry import logger
from hunar.use_cases.relay import relay


def handle(event: dict[str, Any], context: Any) -> None:
    records = event["Records"]
    application = wiring.application()
    sent = relay([_image(record) for record in records], application.queues)
    for table, sequence_number in _last(records).items():
        logger.info("effects_relayed", table=table, sequence_number=sequence_number, sent=sent)


def _image(record: dict[str, Any]) -> dict[str, Any]:
    """What relaying needs of the new item."""
    image = record["dynamodb"].get("NewImage", {})
    return wiring.application().stored({name: image[name] for name in ("order_ref", "sku", "effects") if name in image})


def _last(records: list[dict[str, Any]]) -> dict[str, str]:
    """The last sequence number of each stream in this batch: how far relaying has come."""
    tables = wiring.application().settings.tables
    names = {name: table.value for table, name in tables.items()}
    last = {}
    for record in records:
        arn = record.get("eventSourceARN", "")
        deployed = arn.partition(":table/")[2].partition("/")[0]
        last[names.get(deployed, deployed)] = record["dynamodb"]["SequenceNumber"]
    return last
