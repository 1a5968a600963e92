"""A text that is about no order's units: a reminder, a low shelf, a return, money, a code, a changed number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from hunar import tables
from hunar.domain import manners
from hunar.domain.effects import units_to_send
from hunar.domain.facts import instant, moment
from hunar.domain.manners import Later
from hunar.domain.notification import Status, is_due, observed
from hunar.domain.order import knowledge, read
from hunar.domain.text_kinds import ONBOARDING_CODE, SHIP_BY
from hunar.messages import Tell
from hunar.ports import QueueName, Rejected, Throttled
from hunar.tables import Item, Key
from hunar.use_cases import ladder, sending, wording
from hunar.use_cases.sending import LONGEST_PAUSE, SLACK, Desk, Letter

HIDDEN: Final = "…"
"""What is kept in place of a code: whoever may read texts must not be able to prove a number with it."""


def tell(desk: Desk, message: Tell) -> Status:
    """Send the text or record why not. Returns where the notification stands; raises Retryable."""
    secret = message.notification_kind == ONBOARDING_CODE
    fresh = sending.new_item(
        desk,
        message.notification_id,
        message.notification_kind,
        group_id=message.group_id,
        contact=message.contact,
        good_until=message.good_until,
        order_ref=message.order_ref,
        says=None if secret else message.says.model_dump(exclude_defaults=True),
    )
    item, ours = sending.claim(desk, fresh)
    if not ours:
        return _already(desk, item, message)
    if desk.now > message.good_until:
        if item["attempts"] > 1:
            return sending.failed(desk, Letter(item), "SMS_REJECTED", f"not taken in time: {item['reason']}")
        return sending.settle(desk, Letter(item), Status.EXPIRED, reason=f"was good until {message.good_until}")
    keys = [
        *wording.registry_keys(message.group_id, message.contact, message.says.units),
        tables.talk(message.group_id, message.contact),
        tables.sms_day(manners.day(desk.now)),
        tables.sms_breaker(),
    ]
    found = desk.store.read(keys + ([tables.order(message.order_ref)] if message.order_ref else []))
    if (
        message.notification_kind == SHIP_BY
        and message.order_ref
        and _is_over(found, message.order_ref, message.group_id)
    ):
        return sending.settle(desk, Letter(item), Status.SUPPRESSED, reason="the group has nothing of it to hand over")
    if wording.opted_out(found, message.group_id, message.contact, message.notification_kind):
        return sending.settle(desk, Letter(item), Status.SUPPRESSED, reason=ladder.OPTED_OUT)
    try:
        draft = wording.draft(
            desk,
            item,
            found,
            wording.of_says(message.says, found, desk.now, message.notification_kind),
            order_refs=(message.order_ref,) if message.order_ref else (),
            kept_text=HIDDEN if secret else None,
        )
    except Rejected as error:
        kind = "NO_CONTACT" if str(error).startswith("contact") else "SMS_REJECTED"
        return sending.failed(desk, Letter(item), kind, str(error))
    ready = sending.write_down(desk, Letter(item), draft, found)
    if isinstance(ready, Later):
        return _back(desk, item, message, ready)
    status, not_now = sending.post(desk, ready, draft.request, found.get(tables.sms_breaker()))
    if not_now is None:
        return status
    if isinstance(not_now, Throttled):
        pause = sending.pause_of(item["attempts"])
        later = Later(instant(moment(desk.now) + timedelta(seconds=pause) + SLACK), not_now.reason)
        return _back(desk, ready.item, message, later, pause)
    return _back(desk, ready.item, message, sending.stopped_until(desk, not_now.reason))


def _is_over(found: Mapping[Key, Item], order_ref: str, group_id: str) -> bool:
    """Whether an order whose time came nearer was cancelled or handed over meanwhile."""
    stored = found.get(tables.order(order_ref))
    order = read(knowledge(stored)) if stored else None
    return order is not None and (order.said_to_have_left or not units_to_send(order, group_id))


def _back(desk: Desk, item: Item, message: Tell, later: Later, pause: int | None = None) -> Status:
    """It waits. What it says is kept for the sweep; a code is kept nowhere, so its own message goes round."""
    sending.put_off(desk, item, later)
    if item["says"] is None or pause is not None:
        body = message.model_dump_json()
        desk.queues.send(QueueName.NOTIFICATIONS, [body], delay_seconds=LONGEST_PAUSE if pause is None else pause)
    return Status.WAITING


def _already(desk: Desk, there: Item, message: Tell) -> Status:
    """Somebody claimed it before: finished, still in flight, or fallen silent. None of these goes twice."""
    status = observed(there, desk.now)
    if there["status"] == Status.CLAIMED:
        if status is Status.UNKNOWN:
            return sending.unknown(desk, Letter(there), "no answer for 15 minutes")
        pause = sending.until_settled(desk, there, looked=message.looked)
        again = message.model_copy(update={"looked": True}).model_dump_json()
        desk.queues.send(QueueName.NOTIFICATIONS, [again], delay_seconds=pause)
    elif is_due(there, desk.now):
        # A receipt said that it did not arrive, and no other contact is told of such a text: a person is.
        return ladder.climb(desk, Letter(there))
    return status
