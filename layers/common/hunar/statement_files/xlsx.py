"""A statement as a workbook: amounts are numbers to the paisa, all else is text that no spreadsheet runs or turns."""

from __future__ import annotations

from collections.abc import Sequence

from hunar.domain.workbook_file import Cell, workbook
from hunar.statement_files.sheet import Sheet, heading, sections


def xlsx(sheet: Sheet) -> bytes:
    """One sheet of all sections; columns of sections that have fewer stay empty before their amount."""
    words = sheet.words
    found = sections(sheet)
    columns = max((len(section.widths) for section in found), default=2)
    rows: list[Sequence[Cell]] = [[words["title"], sheet.agency], *(row.cells for row in heading(sheet))]
    for section in found:
        rows += [[], [section.title]]
        for row in section.rows:
            *texts, last = row.cells
            rows.append([*texts, *[None] * (columns - len(row.cells)), last])
    rows += [[], [words["check"]]]
    return workbook({sheet.statement.number[:31]: rows}, right_to_left=words.right_to_left)
