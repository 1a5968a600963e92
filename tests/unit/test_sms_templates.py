"""The registered texts: what operators demand, what leaders can read, what each may cost."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from hunar import sms_templates
from hunar.domain.sms_rules import SLOTS, language_problems, problems, word_problems, worst_values
from hunar.domain.sms_text import (
    LOCALES,
    Language,
    Slot,
    Template,
    Words,
    amount_value,
    by_value,
    fixed_text,
    item_value,
    parts,
    render,
)
from hunar.domain.text_kinds import FORMS
from hunar.sms_templates import language, parse, usable

NOW = "2026-11-24T06:00:00Z"
LANGUAGES = [language(locale) for locale in LOCALES]
EVERY = [(found, template) for found in LANGUAGES for template in found.templates]
EACH = pytest.mark.parametrize(
    ("found", "template"), EVERY, ids=[f"{template.locale}-{template.form}" for _, template in EVERY]
)
SPOKEN = pytest.mark.parametrize("found", LANGUAGES, ids=LOCALES)
LONG_NAMES = {
    "en": "Terracotta",
    "hi": "टेराकोटा",
    "bn": "টেরাকোটা",
    "ta": "டெரகோட்டா",
    "te": "టెర్రకోట",
    "mr": "टेराकोटा",
    "gu": "ટેરાકોટા",
    "kn": "ಟೆರಾಕೋಟ",
    "ml": "ടെറാക്കോട്ട",
    "or": "ଟେରାକୋଟା",
    "pa": "ਟੈਰਾਕੋਟਾ",
    "as": "টেৰাকোটা",
    "ur": "ٹیراکوٹا",
}


def test_every_language_has_every_wording_and_a_file_of_its_own() -> None:
    files = {file.name for file in resources.files(sms_templates).iterdir() if file.name.endswith(".json")}
    assert files == {f"{locale}.json" for locale in LOCALES}
    assert len(LOCALES) == 13
    for found in LANGUAGES:
        assert {template.form for template in found.templates} == set(FORMS)
    assert language("hi") is language("hi")


@SPOKEN
def test_no_language_has_a_problem(found: Language) -> None:
    assert language_problems(found) == []


def on_file(template: Template) -> re.Pattern[str]:
    """The text as an operator matches it, read from the text alone."""
    pattern = re.escape(template.text).replace(r"\{", "{").replace(r"\}", "}")
    for name, slot in template.slots.items():
        letters = "[0-9]" if slot.type == "numeric" else r"[^.,:;।!?/+()-]"
        pattern = pattern.replace("{" + name + "}", f"(?P<{name}>{letters}{{1,30}})")
    return re.compile(pattern)


def realistic(found: Language) -> list[dict[str, str]]:
    """Long names, long numbers and every month and hour, as the use cases make them."""
    name = (LONG_NAMES[found.locale] * 4)[:40]
    items = [
        item_value(lines, found.words, least=0)
        for lines in (
            [(12, name), (1234, "Cap")],
            [(1, "Handwoven cotton stole")],
            [(9999, "🙂"), (1, name)],
            [(1, name[:6]), (1, name[:5]), (7, "x")],
            [(0, name)],
        )
    ]
    hours = [f"2027-09-28T{hour:02}:30:00Z" for hour in range(24)]
    months = [f"2027-{month:02}-28T07:30:00Z" for month in range(1, 13)]
    times = [by_value(time, found.words, NOW) for time in [*hours, *months]]
    rest = {"left": "9999", "count": "9999", "amount": amount_value(99_999_999_999), "account": "0007"}
    rest |= {"utr": "HDFCR52026112400012345", "code": "000007", "ending": "07"}
    longest = max(times, key=len)
    return [
        *({"item": item, "by": longest} | rest for item in items),
        *({"item": max(items, key=len), "by": by} | rest for by in [*times, by_value(None, found.words, NOW)]),
    ]


@EACH
def test_whatever_the_values_an_operator_finds_the_registered_text_and_it_stays_in_its_budget(
    found: Language, template: Template
) -> None:
    pattern = on_file(template)
    made = [{name: values[name] for name in template.slots} for values in realistic(found)]
    for values in [*made, *worst_values(template, found.words)]:
        text = render(template, values)
        matched = pattern.fullmatch(text)
        assert matched is not None
        assert matched.groupdict() == values
        assert parts(text) <= template.parts_budget


@EACH
def test_english_costs_one_part_and_another_script_two(found: Language, template: Template) -> None:
    assert template.parts_budget <= (1 if template.locale == "en" else 2)
    assert {name: template.slots[name] for name in template.slots} == {
        name: SLOTS[name] for name in FORMS[template.form]
    }


@pytest.mark.parametrize("locale", ["en", "hi", "bn", "ta"])
def test_a_reminder_costs_one_part(locale: str) -> None:
    assert language(locale).text("SHIP_BY").parts_budget == 1


@EACH
def test_only_a_payment_with_its_amount_has_three_slots(found: Language, template: Template) -> None:
    assert (len(template.slots) == 3) == (template.form == "PAYOUT_PAID") == bool(template.why_three)


def test_the_texts_read_as_they_should() -> None:
    english, hindi = language("en"), language("hi")
    new = {"item": "2 Jute tote", "by": by_value("2026-11-26T12:00:00Z", english.words, NOW)}
    assert render(english.text("NEW_ORDER"), new) == (
        "Get ready: 2 Jute tote. Hand over by 26 Nov 5 pm. This is a new order from Hunar."
    )
    gone = {"item": "2 Jute tote", "left": "0"}
    assert render(english.text("CANCELLED"), gone) == (
        "Cancelled: 2 Jute tote. Total to hand over now from this order: 0. This is a message from Hunar."
    )
    usual = {"item": "2 जूट थैला", "by": by_value(None, hindi.words, NOW)}
    assert render(hindi.text("NEW_ORDER"), usual) == (
        "तैयार करें: 2 जूट थैला। फिर हमेशा के समय तक दे दें। यह Hunar का नया ऑर्डर है।"
    )
    paid = {"amount": amount_value(123_456), "account": "0042", "utr": "HDFCR52026112400012345"}
    assert render(english.text("PAYOUT_PAID"), paid) == (
        "Paid to you: Rs 1234 into the account ending 0042. The bank's reference is HDFCR52026112400012345. "
        "Sent by Hunar."
    )


@SPOKEN
def test_a_text_without_amounts_has_none(found: Language) -> None:
    for form in ("PAYOUT_COMPUTED_PLAIN", "PAYOUT_PAID_PLAIN"):
        assert "amount" not in found.text(form).slots


@SPOKEN
def test_a_cancellation_says_the_same_of_nothing_left_as_of_some(found: Language) -> None:
    """The number stands between a colon and a full stop, so no word has to agree with it and 0 is no special case."""
    before, after = fixed_text(found.text("CANCELLED").text)[1:]
    assert before.endswith(": ")
    assert after[0] in ".।۔"


ENGLISH = language("en")
GOOD = ENGLISH.text("CANCELLED")
NEW = ENGLISH.text("NEW_ORDER")
PAID = ENGLISH.text("PAYOUT_PAID")
HINDI = language("hi").text("CANCELLED")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (replace(GOOD, locale="fr"), "locale fr"),
        (replace(GOOD, text=GOOD.text.replace("from", "fro\u006d e\u0301")), "normal form C"),
        (replace(GOOD, text=GOOD.text.replace("Total", " Total")), "doubled spaces"),
        (replace(GOOD, text=GOOD.text.replace(". Total", ".\nTotal")), "line breaks"),
        (replace(GOOD, text=GOOD.text.replace("Total", "Total १")), "ASCII"),
        (replace(GOOD, text=GOOD.text.replace("Total", "Call 9999900011")), "as long as a phone's"),
        (replace(GOOD, text=GOOD.text.replace("Total", "See hunar.in")), "a link"),
        (replace(GOOD, text=GOOD.text.replace("order:", "order now!:")), "urges"),
        (replace(GOOD, text=GOOD.text.replace("Hunar", "us")), "does not name Hunar"),
        (replace(GOOD, text=GOOD.text.removeprefix("Cancelled: ")), "does not begin"),
        (replace(GOOD, text=GOOD.text.replace(". Total to hand over now from this order: ", ", ")), "no word between"),
        (replace(GOOD, text="Hunar cancelled now in this order: {item}. Left {left}"), "none after the last"),
        (replace(GOOD, text=GOOD.text + " {Name}"), "a brace"),
        (replace(GOOD, text=GOOD.text.replace("{left}", "{item}")), "differ"),
        (replace(GOOD, form="POEM"), "form POEM"),
        (replace(GOOD, form="HOLD"), "HOLD has item"),
        (replace(GOOD, version=0), "version"),
        (replace(GOOD, slots={**GOOD.slots, "left": Slot("alphanumeric", 4)}), "slot left: is numeric of 4"),
        (replace(GOOD, slots={**GOOD.slots, "left": Slot("numeric", 31)}), "slot left: is numeric of 4"),
        (
            replace(GOOD, text=GOOD.text + " {buyer} paid", slots={**GOOD.slots, "buyer": Slot("alphanumeric", 20)}),
            "slot buyer: nothing fills it",
        ),
        (
            replace(GOOD, text=GOOD.text + " {by} now", slots={**GOOD.slots, "by": Slot("alphanumeric", 20)}),
            "more than 2, and no why_three",
        ),
        (replace(PAID, why_three=""), "more than 2, and no why_three"),
        (
            replace(PAID, text=PAID.text + " {by} now", slots={**PAID.slots, "by": Slot("alphanumeric", 20)}),
            "more than 2 and one",
        ),
        (replace(GOOD, why_three="for safety"), "why_three"),
        (replace(GOOD, text=GOOD.text + " Please do not send what is cancelled, thank you."), "parts: 2 at worst"),
        (replace(GOOD, text=GOOD.text.replace("Total", "Total – ")), "parts: 2 at worst"),
        (replace(GOOD, text=GOOD.text.replace("Total", "Total – ")), "U+2013"),
        (replace(GOOD, text=GOOD.text.replace("Total", "Total €")), "U+20AC"),
        (replace(GOOD, text=GOOD.text.replace("Total", "Total [1]")), "U+005B"),
        (replace(HINDI, text=HINDI.text.replace("अब", "ab")), "U+0061"),
        (replace(HINDI, text=HINDI.text.replace("अब", "এখন")), "U+098F"),
        (replace(HINDI, text=HINDI.text.replace("अब", "अब\u200b")), "U+200B"),
        (replace(HINDI, text=HINDI.text.replace("अब", "अब ₹")), "U+20B9"),
        (replace(HINDI, text=HINDI.text.replace("अब", "बढ़".replace("\u0922\u093c", "\u095d"))), "normal form C"),
        (replace(GOOD, parts_budget=2), "parts_budget"),
        (replace(GOOD, parts_budget=0), "parts_budget"),
        (replace(NEW, text="A {item} b {by} Hunar"), "30 %"),
        (replace(GOOD, review="ok"), "review"),
        (replace(GOOD, intent=""), "intent"),
    ],
)
def test_a_text_that_would_fail_outside_fails_here(template: Template, said: str) -> None:
    assert any(
        said in problem
        for problem in problems(template, language(template.locale).words if template.locale != "fr" else ENGLISH.words)
    )


def test_the_time_stands_in_the_part_that_is_read_first() -> None:
    late = language("hi").text("NEW_ORDER")
    late = replace(late, text="यह एक नया ऑर्डर है, इसे तैयार करें: {item}। फिर {by} तक दे दें। यह Hunar का है।")
    assert problems(late, language("hi").words) == [
        "text: until when stands after unit 67, which another part may bring"
    ]


def test_a_joiner_inside_a_word_is_part_of_the_script() -> None:
    bengali = language("bn")
    text = bengali.text("HOLD")
    assert problems(replace(text, text=text.text.replace("নতুন", "নতুন ক্\u200dষ")), bengali.words) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"usual": "हमेशा के समय पर ही दे दें"}, "longer than 20"),
        ({"usual": "the usual time"}, "U+0074"),
        ({"usual": "हमेशा, जैसे"}, "punctuation"),
        ({"joined": "बढ़".replace("\u0922\u093c", "\u095d")}, "normal form C"),
        ({"other": "और दूसरे"}, "needs one {}"),
        ({"other": "और उनके अलावा {} दूसरे"}, "other: leaves too little room"),
        ({"piece": "कोई भी एक सामान"}, "piece: longer"),
        ({"months": language("hi").words.months[:11]}, "months"),
        ({"day_parts": ((6, "सुबह {}"),)}, "day_parts"),
        ({"day_parts": ((5, "सुबह {}"), (4, "रात {}"))}, "day_parts"),
        ({"day_parts": ((5, "सुबह"),)}, "needs one {}"),
    ],
)
def test_words_that_no_slot_would_take_are_named(changed: dict[str, object], said: str) -> None:
    words: Words = replace(language("hi").words, **changed)  # type: ignore[arg-type]
    assert any(said in problem for problem in word_problems(words, "hi"))


def test_a_language_names_what_it_lacks_and_what_it_says_twice() -> None:
    fewer = replace(ENGLISH, templates=tuple(text for text in ENGLISH.templates if text.form != "HOLD"))
    assert language_problems(fewer) == ["HOLD: missing"]
    nobody = tuple(replace(text, text=text.text.replace("Hunar", "us")) for text in ENGLISH.templates)
    assert len(language_problems(replace(ENGLISH, templates=nobody))) == len(FORMS)
    same = replace(ENGLISH, templates=(*ENGLISH.templates, replace(NEW, version=2)))
    assert language_problems(same) == [
        "NEW_ORDER version 2: is the text of NEW_ORDER version 1, and an operator registers a text once"
    ]


def test_an_old_version_stays_until_the_new_one_is_approved() -> None:
    newer = replace(NEW, version=2, text=NEW.text.replace("Get ready", "Make ready"))
    both = replace(ENGLISH, templates=(*ENGLISH.templates, newer))
    assert both.text("NEW_ORDER") is newer
    assert both.text("NEW_ORDER", 1) is NEW
    assert language_problems(both) == []
    with pytest.raises(KeyError, match="NEW_ORDER en version 3"):
        both.text("NEW_ORDER", 3)
    with pytest.raises(KeyError, match="POEM en"):
        both.text("POEM")


def test_production_sends_only_what_a_speaker_has_read() -> None:
    draft, spoken = GOOD, replace(GOOD, review="Asha Devi, 2026-11-20")
    assert not draft.reviewed
    assert spoken.reviewed
    assert problems(spoken, ENGLISH.words) == []
    assert usable(draft, production=False)
    assert not usable(draft, production=True)
    assert usable(spoken, production=True)


def content() -> dict[str, object]:
    return json.loads(Path(str(resources.files(sms_templates).joinpath("en.json"))).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_a_file_with_a_field_too_much_or_too_little_is_no_language() -> None:
    good = content()
    assert parse(good) == ENGLISH
    texts: list[dict[str, object]] = good["texts"]  # type: ignore[assignment]
    words: dict[str, object] = good["words"]  # type: ignore[assignment]
    for wrong, said in (
        (good | {"dlt_id": "1107000000000000204"}, "dlt_id"),
        ({name: value for name, value in good.items() if name != "words"}, "words"),
        (good | {"words": words | {"more": "and"}}, "more"),
        (good | {"texts": [texts[0] | {"dlt_id": "1"}]}, "dlt_id"),
        (good | {"texts": [{name: value for name, value in texts[0].items() if name != "review"}]}, "review"),
        (good | {"texts": [texts[0], texts[0]]}, "NEW_ORDER version 1 stands twice"),
    ):
        with pytest.raises(ValueError, match=f"^en: no language: .*{said}"):
            parse(wrong)


def test_a_language_without_texts_is_an_error() -> None:
    with pytest.raises(ValueError, match="locale 'fr' has no texts"):
        language("fr")
