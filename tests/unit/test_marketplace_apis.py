"""The stand-ins for the marketplaces' APIs refuse what the real ones refuse, and answer what was published."""

from __future__ import annotations

import base64
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web

from local import run
from local.fake_api import DELAY, HUGE_BYTES, NO_ANSWER, Bucket
from local.marketplace_apis import Amazon, Answer, Flipkart, MarketplaceApis, marketplace_service

SAMPLES = Path(__file__).parents[1] / "samples"
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
LOCATION = "LOC1234"
INDIA = "A21TJRUUN4KGV"
FILTER = "/sellers/v3/shipments/filter"
ORDERS = "/orders/2026-01-01/orders"
ITEM = "/listings/2021-08-01/items/SELLER1"


class Caller:
    """Somebody with the right credentials and a clock."""

    def __init__(self) -> None:
        self.flipkart = Flipkart(
            "demo-api", "an-app", "a-secret", LOCATION, {"TOTE": "FSN0000000000001", "CAP": "FSN2"}
        )
        self.amazon = Amazon(
            "demo-api", "a-client", "a-secret", "a-grant", "SELLER1", {"TOTE": "HANDBAG", "CAP": "HAT"}
        )
        self.now = NOW
        self._tokens: dict[str, str] = {}

    def later(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def flipkart_token(self, proof: str = "an-app:a-secret", query: str = "") -> Answer:
        basic = base64.b64encode(proof.encode()).decode()
        query = query or "grant_type=client_credentials&scope=Seller_Api"
        headers = {"Authorization": f"Basic {basic}"}
        return self.flipkart.answer("GET", f"/oauth-service/oauth/token?{query}", headers, b"", self.now)

    def amazon_token(self, **changes: str) -> Answer:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": "a-grant",
            "client_id": "a-client",
            "client_secret": "a-secret",
        } | changes
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.amazon.answer("POST", "/auth/o2/token", headers, urlencode(form).encode(), self.now)

    def ask_flipkart(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        if "flipkart" not in self._tokens:
            self._tokens["flipkart"] = json.loads(self.flipkart_token().body)["access_token"]
        headers = {"Authorization": f"Bearer {self._tokens['flipkart']}", "Content-Type": "application/json"}
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.flipkart.answer(method, path, headers, raw, self.now)
        return answer.status, json.loads(answer.body)

    def ask_amazon(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.amazon_answer(method, path, body)
        return answer.status, json.loads(answer.body)

    def amazon_answer(self, method: str, path: str, body: Any = None) -> Answer:
        if "amazon" not in self._tokens:
            self._tokens["amazon"] = json.loads(self.amazon_token().body)["access_token"]
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.amazon.answer(method, path, {"x-amz-access-token": self._tokens["amazon"]}, raw, self.now)

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def units(self, marketplace: str, listing: str = "TOTE") -> int:
        played = self.flipkart if marketplace == "flipkart" else self.amazon
        [shown] = [entry for entry in played.stock(self.now) if entry["listing"] == listing]
        return int(shown["quantity"])


@pytest.fixture
def caller() -> Caller:
    return Caller()


def shipment(**changes: Any) -> dict[str, Any]:
    item = {"orderItemId": "11", "orderId": "OD1", "sku": "TOTE", "quantity": 2, "status": "APPROVED"}
    return {"orderItems": [item | changes.pop("item", {})]} | changes


def order(**changes: Any) -> dict[str, Any]:
    return {
        "buyer": {"buyerName": "A buyer"},
        "recipient": {"deliveryAddress": {"name": "A buyer"}},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [
            {
                "orderItemId": "71",
                "quantityOrdered": 2,
                "product": {"sellerSku": "TOTE", "price": {"unitPrice": {"amount": "399.00", "currencyCode": "INR"}}},
                "proceeds": {"proceedsTotal": {"amount": "798.00", "currencyCode": "INR"}},
            }
        ],
    } | changes


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text("utf-8"))


def search(**changes: Any) -> dict[str, Any]:
    return {"filter": {"type": "preDispatch", "states": ["APPROVED"]} | changes.pop("filter", {})} | changes


def order_id(number: int) -> str:
    return f"402-0000000-{number:07}"


# --- the published samples --------------------------------------------------------------------------------------------


def test_the_published_shipment_is_answered_field_for_field(caller: Caller) -> None:
    event = sample("flipkart/shipment_created.json")
    published = event["attributes"] | {"shipmentId": event["shipmentId"], "locationId": event["locationId"]}
    caller.flipkart.put_shipment(event["shipmentId"], published, NOW)
    status, body = caller.ask_flipkart("GET", f"/sellers/v3/shipments?shipmentIds={event['shipmentId']}")
    assert (status, body) == (200, {"shipments": [published]})
    # The range is the shipment's own time of change, which was years ago, and not the time at which we heard of it.
    at = {"from": "2017-04-06T18:17:01+05:30", "to": "2017-04-06T18:17:01+05:30"}
    status, body = caller.ask_flipkart("POST", FILTER, search(filter={"modifiedDate": at}))
    assert (status, body["shipments"]) == (200, [published])


@pytest.mark.parametrize("name", ["get_order_2026_171.json", "get_order_2026_028.json"])
def test_a_published_order_is_answered_field_for_field_less_what_was_not_asked_for(caller: Caller, name: str) -> None:
    published = sample(f"amazon/{name}")["order"]
    caller.amazon.put_order(published["orderId"], published, NOW)
    every = "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT"
    path = f"{ORDERS}/{published['orderId']}"
    assert caller.ask_amazon("GET", f"{path}?includedData={every}") == (200, {"order": published})
    status, body = caller.ask_amazon("GET", f"{path}?includedData=PROCEEDS,FULFILLMENT")
    hidden = {"buyer", "recipient", "promotion", "tax"}
    assert status == 200
    assert body["order"].keys() == published.keys() - hidden
    assert body["order"]["proceeds"] == published["proceeds"]
    [item], [told] = published["orderItems"], body["order"]["orderItems"]
    assert told == {field: value for field, value in item.items() if field not in hidden}
    bare = caller.ask_amazon("GET", path)[1]["order"]
    assert not bare.keys() & {"buyer", "recipient", "proceeds", "fulfillment", "tax"}
    assert bare["orderItems"][0]["product"] == item["product"]


def test_an_inventory_update_has_the_published_shape(caller: Caller) -> None:
    body = {"TOTE": {"product_id": "FSN0000000000001", "locations": [place(7)]}}
    status, answer = caller.ask_flipkart("POST", "/sellers/listings/v3/update/inventory", body)
    assert (status, answer) == (200, {"TOTE": {"status": "SUCCESS", "errors": [], "attribute_errors": []}})
    status, shown = caller.ask_flipkart("GET", "/sellers/listings/v3/TOTE,NOTHING")
    assert shown["available"]["TOTE"]["locations"] == [place(7)]
    assert (status, shown["unavailable"], shown["invalid"]) == (200, ["NOTHING"], [])


def place(units: Any, **changes: Any) -> dict[str, Any]:
    return {"id": LOCATION, "status": "ENABLED", "inventory": units} | changes


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_flipkart_token_is_given_for_the_right_proof_only(caller: Caller) -> None:
    answer = json.loads(caller.flipkart_token().body)
    assert answer["expires_in"] > 59 * 86400
    assert (answer["token_type"], answer["scope"]) == ("bearer", "Seller_Api")
    for proof in ("an-app:wrong", "other:a-secret", "an-app", ":"):
        assert caller.flipkart_token(proof).status == 401
    bare = caller.flipkart.answer("GET", "/oauth-service/oauth/token?grant_type=client_credentials", {}, b"", NOW)
    assert bare.status == 401
    for query in ("grant_type=client_credentials", "scope=Seller_Api", "grant_type=password&scope=Seller_Api"):
        assert caller.flipkart_token(query=query).status == 400


def test_a_flipkart_call_needs_a_token_that_is_still_good(caller: Caller) -> None:
    path = "/sellers/v3/shipments?shipmentIds=S1"
    for headers in (
        {},
        {"Authorization": "Bearer made-up"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer "},
    ):
        assert caller.flipkart.answer("GET", path, headers, b"", NOW).status == 401
    assert caller.ask_flipkart("GET", path)[0] == 200
    good = json.loads(caller.flipkart_token().body)["access_token"]
    for scheme, status in {"Bearer ": 200, "Basic ": 401, "bearer": 401, "": 401}.items():
        assert caller.flipkart.answer("GET", path, {"Authorization": f"{scheme}{good}"}, b"", NOW).status == status
    caller.later(days=61)
    status, body = caller.ask_flipkart("GET", path)
    assert (status, body["error"]) == (401, "invalid_token")
    caller.forget_tokens()
    assert caller.ask_flipkart("GET", path)[0] == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"refresh_token": "another"}, 400, "invalid_grant"),
        ({"client_secret": "another"}, 401, "invalid_client"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
    ],
)
def test_login_with_amazon_refuses_a_wrong_form(
    caller: Caller, changes: dict[str, str], status: int, error: str
) -> None:
    answer = caller.amazon_token(**changes)
    assert (answer.status, json.loads(answer.body)["error"]) == (status, error)


