"""The accounts departments of the marketplaces: what was sold, what is taken of it, and the file that says so.

Each knows only what its marketplace itself said, has rates of its own and an arithmetic of its own. Nothing of the
program stands in for it: two that compute alike would agree on the same error. The same history gives the same bytes.
Amounts are whole paise, signed as the money moves to the seller.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape

COMMISSION_PERCENT: Final = {
    "BGP-TSR-STOLE": 6,
    "BGP-KHD-STOLE": 6,
    "MDU-SUNGUDI": 6,
    "KLU-SHAWL-W": 6,
    "KOL-JUTE-TOTE": 5,
    "KOL-JUTE-LUNCH": 5,
    "SunChiraya-Tote": 5,
}
"""Of the price; the category decides."""
OTHER_PERCENT: Final = 7
COLLECTION_PERCENT: Final = 2
FIXED_FEES: Final = ((100_000, 5_000), (50_000, 2_500), (0, 1_500))
"""From a unit's price on, for a line of which something was kept."""
SHIPPING: Final = 5_800
REVERSE_SHIPPING: Final = 6_500
CANCELLATION: Final = 2_500
TAX_PERCENT: Final = 5
"""The tax inside the price of everything that the demo agency sells."""

SLAB_TOO_HIGH: Final = 2_000
"""What the shipping fee of one line is too high by: a parcel that was put into the next slab."""
UNKNOWN_SALE: Final = 50_000
ADVERTISING: Final = 29_500

AMAZON_COMMISSION_PERCENT: Final = 9
AMAZON_CLOSING_FEE: Final = 1_100

_Amounts = dict[str, int]


@dataclass
class _Line:
    """What the marketplace knows of a line that it sold, and what it has paid of it."""

    shipment: str
    order_id: str
    item_id: str
    sku: str
    price: int
    quantity: int
    cancelled: dict[str, int] = field(default_factory=dict)
    """Units by the time of the message: the same message twice cancels once."""
    returned: int = 0
    came_back: bool = False
    paid: _Amounts | None = None
    """What was settled of it up to now; None before its sale is."""
    extra: int = 0

    @property
    def sold(self) -> int:
        return self.quantity - sum(self.cancelled.values())

    @property
    def back(self) -> int:
        return min(self.returned, self.sold) if self.came_back else 0


@dataclass
class _Book:
    """One account of a marketplace."""

    lines: dict[str, _Line] = field(default_factory=dict)
    """By the id of the order's item, in the order of the sales."""
    delivered: set[str] = field(default_factory=set)
    files: int = 0
    returns: dict[str, int] = field(default_factory=dict)
    came_back: set[str] = field(default_factory=set)
    cancelled: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Paid:
    """One row of a settlement, for people."""

    order: str
    """The shipment, or the order's id at Amazon; empty for money of the account."""
    item_id: str
    what: str
    """``sale``, ``refund``, ``unknown`` (an item that was never sold) or ``advertising``."""
    paise: int
    """What it adds to the bank's credit."""


@dataclass(frozen=True)
class Settlement:
    """A file as the marketplace gives it to its seller, and what its bank pays."""

    name: str
    content: bytes
    settlement_id: str
    bank_paise: int
    rows: tuple[Paid, ...]


