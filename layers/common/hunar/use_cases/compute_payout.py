"""Working out what a line should bring, and booking the difference.

Expected entries preview and raise exceptions; nobody is paid from them. The facts, the rate card and the
resolution that was frozen at the sale give a target; the ledger gets target less what is posted, so that
a repetition, an early message or a late one ends at the same balances.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from hunar import tables
from hunar.domain import ledger, order
from hunar.domain.awaited import awaited_until
from hunar.domain.entitlement import NOTHING, Entitlement, due, entitlement, facts_of
from hunar.domain.identity import derived_id
from hunar.domain.ledger import EXPECTED
from hunar.domain.order import Line
from hunar.domain.rate_card import GOVERNMENT, Unpriced
from hunar.domain.resolution import Unresolved
from hunar.messages import ComputePayout
from hunar.ports import ABSENT, Conflict, Put, Store
from hunar.tables import Item
from hunar.use_cases.registered_rates import card_of, resolution_of
from hunar.use_cases.worklist import close_exceptions, open_exception

RATE_GAP: Final = "RATE_GAP"
RATE_CHANGED: Final = "RATE_CHANGED"
UNRESOLVED: Final = "UNRESOLVED"
"""The same exception as of what was settled. ``book``, which asks for both, closes it."""


class Outcome(StrEnum):
    """What became of the message."""

    POSTED = "POSTED"
    UNCHANGED = "UNCHANGED"
    RATE_GAP = "RATE_GAP"
    UNRESOLVED = "UNRESOLVED"
    """The group has not resolved what its money needs."""
    PROPOSED = "PROPOSED"
    """Another amount without a new fact: shown to a person, not booked."""


def compute(store: Store, message: ComputePayout, *, now: str, patience_days: int = 30) -> Outcome:
    """Books what the line should bring now. Raises Conflict when somebody wrote meanwhile: call it again.

    After ``patience_days`` from its delivery the sweep looks at the line once more, whether it was settled.
    """
    # The head is read before the order, in two calls: who finds a head of version n then knows at
    # least the facts behind it. The other way round a slow reader could undo a newer entry.
    head_key = tables.ledger_head(message.order_ref, message.line_id)
    head = store.read([head_key]).get(head_key)
    order_key = tables.order(message.order_ref)
    stored = store.read([order_key]).get(order_key)
    line = _line(stored, message.line_id)
    watch = _watch(message, line, now, patience_days)
    if head and {name: head.get(name) for name in ("due_pk", "due_sk")} != {"due_pk": None, "due_sk": None} | watch:
        # Before all else, that nothing leaves it due for ever: whoever looks at it now need not look again.
        kept = {name: value for name, value in head.items() if name not in ("due_pk", "due_sk")}
        later = kept | watch | {"version": head["version"] + 1}
        store.commit([Put(head_key, later, head["version"])])
        head = later
    try:
        target = _target(store, stored["marketplace"], line) if stored and line and due(line) else NOTHING
    except Unpriced as problem:
        _show(store, RATE_GAP, message, line, str(problem), now=now)
        return Outcome.RATE_GAP
    except Unresolved as problem:
        _show(store, UNRESOLVED, message, line, str(problem), now=now)
        return Outcome.UNRESOLVED
    outcome = _post(store, message, line, target, head, watch, now=now)
    if outcome is Outcome.POSTED and store.read([order_key]).get(order_key) != stored:
        # Somebody who knew more may have found, before this was posted, that nothing is to be done.
        raise Conflict("the order went on meanwhile")
    if outcome is Outcome.PROPOSED:
        text = "the rate card, or what the group resolved, now gives other amounts than those that are booked"
        _show(store, RATE_CHANGED, message, line, text, now=now)
        return outcome
    close_exceptions(store, (RATE_GAP, RATE_CHANGED), (message.order_ref, message.line_id), at=now)
    return outcome


def _show(store: Store, kind: str, message: ComputePayout, line: Line | None, text: str, *, now: str) -> None:
    open_exception(
        store,
        kind,
        (message.order_ref, message.line_id),
        at=now,
        message=f"line {message.line_id}: {text}",
        order_ref=message.order_ref,
        sku=line.resolved.sku if line and line.resolved else None,
        listing=line.listing if line else None,
        group_id=line.resolved.group_id if line and line.resolved else None,
        line_id=message.line_id,
    )


def _line(stored: Item | None, line_id: str) -> Line | None:
    if stored is None:
        return None
    return next((line for line in order.read(order.knowledge(stored)).lines if line.line_id == line_id), None)


def _target(store: Store, marketplace: str, line: Line) -> Entitlement:
    """Raises Unpriced, or Unresolved."""
    return entitlement(marketplace, line, card_of(store, (marketplace, GOVERNMENT)), resolution_of(store, line))


def _watch(message: ComputePayout, line: Line | None, now: str, patience_days: int) -> Item:
    """When the sweep must look whether the line was settled. Nothing once that is past, or nothing is awaited."""
    until = awaited_until(line, patience_days)
    return tables.due(until, f"{message.order_ref}#{message.line_id}") if until and now < until else {}


def _post(
    store: Store,
    message: ComputePayout,
    line: Line | None,
    target: Entitlement,
    head: Item | None,
    watch: Item,
    *,
    now: str,
) -> Outcome:
    version = head["version"] if head else ABSENT
    digest = _digest(line, target)
    if (head["digest"] if head else _digest(None, NOTHING)) == digest:
        return Outcome.UNCHANGED
    facts = derived_id(facts_of(line))
    if head and head["facts"] == facts:
        # Same facts, another amount: a corrected rate, policy or code. Booked money moves on facts.
        return Outcome.PROPOSED
    postings = ledger.difference(target.amounts, ledger.amounts(head["amounts"]) if head else {})
    new_head = {
        "order_ref": message.order_ref,
        "line_id": message.line_id,
        "amounts": [posting.item() for posting in ledger.difference(target.amounts, {})],
        "facts": facts,
        "digest": digest,
        "version": version + 1,
        **watch,
    }
    puts = [Put(tables.ledger_head(message.order_ref, message.line_id), new_head, version)]
    if postings:
        entry = ledger.expected(
            message.order_ref,
            message.line_id,
            occurred_at=line.delivered_at if line and line.delivered_at else now,
            after=version,
            digest=digest,
            postings=postings,
        )
        key = tables.ledger_entry(message.order_ref, message.line_id, entry.entry_id)
        puts.append(Put(key, entry.item(recorded_at=now), ABSENT))
    store.commit(puts)
    return Outcome.POSTED if postings else Outcome.UNCHANGED


def _digest(line: Line | None, target: Entitlement) -> str:
    """Of everything that the amounts hang on, and of the amounts: a change of the code shows too."""
    moved: list[Any] = [posting.item() for posting in ledger.difference(target.amounts, {})]
    return derived_id(EXPECTED, facts_of(line), moved, [row.content() for row in target.rows])
