"""Random agencies as far as the bank: periods are closed, approved, given out, answered in any order, cancelled and
corrected; accounts change, groups join others, statements are given out; and every promise is looked at on the way.

An agency is drawn from one number as in ``test_agencies``: ``Banked(Agency(seed), random.Random(seed + 1))``.
"""

from __future__ import annotations

import csv
import io
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hunar import tables
from hunar.domain import accounts, batch
from hunar.domain.bank_file import Status
from hunar.domain.batch import Row, RowState, State
from hunar.domain.head import Head
from hunar.domain.rate_card import day_of_sale
from hunar.domain.statement import DEBT, Point, Statement, ties
from hunar.messages import ReleaseHold
from hunar.ports import Put
from hunar.tables import Table
from hunar.use_cases import mergers, payout_corrections, payouts
from hunar.use_cases.close_period import rows_of
from hunar.use_cases.make_statement import NoBook, keep, make
from hunar.use_cases.operate import NotNow
from hunar.use_cases.payout_corrections import CORRECTED
from tests.payday import head_of
from tests.paydesk import CHECKER, MAKER, PayDesk, answer, by
from tests.property.test_agencies import Agency, Life, keeps_its_books
from tests.till import Till

AGENCIES = max(150, settings.default.max_examples // 30)


class Banked(Life):
    """A life whose money goes through batches."""

    def __init__(self, agency: Agency, chance: random.Random) -> None:
        super().__init__(agency, chance, payouts=True)
        self.desk = PayDesk(store=self.till.store)
        self.statements: dict[str, list[Statement]] = {group: [] for group in agency.groups}
        self.accounts = 50
        self._tick()
        for number, group in enumerate(agency.groups, 1):
            if chance.random() < 0.9:
                self.desk.account(group, number)

    def _tick(self) -> None:
        self.desk.now = self.till.now

    def _bank(self) -> None:
        chance = self.chance
        for _ in range(chance.randint(2, 8)):
            self._tick()
            often = (self._step, self._answer)
            chance.choice([self._close, self._release, *often, *often, *often, self._person, self._paper])()
            self._look()

    # what happens

    def _release(self) -> None:
        """A month goes by; what is held of one line may be released."""
        order_ref, line_id = self.chance.choice(self.agency.names)
        self.till.now = max(self.till.now, f"2027-01-{self.chance.randint(1, 28):02}T12:00:00Z")
        self.till.obey(ReleaseHold(order_ref=order_ref, line_id=line_id))

    def _close(self) -> None:
        self._tick()
        self.batches += 1
        self.desk.minimum_paise = self.chance.choice((0, 10_000))
        self.desk.close(f"B{self.batches}")

    def _headers(self, *states: State) -> list[str]:
        found = [item for key, item in self.desk.store.scan(Table.BATCHES) if key.sk == "BATCH"]
        return sorted(item["batch_id"] for item in found if item["state"] in states)

    def _step(self) -> None:
        """One person's step with one batch that the bank does not have."""
        chance, desk = self.chance, self.desk
        waiting = self._headers(State.CLOSED, State.APPROVED)
        if not waiting:
            return
        batch_id = chance.choice(waiting)
        if desk.batch(batch_id).state is State.CLOSED:
            self._refused(lambda: desk.approve(batch_id, person=MAKER))
            desk.approve(batch_id)
            return
        match chance.randrange(6):
            case 0:
                payouts.withdraw(desk.operator, batch_id, by(MAKER))
            case 1:
                payouts.cancel(desk.operator, batch_id, by(MAKER, "wrong day"))
                desk.work()
            case 2:
                row = chance.choice(batch.live(desk.rows(batch_id).values()))
                payouts.pull(desk.operator, batch_id, row.payout_id, by(MAKER, "the group asked"))
                desk.work()
            case _:
                self._give_out(batch_id)

    def _refused(self, act: Any) -> None:
        """I24: nobody does it, and nothing of it is done."""
        before = self.desk.store.everything()
        with pytest.raises(NotNow):
            act()
        assert self.desk.store.everything() == before, "I24"

    def _give_out(self, batch_id: str) -> None:
        desk = self.desk
        if str(desk.batch(batch_id).value_date) < day_of_sale(desk.now):
            self._refused(lambda: desk.submit(batch_id))
            payouts.withdraw(desk.operator, batch_id, by(MAKER))
            desk.approve(batch_id)
        row = self.chance.choice(batch.live(desk.rows(batch_id).values()))
        key = tables.batch_row(batch_id, row.payout_id)
        stored = desk.store.read([key])[key]
        desk.store.commit([Put(key, stored | {"amount_paise": row.amount_paise + 1})])
        self._refused(lambda: desk.submit(batch_id))
        desk.store.commit([Put(key, stored)])
        kept = payouts.object_name(desk.batch(batch_id))
        content = desk.files.objects[kept]
        desk.files.objects[kept] = content.replace(b".", b"1.", 1)
        self._refused(lambda: desk.submit(batch_id))
        desk.files.objects[kept] = content
        desk.submit(batch_id)

        # I14: the file pays what its rows say, and that is what the batch has in transit.
        _, given_out = payouts.file_of(desk.operator, batch_id)
        in_file = {one["payout_id"]: int(one["amount"].replace(".", "")) for one in read(given_out)}
        rows = {one.payout_id: one.amount_paise for one in batch.live(desk.rows(batch_id).values())}
        header = desk.batch(batch_id)
        assert in_file == rows and (header.count, header.control_total) == (len(rows), sum(rows.values())), "I14"
        assert sum(rows.values()) == self._in_transit(batch_id), "I14"

    def _in_transit(self, batch_id: str) -> int:
        return sum(
            head_of(self.till, group).owed(accounts.payout_in_transit(batch_id, group)) for group in self.agency.groups
        )

    def _answer(self) -> None:
        """What the bank says of one row, true or not; the same once more, now and then."""
        chance, desk = self.chance, self.desk
        states = [State.FILED, State.FILED, State.COMPLETED, State.CANCELLED]
        there = [(name, row) for name in self._headers(*states) for row in desk.rows(name).values()]
        if not there:
            return
        batch_id, row = chance.choice(there)
        if chance.random() < 0.2 and desk.batch(batch_id).state is State.FILED:
            for person in (MAKER, CHECKER):
                try:
                    payouts.cancel(desk.operator, batch_id, by(person, "the bank lost it"))
                except NotNow:
                    break
            desk.work()
            return
        status = chance.choice([Status.EXECUTED, Status.EXECUTED, Status.REJECTED, Status.RETURNED])
        before = head_of(self.till, row.group_id)
        said = answer(row, status)
        desk.bank(said, batch_id=batch_id)
        after, now = head_of(self.till, row.group_id), desk.rows(batch_id)[row.group_id]
        if status is not Status.EXECUTED and now.state is not row.state:
            # I16. What was a debt, because it was paid twice, ends first; what joined another group goes on.
            more = 0 if after.into else row.amount_paise
            assert after.payable - after.debt == before.payable - before.debt + more, "I16"
            assert row.twice or after.payable == before.payable + more, "I16"
        if chance.random() < 0.5:
            everything = desk.store.everything()
            desk.bank(said, batch_id=batch_id)
            assert desk.store.everything() == everything

    def _person(self) -> None:
        """Somebody looks into the worklist, changes an account, or writes down that two groups are one."""
        chance, desk, groups = self.chance, self.desk, self.agency.groups
        shown = desk.open(*CORRECTED)
        if shown:
            one, paid = chance.choice(shown), chance.random() < 0.6
            for person in (MAKER, CHECKER):
                try:
                    payout_corrections.correct(
                        desk.operator, one["subject"]["batch_id"], one["exception_id"], by(person, "asked"), paid=paid
                    )
                except NotNow:
                    break
            desk.work()
        elif chance.random() < 0.1 and len(groups) > 1:
            group, into = chance.sample(groups, 2)
            try:
                for person in (MAKER, CHECKER):
                    mergers.merge(desk.operator, group, into, by(person, "book 3"))
            except NotNow:
                return
            desk.work()
        elif chance.random() < 0.3:
            self.accounts += 1
            desk.account(chance.choice(groups), self.accounts)
            desk.work()

    def _paper(self) -> None:
        """A statement is given out."""
        group = self.chance.choice(self.agency.groups)
        try:
            made = make(self.desk.store, group)
        except NoBook:
            return
        if keep(self.desk.store, made, now=self.desk.now):
            self.statements[group].append(made.statement)

    # what is true

    def _look(self) -> None:
        super()._look()
        rows: dict[str, list[Row]] = {}
        for batch_id in self._headers(*State):
            header = self.desk.batch(batch_id)
            known = [Row.of(item) for item in rows_of(self.desk.store, batch_id)]
            assert batch.in_transit(known) == self._in_transit(batch_id), "I14"
            if header.state not in (State.DRAFT, State.CANCELLED):
                batch.check(header, known)
                assert header.control_total == sum(one.amount_paise for one in batch.live(known)), "I14"
            if header.approved_by is not None:
                assert header.approved_by != header.made_by, "I24"
            for one in known:
                rows.setdefault(one.group_id, []).append(one)
        for of_group in rows.values():
            of_group.sort(key=lambda one: one.seq_to)
            for one, then in zip(of_group, of_group[1:], strict=False):
                assert one.seq_from < one.seq_to <= then.seq_from, "I15"

    def _finish(self) -> None:
        super()._finish()
        self._tick()
        self.desk.close("LAST")
        self._look()


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("ascii"))))


