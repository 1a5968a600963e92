"""The deployed entry over DynamoDB tables as the template has them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.compute_payout import handler
from hunar import tables, wiring
from hunar.domain.facts import Fact, Placed, Resolved, Step
from hunar.domain.order import knowledge_text
from hunar.domain.rate_card import row_from_csv
from hunar.ports import Put
from hunar.tables import Item
from hunar.wiring import Application
from tests.book import POLICY
from tests.tables import create_tables
from tests.till import settlement_line

ROOT = Path(__file__).parents[2]
REF = "flipkart:demo:S-1"
SOLD = "2026-11-20T10:00:00Z"


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    with mock_aws():
        for table, name in create_tables(boto3.client("dynamodb")).items():
            monkeypatch.setenv(f"{table.name}_TABLE", name)
        wiring.application.cache_clear()
        made = wiring.application()
        with (ROOT / "local/demo/rates.csv").open(encoding="utf-8", newline="") as file:
            rates = [row_from_csv(record) for record in csv.DictReader(file)]
        made.store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in rates])
        made.store.commit([Put(tables.group("G03"), {"group_id": "G03", "policies": [POLICY]})])
        yield made
        wiring.application.cache_clear()


def deliver(application: Application) -> None:
    known: list[Fact] = [
        Placed("L1", SOLD, "KOL-JUTE-TOTE", 2, 39900, None, SOLD, None),
        Resolved("L1", "KOL-JUTE-TOTE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "4202", None),
        Step("delivered", "2026-11-24T10:00:00Z"),
    ]
    item = {"order_ref": REF, "marketplace": "flipkart", "knowledge": knowledge_text(known), "version": 1}
    application.store.commit([Put(tables.order(REF), item)])


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def entries(application: Application) -> list[Item]:
    return application.store.page(tables.Table.LEDGER, f"ORDER#{REF}", prefix="ENTRY#").items


def worklist(application: Application) -> list[Item]:
    return application.store.page(tables.Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST).items


def test_a_delivered_line_is_booked_and_a_repeated_message_adds_nothing(application: Application) -> None:
    deliver(application)
    for _ in range(2):
        assert handler.handle(event("compute_payout"), None) == {"batchItemFailures": []}
    (entry,) = entries(application)
    amounts = [posting["amount_paise"] for posting in entry["postings"]]
    assert {type(paise) for paise in amounts} == {int}
    assert sum(amounts) == 0
    # 798.00: commission 39.90, fixed 15, collection 15.96, shipping 58; GST 23.20; TCS 3.80; TDS 0.76.
    receivable = [p["amount_paise"] for p in entry["postings"] if "receivable:flipkart" in p["account"]]
    assert sum(receivable) == 79800 - 12886 - 2319 - 380 - 76


def test_a_missing_rate_is_acknowledged_counted_and_stands_on_the_worklist(
    application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(application)
    key = tables.rate("government", "gst-jute-bags-4202")
    ended = application.store.read([key])[key] | {"to": "2026-01-01"}
    application.store.commit([Put(key, ended)])
    assert handler.handle(event("compute_payout"), None) == {"batchItemFailures": []}
    assert entries(application) == []
    assert [item["kind"] for item in worklist(application)] == ["RATE_GAP"]
    assert '"RateGaps":[1.0]' in capsys.readouterr().out


def test_unreadable_messages_are_kept_on_the_worklist_once_and_do_not_hold_up_the_readable(
    application: Application,
) -> None:
    deliver(application)
    for _ in range(2):
        assert handler.handle(event("compute_payout_unreadable"), None) == {"batchItemFailures": []}
    opened = worklist(application)
    assert [item["kind"] for item in opened] == ["UNKNOWN_MESSAGE", "UNKNOWN_MESSAGE"]
    messages = sorted(item["message"] for item in opened)
    assert any("not json" in message for message in messages)
    assert any(message.startswith("payouts: compute_payout.version:") for message in messages)
    assert len(entries(application)) == 1


def test_only_the_message_that_failed_comes_again(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(application)
    monkeypatch.delenv("REGISTRY_TABLE")
    wiring.application.cache_clear()
    sent = event("compute_payout_unreadable")
    answer = handler.handle(sent, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": sent["Records"][2]["messageId"]}]}


def settled(application: Application) -> None:
    """What the importer of a settlement file leaves, and a group whose resolution says what it needs."""
    group = {"group_id": "G03", "policies": [POLICY | {"return_window_days": 0}]}
    application.store.commit([Put(tables.group("G03"), group)])
    pointer = {"orders": [REF], "facts": [], "version": 1}
    application.store.commit([Put(tables.item_pointer("flipkart", "demo", "L1"), pointer)])
    line = settlement_line({"sale": 79_800, "fee:commission": -3_990}, "L1", posted_at="2026-11-25T00:00:00+05:30")
    partition = tables.settlement_partition("flipkart", "demo", line.settlement_id)
    item = line.item() | {"file": "f", "settlement_pk": partition, "settlement_sk": line.key}
    application.store.commit([Put(tables.subject_line("ITEM#flipkart#demo#L1", line.key), item)])


def book(application: Application) -> dict[str, int]:
    key = tables.book("G03")
    found = application.store.read([key]).get(key)
    return dict(found["balances"]) if found else {}


def test_what_was_settled_is_booked_held_and_released_once(application: Application) -> None:
    deliver(application)
    settled(application)
    for _ in range(2):
        assert handler.handle(event("compute_payout_settle"), None) == {"batchItemFailures": []}
    held = book(application)["group_held:G03"]
    assert held < 0
    assert {type(paise) for paise in book(application).values()} == {int}
    assert handler.handle(event("compute_payout_hold"), None) == {"batchItemFailures": []}
    assert handler.handle(event("compute_payout_release"), None) == {"batchItemFailures": []}
    assert book(application)["group_held:G03"] == held
    lifted = event("compute_payout_hold")
    body = json.loads(lifted["Records"][0]["body"]) | {"until": None, "at": "2026-12-02T10:00:00Z"}
    lifted["Records"][0]["body"] = json.dumps(body)
    assert handler.handle(lifted, None) == {"batchItemFailures": []}
    for _ in range(2):
        assert handler.handle(event("compute_payout_release"), None) == {"batchItemFailures": []}
    assert book(application)["group_payable:G03"] == held
    found = application.store.page(tables.Table.LEDGER, "GROUP#G03", prefix="ENTRY#").items
    assert [entry["kind"] for entry in found] == ["SETTLED", "RELEASED"]
    shown = application.store.page(tables.Table.LEDGER, REF, index=tables.ORDER_ENTRIES).items
    assert {entry["entry_id"] for entry in shown} == {entry["entry_id"] for entry in found}


def test_a_proposal_is_booked_when_a_person_approves_that_one(application: Application) -> None:
    deliver(application)
    settled(application)
    handler.handle(event("compute_payout_settle"), None)
    corrected = {"group_id": "G03", "policies": [POLICY | {"agency_fee": 0}]}
    application.store.commit([Put(tables.group("G03"), corrected)])
    handler.handle(event("compute_payout_settle"), None)
    before = book(application)
    [proposed] = [item for item in worklist(application) if item["kind"] == "MONEY_PROPOSED"]
    assert handler.handle(event("compute_payout_approve"), None) == {"batchItemFailures": []}
    assert book(application) == before
    approval = event("compute_payout_approve")
    body = json.loads(approval["Records"][0]["body"]) | {"proposal_id": proposed["subject"]["proposal_id"]}
    approval["Records"][0]["body"] = json.dumps(body)
    assert handler.handle(approval, None) == {"batchItemFailures": []}
    assert book(application)["group_held:G03"] < before["group_held:G03"]
    assert [item["kind"] for item in worklist(application)] == ["SETTLEMENT_DIFFERS"]
