"""``hunar settle``: what a marketplace paid."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hunar.cli.act import again
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.facts import instant
from hunar.domain.money import rupees
from hunar.domain.workbook import MOST_BYTES
from hunar.marketplaces.settlements import read
from hunar.use_cases.take_settlement import Desk, Taken, take

File = Annotated[Path, typer.Argument(help="A settlement file as the marketplace gives it (docs/settlement-files.md).")]
Marketplace = Annotated[str, typer.Option("--marketplace", help="Whose file it is: flipkart, amazon, or another.")]
Account = Annotated[str, typer.Option("--account", help="The account, as accounts.csv names it.")]


def settle(file: File, marketplace: Marketplace, account: Account, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Take a settlement file: all of it, or nothing when anything is wrong. The same file again does no harm."""
    with failures(as_json):
        raw = _read(file)
        deployed = Deployed.find(stage)
        desk = Desk(deployed.store, deployed.queues, read, instant(datetime.now(UTC)), again)
        taken = take(desk, raw, marketplace=marketplace, account=account, file=file.name, by=deployed.person)
        if as_json:
            print_json(_document(taken))
        else:
            _print(taken)
        if taken.findings:
            raise typer.Exit(1)


def _read(file: Path) -> bytes:
    try:
        if (size := file.stat().st_size) > MOST_BYTES:
            raise Failed(f"{file}: has {size >> 20} MB; {MOST_BYTES >> 20} MB are read at most")
        return file.read_bytes()
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error


def _document(taken: Taken) -> dict[str, Any]:
    return {
        "taken": not taken.findings,
        "sha256": taken.sha256,
        "shape": taken.shape,
        "errors": [asdict(problem) for problem in taken.findings],
        "notes": [asdict(note) for note in taken.notes],
        "settlements": [asdict(settlement) for settlement in taken.settlements],
        "total_paise": sum(settlement.total_paise for settlement in taken.settlements),
        "new_lines": taken.new,
        "old_lines": taken.old,
        "deferred": taken.deferred,
    }


def _print(taken: Taken) -> None:
    for problem in taken.findings:
        typer.echo(str(problem), err=True)
    if taken.findings:
        typer.echo("hunar: the file was refused; nothing of it was taken", err=True)
        return
    for note in taken.notes:
        typer.echo(f"look at {note}", err=True)
    rows = [
        (one.settlement_id, one.lines, rupees(one.total_paise), (one.paid_at or "")[:10], one.reference)
        for one in taken.settlements
    ]
    print_table(("settlement id", "lines", "to the bank", "paid", "reference"), rows)
    total = sum(settlement.total_paise for settlement in taken.settlements)
    typer.echo(f"{rupees(total)} in all. New lines: {taken.new}; taken before: {taken.old}.")
    if taken.deferred:
        typer.echo(f"Rows that are not paid yet, so no money: {taken.deferred}.")
    typer.echo("What each line brought is booked now.")
