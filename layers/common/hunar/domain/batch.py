"""A batch of payouts: closed by one person, approved by another, given to the bank once, answered row by row.

The batch and each of its rows are items of their own, because ten thousand rows fit into no single one. All
here is pure: a step takes what was read and returns what is to be written with its version, or is refused.
The money is moved by the entries of ``domain/payout.py``; a step names the one that goes with it, in the
same transaction as the row: ``pay_out`` makes a row, ``arrived``, ``sent_back`` and ``came_back`` follow
the bank's answers. So the control total of a batch, the sum of its rows and what stands in transit are one
amount, always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from hunar.domain import accounts, bank_file
from hunar.domain.bank_file import BankFile, Instruction, Result, Status
from hunar.domain.beneficiary import Beneficiary, Standing, payee_name, same_person, usable
from hunar.domain.head import Head, Sealed
from hunar.domain.identity import canonical
from hunar.domain.money import rupees
from hunar.domain.spreadsheet import Problem

LONGEST_PAYOUT_ID: Final = 15
"""What the shortest of the banks' reference fields takes."""


class State(StrEnum):
    """Where a batch stands."""

    DRAFT = "DRAFT"
    """Its groups are being collected; a crash here is completed by collecting again."""
    CLOSED = "CLOSED"
    """Nothing more comes in. Waits for the checker."""
    APPROVED = "APPROVED"
    """The checker approved these rows and this file."""
    FILED = "FILED"
    """The file was given out for the bank. From now on only the bank says what becomes of a row."""
    COMPLETED = "COMPLETED"
    """The bank has answered for every row. What it returns later still comes in."""
    CANCELLED = "CANCELLED"


class RowState(StrEnum):
    IN_TRANSIT = "IN_TRANSIT"
    PAID = "PAID"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    """The bank had paid it, and it came back."""
    PULLED = "PULLED"
    """Taken out before the file was given to the bank, or with the whole batch."""


class Move(StrEnum):
    """The function of ``domain/payout.py`` whose entry goes with a row's step."""

    ARRIVED = "arrived"
    SENT_BACK = "sent_back"
    CAME_BACK = "came_back"
    PAID_AFTER_ALL = "paid_after_all"


class Trouble(StrEnum):
    """What a bank says that moves nothing and that a person must look at."""

    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    """No payout of ours. If money left, it belongs into suspense until a person knows what it was."""
    PAID_THOUGH_CANCELLED = "PAID_THOUGH_CANCELLED"
    """The bank paid a row that was pulled or cancelled: the group is owed this money once more, and has it."""
    PAID_THOUGH_REJECTED = "PAID_THOUGH_REJECTED"
    PAID_TWICE = "PAID_TWICE"
    """The same payout under a second bank reference."""
    NOT_FILED = "NOT_FILED"
    """The bank knows of a row whose file was never given out by us."""


class Refused(Exception):
    """A step that a batch must not take. Nothing of it happened. The text is for the operator."""


class ResultsRefused(Exception):
    """What a bank's file says cannot be true of these payouts. Nothing of the file was taken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems[: bank_file.MOST_TOLD])))
        self.problems = tuple(problems[: bank_file.MOST_TOLD])


@dataclass(frozen=True)
class Row:
    """One group's payout. ``seq_from`` (exclusive) to ``seq_to`` are the entries that its statement explains."""

    payout_id: str
    batch_id: str
    group_id: str
    amount_paise: int
    beneficiary_version: int
    head_version: int
    """Of the head before the entry that paid it out."""
    seq_from: int
    seq_to: int
    state: RowState = RowState.IN_TRANSIT
    utr: str | None = None
    reason: str | None = None
    answered_on: str | None = None
    """The bank's day of the last answer."""
    back_seq: int | None = None
    """The entry by which it became payable again."""
    was: RowState | None = None
    """PULLED or REJECTED: the bank had paid it all the same, and two persons had that booked."""
    twice: bool = False
    """It was paid anew before that, so that it was booked as the group's debt."""
    told_by: tuple[str, ...] = ()
    """Who said that money of it came back from the bank, and so is paid once more: none of them approves it."""

    def item(self) -> dict[str, Any]:
        words = {"state": str(self.state), "was": str(self.was) if self.was else None}
        return dict(vars(self)) | words | {"told_by": list(self.told_by)}

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Row:
        numbers = ("amount_paise", "beneficiary_version", "head_version", "seq_from", "seq_to")
        known: dict[str, Any] = {name: item.get(name) for name in cls.__dataclass_fields__}
        known |= {name: int(item[name]) for name in numbers} | {"state": RowState(item["state"])}
        known["back_seq"] = None if known["back_seq"] is None else int(known["back_seq"])
        was = RowState(known["was"]) if known["was"] else None
        return cls(**known | {"was": was, "twice": bool(known["twice"]), "told_by": tuple(known["told_by"] or ())})


