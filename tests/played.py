"""The marketplaces' APIs as the local stack plays them, behind our port and on a virtual clock.

The fakes share no code with us. Tokens are fetched and used as over HTTP; only the sockets are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from hunar.domain.channel import Call, Channel
from hunar.marketplaces import amazon_api, flipkart_api
from hunar.ports import HttpAnswer, Retryable
from local.marketplace_apis import Amazon, Answer, Flipkart, MarketplaceApis

CHANNELS: Mapping[str, Channel] = {"amazon": amazon_api, "flipkart": flipkart_api}
ACCOUNT = "demo-api"
LOCATION, SELLER = "LOC1234", "A1HUNARDEMO0"
APPLICATION, SUBSCRIPTION = "amzn1.sp.solution.00000000", "00000000-0000-4000-8000-000000000002"


class Played:
    """``skus`` are listed at both marketplaces, under their own names."""

    def __init__(self, clock: Callable[[], datetime], *skus: str) -> None:
        self.clock = clock
        self.flipkart = Flipkart(ACCOUNT, "app", "secret", LOCATION, {sku: fsn(sku) for sku in skus})
        self.amazon = Amazon(ACCOUNT, "app", "secret", "grant", SELLER, dict.fromkeys(skus, "SCARF"))
        self._apis = MarketplaceApis(self.flipkart, self.amazon, clock)
        self._tokens: dict[str, str] = {}
        self.calls: list[tuple[datetime, str, Call]] = []
        self.refused: list[tuple[str, Call, bytes]] = []
        """Calls that were answered 4xx, a missing order and too many requests aside: the fake found something wrong."""

    def call(self, marketplace: str, account: str, call: Call) -> HttpAnswer:
        assert account == ACCOUNT
        self.calls.append((self.clock(), marketplace, call))
        answer = self._answer(marketplace, call)
        if answer.status in (401, 403):
            self._tokens.pop(marketplace)
            answer = self._answer(marketplace, call)
        if 400 <= answer.status < 500 and answer.status not in (404, 429):
            self.refused.append((marketplace, call, answer.body))
        told = answer.headers.get("Retry-After")
        return HttpAnswer(answer.status, answer.body, int(float(told)) if told else None)

    def shown(self, marketplace: str) -> dict[str, int]:
        """Units that a buyer sees, by listing."""
        return {
            entry["listing"]: entry["quantity"]
            for entry in self._apis.channels()
            if entry["marketplace"] == marketplace
        }

    def made(self, marketplace: str, operation: str) -> int:
        return sum(entry[1] == marketplace and entry[2].operation == operation for entry in self.calls)

    def _answer(self, marketplace: str, call: Call) -> Answer:
        headers = dict(CHANNELS[marketplace].authorization(self._token(marketplace)))
        body = None if call.body is None else call.body.encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._send(marketplace, call.method, call.path, headers, body)

    def _token(self, marketplace: str) -> str:
        if marketplace not in self._tokens:
            asked = CHANNELS[marketplace].token_call("app", "secret", "grant" if marketplace == "amazon" else None)
            body = None if asked.body is None else asked.body.encode()
            host = "amazon-token" if marketplace == "amazon" else marketplace
            answer = self._send(host, asked.method, asked.path, dict(asked.headers), body)
            if answer.status != 200:
                raise Retryable(f"no token: {answer.status}")
            self._tokens[marketplace], _ = CHANNELS[marketplace].token(answer.body)
        return self._tokens[marketplace]

    def _send(self, host: str, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        answer = self._apis.answer(method, f"/{host}{path}", headers, body or b"", self.clock())
        if answer.status == 0:
            raise Retryable("no answer")
        return answer


def fsn(sku: str) -> str:
    """A product id of the right form."""
    return (sku.replace("-", "").upper() + "X" * 16)[:16]
