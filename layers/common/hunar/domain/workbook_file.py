"""A workbook (Office Open XML, ECMA-376) that holds texts, numbers and amounts, and nothing that could run.

The same content gives the same bytes: nothing in it says when it was made.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from hunar.domain.money import Rupees
from hunar.domain.workbook import column_letters

Cell = str | int | Rupees | None

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PARTS: Final = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


_STYLES: Final = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode='
    # In India digits go by three and then by two. A format has two conditions at most: below nothing they go by three.
    + quoteattr(r"[>=10000000]##\,##\,##\,##0.00;[>=100000]##\,##\,##0.00;#,##0.00")
    + '/></numFmts><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill>'
    '<patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_UNWRITABLE: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
"""What XML 1.0 cannot hold."""
_AMOUNT: Final = 1
"""The style of an amount."""
_WIDEST: Final = 60


def workbook(
    sheets: Mapping[str, Sequence[Sequence[Cell]]], *, right_to_left: bool = False, tables: bool = False
) -> bytes:
    """The file's content, with a sheet of each name. Every text is a text: a spreadsheet runs and turns none of it.

    ``right_to_left`` puts the first column at the right, as for Urdu. With ``tables`` the first row of each sheet names
    its columns: it stays in sight, and the columns can be filtered.
    """
    numbers = range(1, len(sheets) + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in numbers
    )
    names = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{n}" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    files = {
        "xl/styles.xml": _STYLES,
        "[Content_Types].xml": f'<Types xmlns="{_PARTS}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PARTS}/relationships">'
        f'<Relationship Id="r1" Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}">'
        f"<bookViews><workbookView/></bookViews><sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PARTS}/relationships">{links}'
        f'<Relationship Id="styles" Type="{_DOCUMENT}/styles" Target="styles.xml"/></Relationships>',
    }
    for number, rows in enumerate(sheets.values(), 1):
        table = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        filters = f'<autoFilter ref="A1:{column_letters(len(rows[0]))}{len(rows)}"/>' if tables and rows else ""
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}">{_view(right_to_left, tables)}{_columns(rows)}'
            f"<sheetData>{table}</sheetData>{filters}</worksheet>"
        )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # With the time of 1980 that a new entry has, not of now.
            archive.writestr(zipfile.ZipInfo(name), _HEAD + content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _view(right_to_left: bool, frozen: bool) -> str:  # noqa: FBT001  (both are parts of one element)
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' if frozen else ""
    turned = ' rightToLeft="1"' if right_to_left else ""
    return f'<sheetViews><sheetView{turned} workbookViewId="0">{pane}</sheetView></sheetViews>'


def _columns(rows: Sequence[Sequence[Cell]]) -> str:
    widths: dict[int, int] = {}
    for row in rows:
        for number, value in enumerate(row, 1):
            text = str(value) if isinstance(value, Rupees) else str(value or "")
            widths[number] = max(widths.get(number, 8), len(text) + 2)
    columns = (
        f'<col min="{number}" max="{number}" width="{min(width, _WIDEST)}" customWidth="1"/>'
        for number, width in sorted(widths.items())
    )
    return f"<cols>{''.join(columns)}</cols>" if widths else ""


def _cell(value: Cell) -> str:
    if isinstance(value, Rupees):
        return f'<c s="{_AMOUNT}"><v>{value}</v></c>'
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape((value or "").translate(_UNWRITABLE))}</t></is></c>'
