"""Published rates as data: one CSV file for the state and one for each marketplace, as ``rates.csv`` has them.

They are what public sources say, each row with its source. Nobody has approved them, so they are drafts
that production refuses: an agency copies the rows that hold for it into its own ``rates.csv``, after its
accountant and the marketplace's own rate card (which only a seller sees), and names who approved them.
The government's file is whole. A marketplace's is not: what no public source says is missing, and
asking for it is an error and no zero.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

from hunar.domain.differences import Tolerance, Tolerances
from hunar.domain.rate_file import OPTIONAL, REQUIRED, FieldError, row_from_csv
from hunar.domain.rate_row import Item
from hunar.domain.spreadsheet import read_table

CARDS: Final = ("government", "flipkart", "amazon")


@cache
def published(name: str) -> tuple[tuple[int, Item], ...]:
    """The rows of a card with their numbers in the file. ValueError when there is none, or a row cannot be read."""
    if name not in CARDS:
        raise ValueError(f"there is no published card of {name!r}; there are {', '.join(CARDS)}")
    file = f"{name}.csv"
    return tuple(read(file, resources.files(__name__).joinpath(file).read_bytes()))


@cache
def tolerances() -> Tolerances:
    """By how much each head of a settlement may differ from the card, each with its reason. ValueError when the file
    cannot be read."""
    file = "tolerances.csv"
    data = resources.files(__name__).joinpath(file).read_bytes()
    records, problems = read_table(file, data, ("head", "paise", "per", "ppm", "reason", "source"), ())
    if problems:
        raise ValueError(str(problems[0]))
    return {
        cells["head"]: Tolerance(int(cells["paise"]), cells["per"], int(cells["ppm"]), cells["reason"])
        for _, cells in records
    }


def read(file: str, data: bytes) -> list[tuple[int, Item]]:
    """The rows of a ``rates.csv`` with their numbers in the file. ValueError names file, row and column."""
    records, problems = read_table(file, data, REQUIRED, OPTIONAL)
    if problems:
        raise ValueError(str(problems[0]))
    rows = []
    for record in records:
        try:
            rows.append((record.row, row_from_csv(record.cells)))
        except FieldError as error:
            raise ValueError(f"{file} row {record.row} column {error.field}: {error.message}") from error
    return rows
