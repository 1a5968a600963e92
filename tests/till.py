"""A store with one agency's terms, for histories of money: orders known, settlements kept, commands obeyed."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from hunar import tables
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.domain import rate_card
from hunar.domain.facts import Fact, Placed, Resolved, Step
from hunar.domain.head import Fault, audit
from hunar.domain.order import knowledge_text
from hunar.domain.settlement import Kind, SettlementLine, kind_of_order, subject_of, with_keys
from hunar.messages import PAYOUT_COMMAND, ComputePayout, PayoutCommand, Settle
from hunar.ports import Conflict, Put, QueueName
from hunar.tables import Item, Table
from hunar.use_cases import settle
from hunar.use_cases.book import obey
from hunar.use_cases.retry import retried
from tests.book import POLICY

NOW = "2026-12-20T06:00:00Z"
SOLD = "2026-11-20T10:00:00Z"
RATES = """row_id,scope,code,from,to,basis,value,hsn,price_from,price_to,source,note
commission,flipkart,commission,2026-01-01,,ppm_of_price,20000,,,,card,
fixed,flipkart,fixed_fee,2026-01-01,,fixed_per_line,5000,,,,card,
collection,flipkart,collection_fee,2026-01-01,,ppm_of_price,20000,,,,card,
packing,flipkart,pick_and_pack_fee,2026-01-01,,fixed_per_unit,1400,,,,card,
shipping,flipkart,shipping_fee,2026-01-01,,fixed_per_line,5800,,,,card,
gst,government,output_gst,2026-01-01,,ppm_of_taxable,180000,,,,law,
gst-fees,government,gst_on_fees,2026-01-01,,ppm_of_fees,180000,,,,law,
tcs,government,tcs,2026-01-01,,ppm_of_taxable,10000,,,,law,
tds,government,tds,2026-01-01,,ppm_of_taxable,3000,,,,law,
"""


def ref(name: str, marketplace: str = "flipkart") -> str:
    return f"{marketplace}:demo:{name}"


def settlement_line(
    heads: Mapping[str, int],
    item_id: str | None = "I-1",
    *,
    settlement_id: str = "NEFT-1",
    order_id: str | None = "OD-1",
    posted_at: str = "2026-12-04T00:00:00+05:30",
    marketplace: str = "flipkart",
    **said: Any,
) -> SettlementLine:
    """A row as a reader of settlement files gives it."""
    kind = said.pop("kind", kind_of_order(heads) if order_id or item_id else Kind.ACCOUNT)
    usual: dict[str, Any] = {
        "key": "",
        "marketplace": marketplace,
        "account": "demo",
        "settlement_id": settlement_id,
        "order_id": order_id,
        "item_id": item_id,
        "listing": None,
        "kind": str(kind),
        "heads": dict(heads),
        "posted_at": posted_at,
        "paid_at": None,
        "reference": settlement_id,
        "quantity": 1,
        "row": 4,
    }
    [line] = with_keys([(SettlementLine(**usual | said), dict(heads))])
    return line


def keep(store: MemoryStore, *lines: SettlementLine) -> list[str]:
    """Rows as an importer stores them. Returns the commands that it sends."""
    for line in lines:
        partition = tables.settlement_partition(line.marketplace, line.account, line.settlement_id)
        item = line.item() | {"file": "f", "settlement_pk": partition, "settlement_sk": line.key}
        try:
            store.commit([Put(tables.subject_line(subject_of(line), line.key), item, 0)])
        except Conflict:
            continue
    return [Settle(subject=name).model_dump_json() for name in dict.fromkeys(map(subject_of, lines))]


class Till:
    """``proven``: whether what is said of goods can be trusted, or only settlements."""

    def __init__(self, *, proven: bool = True, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.queues = MemoryQueues()
        self.now = NOW
        self.proven = proven
        self.patience_days = 30
        for row in csv.DictReader(io.StringIO(RATES)):
            item = rate_card.row_from_csv(row)
            self.store.commit([Put(tables.rate(item["scope"], item["row_id"]), item)])

    # what is known

    def group(self, group_id: str, *policies: Mapping[str, Any], **clauses: Any) -> None:
        versions = list(policies) or [POLICY | clauses]
        item = {"group_id": group_id, "name": group_id, "policies": versions}
        self.store.commit([Put(tables.group(group_id), item)])

    def know(self, order_ref: str, *known: Fact) -> None:
        """The order as apply_order_events leaves it: with a pointer from each of its items."""
        marketplace, account, _ = order_ref.split(":", 2)
        key = tables.order(order_ref)
        version = self.store.read([key]).get(key, {}).get("version", 0)
        item = {"order_ref": order_ref, "marketplace": marketplace, "account": account}
        item |= {"knowledge": knowledge_text(known), "version": version + 1}
        puts = [Put(key, item, version)]
        for line_id in sorted({fact.line_id for fact in known if isinstance(fact, Placed)}):
            pointer = tables.item_pointer(marketplace, account, line_id)
            there = self.store.read([pointer]).get(pointer, {"orders": []})
            orders = sorted({*there["orders"], order_ref})
            puts.append(Put(pointer, {"orders": orders, "facts": [], "version": 1}))
        self.store.commit(puts)

    def sell(
        self,
        name: str = "S-1",
        line_id: str = "I-1",
        *more: Fact,
        group_id: str = "G03",
        units: int = 1,
        price: int = 109_900,
        delivered: str | None = "2026-11-24T10:00:00Z",
        terms: Mapping[str, Any] | None = None,
    ) -> str:
        """An order of one line. Returns its order_ref."""
        order_ref = ref(name)
        resolved = Resolved(line_id, "TOTE", group_id, "GROUP_PACKS", "SALE_SHARE", 1, "4202", None)
        known: list[Fact] = [Placed(line_id, SOLD, "LISTING", units, price, None, SOLD, None)]
        known.append(replace(resolved, **(terms or {})))
        if delivered:
            known.append(Step("delivered", delivered))
        self.know(order_ref, *known, *more)
        return order_ref

    # what is settled

    line = staticmethod(settlement_line)

    def keep(self, *lines: SettlementLine) -> list[str]:
        return keep(self.store, *lines)

    def settle(self, *lines: SettlementLine) -> list[str]:
        """Kept and booked, with all that follows."""
        return self.obey(*self.keep(*lines))

    # what is done

    @property
    def desk(self) -> settle.Desk:
        return settle.Desk(
            self.store, self.queues, self.now, lambda marketplace, account: self.proven, self.patience_days
        )

    def again(self, action: Callable[[], Any]) -> Any:
        return retried(action, pause=lambda seconds: None, random=lambda: 0.5)

    def obey(self, *bodies: str | PayoutCommand, shuffle: random.Random | None = None) -> list[str]:
        """Commands, and those that they send, until there are none. In any order with ``shuffle``."""
        waiting = [body if isinstance(body, str) else body.model_dump_json() for body in bodies]
        outcomes: list[str] = []
        while waiting:
            place = shuffle.randrange(len(waiting)) if shuffle else 0
            outcomes += obey(self.desk, PAYOUT_COMMAND.validate_json(waiting.pop(place)), self.again)
            waiting += [body for body, _ in self.queues.taken(QueueName.PAYOUTS)]
        return outcomes

    def compute(self, order_ref: str, line_id: str = "I-1") -> list[str]:
        return self.obey(ComputePayout(order_ref=order_ref, line_id=line_id))

    # what is true afterwards

    def items(self, prefix: str) -> list[Item]:
        return [item for key, item in self.store.scan(Table.LEDGER) if key.sk.startswith(prefix)]

    def head(self, group_id: str = "G03") -> Mapping[str, int]:
        key = tables.book(group_id)
        found = self.store.read([key]).get(key)
        return dict(found["balances"]) if found else {}

    def posted(self, order_ref: str, line_id: str = "I-1") -> Item:
        key = tables.posted(order_ref, line_id)
        return self.store.read([key])[key]

    def open(self, *kinds: str) -> list[Item]:
        found = [item for _, item in self.store.scan(Table.EXCEPTIONS) if item["closed_at"] is None]
        return [item for item in found if not kinds or item["kind"] in kinds]

    def balances(self) -> dict[str, int]:
        """Every account of money, the agency's too, from all entries."""
        total: dict[str, int] = {}
        for item in self.items(tables.BOOK_ENTRIES):
            if item["kind"] != "EXPECTED":
                for posting in item["postings"]:
                    total[posting["account"]] = total.get(posting["account"], 0) + posting["amount_paise"]
        return {account: paise for account, paise in sorted(total.items()) if paise}

    def faults(self) -> list[Fault]:
        """Of every book."""
        heads = self.items("HEAD")
        found: list[Fault] = []
        for head in heads:
            page = self.store.page(
                Table.LEDGER, tables.book_of(head["group_id"]), prefix=tables.BOOK_ENTRIES, limit=10_000
            )
            found += audit(head, page.items)
        return found


def of_one_group() -> Till:
    till = Till()
    till.group("G03")
    return till


def sound(till: Till) -> None:
    """What is true after every history: each book proves itself, and all accounts together come to nothing."""
    assert till.faults() == []
    assert sum(till.balances().values()) == 0
    assert not [account for account in till.balances() if account.startswith("clearing")]


def received(lines: Iterable[SettlementLine]) -> int:
    """What settlement lines bring to the bank, in paise."""
    return sum(line.amount for line in lines if line.kind != Kind.PAYOUT)
