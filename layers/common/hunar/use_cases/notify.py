"""One text to one contact of a group about one order, as the order is now.

The claim comes first, then the reading, then the text is written down, then it is sent, then the answer. What a crash
leaves is in ``sending``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from hunar import tables
from hunar.domain import manners, sms_text
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
from hunar.domain.manners import MOST_TOGETHER, Later, Manners
from hunar.domain.notification import (
    Decision,
    Sibling,
    Status,
    Verdict,
    decide,
    goes_again,
    is_due,
    observed,
)
from hunar.domain.order import Order, knowledge, read
from hunar.domain.sms_text import Words
from hunar.domain.text_kinds import NEW_ORDERS
from hunar.messages import Digest, Notify
from hunar.ports import Conflict, Put, QueueName, Rejected, Retryable, Throttled
from hunar.tables import Item, Key
from hunar.use_cases import ladder, sending, wording
from hunar.use_cases.owed_text import notify_of
from hunar.use_cases.sending import LONGEST_PAUSE, SLACK, WORKED_ON, Desk, Draft, Letter

EARLIER_TEXT_PAUSE: Final = 5
"""Seconds until a text that waits for an earlier one looks again."""
TRUTH_PAUSE: Final = 20
"""Seconds until a text looks again that waits for what the marketplace says of a claim."""
COMES_AGAIN: Final = 360
"""Seconds after which the queue brings a message again that failed: its visibility timeout."""


@dataclass(frozen=True)
class Known:
    """One order and what it owes the group."""

    order: Order
    owed: Mapping[str, Item]
    """Texts alone, by the id of the notification."""
    all_owed: Mapping[str, Item]
    short: bool
    """Whether units of the group's lines are not on the shelf."""


@dataclass(frozen=True)
class Sight:
    """All that is known for a text."""

    orders: Mapping[str, Known]
    found: Mapping[Key, Item]

    def talk(self, item: Item) -> Item | None:
        return self.found.get(tables.talk(item["group_id"], item["contact"]))

    @property
    def breaker(self) -> Item | None:
        return self.found.get(tables.sms_breaker())


def notify(desk: Desk, message: Notify) -> Status:
    """Send the text or record why not. Returns where the notification stands; raises Retryable."""
    names = {"group_id": message.group_id, "contact": message.contact, "good_until": message.good_until}
    fresh = sending.new_item(
        desk,
        message.notification_id,
        message.notification_kind,
        order_ref=message.order_ref,
        of=message.of,
        **names,
    )
    item, ours = sending.claim(desk, fresh)
    if not ours:
        return _already(desk, item, message)
    try:
        sight = look(desk, [message.order_ref], message.group_id, message.contact)
        decision = judge(desk, sight, item)
    except Retryable as error:
        # Nothing was sent yet: a call that failed must not cost the group its text.
        sending.settle(desk, Letter(item), Status.WAITING, reason=str(error), **_due(desk, item, COMES_AGAIN))
        raise
    if decision.verdict is not Verdict.SEND:
        return leave(desk, sight, item, decision)
    others = _others(sight.talk(item), item) if message.notification_kind == NEW_ORDER else []
    together = _together(desk, item, others, sight) if others else None
    return _single(desk, item, sight, decision, done=others) if together is None else together


def look_again(desk: Desk, message: Digest) -> Status:
    """A digest that fell silent, that is Unknown, or that was not heard of. Raises Retryable."""
    key = tables.notification(message.notification_id)
    stored = desk.store.read([key]).get(key)
    if stored is None:
        raise Retryable(f"{message.notification_id}: the digest is not there")
    there = sending.item_of(stored)
    letter = Letter(there, tuple(_members(desk, there)))
    status = observed(there, desk.now)
    if not letter.members and status in (Status.CLAIMED, Status.UNKNOWN, Status.WAITING):
        # It was not sent, its members went back to wait, and whoever saw to that was stopped before the end.
        return sending.settle(desk, letter, Status.SUPPRESSED, reason="it went apart again")
    if there["status"] == Status.CLAIMED:
        if status is Status.UNKNOWN:
            return sending.unknown(desk, letter, "no answer for 15 minutes")
        if status is Status.WAITING:
            # It never got as far as its text; its members are claimed by whoever comes next.
            return sending.settle(desk, Letter(there), Status.SUPPRESSED, reason="nothing was sent")
        return status
    if is_due(there, desk.now):
        return _resend(desk, letter) if status is Status.UNKNOWN else ladder.climb(desk, letter)
    return status


