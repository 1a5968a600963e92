"""Amazon's Selling Partner API as a channel: orders 2026-01-01, listings 2021-08-01, tokens of Login with Amazon.

Paths, limits and answers are those of the models that Amazon publishes (amzn/selling-partner-api-models). The hosts
are not here: tokens come from another one than orders and listings.

Buyer and recipient are never asked for (``INCLUDED``), and what a part keeps of an order is an allow-list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from hunar.domain.channel import (
    MOST_ANSWER_BYTES,
    REFUSED,
    TAKEN,
    Account,
    Answered,
    BadAnswer,
    Call,
    Offer,
    Part,
    Posted,
    Rate,
    TokenCall,
)
from hunar.domain.identity import canonical
from hunar.marketplaces import fields
from hunar.marketplaces.amazon_orders import MARKETPLACE_ID, identity, kept_of_order, read_answer
from hunar.marketplaces.body import Unreadable, read_object, written

__all__ = [
    "LEAST_LAG",
    "MOST_OFFERS",
    "RATES",
    "SEARCHES",
    "answered",
    "authorization",
    "fetch",
    "fetch_returns",
    "posted",
    "publish",
    "read_answer",
    "search",
    "show",
    "shown",
    "token",
    "token_call",
]

RATES: Final[Mapping[str, Rate]] = {
    "getOrder": Rate(every_ms=2_000, burst=30),
    "searchOrders": Rate(every_ms=178_572, burst=20),  # 0.0056 a second, rounded to the slower side
    "patchListingsItem": Rate(every_ms=200, burst=5),
    "getListingsItem": Rate(every_ms=200, burst=5),
}
"""The default usage plans."""
SEARCHES: Final = ("orders",)
LEAST_LAG: Final = timedelta(minutes=2)
"""Of ``createdBefore`` and ``lastUpdatedBefore``."""
MOST_OFFERS: Final = 1

INCLUDED: Final = "CANCELLATION,FULFILLMENT,PACKAGES,PROCEEDS"
"""What an answer shall hold besides the items, which are always there. Never BUYER, never RECIPIENT. PACKAGES has what
became of each Easy Ship parcel; the order's own status ends with SHIPPED."""
PAGE: Final = 100
"""Orders on a page: the most that Amazon gives."""
MOST_TOKEN: Final = 8_192
"""Characters of an access token or of a page's token."""
CHANNEL_CODE: Final = "DEFAULT"
"""The offers that the seller fulfils; Amazon's own warehouses have other codes."""

_TOKEN: Final = re.compile(r"[!-~]+")
_ORDERS: Final = "/orders/2026-01-01/orders"
_LISTINGS: Final = "/listings/2021-08-01/items"


def token_call(client_id: str, client_secret: str, refresh_token: str | None) -> TokenCall:
    """Login with Amazon's, on a host of its own. ValueError without the seller's refresh token."""
    if not refresh_token:
        raise ValueError("refresh_token: is missing; the seller gives it by authorizing the application")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
    return TokenCall("POST", "/auth/o2/token", headers, urlencode(form))


def token(raw: bytes) -> tuple[str, int]:
    """The access token and its seconds, an hour as a rule. Raises BadAnswer, which never shows a token."""
    answer = _answer(raw)
    access, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(access, str) or len(access) > MOST_TOKEN or not _TOKEN.fullmatch(access):
        raise BadAnswer("access_token: is missing or no token")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= 86_400:
        raise BadAnswer(f"expires_in: {fields.shown(seconds)} is not a number of seconds up to a day")
    return access, seconds


def authorization(token: str) -> Mapping[str, str]:
    return {"x-amz-access-token": token}


def fetch(account: Account, order_id: str) -> Call:
    del account  # The token says whose orders they are.
    return Call("getOrder", "GET", f"{_ORDERS}/{quote(order_id, safe='')}?{_query(includedData=INCLUDED)}")


