"""What booking a line costs does not depend on how long the group's book is, nor on what else was settled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from hunar import tables
from hunar.adapters.write_units import Used
from hunar.domain import head
from hunar.domain.head import Head
from hunar.domain.ledger import SETTLED, Entry, Posting
from hunar.domain.settlement import subject_of
from hunar.messages import ReleaseHold
from hunar.tables import Item, Key, Table
from tests.book import REFUND, SALE
from tests.payday import close
from tests.till import Till, ref

FEW, MANY = 1_000, 100_000


@cache
def long_book(entries: int) -> tuple[tuple[tuple[Key, Item], ...], Head]:
    """A sound book of so many entries, each of another line. Its sums have as many digits, whatever its length, so
    that the head is of one size."""
    now, items = Head("G03"), []
    paise = 10**11 // entries
    for number in range(entries):
        line = {"order_ref": ref(f"OLD-{number:06}"), "line_id": "I-1"}
        entry = Entry(
            kind=SETTLED,
            cause=(number,),
            occurred_at="2026-11-01T00:00:00Z",
            postings=(Posting("marketplace_receivable:flipkart", "s", paise), Posting("group_held:G03", "s", -paise)),
            group_id="G03",
            **line,
        )
        now, [place] = head.after(now, entry)
        items.append((tables.book_entry("G03", place.seq), place.item(recorded_at="2026-11-01T00:00:00Z")))
    return tuple(items), now


def settled_lines(number: int) -> Iterator[tuple[Key, Item]]:
    """Rows of the same settlement about other items."""
    partition = tables.settlement_partition("flipkart", "demo", "NEFT-1")
    like = Till.line(SALE)
    for place in range(number):
        line = replace(like, item_id=f"OLD-{place:06}", key=f"{place:032}")
        item = line.item() | {"file": "f", "settlement_pk": partition, "settlement_sk": line.key}
        yield tables.subject_line(subject_of(line), line.key), item


def among(entries: int) -> Till:
    till = Till()
    till.group("G03")
    items, now = long_book(entries)
    till.store.load(items)
    # Written as often as a hundred thousand entries need at most, so that the numbers in it are of one length.
    till.store.load([(tables.book("G03"), replace(now, version=MANY + now.version).item())])
    till.store.load(settled_lines(entries))
    till.sell("S-1")
    return till


def used(till: Till) -> dict[str, Used]:
    with till.store.operation("sale"):
        till.settle(till.line(SALE))
    with till.store.operation("the same again"):
        till.settle(till.line(SALE))
    with till.store.operation("release"):
        assert till.obey(ReleaseHold(order_ref=ref("S-1"), line_id="I-1")) == ["RELEASED"]
    with till.store.operation("payout"):
        assert close(till, "B1")
    with till.store.operation("refund"):
        till.settle(till.line(REFUND, settlement_id="NEFT-2"))
    with till.store.operation("another group's line in suspense"):
        till.settle(till.line(SALE, "I-nobody", order_id="S-nobody"))
    return till.store.used


def test_posting_and_releasing_cost_the_same_behind_1000_and_behind_100000_entries() -> None:
    tills = {entries: among(entries) for entries in (FEW, MANY)}
    few, many = (used(till) for till in tills.values())
    assert few == many
    assert all(cost.calls for cost in few.values())
    assert few["sale"].write_units > few["the same again"].write_units
    for entries, till in tills.items():
        found = till.store.page(Table.LEDGER, tables.book_of("G03"), prefix=tables.BOOK_ENTRIES, limit=MANY * 2).items
        assert len(found) == entries + 4
        assert head.audit(till.store.read([tables.book("G03")])[tables.book("G03")], found) == ()


def test_the_proof_of_a_long_book_finds_one_paisa() -> None:
    items, now = long_book(FEW)
    assert head.audit(now.item(), [item for _, item in items]) == ()
    wrong: dict[str, Any] = now.item()
    wrong["balances"] = {account: paise + 1 for account, paise in wrong["balances"].items()}
    assert [fault.what for fault in head.audit(wrong, [item for _, item in items])] == ["BALANCE"]
