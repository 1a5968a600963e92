"""Facts as they are kept: a text that never changes, a hash that names it, times that compare as texts."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest

from hunar.domain import facts
from hunar.domain.facts import Held, Inspected, Placed, Released, Remapped, Resolved, Step, Voided

IST = timezone(timedelta(hours=5, minutes=30))


def test_the_text_of_a_fact_is_the_one_that_was_always_kept() -> None:
    """Other bytes would make every kept fact a second one."""
    assert facts.to_text(Held(None, "2026-11-24T04:35:00Z", None)) == (
        '{"at":"2026-11-24T04:35:00Z","fact":"held","line_id":null,"quantity":null}'
    )
    assert facts.fact_id(Step("packed", "2026-11-25T03:30:00Z")) == "2c903a999b4c4143acd2b2b81447a08e"


def test_a_field_that_was_added_later_stands_in_the_text_only_when_it_says_something() -> None:
    plain = Placed("1", "2026-11-24T04:35:00Z", "STOLE", 3, 149900, None, "2026-11-24T04:30:00Z", None)
    assert "replacement" not in facts.to_text(plain)
    assert '"replacement":true' in facts.to_text(dataclasses.replace(plain, replacement=True))
    # A field without a default stands there also when it is empty.
    assert '"ship_by":null' in facts.to_text(plain)
    assert facts.from_text(facts.to_text(plain)) == plain


def test_a_fact_of_a_later_version_is_read_without_what_is_new_in_it() -> None:
    text = '{"fact":"released","at":"2026-11-24T04:35:00Z","by":"courier"}'
    assert facts.from_text(text) == Released("2026-11-24T04:35:00Z")
    with pytest.raises(KeyError):
        facts.from_text('{"fact":"teleported","at":"2026-11-24T04:35:00Z"}')


def test_a_remapped_line_has_the_terms_that_the_person_stated() -> None:
    act = Remapped("a", "1", "2026-11-24T04:35:00Z", "SHAWL", "G11", "HUB_PACKS", "FIXED_PER_PIECE", 2, "6214", 45000,
                   "Rukhsana", "wrong shelf")  # fmt: skip
    assert act.resolved() == Resolved("1", "SHAWL", "G11", "HUB_PACKS", "FIXED_PER_PIECE", 2, "6214", 45000)


@pytest.mark.parametrize(
    "fact",
    [
        Step("packed", "2026-11-25T03:30:00Z"),
        Held("1", "2026-11-24T04:35:00Z", 2),
        Inspected("a", "R1", "1", "2026-11-24T04:35:00Z", 1, 0, 0, "Rukhsana", "opened"),
        Voided("a", "f" * 32, "2026-11-24T04:35:00Z", "Rukhsana", "not true"),
    ],
)
def test_what_is_known_cannot_be_changed_in_place(fact: facts.Fact) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        fact.at = "2026-01-01T00:00:00Z"  # type: ignore[misc]


def test_every_kind_of_fact_is_frozen_compares_by_content_and_has_an_order() -> None:
    """The set of facts hangs on all three: two of the same are one, and sorting decides alike everywhere."""
    for kind in facts._KINDS.values():
        names = [field.name for field in dataclasses.fields(kind)]
        small, same = kind(**dict.fromkeys(names, "a")), kind(**dict.fromkeys(names, "a"))
        large = kind(**dict.fromkeys(names, "b"))
        assert len({small, same}) == 1
        assert small < large
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(small, names[0], "b")


def test_moments_are_utc_whole_seconds_and_never_without_a_zone() -> None:
    told = datetime(2026, 11, 24, 10, 5, 0, 999999, tzinfo=IST)
    assert facts.instant(told) == "2026-11-24T04:35:00Z"
    assert facts.moment("2026-11-24T04:35:00Z") == told.replace(microsecond=0)
    for without in (lambda: facts.instant(datetime(2026, 11, 24)), lambda: facts.moment("2026-11-24T04:35:00")):  # noqa: DTZ001
        with pytest.raises(ValueError, match="without a time zone"):
            without()
