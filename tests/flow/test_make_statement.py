"""Statements of a group one after the other: what is given out has no gap and no overlap, whoever looks in between."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pypdfium2
import pytest
from openpyxl import load_workbook

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain.bank_file import Status
from hunar.domain.statement import Broken, ties
from hunar.ports import Conflict, Put, Rejected
from hunar.statement_files.pdf import pdf
from hunar.statement_files.sheet import Sheet, sections
from hunar.statement_files.xlsx import xlsx
from hunar.statement_words import words
from hunar.tables import Item, Key
from hunar.use_cases.make_statement import Made, NoBook, TooLong, keep, make, shown
from tests.book import SALE as PRICE
from tests.book import Known, Row, line_facts
from tests.paydesk import PayDesk, answer
from tests.statements import demo_book, demo_statement, stored

NOW = "2027-01-20T06:00:00Z"
BOOK = demo_book()
LAST = BOOK.heads["G03"].seq


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.commit([Put(tables.group("G03"), {"group_id": "G03", "name": "Roshni", "locale": "bn"})])
    made.commit([Put(tables.agency(), {"name": "Demo City Livelihood Centre"})])
    stored(BOOK, made)
    return made


def given_out(store: MemoryStore, **asked: Any) -> Made:
    made = make(store, "G03", **asked)
    keep(store, made, now=NOW)
    return made


def sells_again(store: MemoryStore) -> int:
    """One entry more. Returns how many there are now."""
    book = demo_book()
    book.settle(book.learn(Known(line_facts(ref="flipkart:demo:S-9"), [Row("s9", PRICE, "2027-01-18T00:00:00Z")])))
    stored(book, store)
    return book.heads["G03"].seq


def test_the_first_one_is_the_whole_book_and_says_whose_it_is(store: MemoryStore) -> None:
    made = make(store, "G03")
    assert made.statement.closing == demo_statement().closing
    assert (made.statement.opening.seq, made.agency, made.group["locale"]) == (0, "Demo City Livelihood Centre", "bn")


def test_looking_takes_nothing_from_the_paper(store: MemoryStore) -> None:
    before = store.everything()
    make(store, "G03", to_seq=3)
    make(store, "G03", from_seq=2)
    assert store.everything() == before


def test_statements_that_are_given_out_follow_each_other(store: MemoryStore) -> None:
    first, second = given_out(store, to_seq=4), given_out(store, to_seq=9)
    end = sells_again(store)
    third = given_out(store)
    found = [made.statement for made in (first, second, third)]
    assert [(one.opening.seq, one.closing.seq) for one in found] == [(0, 4), (4, 9), (9, end)]
    for before, after in zip(found, found[1:], strict=False):
        ties(before, after)


def test_the_kept_place_is_exactly_where_it_ended(store: MemoryStore) -> None:
    made = given_out(store, to_seq=4)
    [kept] = store.read([tables.statement("G03", 4)]).values()
    assert kept == made.statement.closing.item() | {"from_seq": 0, "made_at": NOW}
    # What is kept is only a short cut: from the beginning it is the same.
    straight = make(store, "G03", from_seq=3, to_seq=6).statement.opening
    assert straight.seq == 3 and straight.balances
    assert make(store, "G03", from_seq=4).statement.opening == made.statement.closing


def test_the_next_one_costs_its_own_entries_and_no_earlier_ones(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_out(store, to_seq=9)
    read: list[Key] = []
    real = store.read

    def watched(keys: Iterable[Key]) -> dict[Key, Item]:
        asked = list(keys)
        read.extend(asked)
        return real(asked)

    monkeypatch.setattr(store, "read", watched)
    make(store, "G03")
    entries = [key.sk for key in read if key.sk.startswith(tables.BOOK_ENTRIES)]
    assert entries == [tables.book_entry("G03", number).sk for number in range(10, LAST + 1)]


def test_without_news_the_last_one_is_made_again_and_nothing_is_kept_anew(store: MemoryStore) -> None:
    first = given_out(store)
    before = store.everything()
    again = given_out(store)
    assert (again.statement, again.statement.number) == (first.statement, f"G03-1-{LAST}")
    assert store.everything() == before


def test_an_older_one_is_found_by_its_end(store: MemoryStore) -> None:
    given_out(store, to_seq=4)
    given_out(store, to_seq=9)
    assert make(store, "G03", to_seq=4).statement.number == "G03-1-4"
    assert make(store, "G03", to_seq=9).statement.number == "G03-5-9"
    with pytest.raises(Rejected, match="to: no statement that was given out ended with entry 6"):
        make(store, "G03", to_seq=6)


def test_a_piece_of_the_past_is_not_noted(store: MemoryStore) -> None:
    given_out(store, to_seq=4)
    before = store.everything()
    given_out(store, from_seq=2, to_seq=8)
    given_out(store, from_seq=7)
    assert store.everything() == before


def test_two_who_give_out_at_once_do_not_overlap(store: MemoryStore) -> None:
    slow, quick = make(store, "G03"), make(store, "G03", to_seq=5)
    assert keep(store, quick, now=NOW)
    with pytest.raises(Conflict):
        keep(store, slow, now=NOW)
    assert given_out(store).statement.number == f"G03-6-{LAST}"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"to_seq": LAST + 1}, f"to: the book of G03 ends with entry {LAST}"),
        ({"from_seq": LAST}, f"from: there is no entry behind {LAST}"),
        ({"from_seq": 5, "to_seq": 5}, "from: there is no entry behind 5 up to 5"),
        ({"from_seq": 9, "to_seq": 5}, "from: there is no entry behind 9 up to 5"),
    ],
)
def test_numbers_that_cannot_be_are_named(store: MemoryStore, asked: dict[str, int], told: str) -> None:
    with pytest.raises(Rejected, match=told):
        make(store, "G03", **asked)


def test_a_group_that_is_not_there_and_one_without_a_book(store: MemoryStore) -> None:
    with pytest.raises(NoBook, match="G99: there is no such group"):
        make(store, "G99")
    store.commit([Put(tables.group("G04"), {"group_id": "G04", "name": "Usha", "locale": "hi"})])
    with pytest.raises(NoBook, match="G04: nothing was booked"):
        make(store, "G04")


def test_one_that_is_too_long_says_where_it_could_end(store: MemoryStore) -> None:
    given_out(store, to_seq=2)
    with pytest.raises(TooLong, match=f"{LAST - 2} entries; .* 3 here: end it earlier with to=5"):
        make(store, "G03", most=3)
    assert make(store, "G03", most=3, to_seq=5).statement.closing.seq == 5


def test_a_book_that_was_changed_gives_no_statement(store: MemoryStore) -> None:
    key = tables.book_entry("G03", 5)
    entry = store.read([key])[key]
    [first, *rest] = entry["postings"]
    store.commit([Put(key, entry | {"postings": [first | {"amount_paise": first["amount_paise"] + 1}, *rest]})])
    with pytest.raises(Broken, match="entry 5 of G03 is not what was posted"):
        make(store, "G03")
    store.commit([Put(key, None)])
    with pytest.raises(Broken, match="entry 5 is missing"):
        make(store, "G03")


def test_a_head_that_says_otherwise_gives_no_statement(store: MemoryStore) -> None:
    head = BOOK.heads["G03"].item()
    store.commit([Put(tables.book("G03"), head | {"balances": head["balances"] | {"group_fund:G03": -1}})])
    with pytest.raises(Broken, match=f"the head of G03 is not what its {LAST} entries amount to"):
        make(store, "G03")
    assert make(store, "G03", to_seq=LAST - 1).statement.closing.seq == LAST - 1


def test_as_a_document_its_sums_add_up(store: MemoryStore) -> None:
    given_out(store, to_seq=3)
    told = shown(make(store, "G03"))
    assert (told["from"], told["to"], told["given_out_to"]) == (3, LAST, 3)
    opening, closing = told["opening"]["balances"], told["closing"]["balances"]
    for name, paise in closing.items():
        assert paise == opening[name] + sum(moved.get(name, 0) for moved in told["moves"].values())
    for order in told["orders"]:
        assert order["share_paise"] == sum(step["amount_paise"] for step in order["steps"])
    assert len(told["orders"]) + len(told["released"]) + len(told["payments"]) == LAST - 3


# what a batch and the group's list of members add


DAY = "2026-12-{:02}T06:00:00Z"


def paid_twice() -> PayDesk:
    """Two payouts of a group a week apart, to an account ending in 0177 and to another one."""
    desk = PayDesk()
    desk.group("G03", paise=10_000)
    desk.store.commit([Put(tables.agency(), {"name": "Demo City Livelihood Centre"})])
    desk.filed("B-1").bank(answer(desk.rows("B-1")["G03"]), batch_id="B-1")
    desk.now = DAY.format(22)
    desk.earn("G03", 5_001, at=DAY.format(20))
    desk.filed("B-2").bank(answer(desk.rows("B-2")["G03"]), batch_id="B-2")
    return desk


def weights(*rows: tuple[str, int, str, str]) -> Put:
    items = [{"member": member, "weight": weight, "from": since, "to": to} for member, weight, since, to in rows]
    return Put(tables.members("G03"), {"group_id": "G03", "members": items})


def test_each_payment_names_the_last_four_digits_of_the_account_it_went_to() -> None:
    desk = paid_twice()
    payments = make(desk.store, "G03").statement.payments
    assert [(line.kind, line.last_four) for line in payments] == [("PAID_OUT", "0177"), ("ARRIVED", "0177")] * 2
    told = shown(make(desk.store, "G03"))["payments"]
    assert {line["last_four"] for line in told} == {"0177"}
    # Of a payment that the statement before sent off, too.
    [alone] = make(desk.store, "G03", from_seq=desk.head("G03").seq - 1).statement.payments
    assert (alone.kind, alone.last_four) == ("ARRIVED", "0177")


def test_without_a_list_of_members_nothing_is_suggested_and_the_sheet_says_how_to_give_one() -> None:
    desk = paid_twice()
    made = make(desk.store, "G03")
    assert made.suggested is None and shown(made)["split"] is None
    said = Sheet(made.statement, words("en"), made.agency, made.group["name"], made.suggested)
    assert [row.cells[0] for row in sections(said)[-1].rows] == [words("en")["no_members"]]


def test_each_payment_is_shared_by_the_days_between_the_payout_before_and_its_own() -> None:
    desk = paid_twice()
    # The first pays what was made up to the 15th, the second what was made from the 16th to the 22nd.
    desk.store.commit([weights(("Asha", 1, "2026-04-01", ""), ("Meena", 1, "2026-12-16", "2026-12-21"))])
    split = shown(make(desk.store, "G03"))["split"]
    theirs = {one["member"]: one["amount_paise"] for one in split["shares"]}
    # Of 50.01 Asha has 7 of 13 days: 26.93 and a paisa less than a half.
    assert theirs == {"Asha": 10_000 + 2_693, "Meena": 2_308}
    assert sum(theirs.values()) == make(desk.store, "G03").statement.arrived_paise
    # The second one alone is shared as it is in both.
    second = make(desk.store, "G03", from_seq=3)
    assert second.suggested is not None and second.suggested.shares == {"Asha": 2_693, "Meena": 2_308}


def test_what_the_bank_takes_back_is_taken_from_those_who_had_it() -> None:
    desk = paid_twice()
    desk.store.commit([weights(("Asha", 2, "2026-04-01", ""), ("Meena", 1, "2026-12-01", ""))])
    before = make(desk.store, "G03").suggested
    end = desk.head("G03").seq
    desk.bank(answer(desk.rows("B-2")["G03"], Status.RETURNED), batch_id="B-2")
    back = make(desk.store, "G03", from_seq=end)
    assert back.statement.arrived_paise == -5_001
    assert before is not None and back.suggested is not None
    assert back.suggested.shares == {"Asha": -3_334, "Meena": -1_667}
    assert sum(before.shares.values()) == 15_001


def test_the_workbook_and_the_pdf_show_who_gets_what_of_it() -> None:
    desk = paid_twice()
    desk.store.commit([weights(("Asha", 1, "2026-04-01", ""), ("Meena", 1, "2026-04-01", ""))])
    made = make(desk.store, "G03")
    sheet = Sheet(made.statement, words("en"), made.agency, made.group["name"], made.suggested)
    rows = [cell.value for row in load_workbook(io.BytesIO(xlsx(sheet))).worksheets[0].iter_rows() for cell in row]
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf(sheet)))
    for said in ("Asha", "Meena", "Account ending in 0177"):
        assert said in rows and said in text
    assert "The group decides" in text and 75.01 in rows
