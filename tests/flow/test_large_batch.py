"""Ten thousand groups in one batch: all are paid, the totals tie, and each group costs the same behind ten thousand
others as behind a hundred."""

from __future__ import annotations

import io

import pytest

from hunar import bank_files, tables
from hunar.domain import bank_file, pain001
from hunar.domain import batch as batches
from hunar.domain.bank_file import FileRefused, Instruction
from hunar.domain.batch import State
from hunar.messages import ClosePeriod
from hunar.tables import Table
from hunar.use_cases import payouts
from hunar.use_cases.payees import beneficiary_of
from tests.large_batch import STEPS, Played, played
from tests.paydesk import BATCH, MAKER, PayDesk, answer
from tests.payees import TERMS

DEBTOR = pain001.Debtor("Hunar Demo Federation", "000451009999", "HDFC0000001")
GROUPS = 10_000
SHARED = ("close", "approve", "submit", "answer")
"""The steps that are about all groups of a batch."""


@pytest.fixture(scope="module")
def hundred() -> Played:
    return played(100)


@pytest.fixture(scope="module")
def thousand() -> Played:
    return played(1_000)


@pytest.fixture(scope="module")
def many() -> Played:
    return played(GROUPS)


def test_ten_thousand_groups_are_paid_and_everything_ties(many: Played) -> None:
    made, desk = many.desk.batch(), many.desk
    assert (made.state, made.count) == (State.COMPLETED, GROUPS)
    assert made.control_total == sum(range(100, 100 + GROUPS))
    _, content = payouts.file_of(desk.operator, BATCH)
    lines = content.decode("ascii").splitlines()[1:]
    assert len(lines) == GROUPS
    assert sum(int(line.split(",")[7].replace(".", "")) for line in lines) == made.control_total
    assert len(desk.told("PAYOUT_COMPUTED")) == len(desk.told("PAYOUT_PAID")) == GROUPS
    # As a call to the operators' API, which takes six megabytes.
    assert many.answer_bytes < 4_000_000


def test_a_group_costs_the_same_behind_a_hundred_a_thousand_and_ten_thousand(
    hundred: Played, thousand: Played, many: Played
) -> None:
    for step in SHARED:
        for larger, smaller in ((thousand, hundred), (many, thousand)):
            # Pages are as large as there are rows for them, so a few more groups cost a little less.
            assert larger.calls(step) <= smaller.calls(step) * 1.05, step
            assert larger.units(step) <= smaller.units(step) * 1.05, step
    statement = [one.used["statement"] for one in (hundred, thousand, many)]
    assert statement[0] == statement[1] == statement[2]


def test_the_time_grows_with_the_groups_and_no_faster(thousand: Played, many: Played) -> None:
    whole = [sum(one.seconds[step] for step in SHARED) for one in (thousand, many)]
    # Ten times, with room for a busy machine; a step that looked at all rows for each row would be a hundred.
    assert whole[1] / whole[0] < 25, f"{whole[0]:.2f} s and {whole[1]:.2f} s"


def test_groups_without_news_cost_nothing(hundred: Played) -> None:
    beside = played(100, idle=2_000)
    assert beside.desk.batch().count == 100
    for step in STEPS:
        assert beside.used[step] == hundred.used[step], step


def instructions(desk: PayDesk) -> list[Instruction]:
    rows = desk.rows().values()
    keys = [tables.beneficiary_version(row.group_id, row.beneficiary_version) for row in rows]
    frozen = {item["group_id"]: beneficiary_of(item) for item in desk.store.read(keys).values()}
    return batches.instructions(rows, frozen)


