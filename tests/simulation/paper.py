"""The same inputs as somebody would count them who has only the messages on paper.

No code of ``hunar`` is used here: what stands below is written from the promises, once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulation.inputs import GROUP_OF, LATE_MAPPED, Input

LEFT = ("shipment_pickup_complete", "shipment_shipped", "shipment_delivered")
SHOWN = {
    "shipment_packed": "PACKED",
    "shipment_ready_to_dispatch": "READY",
    "shipment_pickup_complete": "PICKED_UP",
    "shipment_shipped": "SHIPPED",
    "shipment_delivered": "DELIVERED",
}
"""In the order in which a shipment goes through them."""

Message = Mapping[str, Any]


@dataclass
class PaperLine:
    """A line on paper."""

    sku: str
    quantity: int
    sold_at: datetime
    price_paise: int
    known: bool
    """Somebody said whose product it is."""
    cancelled: int = 0
    held: int = 0
    returned: int = 0
    good: int = 0
    lost: int = 0
    state: str = ""

    @property
    def open(self) -> int:
        return self.quantity - self.cancelled


@dataclass
class PaperReturn:
    """A return on paper, of one line."""

    line_id: str
    units: int
    called_off: bool
    """It was cancelled, and nobody saw it come back."""


@dataclass
class PaperOrder:
    """A shipment on paper."""

    state: str
    lines: dict[str, PaperLine]
    left: bool
    delivered: bool
    returns: dict[str, PaperReturn] = field(default_factory=dict)
    lied_about: bool = False
    """Somebody forged a message about it, so a group may have been told of what never was."""


@dataclass
class Paper:
    """All that should be true in the end."""

    orders: dict[str, PaperOrder]
    counted: dict[str, int]
    """Units counted in, less those counted out, by SKU."""
    buffers: dict[str, int]
    fairs: dict[tuple[str, str], dict[str, int]]

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
            line.open - line.good
            for order in self.orders.values()
            for line in order.lines.values()
            if line.sku == sku and line.known
        )
        return self.counted.get(sku, 0) - wanted

    def to_send(self, shipment: str, group_id: str) -> dict[str, int]:
        """Units of each SKU that a group has in an order."""
        return self._units(shipment, group_id, "open")

    def held(self, shipment: str, group_id: str) -> dict[str, int]:
        """Units of each SKU that a group may not hand over."""
        return self._units(shipment, group_id, "held")

    def _units(self, shipment: str, group_id: str, name: str) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for line in self.orders[shipment].lines.values():
            if GROUP_OF[line.sku] == group_id and line.known and getattr(line, name):
                found[line.sku] += getattr(line, name)
        return dict(found)

    def due_paise(self, shipment: str, line_id: str) -> int:
        """What the buyer pays for what was delivered and kept; 0 before."""
        order = self.orders[shipment]
        line = order.lines[line_id]
        return (line.open - line.returned) * line.price_paise if order.delivered and line.known else 0


@dataclass
class _Pile:
    """All papers about one shipment."""

    messages: list[Message] = field(default_factory=list)
    acts: list[Input] = field(default_factory=list)


def written(inputs: Iterable[Input]) -> Paper:
    """The inputs on paper; one that came twice is one."""
    once: list[Input] = []
    for each in inputs:
        if not any((each.kind, each.what) == (other.kind, other.what) for other in once):
            once.append(each)
    once.sort(key=lambda each: each.when)
    piles: dict[str, _Pile] = defaultdict(_Pile)
    returns: list[Message] = []
    listed = {sku for sku in GROUP_OF if sku != LATE_MAPPED}
    paper = Paper({}, defaultdict(int), {}, {})
    for each in once:
        match each.kind:
            case "message" if each.what["message"]["eventType"].startswith("return_"):
                returns.append(each.what["message"])
            case "message" if each.what["message"]["eventType"] != "shipment_teleported":
                piles[each.what["message"]["shipmentId"]].messages.append(each.what["message"])
            case "shelf":
                _count(paper, each.what)
            case "mapped":
                listed.add(each.what["sku"])
            case "voided" | "remapped" | "inspected":
                piles[each.what["shipment"]].acts.append(each)
    for shipment, pile in piles.items():
        mine = [message for message in returns if _named(message) == shipment or _line_of(message)[0] == shipment[1:]]
        if pile.messages or any(_named(message) for message in mine):
            paper.orders[shipment] = _order(pile, mine, listed)
    for message in returns:
        if (shipment := _named(message)) and shipment not in paper.orders:
            paper.orders[shipment] = PaperOrder("UNKNOWN", {}, False, False)
    return paper


def _named(message: Message) -> str | None:
    """The shipment that a return's message names."""
    [item] = message["attributes"]["returnItems"]
    return item.get("shipmentId")


def _line_of(message: Message) -> str:
    """The line that comes back. The first digit of a line's id is its shipment's number."""
    [item] = message["attributes"]["returnItems"]
    return str(item["orderItemId"])


def _count(paper: Paper, act: Mapping[str, Any]) -> None:
    sku, units = act["sku"], act["quantity"]
    match act["act"]:
        case "buffer":
            paper.buffers[sku] = units
            return
        case "adjust" | "recount" | "fair_back":
            paper.counted[sku] += units
        case "fair_take":
            paper.counted[sku] -= units
    if act["act"].startswith("fair_"):
        stall = paper.fairs.setdefault((sku, act["fair"]), {"take": 0, "sold": 0, "back": 0})
        stall[act["act"].removeprefix("fair_")] += units


