"""Facts: what a delivery says, one thing each.

The knowledge about an order is a set of facts, each under the hash of its content, so adding the
same fact twice changes nothing and the order in which facts arrive cannot matter.

All times are RFC 3339 in UTC with a ``Z`` and seconds (``2026-11-24T09:30:00Z``), so that comparing
texts compares times. Quantities are whole units, prices integer paise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Final, get_args

from hunar.domain.identity import canonical, derived_id

MARKETPLACE: Final = "marketplace"

STEPS: Final = ("packed", "ready", "picked_up", "shipped", "delivered")
"""Forward steps in their order. The furthest one known shows."""

LEFT: Final = ("picked_up", "shipped", "delivered")
"""Steps after which the goods have left the group's shelf."""
SALE_SHARE: Final = "SALE_SHARE"
"""The payout basis of a group that gets what a sale leaves, and is owed for no piece before it is settled."""


@dataclass(frozen=True, order=True)
class Placed:
    """A line was sold. One fact per line; ``at`` is when the marketplace last said so."""

    FACT: ClassVar[str] = "placed"
    line_id: str
    at: str
    listing: str
    """The marketplace's name for the product: the seller's SKU text, else its listing id, else its product id."""
    quantity: int
    """Units sold, at least 1."""
    unit_price_paise: int | None
    """What the buyer pays the agency for one unit, tax included; None when the message contradicts itself."""
    price_problem: str | None
    """Why there is no price, in words for an operator. None when there is one."""
    sold_at: str
    """The buyer's order time."""
    ship_by: str | None
    """Hand the goods over before this time."""
    replacement: bool = False
    """Sent in place of something that comes back. It earns like any other line: the return takes away what the first
    one earned."""
    fulfilled_by: str = ""
    """MARKETPLACE when it ships from the marketplace's own warehouse: then nothing of a group's shelf is promised."""
    claimed: bool = False


@dataclass(frozen=True, order=True)
class Step:
    """The order went one step forward: packed, ready, picked_up, shipped or delivered."""

    FACT: ClassVar[str] = "step"
    step: str
    at: str
    claimed: bool = False


@dataclass(frozen=True, order=True)
class Cancelled:
    """Units of one line were cancelled. Quantities of different cancellations add up."""

    FACT: ClassVar[str] = "cancelled"
    line_id: str
    at: str
    quantity: int
    reason: str
    sub_reason: str
    claimed: bool = False


@dataclass(frozen=True, order=True)
class Resolved:
    """What an order took from the registry, once: whose product a line is and on which terms."""

    FACT: ClassVar[str] = "resolved"
    line_id: str
    sku: str
    group_id: str
    fulfilment_mode: str
    payout_basis: str
    policy_version: int
    hsn: str
    """The product's tax code; decides the output GST rate."""
    piece_price_paise: int | None
    """What the group gets for one piece; None unless the basis is FIXED_PER_PIECE or BOUGHT_OUTRIGHT."""
    listing: str = ""
    """The listing that was looked up: a line that was announced under several has terms for each."""


@dataclass(frozen=True, order=True)
class Held:
    """Do not hand these units over yet. A hold is in force until the first release that is later."""

    FACT: ClassVar[str] = "held"
    line_id: str | None
    """None when the whole order is held."""
    at: str
    quantity: int | None
    """Units; None for all that are open."""
    claimed: bool = False


@dataclass(frozen=True, order=True)
class Released:
    """The whole order goes on."""

    FACT: ClassVar[str] = "released"
    at: str
    claimed: bool = False


@dataclass(frozen=True, order=True)
class DatesChanged:
    """The marketplace gave another deadline for handing over."""

    FACT: ClassVar[str] = "dates_changed"
    at: str
    ship_by: str
    claimed: bool = False


@dataclass(frozen=True, order=True)
class FormFailed:
    """The marketplace could not make the order's papers; nothing can be handed over until they are there."""

    FACT: ClassVar[str] = "form_failed"
    at: str
    forms: str
    """The names of the papers, as the marketplace writes them."""
    claimed: bool = False


@dataclass(frozen=True, order=True)
class Snapshot:
    """What the marketplace's API says of a whole order, as of the marketplace's own time of its last change."""

    FACT: ClassVar[str] = "snapshot"
    at: str
    """Never the time of asking: an old copy that answers late must not undo what happened since."""
    step: str
    """The furthest step by then, or empty."""
    held: bool
    line_ids: str
    """All lines that the order has, sorted, with spaces between them. Empty when the answer may lack some."""


@dataclass(frozen=True, order=True)
class Stated:
    """What a snapshot says of one line: how many of its units are still sold. Only what was cancelled later counts
    besides."""

    FACT: ClassVar[str] = "stated"
    line_id: str
    at: str
    still: int
    """Units."""


@dataclass(frozen=True, order=True)
class Priced:
    """The price of a line whose announcement had none."""

    FACT: ClassVar[str] = "priced"
    line_id: str
    at: str
    unit_price_paise: int | None
    price_problem: str | None


@dataclass(frozen=True, order=True)
class CancelRequested:
    """The buyer asks to cancel a line. Nothing is cancelled until the seller or the marketplace does it."""

    FACT: ClassVar[str] = "cancel_requested"
    line_id: str
    at: str


@dataclass(frozen=True, order=True)
class Lost:
    """The parcel was lost or destroyed on its way. It counts unless the goods were delivered later."""

    FACT: ClassVar[str] = "lost"
    at: str
    reason: str


