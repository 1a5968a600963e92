"""What Flipkart's messages state: published samples unchanged, and every field going wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import facts
from hunar.domain.facts import (
    Cancelled,
    DatesChanged,
    FormFailed,
    Held,
    Placed,
    Released,
    ReturnNoted,
    ReturnRequested,
    ReturnStep,
    Step,
)
from hunar.domain.order import read as order_of
from hunar.domain.reading import Reading
from hunar.domain.worklist import ACTIONS
from hunar.marketplaces.body import written
from hunar.marketplaces.flipkart import KEPT, read

SAMPLES = Path(__file__).parents[1] / "samples" / "flipkart"
SHIPMENT = "d133588f-b0ac-443b-99b4-7ac8648a0f89"
LINE = "attributes.orderItems[0]"


def sample(event: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads((SAMPLES / f"shipment_{event}.json").read_text(), parse_float=Decimal)
    return message


def reading(message: dict[str, Any]) -> Reading:
    return read(written(message).encode(), "demo")


def created(*changes: dict[str, Any], prices: dict[str, Any] | None = None, **attributes: Any) -> Reading:
    """The published creation with one line per mapping of changes; None removes a field."""
    message = sample("created")
    line = message["attributes"]["orderItems"][0]
    line["priceComponents"] |= prices or {}
    message["attributes"]["orderItems"] = [without_none(line | change) for change in changes or ({},)]
    message["attributes"] = without_none(message["attributes"] | attributes)
    return reading(message)


def without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def fields(found: Reading) -> list[tuple[str, str]]:
    return [(finding.kind, finding.field) for finding in found.findings]


def only_placed(found: Reading) -> Placed:
    (fact,) = found.facts
    assert isinstance(fact, Placed)
    return fact


def test_the_published_creation_places_its_line() -> None:
    found = read((SAMPLES / "shipment_created.json").read_bytes(), "demo")
    assert found.facts == (
        Placed(
            line_id="1883380307363600",
            at="2017-03-28T12:33:01Z",
            listing="LKA041150",
            quantity=1,
            unit_price_paise=29500,
            price_problem=None,
            sold_at="2017-04-06T12:45:57Z",
            ship_by="2017-04-10T04:30:00Z",
        ),
    )
    assert (found.marketplace_id, found.event_type, found.verdict) == (SHIPMENT, "shipment_created", "APPLIED")
    assert found.findings == ()


@pytest.mark.parametrize(
    ("event", "step", "at"),
    [
        ("packed", "packed", "2017-03-30T09:15:25Z"),
        ("ready_to_dispatch", "ready", "2017-03-30T09:15:25Z"),
        ("shipped", "shipped", "2017-04-10T17:35:15Z"),
        ("delivered", "delivered", "2017-04-10T17:46:06Z"),
    ],
)
def test_the_published_steps_are_steps(event: str, step: str, at: str) -> None:
    found = read((SAMPLES / f"shipment_{event}.json").read_bytes(), "demo")
    assert found.facts == (Step(step, at),)
    assert (found.marketplace_id, found.verdict, found.findings) == (SHIPMENT, "APPLIED", ())


def test_a_pickup_is_a_step_between_ready_and_shipped() -> None:
    message = sample("packed") | {"eventType": "shipment_pickup_complete"}
    assert reading(message).facts == (Step("picked_up", "2017-03-30T09:15:25Z"),)


def test_the_published_cancellation_names_line_quantity_and_reasons() -> None:
    found = read((SAMPLES / "shipment_cancelled.json").read_bytes(), "demo")
    assert found.facts == (
        Cancelled("6452425382623300", "2017-04-12T06:42:15Z", 1, "seller_cancellation", "not_enough_inventory"),
    )
    assert (found.verdict, found.findings) == ("APPLIED", ())


def test_the_published_hold_holds_a_unit_of_a_line() -> None:
    found = read((SAMPLES / "shipment_hold.json").read_bytes(), "demo")
    assert (found.marketplace_id, found.verdict, found.findings) == (SHIPMENT, "APPLIED", ())
    assert found.facts == (Held("1434562882827100", "2017-03-28T12:33:01Z", 1),)


@pytest.mark.parametrize("quantity", [2, "2"])
def test_a_hold_quantity_may_be_a_text_as_documented_or_a_number_as_shown(quantity: Any) -> None:
    message = sample("hold")
    message["attributes"]["orderItems"][0]["holdQuantity"] = quantity
    assert [fact.quantity for fact in reading(message).facts if isinstance(fact, Held)] == [2]


def test_an_announcement_on_hold_holds_the_whole_shipment() -> None:
    message = sample("created")
    message["attributes"]["hold"] = True
    [held] = [fact for fact in reading(message).facts if isinstance(fact, Held)]
    assert (held.line_id, held.quantity) == (None, None)


@pytest.mark.parametrize("name", ["isReplacement", "is_replacement"])
@pytest.mark.parametrize("value", [True, False, "true", None])
def test_a_replacement_has_two_spellings(name: str, value: Any) -> None:
    message = sample("created")
    entry = message["attributes"]["orderItems"][0]
    entry.pop("isReplacement", None)
    entry.pop("is_replacement", None)
    entry[name] = value
    [placed] = [fact for fact in reading(message).facts if isinstance(fact, Placed)]
    assert placed.replacement is (value is True)


def event(name: str, **attributes: Any) -> dict[str, Any]:
    message = sample("packed") | {"eventType": name, "timestamp": "2026-11-24T15:00:00+05:30"}
    return message | {"attributes": attributes}


AT = "2026-11-24T09:30:00Z"


def test_the_other_events_of_a_shipment() -> None:
    assert reading(event("shipment_unhold", status="APPROVED")).facts == (Released(AT),)
    changed = event("shipment_dispatch_dates_changed", dispatchByDate="2026-11-26T18:00:00+05:30")
    assert reading(changed).facts == (DatesChanged(AT, "2026-11-26T12:30:00Z"),)
    failed = event("shipment_form_failed", status="FORM_FAILED", forms=["WAYBILL", "INVOICE"])
    assert reading(failed).facts == (FormFailed(AT, "INVOICE, WAYBILL"),)
    without = event("shipment_dispatch_dates_changed", dispatchByDate=None)
    assert fields(reading(without)) == [("UNREADABLE", "attributes.dispatchByDate")]


def returned(name: str, *entries: dict[str, Any], **top: Any) -> dict[str, Any]:
    message = {"eventType": name, "source": "flipkart", "timestamp": "2026-11-24T15:00:00+05:30", "returnId": "R1"}
    return message | top | {"attributes": {"returnItems": list(entries)}}


def test_a_return_is_requested_for_a_line_of_its_shipment() -> None:
    entry = {"orderItemId": "7", "quantity": 2, "shipmentId": "S1", "source": "courier_return", "reason": "RTO"}
    found = reading(returned("return_created", entry | {"comments": "call me at home"}))
    assert (found.marketplace_id, found.verdict, found.findings) == ("S1", "APPLIED", ())
    assert found.facts == (ReturnRequested("R1", "7", AT, "courier", 2, "S1", "RTO", ""),)
    assert "call me" not in (found.redacted or "")


def test_the_later_news_of_a_return_name_no_shipment() -> None:
    for name, step in (("picked_up", "picked_up"), ("completed", "received"), ("cancelled", "cancelled")):
        found = reading(returned(f"return_{name}", {"orderItemId": "7"}, locationId="L1"))
        assert (found.marketplace_id, found.facts) == (None, (ReturnStep("R1", "7", AT, step),))
    tracked = reading(returned("return_item_tracking_id_update", {"orderItemId": "7", "trackingId": "FMPC1"}))
    assert tracked.facts == (ReturnNoted("R1", "7", AT, "tracking", "FMPC1"),)
    moved = {"orderItemId": "7", "expectedDate": "2026-11-30T00:00:00+05:30"}
    expected = reading(returned("return_expected_date_changed", moved))
    assert expected.facts == (ReturnNoted("R1", "7", AT, "expected", "2026-11-29T18:30:00Z"),)


def test_a_return_over_two_shipments_goes_to_each() -> None:
    two = [{"orderItemId": str(n), "quantity": 1, "shipmentId": f"S{n}"} for n in (1, 2)]
    found = reading(returned("return_created", *two))
    assert found.marketplace_id is None
    assert [fact.shipment_id for fact in found.facts if isinstance(fact, ReturnRequested)] == ["S1", "S2"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 0}, "attributes.returnItems[0].quantity"),
        ({"quantity": None}, "attributes.returnItems[0].quantity"),
        ({"orderItemId": None}, "attributes.returnItems[0].orderItemId"),
        ({"returnId": None}, "attributes.returnItems[0].returnId"),
    ],
)
def test_a_return_that_cannot_be_read_names_the_field(change: dict[str, Any], field: str) -> None:
    entry = {"orderItemId": "7", "quantity": 1, "shipmentId": "S1", "returnId": "R1"} | change
    found = reading(returned("return_created", entry, returnId=None))
    assert (found.verdict, fields(found)) == ("REJECTED", [("BAD_LINE", field)])


def test_a_status_or_source_that_nobody_knows_is_applied_and_shown() -> None:
    lost = reading(event("shipment_delivered", status="LOST_IN_TRANSIT"))
    assert (lost.facts, fields(lost)) == ((Step("delivered", AT),), [("UNKNOWN_EVENT", "attributes.status")])
    entry = {"orderItemId": "7", "quantity": 1, "shipmentId": "S1", "source": "drone_return"}
    found = reading(returned("return_created", entry))
    assert fields(found) == [("UNKNOWN_EVENT", "attributes.returnItems[0].source")]
    assert [fact.source for fact in found.facts if isinstance(fact, ReturnRequested)] == [""]


@pytest.mark.parametrize("name", sorted(KEPT))
def test_what_is_kept_of_a_message_is_read_as_the_message_was(name: str) -> None:
    """So that a replay and a rebuild understand what the first reading understood."""
    line = {
        "orderItemId": "7",
        "quantity": 1,
        "holdQuantity": 1,
        "trackingId": "T",
        "expectedDate": "2026-11-30T00:00:00Z",
    }
    message = sample("created") | {"eventType": name, "returnId": "R1"}
    message["attributes"] |= {"returnItems": [line], "forms": ["A"], "hold": True}
    for entry in message["attributes"]["orderItems"]:
        entry["holdQuantity"] = "1"
    found = reading(message)
    assert found.facts and found.redacted is not None
    again = read(found.redacted.encode(), "demo")
    assert (again.facts, again.marketplace_id, again.findings) == (found.facts, found.marketplace_id, found.findings)


def test_a_partial_cancellation_takes_exactly_its_units() -> None:
    message = sample("created")
    message["attributes"]["orderItems"][0]["quantity"] = 3
    cancel = sample("cancelled")
    cancel["timestamp"] = "2017-04-07T09:00:00+05:30"
    cancel["attributes"]["orderItems"][0] |= {"orderItemId": "1883380307363600", "quantity": 2}
    (line,) = order_of([*reading(message).facts, *reading(cancel).facts]).lines
    assert (line.quantity, line.cancelled, line.open) == (3, 2, 1)


def test_two_cancellations_of_one_line_add_up_and_the_same_one_twice_does_not() -> None:
    cancel = sample("cancelled")
    (entry,) = cancel["attributes"]["orderItems"]
    cancel["attributes"]["orderItems"] = [entry, entry, entry | {"reason": "buyer_cancellation"}]
    found = reading(cancel)
    assert [fact.reason for fact in found.facts if isinstance(fact, Cancelled)] == [
        "seller_cancellation",
        "buyer_cancellation",
    ]


def test_a_cancellation_without_reasons_is_still_one() -> None:
    cancel = sample("cancelled")
    cancel["attributes"]["orderItems"] = [{"orderItemId": "1", "quantity": "2", "reason": None, "subReason": ["odd"]}]
    assert reading(cancel).facts == (Cancelled("1", "2017-04-12T06:42:15Z", 2, "", ""),)


@pytest.mark.parametrize("event", sorted(name for name in KEPT if name.startswith("shipment_")))
@pytest.mark.parametrize("shipment", [None, "", "   ", "a b", "é", True, 1.5, {"id": 1}, "x" * 101, "\ud800"])
def test_a_known_event_without_a_usable_shipment_is_rejected_and_kept(event: str, shipment: Any) -> None:
    message = sample("created") | {"eventType": event, "shipmentId": shipment}
    found = read(json.dumps(message, default=float).encode(), "demo")
    assert (found.marketplace_id, found.verdict, found.facts) == (None, "REJECTED", ())
    assert fields(found) == [("UNREADABLE", "shipmentId")]
    assert found.redacted is not None


@pytest.mark.parametrize("event", [None, 7.5, "", {}, "x" * 201, "shipment\ud800", "shipment_\u200bpacked"])
def test_a_message_without_an_event_type_is_unreadable(event: Any) -> None:
    found = read(json.dumps(sample("packed") | {"eventType": event}).encode(), "demo")
    assert (found.verdict, fields(found), found.redacted) == ("UNREADABLE", [("UNREADABLE", "eventType")], None)


@pytest.mark.parametrize("event", sorted(KEPT))
@pytest.mark.parametrize(
    "time",
    [
        None,
        1490704381,
        "",
        "2017-03-28T18:03:01",
        "2017-03-28",
        "28/03/2017 18:03",
        "2017-13-28T18:03:01+05:30",
        "2017-03-28T18:03:01+99:99",
        "0001-01-01T00:00:00+05:30",
        "9999-12-31T23:59:59-05:30",
        "2017-W13-2T18:03:01+05:30",
    ],
)
def test_an_event_without_a_usable_time_is_rejected_and_names_the_field(event: str, time: Any) -> None:
    found = reading(sample("created") | {"eventType": event, "timestamp": time})
    assert (found.marketplace_id, found.verdict, found.facts) == (SHIPMENT, "REJECTED", ())
    assert fields(found) == [("UNREADABLE", "timestamp")]


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-24T15:00:00+05:30",
        "2026-11-24T15:00:00.999+05:30",
        "2026-11-24T15:00:00+0530",
        "2026-11-24T09:30:00Z",
        "2026-11-24T09:30:00.123456789Z",
    ],
)
def test_every_offset_is_the_same_moment(time: str) -> None:
    assert reading(sample("packed") | {"timestamp": time}).facts == (Step("packed", "2026-11-24T09:30:00Z"),)


@pytest.mark.parametrize(
    "quantity", [0, -1, True, False, None, 1.0, 1.5, 10_001, 10**19, "", "0", "1.0", "-1", "٣", [1]]
)
def test_faults_19_21_25_a_line_without_a_usable_quantity_is_not_placed_and_the_others_are(quantity: Any) -> None:
    found = read(json.dumps(two_lines({"quantity": quantity}), default=float).encode(), "demo")
    assert only_placed(found).line_id == "2"
    assert fields(found) == [("BAD_LINE", f"{LINE}.quantity")]
    assert found.verdict == "APPLIED"


def two_lines(change: dict[str, Any]) -> dict[str, Any]:
    message = sample("created")
    (line,) = message["attributes"]["orderItems"]
    message["attributes"]["orderItems"] = [line | change, line | {"orderItemId": "2"}]
    return message


def test_fault_21_a_quantity_may_be_a_text_of_digits() -> None:
    assert only_placed(created({"quantity": "12"}, prices={"totalPrice": 295 * 12})).quantity == 12


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"orderItemId": None}, ".orderItemId"),
        ({"orderItemId": "two words"}, ".orderItemId"),
        ({"orderDate": None}, ".orderDate"),
        ({"orderDate": "2017-04-06"}, ".orderDate"),
        ({"sku": None, "listingId": None, "fsn": None}, ".sku"),
        ({"sku": " ", "listingId": "", "fsn": {"x": 1}}, ".sku"),
        ({"quantity": None}, ".quantity"),
    ],
)
def test_a_bad_line_names_its_field(change: dict[str, Any], field: str) -> None:
    found = created(change)
    assert (found.verdict, found.facts) == ("REJECTED", ())
    assert fields(found) == [("BAD_LINE", LINE + field)]


def test_a_line_that_is_no_object_keeps_the_numbers_of_the_others() -> None:
    message = sample("created")
    message["attributes"]["orderItems"] = ["line", *message["attributes"]["orderItems"], {"orderItemId": "3"}]
    found = reading(message)
    assert only_placed(found).line_id == "1883380307363600"
    assert fields(found) == [("BAD_LINE", LINE), ("BAD_LINE", "attributes.orderItems[2].quantity")]


@pytest.mark.parametrize("items", [None, [], {}, "none", [{"orderItemId": str(n)} for n in range(301)]])
@pytest.mark.parametrize("event", ["created", "cancelled"])
def test_an_event_about_lines_without_a_usable_list_of_them_is_rejected(event: str, items: Any) -> None:
    message = sample(event)
    message["attributes"]["orderItems"] = items
    found = reading(message)
    assert (found.verdict, fields(found)) == ("REJECTED", [("UNREADABLE", "attributes.orderItems")])


def test_attributes_that_are_no_object_are_rejected() -> None:
    assert fields(reading(sample("cancelled") | {"attributes": "x"})) == [("UNREADABLE", "attributes.orderItems")]


def test_the_listing_is_the_sku_else_the_listing_id_else_the_product_id() -> None:
    assert only_placed(created({"sku": " LKA 1 "})).listing == "LKA 1"
    assert only_placed(created({"sku": 41150})).listing == "41150"
    assert only_placed(created({"sku": "LKA\u200b1"})).listing == "LSTDIAE777EDCWNZSPZQMLAT0"
    assert only_placed(created({"sku": None})).listing == "LSTDIAE777EDCWNZSPZQMLAT0"
    assert only_placed(created({"sku": "", "listingId": None})).listing == "DIAE777EDCWNZSPZ"


@pytest.mark.parametrize("total", ["295", "590", "335", "670", "630", None])
def test_a_total_that_fits_any_reading_of_unit_line_and_shipping_is_no_contradiction(total: str | None) -> None:
    prices = {"totalPrice": Decimal(total) if total else None, "shippingCharge": Decimal("40.0")}
    placed = only_placed(created({"quantity": 2}, prices=prices))
    assert (placed.unit_price_paise, placed.price_problem) == (29500, None)


@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        (
            {"totalPrice": Decimal("600.00")},
            "totalPrice 600.00 agrees neither with sellingPrice 295.00 nor with 2 of it",
        ),
        ({"sellingPrice": "295.0"}, "sellingPrice '295.0' is not a number"),
        ({"sellingPrice": True}, "sellingPrice true is not a number"),
        ({"sellingPrice": None}, "sellingPrice is missing"),
        ({"sellingPrice": 0, "totalPrice": 0}, "sellingPrice is missing or 0"),
        ({"sellingPrice": Decimal("295.005")}, "sellingPrice 295.005 has parts of a paisa"),
        ({"sellingPrice": Decimal("0.1000000000000000000001")}, "parts of a paisa"),
        ({"sellingPrice": -295}, "sellingPrice -295 is not an amount"),
        ({"sellingPrice": Decimal("1E+18")}, "is not an amount"),
        ({"sellingPrice": {"amount": 295}}, "sellingPrice is missing"),
        ({"shippingCharge": "free"}, "shippingCharge 'free' is not a number"),
        ({"totalPrice": "590"}, "totalPrice '590' is not a number"),
    ],
)
def test_a_price_that_is_unclear_leaves_the_order_placed_without_a_price(prices: dict[str, Any], problem: str) -> None:
    found = created({"quantity": 2}, prices=prices)
    placed = only_placed(found)
    assert placed.unit_price_paise is None
    assert problem in (placed.price_problem or "")
    assert (found.verdict, found.findings) == ("APPLIED", ())


def test_a_line_without_prices_is_placed_without_a_price() -> None:
    for missing in (None, "free", [295]):
        assert only_placed(created({"priceComponents": missing})).price_problem == "sellingPrice is missing or 0"


def test_trailing_zeros_are_no_parts_of_a_paisa() -> None:
    prices = {"sellingPrice": Decimal("295.1000"), "totalPrice": Decimal("295.10")}
    assert only_placed(created(prices=prices)).unit_price_paise == 29510


def test_a_deadline_that_is_missing_or_unreadable_does_not_lose_the_order() -> None:
    for deadline in (None, "soon"):
        found = created(dispatchByDate=deadline)
        assert only_placed(found).ship_by is None
        assert fields(found) == [("UNREADABLE", "attributes.dispatchByDate")]
        assert found.verdict == "APPLIED"


def test_a_repeated_line_is_one_line_and_two_under_one_id_are_shown() -> None:
    found = created({}, {"title": "another text"}, {"quantity": 2})
    assert only_placed(found).quantity == 1
    assert fields(found) == [("BAD_LINE", "attributes.orderItems[2].orderItemId")]


def test_a_good_line_after_a_bad_one_with_its_id_is_placed() -> None:
    found = created({"quantity": 0}, {"quantity": 1})
    assert only_placed(found).quantity == 1
    assert fields(found) == [("BAD_LINE", f"{LINE}.quantity")]


def test_an_id_may_be_a_whole_number() -> None:
    found = created({"orderItemId": 1883380307363600})
    assert only_placed(found).line_id == "1883380307363600"


@pytest.mark.parametrize("event", sorted(KEPT))
def test_a_buyers_data_is_dropped_before_reading(event: str) -> None:
    buyer = {"name": "Asha Devi", "phone": "+919999900011", "address": ["12 Lake Road", "Ranchi"]}
    message = sample("created") | {"eventType": event, "buyer": buyer, "locationId": buyer}
    message["attributes"] |= {"shippingAddress": buyer, "status": buyer, "forms": [buyer]}
    entry = message["attributes"]["orderItems"][0]
    entry |= {"buyer": buyer, "comments": "call Asha Devi", "hsn": [buyer], "holdQuantity": 1, "returnId": "R1"}
    entry |= {"trackingId": "T1", "expectedDate": "2026-11-30T00:00:00Z", "courierName": buyer}
    message["attributes"]["returnItems"] = message["attributes"]["orderItems"]
    message["attributes"]["orderItems"][0]["priceComponents"]["paidBy"] = "Asha Devi"
    found = reading(message)
    assert found.verdict == "APPLIED"
    for private in ("Asha", "99999", "Lake", "Ranchi", "buyer", "paidBy"):
        assert private not in (found.redacted or "")
        assert not any(private in facts.to_text(fact) for fact in found.facts)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**19), 10**19),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    st.text(st.characters(), max_size=40),
    st.sampled_from(["2026-11-24T15:00:00+05:30", "1", "٣", "\ud800", "\x00", "x" * 300]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a message."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        found += places(inner, (*path, name))
    return found


@given(st.data())
def test_fault_22_whatever_stands_in_a_field_it_is_stated_or_shown_and_can_be_stored(
    data: st.DataObject,
) -> None:
    # No value may stop the message or a later step: NUL, half a surrogate pair, digits of other scripts.
    message = sample(data.draw(st.sampled_from(["created", "cancelled", "packed"])))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(message)))
        target: Any = message
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = data.draw(VALUES)
    found = read(ascii_json(message), "demo")
    assert found.facts or found.findings
    assert (found.verdict == "APPLIED") == bool(found.facts)
    assert len({finding.field for finding in found.findings}) == len(found.findings)
    assert {finding.kind for finding in found.findings} <= set(ACTIONS)
    stored = [found.redacted or "", *(finding.message for finding in found.findings), *map(facts.to_text, found.facts)]
    assert "\ud800" not in "".join(stored).encode().decode()
    assert [facts.from_text(facts.to_text(fact)) for fact in found.facts] == list(found.facts)
    if found.redacted is not None:
        assert read(found.redacted.encode(), "demo") == found


def ascii_json(message: dict[str, Any]) -> bytes:
    """JSON that writes what is not ASCII as escapes, as some senders do: half a surrogate pair can be said so."""
    return "".join(letter if letter.isascii() else json.dumps(letter)[1:-1] for letter in written(message)).encode()
