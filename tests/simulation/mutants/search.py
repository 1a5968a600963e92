"""Which schedule finds each mutant first: ``python -m tests.simulation.mutants.search`` looks for all of them anew."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.simulation.__main__ import KINDS
from tests.simulation.mutants import Mutant, at_work
from tests.simulation.mutants.table import MUTANTS

MOST: Final = 3000
"""Schedules that are tried for each mutant."""
SEEDS: Final = Path(__file__).with_name("seeds.json")


def recorded() -> dict[str, int]:
    """The seed that finds each mutant."""
    found: dict[str, int] = json.loads(SEEDS.read_text())
    return found


def finds(mutant: Mutant, seed: int) -> str | None:
    """The promise that the schedule sees broken by the mutant and by nothing else.

    None also when a worker raised something strange: an exception would be seen without any promise.
    """
    schedule = KINDS[mutant.kind].of(seed)
    with at_work(mutant):
        played = schedule.play()
    if played.broken is None or played.failures:
        return None
    return None if schedule.play().found else played.broken.promise


def search(name: str) -> tuple[str, int | None, str]:
    """The mutant's name, the first seed that finds it, and the promise that it breaks."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    for seed in range(MOST):
        if promise := finds(mutant, seed):
            return name, seed, promise
    return name, None, ""


def main() -> int:
    """Look for all of them anew and write down what finds each. Returns 1 if one is not found."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(search, [mutant.name for mutant in MUTANTS]))
    for name, seed, promise in found:
        print(f"{'-' if seed is None else seed:>5}  {name}: {promise or f'not found in {MOST} schedules'}")
    slowest = max((seed for _, seed, _ in found if seed is not None), default=0) + 1
    print(f"{len(found)} mutants; the slowest is found by schedule {slowest}")
    if any(seed is None for _, seed, _ in found):
        return 1
    SEEDS.write_text(json.dumps({name: seed for name, seed, _ in found}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
