"""A file that was put into the inbox is taken, or shown to be none that can be.

The name of the object says what it is: ``settlements/<marketplace>/<account>/<file>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from hunar.domain.spreadsheet import Problem
from hunar.domain.workbook import MOST_BYTES
from hunar.ports import Inbox, QueueName, Rejected
from hunar.use_cases.take_settlement import REFUSED, Desk, refuse, take
from hunar.use_cases.worklist import close_exception, open_unknown_message

SETTLEMENTS: Final = "settlements"
_LONGEST_NAME: Final = 100
_HANDED_IN: Final = re.compile(r"[0-9a-f]{16}-(?=.)")
"""What the API puts before the name of a file."""


@dataclass(frozen=True)
class Notice:
    """S3 says that an object was put into the bucket."""

    key: str
    version: str | None
    by: str
    """Who put it there, as S3 knows them."""


def object_name(marketplace: str, account: str, sha256: str, file: str) -> str:
    """Under which name the API puts a file into the inbox. The same file has the same name."""
    safe = "".join(sign if sign.isprintable() and sign not in r'/\?#%"<>|*:&+ ' else "-" for sign in file)
    return f"{SETTLEMENTS}/{marketplace}/{account}/{sha256[:16]}-{safe[-_LONGEST_NAME:] or 'file'}"


def import_files(desk: Desk, inbox: Inbox, body: str) -> list[str]:
    """One message of the inbox queue. Returns the outcome for each of its objects. Raises Retryable."""
    try:
        notices = list(_read(body))
    except Rejected as error:
        open_unknown_message(desk.store, QueueName.INBOX, body, str(error), at=desk.now)
        return ["unknown"]
    return [_import(desk, inbox, notice) for notice in notices]


def _read(body: str) -> Iterator[Notice]:
    """The objects that a notification names; none in S3's test of a new notification."""
    try:
        told = json.loads(body)
        if told.get("Event") == "s3:TestEvent":
            return
        for record in told["Records"]:
            stored = record["s3"]["object"]
            by = record.get("userIdentity", {}).get("principalId", "")
            # S3 encodes keys as forms do: a space is a plus.
            yield Notice(unquote_plus(stored["key"]), stored.get("versionId"), str(by))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Rejected(f"it is no notification of S3 ({type(error).__name__})") from None


def _import(desk: Desk, inbox: Inbox, notice: Notice) -> str:
    folders, _, name = notice.key.rpartition("/")
    if not name:
        # A console makes an empty object for a folder.
        return "folder"
    kind, marketplace, account = (*folders.split("/"), "", "", "")[:3]
    if kind != SETTLEMENTS or not marketplace or not account:
        message = f"its name must be {SETTLEMENTS}/<marketplace>/<account>/<file>, which says whose file it is"
        return _refuse(desk, notice, message)
    found = inbox.look(notice.key, notice.version)
    if found is None:
        return _refuse(desk, notice, "was gone before it could be read; upload it again")
    if found.size > MOST_BYTES:
        return _refuse(desk, notice, f"has {found.size >> 20} MB; {MOST_BYTES >> 20} MB are read at most")
    raw = inbox.read(notice.key, notice.version)
    if raw is None:
        return _refuse(desk, notice, "was gone before it could be read; upload it again")
    file = _HANDED_IN.sub("", name, count=1)
    taken = take(desk, raw, marketplace=marketplace, account=account, file=file, by=found.by or notice.by)
    if taken.findings:
        return "refused"
    desk.again(lambda: close_exception(desk.store, REFUSED, (notice.key,), at=desk.now))
    return "taken" if taken.new else "taken_before"


def _refuse(desk: Desk, notice: Notice, message: str) -> str:
    refuse(desk, (notice.key,), [Problem(notice.key, None, None, message)], notice.key)
    return "refused"
