"""Whatever the words are: parts as independent counters count them, values that every operator lets through."""

from __future__ import annotations

import random
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import smsutil
from hypothesis import given
from hypothesis import strategies as st

from hunar.domain.sms_text import (
    BY_LIMIT,
    LOCALES,
    amount_value,
    by_value,
    encoding,
    item_value,
    parts,
    render,
)
from hunar.sms_templates import language
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
BORDERS = st.builds(
    # Right before the end of a part comes what must not be cut: an escaped character, a surrogate pair.
    lambda filler, length, odd, rest: filler * length + odd + filler * rest,
    st.sampled_from("aक"),
    st.sampled_from([units - back for units in (67, 70, 134, 153, 160, 201, 306) for back in range(4)]),
    st.text("€[😀aक", max_size=4),
    st.integers(0, 200),
)
LATIN = "abcdefghij KLMNOPQRST 0123456789 @£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà"
ALPHABETS = (
    LATIN,
    LATIN + "\f^{}\\[~]|€" * 4,
    "abc 019 ç`’\u00a0₹–",
    "कखगजा ि ् ষ্টি মট தமிழ் ണ ਟ ઊ ଓ ٹ \u200c\u200d12।",
    "कत 😀\U0001d400\U00011900",
)
RUPEES = st.integers(0, 99_999_999_999)


@given(st.one_of(GSM, NATIVE, BORDERS, st.text(max_size=200)))
def test_three_counters_that_share_no_code_agree(text: str) -> None:
    assert parts(text) == count_parts(text) == len(smsutil.split(text).parts)


@given(st.integers(0, 2**64))
def test_ten_mixed_texts_of_every_length_cost_what_smsutil_counts(seed: int) -> None:
    """A night of 100,000 examples compares a million texts: made by ``random``, so that it takes minutes, not hours."""
    rng = random.Random(seed)
    for _ in range(10):
        text = "".join(rng.choices(rng.choice(ALPHABETS), k=rng.randrange(480)))
        cut = rng.randrange(len(text) + 1)
        text = text[:cut] + rng.choice(("", "€", "[", "😀", "\u200d", "ा")) + text[cut:]
        assert parts(text) == len(smsutil.split(text).parts), f"{text!r}"


@given(NATIVE)
def test_parts_are_enough_and_not_one_too_many_for_the_units(text: str) -> None:
    units = len(text.encode("utf-16-le")) // 2
    if encoding(text) == "UCS-2" and units > 70:
        # Each part but the last may leave one unit empty, before a surrogate pair.
        assert -(-units // 67) <= parts(text) <= -(-units // 66)


@given(LINES, st.sampled_from(LOCALES), st.integers(16, 30))
def test_an_item_value_fits_and_keeps_every_letter_whole(lines: list[tuple[int, str]], locale: str, limit: int) -> None:
    value = item_value(lines, language(locale).words, limit)
    assert 0 < len(value.encode("utf-16-le")) // 2 <= limit
    assert value == unicodedata.normalize("NFC", value) == " ".join(value.split())
    for word in value.split():
        assert unicodedata.category(word[0])[0] != "M"
    shown = value.replace("\u200c", "").replace("\u200d", "")
    assert all(char == " " or unicodedata.category(char)[0] in "LM" or char in "0123456789" for char in shown)
    assert encoding(value) == "GSM-7" or locale != "en"


@given(LINES, st.sampled_from(LOCALES), st.one_of(st.none(), MOMENTS), MOMENTS, st.integers(0, 9999), RUPEES)
def test_what_is_rendered_passes_the_operators_and_costs_at_most_its_budget(
    lines: list[tuple[int, str]], locale: str, ship_by: datetime | None, now: datetime, number: int, paise: int
) -> None:
    spoken = language(locale)
    values = {
        "item": item_value(lines, spoken.words),
        "by": by_value(ship_by.isoformat() if ship_by else None, spoken.words, now.isoformat()),
        "left": str(number),
        "count": str(number),
        "amount": amount_value(paise),
        "account": f"{number:04}",
        "utr": f"HDFCR520261124{number:04}",
        "code": f"{number:06}",
        "ending": f"{number % 100:02}",
    }
    phones = Phones()
    for template in spoken.templates:
        numeric = [name for name, slot in template.slots.items() if slot.type == "numeric"]
        phones.register("1101", "HUNARS", template.form, template.text, numeric=numeric)
        text = render(template, {name: values[name] for name in template.slots})
        phones.deliver(
            {
                "DestinationPhoneNumber": "+919999900011",
                "OriginationIdentity": "HUNARS",
                "MessageBody": text,
                "DestinationCountryParameters": {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": template.form},
            }
        )
        assert parts(text) <= template.parts_budget
    assert len(phones.received()) == len(spoken.templates)


@given(MOMENTS, MOMENTS)
def test_the_time_that_is_told_is_never_later_than_the_true_one(ship_by: datetime, now: datetime) -> None:
    told = by_value(ship_by.isoformat(), language("en").words, now.isoformat())
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
    told = by_value(ship_by.isoformat(), language(locale).words, "2025-01-01T00:00:00Z")
    assert len(told.encode("utf-16-le")) // 2 <= BY_LIMIT


@given(RUPEES)
def test_an_amount_is_less_than_a_rupee_below_what_was_earned(paise: int) -> None:
    assert 0 <= paise - 100 * int(amount_value(paise)) < 100
