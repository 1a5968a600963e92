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
    person: str = Field(default="", max_length=150)
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
    of: str | None = None
    """The id of the notification that another contact was owed, when this one is told the same."""
    looked: bool = False
    """It met its own first one, which somebody worked on, and looks whether that is settled."""


class Says(BaseModel):
    """What a text is about that is not read from an order. Each kind uses some of it (``domain/text_kinds.py``)."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)
    units: dict[str, int] = Field(default_factory=dict)
    """Units of each SKU; the text names them in the reader's language."""
    by: str | None = None
    """A moment: until when to hand over."""
    count: int | None = Field(default=None, ge=0)
    amount_paise: int | None = Field(default=None, ge=0)
    account: str | None = Field(default=None, pattern="^[0-9]{4}$")
    """The last four digits of a bank account."""
    utr: str | None = Field(default=None, pattern="^[A-Za-z0-9]{6,22}$")
    """The bank's reference of a payment."""
    code: str | None = Field(default=None, pattern="^[0-9]{4,6}$")
    ending: str | None = Field(default=None, pattern="^[0-9]{2}$")
    """The last two digits of a phone number."""
    given_up: str | None = None
    """It goes to a number that the contact gave up: the id of that change."""


class Tell(_Message):
    """notifications: a text is owed to one contact of a group that is about no single order's units."""

    kind: Literal["tell"] = "tell"
    notification_id: str
    notification_kind: Literal[
        "SHIP_BY",
        "LOW_STOCK",
        "RETURN",
        "PAYOUT_COMPUTED",
        "PAYOUT_PAID",
        "PAYOUT_FAILED",
        "ONBOARDING_CODE",
        "NUMBER_CHANGED",
        "ACCOUNT_CHANGED",
    ]
    group_id: str
    contact: str
    good_until: str
    order_ref: str | None = None
    """Of a RETURN, or of a time to hand over that came nearer."""
    looked: bool = False
    """As in Notify."""
    says: Says = Says()


class Digest(_Message):
    """notifications: a text about several new orders that was claimed must be looked at again."""

    kind: Literal["digest"] = "digest"
    notification_id: str


class Remind(_Message):
    """notifications: the groups are reminded of what is due on a day, and told of shelves that run low. Once a day."""

    kind: Literal["remind"] = "remind"
    day: str = Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    """In Indian Standard Time."""


class SmsNews(_Message):
    """sms-receipts: what a provider of texts posted, a receipt or a person's reply, as it came."""

    kind: Literal["sms_news"] = "sms_news"
    provider: str
    account: str
    received_at: str
    body_b64: str


class ComputePayout(_Message):
    """payouts: what a line is expected to bring must be worked out again."""

    kind: Literal["compute_payout"] = "compute_payout"
    order_ref: str
    line_id: str


class Settle(_Message):
    """payouts: what was settled about a subject must be booked: lines of a settlement are there, or were."""

    kind: Literal["settle"] = "settle"
    subject: str = Field(min_length=1, max_length=400)
    """See ``domain/settlement.py``, ``subject_of``."""


class ReleaseHold(_Message):
    """payouts: a line's hold may be over; what is held for its groups becomes payable."""

    kind: Literal["release"] = "release"
    order_ref: str
    line_id: str


class HoldMoney(_Message):
    """payouts: a person holds back what a line brought until a moment, or lifts that hold."""

    kind: Literal["hold"] = "hold"
    order_ref: str
    line_id: str
    until: str | None
    """RFC 3339 in UTC; None lifts it."""
    by: str
    reason: str = Field(default="", max_length=200)
    at: str


class ApproveProposal(_Message):
    """payouts: a person approves a difference that nothing new explains. Void when the line was booked since."""

    kind: Literal["approve"] = "approve"
    order_ref: str
    line_id: str
    proposal_id: str
    by: str
    reason: str = Field(default="", max_length=200)


class ClosePeriod(_Message):
    """payout-batches: all that is payable goes into a batch. The same batch again completes what a crash left."""

    kind: Literal["close_period"] = "close_period"
    batch_id: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    by: str = Field(min_length=1, max_length=150)
    """Who made the batch; another person must approve it."""
    after: str | None = None
    """How far an invocation came whose time was over: the token of a page of groups."""


