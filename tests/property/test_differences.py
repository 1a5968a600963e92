"""Whatever a card says: who settles as it says differs in nothing, and who does not, in just that and so much."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.differences import compensation, differences, expected, made_good
from hunar.domain.rate_card import RateCard
from hunar.rate_cards import tolerances
from hunar.tables import Item
from tests.property.test_rates import cards
from tests.settled_lines import by_the_card, order_of, settled

ALLOWED = tolerances()
HEADS = ("price", "fees", "gst_on_fees", "tcs", "tds", "fee:unheard_of", "adjustment", "other:Order: what")


@st.composite
def orders(draw: st.DrawFn) -> tuple[Any, Any]:
    quantity = draw(st.integers(1, 6))
    source = draw(st.sampled_from(("", "customer", "courier")))
    back = draw(st.integers(1, quantity)) if source else 0
    return order_of(draw(st.integers(1, 10**6)), quantity, source=source, back=back)


def of_days(items: list[Item]) -> RateCard:
    """The drawn cards begin in 2026, the orders are of 2024."""
    return RateCard(item | {"from": "2024-01-01"} for item in items)


def heads_of(of: tuple[Any, Any], card: RateCard) -> tuple[Any, dict[str, int]]:
    """What is expected of an order whose settlement speaks of all that came back, and a settlement just so."""
    order, line = of
    price = line.unit_price_paise
    sale, refund = price * line.open, -price * line.returned
    found = expected("mela", order, line, [settled({"sale": sale, "refund": refund})], card)
    assert found
    heads = by_the_card(found)
    return found, heads | {"sale": sale, "refund": refund}


@given(orders(), cards(), st.randoms(use_true_random=False))
def test_what_is_settled_as_the_card_says_differs_in_nothing_in_however_many_rows(
    of: tuple[Any, Any], items: list[Item], random: Any
) -> None:
    card = of_days(items)
    found, heads = heads_of(of, card)
    assert found.breakdown.sale.kept == of[1].kept
    assert differences(found, [settled(heads)], ALLOWED) == ()
    cut = {head: random.randint(-(10**6), 10**6) for head in heads}
    lines = [settled(cut, "k1"), settled({head: heads[head] - cut[head] for head in heads}, "k2")]
    random.shuffle(lines)
    assert differences(found, lines, ALLOWED) == ()


@given(orders(), cards(), st.sampled_from(HEADS), st.integers(1, 10**6), st.sampled_from((1, -1)), st.integers(0, 9))
def test_one_head_that_is_changed_by_more_than_it_may_is_the_only_one_and_by_that_much(
    of: tuple[Any, Any], items: list[Item], head: str, by: int, sign: int, place: int
) -> None:
    found, heads = heads_of(of, of_days(items))
    if head == "fees":
        codes = sorted(found.breakdown.fees) or ["unheard_of"]
        head = f"fee:{codes[place % len(codes)]}"
    # One more than the widest tolerance of any head.
    changed = sign * (by + 6 + len(found.breakdown.fees))
    moved = "sale" if head == "price" else head
    line = settled(heads | {moved: heads.get(moved, 0) + changed})
    differ = differences(found, [line], ALLOWED)
    assert [(one.head, one.difference_paise) for one in differ] == [(head, changed)]
    assert sum(one.difference_paise for one in differ) == line.amount - settled(heads).amount
    if changed < 0:
        paid = [line, settled({"reimbursement": -changed}, "k2")]
        assert differences(found, paid, ALLOWED) == differ
        assert compensation(found, paid) == -changed
        assert made_good(differ, -changed)
        assert not made_good(differ, -changed - 1)


@given(orders(), cards())
def test_every_amount_of_a_difference_is_an_int_and_its_sentence_has_no_float(
    of: tuple[Any, Any], items: list[Item]
) -> None:
    found, heads = heads_of(of, of_days(items))
    for one in differences(found, [settled({head: paise - 1_000 for head, paise in heads.items()})], ALLOWED):
        assert {type(one.expected_paise), type(one.settled_paise), type(one.difference_paise)} == {int}
        assert one.item()["difference_paise"] == one.settled_paise - one.expected_paise
        assert one.sentence.endswith(("too much", "too little"))
