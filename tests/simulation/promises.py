"""What must be true: at every write (``Watch``), and when all is done (``check``).

Three oracles: ``paper.py`` reads the inputs a second time and says what each order and each SKU must
come to; a clean run of the same inputs, in their own order and without a fault, says what each
account must hold and what is known of each order, byte for byte.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from hunar import tables
from hunar.domain.order import knowledge, read
from hunar.tables import Item, Key, Table
from tests.simulation import text_promises
from tests.simulation.broken import Broken, shipment_of
from tests.simulation.inputs import GROUP_OF
from tests.simulation.paper import Paper
from tests.simulation.text_promises import TEXTS, TextWatch
from tests.simulation.workers import Simulation

COUNTERS: Final = ("on_hand", "available", "reserved", "short", "uncounted")
OF_FACTS: Final = frozenset(TEXTS) - {"SERVED"}
"""Texts that are owed for what is newly known; units that came are told without it."""
BY_THE_ORDER_ALONE: Final = (
    "EXCESS_CANCELLATION", "LATE_CANCELLATION", "PRICE_UNCLEAR", "UNKNOWN_SHIPMENT", "UNKNOWN_LISTING",
    "UNKNOWN_EVENT", "UNREADABLE", "BAD_LINE", "WAITING_FACT", "EXCESS_RETURN", "TO_INSPECT", "CONTRADICTION",
    "FORM_FAILED", "FAIR_MISCOUNT", "UNKNOWN_MESSAGE",
)  # fmt: skip
"""Kinds of exceptions that no arrival decides."""


class Watch:
    """Looks at each write at the moment at which it happens."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._stock: dict[str, Item] = {}
        self._orders: dict[str, Item] = {}
        self.texts = TextWatch()
        self.broken: Broken | None = None

    def __call__(self, written: Sequence[tuple[Key, Item]]) -> None:
        """``written`` is what one transaction, or one single write, has put there."""
        try:
            self._look(written)
        except Broken as broken:
            self.broken = self.broken or broken

    def _look(self, written: Sequence[tuple[Key, Item]]) -> None:
        skus = set()
        orders = []
        for key, item in written:
            if key.table is Table.STOCK and key.sk == "STOCK":
                self._counters(item)
                self._stock[key.pk] = item
                skus.add(key.pk)
            elif key.table is Table.ORDERS and key.sk == "ORDER":
                before = self._orders.get(key.pk)
                orders.append((before, item))
                skus.update(line["sku"] for line in item["applied"].values())
                if before:
                    skus.update(line["sku"] for line in before["applied"].values())
            elif key.sk == "NOTIFICATION":
                self.texts.written(item)
        for before, after in orders:
            if before:
                self._kept(before, after)
            self._served(before, after)
            self._owed(before, after)
            self._orders[after["order_ref"]] = after
        for sku in skus:
            self._sums(sku)

    def _counters(self, stock: Item) -> None:
        sku = stock["sku"]
        if stock["on_hand"] != stock["available"] + stock["reserved"]:
            raise Broken("on_hand = available + reserved", f"{sku}: {stock}")
        if min(stock[name] for name in COUNTERS) < 0:
            raise Broken("nothing negative", f"{sku}: {stock}")
        if stock["available"] and stock["uncounted"]:
            raise Broken("what comes first settles what left uncounted", f"{sku}: {stock}")

    def _sums(self, sku: str) -> None:
        stock = self._stock.get(sku)
        lines = [line for order in self._orders.values() for line in order["applied"].values() if line["sku"] == sku]
        for name in ("reserved", "short"):
            applied = sum(line[name] for line in lines)
            there = stock[name] if stock else 0
            if applied != there:
                raise Broken("Σ applied = stock", f"{sku}: orders have {applied} {name}, the shelf says {there}")

    def _kept(self, before: Item, after: Item) -> None:
        """What a line has reserved falls only for what is newly known of its own order."""
        if before["knowledge"] != after["knowledge"] or before["unfinished"]:
            return
        for line_id, line in before["applied"].items():
            now = after["applied"].get(line_id)
            if (now["reserved"] if now else 0) < line["reserved"]:
                text = f"{after['order_ref']} line {line_id}: {line} became {now}"
                raise Broken("a reservation given is not taken away", text)

    def _served(self, before: Item | None, after: Item) -> None:
        """Nobody gets units of a SKU while an older line of another order waits for it."""
        for line_id, line in after["applied"].items():
            was = before["applied"].get(line_id) if before else None
            if line["reserved"] <= (was["reserved"] if was and was["sku"] == line["sku"] else 0):
                continue
            me = self._age(after["order_ref"], line_id)
            for other_ref, other in self._orders.items():
                for other_id, waits in other["applied"].items():
                    if other_ref == after["order_ref"] or waits["sku"] != line["sku"] or not waits["short"]:
                        continue
                    if (age := self._age(other_ref, other_id)) and me and age < me:
                        text = f"{line['sku']}: {after['order_ref']} line {line_id} before {other_ref} line {other_id}"
                        raise Broken("the oldest short line is served first", text)

    def _age(self, order_ref: str, line_id: str) -> tuple[Any, str] | None:
        order = self._paper.orders.get(shipment_of(order_ref))
        line = order.lines.get(line_id.split(" ")[0]) if order else None
        return (line.sold_at, order_ref) if line else None

    def _owed(self, before: Item | None, after: Item) -> None:
        """One fact never owes two texts to a contact."""
        old = before["owed"] if before else {}
        new = [effect for identity, effect in after["owed"].items() if identity not in old]
        texts = Counter((effect["group_id"], effect["kind"]) for effect in new if effect["kind"] in TEXTS)
        if any(count > 1 for count in texts.values()):
            raise Broken("one fact never owes two texts", f"{after['order_ref']}: {texts}")
        of_facts = [about for about in texts if about[1] in OF_FACTS]
        if of_facts and self._owed_for_nothing(before, after):
            raise Broken("one fact never owes two texts", f"{after['order_ref']} learned nothing and owes {of_facts}")

    def _owed_for_nothing(self, before: Item | None, after: Item) -> bool:
        """Whether nothing happened for which a text of facts could be owed."""
        return before is not None and before["knowledge"] == after["knowledge"] and not before["unfinished"]


