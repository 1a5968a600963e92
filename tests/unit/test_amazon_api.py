"""Amazon's API as a channel: what is asked, and every answer that is not as documented."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from hunar.domain.channel import (
    MOST_ANSWER_BYTES,
    REFUSED,
    TAKEN,
    Account,
    BadAnswer,
    Call,
    Channel,
    Offer,
    Posted,
    Rate,
)
from hunar.marketplaces import amazon, amazon_api
from hunar.marketplaces.body import written
from local.marketplace_apis import Amazon
from tests.amazon_samples import ACCOUNT, ORDERS, order, published

SINCE, UNTIL = "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"
SEARCH = amazon_api.search(ACCOUNT, "orders", SINCE, UNTIL)
OFFER = Offer("MALA/7 blau,ü", 4, product_type="NECKLACE")


def raw(answer: Any) -> bytes:
    return written(answer).encode()


def query(call: Call) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(call.path).query))


def test_the_module_is_a_channel_and_a_notification_reads_answers_as_it_does() -> None:
    channel: Channel = amazon_api
    assert channel.SEARCHES == ("orders",)
    assert timedelta(minutes=2) == channel.LEAST_LAG
    assert amazon.read_answer is amazon_api.read_answer
    assert amazon.BODY_SIGNED is True
    assert {"read", "read_answer", "seller", "Sender"} <= set(amazon.__all__)


def test_every_call_has_a_rate_and_none_is_faster_than_amazon_allows() -> None:
    calls = [
        amazon_api.fetch(ACCOUNT, "1"),
        SEARCH,
        amazon_api.publish(ACCOUNT, [OFFER]),
        amazon_api.show(ACCOUNT, ["S"]),
    ]
    assert {call.operation for call in calls} == set(amazon_api.RATES)
    assert amazon_api.RATES["getOrder"] == Rate(2_000, 30)
    assert amazon_api.RATES["searchOrders"].burst == 20
    assert 0.00559 < 1000 / amazon_api.RATES["searchOrders"].every_ms <= 0.0056
    assert amazon_api.RATES["patchListingsItem"] == amazon_api.RATES["getListingsItem"] == Rate(200, 5)


# Tokens.


def test_a_token_is_asked_for_with_a_form_that_no_text_of_the_call_shows() -> None:
    call = amazon_api.token_call("client", "s3cret&=", "Atzr|refresh")
    assert (call.method, call.path) == ("POST", "/auth/o2/token")
    assert parse_qs(call.body or "", strict_parsing=True) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["Atzr|refresh"],
        "client_id": ["client"],
        "client_secret": ["s3cret&="],
    }
    assert call.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert "s3cret" not in repr(call) and "Atzr" not in repr(call)


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_sellers_consent_there_is_no_token(token: str | None) -> None:
    with pytest.raises(ValueError, match="refresh_token: is missing"):
        amazon_api.token_call("client", "secret", token)


def test_a_token_is_good_for_its_seconds_and_goes_into_one_header() -> None:
    answer = {"access_token": "Atza|abc", "token_type": "bearer", "expires_in": 3600, "refresh_token": "Atzr|x"}
    assert amazon_api.token(raw(answer)) == ("Atza|abc", 3600)
    assert amazon_api.authorization("Atza|abc") == {"x-amz-access-token": "Atza|abc"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"access_token": None}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": "Atza|abc\r\nX-Evil: 1"}, "access_token"),
        ({"access_token": "Atza|" + "a" * 9000}, "access_token"),
        ({"access_token": 5}, "access_token"),
        ({"expires_in": None}, "expires_in"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": True}, "expires_in"),
        ({"expires_in": "3600"}, "expires_in"),
        ({"expires_in": 86_401}, "expires_in"),
    ],
)
def test_a_token_that_cannot_be_used_names_the_field_and_never_shows_the_token(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadAnswer, match=f"^{field}: ") as refused:
        amazon_api.token(raw({"access_token": "Atza|abc", "expires_in": 3600} | change))
    assert "Atza" not in str(refused.value)


# Orders.


def test_an_order_is_asked_for_by_its_id_without_the_buyer() -> None:
    call = amazon_api.fetch(ACCOUNT, "028-1234567-8901234")
    assert call == Call(
        "getOrder",
        "GET",
        "/orders/2026-01-01/orders/028-1234567-8901234?includedData=CANCELLATION,FULFILLMENT,PACKAGES,PROCEEDS",
    )
    assert amazon_api.fetch(ACCOUNT, "a/b?c").path.startswith("/orders/2026-01-01/orders/a%2Fb%3Fc?")
    assert amazon_api.fetch_returns(ACCOUNT, ["1"]) is None


def test_a_search_names_the_window_the_marketplace_and_the_largest_page() -> None:
    assert (SEARCH.operation, SEARCH.method, SEARCH.body) == ("searchOrders", "GET", None)
    assert urlsplit(SEARCH.path).path == "/orders/2026-01-01/orders"
    assert query(SEARCH) == {
        "lastUpdatedAfter": SINCE,
        "lastUpdatedBefore": UNTIL,
        "marketplaceIds": "A21TJRUUN4KGV",
        "maxResultsPerPage": "100",
        "includedData": "CANCELLATION,FULFILLMENT,PACKAGES,PROCEEDS",
    }
    with pytest.raises(ValueError, match="kind: returns is none of orders"):
        amazon_api.search(ACCOUNT, "returns", SINCE, UNTIL)


def test_an_answered_order_is_one_part_and_the_same_bytes_as_on_a_page() -> None:
    for name in ORDERS:
        whole = order(name)
        (fetched,) = amazon_api.answered(amazon_api.fetch(ACCOUNT, whole["orderId"]), raw({"order": whole})).parts
        page = amazon_api.answered(SEARCH, raw({"orders": [whole], "lastUpdatedBefore": UNTIL}))
        assert page.parts == (fetched,)
        assert (page.next, page.problems) == (None, ())
        assert (fetched.marketplace_id, fetched.at) == (whole["orderId"], whole["lastUpdatedTime"])
        assert amazon_api.read_answer(fetched.body, "demo-api").verdict == "APPLIED"


def test_pages_are_followed_with_all_that_was_asked_for() -> None:
    page = amazon_api.answered(SEARCH, raw({"orders": [], "pagination": {"nextToken": "2Yg/+= &"}}))
    assert page.next is not None
    assert (page.next.operation, page.next.method) == ("searchOrders", "GET")
    assert query(page.next) == query(SEARCH) | {"paginationToken": "2Yg/+= &"}
    last = amazon_api.answered(page.next, raw({"orders": [], "pagination": {"nextToken": "other"}}))
    assert last.next is not None
    assert query(last.next) == query(SEARCH) | {"paginationToken": "other"}
    for end in ({}, {"pagination": None}, {"pagination": {}}, {"pagination": {"nextToken": ""}}):
        assert amazon_api.answered(page.next, raw({"orders": []} | end)).next is None


@pytest.mark.parametrize("token", [7, ["a"], "x" * 9000])
def test_a_page_token_that_is_none_is_refused(token: Any) -> None:
    with pytest.raises(BadAnswer, match=r"^pagination.nextToken: is not a token"):
        amazon_api.answered(SEARCH, raw({"orders": [], "pagination": {"nextToken": token}}))
    with pytest.raises(BadAnswer, match=r"^pagination: is not an object"):
        amazon_api.answered(SEARCH, raw({"orders": [], "pagination": token}))


def test_a_page_that_names_itself_as_the_next_is_refused() -> None:
    second = amazon_api.answered(SEARCH, raw({"orders": [], "pagination": {"nextToken": "loop"}})).next
    assert second is not None
    with pytest.raises(BadAnswer, match=r"^pagination.nextToken: the page names itself as the next one"):
        amazon_api.answered(second, raw({"orders": [], "pagination": {"nextToken": "loop"}}))


def test_an_entry_of_a_page_that_is_no_order_is_named_and_loses_no_other() -> None:
    good = order()
    bad = [None, "x", order() | {"orderId": "two words"}, {name: good[name] for name in good if name != "orderId"}]
    page = amazon_api.answered(SEARCH, raw({"orders": [*bad, good]}))
    assert [part.marketplace_id for part in page.parts] == [good["orderId"]]
    assert page.problems == (
        "orders[0] is missing or not an object",
        "orders[1] is missing or not an object",
        "orders[2].orderId is missing or not an id",
        "orders[3].orderId is missing or not an id",
    )


def test_a_part_without_a_time_has_none_and_is_shown_when_it_is_read() -> None:
    (part,) = amazon_api.answered(SEARCH, raw({"orders": [order(lastUpdatedTime="then")]})).parts
    assert part.at is None
    found = amazon_api.read_answer(part.body, "demo-api")
    assert [finding.field for finding in found.findings] == ["order.lastUpdatedTime"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>503 Service Unavailable</html>", "the answer: not JSON"),
        (b"", "the answer: not JSON"),
        (b"[]", "the answer: not a JSON object"),
        (b"\x1f\x8b\x08", "the answer: compressed with gzip"),
        (b'{"order":{},"order":{}}', "stands twice"),
        (b" " * (MOST_ANSWER_BYTES + 1), f"the answer: {MOST_ANSWER_BYTES + 1} bytes"),
        (b'{"errors":[]}', "order is missing or not an object"),
        (b'{"order":[]}', "order is missing or not an object"),
        (b'{"order":{}}', "order.orderId is missing or not an id"),
        (b'{"order":{"orderId":"2"}}', "order.orderId: 2 was answered when 1 was asked for"),
    ],
)
def test_an_answer_that_is_no_order_is_refused_with_its_reason(answer: bytes, message: str) -> None:
    with pytest.raises(BadAnswer, match=message):
        amazon_api.answered(amazon_api.fetch(ACCOUNT, "1"), answer)


@pytest.mark.parametrize("answer", [b"{}", b'{"orders":null}', b'{"orders":{}}', b'{"order":{}}'])
def test_an_answer_that_is_no_page_is_refused(answer: bytes) -> None:
    with pytest.raises(BadAnswer, match="^orders: is missing or not a list"):
        amazon_api.answered(SEARCH, answer)


def test_the_old_version_of_the_api_is_not_what_was_asked_for() -> None:
    with pytest.raises(BadAnswer, match="^order is missing"):
        amazon_api.answered(amazon_api.fetch(ACCOUNT, "701-3922379-8329033"), raw(published("get_order_items_v0")))


# Stock.


def test_stock_is_told_by_merging_one_number_into_one_listing() -> None:
    call = amazon_api.publish(ACCOUNT, [OFFER])
    assert (call.operation, call.method) == ("patchListingsItem", "PATCH")
    assert call.path == (
        "/listings/2021-08-01/items/A3TH9S8BH6GOGM/MALA%2F7%20blau%2C%C3%BC?marketplaceIds=A21TJRUUN4KGV"
    )
    assert json.loads(call.body or "") == {
        "productType": "NECKLACE",
        "patches": [
            {
                "op": "merge",
                "path": "/attributes/fulfillment_availability",
                "value": [{"fulfillment_channel_code": "DEFAULT", "quantity": 4}],
            }
        ],
    }
    assert '"quantity":0' in (amazon_api.publish(ACCOUNT, [Offer("S", 0, product_type="X")]).body or "")


@pytest.mark.parametrize(
    ("account", "offers", "message"),
    [
        (ACCOUNT, [Offer("S", 1)], "product_type: the listing S has none"),
        (ACCOUNT, [Offer("S", -1, product_type="X")], "quantity: -1 units of the listing S"),
        (Account("amazon", "demo-api"), [OFFER], "seller_id: the account demo-api has none"),
        (ACCOUNT, [], "offers: 0 were given, one call takes 1"),
        (ACCOUNT, [OFFER, OFFER], "offers: 2 were given, one call takes 1"),
    ],
)
def test_what_lacks_something_is_not_told(account: Account, offers: list[Offer], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        amazon_api.publish(account, offers)


def posted(http_status: int, /, **answer: Any) -> list[Posted]:
    return amazon_api.posted(amazon_api.publish(ACCOUNT, [OFFER]), http_status, raw(answer))


def test_an_accepted_number_is_taken() -> None:
    assert posted(200, sku=OFFER.listing, status="ACCEPTED", submissionId="1") == [Posted(OFFER.listing, TAKEN)]
    warned = [{"code": "90220", "message": "'brand' is recommended", "severity": "WARNING"}]
    assert posted(200, sku=OFFER.listing, status="ACCEPTED", issues=warned) == [Posted(OFFER.listing, TAKEN)]


def test_a_refused_number_is_refused_in_amazons_words() -> None:
    issues = [
        {"code": "90225", "message": "'quantity' does not\n fit.", "severity": "ERROR", "attributeNames": ["quantity"]},
        {"code": "90226", "message": "x" * 900, "severity": "ERROR"},
    ]
    (refused,) = posted(200, sku=OFFER.listing, status="INVALID", submissionId="1", issues=issues)
    assert (refused.listing, refused.verdict) == (OFFER.listing, REFUSED)
    assert refused.message.startswith("90225 'quantity' does not fit.; 90226 xxx")
    assert len(refused.message) < 500
    errors = [{"code": "InvalidInput", "message": "SKU is not found", "details": ""}]
    assert posted(400, errors=errors) == [Posted(OFFER.listing, REFUSED, "InvalidInput SKU is not found")]


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        (200, {"sku": "other", "status": "ACCEPTED"}, "sku: 'other' was answered when MALA/7 blau,ü was asked for"),
        (200, {"status": "ACCEPTED"}, "sku: nothing was answered"),
        (200, {"sku": OFFER.listing}, "status: nothing is neither ACCEPTED nor INVALID"),
        (200, {"sku": OFFER.listing, "status": "VALID"}, "status: 'VALID' is neither"),
        (200, {"sku": OFFER.listing, "status": "INVALID"}, "issues: is missing or says nothing"),
        (200, {"sku": OFFER.listing, "status": "INVALID", "issues": [5]}, "issues: is missing or says nothing"),
        (400, {"message": "no"}, "errors: is missing or says nothing"),
        (400, {"errors": [{"code": 5}]}, "errors: is missing or says nothing"),
    ],
)
def test_an_answer_about_stock_that_is_not_documented_is_refused(
    status: int, answer: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadAnswer, match=f"^{message}"):
        posted(status, **answer)


def test_html_about_stock_is_refused() -> None:
    for status in (200, 400):
        with pytest.raises(BadAnswer, match="not JSON"):
            amazon_api.posted(amazon_api.publish(ACCOUNT, [OFFER]), status, b"<html>")


SHOW = amazon_api.show(ACCOUNT, [OFFER.listing])


def test_what_a_listing_shows_is_asked_for_by_its_name() -> None:
    assert (SHOW.operation, SHOW.method, SHOW.body) == ("getListingsItem", "GET", None)
    assert SHOW.path == (
        "/listings/2021-08-01/items/A3TH9S8BH6GOGM/MALA%2F7%20blau%2C%C3%BC"
        "?marketplaceIds=A21TJRUUN4KGV&includedData=fulfillmentAvailability"
    )
    with pytest.raises(ValueError, match="listings: 2 were given, one call takes 1"):
        amazon_api.show(ACCOUNT, ["A", "B"])
    with pytest.raises(ValueError, match="seller_id: the account demo-api has none"):
        amazon_api.show(Account("amazon", "demo-api"), ["A"])


@pytest.mark.parametrize(
    ("offers", "units"),
    [
        ([{"fulfillmentChannelCode": "DEFAULT", "quantity": 7}], 7),
        ([{"fulfillmentChannelCode": "DEFAULT", "quantity": 0}], 0),
        ([{"fulfillmentChannelCode": "AMAZON_IN"}, {"fulfillmentChannelCode": "DEFAULT", "quantity": 3}], 3),
        ([{"fulfillmentChannelCode": "AMAZON_IN", "quantity": 3}], None),
        ([{"fulfillmentChannelCode": "DEFAULT"}], None),
        ([], None),
        (None, None),
    ],
)
def test_a_listing_shows_its_number_or_none(offers: Any, units: int | None) -> None:
    answer = {"sku": OFFER.listing} | ({} if offers is None else {"fulfillmentAvailability": offers})
    assert amazon_api.shown(SHOW, raw(answer)) == {OFFER.listing: units}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"sku": "other"}, "sku: 'other' was answered"),
        ({}, "sku: nothing was answered"),
        ({"sku": OFFER.listing, "fulfillmentAvailability": {}}, "fulfillmentAvailability: is not a list"),
        ({"sku": OFFER.listing, "fulfillmentAvailability": [7]}, "fulfillmentAvailability: is not a list"),
        *(
            (
                {
                    "sku": OFFER.listing,
                    "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": units}],
                },
                "fulfillmentAvailability.quantity: ",
            )
            for units in (-1, "7", True, [7])
        ),
    ],
)
def test_a_listing_that_does_not_answer_as_documented_is_refused(answer: dict[str, Any], message: str) -> None:
    with pytest.raises(BadAnswer, match=f"^{message}"):
        amazon_api.shown(SHOW, raw(answer))


def test_a_listing_of_a_hundred_orders_stays_below_the_largest_answer() -> None:
    assert len(raw({"orders": [order() for _ in range(amazon_api.PAGE)]})) < MOST_ANSWER_BYTES / 4


# The API as it is played on this machine.

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def played() -> Amazon:
    return Amazon("demo-api", "client", "secret", "Atzr|demo", ACCOUNT.seller_id, {OFFER.listing: "NECKLACE"})


def ask(api: Amazon, call: Call, now: datetime = NOW) -> tuple[int, bytes]:
    login = amazon_api.token_call("client", "secret", "Atzr|demo")
    status, _, body = api.answer(login.method, login.path, login.headers, (login.body or "").encode(), now)
    assert status == 200
    headers = amazon_api.authorization(amazon_api.token(body)[0])
    status, _, body = api.answer(call.method, call.path, headers, (call.body or "").encode(), now)
    return status, body


def test_the_played_api_answers_every_page_of_a_search_and_every_order_the_same() -> None:
    api = played()
    for number in range(250):
        changed = order(orderId=f"028-1234567-{number:07d}", lastUpdatedTime=f"2026-11-24T09:{number % 60:02d}:00Z")
        api.put_order(changed["orderId"], changed, NOW)
    call: Call | None = SEARCH
    parts = []
    while call is not None:
        status, body = ask(api, call)
        assert status == 200
        page = amazon_api.answered(call, body)
        assert page.problems == ()
        parts.extend(page.parts)
        call = page.next
    assert len(parts) == len({part.marketplace_id for part in parts}) == 250
    one = amazon_api.fetch(ACCOUNT, parts[0].marketplace_id or "")
    assert amazon_api.answered(one, ask(api, one)[1]).parts == (parts[0],)
    assert ask(api, amazon_api.fetch(ACCOUNT, "028-0000000-0000000"))[0] == 404


def test_the_played_api_takes_a_number_and_shows_it_later() -> None:
    api = played()
    call = amazon_api.publish(ACCOUNT, [OFFER])
    assert amazon_api.posted(call, *ask(api, call)) == [Posted(OFFER.listing, TAKEN)]
    later = NOW + timedelta(minutes=1)
    assert amazon_api.shown(SHOW, ask(api, SHOW, later)[1]) == {OFFER.listing: OFFER.quantity}
    wrong = amazon_api.publish(ACCOUNT, [Offer(OFFER.listing, 4, product_type="TEAPOT")])
    (refused,) = amazon_api.posted(wrong, *ask(api, wrong))
    assert refused.verdict == REFUSED and "product type" in refused.message
