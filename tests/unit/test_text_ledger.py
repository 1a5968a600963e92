"""The books as a text: another program loads it without an error and finds the same balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from beancount import loader
from beancount.core.data import Balance, Open, Transaction

from hunar.domain import accounts
from hunar.domain.ledger import Posting
from hunar.domain.text_ledger import beancount
from tests.statements import demo_book
from tests.unit.test_accountants import worked


def loaded(text: str) -> tuple[list[Any], list[Any]]:
    entries, errors, _ = loader.load_string(text)
    return entries, errors


def test_beancount_loads_the_books_and_proves_every_balance() -> None:
    for book in (worked(), demo_book()):
        entries, errors = loaded(beancount(book.entries.values(), title='Demo "agency"'))
        assert errors == []
        names = {entry.account: entry.meta["account"] for entry in entries if isinstance(entry, Open)}
        asserted = {
            names[entry.account]: int(entry.amount.number * 100) for entry in entries if isinstance(entry, Balance)
        }
        assert {account: paise for account, paise in asserted.items() if paise} == book.balances()
        real = [entry for entry in entries if isinstance(entry, Transaction)]
        assert sorted(entry.meta["entry"] for entry in real) == sorted(book.entries)
        assert sum(posting.units.number for entry in real for posting in entry.postings) == Decimal(0)
        assert real[0].postings[0].meta["row"] and real[0].meta["minutes_ref"] == "book 2, page 14"


def test_beancount_refuses_the_text_when_a_paisa_is_changed() -> None:
    text = beancount(worked().entries.values(), title="Demo")
    assert loaded(text.replace("76.54 INR", "76.55 INR", 1))[1]


def test_the_same_entries_in_any_order_give_the_same_text_and_no_entry_gives_a_text_too() -> None:
    items = list(worked().entries.values())
    assert beancount(items, title="Demo") == beancount(items[::-1], title="Demo")
    assert loaded(beancount([], title="Demo")) == ([], [])


def test_names_that_the_format_cannot_tell_apart_get_numbers_and_texts_cannot_break_out() -> None:
    entry = {
        "entry_id": "e1",
        "kind": "SETTLED",
        "group_id": None,
        "order_ref": 'amazon:demo:1"\n2026-01-01 open Assets:Evil',
        "line_id": "L\\1",
        "occurred_at": "2026-12-04T00:00:00Z",
        "source": {"entry": "x", "group": "y", "Odd key": "z"},
        "postings": [
            Posting("fee:a_b", "r", 1).item(),
            Posting("fee:a-b", "r", 2).item(),
            Posting("fee:a.b", "r", -3).item(),
        ],
    }
    memo = entry | {"kind": "EXPECTED", "postings": [{"account": "expected:output_gst", "amount_paise": 1}]}
    entries, errors = loaded(beancount([entry, memo], title="Demo"))
    assert errors == []
    opened = {one.meta["account"]: one.account for one in entries if isinstance(one, Open)}
    assert opened == {"fee:a-b": "Expenses:Fee:A-b", "fee:a.b": "Expenses:Fee:A-b-2", "fee:a_b": "Expenses:Fee:A-b-3"}


def test_every_account_of_the_chart_has_its_place() -> None:
    parts = {"group": "G03", "marketplace": "amazon", "batch": "B-1", "member": "M1", "code": "commission"}
    postings = [
        Posting(":".join([name, *(parts.get(part, "t1") for part in wanted)]), "r", 1)
        for name, wanted in accounts.CHART.items()
    ]
    postings.append(Posting("fee:other", "r", -len(postings)))
    entry = {"entry_id": "e", "kind": "SETTLED", "group_id": "G03", "occurred_at": "2026-12-04T00:00:00Z"}
    text = beancount([entry | {"postings": [posting.item() for posting in postings]}], title="Demo")
    assert loaded(text)[1] == []
