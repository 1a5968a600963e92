"""The registered texts: one JSON file for each language, with the words that fill their slots.

A text is registered on the operators' DLT portal word for word, so each language has its own text
and none is put together from pieces. Its DLT id belongs to an agency and stands in the registry.
Which wordings there are, with their slots, says ``domain/text_kinds.py``; what is demanded of
them, ``domain/sms_rules.py``.

What the slots mean:

- ``item`` (NEW_ORDER, NEW_ORDER_SHORT, RELEASED, SERVED): the units to make ready; (NEW_ORDERS): those of all its
  orders; (CANCELLED): the units that were cancelled; (HOLD): the units to keep back; (LOW_STOCK): the units that are
  left on the shelf; (RETURN): the units that come back.
- ``by``: the time for handing over, the first one when there are several, or the language's words for the usual time.
- ``left``: units of this order that are still to be handed over in all; 0 is as true as 3.
- ``count``: orders: (SHIP_BY) to hand over, (PAYOUT_COMPUTED) of which the earnings were worked out.
- ``amount``: whole rupees, rounded down. ``account``: the last four digits of the bank account. ``utr``: the bank's
  reference of the payment.
- ``code``: what she reads to the centre's worker on the telephone. ``ending``: the last two digits of the new number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from hunar.domain.sms_text import LOCALES, Language, Slot, Template, Words

__all__ = ["LOCALES", "Language", "language", "parse", "usable"]


@cache
def language(locale: str) -> Language:
    """A language's words and texts; reads its file only. ValueError when there is none, or it is no such file."""
    if locale not in LOCALES:
        raise ValueError(f"locale {locale!r} has no texts")
    content = json.loads(resources.files(__name__).joinpath(f"{locale}.json").read_text(encoding="utf-8"))
    found = parse(content)
    if found.locale != locale:
        raise ValueError(f"{locale}.json: says that it is {found.locale}")
    return found


def parse(content: Mapping[str, Any]) -> Language:
    """A language from its file's content. ValueError names a field that is missing or too much."""
    locale = content.get("locale", "")
    try:
        words = content["words"]
        made = Words(
            **{
                **words,
                "day_parts": tuple((hour, text) for hour, text in words["day_parts"]),
                "months": tuple(map(tuple, words["months"])),
            }
        )
        templates = [_template(locale, text) for text in content["texts"]]
        if extra := content.keys() - {"locale", "language", "words", "texts"}:
            raise KeyError(min(extra))
        places = [(template.form, template.version) for template in templates]
        if twice := {place for place in places if places.count(place) > 1}:
            raise ValueError(f"{' version '.join(map(str, min(twice)))} stands twice")
        ordered = tuple(sorted(templates, key=lambda template: (template.form, template.version)))
        return Language(locale, content["language"], made, ordered)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{locale}: no language: {error}") from error


def _template(locale: str, text: Mapping[str, Any]) -> Template:
    slots = {name: Slot(slot["type"], slot["max_length"]) for name, slot in text["slots"].items()}
    return Template(**{**text, "locale": locale, "slots": MappingProxyType(slots)})


def usable(template: Template, *, production: bool) -> bool:
    """Whether it may be sent. Production sends no draft."""
    return template.reviewed or not production
