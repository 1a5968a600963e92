"""Messages come in any order and more than once: what is known afterwards is the same."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict

from hunar.domain.facts import Fact
from hunar.domain.order import read
from tests.marketplaces.case import Case
from tests.marketplaces.registered import every_marketplace

WAYS = 200


@every_marketplace
def test_the_facts_of_an_order_are_read_alike_in_every_order_and_repetition(case: Case) -> None:
    said: dict[str | None, dict[str, tuple[Fact, ...]]] = defaultdict(dict)
    for name, sample in case.samples.items():
        found = sample.reading()
        said[found.marketplace_id][name] = found.facts
    draw = random.Random(4)
    for messages in said.values():
        whole = read(fact for facts in messages.values() for fact in facts)
        names = list(messages)
        for _ in range(WAYS):
            # Each at least once, some again.
            way = draw.sample(names, len(names)) + draw.choices(names, k=2)
            draw.shuffle(way)
            assert read(fact for name in way for fact in messages[name]) == whole
        # Parts of a message that was cut in the middle of being applied.
        facts = [fact for message in messages.values() for fact in message]
        assert read(itertools.chain(reversed(facts), facts)) == whole
