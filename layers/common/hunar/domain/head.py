"""The head of a group's book: what its accounts hold, how many entries there are, and a chain over all of them.

Posting reads and writes the head alone, never the entries before it, so the thousandth entry costs what the first
did. Each entry gets the next number and the hash of the one before; who changes, removes or adds one later breaks
the chain. ``audit`` reads everything and proves the head from it, to one paisa.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hunar.domain import accounts
from hunar.domain.debt import recovered
from hunar.domain.identity import canonical
from hunar.domain.ledger import MERGED, PAID_OUT, Entry, closes, payable_from
from hunar.domain.money import rupees, whole

NO_ENTRY: Final = ""
"""The chain before the first entry."""

RECOVERY: Final = "recovery_ppm"
"""In the source of a PAID_OUT entry: which part of the payable money may go against a debt."""

_OWED: Final = ("group_held", "group_payable", "member_payable", "payout_in_transit")
"""What the agency owes and can never owe less of than nothing. What a group's fund or its credits lack is its own."""

STAYS: Final = ("group_held", "payout_in_transit")
"""What stays in the book of a group that joined another until it is released, or the bank has answered."""


class Refused(Exception):
    """An entry would leave the group's accounts in a state that cannot be. The text is for an operator."""


@dataclass(frozen=True)
class Head:
    """``balances`` are paise by account, debit above zero; nothing stands there as zero, so that it stays small."""

    group_id: str
    seq: int = 0
    """The number of the last entry."""
    balances: Mapping[str, int] = field(default_factory=dict)
    chain: str = NO_ENTRY
    """The hash of the last entry."""
    version: int = 0
    """How often the head was written: entries of one transaction share one."""
    closed: int = 0
    """The number of the entry that last paid out. What became payable later is not paid yet."""
    payable_since: str = ""
    """Since when something is payable without a break; empty while nothing is."""
    into: str = ""
    """The group that it joined; what comes to this book goes on to that one's."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Head:
        return cls(
            group_id=item["group_id"],
            seq=whole(item["seq"]),
            balances={account: whole(paise) for account, paise in item["balances"].items()},
            chain=item["chain"],
            version=whole(item["version"]),
            closed=whole(item["closed"]),
            payable_since=item.get("payable_since", ""),
            into=item.get("into", ""),
        )

    def item(self) -> dict[str, Any]:
        return {
            "group_id": self.group_id,
            "seq": self.seq,
            "balances": dict(sorted(self.balances.items())),
            "chain": self.chain,
            "version": self.version,
            "closed": self.closed,
            "payable_since": self.payable_since,
        } | ({"into": self.into} if self.into else {})

    def joined(self, into: str) -> Head:
        """The group joined another: what stands here, and what comes, goes on to that one's book."""
        return replace(self, into=into, version=self.version + 1)

    @property
    def waits(self) -> bool:
        """Whether something stands here that can go on to the group that it joined."""
        return bool(self.into) and any(account.partition(":")[0] not in STAYS for account in self.balances)

    def owed(self, account: str) -> int:
        """Paise that the agency owes on one of the group's accounts."""
        return -self.balances.get(account, 0)

    @property
    def held(self) -> int:
        return self.owed(accounts.group_held(self.group_id))

    @property
    def payable(self) -> int:
        return self.owed(accounts.group_payable(self.group_id))

    @property
    def debt(self) -> int:
        """Paise that the group owes."""
        return self.balances.get(accounts.group_debt(self.group_id), 0)


@dataclass(frozen=True)
class Sealed:
    """An entry at its place in the book."""

    entry: Entry
    seq: int
    prev: str
    """The hash of the entry before it."""

    @property
    def hash(self) -> str:
        return link(self.prev, self.seq, self.entry.content())

    def item(self, *, recorded_at: str) -> dict[str, Any]:
        """``recorded_at`` is not in the chain: who posts again after a lost answer may give a later one."""
        place = {"seq": self.seq, "prev": self.prev, "hash": self.hash}
        return self.entry.item(recorded_at=recorded_at) | place


def link(prev: str, seq: int, content: Mapping[str, Any]) -> str:
    """The hash of an entry: of the one before it, its number and all that it says."""
    return hashlib.sha256(canonical([prev, seq, content]).encode()).hexdigest()


def after(head: Head, *entries: Entry) -> tuple[Head, tuple[Sealed, ...]]:
    """The head behind one transaction's entries, and the entries at their places.

    Refused when a group would be owed less than nothing anywhere, would owe less than nothing, or would be paid
    while it could give back; ValueError for an entry of another group.
    """
    sealed = []
    now = head
    for entry in entries:
        if entry.group_id != head.group_id:
            raise ValueError(f"an entry of {entry.group_id or 'no group'} in the book of {head.group_id}")
        balances = _moved(now.balances, entry.content(), head.group_id)
        _refuse(now, balances, entry)
        place = Sealed(entry, now.seq + 1, now.chain)
        closed = place.seq if entry.closes else now.closed
        begun = payable_from(entry.kind, dict(entry.source), entry.occurred_at)
        payable = _payable_since(
            now.balances, balances, now.payable_since, begun, head.group_id, merged=entry.kind == MERGED
        )
        now = Head(head.group_id, place.seq, balances, place.hash, head.version + 1, closed, payable, head.into)
        sealed.append(place)
    return now, tuple(sealed)


def _payable_since(
    before: Mapping[str, int], balances: Mapping[str, int], so_far: str, begun: str, group_id: str, *, merged: bool
) -> str:
    account = accounts.group_payable(group_id)
    if not balances.get(account):
        return ""
    if not before.get(account):
        return begun
    return min(so_far, begun) if merged else so_far


