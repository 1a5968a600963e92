"""What people see of settled money: the groups' books, an order's entries in pages, the explanation of an order."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hunar import tables
from hunar.domain import rate_card
from hunar.ports import Put, QueueName
from hunar.tables import Table
from hunar.use_cases import operate, show
from hunar.use_cases.explain import explain
from hunar.use_cases.operate import By, NotThere
from hunar.use_cases.show import Asked
from tests.flipkart_messages import created, item, step
from tests.till import keep, settlement_line
from tests.world import World

ROOT = Path(__file__).parents[2]
S1 = "flipkart:demo:S1"


@pytest.fixture
def world() -> World:
    """Two groups; one sold, delivered and was settled in two files."""
    world = World()
    world.group("G11", "en")
    world.group("G12", "en")
    world.product("STOLE", "G11", "Stole", stock=8)
    with (ROOT / "local/demo/rates.csv").open(encoding="utf-8", newline="") as file:
        rows = [rate_card.row_from_csv(record) for record in csv.DictReader(file)]
    world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row) for row in rows])
    world.post(created("S1", item("STOLE", 3)))
    world.post(step("S1", "delivered"))
    world.settle()
    for number, heads in enumerate(({"sale": 449_700}, {"fee:commission": -26_982}, {"reimbursement": 1_000})):
        line = settlement_line(heads, "1", order_id="OD-1", settlement_id=f"NEFT-{number}")
        world.queues.send(QueueName.PAYOUTS, keep(world.store, line))
        world.settle()
    return world


def test_the_groups_are_shown_with_what_their_books_say(world: World) -> None:
    first = show.groups(world.store, Asked(limit=1))
    [seller] = first["items"]
    [head] = world.store.read([tables.book("G11")]).values()
    assert (seller["group_id"], seller["entries"]) == ("G11", 3)
    assert seller["held_paise"] == -head["balances"]["group_held:G11"] > 0
    assert seller["fund_paise"] == -head["balances"]["group_fund:G11"] > 0
    assert (seller["payable_paise"], seller["debt_paise"]) == (0, 0)
    [other] = show.groups(world.store, Asked(limit=1, after=first["next"]))["items"]
    assert (other["group_id"], other["entries"], other["held_paise"]) == ("G12", 0, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_an_orders_entries_come_in_pages_expected_ones_first_and_none_twice(world: World, limit: int) -> None:
    found, after = [], None
    while True:
        page = show.entries(world.store, S1, Asked(limit=limit, after=after))
        assert len(page["items"]) <= limit
        found += page["items"]
        if (after := page["next"]) is None:
            break
    assert [entry["kind"] for entry in found] == ["EXPECTED", "SETTLED", "SETTLED", "SETTLED"]
    assert len({entry["entry_id"] for entry in found}) == 4
    assert all(sum(posting["amount_paise"] for posting in entry["postings"]) == 0 for entry in found)


def test_an_order_is_explained_with_its_money(world: World) -> None:
    found = explain(world.store, S1)
    assert found is not None
    [money] = found["money"]
    assert (money["line_id"], money["group_id"]) == ("1", "G11")
    assert money["hold_end"] is not None
    assert [entry["kind"] for entry in found["entries"]].count("SETTLED") == 3
    # In the group's book and nothing else, and the parts of it are the whole.
    standing = money["standings"]["G11"]
    settled = [entry for entry in found["entries"] if entry["kind"] == "SETTLED"]
    [head] = world.store.read([tables.book("G11")]).values()
    assert sum(entry["group_paise"] for entry in settled) == -sum(head["balances"].values())
    assert standing["held"] == -head["balances"]["group_held:G11"]
    assert [row["detail"].split(":")[0] for row in found["timeline"] if row["what"] == "booked"].count("settled") == 3


def test_a_person_who_holds_money_back_is_shown_with_it(world: World) -> None:
    desk = operate.Desk(world.store, world.queues, world.now, lambda action: action())
    with pytest.raises(NotThere, match="no line 2"):
        operate.hold_money(desk, S1, "2", None, By("asha", "parcel was wet", "A1"))
    operate.hold_money(desk, S1, "1", "2027-01-31T00:00:00Z", By("asha", "parcel was wet", "A1"))
    world.settle()
    found = explain(world.store, S1)
    assert found is not None
    [money] = found["money"]
    assert (money["hold_end"], money["operator_hold"]["by"]) == ("2027-01-31T00:00:00Z", "asha")
    assert world.store.read([tables.posted(S1, "1")])[tables.posted(S1, "1")]["due_sk"].startswith("2027-01-31")
    assert [entry for entry in world.items(Table.LEDGER) if entry.get("kind") == "RELEASED"] == []
