"""Where groups are paid, as persons enter it: proposed by one, confirmed by another, told to the group's old numbers.

The account itself stands in the table of beneficiaries alone. What closing a period needs to know of it, whether it
may be paid and its last four digits, stands with the batches and is written in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from hunar import bank_files, tables
from hunar.domain import beneficiary as payees
from hunar.domain.beneficiary import Beneficiary, Details, LookedUp, same_person
from hunar.domain.facts import instant, moment
from hunar.domain.identity import derived_id
from hunar.domain.notification import SLOTS
from hunar.domain.text_kinds import ACCOUNT_CHANGED
from hunar.messages import Says, Tell
from hunar.ports import ANY, Put, QueueName, Rejected
from hunar.tables import Item
from hunar.use_cases import operate
from hunar.use_cases.branches import existing
from hunar.use_cases.leave_batches import leave
from hunar.use_cases.operate import By, NotNow, NotThere

FORMER_FOR: Final = timedelta(days=90)
"""So long after a change of a contact's number the number before it is told of a change of account too: whoever
redirects a payment may have changed the number first, and more than once."""


def propose(desk: operate.Desk, group_id: str, details: Details, by: By, *, cooling_days: int) -> Beneficiary:
    """A new version, which pays nobody until another person confirms it. The group is told on its old numbers, and
    its row leaves every batch that the bank does not have."""
    key = tables.group(group_id)
    if not operate.possible(group_id) or not desk.store.read([key]):
        raise NotThere(f"group_id: there is no group {group_id[:100]}")

    def step() -> Beneficiary:
        before, written = _newest(desk, group_id)
        if before is not None and _repeated(before, details, by):
            return before
        made = _allowed(
            lambda: payees.propose(
                before,
                group_id,
                details,
                by=by.person,
                at=desk.now,
                cooling_days=cooling_days,
                states=bank_files.states(),
                existing=existing(desk.store, details.ifsc),
            )
        )
        return _write(desk, made.beneficiary, written)

    done: Beneficiary = desk.again(step)
    _follow(desk, done, "the account was changed")
    return done


def confirm(
    desk: operate.Desk, group_id: str, version: int, by: By, *, looked_up: str | None, name_note: str | None
) -> Beneficiary:
    """Another person puts just that version into use, with the name that the bank has for the account.

    Whoever changed it may have been stopped before the group was told: no account is put into use untold.
    """
    waits, _ = _known(desk, group_id)
    if waits.version == version:
        _tell(desk, waits, desk.now)

    def step() -> Beneficiary:
        before, written = _known(desk, group_id)
        if before.version != version:
            raise NotNow(f"version: {version} is not the newest, which is {before.version}; look at it again")
        seen = LookedUp(looked_up, desk.now, by.person) if looked_up else None
        now = _allowed(lambda: payees.confirm(before, by=by.person, at=desk.now, looked_up=seen, name_note=name_note))
        return before if now == before else _write(desk, now, written)

    done: Beneficiary = desk.again(step)
    return done


def close(desk: operate.Desk, group_id: str, by: By) -> Beneficiary:
    """The account is not paid any more, at once."""

    def step() -> Beneficiary:
        before, written = _known(desk, group_id)
        now = _allowed(lambda: payees.close(before, by=by.person, at=desk.now, because=by.reason))
        return before if now == before else _write(desk, now, written)

    done: Beneficiary = desk.again(step)
    leave(desk.store, desk.queues, group_id, "the account was closed")
    return done


def show(store: Any, group_id: str) -> Item | None:
    """The newest version without what nobody needs to see: the account's last four digits, and whose it is."""
    key = tables.beneficiary(group_id)
    item = store.read([key]).get(key) if operate.possible(group_id) else None
    if item is None:
        return None
    one = beneficiary_of(item)
    return {
        "group_id": group_id,
        "version": one.version,
        "name": one.name,
        "account": one.masked,
        "ifsc": one.ifsc,
        "account_type": one.account_type,
        "changed_at": one.changed_at,
        "changed_by": one.changed_by,
        "usable_from": one.usable_from,
        "looked_up": {"name": one.looked_up.name, "at": one.looked_up.at, "by": one.looked_up.by}
        if one.looked_up
        else None,
        "confirmed_by": one.confirmed_by,
        "confirmed_at": one.confirmed_at,
        "closed_at": one.closed_at,
        "closed_because": one.closed_because,
    }


