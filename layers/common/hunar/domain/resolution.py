"""What a group resolved about its money, as its minutes say: dated, versioned, never rewritten.

A resolution is a policy of the group as the registry keeps it (``from``, ``version``, ``payout_basis``) with its
money clauses. The version that held at the time of sale is written into the order and stays; a later resolution
moves nothing of earlier sales. Nothing here has a default: money moves by what was resolved, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeVar

from hunar.domain.facts import LEFT, SALE_SHARE
from hunar.domain.money import PPM

FIXED_PER_PIECE: Final = "FIXED_PER_PIECE"
"""The group gets its piece price; the agency bears the fees and keeps the rest."""
BOUGHT_OUTRIGHT: Final = "BOUGHT_OUTRIGHT"
"""As FIXED_PER_PIECE, but the goods are the agency's wherever they end."""
BASES: Final = (SALE_SHARE, FIXED_PER_PIECE, BOUGHT_OUTRIGHT)

AT_PURCHASE: Final = "purchase"
"""The group was paid when the agency took the goods; orders bring it nothing more."""


class Bearer(StrEnum):
    """Who bears a cost, and gets what is paid in compensation for it."""

    GROUP = "GROUP"
    AGENCY = "AGENCY"


class Keeper(StrEnum):
    """Whose a credit with the state is: GST on fees, TCS or TDS, withheld now and given back to the agency later."""

    GROUP_NOW = "GROUP_NOW"
    """The group's, paid with the sale. The agency waits for the state."""
    GROUP_LATER = "GROUP_LATER"
    """The group's, when the state has given it back."""
    AGENCY = "AGENCY"
    """The agency's. The group gets that much less, and its statement says so."""


class FeeBasis(StrEnum):
    """What the agency's fee is taken of."""

    PPM_OF_NET = "ppm_of_net"
    """Parts per million of the taxable value less the fees that the group bears; nothing when that is negative."""
    PPM_OF_TAXABLE = "ppm_of_taxable"
    FIXED_PER_UNIT = "fixed_per_unit"
    """Paise for each unit that stayed sold."""


class Unresolved(Exception):
    """A group's policy does not say what money needs. The text is for an operator and names the clause."""


C = TypeVar("C", Bearer, Keeper, FeeBasis)


@dataclass(frozen=True)
class Resolution:
    """One version of what a group resolved."""

    group_id: str
    version: int
    from_day: str
    """The day in India from which sales go by it."""
    payout_basis: str
    minutes_ref: str
    """Where the minutes are, as the group names them: book and page."""
    minutes_date: str
    agency_fee_basis: FeeBasis
    agency_fee: int
    """Parts per million or paise, as the basis says. Taken of a SALE_SHARE only."""
    fund_ppm: int
    """The part of what the group gets that goes into its fund."""
    itc: Keeper
    """The GST on the marketplace's fees."""
    tcs: Keeper
    tds: Keeper
    penalties: Bearer
    returns: Bearer
    """The fees that a return costs; by the piece, whether pieces that came back are paid."""
    lost: Bearer
    """Parcels that never arrived."""
    penalty_fees: tuple[str, ...]
    """The codes of fees that are penalties."""
    return_fees: tuple[str, ...]
    """The codes of fees that only a return costs."""
    paid_on: str
    """picked_up, shipped or delivered: from when a piece is owed; or purchase. For a SALE_SHARE without meaning."""
    return_window_days: int
    recovery_ppm: int
    """The part of each payout that may go against a debt."""

    @classmethod
    def of(cls, group_id: str, policy: Mapping[str, Any]) -> Resolution:
        """The resolution in a policy as the registry keeps it. Raises Unresolved: a clause is missing or unclear."""
        clauses = _Clauses(group_id, policy)
        return cls(
            group_id=group_id,
            version=clauses.whole("version"),
            from_day=clauses.day("from"),
            payout_basis=clauses.one_of("payout_basis", BASES),
            minutes_ref=clauses.text("minutes_ref"),
            minutes_date=clauses.day("minutes_date"),
            agency_fee_basis=clauses.word("agency_fee_basis", FeeBasis),
            agency_fee=clauses.whole("agency_fee"),
            fund_ppm=clauses.ppm("fund_ppm"),
            itc=clauses.word("itc", Keeper),
            tcs=clauses.word("tcs", Keeper),
            tds=clauses.word("tds", Keeper),
            penalties=clauses.word("penalties", Bearer),
            returns=clauses.word("returns", Bearer),
            lost=clauses.word("lost", Bearer),
            penalty_fees=clauses.codes("penalty_fees"),
            return_fees=clauses.codes("return_fees"),
            paid_on=clauses.one_of("paid_on", (*LEFT, AT_PURCHASE)),
            return_window_days=clauses.whole("return_window_days"),
            recovery_ppm=clauses.ppm("recovery_ppm"),
        )

    def item(self) -> dict[str, Any]:
        """As a policy of the registry; ``of`` reads it."""
        return {
            "from": self.from_day,
            "version": self.version,
            "payout_basis": self.payout_basis,
            "minutes_ref": self.minutes_ref,
            "minutes_date": self.minutes_date,
            "agency_fee_basis": str(self.agency_fee_basis),
            "agency_fee": self.agency_fee,
            "fund_ppm": self.fund_ppm,
            "itc": str(self.itc),
            "tcs": str(self.tcs),
            "tds": str(self.tds),
            "penalties": str(self.penalties),
            "returns": str(self.returns),
            "lost": str(self.lost),
            "penalty_fees": list(self.penalty_fees),
            "return_fees": list(self.return_fees),
            "paid_on": self.paid_on,
            "return_window_days": self.return_window_days,
            "recovery_ppm": self.recovery_ppm,
        }

    def clause(self, name: str) -> str:
        """The rate row of a posting that this resolution decides."""
        return f"resolution:{self.group_id}:{self.version}:{name}"

    @property
    def source(self) -> tuple[tuple[str, str | int], ...]:
        """What an entry says of it, so that the minutes can be found."""
        return ("minutes_date", self.minutes_date), ("minutes_ref", self.minutes_ref), ("policy", self.version)


