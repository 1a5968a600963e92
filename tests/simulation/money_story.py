"""Stories of money: orders of several groups, what becomes of them, what settlement files say, and what people do."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from hunar.domain import facts
from hunar.domain.facts import (
    Cancelled,
    Fact,
    Inspected,
    Lost,
    Placed,
    Remapped,
    Resolved,
    ReturnRequested,
    ReturnStep,
    Step,
    Voided,
    instant,
)
from hunar.domain.holds import UNTIL_FURTHER_NOTICE
from tests.book import POLICY
from tests.simulation.inputs import Input
from tests.world import START

GROUPS: Final = ("G11", "G22", "G33")
SOLD: Final = "2026-11-18T10:00:00Z"
KEEPERS: Final = ("GROUP_NOW", "GROUP_LATER", "AGENCY")
BEARERS: Final = ("GROUP", "AGENCY")
LASTS: Final = 1800.0
"""Virtual seconds within which a story is told."""

LATER: Final = 3600.0
"""Seconds until news come of what was long paid."""

Policy = dict[str, Any]


@dataclass
class Sale:
    """One order line while its story is made up."""

    order_ref: str
    line_id: str
    group: str
    quantity: int
    price: int
    terms: Resolved
    open: int = 0
    told: list[Fact] = field(default_factory=list)


def policy(draw: random.Random, version: int = 1) -> Policy:
    """A resolution; every clause that the paper knows is drawn."""
    basis = draw.choice(("SALE_SHARE", "SALE_SHARE", "FIXED_PER_PIECE"))
    fee = draw.choice((("ppm_of_net", 100_000), ("ppm_of_net", 33_333), ("ppm_of_taxable", 77_777),
                       ("fixed_per_unit", 1_111)))  # fmt: skip
    return POLICY | {
        "from": "2026-04-01" if version == 1 else "2026-11-19",
        "version": version,
        "payout_basis": basis,
        "agency_fee_basis": fee[0],
        "agency_fee": fee[1],
        "fund_ppm": draw.choice((0, 50_000, 33_333)),
        **{clause: draw.choice(KEEPERS) for clause in ("itc", "tcs", "tds")},
        **{clause: draw.choice(BEARERS) for clause in ("penalties", "returns", "lost")},
        "paid_on": draw.choice(("picked_up", "shipped", "delivered")),
        "return_window_days": draw.choice((1, 2, 2, 3)),
    }


def policies(draw: random.Random) -> dict[str, list[Policy]]:
    return {group: [policy(draw)] for group in GROUPS}


def story(draw: random.Random, held: Mapping[str, list[Policy]], *, plain: bool) -> list[Input]:
    """``plain``: nobody corrects, proposes, approves or pays, so what each line comes to hangs on nothing else."""
    told: list[Input] = []
    sales: list[Sale] = []
    many = draw.choice((1, 1, 2, 2, 3))
    for number in range(1, many + 1):
        order = [_sale(draw, held, number, line) for line in range(1, draw.choice((1, 1, 2, 3)) + 1)]
        if sales and draw.random() < 0.1:
            # The second parcel of an item: the same line in another order.
            order.append(replace(_sale(draw, held, number, 9), line_id=sales[0].line_id))
            order[-1].terms = replace(order[-1].terms, line_id=sales[0].line_id)
        told += _life(draw, order)
        sales += order
    told += _files(draw, sales)
    if not plain:
        told += _people(draw, sales, held)
    else:
        told += [each for each in _people(draw, sales, held) if each.kind == "hold"]
    # A command to release what is held is only a question: it may come at any time.
    for sale in draw.sample(sales, draw.choice((0, 0, 1))):
        what = {"order_ref": sale.order_ref, "line_id": sale.line_id}
        told.append(Input("release", draw.random() * LASTS, "", what))
    return sorted((replace(each, at=round(each.at, 1)) for each in told), key=lambda each: each.at)


def _sale(draw: random.Random, held: Mapping[str, list[Policy]], number: int, line: int) -> Sale:
    group = draw.choice(GROUPS)
    line_id, terms = f"I{number}{line}", held[group][0]
    price = draw.choice((10_001, 42_000, 109_900, 33_333))
    resolved = Resolved(
        line_id, f"SKU{line}", group, "GROUP_PACKS", terms["payout_basis"], 1, "6214",
        40_001 if terms["payout_basis"] == "FIXED_PER_PIECE" else None,
    )  # fmt: skip
    quantity = draw.choice((1, 1, 2, 3, 3))
    return Sale(f"flipkart:demo:S{number}", line_id, group, quantity, price, resolved, quantity)


def _life(draw: random.Random, order: list[Sale]) -> list[Input]:
    """What is told of one order, each saying at a moment of its own; some twice, some never."""
    sayings: list[list[Fact]] = []
    for sale in order:
        placed = Placed(sale.line_id, SOLD, f"L{sale.line_id}", sale.quantity, sale.price, None, SOLD, None)
        sale.told += [placed, sale.terms]
        late, never = draw.random() < 0.15, draw.random() < 0.04
        sayings.append([placed] if late or never else [placed, sale.terms])
        sayings += [[sale.terms]] * (late and not never)
        if draw.random() < 0.2:
            cut = Cancelled(sale.line_id, "2026-11-18T12:00:00Z", draw.randint(1, sale.quantity), "buyer", "")
            sale.open -= cut.quantity
            sale.told.append(cut)
            sayings.append([cut])
    sayings = [sum(sayings, [])] if draw.random() < 0.5 else sayings
    delivered_at = instant(START - timedelta(days=2) + timedelta(minutes=10 * draw.randint(0, 6)))
    steps: list[Fact] = [Step("picked_up", "2026-11-19T09:00:00Z"), Step("shipped", "2026-11-20T09:00:00Z")]
    if draw.random() < 0.12:
        steps.append(Lost("2026-11-21T09:00:00Z", "parcel lost"))
        steps += [Step("delivered", delivered_at)] * (draw.random() < 0.2)
    elif draw.random() < 0.9:
        steps.append(Step("delivered", delivered_at))
    sayings += [[fact] for fact in steps if draw.random() < 0.9]
    for sale in order:
        for nth in range(draw.choice((0, 0, 0, 1, 2))):
            sayings += _return(draw, sale, nth)
    if draw.random() < 0.1:
        wrong = draw.choice([fact for saying in sayings for fact in saying if not isinstance(fact, Resolved)])
        sayings.append([Voided("V1", facts.fact_id(wrong), "2026-11-25T05:00:00Z", "asha", "typed wrong")])
    begins = draw.choice((0.0, draw.random() * LASTS))
    found = []
    for nth, saying in enumerate(sayings):
        at = begins + (nth + 2 * draw.random()) * draw.choice((1, 40, 150))
        what = {"order_ref": order[0].order_ref, "facts": [facts.to_text(fact) for fact in saying]}
        found += [Input("known", at + again, "", what) for again in draw.choice(((0,), (0,), (0,), (0, 30)))]
    return found


def _return(draw: random.Random, sale: Sale, nth: int) -> list[list[Fact]]:
    units = draw.randint(1, max(sale.open, 1))
    whose, hour = f"R{sale.line_id}{nth}", 10 + nth
    asked = ReturnRequested(whose, sale.line_id, f"2026-11-24T{hour}:00:00Z", "customer", units, None, "", "")
    found: list[list[Fact]] = [[asked]]
    if draw.random() < 0.85:
        found.append([ReturnStep(whose, sale.line_id, f"2026-11-24T{hour}:30:00Z", "received")])
        if draw.random() < 0.3:
            gone = draw.randint(0, units)
            act = Inspected(f"A{whose}", whose, sale.line_id, "2026-11-25T05:00:00Z", units - gone, 0, gone, "asha", "")
            found.append([act])
    return found


# ── files ────────────────────────────────────────────────────────────────────────────────────────

Row = dict[str, Any]


def row(settlement: str, item: str | None, order: str | None, heads: Mapping[str, int], posted_at: str) -> Row:
    return {"settlement": settlement, "item": item, "order": order, "heads": dict(heads), "posted_at": posted_at}


def _files(draw: random.Random, sales: list[Sale]) -> list[Input]:
    """Files of a few settlements; each may come again, whole or with rows of another."""
    by: dict[str, list[Row]] = {}

    def add(settlement: str, item: str | None, order: str | None, heads: Mapping[str, int]) -> Row:
        minutes = {"NEFT-1": -600, "NEFT-2": 0, "NEFT-3": 90}[settlement]
        made = row(settlement, item, order, heads, _posted(draw.choice((minutes, minutes + 7))))
        by.setdefault(settlement, []).append(made)
        return made

    for sale in sales:
        gross = sale.price * sale.quantity
        if draw.random() < 0.9:
            made = add(draw.choice(("NEFT-1", "NEFT-1", "NEFT-2")), sale.line_id, "OD", _sold(draw, gross))
            if draw.random() < 0.12:
                by[made["settlement"]].append(dict(made))
        if draw.random() < 0.4:
            back = draw.choice((gross, gross // 2, gross // 3))
            fees = {"fee:reverse_shipping_fee": -6_001, "gst_on_fees": -1_080, "tcs": back // 210}
            add(draw.choice(("NEFT-1", "NEFT-2", "NEFT-3")), sale.line_id, "OD", {"refund": -back} | fees)
        if draw.random() < 0.3:
            add("NEFT-3", sale.line_id, "OD", draw.choice((
                {"adjustment": -777}, {"reimbursement": 5_003}, {"protection_fund": gross // 2},
                {"fee:commission": 91, "gst_on_fees": 16}, {"fee:product_cancellation_fee": -5_900},
                {"other:festival bonus": 777},
            )))  # fmt: skip
        if draw.random() < 0.2:
            add("NEFT-2", None, sale.order_ref.rsplit(":", 1)[1], draw.choice((
                {"shipping_paid_by_buyer": 1_000}, {"fee:shipping_fee": -4_001, "gst_on_fees": -721},
            )))  # fmt: skip
    if draw.random() < 0.2:
        add("NEFT-2", "I99", "OD", _sold(draw, 9_999))
    if draw.random() < 0.3:
        add(draw.choice(("NEFT-1", "NEFT-2")), None, None, draw.choice((
            {"fee:ads": -50_000, "gst_on_fees": -9_000}, {"adjustment": -1_234}, {"reimbursement": 333},
        )))  # fmt: skip
    found = []
    begins = draw.choice((0.0, LASTS / 3))
    for settlement, rows in sorted(by.items()):
        comes = begins + draw.random() * draw.choice((5, LASTS / 2, LASTS / 2))
        if settlement == "NEFT-3" and draw.random() < 0.6:
            # What was paid already is taken back.
            comes += LATER
        found.append(Input("file", comes, "", {"rows": rows}))
        if draw.random() < 0.4:
            again = draw.sample(rows, len(rows))
            found.append(Input("file", comes + draw.choice((1, 200)), "", {"rows": again}))
        if draw.random() < 0.3:
            # A file of some of the same days; equal rows stand in it together, as in every file.
            part = [one for one in rows if draw.random() < 0.6 or rows.count(one) > 1]
            more = by.get(draw.choice(sorted(by)), []) if draw.random() < 0.5 else []
            other = [one for one in more if one["settlement"] != settlement]
            if part + other:
                found.append(Input("file", comes - draw.choice((0, 3, -300)), "", {"rows": part + other}))
    return [replace(each, at=max(each.at, 0.0)) for each in found]


def _sold(draw: random.Random, gross: int) -> Row:
    fees = {"fee:commission": -(gross // 50), "fee:fixed_fee": -5_000, "gst_on_fees": -(gross // 280) - 900}
    return {"sale": gross} | fees | draw.choice(({}, {"tcs": -(gross // 210), "tds": -(gross // 1050)}))


def _posted(minutes: int) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


# ── people ───────────────────────────────────────────────────────────────────────────────────────


def _people(draw: random.Random, sales: list[Sale], held: Mapping[str, list[Policy]]) -> list[Input]:
    found: list[Input] = []

    def act(kind: str, at: float, **what: Any) -> None:
        found.append(Input(kind, at, "", what))

    for sale in sales:
        if draw.random() < 0.15:
            until = draw.choice((instant(START + timedelta(hours=draw.randint(1, 30))), UNTIL_FURTHER_NOTICE))
            said = {"order_ref": sale.order_ref, "line_id": sale.line_id}
            at = draw.random() * LASTS
            act("hold", at, **said, until=until, said_at="2026-11-25T04:10:00Z")
            if draw.random() < 0.5:
                act("hold", at + draw.choice((1, 300)), **said, until=None, said_at="2026-11-25T04:20:00Z")
        if draw.random() < 0.15:
            to = draw.choice(GROUPS)
            terms = held[to][0]
            piece = 40_001 if terms["payout_basis"] == "FIXED_PER_PIECE" else None
            fact = Remapped(
                f"M{sale.line_id}", sale.line_id, "2026-11-25T05:00:00Z", "SKUX", to, "GROUP_PACKS",
                terms["payout_basis"], 1, "6214", piece, "asha", "another group's",
            )  # fmt: skip
            act("known", draw.random() * LASTS, order_ref=sale.order_ref, facts=[facts.to_text(fact)])
    for group in GROUPS:
        if draw.random() < 0.25:
            act("resolution", draw.random() * LASTS, group=group, policy=policy(draw, version=2))
        if draw.random() < 0.15:
            # The minutes had been copied wrongly. Its basis stands in the orders and stays.
            right = policy(draw) | {"payout_basis": held[group][0]["payout_basis"]}
            act("resolution", draw.random() * LASTS, group=group, policy=right)
        for number in range(draw.choice((0, 0, 1, 2, 3))):
            batch, at = f"B{number}-{group}", LASTS * draw.random() + draw.choice((0, LATER / 2, LATER, 2 * LATER))
            act("close", at, group=group, batch=batch, minimum=draw.choice((0, 0, 5_000)))
            if draw.random() < 0.8:
                first = draw.choice(("arrived", "arrived", "sent_back"))
                act("bank", at + draw.choice((30, 200)), group=group, batch=batch, result=first)
                if first == "arrived" and draw.random() < 0.4:
                    act("bank", at + draw.choice((300, 400)), group=group, batch=batch, result="came_back")
    for _ in range(draw.choice((0, 0, 1, 3))):
        act("approve", draw.random() * LASTS * 1.2)
    return found
