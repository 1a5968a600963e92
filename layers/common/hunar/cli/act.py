"""What every command shares by which a person acts: who, why, and the id under which it can be repeated."""

from __future__ import annotations

import getpass
import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hunar.cli.deployed import Deployed
from hunar.cli.output import Failed, print_json
from hunar.domain.facts import instant
from hunar.domain.spreadsheet import write_table
from hunar.ports import Rejected
from hunar.use_cases.operate import By, Desk
from hunar.use_cases.retry import retried

Reason = Annotated[str, typer.Option("--reason", help="Why; at most 200 letters.")]
Person = Annotated[str, typer.Option("--person", help="Who does it; the login name when left out.")]
ActId = Annotated[
    str,
    typer.Option("--act-id", help="The id of an act that is repeated; it counts once. Made and shown when left out."),
]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write the list into a file that a spreadsheet opens.")
]


def again(action: Callable[[], Any]) -> Any:
    """The action, called again while somebody else writes first."""
    return retried(action, pause=time.sleep, random=random.random)


def desk(deployed: Deployed) -> Desk:
    return Desk(deployed.store, deployed.queues, instant(datetime.now(UTC)), again)


def by(person: str, reason: str, act_id: str) -> By:
    """Who acts. Raises Rejected, Failed when nobody knows who is at the terminal."""
    if len(reason) > 200:
        raise Rejected("reason: is longer than 200 letters")
    if not person:
        try:
            person = getpass.getuser()
        except (OSError, KeyError):
            raise Failed("who are you? give --person") from None
    return By(person[:100], reason.strip(), act_id or uuid.uuid4().hex)


def print_accepted(act: By, said: str, *, look: str, as_json: bool) -> None:
    """The act is checked and on its way; ``look`` is the command that shows what became of it."""
    if as_json:
        print_json({"status": "accepted", "act_id": act.act_id, "person": act.person})
        return
    typer.echo(f"{said}: on its way. {look} shows it in a moment.")
    typer.echo(f"To repeat it: --act-id {act.act_id}")


def write_csv(path: Path, columns: list[str], rows: list[list[Any]]) -> None:
    """Raises Failed."""
    try:
        path.write_bytes(write_table(columns, rows))
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error
