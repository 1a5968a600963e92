"""The walk of docs/adding-a-marketplace.md, step by step: what the document shows is what runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "adding-a-marketplace.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([^`\n]+)`:\n\n```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)
[COMMAND] = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.M | re.S)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as far as the suite needs it, with the document's files in it and its changes made."""
    made = tmp_path_factory.mktemp("walk")
    without = shutil.ignore_patterns("__pycache__")
    for name in ("layers/common/hunar", "tests/marketplaces", "tests/samples"):
        shutil.copytree(ROOT / name, made / name, ignore=without)
    for path in [ROOT / "pyproject.toml", *(ROOT / "tests").glob("*.py")]:
        shutil.copy(path, made / path.relative_to(ROOT))
    for name, language, content in FILES:
        path = made / name
        if language == "diff":
            path.write_text(patched(path.read_text(encoding="utf-8"), content), encoding="utf-8")
        else:
            assert not path.exists(), f"{name} is there already: the walk would prove nothing"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return made


def patched(text: str, diff: str) -> str:
    """The text after each change of the diff. A change must have exactly one place."""
    for change in diff.split("@@\n"):
        lines = change.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] != "+")
        after = "".join(line[1:] for line in lines if line[0] != "-")
        assert text.count(before) == 1, f"the document changes what is not there once:\n{before}"
        text = text.replace(before, after)
    return text


def run(tree: Path, *arguments: str) -> str:
    # Where CI is set, pytest tells every failure in full, and the names get lost in it.
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_the_document_has_every_file_in_full() -> None:
    assert [name for name, _, _ in FILES] == [
        "tests/samples/mela/sale.json",
        "tests/samples/mela/cancel.json",
        "tests/samples/mela/sent.json",
        "tests/samples/mela/fields.yaml",
        "layers/common/hunar/marketplaces/mela.py",
        "tests/marketplaces/cases/mela.py",
        "layers/common/hunar/wiring.py",
    ]


def test_what_the_document_adds_passes_the_suite_and_comes_in_at_the_door(tree: Path) -> None:
    python, *words = shlex.split(COMMAND)
    assert (python, words[0]) == (".venv/bin/python", "-m")
    said = run(tree, *words[1:], "-p", "no:cacheprovider", "-v")
    passed = re.findall(r"(test_\w+\.py)::\w+\[mela\b.* PASSED", said)
    # Every part of the suite but those about an API had something to do.
    suite = {path.name for path in (ROOT / "tests" / "marketplaces").glob("test_*.py")}
    assert set(passed) == suite - {"test_asking.py", "test_telling.py"}
    assert len(passed) > 60


def test_what_the_document_adds_is_clean(tree: Path) -> None:
    added = [name for name, language, _ in FILES if language == "python"]
    run(tree, "ruff", "check", "--no-cache", *added)
    run(tree, "ruff", "format", "--no-cache", "--check", *added)


def test_a_module_that_keeps_a_buyer_does_not_pass(tree: Path) -> None:
    """The suite that the document runs is one that can fail."""
    module = tree / "layers/common/hunar/marketplaces/mela.py"
    good = module.read_text(encoding="utf-8")
    module.write_text(good.replace("kept = redacted(message, KEPT[event])", "kept = message"), encoding="utf-8")
    try:
        with pytest.raises(AssertionError, match="test_buyers"):
            run(tree, "pytest", "tests/marketplaces", "-k", "mela", "-q", "-p", "no:cacheprovider")
    finally:
        module.write_text(good, encoding="utf-8")
