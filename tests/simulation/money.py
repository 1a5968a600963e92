"""Schedules of money: books that several workers write at once, from facts, settlement files and people's words.

What comes before and after the books is played by doubles that do in the same transactions what the shop does: orders
grow by facts and owe their commands through the stream, files are kept row by row, a period is closed and the bank
answers. Whatever writes a line or a subject is the shop's own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from hunar import tables
from hunar.domain import effects, facts, head, payout, rate_card
from hunar.domain.head import Head
from hunar.domain.ledger import ARRIVED, Entry, Posting
from hunar.domain.order import knowledge, knowledge_text, read
from hunar.domain.settlement import SettlementLine, kind_of_order, with_keys
from hunar.messages import ApproveProposal, ComputePayout, HoldMoney, ReleaseHold, Settle
from hunar.ports import ABSENT, Conflict, Put, QueueName
from hunar.tables import Item, Key, Table
from tests.simulation import money_story, weather
from tests.simulation.broken import Broken
from tests.simulation.choices import Choices
from tests.simulation.inputs import Input
from tests.simulation.money_paper import written
from tests.simulation.money_promises import MoneyWatch, check, soonest
from tests.simulation.schedule import CALM_TICKS, RATES, STORM_TICKS, Played
from tests.simulation.workers import SWEEP_TIMEOUT, Clock, Simulation
from tests.till import keep

STORM: Final = 3600.0
"""Virtual seconds after which faults stop at the latest."""
CALM: Final = 6 * 3600.0
"""Virtual seconds within which all must then be done."""
LOOKS: Final = (1, 30, 120)
"""Hours between the last looks of the sweep: by the end every hold is over that has an end."""
CAP_PPM: Final = 500_000
"""The part of a payout that may go against a debt."""
PLAIN: Final = 0.3
"""The part of the schedules in which nobody corrects, proposes, approves or pays."""


@dataclass(frozen=True)
class Money:
    """Everything that decides a run, except the code."""

    inputs: tuple[Input, ...]
    weather: Mapping[str, float]
    policies: Mapping[str, list[dict[str, Any]]]
    proven: bool
    """Whether what is said of goods is sure."""
    approves: bool
    """Whether all that is proposed is approved in the end."""
    seed: int | None = None
    record: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int) -> Money:
        draw = random.Random(seed)
        plain = draw.random() < PLAIN
        held = money_story.policies(draw)
        told = tuple(money_story.story(draw, held, plain=plain))
        drawn = weather.drawn(draw, weather.WITH_MONEY)
        return cls(told, drawn, held, draw.random() < 0.8, draw.random() < 0.5, seed)

    @classmethod
    def of_file(cls, path: Path) -> Money:
        content = json.loads(path.read_text())
        content["inputs"] = tuple(Input(**each) for each in content["inputs"])
        choices = {int(number): answer for number, answer in content.pop("choices").items()}
        content.pop("why", None)
        return cls(**content, record=choices)

    def play(self, *, tell: bool = False) -> Played:
        return play(self, tell=tell)

    def calm(self) -> Money:
        """The same story without a fault, and with one worker at a time."""
        return replace(self, weather={}, seed=None, record={})

    def content(self) -> dict[str, Any]:
        """For a file. Only one whose choices were written down has one."""
        return {
            "inputs": [asdict(each) for each in self.inputs],
            "weather": dict(self.weather),
            "policies": self.policies,
            "proven": self.proven,
            "approves": self.approves,
            "choices": {str(number): answer for number, answer in sorted(self.record.items())},
        }


class CountingHouse(Simulation):
    """Workers that keep books. What the order-events queue brings here are the doubles' own messages."""

    def __init__(self, choices: Choices, money: Money) -> None:
        super().__init__(choices, money.weather)
        self._api_accounts = frozenset({("flipkart", "demo")} if money.proven else ())
        self.clocks = [Clock("sweep", self.sweep, SWEEP_TIMEOUT)]
        self.closed = frozenset(set(QueueName) - {QueueName.ORDER_EVENTS, QueueName.PAYOUTS})

    def work(self, queue: QueueName, body: str) -> str:
        if queue is not QueueName.ORDER_EVENTS:
            return super().work(queue, body)
        said = json.loads(body)
        doing: dict[str, Callable[[Any], None]] = {
            "known": self._know,
            "file": self._take,
            "close": self._close,
            "bank": self._bank,
        }
        self._again(lambda: doing[said["kind"]](said))
        return "done"

    def _know(self, said: Mapping[str, Any]) -> None:
        """An order as ``apply`` leaves it: its facts, pointers from its items, and the commands that it owes."""
        order_ref = said["order_ref"]
        marketplace, account, _ = order_ref.split(":", 2)
        key = tables.order(order_ref)
        there = self.store.read([key]).get(key)
        known = knowledge(there) if there else frozenset()
        more = known | {facts.from_text(text) for text in said["facts"]}
        if more == known:
            return
        owed = there["owed"] if there else {}
        found = read(more)
        added = {
            identity: effect
            for identity, effect in effects.new_effects(order_ref, found, owed, {}, self.now).items()
            if effect["kind"] == effects.PAYOUT
        }
        version = there["version"] if there else ABSENT
        item: Item = {
            "order_ref": order_ref,
            "marketplace": marketplace,
            "account": account,
            "knowledge": knowledge_text(more),
            "owed": owed | added,
            "effects": [{"effect_id": identity, **effect} for identity, effect in added.items()],
            "version": version + 1,
        }
        puts = [Put(key, item | ({"outbox": "effects"} if added else {}), version)]
        pointers = {line.line_id: tables.item_pointer(marketplace, account, line.line_id) for line in found.lines}
        stand = self.store.read(pointers.values())
        for pointer in pointers.values():
            orders = stand.get(pointer, {"orders": [], "version": ABSENT})
            if order_ref not in orders["orders"]:
                after = {
                    "orders": sorted([*orders["orders"], order_ref]),
                    "facts": [],
                    "version": orders["version"] + 1,
                }
                puts.append(Put(pointer, after, orders["version"]))
        self.store.commit(puts)

    def _take(self, said: Mapping[str, Any]) -> None:
        """A settlement file, row by row; what is there already is not written again. Then the commands."""
        bodies = keep(self.store, *lines_of(said["rows"]))
        self.queues.send(QueueName.PAYOUTS, bodies)

    def _close(self, said: Mapping[str, Any]) -> None:
        """The closing of a period for one group: its entry, its head and the row of its batch in one transaction."""
        group, batch = said["group"], said["batch"]
        row = batch_row(batch, group)
        found = self.store.read([row, tables.book(group)])
        if row in found or tables.book(group) not in found:
            return
        before = Head.of(found[tables.book(group)])
        entry = payout.pay_out(before, batch, cap_ppm=CAP_PPM, minimum_paise=said["minimum"], at=self.now)
        if entry is not None:
            paid = sum(one.amount_paise for one in entry.postings if one.account.startswith("payout_in_transit"))
            self._put(before, entry, row, ABSENT, {"state": "IN_TRANSIT", "paid": -paid, "seq": before.seq + 1})

    def _bank(self, said: Mapping[str, Any]) -> None:
        """What the bank says of a payout, once, and only what can follow what it said before."""
        group, batch, result = said["group"], said["batch"], said["result"]
        key = batch_row(batch, group)
        # The book first: a batch that is on its way after that was so in the book, too.
        stands = self.store.read([tables.book(group)])
        row = self.store.read([key]).get(key)
        before = {"arrived": "IN_TRANSIT", "sent_back": "IN_TRANSIT", "came_back": "ARRIVED"}[result]
        if row is None or row["state"] != before or not row["paid"]:
            return
        if tables.book(group) not in stands or stands[tables.book(group)]["seq"] < row["seq"]:
            raise Conflict("the book was read before the batch was written")
        books, at = Head.of(stands[tables.book(group)]), self.now
        match result:
            case "arrived":
                entry = payout.arrived(books, batch, utr=f"UTR{batch}", at=at)
            case "sent_back":
                entry = payout.sent_back(books, batch, reference=f"REJ{batch}", at=at)
            case _:
                entry = payout.came_back(books, _arrived(row, batch, group), reference=f"RET{batch}", at=at)
        self._put(
            books,
            entry,
            key,
            row["version"],
            {"state": result.upper(), "paid": row["paid"], "seq": row["seq"], "at": at},
        )

    def _put(self, before: Head, entry: Entry, row: Key, version: int, said: Item) -> None:
        after, sealed = head.after(before, entry)
        puts = [
            Put(row, said | {"version": version + 1}, version),
            Put(tables.book(before.group_id), after.item(), before.version),
        ]
        for place in sealed:
            key = tables.book_entry(before.group_id, place.seq)
            puts.append(Put(key, place.item(recorded_at=self.now), ABSENT))
        self.store.commit(puts)


