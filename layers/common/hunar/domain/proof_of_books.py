"""What must be true of books that are stored, worked out again from every entry. Reads nothing, writes nothing.

A fault is one thing that is not as it must be, with the paise by which it is wrong. ``head.audit`` proves a book
against its head; here it is walked through entry by entry, and compared with what is posted of each line and with what
the marketplaces settled. The numbers I1-I27 are those of the invariants that a payout engine must keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hunar.domain import accounts, ledger
from hunar.domain.debt import DEBT_UNDONE, GIVE_BACK, recovered
from hunar.domain.head import FLOAT, RECOVERY, Head, audit
from hunar.domain.ledger import (
    ARRIVED,
    CLEARING,
    CORRECTED,
    LIMIT,
    MERGED,
    PAID_OUT,
    RELEASED,
    SENT_BACK,
    SETTLED,
    Amounts,
)
from hunar.domain.money import rupees
from hunar.domain.settlement import FEE, Kind, SettlementLine

Item = Mapping[str, Any]

OF_LINES: Final = frozenset({SETTLED, CORRECTED})
"""Kinds of entries that book what a line brought."""
_MOVES: Final = frozenset({GIVE_BACK, DEBT_UNDONE, CLEARING})
"""Rate rows of postings that move on what a line brought, and are not in its posted amounts."""
_LEAVES: Final = frozenset({PAID_OUT, ARRIVED, SENT_BACK})
_NOT_BELOW: Final = {"group_held": -1, "group_payable": -1, "payout_in_transit": -1, "group_debt": 1}
"""Accounts of a group that never change sides, with the sign of theirs."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong."""

    where: str
    """``group``, ``settlement`` or ``books``."""
    name: str
    """The group, or the settlement as ``marketplace#account#id``; ``all`` for the books together."""
    what: str
    """SUM, BALANCE, LINE, HELD, TOTAL and so on."""
    text: str
    paise: int = 0
    """By how much, never below zero; 0 where it is no question of an amount."""


@dataclass
class Walk:
    """One group's book, walked through in the order of its entries."""

    group_id: str
    entries: int = 0
    lines: dict[tuple[str, str], dict[tuple[str, str], int]] = field(default_factory=dict)
    """What it says of each order line (order_ref, line_id): paise by account and rate row."""
    balances: dict[str, int] = field(default_factory=dict)
    """Of every account, the agency's too, by the entries alone."""
    received: dict[str, int] = field(default_factory=dict)
    """What lines brought, by account of the marketplaces' receivables."""
    clearing: dict[str, set[str]] = field(default_factory=dict)
    """Orders behind each clearing account."""
    faults: list[Fault] = field(default_factory=list)
    _last: int = 0
    _released: int = 0
    _paid: int = 0

    def step(self, item: Item) -> Item:
        """Counts one entry. Returns it as ``head.audit`` can read it: without what stands on no known account."""
        self.entries += 1
        if item["seq"] < self._last:
            self._fault("SEQUENCE", f"entry {item['seq']} stands behind entry {self._last}")
        self._last = item["seq"]
        if item["kind"] not in ledger.KINDS or item["kind"] == ledger.EXPECTED:
            self._fault("KIND", f"entry {item['entry_id']} is of kind {item['kind']}, which no book has")
        known = [posting for posting in item["postings"] if self._belongs(item, posting)]
        whole = [posting for posting in known if self._counts(item, posting)]
        before = dict(self.balances) if item["kind"] == PAID_OUT else {}
        for posting in whole:
            account, paise = posting["account"], posting["amount_paise"]
            self.balances[account] = self.balances.get(account, 0) + paise
            if account.startswith(f"{CLEARING}:"):
                self.clearing.setdefault(account, set()).add(item["order_ref"] or "")
            if item["kind"] in OF_LINES and account.startswith("marketplace_receivable:"):
                self.received[account] = self.received.get(account, 0) + paise
        if item["kind"] in OF_LINES:
            self._add(item, whole)
        self._sides(item, whole)
        self._pays(item, whole, before)
        return item if len(known) == len(item["postings"]) else {**item, "postings": known}

    def close(self) -> None:
        """Forgets what is zero."""
        self.balances = {account: paise for account, paise in self.balances.items() if paise}
        self.clearing = {account: refs for account, refs in self.clearing.items() if account in self.balances}

    def _belongs(self, item: Item, posting: Item) -> bool:
        """Whether it stands on an account of this book (I27: no memo is in a book)."""
        account, entry = posting["account"], item["entry_id"]
        try:
            owner = accounts.group_of(account)
        except ValueError as problem:
            self._fault("ACCOUNT", f"entry {entry}: {problem}", posting["amount_paise"])
            return False
        if owner not in (None, self.group_id):
            self._fault("ACCOUNT", f"entry {entry} has {account}, which is another group's", posting["amount_paise"])
        return True

    def _counts(self, item: Item, posting: Item) -> bool:
        """Whether it is an amount (I20). What is no whole number ``head.audit`` names."""
        paise = posting["amount_paise"]
        if type(paise) is not int:
            return False
        if not 0 < abs(paise) < LIMIT:
            self._fault("AMOUNT", f"entry {item['entry_id']}: {rupees(paise)} is no amount of a sale", abs(paise))
        return True

    def _add(self, item: Item, postings: Iterable[Item]) -> None:
        line = self.lines.setdefault((item["order_ref"], item["line_id"]), {})
        add_of_line(line, postings)

    def _sides(self, item: Item, postings: Iterable[Item]) -> None:
        """I12: nothing that is owed falls below zero, at any moment."""
        for account in sorted({posting["account"] for posting in postings}):
            sign, stands = _NOT_BELOW.get(account.partition(":")[0], 0), self.balances[account]
            if sign * stands < 0:
                self._fault("BELOW", f"entry {item['entry_id']} leaves {account} {rupees(stands)} out", abs(stands))

    def _pays(self, item: Item, postings: Iterable[Item], before: Mapping[str, int]) -> None:
        """I12 and I13: money leaves only after it was released, and after a debt was recovered from it."""
        payable, debt = accounts.group_payable(self.group_id), accounts.group_debt(self.group_id)
        if item["kind"] in (RELEASED, MERGED):
            self._released -= sum(each["amount_paise"] for each in postings if each["account"] == payable)
        if item["kind"] not in _LEAVES:
            return
        for posting in postings:
            if posting["account"] == accounts.BANK or posting["account"].startswith("payout_in_transit:"):
                self._paid -= posting["amount_paise"]
            elif item["kind"] != PAID_OUT and posting["account"] == debt:
                # What the bank paid twice is to be given back, and stands there as such.
                self._paid -= posting["amount_paise"]
        if self._paid > self._released:
            more = self._paid - self._released
            self._fault("PAID", f"entry {item['entry_id']} pays {rupees(more)} that were never released", more)
        if item["kind"] == PAID_OUT:
            owed, owes = -before.get(payable, 0), before.get(debt, 0)
            kept = recovered(max(owed, 0), max(owes, 0), int(item["source"].get(RECOVERY, 0)))
            wrong = self.balances.get(debt, 0) - (owes - kept)
            if wrong or self.balances.get(payable, 0):
                text = f"entry {item['entry_id']} should take all that is payable and recover {rupees(kept)}"
                self._fault("NETTED", text, abs(wrong) + abs(self.balances.get(payable, 0)))

    def _fault(self, what: str, text: str, paise: Any = 0) -> None:
        self.faults.append(Fault("group", self.group_id, what, text, abs(paise) if type(paise) is int else 0))


