"""When is the local stack quiet: nothing on its way, nothing left to do?

Quiet means that every queue is empty (visible, in flight and delayed; dead letters aside), that
the stream function has relayed the newest record of both streams, and that nothing is due. One look
is not enough, because the parts are read one after the other and work moves between them. Two looks
in a row that see the same newest records are: at the second look everything that the first saw had
left the streams before the queues were found empty, and whatever the consumers wrote on the way would
be a newer record.

The deployed sweep may run at any time between the looks. What it sends stands in the queues and is
waited for; what it sends after the second look was not due any more then, and so does nothing.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

QUEUES: Final = {
    "order-events": "OrderEventsQueueUrl",
    "notifications": "NotificationsQueueUrl",
    "payouts": "PayoutsQueueUrl",
    "fetches": "FetchesQueueUrl",
    "stock-feed": "StockFeedQueueUrl",
    "amazon-notifications": "AmazonNotificationsQueueUrl",
    "sms-receipts": "SmsReceiptsQueueUrl",
    "inbox": "InboxQueueUrl",
    "payout-batches": "PayoutBatchesQueueUrl",
}
"""Queue and the stack output that holds its URL."""

STREAMS: Final = {"orders": "OrdersTableName", "stock": "StockTableName"}
"""Table whose stream is relayed, as the relay names it in its log, and the output with its real name."""

DUE: Final = {"orders": "OrdersTableName", "stock": "StockTableName", "notifications": "NotificationsTableName"}
"""Table with an index ``due`` of what the sweep must look at, and the output with its real name."""

SWEEP_AGAIN: Final = 5.0
"""Seconds until a sweep that did not help is tried again."""

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
    due: Mapping[str, int] = field(default_factory=dict)
    """Items that the sweep would do something about now, per table."""
    receipts: int = 0
    """Events about texts that the SMS service is about to send."""


def on_its_way(look: Look) -> list[str]:
    """What is in queues and streams, in words."""
    found = [
        f"{name}: {backlog.visible} waiting, {backlog.in_flight} in flight, {backlog.delayed} delayed"
        for name, backlog in look.queues.items()
        if backlog.total
    ]
    for name, newest in look.written.items():
        relayed = look.relayed.get(name)
        if newest is not None and (relayed is None or relayed < newest):
            found.append(f"{name} stream: {newest} is written, {relayed or 'nothing'} is relayed")
    if look.receipts:
        found.append(f"SMS service: {look.receipts} receipts on their way")
    return found


def busy(look: Look) -> list[str]:
    """What is on its way or due, in words. Empty when this look saw nothing."""
    return on_its_way(look) + [f"{name}: {count} due" for name, count in look.due.items() if count]


@dataclass(frozen=True)
class Verdict:
    """The answer of ``/local/quiet``."""

    quiet: bool
    busy: list[str] = field(default_factory=list)
    queues: dict[str, dict[str, int]] = field(default_factory=dict)
    streams: dict[str, dict[str, str | None]] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    looks: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def wait(
    look: Callable[[], Look],
    timeout: float,
    *,
    sweep: Callable[[], object] = lambda: None,
    pause: float = 0.15,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Looks until two looks in a row are quiet and see the same newest records, or ``timeout`` seconds are over.

    The deployed sweep comes by every five minutes. Nobody wants to wait for that, so when there is nothing
    else left but what is due, ``sweep`` has it done now.
    """
    ends = now() + timeout
    swept: float | None = None
    before: Look | None = None
    looks = 0
    while True:
        seen = look()
        looks += 1
        found = busy(seen)
        if not found and before is not None and before.written == seen.written:
            return _verdict(seen, [], looks)
        before = None if found else seen
        if found and not on_its_way(seen) and (swept is None or now() - swept >= SWEEP_AGAIN):
            with contextlib.suppress(RuntimeError):
                sweep()
            swept = now()
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
        due=dict(look.due),
        looks=looks,
    )


