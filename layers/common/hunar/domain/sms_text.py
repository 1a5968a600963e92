"""What a text to a group says, and what it costs in parts.

A registered text has at most two slots, and the operators' filters let only letters, digits and
spaces into them (TRAI direction of 18 November 2025: every variable is tagged numeric or
alphanumeric). So values here carry no comma, colon, plus sign or dash.

Lengths are UTF-16 units, which is what a part of a text is counted in. Times are given in Indian
Standard Time, digits are ASCII, texts are in Unicode normal form C.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, Literal

from hunar.domain.facts import moment

# 3GPP TS 23.038, section 6.2.1: the default alphabet (without the escape) and its extension table.
_GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_CAPACITY: Final = {"GSM-7": (160, 153), "UCS-2": (70, 67)}
"""Units of a text that fits one part, and of each part of a longer one."""

JOINERS: Final = "\u200c\u200d"
"""Meaningful inside Bengali, Marathi and Malayalam words."""
_BASIC_PLANE: Final = 0xFFFF
_VIRAMA_CLASS: Final = 9
_IST: Final = timezone(timedelta(hours=5, minutes=30))
_SLOT: Final = re.compile(r"\{([a-z_]+)\}")
_LONG_NUMBER: Final = re.compile(r"[0-9]{7,}")
_REFERENCE: Final = "utr"
"""The slot of a bank's reference, which may be a long number."""
_REVIEW: Final = re.compile(r"\S.*, [0-9]{4}-[0-9]{2}-[0-9]{2}")

LOCALES: Final = ("en", "hi", "bn", "ta", "te", "mr", "gu", "kn", "ml", "or", "pa", "as", "ur")
"""The languages of the texts (ISO 639-1)."""

Encoding = Literal["GSM-7", "UCS-2"]


@dataclass(frozen=True)
class Slot:
    """A variable of a registered text."""

    type: Literal["alphanumeric", "numeric"]
    max_length: int
    """UTF-16 units."""


@dataclass(frozen=True)
class Template:
    """One registered text in one language."""

    form: str
    """Which wording it is (``text_kinds.FORMS``)."""
    locale: str
    version: int
    """From 1; a text that was changed is registered anew, and the old one is sent until the new one is approved."""
    text: str
    """Fixed words and named slots, ``Get ready: {item}.``"""
    slots: Mapping[str, Slot]
    parts_budget: int
    """The most parts that the text may cost with its longest values."""
    review: str
    """``draft``, or the speaker who read it aloud and the day: ``Asha Devi, 2026-11-20``."""
    intent: str
    """What it says, in English, for those who do not read the language."""
    why_three: str = ""
    """Why two slots are too few: the reason that the operators record for a third."""

    @property
    def reviewed(self) -> bool:
        """Whether a speaker of the language has read it aloud and put name and day beside it."""
        return _REVIEW.fullmatch(self.review) is not None


@dataclass(frozen=True)
class Words:
    """What the values of a language are made of."""

    usual: str
    """Stands where a time would: "the usual time"."""
    joined: str
    """Between two products where a number would run into another."""
    other: str
    """With ``{}`` for a number: the units that are not named."""
    piece: str
    """For a product without a name in this language."""
    day_parts: tuple[tuple[int, str], ...]
    """From this hour on, the clock's twelve hours said with this word, the hour standing for ``{}``."""
    months: tuple[tuple[str, ...], ...]
    """Each month's name and, where it is long, its short form."""

    @property
    def plain(self) -> bool:
        """Whether the language is written in the GSM alphabet, so that one letter outside it would be dear."""
        return encoding(self.usual) == "GSM-7"


@dataclass(frozen=True)
class Language:
    """A language's words and all its registered texts."""

    locale: str
    name: str
    """In English."""
    words: Words
    templates: tuple[Template, ...]
    """By form, the oldest version first."""

    def text(self, form: str, version: int | None = None) -> Template:
        """A wording; the newest without a version. KeyError when there is none."""
        found = [
            template
            for template in self.templates
            if template.form == form and (version is None or template.version == version)
        ]
        if not found:
            raise KeyError(f"{form} {self.locale}" + (f" version {version}" if version is not None else ""))
        return found[-1]


def encoding(text: str) -> Encoding:
    """How a text travels: one character outside the GSM alphabet turns all of it into UCS-2."""
    return "GSM-7" if _GSM_BASIC.union(_GSM_EXTENSION).issuperset(text) else "UCS-2"


