"""Providers of texts over HTTPS: one request, and what is certain after it.

Before the request has left nothing was sent; after it only what the provider documents is believed.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from hunar.adapters.http import Answer, NoAnswer, TooLarge, Unsendable, ask
from hunar.adapters.secrets import SmsSecret, SmsSecrets
from hunar.adapters.sms.requests import wrong_field
from hunar.ports import Refused, Rejected, Retryable, SmsAnswer, SmsRequest, Stopped, Throttled, Unanswered

ACCOUNT: Final = "main"
"""Texts go out by one account of a provider: a stack serves one agency."""
SECONDS: Final = 7.0
"""For a request and its answer. notify_group has time for five that hang so long."""
MOST_BYTES: Final = 64 * 1024
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")


@dataclass(frozen=True)
class Post:
    """A request to a provider. ``repr`` shows nothing of it: it holds a number, a text and a key."""

    base: str = field(repr=False)
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class ProviderApi(ABC):
    """Sends one text with one request. ``repr`` and every answer leave out numbers, texts and keys."""

    NAME: ClassVar[str]
    LONGEST_TEXT: ClassVar[int]

    def __init__(self, secrets: SmsSecrets) -> None:
        self._secrets = secrets

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def send(self, request: SmsRequest) -> SmsAnswer:
        """Raises nothing that the provider or the network does: each has its answer."""
        wrong = wrong_field(request, too_long=len(request.text) > self.LONGEST_TEXT) or self._wrong(request)
        if wrong:
            return Refused(wrong)
        try:
            secret = self._secrets.get(self.NAME, ACCOUNT)
        except Rejected:
            return Stopped("NoCredentials")
        except Retryable:
            return Throttled("NoCredentialsNow")
        post = self._post(request, secret)
        if isinstance(post, Stopped):
            return post
        try:
            answer = ask(post.base, "POST", post.path, post.headers, post.body, seconds=SECONDS, most=MOST_BYTES)
        except NoAnswer as error:
            return Unanswered(str(error)) if error.sent else Throttled(str(error))
        except TooLarge:
            return Unanswered("TooLarge")
        except Unsendable:
            # All else in it is checked or encoded, so it is the secret that no request may hold.
            return Stopped("InvalidCredentials")
        given = self._answer(answer)
        return Throttled("NewCredentials") if isinstance(given, Stopped) and self._renewed(secret) else given

    def _wrong(self, request: SmsRequest) -> str | None:
        """What this provider alone does not take, as a code."""
        return None

    @abstractmethod
    def _post(self, request: SmsRequest, secret: SmsSecret) -> Post | Stopped: ...

    @abstractmethod
    def _read(self, status: int, content: Mapping[str, Any]) -> SmsAnswer | None:
        """What the provider documents; None for anything else."""

    def _answer(self, answer: Answer) -> SmsAnswer:
        status = answer.status
        told = None if status >= 500 or status == 408 else self._read(status, _object(answer.body))
        if told is not None:
            return told
        reason = f"HTTP{status}"
        match status:
            case 429:
                return Throttled(reason)
            case 400 | 413 | 422:
                return Refused(reason)
            # 409 says that something like it is there already: perhaps this very text.
            case _ if not 400 <= status < 500 or status in (408, 409):
                return Unanswered(reason)
        # The key, the account or the address, which are the same for every text.
        return Stopped(reason)

    def _renewed(self, secret: SmsSecret) -> bool:
        """Whether somebody stored other credentials since these were read."""
        try:
            found = self._secrets.refetch(self.NAME, ACCOUNT)
        except (Rejected, Retryable):
            return False
        return found is not None and found != secret


def coded(*texts: object) -> str:
    """Those that are codes: an error's message can repeat the number or the text."""
    return ":".join(str(text) for text in texts if isinstance(text, str | int) and _CODE.fullmatch(str(text)))


def _object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that it is; else an empty one."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
