"""How one text goes: claimed, written down, sent once, settled.

What stands in a notification says what may have happened. CLAIMED without a text was surely not sent, so after a crash
whoever comes next may claim it again. CLAIMED with a text may have been sent: after 15 minutes nobody knows, and it is
UNKNOWN. A digest is one text that answers for several notifications; all of them change together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from hunar import tables
from hunar.domain import manners, sms_text, worklist
from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.manners import Later, Manners
from hunar.domain.notification import IN_FLIGHT, RECEIPT_WAIT, UNHEARD, Status, goes_again, observed
from hunar.domain.sms_text import Language
from hunar.domain.text_kinds import KINDS, NEW_ORDER, NEW_ORDERS
from hunar.ports import (
    ABSENT,
    Accepted,
    Conflict,
    Put,
    Queues,
    Refused,
    Retryable,
    SmsProvider,
    SmsRequest,
    Stopped,
    Store,
    Throttled,
)
from hunar.tables import Item, Key
from hunar.use_cases.worklist import closing, open_exception, opening

FIRST_PAUSE: Final = 15
LONGEST_PAUSE: Final = 900
"""Seconds; SQS delays a message no longer."""
SLACK: Final = timedelta(minutes=5)
"""The sweep takes a waiting text for lost when its own message should have come so long ago."""
WORKED_ON: Final = timedelta(minutes=1)
"""A claim that is older than the function may run belongs to nobody who still works."""
STOPPED: Final = timedelta(minutes=15)
"""So long no text is tried after the provider said that it takes none; then one is."""
FULL: Final = timedelta(minutes=30)
"""When the day's parts are used up, waiting texts look again so often: somebody may have raised the number."""


@dataclass(frozen=True)
class Desk:
    """What sending needs from outside."""

    store: Store
    queues: Queues
    sms: SmsProvider
    languages: Callable[[str], Language]
    production: bool
    claimant: str
    """Who claims: differs each time that a message is received."""
    now: str
    again: Callable[[Callable[[], Any]], Any]
    receipts: bool = False
    """Whether the provider says later if a text arrived. If it does not, silence means nothing."""
    parts_a_day: int = 2000
    """Of all texts together. When they are used up, something is wrong or somebody must decide."""


