"""A person whom a group's texts reach: her number, how it changed, and whether it was proven to be hers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.text_kinds import ACCOUNT_CHANGED, KINDS, NEW_ORDERS, NUMBER_CHANGED, ONBOARDING_CODE

Item = Mapping[str, Any]

NEEDED: Final = tuple(name for name, kind in KINDS.items() if kind.ladder and name != NEW_ORDERS)
"""What somebody in the group must hear: without it an order is not packed, or packed for nothing."""
_ALWAYS: Final = (NEW_ORDERS, ONBOARDING_CODE, NUMBER_CHANGED, ACCOUNT_CHANGED)
OPTIONAL: Final = tuple(name for name in KINDS if name not in _ALWAYS)
"""What a contact may do without. Several new orders in one text go with NEW_ORDER; a code and the warning of a changed
number protect her and whoever had the number before."""

CODE_HOLDS: Final = timedelta(minutes=30)
MOST_TRIES: Final = 3
WARNED_WITHIN: Final = timedelta(days=3)
"""How long a provider tries to deliver a text at most."""
REMEMBERED: Final = 10
"""Changes of a number that a contact keeps."""
FAILED_IN_ROW: Final = 3
SILENT: Final = timedelta(days=180)
"""Indian operators give a number that was left unused to somebody else after some months."""


def numbered(before: Item, contact: Item, phone: str, *, now: str) -> dict[str, Any]:
    """What a contact's item says of her number. ``before`` is the registered item, or empty.

    Each change of the number is kept with the id of the text that warns the one before: another change
    that comes soon must not hide the first from whoever lost her number by it.
    """
    changes = list(before.get("number_changes", []))
    if before and before["phone"] != phone:
        ending = phone[-2:]
        warning = derived_id(NUMBER_CHANGED, contact["group_id"], contact["slot"], now, ending)
        changes.append({"notification_id": warning, "previous_phone": before["phone"], "ending": ending, "at": now})
    said = {"phone": phone, "previous_phone": changes[-1]["previous_phone"] if changes else None}
    return said | ({"number_changes": changes[-REMEMBERED:]} if changes else {})


def warned_until(change: Item) -> str:
    """Until when the text about a change of number is of use."""
    return instant(moment(change["at"]) + WARNED_WITHIN)


def phone_hash(phone: str) -> str:
    """By which a proof names the number that it is about."""
    return derived_id("phone", phone)


def code_hash(code: str, nonce: str) -> str:
    """What is kept of a code. ``nonce`` is random and of this code alone."""
    return hmac.new(nonce.encode(), code.encode(), hashlib.sha256).hexdigest()


def is_code(code: str, verification: Item) -> bool:
    """Whether it is the code that was sent, found out in constant time."""
    return hmac.compare_digest(code_hash(code, verification["nonce"]), verification["code_hash"])


def proof(contact: Item, verification: Item | None, now: str) -> str:
    """Where the proof of a number stands: ``verified``, ``code sent``, ``number changed`` or ``never``."""
    if verified_at(contact, verification) is not None:
        return "verified"
    if verification is None:
        return "never"
    if awaits_code(contact, verification, now):
        return "code sent"
    return "never" if verification["verified_at"] is None else "number changed"


def verified_at(contact: Item, verification: Item | None) -> str | None:
    """When the number that the contact has now was proven to be hers."""
    at: str | None = verification["verified_at"] if verification else None
    return at if at is not None and _of_this_number(contact, verification or {}, at) else None


def awaits_code(contact: Item, verification: Item, now: str) -> bool:
    """Whether a code that was sent to the contact's present number can still be read back."""
    sent: str | None = verification["code_sent_at"]
    waits = verification["code_hash"] is not None and verification["tries"] < MOST_TRIES
    return bool(waits and sent and now <= verification["code_until"] and _of_this_number(contact, verification, sent))


def _of_this_number(contact: Item, verification: Item, at: str) -> bool:
    """A number that was given up and taken again is a new one: somebody else may have had it meanwhile."""
    changes = contact.get("number_changes", [])
    return bool(verification["phone_hash"] == phone_hash(contact["phone"]) and (not changes or changes[-1]["at"] <= at))


def stale(contact: Item, verification: Item | None, talk: Item | None, now: str) -> list[str]:
    """Why somebody should ask whether the number is still hers, in plain words; nothing when all is well."""
    reasons = []
    proven = verified_at(contact, verification)
    if proven is None:
        changed = verification is not None and verification["verified_at"] is not None
        reasons.append("the number changed and was not verified since" if changed else "was never verified")
    failed = talk["failed_in_row"] if talk else 0
    if failed >= FAILED_IN_ROW:
        reasons.append(f"the last {failed} texts were not delivered")
    heard = max(filter(None, (proven, talk["delivered_at"] if talk else None)), default=None)
    if heard is not None and moment(now) - moment(heard) > SILENT:
        reasons.append(f"nothing was delivered for {SILENT.days} days")
    return reasons


def masked(phone: str | None) -> str | None:
    """A number of which only the country and the last two digits are seen."""
    return f"{phone[:3]}******{phone[-2:]}" if phone else phone
