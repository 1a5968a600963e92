"""``hunar amazon`` and ``hunar flipkart`` against a server that refuses what Amazon and Flipkart refuse."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from hunar import tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.adapters.marketplace_api import Hosts
from hunar.cli import apis
from hunar.ports import Put
from tests.unit.test_cli import create_stack, document, hunar, one_line

ARN = "arn:aws:sqs:ap-south-1:123456789012:hunar-dev-AmazonNotificationsQueue-X1"
AMAZON = {"client_id": "amzn1.client", "client_secret": "s3cr3t", "refresh_token": "Atzr|grant"}
FLIPKART = {"client_id": "app", "client_secret": "s3cr3t"}
SELLER, APPLICATION = "Atza|of-the-seller", "Atza|of-the-application"
FILTERS = {"eventFilterType", "orderChangeTypes", "filterExpression"}
CHANGES = {"BuyerRequestedChange", "DeliveryTipChange", "OrderStatusChange"}


class Refused(Exception):
    """A status, and why in the marketplace's own shape."""

    def __init__(self, status: int, code: str, details: str) -> None:
        super().__init__(details)
        said = {"code": code, "message": "Request has missing or invalid parameters.", "details": details}
        self.status, self.body = status, {"errors": [said]}


class Marketplace:
    """Amazon's Notifications API and Flipkart's sandbox, as far as the commands know them."""

    def __init__(self) -> None:
        self.destinations: list[dict[str, Any]] = []
        self.subscription: dict[str, Any] | None = None
        self.sent: list[str] = []
        self.orders: list[dict[str, Any]] = []
        self.answer: bytes | None = None
        """Said instead of anything that was asked, tokens apart."""

    def ask(self, method: str, path: str, query: str, headers: Message, raw: bytes) -> Any:
        if path == "/auth/o2/token":
            return self._login(parse_qs(raw.decode()))
        if path == "/oauth-service/oauth/token":
            basic = base64.b64encode(b"app:s3cr3t").decode()
            if headers.get("Authorization") != f"Basic {basic}":
                raise Refused(401, "unauthorized", "Bad credentials")
            return {"access_token": "of-the-sandbox", "expires_in": 3600}
        if self.answer is not None:
            return self.answer
        sandbox, _, resource = path.partition("/notifications/v1")
        if resource:
            return self._notifications(method, sandbox == "/sandbox", resource, headers, query, raw)
        if (method, path) == ("POST", "/sandbox/sellers/orders/sandbox/test_orders"):
            return self._test_order(headers, json.loads(raw))
        raise Refused(404, "NotFound", path)

    def _login(self, form: dict[str, list[str]]) -> Any:
        if (form.get("client_id"), form.get("client_secret")) != (["amzn1.client"], ["s3cr3t"]):
            raise Refused(401, "invalid_client", "")
        if form["grant_type"] == ["refresh_token"] and form.get("refresh_token") == ["Atzr|grant"]:
            return {"access_token": SELLER, "expires_in": 3600, "token_type": "bearer"}
        if form["grant_type"] == ["client_credentials"] and form.get("scope") == ["sellingpartnerapi::notifications"]:
            return {"access_token": APPLICATION, "expires_in": 3600, "token_type": "bearer"}
        raise Refused(400, "invalid_grant", "")

    def _notifications(
        self, method: str, sandbox: bool, resource: str, headers: Message, query: str, raw: bytes
    ) -> Any:
        grantless = "/destinations" in resource or method == "DELETE" or resource.endswith("/testNotification")
        if headers.get("X-Amz-Access-Token") != (APPLICATION if grantless else SELLER):
            raise Refused(403, "Unauthorized", "Access to requested resource is denied.")
        if sandbox != resource.endswith("/testNotification"):
            raise Refused(400, "InvalidInput", "not of this endpoint")
        match method, resource:
            case "GET", "/destinations":
                return {"payload": self.destinations}
            case "POST", "/destinations":
                return {"payload": self._create_destination(json.loads(raw))}
            case "GET", "/subscriptions/ORDER_CHANGE":
                if parse_qs(query) != {"payloadVersion": ["1.0"]} or self.subscription is None:
                    raise Refused(404, "NotFound", "no subscription")
                return {"payload": self.subscription}
            case "POST", "/subscriptions/ORDER_CHANGE":
                return {"payload": self._subscribe(json.loads(raw))}
            case "POST", "/subscriptions/ORDER_CHANGE/testNotification":
                self.sent.append(self._known_destination(json.loads(raw)))
                return {}
            case "DELETE", _ if self.subscription and resource.endswith(f"/{self.subscription['subscriptionId']}"):
                self.subscription = None
                return {}
        raise Refused(404, "NotFound", resource)

    def _create_destination(self, body: dict[str, Any]) -> Any:
        arn = body["resourceSpecification"]["sqs"]["arn"]
        if not body["name"] or not arn.startswith("arn:aws:sqs:") or arn.endswith(".fifo"):
            raise Refused(400, "InvalidInput", "not a standard queue")
        if any(known["resource"]["sqs"]["arn"] == arn for known in self.destinations):
            raise Refused(409, "Conflict", "there is such a destination")
        made = {"destinationId": f"dest-{len(self.destinations) + 1}", "name": body["name"]}
        made |= {"resource": {"sqs": {"arn": arn}, "eventBridge": None}}
        self.destinations.append(made)
        return made

    def _known_destination(self, body: dict[str, Any]) -> str:
        if body.get("destinationId") not in [known["destinationId"] for known in self.destinations]:
            raise Refused(400, "InvalidInput", "destinationId is not known")
        return str(body["destinationId"])

    def _subscribe(self, body: dict[str, Any]) -> Any:
        destination = self._known_destination(body)
        given = (body.get("processingDirective") or {}).get("eventFilter")
        if not given:
            raise Refused(400, "InvalidInput", "Processing Directive eventFilter must not be empty")
        if set(given) - FILTERS or given.get("eventFilterType") != "ORDER_CHANGE":
            raise Refused(400, "InvalidInput", "cannot parse processingDirective for notification type ORDER_CHANGE")
        if set(given.get("orderChangeTypes", ())) - CHANGES or body.get("payloadVersion") != "1.0":
            raise Refused(400, "InvalidInput", "EventFilter Payload failed to validate")
        if self.subscription:
            raise Refused(409, "Conflict", "there is such a subscription")
        self.subscription = body | {"subscriptionId": "sub-2", "destinationId": destination}
        return {name: self.subscription[name] for name in ("subscriptionId", "payloadVersion", "destinationId")}

    def _test_order(self, headers: Message, body: dict[str, Any]) -> Any:
        if headers.get("Authorization") != "Bearer of-the-sandbox":
            raise Refused(401, "unauthorized", "")
        if set(body) != {"shipmentType", "locationId", "orderItems"} or body["locationId"] != "LOC1":
            raise Refused(400, "BAD_REQUEST", "location is not the seller's")
        self.orders.append(body)
        items = [item | {"orderItemId": "1"} for item in body["orderItems"]]
        return {"orderId": "OD100", "orderItems": items}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        try:
            status, said = 200, self.server.plays.ask(self.command, parts.path, parts.query, self.headers, raw)
        except Refused as refused:
            status, said = refused.status, refused.body
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, plays: Marketplace) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plays = plays


