"""A group's statement: its entries from one number of its book to another, and how its balances came to be.

A statement takes up where the one before it ended, at the same entry and the same hash, so the two can be laid side by
side and nothing lies between them. Nothing is chosen by date: what comes late stands in the next one.

All amounts are paise as the group sees them: above zero what it gets or is owed, below what is taken. Its debt alone is
above zero when it owes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hunar.domain import accounts
from hunar.domain.head import NO_ENTRY, Head, link
from hunar.domain.ledger import ARRIVED, CLEARING, CORRECTED, JOINED, MERGED, PAID_OUT, RELEASED, SENT_BACK, SETTLED
from hunar.domain.money import rupees
from hunar.domain.payout import DEBT_RECOVERED, PAYOUT
from hunar.domain.settled import COMPENSATION, FEE, SETTLEMENT, WITHHELD

HELD: Final = "held"
PAYABLE: Final = "payable"
ON_THE_WAY: Final = "on_the_way"
DEBT: Final = "debt"
FUND: Final = "fund"
CREDITS: Final = "credits"
MEMBERS: Final = "members"
BALANCES: Final[Mapping[str, str]] = {
    "group_held": HELD,
    "group_payable": PAYABLE,
    "payout_in_transit": ON_THE_WAY,
    "group_debt": DEBT,
    "group_fund": FUND,
    "group_credits": CREDITS,
    "member_payable": MEMBERS,
}
"""What a statement calls the group's accounts."""

_CONTENT: Final = (
    *("entry_id", "kind", "order_ref", "line_id", "occurred_at", "postings", "digest", "group_id", "source"),
)
"""What of a stored entry its hash covers. Keys of indexes beside it are no part of it."""


class Broken(Exception):
    """The entries are not a piece of the group's book. The text is for an operator and names the entry's number."""


@dataclass(frozen=True)
class Point:
    """A place between two entries of a book, where one statement ends and the next begins."""

    group_id: str
    seq: int = 0
    chain: str = NO_ENTRY
    """The hash of entry ``seq``."""
    balances: Mapping[str, int] = field(default_factory=dict)
    """As in a head: paise by account, debit above zero, nothing as zero."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Point:
        balances = {account: int(paise) for account, paise in item["balances"].items()}
        return cls(item["group_id"], int(item["seq"]), item["chain"], balances)

    @classmethod
    def of_head(cls, head: Head) -> Point:
        return cls(head.group_id, head.seq, head.chain, dict(head.balances))

    def item(self) -> dict[str, Any]:
        balances = dict(sorted(self.balances.items()))
        return {"group_id": self.group_id, "seq": self.seq, "chain": self.chain, "balances": balances}

    @property
    def standing(self) -> dict[str, int]:
        """Paise by the names of BALANCES, all of them."""
        stands = dict.fromkeys(BALANCES.values(), 0)
        for account, paise in self.balances.items():
            name, signed = _seen(account, paise)
            stands[name] += signed
        return stands


# ── the path from the buyer's price to her share ─────────────────────────────────────────────────

PRICE: Final = "price"
"""What the buyer paid; below zero what the buyer got back."""
OUTPUT_GST: Final = "output_gst"
AGENCY_SALE: Final = "agency_sale"
"""The sale is the agency's: the group is paid by the piece."""
PIECES: Final = "pieces"
MARKETPLACE_FEE: Final = "fee"
AGENCY_FEE: Final = "agency_fee"
COMPENSATED: Final = "compensation"
ADJUSTED: Final = "adjustment"
LOST: Final = "lost"
"""The agency answers for a parcel that never arrived."""
MOVED: Final = "moved"
"""To or from another group's book."""
OTHER: Final = "other"
STEPS: Final = (
    *(PRICE, OUTPUT_GST, AGENCY_SALE, PIECES, MARKETPLACE_FEE, "gst_on_fees", "tcs", "tds", COMPENSATED, ADJUSTED),
    *(LOST, AGENCY_FEE, MOVED, OTHER, FUND),
)
"""The steps of the path in the order in which they are told."""

NO_COST: Final = "no_cost"
"""The marketplace kept it and the group does not bear it."""
WAITS: Final = "waits"
"""The group gets it when the state has given it back."""
AGENCYS: Final = "agencys"
"""The agency keeps it, by the group's resolution."""


@dataclass(frozen=True)
class Step:
    """One step from the buyer's price to her share."""

    kind: str
    """One of STEPS."""
    code: str
    """The fee's code, else empty."""
    amount_paise: int
    """What it adds to her share. The steps of an entry add up to it."""
    taken_paise: int
    """What the marketplace kept for it, above zero, also where the group does not bear it."""
    bears: str
    """For what a marketplace keeps: NO_COST, WAITS or AGENCYS; empty when the group simply bears it."""
    rate_rows: tuple[str, ...]


