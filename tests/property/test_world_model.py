"""A whole Hunar in memory under whatever comes: messages, persons' acts, counts and mappings.

Each time that all has settled, every order has what a person with its papers would give it, every
shelf adds up, and every group was told last what it has to do. In the end the same things come to a
second Hunar in another order, twice and at once, and it must end like the first.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from hunar import tables
from hunar.domain import facts
from hunar.domain.effects import TEXTS
from hunar.domain.facts import Fact, Inspected, Remapped, Voided
from hunar.marketplaces import flipkart
from hunar.messages import OperatorAct
from hunar.ports import QueueName
from hunar.tables import Item, Table
from tests.flipkart_messages import cancelled, created, item, step
from tests.on_paper import Desk
from tests.world import World

GROUPS = {"STOLE": "G11", "SHAWL": "G11", "HORSE": "G22"}
UNMAPPED = "HORSE"
"""Its listing is mapped when a rule says so."""
SOLD = {"S1": ("STOLE", "HORSE"), "S2": ("SHAWL", "STOLE"), "S3": ("HORSE", "STOLE")}
"""What stands on line 1 and on line 2 of each shipment: an item of the marketplace is of one product."""
shipments = st.sampled_from(["S1", "S2", "S3"])
skus = st.sampled_from(sorted(GROUPS))
lines = st.sampled_from(["1", "2"])
units = st.integers(1, 4)
hours = st.integers(10, 19).map(lambda hour: f"2026-11-24T{hour}:00:00+05:30")
days = st.integers(25, 28).map(lambda day: f"2026-11-{day}T12:00:00+05:30")

Came = tuple[str, Any]
"""``message``, ``count``, ``map`` or ``act``, and what came."""


def line_id(shipment: str, line: str) -> str:
    """A marketplace's item belongs to one shipment."""
    return f"{shipment}-{line}"


def event(shipment: str, name: str, at: str, **attributes: Any) -> dict[str, Any]:
    return step(shipment, name, at) | {"attributes": attributes}


def of_return(name: str, of: str, line: str, at: str, **entry: Any) -> dict[str, Any]:
    items = {"returnItems": [{"orderItemId": line, **entry}]}
    return {"eventType": f"return_{name}", "timestamp": at, "returnId": of, "attributes": items}


def shop(seed: int | None = None) -> World:
    world = World(shuffle=random.Random(seed), twice=True) if seed is not None else World()
    for group in sorted(set(GROUPS.values())):
        world.group(group)
    for sku, group in GROUPS.items():
        world.product(sku, group, sku.title(), listed=sku != UNMAPPED)
    world.settle()
    return world


def bring(world: World, came: Came) -> None:
    kind, what = came
    if kind == "message":
        world.post(what)
    elif kind == "count":
        world.count_in(*what)
    elif kind == "map":
        world.map_listing(what, GROUPS[what])
    else:
        world.queues.send(QueueName.ORDER_EVENTS, [what.model_dump_json()])


