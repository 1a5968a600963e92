"""One text to one contact of a group about one order, as the order is now.

The claim comes first, then the reading, then the sending, then the answer. A crash after the claim
leaves a claim without an answer: it is never sent again by itself, and after 15 minutes a person is
asked to look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from hunar import sms_templates, tables
from hunar.domain import sms_text
from hunar.domain.effects import (
    CANCELLED,
    HOLD,
    NEW_ORDER,
    TEXTS,
    good_until,
    group_lines,
    kept,
    units_held,
    units_to_send,
    waits_for_truth,
)
from hunar.domain.facts import instant, moment
from hunar.domain.notification import IN_FLIGHT, Sibling, Status, Verdict, decide, observed
from hunar.domain.order import Order, knowledge, read
from hunar.domain.sms_text import Template
from hunar.messages import Notify
from hunar.ports import (
    ABSENT,
    Accepted,
    Conflict,
    Put,
    QueueName,
    Queues,
    Refused,
    Rejected,
    Retryable,
    SmsProvider,
    SmsRequest,
    Store,
    Throttled,
)
from hunar.tables import Item, Key
from hunar.use_cases.worklist import close_exception, open_exception

LOCALES: Final = ("en", "hi", "bn", "ta")
EARLIER_TEXT_PAUSE: Final = 5
"""Seconds until a text that waits for an earlier one looks again."""
TRUTH_PAUSE: Final = 20
"""Seconds until a text looks again that waits for what the marketplace says of a claim."""
FIRST_PAUSE: Final = 15
LONGEST_PAUSE: Final = 900
"""Seconds; SQS delays a message no longer."""
COMES_AGAIN: Final = 360
"""Seconds after which the queue brings a message again that failed: its visibility timeout."""
SLACK: Final = timedelta(minutes=5)
"""The sweep takes a waiting text for lost when its own message should have come so long ago."""
TTL_SECONDS: Final = (5, 259_200)
"""What the provider takes as time to live."""


@dataclass(frozen=True)
class Desk:
    """What notifying needs from outside."""

    store: Store
    queues: Queues
    sms: SmsProvider
    templates: Mapping[tuple[str, str], Template]
    production: bool
    claimant: str
    """Who claims: differs each time that a message is received."""
    now: str
    again: Callable[[Callable[[], Any]], Any]


def notify(desk: Desk, message: Notify) -> Status:
    """Send the text or record why not. Returns where the notification stands; raises Retryable."""
    key = tables.notification(message.notification_id)
    claim, ours = _claim(desk, key, message)
    if not ours:
        return _already(desk, key, claim, message)
    try:
        order, owed, found, waits = _look(desk, message)
    except Retryable as error:
        # Nothing was sent yet: a call that failed must not cost the group its text.
        _settle(desk, key, claim, Status.WAITING, reason=str(error), **_due(desk, message, COMES_AGAIN))
        raise
    if waits:
        return _wait(desk, key, claim, message, "something about the order is only claimed", TRUTH_PAUSE)
    units = units_to_send(order, message.group_id)
    siblings = _siblings(owed, found, desk.now)
    decision = decide(
        message.notification_kind,
        owed[message.notification_id]["n"],
        siblings,
        units=units,
        held=units_held(order, message.group_id),
        left=order.said_to_have_left,
        # An earlier text speaks for later ones, so it is good as long as the order is.
        good_until=max(message.good_until, good_until(order, message.group_id)),
        now=desk.now,
        hold=owed[message.notification_id].get("hold"),
    )
    if decision.verdict is Verdict.WAIT:
        return _wait(desk, key, claim, message, decision.reason, EARLIER_TEXT_PAUSE)
    if decision.verdict is Verdict.EXPIRE and claim["attempts"] > 1:
        # It was tried in time and never taken: nobody was told, so a person must hear of it.
        return _failed(desk, key, claim, message, "SMS_REJECTED", f"not taken in time: {claim['reason']}")
    if decision.verdict is not Verdict.SEND:
        status = Status.EXPIRED if decision.verdict is Verdict.EXPIRE else Status.SUPPRESSED
        return _settle(desk, key, claim, status, reason=decision.reason)
    try:
        request = _request(desk, message, order, found, decision.told)
    except Rejected as error:
        kind = "NO_CONTACT" if "contact" in str(error) else "SMS_REJECTED"
        return _failed(desk, key, claim, message, kind, str(error))
    # Only a new order says what is more, and only a cancellation what is less: one is owed for each.
    stated = {NEW_ORDER: units, CANCELLED: kept(decision.told, units)}.get(message.notification_kind, decision.told)
    return _send(desk, key, claim | {"stated": dict(stated)}, message, request)


def _look(desk: Desk, message: Notify) -> tuple[Order, dict[str, Item], dict[Key, Item], bool]:
    """The order, what it owes the group, all that is known for the text, and whether that must wait.

    Raises Retryable.
    """
    key = tables.order(message.order_ref)
    stored = desk.store.read([key]).get(key)
    if stored is None:
        raise Retryable(f"{message.order_ref}: the order is not there")
    order = read(knowledge(stored))
    owed = {
        identity: effect
        for identity, effect in stored["owed"].items()
        if effect["kind"] in TEXTS and effect["group_id"] == message.group_id
    }
    found = desk.store.read([*map(tables.notification, owed), *_registry_keys(order, owed, message)])
    waits = waits_for_truth(order, stored["owed"], desk.now) or _says_more_than_is_owed(order, owed, message.group_id)
    return order, owed, found, waits


def _says_more_than_is_owed(order: Order, owed: Mapping[str, Item], group_id: str) -> bool:
    """Whether a text would state a claim of which the order has owed nothing yet, though it soon will.

    Sent before, it would be the only one who knows of it: if the claim is denied, nobody would take it back.
    """
    units = units_to_send(order, group_id)
    last = max(owed.values(), key=lambda effect: int(effect["n"]))
    return bool(order.pending) and units != last["units"] and units != units_held(order, group_id)


def _claim(desk: Desk, key: Key, message: Notify) -> tuple[Item, bool]:
    """Our claim and True, or the record that stands there already and False."""
    item: Item = {
        "notification_id": message.notification_id,
        "kind": message.notification_kind,
        "order_ref": message.order_ref,
        "group_id": message.group_id,
        "contact": message.contact,
        "to": None,
        "locale": None,
        "text": None,
        "parts": 0,
        "status": Status.CLAIMED.value,
        "attempts": 1,
        "claimed_at": desk.now,
        "claimant": desk.claimant,
        "answered_at": None,
        "provider_id": None,
        "template_id": None,
        "reason": None,
        "stated": None,
        "good_until": message.good_until,
        "version": 1,
        "feed_pk": "ALL",
        "feed_sk": f"{desk.now}#{message.notification_id}",
    } | _silent(desk, message)
    try:
        desk.store.commit([Put(key, item, ABSENT)])
        return item, True
    except Conflict:
        there = desk.store.read([key])[key]
    if there["status"] != Status.WAITING:
        # The client sends a request again whose answer was lost, and then meets its own first one.
        return there, there["status"] == Status.CLAIMED and there["claimant"] == desk.claimant
    mine = there | {
        "status": Status.CLAIMED.value,
        "claimed_at": desk.now,
        "claimant": desk.claimant,
        "attempts": there["attempts"] + 1,
        "version": there["version"] + 1,
    }
    mine |= _silent(desk, message)
    try:
        desk.store.commit([Put(key, mine, there["version"])])
    except Conflict:
        if desk.store.read([key])[key] != mine:
            raise Retryable("another worker claimed it at the same moment") from None
    return mine, True


def _silent(desk: Desk, message: Notify) -> Item:
    """When a claim that is made now has fallen silent."""
    return tables.due(instant(moment(desk.now) + IN_FLIGHT), message.notification_id)


def _due(desk: Desk, message: Notify, pause: int) -> Item:
    """When a text that waits, and whose own message comes in ``pause`` seconds, must have been looked at."""
    return tables.due(instant(moment(desk.now) + timedelta(seconds=pause) + SLACK), message.notification_id)


def _already(desk: Desk, key: Key, there: Item, message: Notify) -> Status:
    """Somebody claimed it before: finished, still in flight, or fallen silent."""
    status = Status(there["status"])
    if status is not Status.CLAIMED:
        return status
    if observed(status, there["claimed_at"], desk.now) is Status.UNKNOWN:
        return _unknown(desk, key, there, message, "no answer for 15 minutes")
    age = moment(desk.now) - moment(there["claimed_at"])
    pause = max(1, min(LONGEST_PAUSE, int((IN_FLIGHT - age).total_seconds())))
    desk.queues.send(QueueName.NOTIFICATIONS, [message.model_dump_json()], delay_seconds=pause)
    return status


def _siblings(owed: Mapping[str, Item], found: Mapping[Key, Item], now: str) -> list[Sibling]:
    """All notifications about the order to the group, ours among them, as they stand."""
    siblings = []
    for identity, effect in owed.items():
        there = found.get(tables.notification(identity))
        status = observed(there["status"], there["claimed_at"], now) if there else None
        # A claim that fell silent states nothing; what it was owed for is what it would have said.
        stated = effect["units"] if there is None or there["stated"] is None else there["stated"]
        siblings.append(Sibling(effect["n"], effect["kind"], status, stated, effect.get("hold")))
    return siblings


def _registry_keys(order: Order, owed: Mapping[str, Item], message: Notify) -> list[Key]:
    skus = {line.resolved.sku for line in group_lines(order, message.group_id) if line.resolved}
    # What the group was told of may have become another group's since.
    skus |= {sku for effect in owed.values() for sku in effect["units"]}
    return [
        tables.agency(),
        tables.group(message.group_id),
        tables.contact(message.group_id, message.contact),
        *(tables.dlt_template(message.notification_kind, locale) for locale in LOCALES),
        *map(tables.product, sorted(skus)),
    ]


def _request(
    desk: Desk, message: Notify, order: Order, found: Mapping[Key, Item], told: Mapping[str, int]
) -> SmsRequest:
    """The text and whom it goes to. Raises Rejected with the reason, which never holds a number."""
    group = found.get(tables.group(message.group_id))
    contact = found.get(tables.contact(message.group_id, message.contact))
    if group is None or contact is None:
        raise Rejected(f"contact: group {message.group_id} has no {message.contact} with a phone")
    agency = found.get(tables.agency())
    if agency is None:
        raise Rejected("agency: not imported, so nobody may send a text")
    locale = group["locale"]
    registered = found.get(tables.dlt_template(message.notification_kind, locale))
    if registered is None:
        raise Rejected(f"template_id: no DLT template for {message.notification_kind} in {locale} was imported")
    template = desk.templates[message.notification_kind, locale]
    if not sms_templates.usable(template, production=desk.production):
        raise Rejected(f"review: the text {message.notification_kind} in {locale} is a draft")
    try:
        values = _values(message, order, found, told, locale, desk.now)
        text = sms_text.render(template, values)
    except ValueError as error:
        raise Rejected(str(error)) from error
    shortest, longest = TTL_SECONDS
    lifetime = int((moment(message.good_until) - moment(desk.now)).total_seconds())
    return SmsRequest(
        notification_id=message.notification_id,
        to=contact["phone"],
        text=text,
        kind=message.notification_kind,
        locale=locale,
        values=values,
        entity_id=agency["dlt_entity_id"],
        template_id=registered["template_id"],
        provider_template=registered.get("provider_template"),
        sender_id=agency["sender_id"],
        time_to_live_seconds=min(longest, max(shortest, lifetime)),
    )


def _values(
    message: Notify, order: Order, found: Mapping[Key, Item], told: Mapping[str, int], locale: str, now: str
) -> dict[str, str]:
    """The slots: products by their names in the group's language, most units first.

    A new order names what is to send, a cancellation what is less than the group was told, a hold what
    is held, and the others what the group was told of and still has to send.
    """
    to_send = units_to_send(order, message.group_id)
    cancels, holds = message.notification_kind == CANCELLED, message.notification_kind == HOLD
    if cancels:
        per_sku = {sku: units - to_send.get(sku, 0) for sku, units in told.items()}
    elif holds:
        per_sku = units_held(order, message.group_id)
    else:
        per_sku = to_send if message.notification_kind == NEW_ORDER else kept(told, to_send)
    named = []
    for sku, units in sorted(per_sku.items(), key=lambda entry: (-entry[1], entry[0])):
        product = found.get(tables.product(sku))
        names = product["names"] if product else {}
        if units > 0:
            named.append((units, names.get(locale) or names.get("en") or sku))
    item = sms_text.item_value(named, locale)
    if cancels:
        # What is more than the group was told of is said by the new order that is owed for it.
        return {"item": item, "left": str(sum(kept(told, to_send).values()))}
    if holds:
        return {"item": item}
    lines = group_lines(order, message.group_id)
    ship_by = min((line.ship_by for line in lines if line.ship_by and line.open), default=None)
    return {"item": item, "by": sms_text.by_value(ship_by, locale, now)}


def _send(desk: Desk, key: Key, claim: Item, message: Notify, request: SmsRequest) -> Status:
    answer = desk.sms.send(request)
    told = {
        "to": request.to,
        "locale": request.locale,
        "text": request.text,
        "parts": sms_text.parts(request.text),
        "template_id": request.template_id,
    }
    match answer:
        case Accepted():
            return _settle(desk, key, claim | told, Status.ACCEPTED, provider_id=answer.provider_id)
        case Refused():
            return _failed(desk, key, claim | told, message, "SMS_REJECTED", answer.reason)
        case Throttled():
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (claim["attempts"] - 1))
            return _wait(desk, key, claim | {"stated": None}, message, answer.reason, pause)
        case _:
            return _unknown(desk, key, claim | told, message, answer.reason)


def _wait(desk: Desk, key: Key, claim: Item, message: Notify, reason: str, pause: int) -> Status:
    """Give the claim back and look again later: waiting is not failing."""
    _settle(desk, key, claim, Status.WAITING, reason=reason, **_due(desk, message, pause))
    desk.queues.send(QueueName.NOTIFICATIONS, [message.model_dump_json()], delay_seconds=pause)
    return Status.WAITING


def _failed(desk: Desk, key: Key, claim: Item, message: Notify, kind: str, reason: str) -> Status:
    _exception(desk, message, kind, f"{message.notification_kind} to {message.contact} not sent: {reason}")
    return _settle(desk, key, claim, Status.FAILED, reason=reason)


def _unknown(desk: Desk, key: Key, claim: Item, message: Notify, reason: str) -> Status:
    _exception(desk, message, "SMS_UNKNOWN", f"{message.notification_kind} to {message.contact}: {reason}")
    return _settle(desk, key, claim, Status.UNKNOWN, reason=reason)


def _exception(desk: Desk, message: Notify, kind: str, text: str) -> None:
    open_exception(
        desk.store,
        kind,
        (message.notification_id,),
        at=desk.now,
        message=text,
        order_ref=message.order_ref,
        group_id=message.group_id,
    )


def _settle(desk: Desk, key: Key, claim: Item, status: Status, **result: Any) -> Status:
    """Write the answer over our claim, also when somebody has meanwhile called it Unknown.

    A settled text is due no more, unless ``result`` says when.
    """
    settled = {name: value for name, value in claim.items() if name not in ("due_pk", "due_sk")}
    item = settled | {"status": status.value, "answered_at": desk.now} | result

    def write() -> None:
        there = desk.store.read([key])[key]
        # A claim of somebody else stands there when ours was given back and only its answer got lost.
        if there["status"] in (Status.CLAIMED, Status.UNKNOWN) and there["claimant"] == claim["claimant"]:
            desk.store.commit([Put(key, item | {"version": there["version"] + 1}, there["version"])])

    try:
        desk.store.commit([Put(key, item | {"version": claim["version"] + 1}, claim["version"])])
    except Conflict:
        desk.again(write)
        if desk.store.read([key])[key]["status"] != Status.UNKNOWN:
            cause = (item["notification_id"],)
            desk.again(lambda: close_exception(desk.store, "SMS_UNKNOWN", cause, at=desk.now))
    return status
