"""What a provider tells of a text that it took is written into the notification, and what follows from it.

The notification, its members, the contact's count of failures, the template's rate and the exceptions are one
transaction, so a report that comes twice counts once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from hunar import tables
from hunar.domain import receipt as rules
from hunar.domain import worklist
from hunar.domain.facts import instant, moment
from hunar.domain.manners import new_talk
from hunar.domain.notification import UNHEARD, Status
from hunar.domain.receipt import DELIVERED, STALE_AFTER, Receipt, Reply, outcome, settled
from hunar.domain.text_kinds import KINDS
from hunar.messages import SmsNews, wrong_field
from hunar.ports import ABSENT, Put, QueueName, Rejected, Store
from hunar.tables import Item, Key
from hunar.use_cases.acknowledge import reply
from hunar.use_cases.texts import NOT_DUE, changed, commit_with_members, members_of, read_text
from hunar.use_cases.unknown import keep_unknown
from hunar.use_cases.worklist import closing, open_exception, opening

AWS: Final = "aws"
"""The provider whose events come without an envelope: a topic puts them on the queue as they are."""
UNREADABLE: Final = "SMS_NEWS_UNREADABLE"


@dataclass(frozen=True)
class Desk:
    """What recording needs from outside."""

    store: Store
    now: str
    again: Callable[[Callable[[], Any]], Any]
    read: Callable[[str, bytes, str], Sequence[Receipt | Reply]]
    """What a provider said, by its name, in a body that came in at a time. Raises Rejected naming the field."""


def record_news(desk: Desk, body: str) -> list[str]:
    """One message of the sms-receipts queue: an event of AWS, or what another provider posted.

    Returns the outcomes for the log, one for each thing that was said. What cannot be read is kept and shown. Raises
    Retryable.
    """
    try:
        posted = _opened(desk, body)
        news = desk.read(posted.provider, _raw(posted), posted.received_at)
    except Rejected as error:
        return [_unreadable(desk, body, str(error))]
    outcomes = []
    for said in news:
        if isinstance(said, Reply):
            outcomes.append(reply(desk.store, said, account=posted.account, now=desk.now, again=desk.again))
        elif said.notification_id is None:
            nameless = f"{posted.provider}: a receipt that does not name the text it is about"
            outcomes.append(_unreadable(desk, body, nameless))
        else:
            outcomes.append(record(desk, said, said.notification_id))
    return outcomes


def record(desk: Desk, receipt: Receipt, notification_id: str) -> str:
    """Settle the notification by a report. Returns the outcome: ``unknown_text``, ``unchanged``, or its status."""
    told: str = desk.again(lambda: _record(desk, receipt, notification_id))
    return told


def _opened(desk: Desk, body: str) -> SmsNews:
    """What was posted; an event of AWS in the envelope that it came without. Raises Rejected."""
    try:
        message = json.loads(body)
    except ValueError:
        raise Rejected("the message is not JSON") from None
    if isinstance(message, dict) and message.get("kind") == "sms_news":
        try:
            return SmsNews.model_validate_json(body)
        except ValidationError as error:
            raise Rejected(wrong_field(error)) from None
    raw = base64.b64encode(body.encode("utf-8", "surrogatepass")).decode()
    return SmsNews(provider=AWS, account="", received_at=desk.now, body_b64=raw)


def _raw(posted: SmsNews) -> bytes:
    try:
        return base64.b64decode(posted.body_b64, validate=True)
    except ValueError:
        raise Rejected("body_b64: not base64") from None


def _unreadable(desk: Desk, body: str, reason: str) -> str:
    return keep_unknown(desk.store, QueueName.SMS_RECEIPTS, body, reason, at=desk.now, kind=UNREADABLE)


def _record(desk: Desk, receipt: Receipt, notification_id: str) -> str:
    item = read_text(desk.store, notification_id)
    if item is None:
        message = f"{receipt.provider}: a receipt about a text that was never sent from here"
        open_exception(desk.store, UNREADABLE, (receipt.provider, notification_id), at=desk.now, message=message)
        return "unknown_text"
    status, kept = settled(item, receipt)
    puts = changed(item, status=status.value, receipt=kept, **_due(desk, item, status))
    if not puts:
        return "unchanged"
    of_members = [put for member in members_of(desk.store, item) for put in _member(member, receipt)]
    commit_with_members(desk.store, of_members, [*puts, *_consequences(desk, item, status, kept)])
    return status.value


def _member(member: Item, receipt: Receipt) -> list[Put]:
    """A notification that went with a digest. It is never due: the digest speaks for all."""
    status, kept = settled(member, receipt)
    return changed(member, status=status.value, receipt=kept)


def _due(desk: Desk, item: Item, status: Status) -> Item:
    """When the sweep must look at a text whose status changes; nothing when that stays as it is."""
    if status == item["status"]:
        return {}
    if status is Status.FAILED and not item.get("heard"):
        return tables.due(desk.now, item["notification_id"])
    if status is Status.ACCEPTED and not item.get("heard") and KINDS[item["kind"]].ladder:
        # On its way it still has to arrive in time, or somebody else is told.
        return tables.due(instant(moment(desk.now) + UNHEARD), item["notification_id"])
    return NOT_DUE


def _consequences(desk: Desk, item: Item, status: Status, kept: rules.Kept) -> list[Put]:
    """What else stands differently after the report. Raises Conflict with the transaction that it is for."""
    before, after = outcome(item.get("receipt")), outcome(kept)
    known = status != item["status"] and status in (Status.ACCEPTED, Status.DELIVERED, Status.FAILED)
    group_id, slot = item["group_id"], item["contact"]
    exceptions = _Exceptions(desk, item)
    talk, rate = tables.talk(group_id, slot), tables.template_rate(item.get("template_id") or "")
    found = desk.store.read([talk, rate, *exceptions.keys]) if after or known else {}
    puts = exceptions.close("SMS_UNKNOWN", found) if known else []
    if after is None or after == before:
        return puts
    contact = found.get(talk) or new_talk(group_id, slot, desk.now)
    row = rules.failed_in_row(contact["failed_in_row"], kept)
    delivered_at = max(contact["delivered_at"] or "", kept["at"]) if after == DELIVERED else contact["delivered_at"]
    puts += _put(talk, found, contact | {"failed_in_row": row, "delivered_at": delivered_at})
    if after == DELIVERED:
        puts += exceptions.close("SMS_NOT_DELIVERED", found) + exceptions.close("CONTACT_STALE", found)
    elif row == STALE_AFTER > contact["failed_in_row"]:
        message = f"the last {row} texts to the {slot} of {group_id} did not reach the phone"
        puts += exceptions.open("CONTACT_STALE", found, message)
    if before is None and item.get("template_id"):
        puts += _rated(exceptions, item, found, rate, kept)
    return puts


def _rated(exceptions: _Exceptions, item: Item, found: dict[Key, Item], key: Key, kept: rules.Kept) -> list[Put]:
    """One more outcome of a registered text, and whether it stopped arriving by it."""
    form = item.get("form") or item["kind"]
    there = found.get(key) or {
        "template_id": item["template_id"],
        "form": form,
        "locale": item["locale"],
        "outcomes": "",
    }
    outcomes = (there["outcomes"] + rules.letter(kept))[-rules.REMEMBERED :]
    puts = _put(key, found, there | {"outcomes": outcomes})
    match rules.failing(outcomes):
        case True:
            last = outcomes[-rules.LAST :]
            message = (
                f"the registered text {form} in {item['locale']} (template {item['template_id']}): "
                f"{last.count('D')} of the last {len(last)} arrived; the last one: {kept['reason'] or kept['code']}"
            )
            puts += exceptions.open("SMS_TEMPLATE_FAILING", found, message)
        case False:
            puts += exceptions.close("SMS_TEMPLATE_FAILING", found)
    return puts


class _Exceptions:
    """Those that a report may open or close, each by its cause."""

    def __init__(self, desk: Desk, item: Item) -> None:
        self._desk = desk
        self._item = item
        self._causes: dict[str, tuple[str, ...]] = {
            "SMS_UNKNOWN": (item["notification_id"],),
            "SMS_NOT_DELIVERED": (item["notification_id"],),
            "CONTACT_STALE": (item["group_id"], item["contact"]),
            "SMS_TEMPLATE_FAILING": (item.get("template_id") or "",),
        }

    @property
    def keys(self) -> list[Key]:
        return [self._key(kind) for kind in self._causes]

    def open(self, kind: str, found: dict[Key, Item], message: str) -> list[Put]:
        group_id = self._item["group_id"] if kind == "CONTACT_STALE" else None
        item = worklist.opened(kind, self._causes[kind], at=self._desk.now, message=message, group_id=group_id)
        return opening(item, found.get(self._key(kind)))

    def close(self, kind: str, found: dict[Key, Item]) -> list[Put]:
        return closing(found.get(self._key(kind)), at=self._desk.now)

    def _key(self, kind: str) -> Key:
        return tables.exception(worklist.exception_id(kind, *self._causes[kind]))


def _put(key: Key, found: dict[Key, Item], after: Item) -> list[Put]:
    there = found.get(key)
    if there is None:
        return [Put(key, after | {"version": 1}, ABSENT)]
    return [] if after == there else [Put(key, after | {"version": there["version"] + 1}, there["version"])]
