"""When the local stack counts as quiet, from recorded looks, stream records and log lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hunar import tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.domain.facts import instant
from hunar.ports import Put
from hunar.settings import Settings
from hunar.tables import Table
from hunar.wiring import Application
from local.quiet import Backlog, Clock, Function, Look, Sweep, busy, due_now, newest_marked, newest_relayed, wait
from tests.tables import create_tables

NOTHING = Backlog(0, 0, 0)
# Records and lines as the emulator gives them, shortened to the fields that are read.
OWING = {
    "eventName": "MODIFY",
    "dynamodb": {"SequenceNumber": "21", "NewImage": {"outbox": {"S": "2"}, "pk": {"S": "a"}}},
}
SETTLED = {"eventName": "MODIFY", "dynamodb": {"SequenceNumber": "34", "NewImage": {"pk": {"S": "a"}}}}
REMOVED = {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "35", "Keys": {"pk": {"S": "a"}}}}
LINE = json.dumps(
    {"level": "INFO", "message": "effects_relayed", "table": "orders", "sequence_number": "21", "sent": {"payouts": 1}}
)


def look(
    *,
    orders: tuple[int | None, int | None] = (21, 21),
    stock: tuple[int | None, int | None] = (None, None),
    order_events: Backlog = NOTHING,
    notifications: Backlog = NOTHING,
    due: int = 0,
    receipts: int = 0,
) -> Look:
    """A look; streams are given as (written, relayed)."""
    return Look(
        {"order-events": order_events, "notifications": notifications, "payouts": NOTHING},
        {"orders": orders[0], "stock": stock[0]},
        {"orders": orders[1], "stock": stock[1]},
        {"orders": due, "stock": 0, "notifications": 0},
        receipts,
    )


class Time:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def looks(*seen: Look) -> Callable[[], Look]:
    """These looks, the last one for ever."""
    left = list(seen)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def waited(seen: Iterable[Look], timeout: float = 1.0) -> tuple[bool, list[str], int]:
    time = Time()
    verdict = wait(looks(*seen), timeout, pause=0.1, now=time.now, sleep=time.sleep)
    return verdict.quiet, verdict.busy, verdict.looks


def test_an_empty_stack_that_never_wrote_anything_is_not_busy() -> None:
    assert busy(look(orders=(None, None))) == []


@pytest.mark.parametrize(
    ("backlog", "words"),
    [
        (Backlog(1, 0, 0), "notifications: 1 waiting, 0 in flight, 0 delayed"),
        (Backlog(0, 2, 0), "notifications: 0 waiting, 2 in flight, 0 delayed"),
        (Backlog(0, 0, 3), "notifications: 0 waiting, 0 in flight, 3 delayed"),
    ],
)
def test_a_message_that_waits_is_worked_on_or_was_put_off_is_busy(backlog: Backlog, words: str) -> None:
    assert busy(look(notifications=backlog)) == [words]


@pytest.mark.parametrize("relayed", [None, 20])
def test_a_written_record_that_nobody_relayed_is_busy(relayed: int | None) -> None:
    assert busy(look(orders=(21, relayed))) == [f"orders stream: 21 is written, {relayed or 'nothing'} is relayed"]


def test_a_receipt_that_the_sms_service_is_about_to_send_is_busy_and_not_swept_away() -> None:
    assert busy(look(receipts=2)) == ["SMS service: 2 receipts on their way"]
    assert waited([look(receipts=1), look(), look()]) == (True, [], 3)


def test_both_streams_count() -> None:
    assert busy(look(orders=(21, 21), stock=(9, 8))) == ["stock stream: 9 is written, 8 is relayed"]


def test_sequence_numbers_compare_as_numbers_and_not_as_texts() -> None:
    assert busy(look(orders=(100, 99))) != []
    assert busy(look(orders=(99, 100))) == []


def test_a_relayed_record_that_was_not_seen_in_the_stream_is_no_work() -> None:
    assert busy(look(orders=(None, 5))) == []


def test_two_quiet_looks_in_a_row_are_quiet() -> None:
    assert waited([look(), look()]) == (True, [], 2)


def test_one_quiet_look_between_two_busy_ones_is_not_quiet() -> None:
    working = look(order_events=Backlog(0, 1, 0))
    assert waited([working, look(), working, look(), working])[0] is False


def test_two_quiet_looks_with_a_new_record_between_them_need_a_third() -> None:
    """A message left the stream after the first look and was worked off before the second: only the record tells."""
    assert waited([look(orders=(21, 21)), look(orders=(34, 34)), look(orders=(34, 34))]) == (True, [], 3)


def test_time_runs_out_with_what_is_still_busy() -> None:
    quiet, found, _ = waited([look(order_events=Backlog(2, 0, 0))], timeout=0.5)
    assert (quiet, found) == (False, ["order-events: 2 waiting, 0 in flight, 0 delayed"])


def test_time_that_runs_out_after_one_quiet_look_is_not_quiet() -> None:
    quiet, found, count = waited([look()], timeout=0)
    assert (quiet, count) == (False, 1)
    assert found


def swept(*seen: Look, timeout: float = 1.0, fails: bool = False) -> tuple[bool, list[str], int]:
    """Like ``waited``, and how often the sweep ran."""
    time, runs = Time(), 0

    def sweep() -> None:
        nonlocal runs
        runs += 1
        if fails:
            raise RuntimeError("AccessDenied")

    verdict = wait(looks(*seen), timeout, sweep=sweep, pause=0.1, now=time.now, sleep=time.sleep)
    return verdict.quiet, verdict.busy, runs


def test_what_is_due_is_busy_and_is_swept_at_once() -> None:
    assert busy(look(due=2)) == ["orders: 2 due"]
    assert swept(look(due=1), look(order_events=Backlog(1, 0, 0)), look()) == (True, [], 1)


def test_what_is_due_is_not_swept_while_something_is_on_its_way() -> None:
    """The message that settles it may be the one in the queue."""
    assert swept(look(due=1, order_events=Backlog(1, 0, 0)), look()) == (True, [], 0)


@pytest.mark.parametrize("fails", [False, True])
def test_what_stays_due_is_busy_and_swept_every_five_seconds(fails: bool) -> None:
    assert swept(look(due=1), timeout=11, fails=fails) == (False, ["orders: 1 due"], 3)


def test_a_sweep_that_sends_between_two_looks_is_waited_for() -> None:
    quiet, _, runs = swept(look(), look(notifications=Backlog(0, 1, 0)), look(), look())
    assert (quiet, runs) == (True, 0)


def test_only_what_the_sweep_would_do_something_about_is_due() -> None:
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        names = create_tables(dynamodb)
        store = DynamoDBStore(dynamodb, names)

        def due(table: Table = Table.ORDERS) -> int:
            return due_now(dynamodb, names[table], names[Table.REGISTRY])

        now = datetime.now(UTC)
        before, later = instant(now - timedelta(seconds=1)), instant(now + timedelta(hours=1))
        pointer = tables.listing_pointer("flipkart", "demo", "A#B")
        store.commit([Put(tables.order("flipkart:demo:1"), tables.due(later, "flipkart:demo:1"))])
        store.commit([Put(pointer, tables.due(before, pointer.pk))])
        # One is not due yet, and for the other a person must map its listing first.
        assert due() == 0
        store.commit([Put(tables.listing("flipkart", "demo", "A#B"), {"listing": "A#B"})])
        assert due() == 1
        store.commit([Put(tables.order("flipkart:demo:1"), tables.due(before, "flipkart:demo:1"))])
        assert (due(), due(Table.STOCK), due(Table.NOTIFICATIONS)) == (2, 0, 0)


class _Lambda:
    """Answers an invocation as the deployed function would."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer
        self.payloads: list[Any] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 boto3's own names
        assert FunctionName.startswith("hunar-local-")
        self.payloads.append(json.loads(Payload))
        return {name: io.BytesIO(value) if name == "Payload" else value for name, value in self.answer.items()}


