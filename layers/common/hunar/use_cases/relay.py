"""What orders and stock owe becomes queue messages.

The stream brings each change at least once; a message sent twice is harmless, because everything
behind the queues is idempotent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from hunar.domain.effects import ALLOCATE, FETCH, PAYOUT, PUBLISH, TEXTS, TOLD_APART
from hunar.messages import Allocate, ComputePayout, Fetch, Notify, PublishStock, Says, Tell
from hunar.ports import QueueName, Queues, Rejected


def relay(images: Iterable[Mapping[str, Any]], queues: Queues) -> dict[str, int]:
    """Send what the images owe. Returns how many went where; raises Retryable unless all were taken.

    Raises Rejected for an effect of an unknown kind: the stream's failure bucket keeps it.
    """
    bodies: dict[QueueName, list[str]] = defaultdict(list)
    for image in images:
        for effect in image.get("effects", ()):
            queue, body = message_of(image, effect)
            bodies[queue].append(body)
    for queue, texts in bodies.items():
        queues.send(queue, texts)
    return {queue.value: len(texts) for queue, texts in bodies.items()}


def message_of(image: Mapping[str, Any], effect: Mapping[str, Any]) -> tuple[QueueName, str]:
    """The queue and the message of one effect. Raises Rejected when nobody handles its kind."""
    kind = effect["kind"]
    if kind in TEXTS:
        notify = Notify(
            notification_id=effect["effect_id"],
            notification_kind=kind,
            order_ref=image["order_ref"],
            group_id=effect["group_id"],
            contact=effect["contact"],
            good_until=effect["good_until"],
        )
        return QueueName.NOTIFICATIONS, notify.model_dump_json()
    if kind in TOLD_APART:
        tell = Tell(
            notification_id=effect["effect_id"],
            notification_kind=kind,
            order_ref=image["order_ref"],
            group_id=effect["group_id"],
            contact=effect["contact"],
            good_until=effect["good_until"],
            says=Says.model_validate(effect["says"]),
        )
        return QueueName.NOTIFICATIONS, tell.model_dump_json()
    if kind == PAYOUT:
        command = ComputePayout(order_ref=image["order_ref"], line_id=effect["line_id"])
        return QueueName.PAYOUTS, command.model_dump_json()
    if kind == ALLOCATE:
        return QueueName.ORDER_EVENTS, Allocate(sku=image["sku"]).model_dump_json()
    if kind == FETCH:
        return QueueName.FETCHES, Fetch(order_ref=image["order_ref"]).model_dump_json()
    if kind == PUBLISH:
        return QueueName.STOCK_FEED, PublishStock(sku=image["sku"]).model_dump_json()
    raise Rejected(f"effect {effect.get('effect_id')}: nobody handles the kind {kind}")
