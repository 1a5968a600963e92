"""How every command answers: a table or a sentence for a person, one JSON document with ``--json``.

Exit code 0 when it was done, 1 when it was not, 2 when the command was not understood. What went
wrong goes to standard error; with ``--json`` what was not done is ``{"error": …}`` on standard output too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hunar.ports import Rejected, Retryable

Stage = Annotated[Literal["local", "dev", "staging", "prod"], typer.Option("--stage", help="Which stack.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


class Failed(Exception):
    """The command could not do it. The text is one line for the person at the terminal."""


@contextmanager
def failures(as_json: bool) -> Iterator[None]:
    """What went wrong outside becomes one line and exit code 1, never a traceback."""
    try:
        yield
    except (Failed, Rejected, Retryable) as error:
        _fail(str(error), as_json)
    except ClientError as error:
        told = error.response["Error"]
        _fail(f"AWS refused {error.operation_name}: {told.get('Code')}: {told.get('Message')}", as_json)
    except BotoCoreError as error:
        _fail(f"AWS was not reached: {error}", as_json)


def _fail(message: str, as_json: bool) -> None:
    if as_json:
        print_json({"error": message})
    typer.echo(f"hunar: {message}", err=True)
    raise typer.Exit(1)


def print_json(document: Any) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows under a heading. Nothing in a cell is taken for markup, and an id is never broken: people copy it.

    No amount and no hash is cut either: where the terminal is too narrow for that, the table is wider.
    """
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    table, needed = Table(box=box.SIMPLE_HEAD, pad_edge=False), 0
    for number, column in enumerate(columns):
        whole = column == "id" or column.endswith(" id")
        least = max(_least(text, whole=whole) for text in (column, *(row[number] for row in texts)))
        table.add_column(column, no_wrap=whole, min_width=least, overflow="fold")
        needed += least + _BETWEEN
    for row in texts:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    console.width = max(console.width, needed)
    console.print(table)


_BETWEEN: Final = 3
_MOST_WORD: Final = 24
"""A longer word within a sentence may be broken."""


def _least(text: str, *, whole: bool) -> int:
    """Columns of the terminal that a cell needs so that nothing of it is lost."""
    if whole or not any(letter.isspace() for letter in text):
        return cell_len(text)
    return min(_MOST_WORD, max(map(cell_len, text.split()), default=0))
