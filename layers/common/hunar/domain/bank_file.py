"""Files for banks, by layouts that are data: payments to upload, and what the bank says became of them.

A layout says which fields a record has, in which order and how long. What it cannot say is refused with row
and field, and nothing is written; only names are fitted into it, by the layout's own list of what may stand
for what. The same batch gives the same bytes whenever it is made. What a bank sends back is read by its
exact layout, whole or not at all, because a column that is taken for another one is a wrong payment.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from hunar.domain.identity import canonical
from hunar.domain.money import rupees
from hunar.domain.spreadsheet import Problem

RTGS_MINIMUM_PAISE: Final = 2_00_000_00
"""Below two lakh rupees there is no RTGS (Reserve Bank); NEFT has no limit."""
MOST_TOLD: Final = 50
"""Problems that are told of one file."""
MOST_RESULT_BYTES: Final = 5 << 20
UTR: Final = re.compile(r"[A-Za-z0-9]{6,22}")
"""A bank's reference: 16 characters with NEFT, 22 with RTGS, 12 with IMPS."""

OWN_BANK: Final = "OWN_BANK"
NEFT: Final = "NEFT"
RTGS: Final = "RTGS"

VALUES: Final = frozenset(
    {"payout_id", "name", "account", "ifsc", "account_type", "amount", "mode", "value_date"}
    | {"total", "count", "serial", "file_reference"}
)
"""What a field of a layout can say, beside the operator's own settings."""
_OF_A_ROW: Final = frozenset({"payout_id", "name", "account", "ifsc", "account_type", "amount", "mode"})
_KINDS: Final = frozenset({"code", "text", "setting", "amount", "date", "count"})
_DATES: Final[Mapping[str, str]] = {
    "YYYYMMDD": "%Y%m%d",
    "DDMM": "%d%m",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "YYYY-MM-DD": "%Y-%m-%d",
}
_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet would run."""


class Status(StrEnum):
    """What a bank says of one payment."""

    EXECUTED = "EXECUTED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    """It had left, and came back."""


class FileRefused(Exception):
    """A file cannot be written or read. Nothing of it was. ``problems`` are at most the first fifty."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems[:MOST_TOLD])))
        self.problems = tuple(problems[:MOST_TOLD])


@dataclass(frozen=True)
class Instruction:
    """One payment for a bank to carry out. ``name`` is in Latin letters. Shows neither account nor name."""

    payout_id: str
    amount_paise: int
    name: str
    account: str
    ifsc: str
    account_type: str

    def __repr__(self) -> str:
        return f"Instruction({self.payout_id!r}, {self.amount_paise})"


@dataclass(frozen=True)
class Terms:
    """What a whole file says. ``settings`` are the operator's, as the layout names them; they are not shown."""

    batch_id: str
    value_date: str
    """The day of payment in India, YYYY-MM-DD."""
    serial: int = 1
    """The how-manieth file of the day, where a layout counts them."""
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class BankFile:
    """A file for a bank, with what proves it: the hash of its bytes, its rows and their total."""

    name: str
    content: bytes = field(repr=False)
    layout: str
    value_date: str
    count: int
    control_total: int
    """Paise."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Result:
    """What a bank says of one payment. ``row`` is its row in the file, for messages."""

    payout_id: str
    amount_paise: int
    status: Status
    utr: str
    """The bank's reference. Empty for what was rejected without one."""
    reason: str
    day: str
    row: int = 0


@dataclass(frozen=True)
class Field:
    """One field of a record: a fixed text, or a value in one of the kinds.

    ``code`` is written as it is or refused, ``text`` is fitted into the layout's letters and cut where ``cut`` says so.
    """

    name: str
    value: str | None = None
    fixed: str | None = None
    kind: str = "code"
    most: int | None = None
    cut: bool = False
    format: str | None = None
    digits: int = 1


@dataclass(frozen=True)
class Column:
    """One column of a bank's results. Without a value it is not read, but must be there."""

    name: str
    value: str | None = None
    most: int | None = None
    format: str | None = None
    words: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Results:
    separator: str
    columns: tuple[Column, ...]
    heading: bool = False


@dataclass(frozen=True)
class Layout:
    """How a bank wants its file. ``docs/bank-files.md`` explains each key."""

    layout: str
    title: str
    source: str
    settings: Mapping[str, str]
    file_name: tuple[Field, ...]
    row: tuple[Field, ...]
    separator: str
    line_end: str
    letters: str
    record_end: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    heading: bool = False
    begin: tuple[Field, ...] = ()
    end: tuple[Field, ...] = ()
    modes: Mapping[str, str] = field(default_factory=dict)
    own_bank: str | None = None
    """The four letters of the bank's IFSC, where a payment within it has a word of its own."""
    account_types: Mapping[str, str] | None = None
    most_rows: int | None = None
    most_bytes: int | None = None
    results: Results | None = None


