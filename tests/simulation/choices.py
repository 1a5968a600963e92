"""Every decision of a schedule: drawn from a seed, or played again from what was written down."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

NOTHING: Final = 0
"""The answer that changes nothing: go on, take the oldest, no fault. Only other answers are written down."""


class Choices:
    """Numbers that decide. A schedule that is played again asks the same questions in the same order.

    Without a seed every answer that is not in the record is NOTHING: the empty record is the calm,
    orderly schedule, and a record gets simpler by losing answers.
    """

    def __init__(self, seed: int | None = None, record: Mapping[int, int] | None = None) -> None:
        self._random = None if seed is None else random.Random(seed).random
        self.record: dict[int, int] = dict(record or {})
        self._asked = 0

    @property
    def last(self) -> int:
        """The number of the question that was asked last."""
        return self._asked - 1

    def weigh(self, odds: Sequence[float]) -> int:
        """The number, from 1, of one of several events, or NOTHING. ``odds`` add up: each holds those before it."""
        number = self._asked
        self._asked += 1
        if self._random is None:
            answer = self.record.get(number, NOTHING)
            return answer if answer <= len(odds) else NOTHING
        drawn = self._random()
        if not odds or drawn >= odds[-1]:
            return NOTHING
        self.record[number] = answer = bisect_right(odds, drawn) + 1
        return answer

    def pick(self, count: int) -> int:
        """One of ``count`` things, from 0."""
        if count < 2:
            return 0
        number = self._asked
        self._asked += 1
        if self._random is None:
            answer = self.record.get(number, NOTHING)
            return answer if answer < count else NOTHING
        answer = int(self._random() * count)
        if answer:
            self.record[number] = answer
        return answer