def parts(text: str) -> int:
    """How many parts an operator bills, at least one.

    A part holds whole characters: neither an escaped character nor a surrogate pair is split over two.
    """
    coding = encoding(text)
    single, each = _CAPACITY[coding]
    sizes = [2 if char in _GSM_EXTENSION else 1 for char in text] if coding == "GSM-7" else [units(c) for c in text]
    if sum(sizes) <= single:
        return 1
    count, filled = 1, 0
    for size in sizes:
        if filled + size > each:
            count, filled = count + 1, 0
        filled += size
    return count


def fixed_text(text: str) -> list[str]:
    """The words of a registered text around its slots: one more than there are slots."""
    return _SLOT.split(text)[::2]


def slot_names(text: str) -> list[str]:
    """The slots of a registered text in their order."""
    return _SLOT.findall(text)


def render(template: Template, values: Mapping[str, str]) -> str:
    """The text as it will be read. ValueError names the slot that cannot be filled, never its value."""
    if values.keys() != template.slots.keys():
        raise ValueError(f"slot {min(values.keys() ^ template.slots.keys())}: missing or unknown")
    plain = all(encoding(words) == "GSM-7" for words in fixed_text(template.text))
    for name, slot in template.slots.items():
        problem = _value_problem(values[name], slot, plain=plain, reference=name == _REFERENCE)
        if problem:
            raise ValueError(f"slot {name}: {problem}")
    return _SLOT.sub(lambda found: values[found[1]], template.text)


def item_value(lines: Sequence[tuple[int, str]], words: Words, limit: int = 24, *, least: int = 1) -> str:
    """What to make ready (or not), as (units, short product name) of each line: ``2 Jute tote 1 Lunch bag``.

    What does not fit within ``limit`` UTF-16 units is told as units: ``2 Jute tote and 3 other``. A name
    is cut between words if it can be, never inside a letter. ``least`` is 0 where a text tells how much
    is left. ValueError without lines, for a quantity below ``least``, or for a limit too short for the
    number of units.
    """
    if not lines or any(quantity < least for quantity, _ in lines):
        raise ValueError(f"item: needs at least one line, each of {least} or more units")
    named: dict[str, int] = {}
    for quantity, name in lines:
        cleaned = _clean(name, words) or words.piece
        named[cleaned] = named.get(cleaned, 0) + quantity
    entries = [(quantity, name) for name, quantity in named.items()]
    for count in range(len(entries), 0, -1):
        text = _listed(entries[:count], words.joined) + _others(entries[count:], words)
        if units(text) <= limit:
            return text
    quantity, name = entries[0]
    ending = _others(entries[1:], words)
    beginning = _counted(quantity, name)[: -len(name)]
    short = _cut(name, limit - units(beginning) - units(ending))
    if short:
        return f"{beginning}{short}{ending}"
    text = f"{sum(units for units, _ in entries)} {words.piece}"
    if units(text) > limit:
        raise ValueError("item: the number of units does not fit")
    return text


def by_value(ship_by: str | None, words: Words, now: str) -> str:
    """The time for handing over, at most 20 units: ``26 Nov 5 pm``; without one the language's "usual time".

    Rounded down to the hour, because later is too late. The hours from midnight to five are told as eleven
    in the evening before: people count them with that evening, so "27 November, 12 at night" would be read
    a day late. When the hour has passed, only today's date is said. ``ship_by`` and ``now`` are moments with
    an offset (ValueError otherwise).
    """
    if ship_by is None:
        return words.usual
    hour = moment(ship_by).astimezone(_IST).replace(minute=0, second=0, microsecond=0)
    if hour.hour < FIRST_HOUR:
        hour = (hour - timedelta(days=1)).replace(hour=23)
    today = moment(now).astimezone(_IST)
    if hour <= today:
        return f"{today.day} {words.months[today.month - 1][0]}"
    for month in words.months[hour.month - 1]:
        text = f"{hour.day} {month} {_hour(hour, words)}"
        if units(text) <= BY_LIMIT:
            break
    return text


