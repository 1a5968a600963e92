"""What persons do with batches of payouts: close, approve, give out, take back, and say what the bank answered.

Each step is checked as things stand. What moves no money is written here, with the version that was read; what moves
money is sent to ``close_period``, which books it. Whoever acts is the caller as IAM knows them, never a name in a body.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from hunar import bank_files, tables
from hunar.domain import bank_file, razorpayx
from hunar.domain import batch as batches
from hunar.domain.bank_file import BankFile, FileRefused, Result, Status, Terms
from hunar.domain.batch import Batch, Row, State
from hunar.domain.beneficiary import Beneficiary, same_person
from hunar.domain.identity import canonical
from hunar.domain.rate_card import day_of_sale
from hunar.domain.spreadsheet import Problem
from hunar.messages import ClosePeriod, PullRow, TakeAnswer, TellApproved, UndoBatch
from hunar.payout_rails import razorpayx_rail
from hunar.ports import ABSENT, Conflict, PayoutFiles, Put, QueueName, Rejected
from hunar.tables import Item, Table
from hunar.use_cases import operate
from hunar.use_cases.close_period import header_put, rows_of, stopped
from hunar.use_cases.operate import By, NotNow, NotThere
from hunar.use_cases.payees import beneficiary_of
from hunar.use_cases.payout_rows import result_item
from hunar.use_cases.show import Asked

MOST_RESULTS: Final = 500
"""Results that are kept as one item, and booked by one message."""
LATEST_PAYMENT: Final = timedelta(days=30)
_WITHIN: Final = ("version", "batch_id", "back_seq", "was", "twice")
"""What of a row nobody needs to see."""


@dataclass(frozen=True)
class PayoutTerms:
    """The agency's own: how its bank wants files, and how careful it is."""

    layout: str = "generic_csv"
    bank: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the layout needs of the operator, by its names."""
    cooling_days: int = 7


@dataclass(frozen=True)
class Desk(operate.Desk):
    files: PayoutFiles
    terms: PayoutTerms = PayoutTerms()


class ResultsRefused(Rejected):
    """What is said of payments cannot be. Nothing was taken. ``problems`` name row and column."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


def close(desk: operate.Desk, by: By) -> str:
    """All that is payable goes into a new batch. Returns its id: the same for the same act."""
    batch_id = batches.of_act(by.act_id)
    there = desk.store.read([tables.batch(batch_id)])
    if not there and not desk.store.page(Table.LEDGER, "PAYABLE", index=tables.PAYABLE, limit=1).items:
        raise NotNow("nothing is payable to any group")
    _send(desk, ClosePeriod(batch_id=batch_id, by=by.person))
    return batch_id


def approve(desk: Desk, batch_id: str, by: By, *, seen: str, value_date: str | None = None) -> Batch:
    """Another person approves what she saw: ``seen`` is the digest of the batch that was shown to her.

    The file is made and kept; it is given out by ``submit``.
    """
    approved: Batch = desk.again(lambda: _approve(desk, batch_id, by, seen, value_date))
    # Also when it was approved before: whoever was stopped here has told nobody.
    _send(desk, TellApproved(batch_id=batch_id))
    return approved


def _approve(desk: Desk, batch_id: str, by: By, seen: str, value_date: str | None) -> Batch:
    before = _batch(desk, batch_id)
    # Also when its file was given out meanwhile: whoever was stopped before the groups were told tells them now.
    again = before.state in (State.APPROVED, State.FILED) and (by.person, seen) == (before.approved_by, before.digest)
    if again and value_date in (None, before.value_date):
        return before
    if before.state is not State.CLOSED:
        raise NotNow(f"{batch_id} is {before.state}; it cannot be approved")
    day = _day(desk, value_date)
    key = tables.file_serial(day)
    counted = desk.store.read([key]).get(key, {"count": 0, "version": 0})
    serial = counted["count"] + 1
    rows = _rows(desk, batch_id)
    _unstopped(desk, rows)
    newest = _newest(desk, rows)
    try:
        file = _made(desk, replace(before, value_date=day, file_serial=serial, file_layout=desk.terms.layout), rows)
        now = batches.approve(before, rows, file, newest, seen=seen, by=by.person, at=desk.now, serial=serial)
    except batches.Refused as problem:
        raise NotNow(str(problem)) from None
    desk.files.put(object_name(now), file.content)
    count = Put(key, {"count": serial, "version": counted["version"] + 1}, counted["version"])
    desk.store.commit([header_put(before, now), count])
    return now


