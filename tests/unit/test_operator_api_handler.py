"""The deployed entry of operator_api on API Gateway events: what operators see after a day's deliveries."""

from __future__ import annotations

import base64
import csv
import json
import os
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
from hunar import tables, wiring
from hunar.domain.rate_card import row_from_csv
from hunar.domain.sms_text import parts
from hunar.ports import Put, QueueName, Refused
from hunar.settings import Settings
from hunar.tables import Table, rate
from tests.deployed import deploy, event, log_lines, open_exceptions, waiting
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
    method, path = asked["routeKey"].split(" ")
    told = DOCUMENT["paths"][path][method.lower()]["responses"][str(answer["statusCode"])]
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
    status, said = refused("order_unknown")
    assert (status, said.partition(":")[0]) == (404, "there is nothing of this name")
    assert said.endswith(event("operator_api_order_unknown")["pathParameters"]["order_ref"])
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
        assert len(all_pages("notifications", limit="2")) == len(played.notifications())
        assert len(all_pages("exceptions", limit="1")) == 3
        assert [shelf["sku"] for shelf in all_pages("stocks", limit="1")] == ["MAT", "STOLE", "TOTE"]
        assert len(all_pages("entries", limit="1")) == 2
        assert refused("orders", next="WyJPUEVOIiwgIngiXQ==") == (400, "next: not a token of this list")
        logged = json.dumps(lines(), ensure_ascii=False)
        assert "GET /api/notifications" in logged
        assert "+91" not in logged
        assert "तसर" not in logged
        boto3.client("dynamodb").delete_table(TableName=made.settings.tables[Table.ORDERS])
        assert refused("orders") == (503, "the data could not be reached; ask again")
        wiring.application.cache_clear()


# what operators do


def act(name: str, body: Any = None, **changed: Any) -> tuple[int, Any]:
    """The event of that name, with another body and other fields of the event."""
    asked = event(f"operator_api_{name}") | changed
    if body is not None:
        asked["body"] = body if isinstance(body, str) else json.dumps(body)
    return answered(asked)


def accepted(world: World, name: str, body: Any = None, **changed: Any) -> str:
    status, content = act(name, body, **changed)
    assert (status, content["status"]) == (202, "accepted"), content
    world.settle()
    return str(content["act_id"])


def denied(name: str, body: Any = None, **changed: Any) -> tuple[int, str]:
    status, problem = act(name, body, **changed)
    assert problem["status"] == status
    return status, problem["detail"]


@pytest.fixture
def acting(world: World) -> World:
    """The day's world behind the handler, with its queues and its clock."""
    app = wiring.application()
    app.__dict__["queues"] = world.queues
    app.__dict__["clock"] = lambda: world.time
    account = {"marketplace": "flipkart", "account": "demo"}
    world.store.commit([Put(tables.account("flipkart", "demo"), account)])
    return world


def kept_act(world: World, act_id: str, sku: str = "STOLE") -> Any:
    key = tables.adjustment(sku, act_id)
    return world.store.read([key])[key]


def test_a_shelf_is_adjusted_by_whom_iam_knows(acting: World) -> None:
    """The gateway's id of the request is the act's when the caller gives none."""
    assert accepted(acting, "adjust") == "request-adjust"
    kept = kept_act(acting, "request-adjust")
    assert (kept["quantity"], kept["person"], kept["reason"]) == (-2, "user/operator", "two were moth-eaten")
    assert acting.stock("STOLE")["on_hand"] == 3


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ({"quantity": 4}, "on_hand", 9),
        ({"counted": 7}, "on_hand", 7),
        ({"buffer": 2}, "buffer", 2),
        ({"fair": "Utsav", "taken": 3}, "available", 0),
        ({"fair": "Utsav", "back": 1}, "available", 4),
        ({"fair": "Utsav", "sold": 1}, "available", 3),
    ],
)
def test_each_act_on_a_shelf_has_its_field(acting: World, body: Any, name: str, value: int) -> None:
    assert accepted(acting, "adjust", body | {"reason": "because", "act_id": "A1"}) == "A1"
    assert acting.stock("STOLE")[name] == value