def _moved(balances: Mapping[str, int], content: Mapping[str, Any], group_id: str) -> dict[str, int]:
    moved = dict(balances)
    for posting in content["postings"]:
        account = posting["account"]
        if accounts.group_of(account) == group_id:
            moved[account] = moved.get(account, 0) + posting["amount_paise"]
    return {account: paise for account, paise in moved.items() if paise}


def _refuse(before: Head, balances: Mapping[str, int], entry: Entry) -> None:
    for account, paise in sorted(balances.items()):
        if paise > 0 and accounts.parse(account).name in _OWED:
            raise Refused(f"{account} would be {rupees(paise)} below nothing")
    debt = balances.get(accounts.group_debt(before.group_id), 0)
    if debt < 0:
        raise Refused(f"{before.group_id} would have given back {rupees(-debt)} more than it owes")
    if entry.kind == PAID_OUT:
        # Debt and payable are netted whenever money leaves: nothing is paid that could have been recovered.
        terms = dict(entry.source)
        if RECOVERY not in terms:
            raise Refused(f"a payout of {before.group_id} says how much of it may go against a debt")
        kept = recovered(before.payable, before.debt, int(terms[RECOVERY]))
        if accounts.group_payable(before.group_id) in balances or debt != before.debt - kept:
            raise Refused(
                f"a payout of {before.group_id} takes all that is payable and recovers {rupees(kept)} of its debt"
            )


FLOAT: Final = "FLOAT"


# ── proof ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is not as it must be in a book."""

    seq: int
    """The entry's number; 0 when the head itself is wrong."""
    what: str
    """SUM, FLOAT, SEQUENCE, CHAIN, CONTENT or BALANCE."""
    text: str
    paise: int = field(default=0, compare=False)
    """By how much a sum or a balance is wrong."""


def audit(head: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> tuple[Fault, ...]:
    """All that is wrong with a stored head and its stored entries, in any order; nothing when the book is sound."""
    group_id = head["group_id"]
    faults: list[Fault] = []
    balances: dict[str, int] = {}
    seq, chain, closed = 0, NO_ENTRY, 0
    for item in sorted(entries, key=lambda one: (one["seq"], one["entry_id"])):
        number = item["seq"]
        if number != seq + 1:
            text = f"entry {number} stands twice" if number == seq else f"{number - seq - 1} missing after entry {seq}"
            faults.append(Fault(number, "SEQUENCE", text))
        if item["prev"] != chain:
            faults.append(Fault(number, "CHAIN", f"entry {item['entry_id']} does not follow the one before it"))
        wrong = _entry_faults(item, group_id)
        faults += wrong
        if not any(fault.what == FLOAT for fault in wrong):
            balances = _moved(balances, item, group_id)
        seq, chain = number, item["hash"]
        closed = number if closes(item["kind"], item["source"], group_id) else closed
    for name, found, proved in (("seq", head["seq"], seq), ("closed", head["closed"], closed)):
        if found != proved:
            faults.append(Fault(0, "SEQUENCE", f"the head says {name} {found}, the entries {proved}"))
    if head["chain"] != chain:
        faults.append(Fault(0, "CHAIN", "the head does not follow the last entry"))
    for account in sorted(balances.keys() | head["balances"].keys()):
        said, is_so = head["balances"].get(account, 0), balances.get(account, 0)
        if said != is_so:
            text = f"{account} is {rupees(said)} in the head and {rupees(is_so)} by the entries: {rupees(said - is_so)}"
            faults.append(Fault(0, "BALANCE", text, said - is_so))
    return tuple(faults)


_PLACE: Final = frozenset({"seq", "prev", "hash", "recorded_at", "order_pk", "order_sk"})
"""What an item has besides the entry's content: its place in the book, and where else it is found."""


def _entry_faults(item: Mapping[str, Any], group_id: str) -> list[Fault]:
    number, faults = item["seq"], []
    paise = [posting["amount_paise"] for posting in item["postings"]]
    if any(type(amount) is not int for amount in paise):
        # Nothing else of it can be trusted, and a hash over it cannot be made.
        return [Fault(number, FLOAT, f"entry {item['entry_id']} has an amount that is not whole paise")]
    if sum(paise):
        faults.append(
            Fault(number, "SUM", f"entry {item['entry_id']} is out of balance by {rupees(sum(paise))}", sum(paise))
        )
    content = {name: value for name, value in item.items() if name not in _PLACE}
    if item["group_id"] != group_id or link(item["prev"], number, content) != item["hash"]:
        faults.append(Fault(number, "CONTENT", f"entry {item['entry_id']} is not what was posted"))
    return faults


def rebuild(group_id: str, entries: Iterable[Mapping[str, Any]], *, version: int, into: str = "") -> Head:
    """The head that stored entries amount to. Entries do not tell how often it was written, and whom the group joined:
    ``version`` and ``into`` are kept."""
    ordered = sorted(entries, key=lambda one: whole(one["seq"]))
    balances: dict[str, int] = {}
    closed, payable = 0, ""
    for item in ordered:
        before, balances = balances, _moved(balances, item, group_id)
        begun = payable_from(item["kind"], item["source"], item["occurred_at"])
        payable = _payable_since(before, balances, payable, begun, group_id, merged=item["kind"] == MERGED)
        closed = item["seq"] if closes(item["kind"], item["source"], group_id) else closed
    if not ordered:
        return Head(group_id, version=version, into=into)
    return Head(group_id, ordered[-1]["seq"], balances, ordered[-1]["hash"], version, closed, payable, into)
