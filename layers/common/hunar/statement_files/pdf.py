"""A statement as a PDF in the group's script: letters are joined as the script wants, amounts stay in ASCII digits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Final, cast

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, TextDirection, XPos, YPos

from hunar.domain.money import Rupees, grouped
from hunar.domain.workbook_file import Cell
from hunar.statement_files.sheet import Section, Sheet, Weight, heading, sections

FONTS: Final = {
    "Latin": "NotoSans-Regular.ttf",
    "Devanagari": "NotoSansDevanagari-Regular.ttf",
    "Bengali": "NotoSansBengali-Regular.ttf",
    "Tamil": "NotoSansTamil-Regular.ttf",
    "Telugu": "NotoSansTelugu-Regular.ttf",
    "Gujarati": "NotoSansGujarati-Regular.ttf",
    "Kannada": "NotoSansKannada-Regular.ttf",
    "Malayalam": "NotoSansMalayalam-Regular.ttf",
    "Oriya": "NotoSansOriya-Regular.ttf",
    "Gurmukhi": "NotoSansGurmukhi-Regular.ttf",
    "Arabic": "NotoNaskhArabic-Regular.ttf",
}
"""The font of each script, in ``fonts``. What it lacks (Latin letters, digits, the rupee sign) comes from NotoSans."""
LATIN: Final = "latin"
SCRIPT: Final = "script"

_MARGIN: Final = 12
_SIZE: Final = 10
_LINE: Final = 5.6
"""Millimetres of a line: the signs above and below a letter need room."""
_PAD: Final = 1
_AMOUNTS: Final = 0.2
"""Of the page's width: no column of amounts with a name is wider."""
_GREY: Final = (232, 232, 232)
_NO_TIME: Final = datetime(1980, 1, 1, tzinfo=UTC)
"""A PDF's id hangs on the time it was made. Ours are made at no time, so that equal ones are equal."""


def pdf(sheet: Sheet) -> bytes:
    """The file's content, A4, with as many pages as it takes."""
    page = _Paper(sheet)
    page.draw()
    return bytes(page.output())


class _Paper(FPDF):
    def __init__(self, sheet: Sheet) -> None:
        super().__init__(format="A4")
        self._sheet = sheet
        self._rtl = sheet.words.right_to_left
        self._known: dict[tuple[str, float, float], list[str]] = {}
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.set_auto_page_break(False)
        self.set_creation_date(_NO_TIME)
        self.set_title(sheet.statement.number)
        self.set_lang(sheet.words.locale)
        for name, file in ((LATIN, FONTS["Latin"]), (SCRIPT, FONTS[sheet.words.script])):
            with resources.as_file(resources.files(__package__).joinpath("fonts", file)) as path:
                self.add_font(name, fname=path)
        self.set_fallback_fonts([LATIN])

    def draw(self) -> None:
        sheet = self._sheet
        self._turn()
        self._row((sheet.words["title"],), (100,), size=16)
        self._row((sheet.agency,), (100,), size=11)
        for row in heading(sheet):
            self._row(row.cells, (22, 78))
        # At the end it would often have a page of its own.
        self._row((sheet.words["check"],), (100,))
        for section in sections(sheet):
            self._section(section)

    def footer(self) -> None:
        """The number and the page on each sheet, so that loose sheets find each other."""
        self.set_y(-_MARGIN)
        self._font(LATIN, 8)
        self.cell(0, 5, f"{self._sheet.statement.number}   {self.page_no()}", align=Align.C)

    def _turn(self) -> None:
        self.add_page()

    def _section(self, section: Section) -> None:
        # A title alone at the foot of a page says nothing: two rows must fit below it.
        if self._left() < 4 * _LINE:
            self._turn()
        self.ln(3)
        self._row((section.title,), (100,), size=12)
        weights = [*(row.weight for row in section.rows[1:]), Weight.PLAIN]
        for row, then in zip(section.rows, weights, strict=True):
            # What heads other rows does not stand alone at the foot of a page, nor a sum at the head of one.
            ahead = 2 if row.weight is Weight.HEAD else 1 if then is Weight.SUM else 0
            self._row(row.cells, section.widths, weight=row.weight, ahead=ahead)

    def _left(self) -> float:
        return float(self.h - 2 * _MARGIN - self.get_y())

    def _font(self, name: str, size: float) -> None:
        self.set_font(name, size=size)
        # A line of Urdu that begins with TCS is still read from the right.
        rtl = self._rtl and name == SCRIPT
        self.set_text_shaping(True, direction=TextDirection.RTL if rtl else TextDirection.LTR)

    def _row(
        self,
        cells: Sequence[Cell],
        widths: Sequence[int],
        *,
        weight: Weight = Weight.PLAIN,
        size: float = _SIZE,
        ahead: int = 0,
    ) -> None:
        """One row, on a page that has room for as many lines ``ahead`` of it, too."""
        line = _LINE * size / _SIZE
        places = [self.epw * width / 100 for width in widths]
        lines = [self._wrapped(cell, place, size) for cell, place in zip(cells, places, strict=True)]
        height = line * max(map(len, lines)) + _PAD / 2
        if height + ahead * line > self._left():
            self._turn()
        top, left = self.get_y(), float(self.l_margin)
        if weight is Weight.HEAD:
            self.set_fill_color(*_GREY)
            self.rect(left, top, self.epw, height, style="F")
        elif weight is Weight.SUM:
            self.line(left, top, left + self.epw, top)
        right = left + self.epw
        for cell, place, texts in zip(cells, places, lines, strict=True):
            start = right - place if self._rtl else left
            left, right = left + place, right - place
            self._set(cell, size)
            # The name of a column of amounts stands above its amounts.
            named = weight is Weight.HEAD and place <= self.epw * _AMOUNTS and cell is not cells[0]
            amount = isinstance(cell, Rupees) or named
            align = Align.R if amount != self._rtl else Align.L
            for number, text in enumerate(texts):
                self.set_xy(start, top + number * line)
                self.cell(place, line, text, align=align, new_x=XPos.LEFT, new_y=YPos.TOP)
        self.set_xy(self.l_margin, top + height)

    def _set(self, cell: Cell, size: float) -> None:
        """Amounts, days and references read from left to right in every language."""
        plain = isinstance(cell, Rupees) or (isinstance(cell, str) and cell.isascii())
        self._font(LATIN if plain else SCRIPT, size)

    def _wrapped(self, cell: Cell, width: float, size: float) -> list[str]:
        self._set(cell, size)
        if isinstance(cell, Rupees):
            return [grouped(cell.paise)]
        if not cell:
            return [""]
        # The same words stand in every order, and breaking them takes longer than drawing them.
        key = (str(cell), width, size)
        if key not in self._known:
            broken = self.multi_cell(width - _PAD, _LINE, str(cell), dry_run=True, output=MethodReturnValue.LINES)
            self._known[key] = list(cast("list[str]", broken))
        return self._known[key]
