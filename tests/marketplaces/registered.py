"""Every marketplace that has a file in ``cases/``."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from tests.marketplaces.case import Case

CASES: tuple[Case, ...] = tuple(
    importlib.import_module(f"tests.marketplaces.cases.{module.name}").CASE
    for module in sorted(pkgutil.iter_modules([str(Path(__file__).parent / "cases")]), key=lambda module: module.name)
)

every_marketplace = pytest.mark.parametrize("case", CASES, ids=repr)
every_door = pytest.mark.parametrize("case", [case for case in CASES if case.door], ids=repr)
every_api = pytest.mark.parametrize("case", [case for case in CASES if case.api], ids=repr)
every_sample = pytest.mark.parametrize(
    ("case", "name"),
    [pytest.param(case, name, id=f"{case}-{name}") for case in CASES for name in case.samples],
)
every_field = pytest.mark.parametrize(
    ("case", "name", "path"),
    [
        pytest.param(case, name, path, id=f"{case}-{name}-{path}")
        for case in CASES
        for name, told in case.fields.items()
        for path in told
    ],
)
