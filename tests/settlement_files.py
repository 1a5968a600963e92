"""Fictional settlement files, built as the marketplaces write them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from openpyxl import Workbook

FLIPKART = (
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
    "Marketplace Fee (Rs.) \r\n= SUM (T:AC)",
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
    "Shipping Zone",
    "Item Return Status",
)
SHORT = (
    "neft",
    "paid",
    "bank",
    "credits",
    "tax_credits",
    "order",
    "item",
    "sku",
    "quantity",
    "sale",
    "offer",
    "share",
    "addons",
    "fee",
    "taxes",
    "offer_adjustments",
    "protection",
    "refund",
    "tier",
    "rate",
    "commission",
    "fixed",
    "collection",
    "pick_pack",
    "shipping",
    "reverse",
    "emi",
    "shopsy",
    "cancellation",
    "tcs",
    "tds",
    "gst",
    "zone",
    "return_status",
)
"""Names for tests of the same columns, in the same order."""

V1: Mapping[str, str | int] = {
    "neft": "AXISN00000000001",
    "paid": "2022-12-07",
    "bank": "891.07",
    "credits": "39.18",
    "tax_credits": "2.79",
    "order": "OD999000000000000001",
    "item": "99900000000000001",
    "sku": "JUTE-BAG-01",
    "quantity": 1,
    "sale": "1099.00",
    "offer": "0",
    "share": "0",
    "addons": "0",
    "fee": "-165.96",
    "taxes": "-41.97",
    "offer_adjustments": "0",
    "protection": "0",
    "refund": "0",
    "tier": "bronze",
    "rate": "2",
    "commission": "-21.98",
    "fixed": "-50.00",
    "collection": "-21.98",
    "pick_pack": "-14.00",
    "shipping": "-58.00",
    "reverse": "0",
    "emi": "0",
    "shopsy": "0",
    "cancellation": "0",
    "tcs": "-9.31",
    "tds": "-2.79",
    "gst": "-29.87",
    "zone": "National",
    "return_status": "NA",
}
"""Vector V1: the figures of a real row, with ids of nobody."""

Value = str | int | float | None


def sold(**changed: Value) -> dict[str, Value]:
    """V1's row with some cells changed."""
    return {**V1, **changed}