def add_of_line(amounts: dict[tuple[str, str], int], postings: Iterable[Item]) -> None:
    """Adds what an entry books of a line, as its posted item counts it: before it is moved on."""
    for posting in postings:
        if posting["rate_row"] not in _MOVES:
            key = (posting["account"], posting["rate_row"])
            amounts[key] = amounts.get(key, 0) + posting["amount_paise"]


def walked(group_id: str, head: Item | None, entries: Iterable[Item]) -> Walk:
    """A book walked through and proved against its head, entries in the order of their numbers."""
    walk = Walk(group_id)
    stands = head or Head(group_id).item()
    found = audit(stands, (walk.step(item) for item in entries))
    walk.close()
    for fault in found:
        # What audit cannot count, an amount that is not whole, it names without paise.
        walk.faults.append(Fault("group", group_id, fault.what, fault.text, abs(fault.paise)))
    return walk


def held_of(group_id: str, lines: Iterable[Item], head: Item | None) -> Iterator[Fault]:
    """What the posted items of a group's lines hold is what its head holds."""
    held = sum(int(item["standings"].get(group_id, {}).get("held", 0)) for item in lines)
    stands = Head.of(head).held if head else 0
    if held != stands:
        text = f"its lines hold {rupees(held)} and its book {rupees(stands)}: {rupees(held - stands)}"
        yield Fault("group", group_id, "HELD", text, abs(held - stands))


def line_differs(booked: Amounts, item: Item | None) -> tuple[str, int] | None:
    """How what is posted of a line differs from its entries, and by how much; None when it does not."""
    posted = ledger.amounts(item["amounts"]) if item else {}
    moved = ledger.difference(posted, booked)
    if not moved:
        return None
    if item is None:
        return "has entries, and nothing says what is posted of it", _size(moved)
    said = ", ".join(f"{one.account} ({one.rate_row}) {rupees(one.amount_paise)}" for one in moved[:3])
    more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    return f"what is posted differs from its entries by {said}{more}", _size(moved)


