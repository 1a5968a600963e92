"""What texts cost: which count, on which day, and what nobody knows of their price."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.ports import Put
from hunar.tables import Item
from hunar.use_cases.spend import By, Spent, spent, total
from tests.flipkart_messages import cancelled, created, item
from tests.world import World

FROM, TO = "2026-11-24T18:30:00Z", "2026-11-25T18:30:00Z"
PAID = {"parts": 2, "price_millionths": 5_120, "currency": "USD"}


@pytest.fixture
def world() -> World:
    """Three texts: a new order and its cancellation in Hindi, a new order in Bengali."""
    made = World()
    made.group("G11", "hi")
    made.group("G22", "bn")
    made.product("STOLE", "G11", "Stole", stock=10)
    made.product("TOTE", "G22", "Tote", stock=3)
    made.settle()
    for message in (created("S1", item("STOLE", 2)), cancelled("S1"), created("S2", item("TOTE", 1))):
        made.post(message)
        made.settle()
    return made


def text(world: World, kind: str, group_id: str = "G11") -> Item:
    [found] = [one for one in world.notifications() if (one["kind"], one["group_id"]) == (kind, group_id)]
    return found


def change(world: World, there: Item, **said: Any) -> None:
    world.store.commit([Put(tables.notification(there["notification_id"]), there | said)])


def whole(world: World, since: str = FROM, until: str = TO) -> Spent:
    return total(spent(world.store, since, until, "kind"))


@pytest.mark.parametrize(
    ("heading", "texts"),
    [
        ("language", {"bn": 1, "hi": 2}),
        ("group", {"G11": 2, "G22": 1}),
        ("day", {"2026-11-25": 3}),
        ("kind", {"CANCELLED": 1, "NEW_ORDER": 2}),
    ],
)
def test_texts_are_grouped_by_what_is_asked(world: World, heading: By, texts: dict[str, int]) -> None:
    found = spent(world.store, FROM, TO, heading)
    assert {key: one.texts for key, one in found.items()} == texts
    assert list(found) == sorted(texts)


def test_a_template_is_named_by_its_wording_its_language_and_its_id(world: World) -> None:
    new = text(world, "NEW_ORDER")
    change(world, new, form="NEW_ORDER_SHORT")
    assert f"NEW_ORDER_SHORT hi {new['template_id']}" in spent(world.store, FROM, TO, "template")


@pytest.mark.parametrize(
    ("status", "provider_id", "counts"),
    [
        ("FAILED", None, False),
        ("FAILED", "sms-1", True),
        ("EXPIRED", None, False),
        ("EXPIRED", "sms-1", True),
        ("WAITING", None, False),
        ("SUPPRESSED", None, False),
        ("CLAIMED", None, True),
        ("UNKNOWN", None, True),
        ("DELIVERED", "sms-1", True),
    ],
)
def test_a_text_counts_when_it_may_have_gone(world: World, status: str, provider_id: str | None, counts: bool) -> None:
    cancel = text(world, "CANCELLED")
    change(world, cancel, status=status, provider_id=provider_id)
    assert (whole(world).texts, whole(world).parts) == (2 + counts, 4 + counts * cancel["parts"])
    # What was claimed and never worded cannot have gone.
    change(world, cancel, status=status, provider_id=provider_id, parts=0)
    assert whole(world).texts == 2


def test_a_text_that_went_along_in_a_digest_was_none_of_its_own(world: World) -> None:
    change(world, text(world, "NEW_ORDER"), digest="0" * 32)
    assert whole(world).texts == 2


def test_a_text_that_went_twice_is_paid_twice_and_known_once(world: World) -> None:
    change(world, text(world, "NEW_ORDER"), resent=1, receipt=PAID)
    change(world, text(world, "NEW_ORDER", "G22"), receipt={**PAID, "price_millionths": 190_000, "currency": "INR"})
    found = spent(world.store, FROM, TO, "group")
    assert (found["G11"].prices, found["G11"].unpriced) == ({"USD": 5_120}, 2)
    assert whole(world) == Spent(
        texts=4, parts=6 + text(world, "CANCELLED")["parts"], prices={"INR": 190_000, "USD": 5_120}, unpriced=2
    )


def test_the_providers_own_count_of_parts_is_the_one_that_is_paid(world: World) -> None:
    change(world, text(world, "NEW_ORDER", "G22"), receipt={**PAID, "parts": 3})
    assert spent(world.store, FROM, TO, "group")["G22"].parts == 3


def test_a_text_that_was_kept_over_night_belongs_to_the_day_on_which_it_went(world: World) -> None:
    for there in world.notifications():
        change(world, there, claimed_at="2026-11-26T02:00:00Z")
    assert spent(world.store, FROM, TO, "day") == {}
    assert list(spent(world.store, TO, "2026-11-26T18:30:00Z", "day")) == ["2026-11-26"]


def test_times_are_taken_to_the_second_and_the_end_is_not_in_it(world: World) -> None:
    at = world.now
    world.time += timedelta(seconds=1)
    assert whole(world, at, world.now).texts == 3
    assert whole(world, FROM, at).texts == 0


def test_more_texts_than_one_reading_brings_are_all_counted(world: World) -> None:
    there = text(world, "NEW_ORDER")
    for number in range(250):
        name = f"{number:032}"
        copy = there | {"notification_id": name, "feed_sk": f"{there['claimed_at']}#{name}"}
        world.store.commit([Put(tables.notification(name), copy)])
    assert whole(world).texts == 253
