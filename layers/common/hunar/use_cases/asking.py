"""One call to a marketplace's API: within what it allows, counted before it is made."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hunar import tables
from hunar.domain import allowance
from hunar.domain.catalogue import account_of
from hunar.domain.channel import Account, Call, Channel, Part
from hunar.domain.facts import instant
from hunar.domain.identity import delivery_id
from hunar.messages import ApiAnswer
from hunar.ports import ABSENT, Clock, HttpAnswer, MarketplaceApis, Pause, Put, QueueName, Queues, Retryable, Store
from hunar.use_cases.worklist import open_exception

FIRST_PAUSE: Final = 15
LONGEST_PAUSE: Final = 900
"""Seconds; SQS delays a message no longer."""
MOST_BODY: Final = 180 * 1024
"""Bytes of one order, as at the webhooks' door: in base64 it must fit into a message."""
ENOUGH: Final = 35.0
"""Seconds that must be left for one more call: it may hang, be refused its token, and hang again."""
_NOT_NOW: Final = frozenset({408, 429})
"""Statuses below 500 that say nothing about the question."""


@dataclass(frozen=True)
class Desk:
    """What asking marketplaces needs from outside."""

    store: Store
    queues: Queues
    apis: MarketplaceApis
    channels: Mapping[str, Channel]
    accounts: Collection[tuple[str, str]]
    """(marketplace, account) pairs that we have credentials for."""
    clock: Clock
    time_left: Callable[[], float]
    """Seconds that the function may still run."""
    pause: Pause
    claimant: str
    """Who asks: differs in each invocation."""
    again: Callable[[Callable[[], Any]], Any]
    lag: timedelta
    """How long ago a window of ``catch_up`` ends, so that the marketplace's lists have what changed before."""

    @property
    def now(self) -> str:
        return instant(self.clock())


@dataclass(frozen=True)
class Later:
    """No answer now."""

    reason: str
    """Why, for an operator. Empty when the call only waits for its turn."""
    seconds: int | None = None
    """When to ask again, if anybody knows."""


def account(desk: Desk, marketplace: str, name: str) -> Account:
    """The account as the registry has it; with its names alone when it is not imported."""
    key = tables.account(marketplace, name)
    return account_of(desk.store.read([key]).get(key) or {"marketplace": marketplace, "account": name})


def ask(desk: Desk, whose: Account, call: Call, *, in_line: bool = True) -> HttpAnswer | Later:
    """The answer, with any status that says something. Raises Rejected, see ``MarketplaceApis``.

    ``in_line`` says that the caller comes again when it is told to, see ``allowance.take``.
    The allowance is taken before the call: whoever dies in between has lost a call and made none too many.
    """
    rate = desk.channels[whose.marketplace].RATES[call.operation]
    key = tables.allowance(whose.marketplace, whose.name, call.operation)

    def taken() -> int:
        there = desk.store.read([key]).get(key)
        found = allowance.take(rate, there, _milliseconds(desk.clock()), in_line=in_line)
        if found.item is not None:
            desk.store.commit([Put(key, found.item, there["version"] if there else ABSENT)])
        return found.wait

    def used_up(retry_after: int | None) -> None:
        there = desk.store.read([key]).get(key)
        item = allowance.used_up(rate, there, _milliseconds(desk.clock()), retry_after)
        desk.store.commit([Put(key, item, there["version"] if there else ABSENT)])

    if wait := desk.again(taken):
        return Later("", wait)
    try:
        answer = desk.apis.call(whose.marketplace, whose.name, call)
    except Retryable as error:
        return Later(str(error))
    if answer.status == 429:
        # Others use up the same bucket: nobody here asks before it has a token again.
        desk.again(lambda: used_up(answer.retry_after))
    if answer.status >= 500 or answer.status in _NOT_NOW:
        return Later(f"{whose.marketplace} {call.operation}: {answer.status}", answer.retry_after)
    return answer


def pause(attempt: int, asked_for: int | None = None) -> int:
    """Seconds until a message comes again: 15, doubled each time up to 900, or as long as the marketplace asks for."""
    own = min(LONGEST_PAUSE, FIRST_PAUSE << min(attempt, 10))
    return min(LONGEST_PAUSE, max(own, asked_for or 0))


def feed_in(desk: Desk, whose: Account, parts: Iterable[Part], problems: Iterable[str], what: str) -> int:
    """Puts each part on order-events as a delivery of its own, and shows what cannot be one. Returns how many went.

    Raises Retryable unless all were taken; the same again does no harm.
    """
    bodies, wrong = [], list(problems)
    for part in parts:
        if len(part.body) > MOST_BODY:
            named = part.marketplace_id or "an entry without an order"
            wrong.append(f"{named}: {len(part.body)} bytes are more than a delivery may have")
            continue
        answer = ApiAnswer(
            marketplace=whose.marketplace,
            account=whose.name,
            delivery_id=delivery_id(whose.marketplace, whose.name, part.body),
            received_at=desk.now,
            body_b64=base64.b64encode(part.body).decode(),
        )
        bodies.append(answer.model_dump_json())
    for problem in wrong:
        cause = (whose.marketplace, whose.name, what, problem)
        text = f"{whose.marketplace}/{whose.name} {what}: {problem}"
        open_exception(desk.store, "UNREADABLE", cause, at=desk.now, message=text)
    if bodies:
        desk.queues.send(QueueName.ORDER_EVENTS, bodies)
    return len(bodies)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
