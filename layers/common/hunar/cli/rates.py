"""``hunar rates``: what a rate card lacks, and which of its rows gave which paisa."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json
from hunar.domain.money import rupees
from hunar.domain.spreadsheet import Problem
from hunar.use_cases import rates
from hunar.use_cases.rates import Checked

application = typer.Typer(help="Rate cards: gaps, overlaps and drafts, and what they made of an order.")

OrderRef = Annotated[str, typer.Argument(help="The order: marketplace:account:id.")]
OneLine = Annotated[str | None, typer.Option("--line", help="Only this line of it.")]
Folder = Annotated[
    Path | None, typer.Argument(help="A folder with rates.csv. Left out: what is registered in the stage.")
]

WIDTH: Final = 100
_REAL: Final = ("staging", "prod")
"""Stages in which a draft is refused."""
_STANDS: Final = {
    "yes": "This stands booked as expected.",
    "otherwise": "Other amounts stand booked: the rates have changed since, or news is on its way.",
    "not_yet": "It is not booked yet.",
    "preview": "It is not delivered yet: a preview, of which nothing is booked.",
}


@application.command("explain")
def explain(order_ref: OrderRef, line: OneLine = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Show of each line of an order which row of the rate card gave which paisa of what it should bring."""
    with failures(as_json):
        if len(order_ref.split(":", 2)) < 3 or len(order_ref) > 1000:
            raise Failed(f"{order_ref} is not marketplace:account:id")
        found = rates.explain(Deployed.find(stage).store, order_ref, line)
        if found is None:
            raise Failed(f"there is no order {order_ref}" + (f" with a line {line}" if line else ""))
        if as_json:
            print_json(found)
            return
        for told in found["lines"]:
            _print_line(told)
        if not found["lines"]:
            typer.echo("Nobody has announced a line of it yet.")


@application.command("check")
def check(folder: Folder = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Name gaps, overlaps and drafts in a folder's rates.csv, or in what is registered.

    Ends with 1 when there is a gap or an overlap; a draft is one more reason where money is real (staging, prod).
    """
    with failures(as_json):
        found = rates.check_file(_read(folder)) if folder else rates.check_registered(Deployed.find(stage).store)
        refused = [*found.problems, *(found.drafts if stage in _REAL else [])]
        if as_json:
            print_json(_document(found))
        else:
            _print(found, draft_is_wrong=stage in _REAL)
        if refused:
            raise typer.Exit(1)


def _read(folder: Path) -> bytes:
    path = folder if folder.suffix.lower() == ".csv" else folder / rates.FILE
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error


def _document(found: Checked) -> dict[str, Any]:
    return {
        "rows": found.rows,
        "problems": [_problem(problem) for problem in found.problems],
        "drafts": [_problem(problem) for problem in found.drafts],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {"where": problem.file, "row": problem.row, "column": problem.column, "message": problem.message}


def _print(found: Checked, *, draft_is_wrong: bool) -> None:
    for problem in found.problems:
        typer.echo(str(problem), err=True)
    for draft in found.drafts:
        typer.echo(str(draft) if draft_is_wrong else f"look at {draft}", err=True)
    typer.echo(f"{found.rows} rows: {len(found.problems)} gaps, overlaps or other errors, {len(found.drafts)} drafts.")


def _print_line(told: dict[str, Any]) -> None:
    whose = f"{told['sku']} of {told['group_id']}, {told['payout_basis']}" if told["sku"] else f"? {told['listing']}"
    typer.echo(f"line {told['line_id']}   {whose}, policy version {told['policy_version'] or '?'}")
    days = told["days"]
    names = ("order", "dispatch", "delivery", "credit")
    typer.echo("days: " + ", ".join(f"{name} {days[name]}" for name in names))
    if told["problem"]:
        typer.echo(f"{told['problem']}\n")
        return
    typer.echo(f"{_STANDS[told['booked']]} {rupees(told['bank_paise'])} should arrive in the bank.")
    rows = told["rows"]
    _table(
        ("what", "rupees", "how", "row", "rounded"),
        [
            (row["head"], rupees(row["paise"]), row["how"], row.get("row_id", ""), _rounded(row))
            for row in rows
        ],
    )  # fmt: skip
    _table(
        ("row", "from", "to", "by day of", "approved by", "source"),
        [
            (row["row_id"], row["from"], row["to"], row["date_basis"], row["approved_by"] or "draft", row["source"])
            for row in rows
            if "row_id" in row
        ],
    )
    _table(
        ("account", "rupees", "row"),
        [(posting["account"], rupees(posting["amount_paise"]), row["row_id"]) for row, posting in _postings(rows)],
    )
    typer.echo()


def _rounded(row: dict[str, Any]) -> str:
    """Once, on the sum, or in parts that are shown."""
    parts = row.get("parts_paise", [])
    return " + ".join(map(rupees, parts)) if len(parts) > 1 else row.get("round_at", "")


def _postings(rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for row in rows:
        for posting in row["postings"]:
            yield row, posting


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Nothing in a cell is taken for markup, and ids of rows stay in one piece."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        whole = name in ("row", "from", "to", "rupees", "account")
        justify: Any = "right" if name == "rupees" else "left"
        table.add_column(name, no_wrap=whole, justify=justify, header_style="underline", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    typer.echo()
    Console(highlight=False, width=WIDTH).print(table)
