"""Secrets of accounts in Secrets Manager: what webhooks are proved with, and what APIs are called with."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from hunar.ports import ApiSecret, Clock, Rejected, Retryable, WebhookSecret

T = TypeVar("T")

KEPT: Final = timedelta(minutes=5)
"""A secret that was taken away is refused after this time at the latest."""
PAUSE: Final = timedelta(minutes=1)
"""Between two reads that a failed proof or a missing secret asks for: strangers cannot make us call."""


@dataclass(frozen=True)
class _Known(Generic[T]):
    """What the last read brought: a secret, or why there is none."""

    secret: T | None
    reason: str
    at: datetime


class _Secrets(ABC, Generic[T]):
    """``prefix/marketplace/account`` holds a JSON object. ``repr`` shows nothing of it."""

    ABSENT: ClassVar[type[Exception]] = Retryable
    """Raised when there is no secret of this name, or when it is not what it should be."""

    def __init__(self, client: Any, prefix: str, clock: Clock) -> None:
        self._client = client
        self._prefix = prefix
        self._clock = clock
        self._known: dict[str, _Known[T]] = {}
        self._asked: dict[str, datetime] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def get(self, marketplace: str, account: str) -> T:
        name = self._name(marketplace, account)
        known = self._known.get(name)
        if known is None or self._clock() - known.at >= (KEPT if known.secret else PAUSE):
            known = self._fetch(name, self._needs(marketplace))
        return self._secret_of(known)

    def refetch(self, marketplace: str, account: str) -> T | None:
        name = self._name(marketplace, account)
        now = self._clock()
        asked = self._asked.get(name)
        if asked is not None and now - asked < PAUSE:
            return None
        self._asked[name] = now
        return self._secret_of(self._fetch(name, self._needs(marketplace)))

    @abstractmethod
    def _needs(self, marketplace: str) -> Sequence[str]:
        """The names that the object must have."""

    @abstractmethod
    def _made(self, content: Mapping[str, str]) -> T:
        """The secret of the object's texts."""

    def _name(self, marketplace: str, account: str) -> str:
        return f"{self._prefix}/{marketplace}/{account}"

    def _secret_of(self, known: _Known[T]) -> T:
        if known.secret is None:
            raise self.ABSENT(known.reason)
        return known.secret

    def _fetch(self, name: str, needs: Sequence[str]) -> _Known[T]:
        """Read it and remember what was read. A call without an answer is not remembered: the next may have one."""
        try:
            answer = self._client.get_secret_value(SecretId=name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code != "ResourceNotFoundException":
                raise Retryable(f"Secrets Manager: {code}") from error
            known = _Known[T](None, f"{name} is not in Secrets Manager", self._clock())
        except BotoCoreError as error:
            raise Retryable(f"Secrets Manager: {type(error).__name__}") from error
        else:
            content = _texts(answer.get("SecretString"))
            secret = self._made(content) if all(content.get(need) for need in needs) else None
            known = _Known(secret, f"{name} is not JSON with {', '.join(needs)}", self._clock())
        self._known[name] = known
        return known


class SecretsManagerSecrets(_Secrets[WebhookSecret]):
    """The object may have ``app_id``, ``secret``, ``previous_secret`` and ``url``; by marketplace, ``needs`` says which
    must be there."""

    def __init__(self, client: Any, prefix: str, needs: Mapping[str, Sequence[str]], clock: Clock) -> None:
        super().__init__(client, prefix, clock)
        self._needed = needs

    def _needs(self, marketplace: str) -> Sequence[str]:
        return self._needed[marketplace]

    def _made(self, content: Mapping[str, str]) -> WebhookSecret:
        return WebhookSecret(
            app_id=content.get("app_id", ""),
            secret=content["secret"],
            previous_secret=content.get("previous_secret") or None,
            url=content.get("url", ""),
        )


class SecretsManagerSmsTokens(_Secrets[WebhookSecret]):
    """The object of a provider's account has ``webhook_token``, the token that its calls carry, and while it is changed
    ``previous_webhook_token``. What the provider's own API is called with stands beside them."""

    def _needs(self, marketplace: str) -> Sequence[str]:
        return ("webhook_token",)

    def _made(self, content: Mapping[str, str]) -> WebhookSecret:
        return WebhookSecret(
            app_id="",
            secret=content["webhook_token"],
            previous_secret=content.get("previous_webhook_token") or None,
            url="",
        )


class SecretsManagerApiSecrets(_Secrets[ApiSecret]):
    """The object has ``client_id``, ``client_secret``, and for Amazon ``refresh_token``.

    An account without credentials is Rejected: a person must store them, asking again soon does not help.
    """

    ABSENT = Rejected

    def _needs(self, marketplace: str) -> Sequence[str]:
        return ("client_id", "client_secret")

    def _made(self, content: Mapping[str, str]) -> ApiSecret:
        return ApiSecret(
            client_id=content["client_id"],
            client_secret=content["client_secret"],
            refresh_token=content.get("refresh_token") or None,
        )


@dataclass(frozen=True)
class SmsSecret:
    """What a provider of texts is called with. ``repr`` shows nothing of it."""

    fields: Mapping[str, str] = field(repr=False)


class SmsSecrets(_Secrets[SmsSecret]):
    """``prefix/provider/account``: what each provider needs stands in NEEDS.

    Exotel's ``cluster`` is ``mumbai`` or ``singapore``; ``status_callback`` may stand there too: the URL, with whatever
    proves the caller, that receipts are posted to. A provider without credentials is Rejected.
    """

    ABSENT = Rejected
    NEEDS: ClassVar[Mapping[str, Sequence[str]]] = {
        "exotel": ("account_sid", "api_key", "api_token", "cluster"),
        "msg91": ("auth_key",),
    }

    def _needs(self, marketplace: str) -> Sequence[str]:
        return self.NEEDS[marketplace]

    def _made(self, content: Mapping[str, str]) -> SmsSecret:
        return SmsSecret(content)


def _texts(text: str | None) -> Mapping[str, str]:
    """The texts of a JSON object; none when it is no object. An empty secret is none: everybody would know it."""
    try:
        content = json.loads(text or "")
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    # A console and many editors end a pasted value with a newline; no secret or URL ends with one.
    return {name: value.strip() for name, value in content.items() if isinstance(value, str)}
