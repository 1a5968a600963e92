"""Where a group is paid: its bank account, in versions, that no single person can put into use or change.

The newest version counts. Changing it freezes the group's payouts until a second person has confirmed it
and a cooling-off is over, and the number that the group had before is told: whoever redirects a payment
must be seen before the money has gone. Account number, PAN and name appear in no ``repr``; the last four
characters of the account are the only text about it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.payee_ids import ACCOUNT_TYPES, Invalid, account_number, gstin, holder_name, ifsc, masked, pan

TOLD_WITHIN: Final = timedelta(days=3)
"""How long a text about a change is of use; as long as a provider tries to deliver it."""
ACCOUNT_CHANGED: Final = "ACCOUNT_CHANGED"
SIGNED_IN: Final = "awsreservedsso_"
"""How the roles begin by which IAM Identity Center lets persons in, in lower case."""


class Refused(Exception):
    """A beneficiary cannot be made, confirmed or closed. Each reason is (field or empty, text for the operator)."""

    def __init__(self, *reasons: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" if field else text for field, text in reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class LookedUp:
    """The name that the bank has for the account (name look-up for NEFT and RTGS, RBI/2024-25/99), and who saw it."""

    name: str
    at: str
    by: str

    def __repr__(self) -> str:
        return f"LookedUp(at={self.at!r}, by={self.by!r})"


@dataclass(frozen=True)
class Details:
    """What a maker types. ``pan`` and ``gstin`` are as known; most groups have no GSTIN."""

    name: str
    account: str
    ifsc: str
    account_type: str
    pan: str | None = None
    gstin: str | None = None

    def __repr__(self) -> str:
        return f"Details({self.ifsc}, {masked(self.account)})"


@dataclass(frozen=True)
class Beneficiary:
    """One version of a group's bank account."""

    group_id: str
    version: int
    name: str
    account: str
    ifsc: str
    account_type: str
    changed_at: str
    changed_by: str
    usable_from: str
    """When the cooling-off ends. Of a first version: at once, when it is confirmed."""
    pan: str | None = None
    gstin: str | None = None
    looked_up: LookedUp | None = None
    name_note: str | None = None
    """Why the account is right although the bank has another name for it."""
    confirmed_by: str | None = None
    confirmed_at: str | None = None
    closed_by: str | None = None
    closed_at: str | None = None
    closed_because: str | None = None

    def __repr__(self) -> str:
        return f"Beneficiary({self.group_id!r}, version={self.version}, {self.ifsc} {self.masked})"

    @property
    def masked(self) -> str:
        return masked(self.account)

    @property
    def details(self) -> Details:
        return Details(self.name, self.account, self.ifsc, self.account_type, self.pan, self.gstin)

    @property
    def standing(self) -> Standing:
        return Standing(
            group_id=self.group_id,
            version=self.version,
            changed_by=self.changed_by,
            usable_from=self.usable_from,
            confirmed_by=self.confirmed_by,
            closed_at=self.closed_at,
            last_four=last_four(self.account),
        )

    def item(self) -> dict[str, Any]:
        """For the table of beneficiaries alone, which has its own key."""
        looked = self.looked_up
        return dict(vars(self)) | {
            "looked_up": {"name": looked.name, "at": looked.at, "by": looked.by} if looked else None
        }

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Beneficiary:
        known: dict[str, Any] = {name: item.get(name) for name in cls.__dataclass_fields__}
        looked = known["looked_up"]
        return cls(**known | {"version": int(item["version"]), "looked_up": LookedUp(**looked) if looked else None})


