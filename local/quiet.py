"""When is the local stack quiet: nothing on its way, nothing left to do?

Quiet means that every queue is empty (visible, in flight and delayed; dead letters aside) and that
the stream function has relayed the newest record of both streams. One look is not enough, because
the parts are read one after the other and work moves between them. Two looks in a row that see the
same newest records are: at the second look everything that the first saw had left the streams before
the queues were found empty, and whatever the consumers wrote on the way would be a newer record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

QUEUES: Final = {
    "order-events": "OrderEventsQueueUrl",
    "notifications": "NotificationsQueueUrl",
    "payouts": "PayoutsQueueUrl",
}
"""Queue and the stack output that holds its URL."""

STREAMS: Final = {"orders": "OrdersTableName", "stock": "StockTableName"}
"""Table whose stream is relayed, as the relay names it in its log, and the output with its real name."""

MARKER: Final = "outbox"
"""Only records whose new image has this text attribute reach the relay (the stream filter)."""

RELAYED: Final = "effects_relayed"

OVERLAP: Final = 5_000
"""Milliseconds of the relay's log that are read again: a line may be written later than its own time."""


class Backlog(NamedTuple):
    """Messages of one queue."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True)
class Look:
    """What one look saw. Sequence numbers are None where no record has been seen yet."""

    queues: Mapping[str, Backlog]
    written: Mapping[str, int | None]
    """Newest record with the marker, per stream."""
    relayed: Mapping[str, int | None]
    """Newest record that the relay says it has passed on, per stream."""


def busy(look: Look) -> list[str]:
    """What is still on its way, in words. Empty when this look saw nothing."""
    found = [
        f"{name}: {backlog.visible} waiting, {backlog.in_flight} in flight, {backlog.delayed} delayed"
        for name, backlog in look.queues.items()
        if backlog.total
    ]
    for name, newest in look.written.items():
        relayed = look.relayed.get(name)
        if newest is not None and (relayed is None or relayed < newest):
            found.append(f"{name} stream: {newest} is written, {relayed or 'nothing'} is relayed")
    return found


@dataclass(frozen=True)
class Verdict:
    """The answer of ``/local/quiet``."""

    quiet: bool
    busy: list[str] = field(default_factory=list)
    queues: dict[str, dict[str, int]] = field(default_factory=dict)
    streams: dict[str, dict[str, str | None]] = field(default_factory=dict)
    looks: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def wait(
    look: Callable[[], Look],
    timeout: float,
    *,
    pause: float = 0.15,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Looks until two looks in a row are quiet and see the same newest records, or ``timeout`` seconds are over."""
    ends = now() + timeout
    before: Look | None = None
    looks = 0
    while True:
        seen = look()
        looks += 1
        found = busy(seen)
        if not found and before is not None and before.written == seen.written:
            return _verdict(seen, [], looks)
        before = None if found else seen
        if now() >= ends:
            return _verdict(seen, found or ["one look was quiet, the time was over before a second one"], looks)
        sleep(pause)


def _verdict(look: Look, found: list[str], looks: int) -> Verdict:
    def text(number: int | None) -> str | None:
        return None if number is None else str(number)

    return Verdict(
        quiet=not found,
        busy=found,
        queues={name: backlog._asdict() for name, backlog in look.queues.items()},
        streams={
            name: {"written": text(newest), "relayed": text(look.relayed.get(name))}
            for name, newest in look.written.items()
        },
        looks=looks,
    )


def newest_marked(records: Iterable[Mapping[str, Any]], known: int | None) -> int | None:
    """The highest sequence number among ``known`` and the stream records that the relay's filter lets pass."""
    for record in records:
        change = record["dynamodb"]
        if "S" in change.get("NewImage", {}).get(MARKER, {}):
            number = int(change["SequenceNumber"])
            known = number if known is None else max(known, number)
    return known


def newest_relayed(lines: Iterable[str], known: Mapping[str, int | None]) -> dict[str, int | None]:
    """The highest sequence number per stream among ``known`` and the relay's log lines."""
    highest = dict(known)
    for line in lines:
        if RELAYED not in line:
            continue
        try:
            entry = json.loads(line[line.index("{") :])
        except ValueError:
            continue
        if not isinstance(entry, dict) or entry.get("message") != RELAYED:
            continue
        name, number = str(entry.get("table")), int(entry["sequence_number"])
        highest[name] = max(number, highest.get(name) or 0)
    return highest


