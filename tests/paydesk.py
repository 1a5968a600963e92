"""Groups with money that is payable and accounts that can be paid, and everybody who works on their batches."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hunar import tables
from hunar.adapters.memory import MemoryPayoutFiles, MemoryQueues, MemoryStore
from hunar.domain import accounts, batch
from hunar.domain.bank_file import Result, Status
from hunar.domain.batch import Batch, Row, State
from hunar.domain.head import Fault, Head, after, audit
from hunar.domain.ledger import SETTLED, Entry, Posting
from hunar.messages import BATCH_COMMAND, NOTIFICATION, BatchCommand, ClosePeriod, Tell
from hunar.ports import ABSENT, Put, QueueName
from hunar.tables import Item, Table
from hunar.use_cases import operate, payees, payouts
from hunar.use_cases.close_period import Desk, entry_put, rows_of
from hunar.use_cases.obey_batches import obey
from hunar.use_cases.operate import By
from hunar.use_cases.payouts import PayoutTerms
from hunar.use_cases.retry import retried
from tests.book import POLICY
from tests.payees import CHECKER, MAKER, details

NOW = "2026-12-15T06:00:00Z"
EARNED = "2026-12-10T06:00:00Z"
BATCH = "2026-12-15-S"


def by(person: str = MAKER, reason: str = "", act_id: str = "act-1") -> By:
    return By(person, reason, act_id)


class PayDesk:
    """``layout`` and ``bank`` are the agency's. Each ``earn`` is one more entry of a group, as a release leaves it."""

    def __init__(self, *, store: MemoryStore | None = None, layout: str = "generic_csv", **bank: str) -> None:
        self.store = store or MemoryStore()
        self.queues = MemoryQueues()
        self.files = MemoryPayoutFiles()
        self.now = NOW
        self.minimum_paise = 0
        self.terms = PayoutTerms(layout, bank, cooling_days=7)
        self.time_left: Callable[[], int] = lambda: 60
        self.texts: list[Tell] = []
        self._sales = 0

    # who is there

    def group(self, group_id: str, *, paise: int = 0, number: int = 1, account: bool = True, **clauses: Any) -> None:
        item = {"group_id": group_id, "name": group_id, "policies": [POLICY | clauses]}
        contact = {"group_id": group_id, "slot": "leader", "phone": "+919999900000", "previous_phone": None}
        self.store.commit([Put(tables.group(group_id), item), Put(tables.contact(group_id, "leader"), contact)])
        if account:
            self.account(group_id, number)
        if paise:
            self.earn(group_id, paise)

    def account(self, group_id: str, number: int = 1, *, confirmed: bool = True, **said: str | None) -> None:
        typed = details(number, **said)
        one = payees.propose(self.operator, group_id, typed, by(MAKER), cooling_days=self.terms.cooling_days)
        if confirmed:
            payees.confirm(self.operator, group_id, one.version, by(CHECKER), looked_up=typed.name, name_note=None)

    def earn(self, group_id: str, paise: int, *, at: str = EARNED, order_ref: str | None = None) -> None:
        """Paise below zero become a debt."""
        self._sales += 1
        where = accounts.group_payable(group_id) if paise > 0 else accounts.group_debt(group_id)
        receivable = accounts.marketplace_receivable("flipkart")
        postings = (Posting(receivable, "settlement", paise), Posting(where, "settlement", -paise))
        self.post(
            Entry(SETTLED, ("sale", self._sales), at, postings, group_id, order_ref or f"flipkart:demo:{self._sales}")
        )

    def post(self, entry: Entry) -> None:
        key = tables.book(str(entry.group_id))
        found = self.store.read([key]).get(key)
        before = Head.of(found) if found else Head(str(entry.group_id))
        moved, (sealed,) = after(before, entry)
        self.store.commit([Put(key, tables.book_item(moved), before.version or ABSENT), entry_put(sealed, at=self.now)])

    # what is done

    @property
    def desk(self) -> Desk:
        return Desk(
            self.store,
            self.queues,
            self.now,
            self.again,
            minimum_paise=self.minimum_paise,
            patience_days=15,
            time_left=self.time_left,
        )

    @property
    def operator(self) -> payouts.Desk:
        return payouts.Desk(self.store, self.queues, self.now, self.again, self.files, self.terms)

    def again(self, action: Callable[[], Any]) -> Any:
        return retried(action, pause=lambda seconds: None, random=lambda: 0.5)

    def obey(self, command: BatchCommand) -> str:
        return obey(self.desk, command)

    def work(self, shuffle: random.Random | None = None) -> list[str]:
        """All commands that wait, and those that they send. Texts are put aside."""
        done: list[str] = []
        waiting = [body for body, _ in self.queues.taken(QueueName.PAYOUT_BATCHES)]
        while waiting:
            place = shuffle.randrange(len(waiting)) if shuffle else 0
            done.append(self.obey(BATCH_COMMAND.validate_json(waiting.pop(place))))
            waiting += [body for body, _ in self.queues.taken(QueueName.PAYOUT_BATCHES)]
        for body, _ in self.queues.taken(QueueName.NOTIFICATIONS):
            message = NOTIFICATION.validate_json(body)
            assert isinstance(message, Tell)
            self.texts.append(message)
        return done

    def close(self, batch_id: str = BATCH, person: str = MAKER) -> str:
        said = self.obey(ClosePeriod(batch_id=batch_id, by=person))
        self.work()
        return said

    def approve(self, batch_id: str = BATCH, person: str = CHECKER, **said: Any) -> Batch:
        usual = {"seen": self.batch(batch_id).digest}
        approved = payouts.approve(self.operator, batch_id, by(person), **usual | said)
        self.work()
        return approved

    def submit(self, batch_id: str = BATCH, person: str = CHECKER) -> Batch:
        return payouts.submit(self.operator, batch_id, by(person))

    def filed(self, batch_id: str = BATCH) -> PayDesk:
        self.close(batch_id)
        self.approve(batch_id)
        self.submit(batch_id)
        return self

    def bank(self, *results: Result, batch_id: str = BATCH) -> list[str]:
        payouts.paid(self.operator, batch_id, results, by(MAKER))
        return self.work()

    # what is true

    def batch(self, batch_id: str = BATCH) -> Batch:
        key = tables.batch(batch_id)
        return Batch.of(self.store.read([key])[key])

    def rows(self, batch_id: str = BATCH) -> dict[str, Row]:
        """By group."""
        return {item["group_id"]: Row.of(item) for item in rows_of(self.store, batch_id)}

    def head(self, group_id: str) -> Head:
        key = tables.book(group_id)
        return Head.of(self.store.read([key])[key])

    def open(self, *kinds: str) -> list[Item]:
        found = [item for _, item in self.store.scan(Table.EXCEPTIONS) if item["closed_at"] is None]
        return [item for item in found if not kinds or item["kind"] in kinds]

    def told(self, kind: str) -> list[Tell]:
        """Each text once, however often its message came."""
        return list({one.notification_id: one for one in self.texts if one.notification_kind == kind}.values())

    def sound(self) -> bool:
        """Every book is proved by its entries, and every batch ties to what is in transit."""
        everything = self.store.everything()
        heads = [item for key, item in everything.items() if key.sk == "HEAD"]
        faults: list[Fault] = []
        for item in heads:
            page = self.store.page(
                Table.LEDGER, tables.book_of(item["group_id"]), prefix=tables.BOOK_ENTRIES, limit=10_000
            )
            faults += audit(item, page.items)
        assert not faults, faults
        transit: dict[str, int] = {}
        for item in heads:
            for account, paise in item["balances"].items():
                if account.startswith("payout_in_transit:"):
                    transit[account.split(":")[1]] = transit.get(account.split(":")[1], 0) - paise
        for key, item in everything.items():
            if key.table is Table.BATCHES and key.sk == "BATCH":
                rows = [Row.of(one) for one in rows_of(self.store, item["batch_id"])]
                assert batch.in_transit(rows) == transit.pop(item["batch_id"], 0)
                if item["state"] not in (State.DRAFT, State.CANCELLED):
                    batch.check(Batch.of(item), rows)
                    assert item["control_total"] == sum(one.amount_paise for one in batch.live(rows))
                    assert item["count"] == len(batch.live(rows))
        assert not transit, transit
        return True


def answer(row: Row, status: Status = Status.EXECUTED, utr: str | None = None, *, paise: int | None = None) -> Result:
    """What a bank says of a row, with a reference that it gives of its own accord."""
    known = utr if utr is not None else f"UTR{row.payout_id}"
    executed = status is Status.EXECUTED
    amount = row.amount_paise if paise is None else paise
    return Result(
        row.payout_id, amount, status, known if executed else "", "" if executed else "ACCOUNT CLOSED", "2026-12-16", 1
    )


__all__ = ["BATCH", "CHECKER", "MAKER", "NOW", "PayDesk", "answer", "by", "operate"]
