"""Flipkart's Seller API, version 3 (returns: version 2): calls as they are documented, and what the answers state.

=====================================  ====================================================================
an order item's ``status``             step
=====================================  ====================================================================
APPROVED, PACKING_IN_PROGRESS          none yet
FORM_FAILED                            none; the papers failed: FormFailed
PACKED                                 packed
READY_TO_DISPATCH                      ready
PICKUP_COMPLETE                        picked_up
SHIPPED                                shipped
DELIVERED, COMPLETED                   delivered
RETURN_REQUESTED, RETURNED             delivered when ``courierReturn`` is false: the buyer had it; else
                                       shipped: the courier brings back what nobody took
CANCELLED                              counts for no step
=====================================  ====================================================================

A shipment states one Placed and one Stated per order item, the step of the item that is least far, and a Snapshot. One
item can stand in several entries, one for the units that were cancelled: the quantities add up. All facts have the time
``updatedAt``; without it a shipment is rejected, because nothing could tell an old copy of it from a new one.

A return states ReturnRequested, a ReturnStep for its status, its tracking number and the expected day, all at
``updatedDate``. Flipkart publishes no statuses for this answer; they are read as the notifications write them.

Shapes are those of Flipkart/fk-api-platform-docs; the filter's ``hold``, its defaults and what it asks of cancelled
shipments those of seller.flipkart.com/api-docs, PostShipmentSearch.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from hunar.domain.channel import (
    LATER,
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
from hunar.domain.facts import (
    LEFT,
    MARKETPLACE,
    STEPS,
    Fact,
    FormFailed,
    Placed,
    ReturnNoted,
    ReturnRequested,
    ReturnStep,
    Snapshot,
    Stated,
    Step,
)
from hunar.domain.reading import Finding, Reading
from hunar.marketplaces import fields
from hunar.marketplaces.body import Shape, Unreadable, read_object, redacted, written
from hunar.marketplaces.flipkart_fields import SOLD, SOURCES, item_id, leaves, read_item

SHIPMENTS: Final = "shipments"
SEARCH_SHIPMENTS: Final = "search_shipments"
RETURNS: Final = "returns"
SEARCH_RETURNS: Final = "search_returns"
UPDATE_INVENTORY: Final = "update_inventory"
LISTINGS: Final = "listings"

RATES: Final[Mapping[str, Rate]] = {
    SHIPMENTS: Rate(every_ms=500, burst=10),
    SEARCH_SHIPMENTS: Rate(every_ms=1_000, burst=5),
    RETURNS: Rate(every_ms=500, burst=10),
    SEARCH_RETURNS: Rate(every_ms=1_000, burst=5),
    UPDATE_INVENTORY: Rate(every_ms=500, burst=5),
    LISTINGS: Rate(every_ms=1_000, burst=5),
}
"""Flipkart publishes none. An agency with a thousand orders a month stays far below these, also after an outage."""

_SHIPMENTS_PATH: Final = "/sellers/v3/shipments"
_FILTER_PATH: Final = "/sellers/v3/shipments/filter"
_RETURNS_PATH: Final = "/sellers/v2/returns"
_INVENTORY_PATH: Final = "/sellers/listings/v3/update/inventory"
_LISTINGS_PATH: Final = "/sellers/listings/v3/"
_HOSTS: Final = ("api.flipkart.net", "sandbox-api.flipkart.net")

_BEFORE_DISPATCH: Final = ["APPROVED", "PACKING_IN_PROGRESS", "FORM_FAILED", "PACKED", "READY_TO_DISPATCH"]
_AFTER_DISPATCH: Final = ["PICKUP_COMPLETE", "SHIPPED", "DELIVERED"]
"""The three that Flipkart documents for ``postDispatch``. What comes back from there is found by the returns."""
_FILTERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "pre_dispatch": {"type": "preDispatch", "states": _BEFORE_DISPATCH, "hold": False},
    "pre_dispatch_held": {"type": "preDispatch", "states": _BEFORE_DISPATCH, "hold": True},
    "post_dispatch": {"type": "postDispatch", "states": _AFTER_DISPATCH},
    "cancelled_by_buyer": {"type": "cancelled", "states": ["CANCELLED"], "cancellationType": "buyerCancellation"},
    "cancelled_by_seller": {"type": "cancelled", "states": ["CANCELLED"], "cancellationType": "sellerCancellation"},
    "cancelled_by_marketplace": {
        "type": "cancelled",
        "states": ["CANCELLED"],
        "cancellationType": "marketplaceCancellation",
    },
}
"""``hold`` means false when it is left out, and a cancellation must be asked for by who made it: each is a question of
its own."""
_RETURN_SOURCES: Final = {"customer_returns": "customer_return", "courier_returns": "courier_return"}
SEARCHES: Final[Sequence[str]] = (*_FILTERS, *_RETURN_SOURCES)
LEAST_LAG: Final = timedelta(0)
_PROFILES: Final = ["NON_FBF", "FBF_LITE", "FBF"]
"""All. Left out it means NON_FBF, and what Flipkart's own warehouse sends is the group's money, too."""
PAGE_SIZE: Final = 20

MOST_OFFERS: Final = 10
MOST_RETURNS: Final = 25
"""Ids in one question for returns."""

_SHIPMENT: Final[Shape] = leaves(
    "shipmentId dispatchByDate dispatchAfterDate updatedAt locationId hold mps packagingPolicy"
) | {
    "orderItems": [
        SOLD
        | leaves("cancellationDate cancellationReason cancellationSubReason courierReturn serviceProfile")
        | {"packageIds": [None]}
    ]
}
_RETURN: Final[Shape] = leaves(
    "returnId orderItemId orderId shipmentId locationId quantity status type reason subReason orderDate createdDate"
    " updatedDate approvedOn expectedDate trackingId courierName shipmentStatus serviceProfile"
)
KEPT: Final[Mapping[str, Shape]] = {"shipment": _SHIPMENT, "return": _RETURN}
"""What is kept of an answer's entry, by the name under which it stands alone in a part."""

