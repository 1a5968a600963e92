"""Exceptions: what a person must look at, in plain words, opened once by its cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hunar.domain.identity import derived_id
from hunar.domain.order import ENDED, HELD, Order
from hunar.domain.stock import Applied

ACTIONS: Final[Mapping[str, str]] = {
    "SHORT": "Ask the group when it can make the missing units; if never, cancel them in the marketplace's portal.",
    "EXCESS_CANCELLATION": "Compare the order in the marketplace's portal; stock was not changed.",
    "LATE_CANCELLATION": "Compare the order in the marketplace's portal; expect a return instead of a cancellation.",
    "EXCESS_RETURN": "Compare the return in the marketplace's portal; what is too much was not counted.",
    "TO_INSPECT": "Open the parcel, count what is good, damaged and missing, and enter it; good units are stock again.",
    "WAITING_FACT": "Usually the announcement is late and this closes by itself; else look it up in the portal.",
    "CONTRADICTION": "Look at the order in the marketplace's portal and void what is not true.",
    "CLAIM_DENIED": "Trust the portal, not the message; if nobody erred, have the webhook's secret changed today.",
    "CANCEL_REQUESTED": "Cancel it in the marketplace's portal before it is handed over, or send it.",
    "FETCH_FAILED": "Look the order up in the marketplace's portal; have the API's credentials and limits checked.",
    "CATCH_UP_FAILED": "Have the API's credentials and answers checked; until then news may come late or by push only.",
    "ACCOUNT_SILENT": "See in the portal whether orders came; if so, have the webhook, queue and credentials checked.",
    "STOCK_REFUSED": "Correct the listing in the marketplace's portal; the number is told again every night.",
    "CHANNEL_DIFFERS": "Compare the listing in the portal; whoever sets its stock by hand sells what is not there.",
    "OTHER_SELLER": "Compare accounts.csv with the portal: seller, application and subscription must be ours.",
    "NOT_PUBLISHABLE": "Add what is missing to listings.csv or accounts.csv and import; till then use the portal.",
    "FORM_FAILED": "Make the papers again in the marketplace's portal; this closes when the order goes on.",
    "STUCK": "Ask the group today: the time to hand over is past and nothing was picked up.",
    "FAIR_MISCOUNT": "Count what came back from the fair, and enter what was taken, sold or brought back besides.",
    "DEAD_LETTER": "Read why it failed, have it repaired, then send it again with hunar redrive.",
    "UNDELIVERABLE_EFFECT": "Have the cause repaired, then send it again with hunar redrive.",
    "PRICE_UNCLEAR": "Look up the price in the marketplace's portal; no payout is computed until it is known.",
    "UNKNOWN_SHIPMENT": "Usually the announcement is late and this closes by itself; else look it up in the portal.",
    "UNKNOWN_LISTING": "Add the listing to listings.csv and import; the orders that wait go on by themselves.",
    "UNCOUNTED": "Count this shelf: more units left than were ever counted in.",
    "NO_CONTACT": "Add the group's leader with a phone to contacts.csv and import; tell the group by telephone now.",
    "SMS_REJECTED": "Tell the group by telephone now; then correct what the operator refused.",
    "SMS_UNKNOWN": "Ask the group by telephone whether the text came.",
    "SMS_STOPPED": "Have the SMS account's spend limit and standing checked; texts wait and go by themselves after.",
    "SMS_BUDGET": "See why so many texts went today; raise SmsPartsADay if it is right. Texts wait until midnight.",
    "SMS_CAP": "Tell the group by telephone what it has to hand over today; it had its fill of texts.",
    "SMS_NOT_DELIVERED": "Tell the group by telephone now; have its numbers in contacts.csv checked.",
    "SMS_TEMPLATE_FAILING": "Ask the provider whether this registered text was revoked; import its new id.",
    "SMS_NEWS_UNREADABLE": "Read the kept message; a provider changed what it posts. Tell the engineers.",
    "NO_STOCK": "Call the group and count this shelf; cancel in the marketplace's portal what it cannot make.",
    "CONTACT_STALE": "Ask whether the number is still hers, then hunar sms verify.",
    "RATE_GAP": "Add the missing rate to rates.csv and import; the import has the payout worked out again.",
    "RATE_CHANGED": "The booked amounts stand. Show the accountant what changed in rates or resolutions.",
    "UNRESOLVED": "Complete the group's resolution in resolutions.csv and import; its money waits and is booked then.",
    "SUSPENSE": "Look the order up in the portal; what was settled for it waits until the order is known.",
    "UNKNOWN_MONEY": "Ask the marketplace what this is. The agency bears charges of its account; the rest waits.",
    "SETTLED_NOT_DELIVERED": "The settlement counts. See in the portal whether the goods arrived.",
    "SETTLEMENT_OVERDUE": "Look in the marketplace's reports for its settlement, import the file; else ask for it.",
    "SETTLEMENT_REFUSED": "Correct what is named, or download the file anew, and upload it again. Nothing was taken.",
    "SETTLEMENT_DIFFERS": "Export it with hunar differences and dispute it with the marketplace.",
    "MONEY_PROPOSED": "Read what would move and why, then approve it or leave it. Nothing moves by itself.",
    "BOOK_REFUSED": "The amounts cannot be true. Nothing was booked: show it to the accountant and the engineers.",
    "PAYOUT_LEFT_OUT": "Mend what is named; the group's money waits, and is paid with the next batch after that.",
    "UNPAID_TOO_LONG": "Close a period with hunar close, and have it approved; groups wait for their money.",
    "BATCH_WAITS": "Do the step that is named; groups wait for the money that is in this batch.",
    "PULLED_TOO_LATE": "Ask the bank at once to stop this payment, and enter what it answers.",
    "UNKNOWN_REFERENCE": "Ask the bank what it paid; if money left, put it into suspense with hunar payouts correct.",
    "PAID_THOUGH_CANCELLED": "Ask the bank whether it paid, then hunar payouts correct, two persons."
    " The group's next payout waits until then.",
    "PAID_THOUGH_REJECTED": "Ask the bank whether it paid after all, then hunar payouts correct, two persons."
    " The group's next payout waits until then.",
    "PAID_TWICE": "Ask the bank whether it paid twice, and have the second payment returned. Nothing was booked.",
    "NOT_FILED": "The bank has a file that was never given out here: find out who uploaded it. Nothing was booked.",
    "PAYOUT_NEWS_UNCLEAR": "Look the payout up in the RazorpayX dashboard; hunar payouts ask books what is certain.",
    "LEDGER_FAULT": "Stop payouts. The books are not as they must be: show it to the accountant and the engineers.",
    "UNREADABLE": "Keep the message for the marketplace's support; look for the order in the portal.",
    "UNKNOWN_EVENT": "Read the kept message; if it matters, act in the marketplace's portal.",
    "BAD_LINE": "Look up the line in the marketplace's portal; what the message says of it was not applied here.",
    "UNKNOWN_MESSAGE": "A newer or damaged queue message: it is kept; tell the engineers.",
}
"""Each kind with what the operator can do about it."""

CORRECT: Final = "correct"
"""Two persons say what the bank did. Nobody alone lets a group be paid what it may have already."""

ACKNOWLEDGE: Final = "acknowledge"
"""A person dealt with it elsewhere. Every other act changes the cause, and the exception closes with its cause."""

RESOLVED_BY: Final[Mapping[str, str]] = {
    "SHORT": "adjust",
    "EXCESS_CANCELLATION": ACKNOWLEDGE,
    "LATE_CANCELLATION": ACKNOWLEDGE,
    "EXCESS_RETURN": ACKNOWLEDGE,
    "TO_INSPECT": "inspect",
    "WAITING_FACT": ACKNOWLEDGE,
    "CONTRADICTION": "void",
    "FORM_FAILED": ACKNOWLEDGE,
    "CLAIM_DENIED": ACKNOWLEDGE,
    "CANCEL_REQUESTED": ACKNOWLEDGE,
    "FETCH_FAILED": ACKNOWLEDGE,
    "CATCH_UP_FAILED": ACKNOWLEDGE,
    "ACCOUNT_SILENT": ACKNOWLEDGE,
    "STOCK_REFUSED": ACKNOWLEDGE,
    "CHANNEL_DIFFERS": ACKNOWLEDGE,
    "OTHER_SELLER": ACKNOWLEDGE,
    "NOT_PUBLISHABLE": ACKNOWLEDGE,
    "STUCK": ACKNOWLEDGE,
    "FAIR_MISCOUNT": "adjust",
    "DEAD_LETTER": "redrive",
    "UNDELIVERABLE_EFFECT": "redrive",
    "PRICE_UNCLEAR": ACKNOWLEDGE,
    "UNKNOWN_SHIPMENT": ACKNOWLEDGE,
    "UNKNOWN_LISTING": "map",
    "UNCOUNTED": "recount",
    "NO_CONTACT": ACKNOWLEDGE,
    "SMS_REJECTED": ACKNOWLEDGE,
    "SMS_UNKNOWN": ACKNOWLEDGE,
    "SMS_STOPPED": ACKNOWLEDGE,
    "SMS_BUDGET": ACKNOWLEDGE,
    "SMS_CAP": ACKNOWLEDGE,
    "SMS_NOT_DELIVERED": ACKNOWLEDGE,
    "SMS_TEMPLATE_FAILING": ACKNOWLEDGE,
    "SMS_NEWS_UNREADABLE": ACKNOWLEDGE,
    "NO_STOCK": ACKNOWLEDGE,
    "CONTACT_STALE": ACKNOWLEDGE,
    "RATE_GAP": "replay",
    "RATE_CHANGED": ACKNOWLEDGE,
    "UNRESOLVED": "replay",
    "SUSPENSE": ACKNOWLEDGE,
    "UNKNOWN_MONEY": ACKNOWLEDGE,
    "SETTLED_NOT_DELIVERED": ACKNOWLEDGE,
    "SETTLEMENT_OVERDUE": ACKNOWLEDGE,
    "SETTLEMENT_REFUSED": ACKNOWLEDGE,
    "SETTLEMENT_DIFFERS": ACKNOWLEDGE,
    "MONEY_PROPOSED": "approve",
    "BOOK_REFUSED": ACKNOWLEDGE,
    "PAYOUT_LEFT_OUT": ACKNOWLEDGE,
    "UNPAID_TOO_LONG": ACKNOWLEDGE,
    "BATCH_WAITS": ACKNOWLEDGE,
    "PULLED_TOO_LATE": ACKNOWLEDGE,
    "UNKNOWN_REFERENCE": ACKNOWLEDGE,
    "PAID_THOUGH_CANCELLED": CORRECT,
    "PAID_THOUGH_REJECTED": CORRECT,
    "PAID_TWICE": ACKNOWLEDGE,
    "NOT_FILED": ACKNOWLEDGE,
    "PAYOUT_NEWS_UNCLEAR": ACKNOWLEDGE,
    "LEDGER_FAULT": ACKNOWLEDGE,
    "UNREADABLE": ACKNOWLEDGE,
    "UNKNOWN_EVENT": ACKNOWLEDGE,
    "BAD_LINE": ACKNOWLEDGE,
    "UNKNOWN_MESSAGE": ACKNOWLEDGE,
}
"""The one act that resolves each kind."""

_BESIDES: Final[Mapping[str, tuple[str, ...]]] = {
    "void": ("order_ref", "fact_id"),
    "remap": ("order_ref", "line_id", "sku"),
    "replay": ("delivery_pk", "delivery_id"),
}
"""Acts that are offered too where the exception names all that they need."""


def offered(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The acts that resolve an exception, the one of its kind first."""
    named = {**item, **item.get("subject", {})}
    besides = [act for act, needs in _BESIDES.items() if all(named.get(name) for name in needs)]
    return tuple(dict.fromkeys([RESOLVED_BY[item["kind"]], *besides]))