def test_login_with_amazon_takes_a_form_and_no_json(caller: Caller) -> None:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "a-grant",
        "client_id": "a-client",
        "client_secret": "a-secret",
    }
    headers = {"Content-Type": "application/json"}
    assert caller.amazon.answer("POST", "/auth/o2/token", headers, json.dumps(form).encode(), NOW).status == 400
    given = json.loads(caller.amazon_token().body)
    assert (given["expires_in"], given["token_type"]) == (3600, "bearer")


def test_an_amazon_call_without_a_good_token_is_denied_as_amazon_says_it(caller: Caller) -> None:
    path = f"{ORDERS}/{order_id(1)}"
    missing = caller.amazon.answer("GET", path, {}, b"", NOW)
    assert missing.status == 403
    [error] = json.loads(missing.body)["errors"]
    assert (error["code"], error["message"]) == ("Unauthorized", "Access to requested resource is denied.")
    assert "missing" in error["details"]
    assert caller.ask_amazon("GET", path)[0] == 404
    caller.later(minutes=61)
    status, body = caller.ask_amazon("GET", path)
    assert (status, body["errors"][0]["details"]) == (403, "The access token you provided has expired.")
    bearer = caller.amazon.answer("GET", path, {"Authorization": "Bearer x"}, b"", NOW)
    assert bearer.status == 403


# --- Flipkart's shipments ---------------------------------------------------------------------------------------------


def test_shipments_are_asked_by_one_kind_of_id_and_at_most_a_hundred(caller: Caller) -> None:
    caller.flipkart.put_shipment("S1", shipment(), NOW)
    caller.flipkart.put_shipment("S2", shipment(item={"orderItemId": "12", "orderId": "OD2"}), NOW)

    def found(query: str) -> tuple[int, list[str]]:
        status, body = caller.ask_flipkart("GET", f"/sellers/v3/shipments?{query}")
        return status, [one["shipmentId"] for one in body.get("shipments", [])]

    assert found("shipmentIds=S2,S1,S9") == (200, ["S1", "S2"])
    assert found("orderItemIds=12") == (200, ["S2"])
    assert found("orderIds=OD1") == (200, ["S1"])
    assert found("shipmentIds=S9") == (200, [])
    assert found("shipmentIds=" + ",".join(f"S{n}" for n in range(100)))[0] == 200
    for query in (
        "",
        "shipmentIds=S1&orderIds=OD1",
        "shipmentIds=",
        "shipmentIds=S1,,S2",
        "ids=S1",
        "shipmentIds=S1&shipmentIds=S2",
    ):
        assert found(query) == (400, [])
    assert found("shipmentIds=" + ",".join(f"S{n}" for n in range(101))) == (400, [])


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({}, "filter"),
        ({"filter": {"states": ["APPROVED"]}}, "filter.type"),
        ({"filter": {"type": "preDispatch"}}, "filter.states"),
        ({"filter": {"type": "preDispatch", "states": []}}, "filter.states"),
        ({"filter": {"type": "preDispatch", "states": "APPROVED"}}, "filter.states"),
        ({"filter": {"type": "preDispatch", "states": ["SHIPPED"]}}, "filter.states"),
        ({"filter": {"type": "postDispatch", "states": ["APPROVED"]}}, "filter.states"),
        ({"filter": {"type": "cancelled", "states": ["CANCELLED"]}}, "filter.cancellationType"),
        ({"filter": {"type": "postDispatch", "states": ["SHIPPED"], "hold": True}}, "filter.hold"),
        (search(filter={"hold": "yes"}), "filter.hold"),
        (search(filter={"modifiedAt": {}}), "filter.modifiedAt"),
        (search(filter={"modifiedDate": {"from": "2026-11-25T10:00:00"}}), "filter.modifiedDate.from"),
        (search(filter={"modifiedDate": {"fromDate": "2026-11-25T10:00:00Z"}}), "filter.modifiedDate"),
        (
            search(filter={"modifiedDate": {"from": "2026-11-25T10:00:01Z", "to": "2026-11-25T10:00:00Z"}}),
            "from is after",
        ),
        (search(pagination={"pageSize": 21}), "pagination.pageSize"),
        (search(pagination={"pageSize": 0}), "pagination.pageSize"),
        (search(pagination={"size": 5}), "pagination.pageSize"),
        (search(sort={"field": "updatedAt", "order": "asc"}), "sort"),
        (search(page=1), "page"),
    ],
)
def test_a_search_that_flipkart_would_refuse_is_a_400(caller: Caller, asked: dict[str, Any], word: str) -> None:
    status, body = caller.ask_flipkart("POST", FILTER, asked)
    assert status == 400
    assert word in body["errors"][0]["errorMessage"]


