"""Every night the books are proved: each entry is read again, and what is stored is compared with what it amounts to.

A book is proved against its head, its lines against what is posted of them, the settlements against what was booked of
their lines, and all books together against nothing. Books move while they are read, so a difference is believed only
when nothing moved meanwhile. Money that is not booked is no fault yet: a command may be on its way or lost, so it is
commanded once more, and only what is still not booked the night after is a fault, unless a person is asked about it
already. Nothing is written to the ledger.

What is in memory at a time is one group's book, besides a few numbers for each group, settlement and subject.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, cast

from hunar import tables
from hunar.domain import accounts, ledger, proof_of_books, settled, worklist
from hunar.domain.claimants import Claimant, Part
from hunar.domain.facts import instant, moment
from hunar.domain.head import Head
from hunar.domain.identity import derived_id
from hunar.domain.money import rupees
from hunar.domain.proof_of_books import OF_LINES, Fault, Walk, add_of_line, line_differs
from hunar.domain.settlement import ITEM, Kind, SettlementLine, item_subject, order_subject, subject_of
from hunar.messages import Settle
from hunar.ports import ABSENT, Page, Put, QueueName, Queues, Store
from hunar.tables import Item, Key, Table
from hunar.use_cases import subjects
from hunar.use_cases.paging import batches, pages
from hunar.use_cases.subjects import Subject
from hunar.use_cases.watch_settlements import watch_old
from hunar.use_cases.worklist import closing, opening

FAULT: Final = "LEDGER_FAULT"
WAITS_FOR: Final = ("UNRESOLVED", "RATE_GAP", "BOOK_REFUSED")
"""Exceptions by which a person knows why a line is not booked."""
A_NIGHT: Final = timedelta(hours=20)
"""What was commanded so long ago was commanded by an earlier night."""
PASSES: Final = 3
"""How often a book that moves is read again."""
RESERVE: Final = 60
"""Seconds that are kept for telling what was found."""
_PAGE: Final = 500
_TOLD: Final = 5
"""Faults that one exception tells."""

_UNREAD: Final = -1
"""The version of a head whose book could not be read: whatever stands there is another."""
_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What an item raises that is not as it was written."""


@dataclass(frozen=True)
class Desk:
    """What proving needs from outside. ``prove`` reads only; ``tell`` sends and writes."""

    store: Store
    queues: Queues
    now: str
    time_left: Callable[[], float]
    """Seconds."""
    again: Callable[[Callable[[], Any]], Any]


@dataclass(frozen=True)
class BookProof:
    """One group's book. Paise."""

    group_id: str
    entries: int
    held: int
    payable: int
    debt: int
    fund: int
    registered: bool = True


@dataclass
class SettlementProof:
    """Where the money of one settlement is, in paise: matched, agency, suspense and open together are the total."""

    name: str
    """``marketplace#account#id``."""
    lines: int = 0
    total: int = 0
    matched: int = 0
    """Booked for order lines."""
    agency: int = 0
    """Booked as the agency's own, as advertising."""
    suspense: int = 0
    """Booked in suspense."""
    open: int = 0
    """Not booked yet, or not as it was settled."""


@dataclass(frozen=True)
class Unbooked:
    """Money that is not booked as it was settled."""

    name: str
    """The order line or the subject."""
    settlement: str
    """By which it was found."""
    command: str
    """The subject that must be settled."""
    state: str
    """The same for the same difference."""
    text: str
    paise: int
    explained_by: tuple[Key, ...] = ()
    since: str | None = None
    """When a proof found just this first; None when this is the first."""
    explained: bool = False


