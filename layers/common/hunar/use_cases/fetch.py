"""Asking a marketplace what it knows of one order, and feeding the answer in as one more delivery.

Nothing is decided about the order here. When the marketplace was asked for five minutes and still says nothing of a
claim, that is an answer, too, and goes the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, Final

from hunar import tables
from hunar.domain import claims
from hunar.domain.channel import Account, Answered, BadAnswer, Call, Channel, Part
from hunar.domain.claims import Wanted
from hunar.domain.facts import Fact, Snapshot
from hunar.domain.order import knowledge, voided
from hunar.messages import Fetch
from hunar.ports import QueueName, Rejected
from hunar.use_cases.asking import ENOUGH, LONGEST_PAUSE, Desk, Later, account, ask, feed_in, pause
from hunar.use_cases.change_order import Reference
from hunar.use_cases.worklist import close_exception, open_exception

ASKED_AGAIN: Final = (15, 45, 120, 120)
"""Seconds between two questions when an answer says nothing of what was asked: a copy that lags behind has minutes.
Texts wait for ten, so all of it ends before."""
MOST_ATTEMPTS: Final = 48 * 3600 // LONGEST_PAUSE + 6
"""Without an answer, one after the other: two days."""
MOST_RETURNS: Final = 25
"""That are asked about in one call."""
MOST_PAGES: Final = 5
FETCH_FAILED: Final = "FETCH_FAILED"


class Outcome(StrEnum):
    """What became of the question."""

    SETTLED = "SETTLED"
    """The answer was fed in and leaves nothing open, or nothing was open any more."""
    NOBODY_TO_ASK = "NOBODY_TO_ASK"
    """We have no credentials for the account."""
    WAITS = "WAITS"
    """For its turn."""
    AGAIN = "AGAIN"
    """There was no answer, or it says nothing of what was asked."""
    DENIED = "DENIED"
    """The marketplace was asked long enough; what it says nothing of is not so."""
    FAILED = "FAILED"
    """A person was told."""


class _Failed(Exception):
    """The answer cannot be one about an order."""


def fetch(desk: Desk, message: Fetch) -> Outcome:
    """Ask about one order. Raises Retryable when the store or the queue fails, Rejected for what is no order's key."""
    try:
        order = Reference.of(message.order_ref)
    except ValueError:
        raise Rejected(f"order_ref: {message.order_ref} is not marketplace:account:id") from None
    if (order.marketplace, order.account) not in desk.accounts:
        return Outcome.NOBODY_TO_ASK
    key = tables.order(message.order_ref)
    stored = desk.store.read([key]).get(key)
    known = knowledge(stored) if stored else frozenset()
    void = voided(known)
    wanted = claims.wanted(known, void)
    if not wanted:
        return _settled(desk, message)
    whose = account(desk, order.marketplace, order.account)
    heard: set[Fact] = set()
    try:
        for call in _calls(desk.channels[order.marketplace], whose, order, wanted):
            later = _hear(desk, whose, order, call, heard)
            if later is not None:
                return _wait(desk, message, later)
    except (_Failed, BadAnswer, Rejected) as error:
        return _fail(desk, message, str(error))
    still = claims.open_after(known, heard, void)
    # An order without claims is asked for its prices: an answer without the order has none.
    if still or (wanted.order and not any(isinstance(fact, Snapshot) for fact in heard)):
        return _unsettled(desk, message, order, whose, still)
    return _settled(desk, message)


def _calls(channel: Channel, whose: Account, order: Reference, wanted: Wanted) -> Iterator[Call]:
    """One question about the order, and one about its returns where orders do not tell of them."""
    returns = channel.fetch_returns(whose, wanted.returns[:MOST_RETURNS]) if wanted.returns else None
    if wanted.order or returns is None:
        yield channel.fetch(whose, order.marketplace_id)
    if returns is not None:
        yield returns