def parse(content: Mapping[str, Any]) -> Layout:
    """A layout from its file. ValueError names a key that is missing, unknown or impossible."""
    name = content.get("layout", "a layout")
    try:
        made = dict(content)
        for key in ("file_name", "begin", "row", "end"):
            if key in made:
                made[key] = tuple(Field(**{"name": key} | said) for said in made[key])
        if "results" in made:
            told = made["results"]
            made["results"] = Results(**told | {"columns": tuple(Column(**column) for column in told["columns"])})
        layout = Layout(**made)
        _check(layout)
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise ValueError(f"{name}: no layout: {error}") from error
    return layout


def _check(layout: Layout) -> None:
    known = VALUES | layout.settings.keys()
    re.compile(f"[{layout.letters}]+")
    fixed = [part.fixed or "" for part in (*layout.file_name, *layout.begin, *layout.row, *layout.end)]
    if not "".join([layout.letters, *layout.instead.values(), *fixed]).isascii():
        raise ValueError("letters, instead and fixed texts are ASCII: no bank takes others")
    for part in (*layout.file_name, *layout.begin, *layout.row, *layout.end):
        if (part.value is None) == (part.fixed is None):
            raise ValueError(f"{part.name} needs a value or a fixed text, and not both")
        if part.value is not None and part.value not in known:
            raise ValueError(f"{part.name}: {part.value!r} is no value; known are {', '.join(sorted(known))}")
        if part.kind not in _KINDS or (part.kind == "date") != (part.format in _DATES):
            raise ValueError(f"{part.name} has no kind, or a date no format")
    for part in (*layout.file_name, *layout.begin, *layout.end):
        if part.value in _OF_A_ROW:
            raise ValueError(f"{part.name}: {part.value} is a row's, not the file's")
    if not {"payout_id", "account", "amount"} <= {part.value for part in layout.row}:
        raise ValueError("a row needs payout_id, account and amount: the bank's answer is known by them")
    if any(part.value == "mode" for part in layout.row) and not {NEFT, RTGS} <= layout.modes.keys():
        raise ValueError("modes need words for NEFT and RTGS")
    if layout.own_bank is not None and OWN_BANK not in layout.modes:
        raise ValueError("own_bank needs a word OWN_BANK among the modes")
    if layout.results is not None:
        read = [column.value for column in layout.results.columns if column.value]
        if sorted(read) != ["amount", "date", "payout_id", "reason", "state", "utr"]:
            raise ValueError("results need payout_id, amount, date, state, utr and reason, each once")
        for column in layout.results.columns:
            if column.value == "state" and not set((column.words or {}).values()) <= set(Status):
                raise ValueError(f"{column.name} has words for {', '.join(Status)}")
            if column.value == "date" and (column.format not in _DATES or "YYYY" not in str(column.format)):
                raise ValueError(f"{column.name} has no format of a day")


def reference(kind: str, *parts: str, most: int) -> str:
    """A short id from what it means, at most ``most`` capitals and digits; a letter first, and never the look of a
    number that a spreadsheet would shorten."""
    digest = hashlib.sha256(canonical([kind, *parts]).encode()).digest()
    return (kind[0].upper() + base64.b32encode(digest).decode())[:most]


def mode(amount_paise: int, ifsc: str, own_bank: str | None = None) -> str:
    """How a payment travels: OWN_BANK where the bank has a word for it, RTGS from two lakh rupees on, else NEFT."""
    if own_bank is not None and ifsc.startswith(own_bank):
        return OWN_BANK
    return RTGS if amount_paise >= RTGS_MINIMUM_PAISE else NEFT


def whole(instructions: Iterable[Instruction], file: str) -> list[Instruction]:
    """The instructions by payout id, as every file has them. FileRefused for none, a payout twice, no amount."""
    ordered = sorted(instructions, key=lambda one: one.payout_id)
    problems = [] if ordered else [Problem(file, None, None, "has no rows: there is nothing to pay")]
    seen: set[str] = set()
    for row, one in enumerate(ordered, 1):
        if one.payout_id in seen:
            problems.append(Problem(file, row, "payout_id", f"{one.payout_id} stands twice"))
        seen.add(one.payout_id)
        if type(one.amount_paise) is not int:
            raise TypeError(f"{one.payout_id}: amounts are whole paise")
        if one.amount_paise <= 0:
            problems.append(Problem(file, row, "amount", f"{rupees(one.amount_paise)} cannot be paid"))
    if problems:
        raise FileRefused(problems)
    return ordered