@dataclass
class Report:
    """What was proved, and what is wrong. Without ``faults`` and ``left`` the books are as they must be."""

    at: str
    books: list[BookProof] = field(default_factory=list)
    settlements: dict[str, SettlementProof] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    """Of all accounts, by the entries alone."""
    faults: list[Fault] = field(default_factory=list)
    unbooked: list[Unbooked] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)
    """Groups whose book seemed wrong and moved each time it was read."""
    left: int = 0
    """Books and settlements that were not proved in this time."""
    whole: bool = True
    """False when one group alone was asked for."""

    @property
    def paise(self) -> int:
        return sum(fault.paise for fault in self.faults)

    @property
    def proved(self) -> bool:
        return not (self.faults or self.left or self.moving)

    @property
    def agencys(self) -> dict[str, int]:
        """Balances of the accounts that have no head."""
        return {name: paise for name, paise in sorted(self.balances.items()) if accounts.group_of(name) is None}


def nightly(desk: Desk) -> Report:
    """Proves everything, commands what is not booked, and shows or closes what a person must look at."""
    report = prove(desk)
    tell(desk, report)
    watch_old(desk.store, desk.queues, now=desk.now, time_left=desk.time_left)
    return report


def prove(desk: Desk, group_id: str | None = None) -> Report:
    """Proves all books and settlements, or one group's book alone. Reads only. Raises Retryable."""
    proof = _Proof(desk, Report(desk.now, whole=group_id is None))
    if group_id is not None:
        proof.book(group_id, registered=True)
        return proof.finished()
    for group in [item["group_id"] for item in pages(desk.store, Table.REGISTRY, tables.group("").pk, limit=_PAGE)]:
        proof.in_time(partial(proof.book, group, registered=True))
    for header in pages(desk.store, Table.LEDGER, tables.SETTLEMENTS, limit=_PAGE):
        proof.in_time(partial(proof.settlement, header))
    while others := sorted(proof.met - proof.heads.keys()):
        for group in others:
            proof.heads[group] = ABSENT
            proof.in_time(partial(proof.book, group, registered=False))
    proof.all_together()
    return proof.finished()


