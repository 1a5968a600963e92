"""What a text to a group says, and how many parts it costs."""

from __future__ import annotations

import pytest

from hunar.domain.sms_text import Slot, Template, amount_value, by_value, encoding, item_value, parts, render
from hunar.sms_templates import language

EN, HI, BN, TA = (language(locale).words for locale in ("en", "hi", "bn", "ta"))
NOW = "2026-11-24T06:00:00Z"
"""24 November 2026, 11:30 in India."""


def template(text: str = "Ready: {item}. Left {left} of it. Hunar", **changes: object) -> Template:
    fields: dict[str, object] = {
        "form": "NEW_ORDER",
        "locale": "en",
        "version": 1,
        "text": text,
        "slots": {"item": Slot("alphanumeric", 24), "left": Slot("numeric", 4)},
        "parts_budget": 1,
        "review": "draft",
        "intent": "for this test",
    }
    return Template(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "coding", "count"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        # Ten characters fewer than two full parts, but the euro's escape may not end a part.
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("क" * 70, "UCS-2", 1),
        ("क" * 71, "UCS-2", 2),
        ("क" * 134, "UCS-2", 2),
        ("क" * 135, "UCS-2", 3),
        ("क" * 66 + "😀" + "क" * 66, "UCS-2", 3),
        ("क" * 65 + "😀" + "क" * 67, "UCS-2", 2),
    ],
)
def test_parts_are_what_an_operator_bills(text: str, coding: str, count: int) -> None:
    assert (encoding(text), parts(text)) == (coding, count)


@pytest.mark.parametrize("char", ["₹", "–", "’", "\u00a0", "`", "…", "•", "ç", "क"])
def test_one_character_outside_the_alphabet_makes_the_whole_text_dear(char: str) -> None:
    assert parts("a" * 150) == 1
    assert encoding("a" * 150 + char) == "UCS-2"
    assert parts("a" * 150 + char) == 3


def test_a_text_is_rendered_with_its_values() -> None:
    assert render(template(), {"item": "2 Jute tote", "left": "0"}) == "Ready: 2 Jute tote. Left 0 of it. Hunar"


@pytest.mark.parametrize(
    ("values", "slot"),
    [
        ({"item": "2 Jute tote"}, "left"),
        ({"item": "2 Jute tote", "left": "1", "buyer": "Asha"}, "buyer"),
        ({"item": "", "left": "1"}, "item"),
        ({"item": "w" * 25, "left": "1"}, "item"),
        ({"item": "2 Jute tote", "left": "12345"}, "left"),
        ({"item": "2 Jute tote", "left": "-1"}, "left"),
        ({"item": "2 Jute tote", "left": "१"}, "left"),
        ({"item": "2 Jute tote", "left": "²"}, "left"),
        ({"item": "2 Jute\ntote", "left": "1"}, "item"),
        ({"item": "2 Jute,tote", "left": "1"}, "item"),
        ({"item": "https://x.in", "left": "1"}, "item"),
        ({"item": "www.hunar.in", "left": "1"}, "item"),
        ({"item": "2  Jute tote", "left": "1"}, "item"),
        ({"item": " 2 Jute tote", "left": "1"}, "item"),
        ({"item": "\u0301 tote", "left": "1"}, "item"),
        ({"item": "2 e\u0301tui", "left": "1"}, "item"),
        ({"item": "9999900011", "left": "1"}, "item"),
        ({"item": "२ tote", "left": "1"}, "item"),
        ({"item": "2 जूट", "left": "1"}, "item"),
        ({"item": "2 Jute {left}", "left": "1"}, "item"),
    ],
)
def test_a_value_that_would_be_refused_is_named_by_its_slot_and_not_repeated(values: dict[str, str], slot: str) -> None:
    with pytest.raises(ValueError, match=f"^slot {slot}: ") as caught:
        render(template(), values)
    assert not any(len(value) > 2 and value in str(caught.value) for value in values.values())


def test_native_words_fill_a_native_text() -> None:
    hindi = template("तैयार: {item}। बाकी {left} देना है। Hunar", locale="hi")
    assert render(hindi, {"item": "2 जूट थैला", "left": "3"}) == "तैयार: 2 जूट थैला। बाकी 3 देना है। Hunar"