def test_an_act_is_repeated_under_the_id_of_its_body_or_its_header(acting: World) -> None:
    header = {"headers": {"Idempotency-Key": "H1"}}
    body = {"quantity": 1, "reason": "found one"}
    for _ in range(2):
        assert accepted(acting, "adjust", body, **header) == "H1"
        assert accepted(acting, "adjust", body | {"act_id": "B1"}) == "B1"
    assert acting.stock("STOLE")["on_hand"] == 7
    assert denied("adjust", body | {"act_id": "B1"}, **header) == (
        400,
        "act_id: differs from the header idempotency-key",
    )
    status, detail = denied("adjust", {"quantity": 2, "reason": "found one", "act_id": "B1"})
    assert (status, detail.partition(" was")[0]) == (409, "act_id: B1")
    for wrong in ("a b", "x" * 65, "ह", "a\n"):
        assert denied("adjust", body | {"act_id": wrong})[0] == 400
        assert denied("adjust", body, headers={"idempotency-key": wrong})[0] == 400


WRONG_BODIES: list[tuple[Any, str]] = [
    ("", "Invalid JSON"),
    ("[1]", "Input should be an object"),
    ("{", "Invalid JSON"),
    ({"quantity": 1}, "reason: "),
    ({"quantity": 1, "reason": "  "}, "reason: "),
    ({"quantity": 1, "reason": "x" * 201}, "reason: "),
    ({"quantity": "1", "reason": "r"}, "quantity: "),
    ({"quantity": 1.5, "reason": "r"}, "quantity: "),
    ({"quantity": True, "reason": "r"}, "quantity: "),
    ({"quantity": 10**400, "reason": "r"}, "quantity: "),
    ({"quantity": 0, "reason": "r"}, "quantity: 0 changes nothing"),
    ({"quantity": None, "reason": "r"}, "exactly one of"),
    ({"counted": -1, "reason": "r"}, "counted: "),
    ({"buffer": -1, "reason": "r"}, "buffer: "),
    ({"reason": "r"}, "exactly one of"),
    ({"quantity": 1, "counted": 1, "reason": "r"}, "exactly one of"),
    ({"fair": "Utsav", "reason": "r"}, "exactly one of"),
    ({"fair": "Utsav", "quantity": 1, "reason": "r"}, "fair: "),
    ({"taken": 1, "reason": "r"}, "fair: "),
    ({"fair": "Utsav", "taken": 0, "reason": "r"}, "taken: 0 changes nothing"),
    ({"fair": "Utsav", "sold": -1, "reason": "r"}, "sold: 0 were sold so far"),
    ({"quantity": 1, "reason": "r", "person": "somebody else"}, "person: "),
    ({"quantity": 1, "reason": "r", "act_id": ""}, "act_id: "),
]


def test_a_body_that_cannot_be_meant_is_refused_with_its_field(acting: World) -> None:
    before = acting.store.everything()
    for body, said in WRONG_BODIES:
        status, detail = denied("adjust", body)
        assert (status, detail[: len(said)]) == (400, said), body
    assert denied("adjust", "4pi", isBase64Encoded=True)[0] == 400
    assert acting.queues.empty
    assert acting.store.everything() == before


def test_a_body_in_base64_is_read(acting: World) -> None:
    raw = base64.b64encode(b'{"quantity": 1, "reason": "found one"}').decode()
    accepted(acting, "adjust", raw, isBase64Encoded=True)
    assert acting.stock("STOLE")["on_hand"] == 6


def test_14_a_body_over_64_kib_is_not_read(acting: World) -> None:
    full = json.dumps({"quantity": 1, "reason": "r"})
    assert act("adjust", full.ljust(64 * 1024))[0] == 202
    assert denied("adjust", full.ljust(64 * 1024 + 1)) == (413, "a body may have 65536 bytes")
    assert denied("adjust", json.dumps({"reason": "ह" * 22_000}, ensure_ascii=False))[0] == 413


def test_a_product_that_nobody_knows_is_404(acting: World) -> None:
    body = {"counted": 1, "reason": "r"}
    for sku in ("NOTHING", "", "x" * 3000):
        status, detail = denied("adjust", body, pathParameters={"sku": sku})
        assert (status, detail[-17:]) == (404, "is not registered")


