"""Reading the amounts and days that a marketplace or a spreadsheet wrote, exactly or not at all.

Amounts become integer paise without passing through a float. What can be read in two ways is
refused with a sentence for the person who sent the file; nothing is rounded and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

LIMIT: Final = 10**13
"""Paise. A single amount that large is a mistake, not a sale; all columns of a row stay below a posting's limit."""

IST: Final = timezone(timedelta(hours=5, minutes=30))


class Unreadable(ValueError):
    """What is wrong with a text, as the end of a sentence that begins with the place."""


# --- amounts

_CURRENCY: Final = r"(?:₹|rs\.?|inr)"
_PLAIN: Final = r"[0-9]+"
_INDIAN: Final = r"[0-9]{1,2}(?:,[0-9]{2})*,[0-9]{3}"
_WESTERN: Final = r"[0-9]{1,3}(?:,[0-9]{3})+"
_AMOUNT: Final = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+\-−])?\s*{_CURRENCY}?\s*(?P<inner>[+\-−])?\s*"
    rf"(?P<whole>{_INDIAN}|{_WESTERN}|{_PLAIN})?(?P<point>\.(?P<part>[0-9]*))?"
    rf"\s*{_CURRENCY}?\s*(?P<close>\))?",
    re.IGNORECASE,
)
_EXPONENT: Final = re.compile(r"[+\-−]?[0-9.,]+[eE][+\-−]?[0-9]+")
_FAILED: Final = re.compile(r"#[A-Z/0]+[!?]?")


def paise(text: str) -> int | None:
    """The amount that a text states in rupees, in paise; None for a blank, which is not a zero.

    ``1,09,900.00``, ``109,900``, ``(12.50)``, ``₹12``, ``Rs. 12.5``, ``-12.5`` and ``12.`` are read.
    Unreadable for everything else: more than two decimals that are not zeros, a number in powers of
    ten, misplaced commas, two signs, words.
    """
    text = _short(text)
    if not text:
        return None
    if _EXPONENT.fullmatch(text):
        raise Unreadable(f"{text} is a number that a spreadsheet has shortened; download the file anew")
    if _FAILED.fullmatch(text):
        raise Unreadable(f"{text} is an error of the spreadsheet, not an amount")
    if text.startswith("="):
        raise Unreadable(f"{text!r} is a formula, not an amount")
    if text in ("-", "−", "–", "—"):
        raise Unreadable(f"{text!r} can mean nothing or zero; write 0 or leave it empty")
    found = _AMOUNT.fullmatch(text)
    if not found or not (found["whole"] or found["part"]):
        raise Unreadable(f"{text!r} is not an amount")
    signs = [sign for sign in (found["sign"], found["inner"]) if sign]
    if bool(found["open"]) != bool(found["close"]) or len(signs) + bool(found["open"]) > 1:
        raise Unreadable(f"{text!r} has more than one sign, or half a pair of brackets")
    negative = bool(found["open"]) or signs not in ([], ["+"])
    value = _hundredths(text, found["whole"] or "", found["part"] or "")
    return -value if negative else value


def _short(text: str) -> str:
    """A text with single spaces, cut off far beyond the length of any amount or day."""
    return " ".join(text[:200].split())[:60]


