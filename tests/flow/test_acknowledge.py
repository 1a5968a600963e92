"""Who heard of a text: an operator ticks it, a phone rings and hangs up, or answers 1 or 2."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Literal

import pytest

from hunar import tables
from hunar.domain.facts import instant
from hunar.domain.identity import derived_id
from hunar.domain.receipt import Reply
from hunar.ports import Put, QueueName, Stopped, Unanswered
from hunar.tables import Item, Table
from hunar.use_cases import acknowledge, ladder
from tests.flipkart_messages import cancelled, created, item, step
from tests.world import World, phone


def opened(*, digests: bool = False) -> World:
    world = World()
    world.receipts = True
    world.group("G11", manners={"quiet": ""} if digests else None, slots=("leader", "second"))
    world.product("STOLE", "G11", "तसर स्टोल", stock=80)
    world.product("BAG", "G11", "थैला", stock=80)
    world.settle()
    return world


@pytest.fixture
def world() -> World:
    return opened()


def texted(world: World, shipment: str, sku: str = "STOLE") -> str:
    """A new order of which the leader was told a minute ago."""
    world.post(created(shipment, item(sku, 1)))
    world.settle(patience=timedelta(0))
    world.time += timedelta(minutes=1)
    return str(of(world, shipment)["notification_id"])


def of(world: World, shipment: str, kind: str = "NEW_ORDER") -> Item:
    [found] = [
        found
        for found in world.notifications()
        if found["order_ref"] == f"flipkart:demo:{shipment}" and found["kind"] == kind and found["contact"] == "leader"
    ]
    return found


def hear(world: World) -> list[str]:
    return world.work_off(QueueName.SMS_RECEIPTS)


def heard(
    world: World,
    name: str,
    what: acknowledge.What,
    how: Literal["tick", "missed_call", "reply"] = "reply",
    at: str | None = None,
) -> bool:
    by = "farzana" if how == "tick" else "leader"
    return acknowledge.heard(world.store, name, what, how=how, by=by, at=at or world.now, again=lambda action: action())


def answer(world: World, shipment: str) -> str | None:
    said = of(world, shipment)["heard"]
    return said and str(said["what"])


def shown(world: World, kind: str) -> Item:
    [found] = [found for found in world.items(Table.EXCEPTIONS) if found["kind"] == kind]
    return found


def test_a_reply_of_1_says_that_the_newest_order_is_packed(world: World) -> None:
    texted(world, "S1")
    texted(world, "S2")
    world.reply(phone("G11"), "1")
    assert hear(world) == ["packed"]
    assert of(world, "S2")["heard"] == {"what": "packed", "how": "reply", "by": "leader", "at": world.now}
    assert answer(world, "S1") is None


@pytest.mark.parametrize("text", [" 1 ", "1.", "१", "১", "௧", "１", "1\n", "1।"])
def test_a_digit_is_the_same_in_every_script(world: World, text: str) -> None:
    texted(world, "S1")
    world.reply(phone("G11"), text)
    assert hear(world) == ["packed"]


def test_a_reply_of_2_is_shown_and_touches_no_shelf(world: World) -> None:
    texted(world, "S1")
    before = world.stock("STOLE")
    world.reply(phone("G11"), "2")
    assert hear(world) == ["no_stock"]
    told = shown(world, "NO_STOCK")
    assert (told["order_ref"], told["group_id"], told["sku"]) == ("flipkart:demo:S1", "G11", "STOLE")
    assert told["message"] == "G11 says that it has no stock of STOLE"
    world.settle()
    assert world.stock("STOLE") == before
    assert world.order("S1")["applied"]["1"]["reserved"] == 1


@pytest.mark.parametrize("number", range(6))
def test_of_two_orders_told_in_one_second_a_reply_is_to_the_later_one(world: World, number: int) -> None:
    texted(world, f"A{number}")
    world.time -= timedelta(minutes=1)
    texted(world, f"B{number}")

    world.reply(phone("G11"), "1")
    hear(world)

    assert (answer(world, f"A{number}"), answer(world, f"B{number}")) == (None, "packed")


def test_none_of_two_products_names_both(world: World) -> None:
    world.post(created("S1", item("STOLE", 1), item("BAG", 1, line_id="2")))
    world.settle()
    heard(world, of(world, "S1")["notification_id"], "no_stock")
    assert shown(world, "NO_STOCK")["sku"] is None
    assert shown(world, "NO_STOCK")["message"] == "G11 says that it has no stock of BAG, STOLE"


def test_a_missed_call_says_that_all_texts_were_heard(world: World) -> None:
    texted(world, "S1")
    texted(world, "S2")
    world.reply(phone("G11"), "1")
    hear(world)
    world.time += timedelta(minutes=1)
    world.reply(phone("G11"))
    assert hear(world) == ["heard"]
    assert (answer(world, "S1"), answer(world, "S2")) == ("heard", "packed")
    assert of(world, "S1")["heard"]["how"] == "missed_call"


def test_whoever_heard_is_not_followed_by_the_next_contact(world: World) -> None:
    texted(world, "S1")
    world.reply(phone("G11"))
    hear(world)
    assert "due_sk" not in of(world, "S1")
    world.settle(patience=timedelta(hours=3), sweeping=True)
    assert [request.to for request in world.phones.texts] == [phone("G11")]


def test_without_an_answer_the_next_contact_is_told(world: World) -> None:
    """Else the test above would pass without any ladder."""
    texted(world, "S1")
    world.settle(patience=timedelta(hours=3), sweeping=True)
    assert [request.to for request in world.phones.texts][:2] == [phone("G11"), phone("G11", "second")]


def test_the_second_contact_answers_for_what_she_was_told(world: World) -> None:
    texted(world, "S1")
    world.settle(patience=timedelta(minutes=70), sweeping=True)
    world.reply(phone("G11", "second"), "1")
    assert hear(world) == ["packed"]
    [hers] = [found for found in world.notifications() if found["contact"] == "second"]
    assert (hers["heard"]["what"], hers["heard"]["by"]) == ("packed", "second")
    assert answer(world, "S1") is None


def test_a_text_after_72_hours_answers_nothing(world: World) -> None:
    texted(world, "S1")
    world.time += timedelta(hours=73)
    world.reply(phone("G11"), "1")
    assert hear(world) == ["nothing_to_answer"]
    assert answer(world, "S1") is None


def test_an_answer_is_to_what_was_read_before_it(world: World) -> None:
    """It is late itself: a newer order came meanwhile, which she cannot have meant."""
    texted(world, "S1")
    said_at = world.now
    world.time += timedelta(minutes=30)
    texted(world, "S2")
    world.reply(phone("G11"), "1", at=said_at)
    hear(world)
    assert (answer(world, "S1"), answer(world, "S2")) == ("packed", None)


def test_an_answer_is_to_a_text_about_orders(world: World) -> None:
    texted(world, "S1")
    key = tables.talk("G11", "leader")
    talk = world.store.read([key])[key]
    other = {"notification_id": "payout", "kind": "PAYOUT_PAID", "order_refs": [], "at": world.now}
    world.store.commit([Put(key, talk | {"recent": [*talk["recent"], other]})])
    world.reply(phone("G11"), "1")
    assert hear(world) == ["packed"]
    assert answer(world, "S1") == "packed"


def test_a_reply_about_a_digest_is_about_all_that_it_told() -> None:
    world = opened(digests=True)
    texted(world, "S0")
    for shipment in ("S1", "S2"):
        world.post(created(shipment, item("STOLE", 1)))
    world.settle(patience=timedelta(minutes=40), sweeping=True)
    world.time += timedelta(minutes=1)
    world.reply(phone("G11"), "2")
    assert hear(world) == ["no_stock"]
    assert [answer(world, shipment) for shipment in ("S0", "S1", "S2")] == [None, "no_stock", "no_stock"]
    assert world.exceptions() == ["NO_STOCK"]
    assert shown(world, "NO_STOCK")["message"] == "G11 says that it has no stock of STOLE"


def test_another_text_is_heard_and_a_person_is_asked_to_call_without_what_it_says(world: World) -> None:
    texted(world, "S1")
    for _ in range(2):
        world.reply(phone("G11"), "kal aana, 9999911111")
    assert hear(world) == ["not_understood"] * 2
    assert answer(world, "S1") == "heard"
    told = [found for found in world.items(Table.EXCEPTIONS) if found["kind"] == "SMS_NEWS_UNREADABLE"]
    assert len(told) == 2
    assert {found["message"] for found in told} == {
        "the leader of G11 sent a reply that is neither 1 nor 2; call and ask"
    }
    assert {found["group_id"] for found in told} == {"G11"}


def test_calls_of_strangers_are_one_thing_to_look_at_each_day(world: World) -> None:
    texted(world, "S1")
    for text in ("", "1", "who is this"):
        world.reply("+919999977777", text)
    assert hear(world) == ["unknown_number"] * 3
    assert answer(world, "S1") is None
    assert world.exceptions() == ["SMS_NEWS_UNREADABLE"]
    assert "99999" not in shown(world, "SMS_NEWS_UNREADABLE")["message"]
    world.reply("+919999977777", account="other")
    world.time += timedelta(days=1)
    world.reply("+919999977777")
    hear(world)
    assert world.exceptions() == ["SMS_NEWS_UNREADABLE"] * 3


def test_a_phone_of_two_groups_answers_what_it_was_told_last(world: World) -> None:
    world.group("G12")
    shared = {"group_id": "G12", "slot": "leader", "name": "Same", "phone": phone("G11")}
    world.store.commit([Put(tables.contact("G12", "leader"), shared)])
    world.product("MAT", "G12", "चटाई", stock=5)
    world.settle()
    texted(world, "S1")
    texted(world, "S2", "MAT")
    world.reply(phone("G11"), "1")
    hear(world)
    assert (answer(world, "S1"), answer(world, "S2")) == (None, "packed")


def test_the_same_reply_twice_is_one(world: World) -> None:
    texted(world, "S1")
    world.reply(phone("G11"), "2")
    [(body, _)] = world.queues.taken(QueueName.SMS_RECEIPTS)
    world.work(QueueName.SMS_RECEIPTS, body)
    once = world.items(Table.NOTIFICATIONS), world.items(Table.EXCEPTIONS)
    world.work(QueueName.SMS_RECEIPTS, body)
    assert (world.items(Table.NOTIFICATIONS), world.items(Table.EXCEPTIONS)) == once


def test_a_later_answer_replaces_an_earlier_one_whichever_comes_in_first() -> None:
    early, late = "2026-11-25T05:00:00Z", "2026-11-25T06:00:00Z"
    for first, second in permutations([("heard", early), ("packed", late)]):
        world = opened()
        name = texted(world, "S1")
        for what, at in (first, second):
            assert heard(world, name, what, at=at)  # type: ignore[arg-type]
        assert answer(world, "S1") == "packed"


def test_that_there_is_none_stays_until_a_person_ticks() -> None:
    """Whichever of the three comes in first."""
    said = [("no_stock", "reply", 1), ("packed", "reply", 2), ("heard", "tick", 3)]
    for order in permutations(said):
        world = opened()
        name = texted(world, "S1")
        for what, how, hours in order:
            heard(world, name, what, how, at=instant(world.time + timedelta(hours=hours)))  # type: ignore[arg-type]
        assert answer(world, "S1") == "heard"
        assert "NO_STOCK" not in world.exceptions()
    world = opened()
    name = texted(world, "S1")
    heard(world, name, "no_stock")
    world.time += timedelta(hours=1)
    heard(world, name, "packed")
    assert answer(world, "S1") == "no_stock"
    assert world.exceptions() == ["NO_STOCK"]
    # What she said before counts, too, when it comes in late.
    late = opened()
    other = texted(late, "S1")
    heard(late, other, "packed")
    heard(late, other, "no_stock", at="2026-11-25T04:00:00Z")
    assert answer(late, "S1") == "no_stock"
    # A tick from before she said so does not know of it.
    heard(world, name, "packed", "tick", at="2026-11-25T04:00:00Z")
    assert answer(world, "S1") == "no_stock"


def test_a_tick_closes_what_a_person_was_to_ask(world: World) -> None:
    world.phones.answers = iter([Unanswered("ReadTimeoutError")])
    name = texted(world, "S1")
    assert world.exceptions() == ["SMS_UNKNOWN"]
    assert heard(world, name, "heard", "tick")
    [closed] = world.items(Table.EXCEPTIONS)
    assert closed["history"][-1]["by"] == "farzana"
    assert world.exceptions() == []
    assert heard(world, name, "heard", "tick")


@pytest.mark.parametrize("name", ["f" * 32, "", "x" * 3000])
def test_there_is_nothing_to_hear_of_a_text_that_never_was(world: World, name: str) -> None:
    assert not heard(world, name, "heard", "tick")


def test_what_was_heard_changes_no_order(world: World) -> None:
    texted(world, "S1")
    before = world.order("S1")
    world.reply(phone("G11"), "1")
    hear(world)
    world.settle()
    assert world.order("S1") == before
    world.post(cancelled("S1", 1))
    world.settle()
    assert [request.kind for request in world.phones.texts] == ["NEW_ORDER", "CANCELLED"]


def test_a_reply_shows_neither_number_nor_text() -> None:
    said = Reply("exotel", "r1", "+919999900011", "kal aana", "2026-11-25T04:00:00Z")
    assert repr(said) == "Reply('exotel', 'r1')"


def test_an_order_that_goes_on_by_itself_needs_no_answer(world: World) -> None:
    name = texted(world, "S1")
    world.post(step("S1", "shipped"))
    world.settle()
    assert heard(world, name, "packed", "tick")
    assert answer(world, "S1") == "packed"


def test_a_call_while_the_provider_takes_none_leaves_the_text_due(world: World) -> None:
    """It was written down, the provider took it not, and its reader called about something else: it still goes."""
    world.phones.answers = iter([Stopped("spend limit")])
    text = texted(world, "S1")
    assert of(world, "S1")["status"] == "WAITING"
    assert world.phones.texts == []
    heard(world, text, "heard", how="missed_call")
    assert "due_sk" in of(world, "S1")
    world.time += timedelta(hours=1)
    world.sweep()
    world.settle()
    assert [sent.notification_id for sent in world.phones.texts] == [text]


def test_a_hold_reaches_who_is_told_in_place_of_one_who_went_in_a_digest() -> None:
    """The digest's leader did not get it; before that is written down, the hold of the one told in her place comes."""
    world = opened(digests=True)
    world.receipts = True
    for number in range(2):
        world.post(created(f"S{number}", item("STOLE", 1)))
    world.settle()
    assert of(world, "S1")["status"] in ("WAITING", "ACCEPTED")
    found = {tables.notification(text["notification_id"]): text for text in world.notifications()}
    digested = {
        key: {**{name: value for name, value in text.items() if name not in ("due_sk", "due_pk")}, "digest": "D1"}
        for key, text in found.items()
        if text["contact"] == "leader"
    }
    wanted = ladder.copies(digested, world.now)
    assert {tables.notification(derived_id("contact", of(world, "S1")["notification_id"], "second"))} <= set(wanted)
