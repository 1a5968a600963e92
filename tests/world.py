"""A whole Hunar in memory: real use cases, in-memory store and queues, a clock that stands until it is moved.

Queues deliver in any order and more than once when the test says so; streams are relayed like
deployed ones. Only the phone network is played.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hunar import sms_templates, tables
from hunar.adapters.memory import MemoryQueues, MemoryStore
from hunar.domain.facts import instant
from hunar.domain.identity import delivery_id
from hunar.domain.notification import SLOTS
from hunar.domain.sms_text import LOCALES
from hunar.domain.text_kinds import FORMS
from hunar.marketplaces import amazon, flipkart, standard
from hunar.messages import (
    BATCH_COMMAND,
    NOTIFICATION,
    ORDER_EVENT,
    PAYOUT_COMMAND,
    ApiAnswer,
    Digest,
    Fetch,
    ListingMapped,
    Notify,
    Remind,
    SmsNews,
    StockAct,
    Tell,
    WebhookDelivery,
)
from hunar.ports import Accepted, Conflict, Put, QueueName, Retryable, SmsAnswer, SmsRequest
from hunar.tables import Item, Table
from hunar.use_cases import apply, close_period, notify, obey_batches, record_receipt, remind, sending, tell
from hunar.use_cases.book import obey
from hunar.use_cases.relay import relay
from hunar.use_cases.retry import retried
from hunar.use_cases.settle import Desk as BookingDesk
from hunar.use_cases.sweep import Desk as SweepDesk
from hunar.use_cases.sweep import Swept, sweep
from tests import sms_news
from tests.book import POLICY

MARKETPLACES = {"amazon": amazon, "flipkart": flipkart, "standard": standard}
START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
REGISTERED = {
    locale: [
        Put(
            tables.dlt_template(form, locale),
            {
                "kind": form,
                "locale": locale,
                "template_id": f"100700000000000{language:02}{number:02}",
                "version": 1,
                "provider_template": None,
            },
        )
        for number, form in enumerate(FORMS)
    ]
    for language, locale in enumerate(LOCALES)
}
"""The approved texts by language, made once: the simulation builds a world for every schedule."""
SWEEP_EVERY = timedelta(minutes=5)


class Crash(Exception):
    """A worker was stopped. What it had done stands, what it meant to do was not done."""


class Phones:
    """The phone network: it takes every text unless the test has put other answers before it."""

    def __init__(self) -> None:
        self.texts: list[SmsRequest] = []
        self.answers: Iterator[SmsAnswer] = iter(())
        self.before_answer: Callable[[], None] = lambda: None

    def send(self, request: SmsRequest) -> SmsAnswer:
        answer = next(self.answers, Accepted(f"sms-{len(self.texts)}"))
        if isinstance(answer, Accepted):
            self.texts.append(request)
        self.before_answer()
        return answer

    def to(self, group_id: str) -> list[tuple[str, str]]:
        """Kind and text of all that the group's leader got."""
        return [(text.kind, text.text) for text in self.texts if text.to == phone(group_id)]


def phone(group_id: str, slot: str = "leader") -> str:
    """Each contact of a group has a number of her own: the leader's ends in 000 and the group's."""
    return f"+9199999{SLOTS.index(slot)}00{group_id.removeprefix('G')}"


