"""The marketplaces' APIs over HTTPS: whose token a call needs, and what its answer is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from hunar.adapters.http import NoAnswer, TooLarge, Unsendable, ask
from hunar.adapters.loopback import local_only
from hunar.domain.channel import MOST_ANSWER_BYTES, BadAnswer, Call, TokenCall
from hunar.ports import ApiSecret, Clock, HttpAnswer, Rejected, Retryable

CALL_SECONDS: Final = 10.0
"""For the whole of one request, its answer included."""
TOKEN_SECONDS: Final = 4.0
"""A token refused, one fetched anew and the call again take twice both: far less than a function has."""
MOST_TOKEN_BYTES: Final = 64 * 1024
BEFORE_EXPIRY: Final = timedelta(minutes=2)
"""A token is not used any more so long before it expires."""
PAUSE: Final = timedelta(minutes=1)
"""A younger token that is refused is not fetched anew: the account is refused, not the token."""
LONGEST_RETRY_AFTER: Final = 3600
"""Seconds. A slip of the marketplace should not silence us for a day."""


@dataclass(frozen=True)
class Hosts:
    """Where a marketplace's API and its tokens are: scheme, host, and what stands before every path."""

    api: str
    token: str


REAL: Final[Mapping[str, Hosts]] = {
    "flipkart": Hosts("https://api.flipkart.net", "https://api.flipkart.net"),
    # India belongs to Amazon's European endpoint.
    "amazon": Hosts("https://sellingpartnerapi-eu.amazon.com", "https://api.amazon.com"),
}


def hosts(api_url: str, *, emulated: bool) -> Mapping[str, Hosts]:
    """The marketplaces' own hosts, or the fakes that listen at ``api_url``.

    RuntimeError for a local stack that could reach a real marketplace, and for any other that could be led away from
    it: its tokens would go to whoever listens there.
    """
    if not emulated and not api_url:
        return REAL
    if not emulated:
        raise RuntimeError("MARKETPLACE_API_URL: only an emulated local stack asks elsewhere than the marketplaces")
    if not local_only(api_url):
        raise RuntimeError("a local stack asks no real marketplace: MARKETPLACE_API_URL must be a loopback address")
    return {
        "flipkart": Hosts(f"{api_url}/flipkart", f"{api_url}/flipkart"),
        "amazon": Hosts(f"{api_url}/amazon", f"{api_url}/amazon-token"),
    }


class Tokens(Protocol):
    """What of a ``Channel`` a call needs: how its tokens are asked for and shown."""

    def token_call(self, client_id: str, client_secret: str, refresh_token: str | None) -> TokenCall: ...

    def token(self, raw: bytes) -> tuple[str, int]: ...

    def authorization(self, token: str) -> Mapping[str, str]: ...


class Secrets(Protocol):
    """Where credentials come from, see ``adapters/secrets.py``."""

    def get(self, marketplace: str, account: str) -> ApiSecret: ...

    def refetch(self, marketplace: str, account: str) -> ApiSecret | None: ...


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    since: datetime
    until: datetime