@dataclass(frozen=True)
class Letter:
    """A claimed notification, and for a digest those that it answers for. Only the first one has parts and is due."""

    item: Item
    members: tuple[Item, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        return (self.item, *self.members)


@dataclass(frozen=True)
class Draft:
    """All that is needed to decide whether a text may go now, and to send it."""

    request: SmsRequest
    form: str
    template_version: int
    manners: Manners
    ship_by: str | None
    """The earliest moment by which goods of it must be handed over."""
    order_refs: tuple[str, ...] = ()
    stated: Mapping[str, Mapping[str, int]] | None = None
    """Of texts about orders: by notification id, the units of each SKU that the group knows of afterwards."""
    kept_text: str | None = None
    """What is written down instead of the text, where it says something secret."""


def new_item(
    desk: Desk, notification_id: str, kind: str, *, group_id: str, contact: str, good_until: str, **other: Any
) -> Item:
    """A notification as its first claim writes it. ``other`` are its order, what it says, or its members."""
    return {
        "notification_id": notification_id,
        "kind": kind,
        "order_ref": None,
        "group_id": group_id,
        "contact": contact,
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
        "good_until": good_until,
        "version": 1,
        "feed_pk": "ALL",
        "feed_sk": f"{desk.now}#{notification_id}",
        **_SINCE,
        **silent(desk, notification_id),
        **other,
    }


def claim(desk: Desk, item: Item) -> tuple[Item, bool]:
    """Our claim and True, or the record that stands there already and False. Raises Retryable."""
    key = tables.notification(item["notification_id"])
    try:
        desk.store.commit([Put(key, item, ABSENT)])
        return item, True
    except Conflict:
        there = item_of(desk.store.read([key])[key])
    if observed(there, desk.now) is not Status.WAITING:
        # The client sends a request again whose answer was lost, and then meets its own first one.
        ours = there["status"] == Status.CLAIMED and there["claimant"] == desk.claimant and there["text"] is None
        return there, ours
    mine = claimed(desk, there)
    try:
        desk.store.commit([Put(key, mine, there["version"])])
    except Conflict:
        if desk.store.read([key])[key] != mine:
            raise Retryable("another worker claimed it at the same moment") from None
    return mine, True


_SINCE: Final[Item] = {
    "of": None, "says": None, "members": None, "digest": None, "form": None, "template_version": None, "resent": 0,
    "escalated": None, "receipt": None, "heard": None,
}  # fmt: skip
"""What a notification that an older version wrote does not have."""


def item_of(stored: Item) -> Item:
    """A notification with all that it has today."""
    return {**_SINCE, **stored}


def digest_id(group_id: str, contact: str, ids: list[str], attempts: int) -> str:
    """Its members make it, and how often the one was tried that brought them together: it may have gone apart."""
    return derived_id(NEW_ORDERS, group_id, contact, ids, attempts)


def claimed(desk: Desk, there: Item, **other: Any) -> Item:
    """A waiting notification after we claimed it."""
    return {
        **there,
        "status": Status.CLAIMED.value,
        "claimed_at": desk.now,
        "claimant": desk.claimant,
        "attempts": there["attempts"] + 1,
        "version": there["version"] + 1,
        "digest": None,
        **silent(desk, there["notification_id"]),
        **other,
    }


def after(desk: Desk, pause: timedelta, item: Item) -> Item:
    """The attributes of a notification that is looked at again after a while."""
    return tables.due(instant(moment(desk.now) + pause), item["notification_id"])


def until_settled(desk: Desk, there: Item, *, looked: bool) -> int:
    """Seconds until a message that met its own first one looks whether that is settled.

    The first time in a minute, when nobody works on it any more; after that when it has fallen silent. Where messages
    come twice, looking every minute would double them every minute.
    """
    age = moment(desk.now) - moment(there["claimed_at"])
    left = (WORKED_ON if age < WORKED_ON and not looked else IN_FLIGHT) - age
    return max(1, min(LONGEST_PAUSE, int(left.total_seconds())))


def silent(desk: Desk, notification_id: str) -> Item:
    """When a claim that is made now has fallen silent."""
    return tables.due(instant(moment(desk.now) + IN_FLIGHT), notification_id)


def write_down(
    desk: Desk, letter: Letter, draft: Draft, found: Mapping[Key, Item], *, done: Iterable[str] = ()
) -> Letter | Later:
    """The text, before it is sent, with the contact's and the day's count: or when it may go.

    ``done`` are new orders of the contact that wait no more. Raises Retryable when somebody else took the claim.
    """
    kind, identity = letter.item["kind"], letter.item["notification_id"]
    group_id, slot = letter.item["group_id"], letter.item["contact"]
    talk_key, day_key = tables.talk(group_id, slot), tables.sms_day(manners.day(desk.now))
    parts = sms_text.parts(draft.request.text)
    known = dict(found)

    def write() -> Letter | Later:
        talk, day, breaker = known.get(talk_key), known.get(day_key), known.get(tables.sms_breaker())
        later = _closed(desk, breaker, day, parts) or manners.held_back(
            kind, identity, draft.manners, talk, ship_by=draft.ship_by, now=desk.now
        )
        if later is not None:
            return later
        counted = identity in manners.sent_today(talk, desk.now)
        entry = {"notification_id": identity, "kind": kind, "order_refs": list(draft.order_refs)}
        said = manners.told(talk, group_id=group_id, slot=slot, entry=entry, parts=parts, now=desk.now, done=done)
        ready = _with_text(letter, draft, parts)
        writes = [*puts(letter, ready), Put(talk_key, said, talk["version"] if talk else ABSENT)]
        if not counted:
            sent = {"parts": (day["parts"] if day else 0) + parts, "version": (day["version"] if day else 0) + 1}
            writes.append(Put(day_key, sent, day["version"] if day else ABSENT))
        try:
            desk.store.commit(writes)
        except Conflict:
            _still_ours(desk, letter)
            # Another text to this contact, or another text of the day: read and decide again.
            for key in (talk_key, day_key):
                known.pop(key, None)
            known.update(desk.store.read([talk_key, day_key]))
            raise
        return ready

    result: Letter | Later = desk.again(write)
    return result


def put_off(desk: Desk, item: Item, later: Later) -> Status:
    """Stored with the moment at which the sweep sends it again: waiting is not failing.

    A new order joins those of its contact that wait, and goes together with them. Raises Retryable.
    """
    key, talk_key = tables.notification(item["notification_id"]), tables.talk(item["group_id"], item["contact"])
    waits = _settled(
        item, Status.WAITING, desk.now, reason=later.reason, **tables.due(later.at, item["notification_id"])
    )
    waits["version"] = item["version"] + 1
    if later.full:
        _tell(desk, item, "SMS_CAP", (item["group_id"], item["contact"], manners.day(desk.now)), later.reason)

    def write() -> None:
        writes = [Put(key, waits, item["version"])]
        if item["kind"] == NEW_ORDER:
            talk = desk.store.read([talk_key]).get(talk_key)
            ids = [*(talk["waiting"] if talk else ()), item["notification_id"]]
            names = {"group_id": item["group_id"], "slot": item["contact"]}
            joined = manners.waiting(talk, ids=ids, now=desk.now, **names)
            writes.append(Put(talk_key, joined, talk["version"] if talk else ABSENT))
        try:
            desk.store.commit(writes)
        except Conflict:
            _still_ours(desk, Letter(item))
            raise

    desk.again(write)
    return Status.WAITING


def post(
    desk: Desk, letter: Letter, request: SmsRequest, breaker: Item | None
) -> tuple[Status, Throttled | Stopped | None]:
    """Send what was written down and write the answer. A text that did not go is the caller's to put off."""
    answer = desk.sms.send(request)
    match answer:
        case Accepted():
            if breaker is not None and breaker["until"]:
                _reopen(desk, breaker)
            return settle(desk, letter, Status.ACCEPTED, provider_id=answer.provider_id), None
        case Refused():
            return failed(desk, letter, "SMS_REJECTED", answer.reason), None
        case Throttled():
            return Status.WAITING, answer
        case Stopped():
            _close(desk, breaker, answer.reason)
            return Status.WAITING, answer
        case _:
            return unknown(desk, letter, answer.reason), None


def pause_of(attempts: int) -> int:
    """Seconds until a text that the provider had no time for is tried again."""
    return int(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1)))


