"""One batch of as many groups as are asked for, from the closing to the last answer, with what each step cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hunar import bank_files
from hunar.adapters.write_units import Used
from hunar.domain.bank_file import Results
from hunar.use_cases import payouts
from hunar.use_cases.make_statement import keep, make
from tests.paydesk import BATCH, MAKER, PayDesk, by
from tests.tally import TallyStore

STEPS = ("close", "approve", "submit", "answer", "statement")


@dataclass
class Played:
    desk: PayDesk
    groups: int
    seconds: dict[str, float] = field(default_factory=dict)
    """Of a processor, by step."""
    answer_bytes: int = 0

    @property
    def used(self) -> dict[str, Used]:
        assert isinstance(self.desk.store, TallyStore)
        return self.desk.store.used

    def calls(self, step: str) -> float:
        """A group."""
        return sum(self.used[step].calls.values()) / self.groups

    def units(self, step: str) -> float:
        """A group."""
        return self.used[step].write_units / self.groups


def group(number: int) -> str:
    return f"G{number:05}"


def reverse_file(desk: PayDesk) -> bytes:
    """What the bank says of every row of the batch, as a CSV file."""
    columns = results_of("generic_csv").columns
    lines = [",".join(column.name for column in columns)]
    for row in desk.rows().values():
        said = {
            "payout_id": row.payout_id,
            "amount": f"{row.amount_paise // 100}.{row.amount_paise % 100:02}",
            "date": "2026-12-16",
            "state": "EXECUTED",
            "utr": f"UTR{row.payout_id}",
        }
        lines.append(",".join(said.get(str(column.value), "") for column in columns))
    return "\r\n".join([*lines, ""]).encode("ascii")


def results_of(layout: str) -> Results:
    found = bank_files.layout(layout).results
    assert found is not None
    return found


def played(groups: int, *, idle: int = 0) -> Played:
    """``idle`` groups have a book, an account and nothing that is payable."""
    store = TallyStore()
    desk = PayDesk(store=store)
    for number in range(groups):
        desk.group(group(number), paise=100 + number, number=number)
    for number in range(groups, groups + idle):
        desk.group(group(number), paise=-1, number=number)
    desk.work()
    made = Played(desk, groups)

    def step(name: str, *deeds: object) -> None:
        begin = time.process_time()
        with store.operation(name):
            for deed in deeds:
                deed()  # type: ignore[operator]
        made.seconds[name] = time.process_time() - begin

    step("close", desk.close)
    step("approve", desk.approve)
    step("submit", desk.submit)
    content = reverse_file(desk)
    made.answer_bytes = len(content)

    def answered() -> None:
        payouts.paid(desk.operator, BATCH, payouts.read_answer("generic_csv", "R.csv", content), by(MAKER))
        desk.work()

    step("answer", answered)

    def given_out() -> None:
        one = make(store, group(0))
        assert [line.last_four for line in one.statement.payments] == ["0077", "0077"]
        assert keep(store, one, now=desk.now)

    step("statement", given_out)
    return made
