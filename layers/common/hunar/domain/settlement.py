"""What a marketplace says that it settled: lines of money, and the rule by which the same line is never two.

A settlement file is taken whole or not at all: a file with one wrong row has findings and no lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from hunar.domain.identity import derived_id
from hunar.domain.money import whole
from hunar.domain.spreadsheet import Problem

SALE: Final = "sale"
"""What buyers paid for the goods, with GST."""
OFFER: Final = "offer"
"""Discounts and their refunds by the marketplace."""
SHIPPING_PAID_BY_BUYER: Final = "shipping_paid_by_buyer"
REFUND: Final = "refund"
"""What went back to buyers, for goods and shipping, with GST."""
GST_ON_FEES: Final = "gst_on_fees"
TCS: Final = "tcs"
TDS: Final = "tds"
REIMBURSEMENT: Final = "reimbursement"
PROTECTION_FUND: Final = "protection_fund"
ADJUSTMENT: Final = "adjustment"
RESERVE: Final = "reserve"
"""What the marketplace keeps back for later, and gives back."""
TRANSFER: Final = "transfer"
"""Money that goes to the bank account, or comes back from it."""
FEE: Final = "fee:"
"""Begins the head of each fee, without tax: ``fee:commission``."""
OTHER: Final = "other:"
"""Begins the head of what nobody has given a meaning yet; the file's own words follow."""

WEIGHT: Final = "weight_grams"

_LIMIT: Final = 10**15
"""Paise, as for a posting of the ledger."""

HEADS: Final = frozenset(
    {
        SALE,
        OFFER,
        SHIPPING_PAID_BY_BUYER,
        REFUND,
        GST_ON_FEES,
        TCS,
        TDS,
        REIMBURSEMENT,
        PROTECTION_FUND,
        ADJUSTMENT,
        RESERVE,
        TRANSFER,
    }
)


class Kind(StrEnum):
    """What a settlement line is about."""

    SALE = "SALE"
    REFUND = "REFUND"
    ADJUSTMENT = "ADJUSTMENT"
    """Later money of an order: a correction, a reimbursement, a protection."""
    ACCOUNT = "ACCOUNT"
    """Money of the account that names no order: advertising, storage, a reserve. It stays with the agency."""
    PAYOUT = "PAYOUT"
    """The marketplace's own row for what it sent to the bank. It is the sum of others and never in a total."""


def kind_of_order(heads: Mapping[str, int]) -> Kind:
    """What a line that names an order is about, by its money."""
    if heads.get(REFUND):
        return Kind.REFUND
    return Kind.SALE if heads.get(SALE) else Kind.ADJUSTMENT


@dataclass(frozen=True)
class SettlementLine:
    """One row of money. ``heads`` are paise as the money moves to the seller: deductions are below zero."""

    key: str
    """The same for the same row in whatever file it comes, see ``line_key``."""
    marketplace: str
    account: str
    settlement_id: str
    order_id: str | None
    item_id: str | None
    listing: str | None
    kind: str
    heads: Mapping[str, int]
    posted_at: str
    """RFC 3339. Of a day without a time the beginning in India."""
    paid_at: str | None
    reference: str | None
    """The bank's: a UTR or the number of a NEFT."""
    quantity: int | None
    row: int
    """In the file that it was read from, as the spreadsheet shows it."""
    traits: Mapping[str, str | int] = field(default_factory=dict)
    """What the row says of the sale by which rates go, as in ``Traits``: zone, tier, payment, weight_grams. No part of
    its key."""

    def __post_init__(self) -> None:
        for head, amount in self.heads.items():
            if type(amount) is not int or abs(amount) >= _LIMIT:
                raise ValueError(f"{head}: {amount!r} is not an amount in whole paise")
            if head not in HEADS and not (head.startswith((FEE, OTHER)) and head.partition(":")[2]):
                raise ValueError(f"{head!r} is not a head of a settlement line")

    @property
    def amount(self) -> int:
        """What the line brings, in paise."""
        return sum(self.heads.values())

    def item(self) -> dict[str, Any]:
        """As it is kept; ``of_item`` reads it."""
        kept = asdict(self)
        if not self.traits:
            del kept["traits"]
        return kept | {"heads": dict(sorted(self.heads.items())), "kind": str(self.kind)}

    @classmethod
    def of_item(cls, item: Mapping[str, Any]) -> SettlementLine:
        """The line of a kept item, whatever else that has."""
        said = {name: item[name] for name in cls.__dataclass_fields__ if name != "traits"}
        said["traits"] = {
            name: whole(value) if name == WEIGHT else value for name, value in item.get("traits", {}).items()
        }
        return cls(**said | {"heads": {head: whole(paise) for head, paise in item["heads"].items()}})


