"""What one channel sold, the others stop selling: the number that a channel was told last is the number that holds."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.domain.channel import Call
from hunar.messages import PublishStock
from hunar.ports import HttpAnswer, Put, QueueName, Rejected, Retryable
from hunar.tables import Item
from hunar.use_cases.publish import LEASE, Outcome, publish, publish_all
from tests.shop import DEMO, Market

FEED = QueueName.STOCK_FEED


class Died(BaseException):
    """A worker was stopped."""


@pytest.fixture
def market() -> Market:
    made = Market()
    made.listing("STOLE-1", "STOLE")
    made.shelf("STOLE", 5)
    return made


def tell(market: Market, sku: str = "STOLE", **said: Any) -> Outcome:
    return publish(market.desk(), PublishStock(sku=sku, **said))


def told(market: Market, listing: str = "STOLE-1", sku: str = "STOLE") -> Item:
    key = tables.told(sku, *DEMO, listing)
    return market.store.read([key])[key]


def work(market: Market, until: timedelta) -> list[Outcome]:
    """Work off the queue for so long."""
    return [
        publish(market.desk(), PublishStock.model_validate_json(body))
        for body in market.waiting(FEED, market.time + until)
    ]


def numbers(market: Market) -> list[int]:
    """What the channel was told of the listing, in that order."""
    return [json.loads(call.body or "")["STOLE-1"] for call in market.server.made("stock")]


# the number


def test_a_channel_is_told_what_is_free_without_the_buffer(market: Market) -> None:
    market.shelf("STOLE", 5, buffer=2)
    assert tell(market) is Outcome.TOLD
    assert market.server.stock == {"STOLE-1": 3}
    assert (told(market)["quantity"], told(market)["verdict"], told(market)["stock_version"]) == (3, "taken", 2)
    market.shelf("STOLE", 1, buffer=2)
    tell(market)
    assert market.server.stock == {"STOLE-1": 0}


def test_what_a_channel_knows_already_is_not_told_again(market: Market) -> None:
    tell(market)
    assert [tell(market) for _ in range(3)] == [Outcome.UNCHANGED] * 3
    assert numbers(market) == [5]
    assert market.taken(FEED) == []


def test_the_shelf_that_changed_while_the_channel_was_told_is_told_too(market: Market) -> None:
    left = iter([4, 2])

    def sold(call: Call) -> None:
        if (now := next(left, None)) is not None:
            market.shelf("STOLE", now)

    market.server.meanwhile = sold
    assert tell(market) is Outcome.TOLD
    assert numbers(market) == [5, 4, 2]


def test_a_shelf_that_never_stands_still_leaves_the_rest_to_another_message(market: Market) -> None:
    units = iter(range(100, 0, -1))
    market.server.meanwhile = lambda call: market.shelf("STOLE", next(units))
    assert tell(market) is Outcome.AGAIN
    market.server.meanwhile = lambda call: None
    work(market, timedelta(minutes=1))
    assert (
        market.server.stock["STOLE-1"] == market.store.read([tables.stock("STOLE")])[tables.stock("STOLE")]["available"]
    )


def test_a_worker_that_is_overtaken_does_not_leave_the_older_number(market: Market) -> None:
    second: list[Outcome] = []

    def another_order(call: Call) -> None:
        if not second:
            market.shelf("STOLE", 4)
            second.append(tell(market))

    market.server.meanwhile = another_order
    tell(market)
    assert second == [Outcome.AGAIN]
    assert market.server.stock == {"STOLE-1": 4}
    assert work(market, timedelta(minutes=1)) == [Outcome.UNCHANGED]


def test_a_worker_that_died_on_its_way_leaves_nobody_sure_even_of_the_same_number(market: Market) -> None:
    tell(market)
    market.shelf("STOLE", 4)
    _die_after(market, "stock")
    with pytest.raises(Died):
        tell(market)
    assert market.server.stock == {"STOLE-1": 4}
    # The unit comes back, and what is noted says that the channel knows 5.
    market.shelf("STOLE", 5)
    assert told(market)["quantity"] == 5
    assert tell(market) is Outcome.AGAIN
    assert work(market, LEASE - timedelta(seconds=6)) == [Outcome.AGAIN] * 16
    assert market.server.stock == {"STOLE-1": 4}
    assert Outcome.TOLD in work(market, timedelta(seconds=20))
    assert market.server.stock == {"STOLE-1": 5}


def _die_after(market: Market, operation: str) -> None:
    call = market.server.call

    def dying(marketplace: str, account: str, asked: Call) -> HttpAnswer:
        answer = call(marketplace, account, asked)
        if asked.operation == operation:
            market.server.call = call  # type: ignore[method-assign]
            raise Died
        return answer

    market.server.call = dying  # type: ignore[assignment,method-assign]


def test_wherever_a_worker_dies_its_message_ends_with_the_number_that_holds() -> None:
    crashed = 0
    for moment in range(1, 60):
        market = Market()
        market.listing("STOLE-1", "STOLE")
        market.listing("STOLE-2", "STOLE")
        market.listing("STOLE-3", "STOLE")
        market.server.refused = {"STOLE-3"}
        market.shelf("STOLE", 5)
        left = moment

        def die(what: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died

        market.store.turn = market.queues.turn = die
        market.server.meanwhile = lambda call: die("a call")
        try:
            tell(market)
            died = False
        except Died:
            died = True
        crashed += died
        market.store.turn = market.queues.turn = lambda what: None
        market.server.meanwhile = lambda call: None
        if died:
            # The queue brings it again.
            market.later(seconds=360)
            tell(market)
        work(market, timedelta(minutes=5))
        assert market.server.stock == {"STOLE-1": 5, "STOLE-2": 5}, moment
        assert [told(market, f"STOLE-{n}")["verdict"] for n in (1, 2, 3)] == ["taken", "taken", "refused"], moment
        assert [kind for kind, _ in market.exceptions()] == ["STOCK_REFUSED"], moment
        if not died:
            break
    assert crashed > 20


def test_a_refusal_that_was_shown_by_a_worker_who_died_closes_when_the_channel_takes_a_number() -> None:
    stopped = 0
    for place in range(1, 60):
        market = Market()
        market.listing("STOLE-1", "STOLE")
        market.shelf("STOLE", 5)
        tell(market)
        market.shelf("STOLE", 4)
        market.server.refused = {"STOLE-1"}
        left = place

        def stop(what: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died

        market.store.turn = stop
        try:
            tell(market)
        except Died:
            stopped += 1
        market.store.turn = lambda what: None
        market.server.refused = set()
        market.later(seconds=360)
        market.shelf("STOLE", 3)
        tell(market)
        assert market.server.stock == {"STOLE-1": 3}, place
        assert market.exceptions() == [], place
    assert stopped > 10


def test_nothing_is_told_of_a_shelf_that_nobody_counted(market: Market) -> None:
    market.listing("MAT-1", "MAT")
    assert tell(market, "MAT") is Outcome.UNCOUNTED
    assert market.server.calls == []


# whom


def test_every_listing_of_every_account_is_told_in_calls_of_a_few() -> None:
    market = Market(DEMO, ("shop", "second"))
    for number in range(3):
        market.listing(f"A{number}", "STOLE")
    market.listing("B", "STOLE", "second")
    market.listing("C", "OTHER")
    market.listing("D", "STOLE", "without-an-api")
    market.shelf("STOLE", 7)
    assert tell(market) is Outcome.TOLD
    assert market.server.stock == {"A0": 7, "A1": 7, "A2": 7, "B": 7}
    assert [len(json.loads(call.body or "")) for call in market.server.made("stock")] == [2, 1, 1]


def test_a_listing_is_told_by_the_mapping_of_today(market: Market) -> None:
    market.listing("STOLE-1", "MAT", since="2026-11-26")
    market.shelf("MAT", 9)
    assert tell(market, "MAT") is Outcome.UNCHANGED
    tell(market)
    market.later(days=1)
    assert tell(market) is Outcome.UNCHANGED
    tell(market, "MAT")
    assert market.server.stock == {"STOLE-1": 9}
    # And back: the channel was told of this product's 5 before, and shows the other's 9.
    market.listing("STOLE-1", "STOLE", since="2026-11-27")
    market.later(days=1)
    assert tell(market) is Outcome.TOLD
    assert market.server.stock == {"STOLE-1": 5}


def test_a_channel_that_a_person_paused_is_left_alone(market: Market) -> None:
    market.store.commit([Put(tables.pause(*DEMO), {"by": "farzana", "version": 1})])
    assert tell(market) is Outcome.UNCHANGED
    market.store.commit([Put(tables.pause(*DEMO), None)])
    assert tell(market) is Outcome.TOLD


def test_a_listing_without_what_the_call_needs_is_shown_until_it_has_it(market: Market) -> None:
    market.listing("BARE", "STOLE", product_id="")
    tell(market)
    assert market.server.stock == {"STOLE-1": 5}
    assert market.exceptions() == [("NOT_PUBLISHABLE", "shop/demo BARE: product_id: BARE has none")]
    assert tell(market) is Outcome.UNCHANGED
    market.listing("BARE", "STOLE")
    assert tell(market) is Outcome.TOLD
    assert market.server.stock == {"STOLE-1": 5, "BARE": 5}
    assert market.exceptions() == []


# what a channel may answer


def test_a_refused_number_is_shown_not_repeated_and_closes_when_one_is_taken(market: Market) -> None:
    market.listing("STOLE-2", "STOLE")
    market.server.refused = {"STOLE-1"}
    assert tell(market) is Outcome.TOLD
    assert market.exceptions() == [("STOCK_REFUSED", "shop/demo STOLE-1: 5 refused: no")]
    assert market.server.stock == {"STOLE-2": 5}
    assert tell(market) is Outcome.UNCHANGED
    market.server.refused = set()
    market.shelf("STOLE", 4)
    tell(market)
    assert market.exceptions() == []
    assert market.server.stock == {"STOLE-1": 4, "STOLE-2": 4}


def test_a_listing_that_is_not_there_is_a_refused_number(market: Market) -> None:
    market.server.faults = lambda call: HttpAnswer(404, b"")
    tell(market)
    assert market.exceptions() == [("STOCK_REFUSED", "shop/demo STOLE-1: 5 refused: the answer was 404")]


@pytest.mark.parametrize(
    "fault",
    [HttpAnswer(503, b""), HttpAnswer(429, b"", 3), HttpAnswer(500, b"<html>"), Retryable("shop stock: TimeoutError")],
)
def test_a_channel_that_is_down_is_told_for_ever_and_never_in_a_hot_loop(
    market: Market, fault: HttpAnswer | Exception
) -> None:
    market.server.faults = lambda call: fault
    assert tell(market) is Outcome.AGAIN
    assert set(work(market, timedelta(hours=1))) == {Outcome.AGAIN}
    assert market.exceptions() == []
    assert len(market.server.calls) <= 11
    market.shelf("STOLE", 3)
    work(market, timedelta(hours=2))
    assert len(market.server.calls) <= 19
    [(kind, message)] = market.exceptions()
    assert kind == "STOCK_REFUSED"
    assert message.startswith("shop/demo STOLE-1: not told since 2026-11-25T04:00:00Z: ")
    market.server.faults = lambda call: None
    work(market, timedelta(minutes=16))
    assert market.server.stock == {"STOLE-1": 3}
    assert market.exceptions() == []
    assert market.taken(FEED) == []


def test_an_account_that_fails_a_while_after_another_is_not_forgotten() -> None:
    """The first one's message comes too early for the second."""
    market = Market(DEMO, ("shop", "second"))
    market.listing("STOLE-1", "STOLE")
    market.listing("STOLE-2", "STOLE", "second")
    market.shelf("STOLE", 5)

    def down(call: Call) -> HttpAnswer:
        market.later(seconds=10)
        return HttpAnswer(503, b"")

    market.server.faults = down
    assert tell(market) is Outcome.AGAIN
    assert [delay for _, delay in market.taken(FEED)] == [15, 15]


