"""Whatever the words are: parts as an independent encoder counts them, values that every operator lets through."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.sms_text import BY_LIMIT, LOCALES, by_value, encoding, item_value, parts, render
from hunar.sms_templates import load
from local.phones import Phones, count_parts

GSM = st.text("abcXYZ 019.,@£_Δ€[]{}^~|\\\n", max_size=400)
NATIVE = st.text("abc €कखिा्ষটিதமிழ்\u200d😀", max_size=200)
NAMES = st.text(
    st.one_of(
        st.sampled_from("abz 09Àéāçकखगािीुे्ँ़जডঢযক্ষটিাতமிழ்ணைோ\u200c\u200d।.,-₹😀½२"),
        st.characters(codec="utf-8"),
    ),
    max_size=40,
)
LINES = st.lists(st.tuples(st.integers(1, 99_999), NAMES), min_size=1, max_size=6)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.one_of(GSM, NATIVE, st.text(max_size=200)))
def test_two_counters_that_share_no_code_agree(text: str) -> None:
    assert parts(text) == count_parts(text)


@given(NATIVE)
def test_parts_are_enough_and_not_one_too_many_for_the_units(text: str) -> None:
    units = len(text.encode("utf-16-le")) // 2
    if encoding(text) == "UCS-2" and units > 70:
        # Each part but the last may leave one unit empty, before a surrogate pair.
        assert -(-units // 67) <= parts(text) <= -(-units // 66)


@given(LINES, st.sampled_from(LOCALES), st.integers(12, 30))
def test_an_item_value_fits_and_keeps_every_letter_whole(lines: list[tuple[int, str]], locale: str, limit: int) -> None:
    value = item_value(lines, locale, limit)
    assert 0 < len(value.encode("utf-16-le")) // 2 <= limit
    assert value == unicodedata.normalize("NFC", value) == " ".join(value.split())
    for word in value.split():
        assert unicodedata.category(word[0])[0] != "M"
    shown = value.replace("\u200c", "").replace("\u200d", "")
    assert all(char == " " or unicodedata.category(char)[0] in "LM" or char in "0123456789" for char in shown)
    assert encoding(value) == "GSM-7" or locale != "en"


@given(LINES, st.sampled_from(LOCALES), st.one_of(st.none(), MOMENTS), MOMENTS, st.integers(0, 9999))
def test_what_is_rendered_passes_the_operators_and_costs_at_most_its_budget(
    lines: list[tuple[int, str]], locale: str, ship_by: datetime | None, now: datetime, left: int
) -> None:
    by = by_value(ship_by.isoformat() if ship_by else None, locale, now.isoformat())
    item = item_value(lines, locale)
    phones = Phones()
    for kind, values in (("NEW_ORDER", {"item": item, "by": by}), ("CANCELLED", {"item": item, "left": str(left)})):
        template = load()[kind, locale]
        phones.register("1101", "HUNARS", kind, template.text, numeric={"left"})
        text = render(template, values)
        phones.deliver(
            {
                "DestinationPhoneNumber": "+919999900011",
                "OriginationIdentity": "HUNARS",
                "MessageBody": text,
                "DestinationCountryParameters": {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": kind},
            }
        )
        assert parts(text) <= template.parts_budget
    assert [entry["template_id"] for entry in phones.received()] == ["NEW_ORDER", "CANCELLED"]


@given(MOMENTS, MOMENTS)
def test_the_time_that_is_told_is_never_later_than_the_true_one(ship_by: datetime, now: datetime) -> None:
    told = by_value(ship_by.isoformat(), "en", now.isoformat())
    india = timezone(timedelta(hours=5, minutes=30))
    true, today = ship_by.astimezone(india), now.astimezone(india)
    if len(told.split()) == 2:
        # The hour has passed: from the small hours' evening at the earliest.
        assert told == f"{today.day} {today:%b}"
        assert true - timedelta(hours=6) <= today
        return
    # The evening before the small hours of 1 January is in the year before.
    year = (true - timedelta(hours=5)).year if told.startswith("31 Dec 11 pm") else true.year
    stated = datetime.strptime(f"{year} {told.replace('noon', 'pm')}", "%Y %d %b %I %p").replace(tzinfo=india)
    assert timedelta(0) <= true - stated < timedelta(hours=6)


@given(MOMENTS, st.sampled_from(LOCALES))
def test_every_time_fits_its_slot(ship_by: datetime, locale: str) -> None:
    assert len(by_value(ship_by.isoformat(), locale, "2025-01-01T00:00:00Z").encode("utf-16-le")) // 2 <= BY_LIMIT
