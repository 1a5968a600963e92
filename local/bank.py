"""The agency's bank: it takes the file of payments that was uploaded, pays, and says in a file what became of each.

It has a reader and a writer of its own, for the seven columns that go there and the ten that come back. Nothing of the
program stands in for it: two that read alike would agree on the same error. The same file gets the same answer. It
keeps what it was told, refuses what a bank refuses, and moves money in its own book only. Amounts are whole paise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

MOST_ROWS: Final = 20_000
MOST_DAYS: Final = 60
"""After so many days a payment does not come back any more."""

EXECUTED: Final = "E"
REJECTED: Final = "R"
"""Also of what was paid and came back: this file knows no third word."""

UNKNOWN_PAISE: Final = 1_234_00
WRONG_BY: Final = 1

_NAME: Final = re.compile(r"[A-Z0-9]{4}(?P<day>[0-9]{4})\.[0-9]{3}")
_COLUMNS: Final = (
    ("reference", re.compile(r"[A-Z0-9]{1,15}"), "1 to 15 capitals and digits"),
    ("name", re.compile(r"[A-Za-z0-9 ]{1,70}"), "1 to 70 letters, digits and spaces"),
    ("account", re.compile(r"[A-Za-z0-9]{6,30}"), "6 to 30 letters and digits"),
    ("IFSC", re.compile(r"[A-Z]{4}0[A-Z0-9]{6}"), "four letters, a zero, six letters or digits"),
    ("account type", re.compile(r"10|11|13"), "10, 11 or 13"),
    ("amount", re.compile(r"(?:0|[1-9][0-9]{0,11})\.[0-9]{2}"), "rupees with two decimals and nothing else"),
    ("value date", re.compile(r"[0-9]{8}"), "a day as 20261126"),
)


class Refused(ValueError):
    """The bank does not take that. Nothing of it was taken."""


@dataclass(frozen=True)
class Payment:
    """One row of an uploaded file, and what became of it."""

    reference: str
    fields: tuple[str, ...] = field(repr=False)
    """The seven, as they came."""
    paise: int
    utr: str
    """The bank's own reference."""
    state: str = EXECUTED
    reason: str = ""


@dataclass(frozen=True)
class Answer:
    """A file as the bank offers it for download."""

    name: str
    content: str
    payments: tuple[Payment, ...]


@dataclass
class _File:
    content: str = field(repr=False)
    day: date
    payments: dict[str, Payment]
    """By reference."""
    answers: int = 0


class Bank:
    """What was uploaded, paid and sent back, since the stack was started."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    @property
    def paid_paise(self) -> int:
        """What has left the agency's account and not come back."""
        return sum(
            one.paise for file in self._files.values() for one in file.payments.values() if one.state == EXECUTED
        )

    def take(
        self,
        name: str,
        content: str,
        *,
        count: int | None = None,
        total_paise: int | None = None,
        reject: Mapping[str, str] | None = None,
    ) -> Answer:
        """Takes an uploaded file whole, pays it, and answers for each row. Raises Refused.

        ``count`` and ``total_paise`` are what the uploader types beside it. ``reject`` are the references, each with a
        reason, that the bank does not carry out. What was taken before is answered as it was then.
        """
        known = self._files.get(name)
        if known is not None and known.content != content:
            raise Refused(f"{name} was uploaded before, with another content")
        day, payments = _read(name, content)
        for what, typed, found in (
            ("count", count, len(payments)),
            ("total_paise", total_paise, sum(one.paise for one in payments)),
        ):
            if typed is not None and typed != found:
                raise Refused(f"{what}: {typed} was typed, the file has {found}")
        no = dict(reject or {})
        if strange := sorted(no.keys() - {one.reference for one in payments}):
            raise Refused(f"reject: {strange[0]} is not in the file")
        if known is not None and (done := sorted(ref for ref in no if known.payments[ref].state == EXECUTED)):
            raise Refused(f"reject: {done[0]} was paid already")
        others = {ref for file in self._files.values() if file is not known for ref in file.payments}
        if known is None:
            if again := sorted(others & {one.reference for one in payments}):
                raise Refused(f"reference: {again[0]} was paid from another file")
            said = [
                replace(one, state=REJECTED, reason=no[one.reference], utr="") if one.reference in no else one
                for one in payments
            ]
            known = self._files[name] = _File(content, day, {one.reference: one for one in said})
        return _answer(name, 1, known.day, known.payments.values())

    def sends_back(self, name: str, references: Mapping[str, str], *, days: int) -> Answer:
        """What was paid comes back days later, each with its reason. Raises Refused."""
        file = self._file(name)
        if not 0 < days <= MOST_DAYS:
            raise Refused(f"days: between 1 and {MOST_DAYS}")
        if not references:
            raise Refused("send_back: names no reference")
        back = []
        for reference, reason in references.items():
            paid = file.payments.get(reference)
            if paid is None or paid.state != EXECUTED:
                raise Refused(f"send_back: {reference} was not paid from {name}")
            back.append(replace(paid, state=REJECTED, reason=reason))
        file.payments.update({one.reference: one for one in back})
        file.answers += 1
        return _answer(name, 1 + file.answers, file.day + timedelta(days=days), back)

    def errs(self, name: str, *, unknown: bool = False, wrong: str = "") -> Answer:
        """What it answered for the whole file, with a mistake of the bank in it. Raises Refused.

        ``unknown`` adds a payment that is none of the file's; ``wrong`` is the reference whose amount is a paisa off.
        """
        file = self._file(name)
        said = list(file.payments.values())
        if wrong:
            if wrong not in file.payments:
                raise Refused(f"wrong: {wrong} is not in {name}")
            said = [replace(one, paise=one.paise + WRONG_BY) if one.reference == wrong else one for one in said]
        if unknown:
            reference = f"X{_digits(name, 10)}"
            fields = (
                reference,
                "SOMEBODY ELSE",
                "00000000000000",
                "FICT0000000",
                "10",
                "",
                file.day.strftime("%Y%m%d"),
            )
            said.append(Payment(reference, fields, UNKNOWN_PAISE, _utr(f"{name}/{reference}")))
        return _answer(name, 9, file.day, said)

    def _file(self, name: str) -> _File:
        if name not in self._files:
            raise Refused(f"file: {name[:60]} was never uploaded")
        return self._files[name]


