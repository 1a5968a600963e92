"""No float can come about in the modules that make amounts: read from their source, not from examples."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HUNAR = Path(__file__).parents[2] / "layers/common/hunar"
DOMAIN = (
    *("money", "rate_card", "rate_row", "rate_file", "rate_checks", "fees", "fees_explained"),
    *(
        "entitlement",
        "ledger",
        "accounts",
        "head",
        "resolution",
        "settled",
        "posted",
        "split",
        "holds",
        "debt",
        "payout",
        "claimants",
        "amounts",
        "settlement",
        "workbook",
        "differences",
        "policies",
        "catalogue",
    ),
    *("workbook_file", "batch", "bank_file", "pain001"),
    *("statement", "group_books", "registers", "text_ledger", "mission_sheet"),
)
USE_CASES = (
    *("compute_payout", "settle", "subjects", "book", "rates", "note_differences", "list_differences"),
    *("take_settlement", "close_period", "payouts"),
)
READERS = ("settlement_rows", "flipkart_settlement", "amazon_settlement", "plain_settlement")
MONEY = [
    *(HUNAR / "domain" / f"{name}.py" for name in DOMAIN),
    *(HUNAR / "marketplaces" / f"{name}.py" for name in READERS),
    HUNAR / "rate_cards/__init__.py",
    *(HUNAR / "use_cases" / f"{name}.py" for name in USE_CASES),
    HUNAR / "cli/differences.py",
    HUNAR / "statement_files/sheet.py",
    HUNAR / "statement_files/xlsx.py",
]
INEXACT = {"float", "Decimal", "Fraction", "round", "math", "statistics", "decimal", "fractions"}


def inexact(source: str) -> list[str]:
    """Every place where a float could come from: a literal, a true division, a power below one, an inexact name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{node.lineno}: {node.value}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{node.lineno}: /")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
            exponent = node.right if isinstance(node, ast.BinOp) else node.value
            if not (isinstance(exponent, ast.Constant) and isinstance(exponent.value, int)):
                found.append(f"{node.lineno}: **")
        elif isinstance(node, ast.Name) and node.id in INEXACT:
            found.append(f"{node.lineno}: {node.id}")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.partition(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
            found += [f"{node.lineno}: {name}" for name in sorted(names & INEXACT)]
    return found


@pytest.mark.parametrize("module", MONEY, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_a_money_module_has_no_way_to_make_a_float(module: Path) -> None:
    assert inexact(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "fee = price * 0.18",
        "fee = price / 100",
        "price /= 3",
        "fee = float(price)",
        "fee = round(price)",
        "from decimal import Decimal",
        "import math",
        "fee = price ** -n",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert inexact(source)
