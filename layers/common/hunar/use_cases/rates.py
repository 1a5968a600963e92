"""The registered rates as people look at them: what a card lacks, and which row gave which paisa of an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hunar import tables
from hunar.domain import ledger, order
from hunar.domain.entitlement import NOTHING, Entitlement, days_of, due, preview
from hunar.domain.fees_explained import explain_line
from hunar.domain.order import Line
from hunar.domain.rate_card import GOVERNMENT, RateCard, Unpriced
from hunar.domain.rate_checks import Found, check, drafts
from hunar.domain.rate_file import OPTIONAL, REQUIRED, FieldError, row_from_csv
from hunar.domain.resolution import Unresolved
from hunar.domain.spreadsheet import Problem, read_table
from hunar.ports import Store
from hunar.tables import Item, Table
from hunar.use_cases.paging import pages
from hunar.use_cases.registered_rates import card_of, registered, resolution_of

FILE: Final = "rates.csv"


@dataclass
class Checked:
    """What is wrong with rates taken together."""

    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    drafts: list[Problem] = field(default_factory=list)
    """Rows that nobody has approved. Those that are registered hold all the same."""


def check_file(data: bytes) -> Checked:
    """The rows of a ``rates.csv``: each by itself, then all together."""
    records, problems = read_table(FILE, data, REQUIRED, OPTIONAL)
    found = Checked(len(records), list(problems))
    rows: list[tuple[int, Item]] = []
    for record in records:
        try:
            rows.append((record.row, row_from_csv(record.cells)))
        except FieldError as error:
            found.problems.append(Problem(FILE, record.row, error.field, error.message))
    if not found.problems:
        # A row that cannot be read would show as a gap besides.
        found.problems += [Problem(FILE, *said) for said in check(rows)]
    found.drafts = [Problem(FILE, *said) for said in drafts(rows)]
    return found


def check_registered(store: Store) -> Checked:
    """The rows that are registered for the state and the marketplaces of its accounts."""
    marketplaces = {item["marketplace"] for item in pages(store, Table.REGISTRY, tables.account("", "").pk)}
    rows = list(enumerate(registered(store, sorted({GOVERNMENT, *marketplaces})), 1))
    named = {number: f"{item['scope']}/{item['row_id']}" for number, item in rows}

    def told(said: Found) -> Problem:
        # They stand in no file, so that a number would say nothing.
        number, column, message = said
        return Problem(named[number], None, column, message.rpartition(" in row ")[0] or message)

    return Checked(len(rows), list(map(told, check(rows))), list(map(told, drafts(rows))))


def explain(store: Store, order_ref: str, line_id: str | None = None) -> dict[str, Any] | None:
    """Of each line of an order, or of one, which row gave which paisa; None when there is no such order or line."""
    key = tables.order(order_ref)
    stored = store.read([key]).get(key)
    if stored is None:
        return None
    lines = [line for line in order.read(order.knowledge(stored)).lines if line_id in (None, line.line_id)]
    if line_id and not lines:
        return None
    marketplace = stored["marketplace"]
    card = card_of(store, (marketplace, GOVERNMENT))
    heads = store.read(tables.ledger_head(order_ref, line.line_id) for line in lines) if lines else {}
    told = [
        _explained(store, marketplace, line, card, heads.get(tables.ledger_head(order_ref, line.line_id)))
        for line in lines
    ]
    return {"order_ref": order_ref, "marketplace": marketplace, "lines": told}


def _explained(
    store: Store, marketplace: str, line: Line, card: RateCard, head: Mapping[str, Any] | None
) -> dict[str, Any]:
    target, problem = NOTHING, _nothing(line)
    try:
        if problem is None:
            target = preview(marketplace, line, card, resolution_of(store, line))
    except (Unpriced, Unresolved) as unknown:
        problem = str(unknown)
    days, terms, found = days_of(line), line.resolved, target.breakdown
    return {
        "line_id": line.line_id,
        "listing": line.listing,
        "sku": terms.sku if terms else None,
        "group_id": terms.group_id if terms else None,
        "payout_basis": terms.payout_basis if terms else None,
        "policy_version": terms.policy_version if terms else None,
        "units": line.kept,
        "unit_price_paise": line.unit_price_paise,
        "days": {"order": days.order, "dispatch": days.dispatch, "delivery": days.delivery, "credit": days.credit},
        "problem": problem,
        "booked": _booked(line, target, head),
        "bank_paise": found.bank_paise if found else None,
        "rows": explain_line(target),
    }


def _nothing(line: Line) -> str | None:
    """Why a line brings nothing, so far."""
    if line.resolved is None:
        return f"nobody has said whose {line.listing} is"
    if line.unit_price_paise is None:
        return line.price_problem or "nobody has said its price yet"
    return None if line.kept > 0 else "no unit stayed sold"


def _booked(line: Line, target: Entitlement, head: Mapping[str, Any] | None) -> str:
    """Whether this is what stands in the ledger as expected: yes, otherwise, not_yet, or preview before a delivery."""
    amounts = ledger.amounts(head["amounts"]) if head else {}
    if due(line) or amounts:
        return "yes" if head and amounts == target.amounts else "otherwise" if amounts else "not_yet"
    return "preview"
