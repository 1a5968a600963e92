"""The provider takes each text and never answers, and workers are ended at any call: who is told how often?"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from hunar.messages import Says, Tell
from hunar.ports import QueueName, SmsAnswer, SmsRequest, Unanswered
from tests.flipkart_messages import created, item
from tests.world import World

ORDERS = PAYMENTS = 500
AT_MOST = {"NEW_ORDER": 2, "PAYOUT_PAID": 1}
"""A new order that is read twice does no harm; money that is told twice is expected twice."""


def payment(number: int) -> str:
    says = Says(amount_paise=125_000, account="4711", utr=f"HUNAR{number:08}")
    return Tell(
        notification_id=f"paid-{number:04}",
        notification_kind="PAYOUT_PAID",
        group_id="G11",
        contact="leader",
        good_until="2026-12-20T00:00:00Z",
        says=says,
    ).model_dump_json()


@pytest.mark.parametrize("killed", [False, True])
def test_a_thousand_texts_that_are_taken_and_never_answered(killed: bool) -> None:
    world = World(crashes=random.Random(7) if killed else None)
    world.group("G11", "en")
    world.product("STOLE", "G11", "Tussar stole", stock=ORDERS)
    world.remind_nobody()
    world.parts_a_day = 10 * (ORDERS + PAYMENTS)
    world.settle()
    on_phones: list[SmsRequest] = []

    def taken_and_hanging(request: SmsRequest) -> SmsAnswer:
        on_phones.append(request)
        return Unanswered("ReadTimeoutError")

    world.phones.send = taken_and_hanging  # type: ignore[method-assign]
    if killed:
        world.breaks("send", world.phones)
    for number in range(ORDERS):
        world.post(created(f"S{number}", item("STOLE", 1)))
    world.queues.send(QueueName.NOTIFICATIONS, [payment(number) for number in range(PAYMENTS)])
    world.settle(patience=timedelta(hours=4), sweeping=True)

    kinds = {text.notification_id: text.kind for text in on_phones}
    times = Counter(text.notification_id for text in on_phones)
    assert all(number <= AT_MOST[kinds[name]] for name, number in times.items())
    texts = {text["notification_id"]: text for text in world.notifications()}
    assert Counter(text["kind"] for text in texts.values()) == {"NEW_ORDER": ORDERS, "PAYOUT_PAID": PAYMENTS}
    assert {text["status"] for text in texts.values()} == {"UNKNOWN"}
    lost = [name for name in texts if name not in times]
    assert all(killed and texts[name]["text"] for name in lost), "one that was ended before it sent is listed as well"
    assert world.exceptions() == ["SMS_UNKNOWN"] * (ORDERS + PAYMENTS), "each that nobody knows of is listed"
    assert not killed or world.crashed > 100
