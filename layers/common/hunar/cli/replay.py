"""``hunar replay``: kept deliveries are read and applied again."""

from __future__ import annotations

from typing import Annotated

import typer

from hunar.cli import times
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.use_cases import replay as use_case
from hunar.use_cases.replay import Report, Window

What = Annotated[str | None, typer.Argument(help="An order (marketplace:account:id) or the id of a delivery or act.")]
Since = Annotated[str | None, typer.Option("--from", help="Received from this day in India, or time, on.")]
Until = Annotated[str | None, typer.Option("--to", help="Received before this day in India, or time.")]
Marketplace = Annotated[str | None, typer.Option("--marketplace", help="Only of this marketplace.")]
Account = Annotated[str | None, typer.Option("--account", help="Only of this account.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count what would be sent again; send nothing.")]


def replay(
    what: What = None,
    since: Since = None,
    until: Until = None,
    marketplace: Marketplace = None,
    account: Account = None,
    dry_run: DryRun = False,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Read kept deliveries again with today's code and apply them: an order's, one, or all of a window.

    What counted before changes nothing: no text is sent twice, and booked money stays. A window, and a delivery by its
    id, read the whole table of deliveries.
    """
    with failures(as_json):
        window = Window(
            times.given(since, "--from") if since else None,
            times.given(until, "--to") if until else None,
            marketplace,
            account,
        )
        if (what is None) == (window == Window()):
            raise Failed(
                "which ones? hunar replay ORDER_REF, or DELIVERY_ID, or a window with --from, --to, --marketplace"
            )
        deployed = Deployed.find(stage)
        if what is None:
            found = use_case.of_window(deployed.store, window)
        elif what.count(":") >= 2:
            found = use_case.of_order(deployed.store, what)
        else:
            found = use_case.of_id(deployed.store, what)
        report = use_case.replay(deployed.queues, found, dry_run=dry_run)
        if not report.sent and not report.skipped:
            raise Failed(f"nothing is kept of {what or 'this window'}")
        if as_json:
            print_json({"dry_run": dry_run, "sent": dict(report.sent), "skipped": dict(report.skipped)})
        else:
            _print(report, dry_run)


def _print(report: Report, dry_run: bool) -> None:
    if report.sent:
        print_table(("what", "deliveries"), sorted(report.sent.items()))
    total = report.sent.total()
    typer.echo(f"{total} {'delivery' if total == 1 else 'deliveries'} {'would be ' if dry_run else ''}sent again.")
    if left := report.skipped.total():
        typer.echo(f"{left} kept messages are no deliveries and were left out; see hunar redrive.")
