"""What persons do with shelves and orders, from the act to the counters, the texts and the worklist."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from hunar import tables
from hunar.domain import facts
from hunar.domain.facts import Cancelled, Inspected, Placed, Resolved
from hunar.domain.order import knowledge, read
from hunar.domain.rate_card import row_from_csv
from hunar.messages import OperatorAct, StockAct
from hunar.ports import Put, QueueName, Rejected
from hunar.tables import Item, Table
from hunar.use_cases import operate
from hunar.use_cases.import_catalogue import Desk as ImportDesk
from hunar.use_cases.import_catalogue import Report, import_catalogue
from hunar.use_cases.operate import By, Desk, NotNow, NotThere
from tests.flipkart_messages import cancelled, created, item, step
from tests.template.deployed import ROOT
from tests.world import World

HEAD = "row_id,scope,code,from,to,basis,value,hsn,price_from,price_to,source\n"


@pytest.fixture
def world() -> World:
    """Two groups; the accounts are registered, so that listings can be mapped."""
    world = World()
    world.group("G11")
    world.group("G22", "en")
    world.product("STOLE", "G11", "Stole", stock=10)
    world.product("TOTE", "G22", "Tote", stock=5)
    world.product("MAT", "G22", "Mat", listed=False, stock=9)
    world.store.commit([Put(tables.account("flipkart", "demo"), {"marketplace": "flipkart", "account": "demo"})])
    world.settle()
    return world


def desk(world: World) -> Desk:
    return Desk(world.store, world.queues, world.now, lambda action: action())


def by(act_id: str, reason: str = "because", person: str = "farzana") -> By:
    return By(person, reason, act_id)


def shelf(world: World, sku: str = "STOLE") -> tuple[int, int, int]:
    """On hand, available, uncounted."""
    stock = world.stock(sku)
    return stock["on_hand"], stock["available"], stock["uncounted"]


def exception(world: World, kind: str) -> Item:
    [found] = [item for item in world.items(Table.EXCEPTIONS) if item["kind"] == kind]
    return found


def fact_ids(world: World, shipment: str, kind: type[Any]) -> list[str]:
    known = sorted(knowledge(world.order(shipment)), key=facts.to_text)
    return [facts.fact_id(fact) for fact in known if isinstance(fact, kind)]


def returned(event: str, at: str, **entry: Any) -> dict[str, Any]:
    """A message about the return R1 of the line 1."""
    return {
        "eventType": f"return_{event}",
        "source": "flipkart",
        "version": "v3",
        "timestamp": at,
        "returnId": "R1",
        "attributes": {"returnItems": [{"orderItemId": "1", **entry}]},
    }


def state_return(world: World, quantity: int = 2) -> None:
    """The order S1 left with three stoles; ``quantity`` of them are back."""
    asked = returned(
        "created",
        "2026-11-28T10:00:00+05:30",
        quantity=quantity,
        shipmentId="S1",
        source="customer_return",
        reason="TORN",
    )
    back = returned("completed", "2026-11-29T10:00:00+05:30")
    for message in (created("S1", item("STOLE", 3)), step("S1", "shipped"), asked, back):
        world.post(message)
        world.settle()


# shelves


def test_an_act_counts_once_however_often_its_maker_repeats_it(world: World) -> None:
    for _ in range(2):
        operate.adjust(desk(world), "STOLE", 4, by("A1"))
    world.settle()
    operate.adjust(desk(world), "STOLE", 4, by("A1", person="somebody else"))
    assert world.queues.empty
    assert shelf(world) == (14, 14, 0)


def test_another_act_under_the_same_id_is_refused_in_words_and_counted_by_nobody(world: World) -> None:
    operate.adjust(desk(world), "STOLE", 4, by("A1"))
    world.settle()
    for act in (operate.adjust, operate.recount, operate.hold_back):
        with pytest.raises(NotNow, match="act_id: A1 was used before for adjust 4 of STOLE"):
            act(desk(world), "STOLE", 5, by("A1"))
    with pytest.raises(NotNow):
        operate.adjust(desk(world), "STOLE", 4, by("A1", reason="another reason"))
    assert world.queues.empty
    assert shelf(world) == (14, 14, 0)


def test_two_acts_under_one_id_that_were_under_way_together_count_once_and_are_shown(world: World) -> None:
    """The first was not yet counted when the second was checked."""
    operate.adjust(desk(world), "STOLE", 4, by("A1"))
    operate.adjust(desk(world), "STOLE", 5, by("A1"))
    world.settle()
    assert shelf(world)[0] in (14, 15)
    assert "act_id: A1 was counted before" in exception(world, "UNKNOWN_MESSAGE")["message"]


def test_counting_the_shelf_settles_what_left_uncounted_and_keeps_what_was_counted(world: World) -> None:
    operate.adjust(desk(world), "STOLE", -13, by("A1", reason="sent to the outlet"))
    world.settle()
    assert shelf(world) == (0, 0, 3)
    opened = exception(world, "UNCOUNTED")
    assert (opened["closed_at"], opened["sku"]) == (None, "STOLE")
    operate.recount(desk(world), "STOLE", 4, by("C1", reason="counted on Monday"))
    world.settle()
    assert shelf(world) == (4, 4, 0)
    closed = exception(world, "UNCOUNTED")
    assert closed["closed_at"] is not None
    assert closed["history"][-1]["note"] == "farzana: counted 4, counted on Monday"
    kept = world.store.read([tables.adjustment("STOLE", "C1")])[tables.adjustment("STOLE", "C1")]
    assert (kept["counted"], kept["quantity"], kept["person"]) == (4, 7, "farzana")


def test_a_shelf_that_is_counted_as_it_shows_had_more_than_anybody_knew(world: World) -> None:
    """Four on hand, all promised, three left uncounted: who counts four says that three more had been there."""
    world.post(created("S1", item("STOLE", 4)))
    world.settle()
    operate.adjust(desk(world), "STOLE", -9, by("A1"))
    world.settle()
    assert shelf(world) == (4, 0, 3)
    operate.recount(desk(world), "STOLE", 4, by("C1"))
    world.settle()
    assert shelf(world) == (4, 0, 0)
    assert "UNCOUNTED" not in world.exceptions()


def test_what_moves_between_the_count_and_its_arrival_moves_on_it(world: World) -> None:
    operate.recount(desk(world), "STOLE", 12, by("C1"))
    [(late, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    for message in (created("S1", item("STOLE", 3)), step("S1", "shipped")):
        world.post(message)
        world.settle()
    world.queues.send(QueueName.ORDER_EVENTS, [late])
    world.settle()
    assert shelf(world) == (9, 9, 0)


def test_a_recount_that_is_repeated_is_the_same_act_though_the_counters_show_other_units(world: World) -> None:
    for _ in range(2):
        operate.recount(desk(world), "STOLE", 12, by("C1"))
        world.settle()
    assert shelf(world) == (12, 12, 0)


def test_the_buffer_that_a_person_set_last_holds_whatever_arrives_last(world: World) -> None:
    """The person's own time decides, and moves no unit."""
    acts = [
        StockAct(act="buffer", act_id=name, sku="STOLE", quantity=units, at=at, reason="r", person="p")
        for name, units, at in (("B2", 3, "2026-11-25T10:00:00Z"), ("B1", 7, "2026-11-25T09:00:00Z"))
    ]
    for act in acts:
        world.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])
        world.settle()
    assert world.stock("STOLE")["buffer"] == 3
    assert shelf(world) == (10, 10, 0)
    operate.hold_back(desk(world), "STOLE", 0, by("B3"))
    world.time = world.time.replace(hour=12)
    operate.hold_back(desk(world), "STOLE", 1, by("B4"))
    world.settle()
    assert world.stock("STOLE")["buffer"] == 1
    with pytest.raises(Rejected, match="quantity: "):
        operate.hold_back(desk(world), "STOLE", -1, by("B5"))


