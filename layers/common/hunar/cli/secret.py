"""An account's webhook secret in Secrets Manager, as an operator gives and changes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from hunar.cli.deployed import Deployed
from hunar.cli.output import Failed

FIELDS: Final = ("app_id", "secret", "previous_secret", "url")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def read_secret(deployed: Deployed, marketplace: str, account: str) -> dict[str, Any] | None:
    """What is stored, or None."""
    try:
        answer = deployed.client("secretsmanager").get_secret_value(SecretId=deployed.secret_name(marketplace, account))
        content = json.loads(answer["SecretString"])
        return {name: content.get(name) for name in FIELDS}
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    except (ValueError, KeyError, AttributeError):
        return None


def write_secret(deployed: Deployed, marketplace: str, account: str, secret: Mapping[str, Any]) -> None:
    """Creates or replaces it."""
    client = deployed.client("secretsmanager")
    name, text = deployed.secret_name(marketplace, account), json.dumps(secret)
    try:
        client.put_secret_value(SecretId=name, SecretString=text)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        client.create_secret(
            Name=name, SecretString=text, Description=f"Proves the webhooks of {marketplace}/{account} to Hunar"
        )


def given_secret(given: bytes, *, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The secret that somebody typed or piped in, checked. Raises Failed; never repeats a value of it.

    With ``before`` (a rotation) the application's id and the URL may be left out: they stay.
    """
    try:
        # Some editors and shells write a byte order mark before the text.
        content = json.loads(given.decode("utf-8-sig"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Failed('standard input must be JSON in UTF-8: {"app_id": …, "secret": …, "url": …}')
    if unknown := sorted(set(content) - set(FIELDS)):
        raise Failed(f"unknown field {unknown[0]}; known are {', '.join(FIELDS)}")
    for name, value in content.items():
        if not (isinstance(value, str) or (value is None and name == "previous_secret")):
            raise Failed(f"{name} is not a text")
    # A console and many editors end a pasted value with a newline; none of these ends with one.
    trimmed = {name: value.strip() or None for name, value in content.items() if value is not None}
    if before is not None:
        trimmed = {"app_id": before["app_id"], "url": before["url"]} | trimmed
    for name in ("app_id", "secret", "url"):
        if not trimmed.get(name):
            raise Failed(f"{name} is missing or empty")
    _check_url(str(trimmed["url"]))
    return {name: trimmed.get(name) for name in FIELDS}


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        return
    raise Failed("url is not an https address (plain http only for this machine); give it as the marketplace has it")