@pytest.fixture
def marketplace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Marketplace]:
    plays = Marketplace()
    with mock_aws(), Server(plays) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr(apis, "REAL", {"amazon": Hosts(url, url), "flipkart": Hosts(f"{url}/real", url)})
        monkeypatch.setattr(apis, "SANDBOX", dict.fromkeys(("amazon", "flipkart"), Hosts(f"{url}/sandbox", url)))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        stack = create_stack(AmazonNotificationsQueueArn=ARN)
        account = {"marketplace": "flipkart", "account": "sandbox", "location_id": "LOC1"}
        store = DynamoDBStore(boto3.client("dynamodb"), stack.tables)
        store.commit([Put(tables.account("flipkart", "sandbox"), account)])
        credentials("amazon", "demo-api", AMAZON)
        credentials("flipkart", "sandbox", FLIPKART)
        yield plays
        server.shutdown()
        thread.join()


def credentials(marketplace: str, account: str, given: dict[str, str]) -> None:
    hunar("account", "credentials", marketplace, account, "--stage", "dev", stdin=given)


def amazon(command: str, *options: str, code: int = 0) -> Any:
    return document("amazon", command, "demo-api", "--stage", "dev", *options, code=code)


def refused(*command: str) -> str:
    return one_line(hunar(*command, "--stage", "dev", code=1)).removeprefix("hunar: ")


