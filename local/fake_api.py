"""What the stand-ins for the marketplaces' APIs have in common: tokens, rates, versions of what is true, faults.

Like the stand-in for the SMS network they are independent witnesses and share no code with what they check. Time is
given to them with every request, so that they serve a virtual clock as well as a real one.
"""

from __future__ import annotations

import copy
import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

DELAY: Final = "X-Local-Delay"
"""A header for whoever carries the answer, which never leaves this machine: wait for so many seconds first."""

NO_ANSWER: Final = 0
"""The status of a request that is never answered: the connection breaks after the delay."""

HUGE_BYTES: Final = 20 * 1024 * 1024
KEPT_VERSIONS: Final = 20
INT32: Final = 2**31

OPERATIONS: Final = ("fetch", "search", "returns", "publish", "show", "token")

FAULTS: Final[Mapping[str, tuple[frozenset[str], float]]] = {
    "429": (frozenset(OPERATIONS), 2.0),
    "500": (frozenset(OPERATIONS), 0.0),
    "slow": (frozenset(OPERATIONS), 5.0),
    "hang": (frozenset(OPERATIONS), 30.0),
    "html": (frozenset(OPERATIONS), 0.0),
    "huge": (frozenset(OPERATIONS), 0.0),
    "expired_token": (frozenset(OPERATIONS) - {"token"}, 0.0),
    "revoked": (frozenset(OPERATIONS), 0.0),
    "wrong": (frozenset({"fetch"}), 0.0),
    "late": (frozenset({"fetch", "search", "returns"}), 30.0),
    "stale": (frozenset({"fetch", "search", "returns"}), 0.0),
    "loop": (frozenset({"search", "returns"}), 0.0),
}
"""Each fault, the operations that can have it, and the seconds that are meant when none are given."""


class Answer(NamedTuple):
    """What goes back: a status, headers, and the bytes of the body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refusal(Exception):
    """The API says no: an answer that is no 200."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def as_json(body: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json"} | named, json.dumps(body, ensure_ascii=False).encode())


def html_page() -> Answer:
    """What a marketplace's front door says when nobody is at home behind it."""
    page = "<!DOCTYPE html><html><head><title>We will be back soon</title></head><body>Maintenance</body></html>"
    return Answer(200, {"Content-Type": "text/html"}, page.encode())


def huge_answer() -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, b'{"padding": "' + b"x" * HUGE_BYTES + b'"}')


