"""Flipkart's settlement workbook: orders by payment, and the account's own charges on further sheets.

Columns are known by name. A name is read without line breaks, doubled spaces, its unit and the
formula that Flipkart writes behind it. What each column becomes is in docs/settlement-files.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from hunar.domain import amounts, settlement, workbook
from hunar.domain.amounts import Unreadable
from hunar.domain.money import rupees
from hunar.domain.settlement import FEE, Kind, SettlementFile, SettlementLine
from hunar.domain.workbook import EMPTY, Sheet, column_number
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
    other,
    said,
)

MARKETPLACE: Final = "flipkart"
SHAPE: Final = "flipkart-settlement"

NEFT, PAID_AT, BANK = "neft id", "payment date", "bank settlement value"
ORDER, ITEM, SKU, QUANTITY = "order id", "order item id", "seller sku", "quantity"
MARKETPLACE_FEE, TAXES = "marketplace fee", "taxes"
GST_AND_TCS, INCOME_TAX = "input gst + tcs credits", "income tax credits"

_MONEY: Final = {
    "sale amount": settlement.SALE,
    "total offer amount": settlement.OFFER,
    "my share": settlement.OFFER,
    "customer add-ons amount": other("customer add-ons amount"),
    "offer adjustments": settlement.OFFER,
    "protection fund": settlement.PROTECTION_FUND,
    "refund": settlement.REFUND,
}
"""What the bank value is the sum of, besides the marketplace fee and the taxes."""
_FEES: Final = {
    name: FEE + re.sub(r"[^a-z]+", "_", name)
    for name in (
        "commission",
        "fixed fee",
        "collection fee",
        "pick and pack fee",
        "shipping fee",
        "reverse shipping fee",
        "no cost emi fee reimbursement",
        "installation fee",
        "tech visit fee",
        "uninstallation & packaging fee",
        "customer add-ons amount recovery",
        "franchise fee",
        "shopsy marketing fee",
        "product cancellation fee",
    )
}
_WITHHELD: Final = {
    "tcs": settlement.TCS,
    "tds": settlement.TDS,
    "gst on mp fees": settlement.GST_ON_FEES,
}
_SUMS: Final = (BANK, MARKETPLACE_FEE, TAXES, GST_AND_TCS, INCOME_TAX)
_REQUIRED: Final = (
    NEFT,
    PAID_AT,
    BANK,
    ORDER,
    ITEM,
    "sale amount",
    MARKETPLACE_FEE,
    TAXES,
    "refund",
    "commission",
    *_WITHHELD,
)
_NOT_MONEY: Final = frozenset(
    {
        "tier",
        "commission rate",
        "length*breadth*height",
        "volumetric weight",
        "dead weight",
        "chargeable weight source",
        "chargeable weight type",
        "chargeable wt. slab",
        "shipping zone",
        "order date",
        "dispatch date",
        "order type",
        "fulfilment type",
        "return type",
        "item return status",
        "invoice id",
        "invoice date",
        "shopsy order",
        "additional information",
    }
)

_WEIGHTS: Final = ("dead weight", "volumetric weight")
"""Kilograms. The larger one is charged."""
_PAYMENTS: Final = {"prepaid": "prepaid", "postpaid": "postpaid", "cod": "postpaid"}

_SUM: Final = re.compile(r"SUM ?\( ?([A-Z]{1,3}) ?: ?([A-Z]{1,3}) ?\)", re.IGNORECASE)
_UNIT: Final = re.compile(r"\((?:rs\.?|inr|₹|%|(?:in )?kgs?)\)|\[[^]]*\]", re.IGNORECASE)
_HEADING_ROWS: Final = 10
"""The heading stands among so many first rows; Flipkart has it on the second."""


def read(raw: bytes, account: str, *, file: str = "", sellers: Collection[str] = ()) -> SettlementFile:
    """The lines of a settlement workbook, or what is wrong with it.

    Rows without a NEFT ID are not paid yet: they are ``deferred``. ``sellers`` are the ids and GSTINs
    of the account; a file that names another one is refused.
    """
    report = Report(file)
    paid: list[Read] = []
    unpaid: list[Read] = []
    try:
        book = workbook.read_workbook(raw)
    except workbook.Refused as refused:
        report.file = _place(file, refused.sheet)
        report.wrong(refused.message, refused.row)
        return report.result(MARKETPLACE, account, SHAPE)
    if not any(_is_orders(sheet) for sheet in book.sheets):
        report.wrong("has no sheet 'Orders'")
    for sheet in book.sheets:
        report.file = _place(file, sheet.name)
        for line, words in _sheet(report, sheet, account, sellers, since_1904=book.since_1904):
            (paid if line.settlement_id else unpaid).append((line, words))
    report.file = file
    return report.result(MARKETPLACE, account, SHAPE, paid, unpaid)


def _place(file: str, sheet: str | None) -> str:
    return " ".join(filter(None, (file, sheet and f"sheet {sheet}")))


def _is_orders(sheet: Sheet) -> bool:
    return sheet.name.strip().lower() == "orders"


def _sheet(report: Report, sheet: Sheet, account: str, sellers: Collection[str], *, since_1904: bool) -> Iterator[Read]:
    top = next((row for row in range(1, _HEADING_ROWS + 1) if _names(sheet, row, None) >= {NEFT, BANK}), None)
    if top is None:
        if _is_orders(sheet):
            report.wrong(f"has no heading with 'NEFT ID' and 'Bank Settlement Value' in its first {_HEADING_ROWS} rows")
        elif sheet.rows:
            report.note("is not read: it has no 'NEFT ID' with a 'Bank Settlement Value'")
        return
    below = top + 1 if _is_words(sheet, top + 1) else None
    columns = _columns(sheet, top, below)
    required = _REQUIRED if _is_orders(sheet) else (NEFT, PAID_AT, BANK)
    names = [_name(text) for text in columns.values()]
    if not (shown := heading(report, top, names, [_shown(text) for text in columns.values()], required)):
        return
    by_name = dict(zip(names, columns, strict=True))
    texts = [
        {PAID_AT: cells.get(by_name[PAID_AT], EMPTY).text}
        for number, cells in sheet.rows.items()
        if number > (below or top) and not cells.get(by_name[PAID_AT], EMPTY).number
    ]
    orders = orders_shown(report, [PAID_AT], texts, shown)
    rows = []
    for number, cells in sorted(sheet.rows.items()):
        if number > (below or top) and any(cell.text.strip() or cell.formula for cell in cells.values()):
            for column in cells.keys() - columns.keys():
                report.wrong(f"column {workbook.column_letters(column)} has no name in the heading", number)
            named = {name: cells[column] for name, column in by_name.items() if column in cells}
            rows.append(Row(report, number, named, shown, orders, since_1904=since_1904))
    check_sellers(report, rows, SELLER_COLUMNS & shown.keys(), sellers)
    if _is_orders(sheet):
        kept, unread = _unknown(columns)
        for name in unread:
            report.note("is not read", top, shown[name])
        for row in rows:
            yield _order_line(row, account, kept, [shown[name] for name in unread])
    else:
        for row in rows:
            yield _account_line(row, account, sheet.name)


def _order_line(row: Row, account: str, unknown: dict[str, str], unread: list[str]) -> Read:
    def moved(known: dict[str, str], of: str) -> list[Moved]:
        columns = known | {name: other(name) for name, summed in unknown.items() if summed == of}
        return [(name, head, row.amount(name)) for name, head in columns.items()]

    fees, taxes, money = moved(_FEES, MARKETPLACE_FEE), moved(_WITHHELD, TAXES), moved(_MONEY, BANK)
    hint = f"; not read are {', '.join(unread)}" if unread else ""
    fee, tax = row.needed(MARKETPLACE_FEE, summed=True), row.needed(TAXES, summed=True)
    bank = row.needed(BANK, summed=True)
    _tie(row, MARKETPLACE_FEE, fee, _sum(fees), f"the fees beside it{hint}")
    _tie(row, TAXES, tax, _sum(taxes), f"TCS, TDS and GST on the fees{hint}")
    _tie(row, BANK, bank, _sum([*money, *fees, *taxes]), f"the amounts of the row{hint}")
    total = heads(*((head, paise) for _, head, paise in (*money, *fees, *taxes)))
    _note_credits(row, total)
    return _line(row, account, total, settlement.kind_of_order(total)), said((*money, *fees, *taxes))


def _account_line(row: Row, account: str, sheet: str) -> Read:
    bank = row.needed(BANK, summed=True)
    head = settlement.PROTECTION_FUND if "spf" in sheet.lower() else other(sheet)
    return _line(row, account, heads((head, bank)), Kind.ADJUSTMENT), {"sheet": sheet, BANK: bank}


def _line(row: Row, account: str, total: dict[str, int], kind: Kind) -> SettlementLine:
    reference = row.identifier(NEFT)
    paid_at = row.moment(PAID_AT)
    if reference and not paid_at and not row.cell(PAID_AT).text.strip():
        row.wrong(PAID_AT, "is empty, but the row has a NEFT ID")
    order_id, item_id = row.identifier(ORDER), row.identifier(ITEM)
    item_id = item_id.removeprefix("OI:") if item_id else None
    if total and not (reference or order_id or item_id):
        row.wrong(None, "has an amount, but neither a NEFT ID nor an order")
    return SettlementLine(
        key="",
        marketplace=MARKETPLACE,
        account=account,
        settlement_id=reference or "",
        order_id=order_id,
        item_id=item_id,
        listing=row.text(SKU) or None,
        kind=kind if order_id or item_id else Kind.ACCOUNT,
        heads=total,
        posted_at=paid_at or "",
        paid_at=paid_at,
        reference=reference,
        quantity=row.quantity(QUANTITY),
        row=row.number,
        traits=_traits(row),
    )


def _traits(row: Row) -> dict[str, str | int]:
    """What the row says of the sale. It is only compared with, so what cannot be read is as if it were not said."""
    found: dict[str, str | int] = {}
    for name, column in (("zone", "shipping zone"), ("tier", "tier")):
        if word := re.sub(r"[^a-z0-9]+", "-", row.cell(column).text.lower()).strip("-"):
            found[name] = word
    if payment := _PAYMENTS.get(row.cell("order type").text.strip().lower()):
        found["payment"] = payment
    if weights := [grams for column in _WEIGHTS if (grams := _grams(row.cell(column).text))]:
        found[settlement.WEIGHT] = max(weights)
    return found


def _grams(kilograms: str) -> int | None:
    if not (said := re.fullmatch(r"([0-9]{1,4})(?:\.([0-9]{1,9}))?", kilograms.strip())):
        return None
    whole, part = said[1], (said[2] or "").ljust(3, "0")
    # A gram that is begun counts: slabs end with their last gram.
    return int(whole) * 1000 + int(part[:3]) + bool(part[3:].strip("0"))


def _sum(moved: list[Moved]) -> int:
    return sum(paise or 0 for _, _, paise in moved)


def _tie(row: Row, column: str, stated: int, summed: int, of: str) -> None:
    if row.sound and stated != summed:
        row.wrong(column, f"states {rupees(stated)}, but {of} come to {rupees(summed)}")


def _note_credits(row: Row, total: dict[str, int]) -> None:
    """The credits are what was withheld once more, for the tax return. They are no money of the row."""
    withheld = {
        GST_AND_TCS: -total.get(settlement.GST_ON_FEES, 0) - total.get(settlement.TCS, 0),
        INCOME_TAX: -total.get(settlement.TDS, 0),
    }
    for column, paise in withheld.items():
        stated = row.amount(column, summed=True)
        if stated is not None and stated != paise:
            row.note(column, f"states {rupees(stated)} where {rupees(paise)} were withheld")


def _unknown(columns: dict[int, str]) -> tuple[dict[str, str], list[str]]:
    """The columns that are not known here: those that a sum's heading counts in, with that sum, and the others."""
    known = {
        NEFT,
        PAID_AT,
        ORDER,
        ITEM,
        SKU,
        QUANTITY,
        *_SUMS,
        *_MONEY,
        *_FEES,
        *_WITHHELD,
        *_NOT_MONEY,
        *SELLER_COLUMNS,
    }
    ranges = [
        (_name(text), column_number(found[1]), column_number(found[2]))
        for text in columns.values()
        if (found := _SUM.search(text)) and _name(text) in (BANK, MARKETPLACE_FEE, TAXES)
    ]
    kept, unread = {}, []
    for column, text in columns.items():
        if (name := _name(text)) not in known:
            of = next((name_of for name_of, first, last in ranges if first <= column <= last), None)
            if of:
                kept[name] = of
            else:
                unread.append(name)
    return kept, unread


