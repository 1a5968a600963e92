"""A group's policies, version by version, and what it resolved about its money in them.

``groups.csv`` says from which day the group works how and is paid on which basis; ``resolutions.csv`` adds the money
clauses to the version that holds from the resolution's day, or begins a new version on that day. A resolution holds
until the next one: a version that only changes how the group works takes over the clauses of the version before it.
Another payout basis needs a resolution of its own.

What is dated is never rewritten. A version that has begun keeps its clauses, and the first version has always begun,
because it holds for all earlier sales. Only a version that has none may be completed: no money has moved by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from hunar.domain.resolution import Resolution

Policy = dict[str, Any]

SAID: Final = ("from", "fulfilment_mode", "payout_basis")
"""What groups.csv says of a policy."""
APPROVED_BY: Final = "approved_by"
"""The office bearers who signed the resolution."""
RESOLVED: Final = "resolved"
"""The day of the resolution whose clauses a version has. Another day than its own: they were taken over."""
_NAMED_ELSEWHERE: Final = ("group_id", "version", "from_day", "payout_basis")
CLAUSES: Final = (
    *(field.name for field in fields(Resolution) if field.name not in _NAMED_ELSEWHERE),
    APPROVED_BY,
)
"""What resolutions.csv says of a policy."""


class Refused(Exception):
    """A resolution cannot be taken. ``columns`` are those of its row that say something else than is registered."""

    def __init__(self, message: str, *columns: str) -> None:
        super().__init__(message)
        self.columns = columns


def said(policy: Policy) -> Policy:
    """The part of a policy that groups.csv decides."""
    return {name: policy[name] for name in SAID}


def clauses(policy: Policy) -> Policy:
    """The money clauses of a policy; empty when the group has resolved none."""
    return {name: policy[name] for name in CLAUSES if name in policy}


def replaced(there: Sequence[Policy], policy: Policy) -> list[Policy]:
    """The policies with a new version for the policy's day."""
    same = next((old for old in there if old["from"] == policy["from"]), None)
    new = policy | {"version": _next(there)}
    if same is not None and same["payout_basis"] == policy["payout_basis"]:
        new |= _money(same)
    return _sorted([*(old for old in there if old is not same), new])


def resolved(fixed: Sequence[Policy], there: Sequence[Policy], day: str, terms: Policy, today: str) -> list[Policy]:
    """The policies with a resolution that holds from ``day``. Raises Refused.

    ``fixed`` are the policies that are registered, ``there`` those with what this import has added so far.
    """
    held = [policy for policy in there if policy["from"] <= day]
    if not held:
        raise Refused(
            f"before {there[0]['from']} there is no policy; the first one holds for all earlier sales", "from"
        )
    policy = held[-1]
    money = terms | {RESOLVED: day}
    if policy["from"] == day:
        before = clauses(policy)
        if before == terms and _settled(fixed, policy, today):
            return list(there)
        if before and before != terms and _settled(fixed, policy, today):
            columns = [name for name in CLAUSES if before[name] != terms[name]]
            message = (
                f"is registered otherwise for {day}, and sales were made under it; another resolution begins {today}"
            )
            raise Refused(f"{message} or later, on a day without a policy", *columns)
        return _sorted([*(old for old in there if old is not policy), _with(fixed, there, policy, money)])
    if fixed and day < today:
        since = policy["from"]
        orders = f"orders have taken the policy of {since} since then"
        first = "" if clauses(policy) else f"; what completes that policy is dated {since}"
        raise Refused(f"{day} is past, and {orders}: a new resolution begins {today} or later{first}", "from")
    return _sorted([*there, said(policy) | {"from": day, "version": _next(there)} | money])


def carried(fixed: Sequence[Policy], there: Sequence[Policy], today: str) -> list[Policy]:
    """The policies, each without a resolution of its own with the clauses of the one before it on the same basis."""
    found: list[Policy] = []
    known = list(there)
    for policy in there:
        before = found[-1] if found else None
        if policy.get(RESOLVED) != policy["from"] and not _settled(fixed, policy, today):
            goes_on = before is not None and before["payout_basis"] == policy["payout_basis"]
            policy = _with(fixed, known, policy, _money(before) if before and goes_on else {})
            known.append(policy)
        found.append(policy)
    return found


def unresolved(policies: Sequence[Policy]) -> list[str]:
    """The days from which sales find no clauses."""
    return [policy["from"] for policy in policies if not clauses(policy)]


def _money(policy: Policy) -> Policy:
    return clauses(policy) | ({RESOLVED: policy[RESOLVED]} if RESOLVED in policy else {})


def _settled(fixed: Sequence[Policy], policy: Policy, today: str) -> bool:
    """Whether a registered version has clauses by which sales were made."""
    first = bool(fixed) and policy["from"] == fixed[0]["from"]
    return bool(clauses(_registered(fixed, policy))) and (first or policy["from"] <= today)


def _registered(fixed: Sequence[Policy], policy: Policy) -> Policy:
    return next((old for old in fixed if old["version"] == policy["version"]), {})


def _with(fixed: Sequence[Policy], there: Sequence[Policy], policy: Policy, money: Policy) -> Policy:
    """A policy with these clauses: as the same version when it had none, because no money moved by it."""
    before = clauses(_registered(fixed, policy))
    changes = bool(before) and before != {name: money[name] for name in CLAUSES if name in money}
    version = _next(there) if changes else policy["version"]
    return said(policy) | {"version": version} | money


def _next(there: Sequence[Policy]) -> int:
    return max((int(policy["version"]) for policy in there), default=0) + 1


def _sorted(policies: Sequence[Policy]) -> list[Policy]:
    return sorted(policies, key=lambda policy: str(policy["from"]))