class _Proof:
    """One run, and what it must remember of what it has read."""

    def __init__(self, desk: Desk, report: Report) -> None:
        self._desk, self._store, self._report = desk, desk.store, report
        self.heads: dict[str, int] = {}
        """The version of each head that was proved."""
        self.met: set[str] = set()
        """Groups that posted items name."""
        self._clearing: dict[str, set[str]] = defaultdict(set)
        self._received: dict[str, int] = defaultdict(int)
        """By account of the receivables: what books' entries brought, less what is posted of the lines that
        settlements are about."""
        self._entered: set[tuple[str, str]] = set()
        """Lines that have an entry in a book that was read."""
        self._subjects: set[str] = set()
        self._lines: set[str] = set()
        self._headers: set[str] = set()
        self._ahead = desk.store

    def in_time(self, work: Callable[[], None]) -> None:
        if self._desk.time_left() < RESERVE:
            self._report.left += 1
        else:
            work()

    def finished(self) -> Report:
        self._look_up_unbooked()
        self._report.faults.sort()
        return self._report

    # a group's book

    def book(self, group_id: str, *, registered: bool) -> None:
        key = tables.book(group_id)
        for _ in range(PASSES):
            head = self._store.read([key]).get(key)
            try:
                walk, faults = self._walk(group_id, head)
            except _UNREADABLE as problem:
                text = f"an item of the book cannot be read: {type(problem).__name__}: {problem}"
                walk, faults = Walk(group_id), [Fault("group", group_id, "UNREADABLE", text)]
            if not faults or self._store.read([key]).get(key) == head:
                break
        else:
            self._report.moving.append(group_id)
            faults = []
        self._report.faults += faults
        unread = any(fault.what == "UNREADABLE" for fault in faults)
        self.heads[group_id] = _UNREAD if unread else _version(head)
        for account, paise in walk.balances.items():
            self._report.balances[account] = self._report.balances.get(account, 0) + paise
        for account, paise in walk.received.items():
            self._received[account] += paise
        for account, orders in walk.clearing.items():
            self._clearing[account] |= orders
        self._report.books.append(_book_proof(walk, registered=registered))

    def _walk(self, group_id: str, head: Item | None) -> tuple[Walk, list[Fault]]:
        entries = pages(self._store, Table.LEDGER, tables.book_of(group_id), prefix=tables.BOOK_ENTRIES, limit=_PAGE)
        walk = proof_of_books.walked(group_id, head, entries)
        self._entered |= walk.lines.keys()
        faults, standing = list(walk.faults), []
        for batch in batches(walk.lines.items()):
            keys = {line: tables.posted(*line) for line, _ in batch}
            there = self._store.read(keys.values())
            for line, amounts in batch:
                item = there.get(keys[line])
                if item is not None:
                    self._meet(item)
                    standing.append({"standings": item["standings"]})
                if line_differs(amounts, item):
                    faults += self._line_faults(group_id, line, amounts)
        faults += proof_of_books.held_of(group_id, standing, head)
        return walk, faults

    def _line_faults(
        self, group_id: str, line: tuple[str, str], amounts: Mapping[tuple[str, str], int] | None
    ) -> Iterator[Fault]:
        """Looks at a line in the other books too: it may have been another group's before. ``amounts`` are this book's,
        None when it was not read: who wrote an entry by hand may have left it out of the index by order."""
        order_ref, line_id = line
        key = tables.posted(order_ref, line_id)
        item = self._store.read([key]).get(key)
        booked = dict(amounts or {})
        for entry in pages(self._store, Table.LEDGER, order_ref, index=tables.ORDER_ENTRIES):
            if entry["kind"] not in OF_LINES or entry["line_id"] != line_id:
                continue
            if amounts is None or entry["group_id"] != group_id:
                add_of_line(booked, entry["postings"])
        if differs := line_differs(booked, item):
            text, paise = differs
            yield Fault("group", group_id, "LINE", f"line {line_id} of {order_ref} {text}", paise)

    def _meet(self, item: Item) -> None:
        self.met |= {group for group in (item.get("group_id"), *item["standings"]) if group}

    # a settlement

    def settlement(self, header: Item) -> None:
        name = tables.settlement_partition(header["marketplace"], header["account"], header["settlement_id"])
        key = tables.settlement(header["marketplace"], header["account"], header["settlement_id"])
        self._headers.add(name)
        proof = self._proof_of(name)
        lines: list[SettlementLine] = []
        for _ in range(PASSES):
            items = pages(self._store, Table.LEDGER, name, index=tables.SETTLED, limit=_PAGE)
            lines = [SettlementLine.of_item(item) for item in items]
            proof.total, proof.lines = proof_of_books.total_of(lines)
            now = self._store.read([key]).get(key)
            if (proof.total, proof.lines) == (header["total_paise"], header["lines"]) or now == header:
                break
            header = now or header
        if proof.total != header["total_paise"] or proof.lines != header["lines"]:
            more = proof.total - header["total_paise"]
            text = (
                f"{proof.lines} lines of {rupees(proof.total)} are kept, and it was taken as"
                f" {header['lines']} of {rupees(header['total_paise'])}: {rupees(more)}"
            )
            self._report.faults.append(Fault("settlement", name, "TOTAL", text, abs(more)))
        news = [subject for subject in dict.fromkeys(map(subject_of, lines)) if subject not in self._subjects]
        self._subjects.update(news)
        for batch in batches(news):
            # Nobody writes through it.
            self._ahead = cast(Store, _Ahead(self._store, batch))
            for subject in batch:
                try:
                    self._subject(name, subject)
                except _UNREADABLE as problem:
                    text = f"{subject} cannot be read: {type(problem).__name__}: {problem}"
                    self._report.faults.append(Fault("settlement", name, "UNREADABLE", text))

    def _proof_of(self, name: str) -> SettlementProof:
        return self._report.settlements.setdefault(name, SettlementProof(name))

    def _subject(self, settlement: str, name: str) -> None:
        subject = subjects.subject_of(self._ahead, name)
        agencys = name.startswith(Kind.ACCOUNT)
        rule = settled.unassigned if agencys else settled.in_suspense
        target, posted = rule(subject.marketplace, subject.waiting), _amounts(subject.posted)
        differs = ledger.difference(target, posted)
        for part in subject.waiting:
            proof, paise = self._proof_of(_settlement_of(part)), sum(part.heads.values())
            if differs:
                proof.open += paise
            elif agencys:
                proof.agency += paise
            else:
                proof.suspense += paise
        if differs:
            moved = {posting.account: 0 for posting in differs}
            for posting in differs:
                moved[posting.account] += posting.amount_paise
            self._not_booked(settlement, name, name, moved, [posting.item() for posting in differs])
        if subject.posted or differs:
            self._subject_entries(settlement, name)
        for claimant in subject.claimants:
            if claimant.line.resolved is not None and claimant.name not in self._lines:
                self._lines.add(claimant.name)
                self._line(settlement, subject, claimant)

    def bank(self) -> None:
        """What banks did that is no payout of ours: nothing is posted of it beside its entries."""
        entries = list(pages(self._store, Table.LEDGER, tables.BANK, prefix=tables.BOOK_ENTRIES))
        posted = {"amounts": [posting for entry in entries for posting in entry["postings"]]}
        self._report.faults += proof_of_books.of_subject(tables.BANK, tables.BANK, posted, entries)
        self._add(entries)

    def _subject_entries(self, settlement: str, name: str) -> None:
        key = tables.subject_posted(name)
        for _ in range(PASSES):
            posted = self._store.read([key]).get(key)
            entries = list(pages(self._store, Table.LEDGER, name, prefix=tables.BOOK_ENTRIES))
            faults = list(proof_of_books.of_subject(settlement, name, posted, entries))
            if not faults or self._store.read([key]).get(key) == posted:
                break
        self._report.faults += faults
        self._add(entries)

    def _add(self, entries: Iterable[Item]) -> None:
        for entry in entries:
            for posting in entry["postings"]:
                account, paise = posting["account"], posting["amount_paise"]
                if type(paise) is int:
                    self._report.balances[account] = self._report.balances.get(account, 0) + paise

    def _line(self, settlement: str, subject: Subject, claimant: Claimant) -> None:
        order_ref, line_id = claimant.order_ref, claimant.line.line_id
        marketplace, account, order_id = order_ref.split(":", 2)
        parts: list[Part] = []
        leads = subject.name
        for name in (order_subject(marketplace, account, order_id), item_subject(marketplace, account, line_id)):
            found = subject if name == subject.name else subjects.subject_of(self._ahead, name)
            if mine := found.parts.get(claimant.name):
                leads = name
                parts += mine
        key = tables.posted(order_ref, line_id)
        item = self._ahead.read([key]).get(key)
        if item is not None:
            self._meet(item)
            if (order_ref, line_id) not in self._entered:
                self._report.faults += self._never_entered(item, order_ref, line_id)
        wanted = proof_of_books.settled_outside(marketplace, (part.heads for part in parts))
        booked = proof_of_books.booked_outside(item)
        differs = proof_of_books.outside_differs(wanted, booked)
        for part in parts:
            proof, paise = self._proof_of(_settlement_of(part)), sum(part.heads.values())
            if differs:
                proof.open += paise
            else:
                proof.matched += paise
        receivable = accounts.marketplace_receivable(marketplace)
        self._received[receivable] -= booked.get(receivable, 0)
        if differs:
            state = [sorted(wanted.items()), sorted(booked.items())]
            cause = (order_ref, line_id)
            why = tuple(tables.exception(worklist.exception_id(kind, *cause)) for kind in WAITS_FOR)
            self._not_booked(settlement, f"line {line_id} of {order_ref}", leads, differs, state, why)

    def _never_entered(self, item: Item, order_ref: str, line_id: str) -> Iterator[Fault]:
        """Something is posted of a line, and no book that was read has an entry of it. Unless that came meanwhile."""
        group_id = item["group_id"] or ""
        key = tables.book(group_id)
        if group_id not in self.heads or self.heads[group_id] == _version(self._store.read([key]).get(key)):
            yield from self._line_faults(group_id, (order_ref, line_id), None)

    def _not_booked(
        self,
        settlement: str,
        name: str,
        command: str,
        moved: Mapping[str, int],
        state: Any,
        explained_by: tuple[Key, ...] = (),
    ) -> None:
        said = ", ".join(f"{account} {rupees(paise)}" for account, paise in sorted(moved.items()) if paise)
        paise = max((abs(paise) for paise in moved.values()), default=0)
        text = f"{name}: not booked as it was settled: {said or 'by other rows'}"
        one = Unbooked(name, settlement, command, derived_id(state), text, paise, explained_by)
        self._report.unbooked.append(one)

    def _look_up_unbooked(self) -> None:
        """Since when it is not booked, and whether a person is asked already; what is old is else a fault."""
        found = self._report.unbooked
        self._report.unbooked = []
        limit = instant(moment(self._desk.now) - A_NIGHT)
        for batch in batches(found, 20):
            there = self._store.read([key for one in batch for key in (tables.unbooked(one.name), *one.explained_by)])
            for one in batch:
                mark = there.get(tables.unbooked(one.name), {})
                since = mark["since"] if mark.get("state") == one.state else None
                asked = [there[key] for key in one.explained_by if key in there]
                explained = any(item["closed_at"] is None for item in asked)
                kept = replace(one, since=since, explained=explained)
                self._report.unbooked.append(kept)
                if since is not None and since <= limit and not explained:
                    text = f"{one.text}; commanded since {since}"
                    self._report.faults.append(Fault("settlement", one.settlement, "UNBOOKED", text, one.paise))

    # all together

    def all_together(self) -> None:
        """What can only be said of all books: without those that were not read, or that move, nothing can."""
        if self._report.left or self._report.moving:
            return
        self.bank()
        self._report.faults += self._of_all()
        for name, proof in self._report.settlements.items():
            split = proof.matched + proof.agency + proof.suspense + proof.open
            key = Key(Table.LEDGER, tables.SETTLEMENTS, name)
            if name in self._headers and split == proof.total:
                continue
            if name not in self._headers:
                if not self._store.read([key]):
                    text = "lines of it are booked or wait, and nothing says that it was taken"
                    self._report.faults.append(Fault("settlement", name, "HEADER", text, abs(split)))
            elif not self._unreadable(name):
                text = f"{rupees(split)} of {rupees(proof.total)} are matched, the agency's, in suspense or open"
                self._report.faults.append(Fault("settlement", name, "SPLIT", text, abs(split - proof.total)))

    def _unreadable(self, settlement: str) -> bool:
        return any(fault.name == settlement and fault.what in ("UNREADABLE", "TOTAL") for fault in self._report.faults)

    def _of_all(self) -> Iterator[Fault]:
        def about(account: str) -> str:
            orders = ", ".join(sorted(filter(None, self._clearing.get(account, ()))))
            return f" about {orders}" if orders else ""

        found = list(proof_of_books.of_all(self._report.balances, about))
        for account, paise in sorted(self._received.items()):
            if paise:
                text = f"the books have {rupees(paise)} on {account} that stand in no settlement"
                found.append(Fault("books", "all", "RECEIVED", text, abs(paise)))
        # One of two groups may have been read before both entries of a transaction were written, the other after.
        late = ("CLEARING", "RECEIVED")
        moved = any(fault.what in late for fault in found) and self._moved()
        return (fault for fault in found if not (moved and fault.what in late))

    def _moved(self) -> bool:
        """Whether any book went on since it was read."""
        for batch in batches(self.heads.items()):
            keys = {group: tables.book(group) for group, _ in batch}
            there = self._store.read(keys.values())
            if any(_version(there.get(keys[group])) != version for group, version in batch):
                return True
        return False


