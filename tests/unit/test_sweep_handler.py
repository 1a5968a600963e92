"""The deployed entry of sweep on its Lambda events, over moto's tables and queues."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from functions.apply_order_events import handler as apply_order_events
from functions.sweep import handler as sweep
from hunar import tables, wiring
from hunar.domain.facts import instant
from hunar.ports import Put, QueueName, Retryable
from hunar.settings import Settings
from hunar.tables import Table
from hunar.wiring import Application
from tests.deployed import deploy, event, log_lines, waiting
from tests.world import World

NOTHING = {"sent": {}, "left": False}
AS_OF = event("sweep_as_of")


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        made = deploy(monkeypatch)
        world = World()
        world.store = made.store  # type: ignore[assignment]
        world.group("G11")
        world.product("STOLE", "G11", "Stole")
        # The reminders of the real today, which these tests are not about, and of the days that they are played in.
        reminded(made, *((datetime.now(UTC) + timedelta(hours=5.5 * times)).date().isoformat() for times in (1, 2)))
        reminded(made, *(f"2026-11-{day}" for day in range(24, 31)))
        yield made
        wiring.application.cache_clear()


def reminded(application: Application, *days: str) -> None:
    for day in days:
        application.store.commit([Put(tables.reminded(day), {"day": day, "low_stock": {}})])


def local(monkeypatch: pytest.MonkeyPatch, *, stage: str = "local", emulated: str = "true") -> None:
    """The environment of the emulated local stack, or of what calls itself so."""
    monkeypatch.setenv("STAGE", stage)
    monkeypatch.setenv("EMULATED", emulated)
    wiring.application.cache_clear()


def owe_a_text(application: Application, at: str) -> None:
    """A record that waits and is due at ``at``."""
    text = {
        "notification_id": "n1", "kind": "NEW_ORDER", "order_ref": "flipkart:demo:S1", "group_id": "G11",
        "contact": "leader", "good_until": "2026-12-30T00:00:00Z", "status": "WAITING", "version": 1,
    }  # fmt: skip
    application.store.commit([Put(tables.notification("n1"), text | tables.due(at, "n1"))])


def test_with_nothing_due_nothing_is_sent(application: Application) -> None:
    answer = sweep.handle(event("sweep"), None)
    assert {name: answer[name] for name in NOTHING} == NOTHING
    assert abs((datetime.fromisoformat(answer["at"]) - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize(
    ("at", "calls"),
    [("2026-11-25T20:00:00Z", {"Query": 4}), ("2026-11-25T04:30:00Z", {"Query": 4, "BatchGetItem": 1})],
    ids=["at night", "by day"],
)
def test_finding_nothing_costs_four_calls_and_by_day_one_more(
    application: Application, monkeypatch: pytest.MonkeyPatch, at: str, calls: dict[str, int]
) -> None:
    local(monkeypatch)
    lines = log_lines(monkeypatch)
    assert sweep.handle({"at": at}, None) == {"at": at, **NOTHING}
    [line] = [line for line in lines() if line["message"] == "swept"]
    assert (line["aws_calls"], line["outcome"], line["sent"]) == (calls, "done", {})


def test_groups_are_reminded_once_a_day(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    local(monkeypatch)
    at = "2026-12-01T02:30:00Z"
    assert sweep.handle({"at": at}, None) == {"at": at, "sent": {"notifications": 1}, "left": False}
    assert waiting(application, QueueName.NOTIFICATIONS) == [{"version": 1, "kind": "remind", "day": "2026-12-01"}]
    reminded(application, "2026-12-01")
    assert sweep.handle({"at": at}, None) == {"at": at, **NOTHING}


def test_what_is_due_goes_to_its_queues_again_and_the_run_is_counted(
    application: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("adjust", "webhook"):
        apply_order_events.handle(event(f"apply_order_events_{name}"), None)
    owe_a_text(application, "2026-11-25T04:00:00Z")
    # Two days on all effects of the order have been owed for long; they are looked for as of that time.
    order = tables.order("flipkart:demo:S1")
    due = application.store.read([order])[order]["due_sk"].partition("#")[0]
    local(monkeypatch)
    assert sweep.handle({"at": due}, None) == {
        "at": due,
        "sent": {"notifications": 2, "order-events": 1},
        "left": False,
    }
    texts = waiting(application, QueueName.NOTIFICATIONS)
    assert sorted(text["order_ref"] for text in texts) == ["flipkart:demo:S1"] * 2
    assert "n1" in {text["notification_id"] for text in texts}
    [look] = waiting(application, QueueName.ORDER_EVENTS)
    assert (look["kind"], look["order_ref"]) == ("look", "flipkart:demo:S1")
    assert '"SweepRan":[1.0]' in capsys.readouterr().out


def test_the_local_stack_is_swept_as_of_another_time(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    local(monkeypatch)
    at = "2026-11-25T04:30:00Z"
    owe_a_text(application, at)
    assert sweep.handle({"at": "2026-11-25T04:29:59Z"}, None) == {"at": "2026-11-25T04:29:59Z", **NOTHING}
    assert sweep.handle(AS_OF, None) == {"at": at, "sent": {"notifications": 1}, "left": False}


@pytest.mark.parametrize(
    ("stage", "emulated"),
    [("prod", "false"), ("prod", "true"), ("staging", "false"), ("dev", "true"), ("local", "false"), ("local", "")],
)
def test_a_real_stage_takes_no_other_time_than_its_own(
    application: Application, monkeypatch: pytest.MonkeyPatch, stage: str, emulated: str
) -> None:
    local(monkeypatch, stage=stage, emulated=emulated)
    future = "2999-01-01T00:00:00Z"
    owe_a_text(application, future)
    answer = sweep.handle({"at": future}, None)
    assert answer["at"] < "2999"
    assert {name: answer[name] for name in NOTHING} == NOTHING


def test_a_stage_that_forgot_to_say_what_it_is_is_a_real_one() -> None:
    assert not Settings.from_environment({}).emulated
    assert not Settings.from_environment({"EMULATED": "true"}).emulated


def test_what_one_table_refuses_does_not_hold_up_the_others_and_the_run_does_not_count(
    application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    owe_a_text(application, instant(datetime.now(UTC)))
    boto3.client("dynamodb").delete_table(TableName=application.settings.tables[Table.ORDERS])
    with pytest.raises(Retryable, match="query"):
        sweep.handle(event("sweep"), None)
    assert [text["notification_id"] for text in waiting(application, QueueName.NOTIFICATIONS)] == ["n1"]
    assert "SweepRan" not in capsys.readouterr().out