def test_a_search_finds_by_state_time_hold_place_and_product(caller: Caller) -> None:
    put = caller.flipkart.put_shipment
    put("S1", shipment(updatedAt="2026-11-25T09:00:00Z"), NOW)
    put("S2", shipment(updatedAt="2026-11-25T15:30:00+05:30", item={"sku": "CAP"}), NOW)
    put("S3", shipment(hold=True), NOW)
    put("S4", shipment(locationId="LOC9", item={"status": "PACKED"}), NOW)
    put("S5", shipment(item={"status": "SHIPPED"}), NOW)
    put("S6", shipment(item={"status": "CANCELLED", "cancellationReason": "buyer_cancellation"}), NOW)
    put("S7", shipment(item={"serviceProfile": "FBF"}), NOW)

    def found(**wanted: Any) -> list[str]:
        status, body = caller.ask_flipkart("POST", FILTER, search(filter=wanted))
        assert status == 200
        return [one["shipmentId"] for one in body["shipments"]]

    assert found() == ["S1", "S2"]
    assert found(states=["APPROVED", "PACKED"]) == ["S1", "S2", "S4"]
    assert found(hold=True) == ["S3"]
    assert found(states=["PACKED"], locationId="LOC9") == ["S4"]
    assert found(sku=["CAP"]) == ["S2"]
    assert found(serviceProfiles=["FBF"]) == ["S7"]
    assert found(modifiedDate={"from": "2026-11-25T09:00:01Z", "to": "2026-11-25T10:00:00Z"}) == ["S2"]
    assert found(modifiedDate={"to": "2026-11-25T09:00:00Z"}) == ["S1"]
    assert found(type="postDispatch", states=["SHIPPED", "DELIVERED"]) == ["S5"]
    assert found(type="cancelled", states=["CANCELLED"], cancellationType="buyerCancellation") == ["S6"]
    assert found(type="cancelled", states=["CANCELLED"], cancellationType="sellerCancellation") == []


def test_pages_lead_on_by_an_address_without_sellers_and_the_last_has_one_too(caller: Caller) -> None:
    for number in range(45):
        caller.flipkart.put_shipment(f"S{number:02}", shipment(), NOW)
    status, page = caller.ask_flipkart("POST", FILTER, search(pagination={"pageSize": 20}))
    seen, pages = [], [page]
    while page["hasMore"]:
        assert page["nextPageUrl"].startswith("/v3/shipments/filter?next_token=")
        assert caller.ask_flipkart("GET", page["nextPageUrl"])[0] == 404
        status, page = caller.ask_flipkart("GET", f"/sellers{page['nextPageUrl']}")
        assert status == 200
        pages.append(page)
    seen = [one["shipmentId"] for page in pages for one in page["shipments"]]
    assert [len(page["shipments"]) for page in pages] == [20, 20, 5]
    assert sorted(seen) == [f"S{number:02}" for number in range(45)]
    assert pages[-1]["nextPageUrl"]
    assert caller.ask_flipkart("GET", f"/sellers{pages[-1]['nextPageUrl']}")[1]["shipments"] == []


def test_a_page_token_that_is_made_up_old_or_accompanied_is_refused(caller: Caller) -> None:
    for number in range(21):
        caller.flipkart.put_shipment(f"S{number}", shipment(), NOW)
    url = f"/sellers{caller.ask_flipkart('POST', FILTER, search())[1]['nextPageUrl']}"
    assert caller.ask_flipkart("GET", url)[0] == 200
    assert caller.ask_flipkart("GET", f"{url}x")[0] == 400
    assert caller.ask_flipkart("GET", f"{url}&pageSize=5")[0] == 400
    assert caller.ask_flipkart("GET", FILTER)[0] == 400
    assert caller.ask_flipkart("GET", url.replace("v3/shipments/filter", "v2/returns"))[0] == 400
    caller.later(minutes=31)
    assert caller.ask_flipkart("GET", url)[0] == 400


# --- Flipkart's returns -----------------------------------------------------------------------------------------------


def returned(**changes: Any) -> dict[str, Any]:
    entry = {"type": "customer_return", "orderItemId": "11", "shipmentId": "S1", "quantity": 1, "status": "created"}
    return entry | changes


def test_returns_are_found_by_source_time_and_id_twenty_five_on_a_page(caller: Caller) -> None:
    for number in range(60):
        caller.flipkart.put_return(f"R{number:02}", returned(updatedDate=f"2026-11-25T09:{number:02}:00Z"), NOW)
    caller.flipkart.put_return("R99", returned(type="courier_return"), NOW)

    def ask(path: str) -> tuple[list[str], str]:
        status, body = caller.ask_flipkart("GET", path)
        assert status == 200
        assert bool(body["nextUrl"]) is body["hasMore"]
        return [one["returnId"] for one in body["returnItems"]], body["nextUrl"]

    first, more = ask("/sellers/v2/returns?source=customer_return&modifiedAfter=2026-11-25T09:10:00Z")
    second, none = ask(f"/sellers{more}")
    assert (len(first), len(second), none) == (25, 25, "")
    assert sorted(first + second) == [f"R{number:02}" for number in range(10, 60)]
    assert ask("/sellers/v2/returns?source=courier_return")[0] == ["R99"]
    assert ask("/sellers/v2/returns?returnIds=R01,R99,R77")[0] == ["R01", "R99"]
    until = quote("2026-11-25T14:31:00+05:30")
    assert ask(f"/sellers/v2/returns?source=customer_return&modifiedBefore={until}")[0] == ["R00", "R01"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "modifiedAfter=2026-11-25T09:10:00Z",
        "source=returns",
        "source=customer_return&modifiedAfter=yesterday",
        "source=customer_return&modifiedAfter=2026-11-25T09:10:00+05:30",
        "source=customer_return&page=2",
        "returnIds=" + ",".join(f"R{number}" for number in range(26)),
        "next_token=made-up",
    ],
)
def test_a_question_for_returns_that_flipkart_would_refuse_is_a_400(caller: Caller, query: str) -> None:
    assert caller.ask_flipkart("GET", f"/sellers/v2/returns?{query}")[0] == 400