def withdraw(desk: operate.Desk, batch_id: str, by: By) -> Batch:
    """The approval is taken back, as long as the file was not given out."""

    def step() -> Batch:
        before = _batch(desk, batch_id)
        now = _allowed(lambda: batches.withdraw(before))
        return _moved(desk, before, now)

    done: Batch = desk.again(step)
    return done


def cancel(desk: operate.Desk, batch_id: str, by: By) -> Batch:
    """The whole batch is not paid. Once its file was given out, two persons must say so: the first only asks."""

    def step() -> Batch:
        before = _batch(desk, batch_id)
        if before.state is State.CANCELLED:
            return before
        first = before.cancel_asked_by
        if before.state is State.FILED and (first is None or same_person(first, by.person)):
            _allowed(
                lambda: batches.cancel(
                    before, _rows(desk, batch_id), by=by.person, at=desk.now, because=by.reason, confirmed_by="another"
                )
            )
            asked = replace(before, cancel_asked_by=by.person)
            return _moved(desk, before, asked if first else replace(asked, version=before.version + 1))
        maker = first if before.state is State.FILED and first else by.person
        now, _ = _allowed(
            lambda: batches.cancel(
                before, _rows(desk, batch_id), by=maker, at=desk.now, because=by.reason, confirmed_by=by.person
            )
        )
        return _moved(desk, before, now)

    done: Batch = desk.again(step)
    if done.state is State.CANCELLED:
        _send(desk, UndoBatch(batch_id=batch_id))
    return done


def pull(desk: operate.Desk, batch_id: str, payout_id: str, by: By) -> None:
    """One row leaves the batch before its file is given out; its group is paid with the next one."""
    reason = by.reason or f"taken out by {by.person}"
    batch, rows = _batch(desk, batch_id), _rows(desk, batch_id)
    _allowed(lambda: batches.pull(batch, rows, payout_id, reason=reason))
    _send(desk, PullRow(batch_id=batch_id, payout_id=payout_id, reason=reason))


def submit(desk: Desk, batch_id: str, by: By) -> Batch:
    """The file is given out for the bank. It is made once more: other bytes than the approved ones are refused."""

    def step() -> Batch:
        before = _batch(desk, batch_id)
        if before.state is State.FILED:
            return before
        if before.state is not State.APPROVED:
            raise NotNow(f"{batch_id} is {before.state}; it cannot be given to the bank")
        if str(before.value_date) < day_of_sale(desk.now):
            raise NotNow(f"its day of payment, {before.value_date}, has passed; withdraw the approval and approve anew")
        rows = _rows(desk, batch_id)
        _unstopped(desk, rows)
        newest = _newest(desk, rows)
        now = _allowed(
            lambda: batches.submit(before, rows, _made(desk, before, rows), newest, by=by.person, at=desk.now)
        )
        _kept(desk.files, before)
        return _moved(desk, before, now)

    done: Batch = desk.again(step)
    return done


def file_of(desk: Desk, batch_id: str) -> tuple[str, bytes]:
    """Name and bytes of a file that was given out, as they were approved."""
    batch = _batch(desk, batch_id)
    if batch.state not in (State.FILED, State.COMPLETED):
        raise NotNow(f"{batch_id} is {batch.state}; its file was not given out")
    return str(batch.file_name), _kept(desk.files, batch)


# ── what the bank says ───────────────────────────────────────────────────────────────────────────


def read_answer(layout: str, name: str, content: bytes) -> tuple[Result, ...]:
    """A bank's reverse file. Raises Rejected: there is no such layout, or the file is not as it has it."""
    try:
        if layout == razorpayx.LAYOUT:
            raise Rejected("layout: RazorpayX has no reverse file; ask it with hunar payouts ask")
        return bank_file.read_results(bank_files.layout(layout), name, content)
    except FileRefused as refused:
        raise ResultsRefused(refused.problems) from None
    except ValueError as problem:
        raise Rejected(f"layout: {problem}") from None


