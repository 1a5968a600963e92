"""A failing schedule with everything left out that it does not need.

First inputs go, in ever smaller pieces, then kinds of faults, then choices. Without an input the
workers take other turns, so a smaller story is tried with the choices that were written down and with
a few fresh seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from time import monotonic
from typing import Final, TypeVar

from tests.simulation.batches import Batches
from tests.simulation.channels import Trade
from tests.simulation.money import Money
from tests.simulation.schedule import Played, Schedule
from tests.simulation.texts import Texts

T = TypeVar("T")
S = TypeVar("S", Schedule, Trade, Texts, Money, Batches)

FRESH_SEEDS: Final = 40
CALM_WEATHER: Final = {"switch": 0.3}


def name(played: Played) -> str | None:
    """What is broken, without the details: a smaller schedule must break the same promise."""
    if played.broken:
        return played.broken.promise
    return played.failures[0].split(": ")[1] if played.failures else None


def shrunk(schedule: S, *, seconds: float = 60.0) -> S:
    """The smallest schedule that was found in time and breaks the same promise. Its choices are written down."""
    first = schedule.play()
    wanted = name(first)
    if wanted is None:
        raise ValueError("this schedule breaks nothing")
    end = monotonic() + seconds
    best = replace(schedule, seed=None, record=first.record)

    def breaks(candidate: S) -> S | None:
        if monotonic() > end:
            return None
        played = candidate.play()
        return replace(candidate, seed=None, record=played.record) if name(played) == wanted else None

    def with_fresh_seeds(candidate: S) -> S | None:
        if kept := breaks(candidate):
            return kept
        found = (breaks(replace(candidate, seed=seed, record={})) for seed in range(FRESH_SEEDS))
        return next((kept for kept in found if kept), None)

    def fewer(pieces: Sequence[T], without: Callable[[list[T]], S], attempt: Callable[[S], S | None]) -> bool:
        nonlocal best
        smaller = False
        for rest in _rests(pieces):
            if kept := attempt(without(rest)):
                best, smaller = kept, True
                return smaller
        return smaller

    while fewer(best.inputs, lambda rest: replace(best, inputs=tuple(rest)), with_fresh_seeds):
        pass
    for event in sorted(best.weather):
        calmer = {name: often for name, often in best.weather.items() if name != event}
        best = with_fresh_seeds(replace(best, weather=calmer)) or best
    early = tuple(replace(each, at=float(number)) for number, each in enumerate(best.inputs))
    best = with_fresh_seeds(replace(best, inputs=early)) or best
    while fewer(sorted(best.record.items()), lambda rest: replace(best, record=dict(rest)), breaks):
        pass
    return best


def _rests(pieces: Sequence[T]) -> Iterator[list[T]]:
    """The pieces without a half of them, without a quarter, and so on to without one."""
    size = len(pieces) // 2
    while size:
        for start in range(0, len(pieces), size):
            yield [*pieces[:start], *pieces[start + size :]]
        size //= 2
