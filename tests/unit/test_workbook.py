"""Workbooks from outside: what they say is read as it is written, and what could do harm is refused before."""

from __future__ import annotations

import io
import re
import struct
import zipfile

import pytest
from openpyxl import Workbook, load_workbook

from hunar.domain.workbook import MOST_BYTES, MOST_UNPACKED, Cell, Refused, column_letters, column_number, read_workbook
from tests.settlement_files import flipkart, part, repacked, sold

SHEET = "xl/worksheets/sheet1.xml"


def refusal(raw: bytes) -> str:
    with pytest.raises(Refused) as refused:
        read_workbook(raw)
    return refused.value.message


def test_another_program_reads_the_same_cells() -> None:
    raw = flipkart(sold(bank=891.07, fee=-165.96, sku="  बैग & <bag> \n one"), sold(), sheets={"Ads": [["a", None, 12]]})
    ours, theirs = read_workbook(raw), load_workbook(io.BytesIO(raw), read_only=True)
    assert [sheet.name for sheet in ours.sheets] == theirs.sheetnames
    for sheet in ours.sheets:
        shown = {
            (cell.row, cell.column): cell.value
            for row in theirs[sheet.name].iter_rows()
            for cell in row
            if cell.value is not None
        }
        assert {
            (row, column): float(cell.text) if cell.number else cell.text
            for row, cells in sheet.rows.items()
            for column, cell in cells.items()
        } == shown
    assert ours.sheets[0].merged == ((1, 1, 1, 5),)


def sheet_of(cells: str) -> dict[int, Cell]:
    raw = flipkart(sold())
    xml = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f"{cells}</sheetData></worksheet>"
    )
    return dict(read_workbook(repacked(raw, changed={SHEET: xml.encode()})).sheets[0].rows.get(1, {}))


def test_numbers_stay_as_they_are_written() -> None:
    cells = sheet_of('<row r="1"><c r="A1"><v>891.07000000000005</v></c><c r="B1" t="n"><v>1.2E+17</v></c></row>')
    assert cells == {1: Cell("891.07000000000005", number=True), 2: Cell("1.2E+17", number=True)}


def test_formulas_and_errors_are_told_apart_from_values() -> None:
    cells = sheet_of(
        '<row r="1"><c r="A1"><f>SUM(B1:C1)</f><v>12</v></c><c r="B1"><f>B2</f></c>'
        '<c r="C1" t="str"><f t="shared" si="0"/><v>x</v></c><c r="D1" t="e"><v>#REF!</v></c>'
        '<c r="E1" t="b"><v>1</v></c></row>'
    )
    assert cells == {
        1: Cell("12", number=True, formula=True),
        2: Cell("", formula=True),
        3: Cell("x", formula=True),
        4: Cell("#REF!", error=True),
        5: Cell("TRUE"),
    }


def test_texts_lose_their_formats_and_keep_their_line_breaks() -> None:
    cells = sheet_of(
        '<row><c t="inlineStr"><is><r><t>Bank </t></r><r><t>Value_x000D_\n= SUM(J:R)</t></r>'
        '<rPh sb="0" eb="1"><t>said</t></rPh></is></c><c t="inlineStr"><is><t>b</t></is></c></row>'
    )
    assert cells == {1: Cell("Bank Value\r\n= SUM(J:R)"), 2: Cell("b")}


def test_columns_have_letters() -> None:
    assert [column_letters(n) for n in (1, 26, 27, 52, 703)] == ["A", "Z", "AA", "AZ", "AAA"]
    assert all(column_number(column_letters(n)) == n for n in range(1, 2000))


def test_a_file_that_is_no_workbook_is_named_for_what_it_is() -> None:
    assert "is not a workbook" in refusal(b"")
    assert "is not a workbook" in refusal(b"<html><table>")
    assert "old kind" in refusal(b"\xd0\xcf\x11\xe0" + bytes(600))
    assert "password" in refusal(b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "damaged" in refusal(made.getvalue())


@pytest.mark.parametrize("kept", [4, 100, -1, -200])
def test_a_workbook_that_is_broken_off_is_refused(kept: int) -> None:
    assert "damaged" in refusal(flipkart(sold())[:kept])


def test_a_workbook_with_a_changed_byte_is_refused() -> None:
    raw = bytearray(flipkart(sold()))
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as archive:
        start = archive.getinfo(SHEET).header_offset
    raw[start + 200] ^= 0xFF
    assert "damaged" in refusal(bytes(raw))


def test_a_file_of_200_mb_is_not_opened() -> None:
    assert refusal(bytes(MOST_BYTES + 1)) == "has 20 MB; 20 MB are read at most"
    assert "has 200 MB" in refusal(bytes(200 << 20))


def test_a_zip_bomb_is_refused_by_what_it_declares() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SHEET, bytes(MOST_UNPACKED + 1))
    assert len(made.getvalue()) < 200_000
    assert "unpacks to more than 64 MB" in refusal(made.getvalue())