@dataclass(frozen=True)
class Worked:
    """What one entry brought of one order line, and where it went."""

    seq: int
    kind: str
    """SETTLED or CORRECTED; MERGED for what went on to the book of the group that another one joined."""
    occurred_at: str
    order_ref: str
    """Empty for MERGED, as ``line_id``."""
    line_id: str
    steps: tuple[Step, ...]
    moved: Mapping[str, int]
    """How each balance changed, by name; nothing stands there as zero."""
    source: Mapping[str, str | int]
    """The minutes by which it was divided, or who approved it."""

    @property
    def share_paise(self) -> int:
        """Her share: what the group gets of it, less what goes into its fund or waits for the state."""
        return sum(step.amount_paise for step in self.steps)


def worked(item: Mapping[str, Any]) -> Worked:
    """The path of one entry of an order line, from its postings and their rate rows."""
    group, agency, own = item["group_id"], _Rows(), _Rows()
    for posting in item["postings"]:
        owner = accounts.group_of(posting["account"])
        rows = own if owner == group else agency
        rows.add(posting["rate_row"], posting["account"], posting["amount_paise"])
    path = _Path()
    for row, amounts in agency.rows.items():
        _step(path, row, amounts)
    for row, amounts in own.rows.items():
        # What she does not get now: it stays hers, in the fund or with the state.
        for account, paise in amounts.items():
            match accounts.parse(account).name:
                case "group_fund":
                    path.add(FUND, "", paise, row)
                case "group_credits":
                    path.add(OTHER if row == JOINED else _withheld(row), "", paise, row, bears=WAITS)
    return Worked(
        seq=item["seq"],
        kind=item["kind"],
        occurred_at=item["occurred_at"],
        order_ref=item["order_ref"] or "",
        line_id=item["line_id"] or "",
        steps=path.steps(),
        moved=_moved(item),
        source=dict(item["source"]),
    )


def _step(path: _Path, row: str, amounts: Mapping[str, int]) -> None:
    """What the agency's side of one rate row says of the path. An entry balances: its sides add up to the same."""
    paise = sum(amounts.values())
    if row.startswith(SETTLEMENT + ":" + FEE):
        code = row.removeprefix(SETTLEMENT + ":" + FEE)
        taken = -amounts.get(accounts.FEES_RECOVERED, 0)
        path.add(MARKETPLACE_FEE, code, paise, row, taken=taken, bears="" if paise else NO_COST)
    elif row == SETTLEMENT:
        # Fees and taxes that the marketplace kept: told, but what they cost whom stands in rows of its own.
        for head, account in WITHHELD.items():
            path.add(head, "", 0, row, taken=amounts.get(account, 0), bears=NO_COST)
        path.add(OTHER, "", paise, row)
    elif row.startswith(SETTLEMENT + ":"):
        head = row.removeprefix(SETTLEMENT + ":")
        kind = COMPENSATED if head in COMPENSATION else ADJUSTED if head == "adjustment" else OTHER
        path.add(kind, "", paise, row)
    elif row.startswith("resolution:"):
        clause = row.rpartition(":")[2]
        kinds = {"agency_fee": AGENCY_FEE, "piece": PIECES, "lost": LOST}
        if clause in ("itc", "tcs", "tds"):
            path.add(_withheld(row), "", paise, row, bears=AGENCYS)
        else:
            path.add(kinds.get(clause, OTHER), "", paise, row)
    elif row == CLEARING:
        path.add(MOVED, "", paise, row)
    else:
        gross = sum(each for account, each in amounts.items() if account.startswith("marketplace_receivable:"))
        gst, margin = amounts.get(accounts.OUTPUT_GST, 0), amounts.get(accounts.AGENCY_MARGIN, 0)
        path.add(PRICE, "", gross, row)
        path.add(OUTPUT_GST, "", gst, row)
        path.add(AGENCY_SALE, "", margin, row)
        path.add(OTHER, "", paise - gross - gst - margin, row)


def _withheld(row: str) -> str:
    clause = row.rpartition(":")[2]
    return "gst_on_fees" if clause == "itc" else clause


