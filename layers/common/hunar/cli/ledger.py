"""``hunar ledger``: the books, proved from every entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Json, Stage, failures, print_json, print_table
from hunar.domain.facts import instant
from hunar.domain.money import grouped
from hunar.use_cases.prove import Desk, Report, prove

application = typer.Typer(no_args_is_help=True, help="The books of all groups, and what was settled.")

_BOOKS: Final = ["group", "entries", "held", "payable", "debt", "fund", "faults"]
_SETTLEMENTS: Final = ["settlement", "lines", "matched", "agency", "suspense", "open", "total", "faults"]
_MONEY: Final = ("matched", "agency", "suspense", "open", "total")


@application.callback()
def ledger() -> None:
    """The books of all groups, and what was settled."""


@application.command("audit")
def audit(
    group: Annotated[str, typer.Option("--group", help="The book of this group alone, for example G01.")] = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Read every entry again and prove heads, lines, settlements and all accounts together, to the paisa.

    Ends with 0 when the books are as they must be, with 1 when not. It writes nothing and commands nothing: that is
    the nightly proof's.
    """
    with failures(as_json):
        deployed = Deployed.find(stage)
        desk = Desk(deployed.store, deployed.queues, instant(datetime.now(UTC)), _for_ever, _once)
        report = prove(desk, group or None)
        if as_json:
            print_json(_document(report))
        else:
            _print(report)
        if not report.proved:
            raise typer.Exit(1)


def _for_ever() -> float:
    return float("inf")


def _once(action: Callable[[], Any]) -> Any:
    return action()


def _document(report: Report) -> dict[str, Any]:
    return {
        "at": report.at,
        "proved": report.proved,
        "books": [asdict(book) for book in report.books],
        "settlements": [asdict(proof) for _, proof in sorted(report.settlements.items())],
        "accounts": report.agencys,
        "faults": [asdict(fault) for fault in report.faults],
        "fault_paise": report.paise,
        "not_booked": [
            {
                "what": one.name, "settlement": one.settlement, "message": one.text, "paise": one.paise,
                "since": one.since, "explained": one.explained,
            }
            for one in report.unbooked
        ],
        "moving": report.moving,
    }  # fmt: skip


def _print(report: Report) -> None:
    def faults(where: str, name: str) -> int:
        return sum((fault.where, fault.name) == (where, name) for fault in report.faults)

    rows = []
    for book in report.books:
        name = book.group_id if book.registered else f"{book.group_id} (not registered)"
        money = [grouped(paise) for paise in (book.held, book.payable, book.debt, book.fund)]
        rows.append([name, book.entries, *money, faults("group", book.group_id)])
    print_table(_BOOKS, rows)
    if report.settlements:
        found = sorted(report.settlements.items())
        money_of = [[grouped(getattr(proof, name)) for name in _MONEY] for _, proof in found]
        print_table(
            _SETTLEMENTS,
            [
                [name, proof.lines, *money, faults("settlement", name)]
                for (name, proof), money in zip(found, money_of, strict=True)
            ],
        )
    if report.whole:
        accounts = [
            [name, grouped(paise) if paise > 0 else "", grouped(-paise) if paise < 0 else ""]
            for name, paise in report.agencys.items()
            if paise
        ]
        print_table(["account", "debit", "credit"], accounts)
    for one in report.unbooked:
        waits = "a person is asked about it" if one.explained else f"since {one.since}" if one.since else "new"
        typer.echo(f"Not booked ({waits}): {one.text}")
    for fault in report.faults:
        typer.echo(f"{fault.where} {fault.name}: {fault.what}: {fault.text}")
    if report.moving:
        typer.echo(f"Moved each time they were read, so try again: {', '.join(report.moving)}")
    entries = sum(book.entries for book in report.books)
    said = "proved" if report.proved else f"NOT proved: {len(report.faults)} faults, {grouped(report.paise)} in all"
    typer.echo(f"{len(report.books)} books, {entries} entries, {len(report.settlements)} settlements: {said}.")
