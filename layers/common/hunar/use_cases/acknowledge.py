"""Somebody heard of a text: an operator's tick, a missed call, or a reply from the phone.

Whoever heard need not be told by the next contact. What was heard changes neither an order nor a shelf: that a group
has none of it is shown to a person, who calls and counts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Literal

from hunar import tables
from hunar.domain import worklist
from hunar.domain.facts import instant, moment
from hunar.domain.notification import Status
from hunar.domain.receipt import Reply
from hunar.domain.text_kinds import KINDS
from hunar.ports import Put, Store
from hunar.tables import Item, Table
from hunar.use_cases.paging import pages
from hunar.use_cases.texts import NOT_DUE, changed, commit_with_members, members_of, read_text
from hunar.use_cases.worklist import closing, open_exception, opening

What = Literal["heard", "packed", "no_stock"]
How = Literal["tick", "missed_call", "reply"]
Again = Callable[[Callable[[], Any]], Any]

ANSWERED_WITHIN: Final = timedelta(hours=72)
"""A reply answers a text of at most this age."""
LEEWAY: Final = timedelta(minutes=2)
"""Some providers tell the minute only, and clocks differ."""
NO_STOCK: Final = "no_stock"
_ANSWERS: Final[dict[str, What]] = {"1": "packed", "2": NO_STOCK}
_OF_ORDERS: Final = frozenset(kind for kind, how in KINDS.items() if how.ladder)


def heard(store: Store, notification_id: str, what: What, *, how: How, by: str, at: str, again: Again) -> bool:
    """Write down who heard of a text; of a digest, of all that it told. False when there is no such notification.

    A later answer replaces an earlier one, except that only a tick replaces ``no_stock``. ``by`` is a person or a
    contact's slot, never a number. Raises Retryable.
    """
    known: bool = again(lambda: _heard(store, notification_id, {"what": what, "how": how, "by": by, "at": at}))
    return known


def reply(store: Store, said: Reply, *, account: str, now: str, again: Again) -> str:
    """What a phone answered, matched to what its owner was told last. Returns the outcome for the log.

    ``1`` says packed and ``2`` none in stock, of the newest text about orders; a missed call, and every other text,
    says that all texts about orders were heard. Raises Retryable.
    """
    contacts = [item for item in pages(store, Table.REGISTRY, tables.contact("", "").pk) if item["phone"] == said.phone]
    if not contacts:
        # Once a day: anybody may call a number, and each call would be one thing more to look at.
        message = f"{said.provider}: a call or text came from a phone that is no contact's (the first one of the day)"
        day = (said.provider, account, now[:10])
        open_exception(store, "SMS_NEWS_UNREADABLE", day, at=now, message=message)
        return "unknown_number"
    recent = _recent(store, contacts, said.at)
    text = _folded(said.text)
    how: How = "reply" if text else "missed_call"
    if text in _ANSWERS:
        for slot, newest in recent[-1:]:
            heard(store, newest, _ANSWERS[text], how=how, by=slot, at=said.at, again=again)
        return _ANSWERS[text] if recent else "nothing_to_answer"
    items = store.read([tables.notification(notification_id) for _, notification_id in recent])
    for slot, notification_id in recent:
        item = items.get(tables.notification(notification_id))
        if item is not None and item.get("heard") is None:
            heard(store, notification_id, "heard", how=how, by=slot, at=said.at, again=again)
    if text:
        whose = contacts[0]
        message = f"the {whose['slot']} of {whose['group_id']} sent a reply that is neither 1 nor 2; call and ask"
        which = (said.provider, said.reply_id)
        open_exception(store, "SMS_NEWS_UNREADABLE", which, at=now, message=message, group_id=whose["group_id"])
        return "not_understood"
    return "heard" if recent else "nothing_to_answer"


def _recent(store: Store, contacts: list[Item], at: str) -> list[tuple[str, str]]:
    """Slot and id of what the phone's owner was told about orders before she answered, the newest last."""
    since, until = instant(moment(at) - ANSWERED_WITHIN), instant(moment(at) + LEEWAY)
    talks = store.read([tables.talk(contact["group_id"], contact["slot"]) for contact in contacts])
    told = [
        (entry["at"], talk["slot"], entry["notification_id"])
        for talk in talks.values()
        for entry in talk["recent"]
        if entry["kind"] in _OF_ORDERS and since <= entry["at"] <= until
    ]
    # Those of one second stay in the order in which they were told.
    return [(slot, notification_id) for _, slot, notification_id in sorted(told, key=lambda entry: entry[0])]


def _folded(text: str) -> str:
    """Without what a thumb adds: digits of any script in ASCII, no spaces, no full stop."""
    digits = (str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)
    return "".join(digits).strip(" \t\r\n.।")


def _heard(store: Store, notification_id: str, answer: Item) -> bool:
    item = read_text(store, notification_id)
    if item is None:
        return False
    puts = _answered(item, answer)
    if puts:
        members = members_of(store, item)
        of_members = [put for member in members for put in _answered(member, answer)]
        commit_with_members(store, of_members, [*puts, *_exceptions(store, item, members, answer)])
    return True


def _answered(item: Item, answer: Item) -> list[Put]:
    if not _replaces(item.get("heard"), answer):
        return []
    # A text that waits, or is just being sent, is due for that; who called heard of another one.
    due = {} if item["status"] in (Status.WAITING, Status.CLAIMED) else NOT_DUE
    return changed(item, heard=answer, **due)


def _replaces(there: Item | None, answer: Item) -> bool:
    if there is None:
        return True
    later = bool(answer["at"] > there["at"])
    # Only a person who looked may say that there is some after all, however late the other answer comes in.
    if there["what"] == NO_STOCK != answer["what"]:
        return later and answer["how"] == "tick"
    if answer["what"] == NO_STOCK != there["what"]:
        return later or there["how"] != "tick"
    return later


_ASKED: Final = ("SMS_UNKNOWN", "SMS_NOT_DELIVERED")
"""Exceptions that ask whether a text was heard of."""


def _exceptions(store: Store, item: Item, members: list[Item], answer: Item) -> list[Put]:
    """Who heard need not be asked. That a group has none of it is shown, until somebody says otherwise."""
    skus = sorted({sku for text in (item, *members) for sku in text.get("stated") or {}})
    opened = worklist.opened(
        "NO_STOCK",
        (item["notification_id"],),
        at=answer["at"],
        message=f"{item['group_id']} says that it has no stock of {', '.join(skus) or 'what it was told of'}",
        order_ref=item.get("order_ref"),
        sku=skus[0] if len(skus) == 1 else None,
        group_id=item["group_id"],
    )
    none_there = tables.exception(opened["exception_id"])
    asked = [tables.exception(worklist.exception_id(kind, item["notification_id"])) for kind in _ASKED]
    found = store.read([none_there, *asked])
    over = [*asked, *([] if answer["what"] == NO_STOCK else [none_there])]
    puts = [put for key in over for put in closing(found.get(key), at=answer["at"], by=answer["by"])]
    return puts + (opening(opened, found.get(none_there)) if answer["what"] == NO_STOCK else [])
