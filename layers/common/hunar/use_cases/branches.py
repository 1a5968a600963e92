"""The Reserve Bank's list of branches, where the agency has supplied it: an IFSC that is not in it is refused.

The list is kept bank by bank, so that one account needs one reading.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from hunar import tables
from hunar.domain.payee_ids import Invalid, ifsc
from hunar.ports import Put, Rejected, Store

COLUMN: Final = "IFSC"
MOST_TOLD: Final = 20


def keep_branches(store: Store, name: str, content: bytes, *, now: str) -> int:
    """Takes a list in the place of the one before; returns its branches. Raises Rejected naming rows: none is taken.

    ``content`` is a CSV with a column ``IFSC``, as the Reserve Bank's sheet has it; other columns are not read.
    """
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        if COLUMN not in (rows.fieldnames or ()):
            raise Rejected(f"{name}: has no column {COLUMN}")
        codes, problems = set[str](), list[str]()
        for number, row in enumerate(rows, 2):
            try:
                codes.add(ifsc(row[COLUMN] or ""))
            except Invalid as error:
                problems.append(f"{name}, row {number}, {COLUMN}: {error.message}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise Rejected(f"{name}: is no CSV: {error}") from None
    if problems:
        raise Rejected("; ".join(problems[:MOST_TOLD]))
    if not codes:
        raise Rejected(f"{name}: has no branches")
    by_bank: dict[str, list[str]] = {}
    for code in sorted(codes):
        by_bank.setdefault(code[:4], []).append(code)
    there = store.read([tables.branch_list()]).get(tables.branch_list(), {"banks": []})
    for bank, known in by_bank.items():
        store.commit([Put(tables.branches(bank), {"codes": " ".join(known)})])
    store.commit([Put(tables.branch_list(), {"banks": sorted(by_bank), "branches": len(codes), "at": now})])
    for bank in sorted(set(there["banks"]) - by_bank.keys()):
        store.commit([Put(tables.branches(bank), None)])
    return len(codes)


def existing(store: Store, code: str) -> frozenset[str] | None:
    """The branches of a code's bank; None where no list was supplied."""
    bank = tables.branches(code.strip().upper()[:4] or "NONE")
    found = store.read([tables.branch_list(), bank])
    if tables.branch_list() not in found:
        return None
    return frozenset(found[bank]["codes"].split()) if bank in found else frozenset()
