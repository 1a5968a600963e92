"""Whatever the life of an agency: statements add up, chain and end at the ledger (I21, I22); so do the registers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hunar.domain import registers
from hunar.domain.group_books import ledger_heads
from hunar.domain.head import Head
from hunar.domain.resolution import Resolution
from hunar.domain.statement import DEBT, HELD, MEMBERS, ON_THE_WAY, PAYABLE, Point, Statement, statement, ties
from tests.book import Book
from tests.property.test_book import ACTS, GROUPS, News, Play, act, news, resolutions

SHARE = (HELD, PAYABLE, ON_THE_WAY, MEMBERS)


def lived(terms: dict[str, Resolution], all_news: list[News], acts: list[tuple[str, int]]) -> Book:
    play, waiting = Play(terms), list(enumerate(all_news))
    for number, (what, line) in enumerate(acts):
        act(play, what, line, waiting, number)
    return play.book


def cut(items: list[dict[str, Any]], group: str, cuts: list[int]) -> list[Statement]:
    made: list[Statement] = []
    point = Point(group)
    for end in [*sorted(each for each in cuts if each <= len(items)), None]:
        made.append(statement(point, items, to_seq=end))
        point = made[-1].closing
    return made


@given(resolutions(), news(), ACTS, st.lists(st.integers(0, 20), max_size=3))
def test_i21_i22_opening_and_lines_are_the_closing_and_the_last_one_is_the_ledger(
    terms: dict[str, Resolution], all_news: list[News], acts: list[tuple[str, int]], cuts: list[int]
) -> None:
    book = lived(terms, all_news, acts)
    for group in GROUPS:
        items = book.of(group)
        made = cut(items, group, cuts)
        for before, after in zip(made, made[1:], strict=False):
            ties(before, after)
        for each in made:
            opening, closing = each.opening.standing, each.closing.standing
            for name in opening:
                lines = sum(moved.get(name, 0) for moved in each.moves.values())
                assert opening[name] + lines == closing[name], "I21"
            heads = ledger_heads(each)
            assert sum(line.debit_paise - line.credit_paise for line in heads) == 0
        assert made[-1].closing == Point.of_head(book.heads.get(group, Head(group))), "I22"
        assert [line.seq for each in made for line in each.lines] == [item["seq"] for item in items]


@given(resolutions(), news(), ACTS)
def test_the_worked_path_adds_up_to_its_entry_to_the_paisa(
    terms: dict[str, Resolution], all_news: list[News], acts: list[tuple[str, int]]
) -> None:
    book = lived(terms, all_news, acts)
    for group in GROUPS:
        items = {item["seq"]: item for item in book.of(group)}
        for line in statement(Point(group), items.values()).orders:
            own = sum(
                -posting["amount_paise"]
                for posting in items[line.seq]["postings"]
                if posting["account"].split(":")[0] in ("group_held", "group_payable", "group_debt")
            )
            assert line.share_paise == own
            assert line.share_paise == sum(line.moved.get(name, 0) for name in SHARE) - line.moved.get(DEBT, 0)


@given(resolutions(), news(), ACTS)
def test_ages_and_taxes_add_up_to_the_ledger(
    terms: dict[str, Resolution], all_news: list[News], acts: list[tuple[str, int]]
) -> None:
    book = lived(terms, all_news, acts)
    entries = list(book.entries.values())
    sums: dict[tuple[str, str], int] = {}
    for lot in registers.lots(entries):
        assert lot.amount_paise > 0
        sums[lot.group_id, lot.where] = sums.get((lot.group_id, lot.where), 0) + lot.amount_paise
    aged = {
        (each.group_id, each.where): each.total_paise
        for each in registers.ageing(registers.lots(entries), "2027-02-01")
    }
    assert aged == sums
    for group in GROUPS:
        stands = Point.of_head(book.heads.get(group, Head(group))).standing
        for name in (HELD, PAYABLE, ON_THE_WAY):
            assert sums.get((group, name), 0) == stands[name], name
    balances, rows = book.balances(), registers.tax_register(entries)
    assert sum(row.output_gst_paise for row in rows) == -balances.get("output_gst", 0)
    assert sum(row.tcs_paise for row in rows) == balances.get("tcs_receivable", 0)
    assert sum(row.tds_paise for row in rows) == balances.get("tds_receivable", 0)
    assert sum(row.gst_on_fees_paise for row in rows) == balances.get("gst_input_fees", 0)
