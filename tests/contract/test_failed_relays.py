"""The failure bucket in memory and over S3; and Lambda's record of what it gave up (fault 38)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.stub import Stubber

from hunar.adapters.failed_relays import S3FailedRelays, images
from hunar.adapters.memory import MemoryFailedRelays
from hunar.ports import FailedRelays, Rejected, Retryable
from hunar.tables import Item

BUCKET = "failed-relays"
KEY = "aws/lambda/9f3b/shardId-1/2026/11/25/2026-11-25T04.00.00-5a5a"
OWES = {"order_ref": "flipkart:demo:S1", "outbox": "effects", "effects": [{"effect_id": "e", "n": 1}]}
SILENT = {"order_ref": "flipkart:demo:S2", "effects": []}


def record(*records: dict[str, Any], as_text: bool = True) -> dict[str, Any]:
    """What Lambda writes, after the example in its guide."""
    payload = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": one} for one in records]}
    return {
        "requestContext": {
            "requestId": "316aa6d0",
            "functionArn": "arn:aws:lambda:ap-south-1:123456789012:function:relay",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 101,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-25T04:00:00.000Z",
        "DDBStreamBatchInfo": {"shardId": "shardId-1", "batchSize": len(records)},
        "payload": json.dumps(payload) if as_text else payload,
    }


TYPED = {
    "order_ref": {"S": "flipkart:demo:S1"},
    "outbox": {"S": "effects"},
    "effects": {"L": [{"M": {"effect_id": {"S": "e"}, "n": {"N": "1"}}}]},
}
TYPED_SILENT = {"order_ref": {"S": "flipkart:demo:S2"}, "effects": {"L": []}}


class Bucket(NamedTuple):
    relays: FailedRelays
    fill: Callable[[str], None]
    """Lambda writes an object: one record that owes something, one that does not, one that was a removal."""


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    if request.param == "memory":
        memory = MemoryFailedRelays()
        return Bucket(memory, lambda key: memory.objects.update({key: [OWES, SILENT]}))
    request.getfixturevalue("aws")
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
    written = json.dumps(record({"NewImage": TYPED}, {"NewImage": TYPED_SILENT}, {"Keys": {}}))
    return Bucket(S3FailedRelays(client, BUCKET), lambda key: client.put_object(Bucket=BUCKET, Key=key, Body=written))


def test_an_object_is_found_by_the_beginning_of_its_name(bucket: Bucket) -> None:
    for key in (f"{KEY}-2", f"{KEY}-1", "other/object"):
        bucket.fill(key)
    assert bucket.relays.keys("aws/lambda/") == [f"{KEY}-1", f"{KEY}-2"]
    assert bucket.relays.keys("nothing/") == []


def test_only_what_owes_something_is_in_an_object(bucket: Bucket) -> None:
    bucket.fill(KEY)
    assert bucket.relays.images(KEY) == [OWES]


def test_a_moved_object_keeps_what_it_holds_and_moving_it_twice_does_no_harm(bucket: Bucket) -> None:
    bucket.fill(KEY)
    for _ in range(2):
        bucket.relays.move(KEY, f"redriven/{KEY}")
    assert bucket.relays.keys("") == [f"redriven/{KEY}"]
    assert bucket.relays.images(f"redriven/{KEY}") == [OWES]


def test_an_object_that_is_gone_holds_nothing(bucket: Bucket) -> None:
    assert bucket.relays.images(KEY) == []


def test_more_than_a_page_of_objects_is_found(bucket: Bucket) -> None:
    for number in range(1005):
        bucket.fill(f"{KEY}-{number:04}")
    assert len(bucket.relays.keys("aws/lambda/")) == 1005


def test_the_event_may_be_a_text_or_an_object() -> None:
    found: list[list[Item]] = [
        images(json.dumps(record({"NewImage": TYPED}, as_text=as_text))) for as_text in (True, False)
    ]
    assert found == [[OWES], [OWES]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"payload": "no json"}',
        '{"payload": {}}',
        '{"payload": {"Records": [{}]}}',
        '{"payload": {"Records": [{"dynamodb": {"NewImage": {"outbox": {"S": "x"}, "other": {"?": 1}}}}]}}',
        b"\xff",
    ],
)
def test_what_is_no_record_of_lambda_is_rejected(text: str | bytes) -> None:
    with pytest.raises(Rejected, match="no record"):
        images(text)


@pytest.mark.parametrize("call", ["list_objects_v2", "get_object", "copy_object"])
def test_a_bucket_that_is_not_reached_is_asked_again_later(aws: None, call: str) -> None:
    client = boto3.client("s3")
    relays = S3FailedRelays(client, BUCKET)
    acts: dict[str, Callable[[], object]] = {
        "list_objects_v2": lambda: relays.keys(""),
        "get_object": lambda: relays.images(KEY),
        "copy_object": lambda: relays.move(KEY, "elsewhere"),
    }
    with Stubber(client) as stub:
        stub.add_client_error(call, "SlowDown")
        with pytest.raises(Retryable, match="SlowDown"):
            acts[call]()
