"""What must be true where a marketplace can be asked and told: at each moment (``ChannelWatch``), and in the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from hunar.domain.channel import Call
from hunar.domain.facts import Denied, moment
from hunar.domain.order import knowledge, read
from hunar.marketplaces.flipkart_api import RATES
from hunar.ports import SmsRequest
from hunar.tables import Item, Key, Table
from tests.simulation import promises
from tests.simulation.inputs import GROUP_OF, PRICE, Input
from tests.simulation.marketplace import ACCOUNTS, EVENTS, Message, Shipment
from tests.simulation.paper import SHOWN, Paper, PaperLine, PaperOrder, PaperReturn, line_state, order_state
from tests.simulation.promises import Broken, Watch
from tests.world import phone

if TYPE_CHECKING:
    from tests.simulation.channels import Trading
    from tests.simulation.workers import Worker

PATIENCE: Final = 599.0
"""Seconds that a text waits for the marketplace's word: ten minutes by a clock without fractions."""
NEVER_LEFT: Final = ("FETCH_FAILED", "CATCH_UP_FAILED", "STOCK_REFUSED", "CHANNEL_DIFFERS", "NOT_PUBLISHABLE")
"""Kinds of exceptions that close by themselves once the marketplace answers again."""


class ChannelWatch(Watch):
    """Looks at each write, call, number and text at the moment at which it happens."""

    def __init__(self, world: Trading) -> None:
        super().__init__(Paper({}, {}, {}, {}))
        self._world = world
        self._order_of: dict[str, str] = {}
        """The order of each notification."""
        self._came: dict[str, float] = {}
        """When the first message about a shipment came, in virtual seconds."""
        self._true: set[str] = set()
        """Shipments of which a message came that the marketplace sent."""
        self._renamed: set[str] = set()
        """Shipments that were announced by nobody knows whom as another product, or too early."""
        self._lies: dict[str, list[float]] = defaultdict(list)
        """When forged messages about a shipment came."""
        self._offered: dict[str, list[int]] = defaultdict(lambda: [0])
        """The numbers that channels could be told of a product, one after the other."""
        self._calls: dict[tuple[str, str], list[float]] = defaultdict(list)

        self._has: dict[str, Counter[str]] = defaultdict(Counter)
        """By order and line: units that it had at last."""

    # what is noted

    def came(self, message: Message, *, forged: bool) -> None:
        name = message.get("shipmentId") or message["returnId"][2:]
        self._came.setdefault(name, self._world.seconds)
        if not forged:
            self._true.add(name)
            return
        self._lies[name].append(self._world.seconds)
        shipment = self._world.market.shipments.get(name)
        for said in message["attributes"].get("orderItems", ()) if message["eventType"] == "shipment_created" else ():
            line = shipment.lines.get(said["orderItemId"]) if shipment else None
            if line is None or line.sku != said["sku"]:
                self._renamed.add(name)

    def lied_about(self, shipment: str) -> bool:
        return shipment in self._lies

    def looks_at_the_clock(self, worker: Worker) -> None:
        worker.noted["clock"] = self._world.seconds

    def begins_to_tell(self, worker: Worker, sku: str) -> None:
        worker.noted["tells"] = (sku, len(self._offered[sku]) - 1)

    # what is looked at

    def _look(self, written: Sequence[tuple[Key, Item]]) -> None:
        super()._look(written)
        for key, item in written:
            if key.table is Table.STOCK and key.sk == "STOCK":
                self._offered[key.pk].append(max(0, item["available"] - item["buffer"]))
            elif key.table is Table.ORDERS and key.sk == "ORDER":
                self._takes(item)
                self._has[item["order_ref"]] = _units(item)
            elif key.table is Table.NOTIFICATIONS and key.sk == "NOTIFICATION":
                self._order_of[key.pk] = item["order_ref"]
            elif key.table is Table.LEDGER and "postings" in item:
                self._pays(item)
            elif key.table is Table.CHANNELS and key.pk.startswith("ALLOWANCE#") and self._world.working:
                # An allowance is taken for the moment at which its taker looked at the clock.
                noted = self._world.worker.noted
                noted["allowance"] = noted["clock"]

    def _takes(self, order: Item) -> None:
        """What a line has, while the marketplace says that it is sold: no forged message frees or takes it."""
        name = promises.shipment_of(order["order_ref"])
        shipment = self._world.market.shipments.get(name)
        for line in order["applied"].values():
            if line["consumed"] and not (shipment and shipment.left):
                raise Broken("no goods leave the shelf on a claim", f"{order['order_ref']}: {line}")
        before, has = self._has[order["order_ref"]], _units(order)
        # Of a shipment that nobody true has told of, only a forged message can have taken units before it was denied.
        # And of two announcements that name two products, the one that is dated last holds until somebody is asked.
        told = name not in self._renamed and (name in self._true or name in self._world.market.heard)
        # A marketplace that answers from an old copy five times in five minutes has denied what is true.
        told = told and '"fact":"denied"' not in order["knowledge"]
        for line_id, true in shipment.lines.items() if shipment and told else ():
            if has[line_id] < min(before[line_id], true.open):
                text = f"{order['order_ref']} line {line_id} has {has[line_id]} units, sold are {true.open}"
                raise Broken("no unit is freed on a claim", text)

    def _pays(self, entry: Item) -> None:
        shipment = self._world.market.shipments.get(promises.shipment_of(entry["order_ref"]))
        if shipment is None or shipment.status != "DELIVERED":
            raise Broken("nothing is paid on a claim", f"{entry['order_ref']}: {entry['postings']}")

    def _age(self, order_ref: str, line_id: str) -> tuple[Any, str] | None:
        name = promises.shipment_of(order_ref)
        shipment = self._world.market.shipments.get(name)
        # A forged announcement can have given it another place among those that wait.
        return (shipment.sold_at, order_ref) if shipment and not self.lied_about(name) else None

    def _owed_for_nothing(self, before: Item | None, after: Item) -> bool:
        # Ten minutes after the marketplace was asked in vain, a text is owed though nothing new is known.
        asked = [moment(effect["at"]) for effect in after["owed"].values() if effect["kind"] == "FETCH"]
        waited = any((self._world.time - at).total_seconds() >= PATIENCE for at in asked)
        return not waited and super()._owed_for_nothing(before, after)

    def calls(self, worker: Worker, account: str, call: Call) -> None:
        """Every call has an allowance of its own, and of these there are never more than the rate allows."""
        taken = worker.noted.pop("allowance", None)
        if taken is None:
            self._breaks("no call without an allowance", f"{account} {call.operation}")
            return
        rate, times = RATES[call.operation], self._calls[account, call.operation]
        times.append(taken)
        times.sort()
        for number, since in enumerate(times):
            made = len(times) - number
            if made > rate.burst + round((times[-1] - since) * 1000) / rate.every_ms:
                text = f"{account} {call.operation}: {made} calls in {times[-1] - since} s"
                self._breaks("no operation is called more often than its rate allows", text)
                return

    def was_told(self, worker: Worker, account: str, listing: str, units: int) -> None:
        sku, since = worker.noted["tells"]
        held = self._offered[sku][since:]
        if sku != listing or units not in held:
            text = f"{account} {listing} was told {units}; since the message began there were {held}"
            self._breaks("no channel is told more than is free without the buffer", text)

    def is_sent(self, request: SmsRequest) -> None:
        """A text says what the marketplace confirmed, or what it did not deny for ten minutes."""
        name, now = promises.shipment_of(self._order_of[request.notification_id]), self._world.seconds
        shipment = self._world.market.shipments.get(name)
        old_lie = any(now - at >= PATIENCE for at in self._lies.get(name, ()))
        confirmed = name in self._world.market.heard or now - self._came.get(name, now) >= PATIENCE
        if request.kind == "CANCELLED":
            confirmed = confirmed and bool(shipment and any(line.cancelled for line in shipment.lines.values()))
        if not (confirmed and shipment) and not old_lie:
            self._breaks("no text before it is confirmed", f"{name}: {request.kind} {request.text}")

    def _breaks(self, promise: str, text: str) -> None:
        self.broken = self.broken or Broken(promise, text)

    # what is true in the end

    def told_last(self) -> None:
        """By day: the number that each channel was told last holds."""
        for sku, numbers in self._offered.items():
            if len(numbers) == 1:
                continue
            for account in ACCOUNTS:
                told = self._world.market.told.get((account, sku))
                if told != numbers[-1]:
                    raise Broken("the number that a channel was told last holds", f"{account} {sku}: {told}, {numbers}")

    def shown(self) -> None:
        """After the night: each channel shows what is free without the buffer."""
        if self.broken:
            raise self.broken
        for sku, numbers in self._offered.items():
            for account in ACCOUNTS if len(numbers) > 1 else ():
                shows = self._world.market.shows(account)[sku]
                if shows != numbers[-1]:
                    raise Broken("each channel shows what is free", f"{account} {sku} shows {shows}, {numbers}")
        _nothing_left(self._world.store.everything())


