"""Every published field is used, or ignored for a reason that is written down; a buyer's data goes nowhere."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
import yaml

from hunar.domain import facts
from hunar.domain.channel import BadAnswer
from hunar.marketplaces import amazon, amazon_api
from hunar.marketplaces.amazon_orders import ORDER
from hunar.marketplaces.body import written
from tests.amazon_samples import ACCOUNT, BUYER, NOTIFICATIONS, ORDERS, SAMPLES, in_india, order, part_of, published
from tests.flipkart_samples import paths

Told = dict[str, Any]
FIELDS: dict[str, dict[str, Told]] = yaml.safe_load((SAMPLES / "fields.yaml").read_text())["samples"]
NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))
PLACES = [(name, path) for name in NAMES for path in FIELDS.get(name, {})]
OTHER_VALUES: tuple[Any, ...] = (
    "another", "2017-04-09T09:09:09+05:30", "Replacement", "7.00", 3, 0, True, False, Decimal("77.5"), None, [],
    {"name": "another"},
)  # fmt: skip


def test_the_list_names_exactly_the_published_fields() -> None:
    assert {name: set(paths(published(name))) for name in NAMES} == {name: set(told) for name, told in FIELDS.items()}


def test_every_field_is_used_for_something_or_ignored_for_a_reason() -> None:
    for name, path in PLACES:
        told = FIELDS[name][path]
        assert ("used" in told) != ("ignored" in told), (name, path)
        assert len(told.get("used") or told.get("ignored") or "") > 3, (name, path)


@pytest.mark.parametrize(("name", "path"), PLACES)
def test_a_used_field_changes_what_is_read_and_an_ignored_one_does_not(name: str, path: str) -> None:
    told = FIELDS[name][path]
    message = in_india(published(name))
    for missing in told.get("without", ()):
        change(message, missing, None)
    before = said(name, message)
    changes = []
    for value in OTHER_VALUES:
        changed = copy.deepcopy(message)
        change(changed, path, value)
        changes.append(said(name, changed) != before)
    assert any(changes) if "used" in told else not any(changes)


def said(name: str, message: dict[str, Any]) -> Any:
    raw = written(message).encode()
    if name in NOTIFICATIONS:
        found = amazon.read(raw, "demo-api")
        return amazon.seller(raw), found.event_type, found.marketplace_id, found.facts, found.findings
    asked = amazon_api.fetch(ACCOUNT, published(name).get("order", {}).get("orderId", "none"))
    try:
        (part,) = amazon_api.answered(asked, raw).parts
    except BadAnswer as error:
        return str(error)
    found = amazon_api.read_answer(part.body, "demo-api")
    return part.marketplace_id, part.at, found.facts, found.findings


def change(value: Any, path: str, new: Any) -> None:
    """Put another value in every place of this name; None takes the field away."""
    name, _, rest = path.partition(".")
    bare = name.removesuffix("[]")
    if rest:
        for inner in value[bare] if name.endswith("[]") else (value[bare],):
            change(inner, rest, new)
    elif new is None:
        value.pop(bare, None)
    else:
        value[bare] = [new] if name.endswith("[]") else new


def marked(value: Any) -> Any:
    """The value with a buyer in every object of it, and in every text of the objects that are about her."""
    buyer = {"buyerName": BUYER[0], "phone": BUYER[1], "address": [BUYER[2], {"line": BUYER[2]}]}
    if isinstance(value, list):
        return [marked(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    hers = ("buyer", "recipient", "tax", "packing", "DestinationPostalCode", "ChangeReason")
    inside = {name: buyer if name in hers else marked(inner) for name, inner in value.items()}
    return inside | {"Buyer": buyer, "deliveredTo": BUYER[0], "BuyerPhone": BUYER[1]}


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_a_buyer_is_nowhere_in_what_is_kept_of_a_notification(name: str) -> None:
    message = marked(in_india(published(name)))
    assert all(mark in written(message) for mark in BUYER)
    found = amazon.read(written(message).encode(), "demo-api")
    assert found.verdict in ("APPLIED", "NOTED") and found.redacted
    stated = [found.redacted, repr(found.findings), *map(facts.to_text, found.facts)]
    assert not [mark for mark in (*BUYER, "48110") if mark in "".join(stated)]


@pytest.mark.parametrize("name", ORDERS)
def test_a_buyer_is_nowhere_in_a_part_of_an_answer(name: str) -> None:
    published_buyers = (
        "Mehmet",
        "Maria Silva",
        "buyer-email",
        "Istiklal",
        "Rua das Flores",
        "98765-4321",
        "Feliz Natal",
    )
    changed = marked(order(name))
    body = part_of(changed)
    found = amazon_api.read_answer(body, "demo-api")
    assert found.verdict == "APPLIED" and found.redacted == body.decode()
    stated = [found.redacted, repr(found.findings), *map(facts.to_text, found.facts)]
    assert not [mark for mark in (*BUYER, *published_buyers) if mark in "".join(stated)]


def test_nothing_of_a_buyer_is_asked_for_or_could_be_kept() -> None:
    asked = [
        amazon_api.fetch(ACCOUNT, "1").path,
        amazon_api.search(ACCOUNT, "orders", "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z").path,
    ]
    for path in asked:
        assert "includedData=CANCELLATION,FULFILLMENT,PACKAGES,PROCEEDS" in path
        assert "BUYER" not in path and "RECIPIENT" not in path
    assert not {"buyer", "recipient", "tax", "payment", "orderAliases"} & set(ORDER)
