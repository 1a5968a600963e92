"""``hunar sign``: a marketplace message as the marketplace would send it."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from hunar.cli.account import door_of
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.cli.secret import read_secret, webhook_secret

TIMEOUT = 30
"""Seconds."""

File = Annotated[Path | None, typer.Argument(help="The message: its bytes are sent as they are.")]
Marketplace = Annotated[str, typer.Option("--marketplace", help="Whose message it is: flipkart or standard.")]
Account = Annotated[str, typer.Option("--account", help="The account that signs.")]
Url = Annotated[str, typer.Option("--url", help="Post to this address. What is signed stays the registered one.")]
Show = Annotated[
    bool, typer.Option("--show", help="Show the local account's secret instead; only for the local stage.")
]


def sign(
    file: File = None,
    marketplace: Marketplace = "flipkart",
    account: Account = "demo",
    url: Url = "",
    show: Show = False,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Sign a message as its marketplace does and post it to the account's webhook."""
    with failures(as_json):
        door = door_of(marketplace)
        if show:
            _show(marketplace, account, door.NEEDS, stage, as_json)
            return
        if file is None:
            raise Failed("which message? hunar sign FILE")
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise Failed(f"{file}: {error.strerror}") from error
        deployed = Deployed.find(stage)
        secret = _secret(deployed, marketplace, account, door.NEEDS)
        address = url or deployed.webhook_url(marketplace, account)
        try:
            headers = door.sign(raw, webhook_secret(secret), datetime.now(UTC))
        except ValueError as error:
            raise Failed(f"{marketplace}/{account}: {error}") from None
        status, body = post(address, {**headers, "Content-Type": "application/json"}, raw)
        if as_json:
            print_json({"url": address, "status": status, "body": body})
        else:
            typer.echo(f"{status} from {address}\n{body}")
        if status != 200:
            raise typer.Exit(1)


def post(url: str, headers: Mapping[str, str], raw: bytes) -> tuple[int, str]:
    """The answer's status and text. Header names go out exactly as given, underscores and all. Raises Failed."""
    try:
        parts = urlsplit(url)
        kinds = {"https": http.client.HTTPSConnection, "http": http.client.HTTPConnection}
        if parts.scheme not in kinds or not parts.hostname:
            raise Failed(f"{url} is not a web address")
        connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, raw, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Failed(f"{url} does not answer: {error}") from error


def _show(marketplace: str, account: str, needs: Sequence[str], stage: str, as_json: bool) -> None:
    if stage != LOCAL:
        raise Failed("--show is for the local stage only: the secret of a real account is shown to nobody")
    secret = _secret(Deployed.find(stage), marketplace, account, needs)
    if as_json:
        print_json({"account": account} | secret)
    else:
        print_table(("field", "value"), [("account", account), *secret.items()])


def _secret(deployed: Deployed, marketplace: str, account: str, needs: Sequence[str]) -> dict[str, Any]:
    name = deployed.secret_name(marketplace, account)
    secret = read_secret(deployed, name)
    if secret is None or not all(secret[field] for field in needs):
        raise Failed(f"there is no secret {name}; make it with: hunar account add {marketplace} {account}")
    return secret
