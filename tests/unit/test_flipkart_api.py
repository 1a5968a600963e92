"""Flipkart's API: the calls that are made, answers that are taken apart, and stock that is told."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from hunar.domain.channel import LATER, REFUSED, TAKEN, Account, BadAnswer, Call, Offer, Posted
from hunar.marketplaces import flipkart, flipkart_api
from hunar.marketplaces.body import written
from hunar.marketplaces.flipkart_api import (
    MOST_OFFERS,
    RATES,
    SEARCHES,
    answered,
    authorization,
    fetch,
    fetch_returns,
    posted,
    publish,
    read_answer,
    search,
    show,
    shown,
    token,
    token_call,
)
from tests.flipkart_answers import ACCOUNT, AT, item, page, returned, returns_page, shipment
from tests.flipkart_samples import SAMPLES

SINCE, UNTIL = "2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z"
SHAPE: dict[str, Any] = json.loads((SAMPLES / "update_inventory_shape.json").read_text())
CAP, SHAWL = Offer("KLU-CAP", 5, product_id="FSN1"), Offer("KLU-SHAWL", 0, product_id="FSN2")


def asked(kind: str) -> Call:
    return search(ACCOUNT, kind, SINCE, UNTIL)


def body(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call.body or "null")
    return found


def test_the_push_module_reads_answers_too_and_says_that_its_bodies_are_not_signed() -> None:
    assert flipkart.BODY_SIGNED is False
    (answer,) = answered(asked("pre_dispatch"), page(shipment())).parts
    read = flipkart.read_answer(answer.body, "demo-api")
    assert read == flipkart_api.read_answer(answer.body, "demo-api") and read.verdict == "APPLIED"


def test_a_token_is_asked_for_with_the_applications_own_name() -> None:
    call = token_call("app", "s3cret", None)
    assert (call.method, call.body) == ("GET", None)
    assert call.path == "/oauth-service/oauth/token?grant_type=client_credentials&scope=Seller_Api"
    assert call.headers == {"Authorization": "Basic " + base64.b64encode(b"app:s3cret").decode()}
    assert "s3cret" not in repr(call) and "Basic" not in repr(call)


def test_a_token_is_good_for_as_long_as_the_answer_says() -> None:
    raw = b'{"access_token":"d5be2-1f","token_type":"bearer","expires_in":3330779,"scope":"Seller_Api"}'
    assert token(raw) == ("d5be2-1f", 3330779)
    assert authorization("d5be2-1f") == {"Authorization": "Bearer d5be2-1f"}


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"<html>down</html>", "body"),
        (b"[]", "body"),
        (b"{}", "access_token"),
        (b'{"access_token":"","expires_in":1}', "access_token"),
        (b'{"access_token":"a\\r\\nHost: evil","expires_in":1}', "access_token"),
        (b'{"access_token":7,"expires_in":1}', "access_token"),
        (b'{"access_token":"t0k3n"}', "expires_in"),
        (b'{"access_token":"t0k3n","expires_in":0}', "expires_in"),
        (b'{"access_token":"t0k3n","expires_in":true}', "expires_in"),
        (b'{"access_token":"t0k3n","expires_in":"60"}', "expires_in"),
    ],
)
def test_an_answer_without_a_usable_token_names_the_field_and_not_the_token(raw: bytes, field: str) -> None:
    with pytest.raises(BadAnswer, match=rf"^{field} ") as caught:
        token(raw)
    assert "t0k3n" not in str(caught.value) and "evil" not in str(caught.value)


def test_an_order_is_fetched_by_its_shipment() -> None:
    call = fetch(ACCOUNT, "d133588f-b0ac")
    assert (call.method, call.path, call.body) == ("GET", "/sellers/v3/shipments?shipmentIds=d133588f-b0ac", None)
    assert fetch(ACCOUNT, "S1,S2&x=/../").path == "/sellers/v3/shipments?shipmentIds=S1%2CS2%26x%3D%2F..%2F"


def test_returns_are_fetched_by_their_ids_and_not_too_many_at_once() -> None:
    call = fetch_returns(ACCOUNT, ["R1", "R/2"])
    assert call is not None
    assert (call.method, call.path) == ("GET", "/sellers/v2/returns?returnIds=R1,R%2F2")
    assert fetch_returns(ACCOUNT, []) is None
    with pytest.raises(ValueError, match="return_ids: 26, more than 25"):
        fetch_returns(ACCOUNT, [str(number) for number in range(26)])


def test_each_kind_of_search_is_another_question_for_the_same_hours() -> None:
    calls = {kind: asked(kind) for kind in SEARCHES}
    assert len({(call.path, call.body) for call in calls.values()}) == len(SEARCHES)
    for kind, call in calls.items():
        if kind.endswith("_returns"):
            query = {name: value for name, (value,) in parse_qs(urlsplit(call.path).query).items()}
            source = kind.removesuffix("s")
            assert query == {"source": source, "modifiedAfter": SINCE, "modifiedBefore": UNTIL}
            assert (call.method, urlsplit(call.path).path) == ("GET", "/sellers/v2/returns")
        else:
            assert (call.method, call.path) == ("POST", "/sellers/v3/shipments/filter")
            assert body(call)["filter"]["modifiedDate"] == {"from": SINCE, "to": UNTIL}
            assert body(call)["sort"] == {"field": "modifiedDate", "order": "asc"}


def test_the_searches_together_ask_for_every_shipment() -> None:
    """Held or not, by whoever it was cancelled, and wherever it is sent from: each default leaves something out."""
    filters = [body(asked(kind))["filter"] for kind in SEARCHES if not kind.endswith("_returns")]
    assert {(each["type"], each.get("hold"), each.get("cancellationType")) for each in filters} == {
        ("preDispatch", False, None),
        ("preDispatch", True, None),
        ("postDispatch", None, None),
        ("cancelled", None, "buyerCancellation"),
        ("cancelled", None, "sellerCancellation"),
        ("cancelled", None, "marketplaceCancellation"),
    }
    assert all(set(each["serviceProfiles"]) == {"FBF", "NON_FBF", "FBF_LITE"} for each in filters)
    assert {state for each in filters for state in each["states"]} == {
        *("APPROVED", "PACKING_IN_PROGRESS", "FORM_FAILED", "PACKED", "READY_TO_DISPATCH"),
        *("PICKUP_COMPLETE", "SHIPPED", "DELIVERED", "CANCELLED"),
    }


def test_no_kind_is_unknown_by_accident() -> None:
    with pytest.raises(KeyError):
        asked("everything")


def test_every_call_has_a_rate() -> None:
    calls = [asked(kind) for kind in SEARCHES]
    calls += [fetch(ACCOUNT, "S1"), publish(ACCOUNT, [CAP]), show(ACCOUNT, ["KLU-CAP"])]
    calls += [call for call in [fetch_returns(ACCOUNT, ["R1"])] if call]
    assert {call.operation for call in calls} == set(RATES)
    assert all(rate.every_ms >= 500 and rate.burst >= 1 for rate in RATES.values())


def test_a_page_is_taken_apart_into_orders() -> None:
    found = answered(asked("pre_dispatch"), page(shipment(), shipment(item(), shipmentId="S2", updatedAt="later")))
    assert [(part.marketplace_id, part.at) for part in found.parts] == [("S1", AT), ("S2", None)]
    assert (found.next, found.problems) == (None, ())
    assert [read_answer(part.body, "demo-api").verdict for part in found.parts] == ["APPLIED", "REJECTED"]


def test_a_page_of_returns_is_taken_apart_into_returns() -> None:
    found = answered(asked("customer_returns"), returns_page(returned(), returned(returnId="R2", shipmentId=None)))
    assert [(part.marketplace_id, part.at) for part in found.parts] == [("S1", AT), (None, AT)]
    assert all(part.body.startswith(b'{"return":{') for part in found.parts)


def test_an_answer_by_id_has_no_pages() -> None:
    """Only what is found in pages says whether there is more."""
    assert answered(fetch(ACCOUNT, "S1"), written({"shipments": []}).encode()).parts == ()
    by_id = fetch_returns(ACCOUNT, ["R1"])
    assert by_id is not None
    assert answered(by_id, written({"returnItems": [returned()]}).encode()).next is None


def test_entries_that_are_no_orders_are_shown_and_the_others_taken() -> None:
    found = answered(
        asked("post_dispatch"),
        page("x", shipment(), shipment(item(), shipmentId=None), shipment(item(), shipmentId={})),
    )
    assert [part.marketplace_id for part in found.parts] == ["S1"]
    assert found.problems == (
        "shipments[0] is not an object",
        "shipments[2].shipmentId is missing or not an id",
        "shipments[3].shipmentId is missing or not an id",
    )
    returns = answered(asked("courier_returns"), returns_page(None, returned(returnId="two words")))
    assert returns.problems == ("returnItems[0] is not an object", "returnItems[1].returnId is missing or not an id")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"<html><body>Bad gateway", "body is not JSON"),
        (b"", "body is not JSON"),
        (b"[]", "body is not a JSON object"),
        (b'{"hasMore":false}', "shipments is missing"),
        (b'{"hasMore":false,"shipments":null}', "shipments is missing"),
        (b'{"hasMore":false,"shipments":{}}', "shipments is not a list"),
        (b'{"hasMore":false,"returnItems":[]}', "shipments is missing"),
        (b'{"shipments":[]}', "hasMore nothing is neither"),
        (b'{"shipments":[],"hasMore":"false"}', "hasMore 'false' is neither"),
        (b'{"shipments":[],"hasMore":true}', "nextPageUrl is missing although"),
        (b'{"shipments":[],"hasMore":true,"nextPageUrl":""}', "nextPageUrl is missing although"),
        (b'{"shipments":[],"hasMore":true,"nextPageUrl":7}', "nextPageUrl is missing although"),
    ],
)
def test_an_answer_that_is_not_as_documented_names_the_field(raw: bytes, field: str) -> None:
    with pytest.raises(BadAnswer, match=field):
        answered(asked("pre_dispatch"), raw)


@pytest.mark.parametrize(
    "url",
    [
        "/v3/shipments/filter?next_token=ab%3D%3D",
        "/sellers/v3/shipments/filter?next_token=ab%3D%3D",
        "/v3/shipments/filter/?next_token=ab%3D%3D",
        "https://api.flipkart.net/sellers/v3/shipments/filter?next_token=ab%3D%3D",
        "http://api.flipkart.net/sellers/v3/shipments/filter?next_token=ab%3D%3D",
        "https://sandbox-api.flipkart.net/sellers/v3/shipments/filter?next_token=ab%3D%3D#part",
        "//API.flipkart.net/v3/shipments/filter?next_token=ab%3D%3D",
    ],
)
def test_the_next_page_is_asked_for_at_the_same_place(url: str) -> None:
    found = answered(asked("pre_dispatch"), page(shipment(), hasMore=True, nextPageUrl=url))
    path = "/sellers/v3/shipments/filter?next_token=ab%3D%3D"
    assert found.next == Call("search_shipments", "GET", path)
    assert len(found.parts) == 1


def test_the_next_page_of_returns_begins_without_the_version() -> None:
    url = "/returns?source=customer_return&page=2"
    found = answered(asked("customer_returns"), returns_page(hasMore=True, nextUrl=url))
    assert found.next == Call("search_returns", "GET", "/sellers/v2/returns?source=customer_return&page=2")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/sellers/v3/shipments/filter?next_token=a", "another host"),
        ("//evil.example/sellers/v3/shipments/filter?next_token=a", "another host"),
        ("https://api.flipkart.net.evil.example/v3/shipments/filter?next_token=a", "another host"),
        ("https://api.flipkart.net@evil.example/v3/shipments/filter?next_token=a", "another host"),
        ("http://127.0.0.1:8080/sellers/v3/shipments/filter?next_token=a", "another host"),
        ("ftp://api.flipkart.net/sellers/v3/shipments/filter?next_token=a", "another host"),
        ("https://[api.flipkart.net/?next_token=a", "not an address"),
        ("/oauth-service/oauth/token?next_token=a", "another path"),
        ("/sellers/v3/shipments/S1/labels?next_token=a", "another path"),
        ("/sellers/../v3/shipments/filter?next_token=a", "another path"),
        ("/sellers/v2/returns?next_token=a", "another path"),
        ("\\\\evil.example\\filter?next_token=a", "another path"),
        ("shipments/filter?next_token=a", "another path"),
        ("?next_token=a", "another path"),
        ("/?next_token=a", "another path"),
        ("/v3/shipments/filter", "no query"),
        ("/v3/shipments/filter?next_token=a b", "no query"),
        ("/v3/shipments/filter?next_token=\u00e9", "no query"),
        ("/v3/shipments/filter?next_token=" + "a" * 5000, "no query"),
    ],
)
def test_our_token_goes_nowhere_else(url: str, why: str) -> None:
    with pytest.raises(BadAnswer, match=f"nextPageUrl .*{why}"):
        answered(asked("pre_dispatch"), page(hasMore=True, nextPageUrl=url))


def test_a_page_that_leads_to_itself_is_a_bad_answer() -> None:
    url = "/v3/shipments/filter?next_token=a"
    second = answered(asked("pre_dispatch"), page(hasMore=True, nextPageUrl=url)).next
    assert second is not None
    with pytest.raises(BadAnswer, match="nextPageUrl is the page that was asked for"):
        answered(second, page(hasMore=True, nextPageUrl=url))


def test_an_address_after_the_last_page_is_not_followed() -> None:
    """Flipkart writes one there, too."""
    assert answered(asked("pre_dispatch"), page(hasMore=False, nextPageUrl="https://evil.example/")).next is None


def test_stock_is_told_in_the_published_shape() -> None:
    call = publish(ACCOUNT, [CAP, SHAWL])
    assert (call.operation, call.method, call.path) == ("update_inventory", SHAPE["method"], SHAPE["path"])
    assert body(call) == {
        "KLU-CAP": {
            "product_id": "FSN1",
            "locations": [{"id": "LOC1234", "status": "ENABLED", "inventory": 5}],
        },
        "KLU-SHAWL": {
            "product_id": "FSN2",
            "locations": [{"id": "LOC1234", "status": "ENABLED", "inventory": 0}],
        },
    }
    assert shape(body(call)["KLU-CAP"]) == shape(SHAPE["body"]["<SELLER_SKU>"])


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)


def test_every_field_of_the_published_shape_is_accounted_for() -> None:
    told = yaml.safe_load((SAMPLES / "fields.yaml").read_text())["update_inventory"]

    def paths(value: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            return [found for name, inner in value.items() for found in paths(inner, f"{path}.{name}")]
        if isinstance(value, list) and value:
            return [found for inner in value for found in paths(inner, f"{path}[]")]
        return [path]

    published = [found for name in ("body", "response_per_sku") for found in paths(SHAPE[name], name)]
    assert sorted(published) == sorted(told)


@pytest.mark.parametrize(
    ("account", "offers", "missing"),
    [
        (Account("flipkart", "demo-api"), [CAP], "location_id: the account demo-api has none"),
        (ACCOUNT, [Offer("KLU-CAP", 5)], "product_id: the listing KLU-CAP has no FSN"),
        (ACCOUNT, [Offer("KLU-CAP", -1, product_id="FSN1")], "quantity: -1 of the listing KLU-CAP"),
        (ACCOUNT, [Offer("", 1, product_id="FSN1")], "offers: one has no listing"),
        (ACCOUNT, [CAP, CAP], "offers: a listing stands twice"),
        (ACCOUNT, [], "offers: 0, not 1 to 10"),
        (ACCOUNT, [Offer(f"KLU-{n}", 1, product_id="F") for n in range(MOST_OFFERS + 1)], "offers: 11, not 1 to 10"),
    ],
)
def test_an_offer_that_cannot_be_told_says_what_is_missing(account: Account, offers: list[Offer], missing: str) -> None:
    with pytest.raises(ValueError, match=f"^{missing}"):
        publish(account, offers)


def reply(status: Any, *reasons: str, **other: Any) -> dict[str, Any]:
    errors = [{"severity": "ERROR", "code": 7, "description": reason, "path": "x"} for reason in reasons]
    return {"status": status, "errors": errors, "attribute_errors": [], **other}


def test_a_failure_inside_of_a_success_is_a_refusal_of_that_listing_alone() -> None:
    answer = {"KLU-CAP": reply("FAILURE", "Listing is  archived", "Blocked"), "KLU-SHAWL": reply("SUCCESS")}
    assert shape(answer["KLU-CAP"]) == shape(SHAPE["response_per_sku"]["<SELLER_SKU>"]) | {
        "errors": [{"severity": str, "code": int, "description": str, "path": str}] * 2
    }
    assert posted(publish(ACCOUNT, [CAP, SHAWL]), 200, written(answer).encode()) == [
        Posted("KLU-CAP", REFUSED, "Listing is archived; Blocked"),
        Posted("KLU-SHAWL", TAKEN),
    ]


@pytest.mark.parametrize(
    ("said", "verdict", "message"),
    [
        (reply("SUCCESS"), TAKEN, ""),
        (reply("WARNING", "Low stock"), TAKEN, "Low stock"),
        (reply("FAILURE"), REFUSED, "the channel gives no reason"),
        (reply("FAILURE", errors="x", attribute_errors=None), REFUSED, "the channel gives no reason"),
        (
            reply("FAILURE", attribute_errors=[{"attribute": "inventory", "description": "too high"}, "x", {}]),
            REFUSED,
            "inventory: too high",
        ),
        (reply("MAYBE"), REFUSED, "'MAYBE' is not a status that is known here"),
        (reply(None), REFUSED, "nothing is not a status that is known here"),
        (None, LATER, "the answer says nothing of this listing"),
        ("SUCCESS", LATER, "the answer says nothing of this listing"),
    ],
)
def test_what_is_answered_about_an_offer(said: Any, verdict: str, message: str) -> None:
    found = posted(publish(ACCOUNT, [CAP]), 200, written({"KLU-CAP": said}).encode())
    assert found == [Posted("KLU-CAP", verdict, message)]


def test_a_listing_that_the_answer_does_not_mention_is_told_again_later() -> None:
    found = posted(publish(ACCOUNT, [CAP, SHAWL]), 200, written({"KLU-SHAWL": reply("SUCCESS")}).encode())
    assert [(each.listing, each.verdict) for each in found] == [("KLU-CAP", LATER), ("KLU-SHAWL", TAKEN)]
    assert [each.verdict for each in posted(publish(ACCOUNT, [CAP]), 200, b"{}")] == [LATER]


def test_a_call_that_was_refused_as_a_whole_refuses_every_offer() -> None:
    call = publish(ACCOUNT, [CAP, SHAWL])
    why = written({"errors": [{"severity": "ERROR", "code": 1, "description": "Malformed request"}]}).encode()
    assert posted(call, 400, why) == [
        Posted("KLU-CAP", REFUSED, "Malformed request"),
        Posted("KLU-SHAWL", REFUSED, "Malformed request"),
    ]
    other = written({"errors": [{"errorCode": "BAD_REQUEST", "errorMessage": "1 to 10 SKUs are accepted"}]}).encode()
    assert posted(call, 400, other)[1] == Posted("KLU-SHAWL", REFUSED, "1 to 10 SKUs are accepted")
    assert posted(call, 400, b"{}")[0].message == "the whole call was refused with status 400"
    of_one = posted(call, 400, written({"KLU-CAP": reply("FAILURE", "Bad FSN")}).encode())
    assert of_one == [
        Posted("KLU-CAP", REFUSED, "Bad FSN"),
        Posted("KLU-SHAWL", LATER, "the answer says nothing of this listing"),
    ]


@pytest.mark.parametrize("raw", [b"<html>", b"", b"[]", b"null"])
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_to_an_offer_that_is_no_object_is_bad(status: int, raw: bytes) -> None:
    with pytest.raises(BadAnswer, match="^body is not"):
        posted(publish(ACCOUNT, [CAP]), status, raw)


def listing(*places: Any) -> dict[str, Any]:
    return {"listing_id": "LST1", "product_id": "FSN1", "fulfillment_profile": "NON_FBF", "locations": list(places)}


def place(inventory: Any, status: str = "ENABLED", **other: Any) -> dict[str, Any]:
    return {"id": "LOC1234", "status": status, "inventory": inventory, "pending_inventory": 0, **other}


def test_what_the_channel_shows_is_the_sum_of_its_places_that_sell() -> None:
    call = show(ACCOUNT, ["KLU-CAP", "A/B,C", "GONE", "QUIET"])
    assert (call.method, call.path) == ("GET", "/sellers/listings/v3/KLU-CAP,A%2FB%2CC,GONE,QUIET")
    available = {
        "KLU-CAP": listing(place(5), place(2, id="LOC2"), place(90, "DISABLED")),
        "A/B,C": listing(),
        "QUIET": {"listing_id": "LST9"},
    }
    raw = written({"available": available, "unavailable": ["GONE"], "invalid": []}).encode()
    assert shown(call, raw) == {"KLU-CAP": 7, "A/B,C": 0, "GONE": None, "QUIET": None}


def test_what_the_channel_does_not_say_is_no_number() -> None:
    call = show(ACCOUNT, ["KLU-CAP"])
    for known in (place(None), {"id": "L", "status": "ENABLED"}):
        raw = written({"available": {"KLU-CAP": listing(place(3, id="LOC2"), known, place(4))}}).encode()
        assert shown(call, raw) == {"KLU-CAP": None}
    assert shown(call, b'{"unavailable":["KLU-CAP"]}') == {"KLU-CAP": None}


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"<html>", "body is not JSON"),
        (b"{}", "available is missing"),
        (b'{"available":[]}', "available is not an object"),
        (b'{"available":{"KLU-CAP":"5"}}', "available.KLU-CAP is not an object"),
        (b'{"available":{"KLU-CAP":{"locations":{}}}}', "available.KLU-CAP.locations is not a list"),
    ],
)
def test_an_answer_about_listings_that_is_not_as_documented_names_the_field(raw: bytes, field: str) -> None:
    with pytest.raises(BadAnswer, match=f"^{field}"):
        shown(show(ACCOUNT, ["KLU-CAP"]), raw)


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        (place("5"), "inventory '5' is not a number of units"),
        (place("1,000"), "inventory '1,000' is not a number of units"),
        (place(-1), "inventory -1 is not a number of units"),
        (place(True), "inventory true is not a number of units"),
        (place(5, "CLOSED"), "status is neither ENABLED nor DISABLED"),
        ("LOC1234", "status is neither ENABLED nor DISABLED"),
    ],
)
def test_a_place_that_is_not_as_documented_names_the_field(odd: Any, field: str) -> None:
    raw = written({"available": {"KLU-CAP": listing(place(1), odd)}}).encode()
    with pytest.raises(BadAnswer, match=rf"^available.KLU-CAP.locations\[1\].{field}"):
        shown(show(ACCOUNT, ["KLU-CAP"]), raw)


def test_at_most_ten_listings_are_asked_for() -> None:
    with pytest.raises(ValueError, match="^listings: 11, not 1 to 10"):
        show(ACCOUNT, [str(number) for number in range(11)])