def _arrived(row: Item, batch: str, group: str) -> Entry:
    transit = f"payout_in_transit:{batch}:{group}"
    return Entry(
        kind=ARRIVED,
        cause=(batch, group, f"UTR{batch}"),
        occurred_at=row["at"],
        postings=(Posting(transit, payout.PAYOUT, row["paid"]), Posting("bank", payout.PAYOUT, -row["paid"])),
        group_id=group,
        source=(("batch", batch), ("reference", f"UTR{batch}")),
    )


def batch_row(batch: str, group: str) -> Key:
    """In the ledger, where transactions with its books are."""
    return Key(Table.LEDGER, f"BATCH#{batch}", group)


def lines_of(rows: list[dict[str, Any]]) -> tuple[SettlementLine, ...]:
    """The rows of one file as a reader of settlement files gives them: equal ones are counted."""
    made = []
    for number, row in enumerate(rows):
        named = row["item"] or row["order"]
        line = SettlementLine(
            "", "flipkart", "demo", row["settlement"], row["order"], row["item"], None,
            str(kind_of_order(row["heads"])) if named else "ACCOUNT", row["heads"], row["posted_at"], None,
            row["settlement"], 1, number + 4,
        )  # fmt: skip
        made.append((line, row["heads"]))
    return with_keys(made)


