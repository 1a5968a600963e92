"""The people whom texts reach: what they do not want to hear, and whether a number is really theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from hunar import tables
from hunar.domain import contact as rules
from hunar.domain.contact import CODE_HOLDS, MOST_TRIES, NEEDED, OPTIONAL
from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.notification import SLOTS
from hunar.domain.text_kinds import KINDS, NEW_ORDER, NEW_ORDERS, ONBOARDING_CODE
from hunar.messages import Says, Tell
from hunar.ports import ABSENT, Put, QueueName, Rejected
from hunar.tables import Item, Key, Table
from hunar.use_cases.acknowledge import heard
from hunar.use_cases.operate import By, Desk, NotNow, NotThere
from hunar.use_cases.paging import batches, pages
from hunar.use_cases.worklist import close_exception

What = Literal["heard", "packed", "no_stock"]
"""What somebody in the group says of a text."""

REMEMBERED: Final = 50
"""Times that a contact left out a kind or took it again, of which the record keeps who, when and why."""


def opt_out(desk: Desk, group_id: str, slot: str, kind: str, by: By) -> bool:
    """From now on the contact gets no texts of the kind. False when that is so already, as it was said first.

    Raises Rejected for a kind that nobody can leave out, and when nobody else in the group would hear of it.
    """
    _known_kind(kind)
    if not by.reason:
        raise Rejected("reason: is missing; it is kept with who said so and when")

    def write() -> bool:
        people, said = _people(desk, group_id, slot)
        if kind in said[slot]["kinds"]:
            return False
        puts = [_said(desk, said[slot], kind, by, out=True)]
        if kind in NEEDED:
            others = [other for other in people if other != slot and kind not in said[other]["kinds"]]
            if not others:
                raise NotNow(f"kind: nobody else in {group_id} hears of {kind}; it needs another contact who does")
            # Written too, so that two who leave at the same moment do not each rely on the other.
            puts.append(_put(said[others[0]], said[others[0]]))
        desk.store.commit(puts)
        return True

    return bool(desk.again(write))


def opt_in(desk: Desk, group_id: str, slot: str, kind: str, by: By) -> bool:
    """The contact gets texts of the kind again. False when she gets them anyway."""
    _known_kind(kind)

    def write() -> bool:
        _, said = _people(desk, group_id, slot)
        if kind not in said[slot]["kinds"]:
            return False
        desk.store.commit([_said(desk, said[slot], kind, by, out=False)])
        return True

    return bool(desk.again(write))


def _known_kind(kind: str) -> None:
    if kind == NEW_ORDERS:
        raise Rejected(f"kind: {NEW_ORDERS} is several {NEW_ORDER} in one text; say {NEW_ORDER}")
    if kind not in KINDS:
        raise Rejected(f"kind: {kind[:40]!r} is not one of {', '.join(OPTIONAL)}")
    if kind not in OPTIONAL:
        raise Rejected(f"kind: {kind} protects her, or whoever had her number before; it is always sent")


def _people(desk: Desk, group_id: str, slot: str) -> tuple[dict[str, Item], dict[str, Item]]:
    """The group's contacts by slot, and what each does not want to hear."""
    if slot not in SLOTS:
        raise Rejected(f"slot: {slot[:40]!r} is not one of {', '.join(SLOTS)}")
    if not 0 < len(group_id) <= 100:
        raise NotThere("group_id: is no group's")
    keys = [key(group_id, one) for key in (tables.contact, tables.opt_out) for one in SLOTS]
    found = desk.store.read(keys)
    people = {one: found[tables.contact(group_id, one)] for one in SLOTS if tables.contact(group_id, one) in found}
    if slot not in people:
        raise NotThere(f"slot: {group_id} has no {slot} in contacts.csv")
    nothing: Item = {"group_id": group_id, "kinds": {}, "history": [], "version": 0}
    return people, {one: found.get(tables.opt_out(group_id, one), nothing | {"slot": one}) for one in people}


def _said(desk: Desk, there: Item, kind: str, by: By, *, out: bool) -> Put:
    told = {"by": by.person, "at": desk.now, "reason": by.reason}
    kinds = {name: said for name, said in there["kinds"].items() if name != kind} | ({kind: told} if out else {})
    event = {"what": "opted out" if out else "opted in", "kind": kind, **told}
    history = [*there["history"], event][-REMEMBERED:]
    return _put(there, there | {"kinds": kinds, "history": history})


def _put(there: Item, item: Item) -> Put:
    key = tables.opt_out(there["group_id"], there["slot"])
    return Put(key, item | {"version": there["version"] + 1}, there["version"] or ABSENT)


