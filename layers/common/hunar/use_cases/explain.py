"""An order's whole life in one answer: what came, what it says, what was done about it, and why.

Every row has its time, its source and its reason. Nothing here pages a list of all orders: an order's
texts, entries and exceptions stand under ids that follow from the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hunar import tables
from hunar.domain import facts, worklist
from hunar.domain.facts import (
    Claim,
    Fact,
    Inspected,
    Placed,
    Remapped,
    Resolved,
    ReturnNoted,
    ReturnRequested,
    ReturnStep,
    Voided,
)
from hunar.domain.history import history
from hunar.domain.money import grouped
from hunar.domain.order import Order, counting, knowledge, read, remarks, voided
from hunar.domain.reasons import Reason, reasons
from hunar.domain.text_kinds import KINDS
from hunar.messages import Look
from hunar.ports import QueueName, Store
from hunar.tables import Item, Table
from hunar.use_cases.kept import line_ids, of_order, shown
from hunar.use_cases.paging import batches, pages
from hunar.use_cases.park import parked_id
from hunar.use_cases.relay import message_of

OF_THE_WHOLE: Final = ("UNKNOWN_SHIPMENT", "CONTRADICTION", "FORM_FAILED")
OF_A_LINE: Final = (
    "SHORT", "EXCESS_CANCELLATION", "LATE_CANCELLATION", "CONTRADICTION", "WAITING_FACT", "PRICE_UNCLEAR", "RATE_GAP",
    "RATE_CHANGED", "CANCEL_REQUESTED", "UNRESOLVED", "BOOK_REFUSED", "MONEY_PROPOSED", "SETTLED_NOT_DELIVERED",
    "SETTLEMENT_DIFFERS", "SETTLEMENT_OVERDUE",
)  # fmt: skip
OF_A_RETURN: Final = ("WAITING_FACT", "EXCESS_RETURN", "CONTRADICTION", "TO_INSPECT")
OF_A_TEXT: Final = ("NO_CONTACT", "SMS_REJECTED", "SMS_UNKNOWN")


def explain(store: Store, order_ref: str) -> Item | None:
    """All that is known about an order, None when it is not there. Raises Retryable.

    No phone number beyond its last four digits, and no body of a delivery.
    """
    key = tables.order(order_ref)
    stored = store.read([key]).get(key)
    if stored is None:
        return None
    known = knowledge(stored)
    order, void = read(known), voided(known)
    why = reasons(counting(known), order)
    kept = [item for _, item in of_order(store, order_ref)]
    texts = _texts(store, stored)
    booked = tables.ledger_entry(order_ref, "", "").pk
    entries = [_entry(item) for item in pages(store, Table.LEDGER, booked, prefix=tables.BOOK_ENTRIES)]
    entries += [_entry(item) for item in pages(store, Table.LEDGER, order_ref, index=tables.ORDER_ENTRIES)]
    found = {
        "order_ref": order_ref,
        "marketplace": stored["marketplace"],
        "account": stored["account"],
        "state": order.state,
        "because": _because(why[0]),
        "ship_by": order.ship_by,
        "unfinished": stored["unfinished"],
        "unconfirmed": bool(order.pending),
        "waiting_for_listings": sorted({line.listing for line in order.lines if line.resolved is None}),
        "lines": [_line(line.line_id, order, stored, why) for line in order.lines],
        "returns": [_return(entry) for entry in order.returns],
        "deliveries": [shown(item) for item in kept],
        "facts": _facts(known, void, remarks(known), why, kept),
        "moves": [_move(entry) for entry in stored["moves"]],
        "notifications": texts,
        "money": [_money(item) for item in pages(store, Table.LEDGER, booked, prefix=tables.posted("", "").sk)],
        "not_compared": _not_compared(store, order_ref, order),
        "entries": sorted(entries, key=lambda entry: (entry["recorded_at"], entry["entry_id"])),
        "exceptions": _exceptions(store, possible_exceptions(stored, known, kept)),
    }
    return found | {"timeline": timeline(found)}


def explain_item(store: Store, marketplace: str, account: str, item_id: str) -> Item | None:
    """What is known of a marketplace's item: the orders that have it, and what was said without naming one."""
    key = tables.item_pointer(marketplace, account, item_id)
    pointer = store.read([key]).get(key)
    kept = list(pages(store, Table.DELIVERIES, tables.item_delivery(marketplace, account, item_id, "").pk))
    if pointer is None and not kept:
        return None
    said = [facts.from_text(text) for text in pointer["facts"]] if pointer else []
    ids = [worklist.exception_id("WAITING_FACT", marketplace, account, item_id)]
    ids += [identity for item in kept for identity in _of_findings(item)]
    return {
        "item": f"{marketplace}:{account}:{item_id}",
        "orders": pointer["orders"] if pointer else [],
        "waits": bool(said) and not (pointer and pointer["orders"]),
        "deliveries": [shown(item) for item in sorted(kept, key=lambda item: str(item["received_at"]))],
        "facts": _facts(said, frozenset(), {}, (), kept),
        "exceptions": _exceptions(store, ids),
    }