def play(money: Money, *, tell: bool = False) -> Played:
    """Play it and check all promises."""
    choices = Choices(money.seed, money.record)
    world = CountingHouse(choices, money)
    if tell:
        world.tale = []
    paper = written(money.inputs, money.policies, proven=money.proven)
    watch = MoneyWatch(paper, soonest(money.inputs, money.policies, proven=money.proven), lambda: world.now)
    watch.told = world.tell
    world.watch = watch
    broken: Broken | None = None
    try:
        _prepare(world, money)
        _feed(world, money, watch)
        world.run(STORM, ticks=STORM_TICKS)
        _rest(world, money, watch)
        if not watch.broken:
            check(world, paper, watch, money.inputs)
    except Broken as found:
        broken = found
    finally:
        world.close()
    return Played(watch.broken or broken, choices.record, world.failures, world.tale or [], world.ticks)


def _prepare(world: CountingHouse, money: Money) -> None:
    for group_id, held in money.policies.items():
        world.store.commit([Put(tables.group(group_id), {"group_id": group_id, "name": group_id, "policies": held})])
    world.remind_nobody(days=9)
    rows = [
        {"row_id": row_id, "scope": scope, "code": code, "from": "2026-01-01", "to": "", "basis": basis,
         "value": str(value), "hsn": "", "price_from": "", "price_to": "", "source": "card", "note": ""}
        for row_id, scope, code, basis, value in RATES
    ]  # fmt: skip
    items = [rate_card.row_from_csv(row) for row in rows]
    world.store.commit([Put(tables.rate(item["scope"], item["row_id"]), item) for item in items])


