"""Groups with bank accounts and money that is payable: fictional, and complete enough to be paid."""

from __future__ import annotations

from dataclasses import dataclass, field

from hunar import bank_files
from hunar.domain import accounts, batch, payout
from hunar.domain.bank_file import BankFile, Result, Status, Terms, write
from hunar.domain.batch import Answer, Batch, Move, Row
from hunar.domain.beneficiary import Beneficiary, Details, LookedUp, confirm, propose
from hunar.domain.head import Fault, Head, after, audit
from hunar.domain.ledger import SETTLED, Entry, Posting

REGISTERED = "2026-04-01T06:00:00Z"
CLOSED = "2026-12-15T06:00:00Z"
APPROVED = "2026-12-15T08:00:00Z"
BATCH = "2026-12-B1"
MAKER, CHECKER = "meera", "rekha"
TERMS = Terms(
    BATCH,
    "2026-12-16",
    1,
    {
        "client_code": "HUNR",
        "debit_account": "000451009999",
        "debit_ifsc": "UBIN0556688",
        "corporate_id": "HUNARDEMO",
        "email": "accounts@example.org",
    },
)


def details(number: int = 1, **said: str | None) -> Details:
    usual: dict[str, str | None] = {
        "name": f"JAI MAA SWAYAM SAHAYATA SAMUH {number}",
        "account": f"00{number:08d}77",
        "ifsc": "SBIN0001234",
        "account_type": "SAVINGS",
    }
    return Details(**usual | said)  # type: ignore[arg-type]


def registered(group: str, number: int = 1, **said: str | None) -> Beneficiary:
    typed = details(number, **said)
    proposed = propose(
        None, group, typed, by=MAKER, at=REGISTERED, cooling_days=7, states=bank_files.states()
    ).beneficiary
    return confirm(proposed, by=CHECKER, at=REGISTERED, looked_up=LookedUp(typed.name, REGISTERED, CHECKER))


@dataclass
class Payouts:
    """Groups with so many paise payable, their book and one batch. Each step writes what it was told to write."""

    amounts: dict[str, int]
    layout: str = "hdfc_enet"
    heads: dict[str, Head] = field(default_factory=dict)
    entries: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    paid: dict[str, Entry] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    beneficiaries: dict[str, Beneficiary] = field(default_factory=dict)
    batch: Batch = field(default_factory=lambda: batch.draft(BATCH, by=MAKER, at=CLOSED))

    def __post_init__(self) -> None:
        for number, (group, paise) in enumerate(self.amounts.items(), 1):
            self.beneficiaries[group] = registered(group, number)
            self.heads[group] = Head(group)
            earned = (
                Posting(accounts.marketplace_receivable("flipkart"), "settlement", paise),
                Posting(accounts.group_payable(group), "settlement", -paise),
            )
            self.put(Entry(SETTLED, ("sale", group), REGISTERED, earned, group))

    def put(self, entry: Entry) -> None:
        assert entry.group_id
        self.heads[entry.group_id], places = after(self.heads[entry.group_id], entry)
        self.entries.setdefault(entry.group_id, []).extend(place.item(recorded_at=CLOSED) for place in places)

    def collect(self) -> None:
        for group in self.amounts:
            before = self.heads[group]
            entry = payout.pay_out(before, BATCH, cap_ppm=500_000, minimum_paise=0, at=CLOSED)
            if entry is None:
                continue
            self.put(entry)
            sealed = after(before, entry)[1][0]
            made = batch.row(BATCH, before, sealed, self.beneficiaries[group], at=CLOSED)
            if made:
                self.rows[made.payout_id] = made

    def close(self) -> None:
        self.batch = batch.close(self.batch, list(self.rows.values()), by=MAKER, at=CLOSED)

    def file(self, layout: str | None = None) -> BankFile:
        instructions = batch.instructions(self.rows.values(), self.beneficiaries)
        return write(bank_files.layout(layout or self.layout), TERMS, instructions)

    def approve(self, by: str = CHECKER) -> None:
        rows = list(self.rows.values())
        self.batch = batch.approve(
            self.batch, rows, self.file(), self.beneficiaries, seen=self.batch.digest, by=by, at=APPROVED
        )

    def submit(self) -> BankFile:
        file = self.file()
        rows = list(self.rows.values())
        self.batch = batch.submit(self.batch, rows, file, self.beneficiaries, by=CHECKER, at=APPROVED)
        return file

    def filed(self) -> Payouts:
        self.collect()
        self.close()
        self.approve()
        self.submit()
        return self

    def pull(self, payout_id: str, reason: str = "the account was changed") -> None:
        self.batch, row = batch.pull(self.batch, list(self.rows.values()), payout_id, reason=reason)
        if self.rows[payout_id] != row:
            self._move(row, Move.SENT_BACK, reason)

    def cancel(self, confirmed_by: str | None = None) -> None:
        self.batch, rows = batch.cancel(
            self.batch, self.rows.values(), by=MAKER, at=APPROVED, because="wrong day", confirmed_by=confirmed_by
        )
        for row in rows:
            self._move(row, Move.SENT_BACK, "cancelled")

    def answer(self, *results: Result) -> list[Answer]:
        found = batch.answers(self.batch, self.rows.values(), results)
        for one in found:
            if one.row is not None:
                self._move(one.row, one.move, one.result.utr or one.result.payout_id)
        self.batch = batch.progress(self.batch, self.rows.values())
        return found

    def _move(self, row: Row, move: Move | None, reference: str) -> None:
        self.rows[row.payout_id] = row
        head = self.heads[row.group_id]
        match move:
            case Move.ARRIVED:
                entry = payout.arrived(head, BATCH, utr=reference, at=APPROVED)
                self.paid[row.payout_id] = entry
            case Move.SENT_BACK:
                entry = payout.sent_back(head, BATCH, reference=reference, at=APPROVED)
            case Move.CAME_BACK:
                entry = payout.came_back(head, self.paid[row.payout_id], reference=reference, at=APPROVED)
            case None:
                return
        self.put(entry)

    def in_transit(self, group: str) -> int:
        return self.heads[group].owed(accounts.payout_in_transit(BATCH, group))

    def faults(self) -> list[Fault]:
        return [fault for group, head in self.heads.items() for fault in audit(head.item(), self.entries[group])]


def said(row: Row, status: Status, utr: str | None = None, *, paise: int | None = None) -> Result:
    """What a bank says of a row, with the reference that it gives each of its own accord."""
    known = utr if utr is not None else f"UTR{row.payout_id}"
    return Result(
        row.payout_id,
        row.amount_paise if paise is None else paise,
        status,
        known if status is Status.EXECUTED else "",
        "" if status is Status.EXECUTED else "ACCOUNT CLOSED",
        "2026-12-16",
        1,
    )
