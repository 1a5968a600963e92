"""How every command answers: a table or a sentence for a person, one JSON document with ``--json``.

Exit code 0 when it was done, 1 when it was not, 2 when the command was not understood. What went
wrong goes to standard error; with ``--json`` what was not done is ``{"error": …}`` on standard output too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich import box
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
    """Rows under a heading. Nothing in a cell is taken for markup, and an id is never broken: people copy it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column == "id" or column.endswith(" id"))
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console(highlight=False).print(table)