def amount_value(paise: int) -> str:
    """An amount in whole rupees, for ``Rs {amount}``: 123456 paise is ``1234``.

    Rounded down, so that a text never promises a rupee that was not earned; the statement has the paise.
    ValueError for less than nothing or more than nine digits.
    """
    if paise < 0:
        raise ValueError("amount: below 0")
    text = str(paise // 100)
    if len(text) > _AMOUNT_DIGITS:
        raise ValueError(f"amount: more than {_AMOUNT_DIGITS} digits")
    return text


BY_LIMIT: Final = 20
FIRST_HOUR: Final = 5
"""A day is told from this hour in the morning to the same hour of the next."""
_AMOUNT_DIGITS: Final = 9


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _hour(hour: datetime, words: Words) -> str:
    pattern = next(text for first, text in reversed(words.day_parts) if hour.hour >= first)
    return pattern.format((hour.hour - 1) % 12 + 1)


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_letter(char: str) -> bool:
    # str.isalnum() denies the vowel signs of ordinary Hindi and Tamil words: they are marks.
    # Keypad phones show no letter outside the basic plane, and such a one could cost a part more at a border.
    if ord(char) > _BASIC_PLANE:
        return False
    return unicodedata.category(char)[0] in "LM" or char in JOINERS or (char.isascii() and char.isdigit())


def _value_problem(value: str, slot: Slot, *, plain: bool, reference: bool) -> str | None:
    if not value:
        return "empty"
    if units(value) > slot.max_length:
        return f"longer than {slot.max_length}"
    if slot.type == "numeric":
        return None if value.isascii() and value.isdigit() else "not a number in ASCII digits"
    forbidden = [char for char in value if char != " " and not _is_letter(char)]
    if forbidden:
        return f"forbidden character U+{ord(forbidden[0]):04X}"
    rules = (
        (value == " ".join(value.split()), "spaces at an end or doubled"),
        (unicodedata.category(value[0])[0] != "M", "begins within a letter"),
        (value == _nfc(value), "not in normal form C"),
        (reference or not _LONG_NUMBER.search(value), "a number as long as a phone's or an order's"),
        (not plain or encoding(value) == "GSM-7", "a character outside the GSM alphabet, which would double the parts"),
    )
    return next((problem for good, problem in rules if not good), None)


def _clean(name: str, words: Words) -> str:
    """A product's name as a slot may carry it: letters, ASCII digits, single spaces."""
    if words.plain:  # an accent outside the GSM alphabet would turn the whole text into UCS-2
        name = "".join(
            char
            if char in _GSM_BASIC or not _is_letter(char)
            else unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
            for char in _nfc(name)
        )
    digits = "".join(str(unicodedata.digit(char)) if unicodedata.category(char) == "Nd" else char for char in name)
    kept = "".join(char if _is_letter(char) else " " for char in _nfc(digits))
    said = (word.strip(JOINERS) for word in _LONG_NUMBER.sub(" ", kept).split())
    # A mark without a letter before it is what is left of something that was dropped.
    return " ".join(word for word in said if word and unicodedata.category(word[0])[0] != "M")


def _counted(quantity: int, name: str) -> str:
    return f"{quantity} x {name}" if name[0].isdigit() else f"{quantity} {name}"


def _listed(entries: Sequence[tuple[int, str]], joined: str) -> str:
    text = ""
    for quantity, name in entries:
        between = f" {joined} " if text[-1:].isdigit() else " "
        text += (between if text else "") + _counted(quantity, name)
    return text


def _others(entries: Sequence[tuple[int, str]], words: Words) -> str:
    return f" {words.other.format(sum(quantity for quantity, _ in entries))}" if entries else ""


def _cut(name: str, limit: int) -> str:
    """The longest beginning of whole words, else of whole letters, within ``limit`` units; "" if there is none."""
    ends = [at for at in range(1, len(name) + 1) if units(name[:at]) <= limit and _ends_letter(name, at)]
    whole = [at for at in ends if name[at : at + 1] in ("", " ") and name[at - 1] != " "]
    chosen = max(whole or ends, default=0)
    return name[:chosen].strip()


def _ends_letter(name: str, at: int) -> bool:
    """Whether a letter, with its vowel signs and joined consonants, ends before this index."""
    if at == len(name):
        return True
    before, after = name[at - 1], name[at]
    if unicodedata.category(after)[0] == "M" or after in JOINERS or before in JOINERS:
        return False
    return after == " " or unicodedata.combining(before) != _VIRAMA_CLASS
