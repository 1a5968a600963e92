"""What a write costs in DynamoDB: its write units, by DynamoDB's rules over names and values.

A write unit is one write of up to 1 KiB. A transaction costs double, an index costs what its
projected keys cost whenever they change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from hunar.tables import INDEXES, Item, Key

KILOBYTE: Final = 1024
"""Bytes of an item that one write unit pays for."""


class Write(NamedTuple):
    """One item written or removed, with what stood there before and what stands there now."""

    key: Key
    before: Item | None
    after: Item | None
    transaction: bool

    @property
    def size(self) -> int:
        """Bytes that are paid for; removing costs what stood there."""
        return item_size(self.key, self.after or self.before or {})

    @property
    def units(self) -> int:
        """Write units, index and transaction included."""
        once = -(-self.size // KILOBYTE) * (2 if self.transaction else 1)
        return once + index_units(self.key, self.before or {}, self.after or {})


@dataclass
class Used:
    """What an operation used: how often each AWS call was made, and write units."""

    calls: Counter[str] = field(default_factory=Counter)
    write_units: int = 0


def item_size(key: Key, item: Mapping[str, Any]) -> int:
    """Bytes of a stored item: names and values in UTF-8, as DynamoDB counts them."""
    return sum(len(name.encode()) + value_size(value) for name, value in {"pk": key.pk, "sk": key.sk, **item}.items())


def value_size(value: Any) -> int:
    """Bytes of one value; a list or map costs 3 and one more for each thing in it."""
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return -(-len(str(abs(value))) // 2) + 1
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return 3 + sum(1 + value_size(inner) for inner in value)
    return 3 + sum(1 + len(name.encode()) + value_size(inner) for name, inner in value.items())


def index_units(key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """A new or vanished place in an index is one write, a moved one is two."""
    units = 0
    for index in INDEXES.get(key.table, ()):
        names = (f"{index}_pk", f"{index}_sk")
        old, new = tuple(map(before.get, names)), tuple(map(after.get, names))
        if old != new:
            units += sum(None not in place for place in (old, new))
    return units
