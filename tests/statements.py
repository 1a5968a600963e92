"""A statement of a demo group with something of everything, in any language.

    python -m tests.statements

draws all its pages in all languages into docs/statements/.
"""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2
from PIL import Image

from hunar import tables
from hunar.domain import payout
from hunar.domain.members import Part, Weight, suggested
from hunar.domain.statement import Point, Statement, statement
from hunar.ports import Put, Store
from hunar.statement_files.pdf import pdf
from hunar.statement_files.sheet import Sheet
from hunar.statement_words import LOCALES, words
from tests.book import REFUND, SALE, Book, Known, Row, line_facts, resolved

FIRST, SECOND, THIRD = (f"flipkart:demo:S-{number}" for number in (1, 2, 3))
PICTURES = Path(__file__).parents[1] / "docs/statements"


def demo_book() -> Book:
    """Two sales, a payout that the bank sends back and then carries out, a return after it, and a debt recovered."""
    book = Book({"G03": resolved(tcs="GROUP_LATER", tds="AGENCY")})
    sold = Row("s1", SALE)
    for ref in (FIRST, SECOND):
        key = book.learn(Known(line_facts(ref=ref), [Row(f"{ref}-1", SALE)]))
        book.settle(key)
        book.release(key)
    book.close("G03", "B-2026-12")
    head = book.head("G03")
    book.put(payout.sent_back(head, "B-2026-12", reference="R-19", at="2026-12-16T05:00:00Z"))
    book.close("G03", "B-2026-13", at="2026-12-17T06:00:00Z")
    book.put(payout.arrived(book.head("G03"), "B-2026-13", utr="N351260001234", at="2026-12-18T05:00:00Z"))
    back = [Row(f"{FIRST}-1", sold.heads), Row("s2", REFUND, "2026-12-22T00:00:00Z")]
    book.settle(book.learn(Known(line_facts(ref=FIRST, returned=1), back)))
    third = book.learn(
        Known(line_facts(ref=THIRD), [Row("s3", SALE, "2027-01-04T00:00:00Z")], delivered_at="2026-12-29T09:00:00Z")
    )
    book.settle(third)
    book.release(third)
    book.close("G03", "B-2027-01", at="2027-01-15T06:00:00Z")
    return book


def stored(book: Book, store: Store) -> None:
    """The books' heads and entries as compute_payout leaves them."""
    for group_id, head in book.heads.items():
        store.commit([Put(tables.book(group_id), head.item())])
        for entry in book.of(group_id):
            index = {"order_pk": entry["order_ref"], "order_sk": entry["entry_id"]} if entry["order_ref"] else {}
            store.commit([Put(tables.book_entry(group_id, entry["seq"]), entry | index)])


def demo_statement() -> Statement:
    return statement(Point("G03"), demo_book().of("G03"), accounts_paid={"B-2026-13": "4321", "B-2027-01": "4321"})


def demo_sheet(locale: str) -> Sheet:
    made = demo_statement()
    return Sheet(
        statement=made,
        words=words(locale),
        agency="Demo City Livelihood Centre",
        group="Roshni",
        suggested=suggested(
            [Part(made.arrived_paise, "2026-12-01", "2026-12-17")],
            [Weight("Asha", "2026-04-01", "", 12), Weight("Meena", "2026-12-06", "", 7)],
        ),
    )


def pages(made: bytes, *, scale: float = 1.3) -> list[Image.Image]:
    """Each page of a PDF as a picture in grey."""
    document = pypdfium2.PdfDocument(made)
    drawn = [page.render(scale=scale).to_pil().convert("L") for page in document]
    document.close()
    return drawn


def beside(pictures: list[Image.Image]) -> bytes:
    """Pictures of one size beside each other (PNG)."""
    width, height = pictures[0].size
    sheet = Image.new("L", (width * len(pictures), height), 255)
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * width, 0))
    kept = io.BytesIO()
    sheet.quantize(8).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def main() -> None:
    for locale in LOCALES:
        picture = beside(pages(pdf(demo_sheet(locale))))
        (PICTURES / f"{locale}.png").write_bytes(picture)
        print(locale, len(picture))


if __name__ == "__main__":
    main()
