"""Layouts of banks' files as data, with the State codes of GSTINs and the banks of IFSCs.

One JSON file for each layout; ``docs/bank-files.md`` says how another is added. ``gst_states.csv`` has the
codes that GSTINs begin with, the newer 38 and 97 too. ``banks.csv`` is not whole: a bank that it does not
know is a reason to look twice, never to refuse. Whether a branch exists only the Reserve Bank's list says,
which an operator supplies.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from hunar.domain.bank_file import Layout, parse

LAYOUTS: Final = ("generic_csv", "hdfc_enet", "icici_adhoc", "union_txt")


@cache
def layout(name: str) -> Layout:
    """A layout by its name; reads its file only. ValueError when there is none, or it is no layout."""
    if name not in LAYOUTS:
        raise ValueError(f"there is no layout {name!r}; there are {', '.join(LAYOUTS)}")
    made = parse(json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")))
    if made.layout != name:
        raise ValueError(f"{name}.json: says that it is {made.layout}")
    return made


@cache
def states() -> Mapping[str, str]:
    """The names of the States by the two digits that a GSTIN begins with."""
    return _names("gst_states.csv")


@cache
def banks() -> Mapping[str, str]:
    """The names of banks by the four letters that an IFSC begins with. Not whole."""
    return _names("banks.csv")


def _names(file: str) -> Mapping[str, str]:
    text = resources.files(__name__).joinpath(file).read_text(encoding="utf-8")
    return {row["code"]: row["name"] for row in csv.DictReader(text.splitlines())}
