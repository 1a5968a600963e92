"""What goes wrong, where, and how often."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

Weather = Mapping[str, float]
"""How often each event comes, per point at which it can come; what is not named never comes."""

SWITCH: Final = "switch"
"""Another worker goes on. No fault: it still happens after the faults have stopped."""
CRASH: Final = "crash"
"""The worker is gone. What it had done stands, what it meant to do was not done."""
CONFLICT: Final = "conflict"
"""The write did nothing, because another one was under way."""
LATE: Final = "late"
"""The caller gave up on a write that was still on its way; it arrives when it likes."""
THROTTLED: Final = "throttled"
LOST: Final = "answer lost"
REPEATED: Final = "repeated"
HALF_TAKEN: Final = "half taken"
"""How one call fails: ``hunar.adapters.memory.Fault``."""

AT: Final[Mapping[str, tuple[str, ...]]] = {
    # where another worker can act
    "before": (SWITCH, CRASH),
    "in flight": (SWITCH, CRASH),
    "after": (SWITCH, CRASH),
    "write": (CONFLICT, LATE),
    # how a call fails
    "BatchGetItem": (THROTTLED,),
    "Query": (THROTTLED,),
    "Scan": (THROTTLED,),
    "PutItem": (THROTTLED, LOST, REPEATED),
    "DeleteItem": (THROTTLED, LOST, REPEATED),
    "TransactWriteItems": (THROTTLED, LOST),
    "SendMessage": (THROTTLED, LOST, REPEATED),
    "SendMessageBatch": (THROTTLED, LOST, REPEATED, HALF_TAKEN),
    "SendTextMessage": ("busy", "refused", "no text", "no answer, text went", "takes none", "hangs"),
    # what the provider says later of a text that it took: all in order and at once when nothing happens
    "receipt": ("silence", "only sent", "failed", "early", "hours late", "out of order", "twice", "contradiction"),
    # a message on its way through a queue, a batch on its way out of a stream, the clock while people work
    "queued": ("a little later", "later", "much later"),
    "received": ("by two",),
    "done": ("not deleted",),
    "relayed": ("relayed again",),
    "clock": ("time passes", "much time passes", "something comes in"),
    # how a call of a marketplace's API goes, and a schedule
    "asking": ("429", "500", "no answer", "a page of words", "a token is over", "slow", "an old copy"),
    "telling": ("429", "500", "no answer", "a page of words", "a token is over", "slow", "told, and no answer"),
    "begun": ("begun twice",),
    # an invocation has less time than others
    "invoked": ("time runs out",),
}
"""The points at which something can happen, and what. The first event has the number 1."""

WITH_PHONES: Final = {
    SWITCH: 0.7,
    CRASH: 0.05,
    CONFLICT: 0.15,
    LATE: 0.05,
    THROTTLED: 0.04,
    LOST: 0.06,
    REPEATED: 0.1,
    HALF_TAKEN: 0.2,
    "busy": 0.2,
    "refused": 0.03,
    "no text": 0.05,
    "no answer, text went": 0.05,
    "a little later": 0.3,
    "later": 0.2,
    "much later": 0.05,
    "by two": 0.3,
    "not deleted": 0.3,
    "relayed again": 0.3,
    "time passes": 0.1,
    "much time passes": 0.03,
    "something comes in": 0.2,
}


_OF_PHONES: Final = frozenset(AT["SendTextMessage"])
_OF_APIS: Final = {
    "429": 0.15,
    "500": 0.15,
    "no answer": 0.15,
    "a page of words": 0.25,
    "a token is over": 0.1,
    "slow": 0.1,
    "an old copy": 0.3,
    "told, and no answer": 0.15,
    "begun twice": 0.3,
}
WITH_APIS: Final = {event: most for event, most in WITH_PHONES.items() if event not in _OF_PHONES} | _OF_APIS
"""Where marketplaces are asked and told, every text goes: what becomes of those that do not is played elsewhere."""


WITH_RECEIPTS: Final = WITH_PHONES | {
    "no answer, text went": 0.15,
    "takes none": 0.2,
    "hangs": 0.1,
    "silence": 0.3,
    "only sent": 0.2,
    "failed": 0.3,
    "early": 0.3,
    "hours late": 0.2,
    "out of order": 0.2,
    "twice": 0.2,
    "contradiction": 0.2,
}
"""Where the provider says what became of a text, and has its bad days."""


WITH_MONEY: Final = {event: most for event, most in WITH_PHONES.items() if event not in _OF_PHONES}
"""Where books are kept, no text goes."""


WITH_BATCHES: Final = WITH_MONEY | {"time runs out": 0.5}
"""Where groups are paid, an invocation hands on what it has no time for."""


def drawn(draw: random.Random, events: Mapping[str, float] = WITH_PHONES) -> Weather:
    """The weather of one schedule. Each fault is often absent: one that always comes hides what others do."""
    found = {SWITCH: draw.random() * events[SWITCH]}
    if draw.random() < 0.1:
        return found
    for event, most in events.items():
        if event != SWITCH and draw.random() < 0.5:
            found[event] = draw.random() * most
    return found


def odds(weather: Weather) -> dict[str, list[float]]:
    """For ``Choices.weigh``, by point."""
    return {point: list(accumulate(weather.get(event, 0.0) for event in events)) for point, events in AT.items()}


def odds_after_the_storm(weather: Weather) -> dict[str, list[float]]:
    """No faults any more, also none that were written down; but workers still meet."""
    return {point: [weather.get(SWITCH, 0.0)] if SWITCH in events else [] for point, events in AT.items()}
