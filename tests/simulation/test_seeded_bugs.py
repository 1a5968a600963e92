"""The simulation finds each of the bugs below, and none when there is none.

Random histories with repeated, shuffled messages and rival workers are played against the same facts
played straight. Each bug is one that a hurried change could make.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hunar.domain import demand, facts, notification, order, stock
from hunar.domain.facts import Cancelled, Placed
from hunar.domain.stock import Applied, Stock
from hunar.ports import ANY, Put
from hunar.use_cases import change_order, count_stock, notify
from tests.histories import LIFE, as_counted, by_hand, check_invariants, check_texts, played, truth

SEEDS = range(60)


def violation(seed: int) -> str | None:
    """What is wrong after the history of this seed, in one line."""
    draw = random.Random(seed)
    history = draw.choices(LIFE, k=draw.randint(1, 24))
    scarce = draw.randint(1, 6)
    try:
        straight = played([message for message in LIFE if message in history], seed=0, twice=False, at_once=False)
        mixed = played(history, seed=seed, twice=draw.random() < 0.5, at_once=draw.random() < 0.8, rivals=True)
        check_invariants(straight)
        check_invariants(mixed)
        check_texts(mixed)
        if truth(mixed) != truth(straight):
            return "the way mattered"
        if as_counted(mixed) != by_hand(history):
            return "a shopkeeper counts differently"
        late = (draw.randint(0, 24), draw.randint(1, 12))
        short = played(history, seed=seed, twice=True, at_once=True, rivals=True, units=scarce, arriving=late)
        check_invariants(short, scarce + late[1])
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return None


def test_without_a_bug_nothing_is_found_and_workers_did_meet() -> None:
    assert {seed: found for seed in SEEDS if (found := violation(seed))} == {}
    world = played(LIFE, seed=1, twice=True, at_once=True, rivals=True)
    assert world.store.met > 0  # type: ignore[attr-defined]


def last_cancel_wins(known: Any, placed: Placed, left_at: str | None, problems: list[Any]) -> list[Cancelled]:
    given = [fact for fact in known if isinstance(fact, Cancelled) and fact.line_id == placed.line_id]
    return sorted(given, key=facts.to_text)[-1:]


def late_cancels_count(known: Any, placed: Placed, left_at: str | None, problems: list[Any]) -> list[Cancelled]:
    return CANCELLED(known, placed, None, problems)


CANCELLED = order._cancelled


def first_placing_wins(known: Any) -> dict[str, Placed]:
    found: dict[str, Placed] = {}
    for fact in sorted(known, key=facts.to_text):
        if isinstance(fact, Placed):
            found.setdefault(fact.line_id, fact)
    return found


def never_pays_uncounted(shelf: Stock) -> Stock:
    return shelf


def forgets_on_hand(shelf: Stock, units: int) -> Stock:
    there = min(units, shelf.available)
    return replace(shelf, available=shelf.available - there, uncounted=shelf.uncounted + units - there)


def reserves_without_looking(shelf: Stock, line: Applied, want: demand.Demand, queued: bool) -> tuple[Stock, Applied]:
    need = want.hold - line.reserved - line.short
    if need <= 0:
        return shelf, line
    return (
        replace(shelf, available=shelf.available - need, reserved=shelf.reserved + need),
        replace(line, reserved=line.reserved + need),
    )


def releases_nothing(shelf: Stock, line: Applied, want: demand.Demand) -> tuple[Stock, Applied]:
    return shelf, line


def consumes_from_available(shelf: Stock, line: Applied, want: demand.Demand) -> tuple[Stock, Applied]:
    need = want.gone - line.consumed
    if need <= 0:
        return shelf, line
    return stock._taken(shelf, need), replace(line, consumed=want.gone)


def writes_without_versions(commit: Callable[..., None]) -> Callable[..., None]:
    def blind(self: Any, puts: list[Put]) -> None:
        commit(self, [put._replace(expect=ANY) for put in puts])

    return blind


def sends_whatever_is_owed(*args: Any, **named: Any) -> notification.Decision:
    return notification.Decision(notification.Verdict.SEND, "owed", {"STOLE": 99, "HORSE": 99})


def serves_nobody(shelf: Stock, line: Applied) -> tuple[Stock, Applied]:
    return shelf, line


def serves_without_counting_down(shelf: Stock, line: Applied) -> tuple[Stock, Applied]:
    there = min(line.short, shelf.available)
    return (
        replace(shelf, available=shelf.available - there, reserved=shelf.reserved + there),
        replace(line, reserved=line.reserved + there, short=line.short - there),
    )


BUGS: list[tuple[str, Any, str, Any]] = [
    ("one cancellation stands for all", order, "_cancelled", last_cancel_wins),
    ("cancellations after the goods left free units", order, "_cancelled", late_cancels_count),
    ("the placing that came first holds", order, "_placed", first_placing_wins),
    ("arriving units do not pay for uncounted ones", stock, "_settled", never_pays_uncounted),
    ("units leave the counters but not the shelf", stock, "_taken", forgets_on_hand),
    ("more is promised than there is", stock, "_reserve", reserves_without_looking),
    ("units that came serve nobody", stock, "_serve", serves_nobody),
    ("who was served still counts as short", stock, "_serve", serves_without_counting_down),
    ("nobody is told that lines wait", count_stock, "owes_allocation", lambda shelf: False),
    (
        "a short line leaves no trace in the queue",
        change_order.OrderChange,
        "_queue",
        lambda self, line_id, was, now, at: now,
    ),
    ("a cancellation frees nothing", stock, "_release", releases_nothing),
    ("shipping forgets the line's own reservation", stock, "_consume", consumes_from_available),
    ("every text that is owed is sent", notify, "decide", sends_whatever_is_owed),
]


@pytest.mark.parametrize(("where", "name", "bug"), [bug[1:] for bug in BUGS], ids=[bug[0] for bug in BUGS])
def test_a_seeded_bug_is_found(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, bug: Any) -> None:
    monkeypatch.setattr(where, name, bug)
    assert any(violation(seed) for seed in SEEDS)


def test_writing_without_versions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from hunar.adapters.memory import MemoryStore

    monkeypatch.setattr(MemoryStore, "commit", writes_without_versions(MemoryStore.commit))
    assert any(violation(seed) for seed in SEEDS)
