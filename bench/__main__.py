"""``make bench``: everything that is measured. ``make race``, ``make storm`` and ``make crowd`` take parts of it.

The parts that are named run on one deployed stack, one after the other: each counts from what it finds on its shelves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Final

from bench import large_batch, write_units
from bench.doors import doors
from bench.journey import journey
from bench.race import race
from bench.stack import Running, running
from bench.storm import storm


def _journey(stack: Running) -> list[str]:
    journey(stack)
    return []


PARTS: Final[dict[str, Callable[[Running], list[str]]]] = {
    "journey": _journey,
    "race": race,
    "doors": doors,
    "storm": storm,
}
MEASURED: Final = ("journey", "race", "doors")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; else all that is measured")
    parts = parser.parse_args().parts
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if not parts:
        print(write_units.report())
        print(large_batch.report())
    wrong = []
    with running() as stack:
        for name in parts or MEASURED:
            wrong += [f"{name}: {line}" for line in PARTS[name](stack)]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
