"""Telling every channel how many units of a product it may sell.

The message names no number. Whoever works it off reads the shelf, tells, and reads again, until every channel was told
last what holds now. Two workers could overtake each other on the way to a channel, and then the older number would
stay: so a number is told under a lease, one worker at a time for each listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Final

from hunar import tables
from hunar.domain.catalogue import mapped_now
from hunar.domain.channel import LATER, REFUSED, TAKEN, Account, BadAnswer, Call, Channel, Offer, Posted
from hunar.domain.facts import instant, moment
from hunar.domain.stock import Stock
from hunar.messages import PublishStock
from hunar.ports import ABSENT, HttpAnswer, Put, QueueName, Rejected
from hunar.tables import Item, Key, Table
from hunar.use_cases.asking import ENOUGH, LONGEST_PAUSE, Desk, Later, account, ask, pause
from hunar.use_cases.paging import batches, pages
from hunar.use_cases.worklist import close_exception, open_exception

LEASE: Final = timedelta(seconds=90)
"""Longer than the function may run: whoever took it so long ago is dead."""
BUSY_PAUSE: Final = 5
"""Seconds until a message comes again whose listing another worker is telling."""
FULL_AGAIN: Final = timedelta(minutes=10)
"""A listing that was told in full so lately is not told again for another part of the same round."""
LOOK_AGAIN: Final = 900
"""Seconds after which a channel that showed another number is asked once more."""
GIVEN_TIME: Final = timedelta(hours=2)
"""A channel that takes no number for so long is shown to a person."""
ROUNDS: Final = 5
SPREAD: Final = 10
"""Products that are sent for every ten seconds of the night."""
UNPUBLISHABLE: Final = "unpublishable"
"""A verdict of ours: the call cannot be made."""

STOCK_REFUSED: Final = "STOCK_REFUSED"
CHANNEL_DIFFERS: Final = "CHANNEL_DIFFERS"
NOT_PUBLISHABLE: Final = "NOT_PUBLISHABLE"


class Outcome(StrEnum):
    """What became of the message."""

    TOLD = "TOLD"
    UNCHANGED = "UNCHANGED"
    """Every channel knew the number, or none sells the product by an API."""
    UNCOUNTED = "UNCOUNTED"
    """Nobody ever counted this shelf, so there is no number."""
    AGAIN = "AGAIN"
    """It was sent to the queue again: for a channel that is busy, throttled or down, or for want of time."""


@dataclass(frozen=True)
class _Target:
    """One listing of the product, at an account that can be told."""

    whose: Account
    listing: Item
    mapping: Item
    key: Key

    @property
    def name(self) -> str:
        return str(self.listing["listing"])

    def __str__(self) -> str:
        return f"{self.whose.marketplace}/{self.whose.name} {self.name}"

    @property
    def cause(self) -> tuple[str, str, str]:
        return (self.whose.marketplace, self.whose.name, self.name)

    def offer(self, quantity: int) -> Offer:
        return Offer(self.name, quantity, self.listing.get("product_id") or "", self.listing.get("product_type") or "")


@dataclass
class _Run:
    """What one message has done so far."""

    desk: Desk
    message: PublishStock
    told: int = 0
    again: set[tuple[str, bool, int]] = field(default_factory=set)
    """What is to be sent again: when it is due, whether in full, and the attempt."""

    def send_again(self, seconds: int, *, full: bool = False, attempt: int | None = None) -> None:
        """At once, before anything is written that relies on it; the same only once."""
        number = self.message.attempt if attempt is None else attempt
        # What was sent for a listing some seconds ago comes too early for one that fails only now.
        due = instant(self.desk.clock() + timedelta(seconds=seconds))
        if (due, full, number) not in self.again:
            self.again.add((due, full, number))
            body = PublishStock(sku=self.message.sku, attempt=number, full=full).model_dump_json()
            self.desk.queues.send(QueueName.STOCK_FEED, [body], delay_seconds=min(LONGEST_PAUSE, max(1, seconds)))


def publish_all(desk: Desk) -> int:
    """Every product that a channel sells, in full, one message each. Returns how many."""
    skus = sorted({mapping["sku"] for _, _, mapping in _listings(desk)})
    for number, batch in enumerate(batches(skus, SPREAD)):
        bodies = [PublishStock(sku=sku, full=True).model_dump_json() for sku in batch]
        desk.queues.send(QueueName.STOCK_FEED, bodies, delay_seconds=min(LONGEST_PAUSE, SPREAD * number))
    return len(skus)


def publish(desk: Desk, message: PublishStock) -> Outcome:
    """Tell the channels. Raises Retryable when the store or the queue fails."""
    run = _Run(desk, message)
    targets = _targets(desk, message.sku)
    for _ in range(ROUNDS):
        shelf = _shelf(desk, message.sku)
        if shelf is None:
            return Outcome.UNCOUNTED
        before = run.told
        for whose, own in targets:
            if not _tell_account(run, whose, own, shelf):
                run.send_again(1, full=message.full)
                return Outcome.AGAIN
        if run.told == before:
            break
    else:
        # So much is sold at this moment that another worker may as well go on.
        run.send_again(BUSY_PAUSE)
    if run.again:
        return Outcome.AGAIN
    return Outcome.TOLD if run.told else Outcome.UNCHANGED


def _listings(desk: Desk) -> Iterator[tuple[tuple[str, str], Item, Item]]:
    """All listings of accounts that can be told, with the mapping that holds now."""
    now = desk.now
    for marketplace, name in sorted(desk.accounts):
        prefix = tables.listing(marketplace, name, "").sk
        for listing in pages(desk.store, Table.REGISTRY, tables.listing("", "", "").pk, prefix=prefix):
            yield (marketplace, name), listing, mapped_now(listing, now)


def _targets(desk: Desk, sku: str) -> list[tuple[Account, list[_Target]]]:
    """Whom to tell, by account. Channels that a person paused are left out."""
    found: dict[tuple[str, str], list[tuple[Item, Item]]] = {}
    for whose, listing, mapping in _listings(desk):
        if mapping["sku"] == sku:
            found.setdefault(whose, []).append((listing, mapping))
    paused = desk.store.read(tables.pause(*whose) for whose in found) if found else {}
    targets = []
    for whose, listed in found.items():
        if tables.pause(*whose) in paused:
            continue
        known = account(desk, *whose)
        own = [
            _Target(known, listing, mapping, tables.told(sku, *whose, listing["listing"]))
            for listing, mapping in listed
        ]
        targets.append((known, own))
    return targets


def _shelf(desk: Desk, sku: str) -> Item | None:
    key = tables.stock(sku)
    return desk.store.read([key]).get(key)


def _tell_account(run: _Run, whose: Account, own: Sequence[_Target], shelf: Item) -> bool:
    """Everything that this account must be told now. False when there is no time left for it."""
    channel = run.desk.channels[whose.marketplace]
    quantity = Stock.of(shelf).offered
    publishable = list(_publishable(run, channel, whose, own, quantity))
    for batch in batches(publishable, channel.MOST_OFFERS):
        there = run.desk.store.read(target.key for target in batch)
        due = [target for target in batch if _due(run, target, there.get(target.key), quantity)]
        if not due:
            continue
        if run.desk.time_left() < ENOUGH:
            return False
        shown = _look(run, channel, whose, due, there) if run.message.full else {}
        if shown is None:
            continue
        if run.desk.time_left() < ENOUGH:
            # The look took all of it: the other message tells without one.
            run.send_again(1)
            continue
        claimed = _claim(run, due, quantity, shown)
        if claimed:
            _post(run, channel, whose, claimed, quantity, shelf)
    return True


def _publishable(
    run: _Run, channel: Channel, whose: Account, own: Iterable[_Target], quantity: int
) -> Iterator[_Target]:
    """Those listings that have all that the call needs. The others are shown to a person."""
    desk = run.desk
    for target in own:
        try:
            channel.publish(whose, [target.offer(quantity)])
        except ValueError as error:
            there = desk.store.read([target.key]).get(target.key)
            said = {"verdict": UNPUBLISHABLE, "message": str(error)}
            if there is None or {name: there[name] for name in said} != said:
                _show(run, NOT_PUBLISHABLE, target, f"{target}: {error}")
                desk.again(partial(_put, desk, target.key, _item(run, target, there) | said))
        else:
            yield target


def _due(run: _Run, target: _Target, there: Item | None, quantity: int) -> bool:
    """Whether a listing must be told. A message that finds another worker at it comes again."""
    now = run.desk.now
    if there is None:
        return True
    if there["holder"] is not None:
        if there["holder"] != run.desk.claimant and moment(now) - moment(there["since"]) < LEASE:
            run.send_again(BUSY_PAUSE, full=run.message.full)
            return False
        # Nobody knows what its holder still told the channel.
        return True
    if there["again_at"] is not None and there["again_at"] > now:
        # A message of its own is on its way; it reads the shelf as it is then.
        return False
    full = run.message.full and (there["full_at"] is None or moment(now) - moment(there["full_at"]) >= FULL_AGAIN)
    settled = there["verdict"] in (TAKEN, REFUSED)
    same = there["quantity"] == quantity and there["mapped_from"] == target.mapping["from"]
    return full or not (settled and same)


def _look(
    run: _Run, channel: Channel, whose: Account, due: Sequence[_Target], there: dict[Key, Item]
) -> dict[str, int | None] | None:
    """What the channel shows of listings that it was told of, before it is told again: afterwards it would only repeat
    what it hears. None when it must be asked later."""
    known = {target.name: target for target in due if there.get(target.key, {}).get("verdict") == TAKEN}
    if not known:
        return {}
    call = channel.show(whose, list(known))
    try:
        answer = ask(run.desk, whose, call)
    except Rejected:
        return {}
    if isinstance(answer, Later):
        if answer.reason:
            # It can be told all the same.
            return {}
        run.send_again(answer.seconds or pause(0), full=True)
        return None
    if answer.status != 200:
        return {}
    try:
        shown = dict(channel.shown(call, answer.body))
    except BadAnswer:
        return {}
    for name, target in known.items():
        units, told = shown.get(name), there[target.key]["quantity"]
        if units is None:
            continue
        if units != told:
            _show(run, CHANNEL_DIFFERS, target, f"{target} shows {units} units and was told {told}")
            if run.message.attempt == 0:
                run.send_again(LOOK_AGAIN, full=True, attempt=1)
        else:
            _close(run, CHANNEL_DIFFERS, target)
    return shown


def _claim(
    run: _Run, due: Sequence[_Target], quantity: int, shown: dict[str, int | None]
) -> list[tuple[_Target, Item]]:
    """Those of the listings that nobody else tells, each with what was known of it before and our lease."""
    desk = run.desk

    def claim() -> list[tuple[_Target, Item]]:
        there = desk.store.read(target.key for target in due)
        free = [target for target in due if _due(run, target, there.get(target.key), quantity)]
        claimed = []
        for target in free:
            known = there.get(target.key)
            item = _item(run, target, known) | {"holder": desk.claimant, "since": desk.now}
            if known and known["holder"] is not None:
                # Nobody knows what its last holder was answered, or put on the worklist.
                item["verdict"] = None
            if target.name in shown:
                item |= {"shown": shown[target.name], "shown_at": desk.now}
            claimed.append((target, item))
        desk.store.commit([Put(target.key, item, item["version"] - 1 or ABSENT) for target, item in claimed])
        return claimed

    found: list[tuple[_Target, Item]] = desk.again(claim)
    return found


def _post(
    run: _Run,
    channel: Channel,
    whose: Account,
    claimed: Sequence[tuple[_Target, Item]],
    quantity: int,
    shelf: Item,
) -> None:
    call = channel.publish(whose, [target.offer(quantity) for target, _ in claimed])
    names = [target.name for target, _ in claimed]
    hopeless = False
    answer: Later | dict[str, Posted]
    try:
        answer = _verdicts(channel, call, ask(run.desk, whose, call), names)
    except (Rejected, BadAnswer) as error:
        answer, hopeless = Later(str(error), LONGEST_PAUSE), True
    for target, item in claimed:
        posted = answer if isinstance(answer, Later) else answer.get(target.name, Posted(target.name, LATER))
        if isinstance(posted, Posted) and posted.verdict == LATER:
            posted = Later(posted.message or "not taken now")
        if isinstance(posted, Later):
            _later(run, target, item, posted, hopeless=hopeless)
            continue
        # Before what was told is written: who is stopped between comes again and still finds something to do.
        if posted.verdict == REFUSED:
            _show(run, STOCK_REFUSED, target, f"{target}: {quantity} refused: {posted.message}")
        elif item["verdict"] != TAKEN:
            _close(run, STOCK_REFUSED, target)
            _close(run, NOT_PUBLISHABLE, target)
        said: Item = {
            "verdict": posted.verdict,
            "message": posted.message,
            "quantity": quantity,
            "stock_version": shelf["version"],
            "mapped_from": target.mapping["from"],
            "again_at": None,
            "failing_since": None,
            "failures": 0,
        }
        _settle(run, target, item, said | ({"full_at": run.desk.now} if run.message.full else {}))
    run.told += 1


def _verdicts(
    channel: Channel, call: Call, answer: HttpAnswer | Later, names: Sequence[str]
) -> Later | dict[str, Posted]:
    """By listing. Raises BadAnswer, also when it is the account that is refused and not a number."""
    if isinstance(answer, Later):
        return answer
    if answer.status in (200, 400):
        return {posted.listing: posted for posted in channel.posted(call, answer.status, answer.body)}
    if answer.status in (401, 403):
        raise BadAnswer(f"{answer.status}, the credentials are refused")
    return {name: Posted(name, REFUSED, f"the answer was {answer.status}") for name in names}


def _later(run: _Run, target: _Target, item: Item, later: Later, *, hopeless: bool) -> None:
    """It is told again after a while, for ever. After two hours in vain, or at once when waiting cannot help, a person
    hears of it."""
    now = run.desk.now
    said: Item = {"verdict": LATER, "message": later.reason}
    if later.reason:
        since = item["failing_since"] or now
        seconds = pause(item["failures"], later.seconds)
        said |= {"failing_since": since, "failures": item["failures"] + 1}
        if hopeless or moment(now) - moment(since) >= GIVEN_TIME:
            _show(run, STOCK_REFUSED, target, f"{target}: not told since {since}: {later.reason}")
    else:
        seconds = min(LONGEST_PAUSE, later.seconds or 1)
    run.send_again(seconds, attempt=run.message.attempt + bool(later.reason))
    said["again_at"] = instant(moment(now) + timedelta(seconds=seconds))
    _settle(run, target, item, said)


def _item(run: _Run, target: _Target, there: Item | None) -> Item:
    """The next version of what is known of telling a listing."""
    fresh: Item = {
        "sku": run.message.sku,
        "marketplace": target.whose.marketplace,
        "account": target.whose.name,
        "listing": target.name,
        "quantity": None,
        "at": None,
        "stock_version": None,
        "mapped_from": None,
        "verdict": None,
        "message": "",
        "holder": None,
        "since": None,
        "again_at": None,
        "failing_since": None,
        "failures": 0,
        "shown": None,
        "shown_at": None,
        "full_at": None,
        "version": 0,
    }
    item = fresh | (there or {})
    return item | {"version": item["version"] + 1}


def _settle(run: _Run, target: _Target, item: Item, said: Item) -> None:
    """Write the answer and give the lease back, if it is still ours."""
    settled = item | said | {"at": run.desk.now, "holder": None, "since": None, "version": item["version"] + 1}
    run.desk.again(partial(_put, run.desk, target.key, settled))


def _put(desk: Desk, key: Key, item: Item) -> None:
    """Write the item unless somebody else went on. A request that the client repeated meets its own write."""
    there = desk.store.read([key]).get(key)
    if (there["version"] if there else ABSENT) == item["version"] - 1:
        desk.store.commit([Put(key, item, item["version"] - 1 or ABSENT)])


def _show(run: _Run, kind: str, target: _Target, text: str) -> None:
    open_exception(
        run.desk.store,
        kind,
        target.cause,
        at=run.desk.now,
        message=text,
        sku=run.message.sku,
        listing=target.name,
    )


def _close(run: _Run, kind: str, target: _Target) -> None:
    run.desk.again(lambda: close_exception(run.desk.store, kind, target.cause, at=run.desk.now))
