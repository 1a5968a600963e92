"""Handlers over moto: tables and queues as the template has them, named by the environment."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from hunar import telemetry, wiring
from hunar.ports import QueueName
from hunar.tables import Table
from hunar.wiring import Application
from tests.tables import create_tables

ROOT = Path(__file__).parents[1]


def deploy(monkeypatch: pytest.MonkeyPatch) -> Application:
    """Call inside ``mock_aws``. The application of the environment that it sets."""
    for table, name in create_tables(boto3.client("dynamodb")).items():
        monkeypatch.setenv(f"{table.name}_TABLE", name)
    sqs = boto3.client("sqs")
    for queue in QueueName:
        url = sqs.create_queue(QueueName=queue.value)["QueueUrl"]
        monkeypatch.setenv(f"{queue.name}_QUEUE_URL", url)
        dead = f"arn:aws:sqs:ap-south-1:123456789012:{queue.value}-dead-letters"
        monkeypatch.setenv(f"{queue.name}_DEAD_LETTER_QUEUE_ARN", dead)
    wiring.application.cache_clear()
    return wiring.application()


def event(name: str) -> dict[str, Any]:
    """A Lambda event of the folder ``events``."""
    loaded: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def log_lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """From now on, what the functions log, line by line as it is written."""
    written = io.StringIO()
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def waiting(application: Application, queue: QueueName) -> list[dict[str, Any]]:
    """The messages in a queue."""
    answer = boto3.client("sqs").receive_message(QueueUrl=application.settings.queues[queue], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def open_exceptions(application: Application) -> list[dict[str, Any]]:
    return application.store.page(Table.EXCEPTIONS, "OPEN", index="worklist").items
