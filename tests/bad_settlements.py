"""Every way in which a settlement file can be wrong that issue 6 lists, with where it is wrong."""

from __future__ import annotations

from typing import NamedTuple

from hunar.domain.workbook import MOST_BYTES, MOST_UNPACKED
from tests.settlement_files import (
    FLAT,
    FLIPKART,
    RANGE,
    SALE_ROWS,
    date_range,
    flat_file,
    flipkart,
    range_row,
    repacked,
    sold,
)

SALE = "Sale Amount (Rs.)"


class Bad(NamedTuple):
    """A file that is refused: the row and the column that its first finding names, and words of it."""

    marketplace: str
    raw: bytes
    row: int | None
    column: str | None
    said: str


def plain(row: str, heading: str = "settlement_id,order_id,posted_at,bank_value,sale") -> bytes:
    return f"{heading}\n{row}\n".encode()


def _flat(**changed: str) -> bytes:
    return flat_file(
        *SALE_ROWS[1:], SALE_ROWS[0] | {name.replace("_", "-"): v for name, v in changed.items()}, total="896.51"
    )


def _doubled(names: tuple[str, ...], name: str, into: str) -> list[str]:
    return [into if one == name else one for one in names]


_WHOLE = flat_file(*SALE_ROWS, total="896.51")

BAD: dict[str, Bad] = {
    "an amount of words": Bad("flipkart", flipkart(sold(sale="eleven hundred")), 4, SALE, "eleven hundred"),
    "an amount in small groups": Bad("flipkart", flipkart(sold(sale="1,0,9")), 4, SALE, "1,0,9"),
    "an open bracket": Bad("flipkart", flipkart(sold(sale="(12.50")), 4, SALE, "(12.50"),
    "dollars": Bad("amazon", _flat(amount="$12"), 16, "amount", "$12"),
    "a part of a paisa": Bad("standard", plain("S1,O1,2026-11-01,12.345,12.345"), 2, "sale", "12.345"),
    "a blank that is no zero": Bad("flipkart", flipkart(sold(bank="")), 4,
        "Bank Settlement Value (Rs.) = SUM(J:R)", "0"),
    "a missing column": Bad("amazon", date_range(range_row(), names=_doubled(RANGE, "total", "sum")), 7,
        "total", "is missing"),
    "a renamed column": Bad("flipkart", flipkart(sold(), names=_doubled(FLIPKART, SALE, "Sales")), 2,
        "sale amount", "renamed"),
    "a doubled column": Bad("amazon", flat_file(*SALE_ROWS, total="896.51", names=_doubled(FLAT, "sku", "amount")), 1,
        "amount", "stands twice"),
    "a day of two months": Bad("standard", plain("S1,O1,03/04/2026,10,10"), 2, "posted_at", "03/04/2026"),
    "days in both orders": Bad("standard", plain("S1,O1,24/11/2026,10,10\nS1,O2,11/24/2026,10,10"), None, "posted_at",
        "11/24/2026"),
    "another seller": Bad("flipkart", flipkart(sold(zone="OTHERSELLER"), names=_doubled(FLIPKART, "Shipping Zone",
        "Seller ID")), 4, "Seller ID", "of another seller, OTHERSELLER"),
    "another seller's GSTIN": Bad("flipkart", flipkart(sold(zone="27ABCDE1234F1Z5"), names=_doubled(FLIPKART,
        "Shipping Zone", "Seller GSTIN")), 4, "Seller GSTIN", "of another seller, 27ABCDE1234F1Z5"),
    "a workbook that is broken off": Bad("flipkart", flipkart(sold())[:4000], None, None, ""),
    "a flat file that is broken off": Bad("amazon", _WHOLE[:-200], 15, None, "broken off"),
    "rows that are missing": Bad("amazon", flat_file(*SALE_ROWS[1:], total="896.51"), None, "total-amount", "missing"),
    "a formula": Bad("flipkart", flipkart(sold(sale="=1000+99")), 4, SALE, "is a formula"),
    "a shortened id": Bad("flipkart", flipkart(sold(item="1.2E+17")), 4, "Order item ID", "shortened"),
    "a shortened order": Bad("amazon", _flat(order_id="1.2E+17"), 16, "order-id", "shortened"),
    "macros": Bad("flipkart", repacked(flipkart(sold()), added={"xl/vbaProject.bin": b"x"}), None, None, "macros"),
    "a zip bomb": Bad("flipkart", repacked(flipkart(sold()), changed={
        "xl/worksheets/sheet1.xml": b"<worksheet>" + b" " * MOST_UNPACKED}), None, None, "unpack"),
    "a sum that does not come out": Bad("flipkart", flipkart(sold(bank="892.07")), 4,
        "Bank Settlement Value (Rs.) = SUM(J:R)", "892.07"),
    "nothing at all": Bad("standard", b"", None, None, "empty"),
    "a picture": Bad("flipkart", b"\x89PNG\r\n\x1a\n" + bytes(100), None, None, ""),
    "too large": Bad("amazon", b"settlement-id\t" + b" " * MOST_BYTES, None, None, "20 MB are read at most"),
}  # fmt: skip
"""By a name for the test's report."""

UPLOADABLE = {name: bad for name, bad in BAD.items() if len(bad.raw) <= 4 * 1024 * 1024}
"""Those that the API takes the trouble to read."""
