"""What comes from outside: a table of kinds, and stories drawn from them.

A kind of input is a row of KINDS: how it is fed into the world. What happens to a shipment is a row
of NEWS: how often, and how its message is made. A new kind is a row here and a line in ``paper.py``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from tests.flipkart_messages import cancelled, created, item, step
from tests.world import World

GROUP_OF: Final = {"STOLE": "G11", "HORSE": "G22", "TOTE": "G11"}
LATE_MAPPED: Final = "TOTE"
"""Nobody knows this listing until an input says so; in some stories none does."""
PRICE: Final = {"STOLE": 1500.0, "HORSE": 420.0, "TOTE": 260.0}
"""Rupees."""
STEPS: Final = ("packed", "ready_to_dispatch", "pickup_complete", "shipped", "delivered")

What = dict[str, Any]


@dataclass(frozen=True)
class Input:
    """One thing that somebody outside does."""

    kind: str
    at: float
    """When it comes, in virtual seconds."""
    when: str
    """When it happened, by its own time: a clean run takes all inputs in this order."""
    what: What

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Feed = Callable[[World, What], str]
"""Puts the input in, and returns the id by which it must be findable."""


def _message(world: World, what: What) -> str:
    return world.post(what["message"])


def _unreadable(world: World, what: What) -> str:
    return world.post(what["text"].encode(), readable=False)


def _adjusted(world: World, what: What) -> str:
    world.count_in(what["sku"], what["quantity"], what["act_id"])
    return str(what["act_id"])


def _mapped(world: World, what: What) -> str:
    world.map_listing(what["sku"], GROUP_OF[what["sku"]])
    return ""


KINDS: Final[Mapping[str, Feed]] = {
    "message": _message,
    "unreadable": _unreadable,
    "adjusted": _adjusted,
    "mapped": _mapped,
}


@dataclass
class Shipment:
    """One order while its story is drawn."""

    shipment: str
    sold_at: str
    lines: dict[str, tuple[str, int]]
    """SKU and units by line."""


def _announced(shipment: Shipment, draw: random.Random, at: str) -> What:
    return _announcement(shipment, shipment.lines, at)


def _announced_again(shipment: Shipment, draw: random.Random, at: str) -> What:
    """The same lines, other quantities: the later announcement holds, whenever it arrives."""
    lines = {line_id: (sku, max(1, units + draw.randint(-2, 2))) for line_id, (sku, units) in shipment.lines.items()}
    return _announcement(shipment, lines, at)


def _announcement(shipment: Shipment, lines: Mapping[str, tuple[str, int]], at: str) -> What:
    items = [
        item(sku, units, PRICE[sku], line_id, orderDate=shipment.sold_at) for line_id, (sku, units) in lines.items()
    ]
    return created(shipment.shipment, *items, at=at)


def _cancelled(shipment: Shipment, draw: random.Random, at: str) -> What:
    line_id, (_, units) = draw.choice(list(shipment.lines.items()))
    return cancelled(shipment.shipment, draw.randint(1, units), line_id, at=at)


def _unheard_of(shipment: Shipment, draw: random.Random, at: str) -> What:
    return step(shipment.shipment, "teleported", at)


@dataclass(frozen=True)
class News:
    """Something that a marketplace says of a shipment, besides its announcement and its steps."""

    odds: float
    most: int
    make: Callable[[Shipment, random.Random, str], What]


NEWS: Final = (
    News(0.25, 2, _announced_again),
    News(0.45, 3, _cancelled),
    News(0.05, 1, _unheard_of),
)


def _life(shipment: Shipment, draw: random.Random) -> list[What]:
    """All that the marketplace says of one shipment, in the order in which it happened."""
    steps = STEPS[: draw.choice((0, 0, 1, 2, 3, 4, 5, 5))]
    told: list[Callable[[str], What]] = [
        lambda at, name=name: step(shipment.shipment, name, at)  # type: ignore[misc]
        for name in steps
        if draw.random() < 0.8
    ]
    for news in NEWS:
        for _ in range(news.most):
            if draw.random() < news.odds:
                place = min(draw.randint(0, len(told)), draw.randint(0, len(told)))
                told.insert(place, lambda at, make=news.make: make(shipment, draw, at))  # type: ignore[misc]
    if draw.random() < 0.97:
        told.insert(0, lambda at: _announced(shipment, draw, at))
    minute = draw.randint(0, 200)
    found = []
    for make in told:
        minute += draw.randint(1, 90)
        found.append(make(clock(minute)))
    return found


def clock(minute: int) -> str:
    """A time of the day before the world begins, or of that day."""
    return f"2026-11-{24 + minute // 840:02}T{10 + minute % 840 // 60:02}:{minute % 60:02}:00+05:30"


def story(draw: random.Random) -> list[Input]:
    """Some shipments, some shelves, and when the news of them comes: in order, jumbled, or all at once."""
    skus = draw.sample(list(GROUP_OF), draw.choice((1, 1, 2, 3)))
    told: list[Input] = []
    for number in range(draw.choice((1, 2, 2, 3, 4))):
        lines = {
            str(line): (draw.choice(skus), draw.randint(1, 4)) for line in range(1, draw.choice((1, 1, 2, 3)) + 1)
        }
        shipment = Shipment(f"S{number + 1}", clock(draw.randint(0, 20)), lines)
        told += [Input("message", 0, message["timestamp"], {"message": message}) for message in _life(shipment, draw)]
    for sku in skus:
        for number in range(draw.choice((0, 1, 1, 2, 3))):
            quantity = draw.randint(1, 9) if number == 0 or draw.random() < 0.6 else -draw.randint(1, 3)
            act = {"act_id": f"{sku}-{number}", "sku": sku, "quantity": quantity}
            told.append(Input("adjusted", 0, clock(draw.randint(0, 600)), act))
        if sku == LATE_MAPPED and draw.random() < 0.8:
            told.append(Input("mapped", 0, clock(draw.randint(0, 600)), {"sku": sku}))
    if draw.random() < 0.05:
        told.append(Input("unreadable", 0, clock(1), {"text": "{not json"}))
    told.sort(key=lambda each: each.when)
    return _arrivals(told, draw)


def _arrivals(told: list[Input], draw: random.Random) -> list[Input]:
    way = draw.choice(("in order", "jumbled", "jumbled", "at once"))
    apart = draw.choice((1.0, 20.0, 200.0))
    span = apart * len(told)
    found = []
    for number, each in enumerate(told):
        at = {"in order": number * apart, "jumbled": draw.random() * span, "at once": draw.random() * 3}[way]
        found.append(replace(each, at=round(at, 1)))
        if draw.random() < 0.25:
            # The sender sends it again.
            found.append(replace(each, at=round(at + draw.random() * draw.choice((2, 60, 4000)), 1)))
    return sorted(found, key=lambda each: each.at)
