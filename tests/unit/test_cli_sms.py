"""``hunar sms`` as an operator uses it, against a stack in AWS (played by moto)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from hunar import tables
from hunar.adapters.dynamodb.store import DynamoDBStore
from hunar.cli import application
from hunar.ports import Put, QueueName
from hunar.tables import Item
from hunar.use_cases.paging import batches
from tests.flipkart_messages import cancelled, created, item
from tests.unit.test_cli import Stack, create_stack, document, hunar, one_line
from tests.world import World

STAGE = ("--stage", "dev")
DEV = (*STAGE, "--person", "farzana")
DAYS = ("--from", "2026-11-25", "--to", "2026-11-25")
ORDER = "flipkart:demo:S1"


class Texted:
    """A day of the world in memory, brought to a stack in AWS: two groups, their contacts, texts about two orders."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.store = DynamoDBStore(boto3.client("dynamodb"), stack.tables)
        world = World()
        world.group("G11", "hi")
        world.group("G22", "bn")
        world.product("STOLE", "G11", "Stole", stock=10)
        world.product("TOTE", "G22", "Tote", stock=3)
        world.settle()
        for message in (created("S1", item("STOLE", 2)), cancelled("S1"), created("S2", item("TOTE", 1))):
            world.post(message)
            world.settle()
            world.time += timedelta(minutes=1)
        second = {"group_id": "G11", "slot": "second", "name": "=HYPERLINK(1)", "phone": "+919999900012"}
        world.store.commit([Put(tables.contact("G11", "second"), second | {"role": "literate_member"})])
        everything = [Put(key, stored) for key, stored in world.store.everything().items()]
        for some in batches(everything):
            self.store.commit(some)
        self.texts = world.notifications()

    def text(self, kind: str, group_id: str = "G11") -> Item:
        [found] = [one for one in self.texts if (one["kind"], one["group_id"]) == (kind, group_id)]
        return found

    def change(self, text: Item, **said: Any) -> None:
        self.store.commit([Put(tables.notification(text["notification_id"]), text | said)])

    def sent(self) -> list[dict[str, Any]]:
        client, url = boto3.client("sqs"), self.stack.queues[QueueName.NOTIFICATIONS]
        found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]


@pytest.fixture
def texted() -> Iterator[Texted]:
    with mock_aws():
        yield Texted(create_stack())


def receipt(**said: Any) -> Item:
    plain = {"state": "DELIVERED", "code": "DELIVERED", "reason": "", "at": "2026-11-25T04:05:00Z", "final": True}
    return plain | {"parts": 2, "price_millionths": 5_120, "currency": "USD"} | said


def wide(*arguments: str) -> str:
    """What a wide terminal shows, with single spaces."""
    result = CliRunner(env={"COLUMNS": "300"}).invoke(application, arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


# what texts cost


def test_what_texts_cost_is_summed_and_what_nobody_knows_is_said(texted: Texted) -> None:
    texted.change(texted.text("NEW_ORDER"), receipt=receipt())
    texted.change(texted.text("CANCELLED"), receipt=receipt(price_millionths=2_560, parts=1))
    told = document("sms", "spend", *DAYS, *STAGE)
    assert told["items"] == [
        {"kind": "CANCELLED", "texts": 1, "parts": 1, "prices": {"USD": 2_560}, "unpriced": 0},
        {"kind": "NEW_ORDER", "texts": 2, "parts": 4, "prices": {"USD": 5_120}, "unpriced": 1},
    ]
    assert told["total"] == {"texts": 3, "parts": 5, "prices": {"USD": 7_680}, "unpriced": 1}
    assert (told["from"], told["to"]) == ("2026-11-24T18:30:00Z", "2026-11-25T18:30:00Z")
    by_day = document("sms", "spend", *DAYS, "--by", "day", *STAGE)["items"]
    assert [(one["day"], one["texts"]) for one in by_day] == [("2026-11-25", 3)]
    night = ("--from", "2026-11-24", "--to", "2026-11-24")
    assert "No text went" in hunar("sms", "spend", *night, *STAGE).stdout
    said = wide("sms", "spend", *DAYS, *STAGE)
    assert "CANCELLED 1 1 0.002560 USD" in said
    assert "all 3 5 0.007680 USD + 1 of unknown price" in said


def test_what_texts_cost_goes_into_a_spreadsheet(texted: Texted, tmp_path: Path) -> None:
    texted.change(texted.text("NEW_ORDER"), receipt=receipt(), group_id="=cmd")
    path = tmp_path / "spend.csv"
    said = hunar("sms", "spend", *DAYS, "--by", "group", "--csv", str(path), *STAGE).stdout
    assert f"3 rows are in {path}" in " ".join(said.split())
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == {"group": "'=cmd", "texts": "1", "parts": "2", "millionths USD": "5120", "without price": "0"}
    assert rows[1]["without price"] == "1"


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("yesterday", "2026-11-25", "--from: yesterday is neither a day"),
        ("2026-11-25", "2026-31-31", "--to: 2026-31-31 is neither a day"),
        ("2026-11-25", "2026-11-24", "--to: 2026-11-24 is not after --from 2026-11-25"),
        ("2026-11-25", "2026-11-25T00:00:00+05:30", "--to: 2026-11-25T00:00:00+05:30 is not after"),
    ],
)
def test_times_that_cannot_be_are_named(since: str, until: str, said: str) -> None:
    assert said in one_line(hunar("sms", "spend", "--from", since, "--to", until, *STAGE, code=1))