@dataclass(frozen=True)
class Standing:
    """Whether a group's account may be paid, without the account: what those may know who never see a bank number."""

    group_id: str
    version: int
    changed_by: str
    usable_from: str
    confirmed_by: str | None
    closed_at: str | None
    last_four: str
    """The last four digits of the account, as texts name it."""

    def item(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Standing:
        known: dict[str, Any] = {name: item[name] for name in cls.__dataclass_fields__}
        return cls(**known | {"version": int(item["version"])})


@dataclass(frozen=True)
class Told:
    """What the group must be told of a change, on every number that it had before the change and has now."""

    notification_id: str
    kind: str
    group_id: str
    account: str
    """The last four digits of the account that is to be paid from now on."""
    good_until: str


@dataclass(frozen=True)
class Proposed:
    beneficiary: Beneficiary
    told: Told | None
    """None for a group's first account: there is nobody yet whose money could be redirected."""


def propose(
    before: Beneficiary | None,
    group_id: str,
    details: Details,
    *,
    by: str,
    at: str,
    cooling_days: int,
    states: Collection[str],
    existing: Collection[str] | None = None,
) -> Proposed:
    """A new version, which pays nobody yet. ``before`` is the newest one, closed or not, or None.

    ``cooling_days`` are those of the agency; ``states`` and ``existing`` as in ``payee_ids``. Refused names every
    field that cannot be right, and refuses what is known already.
    """
    checked = _checked(details, states, existing)
    if before is not None and before.closed_at is None and before.details == checked:
        raise Refused(("", "this is the account that is registered; nothing changes"))
    usable_from = at if before is None else instant(moment(at) + timedelta(days=cooling_days))
    made = Beneficiary(
        group_id=group_id,
        version=before.version + 1 if before else 1,
        changed_at=at,
        changed_by=by,
        usable_from=usable_from,
        **vars(checked),
    )
    if before is None:
        return Proposed(made, None)
    told = Told(
        notification_id=derived_id(ACCOUNT_CHANGED, group_id, made.version),
        kind=ACCOUNT_CHANGED,
        group_id=group_id,
        account=last_four(made.account),
        good_until=instant(moment(at) + TOLD_WITHIN),
    )
    return Proposed(made, told)


def confirm(
    beneficiary: Beneficiary, *, by: str, at: str, looked_up: LookedUp | None = None, name_note: str | None = None
) -> Beneficiary:
    """A second person puts a version into use; it pays from ``usable_from`` on.

    ``looked_up`` is the bank's name for the account. Where it is another one, ``name_note`` says why the account is
    right. The same confirmation again changes nothing. Refused for the maker, and for a version that is closed or was
    confirmed by somebody else.
    """
    if beneficiary.closed_at is not None:
        raise Refused(("", "is closed"))
    if same_person(by, beneficiary.changed_by):
        raise Refused(("", f"{by} entered it; another person must confirm it"))
    if beneficiary.confirmed_by is not None:
        if same_person(by, beneficiary.confirmed_by):
            return beneficiary
        raise Refused(("", f"was confirmed by {beneficiary.confirmed_by} already"))
    seen = looked_up or beneficiary.looked_up
    if seen is None:
        raise Refused(("looked_up", "look the account's name up at the bank first, and enter what it says"))
    try:
        seen = replace(seen, name=holder_name(seen.name))
    except Invalid as error:
        raise Refused(("looked_up", error.message)) from None
    if not same_name(seen.name, beneficiary.name) and not (name_note or "").strip():
        raise Refused(("looked_up", "the bank has another name for this account; correct it, or note why it is right"))
    return replace(beneficiary, looked_up=seen, name_note=name_note, confirmed_by=by, confirmed_at=at)


def close(beneficiary: Beneficiary, *, by: str, at: str, because: str) -> Beneficiary:
    """The account is not to be paid any more. One person may do it, and at once: it keeps money in, not out."""
    if not because.strip():
        raise Refused(("because", "say why the account is closed"))
    if beneficiary.closed_at is not None:
        return beneficiary
    return replace(beneficiary, closed_by=by, closed_at=at, closed_because=because)


def last_four(account: str) -> str:
    """Digits only, because a text's slot takes no letters; an account with fewer is filled with zeros."""
    return "".join(letter for letter in account if letter in "0123456789")[-4:].rjust(4, "0")


def usable(beneficiary: Beneficiary | Standing | None, at: str) -> str | None:
    """None when the newest version of a group's account may be paid at that time, else why not."""
    if beneficiary is None:
        return "no bank account is registered"
    if beneficiary.closed_at is not None:
        return f"the account was closed on {beneficiary.closed_at[:10]}"
    if beneficiary.confirmed_by is None:
        return f"the account that {beneficiary.changed_by} entered waits for a second person"
    if moment(at) < moment(beneficiary.usable_from):
        return f"the account was changed; it can be paid from {beneficiary.usable_from} on"
    return None


def payee_name(beneficiary: Beneficiary) -> str:
    """The name for a bank's file: what the bank has for the account, else the one in the passbook."""
    return beneficiary.looked_up.name if beneficiary.looked_up else beneficiary.name


def same_person(one: str, other: str) -> bool:
    """Whether two callers are one: neither letters and spaces around a name make a second person, nor the name of a
    session."""
    return _principal(one) == _principal(other)


def _principal(caller: str) -> str:
    """What of a caller's ARN nobody chooses for herself.

    Whoever assumes a role, or asks for a federated user's token, names the session as she likes. IAM Identity Center
    alone names it by who signed in, whichever of her roles that was.
    """
    name = caller.strip().casefold()
    kind, _, rest = name.partition("/")
    role, _, session = rest.partition("/")
    if kind == "assumed-role":
        return f"{SIGNED_IN}/{session}" if role.startswith(SIGNED_IN) else f"{kind}/{role}"
    return kind if kind == "federated-user" else name


def same_name(one: str, other: str) -> bool:
    """Whether two names have the same words, in any order, letters and punctuation."""
    return _words(one) == _words(other)


def _words(name: str) -> list[str]:
    return sorted("".join(letter if letter.isalnum() else " " for letter in name.upper()).split())


def _checked(details: Details, states: Collection[str], existing: Collection[str] | None) -> Details:
    wrong: list[tuple[str, str]] = []
    said: dict[str, Any] = dict(vars(details)) | {
        "pan": details.pan.strip().upper() if details.pan else None,
        "gstin": details.gstin.strip().upper() if details.gstin else None,
    }
    checks: Mapping[str, Any] = {
        "name": holder_name,
        "account": account_number,
        "ifsc": lambda text: ifsc(text, existing),
        "pan": pan,
    }
    for field, check in checks.items():
        if said[field] is None:
            continue
        try:
            said[field] = check(said[field])
        except Invalid as error:
            wrong.append((error.field, error.message))
    if said["gstin"] is not None:
        # A PAN that is wrong itself says nothing of the one inside.
        known = None if any(field == "pan" for field, _ in wrong) else said["pan"]
        try:
            gstin(said["gstin"], states, of_pan=known)
        except Invalid as error:
            wrong.append((error.field, error.message))
    if details.account_type not in ACCOUNT_TYPES:
        wrong.append(("account_type", f"can be {', '.join(ACCOUNT_TYPES)}"))
    if wrong:
        raise Refused(*wrong)
    return Details(**said)
