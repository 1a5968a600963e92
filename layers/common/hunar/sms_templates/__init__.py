"""The registered texts: one JSON file for each kind and language.

A text is registered on the operators' DLT portal word for word, so each language has its own text
and none is put together from pieces. Its DLT id belongs to an agency and stands in the registry.

What the slots mean:

- ``item`` (NEW_ORDER, RELEASED, SERVED): the units to make ready; (CANCELLED): the units that were cancelled;
  (HOLD): the units to keep back.
- ``by``: the time for handing over, or the language's words for the usual time.
- ``left``: units of this order that are still to be handed over in all; 0 is as true as 3.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from hunar.domain.sms_text import LOCALES, Slot, Template, encoding, fixed_text, parts, render, slot_names

BRAND: Final = "Hunar"
"""Every registered text names its sender (TRAI direction, since 22 April 2021)."""
_SLOTS: Final = {"item": "alphanumeric", "by": "alphanumeric", "left": "numeric"}
"""What a text may tell. Nothing of a buyer is among it."""
_LONGEST_SLOT: Final = 30
"""The strictest operator's limit for one variable."""
_MOST_SLOTS: Final = 2
_FIXED_SHARE: Final = 30
"""Per cent of the text that must be fixed (TRAI, May 2023)."""
_LINK: Final = re.compile(r"://|www\.|\w\.\w", re.IGNORECASE)
_LONG_NUMBER: Final = re.compile(r"[0-9]{7,}")
_REVIEW: Final = re.compile(r"\S.*, [0-9]{4}-[0-9]{2}-[0-9]{2}")


@cache
def load() -> Mapping[tuple[str, str], Template]:
    """Every text, by kind and locale. ValueError when a file is no template or two files claim one place."""
    templates: dict[tuple[str, str], Template] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".json"):
            template = parse(json.loads(file.read_text(encoding="utf-8")))
            if (template.kind, template.locale) in templates:
                raise ValueError(f"{file.name}: {template.kind} {template.locale} stands in another file")
            templates[template.kind, template.locale] = template
    return MappingProxyType(templates)


def parse(content: Mapping[str, Any]) -> Template:
    """A template from its file's content. ValueError names a field that is missing or too much."""
    try:
        slots = {name: Slot(slot["type"], slot["max_length"]) for name, slot in content["slots"].items()}
        return Template(**{**content, "slots": MappingProxyType(slots)})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a template: {error}") from error


def reviewed(template: Template) -> bool:
    """Whether a speaker of the language has read it aloud and put name and day beside it."""
    return _REVIEW.fullmatch(template.review) is not None


def usable(template: Template, *, production: bool) -> bool:
    """Whether it may be sent. Production sends no draft."""
    return reviewed(template) or not production


def problems(template: Template) -> list[str]:
    """What an operator would refuse, a leader could not read, or would cost more than its budget. [] is good."""
    return [*_text_problems(template), *_slot_problems(template), *_cost_problems(template)]


def _text_problems(template: Template) -> list[str]:
    text, found = template.text, []
    fixed = fixed_text(text)
    if template.locale not in LOCALES:
        found.append(f"locale {template.locale}: its months and words are not known")
    if text != unicodedata.normalize("NFC", text):
        found.append("text: not in normal form C")
    if text != " ".join(text.split()) or "\n" in text:
        found.append("text: line breaks, doubled spaces or spaces at an end")
    if any(char.isdigit() and not char.isascii() for char in text) or _LONG_NUMBER.search(text):
        found.append("text: digits that are not ASCII, or a number as long as a phone's")
    if _LINK.search(text):
        found.append("text: a link")
    if "!" in text:
        found.append("text: urges")
    if not any(BRAND in words for words in fixed):
        found.append(f"text: does not name {BRAND}")
    if not any(char.isalpha() for char in fixed[0]):
        found.append("text: does not begin with what to do")
    if not reviewed(template) and template.review != "draft":
        found.append("review: neither draft nor a name and a day")
    if not template.intent:
        found.append("intent: empty")
    return found


def _slot_problems(template: Template) -> list[str]:
    found = []
    names, fixed = slot_names(template.text), fixed_text(template.text)
    if sorted(names) != sorted(template.slots):
        found.append("slots: the text and the list differ")
    if len(names) > _MOST_SLOTS:
        found.append(f"slots: more than {_MOST_SLOTS}")
    if any("{" in words or "}" in words for words in fixed):
        found.append("text: a brace that is no slot")
    if not all(any(char.isalpha() for char in words) for words in fixed[1:]):
        found.append("slots: no word between two, or none after the last")
    for name, slot in template.slots.items():
        if _SLOTS.get(name) != slot.type:
            found.append(f"slot {name}: nothing fills it as {slot.type}")
        if not 1 <= slot.max_length <= _LONGEST_SLOT:
            found.append(f"slot {name}: its length is not 1 to {_LONGEST_SLOT}")
    return found


def _cost_problems(template: Template) -> list[str]:
    longest = {
        name: ("9" if slot.type == "numeric" else "w") * slot.max_length for name, slot in template.slots.items()
    }
    try:
        text = render(template, longest)
    except (ValueError, KeyError) as error:
        return [f"cannot be rendered: {error}"]
    found = []
    cost = parts(text)
    if cost > template.parts_budget:
        found.append(f"parts: {cost} at worst, {template.parts_budget} allowed")
    if template.parts_budget > (1 if encoding(text) == "GSM-7" else 2):
        found.append("parts_budget: more than 1 in English or 2 in another script")
    if 100 * sum(map(len, fixed_text(template.text))) < _FIXED_SHARE * len(text):
        found.append(f"text: less than {_FIXED_SHARE} % is fixed")
    return found
