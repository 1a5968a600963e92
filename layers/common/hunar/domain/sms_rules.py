"""What is demanded of a registered text: what an operator would refuse, a leader could not read, or is too dear.

The operators' rules are TRAI's: the brand in every text (since 22 April 2021), at least 30 % fixed (May 2023), and
the direction of 18 November 2025, by which each variable is tagged numeric or alphanumeric, two are the rule, a third
needs a reason, and none stand side by side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from hunar.domain.sms_text import (
    BY_LIMIT,
    FIRST_HOUR,
    JOINERS,
    Language,
    Slot,
    Template,
    Words,
    by_value,
    fixed_text,
    parts,
    render,
    slot_names,
    units,
)
from hunar.domain.text_kinds import FORMS

BRAND: Final = "Hunar"
SLOTS: Final[Mapping[str, Slot]] = {
    "item": Slot("alphanumeric", 24),
    "by": Slot("alphanumeric", BY_LIMIT),
    "left": Slot("numeric", 4),
    "count": Slot("numeric", 4),
    "amount": Slot("numeric", 9),
    "account": Slot("numeric", 4),
    "utr": Slot("alphanumeric", 22),
    "code": Slot("numeric", 6),
    "ending": Slot("numeric", 2),
}
"""What a text may tell. Nothing of a buyer is among it. The strictest operator allows 30 units for one variable."""
_SCRIPTS: Final[Mapping[str, tuple[int, int]]] = {
    "en": (0x0000, 0x007F),
    "hi": (0x0900, 0x097F),
    "mr": (0x0900, 0x097F),
    "bn": (0x0980, 0x09FF),
    "as": (0x0980, 0x09FF),
    "pa": (0x0A00, 0x0A7F),
    "gu": (0x0A80, 0x0AFF),
    "or": (0x0B00, 0x0B7F),
    "ta": (0x0B80, 0x0BFF),
    "te": (0x0C00, 0x0C7F),
    "kn": (0x0C80, 0x0CFF),
    "ml": (0x0D00, 0x0D7F),
    "ur": (0x0600, 0x06FF),
}
"""The Unicode block of each language's script."""
_OF_A_SCRIPT: Final = ("LMP", "L")
"""Categories taken from a block: letters, marks and points; of ASCII the points are listed."""
_DANDA: Final = "\u0964"
"""The full stop of most Indian scripts; it stands in the block of Devanagari."""
_PUNCTUATION: Final = frozenset(" .,:;-/()'")
_MOST_SLOTS: Final = 2
_FIXED_SHARE: Final = 30
"""Per cent."""
_FIRST_PART: Final = 67
"""Units of the first part of a longer text in a native script: some phones show the parts apart."""
_OTHERS: Final = 16
_PIECE: Final = 14
"""Units, so that "9999 items" and "12 bags and 999 others" fit where an item stands."""
_LINK: Final = re.compile(r"://|www\.|\w\.\w", re.IGNORECASE)
_LONG_NUMBER: Final = re.compile(r"[0-9]{7,}")
_LOOKED_AT: Final = "2026-11-24T06:00:00Z"
_TYPICAL: Final = {"item": "w" * 16, "by": "2026-11-26T11:30:00Z"}


def problems(template: Template, words: Words) -> list[str]:
    """What is wrong with a text. [] is good."""
    if template.locale not in _SCRIPTS:
        return [f"locale {template.locale}: none of {', '.join(_SCRIPTS)}"]
    return [
        *_text_problems(template),
        *_slot_problems(template),
        *_cost_problems(template, words),
    ]


def language_problems(language: Language) -> list[str]:
    """What is wrong with a language's words and texts, each with the form that it is about. [] is good."""
    found = [f"words: {problem}" for problem in word_problems(language.words, language.locale)]
    found += [f"{form}: missing" for form in FORMS if form not in {text.form for text in language.templates}]
    told: dict[str, str] = {}
    for template in language.templates:
        name = f"{template.form} version {template.version}"
        found += [f"{name}: {problem}" for problem in problems(template, language.words)]
        same = told.setdefault(re.sub(r"\{\w+\}", "{}", template.text), name)
        if same != name:
            found.append(f"{name}: is the text of {same}, and an operator registers a text once")
    return found


def word_problems(words: Words, locale: str) -> list[str]:
    """What is wrong with the words that fill the slots. [] is good."""
    found = []
    names = [name for month in words.months for name in month]
    patterns = [words.other, *(pattern for _, pattern in words.day_parts)]
    for text in (words.usual, words.joined, words.piece, *names, *(pattern.replace("{}", "") for pattern in patterns)):
        if text != unicodedata.normalize("NFC", text):
            found.append(f"{text}: not in normal form C")
        found += [f"{text}: U+{ord(char):04X}, which is no letter of {locale}" for char in _foreign(text, locale, "")]
        if any(unicodedata.category(char)[0] == "P" for char in text):
            found.append(f"{text}: punctuation, which operators refuse in a variable")
    if any(pattern.count("{}") != 1 for pattern in patterns):
        found.append("other, day_parts: needs one {} for the number")
    if len(words.months) != 12 or not all(1 <= len(month) <= 2 and all(month) for month in words.months):
        found.append("months: not twelve, each with its name and perhaps a short form")
    hours = [hour for hour, _ in words.day_parts]
    if not hours or hours[0] != FIRST_HOUR or hours != sorted(set(hours)) or hours[-1] > 23:
        found.append(f"day_parts: not from {FIRST_HOUR} o'clock on in order")
    return found or [*_too_long(words)]