def result(
    desk: operate.Desk,
    batch_id: str,
    payout_id: str,
    *,
    status: str,
    utr: str,
    reason: str = "",
    amount_paise: int | None = None,
    day: str | None = None,
) -> Result:
    """One row as a person reads it in the bank's list. Without an amount it is the payout's own."""
    key = tables.batch_row(batch_id, payout_id)
    row = desk.store.read([key]).get(key)
    if amount_paise is None and row is None:
        raise NotThere(f"payout_id: {payout_id} is no payout of {batch_id}")
    amount = amount_paise if amount_paise is not None or row is None else int(row["amount_paise"])
    said = Status(status)
    if said is Status.EXECUTED and not utr:
        raise Rejected("utr: is missing; the bank has a reference for whatever it paid")
    return Result(payout_id, amount or 0, said, utr, reason, day or day_of_sale(desk.now), 1)


def paid(desk: operate.Desk, batch_id: str, results: Sequence[Result], by: By, *, file: str = "") -> str:
    """What the bank said is kept and booked, all of it or nothing. Returns the name of what was kept.

    The same again is the same, whoever brings it; raises ResultsRefused for what cannot be true.
    """
    if not results:
        raise Rejected("results: there are none")
    batch = _batch(desk, batch_id)
    _check_references(results, file)
    rows = desk.store.read([tables.batch_row(batch_id, name) for name in {one.payout_id for one in results}])
    pointers = desk.store.read([tables.utr(one) for one in {one.utr for one in results if one.utr}] or [])
    used = {key.pk.removeprefix("UTR#"): item["payout_id"] for key, item in pointers.items()}
    try:
        batches.answers(batch, [Row.of(item) for item in rows.values()], results, file=file, used=used)
    except batches.ResultsRefused as refused:
        raise ResultsRefused(refused.problems) from None
    said = [result_item(one) for one in results]
    name = hashlib.sha256(canonical([batch_id, said]).encode()).hexdigest()
    parts = range(0, len(said), MOST_RESULTS)
    for part, start in enumerate(parts):
        kept = {"results": said[start : start + MOST_RESULTS], "file": file, "by": by.person, "at": desk.now}
        try:
            desk.store.commit([Put(tables.bank_answer(batch_id, name, part), kept, ABSENT)])
        except Conflict:
            # It is kept as it was brought first; it is booked again, which changes nothing.
            continue
    messages = [TakeAnswer(batch_id=batch_id, answer=name, part=part).model_dump_json() for part in range(len(parts))]
    desk.queues.send(QueueName.PAYOUT_BATCHES, messages)
    return name


def _check_references(results: Sequence[Result], file: str) -> None:
    problems = [
        Problem(file, one.row, "utr", "is not 6 to 22 letters and digits, as a bank's reference is")
        for one in results
        if one.utr and not bank_file.UTR.fullmatch(one.utr)
    ]
    if problems:
        raise ResultsRefused(problems[: bank_file.MOST_TOLD])


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def show_batches(store: Any, asked: Asked) -> Item:
    """Batches, the newest first."""
    page = store.page(Table.BATCHES, "ALL", index=tables.FEED, limit=asked.limit, after=asked.after, newest_first=True)
    return {"items": [_shown(item) for item in page.items], "next": page.next}


def show_batch(store: Any, batch_id: str, asked: Asked) -> Item | None:
    """A batch with a page of its rows. No account and no name is in it: the last four digits stand for them."""
    key = tables.batch(batch_id)
    header = store.read([key]).get(key)
    if header is None:
        return None
    page = store.page(
        Table.BATCHES,
        tables.batch_of(batch_id),
        prefix=tables.BATCH_ROWS,
        limit=asked.limit,
        after=asked.after,
    )
    rows = [{name: value for name, value in item.items() if name not in _WITHIN} for item in page.items]
    return _shown(header) | {"rows": {"items": rows, "next": page.next}}


