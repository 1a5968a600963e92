"""Amazon's settlement reports: the flat file V2, one amount in each row, and the date-range CSV.

The two tell the same money in different rows; a settlement is taken from one of them (``clashes`` in
domain/settlement.py). What each row becomes is in docs/settlement-files.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from hunar.domain import settlement
from hunar.domain.money import PPM, half_up, rupees
from hunar.domain.settlement import FEE, Kind, SettlementFile, SettlementLine
from hunar.domain.spreadsheet import Line, read_lines
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
    other,
    said,
    text_rows,
)

MARKETPLACE: Final = "amazon"
FLAT_FILE: Final = "amazon-flat-file-v2"
DATE_RANGE: Final = "amazon-date-range"

GST_ON_FEES_PPM: Final = 180_000
"""GST on the services of a marketplace, CGST Act 2017: 18 % since 2017-07-01. The date-range CSV states no rate."""


def read(
    raw: bytes, account: str, *, file: str = "", sellers: Collection[str] = (), gst_ppm: int = GST_ON_FEES_PPM
) -> SettlementFile:
    """The lines of one of Amazon's two reports, or what is wrong with it.

    ``gst_ppm`` is the rate, in parts per million, that is inside the fees of a date-range CSV.
    ``sellers`` are the ids and GSTINs of the account; a file that names another one is refused.
    """
    report = Report(file)
    first = raw[:4096].removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].strip().lower()
    flat = b"\t" in first or first.startswith(b"settlement-id")
    shape = FLAT_FILE if flat else DATE_RANGE
    if len(raw) > MOST_BYTES:
        report.wrong(f"has {len(raw) >> 20} MB; {MOST_BYTES >> 20} MB are read at most")
    elif flat and b"\t" not in first:
        report.wrong(
            "was saved by a spreadsheet; the flat file has tabs between its cells, take it as Amazon gave it", 1
        )
    else:
        lines, problems = read_lines(file, raw, "\t" if flat else ",")
        report.findings += problems
        if not problems:
            if flat:
                return _flat_file(report, account, lines, sellers)
            return _date_range(report, account, lines, sellers, gst_ppm)
    return report.result(MARKETPLACE, account, shape)


# --- the flat file V2

_FLAT_DAYS: Final = ("settlement-start-date", "settlement-end-date", "deposit-date", "posted-date", "posted-date-time")
_FLAT_REQUIRED: Final = (
    "settlement-id",
    "deposit-date",
    "total-amount",
    "currency",
    "transaction-type",
    "order-id",
    "amount-type",
    "amount-description",
    "amount",
    "posted-date",
    "order-item-code",
    "sku",
    "quantity-purchased",
)

_PRICE: Final = {
    "principal": settlement.SALE,
    "producttax": settlement.SALE,
    "shipping": settlement.SHIPPING_PAID_BY_BUYER,
    "shippingtax": settlement.SHIPPING_PAID_BY_BUYER,
}
_FEES: Final = {
    "commission": "commission",
    "refundcommission": "refund_commission",
    "fixedclosingfee": "closing_fee",
    "technologyfee": "technology_fee",
    "amazoneasyshipcharges": "easy_ship",
}
_REST: Final = {
    "safetreimbursement": settlement.REIMBURSEMENT,
    "reversalreimbursement": settlement.REIMBURSEMENT,
    "previousreserveamountbalance": settlement.RESERVE,
    "currentreserveamount": settlement.RESERVE,
}


def _flat_file(report: Report, account: str, lines: list[Line], sellers: Collection[str]) -> SettlementFile:
    names = [cell.lower() for cell in lines[0].cells]
    shown = heading(report, 1, names, lines[0].cells, _FLAT_REQUIRED)
    if shown is None:
        return report.result(MARKETPLACE, account, FLAT_FILE)
    texts = [dict(zip(names, line.cells, strict=False)) for line in lines[1:]]
    orders = orders_shown(report, _FLAT_DAYS, texts, shown)
    rows = text_rows(report, lines[1:], shown, orders)
    check_sellers(report, rows, [name for name in shown if name.replace("-", " ") in SELLER_COLUMNS], sellers)
    totals: dict[str, int] = {}
    paid: dict[str, str | None] = {}
    money: list[tuple[Row, str]] = []
    for row in rows:
        settlement_id = row.identifier("settlement-id")
        if settlement_id is None:
            row.wrong("settlement-id", "is empty")
        elif row.text("total-amount"):
            if settlement_id in totals:
                row.wrong("total-amount", f"settlement {settlement_id} states its total twice")
            totals[settlement_id] = row.needed("total-amount")
            paid[settlement_id] = row.moment("deposit-date")
            if (currency := row.text("currency").upper()) != "INR":
                row.wrong("currency", f"{currency or 'nothing'} is not INR")
            if row.text("amount"):
                row.wrong("amount", "stands in the row that states the total")
        else:
            money.append((row, settlement_id))
    found = [_flat_line(row, account, settlement_id, paid.get(settlement_id)) for row, settlement_id in money]
    if not report.findings:
        _check_totals(report, totals, (line for line, _ in found))
    return report.result(MARKETPLACE, account, FLAT_FILE, found)


def _check_totals(report: Report, totals: dict[str, int], lines: Iterable[SettlementLine]) -> None:
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.settlement_id] = sums.get(line.settlement_id, 0) + line.amount
    for settlement_id in sorted(totals.keys() | sums.keys()):
        if settlement_id not in totals:
            report.wrong(f"settlement {settlement_id} has no row that states its total", None, "total-amount")
        elif totals[settlement_id] != sums.get(settlement_id, 0):
            stated, come_to = rupees(totals[settlement_id]), rupees(sums.get(settlement_id, 0))
            report.wrong(
                f"{settlement_id} states {stated}, but its rows come to {come_to}; rows are missing or changed",
                None,
                "total-amount",
            )


def _flat_line(row: Row, account: str, settlement_id: str, paid_at: str | None) -> Read:
    type_, amount_type, description = (row.text(c) for c in ("transaction-type", "amount-type", "amount-description"))
    for column, text in (
        ("transaction-type", type_),
        ("amount-type", amount_type),
        ("amount-description", description),
    ):
        if not text:
            row.wrong(column, "is empty")
    order_id = row.identifier("order-id")
    posted = row.moment("posted-date-time") or row.moment("posted-date")
    if posted is None and not (row.text("posted-date-time") or row.text("posted-date")):
        row.wrong("posted-date", "is empty")
    kind = _kind(type_, order_id)
    amount = row.needed("amount")
    line = SettlementLine(
        key="",
        marketplace=MARKETPLACE,
        account=account,
        settlement_id=settlement_id,
        order_id=order_id,
        item_id=row.identifier("order-item-code"),
        listing=row.text("sku") or None,
        kind=kind,
        heads=heads((_flat_head(kind, amount_type, description), amount)),
        posted_at=posted or "",
        paid_at=paid_at,
        reference=None,
        quantity=row.quantity("quantity-purchased"),
        row=row.number,
    )
    return line, {"type": type_, "of": amount_type, "what": description, "amount": amount}


def _kind(transaction: str, order_id: str | None) -> Kind:
    words = _joined(transaction)
    if words == "order":
        return Kind.SALE
    if "refund" in words or "chargeback" in words:
        return Kind.REFUND
    return Kind.ADJUSTMENT if order_id else Kind.ACCOUNT


def _flat_head(kind: Kind, amount_type: str, description: str) -> str:
    of, words = _joined(amount_type), _joined(description)
    if words.startswith("tcs"):
        return settlement.TCS
    if words.startswith("tds"):
        return settlement.TDS
    if of.startswith("promotion") or words == "promorebates":
        return settlement.OFFER
    if of == "itemprice" and words in _PRICE and kind in (Kind.SALE, Kind.REFUND):
        return settlement.REFUND if kind == Kind.REFUND else _PRICE[words]
    if of == "itemfees":
        if words in _FEES:
            return FEE + _FEES[words]
        if words.endswith(("cgst", "sgst", "igst")):
            return settlement.GST_ON_FEES
    if words.startswith("transfer") or of.startswith("transfer"):
        return settlement.TRANSFER
    return _REST.get(words) or other(f"{amount_type}: {description}")


def _joined(words: str) -> str:
    return re.sub(r"[^a-z0-9]", "", words.lower())


# --- the date-range CSV

_TIME, _STATUS, _TOTAL = "date/time", "transaction status", "total"
_RELEASE: Final = "transaction release date"
_RANGE_REQUIRED: Final = (
    _TIME,
    "settlement id",
    "type",
    "order id",
    "sku",
    "description",
    "quantity",
    "product sales",
    "shipping credits",
    "promotional rebates",
    "total sales tax liable(gst before adjusting tcs)",
    "tcs-cgst",
    "tcs-sgst",
    "tcs-igst",
    "tds (section 194-o)",
    "selling fees",
    "fba fees",
    "other transaction fees",
    "other",
    _TOTAL,
    _STATUS,
)
_RANGE_PRICE: Final = {
    "product sales": settlement.SALE,
    "total sales tax liable(gst before adjusting tcs)": settlement.SALE,
    "shipping credits": settlement.SHIPPING_PAID_BY_BUYER,
}
_RANGE_TAXES: Final = {
    "tcs-cgst": settlement.TCS,
    "tcs-sgst": settlement.TCS,
    "tcs-igst": settlement.TCS,
    "tds (section 194-o)": settlement.TDS,
}
_RANGE_FEES: Final = ("selling fees", "fba fees", "other transaction fees")
_WORDS_BETWEEN: Final = frozenset(
    {"account type", "fulfillment", "fulfilment", "marketplace", "order city", "order state", "order postal"}
)
_HEADING_ROWS: Final = 40
_CURRENCY: Final = re.compile(r"\ball amounts in ([A-Za-z]{3})\b", re.IGNORECASE)


def _date_range(
    report: Report, account: str, lines: list[Line], sellers: Collection[str], gst_ppm: int
) -> SettlementFile:
    place = next(
        (n for n, line in enumerate(lines[:_HEADING_ROWS]) if {_range_name(c) for c in line.cells} >= {_TIME, "type"}),
        None,
    )
    if place is None:
        report.wrong(
            "is neither a flat file V2 nor a date-range report: no heading with 'date/time' and 'type' is there"
        )
        return report.result(MARKETPLACE, account, DATE_RANGE)
    for line in lines[:place]:
        if (found := _CURRENCY.search(" ".join(line.cells))) and found[1].upper() != "INR":
            report.wrong(f"{found[1]} is not INR", line.row)
    top = lines[place]
    names = [_range_name(cell) for cell in top.cells]
    shown = heading(report, top.row, names, top.cells, _RANGE_REQUIRED)
    if shown is None:
        return report.result(MARKETPLACE, account, DATE_RANGE)
    texts = [dict(zip(names, line.cells, strict=False)) for line in lines[place + 1 :]]
    orders = orders_shown(report, (_TIME, _RELEASE), texts, shown)
    rows = text_rows(report, lines[place + 1 :], shown, orders)
    check_sellers(report, rows, SELLER_COLUMNS & shown.keys(), sellers)
    unknown = _unknown_money(names)
    money: list[Read] = []
    deferred: list[Read] = []
    for row in rows:
        status = row.text(_STATUS).lower()
        if status not in ("released", "deferred"):
            row.wrong(_STATUS, f"{row.text(_STATUS)!r} is neither Released nor Deferred")
        released = status == "released"
        made = _range_line(row, account, unknown, gst_ppm, released=released)
        (money if released else deferred).append(made)
    return report.result(MARKETPLACE, account, DATE_RANGE, money, deferred)


def _range_name(cell: str) -> str:
    return cell.lower().replace("( ", "(").replace(" (gst", "(gst")


def _unknown_money(names: list[str]) -> list[str]:
    """Columns between the first amount and the total that are not known here. All that stands there is money."""
    known = {*_RANGE_PRICE, *_RANGE_TAXES, *_RANGE_FEES, "promotional rebates", "other", *_RANGE_REQUIRED}
    first, last = names.index("product sales"), names.index(_TOTAL)
    return [name for name in names[first:last] if name not in known | _WORDS_BETWEEN]


def _range_line(row: Row, account: str, unknown: list[str], gst_ppm: int, *, released: bool) -> Read:
    order_id, words = row.identifier("order id"), row.text("type")
    kind = Kind.PAYOUT if _joined(words) == "transfer" else _kind(words, order_id)
    settlement_id = row.identifier("settlement id")
    if settlement_id is None and released and not row.text("settlement id"):
        row.wrong("settlement id", "is empty, but the money is released")
    if not words:
        row.wrong("type", "is empty")
    posted = row.moment(_TIME)
    if posted is None and not row.text(_TIME):
        row.wrong(_TIME, "is empty")
    moved: list[Moved] = []
    for column, head in _RANGE_PRICE.items():
        if kind not in (Kind.SALE, Kind.REFUND):
            head = other(f"{words}: {column}")
        moved.append((column, settlement.REFUND if kind == Kind.REFUND else head, row.amount(column)))
    moved.append(("promotional rebates", settlement.OFFER, row.amount("promotional rebates")))
    moved += [(column, head, row.amount(column)) for column, head in _RANGE_TAXES.items()]
    moved += [(column, other(column), row.amount(column)) for column in unknown]
    moved.append(("other", _range_other(kind, words, row.text("description")), row.amount("other")))
    fees = [(column, FEE + column.replace(" ", "_"), row.amount(column)) for column in _RANGE_FEES]
    total = row.needed(_TOTAL)
    come_to = sum(paise or 0 for _, _, paise in (*moved, *fees))
    if row.sound and total != come_to:
        row.wrong(_TOTAL, f"states {rupees(total)}, but the amounts of the row come to {rupees(come_to)}")
    line = SettlementLine(
        key="",
        marketplace=MARKETPLACE,
        account=account,
        settlement_id=settlement_id or "",
        order_id=order_id,
        item_id=None,
        listing=row.text("sku") or None,
        kind=kind,
        heads=heads(*((head, paise) for _, head, paise in moved), *_without_gst(fees, gst_ppm)),
        posted_at=posted or "",
        paid_at=row.moment(_RELEASE),
        reference=None,
        quantity=row.quantity("quantity"),
        row=row.number,
    )
    return line, said((*moved, *fees), type=words)


def _without_gst(fees: list[Moved], gst_ppm: int) -> Iterator[tuple[str, int]]:
    """Each fee, rounded, and its GST, which is what is left: together they are what Amazon took, to the paisa."""
    for _, head, paise in fees:
        without = half_up((paise or 0) * PPM, PPM + gst_ppm)
        yield head, without
        yield settlement.GST_ON_FEES, (paise or 0) - without


def _range_other(kind: Kind, words: str, description: str) -> str:
    """The head of the column ``other``. The description of an order is its product's title: no word about money."""
    if kind == Kind.PAYOUT:
        return settlement.TRANSFER
    if kind in (Kind.SALE, Kind.REFUND):
        return other(f"{words}: other")
    said = _joined(f"{words} {description}")
    if "reimbursement" in said or "safet" in said:
        return settlement.REIMBURSEMENT
    if "reserve" in said:
        return settlement.RESERVE
    return settlement.ADJUSTMENT if "adjustment" in _joined(words) else other(f"{words}: {description or 'other'}")
