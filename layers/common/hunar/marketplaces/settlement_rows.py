"""Reading the rows of a settlement file cell by cell, and keeping what is wrong with each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from hunar.domain import amounts
from hunar.domain.amounts import Order, Unreadable
from hunar.domain.settlement import OTHER, Said, SettlementFile, SettlementLine, shortened, with_keys
from hunar.domain.spreadsheet import Line, Problem, damage
from hunar.domain.workbook import EMPTY, Cell

_T = TypeVar("_T")

SELLER_COLUMNS: Final = frozenset(
    {"seller id", "seller gstin", "seller gst", "gstin", "merchant id", "merchant token", "supplier id"}
)
"""Columns that say whose file it is, by their names in small letters with single spaces."""

_LONGEST_ID: Final = 100
_LONGEST_WORDS: Final = 120
_GSTIN: Final = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]{3}")


Read = tuple[SettlementLine, Said]
"""A line that has no key yet, and what its row says."""


class Report:
    """What is wrong in a file, and what is worth knowing of it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Problem] = []
        self.notes: list[Problem] = []

    def wrong(self, message: str, row: int | None = None, column: str | None = None) -> None:
        self.findings.append(Problem(self.file, row, column, message))

    def note(self, message: str, row: int | None = None, column: str | None = None) -> None:
        self.notes.append(Problem(self.file, row, column, message))

    def result(
        self,
        marketplace: str,
        account: str,
        shape: str,
        rows: Iterable[Read] = (),
        unpaid: Iterable[Read] = (),
    ) -> SettlementFile:
        """The file with its lines, or with its findings and nothing else."""
        lines, deferred = with_keys(rows), with_keys(unpaid)
        if not lines and not deferred and not self.findings:
            self.wrong("has no rows of money")
        if self.findings:
            return SettlementFile(marketplace, account, shape, findings=shortened(self.file, self.findings))
        return SettlementFile(marketplace, account, shape, lines, deferred=deferred, notes=tuple(self.notes))


