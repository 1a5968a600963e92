"""What accountants and the mission take away: books read to their end, and orders as their facts state them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from beancount import loader
from beancount.core.data import Balance, Open

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import payout
from hunar.domain.facts import MARKETPLACE, Cancelled, Fact, Held, Placed, Resolved, Step
from hunar.domain.mission_sheet import Unknown
from hunar.domain.money import Rupees
from hunar.domain.registers import PAYABLE, lots
from hunar.domain.workbook_file import Cell
from hunar.ports import Page, Put
from hunar.tables import Table
from hunar.use_cases import exports
from tests.book import SALE
from tests.statements import demo_book, stored
from tests.till import Till

SHEET = dict[str, Sequence[Sequence[Cell]]]


class FewAtATime(MemoryStore):
    """A store whose pages have two items, so that whoever forgets to read on misses the third."""

    def page(self, table: Table, partition: str, **asked: object) -> Page:
        return super().page(table, partition, **{**asked, "limit": 2})  # type: ignore[arg-type]


def settlement_header(till: Till, settlement_id: str) -> None:
    """As whoever takes a settlement writes it."""
    item = {"marketplace": "flipkart", "account": "demo", "settlement_id": settlement_id, "version": 1}
    till.store.commit([Put(tables.settlement("flipkart", "demo", settlement_id), item)])


@pytest.fixture
def till() -> Till:
    """Two groups that sold, an advertisement that is the agency's, and a sale that nobody knows."""
    till = Till(store=FewAtATime())
    for group_id in ("G03", "G04", "G05"):
        till.group(group_id)
    for number, group_id in enumerate(("G03", "G03", "G03", "G04"), 1):
        till.sell(f"OD-{number}", f"I-{number}", group_id=group_id)
        till.settle(till.line(SALE, f"I-{number}", order_id=f"OD-{number}"))
    till.settle(till.line({"other:advertising": -5_000}, None, order_id=None))
    till.settle(till.line(SALE, "I-9", order_id="OD-9", settlement_id="NEFT-2"))
    settlement_header(till, "NEFT-1")
    settlement_header(till, "NEFT-2")
    return till


def test_the_text_has_every_account_also_the_agencys_own_and_loads_without_an_error(till: Till) -> None:
    entries, errors, _ = loader.load_string(exports.text_of_books(till.store, "Demo"))
    assert errors == []
    names = {entry.account: entry.meta["account"] for entry in entries if isinstance(entry, Open)}
    told = {names[entry.account]: int(entry.amount.number * 100) for entry in entries if isinstance(entry, Balance)}
    assert {account: paise for account, paise in told.items() if paise} == till.balances()
    assert {"suspense", "group_held:G04"} <= told.keys()


def test_a_month_has_its_taxes_and_no_other_ones(till: Till) -> None:
    rows = exports.registers(till.store, "2026-12")
    assert sum(row.tcs_paise for row in rows) == till.balances()["tcs_receivable"]
    assert sum(row.output_gst_paise for row in rows) == -till.balances()["output_gst"]
    assert exports.registers(till.store, "2026-11") == ()


def test_money_is_as_old_as_the_books_say(till: Till) -> None:
    found = exports.lots_now(till.store)
    assert sum(lot.amount_paise for lot in found if lot.group_id == "G03") == -till.head()["group_held:G03"]
    assert {lot.group_id for lot in found} == {"G03", "G04"}


# the mission officer's sheet


def known(till: Till, name: str, group_id: str, *more: Fact, units: int = 1, **placed: object) -> None:
    usual = {"at": "2026-11-10T10:00:00Z", "sold_at": "2026-11-10T10:00:00Z", "ship_by": "2026-11-12T12:00:00Z"}
    said = {**usual, "unit_price_paise": 10_000, "price_problem": None, "listing": "TOTE", "quantity": units, **placed}
    resolved = Resolved(name, "TOTE", group_id, "GROUP_PACKS", "SALE_SHARE", 1, "4202", None)
    till.know(f"flipkart:demo:{name}", Placed(line_id=name, **said), resolved, *more)  # type: ignore[arg-type]


def on_board(till: Till) -> None:
    for number, (key, order) in enumerate(sorted(till.store.everything().items())):
        if key.table is Table.ORDERS and key.sk == "ORDER":
            place = {"board_pk": "ENDED" if number % 2 else "OPEN", "board_sk": order["order_ref"]}
            till.store.commit([Put(key, order | place)])


def sheets(till: Till, first: str = "2026-11-01", last: str = "2026-11-30") -> SHEET:
    on_board(till)
    return dict(exports.mission(till.store, first, last).sheets)


def summary(made: SHEET) -> dict[Cell, Cell]:
    return {row[0]: row[1] for row in made["Summary"][1:]}


@pytest.fixture
def groups() -> Till:
    till = Till(store=FewAtATime())
    for group_id, city, women in (("G01", "Bhagalpur", 12), ("G02", "Gorakhpur", 10), ("G03", "Kolkata", None)):
        item = {"group_id": group_id, "name": f"name of {group_id}", "city": city, "policies": []}
        till.store.commit([Put(tables.group(group_id), item | ({"women": women} if women else {}))])
    return till


def test_sales_are_what_stayed_sold_on_days_of_india(groups: Till) -> None:
    known(groups, "A", "G01", Cancelled("A", "2026-11-11T00:00:00Z", 1, "BUYER", ""), units=3)
    known(groups, "B", "G01", sold_at="2026-11-30T18:29:00Z")
    known(groups, "C", "G01", sold_at="2026-11-30T18:30:00Z")
    known(groups, "D", "G02", sold_at="2026-10-31T18:30:00Z")
    known(groups, "E", "G02", Cancelled("E", "2026-11-11T00:00:00Z", 1, "BUYER", ""))
    made = sheets(groups)
    told = summary(made)
    assert (told["Units sold"], told["Sales with tax, Rs"], told["Groups without sales"]) == (4, Rupees(40_000), 1)
    assert [row[1] for row in made["Without sales"][1:]] == ["G03"]


