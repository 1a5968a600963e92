"""Every nasty case and every invariant of paying groups has a test that carries its number, and the indices
name exactly those tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

TESTS = Path(__file__).parents[1]
CASES: dict[str, Any] = yaml.safe_load((TESTS / "cases.yaml").read_text())
INVARIANTS: dict[str, Any] = yaml.safe_load((TESTS / "invariants.yaml").read_text())
CASE_NAMES = re.compile(r"test_cases?_((?:(?:[0-9]+|and)_)+)")
INVARIANT_NAMES = re.compile(r"test_((?:i[0-9]+_)+)")


def carried(names: re.Pattern[str]) -> dict[int, set[str]]:
    """The tests by the numbers in their names."""
    found: dict[int, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and (match := names.match(node.name)):
                for number in re.findall("[0-9]+", match[1]):
                    found.setdefault(int(number), set()).add(f"{path.relative_to(TESTS.parent)}::{node.name}")
    return found


@pytest.mark.parametrize(
    ("told", "names"),
    [(CASES["cases"], CASE_NAMES), (INVARIANTS["invariants"], INVARIANT_NAMES)],
    ids=["cases", "invariants"],
)
def test_an_index_names_exactly_the_tests_that_carry_a_number(told: dict[int, Any], names: re.Pattern[str]) -> None:
    assert {number: set(one["tests"]) for number, one in told.items()} == carried(names)


@pytest.mark.parametrize(("told", "last"), [(CASES, 40), (INVARIANTS, 28)], ids=["cases", "invariants"])
def test_every_number_is_tested_and_none_comes_later(told: dict[str, Any], last: int) -> None:
    assert told["later"] == {}
    [numbers] = [told[name] for name in ("cases", "invariants") if name in told]
    assert numbers.keys() == set(range(1, last + 1))
    assert all(one["tests"] for one in numbers.values())
