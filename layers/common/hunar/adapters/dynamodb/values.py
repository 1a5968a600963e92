"""What DynamoDB writes as typed values, as the plain values that everything else reads."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

_READ: Final = TypeDeserializer()


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """An item of a table, of a stream, or of a record that a stream gave up.

    ValueError for a number that is not whole: a fraction in a table is somebody's mistake and must not be rounded.
    """
    return {name: _whole(_READ.deserialize(value)) for name, value in row.items()}


def _whole(value: Any) -> Any:
    if isinstance(value, Decimal):
        if value != value.to_integral_value():
            raise ValueError("a stored number is not whole")
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return value
