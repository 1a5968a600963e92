"""What a caller may ask of a group's statement. Imports no more than that: its function has enough to load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hunar.domain.sms_text import LOCALES
from hunar.ports import Rejected
from hunar.use_cases.make_statement import NoBook

ROUTE: Final = "GET /api/groups/{group_id}/statement"
JSON: Final = "json"
FORMATS: Final[Mapping[str, str]] = {
    JSON: "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
MOST: Final = 2000
"""Entries of one answer: a busy group's month of 900 order lines. As a PDF they take less than half of the function's
time, on the whole processor that 1,769 MB have; as JSON they are 2 MB, and Lambda answers with 6 at most."""

_GROUP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Asked:
    """Which statement, and as what."""

    group_id: str
    from_seq: int | None
    to_seq: int | None
    format: str
    locale: str | None
    """None for the group's own language."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Asked:
        """An API Gateway event (payload 2.0). Raises Rejected naming the parameter, NoBook when it names no group."""
        query = event.get("queryStringParameters") or {}
        group_id = event["pathParameters"]["group_id"]
        if unknown := sorted(query.keys() - {"from", "to", "format", "locale"}):
            raise Rejected(f"{unknown[0]}: is an unknown parameter; known are from, to, format, locale")
        if not _GROUP.fullmatch(group_id):
            raise NoBook("there is no such group")
        form, locale = query.get("format", JSON), query.get("locale")
        if form not in FORMATS:
            raise Rejected(f"format: not one of {', '.join(FORMATS)}")
        if locale is not None and locale not in LOCALES:
            raise Rejected(f"locale: not one of {', '.join(LOCALES)}")
        return cls(group_id, _number(query, "from"), _number(query, "to"), form, locale)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is not None and not _NUMBER.fullmatch(text):
        raise Rejected(f"{name}: not the number of an entry")
    return None if text is None else int(text)