def check(world: Trading, acknowledged: Iterable[str], inputs: Iterable[Input]) -> None:
    """All that must be true when the marketplace has told everything. Raises Broken."""
    found = world.store.everything()
    paper = written(world, inputs)
    _known(world, found)
    promises.check(world, acknowledged, paper, None)
    _first_texts(world, found)
    _denied(world, found)
    _nothing_left(found)
    world.promises.told_last()


def written(world: Trading, inputs: Iterable[Input]) -> Paper:
    """The truth on paper, with orders that never were for the forged messages about others."""
    paper = Paper({}, defaultdict(int), {}, {})
    for shipment in world.market.shipments.values():
        paper.orders[shipment.shipment] = _order(shipment)
        paper.orders[shipment.shipment].lied_about = world.promises.lied_about(shipment.shipment)
    for each in inputs:
        if each.kind == "forged" and each.what["shipment"] not in paper.orders:
            paper.orders[each.what["shipment"]] = PaperOrder("UNKNOWN", {}, False, False)
        if each.kind == "shelf" and each.what["act"] == "adjust":
            paper.counted[each.what["sku"]] += each.what["quantity"]
    buffers = [each for each in inputs if each.kind == "shelf" and each.what["act"] == "buffer"]
    for each in sorted(buffers, key=lambda each: each.when):
        paper.buffers[each.what["sku"]] = each.what["quantity"]
    return paper


