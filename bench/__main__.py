"""``make bench``: everything that is measured."""

from __future__ import annotations

import sys

from bench import write_units
from bench.doors import doors
from bench.journey import journey
from bench.race import race
from bench.stack import running


def main() -> int:
    print(write_units.report())
    with running() as stack:
        journey(stack)
        wrong = [*race(stack), *doors(stack)]
    for line in wrong:
        print(f"race: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