# --- the file that goes to the bank


def _read(name: str, content: str) -> tuple[date, list[Payment]]:
    """The day of payment and the rows. Raises Refused naming row and column."""
    named = _NAME.fullmatch(name)
    if named is None:
        raise Refused("file: the name is not the client's code, day and month, a point and three digits")
    if not content.isascii():
        raise Refused("content: has letters that are not plain Latin ones")
    if not content.endswith("\r\n") or "\n" in content.replace("\r\n", "") or "\r" in content.replace("\r\n", ""):
        raise Refused("content: each row ends with CR LF, and nothing else does")
    lines = content.split("\r\n")[:-1]
    if not 0 < len(lines) <= MOST_ROWS:
        raise Refused(f"count: a file has 1 to {MOST_ROWS} rows, this one has {len(lines) if content.strip() else 0}")
    payments: dict[str, Payment] = {}
    days: set[str] = set()
    for number, line in enumerate(lines, 1):
        fields = tuple(line.split(","))
        if len(fields) != len(_COLUMNS):
            raise Refused(f"row {number}: has {len(fields)} columns, not {len(_COLUMNS)}; no field may have a comma")
        for text, (column, pattern, words) in zip(fields, _COLUMNS, strict=True):
            if not pattern.fullmatch(text):
                raise Refused(f"row {number}, {column}: is not {words}")
        reference, paise = fields[0], int(fields[5].replace(".", ""))
        if not paise:
            raise Refused(f"row {number}, amount: nothing is to be paid")
        if reference in payments:
            raise Refused(f"row {number}, reference: {reference} stands there twice")
        payments[reference] = Payment(reference, fields, paise, _utr(f"{name}/{reference}"))
        days.add(fields[6])
    if len(days) != 1:
        raise Refused("value date: one file is paid on one day")
    try:
        day = datetime.strptime(days.pop(), "%Y%m%d").date()  # noqa: DTZ007 a day has no zone
    except ValueError:
        raise Refused("value date: is no day") from None
    if named["day"] != day.strftime("%d%m"):
        raise Refused("file: its name has another day than its rows")
    return day, list(payments.values())


# --- the file that comes back


def _answer(name: str, number: int, day: date, payments: Iterable[Payment]) -> Answer:
    said = tuple(payments)
    lines = "".join(f"{','.join(_ten(one, day))}\r\n" for one in said)
    return Answer(f"{name.partition('.')[0]}.R{name[-2:]}{'' if number == 1 else f'-{number}'}", lines, said)


def _ten(one: Payment, day: date) -> Iterator[str]:
    yield from one.fields[:5]
    yield f"{one.paise // 100}.{one.paise % 100:02d}"
    yield day.strftime("%Y%m%d")
    yield from (one.utr, one.state, one.reason)


def _utr(seed: str) -> str:
    """Sixteen characters, as NEFT has them."""
    return f"FICTN{_digits(seed, 11)}"


def _digits(seed: str, count: int) -> str:
    number = int(hashlib.sha256(f"bank/{seed}".encode()).hexdigest(), 16)
    return str(10 ** (count - 1) + number % (9 * 10 ** (count - 1)))
