"""Asking marketplaces for all that changed, so that no message of theirs need ever arrive.

Each account has a cursor for each kind of question. It moves only after what was found lies on order-events, page by
page: a crash repeats a page and never skips one. A window overlaps the last one and ends a little before now
(``Desk.lag``), because a marketplace's lists lag behind its orders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from hunar import tables
from hunar.domain.channel import Account, Answered, BadAnswer, Call
from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.ports import ABSENT, Conflict, Put, Rejected
from hunar.tables import Item, Key
from hunar.use_cases.asking import ENOUGH, Desk, Later, account, ask, feed_in
from hunar.use_cases.worklist import close_exception, open_exception

OVERLAP: Final = timedelta(minutes=10)
LONGEST_WINDOW: Final = timedelta(days=1)
"""After an outage, however long, what was missed is asked in pieces of this length."""
FIRST_WINDOW: Final = timedelta(days=7)
"""How far back a new account is asked."""
SHORT_WAIT: Final = 3
"""Seconds that a run waits for its turn. For longer ones the next run is there."""
MOST_PAGES: Final = 1_000
"""Of one window. Whoever has more turns in a circle without repeating itself."""
LONGEST_PAUSE: Final = timedelta(hours=1)
FIRST_PAUSE: Final = timedelta(minutes=5)
PATIENCE: Final = timedelta(hours=1)
"""A marketplace that does not answer for so long is shown to a person."""
LOST_PAGES: Final = 3
"""Failures in a row that a lost page may cause before a person hears of it: page tokens do expire."""

SILENCES: Final = 20
"""Silences of an account that are remembered, the last ones."""
A_SILENCE: Final = timedelta(hours=1)
"""Shorter pauses say nothing of an account's habits: a busy hour would drive out all nights."""
KNOWN_BY: Final = 6
"""News after which an account has a habit."""
SHORTEST: Final = timedelta(hours=24)
"""No account is called silent before."""

CATCH_UP_FAILED: Final = "CATCH_UP_FAILED"
ACCOUNT_SILENT: Final = "ACCOUNT_SILENT"


class Outcome(StrEnum):
    """How far one kind of question came."""

    CAUGHT_UP = "CAUGHT_UP"
    LEFT = "LEFT"
    """There is more, for the next run: it waits for its turn, or the function's time is over."""
    TAKEN = "TAKEN"
    """Another run is at it."""
    FAILED = "FAILED"
    RESTS = "RESTS"
    """It failed, and is asked again after a while."""


@dataclass(frozen=True)
class Kind:
    """What a run did for one account and kind of question."""

    marketplace: str
    account: str
    kind: str
    outcome: Outcome
    sent: int
    """Deliveries that were fed in."""
    reason: str = ""
    """Why it failed."""


class _Failed(Exception):
    """A page that is none. ``lost`` says that only its token may have expired."""

    def __init__(self, reason: str, *, lost: bool = False) -> None:
        super().__init__(reason)
        self.lost = lost


def catch_up(desk: Desk) -> list[Kind]:
    """Go on with every account. What one of them refuses does not hold up the others. Raises Retryable when the store
    or the queue fails; the next run repeats what was not noted."""
    found: list[Kind] = []
    for marketplace, name in sorted(desk.accounts):
        whose = account(desk, marketplace, name)
        own = [_Search(desk, whose, kind).go_on() for kind in _furthest_behind_first(desk, whose)]
        found += own
        if all(kind.outcome is Outcome.CAUGHT_UP for kind in own):
            _listen(desk, whose)
    return found


def _furthest_behind_first(desk: Desk, whose: Account) -> list[str]:
    """The kinds of question. Some have one allowance together, and none may use it up every time."""
    kinds = desk.channels[whose.marketplace].SEARCHES
    keys = {kind: tables.cursor(whose.marketplace, whose.name, kind) for kind in kinds}
    cursors = desk.store.read(keys.values())
    return sorted(kinds, key=lambda kind: str(cursors.get(keys[kind], {}).get("since", "")))


