"""``hunar sms templates``: the texts as they are filed on the operators' DLT portal."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hunar import sms_templates
from hunar.cli.act import again, write_csv
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.dlt_portal import (
    FILED,
    SHEET,
    TYPES_BESIDE,
    VARIABLES,
    Compared,
    Portal,
    compare,
    filed,
    sheet,
    variables,
)
from hunar.domain.sms_rules import language_problems, worst_values
from hunar.domain.sms_text import LOCALES, Language, parts, render, units
from hunar.domain.spreadsheet import Problem, read_foreign_table
from hunar.domain.workbook_file import workbook
from hunar.use_cases import register_texts

application = typer.Typer(no_args_is_help=True, help="The registered texts, and what the DLT portal says of them.")

Account = Annotated[Portal, typer.Option("--account", help="The DLT portal where the agency has its account.")]
To = Annotated[Path, typer.Option("--to", metavar="FILE", help="A file that ends in .xlsx or .csv.")]
Exported = Annotated[
    Path, typer.Argument(metavar="FILE", help=f"What the portal exports, as CSV with the columns {', '.join(FILED)}.")
]
Locales = Annotated[
    list[str] | None, typer.Option("--language", metavar="CODE", help="Only this language, e.g. hi; may be repeated.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]
Written = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write dlt_templates.csv too, for the agency's folder.")
]

_CHECKED: Final = ["text", "units", "parts", "review"]
_COMPARED: Final = ["text", "state", "template id", "row", "where it differs"]
_IMPORTED: Final = ["kind", "locale", "template_id", "version", "provider_template"]


@application.command("check")
def check(languages: Locales = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Fill every text with the longest values and say what operators or phones would refuse. For prod also drafts."""
    with failures(as_json):
        rows, problems = [], []
        for language in _languages(languages):
            problems += [f"{language.locale}: {problem}" for problem in language_problems(language)]
            for template in language.templates:
                name = f"{template.form} {template.locale} version {template.version}"
                longest = max(
                    (render(template, values) for values in worst_values(template, language.words)), key=units
                )
                rows.append([name, units(longest), parts(longest), template.review])
                if not sms_templates.usable(template, production=stage == "prod"):
                    problems.append(f"{language.locale}: {name}: is a draft, which production does not send")
        if as_json:
            print_json({"texts": [dict(zip(_CHECKED, row, strict=True)) for row in rows], "errors": problems})
        else:
            print_table(_CHECKED, rows)
        _tell(problems)


@application.command("export")
def export(account: Account, to: To, languages: Locales = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Write the sheet from which the texts are filed on the portal, the newest version of each."""
    with failures(as_json):
        spoken = _languages(languages)
        tags = account not in TYPES_BESIDE
        rows = sheet(spoken, register_texts.agency(Deployed.find(stage).store), tags=tags)
        beside = [] if tags else variables(spoken)
        written = [str(to)]
        match to.suffix.lower():
            case ".xlsx":
                sheets: dict[str, Sequence[Sequence[Any]]] = {"Texts": [SHEET, *rows]}
                sheets |= {"Variables": [VARIABLES, *beside]} if beside else {}
                _write(to, workbook(sheets))
            case ".csv":
                write_csv(to, list(SHEET), rows)
                if beside:
                    second = to.with_name(f"{to.stem}-variables.csv")
                    write_csv(second, list(VARIABLES), beside)
                    written.append(str(second))
            case _:
                raise Failed(f"{to}: ends neither in .xlsx nor in .csv")
        if as_json:
            print_json({"files": written, "texts": [dict(zip(SHEET, row, strict=True)) for row in rows]})
        else:
            typer.echo(f"{len(rows)} texts for {account} are in {' and '.join(written)}")


@application.command("compare")
def compare_with_portal(
    exported: Exported, languages: Locales = None, stage: Stage = LOCAL, as_json: Json = False
) -> None:
    """Say of each text whether the portal approved it, lacks it, has it differently or revoked it."""
    with failures(as_json):
        compared, problems = _compared(exported, languages)
        if as_json:
            print_json({"texts": [_document(one) for one in compared], "errors": [asdict(one) for one in problems]})
        else:
            print_table(_COMPARED, [_row(one) for one in compared])
            typer.echo(_counts(compared))
        _tell(problems)


@application.command("reload")
def reload(
    exported: Exported,
    languages: Locales = None,
    dry_run: DryRun = False,
    csv: Written = None,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Take the ids that the portal approved into the registry; none of them if one has a text that is not ours."""
    with failures(as_json):
        compared, problems = _compared(exported, languages)
        deployed = Deployed.find(stage)
        wanted, changed = register_texts.reload(
            deployed.store, again, exported.name, compared, dry_run=dry_run or bool(problems)
        )
        problems += wanted.problems
        if csv is not None and not problems:
            _write(csv, _imported(wanted.items))
        if as_json:
            print_json(
                {
                    "dry_run": dry_run,
                    "errors": [asdict(problem) for problem in problems],
                    "warnings": [asdict(problem) for problem in wanted.warnings],
                    "changes": [] if problems else changed,
                }
            )
        for warning in wanted.warnings:
            typer.echo(f"look at {warning}", err=True)
        _tell(problems, "nothing was written")
        if not as_json:
            would = "would be " if dry_run else ""
            typer.echo(f"{_counts(compared)} {len(changed)} of them {would}written into the registry.")


def _languages(locales: Sequence[str] | None) -> list[Language]:
    for locale in locales or ():
        if locale not in LOCALES:
            raise Failed(f"--language: {locale!r} is not one of {', '.join(LOCALES)}")
    return [sms_templates.language(locale) for locale in locales or LOCALES]


def _compared(path: Path, locales: Sequence[str] | None) -> tuple[list[Compared], list[Problem]]:
    languages = _languages(locales)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error
    records, problems = read_foreign_table(path.name, data, FILED)
    rows, wrong = filed(path.name, records)
    compared, doubtful = compare(path.name, languages, rows)
    return compared, [*problems, *wrong, *doubtful]


def _row(one: Compared) -> list[Any]:
    return [
        one.name,
        one.state,
        one.filed.template_id if one.filed else None,
        one.filed.row if one.filed else None,
        one.difference,
    ]


def _document(one: Compared) -> dict[str, Any]:
    return {
        "form": one.template.form,
        "locale": one.template.locale,
        "version": one.template.version,
        "state": one.state,
        "template_id": one.filed.template_id if one.filed else None,
        "row": one.filed.row if one.filed else None,
        "difference": one.difference or None,
    }


def _counts(compared: Sequence[Compared]) -> str:
    states = [one.state for one in compared]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states))) + "."


def _imported(items: Sequence[dict[str, Any]]) -> bytes:
    """dlt_templates.csv as the import reads it. Every cell was checked, so none can be a formula."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(_IMPORTED)
    writer.writerows([item[name] for name in _IMPORTED] for item in items)
    return table.getvalue().encode("utf-8-sig")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error


def _tell(problems: Sequence[object], besides: str = "") -> None:
    """Every problem on a line, then exit code 1 when there is one."""
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        count = f"{len(problems)} error{'' if len(problems) == 1 else 's'}"
        typer.echo(f"hunar: {count}{f'; {besides}' if besides else ''}", err=True)
        raise typer.Exit(1)
