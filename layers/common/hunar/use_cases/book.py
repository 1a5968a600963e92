"""What each command of the payouts queue does. The queue is in no order: the order comes from conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hunar.messages import ApproveProposal, ComputePayout, HoldMoney, PayoutCommand, ReleaseHold, Settle
from hunar.use_cases.compute_payout import UNRESOLVED, compute
from hunar.use_cases.compute_payout import Outcome as Expected
from hunar.use_cases.settle import Desk, hold, release, settle_line, settle_subject
from hunar.use_cases.settle import Outcome as Brought
from hunar.use_cases.worklist import close_exception

Again = Callable[[Callable[[], Any]], Any]
"""Calls an action until nobody writes at the same moment."""


def obey(desk: Desk, command: PayoutCommand, again: Again) -> list[str]:
    """Does what the command says, and returns what became of it. Raises Conflict when others write all the time.

    A command may come twice, late or never again: each looks at everything anew.
    """
    match command:
        case ComputePayout():
            # What is expected first: what was settled is compared with it.
            expected = again(lambda: compute(desk.store, command, now=desk.now, patience_days=desk.patience_days))
            brought = again(lambda: settle_line(desk, command.order_ref, command.line_id))
            if brought is Brought.NOTHING and expected is not Expected.UNRESOLVED:
                # Where something was settled, that says itself whether a clause is missing.
                cause = (command.order_ref, command.line_id)
                again(lambda: close_exception(desk.store, UNRESOLVED, cause, at=desk.now))
            return [expected, brought]
        case Settle():
            return list(again(lambda: settle_subject(desk, command)))
        case ReleaseHold():
            return ["RELEASED" if again(lambda: release(desk, command)) else "UNCHANGED"]
        case HoldMoney():
            again(lambda: hold(desk, command))
            return ["NOTED"]
        case ApproveProposal():
            return [again(lambda: settle_line(desk, command.order_ref, command.line_id, approval=command))]
