"""``hunar statement``: what became of a group's money, on the screen or as a file for the group."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from hunar.cli import times
from hunar.cli.act import again
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.facts import instant
from hunar.domain.money import grouped
from hunar.domain.statement import BALANCES, Broken
from hunar.statement_words import LOCALES, words
from hunar.tables import Item
from hunar.use_cases.make_statement import Made, keep, make, shown

Group = Annotated[str, typer.Argument(help="For example G01.")]
From = Annotated[
    int | None, typer.Option("--from", metavar="SEQ", min=0, help="Behind this entry; else where the last one ended.")
]
To = Annotated[int | None, typer.Option("--to", metavar="SEQ", min=1, help="Up to this entry; else up to the last.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Give it out as a file: .pdf or .xlsx. The next one begins behind it."),
]
Locale = Annotated[str | None, typer.Option("--locale", help="The file's language; the group's when left out.")]

FILES: Final = (".pdf", ".xlsx")


def statement(
    group: Group,
    since: From = None,
    until: To = None,
    out: Out = None,
    locale: Locale = None,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """What came, what was taken and what was paid since the last statement, to the paisa."""
    with failures(as_json):
        if out is not None and out.suffix.lower() not in FILES:
            raise Failed(f"{out}: ends neither in {' nor in '.join(FILES)}")
        if locale is not None and locale not in LOCALES:
            raise Failed(f"--locale: {locale} is none of {', '.join(LOCALES)}")
        store = Deployed.find(stage).store

        def made_and_kept() -> Made:
            found = make(store, group, from_seq=since, to_seq=until)
            if out is not None:
                # Written first: what was not given out is not noted as if it were.
                _write(out, found, locale)
                keep(store, found, now=instant(datetime.now(UTC)))
            return found

        try:
            made = again(made_and_kept)
        except Broken as broken:
            raise Failed(f"{broken}; the nightly proof says more") from None
        if as_json:
            print_json(shown(made) | {"file": str(out) if out else None})
        elif out is not None:
            typer.echo(f"Statement {made.statement.number} is in {out}")
        else:
            _print(shown(made))


def _write(path: Path, made: Made, locale: str | None) -> None:
    from hunar.statement_files.sheet import Sheet

    write: Callable[[Sheet], bytes]
    if path.suffix.lower() == ".pdf":
        from hunar.statement_files.pdf import pdf as write
    else:
        from hunar.statement_files.xlsx import xlsx as write

    said = words(locale or made.group["locale"])
    sheet = Sheet(made.statement, said, made.agency, made.group["name"], made.suggested)
    try:
        path.write_bytes(write(sheet))
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error


def _print(found: Item) -> None:
    typer.echo(f"Statement {found['number']} of {found['group']}: entries {found['from'] + 1} to {found['to']}")
    opening, closing = found["opening"]["balances"], found["closing"]["balances"]
    rows = [
        [name, grouped(opening[name]), grouped(closing[name] - opening[name]), grouped(closing[name])]
        for name in BALANCES.values()
        if opening[name] or closing[name]
    ]
    print_table(("", "before", "change", "after"), rows)
    if found["orders"]:
        lines = found["orders"]
        print_table(
            ("settled on", "order id", "line id", "her share"),
            [[_day(one), one["order_ref"], one["line_id"], grouped(one["share_paise"])] for one in lines],
        )
    if found["payments"]:
        print_table(
            ("on", "payout", "batch", "account", "reference", "amount"),
            [
                [
                    *(_day(one), one["kind"], one["batch"], f"…{one['last_four']}" if one["last_four"] else ""),
                    *(one["reference"], grouped(one["amount_paise"])),
                ]
                for one in found["payments"]
            ],
        )
    if found["split"] and found["split"]["shares"]:
        print_table(
            ("suggested; the group decides", "amount"),
            [[one["member"], grouped(one["amount_paise"])] for one in found["split"]["shares"]],
        )


def _day(line: Item) -> str:
    return times.shown(line["occurred_at"])[:10]
