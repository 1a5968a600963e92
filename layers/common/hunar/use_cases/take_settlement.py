"""A settlement file is taken whole or refused: its lines are kept, then what they are about is commanded to be booked.

Whoever repeats a file repairs whatever broke before. First each settlement of the file is claimed for the report that
it came in, all of them in one transaction, so that of two reports of one settlement one wins. Then the lines that are
not there yet are kept, each batch in one transaction with the settlement's total, so that the total is at every moment
the sum of the lines that are kept. Then every subject of the file is commanded, also one whose lines are all old: a
command may have been lost, and one too many books nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from hunar import tables
from hunar.domain.facts import moment
from hunar.domain.rate_card import RateCard
from hunar.domain.rate_row import GST_ON_FEES
from hunar.domain.settlement import MOST_FINDINGS, Kind, SettlementFile, SettlementLine, clashes, subject_of
from hunar.domain.spreadsheet import Problem
from hunar.messages import Settle
from hunar.ports import ABSENT, Put, QueueName, Queues, Store
from hunar.tables import Item, Key
from hunar.use_cases.paging import batches
from hunar.use_cases.registered_rates import card_of
from hunar.use_cases.worklist import close_exception, open_exception

REFUSED: Final = "SETTLEMENT_REFUSED"
GOVERNMENT: Final = "government"

REMEMBERED_FILES: Final = 20
"""Files that a settlement remembers."""
_LINES: Final = 99
"""In one transaction with their settlement."""
_TOLD: Final = 5
"""Findings that an exception tells."""
_LONGEST_NAME: Final = 100


class Reader(Protocol):
    """Reads the file of a marketplace: its lines, or what is wrong with it."""

    def __call__(
        self,
        marketplace: str,
        raw: bytes,
        account: str,
        *,
        file: str,
        sellers: Collection[str],
        gst_ppm: Callable[[str], int],
    ) -> SettlementFile:
        """``gst_ppm`` tells the rate of the GST on fees on a day in India, in parts per million, or raises Unpriced."""


@dataclass(frozen=True)
class Desk:
    """What taking settlements needs from outside."""

    store: Store
    queues: Queues
    reader: Reader
    now: str
    again: Callable[[Callable[[], Any]], Any]


@dataclass(frozen=True)
class Settlement:
    """What a file says of one settlement."""

    settlement_id: str
    total_paise: int
    """What the file's lines come to: what reached the bank, or will."""
    lines: int
    paid_at: str | None
    reference: str | None
    """The bank's."""