def _shown(header: Item) -> Item:
    return {name: value for name, value in header.items() if name not in ("feed_pk", "feed_sk", "version")}


# ── within ───────────────────────────────────────────────────────────────────────────────────────


def object_name(batch: Batch) -> str:
    """Where a batch's file is kept."""
    ending = str(batch.file_name).rpartition(".")[2]
    return f"batches/{batch.batch_id}/{batch.file_sha256}.{ending}"


def _made(desk: Desk, batch: Batch, rows: Sequence[Row]) -> BankFile:
    """The file of a batch, from what its header says: the same bytes whenever it is made."""
    terms = Terms(batch.batch_id, str(batch.value_date), batch.file_serial or 1, desk.terms.bank)
    try:
        payments = batches.instructions(rows, _frozen(desk, rows))
        if batch.file_layout == razorpayx.LAYOUT:
            return razorpayx.write(razorpayx_rail(), terms, payments)
        return bank_file.write(bank_files.layout(str(batch.file_layout)), terms, payments)
    except FileRefused as refused:
        raise Rejected(f"the file cannot be made: {refused}") from None
    except ValueError as problem:
        raise Rejected(f"the file cannot be made: {problem}") from None


def _kept(files: PayoutFiles, batch: Batch) -> bytes:
    content = files.get(object_name(batch))
    if content is None or hashlib.sha256(content).hexdigest() != batch.file_sha256:
        raise NotNow(f"the file of {batch.batch_id} is not what was approved; withdraw the approval and approve anew")
    return content


def _newest(desk: operate.Desk, rows: Sequence[Row]) -> dict[str, Beneficiary]:
    return _payees(desk, [tables.beneficiary(one.group_id) for one in batches.live(rows)])


def _unstopped(desk: operate.Desk, rows: Sequence[Row]) -> None:
    """Raises NotNow for a group that the bank paid otherwise, and nobody has said yet what of it is right."""
    stops = desk.store.read([tables.payout_stop(one.group_id) for one in batches.live(rows)])
    for one in batches.live(rows):
        if reason := stopped(desk.store, stops.get(tables.payout_stop(one.group_id))):
            raise NotNow(f"rows must be pulled first: {one.group_id}: {reason}")


def _frozen(desk: operate.Desk, rows: Sequence[Row]) -> dict[str, Beneficiary]:
    """The accounts that the rows froze, whatever has become of them."""
    keys = [tables.beneficiary_version(one.group_id, one.beneficiary_version) for one in batches.live(rows)]
    return _payees(desk, keys)


def _payees(desk: operate.Desk, keys: Sequence[tables.Key]) -> dict[str, Beneficiary]:
    return {item["group_id"]: beneficiary_of(item) for item in desk.store.read(keys).values()}


def _batch(desk: operate.Desk, batch_id: str) -> Batch:
    key = tables.batch(batch_id)
    found = desk.store.read([key]).get(key) if operate.possible(batch_id) else None
    if found is None:
        raise NotThere(f"there is no batch {batch_id[:100]}")
    return Batch.of(found)


def _rows(desk: operate.Desk, batch_id: str) -> list[Row]:
    return [Row.of(item) for item in rows_of(desk.store, batch_id)]


def _allowed(step: Any) -> Any:
    try:
        return step()
    except batches.Refused as problem:
        raise NotNow(str(problem)) from None


def _moved(desk: operate.Desk, before: Batch, now: Batch) -> Batch:
    if now != before:
        desk.store.commit([header_put(before, now)])
    return now


def _day(desk: operate.Desk, value_date: str | None) -> str:
    today = date.fromisoformat(day_of_sale(desk.now))
    try:
        day = date.fromisoformat(value_date) if value_date else today
    except ValueError:
        raise Rejected("value_date: is not a day like 2026-12-16") from None
    if not today <= day <= today + LATEST_PAYMENT:
        raise Rejected(f"value_date: must be between {today} and {today + LATEST_PAYMENT}")
    return day.isoformat()


def _send(desk: operate.Desk, message: Any) -> None:
    desk.queues.send(QueueName.PAYOUT_BATCHES, [message.model_dump_json()])