def look(desk: Desk, order_refs: Iterable[str], group_id: str, contact: str) -> Sight:
    """The orders, what they owe the group, and all else that a text to its contact depends on. Raises Retryable."""
    keys = {order_ref: tables.order(order_ref) for order_ref in order_refs}
    stored = desk.store.read(keys.values())
    orders = {}
    for order_ref, key in keys.items():
        if key not in stored:
            raise Retryable(f"{order_ref}: the order is not there")
        item = stored[key]
        order = read(knowledge(item))
        texts = {name: owed for name, owed in item["owed"].items() if _is_text_to(owed, group_id)}
        lines = [line.line_id for line in group_lines(order, group_id)]
        short = any(item["applied"].get(line_id, {}).get("short") for line_id in lines)
        orders[order_ref] = Known(order, texts, item["owed"], short)
    skus = {sku for known in orders.values() for sku in _skus(known, group_id)}
    found = desk.store.read(
        [
            *(tables.notification(name) for known in orders.values() for name in known.owed),
            *wording.registry_keys(group_id, contact, skus),
            tables.talk(group_id, contact),
            tables.sms_day(manners.day(desk.now)),
            tables.sms_breaker(),
        ]
    )
    others = ladder.copies(found, desk.now)
    return Sight(orders, {**found, **(desk.store.read(others) if others else {})})


def judge(desk: Desk, sight: Sight, item: Item) -> Decision:
    """Whether the text is still worth sending, from its order as it is."""
    known, group_id = sight.orders[item["order_ref"]], item["group_id"]
    order, effect = known.order, known.owed[item["of"] or item["notification_id"]]
    if waits_for_truth(order, known.all_owed, desk.now) or _says_more_than_is_owed(known, group_id):
        return Decision(Verdict.WAIT, CLAIMED_ONLY)
    return decide(
        item["kind"],
        effect["n"],
        _siblings(known, sight.found, desk.now),
        units=units_to_send(order, group_id),
        held=units_held(order, group_id),
        left=order.said_to_have_left,
        # An earlier text speaks for later ones, so it is good as long as the order is.
        good_until=max(item["good_until"], good_until(order, group_id)),
        now=desk.now,
        hold=effect.get("hold"),
    )


CLAIMED_ONLY: Final = "something about the order is only claimed"


def leave(desk: Desk, sight: Sight, item: Item, decision: Decision) -> Status:
    """A claimed text that is not sent now, or never."""
    if decision.verdict is Verdict.WAIT:
        if decision.reason == CLAIMED_ONLY:
            return wait(desk, item, decision.reason, TRUTH_PAUSE)
        pause = _until_the_earlier(desk, sight, item)
        if pause > LONGEST_PAUSE:
            due = sending.after(desk, timedelta(seconds=pause), item)
            return sending.settle(desk, Letter(item), Status.WAITING, reason=decision.reason, **due)
        return wait(desk, item, decision.reason, pause)
    if decision.verdict is Verdict.EXPIRE and item["attempts"] > 1:
        # It was tried in time and never taken: nobody was told, so a person must hear of it.
        return sending.failed(desk, Letter(item), "SMS_REJECTED", f"not taken in time: {item['reason']}")
    status = Status.EXPIRED if decision.verdict is Verdict.EXPIRE else Status.SUPPRESSED
    return sending.settle(desk, Letter(item), status, reason=decision.reason)


def wait(desk: Desk, item: Item, reason: str, pause: int) -> Status:
    """Give the claim back and look again in ``pause`` seconds: waiting is not failing."""
    sending.settle(desk, Letter(item), Status.WAITING, reason=reason, **_due(desk, item, pause))
    desk.queues.send(QueueName.NOTIFICATIONS, [notify_of(item).model_dump_json()], delay_seconds=pause)
    return Status.WAITING