def start_verification(desk: Desk, group_id: str, slot: str, by: By, *, code: str, nonce: str) -> str:
    """Send a code to the contact's number, to be read back by her. Returns until when it holds.

    ``code`` is of 6 digits, ``nonce`` of 32 and more, both random. Only a keyed hash of the code is kept. A
    code that was sent before holds no longer.
    """
    people, _ = _people(desk, group_id, slot)
    until = instant(moment(desk.now) + CODE_HOLDS)
    key = tables.verification(group_id, slot)

    def write() -> None:
        there = desk.store.read([key]).get(key, {})
        item = {
            "group_id": group_id,
            "slot": slot,
            "phone_hash": rules.phone_hash(people[slot]["phone"]),
            "code_hash": rules.code_hash(code, nonce),
            "nonce": nonce,
            "code_sent_at": desk.now,
            "code_until": until,
            "tries": 0,
            # Until the code is read back, the number is as good as it was.
            "verified_at": rules.verified_at(people[slot], there or None),
            "by": by.person,
            "version": there.get("version", 0) + 1,
        }
        desk.store.commit([Put(key, item, there.get("version", ABSENT))])

    desk.again(write)
    text = Tell(
        notification_id=derived_id(ONBOARDING_CODE, group_id, slot, nonce),
        notification_kind=ONBOARDING_CODE,
        group_id=group_id,
        contact=slot,
        good_until=until,
        says=Says(code=code),
    )
    desk.queues.send(QueueName.NOTIFICATIONS, [text.model_dump_json()])
    return until


def confirm(desk: Desk, group_id: str, slot: str, code: str, by: By) -> None:
    """The contact read the code back: the number is hers. Raises Rejected when it is not what was sent."""
    people, _ = _people(desk, group_id, slot)
    key = tables.verification(group_id, slot)

    def write() -> int | None:
        """Tries that are left after a wrong code, None after the right one."""
        there = desk.store.read([key]).get(key)
        if there is None or there["code_hash"] is None:
            raise NotNow(f"code: none was sent to the {slot} of {group_id} that she could read back")
        if there["tries"] >= MOST_TRIES:
            raise NotNow(f"code: {MOST_TRIES} wrong ones were given; send a new one")
        if desk.now > there["code_until"]:
            raise NotNow(f"code: held until {there['code_until']}; send a new one")
        if not rules.awaits_code(people[slot], there, desk.now):
            raise NotNow("code: was sent to another number, which was hers before; send a new one")
        right = rules.is_code(code, there)
        said = {"code_hash": None, "verified_at": desk.now, "by": by.person} if right else {"tries": there["tries"] + 1}
        desk.store.commit([Put(key, there | said | {"version": there["version"] + 1}, there["version"])])
        return None if right else MOST_TRIES - there["tries"] - 1

    left = desk.again(write)
    if left is not None:
        raise Rejected(f"code: is not the one that was sent; {left} {'try is' if left == 1 else 'tries are'} left")
    desk.again(lambda: close_exception(desk.store, "CONTACT_STALE", (group_id, slot), at=desk.now))


def tick(desk: Desk, notification_id: str, what: What, by: By) -> None:
    """A person at the agency was told what somebody in the group says of a text. Raises NotThere for no such text."""
    possible = 0 < len(notification_id) <= 100
    if not possible or not heard(
        desk.store, notification_id, what, how="tick", by=by.person, at=desk.now, again=desk.again
    ):
        raise NotThere(f"notification_id: there is no text {notification_id[:100]}")


def listed(desk: Desk) -> list[dict[str, Any]]:
    """Every contact of every group with her number in full, what she opted out of, and why she may be out of reach."""
    shown = []
    for batch in batches(pages(desk.store, Table.REGISTRY, tables.contact("", "").pk), 33):
        keys = [key(one["group_id"], one["slot"]) for one in batch for key in _ABOUT]
        found = desk.store.read(keys)
        shown += [_shown(one, found, desk.now) for one in batch]
    return sorted(shown, key=lambda one: (one["group_id"], SLOTS.index(one["slot"])))


_ABOUT: Final = (tables.opt_out, tables.verification, tables.talk)


def _shown(contact: Item, found: Mapping[Key, Item], now: str) -> dict[str, Any]:
    opted, verification, talk = (found.get(key(contact["group_id"], contact["slot"])) for key in _ABOUT)
    return {
        **{name: contact.get(name) for name in ("group_id", "slot", "name", "role", "locale", "phone")},
        "proof": rules.proof(contact, verification, now),
        "verified_at": rules.verified_at(contact, verification),
        "opted_out": opted["kinds"] if opted else {},
        "failed_in_row": talk["failed_in_row"] if talk else 0,
        "delivered_at": talk["delivered_at"] if talk else None,
        "stale": rules.stale(contact, verification, talk, now),
    }