@dataclass(frozen=True)
class Batch:
    """The batch without its rows. ``control_total`` is in paise, of the rows that were not pulled."""

    batch_id: str
    made_by: str
    made_at: str
    state: State = State.DRAFT
    version: int = 1
    count: int = 0
    control_total: int = 0
    digest: str = ""
    """Of all rows that were not pulled, as they were closed. Whoever edits one breaks it."""
    closed_by: str | None = None
    closed_at: str | None = None
    approved_by: str | None = None
    approved_at: str | None = None
    file_name: str | None = None
    file_layout: str | None = None
    file_sha256: str | None = None
    value_date: str | None = None
    file_serial: int | None = None
    """The how-manieth file of its value date."""
    filed_by: str | None = None
    filed_at: str | None = None
    cancel_asked_by: str | None = None
    """Who wants a batch cancelled whose file was given out. Another person must want it too."""
    cancelled_by: str | None = None
    cancelled_at: str | None = None
    cancelled_because: str | None = None

    def item(self) -> dict[str, Any]:
        return dict(vars(self)) | {"state": str(self.state)}

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Batch:
        known: dict[str, Any] = {name: item.get(name) for name in cls.__dataclass_fields__}
        numbers = {name: int(item[name]) for name in ("version", "count", "control_total")}
        serial = {"file_serial": None if known["file_serial"] is None else int(known["file_serial"])}
        return cls(**known | numbers | serial | {"state": State(item["state"])})


@dataclass(frozen=True)
class Answer:
    """What one result does to a row: the row to be written, with the entry that goes with it, or a trouble.

    Without either it says what was known already.
    """

    result: Result
    row: Row | None
    """None only for an unknown reference."""
    move: Move | None = None
    trouble: Trouble | None = None


def payout_id(batch_id: str, group_id: str) -> str:
    """The name of a payout at the bank: 15 capitals and digits, always the same for a batch and a group."""
    return bank_file.reference("payout", batch_id, group_id, most=LONGEST_PAYOUT_ID)


def of_day(day: str) -> str:
    """The id of the batch that the schedule closes on a day in India: the same however often it fires."""
    return f"{day}-S"


def of_act(act_id: str) -> str:
    """The id of the batch that a person closes: the same however often the act is repeated, also after midnight."""
    return bank_file.reference("batch", act_id, most=12)


def following(batch_id: str) -> str:
    """The id of the batch that takes what a full one does not: ``2026-12-14-S.2``, then ``2026-12-14-S.3``."""
    first, dot, number = batch_id.rpartition(".")
    return f"{first}.{int(number) + 1}" if dot and number.isdigit() else f"{batch_id}.2"


def draft(batch_id: str, *, by: str, at: str) -> Batch:
    return Batch(batch_id, by, at)


def row(
    batch_id: str,
    before: Head,
    paid_out: Sealed,
    beneficiary: Beneficiary | Standing,
    *,
    at: str,
    told_by: Sequence[str] = (),
) -> Row | None:
    """The row that goes with the entry of ``payout.pay_out``; None when all went against a debt.

    ``before`` is the head in front of that entry, ``told_by`` who said that money of it came back from the bank.
    Refused when the group's account may not be paid ``at`` that time.
    """
    if reason := usable(beneficiary, at):
        raise Refused(f"{before.group_id}: {reason}")
    transit = accounts.payout_in_transit(batch_id, before.group_id)
    amount = -sum(posting.amount_paise for posting in paid_out.entry.postings if posting.account == transit)
    if not amount:
        return None
    return Row(
        payout_id=payout_id(batch_id, before.group_id),
        batch_id=batch_id,
        group_id=before.group_id,
        amount_paise=amount,
        beneficiary_version=beneficiary.version,
        head_version=before.version,
        seq_from=before.closed,
        seq_to=paid_out.seq,
        told_by=tuple(told_by),
    )


