"""Statements as files, in thirteen languages: letters joined as their script wants it, amounts exact, bytes equal."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pypdfium2
import pytest
import uharfbuzz as hb
from fontTools.ttLib import TTFont
from openpyxl import load_workbook

from hunar import statement_files
from hunar.domain import payout
from hunar.domain.merger import goes_on
from hunar.domain.money import Rupees
from hunar.domain.statement import Point, statement
from hunar.domain.workbook_file import workbook
from hunar.operator_api.statements import MOST
from hunar.statement_files.pdf import FONTS, pdf
from hunar.statement_files.sheet import heading, sections
from hunar.statement_files.xlsx import xlsx
from hunar.statement_words import KEYS, LOCALES, parse, words
from tests.book import SALE, Book, Known, Row, line_facts, resolved
from tests.statements import PICTURES, demo_book, demo_sheet, pages

HOME = Path(str(resources.files(statement_files))) / "fonts"


def shaped(script: str, text: str) -> tuple[list[str], list[int]]:
    """The glyphs of a text, by name, and how far each one moves on."""
    face = hb.Face((HOME / FONTS[script]).read_bytes())
    font, buffer = hb.Font(face), hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    hb.shape(font, buffer)
    names = [font.glyph_to_string(info.codepoint) for info in buffer.glyph_infos]
    return names, [position.x_advance for position in buffer.glyph_positions]


CONJUNCTS = [
    # script, word, its code points, the glyphs they become
    ("Devanagari", "क्ष", 3, 1),
    ("Devanagari", "ज्ञ", 3, 1),
    ("Devanagari", "श्री", 4, 2),
    ("Devanagari", "प्र", 3, 1),
    ("Bengali", "ক্ষ", 3, 1),
    ("Bengali", "ন্ত্র", 5, 1),
    ("Bengali", "ষ্ঠী", 4, 2),
    ("Tamil", "க்ஷ", 3, 1),
    ("Tamil", "கு", 2, 1),
    ("Telugu", "స్త్ర", 5, 3),
    ("Telugu", "స్థి", 4, 2),
    ("Gujarati", "ક્ષ", 3, 1),
    ("Gujarati", "શ્ર", 3, 1),
    ("Kannada", "ಕ್ಷ", 3, 2),
    ("Kannada", "ಸ್ಥಿ", 4, 2),
    ("Malayalam", "ക്ക", 3, 1),
    ("Malayalam", "ന്റെ", 4, 3),
    ("Oriya", "କ୍ଷ", 3, 1),
    ("Oriya", "ଷ୍ଠୀ", 4, 2),
    ("Gurmukhi", "ਪ੍ਰ", 3, 2),
    ("Gurmukhi", "ਮ੍ਹ", 3, 2),
]


@pytest.mark.parametrize(("script", "word", "codepoints", "most"), CONJUNCTS)
def test_a_conjunct_becomes_fewer_glyphs_and_shows_no_virama(
    script: str, word: str, codepoints: int, most: int
) -> None:
    glyphs, _ = shaped(script, word)
    assert len(word) == codepoints and ".notdef" not in glyphs
    assert len(glyphs) <= most < codepoints, glyphs


def test_urdu_letters_take_the_form_of_their_place() -> None:
    """The same letter alone, at the beginning, in the middle and at the end is four glyphs."""
    alone, _ = shaped("Arabic", "ب")
    joined, _ = shaped("Arabic", "ببب")
    assert len(joined) == 3 and len({*alone, *joined}) == 4
    (lam, alef), (bare_lam, bare_alef) = shaped("Arabic", "لا")[0], shaped("Arabic", "ل ا")[0][::2]
    assert {lam, alef}.isdisjoint({bare_lam, bare_alef}), "lam and alef are joined in a way of their own"


def test_two_signs_that_odia_joins_into_one_stand_above_their_letter() -> None:
    """The font as it is published puts them behind it."""
    for word in ("ହିଁ", "ନାହିଁ"):
        glyphs, advances = shaped("Oriya", word)
        assert len(glyphs) < len(word) and advances[-1] == 0


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if not words(locale).right_to_left])
def test_no_sign_stands_behind_its_letter(locale: str) -> None:
    """What takes no room of its own is drawn over or under what stands before it. So each joined letter must say where;
    in Noto Sans Oriya as it is published many do not, and the u of "keep" stands on the next letter."""
    found = words(locale)
    face = hb.Face((HOME / FONTS[found.script]).read_bytes())
    font = hb.Font(face)
    texts = [*found.words.values(), *({"or": ["ବସ୍ତୁ", "ବନ୍ଧୁ", "ସମ୍ମୁଖ", "ଉଦ୍ଧୃତ"]}.get(locale, ()))]
    for word in texts:
        for run in "".join(c if font.get_nominal_glyph(ord(c)) else " " for c in word).split():
            buffer = hb.Buffer()
            buffer.add_str(run)
            buffer.guess_segment_properties()
            hb.shape(font, buffer)
            for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                ink = font.get_glyph_extents(info.codepoint)
                if position.x_advance == 0 and ink is not None and ink.width:
                    assert position.x_offset + ink.x_bearing < 0, f"{word}: {font.glyph_to_string(info.codepoint)}"


def test_a_vowel_sign_that_is_spoken_after_stands_before_its_letter() -> None:
    for script, word in (
        ("Devanagari", "कि"),
        ("Bengali", "কে"),
        ("Tamil", "கெ"),
        ("Malayalam", "കെ"),
        ("Oriya", "କେ"),
    ):
        (sign, letter), alone = shaped(script, word)[0], shaped(script, word[0])[0]
        assert [letter] == alone and sign != letter


@pytest.mark.parametrize("locale", LOCALES)
def test_no_word_of_a_language_lacks_a_glyph(locale: str) -> None:
    found = words(locale)
    own, latin = (set(TTFont(HOME / FONTS[script]).getBestCmap()) for script in (found.script, "Latin"))
    for key, word in found.words.items():
        missing = {character for character in word if ord(character) not in own | latin}
        assert not missing, f"{key}: {missing}"
        # Runs of the own script are shaped by its font alone: nothing in them may fall out.
        for run in "".join(c if ord(c) in own else " " for c in word).split():
            assert ".notdef" not in shaped(found.script, run)[0], f"{key}: {run}"


@pytest.mark.parametrize("locale", LOCALES)
def test_a_language_has_every_word_in_ascii_digits_and_is_a_draft_or_says_who_read_it(locale: str) -> None:
    found = words(locale)
    assert found.words.keys() == KEYS
    assert not [word for word in found.words.values() for c in word if c.isdigit() and not c.isascii()]
    assert found.review == "draft" or ", 20" in found.review
    if locale != "en":
        english = words("en").words
        same = {key for key, word in found.words.items() if word == english[key]}
        assert same <= {"tcs", "tds"}, same


def test_a_file_of_words_that_lacks_one_is_refused_by_name() -> None:
    content = json.loads((Path(str(resources.files("hunar.statement_words"))) / "hi.json").read_text("utf-8"))
    for change, said in (
        ({"words": {k: v for k, v in content["words"].items() if k != "share"}}, "hi: the word share is missing"),
        ({"words": content["words"] | {"chare": "x"}}, "hi: the word chare is unknown"),
        ({"words": content["words"] | {"share": " "}}, "hi: the word share is empty"),
        ({"words": []}, "hi: words are words by their keys"),
        ({"extra": 1}, "hi: extra is unknown"),
    ):
        with pytest.raises(ValueError, match=said):
            parse(content | change)
    with pytest.raises(ValueError, match="locale 'fr' has no words"):
        words("fr")


@pytest.mark.parametrize("locale", LOCALES)
def test_a_pdf_is_the_same_bytes_again_and_each_page_shows_something(locale: str) -> None:
    made = pdf(demo_sheet(locale))
    assert made == pdf(demo_sheet(locale))
    drawn = pages(made, scale=1)
    assert len(drawn) >= 3
    for page in drawn:
        dark = sum(page.histogram()[:160])
        assert dark > 300, "a page is all but blank"
        left, top, right, bottom = page.point(lambda grey: 255 if grey < 128 else 0).getbbox() or (0, 0, 0, 0)
        width, height = page.size
        assert left > 0.03 * width and right < 0.97 * width and top > 0.02 * height and bottom < 0.99 * height


def test_every_amount_of_the_statement_stands_in_the_pdf() -> None:
    sheet = demo_sheet("en")
    document = pypdfium2.PdfDocument(pdf(sheet))
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    for told in (
        "1,099.00",
        "-167.64",
        "642.92",
        "1,285.84",
        "N351260001234",
        "Account ending in 4321",
        "Roshni (G03)",
    ):
        assert told in text
    assert "G03-1-12" in text and sheet.statement.closing.chain[:12] in text


def test_the_pictures_of_all_languages_are_kept() -> None:
    assert {path.stem for path in PICTURES.glob("*.png")} == set(LOCALES)
    for path in PICTURES.glob("*.png"):
        assert 10_000 < path.stat().st_size < 200_000


def test_the_workbook_has_every_row_with_exact_amounts_and_ids_as_texts() -> None:
    for locale in ("hi", "ur"):
        sheet = demo_sheet(locale)
        made = xlsx(sheet)
        assert made == xlsx(sheet)
        book = load_workbook(io.BytesIO(made))
        page = book[sheet.statement.number]
        assert bool(page.sheet_view.rightToLeft) == (locale == "ur")
        shown = [[cell for cell in row if cell.value is not None] for row in page.iter_rows()]
        rows = [row for section in sections(sheet) for row in section.rows]
        wanted = [cell for row in (*heading(sheet), *rows) for cell in row.cells if cell not in (None, "")]
        amounts = [cell.paise for cell in wanted if isinstance(cell, Rupees)]
        found = [cell for row in shown for cell in row]
        assert [round(cell.value * 100) for cell in found if cell.data_type == "n"] == amounts
        assert all(cell.number_format.endswith("0.00") for cell in found if cell.data_type == "n")
        texts = [cell.value for cell in found if cell.data_type != "n"]
        assert set(wanted) - {cell for cell in wanted if isinstance(cell, Rupees)} <= set(texts)


def test_what_a_spreadsheet_would_run_is_a_text_and_an_amount_is_exact_to_the_paisa() -> None:
    rows = [["=1+1", "+9199999", "@x", "0001"], [Rupees(109_900), Rupees(-5), Rupees(10**14 + 1), 7, None]]
    raw = workbook({"S": rows})
    page = load_workbook(io.BytesIO(raw))["S"]
    assert [(cell.value, cell.data_type) for cell in page[1]][:4] == [(text, "s") for text in rows[0]]
    assert [cell.value for cell in page[2]] == [1099, -0.05, 1_000_000_000_000.01, 7, ""]
    archive = zipfile.ZipFile(io.BytesIO(raw))
    assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert b"<v>-0.05</v>" in archive.read("xl/worksheets/sheet1.xml")


def test_each_font_carries_its_licence_and_the_folder_its_text() -> None:
    assert "SIL OPEN FONT LICENSE" in (HOME / "OFL.txt").read_text("utf-8")
    for file in sorted(set(FONTS.values())):
        names = TTFont(HOME / file)["name"]
        assert "SIL Open Font License" in names.getDebugName(13) and "Google" in names.getDebugName(0)
    assert {path.name for path in HOME.glob("*.ttf")} == set(FONTS.values())
    assert sum(path.stat().st_size for path in HOME.glob("*.ttf")) < 1_000_000


def test_each_balance_on_the_sheet_adds_up_and_a_payout_is_told_apart_from_what_it_recovers() -> None:
    section = next(section for section in sections(demo_sheet("en")) if section.title == "How your money stands")
    told: dict[str, list[tuple[str, int]]] = {}
    lines: list[tuple[str, int]] = []
    for row in section.rows:
        label, amount = row.cells
        if isinstance(amount, Rupees):
            lines.append((str(label), amount.paise))
        else:
            lines = told.setdefault(str(label), [])
    for lines in told.values():
        assert sum(paise for _, paise in lines[:-1]) == lines[-1][1]
        assert (lines[0][0], lines[-1][0]) == ("At the beginning", "At the end")
    assert ("Sent to the bank", -289_314) in told["To be paid"]
    assert ("Set against what you owe", -32_146) in told["To be paid"] and (
        "Set against what you owe",
        -32_146,
    ) in told["You have to give back"]


@pytest.mark.parametrize("reference", payout.TAKEN_BACK)
def test_what_the_agency_took_back_itself_is_not_said_to_come_from_a_bank(reference: str) -> None:
    book = Book()
    key = book.learn(Known(line_facts(), [Row("s1", SALE)]))
    book.settle(key)
    book.release(key)
    book.close("G03", "B-2026-12")
    book.put(payout.sent_back(book.head("G03"), "B-2026-12", reference=reference, at="2026-12-16T05:00:00Z"))
    sheet = replace(demo_sheet("en"), statement=statement(Point("G03"), book.of("G03")))
    payments = next(section for section in sections(sheet) if section.title == "Payments")
    assert [row.cells[1:4] for row in payments.rows] == [("Sent to the bank", "", ""), ("Came back", "", "")]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_merger_stands_on_the_statements_of_both_groups(locale: str) -> None:
    """What is payable, the fund and a debt go on from one book to the other one; each sheet says so, and adds up."""
    book = demo_book()
    key = book.learn(Known(line_facts(ref="flipkart:demo:S-4"), [Row("s4", SALE, "2027-01-20T00:00:00Z")]))
    book.settle(key)
    book.release(key)
    before = dict(book.head("G03").balances)
    assert {"group_payable:G03", "group_fund:G03", "group_debt:G03"} <= before.keys()
    book.heads["G03"] = book.head("G03").joined("G07")
    for entry in goes_on(book.head("G03"), minutes="book 3, page 5", at="2027-02-01T06:00:00Z"):
        book.put(entry)
    for group_id, signed in (("G03", -1), ("G07", 1)):
        said = words(locale)
        opening = Point("G03") if group_id == "G03" else Point("G07")
        sheet = replace(demo_sheet(locale), statement=statement(opening, book.of(group_id)))
        [merged] = [line for line in sheet.statement.orders if line.kind == "MERGED"]
        went = -before["group_payable:G03"] - before["group_debt:G03"] - before["group_fund:G03"]
        went -= before.get("group_credits:G03", 0)
        assert sum(-p if name == "debt" else p for name, p in merged.moved.items()) == signed * went
        assert {step.kind for step in merged.steps} <= {"moved", "fund", "other"}
        rows = [row for section in sections(sheet) for row in section.rows]
        heads = [str(row.cells[1]) for row in rows if len(row.cells) == 3]
        assert f"{said['moved']}: G03 > G07 (book 3, page 5)" in heads
        assert (said["moved"], Rupees(signed * before["group_debt:G03"])) in [row.cells for row in rows]
        assert pdf(sheet)[:5] == b"%PDF-" and xlsx(sheet)


def test_a_busy_groups_month_becomes_a_pdf_well_within_the_functions_time() -> None:
    """400 order lines, each settled and released: 802 entries with their payout."""
    book = Book({"G03": resolved()})
    for number in range(400):
        ref = f"flipkart:demo:OD{number:015}"
        key = book.learn(Known(line_facts(ref=ref), [Row(f"{ref}-1", SALE)]))
        book.settle(key)
        book.release(key)
    book.close("G03", "B-1")
    book.put(payout.arrived(book.head("G03"), "B-1", utr="N351260001234", at="2026-12-18T05:00:00Z"))
    made = statement(Point("G03"), book.of("G03"))
    assert made.closing.seq == 802 <= MOST
    begin = time.process_time()
    content = pdf(replace(demo_sheet("bn"), statement=made))
    # Four seconds on a busy machine, of thirty.
    assert time.process_time() - begin < 20
    pages_made = pypdfium2.PdfDocument(content)
    text = "".join(page.get_textpage().get_text_range() for page in pages_made)
    assert text.count("flipkart") == 0 and all(f"OD{number:015}" in text for number in range(400))
    assert len(content) < 2_000_000