_CANCELLED: Final = "CANCELLED"
_FORM_FAILED: Final = "FORM_FAILED"
_STATUS_STEPS: Final[Mapping[str, str]] = {
    "APPROVED": "",
    "PACKING_IN_PROGRESS": "",
    _FORM_FAILED: "",
    "PACKED": "packed",
    "READY_TO_DISPATCH": "ready",
    "PICKUP_COMPLETE": "picked_up",
    "SHIPPED": "shipped",
    "DELIVERED": "delivered",
    "COMPLETED": "delivered",
}
_CAME_BACK: Final = ("RETURN_REQUESTED", "RETURNED")
_FULFILLED_BY: Final[Mapping[str, str]] = {
    "NON_FBF": "",
    "Seller_Fulfilment": "",
    "FBF_LITE": "",
    "Smart_Fulfilment": "",
    "FBF": MARKETPLACE,
    "Flipkart_Fulfilment": MARKETPLACE,
}
"""FBF_LITE goods lie on the seller's shelf; only what Flipkart has in its own warehouse does not."""
_RETURN_STEPS: Final[Mapping[str, str]] = {
    "RETURN_CREATED": "",
    "RETURN_PICKED_UP": "picked_up",
    "RETURN_COMPLETED": "received",
    "RETURN_CANCELLED": "cancelled",
}


class _List(NamedTuple):
    """How an answer that lists something names it."""

    entries: str
    part: str
    identity: str
    time: str
    following: str


_OF_SHIPMENTS: Final = _List("shipments", "shipment", "shipmentId", "updatedAt", "nextPageUrl")
_OF_RETURNS: Final = _List("returnItems", "return", "returnId", "updatedDate", "nextUrl")
_LISTS: Final[Mapping[str, _List]] = {
    SHIPMENTS: _OF_SHIPMENTS,
    SEARCH_SHIPMENTS: _OF_SHIPMENTS,
    RETURNS: _OF_RETURNS,
    SEARCH_RETURNS: _OF_RETURNS,
}

