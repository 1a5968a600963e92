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

_JOINERS: Final = "\u200c\u200d"
"""Meaningful inside Bengali, Marathi and Malayalam words."""
_VIRAMA_CLASS: Final = 9
_IST: Final = timezone(timedelta(hours=5, minutes=30))
_SLOT: Final = re.compile(r"\{([a-z_]+)\}")
_LONG_NUMBER: Final = re.compile(r"[0-9]{7,}")

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

    kind: str
    locale: str
    text: str
    """Fixed words and named slots, ``Get ready: {item}.``"""
    slots: Mapping[str, Slot]
    parts_budget: int
    """The most parts that the text may cost with its longest values."""
    review: str
    """``draft``, or the speaker who read it aloud and the day: ``Asha Devi, 2026-11-20``."""
    intent: str
    """What it says, in English, for those who do not read the language."""


def encoding(text: str) -> Encoding:
    """How a text travels: one character outside the GSM alphabet turns all of it into UCS-2."""
    return "GSM-7" if _GSM_BASIC.union(_GSM_EXTENSION).issuperset(text) else "UCS-2"


def parts(text: str) -> int:
    """How many parts an operator bills, at least one.

    A part holds whole characters: neither an escaped character nor a surrogate pair is split over two.
    """
    coding = encoding(text)
    single, each = _CAPACITY[coding]
    sizes = [2 if char in _GSM_EXTENSION else 1 for char in text] if coding == "GSM-7" else [_units(c) for c in text]
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
        problem = _value_problem(values[name], slot, plain)
        if problem:
            raise ValueError(f"slot {name}: {problem}")
    return _SLOT.sub(lambda found: values[found[1]], template.text)


def item_value(lines: Sequence[tuple[int, str]], locale: str, limit: int = 24) -> str:
    """What to make ready (or not), as (units, short product name) of each line: ``2 Jute tote 1 Lunch bag``.

    What does not fit within ``limit`` UTF-16 units is told as units: ``2 Jute tote and 3 other``. A name
    is cut between words if it can be, never inside a letter. ValueError without lines, for a quantity
    below 1, or for a limit too short for the number of units.
    """
    words = _words(locale)
    if not lines or any(quantity < 1 for quantity, _ in lines):
        raise ValueError("item: needs at least one line, each of at least one unit")
    named: dict[str, int] = {}
    for quantity, name in lines:
        cleaned = _clean(name, locale) or words.piece
        named[cleaned] = named.get(cleaned, 0) + quantity
    entries = [(quantity, name) for name, quantity in named.items()]
    for count in range(len(entries), 0, -1):
        rest = sum(quantity for quantity, _ in entries[count:])
        text = _listed(entries[:count], words.joined) + (f" {words.other.format(rest)}" if rest else "")
        if _units(text) <= limit:
            return text
    quantity, name = entries[0]
    rest = sum(quantity for quantity, _ in entries[1:])
    ending = f" {words.other.format(rest)}" if rest else ""
    beginning = _counted(quantity, name)[: -len(name)]
    short = _cut(name, limit - _units(beginning) - _units(ending))
    if short:
        return f"{beginning}{short}{ending}"
    text = f"{quantity + rest} {words.piece}"
    if _units(text) > limit:
        raise ValueError("item: the number of units does not fit")
    return text


def by_value(ship_by: str | None, locale: str, now: str) -> str:
    """The time for handing over, at most 20 units: ``26 Nov 5 pm``; without one the language's "usual time".

    Rounded down to the hour, because later is too late. The hours from midnight to five are told as eleven
    in the evening before: people count them with that evening, so "27 November, 12 at night" would be read
    a day late. When the hour has passed, only today's date is said. ``ship_by`` and ``now`` are moments with
    an offset (ValueError otherwise).
    """
    words = _words(locale)
    if ship_by is None:
        return words.usual
    hour = moment(ship_by).astimezone(_IST).replace(minute=0, second=0, microsecond=0)
    if hour.hour < _FIRST_HOUR:
        hour = (hour - timedelta(days=1)).replace(hour=23)
    today = moment(now).astimezone(_IST)
    if hour <= today:
        return f"{today.day} {words.months[today.month - 1][0]}"
    for month in words.months[hour.month - 1]:
        text = f"{hour.day} {month} {_hour(hour, words)}"
        if _units(text) <= BY_LIMIT:
            break
    return text


BY_LIMIT: Final = 20
_FIRST_HOUR: Final = 5


@dataclass(frozen=True)
class _Words:
    """What the values of a language are made of."""

    usual: str
    """Stands where a time would: "the usual time"."""
    joined: str
    """Between two products where a number would run into another."""
    other: str
    piece: str
    """For a product without a name in this language."""
    day_parts: tuple[tuple[int, str], ...]
    """From this hour on, the clock's twelve hours said with this word."""
    months: tuple[tuple[str, ...], ...]
    """Each month's name and, where it is long, its short form."""


