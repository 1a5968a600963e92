"""Ids that are derived from meaning, so that the same thing always has the same id."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no escapes. Floats are refused (ValueError)."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def derived_id(*parts: Any) -> str:
    """A 32-digit hexadecimal id from what the thing means, e.g. ``derived_id("SHORT", order_ref, sku)``."""
    return hashlib.sha256(canonical(list(parts)).encode()).hexdigest()[:32]


def delivery_id(marketplace: str, account: str, raw: bytes) -> str:
    """The id of a delivery: marketplace, account and the raw body as it came."""
    head = f"{marketplace}\n{account}\n".encode()
    return hashlib.sha256(head + raw).hexdigest()[:32]


def order_ref(marketplace: str, account: str, marketplace_id: str) -> str:
    """The key of an order, ``marketplace:account:id``."""
    return f"{marketplace}:{account}:{marketplace_id}"


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError("a float has no place in a fact, an id or an amount")
    if isinstance(value, dict):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_floats(inner)
