"""A marketplace is asked about an order until it is known what holds, and never more often than it allows."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from hunar import tables
from hunar.domain.channel import Call
from hunar.domain.facts import Cancelled, Fact, Placed, ReturnRequested, fact_id, instant
from hunar.domain.order import knowledge_text
from hunar.messages import Fetch
from hunar.ports import HttpAnswer, Put, QueueName, Rejected, Retryable
from hunar.use_cases.fetch import Outcome, fetch
from hunar.use_cases.worklist import close_exception
from tests.shop import START, Market

SOLD = instant(START - timedelta(minutes=5))
FETCHES = QueueName.FETCHES


class Died(BaseException):
    """A worker was stopped."""


def placed(line_id: str = "1", quantity: int = 1, *, claimed: bool = True, price: int | None = 50_000) -> Placed:
    return Placed(line_id, SOLD, "STOLE", quantity, price, None, SOLD, None, claimed=claimed)


def cancelled(at: datetime) -> Cancelled:
    return Cancelled("1", instant(at), 1, "", "", claimed=True)


def know(market: Market, order_id: str, *known: Fact) -> Fetch:
    """The order as it is stored, and the question that it owes."""
    ref = f"shop:demo:{order_id}"
    item = {"order_ref": ref, "marketplace": "shop", "account": "demo", "knowledge": knowledge_text(known)}
    market.store.commit([Put(tables.order(ref), item | {"version": 1})])
    return Fetch(order_ref=ref)


def work(market: Market, until: timedelta) -> list[Outcome]:
    """Work off the queue for so long."""
    return [
        fetch(market.desk(), Fetch.model_validate_json(body)) for body in market.waiting(FETCHES, market.time + until)
    ]


def fed_in(market: Market) -> list[dict[str, Any]]:
    """What came to order-events, as the marketplace wrote it."""
    return [json.loads(base64.b64decode(body["body_b64"])) for body, _ in market.taken(QueueName.ORDER_EVENTS)]


@pytest.fixture
def market() -> Market:
    return Market()


# what is settled


def test_an_answer_goes_the_way_of_every_delivery(market: Market) -> None:
    market.server.sell("S1", START - timedelta(minutes=4))
    assert fetch(market.desk(), know(market, "S1", placed())) is Outcome.SETTLED
    [(body, delay)] = market.taken(QueueName.ORDER_EVENTS)
    assert (body["kind"], body["marketplace"], body["account"], delay) == ("answer", "shop", "demo", 0)
    assert json.loads(base64.b64decode(body["body_b64"]))["id"] == "S1"
    assert market.taken(FETCHES) == []


def test_nobody_is_asked_about_what_is_known(market: Market) -> None:
    assert fetch(market.desk(), know(market, "S1", placed(claimed=False))) is Outcome.SETTLED
    assert fetch(market.desk(), Fetch(order_ref="shop:demo:NOBODYS")) is Outcome.SETTLED
    assert fetch(market.desk(), Fetch(order_ref="shop:without-an-api:S1")) is Outcome.NOBODY_TO_ASK
    assert market.server.calls == []


@pytest.mark.parametrize("ref", ["", "S1", "shop:S1"])
def test_what_is_no_orders_key_is_rejected(market: Market, ref: str) -> None:
    with pytest.raises(Rejected, match="order_ref: .* is not marketplace:account:id"):
        fetch(market.desk(), Fetch(order_ref=ref))


def test_returns_are_asked_about_by_their_ids_and_the_order_only_if_it_is_wanted(market: Market) -> None:
    wish = ReturnRequested("R1", "1", SOLD, "customer", 1, "S1", "", "", claimed=True)
    fetch(market.desk(), know(market, "S1", placed(claimed=False), wish))
    assert [call.path for _, call in market.server.calls] == ["/returns?ids=R1"]
    market.server.calls.clear()
    fetch(market.desk(), know(market, "S1", placed(), wish))
    assert [call.path for _, call in market.server.calls] == ["/orders/S1", "/returns?ids=R1"]


def test_what_another_order_states_settles_nothing_here(market: Market) -> None:
    market.server.sell("S2", START - timedelta(minutes=4))
    wrong = HttpAnswer(200, json.dumps({"orders": [market.server.orders["S2"]]}).encode())
    market.server.faults = lambda call: wrong
    assert fetch(market.desk(), know(market, "S1", placed())) is Outcome.AGAIN
    assert [entry["id"] for entry in fed_in(market)] == ["S2"]


# a copy that lags behind


def test_an_order_that_the_marketplace_shows_only_after_two_minutes_is_no_lie(market: Market) -> None:
    question = know(market, "S1", placed())
    assert fetch(market.desk(), question) is Outcome.AGAIN
    assert work(market, timedelta(minutes=2)) == [Outcome.AGAIN, Outcome.AGAIN]
    market.server.sell("S1", START - timedelta(minutes=4))
    assert work(market, timedelta(minutes=10)) == [Outcome.SETTLED]
    assert [entry["id"] for entry in fed_in(market)] == ["S1"]


def test_after_five_minutes_and_five_questions_silence_is_an_answer(market: Market) -> None:
    claim = placed()
    fetch(market.desk(), know(market, "S1", claim))
    assert work(market, timedelta(hours=1)) == [Outcome.AGAIN] * 3 + [Outcome.DENIED]
    asked = [int((at - START).total_seconds()) for at, _ in market.server.calls]
    assert asked == [0, 15, 60, 180, 300]
    assert fed_in(market) == [{"order_id": "S1", "denied": [{"fact_id": fact_id(claim), "at": SOLD}]}]
    assert market.exceptions() == []


def test_a_copy_that_is_older_than_the_claim_neither_confirms_nor_denies_it(market: Market) -> None:
    market.server.sell("S1", START - timedelta(minutes=4))
    claim = cancelled(START - timedelta(minutes=1))
    fetch(market.desk(), know(market, "S1", placed(claimed=False), claim))
    assert work(market, timedelta(seconds=70)) == [Outcome.AGAIN] * 2
    market.server.orders["S1"] |= {"at": instant(START - timedelta(seconds=30)), "lines": {"1": 0}}
    assert work(market, timedelta(hours=1)) == [Outcome.SETTLED]
    assert "denied" not in json.dumps(fed_in(market))


def test_a_marketplace_that_was_down_gets_its_five_minutes_when_it_is_back(market: Market) -> None:
    market.server.faults = lambda call: HttpAnswer(503, b"")
    fetch(market.desk(), know(market, "S1", placed()))
    work(market, timedelta(hours=2))
    market.server.faults = lambda call: None
    asked = len(market.server.calls)
    while len(market.server.calls) == asked:
        work(market, timedelta(seconds=20))
    work(market, timedelta(minutes=2))
    market.server.sell("S1", START - timedelta(minutes=4))
    assert work(market, timedelta(minutes=10)) == [Outcome.SETTLED]
    assert [entry["id"] for entry in fed_in(market)] == ["S1"]


def test_a_claim_that_comes_while_others_are_asked_about_gets_its_own_five_minutes(market: Market) -> None:
    first, second = placed("1"), placed("2")
    fetch(market.desk(), know(market, "S1", first))
    work(market, timedelta(minutes=4))
    know(market, "S1", first, second)
    assert work(market, timedelta(minutes=2)) == [Outcome.DENIED, Outcome.AGAIN, Outcome.AGAIN]
    [denial] = fed_in(market)
    assert [entry["fact_id"] for entry in denial["denied"]] == [fact_id(first)]
    began = market.time
    work(market, timedelta(hours=1))
    [denial, *_] = fed_in(market)
    assert fact_id(second) in [entry["fact_id"] for entry in denial["denied"]]
    last = market.server.calls[-1][0]
    assert last - began >= timedelta(minutes=3)


def test_a_settled_claim_hands_its_place_to_the_next_and_not_its_time(market: Market) -> None:
    first, second = placed("1"), placed("2")
    fetch(market.desk(), know(market, "S1", first))
    work(market, timedelta(minutes=4))
    know(market, "S1", placed("1", claimed=False), second)
    assert work(market, timedelta(minutes=2)) == [Outcome.AGAIN] * 3
    assert fed_in(market) == []


def test_an_order_without_a_price_that_the_marketplace_does_not_know_is_shown(market: Market) -> None:
    fetch(market.desk(), know(market, "S1", placed(claimed=False, price=None)))
    assert work(market, timedelta(hours=1))[-1] is Outcome.FAILED
    assert market.exceptions() == [("FETCH_FAILED", "not asked: shop does not know the order")]
    assert fed_in(market) == []


def test_an_answer_that_settles_nothing_is_an_answer_all_the_same(market: Market) -> None:
    market.server.faults = lambda call: HttpAnswer(503, b"")
    fetch(market.desk(), know(market, "S1", placed()))
    [(body, _)] = market.taken(FETCHES)
    assert (body["attempt"], body["unsettled"]) == (1, 0)
    market.server.faults = lambda call: None
    fetch(market.desk(), Fetch(**body | {"doubted": ()}))
    [(body, _)] = market.taken(FETCHES)
    assert (body["attempt"], body["unsettled"], len(body["doubted"])) == (0, 1, 1)


# what may fail


@pytest.mark.parametrize(
    "fault", [HttpAnswer(503, b""), HttpAnswer(429, b"", 2), HttpAnswer(500, b"<html>"), Retryable("TimeoutError")]
)
def test_without_an_answer_it_is_asked_for_two_days_ever_less_often_and_then_shown(
    market: Market, fault: HttpAnswer | Exception
) -> None:
    market.server.faults = lambda call: fault
    fetch(market.desk(), know(market, "S1", placed()))
    work(market, timedelta(hours=1))
    assert len(market.server.calls) <= 11
    work(market, timedelta(hours=46))
    assert market.exceptions() == []
    work(market, timedelta(hours=3))
    assert len(market.server.calls) <= 200
    [(kind, message)] = market.exceptions()
    assert kind == "FETCH_FAILED"
    assert message.startswith("not asked: no answer for two days: ")
    assert market.taken(FETCHES) == []
    # Nobody denies what nobody could ask about.
    assert fed_in(market) == []
    market.server.faults = lambda call: None
    market.server.sell("S1", START - timedelta(minutes=4))
    assert fetch(market.desk(), Fetch(order_ref="shop:demo:S1")) is Outcome.SETTLED
    assert market.exceptions() == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (HttpAnswer(200, b"<html>Sale!</html>"), "not JSON"),
        (HttpAnswer(200, b"[]"), "not an object"),
        (HttpAnswer(401, b""), "get: 401"),
        (HttpAnswer(302, b""), "get: 302"),
        (Rejected("shop get: the answer is larger than 4194304 bytes"), "larger than"),
        (Rejected("hunar/test/api/shop/demo is not in Secrets Manager"), "not in Secrets Manager"),
        (HttpAnswer(200, b'{"orders": [], "next": "/orders/S1"}'), "more than 5 pages about one order"),
    ],
)
def test_what_waiting_does_not_mend_is_shown_at_once_once_and_asked_again_slowly(
    market: Market, fault: HttpAnswer | Exception, said: str
) -> None:
    market.server.faults = lambda call: fault
    assert fetch(market.desk(), know(market, "S1", placed())) is Outcome.FAILED
    [(kind, message)] = market.exceptions()
    assert (kind, said in message) == ("FETCH_FAILED", True)
    questions = len(market.server.calls)
    # Who has dealt with it is not told the same again.
    close_exception(market.store, "FETCH_FAILED", ("shop:demo:S1",), at=market.now)
    work(market, timedelta(hours=3))
    assert len(market.server.calls) <= 13 * questions
    assert market.exceptions() == []
    market.server.faults = lambda call: None
    market.server.sell("S1", START - timedelta(minutes=4))
    assert work(market, timedelta(minutes=16)) == [Outcome.SETTLED]
    assert market.exceptions() == []


def test_wherever_a_worker_dies_its_message_settles_the_order() -> None:
    crashed = 0
    for step in range(1, 40):
        market = Market()
        market.server.sell("S1", START - timedelta(minutes=4))
        question = know(market, "S1", placed())
        left = step

        def die(what: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died

        market.store.turn = market.queues.turn = die
        market.server.meanwhile = lambda call: die("a call")
        try:
            fetch(market.desk(), question)
        except Died:
            crashed += 1
        else:
            break
        market.store.turn = market.queues.turn = lambda what: None
        market.server.meanwhile = lambda call: None
        assert fetch(market.desk(), question) is Outcome.SETTLED
        assert {entry["id"] for entry in fed_in(market)} == {"S1"}, step
    assert crashed >= 8


def test_an_answer_of_a_function_that_has_no_time_left_is_asked_for_by_the_next(market: Market) -> None:
    market.left = 20
    market.server.sell("S1", START - timedelta(minutes=4))
    assert fetch(market.desk(), know(market, "S1", placed())) is Outcome.WAITS
    assert market.server.calls == []
    market.left = 60
    assert work(market, timedelta(seconds=5)) == [Outcome.SETTLED]


# within the rates


def test_a_thousand_orders_after_an_outage_take_as_long_as_the_rates_say_and_none_is_lost(market: Market) -> None:
    for number in range(1_000):
        market.server.sell(f"S{number}", START - timedelta(minutes=4))
        question = know(market, f"S{number}", placed())
        market.queues.send(FETCHES, [question.model_dump_json()])
    outcomes = work(market, timedelta(hours=2))
    assert len(outcomes) <= 3_000
    assert outcomes.count(Outcome.SETTLED) == 1_000
    assert {entry["id"] for entry in fed_in(market)} == {f"S{number}" for number in range(1_000)}
    times = [at for at, _ in market.server.calls]
    # Thirty at once, then one in two seconds.
    least = timedelta(seconds=2) * (1_000 - 30)
    assert least <= times[-1] - times[0] <= least * 1.2
    for first in range(0, 1_000, 7):
        for last in range(first, min(1_000, first + 80)):
            assert last - first + 1 <= 30 + (times[last] - times[first]) / timedelta(seconds=2)


def test_a_question_that_waits_for_its_turn_uses_up_none_of_its_attempts(market: Market) -> None:
    for number in range(31):
        market.server.sell(f"S{number}", START - timedelta(minutes=4))
        outcome = fetch(market.desk(), know(market, f"S{number}", placed()))
    assert outcome is Outcome.WAITS
    [(body, delay)] = market.taken(FETCHES)
    assert (body["order_ref"], body["attempt"], body["unsettled"], delay) == ("shop:demo:S30", 0, 0, 2)


def test_a_marketplace_that_says_too_many_requests_is_left_alone_by_everybody(market: Market) -> None:
    market.server.faults = lambda call: HttpAnswer(429, b"", 30)
    fetch(market.desk(), know(market, "S1", placed()))
    for number in range(2, 12):
        assert fetch(market.desk(), know(market, f"S{number}", placed())) is Outcome.WAITS
    assert len(market.server.calls) == 1
    market.server.faults = lambda call: None
    market.later(seconds=30)
    assert isinstance(market.server.call("shop", "demo", Call("get", "GET", "/orders/S1")), HttpAnswer)
    assert fetch(market.desk(), know(market, "S2", placed())) is Outcome.AGAIN
