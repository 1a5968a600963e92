"""A float that got into a stored item, by whatever hand, stops the booking loudly. Nothing is cut off, and nothing is
booked from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hunar import tables
from hunar.adapters import memory
from hunar.domain.head import audit
from hunar.domain.settlement import subject_of
from hunar.messages import ComputePayout, ReleaseHold, Settle
from hunar.tables import Key
from tests.book import SALE
from tests.till import Till, ref


@pytest.fixture(autouse=True)
def a_store_that_holds_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real ones refuse them: what is asked here is what happens when one is there all the same."""
    monkeypatch.setattr(memory, "_PLAIN", frozenset({*memory._PLAIN, float}))


HELD = ComputePayout(order_ref=ref("S-1"), line_id="I-1")
OVER = ReleaseHold(order_ref=ref("S-1"), line_id="I-1")
LINE = Till.line(SALE)
MORE = Till.line({"reimbursement": 500}, settlement_id="NEFT-2")


def with_floats(item: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The item with each of its numbers, one at a time, as a float of the same value and as one beside it."""
    inner = item.items() if isinstance(item, dict) else enumerate(item)
    for name, value in inner:
        if type(value) is int:
            for wrong in (float(value), value + 0.5):
                changed = dict(item) if isinstance(item, dict) else list(item)
                changed[name] = wrong
                yield f"{path}/{name}={wrong}", changed
        elif isinstance(value, dict | list):
            for where, other in with_floats(value, f"{path}/{name}"):
                changed = dict(item) if isinstance(item, dict) else list(item)
                changed[name] = other
                yield where, changed


def settled() -> Till:
    till = Till()
    till.group("G03")
    till.sell()
    till.settle(LINE)
    # One more row is there, which nobody has booked yet: every command has something to do.
    till.keep(MORE)
    return till


def stops(key: Key, item: Any, *commands: Any) -> None:
    for command in commands:
        till = settled()
        till.store.load([(key, item)])
        before = till.store.everything()
        try:
            outcomes = till.obey(command)
        except (ValueError, TypeError):
            outcomes = ["WAITS"]
            assert till.balances() == settled().balances() or key.sk.startswith("ENTRY")
        after = till.store.everything()
        assert "WAITS" in outcomes, "it went on as if nothing was wrong"
        moved = {one for one in after if one.table is tables.Table.LEDGER and after[one] != before.get(one)}
        assert not [one for one in moved if not one.sk.startswith(("EXPECTED", "ENTRY#I-1"))], "something was booked"


@pytest.mark.parametrize(
    "key",
    [
        tables.subject_line(subject_of(LINE), LINE.key),
        tables.posted(ref("S-1"), "I-1"),
        tables.book("G03"),
    ],
    ids=["settlement-line", "posted", "head"],
)
def test_a_float_in_what_booking_reads_stops_it(key: Key) -> None:
    item = settled().store.everything()[key]
    found = [(where, changed) for where, changed in with_floats(item) if not where.startswith(("/row", "/quantity"))]
    assert len(found) >= 2 * 5
    for _, changed in found:
        stops(key, changed, HELD, Settle(subject=subject_of(LINE)), OVER)


def test_a_float_in_what_waits_in_suspense_stops_it() -> None:
    till = Till()
    till.settle(LINE)
    key = tables.subject_posted(subject_of(LINE))
    item = till.store.everything()[key]
    till.keep(MORE)
    for _, changed in with_floats(item):
        till.store.load([(key, changed)])
        before = till.items(tables.BOOK_ENTRIES)
        with pytest.raises((ValueError, TypeError)):
            till.obey(Settle(subject=subject_of(LINE)))
        assert till.items(tables.BOOK_ENTRIES) == before


def test_a_float_in_an_entry_is_found_by_the_audit() -> None:
    till = settled()
    key = tables.book_entry("G03", 1)
    item = till.store.everything()[key]
    head = till.store.everything()[tables.book("G03")]
    assert audit(head, [item]) == ()
    amounts = [(where, changed) for where, changed in with_floats(item) if "amount_paise" in where]
    assert len(amounts) >= 20
    for _, changed in amounts:
        assert "FLOAT" in {fault.what for fault in audit(head, [changed])}
