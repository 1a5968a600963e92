"""The chart of accounts: the names of all places where money can stand, as text and in parts.

A name is words with colons between them, ``group_held:G01``. What belongs to a group has a head that knows its
balance; all else is the agency's, is derived from the entries, and is written by no posting, because every order
would wait for it. A memo account, ``expected:…``, holds what should come; memo accounts balance among themselves,
and nobody is paid from them.

Debits are above zero: what a marketplace owes the agency, a cost, what a group owes. Credits are below: what the
agency owes a group, the state or a bank file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MEMO: Final = "expected"

GROUP: Final = "group"
"""The part of a name that says whose account it is."""

CHART: Final[Mapping[str, tuple[str, ...]]] = {
    # The agency's.
    "marketplace_receivable": ("marketplace",),
    "marketplace_reserve": ("marketplace",),
    "output_gst": (),
    "fee": ("code",),
    "fees_recovered": (),
    "gst_input_fees": (),
    "tcs_receivable": (),
    "tds_receivable": (),
    "agency_fee": (),
    "agency_margin": (),
    "bank": (),
    "suspense": (),
    "rounding": (),
    "writeoff": (),
    "clearing": ("transfer",),
    # The groups'.
    "group_held": (GROUP,),
    "group_payable": (GROUP,),
    "group_debt": (GROUP,),
    "group_fund": (GROUP,),
    "group_credits": (GROUP,),
    "member_payable": (GROUP, "member"),
    "payout_in_transit": ("batch", GROUP),
}
"""The parts of each name. An account with a group among them has its balance in the group's head."""

_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, order=True)
class Account:
    """One account. ValueError for a name that is not in the chart, or a part that cannot stand in a name."""

    name: str
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        wanted = CHART.get(self.name)
        if wanted is None:
            raise ValueError(f"{self.name!r} is no account; known are {', '.join(sorted(CHART))}")
        if len(self.parts) != len(wanted):
            raise ValueError(f"{self.name} is followed by {' and '.join(wanted) or 'nothing'}, not by {self.parts!r}")
        for what, part in zip(wanted, self.parts, strict=True):
            if not _PART.fullmatch(part):
                raise ValueError(f"{self.name}: {part!r} cannot be a {what}")

    def __str__(self) -> str:
        return ":".join((self.name, *self.parts))

    @property
    def group_id(self) -> str | None:
        """Whose account it is; None for the agency's, which have no head."""
        parts = CHART[self.name]
        return self.parts[parts.index(GROUP)] if GROUP in parts else None


def parse(text: str) -> Account:
    """The account of a name. ValueError for a memo account too: it is in no book that anybody is paid from."""
    name, *parts = text.split(":")
    if name == MEMO:
        raise ValueError(f"{text} is a memo account")
    return Account(name, tuple(parts))


def is_memo(text: str) -> bool:
    return text.startswith(f"{MEMO}:")


def group_of(text: str) -> str | None:
    """Whose account a name means; None for the agency's. ValueError as ``parse``."""
    return parse(text).group_id


def marketplace_receivable(marketplace: str) -> str:
    """What a marketplace has settled and not yet sent to the bank."""
    return str(Account("marketplace_receivable", (marketplace,)))


def marketplace_reserve(marketplace: str) -> str:
    """What a marketplace keeps back of a settlement for later."""
    return str(Account("marketplace_reserve", (marketplace,)))


def fee(code: str) -> str:
    """A fee of a marketplace, without GST."""
    return str(Account("fee", (code,)))


def clearing(transfer: str) -> str:
    """Between two entries that belong together: what one puts there the other takes. ``transfer`` names the pair."""
    return str(Account("clearing", (transfer,)))


def group_held(group_id: str) -> str:
    """Settled for a group, and still within the time in which it may have to be given back."""
    return str(Account("group_held", (group_id,)))


def group_payable(group_id: str) -> str:
    """Owed to a group, to be paid with the next batch."""
    return str(Account("group_payable", (group_id,)))


def group_debt(group_id: str) -> str:
    """What a group was paid and has to give back (debit)."""
    return str(Account("group_debt", (group_id,)))


def group_fund(group_id: str) -> str:
    """What a group put aside by its resolution."""
    return str(Account("group_fund", (group_id,)))


def group_credits(group_id: str) -> str:
    """What a group gets when the state has paid it back to the agency."""
    return str(Account("group_credits", (group_id,)))


def member_payable(group_id: str, member: str) -> str:
    return str(Account("member_payable", (group_id, member)))


def payout_in_transit(batch: str, group_id: str) -> str:
    """On its way to a group in one batch, until the bank says what became of it."""
    return str(Account("payout_in_transit", (batch, group_id)))


OUTPUT_GST: Final = "output_gst"
"""The tax inside the buyers' prices, owed to the state."""
FEES_RECOVERED: Final = "fees_recovered"
"""What groups and the agency's margin were charged for marketplaces' fees (credit against the fees)."""
GST_INPUT_FEES: Final = "gst_input_fees"
TCS_RECEIVABLE: Final = "tcs_receivable"
TDS_RECEIVABLE: Final = "tds_receivable"
AGENCY_FEE: Final = "agency_fee"
AGENCY_MARGIN: Final = "agency_margin"
BANK: Final = "bank"
SUSPENSE: Final = "suspense"
"""What nobody can say yet whose it is. Nothing is ever guessed out of it."""