@pytest.mark.parametrize("layout", bank_files.LAYOUTS)
def test_ten_thousand_rows_as_every_layout_has_them(many: Played, layout: str) -> None:
    """Of what a bank's file does not take so many, the refusal says so before anything is approved."""
    found = bank_files.layout(layout)
    if found.most_rows is not None and found.most_rows < GROUPS:
        with pytest.raises(FileRefused, match=f"{GROUPS}.*{found.most_rows}|{found.most_rows}.*{GROUPS}"):
            bank_file.write(found, TERMS, instructions(many.desk))
        most = instructions(many.desk)[: found.most_rows]
        assert bank_file.write(found, TERMS, most).count == found.most_rows
        return
    made = bank_file.write(found, TERMS, instructions(many.desk))
    assert (made.count, made.control_total) == (GROUPS, many.desk.batch().control_total)
    assert found.most_bytes is None or len(made.content) <= found.most_bytes
    if found.results is None:
        return
    # What the layout's own bank would answer is read whole.
    text = io.StringIO()
    for one in instructions(many.desk):
        text.write(line_of(layout, one))
    head = ",".join(column.name for column in found.results.columns) + "\r\n" if found.heading else ""
    results = bank_file.read_results(found, "R.csv", (head + text.getvalue()).encode("ascii"))
    assert len(results) == GROUPS
    assert sum(one.amount_paise for one in results) == made.control_total


def line_of(layout: str, one: Instruction) -> str:
    results = bank_files.layout(layout).results
    assert results is not None
    said = {
        "payout_id": one.payout_id,
        "amount": f"{one.amount_paise // 100}.{one.amount_paise % 100:02}",
        "utr": f"UTR{one.payout_id}",
    }
    cells = []
    for column in results.columns:
        if column.value == "date":
            cells.append("20261216" if column.format == "YYYYMMDD" else "2026-12-16")
        elif column.value == "state":
            cells.append(next(word for word, state in column.words.items() if state == "EXECUTED"))
        else:
            cells.append(said.get(str(column.value), ""))
    return ",".join(cells) + "\r\n"


def test_ten_thousand_payments_as_a_message_of_iso_20022(many: Played) -> None:
    made = pain001.write(DEBTOR, BATCH, "2026-12-16", instructions(many.desk), made_at=many.desk.now)
    assert (made.count, made.control_total) == (GROUPS, many.desk.batch().control_total)


def test_an_answer_is_kept_in_parts_and_no_message_carries_it(many: Played) -> None:
    desk = many.desk
    page = desk.store.page(Table.BATCHES, tables.batch_of(BATCH), prefix="ANSWER#", limit=100)
    assert [len(item["results"]) for item in page.items] == [payouts.MOST_RESULTS] * (GROUPS // payouts.MOST_RESULTS)


# what does not fit into one invocation goes on in the next


def hurried(desk: PayDesk, steps: int) -> None:
    """Each invocation has time for so many looks at the clock; then its time is over."""
    seen = iter(range(10**9))
    desk.time_left = lambda: 60 if next(seen) % (steps + 1) < steps else 1


def test_an_answer_goes_on_where_it_stopped_and_each_group_is_told_once() -> None:
    desk = PayDesk()
    for number in range(30):
        desk.group(f"G{number:02}", paise=100 + number, number=number)
    desk.filed()
    hurried(desk, 7)
    done = desk.bank(*(answer(row) for row in desk.rows().values()))
    assert done == ["PAID:7", "PAID:7", "PAID:7", "PAID:7", "PAID:2"]
    assert desk.batch().state is State.COMPLETED
    assert len(desk.told("PAYOUT_PAID")) == 30
    assert desk.sound()


def test_a_crowd_that_cannot_be_paid_does_not_keep_a_closing_from_those_behind_it() -> None:
    """They stay payable and first in the line. Taken from its beginning each time, the others' turn never came."""
    desk = PayDesk()
    for number in range(450):
        desk.group(f"G{number:03}", paise=100, number=number, account=number >= 400)
    hurried(desk, 150)
    said = desk.obey(ClosePeriod(batch_id=BATCH, by=MAKER))
    desk.work()
    assert said == "UNFINISHED"
    assert (desk.batch().state, desk.batch().count) == (State.CLOSED, 50)


def test_a_part_of_an_answer_looks_at_the_ends_of_a_batch_and_not_at_all_of_it(many: Played) -> None:
    """The whole batch is read twice: to check what the answer says, and when it seems to be the last part."""
    pages = many.used["answer"].calls["Query"]
    parts = GROUPS // payouts.MOST_RESULTS
    assert pages <= 2 * parts + GROUPS // 1_000 + 2, pages
