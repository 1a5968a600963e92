"""Case 20: a rate changes between order, dispatch, delivery and credit. The day that its rows name decides, also of
what is only expected."""

from __future__ import annotations

import csv
import io

import pytest

from hunar import tables
from hunar.domain.rate_card import row_from_csv
from hunar.ports import Put
from hunar.tables import Table
from tests.flipkart_messages import created, item, step
from tests.world import World

HEAD = "row_id,scope,code,from,to,basis,value,date_basis,source\n"
CHANGES = "2026-11-22"
RATES = f"""
by-order-old,flipkart,commission,2026-01-01,{CHANGES},ppm_of_price,100000,order,card
by-order-new,flipkart,commission,{CHANGES},,ppm_of_price,110000,order,card
by-dispatch-old,flipkart,shipping_fee,2026-01-01,{CHANGES},fixed_per_line,5000,dispatch,card
by-dispatch-new,flipkart,shipping_fee,{CHANGES},,fixed_per_line,6000,dispatch,card
by-delivery-old,flipkart,collection_fee,2026-01-01,{CHANGES},fixed_per_line,1000,delivery,card
by-delivery-new,flipkart,collection_fee,{CHANGES},,fixed_per_line,1100,delivery,card
by-month,flipkart,tier_fee,2026-01-01,,fixed_per_line,100,month,card
gst,government,output_gst,2026-01-01,,ppm_of_taxable,50000,dispatch,law
gst-fees,government,gst_on_fees,2026-01-01,,ppm_of_fees,180000,dispatch,law
tcs,government,tcs,2026-01-01,,ppm_of_taxable,5000,dispatch,law
tds-old,government,tds,2026-01-01,{CHANGES},ppm_of_taxable,10000,credit,law
tds-new,government,tds,{CHANGES},,ppm_of_taxable,1000,credit,law
"""


def shop() -> World:
    world = World()
    world.group("G11")
    world.product("STOLE", "G11", "Stole", stock=9)
    for record in csv.DictReader(io.StringIO(HEAD + RATES.strip())):
        row = row_from_csv(record)
        world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row)])
    world.settle()
    return world


def sell(world: World, *, order: str, shipped: str | None, delivered: str | None) -> None:
    world.post(
        created("S1", item("STOLE", 1, 1050.0, orderDate=f"{order}T10:00:00+05:30"), at=f"{order}T10:05:00+05:30")
    )
    world.settle()
    for name, day in (("shipped", shipped), ("delivered", delivered)):
        if day:
            world.post(step("S1", name, f"{day}T11:00:00+05:30"))
            world.settle()


def decided(world: World) -> set[str]:
    """The rows of the amounts that stand booked, of those that have an old and a new one."""
    booked: dict[tuple[str, str], int] = {}
    for entry in world.items(Table.LEDGER):
        for posting in entry.get("postings", []):
            key = (posting["account"], posting["rate_row"])
            booked[key] = booked.get(key, 0) + posting["amount_paise"]
    return {row for (_, row), paise in booked.items() if paise and row.endswith(("old", "new"))}


@pytest.mark.parametrize(
    ("days", "new"),
    [
        (("2026-11-19", "2026-11-20", "2026-11-21"), set()),
        (("2026-11-19", "2026-11-20", "2026-11-22"), {"by-delivery", "tds"}),
        (("2026-11-19", "2026-11-22", "2026-11-23"), {"by-delivery", "tds", "by-dispatch"}),
        (("2026-11-22", "2026-11-23", "2026-11-24"), {"by-delivery", "tds", "by-dispatch", "by-order"}),
    ],
)
def test_the_day_that_the_row_names_decides(days: tuple[str, str, str], new: set[str]) -> None:
    world = shop()
    sell(world, order=days[0], shipped=days[1], delivered=days[2])
    names = {"by-order", "by-dispatch", "by-delivery", "tds"}
    assert decided(world) == {f"{name}-{'new' if name in new else 'old'}" for name in names}
    assert world.exceptions() == []


def test_a_day_is_indias() -> None:
    """Delivered at half past six in the evening in Greenwich, which is the next day."""
    world = shop()
    sell(world, order="2026-11-19", shipped="2026-11-20", delivered=None)
    world.post(step("S1", "delivered", "2026-11-21T18:30:00+00:00"))
    world.settle()
    assert decided(world) >= {"by-delivery-new", "by-dispatch-old"}


@pytest.mark.parametrize("late", [True, False])
def test_a_dispatch_that_is_told_late_is_booked_when_it_is(late: bool) -> None:
    """Until somebody says when it left, it left when it was delivered."""
    world = shop()
    sell(world, order="2026-11-19", shipped=None if late else "2026-11-20", delivered="2026-11-23")
    if late:
        assert decided(world) >= {"by-dispatch-new"}
        world.post(step("S1", "shipped", "2026-11-20T11:00:00+05:30"))
        world.settle()
    assert decided(world) >= {"by-dispatch-old", "by-delivery-new"}
    assert world.exceptions() == []


def test_another_hour_of_the_same_day_is_computed_once() -> None:
    world = shop()
    sell(world, order="2026-11-19", shipped=None, delivered="2026-11-23")
    before = [entry["entry_id"] for entry in world.items(Table.LEDGER) if "entry_id" in entry]
    sent: list[str] = []
    real = world.queues.send
    world.queues.send = lambda queue, bodies, **named: (sent.append(str(queue)), real(queue, bodies, **named))[1]  # type: ignore[method-assign]
    world.post(step("S1", "shipped", "2026-11-23T09:00:00+05:30"))
    world.settle()
    assert "payouts" not in sent
    assert [entry["entry_id"] for entry in world.items(Table.LEDGER) if "entry_id" in entry] == before