@dataclass(frozen=True)
class Request:
    """A request, taken apart. Header names are in small letters."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    now: datetime

    @classmethod
    def read(cls, method: str, target: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Request:
        parts = urlsplit(target)
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        small = {name.lower(): value for name, value in headers.items()}
        return cls(method, parts.path, query, small, body, now.astimezone(UTC))

    def object(self) -> dict[str, Any]:
        """The JSON object in the body. ValueError if there is none."""
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError("no object")
        return found


@dataclass
class _Fault:
    operation: str
    name: str
    times: int
    seconds: float


class Faults:
    """How many of the next requests go wrong, and how."""

    def __init__(self, marketplace: str, operations: tuple[str, ...]) -> None:
        self._marketplace = marketplace
        self._operations = operations
        self._set: list[_Fault] = []
        self._lock = threading.Lock()

    def set(self, values: Mapping[str, Any]) -> None:
        """``{"operation", "fault", "times", "seconds"}``; 0 times takes it back. ValueError names what is wrong.

        ``seconds`` are those after which an answer comes (slow, hang), the truth is seen (late) or the caller may ask
        again (429).
        """
        operation, name, times = values.get("operation", "*"), values.get("fault"), values.get("times", 1)
        if unknown := sorted(values.keys() - {"marketplace", "operation", "fault", "times", "seconds"}):
            raise ValueError(f"{unknown[0]}: unknown")
        if operation != "*" and operation not in self._operations:
            known = ", ".join(self._operations)
            raise ValueError(f"operation: {self._marketplace} has {known} and *")
        if not isinstance(name, str) or name not in FAULTS:
            raise ValueError(f"fault: known are {', '.join(FAULTS)}")
        where, usual = FAULTS[name]
        if operation != "*" and operation not in where:
            raise ValueError(f"operation: {name} can befall {', '.join(sorted(where))} only")
        if type(times) is not int or times < 0:
            raise ValueError("times: not a whole number of at least 0")
        seconds = values.get("seconds", usual)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 3600:
            raise ValueError("seconds: not a number from 0 to 3600")
        with self._lock:
            self._set = [one for one in self._set if (one.operation, one.name) != (operation, name)]
            if times:
                self._set.append(_Fault(operation, name, times, float(seconds)))

    def clear(self) -> None:
        with self._lock:
            self._set.clear()

    def take(self, operation: str) -> _Fault | None:
        """What befalls this request; one fewer is left."""
        with self._lock:
            for fault in self._set:
                if fault.operation in ("*", operation) and operation in FAULTS[fault.name][0]:
                    fault.times -= 1
                    if not fault.times:
                        self._set.remove(fault)
                    return fault
            return None


@dataclass
class Bucket:
    """A token bucket. A request that finds none costs none."""

    per_second: float
    burst: int
    _left: float | None = None
    _at: datetime | None = None

    def take(self, now: datetime) -> bool:
        left = float(self.burst) if self._left is None else self._left
        if self._at is not None:
            left = min(float(self.burst), left + max(0.0, (now - self._at).total_seconds()) * self.per_second)
        self._at = now
        # What five times a fifth leave over is no reason to refuse.
        taken = left >= 1 - 1e-9
        self._left = left - 1 if taken else left
        return taken


class Tokens:
    """The access tokens that were given out."""

    def __init__(self, prefix: str, good_for: timedelta) -> None:
        self._prefix = prefix
        self.good_for = good_for
        self._until: dict[str, datetime] = {}

    def give(self, now: datetime) -> str:
        token = f"{self._prefix}{secrets.token_urlsafe(24)}"
        self._until = {known: until for known, until in self._until.items() if until > now - self.good_for}
        self._until[token] = now + self.good_for
        return token

    def state(self, token: str, now: datetime) -> str:
        """``good``, ``expired`` or ``unknown``."""
        until = self._until.get(token)
        return "unknown" if until is None else "good" if now < until else "expired"

    def expire(self, now: datetime) -> None:
        """Every token that is out there is over."""
        self._until = {token: min(until, now) for token, until in self._until.items()}

    def revoke(self) -> None:
        self._until.clear()


class _Version(NamedTuple):
    put_at: datetime
    content: dict[str, Any]


class Truths:
    """What is true of each order or return, and what was: a replica may not have heard the last of it."""

    def __init__(self) -> None:
        self._versions: dict[str, list[_Version]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._versions

    def put(self, key: str, content: dict[str, Any], now: datetime) -> None:
        versions = self._versions.setdefault(key, [])
        versions.append(_Version(now, copy.deepcopy(content)))
        del versions[:-KEPT_VERSIONS]

    def get(self, key: str, seen: Callable[[list[_Version]], _Version | None]) -> dict[str, Any] | None:
        version = seen(self._versions.get(key, []))
        return None if version is None else copy.deepcopy(version.content)

    def all(self, seen: Callable[[list[_Version]], _Version | None]) -> dict[str, dict[str, Any]]:
        """By id, in the order of the ids: of the order in which things happened it says nothing.

        Only to be read: they are no copies, because who asks looks through a thousand to find one.
        """
        found = {key: seen(self._versions[key]) for key in sorted(self._versions)}
        return {key: version.content for key, version in found.items() if version is not None}


def seen_with(fault: _Fault | None, now: datetime) -> Callable[[list[_Version]], _Version | None]:
    """Which version of a truth a request sees: the last, the one before (stale), or the last that is old enough."""

    def last(versions: list[_Version]) -> _Version | None:
        return versions[-1] if versions else None

    def before(versions: list[_Version]) -> _Version | None:
        return versions[-2] if len(versions) > 1 else None

    def old_enough(versions: list[_Version]) -> _Version | None:
        assert fault is not None  # noqa: S101 for the type checker: late is a fault
        ripe = [version for version in versions if version.put_at <= now - timedelta(seconds=fault.seconds)]
        return ripe[-1] if ripe else None

    return {"stale": before, "late": old_enough}.get(fault.name if fault else "", last)


@dataclass
class Listing:
    """A product on a channel, and how many the channel believes there are."""

    identity: str
    """Flipkart's FSN, Amazon's product type: what a caller must know of it."""
    quantity: int = 0
    updated_at: datetime | None = None
    due: list[tuple[datetime, int]] = field(default_factory=list)
    """Figures that were accepted and are not shown yet, oldest first."""

    def settle(self, now: datetime) -> None:
        """Shows what has become due."""
        while self.due and self.due[0][0] <= now:
            at, self.quantity = self.due.pop(0)
            self.updated_at = at

    def sell(self, units: int, now: datetime) -> None:
        """What a buyer bought, the channel does not offer any more."""
        self.settle(now)
        self.quantity, self.updated_at = max(0, self.quantity - units), now


@dataclass
class Page:
    """The rest of a search that has been answered in part."""

    asked: Any
    """What the search was for."""
    keys: list[str]
    size: int
    until: datetime


class Pages:
    """The tokens that lead to further pages."""

    def __init__(self, good_for: timedelta) -> None:
        self._good_for = good_for
        self._pages: dict[str, Page] = {}

    def keep(self, asked: Any, keys: list[str], size: int, now: datetime) -> str:
        self._pages = {token: page for token, page in self._pages.items() if page.until > now}
        token = secrets.token_urlsafe(32)
        self._pages[token] = Page(asked, keys, size, now + self._good_for)
        return token

    def find(self, token: str, now: datetime) -> Page | None:
        page = self._pages.get(token)
        return page if page is not None and now < page.until else None


def moment(text: Any) -> datetime:
    """A time with its offset. ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("no text")
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no offset")
    return at.astimezone(UTC)