# --- Flipkart's listings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku", "said", "path"),
    [
        ("NOTHING", {"product_id": "FSN0000000000001", "locations": [place(1)]}, "sku"),
        ("TOTE", {"locations": [place(1)]}, "product_id"),
        ("TOTE", {"product_id": "FSN2", "locations": [place(1)]}, "product_id"),
        ("TOTE", {"product_id": "FSN0000000000001"}, "locations"),
        ("TOTE", {"product_id": "FSN0000000000001", "locations": []}, "locations"),
        ("TOTE", {"product_id": "FSN0000000000001", "locations": [place(1, id="LOC9")]}, "locations[0].id"),
        ("TOTE", {"product_id": "FSN0000000000001", "locations": [place(1, status="ON")]}, "locations[0].status"),
        *(
            ("TOTE", {"product_id": "FSN0000000000001", "locations": [place(units)]}, "locations[0].inventory")
            for units in (-1, 2**31, 1.0, "1", True, None)
        ),
    ],
)
def test_a_figure_that_flipkart_refuses_is_a_failure_inside_a_200_and_others_of_the_call_are_taken(
    caller: Caller, sku: str, said: dict[str, Any], path: str
) -> None:
    body = {"CAP": {"product_id": "FSN2", "locations": [place(3)]}, sku: said}
    status, answer = caller.ask_flipkart("POST", "/sellers/listings/v3/update/inventory", body)
    assert status == 200
    assert (answer["CAP"]["status"], answer[sku]["status"]) == ("SUCCESS", "FAILURE")
    assert answer[sku]["errors"][0]["path"] == path
    assert (caller.units("flipkart", "CAP"), caller.units("flipkart")) == (3, 0)


def test_more_than_ten_listings_no_object_and_none_are_refused_whole(caller: Caller) -> None:
    path = "/sellers/listings/v3/update/inventory"
    ten = {f"SKU{number}": {"product_id": "F", "locations": [place(1)]} for number in range(10)}
    assert caller.ask_flipkart("POST", path, ten)[0] == 200
    for body in (ten | {"TOTE": {}}, {}, [], b"{", b"null"):
        assert caller.ask_flipkart("POST", path, body)[0] == 400
    assert caller.ask_flipkart("GET", "/sellers/listings/v3/" + ",".join(ten))[0] == 200
    assert caller.ask_flipkart("GET", "/sellers/listings/v3/" + ",".join([*ten, "TOTE"]))[0] == 400


# --- Amazon's orders --------------------------------------------------------------------------------------------------


def test_an_order_is_asked_by_its_id_and_known_datasets(caller: Caller) -> None:
    caller.amazon.put_order(order_id(1), order(), NOW)
    assert caller.ask_amazon("GET", f"{ORDERS}/{order_id(1)}?includedData=BUYER")[1]["order"]["buyer"]
    for path in ("12345", "402-0000000-000001", f"{order_id(1)}?includedData=PRICES", f"{order_id(1)}?includedData="):
        status, body = caller.ask_amazon("GET", f"{ORDERS}/{path}")
        assert (status, body["errors"][0]["code"]) == (400, "InvalidInput")
    repeated = f"{ORDERS}/{order_id(1)}?includedData=PROCEEDS&includedData=TAX"
    assert caller.ask_amazon("GET", repeated)[0] == 400
    assert caller.ask_amazon("GET", f"{ORDERS}/{order_id(2)}")[0] == 404


@pytest.mark.parametrize(
    "query",
    [
        "",
        "lastUpdatedBefore=2026-11-25T09:00:00Z",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&createdAfter=2026-11-25T09:00:00Z",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&createdBefore=2026-11-25T09:30:00Z",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&lastUpdatedBefore=2026-11-25T08:59:59Z",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&lastUpdatedBefore=2026-11-25T09:58:01Z",
        "lastUpdatedAfter=2026-11-25T09:00:00",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&maxResultsPerPage=101",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&maxResultsPerPage=0",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&paginationToken=made-up",
        "lastUpdatedAfter=2026-11-25T09:00:00Z&fulfillmentStatuses=Unshipped",
        "LastUpdatedAfter=2026-11-25T09:00:00Z",
    ],
)
def test_a_search_that_amazon_would_refuse_is_a_400(caller: Caller, query: str) -> None:
    status, body = caller.ask_amazon("GET", f"{ORDERS}?{query}")
    assert (status, body["errors"][0]["code"]) == (400, "InvalidInput")


def test_amazon_finds_what_changed_up_to_two_minutes_ago(caller: Caller) -> None:
    caller.amazon.put_order(order_id(1), order(lastUpdatedTime="2026-11-25T09:30:00Z"), NOW)
    caller.amazon.put_order(order_id(2), order(), NOW)
    query = f"lastUpdatedAfter=2026-11-25T09:30:00Z&marketplaceIds={INDIA}&includedData=PROCEEDS"

    def found(query: str) -> list[str]:
        status, body = caller.ask_amazon("GET", f"{ORDERS}?{query}")
        assert status == 200
        assert "pagination" not in body
        assert not any("buyer" in one for one in body["orders"])
        return [one["orderId"] for one in body["orders"]]

    assert found(query) == [order_id(1)]
    caller.later(minutes=2)
    assert found(query) == [order_id(1), order_id(2)]
    assert found(f"{query}&lastUpdatedBefore=2026-11-25T09:59:00Z") == [order_id(1)]
    assert found("lastUpdatedAfter=2026-11-25T09:00:00Z&marketplaceIds=ATVPDKIKX0DER") == []
    assert found("lastUpdatedAfter=2026-11-25T09:00:00Z&fulfillmentStatuses=SHIPPED,CANCELLED") == []


