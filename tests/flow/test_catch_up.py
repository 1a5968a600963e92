"""What no marketplace told us is found, whatever fails on the way, and within what the marketplace allows."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from hunar import tables
from hunar.adapters.memory import Fault
from hunar.domain.channel import Call, Rate
from hunar.domain.facts import instant, moment
from hunar.domain.identity import delivery_id
from hunar.messages import ORDER_EVENT, ApiAnswer
from hunar.ports import HttpAnswer, Put, QueueName, Rejected, Retryable
from hunar.tables import Item, Table
from hunar.use_cases.catch_up import FIRST_WINDOW, OVERLAP, Outcome, catch_up
from hunar.use_cases.worklist import close_exception
from tests.shop import DEMO, START, Market

EVERY = timedelta(minutes=5)
CURSOR = tables.cursor(*DEMO, "orders")


class Died(BaseException):
    """A run was stopped."""


def run(market: Market) -> Outcome:
    [kind] = catch_up(market.desk())
    return kind.outcome


def runs(market: Market, time: timedelta) -> list[Outcome]:
    """A run every five minutes for so long."""
    found = []
    until = market.time + time
    while market.time < until:
        market.time += EVERY
        found.append(run(market))
    return found


def found(market: Market) -> list[str]:
    """The ids of the orders that were fed in, taken from the queue, each time that they came."""
    return [
        json.loads(base64.b64decode(message.body_b64))["id"]
        for message in map(ORDER_EVENT.validate_json, (body for body, _ in market.queues.taken(QueueName.ORDER_EVENTS)))
        if isinstance(message, ApiAnswer)
    ]


def cursor(market: Market) -> Item:
    return market.store.read([CURSOR])[CURSOR]


def sell(market: Market, *numbers: int, at: datetime | None = None) -> None:
    for number in numbers:
        market.server.sell(f"S{number}", at or market.time)


# what is found


def test_what_changed_is_fed_in_once_it_is_old_enough_to_be_in_the_marketplaces_lists() -> None:
    market = Market()
    assert run(market) is Outcome.CAUGHT_UP
    sell(market, 1, 2, 3)
    assert run(market) is Outcome.CAUGHT_UP
    assert found(market) == []
    market.later(seconds=121)
    assert run(market) is Outcome.CAUGHT_UP
    assert found(market) == ["S1", "S2", "S3"]
    assert cursor(market)["since"] == "2026-11-25T04:00:01Z"


def test_a_delivery_has_the_id_of_its_content_so_a_second_look_is_no_news() -> None:
    market = Market()
    sell(market, 1, at=START - timedelta(minutes=5))
    run(market)
    market.later(minutes=5)
    run(market)
    bodies = [json.loads(body) for body, _ in market.queues.taken(QueueName.ORDER_EVENTS)]
    assert len(bodies) == 2
    assert bodies[0]["delivery_id"] == bodies[1]["delivery_id"]
    raw = json.dumps(market.server.orders["S1"], sort_keys=True).encode()
    assert bodies[0]["delivery_id"] == delivery_id("shop", "demo", raw)


def test_windows_overlap_so_that_a_list_which_lags_behind_hides_nothing() -> None:
    market = Market()
    run(market)
    market.later(minutes=5)
    run(market)
    # It was changed eight minutes ago, and stands in the list only now.
    sell(market, 1, at=market.time - timedelta(minutes=8))
    market.later(minutes=2)
    run(market)
    assert found(market) == ["S1"]
    asked = [call.path for call in market.server.made("search")]
    assert asked[-1] == "/orders?since=2026-11-25T03:53:00Z&until=2026-11-25T04:05:00Z"
    assert timedelta(minutes=10) == OVERLAP


def test_how_long_ago_a_window_ends_is_a_setting_and_a_marketplace_that_needs_more_gets_more() -> None:
    market = Market()
    market.lag = timedelta(seconds=2)
    run(market)
    sell(market, 1)
    market.later(seconds=1)
    run(market)
    assert found(market) == []
    market.later(seconds=2)
    run(market)
    assert found(market) == ["S1"]
    market.channel.LEAST_LAG = timedelta(minutes=3)
    market.later(minutes=5)
    run(market)
    assert cursor(market)["since"] == instant(market.time - timedelta(minutes=3))


def test_a_new_account_is_asked_seven_days_back_in_windows_of_a_day() -> None:
    market = Market()
    sell(market, 1, at=START - FIRST_WINDOW)
    sell(market, 2, at=START - timedelta(days=8))
    assert run(market) is Outcome.CAUGHT_UP
    assert found(market) == ["S1"]
    assert len(market.server.calls) == 7


def test_a_month_without_any_push_and_without_a_run_is_caught_up() -> None:
    market = Market()
    run(market)
    for number in range(600):
        sell(market, number, at=START + timedelta(minutes=70 * number))
    market.later(days=31)
    outcomes = runs(market, timedelta(hours=20))
    assert set(found(market)) == {f"S{number}" for number in range(600)}
    assert outcomes[-1] is Outcome.CAUGHT_UP
    within_the_rate(market, 180, 20)


def test_a_thousand_orders_after_an_outage_take_as_long_as_the_rates_say() -> None:
    market = Market()
    run(market)
    market.server.calls.clear()
    market.later(hours=6)
    for number in range(1_000):
        sell(market, number, at=START + timedelta(seconds=20 * number))
    took, seen = timedelta(0), set(found(market))
    while len(seen) < 1_000:
        market.later(minutes=5)
        took += EVERY
        run(market)
        seen |= set(found(market))
    # 500 pages of two: twenty at once, then one in three minutes.
    least = timedelta(minutes=3) * (500 - 20)
    assert least <= took <= least * 1.1
    within_the_rate(market, 180, 20)


def within_the_rate(market: Market, every: int, burst: int) -> None:
    times = [at for at, call in market.server.calls if call.operation == "search"]
    for first, begin in enumerate(times):
        for last in range(first, min(len(times), first + 60)):
            assert last - first + 1 <= burst + (times[last] - begin).total_seconds() / every


# what may fail


def test_wherever_a_run_dies_the_next_ones_lose_no_page() -> None:
    died = 0
    for step in range(1, 80):
        market = Market()
        sell(market, *range(7), at=START - timedelta(hours=30))
        left = step

        def die(what: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died

        market.store.turn = market.queues.turn = die
        market.server.meanwhile = lambda call: die("a call")
        try:
            run(market)
        except Died:
            died += 1
        else:
            break
        market.store.turn = market.queues.turn = lambda what: None
        market.server.meanwhile = lambda call: None
        market.later(minutes=5)
        run(market)
        runs(market, timedelta(minutes=30))
        assert set(found(market)) == {f"S{number}" for number in range(7)}, step
        assert market.exceptions() == []
    assert died > 40


@pytest.mark.parametrize("seed", range(30))
def test_store_queue_and_marketplace_that_fail_at_random_lose_nothing(seed: int) -> None:
    dice = random.Random(seed)
    market = Market()

    def fault(call: str) -> Fault | None:
        return dice.choice(list(Fault)) if dice.random() < 0.08 else None

    def answer(call: Call) -> HttpAnswer | Exception | None:
        if dice.random() > 0.2:
            return None
        status = dice.choice([400, 401, 404, 429, 500, 503])
        bad: list[HttpAnswer | Exception] = [
            HttpAnswer(status, b""),
            HttpAnswer(200, b"<html>"),
            Retryable("no answer"),
        ]
        return dice.choice([*bad, Rejected("too large")])

    market.store.fault = market.queues.fault = fault
    market.server.faults = answer
    sold = 0
    seen: set[str] = set()
    for _ in range(300):
        for _ in range(dice.choice([0, 0, 0, 1, 3])):
            sell(market, sold)
            sold += 1
        market.later(seconds=300)
        try:
            run(market)
        except Retryable:
            continue
        finally:
            seen |= set(found(market))
    market.store.fault = market.queues.fault = lambda call: None
    market.server.faults = lambda call: None
    runs(market, timedelta(hours=12))
    seen |= set(found(market))
    assert seen == {f"S{number}" for number in range(sold)}
    assert market.exceptions() == []
    within_the_rate(market, 180, 20)


def test_a_queue_that_takes_nothing_moves_no_cursor() -> None:
    market = Market()
    sell(market, 1, at=START - timedelta(hours=1))
    market.queues.fault = lambda call: Fault.THROTTLED
    with pytest.raises(Retryable):
        run(market)
    market.queues.fault = lambda call: None
    run(market)
    assert "S1" in found(market)


def test_a_failing_run_that_is_stopped_anywhere_leaves_nothing_on_the_worklist_that_does_not_close() -> None:
    stopped = 0
    for place in range(1, 40):
        market = Market()
        run(market)
        market.later(minutes=5)
        market.server.faults = lambda call: HttpAnswer(200, b"<html>")
        left = place

        def stop(what: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died

        market.store.turn = stop
        try:
            run(market)
        except Died:
            stopped += 1
        market.store.turn = lambda what: None
        market.server.faults = lambda call: None
        runs(market, timedelta(hours=1))
        assert market.exceptions() == [], place
    assert stopped > 8


def test_two_runs_at_once_do_not_move_one_cursor_twice() -> None:
    market = Market()
    sell(market, *range(6), at=START - timedelta(hours=1))
    second: list[Outcome] = []

    def another(call: Call) -> None:
        if not second:
            second.append(Outcome.LEFT)
            second.append(run(market))

    market.server.meanwhile = another
    assert run(market) is Outcome.TAKEN
    assert second[-1] is Outcome.CAUGHT_UP
    assert set(found(market)) == {f"S{number}" for number in range(6)}


def test_a_marketplace_that_is_down_is_asked_ever_less_often_shown_after_an_hour_and_caught_up_afterwards() -> None:
    market = Market()
    run(market)
    market.server.calls.clear()
    market.server.faults = lambda call: HttpAnswer(503, b"")
    assert set(runs(market, timedelta(minutes=40))) == {Outcome.FAILED, Outcome.RESTS}
    assert market.exceptions() == []
    sell(market, 1)
    runs(market, timedelta(hours=11))
    assert len(market.server.calls) <= 18
    [(kind, message)] = market.exceptions()
    assert kind == "CATCH_UP_FAILED"
    assert message == "shop/demo orders since 2026-11-25T03:58:00Z: shop search: 503"
    market.server.faults = lambda call: None
    runs(market, timedelta(hours=1, minutes=5))
    assert found(market) == ["S1"]
    assert market.exceptions() == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (HttpAnswer(200, b"<html>Sale!</html>"), "not JSON"),
        (HttpAnswer(200, b'{"items": []}'), "orders: is missing"),
        (HttpAnswer(401, b""), "page 1: 401"),
        (HttpAnswer(302, b""), "page 1: 302"),
        (Rejected("shop search: the answer is larger than 4194304 bytes"), "larger than"),
        (Rejected("hunar/test/api/shop/demo is not in Secrets Manager"), "not in Secrets Manager"),
    ],
)
def test_what_waiting_does_not_mend_is_shown_at_once_and_closes_when_it_is_mended(
    fault: HttpAnswer | Exception, said: str
) -> None:
    market = Market()
    run(market)
    market.later(minutes=5)
    sell(market, 1)
    market.server.faults = lambda call: fault
    assert run(market) is Outcome.FAILED
    [(kind, message)] = market.exceptions()
    assert (kind, said in message) == ("CATCH_UP_FAILED", True)
    market.server.calls.clear()
    runs(market, timedelta(hours=12))
    assert len(market.server.calls) <= 16
    market.server.faults = lambda call: None
    runs(market, timedelta(hours=1, minutes=5))
    assert (found(market), market.exceptions()) == (["S1"], [])


def test_a_person_who_dealt_with_a_failure_is_not_told_the_same_again() -> None:
    market = Market()
    market.server.faults = lambda call: HttpAnswer(401, b"")
    run(market)
    close_exception(market.store, "CATCH_UP_FAILED", (*DEMO, "orders"), at=market.now)
    runs(market, timedelta(hours=3))
    assert market.exceptions() == []
    market.server.faults = lambda call: HttpAnswer(403, b"")
    runs(market, timedelta(hours=2))
    [(_, message)] = market.exceptions()
    assert message == "shop/demo orders since 2026-11-18T04:00:00Z: page 1: 403"


def in_place_of_page(number: int, fault: HttpAnswer | Exception) -> object:
    return lambda call: fault if f"page={number}" in call.path else None


def test_a_page_that_is_none_is_never_skipped() -> None:
    market = Market()
    sell(market, *range(7), at=START - timedelta(hours=1))
    market.server.faults = in_place_of_page(2, HttpAnswer(200, b"<html>"))  # type: ignore[assignment]
    runs(market, timedelta(hours=3))
    # The first two pages, again and again, and nothing behind the bad one.
    assert set(found(market)) == {"S0", "S1", "S2", "S3"}
    assert cursor(market)["since"] < "2026-11-25T03:00:00Z"
    market.server.faults = lambda call: None
    runs(market, timedelta(hours=1, minutes=5))
    assert set(found(market)) == {f"S{number}" for number in range(7)}
    assert market.exceptions() == []


def test_an_expired_page_token_begins_its_window_again_and_troubles_nobody() -> None:
    market = Market()
    sell(market, *range(7), at=START - timedelta(hours=1))
    expired = iter([HttpAnswer(400, b""), HttpAnswer(404, b"")])
    market.server.faults = lambda call: next(expired, None) if "page=2" in call.path else None
    runs(market, timedelta(minutes=30))
    assert set(found(market)) == {f"S{number}" for number in range(7)}
    assert market.exceptions() == []


def test_a_page_token_that_always_expires_is_shown() -> None:
    market = Market()
    sell(market, *range(7), at=START - timedelta(hours=1))
    market.server.faults = in_place_of_page(2, HttpAnswer(400, b""))  # type: ignore[assignment]
    runs(market, timedelta(hours=2))
    assert [message.rpartition(": ")[2] for _, message in market.exceptions()] == ["400"]


def test_pages_that_turn_in_a_circle_are_noticed_and_asked_again_slowly() -> None:
    market = Market()
    sell(market, *range(7), at=START - timedelta(hours=1))
    first = json.dumps({"orders": [], "next": "/orders?page=1"}).encode()
    second = json.dumps({"orders": [], "next": "/orders?page=2"}).encode()

    def turning(call: Call) -> HttpAnswer:
        return HttpAnswer(200, second if call.path.endswith("page=1") else first)

    market.server.faults = turning
    runs(market, timedelta(hours=12))
    assert len(market.server.calls) <= 17 * 3
    assert [message.rpartition(": ")[2] for _, message in market.exceptions()] == ["the pages turn in a circle"]
    market.server.faults = lambda call: None
    runs(market, timedelta(hours=1, minutes=5))
    assert set(found(market)) == {f"S{number}" for number in range(7)}


def test_pages_without_an_end_come_to_one() -> None:
    market = Market()
    numbers = iter(range(10**6))
    market.channel.RATES = {**market.channel.RATES, "search": market.channel.RATES["stock"]}

    def endless(call: Call) -> HttpAnswer:
        market.later(seconds=1)
        return HttpAnswer(200, json.dumps({"orders": [], "next": f"/orders?page={next(numbers)}"}).encode())

    market.server.faults = endless
    assert run(market) is Outcome.FAILED
    assert len(market.server.calls) == 1_000
    assert "more than 1000 pages" in market.exceptions()[0][1]


def test_a_run_ends_before_its_function_does_and_goes_on_with_the_next_page() -> None:
    market = Market()
    sell(market, *range(9), at=START - timedelta(hours=1))

    def slow(call: Call) -> None:
        market.left -= 20 if "page=" in call.path else 0

    market.server.meanwhile = slow
    assert run(market) is Outcome.LEFT
    assert market.server.calls[-1][1].path.endswith("page=2")
    market.left = 60
    assert run(market) is Outcome.CAUGHT_UP
    assert [call.path[-6:] for _, call in market.server.calls if "page=" in call.path] == [
        f"page={number}" for number in range(1, 5)
    ]
    assert found(market) == [f"S{number}" for number in range(9)]


def test_an_entry_that_is_none_is_shown_and_the_others_are_fed_in() -> None:
    market = Market()
    good = {"id": "S1", "at": "2026-11-25T03:00:00Z", "lines": {"1": 1}, "step": ""}
    huge = {"id": "S2", "at": "2026-11-25T03:00:00Z", "lines": {"1": 1}, "step": "x" * 200_000}
    answer = HttpAnswer(200, json.dumps({"orders": [7, good, huge]}).encode())
    market.server.faults = lambda call: answer
    run(market)
    assert set(found(market)) == {"S1"}
    said = sorted(market.exceptions())
    assert [kind for kind, _ in said] == ["UNREADABLE", "UNREADABLE"]
    assert said[0][1] == "shop/demo orders: S2: 200073 bytes are more than a delivery may have"
    assert said[1][1] == "shop/demo orders: orders.0: not an object"


def test_one_account_that_fails_does_not_hold_up_the_others() -> None:
    market = Market(DEMO, ("shop", "second"))
    sell(market, 1, at=START - timedelta(hours=1))
    call = market.server.call

    def half(marketplace: str, account: str, asked: Call) -> HttpAnswer:
        if account == "demo":
            raise Rejected("hunar/test/api/shop/demo is not in Secrets Manager")
        return call(marketplace, account, asked)

    market.server.call = half  # type: ignore[assignment,method-assign]
    outcomes = {kind.account: kind.outcome for kind in catch_up(market.desk())}
    assert outcomes == {"demo": Outcome.FAILED, "second": Outcome.CAUGHT_UP}
    assert found(market) == ["S1"]


def test_kinds_of_question_that_share_an_allowance_take_turns_and_short_waits_are_waited_out() -> None:
    market = Market()
    market.channel.SEARCHES = [f"kind{number}" for number in range(8)]
    market.channel.RATES = {**market.channel.RATES, "search": Rate(120_000, 3)}
    market.server.faults = lambda call: HttpAnswer(200, b'{"orders": []}')
    asked: set[str] = set()
    for _ in range(30):
        market.later(minutes=5)
        catch_up(market.desk())
        asked |= {call.path[1:6] for _, call in market.server.calls}
    assert asked == set(market.channel.SEARCHES)
    sinces = [item["since"] for item in market.items(Table.CHANNELS) if "since" in item]
    assert len(sinces) == 8
    assert max(sinces) < instant(moment(min(sinces)) + timedelta(days=2))
    # With a call a second all of them are caught up in one run.
    market.channel.RATES = {**market.channel.RATES, "search": Rate(1_000, 3)}
    market.later(hours=2)
    assert {kind.outcome for kind in catch_up(market.desk())} == {Outcome.CAUGHT_UP}


# silence


def habit(market: Market, pauses: Iterable[timedelta]) -> None:
    """News after each of the pauses, and a run each time."""
    for number, pause in enumerate(pauses):
        market.time += pause
        market.server.sell(f"H{number}", market.time - timedelta(minutes=3))
        run(market)
        market.queues.taken(QueueName.ORDER_EVENTS)


def days_of_silence(market: Market, most: int) -> int:
    """After how many days it is shown."""
    for day in range(1, most):
        runs_of_a_day(market)
        if market.exceptions():
            return day
    return most


def runs_of_a_day(market: Market) -> None:
    for _ in range(24):
        market.later(hours=1)
        run(market)


def test_a_busy_account_is_called_silent_after_a_day_once_until_news_come() -> None:
    market = Market()
    habit(market, [timedelta(minutes=20)] * 30)
    assert days_of_silence(market, 5) == 1
    [(kind, message)] = market.exceptions()
    assert kind == "ACCOUNT_SILENT"
    assert message == "shop/demo: no news since 2026-11-25T13:57:00Z; its longest silence so far was 0 hours"
    close_exception(market.store, "ACCOUNT_SILENT", DEMO, at=market.now)
    runs_of_a_day(market)
    assert market.exceptions() == []
    habit(market, [timedelta(hours=1)])
    assert days_of_silence(market, 9) < 9
    habit(market, [timedelta(hours=1)])
    assert market.exceptions() == []


def test_an_account_that_sells_once_a_week_may_be_silent_for_two() -> None:
    market = Market()
    habit(market, [timedelta(days=7)] * 6)
    assert days_of_silence(market, 30) == 14


def test_nobody_knows_the_habit_of_a_new_account() -> None:
    market = Market()
    habit(market, [timedelta(hours=1)] * 5)
    assert days_of_silence(market, 20) == 20


def test_an_account_that_cannot_be_asked_is_not_called_silent() -> None:
    market = Market()
    habit(market, [timedelta(hours=1)] * 10)
    market.server.faults = lambda call: HttpAnswer(401, b"")
    for _ in range(3):
        runs_of_a_day(market)
    assert [kind for kind, _ in market.exceptions()] == ["CATCH_UP_FAILED"]


def test_a_clock_that_is_ahead_does_not_hide_a_silence() -> None:
    market = Market()
    habit(market, [timedelta(hours=1)] * 10)
    ahead = {"id": "F", "at": "2031-01-01T00:00:00Z", "lines": {"1": 1}, "step": ""}
    market.server.faults = lambda call: HttpAnswer(200, json.dumps({"orders": [ahead]}).encode())
    market.later(minutes=5)
    run(market)
    market.server.faults = lambda call: None
    assert days_of_silence(market, 5) == 2


def test_a_run_that_hears_something_closes_what_another_is_just_opening() -> None:
    market = Market()
    habit(market, [timedelta(hours=1)] * 10)
    market.later(days=3)
    run(market)
    assert [kind for kind, _ in market.exceptions()] == ["ACCOUNT_SILENT"]
    key = tables.heard(*DEMO)
    heard = market.store.read([key])[key]
    assert heard["shown"] is True
    market.store.commit([Put(key, heard | {"shown": False})])
    turned = False

    def between(what: str) -> None:
        nonlocal turned
        if what == "before PutItem channels HEARD shop:demo" and not turned:
            turned = True
            habit(market, [timedelta(minutes=5)])

    market.store.turn = between
    run(market)
    assert turned
    assert market.exceptions() == []
