"""Kept deliveries come again: nothing is told twice, nothing is paid twice, and what was not read before counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.domain.facts import Step
from hunar.domain.reading import Finding, Reading
from hunar.marketplaces import flipkart
from hunar.messages import ORDER_EVENT, ComputePayout
from hunar.ports import Put, QueueName, Rejected
from hunar.tables import Item, Key, Table
from hunar.use_cases import apply, rebuild, replay
from hunar.use_cases.explain import explain
from hunar.use_cases.replay import Report, Window
from tests.everything import lived
from tests.flipkart_messages import created, item, step
from tests.histories import LIFE, played
from tests.world import MARKETPLACES, World

S1 = "flipkart:demo:S1"


@pytest.fixture
def world() -> World:
    return lived(World())


def sent(world: World, found: Iterable[tuple[Key, Item]], *, dry_run: bool = False) -> Report:
    report = replay.replay(world.queues, found, dry_run=dry_run)
    world.settle()
    return report


def standing(world: World) -> dict[Key, Item]:
    """Everything but what a person's clock moves: versions."""
    return {key: {**entry, "version": 0} for key, entry in world.store.everything().items()}


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=40)])
def test_all_of_it_again_sends_nothing_moves_nothing_and_books_nothing(world: World, later: timedelta) -> None:
    world.time += later
    before, texts, entries = standing(world), list(world.phones.texts), world.items(Table.LEDGER)
    report = sent(world, replay.of_window(world.store, Window(since="2026-11-01T00:00:00Z")))
    assert report.sent.total() == len(world.items(Table.DELIVERIES)) > 40
    assert world.phones.texts == texts
    assert world.items(Table.LEDGER) == entries
    assert standing(world) == before


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_lives_that_come_again_stay_as_they_are(seed: int) -> None:
    world = played(LIFE, seed=seed, twice=True, at_once=True, units=6)
    before, texts = standing(world), len(world.phones.texts)
    sent(world, replay.of_window(world.store, Window(marketplace="flipkart")))
    assert (standing(world), len(world.phones.texts)) == (before, texts)


@pytest.mark.parametrize(("later", "told"), [(timedelta(0), 1), (timedelta(days=40), 0)])
def test_an_order_that_was_lost_comes_back_and_weeks_later_nobody_is_told(later: timedelta, told: int) -> None:
    """Its texts are derived from what they mean: the same ones are owed, and one that went out is not sent again."""
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=5)
    world.post(created("S1", item("STOLE", 2)))
    world.settle()
    before = world.order("S1")
    world.time += later
    world.store.commit([Put(tables.order(S1), None), Put(tables.stock("STOLE"), None)])
    for notification in world.notifications():
        world.store.commit([Put(tables.notification(notification["notification_id"]), None)])
    world.store.commit([Put(tables.adjustment("STOLE", "first"), None)])
    world.phones.texts.clear()
    sent(world, replay.of_window(world.store, Window(since="2026-11-01T00:00:00Z")))
    after = world.order("S1")
    assert [after[name] for name in ("knowledge", "applied")] == [before[name] for name in ("knowledge", "applied")]
    assert after["owed"].keys() == before["owed"].keys()
    assert (world.stock("STOLE")["available"], world.stock("STOLE")["reserved"]) == (3, 2)
    assert len(world.phones.texts) == told
    assert {entry["status"] for entry in world.notifications()} == {"ACCEPTED" if told else "EXPIRED"}


def test_money_is_only_proposed_when_the_rates_were_corrected_meanwhile(world: World) -> None:
    entries = world.items(Table.LEDGER)
    for key, row in list(world.store.scan(Table.REGISTRY)):
        if key.pk == "RATE#flipkart" and row["code"] == "commission":
            world.store.commit([Put(key, row | {"value": row["value"] + 10_000})])
    sent(world, replay.of_order(world.store, S1))
    look_again = ComputePayout(order_ref=S1, line_id="12").model_dump_json()
    assert world.work(QueueName.PAYOUTS, look_again) == "PROPOSED NOTHING"
    assert world.items(Table.LEDGER) == entries
    assert "RATE_CHANGED" in world.exceptions()


