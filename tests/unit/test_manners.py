"""When a text may go: the night, the rush, the day's fill. Times of day in these histories are India's."""

from __future__ import annotations

from typing import Any

import pytest

from hunar.domain.manners import (
    MOST_TOGETHER,
    REMEMBERED,
    Later,
    Manners,
    day,
    held_back,
    new_talk,
    sent_today,
    told,
    waiting,
)
from hunar.domain.text_kinds import KINDS

USUAL = Manners()


def ist(time: str, date: str = "25") -> str:
    """A moment by India's clock."""
    return f"2026-11-{date}T{time}:00+05:30"


def asked(kind: str, now: str, talk: dict[str, Any] | None = None, ship_by: str | None = None, **other: Any) -> Any:
    return held_back(kind, "mine", other.get("manners", USUAL), talk, ship_by=ship_by, now=now)


def talk_of(*said: tuple[str, str, str]) -> dict[str, Any]:
    """A contact who got these texts: id, kind, moment."""
    talk: dict[str, Any] | None = None
    for name, kind, at in said:
        entry = {"notification_id": name, "kind": kind, "order_refs": []}
        talk = told(talk, group_id="G11", slot="leader", entry=entry, parts=2, now=at)
    assert talk
    return talk


@pytest.mark.parametrize(("now", "until"), [("21:00", "26"), ("23:59", "26"), ("00:00", "25"), ("06:59", "25")])
def test_at_night_a_text_waits_for_seven_in_the_morning(now: str, until: str) -> None:
    assert asked("RELEASED", ist(now)) == Later(f"2026-11-{until}T01:30:00Z", "quiet hours")


@pytest.mark.parametrize("now", ["07:00", "12:00", "20:59"])
def test_by_day_it_goes(now: str) -> None:
    assert asked("RELEASED", ist(now)) is None


def test_what_must_be_handed_over_in_the_morning_is_told_at_night_and_money_never() -> None:
    before_noon, after_noon = ist("12:00", "26"), ist("12:01", "26")
    for kind in ("NEW_ORDER", "CANCELLED", "HOLD", "RELEASED", "SERVED"):
        assert asked(kind, ist("22:00"), ship_by=before_noon) is None
        assert asked(kind, ist("22:00"), ship_by=after_noon) == Later("2026-11-26T01:30:00Z", "quiet hours")
        assert asked(kind, ist("22:00")) is not None
    for kind in ("PAYOUT_PAID", "PAYOUT_COMPUTED", "SHIP_BY", "LOW_STOCK", "RETURN"):
        assert asked(kind, ist("22:00"), ship_by=before_noon) is not None
    for kind in ("ONBOARDING_CODE", "NUMBER_CHANGED"):
        assert asked(kind, ist("03:00")) is None


def test_a_group_has_quiet_hours_of_its_own_or_none() -> None:
    siesta = Manners.of({"manners": {"quiet": "13:00-15:00"}})
    assert asked("RETURN", ist("14:00"), manners=siesta) == Later("2026-11-25T09:30:00Z", "quiet hours")
    assert asked("RETURN", ist("23:00"), manners=siesta) is None
    none = Manners.of({"manners": {"quiet": ""}})
    assert asked("RETURN", ist("23:00"), manners=none) is None
    assert Manners.of({}) == Manners.of({"manners": None}) == USUAL


def test_further_new_orders_wait_for_the_end_of_the_window_and_other_news_does_not() -> None:
    talk = talk_of(("first", "NEW_ORDER", ist("10:00")))
    assert asked("NEW_ORDER", ist("10:29"), talk) == Later(
        "2026-11-25T05:00:00Z", "further new orders are told together"
    )
    assert asked("NEW_ORDER", ist("10:30"), talk) is None
    assert asked("CANCELLED", ist("10:01"), talk) is None
    digest = talk_of(("first", "NEW_ORDER", ist("10:00")), ("some", "NEW_ORDERS", ist("10:30")))
    assert asked("NEW_ORDER", ist("10:59"), digest) is not None
    at_once = Manners.of({"manners": {"digest_minutes": 0}})
    assert asked("NEW_ORDER", ist("10:01"), talk, manners=at_once) is None


