"""Something in the facts that only a person can judge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """``kind`` is one of ``worklist.KINDS``; ``line_id`` is None when it is about the whole order."""

    kind: str
    line_id: str | None
    message: str
    fact_id: str | None = None
    """The fact that a person may void to be rid of it; None when there is not one that is wrong."""
    of: str | None = None
    """The return or act that it is about, when a line can have several of the same kind."""
