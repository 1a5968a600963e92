"""A sales channel: an account at a marketplace whose API can be asked and told. Nothing here makes a call.

Modules of marketplaces build a ``Call`` and read what came back; somebody else sends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from hunar.domain.reading import Reading

MOST_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Of one answer of an API. A page of 100 orders stays far below."""


class BadAnswer(ValueError):
    """The API answered something that it does not document. The text names the field, for an operator."""


@dataclass(frozen=True)
class Account:
    """An agency's account at a marketplace, as the registry has it. Texts are empty when they are not known."""

    marketplace: str
    name: str
    seller_id: str = ""
    """Amazon's merchant token; Flipkart's seller id."""
    application_id: str = ""
    """Amazon: the application that our notifications name."""
    subscription_id: str = ""
    """Amazon: the subscription that our notifications name."""
    location_id: str = ""
    """Flipkart: the place that goods are dispatched from."""


@dataclass(frozen=True)
class Call:
    """One request that nobody has sent yet."""

    operation: str
    """The name under which its rate is limited."""
    method: str
    path: str
    """With the query, without the host. It may hold ids, never a secret."""
    body: str | None = None
    """JSON text."""


@dataclass(frozen=True)
class Rate:
    """A token bucket: ``burst`` calls at once, and one more every ``every_ms`` milliseconds."""

    every_ms: int
    burst: int


@dataclass(frozen=True)
class Part:
    """One order, or one return, of an answer: a delivery of its own, already without the buyer."""

    marketplace_id: str | None
    """The order; None when it names none."""
    body: bytes
    """JSON text in UTF-8 that ``read_answer`` reads; the same news are always the same bytes."""
    at: str | None
    """The marketplace's own time of the last change; None when it says none that can be read."""


@dataclass(frozen=True)
class Answered:
    """An answer to a question, taken apart."""

    parts: tuple[Part, ...]
    next: Call | None = None
    """The next page."""
    problems: tuple[str, ...] = ()
    """Entries that could not be told apart from the page, each with its place in it, for an operator."""


@dataclass(frozen=True)
class Offer:
    """How many units of a product a channel may sell under one of its listings."""

    listing: str
    """The marketplace's name for it: the seller's SKU there."""
    quantity: int
    product_id: str = ""
    """Flipkart: the FSN."""
    product_type: str = ""
    """Amazon: the type of the listing's product, in capitals."""


TAKEN: Final = "taken"
REFUSED: Final = "refused"
LATER: Final = "later"


@dataclass(frozen=True)
class Posted:
    """What a channel answered about one offer: TAKEN, REFUSED (a person must look), or LATER (ask again)."""

    listing: str
    verdict: str
    message: str = ""


@dataclass(frozen=True)
class TokenCall:
    """The request for an access token. Its body and headers are secrets."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: str | None = field(default=None, repr=False)


class Channel(Protocol):
    """What a marketplace's module knows about its API.

    ``answered``, ``posted`` and ``shown`` get answers with status 200 (``posted`` also 400) and raise BadAnswer for
    what is not as documented. What another status means is the same for all: 429 and 5xx later, 404 not there.
    """

    RATES: Mapping[str, Rate]
    SEARCHES: Sequence[str]
    """The kinds of question that together find every order and return that changed; each has a cursor of its own."""
    LEAST_LAG: timedelta
    """The marketplace refuses a search that ends later than this before now."""
    MOST_OFFERS: int
    """Offers that one call takes."""

    def token_call(self, client_id: str, client_secret: str, refresh_token: str | None) -> TokenCall: ...

    def token(self, raw: bytes) -> tuple[str, int]:
        """The access token and for how many seconds it is good. Raises BadAnswer."""

    def authorization(self, token: str) -> Mapping[str, str]:
        """The headers of a call with this token."""

    def fetch(self, account: Account, order_id: str) -> Call:
        """Asks for one order."""

    def fetch_returns(self, account: Account, return_ids: Sequence[str]) -> Call | None:
        """Asks for returns by their ids; None when the marketplace's orders tell of them themselves."""

    def search(self, account: Account, kind: str, since: str, until: str) -> Call:
        """Asks for all that changed between two moments (RFC 3339, UTC), the first page."""

    def answered(self, call: Call, raw: bytes) -> Answered: ...

    def read_answer(self, raw: bytes, account: str) -> Reading:
        """What a part states: a Snapshot when it is a whole order, and never a claim. Never raises."""

    def publish(self, account: Account, offers: Sequence[Offer]) -> Call:
        """Tells how many may be sold. At most ``MOST_OFFERS``. ValueError names what an offer or account lacks."""

    def posted(self, call: Call, status: int, raw: bytes) -> list[Posted]:
        """One for each offer of the call, also for one that the answer does not mention."""

    def show(self, account: Account, listings: Sequence[str]) -> Call:
        """Asks how many the channel shows of at most ``MOST_OFFERS`` listings."""

    def shown(self, call: Call, raw: bytes) -> Mapping[str, int | None]:
        """Units by listing; None when the channel does not say."""