def stopped_until(desk: Desk, reason: str) -> Later:
    return Later(instant(moment(desk.now) + STOPPED), reason)


def failed(desk: Desk, letter: Letter, kind: str, reason: str) -> Status:
    """Nobody was told: a person must look, and the next contact is told at once."""
    item = letter.item
    _tell(desk, item, kind, (item["notification_id"],), f"{item['kind']} to {item['contact']} not sent: {reason}")
    next_is_told = tables.due(desk.now, item["notification_id"]) if KINDS[item["kind"]].ladder else {}
    return settle(desk, letter, Status.FAILED, reason=reason, **next_is_told)


def unknown(desk: Desk, letter: Letter, reason: str) -> Status:
    """It may or may not have gone. A person is told; a kind that may go twice is looked at again after a while."""
    item = letter.item
    again = {}
    if goes_again(item):
        again = after(desk, RECEIPT_WAIT, item)
    elif desk.receipts and KINDS[item["kind"]].ladder:
        again = after(desk, UNHEARD, item)
    return _settled_as(desk, letter, Status.UNKNOWN, {"reason": reason, **again}, asks=True)


def settle(desk: Desk, letter: Letter, status: Status, **result: Any) -> Status:
    """Write the answer over our claim, also when a receipt or somebody who called it Unknown came first.

    A settled text is due no more, unless ``result`` says when, or unless it should be heard of by a receipt.
    """
    if status is Status.ACCEPTED and desk.receipts and KINDS[letter.item["kind"]].ladder:
        result |= after(desk, UNHEARD, letter.item)
    return _settled_as(desk, letter, status, result)


def _settled_as(desk: Desk, letter: Letter, status: Status, result: Mapping[str, Any], *, asks: bool = False) -> Status:
    """``asks``: a person is to find out whether it went. Text and question stand and fall in one transaction."""
    done = _replaced(letter, status, desk.now, result)
    known = status is not Status.UNKNOWN and letter.item["resent"]
    try:
        desk.store.commit([*puts(letter, done), *(_question(desk, done.item, asks=asks) if asks or known else ())])
    except Conflict:
        desk.again(lambda: _settle_late(desk, letter, status, result, asks=asks))
    return status


def _question(desk: Desk, item: Item, *, asks: bool) -> list[Put]:
    """What opens, or closes, the exception that asks whether a text went."""
    cause, message = (item["notification_id"],), f"{item['kind']} to {item['contact']}: {item['reason']}"
    about = {"order_ref": item["order_ref"], "group_id": item["group_id"]}
    opened = worklist.opened("SMS_UNKNOWN", cause, at=desk.now, message=message, **about)
    key = tables.exception(opened["exception_id"])
    there = desk.store.read([key]).get(key)
    return opening(opened, there) if asks else closing(there, at=desk.now)


def _settle_late(desk: Desk, letter: Letter, status: Status, result: Mapping[str, Any], *, asks: bool) -> None:
    """Somebody wrote since: what they know stays, and our answer is added."""
    keys = [tables.notification(item["notification_id"]) for item in letter.items]
    there = desk.store.read(keys)
    writes, was_unknown = [], False
    for item, key in zip(letter.items, keys, strict=True):
        now = there[key]
        # A claim of somebody else stands there when ours was given back and only its answer got lost.
        if now["claimant"] != item["claimant"]:
            continue
        if now["status"] in (Status.CLAIMED, Status.UNKNOWN):
            was_unknown = was_unknown or now["status"] == Status.UNKNOWN
            mine = result if item is letter.item else _of_member(result)
            written = _settled(now, status, desk.now, **mine)
        elif now["receipt"] is not None and now["provider_id"] is None:
            # The phone was quicker than the provider's own answer.
            written = {**now, "provider_id": result.get("provider_id"), "answered_at": desk.now}
        else:
            continue
        writes.append(Put(key, written | {"version": now["version"] + 1}, now["version"]))
    if not writes:
        return
    if asks or (status is not Status.UNKNOWN and (was_unknown or letter.item["resent"])):
        # A receipt that says more than we do has dealt with the question itself.
        settled = any(put.item and put.item["status"] == status for put in writes)
        writes += _question(desk, {**letter.item, **result}, asks=asks) if settled else []
    desk.store.commit(writes)


