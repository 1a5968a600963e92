"""A whole Hunar whose workers really interleave, on one thread, in an order that a seed decides.

Each message is worked on by the real use case in a greenlet of its own. It stops inside its calls of
store, queue and phone network, and others go on; there it can also crash, and there calls fail. The
clock is virtual: it moves when nobody has anything to do, or when the weather says that time passes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from greenlet import getcurrent, greenlet

from hunar import ports
from hunar.adapters.memory import Fault, MemoryStore
from hunar.ports import (
    Accepted,
    Conflict,
    Put,
    QueueName,
    Refused,
    Retryable,
    SmsAnswer,
    SmsRequest,
    Throttled,
    Unanswered,
)
from hunar.tables import Item, Key, Table
from hunar.use_cases.relay import relay
from hunar.use_cases.retry import retried
from tests.simulation import weather
from tests.simulation.choices import NOTHING, Choices
from tests.simulation.text_promises import TextWatch
from tests.simulation.weather import Weather
from tests.world import START, World

TIMEOUT: Final = {
    QueueName.ORDER_EVENTS: 30,
    QueueName.NOTIFICATIONS: 60,
    QueueName.PAYOUTS: 30,
    QueueName.PAYOUT_BATCHES: 60,
    QueueName.FETCHES: 60,
    QueueName.STOCK_FEED: 60,
    QueueName.SMS_RECEIPTS: 30,
    QueueName.INBOX: 300,
}
"""Seconds after which a worker of the queue is ended."""
VISIBILITY: Final = {queue: 6 * seconds for queue, seconds in TIMEOUT.items()}
"""Seconds until a message that was received and not deleted can be received again."""
RELAY_TIMEOUT: Final = 30
SWEEP_TIMEOUT: Final = 240
RECEIVES: Final = 5
"""Then a message is moved to the dead letters."""
BATCH: Final = 3
"""Messages that come to one worker at most."""
ALONE: Final = frozenset({QueueName.FETCHES, QueueName.STOCK_FEED, QueueName.PAYOUT_BATCHES})
"""Queues whose messages come one at a time: a marketplace that hangs takes all of a worker's time, and so does a
batch."""
AT_ONCE: Final = 5
"""Workers at one time."""
TRIMMED: Final = 24 * 3600
"""Seconds that a stream keeps a record."""
EVERY: Final = 300
"""Seconds from one beginning of what a clock begins to the next."""
DELAYS: Final = {"a little later": 4, "later": 70, "much later": 900}
"""Seconds that a queue holds a message back."""
LONGER_THAN_ANYBODY: Final = 3600.0
"""Seconds that no worker lives."""
PASSES: Final = {"time passes": 2, "much time passes": 17}

_FAULTS: Final = {
    weather.THROTTLED: Fault.THROTTLED,
    weather.LOST: Fault.ANSWER_LOST,
    weather.REPEATED: Fault.REPEATED,
    weather.HALF_TAKEN: Fault.HALF_TAKEN,
}


class Stopped(BaseException):
    """A worker was stopped in the middle. Not an Exception: no code can catch it and go on."""


class Watching(Protocol):
    """Whoever looks at each write and at each text at the moment at which it happens."""

    texts: TextWatch

    def __call__(self, written: Sequence[tuple[Key, Item]]) -> None: ...


class Nobody:
    """Nobody looks."""

    def __init__(self) -> None:
        self.texts = TextWatch()

    def __call__(self, written: Sequence[tuple[Key, Item]]) -> None:
        for key, item in written:
            if key.sk == "NOTIFICATION":
                self.texts.written(item)


class Stuck(Exception):
    """There is no end to what is done, or nothing is done any more although something waits."""


@dataclass
class Message:
    """One message in a queue."""

    queue: QueueName
    body: str
    visible_at: float
    receives: int = 0


@dataclass
class Worker:
    """What one invocation does."""

    name: str
    run: greenlet
    ends_at: float
    """When its time-out ends it."""
    done: Callable[[Worker], None]
    """Called in the end, however it ended."""
    wakes_at: float = 0.0
    crashed: bool = False
    failed: list[Message] = field(default_factory=list)
    noted: dict[str, Any] = field(default_factory=dict)
    """What somebody who watches it wants to remember."""


@dataclass
class Clock:
    """Something that is begun every five minutes."""

    name: str
    work: Callable[[], Any]
    seconds: float
    """After which it is ended by its time-out."""
    next_at: float = float(EVERY)
    at_work: int = 0
    overlaps: bool = False
    """Whether it may be begun while it is still at work: schedules are at-least-once, too."""

    def due(self, now: float) -> bool:
        return now >= self.next_at and (self.overlaps or not self.at_work)


class Simulation(World):
    """``choices`` decide all that happens, in ``weather`` that says how often.

    ``watch`` is told of each write at the moment at which it happens.
    """

    def __init__(self, choices: Choices, weather_: Weather, *, dead_stream: tuple[float, float] | None = None) -> None:
        super().__init__()
        self.choices = choices
        self._weather = weather_
        self._odds = weather.odds(weather_)
        self.seconds = 0.0
        self.store = Tables(self)
        self.queues = SimulatedQueues(self)  # type: ignore[assignment]
        self.phones = Network(self)  # type: ignore[assignment]
        self.watch: Watching = Nobody()
        self.clocks: list[Clock] = []
        self.failures: list[str] = []
        """What workers raised that they should not raise."""
        self.tale: list[str] | None = None
        """What happened, in words, if somebody wants to read it."""
        self.waiting: list[Message] = []
        self.dead_letters: list[Message] = []
        self.streams: dict[Table, deque[tuple[float, Item]]] = {Table.ORDERS: deque(), Table.STOCK: deque()}
        self.dead_stream = dead_stream or (0.0, 0.0)
        """From when to when, in seconds, no stream is relayed."""
        self.late: list[Callable[[], None]] = []
        self.inputs: deque[tuple[float, str, Callable[[], None]]] = deque()
        """What comes from outside: when, in seconds, what, and how."""
        self.closed: frozenset[QueueName] = frozenset()
        """Queues whose messages go nowhere."""
        self._workers: list[Worker] = []
        self._now: Worker | None = None
        self._relaying: set[Table] = set()
        self._hub = getcurrent()
        self.ticks = 0

    # the hooks

    def happens(self, point: str) -> str | None:
        """What happens at this point, if anything."""
        number = self.choices.weigh(self._odds[point])
        return None if number == NOTHING else weather.AT[point][number - 1]

    def turn(self, moment: str) -> None:
        """Another worker may act, or this one may end."""
        if self._now is None:
            return
        self.store.stream()
        event = self.happens("in flight" if moment.startswith("in flight") else moment[: moment.index(" ")])
        if event is None:
            return
        if event == weather.CRASH:
            self.tell(f"    {self._now.name} stops {moment}")
            raise Stopped
        self.tell(f"    {self._now.name} waits {moment}")
        self._yield()

    def fault(self, call: str) -> Fault | None:
        """How this call fails, if it does."""
        if self._now is None:
            return None
        event = self.happens(call)
        if event is None:
            return None
        self.tell(f"    {self._now.name}: {call} {event}")
        return _FAULTS[event]

    def tell(self, text: str) -> None:
        if self.tale is not None:
            self.tale.append(f"{self.seconds:8.1f}  {text}")

    @property
    def working(self) -> bool:
        return self._now is not None

    @property
    def worker(self) -> Worker:
        """Who works now."""
        assert self._now is not None
        return self._now

    # the scheduler

    def run(self, until: float, *, ticks: int) -> bool:
        """Goes on until nothing is left to do, the time is over or there were too many ticks. True when quiet."""
        for _ in range(ticks):
            if not self._tick():
                return True
            if self.seconds > until:
                return False
        return False

    def calm(self) -> None:
        """Faults stop."""
        self._odds = weather.odds_after_the_storm(self._weather)
        self.tell("the faults stop, the dead letters are sent again")
        self.redrive()

    def redrive(self) -> None:
        """The dead letters go back to where they came from."""
        for message in self.dead_letters:
            self.waiting.append(Message(message.queue, message.body, self.seconds))
        self.dead_letters.clear()

    def wait(self, seconds: float, *, ticks: int) -> bool:
        """Time passes in which nothing comes in; then every clock begins its work. True when quiet again."""
        self._move_clock(self.seconds + seconds)
        for clock in self.clocks:
            clock.next_at = self.seconds
        return self.run(self.seconds + seconds, ticks=ticks)

    @property
    def quiet(self) -> bool:
        """Nothing waits, nobody works. Dead letters aside."""
        return not (self._workers or self.waiting or self.inputs or self.late or any(self.streams.values()))

    def close(self) -> None:
        """End the workers that are left, or their frames would stay."""
        for worker in self._workers:
            worker.run.throw()
        self._workers.clear()

    def _tick(self) -> bool:
        """One step of the world. False when nothing is left."""
        self.ticks += 1
        while self.inputs and self.inputs[0][0] <= self.seconds:
            self._feed()
        if self.late and self.choices.pick(3) == 1:
            self.late.pop(0)()
        if self._workers and (passes := self.happens("clock")):
            if passes in PASSES:
                self._move_clock(self.seconds + PASSES[passes])
            elif self.inputs:
                self._feed()
        options = self._options()
        if options:
            what, which = options[self.choices.pick(len(options))]
            what(which)
            return True
        if self.late:
            self.late.pop(0)()
            return True
        return self._wait()

    def _feed(self) -> None:
        _, name, feed = self.inputs.popleft()
        self.tell(f"IN  {name}")
        feed()

    def _options(self) -> list[tuple[Callable[[Any], None], Any]]:
        """What can be done now. The first is what an orderly world does."""
        now = self.seconds
        found: list[tuple[Callable[[Any], None], Any]] = [
            (self._go_on, worker) for worker in self._workers if worker.wakes_at <= now
        ]
        if len(self._workers) >= AT_ONCE:
            return found
        if not self.dead_stream[0] <= now < self.dead_stream[1]:
            for table, records in self.streams.items():
                if records and table not in self._relaying:
                    found.append((self._relay, table))
        found += [(self.begin, clock) for clock in self.clocks if clock.due(now)]
        found += [(self._receive, message) for message in self.waiting if message.visible_at <= now]
        return found

    def _wait(self) -> bool:
        """Nothing can be done now: the clock goes to when something can."""
        times = [worker.wakes_at for worker in self._workers]
        times += [message.visible_at for message in self.waiting]
        times += [self.inputs[0][0]] if self.inputs else []
        if any(self.streams.values()):
            times.append(self.dead_stream[1])
        if not times:
            return False
        times += [clock.next_at for clock in self.clocks]
        # What is due already waits for one of the workers, and they all wait for a time.
        self._move_clock(min((when for when in times if when > self.seconds), default=self.seconds))
        return True

    def _move_clock(self, seconds: float) -> None:
        self.seconds = seconds
        self.time = START + timedelta(seconds=seconds)
        for worker in [worker for worker in self._workers if worker.ends_at < seconds]:
            self.tell(f"    {worker.name} is ended by its time-out")
            self._go_on(worker, Stopped())

    def _start(self, name: str, seconds: float, work: Callable[[Worker], None], done: Callable[[Worker], None]) -> None:
        def body() -> None:
            try:
                work(worker)
            except Stopped:
                worker.crashed = True

        worker = Worker(name, greenlet(body), self.seconds + seconds, done)
        self._workers.append(worker)
        self._go_on(worker)

    def _go_on(self, worker: Worker, error: BaseException | None = None) -> None:
        self._now = worker
        try:
            if error is None:
                worker.run.switch()
            else:
                worker.run.throw(error)
        finally:
            self._now = None
        if worker.run.dead:
            self._workers.remove(worker)
            worker.done(worker)
        else:
            # Who has just stopped is the first to go on in an orderly world.
            self._workers.remove(worker)
            self._workers.insert(0, worker)

    def _yield(self, seconds: float = 0.0) -> None:
        assert self._now is not None
        self._now.wakes_at = self.seconds + seconds
        self._hub.switch()

    # what workers do

    def _receive(self, first: Message) -> None:
        """A batch of messages of one queue comes to one worker."""
        due = [each for each in self.waiting if each.queue is first.queue and each.visible_at <= self.seconds]
        due.remove(first)
        batch = [first, *due[: self.choices.pick(1 if first.queue in ALONE else BATCH)]]
        for message in list(batch):
            if message.receives >= RECEIVES:
                self.tell(f"    {named(message)} goes to the dead letters")
                self.waiting.remove(message)
                self.dead_letters.append(message)
                batch.remove(message)
                continue
            message.receives += 1
            if self.happens("received") is None:
                message.visible_at = self.seconds + VISIBILITY[message.queue]
        if not batch:
            return
        name = " + ".join(map(named, batch))
        self.tell(f"    {name} is received")

        def work(worker: Worker) -> None:
            for message in batch:
                try:
                    self.work(message.queue, message.body)
                except Retryable as error:
                    self.tell(f"    {named(message)} fails: {error}")
                    worker.failed.append(message)
                except Exception as error:
                    self.failures.append(f"{named(message)}: {type(error).__name__}: {error}")
                    worker.failed.append(message)

        def done(worker: Worker) -> None:
            for message in batch:
                if worker.crashed or message in worker.failed or self.happens("done"):
                    continue
                if message in self.waiting:
                    self.waiting.remove(message)

        self._start(name, TIMEOUT[first.queue], work, done)

    def _relay(self, table: Table) -> None:
        """A batch of the stream comes to the relay: from the oldest record on, as far as there are any."""
        records = self.streams[table]
        while records and self.seconds - records[0][0] >= TRIMMED:
            self.tell(f"    the stream of {table} drops a record that is older than a day")
            records.popleft()
        if not records:
            return
        size = len(records) - self.choices.pick(len(records))
        images = [image for _, image in list(records)[:size]]
        self._relaying.add(table)

        def work(worker: Worker) -> None:
            try:
                relay(images, self.queues)
            except Retryable as error:
                self.tell(f"    {worker.name} fails: {error}")
                worker.crashed = True
            except Exception as error:
                self.failures.append(f"{worker.name}: {type(error).__name__}: {error}")

        def done(worker: Worker) -> None:
            self._relaying.discard(table)
            if worker.crashed or self.happens("relayed"):
                return
            for _ in images:
                records.popleft()

        self._start(f"relay of {size} {table}", RELAY_TIMEOUT, work, done)

    def begin(self, clock: Clock) -> None:
        # A schedule that is begun twice is begun twice at once.
        clock.next_at = self.seconds + (EVERY if not clock.overlaps or self.happens("begun") is None else 0)
        clock.at_work += 1

        def work(worker: Worker) -> None:
            try:
                clock.work()
            except Retryable as error:
                self.tell(f"    {worker.name} fails: {error}")
            except Exception as error:
                self.failures.append(f"{worker.name}: {type(error).__name__}: {error}")

        def done(worker: Worker) -> None:
            clock.at_work -= 1

        self._start(clock.name, clock.seconds, work, done)

    def _again(self, action: Callable[[], Any]) -> Any:
        return retried(action, pause=self.pause, random=lambda: 0.5)

    def pause(self, seconds: float) -> None:
        """Whoever works now does nothing for so long."""
        if self._now is not None:
            self._yield(seconds)


def named(message: Message) -> str:
    """A message in a word or two."""
    for name in ("notification_id", "line_id", "act_id", "delivery_id", "listing", "sku", "kind"):
        if f'"{name}":"' in message.body:
            value = message.body.split(f'"{name}":"', 1)[1].split('"', 1)[0]
            return f"{message.queue.value} {value[:8]}"
    return message.queue.value


class Tables(MemoryStore):
    """The store; what was changed in Orders and Stock stands in their streams."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(turn=simulation.turn, fault=simulation.fault)
        self._simulation = simulation
        self._streamed = 0

    def commit(self, puts: Sequence[Put]) -> None:
        world = self._simulation
        if not world.working or not puts:
            super().commit(puts)
            self.stream()
            return
        event = world.happens("write")
        # A single write meets a transaction only where transactions write too.
        if event == weather.CONFLICT and (len(puts) > 1 or puts[0].key.table is Table.ORDERS):
            world.tell("    meets another transaction")
            raise Conflict("another transaction is under way")
        if event == weather.LATE:
            world.tell("    gives up on a write that is on its way")
            puts = [put if put.item is None else put._replace(item=dict(put.item)) for put in puts]
            world.late.append(lambda: self._arrives(puts))
            raise Retryable("no answer")
        super().commit(puts)
        self.stream()

    def _arrives(self, puts: Sequence[Put]) -> None:
        self._simulation.tell(f"    a late write arrives: {puts[0].key}")
        try:
            super().commit(puts)
        except Conflict:
            return
        self.stream()

    def stream(self) -> None:
        """What was written since the last time goes into the streams."""
        if self._streamed == len(self.changes):
            return
        new = self.changes[self._streamed :]
        self._streamed = len(self.changes)
        for key, item in new:
            records = self._simulation.streams.get(key.table)
            if records is not None and item.get("outbox"):
                records.append((self._simulation.seconds, item))
        self._simulation.watch(new)


