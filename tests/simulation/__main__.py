"""``make simulate SEEDS=5000``: plays that many schedules of orders, and a part of as many of channels, of
texts, of money and of batches, on all processors and says what broke.

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
from functools import partial
from pathlib import Path
from typing import Final

from tests.simulation.batches import Batches
from tests.simulation.channels import Trade
from tests.simulation.money import Money
from tests.simulation.schedule import Schedule
from tests.simulation.shrink import shrunk
from tests.simulation.texts import Texts

CHUNK: Final = 50
CHANNELS: Final = 5
"""One schedule of channels for so many of orders: it takes longer."""
TEXTS: Final = 4
"""One of texts for so many of orders."""
MONEY: Final = 5
"""One of money for so many of orders."""
BATCHES: Final = 2
"""One of batches for so many of orders."""
KINDS: Final[dict[str, type[Schedule] | type[Trade] | type[Texts] | type[Money] | type[Batches]]] = {
    "orders": Schedule,
    "channels": Trade,
    "texts": Texts,
    "money": Money,
    "batches": Batches,
}
SHOWN: Final = 3
"""Failing schedules that are shrunk and told; the others are only named."""


@dataclass
class Chunk:
    """What one process found in some schedules."""

    played: int = 0
    cpu: float = 0.0
    ticks: int = 0
    found: list[tuple[int, str]] = field(default_factory=list)


def chunk(kind: str, seeds: range) -> Chunk:
    result = Chunk()
    began = time.process_time()
    for seed in seeds:
        played = KINDS[kind].of(seed).play()
        result.played += 1
        result.ticks += played.ticks
        if played.found:
            result.found.append((seed, played.found))
    result.cpu = time.process_time() - began
    return result


def calm(kind: str, seeds: range) -> float:
    """Processor seconds of the same stories without a fault, and as thoroughly checked."""
    began = time.process_time()
    for seed in seeds:
        KINDS[kind].of(seed).calm().play()
    return time.process_time() - began


def tell(kind: str, seed: int, keep: Path | None) -> None:
    schedule = KINDS[kind].of(seed)
    smallest: Schedule | Trade | Texts | Money | Batches = shrunk(schedule)
    played = smallest.play(tell=True)
    print(f"\n{kind}, seed {seed}: {played.found}\nThe smallest history that still does it:\n" + "\n".join(played.tale))
    if keep:
        path = keep / f"{kind}-{seed}.json"
        why = {"why": f"{kind}, seed {seed}: {played.broken.promise if played.broken else played.found}"}
        path.write_text(json.dumps(why | smallest.content(), indent=1, ensure_ascii=False) + "\n")
        print(f"written to {path}")


def play_all(kind: str, seeds: range, pool: ProcessPoolExecutor) -> list[tuple[int, str]]:
    """Play them, say what it took, and return what broke a promise."""
    began = time.monotonic()
    total = Chunk()
    for part in pool.map(partial(chunk, kind), _chunks(seeds)):
        total.played += part.played
        total.cpu += part.cpu
        total.ticks += part.ticks
        total.found += part.found
    few = seeds[: max(1, len(seeds) // 25)][:200]
    without = sum(pool.map(partial(calm, kind), _chunks(few)))
    print(
        f"{total.played} schedules of {kind} in {time.monotonic() - began:.0f} s on {os.cpu_count()} processors: "
        f"{1000 * total.cpu / total.played:.1f} core-milliseconds each, "
        f"{1000 * without / len(few):.1f} without a fault; "
        f"{total.ticks / total.played:.0f} turns each; {len(total.found)} broke a promise",
        flush=True,
    )
    for seed, found in total.found:
        print(f"  seed {seed}: {found[:200]}")
    return total.found


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5000, help="how many schedules of orders")
    parser.add_argument("--channels", type=int, help=f"how many schedules of channels; else one for {CHANNELS}")
    parser.add_argument("--texts", type=int, help=f"how many schedules of texts; else one for {TEXTS}")
    parser.add_argument("--money", type=int, help=f"how many schedules of money; else one for {MONEY}")
    parser.add_argument("--batches", type=int, help=f"how many schedules of batches; else one for {BATCHES}")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--keep", type=Path, help="a folder for the smallest form of failing schedules")
    asked = parser.parse_args()
    many = {
        "orders": asked.seeds,
        "channels": asked.seeds // CHANNELS if asked.channels is None else asked.channels,
        "texts": asked.seeds // TEXTS if asked.texts is None else asked.texts,
        "money": asked.seeds // MONEY if asked.money is None else asked.money,
        "batches": asked.seeds // BATCHES if asked.batches is None else asked.batches,
    }
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = {kind: play_all(kind, range(asked.first, asked.first + n), pool) for kind, n in many.items() if n}
    for kind, seeds in found.items():
        for seed, _ in seeds[:SHOWN]:
            tell(kind, seed, asked.keep)
    return 1 if any(found.values()) else 0


def _chunks(seeds: range) -> Iterator[range]:
    return (seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK))


if __name__ == "__main__":
    sys.exit(main())
