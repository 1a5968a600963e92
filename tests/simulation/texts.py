"""Schedules of texts: groups with manners and up to three contacts, a provider with bad days, receipts and replies.

Shipments are few and simple here. What is told of them meets everything that can become of a text: it waits for the
morning, for others to go with, for a provider that takes none, for a receipt that never comes.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from hunar import tables
from hunar.domain.facts import instant, moment
from hunar.domain.notification import SLOTS
from hunar.messages import Says, Tell
from hunar.ports import Put, QueueName, SmsRequest
from tests import sms_news
from tests.flipkart_messages import step
from tests.simulation import inputs as kinds
from tests.simulation import weather
from tests.simulation.broken import Broken
from tests.simulation.choices import Choices
from tests.simulation.inputs import GROUP_OF, KINDS, Input, Make, Shipment, clock
from tests.simulation.news import unhold
from tests.simulation.paper import written
from tests.simulation.promises import Watch, check
from tests.simulation.schedule import CALM_TICKS, STORM_TICKS, Played
from tests.simulation.text_promises import Post
from tests.simulation.workers import SWEEP_TIMEOUT, Clock, Message, Network, Simulation
from tests.world import START, phone

SOLD: Final = ("STOLE", "HORSE")
STORM: Final = 2 * 3600.0
"""Virtual seconds after which no worker is begun any more in which things go wrong."""
DAY: Final = 26 * 3600.0
"""Virtual seconds within which all must then be done: so long it may take until the next day's texts may go."""
STORMY_LOOKS: Final = 4
"""So many texts that wait come to their moment while things still go wrong."""
LOOKS: Final = 120
"""So many at most are looked at afterwards."""
QUIET: Final = ("", "", "10:00-10:40", "09:00-11:30")
ENOUGH: Final = 2000
"""Parts a day."""
MONEY: Final = "PAYOUT_PAID"
GOOD_FOR: Final = timedelta(days=7)

REPORTS: Final[Mapping[str | None, tuple[tuple[str, float], ...]]] = {
    None: (("SENT", 1), ("DELIVERED", 4)),
    "silence": (),
    "only sent": (("SENT", 1),),
    "failed": (("FAILED", 4),),
    "early": (("DELIVERED", 0),),
    "hours late": (("DELIVERED", 5400),),
    "out of order": (("DELIVERED", 1), ("SENT", 30)),
    "twice": (("DELIVERED", 1), ("DELIVERED", 1), ("DELIVERED", 1800)),
    "contradiction": (("FAILED", 3), ("DELIVERED", 40)),
}
"""What the provider says of a text that it took, and after how many seconds."""


@dataclass(frozen=True)
class Texts:
    """Everything that decides a run, except the code."""

    inputs: tuple[Input, ...]
    weather: Mapping[str, float]
    manners: Mapping[str, Mapping[str, Any]]
    """By group."""
    contacts: Mapping[str, int]
    receipts: bool
    parts_a_day: int
    seed: int | None = None
    record: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int) -> Texts:
        draw = random.Random(seed)
        groups = sorted({GROUP_OF[sku] for sku in SOLD})
        manners = {
            group_id: {
                "quiet": draw.choice(QUIET),
                "digest_minutes": draw.choice((0, 5, 20, 20)),
                "texts_a_day": draw.choice((2, 4, 20)),
                "amounts": draw.random() < 0.5,
            }
            for group_id in groups
        }
        contacts = {group_id: draw.choice((1, 2, 3)) for group_id in groups}
        drawn = weather.drawn(draw, weather.WITH_RECEIPTS)
        receipts, parts = draw.random() < 0.85, draw.choice((ENOUGH, ENOUGH, ENOUGH, 4))
        return cls(tuple(_story(draw, contacts)), drawn, manners, contacts, receipts, parts, seed)

    @classmethod
    def of_file(cls, path: Path) -> Texts:
        content = json.loads(path.read_text())
        content["inputs"] = tuple(Input(**each) for each in content["inputs"])
        choices = {int(number): answer for number, answer in content.pop("choices").items()}
        content.pop("why", None)
        return cls(**content, record=choices)

    def play(self, *, tell: bool = False) -> Played:
        return play(self, tell=tell)

    def calm(self) -> Texts:
        """The same story without a fault, and with one worker at a time."""
        return replace(self, weather={}, seed=None, record={})

    def content(self) -> dict[str, Any]:
        """For a file. Only one whose choices were written down has one."""
        return {
            "inputs": [asdict(each) for each in self.inputs],
            "weather": dict(self.weather),
            "manners": self.manners,
            "contacts": self.contacts,
            "receipts": self.receipts,
            "parts_a_day": self.parts_a_day,
            "choices": {str(number): answer for number, answer in sorted(self.record.items())},
        }


