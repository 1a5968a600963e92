"""The list of changes that no test notices stays true while the code moves on. ``make mutate`` makes the changes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOMAIN = ROOT / "layers/common/hunar/domain"
PLAN: dict[str, Any] = tomllib.loads((ROOT / "tests/mutation/mutation.toml").read_text())
SURVIVORS: list[dict[str, Any]] = tomllib.loads((ROOT / "tests/mutation/survivors.toml").read_text())["survivor"]


def test_every_survivor_is_a_change_of_a_line_that_still_stands_and_has_a_reason() -> None:
    for entry in SURVIVORS:
        lines = [line.strip() for line in (DOMAIN / f"{entry['module']}.py").read_text().splitlines()]
        assert entry["line"] in lines, f"{entry['module']}: {entry['line']}"
        assert entry["changes"] and entry["line"] not in entry["changes"]
        assert len(entry["reason"]) > 20, entry["line"]


def test_every_module_that_decides_is_changed_and_its_tests_are_there() -> None:
    orders = {"facts", "order", "returns", "demand", "stock", "effects", "due"}
    money = {"payout", "debt", "holds", "split", "members", "merger", "batch", "head", "ledger"}
    payees = {"beneficiary", "payee_ids", "bank_file"}
    assert orders | money | payees <= set(PLAN["modules"])
    for module, tests in PLAN["modules"].items():
        assert (DOMAIN / f"{module}.py").exists()
        assert tests and all((ROOT / test).exists() for test in tests), module
    assert PLAN["percent_killed"] >= 95