def zulu(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Handler = Callable[[Request, Any], Answer]
"""Answers a request of one operation; the second argument is its fault, if it has one."""


class FakeApi(ABC):
    """One seller's account at a marketplace: what every call goes through. Thread-safe."""

    marketplace: str

    def __init__(self, tokens: Tokens, operations: tuple[str, ...]) -> None:
        self._tokens = tokens
        self._lock = threading.RLock()
        self.faults = Faults(self.marketplace, operations)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        """What comes back. ``path`` has the query, and no scheme or host. The token service is here, too."""
        request = Request.read(method, path, headers, body, now)
        with self._lock:
            found = self._route(request)
            if found is None:
                return self._unknown(request)
            operation, handler = found
            try:
                return self._with_fault(request, operation, handler)
            except Refusal as refusal:
                return refusal.answer

    def _with_fault(self, request: Request, operation: str, handler: Handler) -> Answer:
        fault = self.faults.take(operation)
        name = fault.name if fault else ""
        if fault is not None and name == "429":
            answer = self._too_many()
            return answer._replace(headers=answer.headers | {"Retry-After": str(int(fault.seconds))})
        if name == "500":
            return self._broken()
        if name == "html":
            return html_page()
        if name == "huge":
            return huge_answer()
        if name == "expired_token":
            self._tokens.expire(request.now)
        if name == "revoked":
            self._tokens.revoke()
            if operation == "token":
                return self._no_grant()
        answer = handler(request, fault) if operation == "token" else self._allowed(request, operation, handler, fault)
        if fault is not None and name in ("slow", "hang"):
            delayed = answer._replace(headers=answer.headers | {DELAY: str(fault.seconds)})
            return delayed if name == "slow" else Answer(NO_ANSWER, {DELAY: str(fault.seconds)}, b"")
        return answer

    def _allowed(self, request: Request, operation: str, handler: Handler, fault: Any) -> Answer:
        """A call with a token. Raises Refusal without a good one."""
        self._authorize(request)
        return handler(request, fault)

    @abstractmethod
    def _route(self, request: Request) -> tuple[str, Handler] | None:
        """The operation and who answers it."""

    @abstractmethod
    def _authorize(self, request: Request) -> None:
        """Raises Refusal unless the request has a good token."""

    @abstractmethod
    def _unknown(self, request: Request) -> Answer: ...

    @abstractmethod
    def _too_many(self) -> Answer: ...

    @abstractmethod
    def _broken(self) -> Answer: ...

    @abstractmethod
    def _no_grant(self) -> Answer:
        """The token service takes the client's grant no more."""
