"""The texts as an operators' DLT portal has them: the sheet for filing them, and what it says of them afterwards.

A portal is one of two kinds. Airtel, BSNL, Jio and Vi want the type of each variable in the text,
``{#alphanumeric#}``; SmartPing and Tata keep ``{#var#}`` there and the types in a table beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hunar.domain.catalogue import DLT_ID, Item
from hunar.domain.sms_text import Language, Template, by_value, fixed_text, item_value, render, slot_names
from hunar.domain.spreadsheet import Problem, Record, damage

Portal = Literal["airtel", "bsnl", "jio", "smartping", "tata", "vi"]
TYPES_BESIDE: Final[frozenset[Portal]] = frozenset({"smartping", "tata"})
"""The portals that keep the types of the variables in a table of their own."""

CATEGORY: Final = "Service Implicit"
"""Alerts to somebody with whom there is a relation: sent at any hour, not stopped by do-not-disturb."""

SHEET: Final = (
    "name",
    "form",
    "language",
    "version",
    "category",
    "header",
    "entity id",
    "text",
    "variables",
    "sample",
    "reason for a third variable",
    "review",
    "meaning",
)
VARIABLES: Final = ("name", "variable", "stands for", "tag", "longest", "sample")
FILED: Final = ("template_id", "name", "text", "status")
"""The columns that are read of what a portal exports; others may stand beside them."""

State = Literal["approved", "waiting", "differs", "revoked", "rejected", "missing"]

_STATES: Final[Mapping[str, State]] = {
    "approved": "approved",
    "active": "approved",
    "registered": "approved",
    "pending": "waiting",
    "in progress": "waiting",
    "submitted": "waiting",
    "under review": "waiting",
    "revoked": "revoked",
    "inactive": "revoked",
    "suspended": "revoked",
    "blacklisted": "revoked",
    "deactivated": "revoked",
    "expired": "revoked",
    "rejected": "rejected",
}
_FIRST: Final[Sequence[State]] = ("approved", "differs", "waiting", "revoked", "rejected")
"""Of several rows about a text the first of these counts."""
_TAG: Final = re.compile(r"\{#\s*([A-Za-z]+)\s*#\}")
_TYPES: Final[Mapping[str, str]] = {
    "var": "",
    "numeric": "numeric",
    "number": "numeric",
    "alphanumeric": "alphanumeric",
}
_SEEN: Final = 24
"""Characters that are shown of two texts, from the word in which they differ."""


@dataclass(frozen=True)
class Filed:
    """A text as the portal has it on file."""

    row: int
    template_id: str
    name: str
    text: str
    state: State
    """What the portal says of it."""


@dataclass(frozen=True)
class Compared:
    """A text of ours and what the portal says of it."""

    template: Template
    state: State
    filed: Filed | None = None
    difference: str = ""

    @property
    def name(self) -> str:
        return filed_name(self.template)


def filed_name(template: Template) -> str:
    """The name under which a text is filed: ``NEW_ORDER_hi_1``."""
    return f"{template.form}_{template.locale}_{template.version}"


def filed_text(template: Template, *, tags: bool) -> str:
    """The text with the portal's sign for each variable."""
    text = template.text
    for name, slot in template.slots.items():
        text = text.replace("{" + name + "}", f"{{#{slot.type if tags else 'var'}#}}")
    return text


def sheet(languages: Iterable[Language], agency: Item, *, tags: bool) -> list[list[str | int | None]]:
    """The rows of SHEET, the newest version of each text."""
    rows: list[list[str | int | None]] = []
    for language, template in _newest(languages):
        samples = _samples(language, template)
        slots = [(name, template.slots[name]) for name in slot_names(template.text)]
        rows.append(
            [
                filed_name(template),
                template.form,
                language.name,
                template.version,
                CATEGORY,
                agency["sender_id"],
                agency["dlt_entity_id"],
                filed_text(template, tags=tags),
                "; ".join(f"{name}: {slot.type}, at most {slot.max_length}" for name, slot in slots),
                render(template, samples),
                template.why_three,
                template.review,
                template.intent,
            ]
        )
    return rows


def variables(languages: Iterable[Language]) -> list[list[str | int | None]]:
    """The rows of VARIABLES: the table beside the texts, in the order in which each says them."""
    rows: list[list[str | int | None]] = []
    for language, template in _newest(languages):
        samples = _samples(language, template)
        for place, name in enumerate(slot_names(template.text), 1):
            slot = template.slots[name]
            rows.append([filed_name(template), place, name, slot.type, slot.max_length, samples[name]])
    return rows


def _newest(languages: Iterable[Language]) -> Iterator[tuple[Language, Template]]:
    for language in languages:
        for form in dict.fromkeys(template.form for template in language.templates):
            yield language, language.text(form)


def _samples(language: Language, template: Template) -> dict[str, str]:
    """Values as a person at the portal would expect them. Nobody's account, and no date that will be past."""
    words = language.words
    samples = {
        "item": item_value([(2, words.piece)], words),
        "by": by_value("2026-11-26T11:30:00Z", words, "2026-11-24T06:00:00Z"),
        "left": "3",
        "count": "3",
        "amount": "1250",
        "account": "1234",
        "utr": "ABCDN12345678901",
        "code": "123456",
        "ending": "12",
    }
    return {name: samples[name] for name in template.slots}


