"""Ten thousand groups in one batch: all are paid, the totals tie, and the work grows with the groups and no faster."""

from __future__ import annotations

import time

from hunar.adapters.memory import MemoryStore
from hunar.domain.batch import State
from hunar.use_cases import payouts
from tests.paydesk import BATCH, PayDesk, answer


def played(groups: int) -> tuple[float, PayDesk]:
    desk = PayDesk(store=MemoryStore(remembers=False))
    for number in range(groups):
        desk.group(f"G{number:05}", paise=100 + number, number=number)
    desk.work()
    begin = time.process_time()
    desk.close()
    desk.approve()
    desk.submit()
    desk.bank(*(answer(row) for row in desk.rows().values()))
    return time.process_time() - begin, desk


def test_ten_thousand_groups_in_one_batch_tie_and_cost_ten_times_a_thousand() -> None:
    small, _ = played(1_000)
    large, desk = played(10_000)

    made = desk.batch()
    assert (made.state, made.count) == (State.COMPLETED, 10_000)
    assert made.control_total == sum(range(100, 10_100))
    _, content = payouts.file_of(desk.operator, BATCH)
    lines = content.decode("ascii").splitlines()[1:]
    assert len(lines) == 10_000
    assert sum(int(line.split(",")[7].replace(".", "")) for line in lines) == made.control_total
    assert len(desk.told("PAYOUT_COMPUTED")) == len(desk.told("PAYOUT_PAID")) == 10_000
    # Ten times, with room for a busy machine; a step that looked at all rows for each row would be a hundred.
    assert large / small < 25, f"{small:.2f} s and {large:.2f} s"