OURS = {"destination_id": "dest-1", "name": "hunar-dev", "queue_arn": ARN, "ours": True}


def test_the_stacks_queue_becomes_a_destination_once(marketplace: Marketplace) -> None:
    assert amazon("destinations") == {"created": False, "destinations": []}
    assert amazon("destinations", "--create") == {"created": True, "destinations": [OURS]}
    assert amazon("destinations", "--create") == {"created": False, "destinations": [OURS]}
    marketplace.destinations.append(
        {"destinationId": "dest-2", "name": "another", "resource": {"sqs": None, "eventBridge": {"name": "bus"}}}
    )
    [_, another] = amazon("destinations")["destinations"]
    assert another == {"destination_id": "dest-2", "name": "another", "queue_arn": "", "ours": False}
    said = hunar("amazon", "destinations", "demo-api", "--stage", "dev").stdout
    assert "dest-1" in said
    assert "--create" not in said


def test_a_list_without_the_stacks_queue_says_how_to_make_it(marketplace: Marketplace) -> None:
    said = hunar("amazon", "destinations", "demo-api", "--stage", "dev").stdout
    assert "hunar amazon destinations demo-api --create" in said


def test_order_changes_are_subscribed_to_once(marketplace: Marketplace) -> None:
    assert "hunar amazon destinations demo-api --create" in refused("amazon", "subscribe", "demo-api")
    amazon("destinations", "--create")
    told = {"subscription": "created", "subscription_id": "sub-2", "destination_id": "dest-1"}
    assert amazon("subscribe") == told
    assert amazon("subscribe") == told | {"subscription": "unchanged"}
    assert "subscription_id is sub-2" in hunar("amazon", "subscribe", "demo-api", "--stage", "dev").stdout


def test_another_subscription_is_replaced_only_when_that_is_wanted(marketplace: Marketplace) -> None:
    amazon("destinations", "--create")
    amazon("subscribe")
    assert marketplace.subscription is not None
    for change in (
        {"destinationId": "dest-9"},
        {"processingDirective": {"eventFilter": {"orderChangeTypes": ["OrderStatusChange"]}}},
        {"processingDirective": None},
    ):
        marketplace.subscription |= {"subscriptionId": "sub-1", **change}
        assert "take its place with --replace" in refused("amazon", "subscribe", "demo-api")
        assert marketplace.subscription["subscriptionId"] == "sub-1"
        assert amazon("subscribe", "--replace")["subscription"] == "replaced"
        assert amazon("subscribe")["subscription"] == "unchanged"


