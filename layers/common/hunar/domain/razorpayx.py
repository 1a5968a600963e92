"""Payouts by RazorpayX: the file of what is to be paid, and what RazorpayX says became of it.

A batch's file has one line for each payout: the very body of its request, so that whoever sends a line again sends the
same bytes. The payout's id goes along as its reference and as the idempotency key, and stands for one payment for
ever: a payout that failed is paid with the next batch, under another id. What RazorpayX says of a payout becomes what a
bank's reverse file says; a state that is not known here is never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hunar.domain import bank_file
from hunar.domain.bank_file import UTR, BankFile, FileRefused, Instruction, Layout, Result, Status, Terms
from hunar.domain.money import rupees
from hunar.domain.spreadsheet import Problem

LAYOUT: Final = "razorpayx"
BATCH_NOTE: Final = "batch"
"""The note that a payout carries there and back: by it news of the payout finds its batch."""
KEY: Final = re.compile(r"[A-Za-z0-9 _-]{4,36}")
"""What RazorpayX takes as an idempotency key (its page on payout idempotency)."""

STATES: Final[Mapping[str, Status | None]] = {
    "pending": None,
    "queued": None,
    "scheduled": None,
    "processing": None,
    "processed": Status.EXECUTED,
    "rejected": Status.REJECTED,
    "failed": Status.REJECTED,
    "cancelled": Status.REJECTED,
    "reversed": Status.RETURNED,
}
"""The published states of a payout; None: nothing has become of it yet. From processed it may still come back."""
DEAD: Final = frozenset({"rejected", "failed", "cancelled"})
"""States in which no money left."""

_ID: Final = re.compile(r"[A-Za-z0-9_]{1,40}")
_REFERENCE: Final = re.compile(r"[A-Z0-9]{4,15}")
_BATCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WORD: Final = re.compile(r"[a-z0-9_]{1,100}")
_MOST_PAISE: Final = 10**15


class NotTaken(Exception):
    """RazorpayX did not take a payout: nothing was paid by it. The text names no account."""


@dataclass(frozen=True)
class Limits:
    """Which amounts a mode takes, in paise; both ends are in."""

    mode: str
    least: int
    most: int | None = None

    def take(self, paise: int) -> bool:
        return paise >= self.least and (self.most is None or paise <= self.most)


@dataclass(frozen=True)
class Rail:
    """How RazorpayX wants payouts, from ``payout_rails/razorpayx.json``."""

    layout: Layout
    """The texts of a payout: what may stand in them, and how long they may be."""
    modes: tuple[Limits, ...]
    otherwise: tuple[str, ...]
    """Modes that are tried in this order when the agency's own does not take the amount."""
    fixed: Mapping[str, Any]
    """What every request says."""
    contact_type: str

    def mode(self, wanted: str, paise: int) -> str | None:
        """The agency's own mode if it takes the amount, else the first that does."""
        limits = {one.mode: one for one in self.modes}
        return next((name for name in (wanted, *self.otherwise) if name in limits and limits[name].take(paise)), None)


@dataclass(frozen=True)
class Line:
    """One payout of a file. ``body`` is what is posted, byte for byte; it is not shown."""

    payout_id: str
    amount_paise: int
    mode: str
    account_number: str = field(repr=False)
    """The agency's own account, from which it is paid."""
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Payout:
    """What RazorpayX says of a payout, without account and name of whoever is paid."""

    id: str
    reference: str
    """Our payout id; empty for what was never sent from here."""
    batch_id: str
    amount_paise: int
    status: str
    utr: str
    reason: str
    """RazorpayX's own word for why."""

    @property
    def known(self) -> bool:
        return self.status in STATES

    def result(self, day: str) -> Result | None:
        """As a row of a bank's reverse file; None while nothing has become of it, and for an unknown state.

        Without the bank's reference a payout is not paid: it comes a little later, with NEFT.
        """
        status = STATES.get(self.status)
        if status is None or (status is Status.EXECUTED and not self.utr):
            return None
        reason = "" if status is Status.EXECUTED else f"{self.status} {self.reason}".strip()
        return Result(self.reference or self.id, self.amount_paise, status, self.utr, reason, day)


