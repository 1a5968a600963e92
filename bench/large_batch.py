"""What a batch costs by the number of its groups: AWS calls and write units of each group, and time.

The real use cases over the in-memory store, which counts calls and units by DynamoDB's rules. Time is the program's own
on this machine, so it is shown against the smallest batch of the same run: 1.0 is the same for each group.

    python -m bench.large_batch
"""

from __future__ import annotations

from typing import Final

from hunar.domain.batch import State
from tests.large_batch import STEPS, Played, played

SIZES: Final = (100, 1_000, 10_000)
IDLE: Final = 10_000
"""Groups without news, beside the smallest batch."""
MEANS: Final = {
    "close": "all that is payable goes into the batch",
    "approve": "the file is made and kept, groups are told what comes",
    "submit": "the file is made once more and given out",
    "answer": "a reverse file with a row for each: kept, booked, groups told",
    "statement": "of one group; the whole of it, not for each",
}


def report() -> str:
    runs = [(f"{size:,}", played(size)) for size in SIZES]
    runs.append((f"{SIZES[0]:,} beside {IDLE:,} idle", played(SIZES[0], idle=IDLE)))
    first = runs[0][1]
    lines = ["A batch of payouts: for each group, and its time against that of the first row", ""]
    for step in STEPS:
        lines.append(f"{step}: {MEANS[step]}")
        for name, one in runs:
            each = one.groups if step != "statement" else 1
            calls, units = sum(one.used[step].calls.values()) / each, one.used[step].write_units / each
            ratio = (one.seconds[step] / each) / (first.seconds[step] / (first.groups if each > 1 else 1))
            lines.append(f"  {name:24} {calls:7.2f} calls {units:7.2f} write units   x{ratio:.2f}")
        lines.append("")
    largest = runs[len(SIZES) - 1][1]
    return "\n".join([*lines, _totals(largest)])


def _totals(one: Played) -> str:
    batch = one.desk.batch()
    paid = sum(row.amount_paise for row in one.desk.rows().values() if row.state == "PAID")
    tied = batch.state is State.COMPLETED and paid == batch.control_total
    return (
        f"{batch.count:,} groups: control total {batch.control_total:,} paise, paid {paid:,}"
        f"{', tied' if tied else ', NOT TIED'}; the bank's answer has {one.answer_bytes:,} bytes"
    )


if __name__ == "__main__":
    print(report())
