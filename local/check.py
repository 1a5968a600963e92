"""The story of the demo agency, played over HTTP against the running stack, with an expectation at every turn.

It imports nothing of ``hunar``: it reads the secrets and public ids of the demo's accounts as an operator would
(``hunar sign --show --json``, ``hunar account list --json``), signs by itself and believes only what the deployed stack
answers, and what buyers see on the channels.
Expected stock is computed from what stood on the shelves when the story began and from the story.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import csv
import hashlib
import http.client
import io
import json
import re
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from local import messages
from local.messages import Item

ROOT: Final = Path(__file__).resolve().parents[1]

SCRIPTS: Final = {
    "hi": ("Devanagari", range(0x0900, 0x0980)),
    "bn": ("Bengali", range(0x0980, 0x0A00)),
    "ta": ("Tamil", range(0x0B80, 0x0C00)),
}
"""Unicode block of each language of the demo."""

LOCALE_OF: Final = {"BGP": "hi", "GKP": "hi", "KOL": "bn", "MDU": "ta", "KLU": "hi"}
"""Language of the group that owns a SKU, by the city at the front of the demo's SKUs."""

MOST_PARTS: Final = 2
QUIET_SECONDS: Final = 90
PARKED_SECONDS = 60
"""A dead letter is put away at once, but no queue says so."""
VISIBLE_AGAIN_SECONDS: Final = 420
"""What a worker had in its hands when it was ended comes again when its time in flight is over: 360 s for a text."""
ASK_AGAIN_SECONDS: Final = 15
"""So long a marketplace that is asked too often wants to be left alone. Meanwhile an order has no price."""
SEEN_SECONDS = 30
"""What follows from a message by itself is seen within this time."""
CHANNEL_SECONDS = 10
"""A channel shows a figure that it took within this time."""
POLLED_SECONDS = 180
"""An order that no message announces is found within this time, if the marketplaces are asked again and again."""
WAITED_MINUTES: Final = 62
"""After this time texts that nobody heard of, that wait for others, or that the provider did not take are due."""
HELD_MINUTES: Final = 30
"""So long the money is still held of what was delivered almost a return window ago."""
SOLD_EARLIER: Final = {
    "BGP-KHD-STOLE": 2,
    "BGP-TSR-STOLE": 1,
    "GKP-DIYA-12": 1,
    "KOL-JUTE-TOTE": 1,
    "MDU-MANGO-400": 2,
}
"""Units of what was delivered then. The first is charged too much, the second comes back when its
money was released."""
TOO_MUCH: Final = (2_000, 360)
"""Paise by which the marketplace charges one order too much: a slab of the shipping fee, and 18 % GST on it."""
WAY_BACK: Final = (6_500, 1_170)
"""Paise that a return costs, with GST. No expected entry foresees it: those are of what stays sold."""
REJECTED_GROUP: Final = "G02"
"""Whose account the bank finds no good: it gets its money on another one."""
RETURNED_GROUP: Final = "G04"
"""Whom the bank pays, and takes it back from its own bank days later."""
NEW_ACCOUNT: Final = ("40990200007105", "PUNB0099202")
RETURNED_DAYS: Final = 3
COOLED_DAYS: Final = 11
"""When the cooling-off of an account is over that was changed on the day of the return."""
DAY_SECONDS: Final = 24 * 3600
OF_A_GROUP: Final = ("held", "payable", "debt", "fund", "credits")
"""Where a group's money stands: its accounts ``group_…:G01``, and the amounts ``…_paise`` of the API."""
DEMO: Final = ROOT / "local" / "demo"


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wrong(Exception):
    """The stack did not answer so that the story can go on. The phase ends, the story does not."""


class Channels(NamedTuple):
    """The accounts whose marketplaces can be asked and told."""

    flipkart: Mapping[str, Any]
    """``{"app_id", "secret", "url", …}``: what its webhooks are signed with."""
    amazon: Mapping[str, Any]
    """``{"account", "seller_id", "application_id", "subscription_id", …}``: what its notifications name."""


@dataclass
class Shelf:
    """What a stock item must show, moved by the story with rules of its own."""

    on_hand: int
    available: int
    reserved: int
    short: int

    def order(self, units: int) -> tuple[int, int]:
        """Sold: what exists is reserved, the rest is short. Returns both."""
        reserved = min(units, self.available)
        self.available -= reserved
        self.reserved += reserved
        self.short += units - reserved
        return reserved, units - reserved

    def cancel(self, units: int) -> None:
        """Units that were reserved, and that nobody else waits for."""
        self.available += units
        self.reserved -= units

    def leave(self, units: int) -> None:
        """Reserved units go out of the door."""
        self.on_hand -= units
        self.reserved -= units


@dataclass
class Report:
    """What happened, as rows of a table."""

    say: Callable[[str], None] = print
    rows: list[tuple[bool, str, str, str]] = field(default_factory=list)
    phase: str = ""

    def begin(self, phase: str) -> None:
        self.phase = phase
        self.say(f"\n{phase}")

    def expect(self, what: str, expected: Any, seen: Any) -> bool:
        """Notes whether what was seen is what was expected."""
        good = bool(expected == seen)
        right = _shown(seen) if seen not in ({}, []) else ""
        self._note(good, what, right if good else f"expected {_shown(expected)}, saw {_shown(seen)}")
        return good

    def same(self, what: str, before: Any, after: Any) -> bool:
        """Notes whether something stands as it stood; it is shown when not."""
        return self.that(what, bool(before == after), "" if before == after else f"was {before}, is {after}")

    def that(self, what: str, holds: bool, detail: str = "") -> bool:
        """Notes whether something holds."""
        self._note(holds, what, detail)
        return holds

    def _note(self, good: bool, what: str, detail: str) -> None:
        self.rows.append((good, self.phase, what, detail))
        self.say(f"  {'ok   ' if good else 'WRONG'}  {what:<58}  {detail}".rstrip())

    @property
    def failures(self) -> list[str]:
        return [f"{phase}: {what} ({detail})" for good, phase, what, detail in self.rows if not good]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 160 else f"{text[:157]}…"


