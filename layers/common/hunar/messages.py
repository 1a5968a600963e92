"""Every queue message, one model each.

Unknown fields are ignored; an unknown kind or version is an exception on the worklist, never a
crash. All carry ``version`` so that a message written before a deployment is read after it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)
    version: Literal[1] = 1


class WebhookDelivery(_Message):
    """order-events: a proved webhook, with its body as it came."""

    kind: Literal["webhook"] = "webhook"
    marketplace: str
    account: str
    delivery_id: str
    received_at: str
    body_b64: str
    """The raw body in base64: what came is kept even when it is no text."""
    readable: bool
    """False when the sender was told 400: not UTF-8, not JSON, not an object, or ambiguous."""


class AdjustStock(_Message):
    """order-events: units that were counted in (or out, negative) by an act with an id of its own."""

    kind: Literal["adjust"] = "adjust"
    act_id: str = Field(min_length=1, max_length=64)
    sku: str = Field(min_length=1, max_length=100)
    quantity: int = Field(ge=-1_000_000, le=1_000_000)
    at: str


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


class Notify(_Message):
    """notifications: a text is owed to one contact of a group about one order."""

    kind: Literal["notify"] = "notify"
    notification_id: str
    notification_kind: Literal["NEW_ORDER", "CANCELLED"]
    order_ref: str
    group_id: str
    contact: str
    good_until: str


class ComputePayout(_Message):
    """payouts: what a line is expected to bring must be worked out again."""

    kind: Literal["compute_payout"] = "compute_payout"
    order_ref: str
    line_id: str


OrderEvent = Annotated[WebhookDelivery | AdjustStock | ListingMapped | Allocate, Field(discriminator="kind")]
ORDER_EVENT: TypeAdapter[WebhookDelivery | AdjustStock | ListingMapped | Allocate] = TypeAdapter(OrderEvent)


def wrong_field(error: ValidationError) -> str:
    """The first field that is wrong and why, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}"
