"""The kinds of texts: which may come at night, which go twice, and whom else they reach.

A kind says why somebody is told. A form is one registered wording of it: most kinds have one.
The wording is data in ``sms_templates``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

NEW_ORDER: Final = "NEW_ORDER"
NEW_ORDERS: Final = "NEW_ORDERS"
"""Several new orders in one text."""
CANCELLED: Final = "CANCELLED"
HOLD: Final = "HOLD"
RELEASED: Final = "RELEASED"
SERVED: Final = "SERVED"
"""Units that were missing are there now."""
SHIP_BY: Final = "SHIP_BY"
LOW_STOCK: Final = "LOW_STOCK"
RETURN: Final = "RETURN"
PAYOUT_COMPUTED: Final = "PAYOUT_COMPUTED"
PAYOUT_PAID: Final = "PAYOUT_PAID"
PAYOUT_FAILED: Final = "PAYOUT_FAILED"
ONBOARDING_CODE: Final = "ONBOARDING_CODE"
NUMBER_CHANGED: Final = "NUMBER_CHANGED"
ACCOUNT_CHANGED: Final = "ACCOUNT_CHANGED"


@dataclass(frozen=True)
class Kind:
    """How texts of a kind are treated."""

    at_night: Literal["always", "due", "never"]
    """In quiet hours: sent all the same, sent only if the goods are to be handed over in the morning, or kept."""
    resend: bool = False
    """Whether one of which nobody knows if it arrived is sent once more: missing it is worse than reading it twice."""
    ladder: bool = False
    """Whether the next contact is told when this one does not hear of it."""


KINDS: Final[Mapping[str, Kind]] = {
    NEW_ORDER: Kind("due", resend=True, ladder=True),
    NEW_ORDERS: Kind("due", resend=True, ladder=True),
    CANCELLED: Kind("due", resend=True, ladder=True),
    HOLD: Kind("due", resend=True, ladder=True),
    RELEASED: Kind("due", ladder=True),
    SERVED: Kind("due", ladder=True),
    SHIP_BY: Kind("never"),
    LOW_STOCK: Kind("never"),
    RETURN: Kind("never"),
    PAYOUT_COMPUTED: Kind("never"),
    PAYOUT_PAID: Kind("never"),
    PAYOUT_FAILED: Kind("never"),
    ONBOARDING_CODE: Kind("always"),
    NUMBER_CHANGED: Kind("always"),
    ACCOUNT_CHANGED: Kind("always"),
}
"""The person who gave her number waits for a code, and whoever loses hers, or her bank account, must know at once."""

FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    NEW_ORDER: ("item", "by"),
    "NEW_ORDER_SHORT": ("item", "by"),
    NEW_ORDERS: ("item", "by"),
    CANCELLED: ("item", "left"),
    HOLD: ("item",),
    RELEASED: ("item", "by"),
    SERVED: ("item", "by"),
    SHIP_BY: ("count", "by"),
    LOW_STOCK: ("item",),
    RETURN: ("item",),
    PAYOUT_COMPUTED: ("count", "amount"),
    "PAYOUT_COMPUTED_PLAIN": ("count",),
    PAYOUT_PAID: ("amount", "account", "utr"),
    "PAYOUT_PAID_PLAIN": ("account", "utr"),
    PAYOUT_FAILED: ("account",),
    ONBOARDING_CODE: ("code",),
    NUMBER_CHANGED: ("ending",),
    ACCOUNT_CHANGED: ("account",),
}
"""Every registered wording with its slots, in the order in which English says them.

``_SHORT`` says that the shelf holds too few; ``_PLAIN`` names no amount, for groups whose texts others read aloud.
"""


def form(kind: str, *, short: bool = False, amounts: bool = True) -> str:
    """The wording for a kind: of an order that is short of stock, or for a group that wants no amounts in texts."""
    if short and f"{kind}_SHORT" in FORMS:
        return f"{kind}_SHORT"
    if not amounts and f"{kind}_PLAIN" in FORMS:
        return f"{kind}_PLAIN"
    return kind