def parse(content: Mapping[str, Any]) -> Rail:
    """A rail from its file. ValueError names a key that is missing, unknown or impossible."""
    try:
        told = content["rail"]
        layout = bank_file.parse({name: value for name, value in content.items() if name != "rail"})
        modes = tuple(Limits(**one) for one in told["modes"])
        made = Rail(layout, modes, tuple(told["otherwise"]), told["fixed"], told["contact_type"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{content.get('layout', LAYOUT)}: no rail: {error}") from error
    if not set(made.otherwise) <= {one.mode for one in modes}:
        raise ValueError(f"{layout.layout}: otherwise has a mode without limits")
    return made


def write(rail: Rail, terms: Terms, instructions: Iterable[Instruction]) -> BankFile:
    """The file of a batch, lines by payout id. The same batch and terms give the same bytes.

    FileRefused names row and field of all that RazorpayX would not take.
    """
    layout = rail.layout
    ordered = bank_file.whole(instructions, layout.layout)
    problems = bank_file.unset(layout, terms)
    if problems:
        raise FileRefused(problems)
    lines = []
    for row, one in enumerate(ordered, 1):
        mode = rail.mode(terms.settings["mode"], one.amount_paise)
        if mode is None:
            text = f"no mode of RazorpayX takes {rupees(one.amount_paise)}; pull the row, it is paid with a later batch"
            problems.append(Problem(layout.layout, row, "amount", text))
            continue
        said, wrong = bank_file.fields(layout, one, row)
        problems += wrong
        lines.append(_line(rail, terms, one.amount_paise, mode, said))
    if problems:
        raise FileRefused(problems)
    total = sum(one.amount_paise for one in ordered)
    name = bank_file.named(layout, terms, ordered)
    return BankFile(name, b"".join(lines), layout.layout, terms.value_date, len(ordered), total)


def _line(rail: Rail, terms: Terms, paise: int, mode: str, said: Mapping[str, str]) -> bytes:
    body = {
        "account_number": terms.settings["account_number"],
        "amount": paise,
        "mode": mode,
        **rail.fixed,
        "reference_id": said["payout_id"],
        "narration": f"{terms.settings['narration']} {said['payout_id']}",
        "notes": {BATCH_NOTE: terms.batch_id},
        "fund_account": {
            "account_type": "bank_account",
            "bank_account": {"name": said["name"], "ifsc": said["ifsc"], "account_number": said["account"]},
            "contact": {"name": said["name"], "type": rail.contact_type},
        },
    }
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def read(name: str, content: bytes) -> tuple[Line, ...]:
    """The payouts of a file that was made here. FileRefused for any other: a line that cannot be read is not sent."""
    lines: list[Line] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for row, raw in enumerate(content.splitlines(), 1):
        try:
            body: Mapping[str, Any] = json.loads(raw)
            payout_id, paise, mode, own = (body[key] for key in ("reference_id", "amount", "mode", "account_number"))
        except (ValueError, KeyError, TypeError):
            problems.append(Problem(name, row, None, "is no payout"))
            continue
        if not (isinstance(payout_id, str) and KEY.fullmatch(payout_id)) or payout_id in seen:
            problems.append(Problem(name, row, "reference_id", "is missing, stands twice or is no key of a payout"))
            continue
        if type(paise) is not int or paise <= 0:
            problems.append(Problem(name, row, "amount", "is not an amount in paise"))
        if not isinstance(own, str) or (lines and own != lines[0].account_number):
            problems.append(Problem(name, row, "account_number", "is missing or another one than in the first row"))
        seen.add(payout_id)
        lines.append(Line(payout_id, paise, str(mode), str(own), raw))
    if not lines and not problems:
        problems.append(Problem(name, None, None, "has no rows"))
    if problems:
        raise FileRefused(problems)
    return tuple(lines)


def told(entity: Mapping[str, Any]) -> Payout:
    """A payout as RazorpayX shows it. ValueError names the field that is wrong, and never repeats it."""
    identity, status, amount = entity.get("id"), entity.get("status"), entity.get("amount")
    if not (isinstance(identity, str) and _ID.fullmatch(identity)):
        raise ValueError("id: is missing or no id")
    if not (isinstance(status, str) and _WORD.fullmatch(status)):
        raise ValueError("status: is missing or no word")
    if type(amount) is not int or not 0 < amount < _MOST_PAISE:
        raise ValueError("amount: is missing or no amount in paise")
    if entity.get("currency", "INR") != "INR":
        raise ValueError("currency: is not INR")
    utr = entity.get("utr") or ""
    if utr and not (isinstance(utr, str) and UTR.fullmatch(utr)):
        raise ValueError("utr: is not 6 to 22 letters and digits")
    # Notes are an empty list where there are none.
    notes = entity.get("notes")
    batch = notes.get(BATCH_NOTE) if isinstance(notes, dict) else None
    details = entity.get("status_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return Payout(
        id=identity,
        reference=_text(entity.get("reference_id"), _REFERENCE),
        batch_id=_text(batch, _BATCH),
        amount_paise=amount,
        status=status,
        utr=utr,
        reason=_text(reason, _WORD),
    )


def _text(value: Any, shape: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and shape.fullmatch(value) else ""


def living(payouts: Sequence[Payout]) -> list[Payout]:
    """Those by which money left or may leave."""
    return [one for one in payouts if one.status not in DEAD]
