"""A failure bucket under test, and the Lambda that fills it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hunar.ports import FailedRelays

OWES: Final = {"order_ref": "flipkart:demo:S1", "outbox": "effects", "effects": [{"effect_id": "e", "n": 1}]}
SILENT: Final = {"order_ref": "flipkart:demo:S2", "effects": []}

OWES_TYPED: Final = {
    "order_ref": {"S": "flipkart:demo:S1"},
    "outbox": {"S": "effects"},
    "effects": {"L": [{"M": {"effect_id": {"S": "e"}, "n": {"N": "1"}}}]},
}
SILENT_TYPED: Final = {"order_ref": {"S": "flipkart:demo:S2"}, "effects": {"L": []}}


@dataclass(frozen=True)
class TestedBucket:
    """``fill`` writes an object as Lambda does: a record that owes, one that does not, and one of a removal."""

    __test__ = False

    relays: FailedRelays
    fill: Callable[[str], object]


def record(*changes: dict[str, Any], as_text: bool = True) -> str:
    """What Lambda writes, after the example in its guide."""
    event = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": change} for change in changes]}
    return json.dumps(
        {
            "requestContext": {
                "requestId": "316aa6d0",
                "functionArn": "arn:aws:lambda:ap-south-1:123456789012:function:relay",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 101,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2026-11-25T04:00:00.000Z",
            "DDBStreamBatchInfo": {"shardId": "shardId-1", "batchSize": len(changes)},
            "payload": json.dumps(event) if as_text else event,
        }
    )
