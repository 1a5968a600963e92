"""Every ``hunar …`` of the documents is a command that there is, with options that it takes where they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hunar.cli import application

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_COMMAND = re.compile(r"(?:\$ )?(?:\.venv/bin/)?hunar (.+)")
_ENDS = {"<", ">", "|", "&&", ";"}


def documented(text: str) -> Iterator[tuple[list[str], bool]]:
    """The words after ``hunar``, and whether they stand in a block, to be typed as they are."""
    block = re.compile(r"^```.*?^```", re.M | re.S)
    lines = [line for fence in block.findall(text) for line in fence.splitlines()]
    rest = block.sub("", text)
    lines += [line for line in rest.splitlines() if line.startswith("    ")]
    for typed, candidates in ((True, lines), (False, re.findall(r"`([^`]+)`", rest))):
        for candidate in candidates:
            if found := _COMMAND.fullmatch(" ".join(candidate.split())):
                words = shlex.split(found[1], comments=True)
                end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
                yield words[:end], typed


def refusal(words: list[str], *, typed: bool) -> str | None:
    """Why the command would not be understood. Prose may leave out what a command needs."""
    command: Any = typer.main.get_command(application)
    words = list(words)
    while hasattr(command, "commands"):
        if not words:
            return None
        if words[0] not in command.commands:
            return f"there is no {words[0]}"
        command = command.commands[words.pop(0)]
    try:
        command.make_context(command.name, words)
    except Exception as error:
        return str(error) if typed or type(error).__name__ != "MissingParameter" else None
    return None


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_tells_people_to_type_is_understood(path: Path) -> None:
    wrong = {
        " ".join(words): why
        for words, typed in documented(path.read_text(encoding="utf-8"))
        if (why := refusal(words, typed=typed)) is not None
    }
    assert wrong == {}


def test_the_documents_tell_people_to_type_something() -> None:
    told = {words[0] for path in DOCUMENTS for words, _ in documented(path.read_text(encoding="utf-8"))}
    assert {"import", "account", "sign", "stock", "exceptions", "order"} <= told


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("    hunar --stage dev account add flipkart demo < secret.json\n", True),
        ("Type `hunar --stage dev import folder`.", True),
        ("Type `.venv/bin/hunar import folder --stage dev`.", False),
        ("`hunar import` takes files", False),
        ("```\nhunar import\n```\n", True),
        ("```\nhunar stock adjust KLU-CAP -2 --reason 'moth-eaten'   # out\n```\n", False),
        ("```\n$ hunar stock adjust KLU-CAP two --reason r\n```\n", True),
        ("`hunar nothing`", True),
        ("`hunar stock`", False),
        ("`hunar sign --colour`", True),
    ],
)
def test_a_command_that_is_written_wrongly_is_noticed(said: str, wrong: bool) -> None:
    [(words, typed)] = documented(said)
    assert (refusal(words, typed=typed) is not None) is wrong
