"""Which schedule finds each mutant first, and how many of the first schedules find it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.simulation.mutants import Mutant, at_work
from tests.simulation.mutants.table import MUTANTS
from tests.simulation.schedule import Schedule, play

SEEDS: Final = Path(__file__).with_name("seeds.json")


def recorded() -> dict[str, int]:
    """The seed that finds each mutant."""
    found: dict[str, int] = json.loads(SEEDS.read_text())
    return found


def finds(mutant: Mutant, seed: int) -> str | None:
    """The promise that the schedule sees broken by the mutant. None also when a worker raised something strange:
    an exception would be seen without any promise."""
    with at_work(mutant):
        played = play(Schedule.of(seed))
    return played.broken.promise if played.broken and not played.failures else None


def search(name: str, seeds: Iterable[int]) -> tuple[str, int | None, str]:
    """The mutant's name, the first seed that finds it, and the promise that it breaks."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    for seed in seeds:
        if promise := finds(mutant, seed):
            return name, seed, promise
    return name, None, ""