def live(rows: Iterable[Row]) -> list[Row]:
    """The rows that the batch still pays, by payout id."""
    return sorted((one for one in rows if RowState.PULLED not in (one.state, one.was)), key=lambda one: one.payout_id)


def digest(batch_id: str, rows: Iterable[Row]) -> str:
    """Of what each row pays to whom. What the bank says of a row later is not in it."""
    content = [
        [
            one.payout_id,
            one.batch_id,
            one.group_id,
            one.amount_paise,
            one.beneficiary_version,
            one.head_version,
            one.seq_from,
            one.seq_to,
            *([list(one.told_by)] if one.told_by else []),
        ]
        for one in live(rows)
    ]
    return hashlib.sha256(canonical([batch_id, content]).encode()).hexdigest()


def check(batch: Batch, rows: Iterable[Row]) -> None:
    """Refused when the rows are not those that were closed: one is missing, too many or was edited."""
    known = live(rows)
    if digest(batch.batch_id, known) != batch.digest:
        raise Refused(f"the rows of {batch.batch_id} are not those that were closed; cancel it and close anew")


def close(batch: Batch, rows: Sequence[Row], *, by: str, at: str) -> Batch:
    """All groups are in. The same rows again change nothing, so that a crash is completed by closing again."""
    if batch.state is State.CLOSED:
        check(batch, rows)
        return batch
    _in(batch, "be closed", State.DRAFT)
    known = live(rows)
    if not known:
        raise Refused(f"{batch.batch_id} is empty: no group has anything to be paid")
    for one in known:
        if one.batch_id != batch.batch_id or one.payout_id != payout_id(batch.batch_id, one.group_id):
            raise Refused(f"{one.payout_id} is not a payout of {batch.batch_id} to {one.group_id}")
        if type(one.amount_paise) is not int or one.amount_paise <= 0:
            raise Refused(f"{one.payout_id} to {one.group_id} is not above zero; a debt is carried forward, not paid")
        if one.state is not RowState.IN_TRANSIT:
            raise Refused(f"{one.payout_id} to {one.group_id} is {one.state} before its batch was closed")
    if len({one.payout_id for one in known}) < len(known):
        raise Refused(f"{batch.batch_id} pays a group twice")
    return replace(_with_rows(batch, known), state=State.CLOSED, closed_by=by, closed_at=at)


def stale(one: Row, beneficiary: Beneficiary | None, at: str) -> str | None:
    """Why a row must be pulled before the batch is approved: its account was changed, closed or is not usable."""
    if reason := usable(beneficiary, at):
        return reason
    if beneficiary is not None and beneficiary.version != one.beneficiary_version:
        return "the account was changed after the batch was closed"
    return None


def instructions(rows: Iterable[Row], beneficiaries: Mapping[str, Beneficiary]) -> list[Instruction]:
    """What a bank's file is written from: the live rows with the accounts of just the versions that they froze.

    ``beneficiaries`` are by group. Refused when one has another version.
    """
    made = []
    for one in live(rows):
        payee = beneficiaries.get(one.group_id)
        if payee is None or payee.version != one.beneficiary_version:
            raise Refused(f"{one.payout_id}: version {one.beneficiary_version} of {one.group_id}'s account is missing")
        name = payee_name(payee)
        made.append(Instruction(one.payout_id, one.amount_paise, name, payee.account, payee.ifsc, payee.account_type))
    return made


