"""Schedules of an agency that sells the same products through two accounts, whose API can be asked and told.

The truth lies with the marketplace: it changes, and messages tell of it, in any order, twice, late, or never. Others
come from nobody knows whom and are not true. What the agency believes in the end, and what its groups and channels were
told on the way, is held against the truth.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from hunar import tables
from hunar.domain.channel import Call
from hunar.marketplaces import flipkart_api
from hunar.messages import Fetch, PublishStock
from hunar.ports import Put, QueueName, SmsAnswer, SmsRequest
from hunar.tables import Item, Key
from hunar.use_cases.asking import Desk
from hunar.use_cases.catch_up import Kind, Outcome, catch_up
from hunar.use_cases.fetch import fetch
from hunar.use_cases.publish import publish, publish_all
from tests.flipkart_messages import cancelled, created, item, step
from tests.simulation import schedule as orders
from tests.simulation import weather
from tests.simulation.channel_promises import ChannelWatch, check
from tests.simulation.choices import Choices
from tests.simulation.inputs import KINDS, PRICE, Input, clock
from tests.simulation.marketplace import ACCOUNTS, LOCATION, STATUSES, Marketplace, Message, fsn
from tests.simulation.news import hold, returned
from tests.simulation.promises import Broken
from tests.simulation.schedule import CALM, CALM_TICKS, STORM, Played
from tests.simulation.workers import SWEEP_TIMEOUT, TIMEOUT, Clock, Network, Simulation, Worker
from tests.world import START

SOLD: Final = ("STOLE", "HORSE")
BEFORE: Final = -7200.0
"""Seconds. Then the accounts are asked for the first time, and have nothing to tell."""
LAG: Final = timedelta(minutes=2)
RUN: Final = 300
"""Seconds from one look at the marketplace to the next."""
RUNS: Final = 40
"""Of them, after the faults have stopped, all must be known: an API that failed for long is left alone for an hour."""
SEEN: Final = 13 * 60
"""Seconds after which whatever changed stands in the lists and was asked for."""
OUT: Final = 0.3
"""The part of the schedules in which the API answers nobody for a while."""

STORMS_ON: Final = 1200
"""Seconds for which things still go wrong after such a while."""
SILENT: Final = 0.15
"""The part of the schedules in which no message of the marketplace comes at all."""
FORGED: Final[tuple[str, ...]] = (
    "placed", "again", "cancelled", "cancelled", "delivered", "pickup_complete", "held", "returned"
)  # fmt: skip


@dataclass(frozen=True)
class Trade:
    """Everything that decides a run, except the code."""

    inputs: tuple[Input, ...]
    weather: Mapping[str, float]
    outage: tuple[float, float] | None = None
    """From when to when, in seconds, the API answers nobody."""
    seed: int | None = None
    record: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int) -> Trade:
        draw = random.Random(seed)
        story = tuple(_story(draw))
        drawn = weather.drawn(draw, weather.WITH_APIS)
        begins = draw.random() * 1200
        outage = (begins, begins + draw.random() * 5400) if draw.random() < OUT else None
        return cls(story, drawn, outage, seed)

    @classmethod
    def of_file(cls, path: Path) -> Trade:
        content = json.loads(path.read_text())
        outage = content["outage"]
        return cls(
            tuple(Input(**each) for each in content["inputs"]),
            content["weather"],
            (outage[0], outage[1]) if outage else None,
            record={int(number): answer for number, answer in content["choices"].items()},
        )

    def play(self, *, tell: bool = False) -> Played:
        return play(self, tell=tell)

    def calm(self) -> Trade:
        """The same story without a fault, and with one worker at a time."""
        return replace(self, weather={}, outage=None, seed=None, record={})

    def content(self) -> dict[str, Any]:
        """For a file. Only one whose choices were written down has one."""
        return {
            "inputs": [asdict(each) for each in self.inputs],
            "weather": dict(self.weather),
            "outage": self.outage,
            "choices": {str(number): answer for number, answer in sorted(self.record.items())},
        }


class Trading(Simulation):
    """Workers that also ask and tell a marketplace."""

    def __init__(self, choices: Choices, weather_: weather.Weather, outage: tuple[float, float] | None = None) -> None:
        super().__init__(choices, weather_)
        self._api_accounts = frozenset(("flipkart", account) for account in ACCOUNTS)
        self.outage = outage
        self.market = Marketplace(self)
        self.phones = Watched(self)  # type: ignore[assignment]
        self.promises = ChannelWatch(self)
        self.watch = self.promises
        self.ran: list[Kind] = []
        """What the last run of catching up came to."""
        self.ran_at = float("-inf")
        """When it began, in virtual seconds."""
        self.clocks = [
            Clock("sweep", self.sweep, SWEEP_TIMEOUT),
            Clock("catching up", self._catch_up, 60, overlaps=True),
        ]
        self._claimants = itertools.count()

    @property
    def api_is_out(self) -> bool:
        return self.outage is not None and self.outage[0] <= self.seconds < self.outage[1]

    def calm(self) -> None:
        super().calm()
        self.outage = None

    def desk(self) -> Desk:
        """Of the worker that works now."""
        worker = self.worker
        return Desk(
            store=self.store,
            queues=self.queues,
            apis=self.market,
            channels={"flipkart": flipkart_api},
            accounts=self._api_accounts,
            clock=lambda: self._clock(worker),
            time_left=lambda: worker.ends_at - self.seconds,
            pause=self.pause,
            claimant=f"worker-{next(self._claimants)}",
            again=self._again,
            lag=LAG,
        )

    def _clock(self, worker: Worker) -> datetime:
        self.promises.looks_at_the_clock(worker)
        return self.time

    def work(self, queue: QueueName, body: str) -> str:
        if queue is QueueName.FETCHES:
            return fetch(self.desk(), Fetch.model_validate_json(body)).value
        if queue is QueueName.STOCK_FEED:
            message = PublishStock.model_validate_json(body)
            self.promises.begins_to_tell(self.worker, message.sku)
            return publish(self.desk(), message).value
        return super().work(queue, body)

    def tell_all(self) -> None:
        """What the night does."""
        self.clocks.append(
            Clock("night", lambda: publish_all(self.desk()), TIMEOUT[QueueName.STOCK_FEED], self.seconds)
        )
        self.begin(self.clocks.pop())

    def began_call(self, account: str, call: Call) -> None:
        self.promises.calls(self.worker, account, call)

    def was_told(self, account: str, listing: str, units: int) -> None:
        self.tell(f"TOLD {account} {listing}: {units}")
        self.promises.was_told(self.worker, account, listing, units)

    def _catch_up(self) -> None:
        began = self.seconds
        self.ran = catch_up(self.desk())
        self.ran_at = began
        self.tell("    caught up: " + ", ".join(f"{kind.account} {kind.kind} {kind.outcome}" for kind in self.ran))


class Watched(Network):
    """A phone network whose texts are looked at when they are sent."""

    def send(self, request: SmsRequest) -> SmsAnswer:
        world: Any = self._simulation
        world.promises.is_sent(request)
        return super().send(request)


def play(trade: Trade, *, tell: bool = False) -> Played:
    """Play it and check all promises."""
    choices = Choices(trade.seed, trade.record)
    world = Trading(choices, trade.weather, trade.outage)
    world.store.load(_prepared().items())
    if tell:
        world.tale = []
    broken: Broken | None = None
    try:
        acknowledged = _feed(world, trade)
        world.run(STORM, ticks=orders.STORM_TICKS)
        _rest(world)
        if not world.promises.broken:
            check(world, acknowledged, trade.inputs)
            _night(world)
    except Broken as found:
        broken = found
    finally:
        world.close()
    return Played(world.promises.broken or broken, choices.record, world.failures, world.tale or [], world.ticks)


@cache
def _prepared() -> dict[Key, Item]:
    """An agency that has imported everything and asked its accounts once."""
    world = Trading(Choices(), {})
    world.seconds, world.time = BEFORE, START + timedelta(seconds=BEFORE)
    orders.prepare(world)
    for account in ACCOUNTS:
        of = {"marketplace": "flipkart", "account": account}
        world.store.commit([Put(tables.account(**_names(of)), of | {"location_id": LOCATION})])
        for sku in SOLD:
            [listing] = world.store.read([tables.listing("flipkart", "demo", sku)]).values()
            key = tables.listing("flipkart", account, sku)
            world.store.commit([Put(key, listing | of | {"product_id": fsn(sku)})])
    while not (world.ran and all(kind.outcome is Outcome.CAUGHT_UP for kind in world.ran)):
        world.wait(RUN, ticks=CALM_TICKS)
    if world.failures or world.seconds > 0:
        raise RuntimeError(f"an agency cannot even begin: {world.failures}")
    return world.store.everything()


def _names(of: Mapping[str, str]) -> dict[str, str]:
    return {"marketplace": of["marketplace"], "account_name": of["account"]}


def _rest(world: Trading) -> None:
    """The faults stop, and within a bounded time everything is known and done."""
    world.calm()
    _until_quiet(world)
    # What had failed too often before gave up only now.
    world.redrive()
    _until_quiet(world)
    if world.dead_letters:
        letters = [f"{message.queue}: {message.body[:80]}" for message in world.dead_letters]
        raise Broken("nothing is parked when nothing is wrong with it", f"dead letters: {letters}")
    for _ in range(RUNS):
        world.wait(RUN, ticks=CALM_TICKS)
        _until_quiet(world)
        known = world.ran_at >= world.market.changed_at + SEEN
        if known and all(kind.outcome is Outcome.CAUGHT_UP for kind in world.ran):
            return
    raise Broken("the accounts are caught up in the end", str(world.ran))


def _until_quiet(world: Trading) -> None:
    if not world.run(world.seconds + CALM, ticks=CALM_TICKS) or not world.quiet:
        left = [f"{message.queue}: {message.body[:80]}" for message in world.waiting]
        raise Broken("all queues are empty in the end", f"left: {left}")


def _night(world: Trading) -> None:
    """Every channel is told everything once more: then also that is right which nobody could know by day."""
    world.tell_all()
    _until_quiet(world)
    world.promises.shown()


# the story


def _feed(world: Trading, trade: Trade) -> list[str]:
    """Put the inputs into the world's future. Returns the ids of the messages that came, as they come."""
    acknowledged: list[str] = []

    def post(account: str, message: Message, *, forged: bool = False) -> None:
        acknowledged.append(world.post(message, account))
        world.promises.came(message, forged=forged)

    def later(seconds: float, account: str, message: Message) -> None:
        name = f"message {account} {_brief(message)}"
        world.inputs.append((world.seconds + seconds, name, lambda: post(account, message)))
        world.inputs = deque(sorted(world.inputs, key=lambda entry: entry[0]))

    def feed(each: Input) -> None:
        what = each.what
        if each.kind == "truth":
            message = world.market.change(what)
            for delay in what["pushes"] if message else ():
                later(delay, what["account"], message or {})
        elif each.kind == "forged":
            post(what["account"], _forged(what, world.time + timedelta(seconds=what["skew"])), forged=True)
        else:
            acknowledged.append(KINDS[each.kind](world, each))

    for each in trade.inputs:
        world.inputs.append((each.at, f"{each.kind} {each.what}", lambda each=each: feed(each)))  # type: ignore[misc]
    if trade.outage:
        world.inputs.append((trade.outage[1] + STORMS_ON, "nothing any more", lambda: None))
    world.inputs = deque(sorted(world.inputs, key=lambda entry: entry[0]))
    return acknowledged