def possible_exceptions(stored: Item, known: Iterable[Fact], kept: Iterable[Item]) -> list[str]:
    """The id of every exception that an order can ever have had.

    An id is derived from its cause, and each cause is something that the order knows, so none is looked for in the
    worklist. The only ones that do not follow from the order are about a webhook that failed before it was kept.
    """
    order_ref = stored["order_ref"]
    whose = (stored["marketplace"], stored["account"])
    known = list(known)
    lines = line_ids(stored, known)
    of = {fact.return_id for fact in known if isinstance(fact, ReturnRequested | ReturnStep | ReturnNoted | Inspected)}
    of |= {fact.act_id for fact in known if isinstance(fact, Inspected)}
    listings = {fact.listing for fact in known if isinstance(fact, Placed)}
    skus = {fact.sku for fact in known if isinstance(fact, Resolved | Remapped)}
    found: list[tuple[Any, ...]] = [("STUCK", order_ref), ("FETCH_FAILED", order_ref)]
    found += [
        ("CLAIM_DENIED", order_ref, getattr(fact, "line_id", None), facts.fact_id(fact))
        for fact in known
        if isinstance(fact, Claim) and fact.claimed
    ]
    found += [(kind, order_ref, None) for kind in OF_THE_WHOLE]
    found += [(kind, order_ref, line_id) for kind in OF_A_LINE for line_id in lines]
    found += [(kind, order_ref, line_id, name) for kind in OF_A_RETURN for line_id in lines for name in sorted(of)]
    found += [(kind, identity) for kind in OF_A_TEXT for identity in stored["owed"]]
    found += [("UNKNOWN_LISTING", *whose, listing) for listing in sorted(listings | {*stored["waiting"].values()})]
    found += [("WAITING_FACT", *whose, line_id) for line_id in lines]
    found += [("UNCOUNTED", sku) for sku in sorted(skus)]
    messages = [message_of(stored, {"effect_id": identity} | effect) for identity, effect in stored["owed"].items()]
    messages.append((QueueName.ORDER_EVENTS, Look(order_ref=order_ref).model_dump_json()))
    found += [("DEAD_LETTER", queue.value, parked_id(queue, body)) for queue, body in messages]
    ids = [worklist.exception_id(kind, *cause) for kind, *cause in found]
    ids += [identity for item in kept for identity in _of_findings(item)]
    return [*dict.fromkeys([*ids, *stored["raised"]])]


