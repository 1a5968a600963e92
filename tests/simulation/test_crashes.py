"""Workers stop before or after any write, message or text, and rivals work meanwhile: all comes right."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from hunar.tables import Table
from tests.histories import LIFE, as_counted, by_hand, check_invariants, played, shelves

SEEDS = range(int(os.environ.get("HUNAR_SEEDS", "300")))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_crash_loses_or_doubles_anything(seed: int) -> None:
    draw = random.Random(seed)
    history = draw.choices(LIFE, k=draw.randint(4, 24))
    units, arriving = draw.choice([(50, (0, 0)), (draw.randint(1, 6), (draw.randint(0, 24), draw.randint(1, 12)))])
    in_order = [message for message in LIFE if message in history]
    calm = played(in_order, seed=0, twice=False, at_once=False, units=units, arriving=arriving)
    broken = played(
        history, seed=seed, twice=draw.random() < 0.5, at_once=True, rivals=True, units=units, arriving=arriving,
        crashes=True,
    )  # fmt: skip
    check_invariants(broken, units + arriving[1])
    assert as_counted(broken) == by_hand(history)
    assert shelves(broken) == shelves(calm)
    sent = Counter(text.notification_id for text in broken.phones.texts)
    assert not [identity for identity, times in sent.items() if times > 1]
    stands = {item["notification_id"]: item["status"] for item in broken.items(Table.NOTIFICATIONS)}
    assert set(stands.values()) <= {"ACCEPTED", "SUPPRESSED", "UNKNOWN"}
    # A text that went is never called anything but sent or unknown, and what is unknown stands on the worklist.
    assert {stands[identity] for identity in sent} <= {"ACCEPTED", "UNKNOWN"}
    unknown = [identity for identity, status in stands.items() if status == "UNKNOWN"]
    assert broken.exceptions().count("SMS_UNKNOWN") == len(unknown)


def test_the_workers_did_crash() -> None:
    crashed = [
        played(LIFE, seed=seed, twice=True, at_once=True, rivals=True, crashes=True).crashed for seed in range(5)
    ]
    assert min(crashed) > 0