@dataclass(frozen=True)
class Taken:
    """What became of a file. With findings nothing of it is kept."""

    sha256: str
    shape: str
    findings: tuple[Problem, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    new: int = 0
    """Lines that are kept now and were not before."""
    old: int = 0
    notes: tuple[Problem, ...] = ()
    deferred: int = 0
    """Rows that the marketplace has not paid yet. They are no money."""
    commanded: int = 0
    """Subjects that are booked now, or were."""


def take(desk: Desk, raw: bytes, *, marketplace: str, account: str, file: str, by: str) -> Taken:
    """Keep the lines of a file and have them booked, or refuse it and say so on the worklist.

    Raises Retryable; the same file once more goes on where it broke.
    """
    sha256 = hashlib.sha256(raw).hexdigest()
    read = check(desk, raw, marketplace=marketplace, account=account, file=file)
    entry = {"sha256": sha256, "name": file, "at": desk.now, "by": by}
    if not read.findings and (clashing := desk.again(lambda: _claim(desk, read, entry, file))):
        # Another report of the same settlement came in between.
        read = _refused(read, clashing)
    if read.findings:
        refuse(desk, (marketplace, account, sha256), read.findings, file, marketplace=marketplace, account=account)
        return Taken(sha256, read.shape, read.findings)
    new = 0
    for key, lines in _by_settlement(read).items():
        for batch in batches(lines, _LINES):
            new += desk.again(partial(_keep, desk, key, batch, sha256))
    subjects = sorted({subject_of(line) for line in read.lines})
    desk.queues.send(QueueName.PAYOUTS, [Settle(subject=subject).model_dump_json() for subject in subjects])
    desk.again(lambda: close_exception(desk.store, REFUSED, (marketplace, account, sha256), at=desk.now))
    return Taken(
        sha256,
        read.shape,
        settlements=settlements(read),
        new=new,
        old=len(read.lines) - new,
        notes=read.notes,
        deferred=len(read.deferred),
        commanded=len(subjects),
    )


def check(desk: Desk, raw: bytes, *, marketplace: str, account: str, file: str) -> SettlementFile:
    """The file as it would be taken now, or what is wrong with it. Writes nothing."""
    ours = _account(desk.store, marketplace, account)
    if ours is None:
        # A mistyped name would be another account, and the same money another money.
        unknown = Problem(file, None, None, f"{marketplace}/{account} is not in accounts.csv")
        return SettlementFile(marketplace, account, "", findings=(unknown,))
    sellers = [str(ours[name]) for name in ("seller_id", "gstin") if ours.get(name)]
    read = desk.reader(marketplace, raw, account, file=file, sellers=sellers, gst_ppm=_GstOnFees(desk.store))
    if read.findings:
        return read
    keys = list(_by_settlement(read))
    return _refused(read, _clashing(read, desk.store.read(keys) if keys else {}, file))


def settlements(read: SettlementFile) -> tuple[Settlement, ...]:
    """What a file says, by settlement."""
    return tuple(
        Settlement(
            lines[0].settlement_id,
            _total(lines),
            len(lines),
            _latest(line.paid_at for line in lines),
            next((line.reference for line in lines if line.reference), None),
        )
        for lines in _by_settlement(read).values()
    )


def refuse(desk: Desk, cause: tuple[str, ...], findings: Sequence[Problem], file: str, **subject: str) -> None:
    """Show on the worklist that a file was refused, and the first things that are wrong with it."""
    told = [str(finding) for finding in findings[:_TOLD]]
    if more := len(findings[:MOST_FINDINGS]) - len(told):
        told.append(f"{more} more")
    told += map(str, findings[MOST_FINDINGS:])
    open_exception(desk.store, REFUSED, cause, at=desk.now, message="; ".join(told), file=file, **subject)


class _GstOnFees:
    """The rate of the GST on fees by day. The government's rows are read when they are asked for first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._card: RateCard | None = None

    def __call__(self, day: str) -> int:
        if self._card is None:
            self._card = card_of(self._store, (GOVERNMENT,))
        return self._card.row(GOVERNMENT, GST_ON_FEES, day=day, hsn="", unit_price_paise=0).value


def _account(store: Store, marketplace: str, account: str) -> Item | None:
    if not (0 < len(marketplace) <= _LONGEST_NAME and 0 < len(account) <= _LONGEST_NAME):
        return None
    key = tables.account(marketplace, account)
    return store.read([key]).get(key)


def _by_settlement(read: SettlementFile) -> dict[Key, list[SettlementLine]]:
    found: dict[Key, list[SettlementLine]] = {}
    for line in sorted(read.lines, key=lambda line: line.settlement_id):
        key = tables.settlement(line.marketplace, line.account, line.settlement_id)
        found.setdefault(key, []).append(line)
    return found


def _total(lines: Sequence[SettlementLine]) -> int:
    return sum(line.amount for line in lines if line.kind != Kind.PAYOUT)


def _latest(times: Iterable[str | None]) -> str | None:
    return max((time for time in times if time), key=moment, default=None)


def _refused(read: SettlementFile, findings: Sequence[Problem]) -> SettlementFile:
    if not findings:
        return read
    return SettlementFile(read.marketplace, read.account, read.shape, findings=tuple(findings))


def _clashing(read: SettlementFile, headers: Mapping[Key, Item], file: str) -> list[Problem]:
    taken = {header["settlement_id"]: header["shape"] for header in headers.values()}
    return [replace(problem, file=file) for problem in clashes(read, taken)]


def _claim(desk: Desk, read: SettlementFile, entry: Item, file: str) -> list[Problem]:
    """Every settlement of the file is this report's, or what is wrong. Raises Conflict."""
    lines = _by_settlement(read)
    headers = desk.store.read(lines) if lines else {}
    if problems := _clashing(read, headers, file):
        return problems
    puts = []
    for key, those in lines.items():
        header = headers.get(key)
        after = _claimed(header or _new(read, those[0].settlement_id, desk.now), entry, those)
        if header is None:
            puts.append(Put(key, after | {"version": 1}, ABSENT))
        elif after != header:
            puts.append(Put(key, after | {"version": header["version"] + 1}, header["version"]))
    for batch in batches(puts):
        desk.store.commit(batch)
    return []


def _new(read: SettlementFile, settlement_id: str, now: str) -> Item:
    return {
        "marketplace": read.marketplace,
        "account": read.account,
        "settlement_id": settlement_id,
        "shape": read.shape,
        "files": [],
        "total_paise": 0,
        "lines": 0,
        "paid_at": None,
        "reference": None,
        "taken_at": now,
    }


def _claimed(header: Item, entry: Item, lines: Sequence[SettlementLine]) -> Item:
    """The header with the file in it, and with what it knew not yet of the payment."""
    references = [line.reference for line in lines if line.reference]
    files = header["files"]
    if not any(known["sha256"] == entry["sha256"] for known in files):
        files = [*files, entry | {"lines": len(lines)}][-REMEMBERED_FILES:]
    return header | {
        "files": files,
        "paid_at": _latest([header["paid_at"], *(line.paid_at for line in lines)]),
        "reference": header["reference"] or next(iter(references), None),
    }


def _keep(desk: Desk, header_key: Key, lines: Sequence[SettlementLine], sha256: str) -> int:
    """Keep the lines that are not there, and count them in their settlement. Returns how many. Raises Conflict."""
    keys = {tables.subject_line(subject_of(line), line.key): line for line in lines}
    there = desk.store.read([header_key, *keys])
    new = {key: line for key, line in keys.items() if key not in there}
    if not new:
        return 0
    header = there[header_key]
    counted = {
        "total_paise": header["total_paise"] + _total(list(new.values())),
        "lines": header["lines"] + len(new),
        "version": header["version"] + 1,
    }
    puts = [Put(key, _kept(line, sha256), ABSENT) for key, line in new.items()]
    desk.store.commit([*puts, Put(header_key, header | counted, header["version"])])
    return len(new)


def _kept(line: SettlementLine, sha256: str) -> Item:
    partition = tables.settlement_partition(line.marketplace, line.account, line.settlement_id)
    return line.item() | {"settlement_pk": partition, "settlement_sk": line.key, "file": sha256}
