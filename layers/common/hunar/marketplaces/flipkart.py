"""Flipkart's notification service, version 3.

================================  ===================================================================
event                             what it states
================================  ===================================================================
shipment_created                  one Placed per line (sold at orderDate, ship by dispatchByDate); with
                                  ``hold`` true also Held
shipment_hold                     one Held per entry
shipment_unhold                   Released
shipment_dispatch_dates_changed   DatesChanged
shipment_form_failed              FormFailed
shipment_packed                   Step packed
shipment_ready_to_dispatch        Step ready
shipment_pickup_complete          Step picked_up
shipment_shipped                  Step shipped
shipment_delivered                Step delivered
shipment_cancelled                one Cancelled per entry
return_created                    one ReturnRequested per entry
return_item_tracking_id_update    one ReturnNoted tracking per entry
return_expected_date_changed      one ReturnNoted expected per entry
return_picked_up                  one ReturnStep picked_up per entry
return_completed                  one ReturnStep received per entry
return_cancelled                  one ReturnStep cancelled per entry
================================  ===================================================================

``timestamp`` is the one time that every event has, so all of them compare. Everything else is kept
whole and shown to an operator. Only created, hold and cancelled name lines; the other events of a
shipment speak of all of it. Of a return, only its creation names the shipment; the rest name the
order item and the return.

Flipkart publishes no filled example of a return: their fields are read by its tables of names.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from hunar.domain.facts import (
    Cancelled,
    DatesChanged,
    Fact,
    FormFailed,
    Held,
    Placed,
    Released,
    ReturnNoted,
    ReturnRequested,
    ReturnStep,
    Step,
)
from hunar.domain.proof import Proof
from hunar.domain.reading import Finding, Reading
from hunar.marketplaces import fields
from hunar.marketplaces.body import Unreadable, read_object, readable, redacted, written
from hunar.marketplaces.flipkart_fields import SOLD, SOURCES, item_id, leaves, read_item
from hunar.ports import WebhookSecret

__all__ = ["BODY_SIGNED", "NEEDS", "prove", "read", "read_answer", "readable", "sign", "signature"]

BODY_SIGNED: Final = False
"""Flipkart's signature covers date, URL and method, not the body: whoever saw one delivery can sign any body with it
for as long as its date is good. What a message says is a claim wherever the marketplace can be asked."""
NEEDS: Final = ("app_id", "secret", "url")
"""What an account's secret must have."""

PAST: Final = timedelta(minutes=15)
"""Flipkart publishes no tolerance; a retry may keep the date of its first try."""
AHEAD: Final = timedelta(minutes=5)

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_IMF_FIXDATE: Final = re.compile(
    r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)

_STEPS: Final = {
    "shipment_packed": "packed",
    "shipment_ready_to_dispatch": "ready",
    "shipment_pickup_complete": "picked_up",
    "shipment_shipped": "shipped",
    "shipment_delivered": "delivered",
}
_RETURN_STEPS: Final = {
    "return_picked_up": "picked_up",
    "return_completed": "received",
    "return_cancelled": "cancelled",
}
_STATUS: Final[Mapping[str, frozenset[str]]] = {
    "shipment_packed": frozenset({"PACKED"}),
    "shipment_ready_to_dispatch": frozenset({"READY_TO_DISPATCH"}),
    "shipment_pickup_complete": frozenset({"PICKUP_COMPLETE"}),
    "shipment_shipped": frozenset({"SHIPPED"}),
    "shipment_delivered": frozenset({"DELIVERED"}),
    "shipment_cancelled": frozenset({"CANCELLED"}),
    "shipment_unhold": frozenset({"APPROVED", "PACKED"}),
    "shipment_form_failed": frozenset({"FORM_FAILED"}),
    "return_created": frozenset({"RETURN_CREATED"}),
    "return_picked_up": frozenset({"RETURN_PICKED_UP"}),
    "return_completed": frozenset({"RETURN_COMPLETED"}),
    "return_cancelled": frozenset({"RETURN_CANCELLED"}),
}
"""What each event says beside its name. Another status may mean something that we do not know."""

