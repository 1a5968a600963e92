"""Rare histories: corrections that come back, answers that get lost, orders at the edge of what an item holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hunar import tables
from hunar.adapters.write_units import item_size
from hunar.domain import facts
from hunar.domain.effects import PAYOUT
from hunar.domain.order import knowledge, read
from hunar.messages import ORDER_EVENT, ListingMapped, OperatorAct
from hunar.ports import Conflict, Put, QueueName, Retryable
from hunar.tables import Table
from hunar.use_cases import apply
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import World


def shop() -> World:
    world = World()
    world.group("G11")
    world.group("G22")
    for sku in ("STOLE", "SHAWL"):
        world.product(sku, "G11", sku.title(), stock=50)
    world.product("HORSE", "G22", "Horse", stock=50)
    world.settle()
    return world


def kinds(world: World) -> list[str]:
    return [kind for kind, _ in world.phones.to("G11")]


def test_a_group_hears_when_its_order_changes_from_one_product_to_another() -> None:
    world = shop()
    world.post(created("S1", item("STOLE", 3, line_id="1"), item("SHAWL", 1, line_id="2")))
    world.settle()
    world.post(
        created("S1", item("STOLE", 1, line_id="1"), item("SHAWL", 3, line_id="2"), at="2026-11-24T11:00:00+05:30")
    )
    world.settle()
    assert len(kinds(world)) > 1


def test_a_product_that_replaces_a_cancelled_one_is_told_though_the_number_of_units_is_the_same() -> None:
    world = shop()
    world.product("MAT", "G11", "Mat", listed=False, stock=9)
    world.post(created("S1", item("STOLE", 2, line_id="1"), item("MAT", 2, line_id="2")))
    world.settle()
    world.post(cancelled("S1", 2, "1"))
    world.map_listing("MAT", "G11")
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)
    world.settle()
    assert any("Mat" in text for _, text in world.phones.to("G11"))


def test_a_number_of_units_that_comes_back_is_told_again() -> None:
    world = shop()
    for quantity, minute in ((5, 0), (4, 1), (5, 2), (4, 3)):
        world.post(created("S1", item("STOLE", quantity), at=f"2026-11-24T11:0{minute}:00+05:30"))
        world.settle()
    assert kinds(world) == ["NEW_ORDER", "CANCELLED", "NEW_ORDER", "CANCELLED"]


def test_cancellations_that_come_in_the_wrong_order_still_tell_the_last_number() -> None:
    world = shop()
    world.post(created("S1", item("STOLE", 5)))
    world.settle()
    for units, hour in ((4, 13), (2, 12), (2, 14)):
        world.post(cancelled("S1", units, at=f"2026-11-24T{hour}:00:00+05:30"))
        world.settle()
    [line] = read(knowledge(world.order("S1"))).lines
    last = [n for n in world.notifications() if n["status"] == "ACCEPTED"]
    owed = world.order("S1")["owed"]
    last.sort(key=lambda n: owed[n["notification_id"]]["n"])
    assert last[-1]["stated"].get("STOLE", 0) == line.open


def test_a_claim_that_the_client_sent_twice_over_a_broken_line_is_still_ours() -> None:
    """PutItem is written, its answer lost; botocore asks again and is told that the item is there."""
    world = shop()
    world.post(created("S1", item("STOLE", 3)))
    commit = world.store.commit
    lost: list[bool] = []

    def answer_lost(puts: Sequence[Put]) -> None:
        commit(puts)
        if puts[0].key.table is Table.NOTIFICATIONS and not lost:
            lost.append(True)
            raise Conflict("ConditionalCheckFailedException of the client's own second request")

    world.store.commit = answer_lost  # type: ignore[method-assign,assignment]
    world.settle(patience=timedelta(minutes=40))
    assert lost
    assert kinds(world) == ["NEW_ORDER"]


def test_a_read_that_fails_before_sending_does_not_cost_the_group_its_text() -> None:
    world = shop()
    world.post(created("S1", item("STOLE", 3)))
    real = world.store.read
    failed: list[bool] = []

    def broken(keys: Iterable[tables.Key]) -> dict[tables.Key, tables.Item]:
        keys = list(keys)
        if any(key.pk == "AGENCY" for key in keys) and not failed:
            failed.append(True)
            raise Retryable("DynamoDB left keys unprocessed")
        return real(keys)

    world.store.read = broken  # type: ignore[method-assign]
    world.settle(patience=timedelta(minutes=40))
    assert failed
    assert kinds(world) == ["NEW_ORDER"]


def test_unknown_closes_when_the_answer_comes_after_all() -> None:
    world = shop()
    world.post(created("S1", item("STOLE", 3)))
    for body, _ in world.queues.taken(QueueName.ORDER_EVENTS):
        world.work(QueueName.ORDER_EVENTS, body)
    world.relay()
    [(body, _)] = world.queues.taken(QueueName.NOTIFICATIONS)

    def much_later() -> None:
        world.phones.before_answer = lambda: None
        world.time += timedelta(minutes=16)
        assert world.work(QueueName.NOTIFICATIONS, body) == "UNKNOWN"

    world.phones.before_answer = much_later
    assert world.work(QueueName.NOTIFICATIONS, body) == "ACCEPTED"
    assert world.exceptions() == []


def payouts_relayed(world: World) -> list[str]:
    images = [i for k, i in world.store.changes if k.table is Table.ORDERS and i.get("outbox")]
    return [e["effect_id"] for i in images for e in i["effects"] if e["kind"] == PAYOUT]


def test_a_price_that_is_corrected_back_is_computed_again() -> None:
    world = shop()
    world.post(step("S1", "delivered"))
    for minute, price in enumerate((1499.0, 1399.0, 1499.0)):
        world.post(created("S1", item("STOLE", 2, price), at=f"2026-11-24T11:0{minute}:00+05:30"))
        world.settle()
    assert len(payouts_relayed(world)) == 3


def test_a_day_of_sale_that_is_corrected_is_computed_again() -> None:
    world = shop()
    world.post(step("S1", "delivered"))
    for minute, day in enumerate(("2026-03-31", "2026-04-01")):
        sold = item("STOLE", 2, orderDate=f"{day}T10:00:00+05:30")
        world.post(created("S1", sold, at=f"2026-11-24T11:0{minute}:00+05:30"))
        world.settle()
    assert len(payouts_relayed(world)) == 2


def test_an_order_of_a_hundred_lines_with_unclear_prices_fits_its_transactions() -> None:
    world = shop()
    lines = [item("STOLE", 1, line_id=f"L{n:03}", priceComponents={"sellingPrice": "x"}) for n in range(100)]
    world.post(created("S1", *lines))
    world.settle()
    assert world.stock("STOLE")["reserved"] + world.stock("STOLE")["short"] == 100


def test_forty_short_lines_with_unclear_prices_fit_their_transactions() -> None:
    world = World()
    world.group("G11")
    for n in range(40):
        world.product(f"P{n:02}", "G11", f"Craft {n}")
    world.settle()
    lines = [item(f"P{n:02}", 1, line_id=f"L{n:03}", priceComponents={"sellingPrice": "x"}) for n in range(40)]
    world.post(created("S1", *lines))
    world.settle()
    assert len(world.order("S1")["applied"]) == 40


def test_a_late_cancellation_of_a_hundred_lines_fits_its_transaction() -> None:
    world = shop()
    world.post(created("S1", *(item("STOLE", 1, line_id=f"L{n:03}") for n in range(100))))
    world.post(step("S1", "shipped", "2026-11-24T10:30:00+05:30"))
    world.settle()
    message = cancelled("S1", 1)
    message["attributes"]["orderItems"] = [
        {"orderItemId": f"L{n:03}", "quantity": 1, "reason": "buyer", "subReason": "x"} for n in range(100)
    ]
    world.post(message)
    world.settle()
    assert "LATE_CANCELLATION" in world.exceptions()


@pytest.mark.parametrize(("count", "announced"), [(300, 1), (300, 3), (100, 14)])
def test_fault_34_a_large_order_fits_one_item(count: int, announced: int) -> None:
    world = World()
    world.group("G11")
    for n in range(count):
        world.product(f"BGP-TUSSAR-STOLE-{n:03}", "G11", f"Craft {n}")
    world.settle()
    for again in range(announced):
        lines = (item(f"BGP-TUSSAR-STOLE-{n:03}", 1, line_id=f"33365{n:014}") for n in range(count))
        world.post(created("FMPP0123456789", *lines, at=f"2026-11-24T11:{again:02}:00+05:30"))
        world.settle()
    biggest = max(item_size(key, order) for key, order in world.store.changes if key.table is Table.ORDERS)
    assert biggest <= 400 * 1024


@pytest.mark.parametrize("other", ["STOLE", "CHAIR"])
def test_a_line_that_is_announced_again_under_another_listing_waits_no_more_for_the_first(other: str) -> None:
    world = shop()
    world.product("MAT", "G22", "Mat", listed=False, stock=9)
    world.product("CHAIR", "G22", "Chair", listed=False, stock=9)
    world.post(created("S1", item("MAT", 2)))
    world.settle()
    world.post(created("S1", item(other, 2), at="2026-11-24T11:00:00+05:30"))
    world.settle()
    world.map_listing("MAT", "G22")
    world.map_listing("CHAIR", "G22")
    world.settle()
    assert world.store.read([tables.listing_pointer("flipkart", "demo", "MAT")]).popitem()[1]["waiting"] == []
    assert world.exceptions() == []


def test_a_mapping_announced_but_not_written_does_not_turn_in_circles() -> None:
    world = shop()
    world.product("MAT", "G22", "Mat", listed=False, stock=99)
    world.post(created("S1", *(item("MAT", 1, line_id=f"L{n:02}") for n in range(21))))
    world.settle()
    mapped = ListingMapped(marketplace="flipkart", account="demo", listing="MAT", at=world.now)
    reads: list[int] = []
    real = world.store.read

    def counted(keys: Iterable[tables.Key]) -> dict[tables.Key, tables.Item]:
        reads.append(1)
        assert len(reads) < 200, "for ever"
        return real(keys)

    world.store.read = counted  # type: ignore[method-assign]
    world.work(QueueName.ORDER_EVENTS, mapped.model_dump_json())


def test_a_message_that_nobody_understands_is_not_lost_to_another_transaction() -> None:
    world = shop()
    desk = apply.Desk(world.store, world.now, world._again)
    commit = world.store.commit

    def busy(puts: Sequence[Put]) -> None:
        world.store.commit = commit  # type: ignore[method-assign]
        raise Conflict("TransactionConflict")

    world.store.commit = busy  # type: ignore[method-assign,assignment]
    try:
        apply.unknown_message(desk, "no json", "message: not JSON")
    except Retryable:
        return  # the queue brings it again
    assert world.exceptions() == ["UNKNOWN_MESSAGE"]


@pytest.mark.parametrize(
    "bad", [{"sku": ""}, {"quantity": 10**40}, {"sku": "S" * 2100}, {"act_id": "a", "sku": "STOLE", "quantity": 10**40}]
)
def test_faults_19_25_what_the_database_cannot_hold_is_no_message(bad: dict[str, Any]) -> None:
    message = {
        "version": 1,
        "kind": "adjust",
        "act_id": "x",
        "sku": "STOLE",
        "quantity": 1,
        "at": "2026-11-25T04:00:00Z",
    }
    with pytest.raises(ValidationError):
        ORDER_EVENT.validate_json(json.dumps(message | bad))


def test_the_count_that_is_asked_for_names_the_units_that_are_missing_now() -> None:
    world = shop()
    for shipment, units in (("S1", 51), ("S2", 7)):
        world.post(created(shipment, item("STOLE", units)))
        world.post(step(shipment, "shipped"))
        world.settle()
    [shown] = [e for e in world.items(Table.EXCEPTIONS) if e["kind"] == "UNCOUNTED"]
    assert "8 STOLE" in shown["message"]


def test_a_line_that_was_corrected_before_it_had_anything_leaves_nothing_behind() -> None:
    world = shop()
    world.post(created("S1", item("STOLE", 2)))
    world.post(cancelled("S1", 2))
    world.settle()
    terms = ("SHAWL", "G11", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None)
    remapped = facts.Remapped("a1", "1", "2026-11-25T06:00:00Z", *terms, "Rukhsana", "wrong shelf")
    act = OperatorAct(act_id="a1", order_ref="flipkart:demo:S1", fact=facts.to_text(remapped))
    world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
    world.settle()
    assert {name: line["sku"] for name, line in world.order("S1")["applied"].items()} == {"1": "SHAWL"}
