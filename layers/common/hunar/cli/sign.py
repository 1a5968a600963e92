"""``hunar sign``: a marketplace message as the marketplace would send it."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed, Json, Stage, failures, print_json, print_table
from hunar.cli.secret import read_secret
from hunar.marketplaces import flipkart

MARKETPLACE = "flipkart"
TIMEOUT = 30
"""Seconds."""

File = Annotated[Path | None, typer.Argument(help="The message: its bytes are sent as they are.")]
Account = Annotated[str, typer.Option("--account", help="The Flipkart account that signs.")]
Url = Annotated[str, typer.Option("--url", help="Post to this address. What is signed stays the registered one.")]
Show = Annotated[
    bool, typer.Option("--show", help="Show the local account's secret instead; only for the local stage.")
]


def sign(
    file: File = None,
    account: Account = "demo",
    url: Url = "",
    show: Show = False,
    stage: Stage = LOCAL,
    as_json: Json = False,
) -> None:
    """Sign a Flipkart message and post it to the account's webhook."""
    with failures(as_json):
        if show:
            _show(account, stage, as_json)
            return
        if file is None:
            raise Failed("which message? hunar sign FILE")
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise Failed(f"{file}: {error.strerror}") from error
        deployed = Deployed.find(stage)
        secret = _secret(deployed, account)
        address = url or deployed.webhook_url(MARKETPLACE, account)
        status, body = post(address, headers(secret, datetime.now(UTC)), raw)
        if as_json:
            print_json({"url": address, "status": status, "body": body})
        else:
            typer.echo(f"{status} from {address}\n{body}")
        if status != 200:
            raise typer.Exit(1)


def headers(secret: dict[str, Any], now: datetime) -> dict[str, str]:
    """What Flipkart sends along. It signs the date, the registered URL and the method, not the body."""
    at = now.astimezone(UTC).replace(microsecond=0)
    authorization = flipkart.signature(secret["app_id"], secret["secret"], secret["url"], int(at.timestamp()))
    return {
        "X_Date": format_datetime(at, usegmt=True),
        "X_Authorization": authorization,
        "Content-Type": "application/json",
    }


def post(url: str, headers: dict[str, str], raw: bytes) -> tuple[int, str]:
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


def _show(account: str, stage: str, as_json: bool) -> None:
    if stage != LOCAL:
        raise Failed("--show is for the local stage only: the secret of a real account is shown to nobody")
    secret = _secret(Deployed.find(stage), account)
    if as_json:
        print_json({"account": account} | secret)
    else:
        print_table(("field", "value"), [("account", account), *secret.items()])


def _secret(deployed: Deployed, account: str) -> dict[str, Any]:
    secret = read_secret(deployed, MARKETPLACE, account)
    if secret is None or not (secret["app_id"] and secret["secret"] and secret["url"]):
        name = deployed.secret_name(MARKETPLACE, account)
        raise Failed(f"there is no secret {name}; make it with: hunar account add {MARKETPLACE} {account}")
    return secret
