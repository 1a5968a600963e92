"""What comes from outside: a table of kinds, and stories drawn from them.

A kind of input is a row of KINDS: how it is fed into the world. What happens to a shipment is a row
of NEWS, what a person does about it a row of ACTS: how often, and how it is made. A new kind is a row
here and a line in ``paper.py``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from hunar.domain import facts
from hunar.marketplaces import flipkart
from hunar.messages import OperatorAct, Replay, StockAct
from hunar.ports import QueueName
from hunar.tables import Table
from tests.flipkart_messages import cancelled, created, item, step
from tests.simulation.news import dates_changed, form_failed, hold, returned, unhold
from tests.world import World

GROUP_OF: Final = {"STOLE": "G11", "HORSE": "G22", "TOTE": "G11"}
LATE_MAPPED: Final = "TOTE"
"""Nobody knows this listing until an input says so; in some stories none does."""
PRICE: Final = {"STOLE": 1500.0, "HORSE": 420.0, "TOTE": 260.0}
"""Rupees."""
STEPS: Final = ("packed", "ready_to_dispatch", "pickup_complete", "shipped", "delivered")
RUSHES: Final = 0.1
"""The part of the stories in which everything happens in one moment."""
FAIR: Final = "Shahari Samridhi Utsav"
SHIP_BY: Final = ("2026-11-26T12:00:00+05:30", "2026-11-28T18:00:00+05:30", "2026-11-30T10:00:00+05:30")

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


# how each kind is fed


class NotYet(Exception):
    """A person cannot do this now: what it is about is not there. It comes again a little later."""


Feed = Callable[[World, Input], str]
"""Puts the input in, and returns the id by which it must be findable, or nothing."""


def _message(world: World, given: Input) -> str:
    return world.post(given.what["message"])


def _unreadable(world: World, given: Input) -> str:
    return world.post(given.what["text"].encode(), readable=False)


def _shelf(world: World, given: Input) -> str:
    """A person's act on a shelf; the words of ``what`` are those of the message."""
    act = StockAct(at=instant(given.when), **given.what)
    world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
    return act.act_id


def _mapped(world: World, given: Input) -> str:
    world.map_listing(given.what["sku"], GROUP_OF[given.what["sku"]])
    return ""


def _act(world: World, given: Input, fact: facts.Fact) -> str:
    order_ref = f"flipkart:demo:{given.what['shipment']}"
    if not any(key.table is Table.ORDERS and key.pk == order_ref for key in world.store.everything()):
        raise NotYet
    act = OperatorAct(act_id=given.what["act_id"], order_ref=order_ref, fact=facts.to_text(fact))
    world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
    return act.act_id


def _voided(world: World, given: Input) -> str:
    """A person takes back one fact of a message."""
    said = flipkart.read(json.dumps(given.what["message"]).encode(), "demo").facts[given.what["nth"]]
    void = facts.Voided(given.what["act_id"], facts.fact_id(said), instant(given.when), "Asha", "not true")
    return _act(world, given, void)


def _remapped(world: World, given: Input) -> str:
    sku = given.what["sku"]
    terms = ("GROUP_PACKS", "SALE_SHARE", 1, "6214", None)
    fact = facts.Remapped(
        given.what["act_id"], given.what["line_id"], instant(given.when), sku, GROUP_OF[sku], *terms, "Asha", "wrong"
    )
    return _act(world, given, fact)


def _inspected(world: World, given: Input) -> str:
    counts = (given.what[name] for name in ("good", "damaged", "lost"))
    of = (given.what["act_id"], given.what["return_id"], given.what["line_id"])
    return _act(world, given, facts.Inspected(*of, instant(given.when), *counts, "Asha", "opened"))


def _replayed(world: World, given: Input) -> str:
    """A kept delivery is applied again."""
    identity = world_id(given.what["message"])
    for key in world.store.everything():
        if key.table is Table.DELIVERIES and key.sk == identity:
            world.queues.send(QueueName.ORDER_EVENTS, [Replay(pk=key.pk, sk=key.sk).model_dump_json()])
            return ""
    raise NotYet


