"""A group's statement from its book. What is given out as a file is kept, so that the next takes up where it ended.

Looking changes nothing: who reads a statement on a screen takes nothing from the paper that the group gets. All is
chosen by the numbers of entries, nothing by date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from hunar import tables
from hunar.domain.batch import Row, payout_id
from hunar.domain.head import Head
from hunar.domain.ledger import ARRIVED, PAID_OUT, SENT_BACK
from hunar.domain.members import Part, Suggested, Weight, suggested
from hunar.domain.rate_card import day_of_sale
from hunar.domain.statement import Broken, Payment, Point, Statement, Worked, statement
from hunar.ports import ABSENT, Put, Rejected, Store
from hunar.tables import Item


class NoBook(Rejected):
    """There is no such group, or nothing was booked for it yet."""


class TooLong(Rejected):
    """There are more entries than one statement can have here."""


@dataclass(frozen=True)
class Made:
    """A statement, and whom it is of."""

    statement: Statement
    group: Item
    """As it is registered."""
    agency: str
    """Its name; empty when the agency is not registered."""
    last: Item | None
    """Which statement was given out last, before this one; None when none was."""
    suggested: Suggested | None = None
    """How members could share what arrived; None when the group gave no list of them."""

    @property
    def next(self) -> bool:
        """Whether it takes up where the last one that was given out ended, and goes on."""
        ended = self.last["seq"] if self.last else 0
        return bool(self.statement.opening.seq == ended < self.statement.closing.seq)


def make(
    store: Store, group_id: str, *, from_seq: int | None = None, to_seq: int | None = None, most: int | None = None
) -> Made:
    """The entries behind ``from_seq`` up to ``to_seq``.

    Without ``to_seq`` it ends with the last entry. Without ``from_seq`` it is the one that ended there when that was
    given out already; else it begins where the last one ended that was given out, the first one with the first entry.
    When nothing was booked since the last one, that is made again.

    Raises NoBook, TooLong for more than ``most`` entries, Rejected naming the number that cannot be, and Broken when
    the book is not as it was posted.
    """
    keys = (
        *(tables.group(group_id), tables.agency(), tables.book(group_id), tables.last_statement(group_id)),
        tables.members(group_id),
    )
    there = store.read(keys)
    group, agency, book, last, members = map(there.get, keys)
    if group is None:
        raise NoBook(f"{group_id}: there is no such group")
    head = Head.of(book) if book else Head(group_id)
    if not head.seq:
        raise NoBook(f"{group_id}: nothing was booked for it yet")
    begin, end = _range(store, head, last, from_seq, to_seq)
    if most is not None and end - begin > most:
        raise TooLong(
            f"{end - begin} entries; one statement can have {most} here: end it earlier with to={begin + most}"
        )
    opening = _point(store, group_id, begin)
    entries = _entries(store, group_id, begin, end)
    rows = _rows(store, group_id, entries)
    accounts_paid = {batch: row["last_four"] for batch, row in rows.items()}
    made = statement(opening, entries, to_seq=end, accounts_paid=accounts_paid)
    if end == head.seq and made.closing != Point.of_head(head):
        raise Broken(f"the head of {group_id} is not what its {head.seq} entries amount to")
    split = None
    if members is not None:
        split = suggested(_parts(store, made, entries, rows), map(Weight.of, members["members"]))
    return Made(made, group, agency["name"] if agency else "", last, split)


def keep(store: Store, made: Made, *, now: str) -> bool:
    """Notes that the statement was given out, if it is the next one; what was given out before is not noted again.

    So what is kept has no gap and no overlap. Raises Conflict when another one was given out meanwhile.
    """
    if not made.next:
        return False
    of, version = made.statement, made.last["version"] if made.last else ABSENT
    place = {"from_seq": of.opening.seq, "seq": of.closing.seq}
    store.commit(
        [
            Put(tables.statement(of.group_id, of.closing.seq), of.closing.item() | place | {"made_at": now}, ABSENT),
            Put(tables.last_statement(of.group_id), place | {"version": version + 1}, version),
        ]
    )
    return True


def _range(store: Store, head: Head, last: Item | None, from_seq: int | None, to_seq: int | None) -> tuple[int, int]:
    end = head.seq if to_seq is None else to_seq
    if end > head.seq:
        raise Rejected(f"to: the book of {head.group_id} ends with entry {head.seq}")
    if from_seq is not None:
        if from_seq >= end:
            raise Rejected(f"from: there is no entry behind {from_seq} up to {end}")
        return from_seq, end
    ended = last["seq"] if last else 0
    if end > ended:
        return ended, end
    key = tables.statement(head.group_id, end)
    given_out = store.read([key]).get(key)
    if given_out is None:
        raise Rejected(f"to: no statement that was given out ended with entry {end}; say from, too")
    return given_out["from_seq"], end


def _point(store: Store, group_id: str, seq: int) -> Point:
    """The place behind an entry: as it was kept, else from the beginning."""
    if not seq:
        return Point(group_id)
    key = tables.statement(group_id, seq)
    kept = store.read([key]).get(key)
    return Point.of(kept) if kept else statement(Point(group_id), _entries(store, group_id, 0, seq), to_seq=seq).closing


def _entries(store: Store, group_id: str, begin: int, end: int) -> list[Item]:
    return list(store.read(tables.book_entry(group_id, number) for number in range(begin + 1, end + 1)).values())


def _rows(store: Store, group_id: str, entries: Iterable[Item]) -> dict[str, Item]:
    """The group's row of each batch that the entries name. What went against its debt as a whole has none."""
    paid = (entry for entry in entries if entry["kind"] in (PAID_OUT, ARRIVED, SENT_BACK))
    keys = {
        tables.batch_row(batch, payout_id(batch, group_id)): batch
        for batch in sorted({str(entry["source"]["batch"]) for entry in paid})
    }
    return {keys[key]: row for key, row in store.read(keys).items()} if keys else {}