def test_more_news_of_a_product_do_not_ask_a_channel_more_often_that_is_down(market: Market) -> None:
    market.server.faults = lambda call: HttpAnswer(503, b"")
    tell(market)
    work(market, timedelta(minutes=30))
    before = len(market.server.calls)
    for units in range(50):
        market.shelf("STOLE", units)
        tell(market)
    assert len(market.server.calls) == before
    market.server.faults = lambda call: None
    work(market, timedelta(minutes=16))
    assert market.server.stock == {"STOLE-1": 49}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (HttpAnswer(200, b"<html>Sale!</html>"), "not JSON"),
        (HttpAnswer(401, b""), "401, the credentials are refused"),
        (Rejected("shop stock: the answer is larger than 4194304 bytes"), "larger than"),
        (Rejected("hunar/test/api/shop/demo is not in Secrets Manager"), "not in Secrets Manager"),
    ],
)
def test_what_waiting_does_not_mend_is_shown_at_once_and_told_again_slowly(
    market: Market, fault: HttpAnswer | Exception, said: str
) -> None:
    market.server.faults = lambda call: fault
    tell(market)
    [(kind, message)] = market.exceptions()
    assert kind == "STOCK_REFUSED"
    assert said in message
    work(market, timedelta(hours=2))
    assert len(market.server.calls) <= 16
    market.server.faults = lambda call: None
    work(market, timedelta(minutes=16))
    assert (market.server.stock, market.exceptions()) == ({"STOLE-1": 5}, [])


