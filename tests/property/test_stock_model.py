"""Shelves under several orders, products and lines, against plain sums.

The sums know nothing of reservations: what was counted in, what open lines ask for, what left, what
came back. Design: whatever a shelf shows, it must agree with them at every moment, and when everybody
who waits was served, it must not matter who came first.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hunar.domain.demand import Demand
from hunar.domain.stock import Applied, Stock, adjusted, applied_to, moves, owes_allocation, recounted

SKUS = {"STOLE": "G11", "HORSE": "G22"}
skus = st.sampled_from(sorted(SKUS))
orders = st.sampled_from(["S1", "S2", "S3", "S4"])
line_ids = st.sampled_from(["1", "2", "3"])

Wish = tuple[str, int, int, int]
"""SKU, units to hold, units gone, units back."""


class Shelves(RuleBasedStateMachine):
    """Orders take from the shelves one after another, each in one transaction, as the use case does it."""

    def __init__(self) -> None:
        super().__init__()
        self.stocks = {sku: Stock(sku, group) for sku, group in SKUS.items()}
        self.applied: dict[str, dict[str, Applied]] = {}
        self.wishes: dict[str, dict[str, Wish]] = {}
        self.counted_in = dict.fromkeys(SKUS, 0)
        self.queue: dict[str, list[tuple[str, str]]] = {sku: [] for sku in SKUS}

    @initialize(stole=st.integers(0, 8), horse=st.integers(0, 8))
    def first_count(self, stole: int, horse: int) -> None:
        self.count("STOLE", stole)
        self.count("HORSE", horse)

    # what persons do

    @rule(sku=skus, units=st.integers(-6, 8))
    def count(self, sku: str, units: int) -> None:
        before = replace(self.stocks[sku], buffer=abs(units))
        self.counted_in[sku] += units
        self.stocks[sku] = after = adjusted(before, units)
        assert (after.reserved, after.short, after.buffer) == (before.reserved, before.short, before.buffer)

    @rule(sku=skus, found=st.integers(0, 12), unseen=st.integers(0, 4))
    def recount(self, sku: str, found: int, unseen: int) -> None:
        """The shelf shows what was found and what is promised at least; what came while she counted is not lost."""
        difference = recounted(self.stocks[sku], found)
        self.count(sku, unseen)
        self.count(sku, difference)
        after = self.stocks[sku]
        assert after.on_hand == max(found + unseen, after.reserved)
        assert after.uncounted == max(after.reserved - found - unseen, 0)

    # what orders ask

    @rule(order=orders, lines=st.dictionaries(line_ids, st.tuples(skus, st.integers(0, 5)), max_size=3))
    def sells(self, order: str, lines: dict[str, tuple[str, int]]) -> None:
        """New lines, other numbers of units, or another product after a person corrected it."""
        self.wish(order, {line: (sku, units, 0, 0) for line, (sku, units) in lines.items()})

    @rule(order=orders, cancelled=st.integers(0, 2))
    def leaves(self, order: str, cancelled: int) -> None:
        """A whole order goes, perhaps with a cancellation that is heard of at the same time."""
        went = {
            line: (sku, max(hold + gone - cancelled, 0), back)
            for line, (sku, hold, gone, back) in self.wishes.get(order, {}).items()
        }
        self.wish(order, {line: (sku, 0, units, min(back, units)) for line, (sku, units, back) in went.items()})

    @rule(order=orders)
    def had_not_left_after_all(self, order: str) -> None:
        """The step that said so was voided."""
        lines = self.wishes.get(order, {}).items()
        self.wish(order, {line: (sku, hold + gone, 0, 0) for line, (sku, hold, gone, _) in lines})

    @rule(order=orders, units=st.integers(0, 5))
    def comes_back(self, order: str, units: int) -> None:
        """An inspection, or the correction of one: any number of units up to those that left."""
        lines = self.wishes.get(order, {}).items()
        self.wish(order, {line: (sku, hold, gone, min(units, gone)) for line, (sku, hold, gone, _) in lines})

    @rule(order=orders, line=line_ids)
    def the_line_was_no_line(self, order: str, line: str) -> None:
        """Its announcement was voided: all that it had is given back. Of another line nothing changes."""
        if line in self.wishes.get(order, {}):
            self.wish(order, {line: (self.wishes[order][line][0], 0, 0, 0)})
        elif order in self.wishes:
            before = dict(self.stocks), dict(self.applied[order])
            self.wish(order, {})
            assert before == (self.stocks, self.applied[order])

    @rule(sku=skus)
    def the_oldest_is_served(self, sku: str) -> None:
        if not owes_allocation(self.stocks[sku]):
            assert not (self.stocks[sku].available and self.stocks[sku].short)
            return
        order, _ = self.queue[sku][0]
        before, free = self.applied[order], self.stocks[sku].available
        self.take(order, sku)
        missing = sum(line.short for line in before.values() if line.sku == sku)
        after = self.applied[order]
        served = {name: after[name].reserved - line.reserved for name, line in before.items()}
        assert sum(served.values()) == min(missing, free) > 0
        assert all(units >= 0 for units in served.values())

    def wish(self, order: str, changed: dict[str, Wish]) -> None:
        kept = self.wishes.setdefault(order, {})
        kept |= changed
        self.take(order)

    def take(self, order: str, serve: str | None = None) -> None:
        """As the use case calls it: what a line has of a product that it is no more is given back beside it."""
        wishes = self.wishes[order]
        taken = {}
        for name, line in self.applied.get(order, {}).items():
            line_id = name.split(" ")[0]
            taken[line_id if wishes[line_id][0] == line.sku else f"{line_id} {line.sku}"] = line
        taken |= {line_id: Applied(wish[0]) for line_id, wish in wishes.items() if line_id not in taken}
        demands = {
            name: Demand(line.sku, SKUS[line.sku], *(wishes[name][1:] if name in wishes else (0, 0, 0)))
            for name, line in taken.items()
        }
        before = dict(self.stocks)
        after, applied = applied_to(before, taken, demands, serve)
        assert before == self.stocks, "what was read was changed in place"
        self.stocks = dict(after)
        for name, line in applied.items():
            had, want = taken[name], demands[name]
            # Whatever the shelf had, the line is met: held or short, gone, and back.
            assert (line.reserved + line.short, line.consumed, line.restocked) == (want.hold, want.gone, want.back)
            # What was promised stays promised as long as it is asked for.
            assert line.reserved >= min(had.reserved, want.hold)
            if line.short > had.short:
                assert not after[want.sku].available or before[want.sku].short
            if line.reserved > had.reserved and want.sku != serve:
                # Nobody jumps the queue: no line of another order waited.
                own = sum(other.short for other in taken.values() if other.sku == want.sku)
                assert before[want.sku].short == own
            told = moves(had, line)
            assert bool(told) == (replace(line, since=None) != replace(had, since=None))
        self.applied[order] = {n: line for n, line in applied.items() if n in wishes}
        for name, line in applied.items():
            line_id, waits = name.split(" ")[0], self.queue[line.sku]
            if line.short and (order, line_id) not in waits:
                waits.append((order, line_id))
            if not line.short and (order, line_id) in waits:
                waits.remove((order, line_id))

    # what is true at every moment

    @invariant()
    def shelves_agree_with_the_orders_and_with_plain_sums(self) -> None:
        for sku, stock in self.stocks.items():
            lines = [line for lines in self.applied.values() for line in lines.values() if line.sku == sku]
            assert stock.on_hand == stock.available + stock.reserved
            assert min(stock.on_hand, stock.available, stock.reserved, stock.short, stock.uncounted, stock.buffer) >= 0
            assert not (stock.available and stock.uncounted)
            assert stock.reserved == sum(line.reserved for line in lines)
            assert stock.short == sum(line.short for line in lines)
            assert stock.available - stock.short - stock.uncounted == self.balance(sku)
            assert owes_allocation(stock) == (stock.available > 0 and stock.short > 0)

    def balance(self, sku: str) -> int:
        wishes = [wish for lines in self.wishes.values() for wish in lines.values() if wish[0] == sku]
        return self.counted_in[sku] - sum(hold + gone - back for _, hold, gone, back in wishes)

    def teardown(self) -> None:
        self.serve_all()
        ended = {sku: (stock.available, stock.short + stock.uncounted) for sku, stock in self.stocks.items()}
        assert ended == {sku: (max(self.balance(sku), 0), max(-self.balance(sku), 0)) for sku in SKUS}
        draw = random.Random(len(self.wishes))
        for _ in range(3):
            assert self.played_in_another_order(draw) == ended

    def serve_all(self) -> None:
        for sku in SKUS:
            for _ in itertools.repeat(None, 30):
                if not owes_allocation(self.stocks[sku]):
                    break
                self.the_oldest_is_served(sku)
            assert not owes_allocation(self.stocks[sku]), "everybody was asked and there are still free units"

    def played_in_another_order(self, draw: random.Random) -> dict[str, tuple[int, int]]:
        other = Shelves()
        acts: list[tuple[str, str, int]] = [("order", order, 0) for order in self.wishes]
        for sku, units in self.counted_in.items():
            part = draw.randint(-3, 3)
            acts += [("count", sku, part), ("count", sku, units - part)]
        draw.shuffle(acts)
        for act, named, units in acts:
            if act == "count":
                other.count(named, units)
            else:
                for line, wish in draw.sample(sorted(self.wishes[named].items()), len(self.wishes[named])):
                    other.wish(named, {line: wish})
            other.shelves_agree_with_the_orders_and_with_plain_sums()
        other.serve_all()
        return {sku: (stock.available, stock.short + stock.uncounted) for sku, stock in other.stocks.items()}


@given(
    free=st.integers(-4, 6),
    others=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    line=st.tuples(*[st.integers(0, 4)] * 3, st.integers(0, 3)),
    want=st.tuples(*[st.integers(0, 5)] * 3),
    serve=st.booleans(),
)
def test_one_line_moves_as_if_its_units_were_carried_one_by_one(
    free: int, others: tuple[int, int], line: tuple[int, int, int, int], want: tuple[int, int, int], serve: bool
) -> None:
    """``free`` below 0 are units that left uncounted."""
    reserved, short, consumed, restocked = line
    hold, gone, back = want
    available, uncounted = max(free, 0), max(-free, 0)
    shelf = Stock("STOLE", "G11", available + others[0] + reserved, available, others[0] + reserved, 2,
                  others[1] + short, uncounted)  # fmt: skip
    taken = Applied("STOLE", reserved, short, consumed, restocked)
    # The name as a message brings it: equal to that of the shelf, and not the same text.
    named = "-STOLE"[1:] if serve else None
    after, applied = applied_to({"STOLE": shelf}, {"1": taken}, {"1": Demand("STOLE", "G11", hold, gone, back)}, named)

    def comes(units: int) -> None:
        nonlocal free
        free += max(units, 0)

    def goes(units: int) -> None:
        nonlocal free
        free -= max(units, 0)

    comes(consumed - gone)
    comes(back - restocked)
    too_many = reserved + short - hold - max(gone - consumed, 0)
    while too_many > 0 and short:
        short, too_many = short - 1, too_many - 1
    while too_many > 0 and reserved:
        reserved, too_many = reserved - 1, too_many - 1
        comes(1)
    goes(restocked - back)
    for _ in range(consumed, gone):
        short = 0
        if reserved:
            reserved -= 1
        else:
            goes(1)
    while serve and short and free > 0:
        reserved, short = reserved + 1, short - 1
        goes(1)
    somebody_waits = bool(others[1] + short)
    while reserved + short < hold:
        if free > 0 and not somebody_waits:
            reserved += 1
            goes(1)
        else:
            short += 1
    assert applied == {"1": Applied("STOLE", reserved, short, gone, back)}
    available, uncounted = max(free, 0), max(-free, 0)
    assert after["STOLE"] == Stock("STOLE", "G11", available + others[0] + reserved, available, others[0] + reserved, 2,
                                   others[1] + short, uncounted)  # fmt: skip


TestShelves = Shelves.TestCase
TestShelves.settings = settings(stateful_step_count=30)
