"""Every published field is used, or ignored for a reason that is written down; a buyer's data goes nowhere."""

from __future__ import annotations

import copy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml

from hunar.marketplaces.body import written
from hunar.marketplaces.flipkart import KEPT, read
from tests.flipkart_samples import BUYER, EVENTS, SAMPLES, SKU, about, lines, paths, published
from tests.world import World

Told = dict[str, Any]
FIELDS: dict[str, dict[str, Told]] = yaml.safe_load((SAMPLES / "fields.yaml").read_text())["events"]
PLACES = [(event, path) for event in EVENTS for path in FIELDS.get(event, {})]
OTHER_VALUES: tuple[Any, ...] = (
    "another", "2017-04-09T09:09:09+05:30", "3", 3, 0, True, False, Decimal("77.5"), None, [], {"name": "another"}
)  # fmt: skip


def test_the_list_names_exactly_the_published_fields() -> None:
    assert {event: set(paths(published(event))) for event in EVENTS} == {e: set(told) for e, told in FIELDS.items()}
    assert set(EVENTS) <= set(KEPT)


def test_every_field_is_used_for_something_or_ignored_for_a_reason() -> None:
    for event, path in PLACES:
        told = FIELDS[event][path]
        assert ("used" in told) != ("ignored" in told), (event, path)
        assert len(told.get("used") or told.get("ignored") or "") > 3, (event, path)


@pytest.mark.parametrize(("event", "path"), PLACES)
def test_a_used_field_changes_what_is_read_and_an_ignored_one_does_not(event: str, path: str) -> None:
    told = FIELDS[event][path]
    message = published(event)
    for missing in told.get("without", ()):
        change(message, missing, None)
    before = said(message)
    changes = []
    for value in OTHER_VALUES:
        changed = copy.deepcopy(message)
        change(changed, path, value)
        changes.append(said(changed) != before)
    assert any(changes) if "used" in told else not any(changes)


def said(message: dict[str, Any]) -> Any:
    found = read(written(message).encode(), "demo")
    return found.event_type, found.marketplace_id, found.facts, found.findings


def change(value: Any, path: str, new: Any) -> None:
    """Put another value in every place of this name; None takes the field away."""
    name, _, rest = path.partition(".")
    for inner in value[name.removesuffix("[]")] if name.endswith("[]") else (value,):
        if rest:
            change(inner if name.endswith("[]") else inner[name], rest, new)
        elif new is None:
            inner.pop(name, None)
        else:
            inner[name] = new


def test_a_buyers_data_is_nowhere_afterwards() -> None:
    """In the published comments of a return, and in fields that the marketplace might add anywhere."""
    world = World()
    world.group("G11")
    world.product(SKU, "G11", "Journal", stock=3)
    world.settle()
    buyer = {"name": BUYER[0], "phone": BUYER[1], "address": BUYER[2]}
    for event in EVENTS:
        message = about(published(event), "S1", "1")
        message |= {"buyer": buyer}
        message["attributes"] |= {"deliveryAddress": buyer, "buyerName": BUYER[0]}
        for line in lines(message):
            line |= {"buyerPhone": BUYER[1], "deliveredTo": buyer}
        assert all(mark in written(message) for mark in BUYER)
        world.post(written(message).encode())
    world.settle(patience=timedelta(days=2))
    everything = list(world.store.everything().items())
    assert sum(item.get("order_ref") == "flipkart:demo:S1" for _, item in everything) > len(EVENTS)
    for mark in BUYER:
        for key, item in everything:
            assert mark not in repr((key, item)), key
        assert not [text for text in world.phones.texts if mark in text.text]
        assert not [key for key, item in world.store.changes if mark in repr(item)]