@settings(max_examples=AGENCIES)
@given(st.integers(0, 2**63))
def test_i14_i15_i16_i21_i22_i24_i26_any_agency_pays_and_says_what_its_books_say(seed: int) -> None:
    agency = Agency(seed)
    life = Banked(agency, random.Random(seed + 1))
    till = life.play()
    keeps_its_books(agency, till)
    assert life.desk.sound()
    closings: dict[str, int] = {}
    for group in agency.groups:
        of_group = statements(till, group, life.statements[group])
        for made in of_group:
            opening, closing = made.opening.standing, made.closing.standing
            moved = {name: sum(of.get(name, 0) for of in made.moves.values()) for name in opening}
            assert {name: opening[name] + moved[name] for name in opening} == closing, "I21"
            owed = sum(one.amount_paise for one in made.debts)
            assert owed == closing[DEBT] - opening[DEBT], "I21"
        stands = of_group[-1].closing if of_group else Point(group)
        assert stands == Point.of_head(head_of(till, group)), "I22"
        for account, paise in stands.balances.items():
            closings[account] = closings.get(account, 0) + paise
    # I22: all that the statements end with is all that the ledger has for groups.
    of_groups = {name: paise for name, paise in till.balances().items() if accounts.group_of(name) is not None}
    assert closings == of_groups, "I22"
    # I13 at the bank: what left it is what arrived, row by row.
    paid = [row for batch_id in life._headers(*State) for row in life.desk.rows(batch_id).values()]
    gone = sum(row.amount_paise for row in paid if row.state is RowState.PAID)
    assert gone == -till.balances().get(accounts.BANK, 0)


def statements(till: Till, group: str, given_out: list[Statement]) -> list[Statement]:
    """Those that were given out and the one of what came since, each tied to the one before."""
    head: Head = head_of(till, group)
    ended = given_out[-1].closing.seq if given_out else 0
    last = [make(till.store, group, from_seq=ended).statement] if head.seq > ended else []
    made = [*given_out, *last]
    for before, after in zip(made, made[1:], strict=False):
        ties(before, after)
    return made
