"""The books as a text that other accounting programs read: Beancount's format.

Every posting says in its metadata what decided it, and every account what it is called in the chart, so nothing is
lost by the names that the format allows. Behind the entries stand assertions of all balances: whoever loads the text
proves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from hunar.domain import accounts
from hunar.domain.ledger import EXPECTED
from hunar.domain.money import rupees
from hunar.domain.rate_card import day_of_sale

_ROOTS: Final[Mapping[str, str]] = {
    "marketplace_receivable": "Assets",
    "marketplace_reserve": "Assets",
    "gst_input_fees": "Assets",
    "tcs_receivable": "Assets",
    "tds_receivable": "Assets",
    "bank": "Assets",
    "group_debt": "Assets",
    "output_gst": "Liabilities",
    "suspense": "Liabilities",
    "group_held": "Liabilities",
    "group_payable": "Liabilities",
    "group_fund": "Liabilities",
    "group_credits": "Liabilities",
    "member_payable": "Liabilities",
    "payout_in_transit": "Liabilities",
    "fee": "Expenses",
    "writeoff": "Expenses",
    "fees_recovered": "Income",
    "agency_fee": "Income",
    "agency_margin": "Income",
    "rounding": "Equity",
    "clearing": "Equity",
}
CURRENCY: Final = "INR"


def beancount(entries: Iterable[Mapping[str, Any]], *, title: str) -> str:
    """All entries but the memos, by day of India, and the balances behind them. The same entries give the same text."""
    real = [entry for entry in entries if entry["kind"] != EXPECTED]
    real.sort(key=lambda one: (one["occurred_at"], one["group_id"] or "", int(one.get("seq", 0)), one["entry_id"]))
    names = _names({posting["account"] for entry in real for posting in entry["postings"]})
    days = [day_of_sale(entry["occurred_at"]) for entry in real]
    return "".join(f"{line}\n" for line in _lines(real, days, names, title))


def _lines(entries: list[Mapping[str, Any]], days: list[str], names: Mapping[str, str], title: str) -> Iterator[str]:
    yield f'option "title" {_quoted(title)}'
    yield f'option "operating_currency" "{CURRENCY}"'
    if not entries:
        return
    yield ""
    for account, name in sorted(names.items(), key=lambda pair: pair[1]):
        yield f"{days[0]} open {name} {CURRENCY}"
        yield f"  account: {_quoted(account)}"
    balances = dict.fromkeys(names, 0)
    for day, entry in zip(days, entries, strict=True):
        yield ""
        yield f"{day} * {_quoted(entry['kind'])} {_quoted(_told(entry))}"
        yield f"  entry: {_quoted(entry['entry_id'])}"
        if entry.get("group_id"):
            yield f"  group: {_quoted(entry['group_id'])}"
        for key, value in sorted(entry.get("source", {}).items()):
            yield f"  {_key(key)}: {_quoted(str(value))}"
        for posting in entry["postings"]:
            paise = int(posting["amount_paise"])
            balances[posting["account"]] += paise
            yield f"  {names[posting['account']]}  {rupees(paise)} {CURRENCY}"
            yield f"    row: {_quoted(posting['rate_row'])}"
    # An assertion holds at the beginning of its day.
    day_after = date.fromisoformat(days[-1]) + timedelta(days=1)
    yield ""
    for account, name in sorted(names.items(), key=lambda pair: pair[1]):
        yield f"{day_after} balance {name}  {rupees(balances[account])} {CURRENCY}"


def _told(entry: Mapping[str, Any]) -> str:
    return " ".join(part for part in (entry.get("order_ref"), entry.get("line_id")) if part)


def _names(found: Iterable[str]) -> dict[str, str]:
    """A name for each account. Two that would be called the same get a number behind it, in their order."""
    names: dict[str, str] = {}
    for account in sorted(found):
        name, *parts = account.split(":")
        root = _ROOTS[accounts.parse(account).name]
        wanted = ":".join([root, "".join(word.capitalize() for word in name.split("_")), *map(_part, parts)])
        number, unique = 1, wanted
        while unique in names.values():
            number += 1
            unique = f"{wanted}-{number}"
        names[account] = unique
    return names


def _part(part: str) -> str:
    """A part of a name: a capital or a digit first, then letters, digits and hyphens."""
    return part[0].upper() + re.sub(r"[^A-Za-z0-9-]", "-", part[1:])


def _key(text: str) -> str:
    """A metadata key: lower case first. ``entry`` and ``group`` are taken."""
    return {"entry": "of-entry", "group": "of-group"}.get(text, re.sub(r"[^a-z0-9_-]", "-", text.lower()))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", " ")
    return f'"{escaped}"'