class HttpMarketplaceApis:
    """``repr`` and every error leave out tokens, secrets and what an answer says."""

    def __init__(
        self, hosts: Mapping[str, Hosts], channels: Mapping[str, Tokens], secrets: Secrets, clock: Clock
    ) -> None:
        self._hosts = hosts
        self._channels = channels
        self._secrets = secrets
        self._clock = clock
        self._tokens: dict[tuple[str, str], _Token] = {}

    def __repr__(self) -> str:
        return "HttpMarketplaceApis(…)"

    def call(self, marketplace: str, account: str, call: Call) -> HttpAnswer:
        channel = self._channels[marketplace]
        token = self._token(marketplace, account)
        answer = self._call(marketplace, channel, token, call)
        # Amazon says 403 of a token that has expired. It says the same of a missing role, so once a minute is enough.
        if answer.status in (401, 403) and self._clock() - token.since >= PAUSE:
            del self._tokens[marketplace, account]
            answer = self._call(marketplace, channel, self._token(marketplace, account), call)
        return answer

    def _call(self, marketplace: str, channel: Tokens, token: _Token, call: Call) -> HttpAnswer:
        headers = {"Accept": "application/json", "User-Agent": "Hunar/0.1 (Language=Python)"}
        headers |= channel.authorization(token.text)
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        what = f"{marketplace} {call.operation}"
        body = None if call.body is None else call.body.encode()
        base = self._hosts[marketplace].api
        return self._request(what, base, call.method, call.path, headers, body, CALL_SECONDS, MOST_ANSWER_BYTES)

    def _token(self, marketplace: str, account: str) -> _Token:
        known = self._tokens.get((marketplace, account))
        if known is None or known.until <= self._clock():
            known = self._fetch_token(marketplace, account)
            self._tokens[marketplace, account] = known
        return known

    def _fetch_token(self, marketplace: str, account: str) -> _Token:
        channel = self._channels[marketplace]
        answer = self._ask_token(marketplace, channel, self._secrets.get(marketplace, account))
        if 400 <= answer.status < 500 and answer.status != 429:
            # Somebody may have stored new credentials since they were read.
            secret = self._secrets.refetch(marketplace, account)
            answer = answer if secret is None else self._ask_token(marketplace, channel, secret)
        if answer.status != 200:
            raise Retryable(f"{marketplace} gives no token: {answer.status}{_reason(answer.body)}")
        try:
            text, seconds = channel.token(answer.body)
        except BadAnswer as error:
            raise Retryable(f"{marketplace} gives no token: {error}") from error
        now = self._clock()
        return _Token(text, now, now + max(timedelta(seconds=seconds) - BEFORE_EXPIRY, timedelta(0)))

    def _ask_token(self, marketplace: str, channel: Tokens, secret: ApiSecret) -> HttpAnswer:
        try:
            call: TokenCall = channel.token_call(secret.client_id, secret.client_secret, secret.refresh_token)
        except ValueError as error:
            # It names what the secret lacks.
            raise Rejected(f"{marketplace} credentials: {error}") from None
        body = None if call.body is None else call.body.encode()
        what, base = f"{marketplace} token", self._hosts[marketplace].token
        return self._request(what, base, call.method, call.path, call.headers, body, TOKEN_SECONDS, MOST_TOKEN_BYTES)

    def _request(
        self,
        what: str,
        base: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float,
        most: int,
    ) -> HttpAnswer:
        try:
            answer = ask(base, method, path, headers, body, seconds=seconds, most=most)
        except (TooLarge, Unsendable) as error:
            raise Rejected(f"{what}: {error}") from None
        except NoAnswer as error:
            raise Retryable(f"{what}: {error}") from error
        return HttpAnswer(answer.status, answer.body, self._retry_after(answer.headers.get("retry-after", "")))

    def _retry_after(self, told: str) -> int | None:
        """Seconds, from either way of writing it; None when there is none or it cannot be read."""
        told = told.strip()
        if re.fullmatch(r"[0-9]{1,9}", told):
            return min(int(told), LONGEST_RETRY_AFTER)
        try:
            at = parsedate_to_datetime(told)
        except ValueError:
            return None
        # -0000 says that nothing is known about the zone; HTTP knows none but GMT.
        left = (at if at.tzinfo else at.replace(tzinfo=UTC)) - self._clock()
        return min(max(0, -(-left // timedelta(seconds=1))), LONGEST_RETRY_AFTER)


def _reason(body: bytes) -> str:
    """OAuth's own word for why there is no token (RFC 6749, 5.2), and nothing else of the answer."""
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    word = content.get("error") if isinstance(content, dict) else None
    return f" {word}" if isinstance(word, str) and re.fullmatch(r"[a-z_]{1,40}", word) else ""