def _single(
    desk: Desk, item: Item, sight: Sight, decision: Decision, *, resend: bool = False, done: Iterable[str] = ()
) -> Status:
    """Word, write down and send one text about one order."""
    if wording.opted_out(sight.found, item["group_id"], item["contact"], item["kind"]) and not resend:
        due = tables.due(desk.now, item["notification_id"])
        return sending.settle(desk, Letter(item), Status.SUPPRESSED, reason=ladder.OPTED_OUT, **due)
    known, group_id = sight.orders[item["order_ref"]], item["group_id"]
    units = units_to_send(known.order, group_id)
    # Only a new order says what is more, and only a cancellation what is less: one is owed for each.
    stated = {NEW_ORDER: units, CANCELLED: kept(decision.told, units)}.get(item["kind"], decision.told)
    try:
        draft = wording.draft(
            desk,
            item,
            sight.found,
            _values(desk, item["kind"], [known], group_id, sight.found, decision.told),
            short=known.short,
            ship_by=_ship_by([known], group_id),
            order_refs=(item["order_ref"],),
            stated={item["notification_id"]: stated},
        )
    except Rejected as error:
        if resend:
            return sending.settle(desk, Letter(item), Status.UNKNOWN, reason=str(error))
        kind = "NO_CONTACT" if str(error).startswith("contact") else "SMS_REJECTED"
        return sending.failed(desk, Letter(item), kind, str(error))
    return _deliver(desk, Letter(item), draft, sight, resend=resend, done=done)


def _deliver(
    desk: Desk, letter: Letter, draft: Draft, sight: Sight, *, resend: bool = False, done: Iterable[str] = ()
) -> Status:
    # First: whoever is stopped afterwards finds it written down or sent, and would tell nobody else.
    for item in letter.members or (letter.item,):
        owed = sight.orders[item["order_ref"]].owed
        ladder.tell_those_who_were_told(desk, item, owed, sight.found)
    ready = sending.write_down(desk, letter, draft, sight.found, done=done)
    if isinstance(ready, Later):
        return _unknown_still(desk, letter, ready) if resend else _back(desk, letter, ready)
    for item in letter.members or (letter.item,):
        ladder.tell_what_follows(desk, item, sight.orders[item["order_ref"]].owed)
    status, not_now = sending.post(desk, ready, draft.request, sight.breaker)
    if not_now is None:
        return status
    if resend:
        return _unknown_still(desk, ready, sending.stopped_until(desk, not_now.reason))
    if isinstance(not_now, Throttled) and not letter.members:
        return wait(desk, ready.item, not_now.reason, sending.pause_of(letter.item["attempts"]))
    return _back(desk, ready, sending.stopped_until(desk, not_now.reason))


def _unknown_still(desk: Desk, letter: Letter, later: Later) -> Status:
    """It was not sent a second time, but may have gone the first time: it is tried again later."""
    due = tables.due(later.at, letter.item["notification_id"])
    return sending.settle(desk, letter, Status.UNKNOWN, reason=later.reason, resent=0, **due)


def _back(desk: Desk, letter: Letter, later: Later) -> Status:
    """Nothing was sent: the text, or each that a digest answered for, waits for its moment."""
    for item in letter.members or (letter.item,):
        sending.put_off(desk, item, later)
    if letter.members:
        sending.settle(desk, Letter(letter.item), Status.SUPPRESSED, reason=later.reason)
    return Status.WAITING


def _already(desk: Desk, there: Item, message: Notify) -> Status:
    """Somebody claimed it before: finished, still in flight, fallen silent, or due for more."""
    status = observed(there, desk.now)
    if there["digest"] is not None and status in (Status.CLAIMED, Status.UNKNOWN):
        # It goes with others: their one text decides, and is due itself.
        return status
    if there["status"] == Status.CLAIMED:
        if status is Status.UNKNOWN:
            return sending.unknown(desk, Letter(there), "no answer for 15 minutes")
        pause = sending.until_settled(desk, there, looked=message.looked)
        again = message.model_copy(update={"looked": True}).model_dump_json()
        desk.queues.send(QueueName.NOTIFICATIONS, [again], delay_seconds=pause)
        return status
    if is_due(there, desk.now):
        return _resend(desk, Letter(there)) if status is Status.UNKNOWN else ladder.climb(desk, Letter(there))
    return status