class _Rows:
    """Postings by rate row, and within it by account."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, int]] = {}

    def add(self, row: str, account: str, paise: int) -> None:
        of = self.rows.setdefault(row, {})
        of[account] = of.get(account, 0) + paise


class _Path:
    """Steps by kind and code; several rate rows of one are added up."""

    def __init__(self) -> None:
        self._steps: dict[tuple[int, str], Step] = {}

    def add(self, kind: str, code: str, paise: int, row: str, *, taken: int = 0, bears: str = "") -> None:
        if not (paise or taken):
            return
        key = (STEPS.index(kind), code)
        before = self._steps.get(key, Step(kind, code, 0, 0, "", ()))
        # NO_COST is only what is said until a clause says whose it is.
        said = before.bears if bears in ("", NO_COST) and before.bears else bears
        self._steps[key] = Step(
            kind,
            code,
            before.amount_paise + paise,
            before.taken_paise + taken,
            said,
            tuple(sorted({*before.rate_rows, row})),
        )

    def steps(self) -> tuple[Step, ...]:
        return tuple(step for _, step in sorted(self._steps.items()))


# ── the other lines ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Released:
    """The end of a hold: it is payable now."""

    seq: int
    occurred_at: str
    order_ref: str
    line_id: str
    amount_paise: int


@dataclass(frozen=True)
class Payment:
    """One piece of news of a payout."""

    seq: int
    kind: str
    """PAID_OUT, ARRIVED or SENT_BACK."""
    occurred_at: str
    batch: str
    amount_paise: int
    """Above zero, what went or came."""
    recovered_paise: int
    """What of the payable money went against the debt when it was paid out."""
    reference: str
    """The bank's: the UTR of what arrived."""
    last_four: str
    """Of the account's number; empty when the batch does not say."""
    owed_paise: int = 0
    """What of it became a debt, because the bank had paid it twice; below zero what of that debt came back."""
    had_arrived: bool = False
    """SENT_BACK days after it had arrived: it left the group's account again."""


@dataclass(frozen=True)
class Debt:
    """A change of what the group owes: above zero more, below zero less."""

    seq: int
    kind: str
    occurred_at: str
    order_ref: str | None
    batch: str
    amount_paise: int


Line = Worked | Released | Payment


@dataclass(frozen=True)
class Statement:
    """The entries (opening.seq, closing.seq] of one group."""

    opening: Point
    closing: Point
    lines: tuple[Line, ...]
    """One for each entry, in their order."""
    moves: Mapping[str, Mapping[str, int]]
    """How each balance changed, by kind of entry and name of balance. Opening and these are the closing."""
    first_at: str
    """The times of the first and the last entry; empty for a statement without entries."""
    last_at: str

    @property
    def group_id(self) -> str:
        return self.closing.group_id

    @property
    def number(self) -> str:
        """How the statement is called: the same for the same entries, whoever makes it."""
        return f"{self.group_id}-{self.opening.seq + 1}-{self.closing.seq}"

    @property
    def orders(self) -> tuple[Worked, ...]:
        return tuple(line for line in self.lines if isinstance(line, Worked))

    @property
    def released(self) -> tuple[Released, ...]:
        return tuple(line for line in self.lines if isinstance(line, Released))

    @property
    def payments(self) -> tuple[Payment, ...]:
        return tuple(line for line in self.lines if isinstance(line, Payment))

    @property
    def debts(self) -> tuple[Debt, ...]:
        """What became a debt, what took it away again, and what payouts recovered of it."""
        found = []
        for line in self.lines:
            if isinstance(line, Payment) and line.recovered_paise:
                at, paise = line.occurred_at, -line.recovered_paise
                found.append(Debt(line.seq, line.kind, at, None, line.batch, paise))
            elif isinstance(line, Payment) and line.owed_paise:
                found.append(Debt(line.seq, line.kind, line.occurred_at, None, line.batch, line.owed_paise))
            elif isinstance(line, Worked) and line.moved.get(DEBT):
                found.append(Debt(line.seq, line.kind, line.occurred_at, line.order_ref, "", line.moved[DEBT]))
        return tuple(found)

    @property
    def arrived_paise(self) -> int:
        """What reached the group's bank account, less what its bank returned later."""
        return sum(
            line.amount_paise if line.kind == ARRIVED else -line.amount_paise
            for line in self.payments
            if line.kind == ARRIVED or line.had_arrived
        )