def _brief(message: Message) -> str:
    return f"{message.get('shipmentId') or message['returnId']} {message['eventType']} of {message['timestamp'][11:19]}"


def _forged(what: Mapping[str, Any], at: datetime) -> Message:
    """A message that nobody at the marketplace sent."""
    shipment, when = what["shipment"], at.replace(microsecond=0).isoformat()
    line_id, units = what["line_id"], what["units"]
    match what["forged"]:
        case "placed" | "again":
            sold = item(what["sku"], units, PRICE[what["sku"]], line_id, orderDate=when)
            return created(shipment, sold, at=when)
        case "cancelled":
            return cancelled(shipment, units, line_id, at=when)
        case "held":
            return hold(shipment, line_id, units, when)
        case "returned":
            of = {"returnId": f"R-{shipment}", "quantity": units, "shipmentId": shipment}
            return returned("created", f"R-{shipment}", line_id, when, source="customer_return", **of)
        case event:
            return step(shipment, event, when)


def _story(draw: random.Random) -> list[Input]:
    """Some shipments and what becomes of them, some shelves, and some messages that are not true."""
    skus = draw.sample(SOLD, draw.choice((1, 1, 2)))
    silent = draw.random() < SILENT
    told: list[Input] = []
    lines_of: dict[str, tuple[str, dict[str, tuple[str, int]]]] = {}
    for number in range(1, draw.choice((1, 2, 2, 3, 4)) + 1):
        shipment, account = f"S{number}", draw.choice((ACCOUNTS[0], *ACCOUNTS))
        lines = {
            f"{number}{line}": (draw.choice(skus), draw.randint(1, 4)) for line in range(1, draw.choice((1, 1, 2)) + 1)
        }
        lines_of[shipment] = account, lines
        told += _life(draw, shipment, account, lines, silent)
    for number in range(draw.choice((0, 0, 1, 2, 3))):
        told.append(_lie(draw, number, lines_of, skus, told))
    for sku in skus:
        told += _shelf_acts(draw, sku)
    return sorted(told, key=lambda each: each.at)