def who(iam: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    asked = event("operator_api_adjust")
    context = asked["requestContext"] | {"authorizer": iam}
    return {"requestContext": context, "headers": headers or {}}


SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=LOCALMAKERKEY/20261125/ap-south-1/execute-api/aws4_request"}


def test_nobody_acts_whom_nobody_knows(acting: World) -> None:
    # A person may have two access keys, and a role's userId ends with a name that she chose herself.
    keys = {"userArn": None, "userId": "AROAEXAMPLE:any", "accessKey": "AKIDEXAMPLE"}
    for iam in (None, {}, {"iam": None}, {"iam": keys}):
        assert denied("adjust", **who(iam, SIGNED)) == (403, "nobody knows who is calling")
    assert acting.queues.empty


@pytest.mark.parametrize("person", ["user/farzana", f"assumed-role/{'R' * 64}/{'s' * 64}"])
def test_the_person_is_whom_iam_names(acting: World, person: str) -> None:
    iam = {"userArn": f"arn:aws:sts::123456789012:{person}"}
    kept = kept_act(acting, accepted(acting, "adjust", **who({"iam": iam})))
    assert kept["person"] == person


def test_on_an_emulator_that_knows_no_users_the_signing_key_stands_for_the_person(
    acting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("EMULATED", "true")
    wiring.application().settings = Settings.from_environment(os.environ)
    kept = kept_act(acting, accepted(acting, "adjust", **who(None, SIGNED)))
    assert kept["person"] == "LOCALMAKERKEY"
    for headers in ({}, {"authorization": "Bearer x"}):
        assert denied("adjust", **who(None, headers))[0] == 403


def test_23_a_listing_is_mapped_and_the_order_that_waits_goes_on(acting: World) -> None:
    assert accepted(acting, "map") == "request-map"
    [order] = [order for order in get("orders")["items"] if order["order_ref"].endswith("S3")]
    assert order["lines"][0]["sku"] == "TOTE"
    assert "UNKNOWN_LISTING" not in acting.exceptions()
    [closed] = [item for item in acting.items(Table.EXCEPTIONS) if item["kind"] == "UNKNOWN_LISTING"]
    assert "user/operator" in [entry["by"] for entry in closed["history"]]


def test_a_mapping_that_cannot_hold_names_its_field(acting: World) -> None:
    body = {"marketplace": "flipkart", "account": "demo", "listing": "NOBODYS", "sku": "TOTE"}
    for changed, said in (
        ({"sku": "NOTHING"}, "sku: NOTHING is neither"),
        ({"account": "other"}, "account: flipkart/other is neither"),
        ({"from": "tomorrow"}, "from: 'tomorrow' is not a day"),
        ({"from": 7}, "from: "),
        ({"listing": ""}, "listing: "),
        ({"colour": "red"}, "colour: "),
    ):
        status, detail = denied("map", body | changed)
        assert (status, detail[: len(said)]) == (400, said)
    assert acting.queues.empty


def on_worklist(world: World, kind: str) -> dict[str, Any]:
    [found] = [item for item in world.items(Table.EXCEPTIONS) if item["kind"] == kind]
    return {"pathParameters": {"id": found["exception_id"]}}


def test_an_exception_is_acknowledged_once(acting: World) -> None:
    refused_text = on_worklist(acting, "SMS_REJECTED")
    accepted(acting, "resolve", {"note": "told her by telephone"}, **refused_text)
    assert "SMS_REJECTED" not in acting.exceptions()
    status, detail = denied("resolve", {}, **refused_text)
    assert (status, detail[:30]) == (409, "the exception is closed since ")
    assert denied("resolve") == (404, "there is no exception of this id")


def test_an_exception_is_resolved_by_what_its_body_gives(acting: World) -> None:
    short = on_worklist(acting, "SHORT")
    assert denied("resolve", {}, **short)[1].startswith("quantity: is missing")
    assert denied("resolve", {"act": "inspect"}, **short)[1].startswith("act: SHORT is resolved by adjust or remap")
    assert denied("resolve", {"act": "bless"}, **short)[1].startswith("act: ")
    accepted(acting, "resolve", {"quantity": 3, "note": "three more came"}, **short)
    assert "SHORT" not in acting.exceptions()
    unknown = on_worklist(acting, "UNKNOWN_LISTING")
    accepted(acting, "resolve", {"sku": "TOTE", "from": "2026-11-01"}, **unknown)
    assert "UNKNOWN_LISTING" not in acting.exceptions()


def of_text(world: World, order_ref: str) -> dict[str, Any]:
    [found] = [item for item in world.items(Table.NOTIFICATIONS) if item.get("order_ref") == order_ref]
    return {"pathParameters": {"id": found["notification_id"]}}


def test_what_the_group_said_of_a_text_is_kept_with_who_noted_it(acting: World) -> None:
    text = of_text(acting, "flipkart:demo:S5")
    assert accepted(acting, "heard", **text) == "request-heard"
    accepted(acting, "heard", **text)
    [shown] = [one for one in get("notifications")["items"] if one["order_ref"].endswith("S5")]
    assert shown["heard"] == {"what": "packed", "how": "tick", "by": "user/operator", "at": shown["heard"]["at"]}
    assert (shown["receipt"], shown["resent"], shown["members"]) == (None, 0, None)


def test_what_nobody_can_say_of_a_text_names_its_field(acting: World) -> None:
    text = of_text(acting, "flipkart:demo:S5")
    for body, said in (
        ({}, "what: "),
        ({"what": "eaten"}, "what: "),
        ({"what": "heard", "who": "me"}, "who: "),
        ("[]", "Input should be an object"),
    ):
        status, detail = denied("heard", body, **text)
        assert (status, detail[: len(said)]) == (400, said)
    assert denied("heard") == (404, "notification_id: there is no text 0000")
    assert all(one["heard"] is None for one in get("notifications")["items"])


def test_acts_go_to_the_deployed_queue_and_nothing_about_a_person_gets_into_a_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mock_aws():
        made = deploy(monkeypatch)
        played = World()
        play_a_day(played)
        for key, stored in played.store.everything().items():
            made.store.commit([Put(key, stored)])
        lines = log_lines(monkeypatch)
        assert act("adjust")[0] == 202
        [message] = waiting(made, QueueName.ORDER_EVENTS)
        assert (message["kind"], message["act_id"], message["sku"]) == ("adjust", "request-adjust", "STOLE")
        assert act("resolve", {"note": "told her"}, **on_worklist(played, "SMS_REJECTED"))[0] == 202
        assert "SMS_REJECTED" not in [found["kind"] for found in open_exceptions(made)]
        logged = json.dumps(lines(), ensure_ascii=False)
        assert "POST /api/stock/{sku}/adjust" in logged
        assert "moth-eaten" not in logged
        assert "user/operator" not in logged
        boto3.client("sqs").delete_queue(QueueUrl=made.settings.queues[QueueName.ORDER_EVENTS])
        assert denied("adjust", {"quantity": 1, "reason": "r", "act_id": "A9"})[0] == 503
        wiring.application.cache_clear()


# kept deliveries


def test_what_is_kept_of_an_order_is_listed_without_its_bodies(acting: World) -> None:
    page = get("deliveries")
    assert [item["event_type"] for item in page["items"]].count("resolved") == 2
    assert {item["order_ref"] for item in page["items"]} == {"flipkart:demo:S1"}
    assert {item["marketplace"] for item in page["items"]} == {"flipkart"}
    assert "body" not in json.dumps(page)
    assert len(all_pages("deliveries", limit="2")) == len(page["items"]) == 6
    assert get("deliveries", order_ref="flipkart:demo:NOPE") == {"items": [], "next": None}
    assert refused("deliveries", order_ref="")[1].startswith("order_ref: is missing")


def of_event(world: World, event_type: str) -> dict[str, Any]:
    [kept] = [kept for kept in world.items(Table.DELIVERIES) if kept.get("event_type") == event_type]
    return {"pathParameters": {"id": kept["delivery_id"]}}


def test_a_kept_delivery_is_read_again_by_its_orders_name_or_its_exceptions(acting: World) -> None:
    before, texts = acting.order("S1"), len(acting.phones.texts)
    accepted(acting, "replay", {"order_ref": "flipkart:demo:S1"}, **of_event(acting, "shipment_packed"))
    assert (acting.order("S1"), len(acting.phones.texts)) == (before, texts)
    status, detail = denied("replay", {}, **of_event(acting, "shipment_packed"))
    assert (status, detail.partition("; ")[2]) == (404, "order_ref names the order that it is about")
    acting.post(step("S1", "blessed"))
    acting.post({"eventType": "account_note", "timestamp": "2026-11-25T09:00:00+05:30"})
    acting.settle()
    for event_type in ("shipment_blessed", "account_note"):
        accepted(acting, "replay", {}, **of_event(acting, event_type))
        accepted(acting, "replay", "", **of_event(acting, event_type))
    assert denied("replay", {"order_ref": "S1"})[0] == 400
    assert denied("replay", {"order": "flipkart:demo:S1"})[0] == 400