def test_a_fair_takes_sells_and_brings_back(world: World) -> None:
    operate.adjust(desk(world), "STOLE", -2, by("A1"))
    operate.at_fair(desk(world), "STOLE", "Utsav", "taken", 10, by("F1"))
    world.settle()
    assert shelf(world) == (0, 0, 2)
    assert world.exceptions() == ["UNCOUNTED"]
    operate.at_fair(desk(world), "STOLE", "Utsav", "sold", 6, by("F2"))
    world.settle()
    assert shelf(world) == (0, 0, 2)
    operate.at_fair(desk(world), "STOLE", "Utsav", "back", 4, by("F3"))
    world.settle()
    assert shelf(world) == (2, 2, 0)
    assert world.exceptions() == []
    stall = operate.shown_fair(world.store, "STOLE", "Utsav")
    assert stall == {"sku": "STOLE", "fair": "Utsav", "taken": 10, "sold": 6, "back": 4}


def test_more_sold_than_was_taken_is_shown_until_it_is_corrected(world: World) -> None:
    operate.at_fair(desk(world), "STOLE", "Utsav", "taken", 4, by("F1"))
    operate.at_fair(desk(world), "STOLE", "Utsav", "sold", 60, by("F2"))
    world.settle()
    assert world.exceptions() == ["FAIR_MISCOUNT"]
    assert exception(world, "FAIR_MISCOUNT")["message"].startswith("56 STOLE more were sold or brought back")
    operate.at_fair(desk(world), "STOLE", "Utsav", "sold", -54, by("F3", reason="a zero too many"))
    world.settle()
    assert exception(world, "FAIR_MISCOUNT")["message"].startswith("2 STOLE more")
    operate.at_fair(desk(world), "STOLE", "Utsav", "taken", 2, by("F4", reason="two more were in the bag"))
    world.settle()
    closed = exception(world, "FAIR_MISCOUNT")
    assert world.exceptions() == []
    assert closed["history"][-1]["note"] == "farzana: fair take +2, two more were in the bag"
    assert shelf(world) == (4, 4, 0)
    with pytest.raises(Rejected, match="sold: 6 were sold so far, so 7 cannot be taken off"):
        operate.at_fair(desk(world), "STOLE", "Utsav", "sold", -7, by("F5"))