WHOLE_ORDER: Final = "WHOLE"
ITEM: Final = "ITEM"


def subject_of(line: SettlementLine) -> str:
    """What a line is about, as one name: an item of an order, a whole order, or the account itself.

    All lines of one subject are read together, whatever settlement they came with, so that what an item brought is
    the sum of all of them.
    """
    whose = f"{line.marketplace}#{line.account}"
    if line.item_id is not None:
        return item_subject(line.marketplace, line.account, line.item_id)
    if line.order_id is not None:
        return order_subject(line.marketplace, line.account, line.order_id)
    return f"{Kind.ACCOUNT}#{whose}#{line.settlement_id}"


def item_subject(marketplace: str, account: str, item_id: str) -> str:
    """The subject of what names a marketplace's item of an order."""
    return f"{ITEM}#{marketplace}#{account}#{item_id}"


def order_subject(marketplace: str, account: str, order_id: str) -> str:
    """The subject of what names an order and no item, as shipping."""
    return f"{WHOLE_ORDER}#{marketplace}#{account}#{order_id}"


Said = Mapping[str, str | int]
"""What a row says in the file's own words: paise by column, and its type."""


def line_key(line: SettlementLine, said: Said, nth: int) -> str:
    """The id of the ``nth`` (from 1) of the rows of a file that say the same.

    Its content is who, what, when and how much, in the file's own words: a type of money that is
    given a meaning here later, or a better rate, makes no new row of an old one. Not in it either: the
    row number, so that a file may be sorted anew, and whatever is changed or filled in later about a
    row (return status, weight, day and number of the bank's transfer), so that a newer file of the same
    days brings nothing twice.
    """
    return derived_id(
        line.marketplace,
        line.account,
        line.settlement_id,
        line.item_id,
        [line.order_id, line.listing, line.posted_at, line.quantity],
        {name: value for name, value in said.items() if value},
        nth,
    )


def with_keys(rows: Iterable[tuple[SettlementLine, Said]]) -> tuple[SettlementLine, ...]:
    """The lines of one file, each with its key: equal rows are counted, and each of them is money."""
    counts: dict[str, int] = {}
    keyed = []
    for line, said in rows:
        content = line_key(line, said, 0)
        counts[content] = counts.get(content, 0) + 1
        keyed.append(replace(line, key=line_key(line, said, counts[content])))
    return tuple(keyed)


@dataclass(frozen=True)
class SettlementFile:
    """A file that was read. With ``findings`` it was refused, and nothing of it is money."""

    marketplace: str
    account: str
    shape: str
    """Which report it is. A settlement is taken from one report only, see ``clashes``."""
    lines: tuple[SettlementLine, ...] = ()
    findings: tuple[Problem, ...] = ()
    deferred: tuple[SettlementLine, ...] = ()
    """Rows that the marketplace lists but has not paid. Not money: they come again when they are."""
    notes: tuple[Problem, ...] = ()
    """What a person may want to know of a file that was taken."""
    totals: Mapping[str, int] = field(init=False)
    """Paise by settlement id: what reached the bank, or will."""

    def __post_init__(self) -> None:
        if self.findings and (self.lines or self.deferred):
            raise ValueError("a file is taken whole or not at all")
        totals: dict[str, int] = {}
        for line in self.lines:
            if line.kind != Kind.PAYOUT:
                totals[line.settlement_id] = totals.get(line.settlement_id, 0) + line.amount
        object.__setattr__(self, "totals", totals)


def merge(files: Iterable[SettlementFile]) -> dict[str, SettlementLine]:
    """The lines of several files by key. A file that comes twice, re-sorted, or overlaps another adds nothing twice."""
    return {line.key: line for file in files for line in file.lines}


def clashes(file: SettlementFile, taken: Mapping[str, str]) -> tuple[Problem, ...]:
    """What is wrong with taking a file when ``taken`` says which report brought which settlement id.

    Two reports of one marketplace tell the same money in different rows, so that no key can say
    that it is the same.
    """
    return tuple(
        Problem("", None, None, f"settlement {settlement_id} was taken from {taken[settlement_id]} already")
        for settlement_id in sorted(file.totals)
        if taken.get(settlement_id, file.shape) != file.shape
    )


MOST_FINDINGS: Final = 50
"""So many are shown. A file with a wrong column has one for each row."""


def shortened(file: str, findings: Sequence[Problem]) -> tuple[Problem, ...]:
    """The first findings, and how many more the file has."""
    if len(findings) <= MOST_FINDINGS:
        return tuple(findings)
    more = Problem(file, None, None, f"has {len(findings) - MOST_FINDINGS} more problems")
    return (*findings[:MOST_FINDINGS], more)
