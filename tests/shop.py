"""A small marketplace with an API, for tests of what asks and tells: orders in pages, stock by listing.

It is written against the contract in ``hunar.domain.channel`` alone. What the real modules and fakes do is tested with
those.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hunar import tables
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.domain.channel import (
    LATER,
    REFUSED,
    TAKEN,
    Account,
    Answered,
    BadAnswer,
    Call,
    Offer,
    Part,
    Posted,
    Rate,
    TokenCall,
)
from hunar.domain.facts import Placed, Snapshot, Stated, Step, instant
from hunar.domain.reading import Reading
from hunar.ports import HttpAnswer, Put, QueueName, Retryable
from hunar.tables import Item, Table
from hunar.use_cases.asking import Desk
from hunar.use_cases.retry import retried

START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
PAGE = 2
DEMO = ("shop", "demo")
LAG = timedelta(minutes=2)
"""As deployed, unless somebody says otherwise."""


class Shop:
    """The marketplace's module."""

    RATES: Mapping[str, Rate] = {
        "get": Rate(2_000, 30),
        "returns": Rate(1_000, 10),
        "search": Rate(180_000, 20),
        "stock": Rate(200, 5),
        "show": Rate(200, 5),
    }
    SEARCHES: Sequence[str] = ("orders",)
    LEAST_LAG = timedelta(0)
    MOST_OFFERS = 2

    def token_call(self, client_id: str, client_secret: str, refresh_token: str | None) -> TokenCall:
        return TokenCall("POST", "/token", {})

    def token(self, raw: bytes) -> tuple[str, int]:
        return "token", 3600

    def authorization(self, token: str) -> Mapping[str, str]:
        return {}

    def fetch(self, account: Account, order_id: str) -> Call:
        return Call("get", "GET", f"/orders/{order_id}")

    def fetch_returns(self, account: Account, return_ids: Sequence[str]) -> Call | None:
        return Call("returns", "GET", f"/returns?ids={','.join(return_ids)}")

    def search(self, account: Account, kind: str, since: str, until: str) -> Call:
        return Call("search", "GET", f"/{kind}?since={since}&until={until}")

    def answered(self, call: Call, raw: bytes) -> Answered:
        content = _read(raw)
        if "orders" not in content:
            raise BadAnswer("orders: is missing")
        parts, problems = [], []
        for place, entry in enumerate(content["orders"]):
            if not isinstance(entry, dict):
                problems.append(f"orders.{place}: not an object")
                continue
            body = json.dumps(entry, sort_keys=True).encode()
            parts.append(Part(entry.get("id"), body, entry.get("at")))
        following = content.get("next")
        page = Call(call.operation, "GET", following) if following else None
        return Answered(tuple(parts), page, tuple(problems))

    def read_answer(self, raw: bytes, account: str) -> Reading:
        order = json.loads(raw)
        at, lines = order["at"], order["lines"]
        facts: list[Any] = [Snapshot(at, order.get("step", ""), False, " ".join(sorted(lines)))]
        for line_id, units in lines.items():
            facts.append(Placed(line_id, at, "STOLE", units, 50_000, None, at, None))
            facts.append(Stated(line_id, at, units))
        if order.get("step"):
            facts.append(Step(order["step"], at))
        return Reading(order["id"], "order", "APPLIED", tuple(facts))

    def publish(self, account: Account, offers: Sequence[Offer]) -> Call:
        for offer in offers:
            if not offer.product_id:
                raise ValueError(f"product_id: {offer.listing} has none")
        return Call("stock", "POST", "/stock", json.dumps({offer.listing: offer.quantity for offer in offers}))

    def posted(self, call: Call, status: int, raw: bytes) -> list[Posted]:
        content = _read(raw)
        verdicts = {"ok": TAKEN, "no": REFUSED, "busy": LATER}
        return [Posted(name, verdicts[said], "" if said == "ok" else said) for name, said in content.items()]

    def show(self, account: Account, listings: Sequence[str]) -> Call:
        return Call("show", "GET", f"/stock?of={','.join(listings)}")

    def shown(self, call: Call, raw: bytes) -> Mapping[str, int | None]:
        return _read(raw)


def _read(raw: bytes) -> dict[str, Any]:
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise BadAnswer(f"not JSON: {raw[:20]!r}") from error
    if not isinstance(content, dict):
        raise BadAnswer("not an object")
    return content


