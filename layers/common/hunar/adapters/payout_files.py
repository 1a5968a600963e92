"""The bucket of files for banks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from hunar.ports import Retryable

_GONE: Final = ("NoSuchKey", "404")


class S3PayoutFiles:
    """``client`` makes an S3 client when the first file is asked for; ``bucket`` is the deployed name."""

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._make = client
        self._bucket = bucket

    def put(self, name: str, content: bytes) -> None:
        try:
            self._make().put_object(Bucket=self._bucket, Key=name, Body=content)
        except (ClientError, BotoCoreError) as error:
            raise Retryable(f"S3 put_object: {type(error).__name__}") from error

    def get(self, name: str) -> bytes | None:
        try:
            return bytes(self._make().get_object(Bucket=self._bucket, Key=name)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise Retryable(f"S3 get_object: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise Retryable(f"S3 get_object: {type(error).__name__}") from error