class Texting(Simulation):
    """Workers that write texts to phones of which the provider says what became of them."""

    def __init__(self, choices: Choices, texts: Texts) -> None:
        super().__init__(choices, texts.weather)
        self.receipts = texts.receipts
        self.parts_a_day = texts.parts_a_day
        self.phones = Provider(self)  # type: ignore[assignment]
        self.clocks = [Clock("sweep", self.sweep, SWEEP_TIMEOUT)]
        self.closed = frozenset({QueueName.STOCK_FEED, QueueName.PAYOUTS})


class Provider(Network):
    """A phone network that says later what became of a text, if it likes."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        self.reported: dict[str, list[str]] = defaultdict(list)
        """By text: how it ended, as often as it was said."""

    def took(self, request: SmsRequest) -> None:
        world = self._simulation
        if not world.receipts:
            return
        event = world.happens("receipt")
        for state, delay in REPORTS[event]:
            said = {"final": state != "SENT", "provider_id": f"sms-{len(self.texts)}"}
            at = instant(world.time + timedelta(seconds=delay))
            report = sms_news.report(request.notification_id, state, at=at, **said)
            world.waiting.append(Message(QueueName.SMS_RECEIPTS, report, world.seconds + delay))
            self.reported[request.notification_id].append(state)
        if event is not None:
            world.tell(f"    receipts: {event}")


def play(texts: Texts, *, tell: bool = False) -> Played:
    """Play it and check all promises."""
    choices = Choices(texts.seed, texts.record)
    world = Texting(choices, texts)
    if tell:
        world.tale = []
    paper = written(texts.inputs)
    post = Post(texts.manners, texts.contacts)
    watch = Watch(paper)
    watch.texts.post = post
    world.watch = watch
    broken: Broken | None = None
    try:
        _prepare(world, texts)
        acknowledged = _feed(world, texts, post)
        world.run(STORM, ticks=STORM_TICKS)
        for _ in range(STORMY_LOOKS):
            _next_look(world, watch)
        _rest(world, watch)
        if not watch.broken:
            check(world, acknowledged, paper, None)
            post.check(world, watch.texts)
    except Broken as found:
        broken = found
    finally:
        world.close()
    return Played(watch.broken or broken, choices.record, world.failures, world.tale or [], world.ticks)


def _prepare(world: Texting, texts: Texts) -> None:
    for group_id, manners in texts.manners.items():
        world.group(group_id, "en", manners=manners, slots=SLOTS[: texts.contacts[group_id]])
    for sku in SOLD:
        world.product(sku, GROUP_OF[sku], sku.title())
    world.remind_nobody(days=8)


def _feed(world: Texting, texts: Texts, post: Post) -> list[str]:
    acknowledged: list[str] = []

    def feed(each: Input) -> None:
        what = each.what
        match each.kind:
            case "paid":
                _pay(world, what["group_id"], what["of"], post)
            case "reply":
                world.reply(phone(what["group_id"], what["slot"]), what["text"])
            case "opted out":
                said = {kind: {"by": "Asha", "at": world.now, "reason": "asked"} for kind in what["kinds"]}
                key = tables.opt_out(what["group_id"], what["slot"])
                item = {"group_id": what["group_id"], "slot": what["slot"], "kinds": said}
                world.store.commit([Put(key, item)])
                post.opted_out |= {(what["group_id"], what["slot"], kind) for kind in what["kinds"]}
            case _:
                acknowledged.append(KINDS[each.kind](world, each))

    for each in texts.inputs:
        name = f"{each.kind} {each.what.get('message', each.what)}"[:150]
        world.inputs.append((each.at, name, lambda each=each: feed(each)))  # type: ignore[misc]
    return acknowledged


def _pay(world: Texting, group_id: str, of: str, post: Post) -> None:
    """Somebody was paid, and is told so. Its message may come more than once, as all do."""
    tell = Tell(
        notification_id=f"paid-{of}",
        notification_kind=MONEY,
        group_id=group_id,
        contact="leader",
        good_until=instant(START + GOOD_FOR),
        says=Says(amount_paise=123_400, account="4321", utr="UTR0001234"),
    )
    post.owed.add(tell.notification_id)
    world.queues.send(QueueName.NOTIFICATIONS, [tell.model_dump_json()])


def _rest(world: Texting, watch: Watch) -> None:
    """The faults stop; all that waits comes to its moment, and in the end nothing waits. Then money is told once more:
    whatever stood in its way is gone."""
    world.calm()
    _without_doubles(world)
    # Whoever looked at the worklist let more texts go.
    world.parts_a_day = ENOUGH
    _until_quiet(world)
    world.redrive()
    _until_all_is_done(world, watch)
    for group_id in watch.texts.post.contacts:
        _pay(world, group_id, f"{group_id}-last", watch.texts.post)
    _until_all_is_done(world, watch)
    if world.dead_letters:
        letters = [message.body[:80] for message in world.dead_letters]
        raise Broken("nothing is parked when nothing is wrong with it", f"dead letters: {letters}")


def _until_all_is_done(world: Texting, watch: Watch) -> None:
    _until_quiet(world)
    for _ in range(LOOKS):
        if not _next_look(world, watch):
            return
    raise Broken("all queues are empty in the end", "the sweep finds texts to do again and again")


def _until_quiet(world: Texting) -> None:
    if not world.run(world.seconds + DAY, ticks=CALM_TICKS) or not world.quiet:
        left = [f"{message.queue}: {message.body[:80]}" for message in world.waiting]
        raise Broken("all queues are empty in the end", f"left: {left}")


def _without_doubles(world: Texting) -> None:
    """A text that waits for long gathers messages; each only does what the first does, and takes its time."""
    once = {(message.queue, message.body): message for message in reversed(world.waiting)}
    world.waiting = [message for message in world.waiting if once[message.queue, message.body] is message]


def _next_look(world: Texting, watch: Watch) -> bool:
    """The clock goes to the moment of the text that is due first. False when none is."""
    due = [item["due_sk"].partition("#")[0] for item in watch.texts.records.values() if "due_sk" in item]
    if not due:
        return False
    _without_doubles(world)
    until = (moment(min(due)) - world.time).total_seconds()
    world.wait(max(until, 0.0) + 1, ticks=CALM_TICKS)
    return True


# the story


def _story(draw: random.Random, contacts: Mapping[str, int]) -> list[Input]:
    """Some shipments of two groups, money that was paid, what phones answer, and who wants no texts."""
    told: list[Input] = []
    for number in range(1, draw.choice((1, 2, 2, 3, 4)) + 1):
        lines = {
            f"{number}{line}": (draw.choice(SOLD), draw.randint(1, 4)) for line in range(1, draw.choice((1, 1, 2)) + 1)
        }
        minute = draw.randint(0, 20)
        shipment = Shipment(f"S{number}", clock(minute), lines, minute=minute + draw.randint(0, 200))
        for make in _life(draw):
            shipment.say("message", draw, lambda at, make=make, of=shipment: {"message": make(of, draw, at)})  # type: ignore[misc]
        begins, apart = draw.random() * draw.choice((10, 900, 3600)), draw.choice((1, 60, 1200, 2400))
        for nth, each in enumerate(shipment.told):
            told.append(replace(each, at=begins + (nth + draw.random()) * apart))
    for sku in SOLD:
        counted = {"act_id": f"{sku}-0", "sku": sku, "act": "adjust", "quantity": draw.randint(2, 12)}
        told.append(Input("shelf", draw.random() * 60, clock(1), counted))
    for group_id, many in contacts.items():
        slots = SLOTS[:many]
        for number in range(draw.choice((0, 0, 1, 2))):
            paid = Input("paid", draw.random() * 3600, "", {"group_id": group_id, "of": f"{group_id}-{number}"})
            told += [replace(paid, at=paid.at + again) for again in (0, *draw.choice(((), (1,), (1200,))))]
        for _ in range(draw.choice((0, 0, 0, 1))):
            said = {"group_id": group_id, "slot": draw.choice(slots), "text": draw.choice(("", "1", "2"))}
            told.append(Input("reply", draw.random() * 5400, "", said))
        if draw.random() < 0.15:
            some = draw.sample(("NEW_ORDER", "CANCELLED", "HOLD", "RELEASED", MONEY), draw.choice((1, 2)))
            said = {"group_id": group_id, "slot": draw.choice(slots), "kinds": some}
            told.append(Input("opted out", draw.random() * draw.choice((1, 3600)), "", said))
    return sorted((replace(each, at=round(each.at, 1)) for each in told), key=lambda each: each.at)


def _life(draw: random.Random) -> list[Make]:
    making: list[Make] = [kinds.announced]
    making += [kinds.announced_again] * (draw.random() < 0.15)
    making += [kinds.cut] * (draw.random() < 0.4)
    if draw.random() < 0.2:
        making += [kinds.held, lambda shipment, draw, at: unhold(shipment.shipment, at)][: draw.choice((1, 2, 2))]
    if draw.random() < 0.15:
        making.append(lambda shipment, draw, at: step(shipment.shipment, "pickup_complete", at))
    return making
