"""``hunar export``: what the accountant and the mission take away, from the books themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from hunar import tables
from hunar.cli.act import write_csv
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.facts import instant
from hunar.domain.mission_sheet import Unknown
from hunar.domain.money import Rupees
from hunar.domain.rate_card import day_of_sale
from hunar.domain.registers import BUCKETS, GONE_15_DAYS, Lot, ageing, days_old, unpaid_over
from hunar.domain.workbook_file import Cell, workbook
from hunar.use_cases import exports

application = typer.Typer(no_args_is_help=True, help="Registers, the books as text, and the mission's sheet.")

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write it into a file that a spreadsheet opens: .xlsx, .csv."),
]
Month = Annotated[str, typer.Option("--month", metavar="MONTH", help="For example 2026-11.")]

_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
REGISTER: Final = (
    *("month", "marketplace", "rate row", "paid by buyers", "output GST", "taxable value"),
    *("GST on fees", "TCS", "TDS"),
)
AGES: Final = (
    "group",
    "where",
    *(f"{first}-{last} days" if last else f"{first} days and more" for first, last in BUCKETS),
)
UNPAID: Final = ("group", "where", "since", "days", "order id", "line id", "amount")


@application.command("registers")
def registers(month: Month, out: Out = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """GST, TCS and TDS of a month of India, by marketplace and rate. Returns are below zero."""
    with failures(as_json):
        _spreadsheet(out)
        if not _MONTH.fullmatch(month):
            raise Failed(f"--month: {month} is no month like 2026-11")
        found = exports.registers(Deployed.find(stage).store, month)
        rows: list[list[Cell]] = [
            [
                row.month,
                row.marketplace,
                row.rate_row,
                Rupees(row.gross_paise),
                Rupees(row.output_gst_paise),
                Rupees(row.taxable_paise),
                Rupees(row.gst_on_fees_paise),
                Rupees(row.tcs_paise),
                Rupees(row.tds_paise),
            ]
            for row in found
        ]
        items = [asdict(row) | {"taxable_paise": row.taxable_paise} for row in found]
        _give("Registers", REGISTER, rows, items, out, as_json)


@application.command("ledger")
def ledger(
    written_as: Annotated[
        Literal["beancount"], typer.Option("--format", help="In which program's format.")
    ] = "beancount",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it into a file.")] = None,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """All entries of money as text, with an assertion of every balance: the program that loads it proves the books."""
    with failures(as_json):
        store = Deployed.find(stage).store
        agency = store.read([tables.agency()]).get(tables.agency())
        text = exports.text_of_books(store, title=agency["name"] if agency else "Hunar")
        if out is not None:
            _write(out, text.encode())
        if as_json:
            print_json({"format": written_as, "file": str(out)} if out else {"format": written_as, "text": text})
        else:
            typer.echo(f"The books are in {out}" if out else text, nl=out is not None)


@application.command("ageing")
def by_age(out: Out = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """How old the money is that is held, payable or on its way, by group."""
    with failures(as_json):
        _spreadsheet(out)
        found = ageing(exports.lots_now(Deployed.find(stage).store), _today())
        rows: list[list[Cell]] = [[aged.group_id, aged.where, *map(Rupees, aged.paise)] for aged in found]
        items = [asdict(aged) | {"paise": list(aged.paise), "total_paise": aged.total_paise} for aged in found]
        _give("Ageing", AGES, rows, items, out, as_json)


@application.command("unpaid")
def unpaid(out: Out = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """What is payable or on its way for more than 15 days, the oldest first."""
    with failures(as_json):
        _spreadsheet(out)
        today = _today()
        found = unpaid_over(exports.lots_now(Deployed.find(stage).store), today)
        rows = [_unpaid(lot, today) for lot in found]
        items = [asdict(lot) | {"days": days_old(lot, today)} for lot in found]
        nothing = f"Nothing is unpaid for more than {GONE_15_DAYS} days."
        _give("Unpaid", UNPAID, rows, items, out, as_json, nothing=nothing)


@application.command("mission")
def mission(
    since: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day.")],
    until: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The workbook, .xlsx.")],
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """The mission officer's sheet: sales by city and group, who sold nothing, who was paid, who waits too long."""
    with failures(as_json):
        first, last = _day(since, "--from"), _day(until, "--to")
        if last < first:
            raise Failed(f"--to: {until} is before {since}")
        if out.suffix.lower() != ".xlsx":
            raise Failed(f"{out}: does not end in .xlsx")
        try:
            found = exports.mission(Deployed.find(stage).store, first, last)
        except Unknown as unknown:
            raise Failed(f"{unknown}: import groups.csv again") from None
        _write(out, workbook(found.sheets, tables=True))
        if as_json:
            print_json({"file": str(out), "uncounted": list(found.uncounted), "unpriced_units": found.unpriced})
            return
        typer.echo(f"The sheet from {first} to {last} is in {out}")
        if found.uncounted:
            groups = ", ".join(found.uncounted)
            typer.echo(f"Not among the women paid, for want of the column women in groups.csv: {groups}")
        if found.unpriced:
            typer.echo(f"{found.unpriced} units count with 0.00: nobody has said their price yet")


def _unpaid(lot: Lot, today: str) -> list[Cell]:
    place: list[Cell] = [lot.group_id, lot.where, lot.since, days_old(lot, today), lot.order_ref, lot.line_id]
    return [*place, Rupees(lot.amount_paise)]


def _today() -> str:
    return day_of_sale(instant(datetime.now(UTC)))


def _day(text: str, option: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Failed(f"{option}: {text} is no day like 2026-11-25") from None


def _spreadsheet(out: Path | None) -> None:
    if out is not None and out.suffix.lower() not in (".xlsx", ".csv"):
        raise Failed(f"{out}: ends neither in .xlsx nor in .csv")


def _give(
    name: str,
    columns: Sequence[str],
    rows: list[list[Cell]],
    items: list[dict[str, Any]],
    out: Path | None,
    as_json: bool,
    *,
    nothing: str = "",
) -> None:
    if out is not None and out.suffix.lower() == ".csv":
        write_csv(out, list(columns), rows)
    elif out is not None:
        _write(out, workbook({name: [columns, *rows]}, tables=True))
    if as_json:
        print_json({"items": items, "file": str(out) if out else None})
    elif out is not None:
        typer.echo(f"{len(rows)} rows are in {out}")
    elif rows or not nothing:
        print_table(columns, rows)
    else:
        typer.echo(nothing)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error