_ENVELOPE: Final = leaves("eventType source version timestamp locationId shipmentId")
_CREATED: Final = leaves("dispatchByDate dispatchAfterDate updatedAt hold mps packagingPolicy status") | {
    "orderItems": [SOLD]
}
_CANCELLED: Final = leaves("status") | {"orderItems": [leaves("orderItemId quantity reason subReason")]}

_HELD: Final = leaves("status") | {"orderItems": [leaves("orderItemId holdQuantity")]}
_RETURNED: Final = leaves(
    "returnId orderItemId source action quantity orderDate createdDate updatedDate courierName reason subReason"
    " trackingId shipmentId completionDate replacementOrderItemId productId listingId expectedDate"
)
_OF_RETURN: Final = leaves("eventType source version timestamp locationId returnId shipmentId")
_RETURN_EVENTS: Final = ("return_created", "return_item_tracking_id_update", "return_expected_date_changed")

KEPT: Final[Mapping[str, Mapping[str, Any]]] = {
    "shipment_created": _ENVELOPE | {"attributes": _CREATED},
    "shipment_cancelled": _ENVELOPE | {"attributes": _CANCELLED},
    "shipment_hold": _ENVELOPE | {"attributes": _HELD},
    "shipment_dispatch_dates_changed": _ENVELOPE
    | {"attributes": leaves("status dispatchByDate dispatchAfterDate updatedAt")},
    "shipment_form_failed": _ENVELOPE | {"attributes": leaves("status") | {"forms": [None]}},
    **{event: _ENVELOPE | {"attributes": leaves("status")} for event in (*_STEPS, "shipment_unhold")},
    **{
        event: _OF_RETURN | {"attributes": leaves("status") | {"returnItems": [_RETURNED]}}
        for event in (*_RETURN_EVENTS, *_RETURN_STEPS)
    },
}
"""What is stored of each event that we read. A field that is not here, a buyer's above all, is dropped first."""


def signature(app_id: str, secret: str, url: str, epoch_seconds: int) -> str:
    """The value of ``X_Authorization``: Flipkart hashes the date as epoch seconds, not the header's text."""
    digest = hashlib.sha1(f"{epoch_seconds}{url}POST{secret}".encode(), usedforsecurity=False).hexdigest()
    return "FKLOGIN " + base64.b64encode(f"{app_id}:{digest}".encode()).decode()


def sign(raw: bytes, secret: WebhookSecret, now: datetime) -> dict[str, str]:
    """The headers that Flipkart sends along: of the date, the registered URL and the method, not of the body."""
    del raw
    at = now.astimezone(UTC).replace(microsecond=0)
    return {
        "X_Date": format_datetime(at, usegmt=True),
        "X_Authorization": signature(secret.app_id, secret.secret, secret.url, int(at.timestamp())),
    }


def prove(headers: Mapping[str, str], raw: bytes, secret: WebhookSecret, now: datetime) -> Proof:
    """Whether Flipkart sent this. The body is not part of what it signs, so ``raw`` proves nothing.

    Gateways hand on the names as ``x_date`` or, some, as ``x-date``. A header that came twice
    arrives joined by a comma or under both names; neither is what Flipkart sends.
    """
    del raw
    dates, authorizations = _values(headers, "x_date"), _values(headers, "x_authorization")
    if not (dates and authorizations):
        return Proof.UNSIGNED
    if len(dates) > 1 or len(authorizations) > 1:
        return Proof.FORGED
    signed_at = _imf_fixdate(dates.pop())
    if signed_at is None:
        return Proof.FORGED
    given = authorizations.pop().encode("utf-8", "surrogatepass")
    epoch = int(signed_at.timestamp())
    # An empty secret would be one that everybody knows. All are compared, whichever fits.
    secrets = [text for text in (secret.secret, secret.previous_secret) if text]
    fits = [hmac.compare_digest(given, signature(secret.app_id, text, secret.url, epoch).encode()) for text in secrets]
    if not any(fits):
        return Proof.FORGED
    return Proof.PROVED if now - PAST <= signed_at <= now + AHEAD else Proof.STALE


