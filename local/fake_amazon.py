"""A stand-in for Amazon's Selling Partner API: orders (2026-01-01), listings items (2021-08-01), Login with Amazon.

Sources: Amazon's API models (amzn/selling-partner-api-models), its documentation of usage plans and of Login with
Amazon, and error answers that sellers have published. Only what is asked for is answered: the buyer and the recipient
are part of what is true, so that whoever asks for them is seen with them.
"""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from local.fake_api import (
    INT32,
    OPERATIONS,
    Answer,
    Bucket,
    FakeApi,
    Handler,
    Listing,
    Pages,
    Refusal,
    Request,
    Tokens,
    Truths,
    as_json,
    moment,
    seen_with,
    zulu,
)

INDIA: Final = "A21TJRUUN4KGV"
DATASETS: Final[Mapping[str, str]] = {
    "BUYER": "buyer",
    "RECIPIENT": "recipient",
    "PROCEEDS": "proceeds",
    "EXPENSE": "expense",
    "PROMOTION": "promotion",
    "CANCELLATION": "cancellation",
    "FULFILLMENT": "fulfillment",
    "PACKAGES": "packages",
    "TAX": "tax",
    "PAYMENT": "payment",
    "FULFILLMENT_ORDERS": "fulfillmentOrders",
}
"""What ``includedData`` can name, and the field that it brings, in the order and in each of its items."""

STATUSES: Final = frozenset(
    {"PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE"}
)
SHOWN: Final = ("summaries", "attributes", "issues", "offers", "fulfillmentAvailability", "procurement")
RATES: Final[Mapping[str, tuple[float, int]]] = {
    "fetch": (0.5, 30),
    "search": (0.0056, 20),
    "publish": (5.0, 5),
    "show": (5.0, 5),
}
"""Requests per second, and how many at once. Each operation has a bucket of its own."""

TWO_MINUTES: Final = timedelta(minutes=2)
"""So long before the request a search must end."""

_ORDER_ID: Final = re.compile(r"[0-9]{3}-[0-9]{7}-[0-9]{7}")
_ORDERS: Final = "/orders/2026-01-01/orders"
_LISTING: Final = re.compile(r"/listings/2021-08-01/items/([^/]+)/([^/]+)")
_SEARCHES: Final = frozenset(
    {"createdAfter", "createdBefore", "lastUpdatedAfter", "lastUpdatedBefore", "fulfillmentStatuses"}
    | {"marketplaceIds", "fulfilledBy", "maxResultsPerPage", "paginationToken", "includedData"}
)
_CHANNEL: Final = "DEFAULT"
"""The fulfilment channel of goods that the seller sends."""


