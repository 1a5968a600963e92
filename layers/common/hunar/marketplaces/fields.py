"""Fields of messages and answers: each is read strictly, and what cannot be used says which field and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from hunar.domain.facts import Fact, instant
from hunar.domain.reading import Finding

MOST_LINES: Final = 300
"""Of one order: its facts must fit into one item of the database."""
MOST_UNITS: Final = 10_000
MOST_PAISE: Final = 1_000_000_000
"""A crore rupees."""

_MOMENT: Final = re.compile(
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})"
)
_ID: Final = re.compile(r"[!-~]{1,100}")
_UNITS: Final = re.compile(r"[0-9]{1,9}")


class Wrong(Exception):
    """A field that cannot be used. One finding per field: a field's exception opens once."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self._field, self._message = field, message

    def finding(self, kind: str) -> Finding:
        return Finding(kind, self._field, self._message)


def lines(
    items: Any, field: str, reading: Callable[[Mapping[str, Any], str], Fact]
) -> tuple[list[Fact], tuple[Finding, ...]]:
    """Every line by itself: one that cannot be read does not lose the others. Raises Wrong when there is none.

    ``items`` was redacted: it is a list of objects, with None for what was none.
    """
    if not items:
        raise Wrong(field, "is missing or empty")
    if len(items) > MOST_LINES:
        raise Wrong(field, f"has {len(items)} lines, more than {MOST_LINES}")
    facts: list[Fact] = []
    findings = []
    for number, item in enumerate(items):
        place = f"{field}[{number}]"
        try:
            if item is None:
                raise Wrong(place, "is not an object")
            facts.append(reading(item, place))
        except Wrong as wrong:
            findings.append(wrong.finding("BAD_LINE"))
    return facts, tuple(findings)


def named(item: Mapping[str, Any], field: str, name: str) -> str:
    text = words(item.get(name))
    if text is None:
        raise Wrong(f"{field}.{name}", "is missing or not a name")
    return text


def quantity(item: Mapping[str, Any], field: str, name: str = "quantity") -> int:
    """Units. A text of digits counts: Flipkart documents holdQuantity as text and shows it as a number."""
    given = item.get(name)
    units = int(given) if isinstance(given, str) and _UNITS.fullmatch(given) else given
    if not isinstance(units, int) or isinstance(units, bool) or not 1 <= units <= MOST_UNITS:
        raise Wrong(f"{field}.{name}", f"{shown(given)} is not a number of units from 1 to {MOST_UNITS}")
    return units


def paise(prices: Mapping[str, Any], name: str) -> int | None:
    """Paise of an amount in rupees; None when it is not given."""
    given = prices.get(name)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, Decimal)):
        raise Wrong(name, f"{shown(given)} is not a number")
    # At most 24 characters were read, so the product is exact.
    paise = Decimal(given) * 100
    if paise != paise.to_integral_value():
        raise Wrong(name, f"{given} has parts of a paisa")
    if not 0 <= paise <= MOST_PAISE:
        raise Wrong(name, f"{given} is not an amount from 0 to {MOST_PAISE // 100}")
    return int(paise)


def rupees(paise: int) -> str:
    return f"{paise // 100}.{paise % 100:02d}"


def time(given: Any, field: str) -> str:
    """A time as facts write it. One without an offset is refused: a guess would move it by hours."""
    if given is None:
        raise Wrong(field, "is missing")
    if not isinstance(given, str) or not _MOMENT.fullmatch(given):
        raise Wrong(field, f"{shown(given)} is not a time with an offset")
    try:
        return instant(datetime.fromisoformat(given))
    except ValueError as error:
        raise Wrong(field, f"{shown(given)} is not a time") from error


def identity(given: Any) -> str | None:
    """An id: visible ASCII. A whole number is the id that its digits write."""
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    return text if isinstance(text, str) and _ID.fullmatch(text) else None


def words(given: Any) -> str | None:
    """A short text on one line without anything invisible, or None."""
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str):
        return None
    line = " ".join(text.split())
    return line if 0 < len(line) <= 200 and line.isprintable() else None


def shown(given: Any) -> str:
    """A wrong value for an operator's eyes: short and without surprises."""
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return "true" if given else "false"
    return (format(given, "f") if isinstance(given, Decimal) else ascii(given))[:60]
