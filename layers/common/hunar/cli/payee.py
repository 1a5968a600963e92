"""``hunar payee``: where a group is paid, entered by one person and confirmed by another."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from hunar.cli.act import ActId, Reason
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.operators_api import As, OperatorsApi, token
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.domain.facts import instant
from hunar.use_cases.branches import keep_branches

application = typer.Typer(no_args_is_help=True, help="Where groups are paid: entered by one, confirmed by another.")

Group = Annotated[str, typer.Argument(help="The group's id.")]


@application.command("show")
def show(group: Group, person: As = "maker", stage: Stage = LOCAL, as_json: Json = False) -> None:
    """The newest version of a group's bank account, by its last four characters."""
    with failures(as_json):
        found = OperatorsApi(Deployed.find(stage), person).get(_path(group))
        if as_json:
            print_json(found)
        else:
            looked_up = found.pop("looked_up") or {}
            found |= {f"looked_up_{name}": value for name, value in looked_up.items()}
            print_table(("field", "value"), [(name, value) for name, value in found.items() if value is not None])


@application.command("branches")
def branches(
    file: Annotated[Path, typer.Argument(help="The Reserve Bank's list of branches, saved as CSV with a column IFSC.")],
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Take the list of all bank branches: from then on an IFSC that is not in it is refused."""
    with failures(as_json):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise Failed(f"{file}: {error.strerror}") from error
        kept = keep_branches(Deployed.find(stage).store, file.name, content, now=instant(datetime.now(UTC)))
        if as_json:
            print_json({"branches": kept})
        else:
            typer.echo(f"{kept} branches are known.")


@application.command("propose")
def propose(
    group: Group,
    name: Annotated[str, typer.Option("--name", help="As the passbook has it, in Latin letters; else asked for.")] = "",
    # Better asked for: then it stands in no shell's history.
    account: Annotated[str, typer.Option("--account", help="The account number; asked for when left out.")] = "",
    ifsc: Annotated[str, typer.Option("--ifsc", help="The branch's code; asked for when left out.")] = "",
    account_type: Annotated[
        Literal["SAVINGS", "CURRENT", "CASH_CREDIT"], typer.Option("--type", help="As the bank calls it.")
    ] = "SAVINGS",
    pan: Annotated[str, typer.Option("--pan", help="If it is known.")] = "",
    gstin: Annotated[str, typer.Option("--gstin", help="If the group has one.")] = "",
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Enter a bank account. It pays nobody until another person confirms it; a changed one waits some days more."""
    with failures(as_json):
        said = OperatorsApi(Deployed.find(stage), person).post(
            _path(group),
            name=name or typer.prompt("Name as the passbook has it"),
            account=account or typer.prompt("Account number"),
            ifsc=ifsc or typer.prompt("IFSC"),
            account_type=account_type,
            pan=pan or None,
            gstin=gstin or None,
            act_id=act_id or None,
        )
        if as_json:
            print_json(said)
            return
        typer.echo(f"Version {said['version']}, {said['account']}, can be paid from {said['usable_from']} on.")
        typer.echo(f"Another person confirms it: hunar payee confirm {group} --version {said['version']}")


@application.command("confirm")
def confirm(
    group: Group,
    version: Annotated[int, typer.Option("--version", min=1, help="Which version, as hunar payee show has it.")],
    looked_up: Annotated[
        str, typer.Option("--looked-up", help="The bank's name for the account; asked for when left out.")
    ] = "",
    note: Annotated[str, typer.Option("--note", help="Why it is right, where the bank has another name.")] = "",
    act_id: ActId = "",
    person: As = "checker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Confirm a bank account that another person entered, with the name that the bank gave when it was looked up."""
    with failures(as_json):
        said = OperatorsApi(Deployed.find(stage), person).post(
            f"{_path(group)}/confirm",
            version=version,
            looked_up=looked_up or typer.prompt("The bank's name for the account"),
            name_note=note or None,
            act_id=act_id or None,
        )
        if as_json:
            print_json(said)
            return
        typer.echo(f"Version {said['version']}, {said['account']}, is paid from {said['usable_from']} on.")


@application.command("close")
def close(
    group: Group,
    reason: Reason,
    act_id: ActId = "",
    person: As = "maker",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Stop paying a group's account, at once."""
    with failures(as_json):
        said = OperatorsApi(Deployed.find(stage), person).post(
            f"{_path(group)}/close", reason=reason, act_id=act_id or None
        )
        if as_json:
            print_json(said)
            return
        typer.echo(f"{group} is not paid until another account is entered and confirmed.")


def _path(group: str) -> str:
    return f"/api/groups/{token(group)}/beneficiary"