def test_the_sweep_is_called_with_a_time_or_without_one() -> None:
    function = _Lambda(Payload=b'{"at": "2026-11-25T04:30:00Z", "sent": {"payouts": 2}, "left": false}')
    sweep = Sweep(lambda service: function, {"SweepFunctionName": "hunar-local-Sweep"})
    assert sweep.run()["sent"] == {"payouts": 2}
    sweep.run("2026-11-25T04:30:00Z")
    assert function.payloads == [{}, {"at": "2026-11-25T04:30:00Z"}]


def test_a_sweep_that_failed_says_its_words() -> None:
    function = _Lambda(FunctionError="Unhandled", Payload=b'{"errorType": "Retryable", "errorMessage": "SQS payouts"}')
    with pytest.raises(RuntimeError, match="Retryable: SQS payouts"):
        Sweep(lambda service: function, {"SweepFunctionName": "hunar-local-Sweep"}).run()


def test_the_clock_of_a_function_is_a_setting_that_only_an_emulated_one_takes() -> None:
    with mock_aws():
        functions = boto3.client("lambda", "ap-south-1")
        roles = boto3.client("iam", "ap-south-1")
        role = roles.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions.create_function(
            FunctionName="hunar-local-Notify",
            Runtime="python3.13",
            Role=role,
            Handler="handler.handle",
            Code={"ZipFile": b"no zip"},
            # Not every function is told its stage by the template.
            Environment={"Variables": {"DEMO": "true"}},
        )
        clock = Clock(lambda service: functions, {"Name": "hunar-local-Notify"}, "Name")
        for seconds in (960, 0):
            clock.set_ahead(seconds)
            told = functions.get_function_configuration(FunctionName="hunar-local-Notify")["Environment"]["Variables"]
            assert told["DEMO"] == "true"
            assert Settings.from_environment(told).clock_ahead_seconds == seconds
            assert Settings.from_environment(told | {"STAGE": "prod"}).clock_ahead_seconds == 0
    now = datetime.now(UTC)
    ahead = Application(Settings.from_environment(told | {"CLOCK_AHEAD_SECONDS": "960"})).clock() - now
    assert timedelta(seconds=960) <= ahead < timedelta(seconds=990)


