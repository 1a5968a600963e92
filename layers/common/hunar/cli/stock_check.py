"""``hunar stock check``: every shelf counted anew from the orders, the acts and the fairs."""

from __future__ import annotations

from dataclasses import asdict

import typer

from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Json, Stage, failures, print_json
from hunar.cli.rebuild import print_differences, say_moving
from hunar.use_cases import check_stock


def check(stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Count every shelf anew from the orders, the acts and the fairs, and explain each difference.

    Ends with 0 when every shelf is right, with 1 when not. It reads the tables of orders and stock whole and writes
    nothing.
    """
    with failures(as_json):
        report = check_stock.check(Deployed.find(stage).store)
        if as_json:
            print_json({"equal": not (report.differences or report.moving)} | asdict(report))
        else:
            print_differences(report.differences)
            typer.echo(
                f"{report.skus} shelves, {report.orders} orders, {report.acts} acts, {report.waiting} lines that wait:"
                f" {len(report.differences)} differences."
            )
            if report.in_hand:
                typer.echo(f"Between two transactions: {', '.join(report.in_hand)}")
            say_moving(report.moving)
        if report.differences or report.moving:
            raise typer.Exit(1)