def _life(
    draw: random.Random, shipment: str, account: str, lines: dict[str, tuple[str, int]], silent: bool
) -> list[Input]:
    whats: list[dict[str, Any]] = [
        {"change": "status", "status": status}
        for status in STATUSES[1 : draw.choice((1, 1, 2, 3, 4, 6, 6))]
        if draw.random() < 0.8
    ]

    def somewhere(what: dict[str, Any]) -> None:
        whats.insert(min(draw.randint(0, len(whats)), draw.randint(0, len(whats))), what)

    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        line_id, (_, units) = draw.choice(list(lines.items()))
        reason = draw.choice(("buyer_changed_mind", "seller_out_of_stock", "logistics"))
        somewhere({"change": "cancelled", "line_id": line_id, "units": draw.randint(1, units), "reason": reason})
    if draw.random() < 0.15:
        place = draw.randint(0, len(whats))
        whats[place:place] = [{"change": "held"}] + [{"change": "released"}] * (draw.random() < 0.7)
    whats.insert(0, {"change": "sold", "lines": lines, "counts_all": draw.random() < 0.7})
    if draw.random() < 0.4:
        line_id, (_, units) = draw.choice(list(lines.items()))
        of = {"return_id": f"R-{shipment}", "line_id": line_id, "units": draw.randint(1, units)}
        whats.append({"change": "return_created", **of})
        whats += [{"change": "return_completed", **of}] * (draw.random() < 0.7)
    at, apart = draw.random() * 600, draw.choice((5, 60, 300))
    told = []
    for what in whats:
        pushes = [] if silent or draw.random() < 0.15 else [draw.choice((0, 0, 1, 10, 90, 900))]
        pushes += [draw.choice((1, 100, 1500))] * (bool(pushes) and draw.random() < 0.2)
        what |= {"account": account, "shipment": shipment, "pushes": pushes}
        told.append(Input("truth", round(at, 1), "", what))
        at += draw.random() * 2 * apart
    return told


