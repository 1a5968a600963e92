"""What the use cases need from outside, and the three families of errors.

None of the errors is about HTTP: ``Rejected`` will never work (open an exception, acknowledge),
``Retryable`` may work later (raise, the queue tries again), ``Conflict`` means that somebody wrote
first (read again and decide).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from hunar.tables import Item, Key, Table

if TYPE_CHECKING:
    from hunar.domain.channel import Call

Clock = Callable[[], datetime]
"""Now, with a time zone."""

Pause = Callable[[float], None]
"""Wait so many seconds."""


class Rejected(Exception):
    """This input will never work. The text is for an operator and names the field."""


class Retryable(Exception):
    """Something outside failed; the same call may work later."""


class Conflict(Exception):
    """An item was not as expected: somebody else wrote first."""


ABSENT: Final = 0
"""``Put.expect``: no item may stand there. Versions start at 1."""

ANY: Final = -1
"""``Put.expect``: whatever stands there is replaced."""


class Put(NamedTuple):
    """Write a whole item, or remove it when ``item`` is None.

    ``expect`` is the version that must stand there now, or ABSENT, or ANY.
    """

    key: Key
    item: Item | None
    expect: int = ANY


@dataclass(frozen=True)
class Page:
    """Some items and where the next ones begin (None at the end)."""

    items: list[Item]
    next: str | None


class Store(Protocol):
    """All tables. One contract suite runs over the DynamoDB and the in-memory one."""

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items that exist, read consistently; any number of keys, in one call per 100."""

    def commit(self, puts: Sequence[Put]) -> None:
        """All or nothing, at most 100. Raises Conflict if an expectation fails or another transaction is under way."""

    def page(
        self,
        table: Table,
        partition: str,
        *,
        index: str | None = None,
        prefix: str = "",
        up_to: str | None = None,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Items of a partition (or of an index's partition) in sort-key order. Rejected if ``after`` is not ours.

        ``prefix`` is how their sort keys begin, or ``up_to`` the last sort key that is asked for; never both.
        """

    def scan(self, table: Table) -> Iterator[tuple[Key, Item]]:
        """Every item of a table, in no order, each read consistently at a moment of its own.

        For the command line alone (rebuild, replay of a window, ``stock check``): it reads the whole
        table, and no function's policy allows it.
        """


class QueueName(StrEnum):
    """The queues that have a consumer."""

    ORDER_EVENTS = "order-events"
    NOTIFICATIONS = "notifications"
    PAYOUTS = "payouts"
    FETCHES = "fetches"
    STOCK_FEED = "stock-feed"
    AMAZON_NOTIFICATIONS = "amazon-notifications"
    SMS_RECEIPTS = "sms-receipts"
    INBOX = "inbox"
    PAYOUT_BATCHES = "payout-batches"


class FailedRelays(Protocol):
    """What the streams gave up: one object for each batch of records that nobody could pass on."""

    def keys(self, prefix: str) -> list[str]:
        """Names of the objects that begin so, sorted."""

    def images(self, key: str) -> list[Item]:
        """The new items in an object that owe something, as the stream's filter would let them pass.

        None of them when the object is gone. Raises Rejected when it is no record of Lambda.
        """

    def move(self, key: str, to: str) -> None:
        """Give an object another name. Does no harm when it is gone."""


@dataclass(frozen=True)
class Uploaded:
    """What is known of an object before it is read."""

    size: int
    """Bytes."""
    by: str | None
    """Who handed it in, if the door that took it knew."""


class Inbox(Protocol):
    """The bucket into which files are put that somebody hands in. Every version of an object is kept."""

    def look(self, key: str, version: str | None) -> Uploaded | None:
        """None when it is gone. Raises Retryable."""

    def read(self, key: str, version: str | None) -> bytes | None:
        """The whole object, None when it is gone. Raises Retryable."""

    def put(self, key: str, body: bytes, *, by: str) -> None:
        """Raises Retryable."""


class PayoutFiles(Protocol):
    """Files for banks, private and encrypted, each under a name with its hash: never written anew with other bytes."""

    def put(self, name: str, content: bytes) -> None:
        """Raises Retryable."""

    def get(self, name: str) -> bytes | None:
        """None when there is none. Raises Retryable."""


class Queues(Protocol):
    """Sends JSON texts."""

    def send(self, queue: QueueName, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Any number of bodies. Raises Retryable unless every one was taken."""


@dataclass(frozen=True)
class WebhookSecret:
    """What an account's webhook is proved with. ``repr`` shows nothing of it."""

    app_id: str
    """Empty where the marketplace knows none."""
    secret: str
    previous_secret: str | None
    url: str
    """The URL that was registered with the marketplace, exactly, where it is part of what is signed."""

    def __repr__(self) -> str:
        return "WebhookSecret(…)"


class WebhookSecrets(Protocol):
    """Secrets of accounts, cached for at most 5 minutes."""

    def get(self, marketplace: str, account: str) -> WebhookSecret:
        """Raises Retryable when it cannot be read."""

    def refetch(self, marketplace: str, account: str) -> WebhookSecret | None:
        """Reads past the cache, at most once a minute; None when it is too soon."""


@dataclass(frozen=True)
class ApiSecret:
    """What an account's API is called with. ``repr`` shows nothing of it."""

    client_id: str
    client_secret: str
    refresh_token: str | None
    """Amazon's grant of the seller; Flipkart needs none."""

    def __repr__(self) -> str:
        return "ApiSecret(…)"


@dataclass(frozen=True)
class HttpAnswer:
    """What came back. ``body`` is at most ``MOST_ANSWER_BYTES`` long."""

    status: int
    body: bytes
    retry_after: int | None = None
    """Seconds until the marketplace wants to be asked again, when it says so."""


class MarketplaceApis(Protocol):
    """Calls the APIs of marketplaces: with an account's token, once, and within a time that fits into a function."""

    def call(self, marketplace: str, account: str, call: Call) -> HttpAnswer:
        """Any HTTP status is an answer, also 429 and 503. A token that is refused is fetched anew, once.

        Raises Retryable when there is no answer or no token, and Rejected for an answer that is too large, or when the
        account has no credentials.
        """


@dataclass(frozen=True)
class SmsRequest:
    """One text to one phone: the text as it will be read, and the registered template with its values.

    ``repr`` shows neither number nor text.
    """

    notification_id: str
    to: str
    """E.164, ``+91`` and ten digits."""
    text: str
    kind: str
    locale: str
    values: Mapping[str, str]
    entity_id: str
    """The agency's DLT principal entity id."""
    template_id: str
    """The DLT id of the registered text."""
    provider_template: str | None
    """The provider's own id of the text, where it fills the slots itself."""
    sender_id: str
    time_to_live_seconds: int
    """5 to 259,200 (three days)."""

    def __repr__(self) -> str:
        return f"SmsRequest({self.notification_id!r})"


@dataclass(frozen=True)
class Accepted:
    """The provider took the text."""

    provider_id: str


@dataclass(frozen=True)
class Refused:
    """The provider will never take this text. ``reason`` is its own code, never the number or the text."""

    reason: str


@dataclass(frozen=True)
class Throttled:
    """Nothing was sent; ask again later."""

    reason: str


@dataclass(frozen=True)
class Unanswered:
    """It may or may not have been sent: time-out, broken connection or a server error after the request left."""

    reason: str


@dataclass(frozen=True)
class Stopped:
    """Nothing was sent, and nothing will be until a person acts: the spend limit is reached, the account suspended.

    Asking for every waiting text would only burn their receives, so the whole queue pauses.
    """

    reason: str


SmsAnswer = Accepted | Refused | Throttled | Unanswered | Stopped


class SmsProvider(Protocol):
    """Sends one text, with exactly one request."""

    def send(self, request: SmsRequest) -> SmsAnswer: ...