def fetch_returns(account: Account, return_ids: Sequence[str]) -> Call | None:
    """Easy Ship's parcels tell of themselves in their orders. What a buyer sends back is in a report, not here."""
    del account, return_ids
    return None


def search(account: Account, kind: str, since: str, until: str) -> Call:
    """Orders by the time of their last change.

    Amazon refuses an ``until`` that is less than two minutes before the request, and shows changes late by as much.
    """
    del account
    if kind not in SEARCHES:
        raise ValueError(f"kind: {kind} is none of {', '.join(SEARCHES)}")
    query = _query(
        lastUpdatedAfter=since,
        lastUpdatedBefore=until,
        marketplaceIds=MARKETPLACE_ID,
        maxResultsPerPage=str(PAGE),
        includedData=INCLUDED,
    )
    return Call("searchOrders", "GET", f"{_ORDERS}?{query}")


def answered(call: Call, raw: bytes) -> Answered:
    answer = _answer(raw)
    if call.operation == "getOrder":
        try:
            part = _part(answer.get("order"), "order")
        except fields.Wrong as wrong:
            raise BadAnswer(str(wrong)) from wrong
        asked = unquote(call.path.split("?")[0].rsplit("/", 1)[1])
        if part.marketplace_id != asked:
            raise BadAnswer(f"order.orderId: {part.marketplace_id} was answered when {asked} was asked for")
        return Answered((part,))
    orders = answer.get("orders")
    if not isinstance(orders, list):
        raise BadAnswer("orders: is missing or not a list")
    parts, problems = [], []
    for number, order in enumerate(orders):
        try:
            parts.append(_part(order, f"orders[{number}]"))
        except fields.Wrong as wrong:
            problems.append(str(wrong))
    return Answered(tuple(parts), _next_page(call, answer.get("pagination")), tuple(problems))


def publish(account: Account, offers: Sequence[Offer]) -> Call:
    """``merge`` leaves alone what the seller set besides the quantity, as her days for handling; ``replace`` would
    not."""
    if len(offers) != MOST_OFFERS:
        raise ValueError(f"offers: {len(offers)} were given, one call takes {MOST_OFFERS}")
    (offer,) = offers
    if not offer.product_type:
        raise ValueError(f"product_type: the listing {offer.listing} has none")
    if offer.quantity < 0:
        raise ValueError(f"quantity: {offer.quantity} units of the listing {offer.listing}")
    patch = {
        "op": "merge",
        "path": "/attributes/fulfillment_availability",
        "value": [{"fulfillment_channel_code": CHANNEL_CODE, "quantity": offer.quantity}],
    }
    body = canonical({"productType": offer.product_type, "patches": [patch]})
    path = f"{_listing_path(account, offer.listing)}?{_query(marketplaceIds=MARKETPLACE_ID)}"
    return Call("patchListingsItem", "PATCH", path, body)


def posted(call: Call, status: int, raw: bytes) -> list[Posted]:
    """ACCEPTED is a promise to work on it: what is shown changes later, and ``show`` asks."""
    listing = _listing_of(call)
    answer = _answer(raw)
    if status == 400:
        return [Posted(listing, REFUSED, _reasons(answer.get("errors"), "errors"))]
    _require_listing(answer, listing)
    verdict = answer.get("status")
    if verdict == "ACCEPTED":
        return [Posted(listing, TAKEN)]
    if verdict == "INVALID":
        return [Posted(listing, REFUSED, _reasons(answer.get("issues"), "issues"))]
    raise BadAnswer(f"status: {fields.shown(verdict)} is neither ACCEPTED nor INVALID")


def show(account: Account, listings: Sequence[str]) -> Call:
    if len(listings) != MOST_OFFERS:
        raise ValueError(f"listings: {len(listings)} were given, one call takes {MOST_OFFERS}")
    query = _query(marketplaceIds=MARKETPLACE_ID, includedData="fulfillmentAvailability")
    return Call("getListingsItem", "GET", f"{_listing_path(account, listings[0])}?{query}")