def check(world: Simulation, acknowledged: Iterable[str], paper: Paper, clean: Simulation | None) -> None:
    """All that must be true when nothing is left to do. Raises Broken. Without ``clean`` no comparison is made."""
    found = world.store.everything()
    _orders(found, paper)
    _shelves(found, paper)
    _queue_of_lines(found)
    _findable(found, acknowledged)
    _ledger(found, paper)
    text_promises.check(world, found, paper, world.watch.texts)
    _told_apart(world, found, paper)
    _worklist(found)
    if clean is not None:
        _as_clean(found, clean.store.everything())


def _of(found: dict[Key, Item], table: Table, sk: str | None = None) -> list[Item]:
    return [item for key, item in found.items() if key.table is table and (sk is None or key.sk == sk)]


def _orders(found: dict[Key, Item], paper: Paper) -> None:
    """Per order: state and quantities as on paper."""
    live = {shipment_of(item["order_ref"]): item for item in _of(found, Table.ORDERS, "ORDER")}
    if set(live) != set(paper.orders):
        raise Broken("each order is as on paper", f"there are {sorted(live)}, on paper {sorted(paper.orders)}")
    for shipment, there in live.items():
        order, hand = read(knowledge(there)), paper.orders[shipment]
        said = {line.line_id: _told(line) for line in order.lines}
        wanted = {line_id: _told(line) for line_id, line in hand.lines.items()}
        if (order.state, said) != (hand.state, wanted):
            text = f"{shipment} is {order.state} {said}, on paper {hand.state} {wanted}"
            raise Broken("each order is as on paper", text)
        has = {
            line_id: (line["sku"], line["reserved"] + line["short"], line["consumed"], line["restocked"])
            for line_id, line in there["applied"].items()
            if line_id in hand.lines or line["reserved"] or line["short"] or line["consumed"] or line["restocked"]
        }
        should = {
            line_id: (line.sku, paper.hold(shipment, line_id), paper.gone(shipment, line_id), line.good)
            for line_id, line in hand.lines.items()
            if line.known
        }
        if has != should:
            raise Broken("each order is as on paper", f"{shipment} has {has}, on paper {should}")
        if there["unfinished"]:
            raise Broken("each order is as on paper", f"{shipment} is not finished")