class _Ahead:
    """The store, with what items of orders need read before, a hundred at a time: else each line is three calls more.

    It may be some seconds old. What is found wrong by it is read again, or given a night.
    """

    def __init__(self, store: Store, names: Iterable[str]) -> None:
        self._store = store
        self._there: dict[Key, Item | None] = {}
        items = [name.split("#", 3)[1:] for name in names if name.startswith(f"{ITEM}#")]
        pointers = {tables.item_pointer(*item): item[2] for item in items}
        self._fetch(pointers)
        lines = [(ref, pointers[key]) for key in pointers for ref in (self._there[key] or {}).get("orders", ())]
        self._fetch(tables.order(ref) for ref, _ in lines)
        self._fetch(tables.posted(ref, line_id) for ref, line_id in lines)

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(keys)
        found = {key: item for key in wanted if (item := self._there.get(key)) is not None}
        if unknown := [key for key in wanted if key not in self._there]:
            found |= self._store.read(unknown)
        return found

    def page(self, table: Table, partition: str, **how: Any) -> Page:
        return self._store.page(table, partition, **how)

    def _fetch(self, keys: Iterable[Key]) -> None:
        for batch in batches(keys):
            found = self._store.read(batch)
            self._there |= {key: found.get(key) for key in batch}


def _version(head: Item | None) -> int:
    return int(head["version"]) if head else ABSENT