def exception_id(kind: str, *cause: Any) -> str:
    """The same cause always has the same id, so it opens once and can close and open again."""
    return derived_id("exception", kind, *cause)


def opened(
    kind: str,
    cause: tuple[Any, ...],
    *,
    at: str,
    message: str,
    order_ref: str | None = None,
    sku: str | None = None,
    listing: str | None = None,
    group_id: str | None = None,
    **subject: str | None,
) -> dict[str, Any]:
    """An open exception. ``subject`` names what its resolving act needs: a line, a fact, a return, a delivery.

    KeyError for a kind that has no action.
    """
    identity = exception_id(kind, *cause)
    return {
        "exception_id": identity,
        "kind": kind,
        "order_ref": order_ref,
        "sku": sku,
        "listing": listing,
        "group_id": group_id,
        "opened_at": at,
        "closed_at": None,
        "message": message,
        "action": ACTIONS[kind],
        "subject": {name: value for name, value in subject.items() if value is not None},
        "history": [_event(at, "opened", None, message)],
        "version": 1,
        "worklist_pk": "OPEN",
        "worklist_sk": f"{at}#{identity}",
    }


def closed(item: Mapping[str, Any], *, at: str, by: str | None = None, note: str | None = None) -> dict[str, Any]:
    """The same exception after its cause is gone, or after a person (``by``) dealt with it."""
    return {
        **item,
        "closed_at": at,
        "history": _went_on(item, _event(at, "resolved" if by else "closed", by, note)),
        "version": int(item["version"]) + 1,
        "worklist_pk": "CLOSED",
        "worklist_sk": f"{at}#{item['exception_id']}",
    }


