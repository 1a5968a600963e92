"""Calls to a marketplace's API from the terminal, with the credentials that the functions use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hunar.adapters.marketplace_api import REAL, Hosts, HttpMarketplaceApis, Tokens
from hunar.adapters.secrets import SecretsManagerApiSecrets
from hunar.cli.deployed import LOCAL, Deployed
from hunar.cli.output import Failed
from hunar.domain.channel import Call
from hunar.ports import HttpAnswer

SANDBOX: Final[Mapping[str, Hosts]] = {
    "flipkart": Hosts("https://sandbox-api.flipkart.net", "https://sandbox-api.flipkart.net"),
    "amazon": Hosts("https://sandbox.sellingpartnerapi-eu.amazon.com", "https://api.amazon.com"),
}
"""Where a marketplace plays. Amazon's tokens come from the same host as the real ones."""

_SAID: Final = ("code", "message", "details", "description", "error", "error_description")
"""Fields in which marketplaces say why they refuse."""


class Api:
    """One account's API, as far as one kind of token opens it."""

    def __init__(
        self, deployed: Deployed, marketplace: str, account: str, tokens: Tokens, *, sandbox: bool = False
    ) -> None:
        """Raises Failed for the local stack: its marketplaces are played, and nothing of it reaches a real one."""
        if deployed.stage == LOCAL:
            raise Failed(f"this asks the real {marketplace}: name the stage with --stage; a local stack plays its own")
        self._marketplace, self._account = marketplace, account
        secrets = SecretsManagerApiSecrets(deployed.client("secretsmanager"), deployed.output("ApiSecretPrefix"), _now)
        hosts = SANDBOX if sandbox else REAL
        self._apis = HttpMarketplaceApis(hosts, {marketplace: tokens}, secrets, _now)

    def call(self, call: Call) -> bytes:
        """What was answered. Raises Failed with the marketplace's own words when it refuses."""
        answer = self.asked(call)
        if not 200 <= answer.status < 300:
            raise self.refused(call, answer)
        return answer.body

    def asked(self, call: Call) -> HttpAnswer:
        """The answer with any status. Raises Retryable and Rejected, see ``MarketplaceApis``."""
        return self._apis.call(self._marketplace, self._account, call)

    def refused(self, call: Call, answer: HttpAnswer) -> Failed:
        """Why the command cannot go on."""
        words = "; ".join(_reasons(answer.body))
        return Failed(f"{self._marketplace} refuses {call.operation}: {answer.status}{f' {words}' if words else ''}")


def _reasons(body: bytes) -> list[str]:
    """The texts by which a refusal explains itself, each on one line and short."""
    try:
        content: Any = json.loads(body)
    except ValueError:
        return []
    if not isinstance(content, dict):
        return []
    errors = content.get("errors")
    entries = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else [content]
    return [": ".join(said) for entry in entries if (said := [_line(entry[name]) for name in _SAID if entry.get(name)])]


def _line(text: Any) -> str:
    return "".join(letter for letter in " ".join(str(text).split()) if letter.isprintable())[:200]


def _now() -> datetime:
    return datetime.now(UTC)