def test_everything_in_any_order_into_empty_tables_is_what_was_there(world: World) -> None:
    """After a loss of all tables but Deliveries and the registry. Which delivery comes first is chance."""
    known = {key: entry["knowledge"] for key, entry in world.store.scan(Table.ORDERS) if key.sk == "ORDER"}
    shelves = {sku: world.stock(sku) for sku in ("STOLE", "HORSE", "TOTE", "MAT")}
    kept = [entry for entry in world.store.scan(Table.DELIVERIES) if "expires_at" not in entry[1]]
    for seed, order in enumerate((kept, kept[::-1], kept[7:] + kept[:7])):
        fresh = World()
        registry = [(key, entry) for key, entry in world.store.scan(Table.REGISTRY)]
        fresh.store.load([*registry, *world.store.scan(Table.DELIVERIES)])
        fresh.time = world.time + timedelta(days=60)
        sent(fresh, order)
        again = {key: entry["knowledge"] for key, entry in fresh.store.scan(Table.ORDERS) if key.sk == "ORDER"}
        assert again == known, seed
        for sku, shelf in shelves.items():
            after = fresh.stock(sku)
            assert after["available"] == shelf["available"]
            assert after["short"] + after["uncounted"] == shelf["short"] + shelf["uncounted"]
        assert fresh.phones.texts == []
        assert rebuild.check(fresh.store, World().store, MARKETPLACES, now=fresh.now).differences == []


class Newer:
    """The reader of a later version: it knows what a blessing is, and that its text is a person's own."""

    def read(self, raw: bytes, account: str) -> Reading:
        message = json.loads(raw)
        if message["eventType"] != "shipment_blessed":
            return flipkart.read(raw, account)
        fact = Step("packed", "2026-11-24T22:00:00Z")
        findings = (Finding("BAD_LINE", "attributes.note", "is not a note"),)
        redacted = json.dumps({"eventType": "shipment_blessed", "shipmentId": message["shipmentId"]})
        return Reading(message["shipmentId"], "shipment_blessed", "APPLIED", (fact,), findings, redacted)


