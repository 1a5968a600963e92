"""What an order of Amazon's API states: the published answers, every word of them, and every field going wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import facts
from hunar.domain.facts import (
    MARKETPLACE,
    CancelRequested,
    Fact,
    Held,
    Lost,
    Placed,
    Priced,
    Released,
    ReturnRequested,
    ReturnStep,
    Snapshot,
    Stated,
    Step,
)
from hunar.domain.order import read as order_of
from hunar.domain.reading import Reading
from hunar.domain.worklist import ACTIONS
from hunar.marketplaces.amazon import read as read_notification
from hunar.marketplaces.amazon_orders import EASY_SHIP, STANDINGS, read_answer
from hunar.marketplaces.body import written
from tests.amazon_samples import ORDERS, SAMPLES, in_india, order, part_of, published
from tests.unit.test_amazon_reading import ITEMS, ascii_json, fields, spoiled, without_none

ORDER = "028-1234567-8901234"
LINE = "02812345678901"
AT = "2025-03-15T14:20:00Z"
ITEM = "order.orderItems[0]"
RETURN = f"EASYSHIP-{ORDER}"


def reading(*items: dict[str, Any], fulfillment: dict[str, Any] | None = None, **changes: Any) -> Reading:
    """The first published answer, in India and UNSHIPPED, one item per mapping of changes. None removes a field."""
    found = order()
    (item,) = found["orderItems"]
    plain = item | {"fulfillment": None}
    given = [without_none(plain | priced(change)) for change in items or ({},)]
    status = {"fulfillmentStatus": "UNSHIPPED"} | (fulfillment or {})
    whole = {"orderItems": given, "fulfillment": without_none(found["fulfillment"] | status)} | changes
    return read_answer(part_of(without_none(found | whole)), "demo-api")


def priced(change: dict[str, Any]) -> dict[str, Any]:
    """Another quantity costs another sum. Items that are about money say it themselves."""
    return {"proceeds": None} | change


def placed(line_id: str = LINE, quantity: int = 2, **changes: Any) -> Placed:
    given = {"unit_price_paise": None, "price_problem": None}
    given |= {"sold_at": "2025-03-15T10:30:00Z", "ship_by": "2025-03-17T23:59:59Z"}
    return Placed(line_id, AT, "FIRE-HD10-TR-BLK", quantity, **given | changes)


def line(line_id: str = LINE, quantity: int = 2, still: int | None = None, **changes: Any) -> list[Fact]:
    left = quantity if still is None else still
    return [placed(line_id, quantity, **changes), Stated(line_id, AT, left), Priced(line_id, AT, 6250, None)]


def snapshot(step: str = "", held: bool = False, line_ids: str = LINE) -> Snapshot:
    return Snapshot(AT, step, held, line_ids)


def test_the_published_answers_state_their_orders() -> None:
    found = read_answer(part_of(order("get_order_2026_028")), "demo-api")
    assert list(found.facts) == [*line(), Released(AT), Step("shipped", AT), snapshot("shipped")]
    assert (found.marketplace_id, found.event_type, found.verdict, found.findings) == (ORDER, "order", "APPLIED", ())
    found = read_answer(part_of(order("get_order_2026_171")), "demo-api")
    at = "2024-12-25T08:15:00Z"
    assert found.facts == (
        Placed(
            line_id="17198765432109",
            at=at,
            listing="ECHO-DOT-4-BR-PRETO",
            quantity=1,
            unit_price_paise=None,
            price_problem=None,
            sold_at="2024-12-24T20:30:00Z",
            ship_by="2024-12-27T23:59:59Z",
        ),
        Stated("17198765432109", at, 1),
        Priced("17198765432109", at, 29990, None),
        Released(at),
        Snapshot(at, "", False, "17198765432109"),
    )
    assert found.findings == ()


@pytest.mark.parametrize("name", ORDERS)
def test_the_published_answers_as_they_are_belong_to_other_marketplaces_and_apply_nothing(name: str) -> None:
    found = read_answer((SAMPLES / f"{name}.json").read_bytes(), "demo-api")
    assert (found.verdict, found.facts) == ("REJECTED", ())
    assert fields(found) == [("UNKNOWN_EVENT", "order.salesChannel.marketplaceId")]
    assert found.marketplace_id == published(name)["order"]["orderId"]


def test_a_price_in_another_currency_is_no_price() -> None:
    foreign = published(ORDERS[0])["order"] | {"salesChannel": {"marketplaceId": "A21TJRUUN4KGV"}}
    (found,) = [fact for fact in read_answer(part_of(foreign), "demo-api").facts if isinstance(fact, Priced)]
    assert found == Priced(LINE, AT, None, "product.price.unitPrice.currencyCode 'TRY' is not INR")


@pytest.mark.parametrize(
    ("status", "states", "snapped"),
    [
        ("PENDING_AVAILABILITY", [Held(None, AT, None)], snapshot(held=True)),
        ("PENDING", [Held(None, AT, None)], snapshot(held=True)),
        ("UNSHIPPED", [Released(AT)], snapshot()),
        ("PARTIALLY_SHIPPED", [Released(AT)], snapshot()),
        ("SHIPPED", [Released(AT), Step("shipped", AT)], snapshot("shipped")),
    ],
)
def test_a_status_speaks_of_the_whole_order(status: str, states: list[Fact], snapped: Snapshot) -> None:
    found = reading(fulfillment={"fulfillmentStatus": status})
    assert list(found.facts) == [*line(), *states, snapped]
    assert found.findings == ()


def test_every_documented_status_is_known() -> None:
    documented = "PENDING_AVAILABILITY PENDING UNSHIPPED PARTIALLY_SHIPPED SHIPPED CANCELLED UNFULFILLABLE"
    assert set(STANDINGS) == set(documented.split())


def test_a_cancelled_order_has_nothing_sold_however_amazon_writes_its_quantities() -> None:
    for item in ({}, {"quantityOrdered": 2, "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 0}}):
        found = reading(item, fulfillment={"fulfillmentStatus": "CANCELLED"})
        assert list(found.facts) == [*line(still=0), snapshot()]
    none = reading({"quantityOrdered": 0}, fulfillment={"fulfillmentStatus": "CANCELLED"})
    assert list(none.facts) == [Stated(LINE, AT, 0), snapshot()]
    assert none.findings == ()


def test_an_order_that_cannot_be_fulfilled_is_amazons_own_or_a_person_looks() -> None:
    theirs = reading(fulfillment={"fulfillmentStatus": "UNFULFILLABLE", "fulfilledBy": "AMAZON"})
    assert list(theirs.facts) == [*line(fulfilled_by=MARKETPLACE), Held(None, AT, None), snapshot(held=True)]
    assert theirs.findings == ()
    ours = reading(fulfillment={"fulfillmentStatus": "UNFULFILLABLE"})
    assert list(ours.facts) == [*line(), Held(None, AT, None), snapshot(held=True)]
    assert fields(ours) == [("UNKNOWN_EVENT", "order.fulfillment.fulfillmentStatus")]


@pytest.mark.parametrize("status", ["TELEPORTED", None, 5])
def test_a_status_that_nobody_knows_leaves_the_lines_and_says_nothing_of_steps(status: Any) -> None:
    found = reading(fulfillment={"fulfillmentStatus": status})
    assert list(found.facts) == line()
    assert fields(found) == [("UNKNOWN_EVENT", "order.fulfillment.fulfillmentStatus")]


def test_a_party_that_nobody_knows_is_shown_and_the_order_is_the_groups() -> None:
    found = reading(fulfillment={"fulfilledBy": "MARTIANS"})
    assert list(found.facts) == [*line(), Released(AT), snapshot()]
    assert fields(found) == [("UNKNOWN_EVENT", "order.fulfillment.fulfilledBy")]
    assert reading(fulfillment={"fulfilledBy": "AMAZON"}).facts[0] == placed(fulfilled_by=MARKETPLACE)


def test_a_replacement_says_so() -> None:
    other = {"orderId": "1", "associationType": "REPLACEMENT_ORIGINAL_ID"}
    assert reading(associatedOrders=[other]).facts[0] == placed(replacement=True)
    exchange = other | {"associationType": "EXCHANGE_ORIGINAL_ID"}
    assert reading(associatedOrders=[exchange]).facts[0] == placed(replacement=False)


# How many are still sold.


def test_what_was_shipped_and_what_remains_is_still_sold() -> None:
    counts = {"quantityFulfilled": 1, "quantityUnfulfilled": 2}
    partly = {"fulfillmentStatus": "PARTIALLY_SHIPPED"}
    found = reading({"quantityOrdered": 5, "fulfillment": counts}, fulfillment=partly)
    assert Stated(LINE, AT, 3) in found.facts
    assert found.findings == ()


def test_before_the_payment_is_authorized_everything_is_sold() -> None:
    counts = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
    found = reading({"fulfillment": counts}, fulfillment={"fulfillmentStatus": "PENDING"})
    assert Stated(LINE, AT, 2) in found.facts


def test_one_cancelled_item_of_a_living_order() -> None:
    done = {"cancellationExecution": {"cancelledBy": "MERCHANT"}}
    counts = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
    found = reading({"cancellation": done, "fulfillment": counts}, {"orderItemId": "2"})
    stated = [fact for fact in found.facts if isinstance(fact, Stated)]
    assert set(stated) == {Stated(LINE, AT, 0), Stated("2", AT, 2)}
    none = reading({"cancellation": done, "quantityOrdered": 0})
    assert list(none.facts) == [Stated(LINE, AT, 0), Released(AT), snapshot()]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"fulfillment": {"quantityFulfilled": 2, "quantityUnfulfilled": 1}}, ".fulfillment"),
        ({"fulfillment": {"quantityFulfilled": 2}}, ".fulfillment.quantityUnfulfilled"),
        ({"fulfillment": {"quantityFulfilled": -1, "quantityUnfulfilled": 3}}, ".fulfillment.quantityFulfilled"),
        ({"fulfillment": {"quantityFulfilled": "2", "quantityUnfulfilled": 0}}, ".fulfillment.quantityFulfilled"),
        ({"cancellation": {"cancellationExecution": {}}}, ".cancellation.cancellationExecution"),
    ],
)
def test_where_it_is_unclear_how_many_are_left_the_line_is_placed_and_a_person_looks(
    item: dict[str, Any], field: str
) -> None:
    found = reading(item)
    assert list(found.facts) == [placed(), Priced(LINE, AT, 6250, None), Released(AT), snapshot(line_ids="")]
    assert fields(found) == [("BAD_LINE", ITEM + field)]


def test_a_buyers_wish_to_cancel_cancels_nothing_and_is_over_once_it_was_done() -> None:
    wish = {"cancellationRequest": {"requester": "BUYER", "cancelReason": "my husband says no"}}
    asked = reading({"cancellation": wish})
    assert list(asked.facts) == [*line(), CancelRequested(LINE, AT), Released(AT), snapshot()]
    assert "husband" not in (asked.redacted or "")
    done = wish | {"cancellationExecution": {"cancelledBy": "MERCHANT"}}
    counts = {"quantityFulfilled": 2, "quantityUnfulfilled": 0}
    assert not [
        fact
        for fact in reading({"cancellation": done, "fulfillment": counts}).facts
        if isinstance(fact, CancelRequested)
    ]
    odd = reading({"cancellation": {"cancellationRequest": {"requester": "CAT"}}})
    assert list(odd.facts) == [*line(), Released(AT), snapshot()]
    assert fields(odd) == [("UNKNOWN_EVENT", f"{ITEM}.cancellation.cancellationRequest.requester")]


# Prices.


def money(amount: Any, currency: Any = "INR") -> dict[str, Any]:
    return {"amount": amount, "currencyCode": currency}


def sold_for(
    unit: Any, *parts: tuple[str, str], total: str | None = None, quantity: int = 2, **more: Any
) -> tuple[int | None, str | None]:
    proceeds: dict[str, Any] = {"breakdowns": [{"type": kind, "subtotal": money(amount)} for kind, amount in parts]}
    for part in proceeds["breakdowns"]:
        if part["type"] == "TAX":
            part["detailedBreakdowns"] = [{"subtype": "ITEM", "value": part["subtotal"]}]
    if total:
        proceeds["proceedsTotal"] = money(total)
    product = {"sellerSku": "S", "price": {"unitPrice": unit}}
    found = reading({"product": product, "proceeds": proceeds, "quantityOrdered": quantity} | more)
    (price,) = [fact for fact in found.facts if isinstance(fact, Priced)]
    assert (found.verdict, found.findings) == ("APPLIED", ())
    return price.unit_price_paise, price.price_problem


def test_a_price_is_exact_to_the_paisa() -> None:
    assert sold_for(money("62.50")) == (6250, None)
    assert sold_for(money("1499")) == (149900, None)
    assert sold_for(money("0.01")) == (1, None)
    assert sold_for(money("62.5000")) == (6250, None)
    assert sold_for(money("999999.99"), ("ITEM", "1999999.98")) == (99999999, None)


@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        (money("1,499.00"), "product.price.unitPrice.amount '1,499.00' is not an amount of digits and a point"),
        (money("1.499,00"), "product.price.unitPrice.amount '1.499,00' is not an amount of digits and a point"),
        (money("₹1499"), "product.price.unitPrice.amount '\\u20b91499' is not an amount"),
        (money("1e3"), "product.price.unitPrice.amount '1e3' is not an amount"),
        (money("١٢"), "is not an amount"),
        (money(" 1499"), "is not an amount"),
        (money(""), "is not an amount"),
        (money(1499), "product.price.unitPrice.amount 1499 is not an amount"),
        (money(None), "product.price.unitPrice.amount nothing is not an amount"),
        (money("62.505"), "product.price.unitPrice.amount 62.505 has parts of a paisa"),
        (money("100000000000"), "is not an amount from 0 to 10000000"),
        (money("62.50", "USD"), "product.price.unitPrice.currencyCode 'USD' is not INR"),
        (money("62.50", None), "product.price.unitPrice.currencyCode nothing is not INR"),
        (money("0.00"), "product.price.unitPrice is missing or not above 0"),
        (money("-62.50"), "product.price.unitPrice is missing or not above 0"),
        (None, "product.price.unitPrice is missing or not above 0"),
        ("62.50", "product.price.unitPrice is missing or not above 0"),
    ],
)
def test_a_price_that_is_unclear_is_named_and_never_guessed(unit: Any, problem: str) -> None:
    paise, text = sold_for(unit)
    assert paise is None and problem in (text or "")


def test_what_the_item_brings_must_agree_with_the_price_of_a_unit() -> None:
    assert sold_for(money("62.50"), ("ITEM", "125.00"), ("SHIPPING", "40.00"), total="165.00") == (6250, None)
    paise, text = sold_for(money("62.50"), ("ITEM", "130.00"))
    assert paise is None
    assert text == (
        "proceeds.breakdowns say 130.00 for ITEM, which is not the product.price.unitPrice 62.50 of 2 units"
    )
    comma = sold_for(money("62.50"), ("ITEM", "1,25.00"))
    assert comma == (
        None,
        "proceeds.breakdowns[0].subtotal.amount '1,25.00' is not an amount of digits and a point",
    )


def test_after_some_units_were_cancelled_the_proceeds_may_be_those_of_the_rest() -> None:
    counts = {"quantityFulfilled": 0, "quantityUnfulfilled": 1}
    assert sold_for(money("62.50"), ("ITEM", "62.50"), fulfillment=counts) == (6250, None)
    gone = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
    assert sold_for(money("62.50"), ("ITEM", "0.00"), fulfillment=gone) == (6250, None)


def test_a_tax_inside_the_price_is_no_problem_and_one_on_top_is() -> None:
    assert sold_for(money("112.00"), ("ITEM", "200.00"), ("TAX", "24.00"), total="224.00") == (11200, None)
    assert sold_for(money("112.00"), ("ITEM", "224.00"), ("TAX", "24.00"), total="224.00") == (11200, None)
    on_top = "product.price.unitPrice 100.00 is without the tax of 24.00 on top"
    parts = (("ITEM", "200.00"), ("TAX", "24.00"))
    assert sold_for(money("100.00"), *parts, total="224.00") == (None, on_top)
    for discount in ("-10.00", "10.00"):
        assert sold_for(money("100.00"), *parts, ("DISCOUNT", discount), total="214.00") == (None, on_top)


def test_an_order_whose_payment_is_not_authorized_has_no_price_yet() -> None:
    product = {"sellerSku": "S"}
    waiting = reading({"product": product}, fulfillment={"fulfillmentStatus": "PENDING"})
    assert not [fact for fact in waiting.facts if isinstance(fact, Priced)]
    late = reading({"product": product})
    assert [fact for fact in late.facts if isinstance(fact, Priced)] == [
        Priced(LINE, AT, None, "product.price.unitPrice is missing or not above 0")
    ]


# Parcels.


def parcel(status: str, *items: tuple[str, int], coarse: str = "SHIPPED", name: str = "P1") -> dict[str, Any]:
    found: dict[str, Any] = {
        "packageReferenceId": name,
        "packageStatus": {"status": coarse, "detailedStatus": status},
        "shipFromAddress": {"name": "Hub"},
    }
    if items:
        found["packageItems"] = [{"orderItemId": line_id, "quantity": quantity} for line_id, quantity in items]
    return found


def returned(reason: str, line_id: str = LINE, quantity: int = 2) -> ReturnRequested:
    return ReturnRequested(RETURN, line_id, AT, facts.COURIER, quantity, ORDER, reason, "")


@pytest.mark.parametrize("status", EASY_SHIP)
def test_the_only_parcel_says_what_a_notification_says_of_the_order(status: str) -> None:
    word = "".join(part.capitalize() for part in status.lower().split("_")).replace("Fc", "FC")
    word = {"LabelCancelled": "LabelCanceled"}.get(word, word)
    notification = in_india(published("order_change"))
    inside = notification["Payload"]["OrderChangeNotification"]
    inside |= {"AmazonOrderId": ORDER, "OrderChangeTrigger": {"TimeOfOrderChange": AT}}
    inside["Summary"] |= {"EasyShipShipmentStatus": word, "PurchaseDate": "2025-03-15T10:30:00Z"}
    inside["Summary"] |= {"LatestShipDate": "2025-03-17T23:59:59Z"}
    inside["Summary"]["OrderItems"] = [{"OrderItemId": LINE, "SellerSKU": "FIRE-HD10-TR-BLK", "Quantity": 2}]
    pushed = read_notification(written(notification).encode(), "demo-api")
    for packages in ([parcel(status)], [parcel(status, (LINE, 2))]):
        asked = reading(packages=packages)
        assert asked.findings == pushed.findings == ()
        besides = {fact for fact in asked.facts if isinstance(fact, Priced | Snapshot)}
        assert set(asked.facts) - besides == set(pushed.facts)


@pytest.mark.parametrize(
    ("coarse", "states"),
    [
        ("PENDING", []),
        ("CANCELLED", []),
        ("IN_TRANSIT", [Step("shipped", AT)]),
        ("SHIPPED", [Step("shipped", AT)]),
        ("DELIVERED", [Step("delivered", AT)]),
        ("UNDELIVERABLE", [Step("shipped", AT), returned("UNDELIVERABLE")]),
    ],
)
def test_a_parcel_of_another_courier_has_fewer_words(coarse: str, states: list[Fact]) -> None:
    own = {"packageReferenceId": "P1", "packageStatus": {"status": coarse}}
    found = reading(packages=[own])
    assert [fact for fact in found.facts if isinstance(fact, Step | ReturnRequested)] == states
    assert found.findings == ()


def test_the_snapshot_shows_the_furthest_step() -> None:
    found = reading(fulfillment={"fulfillmentStatus": "SHIPPED"}, packages=[parcel("DELIVERED")])
    assert found.facts[-1] == snapshot("delivered")
    picked = reading(fulfillment={"fulfillmentStatus": "SHIPPED"}, packages=[parcel("PICKED_UP")])
    assert {fact.step for fact in picked.facts if isinstance(fact, Step)} == {"picked_up", "shipped"}
    assert picked.facts[-1] == snapshot("shipped")


def test_a_step_counts_when_every_parcel_came_so_far_and_they_hold_everything() -> None:
    first, second = ("PICKED_UP", (LINE, 1)), ("DELIVERED", (LINE, 1))
    one = [parcel(*first, name="P1")]
    both = [parcel(*first, name="P1"), parcel(*second, name="P2")]
    partly = {"fulfillmentStatus": "PARTIALLY_SHIPPED"}
    assert not [fact for fact in reading(fulfillment=partly, packages=one).facts if isinstance(fact, Step)]
    steps = [fact for fact in reading(fulfillment=partly, packages=both).facts if isinstance(fact, Step)]
    assert steps == [Step("picked_up", AT)]
    waiting = [*both, parcel("PENDING_PICK_UP", (LINE, 1), name="P3")]
    assert not [fact for fact in reading(fulfillment=partly, packages=waiting).facts if isinstance(fact, Step)]
    relabelled = [*both, parcel("LABEL_CANCELLED", (LINE, 1), name="P3")]
    assert Step("picked_up", AT) in reading(fulfillment=partly, packages=relabelled).facts
    silent = [parcel("PICKED_UP", name="P1"), parcel("PICKED_UP", name="P2")]
    assert not [fact for fact in reading(fulfillment=partly, packages=silent).facts if isinstance(fact, Step)]
    # When everything was shipped there can be no other parcel.
    done = reading(fulfillment={"fulfillmentStatus": "SHIPPED"}, packages=silent)
    assert {fact.step for fact in done.facts if isinstance(fact, Step)} == {"picked_up", "shipped"}


def test_parcels_that_come_back_are_one_return_that_is_received_with_the_last_of_them() -> None:
    back = [
        parcel("RETURNED_TO_SELLER", (LINE, 1), ("2", 1), name="P1"),
        parcel("RETURNING_TO_SELLER", (LINE, 1), name="P2"),
        parcel("DELIVERED", ("2", 1), name="P3"),
    ]
    found = reading({}, {"orderItemId": "2"}, packages=back)
    of_return = {fact for fact in found.facts if isinstance(fact, ReturnRequested | ReturnStep)}
    assert of_return == {
        returned("RETURNED_TO_SELLER", quantity=2),
        returned("RETURNED_TO_SELLER", "2", 1),
        ReturnStep(RETURN, "2", AT, "received"),
    }
    assert [fact.step for fact in found.facts if isinstance(fact, Step)] == ["shipped"]


def test_one_lost_parcel_of_several_is_not_the_order() -> None:
    parcels = [parcel("LOST", (LINE, 1), name="P1"), parcel("DELIVERED", (LINE, 1), name="P2")]
    found = reading(packages=parcels)
    assert not [fact for fact in found.facts if isinstance(fact, Lost)]
    assert fields(found) == [("UNKNOWN_EVENT", "order.packages[0].packageStatus")]
    both = reading(packages=[parcels[0], parcel("DAMAGED", (LINE, 1), name="P2")])
    assert [fact for fact in both.facts if isinstance(fact, Lost)] == [Lost(AT, "LOST")]
    assert both.findings == ()


def test_words_of_parcels_that_nobody_knows_are_shown() -> None:
    found = reading(packages=[parcel("ON_THE_MOON", coarse="DELIVERED")])
    assert Step("delivered", AT) in found.facts
    assert fields(found) == [("UNKNOWN_EVENT", "order.packages[0].packageStatus.detailedStatus")]
    neither = reading(packages=[parcel("ON_THE_MOON", coarse="GONE")])
    assert not [fact for fact in neither.facts if isinstance(fact, Step)]
    assert [field for _, field in fields(neither)] == [
        "order.packages[0].packageStatus.detailedStatus",
        "order.packages[0].packageStatus.status",
    ]


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([{"orderItemId": LINE, "quantity": 0}], "[0].quantity"),
        ([{"orderItemId": "two words", "quantity": 1}], "[0].orderItemId"),
        ([None], "[0].orderItemId"),
    ],
)
def test_a_parcel_whose_content_cannot_be_read_names_the_field(items: list[Any], field: str) -> None:
    found = reading(packages=[parcel("REJECTED_BY_BUYER") | {"packageItems": items}])
    assert fields(found) == [("BAD_LINE", f"order.packages[0].packageItems{field}")]
    assert not [fact for fact in found.facts if isinstance(fact, ReturnRequested)]


def test_of_several_parcels_one_that_comes_back_must_say_what_it_holds() -> None:
    found = reading(packages=[parcel("REJECTED_BY_BUYER", name="P1"), parcel("DELIVERED", (LINE, 2), name="P2")])
    assert fields(found) == [("BAD_LINE", "order.packages[0].packageItems")]


# Fields that are missing or wrong.


@pytest.mark.parametrize("time", [None, "2025-03-15T14:20:00", "yesterday", 1742048400])
def test_an_order_without_a_usable_time_is_rejected_and_names_the_field(time: Any) -> None:
    found = reading(lastUpdatedTime=time)
    assert (found.marketplace_id, found.verdict, found.facts) == (ORDER, "REJECTED", ())
    assert fields(found) == [("UNREADABLE", "order.lastUpdatedTime")]


def test_an_order_without_its_dates_is_still_an_order() -> None:
    plain = reading(createdTime=None, fulfillment={"shipByWindow": None})
    assert plain.facts[0] == placed(sold_at=AT, ship_by=None)
    assert plain.findings == ()
    wrong = reading(createdTime="then", fulfillment={"shipByWindow": {"latestDateTime": "soon"}})
    assert wrong.facts[0] == placed(sold_at=AT, ship_by=None)
    assert fields(wrong) == [
        ("UNREADABLE", "order.createdTime"),
        ("UNREADABLE", "order.fulfillment.shipByWindow.latestDateTime"),
    ]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"orderItemId": None}, ".orderItemId"),
        ({"quantityOrdered": None}, ".quantityOrdered"),
        ({"quantityOrdered": 0}, ".quantityOrdered"),
        ({"quantityOrdered": -1}, ".quantityOrdered"),
        ({"product": None}, ".product.sellerSku"),
        ({"product": {"sellerSku": ""}}, ".product.sellerSku"),
    ],
)
def test_a_line_that_cannot_be_read_is_shown_and_the_answer_is_not_called_whole(
    item: dict[str, Any], field: str
) -> None:
    # Lists are kept sorted, so that the line of the lower id is the first.
    found = reading({"orderItemId": "0"} | item, {"orderItemId": "1"})
    place = field if "orderItemId" not in item else ".orderItemId"
    number = 1 if item.get("orderItemId", "0") is None else 0
    assert list(found.facts) == [*line("1"), Released(AT), snapshot(line_ids="")]
    assert fields(found) == [("BAD_LINE", f"order.orderItems[{number}]{place}")]


@pytest.mark.parametrize("items", [None, [], {}, "none"])
def test_an_order_without_a_usable_list_of_items_still_says_how_far_it_is(items: Any) -> None:
    found = reading(orderItems=items, fulfillment={"fulfillmentStatus": "SHIPPED"})
    assert list(found.facts) == [Released(AT), Step("shipped", AT), snapshot("shipped", line_ids="")]
    assert fields(found) == [("UNREADABLE", "order.orderItems")]


def test_all_lines_are_named_sorted() -> None:
    found = reading({"orderItemId": "9"}, {"orderItemId": "10"}, {"orderItemId": "8", "quantityOrdered": 0})
    assert found.facts[-1] == snapshot(line_ids="")
    good = reading({"orderItemId": "9"}, {"orderItemId": "10"})
    assert good.facts[-1] == snapshot(line_ids="10 9")


@pytest.mark.parametrize("raw", [b"", b"[1]", b"<html></html>", b'{"order":[]}', b'{"orders":[]}', b'{"order":null}'])
def test_what_is_no_part_is_unreadable(raw: bytes) -> None:
    found = read_answer(raw, "demo-api")
    assert (found.verdict, found.facts, found.redacted) == ("UNREADABLE", (), None)
    assert [kind for kind, _ in fields(found)] == ["UNREADABLE"]


def test_a_part_without_an_order_is_rejected() -> None:
    found = read_answer(b'{"order":{"orderId":"two words"}}', "demo-api")
    assert (found.marketplace_id, found.verdict, fields(found)) == (
        None,
        "REJECTED",
        [("UNREADABLE", "order.orderId")],
    )


# Whatever comes.


def test_what_is_kept_is_read_again_as_the_same() -> None:
    for each in (order(name) for name in ORDERS):
        found = read_answer(part_of(each), "demo-api")
        assert found.redacted is not None
        assert read_answer(found.redacted.encode(), "demo-api") == found


FULL = order() | {
    "associatedOrders": [{"orderId": "1", "associationType": "REPLACEMENT_ORIGINAL_ID"}],
    "packages": [parcel("RETURNED_TO_SELLER", (LINE, 1)), parcel("LOST", (LINE, 1), name="P2")],
}


@given(st.data())
def test_whatever_stands_in_a_field_it_is_stated_or_shown_and_can_be_stored(data: st.DataObject) -> None:
    raw = ascii_json(spoiled({"order": FULL}, data))
    found = read_answer(raw, "demo-api")
    assert found.facts or found.findings
    assert (found.verdict == "APPLIED") == bool(found.facts)
    assert len({finding.field for finding in found.findings}) == len(found.findings)
    assert {finding.kind for finding in found.findings} <= set(ACTIONS)
    stored = [found.redacted or "", *(finding.message for finding in found.findings), *map(facts.to_text, found.facts)]
    assert "\ud800" not in "".join(stored).encode().decode()
    assert [facts.from_text(facts.to_text(fact)) for fact in found.facts] == list(found.facts)
    if found.redacted is not None:
        assert read_answer(found.redacted.encode(), "demo-api") == found


@given(items=st.lists(ITEMS, min_size=1, max_size=3, unique_by=lambda item: item["OrderItemId"]), data=st.data())
def test_the_same_news_in_another_order_are_the_same_bytes(items: list[dict[str, Any]], data: st.DataObject) -> None:
    changed = copy.deepcopy(FULL)
    (item,) = changed["orderItems"]
    changed["orderItems"] = [
        item | {"orderItemId": each["OrderItemId"], "quantityOrdered": each["Quantity"]} for each in items
    ]
    other = copy.deepcopy(changed)
    other["orderItems"] = data.draw(st.permutations(other["orderItems"]))
    other["packages"] = data.draw(st.permutations(other["packages"]))
    other = dict(data.draw(st.permutations(list(other.items()))))
    assert part_of(changed) == part_of(json.loads(written(other)))


# An order's life, in any order.


def pushed(at: str, status: str, shipment: str | None = None, **item: Any) -> tuple[Fact, ...]:
    notification = in_india(published("order_change"))
    inside = notification["Payload"]["OrderChangeNotification"]
    inside |= {"AmazonOrderId": ORDER, "OrderChangeTrigger": {"TimeOfOrderChange": at}}
    dates = {"PurchaseDate": "2025-03-15T10:30:00Z", "LatestShipDate": "2025-03-17T23:59:59Z"}
    inside["Summary"] |= {"OrderStatus": status, "EasyShipShipmentStatus": shipment} | dates
    line = {"OrderItemId": LINE, "SellerSKU": "FIRE-HD10-TR-BLK", "Quantity": 2}
    inside["Summary"]["OrderItems"] = [line | item]
    return read_notification(written(notification).encode(), "demo-api").facts


def asked(at: str, status: str, *packages: dict[str, Any], **item: Any) -> tuple[Fact, ...]:
    changes: dict[str, Any] = {"packages": list(packages)} if packages else {}
    found = reading(item, fulfillment={"fulfillmentStatus": status}, lastUpdatedTime=at, **changes)
    assert found.findings == ()
    return found.facts


DAYS = [f"2025-03-{day}T14:20:00Z" for day in range(15, 21)]
UNTIL_DELIVERED = [
    pushed(DAYS[0], "Pending"),
    asked(DAYS[0], "PENDING", product={"sellerSku": "FIRE-HD10-TR-BLK"}),
    pushed(DAYS[1], "Unshipped"),
    asked(DAYS[1], "UNSHIPPED"),
    pushed(DAYS[2], "Shipped", "PickedUp"),
    asked(DAYS[3], "SHIPPED", parcel("DELIVERED", (LINE, 2))),
]


def test_an_order_goes_from_held_to_delivered_and_gets_its_price_on_the_way() -> None:
    known: set[Fact] = set()
    seen = []
    for said in UNTIL_DELIVERED:
        known |= set(said)
        state = order_of(known)
        seen.append((state.state, state.lines[0].unit_price_paise))
    assert seen == [
        ("HELD", None),
        ("HELD", None),
        ("PLACED", None),
        ("PLACED", 6250),
        ("SHIPPED", 6250),
        ("DELIVERED", 6250),
    ]
    assert order_of(known).problems == ()


@given(st.permutations(UNTIL_DELIVERED), st.integers(1, 6))
def test_late_repeated_and_missing_notifications_end_in_the_same_state(
    said: list[tuple[Fact, ...]], first: int
) -> None:
    whole = order_of({fact for each in UNTIL_DELIVERED for fact in each})
    assert order_of({fact for each in [*said, *said[:first]] for fact in each}) == whole
    # The last answer alone knows it all but for the past.
    last = order_of(UNTIL_DELIVERED[-1])
    assert (last.state, last.lines[0].open, last.lines[0].unit_price_paise) == ("DELIVERED", 2, 6250)


def test_a_cancelled_order_is_cancelled_also_when_it_was_never_announced() -> None:
    for told in (pushed(DAYS[2], "Canceled"), asked(DAYS[2], "CANCELLED")):
        for before in ((), UNTIL_DELIVERED[0], UNTIL_DELIVERED[3]):
            state = order_of({*before, *told})
            assert (state.state, state.lines[0].open) == ("CANCELLED", 0)
    # An older message that comes late brings nothing back.
    late = order_of({*pushed(DAYS[2], "Canceled", Quantity=0), *pushed(DAYS[1], "Unshipped")})
    assert (late.state, late.lines[0].open) == ("CANCELLED", 0)


def test_a_refused_parcel_is_back_when_the_courier_says_so() -> None:
    known = {*pushed(DAYS[1], "Shipped", "OutForDelivery"), *pushed(DAYS[2], "Shipped", "RejectedByBuyer")}
    assert order_of(known).lines[0].returned == 0
    known |= {*asked(DAYS[3], "SHIPPED", parcel("RETURNED_TO_SELLER", (LINE, 2)))}
    (line,) = order_of(known).lines
    assert (line.state, line.returned) == ("RETURNED", 2)


def test_a_lost_parcel_is_lost_and_a_found_one_is_delivered() -> None:
    known = {*pushed(DAYS[1], "Shipped", "OutForDelivery"), *pushed(DAYS[2], "Shipped", "Lost")}
    assert order_of(known).state == "LOST"
    assert order_of({*known, *pushed(DAYS[3], "Shipped", "Delivered")}).state == "DELIVERED"