@pytest.mark.parametrize(("units", "field"), [(10**6 + 1, "quantity"), (-(10**6) - 1, "quantity"), (0, "quantity")])
def test_25_a_number_of_units_that_nobody_has_changes_no_shelf(world: World, units: int, field: str) -> None:
    with pytest.raises(Rejected, match=f"{field}: "):
        operate.adjust(desk(world), "STOLE", units, by("A1"))
    assert world.queues.empty


def test_25_a_sale_of_no_unit_or_of_a_million_moves_no_shelf_and_is_shown(world: World) -> None:
    for number, quantity in enumerate((0, -1, 10**6 + 1)):
        world.post(created(f"S{number}", item("STOLE", quantity)))
    world.settle()
    assert shelf(world) == (10, 10, 0)
    assert world.exceptions() == ["BAD_LINE"] * 3


def test_26_a_price_that_contradicts_itself_reserves_is_shown_and_pays_nothing(world: World) -> None:
    odd = item("STOLE", 2) | {"priceComponents": {"sellingPrice": 10.0, "totalPrice": 999.0, "customerPrice": 1.0}}
    world.post(created("S1", odd))
    world.post(step("S1", "delivered"))
    world.settle()
    assert "PRICE_UNCLEAR" in world.exceptions()
    assert shelf(world) == (8, 8, 0)
    assert world.items(Table.LEDGER) == []


def test_a_product_that_nobody_knows_has_no_shelf(world: World) -> None:
    for sku in ("NOTHING", "", "x" * 3000):
        with pytest.raises(Rejected):
            operate.adjust(desk(world), sku, 1, by("A1"))
    with pytest.raises(NotThere, match="sku: NOTHING is not registered"):
        operate.recount(desk(world), "NOTHING", 1, by("A1"))
    assert world.queues.empty


# listings


def map_mat(world: World, **changed: Any) -> list[str]:
    said = {"marketplace": "flipkart", "account": "demo", "listing": "LSTMAT", "sku": "MAT", "since": None} | changed
    return operate.map_listing(desk(world), **said, by=by("M1"))