KINDS: Final[Mapping[str, Feed]] = {
    "message": _message,
    "unreadable": _unreadable,
    "shelf": _shelf,
    "mapped": _mapped,
    "voided": _voided,
    "remapped": _remapped,
    "inspected": _inspected,
    "replayed": _replayed,
}


def instant(when: str) -> str:
    return facts.instant(datetime.fromisoformat(when))


def world_id(message: What) -> str:
    from hunar.domain.identity import delivery_id

    return delivery_id("flipkart", "demo", json.dumps(message, ensure_ascii=False).encode())


# stories


@dataclass
class Shipment:
    """One order while its story is drawn."""

    shipment: str
    sold_at: str
    lines: dict[str, tuple[str, int]]
    """SKU and units by line."""
    told: list[Input] = field(default_factory=list)
    minute: int = 0

    def say(self, kind: str, draw: random.Random, what: Callable[[str], What]) -> None:
        """The next thing happens, a while later. No two have the same time."""
        self.minute += draw.randint(1, 60)
        at = clock(self.minute)
        self.told.append(Input(kind, 0, at, what(at)))

    def some_line(self, draw: random.Random) -> tuple[str, str, int]:
        line_id, (sku, units) = draw.choice(list(self.lines.items()))
        return line_id, sku, units


Make = Callable[[Shipment, random.Random, str], What]


def announced(shipment: Shipment, draw: random.Random, at: str) -> What:
    return _announcement(shipment, shipment.lines, at, held=draw.random() < 0.08)


def announced_again(shipment: Shipment, draw: random.Random, at: str) -> What:
    """The same lines, other quantities, or even other products: the later announcement holds, whenever it arrives."""
    lines = {
        line_id: (
            draw.choice(list(GROUP_OF)) if draw.random() < 0.1 else sku,
            max(1, units + draw.randint(-2, 2)),
        )
        for line_id, (sku, units) in shipment.lines.items()
    }
    return _announcement(shipment, lines, at)


def _announcement(shipment: Shipment, lines: Mapping[str, tuple[str, int]], at: str, *, held: bool = False) -> What:
    items = [
        item(sku, units, PRICE[sku], line_id, orderDate=shipment.sold_at) for line_id, (sku, units) in lines.items()
    ]
    message = created(shipment.shipment, *items, at=at)
    message["attributes"]["hold"] = held
    return message


def cut(shipment: Shipment, draw: random.Random, at: str) -> What:
    line_id, _, units = shipment.some_line(draw)
    return cancelled(shipment.shipment, draw.randint(1, units), line_id, at=at)


def held(shipment: Shipment, draw: random.Random, at: str) -> What:
    line_id, _, units = shipment.some_line(draw)
    quantity = draw.randint(1, units)
    return hold(shipment.shipment, line_id, draw.choice((quantity, str(quantity))), at)


@dataclass(frozen=True)
class News:
    """Something that a marketplace says of a shipment, besides its announcement and its steps."""

    odds: float
    most: int
    make: Make


NEWS: Final = (
    News(0.15, 2, announced_again),
    News(0.4, 2, cut),
    News(0.15, 2, held),
    News(0.15, 2, lambda shipment, draw, at: unhold(shipment.shipment, at)),
    News(0.08, 1, lambda shipment, draw, at: dates_changed(shipment.shipment, draw.choice(SHIP_BY), at)),
    News(0.04, 1, lambda shipment, draw, at: form_failed(shipment.shipment, at)),
    News(0.04, 1, lambda shipment, draw, at: step(shipment.shipment, "teleported", at)),
)


