"""The bank that docs/bank-files.md adds is read by the program, and the page names every layout and every key."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path

from hunar import bank_files
from hunar.domain.bank_file import RTGS_MINIMUM_PAISE, Layout, Status, parse, read_results, write
from tests.payees import TERMS
from tests.unit.test_bank_files import instruction


def test_the_bank_that_the_document_adds_works() -> None:
    document = (Path(__file__).parents[2] / "docs/bank-files.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```json\n(.*?)```", document, re.S)
    layout: Layout = parse(json.loads(example))
    own = instruction("G02", ifsc="CNRB0000001", amount_paise=RTGS_MINIMUM_PAISE)
    file = write(layout, replace(TERMS, settings={"customer": "HUNAR1"}), [instruction("G01"), own])
    assert file.name == "HUNAR11612.txt"
    assert file.content.decode().splitlines() == [
        f"{instruction('G01').payout_id};N06;000123456789;SBIN0001234;SB;JAI MAA SWAYAM SAHAYATA SAMUH;1234.56",
        f"{own.payout_id};INT;000123456789;CNRB0000001;SB;JAI MAA SWAYAM SAHAYATA SAMUH;200000.00",
        "T;00002;201234.56",
    ]
    line = f"{own.payout_id};200000.00;17/12/2026;;B;anything;NO SUCH ACCOUNT\n"
    [result] = read_results(layout, "back.txt", line.encode())
    assert (result.status, result.day, result.reason) == (Status.RETURNED, "2026-12-17", "NO SUCH ACCOUNT")


def test_the_document_names_every_layout_and_key() -> None:
    document = (Path(__file__).parents[2] / "docs/bank-files.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in document for name in bank_files.LAYOUTS)
    explained = " ".join(re.findall(r"^\| (`.*?`) \|", document, re.M))
    missing = {one.name for one in fields(Layout)} - set(re.findall(r"`(\w+)`", explained)) - {"layout", "title"}
    assert missing == set()