def test_a_pagination_token_goes_with_its_search_for_a_day(caller: Caller) -> None:
    for number in range(7):
        caller.amazon.put_order(order_id(number), order(lastUpdatedTime="2026-11-25T09:30:00Z"), NOW)
    query = "lastUpdatedAfter=2026-11-25T09:00:00Z&lastUpdatedBefore=2026-11-25T09:50:00Z"
    first = caller.ask_amazon("GET", f"{ORDERS}?{query}&maxResultsPerPage=3")[1]
    token = first["pagination"]["nextToken"]
    second = caller.ask_amazon("GET", f"{ORDERS}?{query}&maxResultsPerPage=4&paginationToken={token}&includedData=TAX")[
        1
    ]
    assert [len(page["orders"]) for page in (first, second)] == [3, 4]
    assert "pagination" not in second
    assert {one["orderId"] for page in (first, second) for one in page["orders"]} == {order_id(n) for n in range(7)}
    other = query.replace("09:00:00", "09:00:01")
    assert caller.ask_amazon("GET", f"{ORDERS}?{other}&paginationToken={token}")[0] == 400
    assert caller.ask_amazon("GET", f"{ORDERS}?paginationToken={token}")[0] == 400
    caller.later(hours=25)
    caller.forget_tokens()
    assert caller.ask_amazon("GET", f"{ORDERS}?{query}&paginationToken={token}")[0] == 400


# --- Amazon's listings ------------------------------------------------------------------------------------------------


def patch(units: Any, **changes: Any) -> dict[str, Any]:
    value = {"fulfillment_channel_code": "DEFAULT", "quantity": units}
    one = {"op": "replace", "path": "/attributes/fulfillment_availability", "value": [value]}
    return {"productType": "HANDBAG", "patches": [one]} | changes


def test_an_accepted_figure_is_shown_a_moment_later(caller: Caller) -> None:
    status, body = caller.ask_amazon("PATCH", f"{ITEM}/TOTE?marketplaceIds={INDIA}", patch(7))
    assert (status, body["status"], body["issues"], body["sku"]) == (200, "ACCEPTED", [], "TOTE")
    assert body["submissionId"]
    path = f"{ITEM}/TOTE?marketplaceIds={INDIA}&includedData=fulfillmentAvailability"
    before = caller.ask_amazon("GET", path)[1]
    caller.later(seconds=1)
    after = caller.ask_amazon("GET", path)[1]
    assert before["fulfillmentAvailability"] == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 0}]
    assert after == {"sku": "TOTE", "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": 7}]}


def with_value(**changes: Any) -> dict[str, Any]:
    value = {"fulfillment_channel_code": "DEFAULT", "quantity": 7} | changes
    shown = {name: said for name, said in value.items() if said is not ...}
    return patch(7, patches=[{"op": "replace", "path": "/attributes/fulfillment_availability", "value": [shown]}])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (patch(7, productType="HAT"), "4000003"),
        (patch(7, productType="handbag"), "4000003"),
        (with_value(fulfillment_channel_code=...), "90220"),
        (with_value(fulfillment_channel_code="AMAZON_IN"), "90244"),
        *((with_value(quantity=units), "90244") for units in (-1, "7", 1.5, True, None, 2**31)),
        (with_value(quantity=...), "90244"),
        (
            patch(7, patches=[{"op": "replace", "path": "/attributes/fulfillmentAvailability", "value": [{}]}]),
            "90000900",
        ),
        (patch(7, patches=[{"op": "delete", "path": "/attributes/fulfillment_availability"}]), "90000900"),
    ],
)
def test_a_figure_that_amazon_does_not_take_is_invalid_inside_a_200(
    caller: Caller, body: dict[str, Any], code: str
) -> None:
    status, answer = caller.ask_amazon("PATCH", f"{ITEM}/TOTE?marketplaceIds={INDIA}", body)
    assert (status, answer["status"], answer["issues"][0]["code"]) == (200, "INVALID", code)
    caller.later(seconds=5)
    assert caller.units("amazon") == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{ITEM}/TOTE", patch(7), 400),
        (f"{ITEM}/TOTE?marketplaceIds=ATVPDKIKX0DER", patch(7), 400),
        (f"{ITEM}/NOTHING?marketplaceIds={INDIA}", patch(7), 404),
        (f"/listings/2021-08-01/items/SELLER2/TOTE?marketplaceIds={INDIA}", patch(7), 403),
        (f"{ITEM}/TOTE?marketplaceIds={INDIA}", b"{", 400),
        (f"{ITEM}/TOTE?marketplaceIds={INDIA}", {"patches": patch(7)["patches"]}, 400),
        (f"{ITEM}/TOTE?marketplaceIds={INDIA}", patch(7, patches=[]), 400),
        (f"{ITEM}/TOTE?marketplaceIds={INDIA}", patch(7, patches=[{"op": "set", "path": "/attributes/x"}]), 400),
        (f"{ITEM}/TOTE?marketplaceIds={INDIA}", patch(7, patches=[{"op": "add", "path": "/x", "value": [1]}]), 400),
        (f"{ITEM}/TOTE?marketplaceIds={INDIA}", patch(7, patches=[{"op": "add", "path": "/attributes/x"}]), 400),
    ],
)
def test_a_patch_that_amazon_cannot_read_is_refused(caller: Caller, path: str, body: Any, status: int) -> None:
    answered, said = caller.ask_amazon("PATCH", path, body)
    assert answered == status
    assert said["errors"][0]["code"]


def test_a_sku_with_a_slash_or_a_space_is_one_sku(caller: Caller) -> None:
    caller.amazon = Amazon("a", "a-client", "a-secret", "a-grant", "SELLER1", {"TOTE RED/2": "HANDBAG"})
    path = f"{ITEM}/{quote('TOTE RED/2', safe='')}?marketplaceIds={INDIA}"
    assert caller.ask_amazon("PATCH", path, patch(7))[1]["status"] == "ACCEPTED"
    assert caller.ask_amazon("GET", path)[1]["sku"] == "TOTE RED/2"


# --- rates ------------------------------------------------------------------------------------------------------------


def test_amazon_answers_429_beyond_its_published_rates(caller: Caller) -> None:
    path = f"{ORDERS}/{order_id(1)}"
    assert [caller.ask_amazon("GET", path)[0] for _ in range(31)] == [404] * 30 + [429]
    assert caller.ask_amazon("GET", path)[1]["errors"][0]["code"] == "QuotaExceeded"
    caller.later(seconds=2)
    assert [caller.ask_amazon("GET", path)[0] for _ in range(2)] == [404, 429]
    # Each operation has a bucket of its own.
    query = f"{ORDERS}?lastUpdatedAfter=2026-11-25T09:00:00Z"
    assert [caller.ask_amazon("GET", query)[0] for _ in range(21)] == [200] * 20 + [429]
    caller.later(seconds=178)
    assert caller.ask_amazon("GET", query)[0] == 429
    caller.later(seconds=1)
    assert caller.ask_amazon("GET", query)[0] == 200
    item = f"{ITEM}/TOTE?marketplaceIds={INDIA}"
    assert [caller.ask_amazon("GET", item)[0] for _ in range(6)] == [200] * 5 + [429]
    assert caller.amazon_answer("PATCH", item, patch(1)).headers["x-amzn-RateLimit-Limit"] == "5.0"


