"""A whole book in memory: heads, what is posted, entries that are put once. Commands come in any order, and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hunar.domain import accounts, payout
from hunar.domain.facts import SALE_SHARE
from hunar.domain.head import Fault, Head, after, audit
from hunar.domain.holds import release_at, window_end
from hunar.domain.ledger import Amounts, Entry
from hunar.domain.posted import Booked, Posted, Proposal, approve, release, settle
from hunar.domain.resolution import Resolution
from hunar.domain.settled import LineFacts, Tax, digest, target

GST = Tax("gst_18", 180_000)
NOW = "2027-01-31T00:00:00Z"

POLICY: dict[str, Any] = {
    "from": "2026-04-01",
    "version": 1,
    "fulfilment_mode": "GROUP_PACKS",
    "payout_basis": "SALE_SHARE",
    "minutes_ref": "book 2, page 14",
    "minutes_date": "2026-03-22",
    "agency_fee_basis": "ppm_of_net",
    "agency_fee": 100_000,
    "fund_ppm": 50_000,
    "itc": "GROUP_NOW",
    "tcs": "GROUP_NOW",
    "tds": "GROUP_NOW",
    "penalties": "AGENCY",
    "returns": "GROUP",
    "lost": "AGENCY",
    "penalty_fees": ["product_cancellation_fee"],
    "return_fees": ["reverse_shipping_fee"],
    "paid_on": "delivered",
    "return_window_days": 10,
    "recovery_ppm": 500_000,
}


def resolved_policy(version: int = 1, **clauses: Any) -> dict[str, Any]:
    """A policy of the registry whose clauses are complete, as an import of groups.csv and resolutions.csv leaves it."""
    signed = {"approved_by": ["Malati Das", "Ruma Mandal"], "resolved": clauses.get("from", POLICY["from"])}
    return POLICY | signed | {"version": version} | clauses


def resolved(group_id: str = "G03", **clauses: Any) -> Resolution:
    return Resolution.of(group_id, POLICY | clauses)


@dataclass(frozen=True)
class Row:
    """As much of a settlement line as its money needs."""

    key: str
    heads: dict[str, int]
    posted_at: str = "2026-12-04T00:00:00Z"


SALE = {
    "sale": 109_900,
    "fee:commission": -2_198,
    "fee:fixed_fee": -5_000,
    "fee:collection_fee": -2_198,
    "fee:pick_and_pack_fee": -1_400,
    "fee:shipping_fee": -5_800,
    "gst_on_fees": -2_987,
    "tcs": -931,
    "tds": -279,
}
"""The published settlement row V1: 891.07 reach the bank."""

REFUND = {
    "refund": -109_900,
    "fee:commission": 2_198,
    "fee:collection_fee": 2_198,
    "fee:reverse_shipping_fee": -6_000,
    "gst_on_fees": -289,
    "tcs": 931,
    "tds": 279,
}
"""The same item comes back: the marketplace keeps the fixed fee and what moving it cost."""


def line_facts(group_id: str = "G03", ref: str = "flipkart:demo:S-1", line_id: str = "L1", **known: Any) -> LineFacts:
    usual: dict[str, Any] = {
        "order_ref": ref,
        "line_id": line_id,
        "marketplace": "flipkart",
        "group_id": group_id,
        "units": 1,
        "returned": 0,
        "lost": 0,
        "unit_price_paise": 109_900,
        "piece_price_paise": 60_000,
        "steps": ("picked_up", "shipped", "delivered"),
    }
    return LineFacts(**usual | known)


@dataclass
class Known:
    """What is known of one line."""

    facts: LineFacts
    rows: list[Row] = field(default_factory=list)
    delivered_at: str = "2026-11-28T09:00:00Z"
    operator_hold: str | None = None

    @property
    def news_at(self) -> str:
        return max((row.posted_at for row in self.rows), default=self.delivered_at)


class Book:
    """The books of all groups. Every call reads heads and the line's posted item, and nothing else."""

    def __init__(self, resolutions: dict[str, Resolution] | None = None) -> None:
        self.resolutions = resolutions if resolutions is not None else {"G03": resolved()}
        self.heads: dict[str, Head] = {}
        self.posted: dict[tuple[str, str], Posted] = {}
        self.entries: dict[str, dict[str, Any]] = {}
        self.known: dict[tuple[str, str], Known] = {}
        self.proposals: list[Proposal] = []
        self.reads = 0

    def head(self, group: str) -> Head:
        self.reads += 1
        return self.heads.get(group, Head(group))

    def line(self, key: tuple[str, str]) -> Posted:
        self.reads += 1
        return self.posted.get(key, Posted(*key))

    def learn(self, known: Known) -> tuple[str, str]:
        key = (known.facts.order_ref, known.facts.line_id)
        self.known[key] = known
        return key

    def target(self, key: tuple[str, str]) -> Amounts:
        known = self.known[key]
        return target(known.facts, known.rows, self.resolutions[known.facts.group_id], GST)

    def settle(self, key: tuple[str, str]) -> list[dict[str, Any]]:
        known, posted = self.known[key], self.line(key)
        group = known.facts.group_id
        found = settle(
            posted,
            self.target(key),
            digest(known.facts, known.rows),
            {name: self.head(name) for name in posted.groups | {group}},
            group_id=group,
            occurred_at=known.news_at,
            source=self.resolutions[group].source,
        )
        if isinstance(found, Proposal):
            self.proposals.append(found)
            return []
        return self._write(found)

    def approve(self, proposal: Proposal) -> list[dict[str, Any]]:
        key = (proposal.order_ref, proposal.line_id)
        posted, group = self.line(key), self.known[key].facts.group_id
        heads = {name: self.head(name) for name in posted.groups | {group}}
        reason = {"by": "meera", "reason": "the listing was another group's", "at": NOW}
        return self._write(approve(proposal, posted, heads, group_id=group, **reason))

    def release(self, key: tuple[str, str], now: str = NOW) -> list[dict[str, Any]]:
        known = self.known[key]
        days = self.resolutions[known.facts.group_id].return_window_days
        by_piece = self.resolutions[known.facts.group_id].payout_basis != SALE_SHARE
        earned = known.news_at if known.rows or by_piece else None
        end = release_at(
            window_ends=window_end(known.delivered_at, days), earned_at=earned, operator_hold=known.operator_hold
        )
        if end is None:
            return []
        return self._write(release(self.line(key), self.head(known.facts.group_id), end, now=now))

    def close(self, group: str, batch: str, *, minimum: int = 0, at: str = "2026-12-15T06:00:00Z") -> Entry | None:
        cap = self.resolutions[group].recovery_ppm
        entry = payout.pay_out(self.head(group), batch, cap_ppm=cap, minimum_paise=minimum, at=at)
        if entry:
            self.put(entry)
        return entry

    def put(self, entry: Entry) -> list[dict[str, Any]]:
        assert entry.group_id
        self.heads[entry.group_id], places = after(self.head(entry.group_id), entry)
        return self._keep(place.item(recorded_at=NOW) for place in places)

    def _write(self, booked: Booked | None) -> list[dict[str, Any]]:
        if booked is None:
            return []
        self.posted[booked.posted.order_ref, booked.posted.line_id] = Posted.of(booked.posted.item())
        self.heads |= {group: Head.of(head.item()) for group, head in booked.heads.items()}
        return self._keep(place.item(recorded_at=NOW) for place in booked.entries)

    def _keep(self, items: Any) -> list[dict[str, Any]]:
        made = list(items)
        for item in made:
            assert item["entry_id"] not in self.entries, "an entry is put once"
            self.entries[item["entry_id"]] = item
        return made

    def of(self, group: str) -> list[dict[str, Any]]:
        found = [item for item in self.entries.values() if item["group_id"] == group]
        return sorted(found, key=lambda item: int(item["seq"]))

    def faults(self) -> list[Fault]:
        return [fault for group, head in self.heads.items() for fault in audit(head.item(), self.of(group))]

    def balances(self) -> dict[str, int]:
        """Every account's balance, the agency's too, from the entries."""
        found: dict[str, int] = {}
        for item in self.entries.values():
            for posting in item["postings"]:
                found[posting["account"]] = found.get(posting["account"], 0) + posting["amount_paise"]
        return {account: paise for account, paise in sorted(found.items()) if paise}

    def own(self, group: str) -> dict[str, int]:
        """The group's balances, its name left out."""
        return {
            account.removesuffix(f":{group}"): paise
            for account, paise in self.balances().items()
            if accounts.group_of(account) == group
        }

    def meanings(self) -> dict[str, Any]:
        """The entries without their place in the book, which is the order in which they came."""
        place = ("seq", "prev", "hash")
        return {key: {name: item[name] for name in item if name not in place} for key, item in self.entries.items()}