@pytest.mark.parametrize(
    ("lines", "locale", "said"),
    [
        ([(2, "Jute tote")], "en", "2 Jute tote"),
        ([(2, "Jute tote"), (1, "Lunch bag")], "en", "2 Jute tote 1 Lunch bag"),
        ([(2, "Jute tote"), (1, "Jute tote")], "en", "3 Jute tote"),
        ([(2, "Jute tote"), (1, "Lunch bag"), (5, "Diya set")], "en", "2 Jute tote and 6 other"),
        ([(1, "Tote"), (1, "Cap"), (2, "Terracotta horse")], "en", "1 Tote 1 Cap and 2 other"),
        ([(3, "12 Diya")], "en", "3 x 12 Diya"),
        ([(3, "Diya 12"), (1, "Cap")], "en", "3 Diya 12 and 1 Cap"),
        ([(2, "Terracotta horse painted by hand")], "en", "2 Terracotta horse"),
        ([(2, "Terracottahorsepaintedbyhand")], "en", "2 Terracottahorsepainted"),
        ([(2, "Mango pickle (400 g), spicy!")], "en", "2 Mango pickle 400 g"),
        ([(2, "Purée ½ kg à la ā")], "en", "2 Purée kg à la a"),
        ([(2, "जूट थैला")], "en", "2 item"),
        ([(2, "Call 9999900011")], "en", "2 Call"),
        ([(2, "अचार ४०० ग्राम")], "hi", "2 अचार 400 ग्राम"),
        ([(2, "जूट थैला"), (1, "लंच बैग"), (1, "टोपी")], "hi", "2 जूट थैला और 2 दूसरे"),
        ([(2, "জুট ব্যাগ"), (1, "টুপি"), (3, "চাদর")], "bn", "2 জুট ব্যাগ আর 4টি অন্য"),
        ([(2, "மாங்காய் ஊறுகாய்"), (1, "சேலை")], "ta", "2 மாங்காய் மற்றவை 1"),
        ([(2, "🙂")], "ta", "2 பொருள்"),
    ],
)
def test_what_to_make_ready_is_told_in_24_units(lines: list[tuple[int, str]], locale: str, said: str) -> None:
    assert item_value(lines, language(locale).words) == said
    assert len(said) <= 24


def test_a_name_without_a_space_is_cut_between_letters_and_never_inside_one() -> None:
    # ष ् ट ् र is one joined letter: cutting after its virama would show a letter that is not there.
    assert item_value([(1, "राष्ट्रराष्ट्र")], HI, limit=6) == "1 रा"
    assert item_value([(1, "राष्ट्रराष्ट्र")], HI, limit=9) == "1 राष्ट्र"
    # The zero-width joiner belongs to the letter before it.
    assert item_value([(1, "ক্\u200dক্\u200dকক")], BN, limit=9) == "1 ক্\u200dক্\u200dক"
    assert item_value([(1, "ক্\u200dক্\u200dকক")], BN, limit=8) == "1 জিনিস"
    assert item_value([(1, "কক\u200cকক")], BN, limit=4) == "1 ক"


def test_many_units_of_long_names_are_told_as_their_number() -> None:
    lines = [(123456, "Wwwwwwwwwwwwwwww"), (1234567, "Wwwwwwwwwwwwwwwx")]
    assert item_value(lines, EN) == "1358023 item"


@pytest.mark.parametrize("lines", [[], [(0, "Jute tote")], [(1, "Cap"), (-1, "Jute tote")]])
def test_nothing_to_make_ready_is_no_value(lines: list[tuple[int, str]]) -> None:
    with pytest.raises(ValueError, match="item"):
        item_value(lines, EN)


def test_a_number_of_units_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="item"):
        item_value([(10**30, "Jute tote")], EN)


@pytest.mark.parametrize(
    ("ship_by", "locale", "said"),
    [
        ("2026-11-26T11:30:00Z", "en", "26 Nov 5 pm"),
        ("2026-11-26T12:29:59Z", "en", "26 Nov 5 pm"),
        ("2026-11-26T17:59:59+05:30", "en", "26 Nov 5 pm"),
        ("2026-11-26T06:45:00Z", "en", "26 Nov 12 noon"),
        ("2026-11-26T05:00:00Z", "en", "26 Nov 10 am"),
        ("2026-11-26T11:30:00Z", "hi", "26 नवंबर शाम 5"),
        ("2026-11-26T07:00:00Z", "hi", "26 नवंबर दोपहर 12"),
        ("2026-11-26T15:00:00Z", "hi", "26 नवंबर रात 8"),
        ("2026-11-26T11:30:00Z", "bn", "26 নভেম্বর বিকেল 5টা"),
        ("2026-09-26T07:00:00Z", "bn", "26 সেপ্টে দুপুর 12টা"),
        ("2026-11-26T11:30:00Z", "ta", "26 நவம்பர் மாலை 5"),
        ("2026-09-26T07:00:00Z", "ta", "26 செப் மதியம் 12"),
        # The day in India, not the day in UTC.
        ("2026-11-26T23:45:00Z", "en", "27 Nov 5 am"),
    ],
)
def test_the_time_for_handing_over_is_the_indian_hour_before_it(ship_by: str, locale: str, said: str) -> None:
    now = "2026-06-01T00:00:00Z"
    assert by_value(ship_by, language(locale).words, now) == said