class World:
    """``shuffle`` mixes what waits in the queues, ``twice`` delivers each message again.

    ``rivals`` lets another worker finish a message of its own between a reading and its transaction.
    The marketplaces of ``api_accounts`` can be asked, so what nobody signed is a claim for them.
    ``crashes`` stops a worker before or after a write, a sending to a queue or a text.
    """

    def __init__(
        self,
        *,
        shuffle: random.Random | None = None,
        twice: bool = False,
        rivals: random.Random | None = None,
        crashes: random.Random | None = None,
        api_accounts: Iterable[str] = (),
    ) -> None:
        self.store = MemoryStore() if rivals is None else _WithRivals(self, rivals)
        self.queues = MemoryQueues()
        self._api_accounts = frozenset(("flipkart", account) for account in api_accounts)
        self.asked: list[str] = []
        """Orders about which the marketplace was asked. It never answers by itself."""
        self._crashes = crashes
        self.phones = Phones()
        self.receipts = False
        """Whether the provider is to say later if a text arrived."""
        self.parts_a_day = 2000
        self.tells: list[Tell] = []
        """Texts that say what they say whatever else a group was told, each time that their message came."""
        self.time = START
        self._shuffle = shuffle
        self._twice = twice
        self._relayed = 0
        self._working = 0
        self._pool: list[tuple[QueueName, str]] = []
        self._later: list[tuple[datetime, int, QueueName, str]] = []
        self._numbers = itertools.count()
        self.crashed = 0
        if crashes is not None:
            self.breaks("commit", self.store)
            self.breaks("send", self.queues)
            self.breaks("send", self.phones)

    def breaks(self, name: str, part: Any) -> None:
        """From now on a call of the part may be the last thing that its worker did, or almost did."""
        call = getattr(part, name)

        def breaking(*arguments: Any, **named: Any) -> Any:
            if self._breaks():
                raise Crash(f"before {name}")
            answer = call(*arguments, **named)
            if self._breaks():
                raise Crash(f"after {name}")
            return answer

        setattr(part, name, breaking)

    def _breaks(self) -> bool:
        """Only a worker crashes, not the test that prepares the world."""
        if not self._working or self._crashes is None or self._crashes.random() >= 0.04:
            return False
        self.crashed += 1
        return True

    @property
    def now(self) -> str:
        return instant(self.time)

    # what comes in

    def post(self, message: dict[str, Any] | bytes, account: str = "demo", *, readable: bool = True) -> str:
        """A proved webhook. Returns its delivery id."""
        raw = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
        identity = delivery_id("flipkart", account, raw)
        webhook = WebhookDelivery(
            marketplace="flipkart",
            account=account,
            delivery_id=identity,
            received_at=self.now,
            body_b64=base64.b64encode(raw).decode(),
            readable=readable,
        )
        self.queues.send(QueueName.ORDER_EVENTS, [webhook.model_dump_json()])
        return identity

    def answer(self, raw: bytes, account: str = "demo", marketplace: str = "flipkart") -> None:
        """What a marketplace's API told of one order."""
        told = ApiAnswer(
            marketplace=marketplace,
            account=account,
            delivery_id=delivery_id(marketplace, account, raw),
            received_at=self.now,
            body_b64=base64.b64encode(raw).decode(),
        )
        self.queues.send(QueueName.ORDER_EVENTS, [told.model_dump_json()])

    def receipt(self, notification_id: str | None, state: str, *, final: bool | None = None, **said: Any) -> None:
        """What the provider reports of a text. A delivery and a failure are final unless ``final`` says otherwise."""
        ends = state != "SENT" if final is None else final
        self.queues.send(
            QueueName.SMS_RECEIPTS,
            [sms_news.report(notification_id, state, final=ends, **{"at": self.now} | said)],
        )

    def reply(self, phone: str, text: str = "", *, at: str | None = None, account: str = "main") -> None:
        """A missed call (no text) or a reply to a number of ours at another provider, as the door puts it on."""
        raw = sms_news.answer(phone, text, at=at or self.now, reply_id=f"reply-{next(self._numbers)}").encode()
        news = SmsNews(
            provider="exotel", account=account, received_at=self.now, body_b64=base64.b64encode(raw).decode()
        )
        self.queues.send(QueueName.SMS_RECEIPTS, [news.model_dump_json()])

    def count_in(self, sku: str, quantity: int, act_id: str = "first") -> None:
        act = StockAct(act_id=act_id, sku=sku, quantity=quantity, at=self.now)
        self.queues.send(QueueName.ORDER_EVENTS, [act.model_dump_json()])

    def group(
        self,
        group_id: str,
        locale: str = "hi",
        *,
        basis: str = "SALE_SHARE",
        manners: Mapping[str, Any] | None = None,
        slots: Sequence[str] = ("leader",),
    ) -> None:
        """Without ``manners`` it has neither quiet hours nor digests, so that each text comes when it is owed."""
        policy = POLICY | {"from": "2026-01-01", "payout_basis": basis}
        agency = {"name": "Demo", "dlt_entity_id": "1001234567890123456", "sender_id": "HUNARS", "demo": True}
        at_once = {"quiet": "", "digest_minutes": 0, "texts_a_day": 10_000, "amounts": True}
        puts = [
            Put(tables.agency(), agency),
            Put(
                tables.group(group_id),
                {
                    "group_id": group_id,
                    "name": group_id,
                    "city": "Here",
                    "locale": locale,
                    "policies": [policy],
                    "manners": at_once if manners is None else dict(manners),
                },
            ),
        ]
        for slot in slots:
            contact = {"group_id": group_id, "slot": slot, "name": slot, "phone": phone(group_id, slot)}
            puts.append(Put(tables.contact(group_id, slot), contact))
        self.store.commit(puts + REGISTERED[locale])

    def product(
        self, sku: str, group_id: str, name: str, *, listed: bool = True, stock: int = 0, low_at: int | None = None
    ) -> None:
        names = dict.fromkeys(("en", "hi", "bn", "ta"), name)
        item: Item = {"sku": sku, "group_id": group_id, "hsn": "6214", "names": names, "piece_price_paise": None}
        item["low_at"] = low_at
        self.store.commit([Put(tables.product(sku), item)])
        if listed:
            self.map_listing(sku, group_id)
        if stock:
            self.count_in(sku, stock)

    def remind_nobody(self, days: int = 60) -> None:
        """The groups were reminded already, for so long: what else the sweep sends can be counted."""
        for number in range(days):
            day = (START + timedelta(days=number)).date().isoformat()
            self.store.commit([Put(tables.reminded(day), {"day": day, "low_stock": {}})])

    def map_listing(self, sku: str, group_id: str) -> None:
        """The mapping as the import writes it, and the message that it sends."""
        terms = {
            "from": "2026-01-01",
            "sku": sku,
            "group_id": group_id,
            "fulfilment_mode": "GROUP_PACKS",
            "payout_basis": "SALE_SHARE",
            "policy_version": 1,
            "hsn": "6214",
            "piece_price_paise": None,
        }
        listing = {"marketplace": "flipkart", "account": "demo", "listing": sku, "resolutions": [terms]}
        listing["mappings"] = [{"from": "2026-01-01", "sku": sku}]
        self.store.commit([Put(tables.listing("flipkart", "demo", sku), listing)])
        mapped = ListingMapped(marketplace="flipkart", account="demo", listing=sku, at=self.now)
        self.queues.send(QueueName.ORDER_EVENTS, [mapped.model_dump_json()])

    # what happens

    def settle(self, *, patience: timedelta = timedelta(minutes=2), sweeping: bool = False) -> None:
        """Work until nothing is left to do now or within ``patience``; the clock moves to what is due.

        ``sweeping``: the sweep runs every five minutes meanwhile, and the clock moves to the end.
        """
        until = self.time + patience
        sweep_at = self.time + SWEEP_EVERY
        while True:
            self.relay()
            self._pool += self._due()
            if not self._pool:
                soon = [due for due, *_ in self._later if due <= until]
                if sweeping and sweep_at <= until:
                    soon.append(sweep_at)
                if not soon:
                    if self._relayed < len(self.store.changes):
                        continue
                    self.time = until if sweeping else self.time
                    return
                self.time = max(self.time, min(soon))
                if sweeping and self.time >= sweep_at:
                    self.sweep()
                    sweep_at += SWEEP_EVERY
                continue
            if self._shuffle:
                self._shuffle.shuffle(self._pool)
            while self._pool:
                queue, body = self._pool.pop(0)
                for _ in range(2 if self._twice else 1):
                    self._attempt(queue, body)

    def sweep(self, at: datetime | None = None) -> Swept:
        """What is due now, or at ``at``, goes to the queues."""
        return sweep(SweepDesk(self.store, self.queues), instant(at or self.time))

    def lose_stream(self) -> None:
        """What was written since the streams were relayed last is never relayed."""
        self._relayed = len(self.store.changes)

    def lose_messages(self) -> int:
        """Everything that lies in the queues is gone. Returns how many messages."""
        lost = [*self._pool, *self._later, *(body for queue in QueueName for body in self.queues.taken(queue))]
        self._pool, self._later = [], []
        return len(lost)

    def work_off(self, queue: QueueName) -> list[str]:
        """The messages that lie in the queue now, and nothing that they bring about. Returns the outcomes."""
        return [self.work(queue, body) for body, _ in self.queues.taken(queue)]

    def relay(self) -> None:
        changes = self.store.changes[self._relayed :]
        self._relayed += len(changes)
        images = [item for key, item in changes if key.table in (Table.ORDERS, Table.STOCK) and item.get("outbox")]
        self._working += 1
        try:
            relay(images, self.queues)
        except Crash:
            # The stream brings the batch again.
            self._relayed -= len(changes)
        finally:
            self._working -= 1

    def booking(self) -> BookingDesk:
        """What booking money needs. Flipkart signs no body: of an account without an API nothing is sure."""
        accounts = self._api_accounts
        return BookingDesk(
            self.store, self.queues, self.now, lambda *whose: whose[0] != "flipkart" or whose in accounts
        )

    def work(self, queue: QueueName, body: str) -> str:
        """One message through its use case. Returns the outcome."""
        if queue is QueueName.NOTIFICATIONS:
            return self._notification(body)
        if queue is QueueName.PAYOUTS:
            return " ".join(obey(self.booking(), PAYOUT_COMMAND.validate_json(body), self._again))
        if queue is QueueName.PAYOUT_BATCHES:
            closing = close_period.Desk(self.store, self.queues, self.now, self._again)
            return obey_batches.obey(closing, BATCH_COMMAND.validate_json(body))
        if queue is QueueName.STOCK_FEED:
            return "nobody is told"
        if queue is QueueName.FETCHES:
            self.asked.append(Fetch.model_validate_json(body).order_ref)
            return "no answer"
        if queue is QueueName.SMS_RECEIPTS:
            hearing = record_receipt.Desk(self.store, self.now, self._again, sms_news.read)
            return " ".join(record_receipt.record_news(hearing, body))
        desk = apply.Desk(self.store, self.now, self._again, self._api_accounts)
        message = ORDER_EVENT.validate_json(body)
        return apply.apply(desk, message, MARKETPLACES)

    def _notification(self, body: str) -> str:
        match NOTIFICATION.validate_json(body):
            case Notify() as message:
                return notify.notify(self.sending_desk(), message).value
            case Tell() as message:
                self.tells.append(message)
                return tell.tell(self.sending_desk(), message).value
            case Digest() as message:
                return notify.look_again(self.sending_desk(), message).value
            case Remind() as message:
                return f"{remind.remind(remind.Desk(self.store, self.queues, self.now), message)} reminders"

    def sending_desk(self) -> sending.Desk:
        return sending.Desk(
            store=self.store,
            queues=self.queues,
            sms=self.phones,
            languages=sms_templates.language,
            production=False,
            claimant=f"receipt-{next(self._numbers)}",
            now=self.now,
            again=self._again,
            receipts=self.receipts,
            parts_a_day=self.parts_a_day,
        )

    # what is true

    def stock(self, sku: str) -> Item:
        return self.store.read([tables.stock(sku)])[tables.stock(sku)]

    def order(self, shipment: str, account: str = "demo") -> Item:
        key = tables.order(f"flipkart:{account}:{shipment}")
        return self.store.read([key])[key]

    def items(self, table: Table) -> list[Item]:
        """Of Notifications the texts alone, not what is remembered beside them."""
        return [
            item
            for key, item in sorted(self.store.everything().items())
            if key.table is table and (table is not Table.NOTIFICATIONS or key.sk == "NOTIFICATION")
        ]

    def notifications(self) -> list[Item]:
        """The texts."""
        return self.items(Table.NOTIFICATIONS)

    def exceptions(self, *, closed: bool = False) -> list[str]:
        """The kinds that stand open (or closed), sorted."""
        return sorted(item["kind"] for item in self.items(Table.EXCEPTIONS) if bool(item["closed_at"]) is closed)

    def let_a_rival_work(self) -> None:
        """Another worker takes a waiting message and finishes it."""
        if self._pool:
            self._attempt(*self._pool.pop())

    def _attempt(self, queue: QueueName, body: str) -> None:
        """Like the queue: what may work later comes again."""
        self._working += 1
        try:
            self.work(queue, body)
        except (Retryable, Crash):
            self._later.append((self.time + timedelta(seconds=5), next(self._numbers), queue, body))
        finally:
            self._working -= 1

    def _again(self, action: Callable[[], Any]) -> Any:
        return retried(action, pause=lambda _: None, random=lambda: 0.5)

    def _due(self) -> list[tuple[QueueName, str]]:
        for queue in QueueName:
            for body, delay in self.queues.taken(queue):
                self._later.append((self.time + timedelta(seconds=delay), next(self._numbers), queue, body))
        due = sorted(entry for entry in self._later if entry[0] <= self.time)
        self._later = [entry for entry in self._later if entry[0] > self.time]
        return [(queue, body) for _, _, queue, body in due]


class _WithRivals(MemoryStore):
    def __init__(self, world: World, rivals: random.Random) -> None:
        super().__init__()
        self._world = world
        self._rivals = rivals
        self._depth = 0
        self.met = 0

    def commit(self, puts: Sequence[Put]) -> None:
        if self._depth < 3 and self._rivals.random() < 0.4:
            self._depth += 1
            self._world.let_a_rival_work()
            self._depth -= 1
        try:
            super().commit(puts)
        except Conflict:
            self.met += 1
            raise