# whom they reach


def test_contacts_are_listed_with_masked_numbers(texted: Texted, tmp_path: Path) -> None:
    listed = document("sms", "contacts", *STAGE)
    assert [(one["group_id"], one["slot"], one["phone"]) for one in listed] == [
        ("G11", "leader", "+91******11"),
        ("G11", "second", "+91******12"),
        ("G22", "leader", "+91******22"),
    ]
    assert document("sms", "contacts", "--numbers", *STAGE)[0]["phone"] == "+919999900011"
    said = wide("sms", "contacts", *STAGE)
    assert "+91******12" in said
    assert "99999000" not in said
    path = tmp_path / "contacts.csv"
    assert "3 contacts are in" in wide("sms", "contacts", "--csv", str(path), *STAGE)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert (rows[1]["name"], rows[1]["phone"]) == ("'=HYPERLINK(1)", "'+91******12")


def test_only_stale_numbers_are_listed_when_only_they_are_asked_for(texted: Texted) -> None:
    assert len(document("sms", "contacts", "--stale", *STAGE)) == 3
    for group_id, slot in (("G11", "leader"), ("G11", "second"), ("G22", "leader")):
        prove(texted, group_id, slot)
    assert document("sms", "contacts", "--stale", *STAGE) == []
    assert "Every number was proven" in hunar("sms", "contacts", "--stale", *STAGE).stdout
    talk = {"group_id": "G22", "slot": "leader", "failed_in_row": 4, "delivered_at": None, "version": 1}
    texted.store.commit([Put(tables.talk("G22", "leader"), talk)])
    [stale] = document("sms", "contacts", "--stale", *STAGE)
    assert (stale["group_id"], stale["stale"]) == ("G22", ["the last 4 texts were not delivered"])
    assert "the last 4 texts were not delivered" in wide("sms", "contacts", *STAGE)


def test_a_stack_without_contacts_says_so() -> None:
    with mock_aws():
        create_stack()
        assert "No contact is registered" in hunar("sms", "contacts", *STAGE).stdout


def prove(texted: Texted, group_id: str, slot: str) -> None:
    hunar("sms", "verify", group_id, slot, *DEV)
    [message] = texted.sent()
    hunar("sms", "verify", group_id, slot, "--code", message["says"]["code"], *DEV)


def test_a_number_is_verified_by_a_code_that_only_its_phone_shows(texted: Texted) -> None:
    said = hunar("sms", "verify", "G11", "leader", *DEV).stdout
    [message] = texted.sent()
    code = message["says"]["code"]
    assert (message["notification_kind"], message["group_id"], message["contact"]) == (
        "ONBOARDING_CODE",
        "G11",
        "leader",
    )
    assert len(code) == 6
    assert code not in said
    assert "hunar sms verify G11 leader --code" in said
    wrong = "000000" if code != "000000" else "111111"
    refused = one_line(hunar("sms", "verify", "G11", "leader", "--code", wrong, *DEV, code=1))
    assert refused == "hunar: code: is not the one that was sent; 2 tries are left"
    assert "is hers" in hunar("sms", "verify", "G11", "leader", "--code", code, *DEV).stdout
    [leader, *_] = document("sms", "contacts", *STAGE)
    assert (leader["proof"], leader["stale"]) == ("verified", [])
    again = document("sms", "verify", "G11", "leader", *DEV)
    assert set(again) == {"group_id", "slot", "code_until"}


def test_codes_differ(texted: Texted) -> None:
    for _ in range(3):
        hunar("sms", "verify", "G11", "leader", *DEV)
    messages = texted.sent()
    assert len({message["notification_id"] for message in messages}) == 3
    assert len({message["says"]["code"] for message in messages}) > 1