class Story:
    """The running stack, the account that the marketplace uses, and what must be true by now."""

    def __init__(self, url: str, account: Mapping[str, Any], channels: Channels, report: Report) -> None:
        self._where = urlsplit(url)
        self.account = account
        self.channels = channels
        self.report = report
        self.webhook = urlsplit(account["url"]).path
        self.marketplace, _, self.name = self.webhook.removeprefix("/webhooks/").partition("/")
        self._clock = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=4)
        self.shelves: dict[str, Shelf] = {}
        self.texts: Counter[tuple[str, str, str]] = Counter()
        """How often each (order, kind, language) must have been sent."""
        self.orders: list[str] = []
        self.twice: set[str] = set()
        """The notifications whose text may have come a second time."""
        self.workers_ended = False
        """Whether the emulator may have ended a worker in the middle of its work."""
        self.runs_before: dict[str, int] = {}
        """How often each function had run when the story began: warming does not count."""
        self.delivered: dict[str, str] = {}
        """What was delivered almost a return window ago: the order by its product."""
        self.settled: list[dict[str, Any]] = []
        """The marketplaces' files that were handed in, each with its rows and what the bank was paid."""
        self.batch = ""
        """The batch of payouts that the story is at."""
        self.file = ("", "")
        """Name and content of the first file that was given to the agency's bank."""
        self.statements: dict[str, dict[str, Any]] = {}
        """The statement that each group was given first."""

    # --- time and names

    def later(self, minutes: int = 1) -> datetime:
        """The next moment of the story: events happen one after the other, in the last hours."""
        self._clock += timedelta(minutes=minutes)
        return self._clock

    def ref(self, shipment: str) -> str:
        """An order of the story's account by its shipment; one of another account is named in full."""
        return shipment if ":" in shipment else f"{self.marketplace}:{self.name}:{shipment}"

    def ref_of_channel(self, marketplace: str, order_id: str) -> str:
        if marketplace == "amazon":
            return f"amazon:{self.channels.amazon['account']}:{order_id}"
        return f"flipkart:{urlsplit(self.channels.flipkart['url']).path.rpartition('/')[2]}:{order_id}"

    def line_id(self, shipment: str, number: int) -> str:
        """The marketplace's id of an order's line."""
        marketplace, _, order_id = self.ref(shipment).split(":", 2)
        of_order = messages.amazon_item_id if marketplace == "amazon" else messages.order_item_id
        return of_order(order_id, number)

    # --- HTTP

    def http(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> Reply:
        connection = http.client.HTTPConnection(self._where.hostname or "", self._where.port, timeout=timeout)
        try:
            connection.request(method, target, body if method != "GET" else None, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, response.read())
        finally:
            connection.close()

    def get(self, target: str) -> Any:
        reply = self.http("GET", target)
        if reply.status != 200:
            raise Wrong(f"GET {target} answered {reply.status}: {reply.body[:200].decode(errors='replace')}")
        return reply.json()

    def all(self, target: str, **query: str) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.get(f"{target}?{urlencode(query)}" if query else target)
            items.extend(page["items"])
            if not page["next"]:
                return items
            query["next"] = page["next"]

    def act(self, target: str, **values: Any) -> Any:
        """A POST to the local stack itself."""
        reply = self.http("POST", target, json.dumps(values).encode(), {"X-Local-User": "maker"}, timeout=600)
        if reply.status != 200:
            raise Wrong(f"POST {target} answered {reply.status}: {reply.body[:300].decode(errors='replace')}")
        return reply.json()

    def tell(self, target: str, body: Mapping[str, Any]) -> None:
        """Sets what a marketplace knows and shows."""
        reply = self.http("PUT", target, messages.as_body(body), {"X-Local-User": "maker"})
        if reply.status != 200:
            raise Wrong(f"PUT {target} answered {reply.status}: {reply.body[:300].decode(errors='replace')}")

    def soon(self, what: str, look: Callable[[], Any], seconds: float | None = None) -> tuple[Any, float]:
        """Looks until there is something. Returns that, and the seconds it took. Wrong if there never is."""
        seconds, began = SEEN_SECONDS if seconds is None else seconds, time.monotonic()
        while not (found := look()):
            if time.monotonic() - began > seconds:
                raise Wrong(f"{what}: not within {seconds} s")
            time.sleep(0.1)
        return found, time.monotonic() - began

    def operate(self, target: str, who: str = "checker", /, **body: Any) -> Reply:
        """What an operator does by the API. The gateway signs it as this local user."""
        headers = {"X-Local-User": who, "Content-Type": "application/json"}
        return self.http("POST", target, json.dumps(body).encode(), headers)

    def expect_answer(self, what: str, reply: Reply, status: int) -> None:
        """An act is accepted with its id, or refused as a problem that says why."""
        said = reply.json()
        known = isinstance(said, dict) and bool(said.get("act_id" if status == 202 else "detail"))
        self.report.that(what, reply.status == status and known, f"{reply.status} {_shown(said)}")

    def post(
        self, body: Any, *, sent_at: datetime | None = None, headers: Mapping[str, str] | None = None, to: str = ""
    ) -> Reply:
        """Posts a message of the story's account, signed now unless ``headers`` say otherwise."""
        raw = body if isinstance(body, bytes) else messages.as_body(body)
        if headers is None:
            headers = messages.signed_headers(self.account, sent_at or datetime.now(UTC))
        return self.http("POST", to or self.webhook, raw, headers)

    def accepted(self, body: Any, account: Mapping[str, Any] | None = None) -> str:
        """Posts a message, of another account if that is named, that must be accepted; returns its delivery id."""
        if account is None:
            reply = self.post(body)
        else:
            headers = messages.signed_headers(account, datetime.now(UTC))
            reply = self.post(body, headers=headers, to=urlsplit(account["url"]).path)
        if reply.status != 200 or reply.json().get("status") != "accepted":
            raise Wrong(f"the webhook answered {reply.status}: {reply.body[:200].decode(errors='replace')}")
        return str(reply.json()["delivery_id"])

    def quiet(self, seconds: int = QUIET_SECONDS) -> None:
        """Waits until nothing is on its way.

        The emulator ends workers in the middle of their work when it deploys anew. A text whose worker ended between
        claim and answer is never sent again by itself and looked at a quarter of an hour later: nobody waits for it.
        """
        until = time.monotonic() + seconds
        lenient = self.workers_ended
        while True:
            timeout = 10 if lenient else seconds
            reply = self.http("GET", f"/local/quiet?timeout={timeout}", timeout=timeout + 60)
            if reply.status == 200 or (reply.status == 504 and lenient and self._silent(reply.json())):
                return
            if not lenient or time.monotonic() >= until:
                raise Wrong(f"not quiet after {seconds} s: {reply.body[:300].decode(errors='replace')}")

    def _silent(self, verdict: Mapping[str, Any]) -> bool:
        """Whether all that is left are messages of texts whose claims fell silent."""
        if not all(entry.startswith("notifications: 0 waiting") for entry in verdict["busy"]):
            return False
        left = verdict["queues"]["notifications"]
        claimed = sum(item["status"] == "CLAIMED" for item in self.all("/api/notifications"))
        return bool(left["in_flight"] + left["delayed"] <= claimed)

    def ahead(self, minutes: int) -> None:
        """Sending goes by a clock that is ahead, until it is 0 again, and what is due by then is looked at.

        Then many texts come to their turn at once. One that meets another of its contact goes back to the queue.
        """
        self.act("/local/clock", ahead_seconds=minutes * 60)
        if minutes:
            at = datetime.now(UTC) + timedelta(minutes=minutes)
            self.act(f"/local/sweep?{urlencode({'at': at.isoformat()})}")
            self.quiet(VISIBLE_AGAIN_SECONDS)

    def wants(self, group_id: str, **wishes: str) -> None:
        """The agency imports what a group wants of its texts; nothing named is what the demo says."""
        with (DEMO / "groups.csv").open(encoding="utf-8", newline="") as file:
            row = next(row for row in csv.DictReader(file) if row["group_id"] == group_id) | wishes
        text = io.StringIO()
        table = csv.DictWriter(text, row, lineterminator="\n")
        table.writeheader()
        table.writerow(row)
        self.act("/local/import", **{"groups.csv": text.getvalue()})

    def hand_in(self, made: Mapping[str, Any]) -> Reply:
        """An operator hands in a file that a marketplace made."""
        query = urlencode({name: made[name] for name in ("marketplace", "account", "file")})
        headers = {"X-Local-User": "checker", "Content-Type": "application/octet-stream"}
        return self.http("POST", f"/api/settlements?{query}", base64.b64decode(made["content"]), headers)

    def brought(self, made: Mapping[str, Any]) -> dict[str, int]:
        """Paise that a file adds to the bank's credit, by order."""
        sums: Counter[str] = Counter()
        for row in made["rows"]:
            if row["order"]:
                sums[_ref_of(made, row)] += row["paise"]
        return dict(sums)

    def phone_of(self, group_id: str, slot: str) -> str:
        with (DEMO / "contacts.csv").open(encoding="utf-8", newline="") as file:
            found = (row["phone"] for row in csv.DictReader(file) if (row["group_id"], row["slot"]) == (group_id, slot))
            return next(found)

    # --- what the stack says

    def texts_about(self, shipment: str) -> list[dict[str, Any]]:
        """The records of all texts about an order, sent or not, oldest first."""
        return [item for item in self.all("/api/notifications") if item["order_ref"] == self.ref(shipment)][::-1]

    def order(self, shipment: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/orders/{quote(self.ref(shipment), safe='')}")
        return found

    def stock(self) -> dict[str, dict[str, Any]]:
        return {item["sku"]: item for item in self.all("/api/stock")}

    def known(self, shipment: str) -> dict[str, Any] | None:
        """The order, or None if nobody has heard of it."""
        reply = self.http("GET", f"/api/orders/{quote(self.ref(shipment), safe='')}")
        return dict(reply.json()) if reply.status == 200 else None

    def shown(self, sku: str) -> dict[str, int]:
        """How many of a product buyers see, by marketplace. The demo lists each product under its SKU."""
        return {item["marketplace"]: item["quantity"] for item in self.get("/local/channels") if item["listing"] == sku}

    def sent(self, shipment: str) -> list[dict[str, Any]]:
        """The texts about an order that reached a phone, oldest first: notification and phone agree on each."""
        phones = {text["notification_id"]: text for text in self.get("/local/phones")}
        found = [item for item in self.all("/api/notifications") if item["order_ref"] == self.ref(shipment)]
        return [
            item | {"received": phones[item["notification_id"]]} for item in found if item["notification_id"] in phones
        ]

    def exceptions(self, kind: str, shipment: str | None = None) -> list[dict[str, Any]]:
        """Open exceptions of a kind, of one order if named."""
        return [
            item
            for item in self.all("/api/exceptions", state="open")
            if item["kind"] == kind
            and not item["closed_at"]
            and (shipment is None or item["order_ref"] == self.ref(shipment))
        ]

    # --- the story's own verbs

    def sell(self, *items: Item, shipment: str = "") -> str:
        """A new order, accepted and waited for. Returns its shipment."""
        shipment = shipment or str(uuid.uuid4())
        self.accepted(messages.created(shipment, items, self.later()))
        self.quiet()
        self.orders.append(shipment)
        return shipment

    def step(self, shipment: str, *names: str) -> None:
        for name in names:
            self.accepted(messages.step(shipment, name, self.later()))
        self.quiet()

    # --- expectations

    def expect_stock(self) -> None:
        """Every shelf shows what the story has computed.

        A shelf that does not is told once; the story goes on from what it shows.
        """
        stock = self.stock()
        wrong = {}
        for sku, shelf in self.shelves.items():
            seen = Shelf(*(stock.get(sku, {}).get(name, 0) for name in vars(shelf)))
            if seen != shelf:
                wrong[sku] = {"computed": vars(shelf), "seen": vars(seen)}
                self.shelves[sku] = seen
        self.report.expect("every shelf is as the story computes", {}, wrong)

    def expect_channels(self, *skus: str) -> None:
        """Every channel shows what is free on the shelf: Amazon a moment after it has taken the figure."""
        free = {sku: dict.fromkeys(Channels._fields, max(0, self.shelves[sku].available)) for sku in skus}
        seen: dict[str, Any] = {}

        def agree() -> bool:
            seen.update({sku: self.shown(sku) for sku in skus})
            return seen == free

        with contextlib.suppress(Wrong):
            self.soon("every channel shows what is free", agree, CHANNEL_SECONDS)
        wrong = {sku: {"free": free[sku], "shown": seen[sku]} for sku in skus if seen[sku] != free[sku]}
        self.report.expect("every channel shows what is free", {}, wrong)

    def expect_order(self, shipment: str, state: str, *lines: tuple[int, int, int]) -> dict[str, Any]:
        """State, and per line (in the order of the message) open, reserved and short units."""
        order = self.order(shipment)
        by_id = {line["line_id"]: line for line in order["lines"]}
        named = [by_id.get(self.line_id(shipment, number)) for number in range(1, len(lines) + 1)]
        seen = [
            (line["quantity"] - line["cancelled"], line["reserved"], line["short"]) if line else None for line in named
        ]
        self.report.expect("the order's state", state, order["state"])
        self.report.expect("its lines: open, reserved, short", list(lines), seen)
        self.report.expect("no line more, no line less", len(lines), len(order["lines"]))
        return order

    def expect_texts(self, shipment: str, *expected: tuple[str, str]) -> list[dict[str, Any]]:
        """Exactly these texts (kind, SKU of the group's line) reached phones, in the group's own script."""
        sent = self.sent(shipment)
        wanted = sorted((kind, LOCALE_OF[sku.partition("-")[0]]) for kind, sku in expected)
        self.report.expect("texts on phones: kind and language", wanted, sorted((t["kind"], t["locale"]) for t in sent))
        for text in sent:
            received = text["received"]
            name, _ = SCRIPTS[text["locale"]]
            only = scripts(received["text"]) == {text["locale"]} and received["text"] == text["text"]
            self.report.that(
                f"{text['kind']} to {text['group_id']} is in {name}, at most {MOST_PARTS} parts",
                only and 1 <= received["parts"] <= MOST_PARTS and received["parts"] == text["parts"],
                f"{received['parts']} parts: {received['text']}",
            )
        for told in [key for key in self.texts if key[0] == shipment]:
            del self.texts[told]
        for kind, locale in wanted:
            self.texts[shipment, kind, locale] += 1
        return sent

    def expect_taken(self, made: Mapping[str, Any]) -> None:
        """A file is handed in and accepted, and its settlement is what the bank was paid, to the paisa."""
        reply = self.hand_in(made)
        said = reply.json()
        seen = (reply.status, said.get("total_paise"))
        self.report.expect("the file is accepted, with the bank's credit", (202, made["bank_paise"]), seen)
        self.quiet()
        found = [item for item in self.all("/api/settlements") if item["settlement_id"] == made["settlement_id"]]
        stands = [(item["total_paise"], item["lines"], len(item["files"])) for item in found]
        self.report.expect("it is taken whole", [(made["bank_paise"], said.get("lines"), 1)], stands)
        self.report.expect("no row was lost", made["bank_paise"], sum(row["paise"] for row in made["rows"]))

    def expect_books(self) -> None:
        """Each group stands where the entries of its orders say."""
        orders = {order for made in self.settled for order in self.brought(made)}
        sums: Counter[str] = Counter()
        for order in orders:
            for entry in _entries(self, order):
                for posting in entry["postings"]:
                    sums[posting["account"]] -= posting["amount_paise"]
        seen = _standing(self)
        computed = {
            group: {name: sums[f"group_{name}:{group}"] * (-1 if name == "debt" else 1) for name in OF_A_GROUP}
            for group in seen
        }
        wrong = {group: {"computed": computed[group], "seen": seen[group]} for group in seen}
        wrong = {group: both for group, both in wrong.items() if both["computed"] != both["seen"]}
        self.report.expect("each group stands where its entries say", {}, wrong)
        self.report.that("  and there are groups and orders", bool(seen and orders), f"{len(orders)} orders")

    def expect_refused(self, what: str, reply: Reply, status: int) -> None:
        self.report.expect(what, status, reply.status)


def scripts(text: str) -> set[str]:
    """The Indian languages of the demo whose script is in a text. The danda belongs to all of them."""
    letters = {ord(char) for char in text if char not in "\u0964\u0965"}
    return {locale for locale, (_, block) in SCRIPTS.items() if not letters.isdisjoint(block)}


def own_signature(account: Mapping[str, Any], secret: str, at: datetime) -> dict[str, str]:
    """A signature of the account's app with any secret."""
    return messages.signed_headers({**account, "secret": secret}, at)


# --- the phases, in the order of the story


def opening(story: Story) -> None:
    """The demo's shelves, as they stand."""
    for sku, item in story.stock().items():
        story.shelves[sku] = Shelf(*(item[name] for name in ("on_hand", "available", "reserved", "short")))
    for product in messages.PRODUCTS:
        units = story.shelves.get(product.sku, Shelf(0, 0, 0, 0)).available
        story.report.that(f"{product.sku} is on a shelf", units > 0, f"{units} available")
    story.runs_before = story.get("/local/functions")
    page = story.http("GET", "/")
    story.report.that("the page is served", page.status == 200 and b"<title>Hunar" in page.body)
    story.expect_channels(*(product.sku for product in messages.PRODUCTS))


def an_order(story: Story) -> None:
    """Gorakhpur sells two horses and is told in Hindi; then the marketplace repeats itself three times."""
    shipment, at = str(uuid.uuid4()), story.later()
    message = messages.as_body(messages.created(shipment, [Item(2, sku="GKP-TER-HORSE")], at))
    first = story.accepted(message)
    story.quiet()
    story.orders.append(shipment)
    horses = story.shelves["GKP-TER-HORSE"].order(2)
    story.expect_order(shipment, "PLACED", (2, *horses))
    story.expect_stock()
    story.expect_texts(shipment, ("NEW_ORDER", "GKP-TER-HORSE"))

    story.report.begin("The same message three times more")
    again = [story.accepted(message) for _ in range(3)]
    story.quiet()
    story.report.expect("each is accepted, as the same delivery", [first] * 3, again)
    story.expect_order(shipment, "PLACED", (2, *horses))
    story.expect_stock()
    story.report.expect("still one text", 1, len(story.sent(shipment)))


def two_groups(story: Story) -> None:
    """One shipment with jute totes from Kolkata and pickle from Madurai: one text for each group."""
    shipment = story.sell(Item(2, sku="KOL-JUTE-TOTE"), Item(3, sku="MDU-MANGO-400"), Item(1, sku="MDU-SUNGUDI"))
    totes = story.shelves["KOL-JUTE-TOTE"].order(2)
    pickle = story.shelves["MDU-MANGO-400"].order(3)
    stole = story.shelves["MDU-SUNGUDI"].order(1)
    story.expect_order(shipment, "PLACED", (2, *totes), (3, *pickle), (1, *stole))
    story.expect_texts(shipment, ("NEW_ORDER", "KOL-JUTE-TOTE"), ("NEW_ORDER", "MDU-MANGO-400"))
    story.expect_stock()


def refused(story: Story) -> None:
    """What does not prove where it comes from is refused and leaves nothing behind."""
    shipment = str(uuid.uuid4())
    message = messages.created(shipment, [Item(1, sku="KLU-CAP")], story.later())
    now = datetime.now(UTC)
    good = messages.signed_headers(story.account, now)
    elsewhere = messages.signed_headers({**story.account, "url": "http://127.0.0.1/elsewhere"}, now)
    attempts = {
        "a guessed secret": own_signature(story.account, "a-guess", now),
        "another app's id": messages.signed_headers({**story.account, "app_id": "another-app"}, now),
        "signed for another URL": elsewhere,
        "signed for another method": messages.signed_headers(story.account, now, method="GET"),
        "sixteen minutes old": messages.signed_headers(story.account, now - timedelta(minutes=16)),
        "six minutes ahead": messages.signed_headers(story.account, now + timedelta(minutes=6)),
        "an old proof under a new date": good
        | {"X_Date": messages.signed_headers(story.account, now - timedelta(60))["X_Date"]},
        "unsigned": {"Content-Type": "application/json"},
        "no date": {name: value for name, value in good.items() if name != "X_Date"},
        "a proof that is noise": good | {"X_Authorization": "FKLOGIN ????"},
    }
    for what, headers in attempts.items():
        reply = story.post(message, headers=headers)
        story.expect_refused(f"{what}: refused", reply, 401)
        story.report.that("  and told no detail", len(reply.body) < 200, reply.body.decode(errors="replace"))
    unknown = f"/webhooks/{story.marketplace}/nobody"
    story.expect_refused("an account that is not ours", story.post(message, to=unknown), 404)
    story.expect_refused("a marketplace that is not ours", story.post(message, to=f"/webhooks/ebay/{story.name}"), 404)
    story.expect_refused("GET", story.http("GET", story.webhook, headers=good), 405)
    story.expect_refused("300 KiB", story.post(b'{"a": "' + b"x" * 300 * 1024 + b'"}'), 413)
    story.quiet()
    story.report.expect(
        "no order came of it", 404, story.http("GET", f"/api/orders/{quote(story.ref(shipment), safe='')}").status
    )
    story.expect_stock()


def unreadable(story: Story) -> None:
    """Signed but no message: told so, and kept for a person."""
    before = len(story.exceptions("UNREADABLE"))
    broken = {
        "bytes that are no UTF-8": b'{"eventType": "shipment_\xff\xfe", "n": "%s"}' % uuid.uuid4().bytes.hex().encode(),
        "a JSON array": json.dumps([str(uuid.uuid4())]).encode(),
        "no JSON": f"shipment {uuid.uuid4()}".encode(),
    }
    for what, body in broken.items():
        story.expect_refused(f"{what}: told", story.post(body), 400)
    story.quiet()
    story.report.expect("each is an open exception", before + len(broken), len(story.exceptions("UNREADABLE")))


def delivered_first(story: Story) -> None:
    """News of a delivery comes before the order itself."""
    shipment = str(uuid.uuid4())
    placed_at, delivered_at = story.later(), story.later(30)
    story.accepted(messages.step(shipment, "delivered", delivered_at))
    story.quiet()
    story.report.expect(
        "an order without lines", ("UNKNOWN", 0), (story.order(shipment)["state"], len(story.order(shipment)["lines"]))
    )
    story.report.expect("a person can see it", 1, len(story.exceptions("UNKNOWN_SHIPMENT", shipment)))
    story.expect_stock()
    story.accepted(messages.created(shipment, [Item(2, sku="KOL-JUTE-LUNCH")], placed_at))
    story.quiet()
    story.orders.append(shipment)
    shelf = story.shelves["KOL-JUTE-LUNCH"]
    shelf.order(2)
    shelf.leave(2)
    story.expect_order(shipment, "DELIVERED", (2, 0, 0))
    story.report.expect("the exception is closed", 0, len(story.exceptions("UNKNOWN_SHIPMENT", shipment)))
    story.expect_stock()
    story.expect_texts(shipment)


def cancelled_partly_first(story: Story) -> None:
    """One of three is cancelled before the order arrives: two are reserved, two are announced."""
    shipment, sku = str(uuid.uuid4()), "MDU-MANGO-400"
    placed_at, cancelled_at = story.later(), story.later()
    item = messages.order_item_id(shipment)
    story.accepted(messages.cancelled(shipment, [Item(1, order_item_id=item)], cancelled_at))
    story.quiet()  # else the order may overtake it
    story.accepted(messages.created(shipment, [Item(3, sku=sku)], placed_at))
    story.quiet()
    story.orders.append(shipment)
    story.expect_order(shipment, "PLACED", (2, *story.shelves[sku].order(2)))
    story.expect_stock()
    for text in story.expect_texts(shipment, ("NEW_ORDER", sku)):
        story.report.expect("the first number of the text", "2", re.findall(r"[0-9]+", text["text"])[:1][0])


def cancelled_wholly(story: Story) -> None:
    """A group that was told is told again; one that never was hears nothing."""
    sku = "KOL-JUTE-TOTE"
    shipment = story.sell(Item(2, sku=sku))
    story.shelves[sku].order(2)
    item = messages.order_item_id(shipment)
    story.accepted(messages.cancelled(shipment, [Item(2, order_item_id=item)], story.later()))
    story.quiet()
    story.shelves[sku].cancel(2)
    story.expect_order(shipment, "CANCELLED", (0, 0, 0))
    story.expect_texts(shipment, ("NEW_ORDER", sku), ("CANCELLED", sku))
    story.expect_stock()

    story.report.begin("Cancelled before anybody was told")
    silent, placed_at = str(uuid.uuid4()), story.later()
    item = messages.order_item_id(silent)
    story.accepted(messages.cancelled(silent, [Item(1, order_item_id=item)], story.later()))
    story.quiet()
    story.accepted(messages.created(silent, [Item(1, sku=sku)], placed_at))
    story.quiet()
    story.orders.append(silent)
    story.expect_order(silent, "CANCELLED", (0, 0, 0))
    story.expect_texts(silent)
    story.expect_stock()


def unknown_listing(story: Story) -> None:
    """A listing that nobody has mapped waits, and goes on by itself once it is mapped."""
    shipment = story.sell(Item(1, sku=messages.UNMAPPED.sku))
    story.expect_order(shipment, "PLACED", (1, 0, 0))
    story.report.expect("a person can see it", 1, len(story.exceptions("UNKNOWN_LISTING", shipment)))
    story.expect_texts(shipment)
    story.expect_stock()

    story.report.begin("The listing is mapped")
    story.act("/local/map")
    story.quiet()
    line = story.order(shipment)["lines"][0]
    sku = line["sku"]
    if not story.report.that("the line has a product", sku is not None, str(sku)):
        return
    story.expect_order(shipment, "PLACED", (1, *story.shelves[sku].order(1)))
    story.report.expect("the exception is closed", 0, len(story.exceptions("UNKNOWN_LISTING", shipment)))
    story.expect_texts(shipment, ("NEW_ORDER", sku))
    story.expect_stock()


def sold_short(story: Story) -> None:
    """Two shawls more than there are: what exists is reserved, the rest is short, and people are told."""
    sku = "KLU-SHAWL-W"
    units = story.shelves[sku].available + 2
    shipment = story.sell(Item(units, sku=sku))
    reserved, short = story.shelves[sku].order(units)
    story.expect_order(shipment, "PLACED", (units, reserved, short))
    story.report.expect("a person can see it", 1, len(story.exceptions("SHORT", shipment)))
    story.expect_texts(shipment, ("NEW_ORDER", sku))
    story.expect_stock()


def served_from_a_cancellation(story: Story) -> None:
    """One buyer has the whole shelf and a second waits; the first gives two back, and the second has them."""
    sku = "MDU-SUNGUDI"
    shelf = story.shelves[sku]
    units = shelf.available
    first, second = story.sell(Item(units, sku=sku)), story.sell(Item(2, sku=sku))
    story.expect_order(second, "PLACED", (2, 0, 2))
    story.report.expect("a person can see it", 1, len(story.exceptions("SHORT", second)))
    story.accepted(messages.cancelled(first, [Item(2, order_item_id=messages.order_item_id(first, 1))], story.later()))
    story.quiet()
    shelf.available, shelf.reserved = 0, shelf.reserved + units
    story.expect_order(first, "PLACED", (units - 2, units - 2, 0))
    story.expect_order(second, "PLACED", (2, 2, 0))
    story.report.expect("the exception is closed", 0, len(story.exceptions("SHORT", second)))
    story.expect_texts(first, ("NEW_ORDER", sku), ("CANCELLED", sku))
    # Who waited hears that her missing units are there.
    story.expect_texts(second, ("NEW_ORDER", sku), ("SERVED", sku))
    story.expect_stock()


def held_and_released(story: Story) -> None:
    """An order that is put on hold: the group keeps it back, and goes on when the hold is over."""
    sku = "GKP-TER-HORSE"
    shipment = story.sell(Item(2, sku=sku))
    horses = story.shelves[sku].order(2)
    item = Item(2, order_item_id=messages.order_item_id(shipment))
    story.accepted(messages.hold(shipment, [item], story.later()))
    story.quiet()
    story.expect_order(shipment, "HELD", (2, *horses))
    story.expect_texts(shipment, ("NEW_ORDER", sku), ("HOLD", sku))
    story.accepted(messages.unhold(shipment, story.later()))
    story.quiet()
    story.expect_order(shipment, "PLACED", (2, *horses))
    story.expect_texts(shipment, ("NEW_ORDER", sku), ("HOLD", sku), ("RELEASED", sku))
    story.expect_stock()


def a_person_acts(story: Story) -> None:
    """Units are counted in once however often the act is repeated; a missing unit is entered from the worklist."""
    sku, act = "KLU-CAP", f"check-{uuid.uuid4()}"
    shelf, adjust = story.shelves[sku], f"/api/stock/{sku}/adjust"
    counted = {"quantity": 3, "reason": "three new ones", "act_id": act}
    for once_more in ("the first time", "repeated"):
        story.expect_answer(f"counted in, {once_more}", story.operate(adjust, **counted), 202)
        story.quiet()
    shelf.on_hand, shelf.available = shelf.on_hand + 3, shelf.available + 3
    story.expect_stock()
    story.expect_answer("another act under the same id", story.operate(adjust, **counted | {"quantity": 4}), 409)
    story.expect_answer("an act without a reason", story.operate(adjust, quantity=1), 400)
    story.expect_answer("a product that nobody has", story.operate("/api/stock/NOTHING/adjust", **counted), 404)
    big = story.operate(adjust, **counted | {"reason": "x" * 70_000})
    story.expect_answer("a body over 64 KiB", big, 413)
    units = shelf.available + 1
    shipment = story.sell(Item(units, sku=sku))
    shelf.order(units)
    [short] = story.exceptions("SHORT", shipment)
    resolve = f"/api/exceptions/{short['exception_id']}/resolve"
    story.expect_answer("an act that does not resolve it", story.operate(resolve, act="inspect"), 400)
    story.expect_answer("the missing unit came", story.operate(resolve, quantity=1, note="she made one more"), 202)
    story.quiet()
    shelf.on_hand, shelf.reserved, shelf.short = shelf.on_hand + 1, shelf.reserved + 1, shelf.short - 1
    story.expect_order(shipment, "PLACED", (units, units, 0))
    story.expect_texts(shipment, ("NEW_ORDER", sku), ("SERVED", sku))
    story.expect_stock()
    story.report.expect("the exception is closed", 0, len(story.exceptions("SHORT", shipment)))
    story.expect_answer("what is closed is resolved again", story.operate(resolve, quantity=1), 409)


def unknown_event(story: Story) -> None:
    """An event type that nobody knows is accepted and kept for a person."""
    shipment = story.orders[0]
    before = story.order(shipment)
    opened = len(story.exceptions("UNKNOWN_EVENT"))
    story.accepted(messages.weighed(shipment, story.later()))
    story.quiet()
    story.report.expect("an open exception more", opened + 1, len(story.exceptions("UNKNOWN_EVENT")))
    story.report.expect("the order is as it was", before, story.order(shipment))
    story.expect_stock()


def paid(story: Story) -> None:
    """All the way to the buyer's door, and what the sale should bring stands in the ledger, to the paisa."""
    sku, units = "BGP-TSR-STOLE", 2
    shipment = story.sell(Item(units, sku=sku))
    shelf = story.shelves[sku]
    reserved, short = shelf.order(units)
    story.step(shipment, "packed", "ready")
    story.expect_order(shipment, "READY", (units, reserved, short))
    story.step(shipment, "picked_up")
    shelf.leave(units)
    story.expect_order(shipment, "PICKED_UP", (units, 0, 0))
    story.expect_stock()
    story.step(shipment, "shipped", "delivered")
    order = story.expect_order(shipment, "DELIVERED", (units, 0, 0))
    story.expect_texts(shipment, ("NEW_ORDER", sku))
    story.expect_stock()
    entries = _entries(story, shipment)
    story.report.expect("one entry", 1, len(entries))
    price = next(product.price for product in messages.PRODUCTS if product.sku == sku) * 100
    story.report.expect("the line's price in paise", price, order["lines"][0]["unit_price_paise"])
    for entry in entries:
        postings = entry["postings"]
        story.report.expect("it sums to zero", 0, sum(posting["amount_paise"] for posting in postings))
        story.report.that("in whole paise", all(type(posting["amount_paise"]) is int for posting in postings))
        group = f"expected:group:{order['lines'][0]['group_id']}"
        due = sum(posting["amount_paise"] for posting in postings if posting["account"] == group)
        story.report.that("the group gets something, less than the price", 0 < -due < units * price, f"{-due} paise")
        story.report.that(
            "every account is an expected one",
            all(posting["account"].startswith("expected:") for posting in postings),
            f"{len(postings)} postings",
        )
        story.report.that("every posting names its rate row", all(posting["rate_row"] for posting in postings))
        story.report.expect("it is the line's", order["lines"][0]["line_id"], entry["line_id"])

    story.report.begin("Delivered twice is paid once")
    story.step(shipment, "delivered")
    story.report.expect("the same entries", entries, _entries(story, shipment))


def came_back(story: Story) -> None:
    """A buyer sends one of two back: what it earned is taken away; once found good it is on the shelf again."""
    sku = "KOL-JUTE-LUNCH"
    shelf = story.shelves[sku]
    shipment = story.sell(Item(2, sku=sku))
    shelf.order(2)
    story.step(shipment, "packed", "picked_up", "shipped", "delivered")
    shelf.leave(2)
    story.expect_texts(shipment, ("NEW_ORDER", sku))
    one = [Item(1, order_item_id=messages.order_item_id(shipment))]
    earned = _of_group(story, shipment)
    # The news that it has arrived names no shipment, and comes before the return itself.
    story.accepted(messages.return_step(shipment, "return_completed", one, story.later(60)))
    story.accepted(messages.return_created(shipment, one, story.later(-30)))
    story.quiet()
    [line] = story.order(shipment)["lines"]
    story.report.expect("one of two is back", (2, 1, "DELIVERED"), (line["quantity"], line["returned"], line["state"]))
    story.expect_texts(shipment, ("NEW_ORDER", sku), ("RETURN", sku))
    story.report.expect("half of it is earned", earned, 2 * _of_group(story, shipment))
    story.expect_stock()
    asked = story.exceptions("TO_INSPECT", shipment)
    if not story.report.that("a person is asked to look", len(asked) == 1):
        return
    resolve = f"/api/exceptions/{asked[0]['exception_id']}/resolve"
    story.expect_answer("more than came back", story.operate(resolve, good=2, damaged=0, lost=0, note="?"), 400)
    story.expect_answer("looked at: it is good", story.operate(resolve, good=1, damaged=0, lost=0, note="fine"), 202)
    story.quiet()
    shelf.on_hand, shelf.available = shelf.on_hand + 1, shelf.available + 1
    story.expect_stock()
    story.report.expect("nobody need look any more", 0, len(story.exceptions("TO_INSPECT", shipment)))


def sold_on_amazon(story: Story) -> None:
    """Amazon's queue says that two were sold. Nobody waits for the price, and Flipkart's buyers see two fewer."""
    sku, units = "KOL-JUTE-LUNCH", 2
    shelf, item = story.shelves[sku], Item(2, sku=sku)
    order_id = messages.amazon_order_id(str(uuid.uuid4()))
    order, at = story.ref_of_channel("amazon", order_id), story.later()
    # Amazon asks to be left alone for a while: the order's price must wait, and nothing else.
    busy = {"marketplace": "amazon", "operation": "fetch", "fault": "429", "times": 1, "seconds": ASK_AGAIN_SECONDS}
    story.act("/local/faults", **busy)
    before = story.shown(sku)["flipkart"]
    story.tell(f"/local/amazon/orders/{order_id}", messages.amazon_order(order_id, [item], at))
    notification = messages.amazon_notification(story.channels.amazon, order_id, [item], at)
    story.act("/local/amazon/notifications", **notification)
    _, seconds = story.soon("Flipkart shows fewer", lambda: story.shown(sku)["flipkart"] == before - units)
    story.report.that(
        "sold on Amazon, gone from Flipkart", True, f"{before} became {before - units} in {seconds:.1f} s"
    )
    story.soon("the group hears of it", lambda: story.sent(order))
    story.report.expect("the text did not wait for the price", True, story.order(order)["unpriced"])
    story.quiet()
    story.orders.append(order)
    reserved, short = shelf.order(units)
    told = story.expect_order(order, "PLACED", (units, reserved, short))
    price = next(product.price for product in messages.PRODUCTS if product.sku == sku) * 100
    lines = [line["unit_price_paise"] for line in told["lines"]]
    story.report.expect("the price came by asking Amazon, in paise", ([price], False), (lines, told["unpriced"]))
    story.expect_texts(order, ("NEW_ORDER", sku))
    story.expect_stock()
    story.expect_channels(sku)

    story.report.begin("The same notification twice more")
    for _ in range(2):
        story.act("/local/amazon/notifications", **notification)
    story.quiet()
    story.expect_order(order, "PLACED", (units, reserved, short))
    story.expect_stock()
    story.report.expect("still one text", 1, len(story.sent(order)))


def swapped_body(story: Story) -> None:
    """Flipkart's signature does not cover the body: who has caught one can send an order that nobody placed under it.

    The account's marketplace can be asked, and says what was really sold.
    """
    claimed, real = "MDU-SUNGUDI", "KLU-CAP"
    shipment, at = str(uuid.uuid4()), story.later()
    order = story.ref_of_channel("flipkart", shipment)
    truth = messages.flipkart_shipment(shipment, [Item(1, sku=real)], at)
    story.tell(f"/local/flipkart/shipments/{shipment}", truth)
    story.accepted(messages.created(shipment, [Item(3, sku=claimed)], at), story.channels.flipkart)
    story.quiet()
    story.orders.append(order)
    reserved, short = story.shelves[real].order(1)
    told = story.expect_order(order, "PLACED", (1, reserved, short))
    story.report.expect("the order is what Flipkart says", [real], [line["sku"] for line in told["lines"]])
    story.expect_texts(order, ("NEW_ORDER", real))
    # What was claimed is on its shelf as before: the story has taken nothing from it.
    story.expect_stock()
    story.report.expect("a person can see it", True, len(story.exceptions("CLAIM_DENIED", order)) > 0)
    story.expect_channels(claimed, real)


def known_by_asking(story: Story) -> None:
    """No message came: the order is found because Flipkart is asked what has changed."""
    sku, shipment, at = "BGP-KHD-STOLE", str(uuid.uuid4()), story.later()
    order = story.ref_of_channel("flipkart", shipment)
    truth = messages.flipkart_shipment(shipment, [Item(1, sku=sku)], at)
    story.tell(f"/local/flipkart/shipments/{shipment}", truth)

    def caught_up() -> Any:
        story.act("/local/catch-up")
        story.quiet()
        return story.known(order)

    _, seconds = story.soon("the order is found", caught_up, POLLED_SECONDS)
    story.report.that("found by asking", True, f"{seconds:.1f} s")
    story.orders.append(order)
    reserved, short = story.shelves[sku].order(1)
    story.expect_order(order, "PLACED", (1, reserved, short))
    story.expect_texts(order, ("NEW_ORDER", sku))
    story.expect_stock()

    story.report.begin("Asked once more, and the webhook after all")
    story.act("/local/catch-up")
    story.accepted(messages.created(shipment, [Item(1, sku=sku)], at), story.channels.flipkart)
    story.quiet()
    story.expect_order(order, "PLACED", (1, reserved, short))
    story.report.expect("still one text", 1, len(story.sent(order)))
    story.expect_stock()
    story.expect_channels(sku)

    story.report.begin("All is told to every channel, as each night")
    story.act("/local/publish")
    story.quiet()
    story.expect_channels(*(product.sku for product in messages.PRODUCTS))
    for kind in ("CHANNEL_DIFFERS", "STOCK_REFUSED", "NOT_PUBLISHABLE", "CATCH_UP_FAILED", "FETCH_FAILED"):
        story.report.expect(f"nobody need look: {kind}", 0, len(story.exceptions(kind)))


def dead_letters(story: Story) -> None:
    """What failed five times is put away, shown, and sent again. Here an act that nobody had received."""
    sku = "GKP-DIYA-12"
    act = {"version": 1, "kind": "adjust", "act_id": f"dead-{uuid.uuid4()}", "sku": sku, "quantity": 2}
    story.act("/local/dead-letters/order-events", **act, at=messages.instant(story.later()))
    until = time.monotonic() + PARKED_SECONDS
    while not (found := story.exceptions("DEAD_LETTER")) and time.monotonic() < until:
        time.sleep(0.2)
    story.report.expect("a person can see it", 1, len(found))
    story.expect_stock()
    story.act("/local/redrive")
    story.quiet()
    shelf = story.shelves[sku]
    shelf.on_hand, shelf.available = shelf.on_hand + 2, shelf.available + 2
    story.expect_stock()
    story.report.expect("the exception is closed", 0, len(story.exceptions("DEAD_LETTER")))


def sms_stumbles(story: Story) -> None:
    """The SMS service asks to wait; then it takes a text and the answer is lost."""
    sku = "KLU-CAP"
    story.act("/local/faults", throttle=1)
    shipment = story.sell(Item(1, sku=sku))
    story.shelves[sku].order(1)
    story.expect_texts(shipment, ("NEW_ORDER", sku))
    story.report.expect("nobody need look", 0, len(story.exceptions("SMS_UNKNOWN", shipment)))

    story.report.begin("The answer about a text is lost")
    story.act("/local/faults", lose=1, no_receipt=1)
    shipment = story.sell(Item(1, sku=sku))
    story.shelves[sku].order(1)
    for text in story.expect_texts(shipment, ("NEW_ORDER", sku)):
        story.report.expect("it is not known to have come", "UNKNOWN", text["status"])
    story.report.expect("a person can see it", 1, len(story.exceptions("SMS_UNKNOWN", shipment)))
    story.expect_stock()


def swept(story: Story) -> None:
    """The sweep as of an hour later sends everything that was owed once more: nobody hears or gets anything twice."""
    texts = story.get("/local/phones")
    stands = {item["notification_id"]: item["status"] for item in story.all("/api/notifications")}
    answer = story.act(f"/local/sweep?{urlencode({'at': (datetime.now(UTC) + timedelta(hours=1)).isoformat()})}")
    for queue in ("order-events", "notifications", "payouts"):
        count = answer["sent"].get(queue, 0)
        story.report.that(f"messages went to {queue}", count > 0, f"{count} messages")
    story.quiet()
    story.report.expect("no phone got another text", len(texts), len(story.get("/local/phones")))
    after = {item["notification_id"]: item["status"] for item in story.all("/api/notifications")}
    story.report.expect("every text stands as it stood", stands, after)
    story.report.expect("no order is called late before its time", 0, len(story.exceptions("STUCK")))
    story.expect_stock()
    story.report.expect("nothing is due now", {}, story.act("/local/sweep")["sent"])


def arrives(story: Story) -> None:
    """A receipt says that a text has arrived, also when it comes twice and before the provider's own answer."""
    sku = "GKP-DIYA-12"
    for what, faults in (
        ("a receipt that comes once", {}),
        ("a receipt that comes twice, before the answer", {"early_receipt": 1, "duplicate_receipts": 1}),
    ):
        story.act("/local/faults", **faults)
        shipment = story.sell(Item(1, sku=sku))
        story.shelves[sku].order(1)
        for text in story.expect_texts(shipment, ("NEW_ORDER", sku)):
            receipt = text["receipt"] or {}
            seen = (text["status"], receipt.get("state"), receipt.get("final"))
            story.report.expect(f"{what}: it has arrived", ("DELIVERED", "DELIVERED", True), seen)
            story.report.expect("  its parts, as the provider bills them", text["parts"], receipt.get("parts"))
            price = receipt.get("price_millionths")
            story.report.that("  and its price in millionths of a dollar", bool(price), str(price))
    story.expect_stock()


def unreachable(story: Story) -> None:
    """The leader's phone is off, or the operator finds no registered text like hers: the second contact is told."""
    sku, group_id = "GKP-DIYA-12", "G02"
    second = story.phone_of(group_id, "second")
    for what, fault, code in (
        ("her phone is off", "undelivered", "UNREACHABLE"),
        ("the operator refuses the text", "scrub", "633"),
    ):
        story.act("/local/faults", **{fault: 1})
        shipment = story.sell(Item(1, sku=sku))
        story.shelves[sku].order(1)
        records = story.texts_about(shipment)
        stand = sorted((record["to"], record["status"]) for record in records)
        story.report.expect(
            f"{what}: the leader's text failed, the second's arrived",
            [(story.phone_of(group_id, "leader"), "FAILED"), (second, "DELIVERED")],
            stand,
        )
        receipt = next((record["receipt"] for record in records if record["status"] == "FAILED"), None) or {}
        said = f"{receipt.get('code')}: {receipt.get('reason')}"
        story.report.that("  and why, in words", code in said and bool(receipt.get("reason")), said)
        # What no phone received is none of the texts on phones.
        told = story.expect_texts(shipment, ("NEW_ORDER", sku))
        story.report.expect("  one phone has the text", [second], [text["received"]["to"] for text in told])
    item = Item(1, order_item_id=messages.order_item_id(shipment))
    story.accepted(messages.cancelled(shipment, [item], story.later()))
    story.quiet()
    story.shelves[sku].cancel(1)
    told = story.sent(shipment)
    cancelled = [text["received"]["to"] for text in told if text["kind"] == "CANCELLED"]
    story.report.that("who was told hears of the cancellation", second in cancelled, f"{len(cancelled)} texts")
    story.texts[shipment, "CANCELLED", "hi"] += len(cancelled)
    story.expect_stock()


def answered(story: Story) -> None:
    """A phone answers: 1 is packed, 2 is no stock, a missed call says that it was heard. A person hears of the 2."""
    sku, phone = "GKP-DIYA-12", story.phone_of("G02", "leader")
    for what, path, said, heard in (
        ("she answers 1", "reply", {"text": "1"}, ("packed", "reply", "leader")),
        ("she answers 2", "reply", {"text": "2"}, ("no_stock", "reply", "leader")),
        ("she lets it ring", "missed-call", {}, ("heard", "missed_call", "leader")),
    ):
        shipment = story.sell(Item(1, sku=sku))
        story.shelves[sku].order(1)
        answer = story.act(f"/local/phones/{path}", to=phone, **said)
        story.report.expect(f"{what}: the provider may say so", 200, answer["status"])
        story.quiet()
        for text in story.expect_texts(shipment, ("NEW_ORDER", sku)):
            known = text["heard"] or {}
            story.report.expect("  it is written down", heard, tuple(known.get(name) for name in ("what", "how", "by")))
        opened = 1 if heard[0] == "no_stock" else 0
        story.report.expect("  a person must call and count", opened, len(story.exceptions("NO_STOCK", shipment)))
    forged = story.http("POST", "/sms/exotel/demo?token=a-guess", b"{}", {"Content-Type": "application/json"})
    story.expect_refused("whoever guesses the token is refused", forged, 401)
    story.expect_stock()


def at_night(story: Story) -> None:
    """A group that sleeps is not woken by an order that can wait until morning."""
    sku, group_id = "MDU-MANGO-400", "G04"
    now = datetime.now(UTC).astimezone(messages.IST)
    story.wants(group_id, quiet=f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}")
    shipment = story.sell(Item(1, sku=sku))
    story.shelves[sku].order(1)
    story.report.expect("no text in the night", 0, len(story.sent(shipment)))
    story.report.expect("it waits", ["WAITING"], [record["status"] for record in story.texts_about(shipment)])
    story.wants(group_id)
    morning = datetime.now(UTC) + timedelta(hours=3)
    story.act(f"/local/sweep?{urlencode({'at': morning.isoformat()})}")
    story.quiet()
    story.expect_texts(shipment, ("NEW_ORDER", sku))
    story.expect_stock()


def texts_that_wait(story: Story) -> None:
    """A burst, a text that nobody hears of, and a provider that stops: an hour later all were told, in few texts."""
    silent, burst, stopped = "KOL-JUTE-TOTE", "BGP-KHD-STOLE", ("GKP-DIYA-12", "KLU-CAP")
    story.act("/local/faults", no_receipt=1)
    unheard = story.sell(Item(1, sku=silent))
    story.shelves[silent].order(1)
    story.report.expect("nobody says that it arrived", ["ACCEPTED"], _statuses(story, unheard))

    story.report.begin("Five orders within half an hour")
    story.wants("G01", digest_minutes="30")
    before = len(story.get("/local/phones"))
    orders = [story.sell(Item(1, sku=burst)) for _ in range(5)]
    for _ in orders:
        story.shelves[burst].order(1)
    at_once = len(_of_new_orders(story, "G01", before))
    story.report.that("one text at most, the others wait for one another", at_once <= 1, f"{at_once} texts")

    story.report.begin("The provider takes no texts")
    story.act("/local/faults", stop=1)
    refused = len(story.get("/local/phones/refused"))
    waiting = {sku: story.sell(Item(1, sku=sku)) for sku in stopped}
    for sku, shipment in waiting.items():
        story.shelves[sku].order(1)
        story.report.expect(f"{sku}: its text waits", ["WAITING"], _statuses(story, shipment))
    asked = len(story.get("/local/phones/refused")) - refused
    story.report.expect("the provider was asked no second time", 0, asked)
    story.report.expect("a person can see it", 1, len(story.exceptions("SMS_STOPPED")))

    story.report.begin("An hour later")
    here = len(story.get("/local/phones"))
    try:
        story.ahead(WAITED_MINUTES)
    finally:
        story.ahead(0)
    for sku, shipment in waiting.items():
        story.expect_texts(shipment, ("NEW_ORDER", sku))
    story.report.expect("nobody need look any more", 0, len(story.exceptions("SMS_STOPPED")))
    told = [text["received"]["to"] for text in story.expect_texts(unheard, *[("NEW_ORDER", silent)] * 2)]
    both = [story.phone_of("G03", slot) for slot in ("leader", "second")]
    story.report.expect("what nobody heard of was told to the second contact", both, sorted(told))
    stand = [status for shipment in orders for status in _statuses(story, shipment)]
    story.report.expect("every order of the burst was told", ["DELIVERED"] * 5, stand)
    together = _of_new_orders(story, "G01", before)
    parts = sum(text["parts"] for text in together)
    story.report.that("in two texts at most", len(together) <= 2, f"{len(together)} texts, {parts} parts")
    for shipment in orders:
        story.texts[shipment, "NEW_ORDER", "hi"] += len(story.sent(shipment))
    _once_more(story, here)
    story.wants("G01")
    story.expect_stock()


def _once_more(story: Story, since: int) -> None:
    """A new order of which nobody knows whether it arrived goes a second time, and never a third."""
    records = {item["notification_id"]: item for item in story.all("/api/notifications")}
    phones = story.get("/local/phones")
    earlier = Counter(text["notification_id"] for text in phones[:since])
    again = [text["notification_id"] for text in phones[since:] if earlier[text["notification_id"]]]
    story.report.expect("what may have been lost came once more", 1, len(again))
    for identity in again:
        record = records[identity]
        story.report.expect("  and is known to have arrived", ("DELIVERED", 1), (record["status"], record["resent"]))
        story.twice.add(identity)


def _of_new_orders(story: Story, group_id: str, since: int) -> list[dict[str, Any]]:
    """The texts of new orders that a group's phones got after so many texts to anybody."""
    kinds = {item["notification_id"]: item["kind"] for item in story.all("/api/notifications", limit="100")}
    phones = {story.phone_of(group_id, slot) for slot in ("leader", "second")}
    late = story.get("/local/phones")[since:]
    return [text for text in late if text["to"] in phones and kinds.get(text["notification_id"], "").startswith("NEW_")]


def _statuses(story: Story, shipment: str) -> list[str]:
    return [record["status"] for record in story.texts_about(shipment)]


def sold_earlier(story: Story) -> None:
    """Four groups sold something whose return window is almost over; what it should bring stands in the ledger."""
    group_of = {row["sku"]: row["group_id"] for row in _demo("skus.csv")}
    windows = {row["group_id"]: int(row["return_window_days"]) for row in _demo("resolutions.csv")}
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=HELD_MINUTES)
    shipments = {sku: str(uuid.uuid4()) for sku in SOLD_EARLIER}
    delivered = {sku: at - timedelta(days=windows[group_of[sku]]) for sku in SOLD_EARLIER}
    # Delivered before it was announced: nobody is to be told anything of what is long gone.
    for sku, shipment in shipments.items():
        story.accepted(messages.step(shipment, "delivered", delivered[sku]))
    story.quiet()
    for sku, units in SOLD_EARLIER.items():
        placed = delivered[sku] - timedelta(days=3)
        story.accepted(messages.created(shipments[sku], [Item(units, sku=sku)], placed))
    story.quiet()
    story.orders.extend(shipments.values())
    for sku, units in SOLD_EARLIER.items():
        shelf, shipment = story.shelves[sku], shipments[sku]
        shelf.order(units)
        shelf.leave(units)
        [line], entries = story.order(shipment)["lines"], _entries(story, shipment)
        price = next(product.price for product in messages.PRODUCTS if product.sku == sku) * 100
        seen = (line["state"], line["unit_price_paise"], [entry["kind"] for entry in entries])
        story.report.expect(f"{sku}: delivered, and expected money is booked", ("DELIVERED", price, ["EXPECTED"]), seen)
        story.report.expect("  it sums to zero", 0, sum(p["amount_paise"] for e in entries for p in e["postings"]))
        bank = _sum_of(entries, "expected:marketplace_receivable:flipkart")
        story.report.that("  and the bank should get less than the price", 0 < bank < units * price, _rupees(bank))
    story.report.expect("nobody was told of it", 0, sum(len(story.sent(shipment)) for shipment in shipments.values()))
    story.expect_stock()
    story.delivered = shipments


def pays(story: Story) -> None:
    """The marketplace settles all that was delivered, with one fee too high; an operator hands its file in."""
    wrong = story.delivered["BGP-KHD-STOLE"]
    before = (story.all("/api/settlements"), _standing(story))
    draft = story.act("/local/settlements", wrong=wrong, spoil=True)
    refused = story.hand_in(draft)
    told = refused.json().get("errors", [])
    seen = [(draft["file"] in error["file"], error["row"], error["column"]) for error in told]
    story.report.expect("a file with one wrong cell is refused", 400, refused.status)
    story.report.expect("  and told which: file, row and column", [(True, 4, "Sale Amount (Rs.)")], seen)
    story.quiet()
    story.report.same("  and nothing moved", before, (story.all("/api/settlements"), _standing(story)))

    story.report.begin("Expected, and settled")
    made = story.act("/local/settlements", wrong=wrong)
    story.expect_taken(made)
    story.settled.append(made)
    brought, missing = story.brought(made), -sum(TOO_MUCH)
    story.report.that("of all that was delivered", set(map(story.ref, story.delivered.values())) < brought.keys())
    entries = {order: _entries(story, order) for order in brought}
    every = [entry for all_of in entries.values() for entry in all_of]
    uneven = [entry["entry_id"] for entry in every if sum(p["amount_paise"] for p in entry["postings"])]
    story.report.expect("every entry sums to zero", [], uneven)
    banked = {order: _sum_of(entries[order], "marketplace_receivable:flipkart") for order in brought}
    for order in brought:
        what = f"{order.rpartition(':')[2][:8]}… brought what the file says"
        story.report.expect(what, _rupees(brought[order]), _rupees(banked[order]))
    differ = {
        order: paise
        for order in brought
        if (paise := banked[order] - _sum_of(entries[order], "expected:marketplace_receivable:flipkart"))
    }
    came_back = {_ref_of(made, row): -sum(WAY_BACK) for row in made["rows"] if row["what"] == "refund"}
    story.report.expect("what came back cost its way back", [came_back], [{o: differ.pop(o, 0) for o in came_back}])
    story.report.expect("one order brought too little, the others as expected", {story.ref(wrong): missing}, differ)
    found = story.exceptions("SETTLEMENT_DIFFERS")
    story.report.expect("a person can see which", [story.ref(wrong)], [item["order_ref"] for item in found])
    said = found[0]["message"] if found else ""
    amounts = [f"{_plain(paise)} too much" for paise in TOO_MUCH] + [f"in all {_plain(-missing)} too little"]
    story.report.that("  and by how much, by which row", all(text in said for text in (*amounts, "fk-shipping")), said)
    [unknown] = [row for row in made["rows"] if row["what"] == "unknown"]
    waits = [item["message"] for item in story.exceptions("SUSPENSE")]
    good = len(waits) == 1 and unknown["item_id"] in waits[0] and _plain(unknown["paise"]) in waits[0]
    story.report.that("an item that nobody sold waits in suspense", good, _shown(waits))
    asked = [item["message"] for item in story.exceptions("UNKNOWN_MONEY")]
    story.report.that("a person is asked what Ads are", len(asked) == 1 and "Ads" in asked[0], _shown(asked))
    for kind in ("UNRESOLVED", "BOOK_REFUSED", "MONEY_PROPOSED", "SETTLED_NOT_DELIVERED", "SETTLEMENT_REFUSED"):
        story.report.expect(f"nobody need look: {kind}", 0, len(story.exceptions(kind)))
    story.expect_books()
    held = {group_id: standing["held"] for group_id, standing in _standing(story).items()}
    story.report.that("the groups' money is held", all(held[group] > 0 for group in ("G01", "G02", "G03", "G04")))
    story.report.expect("and nothing can be paid yet", 0, sum(one["payable"] for one in _standing(story).values()))

    story.report.begin("The same file once more")
    standing, settlements = _standing(story), story.all("/api/settlements")
    story.report.expect("it is accepted again", 202, story.hand_in(made).status)
    story.quiet()
    story.report.same("no settlement more", settlements, story.all("/api/settlements"))
    story.report.same("no money more", standing, _standing(story))
    story.report.same("the same entries", entries, {order: _entries(story, order) for order in brought})


def amazon_pays(story: Story) -> None:
    """Amazon's own kind of file, for an order of which nobody has heard that it was delivered."""
    order = [order for order in story.orders if order.startswith("amazon:")][0]
    _, account, order_id = order.split(":", 2)
    made = story.act("/local/settlements", marketplace="amazon", account=account, orders=[order_id])
    story.expect_taken(made)
    story.settled.append(made)
    banked = _sum_of(_entries(story, order), "marketplace_receivable:amazon")
    story.report.expect("the order brought what the file says", story.brought(made), {order: banked})
    asked = [item["order_ref"] for item in story.exceptions("SETTLED_NOT_DELIVERED")]
    story.report.expect("a person is asked why it was not delivered", [order], asked)
    story.expect_books()


def hold_ends(story: Story) -> None:
    """Half an hour later the return windows are over: what was held is owed. Then one of the buyers sends back."""
    standing = _standing(story)
    released = {story.ref(shipment) for shipment in story.delivered.values()}
    others = {order for made in story.settled for order in story.brought(made)} - released
    held = {order: _of_order(story, order)["held"] for order in released}
    story.report.that("each of them holds money", min(held.values()) > 0, _shown([*map(_rupees, held.values())]))
    try:
        story.ahead(WAITED_MINUTES)
        kinds = {order: [entry["kind"] for entry in _entries(story, order)] for order in released}
        times = [all_of.count("RELEASED") for all_of in kinds.values()]
        story.report.expect("each was released once", [1] * len(released), times)
        owed = {order: (of["held"], of["payable"]) for order in released if (of := _of_order(story, order))}
        story.report.same("all that it held is owed now", {order: (0, held[order]) for order in released}, owed)
        still = [order for order in others if _of_order(story, order)["payable"]]
        story.report.expect("what was delivered today is held as before", [], still)
        after = _standing(story)
        kept = {group: one["held"] + one["payable"] for group, one in standing.items()}
        story.report.same("no paisa more or less", kept, {g: one["held"] + one["payable"] for g, one in after.items()})
        story.expect_books()
        story.report.begin("Sent back after its money was released")
        _sent_back(story, story.delivered["BGP-TSR-STOLE"])
    finally:
        story.ahead(0)


def _sent_back(story: Story, shipment: str) -> None:
    sku, order = "BGP-TSR-STOLE", story.ref(shipment)
    group_id = story.order(shipment)["lines"][0]["group_id"]
    before, was_owed = _standing(story)[group_id], _of_order(story, order)["payable"]
    one = [Item(1, order_item_id=messages.order_item_id(shipment))]
    story.accepted(messages.return_created(shipment, one, story.later()))
    story.accepted(messages.return_step(shipment, "return_completed", one, story.later()))
    story.quiet()
    story.expect_texts(shipment, ("RETURN", sku))
    made = story.act("/local/settlements")
    story.report.expect("the marketplace takes back one sale", ["refund"], [row["what"] for row in made["rows"]])
    story.expect_taken(made)
    story.settled.append(made)
    costs = -sum(story.brought(file).get(order, 0) for file in story.settled)
    story.report.that("less than nothing is left of it", costs > 0, _rupees(-costs))
    stands = _of_order(story, order)
    story.report.expect(
        "what was owed for it is taken back, the rest is the group's debt",
        {"held": 0, "payable": 0, "debt": -costs, "fund": 0, "credits": 0},
        stands,
    )
    after = _standing(story)[group_id]
    story.report.expect(
        "what others brought is not touched", (before["payable"] - was_owed, costs), (after["payable"], after["debt"])
    )
    found = [item["order_ref"] for item in story.exceptions("SETTLEMENT_DIFFERS")]
    story.report.expect("still one difference", [story.ref(story.delivered["BGP-KHD-STOLE"])], found)
    story.expect_books()


def tied(story: Story) -> None:
    """Every paisa of the bank's credits is with an order, with the agency or in suspense, and the books prove it."""
    proof = story.act("/local/prove")
    wanted = {"proved": True, "faults": 0, "fault_paise": 0, "commanded": 0, "moving": [], "left": 0}
    story.report.expect("the nightly proof finds nothing", wanted, {name: proof.get(name) for name in wanted})
    audit = story.get("/local/audit")
    story.report.expect(
        "nor does the audit", (True, [], []), tuple(audit[n] for n in ("proved", "faults", "not_booked"))
    )
    there = {one["name"]: one for one in audit["settlements"]}
    parts = ("matched", "agency", "suspense", "open", "total")
    lines = [f"  {'settlement':<40}" + "".join(f"{name:>13}" for name in (*parts, "bank credit"))]
    sums: Counter[str] = Counter()
    for made in story.settled:
        name = f"{made['marketplace']}#{made['account']}#{made['settlement_id']}"
        rows = {what: sum(r["paise"] for r in made["rows"] if r["what"] == what) for what in _WHAT}
        credit = made["bank_paise"]
        should = (rows["sale"] + rows["refund"], rows["advertising"], rows["unknown"], 0, credit)
        story.report.expect(f"{name}: matched, agency, suspense, open", should, tuple(there[name][n] for n in parts))
        story.report.expect("  together are the bank's credit", credit, sum(there[name][n] for n in parts[:-1]))
        sums.update({n: there[name][n] for n in parts} | {"credit": credit, f"of {made['marketplace']}": credit})
        money = [there[name][n] for n in parts] + [credit]
        lines.append(f"  {name:<40}" + "".join(f"{_rupees(paise):>13}" for paise in money))
    story.report.expect("no settlement more", len(story.settled), len(there))
    for marketplace in ("flipkart", "amazon"):
        owes = audit["accounts"].get(f"marketplace_receivable:{marketplace}")
        story.report.expect(f"{marketplace}'s receivable is what its bank credits", sums[f"of {marketplace}"], owes)
    story.expect_books()
    total = [sums[name] for name in (*parts, "credit")]
    lines.append(f"  {'all':<40}" + "".join(f"{_rupees(paise):>13}" for paise in total))
    lines += ["", f"  {'group':<10}" + "".join(f"{name:>13}" for name in OF_A_GROUP)]
    for group_id, standing in _standing(story).items():
        lines.append(f"  {group_id:<10}" + "".join(f"{_rupees(standing[name]):>13}" for name in OF_A_GROUP))
    for line in ["", *lines]:
        story.report.say(line.rstrip())


def first_statements(story: Story) -> None:
    """Each group gets its first statement, in its own language, from its first entry on."""
    groups = _with_books(story)
    sold = {row["group_id"] for row in _demo("skus.csv") if row["sku"] in SOLD_EARLIER}
    story.report.that("every group that was settled has a book", bool(sold) and sold <= {*groups}, _shown(groups))
    for group_id in groups:
        shown = _statement(story, group_id)
        begins = (shown["from"], shown["given_out_to"], set(shown["opening"]["balances"].values()))
        story.report.expect(f"{group_id}: it begins with nothing", (0, 0, {0}), begins)
        _expect_statement(story, group_id, shown)
        _give_out(story, group_id, shown)
        story.statements[group_id] = _statement(story, group_id, to=str(shown["to"]))


def closes(story: Story) -> None:
    """All that is payable goes into a batch, less what a debt may take of it. Who closed it cannot approve it."""
    before = _standing(story)
    part = {row["group_id"]: int(row["recovery"].rstrip("%")) for row in _demo("resolutions.csv")}
    taken = {g: min(one["debt"], one["payable"] * part[g] // 100) for g, one in before.items() if one["payable"]}
    rows = {g: before[g]["payable"] - kept for g, kept in taken.items()}
    story.report.that("a group that is owed something has a debt too", any(taken.values()), _shown(taken))
    for group_id in rows:
        account = story.get(f"/api/groups/{group_id}/beneficiary")
        whole = json.dumps(account, ensure_ascii=False)
        told = (account["changed_by"] != account["confirmed_by"], _account(group_id) in whole)
        shown = f"{account['account']} {account['ifsc']}"
        story.report.that(f"{group_id}'s account: two persons, four digits shown", told == (True, False), shown)
    said = story.operate("/api/payouts/close", "maker")
    story.expect_answer("the maker closes the period", said, 202)
    story.batch = said.json()["batch_id"]
    story.quiet()
    batch = _batch(story)
    story.report.expect("the batch is closed", "CLOSED", batch["state"])
    story.report.expect("each group once, what it is owed less its debt's part", rows, _amounts(batch))
    total = sum(rows.values())
    seen = (batch["count"], batch["control_total"])
    story.report.expect("count and control total are of its rows", (len(rows), total), seen)
    after = {
        g: one | ({"payable": 0, "debt": one["debt"] - taken[g]} if g in rows else {}) for g, one in before.items()
    }
    story.report.same("nothing is payable to them any more, and nothing else moved", after, _standing(story))
    story.expect_answer("closed once more: nothing is payable", story.operate("/api/payouts/close", "maker"), 409)

    story.report.begin("Not by the same person, not unseen")
    approve, digest = f"/api/payouts/{story.batch}/approve", batch["digest"]
    story.expect_answer("who closed it approves it", story.operate(approve, "maker", digest=digest), 409)
    story.expect_answer("another batch was seen", story.operate(approve, digest="0" * 64), 409)
    early = story.http("GET", f"/api/payouts/{story.batch}/file")
    story.report.expect("no file before it is approved", 409, early.status)
    story.report.same("the batch is as it was", batch, _batch(story))


def approved(story: Story) -> None:
    """Another person approves what she saw, takes it back, and approves it again: it is the same file."""
    batch = _batch(story)
    approve, digest = f"/api/payouts/{story.batch}/approve", batch["digest"]
    first = story.operate(approve, digest=digest)
    story.expect_answer("the checker approves", first, 202)
    withdrawn = story.operate(f"/api/payouts/{story.batch}/withdraw")
    story.expect_answer("she takes it back", withdrawn, 202)
    story.report.expect("  it is closed again", "CLOSED", _batch(story)["state"])
    again = _hunar("approve", story.batch, "--digest", digest)
    story.report.expect("  and approved again: the same file", first.json()["file_sha256"], again["file_sha256"])
    story.quiet()
    listed = {one["batch_id"]: one["state"] for one in _hunar("payouts", "list")}
    story.report.expect("the command shows it", {story.batch: "APPROVED"}, listed)
    orders = {g: {line["order_ref"] for line in shown["released"]} for g, shown in story.statements.items()}
    _expect_told(
        story,
        "PAYOUT_COMPUTED",
        _amounts(batch),
        lambda paise: [str(paise // 100)],
        also=lambda g: [f": {len(orders[g])}"],
    )
    story.report.expect("nobody is told of money before it is paid", 0, len(_told(story, "PAYOUT_PAID")))


def filed(story: Story) -> None:
    """The bank's file is given out: seven columns, the same bytes whenever it is fetched, what was approved."""
    story.expect_answer("given out", story.operate(f"/api/payouts/{story.batch}/submit"), 202)
    header = _batch(story)
    first, second = (story.http("GET", f"/api/payouts/{story.batch}/file") for _ in range(2))
    story.report.expect("fetched twice it is the same", (200, first.body), (second.status, second.body))
    digest = hashlib.sha256(first.body).hexdigest()
    story.report.expect("SHA-256 is that of the approval", header["file_sha256"], digest)
    story.file = (header["file_name"], first.body.decode("ascii"))
    rows = [line.split(",") for line in story.file[1].split("\r\n")[:-1]]
    story.report.expect("seven columns in each row", {7}, {len(row) for row in rows})
    groups = {row["payout_id"]: row["group_id"] for row in header["rows"]["items"]}
    paid = {groups[row[0]]: (row[2], row[3], int(row[5].replace(".", ""))) for row in rows}
    payees = {row["group_id"]: row for row in _payees()}
    wanted = {g: (payees[g]["account"], payees[g]["ifsc"], paise) for g, paise in _amounts(header).items()}
    story.report.that("each group's own account, and its amount", paid == wanted, f"{len(paid)} rows")
    totals = (len(rows), sum(paise for _, _, paise in paid.values()))
    story.report.expect("count and control total tie", (header["count"], header["control_total"]), totals)
    short = all(re.fullmatch(r"[A-Z][A-Z0-9]{0,14}", row[0]) for row in rows)
    story.report.that("references of at most 15 capitals and digits", short, rows[0][0])
    story.expect_answer("too late to take it back", story.operate(f"/api/payouts/{story.batch}/withdraw"), 409)

    story.report.begin("What the bank takes, and what it does not")
    name, content = story.file
    line = content.split("\r\n")[0]
    amount = line.split(",")[5]
    for what, spoilt, more in (
        ("a comma in a name", content.replace("SAMUH", "SA,MUH", 1), {}),
        ("letters that are not Latin", content.replace("SAMUH", "समूह", 1), {}),
        ("another form of amount", content.replace(f",{amount},", f",{amount}0,", 1), {}),
        ("a reference of sixteen", content.replace(line.split(",")[0], "P" * 16, 1), {}),
        ("another count than was typed", content, {"count": len(rows) + 1}),
        ("another total than was typed", content, {"total_paise": header["control_total"] + 1}),
    ):
        body = json.dumps({"file": name, "content": spoilt, **more}).encode()
        story.expect_refused(what, story.http("POST", "/local/bank", body, {"X-Local-User": "checker"}), 400)


def bank_answers(story: Story) -> None:
    """The bank pays all but one. What it rejected is payable again, as if it had never been closed."""
    header, (name, content) = _batch(story), story.file
    ids = {row["group_id"]: row["payout_id"] for row in header["rows"]["items"]}
    rejected = ids[REJECTED_GROUP]
    typed = {"count": header["count"], "total_paise": header["control_total"]}
    said = story.act("/local/bank", file=name, content=content, **typed, reject={rejected: "INVALID ACCOUNT NUMBER"})
    utr = {row["reference"]: row["utr"] for row in said["rows"] if row["state"] == "E"}
    story.report.expect("the bank paid all but one", {*ids.values()} - {rejected}, {*utr})
    before = _standing(story)
    wrong = story.act("/local/bank", file=name, wrong=ids["G04"])
    refused = _enter(story, wrong)
    story.report.that(
        "an answer that is a paisa off is refused whole, by row",
        refused.status == 400 and bool(refused.json().get("errors")),
        _shown(refused.json().get("errors")),
    )
    story.quiet()
    story.report.same("  and nothing moved", (header, before), (_batch(story), _standing(story)))
    _by_command(story, said)
    after, batch = _standing(story), _batch(story)
    states = {row["group_id"]: row["state"] for row in batch["rows"]["items"]}
    wanted = {g: "REJECTED" if g == REJECTED_GROUP else "PAID" for g in ids}
    story.report.expect("each row is as the bank says", (wanted, "COMPLETED"), (states, batch["state"]))
    back = before[REJECTED_GROUP] | {"payable": _amounts(header)[REJECTED_GROUP]}
    story.report.same("what was rejected is payable again, exactly", before | {REJECTED_GROUP: back}, after)
    owed = _amounts(header)
    paid = {g: owed[g] for g in ids if g != REJECTED_GROUP}
    of = {g: utr[ids[g]] for g in paid}
    _expect_told(
        story, "PAYOUT_PAID", paid, lambda paise: [str(paise // 100)], also=lambda g: [_account(g)[-4:], of[g]]
    )
    _expect_told(story, "PAYOUT_FAILED", {REJECTED_GROUP: owed[REJECTED_GROUP]}, also=lambda g: [_account(g)[-4:]])

    story.report.begin("The same answer once more, and a payment that nobody ordered")
    stands = _stands(story)
    story.expect_answer("it is accepted again", _enter(story, said), 202)
    story.quiet()
    story.report.same("nothing new: no entry, no text, no row", stands, _stands(story))
    story.expect_answer(
        "an answer with a strange row", _enter(story, story.act("/local/bank", file=name, unknown=True)), 202
    )
    story.quiet()
    story.report.same("nothing is booked of it", stands, _stands(story))
    asked = [item["message"] for item in story.exceptions("UNKNOWN_REFERENCE")]
    story.report.that("a person is asked whose it is", len(asked) == 1, _shown(asked))


def comes_back(story: Story) -> None:
    """Three days later the bank sends back what it had paid, and the group whose account is no good enters another.

    The clocks are put ahead, and no sweep runs: nothing else becomes due meanwhile.
    """
    name, _ = story.file
    batch, before = _batch(story), _standing(story)
    ids = {row["group_id"]: row["payout_id"] for row in batch["rows"]["items"]}
    amounts = _amounts(batch)
    try:
        story.act("/local/clock", ahead_seconds=RETURNED_DAYS * DAY_SECONDS)
        back = {ids[RETURNED_GROUP]: "BENEFICIARY BANK RETURN"}
        said = story.act("/local/bank", file=name, send_back=back, days=RETURNED_DAYS)
        story.expect_answer("it is entered", _enter(story, said), 202)
        story.quiet()
        states = {row["group_id"]: row["state"] for row in _batch(story)["rows"]["items"]}
        story.report.expect("the row was paid, and came back", "RETURNED", states[RETURNED_GROUP])
        owed = before[RETURNED_GROUP]
        owed |= {"payable": owed["payable"] + amounts[RETURNED_GROUP]}
        story.report.same("all of it is payable again", before | {RETURNED_GROUP: owed}, _standing(story))
        failed = {g: amounts[g] for g in (REJECTED_GROUP, RETURNED_GROUP)}
        _expect_told(story, "PAYOUT_FAILED", failed, also=lambda g: [_account(g)[-4:]])
        stands = _stands(story)
        story.expect_answer("once more", _enter(story, said), 202)
        story.quiet()
        story.report.same("  it comes back once", stands, _stands(story))

        story.report.begin("Another account, and nobody pays it yet")
        _changes_account(story)
        _paid_by_commands(story, RETURNED_GROUP)
        found = [item["group_id"] for item in story.exceptions("PAYOUT_LEFT_OUT")]
        story.report.expect("whose account cools off was left out, and a person can see it", [REJECTED_GROUP], found)
        story.act("/local/clock", ahead_seconds=COOLED_DAYS * DAY_SECONDS)

        story.report.begin("A week later it is paid")
        _paid_by_commands(story, REJECTED_GROUP, account=NEW_ACCOUNT[0])
        story.report.expect("nobody need look any more", 0, len(story.exceptions("PAYOUT_LEFT_OUT")))
    finally:
        story.act("/local/clock", ahead_seconds=0)
    story.report.expect("nothing is payable", 0, sum(one["payable"] for one in _standing(story).values()))


def _changes_account(story: Story) -> None:
    group_id, (account, ifsc) = REJECTED_GROUP, NEW_ACCOUNT
    name = next(row["name"] for row in _payees() if row["group_id"] == group_id)
    words = ("payee", "propose", group_id, "--name", name, "--account", account, "--ifsc", ifsc)
    made = _hunar(*words)
    story.quiet()
    phones = {story.phone_of(group_id, slot) for slot in ("leader", "second")}
    told = _told(story, "ACCOUNT_CHANGED")
    story.report.expect("the group is told on its phones", sorted(phones), sorted(text["to"] for text in told))
    digits = all(account[-4:] in text["text"] and account not in text["text"] for text in told)
    story.report.that("  by the last four digits", digits, told[0]["text"] if told else "")
    confirm = f"/api/groups/{group_id}/beneficiary/confirm"
    version = {"version": made["version"], "looked_up": name}
    story.expect_answer("who typed it confirms it", story.operate(confirm, "maker", **version), 409)
    _hunar("payee", "confirm", group_id, "--version", str(made["version"]), "--looked-up", name)
    shown = _hunar("payee", "show", group_id)
    cooled = shown["usable_from"] > shown["confirmed_at"]
    story.report.that("another person does, and it cools off all the same", cooled, f"until {shown['usable_from']}")


def _paid_by_commands(story: Story, group_id: str, *, account: str = "") -> None:
    """A whole batch with one group in it, by the operators' commands."""
    account = account or _account(group_id)
    owed = _standing(story)[group_id]["payable"]
    story.batch = _hunar("close")["batch_id"]
    story.quiet()
    shown = _hunar("payouts", "show", story.batch)
    seen = {row["group_id"]: row["amount_paise"] for row in shown["rows"]}
    story.report.expect("closed by the command: this group alone", {group_id: owed}, seen)
    _hunar("approve", story.batch, "--digest", shown["digest"])
    with TemporaryDirectory() as folder:
        given = _hunar("payouts", "submit", story.batch, "--to", folder)
        [file] = Path(folder).iterdir()
        content = file.read_bytes()
    story.report.expect("the file is the approved one", given["file_sha256"], hashlib.sha256(content).hexdigest())
    story.report.that("  and pays the account in force", f",{account}," in content.decode("ascii"))
    said = story.act("/local/bank", file=file.name, content=content.decode("ascii"))
    _by_command(story, said)
    states = [row["state"] for row in _hunar("payouts", "show", story.batch)["rows"]]
    story.report.expect("paid", ["PAID"], states)
    texts = [text["text"] for text in _told(story, "PAYOUT_PAID") if text["group_id"] == group_id]
    utr = said["rows"][0]["utr"]
    good = bool(texts) and account[-4:] in texts[-1] and utr in texts[-1]
    story.report.that("  and told, with four digits and the reference", good, texts[-1] if texts else "")


def next_statements(story: Story) -> None:
    """The next statement of each group takes up where the last one ended, and ends where the group stands."""
    for group_id in _with_books(story):
        shown, before = _statement(story, group_id), story.statements[group_id]
        if shown["from"] == before["from"]:
            story.report.expect(f"{group_id}: nothing was booked, the same again", before["to"], shown["to"])
        else:
            story.report.same(f"{group_id}: begins where the last one ended", before["closing"], shown["opening"])
        _expect_statement(story, group_id, shown)
        if group_id in (REJECTED_GROUP, RETURNED_GROUP):
            kinds = [one["kind"] for one in shown["payments"]]
            story.report.that("  with what was paid, and what came back", len(kinds) >= 4, _shown(kinds))
    with TemporaryDirectory() as folder:
        out = Path(folder) / f"{REJECTED_GROUP}.pdf"
        _hunar("statement", REJECTED_GROUP, "--out", str(out))
        story.report.that("the command gives one out as well", out.read_bytes().startswith(b"%PDF-"))
    again = _statement(story, REJECTED_GROUP)
    story.report.expect("  and it is noted as given out", again["to"], again["given_out_to"])
    for group_id in _with_books(story):
        _give_out(story, group_id, _statement(story, group_id))

    story.report.begin("What the mission's officer gets")
    today = datetime.now(messages.IST).date()
    with TemporaryDirectory() as folder:
        out = Path(folder) / "mission.xlsx"
        days = ("--from", (today - timedelta(days=30)).isoformat(), "--to", today.isoformat())
        said = _hunar("export", "mission", *days, "--out", str(out))
        text = _text_of_workbook(out.read_bytes())
    cities = {row["city"] for row in _demo("groups.csv")}
    story.report.that("sales by city", all(city in text for city in cities), _shown(said))
    private = [*(row["phone"] for row in _demo("contacts.csv")), *(row["account"] for row in _payees())]
    story.report.expect("nobody's number or account", [], [one for one in private if one in text])


def all_ties(story: Story) -> None:
    """What came into the bank is what left it, what is owed to groups, the agency and the state, and nothing else."""
    proof = story.act("/local/prove")
    story.report.expect("the nightly proof finds nothing", (True, 0), (proof["proved"], proof["faults"]))
    audit = story.get("/local/audit")
    story.report.expect("the audit is clean", (True, []), (audit["proved"], audit["faults"]))
    accounts: Mapping[str, int] = audit["accounts"]
    credit = sum(made["bank_paise"] for made in story.settled)
    receivable = sum(paise for name, paise in accounts.items() if name.startswith("marketplace_receivable:"))
    story.report.expect("the marketplaces' credits are what the books say", credit, receivable)
    out = story.act("/local/bank", file=story.file[0])["paid_paise"]
    story.report.expect("what the bank paid out is what the books say", out, -accounts.get("bank", 0))
    transit = sum(
        row["amount_paise"]
        for batch in story.all("/api/payouts")
        for row in _batch(story, batch["batch_id"])["rows"]["items"]
        if row["state"] == "IN_TRANSIT"
    )
    standing = _standing(story)
    groups = {name: sum(one[name] for one in standing.values()) for name in OF_A_GROUP}

    def owed(*names: str) -> int:
        return -sum(paise for account, paise in accounts.items() if account.partition(":")[0] in names)

    parts = {
        "paid out by the bank": out,
        "on its way": transit,
        "payable": groups["payable"],
        "held": groups["held"],
        "less what groups have to give back": -groups["debt"],
        "in the groups' funds": groups["fund"],
        "theirs, when the state has paid it back": groups["credits"],
        "the agency's own": owed("agency_fee", "agency_margin"),
        "in suspense": owed("suspense"),
        "the state's: GST in the prices": owed("output_gst"),
        "less what the state gives back: GST on fees, TCS, TDS": owed(
            "gst_input_fees", "tcs_receivable", "tds_receivable"
        ),
    }
    ageing = sum(one["total_paise"] for one in _hunar("export", "ageing")["items"])
    waits = transit + groups["payable"] + groups["held"]
    story.report.expect("the register of what waits says the same", waits, ageing)
    story.report.expect("fees are charged to who bears them, whole", 0, owed("fee", "fees_recovered"))
    story.report.expect(
        "together they are the bank's credit, to the paisa", _rupees(credit), _rupees(sum(parts.values()))
    )
    for what, paise in (*parts.items(), ("the bank's credit", credit)):
        story.report.say(f"  {what:<56}{_rupees(paise):>13}")


_WHAT: Final = ("sale", "refund", "unknown", "advertising")


def redeployed(story: Story) -> None:
    """A second deployment while orders come in: nothing is lost, and what began before goes on."""
    sku, count = "GKP-DIYA-12", 8
    early = story.sell(Item(3, sku=sku))
    story.shelves[sku].order(3)
    failures: list[str] = []
    story.workers_ended = True

    def deploy() -> None:
        try:
            story.act("/local/redeploy")
        except (Wrong, OSError) as error:
            failures.append(str(error))

    shipments = [str(uuid.uuid4()) for _ in range(count)]
    bodies = [messages.created(shipment, [Item(1, sku=sku)], story.later()) for shipment in shipments]
    deploying = threading.Thread(target=deploy)
    deploying.start()
    answers = []
    for body in bodies:
        # As a marketplace does: what was not accepted comes again.
        for _ in range(20):
            reply = story.post(body)
            if reply.status == 200 or not deploying.is_alive():
                break
            deploying.join(1.5)
        answers.append(reply.status)
        deploying.join(1.5)
    deploying.join()
    story.quiet(VISIBLE_AGAIN_SECONDS)
    story.orders.extend(shipments)
    story.report.expect("the second deployment worked", [], failures)
    story.report.expect("every order of the burst was accepted", [200] * count, answers)
    records = {item["order_ref"]: item["status"] for item in story.all("/api/notifications")}
    told = {shipment: len(story.sent(shipment)) for shipment in shipments}
    for shipment in shipments:
        story.shelves[sku].order(1)
        story.texts[shipment, "NEW_ORDER", "hi"] += told[shipment]
    seen = [story.order(shipment)["lines"] for shipment in shipments]
    story.report.expect(
        "every one is reserved once", [1] * count, [sum(line["reserved"] for line in lines) for lines in seen]
    )
    silent = [shipment for shipment in shipments if records.get(story.ref(shipment)) == "CLAIMED"]
    story.report.expect(
        "every one was announced once, or its claim fell silent",
        [],
        [
            shipment
            for shipment in shipments
            if told[shipment] != 1 and not (told[shipment] == 0 and shipment in silent)
        ],
    )
    story.expect_stock()
    story.step(early, "packed", "picked_up")
    story.shelves[sku].leave(3)
    story.expect_order(early, "PICKED_UP", (3, 0, 0))
    story.expect_texts(early, ("NEW_ORDER", sku))
    story.expect_stock()


def closing(story: Story) -> None:
    """What must hold whatever happened."""
    story.quiet()
    stock = story.stock()
    report = story.report
    names = ("on_hand", "available", "reserved", "buffer", "short", "uncounted")
    wrong = [sku for sku, item in stock.items() if item["on_hand"] != item["available"] + item["reserved"]]
    report.expect("on_hand = available + reserved", [], wrong)
    report.expect("nothing negative", [], [sku for sku, item in stock.items() if any(item[name] < 0 for name in names)])
    both = [sku for sku, item in stock.items() if item["available"] > 0 and item["short"] > 0]
    report.expect("nothing both free and short", [], both)
    held: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for order in story.all("/api/orders"):
        for line in order["lines"]:
            held[line["sku"]] += line["reserved"]
            missing[line["sku"]] += line["short"]
    report.expect(
        "what orders hold is what shelves reserve",
        {sku: item["reserved"] for sku, item in stock.items()},
        {sku: held[sku] for sku in stock},
    )
    report.expect(
        "what orders miss is what shelves are short",
        {sku: item["short"] for sku, item in stock.items()},
        {sku: missing[sku] for sku in stock},
    )

    report.begin("The channels")
    story.expect_channels(*(product.sku for product in messages.PRODUCTS))

    report.begin("The phones")
    phones = story.get("/local/phones")
    ours = {story.ref(shipment) for shipment in story.orders}
    notifications = {item["notification_id"]: item for item in story.all("/api/notifications")}
    about = [text for text in phones if notifications.get(text["notification_id"], {}).get("order_ref") in ours]
    report.expect("as many texts as the story owes", sum(story.texts.values()) + len(story.twice), len(about))
    counts = Counter(text["notification_id"] for text in phones)
    twice = {identity for identity, count in counts.items() if count > 1}
    report.expect("no text came twice but what may have been lost", sorted(story.twice), sorted(twice))
    report.that("and none a third time", max(counts.values(), default=0) <= 2)
    report.expect(
        "no text without its record", [], [t["text"] for t in phones if t["notification_id"] not in notifications]
    )
    report.that("no text over two parts", all(text["parts"] <= MOST_PARTS for text in phones), f"{len(phones)} texts")
    for locale, (name, _) in SCRIPTS.items():
        count = sum(scripts(text["text"]) == {locale} for text in phones)
        report.that(f"texts in {name}", count > 0, str(count))
    ids = [story.ref(shipment).split(":", 2)[2] for shipment in story.orders]
    named = [text["text"] for text in phones if any(order_id in text["text"] for order_id in ids)]
    report.expect("no text carries a marketplace's id of an order", [], named)

    report.begin("Every deployed function ran")
    functions = story.get("/local/functions")
    report.that("there are functions", len(functions) > 0)
    for function, count in functions.items():
        runs = count - story.runs_before.get(function, 0)
        report.that(function, runs > 0, f"{runs} runs")


PHASES: Final[tuple[tuple[str, Callable[[Story], None]], ...]] = (
    ("The shelves", opening),
    ("An order", an_order),
    ("Two groups in one shipment", two_groups),
    ("Refused at the door", refused),
    ("Signed but unreadable", unreadable),
    ("Delivered before it was announced", delivered_first),
    ("Partly cancelled before it was announced", cancelled_partly_first),
    ("Wholly cancelled", cancelled_wholly),
    ("A listing nobody mapped", unknown_listing),
    ("More sold than there is", sold_short),
    ("Served from a cancellation", served_from_a_cancellation),
    ("Held, and released", held_and_released),
    ("A person acts", a_person_acts),
    ("An event that nobody knows", unknown_event),
    ("Delivered, and what it should bring", paid),
    ("One of two comes back", came_back),
    ("Sold on Amazon", sold_on_amazon),
    ("A signed message with another body", swapped_body),
    ("An order that no message announced", known_by_asking),
    ("Failed five times, and sent again", dead_letters),
    ("The SMS service asks to wait", sms_stumbles),
    ("What was owed is sent once more", swept),
    ("A text has arrived", arrives),
    ("The leader does not hear of it", unreachable),
    ("A phone answers", answered),
    ("At night", at_night),
    ("A text that nobody hears of", texts_that_wait),
    ("Delivered a return window ago", sold_earlier),
    ("The marketplace pays", pays),
    ("Amazon pays", amazon_pays),
    ("The hold ends", hold_ends),
    ("To the paisa", tied),
    ("The groups' first statements", first_statements),
    ("The period is closed", closes),
    ("Approved by another person", approved),
    ("The file for the bank", filed),
    ("The bank answers", bank_answers),
    ("Days later one comes back", comes_back),
    ("The groups' next statements", next_statements),
    ("All that came in, and where it is", all_ties),
    ("Deployed again in the middle", redeployed),
    ("What must hold at the end", closing),
)


def play(
    url: str,
    account: Mapping[str, Any],
    channels: Channels,
    phases: Iterable[tuple[str, Callable[[Story], None]]] = PHASES,
) -> Report:
    """Plays the phases. A phase that cannot go on is a failure; the next one begins."""
    report = Report()
    story = Story(url, account, channels, report)
    for name, phase in phases:
        report.begin(name)
        try:
            phase(story)
        except (Wrong, OSError, http.client.HTTPException, LookupError, AttributeError, TypeError, ValueError) as error:
            report.that("the story could go on", False, f"{type(error).__name__}: {error}")
    return report


def demo_account(name: str = "demo") -> dict[str, Any]:
    """A Flipkart account of the demo as the operators' command shows it."""
    shown: dict[str, Any] = _hunar("sign", "--show", "--account", name)
    return shown


def channels_of_the_demo() -> Channels:
    """The accounts with an API, as the operators' commands show them."""
    accounts = _hunar("account", "list")
    return Channels(
        demo_account("demo-api"),
        next(one for one in accounts if (one["marketplace"], one["account"]) == ("amazon", "demo-api")),
    )


def _hunar(*arguments: str) -> Any:
    command = [str(ROOT / ".venv" / "bin" / "hunar"), *arguments, "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    if answer.returncode:
        words = answer.stderr.strip() or answer.stdout.strip()
        raise Wrong(f"hunar {' '.join(arguments[:2])} failed: {words}")
    return json.loads(answer.stdout)


def summary(report: Report, seconds: float) -> str:
    """The table of phases, and every failure in full."""
    phases = list(dict.fromkeys(phase for _, phase, _, _ in report.rows))
    lines = ["", f"  {'phase':<44} {'expectations':>12} {'wrong':>6}"]
    for phase in phases:
        of_phase = [good for good, name, _, _ in report.rows if name == phase]
        lines.append(f"  {phase:<44} {len(of_phase):>12} {of_phase.count(False):>6}")
    lines.append(f"  {'all':<44} {len(report.rows):>12} {len(report.failures):>6}   {seconds:.0f} s")
    if report.failures:
        lines += ["", "Wrong:", *(f"  {failure}" for failure in report.failures)]
    else:
        lines += ["", "The story holds."]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.check", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where the local stack is served")
    url = parser.parse_args(arguments).url
    started = time.monotonic()
    try:
        account, channels = demo_account(), channels_of_the_demo()
    except Wrong as wrong:
        raise SystemExit(str(wrong)) from None
    report = play(url, account, channels, PHASES)
    print(summary(report, time.monotonic() - started))
    return 1 if report.failures else 0


def _of_group(story: Story, shipment: str) -> int:
    """Paise that the order's group is to get, as the entries stand now."""
    postings = [posting for entry in _entries(story, shipment) for posting in entry["postings"]]
    return -sum(int(p["amount_paise"]) for p in postings if p["account"].startswith("expected:group:"))


def _entries(story: Story, shipment: str) -> list[dict[str, Any]]:
    return story.all("/api/ledger/entries", order_ref=story.ref(shipment))


def _sum_of(entries: Iterable[Mapping[str, Any]], account: str) -> int:
    """Paise that entries come to on an account."""
    postings = [posting for entry in entries for posting in entry["postings"]]
    return sum(posting["amount_paise"] for posting in postings if posting["account"] == account)


def _of_order(story: Story, order: str) -> dict[str, int]:
    """Paise that one order's entries owe to its groups; a debt is below zero."""
    entries = [entry for entry in _entries(story, order) if entry["kind"] != "EXPECTED"]
    accounts = {posting["account"] for entry in entries for posting in entry["postings"]}
    return {
        name: -sum(_sum_of(entries, account) for account in accounts if account.startswith(f"group_{name}:"))
        for name in OF_A_GROUP
    }


def _standing(story: Story) -> dict[str, dict[str, int]]:
    """Where each group's money stands, in paise."""
    groups = story.all("/api/groups")
    return {group["group_id"]: {name: group[f"{name}_paise"] for name in OF_A_GROUP} for group in groups}


def _batch(story: Story, batch_id: str = "") -> dict[str, Any]:
    """A batch with its rows."""
    batch: dict[str, Any] = story.get(f"/api/payouts/{quote(batch_id or story.batch, safe='')}?limit=100")
    return batch


def _amounts(batch: Mapping[str, Any]) -> dict[str, int]:
    """Paise by group."""
    return {row["group_id"]: row["amount_paise"] for row in batch["rows"]["items"]}


def _payees() -> list[dict[str, str]]:
    """Where the demo's groups are paid."""
    with DEMO.with_name("demo-payees.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _account(group_id: str) -> str:
    return next(row["account"] for row in _payees() if row["group_id"] == group_id)


def _enter(story: Story, said: Mapping[str, Any]) -> Reply:
    """The maker enters what the bank said: whoever says that money came back does not approve that it is paid again."""
    target = f"/api/payouts/{story.batch}/paid"
    return story.operate(target, "maker", layout="hdfc_enet", file=said["file"], content=said["content"])


def _by_command(story: Story, said: Mapping[str, Any]) -> None:
    """The same by the operators' command."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / said["file"]
        file.write_bytes(said["content"].encode("ascii"))
        taken = _hunar("paid", str(file))
    story.report.expect("the bank's answer is entered by the command", len(said["rows"]), taken["results"])
    story.quiet()


def _told(story: Story, kind: str) -> list[dict[str, Any]]:
    """Texts of a kind that reached phones, oldest first."""
    phones = {text["notification_id"] for text in story.get("/local/phones")}
    found = [item for item in story.all("/api/notifications") if item["kind"] == kind]
    return [item for item in found if item["notification_id"] in phones][::-1]


def _expect_told(
    story: Story,
    kind: str,
    amounts: Mapping[str, int],
    says: Callable[[int], list[str]] = lambda paise: [],
    *,
    also: Callable[[str], list[str]] = lambda group_id: [],
) -> None:
    """Each of these groups got one text of this kind in its script, with its amount and what else belongs into it."""
    locales = {group["group_id"]: group["locale"] for group in story.all("/api/groups")}
    told = _told(story, kind)
    story.report.expect(f"{kind}: one text to each", sorted(amounts), sorted(text["group_id"] for text in told))
    for text in told:
        group_id, words = text["group_id"], text["text"]
        wanted = [*says(amounts.get(group_id, 0)), *also(group_id)] if group_id in amounts else []
        good = all(part in words for part in wanted) and scripts(words) == {locales[group_id]}
        whole = _account(group_id) in words
        story.report.that(f"  {group_id}: in its script, with {', '.join(wanted)}", good and not whole, words)


def _stands(story: Story) -> Any:
    """All that a repeated answer must not change."""
    groups = {group["group_id"]: group for group in story.all("/api/groups")}
    return groups, _batch(story), len(story.get("/local/phones"))


def _with_books(story: Story) -> list[str]:
    """Groups for which something was booked."""
    return [group["group_id"] for group in story.all("/api/groups") if group["entries"]]


def _statement(story: Story, group_id: str, **query: str) -> dict[str, Any]:
    asked = f"?{urlencode(query)}" if query else ""
    shown: dict[str, Any] = story.get(f"/api/groups/{group_id}/statement{asked}")
    return shown


def _expect_statement(story: Story, group_id: str, shown: Mapping[str, Any]) -> None:
    """What stood, with all that moved, is what stands; and that is where the API says that the group stands."""
    opening, closing = shown["opening"]["balances"], shown["closing"]["balances"]
    moved: Counter[str] = Counter(opening)
    for moves in shown["moves"].values():
        moved.update(moves)
    story.report.expect(f"{group_id}: opening and moves are the closing", closing, {n: moved[n] for n in closing})
    stands = {name: closing[name] for name in OF_A_GROUP}
    story.report.expect("  which is where the group stands", _standing(story)[group_id], stands)


def _give_out(story: Story, group_id: str, shown: Mapping[str, Any]) -> None:
    """A statement as the group gets it, in its language: on paper and as a workbook."""
    closing = shown["closing"]["balances"]
    target = f"/api/groups/{group_id}/statement?to={shown['to']}&format="
    paper = story.http("GET", f"{target}pdf")
    story.report.that(
        f"{group_id}: as PDF", paper.status == 200 and paper.body[:5] == b"%PDF-", f"{len(paper.body)} bytes"
    )
    book = story.http("GET", f"{target}xlsx")
    text = _text_of_workbook(book.body) if book.status == 200 else f"{book.status} {book.body[:200]!r}"
    amounts = {f"{paise / 100:.2f}".rstrip("0").rstrip(".") for paise in closing.values() if paise}
    locale = next(group["locale"] for group in story.all("/api/groups") if group["group_id"] == group_id)
    missing = [amount for amount in amounts if amount not in text]
    story.report.expect(
        "  and as a workbook with the same amounts, in its script", ([], {locale}), (missing, scripts(text))
    )


def _text_of_workbook(content: bytes) -> str:
    """All that stands in the sheets of an .xlsx file."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        names = [name for name in file.namelist() if "sharedStrings" in name or "worksheets/sheet" in name]
        return "\n".join(file.read(name).decode() for name in names)


def _ref_of(made: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    return f"{made['marketplace']}:{made['account']}:{row['order']}"


def _demo(name: str) -> list[dict[str, str]]:
    """A registry file of the demo."""
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _plain(paise: int) -> str:
    whole, rest = divmod(abs(paise), 100)
    return f"{'-' if paise < 0 else ''}{whole}.{rest:02d}"


def _rupees(paise: int) -> str:
    """As India writes it: three digits, then pairs."""
    sign, digits = ("-" if paise < 0 else ""), _plain(abs(paise))
    return sign + re.sub(r"(?<=[0-9])(?=(?:[0-9]{2})*[0-9]{3}\.)", ",", digits)


if __name__ == "__main__":
    sys.exit(main())
