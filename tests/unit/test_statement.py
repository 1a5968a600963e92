"""A group's statement: what each order brought, where it went, and that nothing lies between two statements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hunar.domain import accounts, group_books, payout
from hunar.domain.money import rupees
from hunar.domain.statement import (
    AGENCYS,
    BALANCES,
    DEBT,
    NO_COST,
    ON_THE_WAY,
    PAYABLE,
    WAITS,
    Broken,
    Point,
    Worked,
    statement,
    ties,
    worked,
)
from tests.book import SALE, Book, Known, Row, line_facts, resolved
from tests.statements import demo_book, demo_statement
from tests.unit.test_accountants import worked as worked_order

START = Point("G03")


def steps(line: Worked) -> dict[str, str]:
    return {step.code or step.kind: rupees(step.amount_paise) for step in line.steps}


def test_the_path_of_the_published_row_leads_from_1099_to_her_share() -> None:
    line = worked(worked_order().of("G03")[0])
    assert steps(line) == {
        "price": "1099.00",
        "output_gst": "-167.64",
        "collection_fee": "-21.98",
        "commission": "-21.98",
        "fixed_fee": "-50.00",
        "pick_and_pack_fee": "-14.00",
        "shipping_fee": "-58.00",
        "gst_on_fees": "0.00",
        "tcs": "0.00",
        "tds": "0.00",
        "agency_fee": "-76.54",
        "fund": "-34.44",
    }
    assert rupees(line.share_paise) == "654.42" and line.moved == {"held": 65_442, "fund": 3_444}
    withheld = {step.kind: (rupees(step.taken_paise), step.bears) for step in line.steps if step.bears}
    assert withheld == {"gst_on_fees": ("29.87", NO_COST), "tcs": ("9.31", NO_COST), "tds": ("2.79", NO_COST)}
    assert line.steps[0].rate_rows == ("gst_18",)
    assert line.source["minutes_ref"] == "book 2, page 14"


def test_who_keeps_a_credit_stands_beside_what_was_withheld() -> None:
    first = demo_statement().orders[0]
    withheld = {step.kind: (step.amount_paise, step.taken_paise, step.bears) for step in first.steps if step.bears}
    assert withheld == {
        "gst_on_fees": (0, 2_987, NO_COST),
        "tcs": (-931, 931, WAITS),
        "tds": (-279, 279, AGENCYS),
    }
    assert first.moved["credits"] == 931


def test_a_return_after_the_payout_is_told_as_a_debt_and_so_is_its_recovery() -> None:
    made = statement(START, worked_order().of("G03"))
    back = made.orders[1]
    assert steps(back)["price"] == "-1099.00" and steps(back)["reverse_shipping_fee"] == "-60.00"
    assert rupees(back.share_paise) == "-836.42" and back.moved[DEBT] == 83_642
    assert [(debt.batch or debt.order_ref, rupees(debt.amount_paise)) for debt in made.debts] == [
        ("flipkart:demo:S-1", "836.42"),
        ("B-2027-01", "-327.21"),
    ]
    assert made.closing.standing[DEBT] == 50_921


def test_by_the_piece_the_sale_is_the_agencys_and_the_pieces_are_hers() -> None:
    book = Book({"G03": resolved(payout_basis="FIXED_PER_PIECE", fund_ppm=0)})
    book.settle(book.learn(Known(line_facts(), [Row("s1", SALE)])))
    line = worked(book.of("G03")[0])
    told = steps(line)
    assert told["agency_sale"] == "-931.36" and told["pieces"] == "600.00" and told["commission"] == "0.00"
    assert line.share_paise == 60_000 and {step.bears for step in line.steps if step.kind == "fee"} == {NO_COST}


def test_payments_carry_batch_reference_and_the_last_four_digits() -> None:
    made = demo_statement()
    told = [(each.kind, each.batch, each.reference, each.last_four, each.amount_paise) for each in made.payments]
    assert told == [
        ("PAID_OUT", "B-2026-12", "", "", 128_584),
        ("SENT_BACK", "B-2026-12", "R-19", "", 128_584),
        ("PAID_OUT", "B-2026-13", "", "4321", 128_584),
        ("ARRIVED", "B-2026-13", "N351260001234", "4321", 128_584),
        ("PAID_OUT", "B-2027-01", "", "4321", 32_146),
    ]
    assert made.arrived_paise == 128_584


def test_what_the_bank_returned_after_it_had_arrived_leaves_the_cash_book_again() -> None:
    book = Book()
    key = book.learn(Known(line_facts(), [Row("s1", SALE)]))
    book.settle(key)
    book.release(key)
    book.close("G03", "B-1")
    paid = payout.arrived(book.head("G03"), "B-1", utr="U1", at="2026-12-16T05:00:00Z")
    book.put(paid)
    book.put(payout.came_back(book.head("G03"), paid, reference="R1", at="2026-12-20T20:00:00Z"))
    made = statement(START, book.of("G03"))
    assert made.arrived_paise == 0 and made.closing.standing[PAYABLE] == 65_442
    lines = group_books.cash_book(made)
    assert [(line.day, line.reference, line.received_paise, line.paid_paise) for line in lines] == [
        ("2026-12-16", "U1", 65_442, 0),
        ("2026-12-21", "R1", 0, 65_442),
    ]


def test_i21_statements_chain_wherever_the_book_is_cut() -> None:
    book = demo_book()
    whole = statement(START, book.of("G03"))
    for cut in range(len(whole.lines) + 1):
        first = statement(START, book.of("G03"), to_seq=cut)
        second = statement(first.closing, book.of("G03"))
        ties(first, second)
        assert first.lines + second.lines == whole.lines
        assert second.closing == whole.closing == Point.of_head(book.heads["G03"])
        assert Point.of(first.closing.item()) == first.closing
    with pytest.raises(Broken, match="begins at entry 0 with 0.00, and G03-1-12 ended at entry 12"):
        ties(whole, whole)
    assert whole.number == "G03-1-12"


def test_a_statement_without_entries_stands_where_the_one_before_it_ended() -> None:
    whole = demo_statement()
    empty = statement(whole.closing, demo_book().of("G03"))
    assert empty.closing == whole.closing and empty.lines == () and empty.first_at == ""
    assert group_books.ledger_heads(empty) == () and group_books.cash_book(empty) == ()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda items: items[:3] + items[4:], "entry 4 is missing"),
        (lambda items: [*items, items[3]], "entry 4 stands twice"),
        (lambda items: [items[0] | {"occurred_at": "2026-12-05T00:00:00Z"}, *items[1:]], "entry 1 of G03 is not what"),
        (lambda items: [items[0] | {"prev": "x"}, *items[1:]], "entry 1 of G03 does not follow"),
        (lambda items: [items[0] | {"group_id": "G01"}, *items[1:]], "entry 1 is of G01, not of G03"),
    ],
)
def test_no_statement_is_made_of_a_book_that_is_broken(damage: object, said: str) -> None:
    assert callable(damage)
    with pytest.raises(Broken, match=said):
        statement(START, damage(demo_book().of("G03")))


def test_a_statement_ends_where_it_is_asked_to_or_not_at_all() -> None:
    with pytest.raises(Broken, match="ends with entry 12, before entry 13"):
        statement(START, demo_book().of("G03"), to_seq=13)
    wrong = replace(START, chain="another")
    with pytest.raises(Broken, match="entry 1 of G03 does not follow"):
        statement(wrong, demo_book().of("G03"))


@pytest.mark.parametrize("digits", ["432", "43210", "43a1", "४३२१"])
def test_the_last_four_digits_are_four_digits(digits: str) -> None:
    with pytest.raises(ValueError, match="batch B-1: the last four digits of an account are four digits"):
        statement(START, [], accounts_paid={"B-1": digits})


def test_keys_of_indexes_beside_an_entry_change_nothing() -> None:
    items = [item | {"order_pk": "x", "order_sk": "y"} for item in demo_book().of("G03")]
    assert statement(START, items).closing == demo_statement().closing


def test_the_ledger_heads_balance_and_say_what_the_group_earned() -> None:
    made = demo_statement()
    lines = {line.head: (line.debit_paise, line.credit_paise) for line in group_books.ledger_heads(made)}
    assert sum(debit for debit, _ in lines.values()) == sum(credit for _, credit in lines.values())
    assert lines["bank"] == (128_584, 0)
    assert lines["sales"] == (0, 2 * 93_136)  # three sales, one of which came back
    standing = made.closing.standing
    assert lines["owed_by_agency"][0] - lines["owed_by_agency"][1] == sum(standing.values()) - 2 * standing[DEBT]
    assert standing[ON_THE_WAY] == 32_146


def test_the_passbooks_have_a_line_for_whoever_gets_something() -> None:
    lines = group_books.passbook({"M2": 5, "M1": 7, "M3": 0}, "2026-12-18")
    assert [(line.member, line.day, line.amount_paise) for line in lines] == [
        ("M1", "2026-12-18", 7),
        ("M2", "2026-12-18", 5),
    ]


def test_an_account_that_the_chart_knows_has_a_place_on_the_statement() -> None:
    of_groups = {name for name, parts in accounts.CHART.items() if accounts.GROUP in parts}
    assert of_groups == set(BALANCES)