def timeline(found: Mapping[str, Any]) -> list[Item]:
    """Everything that has a time, in order of time: ``at``, ``what``, ``line_id``, ``detail``, ``source``.

    What the marketplace says has the marketplace's time; what we did has ours.
    """
    rows = [
        _row(
            item["received_at"], "received", None, f"{item['event_type'] or '?'} {item['verdict']}", item["delivery_id"]
        )
        for item in found["deliveries"]
        if item["verdict"] != "RESOLVED"
    ]
    for fact in found["facts"]:
        detail = " ".join(filter(None, (fact["detail"], "(void)" if fact["void"] else "")))
        rows.append(
            _row(fact["at"], fact["what"], fact["line_id"], detail, ", ".join(fact["said_by"]) or "nothing kept")
        )
    rows += [
        _row(move["at"], "stock", move["line_id"], f"{move['sku']}: {move['moved']}", move["cause"])
        for move in found["moves"]
    ]
    for text in found["notifications"]:
        named = f"{text['kind']} to {text['group_id']}"
        rows.append(_row(text["owed_at"], "text owed", None, named, text["notification_id"]))
        if text["status"]:
            reason = f": {text['reason']}" if text["reason"] else ""
            at = text["answered_at"] or text["claimed_at"]
            rows.append(_row(at, f"text {text['status']}", None, named + reason, text["notification_id"]))
    for entry in found["entries"]:
        said = f"Rs {grouped(entry['group_paise'])} to the group, {len(entry['postings'])} postings"
        detail = f"{entry['kind'].lower().replace('_', ' ')}: {said}"
        rows.append(_row(entry["recorded_at"], "booked", entry["line_id"], detail, entry["entry_id"]))
    for exception in found["exceptions"]:
        for event in exception["history"]:
            detail = exception["kind"] + (f": {event['note']}" if event["note"] else "")
            by = f" by {event['by']}" if event["by"] else ""
            rows.append(_row(event["at"], f"exception {event['what']}{by}", None, detail, exception["exception_id"]))
    return sorted(rows, key=lambda row: row["at"] or "")


def _row(at: str | None, what: str, line_id: str | None, detail: str, source: str) -> Item:
    return {"at": at, "what": what, "line_id": line_id, "detail": detail, "source": source}


def _facts(
    known: Iterable[Fact],
    void: frozenset[str],
    remarks: Mapping[str, str],
    why: Iterable[Reason],
    kept: Iterable[Item],
) -> list[Item]:
    said_by: dict[str, list[str]] = {}
    received: dict[str, str] = {}
    for item in kept:
        for text in item.get("facts", ()):
            said_by.setdefault(text, []).append(shown(item)["delivery_id"])
            received.setdefault(text, item["received_at"])
    known = list(known)
    takes_back = {fact.fact_id: facts.fact_id(fact) for fact in known if isinstance(fact, Voided)}
    decides: dict[Fact, list[str]] = {}
    for reason in why:
        whose = "the order" if reason.line_id is None else f"line {reason.line_id}"
        for fact in reason.because:
            decides.setdefault(fact, []).append(f"{reason.what} of {whose}")
    found = []
    for fact in known:
        text, identity = facts.to_text(fact), facts.fact_id(fact)
        told = history([fact], {name: remark for name, remark in remarks.items() if name not in void})
        if isinstance(fact, Resolved):
            detail = f"{fact.sku} of {fact.group_id}, {fact.payout_basis} version {fact.policy_version}"
            told = ({"at": received.get(text), "what": "resolved", "line_id": fact.line_id, "detail": detail},)
        found.append(
            {
                "fact_id": identity,
                **told[0],
                "void": identity in void,
                "void_by": takes_back.get(identity) if identity in void else None,
                "decides": decides.get(fact, []),
                "said_by": said_by.get(text, []),
                "fact": text,
            }
        )
    return sorted(found, key=lambda row: (row["at"] or "", row["fact"]))


def _because(reason: Reason) -> list[Item]:
    found = []
    for fact in reason.because:
        told = next(iter(history([fact], {})), None)
        at, what = (told["at"], told["what"]) if told else (None, fact.FACT)
        found.append({"fact_id": facts.fact_id(fact), "what": what, "at": at})
    return found


