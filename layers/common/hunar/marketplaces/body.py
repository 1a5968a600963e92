"""Bodies of messages: read strictly, and kept without what nobody needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

DEPTH: Final = 64
"""Objects and lists inside each other."""
INTEGER_DIGITS: Final = 20
FRACTION_CHARACTERS: Final = 24
"""The longest text of a 64-bit float."""
MAGNITUDE: Final = 20
"""Powers of ten, up and down: ``1e999999999`` is a few bytes long and fills a memory."""

Shape = Mapping[str, Any] | list[Any] | None
"""What may be kept of a value: None a text, number or boolean; a mapping its named fields; a list of one shape."""


class Unreadable(ValueError):
    """The body is not one JSON object that every reader reads alike. The text says why, for an operator."""


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body in UTF-8. Fractions are Decimal, never float. Raises Unreadable.

    Stricter than ``json``: what two readers could read differently (a name that stands twice, a byte
    order mark, NaN) is refused, and so is what only serves to exhaust the reader.
    """
    if raw.startswith(b"\x1f\x8b"):
        raise Unreadable("compressed with gzip")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise Unreadable("begins with a byte order mark")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise Unreadable(f"nested deeper than {DEPTH}") from error
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    _require_shallow(value)
    return value


def readable(raw: bytes) -> bool:
    """Whether ``read_object`` reads it."""
    try:
        read_object(raw)
    except Unreadable:
        return False
    return True


def redacted(value: Any, shape: Shape) -> Any:
    """The part of a value that an allow-list names. What is not of the named shape becomes None.

    Halves of surrogate pairs, which JSON can say and no database stores, become question marks.
    """
    if isinstance(shape, list):
        return [redacted(inner, shape[0]) for inner in value] if isinstance(value, list) else None
    if shape is not None:
        if not isinstance(value, dict):
            return None
        return {name: redacted(value[name], inner) for name, inner in shape.items() if name in value}
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return None if isinstance(value, (dict, list)) else value


def written(value: Any) -> str:
    """JSON text that ``read_object`` reads as the same value: a Decimal keeps its digits."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{written(name)}:{written(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Unreadable(f"the name {name[:40]!a} stands twice in one object")
        found[name] = value
    return found


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > INTEGER_DIGITS:
        raise Unreadable(f"a whole number of more than {INTEGER_DIGITS} digits")
    return int(text)


def _fraction(text: str) -> Decimal:
    if len(text) > FRACTION_CHARACTERS:
        raise Unreadable(f"a number of more than {FRACTION_CHARACTERS} characters")
    number = Decimal(text)
    if abs(number.adjusted()) > MAGNITUDE:
        raise Unreadable(f"a number beyond ten to the power of {MAGNITUDE}")
    return number


def _constant(text: str) -> Any:
    raise Unreadable(f"{text} is no JSON number")


def _require_shallow(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise Unreadable(f"nested deeper than {DEPTH}")


def _inside(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [each for each in inner if isinstance(each, (dict, list))]