def test_what_nobody_could_read_counts_when_newer_code_reads_it_and_its_exception_closes(world: World) -> None:
    key = next(key for key, kept in world.store.scan(Table.DELIVERIES) if kept.get("event_type") == "shipment_blessed")
    [blessed] = world.store.read([key]).values()
    assert "expires_at" in blessed
    assert world.exceptions().count("UNKNOWN_EVENT") == 2
    replay.replay(world.queues, replay.of_id(world.store, key.sk))
    [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    desk = apply.Desk(world.store, world.now, lambda action: action())
    newer = {"flipkart": Newer()}
    assert apply.apply(desk, ORDER_EVENT.validate_json(body), newer) == "repaired"
    assert world.exceptions().count("UNKNOWN_EVENT") == 1
    # What is wrong in the new reading is shown too.
    assert "BAD_LINE" in world.exceptions()
    [kept] = world.store.read([key]).values()
    assert (kept["verdict"], "expires_at" in kept, "body_b64" in kept) == ("APPLIED", False, False)
    assert json.loads(kept["body"]).keys() == {"eventType", "shipmentId"}
    found = explain(world.store, S1)
    assert found is not None
    assert [row["at"] for row in found["timeline"] if row["what"] == "packed"] == [
        "2026-11-24T22:00:00Z", "2026-11-25T03:30:00Z",
    ]  # fmt: skip
    told = {entry["kind"]: entry["closed_at"] for entry in found["exceptions"]}
    assert told["UNKNOWN_EVENT"] == world.now
    assert told["BAD_LINE"] is None
    # Older code meets what newer code understood, and loses nothing of it.
    assert apply.apply(desk, ORDER_EVENT.validate_json(body), MARKETPLACES) == "duplicate"
    assert rebuild.check(world.store, World().store, MARKETPLACES, now=world.now).equal


def test_a_crash_before_the_new_reading_is_kept_is_healed_by_the_same_message(world: World) -> None:
    key = next(key for key, kept in world.store.scan(Table.DELIVERIES) if kept.get("event_type") == "shipment_blessed")
    message = ORDER_EVENT.validate_json(json.dumps({"kind": "replay", "pk": key.pk, "sk": key.sk}))
    commit, left = world.store.commit, [0]

    def dying(puts: Any) -> None:
        if left[0] == 0:
            raise RuntimeError("killed")
        left[0] -= 1
        commit(puts)

    desk = apply.Desk(world.store, world.now, lambda action: action())
    for writes in range(3):
        world.store.commit, left[0] = dying, writes  # type: ignore[method-assign]
        with pytest.raises(RuntimeError):
            apply.apply(desk, message, {"flipkart": Newer()})
    world.store.commit = commit  # type: ignore[method-assign]
    apply.apply(desk, message, {"flipkart": Newer()})
    assert world.exceptions().count("UNKNOWN_EVENT") == 1
    assert world.exceptions().count("BAD_LINE") == 1
    assert world.store.read([key])[key]["verdict"] == "APPLIED"


def test_a_dry_run_counts_and_sends_nothing(world: World) -> None:
    report = sent(world, replay.of_order(world.store, S1), dry_run=True)
    assert report.sent["shipment_created"] == 1
    assert report.sent["return_completed"] == 1
    assert report.sent["resolved"] == 2
    assert report.sent["act"] == 1
    assert world.queues.taken(QueueName.ORDER_EVENTS) == []


def test_parked_messages_and_what_was_no_message_are_left_out_and_counted(world: World) -> None:
    parked = {"delivery_id": "x", "verdict": "FAILED", "body": "{}", "parked_at": world.now, "order_ref": None}
    world.store.commit([Put(tables.parked("order-events", "x"), parked)])
    world.queues.send(QueueName.ORDER_EVENTS, [json.dumps({"kind": "replay", "pk": "no", "sk": "such"})])
    world.settle()
    report = sent(world, replay.of_window(world.store, Window(since="2026-11-01T00:00:00Z")))
    assert report.skipped == {"FAILED": 1, "UNKNOWN_MESSAGE": 1}


def test_a_window_holds_from_its_first_moment_to_before_its_last(world: World) -> None:
    received = sorted(kept["received_at"] for kept in world.items(Table.DELIVERIES))
    first, last = received[0], received[-1]
    every = len(received)

    def count(**window: Any) -> int:
        return sent(world, replay.of_window(world.store, Window(**window)), dry_run=True).sent.total()

    assert count(since=first) == every
    assert count(until=first) == 0
    assert 0 < count(since=first, until=last) < every
    of_shelves = sum(key.pk.startswith("STOCK#") for key, _ in world.store.scan(Table.DELIVERIES))
    assert count(marketplace="flipkart", account="demo") == every - of_shelves
    assert count(marketplace="flipkart", account="other") == 0


def test_one_delivery_is_found_by_what_its_exception_names_or_with_its_order(world: World) -> None:
    kept = {kept.get("event_type"): key for key, kept in world.store.scan(Table.DELIVERIES)}
    of_registry = next(key for key, _ in world.store.scan(Table.DELIVERIES) if key.pk == S1 and "RESOLVED" in key.sk)
    world.store.commit([Put(tables.account("flipkart", "demo"), {"marketplace": "flipkart", "account": "demo"})])

    def one(event: str, order_ref: str | None = None) -> str | None:
        return replay.one(world.store, world.queues, kept[event].sk, order_ref)

    assert one("shipment_blessed") == S1
    assert one("account_note") == "UNREAD#flipkart#demo"
    assert one("shipment_shipped") is None
    assert one("shipment_shipped", S1) == S1
    assert one("return_picked_up", "flipkart:demo:S1") is None
    assert replay.one(world.store, world.queues, "look-1", S1) == S1
    assert replay.one(world.store, world.queues, of_registry.sk, S1) == S1
    assert len(world.queues.taken(QueueName.ORDER_EVENTS)) == 5
    with pytest.raises(Rejected, match="marketplace:account:id"):
        one("shipment_shipped", "S1")


def test_a_step_that_comes_again_is_a_duplicate_for_the_log(world: World) -> None:
    world.post(step("S5", "packed"))
    world.settle()
    replay.replay(world.queues, replay.of_order(world.store, "flipkart:demo:S5"))
    outcomes = {world.work(QueueName.ORDER_EVENTS, body) for body, _ in world.queues.taken(QueueName.ORDER_EVENTS)}
    assert outcomes == {"duplicate"}