def _lie(
    draw: random.Random,
    number: int,
    lines_of: dict[str, tuple[str, dict[str, tuple[str, int]]]],
    skus: list[str],
    told: list[Input],
) -> Input:
    forged, at = draw.choice(FORGED), draw.random() * 1200
    what: dict[str, Any] = {"forged": forged, "skew": draw.choice((-60, 0, 0, 30, 3600))}
    if forged == "placed":
        what |= {"account": draw.choice(ACCOUNTS), "shipment": f"F{number}", "line_id": f"F{number}1"}
        what |= {"sku": draw.choice(skus), "units": draw.randint(1, 4)}
    else:
        shipment = draw.choice(list(lines_of))
        account, lines = lines_of[shipment]
        line_id, (sku, units) = draw.choice(list(lines.items()))
        if forged == "again":
            sku, units = draw.choice(skus), max(1, units + draw.randint(-2, 2))
        elif forged != "held":
            # How much of a shipment is held, the API does not say: only of the whole can it be known what is true.
            units = draw.randint(1, units)
        what |= {"account": account, "shipment": shipment, "line_id": line_id, "sku": sku, "units": units}
        if draw.random() < 0.7:
            # Between what is true of it.
            at = draw.choice([each.at for each in told if each.what["shipment"] == shipment]) + draw.random() * 5
    return Input("forged", round(at, 1), "", what)


def _shelf_acts(draw: random.Random, sku: str) -> list[Input]:
    acts: list[dict[str, Any]] = [{"act": "adjust", "quantity": draw.randint(1, 9)}]
    acts += [{"act": "buffer", "quantity": draw.randint(1, 3)} for _ in range(draw.choice((0, 1, 1, 2)))]
    acts += [{"act": "adjust", "quantity": draw.choice((-1, 1, 2, 3))} for _ in range(draw.choice((0, 1, 2, 4)))]
    told, at = [], 0.0
    for number, act in enumerate(acts):
        told.append(Input("shelf", round(at, 1), clock(number), {"act_id": f"{sku}-{number}", "sku": sku, **act}))
        # Often while the one before is still being told.
        at += draw.random() * draw.choice((1, 5, 600))
    return told
