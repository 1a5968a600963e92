"""The failure bucket of the streams.

Documented (AWS Lambda Developer Guide, "Retain discarded records for a DynamoDB event source"): when
Lambda gives up a batch it writes an object ``aws/lambda/<mapping>/<shard>/YYYY/MM/DD/<time>-<random>``
with a JSON document of ``requestContext``, ``responseContext``, ``DDBStreamBatchInfo`` and, only in S3,
``payload`` with the whole event. The example shows ``payload`` as a text.

Not seen, because neither emulator nor moto writes such objects: whether the text may also come as an
object, and whether the event holds records that the mapping's filter had left out. So both forms are
read, and the filter is applied again.
"""

from __future__ import annotations

import json
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from hunar.adapters.dynamodb.values import plain
from hunar.ports import Rejected, Retryable
from hunar.tables import Item

_GONE: Final = ("NoSuchKey", "404")


class S3FailedRelays:
    """``client`` is an S3 client, ``bucket`` the deployed name of the bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keys(self, prefix: str) -> list[str]:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        except (ClientError, BotoCoreError) as error:
            raise Retryable(f"S3: {error}") from error

    def images(self, key: str) -> list[Item]:
        try:
            text = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return []
            raise Retryable(f"S3: {error}") from error
        except BotoCoreError as error:
            raise Retryable(f"S3: {error}") from error
        return images(text)

    def move(self, key: str, to: str) -> None:
        try:
            self._client.copy_object(Bucket=self._bucket, Key=to, CopySource={"Bucket": self._bucket, "Key": key})
            self._client.delete_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise Retryable(f"S3: {error}") from error
        except BotoCoreError as error:
            raise Retryable(f"S3: {error}") from error


def images(text: str | bytes) -> list[Item]:
    """The new items in an invocation record that carry the marker ``outbox``. Rejected if it is none."""
    try:
        event = json.loads(text)["payload"]
        records = (json.loads(event) if isinstance(event, str) else event)["Records"]
        found = [record["dynamodb"].get("NewImage", {}) for record in records]
        return [plain(image) for image in found if "S" in image.get("outbox", {})]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Rejected(f"it is no record of a failed invocation ({type(error).__name__})") from error
