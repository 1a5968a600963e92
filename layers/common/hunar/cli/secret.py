"""An account's secrets in Secrets Manager, as an operator gives and changes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from hunar.cli.deployed import Deployed
from hunar.cli.output import Failed
from hunar.ports import WebhookSecret

FIELDS: Final = ("app_id", "secret", "previous_secret", "url")
API_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "flipkart": ("client_id", "client_secret"),
    "amazon": ("client_id", "client_secret", "refresh_token"),
    "razorpayx": ("key_id", "key_secret"),
}
"""What each marketplace's API is called with. Amazon's refresh token is the seller's grant."""
FROM_THE_OFFICE: Final = frozenset({"razorpayx"})
"""Whose API no deployed function calls: a person does, from an address that it knows."""
_TOKEN: Final = re.compile(r"[!-~]{1,4000}")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def read_secret(deployed: Deployed, name: str, fields: Sequence[str] = FIELDS) -> dict[str, Any] | None:
    """What is stored under the name, or None."""
    try:
        answer = deployed.client("secretsmanager").get_secret_value(SecretId=name)
        content = json.loads(answer["SecretString"])
        return {field: content.get(field) for field in fields}
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    except (ValueError, KeyError, AttributeError):
        return None


def has_secret(deployed: Deployed, name: str) -> bool:
    """Whether there is one that is not being deleted. Reads nothing of it."""
    try:
        told = deployed.client("secretsmanager").describe_secret(SecretId=name)
        return told.get("DeletedDate") is None
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise


def write_secret(deployed: Deployed, name: str, secret: Mapping[str, Any], what_for: str) -> None:
    """Creates or replaces it."""
    client = deployed.client("secretsmanager")
    text = json.dumps(secret)
    try:
        client.put_secret_value(SecretId=name, SecretString=text)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        client.create_secret(Name=name, SecretString=text, Description=what_for)


def given_credentials(given: bytes, needs: Sequence[str]) -> dict[str, str]:
    """An API's credentials that somebody typed or piped in, checked. Raises Failed; never repeats a value of them."""
    content = given_object(given, _shape(needs))
    if unknown := sorted(set(content) - set(needs)):
        raise Failed(f"unknown field {unknown[0]}; known are {', '.join(needs)}")
    for name in needs:
        value = content.get(name)
        if not (isinstance(value, str) and value.strip()):
            raise Failed(f"{name} is missing or empty")
        if not _TOKEN.fullmatch(value.strip()):
            raise Failed(f"{name} has signs that no credential has")
    return {name: content[name].strip() for name in needs}


def given_secret(
    given: bytes, *, before: Mapping[str, Any] | None, needs: Sequence[str], check: Callable[[WebhookSecret], Any]
) -> dict[str, Any]:
    """The secret that somebody typed or piped in, checked. Raises Failed; never repeats a value of it.

    With ``before`` (a rotation) what is not the secret itself may be left out: it stays. ``check`` raises ValueError
    for a secret that its marketplace cannot sign with.
    """
    content = given_object(given, _shape(needs))
    if unknown := sorted(set(content) - set(FIELDS)):
        raise Failed(f"unknown field {unknown[0]}; known are {', '.join(FIELDS)}")
    for name, value in content.items():
        if not (isinstance(value, str) or (value is None and name not in needs)):
            raise Failed(f"{name} is not a text")
    # A console and many editors end a pasted value with a newline; none of these ends with one.
    trimmed = {name: value.strip() or None for name, value in content.items() if value is not None}
    if before is not None:
        trimmed = {"app_id": before["app_id"], "url": before["url"]} | trimmed
    for name in needs:
        if not trimmed.get(name):
            raise Failed(f"{name} is missing or empty")
    if trimmed.get("url"):
        _check_url(str(trimmed["url"]))
    secret = {name: trimmed.get(name) for name in FIELDS}
    try:
        for text in filter(None, (secret["secret"], secret["previous_secret"])):
            check(webhook_secret(secret | {"secret": text}))
    except ValueError as error:
        raise Failed(str(error)) from None
    return secret


def _shape(needs: Sequence[str]) -> str:
    return "{" + ", ".join(f'"{name}": …' for name in needs) + "}"


def given_object(given: bytes, shape: str) -> dict[str, Any]:
    """The JSON object on standard input. Raises Failed, which shows the shape that was wanted."""
    try:
        # Some editors and shells write a byte order mark before the text.
        content = json.loads(given.decode("utf-8-sig"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Failed(f"standard input must be JSON in UTF-8: {shape}")
    return content


def webhook_secret(content: Mapping[str, Any]) -> WebhookSecret:
    """What is stored, as the functions read it."""
    return WebhookSecret(
        app_id=content["app_id"] or "",
        secret=content["secret"] or "",
        previous_secret=content["previous_secret"],
        url=content["url"] or "",
    )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        return
    raise Failed("url is not an https address (plain http only for this machine); give it as the marketplace has it")
