"""Shops of one's own and small marketplaces that send their orders by Standard Webhooks, in a format of ours.

=====================  ===================================================================
event                  what it states
=====================  ===================================================================
order.created          one Placed per line (sold at ordered_at, ship by ship_by); with
                       ``on_hold`` true also Held
order.held             Held: the lines that it names, else the whole order
order.released         Released
order.packed           Step packed
order.ready            Step ready
order.picked_up        Step picked_up
order.shipped          Step shipped
order.delivered        Step delivered
order.cancelled        one Cancelled per line
return.created         one ReturnRequested per line
return.picked_up       one ReturnStep picked_up per line
return.received        one ReturnStep received per line
return.cancelled       one ReturnStep cancelled per line
=====================  ===================================================================

docs/standard-webhook.md tells a sender what to send. The scheme is of https://www.standardwebhooks.com:
HMAC-SHA256 over ``id.timestamp.body``. Written here because the published package raises errors of
the wrong kind on headers that a stranger can make up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from hunar.domain.facts import (
    COURIER,
    CUSTOMER,
    Cancelled,
    Fact,
    Held,
    Placed,
    Released,
    ReturnRequested,
    ReturnStep,
    Step,
)
from hunar.domain.proof import Proof
from hunar.domain.reading import Finding, Reading
from hunar.marketplaces import fields
from hunar.marketplaces.body import Unreadable, read_object, readable, redacted, written
from hunar.ports import WebhookSecret

__all__ = ["prove", "read", "read_answer", "readable", "sign"]

BODY_SIGNED: Final = True
"""What is read is what was signed, so nothing of it is a claim."""
NEEDS: Final = ("secret",)
"""What an account's secret must have."""

TOLERANCE: Final = 300
"""Seconds between the signed time and ours, both ways: that of the reference libraries."""

_KEY: Final = re.compile(r"whsec_([A-Za-z0-9+/]+={0,2})")
_TIMESTAMP: Final = re.compile(r"[1-9][0-9]{0,11}")
_SIGNATURES: Final = re.compile(r"v[0-9a-z]{1,8},[A-Za-z0-9+/]+={0,2}( v[0-9a-z]{1,8},[A-Za-z0-9+/]+={0,2})*")

_STEPS: Final = {
    "order.packed": "packed",
    "order.ready": "ready",
    "order.picked_up": "picked_up",
    "order.shipped": "shipped",
    "order.delivered": "delivered",
}
_RETURN_STEPS: Final = {
    "return.picked_up": "picked_up",
    "return.received": "received",
    "return.cancelled": "cancelled",
}
_SOURCES: Final = (CUSTOMER, COURIER)
_CODE: Final = re.compile(r"[a-z0-9_-]{1,60}")


def _data(names: str, line: str | None = None) -> dict[str, Any]:
    data = dict.fromkeys(names.split())
    lines = {} if line is None else {"lines": [dict.fromkeys(line.split())]}
    return {"type": None, "timestamp": None, "data": data | lines}


KEPT: Final[Mapping[str, Mapping[str, Any]]] = {
    "order.created": _data("order_id ordered_at ship_by on_hold", "line_id listing quantity unit_price_paise"),
    "order.held": _data("order_id", "line_id quantity"),
    "order.released": _data("order_id"),
    **{event: _data("order_id") for event in _STEPS},
    "order.cancelled": _data("order_id", "line_id quantity reason"),
    "return.created": _data("order_id return_id source", "line_id quantity reason"),
    **{event: _data("order_id return_id", "line_id") for event in _RETURN_STEPS},
}
"""What is stored of each event that we read. A field that is not here, a buyer's above all, is dropped first."""


def sign(raw: bytes, secret: WebhookSecret, now: datetime) -> dict[str, str]:
    """The headers that a sender sends along. ValueError when the secret is none."""
    message_id = f"msg_{hashlib.sha256(raw).hexdigest()[:32]}"
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(_key(secret.secret), message_id, timestamp, raw),
    }


