"""The bank: what it was given, what it really paid and got back, and what it says of that. It knows no code of ours."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

EXECUTED: Final = "EXECUTED"
DAYS: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    "paid": ((EXECUTED, 0),),
    "rejected": (("REJECTED", 0),),
    "returned": ((EXECUTED, 0), ("RETURNED", 1)),
    "rejected and paid": (("REJECTED", 0), (EXECUTED, 0)),
    "paid twice": ((EXECUTED, 0), (EXECUTED, 0)),
}
"""What the bank does with a payment, and how many days later."""


@dataclass(frozen=True)
class Said:
    """One line of the bank's list."""

    payout_id: str
    paise: int
    status: str
    utr: str
    seconds: float
    """From when on it stands there."""


@dataclass
class Payment:
    """One payment as the file has it."""

    payout_id: str
    batch_id: str
    account: str
    paise: int
    fate: str
    said: list[Said] = field(default_factory=list)

    @property
    def paid(self) -> int:
        """Paise that have left and stayed away."""
        return sum({EXECUTED: one.paise, "RETURNED": -one.paise}.get(one.status, 0) for one in self.said)


@dataclass
class Bank:
    files: dict[str, bytes] = field(default_factory=dict)
    """The file of each batch, as it was brought first."""
    payments: dict[str, Payment] = field(default_factory=dict)

    def takes(self, batch_id: str, content: bytes, fates: Mapping[str, str], seconds: float) -> None:
        """A file comes in. The same again is known. ``fates`` are by account."""
        if batch_id in self.files:
            return
        self.files[batch_id] = content
        for row in rows(content):
            fate = fates.get(row["account"], "paid")
            self.pays(row["payout_id"], batch_id, row["account"], paise(row["amount"]), fate, seconds)

    def pays(self, payout_id: str, batch_id: str, account: str, amount: int, fate: str, seconds: float) -> None:
        if payout_id in self.payments:
            return
        made = Payment(payout_id, batch_id, account, amount, fate)
        for status, days in DAYS[fate]:
            number = len(self.payments) * 2 + len([one for one in made.said if one.status == EXECUTED])
            utr = f"N{number:011}" if status == EXECUTED else ""
            made.said.append(Said(payout_id, amount, status, utr, seconds + days * 86_400))
        self.payments[payout_id] = made

    def says(self, batch_id: str, seconds: float) -> list[Said]:
        """All that its list has of a batch by then."""
        mine = [one for one in self.payments.values() if one.batch_id == batch_id]
        return [said for one in mine for said in one.said if said.seconds <= seconds]

    def some(self, batch_id: str, seconds: float, seed: int) -> list[Said]:
        """What a person copies from the list: a part, in any order, here and there a line twice."""
        draw, known = random.Random(seed), self.says(batch_id, seconds)
        found = [one for one in known if draw.random() < 0.5]
        found += [one for one in found if draw.random() < 0.1]
        return draw.sample(found, len(found)) if draw.random() < 0.5 else found


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("ascii"), newline="")))


def paise(rupees: str) -> int:
    whole, _, part = rupees.partition(".")
    assert len(part) == 2, rupees
    return int(whole) * 100 + int(part)