def test_23_an_order_of_an_unknown_listing_waits_and_goes_on_when_a_person_maps_it(world: World) -> None:
    world.post(created("S1", item("LSTMAT", 2)))
    world.settle()
    assert world.exceptions() == ["UNKNOWN_LISTING"]
    assert shelf(world, "MAT") == (9, 9, 0)
    map_mat(world)
    world.settle()
    assert shelf(world, "MAT") == (9, 7, 0)
    assert [kind for kind, _ in world.phones.to("G22")] == ["NEW_ORDER"]
    closed = exception(world, "UNKNOWN_LISTING")
    assert closed["closed_at"] is not None
    assert {(event["what"], event["by"]) for event in closed["history"]} >= {("map", "farzana"), ("closed", None)}
    listing = world.store.read([tables.listing("flipkart", "demo", "LSTMAT")])
    assert [entry["mappings"][0]["sku"] for entry in listing.values()] == ["MAT"]


def test_23_the_same_mapping_again_says_nothing_new_and_wakes_whoever_still_waits(world: World) -> None:
    """The first time the message was lost after the registry was written."""
    world.post(created("S1", item("LSTMAT", 2)))
    world.settle()
    map_mat(world)
    world.queues.taken(QueueName.ORDER_EVENTS)
    map_mat(world)
    world.settle()
    assert world.exceptions() == []
    map_mat(world)
    assert world.queues.empty


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sku": "NOTHING"}, "sku: NOTHING is neither in skus.csv nor registered"),
        ({"account": "other"}, "account: flipkart/other is neither"),
        ({"marketplace": "Flipkart"}, "marketplace: 'Flipkart' is not a marketplace's name"),
        ({"listing": ""}, "listing: is missing"),
        ({"since": "yesterday"}, "from: 'yesterday' is not a day"),
        ({"listing": "STOLE", "sku": "MAT"}, "from: is missing: since 2026-01-01 the listing is STOLE"),
        ({"sku": '=HYPERLINK("x"),"y'}, "sku: "),
        ({"sku": "MAT\n1,2,3,4,5"}, "sku: "),
    ],
)
def test_a_mapping_that_cannot_hold_is_refused_with_its_field(world: World, changed: Any, said: str) -> None:
    before = world.store.everything()
    with pytest.raises(Rejected) as refused:
        map_mat(world, **changed)
    assert str(refused.value).startswith(said)
    assert world.store.everything() == before


# orders


def test_a_wrong_cancellation_that_is_voided_reserves_again_and_tells_the_group(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    world.post(cancelled("S1", 3))
    world.settle()
    assert shelf(world) == (10, 10, 0)
    [wrong] = fact_ids(world, "S1", Cancelled)
    operate.void(desk(world), "flipkart:demo:S1", wrong, by("V1", reason="the portal says otherwise"))
    world.settle()
    assert shelf(world) == (10, 7, 0)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "CANCELLED", "NEW_ORDER"]
    operate.void(desk(world), "flipkart:demo:S1", wrong, by("V1", reason="the portal says otherwise"))
    assert world.queues.empty
    with pytest.raises(NotNow, match="is void already"):
        operate.void(desk(world), "flipkart:demo:S1", wrong, by("V2"))
    with pytest.raises(NotNow, match="act_id: V1 was used before"):
        operate.void(desk(world), "flipkart:demo:S1", fact_ids(world, "S1", Placed)[0], by("V1"))
    [undo] = fact_ids(world, "S1", facts.Voided)
    operate.void(desk(world), "flipkart:demo:S1", undo, by("V3"))
    world.settle()
    assert shelf(world) == (10, 10, 0)


def test_only_what_the_order_was_told_can_be_voided(world: World) -> None:
    world.post(created("S1", item("STOLE", 3)))
    world.settle()
    with pytest.raises(NotThere, match="fact_id: the order knows no fact"):
        operate.void(desk(world), "flipkart:demo:S1", "0" * 32, by("V1"))
    with pytest.raises(Rejected, match="remap the line instead"):
        operate.void(desk(world), "flipkart:demo:S1", fact_ids(world, "S1", Resolved)[0], by("V1"))
    for order_ref in ("flipkart:demo:S9", "", "x" * 3000):
        with pytest.raises(NotThere, match="there is no order"):
            operate.void(desk(world), order_ref, "0" * 32, by("V1"))


