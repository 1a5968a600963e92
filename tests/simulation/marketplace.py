"""The marketplace of one schedule: what is true of each shipment, and the API that tells it, or fails to.

The API is the local stack's, asked with the calls that the shipped module builds. Only the connection is played here:
answers that do not come, come late, or come from an old copy, and tokens that are over.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from hunar.domain.channel import Call
from hunar.marketplaces import flipkart_api
from hunar.ports import HttpAnswer, Retryable
from local.fake_api import NO_ANSWER, Answer
from local.fake_flipkart import Flipkart
from tests.flipkart_messages import SHIP_BY, cancelled, created, item, step
from tests.simulation.inputs import GROUP_OF, PRICE
from tests.simulation.news import hold, returned, unhold

if TYPE_CHECKING:
    from tests.simulation.channels import Trading

ACCOUNTS: Final = ("demo", "second")
"""Both sell the same products."""
LOCATION: Final = "LOC1234"
PAGE_SIZE: Final = 1
"""Shipments on a page, so that few shipments have pages. A marketplace may give fewer than it is asked for."""
LAG: Final = 300
"""Seconds by which a copy of the lists can be old."""
SLOW: Final = 8.0
GIVES_UP: Final = 10.0
"""Seconds after which no answer is waited for."""
BUSY: Final = 2
"""Seconds after which a busy marketplace wants to be asked again."""
IST: Final = timezone(timedelta(hours=5, minutes=30))
STATUSES: Final = ("APPROVED", "PACKED", "READY_TO_DISPATCH", "PICKUP_COMPLETE", "SHIPPED", "DELIVERED")
EVENTS: Final = {
    "PACKED": "packed",
    "READY_TO_DISPATCH": "ready_to_dispatch",
    "PICKUP_COMPLETE": "pickup_complete",
    "SHIPPED": "shipped",
    "DELIVERED": "delivered",
}
GONE: Final = STATUSES[3:]
_OPERATIONS: Final = {
    flipkart_api.SHIPMENTS: "fetch",
    flipkart_api.RETURNS: "returns",
    flipkart_api.SEARCH_SHIPMENTS: "search",
    flipkart_api.SEARCH_RETURNS: "returns",
    flipkart_api.UPDATE_INVENTORY: "publish",
    flipkart_api.LISTINGS: "show",
}
EXPECTED: Final = (401, 404, 429)
"""What a caller who does everything right may be answered."""
_FAULTS: Final = {"429": "429", "500": "500", "a page of words": "html", "a token is over": "expired_token"}

What = Mapping[str, Any]
Message = dict[str, Any]


@dataclass
class Sold:
    """A line as the marketplace has it."""

    sku: str
    units: int
    cancelled: int = 0
    returned: int = 0
    reason: str = ""

    @property
    def open(self) -> int:
        return self.units - self.cancelled


@dataclass
class Shipment:
    """What is true of one shipment."""

    account: str
    shipment: str
    sold_at: datetime
    updated_at: datetime
    lines: dict[str, Sold]
    counts_all: bool
    """Whether what was cancelled still stands among its entries."""
    status: str = "APPROVED"
    held: bool = False
    returns: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def left(self) -> bool:
        return self.status in GONE

    @property
    def open(self) -> int:
        return sum(line.open for line in self.lines.values())

    def content(self) -> dict[str, Any]:
        """As the API tells it."""
        entries = []
        for line_id, line in self.lines.items():
            of = item(line.sku, line.open, PRICE[line.sku], line_id, orderDate=self.sold_at.isoformat())
            if line.open:
                entries.append(of | {"status": self.status})
            if line.cancelled and (self.counts_all or not line.open):
                why = {"cancellationReason": line.reason, "cancellationDate": self.updated_at.isoformat()}
                entries.append(of | why | {"status": "CANCELLED", "quantity": line.cancelled})
        at = self.updated_at.isoformat()
        return {
            "shipmentId": self.shipment,
            "updatedAt": at,
            "hold": self.held,
            "dispatchByDate": SHIP_BY,
            "orderItems": entries,
        }


class Marketplace:
    """``MarketplaceApis`` of two accounts. Everything that workers do here they can be interrupted at."""

    def __init__(self, world: Trading) -> None:
        self._world = world
        fsns = {sku: fsn(sku) for sku in GROUP_OF}
        self._apis = {account: Flipkart(account, "app", "secret", LOCATION, fsns) for account in ACCOUNTS}
        self._tokens: dict[str, str] = {}
        self.shipments: dict[str, Shipment] = {}
        self.told: dict[tuple[str, str], int] = {}
        """The last number that reached the marketplace, by account and listing."""
        self.heard: set[str] = set()
        """Shipments that an answer told of."""
        self.changed_at = 0.0
        """Virtual seconds of the last change."""

    # what is true

    def change(self, what: What) -> Message | None:
        """Something happens. Returns the message that the marketplace makes of it; None when it cannot happen."""
        shipment = self.shipments.get(what["shipment"])
        if shipment is None:
            if what["change"] != "sold":
                return None
            return self._sell(what)
        # No two of its changes have the same time.
        at = max(self._world.time, shipment.updated_at + timedelta(seconds=1)).replace(microsecond=0)
        message = CHANGES[what["change"]](shipment, what, at.isoformat())
        if message is None:
            return None
        shipment.updated_at = at
        self.changed_at = self._world.seconds
        if what["change"] in ("return_created", "return_completed"):
            entry = shipment.returns[what["return_id"]]
            self._apis[shipment.account].put_return(what["return_id"], entry, self._world.time)
        else:
            self._apis[shipment.account].put_shipment(shipment.shipment, shipment.content(), self._world.time)
        return message

    def _sell(self, what: What) -> Message:
        at = self._world.time.astimezone(IST).replace(microsecond=0)
        lines = {line_id: Sold(sku, units) for line_id, (sku, units) in what["lines"].items()}
        shipment = Shipment(what["account"], what["shipment"], at, at, lines, what["counts_all"])
        self.shipments[shipment.shipment] = shipment
        self._apis[shipment.account].put_shipment(shipment.shipment, shipment.content(), self._world.time)
        self.changed_at = self._world.seconds
        sold = [
            item(line.sku, line.units, PRICE[line.sku], line_id, orderDate=at.isoformat())
            for line_id, line in lines.items()
        ]
        return created(shipment.shipment, *sold, at=at.isoformat())

    def shows(self, account: str) -> dict[str, int]:
        """Units that a buyer sees, by listing."""
        return {entry["listing"]: entry["quantity"] for entry in self._apis[account].stock(self._world.time)}

    # the API

    def call(self, marketplace: str, account: str, call: Call) -> HttpAnswer:
        world = self._world
        world.began_call(account, call)
        world.turn(f"before {call.operation}")
        telling = call.operation in (flipkart_api.UPDATE_INVENTORY, flipkart_api.LISTINGS)
        event = world.happens("telling" if telling else "asking")
        if world.api_is_out:
            event = "500"
        if event is not None:
            world.tell(f"    {account} {call.operation}: {event}")
        if event == "no answer":
            world.pause(GIVES_UP)
            raise Retryable("no answer")
        self._befall(account, call, event)
        answer = self._authorized(account, call)
        if call.operation == flipkart_api.UPDATE_INVENTORY and answer.status == 200 and event != "a page of words":
            self._note_told(account, call)
        world.turn(f"after {call.operation}")
        if event == "slow":
            world.pause(SLOW)
        if event == "told, and no answer":
            world.pause(GIVES_UP)
            raise Retryable("no answer")
        if answer.status == 200:
            self._note_heard(answer)
        told = answer.headers.get("Retry-After")
        return HttpAnswer(answer.status, answer.body, int(told) if told else None)

    def _befall(self, account: str, call: Call, event: str | None) -> None:
        name, seconds = _FAULTS.get(event or ""), 0
        if event == "an old copy":
            searches = call.operation in (flipkart_api.SEARCH_SHIPMENTS, flipkart_api.SEARCH_RETURNS)
            name, seconds = ("late", LAG) if searches else ("stale", 0)
        if event == "429":
            seconds = BUSY
        if name is not None:
            fault = {"operation": _OPERATIONS[call.operation], "fault": name, "seconds": seconds}
            self._apis[account].faults.set(fault)

    def _authorized(self, account: str, call: Call) -> Answer:
        """With a token; one that is refused is fetched anew, once."""
        answer = self._send(account, call)
        if answer.status == 401:
            del self._tokens[account]
            answer = self._send(account, call)
        return answer

    def _send(self, account: str, call: Call) -> Answer:
        if account not in self._tokens:
            asked = flipkart_api.token_call("app", "secret", None)
            answer = self._apis[account].answer(asked.method, asked.path, asked.headers, b"", self._world.time)
            self._tokens[account], _ = flipkart_api.token(answer.body)
        headers = flipkart_api.authorization(self._tokens[account])
        body = (call.body or "").encode()
        if call.operation == flipkart_api.SEARCH_SHIPMENTS and body:
            body = json.dumps(json.loads(body) | {"pagination": {"pageSize": PAGE_SIZE}}).encode()
        answer = self._apis[account].answer(call.method, call.path, headers, body, self._world.time)
        too_old = answer.status == 400 and "next_token=" in call.path
        if not too_old and (
            answer.status == NO_ANSWER or answer.status in range(400, 500) and answer.status not in EXPECTED
        ):
            raise AssertionError(f"the marketplace refuses {call}: {answer}")
        return answer

    def _note_told(self, account: str, call: Call) -> None:
        for listing, said in json.loads(call.body or "{}").items():
            [place] = said["locations"]
            self.told[account, listing] = place["inventory"]
            self._world.was_told(account, listing, place["inventory"])

    def _note_heard(self, answer: Answer) -> None:
        if answer.body.startswith(b"{"):
            self.heard |= {shipment["shipmentId"] for shipment in json.loads(answer.body).get("shipments", ())}


def fsn(sku: str) -> str:
    """A product id of the right form."""
    return f"{sku}{'X' * 16}"[:16]


# what can happen to a shipment, and the message that is made of it

Change = Callable[[Shipment, What, str], Message | None]


def _cancel(shipment: Shipment, what: What, at: str) -> Message | None:
    line = shipment.lines.get(what["line_id"])
    if line is None or shipment.left or not 0 < what["units"] <= line.open:
        return None
    line.cancelled += what["units"]
    line.reason = what["reason"]
    return cancelled(shipment.shipment, what["units"], what["line_id"], at=at)


def _go_on(shipment: Shipment, what: What, at: str) -> Message | None:
    forward = STATUSES.index(what["status"]) > STATUSES.index(shipment.status)
    if not forward or shipment.held or not shipment.open:
        return None
    shipment.status = what["status"]
    return step(shipment.shipment, EVENTS[shipment.status], at)


def _hold(shipment: Shipment, what: What, at: str) -> Message | None:
    lines = {line_id: line.open for line_id, line in shipment.lines.items() if line.open}
    if shipment.held or shipment.left or not lines:
        return None
    shipment.held = True
    message = hold(shipment.shipment, "", 0, at)
    entries = [{"orderItemId": line_id, "holdQuantity": units} for line_id, units in lines.items()]
    message["attributes"]["orderItems"] = entries
    return message


def _release(shipment: Shipment, what: What, at: str) -> Message | None:
    if not shipment.held:
        return None
    shipment.held = False
    return unhold(shipment.shipment, at)


def _come_back(shipment: Shipment, what: What, at: str) -> Message | None:
    line = shipment.lines.get(what["line_id"])
    coming = defaultdict(int, {what["line_id"]: 0})
    for entry in shipment.returns.values():
        coming[entry["orderItemId"]] += entry["quantity"]
    if line is None or not shipment.left or not 0 < what["units"] <= line.open - coming[what["line_id"]]:
        return None
    shipment.returns[what["return_id"]] = {
        "orderItemId": what["line_id"],
        "shipmentId": shipment.shipment,
        "quantity": what["units"],
        "type": "customer_return",
        "status": "RETURN_CREATED",
        "createdDate": at,
        "updatedDate": at,
    }
    of = {"returnId": what["return_id"], "quantity": what["units"], "shipmentId": shipment.shipment}
    return returned("created", what["return_id"], what["line_id"], at, source="customer_return", **of)


def _come_home(shipment: Shipment, what: What, at: str) -> Message | None:
    entry = shipment.returns.get(what["return_id"])
    if entry is None or entry["status"] != "RETURN_CREATED":
        return None
    entry |= {"status": "RETURN_COMPLETED", "updatedDate": at}
    shipment.lines[entry["orderItemId"]].returned += entry["quantity"]
    return returned("completed", what["return_id"], entry["orderItemId"], at)


CHANGES: Final[Mapping[str, Change]] = {
    "sold": lambda shipment, what, at: None,
    "cancelled": _cancel,
    "status": _go_on,
    "held": _hold,
    "released": _release,
    "return_created": _come_back,
    "return_completed": _come_home,
}
