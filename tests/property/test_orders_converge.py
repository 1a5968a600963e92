"""Any subset, repetition and order of an order's messages ends in the same order and the same stock.

Here every shelf has enough: what a shortage does under random histories belongs to healing.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.order import knowledge, read
from hunar.tables import Item
from tests.histories import ENOUGH, LIFE, as_counted, by_hand, check_invariants, check_texts, played, shelves, truth

histories = st.lists(st.sampled_from(LIFE), max_size=24)


@given(history=histories, seed=st.integers(0, 2**32), twice=st.booleans(), at_once=st.booleans())
def test_the_way_does_not_matter(history: list[dict[str, Any]], seed: int, twice: bool, at_once: bool) -> None:
    straight = played([message for message in LIFE if message in history], seed=0, twice=False, at_once=False)
    drawn = played(history, seed=seed, twice=twice, at_once=at_once)
    assert truth(drawn) == truth(straight)
    check_invariants(straight)
    check_invariants(drawn)
    assert as_counted(drawn) == by_hand(history)


@given(
    history=st.lists(st.sampled_from(LIFE), min_size=1, max_size=24),
    seed=st.integers(0, 2**32),
    units=st.integers(1, 12),
    arriving=st.tuples(st.integers(0, 24), st.integers(0, 12)),
)
def test_a_shortage_ends_the_same_on_every_way(
    history: list[dict[str, Any]], seed: int, units: int, arriving: tuple[int, int]
) -> None:
    in_order = [message for message in LIFE if message in history]
    straight = played(in_order, seed=0, twice=False, at_once=False, units=units, arriving=arriving)
    drawn = played(history, seed=seed, twice=True, at_once=True, rivals=True, units=units, arriving=arriving)
    check_invariants(straight, units + arriving[1])
    check_invariants(drawn, units + arriving[1])
    assert shelves(drawn) == shelves(straight)
    assert as_counted(drawn) == by_hand(history)


def as_stored(order: Item) -> dict[str, tuple[int, int, int]]:
    return {line_id: (line["reserved"], line["short"], line["consumed"]) for line_id, line in order["applied"].items()}


def test_the_whole_life_ends_as_a_shopkeeper_would_count_it() -> None:
    world = played(list(reversed(LIFE)), seed=7, twice=True, at_once=False)
    first, second = world.order("S1"), world.order("S2")
    assert as_stored(first) == {"1": (0, 0, 2), "2": (0, 0, 0), "3": (0, 0, 2)}
    assert as_stored(second) == {"1": (0, 0, 0), "2": (0, 0, 0)}
    assert world.stock("STOLE")["on_hand"] == world.stock("STOLE")["available"] == ENOUGH - 4
    assert world.stock("HORSE")["on_hand"] == world.stock("HORSE")["available"] == ENOUGH
    state = read(knowledge(first))
    assert [(line.cancelled, line.state) for line in state.lines] == [
        (3, "DELIVERED"),
        (3, "CANCELLED"),
        (0, "DELIVERED"),
    ]
    assert "EXCESS_CANCELLATION" in world.exceptions()
    assert "LATE_CANCELLATION" in world.exceptions()
    assert "UNCOUNTED" not in world.exceptions()


@given(history=histories, seed=st.integers(0, 2**32))
def test_the_last_text_about_an_order_states_what_is_left_to_send(history: list[dict[str, Any]], seed: int) -> None:
    world = played(history, seed=seed, twice=True, at_once=False)
    check_texts(world)


def test_one_text_per_group_and_order_whatever_the_number_of_its_lines() -> None:
    world = played(LIFE[:1] * 3, seed=1, twice=True, at_once=True)
    assert [kind for kind, _ in world.phones.to("G11")] == ["NEW_ORDER"]
    assert [kind for kind, _ in world.phones.to("G22")] == ["NEW_ORDER"]
    assert "7 Stole" in world.phones.to("G11")[0][1]
