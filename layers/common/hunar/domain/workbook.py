"""Reading a workbook (Office Open XML, ECMA-376) that came from outside: its cells as they are written.

A number is kept as the text that stands in the file, because the money in it must not pass through a
float; whether a cell is a formula is kept too. What could run, reach out or unpack without end is
refused before anything is read. Formats, pictures and charts are not looked at.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

MOST_BYTES: Final = 20 * 1024 * 1024
"""Of a file. A month of an agency is under one megabyte."""
MOST_UNPACKED: Final = 64 * 1024 * 1024
"""Bytes of all parts together: a small file can hold gigabytes."""
_MOST_PARTS: Final = 1_000
_MOST_ROWS: Final = 1_048_576
_MOST_COLUMNS: Final = 16_384
_MOST_MERGED: Final = 10_000
_CHUNK: Final = 256 * 1024


class Refused(Exception):
    """Why a workbook is not read, as the end of a sentence that begins with its name."""

    def __init__(self, message: str, sheet: str | None = None, row: int | None = None) -> None:
        super().__init__(message)
        self.message, self.sheet, self.row = message, sheet, row


@dataclass(frozen=True)
class Cell:
    """One cell. ``text`` of a number is what the file says, with up to 17 digits and perhaps in powers of ten."""

    text: str
    number: bool = False
    formula: bool = False
    """Then ``text`` is what the program that saved the file last worked out, or empty."""
    error: bool = False


EMPTY: Final = Cell("")

Rows = Mapping[int, Mapping[int, Cell]]
"""Cells by row (from 1) and column (from 1). Empty ones are not there."""


@dataclass(frozen=True)
class Sheet:
    name: str
    rows: Rows
    merged: tuple[tuple[int, int, int, int], ...]
    """Areas that show one cell: first row, first column, last row, last column."""


@dataclass(frozen=True)
class Workbook:
    sheets: tuple[Sheet, ...]
    since_1904: bool
    """Whether days count from 1904, as on old Macintoshes, and not from 1900."""


def column_letters(column: int) -> str:
    """A column's name in the spreadsheet: 1 is A, 27 is AA."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """The column of a name: AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def read_workbook(raw: bytes) -> Workbook:
    """All sheets of a workbook. Raises Refused in words."""
    if len(raw) > MOST_BYTES:
        raise Refused(f"has {len(raw) >> 20} MB; {MOST_BYTES >> 20} MB are read at most")
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in raw:
            raise Refused("is locked with a password; save it without one")
        raise Refused("is a workbook of the old kind (.xls); save it as .xlsx")
    if not raw.startswith(b"PK"):
        raise Refused("is not a workbook (.xlsx)")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _read(_Parts(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, KeyError):
        raise Refused("is broken off or damaged; download it anew") from None


class _Parts:
    """The parts of the archive, guarded. What a part's entry declares is not believed: what comes out is counted."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MOST_UNPACKED
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if len(entries) > _MOST_PARTS or len(set(names)) != len(names):
            raise Refused("has more parts than a workbook has")
        for entry in entries:
            name = entry.filename.lower()
            if entry.flag_bits & 1:
                raise Refused("is locked with a password; save it without one")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Refused("is packed in a way that workbooks are not")
            if name.endswith("vbaproject.bin") or "/macrosheets/" in name or "/dialogsheets/" in name:
                raise Refused("contains macros; a marketplace's report has none")
            if "/externallinks/" in name:
                raise Refused("takes values from another workbook; a marketplace's report does not")
            if "/activex/" in name or "/embeddings/" in name:
                raise Refused("contains another program's objects; a marketplace's report has none")
        if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
            raise Refused(f"unpacks to more than {MOST_UNPACKED >> 20} MB")
        self._names = frozenset(names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def chunks(self, name: str) -> Iterator[bytes]:
        with self._archive.open(name) as part:
            while chunk := part.read(_CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise Refused(f"unpacks to more than {MOST_UNPACKED >> 20} MB")
                yield chunk


Attributes = Mapping[str, str]


class _Reader:
    """One pass over one part. Names lose their namespace: strict and transitional workbooks differ in it."""

    def started(self, name: str, attributes: Attributes) -> None: ...
    def ended(self, name: str) -> None: ...
    def said(self, text: str) -> None: ...

    def run(self, parts: _Parts, part: str, sheet: str | None = None) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, attributes: self.started(_local(name), attributes)
        parser.EndElementHandler = lambda name: self.ended(_local(name))
        parser.CharacterDataHandler = self.said
        # A document type can define texts that grow without end; a workbook has none.
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            for chunk in parts.chunks(part):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError:
            raise Refused("is broken off or damaged; download it anew", sheet) from None

    def _doctype(self, *_: object) -> None:
        raise Refused("defines a document type; a workbook has none")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


class _Elements(_Reader):
    """The elements of a small part, in their order."""

    def __init__(self) -> None:
        self.found: list[tuple[str, dict[str, str]]] = []

    def started(self, name: str, attributes: Attributes) -> None:
        self.found.append((name, {_local(key): value for key, value in attributes.items()}))


def _elements(parts: _Parts, part: str) -> list[tuple[str, dict[str, str]]]:
    reader = _Elements()
    reader.run(parts, part)
    return reader.found


def _read(parts: _Parts) -> Workbook:
    for name, attributes in _elements(parts, "[Content_Types].xml"):
        if name in ("Override", "Default") and "macroenabled" in attributes.get("ContentType", "").lower():
            raise Refused("contains macros; a marketplace's report has none")
    office = _targets(parts, "_rels/.rels", "")
    book = next((target for kind, target in office.values() if kind.endswith("/officeDocument")), None)
    if book is None or book not in parts:
        raise Refused("is not a workbook (.xlsx)")
    folder, _, own = book.rpartition("/")
    base = f"{folder}/" if folder else ""
    targets = _targets(parts, f"{base}_rels/{own}.rels", base)
    texts = _Texts()
    for kind, target in targets.values():
        if kind.endswith("/sharedStrings") and target in parts:
            texts.run(parts, target)
    since_1904, sheets = False, []
    for name, attributes in _elements(parts, book):
        if name == "workbookPr":
            since_1904 = attributes.get("date1904", "0") in ("1", "true")
        elif name == "sheet":
            kind, target = targets[attributes["id"]]
            if kind.endswith("/worksheet"):
                reader = _Cells(attributes["name"], texts.texts)
                reader.run(parts, target, attributes["name"])
                sheets.append(Sheet(attributes["name"], reader.rows, tuple(reader.merged)))
    return Workbook(tuple(sheets), since_1904)


def _targets(parts: _Parts, part: str, base: str) -> dict[str, tuple[str, str]]:
    """Of each relationship of a part its kind and the part it leads to."""
    found = {}
    for name, attributes in _elements(parts, part):
        if name == "Relationship" and attributes.get("TargetMode", "Internal") == "Internal":
            target = attributes["Target"]
            path = target[1:] if target.startswith("/") else base + target
            found[attributes["Id"]] = (attributes["Type"], path)
    return found


_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    """``_x000D_`` is how a carriage return is written, and ``_x005F_`` the line that would begin such a sign."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class _Texts(_Reader):
    """The texts that cells share: of each the pieces of all its formats, without readings beside them (rPh)."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._pieces: list[str] = []
        self._open, self._beside = False, 0

    def started(self, name: str, attributes: Attributes) -> None:
        if name == "si":
            self._pieces = []
        elif name == "rPh":
            self._beside += 1
        self._open = name == "t" and not self._beside

    def ended(self, name: str) -> None:
        self._open = False
        if name == "rPh":
            self._beside -= 1
        elif name == "si":
            self.texts.append(_unescaped("".join(self._pieces)))

    def said(self, text: str) -> None:
        if self._open:
            self._pieces.append(text)


_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


class _Cells(_Reader):
    """The cells of one sheet. A row or a cell without a reference stands behind the one before it."""

    def __init__(self, sheet: str, texts: list[str]) -> None:
        self._sheet, self._texts = sheet, texts
        self.rows: dict[int, dict[int, Cell]] = {}
        self.merged: list[tuple[int, int, int, int]] = []
        self._row = self._column = 0
        self._kind = ""
        self._formula = False
        self._value: list[str] = []
        self._inline: list[str] = []
        self._into: list[str] | None = None
        self._beside = 0

    def started(self, name: str, attributes: Attributes) -> None:
        match name:
            case "row":
                self._row = self._whole(attributes.get("r"), self._row + 1, _MOST_ROWS)
                self._column = 0
            case "c":
                if reference := attributes.get("r"):
                    column, row = self._place(reference)
                    if row != self._row:
                        raise Refused("is damaged: a cell stands in another row than it says", self._sheet, self._row)
                    self._column = column
                else:
                    self._column += 1
                self._kind, self._formula = attributes.get("t", "n"), False
                self._value, self._inline = [], []
            case "f":
                self._formula = True
            case "v":
                self._into = self._value
            case "t" if not self._beside:
                self._into = self._inline
            case "rPh":
                self._beside += 1
            case "mergeCell":
                if len(self.merged) == _MOST_MERGED:
                    raise Refused("has more merged cells than a report has", self._sheet)
                first, _, last = attributes.get("ref", "").partition(":")
                (left, top), (right, bottom) = self._place(first), self._place(last or first)
                self.merged.append((top, left, bottom, right))

    def ended(self, name: str) -> None:
        if name in ("v", "t"):
            self._into = None
        elif name == "rPh":
            self._beside -= 1
        elif name == "c":
            cell = self._cell()
            if cell != EMPTY:
                self.rows.setdefault(self._row, {})[self._column] = cell

    def said(self, text: str) -> None:
        if self._into is not None:
            self._into.append(text)

    def _cell(self) -> Cell:
        value = "".join(self._value)
        match self._kind:
            case "s" if value:
                place = self._whole(value, 0, len(self._texts), first=0)
                if place >= len(self._texts):
                    raise Refused("is damaged: a cell has a text that is not there", self._sheet, self._row)
                return Cell(self._texts[place], formula=self._formula)
            case "inlineStr":
                return Cell(_unescaped("".join(self._inline)), formula=self._formula)
            case "str" | "d":
                return Cell(_unescaped(value), formula=self._formula)
            case "b":
                return Cell({"1": "TRUE", "0": "FALSE"}.get(value, value), formula=self._formula)
            case "e":
                return Cell(value, formula=self._formula, error=True)
        return Cell(value.strip(), number=bool(value.strip()), formula=self._formula)

    def _place(self, reference: str) -> tuple[int, int]:
        found = _REFERENCE.fullmatch(reference)
        if not found or column_number(found[1]) > _MOST_COLUMNS or int(found[2]) > _MOST_ROWS:
            raise Refused(f"is damaged: {reference[:20]!r} is not a cell", self._sheet, self._row or None)
        return column_number(found[1]), int(found[2])

    def _whole(self, text: str | None, otherwise: int, most: int, first: int = 1) -> int:
        if text is None:
            return otherwise
        if not (text.isascii() and text.isdigit() and len(text) < 10 and first <= int(text) <= most):
            raise Refused(f"is damaged: {text[:20]!r} is not the number of a row", self._sheet, self._row or None)
        return int(text)
