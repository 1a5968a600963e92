"""The multiset rule: whatever way files cut, repeat and sort the rows of a settlement, each row is money once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.amounts import paise, stored_paise
from hunar.domain.money import PPM, grouped, half_up, rupees
from hunar.domain.settlement import SettlementFile, SettlementLine, merge
from hunar.marketplaces import amazon_settlement, flipkart_settlement, plain_settlement
from tests.settlement_files import (
    RANGE,
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

Rows = list[tuple[int, int, int]]
"""Of each row its item, its day and its amount in paise. Few of each, so that many rows are equal."""

ROWS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([-5, 1, 100, 89107])), min_size=1, max_size=12
)


def plain(rows: Rows) -> SettlementFile:
    text = "settlement_id,order_id,posted_at,adjustment,bank_value\n"
    text += "".join(f"S1,F-{item},2026-11-0{day},{rupees(paise)},{rupees(paise)}\n" for item, day, paise in rows)
    return plain_settlement.read(text.encode(), "main")


def contents(lines: list[SettlementLine]) -> Counter[tuple[Any, ...]]:
    return Counter((line.settlement_id, line.order_id, line.posted_at, line.amount) for line in lines)


@given(ROWS, st.randoms(use_true_random=False))
def test_sorting_a_file_anew_makes_no_other_keys(rows: Rows, chance: Any) -> None:
    other = list(rows)
    chance.shuffle(other)
    assert merge([plain(rows)]).keys() == merge([plain(other)]).keys()
    assert len(merge([plain(rows)])) == len(rows), "equal rows are each money"


@given(ROWS, st.randoms(use_true_random=False))
def test_overlapping_parts_and_repetitions_bring_each_row_once(rows: Rows, chance: Any) -> None:
    """A report is cut by time, so that rows which say the same are in the same part."""
    parts: list[Rows] = [[], []]
    for row in sorted(set(rows)):
        for place in chance.choice([(0,), (1,), (0, 1)]):
            parts[place] += [row] * rows.count(row)
    files = [plain(part_rows) for part_rows in parts if part_rows]
    files += chance.choices(files, k=3)
    chance.shuffle(files)
    merged = merge(files)
    assert merged.keys() == merge([plain(rows)]).keys()
    assert contents(list(merged.values())) == contents(list(plain(rows).lines))
    assert sum(line.amount for line in merged.values()) == sum(plain(rows).totals.values())


PIECES = [
    b",",
    b"\t",
    b"\n",
    b'"',
    b"<f>1</f>",
    b"1E+17",
    b"9" * 30,
    b"-",
    b"(",
    b"\xff",
    b"\0",
    b"</row>",
    b"<row>",
    b"03/04/2026",
]

AMOUNT = st.integers(-(10**9), 10**9)
FEES = st.lists(AMOUNT, min_size=9, max_size=9)


@given(st.lists(st.tuples(AMOUNT, AMOUNT, AMOUNT, FEES, st.tuples(AMOUNT, AMOUNT, AMOUNT)), min_size=1, max_size=4))
def test_the_heads_of_each_row_of_flipkart_come_to_its_bank_value(
    rows: list[tuple[int, int, int, list[int], tuple[int, int, int]]],
) -> None:
    written = []
    for sale, offer, refund, fees, taxes in rows:
        cells: dict[str, str | int | float | None] = {
            "neft": "N1",
            "paid": "2026-11-03",
            "order": "OD1",
            "item": "OI:17",
        }
        amounts = {"sale": sale, "share": offer, "refund": refund, "fee": sum(fees), "taxes": sum(taxes)}
        bank = sum(amounts.values())
        amounts |= dict(zip(SHORT[20:29], fees, strict=True)) | dict(zip(("tcs", "tds", "gst"), taxes, strict=True))
        amounts["bank"] = bank
        # As floats: that is how a workbook holds them.
        cells |= {name: amount / 100 for name, amount in amounts.items()}
        written.append(cells)
    file = flipkart_settlement.read(flipkart(*written), "main")
    assert file.findings == ()
    assert [line.amount for line in file.lines] == [
        sale + offer + refund + sum(fees) + sum(taxes) for sale, offer, refund, fees, taxes in rows
    ]
    assert file.totals == {"N1": sum(line.amount for line in file.lines)}
    assert len({line.key for line in file.lines}) == len(rows)


@given(st.lists(AMOUNT, min_size=1, max_size=8))
def test_a_flat_file_is_taken_with_its_own_total_and_with_no_other(amounts: list[int]) -> None:
    rows = [flat_row(rupees(paise), "ItemPrice", "Principal") for paise in amounts]
    file = amazon_settlement.read(flat_file(*rows, total=rupees(sum(amounts))), "main")
    assert file.totals == {"99900001": sum(amounts)}
    wrong = amazon_settlement.read(flat_file(*rows, total=rupees(sum(amounts) + 1)), "main")
    assert wrong.findings
    assert wrong.lines == ()


@given(AMOUNT, st.integers(0, 10**9))
def test_a_fee_with_its_gst_is_split_without_losing_a_paisa(sale: int, fee: int) -> None:
    row = range_row(**dict.fromkeys(RANGE[13:27], "0"))
    row |= {"product sales": rupees(sale), "selling fees": rupees(-fee), "total": rupees(sale - fee)}
    [line] = amazon_settlement.read(date_range(row), "main").lines
    assert line.amount == sale - fee
    without = -line.heads.get("fee:selling_fees", 0)
    gst = -line.heads.get("gst_on_fees", 0)
    assert without + gst == fee
    assert abs(gst - half_up(without * 180_000, PPM)) <= 1


@given(st.integers(-(10**13) + 1, 10**13 - 1))
def test_every_amount_is_read_back_however_it_is_written(value: int) -> None:
    assert paise(rupees(value)) == value
    assert paise(grouped(value)) == value
    assert paise(f"₹ {grouped(abs(value))}") == abs(value)
    assert paise(f"({rupees(abs(value))})") == -abs(value)


@given(st.integers(-(10**13) + 1, 10**13 - 1))
def test_every_amount_is_read_back_from_the_number_that_a_workbook_keeps(value: int) -> None:
    kept = value / 100
    assert stored_paise(repr(kept)) == value
    assert stored_paise(f"{kept:.17g}") == value
    assert stored_paise(f"{kept:.16E}") == value


TEXTS = [
    flat_file(flat_row("10.00", "ItemPrice", "Principal"), total="10.00"),
    date_range(range_row()),
    b"settlement_id,order_id,posted_at,adjustment,bank_value\nS1,F-1,2026-11-01,1,1\n",
]
SHEET = "xl/worksheets/sheet1.xml"
BOOK = flipkart(sold())
CUTS = st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.one_of(st.binary(max_size=6), st.sampled_from(PIECES)))


def damaged(raw: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, piece in cuts:
        at %= len(raw) + 1
        raw = raw[:at] + piece + raw[at + length :]
    return raw


@given(st.sampled_from(TEXTS), st.lists(CUTS, max_size=4))
def test_whatever_happened_to_a_text_it_is_read_or_refused(raw: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    for read in (amazon_settlement.read, plain_settlement.read):
        file = read(damaged(raw, cuts), "main")
        assert bool(file.findings) != bool(file.lines or file.deferred)


@given(st.lists(CUTS, max_size=4), st.booleans())
def test_whatever_happened_to_a_workbook_it_is_read_or_refused(
    cuts: list[tuple[int, int, bytes]], inside: bool
) -> None:
    raw = repacked(BOOK, changed={SHEET: damaged(part(BOOK, SHEET), cuts)}) if inside else damaged(BOOK, cuts)
    file = flipkart_settlement.read(raw, "main")
    assert bool(file.findings) != bool(file.lines or file.deferred)