def test_an_answer_that_forgets_a_listing_is_asked_again(market: Market) -> None:
    market.server.faults = lambda call: HttpAnswer(200, b"{}")
    assert tell(market) is Outcome.AGAIN
    market.server.faults = lambda call: None
    assert work(market, timedelta(seconds=20)) == [Outcome.TOLD]


def test_an_answer_that_was_lost_is_asked_for_again(market: Market) -> None:
    market.server.lost = True
    assert tell(market) is Outcome.AGAIN
    market.server.lost = False
    market.shelf("STOLE", 4)
    work(market, timedelta(minutes=1))
    assert market.server.stock == {"STOLE-1": 4}


# within the rates, and within the function's time


def test_a_rush_waits_for_its_turn_and_loses_nothing() -> None:
    market = Market()
    for number in range(60):
        market.listing(f"L{number}", f"SKU{number}")
        market.shelf(f"SKU{number}", number)
    for number in range(60):
        tell(market, f"SKU{number}")
    assert len(market.server.calls) == 5
    work(market, timedelta(minutes=5))
    assert market.server.stock == {f"L{number}": number for number in range(60)}
    assert market.exceptions() == []
    times = [at for at, _ in market.server.calls]
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= 5 + (times[last] - times[first]) / timedelta(milliseconds=200)


