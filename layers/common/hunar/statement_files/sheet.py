"""What stands on a statement, in the words of the group's language: sections of rows, for paper and workbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hunar.domain import group_books, statement
from hunar.domain.ledger import ARRIVED, MERGED, PAID_OUT
from hunar.domain.members import Suggested
from hunar.domain.money import Rupees, grouped
from hunar.domain.payout import TAKEN_BACK
from hunar.domain.rate_card import day_of_sale
from hunar.domain.statement import Debt, Statement, Step, Worked
from hunar.domain.workbook_file import Cell
from hunar.statement_words import Words


class Weight(StrEnum):
    """How a row stands out."""

    HEAD = "head"
    PLAIN = "plain"
    SUM = "sum"


@dataclass(frozen=True)
class Row:
    cells: tuple[Cell, ...]
    weight: Weight = Weight.PLAIN


@dataclass(frozen=True)
class Section:
    title: str
    widths: tuple[int, ...]
    """Parts of the page's width, one for each column."""
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Sheet:
    """A statement with what its book does not say."""

    statement: Statement
    words: Words
    agency: str
    group: str
    """Their names."""
    suggested: Suggested | None = None
    """How members could share what arrived; None when the group gave no list of them."""


CHAIN_SHOWN: Final = 12
"""Letters of a hash that are enough to lay two sheets side by side."""


def day(at: str) -> str:
    """A moment's day in India as India writes it: 04-12-2026."""
    return date.fromisoformat(day_of_sale(at)).strftime("%d-%m-%Y")


def heading(sheet: Sheet) -> tuple[Row, ...]:
    """What stands above the sections: whose it is, its number, and between which hashes of the book it lies."""
    words, of = sheet.words, sheet.statement
    chain = f"{of.opening.chain[:CHAIN_SHOWN] or '-'} … {of.closing.chain[:CHAIN_SHOWN] or '-'}"
    period = f"{day(of.first_at)} – {day(of.last_at)}" if of.first_at else "-"
    return (
        Row((words["group"], f"{sheet.group} ({of.group_id})")),
        Row((words["number"], f"{of.number} / {chain}")),
        Row((words["period"], period)),
    )


def sections(sheet: Sheet) -> tuple[Section, ...]:
    """All sections that have something to say, in the order in which they are read."""
    made = (
        _payments(sheet),
        _balances(sheet),
        _orders(sheet),
        _released(sheet),
        _debts(sheet),
        _cash_book(sheet),
        _ledger(sheet),
        *_split(sheet),
    )
    return tuple(section for section in made if section.rows)


def _payments(sheet: Sheet) -> Section:
    words = sheet.words
    rows = []
    for line in sheet.statement.payments:
        account = f"{words['account']} {line.last_four}" if line.last_four else ""
        # What a payout was sent back by is no UTR, and what the agency took back itself has no reference of a bank.
        reference = "" if line.reference in TAKEN_BACK else line.reference
        if line.kind == ARRIVED:
            reference = f"UTR {line.reference}"
        what = words[line.kind.lower()]
        rows.append(Row((day(line.occurred_at), what, account, reference, Rupees(line.amount_paise))))
    return Section(words["payments"], (13, 26, 25, 21, 15), tuple(rows))


def _balances(sheet: Sheet) -> Section:
    words, of = sheet.words, sheet.statement
    rows: list[Row] = []
    opening, closing = of.opening.standing, of.closing.standing
    for name in statement.BALANCES.values():
        moves = [(kind, moved[name]) for kind, moved in of.moves.items() if moved.get(name)]
        if not (opening[name] or closing[name] or moves):
            continue
        rows.append(Row((words[name], None), Weight.HEAD))
        rows.append(Row((words["opening"], Rupees(opening[name]))))
        for kind, paise in moves:
            # A payout takes from what is payable for the bank, and for what it sets against a debt.
            against = of.moves[kind].get(statement.DEBT, 0) if kind == PAID_OUT else 0
            if against and name in (statement.PAYABLE, statement.DEBT):
                rows.append(Row((words["recovered"], Rupees(against))))
                paise -= against
            if paise:
                rows.append(Row((_what(words, kind), Rupees(paise))))
        rows.append(Row((words["closing"], Rupees(closing[name])), Weight.SUM))
    return Section(words["balances"], (75, 25), tuple(rows))


def _what(words: Words, kind: str) -> str:
    """What an entry of a kind did to a balance."""
    return words["moved" if kind == MERGED else kind.lower()]


