"""The deployed entry of operator_api on API Gateway events: what operators see after a day's deliveries."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
import yaml
from moto import mock_aws

from functions.operator_api import handler
from hunar import wiring
from hunar.domain.rate_card import row_from_csv
from hunar.domain.sms_text import parts
from hunar.ports import Put, Refused
from hunar.tables import Table, rate
from tests.deployed import deploy, event, log_lines
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import World

ROOT = Path(__file__).parents[2]
DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))


def play_a_day(world: World) -> None:
    """S1 is delivered, S2 sells more than there is, S3 what nobody mapped, S4 is cancelled, S5 cannot be texted."""
    with (ROOT / "local/demo/rates.csv").open(encoding="utf-8", newline="") as file:
        for row in map(row_from_csv, csv.DictReader(file)):
            world.store.commit([Put(rate(row["scope"], row["row_id"]), row)])
    world.group("G11", "hi")
    world.group("G22", "bn")
    world.product("STOLE", "G11", "तसर स्टोल", stock=8)
    world.product("TOTE", "G22", "পাটের ব্যাগ", stock=2)
    world.product("MAT", "G22", "মাদুর")
    world.settle()
    for messages in (
        [step("S1", "packed")],
        [created("S1", item("STOLE", 3), item("TOTE", 1, price=399.0, line_id="2"))],
        [created("S2", item("TOTE", 4, price=399.0)), created("S3", item("NOBODYS"))],
        [created("S4", item("STOLE", 1))],
        [cancelled("S4")],
        [step("S1", "pickup_complete"), step("S1", "delivered")],
    ):
        for message in messages:
            world.post(message)
        world.settle()
        world.time += timedelta(minutes=1)
    world.phones.answers = iter([Refused("BLOCKED")])
    world.post(created("S5", item("STOLE", 2)))
    world.settle()


@pytest.fixture
def world() -> Iterator[World]:
    wiring.application.cache_clear()
    world = World()
    play_a_day(world)
    wiring.application().__dict__["store"] = world.store
    yield world
    wiring.application.cache_clear()


def answered(asked: dict[str, Any]) -> tuple[int, Any]:
    """Status and body. Each body is what docs/openapi.yaml says of this route and status."""
    answer = handler.handle(asked, None)
    content = json.loads(answer["body"])
    path = asked["routeKey"].removeprefix("GET ")
    told = DOCUMENT["paths"][path]["get"]["responses"][str(answer["statusCode"])]
    if "$ref" in told:
        told = DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]]
    schema = told["content"][answer["headers"]["content-type"]]["schema"]
    checked = {**schema, "components": DOCUMENT["components"]}
    jsonschema.validate(content, checked, cls=jsonschema.Draft202012Validator)
    return answer["statusCode"], content


def get(name: str, **query: str) -> Any:
    asked = event(f"operator_api_{name}")
    if query:
        asked["queryStringParameters"] = asked.get("queryStringParameters", {}) | query
    status, content = answered(asked)
    assert status == 200
    return content


def refused(name: str, **query: str) -> tuple[int, str]:
    asked = event(f"operator_api_{name}")
    if query:
        asked["queryStringParameters"] = asked.get("queryStringParameters", {}) | query
    status, problem = answered(asked)
    assert problem["status"] == status
    return status, problem["detail"]


def all_pages(name: str, **query: str) -> list[Any]:
    items, page = [], get(name, **query)
    while True:
        items += page["items"]
        if page["next"] is None:
            return items
        page = get(name, next=page["next"], **query)


def test_an_order_shows_its_lines_what_they_hold_and_what_happened(world: World) -> None:
    order = get("order")
    assert (order["order_ref"], order["marketplace"], order["account"]) == ("flipkart:demo:S1", "flipkart", "demo")
    assert order["state"] == "DELIVERED"
    assert order["ship_by"] == "2026-11-27T10:00:00Z"
    assert order["lines"][0] == {
        "line_id": "1",
        "listing": "STOLE",
        "sku": "STOLE",
        "group_id": "G11",
        "quantity": 3,
        "cancelled": 0,
        "reserved": 0,
        "short": 0,
        "returned": 0,
        "state": "DELIVERED",
        "unit_price_paise": 149900,
    }
    assert [row["what"] for row in order["history"]] == ["placed", "placed", "packed", "picked_up", "delivered"]
    assert order["history"][0] == {
        "at": "2026-11-24T04:35:00Z",
        "what": "placed",
        "line_id": "1",
        "detail": "3 of STOLE",
    }


def test_orders_that_are_to_be_shipped_come_before_those_that_ended(world: World) -> None:
    assert [order["order_ref"][-2:] for order in get("orders")["items"]] == ["S2", "S3", "S5", "S4", "S1"]
    assert [order["order_ref"][-2:] for order in get("orders", state="open")["items"]] == ["S2", "S3", "S5"]
    assert [order["state"] for order in get("orders", state="ended")["items"]] == ["CANCELLED", "DELIVERED"]
    [short, unmapped, _] = [order["lines"][0] for order in get("orders", state="open")["items"]]
    assert (short["reserved"], short["short"]) == (1, 3)
    assert (unmapped["sku"], unmapped["group_id"], unmapped["reserved"]) == (None, None, 0)


@pytest.mark.parametrize("name", ["orders", "stocks", "notifications", "exceptions", "entries"])
@pytest.mark.parametrize("limit", ["1", "2", "3", "5"])
def test_pages_of_any_size_make_the_same_list(world: World, name: str, limit: str) -> None:
    assert all_pages(name, limit=limit) == get(name)["items"] != []


def test_stock_lists_every_product_of_the_registry_also_the_uncounted(world: World) -> None:
    stock = {shelf["sku"]: shelf for shelf in get("stocks")["items"]}
    assert list(stock) == ["MAT", "STOLE", "TOTE"]
    assert stock["TOTE"] == {
        "sku": "TOTE",
        "group_id": "G22",
        "on_hand": 1,
        "available": 0,
        "reserved": 1,
        "buffer": 0,
        "short": 3,
        "uncounted": 0,
    }
    assert set(stock["MAT"].values()) == {"MAT", "G22", 0}
    assert get("stock") == stock["STOLE"]
    assert (stock["STOLE"]["on_hand"], stock["STOLE"]["available"], stock["STOLE"]["reserved"]) == (5, 3, 2)


def test_texts_are_shown_newest_first_with_what_became_of_them(world: World) -> None:
    texts = [text for text in get("notifications")["items"] if text["group_id"] == "G11"]
    assert [(text["kind"], text["order_ref"][-2:], text["status"]) for text in texts] == [
        ("NEW_ORDER", "S5", "FAILED"),
        ("CANCELLED", "S4", "ACCEPTED"),
        ("NEW_ORDER", "S4", "ACCEPTED"),
        ("NEW_ORDER", "S1", "ACCEPTED"),
    ]
    assert all(text["parts"] == parts(text["text"]) for text in texts)
    assert (texts[0]["to"], texts[0]["locale"]) == ("+919999900011", "hi")
    assert "3 तसर स्टोल" in texts[3]["text"]


def test_the_worklist_names_what_is_open_and_what_a_person_can_do(world: World) -> None:
    opened = {problem["kind"]: problem for problem in get("exceptions")["items"]}
    assert sorted(opened) == ["SHORT", "SMS_REJECTED", "UNKNOWN_LISTING"]
    everything = event("operator_api_exceptions") | {"queryStringParameters": {}}
    assert [problem["kind"] for problem in answered(everything)[1]["items"]][3:] == ["UNKNOWN_SHIPMENT"]
    [closed] = get("exceptions", state="closed")["items"]
    assert closed["closed_at"] > closed["opened_at"]
    assert opened["UNKNOWN_LISTING"]["listing"] == "NOBODYS"
    assert "listings.csv" in opened["UNKNOWN_LISTING"]["action"]
    assert all(problem["closed_at"] is None for problem in opened.values())


def test_entries_of_an_order_balance_line_by_line(world: World) -> None:
    entries = get("entries")["items"]
    assert [entry["line_id"] for entry in entries] == ["1", "2"]
    for entry in entries:
        assert sum(posting["amount_paise"] for posting in entry["postings"]) == 0
    assert get("entries", order_ref="flipkart:demo:S2")["items"] == []


def test_what_is_not_there_is_404(world: World) -> None:
    assert refused("order_unknown") == (404, "there is nothing of this name")
    asked = event("operator_api_stock")
    for sku in ("NOTHING", "", "x" * 3000):
        asked["pathParameters"] = {"sku": sku}
        assert answered(asked)[0] == 404
    asked = event("operator_api_orders") | {"routeKey": "$default"}
    answer = handler.handle(asked, None)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (404, "application/problem+json")


def test_a_wrong_parameter_is_named(world: World) -> None:
    assert refused("entries_without_order")[1].startswith("order_ref: is missing")
    assert refused("entries", order_ref="x" * 3000) == (400, "order_ref: is no order's key")
    assert refused("orders", state="lost") == (400, "state: not one of open, ended")
    assert refused("exceptions", state="lost") == (400, "state: not one of open, closed")
    for limit in ("0", "101", "-1", "ten", "१०", "1e1", "", "0000000050"):
        assert refused("stocks", limit=limit) == (400, "limit: not a whole number from 1 to 100")


@pytest.mark.parametrize(
    "token", ["x", "W10=", "WyJPUEVOIl0=", "WyJOT1dIRVJFIiwgbnVsbF0=", "WyJPUEVOIiwgIngiXQ==", "ह"]
)
def test_a_token_of_another_list_is_refused(world: World, token: str) -> None:
    assert refused("orders", next=token) == (400, "next: not a token of this list")
    assert refused("stocks", next=token) == (400, "next: not a token of this list")


def test_a_token_does_not_lead_into_another_section(world: World) -> None:
    token = get("orders", limit="4")["next"]
    assert refused("orders", next=token, state="open") == (400, "next: not a token of this list")


def test_it_reads_the_deployed_tables_and_logs_neither_number_nor_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        made = deploy(monkeypatch)
        played = World()
        play_a_day(played)
        for key, stored in played.store.everything().items():
            made.store.commit([Put(key, stored)])
        lines = log_lines(monkeypatch)
        assert [order["order_ref"][-2:] for order in all_pages("orders", limit="2")] == ["S2", "S3", "S5", "S4", "S1"]
        assert len(all_pages("notifications", limit="2")) == len(played.items(Table.NOTIFICATIONS))
        assert len(all_pages("exceptions", limit="1")) == 3
        assert [shelf["sku"] for shelf in all_pages("stocks", limit="1")] == ["MAT", "STOLE", "TOTE"]
        assert len(all_pages("entries", limit="1")) == 2
        assert refused("orders", next="WyJPUEVOIiwgIngiXQ==") == (400, "next: not a token of this list")
        logged = json.dumps(lines(), ensure_ascii=False)
        assert "GET /api/notifications" in logged
        assert "+91" not in logged
        assert "तसर" not in logged
        boto3.client("dynamodb").delete_table(TableName=made.settings.tables[Table.ORDERS])
        assert refused("orders") == (503, "the data could not be read; ask again")
        wiring.application.cache_clear()