@pytest.mark.parametrize("ship_by", ["2026-11-26T18:30:00Z", "2026-11-26T20:00:00Z", "2026-11-26T23:29:59Z"])
def test_the_small_hours_are_told_as_the_evening_before_so_that_nobody_is_a_day_late(ship_by: str) -> None:
    assert by_value(ship_by, EN, NOW) == "26 Nov 11 pm"
    assert by_value(ship_by, HI, NOW) == "26 नवंबर रात 11"


def test_the_small_hours_of_the_first_day_belong_to_the_month_before() -> None:
    assert by_value("2026-12-31T20:00:00Z", EN, NOW) == "31 Dec 11 pm"


@pytest.mark.parametrize("ship_by", ["2026-11-24T06:20:00Z", "2026-11-24T05:40:00Z", "2026-11-20T06:00:00Z"])
def test_an_hour_that_has_passed_is_told_as_today(ship_by: str) -> None:
    assert by_value(ship_by, EN, NOW) == "24 Nov"
    assert by_value(ship_by, TA, NOW) == "24 நவம்பர்"


def test_at_the_very_hour_it_has_passed() -> None:
    assert by_value("2026-11-24T07:10:00Z", EN, "2026-11-24T06:30:00Z") == "24 Nov"
    assert by_value("2026-11-24T07:10:00Z", EN, "2026-11-24T06:29:59Z") == "24 Nov 12 noon"


def test_without_a_time_the_usual_one_is_named() -> None:
    assert [by_value(None, words, NOW) for words in (EN, HI, BN, TA)] == [
        "the usual time",
        "हमेशा के समय",
        "রোজকার মতো",
        "வழக்கம்போல்",
    ]


@pytest.mark.parametrize("ship_by", ["26 Nov", "2026-11-26T11:30:00"])
def test_a_time_without_an_offset_is_an_error(ship_by: str) -> None:
    with pytest.raises(ValueError, match=r"zone|isoformat"):
        by_value(ship_by, EN, NOW)


@pytest.mark.parametrize(
    ("paise", "said"),
    [(0, "0"), (99, "0"), (100, "1"), (123_456, "1234"), (123_499, "1234"), (99_999_999_999, "999999999")],
)
def test_an_amount_is_told_in_whole_rupees_and_never_more_than_was_earned(paise: int, said: str) -> None:
    assert amount_value(paise) == said


@pytest.mark.parametrize("paise", [-1, -100, 100_000_000_000])
def test_an_amount_below_nothing_or_of_ten_digits_is_an_error(paise: int) -> None:
    with pytest.raises(ValueError, match="amount"):
        amount_value(paise)


def test_a_shelf_may_be_told_as_empty() -> None:
    assert item_value([(0, "Jute tote")], EN, least=0) == "0 Jute tote"
    assert item_value([(2, "Jute tote"), (0, "Lunch bag"), (0, "Diya set")], EN, least=0) == "2 Jute tote and 0 other"
    assert item_value([(0, "जूट थैला"), (0, "दीया")], HI, least=0) == "0 जूट थैला 0 दीया"
    with pytest.raises(ValueError, match="item"):
        item_value([(-1, "Jute tote")], EN, least=0)


def test_a_letter_that_takes_two_units_is_no_letter_for_a_keypad_phone() -> None:
    assert item_value([(2, "Tote \U0001d400\U00011900")], HI) == "2 Tote"
    with pytest.raises(ValueError, match=r"^slot item: forbidden character U\+1D400$"):
        render(template(), {"item": "2 \U0001d400", "left": "1"})


@pytest.mark.parametrize(
    ("utr", "problem"),
    [("HDFCR52026112400012345", ""), ("633412345678", ""), ("SBIN-12", "forbidden"), ("x" * 23, "longer")],
)
def test_a_banks_reference_may_be_a_long_number(utr: str, problem: str) -> None:
    paid = template("Paid, see {utr}. Hunar", slots={"utr": Slot("alphanumeric", 22)})
    if not problem:
        assert render(paid, {"utr": utr}) == f"Paid, see {utr}. Hunar"
        return
    with pytest.raises(ValueError, match=problem):
        render(paid, {"utr": utr})