def prove(headers: Mapping[str, str], raw: bytes, secret: WebhookSecret, now: datetime) -> Proof:
    """Whether somebody sent this who has the account's secret. Whatever stands in the headers, it raises nothing.

    A sender who changes its secret signs with both and puts the signatures side by side. A header that
    came twice arrives joined by a comma, and is none that a sender sends.
    """
    given = {name: _values(headers, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    if not all(given.values()):
        return Proof.UNSIGNED
    if any(len(values) > 1 for values in given.values()):
        return Proof.FORGED
    message_id, timestamp, signatures = (values.pop() for values in given.values())
    if not (_TIMESTAMP.fullmatch(timestamp) and _SIGNATURES.fullmatch(signatures)):
        return Proof.FORGED
    fits: list[bool] = []
    for text in filter(None, (secret.secret, secret.previous_secret)):
        try:
            expected = _signature(_key(text), message_id, timestamp, raw)
        except ValueError:
            # A secret that is none proves nothing.
            continue
        # All are compared, whichever fits.
        fits += [hmac.compare_digest(one, expected) for one in signatures.split(" ")]
    if not any(fits):
        return Proof.FORGED
    return Proof.PROVED if abs(int(now.timestamp()) - int(timestamp)) <= TOLERANCE else Proof.STALE


def read(raw: bytes, account: str) -> Reading:
    """What a message states. Never raises: what cannot be read is a finding that names the field."""
    del account  # The door it came through says whose it is.
    try:
        message = read_object(raw)
    except Unreadable as error:
        return Reading(None, None, "UNREADABLE", findings=(Finding("UNREADABLE", "body", str(error)),))
    event = fields.words(message.get("type"))
    if not event:
        return Reading(None, None, "UNREADABLE", findings=(Finding("UNREADABLE", "type", "is missing or not a name"),))
    given = message.get("data")
    order_id = fields.identity(given.get("order_id")) if isinstance(given, dict) else None
    if event not in KEPT:
        finding = Finding("UNKNOWN_EVENT", "type", f"{event} is not an event that is read here")
        return Reading(order_id, event, "UNKNOWN_EVENT", findings=(finding,))
    # Redaction comes before reading: nothing below can take what is not kept.
    kept = redacted(message, KEPT[event])
    _drop_sentences(kept)
    text = written(kept)
    try:
        if order_id is None:
            raise fields.Wrong("data.order_id", "is missing or not an id")
        at = fields.time(kept.get("timestamp"), "timestamp")
        facts, findings = _stated(event, kept["data"], order_id, at)
    except fields.Wrong as wrong:
        return Reading(order_id, event, "REJECTED", findings=(wrong.finding("UNREADABLE"),), redacted=text)
    return Reading(order_id, event, "APPLIED" if facts else "REJECTED", facts, findings, text)


def read_answer(raw: bytes, account: str) -> Reading:
    """There is no API that could answer, so nothing is an answer."""
    del raw, account
    finding = Finding("UNREADABLE", "body", "senders of Standard Webhooks have no API that is asked here")
    return Reading(None, None, "UNREADABLE", findings=(finding,))


def _stated(
    event: str, data: Mapping[str, Any], order_id: str, at: str
) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    if event in _STEPS:
        return (Step(_STEPS[event], at),), ()
    if event == "order.released":
        return (Released(at),), ()
    if event == "order.held" and "lines" not in data:
        return (Held(None, at, None),), ()
    if event == "order.created":
        return _created(data, order_id, at)
    return_id = ""
    remarks: tuple[Finding, ...] = ()
    if event.startswith("return."):
        return_id = fields.identity(data.get("return_id")) or ""
        if not return_id:
            raise fields.Wrong("data.return_id", "is missing or not an id")
        remarks = _unknown_source(data)

    def one(item: Mapping[str, Any], field: str) -> Fact:
        line_id = _line_id(item, field, order_id)
        if event in _RETURN_STEPS:
            return ReturnStep(return_id, line_id, at, _RETURN_STEPS[event])
        quantity = fields.quantity(item, field)
        if event == "order.held":
            return Held(line_id, at, quantity)
        if event == "order.cancelled":
            return Cancelled(line_id, at, quantity, item.get("reason") or "", "")
        source = next((known for known in _SOURCES if known == data.get("source")), "")
        return ReturnRequested(return_id, line_id, at, source, quantity, order_id, item.get("reason") or "", "")

    facts, findings = fields.lines(data.get("lines"), "data.lines", one)
    return tuple(dict.fromkeys(facts)), (*remarks, *findings)


def _created(data: Mapping[str, Any], order_id: str, at: str) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    sold_at = fields.time(data.get("ordered_at"), "data.ordered_at")
    remarks = []
    ship_by = None
    try:
        ship_by = None if data.get("ship_by") is None else fields.time(data["ship_by"], "data.ship_by")
    except fields.Wrong as wrong:
        # An order without its deadline is still an order.
        remarks.append(wrong.finding("UNREADABLE"))
    placed: dict[str, Placed] = {}

    def once(item: Mapping[str, Any], field: str) -> Placed:
        """Two lines under one id cannot both be true: the first stands, an operator looks at the second."""
        line_id, quantity = _line_id(item, field, order_id), fields.quantity(item, field)
        listing = fields.named(item, field, "listing")
        price, problem = _price(item.get("unit_price_paise"))
        line = Placed(line_id, at, listing, quantity, price, problem, sold_at, ship_by)
        if placed.setdefault(line_id, line) != line:
            raise fields.Wrong(
                f"{field}.line_id", f"{fields.shown(item['line_id'])} stands twice with different content"
            )
        return line

    facts, findings = fields.lines(data.get("lines"), "data.lines", once)
    if facts and data.get("on_hold") is True:
        facts.append(Held(None, at, None))
    return tuple(dict.fromkeys(facts)), (*remarks, *findings)


def _line_id(item: Mapping[str, Any], field: str, order_id: str) -> str:
    """Senders count the lines of each order from 1. A line's name here must be one in the whole account."""
    line_id = fields.identity(item.get("line_id"))
    if line_id is None:
        raise fields.Wrong(f"{field}.line_id", "is missing or not an id")
    return f"{order_id}/{line_id}"


def _price(given: Any) -> tuple[int | None, str | None]:
    """Paise of one unit, or why there is no price."""
    if given is None or (given == 0 and not isinstance(given, bool)):
        return None, "unit_price_paise is missing or 0"
    if isinstance(given, bool) or not isinstance(given, int):
        return None, f"unit_price_paise {fields.shown(given)} is not a whole number"
    if not 0 < given <= fields.MOST_PAISE:
        return None, f"unit_price_paise {given} is not an amount up to {fields.MOST_PAISE}"
    return given, None


def _drop_sentences(message: Mapping[str, Any]) -> None:
    """A reason is one of the sender's codes. A sentence could be the buyer's own, and is not stored."""
    for line in (message.get("data") or {}).get("lines") or ():
        reason = line.get("reason") if line else None
        if reason is not None and not (isinstance(reason, str) and _CODE.fullmatch(reason)):
            line["reason"] = None


def _unknown_source(data: Mapping[str, Any]) -> tuple[Finding, ...]:
    source = data.get("source")
    if source is None or source in _SOURCES:
        return ()
    return (Finding("UNKNOWN_EVENT", "data.source", f"{fields.shown(source)} is neither {' nor '.join(_SOURCES)}"),)


def _values(headers: Mapping[str, str], name: str) -> set[str]:
    return {value for key, value in headers.items() if key.lower() == name and value}


def _key(secret: str) -> bytes:
    """ValueError, without the secret in it, for what is none."""
    match = _KEY.fullmatch(secret)
    try:
        key = base64.b64decode(match[1], validate=True) if match else b""
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError("secret is not whsec_ and the base64 text of 24 to 64 bytes")
    return key


def _signature(key: bytes, message_id: str, timestamp: str, raw: bytes) -> str:
    signed = b".".join((message_id.encode("utf-8", "surrogatepass"), timestamp.encode(), raw))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
