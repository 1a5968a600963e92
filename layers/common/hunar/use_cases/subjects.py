"""What was settled about one thing: its lines, who claims them, and the booking of what nobody claims.

That is the agency's own, as advertising, or it waits in suspense until its order is known. Entries of the agency alone
have no head and no chain: its accounts are derived, so that no order waits for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hunar import tables
from hunar.domain import ledger, order, settled, worklist
from hunar.domain.claimants import Claimant, Part, parts
from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.ledger import SETTLED, Entry, Posting
from hunar.domain.money import rupees
from hunar.domain.order import Order
from hunar.domain.settlement import OTHER, WHOLE_ORDER, Kind, SettlementLine
from hunar.ports import ABSENT, Put, Store
from hunar.tables import Item, Table
from hunar.use_cases.paging import pages
from hunar.use_cases.worklist import closing, opening

SUSPENSE: Final = "SUSPENSE"
UNKNOWN_MONEY: Final = "UNKNOWN_MONEY"


@dataclass(frozen=True)
class Subject:
    """All that was settled about one thing, and who claims it."""

    name: str
    lines: tuple[SettlementLine, ...]
    posted: Item | None
    claimants: tuple[Claimant, ...]
    parts: Mapping[str, Sequence[Part]]
    """By claimant."""
    waiting: tuple[Part, ...]
    orders: tuple[str, ...] = ()
    """The orders that it may be about."""

    @property
    def marketplace(self) -> str:
        return self.name.split("#", 2)[1]


def order_of(store: Store, order_ref: str) -> tuple[Item | None, Order | None]:
    """An order as it is stored, and as its facts read. None and None when nobody knows it."""
    key = tables.order(order_ref)
    stored = store.read([key]).get(key)
    return stored, order.read(order.knowledge(stored)) if stored else None


def subject_of(store: Store, name: str) -> Subject:
    """All of it, read consistently."""
    lines, there = [], None
    for item in pages(store, Table.LEDGER, name):
        if "heads" in item:
            lines.append(SettlementLine.of_item(item))
        elif "amounts" in item:
            there = item
    orders = _orders(store, name) if lines or there else ()
    claimants = tuple(_claimants(store, name, orders))
    claimed, waiting = parts(name, lines, claimants)
    return Subject(name, tuple(lines), there, claimants, claimed, tuple(waiting), orders)


def _orders(store: Store, name: str) -> tuple[str, ...]:
    kind, marketplace, account, identity = name.split("#", 3)
    if kind == Kind.ACCOUNT:
        return ()
    if kind == WHOLE_ORDER:
        return (f"{marketplace}:{account}:{identity}",)
    key = tables.item_pointer(marketplace, account, identity)
    return tuple((store.read([key]).get(key) or {}).get("orders", []))


def _claimants(store: Store, name: str, orders: Iterable[str]) -> Iterable[Claimant]:
    """The order lines that a subject is about, in order."""
    kind, _, _, identity = name.split("#", 3)
    for ref in orders:
        _, found = order_of(store, ref)
        for line in found.lines if found else ():
            if kind == WHOLE_ORDER or line.line_id == identity:
                yield Claimant(ref, line)


def book(store: Store, subject: Subject, now: str) -> None:
    """Books what no line claims; what a line claims since leaves suspense. Raises Conflict."""
    there = subject.posted
    before = ledger.amounts(there["amounts"]) if there else {}
    waiting = subject.waiting
    if subject.name.startswith(Kind.ACCOUNT):
        target = settled.unassigned(subject.marketplace, waiting)
    else:
        target = settled.in_suspense(subject.marketplace, waiting)
    news = derived_id(sorted(part.key for part in waiting))
    if (there["digest"] if there else derived_id([])) == news:
        return
    version = there["version"] if there else ABSENT
    after = {
        "subject": subject.name,
        "amounts": [posting.item() for posting in ledger.difference(target, {})],
        "digest": news,
        "version": version + 1,
    }
    puts = [Put(tables.subject_posted(subject.name), after, version)]
    times = [utc(line.posted_at) for line in subject.lines]
    for number, postings in enumerate(_by_rows(ledger.difference(target, before))):
        entry = Entry(
            kind=SETTLED,
            cause=(subject.name, version, news, number),
            occurred_at=max(times, default=now),
            postings=postings,
            digest=news,
            source=(("subject", subject.name),),
        )
        puts.append(Put(tables.subject_entry(subject.name, entry.entry_id), entry.item(recorded_at=now), ABSENT))
    store.commit(puts)


def _by_rows(postings: Sequence[Posting]) -> Iterable[tuple[Posting, ...]]:
    """Balanced parts that an entry can hold: what one row moved balances by itself."""
    by_row: dict[str, list[Posting]] = {}
    for posting in postings:
        by_row.setdefault(posting.rate_row, []).append(posting)
    part: list[Posting] = []
    for _, moved in sorted(by_row.items()):
        if len(part) + len(moved) > ledger.MOST_POSTINGS:
            yield tuple(part)
            part = []
        part += moved
    if part:
        yield tuple(part)


def show(store: Store, subject: Subject, now: str) -> None:
    """Opens or closes what a person must look at: money that waits, and money without a meaning."""
    waits = sum(paise for part in subject.waiting for paise in part.heads.values())
    unknown = sorted({name for line in subject.lines for name in line.heads if name.startswith(OTHER)})
    shown = {}
    if subject.waiting and not subject.name.startswith(Kind.ACCOUNT):
        settlements = ", ".join(sorted({part.of.settlement_id for part in subject.waiting}))
        identity = subject.name.split("#", 3)[3]
        shown[SUSPENSE] = f"{rupees(waits)} were settled for {identity}, which no order has (settlement {settlements})"
    if unknown:
        said = ", ".join(name.removeprefix(OTHER) for name in unknown)
        rows = ", ".join(f"{line.settlement_id} row {line.row}" for line in subject.lines)
        shown[UNKNOWN_MONEY] = f"no meaning is known for {said} (settlement {rows})"
    keys = {kind: tables.exception(worklist.exception_id(kind, subject.name)) for kind in (SUSPENSE, UNKNOWN_MONEY)}
    there = store.read(keys.values())
    puts: list[Put] = []
    for kind, key in keys.items():
        if kind in shown:
            item = worklist.opened(kind, (subject.name,), at=now, message=shown[kind])
            puts += opening(item, there.get(key), renew=True)
        else:
            puts += closing(there.get(key), at=now)
    if puts:
        store.commit(puts)


def utc(text: str) -> str:
    """A moment of a settlement as facts write moments."""
    return instant(moment(text))
