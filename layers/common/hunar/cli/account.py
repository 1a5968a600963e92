"""``hunar account``: the accounts at marketplaces, and the secrets that each of them needs."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hunar import tables, wiring
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.cli.secret import (
    API_FIELDS,
    FROM_THE_OFFICE,
    given_credentials,
    given_secret,
    has_secret,
    read_secret,
    write_secret,
)
from hunar.domain.catalogue import COLUMNS
from hunar.settings import Settings
from hunar.tables import Table
from hunar.use_cases.paging import pages

application = typer.Typer(no_args_is_help=True, help="The agency's accounts at marketplaces and their secrets.")

ACCOUNT_IDS = COLUMNS["accounts"][1]
"""By what the marketplace names the account. None of them is secret."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")

Marketplace = Annotated[str, typer.Argument(help="For example flipkart.")]
Account = Annotated[str, typer.Argument(help="Our name of the account, as in accounts.csv.")]
Rotate = Annotated[
    bool,
    typer.Option("--rotate", help="The secret that is stored becomes the previous one, which is still accepted."),
]


@application.command("add")
def add(
    marketplace: Marketplace,
    account: Account,
    rotate: Rotate = False,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Keep an account's webhook secret, read as JSON from standard input.

    For flipkart the JSON is {"app_id", "secret", "url"}, where url is the webhook's address exactly as it is
    registered with the marketplace: it is part of what is signed. For standard it is {"secret"}, whsec_ and the base64
    text of 24 to 64 random bytes. For razorpayx it is {"secret"}, the text that was entered beside the webhook on the
    dashboard. A secret never stands on the command line, where other programs and the shell's history could read it.

    To rotate without downtime: hunar account add MARKETPLACE ACCOUNT --rotate with the new secret, then change it in
    the marketplace's portal; deliveries signed with either are accepted. A function reads a secret again after five
    minutes, and when a proof fails at once, but at most once a minute.
    """
    with failures(as_json):
        check_names(marketplace, account)
        door = door_of(marketplace)
        deployed = Deployed.find(stage)
        done = _keep(deployed, marketplace, account, door, _pasted(door.NEEDS), rotate=rotate)
        name = f"{marketplace}/{account}"
        listed = name in deployed.webhook_accounts
        url = deployed.webhook_url(marketplace, account)
        if as_json:
            print_json({"account": name, "secret": done, "listed": listed, "webhook_url": url})
            return
        typer.echo(f"The secret of {name} is {done}. Its webhooks come to {url}")
        if not listed:
            wanted = ",".join([*deployed.webhook_accounts, name])
            typer.echo(f"The stack does not take its webhooks yet: deploy it with WebhookAccounts={wanted}")
        typer.echo(f"To change the secret without downtime: hunar account add {marketplace} {account} --rotate")


@application.command("credentials")
def credentials(marketplace: Marketplace, account: Account, stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Keep what an account's API is called with, read as JSON from standard input.

    For flipkart {"client_id", "client_secret"}, the application id and secret; for amazon {"client_id",
    "client_secret", "refresh_token"}, from Login with Amazon; for razorpayx {"key_id", "key_secret"}, which hunar
    payouts send reads. A function reads them again after five minutes.
    """
    with failures(as_json):
        check_names(marketplace, account)
        if marketplace not in API_FIELDS:
            raise Failed(f"{marketplace} has no API that is asked here; known: {', '.join(sorted(API_FIELDS))}")
        needs = API_FIELDS[marketplace]
        deployed = Deployed.find(stage)
        given = given_credentials(_pasted(needs), needs)
        name, secret_name = f"{marketplace}/{account}", deployed.api_secret_name(marketplace, account)
        before = read_secret(deployed, secret_name, needs)
        done = "unchanged" if given == before else "replaced" if before else "created"
        if done != "unchanged":
            write_secret(deployed, secret_name, given, f"Calls the API of {name} for Hunar")
        listed = marketplace in FROM_THE_OFFICE or name in deployed.api_accounts
        if as_json:
            print_json({"account": name, "credentials": done, "listed": listed})
            return
        typer.echo(f"The API credentials of {name} are {done}.")
        if not listed:
            wanted = ",".join([*deployed.api_accounts, name])
            typer.echo(f"The stack does not ask its marketplace yet: deploy it with ApiAccounts={wanted}")


@application.command("list")
def list_accounts(stage: Stage = LOCAL, as_json: Json = False) -> None:
    """Every account with its public names, and whether it has what it needs. No secret is read."""
    with failures(as_json):
        deployed = Deployed.find(stage)
        found = [_shown(deployed, item) for item in _known(deployed)]
        if as_json:
            print_json(found)
            return
        print_table(("account", "webhook", "api"), [(_name(one), *_ready(one)) for one in found])
        # Ids and addresses are long and are copied: in a table they would be cut.
        for one in found:
            for name in (*ACCOUNT_IDS, "webhook_url"):
                if one[name]:
                    typer.echo(f"{_name(one)} {name} {one[name]}")


def _known(deployed: Deployed) -> list[dict[str, Any]]:
    """The accounts of accounts.csv and those that the stack was deployed with, whichever of them is missing there."""
    registered = {_name(item): item for item in pages(deployed.store, Table.REGISTRY, tables.account("", "").pk)}
    listed = {*deployed.webhook_accounts, *deployed.api_accounts}
    named = {name: dict(zip(("marketplace", "account"), name.split("/", 1), strict=True)) for name in listed}
    return [item | {"registered": name in registered} for name, item in sorted((named | registered).items())]


def _shown(deployed: Deployed, item: dict[str, Any]) -> dict[str, Any]:
    whose = (item["marketplace"], item["account"])
    has_webhook = item["marketplace"] in _doors()
    return {
        "marketplace": whose[0],
        "account": whose[1],
        **{name: item.get(name) for name in ACCOUNT_IDS},
        "registered": item["registered"],
        "webhook_url": deployed.webhook_url(*whose) if has_webhook else None,
        "takes_webhooks": _name(item) in deployed.webhook_accounts,
        "webhook_secret": has_webhook and has_secret(deployed, deployed.secret_name(*whose)),
        "asks_api": _name(item) in deployed.api_accounts,
        "api_credentials": item["marketplace"] in API_FIELDS and has_secret(deployed, deployed.api_secret_name(*whose)),
    }


def _name(item: dict[str, Any]) -> str:
    return f"{item['marketplace']}/{item['account']}"


def _ready(one: dict[str, Any]) -> list[str]:
    """What still is to be done, for each of the two ways."""
    return [
        _lacking(one["takes_webhooks"], "WebhookAccounts", one["webhook_secret"]) if one["webhook_url"] else "has none",
        _lacking(one["asks_api"] or one["marketplace"] in FROM_THE_OFFICE, "ApiAccounts", one["api_credentials"])
        if one["marketplace"] in API_FIELDS
        else "has none",
    ]


def _lacking(deployed: bool, setting: str, secret: bool) -> str:
    lacks = [what for what, there in ((f"not in {setting}", deployed), ("no secret", secret)) if not there]
    return ", ".join(lacks) or "ready"


def check_names(marketplace: str, account: str) -> None:
    """Raises Failed: a name is part of a secret's name and must not lead out of its folder."""
    for name in (marketplace, account):
        if not _NAME.fullmatch(name):
            raise Failed(f"{name!r} is not a name of letters, digits, dashes and underscores")


def _pasted(needs: Sequence[str]) -> bytes:
    if sys.stdin.isatty():
        shape = ", ".join(f'"{field}": …' for field in needs)
        typer.echo(f"Paste {{{shape}}}, then end the input (Ctrl-D):", err=True)
    return sys.stdin.buffer.read()


def _doors() -> Mapping[str, wiring.Door]:
    application = wiring.Application(Settings.from_environment({}))
    return {**application.doors, **application.payout_rails}


def door_of(marketplace: str) -> wiring.Door:
    """The marketplace's module. Raises Failed when it has no webhook."""
    doors = _doors()
    if marketplace not in doors:
        raise Failed(f"{marketplace} has no webhook here; known: {', '.join(sorted(doors))}")
    return doors[marketplace]


def _keep(deployed: Deployed, marketplace: str, account: str, door: wiring.Door, given: bytes, *, rotate: bool) -> str:
    """Store what was given. Returns what that did to the secret: created, replaced, rotated or unchanged."""
    name = deployed.secret_name(marketplace, account)
    before = read_secret(deployed, name)
    if rotate and not (before and before["secret"]):
        raise Failed(f"{marketplace}/{account} has no secret to rotate; leave --rotate out")
    now = datetime.now(UTC)
    secret = given_secret(
        given,
        before=before if rotate else None,
        needs=door.NEEDS,
        check=lambda one: door.sign(b"{}", one, now),
    )
    if rotate and before:
        if secret["previous_secret"]:
            raise Failed("previous_secret must be left out with --rotate: it becomes the one that is stored")
        if secret["secret"] == before["secret"]:
            raise Failed("the new secret is the one that is stored already")
        secret["previous_secret"] = before["secret"]
    if secret == before:
        return "unchanged"
    write_secret(deployed, name, secret, f"Proves the webhooks of {marketplace}/{account} to Hunar")
    return "rotated" if rotate else "replaced" if before else "created"
