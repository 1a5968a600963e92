"""The message that brings a kept notification to its turn again."""

from __future__ import annotations

from hunar.domain.effects import TEXTS
from hunar.domain.text_kinds import NEW_ORDERS
from hunar.messages import Digest, Notify, Says, Tell
from hunar.tables import Item


def message_of(item: Item) -> str | None:
    """None for a text that says something secret: what it says is kept nowhere, and its own message goes round.

    None, too, for a kind that only a newer version knows: it is left to that version.
    """
    if item["kind"] == NEW_ORDERS:
        return Digest(notification_id=item["notification_id"]).model_dump_json()
    if item["kind"] in TEXTS:
        return notify_of(item).model_dump_json()
    if item.get("says") is None:
        return None
    tell = Tell(
        notification_id=item["notification_id"],
        notification_kind=item["kind"],
        group_id=item["group_id"],
        contact=item["contact"],
        good_until=item["good_until"],
        order_ref=item["order_ref"],
        says=Says.model_validate(item["says"]),
    )
    return tell.model_dump_json()


def notify_of(item: Item) -> Notify:
    return Notify(
        notification_id=item["notification_id"],
        notification_kind=item["kind"],
        order_ref=item["order_ref"],
        group_id=item["group_id"],
        contact=item["contact"],
        good_until=item["good_until"],
        of=item.get("of"),
    )
