"""Queues over SQS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from hunar.ports import QueueName, Retryable

_BATCH: Final = 10
_BATCH_BYTES: Final = 900_000
"""SQS takes 1 MiB per call; the rest is room for the envelope."""


class SqsQueues:
    """``client`` is an SQS client, ``urls`` the deployed URL of each queue."""

    def __init__(self, client: Any, urls: Mapping[QueueName, str]) -> None:
        self._client = client
        self._urls = urls

    def send(self, queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        try:
            if len(bodies) == 1:
                self._client.send_message(QueueUrl=self._urls[queue], MessageBody=bodies[0], DelaySeconds=delay_seconds)
                return
            for batch in batches(bodies):
                self._send_batch(queue, batch, delay_seconds)
        except (ClientError, BotoCoreError) as error:
            raise Retryable(f"SQS {queue}: {type(error).__name__}") from error

    def _send_batch(self, queue: QueueName, bodies: Sequence[str], delay_seconds: int) -> None:
        answer = self._client.send_message_batch(
            QueueUrl=self._urls[queue],
            Entries=[
                {"Id": str(number), "MessageBody": body, "DelaySeconds": delay_seconds}
                for number, body in enumerate(bodies)
            ],
        )
        # The call answers 200 although entries failed: that is a failure, or their effects were lost.
        if failed := answer.get("Failed"):
            raise Retryable(f"SQS {queue}: {len(failed)} of {len(bodies)} messages were not taken")


def batches(bodies: Sequence[str]) -> list[list[str]]:
    """What goes in one call each: at most ten bodies of 900,000 bytes together."""
    found: list[list[str]] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if not found or len(found[-1]) == _BATCH or size + length > _BATCH_BYTES:
            found.append([])
            size = 0
        found[-1].append(body)
        size += length
    return found
