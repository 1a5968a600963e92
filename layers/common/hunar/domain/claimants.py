"""Whose money a settlement's line is: the order lines that it is about, and what of it falls to each.

Usually one. An item that was sent in two parcels is two order lines, and what names an order and no item, as
shipping, is about all its lines: they share it by the value of their goods, by the largest remainder, so that
nothing is lost and nothing is made. What nobody claims waits; it is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hunar.domain.identity import derived_id
from hunar.domain.order import Line
from hunar.domain.settlement import WHOLE_ORDER, Kind, SettlementLine
from hunar.domain.split import largest_remainder


class Claimant(NamedTuple):
    """One order line that a subject is about."""

    order_ref: str
    line: Line

    @property
    def name(self) -> str:
        return f"{self.order_ref}#{self.line.line_id}"

    @property
    def value(self) -> int:
        """Paise of the goods as they were sold. What is cancelled or comes back later does not move the others'
        shares."""
        return self.line.quantity * (self.line.unit_price_paise or 0)


@dataclass(frozen=True)
class Part:
    """What of one settlement line falls to one order line, or to nobody. Paise by head."""

    key: str
    heads: Mapping[str, int]
    of: SettlementLine


def parts(
    subject: str, lines: Iterable[SettlementLine], claimants: Sequence[Claimant]
) -> tuple[dict[str, list[Part]], list[Part]]:
    """The parts of a subject's lines by the name of their claimant, and those that wait.

    A claimant whose group nobody knows yet has its share, so that the others get no more than theirs, and the share
    waits. The marketplace's own row for what it sent to the bank is the sum of others, and nobody's.
    """
    claimed: dict[str, list[Part]] = {}
    waiting: list[Part] = []
    for line in sorted(lines, key=lambda one: one.key):
        if line.kind == Kind.PAYOUT:
            continue
        mine = _claims(subject, line, claimants)
        if not mine:
            waiting.append(Part(line.key, line.heads, line))
        for one, part in _divided(line, mine):
            if one.line.resolved is None:
                waiting.append(part)
            else:
                claimed.setdefault(one.name, []).append(part)
    return claimed, waiting


def _claims(subject: str, line: SettlementLine, claimants: Sequence[Claimant]) -> list[Claimant]:
    if not subject.startswith(WHOLE_ORDER) or line.listing is None:
        return list(claimants)
    # A report that names no item may name the seller's product.
    return [one for one in claimants if line.listing in _names(one.line)]


def _names(line: Line) -> tuple[str, ...]:
    return (line.listing, line.resolved.sku) if line.resolved else (line.listing,)


def _divided(line: SettlementLine, claimants: Sequence[Claimant]) -> Iterable[tuple[Claimant, Part]]:
    if len(claimants) == 1:
        return [(claimants[0], Part(line.key, line.heads, line))]
    # Of free replacements no line has a value: the pieces decide.
    worth: dict[str, int] = {one.name: one.value for one in claimants}
    if not any(worth.values()):
        worth = {one.name: one.line.quantity for one in claimants}
    shares = {head: largest_remainder(paise, worth) for head, paise in line.heads.items()} if claimants else {}
    return [(one, _share(line, one, {head: share[one.name] for head, share in shares.items()})) for one in claimants]


def _share(line: SettlementLine, one: Claimant, heads: Mapping[str, int]) -> Part:
    """The amounts are in its key: another share of the same line is news."""
    said: list[Any] = sorted(heads.items())
    return Part(derived_id(line.key, one.name, [list(pair) for pair in said]), heads, line)
