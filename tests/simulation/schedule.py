"""One schedule: inputs, weather and choices; played, and checked against every promise."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from hunar import tables
from hunar.domain import rate_card
from hunar.ports import Put, QueueName
from tests.simulation import inputs as kinds
from tests.simulation import weather
from tests.simulation.choices import Choices
from tests.simulation.inputs import KINDS, Input, NotYet
from tests.simulation.paper import written
from tests.simulation.promises import Broken, Watch, check
from tests.simulation.workers import SWEEP_TIMEOUT, Clock, Simulation

SWEEPS: Final = 0.2
"""The part of the schedules in which the clock looks for what is due. In the others nothing may need it."""
DIES: Final = 0.2
"""The part of those in which the streams are dead for a day, and forget."""
DEAD_FOR: Final = 25 * 3600.0
"""Seconds. A stream forgets after 24 hours."""
LOOKS: Final = (0.3, 2, 10, 25)
"""Hours between the last looks of the sweep, by which everything that a stream lost is sent again."""

STORM: Final = 4 * 3600.0
"""Virtual seconds after which faults stop at the latest."""
CALM: Final = 6 * 3600.0
"""Virtual seconds within which all must then be done."""
PATIENCE: Final = 200.0
"""Seconds after which a person who could not act yet tries again."""
STORM_TICKS: Final = 3000
CALM_TICKS: Final = 20_000
RATES: Final = (
    ("commission", "flipkart", "commission", "ppm_of_price", 100_000),
    ("gst", "government", "output_gst", "ppm_of_taxable", 50_000),
    ("gst-fees", "government", "gst_on_fees", "ppm_of_fees", 180_000),
    ("tcs", "government", "tcs", "ppm_of_taxable", 5_000),
    ("tds", "government", "tds", "ppm_of_taxable", 1_000),
)


@dataclass(frozen=True)
class Schedule:
    """Everything that decides a run, except the code."""

    inputs: tuple[Input, ...]
    weather: Mapping[str, float]
    sweeps: bool = False
    """Whether the clock looks for what is due."""
    dead_stream: tuple[float, float] | None = None
    """From when to when, in seconds, no stream is relayed."""
    seed: int | None = None
    """Draws the choices; None when they are in ``record``."""
    record: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int) -> Schedule:
        draw = random.Random(seed)
        story, drawn = tuple(kinds.story(draw)), weather.drawn(draw)
        sweeps = draw.random() < SWEEPS
        dies = draw.random() * 600 if sweeps and draw.random() < DIES else None
        return cls(story, drawn, sweeps, None if dies is None else (dies, dies + DEAD_FOR), seed)

    @classmethod
    def of_file(cls, path: Path) -> Schedule:
        content = json.loads(path.read_text())
        return cls(
            tuple(Input(**each) for each in content["inputs"]),
            content["weather"],
            content.get("sweeps", False),
            tuple(content["dead_stream"]) if content.get("dead_stream") else None,
            record={int(number): answer for number, answer in content["choices"].items()},
        )

    def play(self, *, tell: bool = False) -> Played:
        return play(self, tell=tell)

    def calm(self) -> Schedule:
        """The same story without a fault."""
        return replace(self, weather={}, seed=None, record={})

    def content(self) -> dict[str, Any]:
        """For a file. Only a schedule whose choices were written down has one."""
        return {
            "inputs": [asdict(each) for each in self.inputs],
            "weather": dict(self.weather),
            "sweeps": self.sweeps,
            "dead_stream": self.dead_stream,
            "choices": {str(number): answer for number, answer in sorted(self.record.items())},
        }


@dataclass
class Played:
    """What came of a schedule."""

    broken: Broken | None
    record: dict[int, int]
    """The choices that were made and are not NOTHING."""
    failures: list[str]
    """What workers raised that they should not raise."""
    tale: list[str]
    ticks: int

    @property
    def found(self) -> str | None:
        """What is wrong, in one line."""
        if self.broken:
            return str(self.broken)
        return f"a worker failed: {self.failures[0]}" if self.failures else None


def play(schedule: Schedule, *, tell: bool = False) -> Played:
    """Play it and check all promises."""
    choices = Choices(schedule.seed, schedule.record)
    paper = written(schedule.inputs)
    world = Simulation(choices, schedule.weather, dead_stream=schedule.dead_stream)
    # Here no marketplace can be told anything; ``channels.py`` plays those that can.
    world.closed = frozenset({QueueName.STOCK_FEED})
    if schedule.sweeps:
        world.clocks.append(Clock("sweep", world.sweep, SWEEP_TIMEOUT))
    if tell:
        world.tale = []
    broken: Broken | None = None
    watch = Watch(paper)
    world.watch = watch
    try:
        prepare(world)
        acknowledged = _feed(world, schedule.inputs)
        world.run(STORM + (DEAD_FOR if schedule.dead_stream else 0.0), ticks=STORM_TICKS)
        _rest(world)
        if not watch.broken:
            check(world, acknowledged, paper, _clean(schedule.inputs))
    except Broken as found:
        broken = found
    finally:
        world.close()
    return Played(watch.broken or broken, choices.record, world.failures, world.tale or [], world.ticks)


def play_calm(schedule: Schedule) -> Played:
    """The same story without a fault and with one worker at a time, checked as thoroughly."""
    return play(schedule.calm())


def _clean(inputs: Sequence[Input]) -> Simulation:
    once = list({json.dumps([each.kind, each.what], sort_keys=True): each for each in inputs}.values())
    once.sort(key=lambda each: each.when)
    world = Simulation(Choices(), {})
    # Texts depend on arrival, so nothing of them is compared.
    world.closed = frozenset({QueueName.NOTIFICATIONS, QueueName.STOCK_FEED})
    prepare(world)
    _feed(world, [replace(each, at=number * 100.0) for number, each in enumerate(once)])
    if not world.run(STORM + CALM, ticks=CALM_TICKS):
        raise Broken("all queues are empty in the end", "even a clean run does not end")
    return world


def prepare(world: Simulation) -> None:
    for group_id in sorted(set(kinds.GROUP_OF.values())):
        world.group(group_id, "en")
    for sku, group_id in kinds.GROUP_OF.items():
        world.product(sku, group_id, sku.title(), listed=sku != kinds.LATE_MAPPED)
    rows = [
        {"row_id": row_id, "scope": scope, "code": code, "from": "2026-01-01", "to": "", "basis": basis,
         "value": str(value), "hsn": "", "price_from": "", "price_to": "", "source": "card", "note": ""}
        for row_id, scope, code, basis, value in RATES
    ]  # fmt: skip
    items = [rate_card.row_from_csv(row) for row in rows]
    world.store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in items])


def _feed(world: Simulation, inputs: Sequence[Input]) -> list[str]:
    """Put the inputs into the world's future. Returns the ids of those that came, as they come."""
    acknowledged: list[str] = []

    spoken_of = written(inputs).orders

    def feeding(each: Input) -> Any:
        def feed() -> None:
            try:
                acknowledged.append(KINDS[each.kind](world, each))
            except NotYet:
                if each.what.get("shipment") not in spoken_of:
                    return
                world.inputs.append((world.seconds + PATIENCE, f"{each.kind} again", feed))
                world.inputs = deque(sorted(world.inputs, key=lambda entry: entry[0]))

        return feed

    for each in sorted(inputs, key=lambda each: each.at):
        world.inputs.append((each.at, f"{each.kind} {_brief(each)}", feeding(each)))
    return acknowledged


