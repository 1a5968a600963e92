"""What a payout rail said of a payout is booked as a bank's answer is: once, in whatever order it comes.

A rail says the same twice, late, and a return before the payment. The rows' own rules decide; here the news finds its
batch, and what cannot be booked is shown to a person.
"""

from __future__ import annotations

import hashlib
from typing import Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.bank_file import Result
from hunar.domain.batch import Trouble
from hunar.domain.identity import canonical
from hunar.domain.money import rupees
from hunar.domain.rate_card import day_of_sale
from hunar.domain.razorpayx import Payout
from hunar.messages import PayoutNews
from hunar.ports import ABSENT, Conflict, Put
from hunar.use_cases.close_period import Desk
from hunar.use_cases.payout_rows import book, result_item
from hunar.use_cases.worklist import opening

UNCLEAR: Final = "PAYOUT_NEWS_UNCLEAR"
WAITING: Final = "WAITING"


def take_news(desk: Desk, message: PayoutNews) -> str:
    """Books one piece of news, or shows it. Returns what became of it, in a word. Raises Retryable."""
    whose = f"{message.rail}/{message.account}"
    if message.problem:
        # By the body: whatever is sent again is the same trouble.
        text = f"{whose} sent news that nobody could read: {message.problem}"
        _show(desk, UNCLEAR, message, (whose, message.delivery_id), text)
        return UNCLEAR
    payout = Payout(
        id=message.rail_id,
        reference=message.payout_id,
        batch_id=message.batch_id,
        amount_paise=message.amount_paise,
        status=message.status,
        utr=message.utr,
        reason=message.reason,
    )
    if not payout.known:
        text = f"{whose} says {payout.status} of {_name(payout)}, a state that is not known here"
        _show(desk, UNCLEAR, message, (whose, payout.id, payout.status), text)
        return UNCLEAR
    result = payout.result(day_of_sale(message.event_at))
    if result is None:
        return WAITING
    key = tables.batch(message.batch_id)
    if not (message.batch_id and message.payout_id) or key not in desk.store.read([key]):
        text = (
            f"{whose} says {result.status} of {_name(payout)}, {rupees(result.amount_paise)}, "
            f"reference {result.utr or 'none'}: this is no payout of ours"
        )
        cause = (message.batch_id, result.payout_id, result.utr, str(result.status))
        _show(desk, str(Trouble.UNKNOWN_REFERENCE), message, cause, text)
        return str(Trouble.UNKNOWN_REFERENCE)
    _keep(desk, message, result, whose)
    [outcome] = book(desk, message.batch_id, [result], at=message.received_at)
    return outcome


def _name(payout: Payout) -> str:
    return f"{payout.reference} ({payout.id})" if payout.reference else payout.id


def _keep(desk: Desk, message: PayoutNews, result: Result, whose: str) -> None:
    """What was said is kept beside what banks said, under its hash, before it is booked."""
    said = [result_item(result)]
    name = hashlib.sha256(canonical([message.batch_id, said]).encode()).hexdigest()
    kept = {"results": said, "file": message.rail_id, "by": whose, "at": message.received_at}
    try:
        desk.store.commit([Put(tables.bank_answer(message.batch_id, name, 0), kept, ABSENT)])
    except Conflict:
        # It was said before.
        return


def _show(desk: Desk, kind: str, message: PayoutNews, cause: tuple[str, ...], text: str) -> None:
    item = worklist.opened(
        kind,
        cause,
        at=desk.now,
        message=text,
        batch_id=message.batch_id or None,
        payout_id=message.payout_id or None,
    )
    key = tables.exception(item["exception_id"])
    # Said again, it opens nothing that a person has resolved.
    if key in desk.store.read([key]):
        return
    try:
        desk.store.commit(opening(item, None))
    except Conflict:
        # Somebody showed the same at the same moment.
        return