class Hunar(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = shop()
        self.came: list[Came] = []
        self.counted = dict.fromkeys(GROUPS, 0)

    def comes(self, kind: str, what: Any) -> None:
        self.came.append((kind, what))
        bring(self.world, (kind, what))

    @rule(shipment=shipments, sold=st.dictionaries(lines, units, min_size=1), at=hours, hold=st.booleans())
    def announced(self, shipment: str, sold: dict[str, int], at: str, hold: bool) -> None:
        items = (
            item(SOLD[shipment][int(line) - 1], quantity, line_id=line_id(shipment, line))
            for line, quantity in sorted(sold.items())
        )
        message = created(shipment, *items, at=at)
        message["attributes"]["hold"] = hold
        self.comes("message", message)

    @rule(shipment=shipments, line=lines, quantity=units, at=hours)
    def cut(self, shipment: str, line: str, quantity: int, at: str) -> None:
        self.comes("message", cancelled(shipment, quantity, line_id(shipment, line), at))

    @rule(shipment=shipments, name=st.sampled_from(["packed", "pickup_complete", "shipped", "delivered"]), at=days)
    def went_on(self, shipment: str, name: str, at: str) -> None:
        self.comes("message", step(shipment, name, at))

    @rule(shipment=shipments, line=lines, quantity=units, at=hours, then=hours)
    def held_and_released(self, shipment: str, line: str, quantity: int, at: str, then: str) -> None:
        entry = {"orderItemId": line_id(shipment, line), "holdQuantity": quantity}
        self.comes("message", event(shipment, "hold", at, orderItems=[entry]))
        self.comes("message", event(shipment, "unhold", then, status="APPROVED"))

    @rule(shipment=shipments, day=st.sampled_from([26, 27, 28]), at=hours)
    def dates_changed(self, shipment: str, day: int, at: str) -> None:
        ship_by = f"2026-11-{day}T15:30:00+05:30"
        self.comes("message", event(shipment, "dispatch_dates_changed", at, dispatchByDate=ship_by))

    @rule(shipment=shipments, line=lines, quantity=units, at=days, back=st.booleans())
    def comes_back(self, shipment: str, line: str, quantity: int, at: str, back: bool) -> None:
        """The news come before the creation, and name no shipment."""
        name, of = line_id(shipment, line), f"R-{shipment}-{line}"
        self.comes("message", of_return("completed" if back else "cancelled", of, name, at))
        self.comes("message", of_return("created", of, name, at, quantity=quantity, shipmentId=shipment))

    @rule(sku=skus, quantity=st.integers(-2, 6))
    def counted_in(self, sku: str, quantity: int) -> None:
        self.counted[sku] += quantity
        self.comes("count", (sku, quantity, f"count-{len(self.came)}"))

    @rule()
    def mapped(self) -> None:
        self.comes("map", UNMAPPED)

    @rule(draw=st.data(), good=st.integers(0, 2), lost=st.integers(0, 1), sku=skus)
    def a_person_acts(self, draw: st.DataObject, good: int, lost: int, sku: str) -> None:
        self.settled()
        orders = {order["order_ref"]: order for order in self.orders()}
        if not orders:
            return
        ref = draw.draw(st.sampled_from(sorted(orders)))
        known: list[Fact] = sorted(map(facts.from_content, json.loads(orders[ref]["knowledge"])), key=facts.to_text)
        # What the registry said is corrected by a remap, never voided.
        said = [fact for fact in known if fact.FACT != "resolved"]
        act_id, at = f"act-{len(self.came)}", "2026-11-29T06:00:00Z"
        aimed = draw.draw(st.sampled_from(said))
        line = line_id(ref.split(":")[-1], "1")
        announced = any(fact.FACT == "placed" and fact.line_id == line for fact in known)  # type: ignore[union-attr]
        terms = (sku, GROUPS[sku], "GROUP_PACKS", "SALE_SHARE", 1, "6214", None)
        fact: Fact = draw.draw(
            st.sampled_from(
                [
                    Voided(act_id, facts.fact_id(aimed), at, "Rukhsana", "not true"),
                    # Only a line that is there can be corrected.
                    *([Remapped(act_id, line, at, *terms, "Rukhsana", "wrong shelf")] if announced else []),
                    Inspected(act_id, f"R-{line}", line, at, good, 0, lost, "Rukhsana", "opened"),
                ]
            )
        )
        self.comes("act", OperatorAct(act_id=act_id, order_ref=ref, fact=facts.to_text(fact)))

    @rule()
    def settled(self) -> None:
        self.world.settle()
        for order in self.orders():
            check_order(order)
            check_texts(self.world, order)
            check_told_apart(self.world, order)
        for sku in GROUPS:
            self.check_shelf(sku)
        sent = Counter(text.notification_id for text in self.world.phones.texts)
        assert max(sent.values(), default=1) == 1
        said = {facts.to_text(fact) for kind, what in self.came for fact in stated(kind, what)}
        known = {facts.to_text(facts.from_content(c)) for o in self.orders() for c in json.loads(o["knowledge"])}
        waiting = {text for i in self.world.items(Table.ORDERS) for text in i.get("facts", ())}
        assert said <= known | waiting, "something that came in is nowhere"
        assert all(json.loads(text)["fact"] == "resolved" for text in (known | waiting) - said)

    def orders(self) -> list[Item]:
        return [order for order in self.world.items(Table.ORDERS) if "order_ref" in order]

    def check_shelf(self, sku: str) -> None:
        shelf = self.world.store.read([tables.stock(sku)]).get(tables.stock(sku))
        taken = [line for order in self.orders() for line in order["applied"].values() if line["sku"] == sku]
        if shelf is None:
            assert not taken or not any(line["reserved"] or line["short"] or line["consumed"] for line in taken)
            return
        assert shelf["on_hand"] == shelf["available"] + shelf["reserved"]
        assert min(shelf[name] for name in ("on_hand", "available", "reserved", "short", "uncounted")) >= 0
        assert not (shelf["available"] and shelf["uncounted"])
        assert not (shelf["available"] and shelf["short"]), "free units, and somebody waits for them"
        for name in ("reserved", "short"):
            assert shelf[name] == sum(line[name] for line in taken)
        gone = sum(line["consumed"] - line["restocked"] for line in taken)
        asked = sum(line["reserved"] + line["short"] for line in taken)
        assert shelf["available"] - shelf["short"] - shelf["uncounted"] == self.counted[sku] - gone - asked
        waiting = self.world.store.page(Table.STOCK, sku, prefix=tables.SHORT_LINES).items
        assert sum(line["short"] for line in waiting) == shelf["short"]

    def teardown(self) -> None:
        # The world's own clock moves a little with what is due; a void or a mapping may still be under way.
        self.settled()
        other = shop(seed=len(self.came))
        draw = random.Random(len(self.came))
        messages = [came for came in self.came if came[0] != "act"]
        draw.shuffle(messages)
        acts = [came for came in self.came if came[0] == "act"]
        for number, came in enumerate([*messages, None, *draw.sample(acts, len(acts))]):
            if came is None or number % 5 == 4:
                other.settle()
            if came is not None:
                bring(other, came)
        other.settle()
        assert truth(other) == truth(self.world)


def stated(kind: str, what: Any) -> tuple[Fact, ...]:
    if kind == "message":
        return flipkart.read(json.dumps(what).encode(), "demo").facts
    return (facts.from_text(what.fact),) if kind == "act" else ()


def check_order(order: Item) -> None:
    desk = Desk(json.loads(order["knowledge"]))
    asked = {name: (sku, hold, gone, good) for name, (sku, _, hold, gone, good) in desk.asked_of_shelf().items()}
    taken = {
        name: (line["sku"], line["reserved"] + line["short"], line["consumed"], line["restocked"])
        for name, line in order["applied"].items()
    }
    assert taken == asked
    assert not order["unfinished"]
    assert (order["board_pk"] == "ENDED") == (desk.state in ("CANCELLED", "DELIVERED", "RETURNED", "LOST"))


def check_texts(world: World, order: Item) -> None:
    """What each group was told last is what it has to do now, as long as the goods are there."""
    desk = Desk(json.loads(order["knowledge"]))
    for group in sorted(set(GROUPS.values())):
        told = texts_to(order, group)
        to_send, held = desk.asked_of(group)
        if desk.left_at is None:
            last = max(told, key=lambda effect: effect["n"], default={"units": {}, "held": False})
            # Units that are all held are told of when they are released.
            assert last["units"] == to_send or held == to_send
            if last["units"] == to_send and to_send:
                assert last["held"] == bool(held)
    texts = world.store.read(tables.notification(n) for n, effect in order["owed"].items() if effect["kind"] in TEXTS)
    assert {text["status"] for text in texts.values()} <= {"ACCEPTED", "SUPPRESSED"}
    assert len(texts) == sum(effect["kind"] in TEXTS for effect in order["owed"].values())


def texts_to(order: Item, group: str) -> list[Item]:
    return [effect for effect in order["owed"].values() if effect["kind"] in TEXTS and effect["group_id"] == group]


def check_told_apart(world: World, order: Item) -> None:
    """Each group hears once of what comes back to it, and knows of no later time than the true one."""
    desk = Desk(json.loads(order["knowledge"]))
    told = {tell.notification_id: tell.says for tell in world.tells}
    heard = Counter()
    for name, effect in order["owed"].items():
        if effect["kind"] == "RETURN":
            assert set(map(GROUPS.get, told[name].units)) == {effect["group_id"]}
            heard[effect["return_id"], effect["group_id"]] += 1
    assert max(heard.values(), default=1) == 1
    for entry in desk.returns:
        line = desk.lines.get(entry["line_id"])
        if line and line["terms"] and entry["status"] != "CANCELLED":
            assert heard[entry["return_id"], line["terms"][1]] == 1
    for group in sorted(set(GROUPS.values())):
        to_send, held = desk.asked_of(group)
        mine = [line for line in desk.lines.values() if line["terms"] and line["terms"][1] == group and line["open"]]
        dated = [effect for effect in texts_to(order, group) if "by" in effect]
        if desk.left_at or held == to_send or not dated:
            continue
        last = max(dated, key=lambda effect: effect["n"])
        sooner = [
            told[name].by
            for name, effect in order["owed"].items()
            if effect["kind"] == "SHIP_BY" and effect["group_id"] == group and effect["n"] == last["n"]
        ]
        assert sooner == sorted(sooner, reverse=True), "a time that came nearer, not one that went away"
        assert min([last["by"], *sooner]) <= min(line["ship_by"] for line in mine)


def truth(world: World) -> dict[str, Any]:
    orders = {order["order_ref"]: order for order in world.items(Table.ORDERS) if "order_ref" in order}
    shelves = {shelf["sku"]: shelf for shelf in world.items(Table.STOCK) if "on_hand" in shelf}
    return {
        "knowledge": {ref: order["knowledge"] for ref, order in orders.items()},
        "asked": {
            ref: {
                name: (line["sku"], line["reserved"] + line["short"], line["consumed"], line["restocked"])
                for name, line in order["applied"].items()
            }
            for ref, order in orders.items()
        },
        "shelves": {
            sku: (shelf["available"], shelf["short"] + shelf["uncounted"])
            for sku, shelf in shelves.items()
            if shelf["available"] or shelf["short"] or shelf["uncounted"]
        },
    }


TestHunar = Hunar.TestCase
TestHunar.settings = settings(max_examples=max(1, settings.default.max_examples // 3), stateful_step_count=12)
