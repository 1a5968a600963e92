"""The marketplaces' accounts departments of the local stack: what they sold is what their files say, to the paisa."""

from __future__ import annotations

import ast
import csv
import io
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from hunar.domain.fees import Sale, breakdown
from hunar.domain.rate_card import Dates, RateCard, Traits
from hunar.domain.settlement import Kind
from hunar.marketplaces import amazon_settlement, flipkart_settlement
from hunar.rate_cards import read as read_card
from local import messages, settlements
from local.messages import Item
from local.settlements import SLAB_TOO_HIGH, Accounts

DEMO = Path(settlements.__file__).parent / "demo"
DAY = "2026-11-26"
AT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def told(accounts: Accounts, *bodies: Mapping[str, Any]) -> Accounts:
    for body in bodies:
        accounts.flipkart_said("demo", messages.as_body(body))
    return accounts


def sold(shipment: str, *items: Item) -> tuple[dict[str, Any], dict[str, Any]]:
    return messages.created(shipment, items, AT), messages.step(shipment, "delivered", AT + timedelta(days=2))


def sent_back(shipment: str, units: int) -> tuple[dict[str, Any], dict[str, Any]]:
    items = [Item(units, order_item_id=messages.order_item_id(shipment))]
    return messages.return_created(shipment, items, AT), messages.return_step(shipment, "return_completed", items, AT)


def read(made: settlements.Settlement) -> Any:
    file = flipkart_settlement.read(made.content, "demo", file=made.name)
    assert [str(finding) for finding in file.findings] == []
    assert [str(note) for note in file.notes] == []
    assert file.totals == {made.settlement_id: made.bank_paise}
    assert sum(row.paise for row in made.rows) == made.bank_paise
    return file


def heads(file: Any, item_id: str) -> dict[str, int]:
    """All that a file says of an item."""
    summed: dict[str, int] = {}
    for line in file.lines:
        if line.item_id == item_id:
            for head, paise in line.heads.items():
                summed[head] = summed.get(head, 0) + paise
    return {head: paise for head, paise in summed.items() if paise}