class Accounts:
    """What the marketplaces said of their sales, account by account."""

    def __init__(self) -> None:
        self._books: dict[str, _Book] = {}
        self._amazon: dict[str, dict[str, Any]] = {}

    def flipkart_said(self, account: str, body: bytes) -> None:
        """A message that was accepted. What is none of a sale is nothing here."""
        said = json.loads(body, parse_float=Decimal)
        book, attributes = self._books.setdefault(account, _Book()), said.get("attributes") or {}
        shipment, items = str(said.get("shipmentId")), attributes.get("orderItems") or []
        match said.get("eventType"):
            case "shipment_created":
                for item in items:
                    self._sell(book, shipment, item)
            case "shipment_delivered":
                book.delivered.add(shipment)
            case "shipment_cancelled":
                for item in items:
                    book.cancelled.setdefault(item["orderItemId"], {})[said["timestamp"]] = item["quantity"]
            case "return_created":
                for item in attributes["returnItems"]:
                    book.returns[item["orderItemId"]] = item["quantity"]
            case "return_completed":
                book.came_back.update(item["orderItemId"] for item in attributes["returnItems"])

    def amazon_sold(self, order_id: str, order: Mapping[str, Any]) -> None:
        """What Amazon shows of an order."""
        self._amazon[order_id] = dict(order)

    @staticmethod
    def _sell(book: _Book, shipment: str, item: Mapping[str, Any]) -> None:
        price = Decimal(item["priceComponents"]["sellingPrice"]) * 100
        line = _Line(shipment, item["orderId"], item["orderItemId"], item["sku"], int(price), item["quantity"])
        book.lines.setdefault(line.item_id, line)

    def flipkart(
        self, account: str, day: str, *, orders: Iterable[str] | None = None, wrong: str = "", spoil: bool = False
    ) -> Settlement:
        """The next workbook: all that was delivered or came back, and is not settled, of these shipments or of all.

        ``wrong`` is the shipment whose first line is charged too much; without it, the first that is paid. With a sale
        in it there are also an item that was never sold and the month's advertising. ``spoil`` makes one cell no
        amount; such a file is a draft and counts as never made. ValueError when nothing is owed.
        """
        book = self._books.get(account, _Book())
        wanted = None if orders is None else set(orders)
        lines = [
            line
            for line in book.lines.values()
            if line.shipment in book.delivered and (wanted is None or line.shipment in wanted)
        ]
        for line in lines:
            line.cancelled = book.cancelled.get(line.item_id, {})
            line.returned, line.came_back = book.returns.get(line.item_id, 0), line.item_id in book.came_back
        neft = f"AXISN{_digits(f'{account}/{book.files + 1}', 11)}"
        rows: list[tuple[Paid, _Amounts, dict[str, str]]] = []
        paid: dict[str, tuple[_Amounts, int]] = {}
        unsold = [line for line in lines if line.paid is None and line.sold]
        charged = next((line for line in unsold if not wrong or line.shipment == wrong), None)
        for line in lines:
            so_far, extra = line.paid, line.extra
            if so_far is None:
                if not line.sold:
                    continue
                extra = SLAB_TOO_HIGH if line is charged else 0
                so_far = _taken(line, 0, extra)
                rows.append(_row(line, "sale", so_far))
            if (now := _taken(line, line.back, extra)) != so_far:
                rows.append(_row(line, "refund", _less(now, so_far)))
            if line.paid != now:
                paid[line.item_id] = (now, extra)
        if not rows:
            raise ValueError("orders: nothing is owed; have one delivered first")
        sheets: dict[str, int] = {}
        if unsold:
            unknown = _Line("", f"OD{_digits(neft, 18)}", _digits(f"{neft}/unknown", 16), "", UNKNOWN_SALE, 1)
            rows.append(_row(unknown, "unknown", _taken(unknown, 0, 0)))
            sheets["Ads"] = -ADVERTISING
        if not spoil:
            book.files += 1
            for item_id, (now, extra) in paid.items():
                book.lines[item_id].paid, book.lines[item_id].extra = now, extra
        told = [row for row, _, _ in rows]
        told += [Paid("", "", "advertising", paise) for paise in sheets.values()]
        content = _workbook(neft, day, [(amounts, ids) for _, amounts, ids in rows], sheets, spoil=spoil)
        name = f"{account}-{neft}{'-draft' if spoil else ''}.xlsx"
        return Settlement(name, content, neft, sum(row.paise for row in told), tuple(told))

    def amazon(self, account: str, day: str, orders: Iterable[str]) -> Settlement:
        """A flat file V2 of these orders. ValueError for one that Amazon does not know, or for none."""
        rows: list[dict[str, str]] = []
        told: list[Paid] = []
        wanted = list(orders)
        settlement_id = _digits(f"{account}/{wanted}", 11)
        for order_id in wanted:
            if order_id not in self._amazon:
                raise ValueError(f"orders: Amazon does not know {order_id[:40]}")
            for item in self._amazon[order_id]["orderItems"]:
                amounts = _amazon_rows(item)
                of_item = {
                    "transaction-type": "Order",
                    "order-id": order_id,
                    "marketplace-name": "Amazon.in",
                    "order-item-code": item["orderItemId"],
                    "sku": item["product"]["sellerSku"],
                    "quantity-purchased": str(item["quantityOrdered"]),
                    "posted-date": day,
                    "posted-date-time": f"{day} 00:30:00 UTC",
                }
                for (kind, description), paise in amounts.items():
                    money = {"amount-type": kind, "amount-description": description, "amount": _rupees(paise)}
                    rows.append({"settlement-id": settlement_id, **of_item, **money})
                told.append(Paid(order_id, item["orderItemId"], "sale", sum(amounts.values())))
        if not rows:
            raise ValueError("orders: names none of Amazon's")
        total = sum(row.paise for row in told)
        first = {
            "settlement-id": settlement_id,
            "settlement-start-date": f"{day} 00:00:00 UTC",
            "settlement-end-date": f"{day} 01:00:00 UTC",
            "deposit-date": f"{day} 02:00:00 UTC",
            "total-amount": _rupees(total),
            "currency": "INR",
        }
        text = "".join("\t".join(row.get(name, "") for name in _FLAT) + "\r\n" for row in (first, *rows))
        content = ("\t".join(_FLAT) + "\r\n" + text).encode()
        return Settlement(f"{account}-{settlement_id}.txt", content, settlement_id, total, tuple(told))