def test_an_inspection_puts_good_units_back_and_a_correction_counts_anew(world: World) -> None:
    state_return(world, 2)
    assert shelf(world) == (7, 7, 0)
    assert world.exceptions() == ["TO_INSPECT"]
    operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, 1, 0, 1, by("I1", reason="one was missing"))
    world.settle()
    assert shelf(world) == (8, 8, 0)
    assert world.exceptions() == []
    [wrong] = fact_ids(world, "S1", Inspected)
    operate.void(desk(world), "flipkart:demo:S1", wrong, by("V1", reason="it lay under the table"))
    world.settle()
    assert (shelf(world), world.exceptions()) == ((7, 7, 0), ["TO_INSPECT"])
    operate.inspect(desk(world), "flipkart:demo:S1", "R1", "1", 1, 1, 0, by("I2"))
    world.settle()
    assert (shelf(world), world.exceptions()) == ((8, 8, 0), [])
    [back] = read(knowledge(world.order("S1"))).returns
    assert (back.good, back.damaged, back.lost, back.status) == (1, 1, 0, "INSPECTED")


def test_an_inspection_that_is_repeated_before_it_is_applied_counts_once(world: World) -> None:
    """Each time it is sent with another time of its own."""
    state_return(world, 2)
    for _ in range(2):
        operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, 1, 0, 0, by("I1"))
        world.time = world.time.replace(minute=world.time.minute + 1)
    world.settle()
    assert shelf(world) == (8, 8, 0)
    [kept] = fact_ids(world, "S1", Inspected)
    operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, 1, 0, 0, by("I1"))
    assert world.queues.empty
    assert fact_ids(world, "S1", Inspected) == [kept]
    with pytest.raises(NotNow, match="act_id: I1 was used before"):
        operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, 0, 1, 0, by("I1"))


def test_two_inspections_under_one_id_that_were_under_way_together_count_once_and_are_shown(world: World) -> None:
    state_return(world, 2)
    for good, damaged in ((1, 0), (0, 1)):
        operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, good, damaged, 0, by("I1"))
    world.settle()
    assert len(fact_ids(world, "S1", Inspected)) == 1
    assert "act_id: I1 was kept before" in exception(world, "UNKNOWN_MESSAGE")["message"]


def test_an_inspection_of_more_than_is_back_is_refused_with_the_numbers(world: World) -> None:
    state_return(world, 2)
    with pytest.raises(Rejected, match="3 of the return R1 were looked at, but only 2 are back"):
        operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, 3, 0, 0, by("I1"))
    with pytest.raises(NotThere, match="return_id: the order has no return R2"):
        operate.inspect(desk(world), "flipkart:demo:S1", "R2", None, 1, 0, 0, by("I1"))
    with pytest.raises(NotThere, match="no return R1 of line 7"):
        operate.inspect(desk(world), "flipkart:demo:S1", "R1", "7", 1, 0, 0, by("I1"))
    with pytest.raises(Rejected, match="nothing was counted"):
        operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, 0, 0, 0, by("I1"))
    with pytest.raises(Rejected, match="not below 0"):
        operate.inspect(desk(world), "flipkart:demo:S1", "R1", None, 2, -1, 0, by("I1"))
    assert world.queues.empty