def test_it_has_nothing_of_the_program_that_it_is_to_check() -> None:
    names = set()
    for node in ast.walk(ast.parse(Path(settlements.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names <= sys.stdlib_module_names


def test_the_file_of_a_history_is_read_whole_and_the_same_history_gives_the_same_bytes() -> None:
    history = (
        *sold("S1", Item(2, sku="BGP-KHD-STOLE")),
        *sold("S2", Item(2, sku="KOL-JUTE-LUNCH")),
        *sent_back("S2", 1),
    )
    made = told(Accounts(), *history).flipkart("demo", DAY)
    # The news comes in any order, and twice.
    assert told(Accounts(), *history[2:], *history).flipkart("demo", DAY).bank_paise == made.bank_paise
    assert told(Accounts(), *history, *history).flipkart("demo", DAY) == made
    file = read(made)
    assert [row.what for row in made.rows] == ["sale", "sale", "refund", "unknown", "advertising"]
    assert [line.kind for line in file.lines][-1] is Kind.ACCOUNT
    assert {line.reference for line in file.lines} == {made.settlement_id}
    book = openpyxl.load_workbook(io.BytesIO(made.content))
    assert [book["Orders"]["A2"].value, book["Orders"]["G4"].value, book["Ads"]["C2"].value] == [
        "NEFT ID",
        f"OI:{messages.order_item_id('S1')}",
        -295,
    ]


@pytest.mark.parametrize("product", messages.PRODUCTS, ids=lambda product: product.sku)
@pytest.mark.parametrize(("units", "back", "cancelled"), [(1, 0, 0), (3, 0, 0), (3, 1, 0), (1, 1, 0), (3, 0, 1)])
def test_its_own_rates_are_those_of_the_agencys_card_but_for_one_fee(
    product: messages.Product, units: int, back: int, cancelled: int
) -> None:
    accounts = told(Accounts(), *sold("S1", Item(units, sku=product.sku)))
    item_id = messages.order_item_id("S1")
    if back:
        told(accounts, *sent_back("S1", back))
    if cancelled:
        told(accounts, messages.cancelled("S1", [Item(cancelled, order_item_id=item_id)], AT))
    brought = heads(read(accounts.flipkart("demo", DAY)), item_id)
    with (DEMO / "skus.csv").open(encoding="utf-8", newline="") as rows:
        hsn = next(row["hsn"] for row in csv.DictReader(rows) if row["sku"] == product.sku)
    sale = Sale(
        "flipkart",
        quantity=units,
        unit_price_paise=product.price * 100,
        traits=Traits(hsn),
        cancelled=cancelled,
        customer_returned=back,
    )
    card = RateCard(item for _, item in read_card("rates.csv", (DEMO / "rates.csv").read_bytes()))
    at = messages.instant(AT)
    says = breakdown(sale, card, Dates.of(ordered=at, dispatched=at, delivered=at, credited=at))
    gross = brought.pop("sale", 0) + brought.pop("refund", 0)
    assert gross == says.value_paise
    expected = {f"fee:{code}": -charge.paise for code, charge in says.fees.items()}
    expected |= {code: -says.levies[code].paise for code in ("gst_on_fees", "tcs", "tds") if code in says.levies}
    if units - back - cancelled:
        expected["fee:shipping_fee"] -= SLAB_TOO_HIGH
        expected["gst_on_fees"] -= 360
    assert brought == {head: paise for head, paise in expected.items() if paise}


def test_what_is_settled_is_not_settled_again_and_what_comes_back_later_is() -> None:
    accounts = told(Accounts(), *sold("S1", Item(1, sku="BGP-TSR-STOLE")), *sold("S2", Item(1, sku="KLU-CAP")))
    first = accounts.flipkart("demo", DAY, wrong="S2")
    with pytest.raises(ValueError, match="orders: nothing is owed"):
        accounts.flipkart("demo", DAY)
    told(accounts, *sent_back("S1", 1))
    later = accounts.flipkart("demo", DAY)
    assert [(row.order, row.what) for row in later.rows] == [("S1", "refund")]
    assert later.settlement_id != first.settlement_id
    # What is left of it is the way back, and the tax on that.
    assert sum(row.paise for row in (*first.rows, *later.rows) if row.order == "S1") == -6_500 - 1_170
    read(later)


def test_only_what_was_delivered_is_paid_and_of_the_orders_that_are_named() -> None:
    accounts = told(Accounts(), *sold("S1", Item(1, sku="KLU-CAP")), *sold("S2", Item(1, sku="KLU-CAP")))
    told(accounts, messages.created("S3", [Item(1, sku="KLU-CAP")], AT), messages.weighed("S3", AT))
    with pytest.raises(ValueError, match="nothing is owed"):
        accounts.flipkart("demo", DAY, orders=["S3"])
    assert [row.order for row in accounts.flipkart("demo", DAY, orders=["S2"]).rows if row.what == "sale"] == ["S2"]
    assert [row.order for row in accounts.flipkart("demo", DAY).rows if row.what == "sale"] == ["S1"]
    with pytest.raises(ValueError, match="nothing is owed"):
        accounts.flipkart("another", DAY)


def test_a_spoilt_draft_has_one_wrong_cell_and_counts_as_never_made() -> None:
    accounts = told(Accounts(), *sold("S1", Item(1, sku="KLU-CAP")))
    draft = accounts.flipkart("demo", DAY, spoil=True)
    [finding] = flipkart_settlement.read(draft.content, "demo", file=draft.name).findings
    assert (finding.row, finding.column) == (4, "Sale Amount (Rs.)")
    assert accounts.flipkart("demo", DAY) == told(Accounts(), *sold("S1", Item(1, sku="KLU-CAP"))).flipkart("demo", DAY)


def test_amazons_flat_file_is_read_whole_and_comes_to_its_own_total() -> None:
    accounts, order_id = Accounts(), messages.amazon_order_id("seed")
    accounts.amazon_sold(order_id, messages.amazon_order(order_id, [Item(2, sku="KOL-JUTE-LUNCH")], AT))
    made = accounts.amazon("demo-api", DAY, [order_id])
    file = amazon_settlement.read(made.content, "demo-api", file=made.name, gst_ppm=lambda day: 180_000)
    assert [str(finding) for finding in file.findings] == []
    assert file.totals == {made.settlement_id: made.bank_paise}
    assert sum(line.heads.get("sale", 0) for line in file.lines) == 2 * 29_900
    for orders in ([], ["405-0000000-0000000"]):
        with pytest.raises(ValueError, match="^orders: "):
            accounts.amazon("demo-api", DAY, orders)