def approve(
    batch: Batch,
    rows: Sequence[Row],
    file: BankFile,
    beneficiaries: Mapping[str, Beneficiary],
    *,
    seen: str,
    by: str,
    at: str,
    serial: int = 1,
) -> Batch:
    """A second person approves these rows and this file.

    ``seen`` is the digest of the batch that the checker looked at, ``beneficiaries`` the newest versions by group.
    Refused for whoever made or closed the batch, or said that money of a row came back from the bank, for rows that
    were edited, an older sight of it, a file that pays something else, and while a row's account is not as it was
    frozen.
    """
    _in(batch, "be approved", State.CLOSED)
    for maker in (batch.made_by, batch.closed_by or batch.made_by):
        if same_person(by, maker):
            raise Refused(f"{by} made {batch.batch_id}; another person must approve it")
    check(batch, rows)
    once_more = [one for one in live(rows) if any(same_person(by, person) for person in one.told_by)]
    if once_more:
        named = ", ".join(f"{one.payout_id} to {one.group_id}" for one in once_more[: bank_file.MOST_TOLD])
        raise Refused(f"{by} said that money of {named} came back from the bank; another person must approve the batch")
    if not batch.count:
        raise Refused(f"{batch.batch_id} is empty; cancel it")
    if seen != batch.digest:
        raise Refused(f"{batch.batch_id} was changed since it was looked at; look at it again")
    if (file.count, file.control_total) != (batch.count, batch.control_total):
        raise Refused(
            f"the file pays {file.count} rows of {rupees(file.control_total)}, the batch has {batch.count} of "
            f"{rupees(batch.control_total)}"
        )
    _fresh(rows, beneficiaries, at)
    return replace(
        batch,
        state=State.APPROVED,
        version=batch.version + 1,
        approved_by=by,
        approved_at=at,
        file_name=file.name,
        file_layout=file.layout,
        file_sha256=file.sha256,
        value_date=file.value_date,
        file_serial=serial,
    )


def withdraw(batch: Batch) -> Batch:
    """The approval is taken back, by either person, as long as the file was not given out."""
    if batch.state is State.CLOSED:
        return batch
    _in(batch, "have its approval taken back", State.APPROVED)
    return _unapproved(batch, State.CLOSED)


def submit(
    batch: Batch, rows: Sequence[Row], file: BankFile, beneficiaries: Mapping[str, Beneficiary], *, by: str, at: str
) -> Batch:
    """The file is given out for the bank. Again the same file changes nothing; any other is refused.

    ``beneficiaries`` are the newest versions: an account that was changed after the approval gets no money either.
    """
    if file.sha256 != batch.file_sha256 and batch.state in (State.APPROVED, State.FILED):
        raise Refused(f"this is not the file of {batch.batch_id} that {batch.approved_by} approved; approve it anew")
    if batch.state is State.FILED:
        return batch
    _in(batch, "be given to the bank", State.APPROVED)
    check(batch, rows)
    _fresh(rows, beneficiaries, at)
    return replace(batch, state=State.FILED, version=batch.version + 1, filed_by=by, filed_at=at)


def pull(batch: Batch, rows: Sequence[Row], payout: str, *, reason: str) -> tuple[Batch, Row]:
    """One row leaves the batch and is payable again, by ``payout.sent_back``; what was approved is approved no more.

    Refused once the file was given out: then the bank alone says whether it pays. Pulled already changes nothing.
    """
    found = next((one for one in rows if one.payout_id == payout), None)
    if found is None:
        raise Refused(f"{payout} is no payout of {batch.batch_id}")
    if found.state is RowState.PULLED:
        return batch, found
    if batch.state in (State.FILED, State.COMPLETED):
        raise Refused(f"{payout} is with the bank; ask the bank to stop it, and enter what it answers")
    _in(batch, "lose a row", State.DRAFT, State.CLOSED, State.APPROVED)
    pulled = replace(found, state=RowState.PULLED, reason=reason)
    if batch.state is State.DRAFT:
        return batch, pulled
    check(batch, rows)
    rest = [one for one in rows if one.payout_id != payout]
    return _with_rows(_unapproved(batch, State.CLOSED), live(rest)), pulled