class Row:
    """One row: its cells by the names of their columns. What cannot be read is a finding and counts as nothing."""

    def __init__(
        self,
        report: Report,
        number: int,
        cells: Mapping[str, Cell],
        shown: Mapping[str, str],
        orders: Mapping[str, Order | None],
        *,
        since_1904: bool = False,
    ) -> None:
        self._report, self.number, self._cells = report, number, cells
        self._shown, self._orders, self._since_1904 = shown, orders, since_1904
        self.sound = True
        """Whether all that was read of it so far could be read: only then do its sums say anything."""

    def wrong(self, column: str | None, message: str) -> None:
        self.sound = False
        self._report.wrong(message, self.number, column and self._shown.get(column, column))

    def note(self, column: str, message: str) -> None:
        self._report.note(message, self.number, self._shown.get(column, column))

    def cell(self, column: str) -> Cell:
        return self._cells.get(column, EMPTY)

    def text(self, column: str) -> str:
        """What stands there as words, with single spaces."""
        return " ".join(self._checked(column).text.split())

    def identifier(self, column: str) -> str | None:
        """An id, whole: a spreadsheet cuts long ones off and shows them in powers of ten."""
        cell = self._checked(column)
        text = " ".join(cell.text.split()).removeprefix("'")
        if cell.number:
            return self._read(column, lambda: amounts.stored_whole(cell.text))
        if len(text) > _LONGEST_ID:
            self.wrong(column, f"has {len(text)} letters; an id has {_LONGEST_ID} at most")
            return None
        if wrong := damage(text):
            self.wrong(column, wrong)
            return None
        return text or None

    def amount(self, column: str, *, summed: bool = False) -> int | None:
        """Paise; None for a blank. Only a column that is ``summed`` from others may be a formula that has a value."""
        cell = self._checked(column, formula=summed)
        if cell.number:
            return self._read(column, lambda: amounts.stored_paise(cell.text))
        return self._read(column, lambda: amounts.paise(cell.text))

    def needed(self, column: str, *, summed: bool = False) -> int:
        """An amount that must be there: a blank is not a zero."""
        before = len(self._report.findings)
        value = self.amount(column, summed=summed)
        if value is None and len(self._report.findings) == before:
            self.wrong(column, "is empty; nothing at all would be 0")
        return value or 0

    def moment(self, column: str) -> str | None:
        cell = self._checked(column)
        if cell.number:
            return self._read(column, lambda: amounts.stored_moment(cell.text, since_1904=self._since_1904))
        return self._read(column, lambda: amounts.moment(cell.text, self._orders.get(column)))

    def quantity(self, column: str) -> int | None:
        cell = self._checked(column)
        text = cell.text.strip()
        if not text:
            return None
        if cell.number:
            text = self._read(column, lambda: amounts.stored_whole(cell.text)) or ""
        if not re.fullmatch(r"[0-9]{1,6}", text):
            self.wrong(column, f"{cell.text!r} is not a number of pieces")
            return None
        return int(text)

    def _checked(self, column: str, *, formula: bool = False) -> Cell:
        cell = self.cell(column)
        if cell.error:
            self.wrong(column, f"{cell.text} is an error of the spreadsheet, not a value")
        elif cell.formula and not cell.text:
            self.wrong(column, "is a formula without a value; open the file in a spreadsheet and save it")
        elif cell.formula and not formula:
            self.wrong(column, "is a formula; the marketplace's own file has values, download it anew")
        else:
            return cell
        return EMPTY

    def _read(self, column: str, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except Unreadable as wrong:
            self.wrong(column, str(wrong))
            return None


def text_rows(
    report: Report, lines: Sequence[Line], shown: Mapping[str, str], orders: Mapping[str, Order | None]
) -> list[Row]:
    """The rows under a heading, which is ``shown``: its names in their order. Empty rows are not there."""
    names = list(shown)
    rows = []
    for number, cells in lines:
        if not any(cells):
            continue
        if len(cells) != len(names):
            few = "; the file is broken off here" if len(cells) < len(names) else ""
            report.wrong(f"has {len(cells)} cells where the heading has {len(names)}{few}", number)
            continue
        named = {name: Cell(cell) for name, cell in zip(names, cells, strict=True)}
        rows.append(Row(report, number, named, shown, orders))
    return rows


def heading(
    report: Report, row: int, names: Sequence[str], shown: Sequence[str], required: Collection[str]
) -> dict[str, str] | None:
    """The names of the columns with what stands there, or None with findings. A name may stand there once."""
    before = len(report.findings)
    for place, name in enumerate(names):
        if name and name in names[:place]:
            report.wrong("stands twice in the heading", row, shown[place])
        elif not name:
            report.wrong(f"column {place + 1} has no name in the heading", row)
    for name in required:
        if name not in names:
            report.wrong("is missing in the heading; was it renamed or removed?", row, name)
    return dict(zip(names, shown, strict=True)) if len(report.findings) == before else None


def orders_shown(
    report: Report, columns: Iterable[str], lines: Sequence[Mapping[str, str]], shown: Mapping[str, str]
) -> dict[str, Order | None]:
    """Of columns that one program wrote, whether the day comes first: as a heading states it, or as a value shows."""
    columns = [column for column in columns if column in shown]
    stated = {order for column in columns if (order := amounts.stated_order(shown[column]))}
    try:
        found = amounts.shown_order(line.get(column, "") for line in lines for column in columns)
    except Unreadable as wrong:
        report.wrong(str(wrong), None, ", ".join(shown[column] for column in columns))
        return {}
    if found:
        stated.add(found)
    if len(stated) > 1:
        report.wrong("holds days in another order than the heading states", None, shown[columns[0]])
        return {}
    order = next(iter(stated), None)
    return dict.fromkeys(columns, order)


def check_sellers(report: Report, rows: Iterable[Row], columns: Iterable[str], sellers: Collection[str]) -> None:
    """Refuses a file that names another seller than ``sellers`` (ids and GSTINs), or more than one."""
    for column in columns:
        # A GSTIN says nothing of a seller's id at the marketplace.
        known = {seller.upper() for seller in sellers if ("gst" in column) == bool(_GSTIN.fullmatch(seller.upper()))}
        found: dict[str, Row] = {}
        for row in rows:
            if seller := row.identifier(column):
                found.setdefault(seller.upper(), row)
        if known:
            for seller in found.keys() - known:
                found[seller].wrong(column, f"the file is of another seller, {seller}")
        elif len(found) > 1:
            report.wrong(f"the file is of more than one seller: {', '.join(sorted(found))}", None, column)


def other(words: str) -> str:
    """The head of what has no meaning here yet, with the file's own words."""
    return OTHER + (" ".join(words.split())[:_LONGEST_WORDS].rstrip() or "without words")


Moved = tuple[str, str, int | None]
"""Paise of a column, with the head that they go to: (column, head, paise)."""


def said(moved: Iterable[Moved], **words: str) -> dict[str, str | int]:
    """What a row says in the file's own words."""
    return {**{column: paise for column, _, paise in moved if paise}, **words}


def heads(*moved: tuple[str, int | None]) -> dict[str, int]:
    """Paise by head. A blank and a zero are both nothing, so that they make no difference to a key."""
    total: dict[str, int] = {}
    for head, paise in moved:
        if paise:
            total[head] = total.get(head, 0) + paise
    return {head: paise for head, paise in sorted(total.items()) if paise}