def beneficiary_of(item: Mapping[str, Any]) -> Beneficiary:
    """A version as it is stored: ``version`` is how often the item was written, ``account_version`` which one it is."""
    return Beneficiary.of({**item, "version": item["account_version"]})


# ── within ───────────────────────────────────────────────────────────────────────────────────────


def _repeated(before: Beneficiary, details: Details, by: By) -> bool:
    """Whether the same person typed the same once more, after a lost answer for example."""
    waits = before.confirmed_by is None and before.closed_at is None
    return waits and same_person(before.changed_by, by.person) and before.details == details


def _newest(desk: operate.Desk, group_id: str) -> tuple[Beneficiary | None, int]:
    key = tables.beneficiary(group_id)
    item = desk.store.read([key]).get(key)
    return (beneficiary_of(item), int(item["version"])) if item else (None, 0)


def _known(desk: operate.Desk, group_id: str) -> tuple[Beneficiary, int]:
    found, written = _newest(desk, group_id) if operate.possible(group_id) else (None, 0)
    if found is None:
        raise NotThere(f"group_id: {group_id[:100]} has no bank account")
    return found, written


def _write(desk: operate.Desk, one: Beneficiary, written: int) -> Beneficiary:
    item = one.item() | {"account_version": one.version, "version": written + 1}
    desk.store.commit(
        [
            Put(tables.beneficiary(one.group_id), item, written),
            Put(tables.beneficiary_version(one.group_id, one.version), item, ANY),
            Put(tables.payee(one.group_id), one.standing.item(), ANY),
        ]
    )
    return one


def _follow(desk: operate.Desk, one: Beneficiary, why: str) -> None:
    """Whoever is stopped before this does it when the act is repeated."""
    if one.version > 1:
        _tell(desk, one, one.changed_at)
        leave(desk.store, desk.queues, one.group_id, why)


def _tell(desk: operate.Desk, one: Beneficiary, at: str) -> None:
    """The group hears of a change of its account. Told again, it is the same texts, and none goes twice."""
    if one.version > 1:
        tell_of_account(desk, one.group_id, payees.last_four(one.account), one.changed_at, one.version, at=at)


def tell_of_account(
    desk: operate.Desk, group_id: str, last_four: str, changed_at: str, *cause: str | int, at: str
) -> None:
    """Tells all contacts of a group, on the numbers that they have and had lately, to which account its money goes."""
    texts = [text.model_dump_json() for text in _texts(desk, group_id, last_four, changed_at, cause, at)]
    if texts:
        desk.queues.send(QueueName.NOTIFICATIONS, texts)


def _texts(
    desk: operate.Desk, group_id: str, last_four: str, changed_at: str, cause: tuple[str | int, ...], at: str
) -> Iterator[Tell]:
    keys = {slot: tables.contact(group_id, slot) for slot in SLOTS}
    contacts = desk.store.read(keys.values())
    since = instant(moment(changed_at) - FORMER_FOR)
    for slot, key in keys.items():
        if (contact := contacts.get(key)) is None:
            continue
        changes = [change for change in contact.get("number_changes", ()) if change["at"] >= since]
        # To every number of these days: a second change must not hide the first from whoever lost her number by it.
        for given_up in (None, *(change["notification_id"] for change in changes)):
            yield Tell(
                notification_id=derived_id(ACCOUNT_CHANGED, group_id, *cause, slot, given_up or ""),
                notification_kind=ACCOUNT_CHANGED,
                group_id=group_id,
                contact=slot,
                good_until=instant(moment(at) + payees.TOLD_WITHIN),
                says=Says(account=last_four, given_up=given_up),
            )


def _allowed(step: Callable[[], Any]) -> Any:
    try:
        return step()
    except payees.Refused as problem:
        named = [f"{name}: {text}" if name else text for name, text in problem.reasons]
        if any(name for name, _ in problem.reasons):
            raise Rejected("; ".join(named)) from None
        raise NotNow("; ".join(named)) from None