_NUMBER: Final = re.compile(
    r"(?P<sign>-)?(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)
_SHOWN: Final = 15
"""So many digits of a number a spreadsheet shows; the rest is how a binary number is written down."""


def stored_paise(text: str) -> int | None:
    """The amount in paise that the number cell of a workbook holds; None for a blank.

    Such a cell holds a binary number, written with up to 17 digits: 891.07 may stand there as
    ``891.07000000000005`` or as ``8.9107E2``. What counts are the 15 digits that a spreadsheet shows;
    of these, more than two decimals are refused as in a text.
    """
    text = _short(text)
    if not text:
        return None
    negative, whole, part = _decimal(text)
    value = _hundredths(text, whole, part)
    return -value if negative else value


def stored_whole(text: str) -> str:
    """The whole number that a number cell holds, as its digits. Unreadable if digits of it are lost."""
    text = _short(text)
    negative, whole, part = _decimal(text)
    if part.strip("0") or negative:
        raise Unreadable(f"{text} is not a whole number")
    whole = whole.lstrip("0") or "0"
    if len(whole) > _SHOWN:
        raise Unreadable(f"{text} is a long number of which the spreadsheet has lost digits; download the file anew")
    return whole


def _decimal(text: str) -> tuple[bool, str, str]:
    """A stored number as (is it negative, digits before the point, digits after it), at most 15 of them."""
    text = _short(text)
    found = _NUMBER.fullmatch(text)
    if not found or not (found["whole"] or found["part"]):
        raise Unreadable(f"{text!r} is not a number")
    digits = found["whole"] + (found["part"] or "")
    point = len(found["whole"]) + int(found["exponent"] or 0)
    leading = len(digits) - len(digits.lstrip("0"))
    digits, point = digits[leading:], point - leading
    if len(digits) > _SHOWN:
        kept = int(digits[:_SHOWN]) + (digits[_SHOWN] >= "5")
        point += len(str(kept)) - _SHOWN
        digits = str(kept)
    if point > 40 or point < -40:
        raise Unreadable(f"{text} is not an amount")
    digits = digits.rstrip("0")
    if point <= 0:
        return bool(found["sign"]), "", "0" * -point + digits
    return bool(found["sign"]), digits[:point].ljust(point, "0"), digits[point:]


def _hundredths(text: str, whole: str, part: str) -> int:
    if part[2:].strip("0"):
        raise Unreadable(f"{text} has parts of a paisa")
    value = int((whole.replace(",", "") or "0") + part[:2].ljust(2, "0"))
    if value >= LIMIT:
        raise Unreadable(f"{text} is too large for an amount")
    return value


# --- days and moments


class Order(StrEnum):
    """Which number comes first in a day that is written with three numbers."""

    DAY_FIRST = "DD/MM/YYYY"
    MONTH_FIRST = "MM/DD/YYYY"


_STATED: Final = re.compile(r"(?<![a-z])(dd?)[-/. ]?(mm?)[-/. ]?(?:yyyy|yy)(?![a-z])", re.IGNORECASE)
_STATED_MONTH_FIRST: Final = re.compile(r"(?<![a-z])(mm?)[-/. ]?(dd?)[-/. ]?(?:yyyy|yy)(?![a-z])", re.IGNORECASE)
_NUMBERS: Final = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")


def stated_order(heading: str) -> Order | None:
    """The order that a heading states, as in ``paid_at (DD/MM/YYYY)``."""
    if _STATED.search(heading):
        return Order.DAY_FIRST
    return Order.MONTH_FIRST if _STATED_MONTH_FIRST.search(heading) else None


def shown_order(texts: Iterable[str]) -> Order | None:
    """The order that the days of one column show: 24/11 can only be a day first. Unreadable if they show both.

    One program wrote the whole column, so one such day decides for all of them.
    """
    shown: dict[Order, str] = {}
    for text in texts:
        if (found := _NUMBERS.match(text.strip())) and found[2] != ".":
            first, second = int(found[1]), int(found[3])
            if first > 12 >= second:
                shown.setdefault(Order.DAY_FIRST, found[0])
            elif second > 12 >= first:
                shown.setdefault(Order.MONTH_FIRST, found[0])
    if len(shown) > 1:
        raise Unreadable(f"{' and '.join(sorted(shown.values()))} are days in two orders")
    return next(iter(shown), None)


_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"),
        1,
    )
    for name in names.split()
}  # fmt: skip
_ISO: Final = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})")
_WORDS: Final = re.compile(r"([0-9]{1,2})[- ]([A-Za-z]+)\.?,?[- ]([0-9]{4})")
_WORDS_MONTH_FIRST: Final = re.compile(r"([A-Za-z]+)\.? ([0-9]{1,2}),? ([0-9]{4})")
_TIME: Final = re.compile(
    r",?[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(?: ?([ap])\.?m\.?)?"
    r"(?: ?([A-Za-z]{1,4})?([+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
)
_ZONES: Final = {
    "": IST,
    "IST": IST,
    "UTC": UTC,
    "GMT": UTC,
    "Z": UTC,
    "PST": timezone(timedelta(hours=-8)),
    "PDT": timezone(timedelta(hours=-7)),
}