def cancel(
    batch: Batch, rows: Iterable[Row], *, by: str, at: str, because: str, confirmed_by: str | None = None
) -> tuple[Batch, list[Row]]:
    """The whole batch is not paid: the rows that are to be pulled, each payable again by ``payout.sent_back``.

    Once the file was given out a second person must confirm that the bank never got it, because its groups are paid
    again with the next batch; and no row may be answered. The same again returns what a crash left.
    """
    known = list(rows)
    if batch.state is not State.CANCELLED:
        _in(batch, "be cancelled", State.DRAFT, State.CLOSED, State.APPROVED, State.FILED)
        if not because.strip():
            raise Refused("say why the batch is cancelled")
        if batch.state is State.FILED:
            if confirmed_by is None or same_person(confirmed_by, by):
                raise Refused("the file was given out: a second person must confirm that the bank never got it")
            if any(one.state is not RowState.IN_TRANSIT for one in live(known)):
                raise Refused(f"the bank has answered for rows of {batch.batch_id}: it has the file")
        batch = replace(
            batch,
            state=State.CANCELLED,
            version=batch.version + 1,
            cancelled_by=by,
            cancelled_at=at,
            cancelled_because=because,
        )
    return batch, [
        replace(one, state=RowState.PULLED, reason=batch.cancelled_because)
        for one in live(known)
        if one.state is RowState.IN_TRANSIT
    ]


def answers(
    batch: Batch,
    rows: Iterable[Row],
    results: Sequence[Result],
    *,
    file: str = "",
    used: Mapping[str, str] | None = None,
) -> list[Answer]:
    """What the results of one file do, in their order; a row that several speak of goes on from the one before.

    ``used`` are payout ids by bank reference, of other batches. ResultsRefused when an amount is not that of the
    payout, to the paisa, or one bank reference stands for two payouts.
    """
    known = {one.payout_id: one for one in rows}
    owners = dict(used or {}) | {one.utr: one.payout_id for one in known.values() if one.utr}
    problems = []
    for result in results:
        mine = known.get(result.payout_id)
        if mine is not None and result.amount_paise != mine.amount_paise:
            text = f"{mine.payout_id} is {rupees(mine.amount_paise)}, the bank says {rupees(result.amount_paise)}"
            problems.append(Problem(file, result.row, "amount", text))
        if mine is not None and result.status is Status.EXECUTED:
            owner = owners.setdefault(result.utr, mine.payout_id)
            if owner != mine.payout_id:
                problems.append(
                    Problem(file, result.row, "utr", f"{result.utr} stands for {owner} and for {mine.payout_id}")
                )
    if problems:
        raise ResultsRefused(problems)
    made = []
    for result in results:
        answer = _answer(batch, known.get(result.payout_id), result)
        if answer.row is not None:
            known[result.payout_id] = answer.row
        made.append(answer)
    return made


def paid_after_all(one: Row, *, utr: str, day: str, closed: int) -> Row:
    """A row that was taken out or rejected, and that the bank paid: with ``payout.paid_after_all`` it counts as paid.

    It stays out of the batch that it was taken out of. ``closed`` is the entry that last took all that was payable to
    the group: if that was behind the row's own return, the row's money was in it. Refused when it is neither.
    """
    if one.state not in (RowState.PULLED, RowState.REJECTED):
        raise Refused(f"{one.payout_id} is {one.state}; what the bank paid besides cannot be booked here")
    twice = one.back_seq is None or closed > one.back_seq
    return replace(one, state=RowState.PAID, was=one.state, twice=twice, utr=utr, answered_on=day)


def progress(batch: Batch, rows: Iterable[Row]) -> Batch:
    """The batch after answers: COMPLETED once the bank has spoken of every row."""
    waiting = any(one.state is RowState.IN_TRANSIT for one in live(rows))
    if batch.state is State.FILED and not waiting:
        return replace(batch, state=State.COMPLETED, version=batch.version + 1)
    return batch


def in_transit(rows: Iterable[Row]) -> int:
    """Paise that the bank has not answered for; what ``payout_in_transit`` holds for the batch over all groups."""
    return sum(one.amount_paise for one in rows if one.state is RowState.IN_TRANSIT)