def _months(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_nfc(month).split("/")) for month in text.split())


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_WORDS: Final = {
    "en": _Words(
        usual="the usual time",
        joined="and",
        other="and {} other",
        piece="item",
        day_parts=((5, "{} am"), (12, "{} noon"), (13, "{} pm")),
        months=_months("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    ),
    "hi": _Words(
        usual="हमेशा के समय",
        joined="और",
        other="और {} दूसरे",
        piece="सामान",
        day_parts=((5, "सुबह {}"), (12, "दोपहर {}"), (16, "शाम {}"), (20, "रात {}")),
        months=_months("जनवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर"),
    ),
    "bn": _Words(
        usual="রোজকার মতো",
        joined="আর",
        other="আর {}টি অন্য",
        piece="জিনিস",
        day_parts=((5, "সকাল {}টা"), (12, "দুপুর {}টা"), (16, "বিকেল {}টা"), (19, "রাত {}টা")),
        months=_months(
            "জানুয়ারি/জানু ফেব্রুয়ারি/ফেব মার্চ এপ্রিল/এপ্রি মে জুন জুলাই আগস্ট সেপ্টেম্বর/সেপ্টে অক্টোবর/অক্টো নভেম্বর/নভে ডিসেম্বর/ডিসে"
        ),
    ),
    "ta": _Words(
        usual="வழக்கம்போல்",
        joined="மற்றும்",
        other="மற்றவை {}",
        piece="பொருள்",
        day_parts=((5, "காலை {}"), (12, "மதியம் {}"), (16, "மாலை {}"), (19, "இரவு {}")),
        months=_months("ஜனவரி/ஜன பிப்ரவரி/பிப் மார்ச் ஏப்ரல் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர்/செப் அக்டோபர்/அக் நவம்பர்/நவ டிசம்பர்/டிச"),
    ),
}
LOCALES: Final = tuple(_WORDS)


def _words(locale: str) -> _Words:
    if locale not in _WORDS:
        raise ValueError(f"locale {locale!r} has no texts")
    return _WORDS[locale]


def _hour(hour: datetime, words: _Words) -> str:
    pattern = next(text for first, text in reversed(words.day_parts) if hour.hour >= first)
    return pattern.format((hour.hour - 1) % 12 + 1)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_letter(char: str) -> bool:
    # str.isalnum() denies the vowel signs of ordinary Hindi and Tamil words: they are marks.
    return unicodedata.category(char)[0] in "LM" or char in _JOINERS or (char.isascii() and char.isdigit())


def _value_problem(value: str, slot: Slot, plain: bool) -> str | None:
    if not value:
        return "empty"
    if _units(value) > slot.max_length:
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
        (not _LONG_NUMBER.search(value), "a number as long as a phone's or an order's"),
        (not plain or encoding(value) == "GSM-7", "a character outside the GSM alphabet, which would double the parts"),
    )
    return next((problem for good, problem in rules if not good), None)


def _clean(name: str, locale: str) -> str:
    """A product's name as a slot may carry it: letters, ASCII digits, single spaces."""
    if locale == "en":  # an accent outside the GSM alphabet would turn the whole text into UCS-2
        name = "".join(
            char
            if char in _GSM_BASIC or not _is_letter(char)
            else unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
            for char in _nfc(name)
        )
    digits = "".join(str(unicodedata.digit(char)) if unicodedata.category(char) == "Nd" else char for char in name)
    kept = "".join(char if _is_letter(char) else " " for char in _nfc(digits))
    words = (word.strip(_JOINERS) for word in _LONG_NUMBER.sub(" ", kept).split())
    # A mark without a letter before it is what is left of something that was dropped.
    return " ".join(word for word in words if word and unicodedata.category(word[0])[0] != "M")


def _counted(quantity: int, name: str) -> str:
    return f"{quantity} x {name}" if name[0].isdigit() else f"{quantity} {name}"


def _listed(entries: Sequence[tuple[int, str]], joined: str) -> str:
    text = ""
    for quantity, name in entries:
        between = f" {joined} " if text[-1:].isdigit() else " "
        text += (between if text else "") + _counted(quantity, name)
    return text


def _cut(name: str, limit: int) -> str:
    """The longest beginning of whole words, else of whole letters, within ``limit`` units; "" if there is none."""
    ends = [at for at in range(1, len(name) + 1) if _units(name[:at]) <= limit and _ends_letter(name, at)]
    whole = [at for at in ends if name[at : at + 1] in ("", " ") and name[at - 1] != " "]
    chosen = max(whole or ends, default=0)
    return name[:chosen].strip()


def _ends_letter(name: str, at: int) -> bool:
    """Whether a letter, with its vowel signs and joined consonants, ends before this index."""
    if at == len(name):
        return True
    before, after = name[at - 1], name[at]
    if unicodedata.category(after)[0] == "M" or after in _JOINERS or before in _JOINERS:
        return False
    return after == " " or unicodedata.combining(before) != _VIRAMA_CLASS
