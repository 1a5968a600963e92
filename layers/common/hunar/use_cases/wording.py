"""What a text says: its registered wording, filled in for one contact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from hunar import sms_templates, tables
from hunar.domain import sms_text
from hunar.domain.facts import moment
from hunar.domain.manners import Manners
from hunar.domain.sms_text import Words
from hunar.domain.text_kinds import FORMS, LOW_STOCK, NUMBER_CHANGED, form
from hunar.messages import Says
from hunar.ports import Rejected, SmsRequest
from hunar.tables import Item, Key
from hunar.use_cases.sending import Desk, Draft

TTL_SECONDS: Final = (5, 259_200)
"""What the provider takes as time to live."""

Values = Callable[[Words, str, Manners], Mapping[str, str]]
"""The slots of a text, given the words and the locale of its language."""


def registry_keys(group_id: str, contact: str, skus: Iterable[str]) -> list[tables.Key]:
    """What wording needs to know of the agency, the group and its products."""
    return [
        tables.agency(),
        tables.group(group_id),
        tables.contact(group_id, contact),
        tables.opt_out(group_id, contact),
        *map(tables.product, sorted(set(skus))),
    ]


def opted_out(found: Mapping[Key, Item], group_id: str, contact: str, kind: str) -> bool:
    item = found.get(tables.opt_out(group_id, contact))
    return item is not None and kind in item["kinds"]


def draft(
    desk: Desk, item: Item, found: Mapping[Key, Item], values: Values, *, short: bool = False, **other: Any
) -> Draft:
    """The text and whom it goes to. Raises Rejected with the reason, which never holds a number."""
    kind, group_id, slot = item["kind"], item["group_id"], item["contact"]
    group, contact = found.get(tables.group(group_id)), found.get(tables.contact(group_id, slot))
    if group is None or contact is None:
        raise Rejected(f"contact: group {group_id} has no {slot} with a phone")
    agency = found.get(tables.agency())
    if agency is None:
        raise Rejected("agency: not imported, so nobody may send a text")
    manners = Manners.of(group)
    wording, locale = form(kind, short=short, amounts=manners.amounts), contact.get("locale") or group["locale"]
    row = tables.dlt_template(wording, locale)
    registered = desk.store.read([row]).get(row)
    if registered is None:
        raise Rejected(f"template_id: no DLT template for {wording} in {locale} was imported")
    language = desk.languages(locale)
    try:
        template = language.text(wording, registered.get("version", 1))
    except KeyError:
        raise Rejected(f"version: {wording} in {locale} is registered in a version that is not here") from None
    if not sms_templates.usable(template, production=desk.production):
        raise Rejected(f"review: the text {wording} in {locale} is a draft")
    try:
        filled = {
            name: value for name, value in values(language.words, locale, manners).items() if name in template.slots
        }
        text = sms_text.render(template, filled)
    except ValueError as error:
        raise Rejected(str(error)) from error
    change = item["notification_id"] if kind == NUMBER_CHANGED else (item.get("says") or {}).get("given_up")
    to = _given_up(contact, change) if change else contact["phone"]
    if not to:
        raise Rejected(f"contact: {slot} of group {group_id} had no number before")
    request = SmsRequest(
        notification_id=item["notification_id"],
        to=to,
        text=text,
        kind=kind,
        locale=locale,
        values=filled,
        entity_id=agency["dlt_entity_id"],
        template_id=registered["template_id"],
        provider_template=registered.get("provider_template"),
        sender_id=agency["sender_id"],
        time_to_live_seconds=_lifetime(item["good_until"], desk.now),
    )
    return Draft(request, wording, template.version, manners, **{"ship_by": None, **other})


def _given_up(contact: Item, changed: str) -> str | None:
    """The number that was given up by a change: after two quick changes each of the old ones is told of its own."""
    for change in contact.get("number_changes", ()):
        if change["notification_id"] == changed:
            return str(change["previous_phone"])
    return contact.get("previous_phone")


def named(found: Mapping[Key, Item], per_sku: Mapping[str, int], locale: str) -> list[tuple[int, str]]:
    """Units and names in a language, most units first. Never the marketplace's title."""
    names = []
    for sku, units in sorted(per_sku.items(), key=lambda entry: (-entry[1], entry[0])):
        product = found.get(tables.product(sku))
        known = product["names"] if product else {}
        names.append((units, known.get(locale) or known.get("en") or sku))
    return names


def of_says(says: Says, found: Mapping[Key, Item], now: str, kind: str) -> Values:
    """The slots of a text that is about no order's units."""

    def values(words: Words, locale: str, manners: Manners) -> dict[str, str]:
        del manners
        filled = {
            "by": lambda: sms_text.by_value(says.by, words, now),
            "item": lambda: sms_text.item_value(
                named(found, says.units, locale), words, least=0 if kind == LOW_STOCK else 1
            ),
            "count": lambda: _given("count", says.count),
            "amount": lambda: sms_text.amount_value(_number("amount_paise", says.amount_paise)),
            "account": lambda: _given("account", says.account),
            "utr": lambda: _given("utr", says.utr),
            "code": lambda: _given("code", says.code),
            "ending": lambda: _given("ending", says.ending),
        }
        slots = {name for wording, names in FORMS.items() if wording.startswith(kind) for name in names}
        return {name: filled[name]() for name in slots}

    return values


def _given(name: str, value: str | int | None) -> str:
    if value is None:
        raise ValueError(f"says.{name}: is missing")
    return str(value)


def _number(name: str, value: int | None) -> int:
    if value is None:
        raise ValueError(f"says.{name}: is missing")
    return value


def _lifetime(good_until: str, now: str) -> int:
    shortest, longest = TTL_SECONDS
    return min(longest, max(shortest, int((moment(good_until) - moment(now)).total_seconds())))
