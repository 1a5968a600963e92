"""``hunar rebuild --check``: is what stands what was kept?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hunar import wiring
from hunar.adapters.memory import MemoryStore
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.facts import instant
from hunar.settings import Settings
from hunar.use_cases import check_stock
from hunar.use_cases import rebuild as use_case
from hunar.use_cases.check_stock import Difference

Check = Annotated[bool, typer.Option("--check", help="Compare, and write nothing. There is nothing else it does.")]

SHOWN = 20
"""Differences that are listed for a person; --json has them all."""


def rebuild(check: Check = False, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Make orders and shelves anew from the kept deliveries, in memory, and compare them with the live tables.

    Ends with 0 when everything is equal, with 1 when anything differs or moved while this ran. Run it when the queues
    are empty. It reads every table whole.
    """
    with failures(as_json):
        if not check:
            raise Failed("hunar rebuild only checks: give --check")
        deployed = Deployed.find(stage)
        marketplaces = wiring.Application(Settings.from_environment({})).marketplaces
        scratch = MemoryStore(remembers=False)
        report = use_case.check(deployed.store, scratch, marketplaces, now=instant(datetime.now(UTC)))
        shelves = check_stock.check(deployed.store)
        differences = [*report.differences, *shelves.differences]
        moving = sorted({*report.moving, *shelves.moving})
        equal = not differences and not moving
        if as_json:
            whole = {name: value for name, value in asdict(report).items() if name not in ("differences", "moving")}
            found = {"moving": moving, "differences": [asdict(difference) for difference in differences]}
            print_json({"equal": equal} | whole | found)
        else:
            print_differences(differences)
            _print(report, moving, equal)
        if not equal:
            raise typer.Exit(1)


def print_differences(differences: list[Difference]) -> None:
    """What differs, and under each what it stands on."""
    for difference in differences[:SHOWN]:
        typer.echo(f"{difference.where} {difference.name}: {difference.message}")
        for named in difference.stands_on[:SHOWN]:
            typer.echo(f"    {_short(named)}")
        if len(difference.stands_on) > SHOWN:
            typer.echo(f"    … and {len(difference.stands_on) - SHOWN} more (--json shows all)")
    if len(differences) > SHOWN:
        typer.echo(f"… and {len(differences) - SHOWN} more differences (--json shows all)")


def say_moving(moving: Iterable[str]) -> None:
    if names := ", ".join(moving):
        typer.echo(f"These shelves moved while this ran and were not compared; run it again when it is quiet: {names}")


def _short(named: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items() if value not in (None, 0, ""))


def _print(report: use_case.Report, moving: list[str], equal: bool) -> None:
    rows: list[tuple[str, Any]] = [
        ("deliveries", report.deliveries),
        ("orders", report.orders),
        ("shelves", report.skus),
        ("acts on shelves", report.acts),
        ("lines with expected amounts", report.lines),
        ("lines that wait for a rate", len(report.without_rate)),
        ("unread deliveries, kept for 30 days", report.whole),
        ("deliveries that expired unread", len(report.expired)),
        *((f"{verdict}, no delivery", number) for verdict, number in sorted(report.skipped.items())),
    ]
    print_table(("made anew and compared", ""), rows)
    for entry in report.expired[:SHOWN]:
        about = entry["order_ref"] or "no order"
        typer.echo(f"expired: delivery {entry['delivery_id']} ({entry['kind']}, {about}, opened {entry['opened_at']})")
    say_moving(moving)
    if equal:
        typer.echo("Equal: the live tables are what was kept.")