def read_answer(raw: bytes, account: str) -> Reading:
    """What a part of an answer of the API states. Its module is loaded only here: the webhook's door never needs it."""
    from hunar.marketplaces import flipkart_api

    return flipkart_api.read_answer(raw, account)


def read(raw: bytes, account: str) -> Reading:
    """What a message states. Never raises: what cannot be read is a finding that names the field."""
    del account  # Flipkart does not name the seller in a message; the door it came through does.
    try:
        message = read_object(raw)
    except Unreadable as error:
        return Reading(None, None, "UNREADABLE", findings=(Finding("UNREADABLE", "body", str(error)),))
    event = fields.words(message.get("eventType"))
    if not event:
        return Reading(
            None, None, "UNREADABLE", findings=(Finding("UNREADABLE", "eventType", "is missing or not a name"),)
        )
    shipment = fields.identity(message.get("shipmentId"))
    if event not in KEPT:
        finding = Finding("UNKNOWN_EVENT", "eventType", f"{event} is not an event that is read here")
        return Reading(shipment, event, "UNKNOWN_EVENT", findings=(finding,))
    # Redaction comes before reading: nothing below can take what is not kept.
    kept = redacted(message, KEPT[event])
    text = written(kept)
    try:
        if event.startswith("return_"):
            facts, findings = _of_return(event, kept)
            shipment = _one_shipment(facts)
        elif shipment is None:
            raise fields.Wrong("shipmentId", "is missing or not an id")
        else:
            facts, findings = _stated(event, kept)
    except fields.Wrong as wrong:
        return Reading(shipment, event, "REJECTED", findings=(wrong.finding("UNREADABLE"),), redacted=text)
    findings = (*findings, *_unknown_words(event, kept))
    return Reading(shipment, event, "APPLIED" if facts else "REJECTED", facts, findings, text)


def _unknown_words(event: str, message: Mapping[str, Any]) -> list[Finding]:
    """Statuses and sources that we do not know: what the event says is applied, and a person reads the rest."""
    attributes = message.get("attributes") or {}
    found = []
    status = attributes.get("status")
    if event in _STATUS and status is not None and status not in _STATUS[event]:
        text = f"{fields.shown(status)} is not a status of {event} that is known here"
        found.append(Finding("UNKNOWN_EVENT", "attributes.status", text))
    if event == "return_created":
        for number, item in enumerate(attributes.get("returnItems") or []):
            source = item.get("source") if isinstance(item, dict) else None
            if source is not None and source not in SOURCES:
                text = f"{fields.shown(source)} is neither {' nor '.join(SOURCES)}"
                found.append(Finding("UNKNOWN_EVENT", f"attributes.returnItems[{number}].source", text))
    return found


def _stated(event: str, message: Mapping[str, Any]) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    at = fields.time(message.get("timestamp"), "timestamp")
    if event in _STEPS:
        return (Step(_STEPS[event], at),), ()
    attributes = message.get("attributes") or {}
    if event == "shipment_unhold":
        return (Released(at),), ()
    if event == "shipment_dispatch_dates_changed":
        return (DatesChanged(at, fields.time(attributes.get("dispatchByDate"), "attributes.dispatchByDate")),), ()
    if event == "shipment_form_failed":
        forms = attributes.get("forms") or []
        return (FormFailed(at, ", ".join(sorted(filter(None, map(fields.words, forms))))),), ()
    if event == "shipment_hold":
        facts, findings = _lines(attributes, lambda item, field: _held(item, field, at))
        return tuple(dict.fromkeys(facts)), findings
    if event == "shipment_cancelled":
        # Two entries of one line are two cancellations and add up. Two that say the same in
        # everything are one: nothing but its content tells one cancellation from another.
        facts, findings = _lines(attributes, lambda item, field: _cancelled(item, field, at))
        return tuple(dict.fromkeys(facts)), findings
    return _created(attributes, at)