def _book_proof(walk: Walk, *, registered: bool) -> BookProof:
    head = Head(walk.group_id, balances=walk.balances)
    fund = head.owed(accounts.group_fund(walk.group_id))
    return BookProof(walk.group_id, walk.entries, head.held, head.payable, head.debt, fund, registered)


def _amounts(item: Item | None) -> dict[tuple[str, str], int]:
    return ledger.amounts(item["amounts"]) if item else {}


def _settlement_of(part: Part) -> str:
    return tables.settlement_partition(part.of.marketplace, part.of.account, part.of.settlement_id)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


def tell(desk: Desk, report: Report) -> None:
    """Commands what is not booked and notes since when; opens an exception for what is wrong, closes the others."""
    commands = sorted({one.command for one in report.unbooked})
    if commands:
        desk.queues.send(QueueName.PAYOUTS, [Settle(subject=name).model_dump_json() for name in commands])
    for one in report.unbooked:
        if one.since is None:
            item = {"name": one.name, "state": one.state, "since": report.at, "closed_at": report.at}
            desk.store.commit([Put(tables.unbooked(one.name), item)])
    wrong: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in report.faults:
        wrong[fault.where, fault.name].append(fault)
    proved = {("group", book.group_id) for book in report.books if book.group_id not in report.moving}
    proved |= {("settlement", name) for name in report.settlements} if not report.left else set()
    proved |= {("books", "all")} if report.whole and not (report.left or report.moving) else set()
    for batch in batches(sorted(proved | wrong.keys())):
        desk.again(partial(_show, desk, batch, wrong, report.at))


def _show(desk: Desk, causes: Iterable[tuple[str, str]], wrong: Mapping[tuple[str, str], list[Fault]], at: str) -> None:
    keys = {cause: tables.exception(worklist.exception_id(FAULT, *cause)) for cause in causes}
    there = desk.store.read(keys.values())
    for cause, key in keys.items():
        where, name = cause
        if cause not in wrong:
            puts = closing(there.get(key), at=at)
        else:
            group_id = name if where == "group" else None
            message = _in_words(where, name, wrong[cause])
            item = worklist.opened(FAULT, cause, at=at, message=message, group_id=group_id)
            puts = opening(item, there.get(key), renew=True)
        if puts:
            desk.store.commit(puts)


def _in_words(where: str, name: str, faults: list[Fault]) -> str:
    about = {"group": f"the book of {name}", "settlement": f"settlement {name}", "books": "all books together"}[where]
    told = [fault.text for fault in faults[:_TOLD]]
    if more := len(faults) - len(told):
        told.append(f"{more} more")
    return f"{about}: {'; '.join(told)} (wrong by {rupees(sum(fault.paise for fault in faults))} in all)"