def _hear(desk: Desk, whose: Account, order: Reference, call: Call, heard: set[Fact]) -> Later | None:
    """Put what is answered on order-events and remember what it states. Raises _Failed, BadAnswer and Rejected."""
    channel = desk.channels[whose.marketplace]
    following: Call | None = call
    for _ in range(MOST_PAGES):
        if following is None:
            return None
        if desk.time_left() < ENOUGH:
            return Later("", 1)
        answer = ask(desk, whose, following)
        if isinstance(answer, Later):
            return answer
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _Failed(f"{following.operation}: {answer.status}")
        page: Answered = channel.answered(following, answer.body)
        feed_in(desk, whose, page.parts, page.problems, str(order))
        for part in page.parts:
            reading = channel.read_answer(part.body, whose.name)
            if reading.marketplace_id in (None, order.marketplace_id):
                heard |= set(reading.facts)
        following = page.next
    raise _Failed(f"{call.operation}: more than {MOST_PAGES} pages about one order")


def _wait(desk: Desk, message: Fetch, later: Later) -> Outcome:
    if not later.reason:
        _send(desk, message, later.seconds or 1)
        return Outcome.WAITS
    if message.attempt >= MOST_ATTEMPTS:
        _show(desk, message, f"no answer for two days: {later.reason}")
        return Outcome.FAILED
    _send(desk, message, pause(message.attempt, later.seconds), attempt=message.attempt + 1)
    return Outcome.AGAIN


def _fail(desk: Desk, message: Fetch, reason: str) -> Outcome:
    """Waiting does not mend it, so a person hears of it at once; it is asked again slowly all the same."""
    if not message.shown:
        _show(desk, message, reason)
    if message.attempt < MOST_ATTEMPTS:
        _send(desk, message, LONGEST_PAUSE, attempt=message.attempt + 1, shown=True)
    return Outcome.FAILED


def _unsettled(desk: Desk, message: Fetch, order: Reference, whose: Account, still: Mapping[str, str]) -> Outcome:
    doubted = tuple(claim for claim in message.doubted if claim in still)
    if message.unsettled == 0 or (still and not doubted):
        # Other claims than those that were asked about so far: they get their own five minutes.
        _send(desk, message, ASKED_AGAIN[0], attempt=0, unsettled=1, doubted=tuple(still))
        return Outcome.AGAIN
    if message.unsettled < len(ASKED_AGAIN):
        seconds = ASKED_AGAIN[message.unsettled]
        _send(desk, message, seconds, attempt=0, unsettled=message.unsettled + 1, doubted=doubted)
        return Outcome.AGAIN
    if not doubted:
        _show(desk, message, f"{order.marketplace} does not know the order")
        return Outcome.FAILED
    raw = claims.denial(order.marketplace_id, {claim: still[claim] for claim in doubted})
    feed_in(desk, whose, [Part(order.marketplace_id, raw, None)], (), str(order))
    if rest := tuple(claim for claim in still if claim not in doubted):
        _send(desk, message, ASKED_AGAIN[0], attempt=0, unsettled=1, doubted=rest)
    _close(desk, message)
    return Outcome.DENIED


def _settled(desk: Desk, message: Fetch) -> Outcome:
    _close(desk, message)
    return Outcome.SETTLED


def _send(desk: Desk, message: Fetch, seconds: int, **changed: Any) -> None:
    body = message.model_copy(update=changed).model_dump_json()
    desk.queues.send(QueueName.FETCHES, [body], delay_seconds=min(LONGEST_PAUSE, max(1, seconds)))


def _show(desk: Desk, message: Fetch, reason: str) -> None:
    ref = message.order_ref
    open_exception(desk.store, FETCH_FAILED, (ref,), at=desk.now, message=f"not asked: {reason}", order_ref=ref)


def _close(desk: Desk, message: Fetch) -> None:
    desk.again(partial(close_exception, desk.store, FETCH_FAILED, (message.order_ref,), at=desk.now))