def statement(
    opening: Point,
    entries: Iterable[Mapping[str, Any]],
    *,
    to_seq: int | None = None,
    accounts_paid: Mapping[str, str] | None = None,
) -> Statement:
    """The statement that begins at ``opening`` and ends with entry ``to_seq``, or with the last one given.

    ``entries`` are as they are stored, in any order; what stands before the opening or behind the end is left out.
    ``accounts_paid`` are the last four digits of the account that each batch paid to. Raises Broken when an entry is
    missing, stands twice, is not the one that was posted, or does not follow the one before; ValueError for digits that
    are not four.
    """
    paid_to = dict(accounts_paid or {})
    for batch, digits in paid_to.items():
        if len(digits) != 4 or not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"batch {batch}: the last four digits of an account are four digits")
    within = [item for item in entries if opening.seq < item["seq"] and (to_seq is None or item["seq"] <= to_seq)]
    now, lines = opening, []
    moves: dict[str, dict[str, int]] = {}
    for item in sorted(within, key=lambda one: (one["seq"], one["entry_id"])):
        now = _next(now, item)
        lines.append(_line(item, paid_to))
        of_kind = moves.setdefault(item["kind"], {})
        for name, paise in _moved(item).items():
            of_kind[name] = of_kind.get(name, 0) + paise
    if to_seq is not None and now.seq != to_seq:
        raise Broken(f"the book of {opening.group_id} ends with entry {now.seq}, before entry {to_seq}")
    times = [line.occurred_at for line in lines]
    first, last = (times[0], times[-1]) if times else ("", "")
    return Statement(opening, now, tuple(lines), moves, first, last)


def _next(before: Point, item: Mapping[str, Any]) -> Point:
    number = item["seq"]
    if item["group_id"] != before.group_id:
        raise Broken(f"entry {number} is of {item['group_id']}, not of {before.group_id}")
    if number != before.seq + 1:
        what = f"entry {number} stands twice" if number == before.seq else f"entry {before.seq + 1} is missing"
        raise Broken(f"{what} in the book of {before.group_id}")
    if item["prev"] != before.chain:
        raise Broken(f"entry {number} of {before.group_id} does not follow the one before it")
    if link(before.chain, number, {name: item[name] for name in _CONTENT}) != item["hash"]:
        raise Broken(f"entry {number} of {before.group_id} is not what was posted")
    balances = dict(before.balances)
    for posting in item["postings"]:
        account = posting["account"]
        if accounts.group_of(account) == before.group_id:
            balances[account] = balances.get(account, 0) + posting["amount_paise"]
    return Point(before.group_id, number, item["hash"], {name: paise for name, paise in balances.items() if paise})


def _seen(account: str, paise: int) -> tuple[str, int]:
    name = BALANCES[accounts.parse(account).name]
    return name, paise if name == DEBT else -paise


def _moved(item: Mapping[str, Any]) -> dict[str, int]:
    moved: dict[str, int] = {}
    for posting in item["postings"]:
        if accounts.group_of(posting["account"]) == item["group_id"]:
            name, signed = _seen(posting["account"], posting["amount_paise"])
            moved[name] = moved.get(name, 0) + signed
    return {name: paise for name, paise in moved.items() if paise}


def _line(item: Mapping[str, Any], paid_to: Mapping[str, str]) -> Line:
    match item["kind"]:
        case kind if kind in (SETTLED, CORRECTED, MERGED):
            return worked(item)
        case kind if kind == RELEASED:
            amount = _moved(item).get(PAYABLE, 0)
            return Released(item["seq"], item["occurred_at"], item["order_ref"], item["line_id"], amount)
        case kind if kind in (PAID_OUT, ARRIVED, SENT_BACK):
            by_row: dict[str, int] = {}
            for posting in item["postings"]:
                row, paise = posting["rate_row"], posting["amount_paise"]
                by_row[row] = by_row.get(row, 0) + max(paise, 0)
            batch = str(item["source"]["batch"])
            return Payment(
                seq=item["seq"],
                kind=kind,
                occurred_at=item["occurred_at"],
                batch=batch,
                amount_paise=by_row.get(PAYOUT, 0),
                recovered_paise=by_row.get(DEBT_RECOVERED, 0),
                reference=str(item["source"].get("reference", "")),
                last_four=paid_to.get(batch, ""),
                owed_paise=0 if kind == PAID_OUT else _moved(item).get(DEBT, 0),
                had_arrived=kind == SENT_BACK and any(p["account"] == accounts.BANK for p in item["postings"]),
            )
    raise Broken(f"entry {item['seq']} of {item['group_id']} is of the kind {item['kind']!r}")


def ties(before: Statement, after: Statement) -> None:
    """Raises Broken unless one statement takes up exactly where the other ended."""
    if before.closing != after.opening:
        end, begin = before.closing, after.opening
        raise Broken(
            f"statement {after.number} begins at entry {begin.seq} with {rupees(sum(begin.standing.values()))}, and "
            f"{before.number} ended at entry {end.seq} with {rupees(sum(end.standing.values()))}"
        )