def _created(attributes: Mapping[str, Any], at: str) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    remarks = []
    ship_by = None
    try:
        ship_by = fields.time(attributes.get("dispatchByDate"), "attributes.dispatchByDate")
    except fields.Wrong as wrong:
        # An order without its deadline is still an order.
        remarks.append(wrong.finding("UNREADABLE"))
    placed: dict[str, Placed] = {}

    def once(item: Mapping[str, Any], field: str) -> Placed:
        """A line that is repeated is one line. Two lines under one id cannot both be true, and a sum
        would be a third thing that nobody said: the first stands, an operator looks at the second."""
        line = read_item(item, field, at, ship_by)
        if placed.setdefault(line.line_id, line) != line:
            raise fields.Wrong(f"{field}.orderItemId", f"{line.line_id} stands twice with different content")
        return line

    facts, findings = _lines(attributes, once)
    if facts and attributes.get("hold") is True:
        facts.append(Held(None, at, None))
    return tuple(dict.fromkeys(facts)), (*remarks, *findings)


def _of_return(event: str, message: Mapping[str, Any]) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    """The return's id stands at the top of the message, and in the entries of a creation only."""
    at = fields.time(message.get("timestamp"), "timestamp")
    attributes = message.get("attributes") or {}
    top = fields.identity(message.get("returnId"))
    shipment = fields.identity(message.get("shipmentId"))

    def one(item: Mapping[str, Any], field: str) -> Fact:
        return_id = fields.identity(item.get("returnId")) or top
        if return_id is None:
            raise fields.Wrong(f"{field}.returnId", "is missing or not an id, and so is returnId")
        line_id = item_id(item, field)
        if event in _RETURN_STEPS:
            return ReturnStep(return_id, line_id, at, _RETURN_STEPS[event])
        if event == "return_item_tracking_id_update":
            return ReturnNoted(return_id, line_id, at, "tracking", fields.named(item, field, "trackingId"))
        if event == "return_expected_date_changed":
            expected = fields.time(item.get("expectedDate"), f"{field}.expectedDate")
            return ReturnNoted(return_id, line_id, at, "expected", expected)
        return ReturnRequested(
            return_id,
            line_id,
            at,
            source=SOURCES.get(fields.words(item.get("source")) or "", ""),
            quantity=fields.quantity(item, field),
            shipment_id=fields.identity(item.get("shipmentId")) or shipment,
            reason=fields.words(item.get("reason")) or "",
            sub_reason=fields.words(item.get("subReason")) or "",
        )

    facts, findings = _lines(attributes, one, "returnItems")
    return tuple(dict.fromkeys(facts)), findings


def _one_shipment(facts: tuple[Fact, ...]) -> str | None:
    """The shipment that all facts name. None when they name several, or none."""
    named = {fact.shipment_id if isinstance(fact, ReturnRequested) else None for fact in facts}
    return named.pop() if len(named) == 1 else None


def _lines(
    attributes: Mapping[str, Any], reading: Callable[[Mapping[str, Any], str], Fact], name: str = "orderItems"
) -> tuple[list[Fact], tuple[Finding, ...]]:
    return fields.lines(attributes.get(name), f"attributes.{name}", reading)


def _cancelled(item: Mapping[str, Any], field: str, at: str) -> Cancelled:
    line_id, quantity = item_id(item, field), fields.quantity(item, field)
    return Cancelled(
        line_id, at, quantity, fields.words(item.get("reason")) or "", fields.words(item.get("subReason")) or ""
    )


def _held(item: Mapping[str, Any], field: str, at: str) -> Held:
    return Held(item_id(item, field), at, fields.quantity(item, field, "holdQuantity"))


def _values(headers: Mapping[str, str], name: str) -> set[str]:
    return {value for key, value in headers.items() if key.lower().replace("-", "_") == name and value}


def _imf_fixdate(text: str) -> datetime | None:
    """RFC 9110's one date format that may be sent, exactly; None for anything else."""
    match = _IMF_FIXDATE.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return None
    day, _, year, hour, minute, second = match.groups()
    try:
        moment = datetime(
            int(year), _MONTHS.index(match[2]) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
    except ValueError:
        return None
    # Writing it again shows a wrong weekday.
    return moment if format_datetime(moment, usegmt=True) == text else None