class Observer:
    """Looks at the deployed stack through its own AWS interfaces.

    ``client`` makes boto3 clients of the emulator by service name. It keeps its place in the streams and in
    the relay's log, so a look reads only what is new. One thread at a time.
    """

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, str]) -> None:
        self._sqs = client("sqs")
        self._logs = client("logs")
        self._streams = client("dynamodbstreams")
        self._queues = {name: outputs[output] for name, output in QUEUES.items()}
        self._relay_log = log_group(client("lambda"), outputs["RelayEffectsFunctionName"])
        self._read_until = 0
        """Milliseconds: the newest log line that has been read."""
        dynamodb = client("dynamodb")
        self._arns = {
            name: dynamodb.describe_table(TableName=outputs[output])["Table"]["LatestStreamArn"]
            for name, output in STREAMS.items()
        }
        self._iterators: dict[str, dict[str, str | None]] = {name: {} for name in STREAMS}
        self._written: dict[str, int | None] = dict.fromkeys(STREAMS)
        self._relayed: dict[str, int | None] = dict.fromkeys(STREAMS)

    def look(self) -> Look:
        """Queues first, then streams, then what was relayed: the order that the proof above needs."""
        queues = {name: self._backlog(url) for name, url in self._queues.items()}
        for name in STREAMS:
            self._read_stream(name)
        self._read_log()
        return Look(queues, dict(self._written), dict(self._relayed))

    def _backlog(self, url: str) -> Backlog:
        names = ("", "NotVisible", "Delayed")
        attributes = [f"ApproximateNumberOfMessages{name}" for name in names]
        counts = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=attributes)["Attributes"]
        return Backlog(*(int(counts[name]) for name in attributes))

    def _read_stream(self, name: str) -> None:
        places = self._iterators[name]
        for shard in self._streams.describe_stream(StreamArn=self._arns[name])["StreamDescription"]["Shards"]:
            if shard["ShardId"] not in places:
                places[shard["ShardId"]] = self._iterator(name, shard["ShardId"])
        for shard_id, iterator in places.items():
            while iterator is not None:
                try:
                    page = self._streams.get_records(ShardIterator=iterator, Limit=1000)
                except self._streams.exceptions.ExpiredIteratorException:
                    iterator = self._iterator(name, shard_id)
                    continue
                self._written[name] = newest_marked(page["Records"], self._written[name])
                iterator = page.get("NextShardIterator")
                if not page["Records"]:
                    break
            places[shard_id] = iterator

    def _iterator(self, name: str, shard_id: str) -> str:
        """From the beginning: what was seen before is seen again, which changes nothing."""
        answer = self._streams.get_shard_iterator(
            StreamArn=self._arns[name], ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
        )
        return str(answer["ShardIterator"])

    def _read_log(self) -> None:
        lines: list[str] = []
        for event in log_events(self._logs, self._relay_log, RELAYED, since=max(0, self._read_until - OVERLAP)):
            self._read_until = max(self._read_until, event["timestamp"])
            lines.extend(event["message"].splitlines())
        self._relayed = newest_relayed(lines, self._relayed)


def log_group(functions: Any, name: str) -> str:
    """Where a function logs."""
    settings = functions.get_function_configuration(FunctionName=name).get("LoggingConfig", {})
    return str(settings.get("LogGroup") or f"/aws/lambda/{name}")


def log_events(logs: Any, group: str, pattern: str, *, since: int = 0) -> Iterable[dict[str, Any]]:
    """Log events with a word, from a moment in milliseconds on. A group that does not exist yet has none."""
    request: dict[str, Any] = {"logGroupName": group, "filterPattern": f'"{pattern}"', "startTime": since}
    while True:
        try:
            page = logs.filter_log_events(**request)
        except logs.exceptions.ResourceNotFoundException:
            return
        yield from page["events"]
        if not page.get("nextToken"):
            return
        request["nextToken"] = page["nextToken"]


def runs(client: Callable[[str], Any], outputs: Mapping[str, str]) -> dict[str, int]:
    """How often each deployed function has run, by the START lines of its log."""
    logs, functions = client("logs"), client("lambda")
    names = {output.removesuffix("Name"): name for output, name in outputs.items() if output.endswith("FunctionName")}
    return {
        short: sum(
            line.startswith("START ")
            for event in log_events(logs, log_group(functions, name), "START")
            for line in event["message"].splitlines()
        )
        for short, name in sorted(names.items())
    }
