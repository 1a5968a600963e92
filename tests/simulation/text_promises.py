"""What must be true of texts: at every write and sending (``TextWatch``), and when all is done (``check``)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from hunar import tables
from hunar.domain.identity import derived_id
from hunar.domain.manners import day
from hunar.domain.notification import SLOTS
from hunar.domain.text_kinds import KINDS
from hunar.domain.worklist import exception_id
from hunar.ports import SmsRequest
from hunar.tables import Item, Key, Table
from tests.simulation.broken import Broken, shipment_of
from tests.simulation.inputs import GROUP_OF
from tests.simulation.paper import Paper
from tests.world import phone

if TYPE_CHECKING:
    from tests.simulation.workers import Simulation

TEXTS: Final = ("NEW_ORDER", "CANCELLED", "HOLD", "RELEASED", "SERVED")
SAY_UNITS: Final = ("NEW_ORDER", "NEW_ORDERS", "CANCELLED")
IST: Final = timezone(timedelta(hours=5, minutes=30))
OPTED_OUT: Final = "this contact wants no texts of this kind"
SPOKEN: Final = re.compile(r"(\d+) (\w+)")


class TextWatch:
    """Looks at each write of a text and at each sending at the moment at which it happens."""

    def __init__(self) -> None:
        self.records: dict[str, Item] = {}
        self.counted: dict[tuple[str, str], int] = {}
        """Parts by day and text, as they were written down first."""
        self.sent: list[tuple[SmsRequest, tuple[str, ...]]] = []
        """Each text that reached a phone, and the notifications that it answered for then."""
        self.broken: Broken | None = None
        self.post: Post | None = None

    def written(self, item: Item) -> None:
        identity = item["notification_id"]
        before = self.records.get(identity)
        self.records[identity] = item
        if before is not None and item["resent"] > before["resent"] and before["status"] != "UNKNOWN":
            raise Broken("only what is unknown goes once more", f"{identity} was {before['status']}")
        if before is not None and before["resent"] and (before["status"], item["status"]) == ("UNKNOWN", "CLAIMED"):
            raise Broken("only what is unknown goes once more", f"{identity} goes a third time")
        # A text that goes once more stands there with what it said the first time, until it is worded anew.
        claimed = item["status"] == "CLAIMED" and before is not None and before["status"] == "CLAIMED"
        answered = before is not None and any(before[name] != item[name] for name in ("heard", "receipt"))
        if claimed and not answered and item["text"] is not None and item["digest"] is None:
            self.counted.setdefault((day(item["claimed_at"]), identity), item["parts"])
            if self.post is not None:
                self.post.writes(item)

    def goes(self, request: SmsRequest) -> None:
        """A text is about to be sent."""
        there = self.records[request.notification_id]
        if (there["status"], there["text"], there["to"]) != ("CLAIMED", request.text, request.to):
            text = f"{request.notification_id} stands {there['status']} {there['text']}"
            self.broken = self.broken or Broken("a text is written down before it goes", text)

    def went(self, request: SmsRequest) -> None:
        """A text is on its way to a phone."""
        there = self.records[request.notification_id]
        with_it = [name for name in there["members"] or () if self.records[name]["digest"] == request.notification_id]
        self.sent.append((request, tuple(with_it) if there["members"] else (request.notification_id,)))


def check(world: Simulation, found: dict[Key, Item], paper: Paper, watch: TextWatch) -> None:
    """All that must be true of texts when nothing is left to do. Raises Broken."""
    if watch.broken:
        raise watch.broken
    records = {key.pk: item for key, item in found.items() if key.sk == "NOTIFICATION"}
    sent = Counter(text.notification_id for text in world.phones.texts)
    _once(records, sent, watch)
    for record in records.values():
        _as_called(record, sent)
        _of_its_digest(record, records)
    unclear = _shown(found, records)
    orders = _orders(found)
    owed = {name for order in orders for name, effect in order["owed"].items() if effect["kind"] in TEXTS}
    if lost := owed - set(records):
        raise Broken("what is owed is done", f"texts that nobody looked at: {sorted(lost)}")
    for order in orders:
        for group_id in sorted(set(GROUP_OF.values())):
            _last_texts(watch, records, paper, order["order_ref"], group_id, unclear)
    _counted(found, watch)


def _orders(found: dict[Key, Item]) -> list[Item]:
    return [item for key, item in found.items() if key.table is Table.ORDERS and key.sk == "ORDER"]


def _once(records: dict[str, Item], sent: Counter[str], watch: TextWatch) -> None:
    """One fact owes a contact one text, and a second only when nobody knew of the first, and no money."""
    if stray := set(sent) - set(records):
        raise Broken("what was sent is known", str(stray))
    for identity, times in sent.items():
        record = records[identity]
        if times > 1 + (record["resent"] if KINDS[record["kind"]].resend else 0):
            raise Broken("no text is sent twice", f"{times} times {record}")
    told = Counter(
        (records[name]["of"] or name, records[name]["contact"])
        for _, name in {(text.notification_id, name) for text, facts in watch.sent for name in facts}
    )
    if twice := [about for about, times in told.items() if times > 1]:
        raise Broken("no text is sent twice", f"alone and in a digest, or to one contact as to another: {twice}")


def _facts(record: Item, records: dict[str, Item]) -> list[Item]:
    """What a text tells of: itself, or the members of a digest."""
    return [records[name] for name in record["members"]] if record["members"] else [record]


def _as_called(record: Item, sent: Counter[str]) -> None:
    went = record["notification_id"] in sent or record["digest"] in sent
    match record["status"]:
        case "ACCEPTED" | "DELIVERED":
            if not went:
                raise Broken("what is called sent was sent", str(record))
        case "SUPPRESSED" | "EXPIRED":
            if went:
                raise Broken("what is called not sent was not sent", str(record))
        case "WAITING" | "CLAIMED":
            raise Broken("nothing is left to do", f"a text stands {record['status']}: {record}")


def _of_its_digest(record: Item, records: dict[str, Item]) -> None:
    """A member and its digest say the same."""
    if record["digest"] is None:
        return
    digest = records[record["digest"]]
    same = ("status", "text", "to", "group_id", "contact")
    if record["notification_id"] not in digest["members"] or any(record[name] != digest[name] for name in same):
        raise Broken("a digest and its members say the same", f"{record}, and its digest {digest}")


def _shown(found: dict[Key, Item], records: dict[str, Item]) -> set[tuple[str, str, str]]:
    """What nobody knows of, and what failed, stands on the worklist. Returns the orders, groups and contacts."""
    shown = {
        item["exception_id"]
        for key, item in found.items()
        if key.table is Table.EXCEPTIONS and item["closed_at"] is None
    }

    def is_shown(identity: str, *kinds: str) -> bool:
        return any(exception_id(kind, identity) in shown for kind in kinds)

    unclear = set()
    for identity, record in records.items():
        asked = record["digest"] or identity
        match record["status"]:
            case "UNKNOWN":
                listed = bool(record["heard"]) or is_shown(asked, "SMS_UNKNOWN")
            case "FAILED":
                # Who is told of a text that a receipt calls failed is for ``Post`` to see.
                listed = record["receipt"] is not None or is_shown(asked, "SMS_REJECTED", "NO_CONTACT")
            case "SUPPRESSED" if record["reason"] == OPTED_OUT:
                # The others are told in her place, or a person tells her: for ``Post`` to see.
                listed = True
            case _:
                if is_shown(identity, "SMS_UNKNOWN"):
                    raise Broken("nobody is asked about what is settled", str(record))
                continue
        if not listed:
            raise Broken("unknown and failed texts stand on the worklist", str(record))
        unclear |= {(fact["order_ref"], fact["group_id"], fact["contact"]) for fact in _facts(record, records)}
    return unclear


def _last_texts(
    watch: TextWatch,
    records: dict[str, Item],
    paper: Paper,
    order_ref: str,
    group_id: str,
    unclear: set[tuple[str, str, str]],
) -> None:
    """The last text about an order states its final state, to each contact who was told of it."""
    units = paper.to_send(shipment_of(order_ref), group_id)
    # Once the goods are gone nothing more is asked of a group, and of what is all held it hears at its release.
    open_end = paper.orders[shipment_of(order_ref)].left or paper.held(shipment_of(order_ref), group_id) == units
    heard = False
    for slot in SLOTS:
        if (order_ref, group_id, slot) in unclear:
            heard = True  # Or a person is asked to find out.
            continue
        mine = [
            (text, fact)
            for text, facts in watch.sent
            if text.to == phone(group_id, slot)
            for fact in map(records.__getitem__, facts)
            if fact["order_ref"] == order_ref and fact["kind"] in TEXTS
        ]
        heard = _last_text(mine, paper, order_ref, group_id, open_end=open_end) or heard
    if not heard and units and not open_end:
        raise Broken("the last text states the final state", f"{order_ref} {group_id} heard nothing of {units}")


def _last_text(
    mine: list[tuple[SmsRequest, Item]], paper: Paper, order_ref: str, group_id: str, *, open_end: bool
) -> bool:
    """False when this contact was told of no units."""
    wrong = "the last text states the final state"
    told = [(text, fact) for text, fact in mine if text.kind in SAY_UNITS]
    if not told:
        return False
    units, held = paper.to_send(shipment_of(order_ref), group_id), paper.held(shipment_of(order_ref), group_id)
    (last, fact), true = told[-1], sum(units.values())
    spoken = {name.upper(): int(number) for number, name in SPOKEN.findall(last.values["item"])}
    if last.kind == "NEW_ORDERS":
        spoken = dict(fact["stated"])
    says = int(last.values["left"]) if last.kind == "CANCELLED" else sum(spoken.values())
    if last.kind != "CANCELLED" and spoken != units and not open_end:
        raise Broken(wrong, f"{order_ref} {group_id}: {last.text}, is {units}")
    if says > true or (says < true and not open_end):
        raise Broken(wrong, f"{order_ref} {group_id}: {last.text}, is {units}")
    if not paper.orders[shipment_of(order_ref)].left and says:
        about = [text.kind for text, _ in mine if text.kind in ("HOLD", "RELEASED", "NEW_ORDER", "NEW_ORDERS")]
        if not any(kind.startswith("NEW") for kind in about):
            return True  # She was told in another's place of what became fewer, and of no order.
        if held and [kind for kind in about if not kind.startswith("NEW")][-1:] != ["HOLD"]:
            raise Broken(wrong, f"{order_ref} {group_id} was not told to keep back {held}: {about}")
        if not held and about[-1:] == ["HOLD"]:
            raise Broken(wrong, f"{order_ref} {group_id} still keeps back {units}")
    return True


def _counted(found: dict[Key, Item], watch: TextWatch) -> None:
    """A day counts the parts of each text once, also when it went twice or came back."""
    parts: dict[str, int] = defaultdict(int)
    for (date, _), count in watch.counted.items():
        parts[date] += count
    days = {key.pk: item["parts"] for key, item in found.items() if key.pk.startswith(tables.sms_day("").pk)}
    wanted = {tables.sms_day(date).pk: count for date, count in parts.items()}
    if days != wanted:
        raise Broken("a day counts the parts that went", f"counted {days}, written down {wanted}")


class Post:
    """What groups want of their texts, and whether they get it."""

    def __init__(self, manners: Mapping[str, Mapping[str, Any]], contacts: Mapping[str, int]) -> None:
        self.manners = manners
        self.contacts = contacts
        """How many each group has."""
        self.opted_out: set[tuple[str, str, str]] = set()
        """Group, contact and kind."""
        self.owed: set[str] = set()
        """Texts about money, by their ids."""
        self._written: dict[tuple[str, str], dict[str, tuple[str, datetime]]] = defaultdict(dict)
        """By group and contact: kind and time of each text that was written down, last."""

    def writes(self, item: Item) -> None:
        """A text is written down and goes now. No text here must be sent before the 28th, so none is urgent."""
        group_id, at = item["group_id"], datetime.fromisoformat(item["claimed_at"]).astimezone(IST)
        manners, others = self.manners[group_id], self._written[group_id, item["contact"]]
        about = f"{item['kind']} {item['notification_id']} to {group_id} {item['contact']} at {at}"
        begin, _, end = manners["quiet"].partition("-")
        if begin <= f"{at:%H:%M}" < end:
            raise Broken("nobody is woken", about)
        others.pop(item["notification_id"], None)
        today = [identity for identity, (_, when) in others.items() if when.date() == at.date()]
        if len(today) >= manners["texts_a_day"] and item["notification_id"] not in today:
            raise Broken("no contact gets more texts a day than the group wants", f"{about}, after {len(today)}")
        new = ("NEW_ORDER", "NEW_ORDERS")
        since = [(at - when).total_seconds() for kind, when in others.values() if kind in new]
        if item["kind"] in new and any(0 <= gone < 60 * manners["digest_minutes"] for gone in since):
            raise Broken("new orders of one window go together", f"{about}, after {since} s")
        others[item["notification_id"]] = item["kind"], at

    def check(self, world: Simulation, watch: TextWatch) -> None:
        """All that must be true when time has run on. Raises Broken."""
        found = world.store.everything()
        records = {key.pk: item for key, item in found.items() if key.sk == "NOTIFICATION"}
        open_now = {key.pk for key, item in found.items() if key.table is Table.EXCEPTIONS and not item["closed_at"]}
        sent = {text.notification_id for text in world.phones.texts}
        if lost := self.owed - records.keys():
            raise Broken("what is owed is done", f"money that nobody was told of: {lost}")
        for record in records.values():
            self._not_told_for_a_reason(record)
            self._reported(record, world.phones.reported.get(record["notification_id"], []))
            if record["digest"] is None:
                self._heard_of(record, records, open_now, sent=record["notification_id"] in sent, world=world)
        waiting = [name for key, item in found.items() if key.sk == "TALK" for name in item["waiting"]]
        # What was overtaken stays until the contact is told something new; nobody takes it for waiting.
        over = ("WAITING", "SUPPRESSED", "EXPIRED")
        if stale := [name for name in waiting if records[name]["status"] not in over]:
            raise Broken("what was told is not waiting to be told", str([records[name] for name in stale]))
        if found.get(tables.sms_breaker(), {}).get("until") or exception_id("SMS_STOPPED") in open_now:
            raise Broken("a provider that takes texts again is used again", str(found.get(tables.sms_breaker())))

    def _not_told_for_a_reason(self, record: Item) -> None:
        about = (record["group_id"], record["contact"], record["kind"].replace("ORDERS", "ORDER"))
        if record["reason"] == OPTED_OUT and about not in self.opted_out:
            raise Broken("only who wants no texts gets none", str(record))
        if (
            record["status"] == "SUPPRESSED"
            and record["kind"] not in (*TEXTS, "NEW_ORDERS")
            and about not in self.opted_out
        ):
            raise Broken("what is owed is done", f"not told, and nobody asked for that: {record}")
        if record["status"] == "EXPIRED" and record["answered_at"] <= record["good_until"]:
            raise Broken("what is owed is done", f"called too old too early: {record}")

    def _reported(self, record: Item, said: list[str]) -> None:
        if "DELIVERED" in said and "FAILED" not in said and record["status"] != "DELIVERED":
            raise Broken("what reached the phone is called delivered", f"{said}: {record}")
        if "DELIVERED" not in said and "FAILED" in said and not record["resent"] and record["status"] != "FAILED":
            raise Broken("what did not reach the phone is called failed", f"{said}: {record}")

    def _heard_of(
        self, record: Item, records: dict[str, Item], open_now: set[str], *, sent: bool, world: Simulation
    ) -> None:
        """Somebody heard of it: the contact, the next one, or a person who looks at the worklist."""
        silent = record["status"] == "ACCEPTED" and world.receipts and KINDS[record["kind"]].ladder
        refused = record["status"] == "SUPPRESSED" and record["reason"] == OPTED_OUT and record["kind"] in TEXTS
        if record["heard"] or not (silent or refused or record["status"] in ("FAILED", "UNKNOWN")):
            return
        slot = record["escalated"]
        if slot is not None:
            for fact in _facts(record, records):
                copy = records.get(derived_id("contact", fact["of"] or fact["notification_id"], slot))
                if copy is None or copy["contact"] != slot:
                    raise Broken("what one does not hear of is told to the next", f"nothing to {slot}: {record}")
            return
        asks = ("SMS_NOT_DELIVERED", "SMS_UNKNOWN", "SMS_REJECTED", "NO_CONTACT")
        if not any(exception_id(kind, record["notification_id"]) in open_now for kind in asks):
            raise Broken("somebody hears of every text", f"sent: {sent}, {record}")
