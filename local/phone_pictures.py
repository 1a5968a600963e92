"""Draws the pictures of ``docs/for-groups``: a keypad phone with a text on its screen.

``.venv/bin/python -m local.phone_pictures`` writes them anew. The texts are the registered ones with
sample values, so a picture shows what a phone will show; a test compares the files with what this
module draws today.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from hunar import sms_templates
from hunar.domain import text_kinds
from hunar.domain.sms_text import by_value, item_value, render

FOLDER: Final = Path(__file__).parents[1] / "docs/for-groups"

_PRODUCTS: Final[Mapping[str, tuple[str, str]]] = {
    "hi": ("जूट थैला", "टोपी"),
    "bn": ("পাটের ব্যাগ", "টুপি"),
    "ta": ("சணல் பை", "தொப்பி"),
}
LOCALES: Final = tuple(_PRODUCTS)
"""The languages that have a sheet."""

PICTURED: Final[Mapping[str, Mapping[str, str]]] = {
    text_kinds.NEW_ORDER: {"hi": "नया ऑर्डर", "bn": "নতুন অর্ডার", "ta": "புதிய ஆர்டர்"},
    text_kinds.NEW_ORDERS: {"hi": "कई नए ऑर्डर", "bn": "কয়েকটি নতুন অর্ডার", "ta": "பல புதிய ஆர்டர்கள்"},
    text_kinds.CANCELLED: {"hi": "ऑर्डर रद्द हुआ", "bn": "অর্ডার বাতিল হয়েছে", "ta": "ஆர்டர் ரத்து ஆனது"},
    text_kinds.HOLD: {"hi": "अभी रोक कर रखें", "bn": "এখন আটকে রাখুন", "ta": "இப்போது நிறுத்தி வைக்கவும்"},
    text_kinds.RELEASED: {"hi": "अब आगे बढ़ें", "bn": "এখন এগিয়ে যান", "ta": "இப்போது தொடரவும்"},
    text_kinds.PAYOUT_PAID: {"hi": "पैसे भेजे गए", "bn": "টাকা জমা হয়েছে", "ta": "பணம் செலுத்தப்பட்டது"},
}
"""The main texts, each with what its picture is called."""

_NOW: Final = "2026-11-24T06:00:00Z"
_SHIP_BY: Final = "2026-11-26T11:30:00Z"

_FONTS: Final[Mapping[str, str]] = {
    "hi": "'Noto Sans Devanagari', 'Nirmala UI', 'Kohinoor Devanagari', Mangal, 'Lohit Devanagari', sans-serif",
    "bn": "'Noto Sans Bengali', 'Nirmala UI', 'Kohinoor Bangla', Vrinda, 'Lohit Bengali', sans-serif",
    "ta": "'Noto Sans Tamil', 'Nirmala UI', 'Tamil Sangam MN', Latha, 'Lohit Tamil', sans-serif",
}
_BROAD: Final[Mapping[str, float]] = {"hi": 0.62, "bn": 0.68, "ta": 0.88}
"""How broad a letter of the script is on the average, in ems."""
_EM: Final = 15
_LINE: Final = 24
_SCREEN: Final = 238
"""The breadth that the words have, in the picture's units."""
_KEYS: Final = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#")


def said(locale: str, form: str) -> str:
    """A registered text with sample values. ValueError for a language without a sheet."""
    if locale not in _PRODUCTS:
        raise ValueError(f"locale {locale!r} has no sheet")
    words = sms_templates.language(locale).words
    first, second = _PRODUCTS[locale]
    lines = [(3, first), (2, second)] if form == text_kinds.NEW_ORDERS else [(2, first)]
    values = {
        "item": item_value(lines, words),
        "by": by_value(_SHIP_BY, words, _NOW),
        "left": "1",
        "count": "3",
        "amount": "1250",
        "account": "4321",
        "utr": "N330261234",
        "code": "482913",
        "ending": "21",
    }
    template = sms_templates.language(locale).text(form)
    return render(template, {name: values[name] for name in template.slots})


def name(locale: str, form: str) -> str:
    """A picture's file within the folder ``pictures``."""
    return f"{locale}-{form.lower().replace('_', '-')}.svg"


def picture(locale: str, form: str) -> str:
    """The phone with the text, as SVG."""
    text = said(locale, form)
    lines = list(_wrapped(text, locale))
    screen = _LINE * len(lines) + 22
    keys = screen + 78
    height = keys + 4 * 40 + 30
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="{height}" viewBox="0 0 300 {height}"'
        f' role="img" aria-labelledby="title text" lang="{locale}" xml:lang="{locale}">',
        f'<title id="title">{escape(PICTURED[form][locale])}</title>',
        f'<desc id="text">{escape(text)}</desc>',
        f'<rect x="4" y="4" width="292" height="{height - 8}" rx="30" fill="#2f3640"/>',
        '<rect x="120" y="16" width="60" height="6" rx="3" fill="#59636f"/>',
        f'<rect x="20" y="34" width="260" height="{screen}" rx="6" fill="#e4efd2"/>',
        f'<g font-family="{_FONTS[locale]}" font-size="{_EM}" fill="#16200a">',
    ]
    drawn += [f'<text x="31" y="{34 + 26 + _LINE * at}">{escape(line)}</text>' for at, line in enumerate(lines)]
    drawn += [
        "</g>",
        f'<rect x="116" y="{keys - 32}" width="68" height="20" rx="10" fill="#59636f"/>',
        f'<rect x="36" y="{keys - 32}" width="58" height="20" rx="10" fill="#3f8f4f"/>',
        f'<rect x="206" y="{keys - 32}" width="58" height="20" rx="10" fill="#b5483f"/>',
        '<g font-family="sans-serif" font-size="17" fill="#ffffff" text-anchor="middle">',
    ]
    for at, key in enumerate(_KEYS):
        left, top = 36 + 85 * (at % 3), keys + 40 * (at // 3)
        drawn.append(f'<rect x="{left}" y="{top}" width="58" height="30" rx="8" fill="#4a535e"/>')
        drawn.append(f'<text x="{left + 29}" y="{top + 21}">{key}</text>')
    return "\n".join([*drawn, "</g>", "</svg>", ""])


def pictures() -> dict[str, str]:
    """Every picture by its file's name."""
    return {name(locale, form): picture(locale, form) for locale in LOCALES for form in PICTURED}


def _wrapped(text: str, locale: str) -> Iterator[str]:
    """Lines that break between words only, so that no letter is torn from its signs."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and _breadth(longer, locale) > _SCREEN:
            yield line
            longer = word
        line = longer
    yield line


def _breadth(text: str, locale: str) -> float:
    """About how broad words are. Signs above and below a letter take no room, those beside it do."""
    rooms = {"Mn": 0.0, "Mc": 0.45, "Lo": _BROAD[locale], "Lu": 0.7, "Zs": 0.27}
    return _EM * sum(rooms.get(unicodedata.category(char), 0.57) for char in text)


def main() -> None:
    folder = FOLDER / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for file, drawn in pictures().items():
        (folder / file).write_text(drawn, encoding="utf-8")
    print(f"{len(pictures())} pictures in {folder}")


if __name__ == "__main__":
    main()