# --- what is taken


def _taken(line: _Line, back: int, extra: int) -> _Amounts:
    """All columns of a line of which so many units came back: what it comes to in the end, not what changes."""
    kept = line.sold - back
    value = line.price * kept
    percent = COMMISSION_PERCENT.get(line.sku, OTHER_PERCENT)
    fees = {
        "Commission (Rs.)": -_percent(value, percent),
        "Fixed Fee  (Rs.)": -next(fee for price, fee in FIXED_FEES if line.price >= price) if kept else 0,
        "Collection Fee (Rs.)": -_percent(value, COLLECTION_PERCENT),
        "Shipping Fee (Rs.)": -(SHIPPING + extra) if kept else 0,
        "Reverse Shipping Fee (Rs.)": -REVERSE_SHIPPING if back else 0,
        "Product Cancellation Fee (Rs.)": -CANCELLATION if line.cancelled else 0,
    }
    without_tax = _half_up(value * 100, 100 + TAX_PERCENT)
    return {
        "Sale Amount (Rs.)": line.price * line.sold,
        "Refund (Rs.)": -line.price * back,
        **fees,
        "GST on MP Fees (Rs.)": _percent(sum(fees.values()), 18),
        # Half a per cent, to the Union and to the State: each half is rounded.
        "TCS (Rs.)": -2 * _half_up(without_tax, 400),
        "TDS (Rs.)": -_half_up(without_tax, 1000),
    }


