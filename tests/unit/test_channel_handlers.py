"""The deployed entries of fetch_order, catch_up_orders and publish_stock on their Lambda events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from functions.catch_up_orders import handler as catch_up_orders
from functions.fetch_order import handler as fetch_order
from functions.publish_stock import handler as publish_stock
from hunar import tables, telemetry, wiring
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.domain.facts import Placed, instant
from hunar.domain.order import knowledge_text
from hunar.marketplaces.flipkart_api import SEARCHES
from hunar.ports import Put, QueueName
from hunar.settings import Settings
from hunar.wiring import Application
from tests.deployed import deploy, event, log_lines, open_exceptions, waiting
from tests.played import ACCOUNT, LOCATION, SELLER, Played, fsn

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


class Context:
    """What Lambda gives a function besides its event."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    with mock_aws():
        monkeypatch.setenv("API_ACCOUNTS", f"flipkart/{ACCOUNT},amazon/{ACCOUNT}")
        application = deploy(monkeypatch)
        made = Played(application.clock, "STOLE")
        application.__dict__["apis"] = made
        _register(application)
        yield made
        wiring.application.cache_clear()


@pytest.fixture
def application(played: Played) -> Application:
    return wiring.application()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    found: dict[str, int] = {}

    def add(name: str, unit: Any, value: int) -> None:
        found[name] = found.get(name, 0) + value

    monkeypatch.setattr(telemetry.metrics, "add_metric", add)
    return found


def _register(application: Application) -> None:
    """Two accounts, one product that each lists, and five of it on the shelf."""
    mapped = {"mappings": [{"from": "2026-01-01", "sku": "STOLE"}], "resolutions": []}
    for marketplace, known, said in (
        ("flipkart", {"location_id": LOCATION}, {"product_id": fsn("STOLE")}),
        ("amazon", {"seller_id": SELLER}, {"product_type": "SCARF"}),
    ):
        of = {"marketplace": marketplace, "account": ACCOUNT}
        listing = of | mapped | said | {"listing": "STOLE"}
        application.store.commit(
            [
                Put(tables.account(marketplace, ACCOUNT), of | known),
                Put(tables.listing(marketplace, ACCOUNT, "STOLE"), listing),
            ]
        )
    shelf = {"sku": "STOLE", "group_id": "G11", "on_hand": 5, "available": 5, "reserved": 0, "buffer": 1}
    application.store.commit([Put(tables.stock("STOLE"), shelf | {"short": 0, "uncounted": 0, "version": 1})])


def test_a_marketplace_is_asked_and_its_answer_goes_to_order_events(
    application: Application, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Placed("1", "2026-11-25T03:00:00Z", "STOLE", 1, 29_500, None, "2026-11-25T03:00:00Z", None, claimed=True)
    stored = {"order_ref": "flipkart:demo-api:S1", "knowledge": knowledge_text([claim]), "version": 1}
    application.store.commit([Put(tables.order("flipkart:demo-api:S1"), stored)])
    line = {"orderItemId": "1", "sku": "STOLE", "status": "APPROVED", "quantity": 1, "orderId": "OD1"}
    played.flipkart.put_shipment("S1", {"orderItems": [line]}, application.clock())
    lines = log_lines(monkeypatch)
    assert fetch_order.handle(event("fetch_order"), Context()) == NOTHING_FAILED
    [answer] = waiting(application, QueueName.ORDER_EVENTS)
    assert (answer["kind"], answer["marketplace"], answer["account"]) == ("answer", "flipkart", ACCOUNT)
    [logged] = [line for line in lines() if line["message"] == "order_fetched"]
    assert logged["order_ref"] == "flipkart:demo-api:S1"


@pytest.mark.parametrize("name", ["fetch_order_unknown", "fetch_order_no_order"])
def test_a_question_that_nobody_understands_is_shown(application: Application, played: Played, name: str) -> None:
    assert fetch_order.handle(event(name), Context()) == NOTHING_FAILED
    assert [entry["kind"] for entry in open_exceptions(application)] == ["UNKNOWN_MESSAGE"]
    assert played.calls == []


def test_all_that_changed_is_asked_for_and_a_run_is_counted(
    application: Application, played: Played, counted: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in SEARCHES:
        # Asked a while ago, so that a run has one page of each to ask for and not a week.
        cursor = {"since": instant(application.clock() - timedelta(minutes=9)), "until": None, "page": None, "pages": 0}
        known = {"seen": [], "failures": 0, "failing_since": None, "failed_at": None, "shown": None, "version": 1}
        application.store.commit([Put(tables.cursor("flipkart", ACCOUNT, kind), cursor | known)])
    lines = log_lines(monkeypatch)
    assert catch_up_orders.handle(event("catch_up_orders"), Context()) == {"sent": 0}
    assert counted == {"CatchUpRan": 1}
    outcomes = {(line["marketplace"], line["outcome"]) for line in lines() if line["message"] == "caught_up"}
    assert outcomes == {("amazon", "CAUGHT_UP"), ("flipkart", "CAUGHT_UP")}
    assert played.refused == []


@pytest.mark.parametrize(("told", "seconds"), [({}, 120), ({"POLL_LAG_SECONDS": "0"}, 0)])
def test_the_environment_says_until_how_long_ago_marketplaces_are_asked(told: dict[str, str], seconds: int) -> None:
    application = Application(Settings.from_environment(told))
    made = Played(application.clock)
    application.__dict__ |= {"apis": made, "store": MemoryStore(), "queues": MemoryQueues()}
    assert application.asking(Context()).lag == timedelta(seconds=seconds)


def test_channels_are_told_what_is_free(application: Application, played: Played) -> None:
    assert publish_stock.handle(event("publish_stock"), Context()) == NOTHING_FAILED
    assert played.shown("flipkart") == {"STOLE": 4}
    assert played.made("amazon", "patchListingsItem") == 1


def test_a_product_that_nobody_named_is_shown(application: Application) -> None:
    assert publish_stock.handle(event("publish_stock_unknown"), Context()) == NOTHING_FAILED
    [shown] = open_exceptions(application)
    assert (shown["kind"], "sku" in shown["message"]) == ("UNKNOWN_MESSAGE", True)


def test_at_night_every_product_is_sent_for(application: Application) -> None:
    assert publish_stock.handle(event("publish_stock_nightly"), Context()) == {"sent": 1}
    [message] = waiting(application, QueueName.STOCK_FEED)
    assert (message["sku"], message["full"]) == ("STOLE", True)


def test_a_demo_tells_its_stock_to_no_real_channel(
    application: Application, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = Settings.from_environment({"DEMO": "true", "STAGE": "dev", "API_ACCOUNTS": f"flipkart/{ACCOUNT}"})
    monkeypatch.setattr(application, "settings", demo)
    lines = log_lines(monkeypatch)
    [failed] = publish_stock.handle(event("publish_stock"), Context())["batchItemFailures"]
    assert failed["itemIdentifier"].endswith("24")
    assert played.calls == []
    assert "RuntimeError" in json.dumps(lines())
    for without_harm in ({"DEMO": "true"}, {"API_ACCOUNTS": f"flipkart/{ACCOUNT}"}):
        Application(Settings.from_environment(without_harm)).require_publishable()


def test_a_local_stack_without_fakes_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    local = Settings.from_environment({"STAGE": "local", "EMULATED": "true"})
    with mock_aws(), pytest.raises(RuntimeError, match="asks no real marketplace"):
        _ = Application(local).apis
