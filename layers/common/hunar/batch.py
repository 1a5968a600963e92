"""A batch of queue messages: each that fails comes back alone, and the log says why.

Powertools itself tells of a failed message at debug level only, and then the fifth failure of a message
would be the first that anybody hears of.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

from hunar.ports import Conflict, Rejected, Retryable
from hunar.telemetry import logger


class MessageBatch(BatchProcessor):
    """One per function; it may be used again for the next batch."""

    def __init__(self) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

    def failure_handler(self, record: Any, exception: Any) -> Any:
        _, error, trace = exception
        # Only our own errors never hold what a message says.
        known = isinstance(error, Rejected | Retryable | Conflict)
        reason = f"{type(error).__name__}: {error}" if known else type(error).__name__
        where = [f"{frame.name} {Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
        logger.warning("message_failed", reason=reason, where=where)
        return super().failure_handler(record, exception)
