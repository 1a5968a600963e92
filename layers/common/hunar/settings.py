"""What a deployed function is told by its environment, read once and never at import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from hunar.ports import QueueName
from hunar.tables import Table

_K = TypeVar("_K")


class SettingMissing(RuntimeError):
    """The function uses something that the template does not give it."""


@dataclass(frozen=True)
class Settings:
    """Names are deployed names. A function has only those that its policy lets it use."""

    stage: str
    demo: bool
    """Seed data marks the stack as a demo; a demo refuses a real SMS provider."""
    emulated: bool
    """The local stack, on an emulator: its time may be shifted, and it knows no users."""
    clock_ahead_seconds: int
    """On an emulator what is due later can be looked at now: nobody waits there for a quarter of an hour."""
    tables: Mapping[Table, str]
    queues: Mapping[QueueName, str]
    dead_letters: Mapping[QueueName, str]
    """ARN of the dead letter queue of each queue: by it a Lambda event says where its messages come from."""
    webhook_accounts: frozenset[tuple[str, str]]
    """(marketplace, account) pairs that may post. A list in settings, so an unknown name costs no call."""
    secret_prefix: str
    api_accounts: frozenset[tuple[str, str]]
    """(marketplace, account) pairs whose marketplace can be asked: we have credentials for its API. What a message
    says that nobody signed is a claim for them, until the marketplace confirms it."""
    api_secret_prefix: str
    poll_lag_seconds: int
    """Catching up asks for what changed until so long ago."""
    sms_accounts: frozenset[tuple[str, str]]
    """(provider, account) pairs of providers of texts that may post receipts and replies."""
    sms_secret_prefix: str
    """Before ``/provider/account``: what a provider that is not AWS is called with, and what proves its posts."""
    api_url: str
    """Where the fakes of the marketplaces' APIs listen; empty on AWS, where each has its own host."""
    sms_provider: str
    """Who sends the texts: ``aws`` (End User Messaging), ``sns``, ``msg91`` or ``exotel``."""
    sms_max_price: str
    """US dollars that AWS may take for one text; empty: the limit that ``adapters/sms/aws.py`` explains."""
    sms_configuration_set: str
    """What AWS sends receipts by; empty: none will come."""
    inbox_bucket: str
    """Where files lie that somebody hands in."""
    sms_parts_a_day: int
    """Parts of texts that may go on one day, all together."""
    payout_files_bucket: str
    """Where files for banks lie."""
    payout_layout: str
    """How the agency's bank wants its file: one of ``bank_files``."""
    payout_bank: Mapping[str, str]
    """What that layout needs of the agency, by its names."""
    payout_minimum_paise: int
    """A group that less is payable to is paid with a later batch."""
    payable_patience_days: int
    """So long money may be payable before a person is told."""
    settlement_patience_days: int
    """So long after its delivery a line may be without a settlement before a person is told."""
    payee_cooling_days: int
    """So long a changed bank account is not paid."""

    @property
    def sms_receipts(self) -> bool:
        """Whether the provider of texts will say if they arrived. If not, silence means nothing."""
        if self.sms_provider == "aws":
            return bool(self.sms_configuration_set)
        return any(provider == self.sms_provider for provider, _ in self.sms_accounts)

    @property
    def production(self) -> bool:
        return self.stage == "prod"

    def is_from(self, arn: str, queue: QueueName) -> bool:
        """Whether the ARN of an event's source is this queue's: the URL that we know ends in the same name."""
        return arn.rpartition(":")[2] == self.queues.get(queue, "").rpartition("/")[2]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """ValueError when WEBHOOK_ACCOUNTS, API_ACCOUNTS or SMS_ACCOUNTS is not a comma-separated list of
        ``marketplace/account``, or PAYOUT_BANK none of ``name=value``."""
        tables = {table: environment.get(f"{table.name}_TABLE", "") for table in Table}
        queues = {queue: environment.get(f"{queue.name}_QUEUE_URL", "") for queue in QueueName}
        dead_letters = {queue: environment.get(f"{queue.name}_DEAD_LETTER_QUEUE_ARN", "") for queue in QueueName}
        # Both must be said: a stage that forgot one of them is a real one.
        emulated = environment.get("STAGE") == "local" and environment.get("EMULATED") == "true"
        return cls(
            stage=environment.get("STAGE", "local"),
            demo=environment.get("DEMO", "false").lower() == "true",
            emulated=emulated,
            clock_ahead_seconds=int(environment.get("CLOCK_AHEAD_SECONDS") or 0) if emulated else 0,
            tables=_Named(tables, "table"),
            queues=_Named(queues, "queue"),
            dead_letters=_Named(dead_letters, "dead letter queue of"),
            webhook_accounts=frozenset(_accounts("WEBHOOK_ACCOUNTS", environment)),
            secret_prefix=environment.get("SECRET_PREFIX", ""),
            api_accounts=frozenset(_accounts("API_ACCOUNTS", environment)),
            api_secret_prefix=environment.get("API_SECRET_PREFIX", ""),
            poll_lag_seconds=int(environment.get("POLL_LAG_SECONDS") or 120),
            sms_accounts=frozenset(_accounts("SMS_ACCOUNTS", environment)),
            sms_secret_prefix=environment.get("SMS_SECRET_PREFIX", ""),
            api_url=environment.get("MARKETPLACE_API_URL", ""),
            sms_provider=environment.get("SMS_PROVIDER") or "aws",
            sms_max_price=environment.get("SMS_MAX_PRICE", ""),
            sms_configuration_set=environment.get("SMS_CONFIGURATION_SET", ""),
            inbox_bucket=environment.get("INBOX_BUCKET", ""),
            sms_parts_a_day=int(environment.get("SMS_PARTS_A_DAY") or 2000),
            payout_files_bucket=environment.get("PAYOUT_FILES_BUCKET", ""),
            payout_layout=environment.get("PAYOUT_LAYOUT") or "generic_csv",
            payout_bank=dict(_pairs("PAYOUT_BANK", environment)),
            payout_minimum_paise=int(environment.get("PAYOUT_MINIMUM_PAISE") or 0),
            payable_patience_days=int(environment.get("PAYABLE_PATIENCE_DAYS") or 15),
            settlement_patience_days=int(environment.get("SETTLEMENT_PATIENCE_DAYS") or 30),
            payee_cooling_days=int(environment.get("PAYEE_COOLING_DAYS") or 7),
        )


def _pairs(name: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = []
    for entry in filter(None, (part.strip() for part in environment.get(name, "").split(","))):
        key, equals, value = entry.partition("=")
        if not (equals and key.strip() and value.strip()):
            raise ValueError(f"{name}: an entry is not name=value")
        pairs.append((key.strip(), value.strip()))
    return pairs


def _accounts(name: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = []
    for entry in filter(None, (part.strip() for part in environment.get(name, "").split(","))):
        marketplace, slash, account = entry.partition("/")
        if not (marketplace and slash and account) or "/" in account:
            raise ValueError(f"{name}: {entry!r} is not marketplace/account")
        pairs.append((marketplace, account))
    return pairs


class _Named(dict[_K, str]):
    """A missing name is an error of the template, said clearly, and only when it is used."""

    def __init__(self, names: Mapping[_K, str], what: str) -> None:
        super().__init__({key: name for key, name in names.items() if name})
        self._what = what

    def __missing__(self, key: _K) -> str:
        raise SettingMissing(f"this function was given no name for the {self._what} {key}")