def test_what_does_not_fit_into_the_functions_time_goes_on_in_another_message(market: Market) -> None:
    for number in range(2, 8):
        market.listing(f"STOLE-{number}", "STOLE")

    def slow(call: Call) -> None:
        market.left -= 20

    market.server.meanwhile = slow
    assert tell(market) is Outcome.AGAIN
    assert len(market.server.calls) == 2
    for _ in range(3):
        market.left = 60
        for body, _ in market.queues.taken(FEED):
            publish(market.desk(), PublishStock.model_validate_json(body))
    assert len(market.server.stock) == 7


# the night


def test_every_night_each_product_that_a_channel_sells_is_sent_for_once_and_not_all_at_a_time() -> None:
    market = Market(DEMO, ("shop", "second"))
    for number in range(1_200):
        market.listing(f"L{number}", f"SKU{number:04}")
    market.listing("L0", "SKU0000", "second")
    market.listing("Z", "ELSEWHERE", "without-an-api")
    assert publish_all(market.desk()) == 1_200
    sent = market.taken(FEED)
    assert len({body["sku"] for body, _ in sent}) == len(sent) == 1_200
    assert all(body["full"] for body, _ in sent)
    assert [delay for _, delay in sent[:21]] == [0] * 10 + [10] * 10 + [20]
    assert max(delay for _, delay in sent) == 900


