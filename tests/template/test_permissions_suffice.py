"""The golden list of permissions is what the functions do: histories are played, and each touch of a table is noted."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import yaml

from hunar import tables
from hunar.adapters.memory import MemoryStore
from hunar.domain import rate_card
from hunar.domain.facts import Placed, fact_id
from hunar.domain.order import knowledge
from hunar.marketplaces import settlements
from hunar.messages import BatchCommand, LookAtPayables
from hunar.operator_api.routes import READS
from hunar.ports import Page, Put, QueueName, Refused, Throttled
from hunar.tables import Key, Table
from hunar.use_cases import contacts, import_file, operate, park, payouts, replay, take_settlement
from hunar.use_cases.catch_up import Kind
from hunar.use_cases.make_statement import keep as keep_statement
from hunar.use_cases.make_statement import make
from hunar.use_cases.operate import By, Desk
from hunar.use_cases.resolve import resolve
from hunar.use_cases.show import Asked
from hunar.use_cases.sweep import Swept
from tests import handing_in, settlement_files
from tests.amazon_samples import published
from tests.book import SALE
from tests.flipkart_messages import created, item, step
from tests.handing_in import MemoryInbox
from tests.paydesk import PayDesk, answer
from tests.played import ACCOUNT
from tests.proving import change, night, take
from tests.selling import SellingWorld
from tests.template.deployed import ROOT
from tests.till import Till, keep, settlement_line
from tests.world import MARKETPLACES

CONSUMERS = {
    QueueName.ORDER_EVENTS: "ApplyOrderEventsFunction",
    QueueName.NOTIFICATIONS: "NotifyGroupFunction",
    QueueName.PAYOUTS: "ComputePayoutFunction",
    QueueName.FETCHES: "FetchOrderFunction",
    QueueName.STOCK_FEED: "PublishStockFunction",
    QueueName.AMAZON_NOTIFICATIONS: "ApplyOrderEventsFunction",
    QueueName.SMS_RECEIPTS: "RecordSmsReceiptFunction",
    QueueName.INBOX: "ImportFileFunction",
    QueueName.PAYOUT_BATCHES: "ClosePeriodFunction",
}
NOBODY = "an operator's import, which is no function"


class WatchedStore(MemoryStore):
    """Notes which function makes which call to which table."""

    def __init__(self) -> None:
        super().__init__()
        self.acting = NOBODY
        self.used: dict[str, set[str]] = {}

    def read(self, keys: Iterable[Key]) -> dict[Key, Any]:
        keys = list(keys)
        self._note("BatchGetItem", *(key.table for key in keys))
        return super().read(keys)

    def commit(self, puts: Sequence[Put]) -> None:
        self._note("PutItem", *(put.key.table for put in puts if put.item is not None))
        self._note("DeleteItem", *(put.key.table for put in puts if put.item is None))
        super().commit(puts)

    def page(self, table: Table, partition: str, *, index: str | None = None, **how: Any) -> Page:
        if index is None:
            self._note("Query", table)
        else:
            self._note("Query", f"{_logical(table)}/index/{index}")
            # An index has keys only; the items behind them are read from the table.
            self._note("BatchGetItem", table)
        return super().page(table, partition, index=index, **how)

    def scan(self, table: Table) -> Iterator[tuple[Key, Any]]:
        self._note("Scan", table)
        return super().scan(table)

    def _note(self, action: str, *where: Table | str) -> None:
        for place in where:
            resource = _logical(place) if isinstance(place, Table) else place
            self.used.setdefault(self.acting, set()).add(f"dynamodb:{action} {resource}")


def _logical(table: Table) -> str:
    return f"{table.value.capitalize()}Table"


class WatchedWorld(SellingWorld):
    def open(self, **stock: int) -> None:
        self.store: WatchedStore = WatchedStore()
        super().open(**stock)

    def work(self, queue: QueueName, body: str) -> str:
        self.store.acting = CONSUMERS[queue]
        try:
            return super().work(queue, body)
        finally:
            self.store.acting = NOBODY

    def die(self, body: str) -> None:
        """A message ends in the dead letters, twice; a stream gives up a batch, and somebody hears of it twice."""
        self.store.acting = "ParkDeadLettersFunction"
        try:
            desk = park.Desk(self.store, self.now, self._again, MARKETPLACES)
            for number in range(2):
                park.park(desk, park.DeadLetter(QueueName.PAYOUTS, f"message-{number}", body, 6))
                park.given_up(self.store, "aws/lambda/object", now=self.now)
        finally:
            self.store.acting = NOBODY

    def sweep(self, at: datetime | None = None) -> Swept:
        self.store.acting = "SweepFunction"
        try:
            return super().sweep(at)
        finally:
            self.store.acting = NOBODY

    def catch_up(self) -> list[Kind]:
        self.store.acting = "CatchUpOrdersFunction"
        try:
            return super().catch_up()
        finally:
            self.store.acting = NOBODY

    def tell_all(self) -> int:
        self.store.acting = "PublishStockFunction"
        try:
            return super().tell_all()
        finally:
            self.store.acting = NOBODY

    def ask(self, route: str, query: dict[str, str] | None = None, **path: str) -> Any:
        self.store.acting = "OperatorApiFunction"
        try:
            return READS[route](self.store, path, query or {})
        finally:
            self.store.acting = NOBODY

    def take_files(self) -> None:
        """Files in the inbox: one that is taken, one that is wrong, one of Amazon whose fees need a rate, one that is
        gone; and one that the API looks through and puts there."""
        inbox = MemoryInbox()
        handing_in.prepare(self.store)
        desk = take_settlement.Desk(self.store, self.queues, settlements.read, self.now, lambda action: action())
        files = {"flipkart": settlement_files.flipkart(settlement_files.sold()), "standard": b"x"}
        files["amazon"] = settlement_files.date_range(settlement_files.range_row())
        self.store.acting = "ImportFileFunction"
        try:
            for marketplace, raw in files.items():
                key = f"settlements/{marketplace}/demo/file"
                inbox.put(key, raw, by="farzana")
                import_file.import_files(desk, inbox, handing_in.notification(key))
            import_file.import_files(desk, inbox, handing_in.notification("settlements/flipkart/demo/gone"))
            self.store.acting = "OperatorApiFunction"
            assert take_settlement.check(desk, files["amazon"], marketplace="amazon", account="demo", file="f").lines
        finally:
            self.store.acting = NOBODY
        self.queues.taken(QueueName.PAYOUTS)

    def act(self, deed: Callable[[Desk], object]) -> None:
        """What a person does through the API, and all that follows."""
        self.store.acting = "OperatorApiFunction"
        try:
            deed(Desk(self.store, self.queues, self.now, lambda action: action()))
        finally:
            self.store.acting = NOBODY
        self.settle()


@pytest.fixture(scope="module")
def world() -> WatchedWorld:
    """A refused text, an unknown event twice, an unmapped listing, a short line that is served, lines without rates
    and with, the sweep, an operator."""
    world = WatchedWorld(CAP=4)
    world.product("STOLE", "G11", "तसर स्टोल", stock=8)
    world.product("POT", "G11", "घड़ा", stock=1, low_at=1)
    world.settle()
    world.phones.answers = iter([Refused("opted out")])
    world.post(created("S1", item("STOLE", 3)))
    for _ in range(2):
        world.post(step("S1", "blessed"))
    world.post(created("S2", item("NOBODYS", 1)))
    world.settle()
    world.post(step("S1", "delivered"))
    world.settle()
    with (ROOT / "local/demo/rates.csv").open() as rates:
        rows = [rate_card.row_from_csv(record) for record in csv.DictReader(rates)]
    world.store.commit([Put(tables.rate(row["scope"], row["row_id"]), row) for row in rows])
    world.post(created("S3", item("STOLE", 1)))
    world.post(created("S4", item("STOLE", 9)))
    world.settle()
    world.count_in("STOLE", 9, "more")
    world.settle()
    world.post(step("S3", "delivered"))
    world.settle()
    world.die("poison")
    assert {"DEAD_LETTER", "UNDELIVERABLE_EFFECT"} <= set(world.exceptions())
    assert {"UNKNOWN_LISTING", "SMS_REJECTED", "RATE_GAP"} <= set(world.exceptions())
    assert world.items(Table.LEDGER)
    # An order's effects, a text that waits, a shelf that owes an allocation, and a listing that nobody mapped.
    world.phones.answers = iter([Throttled("ThrottlingException")])
    world.post(created("S5", item("STOLE", 99)))
    world.settle(patience=timedelta(0))
    world.count_in("STOLE", 1, "one")
    world.work_off(QueueName.ORDER_EVENTS)
    assert set(world.sweep(world.time + timedelta(hours=1)).sent) == {"order-events", "notifications", "payouts"}
    world.ask("GET /api/orders")
    assert world.ask("GET /api/orders/{order_ref}", order_ref="flipkart:demo:S1")
    world.ask("GET /api/stock")
    assert world.ask("GET /api/stock/{sku}", sku="STOLE")
    assert world.ask("GET /api/notifications")["items"]
    assert world.ask("GET /api/exceptions")["items"]
    world.ask("GET /api/ledger/entries", {"order_ref": "flipkart:demo:S1"})
    assert world.ask("GET /api/deliveries", {"order_ref": "flipkart:demo:S1"})["items"]
    world.queues.send(QueueName.PAYOUTS, keep(world.store, settlement_line({"sale": 9_000}, "1", order_id="OD-1")))
    world.settle()
    assert world.store.read([tables.book("G11")])
    play_the_acts(world)
    sell_by_api(world)
    hear_of_texts(world)
    world.take_files()
    assert world.ask("GET /api/settlements")["items"]
    pay(world)
    give_out_a_statement(world)
    return world


def give_out_a_statement(world: WatchedWorld) -> None:
    """Of the group that was paid."""
    world.store.acting = "MakeStatementFunction"
    try:
        made = make(world.store, "G31")
        assert {line.last_four for line in made.statement.payments} == {"0177"}
        assert keep_statement(world.store, made, now=world.now)
        touched = {key for key, item in world.store.everything().items() if item.get("made_at") == world.now}
        assert {key.pk for key in touched if key.table is Table.LEDGER} == {tables.statements_of("G31")}
    finally:
        world.store.acting = NOBODY


def _replay_one(delivery_id: str, desk: Desk) -> None:
    replay.one(desk.store, desk.queues, delivery_id, None)


def play_the_acts(world: WatchedWorld) -> None:
    """A shelf is counted, a listing mapped, a line remapped, a fact voided, an exception acknowledged, a text heard."""
    world.store.commit([Put(tables.account("flipkart", "demo"), {"marketplace": "flipkart", "account": "demo"})])
    world.product("MAT", "G11", "Mat", stock=5)
    world.settle()
    order_ref = "flipkart:demo:S4"
    [refused] = [item for item in world.items(Table.EXCEPTIONS) if item["kind"] == "SMS_REJECTED"]
    [placed] = [fact for fact in knowledge(world.order("S4")) if isinstance(fact, Placed)]
    world.act(lambda desk: operate.recount(desk, "STOLE", 9, By("farzana", "counted", "A1")))
    world.act(lambda desk: operate.at_fair(desk, "STOLE", "Utsav", "taken", 1, By("farzana", "", "A2")))
    world.act(
        lambda desk: operate.map_listing(desk, "flipkart", "demo", "NOBODYS", "MAT", None, By("farzana", "", "A3"))
    )
    world.act(lambda desk: operate.remap(desk, order_ref, "1", "MAT", By("farzana", "wrong label", "A4")))
    world.act(lambda desk: operate.void(desk, order_ref, fact_id(placed), By("farzana", "never sold", "A5")))
    world.act(lambda desk: resolve(desk, refused["exception_id"], None, {}, By("farzana", "told her", "A6")))
    text = next(item["notification_id"] for item in world.items(Table.NOTIFICATIONS) if item.get("feed_sk"))
    world.act(lambda desk: contacts.tick(desk, text, "no_stock", By("farzana", "", "A7")))
    blessed = next(kept for kept in world.items(Table.DELIVERIES) if kept.get("event_type") == "shipment_blessed")
    for delivery_id in (blessed["delivery_id"], "0" * 32):
        world.act(partial(_replay_one, delivery_id))
    assert world.order("S4")["applied"] == {}


def sell_by_api(world: WatchedWorld) -> None:
    """A marketplace is asked and told, in vain at first; Amazon's queue brings a message of somebody else."""
    bare = tables.listing("amazon", ACCOUNT, "BARE")
    [cap] = world.store.read([tables.listing("amazon", ACCOUNT, "CAP")]).values()
    world.store.commit([Put(bare, {**cap, "listing": "BARE", "product_type": ""})])
    world.played.flipkart.faults.set({"fault": "html", "times": 3})
    world.sell_at_flipkart("S9", "CAP", 2)
    world.settle(patience=timedelta(hours=1))
    world.catch_up()
    world.time += timedelta(minutes=10)
    world.played.flipkart.faults.set({"fault": "html", "times": 1})
    world.catch_up()
    world.tell_all()
    world.queues.send(QueueName.AMAZON_NOTIFICATIONS, [json.dumps(published("order_change"))])
    world.settle(patience=timedelta(hours=1))
    opened = {item["kind"] for item in world.items(Table.EXCEPTIONS)}
    assert {"FETCH_FAILED", "CATCH_UP_FAILED", "NOT_PUBLISHABLE", "OTHER_SELLER"} <= opened