def _feed(world: CountingHouse, money: Money, watch: MoneyWatch) -> None:
    for each in money.inputs:
        name = f"{each.kind} {json.dumps(each.what, sort_keys=True)}"[:300]
        world.inputs.append((each.at, name, lambda each=each: _input(world, each, watch)))  # type: ignore[misc]


def _input(world: CountingHouse, each: Input, watch: MoneyWatch) -> None:
    match each.kind:
        case "resolution":
            _resolve(world, each.what["group"], each.what["policy"])
        case "approve":
            _approve(world, watch)
        case "hold":
            command = HoldMoney(
                order_ref=each.what["order_ref"], line_id=each.what["line_id"], until=each.what["until"],
                by="asha", at=each.what["said_at"],
            )  # fmt: skip
            world.queues.send(QueueName.PAYOUTS, [command.model_dump_json()])
        case "release":
            world.queues.send(QueueName.PAYOUTS, [ReleaseHold(**each.what).model_dump_json()])
        case _:
            world.queues.send(QueueName.ORDER_EVENTS, [json.dumps({"kind": each.kind} | each.what)])


def _resolve(world: CountingHouse, group: str, policy: dict[str, Any]) -> None:
    """A resolution is imported, and every line that may go by it is looked at again."""
    key = tables.group(group)
    item = world.store.read([key])[key]
    held = [one for one in item["policies"] if one["version"] != policy["version"]]
    world.store.commit([Put(key, item | {"policies": [*held, policy]})])
    bodies = [
        ComputePayout(order_ref=item["order_ref"], line_id=line.line_id).model_dump_json()
        for item in world.items(Table.ORDERS)
        if "knowledge" in item
        for line in read(knowledge(item)).lines
        if line.resolved and line.resolved.group_id == group
    ]
    world.queues.send(QueueName.PAYOUTS, bodies)


def _approve(world: CountingHouse, watch: MoneyWatch) -> bool:
    """A person goes through the worklist and approves what stands there. True when something did."""
    bodies = []
    for item in world.items(Table.EXCEPTIONS):
        if item["kind"] == "MONEY_PROPOSED" and item["closed_at"] is None:
            said = item["subject"]
            watch.approved.add(said["proposal_id"])
            approval = ApproveProposal(
                order_ref=item["order_ref"], line_id=said["line_id"], proposal_id=said["proposal_id"], by="asha"
            )
            bodies.append(approval.model_dump_json())
    world.queues.send(QueueName.PAYOUTS, bodies)
    return bool(bodies)


def _rest(world: CountingHouse, money: Money, watch: MoneyWatch) -> None:
    """The faults stop. What the streams owe comes, then the night looks at every subject, then every hold ends."""
    world.calm()
    _until_quiet(world)
    watch.before_the_night(world)
    _night(world)
    _until_quiet(world)
    while money.approves and _approve(world, watch):
        _until_quiet(world)
        watch.rounds += 1
        if watch.rounds > 5:
            raise Broken("what is approved is booked", "a proposal is approved again and again")
    for hours in LOOKS:
        if not world.wait(hours * 3600, ticks=CALM_TICKS):
            raise Broken("all queues are empty in the end", "the sweep finds something to do again and again")
    if world.dead_letters:
        letters = [message.body[:80] for message in world.dead_letters]
        raise Broken("nothing is parked when nothing is wrong with it", f"dead letters: {letters}")


def _night(world: CountingHouse) -> None:
    """The nightly proof commands what is not booked; here it commands all that was ever settled."""
    names = sorted({item_key.pk for item_key, item in world.store.everything().items() if "settlement_pk" in item})
    world.queues.send(QueueName.PAYOUTS, [Settle(subject=name).model_dump_json() for name in names])


def _until_quiet(world: CountingHouse) -> None:
    for _ in range(2):
        if not world.run(world.seconds + CALM, ticks=CALM_TICKS) or not world.quiet:
            left = [message.body[:80] for message in world.waiting]
            raise Broken("all queues are empty in the end", f"left: {left}")
        world.redrive()
