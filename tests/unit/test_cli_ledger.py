"""``hunar ledger audit`` as a person at the terminal meets it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hunar import tables
from hunar.cli import application
from hunar.cli.deployed import Deployed
from hunar.ports import QueueName
from tests.book import SALE
from tests.proving import change, take
from tests.till import Till


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    """One settled line, an unknown one, and one that was stored and not commanded."""
    till = Till()
    till.group("G03")
    till.group("G04")
    till.sell()
    till.settle(till.line(SALE), till.line(SALE, "I-9"))
    till.keep(till.line({"fee:shipping_fee": -1_000}, "I-8"))
    take(till)
    monkeypatch.setattr(Deployed, "find", lambda stage: SimpleNamespace(store=till.store, queues=till.queues))
    return till


def hunar(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(application, arguments, env={"COLUMNS": "120"})
    assert result.exit_code == code, (result.output, result.exception)
    return result


def document(*arguments: str, code: int = 0) -> Any:
    return json.loads(hunar(*arguments, "--json", code=code).stdout)


def cells(said: str, first: str) -> list[str]:
    return next(line.split() for line in said.splitlines() if line.strip().startswith(first))


def test_sound_books_are_a_table_and_the_word_proved(till: Till) -> None:
    said = hunar("ledger", "audit").stdout
    assert cells(said, "G03") == ["G03", "1", "654.42", "0.00", "0.00", "34.44", "0"]
    assert cells(said, "flipkart#demo#NEFT-1")[1:] == ["3", "891.07", "0.00", "891.07", "-10.00", "1,772.14", "0"]
    assert cells(said, "suspense") == ["suspense", "891.07"]
    assert "Not booked (new): ITEM#flipkart#demo#I-8" in said
    assert said.splitlines()[-1] == "2 books, 1 entries, 1 settlements: proved."


def test_it_writes_and_commands_nothing(till: Till) -> None:
    before = till.store.everything()
    hunar("ledger", "audit")
    assert till.store.everything() == before
    assert till.queues.taken(QueueName.PAYOUTS) == []


def test_what_is_wrong_is_named_in_rupees_and_the_command_fails(till: Till) -> None:
    change(till, tables.book("G03"), lambda item: item["balances"].update({"group_fund:G03": -3_445}))
    said = hunar("ledger", "audit", code=1).stdout
    assert "group G03: BALANCE: group_fund:G03 is -34.45 in the head and -34.44 by the entries: -0.01" in said
    assert said.splitlines()[-1].endswith("NOT proved: 1 faults, 0.01 in all.")
    assert "proved." in hunar("ledger", "audit", "--group", "G04").stdout
    assert "0.01 in all" in hunar("ledger", "audit", "--group", "G03", code=1).stdout


def test_the_document_says_the_same(till: Till) -> None:
    found = document("ledger", "audit")
    assert found["proved"] is True and found["faults"] == []
    assert found["accounts"]["suspense"] == -89_107
    [settlement] = found["settlements"]
    assert settlement["matched"] + settlement["agency"] + settlement["suspense"] + settlement["open"] == 177_214
    assert [one["paise"] for one in found["not_booked"]] == [1_000]
    change(till, tables.book("G03"), lambda item: item.update(seq=2))
    found = document("ledger", "audit", code=1)
    assert [fault["what"] for fault in found["faults"]] == ["SEQUENCE"]
