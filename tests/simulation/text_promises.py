"""What must be true of texts: at every write and sending (``TextWatch``), and when all is done (``check``)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from hunar import tables
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
SPOKEN: Final = re.compile(r"(\d+) (\w+)")


class TextWatch:
    """Looks at each write of a text and at each sending at the moment at which it happens."""

    def __init__(self) -> None:
        self.records: dict[str, Item] = {}
        self.counted: dict[tuple[str, str], int] = {}
        """Parts by day and text, as they were written down first."""
        self.broken: Broken | None = None

    def written(self, item: Item) -> None:
        identity = item["notification_id"]
        before = self.records.get(identity)
        self.records[identity] = item
        if before is not None and item["resent"] > before["resent"] and before["status"] != "UNKNOWN":
            raise Broken("only what is unknown goes once more", f"{identity} was {before['status']}")
        if item["status"] == "CLAIMED" and item["text"] is not None and item["digest"] is None:
            self.counted.setdefault((day(item["claimed_at"]), identity), item["parts"])

    def goes(self, request: SmsRequest) -> None:
        """A text is about to be sent."""
        there = self.records[request.notification_id]
        if (there["status"], there["text"], there["to"]) != ("CLAIMED", request.text, request.to):
            text = f"{request.notification_id} stands {there['status']} {there['text']}"
            self.broken = self.broken or Broken("a text is written down before it goes", text)


def check(world: Simulation, found: dict[Key, Item], paper: Paper, watch: TextWatch) -> None:
    """All that must be true of texts when nothing is left to do. Raises Broken."""
    if watch.broken:
        raise watch.broken
    records = {key.pk: item for key, item in found.items() if key.sk == "NOTIFICATION"}
    sent = Counter(text.notification_id for text in world.phones.texts)
    _once(records, sent)
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
            if (order["order_ref"], group_id) not in unclear:
                _last_texts(world, records, paper, order["order_ref"], group_id)
    _counted(found, watch)


def _orders(found: dict[Key, Item]) -> list[Item]:
    return [item for key, item in found.items() if key.table is Table.ORDERS and key.sk == "ORDER"]


def _once(records: dict[str, Item], sent: Counter[str]) -> None:
    """One fact owes a contact one text, and a second only when nobody knew of the first, and no money."""
    if stray := set(sent) - set(records):
        raise Broken("what was sent is known", str(stray))
    for identity, times in sent.items():
        record = records[identity]
        if times > 1 + (record["resent"] if KINDS[record["kind"]].resend else 0):
            raise Broken("no text is sent twice", f"{times} times {record}")
    told = Counter(
        (fact["of"] or fact["notification_id"], fact["contact"])
        for identity in sent
        for fact in _facts(records[identity], records)
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


def _shown(found: dict[Key, Item], records: dict[str, Item]) -> set[tuple[str, str]]:
    """What nobody knows of, and what failed, stands on the worklist. Returns the orders and groups concerned."""
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
            case "FAILED" if record["receipt"] is None:
                listed = is_shown(asked, "SMS_REJECTED", "NO_CONTACT")
            case _:
                if is_shown(identity, "SMS_UNKNOWN"):
                    raise Broken("nobody is asked about what is settled", str(record))
                continue
        if not listed:
            raise Broken("unknown and failed texts stand on the worklist", str(record))
        unclear |= {(fact["order_ref"], fact["group_id"]) for fact in _facts(record, records)}
    return unclear


def _last_texts(world: Simulation, records: dict[str, Item], paper: Paper, order_ref: str, group_id: str) -> None:
    """The last text about an order states its final state, to each contact who was told of it."""
    units = paper.to_send(shipment_of(order_ref), group_id)
    # Once the goods are gone nothing more is asked of a group, and of what is all held it hears at its release.
    open_end = paper.orders[shipment_of(order_ref)].left or paper.held(shipment_of(order_ref), group_id) == units
    heard = False
    for slot in SLOTS:
        mine = [
            (text, fact)
            for text in world.phones.texts
            if text.to == phone(group_id, slot)
            for fact in _facts(records[text.notification_id], records)
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