def _with_text(letter: Letter, draft: Draft, parts: int) -> Letter:
    request = draft.request
    text = {
        "to": request.to,
        "locale": request.locale,
        "form": draft.form,
        "template_version": draft.template_version,
        "template_id": request.template_id,
        "text": request.text if draft.kept_text is None else draft.kept_text,
    }

    def of(item: Item) -> Item:
        said = (draft.stated or {}).get(item["notification_id"])
        return {**item, **text, "stated": None if said is None else dict(said), "version": item["version"] + 1}

    members = tuple(without_due(of(member)) for member in letter.members)
    return Letter({**of(letter.item), "parts": parts}, members)


def _replaced(letter: Letter, status: Status, now: str, result: Mapping[str, Any]) -> Letter:
    def of(item: Item, changes: Mapping[str, Any]) -> Item:
        return _settled(item, status, now, **changes) | {"version": item["version"] + 1}

    return Letter(of(letter.item, result), tuple(of(member, _of_member(result)) for member in letter.members))


def _of_member(result: Mapping[str, Any]) -> dict[str, Any]:
    """A member of a digest is not due by itself."""
    return {name: value for name, value in result.items() if name not in ("due_pk", "due_sk")}


def _settled(item: Item, status: Status, now: str, **result: Any) -> Item:
    settled = without_due(item) | {"status": status.value, "answered_at": now} | result
    # What waits, and what was never sent, has no text: it is worded anew.
    return settled | (_UNSENT if status is Status.WAITING else {})


_UNSENT: Final[Item] = {"text": None, "stated": None, "parts": 0, "digest": None}


def without_due(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("due_pk", "due_sk")}


def puts(before: Letter, after: Letter) -> list[Put]:
    return [
        Put(tables.notification(new["notification_id"]), new, old["version"])
        for old, new in zip(before.items, after.items, strict=True)
    ]


def _still_ours(desk: Desk, letter: Letter) -> None:
    keys = [tables.notification(item["notification_id"]) for item in letter.items]
    there = desk.store.read(keys)
    if any(there[key]["version"] != item["version"] for key, item in zip(keys, letter.items, strict=True)):
        raise Retryable("another worker took the claim")


def _closed(desk: Desk, breaker: Item | None, day: Item | None, parts: int) -> Later | None:
    """Whether nothing may be sent at all: the provider takes none, or the day's parts are used up."""
    if breaker is not None and breaker["until"] > desk.now:
        return Later(breaker["until"], f"the provider takes no texts: {breaker['reason']}")
    if day is not None and day["parts"] + parts > desk.parts_a_day:
        at = instant(moment(desk.now) + FULL)
        reason = f"{day['parts']} parts were sent today, and {desk.parts_a_day} are allowed"
        open_exception(desk.store, "SMS_BUDGET", (manners.day(desk.now),), at=desk.now, message=reason)
        return Later(at, reason)
    return None


def _close(desk: Desk, breaker: Item | None, reason: str) -> None:
    """No text is tried for a while: each would only be refused again."""
    until = instant(moment(desk.now) + STOPPED)
    stopped = {"until": until, "reason": reason, "version": (breaker["version"] if breaker else 0) + 1}
    puts = [Put(tables.sms_breaker(), stopped, breaker["version"] if breaker else ABSENT)]
    opened = worklist.opened("SMS_STOPPED", (), at=desk.now, message=f"the provider takes no texts: {reason}")
    with suppress(Conflict):  # Another worker met the same and wrote it.
        desk.store.commit([*puts, *opening(opened, desk.store.read([_STOPPED]).get(_STOPPED))])


def _reopen(desk: Desk, breaker: Item) -> None:
    closed = closing(desk.store.read([_STOPPED]).get(_STOPPED), at=desk.now)
    over = breaker | {"until": "", "version": breaker["version"] + 1}
    with suppress(Conflict):  # It was closed or opened again by another worker.
        desk.store.commit([Put(tables.sms_breaker(), over, breaker["version"]), *closed])


_STOPPED: Final = tables.exception(worklist.exception_id("SMS_STOPPED"))
"""It stands open as long as the breaker does: both are written in one transaction."""


def _tell(desk: Desk, item: Item, kind: str, cause: tuple[Any, ...], text: str) -> None:
    open_exception(
        desk.store, kind, cause, at=desk.now, message=text, order_ref=item["order_ref"], group_id=item["group_id"]
    )