def _amazon_rows(item: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    quantity = int(item["quantityOrdered"])
    value = int(Decimal(item["product"]["price"]["unitPrice"]["amount"]) * 100) * quantity
    without_tax = _half_up(value * 100, 100 + TAX_PERCENT)
    commission = _percent(value, AMAZON_COMMISSION_PERCENT)
    return {
        ("ItemPrice", "Principal"): without_tax,
        ("ItemPrice", "Product Tax"): value - without_tax,
        ("ItemFees", "Commission"): -commission,
        ("ItemFees", "Commission IGST"): -_percent(commission, 18),
        ("ItemFees", "Fixed closing fee"): -AMAZON_CLOSING_FEE,
        ("ItemFees", "Fixed closing fee IGST"): -_percent(AMAZON_CLOSING_FEE, 18),
        ("ItemTCS", "TCS-IGST"): -_half_up(without_tax, 200),
        ("ItemTDS", "TDS (Section 194-O)"): -_half_up(without_tax, 1000),
    }


def _row(line: _Line, what: str, amounts: _Amounts) -> tuple[Paid, _Amounts, dict[str, str]]:
    ids = {
        "Order ID": line.order_id,
        "Order item ID": f"OI:{line.item_id}",
        "Seller SKU": line.sku,
        "Quantity": str(line.sold),
    }
    return Paid(line.shipment, line.item_id, what, sum(amounts.values())), amounts, ids


def _less(now: Mapping[str, int], before: Mapping[str, int]) -> _Amounts:
    return {name: paise - before[name] for name, paise in now.items()}


def _percent(paise: int, percent: int) -> int:
    return _half_up(paise * percent, 100)


def _half_up(above: int, below: int) -> int:
    """A quotient to the nearest whole number, halves away from zero."""
    whole = (2 * abs(above) + below) // (2 * below)
    return whole if above >= 0 else -whole


def _rupees(paise: int) -> str:
    whole, rest = divmod(abs(paise), 100)
    return f"{'-' if paise < 0 else ''}{whole}.{rest:02d}"


def _digits(seed: str, count: int) -> str:
    number = int(hashlib.sha256(f"settlement/{seed}".encode()).hexdigest(), 16)
    return str(10 ** (count - 1) + number % (9 * 10 ** (count - 1)))


# --- Flipkart's workbook

_COLUMNS: Final = (
    "NEFT ID",
    "Payment Date",
    "Bank Settlement Value (Rs.) \r\n= SUM(J:R)",
    "Input GST + TCS Credits (Rs.)\n[GST+TCS]",
    "Income Tax Credits (Rs.)\n[TDS]",
    "Order ID",
    "Order item ID",
    "Seller SKU",
    "Quantity",
    "Sale Amount (Rs.)",
    "Total Offer Amount (Rs.)",
    "My share (Rs.)",
    "Customer Add-ons Amount (Rs.)",
    "Marketplace Fee (Rs.) \r\n= SUM (U:AC)",
    "Taxes (Rs.)",
    "Offer Adjustments (Rs.)",
    "Protection Fund (Rs.)",
    "Refund (Rs.)",
    "Tier",
    "Commission Rate (%)",
    "Commission (Rs.)",
    "Fixed Fee  (Rs.)",
    "Collection Fee (Rs.)",
    "Pick And Pack Fee (Rs.)",
    "Shipping Fee (Rs.)",
    "Reverse Shipping Fee (Rs.)",
    "No Cost Emi Fee Reimbursement(Rs.)",
    "Shopsy Marketing Fee (Rs.)",
    "Product Cancellation Fee (Rs.)",
    "TCS (Rs.)",
    "TDS (Rs.)",
    "GST on MP Fees (Rs.)",
)
_MONEY: Final = frozenset(name for name in _COLUMNS[9:] if "Rs." in name)
_OF_THE_FEES: Final = frozenset(_COLUMNS[20:29])
_OF_THE_TAXES: Final = frozenset(_COLUMNS[29:32])
_GROUPS: Final = {
    "A": "Payment Details",
    "F": "Transaction Summary",
    "S": "Marketplace Fees",
    "AD": "Taxes",
}
_SAYS: Final = {"A": "Payment reference", "J": "A", "N": "B", "O": "C", "R": "D"}
"""The row of words under the names."""
_SPOILT: Final = "Sale Amount (Rs.)"
_Cells = Sequence[tuple[str, str | None]]
"""The column's letters and the text; a text that is None is no cell."""


def _workbook(
    neft: str, day: str, rows: Iterable[tuple[_Amounts, dict[str, str]]], charges: Mapping[str, int], *, spoil: bool
) -> bytes:
    table: list[list[str]] = []
    for amounts, ids in rows:
        known: dict[str, int | str] = {**dict.fromkeys(_MONEY, 0), **amounts}
        fees = sum(amounts.get(name, 0) for name in _OF_THE_FEES)
        taxes = sum(amounts.get(name, 0) for name in _OF_THE_TAXES)
        withheld = amounts["TCS (Rs.)"] + amounts["GST on MP Fees (Rs.)"]
        known |= {
            "NEFT ID": neft,
            "Payment Date": day,
            _COLUMNS[2]: sum(amounts.values()),
            _COLUMNS[3]: -withheld,
            _COLUMNS[4]: -amounts["TDS (Rs.)"],
            _COLUMNS[13]: fees,
            _COLUMNS[14]: taxes,
            "Tier": "bronze",
            "Commission Rate (%)": "",
            **ids,
        }
        table.append([_cell(known[name]) for name in _COLUMNS])
    if spoil:
        table[0][_COLUMNS.index(_SPOILT)] = _text("1,09x")
    heading = [
        [_text(text, column) for column, text in _GROUPS.items()],
        [_text(name) for name in _COLUMNS],
        [_text(text, column) for column, text in _SAYS.items()],
    ]
    sheets = {"Orders": _sheet([*heading, *table], merged=("A1:E1", "F1:R1", "S1:AC1", "AD1:AF1"))}
    for name, paise in charges.items():
        names = ["NEFT ID", "Payment Date", "Bank Settlement Value (Rs.)", "Type"]
        charge = [_cell(neft), _cell(day), _cell(paise), _cell("Campaigns")]
        sheets[name] = _sheet([[_text(name) for name in names], charge])
    return _packed(sheets)


def _cell(value: int | str) -> str:
    """Money as a number, the rest as text, as Flipkart does."""
    return f"<c{{place}}><v>{_rupees(value)}</v></c>" if isinstance(value, int) else _text(value)


def _text(text: str, column: str = "") -> str:
    place = f' r="{column}{{row}}"' if column else "{place}"
    said = escape(text, {"\r": "&#13;"}).replace("{", "{{").replace("}", "}}")
    return f'<c{place} t="inlineStr"><is><t xml:space="preserve">{said}</t></is></c>'


def _sheet(rows: Sequence[Sequence[str]], merged: Sequence[str] = ()) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [cell.format(place=f' r="{_letters(column)}{number}"', row=number) for column, cell in enumerate(row)]
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    areas = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
    merging = f'<mergeCells count="{len(merged)}">{areas}</mergeCells>' if merged else ""
    return f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData>{merging}</worksheet>'


def _letters(column: int) -> str:
    first, last = divmod(column, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)


_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OPEN: Final = "http://schemas.openxmlformats.org"
_MAIN: Final = f"{_OPEN}/spreadsheetml/2006/main"
_PACKAGE: Final = f"{_OPEN}/package/2006"
_RELATIONS: Final = f"{_OPEN}/officeDocument/2006/relationships"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


def _packed(sheets: Mapping[str, str]) -> bytes:
    """A workbook of these sheets: the same sheets are the same bytes."""
    names = [f"xl/worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)]
    types = "".join(f'<Override PartName="/{name}" ContentType="{_TYPE}.worksheet+xml"/>' for name in names)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>' for number, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>'
    root = f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    known = (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    )
    parts = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">{known}{types}</Types>',
        "_rels/.rels": f"{_XML}{_related(root)}",
        "xl/workbook.xml": _XML + book,
        "xl/_rels/workbook.xml.rels": f"{_XML}{_related(related)}",
        **dict(zip(names, sheets.values(), strict=True)),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_TIME), text.encode(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _related(parts: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{parts}</Relationships>'


# --- Amazon's flat file

_FLAT: Final = (
    "settlement-id",
    "settlement-start-date",
    "settlement-end-date",
    "deposit-date",
    "total-amount",
    "currency",
    "transaction-type",
    "order-id",
    "merchant-order-id",
    "adjustment-id",
    "shipment-id",
    "marketplace-name",
    "amount-type",
    "amount-description",
    "amount",
    "fulfillment-id",
    "posted-date",
    "posted-date-time",
    "order-item-code",
    "merchant-order-item-id",
    "merchant-adjustment-item-id",
    "sku",
    "quantity-purchased",
    "promotion-id",
)