def _parts(store: Store, made: Statement, entries: Iterable[Item], rows: Mapping[str, Item]) -> list[Part]:
    """What arrived, and what the bank took back, each with the days between the payout before it and its own."""
    moved = [line for line in made.payments if line.kind == ARRIVED or line.had_arrived]
    known = {int(entry["seq"]): entry for entry in entries}
    # Before the first payout the book begins with its first entry.
    ends = {line.seq: _ends(rows.get(line.batch), line) for line in moved}
    missing = {seq for pair in ends.values() for seq in pair} - known.keys()
    if missing:
        more = store.read(tables.book_entry(made.group_id, seq) for seq in sorted(missing)).values()
        known |= {int(entry["seq"]): entry for entry in more}
    parts = []
    for line in moved:
        begin, end = (day_of_sale(known[seq]["occurred_at"]) for seq in ends[line.seq])
        after = (date.fromisoformat(begin) + timedelta(days=1)).isoformat() if ends[line.seq][0] > 1 else begin
        paise = line.amount_paise if line.kind == ARRIVED else -line.amount_paise
        parts.append(Part(paise, min(after, end), end))
    return parts


def _ends(row: Item | None, line: Payment) -> tuple[int, int]:
    """The numbers of the payout before and of its own; without a row it is taken by the day of its news."""
    found = Row.of(row) if row is not None else None
    return (max(found.seq_from, 1), found.seq_to) if found is not None else (line.seq, line.seq)


# ── as a document ────────────────────────────────────────────────────────────────────────────────


def shown(made: Made) -> dict[str, Any]:
    """The statement in the shape of docs/openapi.yaml. Paise."""
    of = made.statement
    return {
        "number": of.number,
        "group_id": of.group_id,
        "group": made.group["name"],
        "agency": made.agency,
        "from": of.opening.seq,
        "to": of.closing.seq,
        "first_at": of.first_at,
        "last_at": of.last_at,
        "given_out_to": made.last["seq"] if made.last else 0,
        "opening": _standing(of.opening),
        "closing": _standing(of.closing),
        "moves": {kind: dict(moved) for kind, moved in of.moves.items()},
        "orders": [_order(line) for line in of.orders],
        "released": [asdict(line) for line in of.released],
        "payments": [asdict(line) for line in of.payments],
        "debts": [asdict(line) for line in of.debts],
        "arrived_paise": of.arrived_paise,
        "split": _split(made.suggested) if made.suggested is not None else None,
    }


def _split(found: Suggested) -> dict[str, Any]:
    shares = [{"member": member, "amount_paise": paise} for member, paise in found.shares.items()]
    return {"shares": shares, "group_paise": found.group_paise, "undivided_paise": found.undivided_paise}


def _standing(point: Point) -> dict[str, Any]:
    return {"seq": point.seq, "chain": point.chain, "balances": point.standing}


def _order(line: Worked) -> dict[str, Any]:
    steps = [asdict(step) | {"rate_rows": list(step.rate_rows)} for step in line.steps]
    named = ("seq", "kind", "occurred_at", "order_ref", "line_id", "share_paise")
    return {name: getattr(line, name) for name in named} | {
        "steps": steps,
        "moved": dict(line.moved),
        "source": dict(line.source),
    }
