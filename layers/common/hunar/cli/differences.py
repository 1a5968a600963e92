"""``hunar differences``: where marketplaces settled another amount than the rate card says, for the dispute."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hunar.cli import times
from hunar.cli.act import write_csv
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.money import Rupees, rupees
from hunar.domain.workbook_file import Cell, workbook
from hunar.use_cases.list_differences import compensated, listed, not_compared, totals

Export = Annotated[
    Path | None, typer.Option("--export", metavar="FILE", help="Write them into a file: .xlsx, or .csv with a second.")
]
Marketplace = Annotated[str | None, typer.Option("--marketplace", help="Only of this marketplace.")]
Account = Annotated[str | None, typer.Option("--account", help="Only of this account.")]
Since = Annotated[str | None, typer.Option("--from", metavar="DAY", help="Settled from this day on, or moment.")]
Until = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Settled until this day, or before a moment.")]

COLUMNS: Final = (
    *("marketplace", "account", "order id", "item id", "SKU", "settled on", "settlement id", "file", "row of the file"),
    *("head", "expected", "settled", "difference", "why", "rate row", "source of the rate"),
)
TOTALS: Final = ("head", "lines", "expected", "settled", "difference")


def differences(
    export: Export = None,
    marketplace: Marketplace = None,
    account: Account = None,
    since: Since = None,
    until: Until = None,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Lines that were settled otherwise than expected. What was taken is below zero, and so is what is missing."""
    with failures(as_json):
        if export is not None and export.suffix.lower() not in (".xlsx", ".csv"):
            raise Failed(f"{export}: ends neither in .xlsx nor in .csv")
        store = Deployed.find(stage).store
        found = listed(
            store,
            marketplace=marketplace,
            account=account,
            since=times.given(since, "--from") if since else None,
            until=_until(until) if until else None,
        )
        without = not_compared(store)
        written = _write(export, found) if export is not None else []
        net = sum(item["total_paise"] for item in found)
        if as_json:
            print_json(
                {"items": found, "totals": totals(found), "total_paise": net, "files": written, "not_compared": without}
            )
        elif written:
            typer.echo(f"{len(found)} lines, {rupees(net)} in all, are in {' and '.join(written)}")
        elif found:
            shown = ("order id", "SKU", "settlement id", "row of the file", "head", "expected", "settled", "difference")
            places = [COLUMNS.index(name) for name in (*shown, "rate row")]
            print_table([*shown, "rate row"], [[row[place] for place in places] for row in _rows(found)])
            print_table(TOTALS, _totals(found))
        else:
            typer.echo("Everything was settled as expected, or is not settled yet.")
        if not as_json:
            for line in without:
                typer.echo(
                    f"not compared: {line['order_ref']} line {line['line_id']}: {line['not_compared']}", err=True
                )


def _until(text: str) -> str:
    """The end of a day, which is included, or a moment."""
    if "T" not in text.upper():
        times.given(text, "--to")
        text = (date.fromisoformat(text) + timedelta(days=1)).isoformat()
    return times.given(text, "--to")


def _rows(found: list[dict[str, Any]]) -> list[list[Cell]]:
    return [_row(item, head) for item in found for head in [*item["heads"], *compensated(item)]]


def _row(item: dict[str, Any], head: dict[str, Any]) -> list[Cell]:
    places = head["rows"]
    return [
        item["marketplace"],
        item["account"],
        item["order_id"],
        item["item_id"],
        item["sku"],
        times.shown(item["settled_at"])[:10],
        _joined([place["settlement_id"] for place in places] or item["settlement_ids"]),
        _joined([place["file"] for place in places if place["file"]]),
        _joined([str(place["row"]) for place in places]),
        head["head"],
        Rupees(head["expected_paise"]),
        Rupees(head["settled_paise"]),
        Rupees(head["difference_paise"]),
        head["how"] or "no row of the rate card charges it here",
        head["rate_row"],
        head["source"],
    ]


def _joined(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _totals(found: list[dict[str, Any]]) -> list[list[Cell]]:
    amounts = ("expected_paise", "settled_paise", "difference_paise")
    sums = totals(found)
    rows: list[list[Cell]] = [
        [head, of_head["lines"], *(Rupees(of_head[name]) for name in amounts)] for head, of_head in sums.items()
    ]
    whole = (Rupees(sum(of_head[name] for of_head in sums.values())) for name in amounts)
    return [*rows, ["in all", len(found), *whole]]


def _write(path: Path, found: list[dict[str, Any]]) -> list[str]:
    """The names of the files: of CSV there are two, so that a sum over a column counts nothing twice."""
    rows, sums = _rows(found), _totals(found)
    if path.suffix.lower() == ".csv":
        second = path.with_name(f"{path.stem}-totals.csv")
        write_csv(path, list(COLUMNS), rows)
        write_csv(second, list(TOTALS), sums)
        return [str(path), str(second)]
    try:
        path.write_bytes(workbook({"Differences": [COLUMNS, *rows], "Totals": [TOTALS, *sums]}, tables=True))
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error
    return [str(path)]
