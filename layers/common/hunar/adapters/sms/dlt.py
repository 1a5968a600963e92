"""Why the operators' registry (DLT) refused a text, in words. They say so only after a provider took the text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

_NUMBER: Final = re.compile(r"(?<![0-9])6[0-7][0-9](?![0-9])")
_NAME: Final = re.compile(r"[A-Z][A-Z_]{5,60}")


@cache
def _codes() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Number → what it means; name → number, of the operators' names and of providers' that mean the same."""
    content = json.loads(Path(__file__).with_name("dlt_codes.json").read_text(encoding="utf-8"))
    codes = content["codes"]
    names = {code["name"]: number for number, code in codes.items()} | content["other_names"]
    return {number: code["reason"] for number, code in codes.items()}, names


def dlt_reason(code: str) -> str:
    """A scrub code, by number or name, as a sentence for an operator; one that is unknown as it is."""
    reasons, numbers = _codes()
    return reasons.get(numbers.get(code, code), code)


def scrub_code(text: str) -> str | None:
    """The number of the scrub code that a provider's words hold, None when they hold none that is known.

    Only the number goes on: the words can repeat a phone number or a text.
    """
    reasons, numbers = _codes()
    named = (numbers[name] for name in _NAME.findall(text) if name in numbers)
    return next(named, None) or next((number for number in _NUMBER.findall(text) if number in reasons), None)
