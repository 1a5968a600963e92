"""A person resolves an exception: acknowledges it, or does what takes its cause away.

Who acknowledges closes it; it opens again when what it says changes. Every other act leaves the closing
to the cause, so that nothing looks done that is not, and writes into the history who did what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.worklist import ACKNOWLEDGE, CORRECT
from hunar.messages import ApproveProposal, ComputePayout, Replay
from hunar.ports import Put, QueueName, Rejected
from hunar.tables import Item
from hunar.use_cases.operate import (
    AtFair,
    By,
    Desk,
    NotNow,
    NotThere,
    adjust,
    at_fair,
    inspect,
    map_listing,
    note,
    recount,
    remap,
    void,
)

Given = Mapping[str, Any]
"""What the person gave for the act, by field."""

TAKES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    ACKNOWLEDGE: ((), ()),
    "approve": (("proposal_id",), ()),
    "adjust": ((), ("quantity", "taken", "sold", "back")),
    CORRECT: ((), ()),
    "inspect": ((), ("good", "damaged", "lost")),
    "map": (("sku",), ("from",)),
    "recount": (("counted",), ()),
    "redrive": ((), ()),
    "remap": (("sku",), ()),
    "replay": ((), ()),
    "void": ((), ("fact_id",)),
}
"""What each act must be given and may be given."""


def resolve(desk: Desk, exception_id: str, act: str | None, given: Given, by: By) -> str:
    """Resolve it by ``act``, or by the act of its kind. Returns the act.

    Raises Rejected naming the field, NotThere, NotNow when it is closed, and Retryable.
    """
    item = shown(desk, exception_id)
    if item["closed_at"] is not None:
        raise NotNow(f"the exception is closed since {item['closed_at']}")
    acts = worklist.offered(item)
    act = act or acts[0]
    if act not in acts:
        raise Rejected(f"act: {item['kind']} is resolved by {' or '.join(acts)}, not by {act}")
    required, optional = TAKES[act]
    for name in required:
        if name not in given:
            raise Rejected(f"{name}: is missing; {act} needs it")
    for name in given:
        if name not in (*required, *optional):
            raise Rejected(f"{name}: {act} takes no such field")
    if act == ACKNOWLEDGE:
        _acknowledge(desk, item, by)
    elif act == CORRECT:
        raise Rejected(f"act: {item['kind']} is resolved by two persons, each with hunar payouts correct")
    elif act == "redrive":
        raise Rejected(f"act: {item['kind']} is resolved at the command line, with hunar redrive")
    else:
        said = _ACTS[act](desk, item, given, by)
        if act != "map":
            # Mapping a listing notes it itself, through whichever door it came.
            note(desk, exception_id, act, by, said)
    return act


def shown(desk: Desk, exception_id: str) -> Item:
    """The exception as it is stored. Raises NotThere."""
    key = tables.exception(exception_id)
    item = desk.store.read([key]).get(key) if 0 < len(exception_id) <= 100 else None
    if item is None:
        raise NotThere("there is no exception of this id")
    return item


def _acknowledge(desk: Desk, seen: Item, by: By) -> None:
    """Close what the person saw, and nothing that it has become meanwhile."""

    def close() -> None:
        there = shown(desk, seen["exception_id"])
        if there["closed_at"] is not None or there["message"] != seen["message"]:
            raise NotNow(f"the exception changed meanwhile: {there['message']}")
        after = worklist.closed(there, at=desk.now, by=by.person, note=by.reason or None)
        desk.store.commit([Put(tables.exception(seen["exception_id"]), after, there["version"])])

    desk.again(close)


def _adjust(desk: Desk, item: Item, given: Given, by: By) -> str:
    """Units came to the shelf; or the fair's own count was wrong."""
    if item["kind"] != "FAIR_MISCOUNT":
        if set(given) != {"quantity"}:
            raise Rejected("quantity: is missing; adjust needs it, and nothing else")
        adjust(desk, item["sku"], given["quantity"], by)
        return f"{given['quantity']:+d}"
    if len(given) != 1 or "quantity" in given:
        raise Rejected("taken, sold, back: exactly one of them says what was counted wrongly at the fair")
    what: AtFair
    [(what, units)] = given.items()  # type: ignore[assignment]
    at_fair(desk, item["sku"], _subject(item, "fair"), what, units, by)
    return f"{what} {units:+d}"


def _inspect(desk: Desk, item: Item, given: Given, by: By) -> str:
    good, damaged, lost = (given.get(name, 0) for name in ("good", "damaged", "lost"))
    inspect(
        desk, item["order_ref"], _subject(item, "return_id"), item["subject"].get("line_id"), good, damaged, lost, by
    )
    return f"{good} good, {damaged} damaged, {lost} lost"


def _map(desk: Desk, item: Item, given: Given, by: By) -> str:
    whose = (_subject(item, "marketplace"), _subject(item, "account"), item["listing"])
    map_listing(desk, *whose, given["sku"], given.get("from"), by)
    return f"to {given['sku']}"


def _approve(desk: Desk, item: Item, given: Given, by: By) -> str:
    """The person names the proposal that was read: another one may stand there by now."""
    proposal: str = given["proposal_id"]
    if proposal != _subject(item, "proposal_id"):
        raise NotNow(f"another one is proposed by now: {item['message']}")
    line_id = _subject(item, "line_id")
    approval = ApproveProposal(
        order_ref=item["order_ref"], line_id=line_id, proposal_id=proposal, by=by.person, reason=by.reason or ""
    )
    desk.queues.send(QueueName.PAYOUTS, [approval.model_dump_json()])
    return proposal


def _recount(desk: Desk, item: Item, given: Given, by: By) -> str:
    recount(desk, item["sku"], given["counted"], by)
    return f"counted {given['counted']}"


def _remap(desk: Desk, item: Item, given: Given, by: By) -> str:
    remap(desk, item["order_ref"], _subject(item, "line_id"), given["sku"], by)
    return f"to {given['sku']}"


def _replay(desk: Desk, item: Item, given: Given, by: By) -> str:
    """What was kept is read again, or what could not be priced is computed again."""
    if item["kind"] in ("RATE_GAP", "UNRESOLVED"):
        payout = ComputePayout(order_ref=item["order_ref"], line_id=_subject(item, "line_id"))
        desk.queues.send(QueueName.PAYOUTS, [payout.model_dump_json()])
        return ""
    again = Replay(pk=_subject(item, "delivery_pk"), sk=_subject(item, "delivery_id"))
    desk.queues.send(QueueName.ORDER_EVENTS, [again.model_dump_json()])
    return ""


def _void(desk: Desk, item: Item, given: Given, by: By) -> str:
    fact_id = given.get("fact_id") or item["subject"].get("fact_id")
    if not fact_id:
        raise Rejected("fact_id: is missing; hunar order facts shows the ids of what the order knows")
    void(desk, item["order_ref"], fact_id, by)
    return f"fact {fact_id}"


_ACTS: Final[Mapping[str, Callable[[Desk, Item, Given, By], str]]] = {
    "approve": _approve,
    "adjust": _adjust,
    "inspect": _inspect,
    "map": _map,
    "recount": _recount,
    "remap": _remap,
    "replay": _replay,
    "void": _void,
}


def _subject(item: Item, name: str) -> str:
    value = item["subject"].get(name)
    if not value:
        raise Rejected(f"{name}: the exception does not name it")
    return str(value)