def write(layout: Layout, terms: Terms, instructions: Iterable[Instruction]) -> BankFile:
    """The file of a batch, rows by payout id. The same batch and terms give the same bytes.

    FileRefused names row and field of all that the layout cannot say; rows are counted without heading and header.
    """
    ordered = whole(instructions, layout.layout)
    said = _of_file(layout, terms, ordered)
    problems = unset(layout, terms)
    if layout.most_rows is not None and len(ordered) > layout.most_rows:
        problems.append(Problem(layout.layout, None, None, f"has {len(ordered)} rows; {layout.most_rows} at most"))
    if problems:
        raise FileRefused(problems)
    writer = _Writer(layout)
    records = [[part.name for part in layout.row]] if layout.heading else []
    records += [writer.record(layout.begin, said, None)] if layout.begin else []
    for row, one in enumerate(ordered, 1):
        records.append(writer.record(layout.row, said | _values(layout, one), row))
    records += [writer.record(layout.end, said, None)] if layout.end else []
    name = "".join(writer.record(layout.file_name, said, None))
    if writer.problems:
        raise FileRefused(writer.problems)
    end = layout.record_end + layout.line_end
    content = "".join(layout.separator.join(record) + end for record in records).encode("ascii")
    if layout.most_bytes is not None and len(content) > layout.most_bytes:
        text = f"has {len(content)} bytes; {layout.most_bytes} at most"
        raise FileRefused([Problem(layout.layout, None, None, text)])
    return BankFile(name, content, layout.layout, terms.value_date, len(ordered), said["total"])


def _of_file(layout: Layout, terms: Terms, ordered: Sequence[Instruction]) -> dict[str, Any]:
    said = {
        "value_date": date.fromisoformat(terms.value_date),
        "total": sum(one.amount_paise for one in ordered),
        "count": len(ordered),
        "serial": terms.serial,
        "file_reference": reference("batch", terms.batch_id, most=10),
    }
    return said | {name: terms.settings.get(name, "") for name in layout.settings}


def named(layout: Layout, terms: Terms, ordered: Sequence[Instruction]) -> str:
    """How the layout names a file. FileRefused for a setting that it cannot say."""
    writer = _Writer(layout)
    name = "".join(writer.record(layout.file_name, _of_file(layout, terms, ordered), None))
    if writer.problems:
        raise FileRefused(writer.problems)
    return name


def unset(layout: Layout, terms: Terms) -> list[Problem]:
    """The operator's settings that the layout needs and that are missing or wrong."""
    return [
        Problem(layout.layout, None, name, "is a setting that is missing or wrong")
        for name, pattern in layout.settings.items()
        if not re.fullmatch(pattern, terms.settings.get(name, ""))
    ]


def fields(layout: Layout, one: Instruction, row: int) -> tuple[dict[str, str], list[Problem]]:
    """What a payment's record says, by the value of each of its fields, and all that the layout cannot say of it."""
    writer = _Writer(layout)
    texts = writer.record(layout.row, _values(layout, one), row)
    values = [part.value or part.name for part in layout.row]
    return dict(zip(values, texts, strict=True)), writer.problems


def _values(layout: Layout, one: Instruction) -> dict[str, Any]:
    types = layout.account_types
    way = mode(one.amount_paise, one.ifsc, layout.own_bank)
    return {
        "payout_id": one.payout_id,
        "name": one.name,
        "account": one.account,
        "ifsc": one.ifsc,
        "account_type": one.account_type if types is None else types.get(one.account_type, ""),
        "amount": one.amount_paise,
        "mode": layout.modes.get(way, ""),
    }


class _Writer:
    """Fields as a layout has them, and all that it cannot say. No message repeats an account number or a name."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.problems: list[Problem] = []
        self.text = re.compile(f"[{layout.letters}]+")
        self.fit = re.compile("|".join(map(re.escape, layout.instead))) if layout.instead else None
        self.code = re.compile(r"[A-Za-z0-9]+")

    def record(self, parts: Sequence[Field], said: Mapping[str, Any], row: int | None) -> list[str]:
        return [self._field(part, said, row) for part in parts]

    def _field(self, part: Field, said: Mapping[str, Any], row: int | None) -> str:
        if part.fixed is not None:
            return part.fixed
        value = said[part.value or ""]
        text, wrong = self._said(part, value)
        if wrong is None and part.most is not None and len(text) > part.most:
            wrong = f"has {len(text)} characters; the layout takes {part.most}"
        if wrong is None and text.startswith(_RUN):
            wrong = "begins like a formula"
        if wrong is None and any(mark in text for mark in (self.layout.separator, self.layout.record_end) if mark):
            wrong = "has a character that separates fields"
        if wrong is not None:
            self.problems.append(Problem(self.layout.layout, row, part.name, wrong))
        return text

    def _said(self, part: Field, value: Any) -> tuple[str, str | None]:
        match part.kind:
            case "amount":
                return rupees(value), None
            case "date":
                return value.strftime(_DATES[part.format or ""]), None
            case "count":
                return f"{value:0{part.digits}d}", None
            case "setting":
                return value, None if value.isascii() and value.isprintable() else "has characters that no bank takes"
            case "text":
                return self._fitted(part, value)
        if not value:
            return "", "is empty, or the layout has no word for it"
        return value, None if self.code.fullmatch(value) else "may have letters and digits only"

    def _fitted(self, part: Field, value: str) -> tuple[str, str | None]:
        """A text in the layout's letters. What has no agreed stand-in is refused, never dropped."""
        if value.lstrip(" ").startswith(_RUN):
            return value, "begins like a formula"
        text = self.fit.sub(lambda found: self.layout.instead[found[0]], value) if self.fit else value
        text = re.sub(" +", " ", text).strip(" ")
        if part.cut and part.most is not None:
            text = text[: part.most].rstrip()
        if not text:
            return text, "is empty"
        return text, None if self.text.fullmatch(text) else "has characters that the layout does not take"