def _columns(sheet: Sheet, top: int, below: int | None) -> dict[int, str]:
    """The names of the columns. Where one name is spread over several of them, theirs stand in the row below."""
    upper, lower = sheet.rows.get(top, {}), sheet.rows.get(below or 0, {})
    groups = [(left, right) for first, left, last, right in sheet.merged if first <= top <= last and left < right]
    found = {}
    for column in sorted(upper.keys() | lower.keys()):
        above, under = upper.get(column, EMPTY).text, lower.get(column, EMPTY).text
        spread = any(left <= column <= right for left, right in groups)
        text = under if under.strip() and (spread or not above.strip()) else above
        if text.strip():
            found[column] = text
    return found


def _names(sheet: Sheet, top: int, below: int | None) -> set[str]:
    return {_name(text) for text in _columns(sheet, top, below).values()}


def _shown(text: str) -> str:
    return " ".join(text.split())


def _name(text: str) -> str:
    return " ".join(_UNIT.sub(" ", text.partition("=")[0]).lower().split())


def _is_words(sheet: Sheet, row: int) -> bool:
    """Whether a row holds words only, as the one under the heading does, and nothing that could be money or an id."""
    cells = [cell for cell in sheet.rows.get(row, {}).values() if cell.text.strip() or cell.formula]
    return bool(cells) and not any(cell.number or cell.formula or _is_value(cell.text) for cell in cells)


def _is_value(text: str) -> bool:
    if re.search(r"[0-9]{4}", text):
        return True
    try:
        return amounts.paise(text) is not None
    except Unreadable:
        return False