def _resend(desk: Desk, letter: Letter) -> Status:
    """Nobody knows whether it arrived, and no receipt came: once more, if it still says the last of its orders.

    What an order owed since then says more, and one who reads it after this would be told something that is over.
    """
    there = letter.item
    if not goes_again(there):
        return ladder.climb(desk, letter)
    mine = {**sending.claimed(desk, there), "resent": 1}
    members = tuple({**sending.claimed(desk, member), "digest": there["notification_id"]} for member in letter.members)
    claimed = Letter(mine, tuple(sending.without_due(member) for member in members))
    try:
        desk.store.commit(sending.puts(letter, claimed))
    except Conflict:
        raise Retryable("another worker wrote it at the same moment") from None
    items = claimed.members or (mine,)
    sight = look(desk, [item["order_ref"] for item in items], there["group_id"], there["contact"])
    if desk.now > there["good_until"] or not all(_is_the_last(sight, item) for item in items):
        return sending.settle(desk, claimed, Status.UNKNOWN, reason=there["reason"])
    if claimed.members:
        return _deliver(desk, claimed, _draft_of(desk, claimed, sight), sight, resend=True)
    told = Decision(Verdict.SEND, "once more", _told_before(sight, mine, desk.now))
    return _single(desk, mine, sight, told, resend=True)


def _is_the_last(sight: Sight, item: Item) -> bool:
    owed = sight.orders[item["order_ref"]].owed
    return all(effect["n"] <= owed[item["of"] or item["notification_id"]]["n"] for effect in owed.values())


def _told_before(sight: Sight, item: Item, now: str) -> Mapping[str, int]:
    """What the group knew before this text."""
    known = sight.orders[item["order_ref"]]
    n = known.owed[item["of"] or item["notification_id"]]["n"]
    earlier = [sibling for sibling in _siblings(known, sight.found, now) if sibling.n < n and sibling.tells]
    return max(earlier, key=lambda sibling: sibling.n).stated if earlier else {}


def _others(talk: Item | None, item: Item) -> list[str]:
    """The new orders that wait for the same contact."""
    waiting = talk["waiting"] if talk else ()
    return [name for name in waiting if name != item["notification_id"]][: MOST_TOGETHER - 1]


def _together(desk: Desk, item: Item, others: list[str], sight: Sight) -> Status | None:
    """One text for all new orders that wait for a contact. None when this one is alone after all.

    They are claimed first and read then, like a single one: whoever sees one of them unclaimed may rely on it.
    """
    # A text that may not go yet leaves the others where they are.
    group = sight.found.get(tables.group(item["group_id"]))
    ways = Manners.of(group) if group else Manners()
    ship_by = _ship_by(sight.orders.values(), item["group_id"])
    later = manners.held_back(NEW_ORDER, item["notification_id"], ways, sight.talk(item), ship_by=ship_by, now=desk.now)
    if later is not None:
        return None
    try:
        letter = _claim_together(desk, item, others)
    except Conflict:
        return _met_another(desk, item)
    if letter is None:
        return None
    members = {member["notification_id"]: member for member in letter.members}
    sight = look(desk, [member["order_ref"] for member in letter.members], item["group_id"], item["contact"])
    decisions = {name: judge(desk, sight, member) for name, member in members.items()}
    for name, decision in decisions.items():
        if decision.verdict is not Verdict.SEND:
            leave(desk, sight, {**members[name], "digest": None}, decision)
    told = tuple(members[name] for name, decision in decisions.items() if decision.verdict is Verdict.SEND)
    if len(told) < 2:
        status = sending.settle(desk, Letter(letter.item), Status.SUPPRESSED, reason="fewer than two orders are left")
        for member in told:
            alone = {**member, "digest": None}
            status = _single(desk, alone, sight, decisions[member["notification_id"]])
        return status
    rest = Letter({**letter.item, "members": [member["notification_id"] for member in told]}, told)
    if wording.opted_out(sight.found, item["group_id"], item["contact"], NEW_ORDER):
        for member in told:
            due = tables.due(desk.now, member["notification_id"])
            sending.settle(desk, Letter(member), Status.SUPPRESSED, reason=ladder.OPTED_OUT, digest=None, **due)
        return sending.settle(desk, Letter(letter.item), Status.SUPPRESSED, reason=ladder.OPTED_OUT)
    try:
        draft = _draft_of(desk, rest, sight)
    except Rejected as error:
        # Each of them can still be told alone, and says itself why not.
        sending.settle(desk, Letter(letter.item), Status.SUPPRESSED, reason=str(error))
        for member in told:
            alone = {**member, "digest": None}
            _single(desk, alone, sight, decisions[member["notification_id"]])
        return Status.SUPPRESSED
    return _deliver(desk, rest, draft, sight, done=[item["notification_id"], *others])


