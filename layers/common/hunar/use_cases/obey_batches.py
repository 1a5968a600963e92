"""What each command of the payout-batches queue does."""

from __future__ import annotations

from collections import Counter

from hunar.messages import BatchCommand, ClosePeriod, LookAtPayables, PullRow, TakeAnswer, TellApproved, UndoBatch
from hunar.use_cases.age_batches import age_batches
from hunar.use_cases.age_payables import age_payables
from hunar.use_cases.close_period import Desk, close_period
from hunar.use_cases.payout_rows import pull, take_answer, tell_approved, undo


def obey(desk: Desk, command: BatchCommand) -> str:
    """Does what the command says, and returns what became of it, in a word. Raises Retryable, Rejected.

    A command may come twice, late or beside another one: each looks at everything anew.
    """
    match command:
        case ClosePeriod():
            return str(close_period(desk, command))
        case PullRow():
            return "PULLED" if pull(desk, command) else "UNCHANGED"
        case UndoBatch():
            return f"UNDONE:{undo(desk, command)}"
        case TakeAnswer():
            counted = Counter(take_answer(desk, command))
            return " ".join(f"{word}:{count}" for word, count in sorted(counted.items()))
        case TellApproved():
            return f"TOLD:{tell_approved(desk, command)}"
        case LookAtPayables():
            return f"WAITING:{age_payables(desk)} STANDING:{age_batches(desk)}"
