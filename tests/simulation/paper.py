"""The same inputs as somebody would count them who has only the messages on paper.

No code of ``hunar`` is used here: what stands below is written from the promises, once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulation.inputs import GROUP_OF, LATE_MAPPED, PRICE, Input

LEFT = ("shipment_pickup_complete", "shipment_shipped", "shipment_delivered")
SHOWN = {
    "shipment_packed": "PACKED",
    "shipment_ready_to_dispatch": "READY",
    "shipment_pickup_complete": "PICKED_UP",
    "shipment_shipped": "SHIPPED",
    "shipment_delivered": "DELIVERED",
}
"""In the order in which a shipment goes through them."""


@dataclass
class PaperLine:
    """A line on paper."""

    sku: str
    quantity: int
    sold_at: datetime
    cancelled: int = 0
    state: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def open(self) -> int:
        return self.quantity - self.cancelled


@dataclass
class PaperOrder:
    """A shipment on paper."""

    state: str
    lines: dict[str, PaperLine]
    left: bool
    delivered: bool
    unannounced: int = 0
    """Cancellations of lines that nobody announced."""


@dataclass
class Paper:
    """All that should be true in the end."""

    orders: dict[str, PaperOrder]
    known: frozenset[str]
    """SKUs that are mapped."""
    counted: dict[str, int]
    """Units counted in, less those counted out, by SKU."""

    def hold(self, shipment: str, line_id: str) -> int:
        """Units that the line wants from the shelf and that are still there or missing."""
        order = self.orders[shipment]
        return 0 if order.left else order.lines[line_id].open

    def gone(self, shipment: str, line_id: str) -> int:
        """Units of the line that left the shelf."""
        order = self.orders[shipment]
        return order.lines[line_id].open if order.left else 0

    def balance(self, sku: str) -> int:
        """Units that are free when above zero; units that are missing when below."""
        wanted = sum(
            self.hold(shipment, line_id) + self.gone(shipment, line_id)
            for shipment, order in self.orders.items()
            for line_id, line in order.lines.items()
            if line.sku == sku and sku in self.known
        )
        return self.counted.get(sku, 0) - wanted

    def to_send(self, shipment: str, group_id: str) -> dict[str, int]:
        """Units of each SKU that a group has in an order."""
        found: dict[str, int] = defaultdict(int)
        for line in self.orders[shipment].lines.values():
            if GROUP_OF[line.sku] == group_id and line.sku in self.known and line.open:
                found[line.sku] += line.open
        return dict(found)

    def price_paise(self, shipment: str, line_id: str) -> int:
        """What the buyer pays for what was delivered of the line and not cancelled; 0 before."""
        order = self.orders[shipment]
        line = order.lines[line_id]
        return line.open * round(PRICE[line.sku] * 100) if order.delivered and line.sku in self.known else 0


def written(inputs: Iterable[Input]) -> Paper:
    """The inputs on paper; one that came twice is one."""
    papers: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    counted: dict[str, int] = defaultdict(int)
    known = {sku for sku in GROUP_OF if sku != LATE_MAPPED}
    acts = set()
    for each in inputs:
        match each.kind:
            case "message" if each.what["message"]["eventType"] != "shipment_teleported":
                message = each.what["message"]
                if message not in papers[message["shipmentId"]]:
                    papers[message["shipmentId"]].append(message)
            case "adjusted" if each.what["act_id"] not in acts:
                acts.add(each.what["act_id"])
                counted[each.what["sku"]] += each.what["quantity"]
            case "mapped":
                known.add(each.what["sku"])
    return Paper({shipment: _order(said) for shipment, said in papers.items()}, frozenset(known), counted)


def _order(said: list[Mapping[str, Any]]) -> PaperOrder:
    said = sorted(said, key=lambda message: message["timestamp"])
    steps = [message for message in said if message["eventType"] in SHOWN]
    left = min((message["timestamp"] for message in steps if message["eventType"] in LEFT), default=None)
    furthest = max((list(SHOWN).index(message["eventType"]) for message in steps), default=None)
    shown = "PLACED" if furthest is None else list(SHOWN.values())[furthest]
    lines: dict[str, PaperLine] = {}
    for message in said:
        if message["eventType"] == "shipment_created":
            for sold in message["attributes"]["orderItems"]:
                lines[sold["orderItemId"]] = PaperLine(
                    sold["sku"], sold["quantity"], datetime.fromisoformat(sold["orderDate"])
                )
    unannounced = 0
    for message in said:
        if message["eventType"] != "shipment_cancelled":
            continue
        [cut] = message["attributes"]["orderItems"]
        line = lines.get(cut["orderItemId"])
        if line is None:
            unannounced += 1
        elif left is not None and message["timestamp"] > left:
            line.problems.append("LATE_CANCELLATION")
        elif cut["quantity"] > line.open:
            line.problems.append("EXCESS_CANCELLATION")
        else:
            line.cancelled += cut["quantity"]
    for line in lines.values():
        line.state = "CANCELLED" if not line.open else shown
    state = "UNKNOWN" if not lines else shown
    if lines and not any(line.open for line in lines.values()):
        state = "CANCELLED"
    delivered = any(message["eventType"] == "shipment_delivered" for message in steps)
    return PaperOrder(state, lines, left is not None, delivered, unannounced)
