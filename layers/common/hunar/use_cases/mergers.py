"""A group joins another: two persons say so, by the minutes of both, and its money goes on from then on.

It is a door by which money goes to another bank account, so nobody opens it alone.
"""

from __future__ import annotations

from typing import Final

from hunar import tables
from hunar.domain import worklist
from hunar.domain.beneficiary import Standing, same_person, usable
from hunar.domain.head import Head
from hunar.messages import JoinGroups
from hunar.ports import ABSENT, Put, QueueName, Rejected
from hunar.tables import Item
from hunar.use_cases import close_period, operate
from hunar.use_cases.close_period import LEFT_OUT, stopped
from hunar.use_cases.go_on import go_on
from hunar.use_cases.operate import By, NotNow, NotThere
from hunar.use_cases.payees import tell_of_account
from hunar.use_cases.worklist import closing

MOST_JOINED: Final = 20
"""Groups that joined one another in a row."""


def merge(desk: operate.Desk, group_id: str, into: str, by: By) -> Item:
    """One of the two persons says it, with the minutes (``by.reason``). The first only asks; other minutes, or another
    group, begin anew. Returns who asked and who confirmed.

    The group that joins hears of the account to which its money goes when it is asked for, before anybody can confirm.
    """
    said: Item = desk.again(lambda: _say(desk, group_id, into, by))
    _tell(desk, said)
    if said["confirmed_by"] is not None:
        # Also when it was confirmed before: whoever was stopped here has commanded nothing.
        desk.queues.send(QueueName.PAYOUT_BATCHES, [JoinGroups(group_id=group_id).model_dump_json()])
    return said


def _say(desk: operate.Desk, group_id: str, into: str, by: By) -> Item:
    if not operate.possible(group_id, into):
        raise NotThere("there is no such group")
    if group_id == into:
        raise Rejected("into: is the group itself")
    keys = [tables.group(group_id), tables.group(into), tables.book(group_id), tables.payout_stop(group_id)]
    key, payee = tables.merging(group_id), tables.payee(into)
    found = desk.store.read([*keys, key, payee])
    for place, name in ((keys[0], f"group_id: {group_id}"), (keys[1], f"into: {into}")):
        if place not in found:
            raise NotThere(f"{name} is not registered")
    there = found.get(key)
    if there is not None and there["confirmed_by"] is not None:
        if there["into"] != into:
            raise NotNow(f"{group_id} joined {there['into']} already")
        return there
    head = Head.of(found[keys[2]]) if keys[2] in found else Head(group_id)
    if transit := sorted(name for name in head.balances if name.startswith("payout_in_transit:")):
        raise NotNow(f"{group_id} has money on its way in {transit[0].split(':')[1]}: enter first what the bank says")
    if reason := stopped(desk.store, found.get(keys[3])):
        raise NotNow(f"{group_id}: {reason}")
    if reason := usable(Standing.of(found[payee]) if payee in found else None, desk.now):
        # Else its first account, which cools off for nobody, would be the way around a change of this group's.
        raise NotNow(f"into: {into} cannot be paid: {reason}")
    _leads_nowhere_back(desk, group_id, into)
    same = there is not None and (there["into"], there["minutes"]) == (into, by.reason)
    if there is not None and same and same_person(there["asked_by"], by.person):
        return there
    item: Item = {"group_id": group_id, "into": into, "minutes": by.reason, "asked_by": by.person, "asked_at": desk.now}
    item |= {"confirmed_by": None, "confirmed_at": None, "version": there["version"] + 1 if there else 1}
    if there is not None and same:
        first = {name: there[name] for name in ("asked_by", "asked_at")}
        item |= first | {"confirmed_by": by.person, "confirmed_at": desk.now}
    desk.store.commit([Put(key, item, there["version"] if there else ABSENT)])
    return item


def _tell(desk: operate.Desk, said: Item) -> None:
    """Told again, it is the same texts, and none goes twice."""
    key = tables.payee(said["into"])
    if (payee := desk.store.read([key]).get(key)) is not None:
        cause = ("joins", said["into"], said["minutes"])
        tell_of_account(desk, said["group_id"], payee["last_four"], said["asked_at"], *cause, at=desk.now)


def _leads_nowhere_back(desk: operate.Desk, group_id: str, into: str) -> None:
    then = into
    for _ in range(MOST_JOINED):
        key = tables.merging(then)
        found = desk.store.read([key]).get(key)
        if found is None:
            return
        then = found["into"]
        if then == group_id:
            break
    raise NotNow(f"into: {into} joined {group_id}, or too many others in a row")


def join(desk: close_period.Desk, message: JoinGroups) -> str:
    """From now on what comes to the book goes on. Raises Retryable, Rejected."""
    key = tables.merging(message.group_id)
    said = desk.store.read([key]).get(key)
    if said is None or said["confirmed_by"] is None:
        raise Rejected(f"two persons have not said that {message.group_id} joins another group")
    desk.again(lambda: _mark(desk, said))
    return "JOINED"


def _mark(desk: close_period.Desk, said: Item) -> None:
    key, note = tables.book(said["group_id"]), tables.joined(said["group_id"])
    left_out = tables.exception(worklist.exception_id(LEFT_OUT, said["group_id"]))
    found = desk.store.read([key, note, left_out])
    before = Head.of(found[key]) if key in found else Head(said["group_id"])
    if not before.into:
        now = before.joined(said["into"])
        kept = {name: said[name] for name in ("into", "minutes", "asked_by", "confirmed_by", "confirmed_at")}
        # Where it was paid is asked no more: the other group's account is.
        over = closing(found.get(left_out), at=desk.now)
        desk.store.commit([Put(key, tables.book_item(now), before.version or ABSENT), Put(note, kept, ABSENT), *over])
        before = now
    go_on(desk.store, [before], at=desk.now)
    close_period.waits_no_more(desk, said["group_id"])
