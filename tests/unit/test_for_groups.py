"""The sheets that trainers read with groups show and quote the texts as they are registered today."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from hunar.domain.text_kinds import FORMS
from hunar.sms_templates import language
from local.phone_pictures import FOLDER, LOCALES, PICTURED, name, picture, pictures, said

SVG = "{http://www.w3.org/2000/svg}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
DRAFT = {"hi": "**मसौदा।**", "bn": "**খসড়া।**", "ta": "**வரைவு.**"}
EVERY = [(locale, form) for locale in LOCALES for form in PICTURED]


def sheet(locale: str) -> str:
    return (FOLDER / f"{locale}.md").read_text(encoding="utf-8")


def test_the_pictures_show_what_the_texts_say_today() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "pictures").iterdir()}
    drawn = pictures()
    assert kept.keys() == drawn.keys()
    old = [file for file, content in drawn.items() if kept[file] != content]
    assert old == [], "draw them anew: .venv/bin/python -m local.phone_pictures"


@pytest.mark.parametrize(("locale", "form"), EVERY)
def test_a_picture_shows_the_whole_text_and_says_it_to_who_cannot_see_it(locale: str, form: str) -> None:
    root = ET.fromstring(picture(locale, form))  # noqa: S314 (our own)
    assert (root.get("lang"), root.get(XML_LANG), root.get("role")) == (locale, locale, "img")
    spoken = [root.find(f"{SVG}{part}") for part in ("title", "desc")]
    assert root.get("aria-labelledby") == " ".join(str(part.get("id")) for part in spoken if part is not None)
    assert [part.text for part in spoken if part is not None] == [PICTURED[form][locale], said(locale, form)]
    screen = root.find(f"{SVG}g")
    assert screen is not None
    assert " ".join(str(line.text) for line in screen) == said(locale, form)
    assert len(screen) > 1


@pytest.mark.parametrize("locale", LOCALES)
def test_a_sheet_quotes_every_text_of_its_language_word_for_word(locale: str) -> None:
    quoted = re.findall(r"^> (.+)$", sheet(locale), re.M)
    assert sorted(quoted) == sorted(said(locale, form) for form in FORMS)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_sheet_shows_each_picture_of_its_language_above_the_text_that_it_shows(locale: str) -> None:
    shown = re.findall(r"^!\[(.+)\]\(pictures/(.+)\)\n\n> (.+)$", sheet(locale), re.M)
    assert sorted(shown) == sorted(
        (PICTURED[form][locale], name(locale, form), said(locale, form)) for form in PICTURED
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_a_sheet_is_called_a_draft_as_long_as_a_text_in_it_is_one(locale: str) -> None:
    draft = not all(language(locale).text(form).reviewed for form in FORMS)
    assert (DRAFT[locale] in sheet(locale)) is draft


def test_the_trainers_page_names_every_text_and_which_have_pictures() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|.*\|( yes )?\|$|^\| `([A-Z_]+)` \|.*\| \|$", page(), re.M)
    named = {first or third: bool(yes) for first, yes, third in rows}
    assert named == {form: form in PICTURED for form in FORMS}


def test_the_trainers_page_leads_to_every_sheet() -> None:
    assert sorted(re.findall(r"\]\((\w+)\.md\)", page())) == sorted(LOCALES)


def page() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")
