"""A file that is handed in: read whole before it is taken, then put into the inbox as it came."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any, Final

from hunar.operator_api.request import Call, Findings
from hunar.ports import Inbox, Rejected
from hunar.use_cases.import_file import object_name
from hunar.use_cases.take_settlement import Desk, check, settlements

MOST_BYTES: Final = 4 * 1024 * 1024
"""In base64 with all that is around it still under the 6 MB that a function is called with."""
LARGER: Final = "; put a larger file into the inbox bucket, or take it with hunar settle (docs/settlement-files.md)"


def hand_in(desk: Desk, inbox: Inbox, call: Call) -> dict[str, Any]:
    """What the file says, after it was put into the inbox. Raises Findings, Rejected and Retryable."""
    marketplace, account, file = (_named(call, name) for name in ("marketplace", "account", "file"))
    read = check(desk, call.body, marketplace=marketplace, account=account, file=file)
    if read.findings:
        raise Findings("the file is refused; nothing of it is taken", read.findings)
    sha256 = hashlib.sha256(call.body).hexdigest()
    inbox.put(object_name(marketplace, account, sha256, file), call.body, by=call.person)
    return {
        "status": "accepted",
        "sha256": sha256,
        "shape": read.shape,
        "settlements": [asdict(one) for one in settlements(read)],
        "total_paise": sum(read.totals.values()),
        "lines": len(read.lines),
        "deferred": len(read.deferred),
        "notes": [asdict(note) for note in read.notes],
    }


def _named(call: Call, name: str) -> str:
    value = call.query.get(name, "").strip()
    if not 0 < len(value) <= 100:
        raise Rejected(f"{name}: is missing in the query, or longer than 100 letters")
    return value
