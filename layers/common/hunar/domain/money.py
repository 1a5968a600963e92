"""Money: integer paise, and rates in parts per million. There is no float in here.

A half paisa is rounded away from zero, so that an amount and its reversal are exact opposites and
amounts agree with the marketplaces' own (half-up on what they print).
"""

from __future__ import annotations

from typing import Final, NamedTuple

PPM: Final = 1_000_000
"""The whole, in parts per million: 18 % is 180,000."""


def half_up(numerator: int, denominator: int) -> int:
    """``numerator`` over ``denominator`` (above 0), to the nearest whole number, halves away from zero.

    TypeError for anything but whole numbers: a float would go through the arithmetic unseen.
    """
    if type(numerator) is not int or type(denominator) is not int:
        raise TypeError(f"{numerator!r} over {denominator!r}: amounts are whole paise, rates whole parts per million")
    if denominator <= 0:
        raise ValueError("the denominator must be above zero")
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


def whole(value: object) -> int:
    """A number as it was stored. ValueError for anything but a whole one: ``int`` would cut a float off unseen."""
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def share(amount_paise: int, ppm: int) -> int:
    """So many parts per million of an amount, in paise, rounded once."""
    return half_up(amount_paise * ppm, PPM)


def without_tax(price_paise: int, tax_ppm: int) -> int:
    """The taxable value inside a price that includes the tax, in paise, rounded once.

    The tax is the price less this: rounding value and tax apart loses a paisa on every second price.
    """
    return half_up(price_paise * PPM, PPM + tax_ppm)


def rupees(paise: int) -> str:
    """An amount for a person to read: 109900 is ``1099.00``."""
    whole, rest = divmod(abs(paise), 100)
    return f"{'-' if paise < 0 else ''}{whole}.{rest:02d}"


class Rupees(NamedTuple):
    """An amount as the cell of a table: the number of rupees with two decimals, exact."""

    paise: int

    def __str__(self) -> str:
        return rupees(self.paise)


def grouped(paise: int) -> str:
    """An amount as India writes it, three digits and then pairs: 12345678 paise is ``1,23,456.78``."""
    whole, _, rest = rupees(abs(paise)).partition(".")
    beginning, last = whole[:-3], whole[-3:]
    pairs = [beginning[max(0, end - 2) : end] for end in range(len(beginning), 0, -2)]
    return f"{'-' if paise < 0 else ''}{','.join([*reversed(pairs), last])}.{rest}"