class PullRow(_Message):
    """payout-batches: a row leaves its batch before the bank has it, and is payable again."""

    kind: Literal["pull_row"] = "pull_row"
    batch_id: str
    payout_id: str
    reason: str = Field(min_length=1, max_length=200)


class UndoBatch(_Message):
    """payout-batches: the batch was cancelled; its rows are payable again."""

    kind: Literal["undo_batch"] = "undo_batch"
    batch_id: str


class TakeAnswer(_Message):
    """payout-batches: what a bank said of a batch is kept, and must be booked. It names no account and no amount."""

    kind: Literal["take_answer"] = "take_answer"
    batch_id: str
    answer: str
    part: int = Field(ge=0)
    booked: int = Field(default=0, ge=0)
    """How many of the part's results were booked when the time was over."""


class PayoutNews(_Message):
    """payout-batches: what a rail's webhook said of a payout, without account, name or the body that it came in.

    With a ``problem`` the body was proved and could not be read, and nothing else is known of it.
    """

    kind: Literal["payout_news"] = "payout_news"
    rail: Literal["razorpayx"]
    account: str = Field(max_length=100)
    delivery_id: str
    received_at: str
    event_at: str
    """When the rail says that it happened."""
    problem: str = Field(default="", max_length=400)
    rail_id: str = Field(default="", max_length=40)
    """The rail's own id of the payout."""
    payout_id: str = Field(default="", max_length=15)
    """Ours; empty for a payment that was never sent from here."""
    batch_id: str = Field(default="", max_length=64)
    amount_paise: int = Field(default=0, ge=0)
    status: str = Field(default="", max_length=100)
    utr: str = Field(default="", max_length=22)
    reason: str = Field(default="", max_length=100)
    """The rail's word for why, never a sentence."""


class TellApproved(_Message):
    """payout-batches: a batch was approved; its groups are told what they will be paid."""

    kind: Literal["tell_approved"] = "tell_approved"
    batch_id: str
    after: str = ""
    """The payout that was told of last."""


class JoinGroups(_Message):
    """payout-batches: two persons have said that a group joins another; what its book has goes on to that one's."""

    kind: Literal["join_groups"] = "join_groups"
    group_id: str = Field(min_length=1, max_length=64)


class CorrectPayout(_Message):
    """payout-batches: two persons have said what a bank really did; it is booked."""

    kind: Literal["correct_payout"] = "correct_payout"
    exception_id: str = Field(min_length=1, max_length=100)


class LookAtPayables(_Message):
    """payout-batches: something may have been payable for too long. Sent once a day."""

    kind: Literal["look_at_payables"] = "look_at_payables"


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


Notification = Notify | Tell | Digest | Remind
NOTIFICATION: TypeAdapter[Notification] = TypeAdapter(Annotated[Notification, Field(discriminator="kind")])
PayoutCommand = ComputePayout | Settle | ReleaseHold | HoldMoney | ApproveProposal
PAYOUT_COMMAND: TypeAdapter[PayoutCommand] = TypeAdapter(Annotated[PayoutCommand, Field(discriminator="kind")])
BatchCommand = (
    ClosePeriod
    | PullRow
    | UndoBatch
    | TakeAnswer
    | PayoutNews
    | TellApproved
    | CorrectPayout
    | JoinGroups
    | LookAtPayables
)
BATCH_COMMAND: TypeAdapter[BatchCommand] = TypeAdapter(Annotated[BatchCommand, Field(discriminator="kind")])
OrderEvent = WebhookDelivery | ApiAnswer | StockAct | ListingMapped | Allocate | OperatorAct | Look | Replay
ORDER_EVENT: TypeAdapter[OrderEvent] = TypeAdapter(Annotated[OrderEvent, Field(discriminator="kind")])


def wrong_field(error: ValidationError) -> str:
    """The first field that is wrong and why, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    said = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "string_too_short":
            said = (
                "must not be empty"
                if first["ctx"]["min_length"] == 1
                else f"needs {first['ctx']['min_length']} characters"
            )
        case "string_too_long":
            said = f"may have {first['ctx']['max_length']} characters"
    return f"{'.'.join(map(str, first['loc'])) or 'message'}: {said}"
