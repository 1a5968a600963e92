"""Every queue message, one model each.

Unknown fields are ignored; an unknown kind or version is an exception on the worklist, never a
crash. All carry ``version`` so that a message written before a deployment is read after it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)
    version: Literal[1] = 1


class Delivery(_Message):
    """What every message has that brings news of orders from outside."""

    marketplace: str
    account: str
    delivery_id: str
    received_at: str
    body_b64: str
    """The raw body in base64: what came is kept even when it is no text."""


class WebhookDelivery(Delivery):
    """order-events: a proved webhook, with its body as it came."""

    kind: Literal["webhook"] = "webhook"
    readable: bool
    """False when the sender was told 400: not UTF-8, not JSON, not an object, or ambiguous."""


class ApiAnswer(Delivery):
    """order-events: one order, or one return, as the marketplace's API told it, already without its buyer."""

    kind: Literal["answer"] = "answer"


class StockAct(_Message):
    """order-events: what a person did with a shelf, by an act with an id of its own. Counted once."""

    kind: Literal["adjust"] = "adjust"
    act: Literal["adjust", "recount", "buffer", "fair_take", "fair_sold", "fair_back"] = "adjust"
    act_id: str = Field(min_length=1, max_length=64)
    sku: str = Field(min_length=1, max_length=100)
    quantity: int = Field(ge=-1_000_000, le=1_000_000)
    """Units: counted in (out, negative) for adjust and recount; the new buffer; units of a fair (negative corrects)."""
    at: str
    reason: str = Field(default="", max_length=200)
    person: str = Field(default="", max_length=100)
    fair: str | None = Field(default=None, min_length=1, max_length=60)
    counted: int | None = None
    """recount: what the person counted; ``quantity`` is that less what the counters showed to them."""

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if self.act.startswith("fair_") and not self.fair:
            raise ValueError("fair: which one?")
        if self.act == "buffer" and self.quantity < 0:
            raise ValueError("quantity: below 0")
        return self


class ListingMapped(_Message):
    """order-events: the registry now knows this listing; orders that wait for it can go on."""

    kind: Literal["mapped"] = "mapped"
    marketplace: str
    account: str
    listing: str
    at: str


class Allocate(_Message):
    """order-events: a SKU has free units and lines that wait for them."""

    kind: Literal["allocate"] = "allocate"
    sku: str


class OperatorAct(_Message):
    """order-events: what a person states about an order: a line remapped, a fact voided, a return inspected."""

    kind: Literal["act"] = "act"
    act_id: str = Field(min_length=1, max_length=64)
    order_ref: str
    fact: str
    """The fact as canonical text."""


class Look(_Message):
    """order-events: time has passed for an order; what is due about it is decided now."""

    kind: Literal["look"] = "look"
    order_ref: str


class Replay(_Message):
    """order-events: a kept delivery is read and applied again."""

    kind: Literal["replay"] = "replay"
    pk: str
    sk: str
    """Its key in the Deliveries table."""


class Notify(_Message):
    """notifications: a text is owed to one contact of a group about one order."""

    kind: Literal["notify"] = "notify"
    notification_id: str
    notification_kind: Literal["NEW_ORDER", "CANCELLED", "HOLD", "RELEASED", "SERVED"]
    order_ref: str
    group_id: str
    contact: str
    good_until: str


class ComputePayout(_Message):
    """payouts: what a line is expected to bring must be worked out again."""

    kind: Literal["compute_payout"] = "compute_payout"
    order_ref: str
    line_id: str


class Fetch(_Message):
    """fetches: the marketplace must be asked what it knows of an order."""

    kind: Literal["fetch"] = "fetch"
    order_ref: str
    attempt: int = Field(default=0, ge=0)
    """How often in a row there was no answer."""
    unsettled: int = Field(default=0, ge=0)
    """How often the answer said nothing of what was asked. Counted apart: a marketplace that was down for an hour may
    answer from an old copy first."""
    doubted: tuple[str, ...] = ()
    """The ids of the claims that were open at the first such answer: only they have been asked about long enough."""
    shown: bool = False
    """A person was told that asking fails, and is not told again."""


class PublishStock(_Message):
    """stock-feed: the channels must be told how many of a product they may sell. It names no number: whoever gets it
    reads the shelf as it is then."""

    kind: Literal["publish_stock"] = "publish_stock"
    sku: str = Field(min_length=1, max_length=100)
    attempt: int = Field(default=0, ge=0)
    full: bool = False
    """Every channel is told again, also one that was told the same before, and asked what it shows."""


OrderEvent = WebhookDelivery | ApiAnswer | StockAct | ListingMapped | Allocate | OperatorAct | Look | Replay
ORDER_EVENT: TypeAdapter[OrderEvent] = TypeAdapter(Annotated[OrderEvent, Field(discriminator="kind")])


def wrong_field(error: ValidationError) -> str:
    """The first field that is wrong and why, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}"
