"""Webhook secrets in Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from hunar.ports import Clock, Retryable, WebhookSecret

KEPT: Final = timedelta(minutes=5)
"""A secret that was taken away is refused after this time at the latest."""
PAUSE: Final = timedelta(minutes=1)
"""Between two reads that a failed proof or a missing secret asks for: strangers cannot make us call."""


@dataclass(frozen=True)
class _Known:
    """What the last read brought: a secret, or why there is none."""

    secret: WebhookSecret | None
    reason: str
    at: datetime


class SecretsManagerSecrets:
    """``prefix/marketplace/account`` holds JSON ``{"app_id", "secret", "previous_secret", "url"}``.

    All are texts. ``needs`` says by marketplace which of them must be there; the others may be null or
    absent. ``repr`` shows nothing.
    """

    def __init__(self, client: Any, prefix: str, needs: Mapping[str, Sequence[str]], clock: Clock) -> None:
        self._client = client
        self._prefix = prefix
        self._needs = needs
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, datetime] = {}

    def __repr__(self) -> str:
        return "SecretsManagerSecrets(…)"

    def get(self, marketplace: str, account: str) -> WebhookSecret:
        name = self._name(marketplace, account)
        known = self._known.get(name)
        if known is None or self._clock() - known.at >= (KEPT if known.secret else PAUSE):
            known = self._fetch(name, self._needs[marketplace])
        if known.secret is None:
            raise Retryable(known.reason)
        return known.secret

    def refetch(self, marketplace: str, account: str) -> WebhookSecret | None:
        name = self._name(marketplace, account)
        now = self._clock()
        asked = self._asked.get(name)
        if asked is not None and now - asked < PAUSE:
            return None
        self._asked[name] = now
        known = self._fetch(name, self._needs[marketplace])
        if known.secret is None:
            raise Retryable(known.reason)
        return known.secret

    def _name(self, marketplace: str, account: str) -> str:
        return f"{self._prefix}/{marketplace}/{account}"

    def _fetch(self, name: str, needs: Sequence[str]) -> _Known:
        """Read it and remember what was read. A call without an answer is not remembered: the next may have one."""
        try:
            answer = self._client.get_secret_value(SecretId=name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code != "ResourceNotFoundException":
                raise Retryable(f"Secrets Manager: {code}") from error
            known = _Known(None, f"{name} is not in Secrets Manager", self._clock())
        except BotoCoreError as error:
            raise Retryable(f"Secrets Manager: {type(error).__name__}") from error
        else:
            secret = _secret(answer.get("SecretString"), needs)
            known = _Known(secret, f"{name} is not JSON with {', '.join(needs)}", self._clock())
        self._known[name] = known
        return known


def _secret(text: str | None, needs: Sequence[str]) -> WebhookSecret | None:
    """None when it is not what it should be. An empty secret is none: everybody would know it."""
    try:
        content = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    # A console and many editors end a pasted value with a newline; no secret or URL ends with one.
    trimmed = {name: value.strip() for name, value in content.items() if isinstance(value, str)}
    if not all(trimmed.get(name) for name in needs):
        return None
    return WebhookSecret(
        app_id=trimmed.get("app_id", ""),
        secret=trimmed["secret"],
        previous_secret=trimmed.get("previous_secret") or None,
        url=trimmed.get("url", ""),
    )
