"""``hunar stock``, ``exceptions`` and ``order`` as an operator uses them, against a stack in AWS (played by moto)."""

from __future__ import annotations

import csv
import getpass
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.cli import application
from hunar.domain.spreadsheet import read_table, write_table
from hunar.messages import ORDER_EVENT
from hunar.ports import Put, QueueName
from tests.flipkart_messages import cancelled, created, item, step
from tests.unit.test_cli import Stack, create_stack, document, hunar, one_line
from tests.world import World

DEV = ("--stage", "dev", "--person", "farzana")


class Operated:
    """A day of the world in memory, and a stack in AWS that is brought to where the world stands."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.world = World()
        self.store = DynamoDBStore(boto3.client("dynamodb"), stack.tables)
        self._copied = 0

    def copy(self) -> None:
        for key, stored in self.world.store.changes[self._copied :]:
            self.store.commit([Put(key, stored)])
        self._copied = len(self.world.store.changes)

    def settle(self) -> None:
        """What the commands sent goes through the world, and what comes of it back to the stack."""
        client, url = boto3.client("sqs"), self.stack.queues[QueueName.ORDER_EVENTS]
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.world.queues.send(QueueName.ORDER_EVENTS, [message["Body"]])
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self.world.settle()
        self.copy()


@pytest.fixture
def operated() -> Iterator[Operated]:
    """Ten stoles on the shelf, an order of two and one that more was cancelled of than it had."""
    with mock_aws():
        made = Operated(create_stack())
        world = made.world
        world.group("G11")
        world.product("STOLE", "G11", "Stole", stock=10)
        world.product("TOTE", "G11", "Tote", stock=3)
        world.settle()
        world.post(created("S1", item("STOLE", 2)))
        world.post(created("S2", item("TOTE", 1)))
        world.post(cancelled("S2", 7))
        world.settle()
        made.copy()
        yield made


def test_a_person_adjusts_counts_and_holds_back_and_sees_it(operated: Operated) -> None:
    said = hunar("stock", "adjust", "STOLE", "-3", "--reason", "moth-eaten", *DEV).stdout
    assert said.startswith("STOLE -3: on its way. hunar stock show STOLE shows it")
    operated.settle()
    hunar("stock", "recount", "STOLE", "6", "--reason", "counted", *DEV)
    hunar("stock", "buffer", "STOLE", "2", "--reason", "outlet", *DEV)
    operated.settle()
    told = document("stock", "show", "STOLE", "--stage", "dev")
    assert (told["on_hand"], told["available"], told["reserved"], told["buffer"]) == (6, 4, 2, 2)
    acts = {act["act"]: act for act in told["acts"] if act["person"] == "farzana"}
    assert (acts["adjust"]["quantity"], acts["adjust"]["reason"]) == (-3, "moth-eaten")
    assert (acts["recount"]["counted"], acts["recount"]["quantity"]) == (6, -1)
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(application, ["stock", "show", "STOLE", "--stage", "dev"]).stdout
    assert "6 counted, -1" in shown
    assert "farzana" in shown


def test_an_act_is_repeated_by_the_id_that_was_shown(operated: Operated) -> None:
    adjust = ("stock", "adjust", "STOLE", "4", "--reason", "new", *DEV)
    told = document(*adjust)
    assert (told["status"], told["person"]) == ("accepted", "farzana")
    assert told["act_id"] in hunar(*adjust, "--act-id", told["act_id"]).stdout
    operated.settle()
    assert document("stock", "show", "STOLE", "--stage", "dev")["on_hand"] == 14
    hunar(*adjust, "--act-id", told["act_id"])
    assert operated.stack.messages() == 0
    other = hunar("stock", "adjust", "STOLE", "5", "--reason", "new", *DEV, "--act-id", told["act_id"], code=1)
    assert "was used before for adjust 4 of STOLE" in one_line(other)


def test_without_a_person_it_is_who_is_logged_in(operated: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "lakshmi")
    adjust = ("stock", "adjust", "STOLE", "4", "--reason", "new", "--stage", "dev")
    assert document(*adjust)["person"] == "lakshmi"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert one_line(hunar(*adjust, code=1)) == "hunar: who are you? give --person"


def test_a_fair_from_taking_to_bringing_back(operated: Operated) -> None:
    assert "Nothing of TOTE" in hunar("stock", "fair", "show", "TOTE", "--stage", "dev").stdout
    for what, units in (("take", "5"), ("sold", "3"), ("back", "3"), ("back", "-1")):
        hunar("stock", "fair", what, "STOLE", "Utsav Patna", units, *DEV)
        operated.settle()
    [stall] = document("stock", "fair", "show", "STOLE", "--stage", "dev")
    assert stall == {"sku": "STOLE", "fair": "Utsav Patna", "taken": 5, "sold": 3, "back": 2, "there": 0}
    assert "Utsav Patna" in hunar("stock", "fair", "show", "STOLE", "--stage", "dev").stdout
    assert document("stock", "show", "STOLE", "--stage", "dev")["on_hand"] == 7
    assert "sold: 3 were sold" in one_line(hunar("stock", "fair", "sold", "STOLE", "Utsav Patna", "-4", *DEV, code=1))


def test_what_is_wrong_is_one_line(operated: Operated) -> None:
    assert one_line(hunar("stock", "adjust", "NOTHING", "1", "--reason", "r", *DEV, code=1)) == (
        "hunar: sku: NOTHING is not registered"
    )
    assert "sku: NOTHING" in one_line(hunar("stock", "show", "NOTHING", "--stage", "dev", code=1))
    long = hunar("stock", "adjust", "STOLE", "1", "--reason", "x" * 201, *DEV, code=1)
    assert "reason: is longer than 200" in one_line(long)
    for wrong in (
        ["stock", "adjust", "STOLE", "three", "--reason", "r"],
        ["stock", "adjust", "STOLE", "1"],
        ["stock", "recount", "STOLE", "-1", "--reason", "r"],
    ):
        hunar(*wrong, *DEV, code=2)
    assert "act_id" in one_line(
        hunar("stock", "adjust", "STOLE", "1", "--reason", "r", *DEV, "--act-id", "x" * 65, code=1)
    )
    assert operated.stack.messages() == 0


def test_the_shelves_as_a_table_as_json_and_as_a_file_for_a_spreadsheet(operated: Operated, tmp_path: Path) -> None:
    shelves = document("stock", "list", "--stage", "dev")
    assert [(shelf["sku"], shelf["on_hand"]) for shelf in shelves] == [("STOLE", 10), ("TOTE", 3)]
    assert "STOLE" in hunar("stock", "list", "--stage", "dev").stdout
    path = tmp_path / "stock.csv"
    assert "2 products are in" in hunar("stock", "list", "--csv", str(path), "--stage", "dev").stdout
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfsku,group_id,on_hand")
    assert raw.decode("utf-8-sig").splitlines()[1] == "STOLE,G11,10,8,2,0,0,0"
    nowhere = hunar("stock", "list", "--csv", str(tmp_path / "no" / "x.csv"), "--stage", "dev", code=1)
    assert "No such file" in one_line(nowhere)


def test_the_worklist_is_listed_shown_and_resolved(operated: Operated, tmp_path: Path) -> None:
    [found] = document("exceptions", "list", "--stage", "dev")
    identity = found["exception_id"]
    assert found["kind"] == "EXCESS_CANCELLATION"
    listed = CliRunner(env={"COLUMNS": "60"}).invoke(application, ["exceptions", "list", "--stage", "dev"]).stdout
    assert identity in listed
    shown = document("exceptions", "show", identity, "--stage", "dev")
    assert shown["resolved_by"] == ["acknowledge", "void", "remap"]
    assert [event["what"] for event in shown["history"]] == ["opened"]
    path = tmp_path / "worklist.csv"
    hunar("exceptions", "list", "--csv", str(path), "--stage", "dev")
    [row] = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig")))
    assert row["order_ref"] == "flipkart:demo:S2"
    wrong = hunar("exceptions", "resolve", identity, "--counted", "3", *DEV, code=1)
    assert "counted: acknowledge takes no such field" in one_line(wrong)
    said = hunar("exceptions", "resolve", identity, "--note", "the portal shows one", *DEV).stdout
    assert said == "Acknowledged by farzana. It opens again when what it says changes.\n"
    assert "Nothing stands on the worklist." in hunar("exceptions", "list", "--stage", "dev").stdout
    [closed] = document("exceptions", "list", "--state", "closed", "--stage", "dev")
    assert closed["closed_at"] is not None
    assert document("exceptions", "list", "--state", "all", "--stage", "dev") == [closed]
    wide = CliRunner(env={"COLUMNS": "200"})
    assert "the portal shows one" in wide.invoke(application, ["exceptions", "show", identity, "--stage", "dev"]).stdout
    assert "is closed since" in one_line(hunar("exceptions", "resolve", identity, *DEV, code=1))
    assert "no exception of this id" in one_line(hunar("exceptions", "show", "0" * 32, "--stage", "dev", code=1))


def test_an_exception_is_resolved_by_another_act_that_it_offers(operated: Operated) -> None:
    [found] = document("exceptions", "list", "--stage", "dev")
    told = document("exceptions", "resolve", found["exception_id"], "--act", "void", "--note", "not ours", *DEV)
    assert told["status"] == "accepted"
    operated.settle()
    assert document("exceptions", "list", "--stage", "dev") == []


def test_a_fact_is_found_and_voided_and_a_line_remapped(operated: Operated) -> None:
    rows = document("order", "facts", "flipkart:demo:S2", "--stage", "dev")
    assert [(row["what"], row["line_id"]) for row in rows] == [("placed", "1"), ("cancelled", "1")]
    assert "cancelled" in hunar("order", "facts", "flipkart:demo:S2", "--stage", "dev").stdout
    hunar("order", "void", "flipkart:demo:S2", rows[1]["fact_id"], "--reason", "not ours", *DEV)
    hunar("order", "remap", "flipkart:demo:S1", "1", "TOTE", "--reason", "wrong label", *DEV)
    operated.settle()
    assert document("exceptions", "list", "--stage", "dev") == []
    assert document("stock", "show", "TOTE", "--stage", "dev")["reserved"] == 3
    told = document("order", "facts", "flipkart:demo:S2", "--stage", "dev")
    assert [row["what"] for row in told] == ["placed", "cancelled", "voided"]
    assert told[1]["detail"].endswith("(void)")
    assert "there is no order" in one_line(hunar("order", "facts", "flipkart:demo:S9", "--stage", "dev", code=1))


def test_two_facts_that_read_alike_have_an_id_each(operated: Operated) -> None:
    operated.world.post(created("S1", item("STOLE", 2, price=999.0)))
    operated.world.settle()
    operated.copy()
    rows = document("order", "facts", "flipkart:demo:S1", "--stage", "dev")
    assert [row["what"] for row in rows] == ["placed", "placed"]
    assert len({row["fact_id"] for row in rows}) == 2


def test_a_returned_parcel_is_inspected(operated: Operated) -> None:
    world = operated.world
    world.post(step("S1", "shipped"))
    entry = {"orderItemId": "1", "quantity": 2, "shipmentId": "S1", "source": "courier_return"}
    for name in ("created", "completed"):
        message = {"eventType": f"return_{name}", "source": "flipkart", "timestamp": "2026-11-28T10:00:00+05:30"}
        world.post(message | {"returnId": "R1", "attributes": {"returnItems": [entry]}})
        world.settle()
    operated.copy()
    parcel = ("order", "inspect", "flipkart:demo:S1", "R1")
    assert "only 2 are back" in one_line(hunar(*parcel, "--good", "3", *DEV, code=1))
    assert "nothing was counted" in one_line(hunar(*parcel, *DEV, code=1))
    hunar(*parcel, "--good", "1", "--damaged", "1", "--reason", "box was wet", *DEV)
    operated.settle()
    assert document("stock", "show", "STOLE", "--stage", "dev")["on_hand"] == 9


def test_every_command_takes_json_stage_and_those_that_act_a_person_and_an_id() -> None:
    runner = CliRunner(env={"COLUMNS": "200"})
    acts = ["stock adjust", "stock recount", "stock buffer", "stock fair take", "stock fair sold", "stock fair back"]
    acts += ["exceptions resolve", "order void", "order remap", "order inspect"]
    for command in (
        *acts,
        "stock list",
        "stock show",
        "stock fair show",
        "exceptions list",
        "exceptions show",
        "order facts",
    ):
        said = runner.invoke(application, [*command.split(), "--help"]).stdout
        assert "--json" in said, command
        assert "--stage" in said, command
        assert ("--person" in said and "--act-id" in said) == (command in acts), command


def test_every_message_that_a_command_sends_is_read_by_the_functions(operated: Operated) -> None:
    hunar("stock", "adjust", "STOLE", "1", "--reason", "r", *DEV)
    hunar("order", "remap", "flipkart:demo:S1", "1", "TOTE", "--reason", "r", *DEV)
    url = operated.stack.queues[QueueName.ORDER_EVENTS]
    sent = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(ORDER_EVENT.validate_json(message["Body"]).kind for message in sent) == ["act", "adjust"]


# what a spreadsheet does with a text


def test_a_spreadsheet_gets_texts_as_texts_and_numbers_as_numbers() -> None:
    row: list[Any] = [
        "=1+1", "+91 99", "-5", "@SUM(A1)", "\t=1", " =1", "00042", "123456789012345678", "1E5", "3-4", "12/11/2026",
        "MAR-1", "1 Dec", "TRUE", -5, 7, None, "STOLE", "flipkart:demo:S1", "2026-11-24T09:30:00Z", "तसर, स्टोल", '"',
    ]  # fmt: skip
    raw = write_table([f"c{number}" for number in range(len(row))], [row])
    [_, cells] = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert cells[:14] == [f"'{text}" for text in row[:14]]
    assert cells[14:] == ["-5", "7", "", *row[17:]]


def test_a_list_that_was_written_can_be_read_as_an_imported_table() -> None:
    raw = write_table(["sku", "quantity"], [["STOLE", 4], ["तसर", 0]])
    records, problems = read_table("stock.csv", raw, ["sku", "quantity"], [])
    assert problems == []
    assert [record.cells for record in records] == [{"sku": "STOLE", "quantity": "4"}, {"sku": "तसर", "quantity": "0"}]
