"""The buyers of Amazon's own examples are nowhere in what is kept, and nothing about a buyer is asked for."""

from __future__ import annotations

import pytest

from hunar.domain import facts
from hunar.marketplaces import amazon_api
from hunar.marketplaces.amazon_orders import ORDER
from tests.amazon_samples import ACCOUNT, ORDERS, order, part_of


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
    body = part_of(order(name))
    found = amazon_api.read_answer(body, "demo-api")
    assert found.verdict == "APPLIED" and found.redacted == body.decode()
    stated = [found.redacted, repr(found.findings), *map(facts.to_text, found.facts)]
    assert not [mark for mark in published_buyers if mark in "".join(stated)]


def test_nothing_of_a_buyer_is_asked_for_or_could_be_kept() -> None:
    asked = [
        amazon_api.fetch(ACCOUNT, "1").path,
        amazon_api.search(ACCOUNT, "orders", "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z").path,
    ]
    for path in asked:
        assert "includedData=CANCELLATION,FULFILLMENT,PACKAGES,PROCEEDS" in path
        assert "BUYER" not in path and "RECIPIENT" not in path
    assert not {"buyer", "recipient", "tax", "payment", "orderAliases"} & set(ORDER)
