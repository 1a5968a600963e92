"""Orders and settlement lines of a shop in Mela, whose card is ``tests/rate_cards/terms.csv``, settled as it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hunar.domain import order
from hunar.domain.differences import Expected, expected
from hunar.domain.facts import Cancelled, Fact, Lost, Placed, Resolved, ReturnRequested, ReturnStep, Step
from hunar.domain.fees_explained import explain
from hunar.domain.order import Line, Order
from hunar.domain.rate_card import RateCard
from hunar.domain.settlement import Kind, SettlementLine, kind_of_order
from tests.priced import card

SOLD, LEFT, DELIVERED, BACK = (f"2024-06-{day:02}T09:00:00Z" for day in (1, 2, 5, 12))
PAID = "2024-06-20T00:00:00+05:30"
REF = "mela:demo:S-1"
TERMS = card("terms")


def order_of(
    price: int = 40_000,
    quantity: int = 1,
    *,
    cancelled: int = 0,
    source: str = "",
    back: int = 0,
    lost: bool = False,
    **placed: Any,
) -> tuple[Order, Line]:
    """A delivered order of one line; ``back`` units came back from ``source``, or the parcel was lost."""
    known: list[Fact] = [
        Placed("L1", SOLD, "STOLE", quantity, price, None, SOLD, None, **placed),
        Resolved("L1", "KLU-STOLE", "G03", "GROUP_PACKS", "SALE_SHARE", 1, "6214", None),
        Step("shipped", LEFT),
    ]
    if cancelled:
        known.append(Cancelled("L1", SOLD, cancelled, "", ""))
    if lost:
        known.append(Lost(BACK, "lost on the way"))
    elif source != "courier":
        known.append(Step("delivered", DELIVERED))
    if back:
        known.append(ReturnRequested("R1", "L1", BACK, source, back, None, "", ""))
        known.append(ReturnStep("R1", "L1", BACK, "received"))
    found = order.read(known)
    return found, found.lines[0]


def settled(heads: Mapping[str, int], key: str = "k1", **changed: Any) -> SettlementLine:
    made = SettlementLine(
        key=key,
        marketplace="mela",
        account="demo",
        settlement_id="NEFT1",
        order_id="OD-1",
        item_id="OI-1",
        listing="STOLE",
        kind=Kind.ADJUSTMENT,
        heads={head: paise for head, paise in heads.items() if paise},
        posted_at=PAID,
        paid_at=PAID,
        reference="NEFT1",
        quantity=1,
        row=14,
    )
    return replace(made, kind=kind_of_order(made.heads), **changed)


def by_the_card(found: Expected) -> dict[str, int]:
    """What a marketplace settles that keeps to the card: heads of one line."""
    codes = set(found.breakdown.fees)
    heads = {}
    for line in explain(found.breakdown):
        if line["head"] != "output_gst":
            heads[f"fee:{line['head']}" if line["head"] in codes else line["head"]] = line["effect_paise"]
    return heads


def usual(price: int = 40_000, quantity: int = 1, rates: RateCard = TERMS) -> dict[str, int]:
    """The heads of a sale of which nothing came back."""
    found = expected("mela", *order_of(price, quantity), [settled({"sale": price * quantity})], rates)
    assert found
    return by_the_card(found)