class _Search:
    """One kind of question to one account."""

    def __init__(self, desk: Desk, whose: Account, kind: str) -> None:
        self._desk = desk
        self._whose = whose
        self._kind = kind
        self._channel = desk.channels[whose.marketplace]
        self._key = tables.cursor(whose.marketplace, whose.name, kind)
        self._cause = (whose.marketplace, whose.name, kind)
        self._sent = 0
        # A run has an end: what happens while it asks is for the next one.
        self._up_to = desk.clock() - max(desk.lag, self._channel.LEAST_LAG)

    def go_on(self) -> Kind:
        cursor = self._desk.store.read([self._key]).get(self._key) or self._fresh()
        if self._rests(cursor):
            return self._did(Outcome.RESTS)
        try:
            while True:
                if cursor["until"] is None:
                    cursor = self._next_window(cursor)
                    if cursor["until"] is None:
                        return self._did(Outcome.CAUGHT_UP)
                if self._desk.time_left() < ENOUGH:
                    return self._did(Outcome.LEFT)
                try:
                    page = self._ask(cursor)
                except (_Failed, BadAnswer, Rejected) as error:
                    return self._fail(cursor, error)
                if isinstance(page, Later):
                    if page.reason:
                        return self._down(cursor, page)
                    if page.seconds is None or page.seconds > SHORT_WAIT:
                        return self._did(Outcome.LEFT)
                    self._desk.pause(page.seconds)
                    continue
                cursor = self._fed_in(cursor, page)
        except Conflict:
            return self._did(Outcome.TAKEN)

    def _did(self, outcome: Outcome, reason: str = "") -> Kind:
        return Kind(self._whose.marketplace, self._whose.name, self._kind, outcome, self._sent, reason)

    def _fresh(self) -> Item:
        return {
            "since": instant(self._desk.clock() - FIRST_WINDOW),
            "until": None,
            "page": None,
            "pages": 0,
            "seen": [],
            "failures": 0,
            "failing_since": None,
            "failed_at": None,
            "shown": None,
            "version": ABSENT,
        }

    def _rests(self, cursor: Item) -> bool:
        """It failed a moment ago: asked again at once it would only fail again, and cost what others need."""
        if cursor["failed_at"] is None:
            return False
        rest: timedelta = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(cursor["failures"] - 1, 10))
        # The clock that calls us is not exact to the second.
        return moment(self._desk.now) - moment(cursor["failed_at"]) < rest - timedelta(seconds=30)

    def _next_window(self, cursor: Item) -> Item:
        since = moment(cursor["since"])
        until = min(self._up_to, since + LONGEST_WINDOW)
        return cursor | {"until": instant(until)} if instant(until) > cursor["since"] else cursor

    def _first_page(self, cursor: Item) -> Call:
        since = instant(moment(cursor["since"]) - OVERLAP)
        return self._channel.search(self._whose, self._kind, since, cursor["until"])

    def _ask(self, cursor: Item) -> Answered | Later:
        """The page that is next. Raises _Failed, BadAnswer and Rejected when it is none."""
        page = cursor["page"]
        call = Call(**page) if page else self._first_page(cursor)
        answer = ask(self._desk, self._whose, call, in_line=False)
        if isinstance(answer, Later):
            return answer
        if answer.status != 200:
            raise _Failed(
                f"page {cursor['pages'] + 1}: {answer.status}", lost=bool(page) and answer.status in (400, 404)
            )
        found = self._channel.answered(call, answer.body)
        if found.next is not None:
            if _mark(found.next) in [*cursor["seen"], _mark(call)]:
                raise _Failed(f"page {cursor['pages'] + 1}: the pages turn in a circle")
            if cursor["pages"] + 1 >= MOST_PAGES:
                raise _Failed(f"more than {MOST_PAGES} pages between {cursor['since']} and {cursor['until']}")
        return found

    def _fed_in(self, cursor: Item, page: Answered) -> Item:
        """What was found goes to order-events, and only then the cursor moves. Raises Conflict."""
        self._sent += feed_in(self._desk, self._whose, page.parts, page.problems, self._kind)
        _hear(self._desk, self._whose, [part.at for part in page.parts])
        if page.next is None:
            # Only a whole window shows that it works again. Before the cursor forgets that it failed, so that who is
            # stopped between still knows what to close.
            if cursor["failures"]:
                self._desk.again(self._close)
            done: Item = {"since": cursor["until"], "until": None, "page": None, "pages": 0, "seen": []}
            return self._write(cursor, done | {"failures": 0, "failing_since": None, "failed_at": None, "shown": None})
        asked = Call(**cursor["page"]) if cursor["page"] else self._first_page(cursor)
        seen = [*cursor["seen"], _mark(asked)]
        return self._write(cursor, {"page": asdict(page.next), "pages": cursor["pages"] + 1, "seen": seen})

    def _close(self) -> None:
        close_exception(self._desk.store, CATCH_UP_FAILED, self._cause, at=self._desk.now)

    def _fail(self, cursor: Item, error: Exception) -> Kind:
        """The window is asked again from its beginning, later. No page is skipped, so nothing behind it is reached."""
        again: Item = {"until": None, "page": None, "pages": 0, "seen": []}
        patient = isinstance(error, _Failed) and error.lost and cursor["failures"] + 1 < LOST_PAGES
        return self._note(cursor, str(error), again, show=not patient)

    def _down(self, cursor: Item, later: Later) -> Kind:
        """The marketplace does not answer. The page that was asked for stays the next one."""
        since = cursor["failing_since"]
        long = since is not None and self._desk.clock() - moment(since) >= PATIENCE
        return self._note(cursor, later.reason, {}, show=long)

    def _note(self, cursor: Item, reason: str, changed: Item, *, show: bool) -> Kind:
        now = self._desk.now
        said: Item = {"failures": cursor["failures"] + 1, "failed_at": now}
        said["failing_since"] = cursor["failing_since"] or now
        text = f"{self._whose.marketplace}/{self._whose.name} {self._kind} since {cursor['since']}: {reason}"
        # Before it is shown: who is stopped between still knows that there may be something to close.
        cursor = self._write(cursor, changed | said)
        # Who has dealt with it is not told the same again.
        if show and cursor["shown"] != text:
            open_exception(self._desk.store, CATCH_UP_FAILED, self._cause, at=now, message=text)
            self._write(cursor, {"shown": text})
        return self._did(Outcome.FAILED, reason)

    def _write(self, cursor: Item, changed: Item) -> Item:
        item = cursor | changed | {"version": cursor["version"] + 1}
        self._desk.store.commit([Put(self._key, item, cursor["version"])])
        return item


