"""Every fault of the catalogue that is ours has a test that carries its number, and the index names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import yaml

TESTS = Path(__file__).parents[1]
INDEX: dict[str, Any] = yaml.safe_load((TESTS / "faults.yaml").read_text())
OURS = {*range(1, 35), *range(38, 42), 45, 48, 49, 53, 56}
"""The door, the order, the stock and settled money. Texts, payouts and operation come with their own."""
_CARRIES = re.compile(r"test_faults?_((?:(?:[0-9]+|and)_)+)")


def carried() -> dict[int, set[str]]:
    """The tests by the numbers in their names."""
    found: dict[int, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and (match := _CARRIES.match(node.name)):
                for number in re.findall("[0-9]+", match[1]):
                    found.setdefault(int(number), set()).add(f"{path.relative_to(TESTS.parent)}::{node.name}")
    return found


def test_the_index_names_exactly_the_tests_that_carry_a_number() -> None:
    assert {number: set(told["tests"]) for number, told in INDEX["faults"].items()} == carried()


def test_every_fault_of_ours_has_a_test() -> None:
    assert set(INDEX["faults"]) >= OURS
    assert all(told["tests"] and told["fault"] for told in INDEX["faults"].values())
