"""Reading a table that a spreadsheet saved as CSV, and naming what the spreadsheet did to it.

Every problem has the row number that the spreadsheet shows (the heading is row 1), the column and a
sentence for the person who typed it.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from hunar.domain.money import Rupees

SAVE_AS: Final = "save it as 'CSV UTF-8 (Comma delimited)'"

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2069\ufeff"))
"""Copied along from web pages and chats, above all around phone numbers. Joiners stay: they are part of words."""
_JOINERS: Final = "\u200c\u200d"

_SHORTENED: Final = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-][0-9]+")
_DECIMAL: Final = re.compile(r"[0-9]+\.0+")
_FAILED: Final = re.compile(r"#[A-Z/0]+[!?]?")
_LOST: Final = re.compile(r"[? ]*\?\?[? ]*")


@dataclass(frozen=True)
class Problem:
    """What is wrong where. Without row and column it is about the whole file, without a file about the folder."""

    file: str
    row: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        parts = (self.file, f"row {self.row}" if self.row else "", f"column {self.column}" if self.column else "")
        place = " ".join(part for part in parts if part)
        return f"{place}: {self.message}" if place else self.message


class Record(NamedTuple):
    """One row under the heading: its number in the spreadsheet and its cells by column name."""

    row: int
    cells: dict[str, str]


class Line(NamedTuple):
    """One row of a table: its number in the spreadsheet and its cells in their order."""

    row: int
    cells: list[str]


def read_table(
    file: str, data: bytes, required: Collection[str], optional: Collection[str]
) -> tuple[list[Record], list[Problem]]:
    """The rows that are not empty, and what is wrong. A table whose heading is wrong has no rows.

    Cells are in Unicode normal form C, with single spaces. A column called ``note`` may stand
    everywhere and is for people.
    """
    try:
        lines = [(row, [_clean(cell) for cell in cells]) for row, cells in _lines(data)]
        heading = _heading(lines)
        problems = _heading_problems(file, heading, required, {*optional, "note"})
    except _Wrong as wrong:
        return [], [Problem(file, wrong.row, None, wrong.message)]
    if problems:
        return [], problems
    records = []
    for row, cells in lines[1:]:
        if any(cells):
            records.append(Record(row, _named(heading, cells)))
            problems += _row_problems(file, row, heading, cells)
    return records, problems


def read_foreign_table(file: str, data: bytes, required: Collection[str]) -> tuple[list[Record], list[Problem]]:
    """The rows of a table that another's program wrote: its cells as they are, with further columns that are its own.

    A column is known by its name in any letters: ``Template ID`` is ``template_id``.
    """
    try:
        lines = _lines(data)
        heading = [_clean(cell).lower().replace(" ", "_") for cell in _heading(lines)]
    except _Wrong as wrong:
        return [], [Problem(file, wrong.row, None, wrong.message)]
    problems = [
        Problem(file, 1, name, "stands twice in the heading" if name in heading else "is missing in the heading")
        for name in required
        if heading.count(name) != 1
    ]
    records = [Record(row, _named(heading, cells)) for row, cells in lines[1:] if any(map(str.strip, cells))]
    return ([] if problems else records), problems


def read_lines(file: str, data: bytes, separator: str | None = None) -> tuple[list[Line], list[Problem]]:
    """Every row of a table, the heading too, with its number; cells as in ``read_table``.

    A ``separator`` is for a file of another's program, whose heading may stand further down: a comma,
    or a tab, with which a quotation mark is a letter like any other.
    """
    try:
        rows = _lines(data) if separator is None else _split(_text(data), separator)
    except _Wrong as wrong:
        return [], [Problem(file, wrong.row, None, wrong.message)]
    return [Line(row, [_clean(cell) for cell in cells]) for row, cells in rows], []


def damage(text: str, *, number: bool = False) -> str | None:
    """What a spreadsheet did to a cell, or None. ``number`` says that decimals are right in it."""
    if _SHORTENED.fullmatch(text):
        return f"{text} is a long number that the spreadsheet has shortened; format the column as Text and type it anew"
    if not number and _DECIMAL.fullmatch(text):
        return f"{text} was turned into a number; format the column as Text and type it anew"
    if _FAILED.fullmatch(text):
        return f"{text} is an error of the spreadsheet, not a value"
    if _LOST.fullmatch(text):
        return f"its letters were lost when the file was saved; type them anew and {SAVE_AS}"
    return None


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str | int | Rupees | None]]) -> bytes:
    """A table that a spreadsheet opens as it is meant: CSV in UTF-8 with a byte order mark.

    Numbers stay numbers, amounts with two decimals. A text that the spreadsheet would run as a formula, or turn into a
    number or a day, gets an apostrophe before it, the spreadsheet's own sign for a text.
    """
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return table.getvalue().encode("utf-8-sig")


_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_TURNED: Final = re.compile(
    # numbers, long ids, 1E5, days and times; but not a moment such as 2026-11-24T09:30:00Z
    r"[0-9][0-9.,:/ eE+-]*|[0-9]{1,2}[-/ ]?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/ ]?[0-9]*"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/ ]?[0-9]+|true|false",
    re.IGNORECASE,
)


def _cell(value: str | int | Rupees | None) -> str | int:
    if isinstance(value, Rupees):
        return str(value)
    if isinstance(value, int) or not value:
        return "" if value is None else value
    return f"'{value}" if value.lstrip().startswith(_RUN) or _TURNED.fullmatch(value.strip()) else value


class _Wrong(Exception):
    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.message, self.row = message, row


def _heading(lines: Sequence[tuple[int, list[str]]]) -> list[str]:
    heading = [cell.lower() for cell in lines[0][1]] if lines else []
    if not any(map(str.strip, heading)):
        raise _Wrong("is empty: the first row must name the columns")
    return heading


def _named(heading: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    return dict(zip(heading, [*cells, *[""] * len(heading)], strict=False))


def _lines(data: bytes) -> list[tuple[int, list[str]]]:
    """Every row with its number. ``sep=`` is a line that Excel writes and does not show."""
    text = _text(data)
    if separator := re.match(r"sep=(.)\r?\n", text):
        if separator[1] != ",":
            raise _Wrong(f"is separated by {separator[1]!r}, not by commas; {SAVE_AS}")
        text = text[separator.end() :]
    first = text.partition("\n")[0]
    for other, name in ((";", "semicolons"), ("\t", "tabs")):
        if other in first and "," not in first:
            raise _Wrong(f"is separated by {name}, not by commas; {SAVE_AS}")
    return _split(text, ",")


def _text(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        raise _Wrong(f"is a workbook; {SAVE_AS}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise _Wrong(f"is not UTF-8 text; {SAVE_AS}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise _Wrong(f"is not UTF-8 text here; in the spreadsheet {SAVE_AS}", row) from None


def _split(text: str, separator: str) -> list[tuple[int, list[str]]]:
    rows = []
    quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator, quoting=quoting)
    try:
        for number, cells in enumerate(reader, 1):
            rows.append((number, cells))
    except csv.Error as error:
        raise _Wrong(f"cannot be read as CSV: {error}", len(rows) + 1) from None
    return rows


def _clean(cell: str) -> str:
    return " ".join(unicodedata.normalize("NFC", cell.translate(_INVISIBLE)).split())


def _heading_problems(
    file: str, heading: Sequence[str], required: Collection[str], optional: Collection[str]
) -> list[Problem]:
    known = [*required, *sorted(optional)]
    problems = []
    for place, name in enumerate(heading):
        if name and name not in known:
            message = f"is an unknown column; known are {', '.join(known)}"
            problems.append(Problem(file, 1, name, message))
        elif name in heading[:place] and name:
            problems.append(Problem(file, 1, name, "stands twice in the heading"))
    problems += [Problem(file, 1, name, "is missing in the heading") for name in required if name not in heading]
    return problems


def _row_problems(file: str, row: int, heading: Sequence[str], cells: Sequence[str]) -> list[Problem]:
    problems = []
    names = [*heading, *[""] * (len(cells) - len(heading))]
    for place, (name, cell) in enumerate(zip(names, cells, strict=False), 1):
        if not name and cell:
            message = (
                f"{cell!r} stands in cell {place}, which has no column; a comma inside a text needs quotes around it"
            )
            problems.append(Problem(file, row, None, message))
        elif any(unicodedata.category(char)[0] == "C" and char not in _JOINERS for char in cell):
            problems.append(Problem(file, row, name, "holds an invisible character; type it anew"))
    return problems
