"""Who may import whom: functions → operator_api → use_cases → domain; only wiring and the command know adapters."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/common"

PURE = frozenset({"hunar.domain"})
CONTRACT = frozenset({"hunar.ports", "hunar.tables", "hunar.messages"})
DATA = frozenset(
    {"hunar.sms_templates", "hunar.rate_cards", "hunar.bank_files", "hunar.payout_rails", "hunar.statement_words"}
)
MAY: dict[str, frozenset[str]] = {
    "hunar/domain": PURE,
    "hunar/marketplaces": PURE | {"hunar.ports", "hunar.marketplaces"},
    "hunar/sms_templates": PURE,
    "hunar/rate_cards": PURE,
    "hunar/bank_files": PURE,
    # What RazorpayX takes, and the proof of its webhook, which reads bodies as strictly as a marketplace's.
    "hunar/payout_rails": PURE | {"hunar.ports", "hunar.marketplaces.body", "hunar.payout_rails"},
    "hunar/statement_words": PURE,
    "hunar/statement_files": PURE | {"hunar.statement_words", "hunar.statement_files"},
    "hunar/operator_api": PURE | CONTRACT | {"hunar.use_cases", "hunar.operator_api"},
    "hunar/use_cases": PURE | CONTRACT | DATA | {"hunar.use_cases"},
    "hunar/adapters": PURE | {"hunar.ports", "hunar.tables", "hunar.adapters"},
    "functions": PURE
    | CONTRACT
    | {"hunar.use_cases", "hunar.operator_api", "hunar.wiring", "hunar.telemetry", "hunar.batch"}
    # What a group reads; make_statement alone carries what draws it.
    | {"hunar.statement_words", "hunar.statement_files"},
}
NOT_IN_THE_DOMAIN = frozenset(
    {"boto3", "botocore", "time", "random", "secrets", "os", "pathlib", "socket", "logging", "uuid", "threading"}
)


def files(folder: str) -> list[Path]:
    base = ROOT / folder if folder == "functions" else LAYER / folder
    return sorted(base.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "hunar":
                yield from (f"hunar.{alias.name}" for alias in node.names)
            else:
                yield node.module


def within(module: str, allowed: frozenset[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize("folder", MAY)
def test_a_folder_imports_only_what_its_arrow_points_to(folder: str) -> None:
    assert files(folder)
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(folder)
        for module in imported(path)
        if module.split(".")[0] == "hunar" and not within(module, MAY[folder])
    ]
    assert wrong == []


def test_the_domain_knows_neither_aws_nor_the_clock_nor_files() -> None:
    wrong = []
    for path in files("hunar/domain"):
        for module in imported(path):
            root = module.split(".")[0]
            if root in NOT_IN_THE_DOMAIN or (root != "hunar" and root not in sys.stdlib_module_names):
                wrong.append(f"{path.name} imports {module}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
                wrong.append(f"{path.name}:{node.lineno} asks the clock")
            if isinstance(node, ast.Name) and node.id in ("open", "print", "input"):
                wrong.append(f"{path.name}:{node.lineno} does {node.id}")
    assert wrong == []


def test_use_cases_and_marketplaces_do_not_call_aws() -> None:
    wrong = [
        f"{path.name} imports {module}"
        for folder in ("hunar/use_cases", "hunar/marketplaces")
        for path in files(folder)
        for module in imported(path)
        if module.split(".")[0] in ("boto3", "botocore", "aws_lambda_powertools")
    ]
    assert wrong == []


MAKES_STATEMENTS = ("functions/make_statement", "layers/common/hunar/statement_files", "layers/common/hunar/cli")


def test_only_what_makes_statements_imports_the_libraries_of_the_pdf() -> None:
    heavy = ("hunar.statement_files", "fpdf", "uharfbuzz", "fontTools", "PIL")
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in [*files("hunar"), *files("functions")]
        for module in imported(path)
        if within(module, frozenset(heavy)) and not str(path.relative_to(ROOT)).startswith(MAKES_STATEMENTS)
    ]
    assert wrong == []
    # Nothing here names what may not ship.
    assert not [
        path for path in files("hunar") for module in imported(path) if within(module, frozenset({"beancount"}))
    ]


def test_what_checks_the_stack_imports_nothing_of_hunar() -> None:
    witnesses = ("check", "phones", "marketplace_apis", "fake_api", "fake_flipkart", "fake_amazon", "messages")
    witnesses += ("fake_razorpayx",)
    wrong = [
        f"{name} imports {module}"
        for name in witnesses
        for module in imported(ROOT / f"local/{name}.py")
        if module.split(".")[0] == "hunar"
    ]
    assert wrong == []


def test_no_handler_is_longer_than_a_screen() -> None:
    lengths = {path.parent.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files("functions")}
    assert {name: length for name, length in lengths.items() if length > 80} == {}
