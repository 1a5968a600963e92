"""``hunar import``: the agency's files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hunar.cli.act import again
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.catalogue import WORKBOOKS
from hunar.domain.facts import instant
from hunar.use_cases.import_catalogue import Desk, Report, import_catalogue

Folder = Annotated[Path, typer.Argument(help="A folder with agency.csv, groups.csv, skus.csv, … (docs/operators.md).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the files and show what would change; write nothing.")]

_SHOWN = 50
"""Changes that are listed for a person; --json has them all."""


def import_folder(folder: Folder, dry_run: DryRun = False, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Bring the agency's CSV files into the registry: all of them, or nothing when anything is wrong."""
    with failures(as_json):
        files = _files(folder)
        deployed = Deployed.find(stage)
        desk = Desk(deployed.store, deployed.queues, instant(datetime.now(UTC)), deployed.demo, again)
        report = import_catalogue(desk, files, dry_run=dry_run)
        if as_json:
            print_json(_document(report, dry_run))
        else:
            _print(report, dry_run)
        if report.problems:
            raise typer.Exit(1)


def _files(folder: Path) -> dict[str, bytes]:
    try:
        paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith((".", "~$"))]
        # A workbook is handed on, so that the import can say what it wants instead.
        files = {path.name: path.read_bytes() for path in paths if path.suffix.lower() in (".csv", *WORKBOOKS)}
    except OSError as error:
        raise Failed(f"{folder}: {error.strerror}") from error
    if not files:
        raise Failed(f"{folder}: there is no CSV file in the folder")
    return files


def _document(report: Report, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "written": bool(not dry_run and not report.problems and report.changes),
        "errors": [asdict(problem) for problem in report.problems],
        "warnings": [asdict(problem) for problem in report.warnings],
        "rows": report.rows,
        "changes": [asdict(change) for change in report.changes],
        "counts": report.counts,
        "counted_before": report.counted_before,
        "listings_told": report.told,
        "lines_computed_again": report.recomputed,
        "former_numbers_warned": report.warned,
    }


def _print(report: Report, dry_run: bool) -> None:
    for warning in report.warnings:
        typer.echo(f"look at {warning}", err=True)
    for problem in report.problems:
        typer.echo(str(problem), err=True)
    if report.problems:
        typer.echo(f"hunar: {_count(len(report.problems), 'error')}; nothing was written", err=True)
        return
    if report.nothing_to_do:
        typer.echo("Nothing changes: all of this is registered already.")
        return
    shown = report.changes[:_SHOWN]
    if shown:
        print_table(("", "id", "change"), [(change.kind, change.id, change.what) for change in shown])
    if len(report.changes) > len(shown):
        typer.echo(f"… and {len(report.changes) - len(shown)} more (--json shows all)")
    would = "would be " if dry_run else ""
    typer.echo(f"{_count(len(report.changes), 'item')} {would}written, {_count(report.counts, 'count')} {would}sent.")
    if report.counted_before:
        typer.echo(f"{_count(report.counted_before, 'count')} of stock.csv had been counted before.")
    if report.told:
        typer.echo(f"Orders that wait for {_count(report.told, 'listing')} {'would ' if dry_run else ''}go on.")
    if report.recomputed:
        what = f"payout of {_count(report.recomputed, 'line')} without a rate or a resolution"
        typer.echo(f"The {what} {'would be' if dry_run else 'is'} worked out again.")
    if report.warned:
        typer.echo(f"{_count(report.warned, 'former number')} {would}warned that it is no contact's any more.")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