def frozen(group_id: str, policies: Iterable[Mapping[str, Any]], version: int) -> Resolution:
    """The version that an order froze at its sale. Raises Unresolved when the group has no such policy."""
    for policy in policies:
        if policy["version"] == version:
            return Resolution.of(group_id, policy)
    raise Unresolved(f"{group_id} has no policy version {version}")


def in_force(group_id: str, policies: Iterable[Mapping[str, Any]], day: str) -> Resolution:
    """The version that holds on a day in India; before the first one begins, that. Raises Unresolved without any."""
    known = sorted(policies, key=lambda policy: (policy["from"], policy["version"]))
    if not known:
        raise Unresolved(f"{group_id} has no policy")
    begun = [policy for policy in known if policy["from"] <= day]
    return Resolution.of(group_id, (begun or known[:1])[-1])


class _Clauses:
    """Reads the clauses of one policy."""

    def __init__(self, group_id: str, policy: Mapping[str, Any]) -> None:
        self._policy = policy
        self._name = f"{group_id}, policy version {policy.get('version', '?')}"

    def _get(self, clause: str) -> Any:
        if self._policy.get(clause) in (None, ""):
            raise Unresolved(f"{self._name}: {clause} is missing")
        return self._policy[clause]

    def _wrong(self, clause: str, wanted: str) -> Unresolved:
        return Unresolved(f"{self._name}: {clause} {self._policy[clause]!r} is not {wanted}")

    def text(self, clause: str) -> str:
        return str(self._get(clause))

    def day(self, clause: str) -> str:
        try:
            return date.fromisoformat(self.text(clause)).isoformat()
        except ValueError:
            raise self._wrong(clause, "a day like 2026-04-01") from None

    def whole(self, clause: str) -> int:
        value = self._get(clause)
        if type(value) is not int or value < 0:
            raise self._wrong(clause, "a whole number, not below 0")
        return value

    def ppm(self, clause: str) -> int:
        value = self.whole(clause)
        if value > PPM:
            raise self._wrong(clause, "parts per million: the whole is 1000000")
        return value

    def one_of(self, clause: str, words: Iterable[str]) -> str:
        words = tuple(words)
        if self._get(clause) not in words:
            raise self._wrong(clause, f"one of {', '.join(words)}")
        return str(self._policy[clause])

    def word(self, clause: str, words: type[C]) -> C:
        return words(self.one_of(clause, [str(word) for word in words]))

    def codes(self, clause: str) -> tuple[str, ...]:
        """A list of fee codes; an empty one is a resolution too, a missing one is not."""
        if not isinstance(self._policy.get(clause), list | tuple):
            raise Unresolved(f"{self._name}: {clause} is missing; a list of fee codes, also an empty one")
        return tuple(str(code) for code in self._policy[clause])