def _answer(batch: Batch, one: Row | None, result: Result) -> Answer:
    if one is None:
        return Answer(result, None, trouble=Trouble.UNKNOWN_REFERENCE)
    executed = result.status is Status.EXECUTED
    match one.state:
        case RowState.PULLED:
            return Answer(result, one, trouble=Trouble.PAID_THOUGH_CANCELLED if executed else None)
        case RowState.IN_TRANSIT if batch.state not in (State.FILED, State.COMPLETED):
            return Answer(result, one, trouble=Trouble.NOT_FILED)
        case RowState.IN_TRANSIT if executed:
            return Answer(result, _told(one, RowState.PAID, result, result.utr), Move.ARRIVED)
        case RowState.IN_TRANSIT:
            back = RowState.REJECTED if result.status is Status.REJECTED else RowState.RETURNED
            return Answer(result, _told(one, back, result, one.utr), Move.SENT_BACK)
        case RowState.PAID if executed:
            return Answer(result, one, trouble=None if result.utr == one.utr else Trouble.PAID_TWICE)
        case RowState.PAID if result.status is Status.REJECTED and _said_before(result, one):
            # What it said before it paid.
            return Answer(result, one)
        case RowState.PAID:
            return Answer(result, _told(one, RowState.RETURNED, result, one.utr), Move.CAME_BACK)
        case RowState.REJECTED:
            return Answer(result, one, trouble=Trouble.PAID_THOUGH_REJECTED if executed else None)
        case RowState.RETURNED if executed and one.utr is None:
            return Answer(result, replace(one, utr=result.utr))
        case RowState.RETURNED if executed and result.utr != one.utr:
            return Answer(result, one, trouble=Trouble.PAID_TWICE)
    return Answer(result, one)


def _said_before(result: Result, one: Row) -> bool:
    """Whether a bank's rejection is older than its payment, however late it is heard of."""
    return one.was is not None or result.day < str(one.answered_on)


def _told(one: Row, state: RowState, result: Result, utr: str | None) -> Row:
    return replace(one, state=state, utr=utr, reason=result.reason or one.reason, answered_on=result.day)


_NEXT: Final[Mapping[State, str]] = {
    State.DRAFT: "its groups are still being collected: close again, or cancel it",
    State.CLOSED: "another person must approve it; until then rows can be pulled, and it can be cancelled",
    State.APPROVED: "it can be submitted, its approval withdrawn, rows pulled, and it can be cancelled",
    State.FILED: "the bank has its file: enter what the bank answers; only two persons can cancel it",
    State.COMPLETED: "the bank has answered for every row; only what comes back later can be entered",
    State.CANCELLED: "it pays nobody; what is payable goes into the next batch",
}


def cannot(batch: Batch, what: str) -> str:
    """For the operator: that a batch cannot take a step as it stands, and which ones it can."""
    return f"{batch.batch_id} is {batch.state}; it cannot {what}. {_NEXT[batch.state].capitalize()}"


def _in(batch: Batch, what: str, *states: State) -> None:
    if batch.state not in states:
        raise Refused(cannot(batch, what))


def _fresh(rows: Iterable[Row], beneficiaries: Mapping[str, Beneficiary], at: str) -> None:
    changed = [
        f"{one.group_id}: {reason}" for one in live(rows) if (reason := stale(one, beneficiaries.get(one.group_id), at))
    ]
    if changed:
        raise Refused(f"rows must be pulled first: {'; '.join(changed[: bank_file.MOST_TOLD])}")


def _with_rows(batch: Batch, known: Sequence[Row]) -> Batch:
    return replace(
        batch,
        version=batch.version + 1,
        count=len(known),
        control_total=sum(one.amount_paise for one in known),
        digest=digest(batch.batch_id, known),
    )


def _unapproved(batch: Batch, state: State) -> Batch:
    """An approval that is gone leaves nothing by which its file could be taken for the right one."""
    return replace(
        batch,
        state=state,
        version=batch.version + 1,
        approved_by=None,
        approved_at=None,
        file_name=None,
        file_layout=None,
        file_sha256=None,
        value_date=None,
        file_serial=None,
    )