class SimulatedQueues:
    """Standard queues: at least once, in no order."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def send(self, queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        world = self._simulation
        for start in range(0, len(bodies), 10):
            batch = list(bodies[start : start + 10])
            call = "SendMessage" if len(bodies) == 1 else "SendMessageBatch"
            world.turn(f"before {call} {queue}")
            fault = world.fault(call)
            if fault is Fault.THROTTLED:
                raise Retryable(f"{queue}: throttled")
            taken = batch[: len(batch) // 2] if fault is Fault.HALF_TAKEN else batch
            if queue in world.closed:
                continue
            for body in taken * (2 if fault is Fault.REPEATED else 1):
                late = world.happens("queued") if world.working else None
                delay = delay_seconds + (DELAYS[late] if late else 0)
                world.waiting.append(Message(queue, body, world.seconds + delay))
            world.turn(f"after {call} {queue}")
            if fault is Fault.ANSWER_LOST or len(taken) < len(batch):
                raise Retryable(f"{queue}: {len(taken)} of {len(batch)} taken")


class Network:
    """The phone network. It remembers every text that reached a phone, in order."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.texts: list[SmsRequest] = []

    def send(self, request: SmsRequest) -> SmsAnswer:
        world = self._simulation
        world.turn("before SendTextMessage")
        world.watch.texts.goes(request)
        event = world.happens("SendTextMessage")
        if event in (None, "no answer, text went", "hangs"):
            self.texts.append(request)
            world.watch.texts.went(request)
            world.tell(f"SMS {request.to} {request.kind} {request.text}")
            self.took(request)
        if event is not None:
            world.tell(f"    the phone network: {event}")
        if event == "hangs":
            world.pause(LONGER_THAN_ANYBODY)
        world.turn("after SendTextMessage")
        match event:
            case None:
                return Accepted(f"sms-{len(self.texts)}")
            case "busy":
                return Throttled("busy")
            case "refused":
                return Refused("NUMBER")
            case "takes none":
                return ports.Stopped("the account may not send")
            case _:
                return Unanswered(event)

    def took(self, request: SmsRequest) -> None:
        """A text is on its way to a phone. Here nobody says what becomes of it."""
