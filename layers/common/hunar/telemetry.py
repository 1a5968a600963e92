"""Logs, metrics and the count of AWS calls.

A log line carries only keys of the list below: a number, a text, a header or a body cannot slip
into a log through a careless ``extra``.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit

ALLOWED_KEYS: Final = frozenset(
    {
        # what Powertools writes itself
        "level", "location", "message", "timestamp", "service", "exception", "exception_name", "stack_trace",
        "cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id", "xray_trace_id",
        "correlation_id",
        # what Hunar says
        "account", "amount_paise", "aws_calls", "conflicts", "delivery_id", "entry_id", "exception_id", "group_id",
        "kind", "line_id", "marketplace", "notification_id", "object", "order_ref", "outcome", "parts", "provider",
        "queue", "reason", "sent", "sequence_number", "sku", "status", "table", "where",
    }
)  # fmt: skip


class _AllowListFormatter(LambdaPowertoolsFormatter):
    def serialize(self, log: Any) -> str:
        kept = {key: value for key, value in log.items() if key in ALLOWED_KEYS}
        return super().serialize(kept)


logger: Final = Logger(logger_formatter=_AllowListFormatter(), log_uncaught_exceptions=False)
metrics: Final = Metrics(namespace="Hunar")

# Most invocations have nothing to count, and that is no event.
warnings.filterwarnings("ignore", message="No application metrics to publish")

_counted = threading.local()


def reset_aws_calls() -> None:
    """Start counting anew, for the next delivery."""
    _counted.names = []


def aws_calls() -> list[str]:
    """The operations called in this thread since the last reset."""
    return list(getattr(_counted, "names", []))


def _count(model: Any, **_: Any) -> None:
    names: list[str] = getattr(_counted, "names", [])
    names.append(model.name)
    _counted.names = names


def client(service: str, **config: Any) -> Any:
    """A boto3 client whose calls are counted. ``config`` goes to ``botocore.config.Config``."""
    import boto3  # noqa: PLC0415  (the webhook function pays for it only when it calls)
    from botocore.config import Config  # noqa: PLC0415

    defaults: Mapping[str, Any] = {"connect_timeout": 2, "read_timeout": 5, "retries": {"total_max_attempts": 3}}
    make: Any = boto3.client  # the typed overloads know literal names only
    made = make(service, config=Config(**(dict(defaults) | config)))
    made.meta.events.register("before-call", _count)
    return made


def conflicts_met(conflicts: int) -> None:
    """An action met somebody else's write so many times before its own went through."""
    metrics.add_metric(name="ConflictsRetried", unit=MetricUnit.Count, value=conflicts)
    logger.info("conflicts_retried", conflicts=conflicts)
