"""The deployed entry of the nightly proof on its Lambda event, over moto's tables and queues."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from functions.prove_ledger import handler as prove_ledger
from hunar import tables, wiring
from hunar.adapters.memory import MemoryStore
from hunar.ports import Put, QueueName
from hunar.tables import Table
from hunar.wiring import Application
from tests.book import SALE
from tests.deployed import deploy, event, log_lines, open_exceptions, waiting
from tests.proving import take
from tests.till import Till

CLEAN = {"proved": True, "books": 1, "settlements": 1, "faults": 0, "fault_paise": 0, "moving": [], "left": 0}


class Context:
    def __init__(self, seconds: int = 900) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return self._seconds * 1000


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """A settled line, and one that was stored and never commanded."""
    with mock_aws():
        made = deploy(monkeypatch)
        till = Till(store=MemoryStore())
        till.group("G03")
        till.sell()
        till.settle(till.line(SALE))
        till.keep(till.line({"fee:shipping_fee": -1_000}))
        take(till)
        for key, item in till.store.everything().items():
            made.store.commit([Put(key, item)])
        yield made
        wiring.application.cache_clear()


def test_a_night_proves_and_commands(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    answer = prove_ledger.handle(event("prove_ledger"), Context())
    assert answer | {"at": ""} == CLEAN | {"at": "", "commanded": 1}
    assert [message["subject"] for message in waiting(application, QueueName.PAYOUTS)] == ["ITEM#flipkart#demo#I-1"]
    counted = capsys.readouterr().out
    assert '"LedgerProved":[1.0]' in counted and '"LedgerFaults":[0.0]' in counted
    assert open_exceptions(application) == []


def test_one_paisa_is_counted_logged_and_shown(
    application: Application, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tables.settlement("flipkart", "demo", "NEFT-1")
    header = application.store.read([key])[key]
    application.store.commit([Put(key, header | {"total_paise": header["total_paise"] + 1})])
    lines = log_lines(monkeypatch)
    answer = prove_ledger.handle(event("prove_ledger"), Context())
    assert (answer["proved"], answer["faults"], answer["fault_paise"]) == (False, 1, 1)
    counted = capsys.readouterr().out
    assert '"LedgerFaults":[1.0]' in counted and '"LedgerFaultPaise":[1.0]' in counted
    assert '"LedgerProved":[1.0]' in counted, "it was proved to be wrong"
    assert [(line["kind"], line["amount_paise"]) for line in lines() if line["message"] == "ledger_fault"] == [
        ("TOTAL", 1)
    ]
    [shown] = open_exceptions(application)
    assert shown["kind"] == "LEDGER_FAULT" and "-0.01" in shown["message"]
    application.store.commit([Put(key, header)])
    prove_ledger.handle(event("prove_ledger"), Context())
    assert open_exceptions(application) == []


def test_what_did_not_come_to_its_end_is_no_proof(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    answer = prove_ledger.handle(event("prove_ledger"), Context(seconds=5))
    assert answer["left"] == 2 and not answer["proved"]
    assert "LedgerProved" not in capsys.readouterr().out


def test_it_reads_the_tables_that_it_was_given_and_writes_one(application: Application) -> None:
    before = {table: list(application.store.scan(table)) for table in Table if table is not Table.EXCEPTIONS}
    prove_ledger.handle(event("prove_ledger"), Context())
    assert {table: list(application.store.scan(table)) for table in before} == before
