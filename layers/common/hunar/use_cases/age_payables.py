"""A look once a day whether money has been payable for too long: nobody closed, or it cannot be paid.

What waits to go on to the group that its own one joined goes on with it.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.beneficiary import Standing, usable
from hunar.domain.facts import instant, moment
from hunar.domain.head import Head
from hunar.domain.money import rupees
from hunar.tables import Table
from hunar.use_cases.close_period import LEFT_OUT, Desk, left_out
from hunar.use_cases.go_on import go_on
from hunar.use_cases.worklist import closing, opening

TOO_LONG: Final = "UNPAID_TOO_LONG"
PAGE: Final = 100


def age_payables(desk: Desk) -> int:
    """Returns how many groups have waited for too long. Raises Retryable."""
    limit = instant(moment(desk.now) - timedelta(days=desk.patience_days))
    groups, total, oldest, after = 0, 0, "", None
    while True:
        page = desk.store.page(
            Table.LEDGER, "PAYABLE", index=tables.PAYABLE, up_to=f"{limit}#\U0010ffff", limit=PAGE, after=after
        )
        heads = [Head.of(item) for item in page.items]
        for head in [one for one in heads if one.waits]:
            # Whoever booked it was stopped before it went on, and no news of its book may ever come again.
            desk.again(partial(go_on, desk.store, [head], at=desk.now))
        late = [one for one in heads if not one.into and one.payable > 0 and one.payable_since <= limit]
        payees = desk.store.read([tables.payee(head.group_id) for head in late]) if late else {}
        for head in late:
            groups, total = groups + 1, total + head.payable
            oldest = min(oldest or head.payable_since, head.payable_since)
            payee = payees.get(tables.payee(head.group_id))
            if (reason := usable(Standing.of(payee) if payee else None, desk.now)) is not None:
                desk.again(partial(_remind, desk, head.group_id, reason))
        after = page.next
        if after is None:
            break
    wait = "group waits" if groups == 1 else "groups wait"
    said = f"{groups} {wait} for {rupees(total)} for more than {desk.patience_days} days, since {oldest[:10]}"
    desk.again(lambda: _show(desk, said if groups else None))
    return groups


def _show(desk: Desk, said: str | None) -> None:
    item = worklist.opened(TOO_LONG, ("all",), at=desk.now, message=said or "")
    key = tables.exception(item["exception_id"])
    there = desk.store.read([key]).get(key)
    if puts := opening(item, there, renew=True) if said else closing(there, at=desk.now):
        desk.store.commit(puts)


def _remind(desk: Desk, group_id: str, reason: str) -> None:
    """A group without an account that can be paid is shown again, also when somebody put it aside."""
    shown = tables.exception(worklist.exception_id(LEFT_OUT, group_id))
    if puts := left_out(group_id, reason, desk.store.read([shown]).get(shown), at=desk.now):
        desk.store.commit(puts)
