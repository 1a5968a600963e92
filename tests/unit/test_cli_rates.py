"""``hunar rates explain`` and ``check`` as a person at the terminal meets them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hunar import tables
from hunar.cli import application
from hunar.cli.deployed import Deployed
from hunar.ports import Put
from hunar.tables import Table
from tests.everything import lived
from tests.world import World

DEMO = Path(__file__).parents[2] / "local" / "demo"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = lived(World())
    world.store.commit([Put(tables.account("flipkart", "demo"), {"marketplace": "flipkart", "account": "demo"})])
    monkeypatch.setattr(Deployed, "find", lambda stage: SimpleNamespace(store=world.store))
    return world


def hunar(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(application, ["rates", *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def document(*arguments: str, code: int = 0) -> Any:
    return json.loads(hunar(*arguments, "--json", code=code).stdout)


def balances(entries: Any) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for account, row, paise in entries:
        found[account, row] = found.get((account, row), 0) + paise
    return {key: paise for key, paise in found.items() if paise}


def test_what_is_explained_of_every_order_is_what_stands_booked(world: World) -> None:
    booked = 0
    for order in [item["order_ref"] for item in world.items(Table.ORDERS) if "order_ref" in item]:
        entries = [
            entry for entry in world.items(Table.LEDGER) if entry.get("order_ref") == order and "postings" in entry
        ]
        for line in document("explain", order)["lines"]:
            mine = [entry for entry in entries if entry["line_id"] == line["line_id"]]
            stands = balances((p["account"], p["rate_row"], p["amount_paise"]) for e in mine for p in e["postings"])
            told = balances((p["account"], r["row_id"], p["amount_paise"]) for r in line["rows"] for p in r["postings"])
            if line["booked"] == "yes":
                assert told == stands
                booked += bool(stands)
            assert hunar("explain", order, "--line", line["line_id"]).stdout.startswith(f"line {line['line_id']}")
    assert booked


def test_a_person_reads_rows_with_their_source_and_who_answers_for_them(world: World) -> None:
    said = hunar("explain", "flipkart:demo:S1").stdout
    assert max(len(line.rstrip()) for line in said.splitlines()) <= 100
    for words in ("fk-commission-textiles", "2025-09-22", "Meena Kumari", "Fictional demo card", "6 % of"):
        assert words in said, words
    assert "expected:fee:commission" in said


def test_a_person_reads_the_clauses_of_the_group_that_shared_the_rest_and_where_the_minutes_are(world: World) -> None:
    rows = [row for line in document("explain", "flipkart:demo:S1")["lines"] for row in line["rows"]]
    fee = next(row for row in rows if row.get("row_id", "").endswith(":fund"))
    assert fee["row_id"].startswith("resolution:G")
    assert fee["how"] == "5 % of what the group gets"
    assert fee["paise"] == sum(p["amount_paise"] for p in fee["postings"] if p["account"].startswith("expected:group:"))
    said = " ".join(hunar("explain", "flipkart:demo:S1").stdout.split())
    assert "minutes of" in said


def test_what_cannot_be_explained_is_one_line(world: World) -> None:
    for arguments, told in (
        (("explain", "flipkart:demo:NOPE"), "there is no order flipkart:demo:NOPE"),
        (("explain", "flipkart:demo:S1", "--line", "no"), "there is no order flipkart:demo:S1 with a line no"),
        (("explain", "S1"), "S1 is not marketplace:account:id"),
        (("check", "/nowhere"), "/nowhere/rates.csv: No such file or directory"),
    ):
        assert document(*arguments, code=1) == {"error": told}


def test_a_folder_is_checked_without_a_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deployed, "find", lambda stage: pytest.fail("no stack is needed"))
    assert document("check", str(DEMO)) == {"rows": 26, "problems": [], "drafts": []}
    shutil.copy(DEMO / "rates.csv", tmp_path)
    path = tmp_path / "rates.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Meena Kumari", "", 1), encoding="utf-8")
    [draft] = document("check", str(tmp_path))["drafts"]
    assert (draft["where"], draft["row"], draft["column"]) == ("rates.csv", 2, "approved_by")
    assert "look at rates.csv row 2 column approved_by" in hunar("check", str(path)).stderr
    assert "rates.csv row 2 column approved_by" in hunar("check", str(path), "--stage", "prod", code=1).stderr
    text = path.read_text(encoding="utf-8").replace("2025-09-22,2026-04-01", "2025-09-22,2026-03-01", 1)
    path.write_text(text, encoding="utf-8")
    found = document("check", str(path), code=1)["problems"]
    assert [(one["row"], one["column"]) for one in found] == [(4, "to")]
    assert "gap: no commission from 2026-03-01" in found[0]["message"]
    path.write_text(text.replace("ppm_of_price", "ppm_of_luck", 1), encoding="utf-8")
    [wrong] = document("check", str(path), code=1)["problems"]
    assert (wrong["row"], wrong["column"]) == (2, "basis")


def test_what_is_registered_is_checked_and_its_drafts_are_named(world: World) -> None:
    assert document("check") == {"rows": 26, "problems": [], "drafts": []}
    key = tables.rate("flipkart", "fk-collection")
    row = world.store.read([key])[key]
    old = {name: value for name, value in row.items() if name != "approved_by"}
    again = old | {"row_id": "fk-again"}
    world.store.commit([Put(key, old)])
    [draft] = document("check")["drafts"]
    assert (draft["where"], draft["row"], draft["column"]) == ("flipkart/fk-collection", None, "approved_by")
    assert document("check", "--stage", "prod", code=1)["problems"] == []
    world.store.commit([Put(tables.rate("flipkart", "fk-again"), again)])
    [wrong] = document("check", code=1)["problems"]
    assert "overlaps" in wrong["message"]
    assert " in row " not in wrong["message"]
    assert hunar("check", code=1).stdout.startswith("27 rows: 1 gaps")