def _told(line: Any) -> tuple[Any, ...]:
    return (
        line.state,
        *(getattr(line, name) for name in ("quantity", "cancelled", "held", "returned", "good", "lost")),
    )


def _shelves(found: dict[Key, Item], paper: Paper) -> None:
    """Per SKU: free units and missing units, from the inputs alone."""
    stocks = {item["sku"]: item for item in _of(found, Table.STOCK, "STOCK")}
    for sku in GROUP_OF:
        stock = stocks.get(sku, dict.fromkeys(COUNTERS, 0))
        if stock["available"] and stock["short"]:
            raise Broken("no free stock while lines wait", f"{sku}: {stock}")
        has = (stock["available"], stock["short"] + stock["uncounted"])
        balance = paper.balance(sku)
        if has != (max(balance, 0), max(-balance, 0)):
            raise Broken("each SKU is as on paper", f"{sku}: free and missing are {has}, on paper {balance}")
        if stock.get("buffer", 0) != paper.buffers.get(sku, 0):
            raise Broken(
                "the buffer that was set last holds", f"{sku}: {stock['buffer']}, not {paper.buffers.get(sku)}"
            )
    for (sku, fair), stall in paper.fairs.items():
        there = found[tables.fair(sku, fair)]
        if (there["taken"], there["sold"], there["back"]) != tuple(stall.values()):
            raise Broken("a fair is counted as on paper", f"{sku}: {there}, not {stall}")


def _queue_of_lines(found: dict[Key, Item]) -> None:
    """The lines that wait for a SKU are those that are short."""
    waits = {
        (item["sku"], item["order_ref"], item["line_id"]): item["short"]
        for key, item in found.items()
        if key.table is Table.STOCK and key.sk.startswith(tables.SHORT_LINES)
    }
    short = {
        (line["sku"], order["order_ref"], line_id): line["short"]
        for order in _of(found, Table.ORDERS, "ORDER")
        for line_id, line in order["applied"].items()
        if line["short"]
    }
    if waits != short:
        raise Broken("every short line waits in its SKU's queue", f"in the queue {waits}, short {short}")


def _findable(found: dict[Key, Item], acknowledged: Iterable[str]) -> None:
    kept = {key.sk.rpartition("#")[2] for key in found if key.table is Table.DELIVERIES}
    lost = {identity for identity in acknowledged if identity} - kept
    if lost:
        raise Broken("every acknowledged delivery is findable", f"{sorted(lost)} are not there")


def balances(found: dict[Key, Item]) -> dict[tuple[str, str, str], int]:
    """Paise by order, line and account. Raises Broken for an entry that does not balance."""
    totals: dict[tuple[str, str, str], int] = defaultdict(int)
    for entry in _of(found, Table.LEDGER):
        if "postings" not in entry:
            continue
        if sum(posting["amount_paise"] for posting in entry["postings"]):
            raise Broken("every entry sums to zero", str(entry["postings"]))
        for posting in entry["postings"]:
            totals[entry["order_ref"], entry["line_id"], posting["account"]] += posting["amount_paise"]
    return {key: paise for key, paise in totals.items() if paise}