def test_a_bucket_gives_what_has_come_in_and_never_more_than_it_holds() -> None:
    bucket = Bucket(5.0, 5)
    assert [bucket.take(NOW) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(NOW + timedelta(seconds=0.2 * step)) for step in range(1, 6)] == [True] * 5
    assert [bucket.take(NOW + timedelta(hours=1)) for _ in range(6)] == [True] * 5 + [False]
    # A clock that goes back brings nothing.
    assert bucket.take(NOW) is False


# --- what is true -----------------------------------------------------------------------------------------------------


def test_a_sale_takes_away_from_what_this_channel_shows_once(caller: Caller) -> None:
    inventory = "/sellers/listings/v3/update/inventory"
    caller.ask_flipkart("POST", inventory, {"TOTE": {"product_id": "FSN0000000000001", "locations": [place(5)]}})
    caller.ask_amazon("PATCH", f"{ITEM}/TOTE?marketplaceIds={INDIA}", patch(5))
    caller.later(seconds=2)
    caller.flipkart.put_shipment("S1", shipment(), caller.now)
    assert (caller.units("flipkart"), caller.units("amazon")) == (3, 5)
    caller.flipkart.put_shipment("S1", shipment(item={"status": "PACKED"}), caller.now)
    caller.flipkart.put_shipment("S2", shipment(item={"status": "CANCELLED"}), caller.now)
    assert caller.units("flipkart") == 3
    caller.amazon.put_order(order_id(1), order(), caller.now)
    assert (caller.units("flipkart"), caller.units("amazon")) == (3, 3)
    by_amazon = {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "AMAZON"}
    caller.amazon.put_order(order_id(2), order(fulfillment=by_amazon), caller.now)
    assert caller.units("amazon") == 3
    for number in range(3, 6):
        caller.amazon.put_order(order_id(number), order(), caller.now)
    assert caller.units("amazon") == 0


def test_the_time_of_change_is_the_truths_own_or_now(caller: Caller) -> None:
    assert caller.flipkart.put_shipment("S1", shipment(), NOW)["updatedAt"] == "2026-11-25T15:30:00.000+05:30"
    assert caller.amazon.put_order(order_id(1), order(), NOW)["lastUpdatedTime"] == "2026-11-25T10:00:00.000Z"
    assert caller.flipkart.put_return("R1", returned(), NOW)["updatedDate"] == "2026-11-25T15:30:00.000+05:30"
    said = caller.flipkart.put_shipment("S1", shipment(updatedAt="2026-11-25T09:00:00Z"), NOW)
    assert said["updatedAt"] == "2026-11-25T09:00:00Z"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "orderItems"),
        ({"orderItems": []}, "orderItems"),
        ({"orderItems": ["x"]}, "orderItems[0]"),
        (shipment(item={"orderItemId": ""}), "orderItems[0].orderItemId"),
        (shipment(item={"sku": 5}), "orderItems[0].sku"),
        (shipment(item={"quantity": "2"}), "orderItems[0].quantity"),
        (shipment(item={"quantity": -1}), "orderItems[0].quantity"),
        (shipment(item={"status": "approved"}), "orderItems[0].status"),
        (shipment(item={"orderDate": "2026-11-25"}), "orderItems[0].orderDate"),
        (shipment(shipmentId="S2"), "shipmentId"),
        (shipment(updatedAt="2026-11-25T10:00:00"), "updatedAt"),
        (shipment(updatedAt=None), "updatedAt"),
        (shipment(hold="no"), "hold"),
        (shipment(locationId=7), "locationId"),
    ],
)
def test_a_shipment_that_flipkart_could_not_show_is_refused_by_its_field(
    caller: Caller, body: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name.replace('[', '.').replace(']', '.')}: "):
        caller.flipkart.put_shipment("S1", body, NOW)
    assert caller.ask_flipkart("GET", "/sellers/v3/shipments?shipmentIds=S1")[1] == {"shipments": []}


