"""Settlement files of all shapes: what they bring to the paisa, and how they are refused whole."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from openpyxl import load_workbook

from hunar.domain.settlement import Kind, SettlementFile, SettlementLine, clashes, line_key, merge
from hunar.marketplaces import amazon_settlement, flipkart_settlement, plain_settlement
from tests.settlement_files import (
    AMAZON_ORDER,
    FLAT,
    FLIPKART,
    NO_ORDER,
    RANGE,
    REST_ROWS,
    SALE_ROWS,
    SHORT,
    date_range,
    flat_file,
    flat_row,
    flipkart,
    part,
    range_row,
    repacked,
    sold,
)

GSTIN = "10AAAAA0000A1Z5"
ANOTHER = "27BBBBB1111B1Z5"


def taken(file: SettlementFile) -> tuple[SettlementLine, ...]:
    assert file.findings == ()
    return file.lines


def refused(file: SettlementFile) -> list[str]:
    """What is wrong, as people read it. Nothing of the file may be left."""
    assert file.findings
    assert (file.lines, file.deferred, file.totals) == ((), (), {})
    return [str(finding) for finding in file.findings]


# --- Flipkart


def orders(*rows: Any, **settings: Any) -> SettlementFile:
    return flipkart_settlement.read(flipkart(*rows, **settings), "main", file="nov.xlsx")


def test_the_published_row_of_flipkart_comes_to_what_the_bank_received() -> None:
    file = orders(sold())
    [line] = taken(file)
    assert line.heads == {
        "sale": 109900,
        "fee:commission": -2198,
        "fee:fixed_fee": -5000,
        "fee:collection_fee": -2198,
        "fee:pick_and_pack_fee": -1400,
        "fee:shipping_fee": -5800,
        "gst_on_fees": -2987,
        "tcs": -931,
        "tds": -279,
    }
    assert line.amount == 89107
    assert file.totals == {"AXISN00000000001": 89107}
    assert (line.order_id, line.item_id, line.listing) == ("OD999000000000000001", "99900000000000001", "JUTE-BAG-01")
    assert (line.kind, line.quantity, line.row) == (Kind.SALE, 1, 4)
    assert line.paid_at == "2022-12-07T00:00:00+05:30"
    assert line.reference == "AXISN00000000001"
    assert file.notes == ()


def test_amounts_come_as_numbers_or_as_texts() -> None:
    numbers = {name: float(value) for name, value in sold().items() if name in SHORT[9:18] + SHORT[20:32] and value}
    [numeric] = taken(orders(sold(bank=891.07, **numbers)))
    [written] = taken(orders(sold(sale="₹1,099.00", fee="(165.96)")))
    assert numeric.heads == written.heads
    assert numeric.key == written.key


def test_an_order_item_that_is_settled_in_parts_is_summed_never_overwritten() -> None:
    later = dict.fromkeys(SHORT, None) | {
        "neft": "AXISN00000000002",
        "paid": "2023-01-10",
        "order": "OD999000000000000001",
        "item": "99900000000000001",
        "bank": "-1099.00",
        "fee": "0",
        "taxes": "0",
        "refund": "-1099.00",
    }
    back = later | {"neft": "AXISN00000000003", "bank": "350", "refund": None, "protection": "350"}
    file = orders(sold(), later, back)
    assert [(line.kind, line.amount) for line in taken(file)] == [
        (Kind.SALE, 89107),
        (Kind.REFUND, -109900),
        (Kind.ADJUSTMENT, 35000),
    ]
    assert {line.item_id for line in file.lines} == {"99900000000000001"}
    assert file.totals == {"AXISN00000000001": 89107, "AXISN00000000002": -109900, "AXISN00000000003": 35000}
    assert file.lines[2].heads == {"protection_fund": 35000}


def test_rows_that_are_not_paid_yet_are_no_money() -> None:
    file = orders(sold(), sold(neft=None, paid=None, item="99900000000000002"))
    assert len(taken(file)) == 1
    assert [line.item_id for line in file.deferred] == ["99900000000000002"]
    assert file.totals == {"AXISN00000000001": 89107}


def test_a_name_is_known_however_it_is_broken_and_spaced() -> None:
    names = [name.replace(" ", "  ").replace("(Rs.)", "\n(Rs.)").upper() for name in FLIPKART]
    assert taken(orders(sold(), names=names)) == taken(orders(sold()))


def test_a_new_column_that_a_sum_counts_in_is_kept_with_its_own_name() -> None:
    names = [name.replace("Shopsy Marketing Fee", "Green Packing Fee") for name in FLIPKART]
    [line] = taken(orders(sold(shopsy="-10", fee="-175.96", bank="881.07"), names=names))
    assert line.heads["other:green packing fee"] == -1000
    assert line.amount == 88107


def test_a_renamed_column_without_a_sum_that_names_it_is_missed_by_the_sum() -> None:
    names = [name.replace("Fixed Fee", "Fixt Fee").replace("= SUM (T:AC)", "") for name in FLIPKART]
    first = refused(orders(sold(), names=names))[0]
    assert first.startswith("nov.xlsx sheet Orders row 4 column Marketplace Fee (Rs.): states -165.96, but the fees")
    assert "not read are Fixt Fee (Rs.)" in first


def test_credits_are_compared_and_never_posted() -> None:
    file = orders(sold(credits="99.99"))
    assert taken(file)[0].amount == 89107
    assert [str(note) for note in file.notes] == [
        "nov.xlsx sheet Orders row 4 column Input GST + TCS Credits (Rs.) [GST+TCS]: "
        "states 99.99 where 39.18 were withheld"
    ]


def test_names_under_a_group_that_is_spread_over_them_stand_in_the_row_below() -> None:
    book = load_workbook(io.BytesIO(flipkart(sold())))
    sheet = book["Orders"]
    for column in range(21, 24):
        sheet.cell(3, column).value = sheet.cell(2, column).value
        sheet.cell(2, column).value = "Fees" if column == 21 else None
    sheet.merge_cells("U2:W2")
    made = io.BytesIO()
    book.save(made)
    assert taken(flipkart_settlement.read(made.getvalue(), "main")) == taken(orders(sold()))


def test_the_accounts_own_charges_stand_on_further_sheets_and_other_sheets_are_named() -> None:
    file = orders(
        sold(),
        sheets={
            "Ads": [
                ["NEFT ID", "Payment Date", "Bank Settlement Value (Rs.)"],
                ["AXISN00000000001", "2022-12-07", "-250.00"],
            ],
            "Non_Order_SPF": [
                ["", "", ""],
                ["NEFT ID", "Payment Date", "Bank Settlement Value (Rs.)", "Order item ID"],
                ["AXISN00000000001", "2022-12-07", 120, "'99900000000000001"],
            ],
            "Help": [["Bank Settlement Value", "is what you get"]],
        },
    )
    _, ads, spf = taken(file)
    assert (ads.kind, ads.order_id, ads.heads) == (Kind.ACCOUNT, None, {"other:Ads": -25000})
    assert (spf.kind, spf.item_id, spf.heads) == (Kind.ADJUSTMENT, "99900000000000001", {"protection_fund": 12000})
    assert file.totals == {"AXISN00000000001": 89107 - 25000 + 12000}
    assert [str(note) for note in file.notes] == [
        "nov.xlsx sheet Help: is not read: it has no 'NEFT ID' with a 'Bank Settlement Value'"
    ]


def test_days_of_a_workbook_come_as_numbers_and_in_both_orders() -> None:
    assert taken(orders(sold(paid=44902)))[0].paid_at == "2022-12-07T00:00:00+05:30"
    shown = orders(sold(paid="07/12/2022"), sold(paid="25/12/2022"))
    assert taken(shown)[0].paid_at == "2022-12-07T00:00:00+05:30"
    names = [name.replace("Payment Date", "Payment Date (MM/DD/YYYY)") for name in FLIPKART]
    assert "is missing" in refused(orders(sold(paid="12/07/2022"), names=names))[0]


@pytest.mark.parametrize(
    ("changed", "column", "said"),
    [
        ({"commission": "abc"}, "Commission (Rs.)", "'abc' is not an amount"),
        ({"bank": None}, "Bank Settlement Value (Rs.) = SUM(J:R)", "is empty; nothing at all would be 0"),
        ({"bank": "891.08"}, "Bank Settlement Value (Rs.) = SUM(J:R)", "states 891.08, but the amounts"),
        ({"taxes": "-41.98"}, "Taxes (Rs.)", "states -41.98, but TCS, TDS and GST on the fees come to -41.97"),
        ({"fee": "-165.95"}, "Marketplace Fee (Rs.) = SUM (T:AC)", "states -165.95, but the fees beside it"),
        ({"sale": "1.2E+17"}, "Sale Amount (Rs.)", "shortened"),
        ({"sale": 1099.001}, "Sale Amount (Rs.)", "parts of a paisa"),
        ({"sale": "=1000+99"}, "Sale Amount (Rs.)", "is a formula"),
        ({"item": "1.2E+17"}, "Order item ID", "shortened"),
        ({"item": 99900000000000001}, "Order item ID", "lost digits"),
        ({"item": 1.2e17}, "Order item ID", "lost digits"),
        ({"item": "#REF!"}, "Order item ID", "error of the spreadsheet"),
        ({"order": "=A1"}, "Order ID", "is a formula"),
        ({"paid": "07/12/2022"}, "Payment Date", "can be two days"),
        ({"paid": "soon"}, "Payment Date", "is not a day"),
        ({"paid": None}, "Payment Date", "is empty, but the row has a NEFT ID"),
        ({"quantity": "some"}, "Quantity", "is not a number of pieces"),
        ({"neft": None, "order": None, "item": None}, None, "neither a NEFT ID nor an order"),
    ],
)
def test_one_wrong_cell_refuses_the_whole_workbook_and_is_named(
    changed: dict[str, Any], column: str | None, said: str
) -> None:
    findings = refused(orders(sold(item="99900000000000002"), sold(**changed)))
    place = "nov.xlsx sheet Orders row 5" + (f" column {column}" if column else "")
    assert any(finding.startswith(f"{place}: ") and said in finding for finding in findings)
    assert all(" row 5" in finding for finding in findings)


def test_an_unreadable_amount_is_named_once_and_the_sums_keep_silent() -> None:
    assert len(refused(orders(sold(commission="abc")))) == 1


def test_a_wrong_column_is_not_told_a_thousand_times() -> None:
    findings = refused(orders(*[sold(bank="1")] * 200))
    assert len(findings) == 51
    assert findings[-1] == "nov.xlsx: has 150 more problems"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("TCS (Rs.)", "TCS collected", "column tcs: is missing in the heading"),
        ("Seller SKU", "Order ID", "column Order ID: stands twice in the heading"),
    ],
)
def test_missing_and_doubled_columns_are_named(old: str, new: str, said: str) -> None:
    names = [new if name == old else name for name in FLIPKART]
    [finding] = refused(orders(sold(), names=names))
    assert said in finding
    assert "sheet Orders row 2" in finding


def test_workbooks_that_hold_no_orders_are_refused() -> None:
    book = load_workbook(io.BytesIO(flipkart(sold())))
    book["Orders"].title = "Sheet1"
    made = io.BytesIO()
    book.save(made)
    assert "nov.xlsx: has no sheet 'Orders'" in refused(
        flipkart_settlement.read(made.getvalue(), "main", file="nov.xlsx")
    )
    assert "has no heading" in refused(orders(names=["nothing"]))[0]
    assert "has no rows of money" in refused(orders())[0]
    assert refused(flipkart_settlement.read(b"PK\x03\x04", "main", file="nov.xlsx")) == [
        "nov.xlsx: is broken off or damaged; download it anew"
    ]


def test_a_cell_beside_the_columns_is_not_overlooked() -> None:
    book = load_workbook(io.BytesIO(flipkart(sold())))
    book["Orders"].cell(4, 40).value = 12
    made = io.BytesIO()
    book.save(made)
    assert refused(flipkart_settlement.read(made.getvalue(), "main", file="f")) == [
        "f sheet Orders row 4: column AN has no name in the heading"
    ]


def test_a_sum_may_be_a_formula_with_a_value_and_nothing_else_may() -> None:
    [finding] = refused(orders(sold(bank="=SUM(J4:R4)")))
    assert "is a formula without a value" in finding
    raw = flipkart(sold(bank=891.07, sale=1099.0))
    sheet = part(raw, "xl/worksheets/sheet1.xml")
    for cell, column in (("C4", None), ("J4", "Sale Amount (Rs.)")):
        begins = f'<c r="{cell}" t="n">'.encode()
        assert begins in sheet
        formula = repacked(
            raw, changed={"xl/worksheets/sheet1.xml": sheet.replace(begins, begins + b"<f>SUM(A1:B1)</f>")}
        )
        file = flipkart_settlement.read(formula, "main", file="f")
        if column is None:
            assert taken(file) == taken(orders(sold()))
        else:
            assert refused(file) == [
                f"f sheet Orders row 4 column {column}: is a formula; the marketplace's own file has values, "
                "download it anew"
            ]


def test_a_workbook_of_another_seller_is_refused() -> None:
    names = [name.replace("Shipping Zone", "Seller GSTIN") for name in FLIPKART]
    raw = flipkart(sold(zone=GSTIN), names=names)
    assert taken(flipkart_settlement.read(raw, "main", sellers=[GSTIN.lower(), "some-seller-id"]))
    assert taken(flipkart_settlement.read(raw, "main"))
    [finding] = refused(flipkart_settlement.read(raw, "main", sellers=[ANOTHER]))
    assert finding == f"sheet Orders row 4 column Seller GSTIN: the file is of another seller, {GSTIN}"
    mixed = flipkart(sold(zone=GSTIN), sold(zone=ANOTHER), names=names)
    assert "more than one seller" in refused(flipkart_settlement.read(mixed, "main"))[0]


# --- Amazon's flat file V2


def flat(*rows: dict[str, str], total: str, **settings: Any) -> SettlementFile:
    return amazon_settlement.read(flat_file(*rows, total=total, **settings), "main", file="v2.txt")


def test_a_flat_file_comes_to_its_own_total_head_by_head() -> None:
    file = flat(*SALE_ROWS, *REST_ROWS, total="-110.99")
    lines = taken(file)
    assert file.totals == {"99900001": -11099}
    assert [(line.kind, *line.heads.items()) for line in lines] == [
        (Kind.SALE, ("sale", 119048)),
        (Kind.SALE, ("sale", 5952)),
        (Kind.SALE, ("shipping_paid_by_buyer", 4000)),
        (Kind.SALE, ("shipping_paid_by_buyer", 200)),
        (Kind.SALE, ("offer", -4200)),
        (Kind.SALE, ("fee:commission", -10625)),
        (Kind.SALE, ("gst_on_fees", -956)),
        (Kind.SALE, ("gst_on_fees", -956)),
        (Kind.SALE, ("fee:closing_fee", -6100)),
        (Kind.SALE, ("gst_on_fees", -1098)),
        (Kind.SALE, ("fee:technology_fee", -500)),
        (Kind.SALE, ("fee:easy_ship", -14400)),
        (Kind.SALE, ("tcs", -595)),
        (Kind.SALE, ("tds", -119)),
        (Kind.REFUND, ("refund", -125000)),
        (Kind.REFUND, ("fee:commission", 10625)),
        (Kind.REFUND, ("fee:refund_commission", -2125)),
        (Kind.ADJUSTMENT, ("reimbursement", 30000)),
        (Kind.ACCOUNT, ("reimbursement", 2550)),
        (Kind.ACCOUNT, ("reserve", -20000)),
        (Kind.ACCOUNT, ("reserve", 15000)),
        (Kind.ACCOUNT, ("other:Cost of Advertising: TransactionTotalAmount", -11800)),
    ]
    assert lines[0].posted_at == "2026-11-03T05:12:33+00:00"
    assert lines[0].paid_at == "2026-11-10T00:00:00+00:00"
    assert len({line.key for line in lines}) == len(lines), "CGST and SGST of one fee are two rows, not one"


def test_the_two_halves_of_a_tax_that_say_the_same_are_two_rows_of_money() -> None:
    half = flat_row("-2.98", "ItemTCS", "TCS")
    file = flat(flat_row("100.00", "ItemPrice", "Principal"), half, half, total="94.04")
    assert len({line.key for line in taken(file)}) == 3


def test_an_unknown_type_is_kept_with_its_words_and_never_dropped() -> None:
    file = flat(
        flat_row("-12.00", "ItemFees", "Moonlight Fee"),
        flat_row("7.00", "NewThing", "Something", **NO_ORDER),
        flat_row("-5.00", "other-transaction", "Transfer of funds unsuccessful: try again", **NO_ORDER),
        total="-10.00",
    )
    assert [dict(line.heads) for line in taken(file)] == [
        {"other:ItemFees: Moonlight Fee": -1200},
        {"other:NewThing: Something": 700},
        {"transfer": -500},
    ]


def test_days_of_a_flat_file_in_another_form_are_the_same_days() -> None:
    rows = [
        flat_row("10.00", "ItemPrice", "Principal", posted_date="03/11/2026", posted_date_time=""),
        flat_row("5.00", "ItemPrice", "Shipping", posted_date="13/11/2026", posted_date_time=""),
    ]
    assert taken(flat(*rows, total="15.00"))[0].posted_at == "2026-11-03T00:00:00+05:30"
    assert "can be two days" in refused(flat(rows[0], total="10.00"))[0]


@pytest.mark.parametrize(
    ("changed", "column", "said"),
    [
        ({"amount": ""}, "amount", "is empty"),
        ({"amount": "abc"}, "amount", "not an amount"),
        ({"amount": "12,50"}, "amount", "not an amount"),
        ({"order_id": "1.2E+17"}, "order-id", "shortened"),
        ({"order_item_code": "1.2E+17"}, "order-item-code", "shortened"),
        ({"settlement_id": ""}, "settlement-id", "is empty"),
        ({"amount_type": ""}, "amount-type", "is empty"),
        ({"posted_date": "", "posted_date_time": ""}, "posted-date", "is empty"),
        ({"quantity_purchased": "1.5"}, "quantity-purchased", "is not a number of pieces"),
    ],
)
def test_one_wrong_cell_refuses_the_whole_flat_file(changed: dict[str, str], column: str, said: str) -> None:
    row = flat_row("5.00", "ItemPrice", "Shipping") | {n.replace("_", "-"): v for n, v in changed.items()}
    [finding] = refused(flat(flat_row("10.00", "ItemPrice", "Principal"), row, total="15.00"))
    assert finding.startswith(f"v2.txt row 4 column {column}: ")
    assert said in finding


def test_a_flat_file_that_does_not_add_up_or_is_broken_off_is_refused() -> None:
    rows = (flat_row("10.00", "ItemPrice", "Principal"), flat_row("5.00", "ItemPrice", "Shipping"))
    [finding] = refused(flat(*rows, total="15.01"))
    assert finding == (
        "v2.txt column total-amount: 99900001 states 15.01, but its rows come to 15.00; rows are missing or changed"
    )
    raw = flat_file(*rows, total="15.00")
    for end in range(1, len(raw) - 2):
        assert refused(amazon_settlement.read(raw[:end], "main"))


def test_a_flat_file_of_another_currency_or_shape_is_refused() -> None:
    row = flat_row("10.00", "ItemPrice", "Principal")
    assert "USD is not INR" in refused(flat(row, total="10.00", currency="USD"))[0]
    doubled = flat(row, row | {"total-amount": "10.00", "currency": "INR", "amount": ""}, total="10.00")
    assert "states its total twice" in refused(doubled)[0]
    orphan = refused(flat(row, flat_row("1.00", "ItemPrice", "Shipping", settlement_id="2"), total="10.00"))
    assert "2 has no row that states its total" in orphan[0]
    without = [name if name != "amount" else "amount-inr" for name in FLAT]
    assert "column amount: is missing" in refused(flat(row, total="10.00", names=without))[0]
    twice = [name if name != "promotion-id" else "amount" for name in FLAT]
    assert "column amount: stands twice" in refused(flat(row, total="10.00", names=twice))[0]
    saved = flat_file(row, total="10.00").replace(b"\t", b",")
    assert "saved by a spreadsheet" in refused(amazon_settlement.read(saved, "main"))[0]


# --- Amazon's date-range CSV


def ranged(*rows: dict[str, str], **settings: Any) -> SettlementFile:
    return amazon_settlement.read(date_range(*rows, **settings), "main", file="range.csv")


def test_fees_of_a_date_range_lose_their_gst_and_the_row_still_comes_to_its_total() -> None:
    [line] = taken(ranged(range_row()))
    assert line.heads == {
        "sale": 125000,
        "tcs": -595,
        "tds": -119,
        "fee:selling_fees": -16725,
        "fee:other_transaction_fees": -14400,
        "gst_on_fees": -5603,
    }
    assert line.amount == 87558
    assert (line.settlement_id, line.order_id, line.listing) == ("99900002", AMAZON_ORDER, "DHOKRA-HORSE")
    assert line.paid_at == "2026-11-10T06:00:00+00:00"
    assert line.row == 8


def test_the_published_fees_of_311_25_are_367_28_with_their_gst() -> None:
    row = range_row(**dict.fromkeys(RANGE[13:27], "0")) | {"selling fees": "-367.28", "total": "-367.28"}
    [line] = taken(ranged(row))
    assert line.heads == {"fee:selling_fees": -31125, "gst_on_fees": -5603}


def test_only_what_is_released_is_money() -> None:
    file = ranged(
        range_row(),
        range_row(**{"Transaction Status": "Deferred", "settlement id": "", "order id": "405-9990001-9990002"}),
    )
    assert len(taken(file)) == 1
    assert [line.order_id for line in file.deferred] == ["405-9990001-9990002"]
    assert file.totals == {"99900002": 87558}
    assert file.deferred[0].key not in merge([file])
    waiting = ranged(range_row(**{"Transaction Status": "Deferred"}))
    assert (waiting.findings, waiting.lines, len(waiting.deferred)) == ((), (), 1)


def test_a_payout_and_the_other_rows_of_a_date_range() -> None:
    nothing = dict.fromkeys(RANGE[13:27], "0")
    free = {"order id": "", "Sku": "", "quantity": ""}
    rows = [
        range_row(),
        range_row(**nothing, **free) | {"type": "Transfer", "other": "-875.58", "total": "-875.58"},
        range_row(**nothing) | {"type": "SAFE-T Reimbursement", "other": "90.00", "total": "90.00"},
        range_row(**nothing, **free)
        | {
            "type": "Service Fee",
            "description": "Cost of Advertising",
            "other transaction fees": "-118",
            "total": "-118",
        },
        range_row(**nothing)
        | {"type": "Refund", "product sales": "-100.00", "selling fees": "11.80", "total": "-88.20"},
        range_row(**nothing, **free) | {"type": "Debt", "description": "Debt adjustment", "other": "5", "total": "5"},
    ]
    lines = taken(ranged(*rows))
    assert [(line.kind, dict(line.heads)) for line in lines[1:]] == [
        (Kind.PAYOUT, {"transfer": -87558}),
        (Kind.ADJUSTMENT, {"reimbursement": 9000}),
        (Kind.ACCOUNT, {"fee:other_transaction_fees": -10000, "gst_on_fees": -1800}),
        (Kind.REFUND, {"refund": -10000, "fee:selling_fees": 1000, "gst_on_fees": 180}),
        (Kind.ACCOUNT, {"other:Debt: Debt adjustment": 500}),
    ]
    assert ranged(*rows).totals == {"99900002": 87558 + 9000 - 11800 - 8820 + 500}


def test_nothing_of_the_buyer_is_taken() -> None:
    assert "NOWHERE" not in repr(ranged(range_row()))


def test_an_unknown_amount_of_a_date_range_is_kept_with_its_own_name() -> None:
    [line] = taken(ranged(range_row(**{"gift wrap credits": "10.00", "total": "885.58"})))
    assert line.heads["other:gift wrap credits"] == 1000


@pytest.mark.parametrize(
    ("changed", "column", "said"),
    [
        ({"Transaction Status": "Relea"}, "Transaction Status", "'Relea' is neither Released nor Deferred"),
        ({"Transaction Status": ""}, "Transaction Status", "neither Released nor Deferred"),
        ({"total": "875.59"}, "total", "states 875.59, but the amounts of the row come to 875.58"),
        ({"total": ""}, "total", "is empty"),
        ({"selling fees": "-197.361"}, "selling fees", "parts of a paisa"),
        ({"date/time": "03/04/2026 10:00"}, "date/time", "can be two days"),
        ({"date/time": ""}, "date/time", "is empty"),
        ({"type": ""}, "type", "is empty"),
        ({"settlement id": ""}, "settlement id", "is empty, but the money is released"),
        ({"settlement id": "1.2E+17"}, "settlement id", "shortened"),
    ],
)
def test_one_wrong_cell_refuses_the_whole_date_range(changed: dict[str, str], column: str, said: str) -> None:
    findings = refused(ranged(range_row(), range_row(**changed)))
    assert any(finding.startswith(f"range.csv row 9 column {column}: ") and said in finding for finding in findings)


def test_a_date_range_that_is_broken_off_within_a_row_is_refused_unless_all_its_money_is_there() -> None:
    raw = date_range(range_row(), range_row(**{"order id": "405-9990001-9990002"}))
    whole = raw.rstrip(b"\n")
    start = whole.rindex(b"\n")
    complete = merge([amazon_settlement.read(raw, "main")])
    for end in range(start + 2, len(whole)):
        file = amazon_settlement.read(raw[:end], "main")
        assert file.findings or merge([file]).keys() == complete.keys(), raw[:end]


def test_what_is_filled_in_later_does_not_make_a_row_another_one() -> None:
    [early] = taken(ranged(range_row(**{"Transaction Release Date": ""})))
    [late] = taken(ranged(range_row()))
    assert (early.paid_at, early.key) == (None, late.key)
    assert taken(orders(sold()))[0].key == taken(orders(sold(return_status="returned", tier="gold")))[0].key


def test_a_date_range_of_another_currency_or_with_other_columns_is_refused() -> None:
    raw = date_range(range_row()).replace(b"All amounts in INR", b"All amounts in USD")
    assert refused(amazon_settlement.read(raw, "main", file="r.csv")) == ["r.csv row 2: USD is not INR"]
    without = [name if name != "Transaction Status" else "State" for name in RANGE]
    assert "column transaction status: is missing" in refused(ranged(range_row(), names=without))[0]
    assert "is neither a flat file" in refused(amazon_settlement.read(b"", "main"))[0]
    assert "is neither a flat file" in refused(amazon_settlement.read(b"hello,world\n", "main"))[0]
    assert "is a workbook" in refused(amazon_settlement.read(flipkart(sold()), "main"))[0]
    assert "has 20 MB" in refused(amazon_settlement.read(bytes((20 << 20) + 1), "main"))[0]
    latin = date_range(range_row(description="A horse")).replace(b"A horse", b"caf\xe9")
    assert "row 8: is not UTF-8" in refused(amazon_settlement.read(latin, "main"))[0]


# --- a plain CSV of any other channel

PLAIN = (
    "settlement_id,paid_at (DD/MM/YYYY),posted_at,reference,order_id,item_id,listing,quantity,"
    "sale,offer,refund,fee:commission,gst_on_fees,tcs,tds,adjustment,bank_value\n"
)
PLAIN_ROWS = (
    'FAIR-7,03/11/2026,2026-10-30,UTR0001,F-1,,MASK-RED,2,"1,000.00",,,(50.00),(9.00),-4.76,-0.95,,935.29\n'
    "FAIR-7,03/11/2026,2026-10-31,UTR0001,F-1,,MASK-RED,1,,,-500,,,,,,-500.00\n"
    "FAIR-7,03/11/2026,2026-10-31,UTR0001,,,,,,,,,,,,-25,-25\n"
)


def plain(text: str, **settings: Any) -> SettlementFile:
    return plain_settlement.read(text.encode(), "main", file="fair.csv", **settings)


def test_a_plain_settlement_of_any_channel() -> None:
    file = plain(PLAIN + PLAIN_ROWS, marketplace="fair")
    sale, refund, charge = taken(file)
    assert sale.heads == {"sale": 100000, "fee:commission": -5000, "gst_on_fees": -900, "tcs": -476, "tds": -95}
    assert (sale.kind, sale.paid_at, sale.posted_at) == (
        Kind.SALE,
        "2026-11-03T00:00:00+05:30",
        "2026-10-30T00:00:00+05:30",
    )
    assert (sale.marketplace, sale.reference, sale.quantity) == ("fair", "UTR0001", 2)
    assert (refund.kind, charge.kind) == (Kind.REFUND, Kind.ACCOUNT)
    assert file.totals == {"FAIR-7": 93529 - 50000 - 2500}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("(DD/MM/YYYY)", "", "row 2 column paid_at: 03/11/2026 can be two days"),
        ("2026-10-30", "", "row 2 column posted_at: is empty"),
        ("FAIR-7,03/11/2026,2026-10-30", ",03/11/2026,2026-10-30", "row 2 column settlement_id: is empty"),
        ("935.29", "935.3", "row 2 column bank_value: states 935.30, but the amounts of the row come to 935.29"),
        ("935.29", "", "row 2 column bank_value: is empty"),
        ("F-1", "1.2E+17", "row 2 column order_id: 1.2E+17 is a long number that the spreadsheet has shortened"),
        (",fee:commission", ",comission", "row 1 column comission: is an unknown column"),
        (",bank_value", ",bank", "row 1 column bank_value: is missing"),
        (",offer", ",sale", "row 1 column sale: stands twice"),
        ("-500.00\n", "-500.00,7\n", "row 3: has 18 cells where the heading has 17"),
        (",,-25,-25\n", "", "row 4: has 14 cells where the heading has 17; the file is broken off here"),
        ("(50.00)", "(50.00", "row 2 column fee:commission: "),
        ("paid_at (DD/MM/YYYY)", "paid_at (MM/DD/YYYY)", ""),
    ],
)
def test_a_wrong_plain_settlement_names_the_place(old: str, new: str, said: str) -> None:
    file = plain((PLAIN + PLAIN_ROWS).replace(old, new, 1))
    if said:
        assert any(f"fair.csv {said}" in finding for finding in refused(file))
    else:
        assert taken(file)[0].paid_at == "2026-03-11T00:00:00+05:30"


def test_a_heading_that_states_another_order_than_its_days_is_refused() -> None:
    text = (PLAIN + PLAIN_ROWS).replace("DD/MM/YYYY", "MM/DD/YYYY").replace("03/11/2026", "23/11/2026")
    assert "in another order than the heading states" in refused(plain(text))[0]


def test_a_plain_settlement_with_other_separators_is_told_how_to_be_saved() -> None:
    assert "separated by semicolons" in refused(plain((PLAIN + PLAIN_ROWS).replace(",", ";")))[0]
    assert taken(plain("sep=,\n" + PLAIN + PLAIN_ROWS))
    long = PLAIN + PLAIN_ROWS.replace("F-1", "F" * 101, 1)
    assert "column order_id: has 101 letters" in refused(plain(long))[0]


def test_a_plain_settlement_can_name_its_seller_and_its_kinds() -> None:
    text = "settlement_id,order_id,posted_at,seller_gstin,kind,adjustment,bank_value\n"
    text += f"S1,,2026-11-01,{GSTIN},adjustment,5,5\n"
    assert taken(plain(text, sellers=[GSTIN]))[0].kind == Kind.ADJUSTMENT
    assert "another seller" in refused(plain(text, sellers=[ANOTHER]))[0]
    assert "column kind: 'gift' is not one of" in refused(plain(text.replace("adjustment,5", "gift,5")))[0]
    assert "is empty" in refused(plain(""))[0]
    assert "has 20 MB" in refused(plain_settlement.read(bytes((20 << 20) + 1), "main"))[0]


# --- between files


def test_a_settlement_is_taken_from_one_report_only() -> None:
    file = ranged(range_row())
    assert clashes(file, {}) == ()
    assert clashes(file, {"99900002": file.shape, "1": "another"}) == ()
    [problem] = clashes(file, {"99900002": "amazon-flat-file-v2"})
    assert str(problem) == "settlement 99900002 was taken from amazon-flat-file-v2 already"


def test_a_key_hangs_on_who_what_when_and_how_much_and_on_nothing_else() -> None:
    [line] = taken(orders(sold()))
    said = {"sale amount": 109900}
    for field in ("marketplace", "account", "settlement_id", "item_id", "order_id", "listing", "posted_at"):
        assert line_key(replace(line, **{field: "another"}), said, 1) != line_key(line, said, 1), field
    assert line_key(replace(line, quantity=2), said, 1) != line_key(line, said, 1)
    assert line_key(line, said, 2) != line_key(line, said, 1)
    assert line_key(line, said | {"refund": 1}, 1) != line_key(line, said, 1)
    assert line_key(line, said | {"refund": 0}, 1) == line_key(line, said, 1)
    later = replace(line, key="x", row=9, kind="REFUND", heads={"other:new": 1}, paid_at=None, reference="UTR")
    assert line_key(later, said, 1) == line_key(line, said, 1)


def test_another_meaning_or_rate_makes_no_new_row_of_an_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [
        orders(sold()),
        flat(flat_row("-12.00", "ItemFees", "Moonlight Fee"), total="-12.00"),
        ranged(range_row()),
    ]
    monkeypatch.setitem(flipkart_settlement._FEES, "commission", "fee:referral")
    monkeypatch.setitem(amazon_settlement._FEES, "moonlightfee", "moonlight_fee")
    after = [
        orders(sold()),
        flat(flat_row("-12.00", "ItemFees", "Moonlight Fee"), total="-12.00"),
        amazon_settlement.read(date_range(range_row()), "main", gst_ppm=120_000),
    ]
    for old, new in zip(before, after, strict=True):
        assert merge([old]).keys() == merge([new]).keys()
        assert [line.heads for line in taken(old)] != [line.heads for line in taken(new)]


def test_a_line_takes_whole_paise_and_known_heads_only() -> None:
    [line] = taken(orders(sold()))
    for heads, said in (
        ({"sale": 1.0}, "whole paise"),
        ({"sale": True}, "whole paise"),
        ({"sale": 10**15}, "whole paise"),
        ({"sold": 1}, "not a head"),
        ({"fee:": 1}, "not a head"),
    ):
        with pytest.raises(ValueError, match=said):
            SettlementLine(**{**line.__dict__, "heads": heads})
    with pytest.raises(ValueError, match="whole or not at all"):
        SettlementFile("flipkart", "main", "x", lines=(line,), findings=refused_file().findings)


def refused_file() -> SettlementFile:
    return orders(sold(bank="1"))


@pytest.mark.parametrize(
    ("said", "traits"),
    [
        ({"zone": "National", "tier": "Gold"}, {"zone": "national", "tier": "gold"}),
        ({"zone": "Zone 2 / Metro", "tier": ""}, {"zone": "zone-2-metro"}),
        ({"zone": "", "tier": ""}, {}),
    ],
)
def test_what_a_row_says_of_the_sale_is_kept_and_makes_no_other_row_of_it(
    said: dict[str, Any], traits: dict[str, Any]
) -> None:
    with_it, without = (
        taken(flipkart_settlement.read(flipkart(sold(**one)), "demo")) for one in (said, {"zone": "", "tier": ""})
    )
    assert with_it[0].traits == traits
    assert with_it[0].key == without[0].key
    assert SettlementLine.of_item(with_it[0].item()) == with_it[0]


@pytest.mark.parametrize(
    ("kilograms", "grams"), [("0.5", 500), ("2", 2000), ("0.5004", 501), ("", None), ("heavy", None)]
)
def test_a_weight_is_kept_in_grams_and_what_is_begun_counts(kilograms: str, grams: int | None) -> None:
    assert flipkart_settlement._grams(kilograms) == grams
