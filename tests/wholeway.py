"""One agency from settlement lines to the bank and back: a till and a pay desk over one store."""

from __future__ import annotations

from typing import Any

from hunar.domain import accounts, registers
from hunar.domain.statement import Point, Statement, ties
from hunar.messages import ReleaseHold
from hunar.tables import Item
from hunar.use_cases import exports, mergers, payout_corrections, prove
from hunar.use_cases.make_statement import keep, make
from tests import proving
from tests.book import REFUND, SALE
from tests.paydesk import CHECKER, MAKER, PayDesk, by
from tests.till import Till, ref

SHARE = 68_886 - 3_444
"""Paise that a sale as ``tests/book.py`` has it makes payable to its group: her part less what goes into the fund."""


class WholeWay:
    """``till`` books what was settled, ``desk`` pays it. Both have one clock."""

    def __init__(self, *groups: str, **clauses: Any) -> None:
        self.desk = PayDesk()
        self.till = Till(store=self.desk.store)
        self.at("2026-12-20T06:00:00Z")
        for number, group in enumerate(groups, 1):
            self.desk.group(group, number=number, **clauses)
        self.statements: dict[str, Statement] = {}

    def at(self, now: str) -> None:
        self.till.now = self.desk.now = now

    def earn(self, name: str, group: str = "G03", *, heads: dict[str, int] | None = None) -> str:
        """A sale that is settled, and whose hold is over."""
        order_ref = self.till.sell(name, f"I-{name}", group_id=group)
        self.till.settle(self.till.line(heads or SALE, f"I-{name}", settlement_id=f"NEFT-{name}"))
        self.till.obey(ReleaseHold(order_ref=order_ref, line_id=f"I-{name}"))
        return order_ref

    def refund(self, name: str, **more: int) -> list[str]:
        """The buyer's money goes back, whenever the sale was paid out."""
        return self.till.settle(self.till.line(REFUND | more, f"I-{name}", settlement_id=f"BACK-{name}"))

    def paid(self, batch: str, *groups: str) -> None:
        """A whole batch, as far as the bank's answers for some groups, or for all."""
        from tests.paydesk import answer

        self.desk.filed(batch)
        rows = self.desk.rows(batch)
        self.desk.bank(*[answer(rows[group]) for group in groups or sorted(rows)], batch_id=batch)

    def correct(self, exception: Item, *, paid: bool, persons: tuple[str, ...] = (MAKER, CHECKER)) -> list[str]:
        """What two persons say that the bank did."""
        batch_id = exception["subject"]["batch_id"]
        for person in persons:
            said = by(person, "asked the bank")
            payout_corrections.correct(self.desk.operator, batch_id, exception["exception_id"], said, paid=paid)
        return self.desk.work()

    def join(self, group: str, into: str) -> None:
        for person in (MAKER, CHECKER):
            mergers.merge(self.desk.operator, group, into, by(person, "book 3, page 5"))
        self.desk.work()

    def statement(self, group: str) -> Statement:
        """The next one that is given out, tied to the one before."""
        made = make(self.desk.store, group)
        keep(self.desk.store, made, now=self.desk.now)
        now = made.statement
        if (before := self.statements.get(group)) is not None and now.number != before.number:
            ties(before, now)
        self.statements[group] = now
        return now

    def balances(self) -> dict[str, int]:
        """Every account, also what is in no group's book."""
        total: dict[str, int] = {}
        for entry in exports._every_entry(self.desk.store):
            if entry["kind"] != "EXPECTED":
                for posting in entry["postings"]:
                    total[posting["account"]] = total.get(posting["account"], 0) + posting["amount_paise"]
        return {account: paise for account, paise in sorted(total.items()) if paise}

    def gone(self) -> int:
        """Paise that left the agency's bank, less what came back."""
        return -self.balances().get(accounts.BANK, 0)

    def sound(self) -> bool:
        """Every book, batch and settlement proves itself; each group's statements end at its book."""
        assert self.desk.sound()
        proving.take(self.till)
        report = prove.prove(proving.desk(self.till))
        assert report.faults == [], report.faults
        assert sum(self.balances().values()) == 0
        aged: dict[tuple[str, str], int] = {}
        for lot in registers.lots(exports._every_entry(self.desk.store)):
            aged[lot.group_id, lot.where] = aged.get((lot.group_id, lot.where), 0) + lot.amount_paise
        for head in self.till.items("HEAD"):
            group = head["group_id"]
            for where, paise in Point(group, balances=head["balances"]).standing.items():
                if where in (registers.HELD, registers.PAYABLE, registers.ON_THE_WAY):
                    assert aged.get((group, where), 0) == paise, (group, where)
            whole = make(self.desk.store, group, from_seq=0).statement if head["seq"] else None
            if whole is not None:
                assert whole.opening == Point(group) and whole.closing.balances == head["balances"]
        return True


__all__ = ["SHARE", "WholeWay", "ref"]
