"""``hunar channel``: what each channel was told of the stock, and the switch that stops the telling."""

from __future__ import annotations

from typing import Annotated

import typer

from hunar.cli.account import check_names
from hunar.cli.act import Csv, Person, Reason, by, desk, write_csv
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.use_cases import channels

application = typer.Typer(no_args_is_help=True, help="What marketplaces are told about stock.")

Marketplace = Annotated[str, typer.Argument(help="For example amazon.")]
Account = Annotated[str, typer.Argument(help="Our name of the account, as in accounts.csv.")]

_COLUMNS = ["channel", "listing", "sku", "told", "at", "answer", "shows"]


@application.command("list")
def list_channels(csv: Csv = None, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Every listing with the number that its channel was told last, and the number that it showed."""
    with failures(as_json):
        deployed = Deployed.find(stage)
        accounts = [
            (marketplace, name) for marketplace, _, name in (one.partition("/") for one in deployed.api_accounts)
        ]
        found = channels.told(desk(deployed), accounts)
        rows = [
            [
                f"{one['marketplace']}/{one['account']}",
                one["listing"],
                one["sku"],
                one["quantity"],
                one["at"],
                f"paused since {one['paused_at']}" if one["paused_at"] else one["message"] or one["verdict"],
                one["shown"],
            ]
            for one in found
        ]
        if csv is not None:
            write_csv(csv, _COLUMNS, rows)
        if as_json:
            print_json(found)
        elif csv is not None:
            typer.echo(f"{len(rows)} listings are in {csv}")
        elif rows:
            print_table(_COLUMNS, rows)
        else:
            typer.echo("No account is told about stock: none is in ApiAccounts, or none has listings.")


@application.command("pause")
def pause(
    marketplace: Marketplace,
    account: Account,
    reason: Reason,
    person: Person = "",
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Stop telling a channel how many it may sell. What it was told last stays there."""
    with failures(as_json):
        deployed = _told(marketplace, account, stage)
        act = by(person, reason, "")
        before = channels.pause(desk(deployed), marketplace, account, act)
        if as_json:
            print_json(
                {"account": f"{marketplace}/{account}", "paused": True, "since": before["at"] if before else None}
            )
        elif before:
            typer.echo(
                f"{marketplace}/{account} is paused since {before['at']} by {before['person']}: {before['reason']}"
            )
        else:
            typer.echo(f"{marketplace}/{account} is paused until: hunar channel resume {marketplace} {account}")


@application.command("resume")
def resume(marketplace: Marketplace, account: Account, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Tell a channel again, of every product that it sells."""
    with failures(as_json):
        deployed = _told(marketplace, account, stage)
        paused, products = channels.resume(desk(deployed), marketplace, account)
        if as_json:
            print_json({"account": f"{marketplace}/{account}", "was_paused": paused, "products": products})
            return
        was = "goes on" if paused else "was not paused"
        typer.echo(f"{marketplace}/{account} {was}; it is told of {products} products. hunar channel list shows it.")


def _told(marketplace: str, account: str, stage: str) -> Deployed:
    """The stack. Raises Failed when it tells this account nothing anyway."""
    check_names(marketplace, account)
    deployed = Deployed.find(stage)
    if f"{marketplace}/{account}" not in deployed.api_accounts:
        known = ", ".join(deployed.api_accounts) or "none"
        raise Failed(f"{marketplace}/{account} is told nothing about stock; told are {known} (ApiAccounts)")
    return deployed