def _ledger(found: dict[Key, Item], paper: Paper) -> None:
    """Per line, the marketplace's commission is a tenth of what was delivered."""
    totals = balances(found)
    for order_ref in sorted(item["order_ref"] for item in _of(found, Table.ORDERS, "ORDER")):
        shipment = shipment_of(order_ref)
        for line_id in paper.orders[shipment].lines:
            booked = totals.get((order_ref, line_id, "expected:fee:commission"), 0)
            due = paper.due_paise(shipment, line_id) // 10
            if booked != due:
                raise Broken("each account is as on paper", f"{shipment} line {line_id}: {booked} booked, {due} due")


def _told_apart(world: Simulation, found: dict[Key, Item], paper: Paper) -> None:
    """Each group hears once of every return of its goods, and of nothing that does not come back."""
    told = {tell.notification_id: tell.says for tell in world.tells}
    done = {item["notification_id"] for item in _of(found, Table.NOTIFICATIONS, "NOTIFICATION")}
    for item in _of(found, Table.ORDERS, "ORDER"):
        hand, heard = paper.orders[shipment_of(item["order_ref"])], set()
        for identity, effect in item["owed"].items():
            if effect["kind"] not in ("RETURN", "SHIP_BY"):
                continue
            if identity not in told or identity not in done:
                raise Broken("what is owed is done", f"{effect} was told to nobody")
            if effect["kind"] == "SHIP_BY":
                continue
            about = (effect["return_id"], effect["group_id"])
            said = told[identity].units
            back = hand.returns.get(effect["return_id"])
            ours = {GROUP_OF[sku] for sku in said} == {effect["group_id"]}
            # A lie that was told because the marketplace did not answer is told again as it is.
            as_it_is = hand.lied_about or (about not in heard and back and sum(said.values()) == back.units)
            if not ours or not as_it_is:
                raise Broken("a group hears once of what comes back", f"{item['order_ref']}: {effect}, on paper {back}")
            heard.add(about)
        for return_id, back in hand.returns.items():
            line = hand.lines.get(back.line_id)
            if line and line.known and not back.called_off and (return_id, GROUP_OF[line.sku]) not in heard:
                raise Broken("a group hears once of what comes back", f"{item['order_ref']}: nothing of {return_id}")


def _worklist(found: dict[Key, Item]) -> None:
    open_now = [item for item in _of(found, Table.EXCEPTIONS) if item["closed_at"] is None]
    short = sorted(item["order_ref"] for item in open_now if item["kind"] == "SHORT")
    should = sorted(
        order["order_ref"]
        for order in _of(found, Table.ORDERS, "ORDER")
        for line in order["applied"].values()
        if line["short"]
    )
    if short != should:
        raise Broken("what is short stands on the worklist", f"shown {short}, short {should}")
    uncounted = sorted(item["sku"] for item in open_now if item["kind"] == "UNCOUNTED")
    shelves = sorted(item["sku"] for item in _of(found, Table.STOCK, "STOCK") if item["uncounted"])
    if uncounted != shelves:
        raise Broken("shelves to count stand on the worklist", f"shown {uncounted}, to count {shelves}")


def _as_clean(found: dict[Key, Item], clean: dict[Key, Item]) -> None:
    """Equal to the clean run: what is known, what each account holds, what only the order decides."""
    for key, item in clean.items():
        if key.table is Table.ORDERS and key.sk == "ORDER":
            if key not in found:
                raise Broken("each order is equal byte for byte", f"{key.pk} is only in a clean run")
            for name in ("knowledge", "waiting", "board_pk", "board_sk"):
                if found[key][name] != item[name]:
                    text = f"{key.pk} {name}: {found[key][name]}, in a clean run {item[name]}"
                    raise Broken("each order is equal byte for byte", text)
    if balances(found) != balances(clean):
        raise Broken("each account is as in a clean run", f"{balances(found)}, in a clean run {balances(clean)}")
    shown, should = (
        sorted(
            (item["kind"], item["exception_id"])
            for item in _of(each, Table.EXCEPTIONS)
            if item["closed_at"] is None and item["kind"] in BY_THE_ORDER_ALONE
        )
        for each in (found, clean)
    )
    if shown != should:
        raise Broken("the worklist is as in a clean run", f"{shown}, in a clean run {should}")