def _life(shipment: Shipment, draw: random.Random) -> list[Input]:
    """All that is said and done about one shipment, in the order in which it happened."""
    steps = STEPS[: draw.choice((0, 0, 0, 1, 2, 3, 4, 5, 5))]
    making: list[Make] = [
        lambda shipment, draw, at, name=name: step(shipment.shipment, name, at)  # type: ignore[misc]
        for name in steps
        if draw.random() < 0.8
    ]
    for news in NEWS:
        for _ in range(news.most):
            if draw.random() < news.odds:
                making.insert(min(draw.randint(0, len(making)), draw.randint(0, len(making))), news.make)
    if draw.random() < 0.97:
        making.insert(0, announced)
    for make in making:
        shipment.say("message", draw, lambda at, make=make: {"message": make(shipment, draw, at)})  # type: ignore[misc]
    if len(steps) > 2 and draw.random() < 0.5:
        for number in range(draw.choice((1, 1, 2))):
            _return(shipment, draw, f"{shipment.shipment}-R{number}")
    for odds, act in ACTS:
        if draw.random() < odds:
            act(shipment, draw)
    return shipment.told


def _return(shipment: Shipment, draw: random.Random, return_id: str) -> None:
    """Units come back. The later news of a return do not name the shipment, and often not even the first."""
    line_id, _, units = shipment.some_line(draw)
    quantity = draw.randint(1, units)
    named = {"shipmentId": shipment.shipment} if draw.random() < 0.5 else {}
    source = draw.choice(("customer_return", "courier_return"))
    life = [("created", {"returnId": return_id, "quantity": quantity, "source": source, **named})]
    life += [("item_tracking_id_update", {"trackingId": "T1"})] * (draw.random() < 0.2)
    life += [("picked_up", {})] * (draw.random() < 0.6)
    life += [("completed", {})] * (draw.random() < 0.7)
    life += [("cancelled", {})] * (draw.random() < 0.15)
    for event, said in life:
        if draw.random() < 0.95:
            shipment.say(
                "message",
                draw,
                lambda at, event=event, said=said: {  # type: ignore[misc]
                    "message": returned(event, return_id, line_id, at, **said)
                },
            )
    for number in range(draw.choice((0, 1, 1, 2))):
        good, damaged = draw.randint(0, quantity), draw.choice((0, 0, 1))
        what = {"shipment": shipment.shipment, "act_id": f"{return_id}-I{number}", "return_id": return_id}
        what |= {"line_id": line_id, "good": good, "damaged": damaged, "lost": draw.choice((0, 0, 0, 1))}
        if what["good"] + what["damaged"] + what["lost"]:
            shipment.say("inspected", draw, lambda at, what=what: what)  # type: ignore[misc]


def _void(shipment: Shipment, draw: random.Random) -> None:
    """Something that was said is not true."""
    said = [
        each.what["message"]
        for each in shipment.told
        if each.kind == "message" and each.what["message"].get("shipmentId") == shipment.shipment
    ]
    said = [message for message in said if message["eventType"] != "shipment_teleported"]
    if said:
        message = draw.choice(said)
        nth = draw.randrange(len(message["attributes"].get("orderItems", (None,))))
        what = {"shipment": shipment.shipment, "act_id": f"{shipment.shipment}-V", "message": message, "nth": nth}
        shipment.say("voided", draw, lambda at: what)


def _remap(shipment: Shipment, draw: random.Random) -> None:
    for number in range(draw.choice((1, 1, 2))):
        line_id, _, _ = shipment.some_line(draw)
        what = {"shipment": shipment.shipment, "act_id": f"{shipment.shipment}-M{number}", "line_id": line_id}
        what["sku"] = draw.choice(list(GROUP_OF))
        shipment.say("remapped", draw, lambda at, what=what: what)  # type: ignore[misc]


def _replay(shipment: Shipment, draw: random.Random) -> None:
    said = [each.what["message"] for each in shipment.told if each.kind == "message"]
    if said:
        message = draw.choice(said)
        shipment.say("replayed", draw, lambda at: {"message": message})


ACTS: Final[tuple[tuple[float, Callable[[Shipment, random.Random], None]], ...]] = (
    (0.1, _void),
    (0.1, _remap),
    (0.05, _replay),
)
"""What persons do about a shipment: how often, and how it is added to the story."""


def clock(minute: int) -> str:
    """A time of the days around the one on which the world begins."""
    return f"2026-11-{24 + minute // 840:02}T{10 + minute % 840 // 60:02}:{minute % 60:02}:00+05:30"


