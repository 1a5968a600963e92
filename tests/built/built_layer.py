"""What `sam build` made starts in Lambda: each function is imported with the built layer, boto3 and the standard
library, and nothing else.

    python -m pytest tests/built/built_layer.py

looks at the build of the local stack (``.local/build``), because only its layer has packages for this machine. The
file's name keeps it out of an ordinary run, which has no build. ``HUNAR_BUILT`` names another folder.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / os.environ.get("HUNAR_BUILT", ".local/build")
LAYER = BUILT / "CommonLayer/python"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/handler.py"))

LOOK = """
import json, sys
sys.dont_write_bytecode = True
sys.path[:0] = json.loads(sys.argv[1])
import handler
assert callable(handler.handle)
print(json.dumps({
    name: [module.__spec__.origin, module.__spec__.cached]
    for name, module in sys.modules.items()
    if getattr(module, "__spec__", None) and module.__spec__.has_location
}))
"""
"""For an interpreter without site-packages, environment or working directory. Prints what was imported and whence."""


@pytest.fixture(scope="module")
def boto3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with boto3 and what it needs, as the Lambda runtime has it, and no other package."""
    folder = tmp_path_factory.mktemp("runtime")
    wanted, seen = ["boto3"], set()
    while wanted:
        package = wanted.pop()
        if package in seen:
            continue
        seen.add(package)
        distribution = importlib.metadata.distribution(package)
        for top in {path.parts[0] for path in distribution.files or () if path.suffix == ".py"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution.locate_file(top))))
        required = [line for line in distribution.requires or () if "extra ==" not in line]
        wanted += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required]
    assert {"boto3", "botocore"} <= {path.name for path in folder.iterdir()}
    return folder


HEAVY = {"babel", "phonenumbers"}
"""33 and 48 MB: our own words, months and rule for telephone numbers take their place, for texts above all."""
DRAWS = {"defusedxml", "fontTools", "fpdf", "PIL", "uharfbuzz"}
"""What a PDF in an Indian script needs: make_statement's own, loaded when a PDF is asked for."""

DRAW = """
import json, sys
sys.dont_write_bytecode = True
sys.path[:0] = json.loads(sys.argv[1])
from hunar.domain.statement import Point, statement
from hunar.statement_files.pdf import pdf
from hunar.statement_files.sheet import Sheet
from hunar.statement_words import LOCALES, words
made = statement(Point("G03"), [])
print(json.dumps({
    "files": {locale: pdf(Sheet(made, words(locale), "Centre", "Roshni"))[:5].decode() for locale in LOCALES},
    "homes": {name: sys.modules[name].__spec__.origin for name in ("fpdf", "uharfbuzz", "PIL", "fontTools")},
}))
"""
"""For an interpreter as the one of LOOK: a sheet in each language, with the fonts of the layer."""


def built_name(function: str) -> str:
    return function.title().replace("_", "") + "Function"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_is_imported_with_the_built_layer_and_nothing_else(function: str, boto3: Path) -> None:
    code = BUILT / built_name(function)
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOOK, json.dumps([str(code), str(LAYER), str(boto3)])],
        cwd=code,
        env={},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    imported: dict[str, list[str | None]] = json.loads(ran.stdout)
    standard = Path(os.__file__).resolve().parent
    homes = (code, LAYER, boto3, standard)
    for name, (origin, cached) in imported.items():
        assert origin is not None
        assert any(Path(origin).is_relative_to(home) for home in homes), f"{name} comes from {origin}"
        ours = Path(origin).is_relative_to(LAYER) or (Path(origin).is_relative_to(code) and name != "handler")
        if ours and origin.endswith(".py"):
            assert cached and Path(cached).is_file(), f"{name} would be compiled at each cold start"
    assert imported["hunar"][0] == str(LAYER / "hunar/__init__.py")
    assert (HEAVY | DRAWS).isdisjoint(name.partition(".")[0] for name in imported)
    if function == "notify_group":
        assert "hunar.domain.sms_text" in imported
        assert "hunar.domain.sms_rules" not in imported, (
            "texts are checked before they are built in, not when one is sent"
        )


def test_statements_are_drawn_in_every_script_with_what_was_built_and_nothing_else(boto3: Path) -> None:
    code = BUILT / built_name("make_statement")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", DRAW, json.dumps([str(code), str(LAYER), str(boto3)])],
        cwd=code,
        env={},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert len(told["files"]) == 13 and set(told["files"].values()) == {"%PDF-"}
    for name, origin in told["homes"].items():
        assert Path(origin).is_relative_to(code), f"{name} comes from {origin}"


def test_what_draws_is_beside_its_handler_with_bytecode_and_nowhere_else() -> None:
    code = BUILT / built_name("make_statement")
    tops = {path.name for path in code.iterdir()}
    assert {"handler.py", *DRAWS} <= tops
    assert tops.isdisjoint({"bin", "share", "hunar", "boto3", "Makefile", "requirements.txt"})
    for source in code.rglob("*.py"):
        if source != code / "handler.py":
            bytecode = Path(importlib.util.cache_from_source(str(source))).read_bytes()
            assert int.from_bytes(bytecode[4:8], "little") == 0b01, source


def test_a_built_function_is_its_handler_and_nothing_else() -> None:
    for function in FUNCTIONS:
        if function == "make_statement":
            continue
        files = {path.name for path in (BUILT / built_name(function)).rglob("*") if path.is_file()}
        assert files == {"handler.py"}, function


def test_all_bytecode_of_the_layer_is_used_without_a_look_at_its_source() -> None:
    sources = sorted(LAYER.rglob("*.py"))
    assert sources
    for source in sources:
        bytecode = Path(importlib.util.cache_from_source(str(source))).read_bytes()
        # PEP 552: bit 0 says that a hash and not a time is inside, bit 1 would say that it is to be checked.
        assert int.from_bytes(bytecode[4:8], "little") == 0b01, source
    assert len(sources) == len(list(LAYER.rglob("*.pyc")))


def test_the_layer_leaves_boto3_to_the_runtime_and_the_command_line_to_the_desk() -> None:
    there = {path.name for path in LAYER.iterdir()}
    assert {"hunar", "pydantic", "aws_lambda_powertools"} <= there
    assert there.isdisjoint({"boto3", "botocore", "s3transfer", "typer", "rich", "bin", *HEAVY, *DRAWS})
    assert not (LAYER / "hunar/cli").exists()


def test_the_data_of_the_package_is_in_the_layer() -> None:
    package = ROOT / "layers/common/hunar"
    data = sorted(path.relative_to(package) for path in package.rglob("*.json"))
    assert data
    for path in data:
        assert (LAYER / "hunar" / path).read_bytes() == (package / path).read_bytes(), path