@pytest.mark.parametrize(
    ("key", "body", "name"),
    [
        ("12345", order(), "orderId"),
        (order_id(1), order(orderId=order_id(2)), "orderId"),
        (order_id(1), order(orderItems=[]), "orderItems"),
        (
            order_id(1),
            order(orderItems=[{"orderItemId": "1", "quantityOrdered": 1}]),
            "orderItems.0..product.sellerSku",
        ),
        (
            order_id(1),
            order(orderItems=[{"orderItemId": "1", "quantityOrdered": "1"}]),
            "orderItems.0..quantityOrdered",
        ),
        (order_id(1), order(fulfillment={"fulfillmentStatus": "Unshipped"}), "fulfillment.fulfillmentStatus"),
        (order_id(1), order(fulfillment={"fulfillmentStatus": "SHIPPED"}), "fulfillment.fulfilledBy"),
        (order_id(1), order(fulfillment="SHIPPED"), "fulfillment"),
        (order_id(1), order(lastUpdatedTime="now"), "lastUpdatedTime"),
        (order_id(1), order(salesChannel={}), "salesChannel"),
    ],
)
def test_an_order_that_amazon_could_not_show_is_refused_by_its_field(
    caller: Caller, key: str, body: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        caller.amazon.put_order(key, body, NOW)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"type": "lost"}, "type"),
        ({"quantity": 0}, "quantity"),
        ({"orderItemId": ""}, "orderItemId"),
        ({"shipmentId": None}, "shipmentId"),
        ({"status": 7}, "status"),
        ({"updatedDate": "2026"}, "updatedDate"),
        ({"returnId": "R2"}, "returnId"),
    ],
)
def test_a_return_that_flipkart_could_not_show_is_refused_by_its_field(
    caller: Caller, changes: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        caller.flipkart.put_return("R1", returned(**changes), NOW)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_fault_befalls_so_many_requests_of_its_operation(caller: Caller) -> None:
    caller.flipkart.faults.set({"operation": "search", "fault": "429", "times": 2, "seconds": 7})
    path = "/sellers/v3/shipments?shipmentIds=S1"
    assert caller.ask_flipkart("GET", path)[0] == 200
    headers = {"Authorization": "Bearer x"}
    answer = caller.flipkart.answer("POST", FILTER, headers, b"", NOW)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert [caller.ask_flipkart("POST", FILTER, search())[0] for _ in range(2)] == [429, 200]


@pytest.mark.parametrize("fault", ["500", "html", "huge"])
def test_an_answer_can_be_an_error_a_page_or_far_too_large(caller: Caller, fault: str) -> None:
    for faults in (caller.flipkart.faults, caller.amazon.faults):
        faults.set({"operation": "fetch", "fault": fault})
    answers = [
        caller.flipkart.answer("GET", "/sellers/v3/shipments?shipmentIds=S1", {}, b"", NOW),
        caller.amazon.answer("GET", f"{ORDERS}/{order_id(1)}", {}, b"", NOW),
    ]
    for answer in answers:
        assert answer.status == (500 if fault == "500" else 200)
        assert answer.headers["Content-Type"] == ("text/html" if fault == "html" else "application/json")
        assert (len(answer.body) > HUGE_BYTES) is (fault == "huge")


def test_what_is_slow_or_hangs_has_been_done(caller: Caller) -> None:
    body = {"TOTE": {"product_id": "FSN0000000000001", "locations": [place(4)]}}
    path = "/sellers/listings/v3/update/inventory"
    token = json.loads(caller.flipkart_token().body)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    caller.flipkart.faults.set({"operation": "publish", "fault": "hang", "seconds": 3})
    answer = caller.flipkart.answer("POST", path, headers, json.dumps(body).encode(), NOW)
    assert (answer.status, answer.headers, answer.body) == (NO_ANSWER, {DELAY: "3.0"}, b"")
    assert caller.units("flipkart") == 4
    caller.flipkart.faults.set({"operation": "publish", "fault": "slow", "seconds": 1})
    answer = caller.flipkart.answer("POST", path, headers, json.dumps(body).encode(), NOW)
    assert (answer.status, answer.headers[DELAY]) == (200, "1.0")


@pytest.mark.parametrize("marketplace", ["flipkart", "amazon"])
def test_an_expired_token_is_refused_and_a_new_one_is_good(caller: Caller, marketplace: str) -> None:
    def ask() -> int:
        if marketplace == "flipkart":
            return caller.ask_flipkart("GET", "/sellers/v3/shipments?shipmentIds=S1")[0]
        return caller.ask_amazon("GET", f"{ITEM}/TOTE?marketplaceIds={INDIA}")[0]

    denied = 401 if marketplace == "flipkart" else 403
    faults = caller.flipkart.faults if marketplace == "flipkart" else caller.amazon.faults
    assert ask() == 200
    faults.set({"fault": "expired_token"})
    assert [ask(), ask()] == [denied, denied]
    caller.forget_tokens()
    assert ask() == 200
    faults.set({"fault": "revoked", "times": 2})
    assert ask() == denied
    token = caller.flipkart_token() if marketplace == "flipkart" else caller.amazon_token()
    assert token.status == (401 if marketplace == "flipkart" else 400)
    caller.forget_tokens()
    assert ask() == 200


def test_a_wrong_answer_is_another_order(caller: Caller) -> None:
    caller.flipkart.put_shipment("S1", shipment(), NOW)
    caller.amazon.put_order(order_id(1), order(), NOW)
    path, path_of_order = "/sellers/v3/shipments?shipmentIds=S1", f"{ORDERS}/{order_id(1)}"
    for other in (False, True):
        if other:
            caller.flipkart.put_shipment("S2", shipment(), NOW)
            caller.amazon.put_order(order_id(2), order(), NOW)
        for faults in (caller.flipkart.faults, caller.amazon.faults):
            faults.set({"operation": "fetch", "fault": "wrong"})
        [told] = caller.ask_flipkart("GET", path)[1]["shipments"]
        assert told["shipmentId"] != "S1"
        assert caller.ask_amazon("GET", path_of_order)[1]["order"]["orderId"] != order_id(1)
    assert caller.ask_flipkart("GET", path)[1]["shipments"][0]["shipmentId"] == "S1"


def test_a_stale_replica_knows_what_was_before_the_last_change_and_a_late_one_what_is_old_enough(
    caller: Caller,
) -> None:
    def state(fault: str, **more: Any) -> list[str]:
        caller.flipkart.faults.set({"operation": "fetch", "fault": fault} | more)
        found = caller.ask_flipkart("GET", "/sellers/v3/shipments?shipmentIds=S1")[1]["shipments"]
        return [one["orderItems"][0]["status"] for one in found]

    caller.flipkart.put_shipment("S1", shipment(), caller.now)
    assert state("stale") == []
    caller.later(seconds=20)
    caller.flipkart.put_shipment("S1", shipment(item={"status": "CANCELLED"}), caller.now)
    assert state("stale") == ["APPROVED"]
    assert state("late", seconds=10) == ["APPROVED"]
    assert state("late", seconds=30) == []
    caller.later(seconds=10)
    assert state("late", seconds=10) == ["CANCELLED"]


def test_a_stale_search_of_amazon_shows_the_order_as_it_was(caller: Caller) -> None:
    caller.amazon.put_order(order_id(1), order(lastUpdatedTime="2026-11-25T09:10:00Z"), NOW)
    shipped = {"fulfillmentStatus": "SHIPPED", "fulfilledBy": "MERCHANT"}
    caller.amazon.put_order(order_id(1), order(lastUpdatedTime="2026-11-25T09:40:00Z", fulfillment=shipped), NOW)
    caller.amazon.faults.set({"operation": "search", "fault": "stale"})
    query = f"{ORDERS}?lastUpdatedAfter=2026-11-25T09:30:00Z&includedData=FULFILLMENT"
    assert caller.ask_amazon("GET", query)[1]["orders"] == []
    [told] = caller.ask_amazon("GET", query)[1]["orders"]
    assert told["fulfillment"] == shipped


def test_a_looping_search_leads_to_itself(caller: Caller) -> None:
    caller.flipkart.put_shipment("S1", shipment(), NOW)
    caller.flipkart.faults.set({"operation": "search", "fault": "loop", "times": 3})
    first = caller.ask_flipkart("POST", FILTER, search())[1]
    second = caller.ask_flipkart("GET", f"/sellers{first['nextPageUrl']}")[1]
    third = caller.ask_flipkart("GET", f"/sellers{second['nextPageUrl']}")[1]
    assert first == second == third
    assert (first["hasMore"], len(first["shipments"])) == (True, 1)
    assert caller.ask_flipkart("GET", f"/sellers{third['nextPageUrl']}")[1]["hasMore"] is False
    caller.amazon.put_order(order_id(1), order(lastUpdatedTime="2026-11-25T09:10:00Z"), NOW)
    caller.amazon.faults.set({"operation": "search", "fault": "loop", "times": 2})
    query = f"{ORDERS}?lastUpdatedAfter=2026-11-25T09:00:00Z"
    one = caller.ask_amazon("GET", query)[1]
    two = caller.ask_amazon("GET", f"{query}&paginationToken={one['pagination']['nextToken']}")[1]
    assert one == two
    caller.flipkart.put_return("R1", returned(), NOW)
    caller.flipkart.faults.set({"operation": "returns", "fault": "loop", "times": 2})
    one = caller.ask_flipkart("GET", "/sellers/v2/returns?source=customer_return")[1]
    assert caller.ask_flipkart("GET", f"/sellers{one['nextUrl']}")[1] == one


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"fault": "500"}, "marketplace"),
        ({"marketplace": "ebay", "fault": "500"}, "marketplace"),
        ({"marketplace": ["flipkart"], "fault": "500"}, "marketplace"),
        ({"marketplace": "flipkart"}, "fault"),
        ({"marketplace": "flipkart", "fault": "explode"}, "fault"),
        ({"marketplace": "flipkart", "fault": 500}, "fault"),
        ({"marketplace": "flipkart", "fault": "500", "operation": "sell"}, "operation"),
        ({"marketplace": "amazon", "fault": "500", "operation": "returns"}, "operation"),
        ({"marketplace": "flipkart", "fault": "wrong", "operation": "publish"}, "operation"),
        ({"marketplace": "flipkart", "fault": "500", "times": -1}, "times"),
        ({"marketplace": "flipkart", "fault": "500", "times": "2"}, "times"),
        ({"marketplace": "flipkart", "fault": "500", "times": True}, "times"),
        ({"marketplace": "flipkart", "fault": "late", "seconds": -1}, "seconds"),
        ({"marketplace": "flipkart", "fault": "late", "seconds": float("nan")}, "seconds"),
        ({"marketplace": "flipkart", "fault": "500", "often": 1}, "often"),
    ],
)
def test_a_fault_that_does_not_exist_is_refused_by_its_field(caller: Caller, values: dict[str, Any], name: str) -> None:
    apis = MarketplaceApis(caller.flipkart, caller.amazon, now=lambda: NOW)
    with pytest.raises(ValueError, match=f"^{name}: "):
        apis.set_fault(values)
    assert caller.ask_flipkart("GET", "/sellers/v3/shipments?shipmentIds=S1")[0] == 200


