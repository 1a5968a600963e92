"""The faults of the catalogue that are about money, over settlement lines: by the catalogue's numbers."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from hunar import tables
from hunar.adapters.memory import Fault, MemoryStore
from hunar.domain.facts import Placed, Resolved, ReturnRequested, ReturnStep, Step
from hunar.messages import ComputePayout, ReleaseHold
from hunar.ports import Conflict, QueueName, Retryable
from tests.book import REFUND, SALE
from tests.payday import arrive, close, head_of
from tests.till import SOLD, Till, received, ref

BACK = (
    ReturnRequested("R-1", "I-1", "2026-12-01T10:00:00Z", "customer", 1, "S-1", "", ""),
    ReturnStep("R-1", "I-1", "2026-12-03T10:00:00Z", "received"),
)
RELEASE = ReleaseHold(order_ref=ref("S-1"), line_id="I-1")


@pytest.fixture
def till() -> Till:
    till = Till()
    till.group("G03")
    return till


def sound(till: Till) -> None:
    assert till.faults() == []
    assert sum(till.balances().values()) == 0


def test_fault_7_a_return_after_the_payout_is_a_debt_and_never_a_payout_below_nothing(till: Till) -> None:
    till.sell()
    till.settle(till.line(SALE))
    till.obey(RELEASE)
    assert close(till, "B1")
    arrive(till, "B1")
    bank = till.balances()["bank"]
    till.sell("S-1", "I-1", *BACK)
    till.settle(till.line(REFUND, settlement_id="NEFT-2"))
    till.obey(RELEASE)
    assert head_of(till, "G03").debt == -bank + 18_200
    assert close(till, "B2") is None
    assert till.balances()["bank"] == bank
    sound(till)


@pytest.mark.parametrize("call", range(1, 7))
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.ANSWER_LOST, Fault.REPEATED])
def test_faults_30_and_31_a_call_that_fails_or_whose_answer_is_lost_books_once(call: int, fault: Fault) -> None:
    """The command comes again, as the queue does it; whichever of its writes failed, the sum is there once."""
    left = [0]

    def fails(name: str) -> Fault | None:
        if name not in ("PutItem", "TransactWriteItems") or not left[0]:
            return None
        left[0] -= 1
        return fault if left[0] == 0 else None

    till = Till(store=MemoryStore(fault=fails))
    till.group("G03")
    till.settle(till.line(SALE))
    till.sell()
    commands: list[Any] = [ComputePayout(order_ref=ref("S-1"), line_id="I-1"), RELEASE]
    left[0] = call
    for _ in range(3):
        for command in commands:
            try:
                till.obey(command)
            except (Retryable, Conflict):
                till.queues.taken(QueueName.PAYOUTS)
    assert till.balances()["marketplace_receivable:flipkart"] == received([till.line(SALE)])
    assert "suspense" not in till.balances()
    assert head_of(till, "G03").payable > 0 == head_of(till, "G03").held
    sound(till)


def test_fault_33_twenty_lines_of_one_group_in_any_order_end_in_one_sound_book(till: Till) -> None:
    lines = []
    for number in range(20):
        till.sell(f"S-{number}", f"I-{number}")
        lines.append(till.line(SALE, f"I-{number}"))
    till.obey(*till.keep(*lines), *till.keep(*reversed(lines)), shuffle=random.Random(1))
    assert till.balances()["marketplace_receivable:flipkart"] == received(lines)
    assert [item["seq"] for item in till.items(tables.BOOK_ENTRIES) if item["kind"] == "SETTLED"] == [*range(1, 21)]
    sound(till)


def test_fault_49_a_day_of_a_settlement_begins_at_midnight_in_india(till: Till) -> None:
    """A settlement of 31 December in India is of 30 December 18:30 in UTC: the hold ends by the moment."""
    order_ref = till.sell(delivered="2026-12-10T10:00:00Z")
    till.settle(till.line(SALE, posted_at="2027-01-01T00:00:00+05:30"))
    assert till.posted(order_ref)["hold_end"] == "2026-12-31T18:30:00Z"
    [entry] = [item for item in till.items(tables.BOOK_ENTRIES) if item["kind"] == "SETTLED"]
    assert entry["occurred_at"] == "2026-12-31T18:30:00Z"
    till.now = "2026-12-31T18:29:59Z"
    assert till.obey(RELEASE) == ["UNCHANGED"]
    till.now = "2026-12-31T18:30:00Z"
    assert till.obey(RELEASE) == ["RELEASED"]
    sound(till)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_fault_53_a_settlement_that_is_late_doubled_or_below_nothing_ends_at_one_sum(order: tuple[int, ...]) -> None:
    """Missing: nothing is payable. Late, doubled, negative, in any order: the sum of all rows, once."""
    till = Till()
    till.group("G03")
    till.sell("S-1", "I-1", *BACK)
    assert till.obey(RELEASE) == ["UNCHANGED"]
    assert close(till, "B0") is None and till.balances() == {}
    rows = [
        till.line(SALE),
        till.line(REFUND, settlement_id="NEFT-2"),
        till.line({"fee:storage_fee": -700}, settlement_id="NEFT-3"),
    ]
    for number in order:
        till.settle(rows[number], rows[number])
        till.settle(rows[number])
        sound(till)
    assert till.balances()["marketplace_receivable:flipkart"] == received(rows) < 0
    till.obey(RELEASE)
    assert close(till, "B1") is None
    assert head_of(till, "G03").debt == 18_200 + 700


@pytest.mark.parametrize("paise", [1, 2, 99, 100, 3_333, 99_999, 1_000_001])
def test_fault_56_what_several_lines_share_is_rounded_to_the_same_sum(till: Till, paise: int) -> None:
    """Shipping over three lines of three groups: each amount is whole, and together they are what was paid."""
    for group in ("G07", "G09"):
        till.group(group)
    facts: list[Any] = [Step("delivered", "2026-11-24T10:00:00Z")]
    for line_id, group, price in (("A", "G03", 10_000), ("B", "G07", 20_000), ("C", "G09", 70_001)):
        facts.append(Placed(line_id, SOLD, f"L{line_id}", 1, price, None, SOLD, None))
        facts.append(Resolved(line_id, "TOTE", group, "GROUP_PACKS", "SALE_SHARE", 1, "4202", None))
    till.know(ref("S-2"), *facts)
    till.settle(till.line({"shipping_paid_by_buyer": paise, "fee:shipping_fee": -paise}, None, order_id="S-2"))
    assert till.balances().get("marketplace_receivable:flipkart", 0) == 0
    assert till.balances()["fee:shipping_fee"] == paise
    sound(till)