def read_results(layout: Layout, file: str, data: bytes) -> tuple[Result, ...]:
    """What a bank's reverse file says, row by row. FileRefused with row and column when anything is not as the layout
    has it, or the layout has no results."""
    shape = layout.results
    if shape is None:
        text = f"{layout.layout} has no reverse file; enter the results as generic_csv has them"
        raise FileRefused([Problem(file, None, None, text)])
    if len(data) > MOST_RESULT_BYTES:
        raise FileRefused([Problem(file, None, None, f"has more than {MOST_RESULT_BYTES >> 20} MB")])
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("ascii")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise FileRefused([Problem(file, row, None, "is not plain text as the bank writes it")]) from None
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    reader = _Reader(file, shape)
    first = 1
    if shape.heading:
        wanted = [column.name for column in shape.columns]
        if not lines or lines[0].split(shape.separator) != wanted:
            raise FileRefused([Problem(file, 1, None, f"the heading must be {shape.separator.join(wanted)}")])
        lines, first = lines[1:], 2
    if not lines:
        raise FileRefused([Problem(file, None, None, "is empty")])
    results = [reader.result(row, line) for row, line in enumerate(lines, first)]
    if reader.problems:
        raise FileRefused(reader.problems)
    return tuple(result for result in results if result is not None)


class _Reader:
    def __init__(self, file: str, shape: Results) -> None:
        self.file = file
        self.shape = shape
        self.problems: list[Problem] = []

    def result(self, row: int, line: str) -> Result | None:
        cells = line.split(self.shape.separator)
        columns = self.shape.columns
        if len(cells) != len(columns):
            self._wrong(row, None, f"has {len(cells)} fields, not {len(columns)}")
            return None
        before = len(self.problems)
        said: dict[str, Any] = {}
        for column, cell in zip(columns, cells, strict=True):
            text = cell.strip(" ")
            if not text.isprintable():
                self._wrong(row, column.name, "has characters that cannot be printed")
            elif column.most is not None and len(text) > column.most:
                self._wrong(row, column.name, f"has {len(text)} characters; the layout has {column.most}")
            elif column.value is not None:
                said[column.value] = self._cell(row, column, text)
        if len(self.problems) > before:
            return None
        result = Result(
            payout_id=said["payout_id"],
            amount_paise=said["amount"],
            status=said["state"],
            utr=said["utr"],
            reason=said["reason"],
            day=said["date"],
            row=row,
        )
        if result.status is Status.EXECUTED and not result.utr:
            name = next(column.name for column in columns if column.value == "utr")
            self._wrong(row, name, "is empty, but the payment was executed")
            return None
        return result

    def _cell(self, row: int, column: Column, text: str) -> Any:
        match column.value:
            case "payout_id":
                if not text:
                    self._wrong(row, column.name, "is empty")
            case "amount":
                if not re.fullmatch(r"[0-9]{1,12}\.[0-9]{2}", text):
                    self._wrong(row, column.name, f"{text!r} is not an amount like 1234.50")
                    return None
                return int(text.replace(".", ""))
            case "date":
                return self._day(row, column, text)
            case "state":
                words = column.words or {}
                if text not in words:
                    self._wrong(row, column.name, f"{text!r} is not one of {', '.join(words)}")
                    return None
                return Status(words[text])
        return text

    def _day(self, row: int, column: Column, text: str) -> str | None:
        shape = column.format or ""
        digits = re.escape(shape).replace("YYYY", "(?P<y>[0-9]{4})").replace("MM", "(?P<m>[0-9]{2})")
        found = re.fullmatch(digits.replace("DD", "(?P<d>[0-9]{2})"), text)
        try:
            if found is not None:
                return date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat()
        except ValueError:
            pass
        self._wrong(row, column.name, f"{text!r} is not a day as {shape}")
        return None

    def _wrong(self, row: int, column: str | None, message: str) -> None:
        self.problems.append(Problem(self.file, row, column, message))
