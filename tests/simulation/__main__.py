"""``make simulate SEEDS=5000``: plays that many schedules on all processors and says what broke.

A failing schedule is shrunk, told in words, and written down if ``--keep`` names a folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.simulation.schedule import Schedule, play, play_calm
from tests.simulation.shrink import shrunk

CHUNK: Final = 50
SHOWN: Final = 3
"""Failing schedules that are shrunk and told; the others are only named."""


@dataclass
class Chunk:
    """What one process found in some schedules."""

    played: int = 0
    cpu: float = 0.0
    ticks: int = 0
    found: list[tuple[int, str]] = field(default_factory=list)


def chunk(seeds: range) -> Chunk:
    result = Chunk()
    began = time.process_time()
    for seed in seeds:
        played = play(Schedule.of(seed))
        result.played += 1
        result.ticks += played.ticks
        if played.found:
            result.found.append((seed, played.found))
    result.cpu = time.process_time() - began
    return result


def calm(seeds: range) -> float:
    """Processor seconds of the same stories without a fault, and as thoroughly checked."""
    began = time.process_time()
    for seed in seeds:
        play_calm(Schedule.of(seed))
    return time.process_time() - began


def tell(seed: int, keep: Path | None) -> None:
    smallest = shrunk(Schedule.of(seed))
    played = play(smallest, tell=True)
    print(f"\nseed {seed}: {played.found}\nThe smallest history that still does it:\n" + "\n".join(played.tale))
    if keep:
        path = keep / f"seed-{seed}.json"
        why = {"why": f"seed {seed}: {played.broken.promise if played.broken else played.found}"}
        path.write_text(json.dumps(why | smallest.content(), indent=1, ensure_ascii=False) + "\n")
        print(f"written to {path}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5000, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--keep", type=Path, help="a folder for the smallest form of failing schedules")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds)
    processes = os.cpu_count() or 1
    began = time.monotonic()
    total = Chunk()
    with ProcessPoolExecutor(processes) as pool:
        for part in pool.map(chunk, _chunks(seeds)):
            total.played += part.played
            total.cpu += part.cpu
            total.ticks += part.ticks
            total.found += part.found
        few = seeds[: min(len(seeds), 200)]
        without = sum(pool.map(calm, _chunks(few)))
    print(
        f"{total.played} schedules in {time.monotonic() - began:.0f} s on {processes} processors: "
        f"{1000 * total.cpu / total.played:.1f} core-milliseconds each, "
        f"{1000 * without / len(few):.1f} without a fault; "
        f"{total.ticks / total.played:.0f} turns each; {len(total.found)} broke a promise"
    )
    for seed, found in total.found:
        print(f"  seed {seed}: {found[:200]}")
    for seed, _ in total.found[:SHOWN]:
        tell(seed, asked.keep)
    return 1 if total.found else 0


def _chunks(seeds: range) -> Iterator[range]:
    return (seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK))


if __name__ == "__main__":
    sys.exit(main())
