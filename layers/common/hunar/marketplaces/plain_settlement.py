"""A settlement of any other channel: a CSV whose columns are named as docs/settlement-files.md lists them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from hunar.domain import settlement
from hunar.domain.amounts import Order, stated_order
from hunar.domain.money import rupees
from hunar.domain.settlement import FEE, OTHER, Kind, SettlementFile, SettlementLine
from hunar.domain.spreadsheet import read_lines
from hunar.domain.workbook import MOST_BYTES
from hunar.marketplaces.settlement_rows import (
    SELLER_COLUMNS,
    Moved,
    Read,
    Report,
    Row,
    check_sellers,
    heading,
    heads,
    orders_shown,
    said,
    text_rows,
)

MARKETPLACE: Final = "standard"
SHAPE: Final = "plain-settlement"

BANK: Final = "bank_value"
_DAYS: Final = ("posted_at", "paid_at")
_REQUIRED: Final = ("settlement_id", "order_id", "posted_at", BANK)
_WORDS: Final = (*_REQUIRED, "item_id", "listing", "kind", "quantity", "paid_at", "reference", "note")
_MONEY: Final = tuple(sorted(settlement.HEADS))
_OPEN: Final = re.compile(rf"(?:{FEE}|{OTHER})[a-z0-9_]+")


def read(
    raw: bytes, account: str, *, file: str = "", sellers: Collection[str] = (), marketplace: str = MARKETPLACE
) -> SettlementFile:
    """The lines of a plain settlement of ``marketplace``, or what is wrong with it.

    ``sellers`` are the ids and GSTINs of the account; a file that names another one is refused.
    """
    report = Report(file)
    lines, problems = read_lines(file, raw) if len(raw) <= MOST_BYTES else ([], [])
    report.findings += problems
    if len(raw) > MOST_BYTES:
        report.wrong(f"has {len(raw) >> 20} MB; {MOST_BYTES >> 20} MB are read at most")
    elif not problems and not lines:
        report.wrong("is empty: the first row must name the columns")
    if report.findings:
        return report.result(marketplace, account, SHAPE)
    names = [_name(cell) for cell in lines[0].cells]
    shown = heading(report, 1, names, lines[0].cells, _REQUIRED)
    for name, cell in zip(names, lines[0].cells, strict=True):
        if (
            name not in (*_WORDS, *_MONEY)
            and not _OPEN.fullmatch(name)
            and name.replace("_", " ") not in SELLER_COLUMNS
        ):
            report.wrong(f"is an unknown column; known are {', '.join((*_WORDS, *_MONEY))}, fee:… and other:…", 1, cell)
    if shown is None or report.findings:
        return report.result(marketplace, account, SHAPE)
    texts = [dict(zip(names, line.cells, strict=False)) for line in lines[1:]]
    orders: dict[str, Order | None] = {}
    for column in _DAYS:  # People write them: what one column shows says nothing of the other.
        orders |= orders_shown(report, [column], texts, shown)
    rows = text_rows(report, lines[1:], shown, orders)
    check_sellers(report, rows, [name for name in shown if name.replace("_", " ") in SELLER_COLUMNS], sellers)
    money = [name for name in shown if name in _MONEY or _OPEN.fullmatch(name)]
    return report.result(marketplace, account, SHAPE, [_line(row, marketplace, account, money) for row in rows])


def _name(cell: str) -> str:
    name = cell.lower()
    return re.sub(r" ?\(.*\)$", "", name) if stated_order(name) else name


def _line(row: Row, marketplace: str, account: str, money: list[str]) -> Read:
    settlement_id, order_id = row.identifier("settlement_id"), row.identifier("order_id")
    if settlement_id is None and not row.text("settlement_id"):
        row.wrong("settlement_id", "is empty")
    posted = row.moment("posted_at")
    if posted is None and not row.text("posted_at"):
        row.wrong("posted_at", "is empty")
    moved: list[Moved] = [(name, name, row.amount(name)) for name in money]
    total = heads(*((head, paise) for _, head, paise in moved))
    bank, come_to = row.needed(BANK), sum(total.values())
    if row.sound and bank != come_to:
        row.wrong(BANK, f"states {rupees(bank)}, but the amounts of the row come to {rupees(come_to)}")
    line = SettlementLine(
        key="",
        marketplace=marketplace,
        account=account,
        settlement_id=settlement_id or "",
        order_id=order_id,
        item_id=row.identifier("item_id"),
        listing=row.text("listing") or None,
        kind=_kind(row, order_id, total),
        heads=total,
        posted_at=posted or "",
        paid_at=row.moment("paid_at"),
        reference=row.identifier("reference"),
        quantity=row.quantity("quantity"),
        row=row.number,
    )
    return line, said(moved)


def _kind(row: Row, order_id: str | None, total: dict[str, int]) -> Kind:
    if text := row.text("kind").upper():
        if text in Kind.__members__:
            return Kind[text]
        row.wrong("kind", f"{row.text('kind')!r} is not one of {', '.join(Kind)}")
    return settlement.kind_of_order(total) if order_id else Kind.ACCOUNT