def test_a_zip_bomb_that_lies_about_its_size_unpacks_to_no_more_than_it_said() -> None:
    bomb = repacked(flipkart(sold()), changed={SHEET: b"<worksheet>" + b" " * (MOST_UNPACKED * 2)})
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        size = archive.getinfo(SHEET).file_size
    lying = bomb.replace(struct.pack("<L", size), struct.pack("<L", 1000))
    assert lying != bomb
    assert "damaged" in refusal(lying)


def test_a_sheet_that_is_named_many_times_is_not_read_many_times_over() -> None:
    """Each sheet is small enough, and so is what the archive declares: what counts is what comes out."""
    raw = flipkart(sold())
    sheets = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, 80))
    book = re.sub(rb"<sheets>.*</sheets>", b"<sheets>" + sheets.encode() + b"</sheets>", part(raw, "xl/workbook.xml"))
    sheet = part(raw, SHEET).replace(b"<sheetData>", b" " * (1 << 20) + b"<sheetData>")
    assert "unpacks to more than 64 MB" in refusal(repacked(raw, changed={"xl/workbook.xml": book, SHEET: sheet}))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("xl/vbaProject.bin", "macros"),
        ("xl/macrosheets/sheet1.xml", "macros"),
        ("xl/externalLinks/externalLink1.xml", "another workbook"),
        ("xl/embeddings/oleObject1.bin", "another program"),
        ("xl/activeX/activeX1.xml", "another program"),
    ],
)
def test_what_could_run_or_reach_out_is_refused(name: str, said: str) -> None:
    assert said in refusal(repacked(flipkart(sold()), added={name: b"x"}))


def test_a_workbook_that_says_it_has_macros_is_refused() -> None:
    raw = flipkart(sold())
    types = part(raw, "[Content_Types].xml").replace(b"sheet.main+xml", b"sheet.macroEnabled.main+xml")
    types = types.replace(b"vnd.openxmlformats-officedocument.spreadsheetml.sheet.macro", b"vnd.ms-excel.sheet.macro")
    assert "macros" in refusal(repacked(raw, changed={"[Content_Types].xml": types}))


def test_a_document_type_with_texts_that_grow_is_refused() -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet>&b;</worksheet>'
    assert "document type" in refusal(repacked(flipkart(sold()), changed={SHEET: laughs}))
    outside = b'<!DOCTYPE x SYSTEM "file:///etc/hosts"><worksheet/>'
    assert "document type" in refusal(repacked(flipkart(sold()), changed={SHEET: outside}))


def test_a_locked_or_oddly_packed_archive_is_refused() -> None:
    raw = bytearray(flipkart(sold()))
    central = raw.rindex(b"PK\x01\x02")
    raw[central + 8] |= 1
    assert "password" in refusal(bytes(raw))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(SHEET, "x")
    assert "packed" in refusal(made.getvalue())


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="0"/>',
        '<row r="9999999"/>',
        '<row r="1"><c r="A2"/></row>',
        '<row r="1"><c r="XYZ999999999"/></row>',
        '<row r="1"><c r="A1" t="s"><v>999999</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>-1</v></c></row>',
        '<row r="1">',
    ],
)
def test_a_sheet_that_does_not_hold_together_is_refused(cells: str) -> None:
    with pytest.raises(Refused, match="damaged"):
        sheet_of(cells)


def test_merged_cells_without_end_are_refused() -> None:
    raw = flipkart(sold())
    sheet = part(raw, SHEET)
    at = sheet.index(b"<mergeCell ")
    many = sheet[:at] + b'<mergeCell ref="A1:XFD1"/>' * 10_000 + sheet[at:]
    assert "merged cells" in refusal(repacked(raw, changed={SHEET: many}))


def test_an_empty_workbook_has_an_empty_sheet() -> None:
    made = io.BytesIO()
    Workbook().save(made)
    assert read_workbook(made.getvalue()).sheets[0].rows == {}
