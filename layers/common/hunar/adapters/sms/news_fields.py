"""Reading what a provider posts: JSON or a form, field by field. ``Rejected`` names the field, never its value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

from hunar.adapters.sms.dlt import dlt_reason, scrub_code
from hunar.domain.facts import instant
from hunar.ports import Rejected

INDIA: Final = timezone(timedelta(hours=5, minutes=30))
MOST_FIELDS: Final = 200
_ID: Final = re.compile(r"[0-9A-Za-z_.:-]{1,128}")
_WORD: Final = re.compile(r"[A-Za-z0-9_]{1,80}")


def body_of(raw: bytes) -> Any:
    """The JSON that it is, its numbers exact; else a form as a dict of texts, each name's last. Raises Rejected."""
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        raise Rejected("body: is not UTF-8") from None
    if not text:
        raise Rejected("body: is empty")
    if text[:1] in ("{", "["):
        return json_of(text, "body")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Rejected("body: is neither JSON nor a form") from None


def json_of(text: str, name: str) -> Any:
    """Raises Rejected for what is no JSON."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=lambda _: 1 / 0)
    except (ValueError, ArithmeticError, RecursionError):
        raise Rejected(f"{name}: is not JSON") from None


def object_of(value: object, name: str) -> Mapping[str, Any]:
    """Raises Rejected for anything but an object."""
    if not isinstance(value, dict):
        raise Rejected(f"{name}: is no object")
    return value


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A text or a number as a text, without space around it; empty when there is none. Raises Rejected for the rest."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Rejected(f"{name}: is no text")
    return str(value).strip()


def id_of(fields: Mapping[str, Any], name: str) -> str | None:
    """An id; None when there is none. Raises Rejected for what cannot be one."""
    text = text_of(fields, name)
    if text and not _ID.fullmatch(text):
        raise Rejected(f"{name}: is no id")
    return text or None


def needed(fields: Mapping[str, Any], name: str) -> str:
    """An id that must be there. Raises Rejected."""
    found = id_of(fields, name)
    if found is None:
        raise Rejected(f"{name}: is missing")
    return found


def count_of(fields: Mapping[str, Any], name: str) -> int | None:
    """A whole number of at least 1; None when there is none. Raises Rejected."""
    text = text_of(fields, name)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) < 1:
        raise Rejected(f"{name}: is no number of parts")
    return int(text)


def indian_time(fields: Mapping[str, Any], name: str, received_at: str) -> str:
    """``YYYY-MM-DD HH:MM:SS`` of India, or a time with a zone, as facts write it.

    ``received_at`` when there is none; the start of Unix time is none. Raises Rejected.
    """
    text = text_of(fields, name)
    if not text:
        return received_at
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=INDIA)
        return instant(moment) if moment.year > 1970 else received_at
    except (ValueError, OverflowError):
        raise Rejected(f"{name}: is no time") from None


def phone_of(fields: Mapping[str, Any], name: str) -> str:
    """E.164 of a number that is written with or without India's code or a leading zero. Raises Rejected."""
    digits = re.sub(r"[\s()-]", "", text_of(fields, name))
    if found := re.fullmatch(r"(?:\+91|91|0)?([1-9][0-9]{9})", digits):
        return f"+91{found[1]}"
    if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        return digits
    raise Rejected(f"{name}: is no phone number")


def word_of(text: str, otherwise: str) -> str:
    """A provider's word for what happened. Whole sentences are none: they can repeat the number or the text."""
    return text if _WORD.fullmatch(text) else otherwise


def failure_code(word: str, *, said: str) -> tuple[str, str]:
    """Code and reason of a failure: the provider's own word for it, and the scrub code that its words hold."""
    scrub = scrub_code(said)
    if scrub:
        return f"{word}:{scrub}", dlt_reason(scrub)
    return word, f"The provider says: {word.replace('_', ' ').lower()}."