def shown(call: Call, raw: bytes) -> Mapping[str, int | None]:
    listing = _listing_of(call)
    answer = _answer(raw)
    _require_listing(answer, listing)
    offers = answer.get("fulfillmentAvailability")
    if offers is None:
        return {listing: None}
    if not isinstance(offers, list) or not all(isinstance(offer, dict) for offer in offers):
        raise BadAnswer("fulfillmentAvailability: is not a list of objects")
    ours = [offer.get("quantity") for offer in offers if offer.get("fulfillmentChannelCode") == CHANNEL_CODE]
    units = ours[0] if ours else None
    if units is not None and (not isinstance(units, int) or isinstance(units, bool) or units < 0):
        raise BadAnswer(f"fulfillmentAvailability.quantity: {fields.shown(units)} is not a number of units")
    return {listing: units}


def _answer(raw: bytes) -> dict[str, Any]:
    if len(raw) > MOST_ANSWER_BYTES:
        raise BadAnswer(f"the answer: {len(raw)} bytes, more than {MOST_ANSWER_BYTES}")
    try:
        return read_object(raw)
    except Unreadable as error:
        raise BadAnswer(f"the answer: {error}") from error


def _part(order: Any, where: str) -> Part:
    if not isinstance(order, dict):
        raise fields.Wrong(where, "is missing or not an object")
    kept = kept_of_order(order)
    order_id = identity(kept.get("orderId"))
    if order_id is None:
        raise fields.Wrong(f"{where}.orderId", "is missing or not an id")
    try:
        at = fields.time(kept.get("lastUpdatedTime"), f"{where}.lastUpdatedTime")
    except fields.Wrong:
        at = None
    return Part(order_id, written({"order": kept}).encode(), at)


def _next_page(call: Call, pagination: Any) -> Call | None:
    if pagination is None:
        return None
    if not isinstance(pagination, dict):
        raise BadAnswer("pagination: is not an object")
    token = pagination.get("nextToken")
    if token is None or token == "":
        return None
    if not isinstance(token, str) or len(token) > MOST_TOKEN:
        raise BadAnswer("pagination.nextToken: is not a token")
    path, _, query = call.path.partition("?")
    asked = dict(parse_qsl(query))
    if asked.get("paginationToken") == token:
        raise BadAnswer("pagination.nextToken: the page names itself as the next one")
    # Amazon wants all that was asked for again, beside the token.
    return Call(call.operation, call.method, f"{path}?{_query(**asked | {'paginationToken': token})}")


def _query(**names: str) -> str:
    return urlencode(names, safe=",:")


def _listing_path(account: Account, listing: str) -> str:
    if not account.seller_id:
        raise ValueError(f"seller_id: the account {account.name} has none")
    return f"{_LISTINGS}/{quote(account.seller_id, safe='')}/{quote(listing, safe='')}"


def _listing_of(call: Call) -> str:
    return unquote(call.path.split("?")[0].rsplit("/", 1)[1])


def _require_listing(answer: Mapping[str, Any], listing: str) -> None:
    if answer.get("sku") != listing:
        raise BadAnswer(f"sku: {fields.shown(answer.get('sku'))} was answered when {listing} was asked for")


def _reasons(given: Any, where: str) -> str:
    """Why Amazon refuses, in its own words and short. Raises BadAnswer when it gives no reasons."""
    reasons = [_reason(each) for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    text = "; ".join(filter(None, reasons))
    if not text:
        raise BadAnswer(f"{where}: is missing or says nothing")
    return text[:500]


def _reason(given: Mapping[str, Any]) -> str:
    texts = [given[name] for name in ("code", "message") if isinstance(given.get(name), str)]
    return fields.words(" ".join(" ".join(texts).split())[:200]) or ""