@pytest.mark.parametrize("left", [False, True])
def test_a_remapped_line_gives_the_wrong_shelf_back_what_it_lost(world: World, left: bool) -> None:
    """Also after the goods left: the stole never did, the tote was in the parcel. Both groups hear of it."""
    bring_rates(world)
    world.post(created("S1", item("STOLE", 2)))
    world.settle()
    if left:
        world.post(step("S1", "delivered"))
        world.settle()
        assert owed_to(world) == {"G11"}
    operate.remap(desk(world), "flipkart:demo:S1", "1", "TOTE", by("R1", reason="listed under the wrong name"))
    world.settle()
    assert shelf(world) == (10, 10, 0)
    assert shelf(world, "TOTE") == ((3, 3, 0) if left else (5, 3, 0))
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER", "CANCELLED"]
    # Nothing can be asked of the other group any more when the goods are gone.
    assert [kind for kind, _ in world.phones.to("G22")] == ([] if left else ["NEW_ORDER"])
    if left:
        assert owed_to(world) == {"G22"}
    [line] = read(knowledge(world.order("S1"))).lines
    assert line.resolved is not None
    assert (line.resolved.sku, line.resolved.group_id, line.resolved.policy_version) == ("TOTE", "G22", 1)
    operate.remap(desk(world), "flipkart:demo:S1", "1", "TOTE", by("R1", reason="listed under the wrong name"))
    assert world.queues.empty


def owed_to(world: World) -> set[str]:
    """The groups to whom the expected entries of all lines, added up, owe something."""
    totals: dict[str, int] = {}
    for entry in world.items(Table.LEDGER):
        for posting in entry.get("postings", ()):
            totals[posting["account"]] = totals.get(posting["account"], 0) + posting["amount_paise"]
    return {account.rpartition(":")[2] for account, paise in totals.items() if paise and ":G" in account}


def test_a_remapped_line_is_on_the_terms_of_its_new_group_at_the_time_of_sale(world: World) -> None:
    group = world.store.read([tables.group("G22")])[tables.group("G22")]
    later = {"from": "2026-11-25", "fulfilment_mode": "HUB_PACKS", "payout_basis": "SALE_SHARE", "version": 2}
    world.store.commit([Put(tables.group("G22"), group | {"policies": [*group["policies"], later]})])
    for shipment, day in (("S1", "24"), ("S2", "25")):
        world.post(created(shipment, item("STOLE", 1, orderDate=f"2026-11-{day}T10:00:00.000+05:30")))
    world.settle()
    for shipment in ("S1", "S2"):
        operate.remap(desk(world), f"flipkart:demo:{shipment}", "1", "TOTE", by(f"R-{shipment}"))
    world.settle()
    terms = [read(knowledge(world.order(shipment))).lines[0].resolved for shipment in ("S1", "S2")]
    assert [(one.policy_version, one.fulfilment_mode) for one in terms if one] == [(1, "GROUP_PACKS"), (2, "HUB_PACKS")]


def test_a_line_is_remapped_only_to_another_registered_product(world: World) -> None:
    world.post(created("S1", item("STOLE", 1)))
    world.settle()
    for order_ref, line_id, sku, error, said in (
        ("flipkart:demo:S1", "9", "TOTE", NotThere, "line_id: the order has no line 9"),
        ("flipkart:demo:S1", "1", "NOTHING", Rejected, "sku: NOTHING is not registered"),
        ("flipkart:demo:S1", "1", "", Rejected, "sku:  is not registered"),
        ("flipkart:demo:S1", "1", "STOLE", NotNow, "sku: the line is STOLE already"),
    ):
        with pytest.raises(error, match=said):
            operate.remap(desk(world), order_ref, line_id, sku, by("R1"))
    assert world.queues.empty


@pytest.mark.parametrize("how", ["remap", "void"])
def test_a_line_that_a_person_settled_waits_for_no_mapping_any_more(world: World, how: str) -> None:
    """The listing stays unmapped; a second order that waits for it is still waited with."""
    for shipment in ("S1", "S2"):
        world.post(created(shipment, item("NOBODYS", 2)))
    world.settle()
    for number, shipment in enumerate(("S1", "S2")):
        assert "UNKNOWN_LISTING" in world.exceptions()
        if how == "remap":
            operate.remap(desk(world), f"flipkart:demo:{shipment}", "1", "TOTE", by("A1"))
        else:
            operate.void(desk(world), f"flipkart:demo:{shipment}", fact_ids(world, shipment, Placed)[0], by("A1"))
        world.settle()
        assert world.stock("TOTE")["reserved"] == (2 * (number + 1) if how == "remap" else 0)
    assert "UNKNOWN_LISTING" not in world.exceptions()
    # A third order opens it again, and a mapping that comes later moves only that one: the others are settled.
    world.post(created("S3", item("NOBODYS", 1)))
    world.settle()
    assert "UNKNOWN_LISTING" in world.exceptions()
    map_mat(world, listing="NOBODYS")
    world.settle()
    assert "UNKNOWN_LISTING" not in world.exceptions()
    assert world.stock("MAT")["reserved"] == 1