def _claim_together(desk: Desk, item: Item, others: list[str]) -> Letter | None:
    """The digest and its members, claimed in one transaction. None when no other one waits. Raises Conflict.

    At the end of a window several of them come to their turn at once, each with a worker of its own. The first one that
    gets so far takes the others' claims, too, as long as nothing is written down for them: if each took only what no
    worker has, the one that is left would go alone and make the rest wait for the end of another window.
    """
    found = desk.store.read(map(tables.notification, others))
    waiting = [there for there in found.values() if _may_join(there, desk.now)]
    if not waiting:
        return None
    ids = sorted([item["notification_id"], *(there["notification_id"] for there in waiting)])
    identity = sending.digest_id(item["group_id"], item["contact"], ids, item["attempts"])
    names = {"group_id": item["group_id"], "contact": item["contact"]}
    until = max(there["good_until"] for there in (item, *waiting))
    record = sending.new_item(desk, identity, NEW_ORDERS, good_until=until, members=ids, **names)
    before = (item, *waiting)
    members = tuple(
        {
            **(sending.claimed(desk, there) if there is not item else {**item, "version": item["version"] + 1}),
            "digest": identity,
        }
        for there in before
    )
    puts = [
        Put(tables.notification(identity), record, 0),
        *sending.puts(Letter(item, tuple(waiting)), Letter(members[0], members[1:])),
    ]
    desk.store.commit(puts)
    return Letter(record, members)


def _may_join(there: Item, now: str) -> bool:
    """Whether a new order waits, or is claimed by a worker who was not sent off with others and has written nothing."""
    alone = there["status"] == Status.CLAIMED and there["text"] is None and there.get("digest") is None
    return alone or observed(there, now) is Status.WAITING


def _met_another(desk: Desk, item: Item) -> Status:
    """Another of them came to its turn at the same moment. Nothing was sent for this one, unless it went with that."""
    key = tables.notification(item["notification_id"])
    there = desk.store.read([key])[key]
    if there["version"] != item["version"]:
        return observed(there, desk.now)
    return wait(desk, item, "met another", EARLIER_TEXT_PAUSE)


def _draft_of(desk: Desk, letter: Letter, sight: Sight) -> Draft:
    """The wording of a digest. Raises Rejected."""
    group_id = letter.item["group_id"]
    known = [sight.orders[member["order_ref"]] for member in letter.members]
    return wording.draft(
        desk,
        letter.item,
        sight.found,
        _values(desk, NEW_ORDER, known, group_id, sight.found, {}),
        ship_by=_ship_by(known, group_id),
        order_refs=tuple(member["order_ref"] for member in letter.members),
        stated={
            member["notification_id"]: units_to_send(sight.orders[member["order_ref"]].order, group_id)
            for member in letter.members
        },
    )


def _members(desk: Desk, record: Item) -> list[Item]:
    found = desk.store.read(map(tables.notification, record["members"]))
    return [item for item in found.values() if item["digest"] == record["notification_id"]]


def _is_text_to(effect: Mapping[str, Any], group_id: str) -> bool:
    return effect.get("group_id") == group_id and effect["kind"] in TEXTS