def test_a_contact_leaves_out_a_kind_with_a_name_and_a_reason(texted: Texted) -> None:
    out = ("sms", "opt-out", "G11", "leader", "LOW_STOCK", "--reason", "she knows", *DEV)
    assert hunar(*out).stdout == "The leader of G11 gets no LOW_STOCK any more.\n"
    assert hunar(*out).stdout == "The leader of G11 gets no LOW_STOCK already.\n"
    [leader, *_] = document("sms", "contacts", *STAGE)
    assert leader["opted_out"]["LOW_STOCK"]["by"] == "farzana"
    assert leader["opted_out"]["LOW_STOCK"]["reason"] == "she knows"
    assert "LOW_STOCK" in wide("sms", "contacts", *STAGE)
    back = ("sms", "opt-in", "G11", "leader", "LOW_STOCK", *DEV)
    assert document(*back) == {"group_id": "G11", "slot": "leader", "kind": "LOW_STOCK", "changed": True}
    assert hunar(*back).stdout == "The leader of G11 gets LOW_STOCK anyway.\n"


@pytest.mark.parametrize(
    ("group_id", "slot", "kind", "said"),
    [
        ("G22", "leader", "NEW_ORDER", "kind: nobody else in G22 hears of NEW_ORDER"),
        ("G22", "second", "RETURN", "slot: G22 has no second in contacts.csv"),
        ("G22", "boss", "RETURN", "slot: 'boss' is not one of leader, second, third"),
        ("G22", "leader", "WEATHER", "kind: 'WEATHER' is not one of"),
    ],
)
def test_what_cannot_be_left_out_is_named(texted: Texted, group_id: str, slot: str, kind: str, said: str) -> None:
    command = ("sms", "opt-out", group_id, slot, kind, "--reason", "r", *DEV)
    assert said in one_line(hunar(*command, code=1))
    assert said in document(*command, code=1)["error"]


# what became of them


def test_the_texts_about_an_order_are_shown_with_who_has_heard(texted: Texted) -> None:
    new, cancel = texted.text("NEW_ORDER"), texted.text("CANCELLED")
    lost = receipt(state="FAILED", code="622", reason="the header is not registered", price_millionths=None)
    texted.change(new, status="FAILED", receipt=lost)
    [first, second] = document("sms", "show", ORDER, *STAGE)
    assert (first["kind"], first["receipt"]["reason"], first["heard"]) == ("NEW_ORDER", lost["reason"], None)
    assert (second["kind"], second["to"]) == ("CANCELLED", "+91******11")
    assert hunar("sms", "heard", cancel["notification_id"], "--what", "packed", *DEV).stdout == "packed is noted.\n"
    said = wide("sms", "show", ORDER, *STAGE)
    assert "the header is not registered" in said
    assert "packed (tick, farzana)" in said
    assert "99999000" not in said
    assert "+919999900011" in wide("sms", "show", ORDER, "--numbers", *STAGE)


def test_a_digest_and_the_text_to_the_next_contact_are_shown_too(texted: Texted) -> None:
    new = texted.text("NEW_ORDER")
    for name, said in (("digest", {"members": [new["notification_id"]], "order_ref": None}), ("second", {})):
        text = new | {"notification_id": name, "feed_sk": f"2026-11-26T04:00:00Z#{name}", **said}
        texted.store.commit([Put(tables.notification(name), text)])
    other = new | {"notification_id": "other", "feed_sk": "2026-11-26T04:00:00Z#other", "order_ref": "flipkart:demo:S9"}
    texted.store.commit([Put(tables.notification("other"), other)])
    shown = [text["notification_id"] for text in document("sms", "show", ORDER, *STAGE)]
    assert shown[2:] == ["digest", "second"]
    assert len(shown) == 4


def test_an_order_that_nobody_knows_and_one_without_texts_say_so(texted: Texted) -> None:
    assert one_line(hunar("sms", "show", "flipkart:demo:NO", *STAGE, code=1)).endswith(
        "there is no order flipkart:demo:NO"
    )
    assert "there is no order" in one_line(hunar("sms", "show", "x" * 3000, *STAGE, code=1))
    for text in texted.texts:
        texted.store.commit([Put(tables.notification(text["notification_id"]), None)])
    assert "No text about this order" in hunar("sms", "show", ORDER, *STAGE).stdout


def test_a_text_that_nobody_knows_is_not_heard(texted: Texted) -> None:
    said = one_line(hunar("sms", "heard", "nothing", "--what", "heard", *DEV, code=1))
    assert said == "hunar: notification_id: there is no text nothing"
    hunar("sms", "heard", "nothing", "--what", "eaten", *DEV, code=2)
    text = texted.texts[0]["notification_id"]
    told = document("sms", "heard", text, "--what", "heard", *DEV)
    assert told == {"notification_id": text, "what": "heard", "person": "farzana"}


def test_every_command_takes_json_and_stage() -> None:
    for command in ("spend", "contacts", "opt-out", "opt-in", "verify", "heard", "show"):
        assert {"--json", "--stage"} <= set(hunar("sms", command, "--help").stdout.split())
