"""The marketplace settled what nobody said was delivered, and then something else is known of it: the books hear of it
at once, not by night."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hunar import tables
from hunar.domain import facts
from hunar.domain.facts import Placed
from hunar.domain.order import knowledge
from hunar.domain.rate_card import row_from_csv
from hunar.ports import Put, QueueName
from hunar.tables import Table
from hunar.use_cases import operate
from tests.flipkart_messages import created, item, step
from tests.till import keep, settlement_line
from tests.world import World

ROOT = Path(__file__).parents[2]
S1 = "flipkart:demo:S1"
BY = operate.By("asha", "label was wrong", "A1")


@pytest.fixture
def world() -> World:
    world = World()
    world.group("G11", "en")
    world.group("G22", "en")
    world.product("STOLE", "G11", "Stole", stock=9)
    world.product("TOTE", "G22", "Tote", stock=9)
    with (ROOT / "local/demo/rates.csv").open(encoding="utf-8", newline="") as file:
        rows = [row_from_csv(record) for record in csv.DictReader(file)]
    world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row) for row in rows])
    world.settle()
    return world


def sold(world: World, *lines: dict[str, object]) -> None:
    world.post(created("S1", *(lines or [item("STOLE", 1)])))
    world.settle()


def settled(world: World, heads: dict[str, int], item_id: str | None = "1", order_id: str = "OD-1") -> None:
    line = settlement_line(heads, item_id, order_id=order_id)
    world.queues.send(QueueName.PAYOUTS, keep(world.store, line))
    world.settle()


def stands(world: World, group: str = "G11") -> int:
    """Paise that stand for a group as held."""
    found = world.store.read([tables.book(group)])
    return -sum(head["balances"].get(f"group_held:{group}", 0) for head in found.values())


def desk(world: World) -> operate.Desk:
    return operate.Desk(world.store, world.queues, world.now, lambda action: action())


def of_line(world: World, *kinds: str) -> list[str]:
    return [kind for kind in world.exceptions() if kind in kinds]


def test_a_remap_is_proposed_at_once(world: World) -> None:
    sold(world)
    settled(world, {"sale": 149_900})
    assert stands(world) > 0
    operate.remap(desk(world), S1, "1", "TOTE", BY)
    world.settle()
    assert of_line(world, "MONEY_PROPOSED") == ["MONEY_PROPOSED"], "another group is no news: a person approves"


def test_a_line_that_was_none_gives_its_money_back_at_once(world: World) -> None:
    sold(world)
    settled(world, {"sale": 149_900})
    assert stands(world) > 0
    [placed] = [fact for fact in knowledge(world.order("S1")) if isinstance(fact, Placed)]
    operate.void(desk(world), S1, facts.fact_id(placed), BY)
    world.settle()
    assert stands(world) == 0
    assert of_line(world, "SUSPENSE") == ["SUSPENSE"], "nobody knows whose it is"
    [void] = [fact for fact in knowledge(world.order("S1")) if isinstance(fact, facts.Voided)]
    operate.void(desk(world), S1, facts.fact_id(void), operate.By("asha", "it was one after all", "A2"))
    world.settle()
    assert stands(world) > 0


def test_the_siblings_of_a_line_that_was_none_share_the_whole_orders_row_anew(world: World) -> None:
    sold(world, item("STOLE", 1), item("STOLE", 1, line_id="2"))
    settled(world, {"sale": 149_900, "fee:shipping_fee": -1_000}, None, "S1")
    shares = shared(world)
    assert set(shares) == {"1", "2"}
    [placed] = [fact for fact in knowledge(world.order("S1")) if isinstance(fact, Placed) and fact.line_id == "2"]
    operate.void(desk(world), S1, facts.fact_id(placed), BY)
    world.settle()
    assert shared(world) == {"1": sum(shares.values())}


def shared(world: World) -> dict[str, int]:
    """What of the marketplace's money stands posted of each line."""
    found: dict[str, int] = {}
    for posted in world.items(Table.LEDGER):
        if "standings" in posted:
            paise = sum(one["amount_paise"] for one in posted["amounts"] if one["account"].startswith("marketplace_"))
            found |= {posted["line_id"]: paise} if paise else {}
    return found


def test_a_return_that_was_asked_for_holds_the_money_at_once(world: World) -> None:
    sold(world)
    settled(world, {"sale": 149_900})
    [before] = [found["hold_end"] for found in world.items(Table.LEDGER) if "hold_end" in found]
    items = {"orderItemId": "1", "returnId": "R1", "quantity": 1, "shipmentId": "S1", "source": "customer_return"}
    message = {"eventType": "return_created", "source": "flipkart", "timestamp": "2026-12-06T10:00:00+05:30"}
    world.post(message | {"returnId": "R1", "attributes": {"returnItems": [items]}})
    world.settle()
    [after] = [found["hold_end"] for found in world.items(Table.LEDGER) if "hold_end" in found]
    assert after > before


def test_an_ordinary_order_owes_no_command_before_it_is_delivered(world: World) -> None:
    sold(world)
    world.post(step("S1", "packed"))
    world.settle()
    assert [effect["kind"] for effect in world.order("S1")["owed"].values()] == ["NEW_ORDER"]
