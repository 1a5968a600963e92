"""A batch's payouts are sent to RazorpayX, and asked for, from the office whose address RazorpayX knows.

Before a line is sent, RazorpayX is asked whether it has a payout with this reference: it remembers idempotency keys
for some days only, and whoever completes a crash of last month must pay nobody twice. Between the asking and the
sending the key guards, which is the same whoever sends. What failed is never sent again here: its group is paid with
the next batch, under another key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hunar.domain.bank_file import Result, Status
from hunar.domain.batch import RowState
from hunar.domain.money import rupees
from hunar.domain.razorpayx import Line, NotTaken, Payout, living

SENT: Final = "SENT"
THERE: Final = "THERE"
REFUSED: Final = "REFUSED"
"""RazorpayX did not take it; nothing was paid."""
NOT_SENT: Final = "NOT_SENT"
ANSWERED: Final = "ANSWERED"
"""The batch has its end already; it is not sent, whatever RazorpayX has of it."""
DIFFERS: Final = "DIFFERS"
"""What RazorpayX has is not what was approved. A person must look, and nothing is booked."""
TWICE: Final = "TWICE"
UNKNOWN: Final = "UNKNOWN"
"""A state that is not known here."""
TOLD: Final = "TOLD"

TROUBLES: Final = frozenset({REFUSED, DIFFERS, TWICE, UNKNOWN})


class Rail(Protocol):
    """Where payouts are sent, see ``adapters/razorpayx.py``."""

    def find(self, account_number: str, reference: str) -> Sequence[Payout]:
        """All payouts with the reference. Raises Rejected, Retryable."""

    def create(self, line: Line) -> Payout:
        """Raises NotTaken, Rejected, Retryable; after Retryable it may have been taken."""


@dataclass(frozen=True)
class Outcome:
    """What became of one line. ``result`` is what is to be entered for the batch."""

    payout_id: str
    amount_paise: int
    outcome: str
    status: str = ""
    utr: str = ""
    why: str = ""
    result: Result | None = None

    def shown(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "result"}


def send(rail: Rail, lines: Sequence[Line], rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Outcome]:
    """Sends what RazorpayX does not have yet, line by line. Raises Rejected, Retryable: run it again, with all.

    ``rows`` are the batch's, by payout id. What is not in transit any more is never sent: its group is owed the money
    again, and gets it with another batch.
    """
    for line in lines:
        state = str(rows[line.payout_id]["state"])
        if state != RowState.IN_TRANSIT:
            yield Outcome(line.payout_id, line.amount_paise, ANSWERED, why=f"the books have it as {state}")
            continue
        found = rail.find(line.account_number, line.payout_id)
        if found:
            yield _there(line, found)
            continue
        try:
            made = rail.create(line)
        except NotTaken as error:
            yield Outcome(line.payout_id, line.amount_paise, REFUSED, why=str(error))
            continue
        yield Outcome(line.payout_id, line.amount_paise, SENT, made.status, made.utr, made.reason)


def ask(rail: Rail, lines: Sequence[Line], rows: Mapping[str, Mapping[str, Any]], day: str) -> Iterator[Outcome]:
    """What RazorpayX says of the lines. ``rows`` are the batch's, by payout id: what they say is not told again.

    ``day`` is today in India: RazorpayX does not say when a state began.
    """
    for line in lines:
        found = rail.find(line.account_number, line.payout_id)
        if not found:
            yield Outcome(line.payout_id, line.amount_paise, NOT_SENT)
            continue
        seen = _there(line, found)
        if seen.outcome in (DIFFERS, UNKNOWN):
            yield seen
            continue
        for one in living(found) or found[:1]:
            result = one.result(day)
            told = seen.outcome if seen.outcome == TWICE else TOLD if result else THERE
            known = result is not None and _known(rows.get(line.payout_id, {}), result)
            yield Outcome(
                line.payout_id,
                line.amount_paise,
                told,
                one.status,
                one.utr,
                seen.why or one.reason,
                None if known else result,
            )


def _there(line: Line, found: Sequence[Payout]) -> Outcome:
    alive = living(found)
    one = (alive or found)[0]
    outcome, why = THERE, one.reason
    if other := next((payout for payout in found if payout.amount_paise != line.amount_paise), None):
        outcome, why = DIFFERS, f"{other.id} is {rupees(other.amount_paise)}, {rupees(line.amount_paise)} was approved"
    elif unknown := next((payout for payout in found if not payout.known), None):
        outcome, why = UNKNOWN, f"{unknown.id} is {unknown.status}, a state that is not known here"
    elif len(alive) > 1:
        outcome, why = TWICE, f"RazorpayX has {', '.join(payout.id for payout in alive)} for it"
    return Outcome(line.payout_id, line.amount_paise, outcome, one.status, one.utr, why)


def _known(row: Mapping[str, Any], result: Result) -> bool:
    """Whether the batch says so already."""
    match result.status:
        case Status.EXECUTED:
            return row.get("state") == "PAID" and row.get("utr") == result.utr
        case Status.REJECTED:
            return row.get("state") == "REJECTED"
    return row.get("state") == "RETURNED"
