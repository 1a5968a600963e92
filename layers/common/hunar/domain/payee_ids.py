"""What identifies a payee in India: PAN, GSTIN, IFSC, account number and the name on the account.

Each is checked as far as its own text goes. Nobody outside the state and the banks can say whether it
exists; who looks up the name at the bank does that. No message repeats the value that it is about: an
account number or a PAN must not reach a log by way of an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final


class Invalid(ValueError):
    """``field`` cannot be right. ``message`` is for the person who typed it and does not contain what she typed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


HOLDERS: Final[Mapping[str, str]] = {
    "A": "association of persons",
    "B": "body of individuals",
    "C": "company",
    "F": "firm",
    "G": "government",
    "H": "Hindu undivided family",
    "J": "artificial juridical person",
    "L": "local authority",
    "P": "person",
    "T": "trust",
}
"""The fourth letter of a PAN (Income Tax Department). Most groups are A or B."""

GSTIN_KINDS: Final[Mapping[str, str]] = {"Z": "regular", "C": "collects TCS", "D": "deducts TDS"}
"""The 14th character of a GSTIN: a marketplace has another GSTIN for the tax that it collects (CGST Act, s.52)."""

ACCOUNT_TYPES: Final = ("SAVINGS", "CURRENT", "CASH_CREDIT")

_PAN: Final = re.compile(r"[A-Z]{3}[A-Z][A-Z][0-9]{4}[A-Z]")
_GSTIN: Final = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z][A-Z][0-9A-Z]")
_IFSC: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_ACCOUNT: Final = re.compile(r"[A-Z0-9]{6,30}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 .&'()/-]{1,119}")
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Gstin:
    """What a GSTIN says. The number itself contains a PAN and is not kept in here."""

    state: str
    """The two digits of the State; their names are data."""
    holder: str
    """The letter of the PAN's holder."""
    kind: str
    """The 14th character, one of ``GSTIN_KINDS``."""


def pan(text: str) -> str:
    """The PAN in capitals. Invalid when its form or its holder's letter is wrong; it has no public check digit."""
    value = text.strip().upper()
    if not _PAN.fullmatch(value):
        raise Invalid("pan", "is not five letters, four digits and a letter")
    if value[3] not in HOLDERS:
        raise Invalid("pan", f"its fourth letter says whose it is: {', '.join(HOLDERS)}")
    if value[5:9] == "0000":
        raise Invalid("pan", "has no number: 0000 is given to nobody")
    return value


def holder(text: str) -> str:
    """The letter that says what the holder of a PAN is, one of ``HOLDERS``. Invalid as ``pan``."""
    return pan(text)[3]


def gstin(text: str, states: Collection[str], *, of_pan: str | None = None) -> Gstin:
    """What a GSTIN says. ``states`` are the codes of the States; ``of_pan`` is the PAN that must be inside.

    Invalid when form, State, PAN, kind or check digit is wrong.
    """
    value = text.strip().upper()
    if not _GSTIN.fullmatch(value):
        raise Invalid("gstin", "is not two digits, a PAN and three characters more")
    if value[:2] not in states:
        raise Invalid("gstin", f"begins with {value[:2]}, which is no State's code")
    try:
        inside = pan(value[2:12])
    except Invalid as error:
        raise Invalid("gstin", f"the PAN inside {error.message}") from None
    if value[13] not in GSTIN_KINDS:
        raise Invalid("gstin", f"its 14th character can be {', '.join(GSTIN_KINDS)}")
    if check_digit(value[:14]) != value[14]:
        raise Invalid("gstin", "its last character does not fit the others: one of them is mistyped")
    if of_pan is not None and inside != pan(of_pan):
        raise Invalid("gstin", "contains another PAN than the one given")
    return Gstin(value[:2], inside[3], value[13])


def check_digit(text: str) -> str:
    """The last character of a GSTIN for the 14 before it: Luhn's sum to the base 36, from the left."""
    total = 0
    for place, character in enumerate(text):
        product = _DIGITS.index(character) * (1 + place % 2)
        total += product // 36 + product % 36
    return _DIGITS[-total % 36]


def ifsc(text: str, existing: Collection[str] | None = None) -> str:
    """The IFSC in capitals. ``existing`` is the Reserve Bank's list, where the operator has supplied one.

    Invalid when its form is wrong, or when it is not in the list. An IFSC is public and may be repeated.
    """
    value = text.strip().upper()
    if len(value) == 11 and value[4] == "O":
        raise Invalid("ifsc", f"{value} has the letter O in fifth place; it is the digit 0")
    if not _IFSC.fullmatch(value):
        raise Invalid("ifsc", "is not four letters, the digit 0 and six letters or digits")
    if existing is not None and value not in existing:
        raise Invalid("ifsc", f"{value} is not in the list of the Reserve Bank; branches that merged have a new one")
    return value


def bank_of(code: str, banks: Mapping[str, str]) -> str | None:
    """The name of an IFSC's bank, None when ``banks`` does not know its four letters. A reason to look twice only."""
    return banks.get(code[:4])


def account_number(text: str) -> str:
    """The account number as text, with its leading zeros. Invalid when it cannot be one."""
    value = text.strip().upper()
    if not _ACCOUNT.fullmatch(value):
        raise Invalid("account", "is not 6 to 30 digits or letters; keep it as text, as the passbook has it")
    if not any(character.isdigit() for character in value):
        raise Invalid("account", "has no digit")
    if not value.strip("0"):
        raise Invalid("account", "is nothing but zeros")
    return value


def masked(account: str) -> str:
    """The only form of an account number for eyes, texts and logs: its last four characters."""
    return f"XXXX{account[-4:]}"


def holder_name(text: str) -> str:
    """The name on the account in Latin letters, with single spaces, at most 120 characters.

    Invalid for anything that a bank's file cannot carry or that a program would read as a separator or a formula.
    """
    value = " ".join(text.split())
    if not value.isascii():
        raise Invalid("name", "write it in Latin letters, as the bank has it; a bank's file takes no others")
    if "," in value:
        raise Invalid("name", "has a comma, which bank files separate their fields with; leave it out")
    if not _NAME.fullmatch(value):
        raise Invalid("name", "2 to 120 letters, digits, spaces and . & ' ( ) / - are allowed, a letter first")
    return value
