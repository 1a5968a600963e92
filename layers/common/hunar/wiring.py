"""The one place that knows both the use cases and the adapters."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

from hunar.settings import Settings

if TYPE_CHECKING:
    from typing import Protocol

    from hunar.adapters.secrets import SmsSecrets
    from hunar.domain.channel import Channel
    from hunar.domain.receipt import Receipt, Reply
    from hunar.domain.sms_text import Language
    from hunar.ports import Inbox, MarketplaceApis, Queues, SmsProvider, Store, WebhookSecret, WebhookSecrets
    from hunar.use_cases import apply, asking, close_period, payouts, receive, sending, settle, take_settlement

    class Door(receive.Door, Protocol):
        """A marketplace's module that has a webhook."""

        @property
        def NEEDS(self) -> Sequence[str]:
            """The fields that an account's secret must have."""

        def sign(self, raw: bytes, secret: WebhookSecret, now: datetime) -> Mapping[str, str]:
            """The headers that the marketplace sends along. ValueError when the secret is none."""


_QUICK: Final[Mapping[str, Any]] = {"connect_timeout": 1, "read_timeout": 2, "retries": {"total_max_attempts": 2}}
"""A marketplace waits for the answer of its webhook: rather a 503 in time, which it repeats, than none."""


class Application:
    """What the handlers use, each built on first use: a function imports only what it needs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def store(self) -> Store:
        from hunar.adapters.dynamodb.store import DynamoDBStore
        from hunar.telemetry import client

        return DynamoDBStore(client("dynamodb"), self.settings.tables)

    @cached_property
    def stored(self) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """An item as a stream brings it, in plain values."""
        from hunar.adapters.dynamodb.values import plain

        return plain

    @cached_property
    def queues(self) -> Queues:
        from hunar.adapters.sqs import SqsQueues
        from hunar.telemetry import client

        return SqsQueues(client("sqs", **_QUICK), self.settings.queues)

    @cached_property
    def secrets(self) -> WebhookSecrets:
        from hunar.adapters.secrets import SecretsManagerSecrets
        from hunar.telemetry import client

        needs = {name: door.NEEDS for name, door in self.doors.items()}
        return SecretsManagerSecrets(client("secretsmanager", **_QUICK), self.settings.secret_prefix, needs, self.clock)

    @cached_property
    def sms(self) -> SmsProvider:
        """Who sends texts. RuntimeError for a demo or local stack that could reach a phone, ValueError for a provider
        that is none."""
        from hunar.adapters.sms.guard import require_fake
        from hunar.telemetry import client

        settings = self.settings
        require_fake(settings.sms_provider, settings.demo, os.environ)
        # One attempt: a second request of the client could be a second text on the phone.
        once: Mapping[str, Any] = {"retries": {"total_max_attempts": 1}}
        priced = {"max_price": settings.sms_max_price} if settings.sms_max_price else {}
        match settings.sms_provider:
            case "aws":
                from hunar.adapters.sms.end_user_messaging import EndUserMessaging

                named = settings.sms_configuration_set
                return EndUserMessaging(client("pinpoint-sms-voice-v2", **once), configuration_set=named, **priced)
            case "sns":
                from hunar.adapters.sms.sns import Sns

                return Sns(client("sns", **once), **priced)
            case "msg91":
                from hunar.adapters.sms.msg91 import Msg91

                return Msg91(self._sms_secrets)
            case "exotel":
                from hunar.adapters.sms.exotel import Exotel

                return Exotel(self._sms_secrets)
        raise ValueError(f"SMS_PROVIDER: {settings.sms_provider!r} is none of aws, sns, msg91 and exotel")

    @cached_property
    def _sms_secrets(self) -> SmsSecrets:
        from hunar.adapters.secrets import SmsSecrets
        from hunar.telemetry import client

        return SmsSecrets(client("secretsmanager", **_QUICK), self.settings.sms_secret_prefix, self.clock)

    @cached_property
    def sms_tokens(self) -> WebhookSecrets:
        from hunar.adapters.secrets import SecretsManagerSmsTokens
        from hunar.telemetry import client

        made = client("secretsmanager", **_QUICK)
        return SecretsManagerSmsTokens(made, self.settings.sms_secret_prefix, self.clock)

    @cached_property
    def sms_news(self) -> Callable[[str, bytes, str], Sequence[Receipt | Reply]]:
        """What a provider of texts said, by its name, in a body that came in at a time."""
        from hunar.adapters.sms.news import read

        return read

    @cached_property
    def languages(self) -> Callable[[str], Language]:
        """A language's words and registered texts, each file read when it is needed first."""
        from hunar.sms_templates import language

        return language

    @cached_property
    def doors(self) -> Mapping[str, Door]:
        """Those that post to a webhook."""
        from hunar.marketplaces import flipkart, standard

        return {"flipkart": flipkart, "standard": standard}

    @cached_property
    def marketplaces(self) -> Mapping[str, apply.Marketplace]:
        """All whose messages are read."""
        from hunar.marketplaces import amazon, flipkart, standard

        return {"amazon": amazon, "flipkart": flipkart, "standard": standard}

    @cached_property
    def notifier(self) -> apply.Notifier:
        """The marketplace that puts its messages on a queue of ours."""
        from hunar.marketplaces import amazon

        return amazon

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        from hunar.marketplaces import amazon_api, flipkart_api

        return {"amazon": amazon_api, "flipkart": flipkart_api}

    @cached_property
    def apis(self) -> MarketplaceApis:
        from hunar.adapters.marketplace_api import HttpMarketplaceApis, hosts
        from hunar.adapters.secrets import SecretsManagerApiSecrets
        from hunar.telemetry import client

        found = hosts(self.settings.api_url, emulated=self.settings.emulated)
        secrets = SecretsManagerApiSecrets(client("secretsmanager"), self.settings.api_secret_prefix, self.clock)
        return HttpMarketplaceApis(found, self.channels, secrets, self.clock)

    @cached_property
    def inbox(self) -> Inbox:
        from hunar.adapters.inbox import S3Inbox
        from hunar.telemetry import client

        return S3Inbox(client("s3", read_timeout=60), self.settings.inbox_bucket)

    def settling(self) -> take_settlement.Desk:
        """What taking settlement files needs."""
        from hunar.domain.facts import instant
        from hunar.marketplaces.settlements import read
        from hunar.use_cases.take_settlement import Desk

        return Desk(self.store, self.queues, read, instant(self.clock()), self.again)

    def sending(self, claimant: str, now: str) -> sending.Desk:
        """What sending texts needs, for one message."""
        from hunar.use_cases.sending import Desk

        return Desk(
            store=self.store,
            queues=self.queues,
            sms=self.sms,
            languages=self.languages,
            production=self.settings.production,
            claimant=claimant,
            now=now,
            again=self.again,
            receipts=self.settings.sms_receipts,
            parts_a_day=self.settings.sms_parts_a_day,
        )

    def booking(self, now: str) -> settle.Desk:
        """What booking money needs, for one message."""
        from hunar.use_cases.settle import Desk

        return Desk(self.store, self.queues, now, self._proven)

    def paying(self, now: str) -> payouts.Desk:
        """What acting needs, payouts among it, for one call."""
        from hunar.adapters.payout_files import S3PayoutFiles
        from hunar.telemetry import client
        from hunar.use_cases.payouts import Desk, PayoutTerms

        settings = self.settings
        files = S3PayoutFiles(lambda: client("s3"), settings.payout_files_bucket)
        terms = PayoutTerms(settings.payout_layout, settings.payout_bank, settings.payee_cooling_days)
        return Desk(self.store, self.queues, now, self.again, files, terms)

    def closing(self, now: str, time_left: Callable[[], int]) -> close_period.Desk:
        """What batches of payouts need, for one message."""
        from hunar.use_cases.close_period import Desk

        settings = self.settings
        return Desk(
            self.store,
            self.queues,
            now,
            self.again,
            minimum_paise=settings.payout_minimum_paise,
            patience_days=settings.payable_patience_days,
            time_left=time_left,
        )

    def _proven(self, marketplace: str, account: str) -> bool:
        """Whether what is said of goods can be trusted: its sender signs it, or can be asked."""
        if (marketplace, account) in self.settings.api_accounts:
            return True
        module = self.marketplaces.get(marketplace)
        return module is not None and module.BODY_SIGNED

    def asking(self, context: Any) -> asking.Desk:
        """What asking marketplaces needs, in one invocation of a function."""
        from hunar.use_cases.asking import Desk

        return Desk(
            store=self.store,
            queues=self.queues,
            apis=self.apis,
            channels=self.channels,
            accounts=self.settings.api_accounts,
            clock=self.clock,
            time_left=lambda: context.get_remaining_time_in_millis() / 1000,
            pause=self.pause,
            claimant=context.aws_request_id,
            again=self.again,
            lag=timedelta(seconds=self.settings.poll_lag_seconds),
        )

    def require_publishable(self) -> None:
        """Stops a demo that could change what a real channel sells: its stock is invented. Raises RuntimeError."""
        if self.settings.demo and not self.settings.api_url and self.settings.api_accounts:
            raise RuntimeError("a demo tells its stock to no real channel: take its accounts out of API_ACCOUNTS")

    def again(self, action: Callable[[], Any]) -> Any:
        """``retry.retried`` with the real pause, and each conflict counted."""
        from hunar.telemetry import conflicts_met
        from hunar.use_cases.retry import retried

        return retried(action, pause=self.pause, random=self.random, met=conflicts_met)

    def clock(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.settings.clock_ahead_seconds)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def random(self) -> float:
        return random.random()  # noqa: S311  (jitter, not a secret)


@cache
def application() -> Application:
    """The application of this process, from its environment."""
    return Application(Settings.from_environment(os.environ))