def test_a_new_order_that_must_go_soon_does_not_wait_for_others() -> None:
    talk = talk_of(("first", "NEW_ORDER", ist("10:00")))
    assert asked("NEW_ORDER", ist("10:01"), talk, ship_by=ist("11:29")) is None
    assert asked("NEW_ORDER", ist("10:01"), talk, ship_by=ist("11:30")) is not None


def test_so_many_that_wait_are_told_at_once() -> None:
    talk = talk_of(("first", "NEW_ORDER", ist("10:00")))
    names = {"group_id": "G11", "slot": "leader", "now": ist("10:01")}
    waits = [f"n{number}" for number in range(MOST_TOGETHER - 1)]
    assert asked("NEW_ORDER", ist("10:01"), waiting(talk, ids=waits, **names)) is None
    assert asked("NEW_ORDER", ist("10:01"), waiting(talk, ids=waits[1:], **names)) is not None


def test_a_text_that_is_tried_again_does_not_wait_for_itself() -> None:
    talk = talk_of(("mine", "NEW_ORDER", ist("10:00")))
    assert asked("NEW_ORDER", ist("10:01"), talk) is None


def test_after_the_days_fill_texts_wait_for_the_next_morning_and_a_person_is_to_know() -> None:
    few = Manners.of({"manners": {"texts_a_day": 2}})
    talk = talk_of(("a", "HOLD", ist("10:00")), ("b", "RELEASED", ist("10:01")))
    assert asked("CANCELLED", ist("10:02"), talk, manners=few) == Later(
        "2026-11-26T01:30:00Z", "2 texts went to this contact today", full=True
    )
    assert asked("ONBOARDING_CODE", ist("10:02"), talk, manners=few) is None
    assert asked("CANCELLED", ist("07:00", "26"), talk, manners=few) is None
    mine = talk_of(("a", "HOLD", ist("10:00")), ("mine", "CANCELLED", ist("10:01")))
    assert asked("CANCELLED", ist("10:02"), mine, manners=few) is None
    without_night = Manners.of({"manners": {"texts_a_day": 2, "quiet": ""}})
    assert asked("CANCELLED", ist("10:02"), talk, manners=without_night).at == "2026-11-25T18:30:00Z"


def test_the_day_is_indias() -> None:
    assert (day("2026-11-25T18:29:59Z"), day("2026-11-25T18:30:00Z")) == ("2026-11-25", "2026-11-26")
    talk = talk_of(("a", "HOLD", "2026-11-25T18:29:59Z"))
    assert sent_today(talk, "2026-11-25T18:29:59Z") == {"a": 2}
    assert sent_today(talk, "2026-11-25T18:30:00Z") == {}


def test_the_same_text_counts_once_and_only_the_last_are_remembered() -> None:
    talk = talk_of(("a", "HOLD", ist("10:00")), ("a", "HOLD", ist("10:05")))
    assert (talk["sent"], [said["at"] for said in talk["recent"]], talk["version"]) == ({"a": 2}, [ist("10:05")], 2)
    many = talk_of(*((f"n{number}", "HOLD", ist("10:00")) for number in range(REMEMBERED + 5)))
    assert [said["notification_id"] for said in many["recent"]] == [f"n{number}" for number in range(5, REMEMBERED + 5)]


def test_who_is_told_waits_no_more() -> None:
    waits = waiting(None, group_id="G11", slot="leader", ids=["a", "b", "a"], now=ist("10:00"))
    assert (waits["waiting"], waits["version"]) == (["a", "b"], 1)
    entry = {"notification_id": "a", "kind": "NEW_ORDER", "order_refs": []}
    after = told(waits, group_id="G11", slot="leader", entry=entry, parts=1, now=ist("10:30"))
    assert after["waiting"] == ["b"]
    assert new_talk("G11", "leader", ist("10:00"))["version"] == 0


def test_every_kind_is_known() -> None:
    assert all(asked(kind, ist("12:00")) is None for kind in KINDS)