def flipkart(
    *rows: Mapping[str, Value],
    names: Sequence[str] = FLIPKART,
    sheets: Mapping[str, Sequence[Sequence[Value]]] | None = None,
) -> bytes:
    """A settlement workbook: groups on row 1, names on row 2, words on row 3, then the rows."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Orders"
    sheet.append(["Payment Details", None, None, None, None, "Transaction Summary"])
    sheet.merge_cells("A1:E1")
    sheet.append(list(names))
    sheet.append(["", "", "", "", "", "", "", "", "", "A", "B", "C"])
    for row in rows:
        sheet.append([row.get(short) for short in SHORT])
    for name, cells in (sheets or {}).items():
        further = book.create_sheet(name)
        for line in cells:
            further.append(list(line))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


FLAT = (
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

AMAZON_ORDER = "405-9990001-9990001"
AMAZON_ITEM = "99900000000017"


def flat_row(amount: str, kind: str, description: str, **changed: str) -> dict[str, str]:
    """One row of money of a flat file V2."""
    row = {
        "settlement-id": "99900001",
        "transaction-type": "Order",
        "order-id": AMAZON_ORDER,
        "marketplace-name": "Amazon.in",
        "amount-type": kind,
        "amount-description": description,
        "amount": amount,
        "posted-date": "2026-11-03",
        "posted-date-time": "2026-11-03 05:12:33 UTC",
        "order-item-code": AMAZON_ITEM,
        "sku": "DHOKRA-HORSE",
        "quantity-purchased": "1",
    }
    return row | {name.replace("_", "-"): value for name, value in changed.items()}


SALE_ROWS = (
    flat_row("1190.48", "ItemPrice", "Principal"),
    flat_row("59.52", "ItemPrice", "Product Tax"),
    flat_row("40.00", "ItemPrice", "Shipping"),
    flat_row("2.00", "ItemPrice", "Shipping tax"),
    flat_row("-42.00", "Promotion", "Promo rebates"),
    flat_row("-106.25", "ItemFees", "Commission"),
    flat_row("-9.56", "ItemFees", "Commission CGST"),
    flat_row("-9.56", "ItemFees", "Commission SGST"),
    flat_row("-61.00", "ItemFees", "Fixed closing fee"),
    flat_row("-10.98", "ItemFees", "Fixed closing fee IGST"),
    flat_row("-5.00", "ItemFees", "Technology Fee"),
    flat_row("-144.00", "ItemFees", "Amazon Easy Ship Charges"),
    flat_row("-5.95", "ItemTCS", "TCS-IGST"),
    flat_row("-1.19", "ItemTDS", "TDS (Section 194-O)"),
)
NO_ORDER = {
    "order_id": "",
    "order_item_code": "",
    "sku": "",
    "quantity_purchased": "",
    "transaction_type": "other-transaction",
}
REST_ROWS = (
    flat_row("-1250.00", "ItemPrice", "Principal", transaction_type="Refund"),
    flat_row("106.25", "ItemFees", "Commission", transaction_type="Refund"),
    flat_row("-21.25", "ItemFees", "Refund commission", transaction_type="Refund"),
    flat_row("300.00", "other-transaction", "SAFE-T Reimbursement", transaction_type="other-transaction"),
    flat_row("25.50", "FBA Inventory Reimbursement", "REVERSAL_REIMBURSEMENT", **NO_ORDER),
    flat_row("-200.00", "other-transaction", "Current Reserve Amount", **NO_ORDER),
    flat_row("150.00", "other-transaction", "Previous Reserve Amount Balance", **NO_ORDER),
    flat_row("-118.00", "Cost of Advertising", "TransactionTotalAmount", **NO_ORDER),
)


def flat_file(*rows: Mapping[str, str], total: str, names: Sequence[str] = FLAT, **header: str) -> bytes:
    """A flat file V2: the row with the total, then the rows."""
    first = {
        "settlement-id": "99900001",
        "settlement-start-date": "2026-11-01 00:00:00 UTC",
        "settlement-end-date": "2026-11-08 00:00:00 UTC",
        "deposit-date": "2026-11-10 00:00:00 UTC",
        "total-amount": total,
        "currency": "INR",
    } | {name.replace("_", "-"): value for name, value in header.items()}
    lines = ["\t".join(names)]
    lines += ["\t".join(row.get(name, "") for name in FLAT) for row in (first, *rows)]
    return ("\r\n".join(lines) + "\r\n").encode()


RANGE = (
    "date/time",
    "settlement id",
    "type",
    "order id",
    "Sku",
    "description",
    "quantity",
    "marketplace",
    "account type",
    "fulfillment",
    "order city",
    "order state",
    "order postal",
    "product sales",
    "shipping credits",
    "gift wrap credits",
    "promotional rebates",
    "Total sales tax liable(GST before adjusting TCS)",
    "TCS-CGST",
    "TCS-SGST",
    "TCS-IGST",
    "TDS (Section 194-O)",
    "selling fees",
    "fba fees",
    "other transaction fees",
    "other",
    "total",
    "Transaction Status",
    "Transaction Release Date",
)
_DEFINITIONS = (
    '"Includes Amazon Marketplace, Fulfillment by Amazon (FBA); and Amazon Webstore transactions"',
    '"All amounts in INR, unless specified"',
    '"Definitions:"',
    '"Sales tax collected: Includes sales tax collected from buyers for product sales, shipping, and gift wrap."',
    '"Selling fees: Includes variable closing fees and referral fees."',
    "",
)


def range_row(**changed: str) -> dict[str, str]:
    """A released sale of a date-range CSV: 1,250 with 5 % GST, and 367.28 of fees with their GST."""
    row = dict.fromkeys(RANGE, "0") | {
        "date/time": "3 Nov 2026 10:42:33 am UTC",
        "settlement id": "99900002",
        "type": "Order",
        "order id": AMAZON_ORDER,
        "Sku": "DHOKRA-HORSE",
        "description": "A brass horse, cast by hand",
        "quantity": "1",
        "marketplace": "amazon.in",
        "account type": "Standard Orders",
        "fulfillment": "Merchant",
        "order city": "NOWHERE",
        "order state": "NOWHERE",
        "order postal": "000000",
        "product sales": "1,190.48",
        "Total sales tax liable(GST before adjusting TCS)": "59.52",
        "TCS-IGST": "-5.95",
        "TDS (Section 194-O)": "-1.19",
        "selling fees": "-197.36",
        "other transaction fees": "-169.92",
        "total": "875.58",
        "Transaction Status": "Released",
        "Transaction Release Date": "10 Nov 2026 6:00:00 am UTC",
    }
    return row | changed


def date_range(*rows: Mapping[str, str], names: Sequence[str] = RANGE) -> bytes:
    """A date-range CSV with its definitions above the heading."""
    lines = [*_DEFINITIONS, ",".join(f'"{name}"' for name in names)]
    lines += [",".join(f'"{row.get(name, "")}"' for name in RANGE) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8-sig")


def repacked(
    raw: bytes, *, changed: Mapping[str, bytes] | None = None, added: Mapping[str, bytes] | None = None
) -> bytes:
    """A workbook with some of its parts changed or others added."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, (changed or {}).get(name, old.read(name)))
        for name, content in (added or {}).items():
            new.writestr(name, content)
    return made.getvalue()


def part(raw: bytes, name: str) -> bytes:
    """One part of a workbook, as it is packed in it."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return archive.read(name)
