"""Dividing an amount so that nothing is lost and nothing is made: the largest remainder.

Every share is the exact quota rounded down, and the paise that are left go one each to those with the largest
remainders. Equal remainders go by id, so that the order in which members are listed changes nothing.

A paisa more can lower somebody's share. So what is divided over time is always the total so far, and what is
posted are the differences to what each was given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

Shares = Mapping[str, int]
"""Paise by id."""


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Divides ``total`` paise by weights, which are whole and not negative. Who has the weight 0 gets 0.

    A negative total gives the mirror image of the positive one. ValueError when nobody has a weight: nobody can
    say then whose the money is, and a person has to.
    """
    for name, weight in weights.items():
        if type(weight) is not int or weight < 0:
            raise ValueError(f"{name}: {weight!r} is not a weight")
    whole = sum(weights.values())
    if not whole:
        raise ValueError("nobody has a weight")
    sign = -1 if total < 0 else 1
    shares = {name: abs(total) * weight // whole for name, weight in weights.items()}
    left = abs(total) - sum(shares.values())
    by_remainder = sorted(weights, key=lambda name: (-(abs(total) * weights[name] % whole), name))
    for name in by_remainder[:left]:
        shares[name] += 1
    return {name: sign * paise for name, paise in shares.items()}


def still_due(total_so_far: int, weights: Mapping[str, int], given: Shares) -> dict[str, int]:
    """What each gets, or gives back, when so much in total is divided and so much was given. Nothing is 0."""
    shares = largest_remainder(total_so_far, weights)
    due = {name: shares.get(name, 0) - given.get(name, 0) for name in shares.keys() | given.keys()}
    return {name: paise for name, paise in sorted(due.items()) if paise}


def without_clawback(due: Shares, left: Collection[str]) -> tuple[dict[str, int], int]:
    """Members who left give nothing back unless the group resolves it: their part stays with the group.

    Returns what is due to and from the others, and the paise (not above 0) that the group bears.
    """
    kept = {name: paise for name, paise in due.items() if paise > 0 or name not in left}
    return kept, sum(due.values()) - sum(kept.values())


def by_value(amount: int, values: Mapping[str, int]) -> dict[str, int]:
    """An amount of a whole order, as its shipping, over its lines by the value of their goods in paise.

    ``values`` are by line id. ValueError when no line has a value, as in an order of free replacements.
    """
    return largest_remainder(amount, values)