class Amazon(FakeApi):
    """One seller's account. Thread-safe."""

    marketplace = "amazon"

    def __init__(
        self,
        account: str,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        seller_id: str,
        listings: Mapping[str, str],
        settle_seconds: float = 1.0,
    ) -> None:
        """``listings`` are product types by SKU, ``settle_seconds`` how long an accepted figure is not shown yet."""
        names = tuple(name for name in OPERATIONS if name != "returns")
        super().__init__(Tokens("Atza|", timedelta(hours=1)), names)
        self.account = account
        self._client = (client_id, client_secret)
        self._grant = refresh_token
        self._seller = seller_id
        self._listings = {sku: Listing(product_type) for sku, product_type in listings.items()}
        self._settle = timedelta(seconds=settle_seconds)
        self._orders = Truths()
        self._pages = Pages(timedelta(hours=24))
        self._buckets = {operation: Bucket(*rate) for operation, rate in RATES.items()}

    # --- what is true

    def put_order(self, order_id: str, body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Sets an order with all its datasets. A new one is a sale: Amazon offers so much less.

        ``createdTime`` and ``lastUpdatedTime`` are now if they are not said. ValueError names the field that is wrong.
        """
        order = copy.deepcopy(dict(body))
        order.setdefault("orderId", order_id)
        order.setdefault("createdTime", zulu(now))
        order.setdefault("lastUpdatedTime", zulu(now))
        order.setdefault("salesChannel", {"channelName": "AMAZON", "marketplaceId": INDIA})
        _check(_ORDER_ID.fullmatch(order_id) is not None, "orderId", "not 3, 7 and 7 digits with hyphens between")
        _check(order["orderId"] == order_id, "orderId", "another one than in the address")
        for name in ("createdTime", "lastUpdatedTime"):
            try:
                moment(order[name])
            except ValueError:
                raise ValueError(f"{name}: not an ISO 8601 time with an offset") from None
        channel = order["salesChannel"]
        _check(isinstance(channel, dict) and _is_text(channel.get("marketplaceId")), "salesChannel", "no marketplaceId")
        sent = order.get("fulfillment")
        _check(isinstance(sent, dict), "fulfillment", "not an object")
        status = sent.get("fulfillmentStatus") if isinstance(sent, dict) else None
        _check(status in STATUSES, "fulfillment.fulfillmentStatus", f"not one of {', '.join(sorted(STATUSES))}")
        _check(
            isinstance(sent, dict) and sent.get("fulfilledBy") in ("MERCHANT", "AMAZON"),
            "fulfillment.fulfilledBy",
            "not MERCHANT or AMAZON",
        )
        items = order.get("orderItems")
        _check(isinstance(items, list) and bool(items), "orderItems", "not a list with something in it")
        for number, item in enumerate(items or ()):
            _check_item(item, f"orderItems[{number}]")
        with self._lock:
            if (
                order_id not in self._orders
                and status != "CANCELLED"
                and order["fulfillment"]["fulfilledBy"] != "AMAZON"
            ):
                for item in order["orderItems"]:
                    listing = self._listings.get(item["product"]["sellerSku"])
                    if listing is not None:
                        listing.sell(item["quantityOrdered"], now)
            self._orders.put(order_id, order, now)
        return order

    def stock(self, now: datetime) -> list[dict[str, Any]]:
        """What a buyer sees of each listing."""
        with self._lock:
            for listing in self._listings.values():
                listing.settle(now)
            return [
                {
                    "marketplace": self.marketplace,
                    "account": self.account,
                    "listing": sku,
                    "quantity": listing.quantity,
                    "updated_at": zulu(listing.updated_at) if listing.updated_at else None,
                }
                for sku, listing in self._listings.items()
            ]

    def clear(self) -> None:
        """Forgets what is true, how often was asked, and the faults; keeps listings and tokens."""
        with self._lock:
            self._orders = Truths()
            self._buckets = {operation: Bucket(*rate) for operation, rate in RATES.items()}
            self.faults.clear()

    # --- the API

    def _route(self, request: Request) -> tuple[str, Handler] | None:
        method, path = request.method, request.path
        if (method, path) == ("POST", "/auth/o2/token"):
            return "token", self._token
        if (method, path) == ("GET", _ORDERS):
            return "search", self._search
        if method == "GET" and path.startswith(f"{_ORDERS}/"):
            return "fetch", self._fetch
        if _LISTING.fullmatch(path) and method in ("GET", "PATCH"):
            return ("publish", self._patch) if method == "PATCH" else ("show", self._show)
        return None

    def _allowed(self, request: Request, operation: str, handler: Handler, fault: Any) -> Answer:
        self._authorize(request)
        if not self._buckets[operation].take(request.now):
            return self._too_many()
        answer = handler(request, fault)
        limit = {"x-amzn-RateLimit-Limit": str(RATES[operation][0]), "x-amzn-RequestId": str(uuid.uuid4())}
        return answer._replace(headers=answer.headers | limit)

    def _unknown(self, request: Request) -> Answer:
        return _error(404, "NotFound", f"{request.method} {request.path} is unknown")

    def _too_many(self) -> Answer:
        return _error(429, "QuotaExceeded", _OVER_QUOTA)

    def _broken(self) -> Answer:
        return _error(500, "InternalFailure", "We encountered an internal error. Please try again.")

    def _no_grant(self) -> Answer:
        return as_json({"error": "invalid_grant", "error_description": "The request has an invalid grant"}, 400)

    def _authorize(self, request: Request) -> None:
        token = request.headers.get("x-amz-access-token")
        if not token:
            raise _denied("Access token is missing in the request header.")
        state = self._tokens.state(token, request.now)
        if state == "expired":
            raise _denied("The access token you provided has expired.")
        if state != "good":
            raise _denied("The access token you provided is revoked, malformed or invalid.")

    def _token(self, request: Request, fault: Any) -> Answer:
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return _lwa(400, "invalid_request", "The request is not a form")
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if form.get("grant_type") != "refresh_token":
            return _lwa(400, "unsupported_grant_type", "The grant type is not refresh_token")
        if (form.get("client_id"), form.get("client_secret")) != self._client:
            return _lwa(401, "invalid_client", "Client authentication failed")
        if form.get("refresh_token") != self._grant:
            return _lwa(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token")
        return as_json(
            {
                "access_token": self._tokens.give(request.now),
                "refresh_token": self._grant,
                "token_type": "bearer",
                "expires_in": int(self._tokens.good_for.total_seconds()),
            }
        )

    def _fetch(self, request: Request, fault: Any) -> Answer:
        order_id = unquote(request.path.removeprefix(f"{_ORDERS}/"))
        if not _ORDER_ID.fullmatch(order_id):
            raise _invalid()
        _refuse_others(request, {"includedData"})
        wanted = _datasets(request)
        seen = seen_with(fault, request.now)
        order = self._orders.get(order_id, seen)
        if fault is not None and fault.name == "wrong":
            others = [other for key, other in self._orders.all(seen).items() if key != order_id]
            order = next(iter(others), None) or (order and order | {"orderId": "999-0000000-0000000"})
        if order is None:
            raise Refusal(_error(404, "NotFound", "The requested order was not found."))
        return as_json({"order": _part(order, wanted)})

    def _search(self, request: Request, fault: Any) -> Answer:
        _refuse_others(request, _SEARCHES)
        asked = {name: _one(request, name) for name in _SEARCHES if name in request.query}
        size = _page_size(asked.get("maxResultsPerPage"))
        wanted = _datasets(request)
        changed = "lastUpdatedAfter" in asked
        start, end = _bounds(asked, request.now)
        criteria = {
            name: text
            for name, text in asked.items()
            if name not in ("maxResultsPerPage", "paginationToken", "includedData")
        }
        statuses, marketplaces, senders = (
            set(filter(None, asked.get(name, "").split(",")))
            for name in ("fulfillmentStatuses", "marketplaceIds", "fulfilledBy")
        )
        if statuses - STATUSES or senders - {"MERCHANT", "AMAZON"} or len(marketplaces) > 50:
            raise _invalid()
        token, seen = asked.get("paginationToken"), seen_with(fault, request.now)
        if token is None:
            keys = [
                key
                for key, order in self._orders.all(seen).items()
                if start <= moment(order["lastUpdatedTime" if changed else "createdTime"]) <= end
                and (not statuses or order["fulfillment"]["fulfillmentStatus"] in statuses)
                and (not marketplaces or order["salesChannel"]["marketplaceId"] in marketplaces)
                and (not senders or order["fulfillment"]["fulfilledBy"] in senders)
            ]
        else:
            page = self._pages.find(token, request.now)
            if page is None or page.asked != criteria:
                raise _invalid()
            keys = page.keys
        shown = [_part(order, wanted) for key in keys[:size] if (order := self._orders.get(key, seen)) is not None]
        loops = fault is not None and fault.name == "loop"
        rest = keys if loops else keys[size:]
        body: dict[str, Any] = {"orders": shown}
        if rest or loops:
            following = token if loops and token else self._pages.keep(criteria, rest, size, request.now)
            body["pagination"] = {"nextToken": following}
        body["lastUpdatedBefore" if changed else "createdBefore"] = zulu(end)
        return as_json(body)

    def _listing(self, request: Request) -> tuple[str, Listing]:
        found = _LISTING.fullmatch(request.path)
        assert found is not None  # noqa: S101 the route was found by it
        seller, sku = (unquote(part) for part in found.groups())
        if seller != self._seller:
            raise _denied("")
        if _one(request, "marketplaceIds") != INDIA:
            raise _invalid("marketplaceIds")
        if sku not in self._listings:
            raise Refusal(_error(404, "NotFound", f"SKU '{sku}' not found in marketplace {INDIA}"))
        self._listings[sku].settle(request.now)
        return sku, self._listings[sku]

    def _patch(self, request: Request, fault: Any) -> Answer:
        _refuse_others(request, {"marketplaceIds", "includedData", "mode", "issueLocale"})
        sku, listing = self._listing(request)
        try:
            asked = request.object()
        except ValueError:
            raise _invalid() from None
        patches = asked.get("patches")
        if not _is_text(asked.get("productType")) or not isinstance(patches, list) or not patches:
            raise _invalid()
        for number, patch in enumerate(patches):
            _check_patch(patch, number)
        issues = [] if asked["productType"] == listing.identity else [_UNKNOWN_TYPE]
        units: int | None = None
        for patch in patches:
            name = patch["path"].removeprefix("/attributes/")
            if name != "fulfillment_availability" or patch["op"] == "delete":
                issues.append(_issue("90000900", "The attributes are invalid.", name))
                continue
            units, wrong = _availability(patch["value"])
            issues.extend(wrong)
        if not issues and units is not None:
            listing.due.append((request.now + self._settle, units))
        status = "INVALID" if issues else "ACCEPTED"
        return as_json({"sku": sku, "status": status, "submissionId": uuid.uuid4().hex, "issues": issues})

    def _show(self, request: Request, fault: Any) -> Answer:
        _refuse_others(request, {"marketplaceIds", "includedData", "issueLocale"})
        sku, listing = self._listing(request)
        wanted = (_one(request, "includedData") if "includedData" in request.query else "summaries").split(",")
        if set(wanted) - set(SHOWN):
            raise _invalid("includedData")
        shown: dict[str, Any] = {
            "summaries": [
                {
                    "marketplaceId": INDIA,
                    "asin": "B0HUNARDEM",
                    "productType": listing.identity,
                    "conditionType": "new_new",
                    "status": ["BUYABLE", "DISCOVERABLE"] if listing.quantity else ["DISCOVERABLE"],
                    "itemName": sku,
                    "createdDate": "2026-01-01T00:00:00Z",
                    "lastUpdatedDate": zulu(listing.updated_at) if listing.updated_at else "2026-01-01T00:00:00Z",
                }
            ],
            "attributes": {
                "fulfillment_availability": [
                    {"fulfillment_channel_code": _CHANNEL, "quantity": listing.quantity, "marketplace_id": INDIA}
                ]
            },
            "issues": [],
            "offers": [],
            "fulfillmentAvailability": [{"fulfillmentChannelCode": _CHANNEL, "quantity": listing.quantity}],
            "procurement": [],
        }
        return as_json({"sku": sku} | {name: shown[name] for name in SHOWN if name in wanted})


_OVER_QUOTA: Final = "You exceeded your quota for the requested resource."


def _error(status: int, code: str, message: str, details: str = "") -> Answer:
    return as_json({"errors": [{"code": code, "message": message, "details": details}]}, status)


def _denied(details: str) -> Refusal:
    return Refusal(_error(403, "Unauthorized", "Access to requested resource is denied.", details))


def _invalid(details: str = "") -> Refusal:
    said = "The input you have submitted is not valid. Please check your input and try again."
    return Refusal(_error(400, "InvalidInput", said, details))


def _lwa(status: int, error: str, description: str) -> Answer:
    return as_json({"error": error, "error_description": description}, status)


def _issue(code: str, message: str, *attributes: str) -> dict[str, Any]:
    return {"code": code, "message": message, "severity": "ERROR", "attributeNames": list(attributes), "categories": []}


_UNKNOWN_TYPE: Final = _issue("4000003", "The Amazon product type specified is invalid or not supported.")


def _refuse_others(request: Request, known: set[str] | frozenset[str]) -> None:
    if unknown := sorted(request.query.keys() - known):
        raise _invalid(unknown[0])


def _one(request: Request, name: str) -> str:
    """A parameter, lists separated by commas. One that is given twice, or with nothing in it, is not valid."""
    values = request.query.get(name, [])
    if len(values) != 1 or not values[0]:
        raise _invalid(name)
    return values[0]


def _datasets(request: Request) -> set[str]:
    if "includedData" not in request.query:
        return set()
    wanted = set(_one(request, "includedData").split(","))
    if wanted - DATASETS.keys():
        raise _invalid("includedData")
    return wanted


def _part(order: Mapping[str, Any], wanted: set[str]) -> dict[str, Any]:
    """The order without the datasets that were not asked for."""
    hidden = {field for name, field in DATASETS.items() if name not in wanted}
    shown = {name: value for name, value in order.items() if name not in hidden}
    items = [{name: value for name, value in item.items() if name not in hidden} for item in order["orderItems"]]
    return shown | {"orderItems": items}


def _page_size(text: str | None) -> int:
    if text is None:
        return 100
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 100:
        raise _invalid("maxResultsPerPage")
    return int(text)


def _bounds(asked: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """From when to when: by creation or by change, never both, and never up to the last two minutes."""
    kinds = [kind for kind in ("created", "lastUpdated") if f"{kind}After" in asked]
    foreign = {"created": "lastUpdatedBefore", "lastUpdated": "createdBefore"}
    if len(kinds) != 1 or foreign[kinds[0]] in asked:
        raise _invalid()
    try:
        start = moment(asked[f"{kinds[0]}After"])
        end = moment(asked[f"{kinds[0]}Before"]) if f"{kinds[0]}Before" in asked else now - TWO_MINUTES
    except ValueError:
        raise _invalid() from None
    if f"{kinds[0]}Before" in asked and (end < start or end > now - TWO_MINUTES):
        raise _invalid()
    return start, end


def _check_patch(patch: Any, number: int) -> None:
    if not isinstance(patch, dict) or patch.get("op") not in ("add", "replace", "merge", "delete"):
        raise _invalid()
    if not isinstance(patch.get("path"), str) or not patch["path"].startswith("/attributes/"):
        raise _invalid()
    if patch["op"] != "delete" and not (isinstance(patch.get("value"), list) and patch["value"]):
        raise Refusal(_error(400, "InvalidInput", f"Value is missing for patch at index of {number}."))


def _availability(values: list[Any]) -> tuple[int | None, list[dict[str, Any]]]:
    """The units that a patch says, and what is wrong with it."""
    name = "fulfillment_availability"
    [value, *others] = values
    if (
        others
        or not isinstance(value, dict)
        or value.keys() - {"fulfillment_channel_code", "quantity", "marketplace_id"}
    ):
        return None, [_issue("90000900", "The attributes are invalid.", name)]
    if value.get("marketplace_id", INDIA) != INDIA:
        return None, [_issue("90000900", "The marketplace is not valid.", name)]
    if "fulfillment_channel_code" not in value:
        said = f"The field 'fulfillment_channel_code' for the attribute '{name}' does not have enough values."
        return None, [_issue("90220", said, name)]
    if value["fulfillment_channel_code"] != _CHANNEL:
        return None, [_issue("90244", "The fulfillment channel code is not valid.", name)]
    units = value.get("quantity")
    if type(units) is not int or not 0 <= units < INT32:
        return None, [_issue("90244", f"'{json.dumps(units)}' is not a valid quantity.", name)]
    return units, []


def _check(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise ValueError(f"{name}: {what}")


def _check_item(item: Any, where: str) -> None:
    _check(isinstance(item, dict), where, "not an object")
    _check(_is_text(item.get("orderItemId")), f"{where}.orderItemId", "not a text, or empty")
    units = item.get("quantityOrdered")
    _check(type(units) is int and 0 <= units < INT32, f"{where}.quantityOrdered", "not a whole number of at least 0")
    product = item.get("product")
    named = isinstance(product, dict) and _is_text(product.get("sellerSku"))
    _check(named, f"{where}.product.sellerSku", "not a text, or empty")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
