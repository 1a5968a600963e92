"""What the answers of Flipkart's API state, and that every field of them is used or ignored for a reason."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import facts
from hunar.domain.facts import (
    MARKETPLACE,
    Fact,
    FormFailed,
    Placed,
    ReturnNoted,
    ReturnRequested,
    ReturnStep,
    Snapshot,
    Stated,
    Step,
)
from hunar.domain.reading import Reading
from hunar.marketplaces import flipkart
from hunar.marketplaces.body import written
from hunar.marketplaces.flipkart_api import answered, fetch, fetch_returns, read_answer
from tests.flipkart_answers import ACCOUNT, AT, SHAPES, item, page, part, returned, returns_page, shipment
from tests.flipkart_samples import SAMPLES, published
from tests.marketplaces.messages import BUYER, paths

SOLD_AT, SHIP_BY = "2026-11-24T04:30:00Z", "2026-11-27T10:00:00Z"
LIVE = ("APPROVED", "PACKING_IN_PROGRESS", "PACKED", "READY_TO_DISPATCH", "PICKUP_COMPLETE", "SHIPPED", "DELIVERED")


def reading(*items: Any, **other: Any) -> Reading:
    return read_answer(part(shipment=shipment(*items, **other)), "demo-api")


def reading_return(**other: Any) -> Reading:
    return read_answer(part(**{"return": returned(**other)}), "demo-api")


def findings(found: Reading) -> list[tuple[str, str]]:
    return [(finding.kind, finding.field) for finding in found.findings]


def one(kind: type[Any], found: Reading) -> Any:
    (fact,) = (fact for fact in found.facts if isinstance(fact, kind))
    return fact


def test_a_shipment_states_its_line_and_a_snapshot_of_all_of_it() -> None:
    found = reading()
    assert found.facts == (
        Placed("1", AT, "KLU-CAP", 1, 29500, None, SOLD_AT, SHIP_BY),
        Stated("1", AT, 1),
        Snapshot(AT, "", False, "1"),
    )
    assert (found.marketplace_id, found.event_type, found.verdict) == ("S1", "shipment", "APPLIED")
    assert found.findings == ()


def test_push_and_poll_state_the_same_line() -> None:
    """The published creation's attributes have the shape of the API's shipment."""
    message = published("shipment_created")
    polled = message["attributes"] | {"shipmentId": message["shipmentId"], "locationId": message["locationId"]}
    (pushed,) = flipkart.read(written(message).encode(), "demo").facts
    found = read_answer(part(shipment=polled), "demo")
    assert isinstance(pushed, Placed)
    assert replace(one(Placed, found), at=pushed.at) == pushed
    assert (found.marketplace_id, found.findings) == (message["shipmentId"], ())


def test_push_and_poll_state_the_same_return() -> None:
    message = published("return_created")
    (entry,) = message["attributes"]["returnItems"]
    polled = returned(**{name: value for name, value in entry.items() if name in SHAPES["return"]["return"]})
    (pushed,) = flipkart.read(written(message).encode(), "demo").facts
    asked = read_answer(part(**{"return": polled | {"type": entry["source"]}}), "demo")
    assert isinstance(pushed, ReturnRequested)
    assert replace(one(ReturnRequested, asked), at=pushed.at) == pushed


@pytest.mark.parametrize(
    ("status", "courier", "step"),
    [
        ("APPROVED", None, ""),
        ("PACKING_IN_PROGRESS", None, ""),
        ("FORM_FAILED", None, ""),
        ("PACKED", None, "packed"),
        ("READY_TO_DISPATCH", None, "ready"),
        ("PICKUP_COMPLETE", None, "picked_up"),
        ("SHIPPED", None, "shipped"),
        ("DELIVERED", None, "delivered"),
        ("COMPLETED", None, "delivered"),
        ("RETURN_REQUESTED", False, "delivered"),
        ("RETURN_REQUESTED", True, "shipped"),
        ("RETURNED", None, "shipped"),
        ("RETURNED", False, "delivered"),
        ("CANCELLED", None, ""),
    ],
)
def test_the_status_is_a_step(status: str, courier: bool | None, step: str) -> None:
    found = reading(item(status=status, courierReturn=courier))
    assert [fact for fact in found.facts if isinstance(fact, Step)] == ([Step(step, AT)] if step else [])
    assert one(Snapshot, found) == Snapshot(AT, step, False, "1")
    assert found.findings == ()


def test_the_order_is_as_far_as_its_last_item_that_is_still_sold() -> None:
    found = reading(item("2", status="DELIVERED"), item("1", status="SHIPPED"), item("3", status="CANCELLED"))
    assert one(Step, found) == Step("shipped", AT)
    assert one(Snapshot, found) == Snapshot(AT, "shipped", False, "1 2 3")


def test_a_life_from_sale_to_return_is_told_answer_by_answer() -> None:
    days = ["APPROVED", "PACKED", "SHIPPED", "DELIVERED", "RETURN_REQUESTED"]
    told = [
        reading(item(status=status, quantity=2), updatedAt=f"2026-11-2{day}T09:30:00Z")
        for day, status in enumerate(days, start=4)
    ]
    steps = [one(Snapshot, found).step for found in told]
    assert steps == ["", "packed", "shipped", "delivered", "delivered"]
    assert {one(Stated, found).still for found in told} == {2}
    assert [one(Placed, found).at for found in told] == [f"2026-11-2{day}T09:30:00Z" for day in range(4, 9)]


def test_units_of_one_line_that_were_cancelled_stand_in_an_entry_of_their_own() -> None:
    gone = item(status="CANCELLED", quantity=1, cancellationReason="buyer", priceComponents=None)
    found = reading(item(quantity=2, priceComponents={"sellingPrice": 295}), gone)
    placed = one(Placed, found)
    assert (placed.quantity, placed.unit_price_paise, placed.price_problem) == (3, 29500, None)
    assert one(Stated, found) == Stated("1", AT, 2)
    assert one(Snapshot, found).line_ids == "1"


def test_an_order_of_which_all_was_cancelled_is_still_announced() -> None:
    found = reading(item(status="CANCELLED", quantity=2))
    assert (one(Placed, found).quantity, one(Stated, found).still) == (2, 0)
    assert one(Snapshot, found) == Snapshot(AT, "", False, "1")


def test_parts_of_a_line_in_parcels_of_their_own_add_up_and_a_repeated_entry_does_not() -> None:
    first, second = item(packageIds=["P1"]), item(packageIds=["P2"])
    assert one(Stated, reading(first, second)).still == 2
    assert one(Stated, reading(first, first)).still == 1


def test_entries_of_a_line_with_different_prices_leave_it_without_one() -> None:
    prices = [{"sellingPrice": 295}, {"sellingPrice": 300}]
    placed = one(Placed, reading(*(item(priceComponents=price) for price in prices)))
    assert (placed.quantity, placed.unit_price_paise) == (2, None)
    assert placed.price_problem == "the entries of this line have different prices"


def test_a_line_under_whose_id_two_products_stand_is_not_stated_and_the_others_are() -> None:
    found = reading(item("1"), item("1", sku="KLU-SHAWL"), item("2"))
    assert [fact.line_id for fact in found.facts if isinstance(fact, Placed)] == ["2"]
    assert findings(found) == [("BAD_LINE", "shipment.orderItems[1].orderItemId")]
    assert one(Snapshot, found).line_ids == "1 2"


@pytest.mark.parametrize(
    ("profile", "by"),
    [
        ("NON_FBF", ""),
        ("Seller_Fulfilment", ""),
        ("FBF_LITE", ""),
        ("Smart_Fulfilment", ""),
        ("FBF", MARKETPLACE),
        ("Flipkart_Fulfilment", MARKETPLACE),
        (None, ""),
    ],
)
def test_what_ships_from_flipkarts_warehouse_promises_nothing_of_a_shelf(profile: str | None, by: str) -> None:
    found = reading(item(serviceProfile=profile))
    assert (one(Placed, found).fulfilled_by, found.findings) == (by, ())


def test_a_hold_is_said_by_the_snapshot_alone() -> None:
    found = reading(hold=True)
    assert one(Snapshot, found) == Snapshot(AT, "", True, "1")
    assert {fact.FACT for fact in found.facts} == {"placed", "stated", "snapshot"}
    assert one(Snapshot, reading(hold=None)).held is False


def test_a_hold_that_cannot_be_read_is_taken_for_one_and_shown() -> None:
    found = reading(hold="no")
    assert (one(Snapshot, found).held, findings(found)) == (True, [("UNREADABLE", "shipment.hold")])


def test_papers_that_failed_are_said() -> None:
    assert one(FormFailed, reading(item(status="FORM_FAILED"))) == FormFailed(AT, "")


@pytest.mark.parametrize("status", ["LOST_IN_SPACE", None, "", 7, True])
def test_an_unknown_status_is_shown_and_the_rest_applied(status: Any) -> None:
    found = reading(item("1", status=status), item("2", status="SHIPPED"))
    assert findings(found) == [("UNKNOWN_EVENT", "shipment.orderItems[0].status")]
    assert [(fact.line_id, fact.still) for fact in found.facts if isinstance(fact, Stated)] == [("1", 1), ("2", 1)]
    # Nobody knows how far the first line is, so the order is nowhere yet.
    assert one(Snapshot, found) == Snapshot(AT, "", False, "1 2")
    assert found.verdict == "APPLIED"


def test_an_unknown_service_profile_is_shown_and_the_goods_are_taken_for_the_groups() -> None:
    found = reading(item(serviceProfile="FBF_MOON"))
    assert (one(Placed, found).fulfilled_by, findings(found)) == (
        "",
        [("UNKNOWN_EVENT", "shipment.orderItems[0].serviceProfile")],
    )


@pytest.mark.parametrize("time", [None, "", "2026-11-24T15:00:00", "yesterday", 1764000000])
def test_without_the_marketplaces_own_time_nothing_is_stated(time: Any) -> None:
    found = reading(updatedAt=time)
    assert (found.marketplace_id, found.verdict, found.facts) == ("S1", "REJECTED", ())
    assert findings(found) == [("UNREADABLE", "shipment.updatedAt")]
    assert found.redacted is not None


@pytest.mark.parametrize("items", [None, [], "none", {"orderItemId": "1"}, [item(str(n)) for n in range(301)]])
def test_a_shipment_without_a_usable_list_of_lines_is_rejected(items: Any) -> None:
    found = read_answer(part(shipment=shipment() | {"orderItems": items}), "demo-api")
    assert (found.verdict, findings(found)) == ("REJECTED", [("UNREADABLE", "shipment.orderItems")])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 0}, ".quantity"),
        ({"quantity": "2.5"}, ".quantity"),
        ({"quantity": None}, ".quantity"),
        ({"orderDate": None}, ".orderDate"),
        ({"sku": None, "listingId": "", "fsn": None}, ".sku"),
    ],
)
def test_a_line_of_which_one_entry_cannot_be_read_is_not_stated(change: dict[str, Any], field: str) -> None:
    """A sum without it would say that units were cancelled."""
    found = reading(item("1", **change), item("1", quantity=5), item("2"))
    assert [fact.line_id for fact in found.facts if isinstance(fact, Placed | Stated)] == ["2", "2"]
    ((kind, named),) = findings(found)
    assert (kind, named.startswith("shipment.orderItems["), named.endswith(field)) == ("BAD_LINE", True, True)
    assert one(Snapshot, found).line_ids == "1 2"


@pytest.mark.parametrize("entry", ["line", None, item(orderItemId=None), item(orderItemId="two words")])
def test_an_entry_without_an_id_leaves_it_open_which_lines_there_are(entry: Any) -> None:
    found = reading(entry, item("2", status="SHIPPED"))
    assert one(Placed, found).line_id == "2"
    assert one(Snapshot, found).line_ids == ""
    assert [kind for kind, _ in findings(found)] == ["BAD_LINE"]


@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        ({"sellingPrice": "1,295.00"}, "sellingPrice '1,295.00' is not a number"),
        ({"sellingPrice": 0}, "sellingPrice is missing or 0"),
        ({"sellingPrice": 295, "totalPrice": 600}, "totalPrice 600.00 agrees neither"),
        (None, "sellingPrice is missing or 0"),
    ],
)
def test_a_price_that_is_unclear_leaves_the_line_placed_without_a_price(prices: Any, problem: str) -> None:
    found = reading(item(priceComponents=prices))
    placed = one(Placed, found)
    assert placed.unit_price_paise is None
    assert problem in (placed.price_problem or "")
    assert found.findings == ()


def test_a_deadline_is_missed_only_while_the_goods_are_here() -> None:
    found = reading(dispatchByDate=None)
    assert (one(Placed, found).ship_by, findings(found)) == (None, [("UNREADABLE", "shipment.dispatchByDate")])
    left = reading(item(status="SHIPPED"), dispatchByDate=None)
    assert (one(Placed, left).ship_by, left.findings) == (None, ())


def test_a_return_states_what_comes_back_of_which_line() -> None:
    found = reading_return()
    assert found.facts == (
        ReturnRequested("R1", "1", AT, "customer", 1, "S1", "item_damaged", "torn"),
        ReturnNoted("R1", "1", AT, "tracking", "FMPR0000000001"),
        ReturnNoted("R1", "1", AT, "expected", "2026-12-04T18:30:00Z"),
    )
    assert (found.marketplace_id, found.event_type, found.verdict, found.findings) == ("S1", "return", "APPLIED", ())


@pytest.mark.parametrize(
    ("status", "step"),
    [("RETURN_PICKED_UP", "picked_up"), ("RETURN_COMPLETED", "received"), ("RETURN_CANCELLED", "cancelled")],
)
def test_the_status_of_a_return_is_its_step(status: str, step: str) -> None:
    found = reading_return(status=status, type="courier_return")
    assert one(ReturnStep, found) == ReturnStep("R1", "1", AT, step)
    assert one(ReturnRequested, found).source == "courier"


def test_a_return_may_name_no_shipment_and_no_parcel() -> None:
    found = reading_return(shipmentId=None, trackingId=None, expectedDate=None, reason=None, subReason=None)
    assert found.marketplace_id is None
    assert found.facts == (ReturnRequested("R1", "1", AT, "customer", 1, None, "", ""),)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"returnId": None}, ("UNREADABLE", "return.returnId")),
        ({"updatedDate": None}, ("UNREADABLE", "return.updatedDate")),
        ({"updatedDate": "2026-11-24"}, ("UNREADABLE", "return.updatedDate")),
        ({"orderItemId": None}, ("BAD_LINE", "return.orderItemId")),
        ({"quantity": 0}, ("BAD_LINE", "return.quantity")),
        ({"quantity": "1,5"}, ("BAD_LINE", "return.quantity")),
    ],
)
def test_a_return_that_cannot_be_read_names_the_field(change: dict[str, Any], finding: tuple[str, str]) -> None:
    found = reading_return(**change)
    assert (found.verdict, found.facts, findings(found)) == ("REJECTED", (), [finding])


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"status": "RETURN_ON_THE_MOON"}, ("UNKNOWN_EVENT", "return.status")),
        ({"status": None}, ("UNKNOWN_EVENT", "return.status")),
        ({"type": "drone_return"}, ("UNKNOWN_EVENT", "return.type")),
        ({"expectedDate": "soon"}, ("UNREADABLE", "return.expectedDate")),
    ],
)
def test_what_nobody_knows_of_a_return_is_shown_and_the_rest_applied(
    change: dict[str, Any], finding: tuple[str, str]
) -> None:
    found = reading_return(**change)
    assert (found.verdict, findings(found)) == ("APPLIED", [finding])
    assert one(ReturnRequested, found).quantity == 1


@pytest.mark.parametrize(
    "raw",
    [b"<html>", b"[]", b"{}", b"\xff", part(shipment=[1]), part(order={}), part(shipment=None), part(denied=[])],
)
def test_what_is_no_part_of_an_answer_is_unreadable(raw: bytes) -> None:
    found = read_answer(raw, "demo-api")
    assert (found.verdict, found.facts, findings(found)) == ("UNREADABLE", (), [("UNREADABLE", "body")])


def test_a_shipment_without_an_id_is_rejected() -> None:
    found = reading(shipmentId=None)
    assert (found.verdict, findings(found)) == ("REJECTED", [("UNREADABLE", "shipment.shipmentId")])


ENTRIES = st.lists(
    st.builds(
        item,
        st.sampled_from("123"),
        status=st.sampled_from([*LIVE, "CANCELLED"]),
        quantity=st.integers(0, 3),
        sku=st.sampled_from(["KLU-CAP"] * 4 + ["KLU-SHAWL"]),
        packageIds=st.lists(st.sampled_from(["P1", "P2"]), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@given(ENTRIES, st.randoms())
def test_neither_the_order_of_entries_nor_their_repetition_changes_what_is_stated(
    entries: list[dict[str, Any]], random: Any
) -> None:
    def told(items: list[dict[str, Any]]) -> tuple[tuple[Fact, ...], set[tuple[str, str]]]:
        (found,) = answered(fetch(ACCOUNT, "S1"), page(shipment(*items))).parts
        again = read_answer(found.body, "demo-api")
        whole = reading(*items)
        assert (again.facts, again.redacted) == (whole.facts, found.body.decode())
        return again.facts, {(finding.kind, finding.field.rpartition("]")[2]) for finding in again.findings}

    mixed = [*entries, *random.sample(entries, random.randint(0, len(entries)))]
    random.shuffle(mixed)
    assert told(mixed) == told(entries)
    stated = {fact.line_id: fact.still for fact in told(entries)[0] if isinstance(fact, Stated)}
    for fact in told(entries)[0]:
        if isinstance(fact, Placed):
            assert 0 <= stated[fact.line_id] <= fact.quantity


@given(st.permutations([item("1"), item("2", status="PACKED"), item("2", status="CANCELLED"), item("3")]))
def test_the_same_news_are_the_same_bytes(entries: list[dict[str, Any]]) -> None:
    def body(shipped: dict[str, Any]) -> bytes:
        (found,) = answered(fetch(ACCOUNT, "S1"), page(shipped)).parts
        return found.body

    turned = dict(reversed(shipment(*entries).items()))
    assert body(turned) == body(shipment(*sorted(entries, key=written)))


def marked(value: Any) -> Any:
    """The same answer with a buyer in every object of it, and in every field that a list or an object could fill."""
    buyer = {"name": BUYER[0], "phone": BUYER[1], "address": [BUYER[2]]}
    if isinstance(value, dict):
        inside = {name: marked(inner) for name, inner in value.items()}
        return inside | {"buyer": buyer, "deliveryAddress": [buyer], "buyerName": BUYER[0]}
    if isinstance(value, list):
        return [*map(marked, value), buyer, [buyer], {"orderItemId": "9", "status": buyer, "sku": [BUYER[0]]}]
    return value


SOLD_FIELDS = [name for name in item() if name not in ("orderItemId", "quantity", "orderDate")]


@pytest.mark.parametrize("name", sorted({*shipment(), *SOLD_FIELDS, *returned()}))
def test_a_buyers_data_is_dropped_before_anything_is_kept(name: str) -> None:
    """Fields that the marketplace might add anywhere, and an object in the place of each field that is known."""
    buyer = {"name": BUYER[0], "phone": BUYER[1], "address": BUYER[2]}
    told = shipment(item(), item("2"))
    if name in told:
        told[name] = marked(told[name]) if name in ("orderItems", "subShipments", "forms") else buyer
    elif name in SOLD_FIELDS:
        told["orderItems"] = [entry | {name: buyer} for entry in told["orderItems"]]
    back = returned(**({name: buyer} if name in returned() else {}))
    for raw, call in (
        (page(marked(told)), fetch(ACCOUNT, "S1")),
        (returns_page(marked(back)), fetch_returns(ACCOUNT, ["R1"])),
    ):
        assert call is not None
        assert all(mark in raw.decode() for mark in BUYER)
        found = answered(call, raw)
        assert found.parts or name in ("shipmentId", "returnId")
        for kept in found.parts:
            again = read_answer(kept.body, "demo-api")
            for mark in BUYER:
                assert mark not in kept.body.decode()
                assert mark not in (again.redacted or "")
                assert not any(mark in facts.to_text(fact) for fact in again.facts)
                assert not any(mark in repr(finding) for finding in again.findings)
        assert not any(mark in problem for problem in found.problems for mark in BUYER)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**19), 10**19), st.text(max_size=30),
    st.sampled_from(["2026-11-24T15:00:00+05:30", "1", "\ud800", "\x00", "x" * 300, "CANCELLED", Decimal("0.005")]),
    st.lists(st.just({"orderItemId": "1"}), max_size=2),
)  # fmt: skip


@given(st.data())
def test_whatever_stands_in_a_field_it_is_stated_or_shown_and_can_be_stored(data: st.DataObject) -> None:
    told = shipment(item(), item("2"))
    name = data.draw(st.sampled_from([*told, *item()]))
    value = data.draw(SCALARS)
    if name in told:
        told[name] = value
    else:
        told["orderItems"][0][name] = value
    found = read_answer(written({"shipment": told}).encode("utf-8", "surrogatepass"), "demo-api")
    assert found.facts or found.findings
    for fact in found.facts:
        assert facts.from_text(facts.to_text(fact)) == fact
        facts.to_text(fact).encode()


FILLED = {
    "shipment": {"shipment": shipment(item(status="RETURNED"))},
    "return": {"return": returned(status="RETURN_PICKED_UP")},
}
FIELDS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((SAMPLES / "fields.yaml").read_text())["answers"]


def test_the_list_names_exactly_the_documented_fields() -> None:
    for name, shapes in SHAPES.items():
        documented = {f"{path}.{field}" for path, names in shapes.items() for field in names}
        inner = {path.removesuffix("[]") for path in shapes}
        assert set(FIELDS[name]) == documented - inner
        assert set(paths(FILLED[name])) | {"shipment.orderItems[].packageIds"} >= set(FIELDS[name])