def due_now(dynamodb: Any, table: str, registry: str) -> int:
    """Items of a table that the sweep would do something about. Who waits for a listing waits until it is mapped."""
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": "due",
        "KeyConditionExpression": "due_pk = :due AND due_sk <= :until",
        "ExpressionAttributeValues": {
            ":due": {"S": "DUE"},
            ":until": {"S": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ#~")},
        },
    }
    count = 0
    while True:
        page = dynamodb.query(**request)
        listings = [awaited_listing(item["pk"]["S"]) for item in page["Items"]]
        count += sum(listing is None or _is_mapped(dynamodb, registry, listing) for listing in listings)
        if "LastEvaluatedKey" not in page:
            return count
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _is_mapped(dynamodb: Any, registry: str, listing: str) -> bool:
    return "Item" in dynamodb.get_item(TableName=registry, Key={"pk": {"S": "LISTING"}, "sk": {"S": listing}})


def awaited_listing(pk: str) -> str | None:
    """The registry's sort key of the listing that a pointer's orders wait for; None for any other item."""
    kind, _, rest = pk.partition("#")
    return ":".join(rest.split("#", 2)) if kind == "LISTING" else None


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

    ``client`` makes boto3 clients of the emulator by service name, ``receipts`` counts the events that the SMS
    service is about to send. It keeps its place in the streams and in the relay's log, so a look reads only what
    is new. One thread at a time.
    """

    def __init__(
        self, client: Callable[[str], Any], outputs: Mapping[str, str], receipts: Callable[[], int] = lambda: 0
    ) -> None:
        self._receipts = receipts
        self._sqs = client("sqs")
        self._logs = client("logs")
        self._streams = client("dynamodbstreams")
        self._queues = {name: outputs[output] for name, output in QUEUES.items()}
        self._relay_log = log_group(client("lambda"), outputs["RelayEffectsFunctionName"])
        self._read_until = 0
        """Milliseconds: the newest log line that has been read."""
        self._dynamodb = client("dynamodb")
        self._tables = {name: outputs[output] for name, output in DUE.items()}
        self._registry = outputs["RegistryTableName"]
        self._arns = {
            name: self._dynamodb.describe_table(TableName=outputs[output])["Table"]["LatestStreamArn"]
            for name, output in STREAMS.items()
        }
        self._iterators: dict[str, dict[str, str | None]] = {name: {} for name in STREAMS}
        self._written: dict[str, int | None] = dict.fromkeys(STREAMS)
        self._relayed: dict[str, int | None] = dict.fromkeys(STREAMS)

    def look(self) -> Look:
        """What is about to come first, then queues, then streams, then what was relayed: the order that the proof above
        needs. Then what is due."""
        receipts = self._receipts()
        queues = {name: self._backlog(url) for name, url in self._queues.items()}
        for name in STREAMS:
            self._read_stream(name)
        self._read_log()
        due = {name: due_now(self._dynamodb, table, self._registry) for name, table in self._tables.items()}
        return Look(queues, dict(self._written), dict(self._relayed), due, receipts)

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


SCHEDULED: Final = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
"""What a schedule sends to its function."""


class Function:
    """Runs a deployed function when somebody does not want to wait for its schedule."""

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, str], output: str) -> None:
        self._functions = client("lambda")
        self._name = outputs[output]

    def run(self, event: Mapping[str, Any] = SCHEDULED) -> dict[str, Any]:
        """What the function answered. RuntimeError with its words if it failed."""
        answer = self._functions.invoke(FunctionName=self._name, Payload=json.dumps(event).encode())
        said = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(f"{said.get('errorType')}: {said.get('errorMessage')}")
        return dict(said or {})


class Clock:
    """The clock of a deployed function. What is due later can be looked at now instead of being waited for."""

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, str], output: str) -> None:
        self._functions = client("lambda")
        self._name = outputs[output]

    def set_ahead(self, seconds: int) -> None:
        """Seconds by which it is ahead from now on; its workers start anew. An emulated function alone takes that."""
        settings = self._functions.get_function_configuration(FunctionName=self._name)
        local = {"STAGE": "local", "EMULATED": "true", "CLOCK_AHEAD_SECONDS": str(seconds)}
        told = settings["Environment"]["Variables"] | local
        self._functions.update_function_configuration(FunctionName=self._name, Environment={"Variables": told})
        self._functions.get_waiter("function_updated_v2").wait(
            FunctionName=self._name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )


class Sweep:
    """The deployed sweep."""

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, str]) -> None:
        self._function = Function(client, outputs, "SweepFunctionName")

    def run(self, at: str | None = None) -> dict[str, Any]:
        """What the function answered. ``at``: as of that time. RuntimeError with its words if it failed."""
        return self._function.run({} if at is None else {"at": at})


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