def _mark(call: Call) -> str:
    return derived_id(call.method, call.path, call.body)[:16]


# when an account was heard of, and how long it is silent by habit


def _hear(desk: Desk, whose: Account, times: Iterable[str | None]) -> None:
    """Remember the newest news of an account. Its silence, if it was one, is over."""
    key = tables.heard(whose.marketplace, whose.name)
    # A marketplace whose clock is ahead must not be thought well of until then.
    news = sorted({min(at, desk.now) for at in times if at is not None})

    def write() -> bool:
        there = desk.store.read([key]).get(key)
        item = _heard(there, news)
        if item is None:
            return False
        desk.store.commit([Put(key, item, there["version"] if there else ABSENT)])
        return True

    if desk.again(write):
        cause = (whose.marketplace, whose.name)
        desk.again(lambda: close_exception(desk.store, ACCOUNT_SILENT, cause, at=desk.now))


def _heard(there: Item | None, news: Iterable[str]) -> Item | None:
    """The item with what is new; None when nothing is."""
    item: Item = there or {"last": None, "silences": [], "news": 0, "version": 0}
    last, silences, count = item["last"], list(item["silences"]), item["news"]
    for at in news:
        if last is not None:
            if at <= last:
                continue
            silence = int((moment(at) - moment(last)).total_seconds())
            silences += [silence] if silence >= A_SILENCE.total_seconds() else []
        last, count = at, min(count + 1, KNOWN_BY)
    if last == item["last"]:
        return None
    return {
        "last": last,
        "silences": silences[-SILENCES:],
        "news": count,
        "shown": False,
        "version": item["version"] + 1,
    }


def _listen(desk: Desk, whose: Account) -> None:
    """Whether an account that answers has had no news for longer than is its habit."""
    key: Key = tables.heard(whose.marketplace, whose.name)
    heard = desk.store.read([key]).get(key)
    if heard is None or heard["news"] < KNOWN_BY or heard["shown"]:
        return
    longest = timedelta(seconds=max(heard["silences"], default=0))
    if desk.clock() - moment(heard["last"]) > max(SHORTEST, longest * 2):
        text = (
            f"{whose.marketplace}/{whose.name}: no news since {heard['last']}; "
            f"its longest silence so far was {_hours(longest)} hours"
        )
        cause = (whose.marketplace, whose.name)
        open_exception(desk.store, ACCOUNT_SILENT, cause, at=desk.now, message=text)
        try:
            # Once for each silence.
            desk.store.commit([Put(key, heard | {"shown": True, "version": heard["version"] + 1}, heard["version"])])
        except Conflict:
            # Another run has heard something meanwhile.
            desk.again(lambda: close_exception(desk.store, ACCOUNT_SILENT, cause, at=desk.now))


def _hours(time: timedelta) -> int:
    return round(time / timedelta(hours=1))