def story(draw: random.Random) -> list[Input]:
    """Some shipments, some shelves, and when the news of them comes: in order, jumbled, or all at once."""
    if draw.random() < RUSHES:
        return _rush(draw)
    skus = draw.sample(list(GROUP_OF), draw.choice((1, 1, 2, 3)))
    told: list[Input] = []
    for number in range(1, draw.choice((1, 1, 2, 2, 3)) + 1):
        lines = {
            f"{number}{line}": (draw.choice(skus), draw.randint(1, 4))
            for line in range(1, draw.choice((1, 1, 1, 2, 3)) + 1)
        }
        minute = draw.randint(0, 20)
        told += _life(Shipment(f"S{number}", clock(minute), lines, minute=minute + draw.randint(0, 200)), draw)
    for sku in skus:
        told += _shelf_acts(sku, draw)
        if sku == LATE_MAPPED and draw.random() < 0.8:
            told.append(Input("mapped", 0, clock(draw.randint(0, 600)), {"sku": sku}))
    if draw.random() < 0.05:
        told.append(Input("unreadable", 0, clock(1), {"text": "{not json"}))
    told.sort(key=lambda each: each.when)
    return _arrivals(told, draw)


def _rush(draw: random.Random) -> list[Input]:
    """Orders come at the very moment at which somebody says whose their product is."""
    told = [*_shelf_acts(LATE_MAPPED, draw), Input("mapped", 0, clock(3), {"sku": LATE_MAPPED})]
    for number in range(1, 5):
        lines = {f"{number}1": (LATE_MAPPED, draw.randint(1, 4))}
        shipment = Shipment(f"S{number}", clock(number), lines, minute=number)
        shipment.say("message", draw, lambda at, shipment=shipment: {"message": announced(shipment, draw, at)})  # type: ignore[misc]
        told += shipment.told
    found = [replace(each, at=round(1 + draw.random() / 5, 1)) for each in told]
    return sorted(found, key=lambda each: each.at)


def _shelf_acts(sku: str, draw: random.Random) -> list[Input]:
    """What is counted in or out, by whom ever."""
    acts: list[What] = []
    for number in range(draw.choice((0, 1, 1, 2, 3))):
        quantity = draw.randint(1, 6) if number == 0 or draw.random() < 0.6 else -draw.randint(1, 3)
        acts.append({"act": "adjust", "quantity": quantity})
    if draw.random() < 0.1:
        acts.append({"act": "recount", "quantity": draw.choice((-2, -1, 1, 2)), "counted": 5})
    if draw.random() < 0.1:
        acts += [{"act": "buffer", "quantity": draw.randint(0, 3)} for _ in range(draw.choice((1, 2)))]
    if draw.random() < 0.1:
        taken = draw.randint(1, 4)
        acts.append({"act": "fair_take", "quantity": taken, "fair": FAIR})
        acts.append({"act": "fair_sold", "quantity": draw.randint(0, taken), "fair": FAIR})
        acts.append({"act": "fair_back", "quantity": draw.randint(0, taken), "fair": FAIR})
    return [
        Input("shelf", 0, clock(draw.randint(0, 600)), {"act_id": f"{sku}-{number}", "sku": sku, **act})
        for number, act in enumerate(acts)
    ]


def _arrivals(told: list[Input], draw: random.Random) -> list[Input]:
    way = draw.choice(("in order", "jumbled", "jumbled", "at once"))
    apart = draw.choice((1.0, 20.0, 200.0))
    span = apart * len(told)
    found = []
    for number, each in enumerate(told):
        at = {"in order": number * apart, "jumbled": draw.random() * span, "at once": draw.random() * 3}[way]
        if each.kind == "mapped" and found and draw.random() < 0.5:
            # Somebody imports just when an order comes that needs it.
            at = draw.choice(found).at + draw.random() / 5
        found.append(replace(each, at=round(at, 1)))
        if draw.random() < 0.2:
            # The sender sends it again.
            found.append(replace(each, at=round(at + draw.random() * draw.choice((2, 60, 4000)), 1)))
    return sorted(found, key=lambda each: each.at)
