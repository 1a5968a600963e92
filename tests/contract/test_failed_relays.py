"""The failure bucket in memory and over S3; and Lambda's record of what it gave up (fault 38)."""

from __future__ import annotations

from collections.abc import Callable

import boto3
import pytest
from botocore.stub import Stubber

from hunar.adapters.failed_relays import S3FailedRelays, images
from hunar.ports import Rejected, Retryable
from tests.contract.bucket import OWES, OWES_TYPED, TestedBucket, record

KEY = "aws/lambda/9f3b/shardId-1/2026/11/25/2026-11-25T04.00.00-5a5a"


def test_an_object_is_found_by_the_beginning_of_its_name(tested_bucket: TestedBucket) -> None:
    for key in (f"{KEY}-2", f"{KEY}-1", "other/object"):
        tested_bucket.fill(key)
    assert tested_bucket.relays.keys("aws/lambda/") == [f"{KEY}-1", f"{KEY}-2"]
    assert tested_bucket.relays.keys("nothing/") == []


def test_only_what_owes_something_is_in_an_object(tested_bucket: TestedBucket) -> None:
    tested_bucket.fill(KEY)
    assert tested_bucket.relays.images(KEY) == [OWES]


def test_a_moved_object_keeps_what_it_holds_and_moving_it_twice_does_no_harm(tested_bucket: TestedBucket) -> None:
    tested_bucket.fill(KEY)
    for _ in range(2):
        tested_bucket.relays.move(KEY, f"redriven/{KEY}")
    assert tested_bucket.relays.keys("") == [f"redriven/{KEY}"]
    assert tested_bucket.relays.images(f"redriven/{KEY}") == [OWES]


def test_an_object_that_is_gone_holds_nothing(tested_bucket: TestedBucket) -> None:
    assert tested_bucket.relays.images(KEY) == []


def test_more_than_a_page_of_objects_is_found(tested_bucket: TestedBucket) -> None:
    for number in range(1005):
        tested_bucket.fill(f"{KEY}-{number:04}")
    assert len(tested_bucket.relays.keys("aws/lambda/")) == 1005


def test_the_event_may_be_a_text_or_an_object() -> None:
    for as_text in (True, False):
        assert images(record({"NewImage": OWES_TYPED}, as_text=as_text)) == [OWES]


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
def test_a_bucket_that_is_not_reached_is_asked_again_later(moto: None, call: str) -> None:
    client = boto3.client("s3")
    relays = S3FailedRelays(client, "failed-relays")
    acts: dict[str, Callable[[], object]] = {
        "list_objects_v2": lambda: relays.keys(""),
        "get_object": lambda: relays.images(KEY),
        "copy_object": lambda: relays.move(KEY, "elsewhere"),
    }
    with Stubber(client) as stub:
        stub.add_client_error(call, "SlowDown")
        with pytest.raises(Retryable, match="SlowDown"):
            acts[call]()