def test_without_accounts_that_can_be_told_the_night_is_quiet() -> None:
    market = Market(("shop", "empty"))
    assert publish_all(market.desk()) == 0


def test_at_night_a_channel_is_told_again_and_what_it_showed_is_kept(market: Market) -> None:
    tell(market)
    market.later(hours=12)
    assert tell(market, full=True) is Outcome.TOLD
    assert numbers(market) == [5, 5]
    assert (told(market)["shown"], told(market)["shown_at"]) == (5, market.now)
    assert market.exceptions() == []


def test_a_channel_that_shows_another_number_is_named_corrected_and_looked_at_again(market: Market) -> None:
    tell(market)
    market.server.stock["STOLE-1"] = 40
    market.later(hours=12)
    assert tell(market, full=True) is Outcome.AGAIN
    assert market.exceptions() == [("CHANNEL_DIFFERS", "shop/demo STOLE-1 shows 40 units and was told 5")]
    assert (told(market)["shown"], market.server.stock) == (40, {"STOLE-1": 5})
    work(market, timedelta(minutes=16))
    assert market.exceptions() == []
    assert told(market)["shown"] == 5


def test_a_channel_that_goes_on_showing_another_number_stays_on_the_list_and_is_not_asked_all_night(
    market: Market,
) -> None:
    tell(market)
    market.server.faults = lambda call: HttpAnswer(200, b'{"STOLE-1": 40}') if call.operation == "show" else None
    market.later(hours=12)
    tell(market, full=True)
    work(market, timedelta(hours=8))
    assert len(market.server.made("show")) == 2
    assert [kind for kind, _ in market.exceptions()] == ["CHANNEL_DIFFERS"]
    market.server.faults = lambda call: None
    market.later(hours=12)
    tell(market, full=True)
    assert market.exceptions() == []


@pytest.mark.parametrize(
    "fault", [HttpAnswer(503, b""), HttpAnswer(200, b"<html>"), HttpAnswer(404, b""), Rejected("too large")]
)
def test_a_channel_that_does_not_say_what_it_shows_is_told_all_the_same(
    market: Market, fault: HttpAnswer | Exception
) -> None:
    tell(market)
    market.server.faults = lambda call: fault if call.operation == "show" else None
    market.later(hours=12)
    assert tell(market, full=True) is Outcome.TOLD
    assert (numbers(market), market.exceptions()) == ([5, 5], [])


def test_a_night_within_the_rates_asks_and_tells_every_channel() -> None:
    market = Market()
    for number in range(100):
        market.listing(f"L{number}", f"SKU{number:03}")
        market.shelf(f"SKU{number:03}", number)
        tell(market, f"SKU{number:03}")
    work(market, timedelta(minutes=5))
    told_before = len(market.server.made("stock"))
    market.later(hours=12)
    publish_all(market.desk())
    work(market, timedelta(hours=1))
    assert len(market.server.made("stock")) == told_before + 100
    assert len(market.server.made("show")) == 100
    assert market.exceptions() == []