def moment(text: str, order: Order | None = None) -> str | None:
    """The moment that a text states, in RFC 3339 with its offset; None for a blank.

    A day without a time is its beginning in India; a time without a zone is India's. Unreadable if
    day and month could change places and no ``order`` is known.
    """
    text = _short(text)
    if not text:
        return None
    for pattern, read in _DAYS:
        if found := pattern.match(text):
            year, month, day = read(found, order)
            hour, minute, second, zone = _time(text, text[found.end() :])
            try:
                return datetime(year, month, day, hour, minute, second, tzinfo=zone).isoformat()
            except ValueError:
                raise Unreadable(f"{text!r} is not a day of the calendar") from None
    raise Unreadable(f"{text!r} is not a day; write it as 2026-11-24")


def stored_moment(text: str, *, since_1904: bool = False) -> str | None:
    """The moment that a number cell of a workbook holds: days since the workbook's first, in India."""
    text = _short(text)
    if not text:
        return None
    negative, whole, part = _decimal(text)
    days = int(whole or "0") + (1462 if since_1904 else 0)
    if negative or not 20_000 < days < 80_000:
        raise Unreadable(f"{text} is not a day")
    seconds = int(part[:9].ljust(9, "0") or "0") * 86_400
    seconds = (seconds + 500_000_000) // 1_000_000_000
    return (datetime(1899, 12, 30, tzinfo=IST) + timedelta(days=days, seconds=seconds)).isoformat()


def _by_year(found: re.Match[str], _: Order | None) -> tuple[int, int, int]:
    return int(found[1]), int(found[2]), int(found[3])


def _by_numbers(found: re.Match[str], order: Order | None) -> tuple[int, int, int]:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if found[2] == ".":
        order = Order.DAY_FIRST  # Nobody writes a month first with points.
    if order is None and first != second:
        order = shown_order([found[0]])
        if order is None:
            raise Unreadable(
                f"{found[0]} can be two days; say in the heading which it is, as in 'paid_at ({Order.DAY_FIRST})'"
            )
    return (year, first, second) if order is Order.MONTH_FIRST else (year, second, first)


def _by_words(found: re.Match[str], _: Order | None) -> tuple[int, int, int]:
    return int(found[3]), _month(found[2]), int(found[1])


def _by_words_month_first(found: re.Match[str], _: Order | None) -> tuple[int, int, int]:
    return int(found[3]), _month(found[1]), int(found[2])


_DAYS: Final = (
    (_ISO, _by_year),
    (_NUMBERS, _by_numbers),
    (_WORDS, _by_words),
    (_WORDS_MONTH_FIRST, _by_words_month_first),
)


def _month(name: str) -> int:
    if name.lower() not in _MONTHS:
        raise Unreadable(f"{name!r} is not a month")
    return _MONTHS[name.lower()]


def _time(text: str, rest: str) -> tuple[int, int, int, timezone]:
    if not rest:
        return 0, 0, 0, IST
    found = _TIME.fullmatch(rest)
    if not found:
        raise Unreadable(f"{text!r} has no readable time")
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if half := (found[4] or "").lower():
        if not 1 <= hour <= 12:
            raise Unreadable(f"{text!r} has no readable time")
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour, minute, second, _zone(text, (found[5] or "").upper(), found[6] or "")


def _zone(text: str, name: str, offset: str) -> timezone:
    if name not in _ZONES or (offset and name not in ("", "UTC", "GMT")):
        raise Unreadable(f"{text!r} is in a time zone that is not known here")
    if not offset:
        return _ZONES[name]
    away = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    if away > timedelta(hours=14):
        raise Unreadable(f"{text!r} is in a time zone that is not known here")
    return timezone(-away if offset[0] == "-" else away)