class Server:
    """The marketplace itself. ``faults`` says for a call what is answered in place of the truth; None for the truth."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.orders: dict[str, dict[str, Any]] = {}
        self.stock: dict[str, int] = {}
        self.calls: list[tuple[datetime, Call]] = []
        self.faults: Callable[[Call], HttpAnswer | Exception | None] = lambda call: None
        self.lost = False
        """Everything is done and no answer comes."""
        self.refused: set[str] = set()
        """Listings whose number is refused."""
        self.meanwhile: Callable[[Call], None] = lambda call: None
        """What happens while a call is on its way to the marketplace."""

    def call(self, marketplace: str, account: str, call: Call) -> HttpAnswer:
        self.calls.append((self.clock(), call))
        self.meanwhile(call)
        fault = self.faults(call)
        if isinstance(fault, Exception):
            raise fault
        answer = fault if fault is not None else self._answer(call)
        if self.lost:
            raise Retryable("no answer")
        return answer

    def made(self, operation: str) -> list[Call]:
        return [call for _, call in self.calls if call.operation == operation]

    def sell(self, order_id: str, at: datetime, *, step: str = "", **lines: int) -> None:
        self.orders[order_id] = {"id": order_id, "at": instant(at), "lines": lines or {"1": 1}, "step": step}

    def _answer(self, call: Call) -> HttpAnswer:
        url = urlsplit(call.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if call.operation == "get":
            order = self.orders.get(url.path.rpartition("/")[2])
            return _json(200, {"orders": [order]}) if order else _json(404, {})
        if call.operation == "search":
            return self._search(query)
        if call.operation == "stock":
            asked = json.loads(call.body or "")
            taken = {name: units for name, units in asked.items() if name not in self.refused}
            self.stock |= taken
            return _json(200, {name: "ok" if name in taken else "no" for name in asked})
        if call.operation == "show":
            return _json(200, {name: self.stock.get(name) for name in query["of"].split(",")})
        return _json(200, {"orders": []})

    def _search(self, query: dict[str, str]) -> HttpAnswer:
        page = int(query.get("page", "0"))
        found = [o for o in self.orders.values() if query["since"] <= o["at"] < query["until"]]
        found.sort(key=lambda order: (order["at"], order["id"]))
        answer: dict[str, Any] = {"orders": found[page * PAGE : (page + 1) * PAGE]}
        if len(found) > (page + 1) * PAGE:
            answer["next"] = f"/orders?since={query['since']}&until={query['until']}&page={page + 1}"
        return _json(200, answer)


def _json(status: int, content: Any) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(content).encode())


class Market:
    """The shop, our store and queues, and a clock that stands until it is moved."""

    def __init__(self, *accounts: tuple[str, str]) -> None:
        self.time = START
        self.store = MemoryStore()
        self.queues = MemoryQueues()
        self.server = Server(lambda: self.time)
        self.channel = Shop()
        self.accounts = accounts or (DEMO,)
        self.left = 60.0
        self.lag = LAG
        self._numbers = itertools.count()
        self._pools: dict[QueueName, list[tuple[datetime, int, str]]] = {}

    @property
    def now(self) -> str:
        return instant(self.time)

    def later(self, **time: float) -> None:
        self.time += timedelta(**time)

    def desk(self) -> Desk:
        """Of a new worker."""
        return Desk(
            store=self.store,
            queues=self.queues,
            apis=self.server,
            channels={"shop": self.channel},
            accounts=self.accounts,
            clock=lambda: self.time,
            time_left=lambda: self.left,
            pause=lambda seconds: self.later(seconds=seconds),
            claimant=f"worker-{next(self._numbers)}",
            again=lambda action: retried(action, pause=lambda _: None, random=lambda: 0.5),
            lag=self.lag,
        )

    def shelf(self, sku: str, available: int, buffer: int = 0) -> None:
        key = tables.stock(sku)
        there = self.store.read([key]).get(key)
        counters = {"on_hand": available, "available": available, "reserved": 0, "short": 0, "uncounted": 0}
        item = {"sku": sku, "group_id": "G11", "buffer": buffer, **counters}
        self.store.commit([Put(key, item | {"version": there["version"] + 1 if there else 1})])

    def listing(self, name: str, sku: str, account: str = "demo", *, since: str = "2026-01-01", **said: str) -> None:
        key = tables.listing("shop", account, name)
        there = self.store.read([key]).get(key) or {"mappings": []}
        mappings = [*there["mappings"], {"from": since, "sku": sku}]
        item = {"marketplace": "shop", "account": account, "listing": name, "product_id": f"P-{name}"}
        self.store.commit([Put(key, item | said | {"mappings": mappings, "resolutions": []})])

    def items(self, table: Table) -> list[Item]:
        return [item for key, item in sorted(self.store.everything().items()) if key.table is table]

    def exceptions(self) -> list[tuple[str, str]]:
        """Kind and message of all that stand open."""
        return [(item["kind"], item["message"]) for item in self.items(Table.EXCEPTIONS) if not item["closed_at"]]

    def taken(self, queue: QueueName) -> list[tuple[dict[str, Any], int]]:
        """The messages that wait in a queue, with their delays in seconds, taken out of it."""
        return [(json.loads(body), delay) for body, delay in self.queues.taken(queue)]

    def waiting(self, queue: QueueName, until: datetime) -> Iterator[str]:
        """Messages one by one as they come due, until a moment; the clock goes along. What is due later stays."""
        pool = self._pools.setdefault(queue, [])
        while True:
            for body, delay in self.queues.taken(queue):
                pool.append((self.time + timedelta(seconds=delay), next(self._numbers), body))
            pool.sort()
            if not pool or pool[0][0] > until:
                self.time = max(self.time, until)
                return
            due, _, body = pool.pop(0)
            self.time = max(self.time, due)
            yield body