@dataclass(frozen=True, order=True)
class Denied:
    """The marketplace was asked for long enough and does not state what a message claimed."""

    FACT: ClassVar[str] = "denied"
    fact_id: str
    """The claim."""
    at: str
    """The claim's own time, so that asking twice denies once."""


CUSTOMER: Final = "customer"
"""The buyer sends it back."""
COURIER: Final = "courier"
"""The courier brings it back undelivered (return to origin)."""


@dataclass(frozen=True, order=True)
class ReturnRequested:
    """Units of a line are to come back. Of several sayings of one return the last writer holds."""

    FACT: ClassVar[str] = "return_requested"
    return_id: str
    line_id: str
    at: str
    source: str
    """CUSTOMER or COURIER; empty when the marketplace does not say."""
    quantity: int
    shipment_id: str | None
    """The marketplace's id of the order, when the message names it."""
    reason: str
    sub_reason: str
    claimed: bool = False


RETURN_STEPS: Final = ("picked_up", "received", "cancelled")


@dataclass(frozen=True, order=True)
class ReturnStep:
    """A return went on: picked_up from the buyer, received by the seller, or cancelled. It names no quantity."""

    FACT: ClassVar[str] = "return_step"
    return_id: str
    line_id: str
    at: str
    step: str
    claimed: bool = False


@dataclass(frozen=True, order=True)
class ReturnNoted:
    """Something about a return that moves nothing: its ``tracking`` number or the day it is ``expected``."""

    FACT: ClassVar[str] = "return_noted"
    return_id: str
    line_id: str
    at: str
    what: str
    value: str


@dataclass(frozen=True, order=True)
class Inspected:
    """A person opened a returned parcel and counted. Only what is good goes back on the shelf."""

    FACT: ClassVar[str] = "inspected"
    act_id: str
    return_id: str
    line_id: str
    at: str
    good: int
    damaged: int
    lost: int
    """Units that did not come although the marketplace says so."""
    person: str
    reason: str


@dataclass(frozen=True, order=True)
class Remapped:
    """A person corrected whose product a line of this order is. The latest holds over what the registry said."""

    FACT: ClassVar[str] = "remapped"
    act_id: str
    line_id: str
    at: str
    sku: str
    group_id: str
    fulfilment_mode: str
    payout_basis: str
    policy_version: int
    hsn: str
    piece_price_paise: int | None
    person: str
    reason: str

    def resolved(self) -> Resolved:
        """The terms that hold for the line now."""
        return Resolved(
            line_id=self.line_id,
            sku=self.sku,
            group_id=self.group_id,
            fulfilment_mode=self.fulfilment_mode,
            payout_basis=self.payout_basis,
            policy_version=self.policy_version,
            hsn=self.hsn,
            piece_price_paise=self.piece_price_paise,
        )


@dataclass(frozen=True, order=True)
class Voided:
    """A person says that a fact is not true. Reading skips it, unless this void is voided itself."""

    FACT: ClassVar[str] = "voided"
    act_id: str
    fact_id: str
    at: str
    person: str
    reason: str


Fact = (
    Placed
    | Step
    | Cancelled
    | Resolved
    | Held
    | Released
    | DatesChanged
    | FormFailed
    | ReturnRequested
    | ReturnStep
    | ReturnNoted
    | Inspected
    | Remapped
    | Voided
    | Snapshot
    | Stated
    | Priced
    | CancelRequested
    | Lost
    | Denied
)
Claim = Placed | Step | Cancelled | Held | Released | DatesChanged | FormFailed | ReturnRequested | ReturnStep
"""Facts that can be ``claimed``: stated by a message whose body nobody signed, of an account whose marketplace can be
asked. They stay so until a snapshot agrees or contradicts."""
OfReturn = ReturnRequested | ReturnStep | ReturnNoted
"""Facts that name a line and not always its order."""
Act = Inspected | Remapped | Voided
"""Facts that a person states."""
_KINDS: Final[Mapping[str, type[Fact]]] = {kind.FACT: kind for kind in get_args(Fact)}


@lru_cache(maxsize=4096)
def to_text(fact: Fact) -> str:
    """The one canonical text of a fact. Kept for facts that were written lately: an order reads its facts often.

    A field with a default was added later. It stands in the text only when it says something, so that a
    fact that was kept before keeps its hash.
    """
    said = {
        field.name: value
        for field in fields(fact)
        if (value := getattr(fact, field.name)) != field.default or field.default is MISSING
    }
    return canonical({"fact": fact.FACT, **said})


@lru_cache(maxsize=4096)
def fact_id(fact: Fact) -> str:
    """The hash of a fact's content: its name when a person voids it."""
    return derived_id(to_text(fact))


def as_claim(fact: Fact) -> Fact:
    """The fact as a message states it whose body nobody signed. What moves nothing is no claim."""
    return replace(fact, claimed=True) if isinstance(fact, Claim) else fact


def same_act(one: Act, other: Act) -> bool:
    """Whether a person stated the same. The time may differ: it is the time of the saying, and it was said again."""
    return type(one) is type(other) and replace(one, at=other.at) == other


def from_text(text: str) -> Fact:
    """The fact of a canonical text. Fields of a later version are ignored. KeyError for an unknown fact."""
    return from_content(json.loads(text))


def from_content(content: Mapping[str, Any]) -> Fact:
    """The fact of a canonical text that was already parsed, as ``from_text``."""
    kind = _KINDS[content["fact"]]
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in content.items() if name in known})


def instant(moment: datetime) -> str:
    """A moment as facts write it: UTC, whole seconds. ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment that a fact wrote. ValueError if it has no offset."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return value