def _brief(each: Input) -> str:
    message = each.what.get("message")
    said = ", ".join(f"{name} {value}" for name, value in each.what.items() if name != "message")
    if message is None:
        return said
    attributes = message["attributes"]
    lines = [
        f"{line['orderItemId']}: {line.get('quantity', line.get('holdQuantity', ''))} {line.get('sku', '')}".strip()
        for line in (*attributes.get("orderItems", ()), *attributes.get("returnItems", ()))
    ]
    event = message["eventType"].removeprefix("shipment_")
    whose = message.get("shipmentId") or message["returnId"]
    held = " held" if attributes.get("hold") else ""
    return f"{said} {whose} {event}{held} of {message['timestamp'][5:16]} {'; '.join(lines)}".strip()


def _rest(world: Simulation) -> None:
    """The faults stop; within a bounded time all queues must be empty, and nothing may be left behind."""
    world.calm()
    _until_quiet(world)
    if world.dead_letters:
        # What had failed too often before gave up only now.
        world.redrive()
        _until_quiet(world)
    for hours in LOOKS if world.clocks else ():
        if not world.wait(hours * 3600, ticks=CALM_TICKS):
            raise Broken("all queues are empty in the end", "the sweep finds something to do again and again")
    if world.dead_letters:
        letters = [message.body[:80] for message in world.dead_letters]
        raise Broken("nothing is parked when nothing is wrong with it", f"dead letters: {letters}")


def _until_quiet(world: Simulation) -> None:
    if not world.run(max(world.seconds, world.dead_stream[1]) + CALM, ticks=CALM_TICKS) or not world.quiet:
        left = [message.body[:80] for message in world.waiting]
        raise Broken("all queues are empty in the end", f"left: {left}")
