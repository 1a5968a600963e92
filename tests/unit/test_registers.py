"""Taxes by month, and how old unpaid money is, against hand-made books."""

from __future__ import annotations

from hunar.domain import payout
from hunar.domain.money import rupees
from hunar.domain.registers import BUCKETS, HELD, ON_THE_WAY, PAYABLE, Lot, ageing, lots, tax_register, unpaid_over
from tests.book import SALE, Book, Known, Row, line_facts, resolved
from tests.unit.test_accountants import worked


def test_the_taxes_of_the_worked_order_by_month() -> None:
    told = [
        (
            row.month,
            row.rate_row,
            *map(rupees, (row.taxable_paise, row.output_gst_paise, row.gst_on_fees_paise, row.tcs_paise)),
        )
        for row in tax_register(worked().entries.values())
    ]
    assert told == [
        ("2026-12", "", "0.00", "0.00", "32.76", "0.00"),  # 29.87 and 2.89; TCS taken and given back
        ("2027-01", "", "0.00", "0.00", "29.87", "9.31"),
        ("2027-01", "gst_18", "931.36", "167.64", "0.00", "0.00"),
    ]


def test_a_month_begins_at_midnight_in_india_and_a_memo_is_no_tax() -> None:
    book = Book()
    book.settle(book.learn(Known(line_facts(), [Row("s1", SALE, "2026-12-31T18:30:00Z")])))
    assert {row.month for row in tax_register(book.entries.values())} == {"2027-01"}
    memo = {"kind": "EXPECTED", "occurred_at": "2026-12-01T00:00:00Z", "postings": [{"account": "output_gst"}]}
    assert tax_register([memo]) == () and lots([memo | {"group_id": "G03"}]) == ()


def sold(book: Book, number: int, settled_at: str, delivered_at: str) -> tuple[str, str]:
    row = Row(f"s{number}", SALE, settled_at)
    key = book.learn(Known(line_facts(ref=f"flipkart:demo:S-{number}"), [row], delivered_at=delivered_at))
    book.settle(key)
    return key


def test_what_the_bank_sent_back_is_as_old_as_it_was_and_a_debt_takes_the_oldest() -> None:
    book = Book({"G03": resolved(fund_ppm=0)})
    first = sold(book, 1, "2026-11-01T00:00:00Z", "2026-10-28T00:00:00Z")
    second = sold(book, 2, "2026-11-10T00:00:00Z", "2026-11-09T00:00:00Z")
    sold(book, 3, "2026-12-01T00:00:00Z", "2026-11-30T00:00:00Z")
    for key in (first, second):
        book.release(key)
    share = 68_886
    before = lots(book.entries.values())
    assert [(lot.where, lot.since, lot.order_ref[-1], lot.amount_paise) for lot in before] == [
        (HELD, "2026-12-01", "3", share),
        (PAYABLE, "2026-11-07", "1", share),
        (PAYABLE, "2026-11-19", "2", share),
    ]
    book.close("G03", "B-1", at="2026-11-20T00:00:00Z")
    on_the_way = [lot for lot in lots(book.entries.values()) if lot.where == ON_THE_WAY]
    assert [lot.since for lot in on_the_way] == ["2026-11-07", "2026-11-19"]
    book.put(payout.sent_back(book.head("G03"), "B-1", reference="R", at="2026-11-22T00:00:00Z"))
    assert lots(book.entries.values()) == before
    late = unpaid_over(before, "2026-11-23")
    assert [(lot.order_ref[-1], lot.since) for lot in late] == [("1", "2026-11-07")]
    assert unpaid_over(before, "2026-11-22") == (), "fifteen days are not over fifteen"
    aged = {each.where: each.paise for each in ageing(before, "2026-12-08")}
    assert aged == {HELD: (share, 0, 0, 0, 0), PAYABLE: (0, 0, share, share, 0)}
    assert len(BUCKETS) == 5


def test_what_arrived_and_came_back_days_later_is_as_old_as_it_was() -> None:
    book = Book({"G03": resolved(fund_ppm=0)})
    book.release(sold(book, 1, "2026-11-01T00:00:00Z", "2026-10-28T00:00:00Z"))
    before = lots(book.entries.values())
    book.close("G03", "B-1", at="2026-11-20T00:00:00Z")
    paid = payout.arrived(book.head("G03"), "B-1", utr="U1", at="2026-11-21T00:00:00Z")
    book.put(paid)
    assert lots(book.entries.values()) == ()
    book.put(payout.came_back(book.head("G03"), paid, reference="R1", at="2026-11-25T00:00:00Z"))
    assert (
        lots(book.entries.values()) == before == (Lot("G03", PAYABLE, "2026-11-07", "flipkart:demo:S-1", "L1", 68_886),)
    )
