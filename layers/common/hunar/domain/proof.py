"""What the check of a caller's proof can find."""

from __future__ import annotations

from enum import StrEnum


class Proof(StrEnum):
    """All but PROVED are answered alike; the difference is for the operator's metrics."""

    PROVED = "proved"
    UNSIGNED = "unsigned"
    """The proof is not there at all: a stranger, or a proxy on the way that eats headers."""
    FORGED = "forged"
    """There is a proof, and it is not one that the account's secret makes."""
    STALE = "stale"
    """A true proof from outside the time window: a replay, or a clock that is wrong."""
