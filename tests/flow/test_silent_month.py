"""A month in which no message came and no marketplace answered: nothing is lost, and how long it takes is computed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hunar.domain.channel import Call, Rate
from hunar.domain.facts import instant
from hunar.marketplaces import amazon_api, flipkart_api
from hunar.marketplaces.body import written
from hunar.ports import QueueName
from hunar.tables import Table
from hunar.use_cases.asking import ENOUGH, Desk
from hunar.use_cases.catch_up import LONGEST_WINDOW, OVERLAP, Kind, Outcome
from tests import flipkart_answers
from tests.flipkart_messages import item
from tests.selling import LAG, SellingWorld
from tests.world import START

ORDERS = 1_000
MONTH = timedelta(days=30)
EVERY = timedelta(minutes=5)
TIMEOUT = 60.0
"""Seconds that a run has."""
STATUSES = ("APPROVED", "APPROVED", "PACKED", "CANCELLED")


class Agency(SellingWorld):
    """One that asks one marketplace alone, in runs that have a minute each."""

    def __init__(self, marketplace: str) -> None:
        self._began = START
        super().__init__(STOLE=5_000)
        self.marketplace = marketplace
        self._api_accounts = frozenset(whose for whose in self._api_accounts if whose[0] == marketplace)

    def asking_desk(self) -> Desk:
        return replace(super().asking_desk(), time_left=lambda: TIMEOUT - (self.time - self._began).total_seconds())

    def run(self) -> list[Kind]:
        """One look at the marketplace, and what it found is applied."""
        self._began = self.time
        ran = self.catch_up()
        self.work_off(QueueName.ORDER_EVENTS)
        return ran

    def known(self) -> set[str]:
        return {item["order_ref"].rpartition(":")[2] for item in self.items(Table.ORDERS) if "order_ref" in item}

    def calls(self, operation: str) -> list[tuple[datetime, Call]]:
        return [(at, call) for at, _, call in self.played.calls if call.operation == operation]

    def down(self, times: int) -> None:
        getattr(self.played, self.marketplace).faults.set({"operation": "*", "fault": "500", "times": times})

    def out_for_a_month(self) -> tuple[datetime, dict[str, datetime]]:
        """Orders come all the month, nothing tells of them, and a look a day is in vain. Returns since when nothing was
        asked, and when each order was changed."""
        self.caught_up()
        since, changed = self.time - LAG, {}
        begins, day = self.time, 0
        for number in range(ORDERS):
            self.time = begins + MONTH * (number + 1) / (ORDERS + 1)
            if self.time >= begins + timedelta(days=day + 1):
                day += 1
                self.down(100)
                assert all(kind.outcome is not Outcome.CAUGHT_UP for kind in self.run())
                self.down(0)
            changed[self._sell(number)] = self.time
        self.time = begins + MONTH
        assert self.known() == set()
        self.played.calls.clear()
        return since, changed

    def caught_up(self) -> timedelta:
        """A run every five minutes. Returns how long after the first one all was known."""
        begins = self.time
        while not all(kind.outcome is Outcome.CAUGHT_UP for kind in self.run()):
            self.time = begins + ((self.time - begins) // EVERY + 1) * EVERY
        return (self.time - begins) // EVERY * EVERY

    def _sell(self, number: int) -> str:
        if self.marketplace == "amazon":
            return self.sell_at_amazon(number, "STOLE")
        shipment, status = f"S{number}", STATUSES[number % len(STATUSES)]
        line = flipkart_answers.item(status=status) | item("STOLE", line_id=f"{number}") | {"status": status}
        line["cancellationReason"] = "buyer_changed_mind" if status == "CANCELLED" else None
        of = flipkart_answers.shipment(line, shipmentId=shipment, updatedAt=instant(self.time).replace("Z", "+00:00"))
        self.played.flipkart.put_shipment(shipment, json.loads(written(of)), self.time)
        return shipment


def windows(since: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """What is asked for, a day at a time and a little more, from where it was left until the last run."""
    days = math.ceil((last - LAG - since) / LONGEST_WINDOW)
    begins = [since + LONGEST_WINDOW * day for day in range(days)]
    return [(begin - OVERLAP, min(begin + LONGEST_WINDOW, last - LAG)) for begin in begins]


def pages(asked: Sequence[tuple[datetime, datetime]], changed: Iterable[datetime], size: int) -> int:
    """Pages of one kind of question. A window in which nothing changed has one, too."""
    times = list(changed)
    found = (sum(begin <= at <= end for at in times) for begin, end in asked)
    return sum(max(1, math.ceil(count / size)) for count in found)


def within(rate: Rate, calls: Sequence[tuple[datetime, Call]]) -> bool:
    times = [at for at, _ in calls]
    return all(
        last - first + 1 <= rate.burst + (times[last] - times[first]) / timedelta(milliseconds=rate.every_ms)
        for first in range(len(times))
        for last in range(first, len(times))
    )


def test_a_thousand_flipkart_shipments_after_a_month_without_push_and_api() -> None:
    """Of each kind of question the pages of all days, 20 shipments on one. A run asks as long as 35 of its 60 seconds
    are left: as many calls as the bucket holds, and one for each second more. So

        runs = pages / (5 + 25), rounded up, and the last one begins (runs - 1) × 5 minutes after the first.
    """
    agency = Agency("flipkart")
    since, changed = agency.out_for_a_month()
    begins = agency.time
    took = agency.caught_up()
    assert agency.known() == set(changed)

    asked = windows(since, begins + took)
    sold, cancelled = (
        [at for name, at in changed.items() if (STATUSES[int(name[1:]) % len(STATUSES)] == "CANCELLED") is gone]
        for gone in (False, True)
    )
    full = pages(asked, sold, flipkart_api.PAGE_SIZE) + pages(asked, cancelled, flipkart_api.PAGE_SIZE)
    empty = len(asked) * (len(flipkart_api.SEARCHES) - 2)
    shipments, returns = (agency.calls(name) for name in (flipkart_api.SEARCH_SHIPMENTS, flipkart_api.SEARCH_RETURNS))
    assert len(shipments) + len(returns) == full + empty

    rate = flipkart_api.RATES[flipkart_api.SEARCH_SHIPMENTS]
    assert rate == flipkart_api.RATES[flipkart_api.SEARCH_RETURNS]
    a_run = rate.burst + int((TIMEOUT - ENOUGH) * 1000 / rate.every_ms)
    assert took == (math.ceil((full + empty) / a_run) - 1) * EVERY
    assert within(rate, shipments)
    assert within(rate, returns)


def test_a_thousand_amazon_orders_after_a_month_without_push_and_api() -> None:
    """A page of 100 holds a day, and a page may be asked for once in three minutes when twenty are asked. So

    time = (pages - 20) × 178.572 s, rounded up to a run.
    """
    agency = Agency("amazon")
    since, changed = agency.out_for_a_month()
    begins = agency.time
    took = agency.caught_up()
    assert agency.known() == set(changed)

    calls, rate = agency.calls("searchOrders"), amazon_api.RATES["searchOrders"]
    needed = pages(windows(since, begins + took), changed.values(), amazon_api.PAGE)
    assert len(calls) == needed
    assert took == math.ceil(timedelta(milliseconds=rate.every_ms) * (needed - rate.burst) / EVERY) * EVERY
    assert within(rate, calls)
    assert agency.played.refused == []