def test_a_subscription_that_was_deleted_and_not_made_is_said_so(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    amazon("destinations", "--create")
    amazon("subscribe")
    assert marketplace.subscription is not None
    marketplace.subscription["destinationId"] = "dest-9"

    def down(body: dict[str, Any]) -> Any:
        raise Refused(503, "ServiceUnavailable", "later")

    monkeypatch.setattr(marketplace, "_subscribe", down)
    said = refused("amazon", "subscribe", "demo-api", "--replace")
    assert said.startswith("amazon refuses createSubscription: 503 ServiceUnavailable")
    assert said.endswith("nothing is sent now: try again")


def test_a_subscription_as_others_send_it_is_refused_by_what_plays_amazon(marketplace: Marketplace) -> None:
    """Else the test above would prove nothing: these are what sellers have asked Amazon about."""
    amazon("destinations", "--create")
    wanted = {"payloadVersion": "1.0", "destinationId": "dest-1"}
    for wrong, reason in (
        (None, "must not be empty"),
        ({"eventFilter": {}}, "must not be empty"),
        ({"eventFilter": {"eventFilterType": "ORDER_CHANGE", "marketplaceIds": ["A21TJRUUN4KGV"]}}, "cannot parse"),
        ({"eventFilter": {"orderChangeTypes": ["OrderStatusChange"]}}, "cannot parse"),
        ({"eventFilter": {"eventFilterType": "ORDER_CHANGE", "orderChangeTypes": ["X"]}}, "failed to validate"),
    ):
        with pytest.raises(Refused, match=reason):
            marketplace._subscribe(wanted | {"processingDirective": wrong})


def test_a_test_notification_comes_from_the_sandbox(marketplace: Marketplace) -> None:
    assert "--create" in refused("amazon", "test", "demo-api")
    amazon("destinations", "--create")
    assert amazon("test") == {"status": "sent", "destination_id": "dest-1"}
    assert marketplace.sent == ["dest-1"]
    assert "OTHER_SELLER" in hunar("amazon", "test", "demo-api", "--stage", "dev").stdout


def test_what_amazon_refuses_is_said_in_its_own_words_and_without_a_secret(marketplace: Marketplace) -> None:
    assert "hunar/dev/api/amazon/nobody is not in Secrets Manager" in refused("amazon", "destinations", "nobody")
    credentials("amazon", "demo-api", AMAZON | {"client_secret": "wr0ng"})
    said = refused("amazon", "destinations", "demo-api")
    assert said.startswith("amazon gives no token: 401")
    assert "wr0ng" not in said
    credentials("amazon", "demo-api", AMAZON | {"refresh_token": "Atzr|other"})
    amazon("destinations", "--create")
    assert refused("amazon", "subscribe", "demo-api").startswith("amazon gives no token: 400")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>", "amazon answers getDestinations oddly: the answer is not JSON"),
        (b"{}", "amazon answers getDestinations oddly: payload: is not a list"),
        (b'{"payload": [7]}', "amazon answers getDestinations oddly: payload[0]: is not an object"),
        (b'{"payload": [{"name": "x"}]}', "amazon answers getDestinations oddly: destinationId: is missing"),
    ],
)
def test_an_answer_that_is_none_is_one_line(marketplace: Marketplace, answer: bytes, said: str) -> None:
    marketplace.answer = answer
    assert refused("amazon", "destinations", "demo-api").startswith(said)


def test_flipkarts_sandbox_makes_an_order_at_the_accounts_place_of_dispatch(marketplace: Marketplace) -> None:
    made = document("flipkart", "test-order", "sandbox", "LST1", "--quantity", "2", "--stage", "dev")
    assert made == {"order_id": "OD100", "listing": "LST1", "quantity": 2, "location_id": "LOC1"}
    wanted = {"shipmentType": "NORMAL", "locationId": "LOC1", "orderItems": [{"listingId": "LST1", "quantity": 2}]}
    assert marketplace.orders == [wanted]
    assert "OD100" in hunar("flipkart", "test-order", "sandbox", "LST1", "--stage", "dev").stdout


def test_what_flipkart_refuses_is_one_line(marketplace: Marketplace) -> None:
    said = refused("flipkart", "test-order", "sandbox", "LST1", "--location", "LOC9")
    assert said.startswith("flipkart refuses createTestOrders: 400 BAD_REQUEST")
    credentials("flipkart", "demo", FLIPKART)
    assert "location_id of flipkart/demo is not in accounts.csv" in refused("flipkart", "test-order", "demo", "LST1")
    for answer in (b"<html>", b"{}", b'{"orderId": ""}'):
        marketplace.answer = answer
        assert "flipkart answers createTestOrders oddly" in refused("flipkart", "test-order", "sandbox", "LST1")


def test_every_command_takes_json_and_stage() -> None:
    for command in (
        ["amazon", "destinations"],
        ["amazon", "subscribe"],
        ["amazon", "test"],
        ["flipkart", "test-order"],
    ):
        assert {"--json", "--stage"} <= set(hunar(*command, "--help").stdout.split())