def hear_of_texts(world: WatchedWorld) -> None:
    """A text arrives, its reader answers that there is none, and something comes that nobody understands, twice."""
    arrived = next(text for text in world.notifications() if text["status"] == "ACCEPTED")
    world.receipt(arrived["notification_id"], "DELIVERED")
    world.reply(arrived["to"], "2")
    for _ in range(2):
        world.queues.send(QueueName.SMS_RECEIPTS, ["poison"])
    world.settle()
    assert {"NO_STOCK", "SMS_NEWS_UNREADABLE"} <= set(world.exceptions())


def pay(world: WatchedWorld) -> None:
    """Two groups are paid by a batch, one of them cannot be, and the bank's answer is known."""
    desk = WatchedPayDesk(store=world.store)
    world.store.acting = NOBODY
    for group in ("G31", "G32"):
        desk.group(group, paise=1_000, account=False)
    world.store.acting = "OperatorApiFunction"
    desk.account("G31")
    payouts.close(desk.operator, By("maker", "", "B1"))
    desk.close()
    desk.approve()
    desk.submit()
    payouts.show_batches(world.store, Asked())
    desk.bank(answer(desk.rows()["G31"]))
    desk.bank(answer(desk.rows()["G31"], utr="ANOTHER1"))
    desk.obey(LookAtPayables())
    world.store.acting = NOBODY
    assert {"PAYOUT_LEFT_OUT", "PAID_TWICE"} <= {item["kind"] for item in world.items(Table.EXCEPTIONS)}