def _orders(sheet: Sheet) -> Section:
    words = sheet.words
    rows: list[Row] = []
    for line in sheet.statement.orders:
        whose = (
            f"{words['order']} {_order(line.order_ref)} / {line.line_id}" if line.order_ref else _between(words, line)
        )
        rows.append(Row((day(line.occurred_at), whose, None), Weight.HEAD))
        rows += [Row(("", _step(words, step), Rupees(step.amount_paise))) for step in line.steps]
        rows.append(Row(("", words["share"], Rupees(line.share_paise)), Weight.SUM))
    return Section(words["orders"], (13, 67, 20), tuple(rows))


def _between(words: Words, line: Worked) -> str:
    """What came or went when a group joined another: from which group to which, and by which minutes."""
    said = line.source
    return f"{words['moved']}: {said['from']} > {said['into']} ({said['minutes']})"


def _step(words: Words, step: Step) -> str:
    label = words["refund" if step.kind == statement.PRICE and step.amount_paise < 0 else step.kind]
    if step.kind == statement.MARKETPLACE_FEE:
        known = step.code in FEES
        label += f": {words[step.code] if known else step.code.replace('_', ' ')}"
    if step.bears:
        amount = f" {grouped(step.taken_paise)}" if step.taken_paise else ""
        label += f"{amount} ({words[step.bears]})"
    return label


FEES: Final = (
    *("commission", "fixed_fee", "collection_fee", "shipping_fee", "reverse_shipping_fee", "pick_and_pack_fee"),
    *("closing_fee", "technology_fee", "product_cancellation_fee"),
)
"""The fees that have a word; another is shown by its code."""


def _released(sheet: Sheet) -> Section:
    rows = (
        Row((day(line.occurred_at), f"{_order(line.order_ref)} / {line.line_id}", Rupees(line.amount_paise)))
        for line in sheet.statement.released
    )
    return Section(sheet.words["released"], (13, 67, 20), tuple(rows))


def _debts(sheet: Sheet) -> Section:
    words = sheet.words
    rows = (
        Row((day(line.occurred_at), _owes(words, line), Rupees(line.amount_paise))) for line in sheet.statement.debts
    )
    return Section(words["debt"], (13, 67, 20), tuple(rows))


def _owes(words: Words, line: Debt) -> str:
    if line.order_ref:
        return _order(line.order_ref)
    # Of what a payout recovers, the payout says more than its kind; what the bank paid twice is told as it came.
    what = words["recovered"] if line.kind == PAID_OUT else _what(words, line.kind)
    return f"{what}: {line.batch}" if line.batch else what


def _order(order_ref: str) -> str:
    return order_ref.rpartition(":")[2]


def _cash_book(sheet: Sheet) -> Section:
    words = sheet.words
    head = Row(("", sheet.agency, words["received"], words["paid"]), Weight.HEAD)
    rows = [
        Row(
            (
                _day(line.day),
                f"UTR {line.reference}",
                Rupees(line.received_paise) if line.received_paise else None,
                Rupees(line.paid_paise) if line.paid_paise else None,
            )
        )
        for line in group_books.cash_book(sheet.statement)
    ]
    return Section(f"{words['copy']}: {words['cash_book']}", (13, 47, 20, 20), (head, *rows) if rows else ())


def _ledger(sheet: Sheet) -> Section:
    words = sheet.words
    names = {group_books.MARKETPLACE_FEES: "fee", group_books.AGENCY_FEES: "agency_fee"}
    head = Row(("", words["debit"], words["credit"]), Weight.HEAD)
    rows = [
        Row(
            (
                words[names.get(line.head, line.head)],
                Rupees(line.debit_paise) if line.debit_paise else None,
                Rupees(line.credit_paise) if line.credit_paise else None,
            )
        )
        for line in group_books.ledger_heads(sheet.statement)
    ]
    return Section(f"{words['copy']}: {words['ledger']}", (60, 20, 20), (head, *rows) if rows else ())


def _split(sheet: Sheet) -> Sequence[Section]:
    words, found = sheet.words, sheet.suggested
    title = f"{words['split']} – {words['passbook']}"
    if not sheet.statement.arrived_paise:
        return ()
    if found is None:
        return (Section(title, (95, 5), (Row((words["no_members"], None)),)),)
    on = day(sheet.statement.last_at)
    rows = [Row((on, line.member, Rupees(line.amount_paise))) for line in group_books.passbook(found.shares, on)]
    if found.group_paise:
        rows.append(Row(("", words["fund"], Rupees(found.group_paise))))
    if found.undivided_paise:
        rows.append(Row(("", words["undivided"], Rupees(found.undivided_paise))))
    return (Section(title, (13, 67, 20), tuple(rows)),)


def _day(iso: str) -> str:
    return date.fromisoformat(iso).strftime("%d-%m-%Y")
