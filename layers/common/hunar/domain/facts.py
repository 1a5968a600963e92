"""Facts: what a delivery says, one thing each.

The knowledge about an order is a set of facts, each under the hash of its content, so adding the
same fact twice changes nothing and the order in which facts arrive cannot matter.

All times are RFC 3339 in UTC with a ``Z`` and seconds (``2026-11-24T09:30:00Z``), so that comparing
texts compares times. Quantities are whole units, prices integer paise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from hunar.domain.identity import canonical

STEPS: Final = ("packed", "ready", "picked_up", "shipped", "delivered")
"""Forward steps in their order. The furthest one known shows."""

LEFT: Final = ("picked_up", "shipped", "delivered")
"""Steps after which the goods have left the group's shelf."""


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


@dataclass(frozen=True, order=True)
class Step:
    """The order went one step forward: packed, ready, picked_up, shipped or delivered."""

    FACT: ClassVar[str] = "step"
    step: str
    at: str


@dataclass(frozen=True, order=True)
class Cancelled:
    """Units of one line were cancelled. Quantities of different cancellations add up."""

    FACT: ClassVar[str] = "cancelled"
    line_id: str
    at: str
    quantity: int
    reason: str
    sub_reason: str


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


Fact = Placed | Step | Cancelled | Resolved
_KINDS: Final = {kind.FACT: kind for kind in (Placed, Step, Cancelled, Resolved)}


def to_text(fact: Fact) -> str:
    """The one canonical text of a fact."""
    return canonical({"fact": fact.FACT, **asdict(fact)})


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
