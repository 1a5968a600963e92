"""``hunar explain``, ``replay``, ``rebuild --check`` and ``stock check`` as a person at the terminal meets them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hunar import tables
from hunar.cli import application
from hunar.cli.deployed import Deployed
from hunar.ports import Put, QueueName
from hunar.tables import Table
from tests.everything import lived
from tests.world import World, phone

S1 = "flipkart:demo:S1"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = lived(World())
    deployed = SimpleNamespace(store=world.store, queues=world.queues)
    monkeypatch.setattr(Deployed, "find", lambda stage: deployed)
    return world


def hunar(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(application, arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def document(*arguments: str, code: int = 0) -> Any:
    return json.loads(hunar(*arguments, "--json", code=code).stdout)


def one_line(*arguments: str) -> str:
    result = hunar(*arguments, code=1)
    [line] = result.stderr.splitlines()
    assert json.loads(hunar(*arguments, "--json", code=1).stdout) == {"error": line.removeprefix("hunar: ")}
    return line


def spoil(world: World) -> None:
    shelf = world.stock("STOLE")
    world.store.commit([Put(tables.stock("STOLE"), shelf | {"reserved": shelf["reserved"] + 1})])


def test_a_life_fits_into_a_hundred_columns_with_whole_ids_and_indias_time(world: World) -> None:
    said = hunar("explain", S1).stdout
    assert max(len(line.rstrip()) for line in said.splitlines()) <= 100
    found = document("explain", S1)
    for table in ("facts", "deliveries", "exceptions"):
        name = {"facts": "fact_id", "deliveries": "delivery_id", "exceptions": "exception_id"}[table]
        for row in found[table]:
            assert any(line.startswith(row[name]) for line in said.splitlines()), row
    assert said.startswith(f"{S1}   DELIVERED because delivered 2026-11-25 11:00:00")
    assert "2026-11-24 10:05:00  placed" in said
    assert "Open the parcel" not in said
    assert phone("G11")[-5:] not in said


def test_every_order_can_be_shown(world: World) -> None:
    for order in world.items(Table.ORDERS):
        if "order_ref" in order:
            assert hunar("explain", order["order_ref"]).stdout.startswith(order["order_ref"])
    said = hunar("explain", "flipkart:demo:S4").stdout
    assert "waits for the listing NOBODYS" in said
    assert "Add the listing to listings.csv" in " ".join(said.split())


def test_news_of_an_item_that_no_order_has(world: World) -> None:
    assert "waits" in hunar("explain", "--item", "flipkart:demo:91").stdout
    assert "leads to flipkart:demo:S10" in hunar("explain", "--item", "flipkart:demo:101").stdout
    assert document("explain", "--item", "flipkart:demo:91")["waits"] is True


def test_what_cannot_be_explained_is_one_line(world: World) -> None:
    assert one_line("explain", "flipkart:demo:NOPE") == "hunar: there is no order flipkart:demo:NOPE"
    assert "no news of the item flipkart:demo:NOPE" in one_line("explain", "--item", "flipkart:demo:NOPE")
    assert "marketplace:account:id" in one_line("explain", "S1")
    assert "which one?" in one_line("explain")
    assert "which one?" in one_line("explain", S1, "--item", "flipkart:demo:91")


def test_a_replay_counts_or_sends(world: World) -> None:
    dry = document("replay", S1, "--dry-run")
    assert dry == {"dry_run": True, "sent": dry["sent"], "skipped": {}}
    assert world.queues.taken(QueueName.ORDER_EVENTS) == []
    assert "would be sent again" in hunar("replay", S1, "--dry-run").stdout
    assert f"{sum(dry['sent'].values())} deliveries sent again" in hunar("replay", S1).stdout
    assert len(world.queues.taken(QueueName.ORDER_EVENTS)) == sum(dry["sent"].values())
    assert document("replay", "made")["sent"] == {"act": 1}
    # The first day in India ends at half past six in the evening in Greenwich.
    every = sum(document("replay", "--from", "2026-11-25", "--dry-run")["sent"].values())
    assert every == len(world.items(Table.DELIVERIES))
    assert "nothing is kept of this window" in one_line("replay", "--from", "2026-11-26")
    assert sum(document("replay", "--to", "2026-11-25T05:00:00Z", "--dry-run")["sent"].values()) < every
    assert document("replay", "--marketplace", "flipkart", "--account", "demo", "--dry-run")["sent"]["resolved"] == 9


def test_a_replay_says_what_it_does_not_understand(world: World) -> None:
    assert "which ones?" in one_line("replay")
    assert "which ones?" in one_line("replay", S1, "--from", "2026-11-25")
    assert "--from: yesterday" in one_line("replay", "--from", "yesterday")
    assert "--to: 2026-11-25T10:00:00" in one_line("replay", "--to", "2026-11-25T10:00:00")
    assert "nothing is kept of nope" in one_line("replay", "nope")
    assert "nothing is kept of flipkart:demo:NOPE" in one_line("replay", "flipkart:demo:NOPE")


def test_parked_messages_are_counted_apart(world: World) -> None:
    parked = {"delivery_id": "x", "verdict": "FAILED", "body": "{}", "parked_at": world.now, "order_ref": None}
    world.store.commit([Put(tables.parked("payouts", "x"), parked)])
    assert "1 kept messages are no deliveries" in hunar("replay", "--from", "2026-11-25", "--dry-run").stdout


def test_a_rebuild_that_is_equal_and_one_that_is_not(world: World) -> None:
    assert "Equal" in hunar("rebuild", "--check").stdout
    assert document("rebuild", "--check")["equal"] is True
    spoil(world)
    said = hunar("rebuild", "--check", code=1).stdout
    assert "shelf STOLE: reserved is" in said
    assert "Equal" not in said
    found = document("rebuild", "--check", code=1)
    assert (found["equal"], {entry["name"] for entry in found["differences"]}) == (False, {"STOLE"})
    assert "only checks" in one_line("rebuild")


def test_shelves_that_are_right_and_one_that_is_not(world: World) -> None:
    assert "0 differences" in hunar("stock", "check").stdout
    assert document("stock", "check")["equal"] is True
    spoil(world)
    said = hunar("stock", "check", code=1).stdout
    assert "shelf STOLE: reserved is" in said
    assert "order_ref flipkart:demo:S5, line_id 52" in said
    assert document("stock", "check", code=1)["differences"]
