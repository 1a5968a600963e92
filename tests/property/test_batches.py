"""Whatever a bank answers, in whatever order and however often: a batch, its rows and the books stay one amount.

I14 (control total = sum of rows = in transit), I15, I16 (rejected and returned restore exactly) and I24 of the
invariants that a payout engine must keep.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import accounts, batch
from hunar.domain.bank_file import Status
from hunar.domain.batch import RowState, State
from tests.payees import BATCH, CHECKER, Payouts, said

AMOUNTS = st.lists(st.integers(1, 10**9), min_size=1, max_size=4)
NEWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Status)), max_size=12)
PULLED = st.sets(st.integers(0, 3), max_size=3)


def groups(amounts: Sequence[int]) -> dict[str, int]:
    return {f"G{number:02d}": paise for number, paise in enumerate(amounts, 1)}


def holds(payouts: Payouts) -> None:
    """What must be true after every single step."""
    rows = list(payouts.rows.values())
    assert payouts.batch.control_total == sum(row.amount_paise for row in batch.live(rows))
    assert batch.in_transit(rows) == sum(map(payouts.in_transit, payouts.amounts))
    for row in rows:
        head, paise = payouts.heads[row.group_id], payouts.amounts[row.group_id]
        bank = sum(
            posting["amount_paise"]
            for entry in payouts.entries[row.group_id]
            for posting in entry["postings"]  # type: ignore[attr-defined]
            if posting["account"] == accounts.BANK
        )
        owed = {RowState.IN_TRANSIT: (0, paise, 0), RowState.PAID: (0, 0, -paise)}.get(row.state, (paise, 0, 0))
        assert (head.payable, payouts.in_transit(row.group_id), bank) == owed
    assert payouts.faults() == []


@given(AMOUNTS, PULLED, NEWS)
def test_any_answers_in_any_order_keep_one_amount(
    amounts: list[int], pulled: set[int], news: list[tuple[int, Status]]
) -> None:
    payouts = Payouts(groups(amounts))
    payouts.collect()
    payouts.close()
    holds(payouts)
    ids = sorted(payouts.rows)
    out = [ids[place] for place in sorted(pulled) if place < len(ids) - 1]
    for number, payout in enumerate(out):
        if number % 2:
            payouts.approve()
        payouts.pull(payout)
        holds(payouts)
    payouts.approve()
    file = payouts.submit()
    assert (file.count, file.control_total) == (payouts.batch.count, payouts.batch.control_total)
    for place, status in news:
        payouts.answer(said(payouts.rows[ids[place % len(ids)]], status))
        holds(payouts)
    for payout in ids:
        seen = {status for place, status in news if ids[place % len(ids)] == payout}
        row = payouts.rows[payout]
        if payout in out:
            assert row.state is RowState.PULLED
        elif not seen:
            assert row.state is RowState.IN_TRANSIT
        else:
            assert (row.state is RowState.PAID) == (seen == {Status.EXECUTED})
    waiting = any(row.state is RowState.IN_TRANSIT for row in payouts.rows.values())
    assert payouts.batch.state is (State.FILED if waiting else State.COMPLETED) or not news
    assert payouts.file().sha256 == payouts.batch.file_sha256


@given(AMOUNTS, NEWS, st.randoms(use_true_random=False))
def test_answers_that_come_in_one_file_or_in_many_end_the_same(
    amounts: list[int], news: list[tuple[int, Status]], random: object
) -> None:
    together, apart = Payouts(groups(amounts)).filed(), Payouts(groups(amounts)).filed()
    ids = sorted(together.rows)
    results = [said(together.rows[ids[place % len(ids)]], status) for place, status in news]
    together.answer(*results)
    for result in results:
        apart.answer(result)
        apart.answer(result)
    assert together.rows == apart.rows
    assert together.heads == apart.heads
    assert together.batch == apart.batch
    shuffled, other = list(results), Payouts(groups(amounts)).filed()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other.answer(*shuffled)
    owed = {group: (head.payable, other.in_transit(group)) for group, head in other.heads.items()}
    assert owed == {group: (head.payable, together.in_transit(group)) for group, head in together.heads.items()}


@given(AMOUNTS, st.sampled_from(["closed", "approved", "filed"]))
def test_a_cancelled_batch_restores_every_group(amounts: list[int], when: str) -> None:
    payouts = Payouts(groups(amounts))
    payouts.collect()
    payouts.close()
    if when != "closed":
        payouts.approve()
    if when == "filed":
        payouts.submit()
    payouts.cancel(CHECKER)
    payouts.cancel(CHECKER)
    assert {group: head.payable for group, head in payouts.heads.items()} == payouts.amounts
    assert all(payouts.in_transit(group) == 0 for group in payouts.amounts)
    assert payouts.faults() == []
    assert payouts.batch.batch_id == BATCH