def noted(item: Mapping[str, Any], *, at: str, what: str, by: str, note: str | None = None) -> dict[str, Any]:
    """The same exception after a person did something about its cause. It closes when the cause is gone."""
    event = _event(at, what, by, note)
    return {**item, "history": _went_on(item, event), "version": int(item["version"]) + 1}


def opened_again(there: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """``item`` in the place of ``there``, which has the same cause. One that stands open keeps its place."""
    said = {name: item[name] for name in ("message", "sku", "group_id", "subject")}
    version = int(there["version"]) + 1
    if there["closed_at"] is None:
        return {**there, **said, "version": version}
    event = _event(item["opened_at"], "opened again", None, item["message"])
    return {**there, **item, "history": _went_on(there, event), "version": version}


_REMEMBERED: Final = 20
"""Events that an exception keeps of its life; the first one always."""


def _event(at: str, what: str, by: str | None, note: str | None) -> dict[str, Any]:
    return {"at": at, "what": what, "by": by, "note": note}


def _went_on(item: Mapping[str, Any], event: dict[str, Any]) -> list[dict[str, Any]]:
    events = [*item.get("history", []), event]
    return events if len(events) <= _REMEMBERED else [events[0], *events[1 - _REMEMBERED :]]


def stuck(order: Order, now: str) -> bool:
    """Whether the time to hand over is past and nothing was, though nobody asked to hold it back."""
    waits = order.state not in ENDED and order.state != HELD and order.left_at is None
    return waits and order.ship_by is not None and order.ship_by < now


def of_order(
    order_ref: str, order: Order, applied: Mapping[str, Applied], *, at: str, overdue: bool = False
) -> dict[str, dict[str, Any]]:
    """The exceptions that an order's state asks for now, by id. ``overdue`` says that the time to hand over is past."""
    found = []
    if overdue:
        message = f"was to be handed over by {order.ship_by} and is still {order.state}"
        found.append(opened("STUCK", (order_ref,), at=at, message=message, order_ref=order_ref))
    for problem in order.problems:
        line = next((line for line in order.lines if line.line_id == problem.line_id), None)
        found.append(
            opened(
                problem.kind,
                (order_ref, problem.line_id, *([problem.of] if problem.of else [])),
                at=at,
                message=problem.message if problem.line_id is None else f"line {problem.line_id}: {problem.message}",
                order_ref=order_ref,
                sku=line.resolved.sku if line and line.resolved else None,
                listing=line.listing if line else None,
                group_id=line.resolved.group_id if line and line.resolved else None,
                line_id=problem.line_id,
                fact_id=problem.fact_id,
                return_id=problem.of if problem.kind == "TO_INSPECT" else None,
            )
        )
    for line in order.lines:
        short = applied[line.line_id].short if line.line_id in applied else 0
        if short and line.resolved:
            found.append(
                opened(
                    "SHORT",
                    (order_ref, line.line_id),
                    at=at,
                    message=f"line {line.line_id}: {short} of {line.open} {line.resolved.sku} are not in stock",
                    order_ref=order_ref,
                    sku=line.resolved.sku,
                    listing=line.listing,
                    group_id=line.resolved.group_id,
                    line_id=line.line_id,
                )
            )
    # Two excess cancellations of one line are one thing to look at; the last message stands for both.
    return {item["exception_id"]: item for item in found}