def test_on_time_is_what_left_before_its_time_and_what_nobody_may_send_is_not_counted(groups: Till) -> None:
    known(groups, "A", "G01", Step("picked_up", "2026-11-12T12:00:00Z"))
    known(groups, "B", "G01", Step("picked_up", "2026-11-12T12:00:01Z"))
    known(groups, "C", "G01")
    known(groups, "D", "G01", Held("D", "2026-11-11T00:00:00Z", None))
    known(groups, "E", "G01", Cancelled("E", "2026-11-11T00:00:00Z", 1, "BUYER", ""))
    known(groups, "F", "G01", fulfilled_by=MARKETPLACE)
    known(groups, "G", "G01", ship_by="2026-12-01T12:00:00Z")
    told = summary(sheets(groups))
    assert (told["Orders due"], told["Handed over on time"], told["On time, %"]) == (3, 1, 33)


def test_units_without_a_price_are_told(groups: Till) -> None:
    known(groups, "A", "G01", units=2, unit_price_paise=None)
    on_board(groups)
    found = exports.mission(groups.store, "2026-11-01", "2026-11-30")
    assert found.unpriced == 2


def test_women_are_those_of_groups_whose_money_arrived_and_stayed(groups: Till) -> None:
    book = demo_book()
    groups.store.commit(
        [Put(tables.group("G03"), {"group_id": "G03", "name": "Roshni", "city": "Kolkata", "women": 15})]
    )
    stored(book, groups.store)
    made = sheets(groups, "2026-12-01", "2026-12-31")
    told = summary(made)
    [arrived] = [entry for entry in book.of("G03") if entry["kind"] == "ARRIVED"]
    paid = -next(one["amount_paise"] for one in arrived["postings"] if one["account"] == "bank")
    assert (told["Women in groups that were paid"], told["Paid into groups' accounts, Rs"]) == (15, Rupees(paid))
    assert summary(sheets(groups, "2026-12-19", "2026-12-31"))["Women in groups that were paid"] == 0


def test_a_group_that_was_paid_and_was_not_counted_is_told(groups: Till) -> None:
    stored(demo_book(), groups.store)
    assert exports.mission(groups.store, "2026-12-01", "2026-12-31").uncounted == ("G03",)
    assert exports.mission(groups.store, "2026-11-01", "2026-11-30").uncounted == ()


def test_what_the_bank_took_back_later_was_not_paid(groups: Till) -> None:
    book = demo_book()
    head = book.head("G03")
    transit = head.owed("payout_in_transit:B-2027-01:G03")
    came = payout.arrived(head, "B-2027-01", utr="U2", at="2027-01-16T05:00:00Z")
    book.put(came)
    book.put(payout.came_back(book.head("G03"), came, reference="R2", at="2027-01-20T05:00:00Z"))
    stored(book, groups.store)
    assert transit > 0
    assert summary(sheets(groups, "2027-01-15", "2027-01-19"))["Paid into groups' accounts, Rs"] == Rupees(transit)
    assert summary(sheets(groups, "2027-01-15", "2027-01-20"))["Paid into groups' accounts, Rs"] == Rupees(0)


def test_unpaid_money_is_as_old_as_on_the_last_day(groups: Till) -> None:
    """The first payout is on its way from 15 December and came back on the 16th; what was not yet is left out."""
    book = demo_book()
    stored(book, groups.store)
    early = [entry for entry in book.of("G03") if entry["occurred_at"] < "2026-12-15"]
    payable = sum(lot.amount_paise for lot in lots(early) if lot.where == PAYABLE)
    assert payable > 0
    assert summary(sheets(groups, "2026-12-01", "2026-12-14"))["Unpaid for more than 15 days, Rs"] == Rupees(0)
    late = summary(sheets(groups, "2026-12-01", "2027-02-28"))["Unpaid for more than 15 days, Rs"]
    assert late == Rupees(sum(lot.amount_paise for lot in lots(book.of("G03")) if lot.where != "held"))


def test_an_order_that_ends_while_they_are_read_counts_once(groups: Till) -> None:
    known(groups, "A", "G01")
    on_board(groups)
    store = groups.store
    key = tables.order("flipkart:demo:A")

    class Moves(MemoryStore):
        def page(self, table: Table, partition: str, **asked: object) -> Page:
            found = store.page(table, partition, **asked)  # type: ignore[arg-type]
            if partition in ("OPEN", "ENDED"):
                store.commit([Put(key, store.read([key])[key] | {"board_pk": "ENDED"})])
            return found

    store.commit([Put(key, store.read([key])[key] | {"board_pk": "OPEN"})])
    found = exports.mission(Moves(), "2026-11-01", "2026-11-30")
    assert summary(dict(found.sheets))["Units sold"] == 1


def test_an_order_of_a_group_that_is_not_registered_is_an_error(groups: Till) -> None:
    known(groups, "A", "G77")
    with pytest.raises(Unknown, match="G77"):
        sheets(groups)


def test_nothing_of_a_person_is_in_it(groups: Till) -> None:
    known(groups, "A", "G01")
    contact = {"group_id": "G01", "slot": "leader", "name": "Savitri", "phone": "+919999900011"}
    groups.store.commit([Put(tables.contact("G01", "leader"), contact)])
    assert "Savitri" not in str(sheets(groups)) and "99999" not in str(sheets(groups))
