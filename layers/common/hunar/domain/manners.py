"""When a text may go: not at night, not one for each order of a rush, not without end.

Regulation lets service texts come at any hour; decency does not. Times of day are Indian Standard Time, moments RFC
3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Any, Final

from hunar.domain.facts import instant, moment
from hunar.domain.text_kinds import KINDS, NEW_ORDER, NEW_ORDERS

_IST: Final = timezone(timedelta(hours=5, minutes=30))
_NOON: Final = time(12)
_MIDNIGHT: Final = time(0)
_ROOM: Final = timedelta(hours=1)
"""A new order that must be handed over so soon after the window does not wait for others."""
MOST_TOGETHER: Final = 90
"""Orders of one digest: with its own record, the contact's and the day's they fit into one transaction. So many that
wait are told at once."""
REMEMBERED: Final = 20
"""Texts that a talk remembers."""


@dataclass(frozen=True)
class Manners:
    """What a group wants of its texts."""

    quiet: tuple[time, time] | None = (time(21), time(7))
    """No text from the first time of day until the second, unless it is urgent."""
    digest_minutes: int = 30
    """After a new order, further ones are told together when so many minutes have passed. 0: each at once."""
    texts_a_day: int = 20
    """To one contact; then a person telephones."""
    amounts: bool = True
    """Whether texts may say how much money: others may read them aloud."""

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> Manners:
        """As the group's registry item says; a group that says nothing has the usual ones."""
        said = dict(group.get("manners") or {})
        if "quiet" in said:
            begin, _, end = said["quiet"].partition("-")
            said["quiet"] = (time.fromisoformat(begin), time.fromisoformat(end)) if begin else None
        return cls(**said)


@dataclass(frozen=True)
class Later:
    """Not now: at this moment, for this reason."""

    at: str
    reason: str
    full: bool = False
    """The contact had all texts of the day, so a person must know."""


def day(now: str) -> str:
    """The date in India."""
    return moment(now).astimezone(_IST).date().isoformat()


def held_back(
    kind: str,
    notification_id: str,
    manners: Manners,
    talk: Mapping[str, Any] | None,
    *,
    ship_by: str | None,
    now: str,
) -> Later | None:
    """None when the text may go now. ``talk`` is what its contact was told lately, ``ship_by`` when goods must go."""
    at_night = KINDS[kind].at_night
    if at_night == "always":
        return None
    morning = _quiet_until(manners, moment(now).astimezone(_IST))
    if morning is not None and not (at_night == "due" and ship_by is not None and _before_noon(ship_by, morning)):
        return Later(instant(morning), "quiet hours")
    sent = sent_today(talk, now)
    if notification_id not in sent and len(sent) >= manners.texts_a_day:
        return Later(_tomorrow(manners, now), f"{len(sent)} texts went to this contact today", full=True)
    if kind in (NEW_ORDER, NEW_ORDERS) and manners.digest_minutes:
        window = _window_ends(notification_id, manners, talk)
        soon = ship_by is not None and window is not None and moment(ship_by) < window + _ROOM
        full = len({*(talk or {}).get("waiting", ()), notification_id}) >= MOST_TOGETHER
        if window is not None and window > moment(now) and not soon and not full:
            return Later(instant(window), "further new orders are told together")
    return None


def sent_today(talk: Mapping[str, Any] | None, now: str) -> dict[str, int]:
    """The texts that went to a contact today, each with its parts."""
    return dict(talk["sent"]) if talk and talk["day"] == day(now) else {}


def told(
    talk: Mapping[str, Any] | None,
    *,
    group_id: str,
    slot: str,
    entry: Mapping[str, Any],
    parts: int,
    now: str,
    done: Iterable[str] = (),
) -> dict[str, Any]:
    """The talk after one more text: ``entry`` is its id, its kind and its orders. The same text counts once.

    ``done`` are new orders that wait no more, besides this one.
    """
    gone = {entry["notification_id"], *done}
    before = talk or new_talk(group_id, slot, now)
    recent = [said for said in before["recent"] if said["notification_id"] != entry["notification_id"]]
    return {
        **before,
        "day": day(now),
        "sent": sent_today(talk, now) | {entry["notification_id"]: parts},
        "waiting": [other for other in before["waiting"] if other not in gone],
        "recent": [*recent, {**entry, "at": now}][-REMEMBERED:],
        "version": before["version"] + 1,
    }


def waiting(
    talk: Mapping[str, Any] | None, *, group_id: str, slot: str, ids: Iterable[str], now: str
) -> dict[str, Any]:
    """The talk with just these new orders waiting to be told together."""
    before = talk or new_talk(group_id, slot, now)
    return {**before, "waiting": list(dict.fromkeys(ids)), "version": before["version"] + 1}


def new_talk(group_id: str, slot: str, now: str) -> dict[str, Any]:
    """A contact who was never told anything. Version 0: it stands nowhere yet."""
    return {
        "group_id": group_id,
        "slot": slot,
        "day": day(now),
        "sent": {},
        "waiting": [],
        "recent": [],
        "failed_in_row": 0,
        "delivered_at": None,
        "version": 0,
    }


def _quiet_until(manners: Manners, now: datetime) -> datetime | None:
    """When the quiet hours end that hold now."""
    if manners.quiet is None:
        return None
    begin, end = manners.quiet
    at = now.time()
    if begin <= end:
        return _at(now, end) if begin <= at < end else None
    if at >= begin:
        return _at(now + timedelta(days=1), end)
    return _at(now, end) if at < end else None


def _before_noon(ship_by: str, morning: datetime) -> bool:
    """Whether waiting for the morning leaves less than the forenoon."""
    return moment(ship_by) <= _at(morning, _NOON)


def _tomorrow(manners: Manners, now: str) -> str:
    next_day = moment(now).astimezone(_IST) + timedelta(days=1)
    return instant(_at(next_day, manners.quiet[1] if manners.quiet else _MIDNIGHT))


def _window_ends(notification_id: str, manners: Manners, talk: Mapping[str, Any] | None) -> datetime | None:
    times = [
        said["at"]
        for said in (talk or {}).get("recent", ())
        if said["kind"] in (NEW_ORDER, NEW_ORDERS) and said["notification_id"] != notification_id
    ]
    return moment(max(times)) + timedelta(minutes=manners.digest_minutes) if times else None


def _at(day_of: datetime, at: time) -> datetime:
    return day_of.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
