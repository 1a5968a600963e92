"""A store that counts what is asked of it and what it writes, and remembers none of it: for ten thousand groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hunar.adapters.memory import MemoryStore
from hunar.adapters.write_units import Used, Write


class _Calls(list[Any]):
    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def append(self, entry: str) -> None:
        self.counted[entry] += 1


class _Units(list[Any]):
    def __init__(self) -> None:
        super().__init__()
        self.sum = 0

    def append(self, entry: Write) -> None:
        self.sum += entry.units


class TallyStore(MemoryStore):
    """``used`` as in any store, by the name of what was done."""

    def __init__(self) -> None:
        super().__init__(remembers=False)
        self._counted, self._units = _Calls(), _Units()
        self.calls, self.writes, self.refused = self._counted, self._units, self._units

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        calls, units = self._counted.counted.copy(), self._units.sum
        yield
        used = self.used.setdefault(name, Used())
        used.calls.update(self._counted.counted - calls)
        used.write_units += self._units.sum - units