def test_a_scheduled_function_is_called_as_its_schedule_calls_it_and_may_answer_nothing() -> None:
    function = _Lambda(Payload=b"null")
    catch_up = Function(
        lambda service: function, {"CatchUpOrdersFunctionName": "hunar-local-CatchUp"}, "CatchUpOrdersFunctionName"
    )
    assert catch_up.run() == {}
    [event] = function.payloads
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert "Records" not in event


def test_the_answer_holds_the_counts() -> None:
    time = Time()
    verdict = wait(looks(look(orders=(21, 21))), 1, now=time.now, sleep=time.sleep)
    answer = json.loads(json.dumps(verdict.as_json()))
    assert answer["quiet"] is True
    assert answer["queues"]["payouts"] == {"visible": 0, "in_flight": 0, "delayed": 0}
    assert answer["due"] == {"orders": 0, "stock": 0, "notifications": 0}
    assert answer["streams"] == {
        "orders": {"written": "21", "relayed": "21"},
        "stock": {"written": None, "relayed": None},
    }


def test_only_records_that_the_relay_is_given_are_waited_for() -> None:
    assert newest_marked([OWING, SETTLED, REMOVED], None) == 21
    assert newest_marked([SETTLED, REMOVED], None) is None
    assert newest_marked([OWING], 40) == 40


def test_the_relays_log_tells_how_far_each_stream_has_come() -> None:
    noise = ["START RequestId: 1 Version: $LATEST", "effects_relayed {not json", '["effects_relayed"]', "{}"]
    other = LINE.replace('"orders"', '"stock"').replace('"21"', '"7"')
    assert newest_relayed([*noise, LINE, other], {"orders": None}) == {"orders": 21, "stock": 7}


def test_a_line_that_is_read_again_does_not_turn_back_what_is_known() -> None:
    assert newest_relayed([LINE], {"orders": 99}) == {"orders": 99}


def test_a_line_with_the_words_in_another_field_says_nothing() -> None:
    line = json.dumps({"message": "failed", "cause": "effects_relayed", "table": "orders", "sequence_number": "50"})
    assert newest_relayed([line], {"orders": 21}) == {"orders": 21}