def _order(shipment: Shipment) -> PaperOrder:
    event = EVENTS.get(shipment.status)
    shown = SHOWN[f"shipment_{event}"] if event else "PLACED"
    lines = {}
    for line_id, true in shipment.lines.items():
        counted = shipment.counts_all or not true.open
        units, gone = (true.units, true.cancelled) if counted else (true.open, 0)
        line = PaperLine(true.sku, units, shipment.sold_at, round(PRICE[true.sku] * 100), known=True, cancelled=gone)
        line.returned = true.returned
        line.held = line.open if shipment.held and not shipment.left else 0
        line.state = line_state(line, shown)
        lines[line_id] = line
    returns = {
        return_id: PaperReturn(entry["orderItemId"], entry["quantity"], called_off=False)
        for return_id, entry in shipment.returns.items()
    }
    return PaperOrder(order_state(lines, shown), lines, shipment.left, shipment.status == "DELIVERED", returns)


def _units(order: Item) -> Counter[str]:
    """By line: units that it has of a shelf, or waits for, or took from one."""
    has: Counter[str] = Counter()
    for name, line in order["applied"].items():
        has[name.split(" ")[0]] += line["reserved"] + line["short"] + line["consumed"]
    return has


def _orders(found: dict[Key, Item]) -> dict[str, Item]:
    return {
        promises.shipment_of(item["order_ref"]): item
        for key, item in found.items()
        if key.table is Table.ORDERS and key.sk == "ORDER"
    }


def _known(world: Trading, found: dict[Key, Item]) -> None:
    orders = _orders(found)
    if lost := sorted(world.market.shipments.keys() - orders.keys()):
        raise Broken("every shipment is known in the end", f"{lost} are not")
    for name, order in orders.items():
        if pending := read(knowledge(order)).pending:
            raise Broken("no claim stays open", f"{name}: {pending}")


def _first_texts(world: Trading, found: dict[Key, Item]) -> None:
    """Each group hears of an order once, and of one that is still to be sent in any case."""
    records = {key.pk: item for key, item in found.items() if key.sk == "NOTIFICATION"}
    # The same text may go twice when nobody knew whether it went.
    texts = Counter(
        (promises.shipment_of(records[identity]["order_ref"]), to)
        for identity, to in {(text.notification_id, text.to) for text in world.phones.texts if text.kind == "NEW_ORDER"}
    )
    unclear = {promises.shipment_of(item["order_ref"]) for item in records.values() if item["status"] == "UNKNOWN"}
    for name, order in _orders(found).items():
        doubted = any(isinstance(fact, Denied) for fact in knowledge(order))
        if name in unclear or world.promises.lied_about(name) or doubted:
            continue
        shipment = world.market.shipments[name]
        for group_id in sorted(set(GROUP_OF.values())):
            heard = texts[name, phone(group_id)]
            open_units = sum(line.open for line in shipment.lines.values() if GROUP_OF[line.sku] == group_id)
            must = bool(open_units) and not shipment.left and not shipment.held
            if heard > 1 or (must and not heard):
                raise Broken("one NEW_ORDER for each order and group", f"{name} {group_id}: {heard}")


def _denied(world: Trading, found: dict[Key, Item]) -> None:
    """Nothing true is called false."""
    for item in found.values():
        if item.get("closed_at", "") is None and item.get("kind") in ("CLAIM_DENIED", "UNKNOWN_SHIPMENT"):
            name = promises.shipment_of(item["order_ref"])
            shipment = world.market.shipments.get(name)
            cut = shipment and any(line.cancelled for line in shipment.lines.values()) and not shipment.counts_all
            # Where only what is left is counted, an announcement of more looks false.
            if not world.promises.lied_about(name) and not cut:
                raise Broken("nothing true is called false", f"{item['kind']}: {item['message']}")


def _nothing_left(found: dict[Key, Item]) -> None:
    left = [
        f"{item['kind']}: {item['message']}"
        for key, item in found.items()
        if key.table is Table.EXCEPTIONS and item["closed_at"] is None and item["kind"] in NEVER_LEFT
    ]
    if left:
        raise Broken("what works again needs no person", str(left))
