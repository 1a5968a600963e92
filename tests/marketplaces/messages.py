"""Messages taken apart and changed, whatever marketplace they are of."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

BUYER = ("Kusumlata", "98765-43210", "14 Charkha Lane")
"""Marks by which a fictional buyer is found wherever she should not be."""


def paths(value: Any, path: str = "") -> list[str]:
    """The name of every field in a message, with ``[]`` for each list."""
    if isinstance(value, dict):
        return [p for name, inner in value.items() for p in paths(inner, f"{path}.{name}".lstrip("."))]
    if isinstance(value, list) and value:
        return [p for inner in value for p in paths(inner, f"{path}[]")]
    return [path]


def changed(message: dict[str, Any], path: str, new: Any) -> dict[str, Any]:
    """A copy with another value in every place of this name; None takes the field away."""
    message = copy.deepcopy(message)
    _change(message, path, new)
    return message


def _change(value: Any, path: str, new: Any) -> None:
    name, _, rest = path.partition(".")
    bare = name.removesuffix("[]")
    if rest:
        for inner in value.get(bare) or () if name.endswith("[]") else (value.get(bare),):
            if isinstance(inner, dict):
                _change(inner, rest, new)
    elif new is None:
        value.pop(bare, None)
    elif bare in value:
        value[bare] = [new] if name.endswith("[]") else new


def each_object(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A copy in which every object, however deep, was changed."""
    if isinstance(value, list):
        return [each_object(inner, change) for inner in value]
    if not isinstance(value, dict):
        return value
    return change({name: each_object(inner, change) for name, inner in value.items()})


def marked(message: dict[str, Any], hers: frozenset[str]) -> dict[str, Any]:
    """The message with a buyer in every object of it, in fields that nobody knows and in those that are hers."""
    buyer = {"name": BUYER[0], "phone": BUYER[1], "address": [BUYER[2], {"line": BUYER[2]}]}

    def with_buyer(value: dict[str, Any]) -> dict[str, Any]:
        inside = {name: " ".join(BUYER) if name in hers else inner for name, inner in value.items()}
        return inside | {"buyer": buyer, "buyerName": BUYER[0], "deliverTo": [buyer], "phone": BUYER[1]}

    found: dict[str, Any] = each_object(message, with_buyer)
    return found
