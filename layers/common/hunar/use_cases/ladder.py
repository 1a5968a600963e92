"""Who is told when the one who was told does not hear of it: the next contact, and in the end a person.

Silence is no failure: it is a reason to tell somebody else too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hunar import tables
from hunar.domain.identity import derived_id
from hunar.domain.notification import SLOTS, TOLD, Status, is_due, observed
from hunar.domain.text_kinds import HOLD, KINDS, RELEASED
from hunar.messages import Notify
from hunar.ports import Conflict, QueueName, Retryable
from hunar.tables import Item, Key
from hunar.use_cases import sending
from hunar.use_cases.sending import Desk, Letter
from hunar.use_cases.worklist import open_exception

AFTER_HERS: Final = 60
"""Seconds in which a text that is written down goes: what follows it comes after it."""
_HOLDS: Final = frozenset({HOLD, RELEASED})
OPTED_OUT: Final = "this contact wants no texts of this kind"


def climb(desk: Desk, letter: Letter) -> Status:
    """The next contact is told what this one did not hear; after the last one a person is. Raises Retryable."""
    item = letter.item
    status = Status(item["status"])
    over = status in (Status.WAITING, Status.CLAIMED, Status.DELIVERED, Status.EXPIRED)
    if over or item["heard"] or _no_more_will_come(item):
        return _done(desk, letter, None)
    others = KINDS[item["kind"]].ladder
    slot = next_contact(desk, item["group_id"], item["contact"]) if others else None
    if slot is None:
        _tell_a_person(desk, item)
        return _done(desk, letter, None)
    messages = [_to(slot, member) for member in (letter.members or (item,))]
    desk.queues.send(QueueName.NOTIFICATIONS, [message.model_dump_json() for message in messages])
    return _done(desk, letter, slot)


def tell_those_who_were_told(desk: Desk, item: Item, owed: Mapping[str, Item], found: Mapping[Key, Item]) -> None:
    """A contact who was told of an order because the first did not hear of it is told what follows, too."""
    if item["of"] is not None:
        return
    n = owed[item["notification_id"]]["n"]
    earlier = [name for name, effect in owed.items() if effect["n"] < n]
    slots = [slot for slot in SLOTS[1:] if any(copy_of(name, slot, found) for name in earlier)]
    if slots:
        bodies = [_to(slot, item).model_dump_json() for slot in slots]
        desk.queues.send(QueueName.NOTIFICATIONS, bodies)


def tell_what_follows(desk: Desk, item: Item, owed: Mapping[str, Item]) -> None:
    """Whoever is told in another's place hears, too, what was owed since: that the goods are to be kept back, or no
    longer. How many they are stands in her own text."""
    if item["of"] is None:
        return
    n = owed[item["of"]]["n"]
    since = {name: effect for name, effect in owed.items() if effect["n"] > n and effect["kind"] in _HOLDS}
    about = {"order_ref": item["order_ref"], "of": None}
    bodies = [
        _to(item["contact"], {**effect, **about, "notification_id": name}).model_dump_json()
        for name, effect in since.items()
    ]
    if bodies:
        desk.queues.send(QueueName.NOTIFICATIONS, bodies, delay_seconds=AFTER_HERS)


def copies(found: Mapping[Key, Item], now: str) -> list[Key]:
    """Where the texts stand that other contacts were owed in place of these, or just are: that is written down last.

    A text that went with others is not due itself: theirs is.
    """
    texts = [item for item in found.values() if "notification_id" in item]
    of = [it["notification_id"] for it in texts if it.get("escalated") or it.get("digest") or is_due(it, now)]
    return [tables.notification(derived_id("contact", name, slot)) for name in of for slot in SLOTS[1:]]


def copy_of(notification_id: str, slot: str, found: Mapping[Key, Item]) -> Item | None:
    """The text that another contact was owed in place of one."""
    return found.get(tables.notification(derived_id("contact", notification_id, slot)))


def for_the_group(notification_id: str, found: Mapping[Key, Item], now: str) -> tuple[Status | None, Item | None]:
    """How a text stands for the group: told when any contact was told it, on its way while any may be."""
    there = [found.get(tables.notification(notification_id))]
    there += [copy_of(notification_id, slot, found) for slot in SLOTS[1:]]
    standing = [(observed(item, now), item) for item in there if item is not None]
    for wanted in (TOLD, {Status.CLAIMED}):
        for status, item in standing:
            if status in wanted:
                return status, item
    return standing[0] if standing else (None, None)


def next_contact(desk: Desk, group_id: str, slot: str) -> str | None:
    """The next contact of a group who has a phone."""
    slots = SLOTS[SLOTS.index(slot) + 1 :]
    found = desk.store.read([tables.contact(group_id, other) for other in slots]) if slots else {}
    return next((other for other in slots if tables.contact(group_id, other) in found), None)


def _to(slot: str, item: Item) -> Notify:
    of = item["of"] or item["notification_id"]
    return Notify(
        notification_id=derived_id("contact", of, slot),
        notification_kind=item["kind"],
        order_ref=item["order_ref"],
        group_id=item["group_id"],
        contact=slot,
        good_until=item["good_until"],
        of=of,
    )


def _no_more_will_come(item: Item) -> bool:
    """Some carriers of India never say more than that they took the text, and say that it is their last word."""
    receipt = item["receipt"]
    return receipt is not None and receipt["final"] and receipt["state"] == "SENT"


def _tell_a_person(desk: Desk, item: Item) -> None:
    if item["status"] == Status.FAILED and item["receipt"] is None:
        return  # The exception of its refusal stands open already.
    if item["status"] == Status.UNKNOWN:
        return  # So does the one that asks whether it came.
    receipt = item["receipt"] or {}
    why = receipt.get("reason") or receipt.get("code") or item["reason"]
    if item["status"] == Status.ACCEPTED:
        why = "not delivered an hour after it was sent"
    open_exception(
        desk.store,
        "SMS_NOT_DELIVERED",
        (item["notification_id"],),
        at=desk.now,
        message=f"{item['kind']} to {item['contact']}, and nobody else is told of it: {why}",
        order_ref=item["order_ref"],
        group_id=item["group_id"],
    )


def _done(desk: Desk, letter: Letter, slot: str | None) -> Status:
    """It is due no more. Raises Retryable when somebody wrote it at the same moment."""

    def of(item: Item) -> Item:
        escalated = slot or item["escalated"]
        return sending.without_due(item) | {"escalated": escalated, "version": item["version"] + 1}

    try:
        desk.store.commit(sending.puts(letter, Letter(of(letter.item), tuple(map(of, letter.members)))))
    except Conflict:
        raise Retryable("another worker wrote it at the same moment") from None
    return Status(letter.item["status"])
