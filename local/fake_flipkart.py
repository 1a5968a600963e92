"""A stand-in for Flipkart's Seller API: shipments (v3), returns (v2), listings (v3) and the token service.

Sources: Flipkart's API documentation (seller.flipkart.com/api-docs and Flipkart/fk-api-platform-docs) and answers
that others have published. What the documentation leaves open is answered in the way that asks most of a caller:
shipments come in no useful order, ``nextPageUrl`` is there on the last page, too, and lacks the ``/sellers`` of the
address, held shipments are not among those that wait for dispatch unless they are asked for.
"""

from __future__ import annotations

import base64
import binascii
import copy
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import unquote

from local.fake_api import (
    INT32,
    OPERATIONS,
    Answer,
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

STATES: Final[Mapping[str, frozenset[str]]] = {
    "preDispatch": frozenset({"APPROVED", "PACKING_IN_PROGRESS", "PACKED", "FORM_FAILED", "READY_TO_DISPATCH"}),
    "postDispatch": frozenset({"PICKUP_COMPLETE", "SHIPPED", "DELIVERED"}),
    "cancelled": frozenset({"CANCELLED"}),
}
"""The states that a search can name, by its type."""

ITEM_STATES: Final = frozenset().union(*STATES.values()) | {"RETURN_REQUESTED", "RETURNED", "COMPLETED"}
CANCELLATIONS: Final = ("sellerCancellation", "buyerCancellation", "marketplaceCancellation")
RANGES: Final = ("orderDate", "dispatchAfterDate", "dispatchByDate", "modifiedDate", "cancellationDate")
FILTERS: Final = frozenset(
    {"type", "states", "locationId", "sku", "hold", "mps", "cancellationType", "serviceProfiles", "shipmentTypes"}
    | {"dispatchServiceTiers", *RANGES}
)
SORTS: Final = ("dispatchByDate", "orderDate", "modifiedDate", "dispatchAfterDate")
MOST_SHIPMENTS: Final = 100
MOST_ON_PAGE: Final = 20
MOST_RETURNS: Final = 25
MOST_LISTINGS: Final = 10
SOURCES: Final = ("customer_return", "courier_return")
IST: Final = timezone(timedelta(hours=5, minutes=30))


class Flipkart(FakeApi):
    """One seller's account. Thread-safe."""

    marketplace = "flipkart"

    def __init__(
        self, account: str, client_id: str, client_secret: str, location_id: str, listings: Mapping[str, str]
    ) -> None:
        """``listings`` are FSNs by the seller's SKU. Of each there are 0 until somebody says otherwise."""
        super().__init__(Tokens("", timedelta(days=60)), OPERATIONS)
        self.account = account
        self._proof = (client_id, client_secret)
        self._location = location_id
        self._listings = {sku: Listing(fsn) for sku, fsn in listings.items()}
        self._shipments = Truths()
        self._returns = Truths()
        self._pages = Pages(timedelta(minutes=30))
        self._return_pages = Pages(timedelta(minutes=30))

    # --- what is true

    def put_shipment(self, shipment_id: str, body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Sets a shipment as the API is to show it. A new one is a sale: the channel offers so much less.

        ``updatedAt`` is now if it is not said. ValueError names the field that is wrong.
        """
        shipment = copy.deepcopy(dict(body))
        shipment.setdefault("shipmentId", shipment_id)
        shipment.setdefault("updatedAt", now.astimezone(IST).isoformat(timespec="milliseconds"))
        shipment.setdefault("locationId", self._location)
        shipment.setdefault("hold", False)
        _check(shipment["shipmentId"] == shipment_id, "shipmentId", "another one than in the address")
        _check_moment(shipment, "updatedAt")
        _check(isinstance(shipment["hold"], bool), "hold", "not true or false")
        _check(isinstance(shipment["locationId"], str), "locationId", "not a text")
        items = shipment.get("orderItems")
        _check(isinstance(items, list) and bool(items), "orderItems", "not a list with something in it")
        for number, item in enumerate(items or ()):
            _check_item(item, f"orderItems[{number}]")
        with self._lock:
            if shipment_id not in self._shipments:
                for item in shipment["orderItems"]:
                    if item["status"] != "CANCELLED" and item["sku"] in self._listings:
                        self._listings[item["sku"]].sell(item["quantity"], now)
            self._shipments.put(shipment_id, shipment, now)
        return shipment

    def put_return(self, return_id: str, body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Sets one entry of ``returnItems``. ``updatedDate`` is now if it is not said. ValueError names the field."""
        entry = copy.deepcopy(dict(body))
        stamp = now.astimezone(IST).isoformat(timespec="milliseconds")
        entry.setdefault("returnId", return_id)
        entry.setdefault("createdDate", stamp)
        entry.setdefault("updatedDate", stamp)
        entry.setdefault("locationId", self._location)
        _check(entry["returnId"] == return_id, "returnId", "another one than in the address")
        _check(entry.get("type") in SOURCES, "type", f"not one of {', '.join(SOURCES)}")
        _check(_units(entry.get("quantity"), 1), "quantity", "not a whole number of at least 1")
        for name in ("orderItemId", "shipmentId", "status"):
            _check(_is_text(entry.get(name)), name, "not a text, or empty")
        for name in ("createdDate", "updatedDate"):
            _check_moment(entry, name)
        with self._lock:
            self._returns.put(return_id, entry, now)
        return entry

    def stock(self, now: datetime) -> list[dict[str, Any]]:
        """What a buyer sees of each listing."""
        with self._lock:
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
        """Forgets what is true and the faults; keeps listings and tokens."""
        with self._lock:
            self._shipments, self._returns = Truths(), Truths()
            self.faults.clear()

    # --- the API

    def _route(self, request: Request) -> tuple[str, Handler] | None:
        path = request.path.rstrip("/")
        fixed: dict[tuple[str, str], tuple[str, Handler]] = {
            ("GET", "/oauth-service/oauth/token"): ("token", self._token),
            ("GET", "/sellers/v3/shipments"): ("fetch", self._fetch),
            ("POST", "/sellers/v3/shipments/filter"): ("search", self._search),
            ("GET", "/sellers/v3/shipments/filter"): ("search", self._further),
            ("GET", "/sellers/v2/returns"): ("returns", self._search_returns),
            ("POST", "/sellers/listings/v3/update/inventory"): ("publish", self._publish),
        }
        if (request.method, path) in fixed:
            return fixed[request.method, path]
        if request.method == "GET" and re.fullmatch(r"/sellers/listings/v3/[^/]+", path):
            return "show", self._show
        return None

    def _unknown(self, request: Request) -> Answer:
        return _error(404, "NOT_FOUND", f"{request.method} {request.path} is unknown")

    def _too_many(self) -> Answer:
        return _error(429, "TOO_MANY_REQUESTS", "Too many requests")

    def _broken(self) -> Answer:
        return as_json({"errorId": str(uuid.uuid4()), "error": "Internal Server Error"}, 500)

    def _no_grant(self) -> Answer:
        return as_json({"error": "unauthorized", "error_description": "Bad credentials"}, 401)

    def _authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            said = "Full authentication is required to access this resource"
            raise Refusal(as_json({"error": "unauthorized", "error_description": said}, 401))
        state = self._tokens.state(token, request.now)
        if state != "good":
            said = "Access token expired" if state == "expired" else "Invalid access token"
            raise Refusal(as_json({"error": "invalid_token", "error_description": f"{said}: {token}"}, 401))

    def _token(self, request: Request, fault: Any) -> Answer:
        scheme, _, proof = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(proof, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        client_id, _, secret = given.partition(":")
        if scheme != "Basic" or (client_id, secret) != self._proof:
            return as_json({"error": "unauthorized", "error_description": "Bad credentials"}, 401)
        if request.query.get("grant_type") != ["client_credentials"]:
            return as_json({"error": "unsupported_grant_type", "error_description": "Unsupported grant type"}, 400)
        if request.query.get("scope") != ["Seller_Api"]:
            return as_json({"error": "invalid_scope", "error_description": "Invalid scope"}, 400)
        seconds = int(self._tokens.good_for.total_seconds()) - 1
        return as_json(
            {
                "access_token": self._tokens.give(request.now),
                "token_type": "bearer",
                "expires_in": seconds,
                "scope": "Seller_Api",
            }
        )

    def _fetch(self, request: Request, fault: Any) -> Answer:
        kinds = ("shipmentIds", "orderItemIds", "orderIds")
        if len(request.query) != 1 or next(iter(request.query)) not in kinds:
            raise _bad(f"exactly one of {', '.join(kinds)} is accepted")
        [(kind, values)] = request.query.items()
        wanted = _listed(values, kind, MOST_SHIPMENTS)
        truths = self._shipments.all(seen_with(fault, request.now))

        def named(shipment: Mapping[str, Any]) -> set[str]:
            if kind == "shipmentIds":
                return {shipment["shipmentId"]}
            return {str(item.get(kind.removesuffix("s"))) for item in shipment["orderItems"]}

        found = [shipment for shipment in truths.values() if named(shipment) & wanted]
        if fault is not None and fault.name == "wrong":
            others = [shipment for shipment in truths.values() if not named(shipment) & wanted]
            found = others[:1] or [shipment | {"shipmentId": str(uuid.uuid4())} for shipment in found]
        return as_json({"shipments": found})

    def _search(self, request: Request, fault: Any) -> Answer:
        try:
            asked = request.object()
        except ValueError:
            raise _bad("the body is not a JSON object") from None
        _refuse_others(asked, {"filter", "pagination", "sort", "sellerId"}, "")
        wanted = asked.get("filter")
        if not isinstance(wanted, dict):
            raise _bad("filter: mandatory")
        _check_filter(wanted)
        size = _page_size(asked.get("pagination"))
        field, falling = _sorting(asked.get("sort"))
        truths = self._shipments.all(seen_with(fault, request.now))
        found = [shipment for shipment in truths.values() if _fits(shipment, wanted)]
        if field:
            found.sort(key=lambda shipment: _sort_key(shipment, field), reverse=falling)
        return self._shipment_page(wanted, [shipment["shipmentId"] for shipment in found], size, request, fault)

    def _further(self, request: Request, fault: Any) -> Answer:
        token = request.query.get("next_token", [""])[0]
        page = self._pages.find(token, request.now)
        if page is None or len(request.query) != 1:
            raise _bad("next_token: not known, or too old")
        return self._shipment_page(page.asked, page.keys, page.size, request, fault, token)

    def _shipment_page(
        self, wanted: Any, keys: list[str], size: int, request: Request, fault: Any, token: str = ""
    ) -> Answer:
        seen = seen_with(fault, request.now)
        shown = [shipment for key in keys[:size] if (shipment := self._shipments.get(key, seen)) is not None]
        loops = fault is not None and fault.name == "loop"
        rest = keys if loops else keys[size:]
        following = token if loops and token else self._pages.keep(wanted, rest, size, request.now)
        url = f"/v3/shipments/filter?next_token={following}"
        return as_json({"nextPageUrl": url, "hasMore": bool(rest) or loops, "shipments": shown})

    def _search_returns(self, request: Request, fault: Any) -> Answer:
        query = {name: values[0] for name, values in request.query.items()}
        if any(len(values) != 1 for values in request.query.values()):
            raise _bad("a parameter is given twice")
        if "next_token" in query:
            page = self._return_pages.find(query["next_token"], request.now)
            if page is None or len(query) != 1:
                raise _bad("next_token: not known, or too old")
            return self._return_page(page.keys, request, fault, query["next_token"])
        ids = {name: query.pop(name) for name in ("returnIds", "trackingIds") if name in query}
        _refuse_others(query, {"source", "locationId", *_RETURN_TIMES}, "")
        if query.get("source") not in (*SOURCES, None) or not (ids or "source" in query):
            raise _bad(f"source: mandatory, one of {', '.join(SOURCES)}")
        bounds = {name: _bound(query[name], name) for name in _RETURN_TIMES if name in query}
        wanted = {name: _listed([text], name, MOST_RETURNS) for name, text in ids.items()}
        truths = self._returns.all(seen_with(fault, request.now))
        found = [
            key
            for key, entry in truths.items()
            if query.get("source") in (entry["type"], None)
            and query.get("locationId") in (entry["locationId"], None)
            and all(str(entry.get(name.removesuffix("s"))) in values for name, values in wanted.items())
            and all(_within(moment(entry[_RETURN_TIMES[name][0]]), at, name) for name, at in bounds.items())
        ]
        return self._return_page(found, request, fault)

    def _return_page(self, keys: list[str], request: Request, fault: Any, token: str = "") -> Answer:
        seen = seen_with(fault, request.now)
        shown = [entry for key in keys[:MOST_RETURNS] if (entry := self._returns.get(key, seen)) is not None]
        loops = fault is not None and fault.name == "loop"
        rest = keys if loops else keys[MOST_RETURNS:]
        following = token if loops and token else self._return_pages.keep(None, rest, MOST_RETURNS, request.now)
        more = bool(rest) or loops
        url = f"/v2/returns?next_token={following}" if more else ""
        return as_json({"hasMore": more, "nextUrl": url, "returnItems": shown})

    def _publish(self, request: Request, fault: Any) -> Answer:
        try:
            asked = request.object()
        except ValueError:
            raise _bad("the body is not a JSON object") from None
        if not 1 <= len(asked) <= MOST_LISTINGS:
            raise _bad(f"1 to {MOST_LISTINGS} SKUs are accepted")
        return as_json({sku: self._publish_one(sku, said, request.now) for sku, said in asked.items()})

    def _publish_one(self, sku: str, said: Any, now: datetime) -> dict[str, Any]:
        listing = self._listings.get(sku)
        if listing is None:
            return _failure(1001, "SKU_NOT_FOUND: there is no listing of this SKU", "sku")
        if not isinstance(said, dict) or said.get("product_id") != listing.identity:
            return _failure(1002, "the product id does not belong to the SKU", "product_id")
        places = said.get("locations")
        if not isinstance(places, list) or len(places) != 1 or not isinstance(places[0], dict):
            return _failure(1003, "one location is needed", "locations")
        [place] = places
        if place.get("id") != self._location:
            return _failure(1004, "the location is not one of the seller's", "locations[0].id")
        if place.get("status") not in ("ENABLED", "DISABLED"):
            return _failure(1005, "the status is ENABLED or DISABLED", "locations[0].status")
        if not _units(place.get("inventory"), 0):
            return _failure(1006, "the inventory is a whole number of at least 0", "locations[0].inventory")
        listing.quantity, listing.updated_at = place["inventory"], now
        return {"status": "SUCCESS", "errors": [], "attribute_errors": []}

    def _show(self, request: Request, fault: Any) -> Answer:
        names = unquote(request.path.rstrip("/").rpartition("/")[2]).split(",")
        if len(names) > MOST_LISTINGS:
            raise _bad(f"at most {MOST_LISTINGS} SKUs are accepted")
        shown = {sku: self._shown(sku, self._listings[sku]) for sku in names if sku in self._listings}
        return as_json({"available": shown, "unavailable": [sku for sku in names if sku not in shown], "invalid": []})

    def _shown(self, sku: str, listing: Listing) -> dict[str, Any]:
        return {
            "listing_id": f"LST{listing.identity}",
            "product_id": listing.identity,
            "price": {"mrp": 9999, "selling_price": 999, "currency": "INR"},
            "listing_status": "ACTIVE" if listing.quantity else "INACTIVE",
            "fulfillment_profile": "NON_FBF",
            "locations": [{"id": self._location, "status": "ENABLED", "inventory": listing.quantity}],
            "archived_status": "NONE",
        }


_RETURN_TIMES: Final = {
    "modifiedAfter": ("updatedDate", "from"),
    "modifiedBefore": ("updatedDate", "to"),
    "createdAfter": ("createdDate", "from"),
    "createdBefore": ("createdDate", "to"),
}


def _within(at: datetime, bound: datetime, name: str) -> bool:
    return at >= bound if _RETURN_TIMES[name][1] == "from" else at <= bound


def _error(status: int, code: str, message: str) -> Answer:
    return as_json({"errors": [{"errorCode": code, "errorMessage": message}]}, status)


def _bad(message: str) -> Refusal:
    return Refusal(_error(400, "BAD_REQUEST", message))


def _failure(code: int, description: str, path: str) -> dict[str, Any]:
    error = {"severity": "ERROR", "code": code, "description": description, "path": path}
    return {"status": "FAILURE", "errors": [error], "attribute_errors": []}


def _refuse_others(given: Mapping[str, Any], known: set[str] | frozenset[str], where: str) -> None:
    if unknown := sorted(given.keys() - known):
        raise _bad(f"{where}{unknown[0]}: unknown")


def _listed(values: list[str], name: str, most: int) -> set[str]:
    """The ids of a comma-separated parameter."""
    ids = values[0].split(",") if len(values) == 1 else []
    if not all(ids) or not 1 <= len(ids) <= most:
        raise _bad(f"{name}: 1 to {most} ids, separated by commas")
    return set(ids)


def _bound(text: Any, name: str) -> datetime:
    try:
        return moment(text)
    except ValueError:
        raise _bad(f"{name}: not an ISO 8601 time with an offset") from None


def _check_filter(wanted: Mapping[str, Any]) -> None:
    _refuse_others(wanted, FILTERS, "filter.")
    kind, states = str(wanted.get("type")), wanted.get("states")
    if kind not in STATES:
        raise _bad(f"filter.type: mandatory, one of {', '.join(STATES)}")
    if not isinstance(states, list) or not states or not all(isinstance(state, str) for state in states):
        raise _bad("filter.states: mandatory, a list with something in it")
    if foreign := sorted(set(states) - STATES[kind]):
        raise _bad(f"filter.states: {foreign[0]} does not go with {kind}")
    if kind == "cancelled" and wanted.get("cancellationType") not in CANCELLATIONS:
        raise _bad(f"filter.cancellationType: mandatory with cancelled, one of {', '.join(CANCELLATIONS)}")
    for name in ("hold", "mps"):
        if not isinstance(wanted.get(name, False), bool):
            raise _bad(f"filter.{name}: not true or false")
    if "hold" in wanted and kind != "preDispatch":
        raise _bad("filter.hold: goes with preDispatch only")
    for name in ("sku", "serviceProfiles", "shipmentTypes", "dispatchServiceTiers"):
        if name in wanted and not (isinstance(wanted[name], list) and all(map(_is_text, wanted[name]))):
            raise _bad(f"filter.{name}: not a list of texts")
    for name in RANGES:
        if name in wanted:
            start, end = _range(wanted[name], f"filter.{name}")
            if start is not None and end is not None and start > end:
                raise _bad(f"filter.{name}: from is after to")


def _range(given: Any, name: str) -> tuple[datetime | None, datetime | None]:
    if not isinstance(given, dict) or not given or given.keys() - {"from", "to"}:
        raise _bad(f"{name}: from and to are accepted")
    start, end = (_bound(given[side], f"{name}.{side}") if side in given else None for side in ("from", "to"))
    return start, end


def _page_size(given: Any) -> int:
    if given is None:
        return MOST_ON_PAGE
    if not isinstance(given, dict) or given.keys() != {"pageSize"} or not _units(given["pageSize"], 1):
        raise _bad("pagination.pageSize: not a whole number of at least 1")
    if given["pageSize"] > MOST_ON_PAGE:
        raise _bad(f"pagination.pageSize: at most {MOST_ON_PAGE}")
    return int(given["pageSize"])


def _sorting(given: Any) -> tuple[str, bool]:
    if given is None:
        return "", False
    if not isinstance(given, dict) or given.get("field") not in SORTS or given.get("order") not in ("asc", "desc"):
        raise _bad(f"sort: field is one of {', '.join(SORTS)}, order is asc or desc")
    return given["field"], given["order"] == "desc"


def _times(shipment: Mapping[str, Any], name: str) -> list[datetime]:
    """What a range of this name looks at. Order items have dates of their own."""
    if name in ("orderDate", "cancellationDate"):
        said = [item.get(name) for item in shipment["orderItems"]]
    else:
        said = [shipment.get({"modifiedDate": "updatedAt"}.get(name, name))]
    return [moment(text) for text in said if text]


def _sort_key(shipment: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    times = _times(shipment, name)
    return (bool(times), min(times, default=None))


def _fits(shipment: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    kind = wanted["type"]
    items = [item for item in shipment["orderItems"] if item["status"] in wanted["states"]]
    if kind == "cancelled":
        items = [item for item in items if _who_cancelled(item) == wanted["cancellationType"]]
    if "sku" in wanted:
        items = [item for item in items if item["sku"] in wanted["sku"]]
    profiles = wanted.get("serviceProfiles", ["NON_FBF"])
    items = [item for item in items if item.get("serviceProfile", "NON_FBF") in profiles]
    if not items or wanted.get("locationId") not in (shipment["locationId"], None):
        return False
    # Held shipments are left out unless they are asked for; a caller who forgets that never sees a held order.
    if kind == "preDispatch" and shipment["hold"] != wanted.get("hold", False):
        return False
    for name in RANGES:
        if name in wanted:
            start, end = _range(wanted[name], name)
            times = _times(shipment, name)
            if not any((start is None or at >= start) and (end is None or at <= end) for at in times):
                return False
    return True


def _who_cancelled(item: Mapping[str, Any]) -> str:
    reason = str(item.get("cancellationReason", "")).lower()
    who = next((who for who in ("seller", "buyer") if who in reason), "marketplace")
    return f"{who}Cancellation"


def _check(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise ValueError(f"{name}: {what}")


def _check_moment(content: Mapping[str, Any], name: str) -> None:
    try:
        moment(content[name])
    except ValueError:
        raise ValueError(f"{name}: not an ISO 8601 time with an offset") from None


def _check_item(item: Any, where: str) -> None:
    _check(isinstance(item, dict), where, "not an object")
    for name in ("orderItemId", "sku"):
        _check(_is_text(item.get(name)), f"{where}.{name}", "not a text, or empty")
    _check(item.get("status") in ITEM_STATES, f"{where}.status", f"not one of {', '.join(sorted(ITEM_STATES))}")
    _check(_units(item.get("quantity"), 0), f"{where}.quantity", "not a whole number of at least 0")
    for name in ("orderDate", "cancellationDate"):
        if item.get(name) is not None:
            try:
                moment(item[name])
            except ValueError:
                raise ValueError(f"{where}.{name}: not an ISO 8601 time with an offset") from None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _units(value: Any, least: int) -> bool:
    return type(value) is int and least <= value < INT32