def test_a_fault_can_be_taken_back(caller: Caller) -> None:
    apis = MarketplaceApis(caller.flipkart, caller.amazon, now=lambda: NOW)
    apis.set_fault({"marketplace": "flipkart", "fault": "500", "times": 9})
    apis.set_fault({"marketplace": "flipkart", "fault": "500", "times": 0})
    assert caller.ask_flipkart("GET", "/sellers/v3/shipments?shipmentIds=S1")[0] == 200


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(caller: Caller) -> Iterator[tuple[str, MarketplaceApis]]:
    apis = MarketplaceApis(caller.flipkart, caller.amazon)
    with run.Servers() as servers:
        listener = socket.create_server(("127.0.0.1", 0))
        yield servers.open(web.AppRunner(marketplace_service(apis), access_log=None), listener), apis


def http(url: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(
        url, raw, {name.replace("_", "-"): v for name, v in headers.items()}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def bearer(url: str) -> dict[str, str]:
    basic = base64.b64encode(b"an-app:a-secret").decode()
    query = "grant_type=client_credentials&scope=Seller_Api"
    status, body = http(f"{url}/flipkart/oauth-service/oauth/token?{query}", Authorization=f"Basic {basic}")
    assert status == 200
    return {"Authorization": f"Bearer {body['access_token']}"}


def test_both_marketplaces_are_served_under_one_address(served: tuple[str, MarketplaceApis]) -> None:
    url, apis = served
    apis.put_shipment("S1", shipment())
    apis.put_order(order_id(1), order())
    found = http(f"{url}/flipkart/sellers/v3/shipments?shipmentIds=S1", **bearer(url))[1]
    assert found["shipments"][0]["orderItems"][0]["quantity"] == 2
    form = "grant_type=refresh_token&refresh_token=a-grant&client_id=a-client&client_secret=a-secret"
    typed = {"Content_Type": "application/x-www-form-urlencoded"}
    status, given = http(f"{url}/amazon-token/auth/o2/token", "POST", form.encode(), **typed)
    assert status == 200
    token = {"x_amz_access_token": given["access_token"]}
    assert http(f"{url}/amazon{ORDERS}/{order_id(1)}?includedData=PROCEEDS", **token)[1]["order"][
        "orderId"
    ] == order_id(1)
    changed = http(f"{url}/amazon{ITEM}/TOTE?marketplaceIds={INDIA}", "PATCH", patch(3), **token)
    assert changed[1]["status"] == "ACCEPTED"
    # Each host knows its own paths only.
    assert http(f"{url}/amazon/auth/o2/token", "POST", form.encode(), **typed)[0] == 404
    assert http(f"{url}/amazon-token{ORDERS}/{order_id(1)}", **token)[0] == 404
    assert http(f"{url}/ebay/orders")[0] == 404


def test_a_connection_that_hangs_breaks_in_the_end(served: tuple[str, MarketplaceApis]) -> None:
    url, apis = served
    apis.set_fault({"marketplace": "flipkart", "operation": "fetch", "fault": "hang", "seconds": 0.1})
    with pytest.raises(OSError):
        http(f"{url}/flipkart/sellers/v3/shipments?shipmentIds=S1", **bearer(url))
    apis.set_fault({"marketplace": "flipkart", "operation": "fetch", "fault": "slow", "seconds": 0.1})
    assert http(f"{url}/flipkart/sellers/v3/shipments?shipmentIds=S1", **bearer(url))[0] == 200


def test_many_callers_at_once_are_counted_one_by_one(served: tuple[str, MarketplaceApis]) -> None:
    url, apis = served
    headers = bearer(url)
    apis.set_fault({"marketplace": "flipkart", "operation": "fetch", "fault": "500", "times": 5})
    started = threading.Barrier(8)

    def ask(number: int) -> int:
        started.wait(10)
        apis.put_shipment(f"S{number}", shipment())
        return http(f"{url}/flipkart/sellers/v3/shipments?shipmentIds=S{number}", **headers)[0]

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(8)))
    assert sorted(statuses) == [200] * 3 + [500] * 5
