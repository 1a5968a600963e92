"""The registered texts: what operators demand, what leaders can read, what each may cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hunar import sms_templates
from hunar.domain.sms_text import LOCALES, Slot, Template, by_value, fixed_text, item_value, parts, render
from hunar.sms_templates import load, parse, problems, reviewed, usable

KINDS = ("NEW_ORDER", "CANCELLED", "HOLD", "RELEASED", "SERVED")
NOW = "2026-11-24T06:00:00Z"
EVERY = sorted(load().items())


def test_every_kind_has_a_text_in_every_language() -> None:
    assert set(load()) == {(kind, locale) for kind in KINDS for locale in LOCALES}
    assert load() is load()


@pytest.mark.parametrize(("place", "template"), EVERY, ids=["-".join(place) for place, _ in EVERY])
def test_no_text_has_a_problem(place: tuple[str, str], template: Template) -> None:
    assert problems(template) == []
    assert (template.kind, template.locale) == place


@pytest.mark.parametrize("locale", LOCALES)
def test_the_longest_values_stay_within_the_budget(locale: str) -> None:
    long_name = {"en": "Terracotta", "hi": "टेराकोटा", "bn": "টেরাকোটা", "ta": "டெரகோட்டா"}[locale] * 4
    item = item_value([(12, long_name), (1234, "Cap")], locale)
    times = [by_value(f"2027-{m:02}-28T{h:02}:30:00Z", locale, NOW) for m in range(1, 13) for h in range(24)]
    for by in [*times, by_value(None, locale, NOW)]:
        template = load()["NEW_ORDER", locale]
        assert parts(render(template, {"item": item, "by": by})) <= template.parts_budget
    cancelled = load()["CANCELLED", locale]
    assert parts(render(cancelled, {"item": item, "left": "9999"})) <= cancelled.parts_budget


@pytest.mark.parametrize("locale", LOCALES)
def test_what_how_many_and_by_when_stand_in_the_first_part(locale: str) -> None:
    """A feature phone may show the parts apart, and the first is what is read."""
    by = by_value("2026-11-26T11:30:00Z", locale, NOW)
    text = render(load()["NEW_ORDER", locale], {"item": "w" * 16, "by": by})
    assert text.index(by) + len(by) <= 67


def test_the_texts_read_as_they_should() -> None:
    new = {"item": "2 Jute tote", "by": by_value("2026-11-26T12:00:00Z", "en", NOW)}
    assert render(load()["NEW_ORDER", "en"], new) == (
        "Get ready: 2 Jute tote. Hand over by 26 Nov 5 pm. This is a new order from Hunar."
    )
    gone = {"item": "2 Jute tote", "left": "0"}
    assert render(load()["CANCELLED", "en"], gone) == (
        "Cancelled: 2 Jute tote. Total to hand over now from this order: 0. This is a message from Hunar."
    )
    hindi = {"item": "2 जूट थैला", "by": by_value(None, "hi", NOW)}
    assert render(load()["NEW_ORDER", "hi"], hindi) == (
        "तैयार करें: 2 जूट थैला। फिर हमेशा के समय तक दे दें। यह Hunar का नया ऑर्डर है।"
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_a_cancellation_says_the_same_of_nothing_left_as_of_some(locale: str) -> None:
    """The number stands after a colon, so no word has to agree with it and 0 is no special case."""
    before, after = fixed_text(load()["CANCELLED", locale].text)[1:]
    assert before.endswith(": ")
    assert after[0] in ".।"


def test_the_files_differ_by_language_in_words_only() -> None:
    for kind in KINDS:
        assert len({tuple(load()[kind, locale].slots.items()) for locale in LOCALES}) == 1
        assert [load()[kind, locale].parts_budget for locale in ("en", "hi", "bn", "ta")] == [1, 2, 2, 2]


GOOD = load()["CANCELLED", "en"]
NEW = load()["NEW_ORDER", "en"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (replace(GOOD, locale="mr"), "locale mr"),
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
        (replace(GOOD, slots={**GOOD.slots, "left": Slot("alphanumeric", 4)}), "slot left"),
        (replace(GOOD, slots={**GOOD.slots, "left": Slot("numeric", 31)}), "slot left: its length"),
        (
            replace(GOOD, text=GOOD.text + " {buyer} paid", slots={**GOOD.slots, "buyer": Slot("alphanumeric", 20)}),
            "slot buyer",
        ),
        (
            replace(GOOD, text=GOOD.text + " {by} now", slots={**GOOD.slots, "by": Slot("alphanumeric", 20)}),
            "more than 2",
        ),
        (replace(GOOD, text=GOOD.text + " Please do not send what is cancelled, thank you."), "parts: 2 at worst"),
        (replace(GOOD, text=GOOD.text.replace("Total", "Total – ")), "parts: 2 at worst"),
        (replace(GOOD, parts_budget=2), "parts_budget"),
        (replace(NEW, text="A {item} b {by} Hunar"), "30 %"),
        (replace(GOOD, review="ok"), "review"),
        (replace(GOOD, intent=""), "intent"),
    ],
)
def test_a_text_that_would_fail_outside_fails_here(template: Template, said: str) -> None:
    assert any(said in problem for problem in problems(template))


def test_production_sends_only_what_a_speaker_has_read() -> None:
    draft, spoken = GOOD, replace(GOOD, review="Asha Devi, 2026-11-20")
    assert not reviewed(draft)
    assert reviewed(spoken)
    assert problems(spoken) == []
    assert usable(draft, production=False)
    assert not usable(draft, production=True)
    assert usable(spoken, production=True)


def test_a_file_that_is_no_template_names_what_is_wrong() -> None:
    folder = Path(str(sms_templates.__file__)).parent
    content = json.loads((folder / "cancelled.ta.json").read_text(encoding="utf-8"))
    assert parse(content) == load()["CANCELLED", "ta"]
    with pytest.raises(ValueError, match="dlt_id"):
        parse(content | {"dlt_id": "1107000000000000204"})
    with pytest.raises(ValueError, match="slots"):
        parse({name: value for name, value in content.items() if name != "slots"})
    with pytest.raises(ValueError, match="max_length"):
        parse(content | {"slots": {"item": {"type": "alphanumeric"}}})