def test_an_act_is_kept_like_a_delivery_with_who_did_it_and_why(world: World) -> None:
    world.post(created("S1", item("STOLE", 1)))
    world.settle()
    operate.remap(desk(world), "flipkart:demo:S1", "1", "TOTE", by("R1", reason="wrong label"))
    [(body, _)] = world.queues.taken(QueueName.ORDER_EVENTS)
    message = OperatorAct.model_validate_json(body)
    world.queues.send(QueueName.ORDER_EVENTS, [body])
    world.settle()
    kept = world.store.read([tables.act("flipkart:demo:S1", "R1")])[tables.act("flipkart:demo:S1", "R1")]
    assert kept["facts"] == [message.fact]
    assert (json.loads(message.fact)["person"], json.loads(message.fact)["reason"]) == ("farzana", "wrong label")


# rates that came late


def rates(world: World, *, without: str = "") -> Report:
    text = (ROOT / "local/demo/rates.csv").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if not without or without not in line]
    door = ImportDesk(world.store, world.queues, world.now, demo=True, again=lambda action: action())
    return import_catalogue(door, {"rates.csv": "\n".join(rows).encode()}, dry_run=False)


def bring_rates(world: World) -> None:
    with (ROOT / "local/demo/rates.csv").open(encoding="utf-8") as file:
        for row in map(row_from_csv, csv.DictReader(file)):
            world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row)])


def test_a_line_that_had_no_rate_is_booked_when_the_rate_is_imported(world: World) -> None:
    """Delivered with an HSN that the card does not know. The import finds it on the worklist."""
    with (ROOT / "local/demo/rates.csv").open(encoding="utf-8") as file:
        kept = [row for row in csv.DictReader(file) if row["code"] != "output_gst"]
    for row in map(row_from_csv, kept):
        world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row)])
    world.post(created("S1", item("STOLE", 2)))
    world.post(step("S1", "delivered"))
    world.settle()
    gap = exception(world, "RATE_GAP")
    assert (gap["closed_at"], gap["subject"], world.items(Table.LEDGER)) == (None, {"line_id": "1"}, [])
    assert gap["action"].endswith("the import has the payout worked out again.")
    report = rates(world)
    assert (report.problems, report.recomputed) == ([], 1)
    world.settle()
    assert owed_to(world) == {"G11"}
    assert exception(world, "RATE_GAP")["closed_at"] is not None
    assert rates(world).nothing_to_do


def test_an_import_without_rates_computes_nothing_again(world: World) -> None:
    world.post(created("S1", item("STOLE", 2)))
    world.post(step("S1", "delivered"))
    world.settle()
    assert world.exceptions() == ["RATE_GAP"]
    table = io.StringIO("marketplace,account\nflipkart,demo\n")
    door = ImportDesk(world.store, world.queues, world.now, demo=True, again=lambda action: action())
    assert import_catalogue(door, {"accounts.csv": table.read().encode()}, dry_run=False).recomputed == 0
    assert world.queues.empty


@pytest.mark.parametrize("told_first", [True, False])
def test_a_group_hears_of_its_order_when_that_it_left_is_taken_back(world: World, told_first: bool) -> None:
    """Her first text is kept from her because the goods had left; somebody finds out that they had not."""
    gone = step("S1", "shipped", "2026-11-25T12:00:00+05:30")
    for message in (created("S1", item("STOLE", 2)), gone)[:: 1 if told_first else -1]:
        world.post(message)
        world.settle()
    assert len(world.phones.to("G11")) == told_first
    [left] = fact_ids(world, "S1", facts.Step)
    operate.void(desk(world), "flipkart:demo:S1", left, by("V1"))
    world.settle()
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    assert world.stock("STOLE")["reserved"] == 2