def _line(line_id: str, order: Order, stored: Item, why: Iterable[Reason]) -> Item:
    line = next(line for line in order.lines if line.line_id == line_id)
    taken = stored["applied"].get(line_id, {})
    decided = next(reason for reason in why if reason.what == "state" and reason.line_id == line_id)
    return {
        "line_id": line_id,
        "listing": line.listing,
        "sku": line.resolved.sku if line.resolved else None,
        "group_id": line.resolved.group_id if line.resolved else None,
        "state": line.state,
        "because": _because(decided),
        "quantity": line.quantity,
        "cancelled": line.cancelled,
        "held": line.held,
        "returned": line.returned,
        "good": line.good,
        "unit_price_paise": line.unit_price_paise,
        "unpriced": line.unpriced,
        **{name: taken.get(name, 0) for name in ("reserved", "short", "consumed", "restocked")},
    }


def _return(entry: Any) -> Item:
    names = (
        "return_id",
        "line_id",
        "source",
        "status",
        "requested",
        "units",
        "good",
        "damaged",
        "lost",
        "requested_at",
    )
    return {name: getattr(entry, name) for name in names} | {"to_inspect": entry.to_inspect}


def _move(entry: Any) -> Item:
    return dict(zip(("at", "line_id", "sku", "moved", "cause"), entry, strict=True))


def _texts(store: Store, stored: Item) -> list[Item]:
    """Every text that the order ever owed, with what became of it. Whole phone numbers stay in the table."""
    owed = {identity: effect for identity, effect in stored["owed"].items() if effect["kind"] in KINDS}
    there = store.read(map(tables.notification, owed)) if owed else {}
    found = []
    for identity, effect in owed.items():
        item = there.get(tables.notification(identity), {})
        names = ("status", "attempts", "claimed_at", "answered_at", "locale", "text", "parts", "provider_id", "reason")
        found.append(
            {
                "notification_id": identity,
                **{name: effect[name] for name in ("kind", "group_id", "contact", "good_until")},
                "n": effect.get("n", 0),
                "units": effect["units"] if "units" in effect else effect["says"].get("units", {}),
                "owed_at": effect.get("at"),
                "to": _last_digits(item.get("to")),
                **{name: item.get(name) for name in names},
            }
        )
    return sorted(found, key=lambda text: (text["owed_at"] or "", text["n"]))


def _last_digits(phone: str | None) -> str | None:
    return phone and f"…{phone[-4:]}"


def _entry(item: Item) -> Item:
    of_group = ("expected:group:", "group_", "payout_in_transit:", "member_payable:")
    group = sum(posting["amount_paise"] for posting in item["postings"] if posting["account"].startswith(of_group))
    names = ("entry_id", "kind", "line_id", "occurred_at", "recorded_at", "postings")
    return {name: item[name] for name in names} | {"group_paise": -group}


def _money(item: Item) -> Item:
    """What is booked of a line, and until when it is held."""
    return {name: item[name] for name in ("line_id", "group_id", "standings", "hold_end", "operator_hold")}


def _not_compared(store: Store, order_ref: str, order: Order) -> list[Item]:
    """The settled lines that were not compared with the rate card, each with the reason."""
    keys = {tables.difference(order_ref, line.line_id): line.line_id for line in order.lines}
    found = store.read(keys) if keys else {}
    return [
        {"line_id": line_id, "because": why}
        for key, line_id in keys.items()
        if (why := found.get(key, {}).get("not_compared"))
    ]


def _exceptions(store: Store, ids: Iterable[str]) -> list[Item]:
    found: list[Item] = []
    for batch in batches(dict.fromkeys(ids)):
        found += store.read(map(tables.exception, batch)).values()
    names = ("exception_id", "kind", "opened_at", "closed_at", "message", "action", "subject", "history")
    told = [{name: item.get(name) for name in names} | {"history": item.get("history", [])} for item in found]
    return sorted(told, key=lambda item: (item["opened_at"], item["exception_id"]))


def _of_findings(item: Item) -> list[str]:
    return [
        worklist.exception_id(finding["kind"], item["delivery_id"], finding["field"])
        for finding in (*item.get("findings", ()), *item.get("settled", ()))
    ]