class WatchedPayDesk(PayDesk):
    def obey(self, command: BatchCommand) -> str:
        assert isinstance(self.store, WatchedStore)
        before, self.store.acting = self.store.acting, "ClosePeriodFunction"
        try:
            return super().obey(command)
        finally:
            self.store.acting = before


ALL = [*dict.fromkeys(CONSUMERS.values()), "CatchUpOrdersFunction", "ParkDeadLettersFunction", "SweepFunction"]


@pytest.mark.parametrize("function", [*ALL, "OperatorApiFunction", "MakeStatementFunction"])
def test_a_function_uses_the_tables_that_its_policy_opens_all_of_them_and_no_other(
    world: WatchedWorld, function: str
) -> None:
    golden = yaml.safe_load((ROOT / "tests/template/iam_golden.yaml").read_text())[function]
    assert world.store.used[function] == {line for line in golden if line.startswith("dynamodb:")}


def test_the_nightly_proof_uses_what_its_policy_opens_and_no_more() -> None:
    """Books of two groups, one of them wrong, a settlement, an order that nobody knows, and a line without an entry."""
    store = WatchedStore()
    till = Till(store=store)
    for group in ("G03", "G04"):
        till.group(group)
    till.sell("S-1", "I-1")
    till.settle(till.line(SALE, "I-1"), till.line(SALE, "I-9"))
    till.keep(till.line({"fee:shipping_fee": -1_000}, "I-1"))
    take(till)
    change(till, tables.posted("flipkart:demo:S-1", "I-1"), lambda item: item.update(amounts=[]))
    store.acting = "ProveLedgerFunction"
    assert not night(till).proved
    golden = yaml.safe_load((ROOT / "tests/template/iam_golden.yaml").read_text())["ProveLedgerFunction"]
    assert store.used["ProveLedgerFunction"] == {line for line in golden if line.startswith("dynamodb:")}