def filed(file: str, records: Iterable[Record]) -> tuple[list[Filed], list[Problem]]:
    """The rows of a portal's table, and what is wrong with them."""
    found, problems, rows = [], [], dict[str, int]()
    for record in records:
        cells = {name: cell.strip() for name, cell in record.cells.items()}
        state = _STATES.get(cells["status"].lower())
        template_id = cells["template_id"].removeprefix("'")
        wrong = _wrong_id(template_id, state)
        if state is None:
            problems.append(Problem(file, record.row, "status", _said(cells["status"], ", ".join(_STATES))))
        elif wrong:
            problems.append(Problem(file, record.row, "template_id", wrong))
        elif template_id in rows:
            message = f"{template_id} stands in row {rows[template_id]} already"
            problems.append(Problem(file, record.row, "template_id", message))
        else:
            if template_id:
                rows[template_id] = record.row
            found.append(Filed(record.row, template_id, cells["name"], record.cells["text"], state))
    return found, problems


def _wrong_id(template_id: str, state: State | None) -> str | None:
    """An id is needed only of what is approved: some portals give it no earlier."""
    pattern, wanted = DLT_ID
    if not template_id:
        return f"is missing: {wanted}" if state == "approved" else None
    return damage(template_id) or (None if re.fullmatch(pattern, template_id) else f"{template_id!r} is not {wanted}")


def _said(value: str, known: str) -> str:
    return f"{value!r} is not one of {known}" if value else f"is missing: one of {known}"


def compare(file: str, languages: Sequence[Language], rows: Iterable[Filed]) -> tuple[list[Compared], list[Problem]]:
    """Each of our texts with what the portal says of it, and the rows that leave open which id is meant.

    A row is about the text whose name it has, else about the one that it says word for word. Others
    are not ours and left out.
    """
    ours = {filed_name(template): template for language in languages for template in language.templates}
    by_text = {_shape(filed_text(template, tags=True)): name for name, template in ours.items()}
    about: dict[str, list[Compared]] = {name: [] for name in ours}
    for row in rows:
        name = row.name if row.name in ours else by_text.get(_shape(row.text), "")
        if name:
            different = difference(ours[name], row.text)
            state = "differs" if different and row.state in ("approved", "waiting") else row.state
            about[name].append(Compared(ours[name], state, row, different))
    compared, problems = [], []
    for name, template in ours.items():
        told = sorted(about[name], key=lambda one: _FIRST.index(one.state))
        approved = [one.filed.row for one in told if one.filed and one.state == "approved"]
        if len(approved) > 1:
            message = f"{name} is approved in row {min(approved)} too; leave one of them in the file"
            problems.append(Problem(file, max(approved), "name", message))
        compared.append(told[0] if told else Compared(template, "missing"))
    return compared, problems


def _shape(text: str) -> str:
    """A text without the types of its variables."""
    return _TAG.sub("{}", text)


def difference(template: Template, text: str) -> str:
    """Where a portal's text is another than ours; "" where it is not."""
    ours, theirs = fixed_text(template.text), _TAG.split(text)[::2]
    types = [template.slots[name].type for name in slot_names(template.text)]
    tags = [tag.lower() for tag in _TAG.findall(text)]
    said = "{}".join(theirs)
    meant = "{}".join(ours)
    if said != meant:
        pairs = enumerate(zip(said, meant, strict=False))
        place = next((at for at, (one, other) in pairs if one != other), min(len(said), len(meant)))
        start = said.rfind(" ", 0, place) + 1
        where = f"from character {start + 1}: {said[start:][:_SEEN]!r} instead of {meant[start:][:_SEEN]!r}"
        alike = unicodedata.normalize("NFC", said) == meant
        return f"{where} (they look alike: it is not in Unicode normal form C)" if alike else where
    if len(tags) != len(types):
        return f"has {len(tags)} variables instead of {len(types)}"
    for place, (tag, wanted) in enumerate(zip(tags, types, strict=True), 1):
        if _TYPES.get(tag) not in ("", wanted):
            return f"variable {place} is {tag} instead of {wanted}"
    return ""


@dataclass(frozen=True)
class Taken:
    """What the registry should hold of the approved texts after a reload."""

    items: list[Item]
    problems: list[Problem]
    """With any of these nothing is taken."""
    warnings: list[Problem]


def taken(file: str, compared: Sequence[Compared], registered: Mapping[tuple[str, str], Item]) -> Taken:
    """The newest approved version of each text, as registry items by form and locale.

    An approved row whose text is another than ours is a problem: with its id every such text would be
    refused by the operators. A newer version that is registered and not in the file stays.
    """
    made = Taken([], [], [])
    places: dict[tuple[str, str], list[Compared]] = {}
    for one in compared:
        places.setdefault((one.template.form, one.template.locale), []).append(one)
        if one.filed and one.filed.state == "approved" and one.difference:
            made.problems.append(Problem(file, one.filed.row, "text", f"{one.name} differs {one.difference}"))
    for (form, locale), versions in places.items():
        before = registered.get((form, locale))
        usable = [one for one in versions if one.state == "approved"]
        there = next((one for one in versions if before and one.template.version == before.get("version", 1)), None)
        if there and there.filed and there.state in ("revoked", "rejected"):
            message = f"{there.name} is {there.state} and registered: operators will refuse what is sent with it"
            if not usable:
                made.warnings.append(Problem(file, there.filed.row, "status", message))
        newest = max(usable, key=lambda one: one.template.version, default=None)
        if newest is None or newest.filed is None:
            continue
        if there and there.state == "missing" and there.template.version > newest.template.version:
            continue
        same = before if before and before.get("version", 1) == newest.template.version else {}
        made.items.append(
            {
                "kind": form,
                "locale": locale,
                "template_id": newest.filed.template_id,
                "version": newest.template.version,
                "provider_template": same.get("provider_template"),
            }
        )
    return made