_VISIBLE: Final = re.compile(r"[!-~]{1,4096}")
"""A token, or a query that can be asked."""


def token_call(client_id: str, client_secret: str, refresh_token: str | None) -> TokenCall:
    """The agency's own application needs no grant, so there is nothing to refresh."""
    del refresh_token
    basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    query = urlencode({"grant_type": "client_credentials", "scope": "Seller_Api"})
    return TokenCall("GET", f"/oauth-service/oauth/token?{query}", {"Authorization": f"Basic {basic}"})


def token(raw: bytes) -> tuple[str, int]:
    answer = _answer(raw)
    found, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(found, str) or not _VISIBLE.fullmatch(found):
        raise BadAnswer("access_token is missing or not a token")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
        raise BadAnswer(f"expires_in {fields.shown(seconds)} is not a number of seconds")
    return found, seconds


def authorization(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def fetch(account: Account, order_id: str) -> Call:
    del account  # The token says whose shipments they are; the same below.
    return Call(SHIPMENTS, "GET", f"{_SHIPMENTS_PATH}?shipmentIds={quote(order_id, safe='')}")


def fetch_returns(account: Account, return_ids: Sequence[str]) -> Call | None:
    """At most ``MOST_RETURNS`` ids (ValueError). None for no id."""
    del account
    if len(return_ids) > MOST_RETURNS:
        raise ValueError(f"return_ids: {len(return_ids)}, more than {MOST_RETURNS}")
    if not return_ids:
        return None
    ids = ",".join(quote(return_id, safe="") for return_id in return_ids)
    return Call(RETURNS, "GET", f"{_RETURNS_PATH}?returnIds={ids}")


def search(account: Account, kind: str, since: str, until: str) -> Call:
    """KeyError for a kind that is not one of ``SEARCHES``."""
    del account
    if kind in _RETURN_SOURCES:
        query = {"source": _RETURN_SOURCES[kind], "modifiedAfter": since, "modifiedBefore": until}
        return Call(SEARCH_RETURNS, "GET", f"{_RETURNS_PATH}?{urlencode(query)}")
    body = {
        "filter": {**_FILTERS[kind], "modifiedDate": {"from": since, "to": until}, "serviceProfiles": _PROFILES},
        "pagination": {"pageSize": PAGE_SIZE},
        "sort": {"field": "modifiedDate", "order": "asc"},
    }
    return Call(SEARCH_SHIPMENTS, "POST", _FILTER_PATH, written(body))


def answered(call: Call, raw: bytes) -> Answered:
    answer, names = _answer(raw), _LISTS[call.operation]
    entries = answer.get(names.entries)
    if not isinstance(entries, list):
        raise BadAnswer(f"{names.entries} {'is missing' if entries is None else 'is not a list'}")
    parts, problems = [], []
    for number, entry in enumerate(entries):
        place = f"{names.entries}[{number}]"
        if not isinstance(entry, dict):
            problems.append(f"{place} is not an object")
        elif fields.identity(entry.get(names.identity)) is None:
            problems.append(f"{place}.{names.identity} is missing or not an id")
        else:
            parts.append(_part(names, entry))
    return Answered(tuple(parts), _next(call, answer, names.following), tuple(problems))


def read_answer(raw: bytes, account: str) -> Reading:
    """What a part states. Never raises: what cannot be read is a finding that names the field."""
    del account
    try:
        part = read_object(raw)
    except Unreadable as error:
        return Reading(None, None, "UNREADABLE", findings=(Finding("UNREADABLE", "body", str(error)),))
    name = next((name for name in KEPT if isinstance(part.get(name), dict)), None)
    if name is None:
        finding = Finding("UNREADABLE", "body", f"is neither a {' nor a '.join(KEPT)} of the marketplace's API")
        return Reading(None, None, "UNREADABLE", findings=(finding,))
    # Redaction comes before reading: nothing below can take what is not kept.
    kept = _canonical(redacted(part[name], KEPT[name]))
    text = written({name: kept})
    shipment = fields.identity(kept.get("shipmentId"))
    try:
        if name == "return":
            facts, findings = _read_return(kept, shipment)
        elif shipment is None:
            raise fields.Wrong("shipment.shipmentId", "is missing or not an id")
        else:
            facts, findings = _read_shipment(kept)
    except fields.Wrong as wrong:
        return Reading(shipment, name, "REJECTED", findings=(wrong.finding("UNREADABLE"),), redacted=text)
    return Reading(shipment, name, "APPLIED" if facts else "REJECTED", tuple(facts), tuple(findings), text)


def publish(account: Account, offers: Sequence[Offer]) -> Call:
    """The quantities are set, not added."""
    _require_few("offers", [offer.listing for offer in offers])
    if not account.location_id:
        raise ValueError(f"location_id: the account {account.name} has none")
    for offer in offers:
        if not offer.product_id:
            raise ValueError(f"product_id: the listing {offer.listing} has no FSN")
        if offer.quantity < 0:
            raise ValueError(f"quantity: {offer.quantity} of the listing {offer.listing}")
    body = {
        offer.listing: {
            "product_id": offer.product_id,
            "locations": [{"id": account.location_id, "status": "ENABLED", "inventory": offer.quantity}],
        }
        for offer in offers
    }
    return Call(UPDATE_INVENTORY, "POST", _INVENTORY_PATH, written(body))


def posted(call: Call, status: int, raw: bytes) -> list[Posted]:
    """FAILURE stands inside an answer with status 200. Of status 400 nothing is documented: what it says of a listing
    counts; when it names none, the whole call was refused."""
    answer = _answer(raw)
    listings = list(read_object((call.body or "{}").encode()))
    if status != 200 and not any(listing in answer for listing in listings):
        message = _why(answer) or f"the whole call was refused with status {status}"
        return [Posted(listing, REFUSED, message) for listing in listings]
    return [_posted(listing, answer.get(listing)) for listing in listings]


def show(account: Account, listings: Sequence[str]) -> Call:
    del account
    _require_few("listings", listings)
    return Call(LISTINGS, "GET", _LISTINGS_PATH + ",".join(quote(listing, safe="") for listing in listings))


def shown(call: Call, raw: bytes) -> Mapping[str, int | None]:
    """The sum over all places that are enabled: so many can a buyer order, also when a second place, of which we know
    nothing, offers some. None for a listing that the channel does not have, or of which it gives no number."""
    answer = _answer(raw)
    if not any(name in answer for name in ("available", "unavailable", "invalid")):
        raise BadAnswer("available is missing")
    available = answer.get("available", {})
    if not isinstance(available, dict):
        raise BadAnswer("available is not an object")
    listings = [unquote(listing) for listing in call.path.removeprefix(_LISTINGS_PATH).split(",")]
    return {listing: _units(available.get(listing), f"available.{listing}") for listing in listings}


def _answer(raw: bytes) -> dict[str, Any]:
    try:
        return read_object(raw)
    except Unreadable as error:
        raise BadAnswer(f"body is {error}") from error


def _canonical(value: Any) -> Any:
    """The same news in one order: that of entries means nothing. That of names is the allow-list's already."""
    if isinstance(value, dict):
        return {name: _canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted(map(_canonical, value), key=written)
    return value


def _part(names: _List, entry: Mapping[str, Any]) -> Part:
    kept = _canonical(redacted(entry, KEPT[names.part]))
    try:
        at = fields.time(kept.get(names.time), names.time)
    except fields.Wrong:
        at = None
    return Part(fields.identity(kept.get("shipmentId")), written({names.part: kept}).encode(), at)


def _next(call: Call, answer: Mapping[str, Any], name: str) -> Call | None:
    """The next page: a GET of the address that the answer gives, at the same place as this one.

    Flipkart writes it without host and without the beginning of the path (``/v3/shipments/filter?next_token=…``). Only
    its query is taken over: whatever stands there, our token goes to no other host and no other path.
    """
    more, url = answer.get("hasMore"), answer.get(name)
    if more is None and call.operation in (SHIPMENTS, RETURNS):
        return None  # All that can be asked for by id fits into one answer.
    if not isinstance(more, bool):
        raise BadAnswer(f"hasMore {fields.shown(more)} is neither true nor false")
    if not more:
        return None
    if not isinstance(url, str) or not url:
        raise BadAnswer(f"{name} is missing although hasMore is true")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadAnswer(f"{name} is not an address") from error
    if parts.scheme not in ("", "http", "https") or parts.hostname not in (None, *_HOSTS):
        raise BadAnswer(f"{name} leads to another host")
    path, tail = call.path.partition("?")[0], parts.path.rstrip("/")
    if not tail.startswith("/") or not path.endswith(tail):
        raise BadAnswer(f"{name} leads to another path")
    if not _VISIBLE.fullmatch(parts.query):
        raise BadAnswer(f"{name} has no query that can be asked")
    following = Call(call.operation, "GET", f"{path}?{parts.query}")
    if following.path == call.path:
        raise BadAnswer(f"{name} is the page that was asked for")
    return following


@dataclass(frozen=True)
class _Entry:
    """Units of one order item that have one status."""

    sold: Placed
    cancelled: bool


def _read_shipment(shipment: Mapping[str, Any]) -> tuple[list[Fact], list[Finding]]:
    at = fields.time(shipment.get("updatedAt"), "shipment.updatedAt")
    items = shipment.get("orderItems")
    if not items:
        raise fields.Wrong("shipment.orderItems", "is missing or empty")
    if len(items) > fields.MOST_LINES:
        raise fields.Wrong("shipment.orderItems", f"has {len(items)} lines, more than {fields.MOST_LINES}")
    findings: list[Finding] = []
    step, form_failed = _step(items, findings)
    ship_by = _ship_by(shipment, step, findings)
    lines, line_ids = _lines(items, at, ship_by, findings)
    facts: list[Fact] = []
    for line_id in sorted(lines):
        entries = lines[line_id]
        still = sum(entry.sold.quantity for entry in entries if not entry.cancelled)
        facts += (_placed(entries), Stated(line_id, at, still))
    if step:
        facts.append(Step(step, at))
    if form_failed:
        facts.append(FormFailed(at, ""))
    facts.append(Snapshot(at, step, _held(shipment, findings), " ".join(line_ids)))
    return facts, findings


def _step(items: Sequence[Any], findings: list[Finding]) -> tuple[str, bool]:
    """The step that every item has reached of which something is still sold, and whether papers failed."""
    steps, failed = set(), False
    for number, item in enumerate(items):
        status = (item or {}).get("status") or ""
        if status == _CANCELLED:
            continue
        failed = failed or status == _FORM_FAILED
        if status in _CAME_BACK:
            steps.add("delivered" if item.get("courierReturn") is False else "shipped")
            continue
        if status not in _STATUS_STEPS and item:
            text = f"{fields.shown(item.get('status'))} is not a status that is known here"
            findings.append(Finding("UNKNOWN_EVENT", f"shipment.orderItems[{number}].status", text))
        steps.add(_STATUS_STEPS.get(status, ""))
    return min(steps, key=("", *STEPS).index, default=""), failed


def _ship_by(shipment: Mapping[str, Any], step: str, findings: list[Finding]) -> str | None:
    """An order without its deadline is still an order, and one that has left needs none."""
    given = shipment.get("dispatchByDate")
    if given is None and step in LEFT:
        return None
    try:
        return fields.time(given, "shipment.dispatchByDate")
    except fields.Wrong as wrong:
        findings.append(wrong.finding("UNREADABLE"))
        return None


def _held(shipment: Mapping[str, Any], findings: list[Finding]) -> bool:
    held = shipment.get("hold")
    if held is not None and not isinstance(held, bool):
        # Goods that wait for nothing can still be sent; goods that were sent too early do not come back.
        text = f"{fields.shown(held)} is neither true nor false: taken for a hold"
        findings.append(Finding("UNREADABLE", "shipment.hold", text))
        return True
    return bool(held)


def _lines(
    items: Sequence[Any], at: str, ship_by: str | None, findings: list[Finding]
) -> tuple[dict[str, list[_Entry]], list[str]]:
    """The entries of each line, without the lines of which one entry cannot be read: a part of a sum is no sum. Also
    the ids of all lines that the shipment has; none when an entry has no id."""
    lines: dict[str, list[_Entry]] = defaultdict(list)
    unreadable: set[str | None] = set()
    seen = set()
    for number, item in enumerate(items):
        field = f"shipment.orderItems[{number}]"
        line_id = fields.identity(item.get("orderItemId")) if item else None
        text = written(item)
        if text in seen:
            continue  # An entry that is repeated says nothing more.
        seen.add(text)
        try:
            if item is None:
                raise fields.Wrong(field, "is not an object")
            entry = _entry(item, field, at, ship_by, findings)
            if lines[entry.sold.line_id] and _terms(entry) != _terms(lines[entry.sold.line_id][0]):
                raise fields.Wrong(f"{field}.orderItemId", f"{line_id} stands twice with different content")
            lines[entry.sold.line_id].append(entry)
        except fields.Wrong as wrong:
            findings.append(wrong.finding("BAD_LINE"))
            unreadable.add(line_id)
    known = {line_id: entries for line_id, entries in lines.items() if entries and line_id not in unreadable}
    every = set() if None in unreadable else {*lines, *(line_id for line_id in unreadable if line_id)}
    return known, sorted(every)


def _entry(item: Mapping[str, Any], field: str, at: str, ship_by: str | None, findings: list[Finding]) -> _Entry:
    sold = read_item(item, field, at, ship_by)
    profile = item.get("serviceProfile")
    if profile is not None and profile not in _FULFILLED_BY:
        text = f"{fields.shown(profile)} is not a service profile that is known here"
        findings.append(Finding("UNKNOWN_EVENT", f"{field}.serviceProfile", text))
    sold = replace(sold, fulfilled_by=_FULFILLED_BY.get(profile or "", ""))
    return _Entry(sold, item.get("status") == _CANCELLED)


def _terms(entry: _Entry) -> Placed:
    """What all entries of a line must agree on."""
    return replace(entry.sold, quantity=0, unit_price_paise=None, price_problem=None)


def _placed(entries: Sequence[_Entry]) -> Placed:
    """The line with all its units, also those that were cancelled. The price is that of what is still sold: a part that
    was cancelled may be told without one."""
    priced = [entry for entry in entries if not entry.cancelled] or entries
    prices = {(entry.sold.unit_price_paise, entry.sold.price_problem) for entry in priced}
    price, problem = prices.pop() if len(prices) == 1 else (None, "the entries of this line have different prices")
    quantity = sum(entry.sold.quantity for entry in entries)
    return replace(entries[0].sold, quantity=quantity, unit_price_paise=price, price_problem=problem)


def _read_return(given: Mapping[str, Any], shipment: str | None) -> tuple[list[Fact], list[Finding]]:
    at = fields.time(given.get("updatedDate"), "return.updatedDate")
    return_id = fields.identity(given.get("returnId"))
    if return_id is None:
        raise fields.Wrong("return.returnId", "is missing or not an id")
    findings = []
    try:
        line_id = item_id(given, "return")
        quantity = fields.quantity(given, "return")
    except fields.Wrong as wrong:
        return [], [wrong.finding("BAD_LINE")]
    source, status = given.get("type") or "", given.get("status") or ""
    if source not in SOURCES:
        text = f"{fields.shown(given.get('type'))} is neither {' nor '.join(SOURCES)}"
        findings.append(Finding("UNKNOWN_EVENT", "return.type", text))
    if status not in _RETURN_STEPS:
        text = f"{fields.shown(given.get('status'))} is not a status that is known here"
        findings.append(Finding("UNKNOWN_EVENT", "return.status", text))
    facts: list[Fact] = [
        ReturnRequested(
            return_id,
            line_id,
            at,
            source=SOURCES.get(source, ""),
            quantity=quantity,
            shipment_id=shipment,
            reason=fields.words(given.get("reason")) or "",
            sub_reason=fields.words(given.get("subReason")) or "",
        )
    ]
    if step := _RETURN_STEPS.get(status, ""):
        facts.append(ReturnStep(return_id, line_id, at, step))
    if tracking := fields.words(given.get("trackingId")):
        facts.append(ReturnNoted(return_id, line_id, at, "tracking", tracking))
    if given.get("expectedDate") is not None:
        try:
            expected = fields.time(given.get("expectedDate"), "return.expectedDate")
            facts.append(ReturnNoted(return_id, line_id, at, "expected", expected))
        except fields.Wrong as wrong:
            findings.append(wrong.finding("UNREADABLE"))
    return facts, findings


def _require_few(name: str, listings: Sequence[str]) -> None:
    if not listings or len(listings) > MOST_OFFERS:
        raise ValueError(f"{name}: {len(listings)}, not 1 to {MOST_OFFERS}")
    if not all(listings):
        raise ValueError(f"{name}: one has no listing")
    if len(set(listings)) < len(listings):
        raise ValueError(f"{name}: a listing stands twice")


def _posted(listing: str, said: Any) -> Posted:
    if not isinstance(said, dict):
        return Posted(listing, LATER, "the answer says nothing of this listing")
    status = said.get("status")
    if status in ("SUCCESS", "WARNING"):
        return Posted(listing, TAKEN, _why(said))
    if status == "FAILURE":
        return Posted(listing, REFUSED, _why(said) or "the channel gives no reason")
    return Posted(listing, REFUSED, f"{fields.shown(status)} is not a status that is known here")


def _why(said: Mapping[str, Any]) -> str:
    """The channel's own reasons, for an operator."""
    found = []
    for name in ("errors", "attribute_errors"):
        errors = said.get(name)
        for error in errors if isinstance(errors, list) else ():
            if not isinstance(error, dict):
                continue
            # The listings' part of the API says description, the rest of it errorMessage.
            reason = fields.words(error.get("description")) or fields.words(error.get("errorMessage"))
            where = fields.words(error.get("attribute"))
            if reason:
                found.append(f"{where}: {reason}" if where else reason)
    return "; ".join(found)[:300]


def _units(listing: Any, field: str) -> int | None:
    if listing is None:
        return None
    if not isinstance(listing, dict):
        raise BadAnswer(f"{field} is not an object")
    places = listing.get("locations")
    if places is None:
        return None
    if not isinstance(places, list):
        raise BadAnswer(f"{field}.locations is not a list")
    units: int | None = 0
    for number, place in enumerate(places):
        where = f"{field}.locations[{number}]"
        if not isinstance(place, dict) or place.get("status") not in ("ENABLED", "DISABLED"):
            raise BadAnswer(f"{where}.status is neither ENABLED nor DISABLED")
        if place["status"] == "ENABLED":
            inventory = _inventory(place, where)
            units = None if units is None or inventory is None else units + inventory
    return units


def _inventory(place: Mapping[str, Any], where: str) -> int | None:
    given = place.get("inventory")
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise BadAnswer(f"{where}.inventory {fields.shown(given)} is not a number of units")
    return given
