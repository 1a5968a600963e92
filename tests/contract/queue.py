"""A queue under test, and what waits in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hunar.ports import Queues


@dataclass(frozen=True)
class TestedQueue:
    """``taken`` answers every body that waits, and takes it out."""

    __test__ = False

    queues: Queues
    taken: Callable[[], list[str]]
