"""``hunar account``: the secrets that prove a marketplace's webhooks."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from hunar import wiring
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json
from hunar.cli.secret import given_secret, read_secret, write_secret
from hunar.settings import Settings

application = typer.Typer(no_args_is_help=True, help="The marketplace accounts whose webhooks are taken.")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")

Marketplace = Annotated[str, typer.Argument(help="For example flipkart.")]
Account = Annotated[str, typer.Argument(help="Our name of the account, as in accounts.csv.")]
Rotate = Annotated[
    bool,
    typer.Option("--rotate", help="The secret that is stored becomes the previous one, which is still accepted."),
]


@application.callback()
def accounts() -> None:
    """The marketplace accounts whose webhooks are taken."""


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
    text of 24 to 64 random bytes. A secret never stands on the command line, where other programs and the shell's
    history could read it.

    To rotate without downtime: hunar account add MARKETPLACE ACCOUNT --rotate with the new secret, then change it in
    the marketplace's portal; deliveries signed with either are accepted. A function reads a secret again after five
    minutes, and when a proof fails at once, but at most once a minute.
    """
    with failures(as_json):
        for name in (marketplace, account):
            if not _NAME.fullmatch(name):
                raise Failed(f"{name!r} is not a name of letters, digits, dashes and underscores")
        door = door_of(marketplace)
        deployed = Deployed.find(stage)
        if sys.stdin.isatty():
            shape = ", ".join(f'"{field}": …' for field in door.NEEDS)
            typer.echo(f"Paste {{{shape}}}, then end the input (Ctrl-D):", err=True)
        done = _keep(deployed, marketplace, account, door, sys.stdin.buffer.read(), rotate=rotate)
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


def door_of(marketplace: str) -> wiring.Door:
    """The marketplace's module. Raises Failed when it has no webhook."""
    doors = wiring.Application(Settings.from_environment({})).doors
    if marketplace not in doors:
        raise Failed(f"{marketplace} has no webhook here; known: {', '.join(sorted(doors))}")
    return doors[marketplace]


def _keep(deployed: Deployed, marketplace: str, account: str, door: wiring.Door, given: bytes, *, rotate: bool) -> str:
    """Store what was given. Returns what that did to the secret: created, replaced, rotated or unchanged."""
    before = read_secret(deployed, marketplace, account)
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
    write_secret(deployed, marketplace, account, secret)
    return "rotated" if rotate else "replaced" if before else "created"