def _says_more_than_is_owed(known: Known, group_id: str) -> bool:
    """Whether a text would state a claim of which the order has owed nothing yet, though it soon will.

    Sent before, it would be the only one who knows of it: if the claim is denied, nobody would take it back.
    """
    units = units_to_send(known.order, group_id)
    last = max(known.owed.values(), key=lambda effect: int(effect["n"]))
    return bool(known.order.pending) and units != last["units"] and units != units_held(known.order, group_id)


def _siblings(known: Known, found: Mapping[Key, Item], now: str) -> list[Sibling]:
    """All notifications about the order to the group, ours among them, as they stand."""
    siblings = []
    for identity, effect in known.owed.items():
        status, there = ladder.for_the_group(identity, found, now)
        # A claim that fell silent states nothing; what it was owed for is what it would have said.
        stated = effect["units"] if there is None or there["stated"] is None else there["stated"]
        siblings.append(Sibling(effect["n"], effect["kind"], status, stated, effect.get("hold")))
    return siblings


def _until_the_earlier(desk: Desk, sight: Sight, item: Item) -> int:
    """Seconds until an earlier text may be settled: a few while somebody works on it, else until it is due itself."""
    owed = sight.orders[item["order_ref"]].owed
    n = owed[item["of"] or item["notification_id"]]["n"]
    due = []
    for name, effect in owed.items():
        there = sight.found.get(tables.notification(name))
        if effect["n"] >= n or (there is not None and "due_sk" not in there and there["status"] != Status.CLAIMED):
            continue
        worked_on = there is None or moment(desk.now) - moment(there["claimed_at"]) < WORKED_ON
        due.append(desk.now if there is None or worked_on else there.get("due_sk", desk.now).partition("#")[0])
    seconds = (moment(min(due, default=desk.now)) - moment(desk.now)).total_seconds()
    return max(EARLIER_TEXT_PAUSE, int(seconds))


def _skus(known: Known, group_id: str) -> set[str]:
    skus = {line.resolved.sku for line in group_lines(known.order, group_id) if line.resolved}
    # What the group was told of may have become another group's since.
    return skus | {sku for effect in known.owed.values() for sku in effect["units"]}


def _ship_by(orders: Iterable[Known], group_id: str) -> str | None:
    """The first moment by which goods of these orders must be handed over."""
    lines = [line for known in orders for line in group_lines(known.order, group_id)]
    return min((line.ship_by for line in lines if line.ship_by and line.open), default=None)


def _values(
    desk: Desk, kind: str, orders: list[Known], group_id: str, found: Mapping[Key, Item], told: Mapping[str, int]
) -> wording.Values:
    """The slots: products by their names in the reader's language, most units first.

    A new order names what is to send, a cancellation what is less than the group was told, a hold what
    is held, and the others what the group was told of and still has to send.
    """
    to_send: dict[str, int] = {}
    for known in orders:
        for sku, units in units_to_send(known.order, group_id).items():
            to_send[sku] = to_send.get(sku, 0) + units
    if kind == CANCELLED:
        per_sku = {sku: units - to_send.get(sku, 0) for sku, units in told.items()}
    elif kind == HOLD:
        per_sku = units_held(orders[0].order, group_id)
    else:
        per_sku = to_send if kind == NEW_ORDER else kept(told, to_send)

    def values(words: Words, locale: str, ways: Manners) -> dict[str, str]:
        del ways
        some = {sku: units for sku, units in per_sku.items() if units > 0}
        return {
            "item": sms_text.item_value(wording.named(found, some, locale), words),
            # What is more than the group was told of is said by the new order that is owed for it.
            "left": str(sum(kept(told, to_send).values())),
            "by": sms_text.by_value(_ship_by(orders, group_id), words, desk.now),
        }

    return values


def _due(desk: Desk, item: Item, pause: int) -> Item:
    """When a text that waits, and whose own message comes in ``pause`` seconds, must have been looked at."""
    return tables.due(instant(moment(desk.now) + timedelta(seconds=pause) + SLACK), item["notification_id"])