def _size(postings: Iterable[ledger.Posting]) -> int:
    return sum(abs(posting.amount_paise) for posting in postings)


# ── settlements ──────────────────────────────────────────────────────────────────────────────────


def settled_outside(marketplace: str, heads: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """What settlement lines bring to accounts that no resolution decides about: the marketplace's, fees, credits."""
    found: dict[str, int] = {}

    def add(account: str, paise: int) -> None:
        found[account] = found.get(account, 0) + paise

    for part in heads:
        for head, paise in part.items():
            add(accounts.marketplace_receivable(marketplace), paise)
            if (account := _outside(marketplace, head)) is not None:
                add(account, -paise)
    return {account: paise for account, paise in found.items() if paise}


_STATED: Final = {
    "gst_on_fees": accounts.GST_INPUT_FEES,
    "tcs": accounts.TCS_RECEIVABLE,
    "tds": accounts.TDS_RECEIVABLE,
    "transfer": accounts.BANK,
}


def _outside(marketplace: str, head: str) -> str | None:
    if head.startswith(FEE):
        return accounts.fee(head.removeprefix(FEE))
    return accounts.marketplace_reserve(marketplace) if head == "reserve" else _STATED.get(head)


def booked_outside(item: Item | None) -> dict[str, int]:
    """The same accounts, as they are posted of a line."""
    found: dict[str, int] = {}
    names = {"marketplace_receivable", "marketplace_reserve", "fee", *_STATED.values()}
    for posting in item["amounts"] if item else ():
        if posting["account"].partition(":")[0] in names:
            found[posting["account"]] = found.get(posting["account"], 0) + int(posting["amount_paise"])
    return {account: paise for account, paise in found.items() if paise}


def outside_differs(settled: Mapping[str, int], booked: Mapping[str, int]) -> dict[str, int]:
    """Settled less booked, by account."""
    moved = {name: settled.get(name, 0) - booked.get(name, 0) for name in settled.keys() | booked.keys()}
    return {name: paise for name, paise in sorted(moved.items()) if paise}


def total_of(lines: Iterable[SettlementLine]) -> tuple[int, int]:
    """What lines of a settlement come to, in paise, and how many they are. The marketplace's own sum is in no total."""
    total = count = 0
    for line in lines:
        count += 1
        total += 0 if line.kind == Kind.PAYOUT else line.amount
    return total, count


def of_subject(settlement: str, name: str, item: Item | None, entries: Iterable[Item]) -> Iterator[Fault]:
    """What is wrong with the entries of the agency alone about a subject, and with what is posted of it. It is told of
    the settlement by which the subject was found."""

    def fault(what: str, text: str, paise: int = 0) -> Fault:
        return Fault("settlement", settlement, what, f"{name}: {text}", abs(paise))

    booked: dict[tuple[str, str], int] = {}
    for entry in entries:
        paise = [posting["amount_paise"] for posting in entry["postings"]]
        if any(type(amount) is not int or not 0 < abs(amount) < LIMIT for amount in paise):
            yield fault(FLOAT, f"entry {entry['entry_id']} has an amount that is not whole paise")
            continue
        if sum(paise):
            yield fault("SUM", f"entry {entry['entry_id']} is out of balance by {rupees(sum(paise))}", sum(paise))
        for posting in entry["postings"]:
            if not _is_the_agencys(posting["account"]):
                text = f"entry {entry['entry_id']}: {posting['account']} is no account of the agency"
                yield fault("ACCOUNT", text, posting["amount_paise"])
            key = (posting["account"], posting["rate_row"])
            booked[key] = booked.get(key, 0) + posting["amount_paise"]
    if differs := line_differs(booked, item or {"amounts": ()}):
        yield fault("LINE", *differs)


def _is_the_agencys(account: str) -> bool:
    try:
        return accounts.group_of(account) is None
    except ValueError:
        return False


# ── all books together ───────────────────────────────────────────────────────────────────────────


def of_all(balances: Mapping[str, int], named: Callable[[str], str]) -> Iterator[Fault]:
    """I2, clearing and rounding, over all entries of all books. ``named`` says what a clearing account is about."""

    def fault(what: str, text: str, paise: int) -> Fault:
        return Fault("books", "all", what, text, abs(paise))

    if total := sum(balances.values()):
        yield fault("SUM", f"all accounts together come to {rupees(total)} and not to nothing", total)
    for account, paise in sorted(balances.items()):
        if account.startswith(f"{CLEARING}:") and paise:
            about = named(account)
            yield fault(
                "CLEARING", f"{rupees(paise)} are left on {account}{about}: one of two entries is missing", paise
            )
    if paise := balances.get("rounding", 0):
        yield fault("ROUNDING", f"{rupees(paise)} stand on rounding, where nothing ever stands", paise)