def _order(pile: _Pile, returns: list[Message], listed: set[str]) -> PaperOrder:
    void = [(act.what["message"], act.what["nth"]) for act in pile.acts if act.kind == "voided"]
    said = [message for message in pile.messages if (message, 0) not in void or "orderItems" in message["attributes"]]
    steps = [message for message in said if message["eventType"] in SHOWN]
    left = min((message["timestamp"] for message in steps if message["eventType"] in LEFT), default=None)
    furthest = max((list(SHOWN).index(message["eventType"]) for message in steps), default=None)
    shown = "PLACED" if furthest is None else list(SHOWN.values())[furthest]
    lines: dict[str, PaperLine] = {}
    holds: list[tuple[str, str | None, int | None]] = []
    """When, which line (or all), how many (or all)."""
    released = ""
    for message in said:
        entries = message["attributes"].get("orderItems", ())
        true = [entry for nth, entry in enumerate(entries) if (message, nth) not in void]
        match message["eventType"]:
            case "shipment_created":
                for sold in true:
                    lines[sold["orderItemId"]] = PaperLine(
                        sold["sku"],
                        sold["quantity"],
                        datetime.fromisoformat(sold["orderDate"]),
                        round(sold["priceComponents"]["sellingPrice"] * 100),
                        sold["sku"] in listed,
                    )
                if message["attributes"]["hold"]:
                    holds.append((message["timestamp"], None, None))
            case "shipment_hold":
                holds += [(message["timestamp"], cut["orderItemId"], int(cut["holdQuantity"])) for cut in true]
            case "shipment_unhold":
                released = message["timestamp"]
    for message in said:
        if message["eventType"] == "shipment_cancelled":
            for nth, cut in enumerate(message["attributes"]["orderItems"]):
                line = lines.get(cut["orderItemId"])
                in_time = left is None or message["timestamp"] <= left
                if line and in_time and cut["quantity"] <= line.open and (message, nth) not in void:
                    line.cancelled += cut["quantity"]
    for act in pile.acts:
        if act.kind == "remapped" and act.what["line_id"] in lines:
            lines[act.what["line_id"]].sku = act.what["sku"]
            lines[act.what["line_id"]].known = True
    opened = [act for act in pile.acts if act.kind == "inspected"]
    _come_back(lines, left, returns, opened)
    for line_id, line in lines.items():
        mine = [(at, units) for at, whose, units in holds if whose in (None, line_id)]
        last = max((at for at, _ in mine), default="")
        if left is None and last > released:
            line.held = max(min(line.open, line.open if units is None else units) for at, units in mine if at == last)
        line.state = line_state(line, shown)
    delivered = any(message["eventType"] == "shipment_delivered" for message in steps)
    return PaperOrder(order_state(lines, shown), lines, left is not None, delivered, _requested(returns, opened))


def _requested(returns: list[Message], opened: list[Input]) -> dict[str, PaperReturn]:
    found = {}
    for request in returns:
        if request["eventType"] != "return_created":
            continue
        return_id, [item] = request["returnId"], request["attributes"]["returnItems"]
        news = {message["eventType"]: message["timestamp"] for message in returns if message["returnId"] == return_id}
        seen = any(act.what["return_id"] == return_id for act in opened)
        called_off = "return_cancelled" in news and news.get("return_completed", "") < news["return_cancelled"]
        found[return_id] = PaperReturn(_line_of(request), item["quantity"], called_off and not seen)
    return found


def _come_back(lines: Mapping[str, PaperLine], left: str | None, returns: list[Message], opened: list[Input]) -> None:
    """What is back, and what of it is good. Nothing comes back that did not leave."""
    requests = {message["returnId"]: message for message in returns if message["eventType"] == "return_created"}
    for return_id, request in requests.items():
        line = lines.get(_line_of(request))
        if line is None:
            continue
        news = {message["eventType"]: message["timestamp"] for message in returns if message["returnId"] == return_id}
        looked = [act.what for act in opened if act.what["return_id"] == return_id]
        received = news.get("return_completed", "")
        if not looked and not (received and received >= news.get("return_cancelled", "")):
            continue
        [item] = request["attributes"]["returnItems"]
        room = line.open - line.returned if left is not None else 0
        back = min(item["quantity"], room)
        line.returned += back
        for found in looked:
            if found["good"] + found["damaged"] + found["lost"] <= back:
                back -= found["good"] + found["damaged"] + found["lost"]
                line.good += found["good"]
                line.lost += found["lost"]


def line_state(line: PaperLine, shown: str) -> str:
    if not line.open:
        return "CANCELLED"
    if line.returned == line.open:
        return "LOST" if line.lost == line.open else "RETURNED"
    return "HELD" if line.held else shown


def order_state(lines: Mapping[str, PaperLine], shown: str) -> str:
    if not lines:
        return "UNKNOWN"
    states = {line.state for line in lines.values() if line.open}
    if not states:
        return "CANCELLED"
    if "HELD" in states:
        return "HELD"
    if states <= {"RETURNED", "LOST"}:
        return "RETURNED" if "RETURNED" in states else "LOST"
    return shown
