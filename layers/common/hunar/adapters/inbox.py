"""The bucket of files that somebody hands in."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, unquote

from botocore.exceptions import BotoCoreError, ClientError

from hunar.ports import Retryable, Uploaded

_GONE: Final = ("NoSuchKey", "NoSuchVersion", "404", "405")
"""405: the version that is named is the mark of a removal."""
_BY: Final = "handed-in-by"


class S3Inbox:
    """``client`` is an S3 client, ``bucket`` the deployed name of the bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def look(self, key: str, version: str | None) -> Uploaded | None:
        found = self._asked("head_object", key, version)
        if found is None:
            return None
        by = found.get("Metadata", {}).get(_BY)
        return Uploaded(int(found["ContentLength"]), unquote(by) if by else None)

    def read(self, key: str, version: str | None) -> bytes | None:
        found = self._asked("get_object", key, version)
        if found is None:
            return None
        try:
            return bytes(found["Body"].read())
        except BotoCoreError as error:
            raise Retryable(f"S3 get_object: {type(error).__name__}") from error

    def put(self, key: str, body: bytes, *, by: str) -> None:
        try:
            # A header holds ASCII only.
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, Metadata={_BY: quote(by, safe="/:@+=,. ")})
        except (ClientError, BotoCoreError) as error:
            raise Retryable(f"S3 put_object: {type(error).__name__}") from error

    def _asked(self, operation: str, key: str, version: str | None) -> Any:
        named = {"VersionId": version} if version else {}
        try:
            return getattr(self._client, operation)(Bucket=self._bucket, Key=key, **named)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise Retryable(f"S3 {operation}: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise Retryable(f"S3 {operation}: {type(error).__name__}") from error
