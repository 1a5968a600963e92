"""The marketplaces' APIs, played on this machine: see ``fake_flipkart`` and ``fake_amazon`` for what they refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from local.fake_amazon import Amazon
from local.fake_api import DELAY, NO_ANSWER, Answer, Refusal, as_json
from local.fake_flipkart import Flipkart

__all__ = ["Amazon", "Answer", "Flipkart", "MarketplaceApis", "Refusal", "marketplace_service"]

MOST_BODY: Final = 1024 * 1024


@dataclass(frozen=True)
class MarketplaceApis:
    """Both marketplaces under one address: ``/flipkart``, ``/amazon``, and ``/amazon-token`` for Login with Amazon."""

    flipkart: Flipkart
    amazon: Amazon
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, now: datetime | None = None
    ) -> Answer:
        """What the marketplace that the path begins with answers."""
        at = self.now() if now is None else now
        _, _, rest = path.partition("/")
        name, slash, target = rest.partition("/")
        is_token = target.partition("?")[0] == "auth/o2/token"
        # Login with Amazon is on another host than the API, and neither knows the other's paths.
        if name == "flipkart" or (name == "amazon" and not is_token) or (name == "amazon-token" and is_token):
            played = self.flipkart if name == "flipkart" else self.amazon
            return played.answer(method, f"{slash}{target}", headers, body, at)
        return as_json({"errors": [{"code": "NotFound", "message": f"nobody is at {path.partition('?')[0]}"}]}, 404)

    def put_shipment(self, shipment_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.flipkart.put_shipment(shipment_id, body, self.now())

    def put_return(self, return_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.flipkart.put_return(return_id, body, self.now())

    def put_order(self, order_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.amazon.put_order(order_id, body, self.now())

    def channels(self) -> list[dict[str, Any]]:
        """What each channel believes of each listing's stock."""
        return [*self.flipkart.stock(self.now()), *self.amazon.stock(self.now())]

    def set_fault(self, values: Mapping[str, Any]) -> None:
        """Lets the next requests to a marketplace go wrong, see ``Faults.set``. ValueError names what is wrong."""
        faults = {"flipkart": self.flipkart.faults, "amazon": self.amazon.faults}
        marketplace = str(values.get("marketplace"))
        if marketplace not in faults:
            raise ValueError("marketplace: known are flipkart and amazon")
        faults[marketplace].set(values)


def marketplace_service(apis: MarketplaceApis) -> web.Application:
    """The server. Whoever runs it binds it to the loopback address."""

    async def anything(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        answer = await asyncio.to_thread(apis.answer, request.method, request.raw_path, request.headers, body)
        headers = dict(answer.headers)
        await asyncio.sleep(float(headers.pop(DELAY, "0")))
        if answer.status == NO_ANSWER:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    application = web.Application(client_max_size=MOST_BODY)
    application.router.add_route("*", "/{rest:.*}", anything)
    return application