def worst_values(template: Template, words: Words) -> Iterator[dict[str, str]]:
    """The longest values that the slots may get: letters of the language, letters with marks, Latin and digits."""
    own = "".join((words.usual, words.piece, *(month[0] for month in words.months)))
    letter = next(char for char in own if unicodedata.category(char)[0] == "L")
    mark = next((char for char in own if unicodedata.category(char)[0] == "M"), letter)
    for said in (letter, unicodedata.normalize("NFC", letter + mark), "W", "9W", f"{letter} W9"):
        yield {name: _longest(slot, "W9" if name == "utr" else said) for name, slot in template.slots.items()}


def _longest(slot: Slot, said: str) -> str:
    if slot.type == "numeric":
        return "9" * slot.max_length
    return (said * slot.max_length)[: slot.max_length].rstrip().ljust(slot.max_length, "W")


def _too_long(words: Words) -> Iterator[str]:
    times = [f"2027-{month:02}-28T{hour:02}:00:00+05:30" for month in range(1, 13) for hour in range(FIRST_HOUR, 24)]
    said = {words.usual, *(by_value(time, words, _LOOKED_AT) for time in times)}
    yield from (f"{text}: longer than {BY_LIMIT} units" for text in sorted(said) if units(text) > BY_LIMIT)
    if units(words.other.format(999)) > _OTHERS:
        yield f"other: leaves too little room for a name, more than {_OTHERS} units"
    if units(words.piece) > _PIECE:
        yield f"piece: longer than {_PIECE} units"


def _foreign(text: str, locale: str, besides: str) -> list[str]:
    """The characters that are no letters, digits or signs of the language, leaving out the brand."""
    first, last = _SCRIPTS[locale]
    allowed = _PUNCTUATION | set(besides)
    if locale not in ("en", "ur"):
        allowed |= {_DANDA, *JOINERS}
    own = text if locale == "en" else text.replace(BRAND, "")
    return sorted(
        {
            char
            for char in own
            if not (
                char in allowed
                or (char.isascii() and char.isdigit())
                or (first <= ord(char) <= last and unicodedata.category(char)[0] in _OF_A_SCRIPT[char.isascii()])
            )
        }
    )


def _text_problems(template: Template) -> list[str]:
    text, found = template.text, []
    fixed = fixed_text(text)
    if text != unicodedata.normalize("NFC", text):
        found.append("text: not in normal form C")
    if text != " ".join(text.split()) or "\n" in text:
        found.append("text: line breaks, doubled spaces or spaces at an end")
    if any(char.isdigit() and not char.isascii() for char in text) or _LONG_NUMBER.search(text):
        found.append("text: digits that are not ASCII, or a number as long as a phone's")
    if any("{" in words or "}" in words for words in fixed):
        found.append("text: a brace that is no slot")
    for char in _foreign("".join(fixed), template.locale, "{}!"):
        found.append(f"text: U+{ord(char):04X} is no letter or sign of {template.locale}")
    if _LINK.search(text):
        found.append("text: a link")
    if "!" in text:
        found.append("text: urges")
    if not any(BRAND in words for words in fixed):
        found.append(f"text: does not name {BRAND}")
    if not any(char.isalpha() for char in fixed[0]):
        found.append("text: does not begin with what to do")
    if not template.reviewed and template.review != "draft":
        found.append("review: neither draft nor a name and a day")
    if not template.intent:
        found.append("intent: empty")
    if template.version < 1:
        found.append("version: below 1")
    return found


def _slot_problems(template: Template) -> list[str]:
    found = []
    names, fixed = slot_names(template.text), fixed_text(template.text)
    if sorted(names) != sorted(template.slots):
        found.append("slots: the text and the list differ")
    if template.form not in FORMS:
        found.append(f"form {template.form}: nothing sends it")
    elif sorted(template.slots) != sorted(FORMS[template.form]):
        found.append(f"slots: {template.form} has {', '.join(FORMS[template.form])}")
    if len(names) > _MOST_SLOTS + bool(template.why_three):
        found.append(f"slots: more than {_MOST_SLOTS}" + (" and one" if template.why_three else ", and no why_three"))
    if template.why_three and len(names) <= _MOST_SLOTS:
        found.append("why_three: there are not three slots")
    if not all(any(char.isalpha() for char in words) for words in fixed[1:]):
        found.append("slots: no word between two, or none after the last")
    for name, slot in template.slots.items():
        if name not in SLOTS:
            found.append(f"slot {name}: nothing fills it")
        elif slot != SLOTS[name]:
            found.append(f"slot {name}: is {SLOTS[name].type} of {SLOTS[name].max_length}")
    return found


def _cost_problems(template: Template, words: Words) -> list[str]:
    try:
        worst = max((render(template, values) for values in worst_values(template, words)), key=parts)
        typical = {
            "item": _TYPICAL["item"],
            "by": by_value(_TYPICAL["by"], words, _LOOKED_AT),
        }
        filled = {name: typical.get(name) or _longest(slot, "W9") for name, slot in template.slots.items()}
        said = render(template, filled)
    except (ValueError, KeyError) as error:
        return [f"cannot be rendered: {error}"]
    found = []
    cost = parts(worst)
    if cost > template.parts_budget:
        found.append(f"parts: {cost} at worst, {template.parts_budget} allowed")
    if not 1 <= template.parts_budget <= (1 if words.plain else 2):
        found.append("parts_budget: more than 1 in English or 2 in another script")
    if 100 * sum(map(units, fixed_text(template.text))) < _FIXED_SHARE * units(worst):
        found.append(f"text: less than {_FIXED_SHARE} % is fixed")
    if (
        cost > 1
        and "by" in template.slots
        and units(said[: said.index(typical["by"]) + len(typical["by"])]) > _FIRST_PART
    ):
        found.append(f"text: until when stands after unit {_FIRST_PART}, which another part may bring")
    return found
