"""The worked order of docs/accountants.md, posted by the program: every number there is recomputed here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hunar.domain import accounts, payout
from hunar.domain.ledger import KINDS
from hunar.domain.money import rupees
from tests.book import REFUND, SALE, Book, Known, Row, line_facts

DOCUMENT = (Path(__file__).parents[2] / "docs/accountants.md").read_text(encoding="utf-8")
FIRST, SECOND = ("flipkart:demo:S-1", "L1"), ("flipkart:demo:S-2", "L1")

Table = list[tuple[str, str, str, str]]


def worked() -> Book:
    """The order of the document, step by step."""
    book = Book()
    sale = Row("s1", SALE)
    book.learn(Known(line_facts(), [sale]))
    book.settle(FIRST)
    book.release(FIRST)
    book.close("G03", "B-2026-12")
    book.put(payout.arrived(book.head("G03"), "B-2026-12", utr="UTR0001", at="2026-12-16T05:00:00Z"))
    book.learn(Known(line_facts(returned=1), [sale, Row("s2", REFUND, "2026-12-22T00:00:00Z")]))
    book.settle(FIRST)
    second = Known(
        line_facts(ref=SECOND[0]), [Row("s3", SALE, "2027-01-04T00:00:00Z")], delivered_at="2026-12-29T09:00:00Z"
    )
    book.learn(second)
    book.settle(SECOND)
    book.release(SECOND)
    book.close("G03", "B-2027-01", at="2027-01-15T06:00:00Z")
    return book


def posted(item: dict[str, Any]) -> Table:
    return [
        (
            posting["account"],
            rupees(posting["amount_paise"]) if posting["amount_paise"] > 0 else "",
            rupees(-posting["amount_paise"]) if posting["amount_paise"] < 0 else "",
            posting["rate_row"],
        )
        for posting in item["postings"]
    ]


def sections() -> dict[str, str]:
    steps = DOCUMENT[: DOCUMENT.index("## Where everything stands at the end")]
    parts = re.split(r"^### \d+\. ", steps, flags=re.M)[1:]
    return {part.splitlines()[0]: part for part in parts}


def rows(section: str, columns: int) -> list[list[str]]:
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in section.splitlines()]
    body = [row for line, row in zip(section.splitlines(), cells, strict=True) if line.startswith("| `")]
    return [row[:columns] for row in body]


@pytest.mark.parametrize("number", range(8))
def test_every_posting_of_the_worked_order_stands_in_the_document(number: int) -> None:
    title, section = list(sections().items())[number]
    item = worked().of("G03")[number]
    assert f"`{item['kind']}`" in section, title
    told = re.search(r"(\d{4}-\d{2}-\d{2})", section)
    assert told and told[1] == item["occurred_at"][:10], title
    if item["order_ref"] == SECOND[0] and item["kind"] == "SETTLED":
        # The second order is like the first, and the document says so instead of telling it again.
        assert posted(item) == posted(worked().of("G03")[0])
        assert "as in step 1" in section
        return
    assert [tuple(row) for row in rows(section, 4)] == posted(item), title


def test_the_document_has_a_section_for_each_entry_and_no_more() -> None:
    assert len(sections()) == len(worked().of("G03")) == 8


def test_the_balances_at_the_end_are_those_of_the_document() -> None:
    ends = DOCUMENT[DOCUMENT.index("## Where everything stands at the end") :]
    stands = {
        account: (rupees(max(paise, 0)), rupees(max(-paise, 0))) for account, paise in worked().balances().items()
    }
    told = {row[0]: tuple(cell or "0.00" for cell in row[1:3]) for row in rows(ends, 3)}
    assert told == stands
    debit, credit = (sum(int(pair[side].replace(".", "")) for pair in told.values()) for side in (0, 1))
    assert debit == credit
    assert f"**{rupees(debit)}**" in ends


def test_every_account_of_the_chart_and_every_kind_of_entry_is_explained() -> None:
    chart = DOCUMENT[: DOCUMENT.index("## One order")]
    for name in accounts.CHART:
        assert re.search(rf"\| `{name}(:|`)", chart), name
    for kind in KINDS:
        assert f"`{kind}`" in chart, kind


def test_the_numbers_in_the_text_are_the_books() -> None:
    book = worked()
    text = " ".join(DOCUMENT.split())
    receivable = book.balances()["marketplace_receivable:flipkart"]
    assert f"{rupees(receivable)} in all" in text
    assert f"owes {rupees(book.heads['G03'].debt)}" in text
    assert f"less {rupees(-sum(REFUND.values()))} for the return" in text
    stands = book.balances()
    in_bank = stands.pop("marketplace_receivable:flipkart") + stands.pop("bank")
    owed = -sum(paise for account, paise in stands.items() if not account.startswith("fee"))
    assert f"{rupees(in_bank)} are in the bank" in text and owed == in_bank
