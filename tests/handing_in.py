"""An agency's accounts and rates in memory, and somebody who hands in settlement files."""

from __future__ import annotations

import csv
import json
import urllib.parse
from pathlib import Path
from typing import Any

from hunar import tables
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.domain.rate_card import row_from_csv
from hunar.marketplaces.settlements import read
from hunar.ports import Put, QueueName, Uploaded
from hunar.tables import Item, Table
from hunar.use_cases.import_file import import_files
from hunar.use_cases.take_settlement import Desk, Taken, take

NOW = "2026-11-26T10:00:00Z"
ACCOUNTS = (
    {"marketplace": "flipkart", "account": "demo", "seller_id": "HUNARSELLER", "gstin": "19ABCDE1234F1Z5"},
    {"marketplace": "amazon", "account": "demo", "seller_id": "A1HUNARDEMO0"},
    {"marketplace": "standard", "account": "demo"},
)
GOVERNMENT = Path(__file__).parents[1] / "layers/common/hunar/rate_cards/government.csv"


class MemoryInbox:
    """The inbox bucket. It notes what was read, and can be told how large an object is."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str | None]] = {}
        self.sizes: dict[str, int] = {}
        self.reads: list[str] = []

    def look(self, key: str, version: str | None) -> Uploaded | None:
        if key not in self.objects:
            return None
        body, by = self.objects[key]
        return Uploaded(self.sizes.get(key, len(body)), by)

    def read(self, key: str, version: str | None) -> bytes | None:
        self.reads.append(key)
        return self.objects[key][0] if key in self.objects else None

    def put(self, key: str, body: bytes, *, by: str) -> None:
        self.objects[key] = (body, by)


class Agency:
    """Its store and queues. ``hand_in`` is the use case, ``upload`` the inbox and its function."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.queues = MemoryQueues()
        self.inbox = MemoryInbox()
        prepare(self.store)

    @property
    def desk(self) -> Desk:
        return Desk(self.store, self.queues, read, NOW, lambda action: action())

    def hand_in(self, raw: bytes, marketplace: str = "flipkart", account: str = "demo", file: str = "f.xlsx") -> Taken:
        return take(self.desk, raw, marketplace=marketplace, account=account, file=file, by="meena")

    def upload(self, raw: bytes, key: str) -> list[str]:
        self.inbox.objects[key] = (raw, None)
        return self.notified(key)

    def notified(self, key: str) -> list[str]:
        return import_files(self.desk, self.inbox, notification(key))

    def ledger(self) -> dict[str, Item]:
        """All that stands in the ledger, by its keys."""
        return {f"{k.pk} {k.sk}": item for k, item in self.store.everything().items() if k.table is Table.LEDGER}

    def lines(self) -> list[Item]:
        return [item for key, item in sorted(self.ledger().items()) if tables.SUBJECT_LINES in key]

    def header(self, settlement_id: str, marketplace: str = "flipkart") -> Item:
        key = tables.settlement(marketplace, "demo", settlement_id)
        return self.store.read([key])[key]

    def commanded(self) -> set[str]:
        """The subjects of the commands that lie in the queue, taken out of it."""
        bodies = [json.loads(body) for body, _ in self.queues.taken(QueueName.PAYOUTS)]
        assert {body["kind"] for body in bodies} <= {"settle"}
        return {body["subject"] for body in bodies}

    def exceptions(self) -> list[Item]:
        """Those that stand open."""
        return self.store.page(Table.EXCEPTIONS, "OPEN", index=tables.WORKLIST).items


def prepare(store: Any) -> None:
    """The accounts and the government's rates of the GST on fees."""
    with GOVERNMENT.open(encoding="utf-8", newline="") as file:
        rows = [row_from_csv(row) for row in csv.DictReader(file) if row["code"] == "gst_on_fees"]
    puts = [Put(tables.rate(row["scope"], row["row_id"]), row) for row in rows]
    puts += [Put(tables.account(one["marketplace"], one["account"]), dict(one)) for one in ACCOUNTS]
    store.commit(puts)


def notification(key: str, version: str | None = None) -> str:
    """What S3 puts on the queue for an object."""
    stored = {"key": urllib.parse.quote_plus(key), "size": 1} | ({"versionId": version} if version else {})
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDAEXAMPLE:meena"},
        "s3": {"bucket": {"name": "inbox"}, "object": stored},
    }
    return json.dumps({"Records": [record]})
